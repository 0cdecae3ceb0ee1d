import { describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { assert } from "vitest"
import * as SharedClock from "../../packages/cluster/src/internal/SharedClock.ts"

/** A clock whose wall time is set apart from its monotonic one. */
const makeClock = (clock: Clock.Clock) => {
  const state = { wall: 0, monotonic: 0 }
  const skewed: Clock.Clock = {
    ...clock,
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis: () => state.wall,
    unsafeCurrentTimeNanos: () => BigInt(state.monotonic) * 1_000_000n,
    currentTimeMillis: Effect.sync(() => state.wall),
    currentTimeNanos: Effect.sync(() => BigInt(state.monotonic) * 1_000_000n),
    sleep: (duration) => clock.sleep(duration)
  }
  return { state, skewed }
}

describe("the clock of a bot", () => {
  it.effect("has the time of the store, whatever the wall clock says and wherever it is set", () =>
    Effect.gen(function* () {
      const { skewed, state } = makeClock(yield* Effect.clock)
      state.wall = 5_000_000
      state.monotonic = 70
      const clock = SharedClock.make(skewed, 1_000_000)
      assert.strictEqual(clock.unsafeCurrentTimeMillis(), 1_000_000)
      state.wall = 5_000_500
      state.monotonic = 570
      assert.strictEqual(clock.unsafeCurrentTimeMillis(), 1_000_500)
      state.wall -= 3_600_000
      assert.strictEqual(yield* clock.currentTimeMillis, 1_000_500)
      assert.strictEqual(clock.unsafeCurrentTimeNanos(), 570_000_000n, "the monotonic clock is the process's own")
    })
  )
})
