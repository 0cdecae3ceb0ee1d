import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Path from "node:path"
import * as Url from "node:url"
import { assert } from "vitest"
import { start, told } from "./support/child.ts"
import { inject, sandbox, say, temporaryDirectory } from "./support/live.ts"
import { eventually } from "./support/patience.ts"

const example = Path.resolve(Path.dirname(Url.fileURLToPath(import.meta.url)), "../../examples/prometheus.mjs")

/** One line of the text format that is no comment. */
const sample = /^[a-zA-Z_:][\w:]*(\{([a-zA-Z_]\w*="(\\\\|\\n|\\"|[^"\\\n])*",?)+\})? (-?[\d.e+-]+|[+-]Inf|NaN)$/

describe("the example for Prometheus", () => {
  it.scopedLive(
    "serves what happened, in the text format",
    () =>
      Effect.gen(function* () {
        const platform = yield* sandbox()
        const child = yield* start(example, {
          environment: { ...told(platform, yield* temporaryDirectory), METRICS_PORT: "0" }
        })
        yield* child.until("http://127.0.0.1:")
        const url = /http:\/\/127\.0\.0\.1:\d+/.exec(child.printed())?.[0]
        yield* child.until("the session is ready")
        yield* say(platform, ["one", "two"])
        yield* inject(platform, { _tag: "RefuseMessage", of: "any", code: 50006 })
        yield* say(platform, ["three"])
        yield* eventually("two answers", () => platform.model.sent.length === 2)
        yield* child.until("failed")
        const response = yield* Effect.promise((signal) => fetch(`${url}/metrics`, { signal }))
        assert.match(response.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/)
        const text = yield* Effect.promise(() => response.text())
        const lines = text.trimEnd().split("\n")
        assert.deepStrictEqual(
          lines.filter((line) => !line.startsWith("# ") && !sample.test(line)),
          [],
          "lines that are no samples"
        )
        assert.includeMembers(lines, [
          "# TYPE qq_events_received_total counter",
          'qq_events_received_total{type="C2C_MESSAGE_CREATE"} 3',
          "# TYPE qq_gateway_session_state gauge",
          `qq_gateway_session_state{app="${platform.appId}",shard="0/1"} 7`,
          'qq_messages_sent_total{outcome="passive",code="none"} 2',
          'qq_messages_sent_total{outcome="MessageRejected",code="50006"} 1',
          "# TYPE qq_replies_left histogram",
          'qq_replies_left_bucket{le="2"} 0',
          'qq_replies_left_bucket{le="3"} 2',
          'qq_replies_left_bucket{le="+Inf"} 2',
          "qq_replies_left_sum 6",
          "qq_replies_left_count 2"
        ])
        const types = lines.filter((line) => line.startsWith("# TYPE "))
        assert.strictEqual(new Set(types).size, types.length, "a family has one type, told once")
      }),
    60_000
  )
})
