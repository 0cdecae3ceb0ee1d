/**
 * One fiber that runs handlers, and the slots of those that do.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type { ConversationQueue } from "./ConversationQueues.ts"
import type { Runner } from "./HandlerRuns.ts"
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

const make = (fiber: Fiber.RuntimeFiber<unknown, unknown>, scopes: RunContext.Scopes): Worker => ({
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
})

/**
 * Begins a worker on the fiber that runs this.
 *
 * @since 0.1.0
 * @category constructors
 */
export const begin = (run: (worker: Worker) => Effect.Effect<void>): Effect.Effect<void> =>
  Effect.flatMap(RunContext.makeScopes, (scopes) => Effect.withFiberRuntime<void>((fiber) => run(make(fiber, scopes))))

/**
 * Whether all that its handlers do is to wait for another event.
 *
 * @since 0.1.0
 * @category guards
 */
export const onlyWaits = ({ state, waiting, work }: Worker): boolean =>
  state === "working" &&
  waiting.length > 0 &&
  work?.handlers.some((handler) => isUnfinished(work, handler) && !waiting.includes(handler.name)) === false

/**
 * The slots of workers: at most `concurrency` run at a time, not counting those that have lent theirs.
 *
 * @since 0.1.0
 * @category models
 */
export class Slots {
  private readonly concurrency: number
  private taken = 0
  private lent = 0

  constructor(concurrency: number) {
    this.concurrency = concurrency
  }

  get isFree(): boolean {
    return this.taken - this.lent < this.concurrency
  }

  /** Whether more workers run than there are slots, since a slot that was lent was reclaimed. */
  get isExceeded(): boolean {
    return this.taken - this.lent > this.concurrency
  }

  get isIdle(): boolean {
    return this.taken === 0
  }

  take(): void {
    this.taken++
  }

  release(): void {
    this.taken--
  }

  /** One fiber of the worker's run waits: with the first, the slot is lent. */
  lend(worker: Worker, handler: string): void {
    if (worker.waiting.push(handler) === 1) this.lent++
  }

  /** One fiber of the worker's run waits no more: with the last, the slot is its own again. */
  giveBack(worker: Worker, handler: string): void {
    const index = worker.waiting.indexOf(handler)
    if (index < 0) return
    worker.waiting.splice(index, 1)
    if (worker.waiting.length === 0) this.lent--
  }

  /** Ends a loan, whatever of the run still waits. */
  reclaim(worker: Worker): void {
    if (worker.waiting.length === 0) return
    this.lent--
    worker.waiting = []
  }
}
