/**
 * What is known of a message that was sent.
 *
 * @since 0.1.0
 */
import type * as Conversation from "./Conversation.ts"
import type { Fallback } from "./Fallback.ts"

/**
 * The platform took the message, and users see it once moderation has passed it.
 *
 * @since 0.1.0
 * @category models
 */
export interface AuditPending {
  readonly _tag: "AuditPending"
  /** `undefined` where the platform did not say; then nobody can wait for the decision. */
  readonly auditId: string | undefined
}

/**
 * What is known of a message that was sent.
 *
 * @since 0.1.0
 * @category models
 */
export interface Receipt {
  /** The platform's id of the message; `undefined` when it had it already, or did not say. */
  readonly id: string | undefined
  /** The platform's time of the message, as it wrote it. */
  readonly timestamp: string | undefined
  /** What a later message names to quote this one; `undefined` where the platform did not say. */
  readonly reference: string | undefined
  readonly conversation: Conversation.Conversation
  /** Whether it was sent as a reply. */
  readonly via: "passive" | "proactive"
  /** How often it was sent, in the form that was taken, until the platform had it. */
  readonly attempts: number
  /** Whether the platform said that it had this reply already. */
  readonly deduplicated: boolean
  /** Set while moderation has to look at it. */
  readonly audit: AuditPending | undefined
  /** What had to be changed for the platform to take it, in this order. */
  readonly fallbacks: ReadonlyArray<Fallback>
  /** The parts of a message that had to be split, whose first one the other fields are about; else empty. */
  readonly parts: ReadonlyArray<Receipt>
}
