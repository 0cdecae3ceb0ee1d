/**
 * Why a connection or a session ended. Each error carries the facts that decide what follows; what does follow is said by
 * {@link module:Recovery}.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { OwnershipLost } from "./Ownership.ts"

/**
 * How far a connection had come.
 *
 * @since 0.1.0
 * @category models
 */
export const Phase = Schema.Literal("Connecting", "Greeting", "Identifying", "Resuming", "Ready")

/**
 * @since 0.1.0
 * @category models
 */
export type Phase = typeof Phase.Type

const optionalNumber = Schema.optional(Schema.Number)
const optionalString = Schema.optional(Schema.String)
const optionalDuration = Schema.optional(Schema.DurationFromSelf)
const optionalCause = Schema.optional(Schema.Defect)

/**
 * There is nothing to connect with yet: no token, or no usable answer from `/gateway/bot`.
 *
 * @since 0.1.0
 * @category errors
 */
export class GatewayUnavailable extends Schema.TaggedError<GatewayUnavailable>()("GatewayUnavailable", {
  /** What was missing. */
  of: Schema.Literal("Token", "Metadata"),
  reason: Schema.Literal("Transport", "TimedOut", "Refused", "RateLimited", "Malformed", "Exhausted"),
  /** What was wrong with it, in words. Never holds a secret. */
  detail: Schema.String,
  /** The least time to wait. */
  retryAfter: optionalDuration,
  status: optionalNumber,
  code: optionalNumber,
  traceId: optionalString,
  cause: optionalCause
}) {
  override get message(): string {
    if (this.of === "Metadata") return `no gateway metadata: ${this.detail}`
    return `no access token: ${this.detail}${this.code === undefined ? "" : ` (code ${this.code})`}`
  }
  get hint(): string {
    return this.reason === "RateLimited"
      ? "the platform asks for fewer requests; retrying after a pause"
      : "could not reach the platform or parse its answer; retrying"
  }
}

/**
 * The gateway says that the session is over, or may be: close codes 4006, 4007, 4009, 49xx and kin, or op 9.
 *
 * @since 0.1.0
 * @category errors
 */
export class SessionInvalid extends Schema.TaggedError<SessionInvalid>()("SessionInvalid", {
  /** The close code, when there was one. */
  code: optionalNumber,
  /** Whether the gateway lets the session be resumed. */
  resumable: Schema.Boolean,
  /** What ended the session: a close frame, an op 9, our own limit on a session's age, or a frame that is too large to be read. */
  by: Schema.Literal("Close", "InvalidSession", "Age", "Frame"),
  detail: Schema.String
}) {
  override get message(): string {
    const code = this.code === undefined ? "" : ` (${this.code})`
    return `the session is ${this.resumable ? "interrupted" : "invalid"}${code}: ${this.detail}`
  }
  get hint(): string {
    return this.resumable ? "the session is resumed" : "a new session is made"
  }
}

/**
 * A heartbeat and the probe after it were not answered: the connection is dead, whatever the socket says.
 *
 * @since 0.1.0
 * @category errors
 */
export class HeartbeatTimeout extends Schema.TaggedError<HeartbeatTimeout>()("HeartbeatTimeout", {
  interval: Schema.DurationFromSelf,
  /** Time since the last frame of any kind. */
  silence: Schema.DurationFromSelf
}) {
  override get message(): string {
    return "no answer to a heartbeat and to the probe after it"
  }
  get hint(): string {
    return "the connection was half open; it is replaced and the session resumed"
  }
}

/**
 * The connection is to be replaced although nothing is wrong with it: op 7, `Gateway.reconnectNow`, or an inbox that is
 * ready for what it had to let pass.
 *
 * @since 0.1.0
 * @category errors
 */
export class ReconnectRequested extends Schema.TaggedError<ReconnectRequested>()("ReconnectRequested", {
  by: Schema.Literal("Server", "Caller", "Inbox")
}) {
  override get message(): string {
    return `reconnect requested by the ${this.by.toLowerCase()}`
  }
  get hint(): string {
    return "the session is resumed on a new connection"
  }
}

/**
 * The connection broke, or never came to be.
 *
 * @since 0.1.0
 * @category errors
 */
export class ConnectionLost extends Schema.TaggedError<ConnectionLost>()("ConnectionLost", {
  phase: Phase,
  reason: Schema.Literal(
    "OpenFailed",
    "OpenTimeout",
    "HelloTimeout",
    "ReadyTimeout",
    "Closed",
    "Transport",
    "WriteFailed",
    "Defect"
  ),
  /** The close code. */
  code: optionalNumber,
  /** The HTTP status of a refused upgrade. */
  status: optionalNumber,
  retryAfter: optionalDuration,
  detail: Schema.String,
  cause: optionalCause
}) {
  override get message(): string {
    const facts = [
      this.code === undefined ? [] : [`code ${this.code}`],
      this.status === undefined ? [] : [`HTTP ${this.status}`],
      this.detail === "" ? [] : [this.detail]
    ].flat()
    return `connection lost while ${this.phase.toLowerCase()} (${[this.reason, ...facts].join(", ")})`
  }
  get hint(): string {
    return "reconnecting with backoff"
  }
}

/**
 * The gateway refuses the bot for a reason that connecting again cannot mend.
 *
 * @since 0.1.0
 * @category errors
 */
export class GatewayRejected extends Schema.TaggedError<GatewayRejected>()("GatewayRejected", {
  code: optionalNumber,
  detail: Schema.String,
  /** What a person can do about it. */
  hint: Schema.String
}) {
  override get message(): string {
    return `the gateway rejects this bot${this.code === undefined ? "" : ` (${this.code})`}: ${this.detail}`
  }
}

/**
 * The platform does not know this app id, or not with this secret.
 *
 * @since 0.1.0
 * @category errors
 */
export class CredentialsRejected extends Schema.TaggedError<CredentialsRejected>()("CredentialsRejected", {
  code: optionalNumber,
  detail: Schema.String,
  traceId: optionalString
}) {
  override get message(): string {
    return `the credentials are rejected${this.code === undefined ? "" : ` (${this.code})`}: ${this.detail}`
  }
  get hint(): string {
    return "check QQ_APP_ID and QQ_APP_SECRET against the QQ open platform's console; a banned or deleted bot is refused like this too"
  }
}

/**
 * This machine's address is not on the bot's allow-list: 11298 from the API, 4924 from the gateway.
 *
 * @since 0.1.0
 * @category errors
 */
export class IpNotAllowed extends Schema.TaggedError<IpNotAllowed>()("IpNotAllowed", {
  code: optionalNumber,
  detail: Schema.String,
  traceId: optionalString
}) {
  override get message(): string {
    return `this address is not allowed${this.code === undefined ? "" : ` (${this.code})`}: ${this.detail}`
  }
  get hint(): string {
    return "add this machine's public IPv4 address to the bot's IP allow-list in the QQ open platform's console"
  }
}

/**
 * Ends of a connection after which another is made.
 *
 * @since 0.1.0
 * @category errors
 */
export type Recoverable = GatewayUnavailable | SessionInvalid | HeartbeatTimeout | ReconnectRequested | ConnectionLost

/**
 * Refusals that a person has to mend.
 *
 * @since 0.1.0
 * @category errors
 */
export type Refusal = GatewayRejected | CredentialsRejected | IpNotAllowed

/**
 * Every way for a connection to end.
 *
 * @since 0.1.0
 * @category errors
 */
export type GatewayError = Recoverable | Refusal | OwnershipLost

/**
 * The session has ended for good. `because` says why, `hint` what to do about it.
 *
 * @since 0.1.0
 * @category errors
 */
export class GatewayStopped extends Schema.TaggedError<GatewayStopped>()("GatewayStopped", {
  because: Schema.Union(GatewayRejected, CredentialsRejected, IpNotAllowed, OwnershipLost)
}) {
  override get message(): string {
    return `${this.because.message}. ${this.because.hint}`
  }
  get hint(): string {
    return this.because.hint
  }
}
