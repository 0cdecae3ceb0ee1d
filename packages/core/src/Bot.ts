/**
 * All of one bot above the services of a runtime: its configuration, an HTTP client, sockets and a store.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as KeyValueStore from "@effect/platform/KeyValueStore"
import type * as Socket from "@effect/platform/Socket"
import * as Layer from "effect/Layer"
import type * as BotConfig from "./BotConfig.ts"
import * as Gateway from "./Gateway.ts"
import * as GatewayMetadata from "./gateway/GatewayMetadata.ts"
import * as IdentifyLimiter from "./gateway/IdentifyLimiter.ts"
import * as SessionStore from "./gateway/SessionStore.ts"
import * as Messenger from "./messages/Messenger.ts"
import * as AccessToken from "./openapi/AccessToken.ts"
import * as OpenApi from "./openapi/OpenApi.ts"

/**
 * What a bot offers to a program.
 *
 * @since 0.1.0
 * @category models
 */
export type Bot =
  | AccessToken.AccessToken
  | Gateway.Gateway
  | GatewayMetadata.GatewayMetadata
  | Messenger.Messenger
  | OpenApi.OpenApi

/**
 * What a runtime has to bring.
 *
 * @since 0.1.0
 * @category models
 */
export type Runtime =
  | BotConfig.BotConfig
  | HttpClient.HttpClient
  | KeyValueStore.KeyValueStore
  | Socket.WebSocketConstructor

/**
 * One bot. Each layer value is used once, so all parts share one token, one metadata cache and one session.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<Bot, never, Runtime> = Layer.mergeAll(Gateway.layer, Messenger.layer).pipe(
  Layer.provide(IdentifyLimiter.layer),
  Layer.provideMerge(GatewayMetadata.layer),
  Layer.provide(SessionStore.layerKeyValueStore),
  Layer.provideMerge(OpenApi.layer),
  Layer.provideMerge(AccessToken.layer)
)
