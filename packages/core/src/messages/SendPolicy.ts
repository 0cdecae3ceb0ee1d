/**
 * When a message is sent again, as Schedules over the error of the last attempt.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Schedule from "effect/Schedule"
import type { SendError } from "./SendError.ts"

/**
 * The policy of sending. The defaults are {@link defaults}.
 *
 * @since 0.1.0
 * @category models
 */
export interface SendPolicy {
  /** Retries of an attempt that was surely not sent, or, for replies, whose outcome is unknown. Default 0.5, 1, 2, 5 s. */
  readonly transient: Schedule.Schedule<unknown, SendError>
  /** Retries after the platform asked for fewer messages: as long as it says, else 2, 5, 10, 30 s. */
  readonly rateLimited: Schedule.Schedule<unknown, SendError>
  /** All retries of one message end after this. Default 2 min. */
  readonly maximumElapsed: Duration.Duration
  /** What a reply to an expired message does: go out once as a proactive message, or fail. Default `proactive`. */
  readonly onExpired: "proactive" | "fail"
}

/** Waits that are used up one by one; the schedule ends with them. */
const ladder = (...delays: ReadonlyArray<Duration.DurationInput>): Schedule.Schedule<number, SendError> =>
  Schedule.recurs(delays.length).pipe(Schedule.addDelay((n) => delays[n] ?? Duration.zero))

const asked = (error: SendError): Duration.Duration =>
  error._tag === "RateLimited" ? (error.retryAfter ?? Duration.zero) : Duration.zero

/**
 * The defaults, documented at the fields of {@link SendPolicy}.
 *
 * @since 0.1.0
 * @category constants
 */
export const defaults: SendPolicy = {
  transient: ladder("500 millis", "1 second", "2 seconds", "5 seconds"),
  rateLimited: ladder("2 seconds", "5 seconds", "10 seconds", "30 seconds").pipe(
    Schedule.zipRight(Schedule.identity<SendError>()),
    Schedule.modifyDelay((error, delay) => Duration.max(delay, asked(error)))
  ),
  maximumElapsed: Duration.minutes(2),
  onExpired: "proactive"
}

/**
 * The one schedule of a policy. `idempotent`: the platform shows the message once however often it is sent.
 *
 * @since 0.1.0
 * @category schedules
 */
export const retries = (policy: SendPolicy, idempotent: boolean): Schedule.Schedule<unknown, SendError> => {
  const transient = policy.transient.pipe(
    Schedule.whileInput(
      (error: SendError) =>
        error._tag === "PlatformUnavailable" ||
        (error._tag === "DeliveryUnknown" && idempotent) ||
        (error._tag === "MessageRejected" && error.class === "media_retry")
    )
  )
  const limited = policy.rateLimited.pipe(Schedule.whileInput((error: SendError) => error._tag === "RateLimited"))
  return Schedule.union(transient, limited).pipe(Schedule.upTo(policy.maximumElapsed))
}
