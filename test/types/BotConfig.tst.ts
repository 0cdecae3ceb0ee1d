import type * as ConfigError from "effect/ConfigError"
import type * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { describe, expect, test } from "tstyche"
import * as BotConfig from "../../packages/core/src/BotConfig.ts"

describe("BotConfig", () => {
  test("a layer of values needs nothing and cannot fail", () => {
    expect(BotConfig.layer({ appId: "102000001", secret: Redacted.make("secret") })).type.toBe<
      Layer.Layer<BotConfig.BotConfig>
    >()
  })

  test("a layer of the environment fails with a ConfigError and nothing else", () => {
    expect(BotConfig.layerConfig()).type.toBe<Layer.Layer<BotConfig.BotConfig, ConfigError.ConfigError>>()
  })

  test("a secret in plain text is refused", () => {
    expect(BotConfig.layer).type.not.toBeCallableWith({ appId: "102000001", secret: "secret" })
  })

  test("an unknown preset of hosts is refused", () => {
    expect(BotConfig.make).type.not.toBeCallableWith({
      appId: "102000001",
      secret: Redacted.make("secret"),
      hosts: "sandbox"
    })
  })

  test("hosts of one's own need both addresses", () => {
    expect(BotConfig.make).type.not.toBeCallableWith({
      appId: "102000001",
      secret: Redacted.make("secret"),
      hosts: { api: "http://127.0.0.1:8787" }
    })
  })
})
