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
import type * as Event from "../events/Event.ts"

/**
 * What a waiter asks for.
 *
 * @since 0.1.0
 * @category models
 */
export interface Request {
  /** The conversation, as `conversationOf` names it. */
  readonly conversation: string
  /** Code of the user: it may throw. */
  readonly matches: (event: Event.Event) => boolean
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
  readonly find: (event: Event.Event) => Waiter<Given> | undefined
  /** Whether a waiter accepts an event. A predicate that throws fails its waiter. Never throws. */
  readonly accepts: (waiter: Waiter<Given>, event: Event.Event) => boolean
  readonly isEmpty: () => boolean
}

/**
 * Names the conversations of an event; more than one where the event does not tell which of them it is.
 *
 * @since 0.1.0
 * @category models
 */
export type ConversationOf = (event: Event.Event) => string | ReadonlyArray<string> | undefined

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

const none: ReadonlyArray<string> = []

const noWaiters: ReadonlyArray<never> = []

/**
 * No waiters yet.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <Given>(conversationOf: ConversationOf = () => undefined): Waiters<Given> => {
  const waiting = new Map<string, Set<Waiter<Given>>>()

  const namesOf = (event: Event.Event): ReadonlyArray<string> => {
    const names = conversationOf(event) ?? none
    return typeof names === "string" ? [names] : names
  }

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
    find: (event) => {
      for (const name of namesOf(event)) {
        for (const waiter of waiting.get(name) ?? noWaiters) if (matches(waiter, event)) return waiter
      }
      return undefined
    },
    accepts: (waiter, event) => namesOf(event).includes(waiter.request.conversation) && matches(waiter, event),
    isEmpty: () => waiting.size === 0
  }
}
