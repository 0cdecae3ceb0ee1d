/**
 * Figures of packages/cluster: `DATABASE_URL=postgres://… node test/bench/cluster.mjs [stage…]`, after a build. The user must
 * be allowed to create databases: each stage has one of its own. Prints one JSON value a line. Stages:
 *
 * `--count=200` starts another number of bots in `start`; `--profile=DIRECTORY` leaves processor profiles there.
 *
 * - `saves`, `claims`: the store alone, in this process.
 * - `start`: 1 000 bots in one runner, until all are Ready; the most calls in any one second; memory of an owned bot.
 * - `failover`: 200 bots on three runners, of which one is killed, once each; from the kill until the bot has resumed.
 *   `failover-table`: with table locks, as behind pgbouncer.
 * - `events`: 200 bots on three runners; from a message's frame to the reply, and to the commit of the session whose
 *   watermark covers it, after which no crash repeats it.
 */
import { ClusterStore, Database, SqlStore } from "@effect-qq/cluster"
import * as Reactivity from "@effect/experimental/Reactivity"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { fork } from "node:child_process"
import { once } from "node:events"
import * as net from "node:net"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { count: { type: "string" }, profile: { type: "string" } }
})
const profiling = values.profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${values.profile}`]
const server = process.env.DATABASE_URL ?? "postgres://postgres@127.0.0.1:5432/postgres"
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

/** A database that has just been created, by its URL. */
const database = (name) =>
  Effect.gen(function* () {
    const sql = yield* PgClient.make({ url: Redacted.make(server), maxConnections: 1 })
    const created = `effect_qq_bench_${name.replaceAll("-", "_")}`
    yield* sql.unsafe(`DROP DATABASE IF EXISTS ${created} WITH (FORCE)`)
    yield* sql.unsafe(`CREATE DATABASE ${created}`)
    const url = new URL(server)
    url.pathname = `/${created}`
    return url.href
  }).pipe(Effect.scoped, Effect.provide(Reactivity.layer), Effect.runPromise)

const inStore = (effect) => async (url) => {
  const layers = Layer.provideMerge(
    Layer.merge(SqlStore.layer, ClusterStore.layerSql()),
    Database.layer({ url: Redacted.make(url), name: "bench" })
  )
  await Effect.runPromise(Effect.scoped(Effect.provide(effect, layers)))
}

const freePort = async () => {
  const socket = net.createServer().listen(0, "127.0.0.1")
  await once(socket, "listening")
  const { port } = socket.address()
  socket.close()
  await once(socket, "close")
  return port
}

const child = (file, argument) => {
  const started = fork(fileURLToPath(new URL(file, import.meta.url)), argument === undefined ? [] : [argument], {
    execArgv: ["--expose-gc", ...profiling]
  })
  const listeners = new Set()
  started.on("message", (line) => listeners.forEach((listener) => listener(line)))
  return {
    kill: (signal) => started.kill(signal),
    ask: (question) => started.send(question),
    on: (listener) => listeners.add(listener),
    next: (what) =>
      new Promise((resolve) => {
        const listener = (line) => {
          if (line.what !== what) return
          listeners.delete(listener)
          resolve(line)
        }
        listeners.add(listener)
      }),
    end: async (signal) => {
      if (started.exitCode !== null || started.signalCode !== null) return
      const gone = once(started, "exit")
      started.kill(signal)
      await gone
    }
  }
}

const startPlatform = async () => {
  const platform = child("clusterPlatform.mjs")
  const { port } = await platform.next("listening")
  const ready = new Map()
  platform.on((line) => line.what === "ready" && ready.set(line.app, line))
  return {
    ...platform,
    port,
    /** By app id: how and when its last session began. */
    ready,
    untilReady: async (apps, since) => {
      for (;;) {
        if (apps.every((app) => (ready.get(app)?.at ?? 0) >= since)) return
        await sleep(20)
      }
    },
    calls: async () => {
      const answer = platform.next("calls")
      platform.ask({ ask: "calls" })
      return (await answer).calls
    }
  }
}

const startRunner = async (settings) => {
  const port = await freePort()
  const runner = child("clusterRunner.mjs", JSON.stringify({ ...settings, port }))
  await runner.next("started")
  return { ...runner, address: `127.0.0.1:${port}` }
}

const appsOf = (count) => Array.from({ length: count }, (_, index) => String(1_920_000_000 + index))

/** The most of these moments in any one second. */
const mostInOneSecond = (moments) => {
  const sorted = moments.toSorted((a, b) => a - b)
  let most = 0
  for (let from = 0, to = 0; to < sorted.length; to++) {
    while (sorted[to] - sorted[from] >= 1000) from++
    most = Math.max(most, to - from + 1)
  }
  return most
}

const memoryOf = async (runner) => {
  const answer = runner.next("memory")
  runner.ask({ ask: "memory" })
  return answer
}

/** Microseconds of processor that a runner has used. */
const processorOf = async (runner) => {
  const answer = runner.next("processor")
  runner.ask({ ask: "processor" })
  const { system, user } = (await answer).cpu
  return system + user
}

const start = async (url) => {
  const count = Number(values.count ?? 1000)
  const platform = await startPlatform()
  const empty = await startRunner({ url, platform: platform.port, bots: 0 })
  const before = await memoryOf(empty)
  await empty.end("SIGTERM")
  const begun = Date.now()
  const runner = await startRunner({ url, platform: platform.port, bots: count })
  const built = Date.now()
  await platform.untilReady(appsOf(count), begun)
  const { blocked, cpu } = await memoryOf(runner)
  const moments = [...platform.ready.values()].map(({ at }) => at - begun)
  const calls = await platform.calls()
  await sleep(3000)
  const after = await memoryOf(runner)
  const rested = await processorOf(runner)
  await sleep(10_000)
  const idle = (await processorOf(runner)) - rested
  say({
    what: `start of ${count} bots in one process, from the start of the process`,
    processStartedSeconds: (built - begun) / 1000,
    firstReadySeconds: Math.min(...moments) / 1000,
    halfReadySeconds: quantile(moments, 0.5) / 1000,
    allReadySeconds: Math.max(...moments) / 1000,
    cpuSeconds: Math.round((cpu.user + cpu.system) / 1e5) / 10,
    eventLoopDelayMilliseconds: blocked,
    mostCallsInOneSecond: Object.fromEntries(
      Object.entries(calls).map(([kind, moments]) => [kind, mostInOneSecond(moments)])
    ),
    calls: Object.fromEntries(Object.entries(calls).map(([kind, moments]) => [kind, moments.length])),
    ownedBotKilobytes: Math.round((after.bytes - before.bytes) / count / 1000),
    residentMegabytes: Math.round(after.rss / 1e6),
    idleCpuPercent: Math.round(idle / 1e4) / 10
  })
  await runner.end(values.profile === undefined ? "SIGKILL" : "SIGTERM")
  await platform.end("SIGTERM")
}

/** Which bots a runner has, as the database says. */
const owned = (url, address) =>
  Effect.gen(function* () {
    const sql = yield* PgClient.make({ url: Redacted.make(url), maxConnections: 1 })
    return yield* sql`SELECT app FROM effect_qq_units WHERE holder = ${address} AND state = 'Ready'`
  }).pipe(Effect.scoped, Effect.provide(Reactivity.layer), Effect.runPromise, (rows) =>
    rows.then((found) => found.map(({ app }) => app))
  )

/** 200 bots on three runners, once each has its share and no bot moves. */
const three = async (settings, platform, count) => {
  const begun = Date.now()
  const runners = await Promise.all([1, 2, 3].map(() => startRunner(settings)))
  await platform.untilReady(appsOf(count), begun)
  const took = Date.now() - begun
  await settled(settings.url, runners, count)
  return { runners, took }
}

const settled = async (url, runners, count) => {
  for (let before = ""; ; await sleep(2500)) {
    const shares = await Promise.all(runners.map(({ address }) => owned(url, address)))
    const now = JSON.stringify(shares)
    if (now === before && shares.flat().length === count && shares.every((share) => share.length > 0)) return
    before = now
  }
}

const failover = (locks) => async (url) => {
  const count = 200
  const platform = await startPlatform()
  const settings = { url, platform: platform.port, bots: count, locks }
  const { runners, took } = await three(settings, platform, count)
  const all = []
  for (let round = 0; round < 3; round++) {
    const victim = runners.shift()
    const lost = await owned(url, victim.address)
    platform.ask({ ask: "forget" })
    const killed = Date.now()
    await victim.end("SIGKILL")
    await platform.untilReady(lost, killed)
    const waits = lost.map((app) => platform.ready.get(app).at - killed)
    const { identify } = await platform.calls()
    all.push(...waits)
    say({
      what: `kill -9 of a runner with ${lost.length} of ${count} bots, ${locks} locks`,
      p50: quantile(waits, 0.5),
      p99: quantile(waits, 0.99),
      max: Math.max(...waits),
      identifies: identify.length,
      killedAt: new Date(killed).toISOString()
    })
    runners.push(await startRunner(settings))
    await settled(url, runners, count)
  }
  say({
    what: `fail-over of ${all.length} bots in three rounds, ${locks} locks, milliseconds from the kill until resumed`,
    p50: quantile(all, 0.5),
    p99: quantile(all, 0.99),
    readySecondsOfThreeRunners: took / 1000
  })
  await Promise.all(runners.map((runner) => runner.end("SIGKILL")))
  await platform.end("SIGTERM")
}

const events = async (url) => {
  const count = 200
  const perSecond = 50
  const platform = await startPlatform()
  const { runners } = await three({ url, platform: platform.port, bots: count, locks: "advisory" }, platform, count)
  const said = new Map()
  const replies = []
  const durable = []
  platform.on((line) => {
    if (line.what === "said") said.set(line.id, line)
    if (line.what === "reply") replies.push(line.at - said.get(line.id).at)
  })
  const apps = appsOf(count)
  const messages = perSecond * 20
  await Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const sql = yield* PgClient.make({ url: Redacted.make(url), maxConnections: 2 })
        // a notification is delivered once its transaction is committed
        yield* sql.unsafe(`CREATE FUNCTION bench_saved() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          PERFORM pg_notify('bench', NEW.owner || ' ' || coalesce(substring(NEW.value from '"sequence":(\\d+),"startedAt"'), ''));
          RETURN NEW; END $$`)
        yield* sql.unsafe(`CREATE TRIGGER bench_saved AFTER INSERT OR UPDATE ON effect_qq_records
          FOR EACH ROW WHEN (NEW.key LIKE 'session%') EXECUTE FUNCTION bench_saved()`)
        const open = new Map()
        const saved = (line) => {
          const [owner, seq] = line.split(" ")
          const app = owner.split("/")[0]
          for (const [id, { app: of, at, seq: its }] of open) {
            if (of !== app || seq === "" || its > Number(seq)) continue
            open.delete(id)
            durable.push(Date.now() - at)
          }
        }
        platform.on((line) => line.what === "said" && open.set(line.id, line))
        yield* Effect.forkScoped(Stream.runForEach(sql.listen("bench"), (line) => Effect.sync(() => saved(line))))
        yield* Effect.promise(async () => {
          await sleep(500)
          for (let index = 0; index < messages; index++) {
            platform.ask({ ask: "say", app: apps[index % count] })
            await sleep(1000 / perSecond)
          }
          while (durable.length < said.size || replies.length < said.size) await sleep(20)
        })
      })
    ).pipe(Effect.provide(Reactivity.layer))
  )
  say({
    what: `${messages} messages to ${count} bots on three runners, ${perSecond} a second; milliseconds from the frame`,
    untilReply: { p50: quantile(replies, 0.5), p99: quantile(replies, 0.99) },
    untilSettledAndCommitted: { p50: quantile(durable, 0.5), p99: quantile(durable, 0.99) }
  })
  await Promise.all(runners.map((runner) => runner.end("SIGKILL")))
  await platform.end("SIGTERM")
}

const stages = {
  saves: inStore(saves),
  claims: inStore(claims),
  start,
  failover: failover("advisory"),
  "failover-table": failover("table"),
  events
}

const wanted = positionals
for (const name of wanted.length > 0 ? wanted : Object.keys(stages)) {
  if (stages[name] === undefined) throw new Error(`no such stage: ${name}; there are ${Object.keys(stages).join(", ")}`)
  await stages[name](await database(name))
}
