import { SqlEventClaims } from "@effect-qq/cluster"
import { BotConfig, EventClaims, Webhook, WebhookIntake } from "@effect-qq/core"
import { WebhookClient } from "@effect-qq/core/testing"
import { describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { assert } from "vitest"
import * as Harness from "../core/webhook/harness.ts"
import * as TestDatabase from "./support/database.ts"

describe.skipIf(!TestDatabase.isThere)("three replicas of a webhook behind a load balancer", () => {
  it.scopedLive("handle each event once, though acknowledgements are lost and repetitions reach another replica", () =>
    Effect.gen(function* () {
      const url = yield* TestDatabase.create
      const bot = BotConfig.layer({ appId: Harness.appId, secret: Redacted.make("unused") })
      const replicas = yield* Effect.forEach([0, 1, 2], () =>
        Effect.gen(function* () {
          const claims = yield* Layer.build(
            Layer.fresh(SqlEventClaims.layer).pipe(
              Layer.provide(Layer.merge(bot, Layer.fresh(TestDatabase.layer(url))))
            )
          )
          const offers: Array<string | undefined> = []
          const platform = yield* Effect.gen(function* () {
            const intake = yield* WebhookIntake.WebhookIntake
            yield* intake.open({
              offer: (event) => {
                offers.push(event.id)
                return true
              }
            })
            return yield* WebhookClient.make(WebhookClient.toApp((yield* Webhook.make()).app))
          }).pipe(
            Effect.provideService(EventClaims.EventClaims, Context.get(claims, EventClaims.EventClaims)),
            Effect.provide(Harness.services())
          )
          return { offers, platform }
        })
      )
      yield* Effect.forEach(
        Array.from({ length: 30 }, (_, index) => ({ ...Harness.hello, id: `C2C_MESSAGE_CREATE:${index}` })),
        (event, index) =>
          Effect.gen(function* () {
            // the first acknowledgement is lost, and the second one too: the platform sends it a third time
            for (const attempt of [0, 1, 2]) {
              const replica = replicas[(index + attempt) % 3]
              if (replica === undefined) continue
              const { platform } = replica
              const request = yield* platform.sign(Harness.body(event))
              const answer = yield* platform.post(request)
              assert.strictEqual(answer.status, 200)
            }
          }),
        { concurrency: 5, discard: true }
      )
      const handled = replicas.flatMap(({ offers }) => offers)
      assert.strictEqual(handled.length, 30)
      assert.strictEqual(new Set(handled).size, 30)
      assert.isTrue(
        replicas.every(({ offers }) => offers.length > 0),
        "each replica has its share"
      )
    })
  )
})
