/**
 * A map from text to records, for tens of thousands of keys each of which is looked up once or twice and then forgotten:
 * open addressing over numbers, so that a lookup that finds nothing reads one cache line, and no key but an equal one.
 *
 * @since 0.1.0
 */
import { Slots } from "./Slots.ts"

/**
 * What can be kept in a {@link KeyTable}.
 *
 * @since 0.1.0
 * @category models
 */
export interface Keyed {
  readonly key: string
  /** By {@link hashOf}. */
  readonly hash: number
  /** Belongs to the table. */
  index: number
}

/** Characters of a longer key that go into its hash one by one; of the others every fourth pair does. */
const wholeLength = 32

/**
 * The hash of a key. Another seed surely gives the same text another hash, so that one table may hold several namespaces.
 *
 * @since 0.1.0
 * @category lookups
 */
export const hashOf = (key: string, seed: number): number => {
  // each step maps different hashes to different ones: so do all of them, and different seeds are never confused
  let hash = (seed ^ key.length) | 0
  let index = key.length - 1
  // from the end, where the ids of the platform differ, two characters at a time
  for (const whole = Math.max(0, index - wholeLength); index > whole; index -= 2) {
    hash = Math.imul(hash ^ (key.charCodeAt(index) | (key.charCodeAt(index - 1) << 16)), 0x85ebca6b)
    hash ^= hash >>> 13
  }
  for (; index > 0; index -= 8) {
    hash = Math.imul(hash ^ (key.charCodeAt(index) | (key.charCodeAt(index - 1) << 16)), 0x85ebca6b)
    hash ^= hash >>> 13
  }
  if (index === 0) hash = Math.imul(hash ^ key.charCodeAt(0), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 16), 0xc2b2ae35)
  return hash ^ (hash >>> 15)
}

const smallest = 64

/**
 * The table. A key is a text together with a hash.
 *
 * @since 0.1.0
 * @category models
 */
export class KeyTable<A extends Keyed> {
  private slots = new Slots(smallest)
  private readonly records: Array<A | undefined> = []
  /** Indices that are free. */
  private readonly free: Array<number> = []

  /** Records in the table. */
  get size(): number {
    return this.records.length - this.free.length
  }

  /** The record of this key, whose hash this is. */
  get(key: string, hash: number): A | undefined {
    const { records } = this
    const { mask, pairs } = this.slots
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const index = pairs[2 * at + 1] ?? 0
      if (index === 0) return undefined
      if (pairs[2 * at] !== hash) continue
      const record = records[index - 1]
      if (record !== undefined && record.key === key) return record
    }
  }

  /** Adds a record whose key is not in the table. */
  add(record: A): void {
    if (2 * (this.size + 1) > this.slots.mask + 1) this.grow()
    const index = this.free.pop() ?? this.records.length
    record.index = index
    this.records[index] = record
    this.slots.put(record.hash, index)
  }

  /** Removes a record that is in the table. */
  remove(record: A): void {
    this.slots.remove(record.hash, record.index)
    this.records[record.index] = undefined
    this.free.push(record.index)
  }

  /** Calls `look` with each record. */
  forEach(look: (record: A) => void): void {
    for (const record of this.records) if (record !== undefined) look(record)
  }

  private grow(): void {
    this.slots = new Slots(2 * (this.slots.mask + 1))
    this.forEach((record) => this.slots.put(record.hash, record.index))
  }
}
