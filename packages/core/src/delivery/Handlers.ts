/**
 * Runs the handlers: the events of one conversation one after another, different conversations side by side, each event
 * settled when all its handlers are done, and no handler able to stop the bot.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
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
  readonly run: (event: Event.Event, context: Context.Context<HandlerRun.CurrentRun>) => Effect.Effect<void>
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
        const namesakes = handlers.filter(({ name }) => name === handler.name || name.startsWith(`${handler.name}#`))
        handlers.push(
          namesakes.length === 0 ? handler : { ...handler, name: `${handler.name}#${namesakes.length + 1}` }
        )
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
  /** Runs the handler again after a typed failure. Default: never. */
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
      const whole = (event: Event.EventOf<T>): Effect.Effect<unknown, E | Cause.TimeoutException, R> => {
        const run = Effect.suspend(() => handler(event))
        const retried = options?.retry === undefined ? run : Effect.retry(run, options.retry)
        return options?.timeout === undefined ? retried : Effect.timeout(retried, options.timeout)
      }
      yield* registry.register({
        name,
        types: list,
        run: (event, run) => {
          // the registry calls a handler with events of its types only
          const own = event as Event.EventOf<T>
          return Effect.scoped(whole(own)).pipe(
            Effect.catchAllCause((cause) => {
              DeliveryMetrics.handlersFailed.unsafeUpdate(1, [])
              return onFailure === undefined ? tell(name, cause) : onFailure(cause, own)
            }),
            Effect.provide(Context.merge(context, run)),
            Effect.asVoid
          ) as Effect.Effect<void>
        }
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
}

/** One fiber that runs handlers, for one conversation at a time. */
interface Worker {
  readonly fiber: Fiber.RuntimeFiber<unknown, unknown>
  work: Work | undefined
  /** Monotonic milliseconds: a wall clock that is set must not end a handler. */
  deadline: number
  timedOut: boolean
}

/** How many events of one conversation are handled before others that wait get their turn. */
const turn = 32

/** How many events are looked at before other fibers get theirs. */
const batch = 256

/** How many events a slow reader of `events` may lag behind. */
const lag = 1024

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
    const inbox = Inbox.make(policy)
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
    let stopping = false

    const monotonicMillis = (): number => Number(clock.unsafeCurrentTimeNanos() / 1_000_000n)

    const byType = new Map<string, ReadonlyArray<Handler>>()
    for (const handler of options.handlers) {
      for (const type of handler.types) byType.set(type, [...(byType.get(type) ?? none), handler])
    }

    const handlersFor = (type: string | undefined): ReadonlyArray<Handler> =>
      byType.get(Event.isKnown(type) && type !== undefined ? type : "Unknown") ?? none

    const settle = (work: Work): void => {
      inbox.settle(work.entry)
      if (work.key !== undefined) {
        deduplication.settle(work.key, work.entry.frame.t ?? "", clock.unsafeCurrentTimeMillis(), inbox.watermark())
      }
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
      const type = frame.t ?? ""
      const key = Event.identityKey(frame)
      const before = key === undefined ? [] : deduplication.receive(key, type, frame.s ?? 0)
      if (before === undefined) {
        DeliveryMetrics.eventsDuplicated.unsafeUpdate(1, [])
        inbox.settle(entry)
        return undefined
      }
      // a handler sees a message once, whichever twin brings it
      const handlers =
        before.length === 0 ? all : all.filter((handler) => !handler.types.some((handled) => before.includes(handled)))
      const event = Event.decode(frame)
      if (Either.isLeft(event)) {
        settle({ entry, event: { t: "Unknown", envelope: frame }, handlers: none, key })
        return malformed(entry)
      }
      const work: Work = { entry, event: event.right, handlers, key }
      if (lookers > 0) looked.unsafeOffer(event.right)
      if (handlers.length === 0) settle(work)
      else enqueue(work)
      return undefined
    }

    const runHandler = (handler: Handler, event: Event.Event): Effect.Effect<void> =>
      handler.run(event, Context.make(HandlerRun.CurrentRun, Option.some(HandlerRun.make(handler.name, event))))

    const runAll = (work: Work): Effect.Effect<void> => {
      const [first] = work.handlers
      return work.handlers.length === 1 && first !== undefined
        ? runHandler(first, work.event)
        : Effect.forEach(work.handlers, (handler) => runHandler(handler, work.event), {
            concurrency: "unbounded",
            discard: true
          })
    }

    const halted = (): boolean => stopping && !options.drainWaiting

    /** Works through conversations until none is ready. */
    const labour = (worker: Worker): Effect.Effect<void> => {
      let lane: Lane | undefined
      let handled = 0
      const next = (): boolean => {
        if (halted()) return false
        if (lane !== undefined && lane.waiting.length > 0 && handled >= turn && ready.length > 0) {
          ready.push(lane)
          lane = undefined
        }
        while (lane === undefined || lane.waiting.length === 0) {
          if (lane !== undefined) lanes.delete(lane.key)
          lane = ready.shift()
          handled = 0
          if (lane === undefined) return false
        }
        const work = lane.waiting.shift()
        if (work === undefined) return false
        handled++
        // a full inbox may have dropped it while it waited
        if (work.entry.settled) {
          settle(work)
          return next()
        }
        work.entry.started = true
        worker.work = work
        worker.deadline = monotonicMillis() + handlerTimeout
        working.unsafeOpen()
        return true
      }
      const finish = (): void => {
        if (worker.work === undefined) return
        const work = worker.work
        worker.work = undefined
        DeliveryMetrics.eventsHandled.unsafeUpdate(1, [])
        settle(work)
      }
      /** The events behind one that ran out of time are for another worker. */
      const handOver = (): void => {
        if (lane === undefined) return
        if (lane.waiting.length > 0) ready.push(lane)
        else lanes.delete(lane.key)
        lane = undefined
      }
      return Effect.whileLoop({
        while: next,
        body: () => (worker.work === undefined ? Effect.void : runAll(worker.work)),
        step: finish
      }).pipe(
        Effect.onExit(() =>
          Effect.suspend(() => {
            workers.delete(worker)
            active--
            const late = worker.timedOut ? worker.work : undefined
            if (late !== undefined) {
              finish()
              handOver()
            }
            if (active === 0) idle.unsafeOpen()
            return late === undefined
              ? Effect.void
              : Effect.zipRight(
                  Effect.suspend(() => {
                    DeliveryMetrics.handlersFailed.unsafeUpdate(1, [])
                    return Effect.logError(
                      `handlers of ${late.entry.frame.t} were stopped after ${Duration.format(policy.handlerTimeout)}`
                    )
                  }),
                  employ
                )
          })
        )
      )
    }

    const employOne: Effect.Effect<void> = Effect.suspend(() => {
      active++
      idle.unsafeClose()
      const begin = Effect.withFiberRuntime<void>((fiber) => {
        const worker: Worker = { fiber, work: undefined, deadline: 0, timedOut: false }
        workers.add(worker)
        return labour(worker)
      })
      return Effect.asVoid(Effect.forkIn(begin, scope))
    })

    /** One worker for each conversation that is ready, as far as the policy allows. */
    const employ: Effect.Effect<void> = Effect.suspend(() => {
      const wanted = halted() ? 0 : Math.min(ready.length, policy.concurrency - active)
      return wanted <= 0
        ? Effect.void
        : wanted === 1
          ? employOne
          : Effect.replicateEffect(employOne, wanted, { discard: true })
    })

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

    /** Stops runs that are out of time. Sleeps until the earliest deadline, so it costs nothing per event. */
    const watch: Effect.Effect<never> = Effect.gen(function* () {
      while (true) {
        yield* working.await
        const now = monotonicMillis()
        let earliest = Number.POSITIVE_INFINITY
        for (const worker of workers) {
          if (worker.work === undefined || worker.timedOut) continue
          if (worker.deadline <= now) {
            worker.timedOut = true
            yield* Fiber.interruptFork(worker.fiber)
          } else earliest = Math.min(earliest, worker.deadline)
        }
        if (earliest === Number.POSITIVE_INFINITY) working.unsafeClose()
        else yield* Effect.sleep(earliest - now)
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
      return Effect.zipRight(Effect.yieldNow(), idle.await)
    }).pipe(
      Effect.interruptible,
      Effect.timeoutOption(policy.drainTimeout),
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
