/**
 * Runs the handlers: the events of one conversation one after another, different conversations side by side, each event
 * settled when all its handlers have ended, and no handler able to stop the bot.
 *
 * The rooms: `Inbox` holds what is received and not settled, `Router` decides what is done about
 * an event, `ConversationQueues` keeps the order, `Workers` run the handlers, and
 * `Dialogue` lets a handler wait for another event. Here they are put together.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as MetricLabel from "effect/MetricLabel"
import * as PubSub from "effect/PubSub"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Event from "../events/Event.ts"
import type { Frame } from "../gateway/Frame.ts"
import type * as GatewayMetrics from "../gateway/GatewayMetrics.ts"
import { ConversationQueues } from "./ConversationQueues.ts"
import { Deduplication } from "./Deduplication.ts"
import * as DeliveryMetrics from "./DeliveryMetrics.ts"
import type { DeliveryPolicy } from "./DeliveryPolicy.ts"
import * as Dialogue from "./Dialogue.ts"
import { HandlerRuns } from "./HandlerRuns.ts"
import type { Handler } from "./Handlers.ts"
import * as Inbox from "./Inbox.ts"
import * as Intake from "./Intake.ts"
import * as RunContext from "./RunContext.ts"
import * as Router from "./Router.ts"
import * as Shutdown from "./Shutdown.ts"
import * as Times from "./Times.ts"
import { isInteraction, type Routed, type Work } from "./Work.ts"
import { Workers } from "./Workers.ts"

/**
 * What {@link make} gives.
 *
 * @since 0.1.0
 * @category models
 */
export interface Delivery {
  /**
   * One more way in, with an inbox and a watermark of its own. What came through one is known when it comes through
   * another, and the events of a conversation keep their order, whichever way they come. `labels` name it in the metrics;
   * without them how full it is is not measured.
   */
  readonly intake: (labels?: GatewayMetrics.Labels) => Intake.Intake
  /** Runs the handlers until it is interrupted. */
  readonly run: Effect.Effect<never>
  /**
   * Takes no more events, begins no more handlers, and waits until those that run have ended. Handlers that wait for another
   * event are interrupted, and what they had taken is left to be replayed.
   */
  readonly drain: Effect.Effect<void>
  /**
   * Waits for an event and takes it away from the handlers. Asked for by a handler, it is settled together with the event
   * of that handler, whose slot is lent to others meanwhile; a run that is tried again gets the same events again. A wait
   * that is interrupted leaves the event to the handlers.
   */
  readonly next: (wanted: Dialogue.Wanted) => Effect.Effect<Event.Event, Cause.TimeoutException>
  /** Every event that is received, to be observed: a slow reader misses some. */
  readonly events: Stream.Stream<Event.Event>
  /** Events that are received and not settled. */
  readonly unsettled: () => number
  /** Conversations of which something waits or is handled. */
  readonly conversations: () => number
  /** Message ids that are remembered. */
  readonly remembered: () => number
}

/**
 * What {@link make} takes.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly policy: DeliveryPolicy
  readonly handlers: ReadonlyArray<Handler>
  /** Whether {@link Delivery.drain} also waits for events whose handlers have not begun; else they are left to be replayed. */
  readonly drainWaiting: boolean
  /** Whether a message is one that this bot sent: it is dropped. Synchronous. Default: none is. */
  readonly isOwn?: ((frame: Frame) => boolean) | undefined
  /** Called with each event for which handlers will run, when it is received, before they do. Synchronous. */
  readonly received?: ((event: Event.Event, handlers: ReadonlyArray<Handler>) => void) | undefined
}

/** How many events a slow reader of `events` may lag behind. */
const lag = 1024

const noTags: ReadonlyArray<MetricLabel.MetricLabel> = []

/** Each reader has a buffer of its own, and none is made before. */
const makeEvents = (observe: Router.Router["observe"]): Stream.Stream<Event.Event> =>
  Stream.unwrapScoped(
    Effect.flatMap(PubSub.sliding<Event.Event>(lag), (observed) =>
      Effect.as(
        Effect.acquireRelease(
          Effect.sync(() => observe((event) => observed.unsafeOffer(event))),
          (forget) => Effect.sync(forget)
        ),
        Stream.fromPubSub(observed)
      )
    )
  )

/**
 * Delivery for the given handlers.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<Delivery, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { handlers, policy } = options
    const times = Times.make(yield* Effect.clock)
    const inboxes: Array<Inbox.Inbox> = []
    const deduplication = new Deduplication(policy)
    const durations = new Map(
      handlers.flatMap(({ types }) => types.map((type) => [type, DeliveryMetrics.handlerDuration(type)] as const))
    )
    let isClosing = false
    const scope = yield* Shutdown.makeScope(() => {
      isClosing = true
      for (const workers of pools) workers.close()
    })

    const settleAt = (work: Routed, now: number): void => {
      work.inbox.settle(work)
      if (work.identity !== undefined) deduplication.settle(work.identity, work.type, now)
      if (work.taken !== undefined) for (const taken of work.taken) settleAt(taken.work, now)
    }

    const settle = (work: Routed): void => settleAt(work, times.steady())

    // at a shutdown they are left to be replayed, as what their dialogue began with
    const queues = new ConversationQueues<Routed>((unclaimed) => {
      if (!isClosing && !ordinary.isStopped) unclaimed.forEach(settle)
    })
    const interactions = new ConversationQueues<Routed>()

    const runs = new HandlerRuns({
      policy,
      scope,
      locals: yield* Effect.getFiberRefs,
      enter: yield* RunContext.makeEnter
    })

    const makeWorkers = (concurrency: number, of: ConversationQueues<Routed>): Workers =>
      new Workers({
        concurrency,
        handlerTimeout: policy.handlerTimeout,
        queues: of,
        runs,
        scope,
        now: times.monotonic,
        drainWaiting: options.drainWaiting,
        conclude: (work, since) => {
          DeliveryMetrics.eventsHandled.unsafeUpdate(1, noTags)
          const now = times.monotonic()
          durations.get(work.event.t)?.unsafeUpdate(now - since, noTags)
          settleAt(work, times.steadyAt(now))
          return now
        }
      })
    const ordinary = makeWorkers(policy.concurrency, queues)
    const urgent = makeWorkers(policy.interactionConcurrency, interactions)
    const pools = [urgent, ordinary]
    const spawnWorkers = Effect.zipRight(urgent.spawnWorker, ordinary.spawnWorker)

    const dialogue = Dialogue.make({
      queuesFor: (work) => (isInteraction(work) ? interactions : queues),
      pools,
      deduplication,
      settle,
      spawnWorkers,
      now: times.steady
    })

    const router = Router.make({
      policy,
      handlers,
      queues,
      interactions,
      deduplication,
      dialogue,
      settle,
      tellChoosing: (choice, event) => runs.tellChoosing(choice, event),
      isOwn: options.isOwn,
      received: options.received
    })

    const intake = (labels?: GatewayMetrics.Labels): Intake.Intake => {
      const onDropped = (work: Work): void => router.dropped(work)
      const inbox = Inbox.make(policy, onDropped, labels === undefined ? undefined : Intake.gaugeOf(labels))
      if (ordinary.isStopped) inbox.close()
      inboxes.push(inbox)
      const routeAll = (works: ReadonlyArray<Work>): Effect.Effect<void> => router.routeAll(works, spawnWorkers)
      return {
        sink: Intake.makeSink(inbox, deduplication, times),
        run: Effect.forever(Effect.flatMap(inbox.take, routeAll))
      }
    }

    return {
      intake,
      run: Effect.zipRight(urgent.watch, ordinary.watch, { concurrent: true }),
      drain: Shutdown.drain(inboxes, pools, policy.drainTimeout),
      next: dialogue.next,
      events: Stream.suspend(() => makeEvents(router.observe)),
      unsettled: () => inboxes.reduce((total, inbox) => total + inbox.size(), 0),
      conversations: () => queues.size + interactions.size,
      remembered: () => deduplication.size
    }
  })
