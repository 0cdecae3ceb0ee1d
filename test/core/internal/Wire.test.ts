import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as Wire from "../../../packages/core/src/internal/Wire.ts"

const anything = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom(undefined, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, -(2 ** 53), 10n, Symbol("s"), () => 1)
)

describe("fields from the wire", () => {
  it("exist only on objects", () => {
    fc.assert(
      fc.property(anything, fc.string(), (value, name) => {
        const isObject = typeof value === "object" && value !== null && !Array.isArray(value)
        assert.strictEqual(Wire.isRecord(value), isObject)
        assert.deepStrictEqual(Wire.fieldsOf(value), isObject ? value : {})
        assert.strictEqual(Wire.recordOf(value), isObject ? value : undefined)
        assert.strictEqual(Wire.field(value, name), isObject ? (value as Wire.Fields)[name] : undefined)
      })
    )
  })

  it("read as text are a text that is not empty, or a whole number that keeps its digits", () => {
    fc.assert(
      fc.property(anything, (value) => {
        const text = Wire.textOf(value)
        if (typeof value === "string") assert.strictEqual(text, value === "" ? undefined : value)
        else if (typeof value === "number" && Number.isSafeInteger(value)) assert.strictEqual(Number(text), value)
        else assert.isUndefined(text)
      })
    )
  })

  it("read as a number are finite", () => {
    fc.assert(
      fc.property(anything, (value) => {
        const number = Wire.numberField({ value }, "value")
        if (typeof value === "number" && Number.isFinite(value)) assert.strictEqual(number, value)
        else assert.isUndefined(number)
      })
    )
  })

  it("never make two ids that differ the same one", () => {
    const digits = fc.double({ min: 2 ** 50, max: 2 ** 60, noNaN: true }).map(Math.floor)
    fc.assert(
      fc.property(digits, (n) => {
        const [one, other] = [Wire.textOf(n), Wire.textOf(n + 1)]
        assert.isTrue(one === undefined || other === undefined || one !== other)
      })
    )
  })
})
