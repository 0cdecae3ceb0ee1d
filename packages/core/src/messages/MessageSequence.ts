/**
 * `msg_seq`: the platform takes each pair of `msg_id` and `msg_seq` once. It is computed from what a reply is, not
 * counted: a retry, a replayed event and a second replica ask for the same pair, and the platform shows the reply once.
 *
 * Two disjoint ranges: replies of handlers below 2^30, everything that has no such name from 2^30 to below 2^31. Values
 * to 72 016 803 have been seen accepted (openclaw-qqbot#95); above 2^31 nobody has been.
 *
 * @since 0.1.0
 */

/**
 * What a reply is.
 *
 * @since 0.1.0
 * @category models
 */
export interface ReplyName {
  /** The name of the handler. */
  readonly handler: string
  /** The key that the caller gave, or which reply of the run it is, counted from 0. */
  readonly key: string | number
  /** Which part of a message that had to be split, from 0 to 15. */
  readonly part: number
  /** How it is sent: 0 as it was written, 1 as plain text, 2 without its keyboard. */
  readonly variant: number
}

const blocks = 2 ** 24
const parts = 16
const variants = 4

/** The 32-bit FNV-1a hash of UTF-16 code units: spread well enough for the few replies that one message can have. */
const hash = (text: string): number => {
  let value = 0x811c9dc5
  for (let index = 0; index < text.length; index++) {
    value ^= text.charCodeAt(index)
    value = Math.imul(value, 0x01000193)
  }
  return value >>> 0
}

/**
 * The `msg_seq` of a reply: at least 1, below 2^30.
 *
 * @since 0.1.0
 * @category constructors
 */
export const forReply = (name: ReplyName): number => {
  const kind = typeof name.key === "number" ? "n" : "k"
  const block = hash(`${name.handler}\u0000${kind}${name.key}`) % blocks
  const part = Math.min(Math.max(name.part, 0), parts - 1)
  const variant = Math.min(Math.max(name.variant, 0), variants - 1)
  return Math.max(1, block * parts * variants + part * variants + variant)
}

const timed = 2 ** 30

/**
 * The `msg_seq` of what has no name, at this time in epoch milliseconds; `after` is the last one given, so that none comes
 * twice. At least 2^30, below 2^31.
 *
 * @since 0.1.0
 * @category constructors
 */
export const forTime = (now: number, after: number | undefined): number => {
  const wanted = timed + (Math.trunc(now) % timed)
  return after === undefined || wanted > after ? wanted : timed + ((after - timed + 1) % timed)
}
