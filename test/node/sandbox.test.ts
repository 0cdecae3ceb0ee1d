import { describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Http from "node:http"
import * as Net from "node:net"
import { assert } from "vitest"
import * as WebSocket from "ws"
import * as Sandbox from "../../packages/cli/src/sandbox/Sandbox.ts"

type Heard =
  | { readonly _tag: "Frame"; readonly frame: Record<string, unknown> }
  | { readonly _tag: "Error"; readonly message: string }
  | { readonly _tag: "Close"; readonly code: number; readonly reason: string }

interface Client {
  readonly socket: WebSocket.WebSocket
  readonly heard: Queue.Dequeue<Heard>
  readonly send: (frame: unknown) => void
}

const start = (options?: Sandbox.Options) => Sandbox.make({ port: 0, ...options })

const connect = (url: string): Effect.Effect<Client, never, Scope.Scope> =>
  Effect.gen(function* () {
    const heard = yield* Queue.unbounded<Heard>()
    const socket = yield* Effect.acquireRelease(
      Effect.sync(() => new WebSocket.WebSocket(url)),
      (socket) => Effect.sync(() => socket.terminate())
    )
    socket.on("message", (data: Buffer) => {
      Queue.unsafeOffer(heard, { _tag: "Frame", frame: JSON.parse(data.toString()) })
    })
    socket.on("error", (error) => Queue.unsafeOffer(heard, { _tag: "Error", message: error.message }))
    socket.on("close", (code, reason) => Queue.unsafeOffer(heard, { _tag: "Close", code, reason: reason.toString() }))
    return { socket, heard, send: (frame) => socket.send(JSON.stringify(frame)) }
  })

const next = (client: Client): Effect.Effect<Heard> =>
  Effect.orDie(Effect.timeout(Queue.take(client.heard), "10 seconds"))

const frame = (client: Client): Effect.Effect<Record<string, unknown>> =>
  Effect.map(next(client), (heard) => {
    assert.strictEqual(heard._tag, "Frame", JSON.stringify(heard))
    return (heard as Extract<Heard, { readonly _tag: "Frame" }>).frame
  })

const closing = (client: Client): Effect.Effect<Extract<Heard, { readonly _tag: "Close" }>> =>
  Effect.map(
    Effect.repeat(next(client), { until: (heard) => heard._tag === "Close" }),
    (heard) => heard as Extract<Heard, { readonly _tag: "Close" }>
  )

interface Answered {
  readonly status: number
  readonly body: Record<string, unknown>
}

class CallFailed extends Data.TaggedError("CallFailed")<{ readonly cause: unknown }> {}

const call = (url: string, init?: RequestInit): Effect.Effect<Answered, CallFailed> =>
  Effect.tryPromise({
    try: async (signal) => {
      const response = await fetch(url, { ...init, signal })
      const text = await response.text()
      return { status: response.status, body: text === "" ? {} : JSON.parse(text) }
    },
    catch: (cause) => new CallFailed({ cause })
  })

const post = (url: string, body: unknown, headers?: Record<string, string>): Effect.Effect<Answered, CallFailed> =>
  call(url, {
    method: "POST",
    body: typeof body === "string" ? body : JSON.stringify(body),
    ...(headers ? { headers } : {})
  })

const tokenOf = (sandbox: Sandbox.SandboxShape): Effect.Effect<string, CallFailed> =>
  Effect.map(
    post(sandbox.tokenUrl, { appId: sandbox.appId, clientSecret: Redacted.value(sandbox.secret) }),
    ({ body }) => `QQBot ${body["access_token"]}`
  )

const groupAndC2c = 1 << 25

/** Dials and identifies, up to and including READY. */
const ready = (sandbox: Sandbox.SandboxShape) =>
  Effect.gen(function* () {
    const token = yield* tokenOf(sandbox)
    const { body } = yield* call(`${sandbox.apiUrl}/gateway/bot`, { headers: { authorization: token } })
    const client = yield* connect(String(body["url"]))
    const hello = yield* frame(client)
    assert.strictEqual(hello["op"], 10)
    client.send({ op: 2, d: { token, intents: groupAndC2c, shard: [0, 1], properties: {} } })
    const first = yield* frame(client)
    assert.strictEqual(first["t"], "READY")
    return { client, token, sessionId: String((first["d"] as Record<string, unknown>)["session_id"]) }
  })

/** Answers every message with "you said: …" until its scope closes. */
const answering = (sandbox: Sandbox.SandboxShape, client: Client, token: string) =>
  frame(client).pipe(
    Effect.flatMap((event) => {
      const d = event["d"] as Record<string, unknown>
      const place = d["group_openid"] === undefined ? "users" : "groups"
      const author = d["author"] as Record<string, unknown>
      const target = d["group_openid"] ?? author["user_openid"]
      return post(
        `${sandbox.apiUrl}/v2/${place}/${target}/messages`,
        { msg_type: 0, content: `you said: ${String(d["content"]).trim()}`, msg_id: d["id"], msg_seq: 1 },
        { authorization: token }
      )
    }),
    Effect.tap((answer) => assert.strictEqual(answer.status, 200, JSON.stringify(answer.body))),
    Effect.forever,
    Effect.forkScoped
  )

describe("Sandbox", () => {
  it.scopedLive("a client identifies, hears a message and its answer is seen", () =>
    Effect.gen(function* () {
      const sandbox = yield* start()
      const { client, token } = yield* ready(sandbox)
      yield* answering(sandbox, client, token)
      const inPrivate = yield* sandbox.ask({ scene: "c2c", user: "u1", text: "hi" }, "10 seconds")
      assert.deepStrictEqual(
        inPrivate.answers.map(({ content, msgId, scene, target }) => [content, msgId, scene, target]),
        [["you said: hi", inPrivate.id, "c2c", "u1"]]
      )
      const inGroup = yield* sandbox.ask({ scene: "group", group: "g1", member: "m1", text: "喵" }, "10 seconds")
      assert.deepStrictEqual(
        inGroup.answers.map(({ content, target }) => [content, target]),
        [["you said: 喵", "g1"]]
      )
      assert.strictEqual(sandbox.model.counters().openSockets, 1)
    })
  )

  it.scopedLive("nobody answers: an empty list after the wait", () =>
    Effect.gen(function* () {
      const sandbox = yield* start()
      const exchange = yield* sandbox.ask({ scene: "c2c", user: "u1", text: "hi" }, "20 millis")
      assert.deepStrictEqual(exchange.answers, [])
    })
  )

  it.scopedLive("what the bot sends by itself is on the stream", () =>
    Effect.gen(function* () {
      const sandbox = yield* start()
      const token = yield* tokenOf(sandbox)
      const both = yield* Effect.fork(Stream.runCollect(Stream.take(sandbox.sent, 2)))
      const send = (content: string) =>
        post(`${sandbox.apiUrl}/v2/users/u1/messages`, { msg_type: 0, content }, { authorization: token })
      // The stream subscribes in its own time: send until it has heard two.
      const sending = yield* Effect.fork(Effect.forever(Effect.zipRight(send("one"), send("two"))))
      const seen = Chunk.toReadonlyArray(yield* Effect.timeout(Fiber.join(both), "10 seconds"))
      yield* Fiber.interrupt(sending)
      assert.strictEqual(seen.length, 2)
      assert.sameMembers(
        seen.map(({ content }) => content),
        ["one", "two"]
      )
    })
  )

  it.scopedLive("a dropped connection is a reset, and a resume replays what was missed", () =>
    Effect.gen(function* () {
      const sandbox = yield* start()
      const { client, sessionId, token } = yield* ready(sandbox)
      yield* sandbox.inject({ _tag: "Drop" })
      assert.strictEqual((yield* closing(client)).code, 1006)
      yield* sandbox.say({ scene: "c2c", user: "u1", text: "missed" })
      const again = yield* connect(sandbox.gatewayUrl)
      yield* frame(again)
      again.send({ op: 6, d: { token, session_id: sessionId, seq: 1 } })
      const missed = yield* frame(again)
      assert.strictEqual((missed["d"] as Record<string, unknown>)["content"], "missed")
      assert.strictEqual((yield* frame(again))["t"], "RESUMED")
    })
  )

  it.scopedLive("a client that vanishes leaves a session that can be resumed", () =>
    Effect.gen(function* () {
      const sandbox = yield* start()
      const { client, sessionId, token } = yield* ready(sandbox)
      client.socket.terminate()
      yield* closing(client)
      const again = yield* connect(sandbox.gatewayUrl)
      yield* frame(again)
      again.send({ op: 6, d: { token, session_id: sessionId, seq: 1 } })
      assert.strictEqual((yield* frame(again))["t"], "RESUMED")
    })
  )

  it.scopedLive("a frozen connection answers neither heartbeats nor a close, and stays open", () =>
    Effect.gen(function* () {
      const sandbox = yield* start()
      const { client } = yield* ready(sandbox)
      client.send({ op: 1, d: 1 })
      assert.strictEqual((yield* frame(client))["op"], 11)
      yield* sandbox.inject({ _tag: "Freeze" })
      client.send({ op: 1, d: 1 })
      yield* sandbox.say({ scene: "c2c", user: "u1", text: "unheard" })
      client.socket.close(4900)
      // Another socket works meanwhile, so that the silence of the first is no matter of time.
      const other = yield* connect(sandbox.gatewayUrl)
      assert.strictEqual((yield* frame(other))["op"], 10)
      other.socket.close(1000)
      yield* closing(other)
      assert.strictEqual(yield* Queue.size(client.heard), 0)
      assert.strictEqual(client.socket.readyState, WebSocket.WebSocket.CLOSING)
      client.socket.terminate()
      assert.strictEqual((yield* closing(client)).code, 1006)
    })
  )

  it.scopedLive("close codes, a close without a status and raw frames arrive", () =>
    Effect.gen(function* () {
      const sandbox = yield* start()
      const first = yield* ready(sandbox)
      yield* sandbox.inject({ _tag: "Close", code: 4009, reason: "连接过期".repeat(30) })
      const closed = yield* closing(first.client)
      assert.strictEqual(closed.code, 4009)
      assert.isTrue("连接过期".repeat(30).startsWith(closed.reason) && closed.reason.length > 30)
      const second = yield* ready(sandbox)
      yield* sandbox.inject({ _tag: "Close", code: 1005 })
      assert.strictEqual((yield* closing(second.client)).code, 1005)
      const third = yield* ready(sandbox)
      yield* sandbox.inject({ _tag: "Raw", payload: '{"op":99}' })
      assert.strictEqual((yield* frame(third.client))["op"], 99)
      yield* sandbox.inject({ _tag: "Raw", payload: Uint8Array.from(Buffer.from('{"op":98}')) })
      assert.strictEqual((yield* frame(third.client))["op"], 98)
    })
  )

  it.scopedLive("upgrades are refused, reset or never answered", () =>
    Effect.gen(function* () {
      const sandbox = yield* start()
      yield* sandbox.inject({ _tag: "RefuseUpgrade", status: 503, retryAfter: 3 })
      const refused = yield* next(yield* connect(sandbox.gatewayUrl))
      assert.deepStrictEqual(refused, { _tag: "Error", message: "Unexpected server response: 503" })
      yield* sandbox.inject({ _tag: "Unreachable" })
      const reset = yield* next(yield* connect(sandbox.gatewayUrl))
      assert.propertyVal(reset, "_tag", "Error")
      yield* sandbox.inject({ _tag: "SilentUpgrade" })
      const silent = yield* connect(sandbox.gatewayUrl)
      const other = yield* connect(sandbox.gatewayUrl)
      assert.strictEqual((yield* frame(other))["op"], 10)
      assert.strictEqual(silent.socket.readyState, WebSocket.WebSocket.CONNECTING)
      const lost = yield* next(yield* connect(`${sandbox.gatewayUrl}/elsewhere`))
      assert.propertyVal(lost, "_tag", "Error")
    })
  )

  it.scopedLive("what falls due by itself happens: an idle connection is closed with 4009", () =>
    Effect.gen(function* () {
      const sandbox = yield* start({ platform: { heartbeatInterval: 100 } })
      const { client } = yield* ready(sandbox)
      assert.strictEqual((yield* closing(client)).code, 4009)
    })
  )

  it.scopedLive("HTTP requests break, hang and come late", () =>
    Effect.gen(function* () {
      const sandbox = yield* start()
      const authorization = yield* tokenOf(sandbox)
      const me = call(`${sandbox.apiUrl}/users/@me`, { headers: { authorization } })
      yield* sandbox.inject({ _tag: "Http", endpoint: "any", failure: { _tag: "Reset", accepted: false } })
      assert.propertyVal(yield* Effect.flip(me), "_tag", "CallFailed")
      yield* sandbox.inject({ _tag: "Http", endpoint: "any", failure: { _tag: "Slow", after: 50 } })
      const [elapsed, late] = yield* Effect.timed(me)
      assert.strictEqual(late.status, 200)
      assert.isAtLeast(Duration.toMillis(elapsed), 45)
      yield* sandbox.inject({ _tag: "Http", endpoint: "any", failure: { _tag: "Hang", accepted: false } })
      const hanging = yield* Effect.fork(me)
      // The fault strikes one request: once the journal has it, the first has met it.
      yield* Effect.repeat(call(`${sandbox.apiUrl}/sandbox/journal?last=1`), {
        until: ({ body }) => JSON.stringify(body["journal"]).includes('"Hang"')
      })
      assert.strictEqual((yield* me).status, 200)
      assert.isNull(hanging.unsafePoll())
      yield* Fiber.interrupt(hanging)
    })
  )

  it.scopedLive("other processes say, break and look over HTTP", () =>
    Effect.gen(function* () {
      const sandbox = yield* start()
      const { client, token } = yield* ready(sandbox)
      yield* answering(sandbox, client, token)
      const url = `${sandbox.apiUrl}/sandbox`
      const said = yield* post(`${url}/say`, { scene: "group", group: "g1", member: "m1", text: "hi", wait: 10_000 })
      assert.strictEqual(said.status, 200)
      assert.propertyVal((said.body["answers"] as ReadonlyArray<object>)[0], "content", "you said: hi")
      const unheard = yield* post(`${url}/say`, { scene: "c2c", user: "u1", text: "hi" })
      assert.deepStrictEqual(unheard.body["answers"], [])
      assert.strictEqual((yield* post(`${url}/fault`, { _tag: "Close", code: 4914 })).status, 200)
      assert.strictEqual((yield* post(`${url}/fault`, { _tag: "NoHello", times: "Infinity" })).status, 200)
      const { body } = yield* call(`${url}/journal?last=1`)
      const journal = body["journal"] as ReadonlyArray<Record<string, unknown>>
      assert.strictEqual(journal.length, 1)
      assert.strictEqual(journal[0]?.["kind"], "Fault")
      const whole = JSON.stringify((yield* call(`${url}/journal`)).body)
      assert.notInclude(whole, Redacted.value(sandbox.secret))
      assert.notInclude(whole, token.slice("QQBot ".length))
    })
  )

  it.scopedLive("what cannot be meant is refused with a reason", () =>
    Effect.gen(function* () {
      const sandbox = yield* start()
      const url = `${sandbox.apiUrl}/sandbox`
      for (const [path, body] of [
        ["say", "{"],
        ["say", { scene: "group", text: "hi" }],
        ["say", { scene: "c2c", user: "", text: "hi" }],
        ["say", { scene: "c2c", user: "u1", text: "hi", wait: 1e9 }],
        ["fault", { _tag: "Explode" }],
        ["fault", { _tag: "Close", code: 70_000 }],
        ["fault", null]
      ] as const) {
        const { body: answer, status } = yield* post(`${url}/${path}`, body)
        assert.strictEqual(status, 400, JSON.stringify(body))
        assert.isString(answer["error"])
      }
      assert.strictEqual((yield* call(`${url}/nothing`)).status, 404)
      assert.strictEqual((yield* post(`${url}/say`, "x".repeat(9 * 1024 * 1024))).status, 413)
      const page = { scene: "c2c", user: "u1", text: "hi" }
      assert.strictEqual((yield* post(`${url}/say`, page, { origin: "https://example.org" })).status, 403)
      const rebound = yield* Effect.async<number>((resume) => {
        Http.get({ port: sandbox.port, path: "/sandbox/journal", headers: { host: "example.org" } }, (response) => {
          response.resume()
          resume(Effect.succeed(response.statusCode ?? 0))
        })
      })
      assert.strictEqual(rebound, 403)
      assert.deepStrictEqual(
        sandbox.model.journal.filter(({ kind }) => kind === "Said"),
        []
      )
    })
  )

  it.scopedLive("hostile frames end their own connection only", () =>
    Effect.gen(function* () {
      const sandbox = yield* start()
      const { client } = yield* ready(sandbox)
      const other = yield* connect(sandbox.gatewayUrl)
      yield* frame(other)
      other.socket.send("x".repeat(2 * 1024 * 1024))
      assert.strictEqual((yield* closing(other)).code, 1009)
      const third = yield* connect(sandbox.gatewayUrl)
      yield* frame(third)
      third.socket.send("{")
      assert.strictEqual((yield* closing(third)).code, 4002)
      client.send({ op: 1, d: 1 })
      assert.strictEqual((yield* frame(client))["op"], 11)
    })
  )

  it.scopedLive("closing the scope ends every socket and request, and frees the port", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const sandbox = yield* Scope.extend(start(), scope)
      const { client } = yield* ready(sandbox)
      yield* sandbox.inject({ _tag: "SilentUpgrade" })
      const silent = yield* connect(sandbox.gatewayUrl)
      const asking = yield* Effect.fork(
        Effect.flip(post(`${sandbox.apiUrl}/sandbox/say`, { scene: "c2c", user: "u1", text: "hi", wait: 60_000 }))
      )
      yield* frame(client)
      const [elapsed] = yield* Effect.timed(Scope.close(scope, Exit.void))
      assert.isBelow(Duration.toMillis(elapsed), 1000)
      assert.strictEqual((yield* closing(client)).code, 1006)
      assert.strictEqual((yield* closing(silent)).code, 1006)
      assert.propertyVal(yield* Fiber.join(asking), "_tag", "CallFailed")
      const again = yield* start({ port: sandbox.port })
      assert.strictEqual(again.port, sandbox.port)
    })
  )

  it.scopedLive("a port that is taken is a SandboxError", () =>
    Effect.gen(function* () {
      const sandbox = yield* start()
      const taken = yield* Effect.flip(start({ port: sandbox.port }))
      assert.instanceOf(taken, Sandbox.SandboxError)
      assert.strictEqual(taken.reason, "PortInUse")
      assert.include(taken.message, String(sandbox.port))
      const impossible = yield* Effect.flip(start({ port: 70_000 }))
      assert.strictEqual(impossible.reason, "ListenFailed")
    })
  )

  it.scopedLive("other addresses than 127.0.0.1 are not served", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      assert.match(sandbox.apiUrl, /^http:\/\/127\.0\.0\.1:\d+$/)
      const outcome = yield* Effect.async<"connected" | "refused">((resume) => {
        const socket = Net.connect(sandbox.port, "127.0.0.2")
        // Some systems have no such address and say nothing.
        socket.setTimeout(5000, () => socket.destroy(new Error("no such address")))
        socket.once("connect", () => {
          socket.destroy()
          resume(Effect.succeed("connected"))
        })
        socket.once("error", () => resume(Effect.succeed("refused")))
      })
      assert.strictEqual(outcome, "refused")
    }).pipe(Effect.provide(Sandbox.layer({ port: 0 })))
  )
})
