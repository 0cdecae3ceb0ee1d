/** The handlers. They need `Weather`; where it comes from is for `main.ts` and for the tests to say. */
import { Gateway, Message, Messenger } from "@effect-qq/core"
import { Effect, Layer } from "effect"
import { Weather } from "./Weather.ts"

const Report = Gateway.onMessage(
  ({ event, text }) => {
    const place = /^\/weather\s+(\S.*)$/.exec(text)?.[1]
    if (place === undefined) return Effect.void
    return Weather.pipe(
      Effect.flatMap((weather) => weather.of(place)),
      Effect.map((report) => `${report.place}: ${report.temperature} °C`),
      Effect.catchTags({
        UnknownPlace: () => Effect.succeed(`I do not know a place called ${place}`),
        WeatherUnavailable: (error) =>
          Effect.as(Effect.logWarning("no weather", error), "I cannot see the sky right now; ask me again later")
      }),
      Effect.flatMap((answer) => Messenger.reply(event, Message.text(answer)))
    )
  },
  { name: "weather" }
)

const Help = Gateway.onMessage(
  ({ event, text }) =>
    text === "/help" ? Messenger.reply(event, Message.text("/weather PLACE tells the weather")) : Effect.void,
  { name: "help" }
)

export const Bot = Layer.mergeAll(Report, Help)
