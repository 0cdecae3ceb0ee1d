/**
 * How often `/gateway/bot` may be asked now: a burst, then one request in a while, and none during a pause. A token bucket
 * whose transitions are pure but for the pause.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import { Pause } from "../internal/Pause.ts"

/**
 * Requests that may be made. All times are monotonic milliseconds.
 *
 * @since 0.1.0
 * @category models
 */
export class Allowance {
  readonly pause = new Pause()
  private readonly burst: number
  private readonly every: number
  private left: number
  private countedAt: number | undefined

  /** `burst` requests at once, then one `every` so often. */
  constructor({ burst, every }: { readonly burst: number; readonly every: Duration.Duration }) {
    this.burst = burst
    this.every = Duration.toMillis(every)
    this.left = burst
  }

  /** Takes one and returns 0; or returns in how many milliseconds there will be one. */
  take(now: number): number {
    this.left = Math.min(this.burst, this.left + (now - (this.countedAt ?? now)) / this.every)
    this.countedAt = now
    const wait = Math.max(this.pause.left(now), (1 - this.left) * this.every)
    if (wait > 0) return Math.ceil(wait)
    this.left--
    return 0
  }
}
