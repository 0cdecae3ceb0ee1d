/**
 * What the rules share: what is asked of the judge, what is known of the process of the bot, its shards, and what was found.
 *
 * @since 0.1.0
 */
import type { PlatformModel, SessionView } from "../model/PlatformModel.ts"
import * as Bounds from "./Bounds.ts"
import * as Line from "./Line.ts"

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
 * - `GapUntold`: what it could not deliver any more lies in a gap that the bot was told.
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
 * What a judge needs to know.
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
 * What is known of the process of the bot, its clock and its store. Times are in epoch milliseconds.
 *
 * @since 0.1.0
 * @category models
 */
export interface BotState {
  running: boolean
  leaving: boolean
  startedAt: number
  stoppingAt: number
  leftAt: number
  crashedAt: number
  /** Whether the present process has dialled. */
  dialled: boolean
  /** When the wall clock of the bot was last set, and how far it is ahead. */
  steppedAt: number
  ahead: number
  /** What has happened since then may not be stored; undefined: all is. */
  unsavedSince: number | undefined
  savedFrom: number
  /** Whether the present process may not know what the last one knew. */
  forgetful: boolean
  /** When something last went wrong, and until when something may. */
  quietSince: number
  troubledUntil: number
  /** When a request last found trouble. */
  requestTroubleAt: number
}

/**
 * What the rules share.
 *
 * @since 0.1.0
 * @category models
 */
export interface Case {
  readonly options: Options
  readonly bot: BotState
  readonly lines: ReadonlyMap<string, Line.Line>
  readonly lineOf: (shard: string) => Line.Line
  /** The attempts that have a connection, by its number. */
  readonly attempts: Map<number, Line.Attempt>
  /** Whether processes that know nothing of each other share the platform's pace. */
  readonly isShared: boolean
  /** The sessions of the shards that this process runs. */
  readonly ownSessions: (now: number) => ReadonlyArray<SessionView>
  /** Notes that something went wrong. */
  readonly trouble: (at: number) => void
  /** When nothing more can be expected to go wrong by itself. */
  readonly quietFrom: () => number
  /** Whether the session of a shard is a day old, by either clock. */
  readonly isOld: (line: Line.Line, now: number) => boolean
  /** Notes a rule that is broken; the first one counts. */
  readonly find: (invariant: Invariant, detail: string) => void
  readonly found: () => Finding | undefined
}

/**
 * A case in which nothing has happened yet.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Case => {
  const lines = new Map<string, Line.Line>()
  let found: Finding | undefined
  const bot: BotState = {
    running: false,
    leaving: false,
    startedAt: 0,
    stoppingAt: 0,
    leftAt: Number.NEGATIVE_INFINITY,
    crashedAt: Number.NEGATIVE_INFINITY,
    dialled: false,
    steppedAt: Number.NEGATIVE_INFINITY,
    ahead: 0,
    unsavedSince: undefined,
    savedFrom: Number.NEGATIVE_INFINITY,
    forgetful: false,
    quietSince: 0,
    troubledUntil: 0,
    requestTroubleAt: Number.NEGATIVE_INFINITY
  }
  return {
    options,
    bot,
    lines,
    lineOf: (shard) => {
      const known = lines.get(shard)
      if (known !== undefined) return known
      const line = Line.make(shard)
      lines.set(shard, line)
      return line
    },
    attempts: new Map(),
    isShared: options.run.length < options.shards,
    ownSessions: (now) => options.model.sessions(now).filter(({ shard }) => options.run.includes(shard[0])),
    trouble: (at) => {
      bot.quietSince = Math.max(bot.quietSince, at)
    },
    quietFrom: () => Math.max(bot.quietSince, bot.troubledUntil, bot.startedAt),
    isOld: ({ sessionAhead, sessionStartedAt }, now) =>
      sessionStartedAt > 0 && now - sessionStartedAt + Math.max(0, bot.ahead - sessionAhead) >= Bounds.day - 60_000,
    find: (invariant, detail) => {
      found ??= { invariant, detail }
    },
    found: () => found
  }
}
