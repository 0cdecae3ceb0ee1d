/**
 * When a message is sent again, and what is sent in its place, as data: Schedules over the error of the last attempt, and
 * one choice for each kind of refusal.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as ScheduleDecision from "effect/ScheduleDecision"
import * as ScheduleIntervals from "effect/ScheduleIntervals"
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
  /** What becomes of text that is too long. Default `split`. */
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
  /** How long one upload may take. Default 60 s. */
  readonly uploadTimeout: Duration.Duration
}

/** Waits that are used up one by one; the schedule ends with them. */
const ladder = (...delays: ReadonlyArray<Duration.DurationInput>): Schedule.Schedule<number, SendError> =>
  Schedule.recurs(delays.length).pipe(Schedule.addDelay((n) => delays[n] ?? Duration.zero))

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
  transient: ladder("500 millis", "1 second", "2 seconds", "5 seconds"),
  rateLimited: ladder("2 seconds", "5 seconds", "10 seconds", "30 seconds").pipe(
    Schedule.zipRight(Schedule.identity<SendError>()),
    Schedule.modifyDelay((error, delay) => Duration.max(delay, asked(error)))
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
  uploadTimeout: Duration.seconds(60)
}

/** Steps a schedule for its own errors only: those of another kind use up none of its waits. */
const only = (
  schedule: Schedule.Schedule<unknown, SendError>,
  isFor: (error: SendError) => boolean
): Schedule.Schedule<unknown, SendError> =>
  Schedule.makeWithState<unknown, SendError, unknown>(schedule.initial, (now, error, state) =>
    isFor(error) ? schedule.step(now, error, state) : Effect.succeed([state, undefined, ScheduleDecision.done] as const)
  )

/** Ends a schedule instead of beginning a wait that would end later than `maximum` after the first failure. */
const within = (
  schedule: Schedule.Schedule<unknown, SendError>,
  maximum: Duration.Duration
): Schedule.Schedule<unknown, SendError> => {
  interface State {
    readonly inner: unknown
    /** Epoch milliseconds. */
    readonly firstFailureAt: number | undefined
  }
  return Schedule.makeWithState<State, SendError, unknown>(
    { inner: schedule.initial, firstFailureAt: undefined },
    (now, error, { firstFailureAt = now, inner }) =>
      Effect.map(schedule.step(now, error, inner), ([next, output, decision]) => {
        const isLate =
          ScheduleDecision.isContinue(decision) &&
          ScheduleIntervals.start(decision.intervals) - firstFailureAt > Duration.toMillis(maximum)
        return [{ inner: next, firstFailureAt }, output, isLate ? ScheduleDecision.done : decision] as const
      })
  )
}

/** Ends a schedule instead of waiting past a moment, in epoch milliseconds. */
const before = <Out, In>(schedule: Schedule.Schedule<Out, In>, deadline: number): Schedule.Schedule<Out, In> =>
  Schedule.makeWithState(schedule.initial as unknown, (now, input: In, state) =>
    Effect.map(schedule.step(now, input, state), ([next, out, decision]) => {
      const isLate = ScheduleDecision.isContinue(decision) && ScheduleIntervals.start(decision.intervals) >= deadline
      return [next, out, isLate ? ScheduleDecision.done : decision] as const
    })
  )

/**
 * The one schedule of a policy. `idempotent`: the platform shows the message once however often it is sent. `deadline`, in
 * epoch milliseconds: nothing is sent again from then on; it ends rather than waits past it.
 *
 * @since 0.1.0
 * @category schedules
 */
export const retries = (
  policy: SendPolicy,
  idempotent: boolean,
  deadline?: number
): Schedule.Schedule<unknown, SendError> => {
  const transient = only(
    policy.transient,
    (error) =>
      error._tag === "PlatformUnavailable" ||
      (error._tag === "DeliveryUnknown" && idempotent) ||
      (error._tag === "MessageRejected" && error.class === "media_retry")
  )
  const limited = only(policy.rateLimited, (error) => error._tag === "RateLimited")
  const bounded = within(Schedule.union(transient, limited), policy.maximumElapsed)
  return deadline === undefined ? bounded : before(bounded, deadline)
}
