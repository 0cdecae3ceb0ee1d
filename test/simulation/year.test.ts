import { assert, describe, it } from "@effect/vitest"
import { Simulation } from "@effect-qq/core/testing"
import * as Effect from "effect/Effect"
import { scale } from "./scale.ts"

const days = Math.max(14, Math.round(14 * scale))

describe("a bot that runs for long", () => {
  it(`${days} days, asked to come back every half hour, with something wrong in one minute of a hundred`, () => {
    const report = Effect.runSync(
      Simulation.run({ seed: 2026, days, faults: { rate: 0.01, rotateEvery: 30 }, traffic: { perHour: 1 } })
    )
    assert.strictEqual(report.handled + report.gaps, report.events)
    assert.isAbove(report.reconnects, days * 40)
    assert.isAbove(report.faults, days * 5)
  }, 600_000)
})
