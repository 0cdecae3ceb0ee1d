import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Http from "node:http"
import * as Path from "node:path"
import * as Url from "node:url"
import { assert } from "vitest"
import { start, told } from "./support/child.ts"
import { sandbox, say, temporaryDirectory } from "./support/live.ts"
import { eventually } from "./support/patience.ts"
import { listen } from "./support/ports.ts"

const example = Path.resolve(Path.dirname(Url.fileURLToPath(import.meta.url)), "../../examples/opentelemetry.mjs")

interface Span {
  readonly name: string
  readonly spanId: string
  readonly parentSpanId?: string
}

interface Traces {
  readonly resourceSpans: ReadonlyArray<{ readonly scopeSpans: ReadonlyArray<{ readonly spans: ReadonlyArray<Span> }> }>
}

describe("the example for OpenTelemetry", () => {
  it.scopedLive(
    "sends spans, metrics and logs to a collector, and nothing secret",
    () =>
      Effect.gen(function* () {
        const got: Array<{ readonly path: string; readonly body: string }> = []
        const port = yield* listen(
          Http.createServer((request, response) => {
            let body = ""
            request.setEncoding("utf8")
            request.on("data", (part: string) => (body += part))
            request.on("end", () => {
              got.push({ path: request.url ?? "", body })
              response.writeHead(200, { "content-type": "application/json" }).end("{}")
            })
          })
        )
        const platform = yield* sandbox()
        const child = yield* start(example, {
          environment: {
            ...told(platform, yield* temporaryDirectory),
            OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`
          }
        })
        yield* eventually("the bot online", () =>
          platform.model.journal.some((entry) => entry.kind === "Sent" && entry.t === "READY")
        )
        yield* say(platform, ["hello"])
        yield* eventually("an answer", () => platform.model.sent.length === 1)
        // what is left is sent at the end
        yield* child.signal("SIGINT")
        yield* child.ended
        const bodies = (path: string): ReadonlyArray<string> =>
          got.filter((one) => one.path === path).map(({ body }) => body)
        const spans = bodies("/v1/traces")
          .flatMap((body) => (JSON.parse(body) as Traces).resourceSpans)
          .flatMap(({ scopeSpans }) => scopeSpans)
          .flatMap((scope) => scope.spans)
        assert.includeMembers(
          spans.map(({ name }) => name),
          ["Gateway.connect", "AccessToken.fetch", "Handler.run", "Messenger.reply", "OpenApi.request"],
          child.printed()
        )
        const handler = spans.find(({ name }) => name === "Handler.run")
        const reply = spans.find(({ name }) => name === "Messenger.reply")
        assert.strictEqual(reply?.parentSpanId, handler?.spanId)
        assert.include(bodies("/v1/metrics").join(""), "qq_messages_sent")
        assert.include(bodies("/v1/logs").join(""), "the session is ready")
        const everything = got.map(({ body }) => body).join("")
        for (const secret of [Redacted.value(platform.secret), ...platform.model.issuedTokens()]) {
          assert.notInclude(everything, secret)
        }
      }),
    60_000
  )
})
