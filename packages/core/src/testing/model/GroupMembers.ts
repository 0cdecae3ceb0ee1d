/**
 * The endpoints of a group's members: the list, removal, muting and the blacklist.
 *
 * @since 0.1.0
 */
import * as Content from "./Content.ts"
import type { Group, GroupWorld } from "./GroupWorld.ts"
import type { Platform } from "./Platform.ts"
import * as Reply from "./Reply.ts"
import * as Routes from "./Routes.ts"
import type { Table } from "./Routes.ts"

/** The maximum number of members in one call. */
const maximumNames = 20

/** The members that a body names; `undefined` if there are too many or they are not openids. */
const membersIn = (body: Content.Body): ReadonlyArray<string> | undefined => {
  const members = Content.texts(body["member_openids"])
  return members === undefined || members.length > maximumNames ? undefined : members
}

/** Mutes or unmutes one member: `false` if the change is invalid or the member is unknown or an admin. */
const mute = (group: Group, change: unknown): boolean => {
  if (!Content.isRecord(change)) return false
  const { member_openid: id, mute_expire_at: until, op } = change
  const role = typeof id === "string" ? group.members.get(id)?.["member_role"] : undefined
  if (typeof id !== "string" || role !== "member") return false
  if (op === "del") {
    group.muted.delete(id)
    return true
  }
  if ((op !== "add" && op !== "update") || !Content.isFilled(until)) return false
  group.muted.set(id, until)
  return true
}

/** The list of members, and their removal. */
const memberTable = (
  platform: Platform,
  { inGroup }: GroupWorld,
  dispatch: (now: number, type: string, d: unknown) => string
): Table => {
  const { bot } = platform.settings
  return {
    "/v2/groups/{group}/members": {
      GET: inGroup((group, asked) => {
        const { items, next } = Routes.page(asked, "cursor", group.members.values(), 30, 30)
        return Reply.json(200, { members: items, next_cursor: next })
      })
    },
    "/v2/groups/{group}/members/{member}": {
      GET: inGroup((group, asked) => {
        const member = group.members.get(asked.id("member"))
        return member === undefined ? Reply.error(asked.traceId, 12001) : Reply.json(200, member)
      })
    },
    "/v2/groups/{group}/batch_remove_members": {
      POST: inGroup((group, { body, now, traceId }) => {
        const members = membersIn(body)
        if (members === undefined) return Reply.error(traceId, 12002)
        const removed = members.filter((id) => id !== bot.openid && group.members.delete(id))
        for (const id of removed) {
          if (body["add_to_member_blacklist"] === true) {
            group.blacklist.set(id, { member_openid: id, banned_at: platform.timestamp(now), bot: false })
          }
          dispatch(now, "GROUP_MEMBER_REMOVE", {
            timestamp: Math.floor(now / 1000),
            group_openid: group.id,
            member_openid: id,
            user_openid: ""
          })
        }
        return Reply.json(200, {
          remove_members_result: removed.length === members.length ? "success" : "partial",
          add_to_member_blacklist_fail_openids:
            body["add_to_member_blacklist"] === true ? members.filter((id) => !removed.includes(id)) : []
        })
      })
    }
  }
}

/** The muting of members and of the whole group. */
const muteTable = (platform: Platform, { inGroup }: GroupWorld): Table => ({
  "/v2/groups/{group}/restrict_chat_setting": {
    GET: inGroup((group, { now }) => {
      const at = platform.timestamp(now)
      const muted = group.muted.keys().flatMap((id) => {
        const until = group.muted.get(id)
        return until === undefined || until <= at ? [] : [{ member_openid: id, username: "", mute_expire_at: until }]
      })
      return Reply.json(200, {
        global_rule: { mode: group.mode, schedule_rules: [], recurring_rules: [] },
        members: muted
      })
    }),
    POST: inGroup((group, { body, traceId }) => {
      const { global_mute: whole, members } = body
      if (Content.isRecord(whole) && Content.isFilled(whole["mode"])) {
        group.mode = whole["mode"]
        return Reply.json(200, {})
      }
      if (!Array.isArray(members) || members.length > maximumNames) return Reply.error(traceId, 12002)
      return members.every((change: unknown) => mute(group, change)) ? Reply.json(200, {}) : Reply.error(traceId, 12001)
    })
  }
})

/** The members that may not join again. */
const blacklistTable = (platform: Platform, { inGroup }: GroupWorld): Table => ({
  "/v2/groups/{group}/member_blacklist": {
    GET: inGroup((group, asked) => {
      const { items, next } = Routes.page(asked, "cursor", group.blacklist.values(), 20, 100)
      return Reply.json(200, { users: items, next_cursor: next })
    }),
    POST: inGroup((group, { body, now, traceId }) => {
      const members = membersIn(body)
      if (members === undefined) return Reply.error(traceId, 12002)
      if (body["op"] === "del") {
        return Reply.json(200, { fail_openids: members.filter((id) => !group.blacklist.delete(id)) })
      }
      if (body["op"] !== "add") return Reply.error(traceId, 12002)
      const failed = members.filter((id) => group.members.get(id) !== undefined)
      for (const id of members.filter((each) => !failed.includes(each))) {
        group.blacklist.set(id, { member_openid: id, username: "", banned_at: platform.timestamp(now), bot: false })
      }
      return Reply.json(200, { fail_openids: failed })
    })
  }
})

/**
 * The endpoints of members.
 *
 * @since 0.1.0
 * @category constructors
 */
export const table = (
  platform: Platform,
  world: GroupWorld,
  dispatch: (now: number, type: string, d: unknown) => string
): Table => ({
  ...memberTable(platform, world, dispatch),
  ...muteTable(platform, world),
  ...blacklistTable(platform, world)
})
