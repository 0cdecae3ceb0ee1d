/** What the platform asks the bot to wait is bounded, and can be cut short. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import { Gateway } from "@effect-qq/core"
import { Fault } from "@effect-qq/core/testing"
import * as Bot from "../../support/bot.ts"
import { inject } from "../../support/bot.ts"

const absurd = 99_999_999_999

const limited = { _tag: "Status", status: 429, retryAfter: absurd } as const

const places = [
  ["the token endpoint", Fault.http("token", limited)],
  ["the metadata", Fault.http("metadata", limited)],
  ["the upgrade", Fault.refuseUpgrade(429, { retryAfter: absurd })]
] as const

describe("a Retry-After of thousands of years", () => {
  it.effect.each(places)("of %s keeps the bot offline for 10 min, with one warning", ([, fault]) =>
    Effect.gen(function* () {
      const warnings: Array<string> = []
      const console = Logger.make(({ logLevel, message }) => {
        if (logLevel.label === "WARN" && String(message).includes("asks for a wait")) warnings.push(String(message))
      })
      yield* Effect.gen(function* () {
        yield* inject(fault)
        yield* Bot.listen
        yield* Bot.advance("9 minutes")
        assert.strictEqual(yield* Bot.state, "Waiting")
        // the jitter adds a fifth at most
        yield* Bot.advance("3 minutes")
        assert.strictEqual(yield* Bot.state, "Ready")
      }).pipe(Bot.on(), Effect.provide(Logger.add(console)))
      assert.lengthOf(warnings, 1)
      assert.include(warnings[0], "10m")
    })
  )

  const cutShort = (fault: (typeof places)[number][1]) =>
    Effect.gen(function* () {
      yield* inject(fault)
      yield* Bot.listen
      yield* Bot.advance("2 seconds")
      assert.strictEqual(yield* Bot.state, "Waiting")
      yield* Gateway.reconnectNow
      yield* Bot.settle
      assert.strictEqual(yield* Bot.state, "Ready")
    })

  it.effect.each(places)("of %s is cut short by reconnectNow", ([, fault]) => cutShort(fault).pipe(Bot.on()))

  it.effect.each(places.slice(0, 2))("of %s is cut short where the number of shards is asked for", ([, fault]) =>
    cutShort(fault).pipe(Bot.on({ bot: { shards: "recommended" } }))
  )
})

describe("reconnectNow ten times a second", () => {
  const storm = Effect.gen(function* () {
    for (let call = 0; call < 600; call++) {
      yield* Gateway.reconnectNow
      yield* Bot.advance("100 millis")
    }
  })

  it.effect("replaces a connection that is Ready at most every 5 s", () =>
    Effect.gen(function* () {
      yield* Bot.online
      yield* storm
      const dials = yield* Bot.dials
      assert.isAtMost(dials.length, 14)
      assert.isAtLeast(dials.length, 12)
      assert.strictEqual(yield* Bot.state, "Ready")
    }).pipe(Bot.on())
  )

  it.effect("hurries neither the token endpoint nor the metadata more often", () =>
    Effect.gen(function* () {
      yield* inject(Fault.http("token", limited, { times: Number.POSITIVE_INFINITY }))
      yield* Bot.listen
      yield* storm
      const asked = (yield* Bot.entries("Request")).length
      assert.isAtMost(asked, 14)
      assert.isAtLeast(asked, 12)
    }).pipe(Bot.on())
  )

  it.effect("does what was asked for too soon once the 5 s are over", () =>
    Effect.gen(function* () {
      yield* Bot.online
      yield* Gateway.reconnectNow
      yield* Bot.advance("1 second")
      yield* Gateway.reconnectNow
      yield* Bot.advance("3 seconds")
      assert.lengthOf(yield* Bot.introductions, 2)
      yield* Bot.advance("1 second")
      assert.lengthOf(yield* Bot.introductions, 3)
    }).pipe(Bot.on())
  )
})
