/**
 * How often something may be done, per key: the memory of cooldowns and of rate limits.
 *
 * @since 0.1.0
 */

/**
 * So often within so long. Milliseconds.
 *
 * @since 0.1.0
 * @category models
 */
export interface Limit {
  readonly times: number
  readonly within: number
}

interface Claim {
  readonly at: number
  readonly by: string
}

/**
 * At most `times` claims of a key within any stretch of `within`. It remembers a bounded number of keys; beyond that the one
 * that was used longest ago is forgotten.
 *
 * @since 0.1.0
 * @category models
 */
export class Limits {
  private readonly capacity: number
  private readonly claims = new Map<string, ReadonlyArray<Claim>>()

  constructor(capacity: number) {
    this.capacity = Math.max(1, capacity)
  }

  /**
   * Claims a key at a moment, in monotonic milliseconds: 0 where it was granted, else after how long it may be again. The
   * same claimant is granted again what it was granted: a handler that is retried spends nothing.
   */
  claim(key: string, by: string, now: number, { times, within }: Limit): number {
    const before = (this.claims.get(key) ?? []).filter(({ at }) => now - at < within)
    if (before.some((claim) => claim.by === by)) return 0
    const oldest = before.length < times ? undefined : before[before.length - times]
    if (oldest !== undefined) return oldest.at + within - now
    // at the end, as the one that was used last
    this.claims.delete(key)
    this.claims.set(key, [...before, { at: now, by }])
    if (this.claims.size > this.capacity) this.claims.delete(this.claims.keys().next().value ?? "")
    return 0
  }

  /** Maximum is the capacity. */
  get size(): number {
    return this.claims.size
  }
}

/**
 * Keys that one memory holds where nothing else is said: 10 000.
 *
 * @since 0.1.0
 * @category constants
 */
export const defaultCapacity = 10_000
