/**
 * What a bot may answer: messages by `msg_id`, some events by `event_id`, buttons by their interaction. Each has a window
 * and a budget, and remembers the sequence numbers it was answered with.
 *
 * Source: `send.html` and the event pages of the platform's documentation of 2026. The life of an event id is not
 * published: it is taken to be that of a message of the same scene (chosen).
 *
 * @since 0.1.0
 */
import * as BoundedMap from "./BoundedMap.ts"
import type { Scene } from "./Journal.ts"
import type { Platform } from "./Platform.ts"
import type { ErrorCode } from "./Reply.ts"

/** The events that can be answered by their id, by scene. */
const repliable: { readonly [S in Scene]: ReadonlySet<string> } = {
  c2c: new Set(["INTERACTION_CREATE", "C2C_MSG_RECEIVE", "FRIEND_ADD"]),
  group: new Set(["INTERACTION_CREATE", "GROUP_ADD_ROBOT", "GROUP_MSG_RECEIVE"])
}

const messageTypes: { readonly [type: string]: Scene } = {
  C2C_MESSAGE_CREATE: "c2c",
  GROUP_AT_MESSAGE_CREATE: "group",
  GROUP_MESSAGE_CREATE: "group"
}

interface Anchor {
  readonly scene: Scene
  readonly target: string
  readonly at: number
  readonly isRepliable: boolean
  used: number
  readonly sequences: Set<number>
}

/**
 * A button that was pressed.
 *
 * @since 0.1.0
 * @category models
 */
export interface Interaction {
  readonly at: number
  acknowledged: boolean
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Anchors {
  /** Takes note of an event that goes out. Returns where it happened, if that is a conversation the model knows. */
  readonly remember: (
    now: number,
    event: { readonly id: string; readonly type: string; readonly d: unknown }
  ) => { readonly scene: Scene; readonly target: string } | undefined
  /**
   * Whether this reply may be sent, in the order in which the platform looks: the id, its window, the pair of id and
   * sequence number, the budget.
   */
  readonly check: (now: number, reply: ReplyTo) => ErrorCode | undefined
  /** Spends one reply. */
  readonly spend: (reply: ReplyTo) => void
  readonly interaction: (id: string) => Interaction | undefined
}

/**
 * What a passive message answers, and where it is going.
 *
 * @since 0.1.0
 * @category models
 */
export interface ReplyTo {
  readonly by: "msg_id" | "event_id"
  readonly id: string
  readonly sequence: number
  readonly scene: Scene
  readonly target: string
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const textOf = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined)

const placeOf = (
  d: Readonly<Record<string, unknown>>
): { readonly scene: Scene; readonly target: string } | undefined => {
  const group = textOf(d["group_openid"])
  if (group !== undefined) return { scene: "group", target: group }
  const author = isRecord(d["author"]) ? d["author"] : {}
  const user = textOf(d["user_openid"]) ?? textOf(d["openid"]) ?? textOf(author["user_openid"])
  return user === undefined ? undefined : { scene: "c2c", target: user }
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (platform: Platform): Anchors => {
  const { anchorLimit, windows } = platform.settings
  const messages = BoundedMap.make<Anchor>(anchorLimit)
  const events = BoundedMap.make<Anchor>(anchorLimit)
  const interactions = BoundedMap.make<Interaction>(anchorLimit)
  const find = (reply: ReplyTo): Anchor | undefined =>
    reply.by === "msg_id" ? messages.get(reply.id) : events.get(reply.id)

  return {
    remember: (now, event) => {
      if (!isRecord(event.d)) return undefined
      const id = textOf(event.d["id"])
      if (event.type === "INTERACTION_CREATE" && id !== undefined) {
        interactions.set(id, { at: now, acknowledged: false })
      }
      const place = placeOf(event.d)
      if (place === undefined) return undefined
      const anchor = (isRepliable: boolean): Anchor => ({
        ...place,
        at: now,
        isRepliable,
        used: 0,
        sequences: new Set()
      })
      events.set(event.id, anchor(repliable[place.scene].has(event.type)))
      // Twins bring one message id twice: its budget is one all the same.
      if (messageTypes[event.type] === place.scene && id !== undefined && messages.get(id) === undefined) {
        messages.set(id, anchor(true))
      }
      return place
    },
    check: (now, reply) => {
      const isMessage = reply.by === "msg_id"
      const anchor = find(reply)
      if (anchor === undefined || anchor.scene !== reply.scene || anchor.target !== reply.target) {
        return isMessage ? 40034024 : 40034025
      }
      if (!anchor.isRepliable) return 40034027
      const window = windows[anchor.scene]
      if (now - anchor.at > window.duration) return isMessage ? 40034005 : 40034026
      if (anchor.sequences.has(reply.sequence)) return 40054005
      return anchor.used >= window.replies ? 40034128 : undefined
    },
    spend: (reply) => {
      const anchor = find(reply)
      if (anchor === undefined) return
      anchor.used += 1
      anchor.sequences.add(reply.sequence)
    },
    interaction: (id) => interactions.get(id)
  }
}
