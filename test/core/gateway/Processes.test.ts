/** Several processes of one bot, each with one shard and a limit of identifies of its own. */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Gateway } from "@effect-qq/core"
import { TestPlatform } from "@effect-qq/core/testing"
import * as Bot from "../../support/bot.ts"

describe("seven processes with one shard each", () => {
  it.scoped("collide at IDENTIFY, and are all Ready in the end", () =>
    Effect.gen(function* () {
      const platform = yield* Layer.build(
        TestPlatform.layerPlatform({ shards: 7, sessionLimit: { maxConcurrency: 1, refusesPace: true } })
      )
      const processes = yield* Effect.forEach(
        Array.from({ length: 7 }, (_, index) => index),
        (index) =>
          Layer.build(
            Layer.fresh(TestPlatform.layerBot({ hosts: Bot.ownHosts, shards: { of: 7, run: [index] } }))
          ).pipe(Effect.provide(platform))
      )
      const fibers = yield* Effect.forEach(processes, (process) =>
        Effect.forkScoped(Effect.provide(Gateway.run(Gateway.on("C2C_MESSAGE_CREATE", () => Effect.void)), process))
      )
      yield* Bot.advance("20 minutes")
      const states = yield* Effect.forEach(processes, (process) => Effect.provide(Bot.state, process))
      assert.deepStrictEqual(
        states,
        Array.from({ length: 7 }, () => "Ready")
      )
      assert.isTrue(fibers.every((fiber) => fiber.unsafePoll() === null))
      const { identifies } = Context.get(platform, TestPlatform.TestPlatform).model.counters()
      assert.strictEqual(identifies.filter(({ accepted }) => accepted).length, 7)
      assert.isAbove(identifies.filter(({ accepted }) => !accepted).length, 3)
    })
  )
})
