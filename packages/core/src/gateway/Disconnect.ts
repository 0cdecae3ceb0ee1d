/**
 * How a connection ended, and what its close frame means. A close is judged here once: its row of the close table travels
 * with the disconnect.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Duration from "effect/Duration"
import * as Monotonic from "../internal/Monotonic.ts"
import * as Wire from "../internal/Wire.ts"
import type * as CloseCode from "./CloseCode.ts"
import {
  ConnectionLost,
  type GatewayError,
  GatewayRejected,
  IpNotAllowed,
  type Phase,
  SessionInvalid
} from "./GatewayError.ts"
import type { SessionPolicy } from "./SessionPolicy.ts"

/**
 * The facts of the end of a connection.
 *
 * @since 0.1.0
 * @category models
 */
export interface Disconnect {
  readonly error: GatewayError
  /** The row of the close code that ended it; `undefined` where no close frame did. */
  readonly close: CloseCode.CloseCodeRow | undefined
  /** How far the connection had come. */
  readonly phase: Phase
  /** When, in monotonic milliseconds: to be compared with the `at` of other disconnects only. */
  readonly at: number
  /** When, in epoch milliseconds. */
  readonly time: number
  /** Whether HELLO came. */
  readonly greeted: boolean
  /** What was sent after HELLO, if anything. */
  readonly sent: "Identify" | "Resume" | undefined
  /** Whether READY or RESUMED came. */
  readonly ready: boolean
  /** Whether a resume was confirmed: by RESUMED, or by a replayed dispatch that was new. */
  readonly confirmed: boolean
  /** Whether a dispatch other than READY and RESUMED, or an ACK, came. */
  readonly progressed: boolean
  /**
   * Milliseconds from the latest HELLO, READY or RESUMED of this socket to its last sign of life; `undefined` without a
   * HELLO.
   */
  readonly sinceGreeting: number | undefined
  /** Milliseconds spent Ready, until the last sign of life: a half-open connection is not Ready. */
  readonly readyFor: number
  /** When the identify or resume was sent, in monotonic milliseconds. */
  readonly sentAt: number | undefined
  /** Whether a heartbeat sent while Ready was answered. */
  readonly answered: boolean
  /** The payload of an op 9, if one came. */
  readonly invalidSession: boolean | undefined
}

const fatalHint = "the gateway refuses this bot; see the QQ open platform's console"

/**
 * The error that a close frame stands for. After an op 9 it explains that op 9: then the op 9 says whether the session
 * lives, and only codes that say more than "closed" count.
 *
 * @since 0.1.0
 * @category conversions
 */
export const fromClose = (
  row: CloseCode.CloseCodeRow,
  reason: string,
  phase: Phase,
  invalidSession: boolean | undefined
): GatewayError => {
  const { code } = row
  const said = Wire.printable(reason)
  const detail = said === "" || said === row.meaning ? row.meaning : `${row.meaning}: ${said}`
  switch (row.recovery) {
    case "resume":
    case "expired": {
      if (invalidSession !== undefined) {
        return new SessionInvalid({
          resumable: invalidSession,
          by: "InvalidSession",
          detail: `op 9, then ${code}: ${detail}`
        })
      }
      return row.recovery === "expired"
        ? new SessionInvalid({ code, resumable: true, by: "Close", detail })
        : new ConnectionLost({ phase, reason: "Closed", code, detail })
    }
    case "identify":
      return new SessionInvalid({
        code,
        // somebody has resumed it, so it lives
        resumable: row.takenOver === true && phase === "Ready",
        by: row.skipsFrame === true ? "Frame" : "Close",
        detail
      })
    case "refresh-token":
    case "slow-down":
      return new SessionInvalid({ code, resumable: invalidSession ?? true, by: "Close", detail })
    case "not-allowed":
      return new IpNotAllowed({ code, detail })
    case "refused-intents":
    case "client-error":
    case "misconfigured":
    case "fatal":
      return new GatewayRejected({ code, detail, hint: row.hint ?? fatalHint })
  }
}

/**
 * The end of an attempt that had nothing to connect with.
 *
 * @since 0.1.0
 * @category constructors
 */
export const neverConnected = (error: GatewayError): Effect.Effect<never, Disconnect> =>
  Effect.flatMap(Effect.zip(Monotonic.millis, Clock.currentTimeMillis), ([at, time]) =>
    Effect.fail<Disconnect>({
      error,
      close: undefined,
      phase: "Connecting",
      at,
      time,
      greeted: false,
      sent: undefined,
      ready: false,
      confirmed: false,
      progressed: false,
      sinceGreeting: undefined,
      readyFor: 0,
      sentAt: undefined,
      answered: false,
      invalidSession: undefined
    })
  )

/**
 * Whether this side ended the connection: the caller, a full inbox, or the policy's maximum age. It says nothing about the
 * platform.
 *
 * @since 0.1.0
 * @category guards
 */
export const isClientInitiated = ({ error }: Disconnect): boolean =>
  (error._tag === "ReconnectRequested" && error.by !== "Server") ||
  (error._tag === "SessionInvalid" && error.by === "Age")

/**
 * Whether the server asked for the reconnect: op 7, or 4009, which ends every connection after about half an hour.
 *
 * @since 0.1.0
 * @category guards
 */
export const isServerRequested = ({ close, error, invalidSession }: Disconnect): boolean =>
  (error._tag === "ReconnectRequested" && error.by === "Server") ||
  (close?.recovery === "expired" && invalidSession === undefined)

/**
 * Whether the gateway refused an identify: by op 9 `d:false` or 4903 before READY. An op 9 that a close frame explains by
 * the token, the rate or the address is not about the identify.
 *
 * @since 0.1.0
 * @category guards
 */
export const isIdentifyRefused = ({ close, invalidSession, ready, sent }: Disconnect): boolean => {
  if (sent !== "Identify" || ready) return false
  if (close?.refusesIdentify === true) return true
  return invalidSession === false && (close === undefined || isOnlyClosed(close.recovery))
}

const isOnlyClosed = (recovery: CloseCode.CloseRecovery): boolean =>
  recovery === "resume" || recovery === "expired" || recovery === "identify"

/**
 * Whether a frame was too large to be read: the session is replaced, so that no resume brings the frame again.
 *
 * @since 0.1.0
 * @category guards
 */
export const isFrameTooLarge = ({ error }: Disconnect): boolean =>
  error._tag === "SessionInvalid" && error.by === "Frame"

/**
 * Whether another connection resumed the session while this one was Ready.
 *
 * @since 0.1.0
 * @category guards
 */
export const isTakenOver = ({ close, ready }: Disconnect): boolean => ready && close?.takenOver === true

/**
 * Whether the credentials were refused: by the token endpoint, or by 4004.
 *
 * @since 0.1.0
 * @category guards
 */
export const isCredentialRefused = ({ close, error }: Disconnect): boolean =>
  error._tag === "CredentialsRejected" || close?.recovery === "refresh-token"

/**
 * Whether the connection was stable: Ready for `stableAfter`, with an answered heartbeat. The reconnect ladder starts over.
 *
 * @since 0.1.0
 * @category guards
 */
export const isStable = (policy: SessionPolicy, { answered, readyFor }: Disconnect): boolean =>
  answered && readyFor >= Duration.toMillis(policy.stableAfter)

/**
 * Whether this was a quick disconnect: an unrequested end within `quickDisconnect` of this socket's latest HELLO, READY or
 * RESUMED.
 *
 * @since 0.1.0
 * @category guards
 */
export const isQuick = (policy: SessionPolicy, disconnect: Disconnect): boolean =>
  disconnect.sinceGreeting !== undefined &&
  disconnect.sinceGreeting < Duration.toMillis(policy.quickDisconnect) &&
  !isServerRequested(disconnect) &&
  !isClientInitiated(disconnect)
