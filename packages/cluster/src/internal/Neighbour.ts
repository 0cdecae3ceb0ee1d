/**
 * Each runner watches the one after it, in the order of their addresses. `@effect/cluster` lets one of the runners watch all of
 * them; when that one dies, its death is noticed only when its lock has expired. In a ring somebody watches the watcher.
 *
 * A runner is given up only where it answers no more and has missed a renewal in the database as well: a runner that only
 * this one cannot reach keeps its bots.
 *
 * @since 0.1.0
 */
import * as RunnerHealth from "@effect/cluster/RunnerHealth"
import type * as RunnerAddress from "@effect/cluster/RunnerAddress"
import * as RunnerStorage from "@effect/cluster/RunnerStorage"
import * as ShardingConfig from "@effect/cluster/ShardingConfig"
import * as SqlClient from "@effect/sql/SqlClient"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"

const nameOf = ({ host, port }: RunnerAddress.RunnerAddress): string => `${host}:${port}`

/**
 * The runner after this one in the order of addresses; after the last one comes the first. None where there is no other.
 *
 * @since 0.1.0
 * @category lookups
 */
export const after = (self: string, runners: ReadonlyArray<string>): string | undefined => {
  const others = runners.filter((each) => each !== self).toSorted()
  return others.find((each) => each > self) ?? others[0]
}

/**
 * What {@link watch} takes. What fails is tried again at the next look.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<E> {
  readonly self: string
  /** The runners that count as healthy. */
  readonly healthy: Effect.Effect<ReadonlyArray<string>, E>
  /** Whether a runner answers. */
  readonly isAlive: (runner: string) => Effect.Effect<boolean>
  /** Whether a runner has missed a renewal. */
  readonly isSilent: (runner: string) => Effect.Effect<boolean, E>
  /** Gives a runner up: the others take its bots over. */
  readonly giveUp: (runner: string) => Effect.Effect<void, E>
  /** The pause between two looks at a runner that answers. */
  readonly every: Duration.Duration
}

/** The pause between two looks at a runner that does not answer and has missed no renewal yet. */
const recheck = Duration.millis(500)

/**
 * Watches the runner after this one.
 *
 * @since 0.1.0
 * @category constructors
 */
export const watch = <E>(options: Options<E>): Effect.Effect<never> => {
  /** The pause until the next look. */
  const look = Effect.gen(function* () {
    const runner = after(options.self, yield* options.healthy)
    if (runner === undefined || (yield* options.isAlive(runner))) return options.every
    if (!(yield* options.isSilent(runner))) return recheck
    yield* Effect.logWarning(`the runner ${runner} does not answer; its bots are taken over`)
    yield* options.giveUp(runner)
    return recheck
  })
  return look.pipe(
    Effect.catchAllCause((cause) =>
      Effect.as(Effect.logDebug("the runner after this one could not be watched", cause), options.every)
    ),
    Effect.flatMap(Effect.sleep),
    Effect.forever
  )
}

/**
 * Watches the runner after this one on the database of the cluster.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<
  never,
  never,
  RunnerHealth.RunnerHealth | RunnerStorage.RunnerStorage | ShardingConfig.ShardingConfig | SqlClient.SqlClient
> = Layer.scopedDiscard(
  Effect.gen(function* () {
    const config = yield* ShardingConfig.ShardingConfig
    if (Option.isNone(config.runnerAddress)) return
    const health = yield* RunnerHealth.RunnerHealth
    const storage = yield* RunnerStorage.RunnerStorage
    const sql = (yield* SqlClient.SqlClient).withoutTransforms()
    const addresses = new Map<string, RunnerAddress.RunnerAddress>()
    // it is renewed three times within the expiration
    const silentAfter = Duration.toSeconds(config.shardLockExpiration) / 2
    const watching = watch<unknown>({
      self: nameOf(config.runnerAddress.value),
      every: Duration.decode(config.runnerHealthCheckInterval),
      healthy: Effect.map(storage.getRunners, (runners) => {
        addresses.clear()
        for (const [{ address }, isHealthy] of runners) if (isHealthy) addresses.set(nameOf(address), address)
        return [...addresses.keys()]
      }),
      isAlive: (runner) => {
        const address = addresses.get(runner)
        return address === undefined ? Effect.succeed(true) : health.isAlive(address)
      },
      isSilent: (runner) =>
        Effect.map(
          sql`SELECT 1 FROM cluster_runners WHERE address = ${runner}
            AND last_heartbeat >= NOW() - make_interval(secs => ${silentAfter})`,
          (rows) => rows.length === 0
        ),
      giveUp: (runner) => {
        const address = addresses.get(runner)
        return address === undefined ? Effect.void : storage.setRunnerHealth(address, false)
      }
    })
    yield* Effect.forkScoped(watching)
  })
)
