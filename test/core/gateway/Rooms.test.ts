/** The rooms of a session that keep state: each alone, without a connection. */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import * as fc from "fast-check"
import { ActiveConnection } from "../../../packages/core/src/gateway/ActiveConnection.ts"
import type { ConnectionHandle } from "../../../packages/core/src/gateway/Connection.ts"
import type { GatewayError } from "../../../packages/core/src/gateway/GatewayError.ts"
import { InboxPause } from "../../../packages/core/src/gateway/InboxPause.ts"
import { IntentSets } from "../../../packages/core/src/gateway/IntentSets.ts"
import * as Handshakes from "../../../packages/core/src/gateway/Handshakes.ts"
import * as Replacement from "../../../packages/core/src/gateway/Replacement.ts"
import * as Resumable from "../../../packages/core/src/gateway/Resumable.ts"
import * as SessionPolicy from "../../../packages/core/src/gateway/SessionPolicy.ts"

const policy = SessionPolicy.defaults

const handle = (): ConnectionHandle & { readonly ends: Array<GatewayError> } => {
  const ends: Array<GatewayError> = []
  return {
    ends,
    lastFrameAge: () => 0,
    heardUntil: () => 1234,
    roundTrip: () => undefined,
    end: (error) => void ends.push(error),
    attend: () => undefined
  }
}

describe("the session that can be resumed", () => {
  it("was settled up to the last mark whose sequence number is settled, whatever the order of steps", () => {
    const steps = fc.array(fc.record({ seqs: fc.integer({ min: 0, max: 3 }), lag: fc.integer({ min: 0, max: 5 }) }))
    fc.assert(
      fc.property(steps, (steps) => {
        const session = Resumable.begin("s", 1, { wall: 0, monotonic: 0 })
        const heard = [{ seq: 1, heardAt: 0 }]
        steps.forEach(({ lag, seqs }, index) => {
          session.receivedSeq += seqs
          Resumable.hear(session, index + 1, { wall: index + 1, monotonic: index + 1 })
          heard.push({ seq: session.receivedSeq, heardAt: index + 1 })
          const settledSeq = Math.max(0, session.receivedSeq - lag)
          const before = session.settledAt
          Resumable.settle(session, settledSeq)
          const expected = heard.findLast(({ seq }) => seq <= settledSeq)?.heardAt ?? 0
          assert.strictEqual(session.settledAt, Math.max(before, expected))
        })
      })
    )
  })

  it("keeps a bounded number of marks", () => {
    const session = Resumable.begin("s", 1, { wall: 0, monotonic: 0 })
    for (let seq = 2; seq < 2000; seq++) {
      session.receivedSeq = seq
      Resumable.settle(session, 0)
    }
    assert.strictEqual(session.marks.length, 256)
  })

  it("is followed by a gap that is as wide as the monotonic clock says, however the wall clock was set", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e7 }), fc.integer({ min: -1e6, max: 1e6 }), (passed, set) => {
        const began = { wall: 1e9, monotonic: 500 }
        const session = Resumable.begin("s", 1, began)
        const now = { wall: began.wall + passed + set, monotonic: began.monotonic + passed }
        const { from, to } = Resumable.gapAfter(session, now, policy)
        assert.isAtMost(from, Math.min(began.wall, now.wall - passed))
        assert.isAtLeast(to, Math.max(now.wall, began.wall + passed))
        assert.strictEqual(to - from, passed + Math.abs(set))
      })
    )
  })

  it("of an earlier process that was heard in the future has a gap since it began", () => {
    const stored = Resumable.restore({ id: "s", seq: 1, startedAt: 100, heardAt: 5000 })
    assert.strictEqual(Resumable.gapAfter(stored, { wall: 1000, monotonic: 0 }, policy).from, 100)
  })
})

describe("the replacement of a session", () => {
  it("is due once the session is both old and quiet", () => {
    const day = Duration.toMillis(policy.maximumAge)
    const quiet = Duration.toMillis(policy.quietFor)
    const due = (lastDispatchAt: number, now: number): number =>
      Replacement.untilDue(policy, { startedAt: 0, lastDispatchAt }, now)
    assert.strictEqual(due(0, 0), day)
    assert.strictEqual(due(0, day), 0)
    assert.strictEqual(due(day - 1, day), quiet - 1)
    assert.isBelow(due(day - 1, day + quiet), 0)
  })
})

describe("sets of intents", () => {
  it("are tried in order, and the last one stays", () => {
    const sets = new IntentSets(1, [2, 3])
    assert.strictEqual(sets.current, 1)
    assert.deepStrictEqual([sets.next(), sets.current, sets.next(), sets.current], [true, 2, true, 3])
    assert.deepStrictEqual([sets.next(), sets.current], [false, 3])
  })
})

describe("the connection there is", () => {
  it("was heard from READY until something was missed", () => {
    const connection = new ActiveConnection()
    assert.isUndefined(connection.heardUntil())
    connection.open(handle())
    assert.isUndefined(connection.heardUntil())
    connection.begin()
    assert.strictEqual(connection.heardUntil(), 1234)
    connection.pause()
    assert.isUndefined(connection.heardUntil())
    connection.close()
    connection.open(handle())
    assert.isFalse(connection.isPaused)
  })
})

describe("the pause for a full inbox", () => {
  const make = Effect.gen(function* () {
    const connection = new ActiveConnection()
    const room = yield* Effect.makeLatch(false)
    const pause = new InboxPause({
      connection,
      sink: { room: room.await },
      clock: yield* Effect.clock,
      spacing: Duration.seconds(5)
    })
    return { connection, pause, room }
  })

  it.effect("ends the paused connection once there is room, at most once in the spacing", () =>
    Effect.gen(function* () {
      const { connection, pause, room } = yield* make
      const first = handle()
      connection.open(first)
      pause.begin()
      const waiting = yield* Effect.fork(pause.end())
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(first.ends.length, 0)
      yield* room.open
      yield* Fiber.join(waiting)
      assert.strictEqual(first.ends.length, 1)

      const second = handle()
      connection.open(second)
      pause.begin()
      const again = yield* Effect.fork(pause.end())
      yield* TestClock.adjust("4 seconds")
      assert.strictEqual(second.ends.length, 0)
      yield* TestClock.adjust("1 seconds")
      yield* Fiber.join(again)
      assert.strictEqual(second.ends.length, 1)
    })
  )

  it.effect("leaves a connection alone that is not the paused one, and waits once at a time", () =>
    Effect.gen(function* () {
      const { connection, pause, room } = yield* make
      connection.open(handle())
      pause.begin()
      const waiting = yield* Effect.fork(pause.end())
      yield* Effect.yieldNow()
      yield* pause.end()
      const next = handle()
      connection.open(next)
      yield* room.open
      yield* Fiber.join(waiting)
      assert.strictEqual(next.ends.length, 0)
    })
  )
})

describe("handshakes", () => {
  it.effect("free their slot once, and an interrupted wait holds none", () =>
    Effect.gen(function* () {
      const { acquire } = Handshakes.make(1)
      const free = yield* acquire
      const waiting = yield* Effect.fork(acquire)
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(waiting)
      yield* free
      yield* free
      const held = yield* acquire
      const second = yield* Effect.fork(acquire)
      yield* Effect.yieldNow()
      assert.isNull(second.unsafePoll())
      yield* held
      yield* Effect.flatten(Fiber.join(second))
    })
  )
})
