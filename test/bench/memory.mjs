/**
 * What an idle session costs, against bare sockets that are identified: one more shard of a bot, and a whole bot with one
 * handler, its own token, metadata and store. Counted is what the heap and the buffers hold after a collection. Every round
 * opens its share of them; the first round, which is not counted, also brings what is there once for all.
 */
import { Gateway } from "@effect-qq/core"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { once } from "node:events"
import { WebSocket } from "ws"
import { bareSocketOptions, median, options, report, startFeeder } from "./support.mjs"
import { botLayer } from "./bot.mjs"

/** Bytes beyond the socket. */
const target = 60_000

const feeder = await startFeeder()

const immediate = () => new Promise((resolve) => setImmediate(resolve))

/** Bytes in use, once collections find no more to free. */
const inUse = async () => {
  let least = Number.POSITIVE_INFINITY
  for (;;) {
    await immediate()
    globalThis.gc()
    const { external, heapUsed } = process.memoryUsage()
    if (heapUsed + external > least * 0.999) return Math.min(least, heapUsed + external)
    least = heapUsed + external
  }
}

const openBare = async () => {
  const socket = new WebSocket(`ws://127.0.0.1:${feeder.port}/websocket`, bareSocketOptions)
  const ready = new Promise((resolve, reject) => {
    socket.on("error", reject)
    socket.on("message", (data) => {
      const frame = JSON.parse(data.toString())
      if (frame.op === 10) socket.send(JSON.stringify({ op: 2, d: { token: "", intents: 0, shard: [0, 1] } }))
      if (frame.t === "READY") resolve()
    })
  })
  await ready
  return async () => {
    socket.close()
    await once(socket, "close")
  }
}

let bots = 0

/** As a program runs a bot: one fiber that never ends, and all of its layers in it. */
const openBot = (shards = 1) =>
  new Promise((resolve, reject) => {
    const close = () => Effect.runPromise(Fiber.interrupt(fiber))
    const program = Effect.gen(function* () {
      const gateway = yield* Gateway.Gateway
      yield* Effect.forkDaemon(Effect.andThen(gateway.ready, () => resolve(close)))
      return yield* gateway.run(Gateway.on("C2C_MESSAGE_CREATE", () => Effect.void))
    })
    const fiber = Effect.runFork(Effect.provide(program, botLayer(feeder.port, String(1024 + bots++), { shards })))
    fiber.addObserver(reject)
  })

const closes = []

/** Opens `count` more, which stay open; bytes of each. */
const measure = async (open, count) => {
  const before = await inUse()
  for (let opened = 0; opened < count; opened++) closes.push(await open())
  return ((await inUse()) - before) / count
}

const sessions = Math.ceil((options.count ?? 200) / options.rounds)
const measured = { bare: [], bot: [], shard: [] }
for (let round = -1; round < options.rounds; round++) {
  const bare = await measure(openBare, sessions)
  const bot = await measure(openBot, sessions)
  // all of them in one more bot, of which the rest is taken off
  const shard = (await measure(() => openBot(sessions + 1), 1)) - bot
  if (round < 0) continue
  measured.bare.push(bare)
  measured.bot.push(bot)
  measured.shard.push(shard / sessions)
}
await Promise.all(closes.map((close) => close()))
await feeder.stop()

const socket = median(measured.bare)
const shard = median(measured.shard)
const bot = median(measured.bot)
report({
  title: `${sessions * options.rounds} idle sessions in one process`,
  unit: "session",
  memory: [
    { name: "bare ws socket", bytes: socket },
    { name: "one more shard, beyond its socket", bytes: shard - socket, target },
    { name: "a whole bot, beyond its socket", bytes: bot - socket }
  ]
})
