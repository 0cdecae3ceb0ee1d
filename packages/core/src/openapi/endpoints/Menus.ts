/**
 * The menu below private chats with the bot, and panels of commands. Reads 30 a minute, writes of panels 10, of the menu
 * 5.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Endpoint from "../Endpoint.ts"
import { as, flag, id, ids, integer, list, record, text, type Open } from "../Lenient.ts"

const menus = "pages of menus and panels (docs 2026-08) [field]"

const menuEntry = {
  name: text,
  /** `switch`, `send_message`, `link` or `menu`. */
  type: text,
  send_message: text,
  link: text
}

const menuItem = record({
  ...menuEntry,
  switch: record({ switch_id: id, default: flag }),
  sub_menu_items: list(record(menuEntry))
})

const menu = record({
  /** `undefined` where none was set. */
  menu: record({ items: list(menuItem) }),
  version: integer
})

/**
 * The menu below private chats with the bot.
 *
 * @since 0.1.0
 * @category menus
 */
export interface Menu extends Schema.Schema.Type<typeof menu> {}

/**
 * An item of a menu.
 *
 * @since 0.1.0
 * @category menus
 */
export interface MenuItem extends Open {
  /** At most 10 characters, of which a Chinese one counts 2; in a submenu 14. */
  readonly name: string
  readonly type: "switch" | "send_message" | "link" | "menu"
  /** Of `send_message`: what goes into the input field. */
  readonly send_message?: string | undefined
  /** Of `link`: `https://` only. */
  readonly link?: string | undefined
  /** Of `switch`. */
  readonly switch?: { readonly switch_id: string; readonly default?: boolean | undefined } | undefined
  /** Of `menu`: at most 5, each `send_message` or `link`. */
  readonly sub_menu_items?: ReadonlyArray<MenuItem> | undefined
}

/**
 * The menu that takes the place of the one there is.
 *
 * @since 0.1.0
 * @category menus
 */
export interface MenuChange extends Open {
  /** At most 10 items. */
  readonly menu: { readonly items: ReadonlyArray<MenuItem> }
}

const version = record({
  version: integer
})

/**
 * The version of what was written.
 *
 * @since 0.1.0
 * @category menus
 */
export interface Version extends Schema.Schema.Type<typeof version> {}

/**
 * The menu below private chats with the bot.
 *
 * @since 0.1.0
 * @category menus
 */
export const getMenu = Endpoint.make({
  method: "GET",
  path: "/v2/menu",
  answer: as<Menu>(menu),
  source: menus
})

/**
 * Replaces the menu below private chats with the bot, for all users.
 *
 * @since 0.1.0
 * @category menus
 */
export const setMenu = Endpoint.make({
  method: "PUT",
  path: "/v2/menu",
  body: Endpoint.json<MenuChange>(),
  answer: as<Version>(version),
  source: menus
})

const panelItem = record({
  name: text,
  desc: text,
  /** `command` or `link`. */
  type: text,
  only_admin: flag,
  link: text
})

const panel = record({
  panel_id: id,
  /** `c2c`, `group`, `channel` or `dm`. */
  scope: text,
  /** `all` or `specific`. */
  target_type: text,
  panel: record({ items: list(panelItem), remark: text, version: integer }),
  /** RFC 3339. */
  created_at: text,
  /** RFC 3339. */
  updated_at: text,
  version: integer,
  /** Of one panel only, at most 1000. */
  user_openids: ids,
  /** Of one panel only, at most 1000. */
  group_openids: ids
})

/**
 * A panel of commands.
 *
 * @since 0.1.0
 * @category panels
 */
export interface Panel extends Schema.Schema.Type<typeof panel> {}

const panels = record({
  records: list(panel),
  /** Empty after the last page. */
  next_cursor: id,
  is_end: flag
})

/**
 * A page of panels.
 *
 * @since 0.1.0
 * @category panels
 */
export interface Panels extends Schema.Schema.Type<typeof panels> {}

const panelCreated = record({
  panel_id: id
})

/**
 * The panel that was made.
 *
 * @since 0.1.0
 * @category panels
 */
export interface PanelCreated extends Schema.Schema.Type<typeof panelCreated> {}

/**
 * What a panel shows.
 *
 * @since 0.1.0
 * @category panels
 */
export interface PanelFields extends Open {
  /** At most 20. */
  readonly items: ReadonlyArray<{
    /** At most 14 characters, of which a Chinese one counts 2. Of a command: what goes into the input field. */
    readonly name: string
    /** At most 30 characters. */
    readonly desc?: string | undefined
    readonly type: "command" | "link"
    readonly only_admin?: boolean | undefined
    /** Of `link`: `https://` only. */
    readonly link?: string | undefined
  }>
  /** Not shown; at most 255 characters. */
  readonly remark?: string | undefined
}

/**
 * A panel to be made. At most 20 for each bot.
 *
 * @since 0.1.0
 * @category panels
 */
export interface PanelDraft extends Open {
  readonly scope: "c2c" | "group" | "channel" | "dm"
  /** `specific` with `c2c` and `group` only. */
  readonly target_type?: "all" | "specific" | undefined
  /** With `c2c`, at most 20 at once. */
  readonly user_openids?: ReadonlyArray<string> | undefined
  /** With `group`, at most 20 at once. */
  readonly group_openids?: ReadonlyArray<string> | undefined
  readonly panel: PanelFields
}

/**
 * What a panel shows from now on.
 *
 * @since 0.1.0
 * @category panels
 */
export interface PanelChange extends Open {
  readonly panel: PanelFields
}

/**
 * Whom a panel is for. Panels for all have no targets.
 *
 * @since 0.1.0
 * @category panels
 */
export interface PanelTargetChange extends Open {
  readonly op: "add" | "del"
  /** With `c2c`, at most 20 at once. */
  readonly user_openids?: ReadonlyArray<string> | undefined
  /** With `group`, at most 20 at once. */
  readonly group_openids?: ReadonlyArray<string> | undefined
}

/**
 * The panels of a scene, at most 50 a page.
 *
 * @since 0.1.0
 * @category panels
 */
export const listPanels = Endpoint.paged(
  {
    method: "GET",
    path: "/v2/panels",
    query: {
      scope: Schema.Literal("c2c", "group", "channel", "dm"),
      cursor: Schema.optional(Schema.String),
      limit: Schema.optional(Schema.Number)
    },
    answer: as<Panels>(panels),
    source: menus
  },
  {
    parameter: "cursor",
    limit: 50,
    items: ({ records = [] }) => records,
    next: ({ is_end, next_cursor }) => (is_end === true ? undefined : next_cursor)
  }
)

/**
 * Makes a panel.
 *
 * @since 0.1.0
 * @category panels
 */
export const createPanel = Endpoint.make({
  method: "POST",
  path: "/v2/panels",
  body: Endpoint.json<PanelDraft>(),
  answer: as<PanelCreated>(panelCreated),
  source: menus
})

/**
 * A panel, with whom it is for.
 *
 * @since 0.1.0
 * @category panels
 */
export const getPanel = Endpoint.make({
  method: "GET",
  path: "/v2/panels/{panel}",
  answer: as<Panel>(panel),
  source: menus
})

/**
 * Replaces what a panel shows.
 *
 * @since 0.1.0
 * @category panels
 */
export const updatePanel = Endpoint.make({
  method: "PUT",
  path: "/v2/panels/{panel}",
  body: Endpoint.json<PanelChange>(),
  answer: as<Version>(version),
  source: menus
})

/**
 * Deletes a panel.
 *
 * @since 0.1.0
 * @category panels
 */
export const deletePanel = Endpoint.make({
  method: "DELETE",
  path: "/v2/panels/{panel}",
  source: menus
})

/**
 * Changes whom a panel is for.
 *
 * @since 0.1.0
 * @category panels
 */
export const updatePanelTarget = Endpoint.make({
  method: "PUT",
  path: "/v2/panels/{panel}/target",
  body: Endpoint.json<PanelTargetChange>(),
  source: menus
})
