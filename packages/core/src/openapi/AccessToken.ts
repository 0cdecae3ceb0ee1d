/**
 * The access token of the bot: fetched when it is first needed, kept, and replaced before it ends.
 *
 * Until its last minute the platform hands out the same token again; in that minute it makes another, and both are good
 * until the old one ends. So a token is replaced {@link policy}`.refreshAhead` before its end and not earlier. Where the
 * endpoint fails, it is asked again for ever, while callers get the living token or a typed error.
 *
 * There is one fetch at a time. It runs in a fiber of the service, so that a caller which leaves does not end it for the
 * others.
 *
 * Source: `dev-prepare/interface-framework/api-use.md` and `access-token.html` of the platform's documentation.
 *
 * @since 0.1.0
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberHandle from "effect/FiberHandle"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as BotConfig from "../BotConfig.ts"
import * as Ladder from "../internal/Ladder.ts"
import * as Monotonic from "../internal/Monotonic.ts"
import * as ApiError from "./ApiError.ts"
import * as ErrorCode from "./ErrorCode.ts"
import * as HttpExchange from "./HttpExchange.ts"
import * as OpenApiMetrics from "./OpenApiMetrics.ts"
import * as RetryAfter from "./RetryAfter.ts"
import * as SingleFlight from "./SingleFlight.ts"

/**
 * An access token.
 *
 * @since 0.1.0
 * @category models
 */
export interface Token {
  /** The bare token. */
  readonly value: Redacted.Redacted
  /** The token as the OpenAPI and the gateway take it: `QQBot …`. */
  readonly authorization: Redacted.Redacted
  /** The number of the fetch that first brought this token: what {@link AccessTokenShape.reject} takes. */
  readonly fetch: number
  /** When it ends, in milliseconds since 1970. */
  readonly expiresAt: number
}

/**
 * Why there is no access token.
 *
 * @since 0.1.0
 * @category errors
 */
export type AccessTokenError = ApiError.AccessTokenError

/**
 * What the service does.
 *
 * @since 0.1.0
 * @category models
 */
export interface AccessTokenShape {
  /**
   * The living token. The first use fetches it; a token that ended, or was rejected, is replaced first.
   *
   * Fails with `TokenRejected` for codes 100007, 100016 and 10004, `IpRefused` for 11298, and `TokenUnavailable` for
   * everything else. After a failure the endpoint is not asked again for 2 s (60 s when it asked for fewer requests, or as
   * long as it says, up to the session policy's `maximumRetryAfter`): meanwhile this fails as before.
   */
  readonly get: Effect.Effect<Token, AccessTokenError>
  /**
   * The living token, if there is one: completes at once. None where {@link AccessTokenShape.get} would have to fetch.
   */
  readonly held: Effect.Effect<Option.Option<Token>>
  /**
   * Says that the platform refused the token of this fetch: the next {@link AccessTokenShape.get} fetches another, at most
   * one such fetch every 10 s. Nothing happens when the token was replaced already.
   */
  readonly reject: (fetch: number) => Effect.Effect<void>
  /**
   * Cuts the pause after a failure short, whatever the endpoint asked for: the next {@link AccessTokenShape.get} asks again,
   * once the session policy's `reconnectNowSpacing` has passed since a pause was last cut short.
   */
  readonly askAgain: Effect.Effect<void>
}

/**
 * The access token of the bot.
 *
 * @since 0.1.0
 * @category tags
 */
export class AccessToken extends Context.Tag("@effect-qq/core/AccessToken")<AccessToken, AccessTokenShape>() {}

/**
 * The numbers by which tokens are kept.
 *
 * - `refreshAhead` 45 s ± `refreshSpread` 5 s before its end a token is replaced, inside the minute in which the platform
 *   makes another. The spread is random, so that many bots do not ask at once.
 * - `overlap` 60 s: the platform's last minute.
 * - `unchangedAhead` 5 s: the same token again within its last minute is asked for again this long before its end.
 * - `shortestWait` 5 s: the least time before the next planned fetch, whatever the answer said.
 * - `shortestLife` 10 s: a token is kept for this long even where the answer gives it less, so that a lifetime of next to
 *   nothing does not make a fetch of every call. One that has ended meanwhile is refused, and replaced then.
 * - `longestLife` 1 day: no answer is believed beyond it. Documented are 7200 s.
 * - `requestTimeout` 10 s for one answer.
 * - `forcedSpacing` 10 s between two fetches because of a rejected token.
 * - `failureSpacing` 2 s after a failed fetch, `rateLimitedWait` 60 s after code 100001, 100017 or HTTP 429.
 * - `ladder` 1, 2, 5, 10, 30, 60 s, then 60 s for ever: waits of the planned fetch after failures.
 *
 * @since 0.1.0
 * @category constants
 */
export const policy = {
  refreshAhead: Duration.seconds(45),
  refreshSpread: Duration.seconds(5),
  overlap: Duration.seconds(60),
  unchangedAhead: Duration.seconds(5),
  shortestWait: Duration.seconds(5),
  shortestLife: Duration.seconds(10),
  longestLife: Duration.days(1),
  requestTimeout: Duration.seconds(10),
  forcedSpacing: Duration.seconds(10),
  failureSpacing: Duration.seconds(2),
  rateLimitedWait: Duration.seconds(60),
  ladder: [1, 2, 5, 10, 30, 60].map(Duration.seconds)
} as const

/** Codes that say that the credentials are wrong. Any other code is taken as passing. */
const rejections: ReadonlyMap<number, string> = new Map([
  [100007, "the app id is invalid, or the bot is banned or deleted"],
  [100016, "the app id or the secret is wrong"],
  [10004, "the bot does not exist"]
])

interface Issued {
  readonly token: string
  /** Milliseconds. */
  readonly life: number
}

interface Held {
  readonly token: Token
  /** The bare token, to see whether another fetch brought the same. */
  readonly text: string
  /** Milliseconds. */
  readonly life: number
  readonly since: Instant
}

/** Both clocks, in milliseconds: the wall clock sees a suspended machine, the monotonic one cannot be set. */
interface Instant {
  readonly wall: number
  readonly monotonic: number
}

const instantOf = (clock: Clock.Clock): Instant => ({
  wall: clock.unsafeCurrentTimeMillis(),
  monotonic: Number(clock.unsafeCurrentTimeNanos() / 1_000_000n)
})

const instant: Effect.Effect<Instant> = Effect.clockWith((clock) => Effect.sync(() => instantOf(clock)))

const isToken = (value: unknown): value is string => typeof value === "string" && /^[\x21-\x7e]{1,4096}$/.test(value)

const lifeOf = (value: unknown): number | undefined => {
  const seconds = typeof value === "string" && /^\s*\d{1,15}(\.\d{1,9})?\s*$/.test(value) ? Number(value) : value
  if (typeof seconds !== "number" || !(seconds > 0) || !Number.isFinite(seconds)) return undefined
  return Math.min(Math.ceil(seconds * 1000), Duration.toMillis(policy.longestLife))
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

const whyOf = (cause: Cause.Cause<AccessTokenError>): string =>
  Option.match(Cause.failureOption(cause), { onNone: () => "", onSome: ({ message }) => `: ${message}` })

/** Reads an answer. Of its text only the code and the message get into an error, without what was sent. */
const decode = (
  { headers, status, text }: HttpExchange.Answer,
  secret: string,
  longestWait: Duration.Duration
): Effect.Effect<Issued, AccessTokenError> => {
  const body = HttpExchange.parseJson(text)?.value
  const fields = typeof body === "object" && body !== null ? (body as Readonly<Record<string, unknown>>) : undefined
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
            retryAfter: asked === undefined ? policy.rateLimitedWait : Duration.max(asked, policy.rateLimitedWait),
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

const unavailable = (failure: HttpExchange.ExchangeFailed): ApiError.TokenUnavailable => {
  const { detail, reason, status } = failure
  return new ApiError.TokenUnavailable({
    reason: reason === "TimedOut" ? "TimedOut" : reason === "TooLarge" ? "Malformed" : "Transport",
    status,
    detail
  })
}

/** Milliseconds from a fetch to the planned next one. */
const untilRefresh = (life: number, unchanged: boolean, spread: number): number => {
  const ahead =
    unchanged && life <= Duration.toMillis(policy.overlap)
      ? Duration.toMillis(policy.unchangedAhead)
      : Duration.toMillis(policy.refreshAhead) + spread
  return Math.max(life - ahead, Duration.toMillis(policy.shortestWait))
}

/**
 * Makes the service. Nothing is fetched before the first `get`; from then on the token is kept fresh until the scope
 * closes.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<AccessTokenShape, never, BotConfig.BotConfig | HttpClient.HttpClient | Scope.Scope> =
  Effect.gen(function* () {
    const config = yield* BotConfig.BotConfig
    const { session } = config
    const exchange = HttpExchange.make(yield* HttpClient.HttpClient)
    const refresher = yield* FiberHandle.make<void, never>()

    let held: Held | undefined
    let rejected = false
    let fetches = 0
    /** When a pause was last cut short: monotonic milliseconds. */
    let hurriedAt = Number.NEGATIVE_INFINITY
    let forcedAt = Number.NEGATIVE_INFINITY
    let failure: { readonly error: AccessTokenError; readonly until: number } | undefined

    const askAt = (url: string): Effect.Effect<HttpExchange.Answer, HttpExchange.ExchangeFailed> =>
      Effect.suspend(() =>
        exchange(
          {
            method: "POST",
            url,
            headers: { accept: "application/json", "content-type": "application/json" },
            body: JSON.stringify({ appId: config.appId, clientSecret: Redacted.value(config.secret) })
          },
          policy.requestTimeout
        )
      )

    const fallback = config.hosts.fallback?.token
    const ask = askAt(config.hosts.token).pipe(
      Effect.catchAll((error) =>
        error.reason === "Unreachable" && fallback !== undefined ? askAt(fallback) : Effect.fail(error)
      ),
      Effect.mapError(unavailable),
      Effect.flatMap((answer) => decode(answer, Redacted.value(config.secret), session.maximumRetryAfter))
    )

    const fail = (error: AccessTokenError): Effect.Effect<never, AccessTokenError> =>
      Effect.flatMap(Monotonic.millis, (now) => {
        OpenApiMetrics.tokenFetches(error._tag === "TokenUnavailable" ? error.reason : error._tag).unsafeUpdate(1, [])
        const asked = error._tag === "TokenUnavailable" ? error.retryAfter : undefined
        failure = { error, until: now + Duration.toMillis(Duration.max(asked ?? Duration.zero, policy.failureSpacing)) }
        return Effect.fail(error)
      })

    const accept = (issued: Issued, forced: boolean): Effect.Effect<Token> =>
      Effect.gen(function* () {
        OpenApiMetrics.tokenFetches("fetched").unsafeUpdate(1, [])
        const unchanged = held?.text === issued.token
        const shortest = Duration.toMillis(policy.shortestLife)
        const life = Math.max(issued.life, shortest)
        if (issued.life < shortest && !unchanged) {
          const warning = `the access token is said to live for ${issued.life} ms; it is kept for ${shortest} ms`
          yield* Effect.logWarning(warning)
        }
        const since = yield* instant
        const spreadLimit = Duration.toMillis(policy.refreshSpread)
        const spread = yield* Random.nextIntBetween(-spreadLimit, spreadLimit + 1)
        // The same token again is no new fetch: whoever rejects it next learns that nothing better is to be had.
        if (!unchanged) fetches++
        if (!unchanged || forced) rejected = false
        failure = undefined
        const token: Token = {
          value: Redacted.make(issued.token),
          authorization: Redacted.make(`QQBot ${issued.token}`),
          fetch: fetches,
          expiresAt: since.wall + life
        }
        held = { token, text: issued.token, life, since }
        yield* FiberHandle.run(refresher, keepFresh(untilRefresh(life, unchanged, spread)))
        return token
      })

    const fetch: Effect.Effect<Token, AccessTokenError> = Effect.gen(function* () {
      let now = yield* Monotonic.millis
      if (failure !== undefined && now < failure.until) return yield* stillFailing(failure, now)
      const forced = rejected
      if (forced) {
        const wait = forcedAt + Duration.toMillis(policy.forcedSpacing) - now
        if (wait > 0) {
          yield* Effect.sleep(wait)
          now = yield* Monotonic.millis
        }
        forcedAt = now
      }
      const issued = yield* Effect.catchAll(ask, fail)
      return yield* accept(issued, forced)
    }).pipe(Effect.withSpan("AccessToken.fetch", { captureStackTrace: false }))

    const stillFailing = (
      last: { readonly error: AccessTokenError; readonly until: number },
      now: number
    ): AccessTokenError => {
      const { error, until } = last
      if (error._tag !== "TokenUnavailable") return error
      const { code, detail, reason, status } = error
      return new ApiError.TokenUnavailable({ reason, code, detail, status, retryAfter: Duration.millis(until - now) })
    }

    const flight = yield* SingleFlight.make(fetch)

    /** Milliseconds until a failed fetch may be repeated. */
    const untilRetry = Effect.map(Monotonic.millis, (now) => Math.max(0, (failure?.until ?? now) - now))

    /** Waits of the planned fetch after failures. */
    const retries = Ladder.climbing(policy.ladder).pipe(
      Schedule.modifyDelayEffect((_, rung) =>
        Effect.map(untilRetry, (millis) => Duration.max(rung, Duration.millis(millis)))
      ),
      Schedule.delays,
      Schedule.tapOutput((wait) => Effect.logInfo(`fetching an access token again in ${Duration.format(wait)}`))
    )

    /** A new token brings its own plan, which replaces this one. */
    const keepFresh = (wait: number): Effect.Effect<void> =>
      Effect.sandbox(flight).pipe(
        Effect.tapError((cause) =>
          Cause.isInterruptedOnly(cause)
            ? Effect.void
            : Effect.logWarning(`the access token could not be refreshed; retrying${whyOf(cause)}`, cause)
        ),
        Effect.retry({ schedule: retries, while: (cause) => !Cause.isInterruptedOnly(cause) }),
        Effect.ignore,
        Effect.delay(wait)
      )

    const living = Effect.clockWith((clock) =>
      Effect.sync((): Option.Option<Token> => {
        if (held === undefined || rejected) return Option.none()
        const now = instantOf(clock)
        const age = Math.max(now.wall - held.since.wall, now.monotonic - held.since.monotonic)
        return age < held.life ? Option.some(held.token) : Option.none()
      })
    )

    return {
      get: Effect.flatMap(living, Option.match({ onNone: () => flight, onSome: Effect.succeed })),
      held: living,
      reject: (number) =>
        Effect.sync(() => {
          if (held !== undefined && held.token.fetch === number) rejected = true
        }),
      askAgain: Effect.map(Monotonic.millis, (now) => {
        if (failure === undefined || failure.until <= now) return
        const soonest = Math.max(now, hurriedAt + Duration.toMillis(session.reconnectNowSpacing))
        if (soonest === now) hurriedAt = now
        failure = { ...failure, until: Math.min(failure.until, soonest) }
      })
    }
  })

/**
 * The access token of the configured bot.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<AccessToken, never, BotConfig.BotConfig | HttpClient.HttpClient> = Layer.scoped(
  AccessToken,
  make
)
