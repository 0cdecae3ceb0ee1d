/**
 * The defects of the patch this library began with, numbered as they were found, each as a test of its own. Those of its
 * sending half are in `test/core/messages`; those that a test elsewhere shows are named there, and only the rest is here.
 */
import { assert, describe, it } from "@effect/vitest"
import { Gateway } from "@effect-qq/core"
import { Fault, TestPlatform } from "@effect-qq/core/testing"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Bot from "../../support/bot.ts"
import { inject, world as platform } from "../../support/bot.ts"
import * as Ends from "../../support/ends.ts"

const noJitter = { session: { jitter: 0 } }

const gaps = (times: ReadonlyArray<number>): ReadonlyArray<number> =>
  times.slice(1).map((time, index) => time - (times[index] ?? 0))

describe("the defects of the gateway half", () => {
  it.effect("1: what is done about op 7 cannot blank the session it wants to keep", () =>
    Effect.gen(function* () {
      yield* Bot.online
      const before = yield* Effect.flatMap(Gateway.status, (status) => status.get)
      yield* inject(Fault.reconnect({ thenClose: { code: 4009, after: 0 } }))
      yield* Bot.advance("2 seconds")
      const after = yield* Effect.flatMap(Gateway.status, (status) => status.get)
      assert.strictEqual(after.sessionId, before.sessionId)
      assert.deepStrictEqual(yield* Bot.introductions, ["identify", "resume"])
    }).pipe(Bot.on())
  )

  it.effect("2: 4009, the regular end of a connection, keeps the session", () =>
    Effect.gen(function* () {
      yield* Bot.online
      yield* inject(Fault.close(4009))
      yield* Bot.advance("2 seconds")
      assert.deepStrictEqual(yield* Bot.introductions, ["identify", "resume"])
    }).pipe(Bot.on())
  )

  it.effect("3: a banned bot does not burn its identifies", () =>
    Effect.gen(function* () {
      yield* inject(Fault.acceptThenClose({ moment: "hello", code: 4915, times: Number.POSITIVE_INFINITY }))
      yield* Bot.listen
      yield* Bot.advance("1 day")
      assert.strictEqual((yield* Bot.dials).length, 1)
    }).pipe(Bot.on())
  )

  it.effect("5: the rungs 1, 2 and 5 s exist on the wire", () =>
    Effect.gen(function* () {
      yield* Bot.online
      yield* inject(Fault.unreachable({ times: 3 }))
      yield* inject(Fault.drop())
      yield* Bot.advance("20 seconds")
      assert.deepStrictEqual(yield* Bot.dials, [0, 1, 3, 8, 18])
    }).pipe(Bot.on({ bot: noJitter }))
  )

  it.effect("6: an identify that is accepted and kicked a second later does not run at the first rung for ever", () =>
    Effect.gen(function* () {
      yield* inject(
        Fault.acceptThenClose({ moment: "ready", code: 4006, after: 1000, times: Number.POSITIVE_INFINITY })
      )
      yield* Bot.listen
      yield* Bot.advance("1 hour")
      const identifies = (yield* Bot.introductions).filter((kind) => kind === "identify").length
      assert.isAtMost(identifies, 64)
      assert.isTrue(
        gaps(yield* Bot.dials)
          .slice(3)
          .every((gap) => gap >= 60)
      )
    }).pipe(Bot.on({ bot: noJitter }))
  )

  it("7: the wait after a penalty is no shorter than the penalty", () => {
    const waits = Ends.waits(Array.from({ length: 12 }, () => Ends.quick()))
    assert.deepStrictEqual(waits, [1, 2, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60])
  })

  it("8: a refused connect is not measured against a HELLO of an hour ago", () => {
    const steps = Ends.walk([
      Ends.quick(),
      Ends.quick(),
      Ends.refused({ at: 3_600_000 }),
      Ends.quick({ at: 3_700_000 })
    ])
    assert.deepStrictEqual(
      steps.map(({ history }) => history.quick),
      [1, 2, 2, 3]
    )
  })

  it("9: op 7 within 5 s of HELLO is not punished, and costs no rung", () => {
    const [step] = Ends.walk([Ends.reconnectAsked({ sinceGreeting: 100, readyFor: 0 })])
    assert.strictEqual(step?.history.quick, 0)
    assert.deepStrictEqual(
      Ends.waits([Ends.reconnectAsked({ sinceGreeting: 100, readyFor: 0 }), Ends.ordinary()]),
      [0, 1]
    )
  })

  it.effect("10: op 9 takes the ladder: an intent that is not granted is no endless loop", () =>
    Effect.gen(function* () {
      yield* Bot.listen
      yield* Bot.advance("1 day")
      assert.isAtMost((yield* Bot.introductions).length, 20)
    }).pipe(Bot.on({ platform: { grantedIntents: 1, refusedIntentsCode: 4903 } }))
  )

  it.effect("11, 12: two bots in one process share no wait and no counter", () =>
    Effect.gen(function* () {
      const bot = (appId: string) =>
        TestPlatform.layer({
          platform: { appId },
          bot: { hosts: Bot.ownHosts, secret: Redacted.make("model-secret"), session: { jitter: 0 } }
        })
      const failing = Effect.gen(function* () {
        yield* inject(Fault.unreachable({ times: Number.POSITIVE_INFINITY }))
        yield* Bot.listen
        yield* Effect.sleep("1 minute")
        return yield* Bot.state
      }).pipe(Effect.scoped, Effect.provide(Layer.fresh(bot("1"))))
      const healthy = Effect.gen(function* () {
        yield* Bot.listen
        yield* Effect.sleep("30 seconds")
        yield* inject(Fault.drop())
        yield* Effect.sleep("2 seconds")
        return yield* Bot.state
      }).pipe(Effect.scoped, Effect.provide(Layer.fresh(bot("2"))))
      const both = yield* Effect.fork(Effect.zip(failing, healthy, { concurrent: true }))
      yield* Bot.advance("61 seconds")
      assert.deepStrictEqual(yield* Fiber.join(both), ["Waiting", "Ready"])
    })
  )

  it.effect("13: a socket that errs and closes is one end, not two", () =>
    Effect.gen(function* () {
      yield* Bot.online
      yield* inject(Fault.refuseUpgrade(500, { times: 1 }))
      yield* inject(Fault.drop())
      yield* Bot.advance("30 seconds")
      assert.deepStrictEqual(yield* Bot.dials, [0, 1, 3])
      assert.strictEqual((yield* Bot.counters).maxOpenSockets, 1)
    }).pipe(Bot.on({ bot: noJitter }))
  )

  it.effect("14: nothing shortens the wait that the platform asked for", () =>
    Effect.gen(function* () {
      yield* Bot.online
      yield* Bot.advance("1 minute")
      yield* inject(Fault.close(4008))
      yield* Bot.advance("59 seconds")
      assert.strictEqual(yield* Bot.state, "Waiting")
      yield* Bot.advance("1 second")
      assert.strictEqual(yield* Bot.state, "Ready")
    }).pipe(Bot.on({ bot: noJitter }))
  )

  it.effect("15: a wait of a minute ends with the shutdown, not with the minute", () =>
    Effect.gen(function* () {
      const bot = yield* Bot.online
      yield* inject(Fault.close(4008))
      yield* Bot.settle
      assert.strictEqual(yield* Bot.state, "Waiting")
      yield* Fiber.interrupt(bot.fiber)
      assert.isTrue(Option.isSome(yield* Fiber.poll(bot.fiber)))
    }).pipe(Bot.on())
  )

  it.effect("16: with no identifies left it waits until they are restored, however long that is", () =>
    Effect.gen(function* () {
      yield* Bot.listen
      yield* Bot.advance("59 minutes")
      assert.strictEqual(yield* Bot.state, "Waiting")
      yield* Bot.advance("2 minutes")
      assert.strictEqual(yield* Bot.state, "Ready")
    }).pipe(Bot.on({ platform: { sessionLimit: { remaining: 0, resetAfter: 3_600_000 } } }))
  )

  for (const [name, failure] of [
    ["a time-out", Fault.hang({ accepted: false })],
    ["an unknown code", Fault.status(200, { code: 100002, message: "?" })],
    ["a rate limit", Fault.status(200, { code: 100001, message: "too many" })],
    ["HTML", Fault.html(502)],
    ["neither token nor code", Fault.body(200, "{}")],
    ["a reset", Fault.reset({ accepted: false })]
  ] as const) {
    it.effect(`18: ${name} of the token endpoint at the start is no reason to die`, () =>
      Effect.gen(function* () {
        yield* inject(Fault.http("token", failure, { times: 2 }))
        yield* Bot.listen
        yield* Bot.advance("4 minutes")
        assert.strictEqual(yield* Bot.state, "Ready")
      }).pipe(Bot.on({ bot: noJitter }))
    )
  }

  it("19: a bot that ran for a week starts at the first rung", () => {
    const week = Ends.ordinary({ readyFor: 604_800_000, sinceGreeting: 604_800_000, answered: true })
    assert.deepStrictEqual(
      Ends.waits([Ends.refused(), Ends.refused(), Ends.refused(), week, Ends.refused()]),
      [5, 10, 30, 1, 2]
    )
  })

  it.effect("21: a handshake that stalls after HELLO is noticed", () =>
    Effect.gen(function* () {
      yield* inject(Fault.ignoreIdentifies({ times: 1 }))
      yield* Bot.listen
      yield* Bot.advance("29 seconds")
      assert.strictEqual(yield* Bot.state, "Identifying")
      yield* Bot.advance("10 seconds")
      assert.strictEqual(yield* Bot.state, "Ready")
    }).pipe(Bot.on())
  )

  it.effect("22: a frame without s ends nothing", () =>
    Effect.gen(function* () {
      yield* Bot.online
      for (const frame of ['{"op":1}', '{"op":11}', '{"op":0,"t":"C2C_MESSAGE_CREATE","d":{"id":"x","author":{}}}']) {
        yield* inject(Fault.raw(frame))
      }
      yield* Bot.settle
      assert.strictEqual(yield* Bot.state, "Ready")
    }).pipe(Bot.on())
  )

  it.effect("23: an event whose handler was cut off comes again; one that was handled does not", () =>
    Effect.gen(function* () {
      const first = yield* Effect.forkScoped(
        Gateway.run(
          Gateway.on("C2C_MESSAGE_CREATE", (event) => (event.content === "cut off" ? Effect.never : Effect.void))
        )
      )
      yield* Gateway.ready
      const p = yield* platform
      yield* p.privateMessage({ user: "u1", text: "cut off" })
      yield* p.privateMessage({ user: "u2", text: "handled" })
      yield* Bot.settle
      yield* Fiber.interrupt(first)
      const second = yield* Bot.online
      yield* Bot.settle
      assert.deepStrictEqual(yield* second.heard, ["cut off"])
    }).pipe(Bot.on({ bot: { delivery: { drainTimeout: Duration.zero } } }))
  )
})
