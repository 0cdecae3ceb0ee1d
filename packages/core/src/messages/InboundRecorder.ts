/**
 * What sending needs from received events: what can be replied to, and the decisions of moderation. A port that the gateway
 * calls with each dispatch.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { OwnMessages } from "../events/OwnMessages.ts"
import * as Anchor from "./Anchor.ts"
import * as AuditOutcomes from "./AuditOutcomes.ts"
import { ReplyLedger } from "./ReplyLedger.ts"

/**
 * What the service does.
 *
 * @since 0.1.0
 * @category models
 */
export interface InboundRecorderShape {
  /** Records one dispatch. Synchronous, because it is called from a socket's callback; never throws. */
  readonly dispatched: (dispatch: Anchor.Dispatch) => void
}

/**
 * The port between what receives events and what sends messages.
 *
 * @since 0.1.0
 * @category tags
 */
export class InboundRecorder extends Context.Tag("@effect-qq/core/InboundRecorder")<
  InboundRecorder,
  InboundRecorderShape
>() {}

/**
 * Records dispatches in the ledger and the audit outcomes.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<InboundRecorderShape, never, ReplyLedger | AuditOutcomes.AuditOutcomes> = Effect.gen(
  function* () {
    const ledger = yield* ReplyLedger
    const audits = yield* AuditOutcomes.AuditOutcomes
    const own = yield* OwnMessages
    return {
      dispatched: (dispatch) => {
        const parts = Anchor.partsOfDispatch(dispatch)
        if (parts !== undefined) return ledger.receiveParts(parts)
        const outcome = AuditOutcomes.ofDispatch(dispatch)
        if (outcome === undefined) return
        // a held message gets its id only with the decision
        if (outcome._tag === "Passed") own.sent(outcome.messageId)
        audits.decided(outcome)
      }
    }
  }
)

/**
 * Records dispatches in the ledger and the audit outcomes.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<InboundRecorder, never, ReplyLedger | AuditOutcomes.AuditOutcomes> = Layer.effect(
  InboundRecorder,
  make
)
