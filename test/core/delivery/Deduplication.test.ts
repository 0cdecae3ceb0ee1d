import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as fc from "fast-check"
import * as v8 from "node:v8"
import * as vm from "node:vm"
import { Deduplication } from "../../../packages/core/src/delivery/Deduplication.ts"
import * as DeliveryPolicy from "../../../packages/core/src/delivery/DeliveryPolicy.ts"
import * as Identity from "../../../packages/core/src/delivery/Identity.ts"

/** Ids by their names: what a test receives is told of as the types before it. */
const make = (changes: Partial<DeliveryPolicy.DeliveryPolicy> = {}) => {
  const ids = new Deduplication({ ...DeliveryPolicy.defaults, ...changes })
  const byKey = new Map<string, Identity.Identity>()
  return {
    receive: (source: Identity.Source, key: string, type: string, sequence: number) => {
      const id = ids.receive(source, key, type, sequence)
      if (id === undefined) return undefined
      byKey.set(key, id)
      return Identity.before(id, type)
    },
    settle: (key: string, type: string, now: number) => {
      const id = byKey.get(key)
      if (id !== undefined) ids.settle(id, type, now)
    },
    begin: (source: Identity.Source) => ids.begin(source),
    snapshot: (source: Identity.Source, now: number) => ids.snapshot(source, now),
    restore: (source: Identity.Source, settled: ReturnType<typeof ids.snapshot>) => ids.restore(source, settled),
    size: () => ids.size
  }
}

/** The ids of one session, which is where it is said to be. */
const remember = (changes: Partial<DeliveryPolicy.DeliveryPolicy> = {}) => {
  const ids = make(changes)
  let watermark = 0
  const source = { watermark: () => watermark }
  return {
    receive: (key: string, type: string, sequence: number) => ids.receive(source, key, type, sequence),
    settle: (key: string, type: string, now: number, at: number) => {
      watermark = at
      ids.settle(key, type, now)
    },
    begin: () => ids.begin(source),
    snapshot: (now: number, at: number) => {
      watermark = at
      return ids.snapshot(source, now)
    },
    restore: (settled: ReturnType<typeof ids.snapshot>) => ids.restore(source, settled),
    size: ids.size
  }
}

const minutes = (count: number): number => Duration.toMillis(Duration.minutes(count))

describe("an event", () => {
  it("is new the first time, and known from then on", () => {
    const ids = remember()
    assert.deepStrictEqual(ids.receive("c2c:m", "C2C", 2), [])
    assert.strictEqual(ids.receive("c2c:m", "C2C", 3), undefined)
    ids.settle("c2c:m", "C2C", 0, 2)
    assert.strictEqual(ids.receive("c2c:m", "C2C", 4), undefined)
    assert.deepStrictEqual(ids.receive("c2c:another", "C2C", 5), [])
  })

  it("that comes as a twin names the types before it, and each type is received once", () => {
    const ids = remember()
    assert.deepStrictEqual(ids.receive("group:m", "AT", 2), [])
    assert.deepStrictEqual(ids.receive("group:m", "FULL", 3), ["AT"])
    assert.strictEqual(ids.receive("group:m", "AT", 4), undefined)
    assert.strictEqual(ids.receive("group:m", "FULL", 5), undefined)
    ids.settle("group:m", "AT", 0, 3)
    ids.settle("group:m", "FULL", 0, 3)
    assert.strictEqual(ids.receive("group:m", "FULL", 6), undefined)
    assert.deepStrictEqual(ids.receive("group:m", "THIRD", 7), ["AT", "FULL"])
  })

  it("that is settled without having come is nothing", () => {
    const ids = remember()
    ids.settle("c2c:m", "C2C", 0, 9)
    assert.strictEqual(ids.size(), 0)
    assert.deepStrictEqual(ids.receive("c2c:m", "C2C", 2), [])
  })
})

describe("an id", () => {
  it("is forgotten ten minutes after it was settled, at the next settlement", () => {
    const ids = remember()
    ids.receive("a", "T", 1)
    ids.settle("a", "T", 0, 1)
    ids.receive("b", "T", 2)
    ids.settle("b", "T", minutes(10) - 1, 2)
    assert.strictEqual(ids.receive("a", "T", 3), undefined)
    ids.receive("c", "T", 4)
    ids.settle("c", "T", minutes(10), 4)
    assert.deepStrictEqual(ids.receive("a", "T", 5), [])
    assert.strictEqual(ids.receive("b", "T", 6), undefined)
  })

  it("is kept while its seq lies above the watermark: the platform would replay it", () => {
    const ids = remember()
    ids.receive("blocked", "T", 1)
    ids.receive("a", "T", 2)
    ids.settle("a", "T", 0, 0)
    ids.receive("b", "T", 3)
    ids.settle("b", "T", minutes(60), 0)
    assert.strictEqual(ids.receive("a", "T", 2), undefined)
    ids.settle("blocked", "T", minutes(61), 3)
    assert.deepStrictEqual(ids.receive("a", "T", 9), [])
  })

  it("in flight keeps no settled one from being forgotten", () => {
    const ids = remember()
    ids.receive("takes long", "T", 1)
    for (let n = 0; n < 1000; n++) {
      ids.receive(`m${n}`, "T", 0)
      ids.settle(`m${n}`, "T", n * minutes(1), 0)
    }
    assert.isAtMost(ids.size(), 12)
    assert.strictEqual(ids.receive("takes long", "T", 1), undefined)
  })

  it("of an older session counts for as long as any other", () => {
    const ids = remember()
    ids.receive("a", "T", 900)
    ids.settle("a", "T", 0, 0)
    ids.begin()
    ids.receive("b", "T", 1)
    ids.settle("b", "T", minutes(10), 1)
    assert.deepStrictEqual(ids.receive("a", "T", 2), [])
  })
})

describe("the capacity", () => {
  it("drops the oldest settled ids, never one in flight", () => {
    const ids = remember({ deduplicationCapacity: 10 })
    ids.receive("in flight", "T", 0)
    for (let n = 0; n < 100; n++) {
      ids.receive(`m${n}`, "T", n)
      ids.settle(`m${n}`, "T", 0, 0)
      assert.isAtMost(ids.size(), 12)
    }
    assert.strictEqual(ids.receive("in flight", "T", 0), undefined)
    assert.strictEqual(ids.receive("m99", "T", 100), undefined)
    assert.deepStrictEqual(ids.receive("m5", "T", 101), [])
  })

  // it asks V8 to collect its garbage
  it.skipIf(process.versions["bun"] !== undefined)(
    "is also that of the memory: nothing keeps the record of an id that is settled",
    async () => {
      const ids = new Deduplication({ ...DeliveryPolicy.defaults, deduplicationCapacity: 1 })
      const receive = (key: string) =>
        ids.receive({ watermark: () => 0 }, key, "T", 1) ?? assert.fail("it was not received before")
      const settled = (() => {
        const id = receive("a")
        ids.settle(id, "T", 0)
        return new WeakRef(id)
      })()
      const inFlight = new WeakRef(receive("b"))
      v8.setFlagsFromString("--expose-gc")
      const collect = vm.runInNewContext("gc") as () => void
      // a WeakRef holds what it refers to until the code that made it has ended
      await new Promise(setImmediate)
      collect()
      assert.isUndefined(settled.deref())
      assert.isDefined(inFlight.deref())
      assert.strictEqual(ids.size, 2)
    }
  )

  it("applies to restored ids", () => {
    const ids = remember({ deduplicationCapacity: 3 })
    ids.restore(Array.from({ length: 50 }, (_, n) => ({ key: `m${n} T`, sequence: n, at: 0 })))
    assert.strictEqual(ids.size(), 3)
    assert.strictEqual(ids.receive("m49", "T", 50), undefined)
  })
})

describe("a restart", () => {
  it("knows what was settled, and not what was in flight", () => {
    const before = remember()
    before.receive("group:settled", "AT", 1)
    before.settle("group:settled", "AT", 5, 1)
    before.receive("group:in flight", "AT", 2)
    before.receive("group:half", "AT", 3)
    before.receive("group:half", "FULL", 4)
    before.settle("group:half", "AT", 6, 1)

    const after = remember()
    after.restore(before.snapshot(10, 1))
    assert.strictEqual(after.receive("group:settled", "AT", 1), undefined)
    assert.deepStrictEqual(after.receive("group:in flight", "AT", 2), [])
    assert.strictEqual(after.receive("group:half", "AT", 3), undefined)
    assert.deepStrictEqual(after.receive("group:half", "FULL", 4), ["AT"])
  })

  it("does not know a twin alone: the handlers of the one that came first had not ended", () => {
    const before = remember()
    before.receive("group:twins", "AT", 1)
    before.receive("group:twins", "FULL", 2)
    before.settle("group:twins", "FULL", 5, 0)

    const after = remember()
    after.restore(before.snapshot(10, 0))
    assert.deepStrictEqual(after.receive("group:twins", "AT", 1), [])
    assert.deepStrictEqual(after.receive("group:twins", "FULL", 2), ["AT"])
  })

  it("does not restore ids whose window has passed", () => {
    const ids = remember()
    ids.receive("a", "T", 1)
    ids.settle("a", "T", 0, 2)
    ids.receive("b", "T", 2)
    ids.settle("b", "T", minutes(5), 2)
    assert.deepStrictEqual(
      ids.snapshot(minutes(10), 2).map(({ key }) => key),
      ["b T"]
    )
  })

  it("survives keys that are none", () => {
    const ids = remember()
    ids.restore([
      { key: "", sequence: 1, at: 0 },
      { key: "nospace", sequence: 1, at: 0 },
      { key: " T", sequence: 1, at: 0 }
    ])
    assert.deepStrictEqual(ids.receive("nospace", "T", 1), [])
  })

  it("loses nothing however often it happens", () => {
    const step = fc.tuple(fc.nat(8), fc.constantFrom("AT", "FULL"), fc.constantFrom("receive", "settle", "restart"))
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let ids = remember()
        /** By id, the types under which it came, in that order, and whether the event of each is settled. */
        const known = new Map<number, Map<string, boolean>>()
        for (const [id, type, what] of steps) {
          const types = known.get(id) ?? new Map<string, boolean>()
          known.set(id, types)
          if (what === "receive") {
            const before = ids.receive(`m${id}`, type, 1)
            assert.deepStrictEqual(before, types.has(type) ? undefined : [...types.keys()], `${id} ${type}`)
            if (before !== undefined) types.set(type, false)
          } else if (what === "settle") {
            ids.settle(`m${id}`, type, 0, 0)
            if (types.has(type)) types.set(type, true)
          } else {
            const stored = ids.snapshot(0, 0)
            ids = remember()
            ids.restore(stored)
            for (const own of known.values()) {
              // what came first and is not settled must come again, and so must those that came after it
              let isWhole = true
              for (const [each, isSettled] of own) {
                isWhole = isWhole && isSettled
                if (!isWhole) own.delete(each)
              }
            }
          }
        }
      }),
      { numRuns: 300 }
    )
  })
})

describe("what is stored for the next process", () => {
  it("is all that a resume can replay, and of the rest the newest", () => {
    const ids = remember({ deduplicationStored: 3 })
    for (let sequence = 1; sequence <= 10; sequence++) {
      ids.receive(`c2c:${sequence}`, "C2C", sequence)
      ids.settle(`c2c:${sequence}`, "C2C", sequence, 0)
    }
    const stored = (watermark: number) => ids.snapshot(10, watermark).map(({ sequence }) => sequence)
    assert.deepStrictEqual(stored(10), [8, 9, 10])
    assert.deepStrictEqual(stored(5), [6, 7, 8, 9, 10])
    assert.strictEqual(stored(0).length, 10)
    assert.strictEqual(ids.size(), 10)
  })
})

describe("several sources", () => {
  const session = (at: number) => ({ watermark: () => at })
  const webhook = session(Number.POSITIVE_INFINITY)

  it("bring the same event once, whichever is first", () => {
    const ids = make()
    const one = session(0)
    assert.deepStrictEqual(ids.receive(webhook, "c2c:a", "C2C", 0), [])
    assert.strictEqual(ids.receive(one, "c2c:a", "C2C", 7), undefined)
    assert.deepStrictEqual(ids.receive(one, "group:b", "AT", 8), [])
    assert.deepStrictEqual(ids.receive(webhook, "group:b", "FULL", 0), ["AT"])
    assert.strictEqual(ids.receive(webhook, "group:b", "AT", 0), undefined)
  })

  it("an event is kept for as long as the session that also brought it may replay it", () => {
    const ids = make()
    const one = session(6)
    ids.receive(webhook, "c2c:a", "C2C", 0)
    ids.receive(one, "c2c:a", "C2C", 7)
    ids.settle("c2c:a", "C2C", 0)
    ids.receive(one, "c2c:b", "C2C", 8)
    ids.settle("c2c:b", "C2C", minutes(60))
    assert.strictEqual(ids.receive(one, "c2c:a", "C2C", 7), undefined)
  })

  it("each stores its own, with its own watermark; a new session of one leaves the other alone", () => {
    const ids = make()
    const [one, two] = [session(1), session(100)]
    ids.receive(one, "c2c:a", "C2C", 2)
    ids.receive(two, "c2c:b", "C2C", 90)
    ids.receive(two, "c2c:c", "C2C", 110)
    for (const key of ["c2c:a", "c2c:b", "c2c:c"]) ids.settle(key, "C2C", 0)
    const stored = (source: Identity.Source, now: number) => ids.snapshot(source, now).map(({ key }) => key)
    assert.deepStrictEqual(stored(one, 0), ["c2c:a C2C"])
    assert.deepStrictEqual(stored(two, 0), ["c2c:b C2C", "c2c:c C2C"])
    assert.deepStrictEqual(stored(two, minutes(10)), ["c2c:c C2C"])
    ids.begin(two)
    assert.deepStrictEqual(stored(one, minutes(10)), ["c2c:a C2C"])
    assert.deepStrictEqual(stored(two, minutes(10)), [])
  })
})
