import { Gateway } from "@effect-qq/core"
import { TestPlatform } from "@effect-qq/core/testing"
import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Bot } from "./Bot.ts"
import { UnknownPlace, Weather, WeatherUnavailable } from "./Weather.ts"

const Sky = Layer.succeed(Weather, {
  of: (place) => {
    if (place === "Atlantis") return new UnknownPlace({ place })
    if (place === "Fog") return new WeatherUnavailable({ cause: "no answer" })
    return Effect.succeed({ place, temperature: 22 })
  }
})

/** What the bot answers to a member of a group. */
const answerTo = (text: string) =>
  Effect.gen(function* () {
    const platform = yield* TestPlatform.TestPlatform
    yield* Effect.forkScoped(Gateway.run(Layer.provide(Bot, Sky)))
    yield* Gateway.ready
    yield* platform.groupMessage({ group: "g1", text })
    const [answer] = yield* platform.awaitSent(1)
    return answer?.content
  }).pipe(Effect.scoped, Effect.provide(TestPlatform.layer()))

it.effect("tells the weather of a place", () =>
  Effect.map(answerTo("/weather Shenzhen"), (answer) => assert.strictEqual(answer, "Shenzhen: 22 °C"))
)

it.effect("says that it does not know a place", () =>
  Effect.map(answerTo("/weather Atlantis"), (answer) =>
    assert.strictEqual(answer, "I do not know a place called Atlantis")
  )
)

it.effect("asks for patience where the weather cannot be had", () =>
  Effect.map(answerTo("/weather Fog"), (answer) =>
    assert.strictEqual(answer, "I cannot see the sky right now; ask me again later")
  )
)

it.effect("explains itself", () =>
  Effect.map(answerTo("/help"), (answer) => assert.strictEqual(answer, "/weather PLACE tells the weather"))
)
