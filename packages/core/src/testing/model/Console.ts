/**
 * The endpoints that configure a bot: its menu, its command panels, links that open a chat with it, and sessions whose
 * events go to a webhook.
 *
 * Source: the pages of menus and panels of 2026-08; botgo for sessions. Codes from the same pages.
 *
 * @since 0.1.0
 */
import * as BoundedMap from "./BoundedMap.ts"
import * as Content from "./Content.ts"
import type { Platform } from "./Platform.ts"
import * as Reply from "./Reply.ts"
import * as Routes from "./Routes.ts"
import type { Asked, Run, Table } from "./Routes.ts"

type Fields = Readonly<Record<string, unknown>>

const maximumPanels = 20
const maximumPanelItems = 20
const maximumMenuItems = 10
const scopes: ReadonlySet<unknown> = new Set(["c2c", "group", "channel", "dm"])
const menuTypes: ReadonlySet<unknown> = new Set(["switch", "send_message", "link", "menu"])
const panelTypes: ReadonlySet<unknown> = new Set(["command", "link"])

/** The code that refuses items, if any. */
const refusal = (
  items: unknown,
  maximum: number,
  types: ReadonlySet<unknown>,
  wrongType: Reply.ErrorCode
): Reply.ErrorCode | undefined => {
  if (!Array.isArray(items)) return 40030016
  if (items.length > maximum) return 40030013
  for (const item of items as ReadonlyArray<unknown>) {
    if (!Content.isRecord(item) || !Content.isFilled(item["name"])) return 40030016
    if (!types.has(item["type"])) return wrongType
  }
  return undefined
}

const texts = (value: unknown): ReadonlyArray<unknown> =>
  Array.isArray(value) ? (value as ReadonlyArray<unknown>) : []

/** Links to the bot, and the sessions of webhooks. */
const linksAndWebhooks = (platform: Platform): Table => {
  const { anchorLimit, appId, bot } = platform.settings
  const sessions = BoundedMap.make<Fields>(anchorLimit)
  return {
    "/v2/generate_url_link": {
      POST: ({ body }) => {
        const data = Content.isFilled(body["callback_data"]) ? `?data=${encodeURIComponent(body["callback_data"])}` : ""
        return Reply.json(200, {
          retcode: 0,
          msg: "",
          data: { url: `https://qun.qq.com/qunpro/robot/${appId}${data}` }
        })
      }
    },
    "/gateway/webhook/sessions": {
      GET: () => Reply.json(200, sessions.values()),
      POST: ({ body, now, traceId }) => {
        const { callback_url: url, intents, shards } = body
        if (!Content.isFilled(url) || typeof intents !== "number" || !Array.isArray(shards)) {
          return Reply.error(traceId, 12002)
        }
        const id = `webhook-${platform.count("webhook").toString().padStart(8, "0")}`
        sessions.set(id, {
          app_id: Number(appId),
          session_id: id,
          callback_url: url,
          env: "production",
          intents,
          last_heartbeat_time: platform.timestamp(now),
          state: "ACTIVE",
          shards
        })
        return Reply.json(200, {
          version: 1,
          session_id: id,
          bot: { id: bot.id, username: bot.username },
          shard: shards
        })
      },
      PATCH: ({ now, query, traceId }) => {
        if (query("action") !== "check") return Reply.error(traceId, 12001)
        for (const session of sessions.values()) {
          sessions.set(String(session["session_id"]), { ...session, last_heartbeat_time: platform.timestamp(now) })
        }
        return Reply.json(200, sessions.values())
      }
    },
    "/gateway/webhook/sessions/{session}": {
      DELETE: (asked) =>
        sessions.delete(asked.id("session")) ? Reply.text(204, "") : Reply.error(asked.traceId, 12001)
    }
  }
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (platform: Platform): Table => {
  const { anchorLimit } = platform.settings
  const panels = BoundedMap.make<Fields>(anchorLimit)
  const calls = new Map<string, ReadonlyArray<number>>()
  let menu: Fields | undefined
  let version = 0

  /** These endpoints are called by the minute. */
  const limited =
    (name: string, perMinute: number, run: Run): Run =>
    (asked) => {
      const recent = (calls.get(name) ?? []).filter((at) => asked.now - at < 60_000)
      if (recent.length >= perMinute) return Reply.error(asked.traceId, 100017)
      calls.set(name, [...recent, asked.now])
      return run(asked)
    }
  const read = (run: Run): Run => limited("read", 30, run)
  const write = (run: Run): Run => limited("write", 10, run)

  const withPanel =
    (run: (panel: Fields, id: string, asked: Asked) => Reply.Reply): Run =>
    (asked) => {
      const id = asked.id("panel")
      const panel = panels.get(id)
      return panel === undefined ? Reply.error(asked.traceId, 12001) : run(panel, id, asked)
    }

  const panelItems = (body: Content.Body): unknown =>
    Content.isRecord(body["panel"]) ? body["panel"]["items"] : undefined

  return {
    "/v2/menu": {
      GET: limited("menu read", 30, () => Reply.json(200, { version, ...(menu === undefined ? {} : { menu }) })),
      PUT: limited("menu write", 5, ({ body, traceId }) => {
        const next = Content.isRecord(body["menu"]) ? body["menu"] : {}
        const wrong = refusal(next["items"], maximumMenuItems, menuTypes, 40030014)
        if (wrong !== undefined) return Reply.error(traceId, wrong)
        menu = next
        version += 1
        return Reply.json(200, { version })
      })
    },
    "/v2/panels": {
      GET: read((asked) => {
        const scope = asked.query("scope")
        if (!scopes.has(scope)) return Reply.error(asked.traceId, 40030011)
        const all = panels.values().filter((panel) => panel["scope"] === scope)
        const { items, next } = Routes.page(asked, "cursor", all, 20, 50)
        return Reply.json(200, {
          records: items.map((panel) => ({ ...panel, group_openids: undefined, user_openids: undefined })),
          next_cursor: next,
          is_end: next === ""
        })
      }),
      POST: write(({ body, now, traceId }) => {
        const { scope, target_type: target = "all" } = body
        if (!scopes.has(scope)) return Reply.error(traceId, 40030011)
        const isSpecific = target === "specific" && (scope === "c2c" || scope === "group")
        if (target !== "all" && !isSpecific) return Reply.error(traceId, 40030012)
        const wrong = refusal(panelItems(body), maximumPanelItems, panelTypes, 40030015)
        if (wrong !== undefined) return Reply.error(traceId, wrong)
        if (panels.values().length >= maximumPanels) return Reply.error(traceId, 40030013)
        const id = `p_${platform.count("panel").toString().padStart(8, "0")}`
        const at = platform.timestamp(now)
        panels.set(id, { ...body, panel_id: id, target_type: target, version: 1, created_at: at, updated_at: at })
        return Reply.json(200, { panel_id: id })
      })
    },
    "/v2/panels/{panel}": {
      GET: read(withPanel((panel) => Reply.json(200, panel))),
      PUT: write(
        withPanel((panel, id, { body, now, traceId }) => {
          const wrong = refusal(panelItems(body), maximumPanelItems, panelTypes, 40030015)
          if (wrong !== undefined) return Reply.error(traceId, wrong)
          const next = Number(panel["version"]) + 1
          panels.set(id, { ...panel, panel: body["panel"], version: next, updated_at: platform.timestamp(now) })
          return Reply.json(200, { version: next })
        })
      ),
      DELETE: write(
        withPanel((_, id) => {
          panels.delete(id)
          return Reply.json(200, {})
        })
      )
    },
    "/v2/panels/{panel}/target": {
      PUT: limited(
        "target",
        60,
        withPanel((panel, id, { body, traceId }) => {
          const { op, scope } = { op: body["op"], scope: panel["scope"] }
          if (scope !== "c2c" && scope !== "group") return Reply.error(traceId, 40030018)
          if (panel["target_type"] !== "specific") return Reply.error(traceId, 40030021)
          if (op !== "add" && op !== "del") return Reply.error(traceId, 40030016)
          const name = scope === "c2c" ? "user_openids" : "group_openids"
          const targets = new Set(texts(panel[name]))
          for (const target of texts(body[name])) {
            if (op === "add") targets.add(target)
            else targets.delete(target)
          }
          panels.set(id, { ...panel, [name]: [...targets] })
          return Reply.json(200, {})
        })
      )
    },
    ...linksAndWebhooks(platform)
  }
}
