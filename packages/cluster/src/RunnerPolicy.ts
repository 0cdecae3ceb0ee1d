/**
 * How a runner treats its bots: when it reads their list, how many start at once, how long it waits. Numbers, each with its
 * default.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"

/**
 * Numbers of a runner.
 *
 * @since 0.1.0
 * @category models
 */
export interface RunnerPolicy {
  /** How often the list of bots is read. Default 2 s. */
  readonly refreshEvery: Duration.Duration
  /** Maximum number of bots of this process that are connecting for the first time. Default 32. */
  readonly concurrentStarts: number
  /**
   * The least time between the starts of two bots of this process, each of which asks the platform for a token and a gateway
   * once. Default 16 ms: 63 a second at most.
   */
  readonly startEvery: Duration.Duration
  /** How long a bot that starts counts as one of them at most. Default 15 s. */
  readonly startTimeout: Duration.Duration
  /** When a bot that the platform refuses is tried again; a change of its entry tries at once. Default after 1, 5, 30 min. */
  readonly refusedLadder: readonly [Duration.Duration, ...ReadonlyArray<Duration.Duration>]
  /** How long a run that failed in this process is left alone. Default 1 s. */
  readonly failedPause: Duration.Duration
  /** How often a runner says that it is alive; three times as long, and its bots' states count as out of date. Default 5 s. */
  readonly seenEvery: Duration.Duration
  /** How long a message waits for a runner that can send it. Default 15 s. */
  readonly sendPatience: Duration.Duration
}

/**
 * The defaults, documented at the fields of {@link RunnerPolicy}.
 *
 * @since 0.1.0
 * @category constants
 */
export const defaults: RunnerPolicy = {
  refreshEvery: Duration.seconds(2),
  concurrentStarts: 32,
  startEvery: Duration.millis(16),
  startTimeout: Duration.seconds(15),
  refusedLadder: [Duration.minutes(1), Duration.minutes(5), Duration.minutes(30)],
  failedPause: Duration.seconds(1),
  seenEvery: Duration.seconds(5),
  sendPatience: Duration.seconds(15)
}
