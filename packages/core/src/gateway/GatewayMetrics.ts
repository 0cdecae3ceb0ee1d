/**
 * The metrics of the gateway side, by name, in one place.
 *
 * @since 0.1.0
 */
import * as Metric from "effect/Metric"
import * as MetricBoundaries from "effect/MetricBoundaries"
import * as MetricKey from "effect/MetricKey"
import * as MetricSeries from "../openapi/MetricSeries.ts"

/**
 * Frames that could not be read, or whose opcode is unknown.
 *
 * @since 0.1.0
 * @category metrics
 */
export const framesRefused: Metric.Metric.Counter<number> = Metric.counter("qq_gateway_frames_refused", {
  description: "Frames that could not be read, or whose opcode is unknown",
  incremental: true
})

/**
 * Round trips of heartbeats, in milliseconds.
 *
 * @since 0.1.0
 * @category metrics
 */
export const roundTrip: Metric.Metric.Histogram<number> = Metric.histogram(
  "qq_gateway_heartbeat_round_trip_ms",
  MetricBoundaries.exponential({ start: 5, factor: 2, count: 12 }),
  "Milliseconds from a heartbeat to its ACK"
)

/**
 * Ends of connections, tagged with `cause`: the tag of the error.
 *
 * @since 0.1.0
 * @category metrics
 */
export const connectionsEnded: Metric.Metric.Counter<number> = Metric.counter("qq_gateway_connections_ended", {
  description: "Ends of connections by cause",
  incremental: true
})

/**
 * Sessions that were resumed.
 *
 * @since 0.1.0
 * @category metrics
 */
export const sessionsResumed: Metric.Metric.Counter<number> = Metric.counter("qq_gateway_sessions_resumed", {
  description: "Sessions that were resumed",
  incremental: true
})

/**
 * Sessions that were made by an identify.
 *
 * @since 0.1.0
 * @category metrics
 */
export const sessionsIdentified: Metric.Metric.Counter<number> = Metric.counter("qq_gateway_sessions_identified", {
  description: "Sessions that were made by an identify",
  incremental: true
})

/**
 * Attempts to resume a session; how many of them succeeded is {@link sessionsResumed}.
 *
 * @since 0.1.0
 * @category metrics
 */
export const resumesAttempted: Metric.Metric.Counter<number> = Metric.counter("qq_gateway_resumes_attempted", {
  description: "Attempts to resume a session",
  incremental: true
})

/**
 * Which shard of which bot a gauge is about.
 *
 * @since 0.1.0
 * @category models
 */
export interface Labels {
  readonly app: string
  /** Index and count, such as `0/1`; `webhook` where events come in without a session. */
  readonly shard: string
}

const state = MetricKey.gauge("qq_gateway_session_state", {
  description: "0 stopped, 1 disconnected, 2 waiting, 3 connecting, 4 greeting, 5 identifying, 6 resuming, 7 ready"
})

/**
 * Where a session is in its life, with the labels `app` and `shard`: 0 stopped, 1 disconnected, 2 waiting, 3 connecting,
 * 4 greeting, 5 identifying, 6 resuming, 7 ready.
 *
 * @since 0.1.0
 * @category metrics
 */
export const sessionState = ({ app, shard }: Labels): Metric.Metric.Gauge<number> =>
  MetricSeries.make(state, { app, shard })

const left = MetricKey.gauge("qq_gateway_identifies_left", {
  description: "Identifies that may still be sent until the platform restores them"
})

/**
 * Identifies that may still be sent, with the label `app`; nothing where the platform does not say.
 *
 * @since 0.1.0
 * @category metrics
 */
export const identifiesLeft = (app: string): Metric.Metric.Gauge<number> => MetricSeries.make(left, { app })
