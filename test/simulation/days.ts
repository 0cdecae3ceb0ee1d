import { assert, describe, it } from "@effect/vitest"
import { Simulation } from "@effect-qq/core/testing"
import * as Effect from "effect/Effect"
import { scale } from "./scale.ts"

const seeds = Math.max(8, Math.round(60 * scale))

/** How many seeds are one test. */
const together = 4

/** A higher chance of a fault, with more to do: a day of each of these seeds. */
const harder = [
  { rate: 0.2, perHour: 20, first: 777_000, seeds: 24, among: [777_011, 777_013] },
  { rate: 0.4, perHour: 8, first: 999_000, seeds: 12, among: [999_003, 999_008] }
] as const

/** The kinds of mishaps from which the seeds of `among` were drawn. */
const asFound = ["network", "gateway", "delivery", "http", "restart", "crash"] as const

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

  describe("a day of more trouble", () => {
    for (const { among, first, perHour, rate, seeds: most } of harder) {
      const count = Math.max(4, Math.round(most * scale))
      const chosen = [
        ...Array.from({ length: count }, (_, index) => ({ seed: first + index, kinds: undefined, title: "" })),
        // a half-open link counted as time spent Ready in these, and the ladder started over
        ...among.map((seed) => ({ seed, kinds: asFound, title: ", a half-open link in it" }))
      ]
      for (const { kinds, seed, title } of chosen.filter((each) => each.seed % 2 === half)) {
        it(`seed ${seed}, with something wrong in ${rate * 100} minutes of a hundred${title}`, () => {
          const report = Effect.runSync(
            Simulation.run({ seed, days: 1, faults: { rate, kinds }, traffic: { perHour } })
          )
          assert.strictEqual(report.handled + report.gaps, report.events)
          assert.isAbove(report.faults, 100)
        })
      }
    }
  })
}
