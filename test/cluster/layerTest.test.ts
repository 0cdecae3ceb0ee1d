import { ClusterBot, ClusterRuntime } from "@effect-qq/cluster"
import { BotConfig, Conversation, Gateway, Message, Messenger } from "@effect-qq/core"
import { Fault, TestPlatform } from "@effect-qq/core/testing"
import { describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import { assert } from "vitest"
import * as Bot from "../support/bot.ts"

const appId = "1905000001"

/** Says which bot it is. */
const Echo = Gateway.on("C2C_MESSAGE_CREATE", (event) =>
  Effect.flatMap(BotConfig.BotConfig, (config) =>
    Messenger.reply(event, Message.text(`${config.appId}: ${event.content}`))
  )
)

const spec: ClusterBot.BotSpec = {
  appId,
  secret: Redacted.make("secret"),
  hosts: Bot.ownHosts,
  session: { jitter: 0 }
}

/** A cluster of one runner on a platform of its own; `bots` is read again and again. */
const cluster = (bots: Effect.Effect<ReadonlyArray<ClusterBot.BotSpec>, string>) =>
  Layer.build(
    ClusterBot.layer({ bots, handlers: Echo }).pipe(
      Layer.provide(ClusterRuntime.layerTest()),
      Layer.provideMerge(TestPlatform.layerPlatform({ appId, secret: "secret" }))
    )
  )

const contents = (platform: TestPlatform.TestPlatformShape) =>
  Effect.map(platform.sent, (sent) => sent.map(({ content }) => content))

describe("a cluster in memory, under virtual time", () => {
  it.scoped("runs a user's bot: it answers, reconnects, and knows which bot it is", () =>
    Effect.gen(function* () {
      const context = yield* cluster(Effect.succeed([spec]))
      const platform = Context.get(context, TestPlatform.TestPlatform)
      yield* Bot.advance("10 seconds")
      yield* platform.privateMessage({ user: "u", text: "one" })
      yield* Bot.advance("1 second")
      yield* platform.inject(Fault.drop())
      yield* platform.privateMessage({ user: "u", text: "two" })
      yield* Bot.advance("30 seconds")
      assert.deepStrictEqual(yield* contents(platform), [`${appId}: one`, `${appId}: two`])
      const status = yield* Context.get(context, ClusterBot.ClusterBot).status
      assert.deepStrictEqual(
        status.map(({ app, isLive, shard, state }) => [app, shard, state, isLive]),
        [[appId, 0, "Ready", true]]
      )
    })
  )

  it.scoped(
    "starts, ends and starts again a bot that is in its list, is not, and is again; a list that fails counts as it was",
    () =>
      Effect.gen(function* () {
        let list: ReadonlyArray<ClusterBot.BotSpec> | "failing" = []
        const context = yield* cluster(
          Effect.suspend(() => (list === "failing" ? Effect.fail("the list is away") : Effect.succeed(list)))
        )
        const platform = Context.get(context, TestPlatform.TestPlatform)
        const bots = Context.get(context, ClusterBot.ClusterBot)
        yield* Bot.advance("10 seconds")
        assert.deepStrictEqual(yield* bots.local, [])
        list = [spec]
        yield* Bot.advance("10 seconds")
        assert.deepStrictEqual(yield* bots.local, [`${appId}/0`])
        list = "failing"
        yield* Bot.advance("10 seconds")
        assert.deepStrictEqual(yield* bots.local, [`${appId}/0`])
        list = []
        yield* Bot.advance("10 seconds")
        assert.deepStrictEqual(yield* bots.local, [])
        assert.deepStrictEqual(yield* bots.status, [])
        list = [spec]
        yield* Bot.advance("10 seconds")
        yield* platform.privateMessage({ user: "u", text: "again" })
        yield* Bot.advance("1 second")
        assert.deepStrictEqual(yield* contents(platform), [`${appId}: again`])
        const { identifies, resumesAccepted } = platform.model.counters()
        assert.deepStrictEqual([identifies.length, resumesAccepted], [1, 1], "its session was kept")
      })
  )

  it.scoped("a list that was read before a bot was stopped is not applied after it: the bot stays stopped", () =>
    Effect.gen(function* () {
      let isSlow = false
      const context = yield* cluster(
        Effect.suspend(() => (isSlow ? Effect.as(Effect.sleep("10 seconds"), [spec]) : Effect.succeed([spec])))
      )
      const platform = Context.get(context, TestPlatform.TestPlatform)
      const bots = Context.get(context, ClusterBot.ClusterBot)
      yield* Bot.advance("10 seconds")
      isSlow = true
      // the runner has begun to read the list
      yield* Bot.advance("3 seconds")
      isSlow = false
      yield* Effect.fork(bots.stop(appId))
      yield* Bot.advance("30 seconds")
      assert.deepStrictEqual(yield* bots.local, [])
      assert.deepStrictEqual(yield* bots.status, [])
      yield* Effect.fork(bots.start(appId))
      yield* Bot.advance("10 seconds")
      const { identifies, resumesAccepted } = platform.model.counters()
      assert.deepStrictEqual([identifies.length, resumesAccepted], [1, 1], "one resume for its start")
    })
  )

  it.scoped("a bot with recommended or impossible shards is refused once in the log, with a hint; the others run", () =>
    Effect.gen(function* () {
      const refused: Array<ClusterBot.BotRefused> = []
      const logger = Logger.make<unknown, void>(({ message }) => {
        for (const part of [message].flat()) if (part instanceof ClusterBot.BotRefused) refused.push(part)
      })
      const others = ["recommended", 0, 1.5, Number.NaN, "2", { of: 4, run: [0] }, 1e9].map(
        (shards, index) => ({ ...spec, appId: `190600000${index}`, shards }) as ClusterBot.BotSpec
      )
      const context = yield* Effect.provide(cluster(Effect.succeed([...others, spec])), Logger.add(logger))
      yield* Bot.advance("20 seconds")
      assert.deepStrictEqual(yield* Context.get(context, ClusterBot.ClusterBot).local, [`${appId}/0`])
      assert.deepStrictEqual(
        refused.map(({ appId, reason }) => [appId, reason]),
        others.map(({ appId }, index) => [appId, index === 0 ? "ShardsRecommended" : "ShardsInvalid"])
      )
      assert.include(refused[0]?.hint, "/gateway/bot")
      assert.include(refused[1]?.hint, "whole number")
    })
  )

  it.scoped("sends for a bot, once, and says plainly why it cannot", () =>
    Effect.gen(function* () {
      const context = yield* cluster(Effect.succeed([spec]))
      const platform = Context.get(context, TestPlatform.TestPlatform)
      const messenger = Context.get(context, ClusterBot.ClusterBot).messenger(appId)
      yield* Bot.advance("10 seconds")
      const sending = yield* Effect.fork(messenger.send(Conversation.c2c("u"), Message.text("hello")))
      yield* Bot.advance("1 second")
      const receipt = yield* sending
      assert.strictEqual(receipt.via, "proactive")
      assert.deepStrictEqual(receipt.conversation, Conversation.c2c("u"))
      const invalid = yield* Effect.fork(Effect.flip(messenger.send(Conversation.c2c("u"), Message.text(""))))
      yield* Bot.advance("1 second")
      assert.strictEqual((yield* invalid)._tag, "MessageInvalid")
      const unknown = yield* Effect.fork(
        Effect.flip(
          Context.get(context, ClusterBot.ClusterBot)
            .messenger("1905009999")
            .send(Conversation.c2c("u"), Message.text("hello"))
        )
      )
      yield* Bot.advance("1 minute")
      assert.strictEqual((yield* unknown)._tag, "PlatformUnavailable")
      assert.deepStrictEqual(yield* contents(platform), ["hello"])
    })
  )

  it.scoped("tells of a bot that the platform refuses, and tries it again when its entry changes", () =>
    Effect.gen(function* () {
      let entry: ClusterBot.BotSpec = { ...spec, secret: Redacted.make("revoked") }
      const context = yield* cluster(Effect.sync(() => [entry]))
      const bots = Context.get(context, ClusterBot.ClusterBot)
      yield* Bot.advance("40 seconds")
      const [status] = yield* bots.status
      assert.strictEqual(status?.state, "Stopped")
      assert.include(status?.detail, "credentials")
      entry = spec
      yield* Bot.advance("10 seconds")
      assert.strictEqual((yield* bots.status)[0]?.state, "Ready")
    })
  )
})
