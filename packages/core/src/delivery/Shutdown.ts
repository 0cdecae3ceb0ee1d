/**
 * How delivery ends: first it is drained, while sessions are still up, then the scope of its workers is closed.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Finalizer from "../gateway/Finalizer.ts"
import { stopTimeout } from "./Deadlines.ts"
import type { Inbox } from "./Inbox.ts"
import type { Workers } from "./Workers.ts"

/**
 * The scope of the workers. Added before whatever is added later, such as a finalizer that drains, and so closed after it;
 * what does not end then is left behind.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeScope = (onClose: () => void): Effect.Effect<Scope.CloseableScope, never, Scope.Scope> =>
  Effect.tap(Scope.make(ExecutionStrategy.parallel), (scope) =>
    Effect.addFinalizer((exit) =>
      Effect.suspend(() => {
        onClose()
        return Finalizer.timeout(Scope.close(scope, exit), stopTimeout)
      }).pipe(
        Effect.flatMap((closed) =>
          Option.isSome(closed) ? Effect.void : Effect.logWarning("handlers that cannot be stopped were left behind")
        )
      )
    )
  )

/**
 * Takes no more events, begins no more handlers, and waits until those that run have ended, for so long at most.
 *
 * @since 0.1.0
 * @category running
 */
export const drain = (
  inboxes: ReadonlyArray<Inbox>,
  pools: ReadonlyArray<Workers>,
  timeout: Duration.Duration
): Effect.Effect<void> =>
  Effect.suspend(() => {
    for (const inbox of inboxes) inbox.close()
    // a handler of one pool may bring work to another
    const awaitIdle = Effect.forEach(pools, (workers) => workers.awaitIdle, { discard: true }).pipe(
      Effect.repeat({ until: () => pools.every((workers) => workers.isIdle) })
    )
    // what has just arrived is given its worker first
    const ended = Effect.zipRight(Effect.yieldNow(), awaitIdle)
    const stop = Effect.forEach(pools, (workers) => workers.stop, { discard: true })
    return Effect.zipRight(stop, Finalizer.timeout(ended, timeout))
  }).pipe(
    Effect.flatMap((ended) =>
      Option.isSome(ended)
        ? Effect.void
        : Effect.logWarning(`handlers were still running after ${Duration.format(timeout)}`)
    )
  )
