import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { Signal } from "../../../packages/core/src/internal/Signal.ts"

describe("a signal", () => {
  it.effect("completes every wait when it is raised, and at once while it is", () =>
    Effect.gen(function* () {
      const signal = new Signal()
      const waits = yield* Effect.forEach([1, 2, 3], () => Effect.fork(signal.wait))
      yield* Effect.yieldNow()
      assert.isTrue(waits.every((fiber) => fiber.unsafePoll() === null))
      signal.raise()
      yield* Fiber.joinAll(waits)
      yield* signal.wait
      assert.isTrue(signal.isRaised)
    })
  )

  it.effect("is lowered by what takes it", () =>
    Effect.gen(function* () {
      const signal = new Signal()
      signal.raise()
      yield* signal.take
      assert.isFalse(signal.isRaised)
      const next = yield* Effect.fork(signal.take)
      yield* Effect.yieldNow()
      assert.isNull(next.unsafePoll())
      signal.raise()
      yield* Fiber.join(next)
    })
  )

  it.effect("does not disturb a fiber whose wait was interrupted", () =>
    Effect.gen(function* () {
      const signal = new Signal()
      const order: Array<string> = []
      const fiber = yield* Effect.fork(
        Effect.onInterrupt(signal.wait, () =>
          Effect.zipRight(
            Effect.sleep("1 second"),
            Effect.sync(() => order.push("cleaned up"))
          )
        )
      )
      yield* Effect.yieldNow()
      const interrupting = yield* Effect.fork(Fiber.interrupt(fiber))
      yield* Effect.yieldNow()
      signal.raise()
      yield* Effect.yieldNow()
      assert.deepStrictEqual(order, [])
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(interrupting)
      assert.deepStrictEqual(order, ["cleaned up"])
    })
  )
})
