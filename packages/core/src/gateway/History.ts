/**
 * What the disconnects of a session have in common, as a fold over them: the only counters there are besides the rungs of
 * the ladders, which the Schedules of `ReconnectPolicy` keep.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Disconnect from "./Disconnect.ts"
import type { SessionPolicy } from "./SessionPolicy.ts"

/**
 * What is known of all disconnects so far. All times are monotonic milliseconds, as `Disconnect.at`.
 *
 * @since 0.1.0
 * @category models
 */
export interface History {
  /** Whether the reconnect ladder stays on its last rung until it starts over. */
  readonly pinned: boolean
  /** When identifies were sent, those of the last ten minutes. */
  readonly identifiedAt: ReadonlyArray<number>
  /** Consecutive quick disconnects. */
  readonly quick: number
  /** Whether any connection ever received a HELLO. */
  readonly everGreeted: boolean
  /** Whether any connection was ever Ready. */
  readonly everReady: boolean
  /** When the server last asked for a reconnect. */
  readonly requestedAt: number | undefined
  /** Whether the latest disconnect was requested by the server, and not for a second time within the window. */
  readonly requested: boolean
  /** op 9 since the reconnect ladder started over. */
  readonly invalidSessions: number
  /** Frames that were too large to be read since the reconnect ladder started over. */
  readonly largeFrames: number
  /** Consecutive resumes that were neither confirmed nor refused. */
  readonly unconfirmedResumes: number
  /** When resumes ended that had brought neither a dispatch nor an ACK. */
  readonly fruitlessResumesAt: ReadonlyArray<number>
  /** Consecutive refusals of this bot that may pass: of an identify, of its frames, of its shard. */
  readonly refusals: number
  /** When the first of the consecutive refused identifies was refused. */
  readonly refusedSince: number | undefined
  /** 4001 and 4002 since the reconnect ladder started over. */
  readonly clientErrors: number
  /** Consecutive refusals of the credentials. */
  readonly credentialRefusals: number
  /** How often another connection took the session over since the reconnect ladder started over. */
  readonly takeovers: number
  /** Consecutive connects that never received a HELLO. */
  readonly failedConnects: number
}

/**
 * No disconnects yet.
 *
 * @since 0.1.0
 * @category constants
 */
export const empty: History = {
  pinned: false,
  identifiedAt: [],
  quick: 0,
  everGreeted: false,
  everReady: false,
  requestedAt: undefined,
  requested: false,
  invalidSessions: 0,
  largeFrames: 0,
  unconfirmedResumes: 0,
  fruitlessResumesAt: [],
  refusals: 0,
  refusedSince: undefined,
  clientErrors: 0,
  credentialRefusals: 0,
  takeovers: 0,
  failedConnects: 0
}

/**
 * Whether a disconnect is a refusal of this bot that may pass: of its identify, of its frames (4001, 4002), of its shard
 * or version (4010–4012).
 *
 * @since 0.1.0
 * @category guards
 */
export const isRefusal = (disconnect: Disconnect.Disconnect): boolean =>
  Disconnect.isIdentifyRefused(disconnect) ||
  disconnect.close?.recovery === "client-error" ||
  disconnect.close?.recovery === "misconfigured"

/**
 * Whether a disconnect belongs to the start: no HELLO was ever received, or there was nothing to connect with. `history`
 * already holds it.
 *
 * @since 0.1.0
 * @category guards
 */
export const isStartup = ({ error }: Disconnect.Disconnect, history: History): boolean =>
  !history.everGreeted || error._tag === "GatewayUnavailable" || error._tag === "CredentialsRejected"

const within = (times: ReadonlyArray<number>, now: number, window: Duration.Duration): ReadonlyArray<number> =>
  times.filter((time) => now - time < Duration.toMillis(window))

/** An end without a HELLO, and one that was requested within the window, neither counts nor breaks the row. */
const quickAfter = (policy: SessionPolicy, before: number, disconnect: Disconnect.Disconnect): number => {
  if (disconnect.sinceGreeting === undefined) return before
  if (Disconnect.isQuick(policy, disconnect)) return before + 1
  return disconnect.sinceGreeting < Duration.toMillis(policy.quickDisconnect) ? before : 0
}

/** A count of consecutive events: one more, none after a Ready, unchanged otherwise. */
const consecutive = (before: number, again: boolean, ready: boolean): number => {
  if (again) return before + 1
  return ready ? 0 : before
}

type Resumes = Pick<History, "fruitlessResumesAt" | "unconfirmedResumes">

const resumesAfter = (policy: SessionPolicy, before: Resumes, disconnect: Disconnect.Disconnect): Resumes => {
  const { at, confirmed, error, progressed, sent } = disconnect
  // a refused address says nothing about the session
  if (error._tag === "IpNotAllowed")
    return { fruitlessResumesAt: before.fruitlessResumesAt, unconfirmedResumes: before.unconfirmedResumes }
  if (sent === "Identify") return { fruitlessResumesAt: [], unconfirmedResumes: 0 }
  const own = Disconnect.isClientInitiated(disconnect)
  const fruitless = sent === "Resume" && !progressed && !own
  const fruitlessResumesAt = fruitless
    ? [...within(before.fruitlessResumesAt, at, policy.fruitlessResumeWindow), at]
    : progressed
      ? []
      : before.fruitlessResumesAt
  if (sent === undefined) return { fruitlessResumesAt, unconfirmedResumes: before.unconfirmedResumes }
  return { fruitlessResumesAt, unconfirmedResumes: confirmed || own ? 0 : before.unconfirmedResumes + 1 }
}

/**
 * The history with one more disconnect.
 *
 * @since 0.1.0
 * @category combinators
 */
export const record =
  (policy: SessionPolicy) =>
  (history: History, disconnect: Disconnect.Disconnect): History => {
    // a full inbox and the caller act for their own reasons, which say nothing about the platform
    if (Disconnect.isClientInitiated(disconnect) && !disconnect.greeted) return history
    const { at, error, greeted, ready } = disconnect
    const stable = Disconnect.isStable(policy, disconnect)
    const base = stable
      ? { ...history, pinned: false, quick: 0, invalidSessions: 0, largeFrames: 0, clientErrors: 0, takeovers: 0 }
      : history
    const quick = quickAfter(policy, base.quick, disconnect)
    const asked = Disconnect.isServerRequested(disconnect)
    const again =
      asked &&
      base.requestedAt !== undefined &&
      at - base.requestedAt < Duration.toMillis(policy.requestedReconnectWindow)
    const recentIdentifies = within(base.identifiedAt, at, policy.identifyStableAfter)
    const refused = Disconnect.isIdentifyRefused(disconnect)
    return {
      pinned: base.pinned || quick >= policy.quickDisconnectLimit,
      identifiedAt:
        disconnect.sent === "Identify"
          ? [...recentIdentifies, disconnect.sentAt ?? at - disconnect.readyFor]
          : recentIdentifies,
      quick,
      everGreeted: base.everGreeted || greeted,
      everReady: base.everReady || ready,
      requestedAt: asked ? at : base.requestedAt,
      requested: asked && !again,
      invalidSessions: base.invalidSessions + (disconnect.invalidSession === undefined ? 0 : 1),
      largeFrames: base.largeFrames + (Disconnect.isFrameTooLarge(disconnect) ? 1 : 0),
      ...resumesAfter(policy, base, disconnect),
      refusals: consecutive(base.refusals, isRefusal(disconnect), ready),
      refusedSince: refused ? (base.refusedSince ?? at) : ready ? undefined : base.refusedSince,
      clientErrors: base.clientErrors + (disconnect.close?.recovery === "client-error" ? 1 : 0),
      credentialRefusals: consecutive(base.credentialRefusals, Disconnect.isCredentialRefused(disconnect), ready),
      takeovers: base.takeovers + (Disconnect.isTakenOver(disconnect) ? 1 : 0),
      failedConnects: greeted ? 0 : base.failedConnects + (error._tag === "ConnectionLost" ? 1 : 0)
    }
  }

/**
 * The history after another set of intents was chosen: what was refused before says nothing about it.
 *
 * @since 0.1.0
 * @category combinators
 */
export const withOtherIntents = (history: History): History => ({ ...history, refusals: 0, refusedSince: undefined })
