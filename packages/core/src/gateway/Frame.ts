/**
 * The wire envelope of the gateway: one JSON object in a text frame.
 *
 * ```json
 * { "id": "C2C_MESSAGE_CREATE:0f3a…", "op": 0, "s": 42, "t": "C2C_MESSAGE_CREATE", "d": {} }
 * ```
 *
 * What comes from the wire is hostile: {@link parse} never throws, whatever it is given.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"

/**
 * What a frame means. 3, 4, 5 and 8 do not exist; 12 and 13 belong to the webhook transport.
 *
 * Source: `docs/develop/api-v2/dev-prepare/interface-framework/opcode.md` of the platform's documentation.
 *
 * @since 0.1.0
 * @category models
 */
export const Opcode = {
  /** An event, server to client. The only frame with a sequence number. */
  Dispatch: 0,
  /** Sent by the client once every interval; a server may send it too and wants one back at once. */
  Heartbeat: 1,
  /** Asks for a new session. */
  Identify: 2,
  /** Asks for the events that came after a sequence number of a known session. */
  Resume: 6,
  /** The server wants this connection to be given up and the session resumed on a new one. */
  Reconnect: 7,
  /** The session, or the attempt to make one, was refused. `d: true` says that it may still be resumed. */
  InvalidSession: 9,
  /** The first frame of a connection; carries the heartbeat interval in milliseconds. */
  Hello: 10,
  /** The answer to a heartbeat. */
  HeartbeatAck: 11,
  /** The answer of a webhook to an event. */
  CallbackAck: 12,
  /** The platform's check that a webhook address belongs to the bot. */
  CallbackValidation: 13
} as const

/**
 * One frame, as it is on the wire. Only `op` is certain; a dispatch has `t` and, as a rule, `s` and `id`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Frame {
  /** The event id: what a passive reply to an event other than a message carries as `event_id`. */
  readonly id?: string | undefined
  /** See {@link Opcode}; numbers that are not listed there are passed on. */
  readonly op: number
  /** The sequence number of a dispatch within its session. */
  readonly s?: number | undefined
  /** The event type of a dispatch. */
  readonly t?: string | undefined
  /** The payload: an object, a number, a boolean, `""` (RESUMED) or `null`. */
  readonly d?: unknown
}

/**
 * A frame that was refused, and why. `size` counts the characters of text, or the bytes of binary.
 *
 * @since 0.1.0
 * @category models
 */
export class Malformed extends Data.TaggedClass("Malformed")<{
  readonly reason: "NotText" | "Empty" | "TooLarge" | "NotJson" | "NotAFrame"
  readonly size: number
}> {}

/**
 * The largest frame that is looked at, in UTF-16 code units: 64 Mi.
 *
 * @since 0.1.0
 * @category constants
 */
export const maximumSize: number = 64 * 1024 * 1024

const malformed = (reason: Malformed["reason"], size: number): Malformed => new Malformed({ reason, size })

/**
 * Whether {@link parse} refused its input.
 *
 * @since 0.1.0
 * @category guards
 */
// by class: a hostile frame may have any field
export const isMalformed = (frame: Frame | Malformed): frame is Malformed => frame instanceof Malformed

const sizeOf = (data: unknown): number => {
  if (ArrayBuffer.isView(data)) return data.byteLength
  return data instanceof ArrayBuffer ? data.byteLength : 0
}

const isAbsent = (value: unknown): boolean => value === undefined || value === null

/**
 * Reads one frame. The object is handed on as it was parsed: nothing is copied. A field of the wrong type makes the
 * frame malformed, except that `null` stands for absent and a decimal string is read as a sequence number. A sequence
 * number that is not a whole number from 0 up makes it malformed too: it would be sent back in heartbeats and resumes.
 *
 * @since 0.1.0
 * @category decoding
 */
export const parse = (data: unknown): Frame | Malformed => {
  if (typeof data !== "string") return malformed("NotText", sizeOf(data))
  if (data.length === 0) return malformed("Empty", 0)
  if (data.length > maximumSize) return malformed("TooLarge", data.length)
  let value: unknown
  try {
    value = JSON.parse(data)
  } catch {
    return malformed("NotJson", data.length)
  }
  if (typeof value !== "object" || value === null) return malformed("NotAFrame", data.length)
  const frame = value as { op?: unknown; s?: unknown; t?: unknown; id?: unknown }
  if (typeof frame.op !== "number") return malformed("NotAFrame", data.length)
  if (typeof frame.s !== "number") {
    if (typeof frame.s === "string" && /^\d{1,15}$/.test(frame.s)) frame.s = Number(frame.s)
    else if (isAbsent(frame.s)) frame.s = undefined
    else return malformed("NotAFrame", data.length)
  } else if (!Number.isSafeInteger(frame.s) || frame.s < 0) return malformed("NotAFrame", data.length)
  if (typeof frame.t !== "string") {
    if (!isAbsent(frame.t)) return malformed("NotAFrame", data.length)
    frame.t = undefined
  }
  if (typeof frame.id !== "string") {
    if (!isAbsent(frame.id)) return malformed("NotAFrame", data.length)
    frame.id = undefined
  }
  return frame as Frame
}

/**
 * A heartbeat. `d` is the last sequence number received, or `null` before the first.
 *
 * @since 0.1.0
 * @category encoding
 */
export const heartbeat = (sequence: number | null): string => `{"op":1,"d":${sequence === null ? "null" : sequence}}`

/**
 * Asks for a new session. `token` is the whole value, `QQBot …` included.
 *
 * @since 0.1.0
 * @category encoding
 */
export const identify = (options: {
  readonly token: string
  readonly intents: number
  readonly shard: readonly [index: number, count: number]
}): string =>
  JSON.stringify({
    op: Opcode.Identify,
    d: { token: options.token, intents: options.intents, shard: options.shard, properties: {} }
  })

/**
 * Asks for what came after `sequence` of a known session. `token` is the whole value, `QQBot …` included.
 *
 * @since 0.1.0
 * @category encoding
 */
export const resume = (options: {
  readonly token: string
  readonly sessionId: string
  readonly sequence: number
}): string =>
  JSON.stringify({
    op: Opcode.Resume,
    d: { token: options.token, session_id: options.sessionId, seq: options.sequence }
  })
