/**
 * Where the gateway is and how often it may be identified to: `GET /gateway/bot`, validated whole, asked seldom, counted
 * down between two askings.
 *
 * Reconnects use what is known. The endpoint's own limit is two requests a minute with a burst of ten, and clients that
 * asked at every reconnect have been locked out for a day (hermes-agent#17990), so the same limit is kept here, before
 * the platform has to.
 *
 * Source: `wss/shard_url_get.md` and `gateway.get` of the platform's documentation.
 *
 * @since 0.1.0
 */
import * as Url from "@effect/platform/Url"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FiberHandle from "effect/FiberHandle"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as BotConfig from "../BotConfig.ts"
import * as Monotonic from "../internal/Monotonic.ts"
import type * as AccessToken from "../openapi/AccessToken.ts"
import type * as ApiError from "../openapi/ApiError.ts"
import * as OpenApi from "../openapi/OpenApi.ts"
import * as SingleFlight from "../openapi/SingleFlight.ts"
import { Allowance } from "./Allowance.ts"
import { CredentialsRejected, GatewayUnavailable, IpNotAllowed } from "./GatewayError.ts"
import { IdentifyBudget, type Limits } from "./IdentifyBudget.ts"
import * as SessionStore from "./SessionStore.ts"

export type {
  /**
   * @since 0.1.0
   * @category models
   */
  Limits
} from "./IdentifyBudget.ts"

/**
 * The answer of `/gateway/bot`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Metadata {
  /** `wss://…`; `ws://…` only where the API itself is `http://`. */
  readonly url: string
  /** The recommended number of shards; 1 when the platform does not say. */
  readonly shards: number
  /** Sessions that may be made in 24 h; `Infinity` when the platform does not say. */
  readonly total: number
  /** Sessions that may still be made; `Infinity` when the platform does not say. */
  readonly remaining: number
  /** Time from the answer until `remaining` is `total` again, at most a day; a minute when the platform does not say. */
  readonly resetAfter: Duration.Duration
  /** Identifies that may be sent in 5 s; 1 when the platform does not say. */
  readonly maxConcurrency: number
}

/**
 * Why there is no metadata.
 *
 * @since 0.1.0
 * @category errors
 */
export type MetadataError = GatewayUnavailable | CredentialsRejected | IpNotAllowed

/**
 * What the service does.
 *
 * @since 0.1.0
 * @category models
 */
export interface GatewayMetadataShape {
  /** The last answer, or else the answer to {@link GatewayMetadataShape.refresh}. */
  readonly get: Effect.Effect<Metadata, MetadataError>
  /**
   * Asks. Within two requests a minute with a burst of ten, and not within the wait that the platform asked for: beyond
   * that the last answer, or `GatewayUnavailable` as `RateLimited` when there is none.
   *
   * Fails with `GatewayUnavailable` for a missing, malformed or refusing answer (`RateLimited`, with a wait of at least
   * 60 s, for HTTP 429, codes 100001 and 100017, and messages about frequency) and where there is no token; with
   * `CredentialsRejected` and `IpNotAllowed` for what only a person can mend.
   */
  readonly refresh: Effect.Effect<Metadata, MetadataError>
  /**
   * The best address that is known: of the last answer, else of a new one, and where asking fails with
   * `GatewayUnavailable`, the stored one, then the one of the preset.
   */
  readonly url: Effect.Effect<string, MetadataError>
  /** The budget of identifies. */
  readonly limits: Effect.Effect<Limits>
  /** Counts one identify. */
  readonly identified: Effect.Effect<void>
  /**
   * Cuts the wait that the platform asked for short: the next {@link GatewayMetadataShape.refresh} asks again, once the
   * session policy's `reconnectNowSpacing` has passed since a wait was last cut short. The two requests a minute stay.
   */
  readonly askAgain: Effect.Effect<void>
}

/**
 * The metadata of the gateway.
 *
 * @since 0.1.0
 * @category tags
 */
export class GatewayMetadata extends Context.Tag("@effect-qq/core/GatewayMetadata")<
  GatewayMetadata,
  GatewayMetadataShape
>() {}

/**
 * How often the endpoint is asked: `burst` 10 requests at once, then one every `every` 30 s, and after the platform spoke
 * of frequency not before `rateLimitedWait` 60 s. `period` 24 h is the time that a budget of identifies covers;
 * `unknownReset` 1 min stands in for a `reset_after` that is missing.
 *
 * @since 0.1.0
 * @category constants
 */
export const policy = {
  burst: 10,
  every: Duration.seconds(30),
  rateLimitedWait: Duration.seconds(60),
  period: Duration.hours(24),
  unknownReset: Duration.minutes(1)
} as const

const Count = Schema.Union(
  Schema.NonNegativeInt,
  Schema.compose(Schema.String.pipe(Schema.pattern(/^\d{1,15}$/)), Schema.NumberFromString)
)

const optionalCount = Schema.optional(Schema.NullOr(Count))

const Answer = Schema.Struct({
  url: Schema.String,
  shards: optionalCount,
  session_start_limit: Schema.optional(
    Schema.NullOr(
      Schema.Struct({
        total: optionalCount,
        remaining: optionalCount,
        reset_after: optionalCount,
        max_concurrency: optionalCount
      })
    )
  )
})

const decode = Schema.decodeUnknownOption(Answer)

const isGatewayUrl = (api: string) => {
  const scheme = /^http:\/\//i.test(api) ? /^wss?:\/\//i : /^wss:\/\//i
  return (url: string): boolean =>
    url.length <= 2048 &&
    scheme.test(url) &&
    /^\w+:\/\/[^\s/?#@\\]+([/?][^\s#\\]*)?$/.test(url) &&
    Either.isRight(Url.fromString(url))
}

const fromAnswer = (answer: typeof Answer.Type): Metadata => {
  const limit = answer.session_start_limit
  const total = limit?.total ?? Number.POSITIVE_INFINITY
  const resetAfter = limit?.reset_after
  return {
    url: answer.url,
    shards: Math.max(1, answer.shards ?? 1),
    total,
    remaining: limit?.remaining ?? total,
    resetAfter:
      typeof resetAfter === "number" ? Duration.min(Duration.millis(resetAfter), policy.period) : policy.unknownReset,
    maxConcurrency: Math.max(1, limit?.max_concurrency ?? 1)
  }
}

/**
 * What the lack of a token means for the gateway.
 *
 * @since 0.1.0
 * @category errors
 */
export const fromTokenError = (error: AccessToken.AccessTokenError): MetadataError => {
  switch (error._tag) {
    case "TokenRejected":
      return new CredentialsRejected({ code: error.code, detail: error.detail, traceId: error.traceId })
    case "IpRefused":
      return new IpNotAllowed({ code: error.code, detail: error.detail, traceId: error.traceId })
    case "TokenUnavailable":
      return new GatewayUnavailable({
        of: "Token",
        reason: error.reason,
        detail: error.detail,
        retryAfter: error.retryAfter,
        status: error.status,
        code: error.code,
        cause: error.cause
      })
  }
}

const fromApiError = (error: ApiError.OpenApiError): MetadataError => {
  switch (error._tag) {
    case "ApiError": {
      const { detail, retryAfter, status, traceId } = error
      const code = error.code ?? error.errCode
      if (error.class === "auth_fatal") return new CredentialsRejected({ code, detail, traceId })
      return error.class === "rate_limited"
        ? new GatewayUnavailable({
            of: "Metadata",
            reason: "RateLimited",
            detail: "/gateway/bot was asked too often",
            retryAfter: Duration.max(retryAfter ?? policy.rateLimitedWait, policy.rateLimitedWait),
            status,
            code,
            traceId
          })
        : new GatewayUnavailable({
            of: "Metadata",
            reason: "Refused",
            detail: error.message,
            retryAfter,
            status,
            code,
            traceId
          })
    }
    case "ApiUnavailable":
      return new GatewayUnavailable({
        of: "Metadata",
        reason: error.reason === "Empty" ? "Malformed" : error.reason,
        detail: error.detail,
        status: error.status,
        cause: error.cause
      })
    default:
      return fromTokenError(error)
  }
}

/**
 * Makes the service. Nothing is asked before it is needed.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<
  GatewayMetadataShape,
  never,
  BotConfig.BotConfig | OpenApi.OpenApi | SessionStore.SessionStore | Scope.Scope
> = Effect.gen(function* () {
  const { appId, hosts, session } = yield* BotConfig.BotConfig
  const openApi = yield* OpenApi.OpenApi
  const store = yield* SessionStore.SessionStore
  const isUsable = isGatewayUrl(hosts.api)
  const allowance = new Allowance(policy)
  const budget = new IdentifyBudget(appId, policy.period)
  const saving = yield* FiberHandle.make<void>()

  let known: Metadata | undefined
  let stored: string | undefined

  const read = (response: OpenApi.Response): Effect.Effect<Metadata, GatewayUnavailable> => {
    const answer = Option.filter(decode(response.body), ({ url }) => isUsable(url))
    return Option.isSome(answer)
      ? Effect.succeed(fromAnswer(answer.value))
      : Effect.fail(
          new GatewayUnavailable({
            of: "Metadata",
            reason: "Malformed",
            detail: "the answer of /gateway/bot is malformed",
            status: response.status,
            traceId: response.traceId
          })
        )
  }

  /** Stores an address beside whatever else happens: a store that hangs delays no connection. One fiber at a time. */
  const keepUrl = (url: string): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (url === stored) return Effect.void
      const save = Effect.matchEffect(store.saveGatewayUrl(url), {
        onFailure: (error) => Effect.logWarning(error.message),
        onSuccess: () =>
          Effect.sync(() => {
            stored = url
          })
      })
      return Effect.asVoid(FiberHandle.run(saving, save, { onlyIfMissing: true }))
    })

  const ask: Effect.Effect<Metadata, MetadataError> = Effect.gen(function* () {
    const metadata = yield* openApi
      .request({ method: "GET", path: "/gateway/bot" })
      .pipe(Effect.mapError(fromApiError), Effect.flatMap(read))
    const { maxConcurrency, remaining, resetAfter, total, url } = metadata
    const resetAt = (yield* Clock.currentTimeMillis) + Duration.toMillis(resetAfter)
    known = metadata
    budget.set({ total, remaining, resetAt, maxConcurrency })
    yield* keepUrl(url)
    return metadata
  }).pipe(
    Effect.tapErrorTag("GatewayUnavailable", ({ reason, retryAfter }) =>
      reason === "RateLimited"
        ? Effect.map(Monotonic.millis, (now) =>
            allowance.pause.extend(now + Duration.toMillis(retryAfter ?? policy.rateLimitedWait))
          )
        : Effect.void
    )
  )

  const refresh = yield* SingleFlight.make(
    Effect.flatMap(Monotonic.millis, (now): Effect.Effect<Metadata, MetadataError> => {
      const wait = allowance.take(now)
      if (wait === 0) return ask
      return known === undefined
        ? Effect.fail(
            new GatewayUnavailable({
              of: "Metadata",
              reason: "RateLimited",
              detail: "/gateway/bot may not be asked yet",
              retryAfter: Duration.millis(wait)
            })
          )
        : Effect.succeed(known)
    })
  )

  const get = Effect.suspend(() => (known === undefined ? refresh : Effect.succeed(known)))

  const lastResort: Effect.Effect<Option.Option<string>> = Effect.map(store.gatewayUrl, (url) =>
    Option.orElse(Option.filter(url, isUsable), () => Option.fromNullable(hosts.gateway))
  )

  const url = Effect.map(get, (metadata) => metadata.url).pipe(
    Effect.catchTag("GatewayUnavailable", (error) =>
      Effect.flatMap(lastResort, (url) =>
        Option.isNone(url)
          ? Effect.fail(error)
          : Effect.as(Effect.logWarning(`${error.message}; a known address of the gateway is used`), url.value)
      )
    )
  )

  return {
    get,
    refresh,
    url,
    limits: Effect.map(Clock.currentTimeMillis, (now) => budget.limits(now)),
    identified: Effect.map(Clock.currentTimeMillis, (now) => budget.take(now)),
    askAgain: Effect.map(Monotonic.millis, (now) =>
      allowance.pause.cutShort(now, Duration.toMillis(session.reconnectNowSpacing))
    )
  }
})

/**
 * The metadata of the configured bot's gateway.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<
  GatewayMetadata,
  never,
  BotConfig.BotConfig | OpenApi.OpenApi | SessionStore.SessionStore
> = Layer.scoped(GatewayMetadata, make)
