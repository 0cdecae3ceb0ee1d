/**
 * Reading what an earlier process stored. A store may be away for a moment just when a bot starts, and without what it holds
 * a session is lost, and messages with it: so reading is tried again. Not for ever, though, for a bot that does not start
 * loses more.
 *
 * @since 0.1.0
 */
import type { PlatformError } from "@effect/platform/Error"
import type * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"

/** How long reading may take, retries included, where the caller does not say. */
const defaultPatience = Duration.seconds(4)

/**
 * How long a start waits for a record that cannot be used to be set aside: 0.5 s. Where that takes longer the bot starts
 * meanwhile.
 *
 * @since 0.1.0
 * @category constants
 */
export const setAsidePatience: Duration.Duration = Duration.millis(500)

/**
 * When reading is tried again: after 0.5, 1 and 2 s.
 *
 * @since 0.1.0
 * @category schedules
 */
export const retries: Schedule.Schedule<unknown> = Schedule.intersect(
  Schedule.exponential("500 millis"),
  Schedule.recurs(3)
)

/**
 * What went wrong with a read: an error or a defect of the store at the last attempt, or that there was no answer in time.
 *
 * @since 0.1.0
 * @category errors
 */
export type ReadError = PlatformError | Cause.TimeoutException | Cause.UnknownException

/** A read that is tried again after a failure. The schedule is driven only then: most reads succeed at once. */
const retried = (
  store: KeyValueStore.KeyValueStore,
  key: string
): Effect.Effect<Option.Option<string>, PlatformError | Cause.UnknownException> => {
  const once = Effect.suspend(() => store.get(key)).pipe(
    Effect.catchAllDefect((defect) => new Cause.UnknownException(defect, "a defect of the store"))
  )
  return Effect.catchAll(once, (first) => {
    let current = Effect.fail(first) as typeof once
    const next = Effect.suspend(() => {
      const now = current
      current = once
      return now
    })
    return Effect.retry(next, retries)
  })
}

/**
 * What is stored under these keys, in their order, each read for itself and all at once, so that the timeout of a store that
 * does not answer applies once. A read fails with what was wrong at its last attempt; or with `TimeoutException` where there
 * was no answer within `patience` (default 4 s), retries included. A read that cannot be interrupted is left behind.
 *
 * @since 0.1.0
 * @category combinators
 */
export const readAll = (
  store: KeyValueStore.KeyValueStore,
  keys: ReadonlyArray<string>,
  patience: Duration.DurationInput = defaultPatience
): Effect.Effect<ReadonlyArray<Either.Either<Option.Option<string>, ReadError>>> =>
  Effect.suspend(() => {
    const late = Either.left(new Cause.TimeoutException("the store has not answered"))
    const answers = keys.map((): Either.Either<Option.Option<string>, ReadError> => late)
    return Effect.forEach(
      keys,
      (key, index) =>
        Effect.map(Effect.either(retried(store, key)), (answer) => {
          answers[index] = answer
        }),
      { concurrency: "unbounded", discard: true }
    ).pipe(
      Effect.disconnect,
      Effect.timeoutOption(patience),
      Effect.map(() => [...answers])
    )
  })

/**
 * As {@link readAll}, for one key.
 *
 * @since 0.1.0
 * @category combinators
 */
export const read = (
  store: KeyValueStore.KeyValueStore,
  key: string,
  patience?: Duration.DurationInput
): Effect.Effect<Option.Option<string>, ReadError> =>
  Effect.flatMap(readAll(store, [key], patience), ([answer]) => answer ?? Effect.succeedNone)

/**
 * A write that is waited for until `patience` is over, even where it cannot be interrupted: then it is left behind, and
 * fails with `TimeoutException`. A defect of the store is a failure too. A caller may leave at any time.
 *
 * @since 0.1.0
 * @category combinators
 */
export const write = <A, E>(
  effect: Effect.Effect<A, E>,
  patience: Duration.DurationInput
): Effect.Effect<A, E | Cause.TimeoutException | Cause.UnknownException> =>
  effect.pipe(
    Effect.catchAllDefect((defect) => new Cause.UnknownException(defect, "a defect of the store")),
    Effect.disconnect,
    Effect.timeout(patience)
  )
