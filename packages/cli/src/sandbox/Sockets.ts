/**
 * The WebSockets of a sandbox: passes the input of clients to the model, and applies the outputs of the model to sockets.
 *
 * @since 0.1.0
 */
import type { Model } from "@effect-qq/core/testing"
import * as Effect from "effect/Effect"
import type * as Buffer from "node:buffer"
import * as Http from "node:http"
import type { Duplex } from "node:stream"
import * as WebSocket from "ws"
import type { Engine } from "./Engine.ts"
import { headersOf, reset } from "./Wire.ts"

/** Bytes of a frame from a client. */
const maximumFrame = 1024 * 1024

/** RFC 6455 allows 1000–1014 without the reserved ones, and 3000–4999. */
const isSendable = (code: number): boolean =>
  (code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006) || (code >= 3000 && code <= 4999)

/** A close frame holds 123 bytes of reason; the rest is cut at a character. */
const reasonOf = (reason: string): string =>
  new TextDecoder("utf-8").decode(new TextEncoder().encode(reason).subarray(0, 123)).replace(/\uFFFD+$/u, "")

interface Connection {
  readonly socket: WebSocket.WebSocket
  readonly tcp: Duplex
  frozen: boolean
}

/**
 * The open connections by the model's numbers.
 *
 * @since 0.1.0
 * @category models
 */
export class Sockets {
  private readonly connections = new Map<number, Connection>()
  private readonly server = new WebSocket.WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: maximumFrame
  })

  /** Applies an output of the model. */
  readonly apply = (output: Model.Output): void => {
    const connection = this.connections.get(output.connection)
    if (connection === undefined || connection.frozen) return
    switch (output._tag) {
      case "Frame":
        connection.socket.send(output.text)
        break
      case "Binary":
        connection.socket.send(output.bytes, { binary: true })
        break
      case "Close":
        this.connections.delete(output.connection)
        if (isSendable(output.code)) connection.socket.close(output.code, reasonOf(output.reason))
        else if (output.code === 1005) connection.socket.close()
        else reset(connection.tcp)
        break
      case "Drop":
        this.connections.delete(output.connection)
        reset(connection.tcp)
        break
      case "Freeze":
        connection.frozen = true
        // What comes is thrown away unread, so that even a close frame gets no answer, while the end of the TCP
        // connection is still noticed: a paused socket would count as open long after its client had left.
        connection.tcp.removeAllListeners("data")
        connection.tcp.resume()
        break
    }
  }

  /** Takes the upgrade requests of a server. `run` logs a defect, which ends the connection that met it. */
  readonly accept = (server: Http.Server, engine: Engine, run: (effect: Effect.Effect<void>) => void): void => {
    const contained =
      <Arguments extends ReadonlyArray<unknown>>(tcp: Duplex, use: (...values: Arguments) => void) =>
      (...values: Arguments): void => {
        try {
          use(...values)
        } catch (defect) {
          run(Effect.logError("The sandbox closes a connection after an internal error", defect))
          reset(tcp)
        }
      }
    server.on("upgrade", (request, tcp, head) => {
      tcp.on("error", () => {})
      contained(tcp, () => this.upgraded(engine, request, tcp, head, contained))()
    })
  }

  private open(
    engine: Engine,
    id: number,
    socket: WebSocket.WebSocket,
    tcp: Duplex,
    contained: <A extends ReadonlyArray<unknown>>(tcp: Duplex, use: (...values: A) => void) => (...values: A) => void
  ): void {
    const { model, step } = engine
    this.connections.set(id, { socket, tcp, frozen: false })
    // What `ws` finds wrong with a frame is followed by the close event.
    socket.on("error", () => {})
    socket.on(
      "message",
      contained(tcp, (data: Buffer.Buffer, isBinary: boolean) => {
        const connection = this.connections.get(id)
        if (connection === undefined || connection.frozen) return
        const payload = isBinary ? data : data.toString("utf8")
        step(
          (now) => model.received(now, id, payload),
          () => ({ _tag: "Received", connection: id, payload })
        )
      })
    )
    socket.on(
      "close",
      contained(tcp, (code: number) => {
        this.connections.delete(id)
        // 1006 stands for a connection that broke; it is never on the wire.
        step((now) => model.closed(now, id, code === 1006 ? undefined : code))
      })
    )
    step((now) => model.opened(now, id))
  }

  private upgraded(
    engine: Engine,
    request: Http.IncomingMessage,
    tcp: Duplex,
    head: Buffer.Buffer,
    contained: <A extends ReadonlyArray<unknown>>(tcp: Duplex, use: (...values: A) => void) => (...values: A) => void
  ): void {
    const { model, step } = engine
    const upgrade = step((now) => model.upgrade(now, { path: request.url ?? "/", headers: headersOf(request) }))
    switch (upgrade._tag) {
      case "Accept": {
        const { connection } = upgrade
        const abandoned = (): void => step((now) => model.closed(now, connection))
        tcp.once("close", abandoned)
        this.server.handleUpgrade(request, tcp, head, (socket) => {
          tcp.off("close", abandoned)
          this.open(engine, connection, socket, tcp, contained)
        })
        break
      }
      case "Refuse": {
        const headers = { ...upgrade.headers, connection: "close", "content-length": "0" }
        const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
        const reason = Http.STATUS_CODES[upgrade.status] ?? "Refused"
        tcp.end([`HTTP/1.1 ${upgrade.status} ${reason}`, ...lines, "", ""].join("\r\n"))
        break
      }
      case "Unreachable":
        reset(tcp)
        break
      case "Silence":
        break
    }
  }
}
