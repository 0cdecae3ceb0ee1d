/** Each metric moves when what it counts happens, and for nothing from the wire that nobody knows. */
import { describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Metric from "effect/Metric"
import * as MetricState from "effect/MetricState"
import type * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import { assert } from "vitest"
import { type Bot, type BotConfig, Conversation, Gateway, Message, Messenger } from "@effect-qq/core"
import { Fault, type PlatformModel, TestPlatform } from "@effect-qq/core/testing"
import { advance, on } from "../support/bot.ts"

type Labels = Readonly<Record<string, string>>

interface Reading {
  readonly labels: Labels
  /** A counter's count, a gauge's value, a histogram's count. */
  readonly value: number
  readonly sum: number
}

const readings = (name: string): Effect.Effect<ReadonlyArray<Reading>> =>
  Effect.map(Metric.snapshot, (pairs) =>
    pairs
      .filter(({ metricKey }) => metricKey.name === name)
      .map(({ metricKey, metricState }) => ({
        labels: Object.fromEntries(metricKey.tags.map(({ key, value }) => [key, value])),
        value: MetricState.isGaugeState(metricState)
          ? Number(metricState.value)
          : MetricState.isCounterState(metricState) || MetricState.isHistogramState(metricState)
            ? Number(metricState.count)
            : Number.NaN,
        sum: MetricState.isHistogramState(metricState) ? metricState.sum : 0
      }))
  )

const read = (name: string, labels: Labels = {}): Effect.Effect<Reading> =>
  Effect.map(
    readings(name),
    (all) =>
      all.find((one) => JSON.stringify(one.labels, keys(one.labels)) === JSON.stringify(labels, keys(labels))) ?? {
        labels,
        value: 0,
        sum: 0
      }
  )

const keys = (labels: Labels): Array<string> => Object.keys(labels).toSorted()

const echo = Gateway.on(["C2C_MESSAGE_CREATE", "Unknown"], (event) =>
  Effect.gen(function* () {
    if (event.t === "Unknown") return
    if (event.content === "fail") return yield* Effect.fail("as asked")
    if (event.content === "slow") return yield* Effect.sleep("3 seconds")
    if (event.content === "unasked") return yield* Messenger.send(Conversation.c2c("u2"), Message.text("hello"))
    return yield* Messenger.reply(event, Message.text("hello"))
  })
)

interface Case {
  readonly name: string
  readonly labels?: Labels
  /** Before the bot is started. */
  readonly faults?: ReadonlyArray<Fault.Fault>
  readonly cause?: (platform: TestPlatform.TestPlatformShape) => Effect.Effect<unknown>
  /** By how much it grows. */
  readonly by: number
}

const say = (text: string) => (platform: TestPlatform.TestPlatformShape) =>
  platform.privateMessage({ user: "u1", text })

const counted: ReadonlyArray<Case> = [
  { name: "qq_token_fetches", labels: { outcome: "fetched" }, by: 1 },
  {
    name: "qq_token_fetches",
    labels: { outcome: "RateLimited" },
    faults: [Fault.http("token", { _tag: "Status", status: 200, code: 100001, message: "frequency limit" })],
    by: 1
  },
  { name: "qq_gateway_sessions_identified", by: 1 },
  {
    name: "qq_gateway_connections_ended",
    labels: { cause: "ConnectionLost" },
    cause: ({ inject }) => inject(Fault.drop()),
    by: 1
  },
  {
    name: "qq_gateway_connections_ended",
    labels: { cause: "ReconnectRequested" },
    cause: ({ inject }) => inject(Fault.reconnect()),
    by: 1
  },
  { name: "qq_gateway_resumes_attempted", cause: ({ inject }) => inject(Fault.drop()), by: 1 },
  { name: "qq_gateway_sessions_resumed", cause: ({ inject }) => inject(Fault.drop()), by: 1 },
  // the first beat goes out within 25 s, the second not before 41 s
  { name: "qq_gateway_heartbeat_round_trip_ms", cause: () => advance("30 seconds"), by: 1 },
  { name: "qq_gateway_frames_refused", cause: ({ inject }) => inject({ _tag: "Raw", payload: "no frame" }), by: 1 },
  { name: "qq_events_received", labels: { type: "C2C_MESSAGE_CREATE" }, cause: say("hi"), by: 1 },
  {
    name: "qq_events_received",
    labels: { type: "FRIEND_ADD" },
    cause: ({ dispatch }) => dispatch("FRIEND_ADD", { openid: "u1" }),
    by: 1
  },
  {
    name: "qq_events_received",
    labels: { type: "Unknown" },
    cause: ({ dispatch }) => dispatch("INVENTED_TODAY", {}),
    by: 1
  },
  {
    name: "qq_events_received",
    labels: { type: "INVENTED_TODAY" },
    cause: ({ dispatch }) => dispatch("INVENTED_TODAY", {}),
    by: 0
  },
  { name: "qq_events_handled", cause: say("hi"), by: 1 },
  {
    name: "qq_events_duplicated",
    cause: (platform) => Effect.zipRight(platform.inject({ _tag: "Duplicate", fresh: true }), say("hi")(platform)),
    by: 1
  },
  { name: "qq_events_malformed", cause: ({ dispatch }) => dispatch("C2C_MESSAGE_CREATE", { content: "no id" }), by: 1 },
  { name: "qq_handlers_failed", cause: say("fail"), by: 1 },
  { name: "qq_handler_duration_ms", labels: { type: "C2C_MESSAGE_CREATE" }, cause: say("hi"), by: 1 },
  { name: "qq_messages_sent", labels: { outcome: "passive", code: "none" }, cause: say("hi"), by: 1 },
  { name: "qq_messages_sent", labels: { outcome: "proactive", code: "none" }, cause: say("unasked"), by: 1 },
  { name: "qq_replies_left", cause: say("hi"), by: 1 },
  {
    name: "qq_messages_sent",
    labels: { outcome: "MessageRejected", code: "50006" },
    cause: (platform) =>
      Effect.zipRight(platform.inject({ _tag: "RefuseMessage", of: "any", code: 50006 }), say("hi")(platform)),
    by: 1
  },
  {
    name: "qq_messages_sent",
    labels: { outcome: "MessageRejected", code: "other" },
    cause: (platform) =>
      Effect.zipRight(platform.inject({ _tag: "RefuseMessage", of: "any", code: 77_777_777 }), say("hi")(platform)),
    by: 1
  }
]

const withBot = <A, E>(
  use: (
    platform: TestPlatform.TestPlatformShape,
    run: Fiber.RuntimeFiber<unknown, unknown>
  ) => Effect.Effect<A, E, Bot.Bot | BotConfig.BotConfig | TestPlatform.TestPlatform | Scope.Scope>,
  options: {
    readonly faults?: ReadonlyArray<Fault.Fault> | undefined
    readonly platform?: PlatformModel.Options
    readonly bot?: Partial<BotConfig.Options>
  } = {}
) =>
  on(options)(
    Effect.gen(function* () {
      const platform = yield* TestPlatform.TestPlatform
      yield* Effect.forEach(options.faults ?? [], platform.inject)
      const fiber = yield* Effect.forkScoped(Gateway.run(echo))
      yield* advance(options.faults === undefined ? 0 : "2 minutes")
      yield* Gateway.ready
      yield* advance(0)
      return yield* use(platform, fiber)
    })
  )

describe("metrics", () => {
  for (const { by, cause, faults, labels = {}, name } of counted) {
    it.effect(`${name} ${JSON.stringify(labels)} grows by ${by}`, () =>
      Effect.gen(function* () {
        const before = yield* read(name, labels)
        yield* withBot((platform) => Effect.zipRight(cause?.(platform) ?? Effect.void, advance("2 seconds")), {
          faults
        })
        const after = yield* read(name, labels)
        assert.strictEqual(after.value - before.value, by)
      })
    )
  }

  it.effect("the state of a session is told while it runs and when it ends", () =>
    withBot((platform, run) =>
      Effect.gen(function* () {
        const state = Effect.map(
          read("qq_gateway_session_state", { app: platform.model.appId, shard: "0/1" }),
          ({ value }) => value
        )
        assert.strictEqual(yield* state, 7)
        yield* platform.inject({ _tag: "Unreachable", times: Infinity })
        yield* platform.inject(Fault.drop())
        yield* advance("100 millis")
        assert.strictEqual(yield* state, 2)
        yield* platform.inject({ _tag: "Clear" })
        yield* advance("1 minute")
        assert.strictEqual(yield* state, 7)
        yield* Fiber.interrupt(run)
        assert.strictEqual(yield* state, 1)
      })
    )
  )

  it.effect("identifies left are counted down and come back", () =>
    withBot(
      (platform) =>
        Effect.gen(function* () {
          const left = Effect.map(
            read("qq_gateway_identifies_left", { app: platform.model.appId }),
            ({ value }) => value
          )
          assert.strictEqual(yield* left, 49)
          yield* platform.inject(Fault.close(4006))
          yield* advance("1 minute")
          assert.strictEqual(yield* left, 48)
        }),
      { platform: { sessionLimit: { total: 100, remaining: 50 } } }
    )
  )

  it.effect("what waits in the inbox, and how far the watermark is behind", () =>
    withBot((platform) =>
      Effect.gen(function* () {
        const labels = { app: platform.model.appId, shard: "0/1" }
        const both = Effect.map(Effect.all([read("qq_inbox_depth", labels), read("qq_watermark_lag", labels)]), (all) =>
          all.map(({ value }) => value)
        )
        assert.deepStrictEqual(yield* both, [0, 0])
        yield* say("slow")(platform)
        yield* platform.privateMessage({ user: "u2", text: "hi" })
        yield* platform.privateMessage({ user: "u1", text: "hi" })
        yield* advance("1 second")
        // that of the other user is done, and the watermark waits for the slow one
        assert.deepStrictEqual(yield* both, [2, 3])
        yield* advance("1 minute")
        assert.deepStrictEqual(yield* both, [0, 0])
      })
    )
  )

  it.effect("two bots of one process have gauges of their own", () =>
    withBot((platform) =>
      Effect.gen(function* () {
        const other = { appId: "102000777" }
        const depth = (app: string) => Effect.map(read("qq_inbox_depth", { app, shard: "0/1" }), ({ value }) => value)
        yield* say("slow")(platform)
        yield* advance(0)
        const depths = yield* withBot(() => Effect.all([depth(platform.model.appId), depth(other.appId)]), {
          platform: other,
          bot: other
        })
        assert.deepStrictEqual(depths, [1, 0])
        // a shutdown waits for handlers, and time stands still then
        yield* advance("1 minute")
      })
    )
  )

  it.effect("how long handlers took, in milliseconds", () =>
    Effect.gen(function* () {
      const labels = { type: "C2C_MESSAGE_CREATE" }
      const before = yield* read("qq_handler_duration_ms", labels)
      yield* withBot((platform) => Effect.zipRight(say("slow")(platform), advance("10 seconds")))
      const after = yield* read("qq_handler_duration_ms", labels)
      assert.strictEqual(after.sum - before.sum, 3000)
    })
  )
})

/** The names and attributes of spans that have ended, and how. */
const traced = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const spans: Array<Tracer.Span> = []
    const native = yield* Effect.tracer
    const tracer = Tracer.make({
      span: (...facts) => {
        const span = native.span(...facts)
        spans.push(span)
        return span
      },
      context: (run, fiber) => native.context(run, fiber)
    })
    yield* Effect.withTracer(effect, tracer)
    return spans.flatMap(({ attributes, name, status }) =>
      status._tag === "Ended" ? [{ name, outcome: status.exit._tag, attributes: Object.fromEntries(attributes) }] : []
    )
  })

describe("spans", () => {
  it.effect("of connections, from dialling to Ready or to their end", () =>
    Effect.gen(function* () {
      const spans = yield* traced(
        withBot((platform) =>
          Effect.gen(function* () {
            yield* platform.inject({ _tag: "RefuseUpgrade", status: 503 })
            yield* platform.inject(Fault.drop())
            yield* advance(Duration.minutes(1))
          })
        )
      )
      assert.deepStrictEqual(
        spans
          .filter(({ name }) => name === "Gateway.connect")
          .map(({ attributes, outcome }) => [outcome, attributes["qq.resume"], attributes["qq.shard"]]),
        [
          ["Success", false, "0/1"],
          ["Failure", true, "0/1"],
          ["Success", true, "0/1"]
        ]
      )
    })
  )

  it.effect("of handlers, where they are asked for", () =>
    Effect.gen(function* () {
      const runs = (handlerSpans: boolean | undefined) =>
        Effect.map(
          traced(
            withBot((platform) => Effect.zipRight(say("hi")(platform), advance("1 second")), {
              bot: { delivery: handlerSpans === undefined ? {} : { handlerSpans } }
            })
          ),
          (spans) => spans.filter(({ name }) => name === "Handler.run")
        )
      assert.deepStrictEqual(yield* runs(undefined), [])
      const [run, ...more] = yield* runs(true)
      assert.deepStrictEqual(more, [])
      assert.deepInclude(run?.attributes, {
        "qq.event": "C2C_MESSAGE_CREATE",
        "qq.handler": "C2C_MESSAGE_CREATE+Unknown"
      })
    })
  )
})
