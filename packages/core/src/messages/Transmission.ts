/**
 * One body on its way to the platform: its turn, the request, retries, and what came of it. Three outcomes are kept apart:
 * surely not sent, refused, and unknown; after an unknown attempt every failure is unknown.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Schedule from "effect/Schedule"
import * as Monotonic from "../internal/Monotonic.ts"
import * as ErrorCode from "../openapi/ErrorCode.ts"
import type { OpenApiShape, Response } from "../openapi/OpenApi.ts"
import type { Anchor } from "./Anchor.ts"
import * as Conversation from "./Conversation.ts"
import type { Operation, RateLimitShape } from "./RateLimit.ts"
import type { AuditPending } from "./Receipt.ts"
import type { Before, ReplyLedgerShape, Standing } from "./ReplyLedger.ts"
import * as SendError from "./SendError.ts"
import * as SendPolicy from "./SendPolicy.ts"

/**
 * A reply as the ledger knows it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Named {
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
  /** The replies that the ledger is told about. The first one says whether this was sent before. */
  readonly records: ReadonlyArray<Named>
  /** The digest of what the reply says, where it has a name; the ledger keeps it. */
  readonly text?: string | undefined
  /** Whether the sequence number says what the reply is, so that a duplicate of it was delivered before. */
  readonly isNamed: boolean
  /** The body of the attempt that follows this error. Absent: the same body again. */
  readonly again?: ((error: SendError.SendError) => Effect.Effect<Readonly<Record<string, unknown>>>) | undefined
  /** Whether it is sent although the window of the message that it answers has closed: it ends what has begun before. */
  readonly ignoresWindow?: boolean | undefined
}

/**
 * What the platform said of a body that it took.
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

/** How far a transmission has come. */
interface Progress {
  /** What the ledger knew of the reply before. */
  readonly before: Before
  /** What the next attempt sends, where that differs from the first one. */
  body?: Fields | undefined
  attempts: number
  /** Whether there was an attempt without an answer, of this run or an earlier one. */
  isUnknown: boolean
  /** Whether a request is under way. */
  isInFlight: boolean
}

type Fields = Readonly<Record<string, unknown>>

const fieldsOf = (value: unknown): Fields | undefined =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : undefined

const textOf = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : typeof value === "number" ? String(value) : undefined

/** `msg_type` of an input notice. */
const inputNotify = 6

const noContent = 204

/** What makes a body a reply. The endpoints of guilds know no `msg_seq`. */
const replyFields = ({ anchor, conversation, sequence }: Transmission): Fields => {
  if (anchor === undefined) return {}
  return isIdempotent(conversation) ? { [anchor.kind]: anchor.id, msg_seq: sequence } : { [anchor.kind]: anchor.id }
}

/** Whether the platform tells a repeated reply from a new one. */
const isIdempotent = (conversation: Conversation.Conversation): boolean => {
  const scene = Conversation.sceneOf(conversation)
  return scene === "c2c" || scene === "group"
}

/** Whether it may be sent again without being seen twice. */
const isRepeatable = ({ anchor, conversation }: Transmission): boolean =>
  anchor !== undefined && isIdempotent(conversation)

const isSpent = (error: { readonly code?: number | undefined; readonly errCode?: number | undefined }): boolean =>
  [error.code, error.errCode].some((code) => code !== undefined && SendError.spentCodes.has(code))

const closed = (): SendError.MsgIdExpired =>
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

/** As `Effect.retry`, but the schedule is made and driven only once something has failed: most of what is sent is taken. */
const retried = <A, E>(
  attempt: Effect.Effect<A, E>,
  schedule: () => Schedule.Schedule<unknown, E>
): Effect.Effect<A, E> =>
  Effect.catchAll(attempt, (error) => {
    let next: Effect.Effect<A, E> = Effect.fail(error)
    const replayed = Effect.suspend(() => {
      const now = next
      next = attempt
      return now
    })
    return Effect.retry(replayed, schedule())
  })

/**
 * Sends bodies by this policy.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (services: {
  readonly api: OpenApiShape
  readonly ledger: ReplyLedgerShape
  readonly rates: RateLimitShape
  readonly policy: SendPolicy.SendPolicy
  readonly clock: Clock.Clock
}): ((transmission: Transmission) => Effect.Effect<Accepted, SendError.SendError>) => {
  const { api, clock, ledger, policy, rates } = services

  /** Whether the platform took it can be told only from an answer that says something; that to a notice need not. */
  const accepted = (
    response: Response,
    attempts: number,
    isNotice: boolean
  ): Effect.Effect<Accepted, SendError.DeliveryUnknown> => {
    const body = fieldsOf(response.body)
    const isEmpty = body === undefined || (Object.keys(body).length === 0 && !isNotice)
    if (isEmpty && response.status !== noContent) return SendError.unreadable(response.traceId)
    return Effect.succeed({
      id: textOf(body?.["id"]),
      timestamp: textOf(body?.["timestamp"]),
      reference: textOf(fieldsOf(body?.["ext_info"])?.["ref_idx"]),
      attempts,
      deduplicated: false,
      audit: undefined
    })
  }

  const deduplicated = ({ attempts }: Progress): Accepted => ({
    id: undefined,
    timestamp: undefined,
    reference: undefined,
    attempts,
    deduplicated: true,
    audit: undefined
  })

  const spent = ({ code, detail, errCode, hint, traceId }: SendError.MsgIdExpired | SendError.RateLimited) =>
    new SendError.QuotaExhausted({ code, errCode, traceId, detail, hint, of: "message" })

  /** A rate limit that can also mean that the replies are used up means it only where our own count agrees. */
  const countDecides = (
    { anchor, sequence }: Transmission,
    error: SendError.RateLimited
  ): Effect.Effect<never, SendError.SendError> =>
    anchor === undefined || !isSpent(error)
      ? error
      : Effect.flatMap(ledger.hasBudget(anchor, sequence), (hasBudget): Effect.Effect<never, SendError.SendError> =>
          hasBudget ? error : spent(error)
        )

  /** What a refusal means for this message, here and now. */
  const judge = (
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
        // "window or count": inside the window it is the count
        return isSpent(error) && closesAt !== undefined && Monotonic.unsafeMillis(clock) < closesAt
          ? spent(error)
          : error
      case "RateLimited":
        return countDecides(transmission, error)
      default:
        return error
    }
  }

  const request = (
    transmission: Transmission,
    progress: Progress,
    closesAt: number | undefined
  ): Effect.Effect<Accepted, SendError.SendError> => {
    if (closesAt !== undefined && Monotonic.unsafeMillis(clock) >= closesAt) return closed()
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
          return judge(transmission, progress, SendError.fromOpenApi(error), closesAt)
        },
        onSuccess: (response) => {
          progress.isInFlight = false
          return accepted(response, progress.attempts, transmission.body["msg_type"] === inputNotify)
        }
      }
    )
  }

  const attempt = (
    transmission: Transmission,
    progress: Progress,
    closesAt: number | undefined
  ): Effect.Effect<Accepted, SendError.SendError> => {
    const { anchor, conversation, operation } = transmission
    return Effect.matchEffect(
      rates.turn({ operation, conversation, proactive: anchor === undefined }, policy.maximumElapsed),
      {
        onFailure: ({ wait }) => tooLate(wait),
        onSuccess: () => request(transmission, progress, closesAt)
      }
    )
  }

  /** What a failure comes to after all that was tried. */
  const ended = (
    { anchor }: Transmission,
    progress: Progress,
    error: SendError.SendError
  ): Effect.Effect<Accepted, SendError.SendError> => {
    // an earlier run saw it delivered: whatever is wrong now, the user has it
    if (progress.before === "delivered") return Effect.succeed(deduplicated(progress))
    if (progress.isUnknown) return SendError.afterUnknown(error)
    if (anchor === undefined) return error
    if (error._tag === "MsgIdExpired") return Effect.zipRight(ledger.close(anchor), error)
    return error._tag === "QuotaExhausted" && error.of === "message"
      ? Effect.zipRight(ledger.exhaust(anchor), error)
      : error
  }

  const begin = (
    transmission: Transmission,
    progress: Progress,
    standing: Standing | undefined
  ): Effect.Effect<Accepted, SendError.SendError> => {
    const idempotent = isRepeatable(transmission)
    if (!idempotent && progress.before === "delivered") return Effect.succeed(deduplicated(progress))
    if (!idempotent && progress.before === "open") return SendError.begunBefore()
    const closesAt = standing?.closesAt
    const failed = (error: SendError.SendError): Effect.Effect<Accepted, SendError.SendError> =>
      ended(transmission, progress, error)
    if (standing?.isClosed === true) return failed(closed())
    const { again } = transmission
    let last: SendError.SendError | undefined
    const noting = Effect.tapError(attempt(transmission, progress, closesAt), (error) =>
      Effect.sync(() => {
        last = error
        if (error._tag === "DeliveryUnknown") progress.isUnknown = true
      })
    )
    const next =
      again === undefined
        ? noting
        : Effect.suspend(() =>
            last === undefined
              ? noting
              : Effect.flatMap(again(last), (body) => {
                  progress.body = body
                  return noting
                })
          )
    return Effect.catchAll(
      retried(next, () => SendPolicy.retries(policy, idempotent, closesAt)),
      failed
    )
  }

  const run = (transmission: Transmission, progress: Progress): Effect.Effect<Accepted, SendError.SendError> =>
    transmission.anchor === undefined || transmission.ignoresWindow === true
      ? begin(transmission, progress, undefined)
      : Effect.flatMap(ledger.standing(transmission.anchor), (standing) => begin(transmission, progress, standing))

  /** Tells the ledger how it ended. Who was interrupted between a request and its answer does not know that. */
  const settle = (
    { records }: Transmission,
    { before, isInFlight, isUnknown }: Progress,
    exit: Exit.Exit<unknown, unknown>
  ): Effect.Effect<void> => {
    if (Exit.isFailure(exit) && (isInFlight || isUnknown || before === "delivered")) return Effect.void
    const note = Exit.isSuccess(exit) ? ledger.delivered : ledger.refused
    return Effect.forEach(records, ({ anchor, sequence }) => note(anchor, sequence), { discard: true })
  }

  const recorded = Effect.fnUntraced(function* (
    transmission: Transmission,
    [first, ...others]: readonly [Named, ...Array<Named>],
    restore: <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E>
  ): Effect.fn.Return<Accepted, SendError.SendError> {
    const { text } = transmission
    const before = yield* ledger.begin(first.anchor, first.sequence, text)
    for (const record of others) yield* ledger.begin(record.anchor, record.sequence, text)
    const progress: Progress = { before, attempts: 0, isUnknown: before === "open", isInFlight: false }
    // what the platform cannot tell from its repetition must not be repeated by a process that never heard of it
    const sending = isRepeatable(transmission)
      ? run(transmission, progress)
      : Effect.zipRight(ledger.flush, run(transmission, progress))
    return yield* Effect.onExit(restore(sending), (exit) => settle(transmission, progress, exit))
  })

  return (transmission) => {
    const [first, ...others] = transmission.records
    return first === undefined
      ? Effect.suspend(() => run(transmission, { before: "new", attempts: 0, isUnknown: false, isInFlight: false }))
      : Effect.uninterruptibleMask((restore) => recorded(transmission, [first, ...others], restore))
  }
}
