/**
 * How long to wait before the next connection, as `Schedule`s whose input is how the last one ended.
 *
 * A schedule here keeps no state of its own: every count it reads is in the `History` of its input. Its output is the
 * wait, so that `Schedule.tapOutput` can tell somebody before the wait begins.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import type { Decision, End, History } from "./Recovery.ts"
import type { SessionPolicy } from "./SessionPolicy.ts"

/**
 * What a schedule is given: an end, all ends before it, and what was decided.
 *
 * @since 0.1.0
 * @category models
 */
export interface Step {
  readonly end: End
  readonly history: History
  readonly decision: Exclude<Decision, { readonly _tag: "Stop" }>
  /** Whether the next connection identifies. */
  readonly identifies: boolean
  /** What is left of the identify budget. */
  readonly budget: {
    readonly remaining: number
    /** Time until `remaining` is full again. */
    readonly resetAfter: Duration.Duration
  }
}

/**
 * A wait that depends on how a connection ended.
 *
 * @since 0.1.0
 * @category models
 */
export type ReconnectSchedule = Schedule.Schedule<Duration.Duration, Step>

/** The `n`-th rung, counted from 1; the last one repeats for ever. */
const rung = (ladder: ReadonlyArray<Duration.Duration>, n: number): Duration.Duration =>
  n < 1 ? Duration.zero : (ladder[Math.min(n, ladder.length) - 1] ?? Duration.zero)

/** What is left of the budget, spread evenly over the time it has to last: only from the third identify in ten minutes. */
const share = (policy: SessionPolicy, step: Step): Duration.Duration =>
  step.history.identifiedAt.length >= 2 && step.budget.remaining > 0 && Number.isFinite(step.budget.remaining)
    ? Duration.min(Duration.times(step.budget.resetAfter, 1 / step.budget.remaining), policy.maximumRetryAfter)
    : Duration.zero

const identifyWait = (policy: SessionPolicy, step: Step): Duration.Duration =>
  step.identifies && step.history.identifyRung > 0
    ? Duration.max(rung(policy.identifyLadder, step.history.identifyRung), share(policy, step))
    : Duration.zero

const ladderWait = (policy: SessionPolicy, step: Step): Duration.Duration => {
  const decision = step.decision
  if (decision._tag !== "Reconnect") return rung(policy.reconnectLadder, step.history.rung)
  switch (decision.ladder) {
    case "None":
    case "Requested":
      return Duration.zero
    case "Startup":
      return rung(policy.startupLadder, step.history.startupRung)
    case "Reconnect":
      return rung(policy.reconnectLadder, Math.max(1, step.history.rung))
  }
}

/**
 * The least wait after a step: the wait without its random part.
 *
 * @since 0.1.0
 * @category combinators
 */
export const leastWait = (policy: SessionPolicy, step: Step): Duration.Duration => {
  if (step.decision._tag === "Probe") return policy.refusalProbe
  const floor = step.decision._tag === "Reconnect" ? step.decision.floor : Duration.zero
  const { error } = step.end
  const replaces =
    error._tag === "SessionInvalid" &&
    (error.by === "Age" ||
      (error.by === "Frame" && step.decision._tag === "Reconnect" && step.decision.ladder === "None"))
  return [floor, ladderWait(policy, step), replaces ? Duration.zero : identifyWait(policy, step)].reduce(Duration.max)
}

/** A random part on top, never below: nobody returns sooner than the ladder says. */
const withJitter = (policy: SessionPolicy, step: Step): Effect.Effect<Duration.Duration> =>
  Effect.map(Random.next, (chance) => {
    const least = leastWait(policy, step)
    const requested = step.decision._tag === "Reconnect" && step.decision.ladder === "Requested"
    const wait = requested
      ? Duration.sum(least, Duration.times(policy.requestedReconnectJitter, chance))
      : Duration.times(least, 1 + policy.jitter * chance)
    // clocks and timers count whole milliseconds
    return Duration.millis(Math.ceil(Duration.toMillis(wait)))
  })

/**
 * The waits of a policy: the ladders, the penalties and the pauses the platform asks for, with jitter on top.
 *
 * @since 0.1.0
 * @category schedules
 */
export const make = (policy: SessionPolicy): ReconnectSchedule =>
  Schedule.identity<Step>().pipe(
    Schedule.mapEffect((step) => withJitter(policy, step)),
    Schedule.addDelay(identity)
  )
