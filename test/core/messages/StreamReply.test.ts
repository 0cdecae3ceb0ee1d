import { assert, describe, it } from "@effect/vitest"
import { Message, Messenger } from "@effect-qq/core"
import { Fault } from "@effect-qq/core/testing"
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as TestContext from "effect/TestContext"
import * as fc from "fast-check"
import * as Bot from "../../support/bot.ts"
import { errorOf, inject, listening, on, receiptOf, sent, visible, within } from "./harness.ts"

class Muse extends Data.TaggedError("Muse")<{}> {}

const words = ["Once ", "upon ", "a ", "time ", "there ", "was ", "a ", "bot"]
const story = words.join("")

/** A word at each interval, in milliseconds. */
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

  /** The story of 430 characters of which 43 arrived. */
  const long = Array.from({ length: 10 }, (_, n) => `${n}`.repeat(42) + " ")

  const internal = Fault.status(500, { code: 50001, message: "internal" })

  for (const [name, failure, times] of [
    ["five internal errors (50001) in a row", internal, 5],
    ["nine internal errors in a row", internal, 9],
    ["five resets after accepting", Fault.reset({ accepted: true }), 5],
    ["five resets before accepting", Fault.reset({ accepted: false }), 5],
    ["five answers that did not come after accepting", Fault.hang({ accepted: true }), 5],
    ["five pages of the edge", Fault.html(502), 5],
    ["a text that is refused (40034006)", Fault.status(400, { code: 40034006, message: "no" }), 1],
    ["a window that is over (40034005)", Fault.status(400, { code: 40034005, message: "late" }), 1],
    ["a missing permission (11253)", Fault.status(401, { code: 11253, message: "no" }), 1]
  ] as const) {
    it.effect(`with ${name} at a middle piece is finished, and its rest follows`, () =>
      Effect.gen(function* () {
        const { privately } = yield* listening
        const event = yield* privately()
        const fiber = yield* Effect.fork(Messenger.replyStream(event, told(1000, long)))
        yield* Bot.advance("4500 millis")
        yield* inject(Fault.http("stream", failure, { times }))
        yield* Bot.advance("10 minutes")
        yield* Fiber.join(fiber)
        const [shown] = yield* sent
        assert.strictEqual(shown?.stream, "done")
        assert.strictEqual((yield* visible).join(""), long.join(""))
        assert.strictEqual((yield* sent).length, 2)
        const used = (yield* Bot.entries("Request")).filter(({ code }) => code === 40113002)
        assert.deepStrictEqual(used, [])
      }).pipe(on())
    )
  }

  it.effect("whose end is refused as well is left as its first piece, which the rest follows", () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      const event = yield* privately()
      const fiber = yield* Effect.fork(Messenger.replyStream(event, told(1000, long)))
      yield* Bot.advance("4500 millis")
      yield* inject(Fault.http("stream", internal, { times: Infinity }))
      yield* Bot.advance("10 minutes")
      const receipt = yield* Fiber.join(fiber)
      assert.deepStrictEqual(yield* visible, [long[0], long.slice(1).join("")])
      assert.strictEqual(receipt.parts.length, 2)
    }).pipe(on())
  )

  it.effect("of which the platform took a piece that it answered with an error is finished with that piece", () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      const event = yield* privately()
      const fiber = yield* Effect.fork(Messenger.replyStream(event, told(1000, long)))
      yield* Bot.advance("4500 millis")
      yield* inject(Fault.http("stream", Fault.hang({ accepted: true })))
      yield* inject(Fault.http("stream", internal, { times: 4 }))
      yield* Bot.advance("10 minutes")
      yield* Fiber.join(fiber)
      assert.strictEqual((yield* sent)[0]?.stream, "done")
      assert.strictEqual((yield* visible).join(""), long.join(""))
    }).pipe(on())
  )

  for (const [name, failure] of [
    ["internal errors", internal],
    ["no answer after accepting", Fault.hang({ accepted: true })],
    ["no answer before", Fault.hang({ accepted: false })]
  ] as const) {
    it.effect(`that cannot be begun for ${name} is sent plainly, and what may have begun is not shown twice`, () =>
      Effect.gen(function* () {
        const { privately } = yield* listening
        const event = yield* privately()
        const reply = Messenger.replyStream(event, told(1000), { key: "k" })
        const fiber = yield* Effect.fork(reply)
        yield* inject(Fault.http("stream", failure, { times: Infinity }))
        yield* Bot.advance("10 minutes")
        yield* Fiber.join(fiber)
        assert.strictEqual((yield* visible).join(""), story)
      }).pipe(on())
    )
  }

  it.effect("interrupted while it is finished for a refusal is finished all the same", () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      const event = yield* privately()
      const fiber = yield* Effect.fork(Messenger.replyStream(event, told(1000)))
      yield* Bot.advance("2600 millis")
      yield* inject(Fault.http("stream", Fault.status(400, { code: 40034006, message: "no" })))
      // the end of the refused stream is under way
      yield* inject(Fault.http("stream", Fault.hang({ accepted: true })))
      yield* Bot.advance("1 second")
      yield* Effect.zipRight(Effect.fork(Bot.advance("10 seconds")), Fiber.interrupt(fiber))
      assert.strictEqual((yield* sent)[0]?.stream, "done")
      assert.isTrue(story.startsWith((yield* visible)[0] ?? "nothing"))
    }).pipe(on())
  )

  it.effect("is not cut within a character", () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      const event = yield* privately()
      const [high = "", low = ""] = "😀".split("")
      const fiber = yield* Effect.fork(Messenger.replyStream(event, told(1000, ["a", high, low, "b"])))
      yield* Bot.advance("2600 millis")
      assert.deepStrictEqual(yield* bodies, ["generating: a"])
      yield* Bot.advance("10 seconds")
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(yield* bodies, ["done: a😀b"])
    }).pipe(on())
  )

  /** What can become of one request of a stream. */
  const outcomes = {
    taken: undefined,
    internal,
    refused: Fault.status(400, { code: 40034006, message: "no" }),
    tooLong: Fault.status(400, { code: 40054007, message: "long" }),
    limited: Fault.status(400, { code: 50002, message: "slowly" }),
    page: Fault.html(502),
    notSent: Fault.refused,
    resetTaken: Fault.reset({ accepted: true }),
    reset: Fault.reset({ accepted: false }),
    hangTaken: Fault.hang({ accepted: true }),
    hang: Fault.hang({ accepted: false })
  } as const

  const isSilent = (outcome: keyof typeof outcomes): boolean => !["internal", "refused", "tooLong"].includes(outcome)

  it("shows exactly its text in the end, whatever is refused, lost or answered with an error", async () => {
    const outcome = fc.constantFrom(...(Object.keys(outcomes) as Array<keyof typeof outcomes>))
    const bursts = fc.array(
      fc.record({
        at: fc.integer({ min: 0, max: 9000 }),
        of: fc.oneof(
          fc.array(outcome, { minLength: 1, maxLength: 3 }),
          fc.array(outcome, { minLength: 4, maxLength: 12 }),
          fc.tuple(outcome, fc.integer({ min: 5, max: 20 })).map(([one, times]) => Array<typeof one>(times).fill(one))
        )
      }),
      { minLength: 1, maxLength: 3 }
    )
    const run = (all: ReadonlyArray<{ readonly at: number; readonly of: ReadonlyArray<keyof typeof outcomes> }>) =>
      Effect.gen(function* () {
        const { privately } = yield* listening
        const event = yield* privately()
        const fiber = yield* Effect.fork(Effect.either(Messenger.replyStream(event, told(1000))))
        let passed = 0
        for (const { at, of } of all.toSorted((one, other) => one.at - other.at)) {
          yield* Bot.advance(Duration.millis(at - passed))
          passed = at
          for (const name of of) yield* inject(Fault.http("stream", outcomes[name] ?? Fault.slow(0)))
        }
        for (let minute = 0; minute < 40 && Option.isNone(yield* Fiber.poll(fiber)); minute++) {
          yield* Bot.advance("1 minute")
        }
        const outcome = yield* Fiber.join(fiber)
        return { outcome, seen: yield* visible, streams: (yield* sent).map(({ stream }) => stream) }
      }).pipe(on(), Effect.provide(TestContext.TestContext))
    await fc.assert(
      fc.asyncProperty(bursts, async (all) => {
        const { outcome, seen } = await Effect.runPromise(run(all))
        if (Either.isRight(outcome)) return assert.strictEqual(seen.join(""), story)
        // only the loss of many answers in a row leaves it open, and then nothing is shown twice
        assert.strictEqual(outcome.left._tag, "DeliveryUnknown")
        assert.isTrue(all.some(({ of }) => of.length > 3 && of.some(isSilent)) || all.length > 1)
        assert.isAtMost(seen.length, 1)
        assert.isTrue(story.startsWith(seen.join("")))
      }),
      {
        numRuns: 20,
        // two ends of different texts, both taken or not without an answer
        examples: [[[{ at: 1500, of: ["internal", "tooLong", "hangTaken", "refused", "hangTaken"] }]]]
      }
    )
  })

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

  it.effect("whose author fails is finished with what was said and an ending, and the failure is told", () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      const event = yield* privately()
      const text = Stream.concat(told(1000, ["half ", "a "]), Stream.fail(new Muse()))
      const outcome = yield* Messenger.replyStream(event, text).pipe(within("10 seconds"))
      assert.strictEqual(errorOf(outcome)._tag, "Muse")
      assert.deepStrictEqual(yield* bodies, ["done: half a \n\n(the answer was cut short)"])
    }).pipe(on())
  )

  const defect = new Error("a bug of the author")
  const thrown = (): never => {
    throw defect
  }

  const broken: ReadonlyArray<readonly [string, Stream.Stream<string>]> = [
    ["throws at once", Stream.suspend(thrown)],
    ["throws at its third word", Stream.concat(told(1000, ["half ", "a "]), Stream.suspend(thrown))],
    ["dies at its third word", Stream.concat(told(1000, ["half ", "a "]), Stream.die(defect))],
    ["throws in what it makes of its third word", Stream.map(told(1000), (word) => (word === "a " ? thrown() : word))]
  ]

  for (const [name, text] of broken) {
    it.effect(`whose author ${name} is finished, the call ends with that defect, and the bot goes on`, () =>
      Effect.gen(function* () {
        const { privately } = yield* listening
        const event = yield* privately()
        const fiber = yield* Effect.fork(Messenger.replyStream(event, text))
        yield* Bot.advance("10 seconds")
        const exit = yield* Fiber.await(fiber)
        if (Exit.isSuccess(exit)) throw new Error("it succeeded")
        assert.deepStrictEqual([...Cause.defects(exit.cause)], [defect])
        assert.strictEqual(Cause.failureOption(exit.cause)._tag, "None")
        assert.isTrue((yield* sent).every(({ stream }) => stream === "done"))
        const before = (yield* sent).length
        yield* Messenger.replyStream(yield* privately(), Stream.make("alive"))
        assert.deepStrictEqual((yield* visible).slice(before), ["alive"])
      }).pipe(on())
    )
  }

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

  it.effect("uses up one reply, and is known when it is sent again", () =>
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
