/**
 * A wall clock that can be set while a program runs, as by NTP or by hand: monotonic time and sleeps do not notice.
 *
 * `VirtualTime` has such a clock. Any other, such as `TestClock`, becomes one by {@link steppable}.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

/**
 * A clock whose wall time can be moved away from its monotonic time.
 *
 * @since 0.1.0
 * @category models
 */
export interface WallClock extends Clock.Clock {
  /** Moves the wall time by this many milliseconds; a negative number sets it back. */
  readonly unsafeStep: (millis: number) => void
}

const isWallClock = (clock: Clock.Clock): clock is WallClock => "unsafeStep" in clock

/**
 * A clock on another one, from which its wall time starts; monotonic time and sleeps are those of the other one.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (clock: Clock.Clock): WallClock => {
  let offset = 0
  const unsafeCurrentTimeMillis = (): number => clock.unsafeCurrentTimeMillis() + offset
  // what else the other clock can do, as `TestClock` can be adjusted, this one can too
  return Object.assign(Object.create(clock) as Clock.Clock, {
    [Clock.ClockTypeId]: Clock.ClockTypeId as Clock.ClockTypeId,
    unsafeCurrentTimeMillis,
    currentTimeMillis: Effect.sync(unsafeCurrentTimeMillis),
    unsafeCurrentTimeNanos: () => clock.unsafeCurrentTimeNanos(),
    currentTimeNanos: clock.currentTimeNanos,
    sleep: (duration: Duration.Duration) => clock.sleep(duration),
    unsafeStep: (millis: number) => {
      offset += millis
    }
  })
}

/**
 * Runs an effect with a wall clock that can be set. Services keep the clock with which they were made, so their layers
 * have to be provided inside.
 *
 * @since 0.1.0
 * @category combinators
 */
export const steppable = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.clockWith((clock) => Effect.withClock(effect, make(clock)))

/**
 * Moves the wall clock by this many milliseconds; a negative number sets it back. Dies where the clock cannot be set: the
 * program runs neither under `VirtualTime` nor inside {@link steppable}.
 *
 * @since 0.1.0
 * @category combinators
 */
export const step = (millis: number): Effect.Effect<void> =>
  Effect.clockWith((clock) =>
    isWallClock(clock)
      ? Effect.sync(() => clock.unsafeStep(millis))
      : Effect.dieMessage("the clock cannot be set; run the program under VirtualTime or inside WallClock.steppable")
  )
