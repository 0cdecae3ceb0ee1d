/**
 * Guilds, their channels and their members.
 *
 * Sources: `server-inter/channel/manage/guild` and `member` of the platform's documentation, `server-inter/channel/role` for
 * the ids of roles.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { User } from "./GuildMessage.ts"
import { optional } from "./Payload.ts"

const guildFields = {
  id: Schema.String,
  name: optional(Schema.String),
  icon: optional(Schema.String),
  owner_id: optional(Schema.String),
  member_count: optional(Schema.Number),
  max_members: optional(Schema.Number),
  description: optional(Schema.String),
  /** ISO 8601 as a rule: `Timestamp.toMillis` reads what else early payloads had. */
  joined_at: optional(Schema.String),
  /** Who did it. */
  op_user_id: optional(Schema.String)
}

/**
 * The payload of GUILD_CREATE and GUILD_UPDATE, with the state that is new, and of GUILD_DELETE, with the one that was: the
 * guild is gone, or the bot was put out of it.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Guild: Schema.Schema<Guild> = Schema.Struct(guildFields)

/**
 * The payload of GUILD_CREATE, GUILD_UPDATE and GUILD_DELETE.
 *
 * @since 0.1.0
 * @category models
 */
export interface Guild extends Schema.Struct.Type<typeof guildFields> {}

/**
 * What a channel is, in `type`.
 *
 * @since 0.1.0
 * @category constants
 */
export const ChannelType = {
  Text: 0,
  Voice: 2,
  Category: 4,
  Live: 10_005,
  Application: 10_006,
  Forum: 10_007
} as const

const channelFields = {
  id: Schema.String,
  guild_id: Schema.String,
  name: optional(Schema.String),
  /** See {@link ChannelType}. */
  type: optional(Schema.Number),
  sub_type: optional(Schema.Number),
  position: optional(Schema.Number),
  owner_id: optional(Schema.String),
  /** Who did it. */
  op_user_id: optional(Schema.String)
}

/**
 * The payload of CHANNEL_CREATE, CHANNEL_UPDATE and CHANNEL_DELETE.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Channel: Schema.Schema<Channel> = Schema.Struct(channelFields)

/**
 * The payload of CHANNEL_CREATE, CHANNEL_UPDATE and CHANNEL_DELETE.
 *
 * @since 0.1.0
 * @category models
 */
export interface Channel extends Schema.Struct.Type<typeof channelFields> {}

const memberFields = {
  guild_id: Schema.String,
  user: optional(User),
  /** May be empty. */
  nick: optional(Schema.String),
  /** Ids of roles; `2` is an admin of the guild, `4` its owner, `5` an admin of a channel. */
  roles: optional(Schema.Array(Schema.String)),
  /** ISO 8601. */
  joined_at: optional(Schema.String),
  /** Who did it. */
  op_user_id: optional(Schema.String)
}

/**
 * The payload of GUILD_MEMBER_ADD, GUILD_MEMBER_UPDATE and GUILD_MEMBER_REMOVE.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Member: Schema.Schema<Member> = Schema.Struct(memberFields)

/**
 * The payload of GUILD_MEMBER_ADD, GUILD_MEMBER_UPDATE and GUILD_MEMBER_REMOVE.
 *
 * @since 0.1.0
 * @category models
 */
export interface Member extends Schema.Struct.Type<typeof memberFields> {}
