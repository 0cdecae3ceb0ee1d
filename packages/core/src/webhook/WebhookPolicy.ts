/**
 * Every number and choice of the webhook transport in one value.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"

/**
 * The policy of a webhook. The defaults are {@link defaults}.
 *
 * @since 0.1.0
 * @category models
 */
export interface WebhookPolicy {
  /** The largest body, in bytes. No more of a larger one is kept. Default 1 MiB. */
  readonly maximumBody: number
  /** How long a body may take to arrive. Default 10 s. */
  readonly readTimeout: Duration.Duration
  /** How far the signed timestamp may lie from the clock of this machine, either way. Default 5 min. */
  readonly tolerance: Duration.Duration
  /**
   * How long an event that was taken is remembered, so that another request with it is answered and not handled. Never
   * less than twice the tolerance, which is how long one signature may be good for. Default 10 min.
   */
  readonly memory: Duration.Duration
  /** The most events that are remembered; beyond it the oldest are forgotten. Default 65 536. */
  readonly memoryCapacity: number
  /**
   * When an event is acknowledged. `received`: as soon as it is in the inbox, which is memory: what was not handled when
   * the process dies is lost. `settled`: when its handlers are done; where they take longer than `settleTimeout` the
   * answer is 503, and the platform's next attempt waits for the same run. That outlives the process for as long as the
   * platform repeats, but the platform repeats three times at most. Default `received`.
   */
  readonly acknowledge: "received" | "settled"
  /** How long an answer waits for the handlers where they have to be done. Default 2.5 s. */
  readonly settleTimeout: Duration.Duration
  /**
   * Which content types are read. The signature says where a body comes from, and it has to be JSON in any case, so `any`
   * minds no header; `json` refuses what says that it is something else. Default `any`.
   */
  readonly contentType: "any" | "json"
}

/**
 * The defaults, documented at the fields of {@link WebhookPolicy}.
 *
 * @since 0.1.0
 * @category constants
 */
export const defaults: WebhookPolicy = {
  maximumBody: 1024 * 1024,
  readTimeout: Duration.seconds(10),
  tolerance: Duration.minutes(5),
  memory: Duration.minutes(10),
  memoryCapacity: 65_536,
  acknowledge: "received",
  settleTimeout: Duration.millis(2500),
  contentType: "any"
}
