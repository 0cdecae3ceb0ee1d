/**
 * What an idle session costs: whole bots with one handler each, each with its own token, metadata and store, against bare
 * sockets that are identified. Counted is what the heap and the buffers hold after a collection, without what the first
 * few sessions bring for all.
 */
import { Gateway } from "@effect-qq/core"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { once } from "node:events"
import { WebSocket } from "ws"
import { bareSocketOptions, botLayer, median, options, report, startFeeder } from "./support.mjs"

const sessions = options.count ?? 200
const first = 20
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
const openBot = () =>
  new Promise((resolve, reject) => {
    const close = () => Effect.runPromise(Fiber.interrupt(fiber))
    const program = Effect.gen(function* () {
      const gateway = yield* Gateway.Gateway
      yield* Effect.forkDaemon(Effect.andThen(gateway.ready, () => resolve(close)))
      return yield* gateway.run(Gateway.on("C2C_MESSAGE_CREATE", () => Effect.void))
    })
    const fiber = Effect.runFork(Effect.provide(program, botLayer(feeder.port, String(1024 + bots++))))
    fiber.addObserver(reject)
  })

/** Opens a few, looks, opens the rest, looks again, and closes them all. Bytes of one session. */
const measure = async (open) => {
  const closes = []
  const openMany = async (count) => {
    for (let opened = 0; opened < count; opened++) closes.push(await open())
  }
  await openMany(first)
  const before = await inUse()
  await openMany(sessions)
  const after = await inUse()
  await Promise.all(closes.map((close) => close()))
  return (after - before) / sessions
}

const bare = []
const library = []
for (let round = 0; round < options.rounds; round++) {
  if (options.profile === undefined) bare.push(await measure(openBare))
  library.push(await measure(openBot))
}
await feeder.stop()

const socket = options.profile === undefined ? median(bare) : 0
const session = median(library)
report({
  title: `${sessions} idle sessions in one process`,
  unit: "session",
  memory: [
    { name: "bare ws socket", bytes: socket },
    { name: "session, its socket included", bytes: session },
    { name: "beyond the socket", bytes: session - socket, target }
  ]
})
