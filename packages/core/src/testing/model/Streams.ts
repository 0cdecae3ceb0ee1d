/**
 * The streamed messages of the bot: what has come of each, and what users see of one that is never finished.
 *
 * Source: the stream page of the platform's documentation of 2026. A stream that is not finished goes back to its first
 * part, when another message follows it or after `streamLifetime`.
 *
 * @since 0.1.0
 */
import * as BoundedMap from "./BoundedMap.ts"
import type { MutableSentMessage, Platform } from "./Platform.ts"

/**
 * A streamed message.
 *
 * @since 0.1.0
 * @category models
 */
export interface Stream {
  readonly message: MutableSentMessage
  /** The whole text so far, whatever users see of it. */
  text: string
  /** The text of the first part: what users see once an unfinished stream was rolled back. */
  readonly first: string
  /** The number of the last part that was accepted. */
  index: number
  /** The last number used, by an accepted or a refused part. */
  used: number
  /** When the last part was accepted, in epoch milliseconds. */
  at: number
  /** Whether it takes no further part. */
  isOver: boolean
}

/**
 * The streams.
 *
 * @since 0.1.0
 * @category models
 */
export interface Streams {
  /** The stream of the message with this id. */
  readonly get: (id: string) => Stream | undefined
  /** Starts a stream of this published message, whose content is the first part. */
  readonly start: (now: number, message: MutableSentMessage) => void
  /** Accepts a part: its number, the whole text up to it, and whether it is the last one. */
  readonly advance: (
    now: number,
    stream: Stream,
    part: { readonly index: number; readonly text: string; readonly isLast: boolean }
  ) => void
  /** Another message to this user was published: unfinished streams are rolled back. A further part shows the whole again. */
  readonly interrupt: (target: string) => void
}

const isOpen = ({ isOver, message }: Stream): boolean => !isOver && message.stream === "generating"

const rollBack = (stream: Stream): void => {
  stream.message.content = stream.first
}

/**
 * The streams of a platform that has none yet.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = ({ settings, timers }: Platform): Streams => {
  const streams = BoundedMap.make<Stream>(settings.anchorLimit)
  /** The unfinished streams by user. */
  const open = BoundedMap.make<ReadonlyArray<Stream>>(settings.anchorLimit)

  const expireLater = (stream: Stream): void =>
    timers.schedule(stream.at + settings.streamLifetime, (now) => {
      if (!isOpen(stream) || now < stream.at + settings.streamLifetime) return
      stream.isOver = true
      rollBack(stream)
    })

  return {
    get: streams.get,
    start: (now, message) => {
      const { content } = message
      const stream: Stream = { message, text: content, first: content, index: 0, used: 0, at: now, isOver: false }
      streams.set(message.id, stream)
      open.set(message.target, [...(open.get(message.target) ?? []), stream])
      expireLater(stream)
    },
    advance: (now, stream, { index, isLast, text }) => {
      stream.text = text
      stream.at = now
      stream.index = index
      stream.message.content = text
      stream.message.stream = isLast ? "done" : "generating"
      if (!isLast) expireLater(stream)
    },
    interrupt: (target) => {
      const unfinished = (open.get(target) ?? []).filter(isOpen)
      for (const stream of unfinished) rollBack(stream)
      open.set(target, unfinished)
    }
  }
}
