import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import * as CivilDate from "../../../packages/core/src/testing/model/CivilDate.ts"

describe("CivilDate", () => {
  it("writes the platform's own form", () => {
    assert.strictEqual(CivilDate.rfc3339(Date.UTC(2026, 8, 21, 2, 0, 1)), "2026-09-21T10:00:01+08:00")
    assert.strictEqual(CivilDate.rfc3339(0), "1970-01-01T08:00:00+08:00")
    assert.strictEqual(CivilDate.rfc3339(Date.UTC(2024, 1, 28, 16)), "2024-02-29T00:00:00+08:00")
    assert.strictEqual(CivilDate.rfc3339(Date.UTC(1999, 11, 31, 15, 59, 59)), "1999-12-31T23:59:59+08:00")
  })

  it("agrees with the engine's calendar from 1000 to 9999", () => {
    const date = fc.integer({ min: Date.UTC(1000, 0, 1), max: Date.UTC(9999, 0, 1) })
    fc.assert(
      fc.property(date, (at) => {
        const text = CivilDate.rfc3339(at)
        assert.match(text, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+08:00$/)
        assert.strictEqual(Date.parse(text), Math.floor(at / 1000) * 1000)
      }),
      { numRuns: 2000 }
    )
  })
})
