/**
 * What a reply says, as a short text that the ledger can keep: two replies of one name are the same only if they say the
 * same.
 *
 * @since 0.1.0
 */
import type * as Conversation from "./Conversation.ts"
import * as Digest from "./Digest.ts"
import * as Message from "./Message.ts"

/** 64 bits: enough to tell the few texts of one name apart. */
const length = 16

/** UTF-16 code units as bytes: unlike UTF-8, no text is written as another one. */
const bytesOf = (text: string): Uint8Array => {
  const bytes = new Uint8Array(text.length * 2)
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    bytes[index * 2] = unit & 0xff
    bytes[index * 2 + 1] = unit >>> 8
  }
  return bytes
}

/** Media is named by its content: each upload of the same has another `file_info`. */
const bodyOf = (message: Message.Message, scene: Conversation.Scene): Readonly<Record<string, unknown>> => {
  const body = Message.toBody(message, scene)
  return message._tag === "Media" && message.media._tag === "Uploaded" && message.media.content !== undefined
    ? { ...body, media: message.media.content }
    : body
}

/**
 * The digest of a message as its caller wrote it, before anything had to be changed for the platform to take it: text,
 * markup, media, buttons and what is quoted. Media for private chats and groups has to be uploaded.
 *
 * @since 0.1.0
 * @category constructors
 */
export const of = (message: Message.Message, scene: Conversation.Scene): string => {
  const digest = Digest.make("sha256")
  digest.update(bytesOf(JSON.stringify(bodyOf(message, scene))))
  return digest.hex().slice(0, length)
}
