/**
 * Groups and their administration. Most of it is for bots that are admins of the group, and by invitation of the
 * platform: without it, error 11253.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Endpoint from "../Endpoint.ts"
import { as, flag, id, ids, integer, list, record, text, type Open } from "../Lenient.ts"

const byCursor = {
  parameter: "cursor" as const,
  next: ({ next_cursor }: { readonly next_cursor?: string | undefined }): string | undefined => next_cursor
}

const groups = "inventory of the pages of 2026-09 [field]"

const group = record({
  group_openid: id,
  group_name: text,
  /** What the group says of itself. */
  group_finger_memo: text,
  group_class_text: text,
  group_tags: ids,
  group_member_num: integer
})

/**
 * A group.
 *
 * @since 0.1.0
 * @category groups
 */
export interface Group extends Schema.Schema.Type<typeof group> {}

const groupBotState = record({
  member_openid: id,
  /** `member`, `admin` or `owner`. */
  member_role: text,
  /** RFC 3339. */
  joined_at: text,
  allow_proactive_msg: flag,
  /** `all`, `only_mention` or `mention_and_context`. */
  recv_msg_setting: text
})

/**
 * The bot as a member of a group.
 *
 * @since 0.1.0
 * @category groups
 */
export interface GroupBotState extends Schema.Schema.Type<typeof groupBotState> {}

/**
 * A group.
 *
 * @since 0.1.0
 * @category groups
 */
export const getGroup = Endpoint.make({
  method: "GET",
  path: "/v2/groups/{group}/info",
  answer: as<Group>(group),
  source: groups
})

/**
 * The bot as a member of a group: its role, and whether it may write unasked.
 *
 * @since 0.1.0
 * @category groups
 */
export const getGroupBotState = Endpoint.make({
  method: "GET",
  path: "/v2/groups/{group}/bot_state",
  answer: as<GroupBotState>(groupBotState),
  source: groups
})

const groupMember = record({
  member_openid: id,
  username: text,
  nick: text,
  /** `member`, `admin` or `owner`. */
  member_role: text,
  bot: flag,
  /** RFC 3339. */
  joined_at: text,
  union_openid: text
})

/**
 * A member of a group.
 *
 * @since 0.1.0
 * @category group members
 */
export interface GroupMember extends Schema.Schema.Type<typeof groupMember> {}

const groupMembers = record({
  members: list(groupMember),
  /** Empty after the last page. */
  next_cursor: id
})

/**
 * A page of the members of a group, at most 30.
 *
 * @since 0.1.0
 * @category group members
 */
export interface GroupMembers extends Schema.Schema.Type<typeof groupMembers> {}

/**
 * The members of a group.
 *
 * @since 0.1.0
 * @category group members
 */
export const listGroupMembers = Endpoint.paged(
  {
    method: "GET",
    path: "/v2/groups/{group}/members",
    query: { cursor: Schema.optional(Schema.String), limit: Schema.optional(Schema.Number) },
    answer: as<GroupMembers>(groupMembers),
    source: groups
  },
  { ...byCursor, items: ({ members = [] }) => members }
)

/**
 * A member of a group.
 *
 * @since 0.1.0
 * @category group members
 */
export const getGroupMember = Endpoint.make({
  method: "GET",
  path: "/v2/groups/{group}/members/{member}",
  answer: as<GroupMember>(groupMember),
  source: groups
})

/**
 * Who is removed.
 *
 * @since 0.1.0
 * @category group members
 */
export interface GroupMemberRemoval extends Open {
  /** At most 20. */
  readonly member_openids: ReadonlyArray<string>
  /** Default false. */
  readonly add_to_member_blacklist?: boolean | undefined
}

const groupMembersRemoved = record({
  /** `success` where all were removed. */
  remove_members_result: text,
  /** Who is not on the blacklist now. */
  add_to_member_blacklist_fail_openids: ids
})

/**
 * What became of it.
 *
 * @since 0.1.0
 * @category group members
 */
export interface GroupMembersRemoved extends Schema.Schema.Type<typeof groupMembersRemoved> {}

/**
 * Removes members from a group. Some may be removed and others not: look at the answer.
 *
 * @since 0.1.0
 * @category group members
 */
export const removeGroupMembers = Endpoint.make({
  method: "POST",
  path: "/v2/groups/{group}/batch_remove_members",
  body: Endpoint.json<GroupMemberRemoval>(),
  answer: as<GroupMembersRemoved>(groupMembersRemoved),
  source: groups
})

const scheduleRule = record({
  task_id: id,
  start_at: text,
  end_at: text,
  enabled: flag
})

const recurringRule = record({
  task_id: id,
  /** 1 Monday … 7 Sunday. */
  weekdays: list(integer),
  start_time: text,
  end_time: text,
  enabled: flag
})

const globalRule = record({
  /** `none`, `always` or `schedule`. */
  mode: text,
  schedule_rules: list(scheduleRule),
  recurring_rules: list(recurringRule)
})

const mutedMember = record({
  member_openid: id,
  username: text,
  union_openid: text,
  /** RFC 3339. */
  mute_expire_at: text
})

/**
 * A member who may not speak.
 *
 * @since 0.1.0
 * @category group muting
 */
export interface MutedMember extends Schema.Schema.Type<typeof mutedMember> {}

const restrictChatSetting = record({
  global_rule: globalRule,
  members: list(mutedMember)
})

/**
 * Who may not speak in a group.
 *
 * @since 0.1.0
 * @category group muting
 */
export interface RestrictChatSetting extends Schema.Schema.Type<typeof restrictChatSetting> {}

/**
 * Whose muting begins, changes or ends. Admins of the group and bots cannot be muted.
 *
 * @since 0.1.0
 * @category group muting
 */
export interface RestrictChatChange extends Open {
  /** At most 20. */
  readonly members?:
    | ReadonlyArray<{
        readonly op: "add" | "update" | "del"
        readonly member_openid: string
        /** RFC 3339, at most 30 days away. */
        readonly mute_expire_at?: string | undefined
      }>
    | undefined
  /** Everybody. Seen in use, not documented [field]. */
  readonly global_mute?: { readonly mode: "none" | "always" } | undefined
}

/**
 * Who may not speak in a group.
 *
 * @since 0.1.0
 * @category group muting
 */
export const getRestrictChatSetting = Endpoint.make({
  method: "GET",
  path: "/v2/groups/{group}/restrict_chat_setting",
  answer: as<RestrictChatSetting>(restrictChatSetting),
  source: groups
})

/**
 * Mutes members of a group, or unmutes them.
 *
 * @since 0.1.0
 * @category group muting
 */
export const updateRestrictChatSetting = Endpoint.make({
  method: "POST",
  path: "/v2/groups/{group}/restrict_chat_setting",
  body: Endpoint.json<RestrictChatChange>(),
  source: groups
})

const blacklistedMember = record({
  member_openid: id,
  username: text,
  union_openid: text,
  /** RFC 3339. */
  banned_at: text,
  bot: flag
})

/**
 * Someone who may not join a group.
 *
 * @since 0.1.0
 * @category group blacklists
 */
export interface BlacklistedMember extends Schema.Schema.Type<typeof blacklistedMember> {}

const groupBlacklist = record({
  users: list(blacklistedMember),
  /** Empty after the last page. */
  next_cursor: id
})

/**
 * A page of the blacklist of a group.
 *
 * @since 0.1.0
 * @category group blacklists
 */
export interface GroupBlacklist extends Schema.Schema.Type<typeof groupBlacklist> {}

/**
 * Whom to put on the blacklist or take off it. Members cannot be put on it.
 *
 * @since 0.1.0
 * @category group blacklists
 */
export interface GroupBlacklistChange extends Open {
  readonly op: "add" | "del"
  /** At most 20. */
  readonly member_openids: ReadonlyArray<string>
}

const groupBlacklistChanged = record({
  /** For whom it did not work. */
  fail_openids: ids
})

/**
 * What became of it.
 *
 * @since 0.1.0
 * @category group blacklists
 */
export interface GroupBlacklistChanged extends Schema.Schema.Type<typeof groupBlacklistChanged> {}

/**
 * The blacklist of a group, at most 100 a page.
 *
 * @since 0.1.0
 * @category group blacklists
 */
export const listGroupBlacklist = Endpoint.paged(
  {
    method: "GET",
    path: "/v2/groups/{group}/member_blacklist",
    query: { cursor: Schema.optional(Schema.String), limit: Schema.optional(Schema.Number) },
    answer: as<GroupBlacklist>(groupBlacklist),
    source: groups
  },
  { ...byCursor, limit: 100, items: ({ users = [] }) => users }
)

/**
 * Puts people on the blacklist of a group or takes them off it. It may work for some only: look at the answer.
 *
 * @since 0.1.0
 * @category group blacklists
 */
export const updateGroupBlacklist = Endpoint.make({
  method: "POST",
  path: "/v2/groups/{group}/member_blacklist",
  body: Endpoint.json<GroupBlacklistChange>(),
  answer: as<GroupBlacklistChanged>(groupBlacklistChanged),
  source: groups
})

const verifyInfo = record({
  /** `verify_message` or `admin_review_qa`. */
  method: text,
  verify_message: text,
  review_qa_list: list(record({ question: text, answer: text }))
})

const joinRequest = record({
  join_request_id: id,
  member_openid: id,
  username: text,
  union_openid: text,
  /** RFC 3339. */
  apply_at: text,
  /** `self_apply` or `invited`. */
  apply_source: text,
  invited_by: id,
  bot: flag,
  risk_tips: text,
  verify_info: verifyInfo
})

/**
 * Someone asks to join a group.
 *
 * @since 0.1.0
 * @category join requests
 */
export interface JoinRequest extends Schema.Schema.Type<typeof joinRequest> {}

const joinRequests = record({
  list: list(joinRequest),
  /** Empty after the last page. */
  next_cursor: id
})

/**
 * A page of those who ask to join a group.
 *
 * @since 0.1.0
 * @category join requests
 */
export interface JoinRequests extends Schema.Schema.Type<typeof joinRequests> {}

/**
 * Whether someone may join.
 *
 * @since 0.1.0
 * @category join requests
 */
export interface JoinDecision extends Open {
  readonly op: "approve" | "decline"
  readonly join_request_id?: string | undefined
  /** With `decline`. */
  readonly reject_reason?: string | undefined
  /** With `decline`. Default false. */
  readonly add_to_member_blacklist?: boolean | undefined
}

/**
 * Who asks to join a group, at most 50 a page.
 *
 * @since 0.1.0
 * @category join requests
 */
export const listJoinRequests = Endpoint.paged(
  {
    method: "GET",
    path: "/v2/groups/{group}/join_request_list",
    query: { cursor: Schema.optional(Schema.String), limit: Schema.optional(Schema.Number) },
    answer: as<JoinRequests>(joinRequests),
    source: groups
  },
  { ...byCursor, limit: 50, items: ({ list: requests = [] }) => requests }
)

/**
 * Lets someone join a group, or does not.
 *
 * @since 0.1.0
 * @category join requests
 */
export const decideJoinRequest = Endpoint.make({
  method: "POST",
  path: "/v2/groups/{group}/approval_join_request/{member}",
  body: Endpoint.json<JoinDecision>(),
  source: groups
})

const joinApprovalStrategy = record({
  strategy_id: id,
  group_openids: ids,
  group_ids: ids,
  /** An approximate number. */
  whitelist_user_count: integer,
  /** `on` or `off`. */
  is_enable: text,
  /** RFC 3339. */
  expire_at: text,
  /** RFC 3339. */
  created_at: text,
  /** RFC 3339. */
  updated_at: text,
  remark: text
})

/**
 * A strategy: a rule by which the platform lets people join by itself.
 *
 * @since 0.1.0
 * @category join approval
 */
export interface JoinApprovalStrategy extends Schema.Schema.Type<typeof joinApprovalStrategy> {}

const joinApprovalStrategies = record({
  strategies: list(joinApprovalStrategy),
  /** Empty after the last page. */
  next_cursor: id
})

/**
 * A page of strategies.
 *
 * @since 0.1.0
 * @category join approval
 */
export interface JoinApprovalStrategies extends Schema.Schema.Type<typeof joinApprovalStrategies> {}

/**
 * A strategy to be made: either `group_openids` or `group_ids`. At most 20 for each bot.
 *
 * @since 0.1.0
 * @category join approval
 */
export interface JoinApprovalStrategyDraft extends Open {
  /** At most 100. */
  readonly group_openids?: ReadonlyArray<string> | undefined
  /** At most 100. */
  readonly group_ids?: ReadonlyArray<string> | undefined
  /** Default `on`. */
  readonly is_enable?: "on" | "off" | undefined
  /** RFC 3339. Default: a year from now. */
  readonly expire_at?: string | undefined
  readonly remark?: string | undefined
}

/**
 * What is to change about a strategy.
 *
 * @since 0.1.0
 * @category join approval
 */
export interface JoinApprovalStrategyChange extends Open {
  readonly is_enable?: "on" | "off" | undefined
  /** RFC 3339. */
  readonly expire_at?: string | undefined
  /** Groups are named as they were when the strategy was made. */
  readonly group_action?:
    | {
        readonly op: "add" | "del"
        readonly group_openids?: ReadonlyArray<string> | undefined
        readonly group_ids?: ReadonlyArray<string> | undefined
      }
    | undefined
  readonly remark?: string | undefined
}

/**
 * Who is let in.
 *
 * @since 0.1.0
 * @category join approval
 */
export interface JoinApprovalWhitelistChange extends Open {
  readonly op: "add" | "del"
  /** QQ numbers, no openids; at most 10 000. */
  readonly whitelist_users: ReadonlyArray<string>
}

const joinApprovalWhitelist = record({
  strategy_id: id,
  /** An approximate number. */
  whitelist_user_count: integer,
  /** RFC 3339. */
  updated_at: text
})

/**
 * How many are let in.
 *
 * @since 0.1.0
 * @category join approval
 */
export interface JoinApprovalWhitelist extends Schema.Schema.Type<typeof joinApprovalWhitelist> {}

/**
 * The strategies by which the platform lets people join by itself, newest first, at most 100 a page.
 *
 * @since 0.1.0
 * @category join approval
 */
export const listJoinApprovalStrategies = Endpoint.paged(
  {
    method: "GET",
    path: "/v2/groups/join_approval_strategy",
    query: { cursor: Schema.optional(Schema.String), limit: Schema.optional(Schema.Number) },
    answer: as<JoinApprovalStrategies>(joinApprovalStrategies),
    source: groups
  },
  { ...byCursor, limit: 100, items: ({ strategies = [] }) => strategies }
)

/**
 * Makes a strategy. It works where the bot is an admin of the group.
 *
 * @since 0.1.0
 * @category join approval
 */
export const createJoinApprovalStrategy = Endpoint.make({
  method: "POST",
  path: "/v2/groups/join_approval_strategy",
  body: Endpoint.json<JoinApprovalStrategyDraft>(),
  answer: as<JoinApprovalStrategy>(joinApprovalStrategy),
  source: groups
})

/**
 * Changes a strategy.
 *
 * @since 0.1.0
 * @category join approval
 */
export const updateJoinApprovalStrategy = Endpoint.make({
  method: "PATCH",
  path: "/v2/groups/join_approval_strategy/{strategy}",
  body: Endpoint.json<JoinApprovalStrategyChange>(),
  answer: as<JoinApprovalStrategy>(joinApprovalStrategy),
  source: groups
})

/**
 * Deletes a strategy.
 *
 * @since 0.1.0
 * @category join approval
 */
export const deleteJoinApprovalStrategy = Endpoint.make({
  method: "DELETE",
  path: "/v2/groups/join_approval_strategy/{strategy}",
  source: groups
})

/**
 * Applies a strategy to those who have asked already, which takes about ten minutes.
 *
 * @since 0.1.0
 * @category join approval
 */
export const executeJoinApprovalStrategy = Endpoint.make({
  method: "POST",
  path: "/v2/groups/join_approval_strategy/{strategy}/execute",
  source: groups
})

/**
 * Changes who is let in by a strategy.
 *
 * @since 0.1.0
 * @category join approval
 */
export const updateJoinApprovalWhitelist = Endpoint.make({
  method: "POST",
  path: "/v2/groups/join_approval_strategy/{strategy}/whitelist_users",
  body: Endpoint.json<JoinApprovalWhitelistChange>(),
  answer: as<JoinApprovalWhitelist>(joinApprovalWhitelist),
  source: groups
})
