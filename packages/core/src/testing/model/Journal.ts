/**
 * The record of everything that crossed the wire, in either direction. It holds no token and no secret, so that it can be
 * printed, stored and compared byte for byte.
 *
 * @since 0.1.0
 */
import type { Fault } from "../Fault.ts"

/**
 * The conversations that the model knows: a user's private chat with the bot, a group, a channel of a guild, and a private
 * chat with a member of a guild.
 *
 * @since 0.1.0
 * @category models
 */
export type Scene = "c2c" | "group" | "channel" | "dm"

/**
 * One line of the journal. `at` is in epoch milliseconds.
 *
 * - `Upgrade`: a request to open a socket and its outcome.
 * - `Opened`, `Closed`: a socket's beginning and end, and who ended it. `code` is absent for a broken connection or a
 *   close frame without a status.
 * - `Received`, `Sent`: a frame from and to the client. `d` is kept only where it is a number (heartbeat) or the sequence
 *   number of a resume; `size` is in characters, or bytes for binary frames. `interval` is that of a HELLO; null where it is
 *   not a number.
 * - `Request`: an HTTP request and its answer; `path` without its query.
 * - `Said`: a message of a user, or another event of the platform.
 * - `Accepted`: a message of the bot that the platform took; of a stream, its first part.
 * - `Streamed`: a later part of a stream; `id` is that of the message, `size` how much text the message has now.
 * - `Uploaded`: a file that the platform took; `size` in bytes where the file came from the client.
 * - `Recalled`, `Acknowledged`: a recall and an interaction's acknowledgement; `late` says that it came after three seconds.
 * - `Fault`: a fault was injected.
 * - `Violation`: the client broke a rule that the platform does not enforce.
 *
 * @since 0.1.0
 * @category models
 */
export type JournalEntry =
  | {
      readonly at: number
      readonly kind: "Upgrade"
      readonly path: string
      readonly outcome: "Accept" | "Refuse" | "Unreachable" | "Silence"
      readonly connection?: number
      readonly status?: number
    }
  | { readonly at: number; readonly kind: "Opened"; readonly connection: number }
  | {
      readonly at: number
      readonly kind: "Closed"
      readonly connection: number
      readonly by: "client" | "platform" | "network"
      readonly code?: number
    }
  | {
      readonly at: number
      readonly kind: "Received"
      readonly connection: number
      readonly op?: number
      readonly d?: number | null
      readonly session?: string
      readonly intents?: number
      readonly shard?: string
      readonly size: number
    }
  | {
      readonly at: number
      readonly kind: "Sent"
      readonly connection: number
      readonly op?: number
      readonly s?: number
      readonly t?: string
      readonly id?: string
      readonly interval?: number | null
      readonly size: number
    }
  | {
      readonly at: number
      readonly kind: "Request"
      readonly method: string
      readonly path: string
      readonly answer: "Reply" | "Reset" | "Hang"
      readonly after?: number
      readonly status?: number
      readonly code?: number
    }
  | {
      readonly at: number
      readonly kind: "Said"
      readonly type: string
      readonly event: string
      readonly id?: string
      readonly scene?: Scene
      readonly target?: string
      readonly text?: string
    }
  | {
      readonly at: number
      readonly kind: "Accepted"
      readonly scene: Scene
      readonly target: string
      readonly id: string
      readonly content: string
      readonly msgType: number
      readonly msgId?: string
      readonly eventId?: string
      readonly msgSeq?: number
      readonly file?: string
      readonly stream?: "generating" | "done"
      readonly audit?: string
    }
  | {
      readonly at: number
      readonly kind: "Streamed"
      readonly id: string
      readonly index: number
      readonly done: boolean
      readonly size: number
    }
  | {
      readonly at: number
      readonly kind: "Uploaded"
      readonly scene: "c2c" | "group"
      readonly target: string
      readonly file: string
      readonly fileType: number
      readonly by: "url" | "file_data" | "upload_id"
      readonly size?: number
    }
  | {
      readonly at: number
      readonly kind: "Recalled"
      readonly scene: Scene
      readonly target: string
      readonly id: string
    }
  | {
      readonly at: number
      readonly kind: "Acknowledged"
      readonly id: string
      readonly code: number
      readonly late: boolean
    }
  | { readonly at: number; readonly kind: "Fault"; readonly fault: Fault }
  | { readonly at: number; readonly kind: "Violation"; readonly of: Violation; readonly shard: string }

/**
 * Rules that a client must not break.
 *
 * - `IdentifyPace`: more identifies within five seconds than `max_concurrency`.
 * - `SecondConnection`: two living connections of one shard at the same time.
 * - `LateIdentify`: an identify although no session start remained.
 *
 * @since 0.1.0
 * @category models
 */
export type Violation = "IdentifyPace" | "SecondConnection" | "LateIdentify"

/**
 * A message of the bot that users can see, or could until it was recalled.
 *
 * @since 0.1.0
 * @category models
 */
export interface SentMessage {
  /** When the platform took it, in epoch milliseconds. */
  readonly at: number
  readonly scene: Scene
  /** The openid of the user or of the group; the id of the channel; the guild id of the direct conversation. */
  readonly target: string
  readonly id: string
  /**
   * The text or markdown; empty for what has neither. Of a stream, all that has come of it so far; of one that was not finished
   * before another message followed or its time was over, its first part.
   */
  readonly content: string
  /** 0 text, 2 markdown, 3 ark, 4 embed, 6 typing notice, 7 media. Guild messages have none on the wire: this is what they hold. */
  readonly msgType: number
  /** The message that it answers; neither this nor {@link SentMessage.eventId} means proactive. */
  readonly msgId?: string
  /** The event that it answers. */
  readonly eventId?: string
  /** Present on passive replies to users and groups; 1 when the client left it out. */
  readonly msgSeq?: number
  /** The `file_uuid` of the uploaded file that it shows. */
  readonly file?: string
  /** Whether a stream is still being written. Absent on messages that came whole. */
  readonly stream?: "generating" | "done"
  /** The whole body as the client sent it; of a stream, that of its first part. */
  readonly body: Readonly<Record<string, unknown>>
  /** When the bot recalled it, in epoch milliseconds. */
  readonly recalledAt?: number
}

/**
 * A list with a size limit that drops its oldest entries.
 *
 * @since 0.1.0
 * @category models
 */
export interface Bounded<A> {
  readonly push: (entry: A) => void
  /** The same array for the model's whole life: read it, do not keep it across calls that may shorten it. */
  readonly entries: Array<A>
  /** The number of dropped entries. */
  readonly dropped: () => number
}

/**
 * A list of at most `limit` entries. Drops an eighth at a time: dropping single entries would move the whole array each time.
 *
 * @since 0.1.0
 * @category constructors
 */
export const bounded = <A>(limit: number): Bounded<A> => {
  const entries: Array<A> = []
  const batch = Math.max(1, Math.floor(limit / 8))
  let dropped = 0
  return {
    entries,
    dropped: () => dropped,
    push: (entry) => {
      if (entries.length >= limit) dropped += entries.splice(0, batch).length
      entries.push(entry)
    }
  }
}
