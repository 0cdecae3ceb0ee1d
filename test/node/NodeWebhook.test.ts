import { assert, describe, it } from "@effect/vitest"
import { BotConfig, type Signature, Webhook, WebhookIntake } from "@effect-qq/core"
import { WebhookClient } from "@effect-qq/core/testing"
import { NodeHttp, NodeSignature, NodeWebhook } from "@effect-qq/node"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Cause from "effect/Cause"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import * as ChildProcess from "node:child_process"
import type * as Http from "node:http"
import * as Https from "node:https"
import * as Net from "node:net"
import * as Tls from "node:tls"
import { certificate, key } from "./support/certificate.ts"
import { within } from "./support/patience.ts"

const appId = "1905000001"
const secret = Redacted.make("naOC0ocQE3shWLAfffVLB1rhYPG7")

const hello = {
  id: "C2C_MESSAGE_CREATE:hello",
  t: "C2C_MESSAGE_CREATE",
  s: 7,
  d: { id: "m1", author: { user_openid: "u1" }, content: "hi" }
}

const body = JSON.stringify({ op: 0, ...hello })

type Services = BotConfig.BotConfig | Signature.Signature | WebhookIntake.WebhookIntake

const services: Layer.Layer<Services> = Layer.mergeAll(
  NodeSignature.layer,
  WebhookIntake.layer,
  Logger.remove(Logger.defaultLogger)
).pipe(Layer.provideMerge(BotConfig.layer({ appId, secret })))

const onThisMachine = { port: 0, host: "127.0.0.1" }

/** A server whose bot writes down what it is told. */
const serve = (options?: Partial<NodeWebhook.Options>) =>
  Effect.gen(function* () {
    const heard: Array<unknown> = []
    const intake = yield* WebhookIntake.WebhookIntake
    yield* intake.open({
      offer: (event) => {
        heard.push(event.id)
        return true
      }
    })
    const context = yield* Layer.build(NodeWebhook.layer({ ...onThisMachine, ...options }))
    const { path, port } = Context.get(context, NodeWebhook.WebhookServer)
    const url = `http://127.0.0.1:${port}${path}`
    return { heard, port, path, url }
  })

/** The platform, which only signs; the test sends. */
const signer = WebhookClient.make(() => Effect.dieMessage("it is the test that sends"))

const on = <A, E>(effect: Effect.Effect<A, E, Services | Scope.Scope>): Effect.Effect<A, E, Scope.Scope> =>
  Effect.provide(effect, services)

interface Connection {
  readonly socket: Net.Socket
  readonly send: (text: string) => Effect.Effect<void>
  /** All that was received, once the server has ended the connection. */
  readonly ended: Effect.Effect<string>
  /** Completes once this was received. */
  readonly until: (text: string) => Effect.Effect<void>
}

/** A connection of which every byte is the test's. */
const connect = (port: number): Effect.Effect<Connection, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.async<Net.Socket>((resume) => {
        const socket = Net.connect(port, "127.0.0.1", () => resume(Effect.succeed(socket)))
      }),
      (socket) => Effect.sync(() => void socket.destroy())
    ),
    (socket) => {
      let received = ""
      let isEnded = false
      const listeners = new Set<() => void>()
      const tell = (): void => listeners.forEach((listener) => listener())
      socket.setEncoding("utf8")
      socket.on("error", () => {})
      socket.on("data", (text: string) => {
        received += text
        tell()
      })
      socket.on("close", () => {
        isEnded = true
        tell()
      })
      const when = (isSo: () => boolean, what: string): Effect.Effect<void> =>
        Effect.async<void>((resume) => {
          const look = (): void => {
            if (!isSo()) return
            listeners.delete(look)
            resume(Effect.void)
          }
          listeners.add(look)
          look()
        }).pipe(within("20 seconds", what, () => received))
      return {
        socket,
        send: (text) => Effect.async<void>((resume) => void socket.write(text, () => resume(Effect.void))),
        ended: Effect.map(
          when(() => isEnded, "the end of a connection"),
          () => received
        ),
        until: (text) => when(() => received.includes(text), text)
      }
    }
  )

const headLines = (headers: Readonly<Record<string, string>>): string =>
  Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join("")

interface Output {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

const curl = (words: ReadonlyArray<string>, input: Uint8Array): Effect.Effect<Output> =>
  Effect.async<Output>((resume) => {
    const child = ChildProcess.spawn("curl", ["--silent", "--show-error", "--noproxy", "*", ...words], {
      stdio: ["pipe", "pipe", "pipe"]
    })
    let stdout = ""
    let stderr = ""
    child.on("error", (cause) => resume(Effect.die(new Error("this test needs curl on the PATH", { cause }))))
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text))
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text))
    child.on("close", (code) => resume(Effect.succeed({ code, stdout, stderr })))
    // curl may end before it has read everything
    child.stdin.on("error", () => {})
    child.stdin.end(input)
  }).pipe(within("30 seconds", "curl"))

/** What the platform sends, sent by curl: the body as it is, and the status behind the answer. */
const post = (url: string, request: WebhookClient.WebhookRequest, ...words: ReadonlyArray<string>) =>
  curl(
    [
      ...Object.entries(request.headers).flatMap(([name, value]) => ["--header", `${name}: ${value}`]),
      "--data-binary",
      "@-",
      "--write-out",
      " %{http_code}",
      ...words,
      url
    ],
    request.body
  )

const said = (output: Output): string => {
  assert.strictEqual(output.code, 0, output.stderr)
  return output.stdout
}

describe("with curl", () => {
  it.scopedLive("op 13 is answered with its signature, and op 0 with op 12", () =>
    Effect.gen(function* () {
      const { heard, url } = yield* serve({ path: "/qq" })
      assert.isTrue(url.endsWith("/qq"))
      const platform = yield* signer
      const validation = yield* platform.sign(
        '{"d":{"plain_token":"Arq0D5A61EgUu4OxUvOp","event_ts":"1725442341"},"op":13}'
      )
      const own = yield* NodeSignature.make(secret).sign("1725442341Arq0D5A61EgUu4OxUvOp")
      assert.strictEqual(
        said(yield* post(url, validation)),
        `{"plain_token":"Arq0D5A61EgUu4OxUvOp","signature":"${own}"} 200`
      )
      assert.strictEqual(said(yield* post(url, yield* platform.sign(body))), '{"op":12,"d":0} 200')
      assert.deepStrictEqual(heard, [hello.id])
    }).pipe(on)
  )

  it.scopedLive("refuses requests that are forged, replayed, too large, or at another path", () =>
    Effect.gen(function* () {
      const { heard, url } = yield* serve()
      const platform = yield* signer
      const good = yield* platform.sign(body)
      const large = { ...good, body: new Uint8Array(2 * 1024 * 1024) }
      const chunked = ["--header", "transfer-encoding: chunked"]
      const forged = { ...good, body: new TextEncoder().encode(body.replace("hi", "ho")) }
      assert.strictEqual(said(yield* post(url, forged)), '{"error":"SignatureWrong"} 401')
      assert.strictEqual(said(yield* post(url, good)), '{"op":12,"d":0} 200')
      assert.strictEqual(said(yield* post(url, good)), '{"op":12,"d":0} 200')
      assert.strictEqual(said(yield* post(url, large)), '{"error":"BodyTooLarge"} 413')
      // its length is not told beforehand: the server answers, and breaks off a client that goes on sending
      const { code, stdout } = yield* post(url, large, ...chunked)
      assert.isTrue(stdout === '{"error":"BodyTooLarge"} 413' || code === 55 || code === 56, `${code}: ${stdout}`)
      assert.strictEqual(said(yield* post(`${url}/other`, good)), " 404")
      assert.strictEqual(said(yield* post(`${url}?query=1`, good)), '{"op":12,"d":0} 200')
      assert.strictEqual(said(yield* curl(["--write-out", "%{http_code}", url], new Uint8Array())), "405")
      assert.deepStrictEqual(heard, [hello.id])
    }).pipe(on)
  )
})

describe("a request with another path or method", () => {
  const lines: Array<string> = []
  const collector = Logger.add(Logger.make(({ message }) => void lines.push(String(message))))
  const ask = (url: string, method: string) => Effect.promise(() => fetch(url, { method }))

  it.scopedLive("is logged with its path and that of the webhook, once per interval, without its query", () =>
    on(
      Effect.gen(function* () {
        const { url } = yield* serve({ path: "/qq" })
        lines.length = 0
        assert.strictEqual((yield* ask(`${url}/?secret=1`, "POST")).status, 404)
        assert.strictEqual((yield* ask(url, "GET")).status, 405)
        for (let i = 0; i < 20; i++) yield* ask(`${url}/${i}`, "POST")
        assert.deepStrictEqual(lines, ["a request POST /qq/ was refused: the webhook takes POST /qq"])
      }).pipe(Effect.provide(collector))
    )
  )

  it.scopedLive("is logged with no more than the beginning of a long path", () =>
    on(
      Effect.gen(function* () {
        const { url } = yield* serve({ path: "/qq", misdirectedLogInterval: 0 })
        lines.length = 0
        yield* ask(url, "GET")
        yield* ask(`${url}${"x".repeat(5000)}`, "POST")
        assert.strictEqual(lines[0], "a request GET /qq was refused: the webhook takes POST /qq")
        assert.isBelow((lines[1] ?? "").length, 300)
      }).pipe(Effect.provide(collector))
    )
  )
})

describe("a slow client", () => {
  const impatient = { headersTimeout: "300 millis", requestTimeout: "20 seconds" } as const
  const limits = { ...impatient, webhook: { readTimeout: Duration.millis(300) } }

  it.scopedLive("that says nothing, or sends its headers byte by byte, is cut off", () =>
    Effect.gen(function* () {
      const { port } = yield* serve(limits)
      const silent = yield* connect(port)
      const slow = yield* connect(port)
      yield* slow.send("POST /webhook HTTP/1.1\r\nhost: a")
      // it goes on, a byte at a time, until it is cut off
      const trickle = yield* Effect.forkScoped(Effect.forever(Effect.delay(slow.send("a"), "20 millis")))
      yield* silent.ended
      assert.include(yield* slow.ended, "408")
      yield* Fiber.interrupt(trickle)
    }).pipe(on)
  )

  it.scopedLive("that sends one byte of its body and waits is answered 408 and cut off", () =>
    Effect.gen(function* () {
      const { heard, port } = yield* serve(limits)
      const { headers } = yield* Effect.flatMap(signer, ({ sign }) => sign(body))
      const slow = yield* connect(port)
      yield* slow.send(
        `POST /webhook HTTP/1.1\r\nhost: webhook.test\r\n${headLines({ ...headers, "content-length": String(body.length) })}\r\n{`
      )
      const answer = yield* slow.ended
      assert.include(answer, "HTTP/1.1 408")
      assert.include(answer, "BodyTooSlow")
      assert.deepStrictEqual(heard, [])
    }).pipe(on)
  )

  /** As many clients as may be connected, each of which sends one byte of its body. */
  const crowd = (port: number, request: WebhookClient.WebhookRequest) =>
    Effect.gen(function* () {
      const head = headLines({ ...request.headers, "content-length": "1000" })
      const slow = yield* Effect.all(Array.from({ length: 20 }, () => connect(port)))
      yield* Effect.forEach(slow, ({ send }) => send(`POST /webhook HTTP/1.1\r\nhost: webhook.test\r\n${head}\r\n{`), {
        concurrency: "unbounded"
      })
      return slow
    })

  it.scopedLive("is disconnected, and frees its connection", () =>
    Effect.gen(function* () {
      const { heard, port, url } = yield* serve({ maximumConnections: 20, webhook: limits.webhook })
      const request = yield* Effect.flatMap(signer, ({ sign }) => sign(body))
      const slow = yield* crowd(port, request)
      yield* Effect.forEach(slow, ({ ended }) => ended, { concurrency: "unbounded" })
      assert.strictEqual(said(yield* post(url, request)), '{"op":12,"d":0} 200')
      assert.deepStrictEqual(heard, [hello.id])
    }).pipe(on)
  )

  it.scopedLive("is limited in connections: further ones are refused", () =>
    Effect.gen(function* () {
      const { port } = yield* serve({ maximumConnections: 20 })
      const request = yield* Effect.flatMap(signer, ({ sign }) => sign(body))
      yield* crowd(port, request)
      const further = yield* connect(port)
      assert.strictEqual(yield* further.ended, "")
    }).pipe(on)
  )

  for (const { name, limit, started } of [
    { name: "that send nothing", limit: { maximumConnections: 20 }, started: "" },
    {
      name: "that dribble their headers",
      limit: { maximumConnections: 20 },
      started: "POST /webhook HTTP/1.1\r\nhost: a"
    },
    { name: "of one address", limit: { maximumConnectionsPerPeer: 20 }, started: "" }
  ]) {
    it.scopedLive(`as many as there may be, ${name}, keep no request out: the first of them gives way`, () =>
      Effect.gen(function* () {
        const { heard, port, url } = yield* serve({ ...limit, headersTimeout: "10 minutes" })
        const crowd = yield* Effect.forEach(Array.from({ length: 20 }), () => connect(port))
        const [first] = crowd
        if (first === undefined) assert.fail("a crowd")
        if (started !== "") yield* Effect.forEach(crowd, ({ send }) => send(started))
        const request = yield* Effect.flatMap(signer, ({ sign }) => sign(body))
        assert.strictEqual(said(yield* post(url, request)), '{"op":12,"d":0} 200')
        yield* first.ended
        assert.deepStrictEqual(heard, [hello.id])
        assert.strictEqual(crowd.filter(({ socket }) => socket.closed).length, 1)
      }).pipe(on)
    )
  }

  it.scopedLive("behind TLS gives way too, and a request that is being answered does not", () =>
    Effect.gen(function* () {
      const { port } = yield* serve({
        maximumConnections: 2,
        headersTimeout: "10 minutes",
        tls: { key: Redacted.make(key), certificate }
      })
      const silent = yield* connect(port)
      const request = yield* Effect.flatMap(signer, ({ sign }) => sign(body))
      const head = headLines({ ...request.headers, "content-length": "1000", expect: "100-continue" })
      const busy = yield* Effect.acquireRelease(
        Effect.async<Tls.TLSSocket>((resume) => {
          const socket = Tls.connect({ port, host: "127.0.0.1", rejectUnauthorized: false }, () =>
            socket.write(`POST /webhook HTTP/1.1\r\nhost: webhook.test\r\n${head}\r\n{`)
          )
          socket.on("error", () => {})
          // the server has the request once it asks for its body
          socket.once("data", () => resume(Effect.succeed(socket)))
        }),
        (socket) => Effect.sync(() => void socket.destroy())
      ).pipe(within("20 seconds", "the answer to the headers"))
      const second = yield* connect(port)
      yield* silent.ended
      yield* connect(port)
      yield* second.ended
      assert.isFalse(busy.closed)
    }).pipe(on)
  )

  it.scopedLive("that breaks its connection in the middle of anything ends nothing", () =>
    Effect.gen(function* () {
      const { heard, port, url } = yield* serve()
      const request = yield* Effect.flatMap(signer, ({ sign }) => sign(body))
      const head = `POST /webhook HTTP/1.1\r\nhost: webhook.test\r\n${headLines({ ...request.headers, "content-length": "1000" })}`
      const upgrade = "connection: upgrade\r\nupgrade: websocket\r\n"
      const pieces = [
        "",
        "POST",
        head,
        `${head}\r\n`,
        `${head}\r\n{`,
        `${head}${upgrade}\r\n{`,
        "\0\0\0",
        `${"a".repeat(20_000)}`
      ]
      for (const piece of pieces) {
        const broken = yield* connect(port)
        if (piece !== "") yield* broken.send(piece)
        broken.socket.resetAndDestroy()
      }
      assert.strictEqual(said(yield* post(url, request)), '{"op":12,"d":0} 200')
      assert.deepStrictEqual(heard, [hello.id])
    }).pipe(on)
  )
})

describe("a malformed request", () => {
  const ask = (head: string) =>
    Effect.gen(function* () {
      const { port } = yield* serve()
      const connection = yield* connect(port)
      yield* connection.send(head)
      return yield* connection.ended
    }).pipe(on)

  it.scopedLive("is answered 400, and headers that are too large 431", () =>
    Effect.gen(function* () {
      assert.include(yield* ask("nonsense\r\n\r\n"), "HTTP/1.1 400")
      assert.include(
        yield* ask(`POST /webhook HTTP/1.1\r\nhost: a\r\nx-long: ${"a".repeat(20_000)}\r\n\r\n`),
        "HTTP/1.1 431"
      )
    })
  )

  it.scopedLive("that gives a header twice is refused", () =>
    Effect.gen(function* () {
      const { heard, port } = yield* serve()
      const { headers } = yield* Effect.flatMap(signer, ({ sign }) => sign(body))
      const whole = { ...headers, "content-length": String(body.length), connection: "close" }
      for (const [name, reason] of [
        ["x-bot-appid", "AppIdWrong"],
        ["x-signature-ed25519", "SignatureMalformed"],
        ["x-signature-timestamp", "TimestampMalformed"]
      ] as const) {
        const connection = yield* connect(port)
        const twice = `${headLines(whole)}${name}: ${headers[name]}\r\n`
        yield* connection.send(`POST /webhook HTTP/1.1\r\nhost: webhook.test\r\n${twice}\r\n${body}`)
        assert.include(yield* connection.ended, reason)
      }
      assert.deepStrictEqual(heard, [])
    }).pipe(on)
  )

  it.scopedLive("that asks for an upgrade is a request like any other", () =>
    Effect.gen(function* () {
      const { port } = yield* serve()
      const connection = yield* connect(port)
      yield* connection.send(
        "GET /webhook HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
      )
      yield* connection.until("HTTP/1.1 405")
    }).pipe(on)
  )
})

describe("the end of the server", () => {
  /** A server of its own scope, whose app waits until it is let go on. */
  const waiting = (gracePeriod: Duration.DurationInput) =>
    Effect.gen(function* () {
      const asked = yield* Deferred.make<void>()
      const gate = yield* Deferred.make<void>()
      const { app } = yield* Webhook.make()
      const slowApp = Effect.zipRight(
        Effect.zipRight(Deferred.succeed(asked, undefined), Effect.interruptible(Deferred.await(gate))),
        app
      )
      const life = yield* Scope.make()
      const { port } = yield* Scope.extend(NodeWebhook.serve(slowApp, { ...onThisMachine, gracePeriod }), life)
      const request = yield* Effect.flatMap(signer, ({ sign }) => sign(body))
      const connection = yield* connect(port)
      const head = headLines({ ...request.headers, "content-length": String(body.length) })
      yield* connection.send(`POST /webhook HTTP/1.1\r\nhost: webhook.test\r\n${head}\r\n${body}`)
      yield* Deferred.await(asked)
      const idle = yield* connect(port)
      return { gate, life, connection, idle, port }
    })

  it.scopedLive("answers the requests in progress, and accepts no more", () =>
    Effect.gen(function* () {
      const { connection, gate, idle, life, port } = yield* waiting("20 seconds")
      const closing = yield* Effect.forkScoped(Scope.close(life, Exit.void))
      yield* idle.ended
      const refused = yield* Effect.async<string>((resume) => {
        Net.connect(port, "127.0.0.1").on("error", (error: NodeJS.ErrnoException) =>
          resume(Effect.succeed(error.code ?? ""))
        )
      })
      assert.strictEqual(refused, "ECONNREFUSED")
      yield* Deferred.succeed(gate, undefined)
      // no handlers run
      assert.include(yield* connection.ended, "HTTP/1.1 503")
      yield* Fiber.join(closing).pipe(within("15 seconds", "the end of the server"))
    }).pipe(on)
  )

  it.scopedLive("does not wait for ever, an interruption being what ends most programs", () =>
    Effect.gen(function* () {
      const ready = yield* Deferred.make<Connection>()
      const program = yield* Effect.forkScoped(
        Effect.scoped(
          Effect.gen(function* () {
            const { connection, life } = yield* waiting("100 millis")
            yield* Effect.addFinalizer((exit) => Scope.close(life, exit))
            yield* Deferred.succeed(ready, connection)
            return yield* Effect.never
          })
        )
      )
      const connection = yield* Deferred.await(ready)
      yield* Fiber.interrupt(program).pipe(within("15 seconds", "the end of the server"))
      assert.strictEqual(yield* connection.ended, "")
    }).pipe(on)
  )
})

describe("the server", () => {
  it.scopedLive("is called by a platform that repeats, over real HTTP", () =>
    Effect.gen(function* () {
      const { heard, url } = yield* serve()
      const platform = yield* Effect.flatMap(WebhookClient.toUrl(url), WebhookClient.make)
      assert.isTrue(yield* platform.validate("Arq0D5A61EgUu4OxUvOp"))
      const answers = yield* Effect.all(
        Array.from({ length: 20 }, () => platform.deliver(hello)),
        { concurrency: "unbounded" }
      )
      for (const answer of answers) assert.deepStrictEqual(answer, [{ status: 200, body: '{"op":12,"d":0}' }])
      assert.deepStrictEqual(heard, [hello.id])
    }).pipe(Effect.provide(NodeHttp.layer()), on)
  )

  it.scopedLive("fails to start on a port that is taken, saying what to do", () =>
    Effect.gen(function* () {
      const { port } = yield* serve()
      const error = yield* Effect.flip(Layer.build(NodeWebhook.layer({ ...onThisMachine, port })))
      assert.strictEqual(error.reason, "PortInUse")
      assert.include(error.message, `port ${port}`)
      const impossible = yield* Effect.flip(Layer.build(NodeWebhook.layer({ ...onThisMachine, port: 65_536 })))
      assert.strictEqual(impossible.reason, "ListenFailed")
    }).pipe(on)
  )

  it.scopedLive("reads its port and path from the environment, and names an unusable value", () =>
    Effect.gen(function* () {
      const build = (variables: Record<string, string>) =>
        Effect.withConfigProvider(
          Layer.build(NodeWebhook.layerConfig({ host: "127.0.0.1" })),
          ConfigProvider.fromMap(new Map(Object.entries(variables)))
        )
      const { port: free } = yield* Effect.scoped(serve())
      const context = yield* build({ QQ_WEBHOOK_PORT: String(free), QQ_WEBHOOK_PATH: "/callback/qq" })
      assert.deepStrictEqual(Context.get(context, NodeWebhook.WebhookServer), { port: free, path: "/callback/qq" })
      for (const [name, value] of [
        ["QQ_WEBHOOK_PORT", "99999"],
        ["QQ_WEBHOOK_PORT", "eighty"],
        ["QQ_WEBHOOK_PATH", "callback"],
        ["QQ_WEBHOOK_PATH", "/callback?x"]
      ] as const) {
        const error = yield* Effect.flip(build({ QQ_WEBHOOK_PORT: String(free), [name]: value }))
        assert.include(String(error), name)
      }
    }).pipe(on)
  )

  it.scopedLive("an app that throws is answered 500, and the server goes on", () =>
    Effect.gen(function* () {
      let count = 0
      const app = Effect.sync(() => {
        if (count++ < 2) throw new Error("of the user")
        return HttpServerResponse.empty({ status: 204 })
      })
      const { path, port } = yield* NodeWebhook.serve(app, onThisMachine)
      const answers: Array<string> = []
      for (let turn = 0; turn < 3; turn++) {
        const connection = yield* connect(port)
        yield* connection.send(`POST ${path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`)
        answers.push((yield* connection.ended).slice(9, 12))
      }
      assert.deepStrictEqual(answers, ["500", "500", "204"])
    }).pipe(on)
  )

  it.scopedLive("speaks HTTPS with a key and a certificate, and refuses invalid ones", () =>
    Effect.gen(function* () {
      const { heard, port, path } = yield* serve({ tls: { key: Redacted.make(key), certificate } })
      const { body: bytes, headers } = yield* Effect.flatMap(signer, ({ sign }) => sign(body))
      const status = yield* Effect.async<number | undefined>((resume) => {
        const request = Https.request(
          { host: "127.0.0.1", port, path, method: "POST", headers, ca: certificate, servername: "localhost" },
          (response: Http.IncomingMessage) => {
            response.resume()
            resume(Effect.succeed(response.statusCode))
          }
        )
        request.on("error", (error) => resume(Effect.die(error)))
        request.end(bytes)
      }).pipe(within("15 seconds", "an answer"))
      assert.strictEqual(status, 200)
      assert.deepStrictEqual(heard, [hello.id])
      const invalid = Layer.build(
        NodeWebhook.layer({ ...onThisMachine, tls: { key: Redacted.make("key-that-is-none"), certificate } })
      )
      const error = yield* Effect.flip(invalid)
      assert.strictEqual(error.reason, "TlsInvalid")
      assert.notInclude(Cause.pretty(Cause.fail(error)), "key-that-is-none")
    }).pipe(on)
  )

  it.scopedLive("tells a tracer of its requests, but not their signatures", () =>
    Effect.gen(function* () {
      const attributes = new Map<string, unknown>()
      const tracer = Tracer.make({
        span: (name, parent, context, links, startTime, kind) => ({
          _tag: "Span",
          name,
          spanId: "1",
          traceId: "1",
          parent,
          context,
          status: { _tag: "Started", startTime },
          attributes,
          links,
          sampled: true,
          kind,
          end: () => {},
          attribute: (key, value) => void attributes.set(key, value),
          event: () => {},
          addLinks: () => {}
        }),
        context: (f) => f()
      })
      const { url } = yield* Effect.withTracer(serve(), tracer)
      const request = yield* Effect.flatMap(signer, ({ sign }) => sign(body))
      yield* post(url, request)
      assert.strictEqual(attributes.get("http.request.method"), "POST")
      const text = JSON.stringify([...attributes])
      assert.include(text, "x-signature-timestamp")
      assert.notInclude(text, request.headers["x-signature-ed25519"] ?? "-")
    }).pipe(on)
  )
})
