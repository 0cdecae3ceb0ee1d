/**
 * Which sessions the bot keeps, resumes and gives up.
 *
 * @since 0.1.0
 */
import * as Bounds from "./Bounds.ts"
import type { Case } from "./Case.ts"
import type * as Line from "./Line.ts"

/**
 * The rules of sessions.
 *
 * @since 0.1.0
 * @category models
 */
export interface Sessions {
  readonly identify: (attempt: Line.Attempt, now: number) => void
  readonly resume: (attempt: Line.Attempt, session: string, now: number) => void
  /** READY or RESUMED came. */
  readonly becomeReady: (attempt: Line.Attempt, now: number, type: string) => void
  /** A resume was refused; the session may be gone. */
  readonly refuseIfGone: (line: Line.Line, now: number) => void
  /** It was refused because of the address of the bot. */
  readonly forgiveResume: (attempt: Line.Attempt) => void
  /** A process begins that does not know what was refused. */
  readonly forget: () => void
  /** Whether a deaf session is kept beyond its day. */
  readonly check: (now: number) => void
  /** The longest wait, in milliseconds, for a session to be there again. */
  readonly longestWait: (now: number) => number
  readonly count: () => { readonly identifies: number; readonly resumes: number }
}

/** Living sessions of the shard that another connection could resume. */
const othersOf = (model: Case["options"]["model"], attempt: Line.Attempt, now: number) =>
  model
    .sessions(now)
    .filter(({ connection, shard }) => connection !== attempt.connection && shard.join("/") === attempt.line.shard)

const abandon = ({ abandoned }: Line.Line, sessions: ReadonlyArray<{ readonly id: string }>): void => {
  abandoned.clear()
  for (const { id } of sessions) abandoned.add(id)
}

/** Whether the store of the bot may have missed the beginning of the session. */
const mayForget = ({ crashedAt, forgetful }: Case["bot"], { sessionStartedAt }: Line.Line): boolean =>
  crashedAt - sessionStartedAt <= Bounds.unsaved || forgetful

/**
 * The rules, which have seen nothing yet.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = ({ bot, find, isOld, isShared, lineOf, options, ownSessions, quietFrom }: Case): Sessions => {
  const { model } = options
  const counts = { identifies: 0, resumes: 0 }
  const refused = new Set<string>()
  const identifiedAt: Array<number> = []

  const longestWait = (now: number): number => {
    while (identifiedAt.length > 0 && now - (identifiedAt[0] ?? now) > Bounds.day) identifiedAt.shift()
    const left = Math.max(1, options.sessionTotal - identifiedAt.length)
    // the shards identify one after another
    const collisions = isShared ? Bounds.longestCollisions : 0
    return (
      Math.max(Bounds.rungOf(Bounds.ladder, Bounds.ladder.length), Bounds.day / left) * Bounds.jitter +
      (options.shards - 1) * Bounds.pace +
      collisions
    )
  }

  const identify = (attempt: Line.Attempt, now: number): void => {
    const { line } = attempt
    counts.identifies++
    const before = identifiedAt.at(-1)
    if (isShared && before !== undefined && before >= bot.startedAt && now - before < Bounds.pace) {
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
      mayForget(bot, line)
    const living = othersOf(model, attempt, now)
    if (living.length > 0 && !mayGiveUp) {
      find("SessionGivenUp", `an identify, although session ${living[0]?.id} could be resumed`)
    }
    abandon(line, living)
    line.unconfirmed = 0
    line.unconfirmedOfSession = 0
  }

  const resume = (attempt: Line.Attempt, session: string, now: number): void => {
    const { line } = attempt
    counts.resumes++
    attempt.introduced = "resume"
    line.resuming = session
    if (line.abandoned.has(session)) {
      // a store that lost the newer session has the older one
      const others = othersOf(model, attempt, now).filter(({ id }) => id !== session)
      if (others.length > 0 && !mayForget(bot, line)) {
        find("SessionGivenUp", `session ${session} is resumed, although session ${others[0]?.id} came after it`)
      }
      abandon(line, others)
    }
    if (refused.has(session)) find("RefusedResume", `session ${session} was refused before`)
    if (line.skips) find("EndlessResume", `session ${session} is resumed into a frame that is too large`)
    if (line.unconfirmed >= 2) find("EndlessResume", `a resume after ${line.unconfirmed} that were not confirmed`)
    line.unconfirmed++
    line.unconfirmedOfSession++
    line.resumedAt.push(now)
    if (line.resumedAt.length > 16) line.resumedAt.shift()
  }

  const becomeReady = (attempt: Line.Attempt, now: number, type: string): void => {
    const { line } = attempt
    attempt.readyAt = now
    attempt.greetedAt = now
    line.unconfirmed = 0
    line.unconfirmedOfSession = 0
    line.resuming = undefined
    if (type !== "READY") return
    line.skips = false
    line.sessionStartedAt = now
    line.sessionAhead = bot.ahead
    line.firstSessionAt = Math.min(line.firstSessionAt, now)
    line.sessionDoubted = false
  }

  const refuseIfGone = ({ resuming: session }: Line.Line, now: number): void => {
    if (session === undefined || model.sessions(now).some(({ id }) => id === session)) return
    refused.add(session)
    if (refused.size > 1000) for (const oldest of refused) return void refused.delete(oldest)
  }

  /** What was refused because of the address says nothing about the session. */
  const forgiveResume = ({ introduced, line }: Line.Attempt): void => {
    line.sessionDoubted = line.sessionDoubtedBefore
    if (introduced !== "resume" || line.resuming === undefined) return
    refused.delete(line.resuming)
    line.unconfirmed--
    line.unconfirmedOfSession--
    line.resumedAt.pop()
  }

  const checkAge = (now: number): void => {
    if (!bot.running || bot.leaving || now - quietFrom() <= Bounds.replacedWithin) return
    for (const { id, isDeaf, shard } of ownSessions(now)) {
      const { sessionAhead, sessionStartedAt } = lineOf(shard.join("/"))
      const age = now - sessionStartedAt + Math.min(0, bot.ahead - sessionAhead)
      if (isDeaf && age > Bounds.day + Bounds.replacedWithin && now - bot.steppedAt > Bounds.replacedWithin) {
        find("OldSession", `session ${id} is deaf, and still used ${now - sessionStartedAt} ms after its beginning`)
      }
    }
  }

  return {
    identify,
    resume,
    becomeReady,
    refuseIfGone,
    forgiveResume,
    forget: () => refused.clear(),
    check: checkAge,
    longestWait,
    count: () => counts
  }
}
