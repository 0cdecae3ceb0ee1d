// A service: the bot, its weather, and HTTP for both, put together from Layers.
import { Gateway } from "@effect-qq/core"
import { NodeBot } from "@effect-qq/node"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Effect, Layer } from "effect"
import { Bot } from "./Bot.ts"
import * as Weather from "./Weather.ts"

const WeatherLive = Layer.provide(Weather.layer, NodeHttpClient.layerUndici)

NodeRuntime.runMain(Gateway.run(Layer.provide(Bot, WeatherLive)).pipe(Effect.provide(NodeBot.layerConfig())))
