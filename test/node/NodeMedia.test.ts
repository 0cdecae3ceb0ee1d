import { ContentHash, Conversation, Media, Message, Messenger } from "@effect-qq/core"
import { Fault } from "@effect-qq/core/testing"
import { NodeBot, NodeContentHash, NodeMedia } from "@effect-qq/node"
import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Crypto from "node:crypto"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { assert } from "vitest"
import type * as Sandbox from "../../packages/cli/src/sandbox/Sandbox.ts"
import * as Live from "./support/live.ts"
import { eventually, within } from "./support/patience.ts"

const user = Conversation.c2c("u1")

const mebibyte = 2 ** 20

const file = (size: number, name = "film.mp4") =>
  Effect.map(Live.temporaryDirectory, (directory) => {
    const path = Path.join(directory, name)
    Fs.writeFileSync(path, Crypto.randomBytes(size))
    return path
  })

/** A bot that has no gateway. */
const bot = (platform: Sandbox.SandboxShape) =>
  Layer.unwrapScoped(
    Effect.map(Live.temporaryDirectory, (stateDirectory) =>
      NodeBot.layer({
        appId: platform.appId,
        secret: platform.secret,
        hosts: { api: platform.apiUrl, token: platform.tokenUrl },
        stateDirectory
      })
    )
  )

const uploads = (platform: Sandbox.SandboxShape) =>
  platform.model.journal.flatMap((entry) => (entry.kind === "Uploaded" ? [entry] : []))

/** Answers to requests for parts. */
const puts = (platform: Sandbox.SandboxShape) =>
  platform.model.journal.filter((entry) => entry.kind === "Request" && entry.method === "PUT" && entry.status === 200)

describe("a file", () => {
  it.scopedLive("of 12 MB goes in parts and is never read further ahead than the parts on their way", () =>
    Effect.gen(function* () {
      const platform = yield* Live.sandbox({ platform: { chunks: { blockSize: mebibyte, concurrency: 2 } } })
      const path = yield* file(12_000_000)
      const source = yield* NodeMedia.fromFile("video", path)
      assert.deepStrictEqual([source.size, source.name, source.repeatable], [12_000_000, "film.mp4", true])
      let runs = 0
      let furthestAhead = 0
      const watched = Stream.unwrap(
        Effect.sync(() => {
          runs++
          let read = 0
          return Stream.tap(source.stream, (piece) =>
            Effect.sync(() => {
              read += piece.length
              // the first time it is read for its digests, and nothing is held
              if (runs === 2) furthestAhead = Math.max(furthestAhead, read - puts(platform).length * mebibyte)
            })
          )
        })
      )
      const receipt = yield* Messenger.send(user, Message.media({ ...source, stream: watched })).pipe(
        Effect.provide(bot(platform)),
        within("30 seconds", "the film", () => JSON.stringify(platform.model.journal.slice(-20)))
      )
      assert.deepStrictEqual(receipt.fallbacks, [])
      const [upload, ...others] = uploads(platform)
      assert.deepStrictEqual(
        [upload?.by, upload?.size, upload?.fileType, others.length],
        ["upload_id", 12_000_000, 2, 0]
      )
      assert.strictEqual(platform.model.sent[0]?.file, upload?.file)
      assert.strictEqual(puts(platform).length, 12)
      assert.strictEqual(runs, 2)
      // two parts on their way, one that waits behind them, and one that is being read
      assert.isAtMost(furthestAhead, 4 * mebibyte + 256 * 1024)
    })
  )

  it.scopedLive("survives a store that breaks connections and answers late, and can be cancelled", () =>
    Effect.gen(function* () {
      const platform = yield* Live.sandbox({
        platform: { chunks: { blockSize: 4 * mebibyte, concurrency: 3, firstIndex: 0 } }
      })
      const source = yield* NodeMedia.fromFile("file", yield* file(12 * mebibyte, "a.bin"))
      yield* Effect.gen(function* () {
        yield* platform.inject(Fault.http("part", Fault.hang({ accepted: false }), { times: 3 }))
        const cancelled = yield* Effect.fork(Media.upload(user, source))
        const hanging = () =>
          platform.model.journal.filter((entry) => entry.kind === "Request" && entry.answer === "Hang")
        yield* eventually("three parts on their way", () => hanging().length === 3)
        yield* Fiber.interrupt(cancelled)
        yield* platform.inject(Fault.clear)
        yield* Live.inject(
          platform,
          Fault.http("part", Fault.reset({ accepted: true })),
          Fault.http("part", Fault.slow(300)),
          Fault.http("finish", Fault.status(400, { code: 40093001, message: "channel" }), { times: 2 })
        )
        yield* Media.upload(user, source)
      }).pipe(Effect.provide(bot(platform)), within("30 seconds", "the file"))
      assert.deepStrictEqual(
        uploads(platform).map(({ by, size }) => [by, size]),
        [["upload_id", 12 * mebibyte]]
      )
    })
  )

  it.scopedLive("that is small goes in one request, with its name", () =>
    Effect.gen(function* () {
      const platform = yield* Live.sandbox()
      const source = yield* NodeMedia.fromFile("file", yield* file(1000), { name: "b.bin" })
      assert.strictEqual(source.name, "b.bin")
      yield* Media.upload(user, source).pipe(Effect.provide(bot(platform)))
      assert.deepStrictEqual(
        uploads(platform).map(({ by, size }) => [by, size]),
        [["file_data", 1000]]
      )
    })
  )

  it.scopedLive("that does not exist, or is no file, fails at once", () =>
    Effect.gen(function* () {
      const directory = yield* Live.temporaryDirectory
      const missing = yield* Effect.flip(NodeMedia.fromFile("file", Path.join(directory, "none")))
      assert.strictEqual(missing._tag === "SystemError" ? missing.reason : "", "NotFound")
      assert.strictEqual((yield* Effect.flip(NodeMedia.fromFile("file", directory)))._tag, "BadArgument")
    })
  )
})

describe("digests of Node", () => {
  it.effect("are those of core", () =>
    Effect.gen(function* () {
      const bytes = new Uint8Array(Crypto.randomBytes(3 * mebibyte + 17))
      for (const algorithm of ["md5", "sha1", "sha256"] as const) {
        const own = yield* ContentHash.of(algorithm, bytes)
        const native = yield* ContentHash.of(algorithm, bytes).pipe(Effect.provide(NodeContentHash.layer))
        assert.strictEqual(native, own)
      }
    })
  )
})
