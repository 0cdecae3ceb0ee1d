import { describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import * as fc from "fast-check"
import { assert } from "vitest"
import * as Neighbour from "../../packages/cluster/src/internal/Neighbour.ts"

describe("the runner after another one", () => {
  it("is never itself, and going from each to the next comes past all of them", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 12 }), (runners) => {
        const [first = ""] = runners
        const seen = new Set([first])
        let at = Neighbour.after(first, runners)
        if (runners.length === 1) return assert.isUndefined(at)
        while (at !== undefined && at !== first) {
          assert.isFalse(seen.has(at))
          seen.add(at)
          at = Neighbour.after(at, runners)
        }
        return assert.strictEqual(seen.size, runners.length)
      })
    )
  })

  it("is there for a runner that is not in the list yet", () => {
    assert.strictEqual(Neighbour.after("b", ["a", "c"]), "c")
    assert.strictEqual(Neighbour.after("d", ["a", "c"]), "a")
  })
})

/** A ring as `a` sees it. */
const ring = () => {
  const state = { healthy: ["a", "b", "c"], dead: new Set<string>(), silent: new Set<string>(), fails: false }
  const watching = Neighbour.watch<string>({
    self: "a",
    every: Duration.seconds(3),
    healthy: Effect.suspend(() => (state.fails ? Effect.fail("away") : Effect.succeed(state.healthy))),
    isAlive: (runner) => Effect.sync(() => !state.dead.has(runner)),
    isSilent: (runner) => Effect.sync(() => state.silent.has(runner)),
    giveUp: (runner) =>
      Effect.sync(() => {
        state.healthy = state.healthy.filter((each) => each !== runner)
      })
  })
  return { state, watching }
}

describe("a runner that is watched", () => {
  it.scoped("is given up where it neither answers nor renews, and then the one after it is watched", () =>
    Effect.gen(function* () {
      const { state, watching } = ring()
      yield* Effect.forkScoped(watching)
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(state.healthy, ["a", "b", "c"])
      state.dead.add("b").add("c")
      state.silent.add("b")
      yield* TestClock.adjust("4 seconds")
      assert.deepStrictEqual(state.healthy, ["a", "c"])
      state.silent.add("c")
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(state.healthy, ["a"])
    })
  )

  it.scoped(
    "keeps its bots while it renews, whether this one can reach it or not, and while the database is away",
    () =>
      Effect.gen(function* () {
        const { state, watching } = ring()
        yield* Effect.forkScoped(watching)
        state.dead.add("b")
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(state.healthy, ["a", "b", "c"])
        state.fails = true
        state.silent.add("b")
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(state.healthy, ["a", "b", "c"])
        state.fails = false
        yield* TestClock.adjust("4 seconds")
        assert.deepStrictEqual(state.healthy, ["a", "c"])
      })
  )
})
