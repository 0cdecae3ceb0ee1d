/**
 * Channels as the endpoints of administration see them: their fields, permissions, messages and pins.
 *
 * @since 0.1.0
 */
import * as Content from "./Content.ts"
import { type Channel, type Fields, type GuildWorld, channelFields } from "./GuildWorld.ts"
import type { Platform } from "./Platform.ts"
import * as Reply from "./Reply.ts"
import type { Asked, Table } from "./Routes.ts"

/** The most pins of a channel. */
const maximumPins = 20

const done = Reply.text(204, "")

const bits = (value: unknown): bigint => (typeof value === "string" && /^\d{1,20}$/.test(value) ? BigInt(value) : 0n)

/** What a member or a role may do in a channel. */
const permissions = ({ inChannel }: GuildWorld, kind: "members" | "roles", name: "user" | "role"): Table[string] => {
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

/** A message of the bot or of a user. */
const messageOf = (platform: Platform, channel: Channel, id: string): Fields | undefined => {
  const sent = platform.sent.entries.find((message) => message.id === id && message.target === channel.id)
  if (sent !== undefined) {
    return {
      content: sent.content,
      timestamp: platform.timestamp(sent.at),
      author: { id: platform.settings.bot.id, username: platform.settings.bot.username, bot: true }
    }
  }
  const said = platform.journal.entries.find(
    (entry) => entry.kind === "Said" && entry.id === id && entry.target === channel.id
  )
  return said?.kind === "Said" ? { content: said.text ?? "", timestamp: platform.timestamp(said.at) } : undefined
}

/**
 * The endpoints of channels.
 *
 * @since 0.1.0
 * @category constructors
 */
export const table = (
  platform: Platform,
  world: GuildWorld,
  dispatch: (now: number, type: string, d: unknown) => string
): Table => {
  const { channels, inChannel, inGuild, open } = world
  const { bot } = platform.settings
  return {
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
    "/channels/{channel}/members/{user}/permissions": permissions(world, "members", "user"),
    "/channels/{channel}/roles/{role}/permissions": permissions(world, "roles", "role"),
    "/channels/{channel}/messages/{message}": {
      GET: inChannel((channel, asked) => {
        const message = messageOf(platform, channel, asked.id("message"))
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
    }
  }
}
