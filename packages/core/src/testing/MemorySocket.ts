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
import type { Upgrade } from "./model/Model.ts"
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

const checkSendable = (code: number | undefined): void => {
  if (code === undefined || isSendable(code)) return
  throw new TypeError("First argument must be a valid error code number")
}

const tooLarge = (): Error =>
  Object.assign(new RangeError("Max payload size exceeded"), { code: "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH" })

const unreachable = (): Error => Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" })

const refusalOf = ({ headers, status }: Extract<Upgrade, { readonly _tag: "Refuse" }>): UpgradeRefused =>
  Object.assign(new Error(`Unexpected server response: ${status}`), { status, retryAfter: headers["retry-after"] })

type Listener = (event: MemorySocketEvent) => void

/** The listeners of one socket, by the type of their event, in the order in which they were added. */
const makeListeners = () => {
  const registered = new Map<string, ReadonlyArray<{ readonly listener: Listener; readonly once: boolean }>>()
  const of = (type: string) => registered.get(type) ?? []
  return {
    /** Those that hear an event now; the ones that hear only one are removed. */
    take: (type: string): ReadonlyArray<Listener> => {
      const now = of(type)
      registered.set(
        type,
        now.filter(({ once }) => !once)
      )
      return now.map(({ listener }) => listener)
    },
    add: (type: string, listener: Listener, options?: { readonly once?: boolean }): void => {
      if (of(type).some((entry) => entry.listener === listener)) return
      registered.set(type, [...of(type), { listener, once: options?.once ?? false }])
    },
    remove: (type: string, listener: Listener): void => {
      registered.set(
        type,
        of(type).filter((entry) => entry.listener !== listener)
      )
    }
  }
}

const open = (runner: ModelRunnerShape, url: string): MemorySocket => {
  if (!/^wss?:\/\/[^/?#]/i.test(url)) throw new SyntaxError(`Invalid URL: ${url}`)
  const listeners = makeListeners()
  let readyState: MemorySocket["readyState"] = 0
  let connection: number | undefined
  let isFrozen = false
  let isTerminated = false

  const emit = (event: Omit<MemorySocketEvent, "target">): void => {
    for (const listener of listeners.take(event.type)) runner.guard(() => listener({ ...event, target: socket }))
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
      return fail(tooLarge())
    }
    const copied = typeof data === "string" || socket.binaryType !== "arraybuffer" ? data : data.slice().buffer
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
        return fail(unreachable())
      case "Refuse":
        return fail(refusalOf(answer))
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
    binaryType: "nodebuffer",
    addEventListener: listeners.add,
    removeEventListener: listeners.remove,
    send: (data) => {
      if (readyState === 0) throw new Error("WebSocket is not open: readyState 0 (CONNECTING)")
      const id = connection
      if (readyState !== 1 || id === undefined) return
      const payload = data instanceof ArrayBuffer ? new Uint8Array(data) : data
      runner.unsafeCall((model, now) => model.received(now, id, payload))
    },
    close: (code, reason = "") => {
      checkSendable(code)
      if (readyState >= 2) return
      if (readyState === 0) return abort()
      readyState = 2
      // The platform does not see the client leave a half-open connection.
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
