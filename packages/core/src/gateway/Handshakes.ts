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
  /** Runs a connection once a slot is free; `ready`, or the end of the connection, frees the slot. */
  readonly limit: <A, E, R>(connect: (ready: Effect.Effect<void>) => Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

/**
 * At most `slots` handshakes at the same time.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (slots: number): Handshakes => {
  const semaphore = Effect.unsafeMakeSemaphore(Math.max(1, slots))
  return {
    limit: (connect) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.flatMap(restore(semaphore.take(1)), () => {
          let isHeld = true
          const release = Effect.suspend(() => {
            if (!isHeld) return Effect.void
            isHeld = false
            return Effect.asVoid(semaphore.release(1))
          })
          return Effect.ensuring(restore(connect(release)), release)
        })
      )
  }
}
