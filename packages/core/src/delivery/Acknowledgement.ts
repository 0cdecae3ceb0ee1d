/**
 * Tells the platform that an interaction was received. It waits for 3 s, and the user's client spins until then; so it is
 * told when the interaction comes in, before any handler runs, and each interaction once.
 *
 * Only the callbacks of buttons (type 11) and the quick menu (type 12) are to be acknowledged.
 *
 * Source: `interaction_create` and the overview of interactions of the platform's documentation of 2026.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Mailbox from "effect/Mailbox"
import type * as Scope from "effect/Scope"
import type { BotConfig } from "../BotConfig.ts"
import type * as Event from "../events/Event.ts"
import * as Interaction from "../events/Interaction.ts"
import * as Interactions from "../openapi/Interactions.ts"
import type { OpenApi } from "../openapi/OpenApi.ts"
import * as DeliveryMetrics from "./DeliveryMetrics.ts"
import type * as Handlers from "./Handlers.ts"

/**
 * What {@link make} gives.
 *
 * @since 0.1.0
 * @category models
 */
export interface Acknowledgement {
  /** Takes note of an event and of who will handle it. Synchronous; never throws. */
  readonly received: (
    event: Event.Event,
    handlers: ReadonlyArray<{ readonly acknowledge?: Handlers.Acknowledge | undefined }>
  ) => void
}

/** Maximum number of interactions that wait to be acknowledged; more could not be in time anyway. */
const capacity = 256

/** Maximum number of acknowledgements in flight. */
const concurrency = 16

interface Waiting {
  readonly id: string
  readonly outcome: Interactions.Outcome
}

/** The first outcome that one of the handlers names; "ok" where none does, `undefined` where one acknowledges by itself. */
const outcomeOf = (
  event: Event.InteractionCreate,
  now: number,
  handlers: ReadonlyArray<{ readonly acknowledge?: Handlers.Acknowledge | undefined }>
): Interactions.Outcome | undefined => {
  let outcome: Interactions.Outcome | undefined
  for (const { acknowledge } of handlers) {
    if (acknowledge === false) return undefined
    if (typeof acknowledge !== "function") continue
    try {
      outcome ??= acknowledge(event, now)
    } catch {
      // code of the program: its handler runs all the same, and meets the same defect
    }
  }
  return outcome ?? "ok"
}

/**
 * Acknowledges interactions for as long as the scope is open. What cannot be told in time is logged and counted: the
 * handlers run all the same.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<Acknowledgement, never, BotConfig | OpenApi | Scope.Scope> = Effect.gen(function* () {
  const services = yield* Effect.context<BotConfig | OpenApi>()
  const clock = yield* Effect.clock
  const waiting = yield* Mailbox.make<Waiting>({ capacity, strategy: "dropping" })

  const failed = (detail: string): Effect.Effect<void> =>
    Effect.suspend(() => {
      DeliveryMetrics.acknowledgementsFailed.unsafeUpdate(1, [])
      return Effect.logWarning(`an interaction was not acknowledged: ${detail}`)
    })

  const tell = ({ id, outcome }: Waiting): Effect.Effect<void> =>
    Effect.matchEffect(Effect.provide(Interactions.acknowledge(id, outcome), services), {
      onFailure: (error) => failed(error.message),
      onSuccess: () => Effect.void
    })

  const places = yield* Effect.makeSemaphore(concurrency)
  /** One fiber waits for interactions; each acknowledgement has a fiber of its own while it is in flight. */
  const next = Effect.flatMap(waiting.take, (next) =>
    Effect.zipRight(places.take(1), Effect.fork(Effect.ensuring(tell(next), places.release(1))))
  )
  yield* Effect.forkScoped(Effect.catchAll(Effect.forever(next), () => Effect.never))

  return {
    received: (event, handlers) => {
      if (event.t !== "INTERACTION_CREATE" || !Interaction.wantsAcknowledgement(event)) return
      const outcome = event.id === "" ? undefined : outcomeOf(event, clock.unsafeCurrentTimeMillis(), handlers)
      if (outcome === undefined) return
      if (!waiting.unsafeOffer({ id: event.id, outcome })) DeliveryMetrics.acknowledgementsFailed.unsafeUpdate(1, [])
    }
  }
})
