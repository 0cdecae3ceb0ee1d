/**
 * What users and groups are to the bot: whether they know it, and whether it may write to them.
 *
 * Sources: the pages `autogen/event/friend_add`, `c2c_msg_receive`, `group_add_robot`, `group_msg_receive` and
 * `subscribe_message_status` of the platform's documentation of 2026, each with those beside it; ENTER_AIO from botgo's
 * `dto`, for it is not documented. `nick` and `avatar` have only been seen.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { optional } from "./Payload.ts"

/**
 * Where a user found the bot, in `scene` of FRIEND_ADD.
 *
 * @since 0.1.0
 * @category constants
 */
export const FriendScene = {
  Default: 1000,
  /** A search for anything. */
  Search: 1001,
  /** A search for bots. */
  BotSearch: 1002,
  Group: 1003,
  Qzone: 1004,
  /** A shared profile of the bot, opened inside of QQ. */
  SharedProfile: 2001,
  /** A shared profile of the bot, opened outside of QQ. */
  SharedProfileOutside: 2002,
  /** A link of the developer's, opened inside of QQ: `scene_param` has its `callback_data`. */
  Link: 2003,
  /** A link of the developer's, opened outside of QQ. */
  LinkOutside: 2004
} as const

const accountFields = { union_openid: optional(Schema.String) }

const friendRemovalFields = {
  openid: Schema.String,
  /** Seconds since 1970. */
  timestamp: optional(Schema.Number),
  author: optional(Schema.Struct(accountFields))
}

const friendAdditionFields = {
  ...friendRemovalFields,
  /** See {@link FriendScene}. */
  scene: optional(Schema.Number),
  /** The `callback_data` of the link that led the user here. */
  scene_param: optional(Schema.String),
  short_code: optional(Schema.String),
  nick: optional(Schema.String),
  avatar: optional(Schema.String)
}

/**
 * The payload of FRIEND_ADD: a user added the bot.
 *
 * @since 0.1.0
 * @category schemas
 */
export const FriendAddition: Schema.Schema<FriendAddition> = Schema.Struct(friendAdditionFields)

/**
 * The payload of FRIEND_ADD.
 *
 * @since 0.1.0
 * @category models
 */
export interface FriendAddition extends Schema.Struct.Type<typeof friendAdditionFields> {}

/**
 * The payload of FRIEND_DEL: a user removed the bot.
 *
 * @since 0.1.0
 * @category schemas
 */
export const FriendRemoval: Schema.Schema<FriendRemoval> = Schema.Struct(friendRemovalFields)

/**
 * The payload of FRIEND_DEL.
 *
 * @since 0.1.0
 * @category models
 */
export interface FriendRemoval extends Schema.Struct.Type<typeof friendRemovalFields> {}

const userConsentFields = {
  openid: Schema.String,
  /** Seconds since 1970. */
  timestamp: optional(Schema.Number)
}

/**
 * The payload of C2C_MSG_REJECT and C2C_MSG_RECEIVE: a user switched proactive messages off, or on.
 *
 * @since 0.1.0
 * @category schemas
 */
export const UserConsent: Schema.Schema<UserConsent> = Schema.Struct(userConsentFields)

/**
 * The payload of C2C_MSG_REJECT and C2C_MSG_RECEIVE.
 *
 * @since 0.1.0
 * @category models
 */
export interface UserConsent extends Schema.Struct.Type<typeof userConsentFields> {}

const groupChangeFields = {
  group_openid: Schema.String,
  /** The member who did it; may be empty. */
  op_member_openid: optional(Schema.String),
  /** Seconds since 1970. */
  timestamp: optional(Schema.Number)
}

/**
 * The payload of GROUP_ADD_ROBOT and GROUP_DEL_ROBOT: the bot came into a group, or was put out of it; and of
 * GROUP_MSG_REJECT and GROUP_MSG_RECEIVE: an admin switched proactive messages off, or on.
 *
 * @since 0.1.0
 * @category schemas
 */
export const GroupChange: Schema.Schema<GroupChange> = Schema.Struct(groupChangeFields)

/**
 * The payload of GROUP_ADD_ROBOT, GROUP_DEL_ROBOT, GROUP_MSG_REJECT and GROUP_MSG_RECEIVE.
 *
 * @since 0.1.0
 * @category models
 */
export interface GroupChange extends Schema.Struct.Type<typeof groupChangeFields> {}

/**
 * What a user said to a subscription, in `op`.
 *
 * @since 0.1.0
 * @category constants
 */
export const SubscriptionChoice = { Allow: 1, Reject: 2 } as const

const subscriptionFields = {
  template_id: optional(Schema.Number),
  custom_template_id: optional(Schema.String),
  /** See {@link SubscriptionChoice}. */
  op: optional(Schema.Number),
  /** Needed to send a message of the subscription. */
  subscribe_id: optional(Schema.String),
  /** Seconds since 1970. */
  subscribe_ts: optional(Schema.Number),
  /** Seconds since 1970. */
  update_ts: optional(Schema.Number)
}

const subscriptionChangeFields = {
  /** Set when it was a user who chose. */
  openid: optional(Schema.String),
  /** Set when it was a group. */
  group_openid: optional(Schema.String),
  result: optional(Schema.Array(Schema.Struct(subscriptionFields)))
}

/**
 * The payload of SUBSCRIBE_MESSAGE_STATUS: which templates somebody wants to hear from.
 *
 * @since 0.1.0
 * @category schemas
 */
export const SubscriptionChange: Schema.Schema<SubscriptionChange> = Schema.Struct(subscriptionChangeFields)

/**
 * The payload of SUBSCRIBE_MESSAGE_STATUS.
 *
 * @since 0.1.0
 * @category models
 */
export interface SubscriptionChange extends Schema.Struct.Type<typeof subscriptionChangeFields> {}

const chatEntryFields = {
  user_openid: Schema.String,
  from_source: optional(Schema.String)
}

/**
 * The payload of ENTER_AIO: a user opened the chat with the bot.
 *
 * @since 0.1.0
 * @category schemas
 */
export const ChatEntry: Schema.Schema<ChatEntry> = Schema.Struct(chatEntryFields)

/**
 * The payload of ENTER_AIO.
 *
 * @since 0.1.0
 * @category models
 */
export interface ChatEntry extends Schema.Struct.Type<typeof chatEntryFields> {}
