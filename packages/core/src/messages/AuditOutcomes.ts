/**
 * The decisions of moderation on held messages: a port that the receiving side fills and that senders wait on.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as Layer from "effect/Layer"
import { fieldsOf, textOf } from "../internal/Wire.ts"
import type { Dispatch } from "./Anchor.ts"

/**
 * The decision on one message.
 *
 * @since 0.1.0
 * @category models
 */
export type AuditOutcome =
  | {
      readonly _tag: "Passed"
      readonly auditId: string
      /** The platform's id of the message. */
      readonly messageId: string | undefined
    }
  | { readonly _tag: "Rejected"; readonly auditId: string }

/**
 * What the service does.
 *
 * @since 0.1.0
 * @category models
 */
export interface AuditOutcomesShape {
  /** Records a decision. Synchronous, because it is called from a socket's callback. */
  readonly decided: (outcome: AuditOutcome) => void
  /** Waits for the decision on this audit id; earlier decisions are remembered. */
  readonly outcome: (auditId: string) => Effect.Effect<AuditOutcome>
}

/**
 * The decisions about one bot's messages.
 *
 * @since 0.1.0
 * @category tags
 */
export class AuditOutcomes extends Context.Tag("@effect-qq/core/AuditOutcomes")<AuditOutcomes, AuditOutcomesShape>() {}

/**
 * Maximum number of decisions remembered, and of audit ids that are waited for: 1024.
 *
 * @since 0.1.0
 * @category constants
 */
export const capacity = 1024

/**
 * No decision yet. A decision may arrive before the answer with its audit id, so each is kept until the other arrives.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<AuditOutcomesShape> = Effect.sync(() => {
  const decisions = new Map<string, Deferred.Deferred<AuditOutcome>>()
  const waiting = new Map<string, number>()
  const slot = (auditId: string): Deferred.Deferred<AuditOutcome> => {
    const known = decisions.get(auditId)
    if (known !== undefined) return known
    const fresh = Deferred.unsafeMake<AuditOutcome>(FiberId.none)
    decisions.set(auditId, fresh)
    for (const id of decisions.keys()) {
      if (decisions.size <= capacity) break
      if (!waiting.has(id)) decisions.delete(id)
    }
    return fresh
  }
  const leave = (auditId: string): void => {
    const others = (waiting.get(auditId) ?? 1) - 1
    if (others > 0) waiting.set(auditId, others)
    else waiting.delete(auditId)
  }
  return {
    decided: (outcome) => Deferred.unsafeDone(slot(outcome.auditId), Effect.succeed(outcome)),
    outcome: (auditId) =>
      Effect.acquireUseRelease(
        Effect.sync(() => {
          waiting.set(auditId, (waiting.get(auditId) ?? 0) + 1)
          return slot(auditId)
        }),
        Deferred.await,
        () => Effect.sync(() => leave(auditId))
      )
  }
})

/**
 * The decisions about one bot's messages.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<AuditOutcomes> = Layer.effect(AuditOutcomes, make)

/**
 * The decision in a dispatch: MESSAGE_AUDIT_PASS and MESSAGE_AUDIT_REJECT, intent `MESSAGE_AUDIT`. `undefined` for
 * anything else. Never throws.
 *
 * @since 0.1.0
 * @category decoding
 */
export const ofDispatch = (dispatch: Dispatch): AuditOutcome | undefined => {
  if (dispatch.t !== "MESSAGE_AUDIT_PASS" && dispatch.t !== "MESSAGE_AUDIT_REJECT") return undefined
  const d = fieldsOf(dispatch.d)
  const auditId = textOf(d["audit_id"])
  if (auditId === undefined) return undefined
  return dispatch.t === "MESSAGE_AUDIT_PASS"
    ? { _tag: "Passed", auditId, messageId: textOf(d["message_id"]) }
    : { _tag: "Rejected", auditId }
}
