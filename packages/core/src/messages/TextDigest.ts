/**
 * The digest of a reply's content, as a short text that the ledger stores: two replies of one name are the same only if
 * their digests are.
 *
 * It is the beginning of the SHA-256 of the message's JSON in UTF-16, little-endian: unlike UTF-8, UTF-16 maps no two texts
 * to the same bytes. It is computed for every named reply, so the text goes into the hash without a copy of it as bytes.
 *
 * @since 0.1.0
 */
import type * as Conversation from "../events/Conversation.ts"
import * as Digest from "./Digest.ts"
import * as Message from "./Message.ts"

/**
 * The digest of a message as its caller wrote it, before anything was changed for the platform: text, markup, media,
 * buttons and the quoted message. Media for private chats and groups has to be uploaded.
 *
 * @since 0.1.0
 * @category models
 */
export type TextDigest = (message: Message.Message, scene: Conversation.Scene) => string

/** UTF-16 code units in a block of 64 bytes. */
const unitsPerBlock = 32

/** The unit after the text: a byte 0x80, and a zero. */
const terminator = 0x80

/** Units of the last block that hold the length. */
const lengthUnits = 4

/** Media is identified by its content: each upload of the same bytes has another `file_info`. */
const bodyOf = (message: Message.Message, scene: Conversation.Scene): Readonly<Record<string, unknown>> => {
  const body = Message.toBody(message, scene)
  return message._tag === "Media" && message.media._tag === "Uploaded" && message.media.content !== undefined
    ? { ...body, media: message.media.content }
    : body
}

const unitAt = (text: string, index: number): number => {
  if (index >= text.length) return index === text.length ? terminator << 8 : 0
  const unit = text.charCodeAt(index)
  return ((unit & 0xff) << 8) | (unit >>> 8)
}

const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, "0")

/**
 * Computes digests, one at a time, with buffers that are reused.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (): TextDigest => {
  const state = new Int32Array(8)
  const schedule = new Int32Array(64)
  return (message, scene) => {
    const text = JSON.stringify(bodyOf(message, scene))
    const blocks = Math.ceil((text.length + 1 + lengthUnits) / unitsPerBlock)
    state.set(Digest.sha256Initial)
    for (let block = 0; block < blocks; block++) {
      const start = block * unitsPerBlock
      for (let word = 0; word < unitsPerBlock / 2; word++) {
        const at = start + 2 * word
        schedule[word] = (unitAt(text, at) << 16) | unitAt(text, at + 1)
      }
      if (block === blocks - 1) {
        schedule[14] = Math.floor(text.length / 2 ** 28)
        schedule[15] = text.length * 16
      }
      Digest.sha256Rounds(state, schedule)
    }
    // 64 bits: enough to tell the few texts of one name apart
    return hex(state[0] ?? 0) + hex(state[1] ?? 0)
  }
}

/**
 * The digest of one message.
 *
 * @since 0.1.0
 * @category constructors
 */
export const of: TextDigest = (message, scene) => make()(message, scene)
