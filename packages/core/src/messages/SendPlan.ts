/**
 * One message on its way: where it goes, what it replies to, and what may be tried when the platform refuses it.
 *
 * A `SendPlan` is fixed before the first request; an `Attempt` is what is sent next, and changes with each remedy.
 *
 * @since 0.1.0
 */
import type { Conversation } from "../events/Conversation.ts"
import type { Anchor } from "./Anchor.ts"
import type { MessageVariant } from "./Fallback.ts"
import type { MediaSource } from "./MediaSource.ts"
import type { ReplyKey } from "./MessageSequence.ts"
import type { MsgIdExpired, QuotaExhausted } from "./SendError.ts"
import type { SendPolicy } from "./SendPolicy.ts"

/**
 * What stays the same over all attempts.
 *
 * @since 0.1.0
 * @category models
 */
export interface SendPlan {
  readonly conversation: Conversation
  /** What the caller replies to; `undefined` for a proactive message. */
  readonly anchor: Anchor | undefined
  /** Identifies the reply across retries and restarts; `undefined` for a message without such an identity. */
  readonly name: ReplyKey | undefined
  /** The digest of the whole message, if it has a name. */
  readonly digest: string | undefined
  /** What the ledger stores with the reply: the digest, and for a part how the text was cut. */
  readonly text: string | undefined
  /** The media of the message, if it can be uploaded a second time. */
  readonly source: MediaSource | undefined
  /** 0 for a whole message; from 1 for the parts of a split one. */
  readonly part: number
  readonly onExpired: SendPolicy["onExpired"]
  readonly onExhausted: SendPolicy["onExhausted"]
}

/**
 * What has to happen before an attempt is sent.
 *
 * - `nothing`: it can be sent as it is.
 * - `upload`: its media has to be uploaded again.
 * - `event-anchor`: an event of the conversation that can be replied to takes the place of its anchor.
 * - `split`: its text goes out in parts.
 *
 * @since 0.1.0
 * @category models
 */
export type Preparation = "nothing" | "upload" | "event-anchor" | "split"

/**
 * What is sent next.
 *
 * @since 0.1.0
 * @category models
 */
export interface Attempt {
  readonly plan: SendPlan
  readonly variant: MessageVariant
  /** What it replies to; `undefined` for a proactive message. */
  readonly anchor: Anchor | undefined
  /** Why it no longer replies to the anchor of the plan. */
  readonly replaced: MsgIdExpired | QuotaExhausted | undefined
  /** Whether a second message without a name had the same `msg_seq`. */
  readonly hasCollided: boolean
  readonly preparation: Preparation
}

/**
 * The first attempt of a plan.
 *
 * @since 0.1.0
 * @category constructors
 */
export const start = (plan: SendPlan, variant: MessageVariant): Attempt => ({
  plan,
  variant,
  anchor: plan.anchor,
  replaced: undefined,
  hasCollided: false,
  preparation: "nothing"
})
