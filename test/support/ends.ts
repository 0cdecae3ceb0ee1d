/** Ends of connections for tests, and what a policy makes of a row of them. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as CloseCode from "../../packages/core/src/gateway/CloseCode.ts"
import * as Disconnect from "../../packages/core/src/gateway/Disconnect.ts"
import {
  ConnectionLost,
  type Phase,
  ReconnectRequested,
  SessionInvalid
} from "../../packages/core/src/gateway/GatewayError.ts"
import * as History from "../../packages/core/src/gateway/History.ts"
import * as ReconnectPolicy from "../../packages/core/src/gateway/ReconnectPolicy.ts"
import * as Recovery from "../../packages/core/src/gateway/Recovery.ts"
import * as SessionPolicy from "../../packages/core/src/gateway/SessionPolicy.ts"

const base: Disconnect.Disconnect = {
  error: new ConnectionLost({ phase: "Ready", reason: "Closed", code: 1006, detail: "" }),
  close: undefined,
  phase: "Ready",
  at: 0,
  time: 0,
  greeted: true,
  sent: "Resume",
  ready: true,
  confirmed: true,
  progressed: true,
  sinceGreeting: 10_000,
  readyFor: 10_000,
  sentAt: undefined,
  answered: false,
  invalidSession: undefined
}

/** A resumed connection that broke ten seconds after RESUMED: neither quick nor stable. */
export const ordinary = (changes: Partial<Disconnect.Disconnect> = {}): Disconnect.Disconnect => ({
  ...base,
  ...changes
})

/** An unrequested end one second after RESUMED. */
export const quick = (changes: Partial<Disconnect.Disconnect> = {}): Disconnect.Disconnect =>
  ordinary({ sinceGreeting: 1000, readyFor: 1000, ...changes })

/** A connection that was Ready for a minute and whose beats were answered. */
export const stable = (changes: Partial<Disconnect.Disconnect> = {}): Disconnect.Disconnect =>
  ordinary({ sinceGreeting: 60_000, readyFor: 60_000, answered: true, ...changes })

/** The TCP connection was refused: no HELLO. */
export const refused = (changes: Partial<Disconnect.Disconnect> = {}): Disconnect.Disconnect =>
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

export const reconnectAsked = (changes: Partial<Disconnect.Disconnect> = {}): Disconnect.Disconnect =>
  ordinary({ error: new ReconnectRequested({ by: "Server" }), ...changes })

export const invalid = (resumable: boolean, changes: Partial<Disconnect.Disconnect> = {}): Disconnect.Disconnect =>
  ordinary({
    error: new SessionInvalid({ resumable, by: "InvalidSession", detail: "op 9" }),
    invalidSession: resumable,
    ...changes
  })

const phases: { readonly [P in Phase]: Partial<Disconnect.Disconnect> } = {
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
export const closed = (
  code: number,
  phase: Phase = "Ready",
  changes: Partial<Disconnect.Disconnect> = {}
): Disconnect.Disconnect =>
  ordinary({
    ...phases[phase],
    phase,
    error: Disconnect.fromClose(CloseCode.lookup(code), "", phase, changes.invalidSession),
    close: CloseCode.lookup(code),
    ...changes
  })

/** What consecutive disconnects lead to; they come a second apart unless they say when. */
export const walk = (
  ends: ReadonlyArray<Disconnect.Disconnect>,
  options: {
    readonly policy?: Partial<SessionPolicy.SessionPolicy>
    readonly session?: Recovery.SessionAge | undefined
    readonly history?: History.History
    readonly remaining?: number
    readonly resetAfter?: Duration.Duration
  } = {}
) => {
  const policy = { ...SessionPolicy.defaults, ...options.policy }
  let history = options.history ?? History.empty
  const started = "session" in options ? options.session : { startedAt: 0, lastDispatchAt: 0 }
  let session = started
  const schedule = ReconnectPolicy.exact(policy)
  let state: unknown = schedule.initial
  return ends.map((given, index) => {
    const at = given.at === 0 ? (index + 1) * 1000 : given.at
    const end = { ...given, at, time: given.time === 0 ? at : given.time }
    if (end.ready && end.sent === "Identify") session = started
    history = History.record(policy)(history, end)
    const decision = Recovery.decide(policy)(end, session, history)
    if (decision._tag === "Refused" || ("drop" in decision && decision.drop)) session = undefined
    const identifies = session === undefined
    if (decision._tag === "Stop" || decision._tag === "Yield")
      return { decision, seconds: Number.NaN, identifies, history }
    const step: ReconnectPolicy.Step = {
      disconnect: end,
      history,
      decision,
      identifies,
      budget: { remaining: options.remaining ?? 1000, resetAfter: options.resetAfter ?? Duration.zero }
    }
    const [next, wait] = Effect.runSync(schedule.step(0, step, state))
    state = next
    return { decision, seconds: Duration.toSeconds(wait), identifies, history }
  })
}

export const waits = (...given: Parameters<typeof walk>): ReadonlyArray<number> =>
  walk(...given).map(({ seconds }) => seconds)

export const everyCloseCode: ReadonlyArray<number> = [...CloseCode.table.keys()]
