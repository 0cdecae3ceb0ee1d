/**
 * The monotonic clock, for everything that measures how long something took: the wall clock may be set at any moment.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

/**
 * Monotonic milliseconds of a clock. Only differences mean something.
 *
 * @since 0.1.0
 * @category lookups
 */
export const unsafeMillis = (clock: Clock.Clock): number => Number(clock.unsafeCurrentTimeNanos()) / 1e6

/**
 * Monotonic milliseconds.
 *
 * @since 0.1.0
 * @category lookups
 */
export const millis: Effect.Effect<number> = Effect.map(Clock.currentTimeNanos, (nanos) => Number(nanos) / 1e6)
