/**
 * One handler for whatever is meant for the bot, in private chats, groups and guilds alike.
 *
 * A group that lets the bot read everything sends what addresses the bot only as GROUP_MESSAGE_CREATE, with `is_you` in the
 * mention; other groups only as GROUP_AT_MESSAGE_CREATE; some send both. A handler of one of these types is deaf in groups of
 * the other kind.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as Event from "../events/Event.ts"
import * as MessageView from "../events/MessageView.ts"
import * as Scene from "../events/Scene.ts"
import * as Handlers from "./Handlers.ts"

/**
 * How a handler of messages is run, and of which.
 *
 * @since 0.1.0
 * @category models
 */
export interface MessageOptions<E> extends Handlers.HandlerOptions<Event.MessageEvent["t"], E> {
  /** The scenes whose messages are handled. The bot connects with the intents of these. Default: all four. */
  readonly scenes?: ReadonlyArray<Scene.Scene> | undefined
  /**
   * Whether only messages that address the bot are handled: those of private chats, and those that mention it. `false`: every
   * message the bot is sent, which in channels needs the intent GUILD_MESSAGES of private-domain bots. Default `true`.
   */
  readonly addressed?: boolean | undefined
}

type MessageType = Event.MessageEvent["t"]

/** The types of a scene, those that always address the bot first. */
const typesOf: { readonly [S in Scene.Scene]: readonly [addressed: MessageType, any?: MessageType] } = {
  c2c: ["C2C_MESSAGE_CREATE"],
  group: ["GROUP_AT_MESSAGE_CREATE", "GROUP_MESSAGE_CREATE"],
  channel: ["AT_MESSAGE_CREATE", "MESSAGE_CREATE"],
  dm: ["DIRECT_MESSAGE_CREATE"]
}

/**
 * A Layer that registers a handler for messages, with one view of all of them; `message.event` is the event. A message that
 * comes as two types is handled once. As {@link Handlers.on} in everything else.
 *
 * Messages that do not address the bot cost no run and take no place in the queue of their conversation.
 *
 * @example
 * ```ts
 * import { Gateway, Message, Messenger } from "@effect-qq/core"
 *
 * const Echo = Gateway.onMessage(({ event, text }) => Messenger.reply(event, Message.text(`you said: ${text}`)), {
 *   scenes: ["c2c", "group"]
 * })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const onMessage = <E, R>(
  handler: (message: MessageView.MessageView) => Effect.Effect<unknown, E, R>,
  options: MessageOptions<E> = {}
): Layer.Layer<never, never, Exclude<R, Scope.Scope> | Handlers.HandlerRegistry> => {
  const { addressed = true, scenes = Scene.all, ...rest } = options
  const types = [...new Set(scenes)].flatMap((scene) => typesOf[scene].filter((type) => type !== undefined))
  return Handlers.onAccepted(types, (event) => handler(MessageView.of(event)), {
    ...rest,
    name: rest.name ?? "onMessage",
    subscribes: addressed ? types.filter((type) => type !== "MESSAGE_CREATE") : types,
    // it is asked for events of its types only
    accepts: addressed ? (event) => MessageView.isAddressed(event as Event.MessageEvent) : undefined
  })
}
