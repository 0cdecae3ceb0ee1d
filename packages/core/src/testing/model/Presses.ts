/**
 * Presses of buttons: who may press, and the INTERACTION_CREATE that follows.
 *
 * Source: `msg-btn.md` and the interaction pages of the platform's documentation of 2026.
 *
 * @since 0.1.0
 */
import * as Content from "./Content.ts"
import type { Scene } from "./Journal.ts"
import { defaultGuild } from "./Payloads.ts"
import type { Platform } from "./Platform.ts"

/**
 * A press of a button below a message of the bot.
 *
 * @since 0.1.0
 * @category models
 */
export interface Press {
  /** The id of the message that shows the button. */
  readonly message: string
  /** The id of the button, its `data`, or its label: the first button that answers to it. */
  readonly button: string
  /** The user in a private chat or a guild, the member in a group. */
  readonly user: string
  /** Default `member`. */
  readonly role?: "member" | "admin" | "owner" | undefined
}

/**
 * What a press brings. `Interaction`: the bot gets an INTERACTION_CREATE. `Command`: the client puts `data` behind a mention
 * of the bot into its input, and sends it where `enter` is true. `Link`: the client opens an address. `Refused`: the client
 * shows why, and the bot hears nothing.
 *
 * @since 0.1.0
 * @category models
 */
export type Pressed =
  | { readonly _tag: "Interaction"; readonly interaction: string; readonly event: string }
  | { readonly _tag: "Command"; readonly data: string; readonly enter: boolean; readonly reply: boolean }
  | { readonly _tag: "Link"; readonly url: string }
  | {
      readonly _tag: "Refused"
      readonly because: "NoMessage" | "NoButton" | "Permission" | "Recalled"
      readonly tip?: string
    }

const records = (value: unknown): ReadonlyArray<Content.Body> =>
  Array.isArray(value) ? (value as ReadonlyArray<unknown>).filter(Content.isRecord) : []

const fieldOf = (value: unknown, name: string): unknown => (Content.isRecord(value) ? value[name] : undefined)

const textOf = (value: unknown): string => (typeof value === "string" ? value : "")

/** The buttons below a message, from its body, in the order in which users see them. */
const buttonsOf = (body: Content.Body): ReadonlyArray<Content.Body> =>
  records(fieldOf(fieldOf(body["keyboard"], "content"), "rows")).flatMap((row) => records(row["buttons"]))

const answersTo =
  (name: string) =>
  (button: Content.Body): boolean =>
    button["id"] === name ||
    fieldOf(button["action"], "data") === name ||
    fieldOf(button["render_data"], "label") === name

const isAllowed = (action: unknown, { role = "member", user }: Press): boolean => {
  const permission = fieldOf(action, "permission")
  switch (fieldOf(permission, "type")) {
    case 0: {
      const ids = fieldOf(permission, "specify_user_ids")
      return Array.isArray(ids) && ids.includes(user)
    }
    case 1:
      return role !== "member"
    case 3: {
      const ids: unknown = fieldOf(permission, "specify_role_ids")
      const own = role === "owner" ? "4" : role === "admin" ? "2" : "11"
      return Array.isArray(ids) && ids.includes(own)
    }
    default:
      return true
  }
}

const placeOf = (scene: Scene, target: string, user: string, guild: string): Content.Body => {
  switch (scene) {
    case "c2c":
      return { scene: "c2c", chat_type: 2, user_openid: target }
    case "group":
      return { scene: "group", chat_type: 1, group_openid: target, group_member_openid: user }
    case "channel":
      return { scene: "guild", chat_type: 0, guild_id: guild, channel_id: target }
    case "dm":
      return { scene: "guild", chat_type: 0, guild_id: target, channel_id: `${target}0`, direct_message: true }
  }
}

/**
 * Presses a button. `guildOf` names the guild of a channel.
 *
 * @since 0.1.0
 * @category constructors
 */
export const press = (
  platform: Platform,
  guildOf: (channel: string) => string | undefined,
  dispatch: (now: number, type: string, d: unknown) => string,
  now: number,
  pressed: Press
): Pressed => {
  const message = platform.sent.entries.findLast(({ id }) => id === pressed.message)
  if (message === undefined) return { _tag: "Refused", because: "NoMessage" }
  if (message.recalledAt !== undefined) return { _tag: "Refused", because: "Recalled" }
  const button = buttonsOf(message.body).find(answersTo(pressed.button))
  if (button === undefined) return { _tag: "Refused", because: "NoButton" }
  const { action } = button
  if (!isAllowed(action, pressed)) {
    return { _tag: "Refused", because: "Permission", tip: textOf(fieldOf(action, "unsupport_tips")) }
  }
  const data = textOf(fieldOf(action, "data"))
  const type = fieldOf(action, "type")
  if (type === 0) return { _tag: "Link", url: data }
  if (type === 2) {
    // the client heeds `enter` in private chats alone
    const enter = fieldOf(action, "enter") === true && message.scene === "c2c"
    return { _tag: "Command", data, enter, reply: fieldOf(action, "reply") === true }
  }
  const count = platform.count("interaction").toString(16).padStart(12, "0")
  const interaction = `19c2a7f0-7b54-4e0d-9a35-${count}`
  const isGuild = Content.isGuild(message.scene)
  const event = dispatch(now, "INTERACTION_CREATE", {
    application_id: platform.settings.appId,
    id: interaction,
    type: 11,
    version: 1,
    timestamp: platform.timestamp(now),
    ...placeOf(message.scene, message.target, pressed.user, guildOf(message.target) ?? defaultGuild),
    data: {
      type: 11,
      resolved: {
        button_data: data,
        button_id: textOf(button["id"]),
        ...(isGuild ? { user_id: pressed.user, message_id: message.id } : {})
      }
    }
  })
  return { _tag: "Interaction", interaction, event }
}
