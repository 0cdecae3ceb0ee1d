/**
 * Limits how many connections of a bot are in their handshake at the same time, so that many shards which resume their
 * sessions do not all dial in one moment. A connection that is Ready counts no more.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"

/**
 * What {@link make} returns.
 *
 * @since 0.1.0
 * @category models
 */
export interface Handshakes {
  /**
   * Waits for a slot. The effect that it returns frees the slot; to be run at Ready and at the end of the connection, where
   * it does nothing the second time. An interrupted wait holds no slot.
   */
  readonly acquire: Effect.Effect<Effect.Effect<void>>
}

/**
 * Any number of handshakes at the same time.
 *
 * @since 0.1.0
 * @category constructors
 */
export const unlimited: Handshakes = { acquire: Effect.succeed(Effect.void) }

/**
 * At most `slots` handshakes at the same time.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (slots: number): Handshakes => {
  const semaphore = Effect.unsafeMakeSemaphore(Math.max(1, slots))
  return {
    acquire: Effect.map(semaphore.take(1), () => {
      let isHeld = true
      return Effect.suspend(() => {
        if (!isHeld) return Effect.void
        isHeld = false
        return Effect.asVoid(semaphore.release(1))
      })
    })
  }
}
