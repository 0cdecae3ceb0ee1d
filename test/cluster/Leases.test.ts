import { Leases } from "@effect-qq/cluster"
import * as RunnerAddress from "@effect/cluster/RunnerAddress"
import * as RunnerStorage from "@effect/cluster/RunnerStorage"
import * as ShardId from "@effect/cluster/ShardId"
import * as ShardingConfig from "@effect/cluster/ShardingConfig"
import { describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import * as fc from "fast-check"
import { assert } from "vitest"
import { Incarnation } from "../../packages/cluster/src/internal/Incarnation.ts"

describe("a lease", () => {
  it.scoped(
    "lasts for 0.8 of the lock's expiration from the beginning of the renewal, and is fresh for half of that",
    () =>
      Effect.gen(function* () {
        const leases = yield* Leases.make("10 seconds")
        assert.isFalse(leases.isHeld("s"))
        assert.strictEqual(leases.age("s"), Number.POSITIVE_INFINITY)
        const begun = leases.now()
        // the request took a second
        yield* TestClock.adjust("1 second")
        leases.renewed(begun, ["s"], "here:1")
        yield* TestClock.adjust("2999 millis")
        assert.isTrue(leases.isFresh("s"))
        yield* TestClock.adjust("1 millis")
        assert.isFalse(leases.isFresh("s"))
        yield* TestClock.adjust("3999 millis")
        assert.isTrue(leases.isHeld("s"))
        yield* TestClock.adjust("1 millis")
        assert.isFalse(leases.isHeld("s"))
        assert.strictEqual(leases.runner(), "here:1")
      })
  )

  it.scoped("ends when its shard is given back", () =>
    Effect.gen(function* () {
      const leases = yield* Leases.make("10 seconds")
      leases.renewed(leases.now(), ["a", "b"], "here:1")
      leases.released("a")
      assert.deepStrictEqual(leases.held(), ["b"])
    })
  )

  it("is as old as the clock says that went further: a machine that slept, a clock that was set", () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.integer(), fc.integer(), (monotonic, wall, forward, set) => {
        const since = { monotonic, wall }
        const now = { monotonic: monotonic + Math.abs(forward), wall: wall + set }
        const age = Leases.elapsed(since, now)
        assert.isAtLeast(age, Math.abs(forward))
        assert.isAtLeast(age, set)
      })
    )
  })
})

describe("an incarnation", () => {
  it.scoped("that has expired never lives again, though its lease be renewed", () =>
    Effect.gen(function* () {
      const leases = yield* Leases.make("10 seconds")
      leases.renewed(leases.now(), ["s"], "here:1")
      const incarnation = new Incarnation(() => leases.isHeld("s"), Effect.succeed(true))
      assert.isTrue(incarnation.isHeld())
      yield* incarnation.confirm
      yield* TestClock.adjust("8 seconds")
      assert.isFalse(incarnation.isHeld())
      leases.renewed(leases.now(), ["s"], "here:1")
      assert.isTrue(leases.isHeld("s"))
      assert.isFalse(incarnation.isHeld())
      assert.include((yield* incarnation.lost).message, "its lease has expired")
      assert.strictEqual((yield* Effect.flip(incarnation.confirm))._tag, "OwnershipLost")
    })
  )

  it.scoped("is cut within a look of its lease's end, without anybody asking", () =>
    Effect.gen(function* () {
      const leases = yield* Leases.make("10 seconds", { lookEvery: Duration.millis(100) })
      leases.renewed(leases.now(), ["s"], "here:1")
      const incarnation = new Incarnation(() => leases.isHeld("s"), Effect.succeed(true))
      yield* leases.watch(() => void incarnation.isHeld())
      const lost = yield* Effect.fork(incarnation.lost)
      yield* TestClock.adjust("7900 millis")
      assert.isNull(lost.unsafePoll())
      yield* TestClock.adjust("200 millis")
      assert.isNotNull(lost.unsafePoll())
    })
  )

  it.scoped(
    "confirms by the store: another epoch ends it, a store that is away is waited for until the lease ends",
    () =>
      Effect.gen(function* () {
        const leases = yield* Leases.make("10 seconds")
        leases.renewed(leases.now(), ["s"], "here:1")
        const fenced = new Incarnation(() => leases.isHeld("s"), Effect.succeed(false))
        assert.strictEqual((yield* Effect.flip(fenced.confirm))._tag, "OwnershipLost")
        assert.isFalse(fenced.isHeld())

        const away = new Incarnation(() => leases.isHeld("s"), Effect.fail({ _tag: "StoreUnavailable" } as never))
        yield* leases.watch(() => void away.isHeld())
        const confirming = yield* Effect.fork(Effect.flip(away.confirm))
        yield* TestClock.adjust("7 seconds")
        assert.isNull(confirming.unsafePoll())
        yield* TestClock.adjust("2 seconds")
        assert.isNotNull(confirming.unsafePoll())
      })
  )
})

describe("a runner that gives many shards up", () => {
  it.scoped("renews its other locks in between, though all of it runs on one connection", () =>
    Effect.gen(function* () {
      const connection = yield* Effect.makeSemaphore(1)
      const statement = connection.withPermits(1)(Effect.sleep("50 millis"))
      const memory = yield* RunnerStorage.makeMemory
      const storage = RunnerStorage.RunnerStorage.of({
        ...memory,
        release: () => Effect.zipRight(statement, statement),
        refresh: (_, shards) => Effect.as(statement, [...shards])
      })
      const context = yield* Layer.build(
        Leases.layer().pipe(
          Layer.provide(Layer.succeed(RunnerStorage.RunnerStorage, storage)),
          Layer.provide(ShardingConfig.layer())
        )
      )
      const decorated = Context.get(context, RunnerStorage.RunnerStorage)
      const here = RunnerAddress.make("here", 1)
      const releases = yield* Effect.fork(
        Effect.forEach(
          Array.from({ length: 85 }, (_, index) => ShardId.make("default", index + 1)),
          (shard) => decorated.release(here, shard),
          { concurrency: "unbounded", discard: true }
        )
      )
      yield* TestClock.adjust("10 millis")
      const renewal = yield* Effect.fork(decorated.refresh(here, [ShardId.make("default", 100)]))
      yield* TestClock.adjust("200 millis")
      assert.isTrue(Option.isSome(yield* Fiber.poll(renewal)), "the renewal waited for every release")
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(releases)
    })
  )
})
