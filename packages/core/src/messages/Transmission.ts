/**
 * One body on its way to the platform: recorded in the ledger, sent, and sent again while the policy's schedule allows.
 * Three outcomes are kept apart: not sent, refused, and unknown; after an attempt of unknown outcome every failure is
 * unknown.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { Anchor } from "./Anchor.ts"
import type { AnchorStatus } from "./ReplyLedger.ts"
import * as SendError from "./SendError.ts"
import * as SendPolicy from "./SendPolicy.ts"
import * as SendRequest from "./SendRequest.ts"
import type { ReplyRef, Transmission } from "./SendRequest.ts"

export type {
  /**
   * @since 0.1.0
   * @category models
   */
  Accepted,
  /**
   * @since 0.1.0
   * @category models
   */
  ReplyRef,
  /**
   * @since 0.1.0
   * @category models
   */
  Transmission
} from "./SendRequest.ts"

/** Notes the outcome of each record. */
const each = (
  records: ReadonlyArray<ReplyRef>,
  note: (anchor: Anchor, sequence: number) => Effect.Effect<unknown>
): Effect.Effect<unknown> => {
  const [first, ...others] = records
  if (first === undefined) return Effect.void
  const noted = note(first.anchor, first.sequence)
  return others.length === 0 ? noted : Effect.zipRight(noted, each(others, note))
}

/**
 * The attempts after a first one that failed with this error. The schedule is built only here, since most messages are
 * accepted at once.
 */
const retried = (
  attempt: SendRequest.SendRequest,
  policy: SendPolicy.SendPolicy,
  transmission: Transmission,
  progress: SendRequest.Progress,
  closesAt: number | undefined,
  first: SendError.SendError
): Effect.Effect<SendRequest.Accepted, SendError.SendError> => {
  const { again } = transmission
  let last = first
  const once = Effect.suspend(() => attempt(transmission, progress, closesAt))
  const next =
    again === undefined
      ? once
      : Effect.suspend(() =>
          Effect.flatMap(again(last), (body) => {
            progress.body = body
            return once
          })
        )
  const noted = Effect.tapError(next, (error) =>
    Effect.sync(() => {
      last = error
      if (error._tag === "DeliveryUnknown") progress.isUnknown = true
    })
  )
  // the schedule is driven by the error of the first attempt, and by that of each one after it
  let current: typeof noted = Effect.fail(first)
  const driven = Effect.suspend(() => {
    const now = current
    current = noted
    return now
  })
  return Effect.retry(driven, SendPolicy.retries(policy, SendRequest.isRepeatable(transmission), closesAt))
}

/**
 * Sends bodies by this policy.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  services: SendRequest.Services
): ((transmission: Transmission) => Effect.Effect<SendRequest.Accepted, SendError.SendError>) => {
  const { ledger, policy } = services
  const attempt = SendRequest.make(services)

  /** The result of a failure after all attempts. */
  const failed = (
    { anchor }: Transmission,
    progress: SendRequest.Progress,
    error: SendError.SendError
  ): Effect.Effect<SendRequest.Accepted, SendError.SendError> => {
    // an earlier run saw it delivered: whatever went wrong now, the user has it
    if (progress.before === "delivered") return Effect.succeed(SendRequest.deduplicated(progress))
    if (progress.isUnknown) return SendError.afterUnknown(error)
    if (anchor === undefined) return error
    if (error._tag === "MsgIdExpired") return Effect.zipRight(ledger.close(anchor), error)
    return error._tag === "QuotaExhausted" && error.of === "message"
      ? Effect.zipRight(ledger.exhaust(anchor), error)
      : error
  }

  const begin = (
    transmission: Transmission,
    progress: SendRequest.Progress,
    status: AnchorStatus | undefined
  ): Effect.Effect<SendRequest.Accepted, SendError.SendError> => {
    if (!SendRequest.isRepeatable(transmission)) {
      if (progress.before === "delivered") return Effect.succeed(SendRequest.deduplicated(progress))
      if (progress.before === "open") return SendError.begunBefore()
    }
    if (status?.isClosed === true) return failed(transmission, progress, SendRequest.windowClosed())
    const closesAt = status?.closesAt
    return Effect.catchAll(attempt(transmission, progress, closesAt), (error) => {
      if (error._tag === "DeliveryUnknown") progress.isUnknown = true
      return Effect.catchAll(retried(attempt, policy, transmission, progress, closesAt, error), (ended) =>
        failed(transmission, progress, ended)
      )
    })
  }

  const run = (
    transmission: Transmission,
    progress: SendRequest.Progress
  ): Effect.Effect<SendRequest.Accepted, SendError.SendError> =>
    transmission.anchor === undefined || transmission.ignoresWindow === true
      ? begin(transmission, progress, undefined)
      : Effect.flatMap(ledger.standing(transmission.anchor), (status) => begin(transmission, progress, status))

  /** After an interruption between a request and its answer, or an unknown outcome, the record stays open. */
  const settleFailed = (transmission: Transmission, progress: SendRequest.Progress): Effect.Effect<unknown> =>
    progress.isInFlight || progress.isUnknown || progress.before === "delivered"
      ? Effect.void
      : each(transmission.records, ledger.refused)

  const recorded = (
    transmission: Transmission,
    [first, ...others]: readonly [ReplyRef, ...Array<ReplyRef>]
  ): Effect.Effect<SendRequest.Accepted, SendError.SendError> =>
    Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(ledger.begin(first.anchor, first.sequence, transmission.text), (before) => {
        const progress = { before, attempts: 0, isUnknown: before === "open", isInFlight: false }
        const sending = run(transmission, progress)
        const noted = others.map(({ anchor, sequence }) => ledger.begin(anchor, sequence, transmission.text))
        // a process that crashes must not repeat what the platform cannot deduplicate: it is stored before it is sent
        const stored = SendRequest.isRepeatable(transmission) ? sending : Effect.zipRight(ledger.flush, sending)
        return Effect.matchCauseEffect(
          noted.length === 0 ? restore(stored) : Effect.zipRight(Effect.all(noted, { discard: true }), restore(stored)),
          {
            onFailure: (cause) => Effect.zipRight(settleFailed(transmission, progress), Effect.failCause(cause)),
            onSuccess: (accepted) => Effect.as(each(transmission.records, ledger.delivered), accepted)
          }
        )
      })
    )

  return (transmission) => {
    const [first, ...others] = transmission.records
    return first === undefined
      ? Effect.suspend(() => run(transmission, { before: "new", attempts: 0, isUnknown: false, isInFlight: false }))
      : recorded(transmission, [first, ...others])
  }
}
