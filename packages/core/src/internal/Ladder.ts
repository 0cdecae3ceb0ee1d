/**
 * Ladders as `Schedule`s: a few combinators that `effect/Schedule` lacks. The input of a ladder is the error, or the end
 * of a connection, that it waits after:
 * `climbing(policy.reconnectLadder).pipe(only(isReconnect), startOver(isStable))`.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Predicate } from "effect/Predicate"
import * as Schedule from "effect/Schedule"
import * as ScheduleDecision from "effect/ScheduleDecision"
import * as ScheduleInterval from "effect/ScheduleInterval"
import * as ScheduleIntervals from "effect/ScheduleIntervals"
import * as Monotonic from "./Monotonic.ts"

const waitFor = (now: number, wait: Duration.Duration): ScheduleDecision.ScheduleDecision =>
  ScheduleDecision.continueWith(ScheduleInterval.after(now + Duration.toMillis(wait)))

/**
 * Waits for one rung after the other and then for the last one, for ever. The output is the wait. Without rungs every wait
 * is zero.
 *
 * @since 0.1.0
 * @category constructors
 */
export const climbing = (rungs: ReadonlyArray<Duration.Duration>): Schedule.Schedule<Duration.Duration> => {
  const [first = Duration.zero, ...rest] = rungs
  return Schedule.fromDelays(first, ...rest).pipe(
    Schedule.andThen(Schedule.spaced(rungs.at(-1) ?? Duration.zero)),
    Schedule.delays
  )
}

/**
 * Waits for one rung after the other and ends after the last one. The output is the wait. Without rungs it ends at once.
 *
 * @since 0.1.0
 * @category constructors
 */
export const climbingOnce = (rungs: ReadonlyArray<Duration.DurationInput>): Schedule.Schedule<Duration.Duration> => {
  const [first, ...rest] = rungs
  return first === undefined ? Schedule.map(Schedule.stop, () => Duration.zero) : Schedule.fromDelays(first, ...rest)
}

/**
 * Steps the schedule for these inputs only. For any other it is done, and stays on its rung: unite it with the schedule
 * for the others.
 *
 * @since 0.1.0
 * @category combinators
 */
export const only =
  <In>(isFor: Predicate<In>) =>
  <Out>(self: Schedule.Schedule<Out, In>): Schedule.Schedule<Out | undefined, In> =>
    Schedule.makeWithState<unknown, In, Out | undefined>(self.initial, (now, input, state) =>
      isFor(input) ? self.step(now, input, state) : Effect.succeed([state, undefined, ScheduleDecision.done] as const)
    )

/**
 * Climbs for these inputs only. For any other it waits as it did for the last of them, and not at all before the first.
 *
 * @since 0.1.0
 * @category combinators
 */
export const climbFor =
  <In>(climbs: Predicate<In>) =>
  (self: Schedule.Schedule<Duration.Duration, In>): Schedule.Schedule<Duration.Duration, In> => {
    interface State {
      readonly inner: unknown
      readonly wait: Duration.Duration
    }
    return Schedule.makeWithState<State, In, Duration.Duration>(
      { inner: self.initial, wait: Duration.zero },
      (now, input, state) =>
        climbs(input)
          ? Effect.map(self.step(now, input, state.inner), ([inner, wait, decision]) => [
              { inner, wait },
              wait,
              decision
            ])
          : Effect.succeed([state, state.wait, waitFor(now, state.wait)])
    )
  }

/**
 * Waits for these inputs only: any other climbs as well, without a wait.
 *
 * @since 0.1.0
 * @category combinators
 */
export const when =
  <In>(isFor: Predicate<In>) =>
  <Out>(self: Schedule.Schedule<Out, In>): Schedule.Schedule<Out, In> =>
    Schedule.makeWithState<unknown, In, Out>(self.initial, (now, input, state) =>
      Effect.map(self.step(now, input, state), ([next, out, decision]) => [
        next,
        out,
        isFor(input) || ScheduleDecision.isDone(decision) ? decision : waitFor(now, Duration.zero)
      ])
    )

/**
 * Steps from the beginning again for an input that shows that what was waited for has passed.
 *
 * @since 0.1.0
 * @category combinators
 */
export const startOver =
  <In>(isOver: Predicate<In>) =>
  <Out>(self: Schedule.Schedule<Out, In>): Schedule.Schedule<Out, In> =>
    Schedule.makeWithState<unknown, In, Out>(self.initial, (now, input, state) =>
      self.step(now, input, isOver(input) ? self.initial : state)
    )

/**
 * No wait is shorter than the input asks for. The output is unchanged.
 *
 * @since 0.1.0
 * @category combinators
 */
export const atLeast =
  <In>(asked: (input: In) => Duration.Duration) =>
  <Out>(self: Schedule.Schedule<Out, In>): Schedule.Schedule<Out, In> =>
    Schedule.makeWithState<unknown, In, Out>(self.initial, (now, input, state) =>
      Effect.map(self.step(now, input, state), ([next, out, decision]) => {
        const earliest = now + Duration.toMillis(asked(input))
        return [
          next,
          out,
          ScheduleDecision.isContinue(decision) && ScheduleIntervals.start(decision.intervals) < earliest
            ? ScheduleDecision.continueWith(ScheduleInterval.after(earliest))
            : decision
        ] as const
      })
    )

/** Ends the schedule instead of a wait that `isLate` refuses, by the monotonic moment at which it would end. */
const endingWhen =
  <In>(isLate: (end: number, startedAt: number) => boolean) =>
  <Out>(self: Schedule.Schedule<Out, In>): Schedule.Schedule<Out, In> => {
    interface State {
      readonly inner: unknown
      /** When the first input came, in monotonic milliseconds. */
      readonly startedAt: number | undefined
    }
    return Schedule.makeWithState<State, In, Out>({ inner: self.initial, startedAt: undefined }, (now, input, state) =>
      Effect.zipWith(self.step(now, input, state.inner), Monotonic.millis, ([inner, out, decision], at) => {
        const startedAt = state.startedAt ?? at
        // a schedule counts by the wall clock: only the difference is of use
        const isOver =
          ScheduleDecision.isContinue(decision) &&
          isLate(at + Math.max(0, ScheduleIntervals.start(decision.intervals) - now), startedAt)
        return [{ inner, startedAt }, out, isOver ? ScheduleDecision.done : decision]
      })
    )
  }

/**
 * Ends the schedule instead of beginning a wait that would end later than `maximum` after the first input.
 *
 * @since 0.1.0
 * @category combinators
 */
export const within = (
  maximum: Duration.Duration
): (<Out, In>(self: Schedule.Schedule<Out, In>) => Schedule.Schedule<Out, In>) =>
  endingWhen((end, startedAt) => end - startedAt > Duration.toMillis(maximum))

/**
 * Ends the schedule instead of beginning a wait that would end at or after this moment, in monotonic milliseconds.
 *
 * @since 0.1.0
 * @category combinators
 */
export const before = (deadline: number): (<Out, In>(self: Schedule.Schedule<Out, In>) => Schedule.Schedule<Out, In>) =>
  endingWhen((end) => end >= deadline)
