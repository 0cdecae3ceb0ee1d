import * as HttpClient from "@effect/platform/HttpClient"
import { describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Http from "node:http"
import * as Net from "node:net"
import type { Duplex } from "node:stream"
import { assert } from "vitest"
import * as HttpExchange from "../../packages/core/src/openapi/HttpExchange.ts"
import * as NodeHttp from "../../packages/node/src/NodeHttp.ts"

const listen = (server: Http.Server): Effect.Effect<number, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<number>((resume) => {
      server.listen(0, "127.0.0.1", () => {
        resume(Effect.succeed((server.address() as Net.AddressInfo).port))
      })
    }),
    () =>
      Effect.sync(() => {
        server.close()
        server.closeAllConnections()
      })
  )

/** A proxy that makes no tunnel: what it does instead, and how often it was asked. */
const refusingProxy = (refuse: (socket: Duplex) => void) =>
  Effect.gen(function* () {
    const server = Http.createServer()
    let asked = 0
    server.on("connect", (_, socket) => {
      asked++
      socket.on("error", () => undefined)
      refuse(socket)
    })
    const port = yield* listen(server)
    return { url: `http://127.0.0.1:${port}`, asked: () => asked }
  })

/** An HTTP CONNECT proxy that leads everything to one port, and writes down what it was asked for. */
const proxyTo = (target: number, asked: Array<string>): Effect.Effect<number, never, Scope.Scope> =>
  Effect.gen(function* () {
    const tunnels: Array<Net.Socket> = []
    const server = Http.createServer()
    server.on("connect", (request, socket) => {
      asked.push(`${request.url} ${request.headers["proxy-authorization"] ?? "-"}`)
      const tunnel = Net.connect(target, "127.0.0.1", () => {
        socket.write("HTTP/1.1 200 Connection Established\r\n\r\n")
        tunnel.pipe(socket)
        socket.pipe(tunnel)
      })
      tunnel.on("error", () => socket.destroy())
      socket.on("error", () => tunnel.destroy())
      tunnels.push(tunnel)
    })
    yield* Effect.addFinalizer(() => Effect.sync(() => tunnels.forEach((tunnel) => tunnel.destroy())))
    return yield* listen(server)
  })

const echo = (): Http.Server =>
  Http.createServer((request, response) => response.end(`${request.method} ${request.headers.host}${request.url}`))

const get = (url: string) => Effect.flatMap(HttpClient.get(url), (response) => response.text)

const environment = (variables: Record<string, string>) =>
  Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(variables))))

describe("NodeHttp", () => {
  it.scopedLive("asks directly where no proxy is named", () =>
    Effect.gen(function* () {
      const port = yield* listen(echo())
      const text = yield* get(`http://127.0.0.1:${port}/gateway`).pipe(
        Effect.provide(NodeHttp.layer()),
        environment({})
      )
      assert.strictEqual(text, `GET 127.0.0.1:${port}/gateway`)
    })
  )

  it.scopedLive("goes through the proxy of the options, and keeps its password out of the URL", () =>
    Effect.gen(function* () {
      const asked: Array<string> = []
      const proxy = yield* proxyTo(yield* listen(echo()), asked)
      const text = yield* get("http://qq.invalid/gateway").pipe(
        Effect.provide(NodeHttp.layer({ proxy: Redacted.make(`http://me:pass@127.0.0.1:${proxy}`) })),
        environment({})
      )
      assert.strictEqual(text, "GET qq.invalid/gateway")
      assert.deepStrictEqual(asked, [`qq.invalid:80 Basic ${Buffer.from("me:pass").toString("base64")}`])
    })
  )

  it.scopedLive("goes through the proxy of the environment, but not to excepted hosts nor to this machine", () =>
    Effect.gen(function* () {
      const asked: Array<string> = []
      const port = yield* listen(echo())
      const proxy = yield* proxyTo(port, asked)
      const named = environment({ http_proxy: `http://127.0.0.1:${proxy}`, NO_PROXY: "direct.invalid" })
      const layer = NodeHttp.layer()
      yield* get("http://qq.invalid/one").pipe(Effect.provide(layer), named)
      assert.deepStrictEqual(asked, ["qq.invalid:80 -"])
      yield* get(`http://127.0.0.1:${port}/two`).pipe(Effect.provide(layer), named)
      const direct = yield* Effect.flip(get("http://direct.invalid/three").pipe(Effect.provide(layer), named))
      assert.propertyVal(direct, "_tag", "RequestError")
      assert.deepStrictEqual(asked, ["qq.invalid:80 -"])
    })
  )

  it.scopedLive("a malformed proxy fails without saying its value", () =>
    Effect.gen(function* () {
      for (const [layer, variables, name] of [
        [NodeHttp.layer({ proxy: "ftp://secret@proxy" }), {}, "proxy"],
        [NodeHttp.layer(), { HTTPS_PROXY: "secret@proxy" }, "HTTPS_PROXY"],
        [NodeHttp.layer(), { http_proxy: "http://se cret" }, "HTTP_PROXY"]
      ] as const) {
        const error = yield* Effect.flip(
          Effect.scoped(get("http://qq.invalid/").pipe(Effect.provide(layer), environment(variables)))
        )
        assert.include(String(error), name)
        assert.notInclude(String(error), "cret")
      }
    })
  )

  it.scopedLive("an interrupted call lets go of its connection", () =>
    Effect.gen(function* () {
      const server = Http.createServer()
      const port = yield* listen(server)
      const gone = Effect.async<void>((resume) => {
        server.on("request", (request) => request.on("close", () => resume(Effect.void)))
      })
      const call = get(`http://127.0.0.1:${port}/hangs`).pipe(Effect.provide(NodeHttp.layer()), environment({}))
      const watching = yield* Effect.fork(gone)
      yield* Effect.yieldNow()
      const arrived = Effect.async<void>((resume) => {
        server.once("request", () => resume(Effect.void))
      })
      yield* Effect.raceFirst(call, arrived)
      yield* watching.await
    })
  )

  describe("in one exchange", () => {
    const exchange = (request: HttpExchange.Request, timeout: Duration.DurationInput = "10 seconds") =>
      Effect.flatMap(HttpClient.HttpClient, (client) => {
        assert.isTrue(HttpExchange.ExchangeId in client)
        return HttpExchange.make(client)(request, timeout)
      })

    /** One client for a whole test: what is left of a call is not ended with it. */
    const withClient = <A, E>(effect: Effect.Effect<A, E, HttpClient.HttpClient | Scope.Scope>) =>
      effect.pipe(Effect.provide(Layer.orDie(NodeHttp.layer())), environment({}))

    const serve = (answer: Http.RequestListener) =>
      Effect.map(listen(Http.createServer(answer)), (port) => `http://127.0.0.1:${port}/path?query=1`)

    it.scopedLive("sends the body and reads the whole answer", () =>
      Effect.gen(function* () {
        const url = yield* serve((request, response) => {
          let body = ""
          request.setEncoding("utf8")
          request.on("data", (part: string) => (body += part))
          request.on("end", () => {
            response.writeHead(201, { "x-name": ["one", "two"], "content-type": "text/plain" })
            // cut within a character
            const bytes = Buffer.from(`\ufeff${request.method} ${request.url} ${request.headers["x-own"]} ${body} 你好`)
            response.write(bytes.subarray(0, bytes.length - 1))
            response.end(bytes.subarray(bytes.length - 1))
          })
        })
        const answer = yield* exchange({ method: "POST", url, headers: { "x-own": "mine" }, body: "说" })
        assert.strictEqual(answer.status, 201)
        assert.strictEqual(answer.headers["x-name"], "one, two")
        assert.strictEqual(answer.text, "POST /path?query=1 mine 说 你好")
        const bytes = yield* exchange({ method: "PUT", url, headers: {}, body: new Uint8Array([97, 98]) })
        assert.strictEqual(bytes.text, "PUT /path?query=1 undefined ab 你好")
      }).pipe(withClient)
    )

    it.scopedLive("says why there is no answer", () =>
      Effect.gen(function* () {
        const failing = (url: string, timeout?: Duration.DurationInput) =>
          Effect.map(Effect.flip(exchange({ method: "GET", url, headers: {} }, timeout)), ({ reason, status }) => [
            reason,
            status
          ])
        assert.deepStrictEqual(yield* failing("nowhere"), ["Unsendable", undefined])
        assert.deepStrictEqual(yield* failing("http://127.0.0.1:1/"), ["Unreachable", undefined])
        const broken = yield* serve((request) => request.socket.destroy())
        assert.deepStrictEqual(yield* failing(broken), ["Broken", undefined])
        const halfway = yield* serve((request, response) => {
          response.writeHead(200, { "content-length": "10" })
          response.write("half", () => request.socket.destroy())
        })
        assert.deepStrictEqual(yield* failing(halfway), ["Broken", 200])
        const large = yield* serve((_, response) => response.end(Buffer.alloc(HttpExchange.maximumSize + 1)))
        assert.deepStrictEqual(yield* failing(large), ["TooLarge", 200])
        const whole = yield* serve((_, response) => response.end(Buffer.alloc(HttpExchange.maximumSize, 97)))
        const answer = yield* exchange({ method: "GET", url: whole, headers: {} })
        assert.strictEqual(answer.text.length, HttpExchange.maximumSize)
      }).pipe(withClient)
    )

    it.scopedLive("releases its connection on a timeout and on interruption", () =>
      Effect.gen(function* () {
        const gone = yield* Queue.unbounded<void>()
        const arrived = yield* Effect.makeLatch(false)
        // one hangs before its answer, the other within it
        const url = yield* serve((request, response) => {
          arrived.unsafeOpen()
          if (request.method === "PUT") response.writeHead(200).write("beginning")
          request.socket.on("close", () => gone.unsafeOffer(undefined))
        })
        for (const method of ["GET", "PUT"] as const) {
          const error = yield* Effect.flip(exchange({ method, url, headers: {} }, "100 millis"))
          assert.strictEqual(error.reason, "TimedOut")
          yield* gone.take
        }
        arrived.unsafeClose()
        yield* Effect.raceFirst(exchange({ method: "GET", url, headers: {} }), arrived.await)
        yield* gone.take
      }).pipe(withClient)
    )

    it.scopedLive("what was given up while it waited for a connection costs none", () =>
      Effect.gen(function* () {
        const arrived = yield* Queue.unbounded<Http.ServerResponse>()
        let connections = 0
        const server = Http.createServer((_, response) => arrived.unsafeOffer(response))
        server.on("connection", () => connections++)
        const url = `http://127.0.0.1:${yield* listen(server)}/`
        const call = exchange({ method: "POST", url, headers: {}, body: "one" }, "1 minute")
        const most = 128
        const many = Effect.replicateEffect(call, most, { concurrency: "unbounded" })
        const served = yield* Effect.fork(many)
        const held = yield* Effect.replicateEffect(arrived.take, most)
        const begun = yield* Queue.unbounded<void>()
        const waiting = yield* Effect.fork(
          Effect.replicateEffect(Effect.zipRight(begun.offer(undefined), call), most, { concurrency: "unbounded" })
        )
        yield* Effect.replicateEffect(begun.take, most)
        yield* Fiber.interrupt(waiting)
        for (const response of held) response.end()
        yield* Fiber.join(served)
        const last = yield* Effect.fork(many)
        yield* Effect.replicateEffect(
          Effect.map(arrived.take, (response) => response.end()),
          most
        )
        yield* Fiber.join(last)
        assert.strictEqual(connections, most)
      }).pipe(withClient)
    )

    describe("knows that nothing was sent", () => {
      const failing = (
        request: Pick<HttpExchange.Request, "url"> & Partial<HttpExchange.Request>,
        timeout?: Duration.DurationInput
      ) => Effect.flip(exchange({ method: "POST", headers: {}, body: "secret", ...request }, timeout))

      it.scopedLive("where the request cannot be built", () =>
        Effect.gen(function* () {
          const url = yield* serve((_, response) => response.end())
          for (const request of [
            { url, headers: { "x-own": "two\nlines" } },
            { url, headers: { "x own": "name" } },
            { url: "ftp://127.0.0.1/" },
            { url: "qq://127.0.0.1/" }
          ]) {
            const error = yield* failing(request)
            assert.strictEqual(error.reason, "Unsendable")
          }
        }).pipe(withClient)
      )

      const through =
        (proxy: string) =>
        (effect: Effect.Effect<HttpExchange.ExchangeFailed, HttpExchange.Answer, HttpClient.HttpClient>) =>
          effect.pipe(Effect.provide(Layer.orDie(NodeHttp.layer({ proxy }))), environment({}))

      it.scopedLive("where a proxy refuses the tunnel, or hangs up, and does not ask it again", () =>
        Effect.gen(function* () {
          for (const refuse of [
            (socket: Duplex) => socket.end("HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n"),
            (socket: Duplex) => socket.end("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n"),
            (socket: Duplex) => socket.destroy()
          ]) {
            const proxy = yield* refusingProxy(refuse)
            const error = yield* failing({ url: "http://qq.invalid/" }).pipe(through(proxy.url))
            assert.strictEqual(error.reason, "Unreachable")
            assert.strictEqual(proxy.asked(), 1)
          }
        })
      )

      it.scopedLive("where its time was over before there was a connection", () =>
        Effect.gen(function* () {
          const proxy = yield* refusingProxy(() => undefined)
          const error = yield* failing({ url: "http://qq.invalid/" }, "100 millis").pipe(through(proxy.url))
          assert.strictEqual(error.reason, "Unreachable")
          assert.include(error.detail, "no connection in time")
        })
      )

      it.scopedLive(
        "where a proxy does not answer within the time of a connection",
        () =>
          Effect.gen(function* () {
            const proxy = yield* refusingProxy(() => undefined)
            const error = yield* failing({ url: "http://qq.invalid/" }, "1 minute").pipe(through(proxy.url))
            assert.strictEqual(error.reason, "Unreachable")
            assert.include(error.detail, "UND_ERR_HEADERS_TIMEOUT")
          }),
        20_000
      )

      it.scopedLive("a proxy's agent does not write into the caller's headers", () =>
        Effect.gen(function* () {
          const proxy = yield* refusingProxy((socket) => socket.destroy())
          const headers = { "x-own": "mine" }
          yield* failing({ url: "http://qq.invalid/", headers }).pipe(through(proxy.url))
          assert.deepStrictEqual(headers, { "x-own": "mine" })
        })
      )
    })

    it("is passed by where something was added to the client", () => {
      const client = Object.assign(
        HttpClient.make(() => Effect.die("not asked")),
        { [HttpExchange.ExchangeId]: () => Effect.never }
      )
      assert.strictEqual(HttpExchange.make(client), client[HttpExchange.ExchangeId])
      const changed = HttpClient.mapRequest(client, (request) => request)
      assert.isFalse(HttpExchange.ExchangeId in changed)
    })
  })
})
