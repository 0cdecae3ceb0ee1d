/** What may have been missed is told of, and nothing else is. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as TestClock from "effect/TestClock"
import type { Duration } from "effect"
import { type Event, Gateway } from "@effect-qq/core"
import { Fault, TestPlatform, WallClock } from "@effect-qq/core/testing"
import * as Bot from "../../support/bot.ts"
import { inject } from "../../support/bot.ts"

interface Heard {
  readonly gaps: ReadonlyArray<Omit<Event.Gap, "_tag" | "t" | "envelope">>
  readonly texts: ReadonlyArray<string>
}

/** A bot that writes down what it hears, and of which gaps it is told. */
const start = Effect.gen(function* () {
  const heard = yield* Ref.make<Heard>({ gaps: [], texts: [] })
  const handlers = Layer.mergeAll(
    Gateway.on("Gap", ({ from, lastSeq, shard, to }) =>
      Ref.update(heard, (all) => ({ ...all, gaps: [...all.gaps, { from, lastSeq, shard, to }] }))
    ),
    Gateway.on("C2C_MESSAGE_CREATE", ({ content }) =>
      Ref.update(heard, (all) => ({ ...all, texts: [...all.texts, content] }))
    )
  )
  const fiber = yield* Effect.forkScoped(Gateway.run(handlers))
  yield* Bot.settle
  return { fiber, heard: Ref.get(heard) }
})

const say = (text: string) => Effect.zipRight(Bot.say(text, "u"), Bot.settle)

/** A bot whose handler takes a minute for what is "slow", and no time for anything else. */
const startSlow = Effect.zipLeft(
  Effect.forkScoped(
    Gateway.run(Gateway.on("C2C_MESSAGE_CREATE", ({ content }) => Effect.sleep(content === "slow" ? "1 minute" : 0)))
  ),
  Bot.settle
)

/** Ends a bot, whatever its handlers are at: what they have not done by the end of the drain is cut off. */
const leave = (fiber: Fiber.RuntimeFiber<unknown, unknown>) =>
  Effect.gen(function* () {
    const leaving = yield* Effect.fork(Fiber.interrupt(fiber))
    yield* Bot.advance("11 seconds")
    yield* Fiber.join(leaving)
  })

const seconds = (count: number): Duration.DurationInput => `${count} seconds`

describe("a gap", () => {
  it.effect("lies between the last frame of a lost session and the READY of the next", () =>
    Effect.gen(function* () {
      const bot = yield* start
      yield* say("one")
      yield* Bot.advance(seconds(100))
      yield* say("two")
      yield* Bot.advance(seconds(10))
      yield* inject(Fault.close(4006))
      yield* say("nobody will ever hear this")
      yield* Bot.advance(seconds(5))
      yield* say("three")
      const { gaps, texts } = yield* bot.heard
      assert.deepStrictEqual(texts, ["one", "two", "three"])
      assert.strictEqual(gaps.length, 1)
      const [gap] = gaps
      // READY is the first of a session, then two messages
      assert.strictEqual(gap?.lastSeq, 3)
      assert.deepStrictEqual(gap?.shard, [0, 1])
      assert.isAtLeast(gap?.from ?? 0, 100_000)
      assert.isAtMost(gap?.from ?? 0, 110_000)
      assert.isAbove(gap?.to ?? 0, 110_000)
      assert.isAtMost(gap?.to ?? 0, 115_000)
    }).pipe(Bot.on())
  )

  it.effect("begins at an op 9, whatever heartbeats are answered until its close frame comes", () =>
    Effect.gen(function* () {
      const bot = yield* start
      yield* Bot.advance(seconds(20))
      const at = yield* Clock.currentTimeMillis
      yield* inject(Fault.invalidSession(false, { thenClose: { code: 4006, after: 4500 } }))
      yield* Bot.advance(seconds(30))
      const [gap, ...more] = (yield* bot.heard).gaps
      assert.deepStrictEqual(more, [])
      assert.strictEqual(gap?.from, at)
    }).pipe(Bot.on({ platform: { heartbeatInterval: 1000 } }))
  )

  it.effect("is told when READY answers a resume, from the last frame of the session asked for", () =>
    Effect.gen(function* () {
      const bot = yield* start
      yield* say("one")
      const from = yield* Clock.currentTimeMillis
      yield* Bot.advance(seconds(10))
      yield* inject(Fault.readyForResumes())
      yield* inject(Fault.drop())
      yield* say("never heard")
      yield* Bot.advance(seconds(10))
      yield* say("two")
      const { gaps, texts } = yield* bot.heard
      assert.deepStrictEqual(texts, ["one", "two"])
      assert.strictEqual(gaps.length, 1)
      // at the earliest from the last event; an answered heartbeat after it shows that nothing was missed until then
      assert.isAtLeast(gaps[0]?.from ?? 0, from)
      assert.isAtMost(gaps[0]?.from ?? Infinity, from + 10_000)
      assert.strictEqual(gaps[0]?.lastSeq, 2)
      // the session that READY brought is resumed like any other
      for (let round = 0; round < 3; round++) {
        yield* inject(Fault.drop())
        yield* Bot.advance(seconds(20))
      }
      assert.deepStrictEqual(yield* Bot.introductions, ["identify", "resume", "resume", "resume", "resume"])
    }).pipe(Bot.on({ platform: { heartbeatInterval: 600_000 } }))
  )

  it.effect("is not reported where the session was resumed", () =>
    Effect.gen(function* () {
      const bot = yield* start
      for (const fault of [Fault.drop(), Fault.close(4009), Fault.reconnect(), Fault.invalidSession(true)]) {
        yield* inject(fault)
        yield* say("meanwhile")
        yield* Bot.advance("2 minutes")
      }
      const { gaps, texts } = yield* bot.heard
      assert.deepStrictEqual(gaps, [])
      assert.strictEqual(texts.length, 4)
    }).pipe(Bot.on())
  )

  it.effect("is not reported at the first start of a bot", () =>
    Effect.gen(function* () {
      const bot = yield* start
      yield* say("hello")
      assert.deepStrictEqual((yield* bot.heard).gaps, [])
    }).pipe(Bot.on())
  )

  it.effect("that began as a deaf line reaches back to when it was last heard", () =>
    Effect.gen(function* () {
      const bot = yield* start
      yield* say("one")
      yield* Bot.advance(seconds(60))
      yield* inject(Fault.freeze())
      const frozenAt = 60_000
      yield* inject(Fault.refuseResumes({ code: 4902 }))
      yield* Bot.advance("3 minutes")
      const { gaps } = yield* bot.heard
      assert.strictEqual(gaps.length, 1)
      assert.isAtMost(gaps[0]?.from ?? Infinity, frozenAt)
      assert.isAtLeast(gaps[0]?.from ?? 0, frozenAt - 41_250)
    }).pipe(Bot.on())
  )

  it.effect("is one gap, however many identifies are refused on the way", () =>
    Effect.gen(function* () {
      const bot = yield* start
      yield* say("one")
      yield* inject(Fault.refuseIdentifies({ code: 4903, times: 2 }))
      yield* inject(Fault.close(4006))
      yield* Bot.advance("5 minutes")
      const { gaps } = yield* bot.heard
      assert.strictEqual(gaps.length, 1)
      assert.strictEqual(gaps[0]?.lastSeq, 2)
    }).pipe(Bot.on())
  )

  it.effect("survives the restart of the process, before and after the session is given up", () =>
    Effect.gen(function* () {
      const first = yield* start
      yield* say("one")
      yield* Bot.advance(seconds(30))
      // what is stored can be resumed, but the platform will have forgotten it
      yield* Fiber.interrupt(first.fiber)
      yield* inject(Fault.forgetSessions)
      yield* Bot.advance(seconds(30))
      const second = yield* start
      yield* Bot.advance(seconds(20))
      const afterFirst = (yield* second.heard).gaps
      assert.strictEqual(afterFirst.length, 1)
      assert.strictEqual(afterFirst[0]?.lastSeq, 2)
      assert.isAtMost(afterFirst[0]?.from ?? Infinity, 30_000)
      assert.isAtLeast(afterFirst[0]?.to ?? 0, 60_000)
      // given up, and the process ends before there is another
      yield* inject(Fault.unreachable({ times: 100 }))
      yield* inject(Fault.close(4006))
      yield* Bot.advance(seconds(3))
      yield* Fiber.interrupt(second.fiber)
      yield* inject(Fault.clear)
      yield* Bot.advance(seconds(30))
      const third = yield* start
      yield* Bot.advance(seconds(20))
      assert.strictEqual((yield* third.heard).gaps.length, 1)
    }).pipe(Bot.on())
  )

  it.effect("that begins during a shutdown is reported by the next process", () =>
    Effect.gen(function* () {
      const first = yield* Effect.forkScoped(
        Gateway.run(Gateway.on("C2C_MESSAGE_CREATE", () => Effect.sleep("8 seconds")))
      )
      yield* Bot.settle
      yield* say("one")
      yield* inject(Fault.close(4006))
      yield* leave(first)
      assert.deepStrictEqual(yield* Bot.introductions, ["identify", "identify"])
      const second = yield* start
      yield* Bot.advance(seconds(5))
      const { gaps } = yield* second.heard
      assert.strictEqual(gaps.length, 1)
      assert.deepStrictEqual([gaps[0]?.from, gaps[0]?.lastSeq], [0, 2])
      assert.isAtMost(gaps[0]?.to ?? Infinity, 5250)
      assert.deepStrictEqual(yield* Bot.introductions, ["identify", "identify", "resume"])
      // once
      yield* Bot.advance(seconds(5))
      yield* Fiber.interrupt(second.fiber)
      const third = yield* start
      yield* Bot.advance(seconds(5))
      assert.deepStrictEqual((yield* third.heard).gaps, [])
    }).pipe(Bot.on())
  )

  it.effect("whose handlers were interrupted is reported again", () =>
    Effect.gen(function* () {
      const first = yield* Effect.forkScoped(Gateway.run(Gateway.on("Gap", () => Effect.never)))
      yield* Bot.settle
      yield* Bot.advance(seconds(20))
      yield* inject(Fault.close(4006))
      yield* Bot.advance(seconds(10))
      yield* leave(first)
      const second = yield* start
      yield* Bot.advance(seconds(5))
      assert.strictEqual((yield* second.heard).gaps.length, 1)
    }).pipe(Bot.on({ bot: { intents: 1 << 25 } }))
  )

  it.effect("takes in what was received before it and not handled, and cut off", () =>
    Effect.gen(function* () {
      const first = yield* startSlow
      yield* Bot.advance(seconds(10))
      yield* say("quick")
      yield* Bot.advance(seconds(10))
      const saidAt = yield* Clock.currentTimeMillis
      yield* say("slow")
      yield* Bot.advance(seconds(10))
      yield* inject(Fault.close(4006))
      yield* Bot.advance(seconds(10))
      yield* leave(first)
      const second = yield* start
      yield* Bot.advance(seconds(5))
      assert.deepStrictEqual(yield* Bot.introductions, ["identify", "identify", "resume"])
      const { gaps, texts } = yield* second.heard
      assert.deepStrictEqual(texts, [])
      const around = gaps.filter(({ from, to }) => from <= saidAt && saidAt <= to)
      assert.strictEqual(around.length, 1)
      // and not what came long before
      assert.isAtLeast(around[0]?.from ?? 0, saidAt - 10_000)
      yield* Bot.advance("2 minutes")
    }).pipe(Bot.on())
  )

  // times do not tell what is handled from what is not
  for (const [when, back] of [
    ["in the millisecond of what was", 0],
    ["before the clock was set back", 60_000]
  ] as const) {
    it.effect(`takes in what was received and not handled ${when}`, () =>
      Effect.gen(function* () {
        const first = yield* startSlow
        yield* Bot.advance("2 minutes")
        yield* say("quick")
        yield* say("slow")
        yield* TestClock.setTime((yield* Clock.currentTimeMillis) - back)
        yield* inject(Fault.close(4006))
        yield* Bot.advance(seconds(10))
        yield* leave(first)
        const second = yield* start
        yield* Bot.advance(seconds(5))
        const { gaps, texts } = yield* second.heard
        assert.deepStrictEqual(texts, [])
        assert.strictEqual(gaps.length, 1)
        yield* Bot.advance("2 minutes")
      }).pipe(Bot.on())
    )
  }

  it.effect("takes in nothing that was received before it once that is handled", () =>
    Effect.gen(function* () {
      const first = yield* startSlow
      yield* Bot.advance(seconds(20))
      yield* say("slow")
      yield* Bot.advance(seconds(10))
      yield* inject(Fault.close(4006))
      yield* Bot.advance("2 minutes")
      yield* leave(first)
      const second = yield* start
      yield* Bot.advance(seconds(5))
      assert.deepStrictEqual((yield* second.heard).gaps, [])
      yield* Bot.advance("2 minutes")
    }).pipe(Bot.on())
  )

  it.effect("begins before what a full inbox had no room for", () =>
    Effect.gen(function* () {
      const gaps = yield* Ref.make<ReadonlyArray<number>>([])
      yield* Effect.forkScoped(
        Gateway.run(
          Layer.mergeAll(
            Gateway.on("C2C_MESSAGE_CREATE", () => Effect.sleep("1 hour")),
            Gateway.on("Gap", ({ from }) => Ref.update(gaps, (all) => [...all, from]))
          )
        )
      )
      yield* Bot.advance(seconds(10))
      yield* say("one")
      yield* Bot.advance(seconds(10))
      yield* say("there is no room for this")
      yield* inject(Fault.close(4006))
      yield* Bot.advance(seconds(10))
      const [from] = yield* Ref.get(gaps)
      assert.isBelow(from ?? Infinity, 20_000)
      assert.isAtLeast(from ?? 0, 10_000)
      yield* Bot.advance("2 hours")
    }).pipe(Bot.on({ bot: { delivery: { capacity: 1 } } }))
  )

  it.effect("is reported when the stored session is too old to be resumed", () =>
    Effect.gen(function* () {
      const first = yield* start
      yield* say("one")
      yield* Fiber.interrupt(first.fiber)
      yield* Bot.advance("25 hours")
      const second = yield* start
      const { gaps } = yield* second.heard
      assert.strictEqual(gaps.length, 1)
      assert.isAtLeast((gaps[0]?.to ?? 0) - (gaps[0]?.from ?? 0), 25 * 3_600_000)
      assert.deepStrictEqual(yield* Bot.introductions, ["identify", "identify"])
    }).pipe(Bot.on())
  )

  for (const millis of [-3_600_000, 3_600_000]) {
    it.effect(`covers the old and the new clock where it is set by ${millis} ms during an outage`, () =>
      Effect.gen(function* () {
        const bot = yield* start
        yield* Bot.advance(seconds(100))
        yield* inject(Fault.unreachable({ times: 100 }))
        yield* inject(Fault.forgetSessions)
        yield* inject(Fault.drop())
        yield* say("never heard")
        yield* Bot.advance(seconds(50))
        yield* WallClock.step(millis)
        yield* Bot.advance(seconds(50))
        yield* inject(Fault.clear)
        yield* Bot.advance(seconds(200))
        const [gap, ...more] = (yield* bot.heard).gaps
        assert.deepStrictEqual(more, [])
        for (const clock of [0, millis]) {
          assert.isAtMost(gap?.from ?? Infinity, 100_000 + clock)
          assert.isAtLeast(gap?.to ?? -Infinity, 200_000 + clock)
        }
      }).pipe(Bot.on(), WallClock.steppable)
    )
  }

  it.effect("begins with its session where the clock was set back between two processes", () =>
    Effect.gen(function* () {
      yield* Bot.advance("2 hours")
      const first = yield* start
      yield* Bot.advance("90 minutes")
      yield* say("one")
      yield* Fiber.interrupt(first.fiber)
      yield* inject(Fault.forgetSessions)
      yield* WallClock.step(-3_600_000)
      yield* Bot.advance(seconds(30))
      const second = yield* start
      yield* Bot.advance(seconds(20))
      const [gap, ...more] = (yield* second.heard).gaps
      assert.deepStrictEqual(more, [])
      assert.strictEqual(gap?.from, 2 * 3_600_000)
      assert.isAtLeast(gap?.to ?? 0, 3.5 * 3_600_000)
    }).pipe(Bot.on(), WallClock.steppable)
  )

  it.effect("is not reported after a session that was ended on purpose", () =>
    Effect.gen(function* () {
      const first = yield* start
      yield* say("one")
      yield* Fiber.interrupt(first.fiber)
      yield* Bot.advance("1 minute")
      const second = yield* start
      assert.deepStrictEqual((yield* second.heard).gaps, [])
    }).pipe(Bot.on({ bot: { session: { onShutdown: "end" } } }))
  )

  it.effect("is reported after a session whose intended end was refused", () =>
    Effect.gen(function* () {
      const first = yield* start
      yield* say("one")
      yield* inject(Fault.close(4915))
      yield* Bot.advance(seconds(10))
      yield* Fiber.await(first.fiber)
      yield* say("nobody will ever hear this")
      const second = yield* start
      yield* Bot.advance(seconds(10))
      assert.strictEqual((yield* second.heard).gaps.length, 1)
    }).pipe(Bot.on({ bot: { session: { onShutdown: "end" } } }))
  )

  it.effect("that was not reported yet survives a session that is ended on purpose", () =>
    Effect.gen(function* () {
      const first = yield* Effect.forkScoped(Gateway.run(Gateway.on("Gap", () => Effect.never)))
      yield* Bot.settle
      yield* Bot.advance(seconds(20))
      yield* inject(Fault.close(4006))
      yield* Bot.advance(seconds(10))
      yield* leave(first)
      const second = yield* start
      yield* Bot.advance(seconds(5))
      assert.deepStrictEqual(yield* Bot.introductions, ["identify", "identify", "identify"])
      const { gaps } = yield* second.heard
      assert.isTrue(gaps.some(({ from, to }) => from <= 20_000 && 20_000 <= to))
    }).pipe(Bot.on({ bot: { intents: 1 << 25, session: { onShutdown: "end" } } }))
  )

  it.effect("is reported after a session that ended before its handlers did", () =>
    Effect.gen(function* () {
      const first = yield* Effect.forkScoped(Gateway.run(Gateway.on("C2C_MESSAGE_CREATE", () => Effect.never)))
      yield* Bot.settle
      yield* Bot.advance(seconds(20))
      yield* say("one")
      yield* leave(first)
      const second = yield* start
      yield* Bot.advance(seconds(5))
      const { gaps } = yield* second.heard
      assert.strictEqual(gaps.length, 1)
      assert.isAtMost(gaps[0]?.from ?? Infinity, 20_000)
    }).pipe(Bot.on({ bot: { session: { onShutdown: "end" } } }))
  )

  it.effect("cannot be made up by the platform: a dispatch of that name is an unknown one", () =>
    Effect.gen(function* () {
      const bot = yield* start
      const platform = yield* TestPlatform.TestPlatform
      yield* platform.dispatch("Gap", { from: 1, to: 2, lastSeq: 3, shard: [0, 1] })
      yield* Bot.settle
      assert.deepStrictEqual((yield* bot.heard).gaps, [])
    }).pipe(Bot.on())
  )
})
