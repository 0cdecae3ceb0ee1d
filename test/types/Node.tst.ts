import type * as HttpClient from "@effect/platform/HttpClient"
import type * as KeyValueStore from "@effect/platform/KeyValueStore"
import type { PlatformError } from "@effect/platform/Error"
import type * as Socket from "@effect/platform/Socket"
import type * as ConfigError from "effect/ConfigError"
import type * as Layer from "effect/Layer"
import { describe, expect, test } from "tstyche"
import type { Bot, BotConfig, Signature, WebhookIntake } from "@effect-qq/core"
import * as NodeBot from "../../packages/node/src/NodeBot.ts"
import type * as StateDirectory from "../../packages/node/src/StateDirectory.ts"
import * as NodeHttp from "../../packages/node/src/NodeHttp.ts"
import * as NodeSignature from "../../packages/node/src/NodeSignature.ts"
import * as NodeStore from "../../packages/node/src/NodeStore.ts"
import * as NodeWebSocket from "../../packages/node/src/NodeWebSocket.ts"
import * as NodeWebhook from "../../packages/node/src/NodeWebhook.ts"

describe("layers of node", () => {
  test("need nothing and say how they fail", () => {
    expect(NodeWebSocket.layer()).type.toBe<Layer.Layer<Socket.WebSocketConstructor>>()
    expect(NodeHttp.layer()).type.toBe<Layer.Layer<HttpClient.HttpClient, ConfigError.ConfigError>>()
    expect(NodeStore.layer("state")).type.toBe<Layer.Layer<KeyValueStore.KeyValueStore, PlatformError>>()
  })

  test("of the webhook need a bot, and the place where its events go", () => {
    type Needed = BotConfig.BotConfig | WebhookIntake.WebhookIntake
    type Failure = NodeWebhook.WebhookServerError
    expect(NodeSignature.layer).type.toBe<Layer.Layer<Signature.Signature, never, BotConfig.BotConfig>>()
    expect(NodeWebhook.layer({ port: 8080 })).type.toBe<Layer.Layer<NodeWebhook.WebhookServer, Failure, Needed>>()
    expect(NodeWebhook.layerConfig()).type.toBe<
      Layer.Layer<NodeWebhook.WebhookServer, Failure | ConfigError.ConfigError, Needed>
    >()
  })

  test("of a bot bring its runtime and its signatures too", () => {
    type Provided =
      | Bot.Bot
      | BotConfig.BotConfig
      | HttpClient.HttpClient
      | KeyValueStore.KeyValueStore
      | Signature.Signature
    type Failure = ConfigError.ConfigError | StateDirectory.StateDirectoryError
    expect(NodeBot.layerConfig()).type.toBe<Layer.Layer<Provided, Failure>>()
  })

  test("verification of certificates cannot be switched off", () => {
    expect(NodeWebSocket.layer).type.not.toBeCallableWith({ rejectUnauthorized: false })
    expect(NodeHttp.layer).type.not.toBeCallableWith({ rejectUnauthorized: false })
  })
})
