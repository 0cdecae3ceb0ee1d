/**
 * What an examination runs with: the settings of the bot's environment, and the services of a bot without its sessions.
 *
 * @since 0.1.0
 */
import { AccessToken, BotConfig, GatewayMetadata, IdentifyLimiter, OpenApi, SessionStore } from "@effect-qq/core"
import { NodeHttp, NodeProxy, NodeStore, NodeWebSocket } from "@effect-qq/node"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as Socket from "@effect/platform/Socket"
import * as Clock from "effect/Clock"
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"

/**
 * The settings of a bot.
 *
 * @since 0.1.0
 * @category models
 */
export interface Environment {
  readonly config: BotConfig.BotConfigShape
  readonly proxies: Option.Option<NodeProxy.Proxies>
  readonly stateDirectory: string
}

/**
 * Reads the settings. `directory` replaces the state directory of the environment.
 *
 * @since 0.1.0
 * @category constructors
 */
export const readEnvironment = (directory: string | undefined): Effect.Effect<Environment, ConfigError.ConfigError> =>
  Effect.all({
    config: Effect.map(BotConfig.fromEnvironment, BotConfig.make),
    proxies: NodeProxy.find(undefined),
    stateDirectory: directory === undefined ? NodeStore.defaultDirectory : Effect.succeed(directory)
  })

/**
 * How far this machine's clock is ahead of the platform's, in milliseconds, by the `Date` of the last answer.
 *
 * @since 0.1.0
 * @category models
 */
export interface Watch {
  ahead: number | undefined
}

/** The HTTP client of a bot, which also reads the `Date` header of each answer. */
const watchedHttp = (watch: Watch): Layer.Layer<HttpClient.HttpClient> =>
  Layer.effect(
    HttpClient.HttpClient,
    Effect.map(
      HttpClient.HttpClient,
      HttpClient.tap(({ headers }) =>
        Effect.map(Clock.currentTimeMillis, (now) => {
          const at = Date.parse(headers["date"] ?? "")
          // The header has whole seconds: half a second is the expected error.
          if (!Number.isNaN(at)) watch.ahead = now - at - 500
        })
      )
    )
    // The proxy settings were read before and are valid.
  ).pipe(Layer.provide(Layer.orDie(NodeHttp.layer())))

/**
 * The services that the checks use.
 *
 * @since 0.1.0
 * @category models
 */
export type Services =
  | AccessToken.AccessToken
  | BotConfig.BotConfig
  | GatewayMetadata.GatewayMetadata
  | IdentifyLimiter.IdentifyLimiter
  | Socket.WebSocketConstructor

/**
 * The services. What they are answered sets the watch.
 *
 * @since 0.1.0
 * @category layers
 */
export const services = ({ config, proxies }: Environment, watch: Watch): Layer.Layer<Services> =>
  IdentifyLimiter.layer.pipe(
    Layer.provideMerge(GatewayMetadata.layer),
    Layer.provide(SessionStore.layerMemory),
    Layer.provide(OpenApi.layer),
    Layer.provideMerge(AccessToken.layer),
    Layer.provide(watchedHttp(watch)),
    Layer.provideMerge(Layer.succeed(BotConfig.BotConfig, config)),
    Layer.merge(NodeWebSocket.layerProxied(proxies))
  )
