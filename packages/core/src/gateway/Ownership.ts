/**
 * Which process may act for a bot. On one machine that is never in question; where several machines could run the same bot,
 * a runtime such as `@effect-qq/cluster` provides this port. It is asked before each dial, each frame in or out and each
 * message that is sent. Once lost, ownership never returns: the next owner is another incarnation of the bot.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"

/**
 * Another process owns the bot now, or this one can no longer tell. Its connections are terminated, nothing more is handled,
 * sent or stored, and the session stays as it was stored, for the next owner to resume.
 *
 * @since 0.1.0
 * @category errors
 */
export class OwnershipLost extends Schema.TaggedError<OwnershipLost>()("OwnershipLost", {
  /** What showed it, such as an expired lease. */
  detail: Schema.String
}) {
  override get message(): string {
    return `this process no longer owns the bot: ${this.detail}`
  }
  get hint(): string {
    return "another process resumes the session"
  }
}

/**
 * A store refused a write: another owner has claimed the record. Not retried; the session ends with {@link OwnershipLost}.
 *
 * A `KeyValueStore` says it with a `SystemError` whose `cause` is this error.
 *
 * @since 0.1.0
 * @category errors
 */
export class Fenced extends Schema.TaggedError<Fenced>()("Fenced", {
  /** Whose record it is. */
  owner: Schema.String
}) {
  override get message(): string {
    return `another owner has claimed ${this.owner}; nothing was written`
  }
}

const isFenced = (error: unknown): error is Fenced => Predicate.isTagged(error, "Fenced")

/**
 * The `Fenced` that an error of a store stands for, if it stands for one.
 *
 * @since 0.1.0
 * @category guards
 */
export const fencedBy = (error: unknown): Fenced | undefined => {
  if (isFenced(error)) return error
  return Predicate.hasProperty(error, "cause") && isFenced(error.cause) ? error.cause : undefined
}

/**
 * What the port does.
 *
 * @since 0.1.0
 * @category models
 */
export interface OwnershipShape {
  /** Whether this process may act for the bot at this moment. Synchronous: it is asked for every frame. Never throws. */
  readonly isHeld: () => boolean
  /**
   * Asks the authority itself, before what cannot be undone: an identify, or a resume after another connection took the
   * session. Waits while the authority cannot be reached and the ownership has not expired.
   */
  readonly confirm: Effect.Effect<void, OwnershipLost>
  /** Completes when the ownership is lost; never before. */
  readonly lost: Effect.Effect<OwnershipLost>
}

/**
 * Held for ever: one process runs the bot.
 *
 * @since 0.1.0
 * @category constants
 */
export const always: OwnershipShape = { isHeld: () => true, confirm: Effect.void, lost: Effect.never }

/**
 * The ownership of one bot. Default {@link always}.
 *
 * @since 0.1.0
 * @category references
 */
export class Ownership extends Context.Reference<Ownership>()("@effect-qq/core/Ownership", {
  defaultValue: (): OwnershipShape => always
}) {}
