/** A wire to a server that can be cut, or go mute while it stays open. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"

export interface Wire {
  readonly port: number
  /** Nothing goes through any more, in either direction, and nobody is told. */
  readonly freeze: () => void
  /** What was frozen is dropped, and new connections go through. */
  readonly heal: () => void
}

export const make = (to: number): Effect.Effect<Wire, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<{ readonly server: Net.Server; readonly sockets: Set<Net.Socket>; readonly wire: Wire }>((resume) => {
      const sockets = new Set<Net.Socket>()
      let frozen = false
      const server = Net.createServer((inside) => {
        sockets.add(inside)
        inside.on("error", () => {})
        if (frozen) return
        const outside = Net.connect(to, "127.0.0.1")
        sockets.add(outside)
        outside.on("error", () => inside.destroy())
        inside.on("close", () => outside.destroy())
        outside.on("close", () => inside.destroy())
        inside.on("data", (bytes) => {
          if (!frozen) outside.write(bytes)
        })
        outside.on("data", (bytes) => {
          if (!frozen) inside.write(bytes)
        })
      })
      server.listen(0, "127.0.0.1", () => {
        const { port } = server.address() as Net.AddressInfo
        const wire: Wire = {
          port,
          freeze: () => {
            frozen = true
          },
          heal: () => {
            frozen = false
            for (const socket of sockets) socket.destroy()
            sockets.clear()
          }
        }
        resume(Effect.succeed({ server, sockets, wire }))
      })
    }),
    ({ server, sockets }) =>
      Effect.sync(() => {
        server.close()
        for (const socket of sockets) socket.destroy()
      })
  ).pipe(Effect.map(({ wire }) => wire))
