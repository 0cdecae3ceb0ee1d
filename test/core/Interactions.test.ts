/** Buttons that are pressed in the chat whose handler waits for the press. */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import { Conversation, type Event, Gateway, Intents, Interaction, Message, Messenger } from "@effect-qq/core"
import { TestPlatform } from "@effect-qq/core/testing"
import * as Bot from "../support/bot.ts"
import { visible as answers } from "../support/bot.ts"

const platform = TestPlatform.TestPlatform

const say = (user: string, text: string) => Effect.zipRight(Bot.say(text, user), Bot.settle)

const interact = (d: object) =>
  Effect.zipRight(
    Effect.flatMap(platform, ({ dispatch }) => dispatch("INTERACTION_CREATE", { type: 11, ...d })),
    Bot.settle
  )

let presses = 0

/** A user presses a button in a private chat. */
const press = (user: string, data: string, id = `i${presses++}`) =>
  interact({ id, scene: "c2c", chat_type: 2, user_openid: user, data: { type: 11, resolved: { button_data: data } } })

const pressInGroup = (member: string, data: string) =>
  interact({
    id: `i${presses++}`,
    scene: "group",
    chat_type: 1,
    group_openid: "g",
    group_member_openid: member,
    data: { type: 11, resolved: { button_data: data } }
  })

const pressInGuild = (user: string, data: string, place: { readonly guild_id: string; readonly channel_id: string }) =>
  interact({
    id: `i${presses++}`,
    scene: "guild",
    chat_type: 0,
    ...place,
    data: { type: 11, resolved: { button_data: data, user_id: user } }
  })

const unsettled = Effect.map(Gateway.health, (health) => health.unsettled)

/** Ids that were acknowledged, in order. */
const acknowledged = Effect.map(Bot.entries("Acknowledged"), (all) => all.map(({ id }) => id))

const dataOf = (event: Event.InteractionCreate): string => Interaction.view(event).button?.data ?? ""

describe("a button in its own chat", () => {
  for (const concurrency of [64, 1]) {
    it.effect(`completes what a handler of that chat waits for, with ${concurrency} places`, () =>
      Effect.gen(function* () {
        const chosen = new Map<string, Deferred.Deferred<string>>()
        yield* Bot.start(
          Layer.mergeAll(
            Gateway.on("C2C_MESSAGE_CREATE", (event) =>
              Effect.gen(function* () {
                const choice = yield* Deferred.make<string>()
                chosen.set(event.author.user_openid ?? "", choice)
                yield* Messenger.reply(event, Message.text("sure?"))
                const data = yield* Effect.timeout(Deferred.await(choice), "1 minute")
                yield* Messenger.reply(event, Message.text(`you chose ${data}`))
              }).pipe(Effect.catchTag("TimeoutException", () => Messenger.reply(event, Message.text("gave up"))))
            ),
            Gateway.on("INTERACTION_CREATE", (event) =>
              Effect.suspend(() => {
                const choice = chosen.get(event.user_openid ?? "")
                return choice === undefined ? Effect.void : Deferred.succeed(choice, dataOf(event))
              })
            )
          )
        )
        yield* say("u", "begin")
        yield* say("u", "waits behind it")
        yield* press("u", "yes")
        assert.deepStrictEqual((yield* answers).slice(0, 2), ["sure?", "you chose yes"])
        yield* press("u", "no")
        assert.deepStrictEqual(yield* answers, ["sure?", "you chose yes", "sure?", "you chose no"])
        assert.strictEqual(yield* unsettled, 0)
      }).pipe(Bot.on({ bot: { delivery: { concurrency } } }))
    )
  }

  it.effect("overtakes messages, and the presses of one chat keep their own order", () =>
    Effect.gen(function* () {
      const heard = yield* Ref.make<ReadonlyArray<string>>([])
      const note = (text: string) => Ref.update(heard, (all) => [...all, text])
      yield* Bot.start(
        Layer.mergeAll(
          Gateway.on("C2C_MESSAGE_CREATE", ({ content }) => Effect.zipRight(Effect.sleep("1 minute"), note(content))),
          Gateway.on("INTERACTION_CREATE", (event) =>
            Effect.zipRight(Effect.sleep(dataOf(event) === "a" ? "10 seconds" : "1 second"), note(dataOf(event)))
          )
        )
      )
      for (const text of ["1", "2"]) yield* say("u", text)
      for (const data of ["a", "b", "c"]) yield* press("u", data)
      yield* press("v", "other")
      yield* Bot.advance("3 minutes")
      assert.deepStrictEqual(yield* Ref.get(heard), ["other", "a", "b", "c", "1", "2"])
      assert.strictEqual(yield* unsettled, 0)
    }).pipe(Bot.on())
  )

  it.effect("runs at most `interactionConcurrency` handlers at a time", () =>
    Effect.gen(function* () {
      let most = 0
      let running = 0
      yield* Bot.start(
        Gateway.on("INTERACTION_CREATE", () =>
          Effect.acquireUseRelease(
            Effect.sync(() => (most = Math.max(most, ++running))),
            () => Effect.sleep("1 second"),
            () => Effect.sync(() => running--)
          )
        )
      )
      for (let user = 0; user < 20; user++) yield* press(`u${user}`, "x")
      yield* Bot.advance("1 minute")
      assert.strictEqual(most, 3)
      assert.strictEqual(yield* unsettled, 0)
    }).pipe(Bot.on({ bot: { delivery: { interactionConcurrency: 3 } } }))
  )
})

/** Asks, and answers the press of the one who asked. */
const Asker = Gateway.on(
  ["C2C_MESSAGE_CREATE", "GROUP_AT_MESSAGE_CREATE", "AT_MESSAGE_CREATE", "DIRECT_MESSAGE_CREATE"],
  (event) =>
    Effect.gen(function* () {
      yield* Messenger.reply(event, Message.text("sure?"))
      const pressed = yield* Gateway.next(event, { types: "INTERACTION_CREATE", timeout: "2 minutes" })
      yield* Messenger.reply(event, Message.text(`you chose ${dataOf(pressed)}`))
    }).pipe(Effect.catchTag("TimeoutException", () => Messenger.reply(event, Message.text("gave up")))),
  { awaits: ["INTERACTION_CREATE"] }
)

describe("a dialogue that waits for a button", () => {
  it.effect("gets the press of its user, acknowledged on receipt; handlers do not see it", () =>
    Effect.gen(function* () {
      const others = yield* Ref.make<ReadonlyArray<string>>([])
      yield* Bot.start(
        Layer.mergeAll(
          Asker,
          Gateway.on("INTERACTION_CREATE", (event) => Ref.update(others, (all) => [...all, dataOf(event)]))
        )
      )
      yield* say("u", "begin")
      yield* press("v", "of another")
      yield* press("u", "yes", "mine")
      yield* press("u", "again")
      assert.deepStrictEqual(yield* answers, ["sure?", "you chose yes"])
      assert.deepStrictEqual(yield* Ref.get(others), ["of another", "again"])
      assert.include(yield* acknowledged, "mine")
      assert.strictEqual(yield* unsettled, 0)
    }).pipe(Bot.on())
  )

  it.effect("connects with the intent of the events that it awaits, without a handler for them", () =>
    Effect.gen(function* () {
      yield* Bot.start(Asker)
      const [identify] = yield* Bot.received(2)
      assert.strictEqual(
        identify?.intents,
        Intents.make("GROUP_AND_C2C_EVENT", "PUBLIC_GUILD_MESSAGES", "DIRECT_MESSAGE", "INTERACTION")
      )
      yield* say("u", "begin")
      yield* press("u", "yes")
      assert.deepStrictEqual(yield* answers, ["sure?", "you chose yes"])
    }).pipe(Bot.on())
  )

  it.effect("in a group is with the member who began it, in a guild with the user, in a direct message too", () =>
    Effect.gen(function* () {
      yield* Bot.start(Asker)
      const { channelMessage, directMessage, groupMessage } = yield* platform
      yield* groupMessage({ group: "g", member: "bo", text: "begin" })
      yield* Bot.settle
      yield* pressInGroup("cy", "no")
      assert.deepStrictEqual(yield* answers, ["sure?"])
      yield* pressInGroup("bo", "yes")
      assert.deepStrictEqual(yield* answers, ["sure?", "you chose yes"])
      yield* channelMessage({ channel: "c", guild: "q", user: "7", text: "begin" })
      yield* Bot.settle
      yield* pressInGuild("8", "no", { guild_id: "q", channel_id: "c" })
      yield* pressInGuild("7", "channel", { guild_id: "q", channel_id: "c" })
      yield* directMessage({ guild: "d", user: "7", text: "begin" })
      yield* Bot.settle
      yield* pressInGuild("7", "direct", { guild_id: "d", channel_id: "d0" })
      assert.deepStrictEqual((yield* answers).slice(2), ["sure?", "you chose channel", "sure?", "you chose direct"])
      assert.strictEqual(yield* unsettled, 0)
    }).pipe(Bot.on())
  )

  it.effect("gets a press that came before it asked", () =>
    Effect.gen(function* () {
      yield* Bot.start(
        Gateway.on(
          "C2C_MESSAGE_CREATE",
          (event) =>
            Effect.gen(function* () {
              yield* Effect.sleep("10 seconds")
              const pressed = yield* Gateway.next(event, { types: ["INTERACTION_CREATE"], timeout: "1 second" })
              yield* Messenger.reply(event, Message.text(`you chose ${dataOf(pressed)}`))
            }),
          { awaits: ["INTERACTION_CREATE"] }
        )
      )
      yield* say("u", "begin")
      yield* press("u", "early", "early")
      assert.deepStrictEqual(yield* acknowledged, ["early"])
      yield* press("u", "late")
      yield* press("v", "of another")
      assert.strictEqual(yield* unsettled, 3)
      yield* Bot.advance("10 seconds")
      assert.deepStrictEqual(yield* answers, ["you chose early"])
      // what no run has asked for is settled with its conversation's last message
      assert.strictEqual(yield* unsettled, 0)
    }).pipe(Bot.on())
  )

  it.effect("keeps a bounded number of presses that nothing has asked for", () =>
    Effect.gen(function* () {
      yield* Bot.start(
        Gateway.on("C2C_MESSAGE_CREATE", () => Effect.sleep("1 minute"), { awaits: ["INTERACTION_CREATE"] })
      )
      yield* say("u", "begin")
      for (let n = 0; n < 10; n++) yield* press("u", String(n))
      assert.strictEqual(yield* unsettled, 1 + 4)
      yield* Bot.advance("1 minute")
      assert.strictEqual(yield* unsettled, 0)
    }).pipe(Bot.on({ bot: { delivery: { unclaimedInteractions: 4 } } }))
  )

  it.effect("keeps a press no longer than the messages before it, however busy the conversation is", () =>
    Effect.gen(function* () {
      yield* Bot.start(
        Gateway.on("C2C_MESSAGE_CREATE", () => Effect.sleep("1 minute"), { awaits: ["INTERACTION_CREATE"] })
      )
      for (const text of ["1", "2"]) yield* say("u", text)
      yield* press("u", "x")
      yield* say("u", "3")
      yield* Bot.advance("1 minute")
      assert.strictEqual(yield* unsettled, 3)
      yield* Bot.advance("1 minute")
      assert.strictEqual(yield* unsettled, 1)
      yield* Bot.advance("1 minute")
      assert.strictEqual(yield* unsettled, 0)
    }).pipe(Bot.on())
  )

  it.effect("begins again in the next process, with the press that was made in it", () =>
    Effect.gen(function* () {
      const slow = Gateway.on(
        "C2C_MESSAGE_CREATE",
        (event) =>
          Effect.gen(function* () {
            yield* Messenger.reply(event, Message.text("sure?"))
            const pressed = yield* Gateway.next(event, { types: "INTERACTION_CREATE" })
            yield* Effect.sleep("30 seconds")
            yield* Messenger.reply(event, Message.text(`you chose ${dataOf(pressed)}`))
          }),
        { awaits: ["INTERACTION_CREATE"] }
      )
      const first = yield* Bot.start(slow)
      yield* say("u", "begin")
      yield* press("u", "yes")
      const leaving = yield* Effect.fork(Fiber.interrupt(first))
      yield* Bot.advance("11 seconds")
      yield* Fiber.join(leaving)
      yield* Bot.start(slow)
      yield* Bot.advance("31 seconds")
      assert.deepStrictEqual(yield* answers, ["sure?", "you chose yes"])
      assert.strictEqual(yield* unsettled, 0)
    }).pipe(Bot.on())
  )

  it.effect("may wait for a message or a press, whichever comes first, and choose", () =>
    Effect.gen(function* () {
      const heard = yield* Ref.make<ReadonlyArray<string>>([])
      yield* Bot.start(
        Gateway.on(
          "C2C_MESSAGE_CREATE",
          (event) =>
            Effect.gen(function* () {
              if (event.content !== "begin") return
              const answer = yield* Gateway.next(event, {
                types: ["INTERACTION_CREATE", "C2C_MESSAGE_CREATE"],
                where: (found) => (found.t === "INTERACTION_CREATE" ? dataOf(found) !== "no" : found.content !== "no")
              })
              yield* Ref.update(heard, (all) => [
                ...all,
                answer.t === "INTERACTION_CREATE" ? `press ${dataOf(answer)}` : `text ${answer.content}`
              ])
            }),
          { awaits: ["INTERACTION_CREATE"] }
        )
      )
      for (const [user, does] of [
        ["a", press],
        ["b", say]
      ] as const) {
        yield* say(user, "begin")
        yield* press(user, "no")
        yield* say(user, "no")
        yield* does(user, "yes")
      }
      assert.deepStrictEqual(yield* Ref.get(heard), ["press yes", "text yes"])
      yield* Bot.advance("6 minutes")
      assert.strictEqual(yield* unsettled, 0)
    }).pipe(Bot.on())
  )

  it.effect("waits for messages alone unless it names interactions, by whatever it is begun", () =>
    Effect.gen(function* () {
      const heard = yield* Ref.make<ReadonlyArray<string>>([])
      yield* Bot.start(
        Layer.mergeAll(
          Gateway.on("INTERACTION_CREATE", (event) =>
            Effect.gen(function* () {
              if (dataOf(event) !== "ask") return yield* Ref.update(heard, (all) => [...all, `press ${dataOf(event)}`])
              const { content } = yield* Gateway.next(event)
              return yield* Ref.update(heard, (all) => [...all, `text ${content}`])
            })
          ),
          Gateway.on("C2C_MESSAGE_CREATE", ({ content }) => Ref.update(heard, (all) => [...all, `handled ${content}`]))
        )
      )
      yield* press("u", "ask")
      yield* say("v", "hi")
      yield* press("u", "x")
      yield* say("u", "Bo")
      yield* say("u", "more")
      // the presses of one chat are handled one after another
      assert.deepStrictEqual(yield* Ref.get(heard), ["handled hi", "text Bo", "press x", "handled more"])
      assert.strictEqual(yield* unsettled, 0)
    }).pipe(Bot.on())
  )

  it.effect("of a conversation gets the press of any member, and none that names no conversation", () =>
    Effect.gen(function* () {
      yield* Bot.start(Asker)
      const waiting = yield* Effect.fork(
        Gateway.next(Conversation.group("g"), { types: "INTERACTION_CREATE", timeout: "1 minute" })
      )
      yield* Bot.settle
      yield* interact({ id: "nowhere" })
      yield* interact({ id: "odd", scene: "group", group_openid: { a: 1 }, data: 7 })
      assert.isNull(waiting.unsafePoll())
      yield* pressInGroup("anybody", "yes")
      assert.strictEqual(dataOf(yield* Fiber.join(waiting)), "yes")
    }).pipe(Bot.on())
  )
})
