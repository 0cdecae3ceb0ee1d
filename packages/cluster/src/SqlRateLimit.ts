/**
 * The published rates of one bot, kept by several processes: replicas of a webhook bot, or runners that send for the same
 * bot. Each window is a row with the moments that were reserved, by the clock of the database; a turn locks the rows of its
 * windows, reserves the first moment that is free in all of them, and waits for it on this side.
 *
 * @since 0.1.0
 */
import { BotConfig, Conversation, RateLimit } from "@effect-qq/core"
import * as SqlClient from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { firstFree } from "./internal/Windows.ts"
import * as Parameters from "./internal/Parameters.ts"

interface Window {
  readonly key: string
  readonly limit: number
  readonly length: number
}

interface Reservation {
  readonly windows: ReadonlyArray<Window>
  /** Milliseconds of the database's clock. */
  readonly at: number
  readonly wait: number
}

const windowsOf = (
  rates: ReadonlyArray<RateLimit.Rate>,
  { conversation, operation, proactive }: RateLimit.Turn
): ReadonlyArray<Window> => {
  const scene = Conversation.sceneOf(conversation)
  return rates.flatMap((rate) => {
    if (rate.operation !== operation || rate.scene !== scene || (rate.counts === "proactive" && !proactive)) return []
    const place = rate.per === "bot" ? "" : `:${Conversation.targetOf(conversation)}`
    const length = Duration.toMillis(rate.window)
    return [{ key: `${operation}/${scene}/${rate.counts}/${rate.limit}/${length}${place}`, limit: rate.limit, length }]
  })
}

/** How long a statement may take before the turn is given without it. */
const patience = Duration.seconds(2)

/** How long an idle row is kept at least, in seconds: longer than any window. */
const idleSeconds = 600

/**
 * Rates that all processes with the same database and app id share.
 *
 * While the database is away turns are given at once, with a warning: the platform's own limits stay, and a refusal of theirs
 * is waited for.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  rates: ReadonlyArray<RateLimit.Rate> = RateLimit.table
): Effect.Effect<RateLimit.RateLimitShape, never, BotConfig.BotConfig | SqlClient.SqlClient> =>
  Effect.gen(function* () {
    const { appId } = yield* BotConfig.BotConfig
    const sql = (yield* SqlClient.SqlClient).withoutTransforms()

    /** The rows of these windows, locked in one order, and the time. */
    const read = (windows: ReadonlyArray<Window>, lock: boolean) =>
      Effect.gen(function* () {
        const keys = windows.map(({ key }) => key).toSorted()
        if (lock) {
          yield* sql.unsafe(
            "INSERT INTO effect_qq_rates (app, key) SELECT $1, unnest($2::text[]) ON CONFLICT DO NOTHING",
            Parameters.of(appId, keys)
          )
        }
        const rows = yield* sql.unsafe<{ key: string; slots: ReadonlyArray<number> }>(
          `SELECT key, slots FROM effect_qq_rates WHERE app = $1 AND key = ANY ($2::text[]) ORDER BY key${lock ? " FOR UPDATE" : ""}`,
          Parameters.of(appId, keys)
        )
        // asked once the rows are locked: what was reserved before is seen, and nothing is reserved in the past
        const [clock] = yield* sql<{ now: number }>`SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS now`
        return { now: clock?.now ?? 0, slots: new Map(rows.map(({ key, slots }) => [key, slots])) }
      })

    const first = (windows: ReadonlyArray<Window>, slots: ReadonlyMap<string, ReadonlyArray<number>>, now: number) => {
      let at = now
      for (;;) {
        const next = windows.reduce(
          (latest, { key, length, limit }) => firstFree(slots.get(key) ?? [], latest, limit, length),
          at
        )
        if (next === at) return at
        at = next
      }
    }

    const reserve = (
      windows: ReadonlyArray<Window>,
      atMost: number
    ): Effect.Effect<Reservation, SqlError | RateLimit.TurnTooLate> =>
      sql.withTransaction(
        Effect.gen(function* () {
          const { now, slots } = yield* read(windows, true)
          const at = first(windows, slots, now)
          if (at - now > atMost) return yield* new RateLimit.TurnTooLate({ wait: Duration.millis(at - now) })
          for (const { key, length } of windows) {
            const kept = (slots.get(key) ?? []).filter((slot) => slot > now - length)
            yield* sql.unsafe(
              `UPDATE effect_qq_rates SET slots = $3::float8[], idle_at = clock_timestamp() + make_interval(secs => ${idleSeconds})
               WHERE app = $1 AND key = $2`,
              Parameters.of(appId, key, [...kept, at])
            )
          }
          return { windows, at, wait: at - now }
        })
      )

    const giveBack = ({ at, windows }: Reservation): Effect.Effect<void> =>
      Effect.forEach(
        windows,
        ({ key }) =>
          sql`UPDATE effect_qq_rates SET slots = array_remove(slots, ${at}::float8) WHERE app = ${appId} AND key = ${key}`,
        { discard: true }
      ).pipe(
        Effect.timeout(patience),
        Effect.catchAll((error) =>
          Effect.logDebug("a turn of the shared rate limit was not released; it counts until its window ends", error)
        )
      )

    const without = (error: unknown): Effect.Effect<undefined> =>
      Effect.as(Effect.logWarning("the shared rate limits cannot be read; sending without them", error), undefined)

    return {
      turn: (turn, atMost) =>
        Effect.uninterruptibleMask((restore) =>
          Effect.gen(function* () {
            const windows = windowsOf(rates, turn)
            if (windows.length === 0) return
            const reservation = yield* restore(
              Effect.timeout(reserve(windows, Duration.toMillis(atMost)), patience)
            ).pipe(Effect.catchTags({ SqlError: without, TimeoutException: without }))
            if (reservation === undefined || reservation.wait <= 0) return
            yield* Effect.onError(restore(Effect.sleep(reservation.wait)), () => giveBack(reservation))
          })
        ),
      wait: (turn) => {
        const windows = windowsOf(rates, turn)
        if (windows.length === 0) return Effect.succeed(Duration.zero)
        return Effect.map(read(windows, false), ({ now, slots }) =>
          Duration.millis(first(windows, slots, now) - now)
        ).pipe(
          Effect.timeout(patience),
          Effect.catchAll((error) => Effect.as(without(error), Duration.zero))
        )
      }
    }
  })

/**
 * The published rates, shared.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<RateLimit.RateLimit, never, BotConfig.BotConfig | SqlClient.SqlClient> = Layer.effect(
  RateLimit.RateLimit,
  make()
)
