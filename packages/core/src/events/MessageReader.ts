/**
 * The checks of the messages of private chats and groups, which are most of what a bot receives, as straight code. The
 * schemas of `ChatMessage` decide: a payload that is not taken here is read by them, and tests hold the two together.
 *
 * @since 0.1.0
 */
import { isRecord } from "../internal/Wire.ts"
import type * as ChatMessage from "./ChatMessage.ts"

type Unread<A> = { readonly [K in keyof A]?: unknown }

/** The fields of both kinds of message. Quotations and cards are rare: the schemas read them. */
type Message = Unread<ChatMessage.C2CMessage & ChatMessage.GroupMessage>

const isAbsent = (value: unknown): boolean => value === undefined || value === null

const isOptionalText = (value: unknown): boolean => typeof value === "string" || isAbsent(value)

const isOptionalNumber = (value: unknown): boolean => typeof value === "number" || isAbsent(value)

const isOptionalBoolean = (value: unknown): boolean => typeof value === "boolean" || isAbsent(value)

const isOptionalArray = (value: unknown, isElement: (element: unknown) => boolean): boolean => {
  if (isAbsent(value)) return true
  if (!Array.isArray(value)) return false
  for (const element of value) if (!isElement(element)) return false
  return true
}

const isText = (value: unknown): boolean => typeof value === "string"

const isAuthor = (value: unknown): boolean => {
  if (!isRecord(value)) return false
  const author: Unread<ChatMessage.Author> = value
  return (
    isOptionalText(author.id) &&
    isOptionalText(author.username) &&
    isOptionalBoolean(author.bot) &&
    isOptionalText(author.union_openid) &&
    isOptionalText(author.union_user_account) &&
    isOptionalText(author.user_openid) &&
    isOptionalText(author.member_openid) &&
    isOptionalText(author.member_role)
  )
}

const isAttachment = (value: unknown): boolean => {
  if (!isRecord(value)) return false
  const attachment: Unread<ChatMessage.Attachment> = value
  return (
    isOptionalText(attachment.id) &&
    isOptionalText(attachment.url) &&
    isOptionalText(attachment.filename) &&
    isOptionalText(attachment.content_type) &&
    isOptionalNumber(attachment.size) &&
    isOptionalNumber(attachment.width) &&
    isOptionalNumber(attachment.height) &&
    isOptionalText(attachment.voice_wav_url) &&
    isOptionalText(attachment.asr_refer_text)
  )
}

const isOptionalScene = (value: unknown): boolean => {
  if (isAbsent(value)) return true
  if (!isRecord(value)) return false
  const scene: { readonly source?: unknown; readonly ext?: unknown; readonly callback_data?: unknown } = value
  return isOptionalText(scene.source) && isOptionalText(scene.callback_data) && isOptionalArray(scene.ext, isText)
}

const isMention = (value: unknown): boolean => {
  if (!isRecord(value)) return false
  const mention: Unread<ChatMessage.Mention> = value
  return (
    isOptionalText(mention.scope) &&
    isOptionalText(mention.id) &&
    isOptionalText(mention.member_openid) &&
    isOptionalText(mention.user_openid) &&
    isOptionalText(mention.username) &&
    isOptionalText(mention.nickname) &&
    isOptionalBoolean(mention.bot) &&
    isOptionalBoolean(mention.is_you)
  )
}

const isPlain = (message: Message): boolean =>
  typeof message.id === "string" &&
  isOptionalText(message.content) &&
  isOptionalText(message.timestamp) &&
  isOptionalNumber(message.message_type) &&
  message.msg_elements === undefined &&
  message.ark_data === undefined &&
  message.parallel_message === undefined &&
  isAuthor(message.author) &&
  isOptionalScene(message.message_scene) &&
  isOptionalArray(message.attachments, isAttachment)

type Writable = { -readonly [K in keyof Message]: Message[K] }

/** Fields that are absent stay absent: events are compared with what was on the wire. */
const assign = (message: Message, event: Writable): void => {
  event.id = message.id
  event.author = message.author
  event.content = message.content ?? ""
  if (message.timestamp !== undefined) event.timestamp = message.timestamp
  if (message.message_type !== undefined) event.message_type = message.message_type
  if (message.message_scene !== undefined) event.message_scene = message.message_scene
  if (message.attachments !== undefined) event.attachments = message.attachments
}

/**
 * Gives an event the fields of a plain message of a private chat. `false`: it is none, and the event has got nothing.
 *
 * @since 0.1.0
 * @category decoding
 */
export const takeC2C = (payload: unknown, event: object): boolean => {
  if (!isRecord(payload) || !isPlain(payload)) return false
  assign(payload, event)
  return true
}

/**
 * Gives an event the fields of a plain message of a group. `false`: it is none, and the event has got nothing.
 *
 * @since 0.1.0
 * @category decoding
 */
export const takeGroup = (payload: unknown, event: object): boolean => {
  if (!isRecord(payload)) return false
  const message: Message = payload
  if (
    typeof message.group_openid !== "string" ||
    !isOptionalText(message.group_id) ||
    !isOptionalArray(message.mentions, isMention) ||
    !isPlain(message)
  ) {
    return false
  }
  const target: Writable = event
  assign(message, target)
  target.group_openid = message.group_openid
  if (message.group_id !== undefined) target.group_id = message.group_id
  if (message.mentions !== undefined) target.mentions = message.mentions
  return true
}
