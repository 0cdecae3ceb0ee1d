import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as fc from "fast-check"
import { Allowance } from "../../../packages/core/src/gateway/Allowance.ts"
import { IdentifyBudget, restored } from "../../../packages/core/src/gateway/IdentifyBudget.ts"
import { policy } from "../../../packages/core/src/gateway/GatewayMetadata.ts"

type Step =
  | { readonly take: number }
  | { readonly pause: number; readonly after: number }
  | { readonly cut: number; readonly after: number }

const after = fc.integer({ min: 0, max: 90_000 })

const steps: fc.Arbitrary<ReadonlyArray<Step>> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ take: fc.integer({ min: 0, max: 60_000 }) }) },
    fc.record({ pause: fc.integer({ min: 0, max: 600_000 }), after }),
    fc.record({ cut: fc.constant(5000), after })
  ),
  { maxLength: 60 }
)

describe("an allowance", () => {
  it("never grants more than the burst and one request per interval, and none in a pause", () => {
    const every = Duration.toMillis(policy.every)
    fc.assert(
      fc.property(steps, (steps) => {
        const allowance = new Allowance(policy)
        const granted: Array<number> = []
        let now = 1000
        let pausedUntil = 0
        for (const step of steps) {
          if ("take" in step) {
            now += step.take
            const wait = allowance.take(now)
            if (wait === 0) {
              assert.isAtLeast(now, pausedUntil)
              granted.push(now)
            } else assert.isAbove(wait, 0)
            continue
          }
          now += step.after
          if ("pause" in step) {
            allowance.pause.extend(now + step.pause)
            pausedUntil = Math.max(pausedUntil, now + step.pause)
          } else {
            allowance.pause.cutShort(now, step.cut)
            pausedUntil = now + allowance.pause.left(now)
          }
        }
        granted.forEach((from, first) => {
          granted.slice(first).forEach((to, count) => {
            assert.isAtMost(count + 1, policy.burst + (to - from) / every + 1e-6)
          })
        })
      })
    )
  })

  it("grants a request after the wait that it named, to the millisecond", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 29_000 }), (spent) => {
        const allowance = new Allowance(policy)
        for (let taken = 0; taken < policy.burst; taken++) assert.strictEqual(allowance.take(0), 0)
        const wait = allowance.take(spent)
        if (wait > 2) assert.isAbove(allowance.take(spent + wait - 2), 0)
        assert.isAtMost(allowance.take(spent + wait), 1)
      })
    )
  })
})

describe("the budget of identifies", () => {
  it("is full again at each reset, however many were missed", () => {
    const limits = { total: 1000, remaining: 3, resetAt: 5000, maxConcurrency: 1 }
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e6 }), (now) => {
        const next = restored(limits, now, 1000)
        if (now < limits.resetAt) return assert.strictEqual(next, limits)
        assert.strictEqual(next.remaining, 1000)
        assert.isAbove(next.resetAt, now)
        assert.isAtMost(next.resetAt, now + 1000)
        assert.strictEqual((next.resetAt - limits.resetAt) % 1000, 0)
      })
    )
  })

  it("is counted down, never below nothing, and unknown until the platform says it", () => {
    const budget = new IdentifyBudget("1", Duration.hours(24))
    budget.take(0)
    assert.strictEqual(budget.limits(7).remaining, Number.POSITIVE_INFINITY)
    assert.strictEqual(budget.limits(7).resetAt, 7)
    budget.set({ total: 10, remaining: 1, resetAt: 100, maxConcurrency: 2 })
    budget.take(8)
    budget.take(9)
    assert.deepStrictEqual(budget.limits(9), { total: 10, remaining: 0, resetAt: 100, maxConcurrency: 2 })
    assert.strictEqual(budget.limits(100).remaining, 10)
  })
})
