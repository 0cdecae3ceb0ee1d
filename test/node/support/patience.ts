/** Waiting on real time without guessing how long something takes. */
import * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"

/** Ends a test that waits for something that does not come, saying for what, and how things are. */
export const within =
  (limit: Duration.DurationInput, what: string, details: () => string = () => "") =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.timeoutFailCause(effect, {
      duration: limit,
      onTimeout: () => Cause.die(new Error(`waited in vain for ${what}\n${details()}`))
    })

/** Looks until it is so; for what tells nobody that it has changed. */
export const eventually = (
  what: string,
  isSo: () => boolean,
  details?: () => string,
  limit: Duration.DurationInput = "15 seconds"
): Effect.Effect<void> =>
  Effect.sync(isSo).pipe(
    Effect.repeat({ until: (so) => so, schedule: Schedule.spaced("10 millis") }),
    Effect.asVoid,
    within(limit, what, details)
  )
