/**
 * What a well-behaved bot does, as a judge of everything that crosses the wire between one bot and a model of the platform.
 * It looks from outside only: at the platform's journal, at what the handlers saw, and at what the bot said about itself.
 * It shares no code with the bot and states the rules a second time, in its own words; where the wire leaves a doubt, it
 * decides for the bot.
 *
 * Each room of `oracle/` holds the rules of one matter, with what they have to know; this one hands them what happens.
 *
 * @since 0.1.0
 */
import type { JournalEntry } from "./model/Journal.ts"
import * as Bounds from "./oracle/Bounds.ts"
import * as Case from "./oracle/Case.ts"
import * as Dialling from "./oracle/Dialling.ts"
import * as Handling from "./oracle/Handling.ts"
import * as Inquiry from "./oracle/Inquiry.ts"
import * as Line from "./oracle/Line.ts"
import * as Owed from "./oracle/Owed.ts"
import * as Replies from "./oracle/Replies.ts"
import * as Sessions from "./oracle/Sessions.ts"
import * as Status from "./oracle/Status.ts"
import * as Wire from "./oracle/Wire.ts"
import type * as Script from "./simulation/Script.ts"

export type {
  /**
   * @since 0.1.0
   * @category models
   */
  Finding,
  /**
   * @since 0.1.0
   * @category models
   */
  Invariant,
  /**
   * @since 0.1.0
   * @category models
   */
  Options
} from "./oracle/Case.ts"

export type {
  /**
   * @since 0.1.0
   * @category models
   */
  Ask
} from "./simulation/Script.ts"

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
  readonly check: (now: number) => Case.Finding | undefined
  /** The same at the end, when every message should have been handled and answered. */
  readonly finish: (now: number) => Case.Finding | undefined
  readonly tally: () => Tally
}

/** What is known when a process begins, is told to leave, or has left. */
const processOf = (
  state: Case.Case,
  rooms: {
    readonly sessions: Sessions.Sessions
    readonly inquiry: Inquiry.Inquiry
    readonly owed: Owed.Owed
    readonly handling: Handling.Handling
  }
): Pick<Oracle, "started" | "stopping" | "stopped" | "stepped" | "storeTroubled"> => {
  const { bot, find, lines, trouble } = state
  const { handling, inquiry, owed, sessions } = rooms

  /** A process that begins on a store which may lack something knows less than the last one. */
  const forgetStored = (now: number): void => {
    if (bot.unsavedSince !== undefined && bot.leftAt > bot.savedFrom) bot.unsavedSince = undefined
    const since = bot.unsavedSince
    bot.forgetful = since !== undefined
    if (since === undefined) return
    owed.forget()
    sessions.forget()
    for (const message of inquiry.all()) {
      message.unheard = true
      if ((message.doneAt ?? now) >= since - Bounds.unsaved) message.mayRepeat = true
    }
  }

  return {
    started: (now) => {
      for (const line of lines.values()) Line.forgetProcess(line, now)
      handling.forget()
      forgetStored(now)
      bot.running = true
      bot.leaving = false
      bot.startedAt = now
      bot.dialled = false
    },
    stopping: (now) => {
      bot.leaving = true
      bot.stoppingAt = now
      trouble(now)
    },
    stopped: (now, crashed) => {
      bot.running = false
      bot.leaving = false
      bot.leftAt = now
      if (!crashed && now - bot.stoppingAt > Bounds.longestEnd)
        find("SlowEnd", `the bot left after ${now - bot.stoppingAt} ms`)
      if (crashed) {
        bot.crashedAt = now
        handling.crashed()
      }
      for (const line of lines.values()) {
        line.state = "Disconnected"
        line.stateAt = now
      }
      trouble(now)
    },
    stepped: (now, by) => {
      bot.steppedAt = now
      bot.ahead += by
    },
    storeTroubled: (now, troubled) => {
      if (troubled) {
        bot.unsavedSince ??= now
        bot.savedFrom = Number.POSITIVE_INFINITY
      } else if (bot.unsavedSince !== undefined) bot.savedFrom = Math.min(bot.savedFrom, now + Bounds.savedWithin)
    }
  }
}

/**
 * A judge who has seen nothing yet.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Case.Options): Oracle => {
  const state = Case.make(options)
  const { attempts, bot, find, found, isShared, lines } = state
  const inquiry = Inquiry.make()
  const dialling = Dialling.make(state)
  const sessions = Sessions.make(state)
  const status = Status.make(state, sessions)
  const owed = Owed.make(state, inquiry, sessions)
  const wire = Wire.make(state, sessions, owed.noteSent)
  const handling = Handling.make(state, inquiry, owed)
  const replies = Replies.make(state, inquiry)
  let checkedAt = 0

  const entry = (entry: JournalEntry): void => {
    switch (entry.kind) {
      case "Upgrade":
        return dialling.dial(entry)
      case "Opened": {
        const attempt = attempts.get(entry.connection)
        if (attempt !== undefined) attempt.opened = true
        return
      }
      case "Closed":
        return wire.closed(entry)
      case "Received":
        return wire.received(entry)
      case "Sent":
        return wire.sent(entry)
      case "Request":
        return wire.request(entry)
      case "Accepted":
        return replies.accepted(entry)
      case "Streamed":
        return replies.streamed(entry)
      case "Recalled":
        return replies.recalled(entry.id)
      case "Fault":
        return wire.strike(entry)
      case "Violation":
        // what the others do cannot be known
        return isShared && entry.of === "IdentifyPace" ? undefined : find("IdentifyBudget", entry.of)
      case "Said":
        return inquiry.name([entry.event, entry.id], entry.text)
      case "Uploaded":
      case "Acknowledged":
        return
    }
  }

  const check = (now: number): Case.Finding | undefined => {
    if (found() !== undefined) return found()
    dialling.check(now)
    for (const line of lines.values()) {
      if (line.current !== undefined) wire.check(now, line.current)
      status.check(now, line)
    }
    if (now - checkedAt >= Bounds.slowly) {
      checkedAt = now
      owed.check(now, false)
      sessions.check(now)
    }
    return found()
  }

  const finish = (now: number): Case.Finding | undefined => {
    owed.check(now, true)
    if (options.model.counters().openSockets > 0) find("Leak", "a socket is open")
    if (bot.leftAt < bot.startedAt) find("Leak", "the bot still runs")
    return found()
  }

  const tally = (): Tally => {
    const { events, gaps, unhandled } = owed.count()
    const { handled, repeated } = handling.count()
    return {
      events,
      handled: handled - unhandled,
      gaps,
      repeated,
      ...replies.count(),
      reconnects: Math.max(0, dialling.count() - options.run.length),
      ...sessions.count()
    }
  }

  return {
    entry,
    said: owed.said,
    troubled: (until) => {
      bot.troubledUntil = Math.max(bot.troubledUntil, until)
    },
    ...processOf(state, { handling, inquiry, owed, sessions }),
    ended: (because) => find("Stopped", because),
    status: status.status,
    gap: owed.gap,
    began: handling.began,
    again: handling.again,
    done: (now, message, outcome) => {
      handling.left(message)
      replies.done(now, message, outcome)
    },
    cut: handling.cut,
    check,
    finish,
    tally
  }
}
