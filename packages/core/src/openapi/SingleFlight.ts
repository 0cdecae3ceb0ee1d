/**
 * One run of an effect at a time, shared by everyone who asks for it while it lasts.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import type * as Scope from "effect/Scope"

/**
 * The effect of starting `run`, or joining the run that is under way, and waiting for its end.
 *
 * A run lives in a fiber of the scope in which this was made, so a caller that is interrupted leaves without ending it
 * for the others. When that scope closes, the run and everyone who waits for it are interrupted.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <A, E>(run: Effect.Effect<A, E>): Effect.Effect<Effect.Effect<A, E>, never, Scope.Scope> =>
  Effect.map(Effect.scope, (scope) => {
    let current: Deferred.Deferred<A, E> | undefined
    return Effect.uninterruptibleMask((restore) =>
      Effect.suspend(() => {
        if (current !== undefined) return restore(Deferred.await(current))
        const flight = Deferred.unsafeMake<A, E>(FiberId.none)
        current = flight
        return Effect.interruptible(run).pipe(
          Effect.onExit((exit) =>
            Effect.sync(() => {
              current = undefined
              Deferred.unsafeDone(flight, exit)
            })
          ),
          Effect.forkIn(scope),
          Effect.zipRight(restore(Deferred.await(flight)))
        )
      })
    )
  })
