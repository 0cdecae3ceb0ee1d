/** A reply is deduplicated only where users have seen what it says. */
import { assert, describe, it } from "@effect/vitest"
import { Anchor, Conversation, Gateway, Keyboard, MediaSource, Message, Messenger, ReplyLedger } from "@effect-qq/core"
import { Fault, TestPlatform } from "@effect-qq/core/testing"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as Bot from "../../support/bot.ts"
import { inject, listening, on, sent, visible, world } from "./harness.ts"

const key = { key: "answer" }

const button = (label: string) =>
  Message.markdown("press", { keyboard: Keyboard.rows([Keyboard.button(label, Keyboard.callback(label))]) })

const pairs: ReadonlyArray<readonly [string, Message.Message, Message.Message]> = [
  ["text", Message.text("one moment"), Message.text("the answer is 42")],
  ["markdown", Message.markdown("*a*"), Message.markdown("*b*")],
  ["text and markdown of the same content", Message.text("same"), Message.markdown("same")],
  ["markdown with other buttons", button("a"), button("b")],
  ["what is quoted", Message.text("a", { reference: "REFIDX_1" }), Message.text("a", { reference: "REFIDX_2" })],
  [
    "media at another address",
    Message.media(MediaSource.fromUrl("image", "https://example.com/a.png")),
    Message.media(MediaSource.fromUrl("image", "https://example.com/b.png"))
  ],
  [
    "other bytes",
    Message.media(MediaSource.fromBytes("image", new Uint8Array([1, 2, 3]))),
    Message.media(MediaSource.fromBytes("image", new Uint8Array([1, 2, 4])))
  ]
]

describe("another text under a name that was used", () => {
  for (const [what, one, other] of pairs) {
    it.effect(`is another reply, and both are sent once: ${what}`, () =>
      Effect.gen(function* () {
        const { privately } = yield* listening
        const event = yield* privately()
        const receipts = []
        for (const message of [one, other, one, other]) receipts.push(yield* Messenger.reply(event, message, key))
        assert.deepStrictEqual(
          receipts.map(({ deduplicated }) => deduplicated),
          [false, false, true, true]
        )
        assert.strictEqual((yield* sent).length, 2)
        assert.strictEqual(new Set((yield* sent).map(({ msgSeq }) => msgSeq)).size, 2)
      }).pipe(on())
    )
  }

  it.effect("reaches the user where a handler fails after its first reply and its second run says something else", () =>
    Effect.gen(function* () {
      const platform = yield* world
      let runs = 0
      const receipts: Array<Messenger.Receipt> = []
      yield* Effect.forkScoped(
        Gateway.run(
          Gateway.on(
            "C2C_MESSAGE_CREATE",
            (event) =>
              Effect.gen(function* () {
                if (runs++ === 0) {
                  yield* Messenger.reply(event, Message.text("one moment"))
                  return yield* Effect.fail("a failure")
                }
                receipts.push(yield* Messenger.reply(event, Message.text("the answer is 42")))
              }),
            { retry: Schedule.recurs(1) }
          )
        )
      )
      yield* Gateway.ready
      yield* platform.privateMessage({ user: "u1", text: "hi" })
      yield* Bot.advance("10 seconds")
      assert.strictEqual(runs, 2)
      assert.deepStrictEqual(yield* visible, ["one moment", "the answer is 42"])
      assert.deepStrictEqual(
        receipts.map(({ deduplicated }) => deduplicated),
        [false]
      )
    }).pipe(on())
  )

  it.effect("is sent whole where the first one was split, and the parts of the same text are not sent again", () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      const event = yield* privately()
      const long = "a line of text\n".repeat(8)
      yield* inject(Fault.refuseLonger(60))
      const first = yield* Messenger.reply(event, Message.text(long), key)
      const same = yield* Messenger.reply(event, Message.text(long), key)
      assert.isTrue(same.deduplicated)
      const other = yield* Messenger.reply(event, Message.text("short"), key)
      assert.isFalse(other.deduplicated)
      assert.deepStrictEqual((yield* visible).slice(first.parts.length), ["short"])
    }).pipe(on())
  )

  it.effect("that was sent as plain text stays the same reply", () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      const event = yield* privately()
      yield* inject(Fault.refuseMessage("markdown"))
      const first = yield* Messenger.reply(event, Message.markdown("*a*"), key)
      const same = yield* Messenger.reply(event, Message.markdown("*a*"), key)
      assert.deepStrictEqual([first.deduplicated, same.deduplicated], [false, true])
      assert.strictEqual((yield* sent).length, 1)
    }).pipe(on())
  )

  it.effect("after a whole stream is sent, and the same stream is not shown again", () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      const event = yield* privately()
      const stream = (text: string) => Messenger.replyStream(event, Stream.make(text), key)
      const receipts = [yield* stream("a"), yield* stream("a"), yield* stream("b"), yield* stream("b")]
      assert.deepStrictEqual(
        receipts.map(({ deduplicated }) => deduplicated),
        [false, true, false, true]
      )
      assert.deepStrictEqual(yield* visible, ["a", "b"])
    }).pipe(on())
  )
})

/** A process of the bot over the store of the platform. */
const bot = Bot.process()

const receive = (anchor: Anchor.Anchor) => Effect.map(ReplyLedger.ReplyLedger, (ledger) => ledger.receive(anchor))

describe("after a restart", () => {
  it.effect("a name keeps its text", () =>
    Effect.gen(function* () {
      const platform = yield* TestPlatform.TestPlatform
      const id = yield* platform.privateMessage({ user: "u", text: "hi" })
      const anchor = Anchor.make({ kind: "msg_id", id, conversation: Conversation.c2c("u") })
      const said = (text: string) =>
        Effect.map(Messenger.reply(anchor, Message.text(text), key), ({ deduplicated }) => deduplicated)
      yield* Effect.zipRight(receive(anchor), said("one moment")).pipe(bot)
      const again = yield* Effect.all([said("the answer is 42"), said("one moment")]).pipe(bot)
      const third = yield* said("the answer is 42").pipe(bot)
      assert.deepStrictEqual([...again, third], [false, true, true])
      assert.strictEqual((yield* platform.sent).length, 2)
    }).pipe(Effect.provide(TestPlatform.layerPlatform()))
  )

  const words = ["Once ", "upon ", "a ", "time"]
  const told = (list: ReadonlyArray<string>) =>
    Stream.fromIterable(list).pipe(Stream.schedule(Schedule.spaced("1 second")))

  for (const [when, failure] of [
    ["in the middle", undefined],
    ["before its beginning reached the platform", Fault.hang({ accepted: false })]
  ] as const) {
    it.effect(`a stream that a crash cut off ${when} is closed and recalled, then the answer is given whole`, () =>
      Effect.gen(function* () {
        const platform = yield* TestPlatform.TestPlatform
        const id = yield* platform.privateMessage({ user: "u", text: "hi" })
        const anchor = Anchor.make({ kind: "msg_id", id, conversation: Conversation.c2c("u") })
        if (failure !== undefined) yield* platform.inject(Fault.http("stream", failure, { times: 1 }))
        // a process that says half of it and is never heard of again
        const half = Stream.concat(told(words.slice(0, 2)), Stream.never)
        yield* Effect.forkScoped(bot(Effect.zipRight(receive(anchor), Messenger.replyStream(anchor, half, key))))
        yield* Effect.repeatN(TestClock.adjust("100 millis"), 39)
        assert.deepStrictEqual(
          (yield* platform.sent).map(({ content, stream }) => `${stream}: ${content}`),
          failure === undefined ? ["generating: Once upon "] : []
        )
        const again = yield* Effect.fork(bot(Messenger.replyStream(anchor, told(words), key)))
        yield* Effect.repeatN(TestClock.adjust("100 millis"), 99)
        yield* Fiber.join(again)
        const all = yield* platform.sent
        assert.deepStrictEqual(
          all.map(({ content, recalledAt, stream }) => [content, stream, recalledAt !== undefined]),
          [
            [failure === undefined ? "Once upon " : "Once ", "done", true],
            ["Once upon a time", "done", false]
          ]
        )
      }).pipe(Effect.scoped, Effect.provide(TestPlatform.layerPlatform()))
    )
  }

  it.effect("a stream that a crash cut off stays, closed, where it is too late to recall it", () =>
    Effect.gen(function* () {
      const platform = yield* TestPlatform.TestPlatform
      const id = yield* platform.privateMessage({ user: "u", text: "hi" })
      const anchor = Anchor.make({ kind: "msg_id", id, conversation: Conversation.c2c("u") })
      const half = Stream.concat(told(words.slice(0, 2)), Stream.never)
      yield* Effect.forkScoped(bot(Effect.zipRight(receive(anchor), Messenger.replyStream(anchor, half, key))))
      yield* Effect.repeatN(TestClock.adjust("100 millis"), 39)
      yield* TestClock.adjust("5 minutes")
      const again = yield* Effect.fork(bot(Messenger.replyStream(anchor, told(words), key)))
      yield* Effect.repeatN(TestClock.adjust("100 millis"), 99)
      yield* Fiber.join(again)
      assert.deepStrictEqual(
        (yield* platform.sent).map(({ content, stream }) => `${stream}: ${content}`),
        ["done: Once upon ", "done: Once upon a time"]
      )
    }).pipe(Effect.scoped, Effect.provide(TestPlatform.layerPlatform()))
  )

  it.effect("a whole stream whose run ends before the store has its end is not shown again", () =>
    Effect.gen(function* () {
      const platform = yield* TestPlatform.TestPlatform
      const id = yield* platform.privateMessage({ user: "u", text: "hi" })
      const anchor = Anchor.make({ kind: "msg_id", id, conversation: Conversation.c2c("u") })
      const reply = Messenger.replyStream(anchor, told(words), key)
      const run = bot(Effect.zipRight(receive(anchor), reply)).pipe(
        Effect.updateService(KeyValueStore.KeyValueStore, (store) => ({
          ...store,
          set: (name: string, value: string | Uint8Array) => Effect.delay(store.set(name, value), "1 second")
        }))
      )
      const first = yield* Effect.fork(run)
      const isDone = Effect.map(platform.sent, ([message]) => message?.stream === "done")
      yield* Effect.repeat(TestClock.adjust("100 millis"), { until: () => isDone, times: 200 })
      const leaving = yield* Effect.fork(Fiber.interrupt(first))
      yield* Effect.repeatN(TestClock.adjust("1 second"), 20)
      assert.isTrue(Exit.isInterrupted(yield* Fiber.join(leaving)))
      // too late for a recall
      yield* TestClock.adjust("5 minutes")
      const again = yield* Effect.fork(bot(reply))
      yield* Effect.repeatN(TestClock.adjust("100 millis"), 99)
      assert.isTrue((yield* Fiber.join(again)).deduplicated)
      assert.deepStrictEqual(
        (yield* platform.sent).map(({ content, stream }) => `${stream}: ${content}`),
        ["done: Once upon a time"]
      )
    }).pipe(Effect.scoped, Effect.provide(TestPlatform.layerPlatform()))
  )

  it.effect("the rest of a stream that was sent in parts is not taken for the whole text by a later run", () =>
    Effect.gen(function* () {
      const platform = yield* TestPlatform.TestPlatform
      const id = yield* platform.privateMessage({ user: "u", text: "hi" })
      const anchor = Anchor.make({ kind: "msg_id", id, conversation: Conversation.c2c("u") })
      const long = Array.from({ length: 12 }, (_, index) => `word number ${index} `)
      const text = long.join("")
      const reply = Messenger.replyStream(anchor, told(long), key)
      // of four replies three are left: the stream is one, and its rest is too long for the other two
      const other = Messenger.reply(anchor, Message.text("a"), { key: "another" })
      const start = Effect.zipRight(receive(anchor), other)
      const first = yield* Effect.fork(bot(Effect.zipRight(start, Effect.either(reply))))
      yield* platform.inject(Fault.refuseMessage("any", { code: 40_054_007, longerThan: 50, times: 3 }))
      yield* Effect.repeatN(TestClock.adjust("100 millis"), 199)
      assert.isTrue(Either.isLeft(yield* Fiber.join(first)))
      const said = Effect.map(platform.sent, (all) => all.slice(1).map(({ content }) => content))
      const before = yield* said
      assert.strictEqual(before.length, 3)
      assert.isTrue(text.startsWith(before.join("")))
      const again = yield* Effect.fork(bot(Effect.either(reply)))
      yield* Effect.repeatN(TestClock.adjust("100 millis"), 199)
      const result = yield* Fiber.join(again)
      assert.strictEqual(Either.isLeft(result) ? result.left._tag : "delivered", "QuotaExhausted")
      assert.deepStrictEqual(yield* said, before)
    }).pipe(Effect.scoped, Effect.provide(TestPlatform.layerPlatform()))
  )
})
