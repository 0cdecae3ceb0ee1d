/**
 * What can go wrong between a call and the platform's answer. Three outcomes are kept apart: refused, with the platform's
 * code ({@link ApiError}); surely not sent, or unknown ({@link ApiUnavailable}); and no way in at all
 * ({@link TokenRejected}, {@link TokenUnavailable}, {@link IpRefused}).
 *
 * No error here holds the app secret or an access token.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as ErrorCode from "./ErrorCode.ts"

const optionalNumber = Schema.optional(Schema.Number)
const optionalString = Schema.optional(Schema.String)
const optionalDuration = Schema.optional(Schema.DurationFromSelf)
const optionalCause = Schema.optional(Schema.Defect)

const withFacts = (text: string, facts: ReadonlyArray<string | undefined>): string => {
  const known = facts.filter((fact) => fact !== undefined)
  return known.length === 0 ? text : `${text} (${known.join(", ")})`
}

const fact = (name: string, value: number | string | undefined): string | undefined =>
  value === undefined ? undefined : `${name} ${value}`

/**
 * The platform answered, and the answer is an error. Decide by `class`; `hint` says what it asks for.
 *
 * @since 0.1.0
 * @category errors
 */
export class ApiError extends Schema.TaggedError<ApiError>()("ApiError", {
  /** The HTTP status: 200, 201 and 202 are possible, since the body's code decides. */
  status: Schema.Number,
  /** `code` of the body. */
  code: optionalNumber,
  /** `err_code` of the body, which may differ from `code` and is looked at first. */
  errCode: optionalNumber,
  class: Schema.Literal(...ErrorCode.classes),
  /** The platform's own message, on one line and cut to 500 characters. */
  detail: Schema.String,
  traceId: optionalString,
  /** What the platform asks to wait, at most the session policy's `maximumRetryAfter`. No captured answer had one yet. */
  retryAfter: optionalDuration,
  /** `data` of the body, such as the audit id of `audit_pending`. */
  data: Schema.optional(Schema.Unknown)
}) {
  override get message(): string {
    const code = this.errCode ?? this.code
    const other =
      this.errCode !== undefined && this.code !== undefined && this.code !== this.errCode ? this.code : undefined
    return withFacts(`the platform refused the call as ${this.class}${this.detail === "" ? "" : `: ${this.detail}`}`, [
      fact("code", code),
      fact("alias", other),
      fact("HTTP", this.status),
      fact("trace", this.traceId)
    ])
  }
  get hint(): string {
    return ErrorCode.hints[this.class]
  }
}

/**
 * There is no usable answer. `outcome` says whether the platform may have acted on the request: `not-sent` only where it
 * surely did not arrive, as when the connection was refused or the host name has no address; else `unknown`.
 *
 * @since 0.1.0
 * @category errors
 */
export class ApiUnavailable extends Schema.TaggedError<ApiUnavailable>()("ApiUnavailable", {
  reason: Schema.Literal("Transport", "TimedOut", "Malformed", "Empty"),
  outcome: Schema.Literal("not-sent", "unknown"),
  status: optionalNumber,
  detail: Schema.String,
  cause: optionalCause
}) {
  override get message(): string {
    return withFacts(`no answer from the platform: ${this.detail}`, [fact("HTTP", this.status)])
  }
  get hint(): string {
    return this.outcome === "not-sent"
      ? "the request did not reach the platform: it may be sent again"
      : "the platform may have done what was asked: send again only what may safely happen twice"
  }
}

/**
 * The platform does not accept the bot's credentials, or refuses an access token that it has just handed out.
 *
 * @since 0.1.0
 * @category errors
 */
export class TokenRejected extends Schema.TaggedError<TokenRejected>()("TokenRejected", {
  code: optionalNumber,
  detail: Schema.String,
  traceId: optionalString
}) {
  override get message(): string {
    return withFacts(`the credentials are rejected: ${this.detail}`, [
      fact("code", this.code),
      fact("trace", this.traceId)
    ])
  }
  get hint(): string {
    return ErrorCode.hints.auth_fatal
  }
}

/**
 * There is no access token at the moment. The request that needed it was not sent.
 *
 * @since 0.1.0
 * @category errors
 */
export class TokenUnavailable extends Schema.TaggedError<TokenUnavailable>()("TokenUnavailable", {
  reason: Schema.Literal("Transport", "TimedOut", "Refused", "RateLimited", "Malformed"),
  /** The least time before the next request to the token endpoint. */
  retryAfter: optionalDuration,
  status: optionalNumber,
  code: optionalNumber,
  detail: Schema.String,
  cause: optionalCause
}) {
  override get message(): string {
    return withFacts(`no access token: ${this.detail}`, [fact("code", this.code), fact("HTTP", this.status)])
  }
  get hint(): string {
    return this.reason === "RateLimited"
      ? "the token endpoint asks for fewer requests; retrying after a pause"
      : "could not reach the token endpoint or parse its answer; retrying"
  }
}

/**
 * This machine's address is not on the bot's allow-list: code 11298, `err_code` 40023002. It comes with HTTP 401, yet
 * another token does not help.
 *
 * @since 0.1.0
 * @category errors
 */
export class IpRefused extends Schema.TaggedError<IpRefused>()("IpRefused", {
  code: optionalNumber,
  detail: Schema.String,
  traceId: optionalString
}) {
  override get message(): string {
    return withFacts(`this address is not allowed: ${this.detail}`, [
      fact("code", this.code),
      fact("trace", this.traceId)
    ])
  }
  get hint(): string {
    return ErrorCode.hints.ip_not_allowed
  }
}

/**
 * Why there is no access token.
 *
 * @since 0.1.0
 * @category errors
 */
export type AccessTokenError = TokenRejected | TokenUnavailable | IpRefused

/**
 * Everything a call can fail with.
 *
 * @since 0.1.0
 * @category errors
 */
export type OpenApiError = ApiError | ApiUnavailable | AccessTokenError
