/**
 * The fibers that run handlers: at most `concurrency` at a time, each of which takes one event after another from the
 * conversation queues. A worker whose handlers are out of time is stopped, and left behind if it does not stop; one whose
 * handlers wait for another event lends its slot to others.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import type * as Event from "../events/Event.ts"
import type { ConversationQueues } from "./ConversationQueues.ts"
import { Deadlines } from "./Deadlines.ts"
import type { HandlerRuns } from "./HandlerRuns.ts"
import type { Routed } from "./Work.ts"
import * as Worker from "./Worker.ts"

/**
 * What {@link Workers} are made of.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** How many run at a time. */
  readonly concurrency: number
  readonly handlerTimeout: Duration.Duration
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
 * The workers of one set of conversation queues.
 *
 * @since 0.1.0
 * @category models
 */
export class Workers {
  private readonly options: Options
  private readonly workers = new Set<Worker.Worker>()
  private readonly slots: Worker.Slots
  private readonly deadlines: Deadlines
  private readonly idle = Effect.unsafeMakeLatch(true)
  /** Whether a worker was spawned and has not begun. */
  private isStarting = false
  private isStopping = false
  private isClosing = false

  constructor(options: Options) {
    this.options = options
    this.slots = new Worker.Slots(options.concurrency)
    this.deadlines = new Deadlines({
      workers: this.workers,
      now: options.now,
      handlerTimeout: options.handlerTimeout,
      stop: ({ fiber }) => Fiber.interruptFork(fiber),
      leave: (worker) => this.leave(worker)
    })
  }

  /** The worker that handles this event. */
  of(event: Event.Event): Worker.Worker | undefined {
    for (const worker of this.workers) if (worker.work?.event === event) return worker
    return undefined
  }

  /**
   * Spawns one more worker, where a conversation is ready and a slot is free. It begins when the fiber that runs now has to
   * wait or ends, and spawns the next one itself; so handlers that take no time need no more than one.
   */
  readonly spawnWorker: Effect.Effect<void> = Effect.suspend(() => (this.canSpawn ? this.spawn : Effect.void))

  /** Stops handlers that are out of time, until it is interrupted. */
  get watch(): Effect.Effect<never> {
    return this.deadlines.watch
  }

  /** Begins no more handlers, unless those that wait are drained too; abandons workers that only wait for another event. */
  readonly stop: Effect.Effect<void> = Effect.suspend(() => {
    this.isStopping = true
    return Effect.forEach([...this.workers], (worker) => this.abandonIfWaiting(worker), { discard: true })
  })

  /** Completes when no handler runs. */
  readonly awaitIdle: Effect.Effect<void> = Effect.suspend(() => this.idle.await)

  /** Whether no handler runs. */
  get isIdle(): boolean {
    return this.slots.isIdle
  }

  /** Whether the shutdown has begun. */
  get isStopped(): boolean {
    return this.isStopping
  }

  /** From now on an interrupted run settles nothing: its event is to be replayed. */
  close(): void {
    this.isClosing = true
  }

  /** Waits with the worker's slot lent to others; it is reclaimed afterwards whether or not one is free. */
  lend<A, E>(worker: Worker.Worker, handler: string, wait: Effect.Effect<A, E>): Effect.Effect<A, E> {
    return Effect.acquireUseRelease(
      Effect.suspend(() => {
        this.slots.lend(worker, handler)
        return Effect.as(Effect.zipRight(this.abandonAtShutdown(worker), this.spawnWorker), worker.work)
      }),
      () => wait,
      (work) =>
        Effect.sync(() => {
          // a fiber may outlive its run, and the worker handles another event by then
          if (worker.work === work) this.slots.giveBack(worker, handler)
        })
    )
  }

  private get isHalted(): boolean {
    return this.isStopping && !this.options.drainWaiting
  }

  private get canSpawn(): boolean {
    return !this.isStarting && this.options.queues.isReady && this.slots.isFree && !this.isHalted
  }

  private get spawn(): Effect.Effect<void> {
    this.slots.take()
    this.isStarting = true
    this.idle.unsafeClose()
    const begin = Worker.begin((worker) => {
      this.isStarting = false
      this.workers.add(worker)
      return this.runWorker(worker)
    })
    // a fiber inherits whether it can be interrupted, and the end of another worker cannot be
    return Effect.asVoid(Effect.forkIn(Effect.interruptible(begin), this.options.scope))
  }

  /** Handles events until no conversation is ready. */
  private runWorker(worker: Worker.Worker): Effect.Effect<void> {
    const { runs } = this.options
    const loop = runs.loop(worker, {
      takeNext: () => this.takeNext(worker),
      begin: (work) => this.begin(worker, work),
      finish: () => this.finish(worker)
    })
    return Effect.onExit(loop, (exit) =>
      Effect.zipRight(
        runs.interrupted(worker, exit),
        Effect.suspend(() => this.end(worker, exit))
      )
    )
  }

  private begin(worker: Worker.Worker, work: Routed): Effect.Effect<unknown> {
    const run = this.options.runs.begin(worker, work, () => this.abandonAtShutdown(worker))
    // one that takes its time leaves the conversations that are ready to another worker
    return this.canSpawn ? Effect.zipRight(this.spawnWorker, run) : run
  }

  /** Gives a worker its next event, of its conversation or another. `false`: there is none for it. */
  private takeNext(worker: Worker.Worker): boolean {
    if (worker.state !== "working" || this.isHalted || this.slots.isExceeded) return false
    const isFirst = worker.handled === 0
    const queue = this.options.queues.next(worker.queue, worker.handled)
    if (queue !== worker.queue) worker.handled = 0
    worker.queue = queue
    const work = queue === undefined ? undefined : this.options.queues.take(queue)
    if (work === undefined) return false
    work.started = true
    worker.work = work
    worker.handled++
    // right behind another event, it begins when that one ended
    if (isFirst) worker.since = this.options.now()
    this.deadlines.begin(worker, work)
    return true
  }

  private finish(worker: Worker.Worker): void {
    const { work } = worker
    if (work === undefined || worker.state === "abandoned") return
    worker.work = undefined
    this.slots.reclaim(worker)
    worker.since = this.options.conclude(work, worker.since)
    if (worker.queue !== undefined) this.options.queues.handled(worker.queue, work)
  }

  /** The worker ends: its event is settled, and its conversation ready for others. */
  private releaseQueue(worker: Worker.Worker): void {
    this.finish(worker)
    if (worker.queue !== undefined) this.options.queues.release(worker.queue)
    worker.queue = undefined
    this.retire(worker)
  }

  private retire(worker: Worker.Worker): void {
    this.slots.release()
    this.slots.reclaim(worker)
    if (this.slots.isIdle) this.idle.unsafeOpen()
  }

  private abandonAtShutdown(worker: Worker.Worker): Effect.Effect<void> {
    return this.isStopping ? this.abandonIfWaiting(worker) : Effect.void
  }

  /** A handler that only waits for an event that will not come any more is interrupted; the next process begins it again. */
  private abandonIfWaiting(worker: Worker.Worker): Effect.Effect<void> {
    if (!Worker.onlyWaits(worker)) return Effect.void
    worker.state = "abandoned"
    return Fiber.interruptFork(worker.fiber)
  }

  /** A worker's fiber has ended: nothing was ready any more, or its handlers were stopped or ended their own fiber. */
  private end(worker: Worker.Worker, exit: Exit.Exit<void>): Effect.Effect<void> {
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
    return Effect.zipRight(this.spawnWorker, this.options.runs.tellStopped(work, cause))
  }

  private leave(worker: Worker.Worker): Effect.Effect<void> {
    const { work } = worker
    this.releaseQueue(worker)
    if (work === undefined) return this.spawnWorker
    return Effect.zipRight(this.options.runs.tellStopped(work, this.options.runs.timedOut), this.spawnWorker)
  }
}
