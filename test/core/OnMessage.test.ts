/** One handler for whatever is meant for the bot. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import { Gateway, Intents, Message, type MessageView, Messenger } from "@effect-qq/core"
import { Fault, TestPlatform } from "@effect-qq/core/testing"
import * as Bot from "../support/bot.ts"
import { visible as answers } from "../support/bot.ts"

const platform = TestPlatform.TestPlatform

/** A bot that answers with what it was told, and writes down the views. */
const run = (
  options?: Gateway.MessageOptions<never>,
  others: Layer.Layer<never, never, Gateway.HandlerRegistry> = Layer.empty
) =>
  Effect.gen(function* () {
    const heard = yield* Ref.make<ReadonlyArray<MessageView.MessageView>>([])
    const Echo = Gateway.onMessage(
      (message) =>
        Effect.zipRight(
          Ref.update(heard, (all) => [...all, message]),
          Effect.ignore(Messenger.reply(message.event, Message.text(`you said ${message.text}`)))
        ),
      options
    )
    yield* Bot.start(Layer.mergeAll(Echo, others))
    return Effect.map(Ref.get(heard), (all) => all.map(({ event, text }) => `${event.t}: ${text}`))
  })

const inGroup = (
  text: string,
  more: { readonly at?: boolean; readonly full?: boolean | "only"; readonly group?: string } = {}
) =>
  Effect.zipRight(
    Effect.flatMap(platform, ({ groupMessage }) => groupMessage({ group: "g", text, ...more })),
    Bot.settle
  )

const intents = Effect.map(Bot.received(2), ([identify]) => identify?.intents)

const unsettled = Effect.map(Gateway.health, (health) => health.unsettled)

describe("a group that lets the bot receive everything", () => {
  it.effect("sends what addresses the bot as GROUP_MESSAGE_CREATE alone, and onMessage answers it", () =>
    Effect.gen(function* () {
      const heard = yield* run({ scenes: ["c2c", "group"] })
      yield* inGroup("hello", { at: false })
      yield* inGroup("weather?")
      assert.deepStrictEqual(yield* heard, ["GROUP_MESSAGE_CREATE: weather?"])
      assert.deepStrictEqual(yield* answers, ["you said weather?"])
      assert.strictEqual(yield* unsettled, 0)
    }).pipe(Bot.on({ platform: { fullGroups: ["g"] } }))
  )

  it.effect("is one among others: each message is handled once, whichever types bring it", () =>
    Effect.gen(function* () {
      const heard = yield* run({ scenes: ["group"] })
      yield* inGroup("1")
      yield* inGroup("2", { full: true })
      yield* inGroup("3", { full: "only" })
      yield* inGroup("4", { at: false })
      yield* Effect.flatMap(platform, ({ inject }) => inject(Fault.twin()))
      yield* inGroup("5", { full: false })
      yield* Bot.advance("1 minute")
      assert.deepStrictEqual(
        (yield* heard).map((line) => line.slice(-1)),
        ["1", "2", "3", "5"]
      )
      assert.strictEqual((yield* answers).length, 4)
    }).pipe(Bot.on())
  )

  it.effect("loses no message whose first twin does not say that the bot is meant", () =>
    Effect.gen(function* () {
      const others = yield* Ref.make<ReadonlyArray<string>>([])
      const heard = yield* run(
        { scenes: ["group"] },
        Gateway.on("GROUP_MESSAGE_CREATE", ({ content }) => Ref.update(others, (all) => [...all, content]))
      )
      // with a reader of `events` the event is remembered though its only other handler declined it
      yield* Effect.forkScoped(Effect.flatMap(Gateway.Gateway, ({ events }) => Stream.runDrain(events)))
      yield* Bot.settle
      const { dispatch } = yield* platform
      const d = { id: "m1", group_openid: "g", author: { member_openid: "bo" } }
      yield* dispatch("GROUP_MESSAGE_CREATE", { ...d, content: "<@X> hi" })
      yield* dispatch("GROUP_AT_MESSAGE_CREATE", { ...d, content: " hi" })
      yield* dispatch("GROUP_AT_MESSAGE_CREATE", { ...d, content: " hi" })
      yield* dispatch("GROUP_MESSAGE_CREATE", { ...d, content: "<@X> hi" })
      yield* Bot.settle
      assert.deepStrictEqual(yield* heard, ["GROUP_AT_MESSAGE_CREATE: hi"])
      assert.deepStrictEqual(yield* Ref.get(others), ["<@X> hi"])
      assert.strictEqual(yield* unsettled, 0)
    }).pipe(Bot.on())
  )

  it.effect("does not queue messages that are not addressed to the bot", () =>
    Effect.gen(function* () {
      const heard = yield* run({ scenes: ["group"] })
      for (let n = 0; n < 50; n++) yield* inGroup(String(n), { at: false })
      assert.deepStrictEqual(yield* heard, [])
      assert.strictEqual(yield* unsettled, 0)
      yield* inGroup("now")
      assert.deepStrictEqual(yield* heard, ["GROUP_MESSAGE_CREATE: now"])
    }).pipe(Bot.on({ platform: { fullGroups: "all" } }))
  )

  it.effect("has dialogues: an answer needs no mention", () =>
    Effect.gen(function* () {
      yield* Effect.forkScoped(
        Gateway.run(
          Gateway.onMessage(({ event }) =>
            Effect.gen(function* () {
              yield* Messenger.reply(event, Message.text("your name?"))
              const answer = yield* Gateway.next(event)
              yield* Messenger.reply(answer, Message.text(`hello, ${answer.content}`))
            })
          )
        )
      )
      yield* Gateway.ready
      yield* inGroup("begin")
      yield* inGroup("Bo", { at: false })
      assert.deepStrictEqual(yield* answers, ["your name?", "hello, Bo"])
    }).pipe(Bot.on({ platform: { fullGroups: ["g"] } }))
  )
})

describe("onMessage", () => {
  it.effect("hears all scenes, and connects with their intents", () =>
    Effect.gen(function* () {
      const heard = yield* run()
      const say = yield* platform
      yield* say.privateMessage({ user: "u", text: "a" })
      yield* say.groupMessage({ group: "g", text: "b" })
      yield* say.channelMessage({ channel: "c", text: "c" })
      yield* say.directMessage({ guild: "d", text: "d" })
      yield* say.channelMessage({ channel: "c", text: "e", at: false })
      yield* Bot.settle
      assert.deepStrictEqual(yield* heard, [
        "C2C_MESSAGE_CREATE: a",
        "GROUP_AT_MESSAGE_CREATE: b",
        "AT_MESSAGE_CREATE: c",
        "DIRECT_MESSAGE_CREATE: d"
      ])
      assert.strictEqual(yield* intents, Intents.make("GROUP_AND_C2C_EVENT", "PUBLIC_GUILD_MESSAGES", "DIRECT_MESSAGE"))
    }).pipe(Bot.on())
  )

  for (const [scenes, addressed, expected] of [
    [["c2c"], true, Intents.make("GROUP_AND_C2C_EVENT")],
    [["group", "group"], false, Intents.make("GROUP_AND_C2C_EVENT")],
    [["channel"], true, Intents.make("PUBLIC_GUILD_MESSAGES")],
    [["channel"], false, Intents.make("PUBLIC_GUILD_MESSAGES", "GUILD_MESSAGES")],
    [["dm"], true, Intents.make("DIRECT_MESSAGE")]
  ] as const) {
    it.effect(`connects for ${scenes.join()} with the least intents, addressed ${addressed}`, () =>
      Effect.gen(function* () {
        yield* Effect.asVoid(run({ scenes, addressed }))
        assert.strictEqual(yield* intents, expected)
      }).pipe(Bot.on())
    )
  }

  it.effect("hears everything with `addressed: false`, in the scenes that are named, each message once", () =>
    Effect.gen(function* () {
      const heard = yield* run({ scenes: ["group", "channel"], addressed: false })
      const say = yield* platform
      yield* say.privateMessage({ user: "u", text: "0" })
      yield* inGroup("1", { at: false })
      yield* inGroup("2", { full: true })
      yield* say.channelMessage({ channel: "c", text: "3", at: false })
      yield* say.channelMessage({ channel: "c", text: "4", full: true })
      yield* Bot.settle
      assert.deepStrictEqual(
        (yield* heard).map((line) => line.slice(-1)),
        ["1", "2", "3", "4"]
      )
    }).pipe(Bot.on())
  )

  it.effect("takes the options of `on`: a failure is told with the message's event", () =>
    Effect.gen(function* () {
      const told = yield* Ref.make<ReadonlyArray<string>>([])
      yield* Effect.forkScoped(
        Gateway.run(
          Gateway.onMessage(() => Effect.fail("no"), {
            scenes: ["c2c"],
            onFailure: (cause, event) =>
              Ref.update(told, (all) => [
                ...all,
                `${String(Option.getOrUndefined(Cause.failureOption(cause)))} ${event.content}`
              ])
          })
        )
      )
      yield* Gateway.ready
      yield* Effect.flatMap(platform, ({ privateMessage }) => privateMessage({ user: "u", text: "hi" }))
      yield* Bot.settle
      assert.deepStrictEqual(yield* Ref.get(told), ["no hi"])
    }).pipe(Bot.on())
  )
})
