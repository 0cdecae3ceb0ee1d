/**
 * The store of a cluster in one process, with the semantics of the one in PostgreSQL.
 *
 * @since 0.1.0
 */
import { BotConfig, GatewayMetadata, IdentifyLimiter, Ownership } from "@effect-qq/core"
import * as PlatformError from "@effect/platform/Error"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Quarantine from "../Quarantine.ts"
import type * as SqlStore from "../SqlStore.ts"
import { type Claimed, idOf, type Unit, type UnitStatus } from "../Unit.ts"
import * as Skipped from "./Skipped.ts"

/** A unit as it is. */
class MemoryUnit {
  generation = 1
  running = true
  /** Whether it was taken up and not given back. */
  open = false
  starting = false
  record: Quarantine.Record = { ends: [], strikes: 0, quarantinedAt: undefined }
  handling: ReadonlyArray<Quarantine.Handled> = []
  quarantinedUntil = Number.NEGATIVE_INFINITY
  epoch = 0
  runner: string | undefined
  instance: string | undefined
  state = "Waiting"
  detail: string | undefined
  skipped: string | undefined
  since: number
  readonly unit: Unit

  constructor(unit: Unit, now: number) {
    this.unit = unit
    this.since = now
  }

  become(state: string, now: number, detail?: string): void {
    this.state = state
    this.detail = detail
    this.since = now
  }
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
 * A store in memory.
 *
 * @since 0.1.0
 * @category models
 */
export class MemoryStore {
  readonly #policy: Quarantine.QuarantinePolicy
  readonly #clock: Clock.Clock
  readonly #units = new Map<string, MemoryUnit>()
  readonly #records = new Map<string, Map<string, string>>()
  readonly #stopped = new Set<string>()
  readonly #asked = new Set<string>()
  readonly #runners = new Map<string, number>()
  readonly #limiters = new Map<string, Limiter>()

  constructor(policy: Quarantine.QuarantinePolicy, clock: Clock.Clock) {
    this.#policy = policy
    this.#clock = clock
  }

  #now(): number {
    return this.#clock.unsafeCurrentTimeMillis()
  }

  #recordsOf(owner: string): Map<string, string> {
    const known = this.#records.get(owner) ?? new Map<string, string>()
    this.#records.set(owner, known)
    return known
  }

  /** Changes a unit where no later epoch has begun. */
  #change(writer: SqlStore.Writer, body: (unit: MemoryUnit) => void): Effect.Effect<void> {
    return Effect.sync(() => {
      const unit = this.#units.get(writer.owner)
      if (unit !== undefined && unit.epoch === writer.epoch) body(unit)
    })
  }

  readonly want = (wanted: ReadonlyArray<Unit>): Effect.Effect<ReadonlyMap<string, number>> =>
    Effect.sync(() => {
      const generations = new Map<string, number>()
      for (const unit of wanted) {
        const known = this.#units.get(idOf(unit)) ?? new MemoryUnit(unit, this.#now())
        this.#units.set(idOf(unit), known)
        if (!known.running) {
          known.generation++
          known.running = true
          known.become("Waiting", this.#now())
        }
        generations.set(idOf(unit), known.generation)
      }
      return generations
    })

  readonly claim = (unit: Unit, generation: number, runner: string, instance: string): Effect.Effect<Claimed> =>
    Effect.sync(() => {
      const known = this.#units.get(idOf(unit))
      if (known === undefined || !known.running || known.generation !== generation) return { _tag: "Superseded" }
      const at = this.#now()
      if (known.quarantinedUntil > at) {
        return { _tag: "Quarantined", wait: Duration.millis(known.quarantinedUntil - at), skipped: undefined }
      }
      const { handling, starting } = known
      const open = known.open && known.instance !== instance
      const record = open ? Quarantine.withEnd(this.#policy, known.record, { at, starting, handling }) : known.record
      const verdict = Quarantine.decide(this.#policy, record, at)
      known.handling = []
      known.runner = runner
      known.instance = instance
      if (verdict._tag === "Quarantined") {
        known.record = Quarantine.quarantined(this.#policy, record, at)
        known.open = false
        known.quarantinedUntil = at + Duration.toMillis(verdict.for)
        known.skipped = verdict.skip.map(({ key }) => key).join(", ")
        const own = this.#recordsOf(idOf(unit))
        for (const [key, value] of own) {
          const changed = Skipped.withSkipped(key, value, unit, verdict.skip, at)
          if (changed !== undefined) own.set(key, changed)
        }
        known.become("Quarantined", at)
        return { _tag: "Quarantined", wait: verdict.for, skipped: verdict.skip }
      }
      known.record = record
      known.open = true
      known.starting = true
      known.epoch++
      known.become("Connecting", at)
      return { _tag: "Claimed", epoch: known.epoch, isSuspect: verdict._tag === "Suspect", isFailover: open, now: at }
    })

  readonly released = (writer: SqlStore.Writer): Effect.Effect<void> =>
    this.#change(writer, (unit) => {
      unit.open = false
      unit.handling = []
      if (unit.state !== "Stopped") unit.become("Waiting", this.#now())
    })

  readonly finished = (unit: Unit, generation: number): Effect.Effect<void> =>
    Effect.sync(() => {
      const known = this.#units.get(idOf(unit))
      if (known === undefined || known.generation !== generation) return
      known.running = false
      known.open = false
      known.record = { ...known.record, ends: [] }
      known.become("Ended", this.#now())
    })

  readonly tell = (writer: SqlStore.Writer, state: string, detail: string | undefined): Effect.Effect<void> =>
    this.#change(writer, (unit) => {
      if (state === "Ready") unit.starting = false
      unit.become(state, this.#now(), detail)
    })

  readonly handling = (writer: SqlStore.Writer, handled: ReadonlyArray<Quarantine.Handled>): Effect.Effect<void> =>
    this.#change(writer, (unit) => {
      unit.handling = handled
    })

  readonly isCurrent = ({ epoch, owner }: SqlStore.Writer): Effect.Effect<boolean> =>
    Effect.sync(() => this.#units.get(owner)?.epoch === epoch)

  readonly records = (writer: SqlStore.Writer): KeyValueStore.KeyValueStore => {
    const { owner } = writer
    const own = (): Map<string, string> => this.#recordsOf(owner)
    const guarded = (method: string, body: () => void): Effect.Effect<void, PlatformError.PlatformError> =>
      Effect.flatMap(this.isCurrent(writer), (current) => {
        if (current) return Effect.sync(body)
        writer.onFenced?.(new Ownership.Fenced({ owner }))
        return refused(method, owner)
      })
    return KeyValueStore.makeStringOnly({
      get: (key) => Effect.sync(() => Option.fromNullable(own().get(key))),
      set: (key, value) => guarded("set", () => void own().set(key, value)),
      remove: (key) => guarded("remove", () => void own().delete(key)),
      clear: guarded("clear", () => own().clear()),
      size: Effect.sync(() => own().size)
    })
  }

  readonly status = (seenWithin: Duration.Duration): Effect.Effect<ReadonlyArray<UnitStatus>> =>
    Effect.sync(() => {
      const now = this.#now()
      const isLive = (runner: string | undefined): boolean =>
        runner !== undefined && now - (this.#runners.get(runner) ?? 0) < Duration.toMillis(seenWithin)
      return [...this.#units.values()]
        .filter(({ running }) => running)
        .map(({ detail, epoch, quarantinedUntil, runner, since, skipped, state, unit }) => ({
          ...unit,
          state,
          detail,
          runner,
          epoch,
          skipped,
          since,
          isLive: isLive(runner),
          quarantinedUntil: quarantinedUntil > now ? quarantinedUntil : undefined
        }))
    })

  readonly seen = (runner: string): Effect.Effect<void> =>
    Effect.sync(() => void this.#runners.set(runner, this.#now()))

  readonly stopped: Effect.Effect<ReadonlySet<string>> = Effect.sync(() => new Set(this.#stopped))

  readonly setStopped = (app: string, isStopped: boolean): Effect.Effect<void> =>
    Effect.sync(() => void (isStopped ? this.#stopped.add(app) : this.#stopped.delete(app)))

  readonly once = (app: string, key: string): Effect.Effect<boolean> =>
    Effect.sync(() => {
      const name = JSON.stringify([app, key])
      const isFirst = !this.#asked.has(name)
      this.#asked.add(name)
      return isFirst
    })

  readonly identifyLimiter = Effect.suspend(() => sharedLimiter(this.#limiters))
}

/** When each bucket of a bot is free again. */
type Limiter = Map<number, { holder: object | undefined; openAt: number }>

const sharedLimiter = (
  limiters: Map<string, Limiter>
): Effect.Effect<IdentifyLimiter.IdentifyLimiterShape, never, BotConfig.BotConfig | GatewayMetadata.GatewayMetadata> =>
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
