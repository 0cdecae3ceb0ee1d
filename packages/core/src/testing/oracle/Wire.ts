/**
 * What crosses an open connection: beats that go out on time, sessions that are introduced, ends that have a reason.
 *
 * @since 0.1.0
 */
import * as CloseCode from "../../gateway/CloseCode.ts"
import type { JournalEntry } from "../model/Journal.ts"
import * as Beats from "./Beats.ts"
import * as Bounds from "./Bounds.ts"
import type { Case } from "./Case.ts"
import type * as Line from "./Line.ts"
import type { Sessions } from "./Sessions.ts"

/**
 * The rules of connections.
 *
 * @since 0.1.0
 * @category models
 */
export interface Wire {
  readonly sent: (entry: Extract<JournalEntry, { readonly kind: "Sent" }>) => void
  readonly received: (entry: Extract<JournalEntry, { readonly kind: "Received" }>) => void
  readonly closed: (entry: Extract<JournalEntry, { readonly kind: "Closed" }>) => void
  readonly request: (entry: Extract<JournalEntry, { readonly kind: "Request" }>) => void
  /** A fault strikes the connections that are open. */
  readonly strike: (entry: Extract<JournalEntry, { readonly kind: "Fault" }>) => void
  /** Whether a beat is due. */
  readonly check: (now: number, attempt: Line.Attempt) => void
}

/** A frame that is larger than anything is read costs the session, which would bring it again and again. */
const skip = (attempt: Line.Attempt): void => {
  attempt.tooLarge = true
  attempt.line.skips = true
  attempt.disturbed = true
  attempt.line.sessionDoubted = true
}

/** A request that finds trouble excuses what depends on it; those that send messages do not trouble a connection. */
const request = ({ bot, trouble }: Case, entry: Extract<JournalEntry, { readonly kind: "Request" }>): void => {
  const isFine = entry.answer === "Reply" && ((entry.status ?? 200) < 400 || entry.code === Bounds.deduplicated)
  if (!isFine || (entry.after ?? 0) > Bounds.promptly) bot.requestTroubleAt = entry.at
  if (entry.path.startsWith("/v2/")) return
  if (entry.code === Bounds.notAllowed.api) return trouble(entry.at + Bounds.longestProbe)
  if (entry.answer !== "Reply" || (entry.status ?? 200) >= 400 || (entry.code ?? 0) !== 0) trouble(entry.at)
}

/**
 * The rules, which have seen nothing yet; `noteSent` hears of the events that were sent.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  state: Case,
  { becomeReady, forgiveResume, identify, refuseIfGone, resume }: Sessions,
  noteSent: (attempt: Line.Attempt, event: string | undefined, now: number) => void
): Wire => {
  const { attempts, bot, find, isOld, isShared, options, trouble } = state
  const beats = Beats.make(state)

  /** An identify that was refused because another process had identified; the platform refuses it as it does any other. */
  const isCollision = ({ introduced, readyAt }: Line.Attempt, now: number): boolean =>
    isShared && introduced === "identify" && readyAt === undefined && now > bot.troubledUntil

  const sent = (entry: Extract<JournalEntry, { readonly kind: "Sent" }>): void => {
    const attempt = attempts.get(entry.connection)
    if (attempt === undefined) return
    const now = entry.at
    attempt.lastAt = now
    if (entry.size > Bounds.mostRead) {
      skip(attempt)
      return trouble(now)
    }
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
        if (entry.interval !== undefined) attempt.interval = Beats.obeyed(entry.interval, options.interval)
        return
      case 11:
        attempt.answered = true
        return
      default:
        return
    }
  }

  const received = (entry: Extract<JournalEntry, { readonly kind: "Received" }>): void => {
    const attempt = attempts.get(entry.connection)
    if (attempt === undefined) return
    attempt.lastAt = entry.at
    switch (entry.op) {
      case 1:
        return beats.beat(attempt, entry.at)
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
      const healthy = attempt.readyAt !== undefined && !attempt.disturbed && attempt.dialledAt >= bot.troubledUntil
      if (healthy && bot.running && !bot.leaving && !old && now > bot.troubledUntil) {
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
    if (entry.code === Bounds.notAllowed.close) forgiveResume(attempt)
    if (isCollision(attempt, now)) return
    trouble(entry.code === Bounds.notAllowed.close ? now + Bounds.longestProbe : now)
  }

  return {
    sent,
    received,
    closed,
    request: (entry) => request(state, entry),
    strike: ({ at, fault }) => {
      trouble(at)
      for (const attempt of attempts.values()) {
        if (fault._tag === "Freeze") attempt.frozenAt ??= at
        attempt.disturbed = true
      }
    },
    check: (now, attempt) => beats.check(now, attempt)
  }
}
