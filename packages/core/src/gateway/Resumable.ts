/**
 * The session that another connection could resume, and what is known of how much of it was received and settled.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import type { Gap } from "./DispatchSink.ts"
import type { SessionPolicy } from "./SessionPolicy.ts"

/**
 * A session. All times are epoch milliseconds, unless they say otherwise.
 *
 * @since 0.1.0
 * @category models
 */
export interface Resumable {
  readonly id: string
  readonly startedAt: number
  lastDispatchAt: number
  /** The last sequence number that the sink took. */
  receivedSeq: number
  /** Up to when everything that the platform had to say was received. */
  heardAt: number
  /** The same moment in monotonic milliseconds; `undefined` where an earlier process noted it. */
  heardAtMonotonic: number | undefined
  /** Up to when all of it was settled: what a restart may count on. */
  settledAt: number
  /** What will be settled next, oldest first: up to when all up to these sequence numbers was received. */
  readonly marks: Array<{ readonly seq: number; readonly heardAt: number }>
}

/**
 * Both clocks at one moment, in milliseconds.
 *
 * @since 0.1.0
 * @category models
 */
export interface Now {
  readonly wall: number
  readonly monotonic: number
}

/** Maximum number of marks that are kept; without room for more, a gap begins earlier than it has to. */
const maximumMarks = 256

/**
 * A session that began now.
 *
 * @since 0.1.0
 * @category constructors
 */
export const begin = (id: string, seq: number, { monotonic, wall }: Now): Resumable => ({
  id,
  startedAt: wall,
  lastDispatchAt: wall,
  receivedSeq: seq,
  heardAt: wall,
  heardAtMonotonic: monotonic,
  settledAt: wall,
  marks: []
})

/**
 * A session of an earlier process.
 *
 * @since 0.1.0
 * @category constructors
 */
export const restore = (stored: {
  readonly id: string
  readonly seq: number
  readonly startedAt: number
  readonly heardAt: number
}): Resumable => ({
  id: stored.id,
  startedAt: stored.startedAt,
  lastDispatchAt: stored.startedAt,
  receivedSeq: stored.seq,
  heardAt: stored.heardAt,
  heardAtMonotonic: undefined,
  settledAt: stored.heardAt,
  marks: []
})

/**
 * Notes that everything was received up to this time of the wall clock.
 *
 * @since 0.1.0
 * @category combinators
 */
export const hear = (session: Resumable, at: number, now: Now): void => {
  session.heardAt = at
  session.heardAtMonotonic = now.monotonic - (now.wall - at)
}

/**
 * Marks what was received until now, and forgets the marks up to which all is settled.
 *
 * @since 0.1.0
 * @category combinators
 */
export const settle = (session: Resumable, settledSeq: number): void => {
  const { heardAt, marks, receivedSeq } = session
  if (marks.length < maximumMarks) marks.push({ seq: receivedSeq, heardAt })
  const open = marks.findIndex(({ seq }) => seq > settledSeq)
  const [last] = marks.splice(0, open < 0 ? marks.length : open).slice(-1)
  if (last !== undefined) session.settledAt = last.heardAt
}

/**
 * A gap after this session that ends now. If the wall clock was set during it, either of its readings may be the right one:
 * the gap covers both. After a restart only the wall clock is left: a session heard in the future was stored by a clock that
 * has been set back since, and the gap begins with the session.
 *
 * @since 0.1.0
 * @category combinators
 */
export const gapAfter = (
  { heardAt, heardAtMonotonic, startedAt }: Resumable,
  { monotonic, wall }: Now,
  policy: SessionPolicy
): Pick<Gap, "from" | "to"> => {
  const stored = (): number => {
    if (heardAt <= wall) return heardAt
    return startedAt < wall ? startedAt : wall - Duration.toMillis(policy.maximumAge)
  }
  const from = heardAtMonotonic === undefined ? stored() : wall - (monotonic - heardAtMonotonic)
  return { from: Math.min(heardAt, from), to: Math.max(wall, heardAt + wall - from) }
}
