import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { hashOf, type Keyed, KeyTable } from "../../../packages/core/src/internal/KeyTable.ts"

interface Named extends Keyed {
  readonly value: number
}

const record = (key: string, hash: number, value: number): Named => ({ key, hash, index: -1, value })

const operation = fc.record({
  what: fc.constantFrom("add", "add", "remove"),
  key: fc.integer({ min: 0, max: 300 }).map(String),
  value: fc.integer()
})

describe("a key table", () => {
  for (const [name, hash] of [
    ["the hash of the keys", (key: string) => hashOf(key, 7)],
    ["a hash that collides", (key: string) => Number(key) % 3],
    ["a hash that clusters at the end of the table", (key: string) => 60 + (Number(key) % 8)]
  ] as const) {
    it(`agrees with a Map after any history, with ${name}`, () => {
      fc.assert(
        fc.property(fc.array(operation, { maxLength: 600 }), (operations) => {
          const table = new KeyTable<Named>()
          const map = new Map<string, Named>()
          for (const { key, value, what } of operations) {
            const known = table.get(key, hash(key))
            assert.strictEqual(known, map.get(key))
            if (what === "add" && known === undefined) {
              const fresh = record(key, hash(key), value)
              table.add(fresh)
              map.set(key, fresh)
            }
            if (what === "remove" && known !== undefined) {
              table.remove(known)
              map.delete(key)
            }
            assert.strictEqual(table.size, map.size)
          }
          const seen: Array<Named> = []
          table.forEach((one) => seen.push(one))
          assert.sameMembers(seen, [...map.values()])
          for (const key of Array.from({ length: 301 }, (_, n) => String(n))) {
            assert.strictEqual(table.get(key, hash(key)), map.get(key))
          }
        }),
        { numRuns: 60 }
      )
    })
  }

  it("tells keys apart whose hashes are equal", () => {
    const table = new KeyTable<Named>()
    const [one, other] = [record("one", 5, 1), record("other", 5, 2)]
    table.add(one)
    table.add(other)
    assert.strictEqual(table.get("one", 5), one)
    assert.strictEqual(table.get("other", 5), other)
    assert.isUndefined(table.get("another", 5))
    table.remove(one)
    assert.isUndefined(table.get("one", 5))
    assert.strictEqual(table.get("other", 5), other)
  })

  it("spreads ids of the platform evenly, and differently by namespace", () => {
    const slots = new Set<number>()
    let same = 0
    const count = 4096
    for (let n = 0; n < count; n++) {
      const key = `ROBOT1.0_${(n * 7919).toString(16).padStart(48, "0")}!`
      slots.add(hashOf(key, 1) & (2 * count - 1))
      if (hashOf(key, 1) === hashOf(key, 2)) same++
    }
    // thrown at random, as many would hit 3 223 of twice as many slots
    assert.isAbove(slots.size, 3100)
    assert.strictEqual(same, 0)
  })
})
