/**
 * How often a bot beats, whatever HELLO says of it.
 *
 * @since 0.1.0
 */

/**
 * No beat comes sooner after another unless it was asked for; in milliseconds.
 *
 * @since 0.1.0
 * @category constants
 */
export const leastInterval = 100

const mostInterval = 600_000

/** What is taken where HELLO has nothing that can be used. */
const defaultInterval = 45_000

/**
 * The longest time between two beats, in milliseconds, after a HELLO with this interval; `null` where that was not a number.
 * The bot may also read a number from a text, which is taken to be the `usual` interval of the platform.
 *
 * @since 0.1.0
 * @category decoding
 */
export const obeyed = (said: number | null, usual: number): number =>
  said === null || said <= 0 ? Math.max(defaultInterval, usual) : Math.min(mostInterval, Math.max(leastInterval, said))
