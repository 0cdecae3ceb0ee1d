/** HTTP where undici is only a name: in Bun its agents have no methods. */
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Http from "node:http"
import type * as Net from "node:net"
import { assert, vi } from "vitest"
import * as NodeHttp from "../../packages/node/src/NodeHttp.ts"

// as Bun 1.4 has it
vi.mock("undici", () => {
  const nameOnly = function (): void {}
  return { Agent: nameOnly, EnvHttpProxyAgent: nameOnly, Pool: nameOnly, ProxyAgent: nameOnly }
})

const server = Effect.acquireRelease(
  Effect.async<Http.Server>((resume) => {
    const server = Http.createServer((request, response) => {
      if (request.url === "/redirect") response.writeHead(302, { location: "/elsewhere" })
      response.end(`${request.method} ${request.url}`)
    })
    server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
  }),
  (server) =>
    Effect.sync(() => {
      server.close()
      server.closeAllConnections()
    })
)

describe("NodeHttp in Bun", () => {
  it.scopedLive("asks with fetch, follows no redirect, and is released without an agent", () =>
    Effect.gen(function* () {
      const { port } = (yield* server).address() as Net.AddressInfo
      const [text, status] = yield* Effect.gen(function* () {
        const one = yield* HttpClient.get(`http://127.0.0.1:${port}/gateway`)
        const other = yield* HttpClient.get(`http://127.0.0.1:${port}/redirect`)
        return [yield* one.text, other.status] as const
      }).pipe(Effect.provide(NodeHttp.layer()))
      assert.strictEqual(text, "GET /gateway")
      assert.strictEqual(status, 302)
    })
  )

  it.effect("says that it cannot use a SOCKS proxy", () =>
    Effect.gen(function* () {
      const failed = yield* Effect.flip(
        Effect.provide(HttpClient.HttpClient, NodeHttp.layer({ proxy: "socks5://127.0.0.1:1" }))
      )
      assert.include(String(failed), "only Node.js can use")
    })
  )
})
