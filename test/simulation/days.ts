import { assert, describe, it } from "@effect/vitest"
import { Simulation } from "@effect-qq/core/testing"
import * as Effect from "effect/Effect"
import { scale } from "./scale.ts"

const seeds = Math.max(8, Math.round(200 * scale))

/** How many seeds are one test. */
const together = 4

/** A day of each seed. The seeds are in two files, so that two cores have the same to do. */
export const days = (half: 0 | 1): void => {
  describe("a day of trouble", () => {
    for (let first = 1 + half * together; first <= seeds; first += 2 * together) {
      const last = Math.min(seeds, first + together - 1)
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
}
