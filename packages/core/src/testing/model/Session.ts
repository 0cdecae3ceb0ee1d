/**
 * One session: its sequence numbers and the events that a resume can still replay.
 *
 * @since 0.1.0
 */
import * as Frame from "../../gateway/Frame.ts"

/**
 * An event as it goes to every session, written once: only its sequence number differs from session to session.
 *
 * @since 0.1.0
 * @category models
 */
export interface Event {
  readonly id: string
  readonly type: string
  /** The frame behind its sequence number: `"t":…,"id":…,"d":…}`. */
  readonly rest: string
}

interface Kept {
  readonly s: number
  readonly at: number
  readonly event: Event
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Session {
  readonly id: string
  readonly shard: readonly [index: number, count: number]
  readonly intents: number
  /** The last sequence number given out. */
  sequence: number
  connection: number | undefined
  disconnectedAt: number
  isDeaf: boolean
  /** The highest sequence number that a resume can no longer replay. */
  lostThrough: number
  readonly kept: Array<Kept>
  /** Where the living part of `kept` begins: moving the array for each forgotten event would be slow. */
  head: number
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: {
  readonly id: string
  readonly shard: readonly [index: number, count: number]
  readonly intents: number
  readonly now: number
}): Session => ({
  id: options.id,
  shard: options.shard,
  intents: options.intents,
  sequence: 0,
  connection: undefined,
  disconnectedAt: options.now,
  isDeaf: false,
  lostThrough: 0,
  kept: [],
  head: 0
})

/**
 * An event, ready to be sent.
 *
 * @since 0.1.0
 * @category constructors
 */
export const event = (id: string, type: string, d: unknown): Event => ({
  id,
  type,
  rest: JSON.stringify({ t: type, id, d }).slice(1)
})

/**
 * An event whose frame is larger by `size` characters at least, in a field that means nothing. The frame stays valid JSON.
 *
 * @since 0.1.0
 * @category constructors
 */
export const swell = (of: Event, size: number): Event => ({
  ...of,
  rest: `${of.rest.slice(0, -1)},"padding":"${"x".repeat(size)}"}`
})

/**
 * The frame of a dispatch.
 *
 * @since 0.1.0
 * @category encoding
 */
export const frame = (s: number, sent: Event): string => `{"op":${Frame.Opcode.Dispatch},"s":${s},${sent.rest}`

const dropFirst = (session: Session): void => {
  const first = session.kept[session.head]
  if (first === undefined) return
  session.lostThrough = first.s
  session.head += 1
  if (session.head > 1024 && session.head * 2 > session.kept.length) {
    session.kept.splice(0, session.head)
    session.head = 0
  }
}

/**
 * The number of events that a resume can still replay.
 *
 * @since 0.1.0
 * @category lookups
 */
export const buffered = (session: Session): number => session.kept.length - session.head

/**
 * Forgets the events that are older than `age` milliseconds.
 *
 * @since 0.1.0
 * @category buffer
 */
export const expire = (session: Session, now: number, age: number): void => {
  for (let first = session.kept[session.head]; first !== undefined && now - first.at > age;) {
    dropFirst(session)
    first = session.kept[session.head]
  }
}

/**
 * Gives an event the next sequence number, `skip` further on, and keeps it for a resume. Returns the number.
 *
 * @since 0.1.0
 * @category buffer
 */
export const append = (session: Session, now: number, added: Event, limit: number, skip: number): number => {
  session.sequence += 1 + skip
  session.kept.push({ s: session.sequence, at: now, event: added })
  while (buffered(session) > limit) dropFirst(session)
  return session.sequence
}

/**
 * The events after a sequence number, and up to `more` events before it.
 *
 * @since 0.1.0
 * @category buffer
 */
export const after = (
  session: Session,
  sequence: number,
  more: number
): ReadonlyArray<readonly [s: number, event: Event]> => {
  const first = session.kept.findIndex((kept, index) => index >= session.head && kept.s > sequence)
  const from = first === -1 ? session.kept.length : first
  return session.kept.slice(Math.max(session.head, from - more)).map((kept) => [kept.s, kept.event])
}
