/** What users see of a streamed reply before its text, and where its author fails. */
import { assert, describe, it } from "@effect/vitest"
import { Gateway, Message, Messenger } from "@effect-qq/core"
import { Fault } from "@effect-qq/core/testing"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as Bot from "../../support/bot.ts"
import { answers, inPrivate } from "../../support/say.ts"
import { errorOf, inject, listening, on, sent, visible, within } from "./harness.ts"

class Muse extends Data.TaggedError("Muse")<{}> {}

const slowly = (...words: ReadonlyArray<string>) =>
  Stream.fromIterable(words).pipe(Stream.schedule(Schedule.spaced("1 second")))

const ending = "\n\n(the answer was cut short)"

describe("before its text", () => {
  it.effect("a group gets what was asked for, at once, and then the whole text", () =>
    Effect.gen(function* () {
      const { inGroup } = yield* listening
      const event = yield* inGroup()
      yield* Effect.fork(Messenger.replyStream(event, slowly("a ", "b"), { thinking: "thinking…" }))
      yield* Bot.advance("500 millis")
      assert.deepStrictEqual(yield* visible, ["thinking…"])
      yield* Bot.advance("10 seconds")
      assert.deepStrictEqual(yield* visible, ["thinking…", "a b"])
      const replies = yield* sent
      assert.isTrue(replies.every(({ msgId }) => msgId === event.id))
    }).pipe(on())
  )

  it.effect("nothing is said that would cost the text its reply, and a refusal of it costs nothing", () =>
    Effect.gen(function* () {
      const { inGroup } = yield* listening
      const event = yield* inGroup()
      for (const key of ["1", "2", "3", "4"]) yield* Messenger.reply(event, Message.text(key), { key })
      yield* Messenger.replyStream(event, Stream.make("text"), { thinking: "…" })
      assert.deepStrictEqual((yield* visible).slice(4), ["text"])
      const another = yield* inGroup()
      yield* inject(Fault.refuseMessage("any"))
      yield* Messenger.replyStream(another, Stream.make("text"), { thinking: "…" })
      assert.deepStrictEqual((yield* visible).slice(5), ["text"])
    }).pipe(on())
  )

  it.effect("a private chat, which sees it grow, gets nothing else", () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      yield* Messenger.replyStream(yield* privately(), slowly("a ", "b"), { thinking: "…" }).pipe(within("10 seconds"))
      assert.deepStrictEqual(yield* visible, ["a b"])
    }).pipe(on())
  )

  it.effect("a handler that is run again says it once", () =>
    Effect.gen(function* () {
      const { inGroup } = yield* listening
      const event = yield* inGroup()
      const reply = Messenger.replyStream(event, Stream.make("text"), { key: "k", thinking: "…" })
      yield* reply
      yield* reply
      assert.deepStrictEqual(yield* visible, ["…", "text"])
    }).pipe(on())
  )
})

describe("where its author fails", () => {
  it.effect("a group receives the text so far with an ending, and the caller the failure", () =>
    Effect.gen(function* () {
      const { inGroup } = yield* listening
      const text = Stream.concat(slowly("half ", "a "), Stream.fail(new Muse()))
      const outcome = yield* Messenger.replyStream(yield* inGroup(), text).pipe(within("10 seconds"))
      assert.strictEqual(errorOf(outcome)._tag, "Muse")
      assert.deepStrictEqual(yield* visible, [`half a ${ending}`])
    }).pipe(on())
  )

  it.effect("at once, users get the ending rather than nothing, in any scene", () =>
    Effect.gen(function* () {
      const { inGroup, privately } = yield* listening
      const silent = Stream.concat(Stream.make(" "), Stream.fail(new Muse()))
      for (const event of [yield* privately(), yield* inGroup()]) {
        const outcome = yield* Messenger.replyStream(event, silent).pipe(within("10 seconds"))
        assert.strictEqual(errorOf(outcome)._tag, "Muse")
      }
      assert.deepStrictEqual(
        (yield* visible).map((text) => text.trim()),
        ["(the answer was cut short)", "(the answer was cut short)"]
      )
    }).pipe(on())
  )

  it.effect("the ending is the one that was given, or none behind what was said", () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      const text = Stream.concat(Stream.make("half"), Stream.fail(new Muse()))
      yield* Effect.exit(Messenger.replyStream(yield* privately(), text, { ending: "（未完）" }))
      yield* Effect.exit(Messenger.replyStream(yield* privately(), text, { ending: "" }))
      assert.deepStrictEqual(yield* visible, ["half\n\n（未完）", "half"])
    }).pipe(on())
  )

  it.effect("and the ending cannot be sent, the caller gets the failure of the author", () =>
    Effect.gen(function* () {
      const { inGroup } = yield* listening
      const event = yield* inGroup()
      yield* inject(Fault.refuseMessage("any"))
      const outcome = yield* Messenger.replyStream(event, Stream.fail(new Muse())).pipe(within("10 seconds"))
      assert.strictEqual(errorOf(outcome)._tag, "Muse")
    }).pipe(on())
  )

  it.effect("a handler that is tried again takes back what was cut short, and tells it whole", () =>
    Effect.gen(function* () {
      let runs = 0
      yield* Effect.forkScoped(
        Gateway.run(
          Gateway.onMessage(
            ({ event }) =>
              Effect.suspend(() =>
                Messenger.replyStream(
                  event,
                  ++runs === 1 ? Stream.concat(slowly("half ", "a "), Stream.fail(new Muse())) : slowly("all ", "of it")
                )
              ),
            { retry: Schedule.recurs(1) }
          )
        )
      )
      yield* Gateway.ready
      yield* inPrivate("go")
      yield* Bot.advance("20 seconds")
      assert.deepStrictEqual(yield* answers, [`half a ${ending}`, "all of it"])
      assert.strictEqual((yield* Bot.entries("Recalled")).length, 1)
    }).pipe(on())
  )
})
