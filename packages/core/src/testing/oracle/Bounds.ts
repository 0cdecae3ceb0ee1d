/**
 * The numbers that the rules go by: what the platform allows, how long the bot may take. Times are in milliseconds.
 *
 * @since 0.1.0
 */

/**
 * The waits between reconnects, in milliseconds; the last one repeats.
 *
 * @since 0.1.0
 * @category constants
 */
export const ladder = [1000, 2000, 5000, 10_000, 30_000, 60_000]

/**
 * The same before the first HELLO of a process.
 *
 * @since 0.1.0
 * @category constants
 */
export const startupLadder = [5000, 10_000, 30_000, 60_000]

/**
 * At most so much is added to a wait.
 *
 * @since 0.1.0
 * @category constants
 */
export const jitter = 1.2

/**
 * How often, in milliseconds, the rules are looked at that need no haste.
 *
 * @since 0.1.0
 * @category constants
 */
export const slowly = 15_000

/**
 * A day, in milliseconds.
 *
 * @since 0.1.0
 * @category constants
 */
export const day = 86_400_000

/**
 * So long after its day, in milliseconds, a session that nothing is heard on has been replaced.
 *
 * @since 0.1.0
 * @category constants
 */
export const replacedWithin = 900_000

/**
 * What a caller gets whose address is not on the allow-list.
 *
 * @since 0.1.0
 * @category constants
 */
export const notAllowed = { close: 4924, api: 11_298 } as const

/**
 * The longest wait, in milliseconds, between two looks at what only the operator can mend.
 *
 * @since 0.1.0
 * @category constants
 */
export const longestProbe = 600_000 * jitter

/**
 * How long ids are remembered after their event was settled; after that the platform may not replay it.
 *
 * @since 0.1.0
 * @category constants
 */
export const remembered = 600_000

/**
 * The store is written at most once a second.
 *
 * @since 0.1.0
 * @category constants
 */
export const unsaved = 1100

/**
 * So long after a store is well again, in milliseconds, all is written that was not.
 *
 * @since 0.1.0
 * @category constants
 */
export const savedWithin = 65_000

/**
 * A store may take 10 s of it.
 *
 * @since 0.1.0
 * @category constants
 */
export const longestStart = 10_500

/**
 * Frames of more characters are not read.
 *
 * @since 0.1.0
 * @category constants
 */
export const mostRead = 64 * 1024 * 1024

/**
 * Handlers get 10 s to finish, and the rest 6 s.
 *
 * @since 0.1.0
 * @category constants
 */
export const longestEnd = 16_500

/**
 * So long after a new session has begun, in milliseconds, a gap before it has been told of.
 *
 * @since 0.1.0
 * @category constants
 */
export const toldWithin = 60_000

/**
 * For so long, in milliseconds, a session can be resumed; a longer outage is another session.
 *
 * @since 0.1.0
 * @category constants
 */
export const resumableFor = 1_800_000

/**
 * So many gaps and missed messages are kept in mind.
 *
 * @since 0.1.0
 * @category constants
 */
export const kept = 256

/**
 * So long after the last trouble the slow rules of a connection that is being made still apply.
 *
 * @since 0.1.0
 * @category constants
 */
export const inFlight = 60_000

/**
 * So long, in milliseconds, lies between the identifies of two shards.
 *
 * @since 0.1.0
 * @category constants
 */
export const pace = 5000

/**
 * So long, in milliseconds, a request that found trouble may have been on its way.
 *
 * @since 0.1.0
 * @category constants
 */
export const requestTakes = 60_000

/**
 * Answers that come later, in milliseconds, may have come too late for what waited for them.
 *
 * @since 0.1.0
 * @category constants
 */
export const promptly = 1000

/**
 * How many messages may reply to one.
 *
 * @since 0.1.0
 * @category constants
 */
export const mostReplies = 4

/**
 * The platform has a part of a stream already.
 *
 * @since 0.1.0
 * @category constants
 */
export const deduplicated = 40_054_005

/**
 * For so long, in milliseconds, processes that share the pace of identifies may get into each other's way.
 *
 * @since 0.1.0
 * @category constants
 */
export const longestCollisions = 720_000

/**
 * What comes at the same instant is told in some order.
 *
 * @since 0.1.0
 * @category constants
 */
export const instant = 2

/**
 * The wait of a rung, counted from 1; the last one repeats.
 *
 * @since 0.1.0
 * @category getters
 */
export const rungOf = (rungs: ReadonlyArray<number>, n: number): number =>
  n < 1 ? 0 : (rungs[Math.min(n, rungs.length) - 1] ?? 0)
