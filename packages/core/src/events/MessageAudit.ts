/**
 * What moderation decided about a message of the bot's. `Messenger.audited` waits for it.
 *
 * Source: `server-inter/message/post_messages.md` of the platform's documentation and botgo's `dto/message_audit`; the openids
 * are of newer payloads.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { optional } from "./Payload.ts"

const auditFields = {
  /** The id that the answer to the message named, with code 304023 or 304024. */
  audit_id: Schema.String,
  /** The id of the message, once it has passed. */
  message_id: optional(Schema.String),
  guild_id: optional(Schema.String),
  channel_id: optional(Schema.String),
  user_openid: optional(Schema.String),
  group_openid: optional(Schema.String),
  /** ISO 8601. */
  audit_time: optional(Schema.String),
  /** ISO 8601. */
  create_time: optional(Schema.String),
  seq_in_channel: optional(Schema.String)
}

/**
 * The payload of MESSAGE_AUDIT_PASS and MESSAGE_AUDIT_REJECT.
 *
 * @since 0.1.0
 * @category schemas
 */
export const MessageAudit: Schema.Schema<MessageAudit> = Schema.Struct(auditFields)

/**
 * The payload of MESSAGE_AUDIT_PASS and MESSAGE_AUDIT_REJECT.
 *
 * @since 0.1.0
 * @category models
 */
export interface MessageAudit extends Schema.Struct.Type<typeof auditFields> {}
