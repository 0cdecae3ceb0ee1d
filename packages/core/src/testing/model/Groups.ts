/**
 * Groups as the endpoints of administration see them: members, muting, blacklists, requests to join and the rules that
 * answer them. What happens in a group makes it and its members known; the bot is an admin of each.
 *
 * Source: the inventory of the pages of 2026-09; fields from other clients. Codes other than 11253 and 40034101 are not
 * published (chosen).
 *
 * @since 0.1.0
 */
import * as BoundedMap from "./BoundedMap.ts"
import * as CivilDate from "./CivilDate.ts"
import * as Content from "./Content.ts"
import type { Platform } from "./Platform.ts"
import * as Reply from "./Reply.ts"
import * as Routes from "./Routes.ts"
import type { Asked, Run, Table } from "./Routes.ts"

type Fields = Readonly<Record<string, unknown>>

interface Group {
  readonly id: string
  readonly members: BoundedMap.BoundedMap<Fields>
  readonly blacklist: BoundedMap.BoundedMap<Fields>
  /** Who asks to join, by their openid. */
  readonly requests: BoundedMap.BoundedMap<Fields>
  /** Until when members are muted, by their openid. */
  readonly muted: BoundedMap.BoundedMap<string>
  mode: string
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Groups {
  /** Takes note of an event that goes out. */
  readonly remember: (now: number, type: string, d: unknown) => void
  /** A group as its members see it; `undefined` for one in which nothing has happened. */
  readonly view: (now: number, group: string) => GroupView | undefined
  /** Makes somebody a member of a group, or changes what is known of one, without an event. */
  readonly setMember: (now: number, group: string, member: string, fields: MemberFields) => void
  readonly table: Table
}

/**
 * @since 0.1.0
 * @category models
 */
export interface MemberFields {
  readonly username?: string
  readonly role?: "member" | "admin" | "owner"
}

/**
 * @since 0.1.0
 * @category models
 */
export interface GroupView {
  readonly members: ReadonlyArray<{
    readonly id: string
    readonly username: string
    readonly role: string
    readonly bot: boolean
    /** Until when the member is muted, as the bot wrote it. */
    readonly mutedUntil?: string
  }>
  /** Whether the bot has muted the whole group. */
  readonly isMuted: boolean
}

/** A call names so many people at most. */
const maximumNames = 20
const maximumStrategies = 20
const maximumWhitelist = 100_000
const year = 365 * 86_400_000

const texts = (value: unknown): ReadonlyArray<string> | undefined =>
  Array.isArray(value) && value.every(Content.isFilled) ? (value as ReadonlyArray<string>) : undefined

/** Mutes or unmutes one member: `false` where that cannot be. */
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

const withFields = (known: Fields, { role, username }: MemberFields): Fields => ({
  ...known,
  ...(role === undefined ? {} : { member_role: role }),
  ...(username === undefined ? {} : { username })
})

const viewOf = (group: Group, at: string): GroupView => ({
  members: group.members.keys().map((member) => {
    const { bot: isBot, member_role: role, username } = group.members.get(member) ?? {}
    const until = group.muted.get(member)
    return {
      id: member,
      username: typeof username === "string" ? username : "",
      role: typeof role === "string" ? role : "member",
      bot: isBot === true,
      ...(until === undefined || until <= at ? {} : { mutedUntil: until })
    }
  }),
  isMuted: group.mode !== "none"
})

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (platform: Platform, dispatch: (now: number, type: string, d: unknown) => string): Groups => {
  const { anchorLimit: limit, bot, proactive } = platform.settings
  const groups = BoundedMap.make<Group>(limit)
  const strategies = BoundedMap.make<{ readonly fields: Fields; readonly whitelist: Set<string> }>(limit)

  const memberOf = (now: number, id: string, fields: Fields): Fields => ({
    member_openid: id,
    username: "",
    member_role: "member",
    bot: false,
    joined_at: platform.timestamp(now),
    ...fields
  })

  const found = (now: number, id: string): Group => {
    const known = groups.get(id)
    if (known !== undefined) return known
    const group: Group = {
      id,
      members: BoundedMap.make(limit),
      blacklist: BoundedMap.make(limit),
      requests: BoundedMap.make(limit),
      muted: BoundedMap.make(limit),
      mode: "none"
    }
    groups.set(id, group)
    group.members.set(
      bot.openid,
      memberOf(now, bot.openid, { username: bot.username, bot: true, member_role: "admin" })
    )
    return group
  }

  const inGroup =
    (run: (group: Group, asked: Asked) => Reply.Reply): Run =>
    (asked) => {
      const group = groups.get(asked.id("group"))
      return group === undefined ? Reply.error(asked.traceId, 40034101) : run(group, asked)
    }

  const withStrategy =
    (
      run: (
        strategy: { readonly fields: Fields; readonly whitelist: Set<string> },
        id: string,
        asked: Asked
      ) => Reply.Reply
    ): Run =>
    (asked) => {
      const id = asked.id("strategy")
      const strategy = strategies.get(id)
      return strategy === undefined ? Reply.error(asked.traceId, 12001) : run(strategy, id, asked)
    }

  const strategyFields = ({
    fields,
    whitelist
  }: {
    readonly fields: Fields
    readonly whitelist: Set<string>
  }): Fields => ({
    ...fields,
    whitelist_user_count: whitelist.size
  })

  return {
    view: (now, id) => {
      const group = groups.get(id)
      return group === undefined ? undefined : viewOf(group, platform.timestamp(now))
    },
    setMember: (now, id, member, fields) => {
      const group = found(now, id)
      group.members.set(member, withFields(group.members.get(member) ?? memberOf(now, member, {}), fields))
    },
    remember: (now, type, d) => {
      if (!Content.isRecord(d) || !Content.isFilled(d["group_openid"])) return
      const id = d["group_openid"]
      if (type === "GROUP_DEL_ROBOT") {
        groups.delete(id)
        return
      }
      const group = found(now, id)
      const author = Content.isRecord(d["author"]) ? d["author"] : {}
      const member = [d["member_openid"], author["member_openid"], d["group_member_openid"]].find(Content.isFilled)
      if (member === undefined) return
      if (type === "GROUP_MEMBER_REMOVE") group.members.delete(member)
      else if (type === "GROUP_JOIN_REQUEST") group.requests.set(member, d)
      else if (author["member_role"] !== undefined && group.members.get(member) !== undefined) {
        // what the member is by now
        const { member_role: role } = author
        group.members.set(member, { ...group.members.get(member), member_role: role })
      } else if (group.members.get(member) === undefined) {
        const { bot: isBot = false, member_role: role = "member", username = "" } = author
        group.members.set(member, memberOf(now, member, { username, member_role: role, bot: isBot }))
      }
    },
    table: {
      "/v2/groups/join_approval_strategy": {
        GET: (asked) => {
          const { items, next } = Routes.page(asked, "cursor", strategies.values().toReversed(), 20, 100)
          return Reply.json(200, { strategies: items.map(strategyFields), next_cursor: next })
        },
        POST: ({ body, now, traceId }) => {
          const named = [texts(body["group_openids"]), texts(body["group_ids"])].filter((names) => names !== undefined)
          if (named.length !== 1) return Reply.error(traceId, 12002)
          if (strategies.values().length >= maximumStrategies) return Reply.error(traceId, 40030013)
          const id = `st_${platform.count("strategy").toString().padStart(8, "0")}`
          const at = platform.timestamp(now)
          const fields = {
            is_enable: "on",
            expire_at: CivilDate.rfc3339(now + year),
            ...body,
            strategy_id: id,
            created_at: at,
            updated_at: at
          }
          strategies.set(id, { fields, whitelist: new Set() })
          return Reply.json(200, { strategy_id: id, is_enable: fields.is_enable, expire_at: fields.expire_at })
        }
      },
      "/v2/groups/join_approval_strategy/{strategy}": {
        PATCH: withStrategy((strategy, id, { body, now }) => {
          const { group_action: action, ...change } = body
          const { group_openids: before } = strategy.fields
          const groupsOf = new Set(texts(before) ?? [])
          if (Content.isRecord(action)) {
            for (const name of texts(action["group_openids"]) ?? []) {
              if (action["op"] === "add") groupsOf.add(name)
              else groupsOf.delete(name)
            }
          }
          const fields = {
            ...strategy.fields,
            ...(before === undefined ? {} : { group_openids: [...groupsOf] }),
            ...change,
            updated_at: platform.timestamp(now)
          }
          strategies.set(id, { ...strategy, fields })
          return Reply.json(200, {
            is_enable: strategy.fields["is_enable"],
            expire_at: strategy.fields["expire_at"],
            ...change
          })
        }),
        DELETE: withStrategy((_, id) => {
          strategies.delete(id)
          return Reply.json(200, {})
        })
      },
      "/v2/groups/join_approval_strategy/{strategy}/execute": { POST: withStrategy(() => Reply.json(200, {})) },
      "/v2/groups/join_approval_strategy/{strategy}/whitelist_users": {
        POST: withStrategy(({ fields, whitelist }, id, { body, now, traceId }) => {
          const users = texts(body["whitelist_users"])
          if (users === undefined || (body["op"] !== "add" && body["op"] !== "del")) return Reply.error(traceId, 12002)
          if (body["op"] === "add" && whitelist.size + users.length > maximumWhitelist)
            return Reply.error(traceId, 12001)
          for (const user of users) {
            if (body["op"] === "add") whitelist.add(user)
            else whitelist.delete(user)
          }
          return Reply.json(200, {
            strategy_id: fields["strategy_id"] ?? id,
            whitelist_user_count: whitelist.size,
            updated_at: platform.timestamp(now)
          })
        })
      },
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
      },
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
          const members = texts(body["member_openids"])
          if (members === undefined || members.length > maximumNames) return Reply.error(traceId, 12002)
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
      },
      "/v2/groups/{group}/restrict_chat_setting": {
        GET: inGroup((group, { now }) => {
          const at = platform.timestamp(now)
          const muted = group.muted.keys().flatMap((id) => {
            const until = group.muted.get(id)
            return until === undefined || until <= at
              ? []
              : [{ member_openid: id, username: "", mute_expire_at: until }]
          })
          return Reply.json(200, {
            global_rule: { mode: group.mode, schedule_rules: [], recurring_rules: [] },
            members: muted
          })
        }),
        POST: inGroup((group, { body, traceId }) => {
          const { global_mute: everybody, members } = body
          if (Content.isRecord(everybody) && Content.isFilled(everybody["mode"])) {
            group.mode = everybody["mode"]
            return Reply.json(200, {})
          }
          if (!Array.isArray(members) || members.length > maximumNames) return Reply.error(traceId, 12002)
          return members.every((change: unknown) => mute(group, change))
            ? Reply.json(200, {})
            : Reply.error(traceId, 12001)
        })
      },
      "/v2/groups/{group}/member_blacklist": {
        GET: inGroup((group, asked) => {
          const { items, next } = Routes.page(asked, "cursor", group.blacklist.values(), 20, 100)
          return Reply.json(200, { users: items, next_cursor: next })
        }),
        POST: inGroup((group, { body, now, traceId }) => {
          const members = texts(body["member_openids"])
          if (members === undefined || members.length > maximumNames) return Reply.error(traceId, 12002)
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
      },
      "/v2/groups/{group}/join_request_list": {
        GET: inGroup((group, asked) => {
          const { items, next } = Routes.page(asked, "cursor", group.requests.values(), 20, 50)
          return Reply.json(200, { list: items, next_cursor: next })
        })
      },
      "/v2/groups/{group}/approval_join_request/{member}": {
        POST: inGroup((group, asked) => {
          const { body, now, traceId } = asked
          const id = asked.id("member")
          const request = group.requests.get(id)
          const isDecision = body["op"] === "approve" || body["op"] === "decline"
          if (request === undefined || !isDecision) return Reply.error(traceId, 12001)
          group.requests.delete(id)
          if (body["op"] === "approve") {
            group.members.set(id, memberOf(now, id, { username: request["username"] ?? "" }))
            dispatch(now, "GROUP_MEMBER_ADD", {
              timestamp: Math.floor(now / 1000),
              group_openid: group.id,
              member_openid: id,
              user_openid: ""
            })
          } else if (body["add_to_member_blacklist"] === true) {
            group.blacklist.set(id, { member_openid: id, username: "", banned_at: platform.timestamp(now), bot: false })
          }
          return Reply.json(200, {})
        })
      }
    }
  }
}
