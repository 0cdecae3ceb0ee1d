/** The bot of the stages. Apart, so that a bare client does not load the library. */
import { Bot, BotConfig } from "@effect-qq/core"
import { NodeHttp, NodeWebSocket } from "@effect-qq/node"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Redacted from "effect/Redacted"

/** A whole bot on loopback that keeps its sessions in memory. Warnings go to the standard error. */
export const botLayer = (port, appId, settings = {}) =>
  Bot.layer.pipe(
    Layer.provide(Layer.fresh(NodeHttp.layer())),
    Layer.provide(Layer.fresh(NodeWebSocket.layer())),
    Layer.provide(Layer.fresh(KeyValueStore.layerMemory)),
    Layer.provideMerge(
      BotConfig.layer({
        ...settings,
        appId,
        secret: Redacted.make("bench-secret"),
        hosts: { api: `http://127.0.0.1:${port}`, token: `http://127.0.0.1:${port}/token` }
      })
    ),
    Layer.provideMerge(Layer.merge(Logger.minimumLogLevel(LogLevel.Warning), toStandardError))
  )

const toStandardError = Logger.replace(
  Logger.defaultLogger,
  Logger.map(Logger.logfmtLogger, (line) => {
    process.stderr.write(`${line}\n`)
  })
)
