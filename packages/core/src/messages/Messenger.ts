/**
 * Sends messages: replies that arrive once, and messages of the bot's own accord.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import type * as Event from "../events/Event.ts"
import * as HandlerRun from "../events/HandlerRun.ts"
import { OpenApi } from "../openapi/OpenApi.ts"
import * as Conversation from "./Conversation.ts"
import * as Message from "./Message.ts"
import * as MessageSequence from "./MessageSequence.ts"
import * as SendError from "./SendError.ts"
import * as SendPolicy from "./SendPolicy.ts"

/**
 * What is known of a message that was sent.
 *
 * @since 0.1.0
 * @category models
 */
export interface Receipt {
  /** The platform's id of the message; `undefined` when it had it already, or did not say. */
  readonly id: string | undefined
  /** The platform's time of the message, as it wrote it. */
  readonly timestamp: string | undefined
  readonly conversation: Conversation.Conversation
  /** Whether it was sent as a reply. */
  readonly via: "passive" | "proactive"
  /** How often it was sent until the platform had it. */
  readonly attempts: number
  /** Whether the platform said that it had this reply already. */
  readonly deduplicated: boolean
}

/**
 * @since 0.1.0
 * @category models
 */
export interface ReplyOptions {
  /**
   * Names this reply among the replies of its handler to the event, so that it is the same reply however often and in
   * whatever order it is made. Default: which reply of the run it is. Needed where replies are made concurrently.
   */
  readonly key?: string | undefined
}

/**
 * What the service does.
 *
 * @since 0.1.0
 * @category models
 */
export interface MessengerShape {
  /**
   * Answers a message. Retries are safe: the platform shows a reply once. After the window has closed the message goes
   * out once as a proactive one, unless an earlier attempt may have been delivered.
   */
  readonly reply: (
    event: Event.MessageEvent,
    message: Message.Message,
    options?: ReplyOptions
  ) => Effect.Effect<Receipt, SendError.SendError>
  /** Writes unasked. Never sent again after an attempt whose outcome is unknown. */
  readonly send: (
    conversation: Conversation.Conversation,
    message: Message.Message
  ) => Effect.Effect<Receipt, SendError.SendError>
}

/**
 * The sender of one bot.
 *
 * @since 0.1.0
 * @category tags
 */
export class Messenger extends Context.Tag("@effect-qq/core/Messenger")<Messenger, MessengerShape>() {}

/**
 * Messages by outcome, tagged with `outcome`: `passive`, `proactive`, or the tag of the error.
 *
 * @since 0.1.0
 * @category metrics
 */
export const messagesSent: Metric.Metric.Counter<number> = Metric.counter("qq_messages_sent", {
  description: "Messages by outcome",
  incremental: true
})

const text = (value: unknown, name: string): string | undefined => {
  if (typeof value !== "object" || value === null) return undefined
  const found = (value as Readonly<Record<string, unknown>>)[name]
  return typeof found === "string" ? found : typeof found === "number" ? String(found) : undefined
}

const checked = (message: Message.Message): Effect.Effect<void, SendError.MessageRejected> =>
  message.content === ""
    ? new SendError.MessageRejected({ class: "empty", detail: "content is empty", hint: "give the message some text" })
    : Effect.void

/** An attempt that may have been delivered must not be followed by anything that could be seen twice. */
const afterUnknown = (error: SendError.MsgIdExpired): SendError.DeliveryUnknown =>
  new SendError.DeliveryUnknown({
    code: error.code,
    errCode: error.errCode,
    traceId: error.traceId,
    detail: `an attempt had no answer, and then ${error.message}`,
    hint: "look whether the message is there before sending it again"
  })

/**
 * A sender with this policy.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (policy: SendPolicy.SendPolicy): Effect.Effect<MessengerShape, never, OpenApi> =>
  Effect.gen(function* () {
    const api = yield* OpenApi
    let lastTimed: number | undefined

    const timedSequence = Effect.map(Clock.currentTimeMillis, (now) => {
      lastTimed = MessageSequence.forTime(now, lastTimed)
      return lastTimed
    })

    /** A reply inside a handler has a name that lasts; outside of one it has only its time. */
    const sequenceFor = (options: ReplyOptions | undefined): Effect.Effect<number> =>
      Effect.flatMap(
        HandlerRun.CurrentRun,
        Option.match({
          onNone: () => timedSequence,
          onSome: (run) =>
            Effect.sync(() =>
              MessageSequence.forReply({
                handler: run.handler,
                key: options?.key ?? run.nextReply(),
                part: 0,
                variant: 0
              })
            )
        })
      )

    const deliver = (
      conversation: Conversation.Conversation,
      message: Message.Message,
      anchor: { readonly msg_id: string; readonly msg_seq: number } | undefined
    ) =>
      Effect.suspend(() => {
        const via: Receipt["via"] = anchor === undefined ? "proactive" : "passive"
        let attempts = 0
        let unknown = false
        const attempt = Effect.suspend(() => {
          attempts++
          return api.request({
            method: "POST",
            path: Conversation.messagesPath(conversation),
            body: { ...Message.toBody(message), ...anchor }
          })
        }).pipe(
          Effect.map(({ body }): Receipt => ({
            id: text(body, "id"),
            timestamp: text(body, "timestamp"),
            conversation,
            via,
            attempts,
            deduplicated: false
          })),
          Effect.mapError(SendError.fromOpenApi),
          Effect.catchTag("AlreadySent", (already) =>
            anchor === undefined
              ? new SendError.MessageRejected({ ...already, class: "duplicate" })
              : Effect.succeed<Receipt>({
                  id: undefined,
                  timestamp: undefined,
                  conversation,
                  via,
                  attempts,
                  deduplicated: true
                })
          ),
          Effect.tapErrorTag("DeliveryUnknown", () =>
            Effect.sync(() => {
              unknown = true
            })
          ),
          Effect.retry(SendPolicy.retries(policy, anchor !== undefined))
        )
        return Effect.catchTag(attempt, "MsgIdExpired", (error) => Effect.fail(unknown ? afterUnknown(error) : error))
      })

    const proactively = (
      conversation: Conversation.Conversation,
      message: Message.Message,
      expired: SendError.MsgIdExpired
    ) =>
      Effect.logInfo(`${expired.message}; sending it proactively`).pipe(
        Effect.zipRight(deliver(conversation, message, undefined)),
        Effect.catchTag("ProactiveRefused", (refused) => new SendError.ProactiveRefused({ ...refused, expired }))
      )

    const counted = (effect: Effect.Effect<Receipt, SendError.SendError>) =>
      effect.pipe(
        Effect.tap(({ via }) => Metric.increment(Metric.tagged(messagesSent, "outcome", via))),
        Effect.tapError(({ _tag }) => Metric.increment(Metric.tagged(messagesSent, "outcome", _tag)))
      )

    return Messenger.of({
      reply: (event, message, options) =>
        Effect.gen(function* () {
          yield* checked(message)
          const conversation = Conversation.ofEvent(event)
          const anchor = { msg_id: event.id, msg_seq: yield* sequenceFor(options) }
          const sent = deliver(conversation, message, anchor)
          return yield* policy.onExpired === "fail"
            ? sent
            : Effect.catchTag(sent, "MsgIdExpired", (expired) => proactively(conversation, message, expired))
        }).pipe(counted, Effect.withSpan("Messenger.reply", { attributes: { "qq.event": event.t } })),
      send: (conversation, message) =>
        Effect.zipRight(checked(message), deliver(conversation, message, undefined)).pipe(
          counted,
          Effect.withSpan("Messenger.send", { attributes: { "qq.scene": conversation._tag } })
        )
    })
  })

/**
 * A sender with the default policy.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<Messenger, never, OpenApi> = Layer.effect(Messenger, make(SendPolicy.defaults))

/**
 * A sender with a policy of one's own.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerWith = (policy: Partial<SendPolicy.SendPolicy>): Layer.Layer<Messenger, never, OpenApi> =>
  Layer.effect(Messenger, make({ ...SendPolicy.defaults, ...policy }))

/**
 * Answers a message; see {@link MessengerShape.reply}.
 *
 * @example
 * ```ts
 * import { Gateway, Message, Messenger } from "@effect-qq/core"
 *
 * const Echo = Gateway.on("C2C_MESSAGE_CREATE", (event) => Messenger.reply(event, Message.text(event.content)))
 * ```
 *
 * @since 0.1.0
 * @category accessors
 */
export const reply = (
  event: Event.MessageEvent,
  message: Message.Message,
  options?: ReplyOptions
): Effect.Effect<Receipt, SendError.SendError, Messenger> =>
  Effect.flatMap(Messenger, (messenger) => messenger.reply(event, message, options))

/**
 * Writes unasked; see {@link MessengerShape.send}.
 *
 * @since 0.1.0
 * @category accessors
 */
export const send = (
  conversation: Conversation.Conversation,
  message: Message.Message
): Effect.Effect<Receipt, SendError.SendError, Messenger> =>
  Effect.flatMap(Messenger, (messenger) => messenger.send(conversation, message))
