/**
 * Messages in the channels of guilds and in the private chats of their members, and that one was deleted.
 *
 * Sources: `channel/message/event` and `server-inter/message/message.md` of the platform's documentation; the payload of a
 * deletion from botgo's `dto/websocket_payload` and botpy, for the documentation gives only its name.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { Attachment } from "./ChatMessage.ts"
import { optional } from "./Payload.ts"

const userFields = {
  id: optional(Schema.String),
  username: optional(Schema.String),
  avatar: optional(Schema.String),
  bot: optional(Schema.Boolean),
  union_openid: optional(Schema.String),
  union_user_account: optional(Schema.String)
}

/**
 * A user as guilds know it: ids are others than in private chats and groups.
 *
 * @since 0.1.0
 * @category schemas
 */
export const User: Schema.Schema<User> = Schema.Struct(userFields)

/**
 * A user as guilds know it.
 *
 * @since 0.1.0
 * @category models
 */
export interface User extends Schema.Struct.Type<typeof userFields> {}

const memberFields = {
  nick: optional(Schema.String),
  /** Ids of roles; `2` is an admin of the guild, `4` its owner, `5` an admin of the channel. */
  roles: optional(Schema.Array(Schema.String)),
  joined_at: optional(Schema.String)
}

const referenceFields = { message_id: optional(Schema.String) }

const guildMessageFields = {
  /** The `msg_id` of a passive reply: valid for 5 minutes. */
  id: Schema.String,
  /** Of a direct message: that of the private session. */
  channel_id: Schema.String,
  /** Of a direct message: that of the private session, and where an answer goes. */
  guild_id: Schema.String,
  /** The guild in which the two of a direct message met. */
  src_guild_id: optional(Schema.String),
  direct_message: optional(Schema.Boolean),
  author: User,
  member: optional(Schema.Struct(memberFields)),
  /**
   * Absent or `null` on the wire is empty text in an event. Mentions stay in it as `<@!ID>`; `&`, `<` and `>` that were
   * written are `&amp;`, `&lt;` and `&gt;`.
   */
  content: optional(Schema.String),
  timestamp: optional(Schema.String),
  edited_timestamp: optional(Schema.String),
  attachments: optional(Schema.Array(Attachment)),
  embeds: optional(Schema.Array(Schema.Unknown)),
  ark: optional(Schema.Unknown),
  mentions: optional(Schema.Array(User)),
  mention_everyone: optional(Schema.Boolean),
  /** Deprecated in favour of `seq_in_channel`. */
  seq: optional(Schema.Number),
  /** Orders the messages of one channel. */
  seq_in_channel: optional(Schema.String),
  message_reference: optional(Schema.Struct(referenceFields))
}

/**
 * The payload of AT_MESSAGE_CREATE, MESSAGE_CREATE and DIRECT_MESSAGE_CREATE.
 *
 * @since 0.1.0
 * @category schemas
 */
export const GuildMessage: Schema.Schema<GuildMessage> = Schema.Struct(guildMessageFields)

/**
 * The payload of AT_MESSAGE_CREATE, MESSAGE_CREATE and DIRECT_MESSAGE_CREATE.
 *
 * @since 0.1.0
 * @category models
 */
export interface GuildMessage extends Schema.Struct.Type<typeof guildMessageFields> {}

const deletedMessageFields = {
  id: Schema.String,
  channel_id: optional(Schema.String),
  guild_id: optional(Schema.String),
  src_guild_id: optional(Schema.String),
  direct_message: optional(Schema.Boolean),
  /** Who had written it. */
  author: optional(User)
}

const operatorFields = { id: optional(Schema.String) }

const deletionFields = {
  message: Schema.Struct(deletedMessageFields),
  /** Who deleted it. */
  op_user: optional(Schema.Struct(operatorFields))
}

/**
 * The payload of MESSAGE_DELETE, PUBLIC_MESSAGE_DELETE and DIRECT_MESSAGE_DELETE.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Deletion: Schema.Schema<Deletion> = Schema.Struct(deletionFields)

/**
 * The payload of MESSAGE_DELETE, PUBLIC_MESSAGE_DELETE and DIRECT_MESSAGE_DELETE.
 *
 * @since 0.1.0
 * @category models
 */
export interface Deletion extends Schema.Struct.Type<typeof deletionFields> {}
