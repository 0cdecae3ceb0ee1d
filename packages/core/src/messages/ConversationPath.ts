/**
 * The paths of the endpoints of a conversation.
 *
 * @since 0.1.0
 */
import * as Conversation from "../events/Conversation.ts"
import * as Path from "../openapi/Path.ts"

/** The path under which a conversation's endpoints are. */
const basePath = (conversation: Conversation.Conversation): string =>
  `${Path.prefixes[Conversation.sceneOf(conversation)]}${Path.encode(Conversation.targetOf(conversation))}`

/**
 * The path of the endpoint that takes messages for a conversation.
 *
 * @since 0.1.0
 * @category lookups
 */
export const messages = (conversation: Conversation.Conversation): string => `${basePath(conversation)}/messages`

/**
 * The path of one message, which a recall deletes.
 *
 * @since 0.1.0
 * @category lookups
 */
export const message = (conversation: Conversation.Conversation, id: string): string =>
  `${messages(conversation)}/${Path.encode(id)}`

/**
 * The path of the endpoint that takes streamed text: private chats only.
 *
 * @since 0.1.0
 * @category lookups
 */
export const stream = (conversation: Conversation.C2C): string => `${basePath(conversation)}/stream_messages`

/**
 * The paths of the endpoints that take files, whole or in parts: private chats and groups only.
 *
 * @since 0.1.0
 * @category lookups
 */
export const files = (
  conversation: Conversation.C2C | Conversation.Group,
  endpoint: "files" | "upload_prepare" | "upload_part_finish" = "files"
): string => `${basePath(conversation)}/${endpoint}`
