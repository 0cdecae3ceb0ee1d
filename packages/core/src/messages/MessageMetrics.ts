/**
 * The metrics of sending.
 *
 * @since 0.1.0
 */
import * as Metric from "effect/Metric"
import * as MetricBoundaries from "effect/MetricBoundaries"
import * as MetricKey from "effect/MetricKey"
import * as ErrorCode from "../openapi/ErrorCode.ts"
import * as MetricSeries from "../openapi/MetricSeries.ts"

const sent = MetricKey.counter("qq_messages_sent", {
  description: "Messages by outcome and the platform's code",
  incremental: true
})

/** Only codes of the table become labels, which bounds their number. */
const codeLabel = (code: number | undefined): string => {
  if (code === undefined) return "none"
  return ErrorCode.lookup(code) === undefined ? "other" : String(code)
}

/**
 * Messages, with the labels `outcome`: `passive`, `proactive`, the tag of the error, or `Source` where
 * the text of a stream failed; and `code`: the platform's code of a
 * refusal, `other` for one that is in no table, `none` where there is none.
 *
 * @since 0.1.0
 * @category metrics
 */
export const messagesSent = (outcome: string, code?: number): Metric.Metric.Counter<number> =>
  MetricSeries.make(sent, { outcome, code: codeLabel(code) })

/**
 * Replies that a message has left after one was sent, as often as one was. Scenes that do not count replies are left out.
 *
 * @since 0.1.0
 * @category metrics
 */
export const repliesLeft: Metric.Metric.Histogram<number> = Metric.histogram(
  "qq_replies_left",
  MetricBoundaries.linear({ start: 0, width: 1, count: 6 }),
  "Replies that a message has left after one was sent"
)
