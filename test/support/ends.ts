/** Ends of connections for tests, and what a policy makes of a row of them. */
import * as Duration from "effect/Duration"
import * as CloseCode from "../../packages/core/src/gateway/CloseCode.ts"
import * as Disconnect from "../../packages/core/src/gateway/Disconnect.ts"
import {
  ConnectionLost,
  type Phase,
  ReconnectRequested,
  SessionInvalid
} from "../../packages/core/src/gateway/GatewayError.ts"
import * as ReconnectPolicy from "../../packages/core/src/gateway/ReconnectPolicy.ts"
import * as Recovery from "../../packages/core/src/gateway/Recovery.ts"
import * as SessionPolicy from "../../packages/core/src/gateway/SessionPolicy.ts"

const base: Recovery.End = {
  error: new ConnectionLost({ phase: "Ready", reason: "Closed", code: 1006, detail: "" }),
  close: undefined,
  phase: "Ready",
  at: 0,
  greeted: true,
  sent: "Resume",
  ready: true,
  confirmed: true,
  progressed: true,
  sinceGreeting: 10_000,
  readyFor: 10_000,
  answered: false,
  invalidSession: undefined
}

/** A resumed connection that broke ten seconds after RESUMED: neither quick nor stable. */
export const ordinary = (changes: Partial<Recovery.End> = {}): Recovery.End => ({ ...base, ...changes })

/** An unrequested end one second after RESUMED. */
export const quick = (changes: Partial<Recovery.End> = {}): Recovery.End =>
  ordinary({ sinceGreeting: 1000, readyFor: 1000, ...changes })

/** A connection that was Ready for a minute and whose beats were answered. */
export const stable = (changes: Partial<Recovery.End> = {}): Recovery.End =>
  ordinary({ sinceGreeting: 60_000, readyFor: 60_000, answered: true, ...changes })

/** The TCP connection was refused: no HELLO. */
export const refused = (changes: Partial<Recovery.End> = {}): Recovery.End =>
  ordinary({
    error: new ConnectionLost({ phase: "Connecting", reason: "OpenFailed", detail: "ECONNREFUSED" }),
    phase: "Connecting",
    greeted: false,
    sent: undefined,
    ready: false,
    confirmed: false,
    progressed: false,
    sinceGreeting: undefined,
    readyFor: 0,
    ...changes
  })

export const reconnectAsked = (changes: Partial<Recovery.End> = {}): Recovery.End =>
  ordinary({ error: new ReconnectRequested({ by: "Server" }), ...changes })

export const invalid = (resumable: boolean, changes: Partial<Recovery.End> = {}): Recovery.End =>
  ordinary({
    error: new SessionInvalid({ resumable, by: "InvalidSession", detail: "op 9" }),
    invalidSession: resumable,
    ...changes
  })

const phases: { readonly [P in Phase]: Partial<Recovery.End> } = {
  Connecting: {
    greeted: false,
    sent: undefined,
    ready: false,
    confirmed: false,
    progressed: false,
    sinceGreeting: undefined,
    readyFor: 0
  },
  Greeting: { sent: undefined, ready: false, confirmed: false, progressed: false, readyFor: 0 },
  Identifying: { sent: "Identify", ready: false, confirmed: false, progressed: false, readyFor: 0 },
  Resuming: { sent: "Resume", ready: false, confirmed: false, progressed: false, readyFor: 0 },
  Ready: { sent: "Resume", ready: true, confirmed: true, progressed: true, readyFor: 10_000 }
}

/** A close frame in this phase, ten seconds after the last greeting. */
export const closed = (code: number, phase: Phase = "Ready", changes: Partial<Recovery.End> = {}): Recovery.End =>
  ordinary({
    ...phases[phase],
    phase,
    error: Disconnect.fromClose(CloseCode.lookup(code), "", phase, changes.invalidSession),
    close: CloseCode.lookup(code),
    ...changes
  })

/** What a row of ends leads to, one after another; they come a second apart unless they say when. */
export const walk = (
  ends: ReadonlyArray<Recovery.End>,
  options: {
    readonly policy?: Partial<SessionPolicy.SessionPolicy>
    readonly session?: Recovery.SessionAge | undefined
    readonly history?: Recovery.History
    readonly remaining?: number
    readonly resetAfter?: Duration.Duration
  } = {}
) => {
  const policy = { ...SessionPolicy.defaults, ...options.policy }
  let history = options.history ?? Recovery.empty
  const started = "session" in options ? options.session : { startedAt: 0, lastDispatchAt: 0 }
  let session = started
  return ends.map((given, index) => {
    const end = given.at === 0 ? { ...given, at: (index + 1) * 1000 } : given
    if (end.ready && end.sent === "Identify") session = started
    history = Recovery.fold(policy)(history, end)
    const decision = Recovery.decide(policy)(end, session, history)
    if (decision._tag === "Refused" || (decision._tag === "Reconnect" && decision.drop)) session = undefined
    const identifies = session === undefined
    const seconds =
      decision._tag === "Stop"
        ? Number.NaN
        : Duration.toSeconds(
            ReconnectPolicy.leastWait(policy, {
              end,
              history,
              decision,
              identifies,
              budget: { remaining: options.remaining ?? 1000, resetAfter: options.resetAfter ?? Duration.zero }
            })
          )
    return { decision, seconds, identifies, history }
  })
}

export const waits = (...given: Parameters<typeof walk>): ReadonlyArray<number> =>
  walk(...given).map(({ seconds }) => seconds)

export const everyCloseCode: ReadonlyArray<number> = [...CloseCode.table.keys()]
