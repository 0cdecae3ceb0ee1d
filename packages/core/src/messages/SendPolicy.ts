/**
 * When a message is sent again, and what is sent instead of a refused one, as data: Schedules over the error of the last
 * attempt, and one choice for each kind of refusal.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Schedule from "effect/Schedule"
import * as Ladder from "../internal/Ladder.ts"
import * as ErrorCode from "../openapi/ErrorCode.ts"
import * as RetryAfter from "../openapi/RetryAfter.ts"
import type { SendError } from "./SendError.ts"

/**
 * The policy of sending. The defaults are {@link defaults}.
 *
 * @since 0.1.0
 * @category models
 */
export interface SendPolicy {
  /** Retries of an attempt that was not sent, or, for replies, of unknown outcome. Default 0.5, 1, 2, 5 s. */
  readonly transient: Schedule.Schedule<unknown, SendError>
  /** Retries after a rate limit. Default 2, 5, 10, 30 s, or the platform's `Retry-After` if that is longer. */
  readonly rateLimited: Schedule.Schedule<unknown, SendError>
  /** Limit of all retries of one message, and of a wait for its turn. Default 2 min. */
  readonly maximumElapsed: Duration.Duration
  /**
   * For a reply to an expired message: send it once as a proactive message; reply to an event of the same conversation that can
   * be replied to, if there is one; or fail. Default `proactive`.
   */
  readonly onExpired: "proactive" | "event-id" | "fail"
  /** For a reply to a message that has had all its replies. Default `fail`. */
  readonly onExhausted: "fail" | "proactive"
  /** For markdown that the bot may not send: send it as plain text, or fail. Default `text`. */
  readonly onMarkdownRefused: "text" | "fail"
  /** For a message whose keyboard is refused: send it without, or fail. Default `drop`. */
  readonly onKeyboardRefused: "drop" | "fail"
  /**
   * For text that is too long. `split` sends it in up to 15 parts, each of which is cut again while it is too long; text that
   * needs more parts fails with `MessageInvalid` before any part is sent. Default `split`.
   */
  readonly onTooLong: "split" | "fail"
  /** For text whose addresses are refused. `mask` writes them so that clients make no links of them. Default `fail`. */
  readonly onUrlRefused: "fail" | "mask"
  /**
   * Maximum UTF-16 code units of a part of text that was refused as too long; it is cut into two parts at least. The platform's
   * limit is not published. Default 5000, as in openclaw's QQ channel.
   */
  readonly partLength: number
  /** How long markdown or keyboards that the bot may not send are left out in the same scene. Default 1 h. */
  readonly refusalsRemembered: Duration.Duration
  /** Maximum wait of a message while the gateway session reconnects. Default 5 s. */
  readonly hold: Duration.Duration
  /** Timeout of one request. Default 15 s; the documentation asks for at least 5 s. */
  readonly timeout: Duration.Duration
  /** Timeout of an upload in one request, and of the last request of a chunked upload. Default 60 s. */
  readonly uploadTimeout: Duration.Duration
  /**
   * Media of more bytes is uploaded in parts. Media that the platform's edge refuses as too large (HTTP 413) is uploaded in
   * parts whatever its size. Default 5 MiB, as in qqbot-nodejs; AstrBot has 10.
   */
  readonly simpleUploadLimit: number
  /** Media of more bytes is refused without a request. Default 200 MiB, the platform's documented limit. */
  readonly maximumUpload: number
  /**
   * Maximum bytes of a stream that can be read only once, which is held in memory while it is uploaded. Default 32 MiB. Of
   * files and repeatable streams only the parts in flight are held.
   */
  readonly streamBuffer: number
  /**
   * Maximum number of parts of one upload in flight, whatever the platform allows. Each is held in memory. Default 4, as in
   * AstrBot; qqbot has 10.
   */
  readonly uploadConcurrency: number
  /** Timeout of the PUT of one part. Default 300 s, as in qqbot. */
  readonly partTimeout: Duration.Duration
  /** Retries of the PUT of a part after any error. Default 1, 2 s, as in qqbot. */
  readonly partRetries: Schedule.Schedule<unknown, SendError>
  /** Retries of confirming a part, except for the case that {@link finishing} waits for. Default 1, 2 s. */
  readonly finishRetries: Schedule.Schedule<unknown, SendError>
  /** Maximum wait until the platform has a part, whatever it allows. Default 10 min, as in qqbot. */
  readonly maximumFinish: Duration.Duration
  /** Retries of the last request of a chunked upload. Default 2, 4 s, as in qqbot. */
  readonly completeRetries: Schedule.Schedule<unknown, SendError>
  /**
   * For a picture, film or voice message whose format or size the platform does not accept: upload it once more as a file,
   * which users can still open, or fail. The upload and the receipt show that it became a file. Default `file`.
   */
  readonly onFormatRefused: "file" | "fail"
}

/**
 * The defaults, documented at the fields of {@link SendPolicy}.
 *
 * @since 0.1.0
 * @category constants
 */
export const defaults: SendPolicy = {
  transient: Ladder.climbingOnce(["500 millis", "1 second", "2 seconds", "5 seconds"]),
  rateLimited: Ladder.climbingOnce(["2 seconds", "5 seconds", "10 seconds", "30 seconds"]).pipe(
    Ladder.atLeast((error: SendError) => RetryAfter.askedBy(error))
  ),
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

/** Errors that may pass. `DeliveryUnknown` counts only for requests that may happen twice. */
const isTransient = (error: SendError): boolean =>
  error._tag === "PlatformUnavailable" ||
  error._tag === "DeliveryUnknown" ||
  (error._tag === "MessageRejected" && error.class === "media_retry")

const isLimited = (error: SendError): boolean => error._tag === "RateLimited"

/** Whether the platform does not have a stored part yet. */
const isUnsettled = (error: SendError): boolean =>
  error._tag === "PlatformUnavailable" &&
  [error.errCode, error.code].some(
    (code) => code !== undefined && ErrorCode.lookup(code)?.class === "upload_part_retry"
  )

/**
 * The retries of a policy as one schedule. `idempotent`: the platform shows the message once, however often it is sent.
 * `deadline`, in monotonic milliseconds: there is no retry from then on, and no wait beyond it.
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
 * The retries of confirming a part. While the platform does not have the part yet (40093001): every `delay` for `timeout`,
 * both from the platform, and for `maximumFinish` at most. After other errors that may pass, or of unknown reason:
 * `finishRetries`. An exhausted quota, a refused format and a missing permission end it at once.
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
 * The retries of the last request of a chunked upload: `completeRetries` after errors that may pass.
 *
 * @since 0.1.0
 * @category schedules
 */
export const completing = (policy: SendPolicy): Schedule.Schedule<unknown, SendError> =>
  policy.completeRetries.pipe(Ladder.only(isTransient), Schedule.union(patience(policy)))
