/** The clock of the bot's machine is set while the bot runs: what was handled stays known. */
import { assert, describe, it } from "@effect/vitest"
import { Gateway } from "@effect-qq/core"
import { Fault, TestPlatform, WallClock } from "@effect-qq/core/testing"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import * as Bot from "../../support/bot.ts"

describe("while the wall clock is set", () => {
  for (const millis of [6 * 60_000, 60 * 60_000, -60 * 60_000]) {
    it.effect(`by ${millis} ms, a message that comes again is still known`, () =>
      Effect.gen(function* () {
        const platform = yield* TestPlatform.TestPlatform
        const gateway = yield* Gateway.Gateway
        const handled: Array<string> = []
        yield* Effect.forkScoped(
          gateway.run(Gateway.on("C2C_MESSAGE_CREATE", ({ content }) => Effect.sync(() => handled.push(content))))
        )
        yield* TestClock.adjust("5 seconds")
        yield* platform.privateMessage({ user: "u", text: "one" })
        yield* TestClock.adjust("2 minutes")
        yield* WallClock.step(millis)
        yield* TestClock.adjust("3 minutes")
        // what is settled lets what is too old be forgotten
        yield* platform.privateMessage({ user: "u", text: "two" })
        yield* TestClock.adjust("1 second")
        yield* platform.inject(Fault.replayMore(5))
        yield* platform.inject(Fault.drop())
        yield* TestClock.adjust("30 seconds")
        assert.deepStrictEqual(handled, ["one", "two"])
      }).pipe(Bot.on({}), WallClock.steppable)
    )
  }
})
