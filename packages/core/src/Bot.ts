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
import * as AuditOutcomes from "./messages/AuditOutcomes.ts"
import * as Media from "./messages/Media.ts"
import * as Messenger from "./messages/Messenger.ts"
import * as RateLimit from "./messages/RateLimit.ts"
import * as Reception from "./messages/Reception.ts"
import * as ReplyLedger from "./messages/ReplyLedger.ts"
import * as AccessToken from "./openapi/AccessToken.ts"
import * as OpenApi from "./openapi/OpenApi.ts"
import * as SessionPresence from "./openapi/SessionPresence.ts"
import * as WebhookIntake from "./webhook/WebhookIntake.ts"

/**
 * What a bot offers to a program.
 *
 * @since 0.1.0
 * @category models
 */
export type Bot =
  | AccessToken.AccessToken
  | AuditOutcomes.AuditOutcomes
  | Gateway.Gateway
  | GatewayMetadata.GatewayMetadata
  | Media.Media
  | Messenger.Messenger
  | OpenApi.OpenApi
  | RateLimit.RateLimit
  | ReplyLedger.ReplyLedger
  | SessionPresence.SessionPresence
  | WebhookIntake.WebhookIntake

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

/** What the gateway fills and others read: the sender, and the webhook. */
const shared = Layer.mergeAll(
  AuditOutcomes.layer,
  RateLimit.layer,
  ReplyLedger.layer,
  SessionPresence.layer,
  WebhookIntake.layer
)

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
  Layer.provide(Reception.layer),
  Layer.provideMerge(Media.layer),
  Layer.provideMerge(shared),
  Layer.provideMerge(OpenApi.layer),
  Layer.provideMerge(AccessToken.layer)
)
