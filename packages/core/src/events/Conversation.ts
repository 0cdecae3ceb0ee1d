/**
 * Where messages are sent: a private chat, a group, a channel of a guild, or the private chat of a guild's member.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Option from "effect/Option"
import * as Event from "./Event.ts"
import * as Interaction from "./Interaction.ts"
import type { Scene } from "./Scene.ts"

export type {
  /**
   * @since 0.1.0
   * @category models
   */
  Scene
} from "./Scene.ts"

/**
 * A conversation the bot takes part in. Values with the same content are equal.
 *
 * @since 0.1.0
 * @category models
 */
export type Conversation = C2C | Group | Channel | DirectMessage

/**
 * The private chat of one user.
 *
 * @since 0.1.0
 * @category models
 */
export interface C2C {
  readonly _tag: "C2C"
  /** The user's openid, which differs for every bot. */
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
  /** The group's openid, which differs for every bot. */
  readonly group: string
}

/**
 * A channel of a guild. Messages to it need a live gateway session of the bot.
 *
 * @since 0.1.0
 * @category models
 */
export interface Channel {
  readonly _tag: "Channel"
  readonly channel: string
}

/**
 * The private chat with a member of a guild.
 *
 * @since 0.1.0
 * @category models
 */
export interface DirectMessage {
  readonly _tag: "DirectMessage"
  /** The `guild_id` of the private session, as its messages carry it; not the guild where the two met. */
  readonly guild: string
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
 * A channel of a guild.
 *
 * @since 0.1.0
 * @category constructors
 */
export const channel = (id: string): Channel => Data.struct({ _tag: "Channel", channel: id })

/**
 * The private chat with a member of a guild, by the `guild_id` of the session.
 *
 * @since 0.1.0
 * @category constructors
 */
export const directMessage = (guild: string): DirectMessage => Data.struct({ _tag: "DirectMessage", guild })

/**
 * The scene of a conversation.
 *
 * @since 0.1.0
 * @category lookups
 */
export const sceneOf = (conversation: Conversation): Scene => {
  switch (conversation._tag) {
    case "C2C":
      return "c2c"
    case "Group":
      return "group"
    case "Channel":
      return "channel"
    case "DirectMessage":
      return "dm"
  }
}

/**
 * The other side of a conversation: the openid of the user or the group, the id of the channel, or the `guild_id` of the
 * session.
 *
 * @since 0.1.0
 * @category lookups
 */
export const targetOf = (conversation: Conversation): string => {
  switch (conversation._tag) {
    case "C2C":
      return conversation.user
    case "Group":
      return conversation.group
    case "Channel":
      return conversation.channel
    case "DirectMessage":
      return conversation.guild
  }
}

/**
 * The conversation of a scene with this target.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (scene: Scene, target: string): Conversation => {
  switch (scene) {
    case "c2c":
      return c2c(target)
    case "group":
      return group(target)
    case "channel":
      return channel(target)
    case "dm":
      return directMessage(target)
  }
}

/**
 * A conversation as text: `c2c:USER`, `group:GROUP`, `channel:CHANNEL` or `dm:GUILD`.
 *
 * @since 0.1.0
 * @category conversions
 */
export const toKey = (conversation: Conversation): string => `${sceneOf(conversation)}:${targetOf(conversation)}`

/**
 * Reads what {@link toKey} writes. None for anything else.
 *
 * @since 0.1.0
 * @category conversions
 */
export const fromKey = (text: string): Option.Option<Conversation> => {
  const parts = /^(c2c|group|channel|dm):(.+)$/s.exec(text)
  const target = parts?.[2]
  return target === undefined ? Option.none() : Option.some(make(parts?.[1] as Scene, target))
}

/**
 * The conversation in which a message was written.
 *
 * @since 0.1.0
 * @category constructors
 */
export const ofEvent = (event: Event.MessageEvent): Conversation => {
  switch (event.t) {
    case "C2C_MESSAGE_CREATE":
      return c2c(event.author.user_openid || event.author.id || "")
    case "GROUP_AT_MESSAGE_CREATE":
    case "GROUP_MESSAGE_CREATE":
      return group(event.group_openid)
    case "AT_MESSAGE_CREATE":
    case "MESSAGE_CREATE":
      return channel(event.channel_id)
    case "DIRECT_MESSAGE_CREATE":
      return directMessage(event.guild_id)
  }
}

/**
 * The conversation in which a user pressed a button or a menu; `undefined` where the interaction does not name it. In guilds it
 * is the channel: an interaction does not tell that of a direct message from others.
 *
 * @since 0.1.0
 * @category constructors
 */
export const ofInteraction = (event: Event.InteractionCreate): Conversation | undefined => {
  const { scene, target } = Interaction.view(event)
  if (scene === undefined || target === undefined) return undefined
  return make(scene === "guild" ? "channel" : scene, target)
}

const none: ReadonlyArray<string> = []

/**
 * The keys under which a dialogue may know the conversation of an event: those of direct messages are known by the session
 * and by its channel, since an interaction there names both and its scene names neither. None for an event that is neither a
 * message nor an interaction, and for an interaction that names no conversation.
 *
 * @since 0.1.0
 * @category lookups
 */
export const keysOf = (event: Event.Event): ReadonlyArray<string> => {
  if (event.t === "DIRECT_MESSAGE_CREATE")
    return [toKey(directMessage(event.guild_id)), toKey(channel(event.channel_id))]
  if (event.t !== "INTERACTION_CREATE") return Event.isMessage(event) ? [toKey(ofEvent(event))] : none
  const conversation = ofInteraction(event)
  if (conversation === undefined) return none
  return conversation._tag === "Channel" && event.guild_id
    ? [toKey(conversation), toKey(directMessage(event.guild_id))]
    : [toKey(conversation)]
}
