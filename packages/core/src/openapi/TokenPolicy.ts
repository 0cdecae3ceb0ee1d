/**
 * The numbers by which access tokens are kept.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"

/**
 * The numbers by which tokens are kept.
 *
 * - `refreshAhead` 45 s ± `refreshSpread` 5 s before its end a token is replaced, inside the minute in which the platform
 *   makes another. The spread is random, so that many bots do not ask at once.
 * - `overlap` 60 s: the platform's last minute.
 * - `unchangedAhead` 5 s: the same token again within its last minute is asked for again this long before its end.
 * - `shortestWait` 5 s: the least time before the next planned fetch, whatever the answer said.
 * - `shortestLife` 10 s: a token is kept for this long even where the answer gives it less, so that a lifetime of next to
 *   nothing does not make a fetch of every call. One that has ended meanwhile is refused, and replaced then.
 * - `longestLife` 1 day: no answer is believed beyond it. Documented are 7200 s.
 * - `requestTimeout` 10 s for one answer.
 * - `forcedSpacing` 10 s between two fetches because of a rejected token.
 * - `failureSpacing` 2 s after a failed fetch, `rateLimitedWait` 60 s after code 100001, 100017 or HTTP 429.
 * - `ladder` 1, 2, 5, 10, 30, 60 s, then 60 s for ever: waits of the planned fetch after failures.
 *
 * @since 0.1.0
 * @category constants
 */
export const policy = {
  refreshAhead: Duration.seconds(45),
  refreshSpread: Duration.seconds(5),
  overlap: Duration.seconds(60),
  unchangedAhead: Duration.seconds(5),
  shortestWait: Duration.seconds(5),
  shortestLife: Duration.seconds(10),
  longestLife: Duration.days(1),
  requestTimeout: Duration.seconds(10),
  forcedSpacing: Duration.seconds(10),
  failureSpacing: Duration.seconds(2),
  rateLimitedWait: Duration.seconds(60),
  ladder: [1, 2, 5, 10, 30, 60].map(Duration.seconds)
} as const
