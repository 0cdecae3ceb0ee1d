import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import * as SendError from "../../../packages/core/src/messages/SendError.ts"
import * as SendPolicy from "../../../packages/core/src/messages/SendPolicy.ts"

const facts = { detail: "said the platform", hint: "wait" }
const unavailable = new SendError.PlatformUnavailable(facts)
const unknown = new SendError.DeliveryUnknown(facts)
const mediaFailed = new SendError.MessageRejected({ ...facts, class: "media_retry" })
const limited = (seconds?: number) =>
  new SendError.RateLimited({ ...facts, retryAfter: seconds === undefined ? undefined : Duration.seconds(seconds) })

/** When it is tried, in seconds, if these errors come one after another, the last one for ever. */
const attempts = (
  errors: readonly [SendError.SendError, ...ReadonlyArray<SendError.SendError>],
  idempotent = true,
  changes: Partial<SendPolicy.SendPolicy> = {}
) =>
  Effect.gen(function* () {
    const times: Array<number> = []
    const attempt = Effect.flatMap(Clock.currentTimeMillis, (now) => {
      times.push(now / 1000)
      return Effect.fail(errors[times.length - 1] ?? errors.at(-1) ?? errors[0])
    })
    const fiber = yield* Effect.fork(
      Effect.flip(Effect.retry(attempt, SendPolicy.retries({ ...SendPolicy.defaults, ...changes }, idempotent)))
    )
    yield* TestClock.adjust("3 hours")
    const last = yield* Fiber.join(fiber)
    assert.strictEqual(last._tag, (errors[times.length - 1] ?? errors.at(-1))?._tag)
    return times
  })

describe("retries", () => {
  it.effect("what was surely not sent: 0.5, 1, 2, 5 s, then no more", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* attempts([unavailable], true), [0, 0.5, 1.5, 3.5, 8.5])
    })
  )

  it.effect("what was surely not sent is safe to send again whatever it is", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* attempts([unavailable], false), [0, 0.5, 1.5, 3.5, 8.5])
    })
  )

  it.effect("an unknown outcome: 0.5, 1, 2, 5 s where the platform shows it once", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* attempts([unknown], true), [0, 0.5, 1.5, 3.5, 8.5])
    })
  )

  it.effect("an unknown outcome: never where it could be seen twice", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* attempts([unknown], false), [0])
      assert.deepStrictEqual(yield* attempts([unavailable, unknown], false), [3 * 3600, 3 * 3600 + 0.5])
    })
  )

  it.effect("media that could not be fetched", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* attempts([mediaFailed], false), [0, 0.5, 1.5, 3.5, 8.5])
    })
  )

  it.effect("a rate limit: 2, 5, 10, 30 s, then no more", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* attempts([limited()], true), [0, 2, 7, 17, 47])
    })
  )

  it.effect("a rate limit that says how long: as long as that, within two minutes", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(
        yield* attempts([limited(20), limited(30), limited(45), limited(45)], true),
        [0, 20, 50, 95]
      )
    })
  )

  it.effect("a rate limit that says longer than two minutes: not at all", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* attempts([limited(121)], true), [0])
      assert.deepStrictEqual(yield* attempts([limited(3600)], true), [3 * 3600])
    })
  )

  it.effect("a rate limit and a failure each have their own ladder", () =>
    Effect.gen(function* () {
      const row = [limited(), limited(), limited(), unavailable, limited(), unavailable] as const
      assert.deepStrictEqual(yield* attempts(row, true), [0, 2, 7, 17, 17.5, 47.5, 48.5, 50.5, 55.5])
    })
  )

  it.effect("nothing else", () =>
    Effect.gen(function* () {
      const others: ReadonlyArray<SendError.SendError> = [
        new SendError.MsgIdExpired(facts),
        new SendError.QuotaExhausted({ ...facts, of: "period" }),
        new SendError.MessageRejected({ ...facts, class: "content_blocked" }),
        new SendError.PermissionDenied(facts),
        new SendError.ProactiveRefused(facts)
      ]
      for (const error of others) assert.strictEqual((yield* attempts([error], true)).length, 1, error._tag)
    })
  )

  it.effect("no longer than the policy says", () =>
    Effect.gen(function* () {
      const changes = { maximumElapsed: Duration.seconds(10) }
      assert.deepStrictEqual(yield* attempts([limited()], true, changes), [0, 2, 7])
    })
  )
})
