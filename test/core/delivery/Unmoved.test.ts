import { assert, describe, it } from "@effect/vitest"
import { type Event, Gateway } from "@effect-qq/core"
import { TestPlatform } from "@effect-qq/core/testing"
import { type PlatformError, SystemError } from "@effect/platform/Error"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Bot from "../../support/bot.ts"

const interval = 41_250

const say = (user: string, text: string) =>
  Effect.flatMap(TestPlatform.TestPlatform, (platform) => platform.privateMessage({ user, text }))

interface Heard {
  readonly user: string | null | undefined
  readonly text: string
  /** Milliseconds since the test began. */
  readonly at: number
}

/** A bot that writes down what it hears, and then does with it what the test says. */
const listening = (then: (text: string) => Effect.Effect<unknown, string>) =>
  Effect.gen(function* () {
    const heard: Array<Heard> = []
    const fiber = yield* Effect.forkScoped(
      Gateway.run(
        Gateway.on("C2C_MESSAGE_CREATE", (event: Event.C2CMessageCreate) =>
          Effect.flatMap(Clock.currentTimeMillis, (at) => {
            heard.push({ user: event.author.user_openid, text: event.content, at })
            return then(event.content)
          })
        )
      )
    )
    yield* Gateway.ready
    yield* Bot.settle
    return { fiber, heard, of: (user: string) => heard.filter((one) => one.user === user) }
  })

/** The first beat came within an interval, each other one an interval after the last, on the one connection there was. */
const beatsAreOnTime = Effect.gen(function* () {
  const now = yield* Clock.currentTimeMillis
  const beats = (yield* Bot.received(1)).map(({ at }) => at)
  const [first = Number.NaN] = beats
  assert.isAtMost(first, interval)
  assert.deepStrictEqual(
    beats,
    Array.from({ length: Math.floor((now - first) / interval) + 1 }, (_, n) => first + n * interval)
  )
  assert.strictEqual((yield* Bot.dials).length, 1)
  assert.strictEqual(yield* Bot.state, "Ready")
})

/** Somebody says something every minute, and it is handled in the moment in which it is said. */
const othersFlow = (minutes: number, heard: (user: string) => ReadonlyArray<Heard>) =>
  Effect.gen(function* () {
    for (let minute = 0; minute < minutes; minute++) {
      yield* say("other", String(minute))
      yield* Bot.settle
      const { at, text } = heard("other").at(-1) ?? {}
      assert.deepStrictEqual([text, at], [String(minute), yield* Clock.currentTimeMillis])
      yield* Bot.advance("1 minute")
    }
  })

describe("beats go on, and others are heard at once, while a handler", () => {
  for (const { name, does, frees } of [
    { name: "is slow", does: Effect.sleep("5 minutes"), frees: 300 },
    { name: "fails", does: Effect.fail("no"), frees: 0 },
    {
      name: "throws",
      does: Effect.sync(() => {
        throw new Error("no")
      }),
      frees: 0
    },
    { name: "dies", does: Effect.die("no"), frees: 0 },
    { name: "never returns", does: Effect.never, frees: 600 },
    { name: "never returns and cannot be stopped", does: Effect.uninterruptible(Effect.never), frees: 610 },
    { name: "is interrupted by itself", does: Effect.interrupt, frees: 0 },
    {
      name: "interrupts its fiber",
      does: Effect.withFiberRuntime<never>((fiber) => Effect.zipRight(Fiber.interruptFork(fiber), Effect.never)),
      frees: 0
    }
  ] as const) {
    it.effect(`${name}; its own conversation goes on after ${frees} s`, () =>
      Effect.gen(function* () {
        const bot = yield* listening((text) => (text === "bad" ? does : Effect.void))
        const began = yield* Clock.currentTimeMillis
        yield* say("u", "bad")
        yield* say("u", "next")
        yield* othersFlow(15, bot.of)
        assert.deepStrictEqual(
          bot.of("u").map(({ at, text }) => [text, (at - began) / 1000]),
          [
            ["bad", 0],
            ["next", frees]
          ]
        )
        yield* beatsAreOnTime
        // however it is with the handlers, a shutdown comes to its end
        const ending = yield* Effect.fork(Fiber.interrupt(bot.fiber))
        yield* Bot.advance("20 seconds")
        assert.isTrue(Option.isSome(yield* Fiber.poll(ending)))
      }).pipe(Bot.on())
    )
  }

  it.effect("holds one conversation and a thousand others flow", () =>
    Effect.gen(function* () {
      const bot = yield* listening((text) => (text === "bad" ? Effect.never : Effect.void))
      yield* say("u", "bad")
      for (let round = 0; round < 9; round++) {
        yield* say("u", `behind it ${round}`)
        for (let n = 0; n < 1000; n++) yield* say(`u${n}`, String(round))
        yield* Bot.settle
        assert.strictEqual(bot.heard.length, 1 + (round + 1) * 1000)
        yield* Bot.advance("1 minute")
      }
      assert.strictEqual((yield* Gateway.health).unsettled, 10)
      yield* Bot.advance("1 minute")
      assert.strictEqual((yield* Gateway.health).unsettled, 0)
      assert.deepStrictEqual(
        bot.of("u").map(({ text }) => text),
        ["bad", ...Array.from({ length: 9 }, (_, round) => `behind it ${round}`)]
      )
      yield* beatsAreOnTime
    }).pipe(Bot.on())
  )
})

const full = new SystemError({
  reason: "Unknown",
  module: "KeyValueStore",
  method: "set",
  description: "disk full"
})

const Session = Schema.parseJson(Schema.Struct({ sequence: Schema.Number }))
const Ledger = Schema.parseJson(Schema.Struct({ entries: Schema.Array(Schema.Unknown) }))

describe("beats go on, and all are heard at once, while the store", () => {
  for (const { name, does } of [
    { name: "fails", does: Effect.fail(full) },
    { name: "dies", does: Effect.die("a store with a defect") },
    { name: "does not answer", does: Effect.never }
  ] as const) {
    it.effect(`${name} for a minute; what happened is stored afterwards, and a restart brings nothing again`, () =>
      Effect.gen(function* () {
        const store = yield* KeyValueStore.KeyValueStore
        let brokenUntil = 0
        // what waits for a store that does not answer, waits until it does
        const broken = <A>(use: Effect.Effect<A, PlatformError>): Effect.Effect<A, PlatformError> =>
          Effect.flatMap(Clock.currentTimeMillis, (now) =>
            now >= brokenUntil ? use : Effect.zipRight(Effect.raceFirst(does, Effect.sleep(brokenUntil - now)), use)
          )
        const flaky = KeyValueStore.make({
          ...store,
          set: (key, value) => broken(store.set(key, value))
        })
        const layer = Layer.fresh(TestPlatform.layerBot({ hosts: Bot.ownHosts })).pipe(
          Layer.provide(Layer.succeed(KeyValueStore.KeyValueStore, flaky))
        )
        yield* Effect.gen(function* () {
          const bot = yield* listening(() => Effect.void)
          yield* othersFlow(5, bot.of)
          brokenUntil = (yield* Clock.currentTimeMillis) + 60_000
          yield* othersFlow(5, bot.of)
          yield* beatsAreOnTime
          const { watermark } = yield* Effect.flatMap(Gateway.status, (status) => status.get)
          const session = Option.getOrThrow(yield* store.get("session.1905000001.0-1"))
          assert.strictEqual((yield* Schema.decodeUnknown(Session)(session)).sequence, watermark)
          const pages = yield* Effect.forEach(Array.from({ length: 16 }).keys(), (page) =>
            Effect.flatMap(
              store.get(`ledger.1905000001.0-1.${page}`),
              Option.match({
                onNone: () => Effect.succeed(0),
                onSome: (text) => Effect.map(Schema.decodeUnknown(Ledger)(text), ({ entries }) => entries.length)
              })
            )
          )
          assert.strictEqual(
            pages.reduce((all, page) => all + page, 0),
            bot.heard.length
          )
          yield* Fiber.interrupt(bot.fiber)
        }).pipe(Effect.scoped, Effect.provide(layer))
        yield* Effect.gen(function* () {
          const bot = yield* listening(() => Effect.void)
          assert.deepStrictEqual(bot.heard, [])
        }).pipe(Effect.scoped, Effect.provide(layer))
        assert.deepStrictEqual(yield* Bot.introductions, ["identify", "resume"])
      }).pipe(Effect.scoped, Effect.provide(TestPlatform.layerPlatform()))
    )
  }
})
