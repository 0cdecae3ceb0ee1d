/**
 * Plans a message before its first request: uploads its media, waits while the session reconnects, finds out whether an
 * earlier run has sent the same reply, and chooses the variant to begin with.
 *
 * @since 0.1.0
 */
import type * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Conversation from "../events/Conversation.ts"
import * as Monotonic from "../internal/Monotonic.ts"
import type { SessionAvailability } from "../openapi/SessionAvailability.ts"
import type { Anchor } from "./Anchor.ts"
import * as Fallback from "./Fallback.ts"
import * as MediaSource from "./MediaSource.ts"
import type * as Message from "./Message.ts"
import type { ReplyKey } from "./MessageSequence.ts"
import type { Receipt } from "./Receipt.ts"
import type { ReplyLedgerShape } from "./ReplyLedger.ts"
import * as ReplyNaming from "./ReplyNaming.ts"
import * as SendAttempts from "./SendAttempts.ts"
import * as SendError from "./SendError.ts"
import type { SendPlan } from "./SendPlan.ts"
import * as TextDigest from "./TextDigest.ts"

/**
 * What planning needs.
 *
 * @since 0.1.0
 * @category models
 */
export interface Services extends Omit<SendAttempts.Services, "refusals"> {
  readonly ledger: ReplyLedgerShape
  readonly availability: Context.Tag.Service<SessionAvailability>
}

/**
 * Plans messages and sends them.
 *
 * @since 0.1.0
 * @category models
 */
export interface MessagePlanner {
  /** `whole`: the message of which this is the rest, after a part of it was streamed. */
  readonly reply: (
    anchor: Anchor,
    message: Message.Message,
    name: ReplyKey | undefined,
    whole: Message.Message
  ) => Effect.Effect<Receipt, SendError.SendError>
  /** With an anchor as a reply to it, for as long as the anchor can be replied to. */
  readonly send: (
    conversation: Conversation.Conversation,
    message: Message.Message,
    anchor: Anchor | undefined
  ) => Effect.Effect<Receipt, SendError.SendError>
  /** Goes on once the session does not reconnect, at the latest after the policy's `hold`. */
  readonly held: <A, E, R>(
    conversation: Conversation.Conversation,
    next: () => Effect.Effect<A, E, R>
  ) => Effect.Effect<A, E, R>
}

/** A plan before the ledger was asked about it. */
type Unnamed = Omit<SendPlan, "digest" | "text" | "source" | "part">

/**
 * Plans messages with these services.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (services: Services): MessagePlanner => {
  const { availability, clock, ledger, policy, uploads } = services
  const refusals = Fallback.makeRefusals(policy, Duration.toMillis(policy.refusalsRemembered))
  const attempts = SendAttempts.make({ ...services, refusals })
  const digestOf = TextDigest.make()

  const settled = (conversation: Conversation.Conversation): Effect.Effect<unknown> =>
    Effect.zipRight(
      Effect.logDebug(`session reconnecting: holding a message to ${conversation._tag}`),
      Effect.timeoutOption(availability.settled, policy.hold)
    )

  const held: MessagePlanner["held"] = (conversation, next) =>
    Effect.flatMap(availability.current, (state) =>
      state === "Reconnecting" ? Effect.flatMap(settled(conversation), next) : next()
    )

  const first = (plan: SendPlan, message: Message.Message): Effect.Effect<Receipt, SendError.SendError> => {
    const written = Fallback.asWritten(message)
    const scene = Conversation.sceneOf(plan.conversation)
    return attempts.send(plan, refusals.avoid(scene, written, Monotonic.unsafeMillis(clock)))
  }

  /** What an earlier run of the same handler has sent of this reply decides the variant. */
  const known = (
    plan: SendPlan & { readonly anchor: Anchor },
    name: ReplyKey,
    digest: string,
    message: Message.Message
  ): Effect.Effect<Receipt, SendError.SendError> =>
    Effect.flatMap(ledger.replies(plan.anchor), (replies) =>
      replies.size === 0
        ? first(plan, message)
        : Effect.flatMap(ledger.texts(plan.anchor), (texts) => {
            const distinct = ReplyNaming.distinct(name, digest, texts)
            const named = distinct === name ? plan : { ...plan, name: distinct }
            const earlier = ReplyNaming.earlier(distinct, digest, replies, texts)
            if (earlier === undefined) return first(named, message)
            const variant = Fallback.ofVariant(message, earlier.variant)
            return earlier.part === 0 ? attempts.send(named, variant) : attempts.resume(named, variant, earlier)
          })
    )

  /** The message is ready: its media is uploaded. */
  const plan = (
    unnamed: Unnamed,
    message: Message.Message,
    whole: Message.Message,
    source: MediaSource.MediaSource | undefined
  ): Effect.Effect<Receipt, SendError.SendError> => {
    const { anchor, conversation, name, onExhausted, onExpired } = unnamed
    const digest = name === undefined ? undefined : digestOf(whole, Conversation.sceneOf(conversation))
    // field by field, as for receipts
    const made = { conversation, anchor, name, digest, text: digest, source, part: 0, onExpired, onExhausted }
    return name === undefined || digest === undefined || anchor === undefined
      ? first(made, message)
      : known({ ...made, anchor }, name, digest, message)
  }

  const start = (
    unnamed: Unnamed,
    message: Message.Message,
    whole: Message.Message
  ): Effect.Effect<Receipt, SendError.SendError> => {
    const { conversation } = unnamed
    const media = message._tag === "Media" && message.media._tag !== "Uploaded" ? message.media : undefined
    const source = media !== undefined && MediaSource.isRepeatable(media) ? media : undefined
    if (media === undefined || (conversation._tag !== "C2C" && conversation._tag !== "Group")) {
      return held(conversation, () => plan(unnamed, message, whole, source))
    }
    return Effect.flatMap(uploads.upload(conversation, media), (uploaded) => {
      const ready = { ...message, media: uploaded } as Message.Message
      return held(conversation, () => plan(unnamed, ready, whole === message ? ready : whole, source))
    })
  }

  return {
    held,
    reply: (anchor, message, name, whole) => {
      // an input notice cannot be sent proactively
      const isNotice = message._tag === "InputNotify"
      const onExpired = isNotice ? "fail" : policy.onExpired
      const onExhausted = isNotice ? "fail" : policy.onExhausted
      return start({ conversation: anchor.conversation, anchor, name, onExpired, onExhausted }, message, whole)
    },
    send: (conversation, message, anchor) => {
      const isNotice = message._tag === "InputNotify"
      if (isNotice && anchor === undefined) {
        return new SendError.MessageInvalid({
          field: "_tag",
          detail: "is InputNotify, and nothing was received that it could be a reply to",
          hint: "correct the message"
        })
      }
      // the caller did not ask for a reply: without an anchor the message is proactive
      const instead = isNotice ? "fail" : "proactive"
      const unnamed = { conversation, anchor, name: undefined, onExpired: instead, onExhausted: instead } as const
      return start(unnamed, message, message)
    }
  }
}
