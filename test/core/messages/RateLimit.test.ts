import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import * as Conversation from "../../../packages/core/src/messages/Conversation.ts"
import * as RateLimit from "../../../packages/core/src/messages/RateLimit.ts"

const forever = Duration.infinity

const turn = (conversation: Conversation.Conversation, proactive = false): RateLimit.Turn => ({
  operation: "send",
  conversation,
  proactive
})

/** When this many turns that are asked for at once are given, in milliseconds. */
const times = (rates: RateLimit.RateLimitShape, count: number, of: (n: number) => RateLimit.Turn) =>
  Effect.gen(function* () {
    const given: Array<number> = []
    const fiber = yield* Effect.fork(
      Effect.forEach(
        Array.from({ length: count }, (_, n) => n),
        (n) =>
          Effect.zipRight(
            rates.turn(of(n), forever),
            Effect.map(Clock.currentTimeMillis, (now) => {
              given[n] = now
            })
          ),
        { concurrency: "unbounded" }
      )
    )
    yield* TestClock.adjust("1 hour")
    yield* Fiber.join(fiber)
    return given
  })

const channel = Conversation.channel("c")

describe("turns", () => {
  it.effect("are given at once up to the limit, then as the window moves, in order", () =>
    Effect.gen(function* () {
      const rates = yield* RateLimit.make()
      assert.deepStrictEqual(
        yield* times(rates, 12, () => turn(channel)),
        [0, 0, 0, 0, 0, 1000, 1000, 1000, 1000, 1000, 2000, 2000]
      )
    })
  )

  it.effect("of one conversation do not wait for another's", () =>
    Effect.gen(function* () {
      const rates = yield* RateLimit.make()
      const given = yield* times(rates, 12, (n) => turn(n < 11 ? channel : Conversation.channel("d")))
      assert.strictEqual(given[11], 0)
    })
  )

  it.effect("for proactive messages are fewer than for replies", () =>
    Effect.gen(function* () {
      const rates = yield* RateLimit.make()
      const group = Conversation.group("g")
      const given = yield* times(rates, 60, (n) => turn(group, n % 2 === 0))
      assert.isTrue(given.every((at, n) => n % 2 === 0 || at === 0))
      const proactive = given.filter((_, n) => n % 2 === 0)
      assert.deepStrictEqual([proactive[19], proactive[20], proactive[29]], [0, 60_000, 60_000])
    })
  )

  it.effect("never exceed a limit in any window", () =>
    Effect.gen(function* () {
      const rates = yield* RateLimit.make()
      const given = yield* times(rates, 300, (n) => turn(Conversation.c2c(`u${n}`), true))
      for (const at of given) assert.isAtMost(given.filter((other) => other >= at && other < at + 1000).length, 10)
      assert.strictEqual(Math.max(...given), 29_000)
    })
  )

  it.effect("that would come too late are not waited for, and take nothing", () =>
    Effect.gen(function* () {
      const rates = yield* RateLimit.make()
      for (let n = 0; n < 5; n++) yield* rates.turn(turn(channel), forever)
      const late = yield* Effect.either(rates.turn(turn(channel), Duration.millis(999)))
      assert.isTrue(Either.isLeft(late) && Duration.toMillis(late.left.wait) === 1000)
      assert.strictEqual(Duration.toMillis(yield* rates.wait(turn(channel))), 1000)
    })
  )

  it.effect("that are given up before their time are left to others", () =>
    Effect.gen(function* () {
      const rates = yield* RateLimit.make()
      for (let n = 0; n < 5; n++) yield* rates.turn(turn(channel), forever)
      const fibers = yield* Effect.replicateEffect(Effect.fork(rates.turn(turn(channel), forever)), 5)
      yield* TestClock.adjust(0)
      assert.strictEqual(Duration.toMillis(yield* rates.wait(turn(channel))), 2000)
      yield* Fiber.interruptAll(fibers)
      assert.strictEqual(Duration.toMillis(yield* rates.wait(turn(channel))), 1000)
    })
  )

  it.effect("of what has no row are given at once", () =>
    Effect.gen(function* () {
      const rates = yield* RateLimit.make()
      const given = yield* times(rates, 200, () => ({ operation: "recall", conversation: channel, proactive: false }))
      assert.isTrue(given.every((at) => at === 0))
    })
  )

  it("come from rows that each name their source", () => {
    for (const row of RateLimit.table) {
      assert.isAbove(row.limit, 0)
      assert.isAbove(Duration.toMillis(row.window), 0)
      assert.notStrictEqual(row.source, "")
    }
  })
})
