/** When an identify counts: once it has left this machine. */
import { assert, describe, it } from "@effect/vitest"
import * as Socket from "@effect/platform/Socket"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import * as Connection from "../../../packages/core/src/gateway/Connection.ts"
import type { WebSocketEvent, WebSocketLike } from "../../../packages/core/src/gateway/LiveSocket.ts"
import * as SessionPolicy from "../../../packages/core/src/gateway/SessionPolicy.ts"

/** A socket whose buffer empties when the test says so. */
const slowSocket = () => {
  const listeners = new Map<string, (event: WebSocketEvent) => void>()
  const state = { sent: [] as Array<string>, buffered: 0 }
  const socket: WebSocketLike = {
    readyState: 1,
    binaryType: "",
    addEventListener: (type, listener) => listeners.set(type, listener),
    send: (data) => {
      state.sent.push(data)
      state.buffered = data.length
    },
    get bufferedAmount() {
      return state.buffered
    },
    close: () => listeners.get("close")?.({ code: 1000 }),
    terminate: () => undefined
  }
  return { socket, state, emit: (type: string, event: WebSocketEvent = {}) => listeners.get(type)?.(event) }
}

const connect = (slow: ReturnType<typeof slowSocket>, identifiedAt: Array<number>) =>
  Connection.run({
    url: "wss://gateway.test",
    authorization: Redacted.make("QQBot t"),
    intents: 0,
    shard: [0, 1],
    resume: Option.none(),
    policy: SessionPolicy.defaults,
    identified: Effect.map(Clock.currentTimeMillis, (now) => {
      identifiedAt.push(now)
    }),
    heartbeatSeq: () => null,
    onHandle: () => undefined,
    onPhase: () => Effect.void,
    onReady: () => undefined,
    onResumed: () => undefined,
    onDispatch: () => undefined
  }).pipe(
    Effect.provideService(Socket.WebSocketConstructor, () => slow.socket as unknown as globalThis.WebSocket),
    Effect.fork
  )

const greet = (slow: ReturnType<typeof slowSocket>) =>
  Effect.gen(function* () {
    yield* TestClock.adjust(0)
    slow.emit("open")
    slow.emit("message", { data: '{"op":10,"d":{"heartbeat_interval":45000}}' })
    yield* TestClock.adjust(0)
  })

describe("an identify", () => {
  it.effect("counts from the moment at which it has left this machine", () =>
    Effect.gen(function* () {
      const slow = slowSocket()
      const identifiedAt: Array<number> = []
      const fiber = yield* connect(slow, identifiedAt)
      yield* greet(slow)
      assert.strictEqual(slow.state.sent.length, 1)
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(identifiedAt, [])
      slow.state.buffered = 0
      yield* TestClock.adjust("1 second")
      assert.strictEqual(identifiedAt.length, 1)
      assert.isAtLeast(identifiedAt[0] ?? 0, 2000)
      assert.isAtMost(identifiedAt[0] ?? Infinity, 2050)
      yield* Fiber.interrupt(fiber)
    })
  )

  it.effect("counts too when the connection ends before it is known to have left", () =>
    Effect.gen(function* () {
      const slow = slowSocket()
      const identifiedAt: Array<number> = []
      yield* connect(slow, identifiedAt)
      yield* greet(slow)
      yield* TestClock.adjust("1 second")
      slow.emit("close", { code: 1006 })
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(identifiedAt, [1000])
    })
  )
})
