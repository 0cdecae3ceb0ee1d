/**
 * Handlers of a bot that is suspect: what they handle is noted in the store before they begin, so that an event which ends
 * the process is known afterwards. Handlers of other bots are not touched.
 *
 * @since 0.1.0
 */
import { Event, Gateway } from "@effect-qq/core"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { StoreUnavailable } from "../ClusterStore.ts"
import type * as Quarantine from "../Quarantine.ts"

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
  const turn = Effect.unsafeMakeSemaphore(1)
  // one after another: an older note must not replace a newer one
  const tell = turn
    .withPermits(1)(Effect.suspend(() => note([...running])))
    .pipe(
      // a store that is away must not keep a bot from answering
      Effect.catchAll((error) => Effect.logWarning(`what is handled cannot be noted: ${error.message}`))
    )
  const around = (event: Event.Event, run: Effect.Effect<void>): Effect.Effect<void> =>
    Effect.suspend(() => {
      const handled = handledOf(event)
      if (handled === undefined) return run
      running.add(handled)
      return Effect.ensuring(
        Effect.zipRight(tell, run),
        Effect.suspend(() => {
          running.delete(handled)
          return Effect.asVoid(Effect.forkDaemon(tell))
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
