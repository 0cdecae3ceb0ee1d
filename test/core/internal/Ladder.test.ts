import * as Ladder from "../../../packages/core/src/internal/Ladder.ts"
import * as Monotonic from "../../../packages/core/src/internal/Monotonic.ts"
import { assert, describe, expect, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as TestClock from "effect/TestClock"
import * as fc from "fast-check"

const seconds = (...numbers: ReadonlyArray<number>) => numbers.map(Duration.seconds)

/** The waits of a schedule in seconds, until it ends or there is no more input. */
const waits = <In>(schedule: Schedule.Schedule<unknown, In>, inputs: Iterable<In>): ReadonlyArray<number> =>
  Chunk.toReadonlyArray(Effect.runSync(Schedule.run(Schedule.delays(schedule), 0, inputs))).map(Duration.toSeconds)

const times = (count: number): ReadonlyArray<undefined> => Array.from({ length: count }, () => undefined)

const ladders = fc.array(fc.integer({ min: 0, max: 600 }), { minLength: 1, maxLength: 8 })

describe("climbing", () => {
  it("waits for each rung in turn and then repeats the last one", () => {
    expect(waits(Ladder.climbing(seconds(1, 2, 5)), times(6))).toEqual([1, 2, 5, 5, 5, 5])
  })

  it("is the rung of the number of inputs, for every ladder", () => {
    fc.assert(
      fc.property(ladders, fc.integer({ min: 1, max: 20 }), (rungs, count) => {
        const expected = times(count).map((_, index) => rungs[Math.min(index, rungs.length - 1)])
        expect(waits(Ladder.climbing(seconds(...rungs)), times(count))).toEqual(expected)
      })
    )
  })

  it("never waits without rungs", () => {
    expect(waits(Ladder.climbing([]), times(3))).toEqual([0, 0, 0])
  })

  it("gives the wait as its output", () => {
    const outputs = Effect.runSync(Schedule.run(Ladder.climbing(seconds(1, 2)), 0, times(3)))
    expect(Chunk.toReadonlyArray(outputs).map(Duration.toSeconds)).toEqual([1, 2, 2])
  })
})

describe("climbingOnce", () => {
  it("ends after its last rung", () => {
    fc.assert(
      fc.property(ladders, (rungs) => {
        const found = waits(Ladder.climbingOnce(seconds(...rungs)), times(rungs.length + 3))
        // what a schedule that ends still gives is its last output, without a wait
        expect(found.slice(0, rungs.length)).toEqual(rungs)
        expect(found).toHaveLength(rungs.length + 1)
      })
    )
  })

  it("ends at once without rungs", () => {
    expect(waits(Ladder.climbingOnce([]), times(3))).toHaveLength(1)
  })
})

describe("only", () => {
  const odd = Ladder.climbing(seconds(1, 3, 5)).pipe(Ladder.only((n: number) => n % 2 === 1))
  const even = Ladder.climbing(seconds(2, 4, 6)).pipe(Ladder.only((n: number) => n % 2 === 0))

  it("does not climb for the inputs of another ladder", () => {
    expect(waits(Schedule.union(odd, even), [1, 1, 2, 1, 2, 2, 2, 1])).toEqual([1, 3, 2, 5, 4, 6, 6, 5])
  })

  it("ends alone at an input that is not its own", () => {
    expect(waits(odd, [1, 1, 2, 1])).toEqual([1, 3, 0])
  })
})

describe("climbFor", () => {
  it("repeats its last wait for any other input, and does not wait before its first input", () => {
    const schedule = Ladder.climbing(seconds(1, 2, 5)).pipe(Ladder.climbFor((n: number) => n > 0))
    expect(waits(schedule, [0, 1, 0, 0, 1, 1, 0, 1])).toEqual([0, 1, 1, 1, 2, 5, 5, 5])
  })
})

describe("when", () => {
  it("climbs for every input and waits for its own", () => {
    const schedule = Ladder.climbing(seconds(1, 2, 5)).pipe(Ladder.when((n: number) => n > 0))
    expect(waits(schedule, [0, 1, 0, 1])).toEqual([0, 2, 0, 5])
  })
})

describe("startOver", () => {
  it("waits for the first rung at the input that starts over", () => {
    const schedule = Ladder.climbing(seconds(1, 2, 5)).pipe(Ladder.startOver((input: string) => input === "stable"))
    expect(waits(schedule, ["", "", "", "stable", "", "stable", "stable"])).toEqual([1, 2, 5, 1, 2, 1, 1])
  })
})

describe("atLeast", () => {
  it("is the later of the rung and what the input asks for, and climbs all the same", () => {
    fc.assert(
      fc.property(ladders, fc.array(fc.integer({ min: 0, max: 900 }), { maxLength: 12 }), (rungs, asked) => {
        const schedule = Ladder.climbing(seconds(...rungs)).pipe(Ladder.atLeast((n: number) => Duration.seconds(n)))
        const expected = asked.map((n, index) => Math.max(n, rungs[Math.min(index, rungs.length - 1)] ?? 0))
        expect(waits(schedule, asked)).toEqual(expected)
      })
    )
  })
})

/** The waits of a schedule that is really waited for, in seconds, until it ends. */
const waited = (schedule: Schedule.Schedule<Duration.Duration, undefined>) =>
  Effect.gen(function* () {
    const seen: Array<number> = []
    const tapped = Schedule.tapOutput(schedule, (wait) => Effect.sync(() => seen.push(Duration.toSeconds(wait))))
    const fiber = yield* Effect.fork(Effect.ignore(Effect.retry(Effect.fail(undefined), tapped)))
    yield* TestClock.adjust("1 hour")
    yield* Fiber.join(fiber)
    // the last output is that of the wait which was not begun
    return seen.slice(0, -1)
  })

describe("within", () => {
  it.effect("ends instead of a wait that would end too late", () =>
    Effect.gen(function* () {
      // 1, 2 and 5 s end after 8 s; the next one would end after 13 s
      const ladder = Ladder.climbing(seconds(1, 2, 5))
      assert.deepStrictEqual(yield* waited(ladder.pipe(Ladder.within(Duration.seconds(12)))), [1, 2, 5])
      assert.deepStrictEqual(yield* waited(ladder.pipe(Ladder.within(Duration.seconds(8)))), [1, 2, 5])
      assert.deepStrictEqual(yield* waited(ladder.pipe(Ladder.within(Duration.millis(7999)))), [1, 2])
    })
  )
})

describe("before", () => {
  it.effect("ends instead of a wait that would end at the deadline or after it", () =>
    Effect.gen(function* () {
      const ladder = Ladder.climbing(seconds(1, 2, 5))
      const now = yield* Monotonic.millis
      assert.deepStrictEqual(yield* waited(ladder.pipe(Ladder.before(now + 8000))), [1, 2])
      const later = yield* Monotonic.millis
      assert.deepStrictEqual(yield* waited(ladder.pipe(Ladder.before(later + 8001))), [1, 2, 5])
    })
  )
})
