/**
 * The payloads of what users say, in the shapes of the platform's event pages.
 *
 * Source: `autogen/event/c2c_message_create` and `group_at_message_create` of 2026; the fields of a mention from AstrBot
 * and the openclaw-qqbot plugin.
 *
 * @since 0.1.0
 */
import type { Scene } from "./Journal.ts"
import type { Platform } from "./Platform.ts"

/**
 * Something that a user says.
 *
 * In a group, `at` (default true) means that the bot is addressed, which comes as GROUP_AT_MESSAGE_CREATE with a leading
 * space; `full` (default: not `at`) means that the group lets the bot receive all its messages, which comes as
 * GROUP_MESSAGE_CREATE. Both together bring the same message twice, as on the real platform. `fields` are put over the
 * payload's own.
 *
 * @since 0.1.0
 * @category models
 */
export type Said =
  | {
      readonly scene: "c2c"
      /** The openid of the user. */
      readonly user: string
      readonly text: string
      readonly username?: string | undefined
      readonly attachments?: ReadonlyArray<Readonly<Record<string, unknown>>> | undefined
      readonly fields?: Readonly<Record<string, unknown>> | undefined
    }
  | {
      readonly scene: "group"
      /** The openid of the group. */
      readonly group: string
      /** The openid of the member in this group. */
      readonly member: string
      readonly text: string
      readonly username?: string | undefined
      /** Default `member`. */
      readonly role?: "member" | "admin" | "owner" | undefined
      /** Whether a bot says it. Default false. */
      readonly bot?: boolean | undefined
      readonly at?: boolean | undefined
      readonly full?: boolean | undefined
      readonly attachments?: ReadonlyArray<Readonly<Record<string, unknown>>> | undefined
      readonly fields?: Readonly<Record<string, unknown>> | undefined
    }

/**
 * The event that a message brings: more than one when it comes as twins.
 *
 * @since 0.1.0
 * @category models
 */
export interface MessageEvents {
  readonly id: string
  readonly scene: Scene
  readonly target: string
  readonly events: ReadonlyArray<{ readonly type: string; readonly d: Readonly<Record<string, unknown>> }>
}

const number = (value: number): string => value.toString().padStart(12, "0")

/**
 * The events of something that a user says.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (platform: Platform, now: number, said: Said): MessageEvents => {
  const count = number(platform.count("message"))
  const prefix = said.scene === "c2c" ? "c2c" : "grp"
  const id = `ROBOT1.0_${prefix}${count}Qx7vKc2nB9tLwZ4mYp8sRd3fHj6gUaEoIiTq1V5yN0bMk`
  const common = {
    message_type: 0,
    message_scene: { source: "default", ext: [`msg_idx=REFIDX_${prefix}${count}=`] },
    timestamp: platform.timestamp(now),
    ...(said.attachments === undefined ? {} : { attachments: said.attachments })
  }
  if (said.scene === "c2c") {
    const author = {
      id: said.user,
      user_openid: said.user,
      union_openid: "",
      username: said.username ?? "",
      bot: false
    }
    const d = { id, author, content: said.text, ...common, ...said.fields }
    return { id, scene: "c2c", target: said.user, events: [{ type: "C2C_MESSAGE_CREATE", d }] }
  }
  const at = said.at ?? true
  const full = said.full ?? !at
  const body = {
    id,
    author: {
      id: said.member,
      member_openid: said.member,
      member_role: said.role ?? "member",
      username: said.username ?? "",
      bot: said.bot ?? false
    },
    group_id: said.group,
    group_openid: said.group,
    ...common
  }
  const { bot } = platform.settings
  const mention = {
    scope: "single",
    id: bot.openid,
    member_openid: bot.openid,
    username: bot.username,
    bot: true,
    is_you: true
  }
  const addressed = {
    type: "GROUP_AT_MESSAGE_CREATE",
    // The platform cuts off the mention and leaves the space behind it.
    d: { ...body, content: ` ${said.text}`, ...said.fields }
  }
  const overheard = {
    type: "GROUP_MESSAGE_CREATE",
    d: {
      ...body,
      content: at ? `<@${bot.openid}> ${said.text}` : said.text,
      mentions: at ? [mention] : [],
      ...said.fields
    }
  }
  const twin = at && !full && platform.armed.take("Twin") !== undefined
  return {
    id,
    scene: "group",
    target: said.group,
    events: [...(at ? [addressed] : []), ...(full || twin ? [overheard] : [])]
  }
}
