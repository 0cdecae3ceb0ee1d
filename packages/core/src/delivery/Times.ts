/**
 * The clocks of delivery. The monotonic one measures, for a wall clock that is set must not end a handler. The steady one
 * says when an event was settled: the wall clock as it was when delivery began, which setting it does not move, so that what
 * is settled is remembered for as long as ever. What is stored for another process has the time of the wall clock.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Monotonic from "../internal/Monotonic.ts"

/**
 * Readings of the clocks, in milliseconds.
 *
 * @since 0.1.0
 * @category models
 */
export interface Times {
  readonly monotonic: () => number
  /** Since 1970. */
  readonly wall: () => number
  /** Since 1970. */
  readonly steady: () => number
  /** The steady clock at a moment of the monotonic one, without another reading. */
  readonly steadyAt: (monotonic: number) => number
}

/**
 * Reads a clock.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (clock: Clock.Clock): Times => {
  const wall = (): number => clock.unsafeCurrentTimeMillis()
  const monotonic = (): number => Monotonic.unsafeExactMillis(clock)
  const origin = wall() - monotonic()
  const steadyAt = (at: number): number => Math.round(origin + at)
  return { monotonic, wall, steady: () => steadyAt(monotonic()), steadyAt }
}
