/**
 * Anchors of passive replies: messages by `msg_id`, some events by `event_id`, buttons by their interaction. Each has a
 * window, a budget, and the sequence numbers already used; guilds have no sequence numbers.
 *
 * Source: `send.html` and the event pages of the platform's documentation of 2026. The life of an event id is not
 * published: it is taken to be that of a message of the same scene (chosen). An event of a guild that names no channel can
 * be answered in any channel (chosen).
 *
 * @since 0.1.0
 */
import * as BoundedMap from "./BoundedMap.ts"
import * as Content from "./Content.ts"
import type { Scene } from "./Journal.ts"
import type { Platform } from "./Platform.ts"
import type { ErrorCode } from "./Reply.ts"

/** The events that can be answered by their id, by scene. */
const repliable: { readonly [S in Scene]: ReadonlySet<string> } = {
  c2c: new Set(["INTERACTION_CREATE", "C2C_MSG_RECEIVE", "FRIEND_ADD"]),
  group: new Set(["INTERACTION_CREATE", "GROUP_ADD_ROBOT", "GROUP_MSG_RECEIVE"]),
  channel: new Set([
    "GUILD_MEMBER_ADD",
    "GUILD_MEMBER_UPDATE",
    "GUILD_MEMBER_REMOVE",
    "MESSAGE_REACTION_ADD",
    "MESSAGE_REACTION_REMOVE",
    "FORUM_THREAD_CREATE",
    "FORUM_THREAD_UPDATE",
    "FORUM_THREAD_DELETE",
    "FORUM_POST_CREATE",
    "FORUM_POST_DELETE",
    "FORUM_REPLY_CREATE",
    "FORUM_REPLY_DELETE"
  ]),
  dm: new Set()
}

const messageTypes: { readonly [type: string]: Scene } = {
  C2C_MESSAGE_CREATE: "c2c",
  GROUP_AT_MESSAGE_CREATE: "group",
  GROUP_MESSAGE_CREATE: "group",
  AT_MESSAGE_CREATE: "channel",
  MESSAGE_CREATE: "channel",
  DIRECT_MESSAGE_CREATE: "dm"
}

interface Anchor {
  readonly scene: Scene
  /** `undefined`: anywhere in the scene. */
  readonly target: string | undefined
  readonly at: number
  readonly isRepliable: boolean
  used: number
  readonly sequences: Set<number>
}

/**
 * A button that was pressed.
 *
 * @since 0.1.0
 * @category models
 */
export interface Interaction {
  readonly at: number
  acknowledged: boolean
}

/**
 * The replies left for a message or an event.
 *
 * @since 0.1.0
 * @category models
 */
export interface Replies {
  readonly used: number
  /** `Infinity` in guilds. */
  readonly allowed: number
  /** When its window ends, in epoch milliseconds. */
  readonly until: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Anchors {
  /** Records an event that is sent to the bot. Returns its conversation, if it has one. */
  readonly remember: (
    now: number,
    event: { readonly id: string; readonly type: string; readonly d: unknown }
  ) => { readonly scene: Scene; readonly target: string } | undefined
  /**
   * Whether this reply may be sent, in the order in which the platform looks: the id, its window, the pair of id and
   * sequence number, the budget.
   */
  readonly check: (now: number, reply: ReplyTo) => ErrorCode | undefined
  /** Spends one reply. */
  readonly spend: (reply: ReplyTo) => void
  readonly interaction: (id: string) => Interaction | undefined
  /** The replies used and left of a message or an event. */
  readonly replies: (id: string) => Replies | undefined
  /** The guild of a channel, if an event named it. */
  readonly guildOf: (channel: string) => string | undefined
  /** The channel of a direct conversation, if an event named it. */
  readonly channelOf: (guild: string) => string | undefined
}

/**
 * What a passive message answers, and where it is going.
 *
 * @since 0.1.0
 * @category models
 */
export interface ReplyTo {
  readonly by: "msg_id" | "event_id"
  readonly id: string
  /** `undefined` in guilds. */
  readonly sequence: number | undefined
  readonly scene: Scene
  readonly target: string
}

/** The largest sequence number accepted; the platform's own limit is not published (chosen). */
const maximumSequence = 2 ** 31 - 1

const isSequence = (value: unknown): value is number =>
  typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= maximumSequence

/**
 * What the body of a message says that it answers: `undefined` for a proactive message, a code for an invalid body.
 *
 * @since 0.1.0
 * @category decoding
 */
export const read = (scene: Scene, target: string, body: Content.Body): ReplyTo | ErrorCode | undefined => {
  const msgId = body["msg_id"]
  const eventId = body["event_id"]
  const sequence = body["msg_seq"] ?? 1
  const isGuild = Content.isGuild(scene)
  // Guilds do not know this field and ignore fields that they do not know.
  if (!isGuild && !isSequence(sequence)) return 12002
  if (Content.isAbsent(msgId) && Content.isAbsent(eventId)) return undefined
  if (!Content.isAbsent(msgId) && !Content.isAbsent(eventId)) return 12002
  const id = Content.isAbsent(msgId) ? eventId : msgId
  if (typeof id !== "string") return 12002
  return {
    by: Content.isAbsent(msgId) ? "event_id" : "msg_id",
    id,
    sequence: isGuild || !isSequence(sequence) ? undefined : sequence,
    scene,
    target
  }
}

const textOf = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined)

/** Ids of guilds and channels are bare numbers in some events. */
const idOf = (value: unknown): string | undefined => (typeof value === "number" ? value.toFixed(0) : textOf(value))

const placeOf = (
  type: string,
  d: Readonly<Record<string, unknown>>
): { readonly scene: Scene; readonly target: string | undefined } | undefined => {
  const group = textOf(d["group_openid"])
  if (group !== undefined) return { scene: "group", target: group }
  const author = Content.isRecord(d["author"]) ? d["author"] : {}
  const user = textOf(d["user_openid"]) ?? textOf(d["openid"]) ?? textOf(author["user_openid"])
  if (user !== undefined) return { scene: "c2c", target: user }
  const guild = idOf(d["guild_id"])
  const channel = idOf(d["channel_id"])
  if (type.startsWith("DIRECT_MESSAGE_") || d["direct_message"] === true) {
    return guild === undefined ? undefined : { scene: "dm", target: guild }
  }
  return channel === undefined && guild === undefined ? undefined : { scene: "channel", target: channel }
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (platform: Platform): Anchors => {
  const { anchorLimit, exhaustedCode, windows } = platform.settings
  const messages = BoundedMap.make<Anchor>(anchorLimit)
  const events = BoundedMap.make<Anchor>(anchorLimit)
  const interactions = BoundedMap.make<Interaction>(anchorLimit)
  const guilds = BoundedMap.make<string>(anchorLimit)
  const channels = BoundedMap.make<string>(anchorLimit)
  const find = (reply: ReplyTo): Anchor | undefined =>
    reply.by === "msg_id" ? messages.get(reply.id) : events.get(reply.id)

  return {
    remember: (now, event) => {
      if (!Content.isRecord(event.d)) return undefined
      const id = textOf(event.d["id"])
      if (event.type === "INTERACTION_CREATE" && id !== undefined) {
        interactions.set(id, { at: now, acknowledged: false })
      }
      const place = placeOf(event.type, event.d)
      if (place === undefined) return undefined
      const guild = idOf(event.d["guild_id"])
      const channel = idOf(event.d["channel_id"])
      if (guild !== undefined && channel !== undefined) {
        if (place.scene === "channel") guilds.set(channel, guild)
        if (place.scene === "dm") channels.set(guild, channel)
      }
      const anchor = (isRepliable: boolean): Anchor => ({
        ...place,
        at: now,
        isRepliable,
        used: 0,
        sequences: new Set()
      })
      events.set(event.id, anchor(repliable[place.scene].has(event.type)))
      // Two events may carry the same message: they share one budget.
      if (messageTypes[event.type] === place.scene && id !== undefined && messages.get(id) === undefined) {
        messages.set(id, anchor(true))
      }
      const { scene, target } = place
      return target === undefined ? undefined : { scene, target }
    },
    check: (now, reply) => {
      const isMessage = reply.by === "msg_id"
      const isGuild = reply.scene === "channel" || reply.scene === "dm"
      const anchor = find(reply)
      const isHere =
        anchor !== undefined &&
        anchor.scene === reply.scene &&
        (anchor.target === undefined || anchor.target === reply.target)
      if (!isHere) return !isMessage ? 40034025 : isGuild ? 304026 : 40034024
      if (!anchor.isRepliable) return 40034027
      const window = windows[anchor.scene]
      if (now - anchor.at > window.duration) return !isMessage ? 40034026 : isGuild ? 304027 : 40034005
      if (reply.sequence !== undefined && anchor.sequences.has(reply.sequence)) return 40054005
      return anchor.used >= window.replies ? exhaustedCode : undefined
    },
    spend: (reply) => {
      const anchor = find(reply)
      if (anchor === undefined) return
      anchor.used += 1
      if (reply.sequence !== undefined) anchor.sequences.add(reply.sequence)
    },
    interaction: (id) => interactions.get(id),
    replies: (id) => {
      const anchor = messages.get(id) ?? events.get(id)
      if (anchor?.isRepliable !== true) return undefined
      const { duration, replies } = windows[anchor.scene]
      return { used: anchor.used, allowed: replies, until: anchor.at + duration }
    },
    guildOf: (channel) => guilds.get(channel),
    channelOf: (guild) => channels.get(guild)
  }
}
