/**
 * Sends a plan: attempt after attempt, until the platform takes one or no remedy is left. A text that is too long goes out
 * in parts, each of which has attempts of its own.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Conversation from "../events/Conversation.ts"
import * as Monotonic from "../internal/Monotonic.ts"
import type { Anchor } from "./Anchor.ts"
import * as ConversationPath from "./ConversationPath.ts"
import type * as Fallback from "./Fallback.ts"
import type { MediaShape } from "./Media.ts"
import * as Message from "./Message.ts"
import * as MessageSequence from "./MessageSequence.ts"
import type { Receipt } from "./Receipt.ts"
import * as Remedies from "./Remedies.ts"
import type { ReplyLedgerShape } from "./ReplyLedger.ts"
import type { EarlierReply } from "./ReplyNaming.ts"
import * as SendError from "./SendError.ts"
import * as SendInParts from "./SendInParts.ts"
import * as SendPlan from "./SendPlan.ts"
import type { SendPolicy } from "./SendPolicy.ts"
import type { Accepted, ReplyRef, Transmission } from "./Transmission.ts"

/**
 * What sending needs.
 *
 * @since 0.1.0
 * @category models
 */
export interface Services {
  readonly transmit: (transmission: Transmission) => Effect.Effect<Accepted, SendError.SendError>
  readonly ledger: Pick<ReplyLedgerShape, "newest">
  readonly uploads: MediaShape
  readonly refusals: Fallback.Refusals
  readonly policy: SendPolicy
  readonly clock: Clock.Clock
  /** The `msg_seq` of a message without a name. */
  readonly timedSequence: () => number
}

/**
 * Sends plans.
 *
 * @since 0.1.0
 * @category models
 */
export interface SendAttempts {
  /** Sends a message as this variant, and as others if the policy has remedies for what the platform refuses. */
  readonly send: (
    plan: SendPlan.SendPlan,
    variant: Fallback.MessageVariant
  ) => Effect.Effect<Receipt, SendError.SendError>
  /** Goes on with a message that an earlier run has sent in parts; sends it whole if it cannot be cut. */
  readonly resume: (
    plan: SendPlan.SendPlan,
    variant: Fallback.MessageVariant,
    earlier: EarlierReply
  ) => Effect.Effect<Receipt, SendError.SendError>
}

/** A message that was a reply stays recorded as that reply, whatever it is sent as in the end. */
const recordsOf = (
  planned: Anchor | undefined,
  used: Anchor | undefined,
  sequence: number
): ReadonlyArray<ReplyRef> => {
  if (planned === undefined) return used === undefined ? [] : [{ anchor: used, sequence }]
  const record = { anchor: planned, sequence }
  return used === undefined || used === planned ? [record] : [record, { anchor: used, sequence }]
}

/** How the log describes the attempt that follows a refused one; `undefined` where its own step logs it. */
const described = (attempt: SendPlan.Attempt, next: SendPlan.Attempt): string | undefined => {
  if (next.preparation !== "nothing") return undefined
  if (next.variant !== attempt.variant) return `sending it as ${next.variant.applied.at(-1)}`
  return next.replaced !== attempt.replaced ? "sending it proactively" : undefined
}

/**
 * Sends plans by these services.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (services: Services): SendAttempts => {
  const { clock, ledger, policy, refusals, timedSequence, transmit, uploads } = services
  const remedies = Remedies.make(policy)

  const once = ({ anchor, plan, variant }: SendPlan.Attempt): Effect.Effect<Receipt, SendError.SendError> => {
    const { conversation, name, part } = plan
    const sequence =
      name === undefined
        ? timedSequence()
        : MessageSequence.forReply({ handler: name.handler, key: name.key, part, variant: variant.variant })
    const sending = transmit({
      operation: "send",
      conversation,
      path: ConversationPath.messages(conversation),
      body: Message.toBody(variant.message, Conversation.sceneOf(conversation)),
      anchor,
      sequence,
      records: recordsOf(plan.anchor, anchor, sequence),
      text: plan.text,
      isNamed: name !== undefined
    })
    return Effect.map(sending, (accepted): Receipt => ({
      // field by field: spreading an object and adding to it was the most expensive step of a send
      id: accepted.id,
      timestamp: accepted.timestamp,
      reference: accepted.reference,
      attempts: accepted.attempts,
      deduplicated: accepted.deduplicated,
      audit: accepted.audit,
      conversation,
      via: anchor === undefined ? "proactive" : "passive",
      fallbacks: variant.applied,
      parts: []
    }))
  }

  const run = (attempt: SendPlan.Attempt): Effect.Effect<Receipt, SendError.SendError> =>
    Effect.catchAll(once(attempt), (error) => remedied(attempt, error))

  /** The next attempt after a refusal, or the error if there is none. */
  const remedied = (
    attempt: SendPlan.Attempt,
    error: SendError.SendError
  ): Effect.Effect<Receipt, SendError.SendError> => {
    refusals.note(Conversation.sceneOf(attempt.plan.conversation), error, Monotonic.unsafeMillis(clock))
    const next = Remedies.next(remedies, attempt, error)
    if (Option.isSome(next)) return prepared(attempt, next.value, error)
    return Effect.fail(attempt.replaced === undefined ? error : SendError.withFirst(error, attempt.replaced))
  }

  const prepared = (
    attempt: SendPlan.Attempt,
    next: SendPlan.Attempt,
    error: SendError.SendError
  ): Effect.Effect<Receipt, SendError.SendError> => {
    switch (next.preparation) {
      case "nothing": {
        const description = described(attempt, next)
        return description === undefined
          ? run(next)
          : Effect.zipRight(Effect.logInfo(`${error.message}; ${description}`), run(next))
      }
      case "upload":
        return Effect.flatMap(uploadedAgain(next), run)
      case "event-anchor":
        return Effect.flatMap(
          ledger.newest(next.plan.conversation, "event_id"),
          Option.match({
            onNone: () => Effect.fail(error),
            onSome: (anchor) => run({ ...next, anchor, preparation: "nothing" })
          })
        )
      case "split":
        return inParts(next.plan, next.variant, undefined) ?? Effect.fail(error)
    }
  }

  const uploadedAgain = (attempt: SendPlan.Attempt): Effect.Effect<SendPlan.Attempt, SendError.SendError> => {
    const { plan, variant } = attempt
    const { message } = variant
    const { conversation, source } = plan
    if (message._tag !== "Media" || message.media._tag !== "Uploaded" || source === undefined) {
      return Effect.succeed(attempt)
    }
    return Effect.zipRight(
      uploads.forget(message.media),
      Effect.map(uploads.upload(conversation, source), (media): SendPlan.Attempt => ({
        ...attempt,
        variant: { ...variant, message: { ...message, media } },
        preparation: "nothing"
      }))
    )
  }

  const send: SendAttempts["send"] = (plan, variant) => run(SendPlan.start(plan, variant))
  const inParts = SendInParts.make(policy, send)

  return {
    send,
    resume: (plan, variant, earlier) => inParts(plan, variant, earlier) ?? send(plan, variant)
  }
}
