/**
 * The metrics of the gateway side, by name, in one place.
 *
 * @since 0.1.0
 */
import * as Metric from "effect/Metric"
import * as MetricBoundaries from "effect/MetricBoundaries"

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
