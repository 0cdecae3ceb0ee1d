/** Interactions are acknowledged when they come in: the platform waits for three seconds, a handler may take longer. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import { DeliveryMetrics, Gateway } from "@effect-qq/core"
import { Fault, TestPlatform } from "@effect-qq/core/testing"
import * as Bot from "../../support/bot.ts"

const press = (id: string, more: object = {}) =>
  Effect.zipRight(
    Effect.flatMap(TestPlatform.TestPlatform, (platform) =>
      platform.dispatch("INTERACTION_CREATE", {
        id,
        type: 11,
        chat_type: 2,
        scene: "c2c",
        user_openid: "u",
        data: { type: 11, resolved: { button_data: "vote:2", button_id: "2" } },
        timestamp: "2026-09-21T10:11:00+08:00",
        application_id: "1905000001",
        version: 1,
        ...more
      })
    ),
    Bot.settle
  )

const acknowledged = Effect.map(Bot.entries("Acknowledged"), (entries) =>
  entries.map(({ id, late }) => `${id}${late ? " late" : ""}`)
)

const handler = (options?: { readonly acknowledge?: boolean }) =>
  Gateway.on("INTERACTION_CREATE", () => Effect.sleep("20 seconds"), options)

const intents = { bot: { intents: (1 << 25) | (1 << 26) } }

const failures = Effect.map(Metric.value(DeliveryMetrics.acknowledgementsFailed), ({ count }) => count)

describe("an interaction", () => {
  it.effect("is acknowledged at once, however long its handler takes and whatever waits before it", () =>
    Effect.gen(function* () {
      yield* Bot.start(handler())
      for (const id of ["i1", "i2", "i3"]) yield* press(id)
      assert.deepStrictEqual(yield* acknowledged, ["i1", "i2", "i3"])
      yield* Bot.advance("2 minutes")
    }).pipe(Bot.on(intents))
  )

  it.effect("that comes twice is acknowledged once", () =>
    Effect.gen(function* () {
      yield* Bot.start(handler())
      yield* Effect.flatMap(TestPlatform.TestPlatform, (platform) => platform.inject(Fault.duplicate()))
      yield* press("i1")
      assert.deepStrictEqual(yield* acknowledged, ["i1"])
      const requests = (yield* Bot.entries("Request")).filter(({ path }) => path.startsWith("/interactions/"))
      assert.strictEqual(requests.length, 1)
      yield* Bot.advance("2 minutes")
    }).pipe(Bot.on(intents))
  )

  it.effect("is left to a handler that acknowledges itself, even with other handlers", () =>
    Effect.gen(function* () {
      yield* Bot.start(Layer.mergeAll(handler(), handler({ acknowledge: false })))
      yield* press("i1")
      assert.deepStrictEqual(yield* acknowledged, [])
      yield* Bot.advance("2 minutes")
    }).pipe(Bot.on(intents))
  )

  it.effect("without a handler is not acknowledged, nor is one that needs no acknowledgement", () =>
    Effect.gen(function* () {
      yield* Bot.start(handler())
      yield* press("feedback", { type: 13, data: { type: 13, resolved: {} } })
      yield* press("of another kind", { type: 18 })
      yield* press("without a type", { type: undefined })
      yield* press("by the quick menu", { type: 12 })
      yield* press("", { type: 12 })
      yield* press(7 as never, { type: 12 })
      assert.deepStrictEqual(yield* acknowledged, ["without a type", "by the quick menu"])
      yield* Bot.advance("2 minutes")
    }).pipe(Bot.on(intents))
  )

  it.effect("that cannot be acknowledged is counted, and its handler runs all the same", () =>
    Effect.gen(function* () {
      const before = yield* failures
      let runs = 0
      yield* Bot.start(Gateway.on("INTERACTION_CREATE", () => Effect.sync(() => runs++)))
      yield* Effect.flatMap(TestPlatform.TestPlatform, (platform) =>
        platform.inject(Fault.http("interaction", Fault.hang({ accepted: false }), { times: 1 }))
      )
      yield* press("i1")
      yield* Bot.advance("4 seconds")
      yield* press("i2")
      assert.deepStrictEqual(yield* acknowledged, ["i2"])
      assert.strictEqual((yield* failures) - before, 1)
      assert.strictEqual(runs, 2)
      yield* Bot.advance("2 minutes")
    }).pipe(Bot.on(intents))
  )
})
