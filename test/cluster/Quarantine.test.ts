import { Quarantine } from "@effect-qq/cluster"
import { describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as fc from "fast-check"
import { assert } from "vitest"

const policy = Quarantine.defaults
const minute = 60_000

const none: Quarantine.Record = { ends: [], strikes: 0, quarantinedAt: undefined }

const handled = (...keys: ReadonlyArray<string>): ReadonlyArray<Quarantine.Handled> =>
  keys.map((key, index) => ({ key, seq: index }))

const end = (at: number, keys: ReadonlyArray<string> = [], starting = false): Quarantine.UncleanEnd => ({
  at,
  starting,
  handling: handled(...keys)
})

const after = (...ends: ReadonlyArray<Quarantine.UncleanEnd>): Quarantine.Record =>
  ends.reduce((record, each) => Quarantine.withEnd(policy, record, each), none)

const decide = (record: Quarantine.Record, now: number) => Quarantine.decide(policy, record, now)

describe("a bot whose process ended", () => {
  it("is watched after the first and the second end, and put aside after the third on the same event", () => {
    assert.strictEqual(decide(none, 0)._tag, "Clear")
    assert.strictEqual(decide(after(end(0)), 1)._tag, "Suspect")
    assert.strictEqual(decide(after(end(0), end(1, ["x"])), 2)._tag, "Suspect")
    assert.deepStrictEqual(decide(after(end(0), end(1, ["x", "y"]), end(2, ["x"])), 3), {
      _tag: "Quarantined",
      for: Duration.minutes(1),
      skip: handled("x")
    })
  })

  it("that was handling something else each time died beside another, and is not put aside", () => {
    assert.strictEqual(decide(after(end(0), end(1, ["x"]), end(2, ["y"])), 3)._tag, "Suspect")
    assert.strictEqual(decide(after(end(0), end(1), end(2)), 3)._tag, "Suspect")
  })

  it("before it was ever Ready, three times, is put aside without an event", () => {
    assert.deepStrictEqual(decide(after(end(0, [], true), end(1, [], true), end(2, [], true)), 3), {
      _tag: "Quarantined",
      for: Duration.minutes(1),
      skip: []
    })
    assert.strictEqual(decide(after(end(0), end(1, [], true), end(2, [], true)), 3)._tag, "Suspect")
  })

  it("is forgiven ends that are older than ten minutes", () => {
    const record = after(end(0, ["x"]), end(1, ["x"]), end(2, ["x"]))
    assert.strictEqual(decide(record, 9 * minute)._tag, "Quarantined")
    assert.strictEqual(decide(record, 11 * minute)._tag, "Clear")
    assert.strictEqual(
      decide(after(end(0, ["x"]), end(9 * minute, ["x"]), end(11 * minute, ["x"])), 11 * minute)._tag,
      "Suspect"
    )
  })

  it("is put aside for 1, 5, 30 and 30 minutes, and for 1 again after an hour of peace", () => {
    let record = none
    let now = 0
    const waits: Array<number> = []
    const strike = (): void => {
      for (let count = 0; count < 3; count++) record = Quarantine.withEnd(policy, record, end(now, ["x"]))
      const verdict = decide(record, now)
      assert.strictEqual(verdict._tag, "Quarantined")
      if (verdict._tag === "Quarantined") waits.push(Duration.toMinutes(verdict.for))
      record = Quarantine.quarantined(policy, record, now)
      assert.strictEqual(decide(record, now)._tag, "Clear", "its ends are paid for")
      now += 31 * minute
    }
    strike()
    strike()
    strike()
    strike()
    now += 60 * minute
    strike()
    assert.deepStrictEqual(waits, [1, 5, 30, 30, 1])
  })

  it("is never put aside for fewer than three ends, nor for an event that it was not handling each time it is known", () => {
    const anyEnd = fc.record({
      at: fc.integer({ min: 0, max: 20 * minute }),
      starting: fc.boolean(),
      keys: fc.uniqueArray(fc.constantFrom("a", "b", "c"), { maxLength: 3 })
    })
    fc.assert(
      fc.property(fc.array(anyEnd, { maxLength: 6 }), (ends) => {
        const sorted = ends.toSorted((a, b) => a.at - b.at)
        const record = after(...sorted.map(({ at, keys, starting }) => end(at, keys, starting)))
        const now = sorted.at(-1)?.at ?? 0
        const verdict = decide(record, now)
        assert.isAtMost(record.ends.length, policy.after, "the record is bounded")
        if (verdict._tag !== "Quarantined") return
        const recent = sorted.filter(({ at }) => now - at < 10 * minute).slice(-3)
        assert.strictEqual(recent.length, 3)
        for (const { key } of verdict.skip) {
          for (const { keys } of recent) if (keys.length > 0) assert.include(keys, key)
        }
        if (verdict.skip.length === 0) assert.isTrue(recent.every(({ starting }) => starting))
      })
    )
  })
})
