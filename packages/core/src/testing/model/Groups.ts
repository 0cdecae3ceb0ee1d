/**
 * Groups as the endpoints of administration see them: members, muting, blacklists, requests to join and the strategies that
 * answer them. An event of a group makes the group and its members known; the bot is an admin of each.
 *
 * Source: the inventory of the pages of 2026-09; fields from other clients. Codes other than 11253 and 40034101 are not
 * published (chosen).
 *
 * @since 0.1.0
 */
import * as GroupMembers from "./GroupMembers.ts"
import * as GroupWorld from "./GroupWorld.ts"
import * as Joining from "./Joining.ts"
import type { Platform } from "./Platform.ts"
import * as Reply from "./Reply.ts"
import type { Table } from "./Routes.ts"

export type { GroupView, MemberFields } from "./GroupWorld.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Groups extends Pick<GroupWorld.GroupWorld, "remember" | "view" | "setMember"> {
  readonly table: Table
}

/** The endpoints of a group itself. */
const groupTable = (platform: Platform, { inGroup }: GroupWorld.GroupWorld): Table => {
  const { bot, proactive } = platform.settings
  return {
    "/v2/groups/{group}/info": {
      GET: inGroup((group) =>
        Reply.json(200, {
          group_openid: group.id,
          group_name: `group ${group.id}`,
          group_finger_memo: "",
          group_class_text: "",
          group_tags: [],
          group_member_num: group.members.values().length
        })
      )
    },
    "/v2/groups/{group}/bot_state": {
      GET: inGroup((group) => {
        const { joined_at, member_openid, member_role } = group.members.get(bot.openid) ?? {}
        return Reply.json(200, {
          member_openid,
          member_role,
          joined_at,
          allow_proactive_msg: proactive,
          recv_msg_setting: "only_mention"
        })
      })
    }
  }
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (platform: Platform, dispatch: (now: number, type: string, d: unknown) => string): Groups => {
  const world = GroupWorld.make(platform)
  return {
    remember: world.remember,
    view: world.view,
    setMember: world.setMember,
    table: {
      ...Joining.table(platform, world, dispatch),
      ...groupTable(platform, world),
      ...GroupMembers.table(platform, world, dispatch)
    }
  }
}
