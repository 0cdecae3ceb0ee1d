/**
 * Sends messages: replies, each of which users see once, and proactive messages.
 *
 * A message is planned (`MessagePlanner`), attempted (`SendAttempts`) as a sequence of variants (`Remedies`), and each variant
 * is transmitted with retries (`Transmission`, `SendRequest`). After an attempt of unknown outcome, nothing is sent that users
 * could see twice; a reply becomes proactive only if the policy says so.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Stream from "effect/Stream"
import { BotConfig } from "../BotConfig.ts"
import * as Conversation from "../events/Conversation.ts"
import * as Event from "../events/Event.ts"
import * as HandlerRun from "../events/HandlerRun.ts"
import { Ownership } from "../gateway/Ownership.ts"
import * as OwnMessages from "../events/OwnMessages.ts"
import { OpenApi } from "../openapi/OpenApi.ts"
import { SessionAvailability } from "../openapi/SessionAvailability.ts"
import * as Tracing from "../openapi/Tracing.ts"
import * as Anchor from "./Anchor.ts"
import { AuditOutcomes } from "./AuditOutcomes.ts"
import { Media } from "./Media.ts"
import * as Message from "./Message.ts"
import * as MessageMetrics from "./MessageMetrics.ts"
import * as MessagePlanner from "./MessagePlanner.ts"
import * as MessageSequence from "./MessageSequence.ts"
import { RateLimit } from "./RateLimit.ts"
import type { Receipt } from "./Receipt.ts"
import * as Recall from "./Recall.ts"
import { ReplyLedger } from "./ReplyLedger.ts"
import * as ReplyNaming from "./ReplyNaming.ts"
import * as SendError from "./SendError.ts"
import type * as SendPolicy from "./SendPolicy.ts"
import * as StreamReply from "./StreamReply.ts"
import * as Transmission from "./Transmission.ts"
import * as Typing from "./Typing.ts"

export type {
  /**
   * @since 0.1.0
   * @category errors
   */
  RecallError
} from "./Recall.ts"

export type {
  /**
   * @since 0.1.0
   * @category models
   */
  AuditPending,
  /**
   * @since 0.1.0
   * @category models
   */
  Receipt
} from "./Receipt.ts"

export type {
  /**
   * @since 0.1.0
   * @category models
   */
  TypingOptions
} from "./Typing.ts"

/**
 * Options of one reply.
 *
 * @since 0.1.0
 * @category models
 */
export interface ReplyOptions {
  /**
   * Identifies this reply among the replies of its handler to the event, so that it stays the same reply across retries and in
   * any order. Another text with the same key is another reply. Default: the number of the reply in its run. Required if a
   * handler replies concurrently.
   */
  readonly key?: string | undefined
}

/**
 * What can be replied to.
 *
 * @since 0.1.0
 * @category models
 */
export type Answerable = Event.MessageEvent | Anchor.RepliableEvent | Anchor.Anchor

/**
 * Options of one message that is not a reply.
 *
 * @since 0.1.0
 * @category models
 */
export interface SendOptions {
  /**
   * `newest`: reply to the last message or event of the conversation, if it can still be replied to, because replies are
   * allowed where proactive messages are not. `none`: send a proactive message. Default `newest`.
   */
  readonly anchor?: "newest" | "none" | undefined
}

/**
 * What can be recalled: a receipt, or a message by its id.
 *
 * @since 0.1.0
 * @category models
 */
export type Recallable = Pick<Receipt, "conversation" | "id"> & Partial<Pick<Receipt, "parts">>

/**
 * What the service does.
 *
 * @since 0.1.0
 * @category models
 */
export interface MessengerShape {
  /**
   * Replies to a message, to another event that can be replied to, or to an `Anchor`. Fails with `MessageInvalid` if the event
   * cannot be replied to, such as an interaction in a guild. Retries are safe in private chats and groups, where the platform
   * shows a reply once; in guilds, whose endpoints take no `msg_seq`, an attempt of unknown outcome is not repeated. After the
   * window has closed, the message is sent once as a proactive message, or as the policy says, unless an earlier attempt may
   * have been delivered.
   */
  readonly reply: (
    event: Answerable,
    message: Message.Message,
    options?: ReplyOptions
  ) => Effect.Effect<Receipt, SendError.SendError>
  /**
   * Sends a message: as a reply to the last message or event of the conversation while that can be replied to, otherwise as a
   * proactive message. A proactive message is never sent again after an attempt of unknown outcome.
   */
  readonly send: (
    conversation: Conversation.Conversation,
    message: Message.Message,
    options?: SendOptions
  ) => Effect.Effect<Receipt, SendError.SendError>
  /**
   * Replies with text while it is being written. In private chats users see it grow; elsewhere they get it once it is
   * complete. If a piece is refused, or has no answer after all retries, the stream is finished with what was shown, and the
   * rest is sent as an ordinary message. If that end is refused too, the platform takes the stream back to its first piece, and
   * the rest follows it. Fails with `DeliveryUnknown` if the end has no answer after all retries: nothing is sent then that
   * users could see twice. An unfinished stream of an earlier run of the handler, also after a crash, is closed and, within the
   * two minutes that the platform allows, recalled before the reply is streamed again.
   */
  readonly replyStream: <E, R>(
    event: Answerable,
    text: Stream.Stream<string, E, R>,
    options?: StreamReply.StreamOptions
  ) => Effect.Effect<Receipt, SendError.SendError | E, R>
  /**
   * Recalls a message; the platform allows it for two minutes. Fails with `MessageInvalid` if the receipt has no id, because
   * the platform had the message already and did not return its id.
   */
  readonly recall: (message: Recallable) => Effect.Effect<void, Recall.RecallError>
  /**
   * Waits until moderation has passed the message, and gives its receipt; at once if moderation did not hold it. The decision
   * is an event of the intent `MESSAGE_AUDIT`, which the bot has to request.
   */
  readonly audited: (
    receipt: Receipt,
    timeout: Duration.DurationInput
  ) => Effect.Effect<Receipt, SendError.AuditRejected | SendError.AuditUndecided>
}

/**
 * The sender of one bot.
 *
 * @since 0.1.0
 * @category tags
 */
export class Messenger extends Context.Tag("@effect-qq/core/Messenger")<Messenger, MessengerShape>() {}

/**
 * The services that a sender needs.
 *
 * @since 0.1.0
 * @category models
 */
export type Requirements = AuditOutcomes | BotConfig | Media | OpenApi | RateLimit | ReplyLedger | SessionAvailability

const invalid = (field: string, detail: string): SendError.MessageInvalid =>
  new SendError.MessageInvalid({ field, detail, hint: "correct the message" })

/** What makes a message invalid before anything is sent. */
const problemOf = (
  conversation: Conversation.Conversation,
  message: Message.Message
): SendError.MessageInvalid | undefined => {
  if (Conversation.targetOf(conversation) === "") return invalid("conversation", "has no target")
  const problem = Message.problem(message, Conversation.sceneOf(conversation))
  return problem === undefined ? undefined : invalid(problem.field, problem.detail)
}

/** The anchor of what is replied to; `undefined` if it cannot be replied to. */
const anchorOf = (event: Answerable): Anchor.Anchor | undefined => {
  if (!("t" in event)) return event
  return Event.isMessage(event) ? Anchor.ofMessage(event) : Option.getOrUndefined(Anchor.ofEvent(event))
}

const notRepliable = (event: Answerable): SendError.MessageInvalid =>
  new SendError.MessageInvalid({
    field: "event",
    detail: `this ${"t" in event ? event.t : event.kind} cannot be replied to`,
    hint: "send the message to a conversation, or reply to an Anchor of your own"
  })

const delivered = {
  passive: MessageMetrics.messagesSent("passive"),
  proactive: MessageMetrics.messagesSent("proactive")
}

const countFailure = (error: unknown): void => {
  const series = SendError.isSendError(error)
    ? MessageMetrics.messagesSent(
        error._tag,
        ("errCode" in error ? error.errCode : undefined) ?? ("code" in error ? error.code : undefined)
      )
    : MessageMetrics.messagesSent("Source")
  series.unsafeUpdate(1, [])
}

/** Counts the outcome of a message. `E` includes the error of a stream's source. */
const counted = <A extends { readonly via: Receipt["via"] }, E, R>(
  effect: Effect.Effect<A, E | SendError.SendError, R>
): Effect.Effect<A, E | SendError.SendError, R> =>
  Effect.matchCauseEffect(effect, {
    onFailure: (cause) => {
      const failure = Cause.failureOption(cause)
      if (Option.isSome(failure)) countFailure(failure.value)
      return Effect.failCause(cause)
    },
    onSuccess: (receipt) => {
      delivered[receipt.via].unsafeUpdate(1, [])
      return Effect.succeed(receipt)
    }
  })

/** Waits for the decision of moderation on a message that it holds. */
const auditedBy =
  (audits: Context.Tag.Service<AuditOutcomes>): MessengerShape["audited"] =>
  (receipt, timeout) =>
    Effect.gen(function* () {
      if (receipt.audit === undefined) return receipt
      const { auditId } = receipt.audit
      const undecided = () => new SendError.AuditUndecided({ auditId, waited: Duration.decode(timeout) })
      if (auditId === undefined) return yield* undecided()
      const outcome = yield* Effect.timeoutFail(audits.outcome(auditId), { duration: timeout, onTimeout: undecided })
      if (outcome._tag === "Rejected") return yield* new SendError.AuditRejected({ auditId })
      return { ...receipt, id: outcome.messageId ?? receipt.id, audit: undefined }
    })

/**
 * A sender with the policy of the configuration; `options` replace fields of it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: Partial<SendPolicy.SendPolicy> = {}
): Effect.Effect<MessengerShape, never, Requirements> =>
  Effect.gen(function* () {
    const policy = { ...(yield* BotConfig).sending, ...options }
    const api = yield* OpenApi
    const ledger = yield* ReplyLedger
    const rates = yield* RateLimit
    const uploads = yield* Media
    const clock = yield* Effect.clock
    const { isHeld } = yield* Ownership
    const own = yield* OwnMessages.OwnMessages
    const transmit = OwnMessages.recording(own, Transmission.make({ api, ledger, rates, policy, clock, isHeld }))
    const timedSequence = MessageSequence.timed(clock)
    const planner = MessagePlanner.make({
      ledger,
      uploads,
      policy,
      clock,
      transmit,
      timedSequence,
      availability: yield* SessionAvailability
    })
    const recallOne = Recall.make({ api, rates, policy })

    const replyTo = (
      anchor: Anchor.Anchor,
      message: Message.Message,
      name: MessageSequence.ReplyKey | undefined,
      whole = message
    ): Effect.Effect<Receipt, SendError.SendError> => {
      const problem = problemOf(anchor.conversation, message)
      if (problem !== undefined) return problem
      return Effect.flatMap(planner.reply(anchor, message, name, whole), (receipt) =>
        receipt.via === "proactive" ? Effect.succeed(receipt) : counting(anchor, receipt)
      )
    }

    /** Counts the replies that the anchor has left. */
    const counting = (anchor: Anchor.Anchor, receipt: Receipt): Effect.Effect<Receipt> =>
      Effect.map(ledger.standing(anchor), ({ repliesLeft }) => {
        if (Number.isFinite(repliesLeft)) MessageMetrics.repliesLeft.unsafeUpdate(repliesLeft, [])
        return receipt
      })

    const sendTo = (
      conversation: Conversation.Conversation,
      message: Message.Message,
      { anchor = "newest" }: SendOptions
    ): Effect.Effect<Receipt, SendError.SendError> => {
      const problem = problemOf(conversation, message)
      if (problem !== undefined) return problem
      if (anchor === "none") return planner.send(conversation, message, undefined)
      return Effect.flatMap(ledger.newest(conversation), (newest) =>
        planner.send(conversation, message, Option.getOrUndefined(newest))
      )
    }

    const streams = StreamReply.make({
      transmit,
      ledger,
      sequence: Effect.sync(timedSequence),
      held: planner.held,
      reply: replyTo,
      recall: recallOne
    })

    return Messenger.of({
      reply: (event, message, options) =>
        Effect.flatMap(HandlerRun.CurrentRun, (run) => {
          const anchor = anchorOf(event)
          if (anchor === undefined) return notRepliable(event)
          // an input notice is not one of the counted replies of a run
          const name = message._tag === "InputNotify" ? undefined : ReplyNaming.of(anchor, options?.key, run)
          return replyTo(anchor, message, name)
        }).pipe(
          counted,
          Tracing.withSpan("Messenger.reply", () => ({
            attributes: { "qq.event": "t" in event ? event.t : event.kind }
          }))
        ),
      send: (conversation, message, options = {}) =>
        Effect.suspend(() => sendTo(conversation, message, options)).pipe(
          counted,
          Tracing.withSpan("Messenger.send", () => ({ attributes: { "qq.scene": conversation._tag } }))
        ),
      replyStream: (event, text, options) =>
        Effect.suspend(() => {
          const anchor = anchorOf(event)
          return anchor === undefined ? notRepliable(event) : streams(anchor, text, options)
        }).pipe(
          counted,
          Tracing.withSpan("Messenger.replyStream", () => ({
            attributes: { "qq.event": "t" in event ? event.t : event.kind }
          }))
        ),
      recall: ({ conversation, id, parts = [] }) =>
        (parts.length === 0
          ? recallOne(conversation, id)
          : Effect.forEach(parts, (part) => recallOne(part.conversation, part.id), { discard: true })
        ).pipe(Tracing.withSpan("Messenger.recall", () => ({ attributes: { "qq.scene": conversation._tag } }))),
      audited: auditedBy(yield* AuditOutcomes)
    })
  })

/**
 * A sender with the policy of the configuration.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<Messenger, never, Requirements> = Layer.effect(Messenger, make())

/**
 * A sender with the policy of the configuration, with some fields replaced.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerWith = (policy: Partial<SendPolicy.SendPolicy>): Layer.Layer<Messenger, never, Requirements> =>
  Layer.effect(Messenger, make(policy))

/**
 * Replies to a message, or to another event that can be replied to; see {@link MessengerShape.reply}.
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
  event: Answerable,
  message: Message.Message,
  options?: ReplyOptions
): Effect.Effect<Receipt, SendError.SendError, Messenger> =>
  Effect.flatMap(Messenger, (messenger) => messenger.reply(event, message, options))

/**
 * Sends a message to a conversation; see {@link MessengerShape.send}.
 *
 * @since 0.1.0
 * @category accessors
 */
export const send = (
  conversation: Conversation.Conversation,
  message: Message.Message,
  options?: SendOptions
): Effect.Effect<Receipt, SendError.SendError, Messenger> =>
  Effect.flatMap(Messenger, (messenger) => messenger.send(conversation, message, options))

/**
 * Replies with text while it is being written; see {@link MessengerShape.replyStream}.
 *
 * @since 0.1.0
 * @category accessors
 */
export const replyStream = <E, R>(
  event: Answerable,
  text: Stream.Stream<string, E, R>,
  options?: StreamReply.StreamOptions
): Effect.Effect<Receipt, SendError.SendError | E, Messenger | R> =>
  Effect.flatMap(Messenger, (messenger) => messenger.replyStream(event, text, options))

/**
 * Does something while the user sees that the bot is typing: notices are renewed while it lasts, never spending the last two
 * replies of the message. In groups and guilds, and for anything but a message, there are none.
 *
 * @example
 * ```ts
 * import { Gateway, Message, Messenger } from "@effect-qq/core"
 * import { Effect } from "effect"
 *
 * const think = Effect.as(Effect.sleep("90 seconds"), "42")
 *
 * const Answer = Gateway.onMessage(({ event }) =>
 *   Effect.flatMap(Messenger.withTyping(event, think), (answer) => Messenger.reply(event, Message.text(answer)))
 * )
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const withTyping = <A, E, R>(
  event: Answerable,
  effect: Effect.Effect<A, E, R>,
  options?: Typing.TypingOptions
): Effect.Effect<A, E, Messenger | ReplyLedger | R> =>
  Effect.flatMap(Effect.all([Messenger, ReplyLedger]), ([messenger, ledger]) => {
    const anchor = "t" in event ? Option.getOrUndefined(Anchor.ofEvent(event)) : event
    const notify = (to: Anchor.Anchor, seconds: number) => messenger.reply(to, Message.inputNotify(seconds))
    return Typing.during(anchor, ledger, notify, effect, options)
  })

/**
 * Recalls a message; see {@link MessengerShape.recall}.
 *
 * @since 0.1.0
 * @category accessors
 */
export const recall = (message: Recallable): Effect.Effect<void, Recall.RecallError, Messenger> =>
  Effect.flatMap(Messenger, (messenger) => messenger.recall(message))

/**
 * Waits for the decision of moderation; see {@link MessengerShape.audited}.
 *
 * @since 0.1.0
 * @category accessors
 */
export const audited = (
  receipt: Receipt,
  timeout: Duration.DurationInput
): Effect.Effect<Receipt, SendError.AuditRejected | SendError.AuditUndecided, Messenger> =>
  Effect.flatMap(Messenger, (messenger) => messenger.audited(receipt, timeout))
