/**
 * What is tried after the platform refused a message, as data: each remedy is a pure function from the refused attempt to
 * the next one, and the first that applies is used. Each remedy applies at most once to a message, so that the list of
 * attempts is finite.
 *
 * @since 0.1.0
 */
import * as Option from "effect/Option"
import * as Fallback from "./Fallback.ts"
import * as MessageParts from "./MessageParts.ts"
import type { SendError } from "./SendError.ts"
import type { SendPolicy } from "./SendPolicy.ts"
import type { Attempt } from "./SendPlan.ts"

/**
 * The attempt after this error, if this remedy applies to it.
 *
 * @since 0.1.0
 * @category models
 */
export type Remedy = (attempt: Attempt, error: SendError) => Option.Option<Attempt>

/** `file_info` that the platform no longer knows. */
const unknownFile = 304080

/**
 * Whether the text was refused as too long.
 *
 * @since 0.1.0
 * @category guards
 */
export const isTooLong = (error: SendError): boolean => error._tag === "MessageRejected" && error.class === "too_long"

const isDuplicate = (error: SendError): boolean => error._tag === "MessageRejected" && error.class === "duplicate"

/** Whether the platform could not use the uploaded media, so that uploading it again may help. */
const isStaleMedia = (error: SendError): boolean =>
  error._tag === "MessageRejected" &&
  (error.class === "media_retry" || error.code === unknownFile || error.errCode === unknownFile)

/** Plain text, no keyboard, or masked addresses: the rows of `Fallback`. */
const otherVariant =
  (policy: SendPolicy): Remedy =>
  (attempt, error) => {
    const variant = Fallback.next(attempt.variant, error, policy)
    return variant === undefined ? Option.none() : Option.some({ ...attempt, variant, preparation: "nothing" })
  }

/** Two messages without a name may have taken their `msg_seq` from the same millisecond: take another one. */
const otherSequence: Remedy = (attempt, error) =>
  isDuplicate(error) && attempt.plan.name === undefined && attempt.anchor !== undefined && !attempt.hasCollided
    ? Option.some({ ...attempt, hasCollided: true, preparation: "nothing" })
    : Option.none()

const uploadedAgain: Remedy = (attempt, error) => {
  const { plan, variant } = attempt
  const { applied, message } = variant
  const isUploaded = message._tag === "Media" && message.media._tag === "Uploaded"
  return isStaleMedia(error) && isUploaded && plan.source !== undefined && !applied.includes("uploaded-again")
    ? Option.some({
        ...attempt,
        variant: { message, variant: 1, applied: [...applied, "uploaded-again"] },
        preparation: "upload"
      })
    : Option.none()
}

/** A part that is too long is cut again by the sender of the parts, which knows what follows it. */
const inParts =
  (policy: SendPolicy): Remedy =>
  (attempt, error) =>
    isTooLong(error) &&
    policy.onTooLong === "split" &&
    attempt.plan.part === 0 &&
    MessageParts.plan(attempt.variant.message, policy.partLength)._tag !== "Indivisible"
      ? Option.some({ ...attempt, preparation: "split" })
      : Option.none()

/** The anchor can no longer be used: send proactively, or reply to another event. */
const withoutAnchor: Remedy = (attempt, error) => {
  const { anchor, plan, replaced } = attempt
  if (anchor === undefined || replaced !== undefined) return Option.none()
  if (error._tag === "QuotaExhausted" && error.of === "message" && plan.onExhausted === "proactive") {
    return Option.some({ ...attempt, anchor: undefined, replaced: error, preparation: "nothing" })
  }
  if (error._tag !== "MsgIdExpired" || plan.onExpired === "fail") return Option.none()
  return plan.onExpired === "proactive"
    ? Option.some({ ...attempt, anchor: undefined, replaced: error, preparation: "nothing" })
    : Option.some({ ...attempt, replaced: error, preparation: "event-anchor" })
}

/**
 * The remedies of a policy, in the order in which they are tried.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (policy: SendPolicy): ReadonlyArray<Remedy> => [
  otherVariant(policy),
  otherSequence,
  uploadedAgain,
  inParts(policy),
  withoutAnchor
]

/**
 * The attempt of the first remedy that applies; none if the error is final.
 *
 * @since 0.1.0
 * @category decisions
 */
export const next = (remedies: ReadonlyArray<Remedy>, attempt: Attempt, error: SendError): Option.Option<Attempt> => {
  for (const remedy of remedies) {
    const found = remedy(attempt, error)
    if (Option.isSome(found)) return found
  }
  return Option.none()
}
