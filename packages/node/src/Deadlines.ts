/**
 * Many time limits on one timer. A limit that is cancelled in time, as most are, costs one entry of a set; a time-out of
 * Effect costs two fibers.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/**
 * Calls `expire` once after `millis` milliseconds. The function that is returned cancels it.
 *
 * @since 0.1.0
 * @category models
 */
export type Deadlines = (millis: number, expire: () => void) => () => void

interface Entry {
  /** Milliseconds of the monotonic clock. */
  readonly at: number
  readonly expire: () => void
}

/**
 * Time limits that are watched by a fiber of the scope.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<Deadlines, never, Scope.Scope> = Effect.gen(function* () {
  const clock = yield* Effect.clock
  const entries = new Set<Entry>()
  const sooner = yield* Effect.makeLatch(false)
  let wakesAt = Number.POSITIVE_INFINITY

  const now = (): number => Number(clock.unsafeCurrentTimeNanos() / 1_000_000n)

  const watch = Effect.suspend(() => {
    sooner.unsafeClose()
    const moment = now()
    wakesAt = Number.POSITIVE_INFINITY
    for (const entry of entries) {
      if (entry.at > moment) wakesAt = Math.min(wakesAt, entry.at)
      else if (entries.delete(entry)) entry.expire()
    }
    return Number.isFinite(wakesAt) ? Effect.raceFirst(Effect.sleep(wakesAt - moment), sooner.await) : sooner.await
  })
  yield* Effect.forkScoped(Effect.forever(watch))

  return (millis, expire) => {
    const entry: Entry = { at: now() + millis, expire }
    entries.add(entry)
    if (entry.at < wakesAt) sooner.unsafeOpen()
    return () => {
      entries.delete(entry)
    }
  }
})
