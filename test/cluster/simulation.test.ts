import { VirtualTime } from "@effect-qq/core/testing"
import * as Effect from "effect/Effect"
import { assert, describe, it } from "vitest"
import { type Planted, simulate } from "./support/virtualCluster.ts"

/** More of them: `TEST_SEEDS=300`. */
const count = Number(process.env["TEST_SEEDS"] ?? 40)

const run = (seed: number, planted: Planted): ReadonlyArray<string> =>
  Effect.runSync(VirtualTime.run()(simulate(seed, planted)))

describe("two processes over one store, one of them cut off again and again", () => {
  it(`${count} seeds: one owner for each epoch, nothing is lost, seen twice or identified again`, () => {
    for (let seed = 1; seed <= count; seed++) assert.deepStrictEqual(run(seed, "none"), [], `seed ${seed}`)
  })

  for (const planted of [
    "no lease",
    "no fence",
    "claim without a fresh lease",
    "Run returns when fenced"
  ] as const satisfies ReadonlyArray<Planted>) {
    it(`planted, ${planted}: found`, () => {
      const seeds = Array.from({ length: 20 }, (_, index) => index + 1)
      assert.isTrue(
        seeds.some((seed) => run(seed, planted).length > 0),
        "no seed found it"
      )
    })
  }
})
