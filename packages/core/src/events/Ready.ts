/**
 * READY: what the gateway says of a session that has begun.
 *
 * Source: `interface-framework/reference.md` of the platform's documentation.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { optional } from "./Payload.ts"

const userFields = {
  /** The bot's id in guilds: mentions in channels name it. */
  id: optional(Schema.String),
  username: optional(Schema.String),
  bot: optional(Schema.Boolean),
  status: optional(Schema.Number)
}

const readyFields = {
  session_id: Schema.String,
  version: optional(Schema.Number),
  user: optional(Schema.Struct(userFields)),
  /** Which shard, of how many. */
  shard: optional(Schema.Array(Schema.Number))
}

/**
 * The payload of READY.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Ready: Schema.Schema<Ready> = Schema.Struct(readyFields)

/**
 * The payload of READY.
 *
 * @since 0.1.0
 * @category models
 */
export interface Ready extends Schema.Struct.Type<typeof readyFields> {}
