import { assert, describe, it } from "@effect/vitest"
import {
  ContentHash,
  Conversation,
  Gateway,
  Media,
  MediaSource,
  Message,
  Messenger,
  type SendPolicy
} from "@effect-qq/core"
import { Fault, type PlatformModel, TestPlatform } from "@effect-qq/core/testing"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as TestContext from "effect/TestContext"
import * as fc from "fast-check"
import * as Bot from "../../support/bot.ts"
import * as Harness from "./harness.ts"
import { errorOf, inject, sent, within } from "./harness.ts"

const user = Conversation.c2c("u1")

const bytesOf = (size: number, seed = 1): Uint8Array =>
  Uint8Array.from({ length: size }, (_, index) => (index * 31 + seed * 7919 + (index >> 8)) & 255)

/** Three parts: 1000, 1000 and 500 bytes. */
const film = (seed = 1) => MediaSource.fromBytes("video", bytesOf(2500, seed), { name: "film.mp4" })

const chunks = { blockSize: 1000 }

/** A bot that uploads what has more than 100 bytes in parts. */
const on =
  (options?: PlatformModel.Options, policy?: Partial<SendPolicy.SendPolicy>) =>
  <A, E>(effect: Effect.Effect<A, E, Harness.Services>): Effect.Effect<A, E> =>
    effect.pipe(
      Effect.provide(Media.layerWith({ simpleUploadLimit: 100, ...policy })),
      Harness.on({ ...options, chunks: { ...chunks, ...options?.chunks } })
    )

const uploads = Bot.entries("Uploaded")

const stepOf = (path: string): string =>
  path.startsWith("/store/") ? "part" : path.replace(/^.*\//, "").replace("upload_", "")

/** The requests of uploads, oldest first: `prepare`, `part`, `part_finish`, `files`. */
const requests = Effect.map(Bot.entries("Request"), (all) =>
  all
    .filter(({ path }) => path.startsWith("/store/") || /\/(files|upload_\w+)$/.test(path))
    .map(({ at, path }) => ({ at: at / 1000, step: stepOf(path) }))
)

const steps = Effect.map(requests, (all) => all.map(({ step }) => step))

const count = (step: string) => Effect.map(steps, (all) => all.filter((other) => other === step).length)

const whole = ["prepare", "part", "part_finish", "part", "part_finish", "part", "part_finish", "files"]

const forGood = { times: Number.POSITIVE_INFINITY }

/** What faults call a step, what the path calls it, and how often it is tried at most. */
const table = [
  { endpoint: "prepare", step: "prepare", attempts: 5 },
  { endpoint: "part", step: "part", attempts: 3 },
  { endpoint: "finish", step: "part_finish", attempts: 3 },
  { endpoint: "upload", step: "files", attempts: 3 }
] as const

describe("an upload in parts", () => {
  it.effect("prepares, puts, finishes and completes its parts, and the platform receives the file", () =>
    Effect.gen(function* () {
      const uploaded = yield* Media.upload(user, film())
      assert.deepStrictEqual([uploaded.kind, uploaded.scene, uploaded.insteadOf], ["video", "c2c", undefined])
      assert.deepStrictEqual(yield* steps, whole)
      const [upload] = yield* uploads
      assert.deepStrictEqual([upload?.by, upload?.size, upload?.fileType], ["upload_id", 2500, 2])
      yield* Messenger.send(user, Message.media(uploaded))
      assert.strictEqual((yield* sent)[0]?.file, upload?.file)
    }).pipe(on())
  )

  it.effect("is used above the limit; a file at the limit is one request", () =>
    Effect.gen(function* () {
      yield* Media.upload(user, MediaSource.fromBytes("file", bytesOf(100)))
      assert.deepStrictEqual(yield* steps, ["files"])
      yield* Media.upload(user, MediaSource.fromBytes("file", bytesOf(101)))
      assert.deepStrictEqual(yield* steps, ["files", "prepare", "part", "part_finish", "files"])
    }).pipe(on())
  )

  it.effect("is for what the edge finds too large for one request (413 with HTML), too", () =>
    Effect.gen(function* () {
      yield* Media.upload(user, film())
      assert.deepStrictEqual(yield* steps, ["files", ...whole])
      // what it is remembered by does not depend on the way it went
      yield* Media.upload(user, film())
      assert.strictEqual((yield* uploads).length, 1)
    }).pipe(on({ maximumInlineFile: 1000 }, { simpleUploadLimit: 5000 }))
  )

  it.effect("happens once for each content, and again when the platform has forgotten it", () =>
    Effect.gen(function* () {
      yield* Media.upload(user, film())
      yield* Media.upload(Conversation.c2c("u2"), film())
      assert.strictEqual((yield* uploads).length, 1)
      yield* Media.upload(user, film(2))
      assert.strictEqual((yield* uploads).length, 2)
      yield* Bot.advance("1 hour")
      yield* Media.upload(user, film())
      assert.strictEqual((yield* uploads).length, 3)
    }).pipe(on({ mediaLifetime: 3_600_000 }))
  )

  it.effect("takes what the platform has already for uploaded", () =>
    Effect.gen(function* () {
      const first = yield* Media.upload(user, film())
      const heard: Array<Media.Progress> = []
      const again = yield* Media.upload(
        user,
        MediaSource.fromBytes("video", bytesOf(2500), { name: "other name.mp4" }),
        {
          onProgress: (progress) => Effect.sync(() => heard.push(progress))
        }
      )
      assert.strictEqual(again.fileInfo, first.fileInfo)
      assert.deepStrictEqual(yield* steps, [...whole, "prepare"])
      assert.deepStrictEqual(heard, [{ sent: 2500, total: 2500, part: 1, parts: 1 }])
    }).pipe(on({ chunks: { instant: true } }))
  )

  it("understands every way in which the platform describes the parts", async () => {
    const shape = fc.record({
      firstIndex: fc.constantFrom(0 as const, 1 as const),
      sizesAsNumbers: fc.boolean(),
      wrapped: fc.boolean(),
      flat: fc.boolean(),
      concurrency: fc.integer({ min: 1, max: 12 }),
      // nine parts at most: more would have to wait for their turns
      blockSize: fc.integer({ min: 300, max: 2000 }),
      instant: fc.boolean()
    })
    const sizes = fc.integer({ min: 101, max: 2600 })
    const lengths = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 5 })
    const uploaded = (described: PlatformModel.Options["chunks"], size: number, pieces: ReadonlyArray<number>) =>
      Effect.gen(function* () {
        const bytes = bytesOf(size)
        const cut: Array<Uint8Array> = []
        for (let at = 0, n = 0; at < size; n++) {
          const length = pieces[n % pieces.length] ?? 1
          cut.push(bytes.subarray(at, at + length), new Uint8Array(0))
          at += length
        }
        const stream = Stream.fromIterable(cut)
        yield* Media.upload(user, MediaSource.fromStream("file", stream, { repeatable: true }))
        yield* Media.upload(Conversation.group("g1"), MediaSource.fromBytes("file", bytes))
        return (yield* uploads).map((upload) => upload.size)
      }).pipe(on({ chunks: described }), Effect.provide(TestContext.TestContext))
    await fc.assert(
      fc.asyncProperty(shape, sizes, lengths, async (described, size, pieces) => {
        assert.deepStrictEqual(await Effect.runPromise(uploaded(described, size, pieces)), [size, size])
      }),
      { numRuns: 20 }
    )
  })

  it.effect("has as many parts on their way as the platform allows, four at most", () =>
    Effect.gen(function* () {
      yield* inject(Fault.http("part", Fault.slow(1000), forGood))
      const uploading = yield* Effect.fork(Media.upload(user, MediaSource.fromBytes("file", bytesOf(10_000))))
      const begun: Array<number> = []
      for (let second = 0; second < 4; second++) {
        yield* second === 0 ? Bot.settle : Bot.advance("1 second")
        begun.push(yield* count("part"))
      }
      yield* Fiber.join(uploading)
      assert.deepStrictEqual(begun, [4, 8, 10, 10])
    }).pipe(on({ chunks: { concurrency: 50 } }))
  )

  it.effect("reports its progress", () =>
    Effect.gen(function* () {
      const heard: Array<Media.Progress> = []
      const onProgress = (progress: Media.Progress) => Effect.sync(() => heard.push(progress))
      yield* Media.upload(user, film(), { onProgress })
      yield* Media.upload(user, MediaSource.fromBytes("image", bytesOf(50)), { onProgress })
      assert.deepStrictEqual(heard, [
        { sent: 1000, total: 2500, part: 1, parts: 3 },
        { sent: 2000, total: 2500, part: 2, parts: 3 },
        { sent: 2500, total: 2500, part: 3, parts: 3 },
        { sent: 50, total: 50, part: 1, parts: 1 }
      ])
    }).pipe(on())
  )

  it.effect("calls a hook when a part has arrived, and not before", () =>
    Effect.gen(function* () {
      const called: Array<number> = []
      const onProgress = ({ sent: bytes }: Media.Progress) => {
        called.push(bytes)
        return Effect.void
      }
      yield* inject(Fault.http("prepare", Fault.status(400, { code: 40093002, message: "quota" })))
      yield* Effect.either(Media.upload(user, film(), { onProgress }))
      yield* inject(Fault.http("upload", Fault.status(400, { code: 40093002, message: "quota" })))
      yield* Effect.either(Media.upload(user, MediaSource.fromBytes("file", bytesOf(50)), { onProgress }))
      assert.deepStrictEqual(called, [])
    }).pipe(on())
  )

  it.effect("is made by a message, and the receipt does not show it", () =>
    Effect.gen(function* () {
      const { privately } = yield* Harness.listening
      const event = yield* privately()
      const receipt = yield* Messenger.reply(event, Message.image(bytesOf(6_000_000)))
      assert.deepStrictEqual([receipt.via, receipt.fallbacks], ["passive", []])
      const [upload] = yield* uploads
      assert.deepStrictEqual([upload?.by, upload?.size], ["upload_id", 6_000_000])
      assert.strictEqual((yield* sent)[0]?.file, upload?.file)
      yield* Messenger.reply(event, Message.image(bytesOf(6_000_000)))
      assert.strictEqual((yield* uploads).length, 1)
    }).pipe(Harness.on())
  )
})

describe("a step of an upload", () => {
  for (const { attempts, endpoint, step } of table) {
    for (const [name, failure] of [
      ["a reset after accepting", Fault.reset({ accepted: true })],
      ["a reset before", Fault.reset({ accepted: false })],
      ["a refused connection", Fault.refused],
      ["a 502 with HTML", Fault.html(502)],
      ["no answer", Fault.hang({ accepted: false })],
      ["no answer after accepting", Fault.hang({ accepted: true })]
    ] as const) {
      it.effect(`${step}, failing once by ${name}, is retried`, () =>
        Effect.gen(function* () {
          yield* inject(Fault.http(endpoint, failure))
          const outcome = yield* Media.upload(user, film()).pipe(within("10 minutes"))
          assert.isTrue(Either.isRight(outcome))
          assert.strictEqual((yield* steps).length, whole.length + 1)
          assert.strictEqual(yield* count(step), whole.filter((other) => other === step).length + 1)
        }).pipe(on())
      )

      it.effect(`${step}, failing for good by ${name}, ends it, and no message is unknown`, () =>
        Effect.gen(function* () {
          yield* inject(Fault.http(endpoint, failure, forGood))
          const error = errorOf(yield* Media.upload(user, film()).pipe(within("20 minutes")))
          assert.strictEqual(error._tag, "PlatformUnavailable")
          assert.strictEqual(yield* count(step), attempts)
          assert.notInclude(JSON.stringify(error) + error.message, "sign=")
          const before = (yield* steps).length
          yield* Bot.advance("1 hour")
          assert.strictEqual((yield* steps).length, before)
        }).pipe(on())
      )
    }

    it.effect(`${step}, cancelled in its midst, leaves nothing running and remembers nothing`, () =>
      Effect.gen(function* () {
        yield* inject(Fault.http(endpoint, Fault.hang({ accepted: false }), forGood))
        const uploading = yield* Effect.fork(Media.upload(user, film()))
        yield* Bot.advance("1 second")
        yield* Fiber.interrupt(uploading)
        const before = (yield* steps).length
        yield* inject(Fault.clear)
        yield* Bot.advance("1 hour")
        assert.strictEqual((yield* steps).length, before)
        yield* Media.upload(user, film())
        assert.deepStrictEqual((yield* steps).slice(before).toSorted(), whole.toSorted())
        assert.strictEqual((yield* uploads).length, 1)
      }).pipe(on({ chunks: { concurrency: 3 } }))
    )

    it.effect(`${step}, answered with the day's quota (40093002), ends it at once`, () =>
      Effect.gen(function* () {
        yield* inject(Fault.http(endpoint, Fault.status(400, { code: 40093002, message: "quota" }), forGood))
        const error = errorOf(yield* Effect.either(Media.upload(user, film())))
        // the store is not the platform's: it knows no such code
        if (endpoint === "part") return assert.strictEqual(error._tag, "PlatformUnavailable")
        assert.strictEqual(error._tag === "QuotaExhausted" ? error.of : "", "period")
        assert.strictEqual(yield* count(step), 1)
      }).pipe(on({}, { partRetries: Schedule.stop }))
    )

    if (endpoint === "part") continue
    it.effect(`${step}, refused for the format (850019), makes it a file, once`, () =>
      Effect.gen(function* () {
        yield* inject(Fault.http(endpoint, Fault.status(400, { code: 850019, errCode: 40034002, message: "format" })))
        const outcome = yield* Media.upload(user, film()).pipe(within("1 minute"))
        const uploaded = Either.getOrThrow(outcome)
        assert.deepStrictEqual([uploaded.kind, uploaded.insteadOf], ["file", "video"])
        assert.deepStrictEqual(
          (yield* uploads).map(({ fileType }) => fileType),
          [4]
        )
        // what it is now known by is what it was asked for as
        assert.strictEqual((yield* Media.upload(user, film())).fileInfo, uploaded.fileInfo)
      }).pipe(on())
    )
  }

  it.effect("that says that a part is not there yet (40093001) is made each second, as the platform says", () =>
    Effect.gen(function* () {
      yield* inject(Fault.http("finish", Fault.status(400, { code: 40093001, message: "channel" }), { times: 45 }))
      const outcome = yield* Media.upload(user, film()).pipe(within("2 minutes"))
      assert.isTrue(Either.isRight(outcome))
      const times = (yield* requests).filter(({ step }) => step === "part_finish").map(({ at }) => at)
      assert.strictEqual(times.length, 48)
      assert.deepStrictEqual(
        times.slice(0, 46).map((at) => at - (times[0] ?? 0)),
        Array.from({ length: 46 }, (_, second) => second)
      )
    }).pipe(on())
  )

  for (const [said, lasts] of [
    [30, 30],
    [100_000, 600]
  ] as const) {
    it.effect(`that says so for ever ends after ${lasts} s where the platform says ${said}`, () =>
      Effect.gen(function* () {
        yield* inject(Fault.http("finish", Fault.status(400, { code: 40093001, message: "channel" }), forGood))
        const error = errorOf(yield* Media.upload(user, film()).pipe(within("1 hour")))
        assert.strictEqual(error._tag === "PlatformUnavailable" ? error.code : 0, 40093001)
        const times = (yield* requests).filter(({ step }) => step === "part_finish").map(({ at }) => at)
        assert.strictEqual((times.at(-1) ?? 0) - (times[0] ?? 0), lasts)
        assert.strictEqual(times.length, lasts / 10 + 1)
      }).pipe(on({ chunks: { retryTimeout: said, retryDelay: 10 } }))
    )
  }

  it.effect("that asks for fewer requests is waited for", () =>
    Effect.gen(function* () {
      for (const { endpoint } of table) {
        if (endpoint === "part") continue
        yield* inject(Fault.http(endpoint, Fault.status(429, { code: 100017, errCode: 40023001, message: "slowly" })))
      }
      const outcome = yield* Media.upload(user, film()).pipe(within("1 minute"))
      assert.isTrue(Either.isRight(outcome))
      assert.strictEqual((yield* steps).length, whole.length + 3)
    }).pipe(on())
  )

  it.effect("that fails for good ends the parts that are on their way", () =>
    Effect.gen(function* () {
      yield* inject(Fault.http("part", Fault.status(403)))
      yield* inject(Fault.http("part", Fault.hang({ accepted: false }), { times: 2 }))
      const error = errorOf(yield* Media.upload(user, film()).pipe(within("10 seconds")))
      assert.strictEqual(
        error._tag === "PlatformUnavailable" ? error.detail : "",
        "part 1 of 3 was refused by the store (HTTP 403)"
      )
      yield* Bot.advance("1 hour")
      assert.deepStrictEqual(yield* steps, ["prepare", "part", "part", "part"])
    }).pipe(on({ chunks: { concurrency: 3 } }, { partRetries: Schedule.stop }))
  )

  it.effect("is not made while there are too many", () =>
    Effect.gen(function* () {
      const outcome = yield* Media.upload(user, MediaSource.fromBytes("file", bytesOf(25_000))).pipe(within("1 minute"))
      assert.isTrue(Either.isRight(outcome))
      const times = (yield* requests).filter(({ step }) => step === "prepare" || step === "part_finish")
      for (const { at } of times) {
        assert.isAtMost(times.filter((other) => other.at >= at && other.at < at + 1).length, 10)
      }
      assert.strictEqual(times.length, 26)
    }).pipe(on())
  )

  it.effect("that says nonsense about the parts ends it", () =>
    Effect.gen(function* () {
      for (const answer of [
        {},
        { upload_id: "u", block_size: "1000", parts: [] },
        { upload_id: "u", block_size: "1000", parts: [{ index: 1, presigned_url: "https://store.qq.com/store/u/0" }] },
        { upload_id: "u", block_size: "9000", parts: [{ index: 1, presigned_url: "file:///etc/passwd" }] },
        { upload_id: "u", block_size: "9000", parts: [{ presigned_url: "https://store.qq.com/store/u/0" }] },
        { upload_id: 7, block_size: "9000", parts: [{ index: 1, presigned_url: "https://store.qq.com/store/u/0" }] }
      ]) {
        yield* inject(Fault.http("prepare", Fault.body(200, JSON.stringify(answer)), { times: 5 }))
        const error = errorOf(yield* Media.upload(user, film()).pipe(within("1 minute")))
        assert.strictEqual(error._tag, "PlatformUnavailable", JSON.stringify(answer))
      }
      assert.strictEqual(yield* count("part"), 0)
    }).pipe(on())
  )
})

describe("an upload whose addresses no longer work", () => {
  const part = ["part", "part_finish"]

  for (const [name, source] of [
    ["bytes", film()],
    ["a stream", MediaSource.fromStream("video", Stream.make(bytesOf(2500)), { name: "film.mp4", repeatable: true })]
  ] as const) {
    it.effect(`is announced once more, and all parts are put again: ${name}`, () =>
      Effect.gen(function* () {
        yield* inject(Fault.deadLinks())
        const outcome = yield* Media.upload(user, source).pipe(within("1 minute"))
        assert.isTrue(Either.isRight(outcome))
        assert.deepStrictEqual(yield* steps, ["prepare", "part", "part", ...whole])
        assert.deepStrictEqual(
          (yield* uploads).map(({ by, size }) => [by, size]),
          [["upload_id", 2500]]
        )
      }).pipe(on())
    )
  }

  it.effect("restarts its progress", () =>
    Effect.gen(function* () {
      const heard: Array<number> = []
      const onProgress = ({ part: number }: Media.Progress) =>
        Effect.zipRight(
          number === 1 && heard.length === 0 ? inject(Fault.deadLinks()) : Effect.void,
          Effect.sync(() => heard.push(number))
        )
      const context = yield* Effect.context<TestPlatform.TestPlatform>()
      const outcome = yield* Media.upload(user, film(), {
        onProgress: (progress) => Effect.provide(onProgress(progress), context)
      }).pipe(within("1 minute"))
      assert.isTrue(Either.isRight(outcome))
      assert.deepStrictEqual(yield* steps, ["prepare", ...part, "part", "part", ...whole])
      assert.deepStrictEqual(heard, [1, 1, 2, 3])
    }).pipe(on())
  )

  it.effect("with several parts on their way is announced once more", () =>
    Effect.gen(function* () {
      yield* inject(Fault.deadLinks())
      const outcome = yield* Media.upload(user, film()).pipe(within("1 minute"))
      assert.isTrue(Either.isRight(outcome))
      assert.strictEqual(yield* count("prepare"), 2)
      assert.strictEqual((yield* uploads).length, 1)
    }).pipe(on({ chunks: { concurrency: 3 } }))
  )

  it.effect("a second time fails", () =>
    Effect.gen(function* () {
      yield* inject(Fault.deadLinks(forGood))
      const error = errorOf(yield* Media.upload(user, film()).pipe(within("1 minute")))
      assert.strictEqual(
        error._tag === "PlatformUnavailable" ? error.detail : "",
        "part 1 of 3 could not be stored: the connection broke (ECONNRESET)"
      )
      assert.strictEqual(yield* count("prepare"), 1)
      yield* inject(Fault.clear)
      yield* inject(Fault.http("part", Fault.status(403), forGood))
      const other = errorOf(yield* Media.upload(user, film(2)).pipe(within("1 minute")))
      assert.strictEqual(
        other._tag === "PlatformUnavailable" ? other.detail : "",
        "part 1 of 3 was refused by the store (HTTP 403)"
      )
      assert.strictEqual(yield* count("prepare"), 3)
      assert.deepStrictEqual(yield* uploads, [])
    }).pipe(on())
  )

  for (const status of [401, 403, 404, 410]) {
    it.effect(`that the store refuses twice with ${status} is announced once more, and once is only retried`, () =>
      Effect.gen(function* () {
        yield* inject(Fault.http("part", Fault.status(status)))
        assert.isTrue(Either.isRight(yield* Media.upload(user, film()).pipe(within("1 minute"))))
        assert.deepStrictEqual(yield* steps, ["prepare", "part", ...whole.slice(1)])
        yield* inject(Fault.http("part", Fault.status(status), { times: 2 }))
        assert.isTrue(Either.isRight(yield* Media.upload(user, film(2)).pipe(within("1 minute"))))
        assert.deepStrictEqual((yield* steps).slice(whole.length + 1), ["prepare", "part", "part", ...whole])
      }).pipe(on())
    )
  }

  it.effect("that the platform has by then is not put again", () =>
    Effect.gen(function* () {
      const first = yield* Media.upload(user, film())
      yield* Bot.settle
      const answer = { file_info: first.fileInfo, file_uuid: "f", ttl: 60 }
      const before = (yield* steps).length
      yield* inject(Fault.deadLinks())
      const uploading = yield* Effect.fork(Effect.either(Media.upload(user, film(2))))
      yield* Bot.settle
      yield* inject(Fault.http("prepare", Fault.body(200, JSON.stringify(answer))))
      yield* Bot.advance("1 minute")
      const again = Either.getOrThrow(yield* Fiber.join(uploading))
      assert.strictEqual(again.fileInfo, first.fileInfo)
      assert.deepStrictEqual((yield* steps).slice(before), ["prepare", "part", "part", "prepare"])
    }).pipe(on())
  )
})

describe("what an application gives to an upload and what throws there", () => {
  const defect = new Error("a bug of the application")
  const thrown = (): never => {
    throw defect
  }
  const bytes = bytesOf(2500)
  /** Breaks when it is read for the second time. */
  const secondTime = (broken: Stream.Stream<Uint8Array>) => {
    let runs = 0
    return Stream.suspend(() => (runs++ === 0 ? Stream.make(bytes) : broken))
  }
  const streamed = (stream: Stream.Stream<Uint8Array>) => MediaSource.fromStream("file", stream, { repeatable: true })
  const table: ReadonlyArray<readonly [string, () => readonly [MediaSource.MediaSource, Media.UploadOptions?]]> = [
    ["a stream that throws", () => [streamed(Stream.map(Stream.make(bytes), thrown))]],
    ["a stream that throws before it begins", () => [streamed(Stream.suspend(thrown))]],
    ["a stream that dies", () => [streamed(Stream.die(defect))]],
    ["a stream that throws when it is read again", () => [streamed(secondTime(Stream.suspend(thrown)))]],
    ["a stream that dies when it is read again", () => [streamed(secondTime(Stream.die(defect)))]],
    ["a hook that throws", () => [film(), { onProgress: thrown }]],
    ["a hook that dies", () => [film(), { onProgress: () => Effect.die(defect) }]],
    [
      "a hook that throws, of what goes in one request",
      () => [MediaSource.fromBytes("file", bytesOf(50)), { onProgress: thrown }]
    ]
  ]

  for (const concurrency of [1, 3]) {
    for (const [name, given] of table) {
      it.effect(`${name}: the call ends with that defect, and nothing else does (${concurrency} at a time)`, () =>
        Effect.gen(function* () {
          const { privately } = yield* Harness.listening
          const other = yield* Effect.fork(Media.upload(Conversation.c2c("other"), film(9)))
          const exit = yield* Effect.exit(Media.upload(user, ...given()))
          const cause = Exit.isFailure(exit) ? exit.cause : Cause.empty
          // Effect wraps a defect to remember its span
          assert.deepStrictEqual([...Cause.defects(cause)].map(String), [String(defect)])
          assert.isTrue(Option.isNone(Cause.failureOption(cause)))
          yield* Bot.advance("1 minute")
          yield* Fiber.join(other)
          const event = yield* privately()
          yield* Messenger.reply(event, Message.text("alive"))
          assert.deepStrictEqual(yield* Harness.visible, ["alive"])
          yield* Media.upload(user, film())
        }).pipe(on({ chunks: { concurrency } }))
      )
    }
  }

  it.effect("fails the handler that replies with it, and the bot goes on", () =>
    Effect.gen(function* () {
      const failures: Array<unknown> = []
      const answers = Gateway.on("C2C_MESSAGE_CREATE", (event) =>
        event.content === "broken"
          ? Effect.onError(
              Messenger.reply(event, Message.media(streamed(Stream.map(Stream.make(bytes), thrown)))),
              (cause) => Effect.sync(() => failures.push(...Cause.defects(cause)))
            )
          : Messenger.reply(event, Message.text("fine"))
      )
      const running = yield* Effect.fork(Gateway.run(answers))
      yield* Gateway.ready
      const platform = yield* Harness.world
      yield* platform.privateMessage({ user: "u1", text: "broken" })
      yield* Bot.settle
      yield* platform.privateMessage({ user: "u1", text: "sound" })
      yield* Bot.settle
      assert.deepStrictEqual(failures.map(String), [String(defect)])
      assert.deepStrictEqual(yield* Harness.visible, ["fine"])
      assert.isTrue(Option.isNone(yield* Fiber.poll(running)))
      yield* Fiber.interrupt(running)
    }).pipe(on())
  )
})

describe("media that the platform does not take as what it is", () => {
  const refusedOnce = inject(
    Fault.http("upload", Fault.status(400, { code: 850031, message: "too large for a picture" }))
  )

  it.effect("goes out as a file, and the receipt says so", () =>
    Effect.gen(function* () {
      yield* refusedOnce
      const receipt = yield* Messenger.send(user, Message.image(bytesOf(50)))
      assert.deepStrictEqual(receipt.fallbacks, ["as-file"])
      assert.deepStrictEqual(
        (yield* uploads).map(({ fileType }) => fileType),
        [4]
      )
    }).pipe(on())
  )

  it.effect("goes out as a file from an address, too", () =>
    Effect.gen(function* () {
      yield* refusedOnce
      const receipt = yield* Messenger.send(user, Message.image("https://example.com/a.tiff"))
      assert.deepStrictEqual(receipt.fallbacks, ["as-file"])
    }).pipe(on())
  )

  it.effect("is told where it is refused as a file, or is one already", () =>
    Effect.gen(function* () {
      yield* refusedOnce
      yield* refusedOnce
      const error = errorOf(yield* Effect.either(Messenger.send(user, Message.image(bytesOf(50)))))
      assert.strictEqual(error._tag === "MessageRejected" ? error.class : "", "media_invalid")
      yield* refusedOnce
      const other = errorOf(yield* Effect.either(Media.upload(user, MediaSource.fromBytes("file", bytesOf(50)))))
      assert.strictEqual(other._tag, "MessageRejected")
      assert.deepStrictEqual(yield* uploads, [])
    }).pipe(on())
  )

  it.effect("is told where the policy says so", () =>
    Effect.gen(function* () {
      yield* refusedOnce
      const error = errorOf(yield* Effect.either(Media.upload(user, MediaSource.fromBytes("image", bytesOf(50)))))
      assert.strictEqual(error._tag === "MessageRejected" ? error.code : 0, 850031)
      assert.strictEqual((yield* steps).length, 1)
    }).pipe(on({}, { onFormatRefused: "fail" }))
  )
})

describe("media from a stream", () => {
  const pieces = (size: number) => Stream.fromIterable([bytesOf(size).subarray(0, 7), bytesOf(size).subarray(7)])

  const refused = (source: MediaSource.MediaSource) =>
    Effect.gen(function* () {
      const error = errorOf(yield* Media.upload(user, source).pipe(within("10 seconds")))
      if (error._tag !== "MessageInvalid") throw error
      return error
    })

  it.effect("is the same media as its bytes", () =>
    Effect.gen(function* () {
      const uploaded = yield* Media.upload(user, MediaSource.fromBytes("file", bytesOf(2500)))
      for (const options of [{}, { size: 2500 }, { repeatable: true }, { repeatable: true, size: 2500 }]) {
        const again = yield* Media.upload(user, MediaSource.fromStream("file", pieces(2500), options))
        assert.strictEqual(again.fileInfo, uploaded.fileInfo)
      }
      assert.strictEqual((yield* uploads).length, 1)
    }).pipe(on())
  )

  it.effect("is run once where it can be run once, and read as it is needed where it can be run again", () =>
    Effect.gen(function* () {
      let runs = 0
      const counted = Stream.unwrap(
        Effect.sync(() => {
          runs++
          return pieces(2500)
        })
      )
      yield* Media.upload(user, MediaSource.fromStream("file", counted))
      assert.strictEqual(runs, 1)
      yield* Media.upload(Conversation.group("g1"), MediaSource.fromStream("file", counted, { repeatable: true }))
      assert.strictEqual(runs, 3)
      assert.deepStrictEqual(
        (yield* uploads).map(({ by, size }) => [by, size]),
        [
          ["upload_id", 2500],
          ["upload_id", 2500]
        ]
      )
    }).pipe(on())
  )

  it.effect("that is small goes in one request, and is read once", () =>
    Effect.gen(function* () {
      yield* Media.upload(user, MediaSource.fromStream("image", pieces(90), { repeatable: true }))
      assert.deepStrictEqual(yield* steps, ["files"])
    }).pipe(on())
  )

  it.effect("that can be read once is held up to a limit, and refused above it", () =>
    Effect.gen(function* () {
      yield* Media.upload(user, MediaSource.fromStream("file", pieces(1500)))
      const before = yield* steps
      const error = yield* refused(MediaSource.fromStream("file", pieces(1501)))
      assert.strictEqual(error.field, "media.stream")
      assert.include(error.message, "repeatable")
      // not even read
      const never = MediaSource.fromStream("file", Stream.die("read"), { size: 1501 })
      assert.strictEqual((yield* refused(never)).field, "media.stream")
      assert.deepStrictEqual(yield* steps, before)
      yield* Media.upload(user, MediaSource.fromStream("file", pieces(1501), { repeatable: true }))
    }).pipe(on({}, { streamBuffer: 1500 }))
  )

  it.effect("that is empty, larger or smaller than it says, or above the platform's limit is refused unsent", () =>
    Effect.gen(function* () {
      const stream = (size: number, options?: Parameters<typeof MediaSource.fromStream>[2]) =>
        MediaSource.fromStream("file", pieces(size), { repeatable: true, ...options })
      assert.strictEqual((yield* refused(MediaSource.fromStream("file", Stream.empty))).field, "media.stream")
      assert.strictEqual((yield* refused(stream(500, { size: 499 }))).field, "media.size")
      assert.strictEqual((yield* refused(stream(500, { size: 501 }))).field, "media.size")
      assert.strictEqual((yield* refused(stream(500, { size: -1 }))).field, "media.size")
      assert.strictEqual((yield* refused(stream(500, { size: 0 }))).field, "media.stream")
      assert.strictEqual((yield* refused(stream(3001))).field, "media")
      const never = MediaSource.fromStream("file", Stream.die("read"), { size: 3001 })
      assert.strictEqual((yield* refused(never)).field, "media")
      assert.strictEqual((yield* refused(MediaSource.fromBytes("file", bytesOf(3001)))).field, "media")
      assert.deepStrictEqual(yield* steps, [])
    }).pipe(on({}, { maximumUpload: 3000 }))
  )

  it.effect("that fails is told with its cause", () =>
    Effect.gen(function* () {
      const broken = Stream.concat(pieces(500), Stream.fail("the disk is gone"))
      for (const repeatable of [true, false]) {
        const error = yield* refused(MediaSource.fromStream("file", broken, { repeatable }))
        assert.strictEqual(error.cause, "the disk is gone")
      }
      assert.deepStrictEqual(yield* steps, [])
    }).pipe(on())
  )

  it.effect("that gives other bytes when it is read again is not completed, nor remembered", () =>
    Effect.gen(function* () {
      const second = [bytesOf(2500, 2), bytesOf(2499), bytesOf(2501)]
      for (const other of second) {
        let runs = 0
        const changing = Stream.unwrap(Effect.sync(() => Stream.make(runs++ === 0 ? bytesOf(2500) : other)))
        const error = yield* refused(MediaSource.fromStream("file", changing, { repeatable: true }))
        assert.strictEqual(error.field, "media.stream")
      }
      assert.strictEqual(yield* count("files"), 0)
      yield* Media.upload(user, MediaSource.fromBytes("file", bytesOf(2500)))
      assert.strictEqual((yield* uploads).length, 1)
    }).pipe(on())
  )
})

describe("digests", () => {
  it.effect("are computed as the runtime provides, through the layers of the whole bot", () =>
    Effect.gen(function* () {
      const error = errorOf(yield* Effect.either(Media.upload(user, MediaSource.fromBytes("file", bytesOf(2500)))))
      assert.strictEqual(error._tag === "MessageRejected" ? error.code : 0, 850012)
      assert.deepStrictEqual(yield* steps, ["files", "prepare"])
    }).pipe(
      Effect.provide(
        TestPlatform.layerBot({ ...Harness.bot }).pipe(
          Layer.provide(
            Layer.succeed(ContentHash.ContentHash, () => ({ update: () => undefined, hex: () => "no digest" }))
          ),
          Layer.provideMerge(TestPlatform.layerPlatform({ maximumInlineFile: 1000 }))
        )
      )
    )
  )
})

describe("the defaults", () => {
  it.effect("refuse more than 200 MiB without a request", () =>
    Effect.gen(function* () {
      const source = MediaSource.fromStream("file", Stream.die("read"), {
        size: 200 * 1024 * 1024 + 1,
        repeatable: true
      })
      const error = errorOf(yield* Effect.either(Messenger.send(user, Message.media(source))))
      assert.strictEqual(error._tag === "MessageInvalid" ? error.field : "", "media")
      assert.deepStrictEqual(yield* steps, [])
    }).pipe(Harness.on())
  )
})
