/**
 * The layers of `@effect/cluster` as bots need them: fail-over within seconds, a lease that ends before the lock does, and a
 * connection of its own for locks.
 *
 * @since 0.1.0
 */
import { NodeHttp, NodeProxy, NodeWebSocket } from "@effect-qq/node"
import * as MessageStorage from "@effect/cluster/MessageStorage"
import * as RunnerAddress from "@effect/cluster/RunnerAddress"
import * as RunnerHealth from "@effect/cluster/RunnerHealth"
import * as Runners from "@effect/cluster/Runners"
import * as RunnerStorage from "@effect/cluster/RunnerStorage"
import * as Sharding from "@effect/cluster/Sharding"
import * as ShardingConfig from "@effect/cluster/ShardingConfig"
import * as SocketRunner from "@effect/cluster/SocketRunner"
import * as SqlMessageStorage from "@effect/cluster/SqlMessageStorage"
import * as SqlRunnerStorage from "@effect/cluster/SqlRunnerStorage"
import * as Reactivity from "@effect/experimental/Reactivity"
import * as NodeClusterSocket from "@effect/platform-node/NodeClusterSocket"
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as Socket from "@effect/platform/Socket"
import type * as SocketServer from "@effect/platform/SocketServer"
import * as RpcSerialization from "@effect/rpc/RpcSerialization"
import * as SqlClient from "@effect/sql/SqlClient"
import type * as ConfigError from "effect/ConfigError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as ClusterStore from "./ClusterStore.ts"
import * as Database from "./Database.ts"
import * as LogOutputs from "./internal/LogOutputs.ts"
import * as Neighbour from "./internal/Neighbour.ts"
import * as RetriedResets from "./internal/RetriedResets.ts"
import * as Leases from "./Leases.ts"

/**
 * How fast a cluster notices things, and what that costs. The defaults are for fail-over within some twelve seconds.
 *
 * @since 0.1.0
 * @category models
 */
export interface ClusterPolicy {
  /** When the lock of a runner expires that no longer renews it; it renews three times as often. Default 12 s. */
  readonly lockExpiration: Duration.Duration
  /** How often runners look whether the others are alive. Default 3 s. */
  readonly healthCheckEvery: Duration.Duration
  /** How often messages are polled that no notification brought. Default 2 s. */
  readonly pollEvery: Duration.Duration
  /** How often runners look who there is. Default 1 s. */
  readonly assignmentsEvery: Duration.Duration
  /** How long an entity may go on when its shard is given up. `Run` never ends by itself, so this only delays. Default 1 s. */
  readonly terminationTimeout: Duration.Duration
  /** The number of cluster shards, the same for all runners. Default 128. */
  readonly shards: number
}

/**
 * The defaults, documented at the fields of {@link ClusterPolicy}.
 *
 * @since 0.1.0
 * @category constants
 */
export const defaults: ClusterPolicy = {
  lockExpiration: Duration.seconds(12),
  healthCheckEvery: Duration.seconds(3),
  pollEvery: Duration.seconds(2),
  assignmentsEvery: Duration.seconds(1),
  terminationTimeout: Duration.seconds(1),
  shards: 128
}

/**
 * What {@link layerPostgres} takes.
 *
 * @since 0.1.0
 * @category models
 */
export interface PostgresOptions extends Database.Options {
  /** The host name or address under which other runners reach this one. */
  readonly host: string
  readonly port: number
  /** Where this runner listens. Default `host`. */
  readonly listenHost?: string | undefined
  /**
   * How shards are locked. `advisory`: by locks of a database session, released at once when a process dies. `table`: by rows
   * that expire; the only way behind pgbouncer in its transaction mode. Default `advisory`.
   */
  readonly locks?: "advisory" | "table" | undefined
  readonly policy?: Partial<ClusterPolicy> | undefined
  readonly lease?: Partial<Leases.LeasePolicy> | undefined
  readonly store?: ClusterStore.Options | undefined
  /** The URL of an HTTP proxy for the platform. Default: what `HTTPS_PROXY` and `HTTP_PROXY` name. */
  readonly proxy?: string | Redacted.Redacted | undefined
}

/**
 * What a runtime gives to the bots of a cluster.
 *
 * @since 0.1.0
 * @category models
 */
export type Runtime =
  | ClusterStore.ClusterStore
  | HttpClient.HttpClient
  | Leases.Leases
  | Sharding.Sharding
  | Socket.WebSocketConstructor

const configOf = (policy: ClusterPolicy): Partial<ShardingConfig.ShardingConfig["Type"]> => ({
  shardsPerGroup: policy.shards,
  shardLockExpiration: policy.lockExpiration,
  shardLockRefreshInterval: Duration.times(policy.lockExpiration, 1 / 3),
  runnerHealthCheckInterval: policy.healthCheckEvery,
  entityMessagePollInterval: policy.pollEvery,
  refreshAssignmentsInterval: policy.assignmentsEvery,
  entityTerminationTimeout: policy.terminationTimeout
})

/** How often storage is built again where the database went away meanwhile. */
const untilCreated = Schedule.spaced("500 millis")

/**
 * Storage of `@effect/cluster`, whose tables are created by whichever runner builds it first. It does so without a lock, and
 * of two runners that start together one would fail: it is built under that of this package's migrations.
 */
const created = <A, E, R>(storage: Layer.Layer<A, E, R>): Layer.Layer<A, never, R | SqlClient.SqlClient> =>
  Layer.scopedContext(
    Effect.flatMap(Effect.all([SqlClient.SqlClient, Effect.scope]), ([sql, scope]) =>
      Database.whileMigrating(sql)(Layer.buildWithScope(storage, scope))
    )
  ).pipe(Layer.retry(untilCreated), Layer.orDie)

/** Locks on connections of their own: one that was lost without a word is ended by the database, and its locks with it. */
const lockStorage = (options: PostgresOptions, policy: ClusterPolicy) =>
  SqlRunnerStorage.layer.pipe(
    created,
    Layer.provide(
      Layer.scoped(
        SqlClient.SqlClient,
        Database.connect({
          ...options,
          maxConnections: 3,
          maximumSilence: policy.lockExpiration,
          purpose: "locks",
          settings:
            options.locks === "table"
              ? undefined
              : { idle_session_timeout: String(Math.ceil(Duration.toMillis(policy.lockExpiration))) }
        })
      )
    ),
    Layer.provide(Reactivity.layer)
  )

/**
 * A runner of a cluster on PostgreSQL. Waits until the database can be reached; fails with `DatabaseRejected` where it must
 * not be used.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerPostgres = (
  options: PostgresOptions
): Layer.Layer<
  Runtime | SqlClient.SqlClient,
  Database.DatabaseRejected | SocketServer.SocketServerError | ConfigError.ConfigError
> => {
  const policy = { ...defaults, ...options.policy }
  const { host, listenHost, port } = options
  const config = ShardingConfig.layer({
    ...configOf(policy),
    runnerAddress: Option.some(RunnerAddress.make(host, port)),
    runnerListenAddress: Option.fromNullable(listenHost).pipe(Option.map((listen) => RunnerAddress.make(listen, port))),
    shardLockDisableAdvisory: options.locks === "table"
  })
  const health = RunnerHealth.layerPing.pipe(
    Layer.provide(Runners.layerRpc),
    Layer.provide(NodeClusterSocket.layerClientProtocol)
  )
  const sharding = Layer.merge(SocketRunner.layer, Neighbour.layer).pipe(
    Layer.provide([NodeClusterSocket.layerSocketServer, NodeClusterSocket.layerClientProtocol]),
    Layer.provide(health),
    Layer.provide(Layer.provide(RetriedResets.layer, created(SqlMessageStorage.layer))),
    Layer.provideMerge(Leases.layer(options.lease)),
    Layer.provide(lockStorage(options, policy)),
    Layer.provide(RpcSerialization.layerMsgPack),
    Layer.provide(config)
  )
  const sockets = Layer.unwrapEffect(Effect.map(NodeProxy.find(options.proxy), NodeWebSocket.layerProxied))
  return Layer.mergeAll(
    sharding,
    ClusterStore.layerSql(options.store),
    NodeHttp.layer({ proxy: options.proxy }),
    sockets
  ).pipe(Layer.provideMerge(Database.layer(options)), Layer.provide(LogOutputs.layer))
}

/**
 * A cluster of one runner in memory, for tests under virtual time: `TestPlatform` gives it the platform. Its
 * `terminationTimeout` is zero unless `policy` says otherwise: no time passes while a test ends.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerTest = (options?: {
  readonly policy?: Partial<ClusterPolicy> | undefined
  readonly lease?: Partial<Leases.LeasePolicy> | undefined
  readonly store?: ClusterStore.Options | undefined
}): Layer.Layer<ClusterStore.ClusterStore | Leases.Leases | Sharding.Sharding> =>
  Layer.merge(
    Sharding.layer.pipe(
      Layer.provide(Runners.layerNoop),
      Layer.provide(MessageStorage.layerMemory),
      Layer.provide(RunnerHealth.layerNoop),
      // each look costs a virtual clock real time
      Layer.provideMerge(Leases.layer({ lookEvery: Duration.seconds(1), ...options?.lease })),
      Layer.provide(RunnerStorage.layerMemory),
      Layer.provide(
        ShardingConfig.layer(configOf({ ...defaults, terminationTimeout: Duration.zero, ...options?.policy }))
      )
    ),
    ClusterStore.layerMemory(options?.store)
  )
