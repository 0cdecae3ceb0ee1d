import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { SlidingWindow } from "../../../packages/core/src/internal/SlidingWindow.ts"
import * as NaiveWindow from "../../support/naiveWindow.ts"

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ step: fc.constant("reserve" as const), amount: fc.nat(40) }) },
  { weight: 2, arbitrary: fc.record({ step: fc.constant("release" as const), amount: fc.nat(60) }) },
  { weight: 1, arbitrary: fc.record({ step: fc.constant("advance" as const), amount: fc.nat(12) }) }
)

describe("a sliding window", () => {
  it("finds the same free moments as a search through all moments, and is never over its limit", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 15 }),
        fc.array(step, { maxLength: 120 }),
        (limit, length, steps) => {
          const window = new SlidingWindow(limit, length)
          const reserved: Array<number> = []
          let now = 0
          for (const { amount, step: what } of steps) {
            if (what === "reserve") {
              const at = window.firstFree(now + amount)
              assert.strictEqual(at, NaiveWindow.firstFree([{ limit, length, reserved }], now + amount))
              window.reserve(at)
              reserved.push(at)
            } else if (what === "advance") {
              now += amount
              window.forgetBefore(now)
            } else {
              const pending = reserved.filter((moment) => moment > now)
              const moment = pending[amount % Math.max(1, pending.length)]
              if (moment === undefined) continue
              window.release(moment)
              reserved.splice(reserved.indexOf(moment), 1)
            }
            assert.isTrue(NaiveWindow.isWithin({ limit, length, reserved }))
            assert.strictEqual(
              window.isOver(now),
              reserved.every((moment) => moment <= now - length)
            )
            for (let from = now; from < now + 2 * length; from++) {
              assert.strictEqual(window.firstFree(from), NaiveWindow.firstFree([{ limit, length, reserved }], from))
            }
          }
        }
      ),
      { numRuns: 300 }
    )
  })

  it("with lengths that are no whole milliseconds gives the moment at which the oldest leaves", () => {
    const window = new SlidingWindow(2, 1.5)
    for (const moment of [0, 1]) window.reserve(moment)
    assert.strictEqual(window.firstFree(0.5), 1.5)
    window.reserve(1.5)
    assert.strictEqual(window.firstFree(1.5), 2.5)
  })
})
