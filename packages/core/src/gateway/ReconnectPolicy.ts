/**
 * How long to wait before the next connection, as a `Schedule` whose input is the last disconnect. Every ladder keeps its
 * own rung; every other count is in the `History` of the input. The output is the wait, so that `Schedule.tapOutput` can
 * report it before it begins.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Predicate } from "effect/Predicate"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as Ladder from "../internal/Ladder.ts"
import * as Disconnect from "./Disconnect.ts"
import * as History from "./History.ts"
import type { Decision, Ladder as LadderName } from "./Recovery.ts"
import type { SessionPolicy } from "./SessionPolicy.ts"

/**
 * What a schedule is given: a disconnect, the history that holds it, and what was decided.
 *
 * @since 0.1.0
 * @category models
 */
export interface Step {
  readonly disconnect: Disconnect.Disconnect
  readonly history: History.History
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

const isStartup: Predicate<Step> = ({ disconnect, history }) => History.isStartup(disconnect, history)

const isGreeted: Predicate<Step> = ({ disconnect }) => disconnect.greeted

const climbs: Predicate<Step> = (step) =>
  !isStartup(step) && !step.history.requested && !Disconnect.isClientInitiated(step.disconnect)

const isStable =
  (policy: SessionPolicy): Predicate<Step> =>
  ({ disconnect }) =>
    Disconnect.isStable(policy, disconnect)

const identified: Predicate<Step> = ({ disconnect }) => disconnect.sent === "Identify"

const lasted =
  (policy: SessionPolicy): Predicate<Step> =>
  ({ disconnect }) =>
    disconnect.readyFor >= Duration.toMillis(policy.identifyStableAfter)

/** The planned replacement of an old session, and the first one because of a frame too large, are not held up. */
const isPlanned: Predicate<Step> = ({ decision, disconnect }) =>
  (disconnect.error._tag === "SessionInvalid" && disconnect.error.by === "Age") ||
  (Disconnect.isFrameTooLarge(disconnect) && decision._tag === "Reconnect" && decision.ladder === "None")

const identifies: Predicate<Step> = (step) => step.identifies && !isPlanned(step)

const takes =
  (ladder: LadderName): Predicate<Step> =>
  ({ decision }) =>
    decision._tag === "Reconnect" ? decision.ladder === ladder : ladder === "Reconnect"

/** After too many quick disconnects the ladder stays on its last rung until it starts over. */
const pinned =
  (policy: SessionPolicy) =>
  ({ history }: Step): Duration.Duration =>
    history.pinned ? (policy.reconnectLadder.at(-1) ?? Duration.zero) : Duration.zero

/** From the third identify in ten minutes: what is left of the budget, spread evenly over the time it has to last. */
const share =
  (policy: SessionPolicy) =>
  ({ budget, history }: Step): Duration.Duration =>
    history.identifiedAt.length >= 2 && budget.remaining > 0 && Number.isFinite(budget.remaining)
      ? Duration.min(Duration.times(budget.resetAfter, 1 / budget.remaining), policy.maximumRetryAfter)
      : Duration.zero

const floor =
  (policy: SessionPolicy) =>
  ({ decision }: Step): Duration.Duration => {
    if (decision._tag === "Probe") return policy.refusalProbe
    return decision._tag === "Reconnect" ? decision.floor : Duration.zero
  }

/**
 * The waits of a policy without their random part: the ladders, the penalties and the pauses that the platform asks for.
 *
 * @since 0.1.0
 * @category schedules
 */
export const exact = (policy: SessionPolicy): ReconnectSchedule => {
  const reconnect = Ladder.climbing(policy.reconnectLadder).pipe(
    Ladder.climbFor(climbs),
    Ladder.startOver(isStable(policy)),
    Ladder.atLeast(pinned(policy)),
    Ladder.when(takes("Reconnect"))
  )
  const startup = Ladder.climbing(policy.startupLadder).pipe(
    Ladder.climbFor(isStartup),
    Ladder.startOver(isGreeted),
    Ladder.when(takes("Startup"))
  )
  const identify = Ladder.climbing(policy.identifyLadder).pipe(
    Ladder.climbFor((step: Step) => identified(step) && !lasted(policy)(step)),
    Ladder.startOver(lasted(policy)),
    Ladder.atLeast(share(policy)),
    Ladder.when(identifies)
  )
  return reconnect.pipe(
    Schedule.intersect(startup),
    Schedule.intersect(identify),
    Ladder.atLeast(floor(policy)),
    Schedule.delays
  )
}

/** A random part on top, never below: no reconnect comes sooner than the ladder says. */
const withJitter = (policy: SessionPolicy, step: Step, least: Duration.Duration): Effect.Effect<Duration.Duration> =>
  Effect.map(Random.next, (chance) => {
    const wait = takes("Requested")(step)
      ? Duration.sum(least, Duration.times(policy.requestedReconnectJitter, chance))
      : Duration.times(least, 1 + policy.jitter * chance)
    // clocks and timers count whole milliseconds
    return Duration.millis(Math.ceil(Duration.toMillis(wait)))
  })

/**
 * The waits of a policy, with jitter on top.
 *
 * @since 0.1.0
 * @category schedules
 */
export const make = (policy: SessionPolicy): ReconnectSchedule =>
  exact(policy).pipe(
    Schedule.passthrough,
    Schedule.modifyDelayEffect((step, least) => withJitter(policy, step, least)),
    Schedule.delays
  )
