/**
 * Sessions and ledgers in PostgreSQL. Each owner of records (a shard of a bot) has an epoch, which a claim raises: writes of
 * an earlier epoch are refused, so that a process which was suspended or cut off cannot overwrite what its successor stored.
 * The writes of all owners of a process are collected, and stored with one statement every 100 ms.
 *
 * @since 0.1.0
 */
import { Ownership } from "@effect-qq/core"
import * as PlatformError from "@effect/platform/Error"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as SqlClient from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import type * as Statement from "@effect/sql/Statement"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { FirstReads } from "./internal/FirstReads.ts"
import * as WriteBatch from "./internal/WriteBatch.ts"
import type { StorePolicy, Writer } from "./internal/WriteBatch.ts"

export type {
  /**
   * @since 0.1.0
   * @category models
   */
  StorePolicy,
  /**
   * @since 0.1.0
   * @category models
   */
  Writer
} from "./internal/WriteBatch.ts"

export {
  /**
   * @since 0.1.0
   * @category constants
   */
  defaults
} from "./internal/WriteBatch.ts"

/**
 * What the service does.
 *
 * @since 0.1.0
 * @category models
 */
export interface SqlStoreShape {
  /**
   * Begins another epoch of an owner: from here on, writes of earlier ones are refused. `holder` names this process, for
   * who looks at the database.
   */
  readonly claim: (owner: string, holder: string) => Effect.Effect<number, SqlError>
  /** The epoch of an owner; none that was never claimed. */
  readonly epoch: (owner: string) => Effect.Effect<Option.Option<number>, SqlError>
  /** Whether no later epoch of the owner has begun. */
  readonly isCurrent: (writer: Writer) => Effect.Effect<boolean, SqlError>
  /**
   * The records of a writer. A write that is refused fails with a `SystemError` whose cause is `Fenced`, and so does every
   * one after it.
   */
  readonly keyValueStore: (writer: Writer) => KeyValueStore.KeyValueStore
}

/**
 * The records of one cluster.
 *
 * @since 0.1.0
 * @category tags
 */
export class SqlStore extends Context.Tag("@effect-qq/cluster/SqlStore")<SqlStore, SqlStoreShape>() {}

const systemError = (method: string, key: string, cause: unknown): PlatformError.SystemError =>
  new PlatformError.SystemError({
    reason: Ownership.fencedBy(cause) === undefined ? "Unknown" : "PermissionDenied",
    module: "KeyValueStore",
    method,
    pathOrDescriptor: key,
    description: cause instanceof Error ? cause.message : String(cause),
    cause
  })

/** An effect of a store as a `KeyValueStore` tells of it. */
const told = <A, E>(method: string, key: string, effect: Effect.Effect<A, E>) =>
  Effect.mapError(effect, (cause) => systemError(method, key, cause))

/** The records of a writer; once it was refused it stays so. */
const records = (
  sql: SqlClient.SqlClient,
  batch: WriteBatch.WriteBatch,
  writer: Writer
): KeyValueStore.KeyValueStore => {
  const { epoch, owner } = writer
  let fenced: Ownership.Fenced | undefined
  const fencing: Writer = {
    owner,
    epoch,
    onFenced: (error) => {
      fenced ??= error
      writer.onFenced?.(error)
    }
  }
  /** Deletes what the second part of the condition says, where the epoch is current. */
  const remove = (keys: Statement.Fragment): Effect.Effect<void, SqlError | Ownership.Fenced> =>
    Effect.flatMap(
      sql`WITH current AS (SELECT 1 FROM effect_qq_owners WHERE owner = ${owner} AND epoch = ${epoch} FOR SHARE),
        removed AS (DELETE FROM effect_qq_records WHERE owner = ${owner} AND ${keys} AND EXISTS (SELECT 1 FROM current))
        SELECT 1 FROM current`,
      (rows) => {
        if (rows.length > 0) return Effect.void
        const error = new Ownership.Fenced({ owner })
        fencing.onFenced?.(error)
        return error
      }
    )
  const guarded = <E>(method: string, key: string, effect: Effect.Effect<void, E>) =>
    Effect.suspend(() => (fenced === undefined ? told(method, key, effect) : systemError(method, key, fenced)))
  const first = new FirstReads(
    Effect.map(
      sql<{ key: string; value: string }>`SELECT key, value FROM effect_qq_records WHERE owner = ${owner}`,
      (rows) => rows.map(({ key, value }) => [key, value] as const)
    )
  )
  const read = (key: string): Effect.Effect<Option.Option<string>, SqlError> =>
    Effect.map(
      sql<{ value: string }>`SELECT value FROM effect_qq_records WHERE owner = ${owner} AND key = ${key}`,
      ([row]) => Option.fromNullable(row?.value)
    )
  /** Changes a record, after which its first read is out of date. */
  const changing = <E>(key: string, change: Effect.Effect<void, E>): Effect.Effect<void, E> =>
    Effect.suspend(() => {
      first.spend(key)
      return change
    })
  return KeyValueStore.makeStringOnly({
    get: (key) => told("get", key, first.get(key, read(key))),
    set: (key, value) => guarded("set", key, changing(key, batch.write(fencing, key, value))),
    // a write that waits is dropped: a record must not come back after it was removed
    remove: (key) =>
      guarded("remove", key, changing(key, Effect.zipRight(batch.drop(fencing, key), remove(sql`key = ${key}`)))),
    clear: guarded(
      "clear",
      owner,
      Effect.suspend(() => {
        first.clear()
        return remove(sql`true`)
      })
    ),
    size: told(
      "size",
      owner,
      Effect.map(sql<{ count: string }>`SELECT count(*) FROM effect_qq_records WHERE owner = ${owner}`, ([row]) =>
        Number(row?.count ?? 0)
      )
    )
  })
}

/**
 * A store on the database of the context. What waits to be stored when its scope closes is stored first.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  policy: Partial<StorePolicy> = {}
): Effect.Effect<SqlStoreShape, never, SqlClient.SqlClient | Scope.Scope> =>
  Effect.gen(function* () {
    const sql = (yield* SqlClient.SqlClient).withoutTransforms()
    const batch = yield* WriteBatch.make(sql, policy)

    const epoch: SqlStoreShape["epoch"] = (owner) =>
      Effect.map(sql<{ epoch: string }>`SELECT epoch FROM effect_qq_owners WHERE owner = ${owner}`, ([row]) =>
        Option.map(Option.fromNullable(row), ({ epoch }) => Number(epoch))
      )

    return SqlStore.of({
      epoch,
      claim: (owner, holder) =>
        Effect.flatMap(
          sql<{
            epoch: string
          }>`INSERT INTO effect_qq_owners AS o (owner, epoch, holder) VALUES (${owner}, 1, ${holder})
            ON CONFLICT (owner) DO UPDATE
            SET epoch = o.epoch + 1, holder = EXCLUDED.holder, claimed_at = clock_timestamp() RETURNING epoch`,
          ([row]) =>
            row === undefined ? Effect.dieMessage("a claim returned nothing") : Effect.succeed(Number(row.epoch))
        ),
      isCurrent: (writer) => Effect.map(epoch(writer.owner), Option.contains(writer.epoch)),
      keyValueStore: (writer) => records(sql, batch, writer)
    })
  })

/**
 * A store on the database of the context.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<SqlStore, never, SqlClient.SqlClient> = Layer.scoped(SqlStore, make())

/**
 * A store on the database of the context, with numbers of one's own.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerWith = (policy: Partial<StorePolicy>): Layer.Layer<SqlStore, never, SqlClient.SqlClient> =>
  Layer.scoped(SqlStore, make(policy))
