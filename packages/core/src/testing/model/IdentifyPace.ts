/**
 * The pace of identifies, and the violations that the platform tolerates.
 *
 * @since 0.1.0
 */
import type { Violation } from "./Journal.ts"
import type { Platform } from "./Platform.ts"

/**
 * The identifies received.
 *
 * @since 0.1.0
 * @category models
 */
export interface IdentifyPace {
  /** The newest `journalLimit`. */
  readonly identifies: ReadonlyArray<{ readonly at: number; readonly shard: string; readonly accepted: boolean }>
  readonly note: (now: number, shard: string, accepted: boolean) => void
  /** Whether the limit of the current window is reached. */
  readonly isSpent: (now: number) => boolean
  readonly violate: (now: number, of: Violation, shard: string) => void
  readonly violations: () => number
}

/** `max_concurrency` is per this many milliseconds. */
const identifyWindow = 5000

/**
 * No identify yet.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = ({ journal, settings }: Platform): IdentifyPace => {
  const identifies: Array<{ readonly at: number; readonly shard: string; readonly accepted: boolean }> = []
  let violations = 0

  const violate = (now: number, of: Violation, shard: string): void => {
    violations += 1
    journal.push({ at: now, kind: "Violation", of, shard })
  }

  const noteIdentify = (now: number, shard: string, accepted: boolean): void => {
    if (identifies.length >= settings.journalLimit) identifies.splice(0, Math.max(1, settings.journalLimit >> 3))
    identifies.push({ at: now, shard, accepted })
    let lately = 0
    for (let index = identifies.length - 1; index >= 0 && now - identifies[index]!.at < identifyWindow; index--)
      lately += 1
    if (lately > settings.maxConcurrency) violate(now, "IdentifyPace", shard)
  }

  return {
    identifies,
    note: noteIdentify,
    isSpent: (now) => {
      const lately = identifies.filter(({ accepted, at }) => accepted && now - at < identifyWindow)
      return lately.length >= settings.maxConcurrency
    },
    violate,
    violations: () => violations
  }
}
