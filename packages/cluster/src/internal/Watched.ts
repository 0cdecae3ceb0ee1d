/**
 * Handlers of a bot that is suspect: what they handle is noted in the store before they begin, so that an event which ends
 * the process is known afterwards. One event at a time is handled, as long as that does not take long, so that those beside
 * it are not taken for it. Handlers of other bots are not touched.
 *
 * @since 0.1.0
 */
import { Event, Gateway } from "@effect-qq/core"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import type { StoreUnavailable } from "../ClusterStore.ts"
import type * as Quarantine from "../Quarantine.ts"

/** How long an event is handled alone; what ends a process seldom takes longer. */
const alone = Duration.seconds(2)

/** The key under which a stored session knows an event, as `Deduplication` writes it. */
const handledOf = ({ envelope, t }: Event.Event): Quarantine.Handled | undefined => {
  const key = Event.identityKey(envelope)
  return key === undefined ? undefined : { key: `${key} ${t}`, seq: envelope.s ?? 0 }
}

/**
 * The same handlers, with a note of what they handle.
 *
 * @since 0.1.0
 * @category combinators
 */
export const watch = <E, R>(
  handlers: Layer.Layer<never, E, R>,
  note: (handled: ReadonlyArray<Quarantine.Handled>) => Effect.Effect<void, StoreUnavailable>
): Layer.Layer<never, E, R | Gateway.HandlerRegistry> => {
  const running = new Set<Quarantine.Handled>()
  const writing = Effect.unsafeMakeSemaphore(1)
  const turns = Effect.unsafeMakeSemaphore(1)
  // one after another: an older note must not replace a newer one
  const tell = writing
    .withPermits(1)(Effect.suspend(() => note([...running])))
    .pipe(
      // a store that is away must not keep a bot from answering
      Effect.catchAll((error) =>
        Effect.logWarning(
          `the events in progress were not stored: ${error.message}; a crash now counts against no event`
        )
      )
    )
  const around = (event: Event.Event, run: Effect.Effect<void>): Effect.Effect<void> =>
    Effect.suspend(() => {
      const handled = handledOf(event)
      if (handled === undefined) return run
      return Effect.scoped(
        Effect.gen(function* () {
          const turn = yield* Scope.make()
          yield* Effect.addFinalizer(() => Scope.close(turn, Exit.void))
          yield* Scope.extend(
            Effect.acquireRelease(Effect.interruptible(turns.take(1)), () => turns.release(1)),
            turn
          )
          yield* Effect.forkScoped(Effect.delay(Scope.close(turn, Exit.void), alone))
          yield* Effect.acquireRelease(
            Effect.sync(() => running.add(handled)),
            () =>
              Effect.suspend(() => {
                running.delete(handled)
                return Effect.asVoid(Effect.forkDaemon(tell))
              })
          )
          yield* tell
          yield* run
        })
      )
    })
  return Layer.provide(
    handlers,
    Layer.effect(
      Gateway.HandlerRegistry,
      Effect.map(Gateway.HandlerRegistry, (registry) => ({
        ...registry,
        register: (handler) =>
          registry.register({
            ...handler,
            // run as a whole, so that nothing happens before the note
            direct: undefined,
            run: (event, name) =>
              around(
                event,
                Effect.suspend(() => handler.run(event, name))
              )
          })
      }))
    )
  ) as Layer.Layer<never, E, R | Gateway.HandlerRegistry>
}
