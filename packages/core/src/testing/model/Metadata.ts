/**
 * The metadata of the gateway, its rate limiter, and the budget of session starts.
 *
 * Source: `wss/url_get.md`, `wss/shard_url_get.md`, and the `gateway.get` page of 2026 (2 a minute, burst 10).
 *
 * @since 0.1.0
 */
import type { Platform } from "./Platform.ts"
import * as Reply from "./Reply.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Metadata {
  /** Answers `GET /gateway`, or `GET /gateway/bot` with `limits`. */
  readonly get: (now: number, traceId: string, limits: boolean) => Reply.Reply
  /** Takes one session start; false when none remained. */
  readonly start: (now: number) => boolean
}

const day = 24 * 3_600_000

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (platform: Platform): Metadata => {
  const { settings } = platform
  const limit = settings.metadataLimit
  let permits = limit === false ? 0 : limit.burst
  let refilledAt: number | undefined
  let remaining = settings.sessionRemaining
  let resetAt: number | undefined

  const isLimited = (now: number): boolean => {
    if (platform.armed.take("RateLimitMetadata") !== undefined) return true
    if (limit === false) return false
    const elapsed = Math.max(0, now - (refilledAt ?? now))
    refilledAt = now
    permits = Math.min(limit.burst, permits + (elapsed * limit.perMinute) / 60_000)
    if (permits < 1) return true
    permits -= 1
    return false
  }

  const roll = (now: number): number => {
    if (resetAt === undefined) resetAt = now + settings.sessionResetAfter
    while (now >= resetAt) {
      resetAt += day
      remaining = settings.sessionTotal
    }
    return resetAt
  }

  return {
    get: (now, traceId, limits) => {
      const reset = roll(now)
      if (isLimited(now)) return Reply.error(traceId, 100017)
      if (!limits) return Reply.json(200, { url: settings.gatewayUrl })
      return Reply.json(200, {
        url: settings.gatewayUrl,
        shards: settings.shards,
        session_start_limit: {
          total: settings.sessionTotal,
          remaining,
          reset_after: reset - now,
          max_concurrency: settings.maxConcurrency
        }
      })
    },
    start: (now) => {
      roll(now)
      if (remaining <= 0) return false
      remaining -= 1
      return true
    }
  }
}
