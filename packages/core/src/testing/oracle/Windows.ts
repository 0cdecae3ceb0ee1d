/**
 * For how long the platform takes a reply to a message.
 *
 * @since 0.1.0
 */
import type { Scene } from "../model/Journal.ts"

const minute = 60_000

const windows: { readonly [S in Scene]: number } = {
  c2c: 60 * minute,
  group: 5 * minute,
  channel: 5 * minute,
  dm: 5 * minute
}

/** What a reply may take from the choice of its kind to the platform, and what is left of a window by caution; in milliseconds. */
const caution = 30_000

/**
 * Whether a reply `after` this many milliseconds could surely have been a passive one.
 *
 * @since 0.1.0
 * @category guards
 */
export const isOpen = (scene: Scene, after: number): boolean => after < windows[scene] - caution
