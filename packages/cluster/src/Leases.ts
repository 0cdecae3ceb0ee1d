/**
 * How long this process may still act for what it owns. A runner holds locks on cluster shards in the database, and renews
 * them; its lease of a shard begins when the last renewal that named the shard *began*, and ends well before the lock does.
 * A process that was suspended, or cut off from the database, thus knows by its own clocks that it owns nothing any more.
 *
 * @since 0.1.0
 */
import * as RunnerStorage from "@effect/cluster/RunnerStorage"
import * as ShardingConfig from "@effect/cluster/ShardingConfig"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as ClusterMetrics from "./ClusterMetrics.ts"

/**
 * Numbers of the lease.
 *
 * @since 0.1.0
 * @category models
 */
export interface LeasePolicy {
  /** The part of the lock's expiration for which a lease lasts. Default 0.8. */
  readonly share: number
  /** How often expired leases are looked for; each frame and each send look too. Default 100 ms. */
  readonly lookEvery: Duration.Duration
}

/**
 * The defaults, documented at the fields of {@link LeasePolicy}.
 *
 * @since 0.1.0
 * @category constants
 */
export const defaults: LeasePolicy = { share: 0.8, lookEvery: Duration.millis(100) }

/**
 * What the service does. Shards are named as `ShardId.toString` does.
 *
 * @since 0.1.0
 * @category models
 */
export interface LeasesShape {
  /** How long a lease lasts from the beginning of a renewal. */
  readonly duration: Duration.Duration
  /** Milliseconds since the last renewal began, by the clock that says longer; `Infinity` where there is no lease. */
  readonly age: (shard: string) => number
  /** Whether the lease has not expired. */
  readonly isHeld: (shard: string) => boolean
  /** Whether the lease is so young that ownership may be claimed on it: less than half of its duration. */
  readonly isFresh: (shard: string) => boolean
  /** Notes that these shards were acquired or renewed by a request that began at this moment. */
  readonly renewed: (at: Moment, shards: Iterable<string>, runner: string) => void
  /** Notes that a shard was given back. */
  readonly released: (shard: string) => void
  /** This moment. */
  readonly now: () => Moment
  /** Calls a function every `lookEvery`, until the scope closes. */
  readonly watch: (look: () => void) => Effect.Effect<void, never, Scope.Scope>
  /** The shards with a lease that has not expired. */
  readonly held: () => ReadonlyArray<string>
  /** The address under which this runner holds its locks, once it has asked for some. */
  readonly runner: () => string | undefined
}

/**
 * A moment by both clocks: the monotonic one, which setting the time does not move, and the wall clock, which goes on while
 * a machine sleeps. Milliseconds.
 *
 * @since 0.1.0
 * @category models
 */
export interface Moment {
  readonly monotonic: number
  readonly wall: number
}

/**
 * Milliseconds between two moments, by the clock that says longer.
 *
 * @since 0.1.0
 * @category lookups
 */
export const elapsed = (since: Moment, now: Moment): number =>
  Math.max(now.monotonic - since.monotonic, now.wall - since.wall)

/**
 * The leases of one process.
 *
 * @since 0.1.0
 * @category tags
 */
export class Leases extends Context.Tag("@effect-qq/cluster/Leases")<Leases, LeasesShape>() {}

/**
 * Leases on locks that expire after `expiration`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  expiration: Duration.DurationInput,
  policy: Partial<LeasePolicy> = {}
): Effect.Effect<LeasesShape, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { lookEvery, share } = { ...defaults, ...policy }
    const clock = yield* Effect.clock
    const duration = Duration.times(expiration, share)
    const lasts = Duration.toMillis(duration)
    const renewals = new Map<string, Moment>()
    const watchers = new Set<() => void>()
    let runner: string | undefined

    const now = (): Moment => ({
      monotonic: Number(clock.unsafeCurrentTimeNanos()) / 1e6,
      wall: clock.unsafeCurrentTimeMillis()
    })
    const age = (shard: string): number => {
      const since = renewals.get(shard)
      return since === undefined ? Number.POSITIVE_INFINITY : elapsed(since, now())
    }
    const held = (): ReadonlyArray<string> => [...renewals.keys()].filter((shard) => age(shard) < lasts)

    const look = Effect.sync(() => {
      for (const watcher of watchers) watcher()
      let oldest = 0
      const shards = held()
      for (const shard of shards) oldest = Math.max(oldest, age(shard))
      ClusterMetrics.ownedShards.unsafeUpdate(shards.length, [])
      ClusterMetrics.leaseAge.unsafeUpdate(oldest, [])
    })
    yield* look.pipe(Effect.zipRight(Effect.sleep(lookEvery)), Effect.forever, Effect.forkScoped)

    return {
      duration,
      age,
      isHeld: (shard) => age(shard) < lasts,
      isFresh: (shard) => age(shard) < lasts / 2,
      runner: () => runner,
      renewed: (at, shards, address) => {
        runner = address
        for (const shard of shards) renewals.set(shard, at)
      },
      released: (shard) => {
        renewals.delete(shard)
      },
      now,
      held,
      watch: (look) =>
        Effect.acquireRelease(
          Effect.sync(() => void watchers.add(look)),
          () => Effect.sync(() => void watchers.delete(look))
        )
    }
  })

/** A storage of runners that tells the leases what it has acquired, renewed and given back. */
const decorate = (
  storage: Context.Tag.Service<RunnerStorage.RunnerStorage>,
  leases: LeasesShape
): Context.Tag.Service<RunnerStorage.RunnerStorage> => {
  // a runner that joins takes dozens of shards from this one, and all of them are released on the connection that renews the
  // others: one at a time, so that a renewal waits for one of them and not for all
  const releasing = Effect.unsafeMakeSemaphore(1)
  const noting =
    (request: typeof storage.acquire): typeof storage.acquire =>
    (address, shards) =>
      Effect.suspend(() => {
        const at = leases.now()
        return Effect.tap(request(address, shards), (got) => {
          leases.renewed(
            at,
            got.map((shard) => shard.toString()),
            `${address.host}:${address.port}`
          )
          return Effect.void
        })
      })
  return {
    ...storage,
    acquire: noting(storage.acquire),
    refresh: noting(storage.refresh),
    release: (address, shard) =>
      Effect.suspend(() => {
        leases.released(shard.toString())
        return releasing.withPermits(1)(storage.release(address, shard))
      })
  }
}

/**
 * The leases of one process, and the storage of runners that keeps them.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  policy?: Partial<LeasePolicy>
): Layer.Layer<
  Leases | RunnerStorage.RunnerStorage,
  never,
  RunnerStorage.RunnerStorage | ShardingConfig.ShardingConfig
> =>
  Layer.scopedContext(
    Effect.gen(function* () {
      const storage = yield* RunnerStorage.RunnerStorage
      const { shardLockExpiration } = yield* ShardingConfig.ShardingConfig
      const leases = yield* make(shardLockExpiration, policy)
      return Context.make(Leases, leases).pipe(Context.add(RunnerStorage.RunnerStorage, decorate(storage, leases)))
    })
  )
