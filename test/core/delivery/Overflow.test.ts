import { assert, describe, it } from "@effect/vitest"
import { type BotConfig, type DeliveryPolicy, type Event, Gateway } from "@effect-qq/core"
import { Fault } from "@effect-qq/core/testing"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Bot from "../../support/bot.ts"
import { say, world as platform } from "../../support/bot.ts"

/** A bot that takes its time over each message, and writes down what it did. */
const slowBot = (takes: Duration.DurationInput) =>
  Effect.gen(function* () {
    const heard: Array<string> = []
    yield* Effect.forkScoped(
      Gateway.run(
        Gateway.on("C2C_MESSAGE_CREATE", (event: Event.C2CMessageCreate) =>
          Effect.delay(
            Effect.sync(() => heard.push(event.content)),
            takes
          )
        )
      )
    )
    yield* Gateway.ready
    yield* Bot.settle
    return heard
  })

const numbers = (count: number): ReadonlyArray<string> => Array.from({ length: count }, (_, n) => String(n))

const small = (
  delivery: Partial<DeliveryPolicy.DeliveryPolicy> = {},
  session: BotConfig.Options["session"] = {}
): { readonly bot: Partial<BotConfig.Options> } => ({
  bot: { delivery: { capacity: 4, drainTimeout: Duration.zero, ...delivery }, session: { jitter: 0, ...session } }
})

const gaps = (times: ReadonlyArray<number>): ReadonlyArray<number> =>
  times.slice(1).map((time, index) => time - (times[index] ?? 0))

/** How long, in milliseconds, the bot was without a connection each time. */
const outages = Effect.gen(function* () {
  const closed = (yield* Bot.entries("Closed")).map(({ at }) => at)
  const dialled = (yield* Bot.entries("Upgrade")).map(({ at }) => at).slice(1)
  return dialled.map((at, index) => at - (closed[index] ?? 0))
})

describe("an inbox of four, and fifty messages at once", () => {
  it.effect("all are handled, once and in order, and the session lives", () =>
    Effect.gen(function* () {
      const heard = yield* slowBot("1 second")
      for (const text of numbers(50)) yield* say(text)
      yield* Bot.advance("5 minutes")
      assert.deepStrictEqual(heard, numbers(50))
      const introductions = yield* Bot.introductions
      assert.strictEqual(introductions.filter((what) => what === "identify").length, 1)
      assert.strictEqual((yield* Bot.counters).maxOpenSockets, 1)
      assert.strictEqual(yield* Bot.state, "Ready")
      const { unsettled } = yield* Gateway.health
      assert.strictEqual(unsettled, 0)
    }).pipe(Bot.on(small()))
  )

  it.effect("they are fetched by resumes, one in ten seconds at most, each at once and outside the ladder", () =>
    Effect.gen(function* () {
      yield* slowBot("1 second")
      for (const text of numbers(50)) yield* say(text)
      yield* Bot.advance("5 minutes")
      const resumed = (yield* Bot.received(6)).map(({ at }) => at)
      assert.isAtLeast(resumed.length, 5)
      assert.isTrue(gaps(resumed).every((gap) => gap >= 10_000))
      assert.isTrue((yield* outages).every((outage) => outage <= 1000))
      // the ladder is where it was: its first rung is a second
      const { inject } = yield* platform
      yield* inject(Fault.drop())
      yield* Bot.advance("1 second")
      assert.strictEqual(yield* Bot.state, "Ready")
    }).pipe(Bot.on(small()))
  )

  it.effect("heartbeats go on while it is paused", () =>
    Effect.gen(function* () {
      const heard = yield* slowBot("90 seconds")
      for (const text of numbers(20)) yield* say(text)
      yield* Bot.advance("20 minutes")
      assert.deepStrictEqual(heard, numbers(13))
      const beats = yield* Bot.received(1)
      for (const connection of new Set(beats.map((beat) => beat.connection))) {
        const own = beats.filter((beat) => beat.connection === connection).map(({ at }) => at)
        assert.isTrue(
          gaps(own)
            .slice(1)
            .every((gap) => gap === 41_250)
        )
      }
      assert.isAtLeast(beats.length, 20)
      const ends = (yield* Bot.entries("Closed")).filter(({ by }) => by !== "client")
      assert.deepStrictEqual(ends, [])
      yield* Bot.advance("15 minutes")
      assert.deepStrictEqual(heard, numbers(20))
    }).pipe(Bot.on(small()))
  )

  it.effect("many conversations are handled side by side, each in order", () =>
    Effect.gen(function* () {
      const heard = yield* slowBot("2 seconds")
      for (const text of numbers(40)) yield* say(text, `u${Number(text) % 3}`)
      yield* Bot.advance("5 minutes")
      assert.strictEqual(heard.length, 40)
      for (const rest of [0, 1, 2]) {
        const own = heard.filter((text) => Number(text) % 3 === rest)
        assert.deepStrictEqual(
          own,
          numbers(40).filter((text) => Number(text) % 3 === rest)
        )
      }
    }).pipe(Bot.on(small()))
  )

  it.effect("a connection that breaks meanwhile costs nothing", () =>
    Effect.gen(function* () {
      const { inject } = yield* platform
      const heard = yield* slowBot("3 seconds")
      for (const text of numbers(30)) {
        yield* say(text)
        if (Number(text) % 10 === 5) {
          yield* inject(Number(text) === 15 ? Fault.reconnect() : Fault.drop())
          yield* Bot.advance("4 seconds")
        }
      }
      yield* Bot.advance("8 minutes")
      assert.deepStrictEqual(heard, numbers(30))
      assert.strictEqual((yield* Bot.introductions).filter((what) => what === "identify").length, 1)
    }).pipe(Bot.on(small()))
  )

  it.effect("under other policies drops events for good, and needs no resume", () =>
    Effect.gen(function* () {
      const heard = yield* slowBot("1 second")
      for (const text of numbers(50)) yield* say(text)
      yield* Bot.advance("2 minutes")
      // the first four fill the inbox before any handler has run
      assert.deepStrictEqual(heard, ["0", "1", "2", "3"])
      yield* say("afterwards")
      yield* Bot.advance("2 seconds")
      assert.strictEqual(heard.at(-1), "afterwards")
      assert.deepStrictEqual(yield* Bot.introductions, ["identify"])
    }).pipe(Bot.on(small({ overflow: "drop-newest" })))
  )

  it.effect("where the oldest are dropped the newest are heard", () =>
    Effect.gen(function* () {
      const heard = yield* slowBot("1 second")
      yield* say("first")
      yield* Bot.settle
      for (const text of numbers(50)) yield* say(text)
      yield* Bot.advance("2 minutes")
      assert.deepStrictEqual(heard, ["first", "47", "48", "49"])
      assert.deepStrictEqual(yield* Bot.introductions, ["identify"])
    }).pipe(Bot.on(small({ overflow: "drop-oldest" })))
  )
})
