/** The gateway in the background of a service: with the scope of a Layer, and what becomes of the service when it stops. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import { Gateway, Message, Messenger } from "@effect-qq/core"
import { Fault } from "@effect-qq/core/testing"
import * as Bot from "../../support/bot.ts"
import { inject } from "../../support/bot.ts"
import { answers, inPrivate } from "../../support/say.ts"

const Echo = Gateway.onMessage(({ event, text }) => Messenger.reply(event, Message.text(text)))

describe("a gateway in the background", () => {
  it.effect("runs beside the program, and ends with the scope of its layer", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      yield* Layer.buildWithScope(Gateway.layerRun(Echo), scope)
      yield* Gateway.ready
      yield* inPrivate("hi")
      assert.deepStrictEqual(yield* answers, ["hi"])
      yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* Bot.advance("1 minute")
      assert.strictEqual(yield* Bot.state, "Disconnected")
      assert.strictEqual((yield* Bot.entries("Closed")).length, 1)
    }).pipe(Bot.on())
  )

  it.effect("that stops for good fails the program that was launched with it, beside whatever else runs", () =>
    Effect.gen(function* () {
      let released = false
      const server = Layer.scopedDiscard(
        Effect.addFinalizer(() =>
          Effect.sync(() => {
            released = true
          })
        )
      )
      const fiber = yield* Effect.fork(Gateway.launch(Layer.merge(server, Gateway.layerRun(Echo))))
      yield* Bot.settle
      yield* Gateway.ready
      yield* inject(Fault.close(4914))
      yield* Bot.advance("1 minute")
      const exit = yield* Fiber.await(fiber)
      const failure = Exit.isFailure(exit) ? Option.getOrUndefined(Cause.failureOption(exit.cause)) : undefined
      assert.strictEqual(failure?._tag, "GatewayStopped")
      assert.isTrue(released)
    }).pipe(Bot.on())
  )

  it.effect("can be waited for by a program that only has its context", () =>
    Effect.gen(function* () {
      const context = yield* Layer.build(Gateway.layerRun(Echo))
      yield* Gateway.ready
      const stopped = yield* Effect.fork(Effect.flip(Effect.provide(Gateway.stopped, context)))
      yield* inject(Fault.close(4914))
      yield* Bot.advance("1 minute")
      assert.strictEqual((yield* stopped)._tag, "GatewayStopped")
    }).pipe(Bot.on())
  )

  it.effect("restarts by its schedule, with its handlers built anew, and fails when the schedule ends", () =>
    Effect.gen(function* () {
      let built = 0
      const handlers = Layer.merge(
        Echo,
        Layer.effectDiscard(
          Effect.sync(() => {
            built++
          })
        )
      )
      const restart = Schedule.intersect(Schedule.spaced("10 minutes"), Schedule.recurs(1))
      const fiber = yield* Effect.fork(Gateway.launch(Gateway.layerRun(handlers, { restart })))
      yield* Bot.settle
      yield* Gateway.ready
      yield* inject(Fault.close(4914))
      yield* Bot.advance("9 minutes")
      assert.strictEqual(yield* Bot.state, "Stopped")
      yield* Bot.advance("2 minutes")
      assert.strictEqual(yield* Bot.state, "Ready")
      assert.strictEqual(built, 2)
      yield* inPrivate("again")
      assert.deepStrictEqual(yield* answers, ["again"])
      yield* inject(Fault.close(4914))
      yield* Bot.advance("30 minutes")
      assert.isTrue(Exit.isFailure(yield* Fiber.await(fiber)))
    }).pipe(Bot.on())
  )

  it.effect("whose handlers cannot be built fails where the layer is built, with their error", () =>
    Effect.gen(function* () {
      class Config extends Context.Tag("Config")<Config, string>() {}
      const handlers = Layer.provide(Echo, Layer.effect(Config, Effect.fail("no config" as const)))
      const built = yield* Effect.exit(Layer.build(Gateway.layerRun(handlers)))
      assert.deepStrictEqual(built, Exit.fail("no config"))
    }).pipe(Bot.on())
  )

  it.effect("a second time fails: the bot runs already", () =>
    Effect.gen(function* () {
      yield* Layer.build(Gateway.layerRun(Echo))
      const second = yield* Effect.flip(Layer.build(Layer.fresh(Gateway.layerRun(Echo))))
      assert.strictEqual(second._tag, "AlreadyRunning")
    }).pipe(Bot.on())
  )
})
