/**
 * When a shard dials: at most one socket, and no attempt sooner than the ladder, or the platform, allows.
 *
 * @since 0.1.0
 */
import type { JournalEntry } from "../model/Journal.ts"
import * as Place from "../simulation/Place.ts"
import * as Bounds from "./Bounds.ts"
import type { Case } from "./Case.ts"
import * as Line from "./Line.ts"

/**
 * The rules of attempts to connect.
 *
 * @since 0.1.0
 * @category models
 */
export interface Dialling {
  readonly dial: (entry: Extract<JournalEntry, { readonly kind: "Upgrade" }>) => void
  /** Whether the present process waits too long before it dials. */
  readonly check: (now: number) => void
  /** How often the bot has dialled. */
  readonly count: () => number
}

/**
 * The rules, which have seen nothing yet.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = ({ attempts, bot, find, isOld, lineOf, options, quietFrom, trouble }: Case): Dialling => {
  let dials = 0

  const endedBy = (attempt: Line.Attempt): number => attempt.endedAt ?? attempt.lastAt

  /** Counts an attempt that is over, and works out how long the next one has to wait. */
  const conclude = (attempt: Line.Attempt): void => {
    const { line } = attempt
    const at = endedBy(attempt)
    const readyFor = attempt.readyAt === undefined ? 0 : at - attempt.readyAt
    // the bot may count any frame as an answer: a connection that could have had one counts as stable
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
    // the platform does not see a client leave a frozen connection: it may have stayed for longer
    const wasQuick =
      attempt.greetedAt !== undefined &&
      attempt.endedAt !== undefined &&
      at - attempt.greetedAt < 5000 - Bounds.instant &&
      asked === undefined
    line.quick = wasQuick ? line.quick + 1 : attempt.greetedAt === undefined ? line.quick : 0
    if (!line.everGreeted) {
      line.startupRung++
      line.required = {
        from: at,
        wait: Bounds.rungOf(Bounds.startupLadder, line.startupRung),
        because: `start-up rung ${line.startupRung}`
      }
    } else {
      line.rung++
      if (attempt.invalidAt !== undefined) line.invalids++
      line.required =
        attempt.invalidAt !== undefined && line.invalids === 1
          ? { from: attempt.invalidAt, wait: 3000, because: "the first op 9" }
          : { from: at, wait: Bounds.rungOf(Bounds.ladder, line.rung), because: `rung ${line.rung}` }
    }
    if (line.quick >= 3) line.required = { from: at, wait: 60_000, because: `${line.quick} quick disconnects` }
    if (attempt.closeCode === 4008 || attempt.status === 429)
      line.required = { from: at, wait: 60_000, because: "slow down" }
  }

  const dial = (entry: Extract<JournalEntry, { readonly kind: "Upgrade" }>): void => {
    const now = entry.at
    const line = lineOf(Place.shardOfPath(entry.path).name)
    dials++
    bot.dialled = true
    const { current } = line
    if (current !== undefined) conclude(current)
    const isOpen = current?.connection !== undefined && current.endedAt === undefined && current.frozenAt === undefined
    if (isOpen && options.shards > 1) find("OneSocket", `two sockets of shard ${line.shard} are open`)
    const { required } = line
    if (required !== undefined && now - required.from < required.wait - Bounds.instant) {
      find(
        "Ladder",
        `an attempt ${now - required.from} ms after the last one, ${required.wait} ms for ${required.because}`
      )
    }
    const attempt = Line.attempt(line, entry, options.interval)
    line.current = attempt
    line.resuming = undefined
    if (entry.outcome !== "Accept") trouble(now)
    if (entry.connection !== undefined) attempts.set(entry.connection, attempt)
    if (options.model.counters().maxOpenSockets > options.shards) find("OneSocket", "two sockets of a shard are open")
  }

  return {
    dial,
    check: (now) => {
      if (
        bot.running &&
        !bot.leaving &&
        !bot.dialled &&
        quietFrom() === bot.startedAt &&
        now - bot.startedAt > Bounds.longestStart
      ) {
        find("SlowStart", `no attempt to connect ${now - bot.startedAt} ms after the start`)
      }
    },
    count: () => dials
  }
}
