/**
 * What the platform could deliver is handled; what it cannot deliver any more lies in a gap that the bot was told.
 *
 * @since 0.1.0
 */
import type { Ask } from "../simulation/Script.ts"
import * as Bounds from "./Bounds.ts"
import type { Case } from "./Case.ts"
import { type Inquiry, type Message, message } from "./Inquiry.ts"
import type * as Line from "./Line.ts"
import type { Sessions } from "./Sessions.ts"

/**
 * The rules of deliveries.
 *
 * @since 0.1.0
 * @category models
 */
export interface Owed {
  readonly said: (now: number, ask: Ask, conversation: string, shard: string) => void
  /** The event of a message was sent on a connection. */
  readonly noteSent: (attempt: Line.Attempt, event: string | undefined, now: number) => void
  readonly gap: (shard: string, from: number, to: number, now: number) => void
  /** A process resumed a session that its store still had, and the platform replayed a message that was given up. */
  readonly regain: (message: Message) => void
  /** A process begins that cannot know what was missed. */
  readonly forget: () => void
  /** `all`: at the end, when nothing may be open. */
  readonly check: (now: number, all: boolean) => void
  readonly count: () => { readonly events: number; readonly gaps: number; readonly unhandled: number }
}

/**
 * The rules, which have seen nothing yet.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  { bot, find, lineOf, options, ownSessions, quietFrom }: Case,
  inquiry: Inquiry,
  { longestWait }: Pick<Sessions, "longestWait">
): Owed => {
  /** Messages that cannot come any more, and that no gap has accounted for. */
  let missed: Array<Pick<Message, "at" | "line">> = []
  const gaps: Array<{ readonly shard: string; readonly from: number; readonly to: number; readonly told: number }> = []
  let sentCount = 0
  const counts = { events: 0, gaps: 0, unhandled: 0 }

  /** Whether the platform, or the process that runs, still has this message. */
  const isOwed = (message: Message, living: ReadonlySet<string>): boolean => {
    if (message.sessions.some((session) => living.has(session))) return true
    const { receivedAt, receivedOn } = message
    if (receivedOn === undefined || receivedAt < bot.startedAt || !bot.running) return false
    // what comes in the instant in which a socket is left may go unheard
    return receivedOn.endedAt === undefined || receivedOn.endedAt > receivedAt || receivedOn.closeCode !== undefined
  }

  const checkPending = (now: number, all: boolean): void => {
    if (inquiry.pending.size === 0) return
    const living = new Set(
      ownSessions(now).flatMap(({ id, shard }) => (lineOf(shard.join("/")).abandoned.has(id) ? [] : [id]))
    )
    const patience = all ? 0 : Bounds.inFlight + longestWait(now) + options.patience
    for (const message of inquiry.pending.values()) {
      const worked = message.begun && !message.cut
      if (!worked && !isOwed(message, living)) {
        counts.gaps++
        // what a crash cut off and nothing brings again
        if (message.begun) counts.unhandled++
        message.givenUpAt = now
        message.firstSent = undefined
        inquiry.settle(message, now)
        // before there was a session there is nothing to tell of
        if (message.at > message.line.firstSessionAt && !message.unheard) missed.push(message)
        continue
      }
      const waited = now - Math.max(message.at, quietFrom())
      if (waited <= patience || (!bot.running && !all)) continue
      if (worked) return find("ReplyMissing", `message ${message.number} of ${message.at} is not answered`)
      return find("Lost", `message ${message.number} of ${message.at} was never handled`)
    }
  }

  /** A message that cannot come any more lies in a gap, which is told after the READY that ends it. */
  const checkGaps = (now: number): void => {
    if (missed.length === 0) return
    const isTold = ({ at, line }: (typeof missed)[number]): boolean =>
      gaps.some(
        ({ from, shard, to, told }) =>
          shard === line.shard &&
          ((from - Bounds.instant <= at && at <= to + Bounds.instant) ||
            // its times are those of a clock that was set meanwhile
            (told >= at && bot.steppedAt >= at - Bounds.resumableFor))
      )
    missed = missed.filter((message) => !isTold(message)).slice(-Bounds.kept)
    const untold = missed.find(
      ({ at, line }) => at < line.sessionStartedAt && now - line.sessionStartedAt > Bounds.toldWithin
    )
    if (bot.running && untold !== undefined)
      find("GapUntold", `what was said at ${untold.at} is lost, and the bot was not told`)
  }

  const noteSent = (attempt: Line.Attempt, id: string | undefined, now: number): void => {
    const number = inquiry.numberOf(id)
    const message = number === undefined ? undefined : inquiry.find(number)
    if (message === undefined) return
    message.firstSent ??= sentCount++
    message.receivedOn = attempt
    message.receivedAt = now
  }

  return {
    said: (now, ask, conversation, shard) => {
      counts.events++
      const sessions = options.model.sessions(now).filter((session) => session.shard.join("/") === shard)
      const line = lineOf(shard)
      inquiry.add({
        ...message(now, ask, conversation, line),
        sessions: sessions.flatMap(({ id, isDeaf }) => (isDeaf ? [] : [id])),
        // nor does it of what is said before the first session of a process that does not know the last one
        unheard: sessions.some(({ isDeaf }) => isDeaf) || (bot.forgetful && line.sessionStartedAt < bot.startedAt)
      })
    },
    noteSent,
    gap: (shard, from, to, now) => {
      gaps.push({ shard, from, to, told: now })
      if (gaps.length > Bounds.kept) gaps.shift()
    },
    regain: (message) => {
      message.givenUpAt = undefined
      missed = missed.filter((other) => other !== message)
      counts.gaps--
      if (message.begun) counts.unhandled--
    },
    forget: () => {
      missed = []
    },
    check: (now, all) => {
      checkPending(now, all)
      if (!all) checkGaps(now)
    },
    count: () => counts
  }
}
