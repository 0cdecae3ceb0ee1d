/**
 * Why a message was not sent, or is not known to have been.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import type * as ApiError from "../openapi/ApiError.ts"

const facts = {
  /** `code` of the platform's answer. */
  code: Schema.optional(Schema.Number),
  /** `err_code` of the platform's answer. */
  errCode: Schema.optional(Schema.Number),
  /** Names the call to the platform's support. */
  traceId: Schema.optional(Schema.String),
  detail: Schema.String,
  /** What can be done about it. */
  hint: Schema.String
}

/**
 * The window or the count of replies to the message is over, or its id cannot be replied to.
 *
 * @since 0.1.0
 * @category errors
 */
export class MsgIdExpired extends Schema.TaggedError<MsgIdExpired>()("MsgIdExpired", facts) {
  override get message(): string {
    return `the message can no longer be replied to: ${this.detail}`
  }
}

/**
 * The platform asks for fewer messages, for longer than retries were allowed to go on.
 *
 * @since 0.1.0
 * @category errors
 */
export class RateLimited extends Schema.TaggedError<RateLimited>()("RateLimited", {
  ...facts,
  retryAfter: Schema.optional(Schema.DurationFromSelf)
}) {
  override get message(): string {
    return `too many messages: ${this.detail}`
  }
}

/**
 * The quota of this period is spent.
 *
 * @since 0.1.0
 * @category errors
 */
export class QuotaExhausted extends Schema.TaggedError<QuotaExhausted>()("QuotaExhausted", facts) {
  override get message(): string {
    return `the quota is spent: ${this.detail}`
  }
}

/**
 * The platform, or this library before any request, refuses the message for what it is. `class` says why.
 *
 * @since 0.1.0
 * @category errors
 */
export class MessageRejected extends Schema.TaggedError<MessageRejected>()("MessageRejected", {
  ...facts,
  class: Schema.String
}) {
  override get message(): string {
    return `the message is refused (${this.class}): ${this.detail}`
  }
}

/**
 * The bot may not do this: credentials, allow-list, permissions, a ban.
 *
 * @since 0.1.0
 * @category errors
 */
export class PermissionDenied extends Schema.TaggedError<PermissionDenied>()("PermissionDenied", facts) {
  override get message(): string {
    return `the bot may not send this: ${this.detail}`
  }
}

/**
 * The bot may not write there unasked.
 *
 * @since 0.1.0
 * @category errors
 */
export class ProactiveRefused extends Schema.TaggedError<ProactiveRefused>()("ProactiveRefused", {
  ...facts,
  /** Why a reply became a proactive message in the first place. */
  expired: Schema.optional(MsgIdExpired)
}) {
  override get message(): string {
    const first = this.expired === undefined ? "" : `${this.expired.message}; then `
    return `${first}the bot may not write here unasked: ${this.detail}`
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
  ...facts,
  cause: Schema.optional(Schema.Defect)
}) {
  override get message(): string {
    return `whether the message was delivered is unknown: ${this.detail}`
  }
}

/**
 * The platform could not be reached, or failed, and the message was surely not delivered.
 *
 * @since 0.1.0
 * @category errors
 */
export class PlatformUnavailable extends Schema.TaggedError<PlatformUnavailable>()("PlatformUnavailable", {
  ...facts,
  cause: Schema.optional(Schema.Defect)
}) {
  override get message(): string {
    return `the platform is not available: ${this.detail}`
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
  | MessageRejected
  | MsgIdExpired
  | PermissionDenied
  | PlatformUnavailable
  | ProactiveRefused
  | QuotaExhausted
  | RateLimited

/**
 * The platform has this pair of `msg_id` and `msg_seq` already. Not an error that a caller sees: on a reply it means
 * that it was delivered.
 *
 * @since 0.1.0
 * @category errors
 */
export class AlreadySent extends Schema.TaggedError<AlreadySent>()("AlreadySent", facts) {}

const unknownHint =
  "look whether the message is there before sending it again; a reply may safely be sent again with the same key"

const fromRefusal = (error: ApiError.ApiError): SendError | AlreadySent => {
  const { code, errCode, hint, traceId } = error
  const given = { code, errCode, traceId, detail: error.message, hint }
  switch (error.class) {
    case "duplicate":
      return new AlreadySent(given)
    case "msg_id_expired":
    case "msg_id_invalid":
      return new MsgIdExpired(given)
    case "rate_limited":
      return new RateLimited({ ...given, retryAfter: error.retryAfter })
    case "quota_exhausted":
      return new QuotaExhausted(given)
    case "proactive_refused":
      return new ProactiveRefused(given)
    case "permission":
    case "auth_fatal":
    case "ip_not_allowed":
    case "token_refresh":
    case "bot_banned":
    case "bot_offline":
    case "bot_muted":
    case "bot_not_member":
      return new PermissionDenied(given)
    case "transient":
    case "retry_once":
      // a server that failed may have failed after it accepted
      return new DeliveryUnknown({ ...given, hint: unknownHint, cause: error })
    case "gateway_offline":
      return new PlatformUnavailable({ ...given, cause: error })
    default:
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
export const fromOpenApi = (error: ApiError.OpenApiError): SendError | AlreadySent => {
  switch (error._tag) {
    case "ApiError":
      return fromRefusal(error)
    case "ApiUnavailable":
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
