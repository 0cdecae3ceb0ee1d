/** The bots of `examples/`, on the platform. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Gateway } from "@effect-qq/core"
import { TestPlatform } from "@effect-qq/core/testing"
import * as Llm from "../../examples/llm.ts"
import * as Moderation from "../../examples/moderation.ts"
import * as Bot from "../support/bot.ts"
import { answers, inGroup, inPrivate } from "../support/say.ts"

describe("the moderation bot", () => {
  it.effect("mutes for an admin, refuses a member, shows its help, and has a cooldown", () =>
    Effect.gen(function* () {
      yield* Effect.forkScoped(Gateway.run(Moderation.Moderation))
      yield* Gateway.ready
      const admin = { member: "admin", role: "admin" } as const
      // the platform knows members who have said something
      yield* inGroup({ text: "hello", member: "EVE1" })
      yield* inGroup({ ...admin, text: "/mute <@EVE1> 1h30m spam" })
      yield* inGroup({ ...admin, text: "/unmute <@EVE1>" })
      yield* inGroup({ text: "/mute <@admin> 1h", role: "member" })
      yield* inGroup({ text: "/muted" })
      yield* inGroup({ text: "/muted" })
      yield* inGroup({ text: "/mute", ...admin })
      yield* inGroup({ text: "/help" })
      yield* Bot.advance("5 seconds")
      assert.deepStrictEqual(yield* answers, [
        '<qqbot-at-user id="EVE1" /> is muted for 1h30m: spam',
        '<qqbot-at-user id="EVE1" /> may speak',
        "Only administrators may do that.",
        "0 muted",
        "Please wait 5s.",
        "member is missing: somebody, with an @.\nUsage: /mute @member [length] [reason…]",
        "Commands:\n/muted - counts who is muted"
      ])
      const changes = (yield* Bot.entries("Request")).filter(
        ({ method, path }) => method === "POST" && path === "/v2/groups/g/restrict_chat_setting"
      )
      assert.deepStrictEqual(
        changes.map(({ status }) => status),
        [200, 200]
      )
    }).pipe(Bot.on())
  )
})

describe("the assistant", () => {
  const online = Effect.zipRight(
    Effect.forkScoped(Gateway.run(Layer.provide(Llm.Assistant, Llm.Model.layerSlow))),
    Gateway.ready
  )
  const sent = Effect.flatMap(TestPlatform.TestPlatform, (platform) => platform.sent)
  const text = (question: string) => `You asked: ${question}. Let me think about that for a while.`

  it.effect("is typing in private while it thinks, then its text grows, and a picture follows, all passive", () =>
    Effect.gen(function* () {
      yield* online
      const id = yield* inPrivate("draw a dot")
      yield* Bot.advance("60 seconds")
      assert.deepStrictEqual(yield* answers, [])
      yield* Bot.advance("12 seconds")
      assert.strictEqual((yield* sent)[0]?.stream, "generating")
      yield* Bot.advance("2 minutes")
      const accepted = yield* Bot.entries("Accepted")
      assert.deepStrictEqual(
        accepted.map(({ msgId, msgType }) => [msgType, msgId]),
        [
          [6, id],
          [6, id],
          [0, id],
          [7, id]
        ]
      )
      const [answer, picture] = yield* sent
      assert.deepStrictEqual([answer?.content, answer?.stream], [text("draw a dot"), "done"])
      assert.isDefined(picture?.file)
    }).pipe(Bot.on())
  )

  it.effect("says something to a group at once, and its text when it is whole", () =>
    Effect.gen(function* () {
      yield* online
      yield* inGroup({ text: "why?" })
      yield* Bot.advance("1 second")
      assert.deepStrictEqual(yield* answers, ["Let me think…"])
      yield* Bot.advance("2 minutes")
      assert.deepStrictEqual(yield* answers, ["Let me think…", text("why?")])
    }).pipe(Bot.on())
  )
})
