/**
 * What the platform's answers mean for a message: each class of error code becomes one of the errors of `SendFailure`.
 *
 * @since 0.1.0
 */
import * as Wire from "../internal/Wire.ts"
import type * as ApiError from "../openapi/ApiError.ts"
import type * as ErrorCode from "../openapi/ErrorCode.ts"
import {
  AlreadySent,
  DeliveryUnknown,
  MessageInvalid,
  MessageRejected,
  MsgIdExpired,
  PermissionDenied,
  PlatformUnavailable,
  ProactiveRefused,
  QuotaExhausted,
  RateLimited,
  type SendError,
  UnderAudit
} from "./SendFailure.ts"

/**
 * The error, or the outcome, that a class of error codes becomes.
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
  // an error without a code, or with the code of success, does not say whether the message was taken
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
  // a server may fail after it accepted the message
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
 * Codes that on a reply can mean that the replies to the message are used up, whatever their class. 22009 means it only if our
 * own count of replies agrees; otherwise it is a rate limit. 40034128 means "window or count"; within the window it is the
 * count.
 *
 * Source: `error-codes`, openclaw PR#104634 [field].
 *
 * @since 0.1.0
 * @category constants
 */
export const spentCodes: ReadonlySet<number> = new Set([22009, 40034128])

const unknownHint =
  "check whether the message arrived before sending it again; a reply can safely be sent again with the same key"

/** The audit id may be in `data.message_audit`, in `data`, or next to the code. */
const auditIdOf = (data: unknown): string | undefined => {
  const holders = [Wire.field(data, "message_audit"), Wire.field(Wire.field(data, "data"), "message_audit"), data]
  // read as the decision's is, by which the two are matched
  return holders.map((holder) => Wire.textOf(Wire.field(holder, "audit_id"))).find((id) => id !== undefined)
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
 * What a failed call means for the message it carried. The three outcomes of an attempt are kept apart: not sent
 * (`PlatformUnavailable`), refused (by its code), unknown (`DeliveryUnknown`).
 *
 * @since 0.1.0
 * @category conversions
 */
export const fromOpenApi = (error: ApiError.OpenApiError): SendError | AlreadySent | UnderAudit => {
  switch (error._tag) {
    case "ApiError":
      return fromRefusal(error)
    case "ApiUnavailable":
      // a retry would build the same malformed request
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
 * The answer does not say whether the message was accepted.
 *
 * @since 0.1.0
 * @category constructors
 */
export const unreadable = (traceId: string | undefined): DeliveryUnknown =>
  new DeliveryUnknown({ traceId, detail: "the platform's answer was empty", hint: unknownHint })

/**
 * An earlier run began to send the same message, and its outcome is unknown.
 *
 * @since 0.1.0
 * @category conversions
 */
export const begunBefore = (): DeliveryUnknown =>
  new DeliveryUnknown({ detail: "an earlier run began to send it and got no answer", hint: unknownHint })

/**
 * An error after an attempt without an answer: that attempt may have delivered the message, so nothing may follow that users
 * could see twice.
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
        hint: "check whether the message arrived before sending it again",
        cause: error
      })
