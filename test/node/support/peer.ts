/** A gateway written by hand, for what no WebSocket library would do. */
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import * as Crypto from "node:crypto"
import * as Http from "node:http"
import type * as Net from "node:net"
import { listen } from "./ports.ts"

const frame = (opcode: number, payload: Buffer): Buffer => {
  const length = payload.length < 126 ? [payload.length] : [126, payload.length >> 8, payload.length & 0xff]
  return Buffer.concat([Buffer.from([0x80 | opcode, ...length]), payload])
}

const text = (value: unknown): Buffer => frame(1, Buffer.from(JSON.stringify(value)))

const close = (code: number): Buffer => frame(8, Buffer.from([code >> 8, code & 0xff]))

export interface Peer {
  readonly url: string
  readonly counters: { dialled: number; open: number; maxOpen: number }
}

/**
 * Greets, takes an identify, and closes with this code at once, but is slow to end the TCP connection behind its close
 * frame. Every connection after the first is let live.
 */
export const slowToClose = (options: {
  /** Milliseconds. */
  readonly interval: number
  readonly code: number
  /** Milliseconds between the close frame and the end of the TCP connection; `Infinity` for never. */
  readonly after: number
}): Effect.Effect<Peer, never, Scope.Scope> =>
  Effect.gen(function* () {
    const counters = { dialled: 0, open: 0, maxOpen: 0 }
    const run = yield* FiberSet.makeRuntime<never, void, never>()
    const server = Http.createServer()
    server.on("upgrade", (request, socket: Net.Socket) => {
      const first = counters.dialled === 0
      counters.dialled++
      counters.open++
      counters.maxOpen = Math.max(counters.maxOpen, counters.open)
      let isOpen = true
      // the client's end; this side of the connection may stay open for longer
      for (const event of ["end", "close"]) {
        socket.on(event, () => {
          if (isOpen) counters.open--
          isOpen = false
        })
      }
      const key = `${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`
      const accept = Crypto.createHash("sha1").update(key).digest("base64")
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: ${accept}\r\n\r\n`
      )
      socket.write(text({ op: 10, d: { heartbeat_interval: options.interval } }))
      socket.once("data", () => {
        // whatever it is, it is the identify or the resume; later frames are not read
        socket.on("data", () => {})
        socket.write(text({ op: 0, s: 1, t: "READY", d: { session_id: "s1", user: { id: "1", bot: true } } }))
        if (!first) return
        socket.write(close(options.code))
        if (options.after !== Infinity)
          run(
            Effect.delay(
              Effect.sync(() => void socket.end()),
              options.after
            )
          )
      })
    })
    const port = yield* listen(server)
    return { url: `ws://127.0.0.1:${port}/`, counters }
  })
