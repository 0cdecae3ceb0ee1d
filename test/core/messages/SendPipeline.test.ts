import { assert, describe, it } from "@effect/vitest"
import {
  Anchor,
  Ark,
  Conversation,
  type Event,
  Gateway,
  Keyboard,
  Media,
  MediaSource,
  Message,
  Messenger
} from "@effect-qq/core"
import { Fault } from "@effect-qq/core/testing"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Bot from "../../support/bot.ts"
import { errorOf, inject, listening, on, receiptOf, requests, sent, visible, within, world } from "./harness.ts"

const forever = { times: Number.POSITIVE_INFINITY }

const user = Conversation.c2c("u1")

const button = Keyboard.button("yes", Keyboard.callback("y"))

const anchorOf = (event: Event.Event) => Option.getOrThrow(Anchor.ofEvent(event))

describe("every scene", () => {
  for (const [name, conversation, say] of [
    ["c2c", user, { scene: "c2c" }],
    ["group", Conversation.group("g1"), { scene: "group" }],
    ["channel", Conversation.channel("c1"), { scene: "channel" }],
    ["dm", Conversation.directMessage("d1"), { scene: "dm" }]
  ] as const) {
    it.effect(`${name}: a reply and an unasked message arrive where they belong`, () =>
      Effect.gen(function* () {
        const { happens: _, newestOther, inGroup, privately } = yield* listening
        const { channelMessage, directMessage } = yield* world
        yield* Messenger.send(conversation, Message.text("unasked"))
        const event: Event.Event = yield* say.scene === "c2c"
          ? privately()
          : say.scene === "group"
            ? inGroup()
            : Effect.zipRight(
                say.scene === "channel"
                  ? channelMessage({ channel: "c1", text: "hi" })
                  : directMessage({ guild: "d1", text: "hi" }),
                newestOther
              )
        const receipt = yield* Messenger.reply(anchorOf(event), Message.text("re"))
        assert.strictEqual(receipt.via, "passive")
        assert.isString(receipt.id)
        const messages = yield* sent
        assert.deepStrictEqual(
          messages.map(({ content, scene }) => `${scene} ${content}`),
          [`${name} unasked`, `${name} re`]
        )
        assert.isUndefined(messages[0]?.msgId)
        assert.strictEqual(messages[1]?.msgId, anchorOf(event).id)
        const isGuild = name === "channel" || name === "dm"
        assert.strictEqual("msg_seq" in (messages[1]?.body ?? {}), !isGuild)
        assert.strictEqual("msg_type" in (messages[1]?.body ?? {}), !isGuild)
      }).pipe(on(undefined, { intents: (1 << 25) | (1 << 30) | (1 << 12) | (1 << 26) }))
    )
  }

  it.effect("guild replies have no msg_seq, so one of unknown outcome is not repeated", () =>
    Effect.gen(function* () {
      const { newestOther } = yield* listening
      const { channelMessage } = yield* world
      yield* channelMessage({ channel: "c1", text: "hi" })
      const anchor = anchorOf(yield* newestOther)
      yield* inject(Fault.http("send", Fault.reset({ accepted: true })))
      const outcome = yield* Messenger.reply(anchor, Message.text("re")).pipe(within("1 minute"))
      assert.strictEqual(errorOf(outcome)._tag, "DeliveryUnknown")
      assert.deepStrictEqual(yield* visible, ["re"])
      assert.strictEqual((yield* requests).length, 1)
    }).pipe(on(undefined, { intents: (1 << 25) | (1 << 30) }))
  )

  it.effect("events are replied to by their own id", () =>
    Effect.gen(function* () {
      const { happens } = yield* listening
      for (const [type, payload, place] of [
        ["FRIEND_ADD", { openid: "u1", timestamp: 1 }, "c2c:u1"],
        ["INTERACTION_CREATE", { id: "i", type: 11, group_openid: "g1" }, "group:g1"],
        ["MESSAGE_REACTION_ADD", { guild_id: "q", channel_id: "c1", user_id: "e", emoji: { id: "4" } }, "channel:c1"]
      ] as const) {
        const event = yield* happens(type, payload)
        if (event.t !== type) throw new Error(`${event.t} is not ${type}`)
        const receipt = yield* Messenger.reply(event, Message.text("welcome"))
        assert.strictEqual(receipt.via, "passive")
        const message = (yield* sent).at(-1)
        assert.strictEqual(`${message?.scene}:${message?.target}`, place)
        assert.strictEqual(message?.eventId, event.envelope.id)
        assert.isUndefined(message?.msgId)
      }
    }).pipe(on())
  )

  it.effect("an event that cannot be replied to is refused before any request", () =>
    Effect.gen(function* () {
      const { happens } = yield* listening
      const event = yield* happens("INTERACTION_CREATE", { id: "i", type: 11, guild_id: "q", channel_id: "c1" })
      if (event.t !== "INTERACTION_CREATE") throw new Error(event.t)
      const error = errorOf(yield* Effect.either(Messenger.reply(event, Message.text("x"))))
      assert.strictEqual(error._tag, "MessageInvalid")
      assert.include(error.message, "INTERACTION_CREATE")
      assert.lengthOf(yield* requests, 0)
    }).pipe(on())
  )

  it.effect("a card, an embed and a typing notice are taken", () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      const event = yield* privately()
      yield* Messenger.reply(event, Message.inputNotify(5))
      const card = Ark.links({ description: "d", prompt: "p", items: [{ description: "one" }] })
      yield* Messenger.reply(event, Message.ark(card))
      yield* Messenger.send(Conversation.channel("c1"), Message.embed({ title: "t", prompt: "p", fields: ["a"] }))
      const accepted = yield* Bot.entries("Accepted")
      assert.deepStrictEqual(
        accepted.map(({ msgType }) => msgType),
        [6, 3, 4]
      )
    }).pipe(on())
  )

  it.effect("refuses an invalid message before any request", () =>
    Effect.gen(function* () {
      for (const [conversation, message, field] of [
        [user, Message.text(""), "content"],
        [Conversation.group("g"), Message.inputNotify(), "_tag"],
        [user, Message.embed({ title: "t", prompt: "p", fields: [] }), "_tag"],
        [Conversation.c2c(""), Message.text("hi"), "conversation"],
        [user, Message.inputNotify(), "_tag"],
        [Conversation.channel("c"), Message.image(Uint8Array.of(1)), "media"]
      ] as const) {
        const error = errorOf(yield* Effect.either(Messenger.send(conversation, message)))
        assert.strictEqual(error._tag === "MessageInvalid" ? error.field : error._tag, field)
      }
      assert.deepStrictEqual(yield* Bot.entries("Request"), [])
    }).pipe(on())
  )
})

describe("an unasked message", () => {
  it.effect("borrows what was received last, until that has no replies left", () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      const first = yield* privately("one")
      const second = yield* privately("two")
      for (let n = 0; n < 9; n++) yield* Messenger.send(user, Message.text(`m${n}`))
      assert.deepStrictEqual(
        (yield* sent).map(({ msgId }) => msgId),
        [...Array(4).fill(second.id), ...Array(4).fill(first.id), undefined]
      )
    }).pipe(on())
  )

  it.effect("may be asked to borrow nothing", () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      yield* privately()
      const receipt = yield* Messenger.send(user, Message.text("hi"), { anchor: "none" })
      assert.strictEqual(receipt.via, "proactive")
    }).pipe(on())
  )

  it.effect("on a borrowed anchor may be repeated: seen once", () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      yield* privately()
      yield* inject(Fault.http("send", Fault.reset({ accepted: true })))
      const receipt = receiptOf(yield* Messenger.send(user, Message.text("hi")).pipe(within("1 minute")))
      assert.isTrue(receipt.deduplicated)
      assert.deepStrictEqual(yield* visible, ["hi"])
    }).pipe(on())
  )

  it.effect("that meets another's msg_seq takes another, once", () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      yield* privately()
      const duplicate = Fault.status(400, { code: 40054005, message: "duplicate" })
      yield* inject(Fault.http("send", duplicate))
      yield* Messenger.send(user, Message.text("hi"))
      assert.deepStrictEqual(yield* visible, ["hi"])
      yield* inject(Fault.http("send", duplicate, { times: 2 }))
      const error = errorOf(yield* Effect.either(Messenger.send(user, Message.text("again"))))
      assert.strictEqual(error._tag === "MessageRejected" ? error.class : "", "duplicate")
      assert.deepStrictEqual(yield* visible, ["hi"])
    }).pipe(on())
  )

  it.effect("whose borrowed anchor has expired at the platform goes out unasked", () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      yield* privately()
      yield* inject(Fault.http("send", Fault.status(400, { code: 40034005, message: "expired" })))
      const receipt = yield* Messenger.send(user, Message.text("hi"))
      assert.strictEqual(receipt.via, "proactive")
      // and is not borrowed again
      yield* Messenger.send(user, Message.text("again"))
      assert.strictEqual((yield* requests).length, 3)
    }).pipe(on())
  )
})

describe("the replies to one message", () => {
  it.effect(
    "are as many as the platform allows; the next one fails, or goes out unasked where the policy says so",
    () =>
      Effect.gen(function* () {
        const { inGroup, privately } = yield* listening
        const outcomes = (event: Event.MessageEvent, count: number) =>
          Effect.forEach(
            Array.from({ length: count }, (_, n) => n),
            (n) => Effect.either(Messenger.reply(event, Message.text(`${event.t} ${n}`), { key: `${n}` }))
          )
        const inPrivate = yield* outcomes(yield* privately(), 5)
        assert.deepStrictEqual(inPrivate.map(Either.isRight), [true, true, true, true, false])
        const error = errorOf(inPrivate[4])
        assert.strictEqual(error._tag, "QuotaExhausted")
        assert.strictEqual(error._tag === "QuotaExhausted" ? error.of : "", "message")
        const group = yield* outcomes(yield* inGroup(), 6)
        assert.deepStrictEqual(group.map(Either.isRight), [true, true, true, true, true, false])
        assert.strictEqual(errorOf(group[5])._tag, "QuotaExhausted")
        assert.isTrue((yield* sent).every(({ msgId }) => msgId !== undefined))
        assert.strictEqual((yield* sent).length, 9)
      }).pipe(on())
  )

  for (const onExhausted of ["fail", "proactive"] as const) {
    it.effect(`forty at once, with keys: each has its own msg_seq; the rest ${onExhausted}`, () =>
      Effect.gen(function* () {
        const { privately } = yield* listening
        const event = yield* privately()
        const outcomes = yield* Effect.forEach(
          Array.from({ length: 40 }, (_, n) => `k${n}`),
          (key) => Effect.either(Messenger.reply(event, Message.text(key), { key })),
          { concurrency: "unbounded" }
        ).pipe(
          Effect.provide(Messenger.layerWith({ onExhausted })),
          within("10 minutes"),
          Effect.map(Either.getOrThrow)
        )
        const messages = yield* sent
        const passive = messages.filter(({ msgId }) => msgId !== undefined)
        assert.strictEqual(passive.length, 4)
        assert.strictEqual(new Set(passive.map(({ msgSeq }) => msgSeq)).size, 4)
        assert.strictEqual(new Set(messages.map(({ content }) => content)).size, messages.length)
        const tags = outcomes.map((outcome) => (Either.isRight(outcome) ? outcome.right.via : outcome.left._tag))
        const count = (tag: string) => tags.filter((found) => found === tag).length
        assert.strictEqual(count("passive"), 4)
        assert.strictEqual(count(onExhausted === "fail" ? "QuotaExhausted" : "proactive"), 36)
        assert.strictEqual(messages.length, onExhausted === "fail" ? 4 : 40)
      }).pipe(on())
    )
  }

  it.effect("of two handlers without keys never collide", () =>
    Effect.gen(function* () {
      const answer = (name: string) =>
        Gateway.on("C2C_MESSAGE_CREATE", (event) =>
          Effect.forEach([1, 2], (n) => Messenger.reply(event, Message.text(`${name}${n}`)))
        )
      yield* Effect.forkScoped(Gateway.run(Layer.mergeAll(answer("a"), answer("b"))))
      yield* Gateway.ready
      const { privateMessage } = yield* world
      for (let n = 0; n < 10; n++) yield* privateMessage({ user: `u${n}`, text: "hi" })
      yield* Bot.settle
      const messages = yield* sent
      assert.strictEqual(messages.length, 40)
      assert.strictEqual(new Set(messages.map(({ msgId, msgSeq }) => `${msgId} ${msgSeq}`)).size, 40)
    }).pipe(on())
  )
})

describe("an expired reply", () => {
  it.effect("that the platform calls expired before this clock does goes out once, unasked", () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      const event = yield* privately()
      yield* inject(Fault.http("send", Fault.status(400, { code: 40034005, message: "回复消息msg_id已过期" })))
      const receipt = yield* Messenger.reply(event, Message.text("re"))
      assert.strictEqual(receipt.via, "proactive")
      // it is known now: the next reply does not ask
      yield* Messenger.reply(event, Message.text("more"))
      assert.deepStrictEqual(yield* visible, ["re", "more"])
      assert.strictEqual((yield* requests).length, 3)
    }).pipe(on({ windows: { c2c: { duration: 1e9, replies: 100 } } }))
  )

  it.effect("is not sent once its window has closed by this clock", () =>
    Effect.gen(function* () {
      const { inGroup } = yield* listening
      const event = yield* inGroup()
      yield* Bot.advance("301 seconds")
      const receipt = yield* Messenger.reply(event, Message.text("re"))
      assert.strictEqual(receipt.via, "proactive")
      assert.strictEqual((yield* requests).length, 1)
    }).pipe(on())
  )

  it.effect("in the last two seconds counts as one: it might come too late", () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      const event = yield* privately()
      yield* Bot.advance("3599 seconds")
      const receipt = yield* Messenger.reply(event, Message.text("re"))
      assert.strictEqual(receipt.via, "proactive")
      assert.deepStrictEqual(yield* visible, ["re"])
    }).pipe(on())
  )

  it.effect("replies to an event of the conversation instead, where the policy says so", () =>
    Effect.gen(function* () {
      const { happens, privately } = yield* listening
      const event = yield* privately()
      yield* Bot.advance("30 minutes")
      const receive = yield* happens("C2C_MSG_RECEIVE", { openid: "u1", timestamp: 1 })
      yield* Bot.advance("31 minutes")
      const reply = Messenger.reply(event, Message.text("re"), { key: "k" }).pipe(
        Effect.provide(Messenger.layerWith({ onExpired: "event-id" }))
      )
      const receipt = yield* reply
      assert.strictEqual(receipt.via, "passive")
      assert.strictEqual((yield* sent)[0]?.eventId, receive.envelope.id)
      yield* Bot.advance("30 minutes")
      const late = Messenger.reply(event, Message.text("late"), { key: "l" }).pipe(
        Effect.provide(Messenger.layerWith({ onExpired: "event-id" }))
      )
      assert.strictEqual(errorOf(yield* Effect.either(late))._tag, "MsgIdExpired")
      assert.deepStrictEqual(yield* visible, ["re"])
    }).pipe(on())
  )

  it.effect("is never a proactive typing notice", () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      const event = yield* privately()
      yield* Bot.advance("61 minutes")
      const outcome = yield* Effect.either(Messenger.reply(event, Message.inputNotify()))
      assert.strictEqual(errorOf(outcome)._tag, "MsgIdExpired")
      assert.deepStrictEqual(yield* requests, [])
    }).pipe(on())
  )

  it.effect("whose unasked copy has an unknown outcome is not sent again, not even by another run", () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      const event = yield* privately()
      yield* Bot.advance("61 minutes")
      yield* inject(Fault.http("send", Fault.reset({ accepted: true })))
      const reply = Effect.either(Messenger.reply(event, Message.text("re"), { key: "k" }))
      const first = errorOf(yield* reply)
      assert.strictEqual(first._tag, "DeliveryUnknown")
      assert.strictEqual(first._tag === "DeliveryUnknown" ? first.expired?._tag : "", "MsgIdExpired")
      assert.strictEqual(errorOf(yield* reply)._tag, "DeliveryUnknown")
      assert.deepStrictEqual(yield* visible, ["re"])
    }).pipe(on())
  )
})

describe("what the platform refuses", () => {
  it.effect("as markdown goes out as plain text, and is left out for an hour", () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      const event = yield* privately()
      yield* inject(Fault.refuseMessage("markdown", forever))
      const receipt = yield* Messenger.reply(event, Message.markdown("# hi", { plainText: "hi" }))
      assert.deepStrictEqual(receipt.fallbacks, ["plain-text"])
      assert.strictEqual((yield* requests).length, 2)
      const second = yield* Messenger.reply(event, Message.markdown("# more"))
      assert.deepStrictEqual(second.fallbacks, ["plain-text"])
      assert.strictEqual((yield* requests).length, 3)
      assert.deepStrictEqual(yield* visible, ["hi", "# more"])
      assert.isTrue((yield* sent).every(({ msgType }) => msgType === 0))
      yield* inject(Fault.clear)
      yield* Bot.advance("1 hour")
      const third = yield* Messenger.reply(yield* privately(), Message.markdown("# again"))
      assert.deepStrictEqual(third.fallbacks, [])
    }).pipe(on())
  )

  it.effect("as markdown of a template without plain text, or by a policy, is an error", () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      const event = yield* privately()
      yield* inject(Fault.refuseMessage("markdown", forever))
      const template = Messenger.reply(event, Message.markdownTemplate("t", { a: "b" }))
      const custom = Messenger.reply(event, Message.markdown("# hi")).pipe(
        Effect.provide(Messenger.layerWith({ onMarkdownRefused: "fail" }))
      )
      for (const outcome of [yield* Effect.either(template), yield* Effect.either(custom)]) {
        const error = errorOf(outcome)
        assert.strictEqual(error._tag === "MessageRejected" ? error.class : "", "markdown_refused")
      }
      assert.deepStrictEqual(yield* visible, [])
    }).pipe(on())
  )

  it.effect("for its keyboard goes out without", () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      const event = yield* privately()
      yield* inject(Fault.refuseMessage("keyboard", forever))
      const message = Message.markdown("# hi", { keyboard: Keyboard.rows([button]) })
      const receipt = yield* Messenger.reply(event, message)
      assert.deepStrictEqual(receipt.fallbacks, ["without-keyboard"])
      const [shown] = yield* sent
      assert.strictEqual(shown?.msgType, 2)
      assert.notProperty(shown?.body, "keyboard")
    }).pipe(on())
  )

  it.effect("for its keyboard and then as markdown ends as plain text", () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      const event = yield* privately()
      yield* inject(Fault.refuseMessage("keyboard", forever))
      yield* inject(Fault.http("send", Fault.status(400, { code: 304057, message: "keyboard" })))
      yield* inject(Fault.http("send", Fault.status(400, { code: 40034012, message: "markdown" })))
      const message = Message.markdown("# hi", { keyboard: Keyboard.rows([button]) })
      const receipt = yield* Messenger.reply(event, message)
      assert.deepStrictEqual(receipt.fallbacks, ["without-keyboard", "plain-text"])
      assert.deepStrictEqual(yield* visible, ["# hi"])
      assert.strictEqual((yield* requests).length, 3)
    }).pipe(on())
  )

  it.effect("as too long goes out in parts, each once, quoting with the first", () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      const event = yield* privately()
      const text = Array.from({ length: 30 }, (_, n) => `line ${n}`).join("\n")
      const message = Message.text(text, { reference: "REFIDX_1" })
      const receipt = yield* Messenger.reply(event, message, { key: "k" }).pipe(
        Effect.provide(Messenger.layerWith({ partLength: 90 }))
      )
      assert.deepStrictEqual(receipt.fallbacks, ["split"])
      const messages = yield* sent
      assert.strictEqual(messages.length, receipt.parts.length)
      assert.strictEqual(messages.map(({ content }) => content).join("\n"), text)
      assert.strictEqual(new Set(messages.map(({ msgSeq }) => msgSeq)).size, messages.length)
      assert.deepStrictEqual(
        messages.map(({ body }) => "message_reference" in body),
        messages.map((_, index) => index === 0)
      )
      assert.strictEqual((yield* requests).length, messages.length + 1)
      // the same reply again: every part is known
      const again = yield* Messenger.reply(event, message, { key: "k" }).pipe(
        Effect.provide(Messenger.layerWith({ partLength: 90 }))
      )
      assert.isTrue(again.deduplicated)
      assert.strictEqual((yield* sent).length, messages.length)
    }).pipe(on({ maximumContent: 100, windows: { c2c: { duration: 3_600_000, replies: 100 } } }))
  )

  it.effect("as too long is cut again for as long as its parts are too long", () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      const event = yield* privately()
      const text = Array.from({ length: 1200 }, (_, n) => `line ${n}`.padEnd(9, ".")).join("\n")
      const receipt = yield* Messenger.reply(event, Message.text(text))
      const messages = yield* sent
      assert.strictEqual(messages.map(({ content }) => content).join("\n"), text)
      assert.isTrue(messages.every(({ content }) => content.length <= 4000))
      assert.strictEqual(receipt.parts.length, messages.length)
    }).pipe(on({ maximumContent: 4000, windows: { c2c: { duration: 3_600_000, replies: 100 } } }))
  )

  it.effect("as too long and that would take more than 15 parts fails, and nothing is sent", () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      const event = yield* privately()
      const error = errorOf(yield* Effect.either(Messenger.reply(event, Message.text("x".repeat(2000)))))
      assert.strictEqual(error._tag, "MessageInvalid")
      assert.strictEqual((yield* sent).length, 0)
    }).pipe(on({ maximumContent: 100, windows: { c2c: { duration: 3_600_000, replies: 100 } } }))
  )

  it.effect("as too long and whose third part has no reply left says which part", () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      const event = yield* privately()
      const reply = Messenger.reply(event, Message.text("x".repeat(250))).pipe(
        Effect.provide(Messenger.layerWith({ partLength: 90 }))
      )
      const error = errorOf(yield* Effect.either(reply))
      assert.strictEqual(error._tag, "QuotaExhausted")
      assert.deepStrictEqual(error._tag === "QuotaExhausted" ? error.part : undefined, { number: 3, of: 3 })
      assert.strictEqual((yield* sent).length, 2)
    }).pipe(on({ maximumContent: 100, windows: { c2c: { duration: 3_600_000, replies: 2 } } }))
  )

  it.effect("for its addresses fails, or goes out with them masked where the policy says so", () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      const event = yield* privately()
      yield* inject(Fault.refuseMessage("url", forever))
      const message = Message.text("see https://a.example/b")
      const error = errorOf(yield* Effect.either(Messenger.reply(event, message)))
      assert.strictEqual(error._tag === "MessageRejected" ? error.class : "", "url_blocked")
      const receipt = yield* Messenger.reply(event, message).pipe(
        Effect.provide(Messenger.layerWith({ onUrlRefused: "mask" }))
      )
      assert.deepStrictEqual(receipt.fallbacks, ["masked"])
      assert.deepStrictEqual(yield* visible, ["see a。example/b"])
    }).pipe(on())
  )

  it.effect("after an attempt without an answer is not followed by another form", () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      const event = yield* privately()
      yield* inject(Fault.http("send", Fault.hang({ accepted: false })))
      yield* inject(Fault.http("send", Fault.status(400, { code: 40034012, message: "markdown" })))
      const outcome = yield* Messenger.reply(event, Message.markdown("# hi")).pipe(within("1 minute"))
      assert.strictEqual(errorOf(outcome)._tag, "DeliveryUnknown")
      assert.strictEqual((yield* requests).length, 2)
    }).pipe(on())
  )
})

describe("moderation", () => {
  const audited = on()
  const withAudits = on(undefined, { intents: (1 << 25) | (1 << 26) | (1 << 27) })

  for (const status of [200, 201, 202] as const) {
    it.effect(`that passes a message (HTTP ${status}) names it`, () =>
      Effect.gen(function* () {
        const { privately } = yield* listening
        const event = yield* privately()
        yield* inject(Fault.audit("pass", { status, after: 60_000 }))
        const receipt = yield* Messenger.reply(event, Message.text("re"))
        assert.isString(receipt.audit?.auditId)
        assert.isUndefined(receipt.id)
        assert.deepStrictEqual(yield* visible, [])
        const passed = receiptOf(yield* Messenger.audited(receipt, "2 minutes").pipe(within("2 minutes")))
        const [shown] = yield* sent
        assert.strictEqual(passed.id, shown?.id)
        assert.isUndefined(passed.audit)
        // decided already: at once, and again
        assert.strictEqual((yield* Messenger.audited(receipt, 0)).id, shown?.id)
      }).pipe(withAudits)
    )
  }

  it.effect("that rejects a message says so", () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      yield* inject(Fault.audit("reject"))
      const receipt = yield* Messenger.reply(yield* privately(), Message.text("re"))
      const error = errorOf(yield* Messenger.audited(receipt, "2 minutes").pipe(within("2 minutes")))
      assert.strictEqual(error._tag, "AuditRejected")
      assert.deepStrictEqual(yield* visible, [])
    }).pipe(withAudits)
  )

  it.effect("that never decides is waited for as long as the caller likes", () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      yield* inject(Fault.audit("never"))
      const receipt = yield* Messenger.reply(yield* privately(), Message.text("re"))
      const error = errorOf(yield* Messenger.audited(receipt, "2 minutes").pipe(within("2 minutes")))
      assert.strictEqual(error._tag, "AuditUndecided")
    }).pipe(withAudits)
  )

  it.effect("without a pending audit completes at once", () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      const receipt = yield* Messenger.reply(yield* privately(), Message.text("re"))
      assert.deepStrictEqual(yield* Messenger.audited(receipt, 0), receipt)
    }).pipe(audited)
  )
})

describe("a recall", () => {
  it.effect("takes a message back, once, within two minutes", () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      const event = yield* privately()
      const receipt = yield* Messenger.reply(event, Message.text("oops"))
      yield* Messenger.recall(receipt)
      assert.isNumber((yield* sent)[0]?.recalledAt)
      const late = yield* Messenger.reply(event, Message.text("late"))
      yield* Bot.advance("121 seconds")
      assert.strictEqual(errorOf(yield* Effect.either(Messenger.recall(late)))._tag, "RecallExpired")
    }).pipe(on())
  )

  it.effect("whose first attempt had no answer is done", () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      const receipt = yield* Messenger.reply(yield* privately(), Message.text("oops"))
      yield* inject(Fault.http("recall", Fault.reset({ accepted: true })))
      const outcome = yield* Messenger.recall(receipt).pipe(within("1 minute"))
      assert.isTrue(Either.isRight(outcome))
      assert.strictEqual((yield* Bot.entries("Recalled")).length, 1)
    }).pipe(on())
  )

  it.effect("of a message that the platform did not name fails without a request", () =>
    Effect.gen(function* () {
      const error = errorOf(yield* Effect.either(Messenger.recall({ conversation: user, id: undefined })))
      assert.strictEqual(error._tag, "MessageInvalid")
      assert.deepStrictEqual(yield* Bot.entries("Request"), [])
    }).pipe(on())
  )
})

describe("a conversation whose id would be the path of another endpoint", () => {
  const anchored = (conversation: Conversation.Conversation) => Anchor.make({ kind: "msg_id", id: "m", conversation })
  for (const id of ["", ".", ".."]) {
    for (const [what, call] of [
      ["a message", Messenger.send(Conversation.group(id), Message.text("hi"))],
      ["a stream", Messenger.replyStream(anchored(Conversation.c2c(id)), Stream.make("hi"))],
      ["an upload", Media.upload(Conversation.c2c(id), MediaSource.fromBytes("image", Uint8Array.of(1)))],
      ["a recall", Messenger.recall({ conversation: Conversation.channel(id), id: "m" })]
    ] as const) {
      it.effect(`${what} to ${JSON.stringify(id)} fails at once, without a request`, () =>
        Effect.gen(function* () {
          const outcome: Either.Either<unknown, { readonly _tag: string }> = yield* Effect.either<
            unknown,
            { readonly _tag: string },
            Messenger.Messenger | Media.Media
          >(call)
          assert.strictEqual(Either.isLeft(outcome) && outcome.left._tag, "MessageInvalid")
          assert.deepStrictEqual(yield* Bot.entries("Request"), [])
        }).pipe(on())
      )
    }
  }
})
