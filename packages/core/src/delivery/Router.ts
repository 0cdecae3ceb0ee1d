/**
 * What is done about an event: dropped as a duplicate, settled because nothing handles it, given to what waits for it, or
 * put into the queue of its conversation.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Metric from "effect/Metric"
import type * as MetricLabel from "effect/MetricLabel"
import * as ParseResult from "effect/ParseResult"
import * as Event from "../events/Event.ts"
import * as Facts from "../events/Facts.ts"
import * as Scene from "../events/Scene.ts"
import type { Frame } from "../gateway/Frame.ts"
import * as Intents from "../gateway/Intents.ts"
import type { ConversationQueues } from "./ConversationQueues.ts"
import type { Deduplication } from "./Deduplication.ts"
import * as DeliveryMetrics from "./DeliveryMetrics.ts"
import type { DeliveryPolicy } from "./DeliveryPolicy.ts"
import type { Dialogue } from "./Dialogue.ts"
import { type Choice, choose, type Handler } from "./Handlers.ts"
import * as Identity from "./Identity.ts"
import { isInteraction, type Routed, type Work } from "./Work.ts"

/**
 * What {@link make} takes.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly policy: DeliveryPolicy
  readonly handlers: ReadonlyArray<Handler>
  /** The queues of the conversations. */
  readonly queues: ConversationQueues<Routed>
  /** Those of the interactions in them. */
  readonly interactions: ConversationQueues<Routed>
  readonly deduplication: Deduplication
  readonly dialogue: Dialogue
  readonly settle: (work: Routed) => void
  /** Tells handlers which threw when they were asked whether an event is theirs. */
  readonly tellChoosing: (choice: Choice, event: Event.Event) => Effect.Effect<void>
  /** Whether a message is one that this bot sent: it is dropped. */
  readonly isOwn: ((frame: Frame) => boolean) | undefined
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
  readonly scene: Scene.Scene | undefined
  readonly decode: ReturnType<typeof Event.decoderOf>
  readonly handlers: ReadonlyArray<Handler>
  /** Whether one of them has to be asked which events are its own. */
  readonly isChoosy: boolean
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
  const make = (type: string, handlers: ReadonlyArray<Handler>, received: Kind["received"]): Kind => ({
    type,
    scene: Scene.ofMessages.get(type),
    decode: Event.decoderOf(type),
    handlers,
    isChoosy: handlers.some(({ accepts }) => accepts !== undefined),
    received
  })
  const add = (type: string): Kind => {
    const isCounted = Event.isKnown(type) || Intents.forEventTypes([type]) !== Intents.none
    const received = isCounted ? DeliveryMetrics.eventsReceived(type) : receivedUnknown
    const kind = make(type, byType.get(handledAs(type)) ?? none, received)
    if (isCounted || ++unknownTypes <= unknownTypesCached) kinds.set(type, kind)
    return kind
  }
  return {
    gap: make("Gap", byType.get("Gap") ?? none, DeliveryMetrics.eventsReceived("Gap")),
    of: (type: string): Kind => kinds.get(type) ?? add(type)
  }
}

const malformed = ({ frame }: Work): Effect.Effect<void> =>
  Effect.suspend(() => {
    DeliveryMetrics.eventsMalformed.unsafeUpdate(1, [])
    return Effect.logWarning(`an event could not be decoded: ${frame.t}`)
  })

/** Calls `route` with each event and runs what remains to be done; other fibers get their turn between two batches. */
const inBatches = (
  works: ReadonlyArray<Work>,
  route: (work: Work) => Effect.Effect<void> | undefined,
  after: Effect.Effect<void>
): Effect.Effect<void> => {
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
}

/**
 * A router to these handlers.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Router => {
  const { deduplication, dialogue, interactions, isOwn, policy, queues, received, settle } = options
  const kinds = makeKinds(options.handlers)
  const observers = new Set<(event: Event.Event) => void>()

  /** Whether nothing asks for an event without a handler. */
  const isUnwanted = (work: Work): boolean =>
    observers.size === 0 && !dialogue.isAwaiting() && !(isInteraction(work) && queues.has(work))

  const isUnwelcome = ({ frame, isByBot }: Work): boolean =>
    (isByBot && !policy.messagesByBots) || isOwn?.(frame) === true

  /** `false`: this very event was received before. */
  const identify = (work: Work, choice: Choice | undefined): boolean => {
    const { frame, id, inbox, namespace, type } = work
    if (id === undefined) return true
    const identity = deduplication.receive(inbox, id, type, frame.s ?? 0, namespace)
    if (identity === undefined) return false
    work.identity = identity
    const seen = Identity.before(identity, type)
    if (seen.length > 0) excludeSeen(work, identity, new Set(seen.map(handledAs)))
    if (choice !== undefined && choice.declined.length > 0) {
      identity.declined = new Set([...(identity.declined ?? []), ...choice.declined.map(({ name }) => name)])
    }
    return true
  }

  /** A handler sees a message once, whichever twin brings it. */
  const excludeSeen = (work: Work, { declined }: Identity.Identity, seen: ReadonlySet<string>): void => {
    work.isTwin = true
    work.handlers = work.handlers.filter(
      ({ name, types }) => declined?.has(name) === true || !types.some((handled) => seen.has(handled))
    )
  }

  const deliver = (work: Routed): void => {
    for (const look of observers) look(work.event)
    if (dialogue.offer(work)) {
      // what waits for an event in place of its handlers leaves the acknowledgement to delivery
      received?.(work.event, none)
    } else if (work.handlers.length === 0) {
      const givenUp = isInteraction(work) ? queues.keepUnclaimed(work, policy.unclaimedInteractions) : undefined
      if (givenUp === undefined) return settle(work)
      givenUp.forEach(settle)
      received?.(work.event, none)
    } else {
      if (work.handlers.length > 1) work.over = new Set()
      received?.(work.event, work.handlers)
      queuesFor(work).add(work)
    }
  }

  const queuesFor = (work: Work): ConversationQueues<Routed> => (isInteraction(work) ? interactions : queues)

  /** Most of it is done at once; an effect is what remains to be done. */
  const route = (work: Work): Effect.Effect<void> | undefined => {
    if (work.settled) return undefined
    const kind = work.event === undefined ? kinds.of(work.frame.t ?? "") : kinds.gap
    kind.received.unsafeUpdate(1, noTags)
    work.type = kind.type
    work.handlers = kind.handlers
    Facts.read(work.frame, work, kind.type, kind.scene)
    if ((kind.handlers.length === 0 && isUnwanted(work)) || isUnwelcome(work)) {
      work.inbox.settle(work)
      return undefined
    }
    const event = work.event ?? kind.decode(work.frame)
    if (event instanceof ParseResult.ParseError) {
      work.inbox.settle(work)
      return malformed(work)
    }
    work.event = event
    const choice = kind.isChoosy ? choose(kind.handlers, event) : undefined
    if (choice === undefined) {
      accept(work as Routed, undefined)
      return undefined
    }
    work.handlers = choice.accepted
    accept(work as Routed, choice)
    return choice.failed.length === 0 ? undefined : options.tellChoosing(choice, event)
  }

  const accept = (work: Routed, choice: Choice | undefined): void => {
    // one that every handler declines is as one without handlers: its twin may be accepted
    if (choice !== undefined && work.handlers.length === 0 && isUnwanted(work)) return work.inbox.settle(work)
    if (identify(work, choice)) return deliver(work)
    DeliveryMetrics.eventsDuplicated.unsafeUpdate(1, [])
    work.inbox.settle(work)
  }

  return {
    routeAll: (works, after) => inBatches(works, route, after),
    // an event that is not in its queue yet is settled, and so is not routed
    dropped: (work) => {
      if (work.event === undefined) return
      const routed = work as Routed
      if (queuesFor(routed).remove(routed)) settle(routed)
    },
    observe: (look) => {
      observers.add(look)
      return () => {
        observers.delete(look)
      }
    }
  }
}
