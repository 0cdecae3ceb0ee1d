/**
 * The payloads of what users say, in the shapes of the platform's event pages.
 *
 * Source: `autogen/event/c2c_message_create` and `group_at_message_create` of 2026, `channel/message/event` for guilds; the
 * fields of a mention from AstrBot and the openclaw-qqbot plugin.
 *
 * @since 0.1.0
 */
import type { Heard } from "./Heard.ts"
import type { Scene } from "./Journal.ts"
import type { Platform } from "./Platform.ts"

/**
 * A user mentioned in a message.
 *
 * @since 0.1.0
 * @category models
 */
export interface Mentioned {
  /** The openid of the member, or the id of the user in guilds. */
  readonly id: string
  readonly username?: string | undefined
}

/**
 * Something that a user says.
 *
 * In a group, `at` (default true) means that the bot is addressed, which comes as GROUP_AT_MESSAGE_CREATE with a leading
 * space; `full` (default: not `at`) means that the group lets the bot receive all its messages, which comes as
 * GROUP_MESSAGE_CREATE. Both together bring the same message twice, as some groups do; `full: "only"` brings it as
 * GROUP_MESSAGE_CREATE alone, with `is_you` in the mention, as other groups do, and is the default of the groups in
 * `fullGroups`. In a channel the same two bring AT_MESSAGE_CREATE, whose mention is not cut off, and MESSAGE_CREATE. `fields`
 * are put over the payload's own.
 *
 * Each of `mentions` takes the place of `@` and its id in the text, and stands before the text where that is not in it.
 * `quote` is the id of the message that this one quotes.
 *
 * @since 0.1.0
 * @category models
 */
export type Said =
  | {
      readonly scene: "c2c"
      /** The openid of the user. */
      readonly user: string
      readonly text: string
      readonly username?: string | undefined
      readonly quote?: string | undefined
      readonly attachments?: ReadonlyArray<Readonly<Record<string, unknown>>> | undefined
      readonly fields?: Readonly<Record<string, unknown>> | undefined
    }
  | {
      readonly scene: "group"
      /** The openid of the group. */
      readonly group: string
      /** The openid of the member in this group. */
      readonly member: string
      readonly text: string
      readonly username?: string | undefined
      /** Default `member`. */
      readonly role?: "member" | "admin" | "owner" | undefined
      /** Whether a bot says it. Default false. */
      readonly bot?: boolean | undefined
      readonly at?: boolean | undefined
      readonly full?: boolean | "only" | undefined
      readonly mentions?: ReadonlyArray<Mentioned> | undefined
      readonly quote?: string | undefined
      readonly attachments?: ReadonlyArray<Readonly<Record<string, unknown>>> | undefined
      readonly fields?: Readonly<Record<string, unknown>> | undefined
    }
  | {
      readonly scene: "channel"
      /** The id of the channel. */
      readonly channel: string
      /** The id of the user, who has another one in every private chat and group. */
      readonly user: string
      readonly text: string
      /** The id of the guild. Default {@link defaultGuild}. */
      readonly guild?: string | undefined
      readonly username?: string | undefined
      /** Default `member`. */
      readonly role?: "member" | "admin" | "owner" | undefined
      /** Whether a bot says it. Default false. */
      readonly bot?: boolean | undefined
      readonly at?: boolean | undefined
      readonly full?: boolean | undefined
      readonly mentions?: ReadonlyArray<Mentioned> | undefined
      readonly quote?: string | undefined
      readonly attachments?: ReadonlyArray<Readonly<Record<string, unknown>>> | undefined
      readonly fields?: Readonly<Record<string, unknown>> | undefined
    }
  | {
      readonly scene: "dm"
      /** The guild id of the direct conversation, which is not that of the guild where the user comes from. */
      readonly guild: string
      readonly user: string
      readonly text: string
      /** The channel id of the direct conversation. Default: `guild` and `0`. */
      readonly channel?: string | undefined
      readonly username?: string | undefined
      readonly quote?: string | undefined
      readonly attachments?: ReadonlyArray<Readonly<Record<string, unknown>>> | undefined
      readonly fields?: Readonly<Record<string, unknown>> | undefined
    }

/**
 * The guild of channels without a guild of their own.
 *
 * @since 0.1.0
 * @category constants
 */
export const defaultGuild = "5821904417736650213"

/**
 * The events of a message: more than one if the platform reports it twice.
 *
 * @since 0.1.0
 * @category models
 */
export interface MessageEvents {
  readonly id: string
  readonly scene: Scene
  readonly target: string
  /** Its payload, also if the bot receives no event of it. */
  readonly d: Readonly<Record<string, unknown>>
  readonly events: ReadonlyArray<{ readonly type: string; readonly d: Readonly<Record<string, unknown>> }>
}

const number = (value: number): string => value.toString().padStart(12, "0")

/** Guild messages are HTML in this respect. */
const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")

/** The roles of a guild that a member has: the ids are the platform's. */
const guildRoles = { member: "11", admin: "2", owner: "4" } as const

/** Puts mentions into a text, in the form of the scene. */
const withMentions = (
  text: string,
  mentions: ReadonlyArray<Mentioned> | undefined,
  form: (id: string) => string
): string => {
  const longestFirst = (mentions ?? []).toSorted((one, other) => other.id.length - one.id.length)
  // all at once: a name that is part of another, or of a mention, is not replaced twice
  const names = longestFirst.map(({ id }) => id.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&"))
  const found = new Set<string>()
  const placed =
    names.length === 0
      ? text
      : text.replaceAll(new RegExp(`@(${names.join("|")})`, "g"), (_, id: string) => {
          found.add(id)
          return form(id)
        })
  const before = (mentions ?? []).filter(({ id }) => !found.has(id)).map(({ id }) => `${form(id)} `)
  return before.join("") + placed
}

const makeInGuild = (
  platform: Platform,
  now: number,
  said: Extract<Said, { readonly scene: "channel" | "dm" }>
): MessageEvents => {
  const { bot } = platform.settings
  const count = platform.count("message")
  const id = `08${said.scene === "dm" ? "aad0" : "e5b7"}${number(count)}c9d2`
  const isDirect = said.scene === "dm"
  const timestamp = platform.timestamp(now)
  const joined = "2024-05-01T09:00:00+08:00"
  const body = {
    id,
    channel_id: isDirect ? (said.channel ?? `${said.guild}0`) : said.channel,
    guild_id: isDirect ? said.guild : (said.guild ?? defaultGuild),
    ...(isDirect ? { src_guild_id: defaultGuild, direct_message: true } : {}),
    author: {
      id: said.user,
      username: said.username ?? "",
      avatar: "",
      bot: isDirect ? false : (said.bot ?? false)
    },
    member: isDirect
      ? { joined_at: joined }
      : { nick: said.username ?? "", roles: [guildRoles[said.role ?? "member"]], joined_at: joined },
    timestamp,
    seq: count,
    seq_in_channel: count.toString(),
    ...(said.attachments === undefined ? {} : { attachments: said.attachments })
  }
  const text = withMentions(escaped(said.text), isDirect ? undefined : said.mentions, (id) => `<@!${id}>`)
  if (isDirect) {
    const d = { ...body, content: text, ...said.fields }
    return { id, scene: "dm", target: said.guild, d, events: [{ type: "DIRECT_MESSAGE_CREATE", d }] }
  }
  const at = said.at ?? true
  const full = said.full ?? !at
  const d = {
    ...body,
    content: at ? `<@!${bot.id}> ${text}` : text,
    ...(at || said.mentions !== undefined
      ? {
          mentions: [
            ...(at ? [{ id: bot.id, username: bot.username, avatar: "", bot: true }] : []),
            ...(said.mentions ?? []).map(({ id, username = "" }) => ({ id, username, avatar: "", bot: false }))
          ]
        }
      : {}),
    ...said.fields
  }
  const types = [...(at ? ["AT_MESSAGE_CREATE"] : []), ...(full ? ["MESSAGE_CREATE"] : [])]
  return { id, scene: "channel", target: said.channel, d, events: types.map((type) => ({ type, d })) }
}

/**
 * The events of a message of a user. `quotation` gives the fields of a message that quotes another.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (platform: Platform, now: number, said: Said, quotation: Heard["quotation"]): MessageEvents => {
  if (said.scene === "channel" || said.scene === "dm") {
    const quoting = said.quote === undefined ? {} : quotation(said.scene, said.quote, undefined)
    return makeInGuild(platform, now, { ...said, fields: { ...quoting, ...said.fields } })
  }
  const count = number(platform.count("message"))
  const prefix = said.scene === "c2c" ? "c2c" : "grp"
  const id = `ROBOT1.0_${prefix}${count}Qx7vKc2nB9tLwZ4mYp8sRd3fHj6gUaEoIiTq1V5yN0bMk`
  const common = {
    message_type: 0,
    message_scene: { source: "default", ext: [`msg_idx=REFIDX_${prefix}${count}=`] },
    timestamp: platform.timestamp(now),
    ...(said.attachments === undefined ? {} : { attachments: said.attachments }),
    ...(said.quote === undefined ? {} : quotation(said.scene, said.quote, `REFIDX_${prefix}${count}=`))
  }
  if (said.scene === "c2c") {
    const author = {
      id: said.user,
      user_openid: said.user,
      union_openid: "",
      username: said.username ?? "",
      bot: false
    }
    const d = { id, author, content: said.text, ...common, ...said.fields }
    return { id, scene: "c2c", target: said.user, d, events: [{ type: "C2C_MESSAGE_CREATE", d }] }
  }
  const at = said.at ?? true
  const isFull = platform.settings.fullGroups === "all" || platform.settings.fullGroups.includes(said.group)
  const full = said.full ?? (isFull ? "only" : !at)
  const body = {
    id,
    author: {
      id: said.member,
      member_openid: said.member,
      member_role: said.role ?? "member",
      username: said.username ?? "",
      bot: said.bot ?? false
    },
    group_id: said.group,
    group_openid: said.group,
    ...common
  }
  const { bot } = platform.settings
  const mention = {
    scope: "single",
    id: bot.openid,
    member_openid: bot.openid,
    username: bot.username,
    bot: true,
    is_you: true
  }
  const text = withMentions(said.text, said.mentions, (id) => `<@${id}>`)
  const others = (said.mentions ?? []).map(({ id, username = "" }) => ({
    scope: "single",
    id,
    member_openid: id,
    username,
    bot: false,
    is_you: false
  }))
  const addressed = {
    type: "GROUP_AT_MESSAGE_CREATE",
    // The platform cuts off the mention and leaves the space behind it.
    d: { ...body, content: ` ${text}`, ...(others.length === 0 ? {} : { mentions: others }), ...said.fields }
  }
  const overheard = {
    type: "GROUP_MESSAGE_CREATE",
    d: {
      ...body,
      content: at ? `<@${bot.openid}> ${text}` : text,
      mentions: [...(at ? [mention] : []), ...others],
      ...said.fields
    }
  }
  const twin = at && full === false && platform.armed.take("Twin") !== undefined
  return {
    id,
    scene: "group",
    target: said.group,
    d: overheard.d,
    events: [...(at && full !== "only" ? [addressed] : []), ...(full !== false || twin ? [overheard] : [])]
  }
}
