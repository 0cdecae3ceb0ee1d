import * as Socket from "@effect/platform/Socket"
import { describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Crypto from "node:crypto"
import * as Http from "node:http"
import * as Https from "node:https"
import * as Net from "node:net"
import { assert } from "vitest"
import { WebSocketServer, type WebSocket as ServerSocket } from "ws"
import * as NodeWebSocket from "../../packages/node/src/NodeWebSocket.ts"

const listen = (server: Net.Server): Effect.Effect<number, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<number>((resume) => {
      server.listen(0, "127.0.0.1", () => {
        resume(Effect.succeed((server.address() as Net.AddressInfo).port))
      })
    }),
    () => Effect.sync(() => server.close())
  )

/** A WebSocket server that hands every new connection to `greet`. */
const webSocketServer = (
  greet: (socket: ServerSocket, request: Http.IncomingMessage) => void
): Effect.Effect<number, never, Scope.Scope> =>
  Effect.gen(function* () {
    const http = Http.createServer()
    const sockets = new WebSocketServer({ server: http })
    sockets.on("connection", greet)
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        for (const socket of sockets.clients) socket.terminate()
      })
    )
    return yield* listen(http)
  })

/** A server that answers every request for an upgrade with these bytes. */
const refusing = (answer: string): Effect.Effect<number, never, Scope.Scope> => {
  const server = Http.createServer()
  server.on("upgrade", (_request, socket) => socket.end(answer))
  return listen(server)
}

interface Seen {
  readonly errors: Array<unknown>
  readonly messages: Array<unknown>
  readonly code: number
}

const dial = (url: string, options?: NodeWebSocket.Options): Effect.Effect<globalThis.WebSocket, never, Scope.Scope> =>
  Effect.flatMap(NodeWebSocket.make(options), (open) =>
    Effect.acquireRelease(
      Effect.sync(() => open(url)),
      (socket) => Effect.sync(() => (socket as unknown as { terminate(): void }).terminate())
    )
  )

const der = (tag: number, ...contents: ReadonlyArray<Uint8Array>): Buffer => {
  const body = Buffer.concat(contents)
  const length = body.length < 128 ? [body.length] : [0x82, body.length >> 8, body.length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...length]), body])
}

/** A certificate that signs itself, made on the spot so that no key lies in the repository. */
const selfSigned = (): { readonly key: string; readonly cert: string } => {
  const pair = Crypto.generateKeyPairSync("ec", { namedCurve: "prime256v1" })
  const name = der(
    0x30,
    der(0x31, der(0x30, der(0x06, Buffer.from("550403", "hex")), der(0x0c, Buffer.from("127.0.0.1"))))
  )
  const ecdsaWithSha256 = der(0x30, der(0x06, Buffer.from("2a8648ce3d040302", "hex")))
  const validity = der(0x30, der(0x17, Buffer.from("200101000000Z")), der(0x17, Buffer.from("491231235959Z")))
  const publicKey = pair.publicKey.export({ type: "spki", format: "der" })
  const content = der(0x30, der(0x02, Buffer.from([1])), ecdsaWithSha256, name, validity, name, publicKey)
  const signature = der(0x03, Buffer.from([0]), Crypto.sign("sha256", content, pair.privateKey))
  const certificate = der(0x30, content, ecdsaWithSha256, signature).toString("base64")
  return {
    key: pair.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${certificate.replace(/.{64}/g, "$&\n")}\n-----END CERTIFICATE-----\n`
  }
}

/** Everything a connection says until it is closed. */
const untilClosed = (socket: globalThis.WebSocket): Effect.Effect<Seen> =>
  Effect.async((resume) => {
    const errors: Array<unknown> = []
    const messages: Array<unknown> = []
    socket.addEventListener("error", (event) => errors.push((event as unknown as { error: unknown }).error))
    socket.addEventListener("message", (event) => messages.push((event as unknown as { data: unknown }).data))
    socket.addEventListener("close", (event) =>
      resume(Effect.succeed({ errors, messages, code: (event as unknown as { code: number }).code }))
    )
  })

describe("NodeWebSocket", () => {
  it.scopedLive("text is a string, binary is bytes, a close code arrives", () =>
    Effect.gen(function* () {
      const extensions = yield* Deferred.make<string>()
      const port = yield* webSocketServer((socket, request) => {
        Deferred.unsafeDone(extensions, Effect.succeed(request.headers["sec-websocket-extensions"] ?? "none"))
        socket.send('{"op":10}')
        socket.send(Uint8Array.from([1, 2]))
        socket.close(4009, "expired")
      })
      const seen = yield* Effect.flatMap(dial(`ws://127.0.0.1:${port}`), untilClosed)
      assert.strictEqual(seen.messages[0], '{"op":10}')
      assert.instanceOf(seen.messages[1], Uint8Array)
      assert.strictEqual(seen.code, 4009)
      assert.deepStrictEqual(seen.errors, [])
      assert.strictEqual(yield* Deferred.await(extensions), "none", "compression is not offered")
    })
  )

  it.scopedLive("the HTTP status of a refused upgrade is a HandshakeRefused", () =>
    Effect.gen(function* () {
      const cases = [
        ["HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n", 401, undefined],
        ["HTTP/1.1 429 Too Many Requests\r\nretry-after: 7\r\ncontent-length: 2\r\n\r\nno", 429, 7000],
        ["HTTP/1.1 503 Busy\r\nretry-after: Thu, 01 Jan 1970 00:00:00 GMT\r\ncontent-length: 0\r\n\r\n", 503, 0],
        ["HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n", 302, undefined],
        ["HTTP/1.1 200 OK\r\nretry-after: soon\r\ncontent-length: 0\r\n\r\n", 200, undefined]
      ] as const
      for (const [answer, status, retryAfter] of cases) {
        const port = yield* refusing(answer)
        const seen = yield* Effect.flatMap(dial(`ws://127.0.0.1:${port}`), untilClosed)
        const [first] = seen.errors
        assert.instanceOf(first, NodeWebSocket.HandshakeRefused)
        assert.strictEqual(first._tag, "HandshakeRefused")
        assert.strictEqual(first.status, status)
        assert.strictEqual(first.retryAfter === undefined ? undefined : Duration.toMillis(first.retryAfter), retryAfter)
        assert.strictEqual(seen.code, 1006)
      }
    })
  )

  it.scopedLive("a refusal reaches the errors of Socket", () =>
    Effect.gen(function* () {
      const port = yield* refusing("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")
      const socket = yield* Socket.makeWebSocket(`ws://127.0.0.1:${port}`)
      const error = yield* Effect.flip(socket.runRaw(() => {}))
      assert.strictEqual(error.reason, "Open")
      const cause = error.reason === "Open" ? (error.cause as { readonly error?: unknown }).error : undefined
      assert.instanceOf(cause, NodeWebSocket.HandshakeRefused)
      assert.strictEqual(cause.status, 403)
    }).pipe(Effect.provide(NodeWebSocket.layer()))
  )

  it.scopedLive("does not end the process on an error without a listener", () =>
    Effect.gen(function* () {
      const port = yield* refusing("HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n")
      const socket = yield* dial(`ws://127.0.0.1:${port}`)
      const code = yield* Effect.async<number>((resume) => {
        socket.addEventListener("close", (event) => resume(Effect.succeed((event as unknown as { code: number }).code)))
      })
      assert.strictEqual(code, 1006)
    })
  )

  it.scopedLive("a server that never answers the upgrade is given up", () =>
    Effect.gen(function* () {
      const accepted: Array<Net.Socket> = []
      const port = yield* listen(Net.createServer((socket) => void accepted.push(socket)))
      yield* Effect.addFinalizer(() => Effect.sync(() => accepted.forEach((socket) => socket.destroy())))
      const [elapsed, seen] = yield* Effect.timed(
        Effect.flatMap(dial(`ws://127.0.0.1:${port}`, { handshakeTimeout: "100 millis" }), untilClosed)
      )
      assert.strictEqual(seen.code, 1006)
      assert.match(String(seen.errors[0]), /timed out/)
      assert.isBelow(Duration.toMillis(elapsed), 5000)
    })
  )

  it.scopedLive("fires an error and closes with 1006 where no server listens", () =>
    Effect.gen(function* () {
      const port = yield* Effect.scoped(listen(Net.createServer()))
      const seen = yield* Effect.flatMap(dial(`ws://127.0.0.1:${port}`), untilClosed)
      assert.propertyVal(seen.errors[0], "code", "ECONNREFUSED")
      assert.strictEqual(seen.code, 1006)
    })
  )

  it.scopedLive("a message beyond the limit closes with 1009", () =>
    Effect.gen(function* () {
      const closed = yield* Deferred.make<number>()
      const port = yield* webSocketServer((socket) => {
        socket.on("close", (code) => Deferred.unsafeDone(closed, Effect.succeed(code)))
        socket.on("error", () => {})
        socket.send("x".repeat(2048))
      })
      const socket = yield* dial(`ws://127.0.0.1:${port}`, { maximumPayload: 1024 })
      const seen = yield* untilClosed(socket)
      assert.deepStrictEqual(seen.messages, [])
      assert.propertyVal(seen.errors[0], "code", "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH")
      assert.strictEqual(yield* Deferred.await(closed), 1009)
    })
  )

  it.scopedLive("64 MiB are read by default", () =>
    Effect.gen(function* () {
      const size = 64 * 1024 * 1024
      const port = yield* webSocketServer((socket) => {
        socket.send("x".repeat(size))
        socket.close(1000)
      })
      const seen = yield* Effect.flatMap(dial(`ws://127.0.0.1:${port}`), untilClosed)
      assert.strictEqual((seen.messages[0] as string).length, size)
    })
  )

  it.scopedLive("terminate ends a connection whose peer is silent at once", () =>
    Effect.gen(function* () {
      const opened = yield* Deferred.make<ServerSocket>()
      const port = yield* webSocketServer((socket) => Deferred.unsafeDone(opened, Effect.succeed(socket)))
      const socket = yield* dial(`ws://127.0.0.1:${port}`)
      const peer = yield* Deferred.await(opened)
      peer.pause()
      const closing = yield* Effect.fork(untilClosed(socket))
      yield* Effect.yieldNow()
      socket.close(4900)
      assert.propertyVal(socket, "readyState", 2)
      const terminated = socket as unknown as { readonly terminate: () => void }
      terminated.terminate()
      const seen = yield* Effect.timeoutOption(closing, "5 seconds")
      // Without a close frame of the peer there is no status.
      assert.strictEqual(Option.getOrThrow(seen).code, 1006)
    })
  )

  it.scopedLive("the agent of the options makes the connection", () =>
    Effect.gen(function* () {
      const port = yield* webSocketServer((socket) => socket.close(4000))
      let connections = 0
      class Counting extends Http.Agent {
        override createConnection(
          ...parameters: Parameters<Http.Agent["createConnection"]>
        ): ReturnType<Http.Agent["createConnection"]> {
          connections++
          return super.createConnection(...parameters)
        }
      }
      const agent = new Counting()
      yield* Effect.addFinalizer(() => Effect.sync(() => agent.destroy()))
      const seen = yield* Effect.flatMap(dial(`ws://127.0.0.1:${port}`, { agent }), untilClosed)
      assert.strictEqual(seen.code, 4000)
      assert.strictEqual(connections, 1)
    })
  )

  it.scopedLive("refuses a certificate that no authority has signed, whatever the environment says", () =>
    Effect.gen(function* () {
      const port = yield* listen(Https.createServer(selfSigned()))
      const before = process.env["NODE_TLS_REJECT_UNAUTHORIZED"]
      yield* Effect.acquireRelease(
        Effect.sync(() => {
          process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0"
        }),
        () =>
          Effect.sync(() => {
            if (before === undefined) delete process.env["NODE_TLS_REJECT_UNAUTHORIZED"]
            else process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = before
          })
      )
      const seen = yield* Effect.flatMap(dial(`wss://127.0.0.1:${port}`), untilClosed)
      assert.propertyVal(seen.errors[0], "code", "DEPTH_ZERO_SELF_SIGNED_CERT")
      assert.strictEqual(seen.code, 1006)
    })
  )
})
