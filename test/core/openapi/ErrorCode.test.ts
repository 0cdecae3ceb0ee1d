import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import * as ErrorCode from "../../../packages/core/src/openapi/ErrorCode.ts"

const rows = [...ErrorCode.table.values()]
const unknownCode = fc.integer({ min: 1, max: 99_999_999 }).filter((code) => !ErrorCode.table.has(code))

describe("ErrorCode", () => {
  it("has every row under its own code, with a class that has a hint", () => {
    assert.strictEqual(rows.length, 348)
    for (const [code, row] of ErrorCode.table) {
      assert.strictEqual(row.code, code)
      assert.isTrue(ErrorCode.classes.includes(row.class), `${code}: ${row.class}`)
      assert.isAbove(ErrorCode.hints[row.class].length, 10)
      assert.isAbove(row.meaning.length, 0)
      assert.match(row.source, /\[(doc|sdk|field|unsure)\]/)
    }
  })

  it("uses every class", () => {
    const used = new Set(rows.map((row) => row.class))
    assert.deepStrictEqual([...used].toSorted(), [...ErrorCode.classes].toSorted())
  })

  it("classifies a known code by its row, whatever the status and the message, in either field", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...rows.filter((row) => row.code !== 0)),
        fc.integer({ min: 100, max: 599 }),
        fc.oneof(fc.string(), fc.constantFrom("频率限制", "已过期", "Too many requests")),
        fc.constantFrom("token", "send", "other") as fc.Arbitrary<ErrorCode.Endpoint>,
        fc.boolean(),
        unknownCode,
        (row, status, message, endpoint, first, other) => {
          const expected = row.code === 10004 && endpoint !== "token" ? "not_found" : row.class
          const codes = first ? { errCode: row.code, code: other } : { code: row.code, errCode: other }
          assert.strictEqual(ErrorCode.classify({ status, message, endpoint, ...codes }), expected)
          assert.strictEqual(ErrorCode.classify({ status, message, endpoint, code: row.code, errCode: 0 }), expected)
        }
      ),
      { numRuns: 1000 }
    )
  })

  it("looks at err_code before code", () => {
    assert.strictEqual(ErrorCode.classify({ status: 401, code: 11244, errCode: 40023002 }), "ip_not_allowed")
    assert.strictEqual(ErrorCode.classify({ status: 401, code: 11298, errCode: 40023002 }), "ip_not_allowed")
  })

  it("decides unknown codes by message, then status", () => {
    const cases: ReadonlyArray<readonly [Omit<ErrorCode.Facts, "code">, ErrorCode.ErrorClass]> = [
      [{ status: 400, message: "请求频率限制" }, "rate_limited"],
      [{ status: 200, message: "Too many requests, slow down" }, "rate_limited"],
      [{ status: 400, message: "回复消息msg_id已过期", endpoint: "send" }, "msg_id_expired"],
      [{ status: 400, message: "回复消息msg_id已过期" }, "bad_request"],
      [{ status: 429 }, "rate_limited"],
      [{ status: 401 }, "token_refresh"],
      [{ status: 404 }, "bad_request"],
      [{ status: 500 }, "transient"],
      [{ status: 302 }, "transient"],
      [{ status: 200 }, "bad_request"]
    ]
    fc.assert(
      fc.property(unknownCode, fc.constantFrom(...cases), (code, [facts, expected]) => {
        assert.strictEqual(ErrorCode.classify({ ...facts, code }), expected)
        assert.strictEqual(ErrorCode.classify({ ...facts, errCode: code }), expected)
      })
    )
  })

  it("takes a 2xx without a code as ok, and no other status", () => {
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 599 }), fc.constantFrom(undefined, 0), (status, code) => {
        const isOk = ErrorCode.classify({ status, code, errCode: code, message: "频率限制" }) === "ok"
        assert.strictEqual(isOk, status >= 200 && status < 300)
      })
    )
  })
})
