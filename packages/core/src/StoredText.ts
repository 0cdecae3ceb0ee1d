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
import type * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"

/** How long one attempt may take. */
const attemptTimeout = Duration.seconds(5)

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
 * What is stored under a key. Fails with what was wrong at the last attempt: an error or a defect of the store, or that it
 * did not answer within 5 s, not even where it cannot be interrupted.
 *
 * @since 0.1.0
 * @category combinators
 */
export const read = (
  store: KeyValueStore.KeyValueStore,
  key: string
): Effect.Effect<Option.Option<string>, PlatformError | Cause.TimeoutException | Cause.UnknownException> =>
  Effect.suspend(() => store.get(key)).pipe(
    Effect.disconnect,
    Effect.timeout(attemptTimeout),
    Effect.catchAllDefect((defect) => new Cause.UnknownException(defect, "a defect of the store")),
    Effect.retry(retries)
  )
