/**
 * States of units, collected over all units of a process and stored by few statements. Of the states that a unit has between
 * two statements only the last one is stored: a bot that connects goes through four of them within milliseconds.
 *
 * @since 0.1.0
 */
import type * as SqlClient from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import type * as Scope from "effect/Scope"
import type * as SqlStore from "../SqlStore.ts"
import * as Parameters from "./Parameters.ts"

/** The least time between two statements; the first one after a pause runs at once. */
const storeEvery = Duration.millis(100)

/** A state that waits for its statement. */
interface Pending {
  readonly writer: SqlStore.Writer
  readonly state: string
  readonly detail: string | undefined
  /** Whether the unit has been Ready since its last stored state. */
  readonly wasReady: boolean
  /** Completes with the outcome of the statement. */
  readonly stored: Deferred.Deferred<void, SqlError>
}

/** Stores the states of units that are still in the epoch of their writer. Rows are locked in one order by every process. */
const store = (sql: SqlClient.SqlClient, batch: ReadonlyArray<Pending>): Effect.Effect<void, SqlError> =>
  Effect.asVoid(
    sql.unsafe(
      `UPDATE effect_qq_units u SET state = n.state, detail = nullif(n.detail, ''),
         starting = u.starting AND n.ready = 0, changed_at = clock_timestamp()
       FROM (SELECT l.unit, v.state, v.detail, v.ready
         FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::int[]) AS v (unit, epoch, state, detail, ready)
         JOIN effect_qq_units l ON l.unit = v.unit AND l.epoch = v.epoch
         ORDER BY l.unit FOR UPDATE OF l) AS n
       WHERE u.unit = n.unit`,
      Parameters.of(
        batch.map(({ writer }) => writer.owner),
        batch.map(({ writer }) => writer.epoch),
        batch.map(({ state }) => state),
        batch.map(({ detail }) => detail ?? ""),
        batch.map(({ wasReady }) => (wasReady ? 1 : 0))
      )
    )
  )

/**
 * What {@link make} gives.
 *
 * @since 0.1.0
 * @category models
 */
export interface StateBatch {
  /** Completes when the state, or a later one of the unit, is stored. */
  readonly tell: (writer: SqlStore.Writer, state: string, detail: string | undefined) => Effect.Effect<void, SqlError>
  /** Drops the state of a unit that has not been stored, and waits for a statement that has begun. */
  readonly end: (writer: SqlStore.Writer) => Effect.Effect<void>
}

/**
 * Collects states until the scope closes.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (sql: SqlClient.SqlClient): Effect.Effect<StateBatch, never, Scope.Scope> =>
  Effect.gen(function* () {
    /** By unit: a unit has one writer at a time in a process. */
    const pending = new Map<string, Pending>()
    /** What the statement that runs now stores. */
    const storing = new Map<string, Pending>()
    const waiting = yield* Effect.makeLatch(false)

    const flush = Effect.suspend(() => {
      const batch = [...pending.values()]
      pending.clear()
      waiting.unsafeClose()
      for (const each of batch) storing.set(each.writer.owner, each)
      return store(sql, batch).pipe(
        Effect.onExit((exit) =>
          Effect.sync(() => {
            storing.clear()
            for (const { stored } of batch) Deferred.unsafeDone(stored, exit)
          })
        ),
        Effect.ignore
      )
    })
    yield* waiting.await.pipe(
      Effect.zipRight(flush),
      Effect.zipRight(Effect.sleep(storeEvery)),
      Effect.forever,
      Effect.forkScoped
    )

    return {
      tell: (writer, state, detail) =>
        Effect.suspend(() => {
          const before = pending.get(writer.owner)
          const isSame = before?.writer.epoch === writer.epoch
          const stored = before?.stored ?? Deferred.unsafeMake<void, SqlError>(FiberId.none)
          const wasReady = state === "Ready" || (isSame && before.wasReady)
          pending.set(writer.owner, { writer, state, detail, wasReady, stored })
          waiting.unsafeOpen()
          return Deferred.await(stored)
        }),
      end: (writer) =>
        Effect.suspend(() => {
          const late = pending.get(writer.owner)
          if (late?.writer.epoch === writer.epoch) {
            pending.delete(writer.owner)
            Deferred.unsafeDone(late.stored, Effect.void)
          }
          const begun = storing.get(writer.owner)
          return begun === undefined ? Effect.void : Effect.ignore(Deferred.await(begun.stored))
        })
    }
  })
