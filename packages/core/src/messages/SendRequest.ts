/**
 * One attempt at one body: its turn by the rate limit, the request, and what the platform's answer means for this message.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Conversation from "../events/Conversation.ts"
import * as Monotonic from "../internal/Monotonic.ts"
import { type Fields, fieldsOf, textOf } from "../internal/Wire.ts"
import * as ErrorCode from "../openapi/ErrorCode.ts"
import type { OpenApiShape, Response } from "../openapi/OpenApi.ts"
import type { Anchor } from "./Anchor.ts"
import type { Operation, RateLimitShape } from "./RateLimit.ts"
import type { AuditPending } from "./Receipt.ts"
import type { ReplyLedgerShape, ReplyState } from "./ReplyLedger.ts"
import * as SendError from "./SendError.ts"
import type { SendPolicy } from "./SendPolicy.ts"

/**
 * A reply as the ledger knows it.
 *
 * @since 0.1.0
 * @category models
 */
export interface ReplyRef {
  readonly anchor: Anchor
  readonly sequence: number
}

/**
 * What is to be sent.
 *
 * @since 0.1.0
 * @category models
 */
export interface Transmission {
  readonly operation: Extract<Operation, "send" | "stream">
  readonly conversation: Conversation.Conversation
  readonly path: string
  readonly body: Readonly<Record<string, unknown>>
  /** What makes it a reply; `undefined` for a proactive message. */
  readonly anchor: Anchor | undefined
  readonly sequence: number
  /** The replies that are recorded in the ledger. The first one decides whether this was sent before. */
  readonly records: ReadonlyArray<ReplyRef>
  /** What the ledger stores of a named reply: the digest, and for a part how the text was cut. */
  readonly text?: string | undefined
  /** Whether the sequence number identifies the reply, so that a duplicate of it was delivered before. */
  readonly isNamed: boolean
  /** The body of the attempt that follows this error. Absent: the same body again. */
  readonly again?: ((error: SendError.SendError) => Effect.Effect<Readonly<Record<string, unknown>>>) | undefined
  /** Whether it is sent although the reply window has closed, as the end of a stream that has begun before. */
  readonly ignoresWindow?: boolean | undefined
}

/**
 * The platform's answer to a body that it accepted.
 *
 * @since 0.1.0
 * @category models
 */
export interface Accepted {
  readonly id: string | undefined
  readonly timestamp: string | undefined
  readonly reference: string | undefined
  readonly attempts: number
  readonly deduplicated: boolean
  readonly audit: AuditPending | undefined
}

/**
 * The state of a transmission between its attempts.
 *
 * @since 0.1.0
 * @category models
 */
export interface Progress {
  /** What the ledger knew of the reply before. */
  readonly before: ReplyState
  /** What the next attempt sends, if that differs from the first one. */
  body?: Fields | undefined
  attempts: number
  /** Whether an attempt had no answer, in this run or an earlier one. */
  isUnknown: boolean
  /** Whether a request is in flight. */
  isInFlight: boolean
}

/**
 * What attempts need.
 *
 * @since 0.1.0
 * @category models
 */
export interface Services {
  readonly api: OpenApiShape
  readonly ledger: ReplyLedgerShape
  readonly rates: RateLimitShape
  readonly policy: SendPolicy
  readonly clock: Clock.Clock
  /** Whether this process may act for the bot. */
  readonly isHeld: () => boolean
}

/**
 * Makes one attempt. `closesAt`, in monotonic milliseconds: nothing is sent from then on.
 *
 * @since 0.1.0
 * @category models
 */
export type SendRequest = (
  transmission: Transmission,
  progress: Progress,
  closesAt: number | undefined
) => Effect.Effect<Accepted, SendError.SendError>

/** `msg_type` of an input notice. */
const inputNotify = 6

const noContent = 204

/** Whether the endpoint takes `msg_seq`, by which the platform shows a repeated reply once. */
const takesSequence = (conversation: Conversation.Conversation): boolean => {
  const scene = Conversation.sceneOf(conversation)
  return scene === "c2c" || scene === "group"
}

/** The fields that make a body a reply. The endpoints of guilds take no `msg_seq`. */
const replyFields = ({ anchor, conversation, sequence }: Transmission): Fields => {
  if (anchor === undefined) return {}
  const { id, kind } = anchor
  if (!takesSequence(conversation)) return kind === "msg_id" ? { msg_id: id } : { event_id: id }
  return kind === "msg_id" ? { msg_id: id, msg_seq: sequence } : { event_id: id, msg_seq: sequence }
}

/**
 * Whether it may be sent again without being shown twice.
 *
 * @since 0.1.0
 * @category guards
 */
export const isRepeatable = ({ anchor, conversation }: Transmission): boolean =>
  anchor !== undefined && takesSequence(conversation)

const isSpent = (error: { readonly code?: number | undefined; readonly errCode?: number | undefined }): boolean =>
  [error.code, error.errCode].some((code) => code !== undefined && SendError.spentCodes.has(code))

/**
 * The reply window has closed: nothing was sent.
 *
 * @since 0.1.0
 * @category constructors
 */
export const windowClosed = (): SendError.MsgIdExpired =>
  new SendError.MsgIdExpired({
    detail: "its window has closed; nothing was sent",
    hint: ErrorCode.hints.msg_id_expired
  })

const tooLate = (wait: Duration.Duration): SendError.RateLimited =>
  new SendError.RateLimited({
    detail: `its turn would come only in ${Duration.format(wait)}; nothing was sent`,
    hint: ErrorCode.hints.rate_limited,
    retryAfter: wait
  })

const spent = ({ code, detail, errCode, hint, traceId }: SendError.MsgIdExpired | SendError.RateLimited) =>
  new SendError.QuotaExhausted({ code, errCode, traceId, detail, hint, of: "message" })

const disowned = (): SendError.PlatformUnavailable =>
  new SendError.PlatformUnavailable({
    detail: "another process owns the bot; nothing was sent",
    hint: "send it from the process that owns the bot"
  })

/**
 * The platform had the message already.
 *
 * @since 0.1.0
 * @category constructors
 */
export const deduplicated = ({ attempts }: Progress): Accepted => ({
  id: undefined,
  timestamp: undefined,
  reference: undefined,
  attempts,
  deduplicated: true,
  audit: undefined
})

/** An empty answer leaves the outcome unknown, except for an input notice, whose answer may be empty. */
const accepted = (
  response: Response,
  attempts: number,
  isNotice: boolean
): Effect.Effect<Accepted, SendError.DeliveryUnknown> => {
  const body = fieldsOf(response.body)
  const isEmpty = body === undefined || (Object.keys(body).length === 0 && !isNotice)
  if (isEmpty && response.status !== noContent) return SendError.unreadable(response.traceId)
  return Effect.succeed({
    id: textOf(body["id"]),
    timestamp: textOf(body["timestamp"]),
    reference: textOf(fieldsOf(body["ext_info"])["ref_idx"]),
    attempts,
    deduplicated: false,
    audit: undefined
  })
}

/**
 * Makes attempts with these services.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = ({ api, clock, isHeld, ledger, policy, rates }: Services): SendRequest => {
  /** A rate limit can also mean that the replies are used up: only if our own count agrees. */
  const limited = (
    { anchor, sequence }: Transmission,
    error: SendError.RateLimited
  ): Effect.Effect<never, SendError.SendError> =>
    anchor === undefined || !isSpent(error)
      ? error
      : Effect.flatMap(ledger.hasBudget(anchor, sequence), (hasBudget): Effect.Effect<never, SendError.SendError> =>
          hasBudget ? error : spent(error)
        )

  /** What a refusal means for this message at this moment. */
  const refused = (
    transmission: Transmission,
    progress: Progress,
    error: SendError.SendError | SendError.AlreadySent | SendError.UnderAudit,
    closesAt: number | undefined
  ): Effect.Effect<Accepted, SendError.SendError> => {
    switch (error._tag) {
      case "AlreadySent":
        return isRepeatable(transmission) && (transmission.isNamed || progress.isUnknown)
          ? Effect.succeed(deduplicated(progress))
          : new SendError.MessageRejected({ ...error, class: "duplicate" })
      case "UnderAudit":
        return Effect.succeed({
          ...deduplicated(progress),
          deduplicated: false,
          audit: { _tag: "AuditPending", auditId: error.auditId }
        })
      case "MsgIdExpired":
        // the code means "window or count": within the window it is the count
        return isSpent(error) && closesAt !== undefined && Monotonic.unsafeMillis(clock) < closesAt
          ? spent(error)
          : error
      case "RateLimited":
        return limited(transmission, error)
      default:
        return error
    }
  }

  const request: SendRequest = (transmission, progress, closesAt) => {
    if (!isHeld()) return disowned()
    if (closesAt !== undefined && Monotonic.unsafeMillis(clock) >= closesAt) return windowClosed()
    progress.attempts++
    progress.isInFlight = true
    return Effect.matchEffect(
      api.request({
        method: "POST",
        path: transmission.path,
        body: Object.assign({}, progress.body ?? transmission.body, replyFields(transmission)),
        timeout: policy.timeout
      }),
      {
        onFailure: (error) => {
          progress.isInFlight = false
          return refused(transmission, progress, SendError.fromOpenApi(error), closesAt)
        },
        onSuccess: (response) => {
          progress.isInFlight = false
          return accepted(response, progress.attempts, transmission.body["msg_type"] === inputNotify)
        }
      }
    )
  }

  return (transmission, progress, closesAt) => {
    const { anchor, conversation, operation } = transmission
    return Effect.matchEffect(
      rates.turn({ operation, conversation, proactive: anchor === undefined }, policy.maximumElapsed),
      {
        onFailure: ({ wait }) => tooLate(wait),
        onSuccess: () => request(transmission, progress, closesAt)
      }
    )
  }
}
