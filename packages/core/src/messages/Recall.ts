/**
 * Recalls messages.
 *
 * @since 0.1.0
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Conversation from "../events/Conversation.ts"
import type { OpenApi } from "../openapi/OpenApi.ts"
import * as ConversationPath from "./ConversationPath.ts"
import type { RateLimit } from "./RateLimit.ts"
import * as SendError from "./SendError.ts"
import * as SendPolicy from "./SendPolicy.ts"

/**
 * Why a message was not recalled.
 *
 * @since 0.1.0
 * @category errors
 */
export type RecallError = SendError.SendError | SendError.RecallExpired

/**
 * A recall refused because the message is too old is a result rather than an error, so that it is not retried.
 */
type Outcome = Option.Option<SendError.RecallExpired>

const unnamed = new SendError.MessageInvalid({
  field: "id",
  detail: "is unknown: the platform returned no id for the message",
  hint: "correct the message"
})

/**
 * Recalls one message by its id, at the rate of the policy.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (services: {
  readonly api: Context.Tag.Service<OpenApi>
  readonly rates: Context.Tag.Service<RateLimit>
  readonly policy: SendPolicy.SendPolicy
}): ((conversation: Conversation.Conversation, id: string | undefined) => Effect.Effect<void, RecallError>) => {
  const { api, policy, rates } = services

  /** `attempt.unanswered`: whether an earlier attempt had no answer. */
  const request = (path: string, attempt: { unanswered: boolean }): Effect.Effect<Outcome, SendError.SendError> =>
    api.request({ method: "DELETE", path, timeout: policy.timeout }).pipe(
      Effect.as<Outcome>(Option.none()),
      Effect.catchAll((error): Effect.Effect<Outcome, SendError.SendError> => {
        if (error._tag === "ApiError" && error.class === "recall_expired") {
          const { code, errCode, hint, message: detail, traceId } = error
          return Effect.succeedSome(new SendError.RecallExpired({ code, errCode, traceId, detail, hint }))
        }
        const failed = SendError.fromOpenApi(error)
        if (failed._tag === "AlreadySent" || failed._tag === "UnderAudit") return Effect.succeedNone
        // a message that is gone after an attempt without an answer was recalled by that attempt
        return failed._tag === "MessageRejected" && attempt.unanswered ? Effect.succeedNone : Effect.fail(failed)
      }),
      Effect.tapErrorTag("DeliveryUnknown", () =>
        Effect.sync(() => {
          attempt.unanswered = true
        })
      )
    )

  const turn = (conversation: Conversation.Conversation): Effect.Effect<void, SendError.RateLimited> =>
    Effect.catchTag(
      rates.turn({ operation: "recall", conversation, proactive: false }, policy.maximumElapsed),
      "TurnTooLate",
      ({ wait }) =>
        new SendError.RateLimited({ detail: "too many recalls", hint: "wait, then try again", retryAfter: wait })
    )

  return (conversation, id) =>
    Effect.suspend(() => {
      if (id === undefined || id === "") return unnamed
      const attempt = { unanswered: false }
      return Effect.zipRight(turn(conversation), request(ConversationPath.message(conversation, id), attempt)).pipe(
        Effect.retry(SendPolicy.retries(policy, true)),
        Effect.flatMap((expired) => (Option.isSome(expired) ? Effect.fail(expired.value) : Effect.void))
      )
    })
}
