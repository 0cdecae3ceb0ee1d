import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { assert } from "vitest"
import { Conversation, Message, Messenger } from "@effect-qq/core"
import * as Bot from "../../support/bot.ts"
import * as Fault from "../../../packages/core/src/testing/Fault.ts"
import * as TestPlatform from "../../../packages/core/src/testing/TestPlatform.ts"

const api = "https://api.bot.qq.com"

const authorization = Effect.gen(function* () {
  const { model } = yield* TestPlatform.TestPlatform
  const client = yield* HttpClient.HttpClient
  const response = yield* client.post(`${api}/app/getAppAccessToken`, {
    body: HttpBody.unsafeJson({ appId: model.appId, clientSecret: "model-secret" })
  })
  return `QQBot ${((yield* response.json) as { readonly access_token: string }).access_token}`
})

const post = (path: string, body: unknown) =>
  Effect.gen(function* () {
    const client = yield* HttpClient.HttpClient
    const response = yield* client.post(`${api}${path}`, {
      headers: { authorization: yield* authorization },
      body: HttpBody.unsafeJson(body)
    })
    return { status: response.status, body: (yield* response.json) as Readonly<Record<string, unknown>> }
  })

describe("TestPlatform", () => {
  it.effect("lets users speak in all four scenes", () =>
    Effect.gen(function* () {
      const platform = yield* TestPlatform.TestPlatform
      const ids = [
        yield* platform.privateMessage({ user: "u1", text: "a" }),
        yield* platform.groupMessage({ group: "g1", text: "b" }),
        yield* platform.channelMessage({ channel: "c1", text: "c" }),
        yield* platform.channelMessage({ channel: "c2", guild: "77", user: "e1", text: "d", at: false }),
        yield* platform.directMessage({ guild: "d1", text: "e" })
      ]
      const said = (yield* platform.journal).flatMap((entry) =>
        entry.kind === "Said" ? [[entry.id, entry.type, entry.scene, entry.target, entry.text]] : []
      )
      assert.deepStrictEqual(said, [
        [ids[0], "C2C_MESSAGE_CREATE", "c2c", "u1", "a"],
        [ids[1], "GROUP_AT_MESSAGE_CREATE", "group", "g1", "b"],
        [ids[2], "AT_MESSAGE_CREATE", "channel", "c1", "c"],
        [ids[3], "MESSAGE_CREATE", "channel", "c2", "d"],
        [ids[4], "DIRECT_MESSAGE_CREATE", "dm", "d1", "e"]
      ])
    }).pipe(Effect.provide(TestPlatform.layerPlatform()))
  )

  it.effect("has groups that let the bot receive everything, with and without twins", () =>
    Effect.gen(function* () {
      const { groupMessage, journal } = yield* TestPlatform.TestPlatform
      const say = (
        group: string,
        text: string,
        more: { readonly at?: boolean; readonly full?: boolean | "only" } = {}
      ) => groupMessage({ group, text, ...more })
      yield* say("open", "a")
      yield* say("open", "b", { at: false })
      yield* say("open", "c", { full: true })
      yield* say("open", "d", { full: false })
      yield* say("other", "e")
      yield* say("other", "f", { full: "only" })
      yield* say("other", "g", { at: false, full: "only" })
      yield* say("other", "h", { at: false, full: false })
      const [at, full] = ["GROUP_AT_MESSAGE_CREATE", "GROUP_MESSAGE_CREATE"]
      assert.deepStrictEqual(
        (yield* journal).flatMap((entry) => (entry.kind === "Said" ? [[entry.text, entry.type]] : [])),
        [
          ["a", full],
          ["b", full],
          ["c", at],
          ["c", full],
          ["d", at],
          ["e", at],
          ["f", full],
          ["g", full]
        ]
      )
    }).pipe(Effect.provide(TestPlatform.layerPlatform({ fullGroups: ["open"] })))
  )

  it.effect("fails a look that throws, and goes on", () =>
    Effect.gen(function* () {
      const { awaitSent, until } = yield* TestPlatform.TestPlatform
      const broken = yield* Effect.fork(
        until((model) => {
          if (model.sent.length > 0) throw new Error("no")
          return Option.none()
        })
      )
      const seen = yield* Effect.fork(awaitSent(1))
      yield* Effect.yieldNow()
      assert.strictEqual((yield* post("/v2/users/u1/messages", { content: "one", msg_type: 0 })).status, 200)
      assert.strictEqual((yield* Fiber.join(seen)).length, 1)
      const exit = yield* Fiber.await(broken)
      assert.strictEqual(Exit.isFailure(exit) && Option.isSome(Cause.dieOption(exit.cause)), true)
      assert.strictEqual((yield* post("/v2/users/u1/messages", { content: "two", msg_type: 0 })).status, 200)
    }).pipe(Effect.provide(TestPlatform.layerPlatform()))
  )

  it.effect("shows the bot's replies there, and refuses the requests that a fault names", () =>
    Effect.gen(function* () {
      const platform = yield* TestPlatform.TestPlatform
      const id = yield* platform.channelMessage({ channel: "c1", text: "hi" })
      const seen = yield* Effect.fork(platform.awaitSent(2))
      assert.strictEqual((yield* post("/channels/c1/messages", { content: "one", msg_id: id })).status, 200)
      yield* platform.inject(Fault.refuseMessage("markdown"))
      const markdown = { msg_type: 2, markdown: { content: "# two" } }
      assert.strictEqual((yield* post("/v2/users/u1/messages", markdown)).body["code"], 40034012)
      yield* platform.allowProactive("c2c", "u1", false)
      assert.strictEqual((yield* post("/v2/users/u1/messages", markdown)).body["code"], 40034105)
      yield* platform.allowProactive("c2c", "u1", true)
      assert.strictEqual((yield* post("/v2/users/u1/messages", markdown)).status, 200)
      assert.deepStrictEqual(
        (yield* Fiber.join(seen)).map(({ content, scene, target }) => [scene, target, content]),
        [
          ["channel", "c1", "one"],
          ["c2c", "u1", "# two"]
        ]
      )
    }).pipe(Effect.provide(TestPlatform.layerPlatform({ guildNeedsSession: false })))
  )
})

describe("awaitSent", () => {
  it.effect("says what was sent when it was waited for in vain, and how much was expected", () =>
    Effect.gen(function* () {
      yield* Bot.online
      const { awaitSent } = yield* TestPlatform.TestPlatform
      yield* Messenger.send(Conversation.c2c("u1"), Message.text("one"))
      const waiting = yield* Effect.fork(Effect.sandbox(awaitSent(2, { timeout: "5 seconds" })))
      yield* Bot.advance("5 seconds")
      const cause = yield* Effect.flip(waiting)
      assert.include(Cause.pretty(cause), 'the bot sent 1 of 2 messages within 5s: c2c:u1 "one"')
      const patient = yield* Effect.fork(Effect.exit(awaitSent(2)))
      yield* Bot.advance("59 minutes")
      yield* Messenger.send(Conversation.c2c("u1"), Message.text("two"))
      assert.isTrue(Exit.isSuccess(yield* patient))
    }).pipe(Bot.on())
  )
})
