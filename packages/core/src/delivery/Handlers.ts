/**
 * Runs the handlers: the events of one conversation one after another, different conversations side by side, each event
 * settled when all its handlers are done, and no handler able to stop the bot.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import type * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Event from "../events/Event.ts"
import * as HandlerRun from "../events/HandlerRun.ts"
import type { DispatchSinkShape } from "../gateway/DispatchSink.ts"
import * as Release from "../gateway/Release.ts"
import * as Deduplication from "./Deduplication.ts"
import * as DeliveryMetrics from "./DeliveryMetrics.ts"
import type { DeliveryPolicy } from "./DeliveryPolicy.ts"
import * as Inbox from "./Inbox.ts"

/**
 * A handler that is ready to run: it needs nothing and never fails.
 *
 * @since 0.1.0
 * @category models
 */
export interface Handler {
  /** Names the handler in logs, and in the `msg_seq` of its replies: the same in every process. */
  readonly name: string
  readonly types: ReadonlyArray<Event.EventType>
  /** `name`: that under which it was registered, which may have got a number. */
  readonly run: (event: Event.Event, name: string) => Effect.Effect<void>
  /** How long a run may take, where that is longer than the delivery policy says. */
  readonly timeout?: Duration.Duration | undefined
  /** Told of a run that was stopped because it was out of time, or that ended its own fiber. Default: it is logged. */
  readonly stopped?:
    | ((event: Event.Event, cause: Cause.Cause<Cause.TimeoutException>) => Effect.Effect<void>)
    | undefined
}

/**
 * Where handlers are registered while a program is put together.
 *
 * @since 0.1.0
 * @category tags
 */
export class HandlerRegistry extends Context.Tag("@effect-qq/core/HandlerRegistry")<
  HandlerRegistry,
  {
    /** Registers a handler. Two handlers may not have the same name: the later one gets a number. */
    readonly register: (handler: Handler) => Effect.Effect<void>
    readonly handlers: Effect.Effect<ReadonlyArray<Handler>>
  }
>() {}

/**
 * An empty registry.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeRegistry: Effect.Effect<Context.Tag.Service<HandlerRegistry>> = Effect.sync(() => {
  const handlers: Array<Handler> = []
  return HandlerRegistry.of({
    register: (handler) =>
      Effect.sync(() => {
        const taken = new Set(handlers.map(({ name }) => name))
        let name = handler.name
        for (let number = 2; taken.has(name); number++) name = `${handler.name}#${number}`
        handlers.push({ ...handler, name })
      }),
    handlers: Effect.sync(() => [...handlers])
  })
})

/**
 * How one handler is run.
 *
 * @since 0.1.0
 * @category models
 */
export interface HandlerOptions<T extends Event.EventType, E> {
  /** Default: the event types, joined by `+`. Give one where two handlers listen to the same types. */
  readonly name?: string | undefined
  /**
   * Runs the handler again after a typed failure, with a scope of its own. It is the same run: what it replied before, it
   * replies again, and the platform shows it once. Default: never.
   */
  readonly retry?: Schedule.Schedule<unknown, E> | undefined
  /** How long one run may take, retries included. Default: what the delivery policy says. */
  readonly timeout?: Duration.DurationInput | undefined
  /** Told when the handler failed, died or ran out of time. Default: the failure is logged. */
  readonly onFailure?:
    | ((cause: Cause.Cause<E | Cause.TimeoutException>, event: Event.EventOf<T>) => Effect.Effect<void>)
    | undefined
}

const tell = (name: string, cause: Cause.Cause<unknown>): Effect.Effect<void> =>
  Effect.logError(`handler ${name} failed`, cause)

/**
 * A Layer that registers a handler for events of the named types. What the handler needs, but for a `Scope`, which each
 * run has for its own, is needed by the Layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const on = <const T extends Event.EventType, E, R>(
  types: T | ReadonlyArray<T>,
  handler: (event: Event.EventOf<T>) => Effect.Effect<unknown, E, R>,
  options?: HandlerOptions<T, E>
): Layer.Layer<never, never, Exclude<R, Scope.Scope> | HandlerRegistry> => {
  const list: ReadonlyArray<T> = typeof types === "string" ? [types] : types
  const name = options?.name ?? list.join("+")
  const onFailure = options?.onFailure
  return Layer.effectDiscard(
    Effect.gen(function* () {
      const registry = yield* HandlerRegistry
      const context = yield* Effect.context<Exclude<R, Scope.Scope>>()
      const failed = (cause: Cause.Cause<E | Cause.TimeoutException>, event: Event.EventOf<T>): Effect.Effect<void> =>
        Effect.suspend(() => {
          DeliveryMetrics.handlersFailed.unsafeUpdate(1, [])
          return onFailure === undefined ? tell(name, cause) : onFailure(cause, event)
        }).pipe(Effect.catchAllCause((another) => tell(name, another)))
      const attempt = (event: Event.EventOf<T>): Effect.Effect<unknown, E, R> => {
        try {
          return handler(event)
        } catch (defect) {
          return Effect.die(defect)
        }
      }
      /** Runs what a handler gave for an event, with a scope and a context of its own. */
      const once = (effect: Effect.Effect<unknown, E, R>, run: HandlerRun.HandlerRun): Effect.Effect<unknown, E> =>
        Effect.flatMap(Scope.make(), (scope) =>
          effect.pipe(
            Effect.provide(
              context.pipe(
                Context.add(HandlerRun.CurrentRun, Option.some(run)),
                Context.add(Scope.Scope, scope)
                // all that R asks for, though the type system cannot see that R without Scope and with it is R
              ) as Context.Context<R>
            ),
            Effect.onExit((exit) => Scope.close(scope, exit))
          )
        )
      const whole = (
        first: Effect.Effect<unknown, E, R>,
        event: Event.EventOf<T>,
        run: HandlerRun.HandlerRun
      ): Effect.Effect<unknown, E | Cause.TimeoutException> => {
        let effect: Effect.Effect<unknown, E, R> | undefined = first
        const retried =
          options?.retry === undefined
            ? once(first, run)
            : Effect.retry(
                Effect.suspend(() => {
                  const now = effect ?? attempt(event)
                  effect = undefined
                  // its replies are counted from the first one again: they are the same replies
                  return once(now, HandlerRun.again(run))
                }),
                options.retry
              )
        return options?.timeout === undefined ? retried : Effect.timeout(retried, options.timeout)
      }
      yield* registry.register({
        name,
        types: list,
        timeout: options?.timeout === undefined ? undefined : Duration.decode(options.timeout),
        run: (event, registered) => {
          // the registry calls a handler with events of its types only
          const own = event as Event.EventOf<T>
          const first = attempt(own)
          // most events are not meant for most handlers: one that has nothing to do needs no scope and no context
          if (Exit.isExit(first) && Exit.isSuccess(first)) return Effect.void
          return Effect.matchCauseEffect(whole(first, own, HandlerRun.make(registered, event)), {
            onFailure: (cause) => failed(cause, own),
            onSuccess: () => Effect.void
          })
        },
        stopped: (event, cause) => failed(cause, event as Event.EventOf<T>)
      })
    })
  )
}

/**
 * What {@link make} gives.
 *
 * @since 0.1.0
 * @category models
 */
export interface Delivery {
  /** The port that a session hands its dispatches to. */
  readonly sink: DispatchSinkShape
  /** Runs the handlers until it is interrupted. */
  readonly run: Effect.Effect<never>
  /** Takes no more events, begins no more handlers, and waits until those that run are done. */
  readonly drain: Effect.Effect<void>
  /** Every event that is received, for looking at: a slow reader misses some. */
  readonly events: Stream.Stream<Event.Event>
  /** Events that are received and not settled. */
  readonly unsettled: () => number
}

/** The events of one conversation that wait for their turn. */
interface Lane {
  readonly key: string
  readonly waiting: Array<Work>
}

interface Work {
  readonly entry: Inbox.Entry
  readonly event: Event.Event
  readonly handlers: ReadonlyArray<Handler>
  readonly key: string | undefined
  /** Of several handlers, those whose runs are over. */
  readonly over: Set<Handler> | undefined
}

/** One fiber that runs handlers, for one conversation at a time. */
interface Worker {
  readonly fiber: Fiber.RuntimeFiber<unknown, unknown>
  lane: Lane | undefined
  work: Work | undefined
  /** Monotonic milliseconds: a wall clock that is set must not end a handler. */
  deadline: number
  /** `stopped`: it is out of time and was interrupted; `left`: it does not heed that, and others go on without it. */
  state: "working" | "stopped" | "left"
}

/** How many events of one conversation are handled before others that wait get their turn. */
const turn = 32

/** How many events are looked at before other fibers get theirs. */
const batch = 256

/** How many events a slow reader of `events` may lag behind. */
const lag = 1024

/** How long, in milliseconds, a run that was stopped may take to end, before the next event of its conversation begins. */
const lastWords = 10_000

const none: ReadonlyArray<Handler> = []

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
}): Effect.Effect<Delivery, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { policy } = options
    // made now, and so closed after whatever is added later, such as a finalizer that drains
    const scope = yield* Effect.flatMap(Effect.scope, (outer) => Scope.fork(outer, ExecutionStrategy.parallel))
    const clock = yield* Effect.clock
    const inbox = Inbox.make(policy, (entry) => leaveOut(entry))
    const deduplication = Deduplication.make(policy)
    const looked = yield* PubSub.sliding<Event.Event>(lag)
    const handlerTimeout = Duration.toMillis(policy.handlerTimeout)
    const lanes = new Map<string, Lane>()
    const ready: Array<Lane> = []
    const workers = new Set<Worker>()
    const idle = Effect.unsafeMakeLatch(true)
    const working = Effect.unsafeMakeLatch(false)
    let lookers = 0
    let active = 0
    /** Whether a worker has been employed and has not begun. */
    let starting = false
    let stopping = false
    let closing = false

    // runs before the scope of the workers is closed: what is interrupted from then on is left to be replayed
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        closing = true
      })
    )

    const monotonicMillis = (): number => Number(clock.unsafeCurrentTimeNanos() / 1_000_000n)

    const byType = new Map<string, ReadonlyArray<Handler>>()
    for (const handler of options.handlers) {
      for (const type of handler.types) byType.set(type, [...(byType.get(type) ?? none), handler])
    }

    /** The event type as handlers name it. */
    const kindOf = (type: string | undefined): string => (Event.isKnown(type) && type !== undefined ? type : "Unknown")

    const handlersFor = (type: string | undefined): ReadonlyArray<Handler> => byType.get(kindOf(type)) ?? none

    const settle = ({ entry, key }: Pick<Work, "entry" | "key">): void => {
      inbox.settle(entry)
      if (key !== undefined) {
        deduplication.settle(key, entry.frame.t ?? "", clock.unsafeCurrentTimeMillis(), inbox.watermark())
      }
    }

    /** An entry that a full inbox dropped must not wait for its turn: that could be any number of them. */
    const leaveOut = (entry: Inbox.Entry): void => {
      const lane = lanes.get(Event.orderKey(entry.frame))
      const index = lane === undefined ? -1 : lane.waiting.findIndex((work) => work.entry === entry)
      // one that is not in its lane yet will not get there
      if (lane === undefined || index < 0) return
      for (const work of lane.waiting.splice(index, 1)) settle(work)
      if (lane.waiting.length > 0) return
      const place = ready.indexOf(lane)
      if (place < 0) return
      ready.splice(place, 1)
      lanes.delete(lane.key)
    }

    const malformed = (entry: Inbox.Entry): Effect.Effect<void> =>
      Effect.suspend(() => {
        DeliveryMetrics.eventsMalformed.unsafeUpdate(1, [])
        return Effect.logWarning(`an event could not be decoded: ${entry.frame.t}`)
      })

    const enqueue = (work: Work): void => {
      const key = Event.orderKey(work.entry.frame)
      const lane = lanes.get(key)
      if (lane !== undefined) {
        lane.waiting.push(work)
        return
      }
      const fresh: Lane = { key, waiting: [work] }
      lanes.set(key, fresh)
      ready.push(fresh)
    }

    /** Finds out what is to be done about an event; most of it is done at once. */
    const route = (entry: Inbox.Entry): Effect.Effect<void> | undefined => {
      if (entry.settled) return undefined
      const frame = entry.frame
      const all = handlersFor(frame.t)
      if ((all.length === 0 && lookers === 0) || (!policy.messagesByBots && Event.isByBot(frame))) {
        inbox.settle(entry)
        return undefined
      }
      const event = Event.decode(frame)
      if (Either.isLeft(event)) {
        inbox.settle(entry)
        return malformed(entry)
      }
      const key = Event.identityKey(frame)
      const before = key === undefined ? [] : deduplication.receive(key, frame.t ?? "", frame.s ?? 0)
      if (before === undefined) {
        DeliveryMetrics.eventsDuplicated.unsafeUpdate(1, [])
        inbox.settle(entry)
        return undefined
      }
      // a handler sees a message once, whichever twin brings it
      const seen = before.map(kindOf)
      const handlers =
        seen.length === 0 ? all : all.filter((handler) => !handler.types.some((handled) => seen.includes(handled)))
      const over = handlers.length > 1 ? new Set<Handler>() : undefined
      const work: Work = { entry, event: event.right, handlers, key, over }
      if (lookers > 0) looked.unsafeOffer(event.right)
      if (handlers.length === 0) settle(work)
      else enqueue(work)
      return undefined
    }

    const runAll = (work: Work): Effect.Effect<void> => {
      const { event, handlers, over } = work
      const [first] = handlers
      return over === undefined && first !== undefined
        ? first.run(event, first.name)
        : Effect.forEach(
            handlers,
            (handler) =>
              Effect.zipRight(
                handler.run(event, handler.name),
                Effect.sync(() => over?.add(handler))
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
      let count = handled
      if (worker.lane !== undefined && worker.lane.waiting.length > 0 && count >= turn && ready.length > 0) {
        ready.push(worker.lane)
        worker.lane = undefined
      }
      while (worker.lane === undefined || worker.lane.waiting.length === 0) {
        if (worker.lane !== undefined) lanes.delete(worker.lane.key)
        worker.lane = ready.shift()
        count = 0
        if (worker.lane === undefined) return undefined
      }
      const work = worker.lane.waiting.shift()
      if (work === undefined) return undefined
      work.entry.started = true
      worker.work = work
      worker.deadline = monotonicMillis() + patienceWith(work.handlers)
      working.unsafeOpen()
      return count + 1
    }

    const finish = (worker: Worker): void => {
      if (worker.work === undefined) return
      const work = worker.work
      worker.work = undefined
      DeliveryMetrics.eventsHandled.unsafeUpdate(1, [])
      settle(work)
    }

    /** The worker takes no further part. What it had begun is done with; what waits behind that is for others. */
    const dismiss = (worker: Worker): void => {
      finish(worker)
      if (worker.lane !== undefined) {
        if (worker.lane.waiting.length > 0) ready.push(worker.lane)
        else lanes.delete(worker.lane.key)
        worker.lane = undefined
      }
      retire()
    }

    const retire = (): void => {
      active--
      if (active === 0) idle.unsafeOpen()
    }

    /** Tells the handlers that did not come to their own end. Apart, for it is their code again, and may take its time. */
    const tellStopped = (work: Work, cause: Cause.Cause<Cause.TimeoutException>): Effect.Effect<void> =>
      Effect.forEach(
        work.handlers.filter((handler) => work.over?.has(handler) !== true),
        (handler) =>
          handler.stopped === undefined
            ? Effect.suspend(() => {
                DeliveryMetrics.handlersFailed.unsafeUpdate(1, [])
                return tell(handler.name, cause)
              })
            : handler.stopped(work.event, cause),
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
          retire()
          return Effect.void
        }
        const { work } = worker
        dismiss(worker)
        if (work === undefined) return employ
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
          const run = runAll(worker.work)
          // what may take its time leaves the conversations that are ready to another worker
          return ready.length === 0 || Exit.isExit(run) ? run : Effect.zipRight(employ, run)
        },
        step: () => finish(worker)
      }).pipe(Effect.onExit((exit) => end(worker, exit)))
    }

    const employOne: Effect.Effect<void> = Effect.suspend(() => {
      active++
      starting = true
      idle.unsafeClose()
      const begin = Effect.withFiberRuntime<void>((fiber) => {
        starting = false
        const worker: Worker = { fiber, lane: undefined, work: undefined, deadline: 0, state: "working" }
        workers.add(worker)
        return labour(worker)
      })
      // a fiber inherits whether it can be interrupted, and the end of another worker cannot be
      return Effect.asVoid(Effect.forkIn(Effect.interruptible(begin), scope))
    })

    /**
     * One more worker, where a conversation is ready and the policy allows it. It begins when the one that runs now has to
     * wait or is done, and brings in the next one itself; so what takes no time needs no more than one.
     */
    const employ: Effect.Effect<void> = Effect.suspend(() =>
      !halted() && !starting && ready.length > 0 && active < policy.concurrency ? employOne : Effect.void
    )

    const routeAll = (entries: ReadonlyArray<Inbox.Entry>): Effect.Effect<void> => {
      let index = 0
      return Effect.whileLoop({
        while: () => index < entries.length,
        body: () => {
          let after: Effect.Effect<void> = employ
          const end = Math.min(index + batch, entries.length)
          while (index < end) {
            const entry = entries[index++]
            const said = entry === undefined ? undefined : route(entry)
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
      if (work === undefined || worker.state === "left") return Effect.succeed(Number.POSITIVE_INFINITY)
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

    const consume = Effect.forever(Effect.flatMap(inbox.take, routeAll))

    const sink: DispatchSinkShape = {
      begin: (sequence, settled) => {
        deduplication.begin()
        deduplication.restore(settled)
        inbox.begin(sequence)
      },
      offer: inbox.offer,
      watermark: inbox.watermark,
      progress: () => ({
        watermark: inbox.watermark(),
        settled: deduplication.snapshot(clock.unsafeCurrentTimeMillis(), inbox.watermark())
      }),
      room: inbox.room,
      changed: inbox.changed
    }

    const drain = Effect.suspend(() => {
      inbox.close()
      stopping = true
      // what has just arrived is given its worker first
      return Release.within(Effect.zipRight(Effect.yieldNow(), idle.await), policy.drainTimeout)
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
      sink,
      run: Effect.raceFirst(consume, watch),
      drain,
      events,
      unsettled: inbox.size
    }
  })
