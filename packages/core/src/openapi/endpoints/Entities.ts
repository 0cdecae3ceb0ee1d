/**
 * What more than one family of endpoints answers with.
 *
 * @since 0.1.0
 */
import type * as Schema from "effect/Schema"
import { flag, id, ids, integer, record, text } from "../Lenient.ts"

/**
 * Reads {@link User}.
 *
 * @since 0.1.0
 * @category schemas
 */
export const user = record({
  id,
  username: text,
  avatar: text,
  bot: flag,
  /** Links the bots of one owner, where that is granted. */
  union_openid: text,
  union_user_account: text,
  /** Opens a chat with the bot. Of the bot only. */
  share_url: text,
  /** Of the bot only. */
  welcome_msg: text
})

/**
 * A user, such as the bot itself.
 *
 * @since 0.1.0
 * @category users
 */
export interface User extends Schema.Schema.Type<typeof user> {}

/**
 * Reads {@link Guild}.
 *
 * @since 0.1.0
 * @category schemas
 */
export const guild = record({
  id,
  name: text,
  icon: text,
  owner_id: id,
  /** Whether the bot made it. */
  owner: flag,
  member_count: integer,
  max_members: integer,
  description: text,
  /** When the bot joined, ISO 8601. */
  joined_at: text
})

/**
 * A guild.
 *
 * @since 0.1.0
 * @category guilds
 */
export interface Guild extends Schema.Schema.Type<typeof guild> {}

/**
 * Reads {@link Member}.
 *
 * @since 0.1.0
 * @category schemas
 */
export const member = record({
  user: user,
  nick: text,
  /** 1 everyone, 2 admin, 4 owner, 5 admin of a channel, or a role of the guild. */
  roles: ids,
  /** ISO 8601. */
  joined_at: text,
  op_user_id: id
})

/**
 * A member of a guild.
 *
 * @since 0.1.0
 * @category members
 */
export interface Member extends Schema.Schema.Type<typeof member> {}
