/**
 * The metrics of delivery, by name, in one place.
 *
 * @since 0.1.0
 */
import * as Metric from "effect/Metric"

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
 * Interactions that the platform could not be told of in time.
 *
 * @since 0.1.0
 * @category metrics
 */
export const acknowledgementsFailed: Metric.Metric.Counter<number> = counter(
  "qq_acknowledgements_failed",
  "Interactions that the platform could not be told of in time"
)
