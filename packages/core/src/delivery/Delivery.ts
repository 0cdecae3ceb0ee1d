/**
 * Runs the handlers: the events of one conversation one after another, different conversations side by side, each event
 * settled when all its handlers are done, and no handler able to stop the bot.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Metric from "effect/Metric"
import type * as MetricLabel from "effect/MetricLabel"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Event from "../events/Event.ts"
import * as HandlerRun from "../events/HandlerRun.ts"
import type { DispatchSinkShape } from "../gateway/DispatchSink.ts"
import type { Frame } from "../gateway/Frame.ts"
import type * as GatewayMetrics from "../gateway/GatewayMetrics.ts"
import * as Intents from "../gateway/Intents.ts"
import * as Release from "../gateway/Release.ts"
import * as Deduplication from "./Deduplication.ts"
import * as DeliveryMetrics from "./DeliveryMetrics.ts"
import type { DeliveryPolicy } from "./DeliveryPolicy.ts"
import { choose, type Choice, type Handler, tellFailure } from "./Handlers.ts"
import * as Inbox from "./Inbox.ts"
import * as Unclaimed from "./Unclaimed.ts"
import * as Waiters from "./Waiters.ts"

/**
 * One way for events to come in: a session, or a webhook.
 *
 * @since 0.1.0
 * @category models
 */
export interface Intake {
  /** The port that dispatches are handed to. */
  readonly sink: DispatchSinkShape
  /** Takes what comes in until it is interrupted. */
  readonly run: Effect.Effect<never>
}

/**
 * What is to be taken out of the row before its handlers begin.
 *
 * @since 0.1.0
 * @category models
 */
export interface Wanted extends Waiters.Request {
  /** Whether events count that wait behind the one whose handler asks. */
  readonly queued: boolean
  readonly timeout: Duration.DurationInput
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
   * Takes no more events, begins no more handlers, and waits until those that run are done. Handlers that wait for another
   * event are interrupted, and what they had taken is left to be replayed.
   */
  readonly drain: Effect.Effect<void>
  /**
   * Waits for an event and takes it away from the handlers. Asked for by a handler, it is settled together with the event
   * of that handler, whose place among the running ones is free meanwhile; a run that is tried again gets the same events
   * again. A wait that is cut off leaves the event to the handlers.
   */
  readonly next: (wanted: Wanted) => Effect.Effect<Event.Event, Cause.TimeoutException>
  /** Every event that is received, for looking at: a slow reader misses some. */
  readonly events: Stream.Stream<Event.Event>
  /** Events that are received and not settled. */
  readonly unsettled: () => number
  /** Conversations of which something waits or is handled. */
  readonly conversations: () => number
  /** Message ids that are remembered. */
  readonly remembered: () => number
}

/** The events of one conversation that wait for their turn. */
interface Lane {
  readonly key: string
  readonly pool: Pool
  readonly waiting: Array<Work>
  unclaimed: Unclaimed.Unclaimed<Work> | undefined
}

/** Workers for one kind of event: messages that are being handled take no place from interactions. */
interface Pool {
  /** How many conversations may be handled at the same time. */
  readonly concurrency: number
  /** Conversations that wait for a worker. */
  readonly ready: Array<Lane>
  /** Workers, and those of them that wait for another event and so take no place. */
  employed: number
  lent: number
  /** Whether a worker has been employed and has not begun. */
  starting: boolean
}

interface Work {
  readonly inbox: Inbox.Inbox
  readonly entry: Inbox.Entry
  readonly event: Event.Event
  /** Its type on the wire. */
  readonly type: string
  readonly handlers: ReadonlyArray<Handler>
  /** What it is known by, should it come again. */
  readonly id: Deduplication.Identity | undefined
  /** Whether it came before, as another type. */
  readonly isTwin: boolean
  /** Of several handlers, those whose runs are over. */
  readonly over: Set<Handler> | undefined
  /** The run of its only handler, where that was begun when the event came in and could not end at once. */
  begun: Effect.Effect<void> | undefined
  /** What its handlers have taken besides, in order. */
  taken: Array<Taken> | undefined
}

/** An event type of the wire. */
interface Kind {
  /** One text for all events of the type: what is remembered of an event then keeps nothing of the frame. */
  readonly type: string
  readonly handlers: ReadonlyArray<Handler>
  /** Whether one of them has to be asked which events are its own. */
  readonly isChoosy: boolean
  readonly received: Metric.Metric.Counter<number>
}

/** Whose an event is that was taken: the run's, and of what that run asked for, which. */
interface Owner {
  readonly work: Work
  readonly handler: string
  readonly index: number
}

interface Taken extends Pick<Owner, "handler" | "index"> {
  readonly work: Work
}

/** A run, or a fiber outside of any, that waits for an event. */
type Waiter = Waiters.Waiter<Work>

/** One fiber that runs handlers, for one conversation at a time. */
interface Worker {
  readonly fiber: Fiber.RuntimeFiber<unknown, unknown>
  readonly pool: Pool
  lane: Lane | undefined
  work: Work | undefined
  /** Monotonic milliseconds: a wall clock that is set must not end a handler. */
  deadline: number
  /** When the handlers of its event began, in monotonic milliseconds. */
  since: number
  /**
   * `stopped`: it is out of time and was interrupted; `left`: it does not heed that, and others go on without it; `parted`: it
   * waited for another event at the shutdown, and all of it is left to be replayed.
   */
  state: "working" | "stopped" | "left" | "parted"
  /** The handlers that wait for another event, once for each fiber that does; meanwhile it takes no place. */
  waiting: Array<string>
}

/** How many events of one conversation are handled before others that wait get their turn. */
const turn = 32

/** How many events are looked at before other fibers get theirs. */
const batch = 256

/** How many events a slow reader of `events` may lag behind. */
const lag = 1024

/** How long, in milliseconds, a run that was stopped may take to end, before the next event of its conversation begins. */
const lastWords = 10_000

/** So many event types are remembered that nobody knows. */
const mostUnknownTypes = 64

const none: ReadonlyArray<Handler> = []

const nothing: ReadonlyArray<string> = []

const noTags: ReadonlyArray<MetricLabel.MetricLabel> = []

const isChoosy = (handlers: ReadonlyArray<Handler>): boolean => handlers.some(({ accepts }) => accepts !== undefined)

/**
 * Delivery for the given handlers.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: {
  readonly policy: DeliveryPolicy
  readonly handlers: ReadonlyArray<Handler>
  /** Whether {@link Delivery.drain} also waits for events whose handlers have not begun; else they are left to be replayed. */
  readonly drainWaiting: boolean
  /** The conversation of an event, for {@link Delivery.next}. Default: none has one. */
  readonly conversationOf?: Waiters.ConversationOf | undefined
  /** Whether a message is one that this bot sent: it is dropped. Synchronous. Default: none is. */
  readonly isOwn?: ((frame: Frame) => boolean) | undefined
  /** Told of each event for which handlers will run, when it is received, before they do. Synchronous. */
  readonly received?: ((event: Event.Event, handlers: ReadonlyArray<Handler>) => void) | undefined
}): Effect.Effect<Delivery, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { policy } = options
    const scope = yield* Scope.make(ExecutionStrategy.parallel)
    const clock = yield* Effect.clock
    const inboxes: Array<Inbox.Inbox> = []
    const deduplication = Deduplication.make(policy)
    const looked = yield* PubSub.sliding<Event.Event>(lag)
    const handlerTimeout = Duration.toMillis(policy.handlerTimeout)
    const lanes = new Map<string, Lane>()
    const makePool = (concurrency: number): Pool => ({ concurrency, ready: [], employed: 0, lent: 0, starting: false })
    const ordinary = makePool(policy.concurrency)
    const urgent = makePool(policy.interactionConcurrency)
    const workers = new Set<Worker>()
    const idle = Effect.unsafeMakeLatch(true)
    const working = Effect.unsafeMakeLatch(false)
    const waiters = Waiters.make<Work>(options.conversationOf)
    let lookers = 0
    /** When the last event that was looked at was done with, in monotonic milliseconds. */
    let routedAt = 0
    let stopping = false
    let closing = false

    // added now, and so run after whatever is added later, such as a finalizer that drains
    yield* Effect.addFinalizer((exit) =>
      Effect.suspend(() => {
        // what is interrupted from now on is left to be replayed
        closing = true
        return Release.within(Scope.close(scope, exit), lastWords)
      }).pipe(
        Effect.flatMap((closed) =>
          Option.isSome(closed) ? Effect.void : Effect.logWarning("handlers that cannot be stopped were left behind")
        )
      )
    )

    const monotonicMillis = (): number => Number(clock.unsafeCurrentTimeNanos()) / 1e6

    const byType = new Map<string, ReadonlyArray<Handler>>()
    for (const handler of options.handlers) {
      for (const type of handler.types) byType.set(type, [...(byType.get(type) ?? none), handler])
    }

    /** The event type as handlers name it. */
    const kindOf = (type: string | undefined): string => (Event.isKnown(type) && type !== undefined ? type : "Unknown")

    const durations = new Map([...byType.keys()].map((type) => [type, DeliveryMetrics.handlerDuration(type)] as const))

    const receivedUnknown = DeliveryMetrics.eventsReceived("Unknown")
    const gap: Kind = {
      type: "Gap",
      handlers: byType.get("Gap") ?? none,
      isChoosy: isChoosy(byType.get("Gap") ?? none),
      received: DeliveryMetrics.eventsReceived("Gap")
    }
    const kinds = new Map<string, Kind>()
    let unknownTypes = 0

    /** What comes from the wire makes no more counters than there are types that are known. */
    const kindFor = (type: string): Kind => {
      const known = kinds.get(type)
      if (known !== undefined) return known
      const isCounted = Event.isKnown(type) || Intents.forEventTypes([type]) !== Intents.none
      const handlers = byType.get(kindOf(type)) ?? none
      const kind: Kind = {
        type,
        handlers,
        isChoosy: isChoosy(handlers),
        received: isCounted ? DeliveryMetrics.eventsReceived(type) : receivedUnknown
      }
      if (isCounted || ++unknownTypes <= mostUnknownTypes) kinds.set(type, kind)
      return kind
    }

    const settle = ({ entry, id, inbox, taken, type }: Work): void => {
      inbox.settle(entry)
      if (id !== undefined) deduplication.settle(id, type, clock.unsafeCurrentTimeMillis())
      if (taken !== undefined) for (const { work } of taken) settle(work)
    }

    /** An entry that a full inbox dropped must not wait for its turn: that could be any number of them. */
    const leaveOut = (entry: Inbox.Entry): void => {
      const lane = lanes.get(Event.queueKey(entry.frame))
      const index = lane === undefined ? -1 : lane.waiting.findIndex((work) => work.entry === entry)
      // one that is not in its lane yet will not get there
      if (lane === undefined || index < 0) return
      for (const work of lane.waiting.splice(index, 1)) settle(work)
      if (lane.waiting.length > 0) return
      const place = lane.pool.ready.indexOf(lane)
      if (place < 0) return
      lane.pool.ready.splice(place, 1)
      closeLane(lane)
    }

    /** Nothing of the conversation waits or is handled any more. */
    const closeLane = (lane: Lane): void => {
      lanes.delete(lane.key)
      // at a shutdown they are left to be replayed, as what their dialogue began with
      if (!stopping && !closing) lane.unclaimed?.clear().forEach(settle)
    }

    /** Keeps an interaction without a handler while a run of its conversation may still ask for it. */
    const keepUnclaimed = (work: Work): boolean => {
      const lane = work.type === "INTERACTION_CREATE" ? lanes.get(Event.orderKey(work.entry.frame)) : undefined
      const last = lane?.waiting.at(-1) ?? [...workers].find((worker) => worker.lane === lane)?.work
      if (lane === undefined || last === undefined) return false
      lane.unclaimed ??= Unclaimed.make(policy.unclaimedInteractions)
      const surplus = lane.unclaimed.keep(work, last)
      if (surplus !== undefined) settle(surplus)
      return true
    }

    const malformed = (entry: Inbox.Entry): Effect.Effect<void> =>
      Effect.suspend(() => {
        DeliveryMetrics.eventsMalformed.unsafeUpdate(1, [])
        return Effect.logWarning(`an event could not be decoded: ${entry.frame.t}`)
      })

    const enqueue = (work: Work, key: string, index?: (waiting: ReadonlyArray<Work>) => number): void => {
      const lane = lanes.get(key)
      if (lane !== undefined) {
        if (index === undefined) lane.waiting.push(work)
        else lane.waiting.splice(index(lane.waiting), 0, work)
        return
      }
      const pool = poolOf(work)
      const fresh: Lane = { key, pool, waiting: [work], unclaimed: undefined }
      lanes.set(key, fresh)
      pool.ready.push(fresh)
    }

    const poolOf = ({ type }: Work): Pool => (type === "INTERACTION_CREATE" ? urgent : ordinary)

    /** Gives an event to whoever waits for it; its handlers will not see it, under the type of its twin neither. */
    const give = (waiter: Waiter, work: Work): void => {
      waiters.remove(waiter)
      const twin = Event.twinOf(work.entry.frame.t)
      if (work.id !== undefined && twin !== undefined) {
        deduplication.receive(work.inbox, work.id.key, twin, work.entry.frame.s ?? 0)
        deduplication.settle(work.id, twin, clock.unsafeCurrentTimeMillis())
      }
      work.entry.started = true
      waiter.given = work
      waiter.state = "given"
      Deferred.unsafeDone(waiter.event, Effect.succeed(work.event))
    }

    /** An event has come to whoever waited for it. A run that is over by then settles nothing any more. */
    const takeOver = (work: Work, owner: Owner | undefined): void => {
      if (owner === undefined || owner.work.entry.settled) settle(work)
      else (owner.work.taken ??= []).push({ handler: owner.handler, index: owner.index, work })
    }

    /** Whoever waited for an event was cut off before it came: it takes its place in the row after all. */
    const giveBack = (work: Work): void => {
      if (work.handlers.length === 0) return settle(work)
      const sequence = work.entry.frame.s ?? 0
      work.entry.started = false
      enqueue(work, Event.queueKey(work.entry.frame), (waiting) => {
        const index = waiting.findIndex(
          ({ entry, inbox }) => inbox === work.inbox && (entry.frame.s ?? Number.POSITIVE_INFINITY) > sequence
        )
        return index < 0 ? waiting.length : index
      })
    }

    /** Whether an event without a handler is nothing to anybody. */
    const isUnwanted = (frame: Frame): boolean =>
      lookers === 0 && waiters.isEmpty() && (frame.t !== "INTERACTION_CREATE" || !lanes.has(Event.orderKey(frame)))

    /** Finds out what is to be done about an event; most of it is done at once. */
    const route = (inbox: Inbox.Inbox, entry: Inbox.Entry): Effect.Effect<void> | undefined => {
      if (entry.settled) return undefined
      const frame = entry.frame
      const kind = entry.event === undefined ? kindFor(frame.t ?? "") : gap
      const { received, type } = kind
      received.unsafeUpdate(1, noTags)
      if (
        (kind.handlers.length === 0 && isUnwanted(frame)) ||
        (!policy.messagesByBots && Event.isByBot(frame)) ||
        options.isOwn?.(frame) === true
      ) {
        inbox.settle(entry)
        return undefined
      }
      const event = entry.event === undefined ? Event.decode(frame) : Either.right(entry.event)
      if (Either.isLeft(event)) {
        inbox.settle(entry)
        return malformed(entry)
      }
      const choice = kind.isChoosy ? choose(kind.handlers, event.right) : undefined
      const all = choice?.accepted ?? kind.handlers
      const after = choice === undefined ? undefined : tellChoosing(choice, event.right)
      // one that every handler declines is as one without handlers: its twin may be accepted
      if (all.length === 0 && isUnwanted(frame)) {
        inbox.settle(entry)
        return after
      }
      const key = Event.identityKey(frame)
      const id = key === undefined ? undefined : deduplication.receive(inbox, key, type, frame.s ?? 0)
      if (key !== undefined && id === undefined) {
        DeliveryMetrics.eventsDuplicated.unsafeUpdate(1, [])
        inbox.settle(entry)
        return undefined
      }
      // a handler sees a message once, whichever twin brings it
      const seen = id === undefined ? nothing : Deduplication.before(id, type).map(kindOf)
      const handlers = seen.length === 0 ? all : all.filter((handler) => !hasSeen(handler, id, seen))
      if (id !== undefined && choice !== undefined && choice.declined.length > 0) {
        id.declined = new Set([...(id.declined ?? nothing), ...choice.declined.map(({ name }) => name)])
      }
      const over = handlers.length > 1 ? new Set<Handler>() : undefined
      const isTwin = seen.length > 0
      const work: Work = {
        inbox,
        entry,
        event: event.right,
        type,
        handlers,
        id,
        isTwin,
        over,
        begun: undefined,
        taken: undefined
      }
      if (lookers > 0) looked.unsafeOffer(event.right)
      const waiter = isTwin || waiters.isEmpty() ? undefined : waiters.find(event.right)
      // what waits for an event in place of its handlers leaves the acknowledgement to delivery
      if (waiter !== undefined) {
        options.received?.(event.right, none)
        give(waiter, work)
      } else if (handlers.length === 0) {
        if (keepUnclaimed(work)) options.received?.(event.right, none)
        else settle(work)
      } else {
        options.received?.(event.right, handlers)
        const conversation = Event.queueKey(frame)
        if (isFree(poolOf(work), conversation) && endsAtOnce(work)) routedAt = conclude(work, routedAt)
        else enqueue(work, conversation)
      }
      return after
    }

    /** Whether a handler had the event as another type. */
    const hasSeen = (
      { name, types }: Handler,
      id: Deduplication.Identity | undefined,
      seen: ReadonlyArray<string>
    ): boolean => id?.declined?.has(name) !== true && types.some((handled) => seen.includes(handled))

    const tellChoosing = ({ failed }: Choice, event: Event.Event): Effect.Effect<void> | undefined =>
      failed.length === 0
        ? undefined
        : Effect.forEach(failed, ([handler, defect]) => tellHandler(handler, event, Cause.die(defect)), {
            discard: true
          }).pipe(Effect.forkIn(scope), Effect.asVoid)

    /** Whether a worker would begin at once with an event of this conversation. */
    const isFree = ({ concurrency, employed, lent, ready }: Pool, conversation: string): boolean =>
      ready.length === 0 && employed - lent < concurrency && !halted() && !closing && !lanes.has(conversation)

    /**
     * Most events are not meant for most handlers: one that has nothing to do takes no turn and no fiber. Where its only
     * handler has something to do, its run is kept for the worker.
     */
    const endsAtOnce = (work: Work): boolean => {
      const [handler] = work.handlers
      if (handler === undefined || work.over !== undefined || policy.handlerSpans) return false
      try {
        const run = handler.run(work.event, handler.name)
        if (Exit.isExit(run) && Exit.isSuccess(run)) return true
        work.begun = run
      } catch (defect) {
        work.begun = Effect.die(defect)
      }
      work.entry.started = true
      return false
    }

    /** All handlers of an event are done, which began then. Says when that was. */
    const conclude = (work: Work, since: number): number => {
      DeliveryMetrics.eventsHandled.unsafeUpdate(1, noTags)
      const now = monotonicMillis()
      durations.get(work.event.t)?.unsafeUpdate(now - since, noTags)
      settle(work)
      return now
    }

    const traced = (run: Effect.Effect<void>, { envelope, t }: Event.Event, handler: string): Effect.Effect<void> =>
      policy.handlerSpans
        ? Effect.withSpan(run, "Handler.run", {
            kind: "consumer",
            captureStackTrace: false,
            attributes: { "qq.event": t, "qq.event_id": envelope.id, "qq.seq": envelope.s, "qq.handler": handler }
          })
        : run

    const runAll = (worker: Worker, work: Work): Effect.Effect<void> => {
      const { begun, event, handlers, over } = work
      if (begun !== undefined) return begun
      const [first] = handlers
      return over === undefined && first !== undefined
        ? traced(first.run(event, first.name), event, first.name)
        : Effect.forEach(
            handlers,
            (handler) =>
              Effect.zipRight(
                // one that dies ends no other handler of the event
                Effect.catchAllDefect(
                  Effect.suspend(() => traced(handler.run(event, handler.name), event, handler.name)),
                  (defect) => tellHandler(handler, event, Cause.die(defect))
                ),
                Effect.suspend(() => {
                  over?.add(handler)
                  return stopping ? partIfIdle(worker) : Effect.void
                })
              ),
            { concurrency: "unbounded", discard: true }
          )
    }

    /** The handlers of an event may take as long as the most patient of them. */
    const patienceWith = (handlers: ReadonlyArray<Handler>): number => {
      let longest = handlerTimeout
      for (const { timeout } of handlers) {
        // it ends by its own time-out first
        if (timeout !== undefined) longest = Math.max(longest, Duration.toMillis(timeout) + 1000)
      }
      return longest
    }

    const halted = (): boolean => stopping && !options.drainWaiting

    /** Gives a worker its next event, of this conversation or another. */
    const next = (worker: Worker, handled: number): number | undefined => {
      if (halted() || worker.state !== "working") return undefined
      const { concurrency, employed, lent, ready } = worker.pool
      // its place was lent, and is taken now
      if (employed - lent > concurrency) return undefined
      let count = handled
      if (worker.lane !== undefined && worker.lane.waiting.length > 0 && count >= turn && ready.length > 0) {
        ready.push(worker.lane)
        worker.lane = undefined
      }
      while (worker.lane === undefined || worker.lane.waiting.length === 0) {
        if (worker.lane !== undefined) closeLane(worker.lane)
        worker.lane = ready.shift()
        count = 0
        if (worker.lane === undefined) return undefined
      }
      const work = worker.lane.waiting.shift()
      if (work === undefined) return undefined
      work.entry.started = true
      worker.work = work
      // right behind another event, it begins when that one was done
      if (handled === 0) worker.since = monotonicMillis()
      worker.deadline = worker.since + patienceWith(work.handlers)
      working.unsafeOpen()
      return count + 1
    }

    const finish = (worker: Worker): void => {
      if (worker.work === undefined || worker.state === "parted") return
      const work = worker.work
      worker.work = undefined
      redeem(worker)
      worker.since = conclude(work, worker.since)
      if (!stopping) worker.lane?.unclaimed?.handled(work).forEach(settle)
    }

    /** The worker takes no further part. What it had begun is done with; what waits behind that is for others. */
    const dismiss = (worker: Worker): void => {
      finish(worker)
      if (worker.lane !== undefined) {
        if (worker.lane.waiting.length > 0) worker.pool.ready.push(worker.lane)
        else closeLane(worker.lane)
        worker.lane = undefined
      }
      retire(worker)
    }

    /** Takes the worker's place back, whoever of its run may still wait. */
    const redeem = (worker: Worker): void => {
      if (worker.waiting.length > 0) worker.pool.lent--
      worker.waiting = []
    }

    const retire = (worker: Worker): void => {
      worker.pool.employed--
      redeem(worker)
      if (ordinary.employed + urgent.employed === 0) idle.unsafeOpen()
    }

    /** Tells a handler that it did not come to its own end; that is code of the user too. */
    const tellHandler = (handler: Handler, event: Event.Event, cause: Cause.Cause<Cause.TimeoutException>) =>
      Effect.suspend(() => {
        if (handler.stopped !== undefined) return handler.stopped(event, cause)
        DeliveryMetrics.handlersFailed.unsafeUpdate(1, [])
        return tellFailure(handler.name, cause, event)
      }).pipe(Effect.catchAllDefect((defect) => tellFailure(handler.name, Cause.die(defect), event)))

    /** Tells the handlers that did not come to their own end. Apart, for it is their code again, and may take its time. */
    const tellStopped = (work: Work, cause: Cause.Cause<Cause.TimeoutException>): Effect.Effect<void> =>
      Effect.forEach(
        work.handlers.filter((handler) => work.over?.has(handler) !== true),
        (handler) => tellHandler(handler, work.event, cause),
        { concurrency: "unbounded", discard: true }
      ).pipe(
        Effect.timeoutOption(policy.handlerTimeout),
        // this is asked for where nothing can be interrupted any more
        Effect.interruptible,
        Effect.forkIn(scope),
        Effect.asVoid
      )

    const timedOut = (): Cause.Cause<Cause.TimeoutException> =>
      Cause.fail(new Cause.TimeoutException(`stopped after ${Duration.format(policy.handlerTimeout)}`))

    const end = (worker: Worker, exit: Exit.Exit<void>): Effect.Effect<void> =>
      Effect.suspend(() => {
        workers.delete(worker)
        if (worker.state === "left") return Effect.void
        if (closing) {
          retire(worker)
          return Effect.void
        }
        const { work } = worker
        dismiss(worker)
        if (work === undefined || worker.state === "parted") return employ
        const cause = worker.state === "working" && Exit.isFailure(exit) ? exit.cause : timedOut()
        return Effect.zipRight(employ, tellStopped(work, cause))
      })

    /** Works through conversations until none is ready. */
    const labour = (worker: Worker): Effect.Effect<void> => {
      let handled = 0
      return Effect.whileLoop({
        while: () => {
          const count = next(worker, handled)
          handled = count ?? 0
          return count !== undefined
        },
        body: () => {
          if (worker.work === undefined) return Effect.void
          const run = runAll(worker, worker.work)
          // what may take its time leaves the conversations that are ready to another worker
          return worker.pool.ready.length === 0 || Exit.isExit(run) ? run : Effect.zipRight(employ, run)
        },
        step: () => finish(worker)
      }).pipe(Effect.onExit((exit) => end(worker, exit)))
    }

    const employOne = (pool: Pool): Effect.Effect<void> => {
      pool.employed++
      pool.starting = true
      idle.unsafeClose()
      const begin = Effect.withFiberRuntime<void>((fiber) => {
        pool.starting = false
        const worker: Worker = {
          fiber,
          pool,
          lane: undefined,
          work: undefined,
          deadline: 0,
          since: 0,
          state: "working",
          waiting: []
        }
        workers.add(worker)
        return labour(worker)
      })
      // a fiber inherits whether it can be interrupted, and the end of another worker cannot be
      return Effect.asVoid(Effect.forkIn(Effect.interruptible(begin), scope))
    }

    const wantsWorker = ({ concurrency, employed, lent, ready, starting }: Pool): boolean =>
      !starting && ready.length > 0 && employed - lent < concurrency

    /**
     * One more worker, where a conversation is ready and the policy allows it. It begins when the one that runs now has to
     * wait or is done, and brings in the next one itself; so what takes no time needs no more than one.
     */
    const employ: Effect.Effect<void> = Effect.suspend(() => {
      if (halted()) return Effect.void
      if (!wantsWorker(urgent)) return wantsWorker(ordinary) ? employOne(ordinary) : Effect.void
      const first = employOne(urgent)
      return wantsWorker(ordinary) ? Effect.zipRight(first, employOne(ordinary)) : first
    })

    /** Handlers that do nothing but wait for what will not come any more: the next process begins with their event again. */
    const partIfIdle = (worker: Worker): Effect.Effect<void> => {
      const { state, waiting, work } = worker
      const isBusy = work?.handlers.some(
        (handler) => work.over?.has(handler) !== true && !waiting.includes(handler.name)
      )
      if (state !== "working" || waiting.length === 0 || isBusy !== false) return Effect.void
      worker.state = "parted"
      return Fiber.interruptFork(worker.fiber)
    }

    /** What a run has taken before, should it ask again; a run that is tried again gets the same events. */
    const takenBefore = ({ handler, index, work }: Owner): Event.Event | undefined =>
      work.taken?.find((taken) => taken.handler === handler && taken.index === index)?.work.event

    /** Takes the first event of a queue that the waiter accepts. */
    const takeFrom = (waiting: Array<Work>, waiter: Waiter): void => {
      const index = waiting.findIndex(({ event, isTwin }) => !isTwin && waiters.accepts(waiter, event))
      if (index < 0) return
      for (const work of waiting.splice(index, 1)) {
        give(waiter, work)
        // its twin may wait behind it
        const twin = work.id === undefined ? -1 : waiting.findIndex(({ id }) => id === work.id)
        if (twin >= 0) waiting.splice(twin, 1).forEach(settle)
      }
    }

    const takeQueued = ({ lane }: Worker, waiter: Waiter): void => {
      if (lane === undefined) return
      const kept = lane.unclaimed?.take(({ entry, event }) => !entry.settled && waiters.accepts(waiter, event))
      if (kept === undefined) takeFrom(lane.waiting, waiter)
      else give(waiter, kept)
    }

    /** Waits with the worker's place given to others; it is taken back whether or not one is free. */
    const lending = <A, E>(
      worker: Worker | undefined,
      handler: string | undefined,
      wait: Effect.Effect<A, E>
    ): Effect.Effect<A, E> =>
      worker === undefined || handler === undefined
        ? wait
        : Effect.acquireUseRelease(
            Effect.suspend(() => {
              if (worker.waiting.push(handler) === 1) worker.pool.lent++
              return Effect.as(stopping ? Effect.zipRight(partIfIdle(worker), employ) : employ, worker.work)
            }),
            () => wait,
            (work) =>
              Effect.sync(() => {
                // a fiber may outlive its run, and the worker is at another one by then
                if (worker.work !== work || worker.waiting.length === 0) return
                worker.waiting.splice(worker.waiting.indexOf(handler), 1)
                if (worker.waiting.length === 0) worker.pool.lent--
              })
          )

    const nextEvent = (wanted: Wanted): Effect.Effect<Event.Event, Cause.TimeoutException> =>
      Effect.flatMap(HandlerRun.CurrentRun, (current) => {
        const run = Option.getOrUndefined(current)
        const worker =
          run === undefined
            ? undefined
            : [...workers].find(({ work }) => work?.event === run.event && work !== undefined)
        const work = worker?.work
        const owner: Owner | undefined =
          run === undefined || work === undefined ? undefined : { work, handler: run.handler, index: run.nextTaken() }
        const before = owner === undefined ? undefined : takenBefore(owner)
        if (before !== undefined) return Effect.succeed(before)
        const waiter: Waiter = Waiters.waiter(wanted)
        return Effect.acquireUseRelease(
          Effect.sync(() => {
            waiters.add(waiter)
            if (wanted.queued && worker !== undefined && !stopping) takeQueued(worker, waiter)
          }),
          () =>
            lending(worker, run?.handler, Effect.timeout(Deferred.await(waiter.event), wanted.timeout)).pipe(
              // what came in the last instant has come
              Effect.catchAll((late) => (waiter.given === undefined ? late : Effect.succeed(waiter.given.event)))
            ),
          (_, exit) =>
            Effect.suspend(() => {
              waiters.remove(waiter)
              if (waiter.given === undefined) return Effect.void
              if (Exit.isSuccess(exit)) takeOver(waiter.given, owner)
              else giveBack(waiter.given)
              return employ
            })
        )
      })

    const routeAll = (inbox: Inbox.Inbox, entries: ReadonlyArray<Inbox.Entry>): Effect.Effect<void> => {
      let index = 0
      return Effect.whileLoop({
        while: () => index < entries.length,
        body: () => {
          let after: Effect.Effect<void> = employ
          // right behind another event, one begins when that one was done: the clock is read once for both
          routedAt = monotonicMillis()
          const end = Math.min(index + batch, entries.length)
          while (index < end) {
            const entry = entries[index++]
            const said = entry === undefined ? undefined : route(inbox, entry)
            if (said !== undefined) after = Effect.zipRight(said, after)
          }
          return index < entries.length ? Effect.zipRight(after, Effect.yieldNow()) : after
        },
        step: () => undefined
      })
    }

    /** Stops what is out of time, and says when to look again. */
    const inspect = (worker: Worker, now: number): Effect.Effect<number> => {
      const { work } = worker
      if (work === undefined || worker.state === "left" || worker.state === "parted")
        return Effect.succeed(Number.POSITIVE_INFINITY)
      if (worker.deadline > now) return Effect.succeed(worker.deadline)
      if (worker.state === "working") {
        worker.state = "stopped"
        worker.deadline = now + lastWords
        return Effect.as(Fiber.interruptFork(worker.fiber), worker.deadline)
      }
      worker.state = "left"
      dismiss(worker)
      return tellStopped(work, timedOut()).pipe(Effect.zipRight(employ), Effect.as(Number.POSITIVE_INFINITY))
    }

    /** Sleeps until the earliest deadline, so it costs nothing per event. */
    const watch: Effect.Effect<never> = Effect.gen(function* () {
      while (true) {
        yield* working.await
        const now = monotonicMillis()
        let earliest = Number.POSITIVE_INFINITY
        for (const worker of workers) earliest = Math.min(earliest, yield* inspect(worker, now))
        if (earliest === Number.POSITIVE_INFINITY) working.unsafeClose()
        // what begins meanwhile may be less patient, but never less than this
        else yield* Effect.sleep(Math.min(earliest - now, Math.max(handlerTimeout, 100)))
      }
    })

    const gaugeOf = (labels: GatewayMetrics.Labels): Inbox.Gauge => {
      const depth = DeliveryMetrics.inboxDepth(labels)
      const behind = DeliveryMetrics.watermarkLag(labels)
      return (unsettled, lag) => {
        depth.unsafeUpdate(unsettled, noTags)
        behind.unsafeUpdate(lag, noTags)
      }
    }

    const intake = (labels?: GatewayMetrics.Labels): Intake => {
      const inbox = Inbox.make(policy, (entry) => leaveOut(entry), labels === undefined ? undefined : gaugeOf(labels))
      if (stopping) inbox.close()
      inboxes.push(inbox)
      const sink: DispatchSinkShape = {
        begin: (sequence, settled, older) => {
          deduplication.begin(inbox)
          deduplication.restore(inbox, settled)
          inbox.begin(sequence, older)
        },
        offer: inbox.offer,
        announce: (frame) => inbox.announce(frame),
        gap: (gap, settled) => {
          const event = Event.gap(gap)
          inbox.announce(event.envelope, event, settled)
        },
        watermark: inbox.watermark,
        progress: () => ({
          watermark: inbox.watermark(),
          settled: deduplication.snapshot(inbox, clock.unsafeCurrentTimeMillis())
        }),
        room: inbox.room,
        changed: inbox.changed
      }
      return { sink, run: Effect.forever(Effect.flatMap(inbox.take, (entries) => routeAll(inbox, entries))) }
    }

    const drain = Effect.suspend(() => {
      for (const inbox of inboxes) inbox.close()
      stopping = true
      const parted = Effect.forEach([...workers], partIfIdle, { discard: true })
      // what has just arrived is given its worker first
      return Effect.zipRight(
        parted,
        Release.within(Effect.zipRight(Effect.yieldNow(), idle.await), policy.drainTimeout)
      )
    }).pipe(
      Effect.flatMap((done) =>
        Option.isSome(done)
          ? Effect.void
          : Effect.logWarning(`handlers were still running after ${Duration.format(policy.drainTimeout)}`)
      )
    )

    const events = Stream.unwrapScoped(
      Effect.acquireRelease(
        Effect.sync(() => {
          lookers++
          return Stream.fromPubSub(looked)
        }),
        () =>
          Effect.sync(() => {
            lookers--
          })
      )
    )

    return {
      intake,
      run: watch,
      drain,
      next: nextEvent,
      events,
      unsettled: () => inboxes.reduce((total, inbox) => total + inbox.size(), 0),
      conversations: () => lanes.size,
      remembered: deduplication.size
    }
  })
