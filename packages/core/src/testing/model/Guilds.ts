/**
 * Guilds as the endpoints of administration see them: channels, members, roles, permissions, muting, announcements, pins,
 * schedules, reactions, threads, sound, private chats, and what the bot may call.
 *
 * An event of a guild makes the guild, its channels and its members known; one guild exists from the start. Every bot is
 * taken to be a private-domain bot with admin rights.
 *
 * Source: the pages of guilds (bot-docs 2025-04). Not published, and therefore chosen: codes
 * of unknown objects beyond 10004, 10003 and 10001; the state of a guild before its first event; that a bot receives events
 * of its own actions.
 *
 * @since 0.1.0
 */
import * as ChannelLife from "./ChannelLife.ts"
import * as Channels from "./Channels.ts"
import * as Content from "./Content.ts"
import * as GuildWorld from "./GuildWorld.ts"
import * as Members from "./Members.ts"
import type { Platform } from "./Platform.ts"
import * as Reply from "./Reply.ts"
import * as Routes from "./Routes.ts"
import type { Table } from "./Routes.ts"
import * as Schedules from "./Schedules.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Guilds {
  /** Records an event that is sent to the bot. */
  readonly remember: (type: string, d: unknown) => void
  readonly table: Table
}

const done = Reply.text(204, "")

/** The endpoints of a guild itself. */
const guildTable = (platform: Platform, { channels, guildFields, guilds, inGuild }: GuildWorld.GuildWorld): Table => {
  const { settings } = platform
  return {
    "/users/@me/guilds": {
      GET: (asked) => {
        const before = asked.query("before")
        const all = guilds.values()
        const rest =
          before === undefined ? Routes.after(all, asked.query("after")) : Routes.after(all.toReversed(), before)
        return Reply.json(200, rest.slice(0, Routes.limitOf(asked, 100, 100)).map(guildFields))
      }
    },
    "/users/@me/dms": {
      POST: ({ body, now, traceId }) => {
        const guild = guilds.get(GuildWorld.idOf(body["source_guild_id"]) ?? "")
        if (guild === undefined) return Reply.error(traceId, 10004)
        const user = GuildWorld.idOf(body["recipient_id"])
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

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (platform: Platform, dispatch: (now: number, type: string, d: unknown) => string): Guilds => {
  const world = GuildWorld.make(platform)
  return {
    remember: world.remember,
    table: {
      ...guildTable(platform, world),
      ...Channels.table(platform, world, dispatch),
      ...Schedules.table(platform, world),
      ...ChannelLife.table(platform, world, dispatch),
      ...Members.table(platform, world, dispatch)
    }
  }
}
