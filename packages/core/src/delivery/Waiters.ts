/**
 * The waiters for events: dialogues that asked for the next event of a conversation.
 *
 * A waiter chooses its event with code of the user, which runs where events are routed. A predicate that throws fails its own
 * waiter with the defect; the event goes to the next waiter, or to the handlers.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as Conversation from "../events/Conversation.ts"
import type * as Event from "../events/Event.ts"

/**
 * What a waiter asks for.
 *
 * @since 0.1.0
 * @category models
 */
export interface Request {
  /** The key of the conversation: one of `Conversation.keysOf` of the events that count. */
  readonly conversation: string
  /** Code of the user: it may throw. */
  readonly matches: (event: Event.Event) => boolean
}

/**
 * An event that a waiter may be given.
 *
 * @since 0.1.0
 * @category models
 */
export interface Candidate {
  readonly event: Event.Event
  /** The keys of its conversation, kept here once they are computed. */
  conversations: ReadonlyArray<string> | undefined
}

/**
 * One waiter. `Given` is what the event was received as.
 *
 * @since 0.1.0
 * @category models
 */
export interface Waiter<Given> {
  readonly request: Request
  /** Completed with the event, or with the defect of `matches`. */
  readonly event: Deferred.Deferred<Event.Event>
  /** What the waiter was given and has perhaps not received. */
  given: Given | undefined
  state: "waiting" | "given" | "failed"
}

/**
 * The waiters of one bot.
 *
 * @since 0.1.0
 * @category models
 */
export interface Waiters<Given> {
  readonly add: (waiter: Waiter<Given>) => void
  /** Removes a waiter. Removing it twice is harmless. */
  readonly remove: (waiter: Waiter<Given>) => void
  /** The waiter that was added first of those which accept the event. Never throws. */
  readonly find: (candidate: Candidate) => Waiter<Given> | undefined
  /** Whether a waiter accepts an event. A predicate that throws fails its waiter. Never throws. */
  readonly accepts: (waiter: Waiter<Given>, candidate: Candidate) => boolean
  readonly isEmpty: () => boolean
}

/**
 * A waiter for an event.
 *
 * @since 0.1.0
 * @category constructors
 */
export const waiter = <Given>(request: Request): Waiter<Given> => ({
  request,
  event: Deferred.unsafeMake<Event.Event>(FiberId.none),
  given: undefined,
  state: "waiting"
})

const noWaiters: ReadonlyArray<never> = []

const keysOf = (candidate: Candidate): ReadonlyArray<string> =>
  (candidate.conversations ??= Conversation.keysOf(candidate.event))

/**
 * No waiters yet.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <Given>(): Waiters<Given> => {
  const waiting = new Map<string, Set<Waiter<Given>>>()

  const remove = (waiter: Waiter<Given>): void => {
    const { conversation } = waiter.request
    const all = waiting.get(conversation)
    if (all?.delete(waiter) === true && all.size === 0) waiting.delete(conversation)
  }

  const matches = (waiter: Waiter<Given>, event: Event.Event): boolean => {
    if (waiter.state !== "waiting") return false
    try {
      return waiter.request.matches(event)
    } catch (defect) {
      waiter.state = "failed"
      remove(waiter)
      Deferred.unsafeDone(waiter.event, Effect.die(defect))
      return false
    }
  }

  return {
    add: (waiter) => {
      const { conversation } = waiter.request
      const all = waiting.get(conversation)
      if (all === undefined) waiting.set(conversation, new Set([waiter]))
      else all.add(waiter)
    },
    remove,
    find: (candidate) => {
      for (const key of keysOf(candidate)) {
        for (const waiter of waiting.get(key) ?? noWaiters) if (matches(waiter, candidate.event)) return waiter
      }
      return undefined
    },
    accepts: (waiter, candidate) =>
      keysOf(candidate).includes(waiter.request.conversation) && matches(waiter, candidate.event),
    isEmpty: () => waiting.size === 0
  }
}
