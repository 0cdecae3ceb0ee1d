/**
 * Why a message was not sent, or may not have been.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

const facts = {
  /** `code` of the platform's answer. */
  code: Schema.optional(Schema.Number),
  /** `err_code` of the platform's answer. */
  errCode: Schema.optional(Schema.Number),
  /** The platform's id of the call, for its support. */
  traceId: Schema.optional(Schema.String),
  detail: Schema.String,
  /** What the developer or operator can do. */
  hint: Schema.String,
  /** The part of a split message that failed; the parts before it were delivered. */
  part: Schema.optional(Schema.Struct({ number: Schema.Int, of: Schema.Int }))
}

interface Context {
  readonly part?: { readonly number: number; readonly of: number } | undefined
  readonly expired?: { readonly message: string } | undefined
}

const inContext = (error: Context, text: string): string => {
  const part = error.part === undefined ? "" : `part ${error.part.number} of ${error.part.of}: `
  const first = error.expired === undefined ? "" : `${error.expired.message}; then `
  return `${part}${first}${text}`
}

/**
 * The reply window of the message has closed, or its id cannot be replied to.
 *
 * @since 0.1.0
 * @category errors
 */
export class MsgIdExpired extends Schema.TaggedError<MsgIdExpired>()("MsgIdExpired", facts) {
  override get message(): string {
    return inContext(this, `the message can no longer be replied to: ${this.detail}`)
  }
}

/**
 * A quota is used up: the replies to one message (`of: "message"`), or the bot's messages of a period (`of: "period"`).
 *
 * @since 0.1.0
 * @category errors
 */
export class QuotaExhausted extends Schema.TaggedError<QuotaExhausted>()("QuotaExhausted", {
  ...facts,
  of: Schema.Literal("message", "period"),
  /** Why the reply was sent proactively. */
  expired: Schema.optional(MsgIdExpired)
}) {
  override get message(): string {
    const what = this.of === "message" ? "the message has had all its replies" : "the quota is spent"
    return inContext(this, `${what}: ${this.detail}`)
  }
}

const factsAfter = {
  ...facts,
  /** Why the reply did not go to the message it answers. */
  expired: Schema.optional(Schema.Union(MsgIdExpired, QuotaExhausted))
}

/**
 * Rate limited by the platform for longer than the policy retries, or locally for longer than a message may wait.
 *
 * @since 0.1.0
 * @category errors
 */
export class RateLimited extends Schema.TaggedError<RateLimited>()("RateLimited", {
  ...factsAfter,
  retryAfter: Schema.optional(Schema.DurationFromSelf)
}) {
  override get message(): string {
    return inContext(this, `too many messages: ${this.detail}`)
  }
}

/**
 * Rejected locally; nothing was sent. `field` names the invalid part of the message.
 *
 * @since 0.1.0
 * @category errors
 */
export class MessageInvalid extends Schema.TaggedError<MessageInvalid>()("MessageInvalid", {
  /** The path of the field: `content`, `keyboard.rows[0]`, `conversation`. */
  field: Schema.String,
  detail: Schema.String,
  hint: Schema.String,
  /** Why the media could not be read or the request could not be built. */
  cause: Schema.optional(Schema.Defect)
}) {
  override get message(): string {
    return `the message is invalid: ${this.field} ${this.detail}`
  }
}

/**
 * The platform rejected the message for its content or target. `class` is the class of the error code.
 *
 * @since 0.1.0
 * @category errors
 */
export class MessageRejected extends Schema.TaggedError<MessageRejected>()("MessageRejected", {
  ...factsAfter,
  class: Schema.String
}) {
  override get message(): string {
    return inContext(this, `the message is refused (${this.class}): ${this.detail}`)
  }
}

/**
 * The bot is not allowed to send this: wrong credentials, an address that is not on the allow-list, a missing permission, a
 * ban.
 *
 * @since 0.1.0
 * @category errors
 */
export class PermissionDenied extends Schema.TaggedError<PermissionDenied>()("PermissionDenied", factsAfter) {
  override get message(): string {
    return inContext(this, `the bot may not send this: ${this.detail}`)
  }
}

/**
 * The bot may not send proactive messages to this conversation.
 *
 * @since 0.1.0
 * @category errors
 */
export class ProactiveRefused extends Schema.TaggedError<ProactiveRefused>()("ProactiveRefused", factsAfter) {
  override get message(): string {
    return inContext(this, `the bot may not write here unasked: ${this.detail}`)
  }
}

/**
 * The outcome is unknown: the platform did not answer in time, or its answer cannot be parsed. The message is not sent again
 * automatically, because users might then see it twice.
 *
 * @since 0.1.0
 * @category errors
 */
export class DeliveryUnknown extends Schema.TaggedError<DeliveryUnknown>()("DeliveryUnknown", {
  ...factsAfter,
  cause: Schema.optional(Schema.Defect)
}) {
  override get message(): string {
    return inContext(this, `whether the message was delivered is unknown: ${this.detail}`)
  }
}

/**
 * The platform could not be reached, or failed before it took the message: the message was not delivered.
 *
 * @since 0.1.0
 * @category errors
 */
export class PlatformUnavailable extends Schema.TaggedError<PlatformUnavailable>()("PlatformUnavailable", {
  ...factsAfter,
  cause: Schema.optional(Schema.Defect)
}) {
  override get message(): string {
    return inContext(this, `the platform is not available: ${this.detail}`)
  }
}

/**
 * Every error of sending a message.
 *
 * @since 0.1.0
 * @category errors
 */
export type SendError =
  | DeliveryUnknown
  | MessageInvalid
  | MessageRejected
  | MsgIdExpired
  | PermissionDenied
  | PlatformUnavailable
  | ProactiveRefused
  | QuotaExhausted
  | RateLimited

/**
 * Whether an error is one of {@link SendError}.
 *
 * @since 0.1.0
 * @category guards
 */
export const isSendError = (error: unknown): error is SendError =>
  error instanceof DeliveryUnknown ||
  error instanceof MessageInvalid ||
  error instanceof MessageRejected ||
  error instanceof MsgIdExpired ||
  error instanceof PermissionDenied ||
  error instanceof PlatformUnavailable ||
  error instanceof ProactiveRefused ||
  error instanceof QuotaExhausted ||
  error instanceof RateLimited

/**
 * The platform has already accepted this pair of `msg_id` and `msg_seq`. Callers do not get this error: for a reply it means
 * that it was delivered.
 *
 * @since 0.1.0
 * @category errors
 */
export class AlreadySent extends Schema.TaggedError<AlreadySent>()("AlreadySent", facts) {}

/**
 * The platform accepted the message and holds it for moderation. Callers do not get this error: the receipt has `audit`.
 *
 * @since 0.1.0
 * @category errors
 */
export class UnderAudit extends Schema.TaggedError<UnderAudit>()("UnderAudit", {
  ...facts,
  auditId: Schema.optional(Schema.String)
}) {}

/**
 * Moderation rejected the message.
 *
 * @since 0.1.0
 * @category errors
 */
export class AuditRejected extends Schema.TaggedError<AuditRejected>()("AuditRejected", { auditId: Schema.String }) {
  override get message(): string {
    return `moderation refused the message (audit ${this.auditId})`
  }
  get hint(): string {
    return "do not send the same text again"
  }
}

/**
 * Moderation has not decided before the timeout.
 *
 * @since 0.1.0
 * @category errors
 */
export class AuditUndecided extends Schema.TaggedError<AuditUndecided>()("AuditUndecided", {
  auditId: Schema.optional(Schema.String),
  waited: Schema.DurationFromSelf
}) {
  override get message(): string {
    return `moderation has not decided${this.auditId === undefined ? "" : ` (audit ${this.auditId})`}`
  }
  get hint(): string {
    return "decisions come as events of the intent MESSAGE_AUDIT: the bot has to ask for it"
  }
}

/**
 * The message is too old to be recalled, or no longer exists.
 *
 * @since 0.1.0
 * @category errors
 */
export class RecallExpired extends Schema.TaggedError<RecallExpired>()("RecallExpired", facts) {
  override get message(): string {
    return `the message can no longer be recalled: ${this.detail}`
  }
}

/**
 * Adds the reason why the message no longer replied to its anchor.
 *
 * @since 0.1.0
 * @category conversions
 */
export const withFirst = (error: SendError, expired: MsgIdExpired | QuotaExhausted): SendError => {
  switch (error._tag) {
    case "DeliveryUnknown":
      return new DeliveryUnknown({ ...error, expired })
    case "MessageRejected":
      return new MessageRejected({ ...error, expired })
    case "PermissionDenied":
      return new PermissionDenied({ ...error, expired })
    case "PlatformUnavailable":
      return new PlatformUnavailable({ ...error, expired })
    case "ProactiveRefused":
      return new ProactiveRefused({ ...error, expired })
    case "QuotaExhausted":
      return expired._tag === "MsgIdExpired"
        ? new QuotaExhausted({ ...error, expired })
        : new QuotaExhausted({ ...error, detail: `${expired.message}; then ${error.detail}` })
    case "RateLimited":
      return new RateLimited({ ...error, expired })
    case "MessageInvalid":
    case "MsgIdExpired":
      return error
  }
}

/**
 * Adds the part of a split message that failed.
 *
 * @since 0.1.0
 * @category conversions
 */
export const withPart = (error: SendError, part: { readonly number: number; readonly of: number }): SendError => {
  switch (error._tag) {
    case "DeliveryUnknown":
      return new DeliveryUnknown({ ...error, part })
    case "MessageRejected":
      return new MessageRejected({ ...error, part })
    case "MsgIdExpired":
      return new MsgIdExpired({ ...error, part })
    case "PermissionDenied":
      return new PermissionDenied({ ...error, part })
    case "PlatformUnavailable":
      return new PlatformUnavailable({ ...error, part })
    case "ProactiveRefused":
      return new ProactiveRefused({ ...error, part })
    case "QuotaExhausted":
      return new QuotaExhausted({ ...error, part })
    case "RateLimited":
      return new RateLimited({ ...error, part })
    case "MessageInvalid":
      return error
  }
}
