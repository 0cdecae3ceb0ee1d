/**
 * What a bot says, as a value.
 *
 * @since 0.1.0
 */

/**
 * A message to be sent.
 *
 * @since 0.1.0
 * @category models
 */
export type Message = Text

/**
 * Plain text.
 *
 * @since 0.1.0
 * @category models
 */
export interface Text {
  readonly _tag: "Text"
  readonly content: string
}

/**
 * Plain text. Empty text is refused when it is sent, with `MessageRejected` and without a request.
 *
 * @example
 * ```ts
 * import { Message } from "@effect-qq/core"
 *
 * const greeting: Message.Text = Message.text("hello")
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const text = (content: string): Text => ({ _tag: "Text", content })

/**
 * The body of a request for a private chat or a group, without what makes it a reply.
 *
 * Source: `server-inter/message/send-receive/send.md` of the platform's documentation; `msg_type` 0 is text.
 *
 * @since 0.1.0
 * @category encoding
 */
export const toBody = (message: Message): { readonly msg_type: number; readonly content: string } => ({
  msg_type: 0,
  content: message.content
})
