import { assert, describe, it } from "@effect/vitest"
import { Conversation, Media, MediaSource, Message, Messenger } from "@effect-qq/core"
import { Fault, WallClock } from "@effect-qq/core/testing"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as Bot from "../../support/bot.ts"
import { errorOf, inject, listening, on, receiptOf, requests, sent, within } from "./harness.ts"

const user = Conversation.c2c("u1")
const group = Conversation.group("g1")
const picture = (fill = 1) => MediaSource.fromBytes("image", new Uint8Array(1000).fill(fill))
const uploads = Bot.entries("Uploaded")
const uploadRequests = Effect.map(Bot.entries("Request"), (all) => all.filter(({ path }) => path.endsWith("/files")))

describe("media", () => {
  it.effect("from memory is uploaded and sent as a reply", () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      const event = yield* privately()
      const receipt = yield* Messenger.reply(event, Message.image(new Uint8Array(10).fill(7), { content: "look" }))
      assert.strictEqual(receipt.via, "passive")
      const [message] = yield* sent
      assert.strictEqual(message?.msgType, 7)
      assert.strictEqual(message?.content, "look")
      const [upload] = yield* uploads
      assert.deepStrictEqual([upload?.by, upload?.size, upload?.fileType], ["file_data", 10, 1])
    }).pipe(on())
  )

  it.effect("from an address is fetched by the platform, each time", () =>
    Effect.gen(function* () {
      const message = Message.image("https://example.com/a.png")
      yield* Messenger.send(user, message)
      yield* Messenger.send(user, message)
      assert.deepStrictEqual(
        (yield* uploads).map(({ by }) => by),
        ["url", "url"]
      )
    }).pipe(on())
  )

  it.effect("is uploaded once for each content, kind and scene, for as long as the platform keeps it", () =>
    Effect.gen(function* () {
      const count = Effect.map(uploads, ({ length }) => length)
      yield* Messenger.send(user, Message.media(picture()))
      yield* Messenger.send(Conversation.c2c("u2"), Message.media(picture()))
      assert.strictEqual(yield* count, 1)
      yield* Messenger.send(group, Message.media(picture()))
      assert.strictEqual(yield* count, 2)
      yield* Messenger.send(user, Message.media(picture(2)))
      assert.strictEqual(yield* count, 3)
      yield* Messenger.send(user, Message.media({ ...picture(), kind: "file" }))
      assert.strictEqual(yield* count, 4)
      yield* Bot.advance("989 seconds")
      yield* Messenger.send(user, Message.media(picture()))
      assert.strictEqual(yield* count, 4)
      yield* Bot.advance("2 seconds")
      yield* Messenger.send(user, Message.media(picture()))
      assert.strictEqual(yield* count, 5)
      assert.strictEqual((yield* sent).length, 7)
    }).pipe(on({ mediaLifetime: 1_000_000 }))
  )

  it.effect("expires by the monotonic clock: a wall clock that is set back keeps no upload alive", () =>
    Effect.gen(function* () {
      yield* Messenger.send(user, Message.media(picture()))
      yield* WallClock.step(-3_600_000)
      yield* Bot.advance("991 seconds")
      const receipt = yield* Messenger.send(user, Message.media(picture()))
      assert.deepStrictEqual(receipt.fallbacks, [])
      assert.strictEqual((yield* uploads).length, 2)
    }).pipe(on({ mediaLifetime: 1_000_000 }), WallClock.steppable)
  )

  it.effect("that the platform has forgotten is uploaded again, once", () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      const event = yield* privately()
      yield* Media.upload(user, picture())
      yield* inject(Fault.http("send", Fault.status(400, { code: 304080, message: "file_info" })))
      const receipt = yield* Messenger.reply(event, Message.media(picture()))
      assert.deepStrictEqual(receipt.fallbacks, ["uploaded-again"])
      assert.strictEqual((yield* uploads).length, 2)
      assert.strictEqual((yield* sent).length, 1)
    }).pipe(on())
  )

  it.effect("that the platform has forgotten, from a stream that can be read only once, is told", () =>
    Effect.gen(function* () {
      yield* inject(Fault.http("send", Fault.status(400, { code: 304080, message: "file_info" })))
      const once = MediaSource.fromStream("image", Stream.make(new Uint8Array(9)))
      const error = errorOf(yield* Effect.either(Messenger.send(user, Message.media(once))))
      assert.strictEqual(error._tag === "MessageRejected" ? error.code : 0, 304080)
      assert.strictEqual((yield* uploads).length, 1)
    }).pipe(on())
  )

  it.effect("that was uploaded by hand may be sent, in its scene only", () =>
    Effect.gen(function* () {
      const uploaded = yield* Media.upload(user, picture())
      yield* Messenger.send(user, Message.media(uploaded))
      const error = errorOf(yield* Effect.either(Messenger.send(group, Message.media(uploaded))))
      assert.strictEqual(error._tag === "MessageInvalid" ? error.field : "", "media.scene")
      assert.strictEqual((yield* sent).length, 1)
    }).pipe(on())
  )
})

describe("an upload", () => {
  for (const [name, failure] of [
    ["a reset after accepting", Fault.reset({ accepted: true })],
    ["a refused connection", Fault.refused],
    ["a 502 with HTML", Fault.html(502)],
    ["no answer", Fault.hang({ accepted: false })],
    ["an address that could not be fetched", Fault.status(400, { code: 850026, errCode: 40034001, message: "fetch" })]
  ] as const) {
    it.effect(`that fails once by ${name} is retried`, () =>
      Effect.gen(function* () {
        yield* inject(Fault.http("upload", failure))
        const outcome = yield* Messenger.send(user, Message.media(picture())).pipe(within("2 minutes"))
        assert.isString(receiptOf(outcome).id)
        assert.strictEqual((yield* uploadRequests).length, 2)
        assert.strictEqual((yield* sent).length, 1)
      }).pipe(on())
    )
  }

  it.effect("that fails for good is told, and no message is sent", () =>
    Effect.gen(function* () {
      yield* inject(Fault.http("upload", Fault.html(502), { times: Number.POSITIVE_INFINITY }))
      const error = errorOf(yield* Messenger.send(user, Message.media(picture())).pipe(within("2 minutes")))
      // nothing was sent, so nothing is unknown
      assert.strictEqual(error._tag, "PlatformUnavailable")
      assert.strictEqual((yield* uploadRequests).length, 5)
      assert.deepStrictEqual(yield* requests, [])
    }).pipe(on())
  )

  it.effect("above the day's quota is told", () =>
    Effect.gen(function* () {
      yield* Media.upload(user, picture())
      const error = errorOf(yield* Effect.either(Media.upload(user, picture(2))))
      assert.strictEqual(error._tag, "QuotaExhausted")
    }).pipe(on({ uploadQuota: 1500 }))
  )

  it.effect("that is cancelled leaves nothing running and remembers nothing", () =>
    Effect.gen(function* () {
      yield* inject(Fault.http("upload", Fault.hang({ accepted: false })))
      const fiber = yield* Effect.fork(Messenger.send(user, Message.media(picture())))
      yield* Bot.advance("1 second")
      yield* Fiber.interrupt(fiber)
      yield* Bot.advance("5 minutes")
      assert.strictEqual((yield* uploadRequests).length, 1)
      assert.deepStrictEqual(yield* requests, [])
      const outcome = yield* Messenger.send(user, Message.media(picture())).pipe(within("1 minute"))
      assert.isTrue(Either.isRight(outcome))
      assert.strictEqual((yield* uploads).length, 1)
    }).pipe(on())
  )
})
