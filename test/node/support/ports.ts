/** Ports of this machine. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Http from "node:http"
import * as Net from "node:net"

/** Listens on a free port until the scope closes; connections that are still open then are broken. */
export const listen = (server: Net.Server): Effect.Effect<number, never, Scope.Scope> =>
  Effect.suspend(() => {
    const open = new Set<Net.Socket>()
    server.on("connection", (socket: Net.Socket) => {
      open.add(socket)
      socket.on("error", () => {})
      socket.on("close", () => open.delete(socket))
    })
    return Effect.acquireRelease(
      Effect.async<number>((resume) => {
        server.listen(0, "127.0.0.1", () => resume(Effect.succeed((server.address() as Net.AddressInfo).port)))
      }),
      () =>
        Effect.async<void>((resume) => {
          server.close(() => resume(Effect.void))
          for (const socket of open) socket.destroy()
        })
    )
  })

/** A port on which nobody listens. */
export const closedPort: Effect.Effect<number> = Effect.scoped(Effect.suspend(() => listen(Net.createServer())))

/** An HTTP CONNECT proxy that leads everything to one port, and writes down whereto it was asked. */
export const connectProxy = (target: number, asked: Array<string>): Effect.Effect<number, never, Scope.Scope> =>
  Effect.suspend(() => {
    const server = Http.createServer((_request, response) => response.writeHead(405).end())
    server.on("connect", (request, socket: Net.Socket) => {
      asked.push(request.url ?? "")
      const tunnel = Net.connect(target, "127.0.0.1", () => {
        socket.write("HTTP/1.1 200 Connection Established\r\n\r\n")
        tunnel.pipe(socket)
        socket.pipe(tunnel)
      })
      tunnel.on("error", () => socket.destroy())
      socket.on("close", () => tunnel.destroy())
      tunnel.on("close", () => socket.destroy())
    })
    return listen(server)
  })
