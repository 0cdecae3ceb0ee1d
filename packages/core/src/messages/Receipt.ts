/**
 * What is known of a sent message.
 *
 * @since 0.1.0
 */
import type * as Conversation from "../events/Conversation.ts"
import type { Fallback } from "./Fallback.ts"

/**
 * The platform accepted the message, and users see it once moderation has passed it.
 *
 * @since 0.1.0
 * @category models
 */
export interface AuditPending {
  readonly _tag: "AuditPending"
  /** `undefined` if the platform returned none; then the decision cannot be waited for. */
  readonly auditId: string | undefined
}

/**
 * What is known of a sent message.
 *
 * @since 0.1.0
 * @category models
 */
export interface Receipt {
  /** The platform's id of the message; `undefined` if the platform had the message already, or returned none. */
  readonly id: string | undefined
  /** The platform's timestamp of the message, unparsed. */
  readonly timestamp: string | undefined
  /** The reference by which a later message quotes this one; `undefined` if the platform returned none. */
  readonly reference: string | undefined
  readonly conversation: Conversation.Conversation
  /** Whether it was sent as a reply. */
  readonly via: "passive" | "proactive"
  /** The number of requests for the accepted variant. */
  readonly attempts: number
  /** Whether the platform had this reply already. */
  readonly deduplicated: boolean
  /** Set while moderation holds the message. */
  readonly audit: AuditPending | undefined
  /** The changes after which the platform accepted the message, in order. */
  readonly fallbacks: ReadonlyArray<Fallback>
  /** The parts of a split message, the first of which the other fields describe; otherwise empty. */
  readonly parts: ReadonlyArray<Receipt>
}
