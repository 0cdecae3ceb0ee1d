import { assert, describe, it } from "@effect/vitest"
import { Gateway } from "@effect-qq/core"
import { TestPlatform, VirtualTime } from "@effect-qq/core/testing"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Ref from "effect/Ref"
import * as Bot from "../support/bot.ts"

const runEither = <A, E>(program: Effect.Effect<A, E>, options?: VirtualTime.Options) =>
  Effect.runSync(Effect.either(VirtualTime.run(options)(program)))

describe("virtual time", () => {
  it("lets a year pass at once", () => {
    const program = Effect.zipRight(
      Effect.forEach(Array.from({ length: 365 }), () => Effect.sleep("1 day"), { discard: true }),
      Clock.currentTimeMillis
    )
    assert.deepStrictEqual(runEither(program), Either.right(365 * 86_400_000))
  })

  it("rings timers in order of time, and of setting where the time is one", () => {
    const program = Effect.gen(function* () {
      const rung = yield* Ref.make<ReadonlyArray<string>>([])
      yield* Effect.forEach(
        [
          ["b", 20],
          ["a", 10],
          ["c", 20],
          ["d", 30]
        ] as const,
        ([name, at]) =>
          Effect.flatMap(Clock.currentTimeMillis, (before) =>
            Effect.zipRight(
              Effect.sleep(at),
              Effect.flatMap(Clock.currentTimeMillis, (now) =>
                Ref.update(rung, (all) => [...all, `${name}${now - before}`])
              )
            )
          ),
        { concurrency: "unbounded" }
      )
      return yield* Ref.get(rung)
    })
    assert.deepStrictEqual(runEither(program), Either.right(["a10", "b20", "c20", "d30"]))
  })

  it("takes out the timer of a wait that is interrupted", () => {
    const time = VirtualTime.make()
    const program = Effect.gen(function* () {
      const fibers = yield* Effect.forEach(Array.from({ length: 100 }), (_, n) => Effect.fork(Effect.sleep(1000 + n)))
      yield* Effect.sleep(1)
      const set = time.timers()
      yield* Fiber.interruptAll(fibers)
      return [set, time.timers(), time.fibers().length]
    })
    assert.deepStrictEqual(Effect.runSync(time.run(program)), [100, 0, 1])
  })

  it("is seeded", () => {
    const draw = (seed: number) => runEither(Effect.replicateEffect(Random.next, 5), { seed })
    assert.deepStrictEqual(draw(1), draw(1))
    assert.notDeepEqual(draw(1), draw(2))
  })

  it("reports a deadlock with the fibers that wait", () => {
    const program = Effect.gen(function* () {
      const never = yield* Deferred.make<void>()
      yield* Effect.sleep("3 seconds")
      yield* Effect.fork(
        Deferred.await(never).pipe(Effect.annotateLogs("module", "Waiter"), Effect.withSpan("the.span"))
      )
      yield* Deferred.await(never)
    })
    const result = runEither(program)
    assert.isTrue(Either.isLeft(result))
    if (Either.isRight(result)) return
    const error = result.left
    assert.strictEqual(error._tag, "Deadlock")
    if (error._tag !== "Deadlock") return
    assert.strictEqual(error.at, 3000)
    assert.strictEqual(error.fibers.length, 2)
    const waiter = error.fibers[1]
    assert.strictEqual(waiter?.span, "the.span")
    assert.deepStrictEqual(waiter?.annotations, { module: "Waiter" })
    assert.strictEqual(waiter?.startedAt, 3000)
    assert.include(error.message, "module=Waiter")
  })

  it("a program that waits for a promise is a deadlock, not a hang", () => {
    const result = runEither(Effect.promise(() => new Promise(() => undefined)))
    assert.strictEqual(Either.isLeft(result) && result.left._tag, "Deadlock")
  })

  it("reports a loop that lets no time pass", () => {
    const result = runEither(Effect.forever(Effect.yieldNow()), { maximumTasks: 1000 })
    assert.strictEqual(Either.isLeft(result) && result.left._tag, "Livelock")
  })

  it("a program that is ended early runs its finalizers, which may take time", () => {
    const ended: Array<number> = []
    const time = VirtualTime.make()
    const program = Effect.never.pipe(
      Effect.onInterrupt(() =>
        Effect.zipRight(
          Effect.sleep("10 seconds"),
          Effect.sync(() => ended.push(time.now()))
        )
      ),
      Effect.race(Effect.sleep("1 day"))
    )
    const inspect = (now: number) => (now >= 86_400_000 ? Option.some("enough") : Option.none<string>())
    // the race is over at the end of the day, and waits for the loser's finalizer
    const result = Effect.runSync(Effect.either(time.run(program, inspect)))
    assert.deepStrictEqual(result, Either.left("enough"))
    assert.deepStrictEqual(ended, [86_410_000])
  })

  it("inspects between any two moments", () => {
    const looks: Array<number> = []
    const time = VirtualTime.make()
    const program = Effect.repeatN(Effect.sleep(10), 3)
    Effect.runSync(
      time.run(program, (now) => {
        looks.push(now)
        return Option.none()
      })
    )
    assert.deepStrictEqual(looks, [0, 10, 20, 30, 40])
    assert.strictEqual(time.jumps(), 4)
  })

  const silent = Logger.minimumLogLevel(LogLevel.None)

  const journalOf = (seed: number) => {
    const program = Effect.gen(function* () {
      const { until, privateMessage, journal } = yield* TestPlatform.TestPlatform
      const handlers = Gateway.on("C2C_MESSAGE_CREATE", () => Effect.void)
      yield* Effect.forkScoped(Gateway.run(handlers))
      yield* Gateway.ready
      yield* privateMessage({ user: "u1", text: "hello" })
      yield* until((model) => (model.journal.some(({ kind }) => kind === "Said") ? Option.some(0) : Option.none()))
      yield* Effect.sleep("1 day")
      return yield* journal
    }).pipe(Effect.scoped, Effect.provide(Layer.merge(TestPlatform.layer({ bot: { hosts: Bot.ownHosts } }), silent)))
    return Effect.runSync(VirtualTime.run({ seed })(program))
  }

  it("a bot on a TestPlatform lives through a day: its beats are on time, and the same seed gives the same journal", () => {
    const once = journalOf(1)
    const beats = once.filter((entry) => entry.kind === "Received" && entry.op === 1)
    // one within 25 s, then one every 41.25 s
    assert.isAtLeast(beats.length, Math.floor((86_400_000 - 25_000) / 41_250))
    assert.isAtMost(beats.length, Math.ceil(86_400_000 / 41_250) + 1)
    assert.strictEqual(JSON.stringify(once), JSON.stringify(journalOf(1)))
    assert.notStrictEqual(JSON.stringify(once), JSON.stringify(journalOf(2)))
  })
})
