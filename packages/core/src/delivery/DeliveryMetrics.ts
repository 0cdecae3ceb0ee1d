/**
 * The metrics of delivery, by name, in one place.
 *
 * @since 0.1.0
 */
import * as Metric from "effect/Metric"
import * as MetricBoundaries from "effect/MetricBoundaries"
import * as MetricKey from "effect/MetricKey"
import type * as GatewayMetrics from "../gateway/GatewayMetrics.ts"
import * as MetricSeries from "../openapi/MetricSeries.ts"

const counter = (name: string, description: string): Metric.Metric.Counter<number> =>
  Metric.counter(name, { description, incremental: true })

/**
 * Events that handlers were run for.
 *
 * @since 0.1.0
 * @category metrics
 */
export const eventsHandled: Metric.Metric.Counter<number> = counter(
  "qq_events_handled",
  "Events that handlers were run for"
)

/**
 * Events that were dropped because the same one had been received before.
 *
 * @since 0.1.0
 * @category metrics
 */
export const eventsDuplicated: Metric.Metric.Counter<number> = counter(
  "qq_events_duplicated",
  "Events that were dropped because the same one had been received before"
)

/**
 * Events of a known type whose payload lacked what every event of that type has.
 *
 * @since 0.1.0
 * @category metrics
 */
export const eventsMalformed: Metric.Metric.Counter<number> = counter(
  "qq_events_malformed",
  "Events of a known type that could not be decoded"
)

/**
 * Events that a full inbox dropped.
 *
 * @since 0.1.0
 * @category metrics
 */
export const eventsDropped: Metric.Metric.Counter<number> = counter(
  "qq_events_dropped",
  "Events that a full inbox dropped"
)

/**
 * Runs of handlers that failed, died, timed out or interrupted themselves.
 *
 * @since 0.1.0
 * @category metrics
 */
export const handlersFailed: Metric.Metric.Counter<number> = counter(
  "qq_handlers_failed",
  "Runs of handlers that failed, died, timed out or interrupted themselves"
)

/**
 * Interactions that could not be acknowledged in time.
 *
 * @since 0.1.0
 * @category metrics
 */
export const acknowledgementsFailed: Metric.Metric.Counter<number> = counter(
  "qq_acknowledgements_failed",
  "Interactions that could not be acknowledged in time"
)

const received = MetricKey.counter("qq_events_received", {
  description: "Events that were received, by type",
  incremental: true
})

/**
 * Events that were received, duplicates included, with the label `type`: as on the wire where an intent or a schema is known
 * for it, else `Unknown`; and `Gap`.
 *
 * @since 0.1.0
 * @category metrics
 */
export const eventsReceived = (type: string): Metric.Metric.Counter<number> => MetricSeries.make(received, { type })

const duration = MetricKey.histogram(
  "qq_handler_duration_ms",
  MetricBoundaries.exponential({ start: 0.25, factor: 4, count: 12 }),
  "Milliseconds that the handlers of one event took"
)

/**
 * How long, in milliseconds, the handlers of one event took together, with the label `type`: that of the event as handlers
 * name it.
 *
 * @since 0.1.0
 * @category metrics
 */
export const handlerDuration = (type: string): Metric.Metric.Histogram<number> => MetricSeries.make(duration, { type })

const depth = MetricKey.gauge("qq_inbox_depth", { description: "Events that are received and not settled" })

/**
 * Events that are received and not settled, with the labels `app` and `shard`.
 *
 * @since 0.1.0
 * @category metrics
 */
export const inboxDepth = ({ app, shard }: GatewayMetrics.Labels): Metric.Metric.Gauge<number> =>
  MetricSeries.make(depth, { app, shard })

const lag = MetricKey.gauge("qq_watermark_lag", {
  description: "Sequence numbers between the last event received and the last one up to which all are settled"
})

/**
 * Sequence numbers between the last event that was received and the last one up to which all are settled: what a restart
 * would have replayed. With the labels `app` and `shard`.
 *
 * @since 0.1.0
 * @category metrics
 */
export const watermarkLag = ({ app, shard }: GatewayMetrics.Labels): Metric.Metric.Gauge<number> =>
  MetricSeries.make(lag, { app, shard })
