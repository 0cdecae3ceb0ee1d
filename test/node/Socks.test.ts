/** SOCKS5 proxies, for HTTP and for WebSockets, and ALL_PROXY. */
import * as HttpClient from "@effect/platform/HttpClient"
import * as Socket from "@effect/platform/Socket"
import { describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Http from "node:http"
import * as Net from "node:net"
import { assert } from "vitest"
import * as WebSocket from "ws"
import * as NodeHttp from "../../packages/node/src/NodeHttp.ts"
import * as NodeProxy from "../../packages/node/src/NodeProxy.ts"
import * as NodeWebSocket from "../../packages/node/src/NodeWebSocket.ts"

const listen = (server: Net.Server): Effect.Effect<number, never, Scope.Scope> => {
  const sockets = new Set<Net.Socket>()
  server.on("connection", (socket: Net.Socket) => sockets.add(socket))
  return Effect.acquireRelease(
    Effect.async<number>((resume) => {
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed((server.address() as Net.AddressInfo).port)))
    }),
    () =>
      Effect.sync(() => {
        server.close()
        for (const socket of sockets) socket.destroy()
      })
  )
}

/** A SOCKS5 proxy that leads everything to one port, and writes down who asked for what. */
const socksTo = (target: number, asked: Array<string>): Effect.Effect<number, never, Scope.Scope> =>
  listen(
    Net.createServer((client) => {
      let user = "-"
      let step: "greeting" | "password" | "request" | "open" = "greeting"
      client.on("error", () => client.destroy())
      client.on("data", (data) => {
        if (step === "greeting") {
          const methods = [...data.subarray(2)]
          step = methods.includes(2) ? "password" : "request"
          client.write(Uint8Array.of(5, step === "password" ? 2 : 0))
        } else if (step === "password") {
          const length = data[1] ?? 0
          user = `${data.subarray(2, 2 + length)}:${data.subarray(3 + length)}`
          step = "request"
          client.write(Uint8Array.of(1, 0))
        } else if (step === "request") {
          // 3: a name, which the proxy resolves
          const name = data[3] === 3 ? data.subarray(5, 5 + (data[4] ?? 0)).toString() : `address type ${data[3]}`
          asked.push(`${user} ${name}:${data.readUInt16BE(data.length - 2)}`)
          step = "open"
          const tunnel = Net.connect(target, "127.0.0.1", () => {
            client.write(Uint8Array.of(5, 0, 0, 1, 127, 0, 0, 1, 0, 0))
            client.pipe(tunnel)
            tunnel.pipe(client)
          })
          tunnel.on("error", () => client.destroy())
          client.on("close", () => tunnel.destroy())
        }
      })
    })
  )

const echo = (): Http.Server =>
  Http.createServer((request, response) => response.end(`${request.headers.host}${request.url}`))

const get = (url: string) => Effect.flatMap(HttpClient.get(url), (response) => response.text)

const environment = (variables: Record<string, string>) =>
  Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(variables))))

describe("a SOCKS5 proxy", () => {
  it.scopedLive("leads HTTP to hosts that only it can resolve, with a user and a password", () =>
    Effect.gen(function* () {
      const asked: Array<string> = []
      const proxy = yield* socksTo(yield* listen(echo()), asked)
      const text = yield* get("http://qq.invalid/gateway").pipe(
        Effect.provide(NodeHttp.layer({ proxy: `socks5://me:p%40ss@127.0.0.1:${proxy}` })),
        environment({})
      )
      assert.strictEqual(text, "qq.invalid/gateway")
      assert.deepStrictEqual(asked, ["me:p@ss qq.invalid:80"])
    })
  )

  it.scopedLive(
    "of ALL_PROXY leads HTTP, but not to excepted hosts nor this machine, and gives way to HTTP_PROXY",
    () =>
      Effect.gen(function* () {
        const asked: Array<string> = []
        const port = yield* listen(echo())
        const proxy = yield* socksTo(port, asked)
        const named = environment({ all_proxy: `socks5h://127.0.0.1:${proxy}`, NO_PROXY: "direct.invalid" })
        assert.strictEqual(
          yield* get("http://qq.invalid/1").pipe(Effect.provide(NodeHttp.layer()), named),
          "qq.invalid/1"
        )
        yield* get(`http://127.0.0.1:${port}/2`).pipe(Effect.provide(NodeHttp.layer()), named)
        yield* Effect.flip(get("http://direct.invalid/3").pipe(Effect.provide(NodeHttp.layer()), named))
        assert.deepStrictEqual(asked, ["- qq.invalid:80"])
        const found = yield* NodeProxy.find(undefined).pipe(
          environment({ ALL_PROXY: "socks5://all:1", HTTP_PROXY: "http://own:2" })
        )
        assert.deepInclude(Option.getOrThrow(found), { http: "http://own:2", https: "socks5://all:1" })
      })
  )

  it.scopedLive("leads the WebSocket of the gateway", () =>
    Effect.gen(function* () {
      const asked: Array<string> = []
      const server = echo()
      const sockets = new WebSocket.WebSocketServer({ server })
      sockets.on("connection", (socket) => socket.send("hello"))
      const proxy = yield* socksTo(yield* listen(server), asked)
      const proxies = yield* NodeProxy.find(`socks5://127.0.0.1:${proxy}`).pipe(environment({}))
      const make = yield* Effect.provide(Socket.WebSocketConstructor, NodeWebSocket.layerProxied(proxies))
      const text = yield* Effect.async<string>((resume) => {
        const socket = make("ws://qq.invalid/websocket")
        socket.addEventListener("message", ({ data }) => {
          resume(Effect.succeed(String(data)))
          socket.close()
        })
        socket.addEventListener("error", () => resume(Effect.succeed("no connection")))
      })
      assert.strictEqual(text, "hello")
      assert.deepStrictEqual(asked, ["- qq.invalid:80"])
    })
  )

  it.effect("that is no URL fails with the name of the variable", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(NodeProxy.find(undefined).pipe(environment({ ALL_PROXY: "secret@proxy" })))
      assert.include(String(error), "ALL_PROXY")
      assert.notInclude(String(error), "secret")
    })
  )
})
