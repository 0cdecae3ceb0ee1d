/**
 * What the bot says about its shards: Ready while it is, and Ready again in time.
 *
 * @since 0.1.0
 */
import * as Bounds from "./Bounds.ts"
import type { Case } from "./Case.ts"
import type * as Line from "./Line.ts"
import type { Sessions } from "./Sessions.ts"

/**
 * The rules of what the bot says.
 *
 * @since 0.1.0
 * @category models
 */
export interface Status {
  readonly status: (now: number, shard: string, state: string) => void
  readonly check: (now: number, line: Line.Line) => void
}

/**
 * The rules, which have heard nothing yet.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  { bot, find, lineOf, options, quietFrom, trouble }: Case,
  { longestWait }: Pick<Sessions, "longestWait">
): Status => {
  const { interval } = options

  const checkStatus = (now: number, { current: attempt, state, stateAt }: Line.Line): void => {
    const live = attempt?.readyAt !== undefined && attempt.endedAt === undefined && attempt.frozenAt === undefined
    if (state === "Ready" && !live) {
      const deadAt = attempt?.frozenAt ?? attempt?.endedAt ?? attempt?.dialledAt ?? bot.startedAt
      const stale = (attempt?.interval ?? interval) + 15_000 + 1000
      if (now - Math.max(deadAt, stateAt) > stale) {
        find("StatusTruthful", `Ready, although the connection is dead since ${deadAt}`)
      }
    }
    if (
      live &&
      state !== "Ready" &&
      bot.running &&
      !bot.leaving &&
      now - Math.max(attempt.readyAt ?? 0, stateAt) > 5000
    ) {
      find("StatusTruthful", `${state}, although the session is live since ${attempt.readyAt}`)
    }
    if (
      state !== "Ready" &&
      bot.running &&
      !bot.leaving &&
      now - quietFrom() > Bounds.inFlight + longestWait(now) + 5000
    ) {
      find("ReadyAgain", `${state}, and nothing went wrong since ${quietFrom()}`)
    }
  }

  return {
    status: (now, shard, next) => {
      const line = lineOf(shard)
      if (next === line.state) return
      // with a long interval it takes long to see that a connection is dead
      const { current } = line
      if (current?.frozenAt !== undefined && current.interval > interval && line.state === "Ready") trouble(now)
      line.state = next
      line.stateAt = now
    },
    check: checkStatus
  }
}
