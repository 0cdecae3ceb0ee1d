/**
 * A socket whose callbacks run the {@link Protocol}. Whatever must not wait behind events (HELLO, ACKs, signs of life, op 1,
 * op 7, op 9) is done here, in the callback; what needs an effect is left to the fiber that waits for {@link LiveSocket.happened}.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Monotonic from "../internal/Monotonic.ts"
import { Signal } from "../internal/Signal.ts"
import * as Wire from "../internal/Wire.ts"
import * as RetryAfter from "../openapi/RetryAfter.ts"
import * as Frame from "./Frame.ts"
import { ConnectionLost, type GatewayError, type Phase } from "./GatewayError.ts"
import * as GatewayMetrics from "./GatewayMetrics.ts"
import { type Action, type Protocol, tooLarge } from "./Protocol.ts"

/**
 * The part of the WHATWG `WebSocket` that is used, with the `terminate` that Node's `ws` adds to it.
 *
 * @since 0.1.0
 * @category models
 */
export interface WebSocketLike {
  readonly readyState: number
  binaryType: string
  readonly addEventListener: (type: string, listener: (event: WebSocketEvent) => void) => void
  readonly send: (data: string) => void
  /** Bytes that were given to `send` and have not left yet. */
  readonly bufferedAmount?: number | undefined
  readonly close: (code?: number) => void
  /** Drops the TCP connection without a closing handshake. */
  readonly terminate?: (() => void) | undefined
}

/**
 * What the events of a {@link WebSocketLike} may hold.
 *
 * @since 0.1.0
 * @category models
 */
export interface WebSocketEvent {
  readonly data?: unknown
  readonly code?: number | undefined
  readonly reason?: string | undefined
  readonly message?: string | undefined
  readonly error?: unknown
}

/**
 * What is called from the socket's callbacks.
 *
 * @since 0.1.0
 * @category models
 */
export interface Listener {
  /** How the ownership of the bot was lost, asked before each frame in or out; `undefined` while it is held. Default: held. */
  readonly disowned?: (() => GatewayError | undefined) | undefined
  /** The value of a heartbeat. */
  readonly heartbeatSeq: () => number | null
  readonly onReady: (sessionId: string, frame: Frame.Frame) => void
  readonly onResumed: (frame: Frame.Frame) => void
  /** `size`: the UTF-16 code units of the frame's text. */
  readonly onDispatch: (frame: Frame.Frame, size: number) => void
}

/** What `ws` says of a message beyond its `maxPayload`. */
const tooLargeForSocket = "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH"

/** What a failed upgrade or a broken connection tells, in the shapes that Node's `ws` and the tests use. */
const fromErrorEvent = (event: WebSocketEvent, phase: Phase, granted: RetryAfter.Grant | undefined): GatewayError => {
  const code = Wire.textField(event.error, "code")
  if (code === tooLargeForSocket) return tooLarge("a frame is larger than the socket takes")
  return new ConnectionLost({
    phase,
    reason: phase === "Connecting" ? "OpenFailed" : "Transport",
    status: Wire.numberField(event.error, "status"),
    retryAfter: granted !== undefined && Duration.greaterThan(granted.wait, Duration.zero) ? granted.wait : undefined,
    detail: Wire.printable(code || (event.message ?? "")),
    cause: event.error
  })
}

const OPEN = 1

/** Maximum number of refused frames of one connection that are logged; all are counted. */
const refusalsLogged = 16

/**
 * One socket and what has happened on it.
 *
 * @since 0.1.0
 * @category models
 */
export class LiveSocket {
  readonly opened = new Signal()
  /** HELLO came. */
  readonly greeted = new Signal()
  /** The heartbeat interval of HELLO, as it came. */
  interval: unknown
  /** READY, RESUMED or the first replayed dispatch came. */
  readonly live = new Signal()
  readonly closed = new Signal()
  /** Raised while something has happened that needs an effect. */
  readonly happened = new Signal()
  /** How the connection ended. */
  ended: GatewayError | undefined
  doubt: Extract<Action, { readonly _tag: "Doubt" }> | undefined
  /** What was odd about the answer to the upgrade, for the log. */
  warning: string | undefined
  /** Number of frames that were refused. */
  refused = 0
  /** Nothing that the socket still says is heard. */
  retired = false
  #refusals: Array<string> = []
  #tasks: Array<Effect.Effect<void>> = []
  readonly #listener: Listener
  readonly #protocol: Protocol
  readonly #clock: Clock.Clock
  readonly #maximumRetryAfter: Duration.Duration

  constructor(listener: Listener, protocol: Protocol, clock: Clock.Clock, maximumRetryAfter: Duration.Duration) {
    this.#listener = listener
    this.#maximumRetryAfter = maximumRetryAfter
    this.#protocol = protocol
    this.#clock = clock
  }

  /** Opens the socket. Throws what the constructor throws. */
  open(construct: () => WebSocketLike): WebSocketLike {
    const socket = construct()
    socket.binaryType = "arraybuffer"
    socket.addEventListener(
      "open",
      this.#guarded(() => {
        this.#protocol.opened(Monotonic.unsafeMillis(this.#clock))
        this.opened.raise()
      })
    )
    socket.addEventListener(
      "message",
      this.#guarded((event) => {
        if (!this.#isOwner()) return
        this.#perform(socket, this.#protocol.receive(event.data, Monotonic.unsafeMillis(this.#clock)))
      })
    )
    socket.addEventListener(
      "error",
      this.#guarded((event) => {
        if (this.ended === undefined) this.#protocol.failed()
        const asked = [Wire.field(event.error, "retryAfter")]
        const granted = RetryAfter.grant(asked, this.#clock.unsafeCurrentTimeMillis(), this.#maximumRetryAfter)
        this.warning ??= granted?.warning
        this.end(fromErrorEvent(event, this.#protocol.phase, granted))
      })
    )
    socket.addEventListener("close", (event) => {
      this.closed.raise()
      if (!this.retired && this.ended === undefined)
        this.end(this.#protocol.closed(event.code ?? 1006, event.reason ?? ""))
    })
    return socket
  }

  /** Ends the connection, unless it has ended already. */
  end(error: GatewayError): void {
    this.ended ??= error
    this.happened.raise()
  }

  /** Writes one frame; whether it went out. */
  write(socket: WebSocketLike, frame: string): boolean {
    if (this.retired || this.ended !== undefined || !this.#isOwner()) return false
    if (socket.readyState !== OPEN) {
      this.#suspect(this.#protocol.unwritable())
      return false
    }
    try {
      socket.send(frame)
      return true
    } catch (cause) {
      const detail = "the socket refused a frame"
      this.end(new ConnectionLost({ phase: this.#protocol.phase, reason: "WriteFailed", detail, cause }))
      return false
    }
  }

  /** Whether all that was written has left this machine, or never will. */
  isFlushed(socket: WebSocketLike): boolean {
    return this.ended !== undefined || socket.readyState !== OPEN || (socket.bufferedAmount ?? 0) === 0
  }

  /** Sends a heartbeat. */
  beat(socket: WebSocketLike): void {
    this.#protocol.beats(Monotonic.unsafeMillis(this.#clock))
    this.write(socket, Frame.heartbeat(this.#listener.heartbeatSeq()))
  }

  /** A defect of this library ends the connection, not the process. */
  defect(cause: unknown): ConnectionLost {
    return new ConnectionLost({
      phase: this.#protocol.phase,
      reason: "Defect",
      detail: "a defect inside the client",
      cause
    })
  }

  /** Leaves an effect to the fiber that waits for {@link LiveSocket.happened}. */
  attend(task: Effect.Effect<void>): void {
    this.#tasks.push(task)
    this.happened.raise()
  }

  /** The effects that were left and have not run yet. */
  takeTasks(): ReadonlyArray<Effect.Effect<void>> {
    const tasks = this.#tasks
    if (tasks.length > 0) this.#tasks = []
    return tasks
  }

  /** The refusals that have not been logged yet. */
  takeRefusals(): ReadonlyArray<string> {
    const refusals = this.#refusals
    if (refusals.length > 0) this.#refusals = []
    return refusals
  }

  /** Whether this process may act for the bot; where it may not, the connection ends. */
  #isOwner(): boolean {
    const lost = this.#listener.disowned?.()
    if (lost === undefined) return true
    this.end(lost)
    return false
  }

  #perform(socket: WebSocketLike, action: Action): void {
    switch (action._tag) {
      case "None":
        return
      case "Dispatch":
        if (action.confirmed) this.live.raise()
        return this.#listener.onDispatch(action.frame, action.size)
      case "Acknowledged":
        return GatewayMetrics.roundTrip.unsafeUpdate(action.roundTrip, [])
      case "Beat":
        return this.beat(socket)
      case "Greeted":
        if (!this.greeted.isRaised) this.interval = action.interval
        return this.greeted.raise()
      case "Ready":
        this.#becomeLive()
        return this.#listener.onReady(action.sessionId, action.frame)
      case "Resumed":
        this.#becomeLive()
        return this.#listener.onResumed(action.frame)
      case "Refused":
        return this.#refuse(action.reason)
      case "End":
        if (action.refused !== undefined) this.#refuse(action.refused)
        return this.end(action.error)
      case "Doubt":
        return this.#suspect(action)
    }
  }

  #becomeLive(): void {
    this.live.raise()
    this.happened.raise()
  }

  #suspect(doubt: Extract<Action, { readonly _tag: "Doubt" }>): void {
    this.doubt ??= doubt
    this.happened.raise()
  }

  #refuse(reason: string): void {
    this.refused++
    GatewayMetrics.framesRefused.unsafeUpdate(1, [])
    if (this.refused > refusalsLogged) return
    this.#refusals.push(reason)
    this.happened.raise()
  }

  #guarded(listener: (event: WebSocketEvent) => void): (event: WebSocketEvent) => void {
    return (event) => {
      if (this.retired) return
      try {
        listener(event)
      } catch (cause) {
        this.end(this.defect(cause))
      }
    }
  }
}

/**
 * How many refusals of a connection were not logged one by one.
 *
 * @since 0.1.0
 * @category lookups
 */
export const unlogged = (socket: LiveSocket): number => Math.max(0, socket.refused - refusalsLogged)
