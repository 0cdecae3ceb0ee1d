import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import { assert } from "vitest"
import * as Deadlines from "../../packages/node/src/Deadlines.ts"

describe("Deadlines", () => {
  it.scoped("fire each at its time, and not when they were cancelled", () =>
    Effect.gen(function* () {
      const deadlines = yield* Deadlines.make
      const over: Array<string> = []
      const add = (name: string, millis: number) => deadlines(millis, () => over.push(name))
      add("late", 15_000)
      yield* TestClock.adjust(1000)
      // sooner than what is waited for already
      add("soon", 2000)
      const keep = add("kept", 3000)
      yield* TestClock.adjust(1999)
      assert.deepStrictEqual(over, [])
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(over, ["soon"])
      keep()
      yield* TestClock.adjust(10_000)
      assert.deepStrictEqual(over, ["soon"])
      yield* TestClock.adjust(2000)
      assert.deepStrictEqual(over, ["soon", "late"])
      add("again", 500)
      yield* TestClock.adjust(500)
      assert.deepStrictEqual(over, ["soon", "late", "again"])
    })
  )
})
