/**
 * Whom something came from, and where: for what is kept per user or per conversation.
 *
 * @since 0.1.0
 */
import type * as Event from "../events/Event.ts"
import * as Interaction from "../events/Interaction.ts"
import * as MessageView from "../events/MessageView.ts"
import * as Conversation from "../events/Conversation.ts"

/**
 * What has an author and a conversation: a message, as an event or as a view; the press of a button; the call of a command
 * or of a callback.
 *
 * @since 0.1.0
 * @category models
 */
export type Subject =
  | Event.MessageEvent
  | Event.InteractionCreate
  | MessageView.MessageView
  | { readonly event: Event.MessageEvent | Event.InteractionCreate }

/**
 * What something is kept per: a user, wherever it writes; a conversation; or a user in one conversation.
 *
 * The ids that the platform gives a user in private chats, groups and guilds are different ones, so one person counts as
 * another one in another kind of scene.
 *
 * @since 0.1.0
 * @category models
 */
export type Per = "user" | "conversation" | "member"

const eventOf = (subject: Subject): Event.MessageEvent | Event.InteractionCreate =>
  "t" in subject ? subject : subject.event

/** The author's id; empty where the payload names none. */
const authorOf = (event: Event.MessageEvent | Event.InteractionCreate): string =>
  event.t === "INTERACTION_CREATE" ? (Interaction.view(event).user ?? "") : MessageView.of(event).author.id

const isOfGuild = (event: Event.MessageEvent | Event.InteractionCreate): boolean => {
  switch (event.t) {
    case "INTERACTION_CREATE":
      return Interaction.view(event).scene === "guild"
    case "C2C_MESSAGE_CREATE":
    case "GROUP_AT_MESSAGE_CREATE":
    case "GROUP_MESSAGE_CREATE":
      return false
    default:
      return true
  }
}

/**
 * A text that names the user, the conversation or the user in the conversation. Of an event that names no author all count as
 * one user of their conversation.
 *
 * @since 0.1.0
 * @category lookups
 */
export const keyOf = (subject: Subject, per: Per): string => {
  const event = eventOf(subject)
  const conversation = Conversation.keysOf(event)[0] ?? "nowhere"
  if (per === "conversation") return conversation
  const author = authorOf(event)
  const user = `${isOfGuild(event) ? "guild" : "chat"}:${author}`
  return per === "user" && author !== "" ? user : `${conversation}/${user}`
}

/**
 * What tells one event from another: the id of the message or of the interaction.
 *
 * @since 0.1.0
 * @category lookups
 */
export const idOf = (subject: Subject): string => eventOf(subject).id
