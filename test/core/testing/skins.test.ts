import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Socket from "@effect/platform/Socket"
import { describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Inspectable from "effect/Inspectable"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { assert } from "vitest"
import * as Fault from "../../../packages/core/src/testing/Fault.ts"
import * as MemorySocket from "../../../packages/core/src/testing/MemorySocket.ts"
import * as PlatformModel from "../../../packages/core/src/testing/model/PlatformModel.ts"
import * as ModelRunner from "../../../packages/core/src/testing/ModelRunner.ts"
import * as PlatformClient from "../../../packages/core/src/testing/PlatformClient.ts"

const secret = "a-secret-that-nobody-may-see"

const skins = Layer.provideMerge(
  Layer.merge(MemorySocket.layer, PlatformClient.layer),
  ModelRunner.layer({ secret, heartbeatInterval: 10_000 })
)

const settle = TestClock.adjust(0)

/** Opens a socket and writes down everything its listeners are told. */
const dial = Effect.gen(function* () {
  const open = yield* MemorySocket.make
  const socket = open("wss://api.bot.qq.com/websocket")
  const heard: Array<string> = []
  const errors: Array<Error> = []
  socket.addEventListener("open", () => heard.push("open"))
  socket.addEventListener("message", ({ data }) => {
    if (typeof data !== "string") {
      heard.push(`bytes ${(data as Uint8Array).byteLength}`)
      return
    }
    const frame = data === "" ? {} : JSON.parse(data)
    heard.push(`op ${frame.op}${frame.t === undefined ? "" : ` ${frame.t} ${frame.s}`}`)
  })
  socket.addEventListener("error", ({ error, message }) => {
    heard.push(`error ${message}`)
    if (error !== undefined) errors.push(error)
  })
  socket.addEventListener("close", ({ code, wasClean }) => heard.push(`close ${code} ${wasClean ? "clean" : "dirty"}`))
  return { socket, heard, errors }
})

const token = Effect.gen(function* () {
  const { model } = yield* ModelRunner.ModelRunner
  const client = yield* HttpClient.HttpClient
  const response = yield* client.post("https://api.bot.qq.com/app/getAppAccessToken", {
    body: HttpBody.unsafeJson({ appId: model.appId, clientSecret: secret })
  })
  const body = (yield* response.json) as { readonly access_token: string }
  return body.access_token
})

const identify = (socket: MemorySocket.MemorySocket) =>
  Effect.map(token, (text) =>
    socket.send(JSON.stringify({ op: 2, d: { token: `QQBot ${text}`, intents: 1 << 25, shard: [0, 1] } }))
  )

describe("MemorySocket", () => {
  it.effect("opens, greets, identifies, dispatches: in order, and never inside a call", () =>
    Effect.gen(function* () {
      const runner = yield* ModelRunner.ModelRunner
      const { heard, socket } = yield* dial
      assert.deepStrictEqual([socket.readyState, heard], [0, []])
      assert.throws(() => socket.send("early"), /not open/)
      yield* settle
      assert.deepStrictEqual([socket.readyState, heard], [1, ["open", "op 10"]])
      yield* identify(socket)
      yield* runner.say({ scene: "c2c", user: "U1", text: "hi" })
      assert.lengthOf(heard, 2)
      yield* settle
      assert.deepStrictEqual(heard.slice(2), ["op 0 READY 1", "op 0 C2C_MESSAGE_CREATE 2"])
    }).pipe(Effect.provide(skins))
  )

  it.effect("answers the client's close, with its code or without one", () =>
    Effect.gen(function* () {
      const { model } = yield* ModelRunner.ModelRunner
      for (const [code, expected] of [
        [undefined, 1005],
        [1000, 1000],
        [4900, 4900]
      ] as const) {
        const { heard, socket } = yield* dial
        yield* settle
        socket.close(code, "bye")
        socket.close(1000)
        assert.strictEqual(socket.readyState, 2)
        assert.lengthOf(heard, 2)
        yield* settle
        assert.deepStrictEqual([socket.readyState, heard.slice(2)], [3, [`close ${expected} clean`]])
        socket.send("late")
        socket.terminate()
        yield* settle
        assert.lengthOf(heard, 3)
      }
      const closed = model.journal.filter((entry) => entry.kind === "Closed")
      assert.deepStrictEqual(
        closed.map((entry) => [entry.by, entry.code]),
        [
          ["client", undefined],
          ["client", 1000],
          ["client", 4900]
        ]
      )
      assert.strictEqual(model.counters().openSockets, 0)
      const { socket } = yield* dial
      for (const code of [999, 1005, 1006, 1015, 2999, 5000]) assert.throws(() => socket.close(code), TypeError)
    }).pipe(Effect.provide(skins))
  )

  it.effect("hears the server's close first when both close at once", () =>
    Effect.gen(function* () {
      const runner = yield* ModelRunner.ModelRunner
      const { heard, socket } = yield* dial
      yield* settle
      yield* runner.inject(Fault.close(4009))
      socket.close(1000)
      yield* settle
      assert.deepStrictEqual(heard.slice(2), ["close 4009 clean"])
    }).pipe(Effect.provide(skins))
  )

  it.effect("hears nothing on a half-open connection until it breaks it", () =>
    Effect.gen(function* () {
      const runner = yield* ModelRunner.ModelRunner
      const { heard, socket } = yield* dial
      yield* settle
      yield* identify(socket)
      yield* settle
      yield* runner.inject(Fault.freeze())
      yield* settle
      socket.send(JSON.stringify({ op: 1, d: 1 }))
      yield* runner.say({ scene: "c2c", user: "U1", text: "hi" })
      socket.close()
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual([socket.readyState, heard.slice(3)], [2, []])
      assert.strictEqual(runner.model.counters().openSockets, 1)
      socket.terminate()
      yield* settle
      assert.deepStrictEqual([socket.readyState, heard.slice(3)], [3, ["close 1006 dirty"]])
      assert.strictEqual(runner.model.counters().openSockets, 0)
    }).pipe(Effect.provide(skins))
  )

  it.effect("gets no answer to a close that crosses with the freeze", () =>
    Effect.gen(function* () {
      const runner = yield* ModelRunner.ModelRunner
      const { heard, socket } = yield* dial
      yield* settle
      yield* runner.inject(Fault.freeze())
      socket.close()
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual([socket.readyState, heard], [2, ["open", "op 10"]])
      socket.terminate()
      yield* settle
      assert.deepStrictEqual([socket.readyState, heard.slice(2)], [3, ["close 1006 dirty"]])
    }).pipe(Effect.provide(skins))
  )

  it.effect("terminates, and drops, with 1006; the session lives", () =>
    Effect.gen(function* () {
      const runner = yield* ModelRunner.ModelRunner
      const one = yield* dial
      yield* settle
      yield* identify(one.socket)
      yield* settle
      one.socket.terminate()
      one.socket.terminate()
      const two = yield* dial
      yield* settle
      yield* runner.inject(Fault.drop())
      yield* settle
      assert.deepStrictEqual([one.heard.slice(3), two.heard.slice(2)], [["close 1006 dirty"], ["close 1006 dirty"]])
      assert.lengthOf(runner.model.sessions(0), 1)
    }).pipe(Effect.provide(skins))
  )

  it.effect("says what became of a refused upgrade", () =>
    Effect.gen(function* () {
      const runner = yield* ModelRunner.ModelRunner
      yield* runner.inject(Fault.refuseUpgrade(429, { retryAfter: 7 }))
      const refused = yield* dial
      yield* settle
      assert.deepStrictEqual(refused.heard, ["error Unexpected server response: 429", "close 1006 dirty"])
      assert.include(refused.errors[0] as MemorySocket.UpgradeRefused, { status: 429, retryAfter: "7" })
      yield* runner.inject(Fault.unreachable())
      const unreachable = yield* dial
      yield* settle
      assert.deepStrictEqual(unreachable.heard, ["error connect ECONNREFUSED", "close 1006 dirty"])
      assert.include(unreachable.errors[0] as Error & { readonly code: string }, { code: "ECONNREFUSED" })
      yield* runner.inject(Fault.silentUpgrade())
      const silent = yield* dial
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual([silent.socket.readyState, silent.heard], [0, []])
      silent.socket.close()
      yield* settle
      assert.deepStrictEqual(silent.heard, [
        "error WebSocket was closed before the connection was established",
        "close 1006 dirty"
      ])
    }).pipe(Effect.provide(skins))
  )

  it.effect("aborts before it was opened: the platform never hears of it", () =>
    Effect.gen(function* () {
      const { model } = yield* ModelRunner.ModelRunner
      const closed = yield* dial
      closed.socket.close()
      const terminated = yield* dial
      terminated.socket.terminate()
      yield* settle
      for (const { heard } of [closed, terminated]) assert.strictEqual(heard[1], "close 1006 dirty")
      assert.lengthOf(model.journal, 0)
      const open = yield* MemorySocket.make
      assert.throws(() => open("https://api.bot.qq.com"), SyntaxError)
    }).pipe(Effect.provide(skins))
  )

  it.effect("gives binary frames in the form that was asked for", () =>
    Effect.gen(function* () {
      const runner = yield* ModelRunner.ModelRunner
      const { socket } = yield* dial
      const data: Array<unknown> = []
      yield* settle
      socket.addEventListener("message", (event) => data.push(event.data))
      yield* runner.inject(Fault.binaryFrame)
      yield* settle
      socket.binaryType = "arraybuffer"
      yield* runner.inject(Fault.binaryFrame)
      yield* settle
      assert.instanceOf(data[0], Uint8Array)
      assert.instanceOf(data[1], ArrayBuffer)
      assert.deepStrictEqual(new Uint8Array(data[1] as ArrayBuffer), data[0])
    }).pipe(Effect.provide(skins))
  )

  it.effect("honours once and removeEventListener; a listener that throws affects no other", () =>
    Effect.gen(function* () {
      const runner = yield* ModelRunner.ModelRunner
      const { heard, socket } = yield* dial
      const calls: Array<string> = []
      const removed = (): void => void calls.push("removed")
      socket.addEventListener("message", removed)
      socket.addEventListener("message", () => void calls.push("once"), { once: true })
      socket.addEventListener("message", () => {
        throw new Error("a bug of the listener")
      })
      socket.addEventListener("message", () => void calls.push("always"))
      socket.removeEventListener("message", removed)
      yield* settle
      yield* runner.inject(Fault.serverHeartbeat())
      yield* settle
      assert.deepStrictEqual(calls, ["once", "always", "always"])
      assert.deepStrictEqual(heard, ["open", "op 10", "op 1"])
      assert.deepStrictEqual(
        runner.failures.map((thrown) => (thrown as Error).message),
        ["a bug of the listener", "a bug of the listener"]
      )
    }).pipe(Effect.provide(skins))
  )

  it.effect("carries a real Socket, close codes included", () =>
    Effect.gen(function* () {
      const runner = yield* ModelRunner.ModelRunner
      const got: Array<string> = []
      const socket = yield* Socket.makeWebSocket("wss://api.bot.qq.com/websocket/", { closeCodeIsError: () => true })
      const fiber = yield* Effect.fork(
        socket.runRaw((data) => {
          got.push(String(data))
        })
      )
      yield* settle
      assert.deepStrictEqual(got, ['{"op":10,"d":{"heartbeat_interval":10000}}'])
      yield* runner.inject(Fault.close(4009, { reason: "Session timed out" }))
      const error = yield* Effect.flip(Fiber.join(fiber))
      assert.include(error, { reason: "Close", code: 4009, closeReason: "Session timed out" })
    }).pipe(Effect.provide(skins))
  )
})

describe("ModelRunner", () => {
  it.effect("wakes the model when something falls due, at its time", () =>
    Effect.gen(function* () {
      const runner = yield* ModelRunner.ModelRunner
      const { heard, socket } = yield* dial
      yield* settle
      yield* identify(socket)
      yield* runner.inject(Fault.reconnect({ thenClose: { code: 4009, after: 3000 } }))
      yield* TestClock.adjust(2999)
      assert.deepStrictEqual(heard.slice(2), ["op 0 READY 1", "op 7"])
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(heard.slice(4), ["close 4009 clean"])
      const closed = runner.model.journal.filter((entry) => entry.kind === "Closed")
      assert.deepStrictEqual(
        closed.map((entry) => entry.at),
        [3000]
      )
    }).pipe(Effect.provide(skins))
  )

  it.effect("follows a wake that moves to an earlier time, and one that moves away", () =>
    Effect.gen(function* () {
      const runner = yield* ModelRunner.ModelRunner
      const { heard, socket } = yield* dial
      yield* settle
      yield* identify(socket)
      for (let beat = 0; beat < 12; beat++) {
        yield* TestClock.adjust(10_000)
        socket.send(JSON.stringify({ op: 1, d: 1 }))
      }
      yield* runner.inject(Fault.reconnect({ thenClose: { code: 4008, after: 1 } }))
      yield* TestClock.adjust(1)
      assert.strictEqual(heard.filter((line) => line === "op 11").length, 12)
      assert.strictEqual(heard.at(-1), "close 4008 clean")
    }).pipe(Effect.provide(skins))
  )

  it.effect("ends an idle connection after one and a half intervals", () =>
    Effect.gen(function* () {
      const { heard, socket } = yield* dial
      yield* settle
      yield* identify(socket)
      yield* TestClock.adjust(14_999)
      assert.lengthOf(heard, 3)
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(heard.slice(3), ["close 4009 clean"])
    }).pipe(Effect.provide(skins))
  )

  it.effect("waits for what the model will hold, and can be stepped by hand", () =>
    Effect.gen(function* () {
      const runner = yield* ModelRunner.ModelRunner
      const spoken = (model: PlatformModel.PlatformModel): Option.Option<string> =>
        Option.fromNullable(model.sent[0]?.content)
      const waiting = yield* Effect.fork(runner.until(spoken))
      let looks = 0
      const given = yield* Effect.fork(
        runner.until(() => {
          looks += 1
          return Option.none()
        })
      )
      yield* settle
      yield* Fiber.interrupt(given)
      const looked = looks
      assert.isAbove(looked, 0)
      assert.isTrue(Option.isNone(yield* Fiber.poll(waiting)))
      const client = yield* HttpClient.HttpClient
      yield* client.post("https://api.bot.qq.com/v2/users/U1/messages", {
        headers: { authorization: `QQBot ${yield* token}` },
        body: HttpBody.unsafeJson({ content: "spoken" })
      })
      assert.strictEqual(yield* Fiber.join(waiting), "spoken")
      assert.strictEqual(yield* runner.until(spoken), "spoken")
      assert.strictEqual(looks, looked)
      const { heard } = yield* dial
      yield* runner.step
      assert.deepStrictEqual(heard, ["open", "op 10"])
    }).pipe(Effect.provide(skins))
  )

  it.effect("stops with its scope", () =>
    Effect.gen(function* () {
      const heard = yield* Effect.scoped(
        Effect.gen(function* () {
          const runner = yield* ModelRunner.make(PlatformModel.make())
          const dialled = yield* Effect.provideService(dial, ModelRunner.ModelRunner, runner)
          yield* settle
          return dialled.heard
        })
      )
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(heard, ["open", "op 10"])
    })
  )
})

describe("PlatformClient", () => {
  const get = (path: string) =>
    Effect.flatMap(HttpClient.HttpClient, (client) => client.get(`https://api.bot.qq.com${path}`))

  const authorized = (path: string) =>
    Effect.gen(function* () {
      const client = yield* HttpClient.HttpClient
      return yield* client.get(`https://api.bot.qq.com${path}`, {
        headers: { Authorization: `QQBot ${yield* token}` }
      })
    })

  it.effect("asks the model, whatever the host", () =>
    Effect.gen(function* () {
      const runner = yield* ModelRunner.ModelRunner
      const response = yield* authorized("/gateway/bot?x=1")
      assert.strictEqual(response.status, 200)
      assert.strictEqual(response.headers["content-type"], "application/json")
      const body = yield* response.json
      assert.strictEqual((body as { readonly url: string }).url, runner.model.gatewayUrl)
      assert.deepStrictEqual(JSON.parse(yield* response.text), body)
      const bytes = Chunk.toReadonlyArray(yield* Stream.runCollect(response.stream))
      assert.strictEqual(Buffer.concat(bytes).toString(), yield* response.text)
      assert.strictEqual(Buffer.from(yield* response.arrayBuffer).toString(), yield* response.text)
      assert.strictEqual((yield* get("/users/@me")).status, 401)
      const requests = runner.model.journal.filter((entry) => entry.kind === "Request")
      assert.deepStrictEqual(
        requests.map((entry) => [entry.method, entry.path, entry.status]),
        [
          ["POST", "/app/getAppAccessToken", 200],
          ["GET", "/gateway/bot", 200],
          ["GET", "/users/@me", 401]
        ]
      )
      assert.strictEqual((yield* Effect.flip(response.urlParamsBody)).reason, "Decode")
      const fiberRefs = yield* Effect.getFiberRefs
      const shown = Inspectable.withRedactableContext(fiberRefs, () => JSON.stringify(response))
      assert.include(shown, "HttpClientResponse")
      assert.notInclude(shown, yield* token)
    }).pipe(Effect.provide(skins))
  )

  it.effect("is late when the model says so", () =>
    Effect.gen(function* () {
      const runner = yield* ModelRunner.ModelRunner
      yield* runner.inject(Fault.http("any", Fault.slow(700)))
      const fiber = yield* Effect.fork(get("/users/@me"))
      yield* TestClock.adjust(699)
      assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
      yield* TestClock.adjust(1)
      assert.strictEqual((yield* Fiber.join(fiber)).status, 401)
    }).pipe(Effect.provide(skins))
  )

  it.effect("breaks off, is refused, or hangs until it is interrupted", () =>
    Effect.gen(function* () {
      const runner = yield* ModelRunner.ModelRunner
      yield* runner.inject(Fault.http("any", Fault.reset({ accepted: false })))
      yield* runner.inject(Fault.http("any", Fault.refused))
      yield* runner.inject(Fault.http("any", Fault.hang({ accepted: false })))
      const reset = yield* Effect.flip(get("/users/@me"))
      assert.deepInclude(reset, { _tag: "RequestError", reason: "Transport" })
      assert.include((reset as { readonly cause?: unknown }).cause, { code: "ECONNRESET" })
      const refused = yield* Effect.flip(get("/users/@me"))
      assert.include((refused as { readonly cause?: unknown }).cause, { code: "ECONNREFUSED" })
      const hanging = yield* Effect.fork(get("/users/@me"))
      yield* TestClock.adjust("1 day")
      assert.isTrue(Option.isNone(yield* Fiber.poll(hanging)))
      assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(hanging)))
    }).pipe(Effect.provide(skins))
  )

  it.effect("gives bodies that are not JSON, or empty", () =>
    Effect.gen(function* () {
      const runner = yield* ModelRunner.ModelRunner
      yield* runner.inject(Fault.http("any", Fault.html(502)))
      yield* runner.inject(Fault.http("any", Fault.status(204)))
      const page = yield* get("/users/@me")
      assert.strictEqual(page.headers["content-type"], "text/html")
      const undecodable = yield* Effect.either(page.json)
      assert.strictEqual(Either.isLeft(undecodable) && undecodable.left.reason, "Decode")
      const empty = yield* get("/users/@me")
      assert.deepStrictEqual([yield* empty.text, yield* empty.json], ["", null])
      assert.lengthOf(yield* Stream.runCollect(empty.stream), 0)
    }).pipe(Effect.provide(skins))
  )

  it.effect("reads bodies of text and of bytes, in any script", () =>
    Effect.gen(function* () {
      const runner = yield* ModelRunner.ModelRunner
      const client = yield* HttpClient.HttpClient
      const authorization = `QQBot ${yield* token}`
      for (const content of ["你好", "🙂"]) {
        for (const body of [HttpBody.unsafeJson({ content }), HttpBody.raw(JSON.stringify({ content }))]) {
          const request = HttpClientRequest.post("https://api.bot.qq.com/v2/groups/G1/messages", {
            body,
            headers: { authorization }
          })
          assert.strictEqual((yield* client.execute(request)).status, 200)
        }
      }
      assert.deepStrictEqual(
        runner.model.sent.map((message) => message.content),
        ["你好", "你好", "🙂", "🙂"]
      )
    }).pipe(Effect.provide(skins))
  )
})
