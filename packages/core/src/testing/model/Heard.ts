/**
 * Messages of users: for an admin bot that recalls them, and for users who quote them.
 *
 * Source: the recall page of the platform's documentation of 2026 (an admin bot recalls what ordinary members of a group
 * said; 40062003 where the bot or the author's role does not allow it) and the recall page of channels (306004). The two
 * minutes are taken to hold for members' messages too, and a private chat to keep what the user said (both chosen).
 *
 * @since 0.1.0
 */
import * as BoundedMap from "./BoundedMap.ts"
import * as Content from "./Content.ts"
import type { Scene } from "./Journal.ts"
import type { Platform } from "./Platform.ts"
import type { ErrorCode } from "./Reply.ts"

/** A message can be recalled for this long, in milliseconds. */
export const recallWindow = 120_000

/** The roles of a guild whose messages a bot cannot recall: admin, owner and admin of a channel. */
const guildAdmins: ReadonlySet<unknown> = new Set(["2", "4", "5"])

/**
 * A message of a user.
 *
 * @since 0.1.0
 * @category models
 */
export interface HeardMessage {
  readonly id: string
  readonly scene: Scene
  readonly target: string
  /** In epoch milliseconds. */
  readonly at: number
  readonly text: string
  /** An ordinary member, whose messages an admin may recall. */
  readonly isMember: boolean
  isRecalled: boolean
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Heard {
  /** Stores a message with the payload of its event. */
  readonly remember: (message: {
    readonly id: string
    readonly scene: Scene
    readonly target: string
    readonly at: number
    readonly text: string
    readonly d: Content.Body
  }) => void
  /**
   * Recalls a message of a user: the code that refuses it, or `undefined` once it is recalled. `unknown` for a message that is
   * not of this conversation.
   */
  readonly recall: (now: number, scene: Scene, target: string, id: string) => ErrorCode | undefined | "unknown"
  /** The payload fields of a message that quotes this one. An unknown message is quoted without its content. */
  readonly quotation: (scene: Scene, id: string, ownIndex: string | undefined) => Content.Body
}

/** The index that quotations name a message of a user or a group by: it is part of the message's id. */
const indexOf = (id: string): string => `REFIDX_${/(?:c2c|grp|out)\d{12}/.exec(id)?.[0] ?? id}=`

const isOrdinary = (scene: Scene, d: Content.Body): boolean => {
  if (scene === "group") {
    const author = Content.isRecord(d["author"]) ? d["author"] : {}
    return (author["member_role"] ?? "member") === "member"
  }
  const member = Content.isRecord(d["member"]) ? d["member"] : {}
  const roles: ReadonlyArray<unknown> = Array.isArray(member["roles"]) ? member["roles"] : []
  return !roles.some((role) => guildAdmins.has(role))
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (platform: Platform): Heard => {
  const messages = BoundedMap.make<HeardMessage>(platform.settings.anchorLimit)

  return {
    remember: ({ at, d, id, scene, target, text }) =>
      messages.set(id, { id, scene, target, at, text, isMember: isOrdinary(scene, d), isRecalled: false }),
    recall: (now, scene, target, id) => {
      const message = messages.get(id)
      if (message === undefined || message.scene !== scene || message.target !== target) return "unknown"
      const isGuild = Content.isGuild(scene)
      if (message.isRecalled) return 40061002
      const isShared = scene === "group" || scene === "channel"
      if (!isShared || !message.isMember) return isGuild ? 306004 : 40062003
      if (now - message.at > recallWindow) return isGuild ? 306011 : 40064004
      message.isRecalled = true
      return undefined
    },
    quotation: (scene, id, ownIndex) => {
      if (Content.isGuild(scene)) return { message_reference: { message_id: id } }
      const sent = platform.sent.entries.findLast((message) => message.id === id)
      const content = sent?.content ?? messages.get(id)?.text
      const index = indexOf(id)
      return {
        message_type: 103,
        msg_elements: [{ msg_idx: index, message_type: 0, ...(content === undefined ? {} : { content }) }],
        message_scene: {
          source: "default",
          ext: [`ref_msg_idx=${index}`, ...(ownIndex === undefined ? [] : [`msg_idx=${ownIndex}`])]
        }
      }
    }
  }
}
