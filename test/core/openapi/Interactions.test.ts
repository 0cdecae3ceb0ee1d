import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import * as Interactions from "../../../packages/core/src/openapi/Interactions.ts"
import * as OpenApi from "../../../packages/core/src/openapi/OpenApi.ts"
import * as Fault from "../../../packages/core/src/testing/Fault.ts"
import * as TestPlatform from "../../../packages/core/src/testing/TestPlatform.ts"
import * as FakeHttp from "./FakeHttp.ts"

const interaction = { type: 11, user_openid: "U1", data: { type: 11, resolved: { button_id: "1" } } }

const acknowledged = Effect.map(
  Effect.flatMap(TestPlatform.TestPlatform, ({ journal }) => journal),
  (entries) => entries.filter((entry) => entry.kind === "Acknowledged")
)

const requests = Effect.map(
  Effect.flatMap(TestPlatform.TestPlatform, ({ journal }) => journal),
  (entries) => entries.filter((entry) => entry.kind === "Request" && entry.path.startsWith("/interactions/")).length
)

const faked = (http: FakeHttp.FakeHttp) =>
  Effect.provide(
    Layer.merge(
      FakeHttp.config(),
      Layer.provide(OpenApi.layer, Layer.mergeAll(http.layer, FakeHttp.config(), FakeHttp.tokens().layer))
    )
  )

describe("Interactions.acknowledge", () => {
  it.effect("acknowledges at the platform", () =>
    Effect.gen(function* () {
      const platform = yield* TestPlatform.TestPlatform
      yield* platform.dispatch("INTERACTION_CREATE", { id: "I1", ...interaction })
      yield* platform.dispatch("INTERACTION_CREATE", { id: "I2", ...interaction })
      yield* Interactions.acknowledge("I1")
      yield* Interactions.acknowledge("I2", "not permitted")
      assert.deepStrictEqual(
        (yield* acknowledged).map(({ code, id, late }) => [id, code, late]),
        [
          ["I1", 0, false],
          ["I2", 4, false]
        ]
      )
    }).pipe(Effect.provide(TestPlatform.layer()))
  )

  it.effect("sends the app id and the data along, and no id leads elsewhere", () => {
    const http = FakeHttp.make(() => ({ body: {} }))
    return Effect.gen(function* () {
      yield* Interactions.acknowledge("../users/@me", "ok", { claw_cfg: {} })
      const [asked] = http.asked
      assert.strictEqual(asked?.method, "PUT")
      assert.strictEqual(asked?.url, "https://api.test/interactions/..%2Fusers%2F%40me")
      assert.strictEqual(asked?.headers["x-callback-appid"], "1905000001")
      assert.deepStrictEqual(JSON.parse(asked?.body ?? ""), { code: 0, data: { claw_cfg: {} } })
    }).pipe(faked(http))
  })

  it.effect.each([620003, 620004, 610010])("takes %i, which says that it is done already, for success", (code) =>
    Interactions.acknowledge("I1").pipe(faked(FakeHttp.make(() => ({ status: 400, body: { code, message: "" } }))))
  )

  it.effect("is sent once, whatever becomes of it, and given up after three seconds", () =>
    Effect.gen(function* () {
      const platform = yield* TestPlatform.TestPlatform
      yield* platform.dispatch("INTERACTION_CREATE", { id: "I1", ...interaction })
      yield* platform.inject(Fault.http("interaction", { _tag: "Status", status: 500 }))
      const refused = yield* Effect.flip(Interactions.acknowledge("I1"))
      assert.deepInclude(refused, { _tag: "ApiError", class: "transient" })
      yield* platform.inject(Fault.http("interaction", { _tag: "Hang", accepted: true }))
      const fiber = yield* Effect.fork(Effect.flip(Interactions.acknowledge("I1")))
      yield* TestClock.adjust("3 seconds")
      assert.deepInclude(yield* Fiber.join(fiber), { _tag: "ApiUnavailable", reason: "TimedOut", outcome: "unknown" })
      assert.strictEqual(yield* requests, 2)
    }).pipe(Effect.provide(TestPlatform.layer()))
  )
})
