/**
 * Time for measuring how long something took. The wall clock can be set while a process runs; this one only goes forward.
 *
 * Its values are in milliseconds and have no meaning outside of the process: what is stored, or compared with a time of
 * another machine, is in epoch milliseconds of the wall clock.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

/**
 * The monotonic time of a clock in milliseconds, for code that has to be synchronous.
 *
 * @since 0.1.0
 * @category accessors
 */
export const unsafeNow = (clock: Clock.Clock): number => Number(clock.unsafeCurrentTimeNanos() / 1_000_000n)

/**
 * The monotonic time in milliseconds.
 *
 * @since 0.1.0
 * @category accessors
 */
export const now: Effect.Effect<number> = Effect.clockWith((clock) => Effect.sync(() => unsafeNow(clock)))
