import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as Unclaimed from "../../../packages/core/src/delivery/Unclaimed.ts"

describe("unclaimed interactions", () => {
  it("are taken oldest first, each once", () => {
    const unclaimed = Unclaimed.make<string>(8)
    for (const press of ["a1", "b", "a2"]) assert.isUndefined(unclaimed.keep(press, "message"))
    const take = () => unclaimed.take((press) => press.startsWith("a"))
    assert.deepStrictEqual([take(), take(), take()], ["a1", "a2", undefined])
    assert.deepStrictEqual(unclaimed.clear(), ["b"])
    assert.deepStrictEqual(unclaimed.clear(), [])
  })

  it("are given back with the last event before them, with the oldest first where there are too many, and none twice", () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant("keep" as const), last: fc.integer({ min: 0, max: 4 }) }),
      fc.record({ do: fc.constant("handled" as const), last: fc.integer({ min: 0, max: 4 }) })
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 0, max: 5 }), (steps, capacity) => {
        const unclaimed = Unclaimed.make<number>(capacity)
        let expected: ReadonlyArray<readonly [work: number, last: number]> = []
        for (const [index, { do: what, last }] of steps.entries()) {
          const work = 100 + index
          if (what === "keep") {
            expected = expected.concat([[work, last]])
            const surplus = expected.length > capacity ? expected[0]?.[0] : undefined
            if (surplus !== undefined) expected = expected.slice(1)
            assert.strictEqual(unclaimed.keep(work, last), surplus)
          } else {
            const over = expected.filter(([, until]) => until === last).map(([press]) => press)
            expected = expected.filter(([, until]) => until !== last)
            assert.deepStrictEqual(unclaimed.handled(last), over)
          }
        }
        assert.deepStrictEqual(
          unclaimed.clear(),
          expected.map(([press]) => press)
        )
      })
    )
  })
})
