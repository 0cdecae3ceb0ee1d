import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { Fault, TestPlatform } from "@effect-qq/core/testing"
import * as Delivery from "../../../packages/core/src/delivery/Delivery.ts"
import * as DeliveryPolicy from "../../../packages/core/src/delivery/DeliveryPolicy.ts"
import { DispatchSink } from "../../../packages/core/src/gateway/DispatchSink.ts"
import * as IdentifyLimiter from "../../../packages/core/src/gateway/IdentifyLimiter.ts"
import * as Session from "../../../packages/core/src/gateway/Session.ts"
import * as SessionStore from "../../../packages/core/src/gateway/SessionStore.ts"
import * as Bot from "../../support/bot.ts"

const services = Layer.mergeAll(
  Layer.effect(SessionStore.SessionStore, SessionStore.make),
  Layer.scoped(IdentifyLimiter.IdentifyLimiter, IdentifyLimiter.make),
  Layer.scoped(
    DispatchSink,
    Effect.map(
      Delivery.make({ policy: DeliveryPolicy.defaults, handlers: [], drainWaiting: false }),
      (delivery) => delivery.intake().sink
    )
  )
)

describe("what is run at each change of a session's state", () => {
  for (const [how, broken] of [
    ["dies", Effect.die("no")],
    [
      "throws",
      Effect.suspend((): Effect.Effect<void> => {
        throw new Error("no")
      })
    ]
  ] as const) {
    it.effect(`and ${how} is logged, and the session goes on`, () =>
      Effect.gen(function* () {
        const logged: Array<string> = []
        const logger = Logger.make<unknown, void>(({ message }) => void logged.push(String(message)))
        const session = yield* Session.make({ intents: 1 << 25, shard: [0, 1], onState: broken })
        const running = yield* Effect.forkScoped(
          Effect.provide(session.run, Logger.replace(Logger.defaultLogger, logger))
        )
        yield* Bot.settle
        yield* session.ready
        yield* Effect.flatMap(TestPlatform.TestPlatform, ({ inject }) => inject(Fault.drop()))
        yield* Bot.advance("5 seconds")
        assert.strictEqual((yield* session.status.get).state._tag, "Ready")
        assert.isNull(running.unsafePoll())
        assert.isTrue(logged.some((line) => line.includes("onState")))
        assert.deepStrictEqual(yield* Bot.introductions, ["identify", "resume"])
      }).pipe(Effect.provide(services), Bot.on())
    )
  }
})
