/**
 * What a well-behaved bot does, as a judge of everything that crosses the wire between one bot and a model of the platform.
 * It looks from outside only: at the platform's journal, at what the handlers saw, and at what the bot said about itself.
 * It shares no code with the bot and states the rules a second time, in its own words; where the wire leaves a doubt, it
 * decides for the bot.
 *
 * @since 0.1.0
 */
import * as CloseCode from "../gateway/CloseCode.ts"
import type { JournalEntry } from "./model/Journal.ts"
import type { PlatformModel, SessionView } from "./model/PlatformModel.ts"
import * as Beats from "./oracle/Beats.ts"
import * as SameReply from "./oracle/SameReply.ts"
import * as StreamedReply from "./oracle/StreamedReply.ts"
import * as Windows from "./oracle/Windows.ts"
import * as Place from "./simulation/Place.ts"
import * as Script from "./simulation/Script.ts"

/**
 * The rules.
 *
 * - `OneSocket`: at most one open socket for a shard.
 * - `Ladder`: no attempt sooner than the ladder, or the platform, allows.
 * - `IdentifyBudget`: no identify beyond the pace or the budget of the day, and no second connection of a session.
 * - `SessionGivenUp`: no identify while the session could be resumed and nothing speaks against it.
 * - `RefusedResume`: a refused session is not resumed again.
 * - `EndlessResume`: after two resumes in a row that were not confirmed comes an identify, and at once after a frame that is
 *   too large, which a resume would bring again.
 * - `OldSession`: a session is replaced when it is a day old and nothing is heard on it: it may be deaf.
 * - `BeatsOnTime`: beats go out at the interval, the first one within 25 s; whatever HELLO says, not more often than every
 *   100 ms and not more seldom than every 10 min.
 * - `NeedlessEnd`: a healthy connection is not ended.
 * - `StatusTruthful`: Ready is stale by at most one interval and 15 s, and comes with the session.
 * - `ReadyAgain`: Ready within the longest rung after the last trouble.
 * - `Stopped`: the bot ends only when it is told to.
 * - `Lost`: every event that the platform could still deliver is handled.
 * - `GapUntold`: what it could not deliver any more lies in a gap that the bot was told of.
 * - `HandledTwice`: an event is handled once, but for what a crash cut off.
 * - `Order`: the events of one conversation are handled in their order.
 * - `SlowStart`: the first attempt to connect comes within 10 s, whatever the store does.
 * - `SlowEnd`: an orderly shutdown takes 6 s, and as long as handlers get to finish, whatever the store does.
 * - `CutOff`: an orderly shutdown lets running handlers finish.
 * - `Proactive`: a reply is passive as long as the platform takes it, however the clock of the bot is set.
 * - `ReplyMissing`, `ReplyTwice`: a reply is seen once. Of a user's handlers: no message is answered twice with one text.
 * - `StreamWrong`: of a streamed reply users see the whole text once, after what a run that was cut off had said, finished.
 * - `Leak`: at the end there is no fiber, timer, socket or event left.
 *
 * @since 0.1.0
 * @category models
 */
export type Invariant =
  | "OneSocket"
  | "Ladder"
  | "IdentifyBudget"
  | "SessionGivenUp"
  | "RefusedResume"
  | "EndlessResume"
  | "OldSession"
  | "BeatsOnTime"
  | "NeedlessEnd"
  | "StatusTruthful"
  | "ReadyAgain"
  | "Stopped"
  | "Lost"
  | "GapUntold"
  | "HandledTwice"
  | "Order"
  | "SlowStart"
  | "SlowEnd"
  | "CutOff"
  | "Proactive"
  | "ReplyMissing"
  | "ReplyTwice"
  | "StreamWrong"
  | "Leak"

/**
 * What was found.
 *
 * @since 0.1.0
 * @category models
 */
export interface Finding {
  readonly invariant: Invariant
  readonly detail: string
}

/**
 * What was counted.
 *
 * @since 0.1.0
 * @category models
 */
export interface Tally {
  /** Messages that users said. */
  readonly events: number
  /** Messages that were handled. */
  readonly handled: number
  /** Messages that no living session could bring: the platform does not replay them to a new one. */
  readonly gaps: number
  /** Runs of handlers that a crash made happen again. */
  readonly repeated: number
  /** Replies that users see. */
  readonly replies: number
  /** Streams that users see, one for each time that a streamed reply was begun. */
  readonly streams: number
  /** Replies whose outcome the bot did not know. */
  readonly unknown: number
  /** Connections after the first. */
  readonly reconnects: number
  readonly resumes: number
  readonly identifies: number
}

/**
 * What {@link make} needs to know.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly model: PlatformModel
  /** The heartbeat interval of the platform, in milliseconds. */
  readonly interval: number
  /** How many sessions may be made in a day. */
  readonly sessionTotal: number
  /** How many shards the bot has. */
  readonly shards: number
  /** Which of them this process runs. */
  readonly run: ReadonlyArray<number>
  /** For how long, in milliseconds, a message may wait for its turn and be worked on. */
  readonly patience: number
  /**
   * The handlers are a user's: the oracle sees when a message reaches them, not when they have finished with it, and it
   * compares replies only with each other. Default false.
   */
  readonly ownHandlers?: boolean | undefined
}

/**
 * The judge of one bot. All times are in epoch milliseconds, a shard is named as in `0/4`. Every method but `check` and
 * `finish` only takes note.
 *
 * @since 0.1.0
 * @category models
 */
export interface Oracle {
  /** Something crossed the wire. */
  readonly entry: (entry: JournalEntry) => void
  /** A user asks something, where this shard hears of it. */
  readonly said: (now: number, ask: Script.Ask, conversation: string, shard: string) => void
  /** Faults may happen until this time. */
  readonly troubled: (until: number) => void
  /** The store of the bot is in trouble, or well again. */
  readonly storeTroubled: (now: number, troubled: boolean) => void
  /** A process of the bot begins. */
  readonly started: (now: number) => void
  /** The bot is told to leave, with time to finish what it does. */
  readonly stopping: (now: number) => void
  /** The bot has left; `crashed`: without a word. */
  readonly stopped: (now: number, crashed: boolean) => void
  /** The bot ended by itself. */
  readonly ended: (because: string) => void
  /** What the bot says about one of its shards. */
  readonly status: (now: number, shard: string, state: string) => void
  /** The bot is told `now` that something of a shard may be missing between two times. */
  readonly gap: (shard: string, from: number, to: number, now: number) => void
  /** The bot's wall clock was stepped `by` milliseconds. */
  readonly stepped: (now: number, by: number) => void
  /** A handler began. */
  readonly began: (now: number, message: number) => void
  /** A handler that could not send a streamed reply begins it again. */
  readonly again: (now: number, message: number) => void
  /** A handler is done: its reply is out, or has an unknown outcome, or cannot be sent; `observed`: none is expected. */
  readonly done: (now: number, message: number, outcome: "sent" | "unknown" | "failed" | "observed") => void
  /** A handler was cut off. */
  readonly cut: (now: number, message: number, ranFor: number) => void
  /** The first rule that is broken now, if one is. */
  readonly check: (now: number) => Finding | undefined
  /** The same at the end, when every message should have been handled and answered. */
  readonly finish: (now: number) => Finding | undefined
  readonly tally: () => Tally
}

/** The waits between reconnects, in milliseconds; the last one repeats. */
const ladder = [1000, 2000, 5000, 10_000, 30_000, 60_000]

const startupLadder = [5000, 10_000, 30_000, 60_000]

/** At most so much is added to a wait. */
const jitter = 1.2

const rungOf = (rungs: ReadonlyArray<number>, n: number): number =>
  n < 1 ? 0 : (rungs[Math.min(n, rungs.length) - 1] ?? 0)

/** What is known of one shard: its connections one after another, and the session that they carry. */
interface Line {
  readonly shard: string
  current: Attempt | undefined
  state: string
  stateAt: number
  sessionStartedAt: number
  firstSessionAt: number
  /** How far the wall clock of the bot was ahead then. */
  sessionAhead: number
  sessionDoubted: boolean
  /** The same before the last op 9. */
  sessionDoubtedBefore: boolean
  unconfirmed: number
  /** A frame of the session was too large. */
  skips: boolean
  unconfirmedOfSession: number
  rung: number
  startupRung: number
  everGreeted: boolean
  quick: number
  requestedBefore: number
  invalids: number
  required: { readonly from: number; readonly wait: number; readonly because: string } | undefined
  resuming: string | undefined
  readonly resumedAt: Array<number>
  /** Sessions that the bot had good reason to give up: what only they could bring is nobody's any more. */
  readonly abandoned: Set<string>
}

const makeLine = (shard: string): Line => ({
  shard,
  current: undefined,
  state: "Disconnected",
  stateAt: 0,
  sessionStartedAt: 0,
  firstSessionAt: Number.POSITIVE_INFINITY,
  sessionAhead: 0,
  sessionDoubted: false,
  sessionDoubtedBefore: false,
  unconfirmed: 0,
  skips: false,
  unconfirmedOfSession: 0,
  rung: 0,
  startupRung: 0,
  everGreeted: false,
  quick: 0,
  requestedBefore: Number.NEGATIVE_INFINITY,
  invalids: 0,
  required: undefined,
  resuming: undefined,
  resumedAt: [],
  abandoned: new Set()
})

/** An ended or living connection attempt, as the platform saw it. */
interface Attempt {
  readonly line: Line
  readonly dialledAt: number
  readonly connection: number | undefined
  opened: boolean
  /** HELLO, READY or RESUMED. */
  greetedAt: number | undefined
  readyAt: number | undefined
  introduced: "identify" | "resume" | undefined
  beatAt: number | undefined
  /** The last beat that the platform did not ask for. */
  ownBeatAt: number
  /** The longest time between two beats, in milliseconds. */
  interval: number
  /** The beats that the platform asked for. */
  beatsAsked: number
  /** The platform has answered a beat since READY. */
  answered: boolean
  frozenAt: number | undefined
  endedAt: number | undefined
  /** The last sign of it. */
  lastAt: number
  /** op 7 or 4009 came first. */
  requestedAt: number | undefined
  /** op 9 came. */
  invalidAt: number | undefined
  closeCode: number | undefined
  /** The HTTP status of a refused upgrade. */
  status: number | undefined
  /** A frame came that is larger than anything is read. */
  tooLarge: boolean
  /** Somebody or something but the client did something about it. */
  disturbed: boolean
}

interface Message {
  readonly number: number
  readonly ask: Script.Ask
  readonly conversation: string
  readonly at: number
  readonly line: Line
  /** The sessions that it was given to. */
  readonly sessions: ReadonlyArray<string>
  /** Whether nothing tells the bot that it misses it: the session of its shard got no events: nothing tells the bot that it misses one. */
  unheard: boolean
  /** Whether a process has begun that may not know what became of it. */
  mayRepeat: boolean
  /** Its place in the order in which messages were first sent; undefined when none was. */
  firstSent: number | undefined
  /** The attempt on which the present process received it. */
  receivedOn: Attempt | undefined
  receivedAt: number
  begun: boolean
  /** When a handler was first done with it. */
  doneAt: number | undefined
  /** When it was given up, for no process had it and no living session; a state that was stored before may bring it back. */
  givenUpAt: number | undefined
  cut: boolean
  unknown: boolean
  replies: number
  /** What users see of a streamed reply. */
  readonly parts: Array<StreamedReply.Part>
  /** How often its reply was begun, and when last. */
  runs: number
  runAt: number
}

/** How often, in milliseconds, the rules are looked at that need no haste. */
const slowly = 15_000

/** A day, in milliseconds. */
const day = 86_400_000

/** So long after its day, in milliseconds, a session that nothing is heard on has been replaced. */
const replacedWithin = 900_000

/** What a caller gets whose address is not on the allow-list. */
const notAllowed = { close: 4924, api: 11_298 } as const

/** The longest wait, in milliseconds, between two looks at what only the operator can mend. */
const longestProbe = 600_000 * jitter

/** How long ids are remembered after their event was settled; after that the platform may not replay it. */
const remembered = 600_000

/** The store is written at most once a second. */
const unsaved = 1100

/** So long after a store is well again, in milliseconds, all is written that was not. */
const savedWithin = 65_000

/** A store may take 10 s of it. */
const longestStart = 10_500

/** Frames of more characters are not read. */
const mostRead = 64 * 1024 * 1024

/** Handlers get 10 s to finish, and the rest 6 s. */
const longestEnd = 16_500

/** So long after a new session has begun, in milliseconds, a gap before it has been told of. */
const toldWithin = 60_000

/** For so long, in milliseconds, a session can be resumed; a longer outage is another session. */
const resumableFor = 1_800_000

/** So many gaps and missed messages are kept in mind. */
const kept = 256

/** So long after the last trouble the slow rules of a connection that is being made still apply. */
const inFlight = 60_000

/** So long, in milliseconds, lies between the identifies of two shards. */
const pace = 5000

/** So long, in milliseconds, a request that found trouble may have been on its way. */
const requestTakes = 60_000

/** Answers that come later, in milliseconds, may have come too late for what waited for them. */
const promptly = 1000

/** How many messages may reply to one. */
const mostReplies = 4

/** The platform has a part of a stream already. */
const deduplicated = 40_054_005

/** For so long, in milliseconds, processes that share the pace of identifies may get into each other's way. */
const longestCollisions = 720_000

/** What comes at the same instant is told in some order. */
const instant = 2

/**
 * A judge who has seen nothing yet.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Oracle => {
  const { interval, model } = options
  const isSameReply = SameReply.make()
  /** The numbers of messages, by the ids of their events and their own. */
  const events = new Map<string, number>()
  const pending = new Map<number, Message>()
  const recent = new Map<number, Message>()
  const conversations = new Map<string, { readonly number: number; readonly firstSent: number | undefined }>()
  /** The message of each conversation that a handler works on. */
  const working = new Map<string, number>()
  const refused = new Set<string>()
  const lines = new Map<string, Line>()
  const attempts = new Map<number, Attempt>()
  /** Messages that nobody can bring any more, and that no gap has accounted for. */
  let missed: Array<Pick<Message, "at" | "line">> = []
  const gaps: Array<{ readonly shard: string; readonly from: number; readonly to: number; readonly told: number }> = []
  const identifiedAt: Array<number> = []
  let found: Finding | undefined
  let quietSince = 0
  let troubledUntil = 0
  let running = false
  let leaving = false
  let crashedAt = Number.NEGATIVE_INFINITY
  let leftAt = Number.NEGATIVE_INFINITY
  let startedAt = 0
  let sentCount = 0
  /** When the wall clock of the bot was last set, and how far it is ahead. */
  let steppedAt = Number.NEGATIVE_INFINITY
  let ahead = 0
  /** What has happened since then may not be stored; undefined: all is. */
  let unsavedSince: number | undefined
  let savedFrom = Number.NEGATIVE_INFINITY
  let stoppingAt = 0
  /** Whether the present process has dialled. */
  let dialled = false
  /** Whether the present process may not know what the last one knew. */
  let forgetful = false
  let checkedAt = 0
  /** When a request last found trouble. */
  let requestTroubleAt = Number.NEGATIVE_INFINITY
  const streams = new Map<string, { readonly message: Message; readonly part: StreamedReply.Part }>()
  const counts = {
    events: 0,
    handled: 0,
    gaps: 0,
    repeated: 0,
    replies: 0,
    streams: 0,
    unknown: 0,
    dials: 0,
    resumes: 0,
    identifies: 0
  }

  const find = (invariant: Invariant, detail: string): void => {
    found ??= { invariant, detail }
  }

  const trouble = (at: number): void => {
    quietSince = Math.max(quietSince, at)
  }

  /** When nothing more can be expected to go wrong by itself. */
  const quietFrom = (): number => Math.max(quietSince, troubledUntil, startedAt)

  const lineOf = (shard: string): Line => {
    const known = lines.get(shard)
    if (known !== undefined) return known
    const line = makeLine(shard)
    lines.set(shard, line)
    return line
  }

  /** Those of the shards that this process runs. */
  const ownSessions = (now: number): ReadonlyArray<SessionView> =>
    model.sessions(now).filter(({ shard }) => options.run.includes(shard[0]))

  /** Whether processes that know nothing of each other share the platform's pace. */
  const isShared = options.run.length < options.shards

  const longestWait = (now: number): number => {
    while (identifiedAt.length > 0 && now - (identifiedAt[0] ?? now) > day) identifiedAt.shift()
    const left = Math.max(1, options.sessionTotal - identifiedAt.length)
    // the shards identify one after another
    const collisions = isShared ? longestCollisions : 0
    return Math.max(rungOf(ladder, ladder.length), day / left) * jitter + (options.shards - 1) * pace + collisions
  }

  const forgetProcess = (now: number): void => {
    for (const line of lines.values()) {
      line.rung = 0
      line.startupRung = 0
      line.everGreeted = false
      line.quick = 0
      line.requestedBefore = Number.NEGATIVE_INFINITY
      line.invalids = 0
      line.required = undefined
      line.unconfirmed = 0
      line.skips = false
      line.current = undefined
      line.resumedAt.length = 0
      line.state = "Disconnected"
      line.stateAt = now
    }
    working.clear()
  }

  /** Whether the session is a day old, by either clock. */
  const isOld = ({ sessionAhead, sessionStartedAt }: Line, now: number): boolean =>
    sessionStartedAt > 0 && now - sessionStartedAt + Math.max(0, ahead - sessionAhead) >= day - 60_000

  /** A process that begins on a store which may lack something knows less than the last one. */
  const forgetStored = (now: number): void => {
    if (unsavedSince !== undefined && leftAt > savedFrom) unsavedSince = undefined
    const since = unsavedSince
    forgetful = since !== undefined
    if (since === undefined) return
    missed = []
    refused.clear()
    for (const message of [...pending.values(), ...recent.values()]) {
      message.unheard = true
      if ((message.doneAt ?? now) >= since - unsaved) message.mayRepeat = true
    }
  }

  const endedBy = (attempt: Attempt): number => attempt.endedAt ?? attempt.lastAt

  /** Counts an attempt that is over, and works out how long the next one has to wait. */
  const conclude = (attempt: Attempt): void => {
    const { line } = attempt
    const at = endedBy(attempt)
    const readyFor = attempt.readyAt === undefined ? 0 : at - attempt.readyAt
    // the bot may count any frame as an answer: whoever had a chance of one is taken to be stable
    if (readyFor >= 30_000 && attempt.beatAt !== undefined) {
      line.rung = 0
      line.invalids = 0
      line.quick = 0
    }
    const old = isOld(line, at)
    const asked = attempt.requestedAt
    const again = asked !== undefined && asked - line.requestedBefore < 60_000
    if (asked !== undefined) line.requestedBefore = asked
    const requested = asked !== undefined && !again
    line.everGreeted = line.everGreeted || attempt.greetedAt !== undefined
    if (attempt.greetedAt !== undefined) line.startupRung = 0
    if (requested || old || attempt.tooLarge) {
      line.quick = 0
      line.required = undefined
      return
    }
    const wasQuick = attempt.greetedAt !== undefined && at - attempt.greetedAt < 5000 - instant && asked === undefined
    line.quick = wasQuick ? line.quick + 1 : attempt.greetedAt === undefined ? line.quick : 0
    if (!line.everGreeted) {
      line.startupRung++
      line.required = {
        from: at,
        wait: rungOf(startupLadder, line.startupRung),
        because: `start-up rung ${line.startupRung}`
      }
    } else {
      line.rung++
      if (attempt.invalidAt !== undefined) line.invalids++
      line.required =
        attempt.invalidAt !== undefined && line.invalids === 1
          ? { from: attempt.invalidAt, wait: 3000, because: "the first op 9" }
          : { from: at, wait: rungOf(ladder, line.rung), because: `rung ${line.rung}` }
    }
    if (line.quick >= 3) line.required = { from: at, wait: 60_000, because: `${line.quick} quick disconnects` }
    if (attempt.closeCode === 4008 || attempt.status === 429)
      line.required = { from: at, wait: 60_000, because: "slow down" }
  }

  const dial = (entry: Extract<JournalEntry, { readonly kind: "Upgrade" }>): void => {
    const now = entry.at
    const line = lineOf(Place.shardOfPath(entry.path).name)
    counts.dials++
    dialled = true
    const { current } = line
    if (current !== undefined) conclude(current)
    const isOpen = current?.connection !== undefined && current.endedAt === undefined && current.frozenAt === undefined
    if (isOpen && options.shards > 1) find("OneSocket", `two sockets of shard ${line.shard} are open`)
    const { required } = line
    if (required !== undefined && now - required.from < required.wait - instant) {
      find(
        "Ladder",
        `an attempt ${now - required.from} ms after the last one, ${required.wait} ms for ${required.because}`
      )
    }
    const attempt: Attempt = {
      line,
      dialledAt: now,
      connection: entry.connection,
      opened: false,
      greetedAt: undefined,
      readyAt: undefined,
      introduced: undefined,
      beatAt: undefined,
      ownBeatAt: Number.NEGATIVE_INFINITY,
      interval,
      beatsAsked: 0,
      answered: false,
      frozenAt: undefined,
      endedAt: entry.outcome === "Accept" ? undefined : now,
      lastAt: now,
      requestedAt: undefined,
      invalidAt: undefined,
      closeCode: undefined,
      status: entry.status,
      tooLarge: false,
      disturbed: false
    }
    line.current = attempt
    line.resuming = undefined
    if (entry.outcome !== "Accept") trouble(now)
    if (entry.connection !== undefined) attempts.set(entry.connection, attempt)
    if (model.counters().maxOpenSockets > options.shards) find("OneSocket", "two sockets of a shard are open")
  }

  const identify = (attempt: Attempt, now: number): void => {
    const { line } = attempt
    counts.identifies++
    const before = identifiedAt.at(-1)
    if (isShared && before !== undefined && before >= startedAt && now - before < pace) {
      find("IdentifyBudget", `an identify ${now - before} ms after the last one of the same process`)
    }
    identifiedAt.push(now)
    attempt.introduced = "identify"
    const fruitless = line.resumedAt.filter((at) => now - at <= 300_000).length
    const mayGiveUp =
      line.sessionDoubted ||
      line.unconfirmedOfSession >= 2 ||
      fruitless >= 5 ||
      isOld(line, now) ||
      crashedAt - line.sessionStartedAt <= unsaved ||
      forgetful
    const living = model
      .sessions(now)
      .filter(({ connection, shard }) => connection !== attempt.connection && shard.join("/") === line.shard)
    if (living.length > 0 && !mayGiveUp) {
      find("SessionGivenUp", `an identify, although session ${living[0]?.id} could be resumed`)
    }
    line.abandoned.clear()
    for (const { id } of living) line.abandoned.add(id)
    line.unconfirmed = 0
    line.unconfirmedOfSession = 0
  }

  const resume = (attempt: Attempt, session: string, now: number): void => {
    const { line } = attempt
    counts.resumes++
    attempt.introduced = "resume"
    line.resuming = session
    if (refused.has(session)) find("RefusedResume", `session ${session} was refused before`)
    if (line.skips) find("EndlessResume", `session ${session} is resumed into a frame that is too large`)
    if (line.unconfirmed >= 2) find("EndlessResume", `a resume after ${line.unconfirmed} that were not confirmed`)
    line.unconfirmed++
    line.unconfirmedOfSession++
    line.resumedAt.push(now)
    if (line.resumedAt.length > 16) line.resumedAt.shift()
  }

  const becomeReady = (attempt: Attempt, now: number, type: string): void => {
    const { line } = attempt
    attempt.readyAt = now
    attempt.greetedAt = now
    line.unconfirmed = 0
    line.unconfirmedOfSession = 0
    line.resuming = undefined
    if (type !== "READY") return
    line.skips = false
    line.sessionStartedAt = now
    line.sessionAhead = ahead
    line.firstSessionAt = Math.min(line.firstSessionAt, now)
    line.sessionDoubted = false
  }

  const refuseIfGone = ({ resuming: session }: Line, now: number): void => {
    if (session === undefined || model.sessions(now).some(({ id }) => id === session)) return
    refused.add(session)
    if (refused.size > 1000) for (const oldest of refused) return void refused.delete(oldest)
  }

  /** What was refused because of the address says nothing about the session. */
  const forgiveResume = ({ introduced, line }: Attempt): void => {
    line.sessionDoubted = line.sessionDoubtedBefore
    if (introduced !== "resume" || line.resuming === undefined) return
    refused.delete(line.resuming)
    line.unconfirmed--
    line.unconfirmedOfSession--
    line.resumedAt.pop()
  }

  const sent = (entry: Extract<JournalEntry, { readonly kind: "Sent" }>): void => {
    const attempt = attempts.get(entry.connection)
    if (attempt === undefined) return
    const now = entry.at
    attempt.lastAt = now
    if (entry.size > mostRead) return skip(attempt, now)
    switch (entry.op) {
      case 0:
        if (entry.t === "READY" || entry.t === "RESUMED") return becomeReady(attempt, now, entry.t)
        // a replayed dispatch that is new confirms a resume just as well; to be sure that it is new is not needed here
        attempt.line.unconfirmed = 0
        // nothing is heard any more behind a frame that is too large
        return attempt.tooLarge ? undefined : noteSent(attempt, entry.id, now)
      case 7:
        attempt.requestedAt ??= attempt.closeCode === undefined && attempt.invalidAt === undefined ? now : undefined
        attempt.disturbed = true
        return trouble(now)
      case 9:
        attempt.invalidAt ??= now
        attempt.disturbed = true
        attempt.line.sessionDoubtedBefore = attempt.line.sessionDoubted
        attempt.line.sessionDoubted = true
        refuseIfGone(attempt.line, now)
        return isCollision(attempt, now) ? undefined : trouble(now)
      case 1:
        attempt.beatsAsked++
        return
      case 10:
        attempt.greetedAt = now
        if (entry.interval !== undefined) attempt.interval = Beats.obeyed(entry.interval, interval)
        return
      case 11:
        attempt.answered = true
        return
      default:
        return
    }
  }

  /** A frame that is larger than anything is read costs the session, which would bring it again and again. */
  const skip = (attempt: Attempt, now: number): void => {
    attempt.tooLarge = true
    attempt.line.skips = true
    attempt.disturbed = true
    attempt.line.sessionDoubted = true
    trouble(now)
  }

  /** An identify that was refused because another process had identified; the platform refuses it as it does any other. */
  const isCollision = ({ introduced, readyAt }: Attempt, now: number): boolean =>
    isShared && introduced === "identify" && readyAt === undefined && now > troubledUntil

  const noteSent = (attempt: Attempt, id: string | undefined, now: number): void => {
    const number = id === undefined ? undefined : events.get(id)
    const message = number === undefined ? undefined : (pending.get(number) ?? recent.get(number))
    if (message === undefined) return
    message.firstSent ??= sentCount++
    message.receivedOn = attempt
    message.receivedAt = now
  }

  const received = (entry: Extract<JournalEntry, { readonly kind: "Received" }>): void => {
    const attempt = attempts.get(entry.connection)
    if (attempt === undefined) return
    attempt.lastAt = entry.at
    switch (entry.op) {
      case 1:
        attempt.beatAt = entry.at
        if (attempt.beatsAsked > 0) attempt.beatsAsked--
        else {
          const apart = entry.at - attempt.ownBeatAt
          if (apart < Beats.leastInterval - instant) find("BeatsOnTime", `a beat ${apart} ms after the last one`)
          attempt.ownBeatAt = entry.at
        }
        return
      case 2:
        return identify(attempt, entry.at)
      case 6:
        return entry.session === undefined ? undefined : resume(attempt, entry.session, entry.at)
      default:
        return
    }
  }

  const closed = (entry: Extract<JournalEntry, { readonly kind: "Closed" }>): void => {
    const attempt = attempts.get(entry.connection)
    attempts.delete(entry.connection)
    if (attempt === undefined) return
    const now = entry.at
    attempt.endedAt = now
    attempt.lastAt = now
    // all that came before a frame that is too large was heard
    if (attempt.tooLarge) attempt.closeCode = entry.code
    if (entry.by === "client") {
      const old = isOld(attempt.line, now)
      const healthy = attempt.readyAt !== undefined && !attempt.disturbed && attempt.dialledAt >= troubledUntil
      if (healthy && running && !leaving && !old && now > troubledUntil) {
        find("NeedlessEnd", "the bot left a healthy connection")
      }
      // an old session, or a connection that is dead: the bot may make itself ready again
      return trouble(now)
    }
    attempt.closeCode = entry.code
    attempt.disturbed = true
    if (entry.code === 4009 && attempt.invalidAt === undefined) attempt.requestedAt ??= now
    if (entry.code !== undefined && CloseCode.lookup(entry.code).recovery === "identify") {
      attempt.line.sessionDoubted = true
      refuseIfGone(attempt.line, now)
    }
    if (entry.code === 4004) attempt.line.sessionDoubted = true
    if (entry.code === notAllowed.close) forgiveResume(attempt)
    if (isCollision(attempt, now)) return
    trouble(entry.code === notAllowed.close ? now + longestProbe : now)
  }

  const request = (entry: Extract<JournalEntry, { readonly kind: "Request" }>): void => {
    const isFine = entry.answer === "Reply" && ((entry.status ?? 200) < 400 || entry.code === deduplicated)
    if (!isFine || (entry.after ?? 0) > promptly) requestTroubleAt = entry.at
    if (entry.path.startsWith("/v2/")) return
    if (entry.code === notAllowed.api) return trouble(entry.at + longestProbe)
    if (entry.answer !== "Reply" || (entry.status ?? 200) >= 400 || (entry.code ?? 0) !== 0) trouble(entry.at)
  }

  const accepted = (entry: Extract<JournalEntry, { readonly kind: "Accepted" }>): void => {
    if (options.ownHandlers === true) {
      counts.replies++
      // a stream may begin again with what it said before
      if (entry.stream === undefined && isSameReply(entry.msgId, entry.content)) {
        find("ReplyTwice", `users see ${JSON.stringify(entry.content)} twice in answer to ${entry.msgId}`)
      }
      return
    }
    // a part of a long text need not hold its number
    const number = events.get(entry.msgId ?? "") ?? Script.numberOf(entry.content)
    const message = pending.get(number) ?? recent.get(number)
    if (message === undefined) return find("ReplyTwice", `a reply to message ${entry.content}, long after it`)
    message.replies++
    if (message.parts.length === 0) counts.replies++
    const isProactive = entry.msgId === undefined && entry.eventId === undefined
    // what a process had stored has the times of a clock that may be set before the next one reads it
    const isDoubtful = startedAt > message.at && (steppedAt >= message.at || forgetful)
    if (isProactive && !isDoubtful && Windows.isOpen(entry.scene, entry.at - message.at)) {
      find("Proactive", `a proactive reply to message ${number}, ${entry.at - message.at} ms after it`)
    }
    if (message.ask.isStreamed) return noteStreamed(message, entry)
    if (message.replies > 1 && !message.mayRepeat)
      find("ReplyTwice", `users see ${message.replies} replies to message ${number}`)
  }

  const noteStreamed = (message: Message, entry: Extract<JournalEntry, { readonly kind: "Accepted" }>): void => {
    const { content, id, stream } = entry
    if (stream !== undefined) counts.streams++
    const part: StreamedReply.Part = { id, content, isOpen: stream === "generating", isRecalled: false }
    message.parts.push(part)
    // a plain part can be recalled, too
    streams.set(id, { message, part })
    if (streams.size > kept) for (const oldest of streams.keys()) return void streams.delete(oldest)
  }

  const streamed = ({ done, id }: Extract<JournalEntry, { readonly kind: "Streamed" }>): void => {
    const part = streams.get(id)?.part
    if (part === undefined || !done) return
    part.isOpen = false
    part.content = model.sent.findLast((sent) => sent.id === id)?.content ?? part.content
  }

  const checkStreamed = (message: Message, isSent: boolean): void => {
    const { ask, doneAt, mayRepeat, number, parts, runAt, runs } = message
    const wrong = StreamedReply.judge({
      whole: Script.whole(ask),
      parts,
      runs,
      isSent,
      mustBeClosed: !mayRepeat && requestTroubleAt < runAt - requestTakes
    })
    if (wrong !== undefined) find("StreamWrong", `message ${number}, done at ${doneAt}, begun ${runs} times: ${wrong}`)
  }

  const freeze = (now: number): void => {
    for (const attempt of attempts.values()) attempt.frozenAt ??= now
  }

  const remember = (message: Message, now: number): void => {
    pending.delete(message.number)
    recent.set(message.number, message)
    for (const [number, old] of recent) {
      if (now - (old.doneAt ?? old.givenUpAt ?? old.at) < resumableFor + remembered) return
      recent.delete(number)
    }
  }

  /** Whether the platform, or the process that runs, still has this message. */
  const isOwed = (message: Message, living: ReadonlySet<string>): boolean => {
    if (message.sessions.some((session) => living.has(session))) return true
    const { receivedAt, receivedOn } = message
    if (receivedOn === undefined || receivedAt < startedAt || !running) return false
    // what comes in the instant in which a socket is left may go unheard
    return receivedOn.endedAt === undefined || receivedOn.endedAt > receivedAt || receivedOn.closeCode !== undefined
  }

  const checkPending = (now: number, all: boolean): void => {
    if (pending.size === 0) return
    const living = new Set(
      ownSessions(now).flatMap(({ id, shard }) => (lineOf(shard.join("/")).abandoned.has(id) ? [] : [id]))
    )
    const patience = all ? 0 : inFlight + longestWait(now) + options.patience
    for (const message of pending.values()) {
      const worked = message.begun && !message.cut
      if (!worked && !isOwed(message, living)) {
        counts.gaps++
        // what a crash cut off and nothing brings again
        if (message.begun) counts.handled--
        message.givenUpAt = now
        message.firstSent = undefined
        remember(message, now)
        // before there was a session there is nothing to tell of
        if (message.at > message.line.firstSessionAt && !message.unheard) missed.push(message)
        continue
      }
      const waited = now - Math.max(message.at, quietFrom())
      if (waited <= patience || (!running && !all)) continue
      if (worked) return find("ReplyMissing", `message ${message.number} of ${message.at} is not answered`)
      return find("Lost", `message ${message.number} of ${message.at} was never handled`)
    }
  }

  /** A message that cannot come any more was said in a gap; told of after the session that begins it. */
  const checkGaps = (now: number): void => {
    if (missed.length === 0) return
    const isTold = ({ at, line }: (typeof missed)[number]): boolean =>
      gaps.some(
        ({ from, shard, to, told }) =>
          shard === line.shard &&
          ((from - instant <= at && at <= to + instant) ||
            // its times are those of a clock that was set meanwhile
            (told >= at && steppedAt >= at - resumableFor))
      )
    missed = missed.filter((message) => !isTold(message)).slice(-kept)
    const untold = missed.find(({ at, line }) => at < line.sessionStartedAt && now - line.sessionStartedAt > toldWithin)
    if (running && untold !== undefined) find("GapUntold", `what was said at ${untold.at} is lost, and nobody was told`)
  }

  const checkBeats = (now: number, attempt: Attempt): void => {
    const { beatAt, endedAt, frozenAt, readyAt } = attempt
    if (readyAt === undefined || endedAt !== undefined || frozenAt !== undefined || leaving || !running) return
    const longest = attempt.interval
    const due = beatAt === undefined || beatAt < readyAt ? readyAt + Math.min(longest, 25_000) : beatAt + longest
    if (now > due + 100) find("BeatsOnTime", `no beat at ${due}`)
  }

  /** The platform takes four replies to a message, and the parts of one may need more. */
  const isSpent = ({ parts }: Message): boolean => parts.length >= mostReplies

  /** Guilds take no message while a shard is not connected, and one that is refused its address waits for ten minutes. */
  const isUnsendable = ({ conversation }: Message, now: number): boolean =>
    /^(?:channel|dm)/.test(conversation) &&
    [...lines.values()].some(({ state, stateAt }) => state === "Waiting" && now - stateAt > 110_000)

  const checkStatus = (now: number, { current: attempt, state, stateAt }: Line): void => {
    const live = attempt?.readyAt !== undefined && attempt.endedAt === undefined && attempt.frozenAt === undefined
    if (state === "Ready" && !live) {
      const deadAt = attempt?.frozenAt ?? attempt?.endedAt ?? attempt?.dialledAt ?? startedAt
      const stale = (attempt?.interval ?? interval) + 15_000 + 1000
      if (now - Math.max(deadAt, stateAt) > stale) {
        find("StatusTruthful", `Ready, although the connection is dead since ${deadAt}`)
      }
    }
    if (live && state !== "Ready" && running && !leaving && now - Math.max(attempt.readyAt ?? 0, stateAt) > 5000) {
      find("StatusTruthful", `${state}, although the session is live since ${attempt.readyAt}`)
    }
    if (state !== "Ready" && running && !leaving && now - quietFrom() > inFlight + longestWait(now) + 5000) {
      find("ReadyAgain", `${state}, and nothing went wrong since ${quietFrom()}`)
    }
  }

  const checkAge = (now: number): void => {
    if (!running || leaving || now - quietFrom() <= replacedWithin) return
    for (const { id, isDeaf, shard } of ownSessions(now)) {
      const { sessionAhead, sessionStartedAt } = lineOf(shard.join("/"))
      const age = now - sessionStartedAt + Math.min(0, ahead - sessionAhead)
      if (isDeaf && age > day + replacedWithin && now - steppedAt > replacedWithin) {
        find("OldSession", `session ${id} is deaf, and still used ${now - sessionStartedAt} ms after its beginning`)
      }
    }
  }

  /** The message itself may be forgotten already: the platform replays what is long done with, too. */
  const forgetWork = (number: number): void => {
    for (const [conversation, worked] of working) if (worked === number) working.delete(conversation)
  }

  const noteOrder = (message: Message): void => {
    const last = conversations.get(message.conversation)
    if (last === undefined || last.number < message.number) {
      conversations.set(message.conversation, { number: message.number, firstSent: message.firstSent })
      return
    }
    // the platform may have sent them in another order than they were said in
    if ((last.firstSent ?? 0) < (message.firstSent ?? 0)) return
    find("Order", `message ${message.number} was handled after ${last.number} of the same conversation`)
  }

  const began: Oracle["began"] = (now, number) => {
    const message = pending.get(number) ?? recent.get(number)
    if (message === undefined) {
      counts.repeated++
      return
    }
    // the store knows what was sent before a crash, but for the last moment: then there is nothing to begin again
    const isKnown = message.doneAt !== undefined && !message.mayRepeat && now - message.doneAt > unsaved
    if (!isKnown) message.runs++
    message.runAt = now
    const other = working.get(message.conversation)
    if (other !== undefined && other !== number) {
      find("Order", `message ${number} is handled while message ${other} of the same conversation still is`)
    }
    working.set(message.conversation, number)
    if (message.givenUpAt !== undefined) {
      // a process resumed the session that its store still had, and the platform replayed what was missed
      message.givenUpAt = undefined
      missed = missed.filter((other) => other !== message)
      counts.gaps--
      if (message.begun) counts.handled++
    }
    if (!message.begun) {
      message.begun = true
      counts.handled++
      noteOrder(message)
      return
    }
    const { doneAt } = message
    // a user's handler may go on after the message was seen: what a restart cuts off comes again
    const cutOff = options.ownHandlers === true && doneAt !== undefined && leftAt >= doneAt - instant
    const excused =
      message.mayRepeat ||
      cutOff ||
      (doneAt === undefined ? message.cut : crashedAt > doneAt - instant && crashedAt - doneAt <= unsaved)
    if (!excused && (doneAt === undefined || now - doneAt < remembered)) {
      find("HandledTwice", `message ${number} was handled again`)
    }
    counts.repeated++
    message.cut = false
  }

  return {
    entry: (entry) => {
      switch (entry.kind) {
        case "Upgrade":
          return dial(entry)
        case "Opened": {
          const attempt = attempts.get(entry.connection)
          if (attempt !== undefined) attempt.opened = true
          return
        }
        case "Closed":
          return closed(entry)
        case "Received":
          return received(entry)
        case "Sent":
          return sent(entry)
        case "Request":
          return request(entry)
        case "Accepted":
          return accepted(entry)
        case "Fault":
          trouble(entry.at)
          if (entry.fault._tag === "Freeze") freeze(entry.at)
          for (const attempt of attempts.values()) attempt.disturbed = true
          return
        case "Violation":
          // what the others do cannot be known
          return isShared && entry.of === "IdentifyPace" ? undefined : find("IdentifyBudget", entry.of)
        case "Said": {
          const number = Script.read(entry.text ?? "")?.number
          if (number === undefined) return
          events.set(entry.event, number)
          if (entry.id !== undefined) events.set(entry.id, number)
          if (events.size > 8192) for (const oldest of events.keys()) return void events.delete(oldest)
          return
        }
        case "Streamed":
          return streamed(entry)
        case "Recalled": {
          const recalled = streams.get(entry.id)
          if (recalled !== undefined) recalled.part.isRecalled = true
          return
        }
        case "Acknowledged":
          return
      }
    },
    said: (now, ask, conversation, shard) => {
      counts.events++
      const sessions = model.sessions(now).filter((session) => session.shard.join("/") === shard)
      const line = lineOf(shard)
      pending.set(ask.number, {
        number: ask.number,
        ask,
        conversation,
        at: now,
        line,
        sessions: sessions.flatMap(({ id, isDeaf }) => (isDeaf ? [] : [id])),
        // nor does it of what is said before the first session of a process that does not know the last one
        unheard: sessions.some(({ isDeaf }) => isDeaf) || (forgetful && line.sessionStartedAt < startedAt),
        mayRepeat: false,
        firstSent: undefined,
        receivedOn: undefined,
        receivedAt: 0,
        begun: false,
        doneAt: undefined,
        givenUpAt: undefined,
        cut: false,
        unknown: false,
        replies: 0,
        parts: [],
        runs: 0,
        runAt: 0
      })
    },
    troubled: (until) => {
      troubledUntil = Math.max(troubledUntil, until)
    },
    storeTroubled: (now, troubled) => {
      if (troubled) {
        unsavedSince ??= now
        savedFrom = Number.POSITIVE_INFINITY
      } else if (unsavedSince !== undefined) savedFrom = Math.min(savedFrom, now + savedWithin)
    },
    started: (now) => {
      forgetProcess(now)
      forgetStored(now)
      running = true
      leaving = false
      startedAt = now
      dialled = false
    },
    stopping: (now) => {
      leaving = true
      stoppingAt = now
      trouble(now)
    },
    stopped: (now, crashed) => {
      running = false
      leaving = false
      leftAt = now
      if (!crashed && now - stoppingAt > longestEnd) find("SlowEnd", `the bot left after ${now - stoppingAt} ms`)
      if (crashed) {
        crashedAt = now
        for (const message of pending.values()) if (message.begun && message.doneAt === undefined) message.cut = true
      }
      for (const line of lines.values()) {
        line.state = "Disconnected"
        line.stateAt = now
      }
      trouble(now)
    },
    ended: (because) => find("Stopped", because),
    status: (now, shard, next) => {
      const line = lineOf(shard)
      if (next === line.state) return
      // with a long interval it takes long to see that a connection is dead
      const { current } = line
      if (current?.frozenAt !== undefined && current.interval > interval && line.state === "Ready") trouble(now)
      line.state = next
      line.stateAt = now
    },
    stepped: (now, by) => {
      steppedAt = now
      ahead += by
    },
    gap: (shard, from, to, now) => {
      gaps.push({ shard, from, to, told: now })
      if (gaps.length > kept) gaps.shift()
    },
    began,
    again: (now, number) => {
      const message = pending.get(number) ?? recent.get(number)
      if (message === undefined) return
      message.runs++
      message.runAt = now
    },
    done: (now, number, outcome) => {
      const message = pending.get(number) ?? recent.get(number)
      forgetWork(number)
      if (message === undefined) return
      message.doneAt ??= now
      if (outcome === "failed" && !isUnsendable(message, now) && !isSpent(message)) {
        find("ReplyMissing", `the bot could not answer message ${number}`)
      }
      if (outcome === "unknown") {
        message.unknown = true
        counts.unknown++
      }
      if (message.replies === 0 && outcome === "sent") {
        find("ReplyMissing", `the bot says that it answered message ${number}, and nobody sees it`)
      }
      if (message.ask.isStreamed && outcome !== "observed") checkStreamed(message, outcome === "sent")
      remember(message, now)
    },
    cut: (_now, number, ranFor) => {
      const message = pending.get(number) ?? recent.get(number)
      forgetWork(number)
      if (message !== undefined) message.cut = true
      if (ranFor < 9900)
        find("CutOff", `the handler of message ${number} was cut off ${ranFor} ms after the shutdown began`)
    },
    check: (now) => {
      if (found !== undefined) return found
      if (running && !leaving && !dialled && quietFrom() === startedAt && now - startedAt > longestStart) {
        find("SlowStart", `no attempt to connect ${now - startedAt} ms after the start`)
      }
      for (const line of lines.values()) {
        if (line.current !== undefined) checkBeats(now, line.current)
        checkStatus(now, line)
      }
      if (now - checkedAt >= slowly) {
        checkedAt = now
        checkPending(now, false)
        checkAge(now)
        checkGaps(now)
      }
      return found
    },
    finish: (now) => {
      checkPending(now, true)
      if (found === undefined && model.counters().openSockets > 0) find("Leak", "a socket is open")
      if (found === undefined && leftAt < startedAt) find("Leak", "the bot still runs")
      return found
    },
    tally: () => ({
      events: counts.events,
      handled: counts.handled,
      gaps: counts.gaps,
      repeated: counts.repeated,
      replies: counts.replies,
      streams: counts.streams,
      unknown: counts.unknown,
      reconnects: Math.max(0, counts.dials - options.run.length),
      resumes: counts.resumes,
      identifies: counts.identifies
    })
  }
}
