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
 * The longest wait, as a multiple of its rung.
 *
 * @since 0.1.0
 * @category constants
 */
export const jitter = 1.2

/**
 * How often the slow rules are checked.
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
 * How soon after its first day a silent session has to be replaced.
 *
 * @since 0.1.0
 * @category constants
 */
export const replacedWithin = 900_000

/**
 * The codes for an address that is not on the allow-list.
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
 * How long a change may stay unwritten: the store is written at most once a second.
 *
 * @since 0.1.0
 * @category constants
 */
export const unsaved = 1100

/**
 * How soon after a store has recovered everything is written.
 *
 * @since 0.1.0
 * @category constants
 */
export const savedWithin = 65_000

/**
 * How soon after its start a process has to dial; its store may take 10 s of it.
 *
 * @since 0.1.0
 * @category constants
 */
export const longestStart = 10_500

/**
 * The most characters of a frame that is read.
 *
 * @since 0.1.0
 * @category constants
 */
export const mostRead = 64 * 1024 * 1024

/**
 * How long an orderly shutdown may take: handlers have 10 s, the rest 6 s.
 *
 * @since 0.1.0
 * @category constants
 */
export const longestEnd = 16_500

/**
 * How soon after READY a gap before it has to be told.
 *
 * @since 0.1.0
 * @category constants
 */
export const toldWithin = 60_000

/**
 * How long a session can be resumed after its connection ended.
 *
 * @since 0.1.0
 * @category constants
 */
export const resumableFor = 1_800_000

/**
 * How many gaps and missed messages are remembered.
 *
 * @since 0.1.0
 * @category constants
 */
export const kept = 256

/**
 * How long after the last fault a connection may still be in the making.
 *
 * @since 0.1.0
 * @category constants
 */
export const inFlight = 60_000

/**
 * The least time between the identifies of two shards.
 *
 * @since 0.1.0
 * @category constants
 */
export const pace = 5000

/**
 * How long a request may take that met a fault.
 *
 * @since 0.1.0
 * @category constants
 */
export const requestTakes = 60_000

/**
 * An answer that takes longer may have come too late.
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
 * The code for a part of a stream that the platform has already.
 *
 * @since 0.1.0
 * @category constants
 */
export const deduplicated = 40_054_005

/**
 * How long processes that share the pace of identifies may collide.
 *
 * @since 0.1.0
 * @category constants
 */
export const longestCollisions = 720_000

/**
 * Events within this time have no order.
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
