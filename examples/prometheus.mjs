// An echo bot whose metrics Prometheus can fetch: http://127.0.0.1:9464/metrics, or another port in METRICS_PORT.
import { Gateway, Message, Messenger } from "@effect-qq/core"
import { NodeBot } from "@effect-qq/node"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { Config, Effect, Layer, Metric, MetricState, Option } from "effect"
import { createServer } from "node:http"

/** A label's value may hold anything; what has a meaning in it is escaped. */
const escaped = (value) => value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"')

/** Help is no quoted text, so quotes stay. */
const escapedHelp = (text) => text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")

const labelled = (name, labels) => {
  const pairs = labels.map(([key, value]) => `${key}="${escaped(value)}"`)
  return pairs.length === 0 ? name : `${name}{${pairs.join(",")}}`
}

const number = (value) => (value === Infinity ? "+Inf" : value === -Infinity ? "-Inf" : String(value))

/** The type of a metric for Prometheus and its samples; nothing for frequencies and summaries, which the library has not. */
const samplesOf = (name, labels, state) => {
  if (MetricState.isCounterState(state)) return ["counter", [[labelled(name, labels), state.count]]]
  if (MetricState.isGaugeState(state)) return ["gauge", [[labelled(name, labels), state.value]]]
  if (!MetricState.isHistogramState(state)) return undefined
  const buckets = [...state.buckets].map(([le, count]) => [le, count]).filter(([le]) => Number.isFinite(le))
  return [
    "histogram",
    [
      ...[...buckets, [Infinity, state.count]].map(([le, count]) => [
        labelled(`${name}_bucket`, [...labels, ["le", number(le)]]),
        count
      ]),
      [labelled(`${name}_sum`, labels), state.sum],
      [labelled(`${name}_count`, labels), state.count]
    ]
  ]
}

/** All metrics of the process in the text format of Prometheus. */
const exposition = Effect.map(Metric.snapshot, (pairs) => {
  const families = new Map()
  for (const { metricKey, metricState } of pairs) {
    const labels = metricKey.tags.map(({ key, value }) => [key, value])
    // a counter is named after what it counts, and ends with _total here
    const name = MetricState.isCounterState(metricState) ? `${metricKey.name}_total` : metricKey.name
    const found = samplesOf(name, labels, metricState)
    if (found === undefined) continue
    const [type, samples] = found
    const help = Option.getOrElse(metricKey.description, () => "")
    const family = families.get(name) ?? { type, help, samples: [] }
    family.samples.push(...samples)
    families.set(name, family)
  }
  return [...families]
    .map(([name, { help, samples, type }]) =>
      [
        `# HELP ${name} ${escapedHelp(help)}`,
        `# TYPE ${name} ${type}`,
        ...samples.map(([series, value]) => `${series} ${number(value)}`)
      ].join("\n")
    )
    .join("\n")
    .concat("\n")
})

const Metrics = HttpRouter.empty.pipe(
  HttpRouter.get(
    "/metrics",
    Effect.map(exposition, (text) =>
      HttpServerResponse.text(text, { contentType: "text/plain; version=0.0.4; charset=utf-8" })
    )
  ),
  HttpServer.serve(),
  HttpServer.withLogAddress,
  Layer.provide(
    NodeHttpServer.layerConfig(
      createServer,
      Config.map(Config.withDefault(Config.integer("METRICS_PORT"), 9464), (port) => ({ port, host: "127.0.0.1" }))
    )
  )
)

const Echo = Gateway.onMessage(({ event, text }) => Messenger.reply(event, Message.text(`you said: ${text}`)), {
  scenes: ["c2c", "group"]
})

NodeRuntime.runMain(Gateway.run(Echo).pipe(Effect.provide(Layer.merge(NodeBot.layerConfig(), Metrics))))
