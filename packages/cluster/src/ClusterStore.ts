/**
 * What the runners of a cluster share besides the locks of `@effect/cluster`: for each unit, a shard of a bot, whether it is
 * to run, who runs it in which epoch, how it is and how it ended; the records of its session and ledger; and the limit of
 * identifies. A port: {@link layerSql} keeps it in PostgreSQL, {@link layerMemory} in one process, for tests.
 *
 * @since 0.1.0
 */
import type { BotConfig, GatewayMetadata, IdentifyLimiter } from "@effect-qq/core"
import type * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as SqlClient from "@effect/sql/SqlClient"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type { SqlError } from "@effect/sql/SqlError"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { MemoryStore } from "./internal/MemoryStore.ts"
import * as SqlUnits from "./internal/SqlUnits.ts"
import * as StateBatch from "./internal/StateBatch.ts"
import * as Quarantine from "./Quarantine.ts"
import * as SqlIdentifyLimiter from "./SqlIdentifyLimiter.ts"
import * as SqlStore from "./SqlStore.ts"
import { type Claimed, idOf, type Unit, type UnitStatus } from "./Unit.ts"

/**
 * The store cannot be reached, or refused. What was asked for may have been done.
 *
 * @since 0.1.0
 * @category errors
 */
export class StoreUnavailable extends Data.TaggedError("StoreUnavailable")<{ readonly cause: unknown }> {
  override get message(): string {
    return `the store of the cluster does not answer: ${this.cause instanceof Error ? this.cause.message : String(this.cause)}`
  }
  get hint(): string {
    return "the runners close their connections until the database is back"
  }
}

/**
 * What the service does.
 *
 * @since 0.1.0
 * @category models
 */
export interface ClusterStoreShape {
  /**
   * Lets units run, and gives the generation of each: another one for a unit that had ended. A unit that another runner lets
   * run at this moment may be missing.
   */
  readonly want: (units: ReadonlyArray<Unit>) => Effect.Effect<ReadonlyMap<string, number>, StoreUnavailable>
  /**
   * Takes up a unit for a runner: begins an epoch, or says why not. Only a fresh lease may claim. `instance` names the process:
   * what the same process had not given back was no crash.
   */
  readonly claim: (
    unit: Unit,
    generation: number,
    runner: string,
    instance: string
  ) => Effect.Effect<Claimed, StoreUnavailable>
  /** The run is over and was left in order. */
  readonly released: (writer: SqlStore.Writer) => Effect.Effect<void, StoreUnavailable>
  /** The unit is not to run any more. */
  readonly finished: (unit: Unit, generation: number) => Effect.Effect<void, StoreUnavailable>
  /** Tells how a unit is. */
  readonly tell: (
    writer: SqlStore.Writer,
    state: string,
    detail: string | undefined
  ) => Effect.Effect<void, StoreUnavailable>
  /** Notes what is being handled, before it is. */
  readonly handling: (
    writer: SqlStore.Writer,
    handled: ReadonlyArray<Quarantine.Handled>
  ) => Effect.Effect<void, StoreUnavailable>
  /** Whether no later epoch has begun. */
  readonly isCurrent: (writer: SqlStore.Writer) => Effect.Effect<boolean, StoreUnavailable>
  readonly records: (writer: SqlStore.Writer) => KeyValueStore.KeyValueStore
  /** How every unit is that is to run. `seenWithin`: how lately its runner must have been seen to count as live. */
  readonly status: (seenWithin: Duration.Duration) => Effect.Effect<ReadonlyArray<UnitStatus>, StoreUnavailable>
  /** Notes that a runner is alive. */
  readonly seen: (runner: string) => Effect.Effect<void, StoreUnavailable>
  /** The bots that were stopped. */
  readonly stopped: Effect.Effect<ReadonlySet<string>, StoreUnavailable>
  readonly setStopped: (app: string, isStopped: boolean) => Effect.Effect<void, StoreUnavailable>
  /** `true` the first time that this is asked for a key, within ten minutes. */
  readonly once: (app: string, key: string) => Effect.Effect<boolean, StoreUnavailable>
  /** The limit of identifies that the shards of the configured bot share. */
  readonly identifyLimiter: Effect.Effect<
    IdentifyLimiter.IdentifyLimiterShape,
    never,
    BotConfig.BotConfig | GatewayMetadata.GatewayMetadata | Scope.Scope
  >
}

/**
 * The store of a cluster.
 *
 * @since 0.1.0
 * @category tags
 */
export class ClusterStore extends Context.Tag("@effect-qq/cluster/ClusterStore")<ClusterStore, ClusterStoreShape>() {}

/**
 * What {@link layerSql} and {@link layerMemory} take.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly quarantine?: Partial<Quarantine.QuarantinePolicy> | undefined
  readonly records?: Partial<SqlStore.StorePolicy> | undefined
  readonly identifies?: Partial<SqlIdentifyLimiter.LimiterPolicy> | undefined
  /** How long one request may take. Default 5 s. */
  readonly timeout?: Duration.DurationInput | undefined
}

/**
 * A store on the database of the context.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerSql = (options: Options = {}): Layer.Layer<ClusterStore, never, SqlClient.SqlClient> =>
  Layer.scoped(
    ClusterStore,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const records = yield* SqlStore.make(options.records)
      const states = yield* StateBatch.make(sql.withoutTransforms())
      const units = SqlUnits.make(sql, records, states, { ...Quarantine.defaults, ...options.quarantine })
      const timeout = options.timeout ?? "5 seconds"
      const ask = <A>(effect: Effect.Effect<A, SqlError>): Effect.Effect<A, StoreUnavailable> =>
        Effect.mapError(Effect.timeout(effect, timeout), (cause) => new StoreUnavailable({ cause }))
      return ClusterStore.of({
        want: (wanted) => ask(units.want(wanted)),
        claim: (unit, generation, runner, instance) => ask(units.claim(unit, generation, runner, instance)),
        released: (writer) => ask(units.released(writer)),
        finished: (unit, generation) => ask(units.finished(idOf(unit), generation)),
        tell: (writer, state, detail) => ask(units.tell(writer, state, detail)),
        handling: (writer, handled) => ask(units.handling(writer, handled)),
        isCurrent: (writer) => ask(records.isCurrent(writer)),
        records: records.keyValueStore,
        status: (seenWithin) => ask(units.status(seenWithin)),
        seen: (runner) => ask(units.seen(runner)),
        stopped: ask(units.stopped),
        setStopped: (app, isStopped) => ask(units.setStopped(app, isStopped)),
        once: (app, key) => ask(units.once(app, key)),
        identifyLimiter: Effect.provideService(SqlIdentifyLimiter.make(options.identifies), SqlClient.SqlClient, sql)
      })
    })
  )

/**
 * A store in memory, with the semantics of {@link layerSql}: what its runners share ends with the process. For tests under
 * virtual time; its clock is Effect's.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeMemory = (options: Options = {}): Effect.Effect<ClusterStoreShape> =>
  Effect.map(Effect.clock, (clock) => new MemoryStore({ ...Quarantine.defaults, ...options.quarantine }, clock))

/**
 * A store in memory, for tests.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory = (options: Options = {}): Layer.Layer<ClusterStore> =>
  Layer.effect(ClusterStore, makeMemory(options))
