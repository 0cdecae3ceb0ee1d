/**
 * One received event, from its frame to its settlement: the inbox makes it, the router completes it, a worker handles it.
 *
 * @since 0.1.0
 */
import type * as Event from "../events/Event.ts"
import type * as Facts from "../events/Facts.ts"
import type { Frame } from "../gateway/Frame.ts"
import type { Handler } from "./Handlers.ts"
import type * as Identity from "./Identity.ts"

/**
 * Called when an event is settled: with `true` once its handlers are done, with `false` if it was dropped.
 *
 * @since 0.1.0
 * @category models
 */
export type OnSettled = (handled: boolean) => void

/**
 * The inbox of a {@link Work}, as far as the others need it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Origin extends Identity.Source {
  /** Settles an event. Settling it again changes nothing. */
  readonly settle: (work: Work) => void
}

/**
 * An event that a run took in addition to its own, by `Dialogue`: settled together with the run's.
 *
 * @since 0.1.0
 * @category models
 */
export interface Taken {
  readonly work: Routed
  readonly handler: string
  /** Which of the run's requests it answered, counted from 0. */
  readonly index: number
}

const none: ReadonlyArray<Handler> = []

/**
 * One received event.
 *
 * @since 0.1.0
 * @category models
 */
export class Work implements Facts.Facts {
  readonly inbox: Origin
  readonly frame: Frame
  /** UTF-16 code units of its text. */
  readonly size: number
  /** The session it belongs to, counted from 1; an event of an older session moves no watermark. */
  readonly session: number
  readonly onSettled: OnSettled | undefined
  /** Whether its handlers have begun. */
  started = false
  settled = false
  /**
   * The watermark while this is the oldest unsettled event: the highest sequence number that was received below its own or,
   * where an older one came late and that is not known any more, its own less one.
   */
  below: number
  older: Work | undefined = undefined
  newer: Work | undefined = undefined
  /** From the start for an event that does not come from the wire; else once it is decoded. */
  event: Event.Event | undefined
  // what is read from its payload, once it is routed
  namespace: Facts.Namespace = "event"
  id: string | undefined = undefined
  place: Facts.Place = "type"
  target = ""
  isByBot = false
  /** Its type on the wire: one string for all events of the type, so that what remembers it retains nothing of the frame. */
  type = ""
  /** The keys of its conversation, once a dialogue has asked for them. */
  conversations: ReadonlyArray<string> | undefined = undefined
  /** Those that handle it. */
  handlers = none
  identity: Identity.Identity | undefined = undefined
  /** Whether the same message came before, as another type. */
  isTwin = false
  /** Where several handlers run: those whose runs are over. */
  over: Set<Handler> | undefined = undefined
  /** What its handlers took in addition, in order. */
  taken: Array<Taken> | undefined = undefined

  constructor(
    inbox: Origin,
    frame: Frame,
    size: number,
    session: number,
    below: number,
    event: Event.Event | undefined,
    onSettled: OnSettled | undefined
  ) {
    this.inbox = inbox
    this.frame = frame
    this.size = size
    this.session = session
    this.below = below
    this.event = event
    this.onSettled = onSettled
  }
}

/**
 * Whether this is the press of a button or the like: interactions have queues and workers of their own, for they may be what a
 * running handler waits for.
 *
 * @since 0.1.0
 * @category guards
 */
export const isInteraction = (work: Work): boolean => work.type === "INTERACTION_CREATE"

/**
 * A work that the router has decoded.
 *
 * @since 0.1.0
 * @category models
 */
export interface Routed extends Work {
  readonly event: Event.Event
}

/**
 * Whether a run of this handler is still to end.
 *
 * @since 0.1.0
 * @category guards
 */
export const isUnfinished = (work: Work, handler: Handler): boolean => work.over?.has(handler) !== true
