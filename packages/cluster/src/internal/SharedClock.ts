/**
 * The clock of a bot: the wall clock of the store when the bot was claimed, moved on by the monotonic clock of this process.
 * What a bot stores for its next owner (when a message came, when a session began) thus means the same on every machine,
 * however wrong the wall clock of one of them is, and a clock that is set meanwhile ends no reply window.
 *
 * It is late by less than the claim took. A machine that sleeps stops it; the lease is over by then, and the next claim gives
 * another clock.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

/**
 * A clock whose wall time is `now`, in epoch milliseconds, at this moment. Sleeps and the monotonic time are those of `clock`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (clock: Clock.Clock, now: number): Clock.Clock => {
  const monotonic = (): number => Number(clock.unsafeCurrentTimeNanos()) / 1e6
  const origin = now - monotonic()
  const millis = (): number => Math.round(origin + monotonic())
  return {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis: millis,
    unsafeCurrentTimeNanos: () => clock.unsafeCurrentTimeNanos(),
    currentTimeMillis: Effect.sync(millis),
    currentTimeNanos: clock.currentTimeNanos,
    sleep: (duration) => clock.sleep(duration)
  }
}
