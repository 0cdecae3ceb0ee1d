/**
 * What is done about an event: dropped as a duplicate, settled because nothing handles it, given to what waits for it, or
 * put into the queue of its conversation.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Metric from "effect/Metric"
import type * as MetricLabel from "effect/MetricLabel"
import * as Event from "../events/Event.ts"
import * as Facts from "../events/Facts.ts"
import * as Intents from "../gateway/Intents.ts"
import type { ConversationQueues } from "./ConversationQueues.ts"
import * as Deduplication from "./Deduplication.ts"
import * as DeliveryMetrics from "./DeliveryMetrics.ts"
import type { DeliveryPolicy } from "./DeliveryPolicy.ts"
import type { Dialogue } from "./Dialogue.ts"
import type { Handler } from "./Handlers.ts"
import type { Routed, Work } from "./Work.ts"

/**
 * What {@link make} takes.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly policy: DeliveryPolicy
  readonly handlers: ReadonlyArray<Handler>
  readonly queues: ConversationQueues<Routed>
  readonly deduplication: Deduplication.Deduplication
  readonly dialogue: Dialogue
  readonly settle: (work: Routed) => void
  /** Called with each event for which handlers will run, before they do. Synchronous. */
  readonly received: ((event: Event.Event, handlers: ReadonlyArray<Handler>) => void) | undefined
}

/**
 * What {@link make} gives.
 *
 * @since 0.1.0
 * @category models
 */
export interface Router {
  /** Routes events in the order in which they were received. `after` runs after each batch of them. */
  readonly routeAll: (works: ReadonlyArray<Work>, after: Effect.Effect<void>) => Effect.Effect<void>
  /** Removes an event that a full inbox dropped: an event that waits holds memory, and there may be any number of them. */
  readonly dropped: (work: Work) => void
  /** Calls `look` with every event that is received, until the function that is returned is called. */
  readonly observe: (look: (event: Event.Event) => void) => () => void
}

/** An event type of the wire. */
interface Kind {
  readonly type: string
  readonly handlers: ReadonlyArray<Handler>
  readonly received: Metric.Metric.Counter<number>
}

/** Events routed before other fibers get their turn. */
const batch = 256

/** Maximum number of unknown event types cached. */
const unknownTypesCached = 64

const none: ReadonlyArray<Handler> = []

const noTags: ReadonlyArray<MetricLabel.MetricLabel> = []

/** The event type as handlers name it. */
const handledAs = (type: string): string => (Event.isKnown(type) ? type : "Unknown")

/** The kinds of events, by their type on the wire. A hostile wire makes no more counters than there are known types. */
const makeKinds = (handlers: ReadonlyArray<Handler>) => {
  const byType = new Map<string, ReadonlyArray<Handler>>()
  for (const handler of handlers) {
    for (const type of handler.types) byType.set(type, [...(byType.get(type) ?? none), handler])
  }
  const receivedUnknown = DeliveryMetrics.eventsReceived("Unknown")
  const kinds = new Map<string, Kind>()
  let unknownTypes = 0
  const make = (type: string): Kind => {
    const isCounted = Event.isKnown(type) || Intents.forEventTypes([type]) !== Intents.none
    const kind: Kind = {
      type,
      handlers: byType.get(handledAs(type)) ?? none,
      received: isCounted ? DeliveryMetrics.eventsReceived(type) : receivedUnknown
    }
    if (isCounted || ++unknownTypes <= unknownTypesCached) kinds.set(type, kind)
    return kind
  }
  return {
    gap: {
      type: "Gap",
      handlers: byType.get("Gap") ?? none,
      received: DeliveryMetrics.eventsReceived("Gap")
    } satisfies Kind,
    of: (type: string): Kind => kinds.get(type) ?? make(type)
  }
}

const malformed = ({ frame }: Work): Effect.Effect<void> =>
  Effect.suspend(() => {
    DeliveryMetrics.eventsMalformed.unsafeUpdate(1, [])
    return Effect.logWarning(`an event could not be decoded: ${frame.t}`)
  })

/**
 * A router to these handlers.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Router => {
  const { deduplication, dialogue, policy, queues, received, settle } = options
  const kinds = makeKinds(options.handlers)
  const observers = new Set<(event: Event.Event) => void>()

  const isUnwanted = ({ handlers }: Kind): boolean =>
    handlers.length === 0 && observers.size === 0 && !dialogue.isAwaiting()

  /** `false`: this very event was received before. */
  const identify = (work: Work, { handlers, type }: Kind): boolean => {
    work.type = type
    work.handlers = handlers
    const { frame, id, inbox, namespace } = work
    if (id === undefined) return true
    const identity = deduplication.receive(inbox, id, type, frame.s ?? 0, namespace)
    if (identity === undefined) return false
    work.identity = identity
    // a handler sees a message once, whichever twin brings it
    const seen = Deduplication.before(identity, type)
    if (seen.length === 0) return true
    const seenAs = new Set(seen.map(handledAs))
    work.isTwin = true
    work.handlers = handlers.filter((handler) => !handler.types.some((handled) => seenAs.has(handled)))
    return true
  }

  const deliver = (work: Routed): void => {
    for (const look of observers) look(work.event)
    if (dialogue.offer(work)) return
    if (work.handlers.length === 0) return settle(work)
    if (work.handlers.length > 1) work.over = new Set()
    received?.(work.event, work.handlers)
    queues.add(work)
  }

  /** Most of it is done at once; an effect is what remains to be done. */
  const route = (work: Work): Effect.Effect<void> | undefined => {
    if (work.settled) return undefined
    const kind = work.event === undefined ? kinds.of(work.frame.t ?? "") : kinds.gap
    kind.received.unsafeUpdate(1, noTags)
    if (!isUnwanted(kind)) Facts.read(work.frame, work)
    if (isUnwanted(kind) || (work.isByBot && !policy.messagesByBots)) {
      work.inbox.settle(work)
      return undefined
    }
    const event = work.event === undefined ? Event.decode(work.frame) : Either.right(work.event)
    if (Either.isLeft(event)) {
      work.inbox.settle(work)
      return malformed(work)
    }
    if (!identify(work, kind)) {
      DeliveryMetrics.eventsDuplicated.unsafeUpdate(1, [])
      work.inbox.settle(work)
      return undefined
    }
    work.event = event.right
    deliver(work as Routed)
    return undefined
  }

  return {
    routeAll: (works, after) => {
      let index = 0
      return Effect.whileLoop({
        while: () => index < works.length,
        body: () => {
          let rest = after
          const end = Math.min(index + batch, works.length)
          while (index < end) {
            const work = works[index++]
            const effect = work === undefined ? undefined : route(work)
            if (effect !== undefined) rest = Effect.zipRight(effect, rest)
          }
          return index < works.length ? Effect.zipRight(rest, Effect.yieldNow()) : rest
        },
        step: () => undefined
      })
    },
    // an event that is not in its queue yet is settled, and so is not routed
    dropped: (work) => {
      if (work.event === undefined) return
      const routed = work as Routed
      if (queues.remove(routed)) settle(routed)
    },
    observe: (look) => {
      observers.add(look)
      return () => {
        observers.delete(look)
      }
    }
  }
}
