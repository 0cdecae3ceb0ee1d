/** What every `IdentifyLimiter` must do, whatever it is made of. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { GatewayUnavailable } from "../../../packages/core/src/gateway/GatewayError.ts"
import { GatewayMetadata } from "../../../packages/core/src/gateway/GatewayMetadata.ts"
import type { Limits, Metadata } from "../../../packages/core/src/gateway/GatewayMetadata.ts"
import { IdentifyLimiter } from "../../../packages/core/src/gateway/IdentifyLimiter.ts"

interface Platform {
  limits: Limits
  /** What the next refresh brings; it fails when there is nothing. */
  next: Limits | undefined
  refreshes: number
}

class Fake extends Context.Tag("test/Fake")<Fake, Platform>() {}

const unlimited = Number.POSITIVE_INFINITY

const metadata = Layer.effectContext(
  Effect.sync(() => {
    const platform: Platform = {
      limits: { total: 1000, remaining: 1000, resetAt: 86_400_000, maxConcurrency: 1 },
      next: undefined,
      refreshes: 0
    }
    const current = Effect.map(Clock.currentTimeMillis, (now) => {
      const { limits } = platform
      if (now >= limits.resetAt) {
        platform.limits = { ...limits, remaining: limits.total, resetAt: limits.resetAt + 86_400_000 }
      }
      return platform.limits
    })
    const refresh = Effect.suspend(() => {
      platform.refreshes++
      if (platform.next === undefined) {
        return Effect.fail(new GatewayUnavailable({ of: "Metadata", reason: "Refused", detail: "test" }))
      }
      platform.limits = platform.next
      const { maxConcurrency, remaining, total } = platform.limits
      const answer: Metadata = {
        url: "wss://gateway.test",
        shards: 1,
        total,
        remaining,
        resetAfter: Duration.zero,
        maxConcurrency
      }
      return Effect.succeed(answer)
    })
    return Context.make(Fake, platform).pipe(
      Context.add(GatewayMetadata, {
        get: refresh,
        refresh,
        url: Effect.succeed("wss://gateway.test"),
        limits: current,
        identified: Effect.map(current, (limits) => {
          platform.limits = { ...limits, remaining: Math.max(0, limits.remaining - 1) }
        })
      })
    )
  })
)

/** One identify: waits, notes shard and time, uses the permit, holds the bucket for a while. */
const identify = (
  log: Array<readonly [shard: number, at: number]>,
  shard: number,
  options?: { readonly hold?: Duration.DurationInput; readonly use?: boolean; readonly after?: Duration.DurationInput }
) =>
  Effect.gen(function* () {
    const limiter = yield* IdentifyLimiter
    const permit = yield* limiter.acquire(shard)
    log.push([shard, yield* Clock.currentTimeMillis])
    if (options?.after !== undefined) yield* Effect.sleep(options.after)
    if (options?.use !== false) yield* permit.used
    yield* Effect.sleep(options?.hold ?? 0)
  }).pipe(Effect.scoped)

/**
 * Declares the suite. `layer` is built anew for each test, on metadata that the suite controls.
 */
export const identifyLimiterConformance = (
  name: string,
  layer: Layer.Layer<IdentifyLimiter, never, GatewayMetadata>
): void => {
  const provided = Effect.provide(Layer.provideMerge(layer, metadata))

  describe(`${name} is an IdentifyLimiter`, () => {
    it.effect("serves many shards with max_concurrency 2 at exactly the times allowed, in order", () =>
      Effect.gen(function* () {
        const platform = yield* Fake
        platform.limits = { ...platform.limits, maxConcurrency: 2 }
        const log: Array<readonly [number, number]> = []
        const all = yield* Effect.fork(
          Effect.forEach(
            Array.from({ length: 9 }, (_, shard) => shard),
            (shard) => identify(log, shard),
            {
              concurrency: "unbounded"
            }
          )
        )
        yield* TestClock.adjust("1 minute")
        yield* Fiber.join(all)
        assert.deepStrictEqual(log, [
          [0, 0],
          [1, 0],
          [2, 5250],
          [3, 5250],
          [4, 10_500],
          [5, 10_500],
          [6, 15_750],
          [7, 15_750],
          [8, 21_000]
        ])
        assert.strictEqual(platform.limits.remaining, 991)
      }).pipe(provided)
    )

    it.effect("lets a bucket without identifies pass one with many", () =>
      Effect.gen(function* () {
        const platform = yield* Fake
        platform.limits = { ...platform.limits, maxConcurrency: 2 }
        const log: Array<readonly [number, number]> = []
        yield* Effect.fork(Effect.forEach([0, 2, 4, 1], (shard) => identify(log, shard), { concurrency: "unbounded" }))
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(log, [
          [0, 0],
          [1, 0],
          [2, 5250],
          [4, 10_500]
        ])
      }).pipe(provided)
    )

    it.effect("keeps a bucket closed while its permit is held, and 5.25 s from the identify", () =>
      Effect.gen(function* () {
        const log: Array<readonly [number, number]> = []
        yield* Effect.fork(
          Effect.forEach(
            [
              [0, "12 seconds"],
              [1, "2 seconds"],
              [2, "0 seconds"]
            ] as const,
            ([shard, hold]) => identify(log, shard, { hold }),
            { concurrency: "unbounded" }
          )
        )
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(log, [
          [0, 0],
          [1, 12_000],
          [2, 17_250]
        ])
      }).pipe(provided)
    )

    it.effect("serves the next at once when the permit was not used, and counts nothing", () =>
      Effect.gen(function* () {
        const platform = yield* Fake
        const log: Array<readonly [number, number]> = []
        yield* Effect.fork(
          Effect.forEach([0, 1], (shard) => identify(log, shard, { use: false, hold: "3 seconds" }), {
            concurrency: "unbounded"
          })
        )
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(log, [
          [0, 0],
          [1, 3000]
        ])
        assert.strictEqual(platform.limits.remaining, 1000)
      }).pipe(provided)
    )

    it.effect("counts a permit once, and opens its bucket 5.25 s after the first use", () =>
      Effect.gen(function* () {
        const platform = yield* Fake
        const limiter = yield* IdentifyLimiter
        const scope = yield* Scope.make()
        const permit = yield* Scope.extend(limiter.acquire(0), scope)
        yield* permit.used
        yield* TestClock.adjust("4 seconds")
        yield* permit.used
        yield* Scope.close(scope, Exit.void)
        const log: Array<readonly [number, number]> = []
        yield* Effect.fork(identify(log, 0))
        yield* TestClock.adjust("10 seconds")
        assert.deepStrictEqual(log, [[0, 5250]])
        assert.strictEqual(platform.limits.remaining, 998)
      }).pipe(provided)
    )

    it.effect("forgets a waiter that is interrupted, and serves those behind it", () =>
      Effect.gen(function* () {
        const platform = yield* Fake
        const log: Array<readonly [number, number]> = []
        yield* Effect.fork(identify(log, 0))
        yield* TestClock.adjust(0)
        const leaving = yield* Effect.fork(identify(log, 1))
        yield* TestClock.adjust(0)
        yield* Effect.fork(identify(log, 2))
        yield* TestClock.adjust("1 second")
        assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(leaving)))
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(log, [
          [0, 0],
          [2, 5250]
        ])
        assert.strictEqual(platform.limits.remaining, 998)
      }).pipe(provided)
    )

    it.effect("frees the bucket of a holder that is interrupted", () =>
      Effect.gen(function* () {
        const log: Array<readonly [number, number]> = []
        const holding = yield* Effect.fork(identify(log, 0, { use: false, hold: "1 hour" }))
        yield* TestClock.adjust(0)
        yield* Effect.fork(identify(log, 0))
        yield* TestClock.adjust("7 seconds")
        yield* Fiber.interrupt(holding)
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(log, [
          [0, 0],
          [0, 7000]
        ])
      }).pipe(provided)
    )

    it.effect("honours a change of max_concurrency", () =>
      Effect.gen(function* () {
        const platform = yield* Fake
        const log: Array<readonly [number, number]> = []
        yield* Effect.fork(
          Effect.forEach([0, 1, 2, 3, 4, 5], (shard) => identify(log, shard), { concurrency: "unbounded" })
        )
        yield* TestClock.adjust("1 second")
        platform.limits = { ...platform.limits, maxConcurrency: 3 }
        yield* TestClock.adjust("5250 millis")
        platform.limits = { ...platform.limits, maxConcurrency: 1 }
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(log, [
          [0, 0],
          [1, 5250],
          [2, 5250],
          [3, 5250],
          [4, 10_500],
          [5, 15_750]
        ])
      }).pipe(provided)
    )

    it.effect("asks the platform before each identify when ten or fewer are left; a failure is no obstacle", () =>
      Effect.gen(function* () {
        const platform = yield* Fake
        const log: Array<readonly [number, number]> = []
        platform.limits = { ...platform.limits, remaining: 11 }
        yield* Effect.fork(identify(log, 0))
        yield* TestClock.adjust("5250 millis")
        assert.strictEqual(platform.refreshes, 0)
        yield* Effect.fork(identify(log, 0))
        yield* TestClock.adjust("5250 millis")
        assert.strictEqual(platform.refreshes, 1)
        platform.next = { total: unlimited, remaining: unlimited, resetAt: 86_400_000, maxConcurrency: 1 }
        yield* Effect.fork(identify(log, 0))
        yield* TestClock.adjust("5250 millis")
        yield* Effect.fork(identify(log, 0))
        yield* TestClock.adjust("5250 millis")
        assert.strictEqual(platform.refreshes, 2)
        assert.deepStrictEqual(
          log.map(([, at]) => at),
          [0, 5250, 10_500, 15_750]
        )
      }).pipe(provided)
    )

    it.effect("waits until the budget is restored when nothing is left, and can be interrupted meanwhile", () =>
      Effect.gen(function* () {
        const platform = yield* Fake
        platform.limits = { total: 1000, remaining: 0, resetAt: 5_000_000, maxConcurrency: 1 }
        const log: Array<readonly [number, number]> = []
        const leaving = yield* Effect.fork(identify(log, 0))
        yield* TestClock.adjust("1 minute")
        assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(leaving)))
        yield* Effect.fork(identify(log, 1))
        yield* TestClock.adjust("4939999 millis")
        assert.deepStrictEqual(log, [])
        yield* TestClock.adjust("1 millis")
        assert.deepStrictEqual(log, [[1, 5_000_000]])
      }).pipe(provided)
    )

    it.effect("never grants more than what is left, not even to two buckets at once", () =>
      Effect.gen(function* () {
        const platform = yield* Fake
        platform.limits = { total: 1000, remaining: 1, resetAt: 60_000, maxConcurrency: 2 }
        const log: Array<readonly [number, number]> = []
        yield* Effect.fork(
          Effect.forEach([0, 1], (shard) => identify(log, shard, { after: "2 seconds", hold: "1 second" }), {
            concurrency: "unbounded"
          })
        )
        yield* TestClock.adjust("59 seconds")
        assert.deepStrictEqual(log, [[0, 0]])
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(log, [
          [0, 0],
          [1, 60_000]
        ])
      }).pipe(provided)
    )

    it.effect("gives what one bucket did not use to the other", () =>
      Effect.gen(function* () {
        const platform = yield* Fake
        platform.limits = { total: 1000, remaining: 1, resetAt: 60_000, maxConcurrency: 2 }
        const log: Array<readonly [number, number]> = []
        yield* Effect.fork(
          Effect.forEach([0, 1], (shard) => identify(log, shard, { use: shard === 1, hold: "2 seconds" }), {
            concurrency: "unbounded"
          })
        )
        yield* TestClock.adjust("59 seconds")
        assert.deepStrictEqual(log, [
          [0, 0],
          [1, 2000]
        ])
      }).pipe(provided)
    )

    it.effect("lets a waiter go at once when it is interrupted inside a scope that stays open", () =>
      Effect.gen(function* () {
        const platform = yield* Fake
        platform.limits = { total: 1000, remaining: 0, resetAt: 60_000, maxConcurrency: 1 }
        const limiter = yield* IdentifyLimiter
        const scope = yield* Scope.make()
        const leaving = yield* Effect.fork(Scope.extend(limiter.acquire(0), scope))
        yield* TestClock.adjust("1 second")
        yield* Fiber.interrupt(leaving)
        const log: Array<readonly [number, number]> = []
        yield* Effect.fork(identify(log, 0))
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(log, [[0, 60_000]])
        yield* Scope.close(scope, Exit.void)
      }).pipe(provided)
    )
  })
}
