/**
 * Where messages go: a private chat or a group.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type * as Event from "../events/Event.ts"

/**
 * A conversation the bot takes part in. Values with the same content are equal.
 *
 * @since 0.1.0
 * @category models
 */
export type Conversation = C2C | Group

/**
 * The private chat of one user.
 *
 * @since 0.1.0
 * @category models
 */
export interface C2C {
  readonly _tag: "C2C"
  /** The user's openid, which is another one for every bot. */
  readonly user: string
}

/**
 * A group.
 *
 * @since 0.1.0
 * @category models
 */
export interface Group {
  readonly _tag: "Group"
  /** The group's openid, which is another one for every bot. */
  readonly group: string
}

/**
 * The private chat of a user.
 *
 * @since 0.1.0
 * @category constructors
 */
export const c2c = (user: string): C2C => Data.struct({ _tag: "C2C", user })

/**
 * A group.
 *
 * @since 0.1.0
 * @category constructors
 */
export const group = (openid: string): Group => Data.struct({ _tag: "Group", group: openid })

/**
 * The conversation in which a message was written.
 *
 * @since 0.1.0
 * @category constructors
 */
export const ofEvent = (event: Event.MessageEvent): Conversation =>
  event.t === "C2C_MESSAGE_CREATE" ? c2c(event.author.user_openid ?? event.author.id ?? "") : group(event.group_openid)

/**
 * The path of the endpoint that takes messages for a conversation.
 *
 * @since 0.1.0
 * @category lookups
 */
export const messagesPath = (conversation: Conversation): string =>
  conversation._tag === "C2C"
    ? `/v2/users/${encodeURIComponent(conversation.user)}/messages`
    : `/v2/groups/${encodeURIComponent(conversation.group)}/messages`
