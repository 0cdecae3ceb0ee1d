/**
 * A flood of dispatches through the whole library, from the socket to a handler that does nothing, against a bare `ws`
 * client that calls `JSON.parse`. `dispatch`: of a type without a schema. `decoded`: private messages, decoded. Both are
 * deduplicated, and settled when the clock stops.
 */
import { Gateway } from "@effect-qq/core"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { once } from "node:events"
import { WebSocket } from "ws"
import { bareSocketOptions, botLayer, compare, options, report, startFeeder, stopwatch } from "./support.mjs"

const stages = {
  dispatch: { flavour: "unknown", handled: "Unknown", target: 0.6 },
  decoded: { flavour: "message", handled: "C2C_MESSAGE_CREATE", target: 0.45 }
}

const { flavour, handled, target } = stages[options.stage]
const count = options.count ?? 30_000
const flood = { flavour, count }
const feeder = await startFeeder()
const frameBytes = await feeder.prepare(flood)

const bare = async () => {
  let seen = 0
  let sum = 0
  let stop
  const socket = new WebSocket(`ws://127.0.0.1:${feeder.port}/websocket`, bareSocketOptions)
  const done = new Promise((resolve, reject) => {
    socket.on("error", reject)
    socket.on("message", (data) => {
      const frame = JSON.parse(data.toString())
      if (frame.op === 10) return socket.send(JSON.stringify({ op: 2, d: { token: "", intents: 0, shard: [0, 1] } }))
      if (frame.t === "READY") {
        stop = stopwatch()
        return feeder.flood(flood)
      }
      sum += frame.s
      if (++seen === count) resolve(stop())
    })
  })
  const measured = await done
  if (sum !== (count * (count + 3)) / 2) throw new Error("the bare client missed frames")
  socket.close()
  await once(socket, "close")
  return measured
}

const settled = (gateway) =>
  Effect.flatMap(gateway.health, ({ unsettled }) =>
    unsettled === 0 ? Effect.void : Effect.zipRight(Effect.yieldNow(), settled(gateway))
  )

/** `handle` makes a handler of what has to be called once for each event. */
const library = (handle) =>
  Effect.gen(function* () {
    let seen = 0
    let arrived
    const all = new Promise((resolve) => {
      arrived = resolve
    })
    const tick = () => {
      if (++seen === count) arrived()
    }
    const handlers = Gateway.on(handled, handle(tick))
    const gateway = yield* Gateway.Gateway
    const running = yield* Effect.fork(gateway.run(handlers))
    const measure = Effect.gen(function* () {
      yield* gateway.ready
      const stop = stopwatch()
      feeder.flood(flood)
      yield* Effect.promise(() => all)
      yield* settled(gateway)
      return stop()
    })
    const measured = yield* Effect.raceFirst(measure, Fiber.join(running))
    yield* Fiber.interrupt(running)
    if (seen !== count) throw new Error(`${seen} of ${count} events were handled`)
    return measured
  }).pipe(Effect.provide(botLayer(feeder.port, "1024")), Effect.timeout("30 seconds"))

/** Looks at the event and has nothing to do. */
const noOperation = library((tick) => () => {
  tick()
  return Effect.void
})

/** The least that a handler with something to do can do: an effect, with its context and its scope. */
const oneEffect = library((tick) => () => Effect.sync(tick))

const contenders = [
  { name: "bare ws, JSON.parse", run: bare },
  {
    name: `${options.stage} to a no-op handler, settled`,
    run: () => Effect.runPromise(noOperation),
    target
  },
  {
    name: `${options.stage} to a handler that runs an effect`,
    run: () => Effect.runPromise(oneEffect)
  }
]

const rows = await compare(options.profile === undefined ? contenders : contenders.slice(1), count)
await feeder.stop()
report({ title: `${count} dispatches of ${Math.round(frameBytes)} bytes`, unit: "event", rows })
