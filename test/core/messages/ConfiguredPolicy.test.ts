/** How messages are sent is a part of a bot's configuration, like how its session is kept. */
import { assert, describe, it } from "@effect/vitest"
import { Conversation, MediaSource, Media, Message, Messenger } from "@effect-qq/core"
import { Fault } from "@effect-qq/core/testing"
import * as Effect from "effect/Effect"
import * as Bot from "../../support/bot.ts"
import { errorOf, inject, receiptOf, world } from "./harness.ts"

const user = Conversation.c2c("u1")

/** A user has written, and markdown is not granted. */
const asked = Effect.gen(function* () {
  yield* Bot.online
  yield* Effect.flatMap(world, (platform) => platform.privateMessage({ user: "u1", text: "hi" }))
  yield* Bot.settle
  yield* inject(Fault.refuseMessage("markdown", { times: Number.POSITIVE_INFINITY }))
})

const send = Effect.either(Messenger.send(user, Message.markdown("# hi")))

const configured = { bot: { sending: { onMarkdownRefused: "fail", maximumUpload: 10 } } } as const

describe("the policy of sending", () => {
  it.effect("has its defaults where the configuration says nothing", () =>
    Effect.gen(function* () {
      yield* asked
      assert.strictEqual(receiptOf(yield* send).fallbacks.length, 1)
    }).pipe(Bot.on())
  )

  it.effect("is that of the configuration, for messages and for media", () =>
    Effect.gen(function* () {
      yield* asked
      const error = errorOf(yield* send)
      assert.strictEqual(error._tag === "MessageRejected" ? error.class : "", "markdown_refused")
      const tooMuch = yield* Effect.either(Media.upload(user, MediaSource.fromBytes("file", new Uint8Array(11))))
      assert.strictEqual(errorOf(tooMuch)._tag, "MessageInvalid")
    }).pipe(Bot.on(configured))
  )

  it.effect("can be another in a part of a program, which says what differs", () =>
    Effect.gen(function* () {
      yield* asked
      const other = Effect.provide(Messenger.layerWith({ onMarkdownRefused: "text" }))
      assert.strictEqual(receiptOf(yield* other(send)).fallbacks.length, 1)
      const same = Effect.provide(Messenger.layerWith({ onKeyboardRefused: "fail" }))
      assert.strictEqual(errorOf(yield* same(send))._tag, "MessageRejected")
    }).pipe(Bot.on(configured))
  )
})
