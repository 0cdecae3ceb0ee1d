/**
 * A pause before something may be done again, which a caller may cut short now and then. All times are monotonic
 * milliseconds.
 *
 * @since 0.1.0
 */

/**
 * A pause, over at first.
 *
 * @since 0.1.0
 * @category models
 */
export class Pause {
  private until = Number.NEGATIVE_INFINITY
  /** When it was last cut short. */
  private cutAt = Number.NEGATIVE_INFINITY

  /** Milliseconds until it is over; 0 where it is. */
  left(now: number): number {
    return Math.max(0, this.until - now)
  }

  /** Pauses until this moment, whatever was asked for before. */
  begin(until: number): void {
    this.until = until
  }

  /** Pauses until this moment, at least. */
  extend(until: number): void {
    this.until = Math.max(this.until, until)
  }

  /** Ends it. */
  end(): void {
    this.until = Number.NEGATIVE_INFINITY
  }

  /** Ends it now, or this many milliseconds after the last time that it was ended so. */
  cutShort(now: number, spacing: number): void {
    if (this.until <= now) return
    const soonest = Math.max(now, this.cutAt + spacing)
    if (soonest === now) this.cutAt = now
    this.until = Math.min(this.until, soonest)
  }
}
