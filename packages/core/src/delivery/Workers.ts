/**
 * The fibers that run handlers: at most `concurrency` at a time, each of which takes one event after another from the
 * conversation queues. A worker whose handlers are out of time is stopped, and left behind if it does not stop; one whose
 * handlers wait for another event lends its slot to others.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import type * as Event from "../events/Event.ts"
import type { ConversationQueue, ConversationQueues } from "./ConversationQueues.ts"
import type { DeliveryPolicy } from "./DeliveryPolicy.ts"
import type { HandlerRuns, Runner } from "./HandlerRuns.ts"
import * as RunContext from "./RunContext.ts"
import { isUnfinished, type Routed } from "./Work.ts"

/**
 * One fiber that runs handlers, for one conversation at a time.
 *
 * @since 0.1.0
 * @category models
 */
export interface Worker extends Runner {
  queue: ConversationQueue<Routed> | undefined
  work: Routed | undefined
  /** Events taken from the queue in succession. */
  handled: number
  /** When the handlers must have ended, in monotonic milliseconds: a wall clock that is set must not end a handler. */
  deadline: number
  /** When the handlers began, in monotonic milliseconds. */
  since: number
  /**
   * `stopped`: out of time and interrupted. `left`: interrupted without effect; others go on in its place. `abandoned`: it
   * waited for another event at the shutdown; its event stays unsettled, to be replayed.
   */
  state: "working" | "stopped" | "left" | "abandoned"
  /** The handlers that wait for another event, once for each fiber that does. While there is one the slot is lent. */
  waiting: Array<string>
}

/**
 * What {@link Workers} are made of.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly policy: DeliveryPolicy
  readonly queues: ConversationQueues<Routed>
  readonly runs: HandlerRuns
  /** Where the fibers live. */
  readonly scope: Scope.Scope
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** Whether the events that wait are still handled once {@link Workers.stop} was called. */
  readonly drainWaiting: boolean
  /** Settles an event whose handlers have ended, and returns the time. */
  readonly conclude: (work: Routed, since: number) => number
}

/**
 * How long, in milliseconds, a run that was stopped may take to end, before the next event of its conversation begins.
 *
 * @since 0.1.0
 * @category constants
 */
export const stopTimeout = 10_000

/** A lower bound, in milliseconds, of the time between two looks at the deadlines. */
const minimumLook = 100

const never = Number.POSITIVE_INFINITY

/**
 * The workers of one bot.
 *
 * @since 0.1.0
 * @category models
 */
export class Workers {
  private readonly options: Options
  private readonly workers = new Set<Worker>()
  private readonly idle = Effect.unsafeMakeLatch(true)
  private readonly working = Effect.unsafeMakeLatch(false)
  private readonly handlerTimeout: number
  /** Workers that have a slot, lent ones included. */
  private spawned = 0
  private lent = 0
  /** Whether a worker was spawned and has not begun. */
  private isStarting = false
  private isStopping = false
  private isClosing = false

  constructor(options: Options) {
    this.options = options
    this.handlerTimeout = Duration.toMillis(options.policy.handlerTimeout)
  }

  /** The worker that handles this event. */
  of(event: Event.Event): Worker | undefined {
    for (const worker of this.workers) if (worker.work?.event === event) return worker
    return undefined
  }

  /**
   * Spawns one more worker, where a conversation is ready and the policy allows it. It begins when the fiber that runs now
   * has to wait or ends, and spawns the next one itself; so handlers that take no time need no more than one.
   */
  readonly spawnWorker: Effect.Effect<void> = Effect.suspend(() => (this.canSpawn ? this.spawn : Effect.void))

  /** Stops handlers that are out of time, until it is interrupted. Sleeps until the earliest deadline. */
  readonly watch: Effect.Effect<never> = Effect.suspend(() =>
    Effect.forever(Effect.zipRight(this.working.await, this.inspectAll))
  )

  /** Begins no more handlers, unless those that wait are drained too; abandons workers that only wait for another event. */
  readonly stop: Effect.Effect<void> = Effect.suspend(() => {
    this.isStopping = true
    return Effect.forEach([...this.workers], (worker) => this.abandonIfWaiting(worker), { discard: true })
  })

  /** Completes when no handler runs. */
  readonly awaitIdle: Effect.Effect<void> = Effect.suspend(() => this.idle.await)

  /** From now on an interrupted run settles nothing: its event is to be replayed. */
  close(): void {
    this.isClosing = true
  }

  /** Whether the shutdown has begun. */
  get isStopped(): boolean {
    return this.isStopping
  }

  /** Waits with the worker's slot lent to others; it is reclaimed afterwards whether or not one is free. */
  lend<A, E>(worker: Worker, handler: string, wait: Effect.Effect<A, E>): Effect.Effect<A, E> {
    return Effect.acquireUseRelease(
      Effect.suspend(() => {
        if (worker.waiting.push(handler) === 1) this.lent++
        const { work } = worker
        const abandon = this.isStopping ? this.abandonIfWaiting(worker) : Effect.void
        return Effect.as(Effect.zipRight(abandon, this.spawnWorker), work)
      }),
      () => wait,
      (work) =>
        Effect.sync(() => {
          // a fiber may outlive its run, and the worker handles another event by then
          if (worker.work !== work || worker.waiting.length === 0) return
          worker.waiting.splice(worker.waiting.indexOf(handler), 1)
          if (worker.waiting.length === 0) this.lent--
        })
    )
  }

  private get isHalted(): boolean {
    return this.isStopping && !this.options.drainWaiting
  }

  private get canSpawn(): boolean {
    const { policy, queues } = this.options
    return !this.isStarting && queues.isReady && this.spawned - this.lent < policy.concurrency && !this.isHalted
  }

  private get spawn(): Effect.Effect<void> {
    this.spawned++
    this.isStarting = true
    this.idle.unsafeClose()
    const begin = Effect.flatMap(RunContext.makeScopes, (scopes) =>
      Effect.withFiberRuntime<void>((fiber) => {
        this.isStarting = false
        const worker: Worker = {
          fiber,
          scopes,
          queue: undefined,
          work: undefined,
          run: undefined,
          ending: undefined,
          handled: 0,
          deadline: 0,
          since: 0,
          state: "working",
          waiting: []
        }
        this.workers.add(worker)
        return this.runWorker(worker)
      })
    )
    // a fiber inherits whether it can be interrupted, and the end of another worker cannot be
    return Effect.asVoid(Effect.forkIn(Effect.interruptible(begin), this.options.scope))
  }

  /** Handles events until no conversation is ready. */
  private runWorker(worker: Worker): Effect.Effect<void> {
    const { runs } = this.options
    const loop: Effect.Effect<void> = Effect.catchAllCause(
      Effect.whileLoop({
        while: () => worker.ending !== undefined || this.takeNext(worker),
        body: () => this.nextStep(worker),
        step: () => {
          if (runs.succeeded(worker)) this.finish(worker)
        }
      }),
      (cause) =>
        Effect.zipRight(
          runs.failed(worker, cause),
          Effect.suspend(() => {
            this.finish(worker)
            return loop
          })
        )
    )
    return Effect.onExit(loop, (exit) =>
      Effect.zipRight(
        runs.interrupted(worker, exit),
        Effect.suspend(() => this.end(worker, exit))
      )
    )
  }

  private nextStep(worker: Worker): Effect.Effect<unknown> {
    const { ending, work } = worker
    worker.ending = undefined
    if (ending !== undefined) return ending
    if (work === undefined) return Effect.void
    const run = this.options.runs.begin(worker, work, () => this.onHandlerOver(worker))
    // one that takes its time leaves the conversations that are ready to another worker
    return this.canSpawn ? Effect.zipRight(this.spawnWorker, run) : run
  }

  /** Gives a worker its next event, of its conversation or another. `false`: there is none for it. */
  private takeNext(worker: Worker): boolean {
    if (this.isHalted || worker.state !== "working") return false
    // the slot was lent, and another worker has it
    if (this.spawned - this.lent > this.options.policy.concurrency) return false
    const isFirst = worker.handled === 0
    const queue = this.options.queues.next(worker.queue, worker.handled)
    if (queue !== worker.queue) worker.handled = 0
    worker.queue = queue
    const work = queue?.waiting.shift()
    if (work === undefined) return false
    work.started = true
    worker.work = work
    worker.handled++
    // right behind another event, it begins when that one ended
    if (isFirst) worker.since = this.options.now()
    worker.deadline = worker.since + this.patienceOf(work)
    this.working.unsafeOpen()
    return true
  }

  private finish(worker: Worker): void {
    const { work } = worker
    if (work === undefined || worker.state === "abandoned") return
    worker.work = undefined
    this.reclaimSlot(worker)
    worker.since = this.options.conclude(work, worker.since)
  }

  private onHandlerOver(worker: Worker): Effect.Effect<void> {
    return this.isStopping ? this.abandonIfWaiting(worker) : Effect.void
  }

  /** The handlers of an event may take as long as the most patient of them. */
  private patienceOf({ handlers }: Routed): number {
    let longest = this.handlerTimeout
    for (const { timeout } of handlers) {
      // it ends by its own time-out first
      if (timeout !== undefined) longest = Math.max(longest, Duration.toMillis(timeout) + 1000)
    }
    return longest
  }

  /** The worker ends: its event is settled, and its conversation ready for others. */
  private releaseQueue(worker: Worker): void {
    this.finish(worker)
    if (worker.queue !== undefined) this.options.queues.release(worker.queue)
    worker.queue = undefined
    this.retire(worker)
  }

  /** Ends a loan, whatever of the run still waits. */
  private reclaimSlot(worker: Worker): void {
    if (worker.waiting.length === 0) return
    this.lent--
    worker.waiting = []
  }

  private retire(worker: Worker): void {
    this.spawned--
    this.reclaimSlot(worker)
    if (this.spawned === 0) this.idle.unsafeOpen()
  }

  /** A handler that only waits for an event that will not come any more is interrupted; the next process begins it again. */
  private abandonIfWaiting(worker: Worker): Effect.Effect<void> {
    const { state, waiting, work } = worker
    const isBusy = work?.handlers.some((handler) => isUnfinished(work, handler) && !waiting.includes(handler.name))
    if (state !== "working" || waiting.length === 0 || isBusy !== false) return Effect.void
    worker.state = "abandoned"
    return Fiber.interruptFork(worker.fiber)
  }

  /** A worker's fiber has ended: nothing was ready any more, or its handlers were stopped or ended their own fiber. */
  private end(worker: Worker, exit: Exit.Exit<void>): Effect.Effect<void> {
    this.workers.delete(worker)
    if (worker.state === "left") return Effect.void
    if (this.isClosing) {
      this.retire(worker)
      return Effect.void
    }
    const { work } = worker
    this.releaseQueue(worker)
    if (work === undefined || worker.state === "abandoned") return this.spawnWorker
    const cause = worker.state === "working" && Exit.isFailure(exit) ? exit.cause : this.options.runs.timedOut
    return Effect.zipRight(this.spawnWorker, this.tellStopped(work, cause))
  }

  /** Apart from the worker: these are callbacks of the user, which may take their time. */
  private tellStopped(work: Routed, cause: Cause.Cause<Cause.TimeoutException>): Effect.Effect<void> {
    return this.options.runs.tellStopped(work, cause).pipe(
      // this is called where nothing can be interrupted any more
      Effect.interruptible,
      Effect.forkIn(this.options.scope),
      Effect.asVoid
    )
  }

  /** Looks at all deadlines, and sleeps until the earliest: it costs nothing per event. */
  private readonly inspectAll: Effect.Effect<void> = Effect.gen(this, function* () {
    const now = this.options.now()
    let earliest = never
    for (const worker of this.workers) earliest = Math.min(earliest, yield* this.inspect(worker, now))
    if (earliest === never) this.working.unsafeClose()
    // what begins meanwhile may be less patient, but never less than this
    else yield* Effect.sleep(Math.min(earliest - now, Math.max(this.handlerTimeout, minimumLook)))
  })

  /** Stops what is out of time, and returns when to look again. */
  private inspect(worker: Worker, now: number): Effect.Effect<number> {
    const { work } = worker
    if (work === undefined || worker.state === "left" || worker.state === "abandoned") return Effect.succeed(never)
    if (worker.deadline > now) return Effect.succeed(worker.deadline)
    if (worker.state === "working") {
      worker.state = "stopped"
      worker.deadline = now + stopTimeout
      return Effect.as(Fiber.interruptFork(worker.fiber), worker.deadline)
    }
    worker.state = "left"
    this.releaseQueue(worker)
    return this.tellStopped(work, this.options.runs.timedOut).pipe(Effect.zipRight(this.spawnWorker), Effect.as(never))
  }
}
