/**
 * How often a bot beats, whatever HELLO says of it.
 *
 * @since 0.1.0
 */
import * as Bounds from "./Bounds.ts"
import type { Case } from "./Case.ts"
import type { Attempt } from "./Line.ts"

/**
 * No beat comes sooner after another unless it was asked for; in milliseconds.
 *
 * @since 0.1.0
 * @category constants
 */
export const leastInterval = 100

const mostInterval = 600_000

/** What is taken where HELLO has nothing that can be used. */
const defaultInterval = 45_000

/**
 * The longest time between two beats, in milliseconds, after a HELLO with this interval; `null` where that was not a number.
 * The bot may also read a number from a text, which is taken to be the `usual` interval of the platform.
 *
 * @since 0.1.0
 * @category decoding
 */
export const obeyed = (said: number | null, usual: number): number =>
  said === null || said <= 0 ? Math.max(defaultInterval, usual) : Math.min(mostInterval, Math.max(leastInterval, said))

/**
 * The rules of beats.
 *
 * @since 0.1.0
 * @category models
 */
export interface Beats {
  /** A beat came. */
  readonly beat: (attempt: Attempt, now: number) => void
  /** Whether one is due. */
  readonly check: (now: number, attempt: Attempt) => void
}

/**
 * The rules, which have seen nothing yet.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = ({ bot, find }: Case): Beats => ({
  beat: (attempt, now) => {
    attempt.beatAt = now
    if (attempt.beatsAsked > 0) {
      attempt.beatsAsked--
      return
    }
    const apart = now - attempt.ownBeatAt
    if (apart < leastInterval - Bounds.instant) find("BeatsOnTime", `a beat ${apart} ms after the last one`)
    attempt.ownBeatAt = now
  },
  check: (now, { beatAt, endedAt, frozenAt, interval, readyAt }) => {
    if (readyAt === undefined || endedAt !== undefined || frozenAt !== undefined || bot.leaving || !bot.running) return
    const due = beatAt === undefined || beatAt < readyAt ? readyAt + Math.min(interval, 25_000) : beatAt + interval
    if (now > due + 100) find("BeatsOnTime", `no beat at ${due}`)
  }
})
