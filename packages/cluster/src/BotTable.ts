/**
 * The bots of a cluster as rows of its database, for operators who add and remove them while it runs. Secrets are encrypted;
 * see `Secrets`.
 *
 * @since 0.1.0
 */
import type { BotConfig } from "@effect-qq/core"
import * as SqlClient from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { BotSpec } from "./ClusterBot.ts"
import { StoreUnavailable } from "./ClusterStore.ts"
import * as Secrets from "./Secrets.ts"

/**
 * What a row says besides the app id and the secret.
 *
 * @since 0.1.0
 * @category schemas
 */
export const BotOptions = Schema.Struct({
  /** Default 1. */
  shards: Schema.optional(Schema.Int.pipe(Schema.between(1, 10_000))),
  /** Default: what the handlers need. */
  intents: Schema.optional(Schema.NonNegativeInt),
  /** A preset or addresses of one's own. Default `default`. */
  hosts: Schema.optional(
    Schema.Union(Schema.Literal("default", "legacy"), Schema.Struct({ api: Schema.String, token: Schema.String }))
  )
})

/**
 * @since 0.1.0
 * @category schemas
 */
export type BotOptions = typeof BotOptions.Type

/**
 * A bot of the table, without its secret.
 *
 * @since 0.1.0
 * @category models
 */
export interface Listed extends BotOptions {
  readonly appId: string
  readonly addedAt: Date
}

/**
 * What the service does.
 *
 * @since 0.1.0
 * @category models
 */
export interface BotTableShape {
  /** Adds a bot, or changes it. It starts, or starts again, within the runners' `refreshEvery`. */
  readonly add: (bot: Pick<BotConfig.Options, "appId" | "secret"> & BotOptions) => Effect.Effect<void, StoreUnavailable>
  /** Removes a bot, which ends; whether there was one. */
  readonly remove: (appId: string) => Effect.Effect<boolean, StoreUnavailable>
  readonly list: Effect.Effect<ReadonlyArray<Listed>, StoreUnavailable>
  /** All bots that can be used, for `ClusterBot.layer`. A row that cannot be used is logged when it is first seen, and left out. */
  readonly bots: Effect.Effect<ReadonlyArray<BotSpec>, StoreUnavailable>
}

/**
 * The bots of a cluster.
 *
 * @since 0.1.0
 * @category tags
 */
export class BotTable extends Context.Tag("@effect-qq/cluster/BotTable")<BotTable, BotTableShape>() {}

interface Row {
  readonly app: string
  readonly secret: string
  readonly options: unknown
  readonly added_at: Date
}

const decodeOptions = Schema.decodeUnknownOption(BotOptions)

/** Without the fields that are not there. */
const compact = ({ hosts, intents, shards }: BotOptions): BotOptions => ({
  ...(hosts === undefined ? {} : { hosts }),
  ...(intents === undefined ? {} : { intents }),
  ...(shards === undefined ? {} : { shards })
})

/**
 * The table of the database of the context. `key` encrypts the secrets.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (key: Redacted.Redacted<Uint8Array>): Layer.Layer<BotTable, never, SqlClient.SqlClient> =>
  Layer.effect(
    BotTable,
    Effect.map(SqlClient.SqlClient, (client) => {
      const sql = client.withoutTransforms()
      const told = new Set<string>()
      /** Decrypting the same rows again and again would cost more than reading them. */
      const known = new Map<string, { readonly text: string; readonly spec: BotSpec }>()
      const ask = <A>(effect: Effect.Effect<A, SqlError>): Effect.Effect<A, StoreUnavailable> =>
        Effect.mapError(Effect.timeout(effect, "5 seconds"), (cause) => new StoreUnavailable({ cause }))

      const read = ({ app, options, secret }: Row): Effect.Effect<Option.Option<BotSpec>> => {
        const text = JSON.stringify([secret, options])
        const before = known.get(app)
        if (before?.text === text) return Effect.succeedSome(before.spec)
        const refuse = (reason: string) =>
          Effect.suspend(() => {
            if (told.has(text)) return Effect.succeedNone
            told.add(text)
            return Effect.as(Effect.logError(reason), Option.none<BotSpec>())
          })
        const decoded = decodeOptions(options)
        if (Option.isNone(decoded)) return refuse(`the options of bot ${app} cannot be read; it is left out`)
        return Effect.matchEffect(Secrets.decrypt(key, app, secret), {
          onFailure: (error) => refuse(`${error.message}: ${error.hint}`),
          onSuccess: (plain) => {
            const spec: BotSpec = { appId: app, secret: plain, ...compact(decoded.value) }
            known.set(app, { text, spec })
            return Effect.succeedSome(spec)
          }
        })
      }

      const rows = sql<Row>`SELECT app, secret, options, added_at FROM effect_qq_bots ORDER BY app`

      return BotTable.of({
        add: ({ appId, secret, ...options }) =>
          ask(
            Effect.flatMap(
              Secrets.encrypt(key, appId, secret),
              (sealed) => sql`INSERT INTO effect_qq_bots (app, secret, options)
                VALUES (${appId}, ${sealed}, ${JSON.stringify(compact(options))}::jsonb)
                ON CONFLICT (app) DO UPDATE
                SET secret = EXCLUDED.secret, options = EXCLUDED.options, changed_at = clock_timestamp()`
            )
          ).pipe(Effect.asVoid),
        remove: (appId) =>
          Effect.map(
            ask(sql`DELETE FROM effect_qq_bots WHERE app = ${appId} RETURNING 1`),
            (removed) => removed.length > 0
          ),
        list: Effect.map(ask(rows), (found) =>
          found.map(({ added_at, app, options }) => ({
            ...Option.getOrElse(decodeOptions(options), () => ({})),
            appId: app,
            addedAt: added_at
          }))
        ),
        bots: ask(
          Effect.flatMap(rows, (found) =>
            Effect.map(Effect.forEach(found, read), (specs) => specs.flatMap(Option.toArray))
          )
        )
      })
    })
  )
