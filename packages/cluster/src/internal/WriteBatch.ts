/**
 * Writes of records, collected over all owners of a process and stored by few statements.
 *
 * @since 0.1.0
 */
import { Ownership } from "@effect-qq/core"
import type * as SqlClient from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import type * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import type * as Scope from "effect/Scope"
import * as ClusterMetrics from "../ClusterMetrics.ts"
import * as Parameters from "./Parameters.ts"

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
 * Why a write was not stored.
 *
 * @since 0.1.0
 * @category errors
 */
export type WriteError = SqlError | Ownership.Fenced | Cause.TimeoutException

/** A write that waits for its statement; a later write of the same record takes its place and its waiters along. */
interface Pending {
  readonly writer: Writer
  readonly key: string
  readonly value: string
  readonly waiters: Array<Deferred.Deferred<void, WriteError>>
}

const nameOf = ({ epoch, owner }: Writer, key: string): string => JSON.stringify([owner, epoch, key])

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
      Parameters.of(
        batch.map(({ writer }) => writer.owner),
        batch.map(({ key }) => key),
        batch.map(({ value }) => value),
        batch.map(({ writer }) => writer.epoch)
      )
    ),
    (rows) => new Set(rows.map(({ epoch, key, owner }) => nameOf({ owner, epoch: Number(epoch) }, key)))
  )

/** How long a shutdown waits for the last writes. */
const lastFlush = Duration.seconds(1)

/** Tells those who wait for the writes of a batch. */
const settle =
  (batch: ReadonlyArray<Pending>) =>
  (exit: Exit.Exit<ReadonlySet<string>, SqlError | Cause.TimeoutException>): Effect.Effect<void> =>
    Effect.sync(() => {
      for (const { key, waiters, writer } of batch) {
        const fenced = new Ownership.Fenced({ owner: writer.owner })
        const outcome = Exit.flatMap(exit, (stored) =>
          stored.has(nameOf(writer, key)) ? Exit.void : Exit.fail<WriteError>(fenced)
        )
        if (Exit.isSuccess(exit) && Exit.isFailure(outcome)) writer.onFenced?.(fenced)
        for (const waiter of waiters) Deferred.unsafeDone(waiter, outcome)
      }
    })

/**
 * What {@link make} gives.
 *
 * @since 0.1.0
 * @category models
 */
export interface WriteBatch {
  /** Completes when the record, or a later write of it, is stored. Fails with `Fenced` where another epoch has begun. */
  readonly write: (writer: Writer, key: string, value: string) => Effect.Effect<void, WriteError>
  /** Drops the write of a record that has not begun. */
  readonly drop: (writer: Writer, key: string) => Effect.Effect<void>
}

/**
 * Collects writes until the scope closes; what waits then is stored first.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  sql: SqlClient.SqlClient,
  policy: Partial<StorePolicy>
): Effect.Effect<WriteBatch, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { batchSize, saveEvery, timeout } = { ...defaults, ...policy }
    const pending = new Map<string, Pending>()
    const waiting = yield* Effect.makeLatch(false)

    /** Rows are locked in the same order by every process: no two wait for each other. */
    const takeBatch = (): ReadonlyArray<Pending> =>
      [...pending.keys()]
        .slice(0, batchSize)
        .toSorted()
        .flatMap((name) => {
          const write = pending.get(name)
          pending.delete(name)
          return write === undefined ? [] : [write]
        })

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
      Effect.timeoutOption(Effect.repeat(flush, { while: () => pending.size > 0 }), lastFlush)
    )

    return {
      write: (writer, key, value) =>
        Effect.suspend(() => {
          const name = nameOf(writer, key)
          const waiter = Deferred.unsafeMake<void, WriteError>(FiberId.none)
          const waiters = pending.get(name)?.waiters ?? []
          waiters.push(waiter)
          pending.set(name, { writer, key, value, waiters })
          waiting.unsafeOpen()
          return Deferred.await(waiter)
        }),
      drop: (writer, key) =>
        Effect.sync(() => {
          const late = pending.get(nameOf(writer, key))
          pending.delete(nameOf(writer, key))
          for (const waiter of late?.waiters ?? []) Deferred.unsafeDone(waiter, Exit.void)
        })
    }
  })
