/**
 * The limit of identifies for a bot whose shards run in several processes: one row for each bucket
 * `shard % max_concurrency`, held from the grant until the caller's scope closes, and closed for 5.25 s after an identify was
 * sent, by the clock of the database alone. A holder that dies gives its bucket back when it no longer renews its hold.
 *
 * A window that is fixed in time would let two identifies through at its border; this one is measured from the last of them.
 *
 * @since 0.1.0
 */
import { BotConfig, GatewayMetadata, IdentifyLimiter } from "@effect-qq/core"
import * as SqlClient from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"

/**
 * Numbers of the limit.
 *
 * @since 0.1.0
 * @category models
 */
export interface LimiterPolicy {
  /** The least time between two identifies of a bucket. Default 5.25 s, that of `IdentifyLimiter`. */
  readonly spacing: Duration.Duration
  /** How long a hold lasts without being renewed, which happens three times as often. Default 15 s. */
  readonly hold: Duration.Duration
  /** The longest pause before a bucket that somebody holds is looked at again. Default 500 ms, half of it random. */
  readonly poll: Duration.Duration
}

/**
 * The defaults, documented at the fields of {@link LimiterPolicy}.
 *
 * @since 0.1.0
 * @category constants
 */
export const defaults: LimiterPolicy = {
  spacing: IdentifyLimiter.policy.spacing,
  hold: Duration.seconds(15),
  poll: Duration.millis(500)
}

const interval = (duration: Duration.Duration): number => Duration.toSeconds(duration)

/** A statement about a hold, tried a few times: what it does not reach expires. */
const insist = (effect: Effect.Effect<unknown, SqlError>): Effect.Effect<void> =>
  effect.pipe(
    Effect.timeout("2 seconds"),
    Effect.retry({ times: 2 }),
    Effect.catchAll((error) =>
      Effect.logWarning(`the identify limit cannot be written: ${error.message}; the permit expires by itself`)
    ),
    Effect.asVoid
  )

/**
 * A limit that all processes with the same database and app id share.
 *
 * While the database is unavailable no process identifies; resumes are not limited.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  policy: Partial<LimiterPolicy> = {}
): Effect.Effect<
  IdentifyLimiter.IdentifyLimiterShape,
  never,
  BotConfig.BotConfig | GatewayMetadata.GatewayMetadata | SqlClient.SqlClient
> =>
  Effect.gen(function* () {
    const { hold, poll, spacing } = { ...defaults, ...policy }
    const { appId } = yield* BotConfig.BotConfig
    const metadata = yield* GatewayMetadata.GatewayMetadata
    const sql = (yield* SqlClient.SqlClient).withoutTransforms()
    let permits = 0
    const instance = yield* Effect.map(Random.nextIntBetween(0, 2 ** 48), (number) => number.toString(36))

    const bucketOf = (shard: number): Effect.Effect<number> =>
      Effect.map(metadata.limits, ({ maxConcurrency }) => shard % Math.max(1, maxConcurrency))

    /** Takes the bucket, or says how many milliseconds remain until it may be free. */
    const tryTake = (bucket: number, holder: string): Effect.Effect<number, SqlError> =>
      Effect.gen(function* () {
        const taken = yield* sql`INSERT INTO effect_qq_identifies AS i (app, bucket, holder, held_until)
          VALUES (${appId}, ${bucket}, ${holder}, clock_timestamp() + make_interval(secs => ${interval(hold)}))
          ON CONFLICT (app, bucket) DO UPDATE SET holder = EXCLUDED.holder, held_until = EXCLUDED.held_until
            WHERE (i.holder IS NULL OR i.held_until < clock_timestamp()) AND i.open_at <= clock_timestamp()
          RETURNING 1`
        if (taken.length > 0) return 0
        const [row] = yield* sql<{ wait: number | null }>`SELECT
          extract(epoch FROM open_at - clock_timestamp())::float8 * 1000 AS wait
          FROM effect_qq_identifies WHERE app = ${appId} AND bucket = ${bucket}`
        return Math.max(1, row?.wait ?? 0)
      })

    const pause = (wait: number): Effect.Effect<void> =>
      Effect.flatMap(Random.nextRange(0.5, 1), (part) =>
        Effect.sleep(wait > 1 ? wait + 50 * (part - 0.5) : part * Duration.toMillis(poll))
      )

    const take = (shard: number, holder: string): Effect.Effect<number> =>
      Effect.gen(function* () {
        for (;;) {
          // worked out anew each time: a change of max_concurrency counts at once
          const bucket = yield* bucketOf(shard)
          const wait = yield* tryTake(bucket, holder).pipe(
            Effect.timeout("5 seconds"),
            Effect.tapError((error) =>
              Effect.logWarning(`the identify limit cannot be read: ${error.message}; trying again`)
            ),
            Effect.orElseSucceed(() => 1)
          )
          if (wait === 0) return bucket
          yield* pause(wait)
        }
      })

    const release = (bucket: number, holder: string): Effect.Effect<void> =>
      insist(sql`UPDATE effect_qq_identifies SET holder = NULL
        WHERE app = ${appId} AND bucket = ${bucket} AND holder = ${holder}`)

    const renew = (bucket: number, holder: string): Effect.Effect<never> =>
      insist(sql`UPDATE effect_qq_identifies
        SET held_until = clock_timestamp() + make_interval(secs => ${interval(hold)})
        WHERE app = ${appId} AND bucket = ${bucket} AND holder = ${holder}`).pipe(
        Effect.delay(Duration.times(hold, 1 / 3)),
        Effect.forever
      )

    /** Waits until the platform's budget of the day has an identify left. */
    const afford = Effect.gen(function* () {
      for (let asked = false; ; asked = true) {
        const { remaining, resetAt } = yield* metadata.limits
        if (remaining > IdentifyLimiter.policy.scarce || (remaining > 0 && asked)) return
        if (!asked) {
          yield* Effect.ignoreLogged(metadata.refresh)
          continue
        }
        const now = yield* Clock.currentTimeMillis
        const recheck = Duration.toMillis(IdentifyLimiter.policy.recheck)
        yield* Effect.logWarning("no identify is left for now; waiting")
        yield* Effect.sleep(resetAt > now ? Math.min(resetAt - now, recheck) : Duration.toMillis(spacing))
        yield* Effect.ignoreLogged(metadata.refresh)
      }
    })

    return {
      acquire: (shard) =>
        Effect.gen(function* () {
          const holder = `${instance}/${++permits}`
          // what others spent of the budget is not known here, so the platform is asked before a bucket is taken
          yield* afford
          const bucket = yield* Effect.acquireRelease(Effect.interruptible(take(shard, holder)), (bucket) =>
            release(bucket, holder)
          )
          yield* Effect.forkScoped(renew(bucket, holder))
          let isUsed = false
          return {
            used: Effect.uninterruptible(
              Effect.suspend(() => {
                if (isUsed) return Effect.void
                isUsed = true
                return Effect.zipRight(
                  insist(sql`UPDATE effect_qq_identifies
                    SET open_at = clock_timestamp() + make_interval(secs => ${interval(spacing)})
                    WHERE app = ${appId} AND bucket = ${bucket}`),
                  metadata.identified
                )
              })
            )
          }
        })
    }
  })

/**
 * A limit that all processes with the same database and app id share.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<
  IdentifyLimiter.IdentifyLimiter,
  never,
  BotConfig.BotConfig | GatewayMetadata.GatewayMetadata | SqlClient.SqlClient
> = Layer.effect(IdentifyLimiter.IdentifyLimiter, make())

/**
 * A shared limit with numbers of one's own.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerWith = (
  policy: Partial<LimiterPolicy>
): Layer.Layer<
  IdentifyLimiter.IdentifyLimiter,
  never,
  BotConfig.BotConfig | GatewayMetadata.GatewayMetadata | SqlClient.SqlClient
> => Layer.effect(IdentifyLimiter.IdentifyLimiter, make(policy))
