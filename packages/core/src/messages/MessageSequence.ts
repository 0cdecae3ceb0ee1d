/**
 * `msg_seq`: the platform accepts each pair of `msg_id` and `msg_seq` once. It is computed from the identity of a reply, not
 * counted: a retry, a replayed event and a second replica send the same pair, and the platform shows the reply once.
 *
 * Two disjoint ranges: named replies below 2^30, all other messages from 2^30 to below 2^31. A name owns a block of 64
 * numbers: 16 parts of 4 variants each. Values up to 72 016 803 are known to be accepted (openclaw-qqbot#95); values above 2^31
 * are untested.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"

/**
 * The identity of a reply, with its part and variant.
 *
 * @since 0.1.0
 * @category models
 */
export interface ReplyName {
  /** The name of the handler. */
  readonly handler: string
  /** The caller's key, or the number of the reply in its run, from 0. */
  readonly key: string | number
  /** 0 for a whole message; 1 to 15 for the parts of a split one. */
  readonly part: number
  /**
   * 0: as written. 1: as plain text, or with its media uploaded again. 2: without its keyboard. 3: with its addresses masked.
   */
  readonly variant: number
}

/**
 * The identity of a reply, without its part and variant.
 *
 * @since 0.1.0
 * @category models
 */
export type ReplyKey = Pick<ReplyName, "handler" | "key">

const blocks = 2 ** 24
const parts = 16
const variants = 4
const blockSize = parts * variants

/**
 * Maximum number of parts of one message.
 *
 * @since 0.1.0
 * @category constants
 */
export const maximumParts: number = parts - 1

/** The 32-bit FNV-1a hash of UTF-16 code units: few collisions among the few replies of one message. */
const hash = (text: string): number => {
  let value = 0x811c9dc5
  for (let index = 0; index < text.length; index++) {
    value ^= text.charCodeAt(index)
    value = Math.imul(value, 0x01000193)
  }
  return value >>> 0
}

/**
 * The `msg_seq` of a reply: at least 64, below 2^30.
 *
 * @since 0.1.0
 * @category constructors
 */
export const forReply = (name: ReplyName): number => {
  const kind = typeof name.key === "number" ? "n" : "k"
  // block 0 is not used: it would begin with 0, which the platform may treat as a missing number
  const block = 1 + (hash(`${name.handler}\u0000${kind}${name.key}`) % (blocks - 1))
  const part = Math.min(Math.max(name.part, 0), parts - 1)
  const variant = Math.min(Math.max(name.variant, 0), variants - 1)
  return block * blockSize + part * variants + variant
}

/**
 * The part and variant that a `msg_seq` stands for, if it belongs to this name; `undefined` if it does not.
 *
 * @since 0.1.0
 * @category destructors
 */
export const withinReply = (sequence: number, name: ReplyKey): Pick<ReplyName, "part" | "variant"> | undefined => {
  const offset = sequence - forReply({ ...name, part: 0, variant: 0 })
  return offset < 0 || offset >= blockSize
    ? undefined
    : { part: Math.floor(offset / variants), variant: offset % variants }
}

const firstTimed = 2 ** 30

/**
 * The `msg_seq` of a message without a name, at this time in epoch milliseconds; `after` is the last number given, so that
 * none is given twice. At least 2^30, below 2^31.
 *
 * @since 0.1.0
 * @category constructors
 */
export const forTime = (now: number, after: number | undefined): number => {
  const wanted = firstTimed + (Math.trunc(now) % firstTimed)
  if (after === undefined) return wanted
  // the range is a circle: a number less than half of it ahead is later
  const ahead = (wanted - after + firstTimed) % firstTimed
  return ahead > 0 && ahead < firstTimed / 2 ? wanted : firstTimed + ((after - firstTimed + 1) % firstTimed)
}

/**
 * The numbers of {@link forTime} by this clock, none of them twice.
 *
 * @since 0.1.0
 * @category constructors
 */
export const timed = (clock: Clock.Clock): (() => number) => {
  let last: number | undefined
  return () => {
    last = forTime(clock.unsafeCurrentTimeMillis(), last)
    return last
  }
}
