import { assert, describe, it } from "@effect/vitest"
import { WebhookIntake } from "@effect-qq/core"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"

const event = { op: 0, t: "C2C_MESSAGE_CREATE", d: {} }

/** A sink that takes what it is told to, and lets the test settle it. */
const makeSink = (takes = true, drops = false) => {
  const settle: Array<(handled?: boolean) => void> = []
  return {
    settle,
    offer: (_event: unknown, _size: number, settled?: (handled: boolean) => void): boolean => {
      settle.push((handled = true) => settled?.(handled))
      if (drops) settled?.(false)
      return takes
    }
  }
}

describe("the intake of a webhook", () => {
  it.effect("is absent, open, full, and absent again once the scope of its sink has closed", () =>
    Effect.gen(function* () {
      const intake = yield* WebhookIntake.make
      const life = yield* Scope.make()
      assert.strictEqual(intake.offer(event, 1), "Absent")
      yield* Scope.extend(intake.open(makeSink()), life)
      assert.strictEqual(intake.offer(event, 1), "Taken")
      yield* Scope.close(life, Exit.void)
      assert.strictEqual(intake.offer(event, 1), "Absent")
      yield* intake.open(makeSink(false))
      assert.strictEqual(intake.offer(event, 1), "Full")
    }).pipe(Effect.scoped)
  )

  it.scoped("gives its events to the sink that was there first, until that is gone", () =>
    Effect.gen(function* () {
      const intake = yield* WebhookIntake.make
      const [first, second] = [makeSink(), makeSink()]
      const life = yield* Scope.make()
      yield* Scope.extend(intake.open(first), life)
      yield* intake.open(second)
      intake.offer(event, 1)
      assert.deepStrictEqual([first.settle.length, second.settle.length], [1, 0])
      yield* Scope.close(life, Exit.void)
      intake.offer(event, 1)
      assert.deepStrictEqual([first.settle.length, second.settle.length], [1, 1])
    })
  )

  it.effect("tells once how an event that was taken ended, and nothing of one that was not", () =>
    Effect.gen(function* () {
      const intake = yield* WebhookIntake.make
      const told: Array<string> = []
      const offer = (name: string) => intake.offer(event, 1, (settled) => told.push(`${name} ${settled}`))
      const life = yield* Scope.make()
      const sink = makeSink()
      yield* Scope.extend(intake.open(sink), life)
      offer("a")
      offer("b")
      sink.settle[0]?.()
      sink.settle[0]?.()
      assert.deepStrictEqual(told, ["a true"])
      yield* Scope.close(life, Exit.void)
      sink.settle[1]?.()
      assert.deepStrictEqual(told, ["a true", "b false"])
      const another = yield* Scope.make()
      yield* Scope.extend(intake.open(makeSink(false)), another)
      assert.strictEqual(offer("c"), "Full")
      yield* Scope.close(another, Exit.void)
      assert.deepStrictEqual(told, ["a true", "b false"])
    })
  )

  it.scoped("refuses an event that is dropped at once, and reports one that is dropped later", () =>
    Effect.gen(function* () {
      const intake = yield* WebhookIntake.make
      const told: Array<boolean> = []
      const offer = () => intake.offer(event, 1, (settled) => told.push(settled))
      const life = yield* Scope.make()
      yield* Scope.extend(intake.open(makeSink(true, true)), life)
      assert.strictEqual(offer(), "Full")
      assert.strictEqual(intake.offer(event, 1), "Full")
      yield* Scope.close(life, Exit.void)
      assert.deepStrictEqual(told, [])
      const sink = makeSink()
      yield* intake.open(sink)
      assert.strictEqual(offer(), "Taken")
      sink.settle[0]?.(false)
      assert.deepStrictEqual(told, [false])
    })
  )
})
