import { EventClaims } from "@effect-qq/core"
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import * as Harness from "./harness.ts"

const acknowledged = { status: 200, body: '{"op":12,"d":0}' }
const repeatPlease = { status: 503, body: '{"op":12,"d":1}' }

/** Claims of several processes in one; `state.away`: they cannot be asked. */
const makeClaims = () => {
  const claims = new Map<string, { holder: string; settled: boolean }>()
  const state = { away: false }
  const ask = <A>(body: () => A): Effect.Effect<A, EventClaims.ClaimsUnavailable> =>
    Effect.suspend(() =>
      state.away ? new EventClaims.ClaimsUnavailable({ cause: "away" }) : Effect.delay(Effect.sync(body), "5 millis")
    )
  const of = (holder: string): EventClaims.EventClaimsShape => ({
    claim: (key) =>
      ask(() => {
        const known = claims.get(key)
        if (known !== undefined) return known.settled ? "Settled" : "InFlight"
        claims.set(key, { holder, settled: false })
        return "New"
      }),
    settle: (key) =>
      ask(() => {
        const known = claims.get(key)
        if (known?.holder === holder) known.settled = true
      }),
    release: (key) => ask(() => void claims.delete(key))
  })
  return { claims, state, of }
}

/** Two replicas of one webhook. */
const replicas = (policy: Parameters<typeof Harness.make>[0] = {}) =>
  Effect.gen(function* () {
    const { claims, of, state } = makeClaims()
    const one = yield* Effect.provideService(
      Effect.provide(Harness.make(policy), Harness.services()),
      EventClaims.EventClaims,
      of("one")
    )
    const other = yield* Effect.provideService(
      Effect.provide(Harness.make(policy), Harness.services()),
      EventClaims.EventClaims,
      of("other")
    )
    return { one, other, claims, state }
  })

/** Time goes on while the answer is awaited. */
const answer = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(effect)
    yield* TestClock.adjust("20 millis")
    return yield* Fiber.join(fiber)
  })

describe("replicas of a webhook that share their claims", () => {
  it.scoped("handle an event once, whichever of them the platform's repetition reaches", () =>
    Effect.gen(function* () {
      const { one, other } = yield* replicas()
      assert.deepStrictEqual(yield* answer(one.platform.deliver(Harness.hello)), [acknowledged])
      assert.deepStrictEqual(yield* answer(other.platform.deliver(Harness.hello)), [acknowledged])
      assert.deepStrictEqual([one.offers.length, other.offers.length], [1, 0])
    })
  )

  it.scoped("ask for a repetition while another has the event, and acknowledge it once it is settled", () =>
    Effect.gen(function* () {
      const { one, other } = yield* replicas({ acknowledge: "settled", settleTimeout: Duration.seconds(2) })
      const first = yield* Effect.fork(one.platform.deliver(Harness.hello))
      yield* TestClock.adjust("20 millis")
      const request = yield* other.platform.sign(Harness.body())
      assert.deepStrictEqual(yield* answer(other.platform.post(request)), repeatPlease)
      one.offers[0]?.settled()
      yield* TestClock.adjust("20 millis")
      assert.deepStrictEqual(yield* Fiber.join(first), [acknowledged])
      assert.deepStrictEqual(yield* answer(other.platform.post(request)), acknowledged)
      assert.deepStrictEqual([one.offers.length, other.offers.length], [1, 0])
    })
  )

  it.scoped("leave an event that one replica had no room for to the other", () =>
    Effect.gen(function* () {
      const { one, other } = yield* replicas()
      one.state.full = true
      assert.deepStrictEqual(yield* answer(one.platform.post(yield* one.platform.sign(Harness.body()))), repeatPlease)
      assert.deepStrictEqual(yield* answer(other.platform.deliver(Harness.hello)), [acknowledged])
      assert.deepStrictEqual([one.offers.length, other.offers.length], [0, 1])
    })
  )

  it.scoped("refuse an event while the claims cannot be asked, and take its repetition afterwards", () =>
    Effect.gen(function* () {
      const { one, state } = yield* replicas()
      const request = yield* one.platform.sign(Harness.body())
      state.away = true
      assert.strictEqual(
        yield* Harness.counted(
          "ClaimsUnavailable",
          Effect.map(one.platform.post(request), (got) => assert.deepStrictEqual(got, repeatPlease))
        ),
        1
      )
      assert.strictEqual(one.offers.length, 0)
      state.away = false
      assert.deepStrictEqual(yield* answer(one.platform.post(request)), acknowledged)
      assert.strictEqual(one.offers.length, 1)
    })
  )

  it.scoped("take one of many copies that come at once, and acknowledge all", () =>
    Effect.gen(function* () {
      const { one } = yield* replicas()
      const request = yield* one.platform.sign(Harness.body())
      const answers = yield* answer(
        Effect.all(
          Array.from({ length: 20 }, () => one.platform.post(request)),
          { concurrency: "unbounded" }
        )
      )
      for (const each of answers) assert.deepStrictEqual(each, acknowledged)
      assert.strictEqual(one.offers.length, 1)
    })
  )

  it.scoped("keep the claim of handlers that are not done in time", () =>
    Effect.gen(function* () {
      const { claims, one, other } = yield* replicas({ acknowledge: "settled", settleTimeout: Duration.seconds(2) })
      const late = yield* Effect.fork(one.platform.post(yield* one.platform.sign(Harness.body())))
      yield* TestClock.adjust("3 seconds")
      assert.deepStrictEqual(yield* Fiber.join(late), repeatPlease)
      assert.strictEqual(claims.size, 1)
      assert.deepStrictEqual(
        yield* answer(other.platform.post(yield* other.platform.sign(Harness.body()))),
        repeatPlease
      )
      assert.strictEqual(other.offers.length, 0)
    })
  )
})
