/**
 * Stops what is out of time, and leaves behind what does not stop. It sleeps until the earliest deadline, so that it costs
 * nothing per event.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Routed } from "./Work.ts"
import type { Worker } from "./Worker.ts"

/**
 * How long, in milliseconds, a run that was stopped may take to end, before the next event of its conversation begins.
 *
 * @since 0.1.0
 * @category constants
 */
export const stopTimeout = 10_000

/** A lower bound, in milliseconds, of the time between two looks at the deadlines. */
const minimumLook = 100

/** How much longer, in milliseconds, than its own time-out a handler is given: it ends by that first. */
const ownTimeoutMargin = 1000

const never = Number.POSITIVE_INFINITY

/**
 * What {@link Deadlines} are made of.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly workers: ReadonlySet<Worker>
  /** Monotonic milliseconds. */
  readonly now: () => number
  readonly handlerTimeout: Duration.Duration
  /** Interrupts the handlers of a worker. */
  readonly stop: (worker: Worker) => Effect.Effect<void>
  /** Goes on without a worker that was interrupted without effect. */
  readonly leave: (worker: Worker) => Effect.Effect<void>
}

/**
 * The deadlines of workers.
 *
 * @since 0.1.0
 * @category models
 */
export class Deadlines {
  private readonly options: Options
  private readonly handlerTimeout: number
  private readonly isWatching = Effect.unsafeMakeLatch(false)

  constructor(options: Options) {
    this.options = options
    this.handlerTimeout = Duration.toMillis(options.handlerTimeout)
  }

  /** Gives the handlers of an event, which begin now, as long as the most patient of them may take. */
  begin(worker: Worker, { handlers }: Routed): void {
    let longest = this.handlerTimeout
    for (const { timeout } of handlers) {
      if (timeout !== undefined) longest = Math.max(longest, Duration.toMillis(timeout) + ownTimeoutMargin)
    }
    worker.deadline = worker.since + longest
    this.isWatching.unsafeOpen()
  }

  /** Watches the deadlines until it is interrupted. */
  readonly watch: Effect.Effect<never> = Effect.suspend(() =>
    Effect.forever(Effect.zipRight(this.isWatching.await, this.inspectAll))
  )

  private readonly inspectAll: Effect.Effect<void> = Effect.gen(this, function* () {
    const { now, workers } = this.options
    const at = now()
    let earliest = never
    for (const worker of workers) earliest = Math.min(earliest, yield* this.inspect(worker, at))
    if (earliest === never) this.isWatching.unsafeClose()
    // what begins meanwhile has a later deadline than this
    else yield* Effect.sleep(Math.min(earliest - at, Math.max(this.handlerTimeout, minimumLook)))
  })

  /** Returns when to look at this worker again. */
  private inspect(worker: Worker, now: number): Effect.Effect<number> {
    if (worker.work === undefined || worker.state === "left" || worker.state === "abandoned") {
      return Effect.succeed(never)
    }
    if (worker.deadline > now) return Effect.succeed(worker.deadline)
    if (worker.state === "working") {
      worker.state = "stopped"
      worker.deadline = now + stopTimeout
      return Effect.as(this.options.stop(worker), worker.deadline)
    }
    worker.state = "left"
    return Effect.as(this.options.leave(worker), never)
  }
}
