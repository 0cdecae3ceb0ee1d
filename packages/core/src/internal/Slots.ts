/**
 * Open addressing over numbers: which index belongs to which hash, so that a search that finds nothing reads one cache line.
 * What an index stands for is the affair of its owner, which compares the keys.
 *
 * @since 0.1.0
 */

/**
 * The slots. Their owner keeps at least half of them free.
 *
 * @since 0.1.0
 * @category models
 */
export class Slots {
  /** A hash, and its index plus one; `0` there means that the slot is free. */
  readonly pairs: Int32Array
  /** A hash is looked for from the slot `hash & mask` on, up to the first free one. */
  readonly mask: number

  /** `count`: a power of two. */
  constructor(count: number) {
    this.pairs = new Int32Array(2 * count)
    this.mask = count - 1
  }

  /** Adds an index. */
  put(hash: number, index: number): void {
    const { mask, pairs } = this
    let at = hash & mask
    while (pairs[2 * at + 1] !== 0) at = (at + 1) & mask
    pairs[2 * at] = hash
    pairs[2 * at + 1] = index + 1
  }

  /** Removes an index that was put with this hash. */
  remove(hash: number, index: number): void {
    const { mask, pairs } = this
    let at = hash & mask
    while (pairs[2 * at + 1] !== index + 1) at = (at + 1) & mask
    this.close(at)
  }

  /** Moves back what was put behind a slot that is free now, so that a search may stop at the first free one. */
  private close(slot: number): void {
    const { mask, pairs } = this
    let hole = slot
    for (let at = (slot + 1) & mask; ; at = (at + 1) & mask) {
      const index = pairs[2 * at + 1] ?? 0
      if (index === 0) break
      const hash = pairs[2 * at] ?? 0
      // it may move back to the hole if its search begins there or before
      if (((at - hash) & mask) < ((at - hole) & mask)) continue
      pairs[2 * hole] = hash
      pairs[2 * hole + 1] = index
      hole = at
    }
    pairs[2 * hole + 1] = 0
  }
}
