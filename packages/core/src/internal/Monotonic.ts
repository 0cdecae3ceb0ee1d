/**
 * The monotonic clock, for everything that measures how long something took: the wall clock may be set at any moment.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

/**
 * Monotonic milliseconds of a clock with their fractions, for what is added up or compared with another reading: rounding each
 * would lose up to a millisecond a time.
 *
 * @since 0.1.0
 * @category lookups
 */
export const unsafeExactMillis = (clock: Clock.Clock): number => Number(clock.unsafeCurrentTimeNanos()) / 1e6

/**
 * Whole monotonic milliseconds of a clock. They mean nothing outside of this process.
 *
 * @since 0.1.0
 * @category lookups
 */
export const unsafeMillis = (clock: Clock.Clock): number => Math.floor(unsafeExactMillis(clock))

/**
 * Whole monotonic milliseconds.
 *
 * @since 0.1.0
 * @category lookups
 */
export const millis: Effect.Effect<number> = Effect.clockWith((clock) => Effect.sync(() => unsafeMillis(clock)))

/**
 * Whole monotonic milliseconds, rounded up: nothing that is measured from here is a part of a millisecond short.
 *
 * @since 0.1.0
 * @category lookups
 */
export const millisUp: Effect.Effect<number> = Effect.clockWith((clock) =>
  Effect.sync(() => Math.ceil(unsafeExactMillis(clock)))
)
