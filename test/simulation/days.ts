import { assert, describe, it } from "@effect/vitest"
import { Simulation } from "@effect-qq/core/testing"
import * as Effect from "effect/Effect"
import { scale } from "./scale.ts"

const seeds = Math.max(8, Math.round(200 * scale))

describe("a day of trouble", () => {
  for (let first = 1; first <= seeds; first += 4) {
    const last = Math.min(seeds, first + 3)
    it(`seeds ${first} to ${last}`, () => {
      for (let seed = first; seed <= last; seed++) {
        const report = Effect.runSync(
          Simulation.run({ seed, days: 1, faults: { rate: 0.02 }, traffic: { perHour: 4 } })
        )
        assert.strictEqual(report.handled + report.gaps, report.events)
        assert.isAbove(report.faults, 0)
      }
    })
  }
})
