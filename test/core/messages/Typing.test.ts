/** Typing notices while something is worked on: as far as the replies of the message go. */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import { type Event, Gateway, Message, Messenger, type SendError } from "@effect-qq/core"
import { Fault, TestPlatform } from "@effect-qq/core/testing"
import * as Bot from "../../support/bot.ts"
import { answers, inGroup, inPrivate } from "../../support/say.ts"
import { inject, on } from "./harness.ts"

/** When the notices were accepted, in seconds. */
const notices = Effect.map(Bot.entries("Accepted"), (all) =>
  all.filter(({ msgType }) => msgType === 6).map(({ at }) => Math.round(at / 1000))
)

const online = (
  work: (
    event: Event.MessageEvent
  ) => Effect.Effect<
    unknown,
    SendError.SendError,
    Messenger.Messenger | Layer.Layer.Success<ReturnType<typeof TestPlatform.layer>>
  >
) => Bot.start(Gateway.onMessage(({ event }) => work(event)))

const minutes = (count: number) => Effect.as(Effect.sleep(`${count} minutes`), "done")

describe("a task with typing notices", () => {
  it.effect("of five minutes is noticed while the budget allows, and its answer is a passive reply", () =>
    Effect.gen(function* () {
      yield* online((event) =>
        Effect.flatMap(Messenger.withTyping(event, minutes(5)), (answer) =>
          Messenger.reply(event, Message.text(answer))
        )
      )
      const id = yield* inPrivate("question")
      yield* Bot.advance("4 minutes")
      assert.deepStrictEqual(yield* answers, [])
      yield* Bot.advance("2 minutes")
      assert.deepStrictEqual(yield* notices, [0, 55])
      const { sent } = yield* TestPlatform.TestPlatform
      assert.deepStrictEqual(
        (yield* sent).map(({ content, msgId }) => [content, msgId]),
        [["done", id]]
      )
    }).pipe(on())
  )

  it.effect("counts the replies that the handler sends meanwhile", () =>
    Effect.gen(function* () {
      yield* online((event) =>
        Messenger.withTyping(
          event,
          Effect.zipRight(
            Effect.zipRight(Effect.sleep("30 seconds"), Messenger.reply(event, Message.text("still at it"))),
            minutes(3)
          )
        )
      )
      yield* inPrivate("question")
      yield* Bot.advance("4 minutes")
      assert.deepStrictEqual(yield* notices, [0])
      assert.deepStrictEqual(yield* answers, ["still at it"])
    }).pipe(on())
  )

  it.effect("that is short ends its notices with it, also where it fails", () =>
    Effect.gen(function* () {
      const failures: Array<unknown> = []
      yield* online((event) =>
        Messenger.withTyping(event, Effect.delay(Effect.fail("no" as const), "10 seconds")).pipe(
          Effect.catchAll((error) =>
            Effect.sync(() => {
              failures.push(error)
            })
          )
        )
      )
      yield* inPrivate("question")
      yield* Bot.advance("5 minutes")
      assert.deepStrictEqual(yield* notices, [0])
      assert.deepStrictEqual(failures, ["no"])
    }).pipe(on())
  )

  it.effect("has none in groups, and its work is done all the same", () =>
    Effect.gen(function* () {
      yield* online((event) =>
        Effect.flatMap(Messenger.withTyping(event, minutes(1)), (answer) =>
          Messenger.reply(event, Message.text(answer))
        )
      )
      yield* inGroup({ text: "question" })
      yield* Bot.advance("2 minutes")
      assert.deepStrictEqual(yield* notices, [])
      assert.deepStrictEqual(yield* answers, ["done"])
    }).pipe(on())
  )

  it.effect("goes on where a notice is refused, hangs or cannot be sent", () =>
    Effect.gen(function* () {
      yield* online((event) =>
        Effect.flatMap(Messenger.withTyping(event, minutes(1)), (answer) =>
          Messenger.reply(event, Message.text(answer))
        )
      )
      yield* inject(Fault.http("send", Fault.hang({ accepted: false })))
      yield* inPrivate("question")
      yield* inject(Fault.refuseMessage("any"))
      yield* inPrivate("another", "v")
      yield* Bot.advance("5 minutes")
      assert.deepStrictEqual(yield* answers, ["done", "done"])
    }).pipe(on())
  )

  it.effect("keeps as many replies as asked for", () =>
    Effect.gen(function* () {
      const going = yield* Deferred.make<void>()
      yield* online((event) => Messenger.withTyping(event, Deferred.await(going), { reserve: 1, seconds: 10 }))
      yield* inPrivate("question")
      yield* Bot.advance("5 minutes")
      assert.deepStrictEqual(yield* notices, [0, 5, 10])
      yield* Deferred.succeed(going, undefined)
    }).pipe(on())
  )
})
