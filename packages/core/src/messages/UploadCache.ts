/**
 * The uploads that the platform still has, by their content: the same bytes are not uploaded twice. Bounded; the oldest is
 * forgotten first.
 *
 * @since 0.1.0
 */
import type { Uploaded } from "./MediaSource.ts"

/** Maximum number of uploads remembered. */
const capacity = 256

/** An upload counts as expired this long before the platform forgets it, in milliseconds. */
const margin = 10_000

/**
 * The cache of one bot.
 *
 * @since 0.1.0
 * @category models
 */
export class UploadCache {
  private readonly uploads = new Map<string, Uploaded>()

  /** The upload with this key, unless it has expired or is about to; `now` in epoch milliseconds. */
  find(key: string, now: number): Uploaded | undefined {
    const found = this.uploads.get(key)
    return found?.expiresAt === undefined || found.expiresAt - margin > now ? found : undefined
  }

  /** Remembers an upload. */
  remember(key: string, uploaded: Uploaded): void {
    this.uploads.delete(key)
    this.uploads.set(key, uploaded)
    const oldest = this.uploads.size > capacity ? this.uploads.keys().next().value : undefined
    if (oldest !== undefined) this.uploads.delete(oldest)
  }

  /** Forgets an upload that the platform no longer has. */
  forget({ fileInfo }: Uploaded): void {
    for (const [key, value] of this.uploads) if (value.fileInfo === fileInfo) this.uploads.delete(key)
  }
}
