import { assert, describe, it } from "@effect/vitest"
import { SystemError } from "@effect/platform/Error"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import * as StoredRecord from "../../../packages/core/src/internal/StoredRecord.ts"

const messages = { unreadable: "unreadable", unusable: "unusable", notMoved: "not moved" }

const decode = StoredRecord.decodeJson(Schema.Struct({ n: Schema.Number }))

const make = (store: Partial<KeyValueStore.KeyValueStore> = {}) =>
  Effect.map(KeyValueStore.KeyValueStore, (memory) => ({
    memory,
    records: new StoredRecord.StoredRecords({ ...memory, ...store }, "4 seconds", messages)
  })).pipe(Effect.provide(KeyValueStore.layerMemory))

const logged = Effect.sync(() => {
  const lines: Array<string> = []
  const logger = Logger.make<unknown, void>(({ message }) => void lines.push([message].flat().map(String).join(" ")))
  return { lines, layer: Logger.replace(Logger.defaultLogger, logger) }
})

describe("stored records", () => {
  it.effect("are read as they were written, and forgotten", () =>
    Effect.gen(function* () {
      const { records } = yield* make()
      assert.isTrue(Option.isNone(yield* records.read({ key: "a", decode })))
      yield* records.set("a", `{"n":1}`, "5 seconds")
      assert.deepStrictEqual(yield* records.read({ key: "a", decode }), Option.some({ n: 1 }))
      yield* records.remove("a", "5 seconds")
      yield* records.remove("a", "5 seconds")
      assert.isTrue(Option.isNone(yield* records.read({ key: "a", decode })))
    })
  )

  it.effect("that cannot be used are moved aside with their text, and the log says where", () =>
    Effect.gen(function* () {
      const { memory, records } = yield* make()
      const { layer, lines } = yield* logged
      for (const text of ["{", `{"n":"one"}`, ""]) {
        yield* memory.set("a", text)
        assert.isTrue(Option.isNone(yield* Effect.provide(records.read({ key: "a", decode }), layer)))
        assert.isFalse(yield* memory.has("a"))
        assert.deepStrictEqual(yield* memory.get("a.corrupt"), Option.some(text))
      }
      assert.deepStrictEqual(lines, ["unusable", "unusable", "unusable"])
    })
  )

  it.effect("of a store that cannot be read are done without", () =>
    Effect.gen(function* () {
      const { layer, lines } = yield* logged
      const failing = Effect.fail(
        new SystemError({ reason: "Unknown", module: "KeyValueStore", method: "get", description: "no" })
      )
      for (const get of [() => failing, () => Effect.never, () => Effect.die("no")]) {
        const { records } = yield* make({ get })
        const reading = yield* Effect.fork(Effect.provide(records.read({ key: "a", decode }), layer))
        yield* TestClock.adjust("4 seconds")
        assert.isTrue(Option.isNone(yield* Fiber.join(reading)))
      }
      assert.strictEqual(lines.length, 3)
      assert.isTrue(lines.every((line) => line.startsWith("unreadable")))
    })
  )

  it.effect("are read together: one that cannot be read keeps no other, and several are one line in the log", () =>
    Effect.gen(function* () {
      const { layer, lines } = yield* logged
      const { records } = yield* make({
        get: (key) => (key === "c" ? Effect.succeed(Option.some(`{"n":3}`)) : Effect.never)
      })
      const wanted = ["a", "b", "c"].map((key) => ({ key, decode }))
      const reading = yield* Effect.fork(Effect.provide(records.readAll(wanted), layer))
      yield* TestClock.adjust("4 seconds")
      assert.deepStrictEqual(yield* Fiber.join(reading), [Option.none(), Option.none(), Option.some({ n: 3 })])
      assert.strictEqual(lines.length, 1)
    })
  )

  it.effect("are written one at a time: one that hangs keeps its turn, but not its caller", () =>
    Effect.gen(function* () {
      const order: Array<string> = []
      const hanging = yield* Deferred.make<void>()
      const set = (_: string, value: string | Uint8Array) =>
        Effect.uninterruptible(
          Effect.zipRight(
            order.length === 0 ? Deferred.await(hanging) : Effect.void,
            Effect.sync(() => void order.push(String(value)))
          )
        )
      const { records } = yield* make({ set })
      const first = yield* Effect.fork(Effect.flip(records.set("a", "1", "1 second")))
      yield* Effect.yieldNow()
      const second = yield* Effect.fork(records.set("a", "2", "1 minute"))
      yield* TestClock.adjust("1 second")
      assert.isTrue(Cause.isTimeoutException(yield* Fiber.join(first)))
      assert.deepStrictEqual(order, [])
      yield* Deferred.succeed(hanging, undefined)
      yield* Fiber.join(second)
      assert.deepStrictEqual(order, ["1", "2"])
    })
  )
})
