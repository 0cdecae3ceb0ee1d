/**
 * When a message is sent again, and what is sent in its place, as data: Schedules over the error of the last attempt, and
 * one choice for each kind of refusal.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Schedule from "effect/Schedule"
import * as Ladder from "../internal/Ladder.ts"
import * as ErrorCode from "../openapi/ErrorCode.ts"
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
  /** Retries after the platform asked for fewer messages: 2, 5, 10, 30 s, or as long as it says where that is longer. */
  readonly rateLimited: Schedule.Schedule<unknown, SendError>
  /** All retries of one message end after this, and so does a wait for its turn. Default 2 min. */
  readonly maximumElapsed: Duration.Duration
  /**
   * What a reply to an expired message does: go out once as a proactive message; reply to an event of the same conversation
   * that can be replied to, if there is one; or fail. Default `proactive`.
   */
  readonly onExpired: "proactive" | "event-id" | "fail"
  /** What a reply does to a message that has had all its replies. Default `fail`. */
  readonly onExhausted: "fail" | "proactive"
  /** What becomes of markdown that the bot may not send. Default `text`. */
  readonly onMarkdownRefused: "text" | "fail"
  /** What becomes of a message whose keyboard is refused: it goes without. Default `drop`. */
  readonly onKeyboardRefused: "drop" | "fail"
  /**
   * What becomes of text that is too long. `split` sends it in up to 15 parts, each of which is cut again while it is too
   * long; text of more parts fails with `MessageInvalid` before any part is sent. Default `split`.
   */
  readonly onTooLong: "split" | "fail"
  /** What becomes of text whose addresses are refused. `mask` writes them so that no client makes links of them. Default `fail`. */
  readonly onUrlRefused: "fail" | "mask"
  /**
   * The most UTF-16 code units of a part, once a text was refused as too long; it is cut in two at least. The platform's
   * limit is not published. Default 5000, as openclaw's QQ channel does.
   */
  readonly partLength: number
  /** For so long markdown or keyboards that the bot may not send are not tried again in the same scene. Default 1 h. */
  readonly refusalsRemembered: Duration.Duration
  /** For so long a message waits while the gateway session is made again. Default 5 s. */
  readonly hold: Duration.Duration
  /** How long one request may take. Default 15 s; the documentation asks for at least 5. */
  readonly timeout: Duration.Duration
  /** How long one upload in a single request, or the last request of one in parts, may take. Default 60 s. */
  readonly uploadTimeout: Duration.Duration
  /**
   * Media of more bytes is uploaded in parts, less goes in one request. What the platform's edge finds too large for one
   * (HTTP 413) goes in parts whatever its size. Default 5 MiB, as qqbot-nodejs does; AstrBot takes 10.
   */
  readonly simpleUploadLimit: number
  /** Media of more bytes is refused without a request. Default 200 MiB, the platform's documented limit. */
  readonly maximumUpload: number
  /**
   * A stream that can be read only once is held in memory while it is uploaded: up to so many bytes, more is refused. Default
   * 32 MiB. Files and streams that can be read again are never held but for the parts that are on their way.
   */
  readonly streamBuffer: number
  /**
   * The most parts of one upload that are on their way at the same time, whatever the platform allows. Each is held in memory
   * until it is there. Default 4, as AstrBot does; qqbot takes 10.
   */
  readonly uploadConcurrency: number
  /** How long the PUT of one part may take. Default 300 s, as qqbot does. */
  readonly partTimeout: Duration.Duration
  /** Retries of the PUT of a part, whatever was wrong with it. Default 1, 2 s, as qqbot does. */
  readonly partRetries: Schedule.Schedule<unknown, SendError>
  /** Retries of telling the platform that a part is there, but for what {@link finishing} waits for. Default 1, 2 s. */
  readonly finishRetries: Schedule.Schedule<unknown, SendError>
  /** The longest that a part may be waited for, whatever the platform allows. Default 10 min, as qqbot does. */
  readonly maximumFinish: Duration.Duration
  /** Retries of the last request of an upload in parts. Default 2, 4 s, as qqbot does. */
  readonly completeRetries: Schedule.Schedule<unknown, SendError>
  /**
   * What becomes of a picture, film or voice message whose format or size the platform does not take: it is uploaded once
   * more, as a file, which users can still open; the upload and the receipt say so. Default `file`.
   */
  readonly onFormatRefused: "file" | "fail"
}

/** How long the platform wants to be left alone. */
const asked = (error: SendError): Duration.Duration =>
  error._tag === "RateLimited" ? (error.retryAfter ?? Duration.zero) : Duration.zero

/**
 * The defaults, documented at the fields of {@link SendPolicy}.
 *
 * @since 0.1.0
 * @category constants
 */
export const defaults: SendPolicy = {
  transient: Ladder.climbingOnce(["500 millis", "1 second", "2 seconds", "5 seconds"]),
  rateLimited: Ladder.climbingOnce(["2 seconds", "5 seconds", "10 seconds", "30 seconds"]).pipe(Ladder.atLeast(asked)),
  maximumElapsed: Duration.minutes(2),
  onExpired: "proactive",
  onExhausted: "fail",
  onMarkdownRefused: "text",
  onKeyboardRefused: "drop",
  onTooLong: "split",
  onUrlRefused: "fail",
  partLength: 5000,
  refusalsRemembered: Duration.hours(1),
  hold: Duration.seconds(5),
  timeout: Duration.seconds(15),
  uploadTimeout: Duration.seconds(60),
  simpleUploadLimit: 5 * 1024 * 1024,
  maximumUpload: 200 * 1024 * 1024,
  streamBuffer: 32 * 1024 * 1024,
  uploadConcurrency: 4,
  partTimeout: Duration.minutes(5),
  partRetries: Ladder.climbingOnce(["1 second", "2 seconds"]),
  finishRetries: Ladder.climbingOnce(["1 second", "2 seconds"]),
  maximumFinish: Duration.minutes(10),
  completeRetries: Ladder.climbingOnce(["2 seconds", "4 seconds"]),
  onFormatRefused: "file"
}

/** What may pass by itself. A `DeliveryUnknown` is in it only for what may happen twice. */
const isTransient = (error: SendError): boolean =>
  error._tag === "PlatformUnavailable" ||
  error._tag === "DeliveryUnknown" ||
  (error._tag === "MessageRejected" && error.class === "media_retry")

const isLimited = (error: SendError): boolean => error._tag === "RateLimited"

/** Whether the platform does not have a part yet that was put into its store. */
const isUnsettled = (error: SendError): boolean =>
  error._tag === "PlatformUnavailable" &&
  [error.errCode, error.code].some(
    (code) => code !== undefined && ErrorCode.lookup(code)?.class === "upload_part_retry"
  )

/**
 * The one schedule of a policy. `idempotent`: the platform shows the message once however often it is sent. `deadline`, in
 * monotonic milliseconds: nothing is sent again from then on; it ends rather than waits past it.
 *
 * @since 0.1.0
 * @category schedules
 */
export const retries = (
  policy: SendPolicy,
  idempotent: boolean,
  deadline?: number
): Schedule.Schedule<unknown, SendError> => {
  const transient = policy.transient.pipe(
    Ladder.only((error: SendError) => isTransient(error) && (error._tag !== "DeliveryUnknown" || idempotent))
  )
  const bounded = transient.pipe(
    Schedule.union(policy.rateLimited.pipe(Ladder.only(isLimited))),
    Ladder.within(policy.maximumElapsed)
  )
  return deadline === undefined ? bounded : bounded.pipe(Ladder.before(deadline))
}

/** The waits after a rate limit, within `maximumElapsed`. */
const patience = (policy: SendPolicy): Schedule.Schedule<unknown, SendError> =>
  policy.rateLimited.pipe(Ladder.only(isLimited), Ladder.within(policy.maximumElapsed))

/**
 * How often the platform is told that a part of an upload is there. While it says that it does not have it yet (40093001):
 * every `delay` for as long as `timeout`, which are the platform's word, and `maximumFinish` at most. After anything else that
 * may pass, or that is refused for an unknown reason: `finishRetries`. A quota that is spent, a format that is not taken and
 * what the bot may not do end it at once.
 *
 * Source: the pages of 2026; AstrBot#9644.
 *
 * @since 0.1.0
 * @category schedules
 */
export const finishing = (
  policy: SendPolicy,
  given: { readonly delay: Duration.Duration; readonly timeout: Duration.Duration }
): Schedule.Schedule<unknown, SendError> => {
  const settling = Schedule.spaced(given.delay).pipe(
    Ladder.only(isUnsettled),
    Ladder.within(Duration.min(given.timeout, policy.maximumFinish))
  )
  const others = policy.finishRetries.pipe(
    Ladder.only(
      (error: SendError) =>
        !isUnsettled(error) &&
        (isTransient(error) || (error._tag === "MessageRejected" && error.class !== "media_invalid"))
    )
  )
  return settling.pipe(Schedule.union(others), Schedule.union(patience(policy)))
}

/**
 * How often the last request of an upload in parts is made: again by `completeRetries` after what may pass.
 *
 * @since 0.1.0
 * @category schedules
 */
export const completing = (policy: SendPolicy): Schedule.Schedule<unknown, SendError> =>
  policy.completeRetries.pipe(Ladder.only(isTransient), Schedule.union(patience(policy)))
