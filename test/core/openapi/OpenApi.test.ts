import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import * as Tracer from "effect/Tracer"
import * as AccessToken from "../../../packages/core/src/openapi/AccessToken.ts"
import type * as BotConfig from "../../../packages/core/src/BotConfig.ts"
import { layer, OpenApi } from "../../../packages/core/src/openapi/OpenApi.ts"
import type { Request, Response } from "../../../packages/core/src/openapi/OpenApi.ts"
import type { OpenApiError } from "../../../packages/core/src/openapi/ApiError.ts"
import * as FakeHttp from "./FakeHttp.ts"

const get: Request = { method: "GET", path: "/users/@me" }

const provided = (http: FakeHttp.FakeHttp, tokens = FakeHttp.tokens(), hosts?: BotConfig.Options["hosts"]) =>
  Effect.provide(Layer.provide(layer, Layer.mergeAll(http.layer, FakeHttp.config(hosts), tokens.layer)))

const request = (options: Request) => Effect.flatMap(OpenApi, (api) => api.request(options))

const answering = (answer: FakeHttp.Answer, options: Request = get) =>
  request(options).pipe(provided(FakeHttp.make(() => answer)))

const failing = (answer: FakeHttp.Answer, options: Request = get): Effect.Effect<OpenApiError, Response> =>
  Effect.flip(answering(answer, options))

const everything = (error: OpenApiError): string =>
  [error.message, error.hint, JSON.stringify(error), String(error), Cause.pretty(Cause.fail(error))].join("\n")

const apiError = (error: OpenApiError) => {
  assert.strictEqual(error._tag, "ApiError")
  if (error._tag !== "ApiError") throw error
  return error
}

describe("OpenApi", () => {
  it.effect("sends method, path, query, body and who it is", () => {
    const http = FakeHttp.make(() => ({ body: { id: "1", trace_id: "t-1" } }))
    return Effect.gen(function* () {
      const response = yield* request({
        method: "POST",
        path: "/v2/users/ABC/messages",
        query: { page: 2, flag: true, none: undefined },
        body: { content: "你好", msg_seq: 1 },
        headers: { "X-Callback-AppID": "1905000001", Authorization: "mine" }
      })
      assert.deepStrictEqual(response, { status: 200, body: { id: "1", trace_id: "t-1" }, traceId: "t-1" })
      const asked = http.asked[0]
      assert.strictEqual(asked?.method, "POST")
      assert.strictEqual(asked?.url, "https://api.test/v2/users/ABC/messages?page=2&flag=true")
      assert.deepStrictEqual(JSON.parse(asked?.body ?? ""), { content: "你好", msg_seq: 1 })
      assert.strictEqual(asked?.headers["authorization"], "QQBot token-1")
      assert.strictEqual(asked?.headers["x-union-appid"], "1905000001")
      assert.strictEqual(asked?.headers["x-callback-appid"], "1905000001")
      assert.strictEqual(asked?.headers["content-type"], "application/json; charset=utf-8")
      for (const name of ["traceparent", "b3"]) assert.isUndefined(asked?.headers[name])
    }).pipe(provided(http))
  })

  it.effect.each([
    [{ status: 204 }, undefined],
    [{ status: 200, body: " \n" }, undefined],
    [{ status: 200, body: "null" }, null],
    [{ status: 200, body: [1, 2] }, [1, 2]],
    [
      { status: 200, body: { code: 0, err_code: "0", a: "b" } },
      { code: 0, err_code: "0", a: "b" }
    ]
  ] as ReadonlyArray<readonly [FakeHttp.Reply, unknown]>)("takes %j for an answer", ([answer, body]) =>
    Effect.gen(function* () {
      assert.deepStrictEqual((yield* answering(answer)).body, body)
    })
  )

  it.effect("takes the trace id from the header when the body has none", () =>
    Effect.gen(function* () {
      const response = yield* answering({ body: {}, headers: { "X-Tps-trace-ID": "from-header" } })
      assert.strictEqual(response.traceId, "from-header")
      const error = apiError(yield* failing({ status: 500, headers: { "x-tps-trace-id": "from-header" } }))
      assert.strictEqual(error.traceId, "from-header")
    })
  )

  it.effect.each([
    [{ status: 200, body: { err_code: 40034105, message: "主动消息" } }, "proactive_refused"],
    [{ status: 200, body: { code: "22006", message: "" } }, "bad_request"],
    [{ status: 500, body: { code: 304041, message: "" } }, "markdown_refused"],
    [{ status: 400, body: { code: 100017, err_code: 40023001, message: "" } }, "rate_limited"],
    [{ status: 404, body: { code: 10004 } }, "not_found"],
    [{ status: 500 }, "transient"],
    [{ status: 502, body: "<html>Bad Gateway</html>" }, "transient"],
    [{ status: 401, body: "<html>" }, "transient"],
    [{ status: 429, body: "<html>" }, "rate_limited"],
    [{ status: 413, body: "<html>Request Entity Too Large</html>" }, "bad_request"],
    [{ status: 302, body: "" }, "transient"]
  ] as ReadonlyArray<readonly [FakeHttp.Reply, string]>)("classifies %j", ([answer, errorClass]) =>
    Effect.gen(function* () {
      const error = apiError(yield* failing(answer))
      assert.strictEqual(error.class, errorClass)
      assert.strictEqual(error.status, answer.status)
      assert.isAbove(error.hint.length, 10)
      assert.notInclude(error.message, "\n")
    })
  )

  it.effect("knows an expired message id by its text on a send only", () =>
    Effect.gen(function* () {
      const answer = { status: 400, body: { code: 987654321, message: "回复消息msg_id已过期" } }
      const send = { method: "POST", path: "/v2/groups/ABC/messages", body: {} } as const
      assert.strictEqual(apiError(yield* failing(answer, send)).class, "msg_id_expired")
      assert.strictEqual(apiError(yield* failing(answer)).class, "bad_request")
    })
  )

  it.effect.each([200, 201, 202])("reports an audit that comes with HTTP %i, with its id", (status) =>
    Effect.gen(function* () {
      const data = { message_audit: { audit_id: "a-1" } }
      const error = apiError(yield* failing({ status, body: { code: 304023, message: "push", data } }))
      assert.strictEqual(error.class, "audit_pending")
      assert.deepStrictEqual(error.data, data)
      const bare = apiError(yield* failing({ status, body: { code: 304024, audit_id: "a-2" } }))
      assert.deepStrictEqual(bare.data, { code: 304024, audit_id: "a-2" })
    })
  )

  it.effect("honours Retry-After in seconds and as a date, and no nonsense", () =>
    Effect.gen(function* () {
      const wait = (value: string) =>
        Effect.map(failing({ status: 429, body: {}, headers: { "retry-after": value } }), (error) => {
          const { retryAfter } = apiError(error)
          return retryAfter === undefined ? undefined : Duration.toMillis(retryAfter)
        })
      yield* TestClock.setTime(Date.UTC(2026, 0, 1))
      assert.strictEqual(yield* wait("7"), 7000)
      assert.strictEqual(yield* wait("Thu, 01 Jan 2026 00:00:30 GMT"), 30_000)
      assert.strictEqual(yield* wait("99999999999"), 600_000)
      assert.strictEqual(yield* wait("Wed, 31 Dec 2025 00:00:00 GMT"), 0)
      assert.isUndefined(yield* wait("soon"))
      assert.isUndefined(yield* wait("-5"))
    })
  )

  it.effect("says that a 200 with HTML is of unknown outcome", () =>
    Effect.gen(function* () {
      const error = yield* failing({ status: 200, body: "<html>" })
      assert.strictEqual(error._tag, "ApiUnavailable")
      assert.strictEqual(error._tag === "ApiUnavailable" && `${error.reason} ${error.outcome}`, "Malformed unknown")
    })
  )

  it.effect("reads no more than 8 MiB, whether the size is announced or not", () =>
    Effect.gen(function* () {
      const body = `"${"x".repeat(8 * 1024 * 1024 - 2)}"`
      for (const headers of [{}, { "content-length": String(body.length) }]) {
        assert.strictEqual(String((yield* answering({ body, headers })).body).length, body.length - 2)
      }
      const large = `${body} `
      for (const headers of [{}, { "content-length": String(large.length) }]) {
        const error = yield* failing({ body: large, headers })
        assert.strictEqual(error._tag === "ApiUnavailable" && error.reason, "Malformed")
      }
    })
  )

  it.effect("puts characters together that were cut by chunks", () =>
    Effect.gen(function* () {
      const text = "消息被去重".repeat(5000)
      assert.strictEqual((yield* answering({ body: JSON.stringify(text) })).body, text)
    })
  )

  it.effect.each([
    ["ECONNREFUSED", "not-sent"],
    ["ENOTFOUND", "not-sent"],
    ["EAI_AGAIN", "not-sent"],
    ["UND_ERR_CONNECT_TIMEOUT", "not-sent"],
    ["ECONNRESET", "unknown"],
    ["UND_ERR_SOCKET", "unknown"],
    ["ETIMEDOUT", "unknown"],
    ["something odd", "unknown"]
  ] as const)("knows the outcome of %s to be %s", ([code, outcome]) =>
    Effect.gen(function* () {
      const error = yield* failing(new FakeHttp.Broken(code))
      assert.strictEqual(error._tag === "ApiUnavailable" && error.outcome, outcome)
      assert.notInclude(everything(error), "token-1")
      assert.notInclude(everything(error), FakeHttp.secret)
    })
  )

  it.effect("stops waiting after the timeout", () => {
    const http = FakeHttp.make(() => "never")
    return Effect.gen(function* () {
      const long = yield* Effect.fork(Effect.flip(request(get)))
      const short = yield* Effect.fork(Effect.flip(request({ ...get, timeout: "2 seconds" })))
      yield* TestClock.adjust("2 seconds")
      const error = yield* Fiber.join(short)
      assert.strictEqual(error._tag === "ApiUnavailable" && `${error.reason} ${error.outcome}`, "TimedOut unknown")
      yield* TestClock.adjust("12 seconds")
      assert.isTrue(Option.isNone(yield* Fiber.poll(long)))
      yield* TestClock.adjust("1 seconds")
      assert.isTrue(Option.isSome(yield* Fiber.poll(long)))
    }).pipe(provided(http))
  })

  it.effect("refuses paths that would lead elsewhere, and bodies that are no JSON, without sending", () => {
    const http = FakeHttp.make(() => ({}))
    return Effect.gen(function* () {
      for (const path of [
        "users",
        "",
        "/a/../b",
        "/a/%2e%2E/b",
        "/a?b",
        "/a#b",
        "/a b",
        "/a\\b",
        "/v2/users/\n",
        "/a//b"
      ]) {
        const error = yield* Effect.flip(request({ ...get, path }))
        assert.strictEqual(error._tag === "ApiUnavailable" && error.outcome, "not-sent", path)
      }
      const cyclic: Record<string, unknown> = {}
      cyclic["self"] = cyclic
      for (const body of [cyclic, 1n]) {
        const error = yield* Effect.flip(request({ method: "POST", path: "/a", body }))
        assert.strictEqual(error._tag === "ApiUnavailable" && error.outcome, "not-sent")
      }
      assert.strictEqual(http.asked.length, 0)
    }).pipe(provided(http))
  })

  it.effect("replaces a refused token and sends once more", () => {
    const http = FakeHttp.make((asked) =>
      asked.headers["authorization"] === "QQBot token-1"
        ? { status: 401, body: { code: 11244, message: "expired" } }
        : { body: { ok: true } }
    )
    const tokens = FakeHttp.tokens()
    return Effect.gen(function* () {
      assert.deepStrictEqual((yield* request(get)).body, { ok: true })
      assert.strictEqual(http.asked.length, 2)
      assert.deepStrictEqual(tokens.rejected, [1])
    }).pipe(provided(http, tokens))
  })

  it.effect("fails with TokenRejected when the next token is refused too", () => {
    const http = FakeHttp.make(() => ({ status: 401, body: { code: 11243, message: "wrong", trace_id: "t" } }))
    const tokens = FakeHttp.tokens()
    return Effect.gen(function* () {
      const error = yield* Effect.flip(request(get))
      assert.strictEqual(error._tag, "TokenRejected")
      assert.strictEqual(error._tag === "TokenRejected" && error.code, 11243)
      assert.strictEqual(error._tag === "TokenRejected" && error.traceId, "t")
      assert.strictEqual(http.asked.length, 2)
    }).pipe(provided(http, tokens))
  })

  it.effect("brings a burst of a hundred refused requests through with one new token", () => {
    let issued = 0
    const http = FakeHttp.make((asked) => {
      if (FakeHttp.isTokenRequest(asked)) return FakeHttp.tokenReply(`token-${++issued}`)
      return asked.headers["authorization"] === "QQBot token-1"
        ? Effect.delay(
            Effect.succeed({ status: 401, body: { code: 11244 } }),
            `${1 + (Number(asked.url.at(-1)) % 5)} seconds`
          )
        : { body: { url: asked.url } }
    })
    const live = Layer.provideMerge(layer, AccessToken.layer).pipe(
      Layer.provide(Layer.merge(http.layer, FakeHttp.config()))
    )
    return Effect.gen(function* () {
      const all = yield* Effect.fork(
        Effect.forEach(
          Array.from({ length: 100 }, (_, index) => index),
          (index) => request({ ...get, path: `/x/${index}` }),
          { concurrency: "unbounded" }
        )
      )
      yield* TestClock.adjust("5 seconds")
      const responses = yield* Fiber.join(all)
      assert.deepStrictEqual(
        responses.map((response) => response.body),
        Array.from({ length: 100 }, (_, index) => ({ url: `https://api.test/x/${index}` }))
      )
      assert.strictEqual(http.asked.filter(FakeHttp.isTokenRequest).length, 2)
      assert.strictEqual(http.asked.length, 202)
    }).pipe(Effect.provide(live))
  })

  it.effect("does not touch the token when the address is refused", () => {
    const http = FakeHttp.make(() => ({
      status: 401,
      body: { message: "接口访问源IP不在白名单", code: 11298, err_code: 40023002, trace_id: "t" }
    }))
    const tokens = FakeHttp.tokens()
    return Effect.gen(function* () {
      const error = yield* Effect.flip(request(get))
      assert.strictEqual(error._tag, "IpRefused")
      assert.strictEqual(error._tag === "IpRefused" && error.code, 11298)
      assert.strictEqual(http.asked.length, 1)
      assert.deepStrictEqual(tokens.rejected, [])
    }).pipe(provided(http, tokens))
  })

  it.effect("repeats once where the platform asks for it, and nothing else", () => {
    const http = FakeHttp.make((asked) => {
      if (asked.url.endsWith("/once")) return { status: 401, body: { code: 11242 } }
      return asked.url.endsWith("/busy") ? { status: 429, body: { code: 20028 } } : { status: 500, body: {} }
    })
    return Effect.gen(function* () {
      assert.strictEqual(apiError(yield* Effect.flip(request({ ...get, path: "/once" }))).class, "retry_once")
      assert.strictEqual(http.asked.length, 2)
      yield* Effect.flip(request({ ...get, path: "/busy" }))
      yield* Effect.flip(request({ ...get, path: "/broken" }))
      assert.strictEqual(http.asked.length, 4)
    }).pipe(provided(http))
  })

  it.effect("falls back for a GET whose host cannot be reached, and for nothing else", () => {
    let broken = new FakeHttp.Broken("ENOTFOUND")
    const http = FakeHttp.make((asked) =>
      asked.url.startsWith("https://api.bot.qq.com/") ? broken : { body: { from: "legacy" } }
    )
    return Effect.gen(function* () {
      assert.deepStrictEqual((yield* request({ ...get, query: { a: 1 } })).body, { from: "legacy" })
      assert.strictEqual(http.asked[1]?.url, "https://api.sgroup.qq.com/users/@me?a=1")
      yield* Effect.flip(request({ method: "POST", path: "/x" }))
      broken = new FakeHttp.Broken("ECONNRESET")
      yield* Effect.flip(request(get))
      assert.strictEqual(http.asked.length, 4)
    }).pipe(provided(http, FakeHttp.tokens(), "default"))
  })

  it.effect("keeps a token that the platform echoes out of the error", () =>
    Effect.gen(function* () {
      const error = apiError(
        yield* failing({
          status: 400,
          body: {
            code: 11301,
            message: "bad header QQBot token-1\nnext",
            trace_id: "token-1",
            data: { h: ["token-1"] }
          },
          headers: { "x-tps-trace-id": "token-1" }
        })
      )
      assert.notInclude(everything(error), "token-1")
      assert.strictEqual(error.detail, "bad header QQBot <redacted> next")
      const unshown = apiError(
        yield* failing({ status: 502, body: "token-1", headers: { "x-tps-trace-id": "token-1" } })
      )
      assert.notInclude(everything(unshown), "token-1")
    })
  )

  it.effect("opens one span with a template of the path and without secrets", () => {
    const http = FakeHttp.make(() => ({ body: {} }))
    const spans: Array<Tracer.Span> = []
    const tracer = Tracer.make({
      span(name, parent, context, links, startTime, kind) {
        const attributes = new Map<string, unknown>()
        const span = {
          _tag: "Span" as const,
          name,
          spanId: String(spans.length),
          traceId: "trace",
          parent,
          context,
          status: { _tag: "Started" as const, startTime },
          attributes,
          links,
          sampled: true,
          kind,
          end: () => {},
          attribute: (key: string, value: unknown) => void attributes.set(key, value),
          event: () => {},
          addLinks: () => {}
        }
        spans.push(span)
        return span
      },
      context: (f) => f()
    })
    return Effect.gen(function* () {
      yield* request({ method: "POST", path: "/v2/users/0123456789ABCDEF/messages", body: {} }).pipe(
        Effect.withTracer(tracer)
      )
      assert.deepStrictEqual(
        spans.map((span) => span.name),
        ["OpenApi.request"]
      )
      const attributes = Object.fromEntries(spans[0]?.attributes ?? [])
      assert.deepStrictEqual(attributes, {
        "http.request.method": "POST",
        "url.template": "/v2/users/:id/messages",
        "http.response.status_code": 200
      })
    }).pipe(provided(http))
  })

  it.effect("is interrupted at once", () => {
    const http = FakeHttp.make(() => "never")
    return Effect.gen(function* () {
      const fiber = yield* Effect.fork(request(get))
      yield* TestClock.adjust("1 second")
      assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(fiber)))
    }).pipe(provided(http))
  })

  it.effect("does not wait for a token longer than for an answer", () => {
    const http = FakeHttp.make(() => ({}))
    const never = Layer.succeed(AccessToken.AccessToken, {
      get: Effect.never,
      held: Effect.succeedNone,
      reject: () => Effect.void,
      askAgain: Effect.void
    })
    return Effect.gen(function* () {
      const fiber = yield* Effect.fork(Effect.flip(request(get)))
      yield* TestClock.adjust("15 seconds")
      const error = yield* Fiber.join(fiber)
      assert.strictEqual(error._tag === "TokenUnavailable" && error.reason, "TimedOut")
      assert.strictEqual(http.asked.length, 0)
    }).pipe(provided(http, { layer: never, rejected: [] }))
  })
})
