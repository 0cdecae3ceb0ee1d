/** A frame that is too large to be read is skipped once, and never met again. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import { type Event, Gateway } from "@effect-qq/core"
import { Fault } from "@effect-qq/core/testing"
import * as Bot from "../../support/bot.ts"
import { inject } from "../../support/bot.ts"

const start = Effect.gen(function* () {
  const texts = yield* Ref.make<ReadonlyArray<string>>([])
  const gaps = yield* Ref.make<ReadonlyArray<Pick<Event.Gap, "from" | "to">>>([])
  yield* Effect.forkScoped(
    Gateway.run(
      Layer.mergeAll(
        Gateway.on("C2C_MESSAGE_CREATE", ({ content }) => Ref.update(texts, (all) => [...all, content])),
        Gateway.on("Gap", ({ from, to }) => Ref.update(gaps, (all) => [...all, { from, to }]))
      )
    )
  )
  yield* Gateway.ready
  yield* Bot.settle
  return { texts: Ref.get(texts), gaps: Ref.get(gaps) }
})

const say = (text: string) => Effect.zipRight(Bot.say(text, "u"), Bot.settle)

describe("a large frame", () => {
  it.effect("of 60 MiB is an event like any other", () =>
    Effect.gen(function* () {
      const { gaps, texts } = yield* start
      yield* inject(Fault.swell({ size: 60 * 1024 * 1024 }))
      yield* say("large")
      assert.deepStrictEqual(yield* texts, ["large"])
      assert.deepStrictEqual(yield* gaps, [])
      assert.deepStrictEqual(yield* Bot.introductions, ["identify"])
    }).pipe(Bot.on())
  )

  it.effect("that is too large is skipped: a new session at once, and the gap is told", () =>
    Effect.gen(function* () {
      const { gaps, texts } = yield* start
      yield* Bot.advance("10 seconds")
      yield* say("before")
      yield* Bot.advance("10 seconds")
      yield* inject(Fault.swell())
      yield* say("too large")
      yield* say("after")
      assert.strictEqual(yield* Bot.state, "Ready")
      assert.deepStrictEqual(yield* texts, ["before", "after"])
      const told = yield* gaps
      assert.strictEqual(told.length, 1)
      // at the earliest from the last event; an answered heartbeat after it shows that nothing was missed until then
      assert.isAtLeast(told[0]?.from ?? 0, 10_000)
      assert.isBelow(told[0]?.from ?? 20_000, 20_000)
      assert.strictEqual(told[0]?.to, 20_000)
      assert.deepStrictEqual(yield* Bot.introductions, ["identify", "identify"])
      yield* Bot.advance("1 hour")
      assert.deepStrictEqual(yield* Bot.introductions, ["identify", "identify"])
      assert.deepStrictEqual(yield* texts, ["before", "after"])
    }).pipe(Bot.on())
  )

  it.effect("that is met in a replay is skipped too", () =>
    Effect.gen(function* () {
      const { gaps, texts } = yield* start
      yield* Bot.advance("1 minute")
      yield* inject(Fault.drop())
      yield* inject(Fault.swell())
      yield* say("too large")
      yield* Bot.advance("1 minute")
      yield* say("after")
      assert.strictEqual(yield* Bot.state, "Ready")
      assert.deepStrictEqual(yield* texts, ["after"])
      assert.lengthOf(yield* gaps, 1)
      assert.deepStrictEqual(yield* Bot.introductions, ["identify", "resume", "identify"])
    }).pipe(Bot.on())
  )

  it.effect("that an intermediary closes with 1009 is skipped in the same way", () =>
    Effect.gen(function* () {
      const { gaps, texts } = yield* start
      yield* Bot.advance("1 minute")
      yield* inject(Fault.close(1009))
      yield* Bot.settle
      yield* say("after")
      assert.deepStrictEqual(yield* texts, ["after"])
      assert.lengthOf(yield* gaps, 1)
      assert.deepStrictEqual(yield* Bot.introductions, ["identify", "identify"])
    }).pipe(Bot.on())
  )

  it.effect("after another climbs the ladder: not an identify for each", () =>
    Effect.gen(function* () {
      yield* start
      yield* inject(Fault.swell({ times: Number.POSITIVE_INFINITY }))
      for (let second = 0; second < 600; second++) {
        yield* say("too large")
        yield* Bot.advance("1 second")
      }
      // 1, 2, 5, 10, 30 and then 60 s apart
      assert.isAtMost((yield* Bot.introductions).length, 18)
      yield* inject(Fault.clear)
      yield* Bot.advance("2 minutes")
      assert.strictEqual(yield* Bot.state, "Ready")
    }).pipe(Bot.on())
  )
})
