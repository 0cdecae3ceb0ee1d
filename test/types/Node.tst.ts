import type * as HttpClient from "@effect/platform/HttpClient"
import type * as KeyValueStore from "@effect/platform/KeyValueStore"
import type { PlatformError } from "@effect/platform/Error"
import type * as Socket from "@effect/platform/Socket"
import type * as ConfigError from "effect/ConfigError"
import type * as Layer from "effect/Layer"
import { describe, expect, test } from "tstyche"
import * as NodeHttp from "../../packages/node/src/NodeHttp.ts"
import * as NodeStore from "../../packages/node/src/NodeStore.ts"
import * as NodeWebSocket from "../../packages/node/src/NodeWebSocket.ts"

describe("layers of node", () => {
  test("need nothing and say how they fail", () => {
    expect(NodeWebSocket.layer()).type.toBe<Layer.Layer<Socket.WebSocketConstructor>>()
    expect(NodeHttp.layer()).type.toBe<Layer.Layer<HttpClient.HttpClient, ConfigError.ConfigError>>()
    expect(NodeStore.layer("state")).type.toBe<Layer.Layer<KeyValueStore.KeyValueStore, PlatformError>>()
  })

  test("verification of certificates cannot be switched off", () => {
    expect(NodeWebSocket.layer).type.not.toBeCallableWith({ rejectUnauthorized: false })
    expect(NodeHttp.layer).type.not.toBeCallableWith({ rejectUnauthorized: false })
  })
})
