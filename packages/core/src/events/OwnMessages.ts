/**
 * The messages this bot has sent, by their ids: a port that the sender fills, and that delivery reads. A group that lets the bot
 * receive everything may send its own messages back, and not always with `author.bot`: a bot that answers them talks to itself.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Frame } from "../gateway/Frame.ts"
import * as Monotonic from "../internal/Monotonic.ts"
import { fieldsOf, textOf } from "../internal/Wire.ts"

/**
 * What the service does. All of it is synchronous and never throws.
 *
 * @since 0.1.0
 * @category models
 */
export interface OwnMessagesShape {
  /** The platform took a message of this bot and named it; without an id nothing is recorded. */
  readonly sent: (id: string | undefined) => void
  /** Whether a dispatch is a message that this bot has sent. */
  readonly isOwn: (frame: Pick<Frame, "t" | "d">) => boolean
}

const nothing: OwnMessagesShape = { sent: () => undefined, isOwn: () => false }

/**
 * The messages of one bot. Without a bot around it, none is recorded.
 *
 * @since 0.1.0
 * @category references
 */
export class OwnMessages extends Context.Reference<OwnMessages>()("@effect-qq/core/OwnMessages", {
  defaultValue: (): OwnMessagesShape => nothing
}) {}

/**
 * A bounded record of ids, each of which is forgotten after a while.
 *
 * @since 0.1.0
 * @category models
 */
export interface Record {
  readonly add: (id: string, now: number) => void
  readonly has: (id: string, now: number) => boolean
  readonly size: () => number
}

/**
 * An empty record. `window` in milliseconds; `now` may be any clock that does not go back.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeRecord = (limits: { readonly capacity: number; readonly window: number }): Record => {
  const times = new Map<string, number>()
  const isOver = (at: number, now: number): boolean => now - at >= limits.window
  return {
    add: (id, now) => {
      times.delete(id)
      times.set(id, now)
      for (const [oldest, at] of times) {
        if (times.size <= limits.capacity && !isOver(at, now)) break
        times.delete(oldest)
      }
    },
    has: (id, now) => {
      const at = times.get(id)
      return at !== undefined && !isOver(at, now)
    },
    size: () => times.size
  }
}

const isMessage = (type: string | undefined): boolean => type?.endsWith("MESSAGE_CREATE") === true

/**
 * Records messages by the monotonic clock, as long and as many as the limits say.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (limits: {
  readonly capacity: number
  readonly window: Duration.Duration
}): Effect.Effect<OwnMessagesShape> =>
  Effect.map(Clock.clockWith(Effect.succeed), (clock) => {
    const record = makeRecord({ capacity: limits.capacity, window: Duration.toMillis(limits.window) })
    const now = (): number => Monotonic.unsafeExactMillis(clock)
    return {
      sent: (id) => {
        if (id !== undefined && id !== "") record.add(id, now())
      },
      isOwn: ({ d, t }) => {
        if (record.size() === 0 || !isMessage(t)) return false
        const id = textOf(fieldsOf(d)["id"])
        return id !== undefined && record.has(id, now())
      }
    }
  })

/**
 * A sender that records the id of each message that the platform took.
 *
 * @since 0.1.0
 * @category combinators
 */
export const recording =
  <In, A extends { readonly id: string | undefined }, E, R>(
    own: OwnMessagesShape,
    send: (message: In) => Effect.Effect<A, E, R>
  ): ((message: In) => Effect.Effect<A, E, R>) =>
  (message) =>
    Effect.map(send(message), (accepted) => {
      own.sent(accepted.id)
      return accepted
    })
