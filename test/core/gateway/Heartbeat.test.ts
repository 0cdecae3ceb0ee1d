import { assert, describe, it } from "@effect/vitest"
import { WallClock } from "@effect-qq/core/testing"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as TestClock from "effect/TestClock"
import * as fc from "fast-check"
import { ConnectionLost } from "../../../packages/core/src/gateway/GatewayError.ts"
import * as Heartbeat from "../../../packages/core/src/gateway/Heartbeat.ts"
import * as SessionPolicy from "../../../packages/core/src/gateway/SessionPolicy.ts"

const policy = SessionPolicy.defaults

describe("the interval of HELLO", () => {
  const read = (value: unknown) => {
    const { interval, warning } = Heartbeat.intervalOf(policy, value)
    return [Duration.toMillis(interval), warning === undefined] as const
  }

  it("is taken as it is, from a number or a string of one", () => {
    assert.deepStrictEqual(read(41_250), [41_250, true])
    assert.deepStrictEqual(read("41250"), [41_250, true])
    assert.deepStrictEqual(read(" 45000 "), [45_000, true])
    assert.deepStrictEqual(read(100), [100, true])
    assert.deepStrictEqual(read(600_000), [600_000, true])
  })

  it("is clamped where it would flood or fall silent", () => {
    assert.deepStrictEqual(read(1), [100, false])
    assert.deepStrictEqual(read(0.001), [100, false])
    assert.deepStrictEqual(read(36_000_000), [600_000, false])
    assert.deepStrictEqual(read("1e12"), [600_000, false])
  })

  it("has a default where HELLO has no usable one", () => {
    for (const value of [
      undefined,
      null,
      0,
      -1,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      "",
      " ",
      "soon",
      true,
      [],
      {},
      [500]
    ]) {
      assert.deepStrictEqual(read(value), [45_000, false], String(value))
    }
  })

  it("is a sane number of milliseconds, whatever the wire says", () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        const [millis] = read(value)
        assert.isTrue(Number.isFinite(millis) && millis >= 100 && millis <= 600_000, String(millis))
      })
    )
  })
})

/** A connection seen from its heartbeat: what was sent and when, and what the peer does about it. */
const line = () => {
  const beats: Array<number> = []
  let lastFrameAt = 0
  let awaiting = false
  let answers = true
  let breaks = false
  const frame = (at: number): void => {
    lastFrameAt = at
    awaiting = false
  }
  const send = Effect.flatMap(Clock.currentTimeMillis, (now) => {
    if (breaks) return new ConnectionLost({ phase: "Ready", reason: "WriteFailed", detail: "the socket is not open" })
    beats.push(now)
    awaiting = true
    if (answers) frame(now)
    return Effect.void
  })
  return {
    beats,
    send,
    lastFrameAt: () => lastFrameAt,
    answered: () => !awaiting,
    /** The peer says something other than an ACK. */
    speak: Effect.map(Clock.currentTimeMillis, frame),
    fallSilent: () => {
      answers = false
    },
    answerAgain: () => {
      answers = true
    },
    breakOff: () => {
      breaks = true
    }
  }
}

const minute = 60_000

/** Beats every minute, for the first time after half of the time that is allowed: after 12.5 s. */
const start = (peer: ReturnType<typeof line>, changes: Partial<SessionPolicy.SessionPolicy> = {}) =>
  Effect.flatMap(Effect.clock, (clock) =>
    Heartbeat.run({
      interval: Duration.millis(minute),
      policy: { ...policy, ...changes },
      send: peer.send,
      silence: () => clock.unsafeCurrentTimeMillis() - peer.lastFrameAt(),
      answered: peer.answered
    })
  ).pipe(Effect.withRandom(Random.fixed([0.5])), Effect.fork)

const first = 12_500

describe("the beat", () => {
  it.effect("goes out after a random part of the time allowed, then every interval", () =>
    Effect.gen(function* () {
      const peer = line()
      yield* start(peer)
      yield* TestClock.adjust("5 minutes")
      assert.deepStrictEqual(
        peer.beats,
        [0, 1, 2, 3, 4].map((n) => first + n * minute)
      )
    })
  )

  it.effect("goes out for the first time within the interval where that is shorter", () =>
    Effect.gen(function* () {
      const peer = line()
      yield* Effect.fork(
        Heartbeat.run({ ...peer, silence: () => 0, interval: Duration.seconds(2), policy }).pipe(
          Effect.withRandom(Random.fixed([0.999]))
        )
      )
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(peer.beats, [1998])
    })
  )

  it.effect("without an answer is followed by one probe, then the connection is dead", () =>
    Effect.gen(function* () {
      const peer = line()
      const fiber = yield* start(peer)
      yield* TestClock.adjust(first)
      peer.fallSilent()
      yield* TestClock.adjust(minute + 14_999)
      assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
      yield* TestClock.adjust(1)
      const error = yield* Effect.flip(Fiber.join(fiber))
      assert.strictEqual(error._tag, "HeartbeatTimeout")
      if (error._tag !== "HeartbeatTimeout") return
      assert.strictEqual(Duration.toMillis(error.silence), minute + 15_000)
      assert.deepStrictEqual(peer.beats.slice(1), [first + minute, first + minute + 10_000])
    })
  )

  it.effect("any frame is a sign of life, also after the probe", () =>
    Effect.gen(function* () {
      const peer = line()
      const fiber = yield* start(peer)
      peer.fallSilent()
      yield* TestClock.adjust(first + 9000)
      yield* peer.speak
      yield* TestClock.adjust(minute + 5000)
      assert.strictEqual(peer.beats.length, 3)
      yield* peer.speak
      yield* TestClock.adjust(minute)
      assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
    })
  )

  it.effect("never waits longer than an interval for its answer", () =>
    Effect.gen(function* () {
      const peer = line()
      peer.fallSilent()
      const fiber = yield* Effect.fork(
        Heartbeat.run({ ...peer, silence: () => 0, interval: Duration.seconds(1), policy }).pipe(
          Effect.withRandom(Random.fixed([0]))
        )
      )
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual((yield* Effect.flip(Fiber.join(fiber)))._tag, "HeartbeatTimeout")
      assert.deepStrictEqual(peer.beats, [0, 1000])
    })
  )

  it.effect("that cannot be written ends it at once", () =>
    Effect.gen(function* () {
      const peer = line()
      const fiber = yield* start(peer)
      yield* TestClock.adjust(first)
      peer.breakOff()
      yield* TestClock.adjust(minute)
      const error = yield* Effect.flip(Fiber.join(fiber))
      assert.strictEqual(error._tag, "ConnectionLost")
      assert.strictEqual(peer.beats.length, 1)
    })
  )

  it.effect("stops with its connection", () =>
    Effect.gen(function* () {
      const peer = line()
      const fiber = yield* start(peer)
      yield* TestClock.adjust(first)
      const exit = yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust("10 minutes")
      assert.isTrue(Exit.isInterrupted(exit))
      assert.strictEqual(peer.beats.length, 1)
    })
  )
})

/** A clock that can jump while everybody sleeps: what a machine sees that was suspended. */
const suspendable = Effect.map(Effect.clock, (base) => {
  let asleep = 0
  const clock: Clock.Clock = {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis: () => base.unsafeCurrentTimeMillis() + asleep,
    unsafeCurrentTimeNanos: () => base.unsafeCurrentTimeNanos() + BigInt(asleep) * 1_000_000n,
    currentTimeMillis: Effect.sync(() => base.unsafeCurrentTimeMillis() + asleep),
    currentTimeNanos: Effect.sync(() => base.unsafeCurrentTimeNanos() + BigInt(asleep) * 1_000_000n),
    sleep: (duration) => base.sleep(duration)
  }
  return {
    clock,
    suspend: (millis: number) => {
      asleep += millis
    }
  }
})

describe("a machine that was suspended", () => {
  it.effect("hermes_38848_host_suspend: a tick more than an interval late probes at once", () =>
    Effect.gen(function* () {
      const { clock, suspend } = yield* suspendable
      const peer = line()
      const fiber = yield* Effect.withClock(start(peer), clock)
      yield* TestClock.adjust(first + 20_000)
      peer.fallSilent()
      suspend(10 * minute)
      yield* TestClock.adjust(40_000 + 4999)
      assert.strictEqual(peer.beats.length, 2)
      assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
      yield* TestClock.adjust(1)
      // 5 s after the tick instead of 15 s
      assert.strictEqual((yield* Effect.flip(Fiber.join(fiber)))._tag, "HeartbeatTimeout")
      assert.strictEqual(peer.beats.length, 2)
    })
  )

  it.effect("probes at once also when it slept while a beat waited for its answer", () =>
    Effect.gen(function* () {
      const { clock, suspend } = yield* suspendable
      const peer = line()
      const fiber = yield* Effect.withClock(start(peer), clock)
      yield* TestClock.adjust(first)
      peer.fallSilent()
      suspend(10 * minute)
      yield* TestClock.adjust(10_000 + 5000)
      assert.strictEqual((yield* Effect.flip(Fiber.join(fiber)))._tag, "HeartbeatTimeout")
      assert.deepStrictEqual(peer.beats, [first, first + 10 * minute + 10_000])
    })
  )

  it.effect("a tick that is late by less beats as ever", () =>
    Effect.gen(function* () {
      const { clock, suspend } = yield* suspendable
      const peer = line()
      const fiber = yield* Effect.withClock(start(peer), clock)
      yield* TestClock.adjust(first + 20_000)
      peer.fallSilent()
      suspend(minute)
      yield* TestClock.adjust(40_000 + 14_999)
      assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
      yield* TestClock.adjust(1)
      assert.isTrue(Option.isSome(yield* Fiber.poll(fiber)))
    })
  )

  it.effect("a machine whose wall clock alone went on probes at once too", () =>
    Effect.gen(function* () {
      const peer = line()
      const fiber = yield* start(peer)
      yield* TestClock.adjust(first + 20_000)
      peer.fallSilent()
      yield* WallClock.step(10 * minute)
      yield* TestClock.adjust(40_000 + 5000)
      assert.strictEqual((yield* Effect.flip(Fiber.join(fiber)))._tag, "HeartbeatTimeout")
      assert.strictEqual(peer.beats.length, 2)
    }).pipe(WallClock.steppable)
  )

  for (const [name, after] of [
    ["between two beats", 30_000],
    ["while a beat waits for its answer", 5000]
  ] as const) {
    it.effect(`a wall clock that is set back an hour moves no beat: ${name}`, () =>
      Effect.gen(function* () {
        const peer = line()
        yield* start(peer)
        yield* TestClock.adjust(first + after)
        yield* WallClock.step(-60 * minute)
        yield* TestClock.adjust(5 * minute - after)
        const [, ...others] = peer.beats.map((at) => at + 60 * minute - first)
        assert.deepStrictEqual(
          others,
          [1, 2, 3, 4, 5].map((count) => count * minute)
        )
      }).pipe(WallClock.steppable)
    )
  }

  for (const [name, millis] of [
    ["a little late", minute / 2],
    ["one late", minute],
    ["many late", 100 * minute]
  ] as const) {
    it.effect(`delays its ticks and bunches none: ${name}`, () =>
      Effect.gen(function* () {
        const { clock, suspend } = yield* suspendable
        const peer = line()
        yield* Effect.withClock(start(peer), clock)
        yield* TestClock.adjust(first + 20_000)
        suspend(millis)
        yield* TestClock.adjust("5 minutes")
        assert.deepStrictEqual(
          peer.beats,
          [0, 1, 2, 3, 4, 5].map((n) => first + n * minute + (n === 0 ? 0 : millis))
        )
      })
    )
  }
})
