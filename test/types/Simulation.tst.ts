import { Gateway, Message, Messenger } from "@effect-qq/core"
import { Simulation } from "@effect-qq/core/testing"
import { Context, Effect, Layer } from "effect"
import { describe, expect, it } from "tstyche"

class Weather extends Context.Tag("Weather")<Weather, { readonly today: Effect.Effect<string> }>() {}

const forecast = Gateway.on("C2C_MESSAGE_CREATE", (event) =>
  Effect.flatMap(Weather, ({ today }) => Effect.flatMap(today, (text) => Messenger.reply(event, Message.text(text))))
)

describe("Simulation.run", () => {
  it("takes handlers that need the bot's services alone", () => {
    const handlers = Layer.provide(forecast, Layer.succeed(Weather, { today: Effect.succeed("cloudy") }))
    expect(Simulation.run({ seed: 1, handlers })).type.toBe<
      Effect.Effect<Simulation.Report, Simulation.SimulationError>
    >()
  })

  it("refuses handlers whose own services are not provided", () => {
    expect(Simulation.run).type.not.toBeCallableWith({ seed: 1, handlers: forecast })
  })
})
