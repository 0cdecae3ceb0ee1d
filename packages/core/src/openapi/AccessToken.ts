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
import { Pause } from "../internal/Pause.ts"
import * as ApiError from "./ApiError.ts"
import { type Accepted, HeldToken, instantOf, type Token, untilRefresh } from "./HeldToken.ts"
import * as HttpExchange from "./HttpExchange.ts"
import * as OpenApiMetrics from "./OpenApiMetrics.ts"
import * as RetryAfter from "./RetryAfter.ts"
import * as SingleFlight from "./SingleFlight.ts"
import * as TokenAnswer from "./TokenAnswer.ts"
import type { Issued } from "./TokenAnswer.ts"
import { policy } from "./TokenPolicy.ts"

export type {
  /**
   * @since 0.1.0
   * @category models
   */
  Token
} from "./HeldToken.ts"

export {
  /**
   * @since 0.1.0
   * @category constants
   */
  policy
} from "./TokenPolicy.ts"

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

const whyOf = (cause: Cause.Cause<AccessTokenError>): string =>
  Option.match(Cause.failureOption(cause), { onNone: () => "", onSome: ({ message }) => `: ${message}` })

/** Asks the token endpoint once, and its fallback where it cannot be reached at all. */
const askWith = (
  exchange: HttpExchange.Exchange,
  config: BotConfig.BotConfigShape
): Effect.Effect<Issued, AccessTokenError> => {
  const { appId, hosts, secret, session } = config
  const askAt = (url: string): Effect.Effect<HttpExchange.Answer, HttpExchange.ExchangeFailed> =>
    Effect.suspend(() =>
      exchange(
        {
          method: "POST",
          url,
          headers: { accept: "application/json", "content-type": "application/json" },
          body: JSON.stringify({ appId, clientSecret: Redacted.value(secret) })
        },
        policy.requestTimeout
      )
    )
  const fallback = hosts.fallback?.token
  return askAt(hosts.token).pipe(
    Effect.catchAll((error) =>
      error.reason === "Unreachable" && fallback !== undefined ? askAt(fallback) : Effect.fail(error)
    ),
    Effect.mapError(TokenAnswer.unavailable),
    Effect.flatMap((answer) => TokenAnswer.decode(answer, Redacted.value(secret), session.maximumRetryAfter))
  )
}

/** The error of an earlier fetch, for who asks within the pause after it. */
const repeated = (error: AccessTokenError, left: number): AccessTokenError => {
  if (error._tag !== "TokenUnavailable") return error
  const { code, detail, reason, status } = error
  return new ApiError.TokenUnavailable({ reason, code, detail, status, retryAfter: Duration.millis(left) })
}

const warnIfShort = ({ life }: Issued, { unchanged }: Accepted): Effect.Effect<void> => {
  const shortest = Duration.toMillis(policy.shortestLife)
  if (life >= shortest || unchanged) return Effect.void
  return Effect.logWarning(`the access token is said to live for ${life} ms; it is kept for ${shortest} ms`)
}

/** Waits of the planned fetch after failures: the ladder, and the pause after the last failure. */
const retriesAfter = (failures: Pause): Schedule.Schedule<Duration.Duration> =>
  Ladder.climbing(policy.ladder).pipe(
    Schedule.modifyDelayEffect((_, rung) =>
      Effect.map(Monotonic.millis, (now) => Duration.max(rung, Duration.millis(failures.left(now))))
    ),
    Schedule.delays,
    Schedule.tapOutput((wait) => Effect.logInfo(`fetching an access token again in ${Duration.format(wait)}`))
  )

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
    const ask = askWith(HttpExchange.make(yield* HttpClient.HttpClient), config)
    const refresher = yield* FiberHandle.make<void, never>()
    const held = new HeldToken()
    /** After a failed fetch. */
    const failures = new Pause()
    /** Between two fetches because of a rejected token. */
    const forced = new Pause()
    let failure: AccessTokenError | undefined

    const fail = (error: AccessTokenError): Effect.Effect<never, AccessTokenError> =>
      Effect.flatMap(Monotonic.millis, (now) => {
        OpenApiMetrics.tokenFetches(error._tag === "TokenUnavailable" ? error.reason : error._tag).unsafeUpdate(1, [])
        failure = error
        failures.begin(now + Duration.toMillis(Duration.max(RetryAfter.askedBy(error), policy.failureSpacing)))
        return Effect.fail(error)
      })

    const accept = (issued: Issued, isForced: boolean): Effect.Effect<Token> =>
      Effect.gen(function* () {
        OpenApiMetrics.tokenFetches("fetched").unsafeUpdate(1, [])
        const spreadLimit = Duration.toMillis(policy.refreshSpread)
        const spread = yield* Random.nextIntBetween(-spreadLimit, spreadLimit + 1)
        const accepted = held.accept(
          issued,
          yield* Effect.clockWith((clock) => Effect.sync(() => instantOf(clock))),
          isForced
        )
        failure = undefined
        failures.end()
        yield* warnIfShort(issued, accepted)
        yield* FiberHandle.run(refresher, keepFresh(untilRefresh(accepted.life, accepted.unchanged, spread)))
        return accepted.token
      })

    const fetch: Effect.Effect<Token, AccessTokenError> = Effect.gen(function* () {
      const now = yield* Monotonic.millis
      const left = failures.left(now)
      if (failure !== undefined && left > 0) return yield* repeated(failure, left)
      const isForced = held.isRejected
      if (isForced) {
        const wait = forced.left(now)
        if (wait > 0) yield* Effect.sleep(wait)
        forced.begin((yield* Monotonic.millis) + Duration.toMillis(policy.forcedSpacing))
      }
      const issued = yield* Effect.catchAll(ask, fail)
      return yield* accept(issued, isForced)
    }).pipe(Effect.withSpan("AccessToken.fetch", { captureStackTrace: false }))

    const flight = yield* SingleFlight.make(fetch)

    /** A new token brings its own plan, which replaces this one. */
    const keepFresh = (wait: number): Effect.Effect<void> =>
      Effect.suspend(() =>
        Effect.sandbox(flight).pipe(
          Effect.tapError((cause) =>
            Cause.isInterruptedOnly(cause)
              ? Effect.void
              : Effect.logWarning(`the access token could not be refreshed; retrying${whyOf(cause)}`, cause)
          ),
          Effect.retry({ schedule: retriesAfter(failures), while: (cause) => !Cause.isInterruptedOnly(cause) }),
          Effect.ignore
        )
      ).pipe(Effect.delay(wait))

    const living = Effect.clockWith((clock) => Effect.sync(() => held.living(instantOf(clock))))

    return {
      get: Effect.flatMap(living, Option.match({ onNone: () => flight, onSome: Effect.succeed })),
      held: living,
      reject: (fetch) => Effect.sync(() => held.reject(fetch)),
      askAgain: Effect.map(Monotonic.millis, (now) =>
        failures.cutShort(now, Duration.toMillis(config.session.reconnectNowSpacing))
      )
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
