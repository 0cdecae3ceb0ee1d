/**
 * The guilds that the model knows, and how the endpoints show them. An event of a guild makes the guild, its channels and its
 * members known; one guild exists from the start.
 *
 * @since 0.1.0
 */
import * as BoundedMap from "./BoundedMap.ts"
import * as Content from "./Content.ts"
import { defaultGuild } from "./Payloads.ts"
import type { Platform } from "./Platform.ts"
import * as Reply from "./Reply.ts"
import type { Asked, Run } from "./Routes.ts"

/**
 * An object as the endpoints answer with it.
 *
 * @since 0.1.0
 * @category models
 */
export type Fields = Readonly<Record<string, unknown>>

/**
 * A member of a guild.
 *
 * @since 0.1.0
 * @category models
 */
export interface Member {
  readonly id: string
  readonly roles: Set<string>
  fields: Fields
}

/**
 * A role of a guild.
 *
 * @since 0.1.0
 * @category models
 */
export interface Role {
  readonly id: string
  fields: Fields
}

/**
 * A guild.
 *
 * @since 0.1.0
 * @category models
 */
export interface Guild {
  readonly id: string
  fields: Fields
  readonly members: BoundedMap.BoundedMap<Member>
  readonly roles: BoundedMap.BoundedMap<Role>
  readonly granted: Set<string>
  announcement: Fields | undefined
}

/**
 * A channel of a guild.
 *
 * @since 0.1.0
 * @category models
 */
export interface Channel {
  readonly id: string
  readonly guild: string
  fields: Fields
  /** Permission bits by `members/{user}` and `roles/{role}`. */
  readonly permissions: BoundedMap.BoundedMap<bigint>
  readonly pins: Set<string>
  readonly schedules: BoundedMap.BoundedMap<Fields>
  readonly threads: BoundedMap.BoundedMap<Fields>
  /** Who reacted, by message, type and id of the emoji. */
  readonly reactions: BoundedMap.BoundedMap<Set<string>>
  /** The number of open microphones. */
  microphones: number
}

/**
 * The owner of every guild.
 *
 * @since 0.1.0
 * @category constants
 */
export const owner = "4419902817733620015"

const firstChannel = "664100231"

const joined = "2024-05-01T09:00:00+08:00"

/**
 * An id as events and bodies write it.
 *
 * @since 0.1.0
 * @category decoding
 */
export const idOf = (value: unknown): string | undefined => {
  if (typeof value === "number") return value.toFixed(0)
  return Content.isFilled(value) ? value : undefined
}

/**
 * The guilds.
 *
 * @since 0.1.0
 * @category models
 */
export interface GuildWorld {
  readonly guilds: BoundedMap.BoundedMap<Guild>
  readonly channels: BoundedMap.BoundedMap<Channel>
  /** The channel with this id, created if unknown. */
  readonly open: (guild: string, id: string, fields?: Fields) => Channel
  /** Records an event that is sent to the bot. */
  readonly remember: (type: string, d: unknown) => void
  /** Answers for the guild, channel or member that the path names; an unknown one gives 10004, 10003 or 10001. */
  readonly inGuild: (run: (guild: Guild, asked: Asked) => Reply.Reply) => Run
  readonly inChannel: (run: (channel: Channel, asked: Asked) => Reply.Reply) => Run
  readonly withMember: (run: (member: Member, guild: Guild, asked: Asked) => Reply.Reply) => Run
  readonly guildFields: (guild: Guild) => Fields
}

/**
 * A channel as the endpoints show it.
 *
 * @since 0.1.0
 * @category conversions
 */
export const channelFields = (channel: Channel): Fields => ({
  id: channel.id,
  guild_id: channel.guild,
  owner_id: owner,
  speak_permission: 1,
  application_id: "",
  permissions: "7",
  ...channel.fields
})

const userFields = (member: Member): Fields => ({ id: member.id, ...member.fields })

/**
 * A member as the endpoints show it.
 *
 * @since 0.1.0
 * @category conversions
 */
export const memberFields = (member: Member): Fields => ({
  user: userFields(member),
  nick: "",
  roles: [...member.roles],
  joined_at: joined
})

const guildFields = (guild: Guild): Fields => ({
  id: guild.id,
  owner_id: owner,
  owner: false,
  member_count: guild.members.values().length,
  ...guild.fields
})

/** The roles that every guild has. */
const firstRoles = [
  ["1", "member"],
  ["2", "admin"],
  ["4", "owner"],
  ["5", "channel admin"]
] as const

/** Records the guilds, channels and members that an event names. */
const remembering =
  (
    { channels, guilds }: Pick<GuildWorld, "guilds" | "channels">,
    found: (id: string, fields?: Fields) => Guild,
    open: GuildWorld["open"],
    meet: (guild: Guild, id: string, fields: Fields) => Member
  ): GuildWorld["remember"] =>
  (type, d) => {
    if (!Content.isRecord(d)) return
    const id = idOf(d["id"])
    if (type === "GUILD_CREATE" || type === "GUILD_UPDATE") {
      if (id !== undefined) found(id, d)
      return
    }
    if (type === "GUILD_DELETE") {
      if (id !== undefined) guilds.delete(id)
      return
    }
    const guild = idOf(d["guild_id"])
    if (guild === undefined || d["direct_message"] === true || type.startsWith("DIRECT_MESSAGE_")) return
    if (type === "CHANNEL_CREATE" || type === "CHANNEL_UPDATE") {
      if (id !== undefined) open(guild, id, d)
      return
    }
    if (type === "CHANNEL_DELETE") {
      if (id !== undefined) channels.delete(id)
      return
    }
    const channel = idOf(d["channel_id"])
    if (channel !== undefined) open(guild, channel)
    const user = Content.isRecord(d["user"]) ? d["user"] : Content.isRecord(d["author"]) ? d["author"] : undefined
    const userId = idOf(user?.["id"])
    if (user === undefined || userId === undefined) return
    if (type === "GUILD_MEMBER_REMOVE") found(guild).members.delete(userId)
    else meet(found(guild), userId, user)
  }

/**
 * The guilds of a platform without any events yet.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = ({ settings }: Platform): GuildWorld => {
  const { anchorLimit: limit, bot } = settings
  const guilds = BoundedMap.make<Guild>(limit)
  const channels = BoundedMap.make<Channel>(limit)

  const meet = (guild: Guild, id: string, fields: Fields): Member => {
    const known = guild.members.get(id)
    if (known !== undefined) {
      known.fields = { ...known.fields, ...fields }
      return known
    }
    const member: Member = { id, roles: new Set(["1"]), fields: { username: "", avatar: "", bot: false, ...fields } }
    guild.members.set(id, member)
    return member
  }

  const found = (id: string, fields?: Fields): Guild => {
    const known = guilds.get(id)
    if (known !== undefined) {
      if (fields !== undefined) known.fields = { ...known.fields, ...fields }
      return known
    }
    const guild: Guild = {
      id,
      fields: { name: `guild ${id}`, icon: "", description: "", max_members: 300, joined_at: joined, ...fields },
      members: BoundedMap.make(limit),
      roles: BoundedMap.make(limit),
      granted: new Set(["GET /guilds/{guild_id}"]),
      announcement: undefined
    }
    guilds.set(id, guild)
    for (const [role, name] of firstRoles) {
      guild.roles.set(role, { id: role, fields: { name, color: 4_278_245_297, hoist: 0, member_limit: 3000 } })
    }
    meet(guild, owner, { username: "owner" }).roles.add("4")
    meet(guild, bot.id, { username: bot.username, bot: true }).roles.add("2")
    return guild
  }

  const open = (guild: string, id: string, fields?: Fields): Channel => {
    const known = channels.get(id)
    if (known !== undefined) {
      if (fields !== undefined) known.fields = { ...known.fields, ...fields }
      return known
    }
    found(guild)
    const channel: Channel = {
      id,
      guild,
      fields: { name: `channel ${id}`, type: 0, sub_type: 0, position: 1, parent_id: "", private_type: 0, ...fields },
      permissions: BoundedMap.make(limit),
      pins: new Set(),
      schedules: BoundedMap.make(limit),
      threads: BoundedMap.make(limit),
      reactions: BoundedMap.make(limit),
      microphones: 0
    }
    channels.set(id, channel)
    return channel
  }

  open(defaultGuild, firstChannel, { name: "general" })

  const inGuild =
    (run: (guild: Guild, asked: Asked) => Reply.Reply): Run =>
    (asked) => {
      const guild = guilds.get(asked.id("guild"))
      return guild === undefined ? Reply.error(asked.traceId, 10004) : run(guild, asked)
    }

  const inChannel =
    (run: (channel: Channel, asked: Asked) => Reply.Reply): Run =>
    (asked) => {
      const channel = channels.get(asked.id("channel"))
      return channel === undefined ? Reply.error(asked.traceId, 10003) : run(channel, asked)
    }

  const withMember = (run: (member: Member, guild: Guild, asked: Asked) => Reply.Reply): Run =>
    inGuild((guild, asked) => {
      const member = guild.members.get(asked.id("user"))
      return member === undefined ? Reply.error(asked.traceId, 10001) : run(member, guild, asked)
    })

  return {
    guilds,
    channels,
    open,
    remember: remembering({ guilds, channels }, found, open, meet),
    inGuild,
    inChannel,
    withMember,
    guildFields
  }
}
