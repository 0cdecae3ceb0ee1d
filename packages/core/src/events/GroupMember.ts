/**
 * Members of groups: who came, who went, who asks to come.
 *
 * Source: `autogen/event/group_member_add`, `group_member_remove` and `group_join_request` of the platform's documentation
 * of 2026.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { optional } from "./Payload.ts"

const memberChangeFields = {
  group_openid: Schema.String,
  member_openid: Schema.String,
  /** The user's openid in private chats, where the bot may know it; else absent or empty. */
  user_openid: optional(Schema.String),
  /** Seconds since 1970. */
  timestamp: optional(Schema.Number)
}

/**
 * The payload of GROUP_MEMBER_ADD and GROUP_MEMBER_REMOVE.
 *
 * @since 0.1.0
 * @category schemas
 */
export const MemberChange: Schema.Schema<MemberChange> = Schema.Struct(memberChangeFields)

/**
 * The payload of GROUP_MEMBER_ADD and GROUP_MEMBER_REMOVE.
 *
 * @since 0.1.0
 * @category models
 */
export interface MemberChange extends Schema.Struct.Type<typeof memberChangeFields> {}

const questionFields = { question: optional(Schema.String), answer: optional(Schema.String) }

const verificationFields = {
  /** `verify_message` or `admin_review_qa`. */
  method: optional(Schema.String),
  verify_message: optional(Schema.String),
  review_qa_list: optional(Schema.Array(Schema.Struct(questionFields)))
}

const approvalFields = { strategy_id: optional(Schema.String) }

const joinRequestFields = {
  group_openid: Schema.String,
  join_request_id: Schema.String,
  member_openid: Schema.String,
  username: optional(Schema.String),
  /** RFC 3339. */
  apply_at: optional(Schema.String),
  /** `self_apply` or `invited`. */
  apply_source: optional(Schema.String),
  /** The openid of the member who invited. */
  invited_by: optional(Schema.String),
  bot: optional(Schema.Boolean),
  /** What the platform warns of. */
  risk_tips: optional(Schema.String),
  union_openid: optional(Schema.String),
  verify_info: optional(Schema.Struct(verificationFields)),
  /** Set where a rule of the group let the user in already. */
  auto_approved: optional(Schema.Struct(approvalFields))
}

/**
 * The payload of GROUP_JOIN_REQUEST, which only comes to bots that are admins of the group.
 *
 * @since 0.1.0
 * @category schemas
 */
export const JoinRequest: Schema.Schema<JoinRequest> = Schema.Struct(joinRequestFields)

/**
 * The payload of GROUP_JOIN_REQUEST.
 *
 * @since 0.1.0
 * @category models
 */
export interface JoinRequest extends Schema.Struct.Type<typeof joinRequestFields> {}
