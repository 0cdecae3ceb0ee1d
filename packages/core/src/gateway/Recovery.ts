/**
 * What follows the end of a connection, as pure functions. {@link fold} is the only place that counts: a {@link History}
 * is a fold over {@link End}s. {@link decide} reads the end, the session and the history, and says what to do; the waits
 * are in `ReconnectPolicy`, which reads the same three.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as CloseCode from "./CloseCode.ts"
import { CredentialsRejected, type GatewayError, GatewayRejected, type Phase, type Refusal } from "./GatewayError.ts"
import type { SessionPolicy } from "./SessionPolicy.ts"

/**
 * How a connection ended: the facts, without a judgement.
 *
 * @since 0.1.0
 * @category models
 */
export interface End {
  readonly error: GatewayError
  /** How far the connection had come. */
  readonly phase: Phase
  /** When, in epoch milliseconds. */
  readonly at: number
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
   * Milliseconds from the latest HELLO, READY or RESUMED of this socket to its end, for a half-open connection to its last
   * sign of life; `undefined` without a HELLO.
   */
  readonly sinceGreeting: number | undefined
  /** Milliseconds spent Ready, for a half-open connection until its last sign of life. */
  readonly readyFor: number
  /** When the identify or resume was sent, in epoch milliseconds; without it `at` less `readyFor` is taken. */
  readonly sentAt?: number | undefined
  /** Whether a heartbeat sent while Ready was answered. */
  readonly answered: boolean
  /** The payload of an op 9, if one came. */
  readonly invalidSession: boolean | undefined
}

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
 * Every count there is.
 *
 * @since 0.1.0
 * @category models
 */
export interface History {
  /** Ends since the reconnect ladder started over. */
  readonly rung: number
  /** Whether the reconnect ladder stays on its last rung until it starts over. */
  readonly pinned: boolean
  /** Ends in a row that had nothing to connect with, or came before any HELLO. */
  readonly startupRung: number
  /** Identifies sent since the identify ladder started over. */
  readonly identifyRung: number
  /** When identifies were sent, those of the last ten minutes, in epoch milliseconds. */
  readonly identifiedAt: ReadonlyArray<number>
  /** Quick disconnects in a row. */
  readonly quick: number
  /** Whether any connection ever got a HELLO. */
  readonly everGreeted: boolean
  /** Whether any connection was ever Ready. */
  readonly everReady: boolean
  /** When the server last asked for a reconnect, in epoch milliseconds. */
  readonly requestedAt: number | undefined
  /** Whether the latest end was asked for by the server, and not for a second time within the window. */
  readonly requested: boolean
  /** op 9 since the reconnect ladder started over. */
  readonly invalidSessions: number
  /** Resumes in a row that were neither confirmed nor refused. */
  readonly unconfirmedResumes: number
  /** When resumes ended that had brought neither a dispatch nor an ACK, in epoch milliseconds. */
  readonly fruitlessResumesAt: ReadonlyArray<number>
  /** Consecutive refusals without a READY between: of an identify (op 9 `d:false`, 4903), or by a close code that may pass. */
  readonly identifyRefusals: number
  /** When the first of them came, in epoch milliseconds. */
  readonly identifyRefusedSince: number | undefined
  /** 4001 and 4002 since the reconnect ladder started over. */
  readonly clientErrors: number
  /** Refused credentials and 4004, in a row. */
  readonly credentialRefusals: number
  /** Connects in a row that never got a HELLO. */
  readonly failedConnects: number
}

/**
 * Nothing has happened yet.
 *
 * @since 0.1.0
 * @category constants
 */
export const empty: History = {
  rung: 0,
  pinned: false,
  startupRung: 0,
  identifyRung: 0,
  identifiedAt: [],
  quick: 0,
  everGreeted: false,
  everReady: false,
  requestedAt: undefined,
  requested: false,
  invalidSessions: 0,
  unconfirmedResumes: 0,
  fruitlessResumesAt: [],
  identifyRefusals: 0,
  identifyRefusedSince: undefined,
  clientErrors: 0,
  credentialRefusals: 0,
  failedConnects: 0
}

/**
 * What to do next.
 *
 * - `Reconnect`: connect again, with a resume if there is a session and `drop` is false; `ladder` and `floor` say how long
 *   to wait first.
 * - `Refused`: the gateway will not have this identify. Ask `/gateway/bot` once for a better reason, then go on with the
 *   next set of intents, or stop.
 * - `Probe`: only a person can mend it, but the bot has been online: look again every ten minutes.
 * - `Stop`: connecting again cannot help.
 *
 * @since 0.1.0
 * @category models
 */
export type Decision =
  | {
      readonly _tag: "Reconnect"
      /** Whether the session is given up, so that the next connection identifies. */
      readonly drop: boolean
      readonly ladder: "None" | "Requested" | "Startup" | "Reconnect"
      /** The least wait. */
      readonly floor: Duration.Duration
      /** Whether the access token must be fetched anew first. */
      readonly refreshToken: boolean
      /** The likely cause where the platform keeps refusing without a reason; for the log. */
      readonly suspected?: GatewayRejected | undefined
    }
  | { readonly _tag: "Refused"; readonly refusal: GatewayRejected }
  | { readonly _tag: "Probe"; readonly refusal: Refusal; readonly refreshToken: boolean }
  | { readonly _tag: "Stop"; readonly refusal: Refusal }

const codeOf = (error: GatewayError): number | undefined => ("code" in error ? error.code : undefined)

const closedWith = (end: End, ...codes: ReadonlyArray<number>): boolean =>
  (end.error._tag === "SessionInvalid" ||
    end.error._tag === "GatewayRejected" ||
    end.error._tag === "ConnectionLost") &&
  end.error.code !== undefined &&
  codes.includes(end.error.code)

/**
 * Whether only our side, or the caller, wanted this end: it says nothing about the platform.
 *
 * @since 0.1.0
 * @category guards
 */
export const isOwnWish = (error: GatewayError): boolean =>
  (error._tag === "ReconnectRequested" && error.by !== "Server") ||
  (error._tag === "SessionInvalid" && error.by === "Age")

/**
 * Whether the server asked for this end: op 7, or 4009, which ends every connection after about half an hour.
 *
 * @since 0.1.0
 * @category guards
 */
export const isRequested = (end: End): boolean =>
  (end.error._tag === "ReconnectRequested" && end.error.by === "Server") ||
  (end.error._tag === "SessionInvalid" &&
    end.error.code !== undefined &&
    end.error.by === "Close" &&
    end.invalidSession === undefined &&
    CloseCode.lookup(end.error.code).recovery === "expired")

/**
 * Whether the connection was stable: Ready for `stableAfter`, with an answered heartbeat. It makes the ladder start over.
 *
 * @since 0.1.0
 * @category guards
 */
export const isStable = (policy: SessionPolicy, end: End): boolean =>
  end.answered && end.readyFor >= Duration.toMillis(policy.stableAfter)

/**
 * Whether this was a quick disconnect: an unrequested end within `quickDisconnect` of this socket's latest HELLO, READY or
 * RESUMED.
 *
 * @since 0.1.0
 * @category guards
 */
export const isQuick = (policy: SessionPolicy, end: End): boolean =>
  end.sinceGreeting !== undefined &&
  end.sinceGreeting < Duration.toMillis(policy.quickDisconnect) &&
  !isRequested(end) &&
  !isOwnWish(end.error)

const rowOf = (error: GatewayError): CloseCode.CloseCodeRow | undefined => {
  const code = codeOf(error)
  return code === undefined ? undefined : CloseCode.lookup(code)
}

/** An op 9 that its close frame explains with the token, or with the pace of frames, says nothing about the identify. */
const isExplained = ({ error }: End): boolean => {
  if (error._tag !== "SessionInvalid") return false
  const recovery = rowOf(error)?.recovery
  return recovery === "refresh-token" || recovery === "slow-down"
}

/** Refused in answer to an identify: op 9 `d:false`, or 4903. */
const isIdentifyRefusal = (end: End): boolean =>
  end.sent === "Identify" &&
  !end.ready &&
  (closedWith(end, 4903) || (end.invalidSession === false && !isExplained(end)))

/** Refused by a close code that may pass. */
const isPassingRefusal = ({ error }: End): boolean => error._tag === "GatewayRejected" && rowOf(error)?.mayPass === true

const isCredentialRefusal = (end: End): boolean => end.error._tag === "CredentialsRejected" || closedWith(end, 4004)

const isStartup = (end: End, everGreeted: boolean): boolean =>
  !everGreeted || end.error._tag === "GatewayUnavailable" || end.error._tag === "CredentialsRejected"

const within = (times: ReadonlyArray<number>, now: number, window: Duration.Duration): ReadonlyArray<number> =>
  times.filter((time) => now - time < Duration.toMillis(window))

/** How many of the last quick disconnects are looked back on; only `quickDisconnectLimit` and more matter. */
const count = (before: number, again: boolean): number => (again ? before + 1 : 0)

const quickAfter = (policy: SessionPolicy, before: number, end: End): number => {
  // an end without a HELLO, and one that was asked for within the window, neither counts nor breaks the row
  if (end.sinceGreeting === undefined) return before
  if (isQuick(policy, end)) return before + 1
  return end.sinceGreeting < Duration.toMillis(policy.quickDisconnect) ? before : 0
}

/**
 * One more end.
 *
 * @since 0.1.0
 * @category combinators
 */
export const fold =
  (policy: SessionPolicy) =>
  (history: History, end: End): History => {
    // a full inbox and the caller act for reasons of their own, which say nothing about the platform
    if (isOwnWish(end.error) && !end.greeted) return history
    const stable = isStable(policy, end)
    const base = stable ? { ...history, rung: 0, pinned: false, invalidSessions: 0, clientErrors: 0 } : history
    const quick = quickAfter(policy, stable ? 0 : base.quick, end)
    const again =
      isRequested(end) &&
      base.requestedAt !== undefined &&
      end.at - base.requestedAt < Duration.toMillis(policy.requestedReconnectWindow)
    const requested = isRequested(end) && !again
    const everGreeted = base.everGreeted || end.greeted
    const startup = isStartup(end, everGreeted)
    const climbs = !startup && !requested && !isOwnWish(end.error)
    const pinned = base.pinned || quick >= policy.quickDisconnectLimit
    const unconfirmed = end.sent === "Resume" && !end.confirmed && !isOwnWish(end.error)
    const fruitless = end.sent === "Resume" && !end.progressed && !isOwnWish(end.error)
    const identified = end.sent === "Identify"
    const lastedLong = end.readyFor >= Duration.toMillis(policy.identifyStableAfter)
    const recentIdentifies = within(base.identifiedAt, end.at, policy.identifyStableAfter)
    const refusalsBefore = end.ready ? 0 : base.identifyRefusals
    const refused = isIdentifyRefusal(end) || isPassingRefusal(end)
    return {
      rung: climbs ? (pinned ? Math.max(base.rung + 1, policy.reconnectLadder.length) : base.rung + 1) : base.rung,
      pinned,
      startupRung: startup ? base.startupRung + 1 : end.greeted ? 0 : base.startupRung,
      identifyRung: lastedLong ? 0 : base.identifyRung + (identified ? 1 : 0),
      identifiedAt: identified ? [...recentIdentifies, end.sentAt ?? end.at - end.readyFor] : recentIdentifies,
      quick,
      everGreeted,
      everReady: base.everReady || end.ready,
      requestedAt: isRequested(end) ? end.at : base.requestedAt,
      requested,
      invalidSessions: base.invalidSessions + (end.invalidSession === undefined ? 0 : 1),
      unconfirmedResumes:
        end.sent === "Resume"
          ? count(base.unconfirmedResumes, unconfirmed)
          : end.sent === "Identify"
            ? 0
            : base.unconfirmedResumes,
      fruitlessResumesAt: fruitless
        ? [...within(base.fruitlessResumesAt, end.at, policy.fruitlessResumeWindow), end.at]
        : end.progressed || end.sent === "Identify"
          ? []
          : base.fruitlessResumesAt,
      identifyRefusals: refusalsBefore + (refused ? 1 : 0),
      identifyRefusedSince:
        refused && refusalsBefore === 0 ? end.at : refusalsBefore === 0 ? undefined : base.identifyRefusedSince,
      clientErrors: base.clientErrors + (closedWith(end, 4001, 4002) ? 1 : 0),
      credentialRefusals: isCredentialRefusal(end)
        ? base.credentialRefusals + 1
        : end.ready
          ? 0
          : base.credentialRefusals,
      failedConnects: end.greeted
        ? 0
        : end.error._tag === "ConnectionLost"
          ? base.failedConnects + 1
          : base.failedConnects
    }
  }

const rateLimited = (error: GatewayError): boolean =>
  (error._tag === "GatewayUnavailable" && error.reason === "RateLimited") ||
  (error._tag === "ConnectionLost" && error.status === 429)

const floorOf = (policy: SessionPolicy, history: History, end: End): Duration.Duration => {
  const retryAfter = "retryAfter" in end.error ? (end.error.retryAfter ?? Duration.zero) : Duration.zero
  const floors = [
    retryAfter,
    rateLimited(end.error) || closedWith(end, 4008) ? policy.rateLimitedWait : Duration.zero,
    end.invalidSession === undefined ? Duration.zero : policy.invalidSessionWait,
    isQuick(policy, end) && history.quick >= policy.quickDisconnectLimit ? policy.quickDisconnectPenalty : Duration.zero
  ]
  return floors.reduce(Duration.max)
}

/** Whether the session cannot, or should not, be resumed after this end. */
const isLost = (policy: SessionPolicy, end: End, session: SessionAge, history: History): boolean => {
  const error = end.error
  if (end.invalidSession === false) return true
  if (error._tag === "SessionInvalid" && !error.resumable) return true
  if (error._tag === "GatewayRejected") return true
  if (error._tag === "SessionInvalid" && policy.expiredSession === "identify" && isRequested(end)) return true
  // the second refused token: the session may be what is refused
  if (closedWith(end, 4004) && history.credentialRefusals >= 2) return true
  if (history.unconfirmedResumes >= 2) return true
  if (history.fruitlessResumesAt.length >= policy.fruitlessResumes) return true
  return (
    end.at - session.startedAt >= Duration.toMillis(policy.maximumAge) &&
    end.at - session.lastDispatchAt >= Duration.toMillis(policy.quietFor)
  )
}

const ladderOf = (
  policy: SessionPolicy,
  end: End,
  history: History
): Extract<Decision, { readonly _tag: "Reconnect" }>["ladder"] => {
  const error = end.error
  if (error._tag === "ReconnectRequested" && error.by !== "Server") return "None"
  // the identify is paid for before the old connection is left: nothing is left to wait for
  if (error._tag === "SessionInvalid" && error.by === "Age") return "None"
  if (history.requested) {
    return policy.expiredSession === "identify" && error._tag === "SessionInvalid" ? "Reconnect" : "Requested"
  }
  if (isStartup(end, history.everGreeted)) return "Startup"
  // the first op 9 has its own wait, the floor; the ladder is for those after it
  if (end.invalidSession !== undefined && history.invalidSessions === 1 && !history.pinned) return "None"
  return "Reconnect"
}

const refusedIntentsHint =
  "an intent is probably not granted: ask for it in the QQ open platform's console, leave it out, or name fallback intents"

/** What refuses the bot again and again: the close code says it, or else an intent is the likely cause. */
const refusalOf = (end: End, history: History): GatewayRejected =>
  end.error._tag === "GatewayRejected"
    ? end.error
    : new GatewayRejected({
        code: codeOf(end.error),
        detail: `${history.identifyRefusals} identifies in a row were refused`,
        hint: refusedIntentsHint
      })

/**
 * What follows `end`. `history` already holds it; `session` is what could be resumed, if there is anything.
 *
 * Refusals that only a person can mend win over everything else. Those that may pass end a bot only before its first READY;
 * later it waits on the identify ladder, and then probes.
 *
 * @since 0.1.0
 * @category combinators
 */
export const decide =
  (policy: SessionPolicy) =>
  (end: End, session: SessionAge | undefined, history: History): Decision => {
    const error = end.error
    const refreshToken = closedWith(end, 4004)
    const stopOrProbe = (refusal: Refusal): Decision =>
      history.everReady ? { _tag: "Probe", refusal, refreshToken } : { _tag: "Stop", refusal }
    if (error._tag === "IpNotAllowed") return stopOrProbe(error)
    if (isCredentialRefusal(end) && history.credentialRefusals >= policy.credentialAttempts) {
      return stopOrProbe(
        error._tag === "CredentialsRejected"
          ? error
          : new CredentialsRejected({ code: codeOf(error), detail: error.message })
      )
    }
    if (error._tag === "GatewayRejected") {
      const recovery = rowOf(error)?.recovery
      if (recovery === "refused-intents") return { _tag: "Refused", refusal: error }
      const mayPass = history.everReady
        ? isPassingRefusal(end)
        : recovery === "client-error" && history.clientErrors < 2
      if (!mayPass) return { _tag: "Stop", refusal: error }
    }
    const refused = isIdentifyRefusal(end) || isPassingRefusal(end)
    const suspected =
      refused && history.identifyRefusals >= policy.identifyRefusals ? refusalOf(end, history) : undefined
    if (refused && history.everReady && history.identifyRefusals > policy.identifyLadder.length) {
      return { _tag: "Probe", refusal: refusalOf(end, history), refreshToken }
    }
    if (suspected !== undefined && isIdentifyRefusal(end) && !history.everReady) {
      const since = history.identifyRefusedSince ?? end.at
      if (end.at - since >= Duration.toMillis(policy.identifyRefusedFor)) return { _tag: "Refused", refusal: suspected }
    }
    return {
      _tag: "Reconnect",
      drop: session !== undefined && isLost(policy, end, session, history),
      ladder: ladderOf(policy, end, history),
      floor: floorOf(policy, history, end),
      refreshToken,
      suspected
    }
  }
