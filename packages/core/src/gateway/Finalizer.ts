/**
 * Waiting while something is released.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Option from "effect/Option"

/**
 * Runs an effect for at most `duration`; `None` when the time was up. For finalizers: a time-out there would be cut short by
 * a second interruption, as the end of a parent is, which reaches the children of a fiber even while it cleans up. The
 * effect therefore runs in a fiber without a parent, and the wait for it cannot be interrupted.
 *
 * @since 0.1.0
 * @category combinators
 */
export const timeout = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  duration: Duration.DurationInput
): Effect.Effect<Option.Option<A>, E, R> =>
  effect.pipe(
    Effect.disconnect,
    Effect.timeoutOption(duration),
    Effect.interruptible,
    Effect.forkDaemon,
    Effect.flatMap(Fiber.join),
    Effect.uninterruptible
  )
