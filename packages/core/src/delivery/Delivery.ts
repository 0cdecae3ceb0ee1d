/**
 * Runs the handlers: the events of one conversation one after another, different conversations side by side, each event
 * settled when all its handlers have ended, and no handler able to stop the bot.
 *
 * The rooms: {@link "./Inbox.ts"} holds what is received and not settled, {@link "./Router.ts"} decides what is done about
 * an event, {@link "./ConversationQueues.ts"} keeps the order, {@link "./Workers.ts"} run the handlers, and
 * {@link "./Dialogue.ts"} lets a handler wait for another event. Here they are put together.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import type * as MetricLabel from "effect/MetricLabel"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Event from "../events/Event.ts"
import type { DispatchSinkShape } from "../gateway/DispatchSink.ts"
import type * as GatewayMetrics from "../gateway/GatewayMetrics.ts"
import * as Release from "../gateway/Release.ts"
import { ConversationQueues } from "./ConversationQueues.ts"
import * as Deduplication from "./Deduplication.ts"
import * as DeliveryMetrics from "./DeliveryMetrics.ts"
import type { DeliveryPolicy } from "./DeliveryPolicy.ts"
import * as Dialogue from "./Dialogue.ts"
import { HandlerRuns } from "./HandlerRuns.ts"
import type { Handler } from "./Handlers.ts"
import * as Inbox from "./Inbox.ts"
import * as RunContext from "./RunContext.ts"
import * as Router from "./Router.ts"
import type { Routed, Work } from "./Work.ts"
import { stopTimeout, Workers } from "./Workers.ts"

/**
 * One way for events to come in: a session, or a webhook.
 *
 * @since 0.1.0
 * @category models
 */
export interface Intake {
  /** The port that dispatches are handed to. */
  readonly sink: DispatchSinkShape
  /** Routes what comes in until it is interrupted. */
  readonly run: Effect.Effect<never>
}

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
  readonly intake: (labels?: GatewayMetrics.Labels) => Intake
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
  /** The conversation of an event, for {@link Delivery.next}. Default: none has one. */
  readonly conversationOf?: ((event: Event.Event) => string | undefined) | undefined
  /** Called with each event for which handlers will run, when it is received, before they do. Synchronous. */
  readonly received?: ((event: Event.Event, handlers: ReadonlyArray<Handler>) => void) | undefined
}

/** How many events a slow reader of `events` may lag behind. */
const lag = 1024

const noTags: ReadonlyArray<MetricLabel.MetricLabel> = []

const gaugeOf = (labels: GatewayMetrics.Labels): Inbox.Gauge => {
  const depth = DeliveryMetrics.inboxDepth(labels)
  const behind = DeliveryMetrics.watermarkLag(labels)
  return (unsettled, lag) => {
    depth.unsafeUpdate(unsettled, noTags)
    behind.unsafeUpdate(lag, noTags)
  }
}

const makeSink = (
  inbox: Inbox.Inbox,
  deduplication: Deduplication.Deduplication,
  now: () => number
): DispatchSinkShape => ({
  begin: (seq, settled, older) => {
    deduplication.begin(inbox)
    deduplication.restore(inbox, settled)
    inbox.begin(seq, older)
  },
  offer: inbox.offer,
  announce: (frame) => inbox.announce(frame),
  gap: (gap, settled) => {
    const event = Event.gap(gap)
    inbox.announce(event.envelope, event, settled)
  },
  watermark: inbox.watermark,
  progress: () => ({ watermark: inbox.watermark(), settled: deduplication.snapshot(inbox, now()) }),
  room: inbox.room,
  changed: inbox.changed
})

const makeEvents = (observe: Router.Router["observe"], observed: PubSub.PubSub<Event.Event>) =>
  Stream.unwrapScoped(
    Effect.as(
      Effect.acquireRelease(
        Effect.sync(() => observe((event) => observed.unsafeOffer(event))),
        (forget) => Effect.sync(forget)
      ),
      Stream.fromPubSub(observed)
    )
  )

/** The scope of the workers. Added before whatever is added later, such as a finalizer that drains, and so closed after it. */
const makeScope = (onClose: () => void): Effect.Effect<Scope.CloseableScope, never, Scope.Scope> =>
  Effect.tap(Scope.make(ExecutionStrategy.parallel), (scope) =>
    Effect.addFinalizer((exit) =>
      Effect.suspend(() => {
        onClose()
        return Release.within(Scope.close(scope, exit), stopTimeout)
      }).pipe(
        Effect.flatMap((closed) =>
          Option.isSome(closed) ? Effect.void : Effect.logWarning("handlers that cannot be stopped were left behind")
        )
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
    const clock = yield* Effect.clock
    const wallMillis = (): number => clock.unsafeCurrentTimeMillis()
    const monotonicMillis = (): number => Number(clock.unsafeCurrentTimeNanos()) / 1e6
    const inboxes: Array<Inbox.Inbox> = []
    const deduplication = Deduplication.make(policy)
    const queues = new ConversationQueues<Routed>()
    const durations = new Map(
      handlers.flatMap(({ types }) => types.map((type) => [type, DeliveryMetrics.handlerDuration(type)] as const))
    )
    const observed = yield* PubSub.sliding<Event.Event>(lag)
    const scope = yield* makeScope(() => workers.close())

    const settleAt = (work: Routed, now: number): void => {
      work.inbox.settle(work)
      if (work.identity !== undefined) deduplication.settle(work.identity, work.type, now)
      if (work.taken !== undefined) for (const taken of work.taken) settleAt(taken.work, now)
    }

    const settle = (work: Routed): void => settleAt(work, wallMillis())

    /** The wall clock, as of a moment of the monotonic one: read again only once a millisecond has passed. */
    let readAt = Number.NEGATIVE_INFINITY
    let wall = 0
    const wallAt = (monotonic: number): number => {
      if (monotonic - readAt < 1) return wall
      readAt = monotonic
      wall = wallMillis()
      return wall
    }

    const workers = new Workers({
      policy,
      queues,
      runs: new HandlerRuns({ policy, locals: yield* Effect.getFiberRefs, enter: yield* RunContext.makeEnter }),
      scope,
      now: monotonicMillis,
      drainWaiting: options.drainWaiting,
      conclude: (work, since) => {
        DeliveryMetrics.eventsHandled.unsafeUpdate(1, noTags)
        const now = monotonicMillis()
        durations.get(work.event.t)?.unsafeUpdate(now - since, noTags)
        settleAt(work, wallAt(now))
        return now
      }
    })

    const dialogue = Dialogue.make({
      queues,
      workers,
      deduplication,
      conversationOf: options.conversationOf ?? (() => undefined),
      settle,
      now: wallMillis
    })

    const router = Router.make({
      policy,
      handlers,
      queues,
      deduplication,
      dialogue,
      settle,
      received: options.received
    })

    const intake = (labels?: GatewayMetrics.Labels): Intake => {
      const onDropped = (work: Work): void => router.dropped(work)
      const inbox = Inbox.make(policy, onDropped, labels === undefined ? undefined : gaugeOf(labels))
      if (workers.isStopped) inbox.close()
      inboxes.push(inbox)
      const routeAll = (works: ReadonlyArray<Work>): Effect.Effect<void> => router.routeAll(works, workers.spawnWorker)
      return {
        sink: makeSink(inbox, deduplication, wallMillis),
        run: Effect.forever(Effect.flatMap(inbox.take, routeAll))
      }
    }

    const drain = Effect.suspend(() => {
      for (const inbox of inboxes) inbox.close()
      // what has just arrived is given its worker first
      const ended = Effect.zipRight(Effect.yieldNow(), workers.awaitIdle)
      return Effect.zipRight(workers.stop, Release.within(ended, policy.drainTimeout))
    }).pipe(
      Effect.flatMap((ended) =>
        Option.isSome(ended)
          ? Effect.void
          : Effect.logWarning(`handlers were still running after ${Duration.format(policy.drainTimeout)}`)
      )
    )

    return {
      intake,
      run: workers.watch,
      drain,
      next: dialogue.next,
      events: makeEvents(router.observe, observed),
      unsettled: () => inboxes.reduce((total, inbox) => total + inbox.size(), 0),
      conversations: () => queues.size,
      remembered: deduplication.size
    }
  })
