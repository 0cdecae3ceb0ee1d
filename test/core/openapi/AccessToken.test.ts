import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import { AccessToken, layer } from "../../../packages/core/src/openapi/AccessToken.ts"
import type { AccessTokenError, Token } from "../../../packages/core/src/openapi/AccessToken.ts"
import type * as BotConfig from "../../../packages/core/src/BotConfig.ts"
import { fromTokenError } from "../../../packages/core/src/gateway/GatewayMetadata.ts"
import * as FakeHttp from "./FakeHttp.ts"

const provided = (http: FakeHttp.FakeHttp, hosts?: BotConfig.Options["hosts"]) =>
  Effect.provide(Layer.provide(layer, Layer.merge(http.layer, FakeHttp.config(hosts))))

const failure = (answer: FakeHttp.Answer): Effect.Effect<AccessTokenError, Token> =>
  Effect.flatMap(AccessToken, (token) => Effect.flip(token.get)).pipe(provided(FakeHttp.make(() => answer)))

/** Whatever a person or a log could see of an error. */
const everything = (error: AccessTokenError): string =>
  [error.message, error.hint, JSON.stringify(error), String(error), Cause.pretty(Cause.fail(error))].join("\n")

const times = (http: FakeHttp.FakeHttp) => http.asked.map((asked) => asked.at)

describe("AccessToken", () => {
  it.effect("fetches on the first use only, with app id and secret, and redacts the token", () => {
    const http = FakeHttp.make(() => FakeHttp.tokenReply("abc"))
    return Effect.gen(function* () {
      const service = yield* AccessToken
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(http.asked.length, 0)
      const token = yield* service.get
      assert.strictEqual(Redacted.value(token.value), "abc")
      assert.strictEqual(Redacted.value(token.authorization), "QQBot abc")
      assert.strictEqual(token.fetch, 1)
      assert.strictEqual(token.expiresAt, 3_600_000 + 7_200_000)
      assert.notInclude(JSON.stringify(token), "abc")
      assert.strictEqual(http.asked[0]?.method, "POST")
      assert.strictEqual(http.asked[0]?.url, "https://token.test/app/getAppAccessToken")
      assert.deepStrictEqual(JSON.parse(http.asked[0]?.body ?? ""), {
        appId: "1905000001",
        clientSecret: FakeHttp.secret
      })
      yield* service.get
      assert.strictEqual(http.asked.length, 1)
    }).pipe(provided(http))
  })

  it.effect.each([
    ["7200", 7_200_000],
    [7200, 7_200_000],
    [60, 60_000],
    ["1222", 1_222_000],
    [1e18, 86_400_000]
  ] as const)("takes expires_in %s", ([expiresIn, life]) =>
    Effect.gen(function* () {
      const token = yield* Effect.flatMap(AccessToken, (service) => service.get)
      assert.strictEqual(token.expiresAt, life)
    }).pipe(provided(FakeHttp.make(() => FakeHttp.tokenReply("abc", expiresIn))))
  )

  it.effect.each(["0.001", 0.001, 1, "2"])("keeps a token that is said to live for %s s for 10 s", (expiresIn) => {
    const http = FakeHttp.make((_, count) => FakeHttp.tokenReply(`token-${count}`, expiresIn))
    return Effect.gen(function* () {
      const service = yield* AccessToken
      for (let call = 0; call < 120; call++) {
        yield* service.get
        yield* TestClock.adjust("10 millis")
      }
      assert.strictEqual(http.asked.length, 1)
      // and nothing that is fetched of itself comes sooner than 5 s
      yield* TestClock.adjust("1 minute")
      assert.isAtMost(http.asked.length, 14)
    }).pipe(provided(http))
  })

  it.effect("asks again after ten minutes, whatever the endpoint asked for, or once it is told to", () => {
    const limited = { status: 429, body: {}, headers: { "retry-after": "99999999999" } }
    const http = FakeHttp.make(() => limited)
    return Effect.gen(function* () {
      const service = yield* AccessToken
      const error = yield* Effect.flip(service.get)
      assert.deepStrictEqual(error._tag === "TokenUnavailable" && error.retryAfter, Duration.minutes(10))
      yield* TestClock.adjust("9 minutes")
      yield* Effect.flip(service.get)
      yield* TestClock.adjust("1 minute")
      yield* Effect.flip(service.get)
      assert.deepStrictEqual(times(http), [0, 600_000])
      yield* service.askAgain
      yield* Effect.flip(service.get)
      yield* service.askAgain
      yield* Effect.flip(service.get)
      assert.deepStrictEqual(times(http), [0, 600_000, 600_000])
      yield* TestClock.adjust("5 seconds")
      yield* Effect.flip(service.get)
      assert.deepStrictEqual(times(http), [0, 600_000, 600_000, 605_000])
    }).pipe(provided(http))
  })

  it.effect.each([{ retry_after: 90 }, { data: { retry_after: "90" } }])(
    "reads the wait from a body such as %o",
    (body) =>
      Effect.gen(function* () {
        const error = yield* failure({ status: 429, body })
        assert.deepStrictEqual(error._tag === "TokenUnavailable" && error.retryAfter, Duration.seconds(90))
      })
  )

  it.effect.each([0, "0", -5, "-5", "soon", "", null, undefined, "1e999", {}, [7200], true])(
    "refuses expires_in %s",
    (expiresIn) =>
      Effect.gen(function* () {
        const error = yield* failure({ body: { access_token: "abc", expires_in: expiresIn } })
        assert.strictEqual(error._tag, "TokenUnavailable")
        assert.strictEqual(error._tag === "TokenUnavailable" && error.reason, "Malformed")
        assert.notInclude(everything(error), "abc")
      })
  )

  it.effect.each([
    { body: {} },
    { body: "null" },
    { body: "[]" },
    { body: "" },
    { body: "<html>502 echo s3cr3t-of-the-app</html>" },
    { body: { access_token: "", expires_in: 7200 } },
    { body: { access_token: "a\r\nX-Evil: 1", expires_in: 7200 } },
    { body: { access_token: 5, expires_in: 7200 } }
  ])("takes $body for malformed", (answer) =>
    Effect.gen(function* () {
      const error = yield* failure(answer)
      assert.strictEqual(error._tag === "TokenUnavailable" && error.reason, "Malformed")
      assert.notInclude(everything(error), FakeHttp.secret)
    })
  )

  it.effect.each([
    [100001, "TokenUnavailable"],
    [100007, "TokenRejected"],
    [100016, "TokenRejected"],
    [10004, "TokenRejected"],
    [11298, "IpRefused"],
    [11245, "TokenUnavailable"],
    [987654, "TokenUnavailable"]
  ] as const)("reads code %i of an answer with HTTP 200", ([code, tag]) =>
    Effect.gen(function* () {
      const error = yield* failure({ body: { code, message: `echo ${FakeHttp.secret}`, access_token: "abc" } })
      assert.strictEqual(error._tag, tag)
      assert.strictEqual(error.code, code)
      assert.notInclude(everything(error), FakeHttp.secret)
      assert.notInclude(everything(error), "abc")
      // and what the gateway's log says of it
      for (const { message } of [error, fromTokenError(error)]) {
        assert.include(message, String(code))
        assert.include(message, "echo <redacted>")
      }
    })
  )

  it.effect("takes the platform's message on one line and cut", () =>
    Effect.gen(function* () {
      const error = yield* failure({ body: { code: 987654, message: `a\r\nb\u2028c${"d".repeat(1000)}` } })
      assert.include(error.message, "a b cddd")
      assert.notMatch(error.message, /[\r\n\u2028]/)
      assert.isBelow(error.message.length, 700)
    })
  )

  it.effect("a refresh that fails is one log line with the platform's code and message", () => {
    const http = FakeHttp.make((_, index) =>
      index === 0 ? FakeHttp.tokenReply("abc", 600) : { body: { code: 100007, message: "appid invalid" } }
    )
    const lines: Array<string> = []
    const logger = Logger.make<unknown, void>(({ message }) => {
      lines.push(String(Array.isArray(message) ? message[0] : message))
    })
    return Effect.gen(function* () {
      yield* Effect.flatMap(AccessToken, (service) => service.get)
      yield* TestClock.adjust("560 seconds")
      assert.isAtLeast(lines.length, 1)
      for (const part of ["100007", "appid invalid"]) assert.include(lines[0], part)
    }).pipe(provided(http), Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
  })

  it.effect.each(["ECONNREFUSED", "ECONNRESET"])("keeps the request out of the error of a %s", (code) =>
    Effect.gen(function* () {
      const error = yield* failure(new FakeHttp.Broken(code))
      assert.strictEqual(error._tag === "TokenUnavailable" && error.reason, "Transport")
      assert.include(error.message, code)
      assert.notInclude(everything(error), FakeHttp.secret)
    })
  )

  it.effect("waits 60 s after 100001 and fails meanwhile with the remaining time", () => {
    const http = FakeHttp.make((_, index) =>
      index === 0 ? { body: { code: 100001, message: "too many" } } : FakeHttp.tokenReply("abc")
    )
    return Effect.gen(function* () {
      const service = yield* AccessToken
      const first = yield* Effect.flip(service.get)
      assert.strictEqual(first._tag === "TokenUnavailable" && Duration.toMillis(first.retryAfter ?? 0), 60_000)
      yield* TestClock.adjust("20 seconds")
      const second = yield* Effect.flip(service.get)
      assert.strictEqual(second._tag === "TokenUnavailable" && Duration.toMillis(second.retryAfter ?? 0), 40_000)
      assert.strictEqual(http.asked.length, 1)
      yield* TestClock.adjust("40 seconds")
      yield* service.get
      assert.deepStrictEqual(times(http), [0, 60_000])
    }).pipe(provided(http))
  })

  it.effect("makes one request for twenty concurrent callers", () => {
    const http = FakeHttp.make(() => Effect.delay(Effect.succeed(FakeHttp.tokenReply("abc")), "1 second"))
    return Effect.gen(function* () {
      const service = yield* AccessToken
      const callers = yield* Effect.fork(
        Effect.all(
          Array.from({ length: 20 }, () => service.get),
          { concurrency: 20 }
        )
      )
      yield* TestClock.adjust("1 second")
      const got = yield* Fiber.join(callers)
      assert.deepStrictEqual([...new Set(got.map((token) => Redacted.value(token.value)))], ["abc"])
      assert.strictEqual(http.asked.length, 1)
    }).pipe(provided(http))
  })

  it.effect("serves the others when the first caller is interrupted", () => {
    const http = FakeHttp.make(() => Effect.delay(Effect.succeed(FakeHttp.tokenReply("abc")), "5 seconds"))
    return Effect.gen(function* () {
      const service = yield* AccessToken
      const first = yield* Effect.fork(service.get)
      yield* TestClock.adjust("1 second")
      const second = yield* Effect.fork(service.get)
      yield* TestClock.adjust("1 second")
      assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(first)))
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual(Redacted.value((yield* Fiber.join(second)).value), "abc")
      assert.strictEqual(http.asked.length, 1)
    }).pipe(provided(http))
  })

  it.effect("gives up on an answer after 10 s", () =>
    Effect.gen(function* () {
      const service = yield* AccessToken
      const error = yield* Effect.fork(Effect.flip(service.get))
      yield* TestClock.adjust("10 seconds")
      const timedOut = yield* Fiber.join(error)
      assert.strictEqual(timedOut._tag === "TokenUnavailable" && timedOut.reason, "TimedOut")
    }).pipe(provided(FakeHttp.make(() => "never")))
  )

  it.effect("refreshes 45 s ± 5 s before the end, without being asked, again and again", () => {
    const http = FakeHttp.make((_, index) => FakeHttp.tokenReply(`token-${index}`))
    return Effect.gen(function* () {
      const service = yield* AccessToken
      yield* service.get
      yield* TestClock.adjust("7149 seconds")
      assert.strictEqual(http.asked.length, 1)
      yield* TestClock.adjust("12 seconds")
      assert.strictEqual(http.asked.length, 2)
      const second = yield* service.get
      assert.strictEqual(Redacted.value(second.value), "token-1")
      assert.strictEqual(second.fetch, 2)
      yield* TestClock.adjust("10 hours")
      assert.strictEqual(http.asked.length, 7)
      const gaps = times(http).map((at, index, all) => at - (all[index - 1] ?? 0))
      for (const gap of gaps.slice(1)) assert.isTrue(gap >= 7_150_000 && gap <= 7_160_000, String(gap))
      assert.isAbove(new Set(gaps.slice(1)).size, 1)
    }).pipe(provided(http))
  })

  it.effect("asks again near the end, at least 5 s later, when the last minute brings the same token", () => {
    // ends at 100 s; the platform hands out the same token until then
    const http = FakeHttp.make((asked) =>
      asked.at < 100_000 ? FakeHttp.tokenReply("same", (100_000 - asked.at) / 1000) : FakeHttp.tokenReply("next")
    )
    return Effect.gen(function* () {
      const service = yield* AccessToken
      yield* service.get
      yield* TestClock.adjust("105 seconds")
      const [first, overlap, nearEnd, next, ...more] = times(http)
      assert.strictEqual(first, 0)
      assert.isTrue(overlap !== undefined && overlap >= 50_000 && overlap <= 60_000)
      assert.strictEqual(nearEnd, 95_000)
      assert.strictEqual(next, 100_000)
      assert.deepStrictEqual(more, [])
      const token = yield* service.get
      assert.strictEqual(Redacted.value(token.value), "next")
      assert.strictEqual(token.fetch, 2)
    }).pipe(provided(http))
  })

  it.effect("never plans a wait below 5 s", () => {
    const http = FakeHttp.make(() => FakeHttp.tokenReply("same", 1))
    return Effect.gen(function* () {
      yield* Effect.flatMap(AccessToken, (service) => service.get)
      yield* TestClock.adjust("50 seconds")
      assert.deepStrictEqual(
        times(http),
        Array.from({ length: 11 }, (_, index) => index * 5000)
      )
    }).pipe(provided(http))
  })

  it.effect("serves the living token while refreshes fail, then the error, and recovers by itself", () => {
    const http = FakeHttp.make((asked, index) => {
      if (index === 0) return FakeHttp.tokenReply("abc", 600)
      return asked.at < 900_000 ? { status: 502, body: "<html>Bad Gateway</html>" } : FakeHttp.tokenReply("new", 7200)
    })
    return Effect.gen(function* () {
      const service = yield* AccessToken
      yield* service.get
      yield* TestClock.adjust("599 seconds")
      assert.isAbove(http.asked.length, 3)
      assert.strictEqual(Redacted.value((yield* service.get).value), "abc")
      yield* TestClock.adjust("1 second")
      const error = yield* Effect.flip(service.get)
      assert.strictEqual(error._tag === "TokenUnavailable" && error.status, 502)
      yield* TestClock.adjust("360 seconds")
      assert.strictEqual(Redacted.value((yield* service.get).value), "new")
      const gaps = times(http).map((at, index, all) => (at - (all[index - 1] ?? 0)) / 1000)
      // the first rung is lifted to the 2 s between two requests after a failure
      assert.deepStrictEqual(gaps.slice(2, 6), [2, 2, 5, 10])
      for (const gap of gaps.slice(2)) assert.isAtMost(gap, 62)
    }).pipe(provided(http), Effect.provide(Logger.remove(Logger.defaultLogger)))
  })

  it.effect("sees on use that the machine was suspended beyond the token's end", () => {
    const http = FakeHttp.make((_, index) => FakeHttp.tokenReply(`token-${index}`))
    return Effect.gen(function* () {
      const service = yield* AccessToken
      yield* service.get
      // the wall clock jumps, the timers do not ring: this is what a suspended machine looks like
      const clock = yield* TestClock.testClock()
      const suspended = Object.create(clock, {
        unsafeCurrentTimeMillis: { value: () => clock.unsafeCurrentTimeMillis() + 86_400_000 },
        unsafeCurrentTimeNanos: { value: () => clock.unsafeCurrentTimeNanos() }
      })
      const token = yield* Effect.withClock(service.get, suspended)
      assert.strictEqual(Redacted.value(token.value), "token-1")
      assert.strictEqual(http.asked.length, 2)
    }).pipe(provided(http))
  })

  it.effect("replaces a rejected token once for everybody, and not one that was replaced already", () => {
    const http = FakeHttp.make((_, index) => FakeHttp.tokenReply(`token-${index}`))
    return Effect.gen(function* () {
      const service = yield* AccessToken
      const first = yield* service.get
      yield* Effect.all(
        Array.from({ length: 50 }, () => Effect.zipRight(service.reject(first.fetch), service.get)),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(http.asked.length, 2)
      yield* service.reject(first.fetch)
      assert.strictEqual((yield* service.get).fetch, 2)
      assert.strictEqual(http.asked.length, 2)
    }).pipe(provided(http))
  })

  it.effect("keeps 10 s between two fetches after rejections", () => {
    const http = FakeHttp.make((_, index) => FakeHttp.tokenReply(`token-${index}`))
    return Effect.gen(function* () {
      const service = yield* AccessToken
      yield* Effect.flatMap(service.get, ({ fetch }) => service.reject(fetch))
      yield* TestClock.adjust("1 second")
      yield* Effect.flatMap(service.get, ({ fetch }) => service.reject(fetch))
      yield* TestClock.adjust("1 second")
      const third = yield* Effect.fork(service.get)
      yield* TestClock.adjust("8999 millis")
      assert.strictEqual(http.asked.length, 2)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* Fiber.join(third)).fetch, 3)
      assert.deepStrictEqual(times(http), [0, 1000, 11_000])
    }).pipe(provided(http))
  })

  it.effect("does not count the same token as a new fetch", () => {
    const http = FakeHttp.make(() => FakeHttp.tokenReply("same"))
    return Effect.gen(function* () {
      const service = yield* AccessToken
      yield* Effect.flatMap(service.get, ({ fetch }) => service.reject(fetch))
      assert.strictEqual((yield* service.get).fetch, 1)
      assert.strictEqual(http.asked.length, 2)
    }).pipe(provided(http))
  })

  it.effect("goes to the fallback host only when the first cannot be reached at all", () => {
    let first: FakeHttp.Answer = new FakeHttp.Broken("ENOTFOUND")
    const http = FakeHttp.make((asked) =>
      asked.url.startsWith("https://api.bot.qq.com/") ? first : FakeHttp.tokenReply("legacy")
    )
    return Effect.gen(function* () {
      const service = yield* AccessToken
      assert.strictEqual(Redacted.value((yield* service.get).value), "legacy")
      assert.deepStrictEqual(
        http.asked.map((asked) => asked.url),
        ["https://api.bot.qq.com/app/getAppAccessToken", "https://bots.qq.com/app/getAppAccessToken"]
      )
      first = new FakeHttp.Broken("ECONNRESET")
      yield* service.reject(1)
      const error = yield* Effect.flip(service.get)
      assert.strictEqual(error._tag === "TokenUnavailable" && error.reason, "Transport")
      assert.strictEqual(http.asked.length, 3)
    }).pipe(provided(http, "default"))
  })

  it.effect("interrupts the fetch and those who wait for it when its scope closes", () => {
    const http = FakeHttp.make(() => "never")
    return Effect.gen(function* () {
      const waiting = yield* Effect.scoped(
        Effect.gen(function* () {
          const context = yield* Layer.build(Layer.provide(layer, Layer.merge(http.layer, FakeHttp.config())))
          const fiber = yield* Effect.forkDaemon(
            Effect.provide(
              Effect.flatMap(AccessToken, (t) => t.get),
              context
            )
          )
          yield* TestClock.adjust("1 second")
          return fiber
        })
      )
      assert.isTrue(Exit.isInterrupted(yield* Fiber.await(waiting)))
    })
  })
})
