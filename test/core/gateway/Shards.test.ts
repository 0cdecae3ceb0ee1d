/** Several shards of one bot in one process: a session each, one limit of identifies, one memory of what was received. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Ref from "effect/Ref"
import * as fc from "fast-check"
import { Gateway } from "@effect-qq/core"
import { Fault, TestPlatform } from "@effect-qq/core/testing"
import * as Shards from "../../../packages/core/src/gateway/Shards.ts"
import * as Bot from "../../support/bot.ts"
import { inject } from "../../support/bot.ts"

const identifies = Effect.map(Bot.counters, (counters) => counters.identifies)

const states = Effect.flatMap(Gateway.shards, (shards) =>
  Effect.map(shards.get, (all) => all.map(({ shard, state }) => `${shard.join("/")} ${state._tag}`))
)

/** A bot that writes down which guild messages it hears. */
const start = Effect.gen(function* () {
  const heard = yield* Ref.make<ReadonlyArray<string>>([])
  const fiber = yield* Effect.forkScoped(
    Gateway.run(
      Gateway.on(["AT_MESSAGE_CREATE", "C2C_MESSAGE_CREATE"], ({ envelope }) =>
        Ref.update(heard, (all) => [...all, (envelope.d as { readonly content: string }).content.replace(/^<.*> /, "")])
      )
    )
  )
  yield* Bot.settle
  return { fiber, heard: Ref.get(heard) }
})

const intents = (1 << 25) | (1 << 30)

/** Guilds of which shard 0, 1, 2 and 3 of four hear. */
const guild = (shard: number): string => String((BigInt(1000 + shard) << 22n) | 77n)

const sayIn = (shard: number, text: string) =>
  Effect.zipRight(
    Effect.flatMap(TestPlatform.TestPlatform, (platform) =>
      platform.channelMessage({ guild: guild(shard), channel: `c${shard}`, text })
    ),
    Bot.settle
  )

const connectionOf = (index: number) =>
  Effect.map(Bot.entries("Received"), (frames) => {
    const mine = frames.filter(({ op, shard }) => op === 2 && shard?.startsWith(`${index}/`) === true)
    return mine.at(-1)?.connection ?? -1
  })

describe("four shards, two identifies in five seconds", () => {
  it.effect("identify when they may, and not a moment later", () =>
    Effect.gen(function* () {
      yield* start
      yield* Bot.advance("1 minute")
      assert.deepStrictEqual(
        (yield* identifies).map(({ at, shard }) => [shard, at]),
        [
          ["0/4", 0],
          ["1/4", 0],
          ["2/4", 5250],
          ["3/4", 5250]
        ]
      )
      assert.deepStrictEqual(yield* states, ["0/4 Ready", "1/4 Ready", "2/4 Ready", "3/4 Ready"])
      const { violations } = yield* Bot.counters
      assert.strictEqual(violations, 0)
    }).pipe(Bot.on({ platform: { sessionLimit: { maxConcurrency: 2 } }, bot: { shards: 4, intents } }))
  )

  it.effect("are ready when the last of them is", () =>
    Effect.gen(function* () {
      yield* start
      const ready = yield* Effect.fork(Gateway.ready)
      yield* Bot.advance("4 seconds")
      assert.isNull(ready.unsafePoll())
      assert.notStrictEqual(yield* Bot.state, "Ready")
      yield* Bot.advance("2 seconds")
      yield* Fiber.join(ready)
      assert.strictEqual(yield* Bot.state, "Ready")
    }).pipe(Bot.on({ platform: { sessionLimit: { maxConcurrency: 2 } }, bot: { shards: 4, intents } }))
  )
})

describe("the shards of one process", () => {
  it.effect("hear of their guilds each, and of every event once", () =>
    Effect.gen(function* () {
      const bot = yield* start
      yield* Bot.advance("30 seconds")
      for (const shard of [0, 1, 2, 3]) yield* sayIn(shard, `in ${shard}`)
      yield* Effect.flatMap(TestPlatform.TestPlatform, (platform) => platform.privateMessage({ user: "u", text: "hi" }))
      yield* Bot.settle
      assert.deepStrictEqual(yield* bot.heard, ["in 0", "in 1", "in 2", "in 3", "hi"])
    }).pipe(Bot.on({ platform: { sessionLimit: { maxConcurrency: 4 } }, bot: { shards: 4, intents } }))
  )

  it.effect("fall and come back alone, and lose nothing", () =>
    Effect.gen(function* () {
      const bot = yield* start
      yield* Bot.advance("30 seconds")
      yield* inject(Fault.close(4009, { connection: yield* connectionOf(2) }))
      yield* Bot.settle
      assert.deepStrictEqual(
        (yield* states).filter((state) => !state.endsWith("Ready")).map((state) => state.split(" ")[0]),
        ["2/4"]
      )
      for (const shard of [0, 1, 2, 3]) yield* sayIn(shard, `in ${shard}`)
      yield* Bot.advance("5 seconds")
      assert.deepStrictEqual((yield* bot.heard).toSorted(), ["in 0", "in 1", "in 2", "in 3"])
      assert.deepStrictEqual(yield* states, ["0/4 Ready", "1/4 Ready", "2/4 Ready", "3/4 Ready"])
      assert.strictEqual((yield* identifies).length, 4)
    }).pipe(Bot.on({ platform: { sessionLimit: { maxConcurrency: 4 } }, bot: { shards: 4, intents } }))
  )

  it.effect("resume their own sessions after a restart", () =>
    Effect.gen(function* () {
      const first = yield* start
      yield* Bot.advance("30 seconds")
      yield* sayIn(1, "before")
      yield* Fiber.interrupt(first.fiber)
      yield* sayIn(1, "meanwhile")
      yield* sayIn(3, "meanwhile too")
      const second = yield* start
      yield* Bot.advance("5 seconds")
      assert.deepStrictEqual((yield* second.heard).toSorted(), ["meanwhile", "meanwhile too"])
      assert.strictEqual((yield* identifies).length, 4)
    }).pipe(Bot.on({ platform: { sessionLimit: { maxConcurrency: 4 } }, bot: { shards: 4, intents } }))
  )

  it.effect("all stop when one has stopped for good", () =>
    Effect.gen(function* () {
      const bot = yield* start
      yield* Bot.advance("30 seconds")
      yield* inject(Fault.close(4915, { connection: yield* connectionOf(1) }))
      yield* Bot.advance("10 seconds")
      assert.include(yield* Bot.ending(bot), "GatewayStopped")
      assert.strictEqual(yield* Bot.state, "Stopped")
    }).pipe(Bot.on({ platform: { sessionLimit: { maxConcurrency: 4 } }, bot: { shards: 4, intents } }))
  )

  it.effect("go on without one that has stopped for good, if so wished, until all have", () =>
    Effect.gen(function* () {
      const bot = yield* start
      yield* Bot.advance("30 seconds")
      yield* inject(Fault.close(4915, { connection: yield* connectionOf(1) }))
      yield* Bot.advance("10 seconds")
      assert.deepStrictEqual(yield* states, ["0/2 Ready", "1/2 Stopped"])
      assert.strictEqual(yield* Bot.state, "Ready")
      yield* Gateway.ready
      yield* Effect.flatMap(TestPlatform.TestPlatform, (platform) => platform.privateMessage({ user: "u", text: "hi" }))
      yield* Bot.settle
      assert.deepStrictEqual(yield* bot.heard, ["hi"])
      yield* inject(Fault.close(4915, { connection: yield* connectionOf(0) }))
      yield* Bot.advance("10 seconds")
      assert.include(yield* Bot.ending(bot), "GatewayStopped")
      assert.strictEqual((yield* Effect.flip(Gateway.ready))._tag, "GatewayStopped")
    }).pipe(
      Bot.on({
        platform: { sessionLimit: { maxConcurrency: 4 } },
        bot: { shards: 2, intents, onShardStopped: "continue" }
      })
    )
  )
})

describe("how many shards", () => {
  it.effect("some of many: only those run here", () =>
    Effect.gen(function* () {
      const bot = yield* start
      yield* Bot.advance("30 seconds")
      assert.deepStrictEqual(yield* states, ["1/4 Ready", "3/4 Ready"])
      for (const shard of [0, 1, 2, 3]) yield* sayIn(shard, `in ${shard}`)
      assert.deepStrictEqual(yield* bot.heard, ["in 1", "in 3"])
    }).pipe(
      Bot.on({ platform: { sessionLimit: { maxConcurrency: 4 } }, bot: { shards: { of: 4, run: [1, 3] }, intents } })
    )
  )

  it.effect("as many as the platform recommends", () =>
    Effect.gen(function* () {
      yield* start
      yield* Bot.advance("30 seconds")
      assert.deepStrictEqual(yield* states, ["0/3 Ready", "1/3 Ready", "2/3 Ready"])
    }).pipe(
      Bot.on({ platform: { sessionLimit: { maxConcurrency: 4 }, shards: 3 }, bot: { shards: "recommended", intents } })
    )
  )

  it.effect("waits for the recommendation on the ladder of the start, and says so", () =>
    Effect.gen(function* () {
      yield* inject(Fault.http("metadata", Fault.body(200, "null"), { times: 3 }))
      yield* start
      yield* Bot.advance("14 seconds")
      assert.strictEqual(yield* Bot.state, "Waiting")
      // after 5, 10 and 30 s
      yield* Bot.advance("32 seconds")
      assert.deepStrictEqual(yield* states, ["0/2 Ready", "1/2 Ready"])
    }).pipe(
      Bot.on({ platform: { sessionLimit: { maxConcurrency: 4 }, shards: 2 }, bot: { shards: "recommended", intents } })
    )
  )

  it.effect("asks at once when it is told to reconnect", () =>
    Effect.gen(function* () {
      yield* inject(Fault.http("metadata", Fault.body(200, "null"), { times: 3 }))
      yield* start
      yield* Bot.advance("16 seconds")
      assert.strictEqual(yield* Bot.state, "Waiting")
      yield* Gateway.reconnectNow
      yield* Bot.advance("1 second")
      assert.deepStrictEqual(yield* states, ["0/2 Ready", "1/2 Ready"])
      yield* Gateway.reconnectNow
      yield* Bot.advance("1 second")
      assert.deepStrictEqual(yield* states, ["0/2 Ready", "1/2 Ready"])
      assert.strictEqual((yield* Bot.dials).length, 4)
    }).pipe(
      Bot.on({ platform: { sessionLimit: { maxConcurrency: 4 }, shards: 2 }, bot: { shards: "recommended", intents } })
    )
  )

  it.effect("a bot that is refused while it asks has stopped", () =>
    Effect.gen(function* () {
      yield* inject(Fault.ipNotAllowed)
      const bot = yield* start
      const ready = yield* Effect.fork(Effect.flip(Gateway.ready))
      yield* Bot.advance("10 minutes")
      assert.include(yield* Bot.ending(bot), "GatewayStopped")
      assert.strictEqual((yield* Fiber.join(ready))._tag, "GatewayStopped")
      assert.strictEqual(yield* Bot.state, "Stopped")
    }).pipe(Bot.on({ bot: { shards: "recommended", intents } }))
  )
})

describe("too many shards", () => {
  for (const recommended of [1001, 200_000, 2 ** 32, 999_999_999_999_999]) {
    it.effect(`${recommended} that are recommended end the run at once, with a hint`, () =>
      Effect.gen(function* () {
        const bot = yield* start
        yield* Bot.settle
        assert.include(yield* Bot.ending(bot), `GatewayStopped: the gateway rejects this bot: ${recommended} shards`)
        assert.strictEqual(yield* Bot.state, "Stopped")
        const status = yield* Effect.flatMap(Gateway.status, ({ get }) => get)
        assert.include(status.state._tag === "Stopped" ? status.state.because.hint : "", "maximumShards")
      }).pipe(Bot.on({ platform: { shards: recommended }, bot: { shards: "recommended", intents } }))
    )
  }

  for (const configured of [1001, 2 ** 32, Number.POSITIVE_INFINITY, Number.NaN]) {
    it.effect(`${configured} that are configured end the run at once, with a hint`, () =>
      Effect.gen(function* () {
        const bot = yield* start
        assert.include(yield* Bot.ending(bot), `${configured} shards are configured`)
      }).pipe(Bot.on({ bot: { shards: configured, intents } }))
    )
  }

  it.effect("are as many as the policy says", () =>
    Effect.gen(function* () {
      const bot = yield* start
      assert.include(yield* Bot.ending(bot), "5 shards are configured, and one process runs 4 at most")
    }).pipe(Bot.on({ bot: { shards: { of: 9, run: [0, 1, 2, 3, 4] }, session: { maximumShards: 4 }, intents } }))
  )
})

describe("1000 shards", () => {
  it.effect("that wait for their turn to identify hold no socket", () =>
    Effect.gen(function* () {
      yield* start
      // the others wait for their turn to identify without a socket
      assert.isAtMost((yield* Bot.counters).openSockets, 1)
    }).pipe(Bot.on({ platform: { shards: 1000 }, bot: { shards: "recommended", intents } }))
  )
})

describe("shards that resume their sessions", () => {
  it.effect("dial as many at a time as the policy says, and the others as soon as these are Ready", () =>
    Effect.gen(function* () {
      const first = yield* start
      yield* Bot.advance("1 minute")
      yield* Fiber.interrupt(first.fiber)
      const before = (yield* Bot.dials).length
      yield* inject(Fault.silentUpgrade({ times: 8 }))
      yield* start
      yield* Bot.advance("9 seconds")
      assert.strictEqual((yield* Bot.dials).length - before, 2)
      yield* Bot.advance("2 minutes")
      assert.deepStrictEqual(
        (yield* states).map((state) => state.slice(4)),
        Array.from({ length: 8 }, () => "Ready")
      )
      assert.strictEqual((yield* Bot.introductions).filter((how) => how === "resume").length, 8)
    }).pipe(
      Bot.on({
        platform: { shards: 8, sessionLimit: { maxConcurrency: 8 } },
        bot: { shards: 8, session: { jitter: 0, concurrentHandshakes: 2 } }
      })
    )
  )
})

describe("the shard of a guild", () => {
  it("is one of those there are, and the documented one", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), fc.integer({ min: 1, max: 64 }), (id, count) => {
        const shard = Shards.ofGuild(id, count)
        assert.isTrue(Number.isInteger(shard) && shard >= 0 && shard < count)
        assert.strictEqual(BigInt(shard), (id >> 22n) % BigInt(count))
      })
    )
    assert.strictEqual(Shards.ofGuild(BigInt(guild(3)), 4), (1000 + 3) % 4)
  })
})
