import { assert, describe, it } from "@effect/vitest"
import { Gateway, Intents } from "@effect-qq/core"
import { Fault, TestPlatform } from "@effect-qq/core/testing"
import { SystemError } from "@effect/platform/Error"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Ref from "effect/Ref"
import * as fc from "fast-check"
import * as Bot from "../../support/bot.ts"
import { inject, say } from "../../support/bot.ts"

/** Ends the bot and says how long that took in virtual time: nothing, for the clock stands still. */
const shutDown = (bot: Bot.Running) =>
  Effect.gen(function* () {
    yield* Fiber.interrupt(bot.fiber)
    yield* Bot.settle
    const { openSockets } = yield* Bot.counters
    assert.strictEqual(openSockets, 0)
  })

const gaps = (times: ReadonlyArray<number>): ReadonlyArray<number> =>
  times.slice(1).map((time, index) => time - (times[index] ?? 0))

const noJitter = { session: { jitter: 0 } }

/** For handlers that never end: the test would wait for them with its clock standing still. */
const noDrain = { delivery: { drainTimeout: Duration.zero } }

describe("a session", () => {
  it.effect("identifies with the intents its handlers need, and is Ready", () =>
    Effect.gen(function* () {
      yield* Bot.online
      const [identify] = yield* Bot.received(2)
      assert.strictEqual(identify?.intents, Intents.Intent.GROUP_AND_C2C_EVENT)
      assert.strictEqual(yield* Bot.state, "Ready")
    }).pipe(Bot.on())
  )

  it.effect("hands events to handlers in order and once", () =>
    Effect.gen(function* () {
      const bot = yield* Bot.online
      for (let i = 0; i < 20; i++) yield* say(String(i))
      yield* Bot.settle
      assert.deepStrictEqual(
        yield* bot.heard,
        Array.from({ length: 20 }, (_, i) => String(i))
      )
    }).pipe(Bot.on())
  )

  it.effect("an explicit set of intents wins", () =>
    Effect.gen(function* () {
      yield* Bot.online
      const [identify] = yield* Bot.received(2)
      assert.strictEqual(identify?.intents, Intents.make("GROUP_AND_C2C_EVENT", "INTERACTION"))
    }).pipe(Bot.on({ bot: { intents: Intents.make("GROUP_AND_C2C_EVENT", "INTERACTION") } }))
  )

  it.effect("a second run of the same bot is refused", () =>
    Effect.gen(function* () {
      yield* Bot.online
      const second = yield* Bot.listen
      const exit = yield* Fiber.await(second.fiber)
      assert.strictEqual(exit._tag === "Failure" && Cause.squash(exit.cause) instanceof Gateway.AlreadyRunning, true)
      assert.strictEqual((yield* Bot.counters).maxOpenSockets, 1)
    }).pipe(Bot.on())
  )

  it.effect("reports its true status at any time", () =>
    Effect.gen(function* () {
      const status = Effect.flatMap(Gateway.status, ({ get }) => get)
      assert.strictEqual((yield* status).state._tag, "Disconnected")
      yield* inject(Fault.unreachable({ times: 2 }))
      yield* Bot.listen
      const waiting = yield* status
      assert.strictEqual(waiting.state._tag === "Waiting" && waiting.state.until, 5000)
      assert.strictEqual(waiting.attempt, 1)
      assert.strictEqual(waiting.lastEnd?._tag, "ConnectionLost")
      yield* Bot.advance("5 seconds")
      assert.strictEqual((yield* status).attempt, 2)
      yield* Bot.advance("10 seconds")
      yield* say("one")
      yield* Bot.advance("40 seconds")
      const ready = yield* status
      assert.strictEqual(ready.state._tag, "Ready")
      assert.deepInclude(ready, { attempt: 0, received: 2, watermark: 2, roundTrip: 0 })
      assert.isAtMost(ready.lastFrameAge ?? 99_999, 41_250)
      assert.deepStrictEqual(yield* Gateway.health, { state: "Ready", lastFrameAge: ready.lastFrameAge, unsettled: 0 })
    }).pipe(Bot.on({ bot: noJitter }))
  )

  it.effect("openclaw_qqbot_148_resumed_is_online: RESUMED makes it Ready like READY", () =>
    Effect.gen(function* () {
      yield* Bot.online
      yield* inject(Fault.drop())
      yield* Bot.settle
      assert.strictEqual(yield* Bot.state, "Waiting")
      yield* Bot.advance("2 seconds")
      assert.strictEqual(yield* Bot.state, "Ready")
      assert.deepStrictEqual(yield* Bot.introductions, ["identify", "resume"])
    }).pipe(Bot.on())
  )
})

describe("heartbeats", () => {
  it.effect("go out at the interval of HELLO, after a first random part of it, with the last seq", () =>
    Effect.gen(function* () {
      yield* Bot.online
      yield* say("one")
      yield* Bot.advance("10 minutes")
      const beats = yield* Bot.received(1)
      const regular = gaps(beats.map(({ at }) => at)).slice(1)
      assert.isAtLeast(regular.length, 12)
      assert.isTrue(regular.every((gap) => gap === 41_250))
      assert.strictEqual(beats.at(-1)?.d, 2)
      const { maxOpenSockets } = yield* Bot.counters
      assert.strictEqual(maxOpenSockets, 1)
      assert.strictEqual((yield* Bot.introductions).length, 1)
    }).pipe(Bot.on())
  )

  it.effect("one goes out by 25 s, so that the ladder can start over", () =>
    Effect.gen(function* () {
      yield* Bot.online
      yield* Bot.advance("25 seconds")
      assert.isAtLeast((yield* Bot.received(1)).length, 1)
    }).pipe(Bot.on({ platform: { heartbeatInterval: 600_000 } }))
  )

  it.effect("ten bots that were dropped together do not beat together", () =>
    Effect.gen(function* () {
      const firsts: Array<number> = []
      for (let seed = 0; seed < 10; seed++) {
        const first = yield* Effect.gen(function* () {
          yield* Bot.online
          yield* Bot.advance("45 seconds")
          const beats = yield* Bot.received(1)
          return (beats[0]?.at ?? 0) % 100_000
        }).pipe(Bot.on(), Effect.withRandom(Random.make(seed)))
        firsts.push(first)
      }
      assert.isAtLeast(new Set(firsts).size, 8)
    })
  )

  for (const [name, value] of [
    ["null", null],
    ["negative", -1],
    ["text", "soon"],
    ["huge", 1e12],
    ["zero", 0],
    ["missing", undefined]
  ] as const) {
    it.effect(`a HELLO with an interval that is ${name} still beats`, () =>
      Effect.gen(function* () {
        yield* inject(Fault.hello(value))
        yield* Bot.online
        yield* Bot.advance("21 minutes")
        assert.isAtLeast((yield* Bot.received(1)).length, 2)
        assert.strictEqual((yield* Bot.introductions).length, 1)
      }).pipe(Bot.on({ platform: { heartbeatTolerance: 1000 } }))
    )
  }

  it.effect("a numeric string is a number", () =>
    Effect.gen(function* () {
      yield* inject(Fault.hello("10000"))
      yield* Bot.online
      yield* Bot.advance("61 seconds")
      assert.isAtLeast((yield* Bot.received(1)).length, 6)
    }).pipe(Bot.on())
  )

  it.effect("a server's op 1 is answered at once", () =>
    Effect.gen(function* () {
      yield* Bot.online
      yield* inject(Fault.serverHeartbeat())
      yield* Bot.settle
      assert.strictEqual((yield* Bot.received(1)).length, 1)
    }).pipe(Bot.on())
  )

  it.effect("hermes_19821_half_open: a silent line is replaced within an interval and 15 s, and resumed", () =>
    Effect.gen(function* () {
      const bot = yield* Bot.online
      yield* Bot.advance("5 minutes")
      yield* inject(Fault.freeze())
      yield* say("while it was deaf")
      yield* Bot.advance(Duration.millis(41_250 + 15_000 + 2000))
      assert.strictEqual(yield* Bot.state, "Ready")
      assert.deepStrictEqual(yield* Bot.introductions, ["identify", "resume"])
      assert.deepStrictEqual(yield* bot.heard, ["while it was deaf"])
      const lastEnd = yield* Effect.flatMap(Gateway.status, (status) => status.get)
      assert.strictEqual(lastEnd.lastEnd?._tag, "HeartbeatTimeout")
    }).pipe(Bot.on())
  )

  it.effect("a half-open line is no time spent Ready: it does not make the ladder start over", () =>
    Effect.gen(function* () {
      const until = (wanted: string): Effect.Effect<void, never, Gateway.Gateway> =>
        Effect.flatMap(Bot.state, (state) =>
          state === wanted ? Effect.void : Effect.zipRight(Bot.advance("1 second"), until(wanted))
        )
      yield* Bot.online
      for (const rung of [1000, 20_000, 200_000]) {
        yield* until("Ready")
        // less than the ladder needs to start over; the line is half open for up to 35 s more
        yield* Bot.advance("22 seconds")
        yield* inject(Fault.freeze())
        yield* until("Waiting")
        const { state } = yield* Effect.flatMap(Gateway.status, ({ get }) => get)
        const left = state._tag === "Waiting" ? (state.until ?? 0) - (yield* Clock.currentTimeMillis) : 0
        assert.isAtMost(left, rung)
        assert.isAbove(left, rung - 1000)
      }
    }).pipe(
      Bot.on({
        platform: { heartbeatInterval: 20_000 },
        bot: { session: { jitter: 0, reconnectLadder: [1, 20, 200].map((wait) => Duration.seconds(wait)) } }
      })
    )
  )

  it.effect("C.3_4 an ACK that never comes is noticed, and probed for once", () =>
    Effect.gen(function* () {
      yield* Bot.online
      yield* Bot.advance("5 minutes")
      const before = (yield* Bot.received(1)).length
      yield* inject(Fault.stopAcks())
      yield* Bot.advance("58 seconds")
      const beats = (yield* Bot.received(1)).slice(before)
      assert.isAtLeast(beats.length, 2)
      assert.strictEqual((beats[1]?.at ?? 0) - (beats[0]?.at ?? 0), 10_000)
      assert.strictEqual((yield* Bot.introductions).at(-1), "resume")
    }).pipe(Bot.on())
  )

  it.effect("discordeno_2311: any frame is a sign of life", () =>
    Effect.gen(function* () {
      yield* Bot.online
      yield* inject(Fault.stopAcks())
      for (let i = 0; i < 60; i++) {
        yield* Bot.advance("4 seconds")
        yield* say(String(i))
        yield* Bot.settle
      }
      assert.deepStrictEqual(yield* Bot.introductions, ["identify"])
    }).pipe(Bot.on())
  )

  it.effect("are not delayed by handlers that never return", () =>
    Effect.gen(function* () {
      yield* Effect.forkScoped(Gateway.run(Gateway.on("C2C_MESSAGE_CREATE", () => Effect.never)))
      yield* Gateway.ready
      for (let i = 0; i < 100; i++) yield* say(String(i), `u${i}`)
      yield* Bot.advance("5 minutes")
      const beats = (yield* Bot.received(1)).map(({ at }) => at)
      assert.isTrue(
        gaps(beats)
          .slice(1)
          .every((gap) => gap === 41_250)
      )
      assert.isAtLeast(beats.length, 7)
    }).pipe(Bot.on({ bot: noDrain }))
  )

  it.effect("report the settled seq where the policy wants that", () =>
    Effect.gen(function* () {
      yield* Effect.forkScoped(Gateway.run(Gateway.on("C2C_MESSAGE_CREATE", () => Effect.never)))
      yield* Gateway.ready
      yield* say("never settled")
      yield* Bot.advance("1 minute")
      assert.strictEqual((yield* Bot.received(1)).at(-1)?.d, 1)
    }).pipe(Bot.on({ bot: { session: { heartbeatSeq: "settled" }, ...noDrain } }))
  )
})

describe("op 7", () => {
  it.effect("resumes within a second on a new socket", () =>
    Effect.gen(function* () {
      const bot = yield* Bot.online
      yield* Bot.advance("1 minute")
      yield* inject(Fault.reconnect())
      yield* Bot.settle
      yield* say("meanwhile")
      yield* Bot.advance("1 second")
      assert.strictEqual(yield* Bot.state, "Ready")
      assert.deepStrictEqual(yield* Bot.introductions, ["identify", "resume"])
      assert.deepStrictEqual(yield* bot.heard, ["meanwhile"])
      assert.strictEqual((yield* Bot.counters).maxOpenSockets, 1)
    }).pipe(Bot.on())
  )

  it.effect("openclaw_78890_late_close: the 4009 that follows is not heard", () =>
    Effect.gen(function* () {
      yield* Bot.online
      yield* Bot.advance("1 minute")
      yield* inject(Fault.reconnect({ thenClose: { code: 4009, after: 500 } }))
      yield* Bot.advance("10 seconds")
      assert.deepStrictEqual(yield* Bot.introductions, ["identify", "resume"])
      const status = yield* Effect.flatMap(Gateway.status, (s) => s.get)
      assert.strictEqual(status.lastEnd?._tag, "ReconnectRequested")
      assert.strictEqual(status.state._tag, "Ready")
    }).pipe(Bot.on())
  )

  it.effect("openclaw_65579_every_half_hour: a day of op 7 and 4009 costs no event and no identify", () =>
    Effect.gen(function* () {
      const bot = yield* Bot.online
      for (let i = 0; i < 20; i++) {
        yield* Bot.advance("30 minutes")
        yield* inject(i % 2 === 0 ? Fault.reconnect() : Fault.close(4009))
        yield* say(String(i))
        yield* Bot.advance("2 seconds")
      }
      assert.deepStrictEqual(
        yield* bot.heard,
        Array.from({ length: 20 }, (_, i) => String(i))
      )
      const introductions = yield* Bot.introductions
      assert.deepStrictEqual(introductions, ["identify", ...Array.from({ length: 20 }, () => "resume")])
      assert.strictEqual((yield* Bot.counters).maxOpenSockets, 1)
    }).pipe(Bot.on({ platform: { heartbeatInterval: 600_000 } }))
  )

  it.effect("after every RESUMED takes the ladder", () =>
    Effect.gen(function* () {
      yield* Bot.online
      for (let i = 0; i < 6; i++) {
        yield* inject(Fault.reconnect())
        yield* Bot.settle
        yield* Effect.iterate(0, {
          while: (n) => n < 80,
          body: (n) =>
            Effect.flatMap(Bot.state, (state) =>
              state === "Ready" ? Effect.succeed(80) : Effect.as(Bot.advance("1 second"), n + 1)
            )
        })
      }
      const waits = gaps(yield* Bot.dials)
      assert.isAtMost(waits[0] ?? 99, 1)
      for (const [index, least] of [1, 2, 5, 10, 30].entries()) assert.isAtLeast(waits[index + 1] ?? 0, least)
    }).pipe(Bot.on({ bot: noJitter }))
  )
})

describe("op 9", () => {
  for (const resumable of [true, false]) {
    it.effect(`d:${resumable} while Ready ${resumable ? "resumes" : "identifies"} after the grace and 3 s`, () =>
      Effect.gen(function* () {
        yield* Bot.online
        yield* Bot.advance("1 minute")
        yield* inject(Fault.invalidSession(resumable))
        yield* Bot.advance("7 seconds")
        assert.strictEqual((yield* Bot.dials).length, 1)
        yield* Bot.advance("2 seconds")
        assert.deepStrictEqual(yield* Bot.introductions, ["identify", resumable ? "resume" : "identify"])
        assert.strictEqual(yield* Bot.state, "Ready")
      }).pipe(Bot.on({ bot: noJitter }))
    )
  }

  it.effect("is not cut short by an op 7 that follows", () =>
    Effect.gen(function* () {
      yield* Bot.online
      yield* Bot.advance("1 minute")
      yield* inject(Fault.invalidSession(false))
      yield* Bot.advance("1 second")
      yield* inject(Fault.reconnect())
      yield* Bot.advance("6 seconds")
      assert.strictEqual((yield* Bot.dials).length, 1)
      yield* Bot.advance("2 seconds")
      assert.deepStrictEqual(yield* Bot.introductions, ["identify", "identify"])
    }).pipe(Bot.on({ bot: noJitter }))
  )

  it.effect("the close frame that follows explains it", () =>
    Effect.gen(function* () {
      const bot = yield* Bot.online
      yield* inject(Fault.invalidSession(false, { thenClose: { code: 4915, after: 200 } }))
      yield* Bot.advance("1 second")
      assert.include(yield* Bot.ending(bot), "banned")
    }).pipe(Bot.on())
  )

  it.effect("while resuming identifies: a refused session is not resumed again", () =>
    Effect.gen(function* () {
      const bot = yield* Bot.online
      yield* inject(Fault.refuseResumes({ times: Number.POSITIVE_INFINITY }))
      yield* inject(Fault.drop())
      yield* Bot.advance("20 seconds")
      assert.deepStrictEqual(yield* Bot.introductions, ["identify", "resume", "identify"])
      assert.strictEqual(yield* Bot.state, "Ready")
      yield* say("on the new session")
      yield* Bot.settle
      assert.deepStrictEqual(yield* bot.heard, ["on the new session"])
    }).pipe(Bot.on())
  )

  it.effect("reasonix_7512_ungranted_intent: ten minutes of them in answer to an identify stop with a hint", () =>
    Effect.gen(function* () {
      yield* inject(Fault.refuseIdentifies({ times: Number.POSITIVE_INFINITY }))
      const bot = yield* Bot.listen
      yield* Bot.advance("590 seconds")
      assert.isNull(bot.fiber.unsafePoll())
      yield* Bot.advance("2 minutes")
      assert.isNotNull(bot.fiber.unsafePoll())
      assert.include(yield* Bot.ending(bot), "intent")
      assert.strictEqual(yield* Bot.state, "Stopped")
      assert.strictEqual((yield* Effect.flip(Gateway.ready))._tag, "GatewayStopped")
    }).pipe(Bot.on())
  )
})

describe("close codes", () => {
  for (const code of [4006, 4007, 4903, 4910, 4777]) {
    it.effect(`${code} identifies on the ladder`, () =>
      Effect.gen(function* () {
        yield* Bot.online
        yield* Bot.advance("1 minute")
        yield* inject(Fault.close(code))
        yield* Bot.advance("900 millis")
        assert.strictEqual((yield* Bot.dials).length, 1)
        yield* Bot.advance("5 seconds")
        assert.deepStrictEqual(yield* Bot.introductions, ["identify", "identify"])
      }).pipe(Bot.on({ bot: noJitter }))
    )
  }

  for (const code of [1000, 1001, 1006, 1011, 1012]) {
    it.effect(`${code} resumes on the ladder`, () =>
      Effect.gen(function* () {
        yield* Bot.online
        yield* Bot.advance("1 minute")
        yield* inject(code === 1006 ? Fault.drop() : Fault.close(code))
        yield* Bot.advance("1 second")
        assert.deepStrictEqual(yield* Bot.introductions, ["identify", "resume"])
      }).pipe(Bot.on({ bot: noJitter }))
    )
  }

  it.effect("4008 waits a minute and resumes", () =>
    Effect.gen(function* () {
      yield* Bot.online
      yield* Bot.advance("1 minute")
      yield* inject(Fault.close(4008))
      yield* Bot.advance("59 seconds")
      assert.strictEqual((yield* Bot.dials).length, 1)
      yield* Bot.advance("1 second")
      assert.deepStrictEqual(yield* Bot.introductions, ["identify", "resume"])
    }).pipe(Bot.on({ bot: noJitter }))
  )

  it.effect("4004 fetches another token and resumes", () =>
    Effect.gen(function* () {
      yield* Bot.online
      yield* Bot.advance("1 minute")
      yield* inject(Fault.tokenRevoked)
      yield* inject(Fault.close(4004))
      yield* Bot.advance("5 seconds")
      assert.deepStrictEqual(yield* Bot.introductions, ["identify", "resume"])
      assert.strictEqual(yield* Bot.state, "Ready")
      const tokens = (yield* Bot.entries("Request")).filter(({ path }) => path.includes("getAppAccessToken"))
      assert.strictEqual(tokens.length, 2)
    }).pipe(Bot.on({ bot: noJitter }))
  )

  for (const code of [4013, 4014, 4015, 4914, 4915]) {
    it.effect(`${code} stops with a hint, and does not hammer`, () =>
      Effect.gen(function* () {
        const bot = yield* Bot.online
        yield* inject(Fault.close(code))
        yield* Bot.advance("1 hour")
        assert.include(yield* Bot.ending(bot), "GatewayStopped")
        assert.strictEqual((yield* Bot.dials).length, 1)
      }).pipe(Bot.on())
    )
  }

  for (const code of [4010, 4011, 4012]) {
    it.effect(`${code} stops a bot that was never Ready`, () =>
      Effect.gen(function* () {
        yield* inject(Fault.refuseIdentifies({ invalidSession: false, code }))
        const bot = yield* Bot.listen
        yield* Bot.advance("1 minute")
        assert.isNotNull(bot.fiber.unsafePoll())
        assert.include(yield* Bot.ending(bot), "GatewayStopped")
      }).pipe(Bot.on())
    )
  }

  for (const [name, refusal] of [
    ["op 9", {}],
    ["op 9 and 4903", { code: 4903 }],
    ...[4903, 4001, 4002, 4010, 4011, 4012].map((code) => [String(code), { invalidSession: false, code }] as const)
  ] as const) {
    it.effect(`${name} never ends a bot that was Ready: it waits on the identify ladder, then every ten minutes`, () =>
      Effect.gen(function* () {
        const bot = yield* Bot.online
        yield* Bot.advance("23 hours")
        const before = (yield* Bot.dials).length
        yield* inject(Fault.refuseIdentifies({ ...refusal, times: Number.POSITIVE_INFINITY }))
        yield* inject(Fault.forgetSessions)
        yield* inject(Fault.drop())
        yield* Bot.advance("1 hour")
        assert.isNull(bot.fiber.unsafePoll())
        assert.strictEqual(yield* Bot.state, "Waiting")
        const waits = gaps((yield* Bot.dials).slice(before))
        assert.isAtMost(Math.max(...waits.slice(0, 6)), 70)
        assert.isAtLeast(Math.min(...waits.slice(-3)), 600)
        assert.isAtMost(Math.max(...waits), 610)
        yield* inject(Fault.clear)
        yield* Bot.advance("611 seconds")
        assert.strictEqual(yield* Bot.state, "Ready")
      }).pipe(Bot.on({ platform: { heartbeatInterval: 600_000 }, bot: noJitter }))
    )
  }

  it.effect("op 9 that 4004 explains is about the token: the intents stay as they are", () =>
    Effect.gen(function* () {
      yield* inject(Fault.refuseIdentifies({ code: 4004, times: 2 }))
      yield* Bot.listen
      yield* Bot.advance("5 minutes")
      assert.strictEqual(yield* Bot.state, "Ready")
      const status = yield* Effect.flatMap(Gateway.status, ({ get }) => get)
      assert.strictEqual(status.lastEnd?._tag === "SessionInvalid" && status.lastEnd.code, 4004)
    }).pipe(Bot.on({ bot: noJitter }))
  )

  it.effect("4014 tries the caller's fallback intents first", () =>
    Effect.gen(function* () {
      yield* Bot.listen
      yield* Bot.advance("5 minutes")
      assert.strictEqual(yield* Bot.state, "Ready")
      const identifies = yield* Bot.received(2)
      assert.strictEqual(identifies.at(-1)?.intents, Intents.Intent.GROUP_AND_C2C_EVENT)
    }).pipe(
      Bot.on({
        platform: { grantedIntents: Intents.Intent.GROUP_AND_C2C_EVENT },
        bot: {
          intents: Intents.make("GROUP_AND_C2C_EVENT", "GUILD_MESSAGES"),
          fallbackIntents: [Intents.Intent.GROUP_AND_C2C_EVENT]
        }
      })
    )
  )

  it.effect("4009 under the strict reading identifies", () =>
    Effect.gen(function* () {
      yield* Bot.online
      yield* Bot.advance("30 minutes")
      yield* inject(Fault.close(4009))
      yield* Bot.advance("10 seconds")
      assert.deepStrictEqual(yield* Bot.introductions, ["identify", "identify"])
    }).pipe(Bot.on({ bot: { session: { expiredSession: "identify" } } }))
  )
})

describe("resuming", () => {
  it.effect("hermes_22179_endless_stale_resume: two that are not answered, then an identify", () =>
    Effect.gen(function* () {
      yield* Bot.online
      yield* inject(Fault.ignoreResumes({ times: Number.POSITIVE_INFINITY }))
      yield* inject(Fault.drop())
      yield* Bot.advance("3 minutes")
      assert.deepStrictEqual(yield* Bot.introductions, ["identify", "resume", "resume", "identify"])
      assert.strictEqual(yield* Bot.state, "Ready")
    }).pipe(Bot.on())
  )

  it.effect("replays what was missed, before RESUMED, and hands each event on once", () =>
    Effect.gen(function* () {
      const bot = yield* Bot.online
      yield* say("a")
      yield* Bot.settle
      yield* inject(Fault.drop())
      yield* Bot.settle
      yield* say("b")
      yield* say("c")
      yield* inject(Fault.replayMore(5))
      yield* Bot.advance("2 seconds")
      assert.deepStrictEqual(yield* bot.heard, ["a", "b", "c"])
    }).pipe(Bot.on())
  )

  it.effect("bot_docs_191_deaf_after_days: a session is replaced after a day, at a quiet moment", () =>
    Effect.gen(function* () {
      const bot = yield* Bot.online
      yield* Bot.advance("23 hours")
      assert.strictEqual((yield* Bot.introductions).length, 1)
      yield* inject(Fault.deafen)
      yield* Bot.advance("61 minutes")
      assert.deepStrictEqual(yield* Bot.introductions, ["identify", "identify"])
      yield* say("heard again")
      yield* Bot.settle
      assert.deepStrictEqual(yield* bot.heard, ["heard again"])
    }).pipe(Bot.on({ platform: { heartbeatInterval: 600_000 } }))
  )

  it.effect("an old session is left and the next one dialled in one moment, whatever the jitter", () =>
    Effect.gen(function* () {
      yield* Bot.online
      yield* Bot.advance("25 hours")
      const left = (yield* Bot.entries("Closed")).filter(({ by }) => by === "client")
      const dialled = (yield* Bot.entries("Upgrade")).map(({ at }) => at)
      assert.strictEqual(left.length, 1)
      assert.strictEqual(dialled.length, 2)
      assert.strictEqual(dialled[1], left[0]?.at)
      assert.deepStrictEqual(yield* Bot.introductions, ["identify", "identify"])
    }).pipe(Bot.on({ platform: { heartbeatInterval: 600_000 } }))
  )

  it.effect("a stored session is resumed by the next process from the watermark", () =>
    Effect.gen(function* () {
      const first = yield* Effect.scoped(
        Effect.gen(function* () {
          const bot = yield* Bot.online
          yield* say("before")
          yield* Bot.settle
          yield* Fiber.interrupt(bot.fiber)
          return yield* bot.heard
        })
      )
      yield* say("between")
      const second = yield* Bot.online
      yield* Bot.settle
      assert.deepStrictEqual(first, ["before"])
      assert.deepStrictEqual(yield* second.heard, ["between"])
      assert.deepStrictEqual(yield* Bot.introductions, ["identify", "resume"])
    }).pipe(Bot.on())
  )

  it.effect("a session that begins is stored at once, however long the pause between two saves is", () =>
    Effect.gen(function* () {
      const store = yield* KeyValueStore.KeyValueStore
      const stored = Effect.map(
        store.get("session.1905000001.0-1"),
        Option.getOrElse(() => "")
      )
      yield* Bot.online
      const first = yield* stored
      yield* Bot.advance("30 seconds")
      yield* inject(Fault.invalidSession(false))
      yield* Bot.advance("9 seconds")
      assert.deepStrictEqual(yield* Bot.introductions, ["identify", "identify"])
      const second = yield* stored
      const read = (text: string) => JSON.parse(text) as { readonly sessionId: string; readonly dropped?: boolean }
      assert.notStrictEqual(read(second).sessionId, read(first).sessionId)
      assert.isUndefined(read(second).dropped)
    }).pipe(Bot.on({ bot: { ...noJitter, delivery: { saveEvery: Duration.minutes(10) } } }))
  )

  it.effect("a store that fails is tried again until it takes the session", () =>
    Effect.gen(function* () {
      const store = yield* KeyValueStore.KeyValueStore
      const broken = yield* Ref.make(true)
      const flaky = KeyValueStore.make({
        ...store,
        set: (key, value) =>
          Effect.flatMap(Ref.get(broken), (isBroken) =>
            isBroken && key.startsWith("session")
              ? Effect.fail(
                  new SystemError({
                    reason: "Unknown",
                    module: "KeyValueStore",
                    method: "set",
                    description: "disk full"
                  })
                )
              : store.set(key, value)
          )
      })
      yield* Effect.gen(function* () {
        yield* Bot.online
        yield* Bot.advance("2 minutes")
        assert.isTrue(Option.isNone(yield* store.get("session.1905000001.0-1")))
        yield* Ref.set(broken, false)
        yield* Bot.advance("1 minute")
        assert.isTrue(Option.isSome(yield* store.get("session.1905000001.0-1")))
      }).pipe(
        Effect.scoped,
        Effect.provide(
          Layer.fresh(TestPlatform.layerBot({ hosts: Bot.ownHosts })).pipe(
            Layer.provide(Layer.succeed(KeyValueStore.KeyValueStore, flaky))
          )
        )
      )
    }).pipe(Effect.scoped, Effect.provide(TestPlatform.layerPlatform()))
  )

  it.effect("the token of an identify is fetched after the wait for the limit", () =>
    Effect.gen(function* () {
      yield* Bot.listen
      yield* Bot.advance("4 hours")
      yield* Bot.advance("1 minute")
      assert.strictEqual(yield* Bot.state, "Ready")
      assert.deepStrictEqual(yield* Bot.introductions, ["identify"])
    }).pipe(Bot.on({ platform: { sessionLimit: { remaining: 0, resetAfter: 14_400_000 } } }))
  )

  it.effect("is not possible after onShutdown end", () =>
    Effect.gen(function* () {
      const bot = yield* Bot.online
      yield* Fiber.interrupt(bot.fiber)
      yield* Bot.listen
      yield* Bot.advance("6 seconds")
      assert.deepStrictEqual(yield* Bot.introductions, ["identify", "identify"])
    }).pipe(Bot.on({ bot: { session: { onShutdown: "end" } } }))
  )
})

describe("quick disconnects", () => {
  it.effect("1, 2, 60, 60 … s while every READY is followed by a close", () =>
    Effect.gen(function* () {
      yield* inject(
        Fault.acceptThenClose({ moment: "ready", code: 1011, after: 1000, times: Number.POSITIVE_INFINITY })
      )
      yield* Bot.listen
      yield* Bot.advance("5 minutes")
      const waits = gaps(yield* Bot.dials).map((gap) => Math.round(gap - 1))
      assert.deepStrictEqual(waits.slice(0, 5), [1, 2, 60, 60, 60])
      assert.isAtMost((yield* Bot.introductions).filter((kind) => kind === "identify").length, 2)
    }).pipe(Bot.on({ bot: noJitter }))
  )

  it.effect("and a socket that says HELLO and closes in one breath has cost the session no resume", () =>
    Effect.gen(function* () {
      yield* Bot.online
      yield* inject(Fault.acceptThenClose({ moment: "hello", times: 4 }))
      yield* inject(Fault.drop())
      yield* Bot.advance("10 minutes")
      assert.deepStrictEqual(yield* Bot.introductions, ["identify", "resume"])
    }).pipe(Bot.on({ bot: noJitter }))
  )
})

describe("start-up", () => {
  const metadataFails = (failure: Fault.HttpFailure) =>
    inject(Fault.http("metadata", failure, { times: Number.POSITIVE_INFINITY }))

  for (const [name, failure] of [
    ["null", { _tag: "Body", status: 200, body: "null" }],
    ["an empty object", { _tag: "Body", status: 200, body: "{}" }],
    ["wrong types", { _tag: "Body", status: 200, body: '{"url":5,"shards":"many"}' }],
    ["no URL", { _tag: "Body", status: 200, body: '{"url":"not a url"}' }],
    ["ws:// from an https API", { _tag: "Body", status: 200, body: '{"url":"ws://gateway.test"}' }],
    ["HTML", { _tag: "Body", status: 502, body: "<html>bad gateway</html>", contentType: "text/html" }],
    ["5xx", { _tag: "Status", status: 500 }],
    ["a reset", { _tag: "Reset", accepted: false }]
  ] as const) {
    it.effect(`metadata that is ${name}: 5, 10, 30, 60, 60 s, then it goes on`, () =>
      Effect.gen(function* () {
        yield* metadataFails(failure)
        yield* Bot.listen
        yield* Bot.advance("110 seconds")
        const asked = (yield* Bot.entries("Request")).filter(({ path }) => path.startsWith("/gateway"))
        assert.deepStrictEqual(gaps(asked.map(({ at }) => at / 1000)), [5, 10, 30, 60])
        assert.strictEqual(yield* Bot.state, "Waiting")
        yield* inject(Fault.clear)
        yield* Bot.advance("60 seconds")
        assert.strictEqual(yield* Bot.state, "Ready")
      }).pipe(Bot.on({ bot: noJitter }))
    )
  }

  it.effect("metadata that never comes is asked again", () =>
    Effect.gen(function* () {
      yield* inject(Fault.http("metadata", { _tag: "Hang", accepted: false }))
      yield* Bot.listen
      yield* Bot.advance("2 minutes")
      assert.strictEqual(yield* Bot.state, "Ready")
    }).pipe(Bot.on())
  )

  it.effect("hermes_73378_gateway_500: with a preset the preset's URL is used meanwhile", () =>
    Effect.gen(function* () {
      yield* metadataFails({ _tag: "Status", status: 500 })
      yield* Bot.listen
      yield* Bot.advance("10 seconds")
      assert.strictEqual(yield* Bot.state, "Ready")
    }).pipe(Bot.on({ bot: { hosts: "default" } }))
  )

  it.effect("hermes_17990_metadata_limiter: reconnects do not ask for the URL again", () =>
    Effect.gen(function* () {
      yield* Bot.online
      for (let i = 0; i < 10; i++) {
        yield* inject(Fault.drop())
        yield* Bot.advance("70 seconds")
      }
      const asked = (yield* Bot.entries("Request")).filter(({ path }) => path.startsWith("/gateway"))
      assert.strictEqual(asked.length, 1)
    }).pipe(Bot.on())
  )

  it.effect("three connects that fail in a row ask for it again", () =>
    Effect.gen(function* () {
      yield* Bot.online
      yield* inject(Fault.unreachable({ times: 4 }))
      yield* inject(Fault.drop())
      yield* Bot.advance("2 minutes")
      const asked = (yield* Bot.entries("Request")).filter(({ path }) => path.startsWith("/gateway"))
      assert.strictEqual(asked.length, 2)
      assert.strictEqual(yield* Bot.state, "Ready")
    }).pipe(Bot.on())
  )

  it.effect("a wrong secret stops after three tries, with a hint", () =>
    Effect.gen(function* () {
      yield* inject(Fault.http("token", { _tag: "Status", status: 200, code: 100016, message: "wrong" }, { times: 9 }))
      const bot = yield* Bot.listen
      yield* Bot.advance("5 minutes")
      assert.include(yield* Bot.ending(bot), "QQ_APP_SECRET")
    }).pipe(Bot.on())
  )

  it.effect("botpy_189_ip_not_allowed: an address that is not allowed stops at once, with a hint", () =>
    Effect.gen(function* () {
      yield* inject(Fault.ipNotAllowed)
      const bot = yield* Bot.listen
      yield* Bot.advance("1 second")
      assert.include(yield* Bot.ending(bot), "allow-list")
    }).pipe(Bot.on())
  )

  it.effect("after a first READY it is looked at every ten minutes instead", () =>
    Effect.gen(function* () {
      yield* Bot.online
      yield* inject(Fault.ipNotAllowed)
      yield* inject(Fault.close(4006))
      yield* Bot.advance("35 minutes")
      assert.strictEqual(yield* Bot.state, "Waiting")
      const dials = yield* Bot.dials
      assert.isTrue(
        gaps(dials)
          .slice(1)
          .every((gap) => gap >= 600)
      )
      yield* inject(Fault.clear)
      yield* Bot.advance("15 minutes")
      assert.strictEqual(yield* Bot.state, "Ready")
    }).pipe(Bot.on())
  )
})

describe("sockets that come to nothing", () => {
  for (const [name, fault] of [
    ["a refused upgrade", Fault.refuseUpgrade(503, { times: 1 })],
    ["an unreachable host", Fault.unreachable({ times: 1 })],
    ["a silent upgrade", Fault.silentUpgrade({ times: 1 })],
    ["no HELLO", Fault.noHello({ times: 1 })],
    ["an identify without an answer", Fault.ignoreIdentifies({ times: 1 })],
    ["accept, then close", Fault.acceptThenClose({ moment: "open", times: 1 })]
  ] as const) {
    it.effect(`${name} is tried again`, () =>
      Effect.gen(function* () {
        yield* inject(fault)
        yield* Bot.listen
        yield* Bot.advance("90 seconds")
        assert.strictEqual(yield* Bot.state, "Ready")
        assert.strictEqual((yield* Bot.counters).maxOpenSockets, 1)
      }).pipe(Bot.on())
    )
  }

  it.effect("an upgrade refused with 429 waits a minute", () =>
    Effect.gen(function* () {
      yield* inject(Fault.refuseUpgrade(429, { times: 1 }))
      yield* Bot.listen
      yield* Bot.advance("59 seconds")
      assert.strictEqual((yield* Bot.dials).length, 1)
      yield* Bot.advance("2 seconds")
      assert.strictEqual(yield* Bot.state, "Ready")
    }).pipe(Bot.on({ bot: noJitter }))
  )
})

describe("frames that make no sense", () => {
  it.effect("are refused and counted, and end nothing", () =>
    Effect.gen(function* () {
      const bot = yield* Bot.online
      for (const payload of [
        "{",
        "",
        "null",
        "[]",
        '"text"',
        '{"op":"0"}',
        '{"op":99}',
        '{"op":0,"s":{},"t":"X"}',
        '{"op":0,"t":5}',
        '{"op":0,"t":"C2C_MESSAGE_CREATE","s":2,"d":null}',
        '{"op":0,"t":"READY","d":{}}',
        new Uint8Array([1, 2, 3])
      ]) {
        yield* inject(Fault.raw(payload))
      }
      yield* inject(Fault.raw("x".repeat(8 * 1024 * 1024 + 1)))
      yield* Bot.settle
      yield* say("still here")
      yield* Bot.settle
      assert.deepStrictEqual(yield* bot.heard, ["still here"])
      assert.deepStrictEqual(yield* Bot.introductions, ["identify"])
    }).pipe(Bot.on())
  )
})

describe("a shutdown", () => {
  const during = (name: string, prepare: Effect.Effect<unknown, never, TestPlatform.TestPlatform | Gateway.Gateway>) =>
    it.effect(`${name} ends at once and leaves nothing`, () =>
      Effect.gen(function* () {
        const bot = yield* Bot.listen
        yield* prepare
        yield* Bot.settle
        yield* shutDown(bot)
      }).pipe(Bot.on({ platform: { sessionLimit: { remaining: name === "during the identify limit" ? 0 : 100 } } }))
    )

  const before = (name: string, fault: Fault.Fault, expected: string) =>
    it.effect(`${name} ends at once and leaves nothing`, () =>
      Effect.gen(function* () {
        yield* inject(fault)
        const bot = yield* Bot.listen
        assert.strictEqual(yield* Bot.state, expected)
        yield* shutDown(bot)
      }).pipe(Bot.on())
    )

  before("while the token hangs", Fault.http("token", { _tag: "Hang", accepted: false }), "Connecting")
  before("while the metadata hangs", Fault.http("metadata", { _tag: "Hang", accepted: false }), "Connecting")
  before(
    "in the wait after missing metadata",
    Fault.http("metadata", { _tag: "Body", status: 200, body: "{}" }),
    "Waiting"
  )
  before("while the socket opens", Fault.silentUpgrade(), "Connecting")
  before("while waiting for HELLO", Fault.noHello(), "Greeting")
  before("while waiting for READY", Fault.ignoreIdentifies(), "Identifying")
  during("while Ready", Effect.void)
  during("during the identify limit", Effect.void)
  during("in a wait of the ladder", inject(Fault.drop()))
  during("in the grace of an op 9", inject(Fault.invalidSession(false)))
  during(
    "while resuming",
    Effect.zipRight(inject(Fault.ignoreResumes()), Effect.zipRight(inject(Fault.drop()), Bot.advance("2 seconds")))
  )

  it.effect("on a half-open line takes the second that closing may take", () =>
    Effect.gen(function* () {
      const bot = yield* Bot.online
      yield* inject(Fault.freeze())
      yield* Bot.settle
      const ended = yield* Effect.fork(Fiber.interrupt(bot.fiber))
      yield* Bot.advance("1 second")
      assert.isTrue(Option.isSome(yield* Fiber.poll(ended)))
    }).pipe(Bot.on())
  )

  it.effect("lets running handlers finish, and begins no others", () =>
    Effect.gen(function* () {
      const done = yield* Ref.make<ReadonlyArray<string>>([])
      const fiber = yield* Effect.forkScoped(
        Gateway.run(
          Gateway.on("C2C_MESSAGE_CREATE", (event) =>
            Effect.delay(
              Ref.update(done, (all) => [...all, event.content]),
              "3 seconds"
            )
          )
        )
      )
      yield* Gateway.ready
      yield* say("first")
      yield* say("second")
      yield* Bot.settle
      const ended = yield* Effect.fork(Fiber.interrupt(fiber))
      yield* Bot.advance("2999 millis")
      assert.isTrue(Option.isNone(yield* Fiber.poll(ended)))
      yield* Bot.advance("1 millis")
      assert.isTrue(Option.isSome(yield* Fiber.poll(ended)))
      assert.deepStrictEqual(yield* Ref.get(done), ["first"])
      const again = yield* Bot.online
      yield* Bot.settle
      assert.deepStrictEqual(yield* again.heard, ["second"])
    }).pipe(Bot.on())
  )

  it.effect("drains also where it is interrupted twice, as by a parent that ends", () =>
    Effect.gen(function* () {
      const done = yield* Ref.make(false)
      const slow = Gateway.on("C2C_MESSAGE_CREATE", () => Effect.delay(Ref.set(done, true), "3 seconds"))
      const fiber = yield* Effect.fork(Gateway.run(slow))
      yield* Gateway.ready
      yield* say("first")
      yield* Bot.settle
      const ended = yield* Effect.fork(Fiber.interrupt(fiber))
      yield* Bot.settle
      yield* Fiber.interruptFork(fiber)
      yield* Bot.advance("2 seconds")
      assert.isTrue(Option.isNone(yield* Fiber.poll(ended)))
      assert.isFalse(yield* Ref.get(done))
      yield* Bot.advance("1 second")
      yield* Fiber.join(ended)
      assert.isTrue(yield* Ref.get(done))
      assert.strictEqual((yield* Bot.counters).openSockets, 0)
    }).pipe(Bot.on())
  )

  it.effect("does not wait for a handler longer than it may drain", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkScoped(Gateway.run(Gateway.on("C2C_MESSAGE_CREATE", () => Effect.never)))
      yield* Gateway.ready
      yield* say("never done")
      yield* Bot.settle
      const ended = yield* Effect.fork(Fiber.interrupt(fiber))
      yield* Bot.advance("10 seconds")
      assert.isTrue(Option.isSome(yield* Fiber.poll(ended)))
    }).pipe(Bot.on())
  )
})

describe("reconnectNow", () => {
  it.effect("cuts a wait short", () =>
    Effect.gen(function* () {
      yield* inject(Fault.http("metadata", { _tag: "Body", status: 200, body: "{}" }))
      yield* Bot.listen
      assert.strictEqual(yield* Bot.state, "Waiting")
      yield* Gateway.reconnectNow
      yield* Bot.settle
      assert.strictEqual(yield* Bot.state, "Ready")
    }).pipe(Bot.on())
  )

  it.effect("replaces a connection that is Ready", () =>
    Effect.gen(function* () {
      yield* Bot.online
      yield* Gateway.reconnectNow
      yield* Bot.settle
      assert.strictEqual(yield* Bot.state, "Ready")
      assert.deepStrictEqual(yield* Bot.introductions, ["identify", "resume"])
    }).pipe(Bot.on())
  )
})

describe("whatever happens", () => {
  const anyFault: fc.Arbitrary<Fault.Fault> = fc.constantFrom<Fault.Fault>(
    Fault.drop(),
    Fault.freeze(),
    Fault.stopAcks(),
    Fault.reconnect(),
    Fault.reconnect({ thenClose: { code: 4009, after: 300 } }),
    Fault.invalidSession(true),
    Fault.invalidSession(false),
    Fault.invalidSession(false, { thenClose: { code: 4903, after: 100 } }),
    Fault.close(1000),
    Fault.close(4006),
    Fault.close(4008),
    Fault.close(4009),
    Fault.close(4902),
    Fault.refuseResumes({ times: 1 }),
    Fault.ignoreResumes({ times: 1 }),
    Fault.ignoreIdentifies({ times: 1 }),
    Fault.noHello({ times: 1 }),
    Fault.silentUpgrade({ times: 1 }),
    Fault.refuseUpgrade(503, { times: 1 }),
    Fault.unreachable({ times: 2 }),
    Fault.tokenRevoked,
    Fault.forgetSessions
  )

  it.effect(
    "there are never two sockets, and the bot becomes Ready again after the faults",
    () =>
      Effect.gen(function* () {
        const rows = fc.sample(fc.array(fc.tuple(anyFault, fc.integer({ min: 0, max: 90 })), { maxLength: 6 }), {
          numRuns: 25,
          seed: 42
        })
        for (const row of rows) {
          yield* Effect.gen(function* () {
            yield* Bot.listen
            for (const [fault, seconds] of row) {
              yield* inject(fault)
              yield* Bot.advance(Duration.seconds(seconds))
            }
            yield* inject(Fault.clear)
            yield* Bot.advance("6 minutes")
            const status = yield* Effect.flatMap(Gateway.status, ({ get }) => get)
            assert.strictEqual(status.state._tag, "Ready", JSON.stringify({ row, status }))
            const { maxOpenSockets } = yield* Bot.counters
            assert.strictEqual(maxOpenSockets, 1, JSON.stringify(row))
          }).pipe(Bot.on())
        }
      }),
    60_000
  )
})
