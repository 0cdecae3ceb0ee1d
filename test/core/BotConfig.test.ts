import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Inspectable from "effect/Inspectable"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as util from "node:util"
import * as BotConfig from "../../packages/core/src/BotConfig.ts"
import * as Intents from "../../packages/core/src/gateway/Intents.ts"

const secret = "naOC0ocQE3shWLAfffVLB1rhYPG7"

const whole = { QQ_APP_ID: "1905000001", QQ_APP_SECRET: secret }

const load = (variables: Readonly<Record<string, string>>, options?: Parameters<typeof BotConfig.layerConfig>[0]) =>
  Effect.provide(
    BotConfig.BotConfig,
    Layer.provide(
      BotConfig.layerConfig(options),
      Layer.setConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(variables))))
    )
  )

const refusal = (variables: Readonly<Record<string, string>>) =>
  Effect.map(Effect.flip(load(variables)), (error) => [String(error), util.inspect(error, { depth: 10 })] as const)

describe("a configuration from the environment", () => {
  it.effect("needs no more than the app id and the secret", () =>
    Effect.gen(function* () {
      const config = yield* load(whole)
      assert.strictEqual(config.appId, "1905000001")
      assert.strictEqual(Redacted.value(config.secret), secret)
      assert.strictEqual(config.hosts, BotConfig.defaultHosts)
      assert.isTrue(Option.isNone(config.intents))
      assert.strictEqual(config.shards, 1)
      assert.deepStrictEqual(config.fallbackIntents, [])
    })
  )

  it.effect("forgives blanks around values", () =>
    Effect.gen(function* () {
      const config = yield* load({ QQ_APP_ID: " 1905000001\n", QQ_APP_SECRET: ` ${secret} ` })
      assert.strictEqual(config.appId, "1905000001")
      assert.strictEqual(Redacted.value(config.secret), secret)
    })
  )

  it.effect("knows the presets", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* load({ ...whole, QQ_API_URL: "default" })).hosts, BotConfig.defaultHosts)
      assert.strictEqual((yield* load({ ...whole, QQ_API_URL: "legacy" })).hosts, BotConfig.legacyHosts)
      assert.strictEqual(BotConfig.defaultHosts.fallback, BotConfig.legacyHosts)
      assert.strictEqual(BotConfig.legacyHosts.fallback, undefined)
    })
  )

  it.effect("hosts of one's own fall back on nothing", () =>
    Effect.gen(function* () {
      const { hosts } = yield* load({
        ...whole,
        QQ_API_URL: "http://127.0.0.1:8080/",
        QQ_TOKEN_URL: "http://127.0.0.1:8080/app/getAppAccessToken"
      })
      assert.deepStrictEqual(hosts, {
        api: "http://127.0.0.1:8080",
        token: "http://127.0.0.1:8080/app/getAppAccessToken"
      })
    })
  )

  for (const [text, expected] of [
    ["33554432", Intents.Intent.GROUP_AND_C2C_EVENT],
    ["GROUP_AND_C2C_EVENT", Intents.Intent.GROUP_AND_C2C_EVENT],
    ["group_and_c2c_event, INTERACTION", Intents.make("GROUP_AND_C2C_EVENT", "INTERACTION")],
    ["GUILDS|GUILD_MEMBERS", 3],
    ["0", 0]
  ] as const) {
    it.effect(`QQ_INTENTS=${text}`, () =>
      Effect.gen(function* () {
        const { intents } = yield* load({ ...whole, QQ_INTENTS: text })
        assert.deepStrictEqual(intents, Option.some(expected))
      })
    )
  }

  for (const [text, expected] of [
    ["recommended", "recommended"],
    ["4", 4],
    [" 1 ", 1],
    ["0,2/4", { of: 4, run: [0, 2] }],
    ["3 , 1 / 4", { of: 4, run: [3, 1] }],
    ["1,1/2", { of: 2, run: [1] }]
  ] as const) {
    it.effect(`QQ_SHARDS=${text}`, () =>
      Effect.gen(function* () {
        const { shards } = yield* load({ ...whole, QQ_SHARDS: text })
        assert.deepStrictEqual(shards, expected)
      })
    )
  }

  it.effect("what the program says wins over the environment", () =>
    Effect.gen(function* () {
      const config = yield* load({ ...whole, QQ_API_URL: "legacy", QQ_INTENTS: "1" }, { hosts: "default", intents: 2 })
      assert.strictEqual(config.hosts, BotConfig.defaultHosts)
      assert.deepStrictEqual(config.intents, Option.some(2))
    })
  )

  it.effect("what the program leaves undefined does not", () =>
    Effect.gen(function* () {
      const config = yield* load(
        { ...whole, QQ_API_URL: "legacy", QQ_INTENTS: "1" },
        { hosts: undefined, intents: undefined }
      )
      assert.strictEqual(config.hosts, BotConfig.legacyHosts)
      assert.deepStrictEqual(config.intents, Option.some(1))
    })
  )

  it.effect("a policy is completed, field by field", () =>
    Effect.gen(function* () {
      const config = yield* load(whole, {
        delivery: { capacity: 7, concurrency: undefined as never },
        session: { jitter: 0 }
      })
      assert.strictEqual(config.delivery.capacity, 7)
      assert.strictEqual(config.delivery.concurrency, 64)
      assert.strictEqual(config.session.jitter, 0)
      assert.strictEqual(Duration.toSeconds(config.session.stableAfter), 30)
    })
  )
})

describe("a setting that cannot be used is named, and its value is not shown", () => {
  const hidden = "VaLuE-5e11"

  for (const [name, variable, variables] of [
    ["no app id", "QQ_APP_ID", { QQ_APP_SECRET: secret }],
    ["an empty app id", "QQ_APP_ID", { ...whole, QQ_APP_ID: " " }],
    ["an app id with letters", "QQ_APP_ID", { ...whole, QQ_APP_ID: hidden }],
    ["no secret", "QQ_APP_SECRET", { QQ_APP_ID: "1905000001" }],
    ["an empty secret", "QQ_APP_SECRET", { ...whole, QQ_APP_SECRET: "" }],
    ["an API that is no URL", "QQ_API_URL", { ...whole, QQ_API_URL: hidden, QQ_TOKEN_URL: "https://token.test" }],
    [
      "an API with a password",
      "QQ_API_URL",
      { ...whole, QQ_API_URL: `https://me:${hidden}@api.test`, QQ_TOKEN_URL: "https://token.test" }
    ],
    [
      "an API with a query",
      "QQ_API_URL",
      { ...whole, QQ_API_URL: `https://api.test?${hidden}`, QQ_TOKEN_URL: "https://token.test" }
    ],
    [
      "a token URL of another kind",
      "QQ_TOKEN_URL",
      { ...whole, QQ_API_URL: "https://api.test", QQ_TOKEN_URL: `ftp://${hidden}` }
    ],
    ["an API without a token URL", "QQ_TOKEN_URL", { ...whole, QQ_API_URL: `https://${hidden}.test` }],
    ["a token URL without an API", "QQ_API_URL", { ...whole, QQ_TOKEN_URL: `https://${hidden}.test` }],
    ["intents that do not exist", "QQ_INTENTS", { ...whole, QQ_INTENTS: hidden }],
    ...["0", "-1", "1.5", "4/4", "0/0", "0/1/2", "/4", "0,/4", "999999", hidden].map(
      (text) => [`shards that are ${text}`, "QQ_SHARDS", { ...whole, QQ_SHARDS: text }] as const
    ),
    ["intents that are no number", "QQ_INTENTS", { ...whole, QQ_INTENTS: "4294967296" }]
  ] as const) {
    it.effect(name, () =>
      Effect.gen(function* () {
        const [message, inspected] = yield* refusal(variables)
        assert.match(message, new RegExp(`data at ${variable}: "(is not set|Expected|must)`))
        assert.isBelow(message.length, 200)
        for (const text of [message, inspected]) {
          assert.notInclude(text.toLowerCase(), hidden.toLowerCase())
          assert.notInclude(text, secret)
          assert.notInclude(text, "4294967296")
        }
      })
    )
  }

  it.effect("two of them are both named", () =>
    Effect.gen(function* () {
      const [message] = yield* refusal({})
      assert.include(message, "QQ_APP_ID")
      assert.include(message, "QQ_APP_SECRET")
    })
  )
})

describe("the secret", () => {
  it.effect("is in nothing that is printed", () =>
    Effect.gen(function* () {
      const config = yield* load(whole)
      const texts = [
        String(config),
        String(config.secret),
        `${JSON.stringify(config)}`,
        util.inspect(config, { depth: 20, showHidden: true }),
        Inspectable.toStringUnknown(config),
        Inspectable.format(config)
      ]
      for (const text of texts) assert.notInclude(text, secret)
      assert.include(JSON.stringify(config), "redacted")
    })
  )
})

describe("a missing setting", () => {
  it.effect("says where to find it and how to check the rest", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        Effect.provide(BotConfig.BotConfig, BotConfig.layerConfig()).pipe(
          Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["QQ_APP_SECRET", "s"]])))
        )
      )
      assert.match(String(error), /QQ_APP_ID: "is not set: .*npx effect-qq doctor/)
      assert.notInclude(String(error), "QQ_APP_SECRET")
    })
  )
})
