import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as PlatformError from "@effect/platform/Error"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import * as StoredText from "../../packages/core/src/StoredText.ts"

const broken = new PlatformError.SystemError({ module: "KeyValueStore", method: "get", reason: "Unknown" })

/** A store whose reads are these effects. */
const storeOf = (get: (key: string) => Effect.Effect<Option.Option<string>, PlatformError.PlatformError>) =>
  KeyValueStore.makeStringOnly({
    get,
    set: () => Effect.void,
    remove: () => Effect.void,
    clear: Effect.void,
    size: Effect.succeed(0)
  })

describe("reading several keys", () => {
  it.effect("reads each for itself: one that never answers costs the timeout once, and the others nothing", () =>
    Effect.gen(function* () {
      const attempts = new Map<string, number>()
      const store = storeOf((key) =>
        Effect.suspend(() => {
          const attempt = (attempts.get(key) ?? 0) + 1
          attempts.set(key, attempt)
          if (key === "hangs" || key === "hangs too") return Effect.never
          if (key === "broken" || (key === "away at first" && attempt < 3)) return Effect.fail(broken)
          return key === "dies" ? Effect.die("a defect") : Effect.succeed(Option.some(`value of ${key}`))
        })
      )
      const keys = ["a", "hangs", "away at first", "broken", "hangs too", "dies", "b"]
      const reading = yield* Effect.fork(StoredText.readAll(store, keys, "4 seconds"))
      yield* TestClock.adjust("3999 millis")
      assert.isNull(reading.unsafePoll())
      yield* TestClock.adjust("1 millis")
      const answers = yield* Fiber.join(reading)
      const summary = answers.map(Either.match({ onLeft: ({ _tag }) => _tag, onRight: Option.getOrUndefined }))
      assert.deepStrictEqual(summary, [
        "value of a",
        "TimeoutException",
        "value of away at first",
        "SystemError",
        "TimeoutException",
        "UnknownException",
        "value of b"
      ])
      assert.strictEqual(attempts.get("away at first"), 3)
      assert.strictEqual(attempts.get("broken"), 4)
    })
  )

  it.effect("does not wait where the store answers at once", () =>
    Effect.gen(function* () {
      const store = storeOf((key) => Effect.succeed(key === "none" ? Option.none() : Option.some(key)))
      assert.deepStrictEqual(yield* StoredText.readAll(store, ["a", "none"]), [
        Either.right(Option.some("a")),
        Either.right(Option.none())
      ])
      assert.strictEqual(yield* Clock.currentTimeMillis, 0)
    })
  )
})
