/**
 * Messages that one runner asks another to send: as text, because a message may hold bytes.
 *
 * @since 0.1.0
 */
import { Anchor, Conversation, type Message, type Messenger, SendError } from "@effect-qq/core"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"

/**
 * What is asked for.
 *
 * @since 0.1.0
 * @category models
 */
export type Order =
  | {
      readonly _tag: "Send"
      readonly conversation: Conversation.Conversation
      readonly message: Message.Message
      readonly options: Messenger.SendOptions | undefined
    }
  | {
      readonly _tag: "Reply"
      readonly anchor: Anchor.Anchor
      readonly message: Message.Message
      readonly options: Messenger.ReplyOptions | undefined
    }
  | { readonly _tag: "Recall"; readonly message: Messenger.Recallable }

const bytesField = "$bytes"

/**
 * As text; `undefined` for what cannot leave this process, a stream.
 *
 * @since 0.1.0
 * @category conversions
 */
export const encode = (value: unknown): string | undefined => {
  let isPortable = true
  // the holder has the field as it is: a Buffer given here has been made into something else already
  const replace = function (this: Readonly<Record<string, unknown>>, key: string, field: unknown): unknown {
    const raw = this[key]
    if (raw instanceof Uint8Array) return { [bytesField]: Encoding.encodeBase64(raw) }
    if (typeof raw === "function" || (typeof raw === "object" && raw !== null && "pipe" in raw)) isPortable = false
    return field
  }
  const text = JSON.stringify(value, replace)
  return isPortable ? text : undefined
}

/**
 * From text that {@link encode} wrote.
 *
 * @since 0.1.0
 * @category conversions
 */
export const decode = (text: string): unknown =>
  JSON.parse(text, (_, field: unknown) => {
    if (typeof field !== "object" || field === null || !(bytesField in field)) return field
    return Either.getOrElse(Encoding.decodeBase64(String(field[bytesField])), () => new Uint8Array())
  })

const conversationOf = (conversation: Conversation.Conversation): Conversation.Conversation =>
  Conversation.make(Conversation.sceneOf(conversation), Conversation.targetOf(conversation))

/**
 * An order from text.
 *
 * @since 0.1.0
 * @category conversions
 */
export const orderFrom = (text: string): Order => {
  // written by a runner of the same version, over a connection that only runners have
  const order = decode(text) as Order
  switch (order._tag) {
    case "Send":
      return { ...order, conversation: conversationOf(order.conversation) }
    case "Reply":
      return {
        ...order,
        anchor: Anchor.make({ ...order.anchor, conversation: conversationOf(order.anchor.conversation) })
      }
    case "Recall":
      return { ...order, message: { ...order.message, conversation: conversationOf(order.message.conversation) } }
  }
}

/**
 * Errors of an order.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Failure = Schema.Union(
  SendError.DeliveryUnknown,
  SendError.MessageInvalid,
  SendError.MessageRejected,
  SendError.MsgIdExpired,
  SendError.PermissionDenied,
  SendError.PlatformUnavailable,
  SendError.ProactiveRefused,
  SendError.QuotaExhausted,
  SendError.RateLimited,
  SendError.RecallExpired
)

/**
 * @since 0.1.0
 * @category schemas
 */
export type Failure = typeof Failure.Type

/**
 * Carries out an order.
 *
 * @since 0.1.0
 * @category combinators
 */
export const perform = (messenger: Messenger.MessengerShape, order: Order): Effect.Effect<string, Failure> => {
  const done = (value: unknown): string => encode(value) ?? "null"
  switch (order._tag) {
    case "Send":
      return Effect.map(messenger.send(order.conversation, order.message, order.options), done)
    case "Reply":
      return Effect.map(messenger.reply(order.anchor, order.message, order.options), done)
    case "Recall":
      return Effect.map(messenger.recall(order.message), () => done(null))
  }
}
