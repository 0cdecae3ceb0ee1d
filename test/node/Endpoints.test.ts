import { AccessToken, BotConfig, Endpoints, Interactions, OpenApi } from "@effect-qq/core"
import { NodeBot, NodeHttp } from "@effect-qq/node"
import { Sandbox } from "@effect-qq/cli/sandbox"
import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { assert } from "vitest"
import { exercise, type Platform, rows } from "../support/endpoints.ts"
import { temporaryDirectory } from "./support/live.ts"

/** The HTTP side of a bot alone, over undici, on a sandbox of its own. */
const api = Layer.unwrapScoped(
  Effect.map(Sandbox.make({ port: 0 }), (sandbox) => {
    const config = BotConfig.layer({
      appId: sandbox.appId,
      secret: sandbox.secret,
      hosts: { api: sandbox.apiUrl, token: sandbox.tokenUrl }
    })
    return OpenApi.layer.pipe(
      Layer.provideMerge(AccessToken.layer),
      Layer.provide(NodeHttp.layer()),
      Layer.provideMerge(config),
      Layer.merge(Layer.succeed(Sandbox.Sandbox, sandbox))
    )
  })
)

const guild = "5821904417736650213"
const channel = "664100231"

describe("endpoints over real HTTP", () => {
  it.scopedLive("read, page, write, answer without a body and report errors", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      assert.strictEqual((yield* Endpoints.getMe()).username, "demo-bot")
      const members = yield* Stream.runCollect(Endpoints.listMembers.stream({ guild, limit: 1 }))
      assert.strictEqual(members.length, 2)
      const made = yield* Endpoints.createChannel({ guild, body: { name: "茶 & tea" } })
      assert.strictEqual((yield* Endpoints.getChannel({ channel: made.id ?? "" })).name, "茶 & tea")
      yield* Endpoints.addReaction({ channel, message: "m/1 ?", emojiType: 2, emoji: "128512" })
      const reactions = yield* Endpoints.listReactions({ channel, message: "m/1 ?", emojiType: 2, emoji: "128512" })
      assert.strictEqual(reactions.users?.length, 1)
      yield* Endpoints.deleteChannel({ channel: made.id ?? "" })
      const gone = yield* Effect.flip(Endpoints.getChannel({ channel: made.id ?? "" }))
      assert.strictEqual(gone._tag === "ApiError" ? gone.code : undefined, 10003)
      const elsewhere = yield* Effect.flip(Endpoints.getGuild({ guild: "../users/@me" }))
      assert.strictEqual(elsewhere._tag === "ApiError" ? elsewhere.code : undefined, 10004)
      yield* sandbox.dispatch("INTERACTION_CREATE", { id: "I1", type: 11, user_openid: "U1" })
      yield* Interactions.acknowledge("I1")
      assert.isTrue(sandbox.model.journal.some((entry) => entry.kind === "Acknowledged" && entry.id === "I1"))
    }).pipe(Effect.provide(api))
  )
})

/** What the exercises know as the platform, behind real HTTP. */
const platformOf = (sandbox: Sandbox.SandboxShape): Platform => ({
  channelMessage: ({ user = "member", ...said }) => sandbox.say({ scene: "channel", user, ...said }),
  groupMessage: ({ at = true, group, member = "member", text }) =>
    sandbox.say({ scene: "group", group, member, text, at }),
  dispatch: sandbox.dispatch,
  journal: Effect.sync(() => [...sandbox.model.journal]),
  sent: Effect.sync(() => [...sandbox.model.sent]),
  model: sandbox.model
})

describe("every endpoint", () => {
  it.scopedLive.each(rows)("%s is answered by a sandbox", ([name]) =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make({ port: 0 })
      const bot = NodeBot.layer({
        appId: sandbox.appId,
        secret: sandbox.secret,
        hosts: { api: sandbox.apiUrl, token: sandbox.tokenUrl },
        stateDirectory: yield* temporaryDirectory
      })
      yield* Effect.provide(exercise(name, platformOf(sandbox)), bot)
    })
  )
})
