import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import * as ApiError from "../../../packages/core/src/openapi/ApiError.ts"
import type * as BotConfig from "../../../packages/core/src/BotConfig.ts"
import { GatewayMetadata, layer } from "../../../packages/core/src/gateway/GatewayMetadata.ts"
import type { MetadataError } from "../../../packages/core/src/gateway/GatewayMetadata.ts"
import * as SessionStore from "../../../packages/core/src/gateway/SessionStore.ts"
import { OpenApi } from "../../../packages/core/src/openapi/OpenApi.ts"
import * as OpenApiModule from "../../../packages/core/src/openapi/OpenApi.ts"
import * as FakeHttp from "../openapi/FakeHttp.ts"

const good = {
  url: "wss://gateway.test/websocket",
  shards: 2,
  session_start_limit: { total: 1000, remaining: 997, reset_after: 14_400_000, max_concurrency: 3 }
}

/** With the real `OpenApi` above a fake HTTP client. */
const provided = (http: FakeHttp.FakeHttp, hosts?: BotConfig.Options["hosts"]) =>
  Effect.provide(
    layer.pipe(
      Layer.provide(OpenApiModule.layer),
      Layer.provideMerge(SessionStore.layerMemory),
      Layer.provide(Layer.mergeAll(http.layer, FakeHttp.config(hosts), FakeHttp.tokens().layer))
    )
  )

const get = Effect.flatMap(GatewayMetadata, (metadata) => metadata.get)
const refresh = Effect.flatMap(GatewayMetadata, (metadata) => metadata.refresh)
const url = Effect.flatMap(GatewayMetadata, (metadata) => metadata.url)
const limits = Effect.flatMap(GatewayMetadata, (metadata) => metadata.limits)
const identified = Effect.flatMap(GatewayMetadata, (metadata) => metadata.identified)

const unavailable = (error: MetadataError) => {
  assert.strictEqual(error._tag, "GatewayUnavailable")
  if (error._tag !== "GatewayUnavailable") throw error
  return error
}

const http = { api: "http://api.test", token: "http://token.test/app/getAppAccessToken" }

describe("GatewayMetadata", () => {
  it.effect("asks once and remembers", () => {
    const fake = FakeHttp.make(() => ({ body: good }))
    return Effect.gen(function* () {
      const metadata = yield* get
      assert.deepStrictEqual(metadata, {
        url: good.url,
        shards: 2,
        total: 1000,
        remaining: 997,
        resetAfter: Duration.hours(4),
        maxConcurrency: 3
      })
      assert.strictEqual(yield* url, good.url)
      yield* get
      assert.deepStrictEqual(
        fake.asked.map((asked) => `${asked.method} ${asked.url}`),
        ["GET https://api.test/gateway/bot"]
      )
      assert.deepStrictEqual(
        yield* Effect.flatMap(SessionStore.SessionStore, (store) => store.gatewayUrl),
        Option.some(good.url)
      )
    }).pipe(provided(fake))
  })

  it.effect("makes one request for concurrent callers, one of which is interrupted", () => {
    const fake = FakeHttp.make(() => Effect.delay(Effect.succeed({ body: good }), "2 seconds"))
    return Effect.gen(function* () {
      const leaving = yield* Effect.fork(get)
      yield* TestClock.adjust("1 second")
      const others = yield* Effect.fork(Effect.all([get, refresh, url], { concurrency: "unbounded" }))
      yield* TestClock.adjust(0)
      yield* Fiber.interrupt(leaving)
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(others))[2], good.url)
      assert.strictEqual(fake.asked.length, 1)
    }).pipe(provided(fake))
  })

  it.effect("reads numbers written as text, and missing fields as unknown", () => {
    const bodies: ReadonlyArray<unknown> = [
      {
        url: good.url,
        shards: "4",
        session_start_limit: { total: "10", remaining: "5", reset_after: "1000", max_concurrency: "2" }
      },
      { url: good.url },
      { url: good.url, shards: null, session_start_limit: null },
      { url: good.url, shards: 0, session_start_limit: { remaining: 3, max_concurrency: 0, reset_after: 9e14 } }
    ]
    const fake = FakeHttp.make((_, index) => ({ body: bodies[index] }))
    const unlimited = Number.POSITIVE_INFINITY
    return Effect.gen(function* () {
      const first = yield* refresh
      assert.deepStrictEqual(first, {
        url: good.url,
        shards: 4,
        total: 10,
        remaining: 5,
        resetAfter: Duration.seconds(1),
        maxConcurrency: 2
      })
      for (const metadata of [yield* refresh, yield* refresh]) {
        assert.deepStrictEqual(
          { ...metadata, resetAfter: 0 },
          { url: good.url, shards: 1, total: unlimited, remaining: unlimited, resetAfter: 0, maxConcurrency: 1 }
        )
      }
      const last = yield* refresh
      assert.strictEqual(last.remaining, 3)
      assert.strictEqual(last.maxConcurrency, 1)
      assert.strictEqual(Duration.toMillis(last.resetAfter), 86_400_000)
    }).pipe(provided(fake))
  })

  it.effect.each([
    "null",
    {},
    [],
    "",
    "<html>",
    { url: null },
    { url: 5 },
    { url: "" },
    { url: "gateway" },
    { url: "https://gateway.test/websocket" },
    { url: "ws://gateway.test/websocket" },
    { url: "wss://" },
    { url: "wss://user:pass@gateway.test/" },
    { url: "wss://gateway.test/#x" },
    { url: "wss://gateway.test:99999999/" },
    { url: `wss://gateway.test/${"x".repeat(5000)}` },
    { ...good, shards: -1 },
    { ...good, shards: 1.5 },
    { ...good, shards: "many" },
    { ...good, session_start_limit: [] as unknown, shards: {} },
    { ...good, session_start_limit: "none" },
    { ...good, session_start_limit: { ...good.session_start_limit, remaining: -1 } },
    { ...good, session_start_limit: { ...good.session_start_limit, max_concurrency: "1e3" } },
    { ...good, session_start_limit: { ...good.session_start_limit, reset_after: true } }
  ] as ReadonlyArray<unknown>)("refuses the answer %j as malformed", (body) =>
    Effect.gen(function* () {
      const error = unavailable(yield* Effect.flip(get))
      assert.strictEqual(`${error.of} ${error.reason}`, "Metadata Malformed")
      assert.strictEqual((yield* Effect.flip(url))._tag, "GatewayUnavailable")
    }).pipe(provided(FakeHttp.make(() => ({ body }))))
  )

  it.effect("takes ws:// from an API that is http:// itself", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* url, "ws://127.0.0.1:8080/websocket")
    }).pipe(
      provided(
        FakeHttp.make(() => ({ body: { url: "ws://127.0.0.1:8080/websocket" } })),
        http
      )
    )
  )

  it.effect.each([
    { status: 400, body: { message: "API call frequency exceeded", code: 100017, err_code: 40023001 } },
    { status: 200, body: { code: 100001, message: "" } },
    { status: 429, body: "<html>" },
    { status: 429, body: {}, headers: { "retry-after": "3" } },
    { status: 400, body: { code: 987654, message: "频率限制" } },
    { status: 500, body: { message: "Too many requests" } }
  ] as ReadonlyArray<FakeHttp.Reply>)("waits a minute after %j", (answer) => {
    const fake = FakeHttp.make((_, index) => (index === 0 ? answer : { body: good }))
    return Effect.gen(function* () {
      const error = unavailable(yield* Effect.flip(get))
      assert.strictEqual(error.reason, "RateLimited")
      assert.strictEqual(Duration.toMillis(error.retryAfter ?? 0), 60_000)
      yield* TestClock.adjust("59 seconds")
      const still = unavailable(yield* Effect.flip(refresh))
      assert.strictEqual(still.reason, "RateLimited")
      assert.strictEqual(Duration.toMillis(still.retryAfter ?? 0), 1000)
      assert.strictEqual(fake.asked.length, 1)
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* get).url, good.url)
    }).pipe(provided(fake))
  })

  it.effect("waits longer when the platform asks for it", () =>
    Effect.gen(function* () {
      const error = unavailable(yield* Effect.flip(get))
      assert.strictEqual(Duration.toMillis(error.retryAfter ?? 0), 90_000)
    }).pipe(provided(FakeHttp.make(() => ({ status: 429, body: {}, headers: { "retry-after": "90" } }))))
  )

  it.effect("makes ten requests at once and two a minute, then serves the cached answer", () => {
    const fake = FakeHttp.make(() => ({ body: good }))
    return Effect.gen(function* () {
      yield* Effect.replicateEffect(refresh, 15)
      assert.strictEqual(fake.asked.length, 10)
      yield* TestClock.adjust("29999 millis")
      yield* refresh
      assert.strictEqual(fake.asked.length, 10)
      yield* TestClock.adjust("1 millis")
      yield* Effect.replicateEffect(refresh, 3)
      assert.strictEqual(fake.asked.length, 11)
      yield* TestClock.adjust("1 minute")
      yield* Effect.replicateEffect(refresh, 3)
      assert.strictEqual(fake.asked.length, 13)
    }).pipe(provided(fake))
  })

  it.effect("says when it may ask again, when it knows nothing", () => {
    const fake = FakeHttp.make(() => ({ status: 500 }))
    return Effect.gen(function* () {
      for (let index = 0; index < 10; index++) {
        assert.strictEqual(unavailable(yield* Effect.flip(refresh)).reason, "Refused")
      }
      const error = unavailable(yield* Effect.flip(refresh))
      assert.strictEqual(error.reason, "RateLimited")
      assert.strictEqual(Duration.toMillis(error.retryAfter ?? 0), 30_000)
      assert.strictEqual(fake.asked.length, 10)
    }).pipe(provided(fake))
  })

  it.effect("falls back to the stored address, then to the preset's, and never to one that cannot be used", () => {
    const fake = FakeHttp.make(() => ({ status: 500 }))
    return Effect.gen(function* () {
      const store = yield* SessionStore.SessionStore
      assert.strictEqual(yield* url, "wss://api.sgroup.qq.com/websocket")
      yield* store.saveGatewayUrl("wss://stored.test/websocket")
      assert.strictEqual(yield* url, "wss://stored.test/websocket")
      yield* store.saveGatewayUrl("ws://stored.test/websocket")
      assert.strictEqual(yield* url, "wss://api.sgroup.qq.com/websocket")
    }).pipe(provided(fake, "legacy"))
  })

  it.effect("keeps the last answer when a new one cannot be had", () => {
    const fake = FakeHttp.make((_, index) => (index === 0 ? { body: good } : { status: 502, body: "<html>" }))
    return Effect.gen(function* () {
      yield* refresh
      yield* Effect.flip(refresh)
      assert.strictEqual(yield* url, good.url)
      assert.strictEqual((yield* get).remaining, 997)
    }).pipe(provided(fake))
  })

  it.effect("counts identifies down, to nothing and no further, and restores them in time", () => {
    const fake = FakeHttp.make(() => ({
      body: { ...good, session_start_limit: { total: 5, remaining: 2, reset_after: 60_000, max_concurrency: 3 } }
    }))
    return Effect.gen(function* () {
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* limits).remaining, Number.POSITIVE_INFINITY)
      assert.strictEqual((yield* limits).maxConcurrency, 1)
      yield* get
      assert.deepStrictEqual(yield* limits, { total: 5, remaining: 2, resetAt: 61_000, maxConcurrency: 3 })
      yield* identified
      assert.strictEqual((yield* limits).remaining, 1)
      yield* identified
      yield* identified
      assert.strictEqual((yield* limits).remaining, 0)
      yield* TestClock.adjust("59999 millis")
      assert.strictEqual((yield* limits).remaining, 0)
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(yield* limits, {
        total: 5,
        remaining: 5,
        resetAt: 61_000 + 86_400_000,
        maxConcurrency: 3
      })
    }).pipe(provided(fake))
  })

  const failures: ReadonlyArray<readonly [ApiError.OpenApiError, string]> = [
    [new ApiError.TokenRejected({ code: 100016, detail: "" }), "CredentialsRejected"],
    [new ApiError.IpRefused({ code: 11298, detail: "" }), "IpNotAllowed"],
    [new ApiError.ApiError({ status: 401, code: 11251, class: "auth_fatal", detail: "" }), "CredentialsRejected"],
    [new ApiError.TokenUnavailable({ reason: "TimedOut", detail: "" }), "Token TimedOut"],
    [new ApiError.ApiUnavailable({ reason: "Transport", outcome: "not-sent", detail: "" }), "Metadata Transport"],
    [new ApiError.ApiUnavailable({ reason: "TimedOut", outcome: "unknown", detail: "" }), "Metadata TimedOut"],
    [new ApiError.ApiUnavailable({ reason: "Empty", outcome: "unknown", detail: "" }), "Metadata Malformed"],
    [new ApiError.ApiError({ status: 500, class: "transient", detail: "" }), "Metadata Refused"]
  ]

  it.effect.each(failures)("reads %s as %s", ([failure, expected]) => {
    const openApi = Layer.succeed(OpenApi, { request: () => Effect.fail(failure) })
    return Effect.gen(function* () {
      const error = yield* Effect.flip(refresh)
      assert.strictEqual(error._tag === "GatewayUnavailable" ? `${error.of} ${error.reason}` : error._tag, expected)
      if (error._tag !== "GatewayUnavailable") assert.strictEqual((yield* Effect.flip(url))._tag, error._tag)
    }).pipe(
      Effect.provide(
        layer.pipe(Layer.provide(openApi), Layer.provide(SessionStore.layerMemory), Layer.provide(FakeHttp.config()))
      )
    )
  })
})
