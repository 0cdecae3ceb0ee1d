/**
 * The state that all parts of a model share: settings, timers, records and lasting faults.
 *
 * @since 0.1.0
 */
import * as Armed from "./Armed.ts"
import * as CivilDate from "./CivilDate.ts"
import * as Journal from "./Journal.ts"
import type { Output } from "./Model.ts"
import type { Settings } from "./Settings.ts"
import * as Timers from "./Timers.ts"

/**
 * A message of the bot while the model may still change it.
 *
 * @since 0.1.0
 * @category models
 */
export type MutableSentMessage = { -readonly [Key in keyof Journal.SentMessage]: Journal.SentMessage[Key] }

/**
 * @since 0.1.0
 * @category models
 */
export interface Platform {
  readonly settings: Settings
  readonly timers: Timers.Timers
  readonly armed: Armed.Armed
  readonly journal: Journal.Bounded<Journal.JournalEntry>
  readonly sent: Journal.Bounded<MutableSentMessage>
  readonly outputs: Array<Output>
  /** Whether the caller's address is off the allow-list. */
  ipNotAllowed: boolean
  /** The offset of the timestamps, in milliseconds. */
  clockSkew: number
  /** The next number of a kind of id, from 1. */
  readonly count: (kind: string) => number
  /** A timestamp as the platform writes it. */
  readonly timestamp: (now: number) => string
}

/** What is counted to make ids that a bot remembers. */
const identified: ReadonlySet<string> = new Set(["event", "interaction", "message", "sent", "session"])

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (settings: Settings): Platform => {
  const counts = new Map<string, number>()
  const platform: Platform = {
    settings,
    timers: Timers.make(),
    armed: Armed.make(),
    journal: Journal.bounded(settings.journalLimit),
    sent: Journal.bounded(settings.journalLimit),
    outputs: [],
    ipNotAllowed: false,
    clockSkew: 0,
    count: (kind) => {
      const next = (counts.get(kind) ?? (identified.has(kind) ? settings.idsFrom : 0)) + 1
      counts.set(kind, next)
      return next
    },
    timestamp: (now) => CivilDate.rfc3339(now + platform.clockSkew)
  }
  return platform
}
