/**
 * Messages in private chats and groups.
 *
 * Sources: `autogen/event/c2c_message_create`, `group_at_message_create` and `group_message_create` of the platform's
 * documentation of 2026; the fields of a mention, `group_id` and `callback_data` from AstrBot and the openclaw-qqbot plugin.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { optional } from "./Payload.ts"

/**
 * What a message is, in `message_type`. Old payloads lack it.
 *
 * @since 0.1.0
 * @category constants
 */
export const MessageType = {
  Text: 0,
  /** A card: `ark_data` has what it shows. */
  Ark: 3,
  /** Several messages at once. */
  Parallel: 101,
  /** A forwarded record of a chat. */
  ChatRecord: 102,
  /** An answer to an earlier message, which `msg_elements` quotes. */
  Quote: 103
} as const

const authorFields = {
  id: optional(Schema.String),
  username: optional(Schema.String),
  bot: optional(Schema.Boolean),
  /** The same for all bots of one owner, where they are bound; else empty. */
  union_openid: optional(Schema.String),
  union_user_account: optional(Schema.String),
  /** Set in private chats. */
  user_openid: optional(Schema.String),
  /** Set in groups. */
  member_openid: optional(Schema.String),
  /** `member`, `admin` or `owner`, in groups. */
  member_role: optional(Schema.String)
}

/**
 * The author of a message. The same user has another id for every bot.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Author: Schema.Schema<Author> = Schema.Struct(authorFields)

/**
 * The author of a message.
 *
 * @since 0.1.0
 * @category models
 */
export interface Author extends Schema.Struct.Type<typeof authorFields> {}

const attachmentFields = {
  /** Set in guilds. */
  id: optional(Schema.String),
  /** Signed and short-lived. In guilds, and in older groups, it lacks `https://`. */
  url: optional(Schema.String),
  filename: optional(Schema.String),
  /** `image/jpeg`, `image/png`, `image/gif`, `video/mp4`, `voice` or `file`. */
  content_type: optional(Schema.String),
  /** Bytes. */
  size: optional(Schema.Number),
  width: optional(Schema.Number),
  height: optional(Schema.Number),
  /** A voice message as WAV: `url` has it as SILK. */
  voice_wav_url: optional(Schema.String),
  /** What the platform heard in a voice message. */
  asr_refer_text: optional(Schema.String)
}

/**
 * A picture, film, voice message or file.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Attachment: Schema.Schema<Attachment> = Schema.Struct(attachmentFields)

/**
 * A picture, film, voice message or file.
 *
 * @since 0.1.0
 * @category models
 */
export interface Attachment extends Schema.Struct.Type<typeof attachmentFields> {}

const sceneFields = {
  /** `default`; botgo knows `realtime_voice` and `ai_search` too. */
  source: optional(Schema.String),
  /** `key=value` strings: `msg_idx`, `ref_msg_idx`, `auth_token`. */
  ext: optional(Schema.Array(Schema.String)),
  callback_data: optional(Schema.String)
}

const arkFields = {
  title: optional(Schema.String),
  desc: optional(Schema.String),
  jump_url: optional(Schema.String),
  preview: optional(Schema.String),
  tag: optional(Schema.String),
  tag_icon: optional(Schema.String),
  source: optional(Schema.String),
  source_logo: optional(Schema.String),
  nickname: optional(Schema.String),
  avatar: optional(Schema.String),
  address: optional(Schema.String)
}

const arkDataFields = {
  /** What stands for the card in a list of chats. */
  prompt: optional(Schema.String),
  /** `tuwen`, `feed`, `miniapp`, `map`, `contact_card`, `video_share`, `music_together` or `picture`. */
  ark_type: optional(Schema.String),
  ark_name: optional(Schema.String),
  fields: optional(Schema.Struct(arkFields))
}

/**
 * A card.
 *
 * @since 0.1.0
 * @category schemas
 */
export const ArkData: Schema.Schema<ArkData> = Schema.Struct(arkDataFields)

/**
 * A card.
 *
 * @since 0.1.0
 * @category models
 */
export interface ArkData extends Schema.Struct.Type<typeof arkDataFields> {}

const mentionFields = {
  /** `single`, or `all` for everybody. */
  scope: optional(Schema.String),
  id: optional(Schema.String),
  member_openid: optional(Schema.String),
  user_openid: optional(Schema.String),
  username: optional(Schema.String),
  nickname: optional(Schema.String),
  bot: optional(Schema.Boolean),
  /** Whether it is the bot that receives the event. */
  is_you: optional(Schema.Boolean)
}

/**
 * Somebody a message names with an `@`.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Mention: Schema.Schema<Mention> = Schema.Struct(mentionFields)

/**
 * Somebody a message names with an `@`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Mention extends Schema.Struct.Type<typeof mentionFields> {}

const messageElementFields = {
  msg_idx: optional(Schema.String),
  author: optional(Author),
  message_type: optional(Schema.Number),
  /** Of forwarded messages it is all there is: their text, one below the other. */
  content: optional(Schema.String),
  attachments: optional(Schema.Array(Attachment)),
  ark_data: optional(ArkData),
  /** More of the same, to any depth: `MessageView` reads it. */
  msg_elements: optional(Schema.Array(Schema.Unknown)),
  /** With `msg_nodes`, which are more of the same. */
  parallel_message: optional(Schema.Unknown)
}

/**
 * A message inside of another.
 *
 * @since 0.1.0
 * @category schemas
 */
export const MessageElement: Schema.Schema<MessageElement> = Schema.Struct(messageElementFields)

/**
 * A message inside of another.
 *
 * @since 0.1.0
 * @category models
 */
export interface MessageElement extends Schema.Struct.Type<typeof messageElementFields> {}

const messageFields = {
  author: Author,
  /** Absent or `null` on the wire is empty text in an event. A single space when there are only attachments. */
  content: optional(Schema.String),
  /** RFC 3339; `Timestamp.toMillis` reads this and what else has been seen. */
  timestamp: optional(Schema.String),
  /** See {@link MessageType}. */
  message_type: optional(Schema.Number),
  message_scene: optional(Schema.Struct(sceneFields)),
  attachments: optional(Schema.Array(Attachment)),
  msg_elements: optional(Schema.Array(MessageElement)),
  /** Of several messages at once; in its `msg_nodes` are elements. `MessageView` reads it. */
  parallel_message: optional(Schema.Unknown),
  ark_data: optional(ArkData)
}

const c2cMessageFields = {
  /** The `msg_id` of a passive reply: valid for 60 minutes and 4 replies. */
  id: Schema.String,
  ...messageFields
}

/**
 * The payload of C2C_MESSAGE_CREATE.
 *
 * @since 0.1.0
 * @category schemas
 */
export const C2CMessage: Schema.Schema<C2CMessage> = Schema.Struct(c2cMessageFields)

/**
 * The payload of C2C_MESSAGE_CREATE.
 *
 * @since 0.1.0
 * @category models
 */
export interface C2CMessage extends Schema.Struct.Type<typeof c2cMessageFields> {}

const groupMessageFields = {
  /** The `msg_id` of a passive reply: valid for 5 minutes and 5 replies. */
  id: Schema.String,
  group_openid: Schema.String,
  /** The same as `group_openid`, in older payloads. */
  group_id: optional(Schema.String),
  ...messageFields,
  /** Without the bot itself in GROUP_AT_MESSAGE_CREATE. */
  mentions: optional(Schema.Array(Mention))
}

/**
 * The payload of GROUP_AT_MESSAGE_CREATE, whose `content` begins with the space that was behind the bot's mention, and of
 * GROUP_MESSAGE_CREATE, whose `content` has mentions as `<@OPENID>`.
 *
 * @since 0.1.0
 * @category schemas
 */
export const GroupMessage: Schema.Schema<GroupMessage> = Schema.Struct(groupMessageFields)

/**
 * The payload of GROUP_AT_MESSAGE_CREATE and GROUP_MESSAGE_CREATE.
 *
 * @since 0.1.0
 * @category models
 */
export interface GroupMessage extends Schema.Struct.Type<typeof groupMessageFields> {}
