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
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import * as Event from "../events/Event.ts"
import * as HandlerRun from "../events/HandlerRun.ts"
import type { ConversationQueues } from "./ConversationQueues.ts"
import type * as Deduplication from "./Deduplication.ts"
import type { Routed } from "./Work.ts"
import type { Worker, Workers } from "./Workers.ts"

/**
 * What is to be taken before its handlers begin.
 *
 * @since 0.1.0
 * @category models
 */
export interface Wanted {
  /** The conversation, as {@link Options.conversationOf} names it. */
  readonly conversation: string
  readonly matches: (event: Event.Event) => boolean
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
  readonly queues: ConversationQueues<Routed>
  readonly workers: Workers
  readonly deduplication: Deduplication.Deduplication
  readonly conversationOf: (event: Event.Event) => string | undefined
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
interface Waiter {
  readonly wanted: Wanted
  readonly event: Deferred.Deferred<Event.Event>
  /** What it was given, and has perhaps not received. */
  given: Routed | undefined
}

/** What a run took before: a run that is tried again gets the same events. */
const takenBefore = ({ handler, index, work }: Owner): Event.Event | undefined =>
  work.taken?.find((taken) => taken.handler === handler && taken.index === index)?.work.event

/** The position in a queue of an event that was taken from it: before what the same session sent later. */
const formerPosition =
  ({ frame: { s: seq = 0 }, inbox }: Routed) =>
  (waiting: ReadonlyArray<Routed>): number => {
    const index = waiting.findIndex(
      (other) => other.inbox === inbox && (other.frame.s ?? Number.POSITIVE_INFINITY) > seq
    )
    return index < 0 ? waiting.length : index
  }

/**
 * Nothing waits yet.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Dialogue => {
  const { conversationOf, deduplication, now, queues, settle, workers } = options
  /** By conversation, in the order in which they asked. */
  const waiters = new Map<string, ReadonlyArray<Waiter>>()

  const addWaiter = (waiter: Waiter): void => {
    const { conversation } = waiter.wanted
    waiters.set(conversation, [...(waiters.get(conversation) ?? []), waiter])
  }

  const removeWaiter = (waiter: Waiter): void => {
    const { conversation } = waiter.wanted
    const others = (waiters.get(conversation) ?? []).filter((other) => other !== waiter)
    if (others.length > 0) waiters.set(conversation, others)
    else waiters.delete(conversation)
  }

  /** The handlers will not see the event, neither under the type of its twin. */
  const give = (waiter: Waiter, work: Routed): void => {
    removeWaiter(waiter)
    const twin = Event.twinOf(work.frame.t)
    if (work.identity !== undefined && twin !== undefined) {
      const { key, namespace } = work.identity
      deduplication.receive(work.inbox, key, twin, work.frame.s ?? 0, namespace)
      deduplication.settle(work.identity, twin, now())
    }
    work.started = true
    waiter.given = work
    Deferred.unsafeDone(waiter.event, Exit.succeed(work.event))
  }

  const offer = (work: Routed): boolean => {
    if (waiters.size === 0 || work.isTwin) return false
    const conversation = conversationOf(work.event)
    const waiting = conversation === undefined ? undefined : waiters.get(conversation)
    const waiter = waiting?.find(({ wanted }) => wanted.matches(work.event))
    if (waiter === undefined) return false
    give(waiter, work)
    return true
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
    queues.add(work, formerPosition(work))
  }

  /** Takes an event that waits in the queue of the worker's own conversation. */
  const takeQueued = ({ queue }: Worker, waiter: Waiter): void => {
    const { conversation, matches } = waiter.wanted
    const work = queue?.waiting.find(
      ({ event, isTwin }) => !isTwin && conversationOf(event) === conversation && matches(event)
    )
    if (queue === undefined || work === undefined) return
    queue.waiting.splice(queue.waiting.indexOf(work), 1)
    give(waiter, work)
    // its twin may wait behind it
    const twin =
      work.identity === undefined ? -1 : queue.waiting.findIndex(({ identity }) => identity === work.identity)
    if (twin >= 0) queue.waiting.splice(twin, 1).forEach(settle)
  }

  const wait = (
    wanted: Wanted,
    run: HandlerRun.HandlerRun | undefined,
    worker: Worker | undefined,
    owner: Owner | undefined
  ): Effect.Effect<Event.Event, Cause.TimeoutException> => {
    const waiter: Waiter = { wanted, event: Deferred.unsafeMake<Event.Event>(FiberId.none), given: undefined }
    const arrival = Effect.timeout(Deferred.await(waiter.event), wanted.timeout)
    return Effect.acquireUseRelease(
      Effect.sync(() => {
        addWaiter(waiter)
        if (wanted.queued && worker !== undefined && !workers.isStopped) takeQueued(worker, waiter)
      }),
      () =>
        (worker === undefined || run === undefined ? arrival : workers.lend(worker, run.handler, arrival)).pipe(
          // an event that comes in the instant of the time-out was taken
          Effect.catchAll((late) => (waiter.given === undefined ? late : Effect.succeed(waiter.given.event)))
        ),
      (_, exit) =>
        Effect.suspend(() => {
          removeWaiter(waiter)
          if (waiter.given === undefined) return Effect.void
          if (Exit.isSuccess(exit)) takeOver(waiter.given, owner)
          else giveBack(waiter.given)
          return workers.spawnWorker
        })
    )
  }

  return {
    next: (wanted) =>
      Effect.flatMap(HandlerRun.CurrentRun, (current) => {
        const run = Option.getOrUndefined(current)
        const worker = run === undefined ? undefined : workers.of(run.event)
        const work = worker?.work
        const owner: Owner | undefined =
          run === undefined || work === undefined ? undefined : { work, handler: run.handler, index: run.nextTaken() }
        const before = owner === undefined ? undefined : takenBefore(owner)
        return before === undefined ? wait(wanted, run, worker, owner) : Effect.succeed(before)
      }),
    isAwaiting: () => waiters.size > 0,
    offer
  }
}
