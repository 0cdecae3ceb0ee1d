import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as fc from "fast-check"
import * as RetryAfter from "../../../packages/core/src/openapi/RetryAfter.ts"

const now = Date.UTC(1994, 10, 6, 8, 49, 0)

const seconds = (value: unknown): number | undefined => {
  const wait = RetryAfter.parse(value, now)
  return wait === undefined ? undefined : Duration.toSeconds(wait)
}

describe("the wait that a server asks for", () => {
  it.each([
    ["7", 7],
    [" 7 ", 7],
    ["1.5", 1.5],
    ["120, 120", 120],
    [7, 7],
    [Duration.seconds(3), 3],
    ["99999999999", 99_999_999_999],
    // the three forms of RFC 9110
    ["Sun, 06 Nov 1994 08:49:37 GMT", 37],
    ["Sunday, 06-Nov-94 08:49:37 GMT", 37],
    ["Sun Nov  6 08:49:37 1994", 37],
    ["Sun, 06 Nov 1994 08:48:00 GMT", 0]
  ])("is read from %s", (value, expected) => assert.strictEqual(seconds(value), expected))

  it.each([
    "soon",
    "",
    "-5",
    "5 minutes",
    "0x10",
    "Sun, 99 Nov 1994 08:49:37 GMT",
    -5,
    Number.NaN,
    {},
    null,
    undefined
  ])("cannot be read from %s", (value) => assert.isUndefined(seconds(value)))

  it("is granted up to the maximum, and warned about beyond it, whatever comes from the wire", () => {
    const maximum = Duration.minutes(10)
    fc.assert(
      fc.property(fc.anything(), fc.oneof(fc.double(), fc.nat().map(String), fc.string()), (other, value) => {
        const asked = RetryAfter.parse(value, now)
        const granted = RetryAfter.grant([value], now, maximum)
        assert.strictEqual(granted === undefined, asked === undefined)
        if (asked === undefined || granted === undefined) return
        assert.isTrue(Duration.lessThanOrEqualTo(granted.wait, maximum))
        assert.strictEqual(granted.warning !== undefined, Duration.greaterThan(asked, maximum))
        assert.doesNotThrow(() => RetryAfter.grant([other], now, maximum))
      })
    )
  })
})
