/**
 * Emoji that members of a guild put on something, or take off again.
 *
 * Source: `server-inter/channel/trigger/model` of the platform's documentation, in which the type of a target is a number;
 * names such as `ReactionTargetType_MSG` have been seen.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { optional } from "./Payload.ts"

/**
 * Which emoji an id is of, in `emoji.type`.
 *
 * @since 0.1.0
 * @category constants
 */
export const EmojiType = {
  /** One of QQ's own: the id is its number. */
  System: 1,
  /** The id is a code point, in decimal. */
  Unicode: 2
} as const

const emojiFields = {
  id: Schema.String,
  /** See {@link EmojiType}. */
  type: optional(Schema.Number)
}

const targetFields = {
  id: optional(Schema.String),
  /** A number, or the name of one: {@link targetOf} reads both. */
  type: optional(Schema.Union(Schema.Number, Schema.String))
}

const reactionFields = {
  user_id: Schema.String,
  guild_id: Schema.String,
  channel_id: Schema.String,
  emoji: Schema.Struct(emojiFields),
  target: optional(Schema.Struct(targetFields))
}

/**
 * The payload of MESSAGE_REACTION_ADD and MESSAGE_REACTION_REMOVE.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Reaction: Schema.Schema<Reaction> = Schema.Struct(reactionFields)

/**
 * The payload of MESSAGE_REACTION_ADD and MESSAGE_REACTION_REMOVE.
 *
 * @since 0.1.0
 * @category models
 */
export interface Reaction extends Schema.Struct.Type<typeof reactionFields> {}

/**
 * What a reaction is on.
 *
 * @since 0.1.0
 * @category models
 */
export type Target = "message" | "thread" | "post" | "reply"

const targets: ReadonlyMap<string, Target> = new Map([
  ["0", "message"],
  ["1", "thread"],
  ["2", "post"],
  ["3", "reply"],
  ["MSG", "message"],
  ["MESSAGE", "message"],
  ["FEED", "thread"],
  ["THREAD", "thread"],
  ["COMMENT", "post"],
  ["POST", "post"],
  ["REPLY", "reply"]
])

/**
 * What a reaction is on, from either form of `target.type`. `undefined` for a type that is not known.
 *
 * @since 0.1.0
 * @category lookups
 */
export const targetOf = (reaction: Pick<Reaction, "target">): Target | undefined => {
  const type = reaction.target?.type
  return type === undefined || type === null
    ? undefined
    : targets.get(
        String(type)
          .toUpperCase()
          .replace(/^REACTIONTARGETTYPE_/, "")
      )
}
