/**
 * WebSockets that lead to a model of the platform, in memory. They look like those of the `ws` package as far as a client
 * can tell: WHATWG events, plus `terminate`.
 *
 * Listeners are called by the runner's fiber, never inside a call to the socket.
 *
 * @since 0.1.0
 */
import * as Socket from "@effect/platform/Socket"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Frame from "../gateway/Frame.ts"
import { ModelRunner, type ModelRunnerShape } from "./ModelRunner.ts"

/**
 * What a listener is called with. Which fields there are depends on `type`: `data` for `message`; `code`, `reason` and
 * `wasClean` for `close`; `message` and `error` for `error`.
 *
 * @since 0.1.0
 * @category models
 */
export interface MemorySocketEvent {
  readonly type: "open" | "message" | "close" | "error"
  readonly target: MemorySocket
  readonly data?: string | Uint8Array | ArrayBuffer
  readonly code?: number
  readonly reason?: string
  readonly wasClean?: boolean
  readonly message?: string
  readonly error?: Error
}

/**
 * A refused upgrade: the `error` of the `error` event.
 *
 * @since 0.1.0
 * @category models
 */
export interface UpgradeRefused extends Error {
  /** The HTTP status. */
  readonly status: number
  /** The `retry-after` header, if there was one. */
  readonly retryAfter: string | undefined
}

/**
 * The socket.
 *
 * @since 0.1.0
 * @category models
 */
export interface MemorySocket {
  readonly url: string
  readonly protocol: ""
  readonly extensions: ""
  readonly bufferedAmount: 0
  /** 0 connecting, 1 open, 2 closing, 3 closed. */
  readonly readyState: 0 | 1 | 2 | 3
  /** `arraybuffer` gives binary frames as `ArrayBuffer`; anything else gives them as `Uint8Array`. */
  binaryType: string
  readonly addEventListener: (
    type: MemorySocketEvent["type"],
    listener: (event: MemorySocketEvent) => void,
    options?: { readonly once?: boolean }
  ) => void
  readonly removeEventListener: (type: MemorySocketEvent["type"], listener: (event: MemorySocketEvent) => void) => void
  /** Sends a frame. Throws while connecting; does nothing once closing, as `ws` does. */
  readonly send: (data: string | Uint8Array | ArrayBuffer) => void
  /**
   * Starts the closing handshake. The platform answers it and `close` comes, unless the connection is half open. While
   * connecting it aborts. Throws when a code is none that may be sent: 1000–1003, 1007–1014, 3000–4999.
   */
  readonly close: (code?: number, reason?: string) => void
  /** Breaks the connection: `close` comes with 1006, from a half-open connection too. */
  readonly terminate: () => void
}

const isSendable = (code: number): boolean =>
  (code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006) || (code >= 3000 && code <= 4999)

const pathOf = (url: string): string => url.replace(/^wss?:\/\/[^/?#]*/i, "")

const open = (runner: ModelRunnerShape, url: string): MemorySocket => {
  if (!/^wss?:\/\/[^/?#]/i.test(url)) throw new SyntaxError(`Invalid URL: ${url}`)
  const listeners = new Map<
    string,
    Array<{ readonly listener: (event: MemorySocketEvent) => void; readonly once: boolean }>
  >()
  let readyState: MemorySocket["readyState"] = 0
  let binaryType = "nodebuffer"
  let connection: number | undefined
  let isFrozen = false
  let isTerminated = false

  const emit = (event: Omit<MemorySocketEvent, "target">): void => {
    const registered = listeners.get(event.type) ?? []
    listeners.set(
      event.type,
      registered.filter((entry) => !entry.once)
    )
    for (const { listener } of registered) runner.guard(() => listener({ ...event, target: socket }))
  }

  const finish = (code: number, reason: string, wasClean: boolean): void => {
    if (readyState === 3) return
    readyState = 3
    if (connection !== undefined) runner.detach(connection)
    emit({ type: "close", code, reason, wasClean })
  }

  const fail = (error: Error): void => {
    if (readyState === 3) return
    readyState = 2
    emit({ type: "error", message: error.message, error })
    finish(1006, "", false)
  }

  const receive = (data: string | Uint8Array): void => {
    if (readyState === 3 || isTerminated) return
    if (data.length > Frame.maximumSize) {
      tellClosed(1009)
      const error = new RangeError("Max payload size exceeded")
      return fail(Object.assign(error, { code: "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH" }))
    }
    const copied = typeof data === "string" || binaryType !== "arraybuffer" ? data : data.slice().buffer
    emit({ type: "message", data: copied })
  }

  const tellClosed = (code: number | undefined): void => {
    const id = connection
    if (id !== undefined) runner.unsafeCall((model, now) => model.closed(now, id, code))
  }

  const abort = (): void => {
    readyState = 2
    runner.defer(() => fail(new Error("WebSocket was closed before the connection was established")))
  }

  const connect = (): void => {
    if (readyState !== 0) return
    const answer = runner.unsafeCall((model, now) => model.upgrade(now, { path: pathOf(url) }))
    switch (answer._tag) {
      case "Silence":
        return
      case "Unreachable":
        return fail(Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" }))
      case "Refuse": {
        const refusal: UpgradeRefused = Object.assign(new Error(`Unexpected server response: ${answer.status}`), {
          status: answer.status,
          retryAfter: answer.headers["retry-after"]
        })
        return fail(refusal)
      }
      case "Accept":
        break
    }
    const id = answer.connection
    connection = id
    readyState = 1
    runner.attach(id, {
      frame: receive,
      binary: receive,
      close: (code, reason) => finish(code, reason, true),
      drop: () => finish(1006, "", false),
      freeze: () => {
        isFrozen = true
      }
    })
    emit({ type: "open" })
    runner.unsafeCall((model, now) => model.opened(now, id))
  }

  const socket: MemorySocket = {
    url,
    protocol: "",
    extensions: "",
    bufferedAmount: 0,
    get readyState() {
      return readyState
    },
    get binaryType() {
      return binaryType
    },
    set binaryType(type) {
      binaryType = type
    },
    addEventListener: (type, listener, options) => {
      const registered = listeners.get(type) ?? []
      if (registered.some((entry) => entry.listener === listener)) return
      listeners.set(type, [...registered, { listener, once: options?.once ?? false }])
    },
    removeEventListener: (type, listener) => {
      listeners.set(
        type,
        (listeners.get(type) ?? []).filter((entry) => entry.listener !== listener)
      )
    },
    send: (data) => {
      if (readyState === 0) throw new Error("WebSocket is not open: readyState 0 (CONNECTING)")
      const id = connection
      if (readyState !== 1 || id === undefined) return
      const payload = data instanceof ArrayBuffer ? new Uint8Array(data) : data
      runner.unsafeCall((model, now) => model.received(now, id, payload))
    },
    close: (code, reason = "") => {
      if (code !== undefined && !isSendable(code)) {
        throw new TypeError("First argument must be a valid error code number")
      }
      if (readyState >= 2) return
      if (readyState === 0) return abort()
      readyState = 2
      // The platform does not see anybody leave a half-open connection.
      if (isFrozen) return
      tellClosed(code)
      // It may have become half open in this very moment: then the answer never comes.
      runner.defer(() => {
        if (!isFrozen && !isTerminated) finish(code ?? 1005, reason, true)
      })
    },
    terminate: () => {
      if (readyState === 3 || isTerminated) return
      if (readyState === 0) return abort()
      isTerminated = true
      readyState = 2
      tellClosed(undefined)
      runner.defer(() => finish(1006, "", false))
    }
  }

  runner.defer(connect)
  return socket
}

/**
 * Opens sockets to the model of the runner. Throws, as `ws` does, when a URL is none of a WebSocket.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<
  (url: string, protocols?: string | Array<string>) => MemorySocket,
  never,
  ModelRunner
> = Effect.map(ModelRunner, (runner) => (url) => open(runner, url))

/**
 * {@link make} in the place of real sockets.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<Socket.WebSocketConstructor, never, ModelRunner> = Layer.effect(
  Socket.WebSocketConstructor,
  Effect.map(make, (open) => open as unknown as Context.Tag.Service<typeof Socket.WebSocketConstructor>)
)
