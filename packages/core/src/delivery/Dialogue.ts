/**
 * `next`: waits for an event and takes it before its handlers see it. An event that a handler takes is settled together
 * with the handler's own event; a run that is tried again gets the same events again.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Event from "../events/Event.ts"
import * as HandlerRun from "../events/HandlerRun.ts"
import type { ConversationQueues } from "./ConversationQueues.ts"
import type { Deduplication } from "./Deduplication.ts"
import * as Waiters from "./Waiters.ts"
import type { Routed } from "./Work.ts"
import type { Worker } from "./Worker.ts"
import type { Workers } from "./Workers.ts"

/**
 * What is to be taken before its handlers begin.
 *
 * @since 0.1.0
 * @category models
 */
export interface Wanted extends Waiters.Request {
  /** Whether events count that wait already behind the one whose handler asks. */
  readonly queued: boolean
  readonly timeout: Duration.DurationInput
}

/**
 * What {@link make} takes.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The queues in which an event waits. */
  readonly queuesFor: (work: Routed) => ConversationQueues<Routed>
  readonly pools: ReadonlyArray<Workers>
  readonly deduplication: Deduplication
  /** Spawns workers where events wait for one. */
  readonly spawnWorkers: Effect.Effect<void>
  readonly settle: (work: Routed) => void
  /** Epoch milliseconds. */
  readonly now: () => number
}

/**
 * What {@link make} gives.
 *
 * @since 0.1.0
 * @category models
 */
export interface Dialogue {
  /** Waits for an event and takes it. A wait that is interrupted takes nothing. */
  readonly next: (wanted: Wanted) => Effect.Effect<Event.Event, Cause.TimeoutException>
  /** Whether something waits for an event. */
  readonly isAwaiting: () => boolean
  /** Gives an event to the first that waits for it. `false`: nothing does, and its handlers are to run. */
  readonly offer: (work: Routed) => boolean
}

/** The run that asked for an event, and which of its requests it was. */
interface Owner {
  readonly work: Routed
  readonly handler: string
  readonly index: number
}

/** A run, or a fiber outside of any, that waits for an event. */
type Waiter = Waiters.Waiter<Routed>

/** A run of a handler, with the worker it is on and the slots of that. */
interface Asking {
  readonly run: HandlerRun.HandlerRun
  readonly worker: Worker
  readonly workers: Workers
}

/** What a run took before: a run that is tried again gets the same events. */
const takenBefore = ({ handler, index, work }: Owner): Event.Event | undefined =>
  work.taken?.find((taken) => taken.handler === handler && taken.index === index)?.work.event

/** Whether an event of the same session was sent later than one that was taken from its queue. */
const isLater =
  ({ frame: { s: seq = 0 }, inbox }: Routed) =>
  (other: Routed): boolean =>
    other.inbox === inbox && (other.frame.s ?? Number.POSITIVE_INFINITY) > seq

/**
 * Nothing waits yet.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Dialogue => {
  const { deduplication, now, pools, queuesFor, settle, spawnWorkers } = options
  const waiters = Waiters.make<Routed>()

  /** The handlers will not see the event, neither under the type of its twin. */
  const give = (waiter: Waiter, work: Routed): void => {
    waiters.remove(waiter)
    const twin = Event.twinOf(work.frame.t)
    if (work.identity !== undefined && twin !== undefined) {
      const { key, namespace } = work.identity
      deduplication.receive(work.inbox, key, twin, work.frame.s ?? 0, namespace)
      deduplication.settle(work.identity, twin, now())
    }
    work.started = true
    waiter.given = work
    waiter.state = "given"
    Deferred.unsafeDone(waiter.event, Exit.succeed(work.event))
  }

  const offer = (work: Routed): boolean => {
    const waiter = work.isTwin || waiters.isEmpty() ? undefined : waiters.find(work)
    if (waiter !== undefined) give(waiter, work)
    return waiter !== undefined
  }

  /** The waiter has its event. A run that has ended by then settles nothing any more. */
  const takeOver = (work: Routed, owner: Owner | undefined): void => {
    if (owner === undefined || owner.work.settled) settle(work)
    else (owner.work.taken ??= []).push({ handler: owner.handler, index: owner.index, work })
  }

  /** The waiter was interrupted: requeue the event at its original position. */
  const giveBack = (work: Routed): void => {
    if (work.handlers.length === 0) return settle(work)
    work.started = false
    queuesFor(work).add(work, isLater(work))
  }

  /** Takes an event that was received already and waits in the conversation of the worker. */
  const takeQueued = ({ queue }: Worker, waiter: Waiter): void => {
    if (queue === undefined) return
    const kept = queue.unclaimed?.take((work) => !work.settled && waiters.accepts(waiter, work))
    if (kept !== undefined) return give(waiter, kept)
    const { waiting } = queue
    const work = waiting.take((work) => !work.isTwin && waiters.accepts(waiter, work))
    if (work === undefined) return
    give(waiter, work)
    // its twin may wait behind it
    const twin = waiting.take(({ identity }) => identity !== undefined && identity === work.identity)
    if (twin !== undefined) settle(twin)
  }

  const wait = (
    wanted: Wanted,
    asking: Asking | undefined,
    owner: Owner | undefined
  ): Effect.Effect<Event.Event, Cause.TimeoutException> => {
    const waiter: Waiter = Waiters.waiter(wanted)
    const arrival = Effect.timeout(Deferred.await(waiter.event), wanted.timeout)
    return Effect.acquireUseRelease(
      Effect.sync(() => {
        waiters.add(waiter)
        if (wanted.queued && asking !== undefined && !asking.workers.isStopped) takeQueued(asking.worker, waiter)
      }),
      () =>
        (asking === undefined ? arrival : asking.workers.lend(asking.worker, asking.run.handler, arrival)).pipe(
          // an event that comes in the instant of the time-out was taken
          Effect.catchAll((late) => (waiter.given === undefined ? late : Effect.succeed(waiter.given.event)))
        ),
      (_, exit) =>
        Effect.suspend(() => {
          waiters.remove(waiter)
          if (waiter.given === undefined) return Effect.void
          if (Exit.isSuccess(exit)) takeOver(waiter.given, owner)
          else giveBack(waiter.given)
          return spawnWorkers
        })
    )
  }

  const askingOf = (run: HandlerRun.HandlerRun): Asking | undefined => {
    for (const workers of pools) {
      const worker = workers.of(run.event)
      if (worker !== undefined) return { run, worker, workers }
    }
    return undefined
  }

  return {
    next: (wanted) =>
      Effect.flatMap(HandlerRun.CurrentRun, (current) => {
        const asking = Option.isNone(current) ? undefined : askingOf(current.value)
        const work = asking?.worker.work
        const owner: Owner | undefined =
          asking === undefined || work === undefined
            ? undefined
            : { work, handler: asking.run.handler, index: asking.run.nextTaken() }
        const before = owner === undefined ? undefined : takenBefore(owner)
        return before === undefined ? wait(wanted, asking, owner) : Effect.succeed(before)
      }),
    isAwaiting: () => !waiters.isEmpty(),
    offer
  }
}
