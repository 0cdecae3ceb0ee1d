import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { Fifo } from "../../../packages/core/src/internal/Fifo.ts"

type Step =
  | { readonly do: "push"; readonly entry: number }
  | { readonly do: "shift" }
  | { readonly do: "take" | "remove" | "insert"; readonly entry: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: fc.record({ do: fc.constant("push" as const), entry: fc.nat(20) }), weight: 4 },
  { arbitrary: fc.record({ do: fc.constant("shift" as const) }), weight: 3 },
  {
    arbitrary: fc.record({
      do: fc.constantFrom("take" as const, "remove" as const, "insert" as const),
      entry: fc.nat(20)
    }),
    weight: 2
  }
)

/** The same by a plain array. */
const naive = (list: Array<number>, step: Step): unknown => {
  switch (step.do) {
    case "push":
      return void list.push(step.entry)
    case "shift":
      return list.shift()
    case "take": {
      const place = list.findIndex((entry) => entry > step.entry)
      return place < 0 ? undefined : list.splice(place, 1)[0]
    }
    case "remove": {
      const place = list.indexOf(step.entry)
      if (place >= 0) list.splice(place, 1)
      return place >= 0
    }
    case "insert": {
      const place = list.findIndex((entry) => entry > step.entry)
      return void list.splice(place < 0 ? list.length : place, 0, step.entry)
    }
  }
}

const perform = (fifo: Fifo<number>, step: Step): unknown => {
  switch (step.do) {
    case "push":
      return fifo.push(step.entry)
    case "shift":
      return fifo.shift()
    case "take":
      return fifo.take((entry) => entry > step.entry)
    case "remove":
      return fifo.remove(step.entry)
    case "insert":
      return fifo.insert(step.entry, (entry) => entry > step.entry)
  }
}

describe("a Fifo", () => {
  it("does what an array does", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const fifo = new Fifo<number>()
        const list: Array<number> = []
        for (const one of steps) {
          assert.deepStrictEqual(perform(fifo, one), naive(list, one))
          assert.strictEqual(fifo.length, list.length)
          assert.strictEqual(fifo.last, list.at(-1))
          assert.deepStrictEqual([...fifo.toArray()], list)
        }
      })
    )
  })
})
