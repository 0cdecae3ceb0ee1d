/**
 * Figures of packages/cluster: `DATABASE_URL=postgres://… node test/bench/cluster.mjs`, after a build. Prints one JSON
 * value a line: saves a second with their latency, and claims of many units.
 */
import { ClusterStore, Database, SqlStore } from "@effect-qq/cluster"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"

const url = Redacted.make(process.env.DATABASE_URL ?? "postgres://postgres@127.0.0.1:5432/postgres")
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`)
const quantile = (values, part) => values.toSorted((a, b) => a - b)[Math.floor(values.length * part)]

const record = (index, round) =>
  JSON.stringify({
    index,
    round,
    settled: Array.from({ length: 36 }, (_, at) => ({ key: `m:c2c:${"x".repeat(80)}${at}`, at }))
  })

const saves = Effect.gen(function* () {
  const store = yield* SqlStore.SqlStore
  const stores = yield* Effect.forEach(
    Array.from({ length: 1000 }, (_, index) => index),
    (index) =>
      Effect.map(store.claim(`bench/${index}`, "bench"), (epoch) =>
        store.keyValueStore({ owner: `bench/${index}`, epoch })
      ),
    { concurrency: 8 }
  )
  const times = []
  const begun = performance.now()
  const cpu = process.cpuUsage()
  yield* Effect.forEach(
    stores,
    (each, index) =>
      Effect.forEach([0, 1, 2, 3, 4], (round) =>
        Effect.gen(function* () {
          yield* Effect.sleep(Math.max(0, begun + round * 1000 + (index % 1000) - performance.now()))
          const at = performance.now()
          yield* each.set("session", record(index, round))
          times.push(performance.now() - at)
        })
      ),
    { concurrency: "unbounded", discard: true }
  )
  const took = performance.now() - begun
  const used = process.cpuUsage(cpu)
  say({
    what: "saves of 4 kB, 1000 owners",
    perSecond: Math.round(times.length / (took / 1000)),
    p50: Math.round(quantile(times, 0.5)),
    p99: Math.round(quantile(times, 0.99)),
    clientCpuPercent: Math.round((used.user + used.system) / 10 / took)
  })
})

const claims = Effect.gen(function* () {
  const store = yield* ClusterStore.ClusterStore
  const units = Array.from({ length: 200 }, (_, index) => ({ app: `bench${index}`, shard: 0 }))
  yield* store.want(units)
  const times = []
  const begun = performance.now()
  yield* Effect.forEach(
    units,
    (unit) =>
      Effect.gen(function* () {
        const at = performance.now()
        yield* store.claim(unit, 1, "bench:1", "bench")
        times.push(performance.now() - at)
      }),
    { concurrency: 32, discard: true }
  )
  say({
    what: "claims of 200 units, 32 at once",
    ms: Math.round(performance.now() - begun),
    p50: quantile(times, 0.5),
    p99: quantile(times, 0.99)
  })
})

const layers = Layer.provideMerge(
  Layer.merge(SqlStore.layer, ClusterStore.layerSql()),
  Database.layer({ url, name: "bench" })
)
await Effect.runPromise(Effect.scoped(Effect.provide(Effect.zipRight(saves, claims), layers)))
