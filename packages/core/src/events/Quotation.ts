/**
 * The messages inside of a message: what it quotes, what those quote, and parallel messages. The payload is read as it came on
 * the wire, element by element: one that cannot be read hides no other.
 *
 * Source: `autogen/event/c2c_message_create` of the platform's documentation of 2026 for `msg_elements`; `parallel_message` with
 * `msg_nodes` is reported of messages of type 101; a node is read as an element.
 *
 * @since 0.1.0
 */
import { type Fields, fieldsOf, listOf, textOf } from "../internal/Wire.ts"
import * as ChatMessage from "./ChatMessage.ts"
import { reader } from "./Payload.ts"

/**
 * Everything that the messages inside of a message say.
 *
 * @since 0.1.0
 * @category models
 */
export interface Quotation {
  /** The author of the first of them. */
  readonly author: ChatMessage.Author | undefined
  /** The index of the first of them: `REFIDX_…`. */
  readonly index: string | undefined
  /** In the order in which users see them, a message before what it quotes. */
  readonly texts: ReadonlyArray<string>
  readonly attachments: ReadonlyArray<ChatMessage.Attachment>
}

/**
 * How many levels of quotes are read. Users send strangers' payloads: deeper ones are cut off.
 *
 * @since 0.1.0
 * @category constants
 */
export const maximumDepth = 16

/**
 * Maximum number of messages, and of attachments, that are read inside of one message.
 *
 * @since 0.1.0
 * @category constants
 */
export const maximumCount = 256

const readAttachment = reader(ChatMessage.Attachment)
const readAuthor = reader(ChatMessage.Author)

/**
 * The attachments of a list on the wire that can be read.
 *
 * @since 0.1.0
 * @category decoding
 */
export const attachmentsIn = (value: unknown, atMost = maximumCount): ReadonlyArray<ChatMessage.Attachment> => {
  const attachments: Array<ChatMessage.Attachment> = []
  for (const each of listOf(value)) {
    if (attachments.length >= atMost) break
    const attachment = {}
    if (readAttachment(each, attachment) === undefined) attachments.push(attachment)
  }
  return attachments
}

const authorIn = (value: unknown): ChatMessage.Author | undefined => {
  if (value === undefined || value === null) return undefined
  const author = {}
  return readAuthor(value, author) === undefined ? author : undefined
}

const insideOf = (message: Fields): ReadonlyArray<unknown> => [
  ...listOf(message["msg_elements"]).slice(0, maximumCount),
  ...listOf(fieldsOf(message["parallel_message"])["msg_nodes"]).slice(0, maximumCount)
]

/**
 * What the messages inside of a payload say; `undefined` where there are none. Never throws, whatever the payload.
 *
 * @since 0.1.0
 * @category decoding
 */
export const read = (payload: unknown): Quotation | undefined => {
  const texts: Array<string> = []
  const attachments: Array<ChatMessage.Attachment> = []
  let first: Fields | undefined
  let left = maximumCount
  const visit = (messages: ReadonlyArray<unknown>, depth: number): void => {
    for (const each of messages) {
      const message = fieldsOf(each)
      if (left === 0) return
      left--
      if (message !== each) continue
      first ??= message
      const content = message["content"]
      const text = content === "" ? "" : textOf(content)
      if (text !== undefined) texts.push(text)
      attachments.push(...attachmentsIn(message["attachments"], maximumCount - attachments.length))
      if (depth < maximumDepth) visit(insideOf(message), depth + 1)
    }
  }
  visit(insideOf(fieldsOf(payload)), 1)
  return first === undefined
    ? undefined
    : { author: authorIn(first["author"]), index: textOf(first["msg_idx"]), texts, attachments }
}
