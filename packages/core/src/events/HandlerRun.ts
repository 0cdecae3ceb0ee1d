/**
 * Which run of which handler this is, for what has to give the same answer to the same event twice: a reply derives
 * its `msg_seq` from it.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Option from "effect/Option"
import type { Event } from "./Event.ts"

/**
 * One run of one handler.
 *
 * @since 0.1.0
 * @category models
 */
export interface HandlerRun {
  /** The name of the handler: the same in every process that runs the same program. */
  readonly handler: string
  readonly event: Event
  /** Counts the replies of this run, from 0. */
  readonly nextReply: () => number
  /** Counts the events that this run takes besides, from 0. */
  readonly nextTaken: () => number
}

/**
 * Begins a run.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (handler: string, event: Event): HandlerRun => {
  let replies = 0
  let taken = 0
  return { handler, event, nextReply: () => replies++, nextTaken: () => taken++ }
}

/**
 * The same run from its beginning, for a handler that is tried again.
 *
 * @since 0.1.0
 * @category constructors
 */
export const again = (run: HandlerRun): HandlerRun => make(run.handler, run.event)

/**
 * The run that an effect belongs to; none outside of handlers.
 *
 * @since 0.1.0
 * @category references
 */
export class CurrentRun extends Context.Reference<CurrentRun>()("@effect-qq/core/HandlerRun", {
  defaultValue: (): Option.Option<HandlerRun> => Option.none()
}) {}
