/**
 * What the parts of a sandbox do alike with Node's requests and sockets.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Http from "node:http"
import type * as Net from "node:net"
import type { Duplex } from "node:stream"

/** The headers of a request, with names in lower case. */
export const headersOf = (request: Http.IncomingMessage): Record<string, string> =>
  Object.fromEntries(
    Object.entries(request.headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, typeof value === "string" ? value : value.join(", ")]]
    )
  )

/** Breaks a connection as a failing network does: RST, no close frame. */
export const reset = (socket: Duplex): void => {
  if ("resetAndDestroy" in socket) (socket as Net.Socket).resetAndDestroy()
  else socket.destroy()
}

/** The body of a request, of at most `limit` bytes. */
export const readBody = (
  request: Http.IncomingMessage,
  limit: number
): Effect.Effect<Uint8Array, "TooLarge" | "Gone"> =>
  Effect.async((resume) => {
    const chunks: Array<Uint8Array> = []
    let size = 0
    request.on("data", (chunk: Uint8Array) => {
      size += chunk.length
      if (size > limit) resume(Effect.fail("TooLarge"))
      else chunks.push(chunk)
    })
    request.on("end", () => {
      const bytes = new Uint8Array(size)
      let at = 0
      for (const chunk of chunks) {
        bytes.set(chunk, at)
        at += chunk.length
      }
      resume(Effect.succeed(bytes))
    })
    request.on("error", () => resume(Effect.fail("Gone")))
    request.on("close", () => resume(Effect.fail("Gone")))
  })
