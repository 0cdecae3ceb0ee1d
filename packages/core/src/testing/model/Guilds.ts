/**
 * Guilds as the endpoints of administration see them: channels, members, roles, permissions, muting, announcements, pins,
 * schedules, reactions, threads, sound, private chats, and what the bot may call.
 *
 * What happens in a guild makes it, its channels and its members known; one guild is there from the beginning. Every bot is
 * taken to be a private-domain bot with admin rights.
 *
 * Source: the pages of guilds (bot-docs 2025-04). Which code an unknown guild, channel or member gives beyond 10004, 10003
 * and 10001 is not published, nor is what a guild is like before anything happened in it, nor whether a bot is told of what
 * it did itself: here it is (chosen).
 *
 * @since 0.1.0
 */
import * as BoundedMap from "./BoundedMap.ts"
import * as Content from "./Content.ts"
import { defaultGuild } from "./Payloads.ts"
import type { Platform } from "./Platform.ts"
import * as Reply from "./Reply.ts"
import * as Routes from "./Routes.ts"
import type { Asked, Run, Table } from "./Routes.ts"

type Fields = Readonly<Record<string, unknown>>

interface Member {
  readonly id: string
  readonly roles: Set<string>
  fields: Fields
}

interface Role {
  readonly id: string
  fields: Fields
}

interface Guild {
  readonly id: string
  fields: Fields
  readonly members: BoundedMap.BoundedMap<Member>
  readonly roles: BoundedMap.BoundedMap<Role>
  readonly granted: Set<string>
  announcement: Fields | undefined
}

interface Channel {
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
  /** How many are on the microphone. */
  microphones: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Guilds {
  /** Takes note of an event that goes out. */
  readonly remember: (type: string, d: unknown) => void
  readonly table: Table
}

/** The one who made every guild. */
const owner = "4419902817733620015"
const firstChannel = "664100231"
const joined = "2024-05-01T09:00:00+08:00"

/** A channel has so many pins at most. */
const maximumPins = 20
/** A message has so many kinds of reactions at most. */
const maximumKinds = 20
const week = 7 * 86_400_000

const idOf = (value: unknown): string | undefined => {
  if (typeof value === "number") return value.toFixed(0)
  return Content.isFilled(value) ? value : undefined
}

const done = Reply.text(204, "")

const bits = (value: unknown): bigint => (typeof value === "string" && /^\d{1,20}$/.test(value) ? BigInt(value) : 0n)

const seconds = (value: unknown): boolean => typeof value === "string" && /^\d{1,12}$/.test(value)

/** The items after the one with this id, or all. */
const after = <A extends { readonly id: string }>(
  items: ReadonlyArray<A>,
  id: string | undefined
): ReadonlyArray<A> => {
  const index = items.findIndex((item) => item.id === id)
  return items.slice(index + 1)
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (platform: Platform, dispatch: (now: number, type: string, d: unknown) => string): Guilds => {
  const { settings } = platform
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
    for (const [role, name] of [
      ["1", "member"],
      ["2", "admin"],
      ["4", "owner"],
      ["5", "channel admin"]
    ] as const) {
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

  const guildFields = (guild: Guild): Fields => ({
    id: guild.id,
    owner_id: owner,
    owner: false,
    member_count: guild.members.values().length,
    ...guild.fields
  })

  const channelFields = (channel: Channel): Fields => ({
    id: channel.id,
    guild_id: channel.guild,
    owner_id: owner,
    speak_permission: 1,
    application_id: "",
    permissions: "7",
    ...channel.fields
  })

  const userFields = (member: Member): Fields => ({ id: member.id, ...member.fields })

  const memberFields = (member: Member): Fields => ({
    user: userFields(member),
    nick: "",
    roles: [...member.roles],
    joined_at: joined
  })

  const roleFields = (guild: Guild, role: Role): Fields => ({
    id: role.id,
    number: guild.members.values().filter(({ roles }) => roles.has(role.id)).length,
    ...role.fields
  })

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

  const withRole = (run: (role: Role, guild: Guild, asked: Asked) => Reply.Reply): Run =>
    inGuild((guild, asked) => {
      const role = guild.roles.get(asked.id("role"))
      return role === undefined ? Reply.error(asked.traceId, 12001) : run(role, guild, asked)
    })

  const permissions = (kind: "members" | "roles", name: "user" | "role"): Table[string] => {
    const id = name === "user" ? "user_id" : "role_id"
    const keyOf = (asked: Asked): string => `${kind}/${asked.id(name)}`
    return {
      GET: inChannel((channel, asked) =>
        Reply.json(200, {
          channel_id: channel.id,
          [id]: asked.id(name),
          permissions: (channel.permissions.get(keyOf(asked)) ?? 5n).toString()
        })
      ),
      PUT: inChannel((channel, asked) => {
        const { add, remove } = asked.body
        if (Content.isAbsent(add) && Content.isAbsent(remove)) return Reply.error(asked.traceId, 301000)
        const now = channel.permissions.get(keyOf(asked)) ?? 5n
        channel.permissions.set(keyOf(asked), (now | bits(add)) & ~bits(remove))
        return done
      })
    }
  }

  /** Muting leaves no mark on what the endpoints show: it is in the request and in what members cannot say. */
  const mute = ({ body, traceId }: Asked, then: Reply.Reply): Reply.Reply =>
    seconds(body["mute_end_timestamp"]) || seconds(body["mute_seconds"]) ? then : Reply.error(traceId, 502005)

  const react = (
    type: "MESSAGE_REACTION_ADD" | "MESSAGE_REACTION_REMOVE",
    run: (channel: Channel, key: string, asked: Asked) => Reply.ErrorCode | undefined
  ): Run =>
    inChannel((channel, asked) => {
      const emoji = { id: asked.id("emojiId"), type: Number(asked.id("emojiType")) }
      const target = asked.id("message")
      if (emoji.type !== 1 && emoji.type !== 2) return Reply.error(asked.traceId, 620001)
      const wrong = run(channel, `${target}/${emoji.type}/${emoji.id}`, asked)
      if (wrong !== undefined) return Reply.error(asked.traceId, wrong)
      dispatch(asked.now, type, {
        user_id: bot.id,
        guild_id: channel.guild,
        channel_id: channel.id,
        emoji,
        target: { id: target, type: 0 }
      })
      return done
    })

  const scheduleOf = ({ body, now }: Asked, before: Fields = {}): Fields | Reply.ErrorCode => {
    if (!Content.isRecord(body["schedule"])) return 302017
    const schedule: Fields = { ...before, ...body["schedule"] }
    const start = Number(schedule["start_timestamp"])
    const end = Number(schedule["end_timestamp"])
    if (!Content.isFilled(schedule["name"]) || !Number.isFinite(start) || !Number.isFinite(end)) return 302000
    if (start < now) return 302015
    if (end < start) return 302016
    return end - start > week ? 302014 : schedule
  }

  const withSchedule = (run: (schedule: Fields, channel: Channel, asked: Asked) => Reply.Reply): Run =>
    inChannel((channel, asked) => {
      const schedule = channel.schedules.get(asked.id("schedule"))
      return schedule === undefined ? Reply.error(asked.traceId, 302011) : run(schedule, channel, asked)
    })

  const withThread = (run: (thread: Fields, channel: Channel, asked: Asked) => Reply.Reply): Run =>
    inChannel((channel, asked) => {
      const thread = channel.threads.get(asked.id("thread"))
      return thread === undefined ? Reply.error(asked.traceId, 503012) : run(thread, channel, asked)
    })

  const messageOf = (channel: Channel, id: string): Fields | undefined => {
    const sent = platform.sent.entries.find((message) => message.id === id && message.target === channel.id)
    if (sent !== undefined) {
      return {
        content: sent.content,
        timestamp: platform.timestamp(sent.at),
        author: { id: bot.id, username: bot.username, bot: true }
      }
    }
    const said = platform.journal.entries.find(
      (entry) => entry.kind === "Said" && entry.id === id && entry.target === channel.id
    )
    return said?.kind === "Said" ? { content: said.text ?? "", timestamp: platform.timestamp(said.at) } : undefined
  }

  return {
    remember: (type, d) => {
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
    },
    table: {
      "/users/@me/guilds": {
        GET: (asked) => {
          const before = asked.query("before")
          const all = guilds.values()
          const rest = before === undefined ? after(all, asked.query("after")) : after(all.toReversed(), before)
          return Reply.json(200, rest.slice(0, Routes.limitOf(asked, 100, 100)).map(guildFields))
        }
      },
      "/users/@me/dms": {
        POST: ({ body, now, traceId }) => {
          const guild = guilds.get(idOf(body["source_guild_id"]) ?? "")
          if (guild === undefined) return Reply.error(traceId, 10004)
          const user = idOf(body["recipient_id"])
          if (user === undefined || guild.members.get(user) === undefined) return Reply.error(traceId, 10001)
          const session = `177${user}`.slice(0, 20)
          return Reply.json(200, {
            guild_id: session,
            channel_id: `${session}0`,
            create_time: Math.floor(now / 1000).toString()
          })
        }
      },
      "/guilds/{guild}": { GET: inGuild((guild) => Reply.json(200, guildFields(guild))) },
      "/guilds/{guild}/message/setting": {
        GET: inGuild((guild) =>
          Reply.json(200, {
            disable_create_dm: false,
            disable_push_msg: !settings.proactive,
            channel_ids: channels
              .values()
              .filter((channel) => channel.guild === guild.id)
              .map(({ id }) => id),
            channel_push_max_num: settings.guildProactiveLimit.perChannel
          })
        )
      },
      "/guilds/{guild}/channels": {
        GET: inGuild((guild) =>
          Reply.json(
            200,
            channels
              .values()
              .filter((channel) => channel.guild === guild.id)
              .map(channelFields)
          )
        ),
        POST: inGuild((guild, { body, now, traceId }) => {
          if (!Content.isFilled(body["name"])) return Reply.error(traceId, 12002)
          const id = (664_200_000 + platform.count("channel")).toString()
          const fields = channelFields(open(guild.id, id, body))
          dispatch(now, "CHANNEL_CREATE", { ...fields, op_user_id: bot.id })
          return Reply.json(200, fields)
        })
      },
      "/channels/{channel}": {
        GET: inChannel((channel) => Reply.json(200, channelFields(channel))),
        PATCH: inChannel((channel, { body, now }) => {
          channel.fields = { ...channel.fields, ...body }
          dispatch(now, "CHANNEL_UPDATE", { ...channelFields(channel), op_user_id: bot.id })
          return Reply.json(200, channelFields(channel))
        }),
        DELETE: inChannel((channel, { now }) => {
          channels.delete(channel.id)
          dispatch(now, "CHANNEL_DELETE", { ...channelFields(channel), op_user_id: bot.id })
          return done
        })
      },
      "/channels/{channel}/online_nums": {
        GET: inChannel((channel) => Reply.json(200, { online_nums: channel.microphones }))
      },
      "/channels/{channel}/members/{user}/permissions": permissions("members", "user"),
      "/channels/{channel}/roles/{role}/permissions": permissions("roles", "role"),
      "/channels/{channel}/messages/{message}": {
        GET: inChannel((channel, asked) => {
          const message = messageOf(channel, asked.id("message"))
          return message === undefined
            ? Reply.error(asked.traceId, 501008)
            : Reply.json(200, {
                id: asked.id("message"),
                guild_id: channel.guild,
                channel_id: channel.id,
                ...message
              })
        })
      },
      "/channels/{channel}/pins": {
        GET: inChannel((channel) =>
          Reply.json(200, {
            guild_id: channel.guild,
            channel_id: channel.id,
            message_ids: [...channel.pins].toReversed()
          })
        )
      },
      "/channels/{channel}/pins/{message}": {
        PUT: inChannel((channel, asked) => {
          if (channel.pins.size >= maximumPins) return Reply.error(asked.traceId, 501013)
          channel.pins.add(asked.id("message"))
          return Reply.json(200, {
            guild_id: channel.guild,
            channel_id: channel.id,
            message_ids: [...channel.pins].toReversed()
          })
        }),
        DELETE: inChannel((channel, asked) => {
          const id = asked.id("message")
          if (id === "all") channel.pins.clear()
          else if (!channel.pins.delete(id)) return Reply.error(asked.traceId, 501008)
          return done
        })
      },
      "/channels/{channel}/schedules": {
        GET: inChannel((channel, asked) => {
          const since = Number(asked.query("since") ?? 0)
          const later = channel.schedules.values().filter((each) => Number(each["end_timestamp"]) >= since)
          // The platform's own lists are `null` when they are empty.
          return Reply.json(200, later.length === 0 ? null : later)
        }),
        POST: inChannel((channel, asked) => {
          const fields = scheduleOf(asked)
          if (typeof fields === "number") return Reply.error(asked.traceId, fields)
          const id = platform.count("schedule").toString()
          const member = guilds.get(channel.guild)?.members.get(bot.id)
          const schedule = { ...fields, id, ...(member === undefined ? {} : { creator: memberFields(member) }) }
          channel.schedules.set(id, schedule)
          return Reply.json(200, schedule)
        })
      },
      "/channels/{channel}/schedules/{schedule}": {
        GET: withSchedule((schedule) => Reply.json(200, schedule)),
        PATCH: withSchedule((schedule, channel, asked) => {
          const fields = scheduleOf(asked, schedule)
          if (typeof fields === "number") return Reply.error(asked.traceId, fields)
          channel.schedules.set(asked.id("schedule"), fields)
          return Reply.json(200, fields)
        }),
        DELETE: withSchedule((_, channel, asked) => {
          channel.schedules.delete(asked.id("schedule"))
          return done
        })
      },
      "/channels/{channel}/messages/{message}/reactions/{emojiType}/{emojiId}": {
        PUT: react("MESSAGE_REACTION_ADD", (channel, key, asked) => {
          const users = channel.reactions.get(key)
          if (users?.has(bot.id) === true) return 620003
          const prefix = `${asked.id("message")}/`
          if (
            users === undefined &&
            channel.reactions.keys().filter((name) => name.startsWith(prefix)).length >= maximumKinds
          ) {
            return 620002
          }
          channel.reactions.set(key, (users ?? new Set()).add(bot.id))
          return undefined
        }),
        DELETE: react("MESSAGE_REACTION_REMOVE", (channel, key) =>
          channel.reactions.get(key)?.delete(bot.id) === true ? undefined : 620004
        ),
        GET: inChannel((channel, asked) => {
          const key = `${asked.id("message")}/${asked.id("emojiType")}/${asked.id("emojiId")}`
          const all = [...(channel.reactions.get(key) ?? [])]
          const { items, next } = Routes.page(asked, "cookie", all, 50)
          const members = guilds.get(channel.guild)?.members
          return Reply.json(200, {
            users: items.map((id) => ({ username: "", ...members?.get(id)?.fields, id })),
            cookie: next,
            is_end: next === ""
          })
        })
      },
      "/channels/{channel}/threads": {
        GET: inChannel((channel) => Reply.json(200, { threads: channel.threads.values(), is_finish: 1 })),
        PUT: inChannel((channel, { body, now, traceId }) => {
          if (!Content.isFilled(body["title"])) return Reply.error(traceId, 503005)
          if (!Content.isFilled(body["content"])) return Reply.error(traceId, 503006)
          const count = platform.count("thread")
          const thread = {
            guild_id: channel.guild,
            channel_id: channel.id,
            author_id: bot.id,
            thread_info: {
              thread_id: `B_thread${count.toString().padStart(8, "0")}`,
              title: body["title"],
              content: body["content"],
              date_time: platform.timestamp(now)
            }
          }
          channel.threads.set(thread.thread_info.thread_id, thread)
          dispatch(now, "FORUM_THREAD_CREATE", thread)
          return Reply.json(200, { task_id: count.toString(), create_time: Math.floor(now / 1000).toString() })
        })
      },
      "/channels/{channel}/threads/{thread}": {
        GET: withThread((thread) => Reply.json(200, { thread })),
        DELETE: withThread((thread, channel, asked) => {
          channel.threads.delete(asked.id("thread"))
          dispatch(asked.now, "FORUM_THREAD_DELETE", thread)
          return done
        })
      },
      "/channels/{channel}/audio": {
        POST: inChannel((_, { body, traceId }) => {
          const status = body["status"]
          return typeof status === "number" && status >= 0 && status <= 3
            ? Reply.json(200, {})
            : Reply.error(traceId, 12002)
        })
      },
      "/channels/{channel}/mic": {
        PUT: inChannel((channel) => {
          channel.microphones = 1
          return Reply.json(200, {})
        }),
        DELETE: inChannel((channel) => {
          channel.microphones = 0
          return Reply.json(200, {})
        })
      },
      "/guilds/{guild}/members": {
        GET: inGuild((guild, asked) =>
          Reply.json(
            200,
            after(guild.members.values(), asked.query("after"))
              .slice(0, Routes.limitOf(asked, 400, 400))
              .map(memberFields)
          )
        )
      },
      "/guilds/{guild}/members/{user}": {
        GET: withMember((member) => Reply.json(200, memberFields(member))),
        DELETE: withMember((member, guild, { now, traceId }) => {
          if (member.id === owner) return Reply.error(traceId, 11253)
          guild.members.delete(member.id)
          dispatch(now, "GUILD_MEMBER_REMOVE", { guild_id: guild.id, ...memberFields(member), op_user_id: bot.id })
          return done
        })
      },
      "/guilds/{guild}/members/{user}/mute": { PATCH: withMember((_, __, asked) => mute(asked, done)) },
      "/guilds/{guild}/mute": {
        PATCH: inGuild((guild, asked) => {
          const users = asked.body["user_ids"]
          if (!Array.isArray(users)) return mute(asked, done)
          const muted = users.filter((user) => typeof user === "string" && guild.members.get(user) !== undefined)
          return mute(asked, Reply.json(200, { user_ids: muted }))
        })
      },
      "/guilds/{guild}/members/{user}/roles/{role}": {
        PUT: withMember((member, guild, asked) => {
          if (guild.roles.get(asked.id("role")) === undefined) return Reply.error(asked.traceId, 12001)
          member.roles.add(asked.id("role"))
          return done
        }),
        DELETE: withMember((member, _, asked) => {
          member.roles.delete(asked.id("role"))
          return done
        })
      },
      "/guilds/{guild}/roles": {
        GET: inGuild((guild) =>
          Reply.json(200, {
            guild_id: guild.id,
            roles: guild.roles.values().map((role) => roleFields(guild, role)),
            role_num_limit: "30"
          })
        ),
        POST: inGuild((guild, { body }) => {
          const id = (10_000_000 + platform.count("role")).toString()
          const role = { id, fields: { name: "", color: 4_278_245_297, hoist: 0, member_limit: 3000, ...body } }
          guild.roles.set(id, role)
          return Reply.json(200, { role_id: id, role: roleFields(guild, role) })
        })
      },
      "/guilds/{guild}/roles/{role}": {
        PATCH: withRole((role, guild, { body }) => {
          role.fields = { ...role.fields, ...body }
          return Reply.json(200, { guild_id: guild.id, role_id: role.id, role: roleFields(guild, role) })
        }),
        DELETE: withRole((role, guild, { traceId }) => {
          // Those that every guild has stay.
          if (role.id.length === 1) return Reply.error(traceId, 11253)
          guild.roles.delete(role.id)
          for (const member of guild.members.values()) member.roles.delete(role.id)
          return done
        })
      },
      "/guilds/{guild}/roles/{role}/members": {
        GET: withRole((role, guild, asked) => {
          const all = guild.members.values().filter(({ roles }) => roles.has(role.id))
          const { items, next } = Routes.page(asked, "start_index", all, 400)
          return Reply.json(200, {
            data: items.map(memberFields),
            next: next === "" ? "0" : next
          })
        })
      },
      "/guilds/{guild}/announces": {
        POST: inGuild((guild, { body, traceId }) => {
          if (Content.isAbsent(body["message_id"]) && !Array.isArray(body["recommend_channels"])) {
            return Reply.error(traceId, 501001)
          }
          guild.announcement = { guild_id: guild.id, announces_type: 0, recommend_channels: [], ...body }
          return Reply.json(200, guild.announcement)
        })
      },
      "/guilds/{guild}/announces/{message}": {
        DELETE: inGuild((guild, asked) => {
          const id = asked.id("message")
          if (id !== "all" && guild.announcement?.["message_id"] !== id) return Reply.error(asked.traceId, 501008)
          guild.announcement = undefined
          return done
        })
      },
      "/guilds/{guild}/api_permission": {
        GET: inGuild((guild) =>
          Reply.json(200, {
            apis: ["GET /guilds/{guild_id}", "POST /guilds/{guild_id}/channels"].map((name) => {
              const [method, path] = name.split(" ")
              return { path, method, desc: name, auth_status: guild.granted.has(name) ? 1 : 0 }
            })
          })
        )
      },
      "/guilds/{guild}/api_permission/demand": {
        POST: inGuild((guild, { body, traceId }) => {
          const identify = Content.isRecord(body["api_identify"]) ? body["api_identify"] : {}
          const name = `${String(identify["method"])} ${String(identify["path"])}`
          if (guild.granted.has(name)) return Reply.error(traceId, 610010)
          if (!Content.isFilled(body["channel_id"])) return Reply.error(traceId, 610008)
          return Reply.json(200, { guild_id: guild.id, title: "permission", ...body })
        })
      }
    }
  }
}
