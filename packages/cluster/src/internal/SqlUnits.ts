/**
 * The rows of units in PostgreSQL; see `ClusterStore`.
 *
 * @since 0.1.0
 */
import type * as SqlClient from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as Quarantine from "../Quarantine.ts"
import type * as SqlStore from "../SqlStore.ts"
import * as Skipped from "./Skipped.ts"
import { type Claimed, idOf, type Unit, type UnitStatus } from "../Unit.ts"
import * as Parameters from "./Parameters.ts"
import type { StateBatch } from "./StateBatch.ts"

const decodeEnds = Schema.decodeUnknownEither(Schema.Array(Quarantine.UncleanEnd))
const decodeHandled = Schema.decodeUnknownEither(Schema.Array(Quarantine.Handled))

const orNone = <A>(decoded: Either.Either<ReadonlyArray<A>, unknown>): ReadonlyArray<A> =>
  Either.getOrElse(decoded, () => [])

interface Locked {
  readonly generation: string
  readonly running: boolean
  /** Whether another process took it up and did not give it back. */
  readonly crashed: boolean
  readonly starting: boolean
  readonly ends: unknown
  readonly handling: unknown
  readonly strikes: number
  readonly quarantined_at: number | null
  readonly wait: number | null
  readonly now: number
}

interface Row {
  readonly app: string
  readonly shard: number
  readonly state: string
  readonly detail: string | null
  readonly epoch: string
  readonly holder: string | null
  readonly skipped: string | null
  readonly until: number | null
  readonly since: number
  readonly live: boolean
}

const toStatus = ({ detail, epoch, holder, live, skipped, until, ...row }: Row): UnitStatus => ({
  ...row,
  detail: detail ?? undefined,
  runner: holder ?? undefined,
  epoch: Number(epoch),
  skipped: skipped ?? undefined,
  quarantinedUntil: until ?? undefined,
  isLive: live
})

/**
 * What {@link make} gives.
 *
 * @since 0.1.0
 * @category models
 */
export interface SqlUnits {
  readonly want: (units: ReadonlyArray<Unit>) => Effect.Effect<ReadonlyMap<string, number>, SqlError>
  readonly claim: (unit: Unit, generation: number, runner: string, instance: string) => Effect.Effect<Claimed, SqlError>
  readonly released: (writer: SqlStore.Writer) => Effect.Effect<void, SqlError>
  readonly finished: (unit: string, generation: number) => Effect.Effect<void, SqlError>
  readonly tell: (writer: SqlStore.Writer, state: string, detail: string | undefined) => Effect.Effect<void, SqlError>
  readonly handling: (
    writer: SqlStore.Writer,
    handled: ReadonlyArray<Quarantine.Handled>
  ) => Effect.Effect<void, SqlError>
  readonly status: (seenWithin: Duration.Duration) => Effect.Effect<ReadonlyArray<UnitStatus>, SqlError>
  readonly seen: (runner: string) => Effect.Effect<void, SqlError>
  readonly stopped: Effect.Effect<ReadonlySet<string>, SqlError>
  readonly setStopped: (app: string, isStopped: boolean) => Effect.Effect<void, SqlError>
  readonly once: (app: string, key: string) => Effect.Effect<boolean, SqlError>
}

/** Takes up units, one transaction each. */
const claimer = (
  sql: SqlClient.SqlClient,
  store: SqlStore.SqlStoreShape,
  policy: Quarantine.QuarantinePolicy
): SqlUnits["claim"] => {
  /** Lets the next session take these events for settled. */
  const skip = (unit: Unit, events: ReadonlyArray<Quarantine.Handled>, now: number): Effect.Effect<void, SqlError> =>
    Effect.gen(function* () {
      const rows = yield* sql<{ key: string; value: string }>`SELECT key, value FROM effect_qq_records
        WHERE owner = ${idOf(unit)} AND starts_with(key, ${Skipped.sessionPrefix(unit)}) FOR UPDATE`
      for (const { key, value } of rows) {
        const changed = Skipped.withSkipped(key, value, unit, events, now)
        if (changed === undefined) continue
        yield* sql`UPDATE effect_qq_records SET value = ${changed} WHERE owner = ${idOf(unit)} AND key = ${key}`
      }
    })

  return (unit, generation, runner, instance) =>
    sql.withTransaction(
      Effect.gen(function* () {
        const id = idOf(unit)
        const [row] =
          yield* sql<Locked>`SELECT generation, running, open AND instance IS DISTINCT FROM ${instance} AS crashed, starting, ends, handling, strikes,
          extract(epoch FROM quarantined_at)::float8 * 1000 AS quarantined_at,
          extract(epoch FROM quarantined_until - clock_timestamp())::float8 * 1000 AS wait,
          extract(epoch FROM clock_timestamp())::float8 * 1000 AS now
          FROM effect_qq_units WHERE unit = ${id} FOR UPDATE`
        if (row === undefined || !row.running || Number(row.generation) !== generation) {
          return { _tag: "Superseded" as const }
        }
        if (row.wait !== null && row.wait > 0) {
          return { _tag: "Quarantined" as const, wait: Duration.millis(row.wait), skipped: undefined }
        }
        const before: Quarantine.Record = {
          ends: orNone(decodeEnds(row.ends)),
          strikes: row.strikes,
          quarantinedAt: row.quarantined_at ?? undefined
        }
        const handling = orNone(decodeHandled(row.handling))
        const record = row.crashed
          ? Quarantine.withEnd(policy, before, { at: row.now, starting: row.starting, handling })
          : before
        const verdict = Quarantine.decide(policy, record, row.now)
        if (verdict._tag === "Quarantined") {
          const after = Quarantine.quarantined(policy, record, row.now)
          yield* skip(unit, verdict.skip, row.now)
          yield* sql`UPDATE effect_qq_units SET open = false, starting = false, handling = '[]',
            ends = ${JSON.stringify(after.ends)}::jsonb, strikes = ${after.strikes}, quarantined_at = clock_timestamp(),
            quarantined_until = clock_timestamp() + make_interval(secs => ${Duration.toSeconds(verdict.for)}),
            skipped = ${verdict.skip.map(({ key }) => key).join(", ")}, state = 'Quarantined', detail = NULL,
            holder = ${runner}, changed_at = clock_timestamp() WHERE unit = ${id}`
          return { _tag: "Quarantined" as const, wait: verdict.for, skipped: verdict.skip }
        }
        const epoch = yield* store.claim(id, runner)
        yield* sql`UPDATE effect_qq_units SET open = true, starting = true, handling = '[]',
          ends = ${JSON.stringify(record.ends)}::jsonb, quarantined_until = NULL, epoch = ${epoch}, holder = ${runner}, instance = ${instance},
          state = 'Connecting', detail = NULL, changed_at = clock_timestamp() WHERE unit = ${id}`
        return {
          _tag: "Claimed" as const,
          epoch,
          isSuspect: verdict._tag === "Suspect",
          isFailover: row.crashed,
          now: row.now
        }
      })
    )
}

/**
 * Units on a database.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  client: SqlClient.SqlClient,
  store: SqlStore.SqlStoreShape,
  states: StateBatch,
  policy: Quarantine.QuarantinePolicy
): SqlUnits => {
  const sql = client.withoutTransforms()

  const claim = claimer(sql, store, policy)

  return {
    claim,
    want: (units) => {
      if (units.length === 0) return Effect.succeed(new Map())
      return Effect.map(
        sql.unsafe<{ unit: string; generation: string }>(
          // a unit that runs already is only read: its row may be locked by a claim, and every claim of another unit would wait
          `WITH wanted AS (SELECT * FROM unnest($1::text[], $2::text[], $3::int[]) AS v (unit, app, shard)),
           fresh AS (INSERT INTO effect_qq_units (unit, app, shard)
             SELECT w.unit, w.app, w.shard FROM wanted w
             WHERE NOT EXISTS (SELECT 1 FROM effect_qq_units u WHERE u.unit = w.unit) ORDER BY w.unit
             ON CONFLICT (unit) DO NOTHING RETURNING unit, generation),
           again AS (UPDATE effect_qq_units u
             SET running = true, state = 'Waiting', generation = u.generation + 1
             FROM (SELECT l.unit FROM effect_qq_units l JOIN wanted w ON w.unit = l.unit
               WHERE NOT l.running ORDER BY l.unit FOR UPDATE OF l) AS ended
             WHERE u.unit = ended.unit RETURNING u.unit, u.generation)
           SELECT unit, generation FROM fresh UNION ALL SELECT unit, generation FROM again
           UNION ALL SELECT u.unit, u.generation FROM effect_qq_units u JOIN wanted w ON w.unit = u.unit WHERE u.running`,
          // rows are locked in one order by every runner; the driver writes an array as a PostgreSQL array
          transpose(units.toSorted((a, b) => (idOf(a) < idOf(b) ? -1 : 1)))
        ),
        (rows) => new Map(rows.map(({ generation, unit }) => [unit, Number(generation)]))
      )
    },
    released: (writer) =>
      Effect.zipRight(
        // a state that is stored later would hide that the unit was given back
        states.end(writer),
        sql`UPDATE effect_qq_units SET open = false, starting = false, handling = '[]',
          state = CASE WHEN state = 'Stopped' THEN state ELSE 'Waiting' END, changed_at = clock_timestamp()
          WHERE unit = ${writer.owner} AND epoch = ${writer.epoch}`
      ).pipe(Effect.asVoid),
    finished: (unit, generation) =>
      Effect.asVoid(sql`UPDATE effect_qq_units SET running = false, open = false, state = 'Ended', holder = NULL,
        ends = '[]', changed_at = clock_timestamp() WHERE unit = ${unit} AND generation = ${generation}`),
    tell: states.tell,
    handling: ({ epoch, owner }, handled) =>
      Effect.asVoid(sql`UPDATE effect_qq_units SET handling = ${JSON.stringify(handled)}::jsonb
        WHERE unit = ${owner} AND epoch = ${epoch}`),
    status: (seenWithin) =>
      Effect.map(
        sql<Row>`SELECT u.app, u.shard, u.state, u.detail, u.epoch, u.holder, u.skipped,
          extract(epoch FROM CASE WHEN u.quarantined_until > clock_timestamp() THEN u.quarantined_until END)::float8 * 1000 AS until,
          extract(epoch FROM u.changed_at)::float8 * 1000 AS since, r.address IS NOT NULL AS live
          FROM effect_qq_units u LEFT JOIN effect_qq_runners r ON r.address = u.holder
            AND r.seen_at > clock_timestamp() - make_interval(secs => ${Duration.toSeconds(seenWithin)})
          WHERE u.running ORDER BY u.app, u.shard`,
        (rows) => rows.map(toStatus)
      ),
    seen: (runner) =>
      Effect.asVoid(sql`WITH gone AS (DELETE FROM effect_qq_runners WHERE seen_at < clock_timestamp() - interval '1 day')
        INSERT INTO effect_qq_runners (address) VALUES (${runner})
        ON CONFLICT (address) DO UPDATE SET seen_at = clock_timestamp()`),
    stopped: Effect.map(
      sql<{ app: string }>`SELECT app FROM effect_qq_stopped`,
      (rows) => new Set(rows.map(({ app }) => app))
    ),
    setStopped: (app, isStopped) =>
      Effect.asVoid(
        isStopped
          ? sql`INSERT INTO effect_qq_stopped (app) VALUES (${app}) ON CONFLICT DO NOTHING`
          : sql`DELETE FROM effect_qq_stopped WHERE app = ${app}`
      ),
    once: (app, key) =>
      Effect.map(
        sql`INSERT INTO effect_qq_claims (app, key, holder, settled, until)
          VALUES (${app}, ${`once:${key}`}, '', true, clock_timestamp() + interval '10 minutes')
          ON CONFLICT DO NOTHING RETURNING 1`,
        (rows) => rows.length > 0
      )
  }
}

const transpose = (units: ReadonlyArray<Unit>): ReadonlyArray<string> =>
  Parameters.of(
    units.map(idOf),
    units.map(({ app }) => app),
    units.map(({ shard }) => shard)
  )
