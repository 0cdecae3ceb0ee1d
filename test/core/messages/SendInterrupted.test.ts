import { assert, describe, it } from "@effect/vitest"
import { Anchor, Conversation, Gateway, Message, Messenger, ReplyLedger, SessionAvailability } from "@effect-qq/core"
import { Fault, TestPlatform } from "@effect-qq/core/testing"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Bot from "../../support/bot.ts"
import { bot, errorOf, inject, listening, on, platform, requests, sent, visible, within } from "./harness.ts"

const forever = { times: Number.POSITIVE_INFINITY }

const user = Conversation.c2c("u1")

describe("while the session reconnects", () => {
  it.effect("messages wait, and go out when it is up", () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      const event = yield* privately()
      const presence = yield* SessionAvailability.SessionAvailability
      assert.strictEqual(yield* presence.current, "Up")
      yield* inject(Fault.drop())
      yield* Bot.settle
      assert.strictEqual(yield* presence.current, "Reconnecting")
      const fiber = yield* Effect.fork(Messenger.reply(event, Message.text("re")))
      yield* Bot.advance("900 millis")
      assert.deepStrictEqual(yield* visible, [])
      yield* Bot.advance("1 second")
      assert.strictEqual(yield* presence.current, "Up")
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(yield* visible, ["re"])
    }).pipe(on())
  )

  it.effect("they wait five seconds, not longer", () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      const event = yield* privately()
      yield* inject(Fault.unreachable(forever))
      yield* inject(Fault.drop())
      yield* Bot.settle
      const fiber = yield* Effect.fork(Messenger.reply(event, Message.text("re")))
      yield* Bot.advance("4999 millis")
      assert.deepStrictEqual(yield* visible, [])
      yield* Bot.advance("1 millis")
      assert.deepStrictEqual(yield* visible, ["re"])
      yield* Fiber.join(fiber)
    }).pipe(on())
  )

  it.effect("nothing waits before the first session, or without one", () =>
    Effect.gen(function* () {
      const presence = yield* SessionAvailability.SessionAvailability
      assert.strictEqual(yield* presence.current, "Absent")
      yield* Messenger.send(user, Message.text("hi"))
      assert.deepStrictEqual(yield* visible, ["hi"])
    }).pipe(on())
  )
})

describe("after a restart", () => {
  const provided = TestPlatform.layerPlatform(platform)

  /** One run of a program. */
  const run = <A, E, R>(body: Effect.Effect<A, E, R>) => Bot.process(bot)(Effect.scoped(body))

  it.effect("the second reply to a message is known from the first", () =>
    Effect.gen(function* () {
      const event = yield* run(
        Effect.gen(function* () {
          const { privately } = yield* listening
          const event = yield* privately()
          yield* Messenger.reply(event, Message.text("one"), { key: "1" })
          return event
        })
      )
      yield* run(
        Effect.gen(function* () {
          yield* Messenger.reply(event, Message.text("one"), { key: "1" })
          yield* Messenger.reply(event, Message.text("two"), { key: "2" })
          const ledger = yield* ReplyLedger.ReplyLedger
          const { repliesLeft } = yield* ledger.standing(Anchor.ofMessage(event))
          assert.strictEqual(repliesLeft, 2)
        })
      )
      assert.deepStrictEqual(yield* visible, ["one", "two"])
    }).pipe(Effect.provide(provided))
  )

  it.effect("an event that comes again is answered once by each handler, in whatever order they finish", () =>
    Effect.gen(function* () {
      const { privateMessage } = yield* TestPlatform.TestPlatform
      const answer = (name: string, after: Duration.DurationInput) =>
        Gateway.on(
          "C2C_MESSAGE_CREATE",
          (event) => Effect.zipRight(Effect.sleep(after), Messenger.reply(event, Message.text(name))),
          { name }
        )
      const program = (a: Duration.DurationInput, b: Duration.DurationInput, c: Duration.DurationInput) =>
        Effect.forkScoped(Gateway.run(Layer.mergeAll(answer("a", a), answer("b", b), answer("c", c))))
      yield* run(
        Effect.gen(function* () {
          yield* program("1 second", "10 seconds", "2 seconds")
          yield* Gateway.ready
          yield* Bot.settle
          yield* privateMessage({ user: "u1", text: "hi" })
          yield* Bot.advance("5 seconds")
          assert.deepStrictEqual(yield* visible, ["a", "c"])
        })
      )
      yield* run(
        Effect.gen(function* () {
          yield* program("3 seconds", "1 second", "2 seconds")
          yield* Bot.advance("1 minute")
        })
      )
      assert.deepStrictEqual(yield* visible, ["a", "c", "b"])
      // the event did come again: each handler has asked
      assert.strictEqual((yield* requests).length, 5)
    }).pipe(Effect.provide(provided))
  )

  it.effect("unasked messages still have something to borrow", () =>
    Effect.gen(function* () {
      const event = yield* run(Effect.flatMap(listening, ({ privately }) => privately()))
      yield* run(Messenger.send(user, Message.text("hi")))
      assert.strictEqual((yield* sent)[0]?.msgId, event.id)
    }).pipe(Effect.provide(provided))
  )

  it.effect("in the middle of an unknown outcome, nothing is sent that could be seen twice", () =>
    Effect.gen(function* () {
      const event = yield* run(
        Effect.gen(function* () {
          const { privately } = yield* listening
          const event = yield* privately()
          yield* inject(Fault.http("send", Fault.hang({ accepted: true })))
          const fiber = yield* Effect.fork(Messenger.reply(event, Message.text("re"), { key: "k" }))
          yield* Bot.advance("1 second")
          yield* Fiber.interrupt(fiber)
          return event
        })
      )
      assert.deepStrictEqual(yield* visible, ["re"])
      const reply = Messenger.reply(event, Message.text("re"), { key: "k" })
      const receipt = yield* run(reply)
      assert.isTrue(receipt.deduplicated)
      yield* Bot.advance("2 hours")
      // what was delivered stays known after the caller is gone
      const late = yield* run(reply)
      assert.isTrue(late.deduplicated)
      assert.deepStrictEqual(yield* visible, ["re"])
    }).pipe(Effect.provide(provided))
  )

  it.effect("an unknown outcome that meets an expired window stays unknown: nothing proactive", () =>
    Effect.gen(function* () {
      const event = yield* run(
        Effect.gen(function* () {
          const { privately } = yield* listening
          const event = yield* privately()
          yield* inject(Fault.http("send", Fault.hang({ accepted: false })))
          const fiber = yield* Effect.fork(Messenger.reply(event, Message.text("re"), { key: "k" }))
          yield* Bot.advance("1 second")
          yield* Fiber.interrupt(fiber)
          return event
        })
      )
      yield* Bot.advance("2 hours")
      const error = errorOf(yield* run(Effect.either(Messenger.reply(event, Message.text("re"), { key: "k" }))))
      assert.strictEqual(error._tag, "DeliveryUnknown")
      assert.deepStrictEqual(yield* visible, [])
    }).pipe(Effect.provide(provided))
  )

  it.effect("a reply that had gone out unasked is not sent again", () =>
    Effect.gen(function* () {
      const event = yield* run(Effect.flatMap(listening, ({ privately }) => privately()))
      yield* Bot.advance("2 hours")
      const reply = Messenger.reply(event, Message.text("re"), { key: "k" })
      assert.strictEqual((yield* run(reply)).via, "proactive")
      assert.isTrue((yield* run(reply)).deduplicated)
      assert.deepStrictEqual(yield* visible, ["re"])
    }).pipe(Effect.provide(provided))
  )

  it.effect("a reply that had gone out in another form is known in that form", () =>
    Effect.gen(function* () {
      const event = yield* run(
        Effect.gen(function* () {
          const { privately } = yield* listening
          const event = yield* privately()
          yield* inject(Fault.refuseMessage("markdown"))
          yield* Messenger.reply(event, Message.markdown("# re"), { key: "k" })
          return event
        })
      )
      // now it would be taken as markdown
      const receipt = yield* run(Messenger.reply(event, Message.markdown("# re"), { key: "k" }))
      assert.isTrue(receipt.deduplicated)
      assert.strictEqual((yield* sent).length, 1)
    }).pipe(Effect.provide(provided))
  )

  it.effect("two replicas that answer the same event are seen once", () =>
    Effect.gen(function* () {
      const event = yield* run(Effect.flatMap(listening, ({ privately }) => privately()))
      const replica = Messenger.reply(event, Message.text("re"), { key: "k" }).pipe(
        Effect.provide(Messenger.layer.pipe(Layer.provide(ReplyLedger.layerMemory)))
      )
      const receipts = yield* run(Effect.all([replica, replica, replica], { concurrency: "unbounded" }))
      assert.deepStrictEqual(receipts.map(({ deduplicated }) => deduplicated).toSorted(), [false, true, true])
      assert.deepStrictEqual(yield* visible, ["re"])
    }).pipe(Effect.provide(provided))
  )
})

describe("interruption", () => {
  const stages: ReadonlyArray<readonly [string, Effect.Effect<void, never, TestPlatform.TestPlatform>, number]> = [
    ["while the session reconnects", inject(Fault.drop()), 500],
    ["while the platform does not answer", inject(Fault.http("send", Fault.hang({ accepted: false }))), 5000],
    ["after the platform took it", inject(Fault.http("send", Fault.hang({ accepted: true }))), 5000],
    ["while waiting for a retry", inject(Fault.http("send", Fault.refused)), 250],
    ["while waiting for a rate limit", inject(Fault.http("send", Fault.status(429, {}))), 1000]
  ]
  for (const [stage, trouble, after] of stages) {
    it.effect(`${stage} sends nothing more, and the next reply goes on as if nothing had been`, () =>
      Effect.gen(function* () {
        const { privately } = yield* listening
        const event = yield* privately()
        yield* trouble
        yield* Bot.settle
        const reply = Messenger.reply(event, Message.text("re"), { key: "k" })
        const fiber = yield* Effect.fork(reply)
        yield* Bot.advance(Duration.millis(after))
        const exit = yield* Fiber.interrupt(fiber)
        assert.isTrue(Exit.isInterrupted(exit))
        const before = (yield* requests).length
        yield* Bot.advance("1 minute")
        assert.strictEqual((yield* requests).length, before)
        yield* inject(Fault.clear)
        const outcome = yield* reply.pipe(within("1 minute"))
        assert.isTrue(Either.isRight(outcome))
        assert.deepStrictEqual(yield* visible, ["re"])
        const ledger = yield* ReplyLedger.ReplyLedger
        assert.strictEqual((yield* ledger.standing(Anchor.ofMessage(event))).repliesLeft, 3)
      }).pipe(on())
    )
  }

  it.effect("of messages that wait for their turn releases the turns", () =>
    Effect.gen(function* () {
      yield* listening
      const group = Conversation.group("g")
      const send = (text: string) => Messenger.send(group, Message.text(text))
      for (let n = 0; n < 20; n++) yield* send(`m${n}`)
      const waiting = yield* Effect.forEach(["a", "b", "c"], (text) => Effect.fork(send(text)))
      yield* Bot.advance("59 seconds")
      assert.strictEqual((yield* sent).length, 20)
      yield* Fiber.interruptAll(waiting)
      yield* Bot.advance("1 second")
      yield* send("d")
      assert.deepStrictEqual((yield* visible).slice(20), ["d"])
    }).pipe(on())
  )
})
