/**
 * What follows a disconnect, as pure functions. {@link decide} reads the disconnect, the session and the history, and says
 * what to do; the waits are in `ReconnectPolicy`, which reads the same three.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as RetryAfter from "../openapi/RetryAfter.ts"
import * as Disconnect from "./Disconnect.ts"
import { CredentialsRejected, type GatewayError, GatewayRejected, type Refusal } from "./GatewayError.ts"
import * as History from "./History.ts"
import type { OwnershipLost } from "./Ownership.ts"
import type { SessionPolicy } from "./SessionPolicy.ts"

/**
 * What is known about the session that the next connection could resume.
 *
 * @since 0.1.0
 * @category models
 */
export interface SessionAge {
  /** When READY came, in epoch milliseconds. */
  readonly startedAt: number
  /** When the last dispatch came, in epoch milliseconds. */
  readonly lastDispatchAt: number
}

/**
 * Which ladder the wait is taken from. `Requested`: none, but a random pause.
 *
 * @since 0.1.0
 * @category models
 */
export type Ladder = "None" | "Requested" | "Startup" | "Reconnect"

/**
 * What to do next.
 *
 * - `Reconnect`: connect again, with a resume if there is a session and `drop` is false; `ladder` and `floor` say how long
 *   to wait first.
 * - `Refused`: the gateway does not grant this identify. Ask `/gateway/bot` once for a better reason, then try the next
 *   set of intents, or stop.
 * - `Probe`: only the operator can fix it, but the bot has been online: check again every ten minutes.
 * - `Stop`: connecting again cannot help.
 * - `Yield`: another process owns the bot. The session is left as it was stored, for that one to resume.
 *
 * @since 0.1.0
 * @category models
 */
export type Decision =
  | {
      readonly _tag: "Reconnect"
      /** Whether the session is given up, so that the next connection identifies. */
      readonly drop: boolean
      readonly ladder: Ladder
      /** The least wait. */
      readonly floor: Duration.Duration
      /** Whether the access token must be fetched anew first. */
      readonly refreshToken: boolean
      /** Whether the ownership must be confirmed first: somebody else has resumed the session. */
      readonly confirm: boolean
      /** The likely cause, where the platform keeps refusing without a reason: for the log. */
      readonly suspected: GatewayRejected | undefined
    }
  | { readonly _tag: "Refused"; readonly refusal: GatewayRejected }
  | {
      readonly _tag: "Probe"
      readonly refusal: Refusal
      /** Whether the session is given up, so that the next connection identifies. */
      readonly drop: boolean
      /** Whether the access token must be fetched anew first. */
      readonly refreshToken: boolean
    }
  | { readonly _tag: "Stop"; readonly refusal: Refusal }
  | { readonly _tag: "Yield"; readonly lost: OwnershipLost }

const codeOf = (error: GatewayError): number | undefined => ("code" in error ? error.code : undefined)

const isRateLimited = ({ close, error }: Disconnect.Disconnect): boolean =>
  (error._tag === "GatewayUnavailable" && error.reason === "RateLimited") ||
  (error._tag === "ConnectionLost" && error.status === 429) ||
  close?.recovery === "slow-down"

const floorOf = (
  policy: SessionPolicy,
  disconnect: Disconnect.Disconnect,
  history: History.History
): Duration.Duration => {
  const { error, invalidSession } = disconnect
  const floors = [
    Duration.min(RetryAfter.askedBy(error), policy.maximumRetryAfter),
    isRateLimited(disconnect) ? policy.rateLimitedWait : Duration.zero,
    invalidSession === undefined ? Duration.zero : policy.invalidSessionWait,
    Disconnect.isQuick(policy, disconnect) && history.quick >= policy.quickDisconnectLimit
      ? policy.quickDisconnectPenalty
      : Duration.zero
  ]
  return floors.reduce(Duration.max)
}

/** Whether the session cannot, or should not, be resumed after this disconnect. */
const isLost = (
  policy: SessionPolicy,
  disconnect: Disconnect.Disconnect,
  session: SessionAge,
  history: History.History
): boolean => {
  const { close, error, invalidSession, time } = disconnect
  if (invalidSession === false) return true
  if (error._tag === "SessionInvalid" && !error.resumable) return true
  if (error._tag === "GatewayRejected") return true
  if (policy.expiredSession === "identify" && close?.recovery === "expired") return true
  // the second refused token: the session may be what is refused
  if (isTokenRefused(disconnect) && history.credentialRefusals >= 2) return true
  // taken back once already: two that take a session from one another would do nothing else
  if (Disconnect.isTakenOver(disconnect) && history.takeovers >= 2) return true
  if (history.unconfirmedResumes >= 2) return true
  if (history.fruitlessResumesAt.length >= policy.fruitlessResumes) return true
  return (
    time - session.startedAt >= Duration.toMillis(policy.maximumAge) &&
    time - session.lastDispatchAt >= Duration.toMillis(policy.quietFor)
  )
}

const ladderOf = (policy: SessionPolicy, disconnect: Disconnect.Disconnect, history: History.History): Ladder => {
  // also the replacement of an old session: between its leave and the next dial the bot is deaf
  if (Disconnect.isClientInitiated(disconnect)) return "None"
  if (history.requested) {
    return policy.expiredSession === "identify" && disconnect.error._tag === "SessionInvalid"
      ? "Reconnect"
      : "Requested"
  }
  if (History.isStartup(disconnect, history)) return "Startup"
  // the first one is skipped at once; a server that sends nothing else has the ladder
  if (Disconnect.isFrameTooLarge(disconnect) && history.largeFrames === 1 && !history.pinned) return "None"
  // the first op 9 has its own wait, the floor; the ladder is for those after it
  if (disconnect.invalidSession !== undefined && history.invalidSessions === 1 && !history.pinned) return "None"
  return "Reconnect"
}

const refusedIntentsHint =
  "an intent is probably not granted: ask for it in the QQ open platform's console, leave it out, or name fallback intents"

/** The likely cause of refusals, as far as it is known. */
const causeOf = ({ error }: Disconnect.Disconnect, { refusals }: History.History): GatewayRejected =>
  error._tag === "GatewayRejected"
    ? error
    : new GatewayRejected({
        code: codeOf(error),
        detail: `${refusals} consecutive identifies were refused`,
        hint: refusedIntentsHint
      })

const isTokenRefused = ({ close }: Disconnect.Disconnect): boolean => close?.recovery === "refresh-token"

const credentialsOf = ({ error }: Disconnect.Disconnect): CredentialsRejected =>
  error._tag === "CredentialsRejected" ? error : new CredentialsRejected({ code: codeOf(error), detail: error.message })

/** What a refusal that only the operator can fix leads to, if it is one. */
const refusalOf = (
  policy: SessionPolicy,
  disconnect: Disconnect.Disconnect,
  history: History.History
): Decision | undefined => {
  const { at, close, error } = disconnect
  const lasting = (refusal: Refusal): Decision =>
    history.everReady
      ? { _tag: "Probe", refusal, drop: false, refreshToken: isTokenRefused(disconnect) }
      : { _tag: "Stop", refusal }
  if (error._tag === "IpNotAllowed") return lasting(error)
  if (Disconnect.isCredentialRefused(disconnect) && history.credentialRefusals >= policy.credentialAttempts) {
    return lasting(credentialsOf(disconnect))
  }
  if (error._tag === "GatewayRejected") {
    if (close?.recovery === "refused-intents") return { _tag: "Refused", refusal: error }
    const mayPass = close?.recovery === "client-error" || close?.recovery === "misconfigured"
    if (!mayPass) return { _tag: "Stop", refusal: error }
    if (!history.everReady && (close.recovery === "misconfigured" || history.clientErrors >= 2)) {
      return { _tag: "Stop", refusal: error }
    }
  }
  if (!History.isRefusal(disconnect)) return undefined
  if (history.everReady) {
    // what was granted for hours may be refused for a while: it is never the end of a bot that was online
    if (history.refusals <= policy.identifyLadder.length) return undefined
    return {
      _tag: "Probe",
      refusal: causeOf(disconnect, history),
      drop: true,
      refreshToken: isTokenRefused(disconnect)
    }
  }
  const refusedFor = history.refusedSince === undefined ? 0 : at - history.refusedSince
  return Disconnect.isIdentifyRefused(disconnect) &&
    history.refusals >= policy.identifyRefusals &&
    refusedFor >= Duration.toMillis(policy.identifyRefusedFor)
    ? { _tag: "Refused", refusal: causeOf(disconnect, history) }
    : undefined
}

const yieldedOf = ({ error }: Disconnect.Disconnect): Decision | undefined =>
  error._tag === "OwnershipLost" ? { _tag: "Yield", lost: error } : undefined

/**
 * What follows a disconnect. `history` already holds it; `session` is what could be resumed, if there is anything.
 *
 * An ownership that was lost wins over everything else, then refusals that only the operator can fix.
 *
 * @since 0.1.0
 * @category combinators
 */
export const decide =
  (policy: SessionPolicy) =>
  (disconnect: Disconnect.Disconnect, session: SessionAge | undefined, history: History.History): Decision =>
    yieldedOf(disconnect) ??
    refusalOf(policy, disconnect, history) ?? {
      _tag: "Reconnect",
      drop: session !== undefined && isLost(policy, disconnect, session, history),
      ladder: ladderOf(policy, disconnect, history),
      floor: floorOf(policy, disconnect, history),
      refreshToken: isTokenRefused(disconnect),
      confirm: Disconnect.isTakenOver(disconnect),
      suspected:
        History.isRefusal(disconnect) && history.refusals >= policy.identifyRefusals
          ? causeOf(disconnect, history)
          : undefined
    }
