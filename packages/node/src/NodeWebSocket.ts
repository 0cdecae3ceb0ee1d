/**
 * The WebSocket that the gateway session dials with: always the `ws` package, whatever the version of Node.js, so that
 * the behaviour does not change with it.
 *
 * What the WHATWG interface throws away is kept: the HTTP status of a refused upgrade, and `terminate`.
 *
 * @since 0.1.0
 */
import { RetryAfter } from "@effect-qq/core"
import * as Socket from "@effect/platform/Socket"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Http from "node:http"
import type * as WebSocket from "ws"
import * as NodeProxy from "./NodeProxy.ts"

/**
 * The server answered the request for an upgrade with something other than 101. It is the `error` of the first `error`
 * event of the socket; a `close` event with code 1006 follows.
 *
 * @since 0.1.0
 * @category errors
 */
export class HandshakeRefused extends Schema.TaggedError<HandshakeRefused>()("HandshakeRefused", {
  /** The HTTP status; 0 when the answer had none. */
  status: Schema.Number,
  /** The least time to wait, from the `retry-after` header, as it was asked for: the session caps it. */
  retryAfter: Schema.optional(Schema.DurationFromSelf)
}) {
  override get message(): string {
    return `the upgrade to a WebSocket was answered with HTTP ${this.status}`
  }
}

/**
 * What {@link layer} takes.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * The agent that makes the connection, such as one for an HTTP CONNECT proxy. Default: the agent of Node.js, which
   * connects directly. An agent of one's own answers for its own TLS settings.
   */
  readonly agent?: Http.Agent | ((url: string) => Http.Agent | undefined) | undefined
  /** The largest message that is read, in bytes; a larger one closes the connection with 1009. Default 64 MiB. */
  readonly maximumPayload?: number | undefined
  /** The longest that TCP, TLS and the upgrade may take together. Default 10 s. */
  readonly handshakeTimeout?: Duration.DurationInput | undefined
}

const defaultMaximumPayload = 64 * 1024 * 1024

/**
 * Makes the constructor. It throws a `SyntaxError` for a malformed URL, as that of a browser does.
 *
 * The objects are those of `ws`: text arrives as a string, binary as a `Buffer`, and there is `terminate()`, which ends
 * the connection at once. Certificates are always verified, even where the environment says otherwise.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options?: Options
): Effect.Effect<(url: string, protocols?: string | Array<string>) => globalThis.WebSocket> =>
  Effect.gen(function* () {
    const clock = yield* Effect.clock
    const ws = yield* Effect.promise(() => import("ws"))
    const settings: WebSocket.ClientOptions = {
      perMessageDeflate: false,
      maxPayload: options?.maximumPayload ?? defaultMaximumPayload,
      handshakeTimeout: Duration.toMillis(options?.handshakeTimeout ?? "10 seconds"),
      rejectUnauthorized: true
    }
    return (url, protocols) => {
      const agent = typeof options?.agent === "function" ? options.agent(url) : options?.agent
      const socket = new ws.WebSocket(url, protocols, agent === undefined ? settings : { ...settings, agent })
      // A user of the socket may listen once, or stop listening; an `error` event without a listener ends the process.
      socket.on("error", () => {})
      socket.on("unexpected-response", (_request, response) => {
        socket.emit(
          "error",
          new HandshakeRefused({
            status: response.statusCode ?? 0,
            retryAfter: RetryAfter.parse(response.headers["retry-after"], clock.unsafeCurrentTimeMillis())
          })
        )
        // With a listener here, `ws` leaves it to us to end the request; this also brings the `close` event.
        socket.terminate()
      })
      return socket as unknown as globalThis.WebSocket
    }
  })

/**
 * The constructor as a layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: Options): Layer.Layer<Socket.WebSocketConstructor> =>
  Layer.effect(Socket.WebSocketConstructor, make(options))

/**
 * The constructor as a layer, through the proxies of {@link module:NodeProxy}; `None` connects directly.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerProxied = (proxies: Option.Option<NodeProxy.Proxies>): Layer.Layer<Socket.WebSocketConstructor> =>
  Option.match(proxies, {
    onNone: () => layer(),
    onSome: (proxies) => Layer.unwrapEffect(Effect.map(NodeProxy.agents(proxies), (agent) => layer({ agent })))
  })
