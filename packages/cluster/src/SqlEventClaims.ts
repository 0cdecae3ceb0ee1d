/**
 * The claims of webhook events for replicas behind a load balancer: one row for each event, claimed with one statement. A
 * claim that is neither settled nor released expires, by the clock of the database.
 *
 * @since 0.1.0
 */
import { BotConfig, EventClaims } from "@effect-qq/core"
import * as SqlClient from "@effect/sql/SqlClient"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"

/**
 * Numbers of the claims.
 *
 * @since 0.1.0
 * @category models
 */
export interface ClaimsPolicy {
  /**
   * How long an event may be in flight before another process may claim it. Longer than handlers take, where the webhook
   * acknowledges settled events only. Default 15 s.
   */
  readonly inFlight: Duration.Duration
  /** How long a settled event is remembered. Default 10 min. */
  readonly memory: Duration.Duration
  /** How often what is over is deleted. Default 1 min. */
  readonly cleanEvery: Duration.Duration
  /** How long one statement may take. Default 2 s. */
  readonly timeout: Duration.Duration
}

/**
 * The defaults, documented at the fields of {@link ClaimsPolicy}.
 *
 * @since 0.1.0
 * @category constants
 */
export const defaults: ClaimsPolicy = {
  inFlight: Duration.seconds(15),
  memory: Duration.minutes(10),
  cleanEvery: Duration.minutes(1),
  timeout: Duration.seconds(2)
}

/** Rows that one cleaning deletes at most: it must not hold up claims. */
const cleanedAtOnce = 5000

/**
 * Claims that all processes with the same database and app id share.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  policy: Partial<ClaimsPolicy> = {}
): Effect.Effect<EventClaims.EventClaimsShape, never, BotConfig.BotConfig | SqlClient.SqlClient | Scope.Scope> =>
  Effect.gen(function* () {
    const { cleanEvery, inFlight, memory, timeout } = { ...defaults, ...policy }
    const { appId } = yield* BotConfig.BotConfig
    const sql = (yield* SqlClient.SqlClient).withoutTransforms()
    const holder = yield* Effect.map(Random.nextIntBetween(0, 2 ** 48), (number) => number.toString(36))

    const ask = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, EventClaims.ClaimsUnavailable> =>
      Effect.mapError(Effect.timeout(effect, timeout), (cause) => new EventClaims.ClaimsUnavailable({ cause }))

    const clean = sql`DELETE FROM effect_qq_claims WHERE (app, key) IN (
      SELECT app, key FROM effect_qq_claims WHERE until < clock_timestamp()
      ORDER BY until LIMIT ${cleanedAtOnce} FOR UPDATE SKIP LOCKED)`
    yield* clean.pipe(
      Effect.timeout("30 seconds"),
      Effect.catchAll((error) => Effect.logDebug("old claims could not be deleted", error)),
      Effect.delay(cleanEvery),
      Effect.forever,
      Effect.forkScoped
    )

    return {
      claim: (key) =>
        ask(
          Effect.gen(function* () {
            const won = yield* sql`INSERT INTO effect_qq_claims AS c (app, key, holder, until)
              VALUES (${appId}, ${key}, ${holder}, clock_timestamp() + make_interval(secs => ${Duration.toSeconds(inFlight)}))
              ON CONFLICT (app, key) DO UPDATE SET holder = EXCLUDED.holder, until = EXCLUDED.until, settled = false
              WHERE c.until < clock_timestamp() RETURNING 1`
            if (won.length > 0) return "New" as const
            const [row] = yield* sql<{ settled: boolean }>`SELECT settled FROM effect_qq_claims
              WHERE app = ${appId} AND key = ${key}`
            // one that has just been deleted was over
            return row?.settled === true ? ("Settled" as const) : ("InFlight" as const)
          })
        ),
      settle: (key) =>
        ask(
          Effect.asVoid(sql`UPDATE effect_qq_claims
            SET settled = true, until = clock_timestamp() + make_interval(secs => ${Duration.toSeconds(memory)})
            WHERE app = ${appId} AND key = ${key} AND holder = ${holder}`)
        ),
      release: (key) =>
        ask(
          Effect.asVoid(sql`DELETE FROM effect_qq_claims
            WHERE app = ${appId} AND key = ${key} AND holder = ${holder} AND NOT settled`)
        )
    }
  })

/**
 * Claims that all processes with the same database and app id share.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<EventClaims.EventClaims, never, BotConfig.BotConfig | SqlClient.SqlClient> =
  Layer.scoped(EventClaims.EventClaims, make())

/**
 * Shared claims with numbers of one's own.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerWith = (
  policy: Partial<ClaimsPolicy>
): Layer.Layer<EventClaims.EventClaims, never, BotConfig.BotConfig | SqlClient.SqlClient> =>
  Layer.scoped(EventClaims.EventClaims, make(policy))
