import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Gateway, Message, Messenger } from "@effect-qq/core"
import { TestPlatform } from "@effect-qq/core/testing"

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
