/**
 * What the runners of a cluster share besides the locks of `@effect/cluster`: for each unit, a shard of a bot, whether it is
 * to run, who runs it in which epoch, how it is and how it ended; the records of its session and ledger; and the limit of
 * identifies. A port: {@link layerSql} keeps it in PostgreSQL, {@link layerMemory} in one process, for tests.
 *
 * @since 0.1.0
 */
import { BotConfig, GatewayMetadata, IdentifyLimiter, Ownership } from "@effect-qq/core"
import * as PlatformError from "@effect/platform/Error"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as SqlClient from "@effect/sql/SqlClient"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as SqlUnits from "./internal/SqlUnits.ts"
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
  /** Lets units run, and gives the generation of each: another one for a unit that had ended. */
  readonly want: (units: ReadonlyArray<Unit>) => Effect.Effect<ReadonlyMap<string, number>, StoreUnavailable>
  /** Takes up a unit for a runner: begins an epoch, or says why not. Only a fresh lease may claim. */
  readonly claim: (unit: Unit, generation: number, runner: string) => Effect.Effect<Claimed, StoreUnavailable>
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
      const units = SqlUnits.make(sql, records, { ...Quarantine.defaults, ...options.quarantine })
      const timeout = options.timeout ?? "5 seconds"
      const ask = <A>(effect: Effect.Effect<A, unknown>): Effect.Effect<A, StoreUnavailable> =>
        Effect.mapError(Effect.timeout(effect, timeout), (cause) => new StoreUnavailable({ cause }))
      return ClusterStore.of({
        want: (wanted) => ask(units.want(wanted)),
        claim: (unit, generation, runner) => ask(units.claim(unit, generation, runner)),
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

interface MemoryUnit {
  readonly unit: Unit
  generation: number
  running: boolean
  open: boolean
  starting: boolean
  record: Quarantine.Record
  handling: ReadonlyArray<Quarantine.Handled>
  quarantinedUntil: number
  epoch: number
  runner: string | undefined
  state: string
  detail: string | undefined
  skipped: string | undefined
  since: number
}

const refused = (method: string, owner: string): PlatformError.SystemError =>
  new PlatformError.SystemError({
    reason: "PermissionDenied",
    module: "KeyValueStore",
    method,
    pathOrDescriptor: owner,
    cause: new Ownership.Fenced({ owner })
  })

/**
 * A store in memory, with the semantics of {@link layerSql}: for tests under virtual time. Its clock is Effect's.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeMemory = (options: Options = {}): Effect.Effect<ClusterStoreShape> =>
  Effect.gen(function* () {
    const policy = { ...Quarantine.defaults, ...options.quarantine }
    const clock = yield* Effect.clock
    const now = (): number => clock.unsafeCurrentTimeMillis()
    const units = new Map<string, MemoryUnit>()
    const records = new Map<string, Map<string, string>>()
    const stoppedApps = new Set<string>()
    const asked = new Map<string, number>()
    const runners = new Map<string, number>()
    const limiters = new Map<string, Limiter>()

    const recordsOf = (owner: string): Map<string, string> => {
      const known = records.get(owner) ?? new Map<string, string>()
      records.set(owner, known)
      return known
    }
    const isCurrent = ({ epoch, owner }: SqlStore.Writer): boolean => units.get(owner)?.epoch === epoch
    const current = (writer: SqlStore.Writer, body: (unit: MemoryUnit) => void): Effect.Effect<void> =>
      Effect.sync(() => {
        const unit = units.get(writer.owner)
        if (unit !== undefined && unit.epoch === writer.epoch) body(unit)
      })
    const setState = (unit: MemoryUnit, state: string, detail?: string): void => {
      unit.state = state
      unit.detail = detail
      unit.since = now()
    }

    return ClusterStore.of({
      want: (wanted) =>
        Effect.sync(() => {
          for (const unit of wanted) {
            const known = units.get(idOf(unit))
            if (known === undefined) {
              units.set(idOf(unit), {
                unit,
                generation: 1,
                running: true,
                open: false,
                starting: false,
                record: { ends: [], strikes: 0, quarantinedAt: undefined },
                handling: [],
                quarantinedUntil: Number.NEGATIVE_INFINITY,
                epoch: 0,
                runner: undefined,
                state: "Waiting",
                detail: undefined,
                skipped: undefined,
                since: now()
              })
            } else if (!known.running) {
              known.generation++
              known.running = true
              setState(known, "Waiting")
            }
          }
          return new Map(wanted.map((unit) => [idOf(unit), units.get(idOf(unit))?.generation ?? 1]))
        }),
      claim: (unit, generation, runner) =>
        Effect.sync((): Claimed => {
          const known = units.get(idOf(unit))
          if (known === undefined || !known.running || known.generation !== generation) return { _tag: "Superseded" }
          const at = now()
          if (known.quarantinedUntil > at) {
            return { _tag: "Quarantined", wait: Duration.millis(known.quarantinedUntil - at), skipped: undefined }
          }
          const { handling, open, starting } = known
          const record = open ? Quarantine.withEnd(policy, known.record, { at, starting, handling }) : known.record
          const verdict = Quarantine.decide(policy, record, at)
          known.handling = []
          known.runner = runner
          if (verdict._tag === "Quarantined") {
            known.record = Quarantine.quarantined(policy, record, at)
            known.open = false
            known.quarantinedUntil = at + Duration.toMillis(verdict.for)
            known.skipped = verdict.skip.map(({ key }) => key).join(", ")
            const own = recordsOf(idOf(unit))
            for (const [key, value] of own) {
              const changed = SqlUnits.withSkipped(key, value, unit, verdict.skip, at)
              if (changed !== undefined) own.set(key, changed)
            }
            setState(known, "Quarantined")
            return { _tag: "Quarantined", wait: verdict.for, skipped: verdict.skip }
          }
          known.record = record
          known.open = true
          known.starting = true
          known.epoch++
          setState(known, "Connecting")
          return { _tag: "Claimed", epoch: known.epoch, isSuspect: verdict._tag === "Suspect", isFailover: open }
        }),
      released: (writer) =>
        current(writer, (unit) => {
          unit.open = false
          unit.handling = []
          if (unit.state !== "Stopped") setState(unit, "Waiting")
        }),
      finished: (unit, generation) =>
        Effect.sync(() => {
          const known = units.get(idOf(unit))
          if (known === undefined || known.generation !== generation) return
          known.running = false
          known.open = false
          known.record = { ...known.record, ends: [] }
          setState(known, "Ended")
        }),
      tell: (writer, state, detail) =>
        current(writer, (unit) => {
          if (state === "Ready") unit.starting = false
          setState(unit, state, detail)
        }),
      handling: (writer, handled) =>
        current(writer, (unit) => {
          unit.handling = handled
        }),
      isCurrent: (writer) => Effect.sync(() => isCurrent(writer)),
      records: (writer) => {
        const own = () => recordsOf(writer.owner)
        const guarded = <A>(method: string, body: () => A): Effect.Effect<A, PlatformError.PlatformError> =>
          Effect.suspend(() => {
            if (isCurrent(writer)) return Effect.sync(body)
            writer.onFenced?.(new Ownership.Fenced({ owner: writer.owner }))
            return refused(method, writer.owner)
          })
        return KeyValueStore.makeStringOnly({
          get: (key) => Effect.sync(() => Option.fromNullable(own().get(key))),
          set: (key, value) => guarded("set", () => void own().set(key, value)),
          remove: (key) => guarded("remove", () => void own().delete(key)),
          clear: guarded("clear", () => own().clear()),
          size: Effect.sync(() => own().size)
        })
      },
      status: (seenWithin) =>
        Effect.sync(() =>
          [...units.values()]
            .filter(({ running }) => running)
            .map(({ detail, epoch, quarantinedUntil, runner, since, skipped, state, unit }) => ({
              ...unit,
              state,
              detail,
              runner,
              epoch,
              skipped,
              since,
              isLive: runner !== undefined && now() - (runners.get(runner) ?? 0) < Duration.toMillis(seenWithin),
              quarantinedUntil: quarantinedUntil > now() ? quarantinedUntil : undefined
            }))
        ),
      seen: (runner) => Effect.map(Clock.currentTimeMillis, (at) => void runners.set(runner, at)),
      stopped: Effect.sync(() => new Set(stoppedApps)),
      setStopped: (app, isStopped) =>
        Effect.sync(() => void (isStopped ? stoppedApps.add(app) : stoppedApps.delete(app))),
      once: (app, key) =>
        Effect.sync(() => {
          const name = JSON.stringify([app, key])
          const isFirst = !asked.has(name)
          if (isFirst) asked.set(name, now())
          return isFirst
        }),
      identifyLimiter: sharedLimiter(limiters)
    })
  })

/** When each bucket of a bot is free again. */
type Limiter = Map<number, { holder: object | undefined; openAt: number }>

const sharedLimiter = (limiters: Map<string, Limiter>): ClusterStoreShape["identifyLimiter"] =>
  Effect.gen(function* () {
    const { appId } = yield* BotConfig.BotConfig
    const metadata = yield* GatewayMetadata.GatewayMetadata
    const buckets: Limiter = limiters.get(appId) ?? new Map()
    limiters.set(appId, buckets)
    const bucketOf = (index: number) => {
      const known = buckets.get(index) ?? { holder: undefined, openAt: Number.NEGATIVE_INFINITY }
      buckets.set(index, known)
      return known
    }
    const spacing = Duration.toMillis(IdentifyLimiter.policy.spacing)
    return {
      acquire: (shard) =>
        Effect.gen(function* () {
          const me = {}
          const take = Effect.gen(function* () {
            for (;;) {
              const { maxConcurrency } = yield* metadata.limits
              const bucket = bucketOf(shard % Math.max(1, maxConcurrency))
              const now = yield* Clock.currentTimeMillis
              if (bucket.holder === undefined && bucket.openAt <= now) {
                bucket.holder = me
                return bucket
              }
              yield* Effect.sleep(Math.max(50, bucket.openAt - now))
            }
          })
          const bucket = yield* Effect.acquireRelease(Effect.interruptible(take), (bucket) =>
            Effect.sync(() => {
              if (bucket.holder === me) bucket.holder = undefined
            })
          )
          return {
            used: Effect.flatMap(Clock.currentTimeMillis, (now) => {
              bucket.openAt = now + spacing
              return metadata.identified
            })
          }
        })
    }
  })

/**
 * A store in memory, for tests: what its runners share ends with the process.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory = (options: Options = {}): Layer.Layer<ClusterStore> =>
  Layer.effect(ClusterStore, makeMemory(options))
