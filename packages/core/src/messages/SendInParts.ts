/**
 * Sends a message in parts, one after another. If a part is refused as too long, it and the parts after it are cut again.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Fallback from "./Fallback.ts"
import * as Message from "./Message.ts"
import * as MessageParts from "./MessageParts.ts"
import * as MessageSequence from "./MessageSequence.ts"
import type { Receipt } from "./Receipt.ts"
import * as Remedies from "./Remedies.ts"
import type { EarlierReply } from "./ReplyNaming.ts"
import * as SendError from "./SendError.ts"
import type { SendPlan } from "./SendPlan.ts"
import type { SendPolicy } from "./SendPolicy.ts"

/**
 * Sends one part, with its own attempts.
 *
 * @since 0.1.0
 * @category models
 */
export type Send = (plan: SendPlan, variant: Fallback.MessageVariant) => Effect.Effect<Receipt, SendError.SendError>

const tooManyParts = (parts: number, sent: number): SendError.MessageInvalid =>
  new SendError.MessageInvalid({
    field: "content",
    detail: `would take ${parts} parts, more than ${MessageSequence.maximumParts}`,
    hint: sent === 0 ? "shorten it, or send a file; nothing was sent" : `shorten it; its first ${sent} parts were sent`
  })

/** The changes of a part that the whole message does not have. */
const addedBy = (part: Fallback.MessageVariant, whole: Fallback.MessageVariant): ReadonlyArray<Fallback.Fallback> =>
  part.applied.filter((change) => !whole.applied.includes(change))

/** Sends one part, in the variant in which an earlier run has sent it. */
const sendPart = (
  send: Send,
  plan: SendPlan,
  whole: Fallback.MessageVariant,
  parts: ReadonlyArray<MessageParts.Part>,
  index: number,
  earlier: EarlierReply | undefined
): Effect.Effect<Receipt, SendError.SendError> => {
  const part = parts[index] as MessageParts.Part
  const message = MessageParts.messageOf(whole.message, parts, index)
  const number = earlier?.variants.get(index + 1) ?? whole.variant
  const own = number === whole.variant ? { ...whole, message } : Fallback.ofVariant(message, number)
  const { digest } = plan
  const length = Message.textOf(whole.message)?.length ?? 0
  const text =
    digest === undefined ? undefined : MessageParts.encode({ ...part, digest, variant: whole.variant, length })
  return send(
    { ...plan, text, source: undefined, part: index + 1 },
    { ...own, applied: [...whole.applied, "split", ...addedBy(own, whole)] }
  )
}

/**
 * Sends messages in parts by this policy. `earlier`: the parts that an earlier run has sent. `undefined` if the message
 * cannot be cut.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make =
  (policy: SendPolicy, send: Send) =>
  (
    plan: SendPlan,
    variant: Fallback.MessageVariant,
    earlier: EarlierReply | undefined
  ): Effect.Effect<Receipt, SendError.SendError> | undefined => {
    const resumed = earlier === undefined ? undefined : MessageParts.resumed(variant.message, earlier.stored)
    const cut: MessageParts.Plan =
      resumed === undefined ? MessageParts.plan(variant.message, policy.partLength) : { _tag: "Parts", parts: resumed }
    if (cut._tag === "Indivisible") return undefined
    if (cut._tag === "TooMany") return tooManyParts(cut.count, 0)
    return Effect.gen(function* () {
      const receipts: Array<Receipt> = []
      let { parts } = cut
      while (receipts.length < parts.length) {
        if (parts.length > MessageSequence.maximumParts) return yield* tooManyParts(parts.length, receipts.length)
        const index = receipts.length
        const sent = yield* Effect.either(sendPart(send, plan, variant, parts, index, earlier))
        if (sent._tag === "Right") {
          receipts.push(sent.right)
          continue
        }
        const failed = SendError.withPart(sent.left, { number: index + 1, of: parts.length })
        if (!Remedies.isTooLong(sent.left) || policy.onTooLong !== "split") return yield* failed
        const next = MessageParts.again(variant.message, parts, index)
        if (next._tag === "Indivisible") return yield* failed
        if (next._tag === "TooMany") return yield* tooManyParts(next.count, receipts.length)
        parts = next.parts
        yield* Effect.logInfo(`${sent.left.message}; cutting it again, into parts of ${parts[index]?.limit} at most`)
      }
      const [head] = receipts
      return {
        ...(head as Receipt),
        deduplicated: receipts.every(({ deduplicated }) => deduplicated),
        parts: receipts
      }
    })
  }
