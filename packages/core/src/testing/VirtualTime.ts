/**
 * Virtual time: a `Clock` and a `Scheduler` under which a program runs everything that is ready, then jumps to the next
 * timer. No real time passes: a year of heartbeats takes seconds, and two runs take the same steps in the same order.
 *
 * A program under virtual time may wait for nothing that virtual time does not know: no promise, no callback of the
 * outside world. Where nothing is ready and no timer is set, the program would wait for ever; that is a
 * {@link Deadlock}, which names the fibers that wait.
 *
 * `TestClock` is the better choice where a test moves the clock by hand; virtual time is for what should simply run.
 *
 * @example
 * ```ts
 * import { VirtualTime } from "@effect-qq/core/testing"
 * import { Clock, Effect } from "effect"
 *
 * const aYear = Effect.sleep("1 day").pipe(
 *   Effect.repeatN(364),
 *   Effect.zipRight(Clock.currentTimeMillis),
 *   VirtualTime.run()
 * )
 *
 * Effect.runSync(aYear) // 31536000000, at once
 * ```
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Runtime from "effect/Runtime"
import * as RuntimeFlags from "effect/RuntimeFlags"
import * as RuntimeFlagsPatch from "effect/RuntimeFlagsPatch"
import * as Schema from "effect/Schema"
import * as Scheduler from "effect/Scheduler"
import * as Supervisor from "effect/Supervisor"
import * as Tracer from "effect/Tracer"
import * as WallClock from "./WallClock.ts"

/**
 * A fiber that waits.
 *
 * @since 0.1.0
 * @category models
 */
export interface WaitingFiber {
  /** The number of the fiber, such as `#12`. It differs from run to run of one process. */
  readonly id: string
  /** When it began, in epoch milliseconds of virtual time. */
  readonly startedAt: number
  /** The name of the span it is in, if it is in one. */
  readonly span: string | undefined
  /** Its log annotations, such as `module`. */
  readonly annotations: Readonly<Record<string, string>>
}

const WaitingFiberSchema = Schema.Struct({
  id: Schema.String,
  startedAt: Schema.Number,
  span: Schema.UndefinedOr(Schema.String),
  annotations: Schema.Record({ key: Schema.String, value: Schema.String })
})

const describe = (fiber: WaitingFiber): string => {
  const named = [
    ...(fiber.span === undefined ? [] : [fiber.span]),
    ...Object.entries(fiber.annotations).map(([key, value]) => `${key}=${value}`)
  ]
  return `${fiber.id} since ${fiber.startedAt}${named.length === 0 ? "" : ` (${named.join(", ")})`}`
}

/**
 * Nothing is ready and no timer is set, but the program is not at its end: its fibers wait for each other, or for
 * something outside of virtual time.
 *
 * @since 0.1.0
 * @category errors
 */
export class Deadlock extends Schema.TaggedError<Deadlock>()("Deadlock", {
  /** Epoch milliseconds of virtual time. */
  at: Schema.Number,
  /** The fibers that wait, oldest first. */
  fibers: Schema.Array(WaitingFiberSchema)
}) {
  override get message(): string {
    return `nothing is ready and no timer is set at ${this.at}; ${this.fibers.length} fibers wait: ${this.fibers.map(describe).join("; ")}`
  }
  get hint(): string {
    return "look for a Deferred, queue or latch that is never completed, or a promise, which virtual time does not wait for"
  }
}

/**
 * The program is always ready and lets no time pass: a loop that neither ends nor sleeps.
 *
 * @since 0.1.0
 * @category errors
 */
export class Livelock extends Schema.TaggedError<Livelock>()("Livelock", {
  /** Epoch milliseconds of virtual time. */
  at: Schema.Number,
  /** How many tasks were run without time passing. */
  tasks: Schema.Number
}) {
  override get message(): string {
    return `${this.tasks} tasks were run at ${this.at}, and there are still more`
  }
  get hint(): string {
    return "look for a loop that yields or sleeps for no time, and never ends"
  }
}

/**
 * What kind of time it is.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** When it begins, in epoch milliseconds. Default 0. */
  readonly start?: number | undefined
  /** The seed of the program's `Random`. Default 0. */
  readonly seed?: number | string | undefined
  /** The most tasks that may be run without time passing; more is a {@link Livelock}. Default 1 000 000. */
  readonly maximumTasks?: number | undefined
}

/**
 * One virtual time: it holds the timers and the fibers of what runs in it.
 *
 * @since 0.1.0
 * @category models
 */
export interface VirtualTime {
  /** Its wall time can be set; monotonic time and timers do not notice. */
  readonly clock: WallClock.WallClock
  readonly scheduler: Scheduler.Scheduler
  /** Epoch milliseconds; a wall clock that was set does not change it. */
  readonly now: () => number
  /** How many timers are set. */
  readonly timers: () => number
  /** The fibers that are not at their end, oldest first, the program's own among them. */
  readonly fibers: () => ReadonlyArray<WaitingFiber>
  /** How often time has jumped. */
  readonly jumps: () => number
  /**
   * Runs a program to its end, in no real time and without ever giving up the thread. `inspect` is called whenever nothing
   * is ready, before time jumps; an error from it ends the program. A program that is ended early is interrupted, and gets
   * the virtual time that its finalizers take, up to an hour.
   *
   * One program at a time.
   */
  readonly run: <A, E, R, E2 = never>(
    program: Effect.Effect<A, E, R>,
    inspect?: (now: number) => Option.Option<E2>
  ) => Effect.Effect<A, E | E2 | Deadlock | Livelock, R>
}

/** A timer; `index` is its place in the heap, or -1 when it is in none. */
interface Timer {
  readonly at: number
  readonly order: number
  readonly ring: () => void
  index: number
}

const isBefore = (a: Timer, b: Timer): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)

/** A heap of timers from which any timer can be taken out: most waits of a program are time-outs that never ring. */
class Timers {
  readonly #heap: Array<Timer> = []
  #order = 0

  get size(): number {
    return this.#heap.length
  }

  #put(timer: Timer, index: number): void {
    this.#heap[index] = timer
    timer.index = index
  }

  #rise(timer: Timer): void {
    while (timer.index > 0) {
      const index = timer.index
      const parent = this.#heap[(index - 1) >> 1]
      if (parent === undefined || !isBefore(timer, parent)) return
      this.#put(timer, parent.index)
      this.#put(parent, index)
    }
  }

  #sink(timer: Timer): void {
    for (;;) {
      const index = timer.index
      const left = this.#heap[index * 2 + 1]
      const right = this.#heap[index * 2 + 2]
      const least = right !== undefined && left !== undefined && isBefore(right, left) ? right : left
      if (least === undefined || !isBefore(least, timer)) return
      this.#put(timer, least.index)
      this.#put(least, index)
    }
  }

  add(at: number, ring: () => void): Timer {
    const timer: Timer = { at, order: this.#order++, ring, index: this.#heap.length }
    this.#heap.push(timer)
    this.#rise(timer)
    return timer
  }

  remove(timer: Timer): void {
    const index = timer.index
    if (index < 0) return
    timer.index = -1
    const last = this.#heap.pop()
    if (last === undefined || last === timer) return
    this.#put(last, index)
    this.#rise(last)
    this.#sink(last)
  }

  take(): Timer | undefined {
    const first = this.#heap[0]
    if (first !== undefined) this.remove(first)
    return first
  }

  next(): number | undefined {
    return this.#heap[0]?.at
  }
}

/** Real timers of more milliseconds never ring either. */
const longestSleep = 2 ** 31 - 1

/** The virtual time that the finalizers of a program get that is ended early. */
const graceful = 3_600_000

/** What is known of a fiber. */
interface Member {
  readonly startedAt: number
  /** The timer it sleeps by, or slept by last. */
  timer: Timer | undefined
}

class Census extends Supervisor.AbstractSupervisor<void> {
  readonly value: Effect.Effect<void> = Effect.void
  readonly fibers = new Map<Fiber.RuntimeFiber<unknown, unknown>, Member>()
  readonly #now: () => number
  readonly #timers: Timers

  constructor(now: () => number, timers: Timers) {
    super()
    this.#now = now
    this.#timers = timers
  }

  add(fiber: Fiber.RuntimeFiber<unknown, unknown>): void {
    this.fibers.set(fiber, { startedAt: this.#now(), timer: undefined })
  }

  /** A fiber that goes on sleeps no longer, whatever woke it: this costs less than a finalizer for every sleep. */
  override onResume<A, E>(fiber: Fiber.RuntimeFiber<A, E>): void {
    const member = this.fibers.get(fiber)
    if (member?.timer === undefined) return
    this.#timers.remove(member.timer)
    member.timer = undefined
  }

  override onStart<A, E>(_context: unknown, _effect: unknown, _parent: unknown, fiber: Fiber.RuntimeFiber<A, E>): void {
    this.add(fiber)
  }

  override onEnd<A, E>(_value: unknown, fiber: Fiber.RuntimeFiber<A, E>): void {
    this.fibers.delete(fiber)
  }
}

const toWaiting = (fiber: Fiber.RuntimeFiber<unknown, unknown>, startedAt: number): WaitingFiber => {
  const span = fiber.getFiberRef(FiberRef.currentContext).unsafeMap.get(Tracer.ParentSpan.key) as
    | Tracer.AnySpan
    | undefined
  const annotations: Record<string, string> = {}
  for (const [key, value] of HashMap.entries(fiber.getFiberRef(FiberRef.currentLogAnnotations))) {
    annotations[key] = String(value)
  }
  return { id: `#${fiber.id().id}`, startedAt, span: span?._tag === "Span" ? span.name : undefined, annotations }
}

/** What is kept about every fiber ever started would be of no use here, and takes the wall clock to measure. */
const withoutMetrics = RuntimeFlagsPatch.disable(RuntimeFlags.RuntimeMetrics)

/**
 * A new virtual time.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): VirtualTime => {
  const maximumTasks = options.maximumTasks ?? 1_000_000
  const timers = new Timers()
  let now = options.start ?? 0
  let jumps = 0
  let ready = new Scheduler.PriorityBuckets()
  const census = new Census(() => now, timers)

  const scheduler: Scheduler.Scheduler = Scheduler.make((task, priority) => ready.scheduleTask(task, priority))

  const clock = WallClock.make({
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis: () => now,
    currentTimeMillis: Effect.sync(() => now),
    unsafeCurrentTimeNanos: () => BigInt(now) * 1_000_000n,
    currentTimeNanos: Effect.sync(() => BigInt(now) * 1_000_000n),
    sleep: (duration) =>
      Effect.withFiberRuntime((fiber) => {
        const millis = Math.ceil(Duration.toMillis(duration))
        if (millis > longestSleep) return Effect.never
        const member = census.fibers.get(fiber)
        return Effect.async<void>((resume) => {
          const timer = timers.add(now + Math.max(0, millis), () => resume(Effect.void))
          if (member !== undefined) member.timer = timer
        })
      })
  })

  /** Runs everything that is ready; false when there was no end to it. */
  const settle = (): boolean => {
    let left = maximumTasks
    while (ready.buckets.length > 0) {
      const { buckets } = ready
      ready = new Scheduler.PriorityBuckets()
      for (const [, tasks] of buckets) {
        for (const task of tasks) task()
        left -= tasks.length
      }
      if (left < 0) return false
    }
    return true
  }

  const jump = (): boolean => {
    const timer = timers.take()
    if (timer === undefined) return false
    now = Math.max(now, timer.at)
    jumps++
    timer.ring()
    return true
  }

  const fibers = (): ReadonlyArray<WaitingFiber> =>
    [...census.fibers].map(([fiber, { startedAt }]) => toWaiting(fiber, startedAt))

  /** Why the program cannot go on, if it cannot; one turn of ready tasks and one jump. */
  const advance = <E2>(inspect: (now: number) => Option.Option<E2>, isOver: () => boolean) => {
    if (!settle()) return new Livelock({ at: now, tasks: maximumTasks })
    const found = inspect(now)
    if (Option.isSome(found)) return found.value
    if (isOver() || jump()) return undefined
    return new Deadlock({ at: now, fibers: fibers() })
  }

  const run: VirtualTime["run"] = <A, E, R, E2>(
    program: Effect.Effect<A, E, R>,
    inspect: (now: number) => Option.Option<E2> = Option.none
  ) =>
    Effect.flatMap(Effect.runtime<R>(), (runtime): Effect.Effect<A, E | E2 | Deadlock | Livelock> => {
      const ended: Array<Exit.Exit<A, E>> = []
      const isOver = (): boolean => ended.length > 0
      const fiber = Runtime.runFork(runtime)(
        program.pipe(
          Effect.withRandom(Random.make(options.seed ?? 0)),
          Effect.withClock(clock),
          Effect.supervised(census),
          Effect.withRuntimeFlagsPatch(withoutMetrics)
        ),
        { scheduler }
      )
      census.add(fiber)
      fiber.addObserver((exit) => {
        census.fibers.delete(fiber)
        ended.push(exit)
      })
      for (;;) {
        const failure = advance(inspect, isOver)
        if (failure !== undefined) {
          // what the program holds is given back, as far as that needs nothing but time
          fiber.unsafeInterruptAsFork(fiber.id())
          const until = now + graceful
          const isGone = (): boolean => isOver() || now > until
          while (!isGone() && advance(Option.none, isGone) === undefined);
          return Effect.fail(failure)
        }
        const [exit] = ended
        if (exit !== undefined) return exit
      }
    })

  return { clock, scheduler, now: () => now, timers: () => timers.size, fibers, jumps: () => jumps, run }
}

/**
 * Runs a program under a virtual time of its own; see {@link VirtualTime.run}.
 *
 * @since 0.1.0
 * @category combinators
 */
export const run =
  (options?: Options) =>
  <A, E, R>(program: Effect.Effect<A, E, R>): Effect.Effect<A, E | Deadlock | Livelock, R> =>
    Effect.suspend(() => make(options).run(program))
