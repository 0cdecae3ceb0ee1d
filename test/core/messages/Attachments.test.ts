/** Attachments: downloaded within limits, from hosts that may be asked, whole or not at all. */
import { assert, describe, it } from "@effect/vitest"
import * as FileSystem from "@effect/platform/FileSystem"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as Chunk from "effect/Chunk"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { Attachments, type MessageView } from "@effect-qq/core"
import * as Crypto from "node:crypto"
import * as Bot from "../../support/bot.ts"

class Cut extends Data.TaggedError("Cut")<{}> {}

const bytes = new TextEncoder().encode("the bytes of a picture")

const sha256 = Crypto.createHash("sha256").update(bytes).digest("hex")

const attachment = (more: Partial<MessageView.Attachment> = {}): MessageView.Attachment => ({
  kind: "image",
  url: "https://multimedia.nt.qq.com.cn/download?fileid=1",
  name: "../a.png",
  contentType: "image/png",
  size: bytes.length,
  width: undefined,
  height: undefined,
  wavUrl: undefined,
  transcript: undefined,
  ...more
})

type Answer =
  | {
      readonly status?: number
      readonly headers?: Record<string, string>
      readonly body?: Stream.Stream<Uint8Array, Cut>
    }
  | "broken"
  | "hang"

/** A network: what each request is answered with, in order, the last one for ever; and what was asked for. */
const network = (...answers: ReadonlyArray<Answer>) => {
  const asked: Array<string> = []
  const client = HttpClient.make((request, url) => {
    const answer = answers[Math.min(asked.length, answers.length - 1)] ?? "broken"
    asked.push(url.href)
    if (answer === "hang") return Effect.never
    if (answer === "broken") {
      return new HttpClientError.RequestError({ request, reason: "Transport", cause: new Error("reset") })
    }
    const { body = Stream.make(bytes.slice(0, 9), bytes.slice(9)), headers = {}, status = 200 } = answer
    const response = HttpClientResponse.fromWeb(request, new Response(null, { status, headers }))
    return Effect.succeed(
      Object.create(response, {
        status: { value: status },
        headers: { value: response.headers },
        stream: {
          value: Stream.mapError(
            body,
            (cause) => new HttpClientError.ResponseError({ request, response, reason: "Decode", cause })
          )
        }
      }) as HttpClientResponse.HttpClientResponse
    )
  })
  return {
    asked,
    on: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.provideService(effect, HttpClient.HttpClient, client)
  }
}

/** How it ends within two minutes. */
const ended = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(Effect.either(effect))
    yield* Bot.advance("2 minutes")
    return yield* fiber
  })

const reasonOf = <A, R>(effect: Effect.Effect<A, Attachments.DownloadError, R>) =>
  Effect.map(ended(effect), (outcome) => (outcome._tag === "Left" ? outcome.left.reason : "downloaded"))

describe("a download", () => {
  it.effect("gives the bytes with their type and hash, and the transcript of a voice message", () =>
    Effect.gen(function* () {
      const { asked, on } = network({ headers: { "content-type": "audio/silk" } })
      const voice = attachment({ kind: "voice", wavUrl: "https://a.qq.com/x.wav", transcript: "hello" })
      const downloaded = yield* on(Attachments.download(voice))
      assert.deepStrictEqual(downloaded, {
        kind: "voice",
        name: "../a.png",
        contentType: "audio/silk",
        size: bytes.length,
        hash: sha256,
        transcript: "hello",
        bytes
      })
      yield* on(Attachments.download(voice, { voice: "wav" }))
      assert.deepStrictEqual(asked, [voice.url, voice.wavUrl])
    })
  )

  it.effect("tries again what may pass, and not what was refused", () =>
    Effect.gen(function* () {
      const unsteady = network(
        "broken",
        { status: 503 },
        { body: Stream.concat(Stream.make(bytes), Stream.fail(new Cut())) },
        {}
      )
      const outcome = yield* ended(unsteady.on(Attachments.download(attachment())))
      assert.strictEqual(outcome._tag === "Right" ? outcome.right.hash : outcome.left.reason, sha256)
      assert.strictEqual(unsteady.asked.length, 4)
      const gone = network({ status: 403 })
      assert.strictEqual(yield* reasonOf(gone.on(Attachments.download(attachment()))), "Refused")
      assert.strictEqual(gone.asked.length, 1)
      const down = network("broken")
      assert.strictEqual(yield* reasonOf(down.on(Attachments.download(attachment()))), "Unavailable")
      assert.strictEqual(down.asked.length, 4)
    })
  )

  it.effect("is bounded in size, as announced and as it comes, and in time", () =>
    Effect.gen(function* () {
      const announced = network({ headers: { "content-length": "1000" }, body: Stream.die("was read") })
      assert.strictEqual(
        yield* reasonOf(announced.on(Attachments.download(attachment(), { maximumBytes: 999 }))),
        "TooLarge"
      )
      let read = 0
      const endless = network({
        body: Stream.repeatEffect(
          Effect.sync(() => {
            read++
            return new Uint8Array(100)
          })
        )
      })
      assert.strictEqual(
        yield* reasonOf(endless.on(Attachments.download(attachment(), { maximumBytes: 1000 }))),
        "TooLarge"
      )
      assert.isAtMost(read, 12)
      const silent = network("hang")
      assert.strictEqual(yield* reasonOf(silent.on(Attachments.download(attachment()))), "TimedOut")
      const slow = network({ body: Stream.concat(Stream.make(bytes), Stream.never) })
      assert.strictEqual(
        yield* reasonOf(slow.on(Attachments.download(attachment(), { timeout: "5 seconds" }))),
        "TimedOut"
      )
    })
  )

  const refused: ReadonlyArray<readonly [string | undefined, string]> = [
    ["http://multimedia.nt.qq.com.cn/x", "NotAllowed"],
    ["https://evil.example/x", "NotAllowed"],
    ["https://qq.com.evil.example/", "NotAllowed"],
    ["https://evilqq.com/", "NotAllowed"],
    ["https://qq.com@127.0.0.1/", "NotAllowed"],
    ["https://127.0.0.1/", "NotAllowed"],
    ["file:///etc/passwd", "NotAllowed"],
    ["https://", "NoAddress"],
    [undefined, "NoAddress"]
  ]
  it.effect.each(refused)("asks no host that may not be asked: %s", ([url, reason]) =>
    Effect.gen(function* () {
      const { asked, on } = network({})
      assert.strictEqual(yield* reasonOf(on(Attachments.download(attachment({ url })))), reason)
      assert.deepStrictEqual(asked, [])
    })
  )

  it.effect("follows a redirect to a host that may be asked, and to no other, and not for ever", () =>
    Effect.gen(function* () {
      const good = network({ status: 302, headers: { location: "/elsewhere" } }, {})
      yield* good.on(Attachments.download(attachment()))
      assert.strictEqual(good.asked[1], "https://multimedia.nt.qq.com.cn/elsewhere")
      const bad = network({ status: 302, headers: { location: "https://169.254.169.254/" } }, {})
      assert.strictEqual(yield* reasonOf(bad.on(Attachments.download(attachment()))), "NotAllowed")
      assert.strictEqual(bad.asked.length, 1)
      const circle = network({ status: 302, headers: { location: "/again" } })
      assert.strictEqual(yield* reasonOf(circle.on(Attachments.download(attachment()))), "Refused")
      assert.strictEqual(circle.asked.length, 4)
    })
  )

  it.effect("asks other hosts that are named", () =>
    Effect.gen(function* () {
      const url = "https://files.example/x"
      const { on } = network({})
      assert.strictEqual(
        yield* reasonOf(on(Attachments.download(attachment({ url }), { hosts: ["example"] }))),
        "downloaded"
      )
      assert.strictEqual(yield* reasonOf(on(Attachments.download(attachment({ url }), { hosts: "any" }))), "downloaded")
    })
  )

  it.effect("says nothing of the address, which is signed", () =>
    Effect.gen(function* () {
      const { on } = network({ status: 404 })
      const error = yield* Effect.flip(on(Attachments.download(attachment())))
      assert.strictEqual(error.message, "the attachment was refused from multimedia.nt.qq.com.cn (HTTP 404)")
      assert.notInclude(JSON.stringify(error), "fileid")
    })
  )
})

describe("a stream", () => {
  it.effect("gives bytes as they come, retries only its beginning, and has the same limits", () =>
    Effect.gen(function* () {
      const { asked, on } = network("broken", {
        body: Stream.concat(Stream.make(bytes), Stream.fail(new Cut()))
      })
      const outcome = yield* ended(on(Stream.runCollect(Stream.either(Attachments.stream(attachment())))))
      const pieces = outcome._tag === "Right" ? Chunk.toReadonlyArray(outcome.right) : []
      assert.deepStrictEqual(
        pieces.map((piece) => (piece._tag === "Right" ? "bytes" : piece.left.reason)),
        ["bytes", "Unavailable"]
      )
      assert.strictEqual(asked.length, 2)
      const slow = network({ body: Stream.never })
      assert.strictEqual(yield* reasonOf(slow.on(Stream.runDrain(Attachments.stream(attachment())))), "TimedOut")
      const none = network({})
      assert.strictEqual(
        yield* reasonOf(none.on(Stream.runDrain(Attachments.stream(attachment({ url: "http://qq.com" }))))),
        "NotAllowed"
      )
    })
  )
})

describe("a file", () => {
  it.scoped("is there once it is whole, and not before, whatever went wrong", () =>
    Effect.gen(function* () {
      const files = yield* FileSystem.FileSystem
      const directory = yield* files.makeTempDirectoryScoped()
      const path = `${directory}/picture.png`
      const broken = network({ body: Stream.concat(Stream.make(bytes), Stream.fail(new Cut())) })
      const failed = yield* Effect.flip(
        broken.on(Attachments.save(attachment(), path, { retries: Schedule.recurs(1) }))
      )
      assert.strictEqual(failed._tag, "DownloadError")
      assert.deepStrictEqual(yield* files.readDirectory(directory), [])
      const saved = yield* network({}).on(Attachments.save(attachment(), path))
      assert.strictEqual(saved.hash, sha256)
      assert.strictEqual(saved.path, path)
      assert.deepStrictEqual(new Uint8Array(yield* files.readFile(path)), bytes)
      assert.deepStrictEqual(yield* files.readDirectory(directory), ["picture.png"])
    }).pipe(Effect.provide(NodeFileSystem.layer))
  )
})
