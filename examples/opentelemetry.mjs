// An echo bot whose spans, metrics and logs go to an OpenTelemetry collector, over OTLP in JSON: to
// http://127.0.0.1:4318, or to what OTEL_EXPORTER_OTLP_ENDPOINT names. Needs `npm install @effect/opentelemetry@0.64`.
import { Gateway, Message, Messenger } from "@effect-qq/core"
import { NodeBot } from "@effect-qq/node"
import * as Otlp from "@effect/opentelemetry/Otlp"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Config, Effect, Layer } from "effect"

const Telemetry = Layer.unwrapEffect(
  Effect.map(Config.withDefault(Config.string("OTEL_EXPORTER_OTLP_ENDPOINT"), "http://127.0.0.1:4318"), (baseUrl) =>
    Otlp.layerJson({ baseUrl, resource: { serviceName: "echo-bot" } })
  )
).pipe(Layer.provide(NodeHttpClient.layerUndici))

const Echo = Gateway.onMessage(({ event, text }) => Messenger.reply(event, Message.text(`you said: ${text}`)), {
  scenes: ["c2c", "group"]
})

// a span for each run of a handler costs time, so it has to be asked for; the bot's own spans are inside it
const Bot = NodeBot.layerConfig({ delivery: { handlerSpans: true } })

NodeRuntime.runMain(Gateway.run(Echo).pipe(Effect.provide(Layer.provideMerge(Bot, Telemetry))))
