import * as HttpApp from "@effect/platform/HttpApp"
import { assert, describe, it } from "@effect/vitest"
import * as Headers from "@effect/platform/Headers"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { Webhook, WebhookIntake } from "@effect-qq/core"
import { WebhookClient } from "@effect-qq/core/testing"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Runtime from "effect/Runtime"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as fc from "fast-check"
import * as DeliveryPolicy from "../../../packages/core/src/delivery/DeliveryPolicy.ts"
import * as Delivery from "../../../packages/core/src/delivery/Delivery.ts"
import * as Handlers from "../../../packages/core/src/delivery/Handlers.ts"
import type * as Event from "../../../packages/core/src/events/Event.ts"
import * as Harness from "./harness.ts"

const { body, bytes, counted, hello, logged, services } = Harness

const settle: Effect.Effect<void> = TestClock.adjust(0)

const acknowledged = { status: 200, body: '{"op":12,"d":0}' }
const repeatPlease = { status: 503, body: '{"op":12,"d":1}' }
const refused = (status: number, error: Webhook.Refusal) => ({ status, body: JSON.stringify({ error }) })

describe("an event", () => {
  it.scoped("is handed on without its sequence number, and acknowledged with op 12", () =>
    Effect.gen(function* () {
      const { offers, platform } = yield* Harness.make()
      assert.deepStrictEqual(yield* platform.deliver(hello), [acknowledged])
      assert.deepStrictEqual(
        offers.map(({ event }) => event),
        [{ op: 0, ...hello, s: undefined }]
      )
      assert.strictEqual(offers[0]?.size, body().length)
    }).pipe(Effect.provide(services()))
  )

  it.scoped("is acknowledged again, and not handed on again, when the platform repeats it signed anew", () =>
    Effect.gen(function* () {
      const { offers, platform } = yield* Harness.make()
      assert.strictEqual(yield* counted("taken", platform.deliver(hello)), 1)
      yield* TestClock.adjust("50 seconds")
      assert.strictEqual(yield* counted("duplicate", platform.deliver(hello)), 1)
      assert.deepStrictEqual(yield* platform.deliver(hello), [acknowledged])
      assert.strictEqual(offers.length, 1)
    }).pipe(Effect.provide(services()))
  )

  it.scoped("is handed on once, however many copies come at once", () =>
    Effect.gen(function* () {
      const { offers, platform } = yield* Harness.make()
      const request = yield* platform.sign(body())
      const answers = yield* Effect.all(
        Array.from({ length: 50 }, () => platform.post(request)),
        { concurrency: "unbounded" }
      )
      for (const answer of answers) assert.deepStrictEqual(answer, acknowledged)
      assert.strictEqual(offers.length, 1)
    }).pipe(Effect.provide(services()))
  )

  it.scoped("without an id is known by its signature, in whatever case that is written", () =>
    Effect.gen(function* () {
      const { offers, platform } = yield* Harness.make()
      for (const id of [undefined, "", "x".repeat(300)]) {
        offers.length = 0
        const request = yield* platform.sign(body({ ...hello, id }))
        const signature = request.headers["x-signature-ed25519"] ?? ""
        const upper = { ...request.headers, "x-signature-ed25519": signature.toUpperCase() }
        assert.deepStrictEqual(yield* platform.post(request), acknowledged)
        assert.deepStrictEqual(yield* platform.post({ ...request, headers: upper }), acknowledged)
        assert.strictEqual(offers.length, 1)
      }
    }).pipe(Effect.provide(services()))
  )

  it.scoped("is repeated by the platform while the inbox is full, and taken once there is room", () =>
    Effect.gen(function* () {
      const { offers, platform, state } = yield* Harness.make()
      state.full = true
      const delivery = yield* Effect.fork(platform.deliver(hello))
      yield* TestClock.adjust("1500 millis")
      state.full = false
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Fiber.join(delivery), [repeatPlease, repeatPlease, acknowledged])
      assert.strictEqual(offers.length, 1)
    }).pipe(Effect.provide(services()))
  )

  it.scoped("is repeated three times at most, one second apart, while no handlers run", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(Harness.now)
      const { app } = yield* Webhook.make()
      const platform = yield* WebhookClient.make(WebhookClient.toApp(app))
      const delivery = yield* Effect.fork(counted("Absent", platform.deliver(hello)))
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual(yield* Fiber.join(delivery), 4)
    }).pipe(Effect.provide(services()))
  )

  it.scoped("is remembered for ten minutes, within the capacity", () =>
    Effect.gen(function* () {
      const { offers, platform } = yield* Harness.make({ memoryCapacity: 100 })
      yield* platform.deliver(hello)
      yield* TestClock.adjust("10 minutes")
      yield* platform.deliver(hello)
      assert.strictEqual(offers.length, 1)
      for (let n = 0; n < 49; n++) yield* platform.deliver({ ...hello, id: `E:${n}` })
      yield* platform.deliver(hello)
      assert.strictEqual(offers.length, 50)
      for (let n = 49; n < 101; n++) yield* platform.deliver({ ...hello, id: `E:${n}` })
      yield* platform.deliver(hello)
      assert.strictEqual(offers.length, 103)
    }).pipe(Effect.provide(services()))
  )

  it.scoped("cannot be sent again as long as its timestamp is good, which may be twice the tolerance", () =>
    Effect.gen(function* () {
      const { offers, platform } = yield* Harness.make({ tolerance: Duration.hours(1), memory: Duration.zero })
      // by a platform whose clock is ahead
      const timestamp = String(Harness.now / 1000 + 3600)
      const request = yield* platform.sign(body(), { timestamp })
      for (let minutes = 0; minutes <= 120; minutes += 10) {
        // others come meanwhile
        yield* platform.deliver({ ...hello, id: `E:${minutes}` })
        assert.deepStrictEqual(yield* platform.post(request), acknowledged)
        yield* TestClock.adjust("10 minutes")
      }
      assert.strictEqual(offers.filter(({ event }) => event.id === hello.id).length, 1)
      assert.deepStrictEqual(yield* platform.post(request), refused(401, "TimestampTooFar"))
    }).pipe(Effect.provide(services()))
  )
})

describe("other requests", () => {
  it.scoped("op 13 is answered with the token and its signature", () =>
    Effect.gen(function* () {
      const { offers, platform } = yield* Harness.make()
      const request = yield* platform.sign(
        '{"d":{"plain_token":"Arq0D5A61EgUu4OxUvOp","event_ts":"1725442341"},"op":13}'
      )
      const answer = yield* platform.post(request)
      assert.strictEqual(answer.status, 200)
      assert.deepStrictEqual(JSON.parse(answer.body), {
        plain_token: "Arq0D5A61EgUu4OxUvOp",
        signature:
          "87befc99c42c651b3aac0278e71ada338433ae26fcb24307bdc5ad38c1adc2d01bcfcadc0842edac85e85205028a1132afe09280305f13aa6909ffc2d652c706"
      })
      assert.isTrue(yield* platform.validate("abc-DEF_0.1~2+3/4="))
      assert.strictEqual(offers.length, 0)
    }).pipe(Effect.provide(services({ secret: Redacted.make("DG5g3B4j9X2KOErG") })))
  )

  it.scoped("op 13 gets no signature unless it is signed itself, and never one that an event could bear", () =>
    Effect.gen(function* () {
      const { platform } = yield* Harness.make()
      const ask = (d: unknown) => Effect.map(platform.sign(JSON.stringify({ op: 13, d })), (request) => request)
      const good = yield* ask({ plain_token: "abc", event_ts: "1725442341" })
      const unsigned = { ...good, headers: { "x-bot-appid": Harness.appId } }
      assert.deepStrictEqual(yield* platform.post(unsigned), refused(401, "SignatureMissing"))
      const { body: other } = yield* ask({ plain_token: "abd", event_ts: "1725442341" })
      assert.deepStrictEqual(yield* platform.post({ ...good, body: other }), refused(401, "SignatureWrong"))
      const payloads: ReadonlyArray<unknown> = [
        { plain_token: body(), event_ts: "1725442341" },
        { plain_token: ` ${body()}`, event_ts: "1725442341" },
        { plain_token: "abc", event_ts: `1725442341${body()}` },
        { plain_token: "", event_ts: "1725442341" },
        { plain_token: "a".repeat(257), event_ts: "1725442341" },
        { plain_token: 1, event_ts: "1725442341" },
        { plain_token: "abc" },
        { plain_token: "abc", event_ts: 1.5 },
        { plain_token: "abc", event_ts: [1] },
        null,
        "abc",
        []
      ]
      for (const payload of payloads) {
        const answer = yield* Effect.flatMap(ask(payload), platform.post)
        assert.deepStrictEqual(answer, refused(400, "ValidationMalformed"), JSON.stringify(payload))
      }
    }).pipe(Effect.provide(services()))
  )

  it.scoped("op 1 is answered with op 11 and its number", () =>
    Effect.gen(function* () {
      const { platform } = yield* Harness.make()
      const beat = (frame: object) => Effect.flatMap(platform.sign(JSON.stringify(frame)), platform.post)
      assert.deepStrictEqual(yield* beat({ op: 1, d: 42 }), { status: 200, body: '{"op":11,"d":42}' })
      assert.deepStrictEqual(yield* beat({ op: 1, s: 43 }), { status: 200, body: '{"op":11,"d":43}' })
      assert.deepStrictEqual(yield* beat({ op: 1 }), { status: 200, body: '{"op":11,"d":null}' })
    }).pipe(Effect.provide(services()))
  )

  it.scoped("any other op is acknowledged, counted, told about and ignored", () =>
    Effect.gen(function* () {
      const { offers, platform } = yield* Harness.make()
      const lines = yield* logged(
        Effect.gen(function* () {
          for (const op of [7, 12, 99, -1, 0.5]) {
            const request = yield* platform.sign(JSON.stringify({ op, d: null }))
            assert.strictEqual(yield* counted("ignored", platform.post(request)), 1)
            assert.deepStrictEqual(yield* platform.post(request), acknowledged)
          }
        })
      )
      assert.strictEqual(offers.length, 0)
      assert.strictEqual(lines.length, 1)
      assert.include(lines[0]?.text, "UnknownOpcode 1")
    }).pipe(Effect.provide(services()))
  )
})

describe("a hostile request", () => {
  /** What is done to a request that would be taken, and what it is refused with. */
  const hostile: ReadonlyArray<
    readonly [
      what: string,
      status: number,
      reason: Webhook.Refusal,
      change: (request: WebhookClient.WebhookRequest) => WebhookClient.WebhookRequest
    ]
  > = [
    ["no signature", 401, "SignatureMissing", without("x-signature-ed25519")],
    ["no timestamp", 401, "TimestampMissing", without("x-signature-timestamp")],
    ["no app id", 401, "AppIdMissing", without("x-bot-appid")],
    ["no headers at all", 401, "SignatureMissing", (request) => ({ ...request, headers: {} })],
    ["an empty signature", 401, "SignatureMalformed", header("x-signature-ed25519", () => "")],
    ["a signature of 63 bytes", 401, "SignatureMalformed", header("x-signature-ed25519", (hex) => hex.slice(2))],
    ["a signature of 65 bytes", 401, "SignatureMalformed", header("x-signature-ed25519", (hex) => `00${hex}`)],
    [
      "a signature that is no number",
      401,
      "SignatureMalformed",
      header("x-signature-ed25519", (hex) => hex.replace(/.$/, "z"))
    ],
    [
      "an unreduced signature",
      401,
      "SignatureMalformed",
      header("x-signature-ed25519", (hex) => hex.replace(/..$/, "ff"))
    ],
    ["a signature of zeroes", 401, "SignatureWrong", header("x-signature-ed25519", () => "0".repeat(128))],
    ["the signature twice", 401, "SignatureMalformed", header("x-signature-ed25519", (hex) => `${hex}, ${hex}`)],
    ["the app id twice", 403, "AppIdWrong", header("x-bot-appid", (id) => `${id}, ${id}`)],
    ["the timestamp twice", 401, "TimestampMalformed", header("x-signature-timestamp", (text) => `${text}, ${text}`)],
    ["another app id", 403, "AppIdWrong", header("x-bot-appid", () => "1905000002")],
    ["an empty app id", 403, "AppIdWrong", header("x-bot-appid", () => "")],
    ["a timestamp with a sign", 401, "TimestampMalformed", header("x-signature-timestamp", (text) => `+${text}`)],
    ["a timestamp with a fraction", 401, "TimestampMalformed", header("x-signature-timestamp", (text) => `${text}.0`)],
    ["an endless timestamp", 401, "TimestampMalformed", header("x-signature-timestamp", () => "1".repeat(13))],
    ["a timestamp that takes part of the body", 401, "TimestampMalformed", (request) => moved(request, 5)],
    ["another timestamp", 401, "SignatureWrong", header("x-signature-timestamp", (text) => String(Number(text) + 1))],
    ["a truncated body", 401, "SignatureWrong", (request) => ({ ...request, body: request.body.slice(0, -1) })],
    ["an empty body", 401, "SignatureWrong", (request) => ({ ...request, body: new Uint8Array() })],
    ["a body with more behind it", 401, "SignatureWrong", (request) => ({ ...request, body: bytes(`${body()}\n`) })],
    ["two MiB", 413, "BodyTooLarge", (request) => ({ ...request, body: new Uint8Array(2 * 1024 * 1024) })],
    ["a length of two MiB", 413, "BodyTooLarge", header("content-length", () => String(2 * 1024 * 1024))]
  ]

  function header(name: string, change: (value: string) => string) {
    return (request: WebhookClient.WebhookRequest): WebhookClient.WebhookRequest => ({
      ...request,
      headers: { ...request.headers, [name]: change(request.headers[name] ?? "") }
    })
  }

  function without(name: string) {
    return (request: WebhookClient.WebhookRequest): WebhookClient.WebhookRequest => ({
      ...request,
      headers: Object.fromEntries(Object.entries(request.headers).filter(([key]) => key !== name))
    })
  }

  /** The same bytes under the signature, cut elsewhere. */
  function moved(request: WebhookClient.WebhookRequest, by: number): WebhookClient.WebhookRequest {
    const taken = new TextDecoder().decode(request.body.slice(0, by))
    return {
      headers: { ...request.headers, "x-signature-timestamp": `${request.headers["x-signature-timestamp"]}${taken}` },
      body: request.body.slice(by)
    }
  }

  for (const [what, status, reason, change] of hostile) {
    it.scoped(`with ${what}: ${status}`, () =>
      Effect.gen(function* () {
        const { offers, platform } = yield* Harness.make()
        const request = change(yield* platform.sign(body()))
        assert.strictEqual(yield* counted(reason, platform.post(request)), 1)
        assert.deepStrictEqual(yield* platform.post(request), refused(status, reason))
        assert.strictEqual(offers.length, 0)
        // and it leaves nothing behind
        assert.deepStrictEqual(yield* platform.deliver(hello), [acknowledged])
      }).pipe(Effect.provide(services()))
    )
  }

  it.scoped("signed with the secret of another bot: 401", () =>
    Effect.gen(function* () {
      const { offers, platform } = yield* Harness.make()
      const forger = yield* WebhookClient.make(platform.post).pipe(
        Effect.provide(services({ secret: Redacted.make("naOC0ocQE3shWLAfffVLB1rhYPG8") }))
      )
      const answer = yield* Effect.flatMap(forger.sign(body()), platform.post)
      assert.deepStrictEqual(answer, refused(401, "SignatureWrong"))
      assert.strictEqual(offers.length, 0)
    }).pipe(Effect.provide(services()))
  )

  it.scoped("whose timestamp is more than five minutes off, either way: 401", () =>
    Effect.gen(function* () {
      const { platform } = yield* Harness.make()
      const at = (seconds: number) =>
        Effect.flatMap(platform.sign(body(), { timestamp: String(Harness.now / 1000 + seconds) }), platform.post)
      for (const seconds of [-300, -299, 0, 299, 300]) assert.deepStrictEqual(yield* at(seconds), acknowledged)
      for (const seconds of [-301, 301, -86_400, 86_400, -Harness.now / 1000]) {
        assert.deepStrictEqual(yield* at(seconds), refused(401, "TimestampTooFar"))
      }
    }).pipe(Effect.provide(services()))
  )

  it.scoped("is refused once any byte of the body, the timestamp or the signature is another", () =>
    Effect.gen(function* () {
      const { offers, platform } = yield* Harness.make()
      const request = yield* platform.sign(body())
      const runtime = yield* Effect.runtime<never>()
      const status = (changed: WebhookClient.WebhookRequest): Promise<number> =>
        Runtime.runPromise(
          runtime,
          Effect.map(platform.post(changed), (answer) => answer.status)
        )
      const property = fc.asyncProperty(
        fc.constantFrom("body", "x-signature-timestamp", "x-signature-ed25519"),
        fc.nat(1000),
        fc.integer({ min: 1, max: 127 }),
        async (what, at, by) => {
          const changed = Uint8Array.from(what === "body" ? request.body : bytes(request.headers[what] ?? ""))
          const index = at % changed.length
          changed[index] = (changed[index] ?? 0) ^ by
          const text = new TextDecoder().decode(changed)
          // a digit of a signature in another case is the same digit
          if (text.toLowerCase() === request.headers[what]) return
          const forged =
            what === "body"
              ? { ...request, body: changed }
              : { ...request, headers: { ...request.headers, [what]: text } }
          assert.strictEqual(await status(forged), 401)
        }
      )
      yield* Effect.promise(() => fc.assert(property, { numRuns: 300 }))
      assert.deepStrictEqual(offers, [])
    }).pipe(Effect.provide(services()))
  )
})

describe("a signed body", () => {
  const post = (text: string | Uint8Array) =>
    Effect.gen(function* () {
      const { offers, platform } = yield* Harness.make()
      const answer = yield* Effect.flatMap(platform.sign(text), platform.post)
      return { answer, events: offers.map(({ event }) => event) }
    }).pipe(Effect.scoped, Effect.provide(services()))

  it.effect("that is no JSON: 400", () =>
    Effect.gen(function* () {
      for (const text of ["{", "op=0", '{"op":0,}', '{"op":0}{"op":0}', new Uint8Array([0xff, 0xfe, 0x00])]) {
        assert.deepStrictEqual((yield* post(text)).answer, refused(400, "NotJson"))
      }
    })
  )

  it.effect("that is no frame: 400", () =>
    Effect.gen(function* () {
      for (const text of ["null", "0", '"op"', "[]", "{}", '{"op":"0"}', '{"op":0,"t":1}', '{"op":0,"s":-1}']) {
        assert.deepStrictEqual((yield* post(text)).answer, refused(400, "NotAFrame"), text)
      }
    })
  )

  it.effect("of exactly one MiB is read, one byte more is not", () =>
    Effect.gen(function* () {
      const empty = body({ ...hello, d: "" })
      const filled = body({ ...hello, d: "x".repeat(1024 * 1024 - empty.length) })
      assert.strictEqual(filled.length, 1024 * 1024)
      assert.deepStrictEqual((yield* post(filled)).answer, acknowledged)
      assert.deepStrictEqual((yield* post(`${filled} `)).answer, refused(413, "BodyTooLarge"))
    })
  )

  it.effect("of extreme nesting is accepted, and not decoded", () =>
    Effect.gen(function* () {
      const deep = `{"op":0,"t":"C2C_MESSAGE_CREATE","id":"E:1","d":${"[".repeat(500_000)}${"]".repeat(500_000)}}`
      const { answer, events } = yield* post(deep)
      assert.deepStrictEqual(answer, acknowledged)
      assert.strictEqual(events.length, 1)
    })
  )

  it.effect("with a name that means something to JavaScript is only data", () =>
    Effect.gen(function* () {
      const { events } = yield* post(
        '{"op":0,"t":"X","__proto__":{"polluted":true},"d":{"__proto__":{"polluted":true}}}'
      )
      assert.strictEqual(events.length, 1)
      assert.isUndefined(({} as { readonly polluted?: boolean }).polluted)
    })
  )
})

describe("a body that takes its time", () => {
  /** Through a real web request, whose body comes in pieces. */
  const stream = (pieces: (controller: ReadableStreamDefaultController<Uint8Array>) => void | Promise<void>) =>
    Effect.gen(function* () {
      const { app, offers, platform } = yield* Harness.make()
      const runtime = yield* Effect.runtime<never>()
      const handler = HttpApp.toWebHandlerRuntime(runtime)(app)
      const { headers } = yield* platform.sign(body())
      const request = new Request("http://webhook.test/", {
        method: "POST",
        headers,
        body: new ReadableStream<Uint8Array>({ start: pieces }),
        duplex: "half"
      } as RequestInit)
      const answer = yield* Effect.fork(
        Effect.flatMap(
          Effect.promise(() => handler(request)),
          (response) => Effect.promise(async () => ({ status: response.status, body: await response.text() }))
        )
      )
      return { answer: Fiber.join(answer), offers }
    })

  it.scoped("is taken, byte by byte", () =>
    Effect.gen(function* () {
      const { answer, offers } = yield* stream((controller) => {
        for (const byte of bytes(body())) controller.enqueue(Uint8Array.of(byte))
        controller.close()
      })
      assert.deepStrictEqual(yield* answer, acknowledged)
      assert.strictEqual(offers.length, 1)
    }).pipe(Effect.provide(services()))
  )

  it.scoped("is given ten seconds: 408", () =>
    Effect.gen(function* () {
      const { answer } = yield* stream((controller) => controller.enqueue(bytes("{")))
      yield* TestClock.adjust("9999 millis")
      const waiting = yield* Effect.fork(answer)
      yield* settle
      assert.isTrue((yield* Fiber.poll(waiting))._tag === "None")
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(yield* answer, refused(408, "BodyTooSlow"))
    }).pipe(Effect.provide(services()))
  )

  it.scoped("and breaks off: 400", () =>
    Effect.gen(function* () {
      const { answer } = yield* stream((controller) => {
        controller.enqueue(bytes("{"))
        controller.error(new Error("gone"))
      })
      assert.deepStrictEqual(yield* answer, refused(400, "BodyTruncated"))
    }).pipe(Effect.provide(services()))
  )

  /** A body without an end, and how many bytes of it were asked for. */
  const endless = (change: (headers: Record<string, string>) => Record<string, string>) =>
    Effect.gen(function* () {
      let given = 0
      const { app, platform } = yield* Harness.make()
      const handler = HttpApp.toWebHandlerRuntime(yield* Effect.runtime<never>())(app)
      const { headers } = yield* platform.sign(body())
      const request = new Request("http://webhook.test/", {
        method: "POST",
        headers: change({ ...headers }),
        body: new ReadableStream<Uint8Array>({
          pull: (controller) => {
            given += 65_536
            controller.enqueue(new Uint8Array(65_536))
          }
        }),
        duplex: "half"
      } as RequestInit)
      const { status } = yield* Effect.promise(() => handler(request))
      return { status, given }
    })

  it.scoped("and never ends is not read beyond its limit: 413", () =>
    Effect.gen(function* () {
      const { given, status } = yield* endless((headers) => headers)
      assert.strictEqual(status, 413)
      assert.isAtMost(given, 1024 * 1024 + 4 * 65_536)
    }).pipe(Effect.provide(services()))
  )

  it.scoped("is not read at all where the headers say enough", () =>
    Effect.gen(function* () {
      const one = yield* endless((headers) => ({ ...headers, "x-signature-ed25519": "" }))
      const other = yield* endless((headers) => ({ ...headers, "x-signature-timestamp": "now" }))
      assert.deepStrictEqual([one.status, other.status], [401, 401])
      // a web stream asks for its first piece by itself
      assert.isAtMost(Math.max(one.given, other.given), 65_536)
    }).pipe(Effect.provide(services()))
  )
})

describe("the content type", () => {
  it.scoped("is of no account", () =>
    Effect.gen(function* () {
      const { platform } = yield* Harness.make()
      for (const type of ["text/plain", "application/x-www-form-urlencoded", "", "application/json; charset=utf-8"]) {
        const request = yield* platform.sign(body(), { headers: { "content-type": type } })
        assert.deepStrictEqual(yield* platform.post(request), acknowledged)
      }
    }).pipe(Effect.provide(services()))
  )

  it.scoped("has to be that of JSON, or absent, where the policy says so: 415", () =>
    Effect.gen(function* () {
      const { platform } = yield* Harness.make({ contentType: "json" })
      const of = (type: string) =>
        Effect.flatMap(platform.sign(body(), { headers: { "content-type": type } }), platform.post)
      for (const type of ["application/json", "Application/JSON;charset=utf-8", "application/problem+json"]) {
        assert.deepStrictEqual(yield* of(type), acknowledged)
      }
      for (const type of [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "application/jsonp",
        "x/json"
      ]) {
        assert.deepStrictEqual(yield* of(type), refused(415, "ContentTypeWrong"))
      }
      const { body: text, headers } = yield* platform.sign(body())
      const { "content-type": _, ...others } = headers
      assert.deepStrictEqual(yield* platform.post({ body: text, headers: others }), acknowledged)
    }).pipe(Effect.provide(services()))
  )
})

describe("what is logged", () => {
  it.scoped("is one line a second, with counts by reason, whatever comes", () =>
    Effect.gen(function* () {
      const { platform } = yield* Harness.make()
      const good = yield* platform.sign(body())
      const forged = { ...good, body: bytes("{}") }
      const anonymous = { ...good, headers: {} }
      const lines = yield* logged(
        Effect.gen(function* () {
          for (let n = 0; n < 1000; n++) {
            yield* platform.post(forged)
            yield* platform.post(anonymous)
            yield* TestClock.adjust("10 millis")
          }
        })
      )
      assert.strictEqual(lines.length, 10)
      assert.include(lines[0]?.text, "SignatureWrong 1")
      assert.include(lines[1]?.text, "SignatureMissing 100, SignatureWrong 100")
      for (const { level } of lines) assert.strictEqual(level, "WARN")
    }).pipe(Effect.provide(services()))
  )

  it.scoped("has neither body, nor signature, nor secret in it", () =>
    Effect.gen(function* () {
      const { platform, state } = yield* Harness.make()
      state.full = true
      const good = yield* platform.sign(body())
      const lines = yield* logged(
        Effect.gen(function* () {
          for (const request of [
            good,
            { ...good, body: bytes(`${body()} `) },
            { ...good, headers: { ...good.headers, "x-bot-appid": "1" } },
            yield* platform.sign("{"),
            yield* platform.sign('{"op":5,"d":"hi-there"}')
          ]) {
            yield* platform.post(request)
            yield* TestClock.adjust("1 second")
          }
        })
      )
      assert.strictEqual(lines.length, 5)
      const text = JSON.stringify(lines)
      for (const private_ of [
        "content",
        "hi-there",
        good.headers["x-signature-ed25519"] ?? "-",
        Redacted.value(Harness.secret)
      ]) {
        assert.notInclude(text, private_)
      }
    }).pipe(Effect.provide(services()))
  )
})

describe("acknowledged when settled", () => {
  const policy = { acknowledge: "settled" } as const

  it.scoped("an event is answered once its handlers are done", () =>
    Effect.gen(function* () {
      const { offers, platform } = yield* Harness.make(policy)
      const delivery = yield* Effect.fork(platform.deliver(hello))
      yield* TestClock.adjust("2 seconds")
      assert.isTrue((yield* Fiber.poll(delivery))._tag === "None")
      offers[0]?.settled()
      assert.deepStrictEqual(yield* Fiber.join(delivery), [acknowledged])
    }).pipe(Effect.provide(services()))
  )

  it.scoped("what takes longer is repeated by the platform, and the next attempt waits for the same run", () =>
    Effect.gen(function* () {
      const { offers, platform } = yield* Harness.make(policy)
      const delivery = yield* Effect.fork(platform.deliver(hello))
      // 2.5 s of the first, 1 s between, half a second of the second
      yield* TestClock.adjust("4 seconds")
      assert.isTrue((yield* Fiber.poll(delivery))._tag === "None")
      offers[0]?.settled()
      assert.deepStrictEqual(yield* Fiber.join(delivery), [repeatPlease, acknowledged])
      assert.strictEqual(offers.length, 1)
    }).pipe(Effect.provide(services()))
  )

  it.scoped("one that a closing intake cuts off is not acknowledged, and taken by the next", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(Harness.now)
      const intake = yield* WebhookIntake.WebhookIntake
      const { app } = yield* Webhook.make(policy)
      const platform = yield* WebhookClient.make(WebhookClient.toApp(app))
      const run = yield* Scope.make()
      yield* Scope.extend(intake.open({ offer: () => true }), run)
      const delivery = yield* Effect.fork(platform.deliver(hello))
      yield* TestClock.adjust("1 second")
      yield* Scope.close(run, Exit.void)
      let settleNext: ((handled: boolean) => void) | undefined
      yield* intake.open({
        offer: (_event, _size, settled) => {
          settleNext = settled
          return true
        }
      })
      yield* TestClock.adjust("1 second")
      settleNext?.(true)
      assert.deepStrictEqual(yield* Fiber.join(delivery), [repeatPlease, acknowledged])
    }).pipe(Effect.provide(services()))
  )
})

describe("with real handlers", () => {
  const deliver = (
    layer: Layer.Layer<never, never, Handlers.HandlerRegistry>,
    policy?: Parameters<typeof Harness.make>[0],
    delivery: Partial<DeliveryPolicy.DeliveryPolicy> = {}
  ) =>
    Effect.gen(function* () {
      yield* TestClock.setTime(Harness.now)
      const registry = yield* Handlers.makeRegistry
      yield* Layer.build(Layer.provide(layer, Layer.succeed(Handlers.HandlerRegistry, registry)))
      const handlers = yield* Delivery.make({
        policy: { ...DeliveryPolicy.defaults, ...delivery },
        handlers: yield* registry.handlers,
        drainWaiting: false
      })
      yield* Effect.forkScoped(handlers.run)
      const session = handlers.intake()
      session.sink.begin(0, [])
      const webhook = handlers.intake()
      yield* Effect.forkScoped(session.run)
      yield* Effect.forkScoped(webhook.run)
      const intake = yield* WebhookIntake.WebhookIntake
      yield* intake.open(webhook.sink)
      const { app } = yield* Webhook.make(policy)
      const platform = yield* WebhookClient.make(WebhookClient.toApp(app))
      return { platform, handlers, session: session.sink }
    })

  it.scoped("an event and its copies, from the webhook and from the gateway, are handled once", () =>
    Effect.gen(function* () {
      const heard: Array<string> = []
      const { handlers, platform, session } = yield* deliver(
        Handlers.on("C2C_MESSAGE_CREATE", (event: Event.C2CMessageCreate) =>
          Effect.sync(() => heard.push(event.content))
        )
      )
      const copies = Array.from({ length: 20 }, (_, n) => ({ ...hello, id: `E:${n}` }))
      const answers = yield* Effect.all(
        [hello, hello, ...copies].map((event) => platform.deliver(event)),
        { concurrency: "unbounded" }
      )
      session.offer({ op: 0, ...hello, s: 1 }, 100)
      yield* settle
      assert.deepStrictEqual(heard, ["hi"])
      for (const answer of answers) assert.deepStrictEqual(answer, [acknowledged])
      assert.strictEqual(handlers.unsettled(), 0)
      // nothing of a webhook moves the cursor of a session
      assert.strictEqual(session.watermark(), 1)
    }).pipe(Effect.provide(services()))
  )

  it.scoped("the twins of one message are handled once", () =>
    Effect.gen(function* () {
      const heard: Array<string> = []
      const { platform } = yield* deliver(
        Handlers.on(["GROUP_AT_MESSAGE_CREATE", "GROUP_MESSAGE_CREATE"], (event) =>
          Effect.sync(() => heard.push(event.t))
        )
      )
      const d = { id: "m1", group_openid: "g", author: {}, content: "hi" }
      const deliveries = ["GROUP_AT_MESSAGE_CREATE", "GROUP_MESSAGE_CREATE"].map((t) =>
        platform.deliver({ t, id: `${t}:1`, d })
      )
      yield* Effect.all(deliveries, { concurrency: "unbounded" })
      yield* settle
      assert.deepStrictEqual(heard, ["GROUP_AT_MESSAGE_CREATE"])
    }).pipe(Effect.provide(services()))
  )

  it.scoped("a body that is as deep as it is long is refused by the decoder, and nothing ends", () =>
    Effect.gen(function* () {
      const heard: Array<string> = []
      const { handlers, platform } = yield* deliver(
        Handlers.on(["C2C_MESSAGE_CREATE", "Unknown"], (event) => Effect.sync(() => heard.push(event.t)))
      )
      const deep = `${'{"d":'.repeat(100_000)}1${"}".repeat(100_000)}`
      for (const t of ["C2C_MESSAGE_CREATE", "NEW_EVENT"]) {
        const request = yield* platform.sign(`{"op":0,"t":"${t}","id":"${t}:1","d":${deep}}`)
        assert.deepStrictEqual(yield* platform.post(request), acknowledged)
      }
      yield* platform.deliver(hello)
      yield* settle
      assert.deepStrictEqual(heard, ["Unknown", "C2C_MESSAGE_CREATE"])
      assert.strictEqual(handlers.unsettled(), 0)
    }).pipe(Effect.provide(services()))
  )

  it.scoped.each(["pause", "drop-newest"] as const)("a full inbox has the platform repeat (%s)", (overflow) =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const heard: Array<string> = []
      const { platform } = yield* deliver(
        Handlers.on("C2C_MESSAGE_CREATE", (event) =>
          Effect.zipRight(
            Deferred.await(gate),
            Effect.sync(() => heard.push(event.id))
          )
        ),
        {},
        { capacity: 2, overflow }
      )
      const say = (id: string) => platform.deliver({ ...hello, id: `E:${id}`, d: { ...hello.d, id } })
      assert.deepStrictEqual(yield* say("1"), [acknowledged])
      assert.deepStrictEqual(yield* say("2"), [acknowledged])
      const third = yield* Effect.fork(say("3"))
      yield* settle
      yield* Deferred.succeed(gate, undefined)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Fiber.join(third), [repeatPlease, acknowledged])
      yield* settle
      assert.deepStrictEqual(heard, ["1", "2", "3"])
    }).pipe(Effect.provide(services()))
  )

  it.scoped("acknowledges after the handler has written, where it acknowledges when settled", () =>
    Effect.gen(function* () {
      const written: Array<string> = []
      const { platform } = yield* deliver(
        Handlers.on("C2C_MESSAGE_CREATE", (event) =>
          Effect.delay(
            Effect.sync(() => written.push(event.content)),
            "2 seconds"
          )
        ),
        { acknowledge: "settled" }
      )
      const delivery = yield* Effect.fork(
        Effect.map(platform.deliver(hello), (answers) => ({ answers, written: [...written] }))
      )
      yield* TestClock.adjust("1999 millis")
      assert.isTrue((yield* Fiber.poll(delivery))._tag === "None")
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(yield* Fiber.join(delivery), { answers: [acknowledged], written: ["hi"] })
    }).pipe(Effect.provide(services()))
  )
})

describe("several bots behind one address", () => {
  const one = services()
  const two = services({ appId: "1905000002", secret: Redacted.make("DG5g3B4j9X2KOErG") })

  const world = Effect.gen(function* () {
    const first = yield* Effect.provide(Harness.make(), one)
    const second = yield* Effect.provide(Harness.make(), two)
    const post = WebhookClient.toApp(yield* Webhook.route([first, second]))
    return { first, second, post }
  })

  it.scoped("each gets its own events", () =>
    Effect.gen(function* () {
      const { first, post, second } = yield* world
      for (const [own, other] of [
        [first, second],
        [second, first]
      ] as const) {
        own.offers.length = 0
        other.offers.length = 0
        const request = yield* own.platform.sign(body({ ...hello, id: own.appId }))
        assert.deepStrictEqual(yield* post(request), acknowledged)
        assert.strictEqual(own.offers.length, 1)
        assert.strictEqual(other.offers.length, 0)
      }
    })
  )

  it.scoped("the secret of one never verifies a request to another", () =>
    Effect.gen(function* () {
      const { first, post, second } = yield* world
      const request = yield* first.platform.sign(body(), { headers: { "x-bot-appid": second.appId } })
      assert.deepStrictEqual(yield* post(request), refused(401, "SignatureWrong"))
      // nor where the route is left out
      assert.deepStrictEqual(yield* first.platform.post(request), refused(403, "AppIdWrong"))
      assert.strictEqual(first.offers.length + second.offers.length, 0)
    })
  )

  it.scoped("an unknown bot, or none, is refused", () =>
    Effect.gen(function* () {
      const { first, post } = yield* world
      const { body: text, headers } = yield* first.platform.sign(body())
      for (const id of ["1905000003", "", "1905000001, 1905000002", "__proto__"]) {
        const answer = yield* post({ body: text, headers: { ...headers, "x-bot-appid": id } })
        assert.deepStrictEqual(answer, refused(403, "AppIdWrong"))
      }
      const { "x-bot-appid": _, ...others } = headers
      assert.deepStrictEqual(yield* post({ body: text, headers: others }), refused(401, "AppIdMissing"))
    })
  )

  it.scoped("two of the same app id are a mistake", () =>
    Effect.gen(function* () {
      const { first } = yield* world
      assert.isTrue(Exit.isFailure(yield* Effect.exit(Webhook.route([first, first]))))
    })
  )
})

describe("a webhook in a router", () => {
  it.scoped("answers at its path, and what the router answers besides stays as it was", () =>
    Effect.gen(function* () {
      const world = yield* Harness.make()
      const app = HttpRouter.empty.pipe(
        HttpRouter.get("/health", HttpServerResponse.text("well")),
        Webhook.router("/qq/events")
      )
      const ask = (method: "GET" | "POST", url: string, request: WebhookClient.WebhookRequest) =>
        app.pipe(
          Effect.provideService(Webhook.Webhook, world),
          Effect.provideService(
            HttpServerRequest.HttpServerRequest,
            Object.create(HttpServerRequest.fromWeb(new Request(`http://bot.test${url}`, { method })), {
              headers: { value: Headers.fromInput(request.headers) },
              stream: { value: Stream.make(request.body) }
            }) as HttpServerRequest.HttpServerRequest
          ),
          Effect.map(({ status }) => status),
          Effect.catchTag("RouteNotFound", () => Effect.succeed(404))
        )
      const event = yield* world.platform.sign(body())
      assert.strictEqual(yield* ask("POST", "/qq/events", event), 200)
      assert.strictEqual(world.offers.length, 1)
      assert.strictEqual(yield* ask("POST", "/qq", event), 404)
      assert.strictEqual(yield* ask("GET", "/qq/events", event), 404)
      assert.strictEqual(yield* ask("GET", "/health", event), 200)
      const forged = { ...event, body: bytes(body({ ...hello, id: "forged" })) }
      assert.strictEqual(yield* ask("POST", "/qq/events", forged), 401)
    }).pipe(Effect.provide(services()))
  )
})
