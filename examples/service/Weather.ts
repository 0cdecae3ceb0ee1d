/** The weather as a service: what the bot needs of it, and where it comes from. */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { Cache, Config, Context, Data, Effect, Layer, Schema } from "effect"

/** There is no such place. */
export class UnknownPlace extends Data.TaggedError("UnknownPlace")<{ readonly place: string }> {}

/** The source could not be asked, or its answer not be read. */
export class WeatherUnavailable extends Data.TaggedError("WeatherUnavailable")<{ readonly cause: unknown }> {}

export interface Report {
  readonly place: string
  /** Degrees Celsius. */
  readonly temperature: number
}

export class Weather extends Context.Tag("Weather")<
  Weather,
  { readonly of: (place: string) => Effect.Effect<Report, UnknownPlace | WeatherUnavailable> }
>() {}

const Places = Schema.Struct({
  results: Schema.optional(
    Schema.Array(Schema.Struct({ name: Schema.String, latitude: Schema.Number, longitude: Schema.Number }))
  )
})

const Forecast = Schema.Struct({ current: Schema.Struct({ temperature_2m: Schema.Number }) })

/**
 * From Open-Meteo, or from WEATHER_PLACES_URL and WEATHER_FORECAST_URL. A report is kept for ten minutes; what failed is
 * asked again.
 */
export const layer: Layer.Layer<Weather, never, HttpClient.HttpClient> = Layer.effect(
  Weather,
  Effect.gen(function* () {
    const client = HttpClient.filterStatusOk(yield* HttpClient.HttpClient)
    const get = <A, I>(url: string, query: Record<string, string | number>, schema: Schema.Schema<A, I>) =>
      client.execute(HttpClientRequest.get(url).pipe(HttpClientRequest.setUrlParams(query))).pipe(
        Effect.flatMap(HttpClientResponse.schemaBodyJson(schema)),
        Effect.timeout("5 seconds"),
        Effect.mapError((cause) => new WeatherUnavailable({ cause })),
        Effect.scoped
      )
    const { forecastUrl, placesUrl } = yield* Effect.orDie(
      Config.all({
        placesUrl: Config.withDefault(
          Config.string("WEATHER_PLACES_URL"),
          "https://geocoding-api.open-meteo.com/v1/search"
        ),
        forecastUrl: Config.withDefault(Config.string("WEATHER_FORECAST_URL"), "https://api.open-meteo.com/v1/forecast")
      })
    )
    const reports = yield* Cache.make({
      capacity: 1000,
      timeToLive: "10 minutes",
      lookup: (place: string) =>
        Effect.gen(function* () {
          const { results = [] } = yield* get(placesUrl, { name: place, count: 1 }, Places)
          const [found] = results
          if (found === undefined) return yield* new UnknownPlace({ place })
          const query = { latitude: found.latitude, longitude: found.longitude, current: "temperature_2m" }
          const { current } = yield* get(forecastUrl, query, Forecast)
          return { place: found.name, temperature: current.temperature_2m }
        })
    })
    return { of: (place) => Effect.tapError(reports.get(place), () => reports.invalidate(place)) }
  })
)
