import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import * as fc from "fast-check"
import * as DeliveryMetrics from "../../../packages/core/src/delivery/DeliveryMetrics.ts"
import * as DeliveryPolicy from "../../../packages/core/src/delivery/DeliveryPolicy.ts"
import * as Inbox from "../../../packages/core/src/delivery/Inbox.ts"
import type { Work } from "../../../packages/core/src/delivery/Work.ts"
import type { Frame } from "../../../packages/core/src/gateway/Frame.ts"

const frame = (s: number | undefined): Frame => ({ op: 0, s, t: "T", d: {} })

const make = (changes: Partial<DeliveryPolicy.DeliveryPolicy> = {}, onDropped?: (entry: Work) => void) =>
  Inbox.make({ ...DeliveryPolicy.defaults, ...changes }, onDropped)

/** What came, at once and without a word. There has to be something. */
const taken = (inbox: Inbox.Inbox): ReadonlyArray<Work> =>
  Effect.runSync(Logger.withMinimumLogLevel(inbox.take, LogLevel.None))

const settle: Effect.Effect<void> = TestClock.adjust(0)

/** An inbox in which these were received, with its entries. */
const holding = (sequences: ReadonlyArray<number>, changes: Partial<DeliveryPolicy.DeliveryPolicy> = {}) =>
  Effect.gen(function* () {
    const inbox = make(changes)
    inbox.begin(0)
    for (const s of sequences) assert.isTrue(inbox.offer(frame(s), 1))
    const entries = yield* inbox.take
    const settleOne = (s: number): void => {
      for (const entry of entries) if (entry.frame.s === s) inbox.settle(entry)
    }
    return { inbox, entries, settleOne }
  })

describe("the watermark", () => {
  it.effect("is the highest seq up to which all is settled", () =>
    Effect.gen(function* () {
      const { inbox, settleOne } = yield* holding([1, 2, 3, 4])
      assert.strictEqual(inbox.watermark(), 0)
      settleOne(3)
      settleOne(2)
      assert.strictEqual(inbox.watermark(), 0)
      settleOne(1)
      assert.strictEqual(inbox.watermark(), 3)
      settleOne(4)
      assert.strictEqual(inbox.watermark(), 4)
    })
  )

  it.effect("is a seq that was received, also where the platform skipped some", () =>
    Effect.gen(function* () {
      const { inbox, settleOne } = yield* holding([1, 5, 9])
      settleOne(1)
      assert.strictEqual(inbox.watermark(), 1)
      settleOne(9)
      assert.strictEqual(inbox.watermark(), 1)
      settleOne(5)
      assert.strictEqual(inbox.watermark(), 9)
    })
  )

  it.effect("does not pass one that came late", () =>
    Effect.gen(function* () {
      const inbox = make()
      inbox.begin(1)
      for (const s of [5, 4, 3, 2]) inbox.offer(frame(s), 1)
      const entries = yield* inbox.take
      for (const s of [5, 4, 3]) for (const entry of entries) if (entry.frame.s === s) inbox.settle(entry)
      assert.strictEqual(inbox.watermark(), 1)
    })
  )

  it.effect("does not pass one that came late behind one that is settled", () =>
    Effect.gen(function* () {
      const inbox = make()
      inbox.begin(1)
      inbox.offer(frame(5), 1)
      inbox.offer(frame(3), 1)
      const [, third] = yield* inbox.take
      if (third !== undefined) inbox.settle(third)
      inbox.offer(frame(2), 1)
      assert.strictEqual(inbox.watermark(), 1)
    })
  )

  it.effect("is not moved by events of an older session", () =>
    Effect.gen(function* () {
      const { entries, inbox } = yield* holding([1, 2, 3])
      inbox.begin(100)
      assert.strictEqual(inbox.watermark(), 100)
      inbox.offer(frame(101), 1)
      for (const entry of entries) inbox.settle(entry)
      assert.strictEqual(inbox.watermark(), 100)
      assert.strictEqual(inbox.size(), 1)
    })
  )

  it.effect("is not held back by an event without a seq, which would not be replayed", () =>
    Effect.gen(function* () {
      const inbox = make()
      inbox.begin(7)
      inbox.offer(frame(undefined), 1)
      inbox.offer(frame(8), 1)
      const [, eighth] = yield* inbox.take
      if (eighth !== undefined) inbox.settle(eighth)
      assert.strictEqual(inbox.watermark(), 8)
      assert.strictEqual(inbox.size(), 1)
    })
  )

  interface Received {
    readonly s: number
    readonly entry: Work
    readonly session: number
  }

  /** What is promised, read off everything that was ever received. */
  const naive = (start: number, received: ReadonlyArray<Received>): number =>
    [start, ...received.map(({ s }) => s)]
      .filter((candidate) => received.every(({ entry, s }) => s > candidate || entry.settled))
      .reduce((highest, candidate) => Math.max(highest, candidate), Number.NEGATIVE_INFINITY)

  const step = fc.oneof(
    // how far ahead of the last one, mostly the next one; a few behind it
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant("receive" as const),
        n: fc.oneof({ weight: 3, arbitrary: fc.constant(1) }, fc.integer({ min: -6, max: 5 }))
      })
    },
    { weight: 5, arbitrary: fc.record({ do: fc.constant("settle" as const), n: fc.nat() }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("session" as const), n: fc.nat(50) }) }
  )

  it("agrees with a naive model, whatever order events come and settle in", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const dropped: Array<Work> = []
        const inbox = make({}, (entry) => dropped.push(entry))
        let session = 1
        let start = 0
        let last = 0
        let inOrder = true
        const all: Array<Received> = []
        inbox.begin(0)
        for (const { do: what, n } of steps) {
          if (what === "receive") {
            const s = Math.max(1, last + n)
            if (s <= last) inOrder = false
            last = Math.max(last, s)
            assert.isTrue(inbox.offer(frame(s), 1))
            for (const entry of taken(inbox)) all.push({ s, entry, session })
          } else if (what === "settle") {
            const open = all.filter(({ entry }) => !entry.settled)
            const chosen = open[n % Math.max(1, open.length)]
            if (chosen !== undefined) {
              inbox.settle(chosen.entry)
              inbox.settle(chosen.entry)
            }
          } else {
            session++
            start = n
            last = n
            inOrder = true
            inbox.begin(n)
          }
          const ours = all.filter((one) => one.session === session)
          const watermark = inbox.watermark()
          const expected = naive(start, ours)
          // what a resume from the watermark brings is what is not settled, and no more than from the naive one
          assert.isTrue(
            ours.every(({ entry, s }) => s > watermark || entry.settled),
            "an unsettled event would be lost"
          )
          assert.isTrue(
            ours.every(({ s }) => s <= expected || s > watermark),
            "a received event would be lost"
          )
          assert.isAtLeast(watermark, expected)
          if (inOrder) assert.strictEqual(watermark, expected)
          assert.strictEqual(inbox.size(), all.filter(({ entry }) => !entry.settled).length)
        }
        assert.deepStrictEqual(dropped, [])
      }),
      { numRuns: 500 }
    )
  })
})

describe("a full inbox", () => {
  it.effect("that pauses refuses events, and loses none", () =>
    Effect.gen(function* () {
      const { entries, inbox } = yield* holding([1, 2, 3, 4], { capacity: 4 })
      assert.isFalse(inbox.offer(frame(5), 1))
      assert.isFalse(inbox.offer(frame(6), 1))
      assert.strictEqual(inbox.size(), 4)
      for (const entry of entries) inbox.settle(entry)
      assert.strictEqual(inbox.watermark(), 4)
      assert.isTrue(inbox.offer(frame(5), 1))
    })
  )

  it.effect("is full of text as well as of events", () =>
    Effect.gen(function* () {
      const inbox = make({ maximumSize: 100 })
      inbox.begin(0)
      assert.isTrue(inbox.offer(frame(1), 60))
      assert.isFalse(inbox.offer(frame(2), 41))
      assert.isTrue(inbox.offer(frame(2), 40))
      const entries = yield* inbox.take
      for (const entry of entries) inbox.settle(entry)
      assert.isTrue(inbox.offer(frame(3), 100))
    })
  )

  it("takes an event that is larger than all it may hold when it is empty: it could never be taken else", () => {
    const inbox = make({ maximumSize: 100 })
    inbox.begin(0)
    assert.isTrue(inbox.offer(frame(1), 1000))
    assert.isFalse(inbox.offer(frame(2), 1))
  })

  it.effect("that drops the newest counts it as received and done", () =>
    Effect.gen(function* () {
      const before = (yield* Metric.value(DeliveryMetrics.eventsDropped)).count
      const { entries, inbox } = yield* holding([1, 2], { capacity: 2, overflow: "drop-newest" })
      assert.isTrue(inbox.offer(frame(3), 1))
      assert.strictEqual(inbox.size(), 2)
      for (const entry of entries) inbox.settle(entry)
      assert.strictEqual(inbox.watermark(), 3)
      assert.strictEqual((yield* Metric.value(DeliveryMetrics.eventsDropped)).count, before + 1)
    })
  )

  it.effect("that drops the oldest spares what has begun", () =>
    Effect.gen(function* () {
      const dropped: Array<number | undefined> = []
      const inbox = make({ capacity: 3, overflow: "drop-oldest" }, ({ frame: { s } }) => dropped.push(s))
      inbox.begin(0)
      for (const s of [1, 2, 3]) inbox.offer(frame(s), 1)
      const [first] = yield* inbox.take
      if (first !== undefined) first.started = true
      for (const s of [4, 5]) assert.isTrue(inbox.offer(frame(s), 1))
      assert.deepStrictEqual(dropped, [2, 3])
      assert.strictEqual(inbox.size(), 3)
      assert.strictEqual(inbox.watermark(), 0)
      if (first !== undefined) inbox.settle(first)
      assert.strictEqual(inbox.watermark(), 3)
    })
  )

  it.effect("that drops the oldest drops the newest where everything has begun", () =>
    Effect.gen(function* () {
      const { entries, inbox } = yield* holding([1, 2], { capacity: 2, overflow: "drop-oldest" })
      for (const entry of entries) entry.started = true
      assert.isTrue(inbox.offer(frame(3), 1))
      assert.strictEqual(inbox.size(), 2)
      assert.isFalse(entries.some(({ settled }) => settled))
    })
  )

  it.effect("that drops the oldest makes room for a large event", () =>
    Effect.gen(function* () {
      const inbox = make({ maximumSize: 100, overflow: "drop-oldest" })
      inbox.begin(0)
      for (let s = 1; s <= 10; s++) inbox.offer(frame(s), 10)
      assert.isTrue(inbox.offer(frame(11), 95))
      const entries = yield* inbox.take
      const kept = entries.filter(({ settled }) => !settled)
      assert.isAtMost(
        kept.reduce((sum, { size }) => sum + size, 0),
        100
      )
      assert.strictEqual(kept.at(-1)?.frame.s, 11)
    })
  )

  it("is never fuller than it may be, whatever its policy", () => {
    fc.assert(
      fc.property(
        fc.constantFrom("pause" as const, "drop-oldest" as const, "drop-newest" as const),
        fc.array(fc.tuple(fc.integer({ min: 1, max: 60 }), fc.boolean()), { maxLength: 60 }),
        (overflow, offers) => {
          let dropped = 0
          const inbox = make({ overflow, capacity: 5, maximumSize: 100 }, () => dropped++)
          inbox.begin(0)
          const entries: Array<Work> = []
          for (const [index, [size, settles]] of offers.entries()) {
            const watermark = inbox.watermark()
            const [droppedBefore, sizeBefore] = [dropped, inbox.size()]
            inbox.offer(frame(index + 1), size)
            if (dropped > droppedBefore || inbox.size() > sizeBefore) entries.push(...taken(inbox))
            const held = entries.filter(({ settled }) => !settled)
            assert.strictEqual(held.length, inbox.size())
            assert.isAtMost(held.length, 5)
            assert.isAtMost(
              held.reduce((sum, entry) => sum + entry.size, 0),
              100
            )
            assert.isAtLeast(inbox.watermark(), watermark)
            if (settles) held.forEach(inbox.settle)
          }
        }
      ),
      { numRuns: 300 }
    )
  })
})

describe("room", () => {
  it.effect("is there until an event was refused, and again when half is settled", () =>
    Effect.gen(function* () {
      const { inbox, settleOne } = yield* holding([1, 2, 3, 4], { capacity: 4 })
      yield* inbox.room
      inbox.offer(frame(5), 1)
      const waiting = yield* Effect.fork(inbox.room)
      settleOne(1)
      yield* settle
      assert.isTrue(Option.isNone(yield* Fiber.poll(waiting)))
      settleOne(2)
      yield* settle
      assert.isTrue(Option.isSome(yield* Fiber.poll(waiting)))
    })
  )

  it.effect("is also a matter of text", () =>
    Effect.gen(function* () {
      const inbox = make({ maximumSize: 100 })
      inbox.begin(0)
      inbox.offer(frame(1), 60)
      inbox.offer(frame(2), 40)
      const [first, second] = yield* inbox.take
      assert.isFalse(inbox.offer(frame(3), 1))
      const waiting = yield* Effect.fork(inbox.room)
      if (second !== undefined) inbox.settle(second)
      yield* settle
      assert.isTrue(Option.isNone(yield* Fiber.poll(waiting)))
      if (first !== undefined) inbox.settle(first)
      yield* settle
      assert.isTrue(Option.isSome(yield* Fiber.poll(waiting)))
    })
  )

  it.effect("is never there again once it is closed", () =>
    Effect.gen(function* () {
      const { entries, inbox } = yield* holding([1, 2], { capacity: 2 })
      inbox.close()
      assert.isFalse(inbox.offer(frame(3), 1))
      for (const entry of entries) inbox.settle(entry)
      assert.isFalse(inbox.offer(frame(3), 1))
      assert.strictEqual(inbox.watermark(), 2)
      const waiting = yield* Effect.fork(inbox.room)
      yield* settle
      assert.isTrue(Option.isNone(yield* Fiber.poll(waiting)))
    })
  )
})

describe("changed", () => {
  it.effect("completes once for the settlements and sessions since it last completed", () =>
    Effect.gen(function* () {
      const { inbox, settleOne } = yield* holding([1, 2, 3])
      yield* inbox.changed
      const waiting = yield* Effect.fork(inbox.changed)
      yield* settle
      assert.isTrue(Option.isNone(yield* Fiber.poll(waiting)))
      settleOne(1)
      settleOne(2)
      yield* settle
      assert.isTrue(Option.isSome(yield* Fiber.poll(waiting)))
      const again = yield* Effect.fork(inbox.changed)
      yield* settle
      assert.isTrue(Option.isNone(yield* Fiber.poll(again)))
      inbox.begin(9)
      yield* settle
      assert.isTrue(Option.isSome(yield* Fiber.poll(again)))
    })
  )
})

describe("take", () => {
  it.effect("waits, and then gives everything that came, in the order in which it came", () =>
    Effect.gen(function* () {
      const inbox = make()
      inbox.begin(0)
      const taking = yield* Effect.fork(inbox.take)
      yield* settle
      assert.isTrue(Option.isNone(yield* Fiber.poll(taking)))
      for (const s of [1, 3, 2]) inbox.offer(frame(s), 1)
      const taken = yield* Fiber.join(taking)
      assert.deepStrictEqual(
        taken.map(({ frame: { s } }) => s),
        [1, 3, 2]
      )
      const more = yield* Effect.fork(inbox.take)
      yield* settle
      assert.isTrue(Option.isNone(yield* Fiber.poll(more)))
    })
  )
})

describe("who waits for one event", () => {
  it("is told once, when it is settled or dropped, and never of one that was not taken", () => {
    const told: Array<string> = []
    const offer = (inbox: Inbox.Inbox, name: string, s?: number) =>
      inbox.offer(frame(s), 1, (handled) => told.push(`${name} ${handled}`))
    const pausing = make({ capacity: 1 })
    assert.isTrue(offer(pausing, "without a seq"))
    assert.isFalse(offer(pausing, "not taken"))
    for (const entry of taken(pausing)) {
      assert.deepStrictEqual(told, [])
      pausing.settle(entry)
      pausing.settle(entry)
    }
    const newest = make({ capacity: 1, overflow: "drop-newest" })
    for (const s of [1, 2]) assert.isTrue(offer(newest, `newest ${s}`, s))
    const oldest = make({ capacity: 1, overflow: "drop-oldest" })
    for (const s of [1, 2]) assert.isTrue(offer(oldest, `oldest ${s}`, s))
    assert.deepStrictEqual(told, ["without a seq true", "newest 2 false", "oldest 1 false"])
  })
})
