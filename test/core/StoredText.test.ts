/** What an earlier process stored is read for a while, and then done without. */
import { assert, describe, it } from "@effect/vitest"
import { Gateway, ReplyLedger } from "@effect-qq/core"
import { TestPlatform } from "@effect-qq/core/testing"
import { SystemError } from "@effect/platform/Error"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import type { PlatformError } from "@effect/platform/Error"
import * as StoredText from "../../packages/core/src/StoredText.ts"
import * as Bot from "../support/bot.ts"

const away = new SystemError({ reason: "TimedOut", module: "KeyValueStore", method: "get" })

type Read = Effect.Effect<Option.Option<string>, PlatformError>

/** A store whose attempts to read end like this, one after another, the last one ever after. */
const storeOf = (...reads: readonly [Read, ...ReadonlyArray<Read>]): KeyValueStore.KeyValueStore => {
  let count = 0
  return KeyValueStore.makeStringOnly({
    get: () => Effect.suspend(() => reads[Math.min(count++, reads.length - 1)] ?? reads[0]),
    set: () => Effect.void,
    remove: () => Effect.void,
    clear: Effect.void,
    size: Effect.succeed(0)
  })
}

/** How reading ends, and after how many milliseconds. */
const reading = (store: KeyValueStore.KeyValueStore) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(Effect.timed(Effect.either(StoredText.read(store, "key"))))
    yield* TestClock.adjust("1 minute")
    const [duration, outcome] = yield* Fiber.join(fiber)
    return { after: Duration.toMillis(duration), outcome }
  })

describe("what is stored", () => {
  it.effect("is read again after 0.5, 1 and 2 s", () =>
    Effect.gen(function* () {
      const fail = Effect.fail(away)
      const { after, outcome } = yield* reading(storeOf(fail, fail, fail, Effect.succeedSome("text")))
      assert.strictEqual(outcome._tag === "Right" && Option.getOrUndefined(outcome.right), "text")
      assert.strictEqual(after, 3500)
    })
  )

  it.effect("is done without after that, and its error is told", () =>
    Effect.gen(function* () {
      const { after, outcome } = yield* reading(storeOf(Effect.fail(away)))
      assert.strictEqual(outcome._tag === "Left" && outcome.left, away)
      assert.strictEqual(after, 3500)
    })
  )

  it.effect("is read again after a defect", () =>
    Effect.gen(function* () {
      const { outcome } = yield* reading(storeOf(Effect.die("broken"), Effect.succeedNone))
      assert.strictEqual(outcome._tag, "Right")
      const { outcome: never } = yield* reading(storeOf(Effect.die("broken")))
      assert.strictEqual(never._tag === "Left" && never.left._tag, "UnknownException")
    })
  )

  it.effect("is waited for 4 s, retries included, even where it cannot be interrupted", () =>
    Effect.gen(function* () {
      for (const hangs of [Effect.never, Effect.uninterruptible(Effect.never)]) {
        const { after, outcome } = yield* reading(storeOf(Effect.fail(away), hangs))
        assert.strictEqual(outcome._tag === "Left" && outcome.left._tag, "TimeoutException")
        assert.strictEqual(after, 4000)
      }
      const slow = Effect.delay(Effect.succeedSome("text"), "3 seconds")
      assert.strictEqual((yield* reading(storeOf(slow))).outcome._tag, "Right")
    })
  )

  const runtime = (store: KeyValueStore.KeyValueStore) =>
    TestPlatform.layerBot({ hosts: Bot.ownHosts }).pipe(
      Layer.provide(Layer.succeed(KeyValueStore.KeyValueStore, store)),
      Layer.provideMerge(TestPlatform.layerPlatform())
    )

  it.effect("keeps a bot from going online no longer than for so long, ledger and session together", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.gen(function* () {
        yield* Effect.forkScoped(Gateway.run(Gateway.on("C2C_MESSAGE_CREATE", () => Effect.void)))
        yield* Gateway.ready
        return yield* Effect.flatMap(ReplyLedger.ReplyLedger, ({ size }) => size)
      }).pipe(Effect.scoped, Effect.provide(runtime(storeOf(Effect.never))), Effect.fork)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* Fiber.join(fiber), 0)
    })
  )
})
