import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { assert } from "vitest"
import { FirstReads } from "../../packages/cluster/src/internal/FirstReads.ts"

/** Records of a database, and how often it was asked for all of them and for one. */
const setup = (rows: ReadonlyArray<readonly [string, string]>) => {
  const asked = { all: 0, one: 0, fails: 0 }
  const database = new Map(rows)
  const first = new FirstReads<string>(
    Effect.suspend(() => {
      asked.all++
      if (asked.fails-- > 0) return Effect.fail("away")
      return Effect.as(Effect.yieldNow(), [...database])
    })
  )
  const get = (key: string) =>
    first.get(
      key,
      Effect.sync(() => {
        asked.one++
        return Option.fromNullable(database.get(key))
      })
    )
  return { asked, database, first, get }
}

describe("the first reads of an owner's records", () => {
  it.effect("cost one statement, however many are read at once, found or not", () =>
    Effect.gen(function* () {
      const { asked, get } = setup([
        ["a", "1"],
        ["b", "2"]
      ])
      const read = yield* Effect.forEach(["a", "b", "c", "d"], get, { concurrency: "unbounded" })
      assert.deepStrictEqual(read, [Option.some("1"), Option.some("2"), Option.none(), Option.none()])
      assert.deepStrictEqual([asked.all, asked.one], [1, 0])
    })
  )

  it.effect(
    "are not what a writer reads after it has written, removed or cleared, before or while they are loaded",
    () =>
      Effect.gen(function* () {
        const { database, first, get } = setup([
          ["a", "1"],
          ["b", "2"],
          ["c", "3"]
        ])
        first.spend("a")
        database.set("a", "new")
        const reading = yield* Effect.fork(get("b"))
        yield* Effect.yieldNow()
        first.spend("b")
        database.delete("b")
        assert.deepStrictEqual(yield* reading, Option.none())
        assert.deepStrictEqual(yield* get("a"), Option.some("new"))
        first.clear()
        database.clear()
        assert.deepStrictEqual(yield* get("c"), Option.none())
        database.set("c", "again")
        assert.deepStrictEqual(yield* get("c"), Option.some("again"), "the database, from the second read on")
      })
  )

  it.effect("are tried again after a failure", () =>
    Effect.gen(function* () {
      const { asked, get } = setup([["a", "1"]])
      asked.fails = 1
      assert.strictEqual(yield* Effect.flip(get("a")), "away")
      assert.deepStrictEqual(yield* get("a"), Option.some("1"))
    })
  )
})
