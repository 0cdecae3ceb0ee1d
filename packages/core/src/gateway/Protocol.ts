/**
 * The client's side of one gateway connection without input or output: what a frame or a close means, what has to be
 * sent, and what the session has to be told. `Connection` owns the socket and the fibers and does what this says.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Wire from "../internal/Wire.ts"
import * as CloseCode from "./CloseCode.ts"
import * as Disconnect from "./Disconnect.ts"
import * as Frame from "./Frame.ts"
import { ConnectionLost, type GatewayError, type Phase, ReconnectRequested, SessionInvalid } from "./GatewayError.ts"
import type { SessionPolicy } from "./SessionPolicy.ts"

/**
 * What a connection has to do about a frame.
 *
 * - `None`: nothing.
 * - `Greeted`: HELLO; identify or resume. `interval` is what it says of heartbeats, as it came.
 * - `Ready`, `Resumed`: the session is live.
 * - `Dispatch`: an event. `confirmed`: it shows that a resume was accepted, before RESUMED.
 * - `Acknowledged`: a heartbeat came back after `roundTrip` milliseconds.
 * - `Beat`: the server asks for a heartbeat at once.
 * - `Refused`: the frame cannot be used.
 * - `End`: the connection is over; `refused` is why its last frame cannot be used.
 * - `Doubt`: it is probably over. A close frame that explains it often follows: wait `grace` for it.
 *
 * @since 0.1.0
 * @category models
 */
export type Action =
  | { readonly _tag: "None" }
  | { readonly _tag: "Greeted"; readonly interval: unknown }
  | { readonly _tag: "Ready"; readonly sessionId: string; readonly frame: Frame.Frame }
  | { readonly _tag: "Resumed"; readonly frame: Frame.Frame }
  | { readonly _tag: "Dispatch"; readonly frame: Frame.Frame; readonly size: number; readonly confirmed: boolean }
  | { readonly _tag: "Acknowledged"; readonly roundTrip: number }
  | { readonly _tag: "Beat" }
  | { readonly _tag: "Refused"; readonly reason: string }
  | { readonly _tag: "End"; readonly error: GatewayError; readonly refused?: string | undefined }
  | { readonly _tag: "Doubt"; readonly error: GatewayError; readonly grace: Duration.Duration }

const none: Action = { _tag: "None" }

const beat: Action = { _tag: "Beat" }

/**
 * The error of a frame that is too large to be read.
 *
 * @since 0.1.0
 * @category constructors
 */
export const tooLarge = (detail: string): SessionInvalid =>
  new SessionInvalid({ resumable: false, by: "Frame", detail })

/**
 * How long the handshake may still take, in milliseconds, or the error of a handshake that took too long. `undefined`:
 * the handshake is over, or no time is limited right now.
 *
 * @since 0.1.0
 * @category models
 */
export type Deadline = { readonly left: number } | { readonly late: ConnectionLost }

/**
 * One connection. All times are monotonic milliseconds: a wall clock that is set changes nothing.
 *
 * @since 0.1.0
 * @category models
 */
export class Protocol {
  readonly #policy: SessionPolicy
  readonly #resume: Option.Option<{ readonly sessionId: string; readonly sequence: number }>

  #phase: Phase = "Connecting"
  readonly #dialledAt: number
  #openedAt: number | undefined
  #greetingAt: number | undefined
  #readyAt: number | undefined
  #sent: Disconnect.Disconnect["sent"]
  #sentAt: number | undefined
  #longestSilence = Number.POSITIVE_INFINITY
  /** Whether the peer, or the network, ended the connection. */
  #isEndedByPeer = false
  #close: CloseCode.CloseCodeRow | undefined
  /** The payload of the first op 9, and when it came. */
  #invalid: { readonly resumable: boolean; readonly at: number } | undefined
  #confirmed = false
  #progressed = false
  #answered = false
  #awaiting = false
  #beatAt: number | undefined
  #lastFrameAt: number
  #roundTrip: number | undefined

  constructor(options: {
    readonly policy: SessionPolicy
    /** The session to resume; none means identify. */
    readonly resume: Option.Option<{ readonly sessionId: string; readonly sequence: number }>
    readonly dialledAt: number
  }) {
    this.#policy = options.policy
    this.#resume = options.resume
    this.#dialledAt = options.dialledAt
    this.#lastFrameAt = options.dialledAt
  }

  /** How far the connection has come. */
  get phase(): Phase {
    return this.#phase
  }

  /** When the last frame of any kind came. */
  get lastFrameAt(): number {
    return this.#lastFrameAt
  }

  /**
   * Until when everything that the platform had to say was received. An op 9 ends the session when it comes: what is
   * received after it shows a living connection, and no session.
   */
  get heardUntil(): number {
    return this.#invalid?.at ?? this.#lastFrameAt
  }

  /** The last heartbeat's round trip in milliseconds. */
  get roundTrip(): number | undefined {
    return this.#roundTrip
  }

  /** Whether READY or RESUMED came. */
  get isReady(): boolean {
    return this.#readyAt !== undefined
  }

  /** Whether a frame came since the last heartbeat was sent. */
  get isAnswered(): boolean {
    return !this.#awaiting
  }

  /** The socket is open. */
  opened(now: number): void {
    this.#openedAt ??= now
  }

  /** The next step of the handshake begins. */
  enter(phase: Phase): void {
    this.#phase = phase
  }

  /** An identify or a resume went out. */
  introduced(sent: "Identify" | "Resume", now: number): void {
    this.#sent = sent
    this.#sentAt = now
  }

  /** How long, in milliseconds, a connection that is alive may be silent. */
  expects(silence: number): void {
    this.#longestSilence = silence
  }

  /** A heartbeat goes out now. */
  beats(now: number): void {
    this.#awaiting = true
    this.#beatAt = now
  }

  /** A text or binary message of the socket. */
  receive(data: unknown, now: number): Action {
    const frame = Frame.parse(data)
    // a resume would bring it again; and what came with it was not heard
    if (Frame.isMalformed(frame) && frame.reason === "TooLarge") {
      const error = tooLarge(`a frame of ${frame.size} characters is more than is read`)
      return { _tag: "End", error, refused: `${frame.reason} (${frame.size})` }
    }
    this.#lastFrameAt = now
    if (this.#awaiting) {
      this.#awaiting = false
      if (this.#readyAt !== undefined) this.#answered = true
    }
    if (Frame.isMalformed(frame)) return { _tag: "Refused", reason: `${frame.reason} (${frame.size})` }
    switch (frame.op) {
      case Frame.Opcode.Dispatch:
        return this.#dispatch(frame, now, typeof data === "string" ? data.length : 0)
      case Frame.Opcode.HeartbeatAck:
        return this.#acknowledged(now)
      case Frame.Opcode.Heartbeat:
        return beat
      case Frame.Opcode.Reconnect:
        // it has no meaning for a session that is already over
        return this.#invalid === undefined ? { _tag: "End", error: new ReconnectRequested({ by: "Server" }) } : none
      case Frame.Opcode.InvalidSession:
        return this.#invalidated(frame.d === true, now)
      case Frame.Opcode.Hello:
        this.#greetingAt = now
        return { _tag: "Greeted", interval: Wire.field(frame.d, "heartbeat_interval") }
      default:
        return { _tag: "Refused", reason: `unknown opcode ${frame.op}` }
    }
  }

  /** The socket reported an error. */
  failed(): void {
    this.#isEndedByPeer = true
  }

  /** The error that the peer's close frame stands for; 1006 where the connection broke without one. */
  closed(code: number, reason: string): GatewayError {
    this.#isEndedByPeer = true
    this.#close = CloseCode.lookup(code)
    return Disconnect.fromClose(this.#close, reason, this.#phase, this.#invalid?.resumable)
  }

  /** A frame could not be written. After the peer's close frame the close event is still to come; its code decides. */
  unwritable(): Extract<Action, { readonly _tag: "Doubt" }> {
    const error = new ConnectionLost({ phase: this.#phase, reason: "WriteFailed", detail: "the socket is not open" })
    return { _tag: "Doubt", error, grace: this.#policy.closeTimeout }
  }

  /** What is left of the time that the current step of the handshake may take. */
  deadline(now: number): Deadline | undefined {
    const { helloTimeout, openTimeout, readyTimeout } = this.#policy
    if (this.#readyAt !== undefined) return undefined
    if (this.#openedAt === undefined) {
      return this.#leftOf(now, this.#dialledAt, openTimeout, "OpenTimeout", "the socket did not open")
    }
    if (this.#greetingAt === undefined) {
      return this.#leftOf(now, this.#openedAt, helloTimeout, "HelloTimeout", "no HELLO")
    }
    if (this.#sent === undefined) return undefined
    return this.#leftOf(now, this.#lastFrameAt, readyTimeout, "ReadyTimeout", "no frame")
  }

  /** The facts of the end of this connection; `time` is when, in epoch milliseconds. */
  disconnect(error: GatewayError, now: number, time: number): Disconnect.Disconnect {
    const aliveUntil = this.#aliveUntil(now)
    return {
      error,
      close: this.#close,
      phase: this.#phase,
      at: now,
      time,
      greeted: this.#greetingAt !== undefined,
      sent: this.#sent,
      ready: this.#readyAt !== undefined,
      confirmed: this.#confirmed,
      progressed: this.#progressed,
      // an op 9 ends the session when it comes, not when its close frame does
      sinceGreeting: this.#greetingAt === undefined ? undefined : (this.#invalid?.at ?? aliveUntil) - this.#greetingAt,
      readyFor: this.#readyAt === undefined ? 0 : aliveUntil - this.#readyAt,
      sentAt: this.#sentAt,
      answered: this.#answered,
      invalidSession: this.#invalid?.resumable
    }
  }

  /**
   * Until when the connection was alive. That the peer ends it is a sign of life, unless the silence before was longer than
   * a live connection allows: then this machine slept, and the end is old.
   */
  #aliveUntil(now: number): number {
    if (this.#readyAt === undefined) return now
    return this.#isEndedByPeer && now - this.#lastFrameAt <= this.#longestSilence ? now : this.#lastFrameAt
  }

  #dispatch(frame: Frame.Frame, now: number, size: number): Action {
    if (frame.t === "READY") {
      const sessionId = Wire.field(frame.d, "session_id")
      if (typeof sessionId !== "string" || sessionId === "") {
        return { _tag: "Refused", reason: "READY without a session id" }
      }
      // READY in answer to a resume settles it too: there is a session now
      this.#becomeLive(now)
      return { _tag: "Ready", sessionId, frame }
    }
    if (frame.t === "RESUMED") {
      this.#becomeLive(now)
      return { _tag: "Resumed", frame }
    }
    this.#progressed = true
    const confirms = !this.#confirmed && this.#isReplayed(frame)
    if (confirms) this.#confirmed = true
    return { _tag: "Dispatch", frame, size, confirmed: confirms }
  }

  /** Whether a dispatch is one that the resumed session had not received. */
  #isReplayed(frame: Frame.Frame): boolean {
    return (
      this.#phase === "Resuming" &&
      frame.s !== undefined &&
      Option.isSome(this.#resume) &&
      frame.s > this.#resume.value.sequence
    )
  }

  #becomeLive(now: number): void {
    this.#confirmed = true
    this.#phase = "Ready"
    this.#readyAt = now
    this.#greetingAt = now
  }

  #acknowledged(now: number): Action {
    this.#progressed = true
    if (this.#beatAt === undefined) return none
    this.#roundTrip = now - this.#beatAt
    this.#beatAt = undefined
    return { _tag: "Acknowledged", roundTrip: this.#roundTrip }
  }

  #invalidated(resumable: boolean, now: number): Action {
    this.#invalid = { resumable, at: this.#invalid?.at ?? now }
    const error = new SessionInvalid({ resumable, by: "InvalidSession", detail: `op 9, d: ${resumable}` })
    return { _tag: "Doubt", error, grace: this.#policy.invalidSessionGrace }
  }

  #leftOf(
    now: number,
    since: number,
    limit: Duration.Duration,
    reason: ConnectionLost["reason"],
    detail: string
  ): Deadline {
    const patience = Duration.toMillis(limit)
    const left = since + patience - now
    if (left > 0) return { left }
    const late = `${detail} within ${Duration.format(limit)}`
    return { late: new ConnectionLost({ phase: this.#phase, reason, detail: late }) }
  }
}
