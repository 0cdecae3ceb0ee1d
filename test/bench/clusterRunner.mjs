/** A runner of the cluster's figures: `{ port, url, platform, bots }` as its argument, and the bots that it names by number. */
import { ClusterBot, ClusterRuntime } from "@effect-qq/cluster"
import { Gateway, Message, Messenger } from "@effect-qq/core"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Redacted from "effect/Redacted"
import { monitorEventLoopDelay } from "node:perf_hooks"

const { bots, locks, platform, port, url } = JSON.parse(process.argv[2])

const list = Array.from({ length: bots }, (_, index) => ({
  appId: String(1_920_000_000 + index),
  secret: Redacted.make("bench-secret"),
  hosts: { api: `http://127.0.0.1:${platform}`, token: `http://127.0.0.1:${platform}/token` }
}))

const Echo = Gateway.on("C2C_MESSAGE_CREATE", (event) => Messenger.reply(event, Message.text(event.content)))

const Runner = ClusterBot.layer({ bots: Effect.succeed(list), handlers: Echo }).pipe(
  Layer.tap(() => Effect.sync(() => process.send({ what: "started" }))),
  Layer.provide(ClusterRuntime.layerPostgres({ url: Redacted.make(url), host: "127.0.0.1", port, locks })),
  Layer.provide(
    Layer.merge(
      Logger.minimumLogLevel(LogLevel.Warning),
      Logger.replace(
        Logger.defaultLogger,
        Logger.map(Logger.logfmtLogger, (line) => void process.stderr.write(`${line}\n`))
      )
    )
  )
)

const delay = monitorEventLoopDelay({ resolution: 10 })
delay.enable()

const inUse = () => {
  const blocked = { p99: Math.round(delay.percentile(99) / 1e6), max: Math.round(delay.max / 1e6) }
  const cpu = process.cpuUsage()
  for (let round = 0; round < 3; round++) globalThis.gc()
  const { external, heapUsed, rss } = process.memoryUsage()
  return { what: "memory", bytes: heapUsed + external, rss, cpu, blocked }
}
process.on("message", ({ ask }) => {
  if (ask === "memory") process.send(inUse())
  // without a collection, which would be counted
  if (ask === "processor") process.send({ what: "processor", cpu: process.cpuUsage() })
})
process.on("disconnect", () => process.exit(0))

NodeRuntime.runMain(Layer.launch(Runner), { disablePrettyLogger: true })
