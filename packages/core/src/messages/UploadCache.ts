/**
 * The uploads that the platform still has, by their content: the same bytes are not uploaded twice. Bounded; the oldest is
 * forgotten first.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Monotonic from "../internal/Monotonic.ts"
import type { Uploaded } from "./MediaSource.ts"

/** Maximum number of uploads remembered. */
const capacity = 256

/** An upload counts as expired this long before the platform forgets it, in milliseconds. */
const margin = 10_000

interface Upload {
  readonly uploaded: Uploaded
  /** When it counts as expired, in monotonic milliseconds: the wall clock may be set meanwhile. */
  readonly until: number
}

/**
 * The cache of one bot.
 *
 * @since 0.1.0
 * @category models
 */
export class UploadCache {
  private readonly clock: Clock.Clock
  private readonly uploads = new Map<string, Upload>()

  constructor(clock: Clock.Clock) {
    this.clock = clock
  }

  /** The upload with this key, unless it has expired or is about to. */
  find(key: string): Uploaded | undefined {
    const found = this.uploads.get(key)
    return found === undefined || found.until <= Monotonic.unsafeMillis(this.clock) ? undefined : found.uploaded
  }

  /** Remembers an upload. */
  remember(key: string, uploaded: Uploaded): void {
    const { clock } = this
    const left = (uploaded.expiresAt ?? Number.POSITIVE_INFINITY) - clock.unsafeCurrentTimeMillis()
    this.uploads.delete(key)
    this.uploads.set(key, { uploaded, until: Monotonic.unsafeMillis(clock) + left - margin })
    const oldest = this.uploads.size > capacity ? this.uploads.keys().next().value : undefined
    if (oldest !== undefined) this.uploads.delete(oldest)
  }

  /** Forgets an upload that the platform no longer has. */
  forget({ fileInfo }: Uploaded): void {
    for (const [key, { uploaded }] of this.uploads) if (uploaded.fileInfo === fileInfo) this.uploads.delete(key)
  }
}
