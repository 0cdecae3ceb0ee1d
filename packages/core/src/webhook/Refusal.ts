/**
 * Why a request to a webhook is refused, what it is answered, and how that is counted and logged.
 *
 * @since 0.1.0
 */
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import * as MetricLabel from "effect/MetricLabel"
import * as Frame from "../gateway/Frame.ts"
import * as Monotonic from "../internal/Monotonic.ts"
import * as WebhookMetrics from "./WebhookMetrics.ts"

/** Why a request is refused, and the status of the answer. The names are those of the metric and the log. */
const refusals = {
  ContentTypeWrong: 415,
  SignatureMissing: 401,
  SignatureMalformed: 401,
  SignatureWrong: 401,
  TimestampMissing: 401,
  TimestampMalformed: 401,
  TimestampTooFar: 401,
  BodyTooLarge: 413,
  BodyTooSlow: 408,
  BodyTruncated: 400,
  AppIdMissing: 401,
  AppIdWrong: 403,
  NotJson: 400,
  NotAFrame: 400,
  ValidationMalformed: 400,
  Full: 503,
  Absent: 503,
  NotSettled: 503,
  InFlight: 503,
  ClaimsUnavailable: 503
} as const

/**
 * Why a request is refused.
 *
 * @since 0.1.0
 * @category models
 */
export type Refusal = keyof typeof refusals

/** How often, in milliseconds, refused requests are logged. All are counted. */
const logEvery = 1000

/**
 * The answer to a request that is refused.
 *
 * @since 0.1.0
 * @category conversions
 */
export const response = (reason: Refusal): HttpServerResponse.HttpServerResponse => {
  const status = refusals[reason]
  // `d: 1` asks for another attempt, as 503 does
  return HttpServerResponse.unsafeJson(status === 503 ? { op: Frame.Opcode.CallbackAck, d: 1 } : { error: reason }, {
    status
  })
}

/**
 * Counts a request by its outcome.
 *
 * @since 0.1.0
 * @category combinators
 */
export const count = (outcome: string): void =>
  WebhookMetrics.requests.unsafeUpdate(1, [MetricLabel.make("outcome", outcome)])

/**
 * Logs rejected requests, at most once a second: an attacker may want to fill the log.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeLog = (): ((what: string) => Effect.Effect<void>) => {
  let counts = new Map<string, number>()
  let loggedAt = Number.NEGATIVE_INFINITY
  return (what) =>
    Effect.flatMap(Monotonic.millis, (now) => {
      counts.set(what, (counts.get(what) ?? 0) + 1)
      if (now - loggedAt < logEvery) return Effect.void
      const list = Array.from(counts, ([reason, times]) => `${reason} ${times}`).join(", ")
      counts = new Map()
      loggedAt = now
      return Effect.logWarning(`rejected webhook requests: ${list}`)
    })
}
