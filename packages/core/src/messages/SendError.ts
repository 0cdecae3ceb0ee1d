/**
 * Why a message was not sent, or is not known to have been.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import type * as ApiError from "../openapi/ApiError.ts"
import type * as ErrorCode from "../openapi/ErrorCode.ts"

const facts = {
  /** `code` of the platform's answer. */
  code: Schema.optional(Schema.Number),
  /** `err_code` of the platform's answer. */
  errCode: Schema.optional(Schema.Number),
  /** Names the call to the platform's support. */
  traceId: Schema.optional(Schema.String),
  detail: Schema.String,
  /** What can be done about it. */
  hint: Schema.String,
  /** Which part of a message that had to be split this is about; the parts before it were delivered. */
  part: Schema.optional(Schema.Struct({ number: Schema.Int, of: Schema.Int }))
}

interface Told {
  readonly part?: { readonly number: number; readonly of: number } | undefined
  readonly expired?: { readonly message: string } | undefined
}

const told = (error: Told, text: string): string => {
  const part = error.part === undefined ? "" : `part ${error.part.number} of ${error.part.of}: `
  const first = error.expired === undefined ? "" : `${error.expired.message}; then `
  return `${part}${first}${text}`
}

/**
 * The window of replies to the message is over, or its id cannot be replied to.
 *
 * @since 0.1.0
 * @category errors
 */
export class MsgIdExpired extends Schema.TaggedError<MsgIdExpired>()("MsgIdExpired", facts) {
  override get message(): string {
    return told(this, `the message can no longer be replied to: ${this.detail}`)
  }
}

/**
 * A quota is spent: the replies to one message (`of: "message"`), or what the bot may send in a period (`of: "period"`).
 *
 * @since 0.1.0
 * @category errors
 */
export class QuotaExhausted extends Schema.TaggedError<QuotaExhausted>()("QuotaExhausted", {
  ...facts,
  of: Schema.Literal("message", "period"),
  /** Why what was a reply was sent unasked in the first place. */
  expired: Schema.optional(MsgIdExpired)
}) {
  override get message(): string {
    const what = this.of === "message" ? "the message has had all its replies" : "the quota is spent"
    return told(this, `${what}: ${this.detail}`)
  }
}

const factsAfter = {
  ...facts,
  /** Why what was a reply was sent as something else in the first place. */
  expired: Schema.optional(Schema.Union(MsgIdExpired, QuotaExhausted))
}

/**
 * The platform asks for fewer messages, for longer than retries were allowed to go on.
 *
 * @since 0.1.0
 * @category errors
 */
export class RateLimited extends Schema.TaggedError<RateLimited>()("RateLimited", {
  ...factsAfter,
  retryAfter: Schema.optional(Schema.DurationFromSelf)
}) {
  override get message(): string {
    return told(this, `too many messages: ${this.detail}`)
  }
}

/**
 * The message cannot be sent as it is, whoever would be asked: nothing was sent. `field` says what is wrong with it.
 *
 * @since 0.1.0
 * @category errors
 */
export class MessageInvalid extends Schema.TaggedError<MessageInvalid>()("MessageInvalid", {
  /** As it is written in the value: `content`, `keyboard.rows[0]`, `conversation`. */
  field: Schema.String,
  detail: Schema.String,
  hint: Schema.String,
  /** Why media could not be read, or the request not be built. */
  cause: Schema.optional(Schema.Defect)
}) {
  override get message(): string {
    return `the message is invalid: ${this.field} ${this.detail}`
  }
}

/**
 * The platform refuses the message for what it is. `class` says why.
 *
 * @since 0.1.0
 * @category errors
 */
export class MessageRejected extends Schema.TaggedError<MessageRejected>()("MessageRejected", {
  ...factsAfter,
  class: Schema.String
}) {
  override get message(): string {
    return told(this, `the message is refused (${this.class}): ${this.detail}`)
  }
}

/**
 * The bot may not do this: credentials, allow-list, permissions, a ban.
 *
 * @since 0.1.0
 * @category errors
 */
export class PermissionDenied extends Schema.TaggedError<PermissionDenied>()("PermissionDenied", factsAfter) {
  override get message(): string {
    return told(this, `the bot may not send this: ${this.detail}`)
  }
}

/**
 * The bot may not write there unasked.
 *
 * @since 0.1.0
 * @category errors
 */
export class ProactiveRefused extends Schema.TaggedError<ProactiveRefused>()("ProactiveRefused", factsAfter) {
  override get message(): string {
    return told(this, `the bot may not write here unasked: ${this.detail}`)
  }
}

/**
 * The message may have been delivered and may not have been: the platform did not answer in time, or not readably. It is
 * not sent again by itself, for it might then be seen twice.
 *
 * @since 0.1.0
 * @category errors
 */
export class DeliveryUnknown extends Schema.TaggedError<DeliveryUnknown>()("DeliveryUnknown", {
  ...factsAfter,
  cause: Schema.optional(Schema.Defect)
}) {
  override get message(): string {
    return told(this, `whether the message was delivered is unknown: ${this.detail}`)
  }
}

/**
 * The platform could not be reached, or failed, and the message was surely not delivered.
 *
 * @since 0.1.0
 * @category errors
 */
export class PlatformUnavailable extends Schema.TaggedError<PlatformUnavailable>()("PlatformUnavailable", {
  ...factsAfter,
  cause: Schema.optional(Schema.Defect)
}) {
  override get message(): string {
    return told(this, `the platform is not available: ${this.detail}`)
  }
}

/**
 * Every reason for a message not to be sent.
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
 * The platform has this pair of `msg_id` and `msg_seq` already. Not an error that a caller sees: on a reply it means
 * that it was delivered.
 *
 * @since 0.1.0
 * @category errors
 */
export class AlreadySent extends Schema.TaggedError<AlreadySent>()("AlreadySent", facts) {}

/**
 * The platform took the message and moderation has to look at it. Not an error that a caller sees: its receipt says so.
 *
 * @since 0.1.0
 * @category errors
 */
export class UnderAudit extends Schema.TaggedError<UnderAudit>()("UnderAudit", {
  ...facts,
  auditId: Schema.optional(Schema.String)
}) {}

/**
 * Moderation refused the message.
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
 * Moderation has not decided in the time that was given.
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
 * The message is too old to be recalled, or gone.
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
 * What a class of the platform's errors means for a message that was to be sent.
 *
 * @since 0.1.0
 * @category models
 */
export type Decision =
  | "AlreadySent"
  | "DeliveryUnknown"
  | "MessageRejected"
  | "MsgIdExpired"
  | "PermissionDenied"
  | "PlatformUnavailable"
  | "ProactiveRefused"
  | "QuotaExhausted"
  | "RateLimited"
  | "UnderAudit"

/**
 * The decision on each class of error.
 *
 * @since 0.1.0
 * @category constants
 */
export const decisions: { readonly [C in ErrorCode.ErrorClass]: Decision } = {
  // an error without a code, or with one that says all is well, says nothing about the message
  ok: "DeliveryUnknown",
  idempotent_ok: "AlreadySent",
  duplicate: "AlreadySent",
  audit_pending: "UnderAudit",
  msg_id_expired: "MsgIdExpired",
  msg_id_invalid: "MsgIdExpired",
  rate_limited: "RateLimited",
  quota_exhausted: "QuotaExhausted",
  proactive_refused: "ProactiveRefused",
  permission: "PermissionDenied",
  auth_fatal: "PermissionDenied",
  ip_not_allowed: "PermissionDenied",
  token_refresh: "PermissionDenied",
  bot_banned: "PermissionDenied",
  bot_offline: "PermissionDenied",
  bot_muted: "PermissionDenied",
  bot_not_member: "PermissionDenied",
  // a server that failed may have failed after it accepted
  transient: "DeliveryUnknown",
  retry_once: "DeliveryUnknown",
  gateway_offline: "PlatformUnavailable",
  upload_part_retry: "PlatformUnavailable",
  not_found: "MessageRejected",
  bad_target: "MessageRejected",
  not_reachable: "MessageRejected",
  too_long: "MessageRejected",
  url_blocked: "MessageRejected",
  content_blocked: "MessageRejected",
  markdown_refused: "MessageRejected",
  keyboard_refused: "MessageRejected",
  media_retry: "MessageRejected",
  media_invalid: "MessageRejected",
  stream_prefix_conflict: "MessageRejected",
  recall_expired: "MessageRejected",
  bad_request: "MessageRejected"
}

/**
 * Codes that can mean another thing on a reply than their class says: the replies to the message are used up. 22009 means it
 * only where our own count of replies agrees, else it is a rate limit. 40034128 says "window or count"; inside the window it
 * is the count.
 *
 * Source: `error-codes`, openclaw PR#104634 [field].
 *
 * @since 0.1.0
 * @category constants
 */
export const spentCodes: ReadonlySet<number> = new Set([22009, 40034128])

const unknownHint =
  "look whether the message is there before sending it again; a reply may safely be sent again with the same key"

type Fields = Readonly<Record<string, unknown>>

const fieldsOf = (value: unknown): Fields => (typeof value === "object" && value !== null ? (value as Fields) : {})

/** The audit id has been seen in `data.message_audit`, in `data`, and beside the code. */
const auditIdOf = (data: unknown): string | undefined => {
  const outer = fieldsOf(data)
  const inner = fieldsOf(outer["message_audit"])
  const nested = fieldsOf(fieldsOf(outer["data"])["message_audit"])
  for (const candidate of [inner["audit_id"], nested["audit_id"], outer["audit_id"]]) {
    if (typeof candidate === "string" && candidate !== "") return candidate
    if (typeof candidate === "number") return String(candidate)
  }
  return undefined
}

const fromRefusal = (error: ApiError.ApiError): SendError | AlreadySent | UnderAudit => {
  const { code, errCode, hint, traceId } = error
  const given = { code, errCode, traceId, detail: error.message, hint }
  switch (decisions[error.class]) {
    case "AlreadySent":
      return new AlreadySent(given)
    case "UnderAudit":
      return new UnderAudit({ ...given, auditId: auditIdOf(error.data) })
    case "MsgIdExpired":
      return new MsgIdExpired(given)
    case "RateLimited":
      return new RateLimited({ ...given, retryAfter: error.retryAfter })
    case "QuotaExhausted":
      return new QuotaExhausted({ ...given, of: "period" })
    case "ProactiveRefused":
      return new ProactiveRefused(given)
    case "PermissionDenied":
      return new PermissionDenied(given)
    case "DeliveryUnknown":
      return new DeliveryUnknown({ ...given, hint: unknownHint, cause: error })
    case "PlatformUnavailable":
      return new PlatformUnavailable({ ...given, cause: error })
    case "MessageRejected":
      return new MessageRejected({ ...given, class: error.class })
  }
}

/**
 * What a failed call means for the message it carried. The three outcomes of an attempt are kept apart: surely not sent
 * (`PlatformUnavailable`), refused (by code), unknown (`DeliveryUnknown`).
 *
 * @since 0.1.0
 * @category conversions
 */
export const fromOpenApi = (error: ApiError.OpenApiError): SendError | AlreadySent | UnderAudit => {
  switch (error._tag) {
    case "ApiError":
      return fromRefusal(error)
    case "ApiUnavailable":
      // what cannot be built today cannot be built in a second
      if (error.outcome === "not-sent" && error.reason === "Malformed") {
        return new MessageInvalid({
          field: "request",
          detail: `could not be built: ${error.detail}`,
          hint: "correct the message",
          cause: error
        })
      }
      return error.outcome === "not-sent"
        ? new PlatformUnavailable({ detail: error.message, hint: error.hint, cause: error })
        : new DeliveryUnknown({ detail: error.message, hint: unknownHint, cause: error })
    case "TokenUnavailable":
      return new PlatformUnavailable({ code: error.code, detail: error.message, hint: error.hint, cause: error })
    case "TokenRejected":
    case "IpRefused":
      return new PermissionDenied({
        code: error.code,
        traceId: error.traceId,
        detail: error.message,
        hint: error.hint
      })
  }
}

/**
 * The answer came and nobody can tell from it whether the message was taken.
 *
 * @since 0.1.0
 * @category constructors
 */
export const unreadable = (traceId: string | undefined): DeliveryUnknown =>
  new DeliveryUnknown({ traceId, detail: "the platform's answer was empty", hint: unknownHint })

/**
 * An earlier run began to send the same, and nobody knows what became of it.
 *
 * @since 0.1.0
 * @category conversions
 */
export const begunBefore = (): DeliveryUnknown =>
  new DeliveryUnknown({ detail: "it was begun before, and its answer was never seen", hint: unknownHint })

/**
 * What an error after an attempt without an answer means: the message may have been delivered all the same, so nothing may
 * follow that could be seen twice.
 *
 * @since 0.1.0
 * @category conversions
 */
export const afterUnknown = (error: SendError): DeliveryUnknown =>
  error._tag === "DeliveryUnknown"
    ? error
    : new DeliveryUnknown({
        ...(error._tag === "MessageInvalid"
          ? {}
          : { code: error.code, errCode: error.errCode, traceId: error.traceId }),
        detail: `an attempt had no answer, and then ${error.message}`,
        hint: "look whether the message is there before sending it again",
        cause: error
      })

/**
 * The same error with the reason why the message was no longer a reply.
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
 * The same error with the part of the message that it is about.
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
