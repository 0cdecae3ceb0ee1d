import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import {
  doubledNumbers,
  doubledValues,
  KeyRing,
  makeNumbers,
  makeValues
} from "../../../packages/core/src/internal/KeyRing.ts"
import { hashOf } from "../../../packages/core/src/internal/KeyTable.ts"

/** A ring with a column of each kind. */
class Ring extends KeyRing {
  private numbers = makeNumbers()
  private values = makeValues("")

  add(key: string, hash: number, fact: number): number {
    const row = this.append(key, hash)
    this.numbers[this.place(row)] = fact
    this.values[this.place(row)] = `${fact}`
    return row
  }

  factsOf(row: number): readonly [number | undefined, string | undefined] {
    return [this.numbers[this.place(row)], this.values[this.place(row)]]
  }

  protected override doubled(): void {
    this.numbers = doubledNumbers(this.numbers)
    this.values = doubledValues(this.values)
  }
}

const operation = fc.record({
  what: fc.constantFrom("add", "add", "add", "forget the oldest", "remove"),
  key: fc.integer({ min: 0, max: 100 }).map(String),
  fact: fc.integer()
})

describe("a key ring", () => {
  for (const [name, hash] of [
    ["the hash of the keys", (key: string) => hashOf(key, 7)],
    ["a hash that collides", (key: string) => Number(key) % 3],
    ["a hash that clusters at the end of the table", (key: string) => 28 + (Number(key) % 8)]
  ] as const) {
    it(`agrees with a list after any history, with ${name}`, () => {
      fc.assert(
        fc.property(fc.array(operation, { maxLength: 400 }), (operations) => {
          const ring = new Ring()
          let list: Array<{ readonly row: number; readonly key: string; readonly fact: number }> = []
          for (const { fact, key, what } of operations) {
            const same = list.find((one) => one.key === key)
            if (what === "add") {
              list.push({ row: ring.add(key, hash(key), fact), key, fact })
            } else {
              const row = what === "remove" ? same?.row : list[0]?.row
              if (row === undefined) continue
              ring.remove(row)
              list = list.filter((one) => one.row !== row)
              assert.isFalse(ring.has(row))
            }
            assert.strictEqual(ring.size, list.length)
            if (list[0] !== undefined) assert.strictEqual(ring.first, list[0].row)
          }
          const seen: Array<number> = []
          ring.forEach((row) => seen.push(row))
          assert.deepStrictEqual(
            seen,
            list.map(({ row }) => row)
          )
          for (const { fact, key, row } of list) {
            assert.isTrue(ring.has(row))
            assert.strictEqual(ring.keyOf(row), key)
            assert.deepStrictEqual(ring.factsOf(row), [fact, `${fact}`])
          }
          for (const key of Array.from({ length: 101 }, (_, n) => String(n))) {
            const found: Array<number> = []
            for (let row = ring.find(key, hash(key)); row >= 0; row = ring.find(key, hash(key), row)) found.push(row)
            assert.sameMembers(
              found,
              list.filter((one) => one.key === key).map(({ row }) => row)
            )
          }
        }),
        { numRuns: 60 }
      )
    })
  }

  it("needs no more places than rows that it holds at a time", () => {
    const ring = new Ring()
    let allocations = 0
    const grow = ring["doubled"].bind(ring)
    ring["doubled"] = () => {
      allocations++
      grow()
    }
    for (let n = 0; n < 10_000; n++) {
      if (ring.size === 64) ring.remove(ring.first)
      ring.add(`${n}`, hashOf(`${n}`, 0), n)
    }
    assert.strictEqual(allocations, 2)
  })
})
