/**
 * What makes a message a reply: the `msg_id` of a message that was received or, for some events that are no messages, the
 * `event_id` of their frame. A message with neither is proactive.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Option from "effect/Option"
import * as Conversation from "../events/Conversation.ts"
import type * as Event from "../events/Event.ts"
import * as Scene from "../events/Scene.ts"
import { type Fields, fieldsOf, textOf } from "../internal/Wire.ts"

/**
 * Something that can be replied to. Values with the same content are equal.
 *
 * @since 0.1.0
 * @category models
 */
export interface Anchor {
  readonly _tag: "Anchor"
  readonly kind: "msg_id" | "event_id"
  readonly id: string
  readonly conversation: Conversation.Conversation
}

/**
 * An anchor of any id, such as a message id that was stored elsewhere.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (anchor: Omit<Anchor, "_tag">): Anchor =>
  Data.struct({ _tag: "Anchor", kind: anchor.kind, id: anchor.id, conversation: anchor.conversation })

/**
 * The parts of an anchor.
 *
 * @since 0.1.0
 * @category models
 */
export interface Parts {
  readonly kind: "msg_id" | "event_id"
  readonly id: string
  readonly scene: Conversation.Scene
  /** The other side of the conversation; see `Conversation.targetOf`. */
  readonly target: string
}

/**
 * The parts of an anchor.
 *
 * @since 0.1.0
 * @category conversions
 */
export const partsOf = ({ conversation, id, kind }: Anchor): Parts => ({
  kind,
  id,
  scene: Conversation.sceneOf(conversation),
  target: Conversation.targetOf(conversation)
})

/**
 * Whether a value is an anchor.
 *
 * @since 0.1.0
 * @category guards
 */
export const isAnchor = (value: { readonly _tag?: unknown }): value is Anchor => value._tag === "Anchor"

/**
 * The fields of a dispatch that matter here: a frame of the gateway, or a body of the webhook.
 *
 * @since 0.1.0
 * @category models
 */
export interface Dispatch {
  readonly t?: string | undefined
  readonly id?: string | undefined
  readonly d?: unknown
}

const userOf = (d: Fields): string | undefined => {
  const author = fieldsOf(d["author"])
  return textOf(author["user_openid"]) ?? textOf(author["id"])
}

/** The other side of the conversation in which a message of each scene was written. */
const targetIn: { readonly [S in Conversation.Scene]: (d: Fields) => string | undefined } = {
  c2c: userOf,
  group: (d) => textOf(d["group_openid"]),
  channel: (d) => textOf(d["channel_id"]),
  dm: (d) => textOf(d["guild_id"])
}

const repliable = {
  INTERACTION_CREATE: ["c2c", "group"],
  FRIEND_ADD: ["c2c"],
  C2C_MSG_RECEIVE: ["c2c"],
  GROUP_ADD_ROBOT: ["group"],
  GROUP_MSG_RECEIVE: ["group"],
  MESSAGE_REACTION_ADD: ["channel"],
  MESSAGE_REACTION_REMOVE: ["channel"]
} as const satisfies { readonly [T in Event.EventType]?: ReadonlyArray<Conversation.Scene> }

/**
 * The events that can be replied to by the id of the event, and in which scenes.
 *
 * Source: the event pages of the platform's documentation of 2026. Events of forums and of members of guilds can be replied to
 * as well, but not where they happened: a forum takes no messages, and a member is in no channel. For those, {@link make} an
 * anchor of the event's id and a channel.
 *
 * @since 0.1.0
 * @category constants
 */
export const repliableEvents: ReadonlyMap<string, ReadonlySet<Conversation.Scene>> = new Map(
  Object.entries(repliable).map(([type, scenes]) => [type, new Set<Conversation.Scene>(scenes)])
)

/**
 * An event that is no message and can be replied to, where it happened in a scene that {@link repliableEvents} names.
 *
 * @since 0.1.0
 * @category models
 */
export type RepliableEvent = Event.EventOf<keyof typeof repliable>

/** Where an event that is no message happened. */
const placeOf = (d: Fields): readonly [Conversation.Scene, string] | undefined => {
  const group = textOf(d["group_openid"])
  if (group !== undefined) return ["group", group]
  const user = textOf(d["user_openid"]) ?? textOf(d["openid"])
  if (user !== undefined) return ["c2c", user]
  const channel = textOf(d["channel_id"])
  return channel === undefined ? undefined : ["channel", channel]
}

/**
 * The parts of the anchor of a dispatch; `undefined` if it cannot be replied to, or lacks a field that this needs. Never
 * throws, whatever the payload.
 *
 * @since 0.1.0
 * @category lookups
 */
export const partsOfDispatch = (dispatch: Dispatch): Parts | undefined => {
  const type = dispatch.t ?? ""
  const scene = Scene.ofMessages.get(type)
  if (scene !== undefined) {
    const d = fieldsOf(dispatch.d)
    const id = textOf(d["id"])
    const target = targetIn[scene](d)
    return id === undefined || target === undefined ? undefined : { kind: "msg_id", id, scene, target }
  }
  const scenes = repliableEvents.get(type)
  const id = textOf(dispatch.id)
  if (scenes === undefined || id === undefined) return undefined
  const place = placeOf(fieldsOf(dispatch.d))
  return place === undefined || !scenes.has(place[0])
    ? undefined
    : { kind: "event_id", id, scene: place[0], target: place[1] }
}

/**
 * The anchor of a dispatch; none if it cannot be replied to, or lacks a field that this needs. Never throws, whatever the
 * payload.
 *
 * @since 0.1.0
 * @category constructors
 */
export const ofDispatch = (dispatch: Dispatch): Option.Option<Anchor> => {
  const parts = partsOfDispatch(dispatch)
  if (parts === undefined) return Option.none()
  const { id, kind, scene, target } = parts
  return Option.some(make({ kind, id, conversation: Conversation.make(scene, target) }))
}

/**
 * The anchor of an event: a message is replied to by its id, one of {@link repliableEvents} by the id of the event. None for
 * other events.
 *
 * @example
 * ```ts
 * import { Anchor, Event, Message, Messenger } from "@effect-qq/core"
 * import { Effect, Option } from "effect"
 *
 * const answer = (event: Event.Event) =>
 *   Option.match(Anchor.ofEvent(event), {
 *     onNone: () => Effect.void,
 *     onSome: (anchor) => Messenger.reply(anchor, Message.text("noted"))
 *   })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const ofEvent = (event: Event.Event): Option.Option<Anchor> => ofDispatch(event.envelope)

/**
 * The anchor of a message.
 *
 * @since 0.1.0
 * @category constructors
 */
export const ofMessage = (event: Event.MessageEvent): Anchor =>
  make({ kind: "msg_id", id: event.id, conversation: Conversation.ofEvent(event) })
