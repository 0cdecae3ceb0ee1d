import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import * as TestContext from "effect/TestContext"
import * as fc from "fast-check"
import * as Conversation from "../../../packages/core/src/events/Conversation.ts"
import * as RateLimit from "../../../packages/core/src/messages/RateLimit.ts"
import * as NaiveWindow from "../../support/naiveWindow.ts"

const forever = Duration.infinity

const turn = (conversation: Conversation.Conversation, proactive = false): RateLimit.Turn => ({
  operation: "send",
  conversation,
  proactive
})

/** When this many turns that are asked for at once are given, in milliseconds. */
const times = (rates: RateLimit.RateLimitShape, count: number, of: (n: number) => RateLimit.Turn) =>
  Effect.gen(function* () {
    const given: Array<number> = []
    const fiber = yield* Effect.fork(
      Effect.forEach(
        Array.from({ length: count }, (_, n) => n),
        (n) =>
          Effect.zipRight(
            rates.turn(of(n), forever),
            Effect.map(Clock.currentTimeMillis, (now) => {
              given[n] = now
            })
          ),
        { concurrency: "unbounded" }
      )
    )
    yield* TestClock.adjust("1 hour")
    yield* Fiber.join(fiber)
    return given
  })

const channel = Conversation.channel("c")

const limits = fc.record({ limit: fc.integer({ min: 1, max: 4 }), length: fc.integer({ min: 1, max: 30 }) })

/** Rows of which a turn must fit several at once: each conversation, all of them, and proactive messages beside. */
const rowsOf = (
  all: ReadonlyArray<{ readonly limit: number; readonly length: number }>
): ReadonlyArray<RateLimit.Rate> =>
  all.map(({ length, limit }, index) => ({
    operation: "send",
    scene: "group",
    counts: index % 2 === 0 ? "all" : "proactive",
    per: index < 2 ? "conversation" : "bot",
    limit,
    window: Duration.millis(length),
    source: "test"
  }))

const steps = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({ step: fc.constant("ask" as const), group: fc.nat(2), proactive: fc.boolean() })
    },
    { weight: 2, arbitrary: fc.record({ step: fc.constant("give up" as const), which: fc.nat(50) }) },
    { weight: 1, arbitrary: fc.record({ step: fc.constant("advance" as const), millis: fc.nat(40) }) }
  ),
  { maxLength: 60 }
)

interface Asked {
  readonly turn: RateLimit.Turn
  readonly at: number
  readonly fiber: Fiber.RuntimeFiber<number, RateLimit.TurnTooLate>
}

/** The moments at which this row counts, of those that were asked for and not given up. */
const countedBy = (row: RateLimit.Rate, like: RateLimit.Turn, asked: ReadonlyArray<Asked>): ReadonlyArray<number> =>
  asked.flatMap(({ at, turn: other }) => {
    const isCounted = row.counts === "all" || other.proactive
    const isThere =
      row.per === "bot" || Conversation.targetOf(other.conversation) === Conversation.targetOf(like.conversation)
    return isCounted && isThere ? [at] : []
  })

const windowsFor = (rows: ReadonlyArray<RateLimit.Rate>, like: RateLimit.Turn, asked: ReadonlyArray<Asked>) =>
  rows
    .filter((row) => row.counts === "all" || like.proactive)
    .map((row) => ({
      limit: row.limit,
      length: Duration.toMillis(row.window),
      reserved: countedBy(row, like, asked)
    }))

describe("turns", () => {
  it.effect("are given at once up to the limit, then as the window moves, in order", () =>
    Effect.gen(function* () {
      const rates = yield* RateLimit.make()
      assert.deepStrictEqual(
        yield* times(rates, 12, () => turn(channel)),
        [0, 0, 0, 0, 0, 1000, 1000, 1000, 1000, 1000, 2000, 2000]
      )
    })
  )

  it.effect("of one conversation do not wait for another's", () =>
    Effect.gen(function* () {
      const rates = yield* RateLimit.make()
      const given = yield* times(rates, 12, (n) => turn(n < 11 ? channel : Conversation.channel("d")))
      assert.strictEqual(given[11], 0)
    })
  )

  it.effect("for proactive messages are fewer than for replies", () =>
    Effect.gen(function* () {
      const rates = yield* RateLimit.make()
      const group = Conversation.group("g")
      const given = yield* times(rates, 60, (n) => turn(group, n % 2 === 0))
      assert.isTrue(given.every((at, n) => n % 2 === 0 || at === 0))
      const proactive = given.filter((_, n) => n % 2 === 0)
      assert.deepStrictEqual([proactive[19], proactive[20], proactive[29]], [0, 60_000, 60_000])
    })
  )

  it.effect("never exceed a limit in any window", () =>
    Effect.gen(function* () {
      const rates = yield* RateLimit.make()
      const given = yield* times(rates, 300, (n) => turn(Conversation.c2c(`u${n}`), true))
      for (const at of given) assert.isAtMost(given.filter((other) => other >= at && other < at + 1000).length, 10)
      assert.strictEqual(Math.max(...given), 29_000)
    })
  )

  it.effect("that would come too late are not waited for, and take nothing", () =>
    Effect.gen(function* () {
      const rates = yield* RateLimit.make()
      for (let n = 0; n < 5; n++) yield* rates.turn(turn(channel), forever)
      const late = yield* Effect.either(rates.turn(turn(channel), Duration.millis(999)))
      assert.isTrue(Either.isLeft(late) && Duration.toMillis(late.left.wait) === 1000)
      assert.strictEqual(Duration.toMillis(yield* rates.wait(turn(channel))), 1000)
    })
  )

  it.effect("that are given up before their time are left to others", () =>
    Effect.gen(function* () {
      const rates = yield* RateLimit.make()
      for (let n = 0; n < 5; n++) yield* rates.turn(turn(channel), forever)
      const fibers = yield* Effect.replicateEffect(Effect.fork(rates.turn(turn(channel), forever)), 5)
      yield* TestClock.adjust(0)
      assert.strictEqual(Duration.toMillis(yield* rates.wait(turn(channel))), 2000)
      yield* Fiber.interruptAll(fibers)
      assert.strictEqual(Duration.toMillis(yield* rates.wait(turn(channel))), 1000)
    })
  )

  it.effect("come at the first moment that fits every row, whatever was asked for and given up before", () =>
    Effect.promise((signal) =>
      fc.assert(
        fc.asyncProperty(fc.array(limits, { minLength: 1, maxLength: 4 }), steps, (all, list) =>
          Effect.gen(function* () {
            const rows = rowsOf(all)
            const rates = yield* RateLimit.make(rows)
            const asked: Array<Asked> = []
            for (const step of list) {
              const now = yield* Clock.currentTimeMillis
              if (step.step === "ask") {
                const next = turn(Conversation.group(`g${step.group}`), step.proactive)
                const at = NaiveWindow.firstFree(windowsFor(rows, next, asked), now)
                assert.strictEqual(Duration.toMillis(yield* rates.wait(next)), at - now)
                const fiber = yield* Effect.fork(Effect.zipRight(rates.turn(next, forever), Clock.currentTimeMillis))
                yield* TestClock.adjust(0)
                asked.push({ turn: next, at, fiber })
              } else if (step.step === "give up") {
                const pending = asked.filter(({ at }) => at > now)
                const gone = pending[step.which % Math.max(1, pending.length)]
                if (gone === undefined) continue
                yield* Fiber.interrupt(gone.fiber)
                asked.splice(asked.indexOf(gone), 1)
              } else yield* TestClock.adjust(step.millis)
            }
            yield* TestClock.adjust("1 hour")
            for (const { at, fiber, turn: given } of asked) {
              assert.strictEqual(yield* Fiber.join(fiber), at)
              for (const window of windowsFor(rows, given, asked)) assert.isTrue(NaiveWindow.isWithin(window))
            }
          }).pipe(Effect.provide(TestContext.TestContext), (effect) => Effect.runPromise(effect, { signal }))
        ),
        { numRuns: 60 }
      )
    )
  )

  it.effect("never get one moment twice, however their fibers take turns", () =>
    Effect.gen(function* () {
      // a fiber lets others go on after 2048 operations, two for each step before: here at each operation of a turn
      for (let before = 1005; before < 1025; before++) {
        const rates = yield* RateLimit.make()
        for (let n = 0; n < 5; n++) yield* rates.turn(turn(channel), forever)
        const busy = Array.from({ length: before }).reduce<Effect.Effect<void>>(
          (rest) => Effect.flatMap(Effect.void, () => rest),
          rates.turn(turn(channel), Duration.minutes(1)).pipe(Effect.orDie)
        )
        yield* Effect.replicateEffect(Effect.fork(busy), 10)
        yield* TestClock.adjust(0)
        assert.strictEqual(Duration.toMillis(yield* rates.wait(turn(channel))), 3000)
      }
    })
  )

  it.effect("of conversations that are over are forgotten a few at a time, and count until then", () =>
    Effect.gen(function* () {
      const rates = yield* RateLimit.make()
      const ask = (n: number) => rates.turn(turn(Conversation.channel(`c${n}`)), forever)
      for (let n = 0; n < 5; n++) yield* ask(0)
      for (let n = 1; n < 4000; n++) yield* ask(n)
      assert.strictEqual(Duration.toMillis(yield* rates.wait(turn(Conversation.channel("c0")))), 1000)
      yield* TestClock.adjust("1 second")
      for (let n = 0; n < 5; n++) yield* ask(0)
      for (let n = 4000; n < 8000; n++) yield* ask(n)
      assert.strictEqual(Duration.toMillis(yield* rates.wait(turn(Conversation.channel("c0")))), 1000)
    })
  )

  it.effect("of what has no row are given at once", () =>
    Effect.gen(function* () {
      const rates = yield* RateLimit.make()
      const given = yield* times(rates, 200, () => ({ operation: "recall", conversation: channel, proactive: false }))
      assert.isTrue(given.every((at) => at === 0))
    })
  )

  it("come from rows that each name their source", () => {
    for (const row of RateLimit.table) {
      assert.isAbove(row.limit, 0)
      assert.isAbove(Duration.toMillis(row.window), 0)
      assert.notStrictEqual(row.source, "")
    }
  })
})
