/**
 * What users do with buttons, menus and settings of the bot.
 *
 * Sources: `autogen/event/interaction_create` of the platform's documentation of 2026, `msg-btn.md` of 2025; 2001 and 2002
 * from the openclaw-qqbot plugin.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { optional } from "./Payload.ts"
import * as Timestamp from "./Timestamp.ts"

/**
 * What was done, in `type`.
 *
 * @since 0.1.0
 * @category constants
 */
export const Type = {
  /** A button with a callback was pressed. Wants to be acknowledged within three seconds. */
  Button: 11,
  /** An entry of the menu of a private chat was chosen. Wants to be acknowledged within three seconds. */
  Menu: 12,
  /** A message was liked, or not. */
  Feedback: 13,
  ClearSession: 14,
  /** A story was entered, or left. */
  Story: 15,
  SwitchModel: 16,
  /** A user granted something, or took it back. */
  UserAuthorization: 18,
  /** A group granted something, or took it back. */
  GroupAuthorization: 19,
  GroupAuthorizationStatus: 20,
  ConfigQuery: 2001,
  ConfigUpdate: 2002
} as const

/**
 * Where something was done, in `chat_type`.
 *
 * @since 0.1.0
 * @category constants
 */
export const ChatType = { Guild: 0, Group: 1, C2C: 2 } as const

const authorizationFields = {
  /** `setting` or `dialog`. */
  opt_scene: optional(Schema.String),
  /** `c2c_push` or `group_push`. */
  scope: optional(Schema.String)
}

const resolvedSceneFields = { ext: optional(Schema.Array(Schema.String)) }

const resolvedFields = {
  /** What the button was made with. */
  button_data: optional(Schema.String),
  button_id: optional(Schema.String),
  /** Who did it, in guilds. */
  user_id: optional(Schema.String),
  /** The entry of the menu. */
  feature_id: optional(Schema.String),
  /** The message with the button, in guilds. */
  message_id: optional(Schema.String),
  /** `LIKE` or `UNLIKE`. */
  feedback_opt: optional(Schema.String),
  checked: optional(Schema.Unknown),
  action: optional(Schema.Unknown),
  message_scene: optional(Schema.Struct(resolvedSceneFields)),
  authorize_data: optional(Schema.Struct(authorizationFields))
}

const dataFields = {
  /** As `type`; 9 is a search, in old documentation. */
  type: optional(Schema.Number),
  resolved: optional(Schema.Struct(resolvedFields))
}

const interactionFields = {
  /** What an acknowledgement names: each once. It is not the id that a reply names. */
  id: Schema.String,
  application_id: optional(Schema.String),
  /** See {@link Type}. */
  type: optional(Schema.Number),
  /** `c2c`, `group` or `guild`. */
  scene: optional(Schema.String),
  /** See {@link ChatType}. Absent from 18 on. */
  chat_type: optional(Schema.Number),
  /** RFC 3339. */
  timestamp: optional(Schema.String),
  user_openid: optional(Schema.String),
  group_openid: optional(Schema.String),
  /** Who did it, in groups. */
  group_member_openid: optional(Schema.String),
  guild_id: optional(Schema.String),
  channel_id: optional(Schema.String),
  data: optional(Schema.Struct(dataFields)),
  version: optional(Schema.Number)
}

/**
 * The payload of INTERACTION_CREATE.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Interaction: Schema.Schema<Interaction> = Schema.Struct(interactionFields)

/**
 * The payload of INTERACTION_CREATE.
 *
 * @since 0.1.0
 * @category models
 */
export interface Interaction extends Schema.Struct.Type<typeof interactionFields> {}

/**
 * Whether the platform waits for an acknowledgement: until one comes, or its own time is up, the user sees a spinning wheel.
 *
 * @since 0.1.0
 * @category lookups
 */
export const wantsAcknowledgement = (interaction: Pick<Interaction, "type" | "data">): boolean => {
  const type = interaction.type ?? interaction.data?.type
  return type === Type.Button || type === Type.Menu
}

/**
 * An interaction in one form, whatever its scene. What it does not have is `undefined`.
 *
 * @since 0.1.0
 * @category models
 */
export interface InteractionView {
  readonly id: string
  /** See {@link Type}. */
  readonly type: number | undefined
  readonly scene: "c2c" | "group" | "guild" | undefined
  /** Where it was done: the openid of the user or of the group, or the id of the channel. */
  readonly target: string | undefined
  /** Who did it: an openid of the user or of the member, or the user's id in guilds. */
  readonly user: string | undefined
  readonly button: { readonly id: string | undefined; readonly data: string | undefined } | undefined
  /** The entry of the menu. */
  readonly feature: string | undefined
  readonly feedback: "LIKE" | "UNLIKE" | undefined
  /** The message that had the button, or got the feedback. */
  readonly messageId: string | undefined
  readonly authorization: { readonly scene: string | undefined; readonly scope: string | undefined } | undefined
  /** Milliseconds since 1970. */
  readonly time: number | undefined
  readonly wantsAcknowledgement: boolean
}

/** Absent, `null` and empty are the same to a reader. */
const present = (text: string | null | undefined): string | undefined =>
  text === null || text === "" ? undefined : text

const sceneOf = (interaction: Interaction): InteractionView["scene"] => {
  const { chat_type: chatType, scene } = interaction
  if (scene === "c2c" || scene === "group" || scene === "guild") return scene
  if (chatType === ChatType.C2C) return "c2c"
  if (chatType === ChatType.Group) return "group"
  if (chatType === ChatType.Guild) return "guild"
  if (present(interaction.group_openid) !== undefined) return "group"
  if (present(interaction.channel_id) !== undefined) return "guild"
  return present(interaction.user_openid) === undefined ? undefined : "c2c"
}

/**
 * The view of an interaction. Never throws.
 *
 * @example
 * ```ts
 * import { Gateway, Interaction, Message, Messenger } from "@effect-qq/core"
 * import { Effect } from "effect"
 *
 * const Vote = Gateway.on("INTERACTION_CREATE", (event) => {
 *   const { button, user } = Interaction.view(event)
 *   return button === undefined ? Effect.void : Messenger.reply(event, Message.text(`${user}: ${button.data}`))
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const view = (interaction: Interaction): InteractionView => {
  const resolved = interaction.data?.resolved ?? {}
  const scene = sceneOf(interaction)
  const buttonId = present(resolved.button_id)
  const buttonData = present(resolved.button_data)
  const feedback = resolved.feedback_opt
  const authorization = resolved.authorize_data
  const user = present(interaction.user_openid)
  const member = present(interaction.group_member_openid)
  const guildUser = present(resolved.user_id)
  const targets = {
    c2c: user,
    group: present(interaction.group_openid),
    guild: present(interaction.channel_id)
  }
  return {
    id: interaction.id,
    type: interaction.type ?? interaction.data?.type ?? undefined,
    scene,
    target: scene === undefined ? undefined : targets[scene],
    user: member ?? user ?? guildUser,
    button: buttonId === undefined && buttonData === undefined ? undefined : { id: buttonId, data: buttonData },
    feature: present(resolved.feature_id),
    feedback: feedback === "LIKE" || feedback === "UNLIKE" ? feedback : undefined,
    messageId: present(resolved.message_id),
    authorization:
      authorization === undefined || authorization === null
        ? undefined
        : { scene: present(authorization.opt_scene), scope: present(authorization.scope) },
    time: Timestamp.toMillis(interaction.timestamp),
    wantsAcknowledgement: wantsAcknowledgement(interaction)
  }
}
