import { assert, describe, it } from "@effect/vitest"
import * as PlatformError from "@effect/platform/Error"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import * as BotConfig from "../../../packages/core/src/BotConfig.ts"
import { layerKeyValueStore, layerMemory, SessionStore } from "../../../packages/core/src/gateway/SessionStore.ts"
import type { StoredSession } from "../../../packages/core/src/gateway/SessionStore.ts"

const config = BotConfig.layer({ appId: "42", secret: Redacted.make("x") })

const session: StoredSession = {
  appId: "42",
  intents: 1 << 25,
  shard: [1, 3],
  sessionId: "s-1",
  sequence: 17,
  startedAt: 0,
  savedAt: 5,
  settled: [{ key: "group:m1", sequence: 19, at: 4 }]
}

const key = "session.42.1-3"

const memory = Effect.provide(Layer.provideMerge(layerKeyValueStore, Layer.merge(KeyValueStore.layerMemory, config)))

const load = (intents = session.intents) =>
  Effect.flatMap(SessionStore, (store) => store.load({ intents, shard: [1, 3] }))
const save = (value: StoredSession) => Effect.flatMap(SessionStore, (store) => store.save(value))
const raw = (which: string) => Effect.flatMap(KeyValueStore.KeyValueStore, (store) => store.get(which))
const plant = (text: string) => Effect.flatMap(KeyValueStore.KeyValueStore, (store) => store.set(key, text))

describe("SessionStore", () => {
  it.effect("returns what was saved, and nothing after it was cleared", () =>
    Effect.gen(function* () {
      const store = yield* SessionStore
      assert.deepStrictEqual(yield* load(), Option.none())
      yield* store.clear([1, 3])
      yield* save(session)
      yield* save({ ...session, sequence: 18 })
      yield* store.saveGatewayUrl("wss://gateway.test")
      assert.deepStrictEqual(yield* load(), Option.some({ session: { ...session, sequence: 18 }, resumable: true }))
      assert.isTrue(Option.isSome(yield* raw(key)))
      yield* store.clear([1, 3])
      assert.deepStrictEqual(yield* load(), Option.none())
      assert.deepStrictEqual(yield* store.gatewayUrl, Option.some("wss://gateway.test"))
    }).pipe(memory)
  )

  it.effect("works in memory", () =>
    Effect.gen(function* () {
      yield* save(session)
      assert.deepStrictEqual(yield* load(), Option.some({ session, resumable: true }))
    }).pipe(Effect.provide(Layer.provide(layerMemory, config)))
  )

  it.effect("knows that it was made with other intents, and keeps the record", () =>
    Effect.gen(function* () {
      yield* save(session)
      assert.deepStrictEqual(yield* load(1), Option.some({ session, resumable: false }))
      assert.deepStrictEqual(yield* load(), Option.some({ session, resumable: true }))
    }).pipe(memory)
  )

  it.effect("knows that the session is 24 h old, or was given up", () =>
    Effect.gen(function* () {
      const resumable = Effect.map(
        load(),
        Option.map((loaded) => loaded.resumable)
      )
      yield* save(session)
      yield* TestClock.adjust("86399999 millis")
      assert.deepStrictEqual(yield* resumable, Option.some(true))
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(yield* resumable, Option.some(false))
      yield* save({ ...session, startedAt: 86_400_000, dropped: true })
      assert.deepStrictEqual(yield* resumable, Option.some(false))
    }).pipe(memory)
  )

  it.effect("keeps the session of each shard apart", () =>
    Effect.gen(function* () {
      const store = yield* SessionStore
      yield* save(session)
      yield* save({ ...session, shard: [0, 3], sessionId: "s-0" })
      yield* store.clear([0, 3])
      assert.deepStrictEqual(yield* load(), Option.some({ session, resumable: true }))
      assert.deepStrictEqual(yield* store.load({ intents: session.intents, shard: [0, 3] }), Option.none())
    }).pipe(memory)
  )

  it.effect("refuses to save a session of another bot", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* Effect.flip(save({ ...session, appId: "43" })))._tag, "StoreError")
      assert.deepStrictEqual(yield* raw(key), Option.none())
    }).pipe(memory)
  )

  it.effect.each([
    "",
    "{",
    "null",
    "[]",
    JSON.stringify({ ...session, appId: "43" }),
    JSON.stringify({ ...session, shard: [0, 3] }),
    JSON.stringify({ ...session, shard: [1] }),
    JSON.stringify({ ...session, sequence: -1 }),
    JSON.stringify({ ...session, sequence: 1.5 }),
    JSON.stringify({ ...session, sessionId: "" }),
    JSON.stringify({ ...session, startedAt: null }),
    JSON.stringify({ ...session, settled: [{ key: "a" }] }),
    JSON.stringify({ ...session, settled: undefined })
  ])("sets %s aside", (text) =>
    Effect.gen(function* () {
      yield* plant(text)
      assert.deepStrictEqual(yield* load(), Option.none())
      assert.deepStrictEqual(yield* raw(key), Option.none())
      assert.deepStrictEqual(yield* raw(`${key}.corrupt`), Option.some(text))
      yield* save(session)
      assert.deepStrictEqual(yield* load(), Option.some({ session, resumable: true }))
    }).pipe(memory)
  )

  it.effect("is no obstacle when it fails to read, and says so when it fails to write", () => {
    const refuse = new PlatformError.SystemError({ reason: "PermissionDenied", module: "KeyValueStore", method: "any" })
    const broken = KeyValueStore.make({
      get: () => Effect.fail(refuse),
      getUint8Array: () => Effect.fail(refuse),
      set: () => Effect.fail(refuse),
      remove: () => Effect.fail(refuse),
      clear: Effect.fail(refuse),
      size: Effect.fail(refuse)
    })
    return Effect.gen(function* () {
      const store = yield* SessionStore
      const reading = yield* Effect.fork(Effect.all([load(), store.gatewayUrl]))
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(yield* Fiber.join(reading), [Option.none(), Option.none()])
      const errors = yield* Effect.all([
        Effect.flip(store.save(session)),
        Effect.flip(store.clear([1, 3])),
        Effect.flip(store.saveGatewayUrl("wss://gateway.test"))
      ])
      assert.deepStrictEqual(
        errors.map((error) => error.operation),
        ["save", "clear", "saveGatewayUrl"]
      )
    }).pipe(
      Effect.provide(
        Layer.provide(layerKeyValueStore, Layer.merge(Layer.succeed(KeyValueStore.KeyValueStore, broken), config))
      )
    )
  })

  it.effect("sets a record aside even where that fails, and goes on", () => {
    const refuse = new PlatformError.SystemError({ reason: "PermissionDenied", module: "KeyValueStore", method: "set" })
    const readOnly = KeyValueStore.make({
      get: () => Effect.succeedSome("{"),
      getUint8Array: () => Effect.succeedNone,
      set: () => Effect.fail(refuse),
      remove: () => Effect.fail(refuse),
      clear: Effect.fail(refuse),
      size: Effect.succeed(1)
    })
    return Effect.gen(function* () {
      assert.deepStrictEqual(yield* load(), Option.none())
    }).pipe(
      Effect.provide(
        Layer.provide(layerKeyValueStore, Layer.merge(Layer.succeed(KeyValueStore.KeyValueStore, readOnly), config))
      )
    )
  })
})
