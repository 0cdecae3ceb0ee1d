/**
 * Bots that end the process they run in. A message that crashes its handler's process is replayed to the next process, and
 * ends that too: without a limit one bot takes all runners down. Unclean ends are counted for each shard of a bot; what it
 * was handling when they happened is noted once it is suspect, so that of the bots which died together the one that did it is
 * told from those that happened to be there.
 *
 * Everything here is pure; the counts are columns of the unit's row.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"

/**
 * When a bot is put aside.
 *
 * @since 0.1.0
 * @category models
 */
export interface QuarantinePolicy {
  /** Unclean ends within the window that put a bot aside. Default 3. */
  readonly after: number
  /** The window in which unclean ends count. Default 10 min. */
  readonly window: Duration.Duration
  /** How long a bot is put aside the first time, the second, …; the last one is for all later ones. Default 1, 5, 30 min. */
  readonly ladder: readonly [Duration.Duration, ...ReadonlyArray<Duration.Duration>]
  /** How long after a quarantine the ladder starts over. Default 1 h. */
  readonly forgivenAfter: Duration.Duration
}

/**
 * The defaults, documented at the fields of {@link QuarantinePolicy}.
 *
 * @since 0.1.0
 * @category constants
 */
export const defaults: QuarantinePolicy = {
  after: 3,
  window: Duration.minutes(10),
  ladder: [Duration.minutes(1), Duration.minutes(5), Duration.minutes(30)],
  forgivenAfter: Duration.hours(1)
}

/**
 * An event whose handlers ran.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Handled = Schema.Struct({
  /** The key under which duplicates of it are known. */
  key: Schema.String,
  /** Its sequence number in the session. */
  seq: Schema.Number
})

/**
 * @since 0.1.0
 * @category schemas
 */
export type Handled = typeof Handled.Type

/**
 * One unclean end.
 *
 * @since 0.1.0
 * @category schemas
 */
export const UncleanEnd = Schema.Struct({
  /** Milliseconds of the database's clock. */
  at: Schema.Number,
  /** Whether the bot had not been Ready yet. */
  starting: Schema.Boolean,
  /** What it was handling, where that was noted. */
  handling: Schema.Array(Handled)
})

/**
 * @since 0.1.0
 * @category schemas
 */
export type UncleanEnd = typeof UncleanEnd.Type

/**
 * What is known about the ends of a unit.
 *
 * @since 0.1.0
 * @category models
 */
export interface Record {
  /** Oldest first. */
  readonly ends: ReadonlyArray<UncleanEnd>
  /** Quarantines in a row. */
  readonly strikes: number
  /** When the last one began, in milliseconds of the database's clock. */
  readonly quarantinedAt: number | undefined
}

/**
 * What follows.
 *
 * @since 0.1.0
 * @category models
 */
export type Verdict =
  /** Nothing happened. */
  | { readonly _tag: "Clear" }
  /** It ended uncleanly: note what it handles. */
  | { readonly _tag: "Suspect" }
  | {
      readonly _tag: "Quarantined"
      readonly for: Duration.Duration
      /** The events that it was handling each time; skipped when it runs again. */
      readonly skip: ReadonlyArray<Handled>
    }

const inWindow = (policy: QuarantinePolicy, { ends }: Record, now: number): ReadonlyArray<UncleanEnd> =>
  ends.filter(({ at }) => now - at < Duration.toMillis(policy.window)).slice(-policy.after)

/** The events that every end with a note of what was handled has in common; there must be two such ends at least. */
const common = (ends: ReadonlyArray<UncleanEnd>): ReadonlyArray<Handled> => {
  const [last, ...others] = ends.toReversed().filter(({ handling }) => handling.length > 0)
  if (last === undefined || others.length === 0) return []
  return last.handling.filter(({ key }) => others.every(({ handling }) => handling.some((other) => other.key === key)))
}

/**
 * What the record says at this moment. The third unclean end within ten minutes puts a bot aside where the same event was
 * being handled at two of them, or where the bot never got as far as Ready. Others died beside it.
 *
 * @since 0.1.0
 * @category combinators
 */
export const decide = (policy: QuarantinePolicy, record: Record, now: number): Verdict => {
  const ends = inWindow(policy, record, now)
  if (ends.length === 0) return { _tag: "Clear" }
  if (ends.length < policy.after) return { _tag: "Suspect" }
  const skip = common(ends)
  if (skip.length === 0 && !ends.every(({ starting }) => starting)) return { _tag: "Suspect" }
  const rung = Math.min(strikesAt(policy, record, now), policy.ladder.length - 1)
  return { _tag: "Quarantined", for: policy.ladder[rung] ?? policy.ladder[0], skip }
}

const strikesAt = (policy: QuarantinePolicy, { quarantinedAt, strikes }: Record, now: number): number =>
  quarantinedAt !== undefined && now - quarantinedAt >= Duration.toMillis(policy.forgivenAfter) ? 0 : strikes

/**
 * The record with one more unclean end.
 *
 * @since 0.1.0
 * @category combinators
 */
export const withEnd = (policy: QuarantinePolicy, record: Record, end: UncleanEnd): Record => ({
  ...record,
  ends: [...inWindow(policy, record, end.at), end].slice(-policy.after)
})

/**
 * The record once a quarantine has begun: its ends are paid for.
 *
 * @since 0.1.0
 * @category combinators
 */
export const quarantined = (policy: QuarantinePolicy, record: Record, now: number): Record => ({
  ends: [],
  strikes: strikesAt(policy, record, now) + 1,
  quarantinedAt: now
})
