import { assert, describe, it } from "@effect/vitest"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { Conversation, type Event, Gateway, Message, Messenger, type SendError } from "@effect-qq/core"
import { Fault, TestPlatform } from "@effect-qq/core/testing"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Bot from "../../support/bot.ts"
import { say } from "../../support/bot.ts"
import { bot, inject, on, platform, sent, visible, world } from "./harness.ts"

type MessengerNeeds = Layer.Layer.Context<ReturnType<typeof Messenger.layerWith>>

/** The first message that users can see. */
const first = Effect.map(sent, ([message]) => {
  if (message === undefined) throw new Error("nothing can be seen yet")
  return message
})

/** Requests to send, in seconds since the test began. */
const requests = Effect.map(Bot.entries("Request"), (all) =>
  all.filter(({ path }) => path.endsWith("/messages")).map(({ at }) => at / 1000)
)

const tokenRequests = Effect.map(
  Bot.entries("Request"),
  (all) => all.filter(({ path }) => path.includes("getAppAccessToken")).length
)

type Outcome = Either.Either<Messenger.Receipt, SendError.SendError>

/** A bot that answers each message after a while, and writes down how that went. */
const answering = (
  options: {
    readonly after?: Duration.DurationInput
    readonly reply?: (
      event: Event.MessageEvent
    ) => Effect.Effect<Messenger.Receipt, SendError.SendError, Messenger.Messenger>
    readonly policy?: Parameters<typeof Messenger.layerWith>[0]
  } = {}
) =>
  Effect.gen(function* () {
    const outcomes: Array<Outcome> = []
    const reply = options.reply ?? ((event) => Messenger.reply(event, Message.text(`re: ${event.content.trim()}`)))
    const handlers = Gateway.on(["C2C_MESSAGE_CREATE", "GROUP_AT_MESSAGE_CREATE"], (event: Event.MessageEvent) =>
      reply(event).pipe(
        Effect.delay(options.after ?? Duration.zero),
        Effect.either,
        Effect.map((outcome) => outcomes.push(outcome))
      )
    )
    const policy = options.policy
    const layer: Layer.Layer<never, never, Gateway.HandlerRegistry | Messenger.Messenger | MessengerNeeds> =
      policy === undefined ? handlers : Layer.provide(handlers, Messenger.layerWith(policy))
    const fiber = yield* Bot.start(layer)
    return { outcomes, fiber }
  })

const receiptOf = (outcome: Outcome | undefined): Messenger.Receipt => {
  if (outcome === undefined) throw new Error("there is no outcome yet")
  return Either.getOrThrowWith(outcome, (error) => error)
}

const errorOf = (outcome: Outcome | undefined): SendError.SendError => {
  if (outcome === undefined) throw new Error("there is no outcome yet")
  if (Either.isRight(outcome)) throw new Error(`delivered: ${JSON.stringify(outcome.right)}`)
  return outcome.left
}

/** Sends in the background. */
const sending = (text: string, user = "u1") =>
  Effect.fork(Effect.either(Messenger.send(Conversation.c2c(user), Message.text(text))))

describe("a reply", () => {
  it.effect("is sent to where the message came from", () =>
    Effect.gen(function* () {
      const { outcomes } = yield* answering()
      const id = yield* say("hi")
      yield* Bot.settle
      const message = yield* first
      assert.strictEqual(message.content, "re: hi")
      assert.strictEqual(message.msgId, id)
      assert.strictEqual(message.scene, "c2c")
      assert.strictEqual(message.target, "u1")
      const receipt = receiptOf(outcomes[0])
      assert.strictEqual(receipt.id, message.id)
      assert.strictEqual(receipt.via, "passive")
      assert.strictEqual(receipt.attempts, 1)
      assert.isFalse(receipt.deduplicated)
      assert.deepStrictEqual(receipt.conversation, Conversation.c2c("u1"))
      assert.isString(receipt.timestamp)
    }).pipe(on())
  )

  it.effect("to a group goes to the group", () =>
    Effect.gen(function* () {
      yield* answering()
      const { groupMessage } = yield* world
      const id = yield* groupMessage({ group: "g1", text: "hi" })
      yield* Bot.settle
      const message = yield* first
      assert.strictEqual(message.scene, "group")
      assert.strictEqual(message.target, "g1")
      assert.strictEqual(message.msgId, id)
      assert.strictEqual(message.content, "re: hi")
    }).pipe(on())
  )

  it.effect("several to one message are all seen, in order, from one handler", () =>
    Effect.gen(function* () {
      yield* answering({
        reply: (event) =>
          Effect.zipRight(Messenger.reply(event, Message.text("one")), Messenger.reply(event, Message.text("two")))
      })
      yield* say("hi")
      yield* Bot.settle
      assert.deepStrictEqual(yield* visible, ["one", "two"])
      const sequences = (yield* sent).map(({ msgSeq }) => msgSeq)
      assert.strictEqual(new Set(sequences).size, 2)
    }).pipe(on())
  )

  it.effect("from two handlers to one message are both seen", () =>
    Effect.gen(function* () {
      const echo = (name: string) =>
        Gateway.on("C2C_MESSAGE_CREATE", (event) => Messenger.reply(event, Message.text(name)))
      yield* Effect.forkScoped(Gateway.run(Layer.mergeAll(echo("a"), echo("b"))))
      yield* Gateway.ready
      yield* say("hi")
      yield* Bot.settle
      assert.deepStrictEqual((yield* visible).toSorted(), ["a", "b"])
    }).pipe(on())
  )

  it.effect("with keys may be made concurrently, in any order", () =>
    Effect.gen(function* () {
      yield* answering({
        reply: (event) =>
          Effect.map(
            Effect.forEach(["x", "y", "z"], (key) => Messenger.reply(event, Message.text(key), { key }), {
              concurrency: "unbounded"
            }),
            ([receipt]) => receipt!
          )
      })
      yield* say("hi")
      yield* Bot.settle
      assert.deepStrictEqual((yield* visible).toSorted(), ["x", "y", "z"])
    }).pipe(on())
  )

  it.effect("to a message that another run answered before is another reply", () =>
    Effect.gen(function* () {
      let oldest: Event.MessageEvent | undefined
      yield* answering({
        reply: (event) => {
          oldest ??= event
          return Messenger.reply(oldest, Message.text(`because of ${event.content}`))
        }
      })
      for (const text of ["one", "two", "three"]) yield* say(text)
      yield* Bot.settle
      assert.deepStrictEqual(yield* visible, ["because of one", "because of two", "because of three"])
    }).pipe(on())
  )

  it.effect("with a key outside of handlers is seen once, however often it is made", () =>
    Effect.gen(function* () {
      const events: Array<Event.MessageEvent> = []
      yield* Effect.forkScoped(
        Gateway.run(Gateway.on("C2C_MESSAGE_CREATE", (event) => Effect.sync(() => events.push(event))))
      )
      yield* Gateway.ready
      yield* say("hi")
      yield* Bot.settle
      const [event] = events
      if (event === undefined) throw new Error("the message did not come")
      const once = yield* Messenger.reply(event, Message.text("later"), { key: "later" })
      const twice = yield* Messenger.reply(event, Message.text("later"), { key: "later" })
      assert.isFalse(once.deduplicated)
      assert.isTrue(twice.deduplicated)
      yield* Messenger.reply(event, Message.text("without a key"))
      yield* Messenger.reply(event, Message.text("without a key"))
      assert.deepStrictEqual(yield* visible, ["later", "without a key", "without a key"])
    }).pipe(on())
  )

  it.effect("without text is refused before anything is sent", () =>
    Effect.gen(function* () {
      const { outcomes } = yield* answering({ reply: (event) => Messenger.reply(event, Message.text("")) })
      yield* say("hi")
      yield* Bot.settle
      assert.include(["MessageRejected", "MessageInvalid"], errorOf(outcomes[0])._tag)
      assert.deepStrictEqual(yield* requests, [])
    }).pipe(on())
  )

  it.effect("to a user whose id no address can hold has an outcome like any other", () =>
    Effect.gen(function* () {
      const { outcomes } = yield* answering()
      yield* say("hi", "\ud800")
      yield* Bot.advance("1 minute")
      assert.strictEqual(outcomes.length, 1)
    }).pipe(on())
  )
})

describe("a reply whose outcome is unknown", () => {
  for (const [name, failure, seconds] of [
    ["reset after accepting", Fault.reset({ accepted: true }), 1],
    ["reset before accepting", Fault.reset({ accepted: false }), 1],
    ["no answer after accepting", Fault.hang({ accepted: true }), 16],
    ["no answer before accepting", Fault.hang({ accepted: false }), 16],
    ["502 with HTML", Fault.html(502), 1],
    ["null", Fault.body(200, "null"), 1],
    ["nothing at all", Fault.body(200, ""), 1],
    ["an empty object", Fault.body(200, "{}"), 1],
    ["no JSON", Fault.body(200, "<html>"), 1]
  ] as const) {
    it.effect(`${name}: it is sent again and seen once`, () =>
      Effect.gen(function* () {
        const { outcomes } = yield* answering()
        yield* inject(Fault.http("send", failure))
        yield* say("hi")
        yield* Bot.advance(Duration.seconds(seconds))
        assert.deepStrictEqual(yield* visible, ["re: hi"])
        const receipt = receiptOf(outcomes[0])
        assert.strictEqual(receipt.attempts, 2)
        assert.strictEqual(receipt.via, "passive")
        const accepted = name.endsWith(" after accepting")
        assert.strictEqual(receipt.deduplicated, accepted)
        assert.strictEqual(receipt.id === undefined, accepted)
      }).pipe(on())
    )
  }

  it.effect("a 5xx after accepting: it is sent again and seen once", () =>
    Effect.gen(function* () {
      const { outcomes } = yield* answering()
      yield* say("hi")
      yield* Bot.advance("1 second")
      assert.deepStrictEqual(yield* visible, ["re: hi"])
      assert.isTrue(receiptOf(outcomes[0]).deduplicated)
      assert.strictEqual((yield* requests).length, 2)
    }).pipe(
      Effect.scoped,
      Effect.provide(
        TestPlatform.layerBot(bot).pipe(
          Layer.provideMerge(failsOnceAfterAccepting),
          Layer.provideMerge(TestPlatform.layerPlatform(platform))
        )
      )
    )
  )

  it.effect("and then an expired window: nothing else is tried, and the outcome stays unknown", () =>
    Effect.gen(function* () {
      const { outcomes } = yield* answering({ after: "3595 seconds" })
      yield* inject(Fault.http("send", Fault.hang({ accepted: false })))
      yield* say("hi")
      yield* Bot.advance("61 minutes")
      const error = errorOf(outcomes[0])
      assert.strictEqual(error._tag, "DeliveryUnknown")
      assert.deepStrictEqual(yield* visible, [])
      const accepted = yield* Bot.entries("Accepted")
      assert.deepStrictEqual(accepted, [])
    }).pipe(on())
  )

  it.effect("and then a platform that cannot be reached: it is still not known", () =>
    Effect.gen(function* () {
      const { outcomes } = yield* answering()
      yield* inject(Fault.http("send", Fault.reset({ accepted: true })))
      yield* inject(Fault.http("send", Fault.refused, { times: Number.POSITIVE_INFINITY }))
      yield* say("hi")
      yield* Bot.advance("1 minute")
      assert.strictEqual(errorOf(outcomes[0])._tag, "DeliveryUnknown")
      assert.deepStrictEqual(yield* visible, ["re: hi"])
    }).pipe(on())
  )

  it.effect("for good: 0.5, 1, 2, 5 s, then that is what the caller is told", () =>
    Effect.gen(function* () {
      const { outcomes } = yield* answering()
      yield* inject(Fault.http("send", Fault.html(502), { times: Number.POSITIVE_INFINITY }))
      yield* say("hi")
      yield* Bot.advance("1 minute")
      assert.strictEqual(errorOf(outcomes[0])._tag, "DeliveryUnknown")
      assert.deepStrictEqual(
        (yield* requests).map((at, _, [begin = 0]) => at - begin),
        [0, 0.5, 1.5, 3.5, 8.5]
      )
    }).pipe(on())
  )
})

/** The platform takes the first message and answers with an error page. */
const failsOnceAfterAccepting = Layer.effect(
  HttpClient.HttpClient,
  Effect.map(HttpClient.HttpClient, (client) => {
    let failed = false
    return HttpClient.transform(client, (answer, request) =>
      Effect.map(answer, (response) => {
        if (failed || !request.url.endsWith("/messages")) return response
        failed = true
        const broken = HttpClientResponse.fromWeb(request, new Response(null, { status: 502 }))
        // its own would come through a promise, which the clock of the test does not wait for
        return Object.create(broken, {
          text: { value: Effect.succeed("<html>bad gateway</html>") },
          headers: { value: { "content-length": "24" } }
        }) as typeof broken
      })
    )
  })
)

describe("a reply that comes too late", () => {
  it.effect("59 min 59 s after a private message is still one", () =>
    Effect.gen(function* () {
      const { outcomes } = yield* answering({ after: "3597 seconds" })
      yield* say("hi")
      yield* Bot.advance("61 minutes")
      assert.strictEqual(receiptOf(outcomes[0]).via, "passive")
      assert.isString((yield* sent)[0]?.msgId)
    }).pipe(on())
  )

  it.effect("60 min and 1 s after a private message goes out once, unasked", () =>
    Effect.gen(function* () {
      const { outcomes } = yield* answering({ after: "3601 seconds" })
      yield* say("hi")
      yield* Bot.advance("62 minutes")
      const receipt = receiptOf(outcomes[0])
      assert.strictEqual(receipt.via, "proactive")
      const messages = yield* sent
      assert.strictEqual(messages.length, 1)
      assert.strictEqual(messages[0]?.content, "re: hi")
      for (const field of ["msg_id", "event_id", "msg_seq"]) assert.notProperty(messages[0]?.body, field)
    }).pipe(on())
  )

  it.effect("5 min and 1 s after a group message likewise", () =>
    Effect.gen(function* () {
      const { outcomes } = yield* answering({ after: "301 seconds" })
      const { groupMessage } = yield* world
      yield* groupMessage({ group: "g1", text: "hi" })
      yield* Bot.advance("6 minutes")
      assert.strictEqual(receiptOf(outcomes[0]).via, "proactive")
      const message = yield* first
      assert.strictEqual(message.target, "g1")
      assert.strictEqual(message.msgId, undefined)
      assert.strictEqual((yield* sent).length, 1)
    }).pipe(on())
  )

  it.effect("and may not be sent unasked either: one error with both reasons", () =>
    Effect.gen(function* () {
      const { model } = yield* world
      model.allowProactive("c2c", "u1", false)
      const { outcomes } = yield* answering({ after: "3601 seconds" })
      yield* say("hi")
      yield* Bot.advance("62 minutes")
      const error = errorOf(outcomes[0])
      assert.strictEqual(error._tag, "ProactiveRefused")
      if (error._tag !== "ProactiveRefused") return
      assert.strictEqual(error.code ?? error.errCode, 40034105)
      assert.strictEqual(error.expired?._tag, "MsgIdExpired")
      assert.include(error.message, error.expired?.message ?? "no reason")
      assert.isString(error.traceId)
      assert.notStrictEqual(error.hint, "")
      assert.deepStrictEqual(yield* visible, [])
    }).pipe(on())
  )

  it.effect("fails where the policy says so", () =>
    Effect.gen(function* () {
      const { outcomes } = yield* answering({ after: "3601 seconds", policy: { onExpired: "fail" } })
      yield* say("hi")
      yield* Bot.advance("62 minutes")
      assert.strictEqual(errorOf(outcomes[0])._tag, "MsgIdExpired")
      assert.deepStrictEqual(yield* visible, [])
    }).pipe(on())
  )
})

describe("a proactive message", () => {
  it.effect("is sent without anything that would make it a reply", () =>
    Effect.gen(function* () {
      const receipt = yield* Messenger.send(Conversation.group("g1"), Message.text("news"))
      assert.strictEqual(receipt.via, "proactive")
      const message = yield* first
      assert.strictEqual(message.scene, "group")
      assert.strictEqual(message.content, "news")
      for (const field of ["msg_id", "event_id", "msg_seq"]) assert.notProperty(message.body, field)
    }).pipe(on())
  )

  for (const [name, failure, seen] of [
    ["reset after accepting", Fault.reset({ accepted: true }), ["news"]],
    ["reset before accepting", Fault.reset({ accepted: false }), []],
    ["no answer after accepting", Fault.hang({ accepted: true }), ["news"]],
    ["502 with HTML", Fault.html(502), []],
    ["null", Fault.body(200, "null"), []],
    ["nothing at all", Fault.body(200, ""), []],
    ["an empty object", Fault.body(200, "{}"), []]
  ] as const) {
    it.effect(`${name}: sent once, and the outcome is unknown`, () =>
      Effect.gen(function* () {
        yield* inject(Fault.http("send", failure))
        const fiber = yield* sending("news")
        yield* Bot.advance("5 minutes")
        const error = errorOf(yield* Fiber.join(fiber))
        assert.strictEqual(error._tag, "DeliveryUnknown")
        assert.strictEqual((yield* requests).length, 1)
        assert.deepStrictEqual(yield* visible, [...seen])
      }).pipe(on())
    )
  }

  it.effect("a refused connection is retried: nothing was sent", () =>
    Effect.gen(function* () {
      yield* inject(Fault.http("send", Fault.refused, { times: 2 }))
      const fiber = yield* sending("news")
      yield* Bot.advance("10 seconds")
      assert.strictEqual(receiptOf(yield* Fiber.join(fiber)).attempts, 3)
      assert.deepStrictEqual(yield* visible, ["news"])
    }).pipe(on())
  )

  it.effect("a platform that cannot be reached at all: surely not sent", () =>
    Effect.gen(function* () {
      yield* inject(Fault.http("send", Fault.refused, { times: Number.POSITIVE_INFINITY }))
      const fiber = yield* sending("news")
      yield* Bot.advance("1 minute")
      assert.strictEqual(errorOf(yield* Fiber.join(fiber))._tag, "PlatformUnavailable")
      assert.deepStrictEqual(yield* visible, [])
    }).pipe(on())
  )

  it.effect("where it is not wanted is refused, once, with a hint", () =>
    Effect.gen(function* () {
      const { model } = yield* world
      model.allowProactive("c2c", "u1", false)
      const error = errorOf(yield* Effect.either(Messenger.send(Conversation.c2c("u1"), Message.text("news"))))
      assert.strictEqual(error._tag, "ProactiveRefused")
      assert.notStrictEqual(error.hint, "")
      assert.strictEqual((yield* requests).length, 1)
    }).pipe(on())
  )

  it.effect("that the platform takes for a duplicate is an error, not a delivery", () =>
    Effect.gen(function* () {
      yield* inject(Fault.http("send", Fault.status(400, { code: 40054005, message: "duplicate" }), { times: 9 }))
      const fiber = yield* sending("news")
      yield* Bot.advance("1 minute")
      assert.strictEqual(errorOf(yield* Fiber.join(fiber))._tag, "MessageRejected")
      assert.deepStrictEqual(yield* visible, [])
    }).pipe(on())
  )
})

describe("tokens and permissions", () => {
  it.effect("a token revoked in the middle of a hundred messages costs one more token and no message", () =>
    Effect.gen(function* () {
      yield* Messenger.send(Conversation.c2c("first"), Message.text("first"))
      yield* Bot.advance("1 minute")
      yield* inject(Fault.http("send", Fault.slow(500), { times: 100 }))
      const users = Array.from({ length: 100 }, (_, n) => `u${n}`)
      const fiber = yield* Effect.fork(
        Effect.forEach(
          users,
          (user) => Effect.either(Messenger.send(Conversation.c2c(user), Message.text(`to ${user}`))),
          { concurrency: 20 }
        )
      )
      yield* Bot.advance("1100 millis")
      yield* inject(Fault.tokenRevoked)
      yield* Bot.advance("2 minutes")
      const outcomes = yield* Fiber.join(fiber)
      assert.isTrue(outcomes.every(Either.isRight))
      const seen = (yield* visible).slice(1)
      assert.deepStrictEqual(seen.toSorted(), users.map((user) => `to ${user}`).toSorted())
      assert.strictEqual(yield* tokenRequests, 2)
    }).pipe(on())
  )

  it.effect("botpy_189: an address that is not on the allow-list is a permission, and no token helps", () =>
    Effect.gen(function* () {
      yield* inject(Fault.ipNotAllowed)
      const fiber = yield* sending("news")
      yield* Bot.advance("5 minutes")
      const error = errorOf(yield* Fiber.join(fiber))
      assert.strictEqual(error._tag, "PermissionDenied")
      if (error._tag !== "PermissionDenied") return
      assert.include([error.code, error.errCode], 11298)
      assert.include(error.hint, "allow-list")
      assert.strictEqual(yield* tokenRequests, 1)
      assert.strictEqual((yield* requests).length, 1)
    }).pipe(on())
  )

  it.effect("neither the secret nor a token is in any error", () =>
    Effect.gen(function* () {
      const { model } = yield* world
      const texts: Array<string> = []
      for (const fault of [
        Fault.http("send", Fault.status(400, { code: 40034006, message: "blocked" })),
        Fault.http("send", Fault.reset({ accepted: false })),
        Fault.http("send", Fault.body(502, "model-access-token-1905000001-000001")),
        Fault.http("send", Fault.status(403, { code: 11253, message: "model-access-token-1905000001-000001" }))
      ]) {
        yield* inject(fault)
        const error = errorOf(yield* Effect.either(Messenger.send(Conversation.c2c("u1"), Message.text("news"))))
        texts.push(String(error), JSON.stringify(error), error.message, error.stack ?? "")
      }
      assert.isAbove(model.issuedTokens().length, 0)
      for (const text of texts) {
        assert.notInclude(text, "model-secret")
        for (const token of model.issuedTokens()) assert.notInclude(text, token)
      }
    }).pipe(on())
  )
})

describe("a rate limit", () => {
  it.effect("is waited for: 2, 5, 10, 30 s", () =>
    Effect.gen(function* () {
      yield* inject(Fault.http("send", Fault.status(429), { times: 4 }))
      const fiber = yield* sending("news")
      yield* Bot.advance("1 minute")
      assert.strictEqual(receiptOf(yield* Fiber.join(fiber)).attempts, 5)
      assert.deepStrictEqual(yield* requests, [0, 2, 7, 17, 47])
      assert.deepStrictEqual(yield* visible, ["news"])
    }).pipe(on())
  )

  it.effect("is waited for as long as the platform says", () =>
    Effect.gen(function* () {
      yield* inject(Fault.http("send", Fault.status(429, { retryAfter: 60 })))
      const fiber = yield* sending("news")
      yield* Bot.advance("59 seconds")
      assert.deepStrictEqual(yield* visible, [])
      yield* Bot.advance("1 second")
      assert.isTrue(Either.isRight(yield* Fiber.join(fiber)))
    }).pipe(on())
  )

  it.effect("that would take an hour is told at once, with the ten minutes that are granted", () =>
    Effect.gen(function* () {
      yield* inject(Fault.http("send", Fault.status(429, { retryAfter: 3600 })))
      const error = errorOf(yield* Effect.either(Messenger.send(Conversation.c2c("u1"), Message.text("news"))))
      assert.strictEqual(error._tag, "RateLimited")
      if (error._tag !== "RateLimited") return
      assert.strictEqual(Duration.toSeconds(error.retryAfter ?? 0), 600)
    }).pipe(on())
  )

  it.effect("that does not end is told after the fourth retry", () =>
    Effect.gen(function* () {
      yield* inject(Fault.http("send", Fault.status(429), { times: Number.POSITIVE_INFINITY }))
      const fiber = yield* sending("news")
      yield* Bot.advance("5 minutes")
      assert.strictEqual(errorOf(yield* Fiber.join(fiber))._tag, "RateLimited")
      assert.strictEqual((yield* requests).length, 5)
    }).pipe(on())
  )
})

describe("interruption", () => {
  for (const [name, failure] of [
    ["while waiting for a rate limit", Fault.status(429)],
    ["while waiting to try again", Fault.refused],
    ["while the platform does not answer", Fault.hang({ accepted: false })]
  ] as const) {
    it.effect(`${name} sends nothing more`, () =>
      Effect.gen(function* () {
        yield* inject(Fault.http("send", failure, { times: 1 }))
        const fiber = yield* sending("news")
        yield* Bot.advance("100 millis")
        assert.strictEqual((yield* requests).length, 1)
        yield* Fiber.interrupt(fiber)
        yield* Bot.advance("10 minutes")
        assert.strictEqual((yield* requests).length, 1)
        assert.deepStrictEqual(yield* visible, [])
      }).pipe(on())
    )
  }
})

describe("an event that comes again", () => {
  it.effect("after a restart is answered with the same msg_seq: seen once", () =>
    Effect.gen(function* () {
      const answered: Array<Messenger.Receipt> = []
      const life = Effect.scoped(
        Effect.gen(function* () {
          const handlers = Gateway.on("C2C_MESSAGE_CREATE", (event) =>
            Effect.gen(function* () {
              answered.push(yield* Messenger.reply(event, Message.text("one")))
              answered.push(yield* Messenger.reply(event, Message.text("two"), { key: "the second" }))
              // the process ends before the event is settled
              return yield* Effect.never
            })
          )
          const fiber = yield* Bot.start(handlers)
          if (answered.length === 0) {
            yield* say("hi")
            yield* Bot.settle
          }
          yield* Fiber.interrupt(fiber)
        })
      )
      yield* life
      yield* life
      assert.deepStrictEqual(yield* Bot.introductions, ["identify", "resume"])
      assert.deepStrictEqual(yield* visible, ["one", "two"])
      assert.deepStrictEqual(
        answered.map(({ deduplicated }) => deduplicated),
        [false, false, true, true]
      )
    }).pipe(on())
  )

  it.effect("because its handler is retried is answered with the same msg_seq: seen once", () =>
    Effect.gen(function* () {
      let runs = 0
      const handlers = Gateway.on(
        "C2C_MESSAGE_CREATE",
        (event) =>
          Effect.zipRight(
            Messenger.reply(event, Message.text("working on it")),
            Effect.suspend((): Effect.Effect<Messenger.Receipt, SendError.SendError | string, Messenger.Messenger> =>
              ++runs < 3 ? Effect.fail("not yet") : Messenger.reply(event, Message.text("done"))
            )
          ),
        { retry: Schedule.spaced("1 second") }
      )
      yield* Effect.forkScoped(Gateway.run(handlers))
      yield* Gateway.ready
      yield* say("hi")
      yield* Bot.advance("1 minute")
      assert.strictEqual(runs, 3)
      assert.deepStrictEqual(yield* visible, ["working on it", "done"])
    }).pipe(on())
  )

  it.effect("on a resume is answered once", () =>
    Effect.gen(function* () {
      const { outcomes } = yield* answering()
      yield* say("hi")
      yield* Bot.settle
      yield* inject(Fault.replayMore(5))
      yield* inject(Fault.drop())
      yield* Bot.advance("5 seconds")
      assert.deepStrictEqual(yield* visible, ["re: hi"])
      assert.strictEqual(outcomes.length, 1)
    }).pipe(on())
  )
})
