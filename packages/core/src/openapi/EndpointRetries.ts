/**
 * What a call of an endpoint can fail with, and which of those failures are retried.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Ladder from "../internal/Ladder.ts"
import type * as ApiError from "./ApiError.ts"
import * as RetryAfter from "./RetryAfter.ts"

/**
 * The platform took a call and answered with something that this endpoint never answers with, such as a list in the place
 * of an object. A field that is odd is no reason: it is left out of the value.
 *
 * @since 0.1.0
 * @category errors
 */
export class UnexpectedAnswer extends Schema.TaggedError<UnexpectedAnswer>()("UnexpectedAnswer", {
  /** Method and path template, such as `GET /guilds/{guild}`. */
  endpoint: Schema.String,
  detail: Schema.String,
  status: Schema.Number,
  traceId: Schema.optional(Schema.String)
}) {
  override get message(): string {
    const trace = this.traceId === undefined ? "" : `, trace ${this.traceId}`
    return `the answer to ${this.endpoint} makes no sense: ${this.detail} (HTTP ${this.status}${trace})`
  }
  get hint(): string {
    return "the platform did what was asked; report its answer, which this version does not understand"
  }
}

/**
 * Everything a call of an endpoint can fail with.
 *
 * @since 0.1.0
 * @category errors
 */
export type EndpointError = ApiError.OpenApiError | UnexpectedAnswer

/** The longest wait that a call is worth. */
const longestWait = Duration.minutes(1)

const isLimited = (error: EndpointError): boolean =>
  error._tag === "ApiError" ? error.class === "rate_limited" : error._tag === "TokenUnavailable"

const passes = (error: EndpointError): boolean => {
  if (Duration.greaterThan(RetryAfter.askedBy(error), longestWait)) return false
  switch (error._tag) {
    case "ApiError":
      return error.class === "transient" || error.class === "rate_limited"
    case "ApiUnavailable":
      return error.reason !== "Malformed" || error.outcome === "unknown"
    case "TokenUnavailable":
      return true
    case "IpRefused":
    case "TokenRejected":
    case "UnexpectedAnswer":
      return false
  }
}

/**
 * The retries of calls that may safely happen twice: 0.5, 1, 2, 5 s after a failure that passes by itself; 2, 5, 10, 30 s,
 * or as long as the platform says, where it asks for fewer calls. An error that asks for more than a minute is not waited
 * for.
 *
 * @since 0.1.0
 * @category schedules
 */
export const transient: Schedule.Schedule<unknown, EndpointError> = Schedule.union(
  Ladder.climbingOnce(["500 millis", "1 second", "2 seconds", "5 seconds"]).pipe(
    Ladder.only((error: EndpointError) => !isLimited(error))
  ),
  Ladder.climbingOnce(["2 seconds", "5 seconds", "10 seconds", "30 seconds"]).pipe(Ladder.only(isLimited))
).pipe(
  Ladder.atLeast((error: EndpointError) => RetryAfter.askedBy(error)),
  Schedule.whileInput(passes)
)

/**
 * The retries that are in force. Default {@link transient}.
 *
 * @example
 * ```ts
 * import { Endpoint, Endpoints } from "@effect-qq/core"
 * import { Effect, Schedule } from "effect"
 *
 * // asked once, whatever happens
 * const guild = Endpoints.getGuild({ guild: "5821904417736650213" }).pipe(
 *   Effect.provideService(Endpoint.Retries, Schedule.stop)
 * )
 * ```
 *
 * @since 0.1.0
 * @category references
 */
export class Retries extends Context.Reference<Retries>()("@effect-qq/core/Endpoint/Retries", {
  defaultValue: (): Schedule.Schedule<unknown, EndpointError> => transient
}) {}
