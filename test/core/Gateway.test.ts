import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Gateway, Message, Messenger } from "@effect-qq/core"
import { Fault, TestPlatform } from "@effect-qq/core/testing"
import * as Bot from "../support/bot.ts"

const Echo = Gateway.on(["C2C_MESSAGE_CREATE", "GROUP_AT_MESSAGE_CREATE"], (event) =>
  Messenger.reply(event, Message.text(`you said: ${event.content.trim()}`))
)

it.effect("an echo bot answers", () =>
  Effect.gen(function* () {
    const platform = yield* TestPlatform.TestPlatform
    yield* Effect.forkScoped(Gateway.run(Echo))
    yield* Gateway.ready
    yield* platform.groupMessage({ group: "g1", text: "hi" })
    const [reply] = yield* platform.awaitSent(1)
    assert.strictEqual(reply?.content, "you said: hi")
  }).pipe(Effect.scoped, Effect.provide(TestPlatform.layer()))
)

it.effect("a bot that is run again is not judged by how the last run ended", () =>
  Effect.gen(function* () {
    const platform = yield* TestPlatform.TestPlatform
    const first = yield* Bot.online
    yield* platform.inject(Fault.close(4915))
    yield* Bot.advance("10 seconds")
    assert.include(yield* Bot.ending(first), "GatewayStopped")
    assert.strictEqual(yield* Bot.state, "Stopped")
    // its handlers need something that takes its time
    const slow = Layer.unwrapEffect(Effect.delay(Effect.succeed(Echo), "5 seconds"))
    yield* Effect.forkScoped(Gateway.run(slow))
    yield* Bot.settle
    assert.strictEqual(yield* Bot.state, "Disconnected")
    const ready = yield* Effect.fork(Gateway.ready)
    yield* Bot.advance("10 seconds")
    yield* ready
    assert.strictEqual(yield* Bot.state, "Ready")
  }).pipe(Bot.on())
)
