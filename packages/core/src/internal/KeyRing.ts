/**
 * Tens of thousands of keys, found by text and forgotten about in the order in which they were added. What is known of a key
 * is kept in columns, one array for each fact: unlike a record for each key they give the garbage collector nothing to copy,
 * and the oldest is read without leaving the cache.
 *
 * A class that extends it owns the columns of its facts. The row of a key never changes, and `place` says where in a column
 * its facts are.
 *
 * @since 0.1.0
 */
import { Slots } from "./Slots.ts"

/** Initial number of places. */
const smallest = 16

/**
 * A column with twice the places: whichever half a row's new place is in, its fact is there.
 *
 * @since 0.1.0
 * @category columns
 */
export const doubledNumbers = (column: Float64Array): Float64Array => {
  const doubled = new Float64Array(2 * column.length)
  doubled.set(column)
  doubled.set(column, column.length)
  return doubled
}

/**
 * As {@link doubledNumbers}, for a column of values.
 *
 * @since 0.1.0
 * @category columns
 */
export const doubledValues = <A>(column: ReadonlyArray<A>): Array<A> => [...column, ...column]

/**
 * A column of numbers for an empty ring.
 *
 * @since 0.1.0
 * @category columns
 */
export const makeNumbers = (): Float64Array => new Float64Array(smallest)

/**
 * A column of values for an empty ring.
 *
 * @since 0.1.0
 * @category columns
 */
export const makeValues = <A>(value: A): Array<A> => Array.from({ length: smallest }, () => value)

/**
 * The ring. Several rows may have the same key.
 *
 * @since 0.1.0
 * @category models
 */
export abstract class KeyRing {
  /** The oldest row that is in the ring, where it is not empty. */
  first = 0
  /** The row that is added next. */
  end = 0
  /** Rows in the ring. */
  size = 0
  private mask = smallest - 1
  private keys: Array<string | undefined> = makeValues<string | undefined>(undefined)
  private hashes = new Int32Array(smallest)
  private slots = new Slots(2 * smallest)

  /** The places have doubled, and so must the columns. */
  protected abstract doubled(): void

  /** Where in a column the facts of a row are. */
  place(row: number): number {
    return row & this.mask
  }

  /** Whether a row is in the ring. */
  has(row: number): boolean {
    return row >= this.first && row < this.end && this.keys[row & this.mask] !== undefined
  }

  /** The key of a row that is in the ring. */
  keyOf(row: number): string {
    return this.keys[row & this.mask] ?? ""
  }

  /** The row of this key, whose hash by `KeyTable.hashOf` this is; of several the next one after `after`. `-1`: there is none. */
  find(key: string, hash: number, after = -1): number {
    const { keys } = this
    const { mask, pairs } = this.slots
    let isAfter = after === -1
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const index = pairs[2 * at + 1] ?? 0
      if (index === 0) return -1
      if (pairs[2 * at] !== hash || keys[index - 1] !== key) continue
      const row = this.first + ((index - 1 - this.first) & this.mask)
      if (isAfter) return row
      isAfter = row === after
    }
  }

  /** Forgets a row that is in the ring. */
  remove(row: number): void {
    const { keys, mask } = this
    const place = row & mask
    this.slots.remove(this.hashes[place] ?? 0, place)
    keys[place] = undefined
    this.size--
    while (this.first < this.end && keys[this.first & mask] === undefined) this.first++
  }

  /** Calls `look` with each row, oldest first. */
  forEach(look: (row: number) => void): void {
    for (let row = this.first; row < this.end; row++) if (this.keys[row & this.mask] !== undefined) look(row)
  }

  /** Adds a row; its facts are the caller's to write. */
  protected append(key: string, hash: number): number {
    if (this.end - this.first > this.mask) this.grow()
    const row = this.end++
    const place = row & this.mask
    this.keys[place] = key
    this.hashes[place] = hash
    this.size++
    this.slots.put(hash, place)
    return row
  }

  private grow(): void {
    const { hashes, keys, mask } = this
    const places = 2 * (mask + 1)
    this.mask = places - 1
    this.keys = Array.from({ length: places }, () => undefined)
    this.hashes = new Int32Array(places)
    this.slots = new Slots(2 * places)
    for (let row = this.first; row < this.end; row++) {
      const key = keys[row & mask]
      if (key === undefined) continue
      const hash = hashes[row & mask] ?? 0
      this.keys[row & this.mask] = key
      this.hashes[row & this.mask] = hash
      this.slots.put(hash, row & this.mask)
    }
    this.doubled()
  }
}
