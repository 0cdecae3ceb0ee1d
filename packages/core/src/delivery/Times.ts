/**
 * The two clocks of delivery: the monotonic one measures, for a wall clock that is set must not end a handler; the wall clock
 * says when an event was settled, across restarts.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"

/**
 * Readings of both clocks, in milliseconds.
 *
 * @since 0.1.0
 * @category models
 */
export interface Times {
  readonly monotonic: () => number
  /** Since 1970. */
  readonly wall: () => number
  /** The wall clock at a moment of the monotonic one, which is now: read again only once a millisecond has passed. */
  readonly wallAt: (monotonic: number) => number
}

/**
 * Reads a clock.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (clock: Clock.Clock): Times => {
  const wall = (): number => clock.unsafeCurrentTimeMillis()
  let readAt = Number.NEGATIVE_INFINITY
  let last = 0
  return {
    monotonic: () => Number(clock.unsafeCurrentTimeNanos()) / 1e6,
    wall,
    wallAt: (monotonic) => {
      if (monotonic - readAt < 1) return last
      readAt = monotonic
      last = wall()
      return last
    }
  }
}
