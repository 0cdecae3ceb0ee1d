import { assert, describe, it } from "@effect/vitest"
import { Message, Messenger } from "@effect-qq/core"
import { Fault } from "@effect-qq/core/testing"
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as Bot from "../../support/bot.ts"
import { errorOf, inject, listening, on, receiptOf, sent, visible, within } from "./harness.ts"

class Muse extends Data.TaggedError("Muse")<{}> {}

const words = ["Once ", "upon ", "a ", "time ", "there ", "was ", "a ", "bot"]
const story = words.join("")

/** A word every so many milliseconds. */
const told = (every: number, list: ReadonlyArray<string> = words) =>
  Stream.fromIterable(list).pipe(Stream.schedule(Schedule.spaced(Duration.millis(every))))

const pieces = Effect.map(Bot.entries("Request"), (all) => all.filter(({ path }) => path.endsWith("/stream_messages")))

const plain = Effect.map(Bot.entries("Request"), (all) => all.filter(({ path }) => path.endsWith("/messages")))

const bodies = Effect.map(sent, (all) => all.map(({ content, stream }) => `${stream ?? "whole"}: ${content}`))

describe("a streamed reply", () => {
  it.effect("is one message that grows, at its pace, and is finished once", () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      const event = yield* privately()
      const fiber = yield* Effect.fork(Messenger.replyStream(event, told(200)))
      yield* Bot.advance("600 millis")
      assert.deepStrictEqual(yield* bodies, ["generating: Once upon "])
      const receipt = yield* Effect.zipRight(Bot.advance("10 seconds"), Fiber.join(fiber))
      assert.deepStrictEqual(yield* bodies, [`done: ${story}`])
      const [message] = yield* sent
      assert.strictEqual(receipt.id, message?.id)
      assert.strictEqual(message?.msgId, event.id)
      const requested = yield* pieces
      const gaps = requested.slice(1).map(({ at }, index) => at - (requested[index]?.at ?? 0))
      assert.isTrue(
        gaps.every((gap) => gap >= 300),
        gaps.join()
      )
      const streamed = yield* Bot.entries("Streamed")
      assert.strictEqual(streamed.filter(({ done }) => done).length, 1)
      assert.strictEqual((yield* Bot.entries("Accepted")).length, 1)
    }).pipe(on())
  )

  it.effect("that is all there at once takes one request, and empty text none", () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      const event = yield* privately()
      yield* Messenger.replyStream(event, Stream.make("all ", "at once"), { format: "markdown" })
      assert.deepStrictEqual(yield* bodies, ["done: all at once"])
      assert.strictEqual((yield* pieces).length, 1)
      const error = errorOf(yield* Effect.either(Messenger.replyStream(event, Stream.empty)))
      assert.strictEqual(error._tag, "MessageInvalid")
      assert.strictEqual((yield* plain).length, 0)
    }).pipe(on())
  )

  it.effect("to a group is sent when it is whole", () =>
    Effect.gen(function* () {
      const { inGroup } = yield* listening
      const event = yield* inGroup()
      const receipt = receiptOf(yield* Messenger.replyStream(event, told(200)).pipe(within("10 seconds")))
      assert.deepStrictEqual(yield* bodies, [`whole: ${story}`])
      assert.strictEqual(receipt.via, "passive")
    }).pipe(on())
  )

  for (const [name, failure] of [
    ["a reset after accepting", Fault.reset({ accepted: true })],
    ["a reset before accepting", Fault.reset({ accepted: false })],
    ["no answer after accepting", Fault.hang({ accepted: true })],
    ["a 502", Fault.html(502)],
    ["a rate limit", Fault.status(400, { code: 50002, message: "slow" })]
  ] as const) {
    it.effect(`survives ${name} in the middle: nothing is lost, nothing comes twice`, () =>
      Effect.gen(function* () {
        const { privately } = yield* listening
        const event = yield* privately()
        const fiber = yield* Effect.fork(Messenger.replyStream(event, told(1000)))
        yield* Bot.advance("2 seconds")
        yield* inject(Fault.http("stream", failure))
        yield* Bot.advance("2 minutes")
        yield* Fiber.join(fiber)
        assert.deepStrictEqual(yield* bodies, [`done: ${story}`])
      }).pipe(on())
    )
  }

  it.effect("that is refused from the start is sent plainly", () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      const event = yield* privately()
      yield* inject(Fault.http("stream", Fault.status(400, { code: 11253, message: "no" }), { times: Infinity }))
      const receipt = receiptOf(yield* Messenger.replyStream(event, told(200)).pipe(within("10 seconds")))
      assert.deepStrictEqual(yield* bodies, [`whole: ${story}`])
      assert.strictEqual(receipt.via, "passive")
      assert.strictEqual((yield* pieces).length, 1)
    }).pipe(on())
  )

  it.effect("that is refused in the middle is followed by the rest, plainly", () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      const event = yield* privately()
      const fiber = yield* Effect.fork(Messenger.replyStream(event, told(1000)))
      yield* Bot.advance("2 seconds")
      yield* inject(
        Fault.http("stream", Fault.status(404, { code: 40007, errCode: 40113003, message: "prefix" }), {
          times: Infinity
        })
      )
      yield* Bot.advance("1 minute")
      const receipt = yield* Fiber.join(fiber)
      assert.strictEqual((yield* visible).join(""), story)
      assert.strictEqual((yield* sent).length, 2)
      assert.strictEqual(receipt.parts.length, 2)
      assert.isTrue((yield* sent).every(({ msgId }) => msgId === event.id))
    }).pipe(on())
  )

  it.effect(`that is refused as too long in the middle is finished with what was shown, under the next index`, () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      const event = yield* privately()
      const fiber = yield* Effect.fork(Messenger.replyStream(event, told(1000)))
      yield* Bot.advance("2 seconds")
      yield* inject(Fault.http("stream", Fault.status(400, { code: 40054007, message: "long" })))
      yield* Bot.advance("2 minutes")
      yield* Fiber.join(fiber)
      const [shown] = yield* sent
      assert.strictEqual(shown?.stream, "done")
      assert.strictEqual((yield* visible).join(""), story)
    }).pipe(on())
  )

  it.effect("with a piece of unknown outcome is not followed by that piece's text", () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      const event = yield* privately()
      const fiber = yield* Effect.fork(Effect.either(Messenger.replyStream(event, told(1000))))
      yield* Bot.advance("2 seconds")
      yield* inject(Fault.http("stream", Fault.reset({ accepted: true }), { times: Infinity }))
      yield* Bot.advance("5 minutes")
      assert.strictEqual(errorOf(yield* Fiber.join(fiber))._tag, "DeliveryUnknown")
      assert.strictEqual((yield* sent).length, 1)
      assert.isTrue(story.startsWith((yield* visible)[0] ?? "nothing"))
    }).pipe(on())
  )

  it.effect("whose first answer was lost is followed by the rest, plainly", () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      const event = yield* privately()
      yield* inject(Fault.http("stream", Fault.reset({ accepted: true })))
      const outcome = yield* Messenger.replyStream(event, told(1000)).pipe(within("1 minute"))
      assert.strictEqual(receiptOf(outcome).parts.length, 2)
      assert.strictEqual((yield* visible).join(""), story)
    }).pipe(on())
  )

  it.effect("whose author fails is finished with what was shown, and the failure is told", () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      const event = yield* privately()
      const text = Stream.concat(told(1000, ["half ", "a "]), Stream.fail(new Muse()))
      const outcome = yield* Messenger.replyStream(event, text).pipe(within("10 seconds"))
      assert.strictEqual(errorOf(outcome)._tag, "Muse")
      assert.deepStrictEqual(yield* bodies, ["done: half "])
    }).pipe(on())
  )

  for (const [moment, failure] of [
    ["between two pieces", undefined],
    ["while a piece was on its way and was taken", Fault.hang({ accepted: true })],
    ["while a piece was on its way and was not", Fault.hang({ accepted: false })]
  ] as const) {
    it.effect(`interrupted ${moment} is finished, and its author stops`, () =>
      Effect.gen(function* () {
        const { privately } = yield* listening
        const event = yield* privately()
        let last = 0
        const text = Stream.tap(told(1000), () =>
          Effect.sync(() => {
            last++
          })
        )
        const fiber = yield* Effect.fork(Messenger.replyStream(event, text))
        yield* Bot.advance("2600 millis")
        if (failure !== undefined) {
          yield* inject(Fault.http("stream", failure))
          yield* Bot.advance("1 second")
        }
        const before = last
        const exit = yield* Effect.zipRight(Effect.fork(Bot.advance("10 seconds")), Fiber.interrupt(fiber))
        assert.isTrue(Exit.isFailure(exit) && Cause.isInterruptedOnly(exit.cause))
        const [shown] = yield* sent
        assert.strictEqual(shown?.stream, "done")
        assert.isTrue(story.startsWith(shown?.content ?? "nothing"))
        const requested = (yield* pieces).length
        yield* Bot.advance("1 minute")
        assert.strictEqual(last, before)
        assert.strictEqual((yield* pieces).length, requested)
      }).pipe(on())
    )
  }

  it.effect("spends one reply, and is known when it is made again", () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      const event = yield* privately()
      const stream = Messenger.replyStream(event, Stream.make(story), { key: "k" })
      yield* stream
      assert.isTrue((yield* stream).deduplicated)
      for (const key of ["1", "2", "3"]) yield* Messenger.reply(event, Message.text(key), { key })
      assert.deepStrictEqual(yield* visible, [story, "1", "2", "3"])
      const error = errorOf(yield* Effect.either(Messenger.reply(event, Message.text("5"), { key: "5" })))
      assert.strictEqual(error._tag, "QuotaExhausted")
    }).pipe(on())
  )

  it.effect("to an expired message goes the way of any reply", () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      const event = yield* privately()
      yield* Bot.advance("61 minutes")
      const receipt = receiptOf(yield* Messenger.replyStream(event, told(200)).pipe(within("10 seconds")))
      assert.strictEqual(receipt.via, "proactive")
      assert.deepStrictEqual(yield* visible, [story])
    }).pipe(on())
  )
})
