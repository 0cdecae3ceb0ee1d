import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as Timestamp from "../../../packages/core/src/events/Timestamp.ts"
import { rfc3339 } from "../../../packages/core/src/testing/model/CivilDate.ts"

describe("a time of the platform", () => {
  for (const [written, expected] of [
    ["2026-09-21T10:00:01+08:00", "2026-09-21T02:00:01.000Z"],
    ["2026-09-21T02:00:01Z", "2026-09-21T02:00:01.000Z"],
    ["2026-09-21t02:00:01.25z", "2026-09-21T02:00:01.250Z"],
    ["2024-02-29T23:59:59.123456789-05:30", "2024-03-01T05:29:59.123Z"],
    ["2023-11-06 13:37:18 +0800 CST m=+5.1", "2023-11-06T05:37:18.000Z"],
    ["2023-11-06 13:37:18.123456789 +0800 CST m=+0.000000001", "2023-11-06T05:37:18.123Z"],
    ["2023-11-06 05:37:18 +0000 UTC", "2023-11-06T05:37:18.000Z"],
    ["1789956000", "2026-09-21T02:00:00.000Z"],
    ["1789956000123", "2026-09-21T02:00:00.123Z"],
    [1_789_956_000, "2026-09-21T02:00:00.000Z"],
    [1_789_956_000.5, "2026-09-21T02:00:00.500Z"],
    [1_789_956_000_123, "2026-09-21T02:00:00.123Z"]
  ] as const) {
    it(`${typeof written} ${written} is ${expected}`, () => {
      assert.strictEqual(Timestamp.toMillis(written), Date.parse(expected))
    })
  }

  it("is undefined where it cannot be parsed", () => {
    for (const value of [
      "",
      "yesterday",
      "0",
      0,
      -5,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      1e300,
      null,
      undefined,
      true,
      {},
      // without an offset nobody knows where
      "2026-09-21T10:00:01",
      "2026-02-30T00:00:00Z",
      "2026-13-01T00:00:00Z",
      "2026-00-01T00:00:00Z",
      "2026-01-01T24:00:00Z",
      "2026-01-01T00:60:00Z",
      "2026-01-01T00:00:00+99:00",
      "2026-01-01T00:00:00Zulu",
      // what Go says of a time that was never set
      "0001-01-01T00:00:00Z"
    ]) {
      assert.isUndefined(Timestamp.toMillis(value), JSON.stringify(value))
    }
  })

  it("in the platform's own form is read back, for a century", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 100 * 365 * 86_400 }), (seconds) => {
        assert.strictEqual(Timestamp.toMillis(rfc3339(seconds * 1000)), seconds * 1000)
      })
    )
  })

  it("never throws", () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        const millis = Timestamp.toMillis(value)
        assert.isTrue(millis === undefined || Number.isFinite(millis))
      })
    )
  })
})
