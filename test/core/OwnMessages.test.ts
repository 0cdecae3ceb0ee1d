/** Messages of the bot that come back to it. */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { Conversation, Gateway, Message, Messenger } from "@effect-qq/core"
import { TestPlatform } from "@effect-qq/core/testing"
import * as OwnMessages from "../../packages/core/src/events/OwnMessages.ts"
import * as Bot from "../support/bot.ts"
import { visible as answers } from "../support/bot.ts"

const platform = TestPlatform.TestPlatform

/** Answers all that is said in groups; in private chats too. */
const Chatterbox = Gateway.onMessage(({ event, text }) => Messenger.reply(event, Message.text(`you said ${text}`)), {
  scenes: ["c2c", "group"],
  addressed: false
})

const online = Effect.zipRight(Effect.forkScoped(Gateway.run(Chatterbox)), Effect.zipRight(Gateway.ready, Bot.settle))

const unsettled = Effect.map(Gateway.health, (health) => health.unsettled)

describe("own messages that come back without `author.bot`", () => {
  for (const messagesByBots of [false, true]) {
    it.effect(`are not answered, with messagesByBots ${messagesByBots}`, () =>
      Effect.gen(function* () {
        yield* online
        yield* Effect.flatMap(platform, ({ groupMessage }) => groupMessage({ group: "g", text: "hi" }))
        yield* Bot.advance("1 minute")
        assert.deepStrictEqual(yield* answers, ["you said hi"])
        yield* Messenger.send(Conversation.group("g"), Message.text("news"))
        yield* Bot.advance("1 minute")
        assert.deepStrictEqual(yield* answers, ["you said hi", "news"])
        assert.strictEqual(yield* unsettled, 0)
      }).pipe(Bot.on({ platform: { fullGroups: "all", echoAfter: 100 }, bot: { delivery: { messagesByBots } } }))
    )
  }

  it.effect("are nothing that a later message would reply to", () =>
    Effect.gen(function* () {
      yield* online
      const question = yield* Effect.flatMap(platform, ({ groupMessage }) => groupMessage({ group: "g", text: "hi" }))
      yield* Bot.advance("10 seconds")
      const { via } = yield* Messenger.send(Conversation.group("g"), Message.text("news"))
      assert.strictEqual(via, "passive")
      const { sent } = yield* platform
      assert.deepStrictEqual(
        (yield* sent).map(({ msgId }) => msgId),
        [question, question]
      )
    }).pipe(Bot.on({ platform: { fullGroups: "all", echoAfter: 100 } }))
  )

  it.effect("are forgotten after a while, and then are as those of others", () =>
    Effect.gen(function* () {
      yield* online
      const { dispatch, sent } = yield* platform
      yield* Messenger.send(Conversation.group("g"), Message.text("news"))
      const [message] = yield* sent
      const echo = dispatch("GROUP_MESSAGE_CREATE", {
        id: message?.id,
        author: { member_openid: "x" },
        content: "news",
        group_openid: "g"
      })
      yield* Bot.advance("9 minutes")
      yield* echo
      yield* Bot.settle
      assert.deepStrictEqual(yield* answers, ["news"])
      yield* Bot.advance("2 minutes")
      yield* echo
      yield* Bot.advance("1 second")
      assert.deepStrictEqual(yield* answers, ["news", "you said news"])
    }).pipe(Bot.on())
  )
})

describe("the record of own messages", () => {
  it("holds the newest ids, as many and as long as its limits say", () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ id: fc.integer({ min: 0, max: 20 }), after: fc.integer({ min: 0, max: 40 }) }), {
          maxLength: 60
        }),
        fc.integer({ min: 1, max: 8 }),
        (sent, capacity) => {
          const window = 100
          const record = OwnMessages.makeRecord({ capacity, window })
          let now = 0
          const history: Array<readonly [id: string, at: number]> = []
          for (const { after, id } of sent) {
            now += after
            record.add(String(id), now)
            history.push([String(id), now])
            const newest = new Map<string, number>()
            for (const [key, at] of history.toReversed()) if (!newest.has(key)) newest.set(key, at)
            const kept = new Map([...newest].slice(0, capacity).filter(([, at]) => now - at < window))
            for (const key of newest.keys()) assert.strictEqual(record.has(key, now), kept.has(key))
            assert.isAtMost(record.size(), capacity)
          }
          assert.isFalse(record.has("another", now))
        }
      )
    )
  })

  it.effect("is asked about messages only, and takes whatever payload", () =>
    Effect.gen(function* () {
      const own = yield* OwnMessages.make({ capacity: 8, window: Duration.minutes(1) })
      own.sent(undefined)
      own.sent("")
      assert.isFalse(own.isOwn({ t: "GROUP_MESSAGE_CREATE", d: { id: "" } }))
      own.sent("m")
      assert.isTrue(own.isOwn({ t: "GROUP_MESSAGE_CREATE", d: { id: "m" } }))
      assert.isFalse(own.isOwn({ t: "INTERACTION_CREATE", d: { id: "m" } }))
      for (const d of [null, undefined, [], "m", { id: {} }, { id: 5 }]) {
        assert.isFalse(own.isOwn({ t: "GROUP_MESSAGE_CREATE", d }))
      }
      assert.isFalse(own.isOwn({ t: undefined, d: { id: "m" } }))
    })
  )
})
