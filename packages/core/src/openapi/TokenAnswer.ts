/**
 * How the answer of the token endpoint is read: a token and its life, or why there is none.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Wire from "../internal/Wire.ts"
import type { AccessTokenError } from "./ApiError.ts"
import * as ApiError from "./ApiError.ts"
import * as ErrorCode from "./ErrorCode.ts"
import * as HttpExchange from "./HttpExchange.ts"
import * as RetryAfter from "./RetryAfter.ts"
import * as TokenPolicy from "./TokenPolicy.ts"

/** Codes that say that the credentials are wrong. Any other code is taken as passing. */
const rejections: ReadonlyMap<number, string> = new Map([
  [100007, "the app id is invalid, or the bot is banned or deleted"],
  [100016, "the app id or the secret is wrong"],
  [10004, "the bot does not exist"]
])

/**
 * What the endpoint hands out.
 *
 * @since 0.1.0
 * @category models
 */
export interface Issued {
  readonly token: string
  /** Milliseconds. */
  readonly life: number
}

const isToken = (value: unknown): value is string => typeof value === "string" && /^[\x21-\x7e]{1,4096}$/.test(value)

const lifeOf = (value: unknown): number | undefined => {
  const seconds = typeof value === "string" && /^\s*\d{1,15}(\.\d{1,9})?\s*$/.test(value) ? Number(value) : value
  if (typeof seconds !== "number" || !(seconds > 0) || !Number.isFinite(seconds)) return undefined
  return Math.min(Math.ceil(seconds * 1000), Duration.toMillis(TokenPolicy.policy.longestLife))
}

const malformed = (status: number, detail: string): ApiError.TokenUnavailable =>
  new ApiError.TokenUnavailable({ reason: "Malformed", status, detail })

/** The platform's own message for an error, without the secrets that it may echo. */
const messageOf = (fields: Readonly<Record<string, unknown>> | undefined, secret: string): string | undefined => {
  const message = fields?.["message"]
  if (typeof message !== "string") return undefined
  const token = fields?.["access_token"]
  const hidden = [secret, ...(typeof token === "string" ? [token] : [])].filter((text) => text !== "")
  const shown = HttpExchange.line(hidden.reduce((text, part) => text.replaceAll(part, "<redacted>"), message))
  return shown === "" ? undefined : shown
}

/**
 * Reads an answer. Of its text only the code and the message get into an error, without what was sent. `longestWait` is the
 * most that a wait it asks for is granted.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decode = (
  { headers, status, text }: HttpExchange.Answer,
  secret: string,
  longestWait: Duration.Duration
): Effect.Effect<Issued, AccessTokenError> => {
  const body = HttpExchange.parseJson(text)?.value
  const fields = Wire.recordOf(body)
  const code = HttpExchange.wireInteger(fields?.["code"])
  const errCode = HttpExchange.wireInteger(fields?.["err_code"])
  const message = typeof fields?.["message"] === "string" ? fields["message"] : undefined
  const facts = { status, code, errCode, message, endpoint: "token" } as const
  const errorClass = ErrorCode.classify(facts)
  const shown = errCode || code || undefined
  const said = messageOf(fields, secret)
  const withMessage = (detail: string): string => (said === undefined ? detail : `${detail}: ${said}`)
  if (errorClass === "ok") {
    if (fields === undefined) return Effect.fail(malformed(status, "the token endpoint did not answer in JSON"))
    const token = fields["access_token"]
    const life = lifeOf(fields["expires_in"])
    if (!isToken(token)) return Effect.fail(malformed(status, "the answer of the token endpoint has no usable token"))
    return life === undefined
      ? Effect.fail(malformed(status, "the answer of the token endpoint has no usable lifetime"))
      : Effect.succeed({ token, life })
  }
  for (const candidate of [errCode, code]) {
    const detail = candidate === undefined ? undefined : rejections.get(candidate)
    if (detail !== undefined)
      return Effect.fail(new ApiError.TokenRejected({ code: candidate, detail: withMessage(detail) }))
  }
  switch (errorClass) {
    case "ip_not_allowed":
      return Effect.fail(
        new ApiError.IpRefused({
          code: shown,
          detail: withMessage("the token endpoint refuses this machine's address")
        })
      )
    case "rate_limited":
      return Effect.flatMap(
        RetryAfter.ofAnswer(headers, fields, longestWait),
        (asked) =>
          new ApiError.TokenUnavailable({
            reason: "RateLimited",
            retryAfter:
              asked === undefined
                ? TokenPolicy.policy.rateLimitedWait
                : Duration.max(asked, TokenPolicy.policy.rateLimitedWait),
            status,
            code: shown,
            detail: withMessage("the token endpoint was asked too often")
          })
      )
    default:
      return fields === undefined
        ? Effect.fail(malformed(status, "the token endpoint did not answer in JSON"))
        : Effect.flatMap(
            RetryAfter.ofAnswer(headers, fields, longestWait),
            (asked) =>
              new ApiError.TokenUnavailable({
                reason: "Refused",
                retryAfter: asked,
                status,
                code: shown,
                detail: withMessage("the token endpoint refused to hand out a token")
              })
          )
  }
}

/**
 * The error of an exchange that failed.
 *
 * @since 0.1.0
 * @category errors
 */
export const unavailable = (failure: HttpExchange.ExchangeFailed): ApiError.TokenUnavailable => {
  const { detail, reason, status } = failure
  return new ApiError.TokenUnavailable({
    reason: reason === "TimedOut" ? "TimedOut" : reason === "TooLarge" ? "Malformed" : "Transport",
    status,
    detail
  })
}
