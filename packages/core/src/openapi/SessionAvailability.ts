/**
 * Whether the bot's gateway session is up: a port that the gateway fills and that senders read, so that the HTTP side needs
 * to know nothing of the gateway.
 *
 * Messages that were sent while a session was reconnecting have been seen answered with 200 and lost
 * (openclaw-qqbot#254, #255), and channels refuse them (304018): a sender waits a little instead.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/**
 * How the session is.
 *
 * - `Absent`: there is none, and none is lost: before the first READY, after a stop, or in a program that only sends.
 * - `Up`: it is Ready.
 * - `Reconnecting`: it was Ready and will be again.
 *
 * @since 0.1.0
 * @category models
 */
export type Presence = "Absent" | "Up" | "Reconnecting"

/**
 * What the service does.
 *
 * @since 0.1.0
 * @category models
 */
export interface SessionAvailabilityShape {
  readonly current: Effect.Effect<Presence>
  /** Completes at once unless the session is `Reconnecting`, else when it no longer is. */
  readonly settled: Effect.Effect<void>
  /** For the part that runs the session. */
  readonly set: (presence: Presence) => Effect.Effect<void>
}

/**
 * The presence of one bot's session.
 *
 * @since 0.1.0
 * @category tags
 */
export class SessionAvailability extends Context.Tag("@effect-qq/core/SessionAvailability")<
  SessionAvailability,
  SessionAvailabilityShape
>() {}

/**
 * A presence that is `Absent` until something else is said.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<SessionAvailabilityShape> = Effect.sync(() => {
  const latch = Effect.unsafeMakeLatch(true)
  let presence: Presence = "Absent"
  return {
    current: Effect.sync(() => presence),
    settled: latch.await,
    set: (next) =>
      Effect.sync(() => {
        presence = next
        if (next === "Reconnecting") latch.unsafeClose()
        else latch.unsafeOpen()
      })
  }
})

/**
 * The presence of one bot's session.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<SessionAvailability> = Layer.effect(SessionAvailability, make)
