import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as CloseCode from "../../../packages/core/src/gateway/CloseCode.ts"

const range = (from: number, to: number): ReadonlyArray<number> =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index)

/** What the design says about every code that is documented or has been seen. */
const expected: ReadonlyArray<readonly [CloseCode.CloseRecovery, ReadonlyArray<number>]> = [
  ["resume", [...range(1000, 1003), ...range(1005, 1008), ...range(1010, 1015)]],
  ["expired", [4009]],
  ["identify", [1009, 4000, 4003, 4005, 4006, 4007, ...range(4900, 4913)]],
  ["refresh-token", [4004]],
  ["slow-down", [4008]],
  ["refused-intents", [4013, 4014]],
  ["client-error", [4001, 4002]],
  ["not-allowed", [4924]],
  ["misconfigured", [4010, 4011, 4012]],
  ["fatal", [4015, 4914, 4915]]
]

/** Where reconnecting alone mends nothing, a person has to be told what would. */
const needsAPerson: ReadonlySet<CloseCode.CloseRecovery> = new Set(["refused-intents", "client-error", "not-allowed"])

describe("the table of close codes", () => {
  it("4001, 4002 and 4010 to 4012 are the refusals that may pass", () => {
    const passing = [...CloseCode.table.values()].filter(
      ({ recovery }) => recovery === "client-error" || recovery === "misconfigured"
    )
    assert.deepStrictEqual(
      passing.map(({ code }) => code),
      [4001, 4002, 4010, 4011, 4012]
    )
  })

  it("has no row besides", () => {
    const known = expected.flatMap(([, codes]) => codes)
    assert.deepStrictEqual(
      [...CloseCode.table.keys()].toSorted((a, b) => a - b),
      known.toSorted((a, b) => a - b)
    )
  })

  it("has in every row the code, its meaning and a source", () => {
    for (const [code, row] of CloseCode.table) {
      assert.strictEqual(row.code, code)
      assert.notStrictEqual(row.meaning, "")
      assert.notStrictEqual(row.source, "")
    }
  })

  it("has a hint for every code that stops a bot, where one is known", () => {
    const silent = [...CloseCode.table.values()].filter(
      ({ hint, recovery }) =>
        (needsAPerson.has(recovery) || recovery === "misconfigured" || recovery === "fatal") && (hint ?? "").length < 10
    )
    assert.deepStrictEqual(
      silent.map(({ code }) => code),
      // nobody knows what it means
      [4015]
    )
  })
})

describe("lookup", () => {
  it("finds every row of the table", () => {
    for (const [code, row] of CloseCode.table) assert.strictEqual(CloseCode.lookup(code), row)
  })

  it("an unknown 4xxx identifies, anything else is a broken connection", () => {
    fc.assert(
      fc.property(fc.integer(), (code) => {
        if (CloseCode.table.has(code)) return
        const row = CloseCode.lookup(code)
        assert.strictEqual(row.code, code)
        assert.strictEqual(row.recovery, code >= 4000 && code <= 4999 ? "identify" : "resume")
      })
    )
    assert.strictEqual(CloseCode.lookup(4777).recovery, "identify")
    assert.strictEqual(CloseCode.lookup(3999).recovery, "resume")
    assert.strictEqual(CloseCode.lookup(5000).recovery, "resume")
  })
})
