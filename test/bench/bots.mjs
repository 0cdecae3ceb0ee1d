/**
 * Many bots in one process, each a whole bot with a token, metadata, socket and store of its own: until all of them are
 * ready, and what they cost when nothing happens. All start at once: that this bursts on the platform is the affair of what
 * runs many bots, such as `ClusterBot`, and is not measured here.
 */
import { Gateway } from "@effect-qq/core"
import * as Effect from "effect/Effect"
import { setTimeout as sleep } from "node:timers/promises"
import { botLayer } from "./bot.mjs"
import { options, report, startFeeder, stopwatch } from "./support.mjs"

const count = options.count ?? 1000
/** Seconds that a thousand may take, and the share of them that these may. */
const target = (12 * count) / 1000
const idleSeconds = 5

const feeder = await startFeeder()

const start = (appId) =>
  new Promise((resolve, reject) => {
    const program = Effect.gen(function* () {
      const gateway = yield* Gateway.Gateway
      yield* Effect.forkDaemon(Effect.andThen(gateway.ready, resolve))
      return yield* gateway.run(Gateway.on("C2C_MESSAGE_CREATE", () => Effect.void))
    })
    Effect.runFork(Effect.provide(program, botLayer(feeder.port, String(appId)))).addObserver(reject)
  })

const started = stopwatch()
await Promise.all(Array.from({ length: count }, (_, index) => start(1024 + index)))
const { processor, wall } = started()
// what the start has left to do is done
await sleep(2000)
const idle = stopwatch()
await sleep(idleSeconds * 1000)
const rested = idle()
const { rss } = process.memoryUsage()
// the bots would keep the process
process.on("disconnect", () => process.exit(0))
report({
  title: `${count} bots in one process`,
  facts: [
    {
      name: "until all are ready",
      text: `${(wall / 1e6).toFixed(1)} s`,
      target: `≤ ${target} s`,
      met: wall / 1e6 <= target
    },
    { name: "processor time of the start", text: `${(processor / 1e6).toFixed(1)} s` },
    { name: "processor when nothing happens", text: `${((100 * rested.processor) / rested.wall).toFixed(1)} %` },
    { name: "resident memory, for each bot", text: `${Math.round(rss / count / 1000)} kB` }
  ]
})
