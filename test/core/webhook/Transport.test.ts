/** The same handlers, over the gateway, over a webhook, and over both at once. */
import { assert, describe, it } from "@effect/vitest"
import { Gateway, Message, Messenger, Webhook } from "@effect-qq/core"
import { TestPlatform, WebhookClient } from "@effect-qq/core/testing"
import { NodeSignature } from "@effect-qq/node"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import * as Bot from "../../support/bot.ts"
import { visible as answers } from "../../support/bot.ts"

const Echo = Gateway.on(["C2C_MESSAGE_CREATE", "GROUP_AT_MESSAGE_CREATE"], (event) =>
  Messenger.reply(event, Message.text(`echo ${event.content.trim()}`))
)

const start = Effect.gen(function* () {
  yield* TestClock.setTime(1_760_000_000_000)
  const { app } = yield* Webhook.make()
  const platform = yield* WebhookClient.make(WebhookClient.toApp(app))
  const run = Effect.tap(Effect.forkScoped(Gateway.run(Echo)), () => Bot.settle)
  return { platform, run }
}).pipe(Effect.provide(NodeSignature.layer))

/** What a user says, as the webhook brings it; the model knows of it, so that it can be replied to. */
const said = (text: string) =>
  Effect.gen(function* () {
    const platform = yield* TestPlatform.TestPlatform
    const id = yield* platform.privateMessage({ user: "u", text })
    yield* Bot.settle
    return {
      id: `C2C_MESSAGE_CREATE:${id}`,
      t: "C2C_MESSAGE_CREATE",
      d: { id, author: { id: "u", user_openid: "u" }, content: text, timestamp: "2026-09-21T10:00:01+08:00" }
    }
  })

const statusOf = (answers: ReadonlyArray<{ readonly status: number }>) => answers.map(({ status }) => status)

describe("a webhook alone", () => {
  it.effect("needs no gateway: the bot is ready, handles what comes, and replies", () =>
    Effect.gen(function* () {
      const { platform, run } = yield* start
      const fiber = yield* run
      yield* Gateway.ready
      assert.strictEqual(yield* Bot.state, "Ready")
      assert.deepStrictEqual(statusOf(yield* platform.deliver(yield* said("hi"))), [200])
      yield* Bot.settle
      assert.deepStrictEqual(yield* answers, ["echo hi"])
      assert.deepStrictEqual(yield* Bot.dials, [])
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(yield* Bot.state, "Disconnected")
    }).pipe(Bot.on({ bot: { transport: "webhook" } }))
  )

  it.effect("asks the platform to come again while no handlers run", () =>
    Effect.gen(function* () {
      const { platform, run } = yield* start
      const event = yield* said("hi")
      const early = yield* Effect.fork(platform.deliver(event))
      yield* Bot.settle
      yield* run
      yield* Bot.advance("1 minute")
      const statuses = statusOf(yield* Fiber.join(early))
      assert.strictEqual(statuses[0], 503)
      assert.strictEqual(statuses.at(-1), 200)
      assert.deepStrictEqual(yield* answers, ["echo hi"])
    }).pipe(Bot.on({ bot: { transport: "webhook" } }))
  )
})

describe("a webhook and the gateway at once", () => {
  it.effect("bring each event to the handlers once, whichever is first", () =>
    Effect.gen(function* () {
      const { platform, run } = yield* start
      yield* run
      yield* Gateway.ready
      // the gateway brings it as it is said; then the webhook
      const first = yield* said("one")
      assert.deepStrictEqual(statusOf(yield* platform.deliver(first)), [200])
      yield* Bot.settle
      assert.deepStrictEqual(yield* answers, ["echo one"])
      // another envelope of the same message
      yield* platform.deliver({ ...first, id: "C2C_MESSAGE_CREATE:again" })
      yield* Bot.settle
      assert.deepStrictEqual(yield* answers, ["echo one"])
      const status = yield* Effect.flatMap(Gateway.status, ({ get }) => get)
      assert.strictEqual(status.watermark, status.received)
    }).pipe(Bot.on({ bot: { transport: "both" } }))
  )
})

it.effect("refuses requests without a webhook in the configuration", () =>
  Effect.gen(function* () {
    const { platform, run } = yield* start
    yield* run
    yield* Gateway.ready
    const delivered = yield* Effect.fork(platform.deliver(yield* said("hi")))
    yield* Bot.advance("5 minutes")
    assert.isTrue(statusOf(yield* Fiber.join(delivered)).every((status) => status === 503))
  }).pipe(Bot.on())
)
