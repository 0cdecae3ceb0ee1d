/**
 * A health endpoint of a runner, for load balancers and Kubernetes.
 *
 * | path | 200 | 503 |
 * | --- | --- | --- |
 * | `/health/live` | the process answers | |
 * | `/health/ready`, `/health` | the database answers and the leases are held | otherwise |
 *
 * A runner whose database is away is not ready, but it is alive: to restart it would not help.
 *
 * @since 0.1.0
 */
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import type * as HttpServerError from "@effect/platform/HttpServerError"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Sharding from "@effect/cluster/Sharding"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Http from "node:http"
import { ClusterBot } from "./ClusterBot.ts"
import { Leases } from "./Leases.ts"

/**
 * How a runner is.
 *
 * @since 0.1.0
 * @category models
 */
export interface Health {
  readonly isReady: boolean
  /** Units that this runner runs. */
  readonly here: number
  /** Cluster shards on which it holds a lease. */
  readonly shards: number
  /** Milliseconds since the oldest of these leases was renewed; 0 where it holds none. */
  readonly leaseAge: number
  /** Units of the whole cluster by state; `undefined` while the database does not answer. */
  readonly units: Readonly<Record<string, number>> | undefined
}

/**
 * How this runner is.
 *
 * @since 0.1.0
 * @category lookups
 */
export const health: Effect.Effect<Health, never, ClusterBot | Leases | Sharding.Sharding> = Effect.gen(function* () {
  const cluster = yield* ClusterBot
  const leases = yield* Leases
  const sharding = yield* Sharding.Sharding
  const here = (yield* cluster.local).length
  const isShutdown = yield* sharding.isShutdown
  const status = yield* Effect.option(Effect.timeout(cluster.status, "2 seconds"))
  const held = leases.held()
  const units: Record<string, number> = {}
  if (status._tag === "Some") for (const { state } of status.value) units[state] = (units[state] ?? 0) + 1
  return {
    isReady: status._tag === "Some" && !isShutdown,
    here,
    shards: held.length,
    leaseAge: held.reduce((oldest, shard) => Math.max(oldest, Math.round(leases.age(shard))), 0),
    units: status._tag === "Some" ? units : undefined
  }
})

const app = Effect.gen(function* () {
  const request = yield* HttpServerRequest.HttpServerRequest
  const [path] = request.url.split("?")
  if (path === "/health/live") return HttpServerResponse.unsafeJson({ isAlive: true })
  if (path !== "/health" && path !== "/health/ready") return HttpServerResponse.empty({ status: 404 })
  const state = yield* health
  return HttpServerResponse.unsafeJson(state, { status: state.isReady ? 200 : 503 })
})

/**
 * Serves the endpoint on a port, on all addresses unless `host` says which.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: {
  readonly port: number
  readonly host?: string | undefined
}): Layer.Layer<never, HttpServerError.ServeError, ClusterBot | Leases | Sharding.Sharding> =>
  HttpServer.serve(app).pipe(
    Layer.provide(
      NodeHttpServer.layer(() => Http.createServer(), { port: options.port, host: options.host ?? "0.0.0.0" })
    )
  )
