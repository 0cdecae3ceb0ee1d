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

/** Ends the schedule instead of a wait that `isLate` refuses, by the moment at which it would end. */
const endingWhen =
  <In>(isLate: (end: number, startedAt: number) => boolean) =>
  <Out>(self: Schedule.Schedule<Out, In>): Schedule.Schedule<Out, In> => {
    interface State {
      readonly inner: unknown
      /** When the first input came, in epoch milliseconds. */
      readonly startedAt: number | undefined
    }
    return Schedule.makeWithState<State, In, Out>(
      { inner: self.initial, startedAt: undefined },
      (now, input, { inner, startedAt = now }) =>
        Effect.map(self.step(now, input, inner), ([next, out, decision]) => [
          { inner: next, startedAt },
          out,
          ScheduleDecision.isContinue(decision) && isLate(ScheduleIntervals.start(decision.intervals), startedAt)
            ? ScheduleDecision.done
            : decision
        ])
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
 * Ends the schedule instead of beginning a wait that would end at or after this moment, in epoch milliseconds.
 *
 * @since 0.1.0
 * @category combinators
 */
export const before = (deadline: number): (<Out, In>(self: Schedule.Schedule<Out, In>) => Schedule.Schedule<Out, In>) =>
  endingWhen((end) => end >= deadline)
