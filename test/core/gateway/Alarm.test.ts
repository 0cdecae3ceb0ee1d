import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as TestClock from "effect/TestClock"
import * as Heartbeat from "../../../packages/core/src/gateway/Heartbeat.ts"
import * as SessionPolicy from "../../../packages/core/src/gateway/SessionPolicy.ts"

/** Beats every 40 s, the first one at once, with an alarm at these moments. */
const start = (due: ReadonlyArray<number>) =>
  Effect.gen(function* () {
    const clock = yield* Effect.clock
    const now = (): number => clock.unsafeCurrentTimeMillis()
    const beats: Array<number> = []
    const rings: Array<number> = []
    yield* Effect.forkScoped(
      Heartbeat.run({
        interval: Duration.seconds(40),
        policy: SessionPolicy.defaults,
        send: Effect.map(Clock.currentTimeMillis, (at) => void beats.push(at)),
        silence: () => 0,
        answered: () => true,
        alarm: {
          left: () => (due[rings.length] ?? Number.POSITIVE_INFINITY) - now(),
          ring: Effect.sync(() => void rings.push(now()))
        }
      })
    )
    return { beats, rings }
  }).pipe(Effect.withRandom(Random.fixed([0])))

describe("the alarm of a heartbeat", () => {
  it.scoped("rings at its moment, and moves no beat", () =>
    Effect.gen(function* () {
      const { beats, rings } = yield* start([55_000, 55_500, 130_000])
      yield* TestClock.adjust("170 seconds")
      assert.deepStrictEqual(rings, [55_000, 55_500, 130_000])
      assert.deepStrictEqual(beats, [0, 40_000, 80_000, 120_000, 160_000])
    })
  )

  it.scoped("rings late rather than cut the wait for an answer short", () =>
    Effect.gen(function* () {
      const { beats, rings } = yield* start([41_000])
      yield* TestClock.adjust("100 seconds")
      // the beat of 40 s waits 10 s for its answer first
      assert.deepStrictEqual(rings, [50_000])
      assert.deepStrictEqual(beats, [0, 40_000, 80_000])
    })
  )
})
