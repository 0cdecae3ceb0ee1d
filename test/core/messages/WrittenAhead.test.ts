/** What the platform cannot tell from its repetition is noted before it is sent: a process that crashes leaves word of it. */
import { assert, describe, it } from "@effect/vitest"
import { Anchor, Conversation, Message, Messenger, ReplyLedger } from "@effect-qq/core"
import { Fault, TestPlatform } from "@effect-qq/core/testing"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import * as Bot from "../../support/bot.ts"

/** A process of the bot over the store of the platform. */
const bot = Bot.process()

const reply = (conversation: Conversation.Conversation, id: string) =>
  Messenger.reply(Anchor.make({ kind: "msg_id", id, conversation }), Message.text("the answer"), { key: "answer" })

const receive = (conversation: Conversation.Conversation, id: string) =>
  Effect.map(ReplyLedger.ReplyLedger, (ledger) => ledger.receive(Anchor.make({ kind: "msg_id", id, conversation })))

/**
 * A process replies so long after it received something, and is never heard of again: the platform has the reply, the
 * process no answer. Another one, which knows only what was stored until then, replies to the same.
 */
const crashed = (conversation: Conversation.Conversation, id: string, after: Duration.DurationInput) =>
  Effect.gen(function* () {
    const platform = yield* TestPlatform.TestPlatform
    yield* Effect.forkScoped(
      Effect.gen(function* () {
        yield* receive(conversation, id)
        yield* Effect.sleep(after)
        // stored a moment ago: what changes now would be stored only in a second
        yield* receive(Conversation.c2c("somebody"), "another")
        yield* Effect.sleep("5 millis")
        yield* platform.inject(Fault.http("send", Fault.hang({ accepted: true }), { times: 1 }))
        yield* reply(conversation, id)
      }).pipe(bot)
    )
    yield* TestClock.adjust(Duration.sum(after, "500 millis"))
    const seen = (yield* platform.sent).length
    const again = yield* reply(conversation, id).pipe(bot, Effect.either, Effect.fork)
    yield* TestClock.adjust("10 seconds")
    return { seen, again: yield* Fiber.join(again), answers: (yield* platform.sent).length }
  }).pipe(Effect.scoped)

describe("a process crashed between a request and its answer, and the next one does not send again", () => {
  it.effect("a reply that went out proactively, for its window had closed", () =>
    Effect.gen(function* () {
      const platform = yield* TestPlatform.TestPlatform
      const id = yield* platform.groupMessage({ group: "g", text: "hi" })
      yield* platform.allowProactive("group", "g", true)
      const { again, answers, seen } = yield* crashed(Conversation.group("g"), id, "6 minutes")
      assert.strictEqual(seen, 1)
      assert.strictEqual(again._tag === "Left" ? again.left._tag : "sent", "DeliveryUnknown")
      assert.strictEqual(answers, 1)
    }).pipe(Effect.provide(TestPlatform.layerPlatform()))
  )

  it.effect("a reply in a guild, where no number tells two replies from one", () =>
    Effect.gen(function* () {
      const platform = yield* TestPlatform.TestPlatform
      const id = yield* platform.channelMessage({ channel: "c", text: "hi" })
      const { again, answers, seen } = yield* crashed(Conversation.channel("c"), id, "1 minute")
      assert.strictEqual(seen, 1)
      assert.strictEqual(again._tag === "Left" ? again.left._tag : "sent", "DeliveryUnknown")
      assert.strictEqual(answers, 1)
    }).pipe(Effect.provide(TestPlatform.layerPlatform({ guildNeedsSession: false })))
  )
})
