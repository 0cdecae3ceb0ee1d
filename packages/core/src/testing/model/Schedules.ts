/**
 * Schedules of channels.
 *
 * @since 0.1.0
 */
import * as Content from "./Content.ts"
import { type Channel, type Fields, type GuildWorld, memberFields } from "./GuildWorld.ts"
import type { Platform } from "./Platform.ts"
import * as Reply from "./Reply.ts"
import type { Asked, Run, Table } from "./Routes.ts"

const week = 7 * 86_400_000

const done = Reply.text(204, "")

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

/**
 * The endpoints of schedules.
 *
 * @since 0.1.0
 * @category constructors
 */
export const table = (platform: Platform, { guilds, inChannel }: GuildWorld): Table => {
  const { bot } = platform.settings

  const withSchedule = (run: (schedule: Fields, channel: Channel, asked: Asked) => Reply.Reply): Run =>
    inChannel((channel, asked) => {
      const schedule = channel.schedules.get(asked.id("schedule"))
      return schedule === undefined ? Reply.error(asked.traceId, 302011) : run(schedule, channel, asked)
    })

  return {
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
    }
  }
}
