/**
 * The wait that a server asks for: the `Retry-After` of an HTTP answer or of a refused WebSocket upgrade, or `retry_after` in
 * a body. It is a wish, not an order: it is cut to the policy's `maximumRetryAfter`, so that one wrong number cannot
 * take the bot offline for hours.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Wire from "../internal/Wire.ts"

const seconds = /^\+?(\d+(?:\.\d+)?)(?:\s*,.*)?$/

/** The three forms of an HTTP date: that of today, of RFC 850 and of `asctime`. The last one is in GMT without naming it. */
const httpDates = [
  /^[A-Z][a-z]{2}, (?<day>\d{2}) (?<month>[A-Z][a-z]{2}) (?<year>\d{4}) (?<time>\d{2}:\d{2}:\d{2}) GMT$/,
  /^[A-Z][a-z]{5,8}, (?<day>\d{2})-(?<month>[A-Z][a-z]{2})-(?<year>\d{2}) (?<time>\d{2}:\d{2}:\d{2}) GMT$/,
  /^[A-Z][a-z]{2} (?<month>[A-Z][a-z]{2}) {1,2}(?<day>\d{1,2}) (?<time>\d{2}:\d{2}:\d{2}) (?<year>\d{4})$/
]

/** Epoch milliseconds. */
const readDate = (text: string): number | undefined => {
  for (const form of httpDates) {
    const found = form.exec(text)?.groups
    if (found === undefined) continue
    const { day, month, time, year } = found
    const at = DateTime.make(`${day} ${month} ${year} ${time}Z`)
    return Option.getOrUndefined(Option.map(at, DateTime.toEpochMillis))
  }
  return undefined
}

/**
 * The wait that a value asks for at the moment `now` (epoch milliseconds): a number of seconds, a text of one, or an HTTP
 * date; a `Duration` as it is. Not capped. `undefined` when it cannot be read.
 *
 * Source: RFC 9110 §10.2.3.
 *
 * @since 0.1.0
 * @category decoding
 */
export const parse = (value: unknown, now: number): Duration.Duration | undefined => {
  if (Duration.isDuration(value)) return value
  if (typeof value === "number") return value >= 0 ? Duration.seconds(value) : undefined
  if (typeof value !== "string") return undefined
  const text = value.trim()
  const digits = seconds.exec(text)?.[1]
  if (digits !== undefined) return Duration.seconds(Number(digits))
  const at = readDate(text)
  return at === undefined ? undefined : Duration.millis(Math.max(0, at - now))
}

/**
 * A wait that was asked for, and what is granted of it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Grant {
  /** At most the maximum. */
  readonly wait: Duration.Duration
  /** What to log where less is granted than was asked for. */
  readonly warning: string | undefined
}

/**
 * What is granted of the first value that can be read; `undefined` when there is none.
 *
 * @since 0.1.0
 * @category decoding
 */
export const grant = (values: ReadonlyArray<unknown>, now: number, maximum: Duration.Duration): Grant | undefined => {
  for (const value of values) {
    const asked = parse(value, now)
    if (asked === undefined) continue
    return Duration.greaterThan(asked, maximum)
      ? {
          wait: maximum,
          warning: `the server asks for a wait of ${Math.round(Duration.toSeconds(asked))} s; ${Duration.format(maximum)} is granted`
        }
      : { wait: asked, warning: undefined }
  }
  return undefined
}

/**
 * The wait that an error brings with it; zero where it asks for none.
 *
 * @since 0.1.0
 * @category lookups
 */
export const askedBy = (error: object): Duration.Duration =>
  "retryAfter" in error && Duration.isDuration(error.retryAfter) ? error.retryAfter : Duration.zero

/**
 * The wait that an answer asks for by its `Retry-After` header or else by `retry_after` in its body, at most `maximum`; a
 * longer one is warned about. `undefined` when it asks for none that can be read.
 *
 * @since 0.1.0
 * @category decoding
 */
export const ofAnswer = (
  headers: Readonly<Record<string, string | undefined>>,
  body: Readonly<Record<string, unknown>> | undefined,
  maximum: Duration.Duration
): Effect.Effect<Duration.Duration | undefined> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => {
    const inner = Wire.field(body?.["data"], "retry_after")
    const granted = grant([headers["retry-after"], body?.["retry_after"], inner], now, maximum)
    return granted?.warning === undefined
      ? Effect.succeed(granted?.wait)
      : Effect.as(Effect.logWarning(granted.warning), granted.wait)
  })
