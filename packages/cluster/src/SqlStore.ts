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
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as ClusterMetrics from "./ClusterMetrics.ts"

/**
 * Numbers of the store.
 *
 * @since 0.1.0
 * @category models
 */
export interface StorePolicy {
  /** The least time between two statements that store records; the first one after a pause runs at once. Default 100 ms. */
  readonly saveEvery: Duration.Duration
  /** Maximum number of records in a statement. Default 512. */
  readonly batchSize: number
  /** How long one statement may take; what takes longer has failed. Default 5 s. */
  readonly timeout: Duration.Duration
}

/**
 * The defaults, documented at the fields of {@link StorePolicy}.
 *
 * @since 0.1.0
 * @category constants
 */
export const defaults: StorePolicy = {
  saveEvery: Duration.millis(100),
  batchSize: 512,
  timeout: Duration.seconds(5)
}

/**
 * Who writes: an owner of records, in one of its epochs.
 *
 * @since 0.1.0
 * @category models
 */
export interface Writer {
  readonly owner: string
  readonly epoch: number
  /** Called when a write was refused, because another epoch has begun. */
  readonly onFenced?: ((error: Ownership.Fenced) => void) | undefined
}

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

/** A write that waits for its statement; a later write of the same record takes its place and its waiters along. */
interface Pending {
  readonly writer: Writer
  readonly key: string
  readonly value: string
  readonly waiters: Array<Deferred.Deferred<void, SqlError | Ownership.Fenced | Cause.TimeoutException>>
}

const nameOf = ({ epoch, owner }: Writer, key: string): string => JSON.stringify([owner, epoch, key])

const systemError = (method: string, key: string, cause: unknown): PlatformError.SystemError =>
  new PlatformError.SystemError({
    reason: Ownership.fencedBy(cause) === undefined ? "Unknown" : "PermissionDenied",
    module: "KeyValueStore",
    method,
    pathOrDescriptor: key,
    description: cause instanceof Error ? cause.message : String(cause),
    cause
  })

/**
 * Stores records whose owner is still in the epoch of the write, and gives the names of those that were stored. The owner's
 * row is locked against a claim until that is done: who claims it afterwards reads what was stored.
 */
const store = (sql: SqlClient.SqlClient, batch: ReadonlyArray<Pending>): Effect.Effect<ReadonlySet<string>, SqlError> =>
  Effect.map(
    sql.unsafe<{ owner: string; epoch: string; key: string }>(
      `INSERT INTO effect_qq_records AS r (owner, key, value, epoch)
       SELECT v.owner, v.key, v.value, v.epoch
       FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) AS v (owner, key, value, epoch)
       JOIN effect_qq_owners o ON o.owner = v.owner AND o.epoch = v.epoch
       FOR SHARE OF o
       ON CONFLICT (owner, key) DO UPDATE
       SET value = EXCLUDED.value, epoch = EXCLUDED.epoch, saved_at = clock_timestamp()
       RETURNING owner, epoch, key`,
      // the driver writes an array as a PostgreSQL array
      [
        batch.map(({ writer }) => writer.owner),
        batch.map(({ key }) => key),
        batch.map(({ value }) => value),
        batch.map(({ writer }) => writer.epoch)
      ] as unknown as ReadonlyArray<string>
    ),
    (rows) => new Set(rows.map(({ epoch, key, owner }) => nameOf({ owner, epoch: Number(epoch) }, key)))
  )

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
    const { batchSize, saveEvery, timeout } = { ...defaults, ...policy }
    const sql = (yield* SqlClient.SqlClient).withoutTransforms()
    const pending = new Map<string, Pending>()
    const waiting = yield* Effect.makeLatch(false)

    const settle =
      (batch: ReadonlyArray<Pending>) => (exit: Exit.Exit<ReadonlySet<string>, SqlError | Cause.TimeoutException>) =>
        Effect.sync(() => {
          for (const { key, waiters, writer } of batch) {
            const isStored = Exit.isSuccess(exit) && exit.value.has(nameOf(writer, key))
            const outcome: Exit.Exit<void, SqlError | Ownership.Fenced | Cause.TimeoutException> = Exit.isFailure(exit)
              ? Exit.failCause(exit.cause)
              : isStored
                ? Exit.void
                : Exit.fail(new Ownership.Fenced({ owner: writer.owner }))
            if (Exit.isSuccess(exit) && !isStored) writer.onFenced?.(new Ownership.Fenced({ owner: writer.owner }))
            for (const waiter of waiters) Deferred.unsafeDone(waiter, outcome)
          }
        })

    /** Rows are locked in the same order by every process: no two wait for each other. */
    const takeBatch = (): ReadonlyArray<Pending> => {
      const names = [...pending.keys()].slice(0, batchSize).toSorted()
      return names.flatMap((name) => {
        const write = pending.get(name)
        pending.delete(name)
        return write === undefined ? [] : [write]
      })
    }

    const flush = Effect.suspend(() => {
      const batch = takeBatch()
      if (batch.length === 0) {
        waiting.unsafeClose()
        return Effect.void
      }
      return store(sql, batch).pipe(
        Effect.timeout(timeout),
        Effect.timed,
        Effect.map(([took, stored]) => {
          ClusterMetrics.saveTime.unsafeUpdate(Duration.toMillis(took), [])
          return stored
        }),
        Effect.exit,
        Effect.flatMap(settle(batch)),
        Effect.onInterrupt(() => settle(batch)(Exit.interrupt(FiberId.none)))
      )
    })

    yield* waiting.await.pipe(
      Effect.zipRight(flush),
      Effect.zipRight(Effect.sleep(saveEvery)),
      Effect.forever,
      Effect.forkScoped
    )
    yield* Effect.addFinalizer(() =>
      Effect.timeoutOption(Effect.repeat(flush, { while: () => pending.size > 0 }), Duration.seconds(1))
    )

    const write = (writer: Writer, key: string, value: string): Effect.Effect<void, PlatformError.PlatformError> =>
      Effect.suspend(() => {
        const name = nameOf(writer, key)
        const waiter = Deferred.unsafeMake<void, SqlError | Ownership.Fenced | Cause.TimeoutException>(FiberId.none)
        const waiters = pending.get(name)?.waiters ?? []
        waiters.push(waiter)
        pending.set(name, { writer, key, value, waiters })
        waiting.unsafeOpen()
        return Effect.mapError(Deferred.await(waiter), (cause) => systemError("set", key, cause))
      })

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
      keyValueStore: (writer) => {
        let fenced: Ownership.Fenced | undefined
        const fencing: Writer = {
          ...writer,
          onFenced: (error) => {
            fenced ??= error
            writer.onFenced?.(error)
          }
        }
        const { owner } = writer
        const asPlatformError = <A>(method: string, key: string, effect: Effect.Effect<A, SqlError>) =>
          Effect.mapError(effect, (cause) => systemError(method, key, cause))
        return KeyValueStore.makeStringOnly({
          get: (key) =>
            asPlatformError(
              "get",
              key,
              Effect.map(
                sql<{ value: string }>`SELECT value FROM effect_qq_records WHERE owner = ${owner} AND key = ${key}`,
                ([row]) => Option.fromNullable(row?.value)
              )
            ),
          set: (key, value) =>
            Effect.suspend(() => (fenced === undefined ? write(fencing, key, value) : systemError("set", key, fenced))),
          // a write that waits is settled before: a record must not come back after it was removed
          remove: (key) =>
            Effect.suspend(() => {
              if (fenced !== undefined) return systemError("remove", key, fenced)
              const late = pending.get(nameOf(fencing, key))
              pending.delete(nameOf(fencing, key))
              for (const waiter of late?.waiters ?? []) Deferred.unsafeDone(waiter, Exit.void)
              return asPlatformError(
                "remove",
                key,
                Effect.flatMap(
                  sql`WITH current AS (SELECT 1 FROM effect_qq_owners WHERE owner = ${owner} AND epoch = ${writer.epoch} FOR SHARE),
                    removed AS (DELETE FROM effect_qq_records
                      WHERE owner = ${owner} AND key = ${key} AND EXISTS (SELECT 1 FROM current))
                    SELECT 1 FROM current`,
                  (rows) => {
                    if (rows.length > 0) return Effect.void
                    const error = new Ownership.Fenced({ owner })
                    fencing.onFenced?.(error)
                    return Effect.fail(error as never)
                  }
                )
              )
            }),
          clear: asPlatformError("clear", owner, sql`DELETE FROM effect_qq_records WHERE owner = ${owner}`).pipe(
            Effect.asVoid
          ),
          size: asPlatformError(
            "size",
            owner,
            Effect.map(sql<{ count: string }>`SELECT count(*) FROM effect_qq_records WHERE owner = ${owner}`, ([row]) =>
              Number(row?.count ?? 0)
            )
          )
        })
      }
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
