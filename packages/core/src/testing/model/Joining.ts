/**
 * Joining a group: the requests of users, and the strategies that answer them.
 *
 * @since 0.1.0
 */
import * as BoundedMap from "./BoundedMap.ts"
import * as CivilDate from "./CivilDate.ts"
import * as Content from "./Content.ts"
import type { Fields, GroupWorld } from "./GroupWorld.ts"
import type { Platform } from "./Platform.ts"
import * as Reply from "./Reply.ts"
import * as Routes from "./Routes.ts"
import type { Asked, Run, Table } from "./Routes.ts"

const maximumStrategies = 20
const maximumWhitelist = 100_000
const year = 365 * 86_400_000

/** A rule that answers requests to join. */
interface Strategy {
  readonly fields: Fields
  /** The users that it lets in. */
  readonly whitelist: Set<string>
}

const strategyFields = ({ fields, whitelist }: Strategy): Fields => ({
  ...fields,
  whitelist_user_count: whitelist.size
})

/** The groups of a strategy after a change that adds or removes some. */
const changedGroups = (before: unknown, action: unknown): ReadonlyArray<string> => {
  const groups = new Set(Content.texts(before) ?? [])
  if (Content.isRecord(action)) {
    for (const name of Content.texts(action["group_openids"]) ?? []) {
      if (action["op"] === "add") groups.add(name)
      else groups.delete(name)
    }
  }
  return [...groups]
}

const strategyTable = (platform: Platform): Table => {
  const strategies = BoundedMap.make<Strategy>(platform.settings.anchorLimit)

  const withStrategy =
    (run: (strategy: Strategy, id: string, asked: Asked) => Reply.Reply): Run =>
    (asked) => {
      const id = asked.id("strategy")
      const strategy = strategies.get(id)
      return strategy === undefined ? Reply.error(asked.traceId, 12001) : run(strategy, id, asked)
    }

  return {
    "/v2/groups/join_approval_strategy": {
      GET: (asked) => {
        const { items, next } = Routes.page(asked, "cursor", strategies.values().toReversed(), 20, 100)
        return Reply.json(200, { strategies: items.map(strategyFields), next_cursor: next })
      },
      POST: ({ body, now, traceId }) => {
        const named = [Content.texts(body["group_openids"]), Content.texts(body["group_ids"])].filter(
          (names) => names !== undefined
        )
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
        const fields = {
          ...strategy.fields,
          ...(before === undefined ? {} : { group_openids: changedGroups(before, action) }),
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
        const users = Content.texts(body["whitelist_users"])
        if (users === undefined || (body["op"] !== "add" && body["op"] !== "del")) return Reply.error(traceId, 12002)
        if (body["op"] === "add" && whitelist.size + users.length > maximumWhitelist) return Reply.error(traceId, 12001)
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
    }
  }
}

const requestTable = (
  platform: Platform,
  { inGroup, newMember }: GroupWorld,
  dispatch: (now: number, type: string, d: unknown) => string
): Table => ({
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
        group.members.set(id, newMember(now, id, { username: request["username"] ?? "" }))
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
})

/**
 * The endpoints of strategies and of requests to join.
 *
 * @since 0.1.0
 * @category constructors
 */
export const table = (
  platform: Platform,
  world: GroupWorld,
  dispatch: (now: number, type: string, d: unknown) => string
): Table => ({
  ...strategyTable(platform),
  ...requestTable(platform, world, dispatch)
})
