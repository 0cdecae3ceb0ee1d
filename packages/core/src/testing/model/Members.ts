/**
 * Members and roles of guilds, and muting.
 *
 * @since 0.1.0
 */
import { type Fields, type Guild, type GuildWorld, type Role, memberFields, owner } from "./GuildWorld.ts"
import type { Platform } from "./Platform.ts"
import * as Reply from "./Reply.ts"
import * as Routes from "./Routes.ts"
import type { Asked, Run, Table } from "./Routes.ts"

const done = Reply.text(204, "")

const seconds = (value: unknown): boolean => typeof value === "string" && /^\d{1,12}$/.test(value)

/** Checks a request to mute. No endpoint shows who is muted. */
const mute = ({ body, traceId }: Asked, then: Reply.Reply): Reply.Reply =>
  seconds(body["mute_end_timestamp"]) || seconds(body["mute_seconds"]) ? then : Reply.error(traceId, 502005)

const roleFields = (guild: Guild, role: Role): Fields => ({
  id: role.id,
  number: guild.members.values().filter(({ roles }) => roles.has(role.id)).length,
  ...role.fields
})

/**
 * The endpoints of members and roles.
 *
 * @since 0.1.0
 * @category constructors
 */
export const table = (
  platform: Platform,
  { inGuild, withMember }: GuildWorld,
  dispatch: (now: number, type: string, d: unknown) => string
): Table => {
  const { bot } = platform.settings

  const withRole = (run: (role: Role, guild: Guild, asked: Asked) => Reply.Reply): Run =>
    inGuild((guild, asked) => {
      const role = guild.roles.get(asked.id("role"))
      return role === undefined ? Reply.error(asked.traceId, 12001) : run(role, guild, asked)
    })

  return {
    "/guilds/{guild}/members": {
      GET: inGuild((guild, asked) =>
        Reply.json(
          200,
          Routes.after(guild.members.values(), asked.query("after"))
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
        // The roles that every guild has cannot be deleted.
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
    }
  }
}
