/**
 * What a connection needs before it is dialled: a token, an address and, without a session to resume, a permit to identify.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import type * as AccessToken from "../openapi/AccessToken.ts"
import { GatewayUnavailable } from "./GatewayError.ts"
import { fromTokenError, type GatewayMetadataShape, type MetadataError } from "./GatewayMetadata.ts"
import type { IdentifyLimiterShape, Permit } from "./IdentifyLimiter.ts"
import type { SessionPolicy } from "./SessionPolicy.ts"
import type { StateReporter } from "./SessionStatus.ts"

/** Token, metadata and everything before the socket, in one attempt. Source: hermes-agent#110542 (30 hours in one await). */
const preparationTimeout = Duration.seconds(60)

/** A wait that is shorter is not worth a change of state. */
const noticeable = Duration.millis(100)

/**
 * What a {@link Preparation} is made of.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly policy: SessionPolicy
  readonly shard: readonly [index: number, count: number]
  readonly token: AccessToken.AccessTokenShape
  readonly metadata: GatewayMetadataShape
  readonly limiter: IdentifyLimiterShape
  readonly reporter: StateReporter
  /** Consecutive connects that never received a HELLO. */
  readonly failedConnects: () => number
}

/**
 * Prepares the connections of one session.
 *
 * @since 0.1.0
 * @category models
 */
export class Preparation {
  private readonly options: Options
  /** The number of the fetch that brought the token of the latest connection. */
  private tokenFetch = 0

  constructor(options: Options) {
    this.options = options
  }

  /** Says that the platform refused the token of the latest connection. */
  rejectToken(): Effect.Effect<void> {
    return this.options.token.reject(this.tokenFetch)
  }

  /** The living token. */
  authorize(): Effect.Effect<AccessToken.Token["authorization"], MetadataError> {
    return Effect.map(Effect.mapError(this.options.token.get, fromTokenError), (token) => {
      this.tokenFetch = token.fetch
      return token.authorization
    })
  }

  /** A token and an address. */
  begin(): Effect.Effect<
    { readonly authorization: AccessToken.Token["authorization"]; readonly url: string },
    MetadataError
  > {
    return Effect.zipWith(this.authorize(), this.address(), (authorization, url) => ({ authorization, url })).pipe(
      Effect.timeoutFail({
        duration: preparationTimeout,
        onTimeout: () =>
          new GatewayUnavailable({ of: "Metadata", reason: "TimedOut", detail: "nothing to connect with in time" })
      })
    )
  }

  /** Waits for the permit to identify, which is held in this scope. */
  permit(scope: Scope.Scope): Effect.Effect<Permit, MetadataError> {
    const { limiter, reporter, shard } = this.options
    const because = "the platform's limit of identifies"
    return limiter
      .acquire(shard[0])
      .pipe(
        Scope.extend(scope),
        Effect.raceFirst(
          Effect.zipRight(
            Effect.delay(reporter.set({ _tag: "Waiting", until: undefined, because }), noticeable),
            Effect.never
          )
        )
      )
  }

  private address(): Effect.Effect<string, MetadataError> {
    return Effect.suspend(() => {
      const { failedConnects, metadata, policy } = this.options
      const failed = failedConnects()
      if (failed === 0 || failed % policy.metadataAfterFailures !== 0) return metadata.url
      // the old answer may be the reason why nothing connects; without a new one it is still the best there is
      return metadata.refresh.pipe(
        Effect.catchTag("GatewayUnavailable", (error) => Effect.logWarning(error.message)),
        Effect.zipRight(metadata.url)
      )
    })
  }
}
