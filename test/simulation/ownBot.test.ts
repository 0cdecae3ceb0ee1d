import { assert, describe, it } from "@effect/vitest"
import { Gateway, Message, Messenger } from "@effect-qq/core"
import { Simulation } from "@effect-qq/core/testing"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"

const types = ["C2C_MESSAGE_CREATE", "GROUP_AT_MESSAGE_CREATE"] as const

const options = {
  days: 0.25,
  faults: { rate: 0.2 },
  traffic: { perHour: 60 }
} satisfies Omit<Simulation.Options, "seed">

const runEither = (more: Partial<Simulation.Options> & { readonly seed: number }) =>
  Effect.runSync(Effect.either(Simulation.run({ ...options, ...more })))

describe("a simulation of a user's own bot", () => {
  it("its handlers answer, and no rule is broken", () => {
    const echo = Gateway.on(types, (event) => Messenger.reply(event, Message.text(`you said ${event.content}`)))
    const result = runEither({ seed: 1, handlers: echo })
    assert.isTrue(Either.isRight(result), Either.isLeft(result) ? result.left.message : "")
    if (Either.isLeft(result)) return
    assert.isAbove(result.right.replies, 100)
    assert.strictEqual(result.right.handled + result.right.gaps, result.right.events)
  })

  it("the same seed gives the same journal", () => {
    const digestOf = () => {
      const echo = Gateway.on(types, (event) => Messenger.reply(event, Message.text("yes")))
      return Effect.runSync(Simulation.run({ ...options, seed: 2, handlers: echo })).digest
    }
    assert.strictEqual(digestOf(), digestOf())
  })

  it("a bot that names its reply anew in each run answers twice after a crash, which is found", () => {
    const forgetful = Gateway.on(types, (event) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        Messenger.reply(event, Message.text("the answer is 42"), { key: `at ${now}` })
      ).pipe(Effect.zipLeft(Effect.sleep("20 seconds")))
    )
    const result = runEither({ seed: 1, handlers: forgetful, faults: { rate: 0.4, kinds: ["crash"] } })
    if (Either.isRight(result) || result.left._tag !== "SimulationViolation") return assert.fail("no violation")
    assert.strictEqual(result.left.invariant, "ReplyTwice")
    assert.include(result.left.detail, "the answer is 42")
  })

  it("a bot whose layer of handlers fails is found to have stopped, with its error", () => {
    const result = runEither({ seed: 1, handlers: Layer.fail("no database") })
    if (Either.isRight(result) || result.left._tag !== "SimulationViolation") return assert.fail("no violation")
    assert.strictEqual(result.left.invariant, "Stopped")
    assert.include(result.left.detail, "no database")
  })
})
