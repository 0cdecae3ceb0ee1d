/** The clock of the bot's machine is set while the bot runs: what is measured does not change. */
import { assert, describe, it } from "@effect/vitest"
import { type Conversation, Message, Messenger } from "@effect-qq/core"
import { Fault, VirtualTime, WallClock } from "@effect-qq/core/testing"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as RateLimit from "../../../packages/core/src/messages/RateLimit.ts"
import * as Bot from "../../support/bot.ts"
import { inject, listening, on, receiptOf, visible, within, world } from "./harness.ts"

const step = (millis: number) => Effect.flatMap(world, (platform) => platform.stepWallClock(millis))

const sixMinutes = 6 * 60_000

describe("while the wall clock is set", () => {
  for (const millis of [sixMinutes, -sixMinutes]) {
    it.effect(`by ${millis} ms inside a handler, its reply stays a reply`, () =>
      Effect.gen(function* () {
        const { inGroup } = yield* listening
        const event = yield* inGroup()
        const before = yield* Clock.currentTimeMillis
        yield* step(millis)
        assert.strictEqual((yield* Clock.currentTimeMillis) - before, millis)
        const receipt = yield* Messenger.reply(event, Message.text("a"))
        assert.strictEqual(receipt.via, "passive")
        assert.deepStrictEqual(yield* visible, ["a"])
      }).pipe(on(), WallClock.steppable)
    )
  }

  it.effect("set back, a reply window still closes on time", () =>
    Effect.gen(function* () {
      const { inGroup } = yield* listening
      const event = yield* inGroup()
      yield* (yield* world).allowProactive("group", "g1", true)
      yield* step(-sixMinutes)
      yield* Bot.advance("5 minutes")
      const receipt = receiptOf(yield* within("10 seconds")(Messenger.reply(event, Message.text("a"))))
      assert.strictEqual(receipt.via, "proactive")
    }).pipe(on(), WallClock.steppable)
  )

  it.effect("between the attempts of a reply, the ladder goes on", () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      const event = yield* privately()
      yield* inject(Fault.http("send", Fault.status(429, { code: 50002, message: "slow" }), { times: 3 }))
      const fiber = yield* Effect.fork(Messenger.reply(event, Message.text("a")))
      yield* Bot.advance("1 second")
      yield* step(2 * 3_600_000)
      yield* Bot.advance("20 seconds")
      const receipt = yield* fiber
      assert.strictEqual(receipt.attempts, 4)
      assert.deepStrictEqual(yield* visible, ["a"])
    }).pipe(on(), WallClock.steppable)
  )

  it.effect("set back after a turn was given, the next turn does not wait for the clock to catch up", () =>
    Effect.gen(function* () {
      const rates = yield* RateLimit.make([
        {
          operation: "send",
          scene: "c2c",
          counts: "all",
          per: "bot",
          limit: 1,
          window: Duration.seconds(1),
          source: "test"
        }
      ])
      const conversation: Conversation.Conversation = { _tag: "C2C", user: "u" }
      const turn = { operation: "send", conversation, proactive: false } as const
      yield* rates.turn(turn, Duration.minutes(1))
      yield* WallClock.step(-sixMinutes)
      assert.strictEqual(Duration.toMillis(yield* rates.wait(turn)), 1000)
    }).pipe(WallClock.steppable)
  )
})

describe("virtual time", () => {
  it("lets the wall clock be set, and neither monotonic time nor a timer notices", () => {
    const program = Effect.gen(function* () {
      const before = yield* Clock.currentTimeNanos
      const sleeper = yield* Effect.fork(Effect.sleep("10 seconds"))
      yield* WallClock.step(sixMinutes)
      yield* Fiber.join(sleeper)
      const elapsed = Number((yield* Clock.currentTimeNanos) - before) / 1e6
      return [elapsed, yield* Clock.currentTimeMillis]
    })
    assert.deepStrictEqual(Effect.runSync(program.pipe(VirtualTime.run({ start: 1000 }))), [
      10_000,
      1000 + 10_000 + sixMinutes
    ])
  })
})
