import { Gateway, type GatewayError, type Session } from "@effect-qq/core"
import { Fault } from "@effect-qq/core/testing"
import { NodeBot, NodeProxy, NodeWebSocket } from "@effect-qq/node"
import { describe, it } from "@effect/vitest"
import { type Sandbox } from "@effect-qq/cli/sandbox"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Http from "node:http"
import * as Path from "node:path"
import { assert } from "vitest"
import * as Child from "./support/child.ts"
import { told } from "./support/child.ts"
import * as Live from "./support/live.ts"
import { eventually, within } from "./support/patience.ts"
import { slowToClose } from "./support/peer.ts"
import { closedPort, connectProxy, listen } from "./support/ports.ts"

/** Where "within a second" is promised: with room for a machine that does something else at the same time. */
const promptly = 3000

const group = (text: string) => ({ scene: "group", group: "g1", member: "m1", text }) as const

const lost = (status: Session.SessionStatus): GatewayError.ConnectionLost => {
  const { lastEnd } = status
  if (lastEnd?._tag !== "ConnectionLost") assert.fail(`the last end is ${String(lastEnd)}`)
  return lastEnd
}

/** Sends the next connections elsewhere. */
const metadataOf = (url: string) =>
  Fault.http("metadata", Fault.body(200, JSON.stringify({ url, shards: 1 })), { times: 10 })

describe.concurrent("a bot on real sockets", () => {
  it.scopedLive("echoes in private and in a group", () =>
    Effect.gen(function* () {
      const sandbox = yield* Live.sandbox()
      const bot = yield* Live.onlineBot(sandbox)
      const ids = yield* Live.say(sandbox, ["hello"])
      ids.push(...(yield* Live.say(sandbox, ["hi all"], group)))
      yield* Live.handledOnce(bot, ["hello", "hi all"], ids)
      assert.deepStrictEqual(
        sandbox.model.sent.map(({ content, scene, target }) => [scene, target, content]).toSorted(),
        [
          ["c2c", "u1", "you said: hello"],
          ["group", "g1", "you said: hi all"]
        ]
      )
    })
  )

  for (const { end, fault, name } of [
    { name: "a reset of the line", fault: Fault.drop(), end: "ConnectionLost" },
    { name: "a half-open line", fault: Fault.freeze(), end: "HeartbeatTimeout" },
    { name: "op 7", fault: Fault.reconnect(), end: "ReconnectRequested" },
    { name: "close 4009", fault: Fault.close(4009), end: "SessionInvalid" },
    { name: "close 1000 by the server", fault: Fault.close(1000), end: "ConnectionLost" },
    {
      name: "op 9 that lets it resume",
      fault: Fault.invalidSession(true, { thenClose: { code: 4009 } }),
      end: "SessionInvalid"
    }
  ]) {
    it.scopedLive(`${name}: ${end}, a resume, and nothing lost`, () =>
      Effect.gen(function* () {
        const sandbox = yield* Live.sandbox(end === "HeartbeatTimeout" ? Live.shortBeats : {})
        const bot = yield* Live.onlineBot(sandbox, { session: { invalidSessionWait: Duration.millis(50) } })
        const ids = yield* Live.say(sandbox, ["before", "just before"])
        const during = yield* bot.survives(
          Effect.gen(function* () {
            yield* sandbox.inject(fault)
            ids.push(...(yield* Live.say(sandbox, ["meanwhile"])))
            ids.push(...(yield* Live.say(sandbox, ["meanwhile too"], group)))
          })
        )
        ids.push(...(yield* Live.say(sandbox, ["after"])))
        assert.deepStrictEqual(Live.ends(during), [end])
        yield* Live.handledOnce(bot, ["before", "just before", "meanwhile", "meanwhile too", "after"], ids)
        assert.deepStrictEqual(Live.introductions(sandbox), ["identify", "resume"])
        assert.strictEqual(sandbox.model.counters().resumesAccepted, 1)
      })
    )
  }

  it.scopedLive("a frame of 32 MiB is handled, one of more than 64 MiB skipped by a new session, and met once", () =>
    Effect.gen(function* () {
      const sandbox = yield* Live.sandbox()
      const bot = yield* Live.onlineBot(sandbox)
      yield* sandbox.inject(Fault.swell({ size: 32 * 1024 * 1024 }))
      const ids = yield* Live.say(sandbox, ["large"])
      yield* Live.answered(sandbox, ids)
      const during = yield* bot.survives(
        Effect.gen(function* () {
          yield* sandbox.inject(Fault.swell())
          yield* Live.say(sandbox, ["too large"])
        })
      )
      ids.push(...(yield* Live.say(sandbox, ["after"])))
      assert.deepStrictEqual(Live.ends(during), ["SessionInvalid"])
      yield* Live.handledOnce(bot, ["large", "after"], ids)
      assert.deepStrictEqual(Live.introductions(sandbox), ["identify", "identify"])
    })
  )

  it.scopedLive("one trouble after another: one socket at any time, nothing lost", () =>
    Effect.gen(function* () {
      const sandbox = yield* Live.sandbox(Live.shortBeats)
      const bot = yield* Live.onlineBot(sandbox)
      const faults = [
        Fault.drop(),
        Fault.reconnect(),
        Fault.close(4009),
        Fault.freeze(),
        Fault.drop(),
        Fault.close(4900)
      ]
      const texts: Array<string> = []
      const ids: Array<string> = []
      const speak = (text: string) =>
        Effect.gen(function* () {
          texts.push(text)
          ids.push(...(yield* Live.say(sandbox, [text])))
        })
      for (const [index, fault] of faults.slice(0, -1).entries()) {
        yield* speak(`before ${index}`)
        yield* bot.survives(Effect.zipRight(sandbox.inject(fault), speak(`during ${index}`)))
      }
      yield* Live.answered(sandbox, ids)
      assert.deepStrictEqual(Live.introductions(sandbox), [
        "identify",
        "resume",
        "resume",
        "resume",
        "resume",
        "resume"
      ])
      yield* Live.handledOnce(bot, texts, ids)
    })
  )

  it.scopedLive("close 4006: a new session, at the pace of the platform", () =>
    Effect.gen(function* () {
      const sandbox = yield* Live.sandbox()
      const bot = yield* Live.onlineBot(sandbox)
      const ids = yield* Live.say(sandbox, ["before"])
      yield* Live.answered(sandbox, ids)
      const during = yield* bot.survives(sandbox.inject(Fault.close(4006)))
      ids.push(...(yield* Live.say(sandbox, ["after"])))
      assert.deepStrictEqual(
        [...new Set(during.map(({ lastEnd }) => lastEnd?._tag === "SessionInvalid" && lastEnd.code))],
        [4006]
      )
      yield* Live.handledOnce(bot, ["before", "after"], ids)
      const [first, second] = sandbox.model.counters().identifies
      assert.isAtLeast((second?.at ?? 0) - (first?.at ?? 0), 4900)
      assert.deepStrictEqual(Live.introductions(sandbox), ["identify", "identify"])
    })
  )

  it.scopedLive("a refused upgrade says its HTTP status and the wait it asks for", () =>
    Effect.gen(function* () {
      const sandbox = yield* Live.sandbox()
      const bot = yield* Live.onlineBot(sandbox)
      for (const [status, retryAfter] of [
        [401, undefined],
        [503, 1]
      ] as const) {
        const refusal = Fault.refuseUpgrade(status, retryAfter === undefined ? {} : { retryAfter })
        const during = yield* bot.survives(Live.inject(sandbox, refusal, Fault.drop()))
        const refused = during.filter(
          ({ lastEnd }) => lastEnd?._tag === "ConnectionLost" && lastEnd.status !== undefined
        )
        assert.isNotEmpty(refused)
        for (const end of refused.map(lost)) {
          assert.strictEqual(end.status, status)
          assert.strictEqual(end.reason, "OpenFailed")
          assert.strictEqual(end.phase, "Connecting")
          assert.deepStrictEqual(end.retryAfter, retryAfter === undefined ? undefined : Duration.seconds(retryAfter))
        }
      }
      const upgrades = sandbox.model.journal.flatMap((entry) => (entry.kind === "Upgrade" ? [entry] : []))
      assert.deepStrictEqual(
        upgrades.map(({ status }) => status),
        [undefined, 401, undefined, 503, undefined]
      )
      assert.isAtLeast((upgrades[4]?.at ?? 0) - (upgrades[3]?.at ?? 0), 1000, "retry-after")
      const ids = yield* Live.say(sandbox, ["after"])
      yield* Live.handledOnce(bot, ["after"], ids)
    })
  )

  it.scopedLive("HTTP 429 for an upgrade: a minute's wait, which reconnectNow cuts short", () =>
    Effect.gen(function* () {
      const sandbox = yield* Live.sandbox()
      const bot = yield* Live.onlineBot(sandbox)
      yield* bot.survives(
        Effect.gen(function* () {
          yield* Live.inject(sandbox, Fault.refuseUpgrade(429, { retryAfter: 5 }), Fault.drop())
          const waiting = yield* bot.until(
            "a wait after HTTP 429",
            ({ lastEnd, state }) =>
              state._tag === "Waiting" && lastEnd?._tag === "ConnectionLost" && lastEnd.status === 429
          )
          assert.deepStrictEqual(lost(waiting).retryAfter, Duration.seconds(5))
          const upgrade = sandbox.model.journal.findLast(({ kind }) => kind === "Upgrade")
          const until = waiting.state._tag === "Waiting" ? (waiting.state.until ?? 0) : 0
          assert.isAtLeast(until - (upgrade?.at ?? 0), 60_000)
          yield* Context.get(bot.context, Gateway.Gateway).reconnectNow
        })
      )
    })
  )

  it.scopedLive("the gateway's host is away for a while", () =>
    Effect.gen(function* () {
      const sandbox = yield* Live.sandbox()
      const bot = yield* Live.onlineBot(sandbox)
      const ids = yield* Live.say(sandbox, ["before"])
      const during = yield* bot.survives(
        Effect.gen(function* () {
          yield* Live.inject(sandbox, Fault.unreachable({ times: 3 }), Fault.drop())
          ids.push(...(yield* Live.say(sandbox, ["meanwhile"])))
        })
      )
      assert.isTrue(during.some((status) => lost(status).reason === "OpenFailed"))
      yield* Live.handledOnce(bot, ["before", "meanwhile"], ids)
      assert.deepStrictEqual(Live.introductions(sandbox), ["identify", "resume"])
    })
  )

  it.scopedLive("keeps trying while no server listens at the address of the API, logs why, and stops on request", () =>
    Effect.gen(function* () {
      const sandbox = yield* Live.sandbox()
      const nowhere = `http://127.0.0.1:${yield* closedPort}`
      const bot = yield* Live.bot(sandbox, { hosts: { api: nowhere, token: `${nowhere}/app/getAppAccessToken` } })
      const third = yield* bot.until("a third attempt", ({ attempt }) => attempt >= 3)
      const { lastEnd } = third
      if (lastEnd?._tag !== "GatewayUnavailable") assert.fail(`the last end is ${String(lastEnd)}`)
      assert.strictEqual(lastEnd.of, "Token")
      assert.strictEqual(lastEnd.reason, "Transport")
      assert.include(lastEnd.detail, "ECONNREFUSED")
      const [elapsed] = yield* Effect.timed(Fiber.interrupt(bot.fiber))
      assert.isBelow(Duration.toMillis(elapsed), promptly)
    })
  )

  it.scopedLive("HTML from the token endpoint is no token, and no end", () =>
    Effect.gen(function* () {
      const sandbox = yield* Live.sandbox()
      yield* Live.inject(
        sandbox,
        Fault.http("token", Fault.html(200)),
        Fault.http("token", Fault.html(502)),
        Fault.http("metadata", Fault.body(200, "null"))
      )
      const bot = yield* Live.onlineBot(sandbox)
      assert.deepStrictEqual(Live.ends(bot.statuses), ["GatewayUnavailable"])
      assert.deepStrictEqual(
        [
          ...new Set(
            bot.statuses.flatMap(({ lastEnd }) => (lastEnd?._tag === "GatewayUnavailable" ? [lastEnd.of] : []))
          )
        ],
        ["Token", "Metadata"]
      )
      const ids = yield* Live.say(sandbox, ["after"])
      yield* Live.handledOnce(bot, ["after"], ids)
    })
  )

  it.scopedLive("a refusal that only a person can mend ends the run, with its socket", () =>
    Effect.gen(function* () {
      const sandbox = yield* Live.sandbox()
      const bot = yield* Live.onlineBot(sandbox)
      yield* sandbox.inject(Fault.close(4914))
      const cause = yield* Effect.sandbox(Fiber.join(bot.fiber)).pipe(Effect.flip, within("10 seconds", "the end"))
      const failure = Option.getOrThrow(Cause.failureOption(cause))
      if (failure._tag !== "GatewayStopped") assert.fail(String(failure))
      assert.strictEqual(failure.because._tag, "GatewayRejected")
      assert.isNotEmpty(failure.hint)
      yield* eventually("no open socket", () => sandbox.model.counters().openSockets === 0)
    })
  )

  for (const { name, fault, state } of [
    { name: "the upgrade is never answered", fault: Fault.silentUpgrade(), state: "Connecting" },
    { name: "no HELLO comes", fault: Fault.noHello(), state: "Greeting" },
    { name: "an identify gets no answer", fault: Fault.ignoreIdentifies(), state: "Identifying" },
    { name: "it waits a minute", fault: Fault.refuseUpgrade(429), state: "Waiting" },
    { name: "the token never comes", fault: Fault.http("token", Fault.hang({ accepted: false })), state: "Connecting" }
  ] as const) {
    it.scopedLive(`is ended while ${name}: within a second`, () =>
      Effect.gen(function* () {
        const sandbox = yield* Live.sandbox()
        yield* sandbox.inject(fault)
        const bot = yield* Live.bot(sandbox)
        const met = fault._tag === "Http" ? "Request" : fault._tag === "IgnoreIdentifies" ? "Received" : "Upgrade"
        yield* bot.until(`the state ${state}`, (status) => status.state._tag === state)
        yield* eventually("the fault to strike", () => sandbox.model.journal.some(({ kind }) => kind === met))
        const [elapsed] = yield* Effect.timed(Fiber.interrupt(bot.fiber))
        assert.isBelow(Duration.toMillis(elapsed), promptly)
        yield* eventually("no open socket", () => sandbox.model.counters().openSockets === 0)
      })
    )
  }

  it.scopedLive("is ended while the peer never answers the close frame: terminated after a second", () =>
    Effect.gen(function* () {
      const sandbox = yield* Live.sandbox()
      const bot = yield* Live.onlineBot(sandbox)
      const ids = yield* Live.say(sandbox, ["before"])
      yield* Live.answered(sandbox, ids)
      yield* sandbox.inject(Fault.freeze())
      const [elapsed] = yield* Effect.timed(Fiber.interrupt(bot.fiber))
      assert.isAtLeast(Duration.toMillis(elapsed), 950)
      assert.isBelow(Duration.toMillis(elapsed), 1000 + promptly)
      yield* eventually("no open socket", () => sandbox.model.counters().openSockets === 0)
    })
  )

  it.scopedLive("a close code counts although a heartbeat falls due before the close is complete", () =>
    Effect.gen(function* () {
      const sandbox = yield* Live.sandbox()
      // longer than a beat, shorter than two and their probe
      const peer = yield* slowToClose({ interval: 300, code: 4006, after: 450 })
      yield* sandbox.inject(metadataOf(peer.url))
      const bot = yield* Live.bot(sandbox)
      const { lastEnd } = yield* bot.until("an end", (status) => status.lastEnd !== undefined)
      if (lastEnd?._tag !== "SessionInvalid") assert.fail(`the last end is ${String(lastEnd)}`)
      assert.strictEqual(lastEnd.code, 4006)
      assert.isFalse(lastEnd.resumable)
    })
  )

  it.scopedLive("a peer that says goodbye and stays: dropped, and one socket at any time", () =>
    Effect.gen(function* () {
      const sandbox = yield* Live.sandbox()
      const peer = yield* slowToClose({ interval: 300, code: 4009, after: Infinity })
      yield* sandbox.inject(metadataOf(peer.url))
      const bot = yield* Live.bot(sandbox, { session: { closeTimeout: Duration.millis(100) } })
      const { lastEnd } = yield* bot.until("an end", (status) => status.lastEnd !== undefined)
      if (lastEnd?._tag !== "ConnectionLost") assert.fail(`the last end is ${String(lastEnd)}`)
      assert.strictEqual(lastEnd.reason, "WriteFailed")
      yield* eventually("a second connection", () => peer.counters.dialled === 2)
      assert.strictEqual(peer.counters.maxOpen, 1)
    })
  )

  it.scopedLive("is ended and started again: resumes, and answers what was said meanwhile", () =>
    Effect.gen(function* () {
      const sandbox = yield* Live.sandbox()
      const stateDirectory = yield* Live.temporaryDirectory
      const first = yield* Live.onlineBot(sandbox, { stateDirectory })
      const ids = yield* Live.say(sandbox, ["before"])
      yield* Live.answered(sandbox, ids)
      yield* Fiber.interrupt(first.fiber)
      ids.push(...(yield* Live.say(sandbox, ["meanwhile"])))
      const second = yield* Live.onlineBot(sandbox, { stateDirectory })
      yield* Live.handledOnce(second, ["meanwhile"], ids)
      assert.deepStrictEqual(Live.introductions(sandbox), ["identify", "resume"])
    })
  )

  for (const { name, text } of [
    { name: "torn", text: '{"appId":"1905000001","intents":33554432,"shard":[0,1],"sessi' },
    { name: "empty", text: "" },
    { name: "of another shape", text: '{"version":7,"session":[]}' },
    {
      name: "of another bot",
      text: JSON.stringify({
        appId: "1905000002",
        intents: 1 << 25,
        shard: [0, 1],
        sessionId: "6f0b7c1e-91d4-4a58-b0f2-000000000001",
        sequence: 1,
        startedAt: 0,
        savedAt: 0,
        settled: []
      })
    }
  ]) {
    it.scopedLive(`a state file that is ${name} is set aside with a warning, and a new session made`, () =>
      Effect.gen(function* () {
        const sandbox = yield* Live.sandbox()
        const stateDirectory = yield* Live.temporaryDirectory
        const file = Path.join(stateDirectory, `session.${sandbox.appId}.0-1`)
        Fs.writeFileSync(file, text)
        const bot = yield* Live.onlineBot(sandbox, { stateDirectory })
        assert.deepStrictEqual(Live.introductions(sandbox), ["identify"])
        assert.strictEqual(Fs.readFileSync(`${file}.corrupt`, "utf8"), text)
        const warnings = bot.logs.filter(({ level }) => LogLevel.greaterThanEqual(level, LogLevel.Warning))
        assert.strictEqual(warnings.length, 1)
        assert.include(warnings[0]?.text, "cannot be used")
        const ids = yield* Live.say(sandbox, ["hello"])
        yield* Live.handledOnce(bot, ["hello"], ids)
        assert.include(Fs.readFileSync(file, "utf8"), `"appId":"${sandbox.appId}"`)
      })
    )
  }

  it.scopedLive("a state directory that cannot be had fails before anything is connected", () =>
    Effect.gen(function* () {
      const sandbox = yield* Live.sandbox()
      const file = Path.join(yield* Live.temporaryDirectory, "file")
      Fs.writeFileSync(file, "")
      const error = yield* Effect.flip(
        Effect.scoped(
          Layer.build(
            NodeBot.layer({
              appId: sandbox.appId,
              secret: sandbox.secret,
              hosts: { api: sandbox.apiUrl, token: sandbox.tokenUrl },
              stateDirectory: Path.join(file, "state")
            })
          )
        )
      )
      assert.strictEqual(error._tag, "StateDirectoryError")
      assert.include(error.message, "QQ_STATE_DIR")
      assert.deepStrictEqual(sandbox.model.journal, [])
    })
  )

  it.scopedLive("two bots in one process do not know each other", () =>
    Effect.gen(function* () {
      const stateDirectory = yield* Live.temporaryDirectory
      const sandboxes = yield* Effect.forEach(["1905000011", "1905000012"], (appId) =>
        Live.sandbox({ appId, secret: Redacted.make(`secret-of-${appId}`) })
      )
      const [one, two] = sandboxes
      if (one === undefined || two === undefined) assert.fail("two sandboxes")
      const first = yield* Live.onlineBot(one, { stateDirectory })
      const second = yield* Live.onlineBot(two, { stateDirectory })
      const toOne = yield* Live.say(one, ["to one"])
      const toTwo = yield* Live.say(two, ["to two"])
      const before = second.statuses.length
      yield* first.survives(Live.inject(one, Fault.tokenRevoked, Fault.drop()))
      toOne.push(...(yield* Live.say(one, ["again to one"])))
      assert.deepStrictEqual(Live.introductions(one).slice(0, 2), ["identify", "resume"])
      yield* Live.handledOnce(first, ["to one", "again to one"], toOne)
      // the first has ended; the second has noticed nothing of all this
      toTwo.push(...(yield* Live.say(two, ["again to two"])))
      yield* Live.answered(two, toTwo)
      assert.deepStrictEqual(second.statuses.slice(before), [])
      assert.deepStrictEqual(Live.introductions(two), ["identify"])
      yield* Live.handledOnce(second, ["to two", "again to two"], toTwo)
      assert.strictEqual(two.model.issuedTokens().length, 1)
      assert.includeMembers(Fs.readdirSync(stateDirectory), ["session.1905000011.0-1", "session.1905000012.0-1"])
    })
  )
})

const Stored = Schema.parseJson(Schema.Struct({ sessionId: Schema.String, sequence: Schema.Number }))

const storedSession = (sandbox: Sandbox.SandboxShape, stateDirectory: string) =>
  Schema.decodeUnknown(Stored)(Fs.readFileSync(Path.join(stateDirectory, `session.${sandbox.appId}.0-1`), "utf8")).pipe(
    Effect.orDie
  )

const sequenceOf = (sandbox: Sandbox.SandboxShape, id: string): number => {
  const said = sandbox.model.journal.find((entry) => entry.kind === "Said" && entry.id === id)
  const sent = sandbox.model.journal.find(
    (entry) => entry.kind === "Sent" && said?.kind === "Said" && entry.id === said.event
  )
  return sent?.kind === "Sent" ? (sent.s ?? Number.NaN) : Number.NaN
}

// one after another: how fast a process ends is looked at, and five that start at once would be in each other's way
describe("a bot in a process of its own", { timeout: 60_000 }, () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    it.scopedLive(`${signal} while Ready: stores the session, leaves it resumable, and ends within a second`, () =>
      Effect.gen(function* () {
        const sandbox = yield* Live.sandbox()
        const stateDirectory = yield* Live.temporaryDirectory
        const child = yield* Child.start(Child.echoBot, { environment: told(sandbox, stateDirectory) })
        yield* child.until("the session is ready")
        const ids = yield* Live.say(sandbox, ["hello"])
        yield* Live.answered(sandbox, ids)
        const at = yield* child.signal(signal)
        const ended = yield* child.ended
        assert.deepStrictEqual([ended.code, ended.signal], [0, null], child.printed())
        assert.isBelow(ended.at - at, promptly)
        const stored = yield* storedSession(sandbox, stateDirectory)
        const [session] = sandbox.model.sessions(yield* Clock.currentTimeMillis)
        assert.strictEqual(stored.sessionId, session?.id, "the platform still has the session that was stored")
        assert.strictEqual(stored.sequence, sequenceOf(sandbox, ids[0] ?? ""))
        assert.strictEqual(sandbox.model.counters().openSockets, 0)
      })
    )
  }

  it.scopedLive("ends within a second of SIGTERM while no server listens at the address of the API", () =>
    Effect.gen(function* () {
      const nowhere = `http://127.0.0.1:${yield* closedPort}`
      const environment = told(
        { apiUrl: nowhere, tokenUrl: nowhere, appId: "1905000001", secret: Redacted.make("sandbox-secret") },
        yield* Live.temporaryDirectory
      )
      const child = yield* Child.start(Child.echoBot, { environment })
      yield* child.until("reconnecting in")
      const at = yield* child.signal("SIGTERM")
      const ended = yield* child.ended
      assert.deepStrictEqual([ended.code, ended.signal], [0, null], child.printed())
      assert.isBelow(ended.at - at, promptly)
    })
  )

  it.scopedLive("SIGTERM while a host takes the connection and says nothing: ends within a second", () =>
    Effect.gen(function* () {
      const asked = yield* Deferred.make<void>()
      const port = yield* listen(
        Net.createServer((socket) => void socket.on("data", () => Deferred.unsafeDone(asked, Effect.void)))
      )
      const silent = `http://127.0.0.1:${port}`
      const environment = told(
        { apiUrl: silent, tokenUrl: silent, appId: "1905000001", secret: Redacted.make("sandbox-secret") },
        yield* Live.temporaryDirectory
      )
      const child = yield* Child.start(Child.echoBot, { environment })
      yield* within("20 seconds", "a request", child.printed)(Deferred.await(asked))
      const at = yield* child.signal("SIGTERM")
      const ended = yield* child.ended
      assert.deepStrictEqual([ended.code, ended.signal], [0, null], child.printed())
      assert.isBelow(ended.at - at, promptly)
    })
  )

  it.scopedLive("SIGTERM while a handler runs: it finishes and answers, then the process ends within a second", () =>
    Effect.gen(function* () {
      const sandbox = yield* Live.sandbox()
      const stateDirectory = yield* Live.temporaryDirectory
      const child = yield* Child.start(Child.testBot, {
        environment: { ...told(sandbox, stateDirectory), TEST_HANDLER_MILLIS: "2000" }
      })
      yield* child.until("the session is ready")
      const ids = yield* Live.say(sandbox, ["slow"])
      yield* child.until("handler began: slow")
      // behind the one that runs, and so not begun: left to the next process
      const later = yield* Live.say(sandbox, ["later"])
      const at = yield* child.signal("SIGTERM")
      yield* child.until("handler ended: slow")
      const handled = performance.now()
      const ended = yield* child.ended
      assert.deepStrictEqual([ended.code, ended.signal], [0, null], child.printed())
      assert.isAbove(handled - at, 500, "the handler was not cut short")
      assert.isBelow(ended.at - handled, promptly)
      assert.deepStrictEqual(Live.answersTo(sandbox, [...ids, ...later]), [1, 0])
      assert.strictEqual((yield* storedSession(sandbox, stateDirectory)).sequence, sequenceOf(sandbox, ids[0] ?? ""))
      const next = yield* Child.start(Child.echoBot, { environment: told(sandbox, stateDirectory) })
      yield* Live.answered(sandbox, [...ids, ...later])
      yield* next.signal("SIGTERM")
      yield* next.ended
      assert.deepStrictEqual(Live.answersTo(sandbox, [...ids, ...later]), [1, 1])
      assert.deepStrictEqual(Live.introductions(sandbox), ["identify", "resume"])
    })
  )

  it.scopedLive("a second signal ends it at once, whatever runs", () =>
    Effect.gen(function* () {
      const sandbox = yield* Live.sandbox()
      const child = yield* Child.start(Child.testBot, {
        environment: { ...told(sandbox, yield* Live.temporaryDirectory), TEST_HANDLER_MILLIS: "600000" }
      })
      yield* child.until("the session is ready")
      yield* Live.say(sandbox, ["for ever"])
      yield* child.until("handler began: for ever")
      yield* child.signal("SIGINT")
      yield* child.until("heard SIGINT")
      const at = yield* child.signal("SIGINT")
      const ended = yield* child.ended
      assert.strictEqual(ended.signal, "SIGINT")
      assert.isBelow(ended.at - at, promptly)
    })
  )

  it.scopedLive("kill -9 and a new start: resumes, and answers everything exactly once", () =>
    Effect.gen(function* () {
      const sandbox = yield* Live.sandbox()
      const stateDirectory = yield* Live.temporaryDirectory
      const environment = told(sandbox, stateDirectory)
      const first = yield* Child.start(Child.testBot, { environment })
      yield* first.until("the session is ready")
      const ids = yield* Live.say(sandbox, ["one", "two"])
      yield* Live.answered(sandbox, ids)
      const file = Path.join(stateDirectory, `session.${sandbox.appId}.0-1`)
      yield* eventually("a stored session", () => Fs.existsSync(file))
      // answered a moment before the end, and so perhaps not stored as done: handled again, but not answered again
      ids.push(...(yield* Live.say(sandbox, ["three"])))
      yield* Live.answered(sandbox, ids)
      yield* first.signal("SIGKILL")
      assert.strictEqual((yield* first.ended).signal, "SIGKILL")
      ids.push(...(yield* Live.say(sandbox, ["four", "five"])))
      ids.push(...(yield* Live.say(sandbox, ["six"], group)))
      const second = yield* Child.start(Child.testBot, { environment })
      yield* Live.answered(sandbox, ids)
      yield* second.signal("SIGTERM")
      yield* second.ended
      assert.deepStrictEqual(
        Live.answersTo(sandbox, ids),
        ids.map(() => 1)
      )
      const { maxOpenSockets, resumesAccepted } = sandbox.model.counters()
      assert.deepStrictEqual(Live.introductions(sandbox), ["identify", "resume"])
      assert.strictEqual(resumesAccepted, 1)
      assert.strictEqual(maxOpenSockets, 1)
    })
  )

  it.scopedLive("prints no secret and no token, nor writes them to files that others can read", () =>
    Effect.gen(function* () {
      const secret = "the-secret-of-the-bot"
      const sandbox = yield* Live.sandbox({ secret: Redacted.make(secret) })
      const stateDirectory = Path.join(yield* Live.temporaryDirectory, "state")
      yield* Live.inject(
        sandbox,
        Fault.http("token", Fault.html(502)),
        Fault.http("metadata", Fault.html(503)),
        Fault.refuseUpgrade(503)
      )
      const child = yield* Child.start(Child.testBot, {
        environment: { ...told(sandbox, stateDirectory), TEST_LOG_ALL: "1" }
      })
      yield* child.until("shown")
      const ids = yield* Live.say(sandbox, ["before"])
      yield* Live.answered(sandbox, ids)
      // every kind of error that the child may meet with a token at hand
      for (const fault of [Fault.tokenRevoked, Fault.http("send", Fault.html(502)), Fault.notJson, Fault.drop()]) {
        yield* sandbox.inject(fault)
      }
      ids.push(...(yield* Live.say(sandbox, ["after"])))
      yield* Live.answered(sandbox, ids)
      yield* child.signal("SIGTERM")
      assert.strictEqual((yield* child.ended).code, 0, child.printed())
      const tokens = sandbox.model.issuedTokens()
      assert.isAtLeast(tokens.length, 2)
      assert.include(child.printed(), "<redacted>")
      assert.include(child.printed(), "DEBUG")
      for (const hidden of [secret, ...tokens]) assert.notInclude(child.printed(), hidden)
      const names = Fs.readdirSync(stateDirectory)
      assert.include(names, `session.${sandbox.appId}.0-1`)
      for (const name of names) {
        const file = Path.join(stateDirectory, name)
        for (const hidden of [secret, ...tokens]) assert.notInclude(Fs.readFileSync(file, "utf8"), hidden)
        if (process.platform !== "win32") assert.strictEqual(Fs.statSync(file).mode & 0o077, 0, name)
      }
      if (process.platform !== "win32") assert.strictEqual(Fs.statSync(stateDirectory).mode & 0o077, 0)
    })
  )
})

describe("proxies", () => {
  const proxies: NodeProxy.Proxies = { http: "http://plain:1", https: "http://secure:2", except: "" }
  for (const [except, url, expected] of [
    ["", "ws://api.example/websocket", proxies.http],
    ["", "wss://api.example/websocket", proxies.https],
    ["", "http://api.example/", proxies.http],
    ["", "https://api.example/", proxies.https],
    ["", "not a URL", undefined],
    ["*", "wss://api.example/", undefined],
    ["api.example", "wss://api.example/", undefined],
    ["API.Example", "wss://api.EXAMPLE/", undefined],
    ["example", "wss://api.example/", undefined],
    [".example", "wss://api.example/", undefined],
    ["*.example", "wss://api.example/", undefined],
    ["pi.example", "wss://api.example/", proxies.https],
    ["api.example.org", "wss://api.example/", proxies.https],
    ["api.example:443", "wss://api.example/", undefined],
    ["api.example:80", "ws://api.example/", undefined],
    ["api.example:8080", "wss://api.example/", proxies.https],
    ["api.example:8080", "wss://api.example:8080/", undefined],
    ["other.example , api.example", "wss://api.example/", undefined],
    [" ,,", "wss://api.example/", proxies.https],
    ["127.0.0.1", "ws://127.0.0.1:8787/websocket", undefined],
    ["[::1]", "ws://[::1]:8787/websocket", undefined]
  ] as const) {
    it(`NO_PROXY "${except}": ${url} ${expected === undefined ? "directly" : `by ${expected}`}`, () => {
      assert.strictEqual(NodeProxy.forUrl({ ...proxies, except }, url), expected)
    })
  }

  it("only one of two proxies: the other kind of address is reached directly", () => {
    assert.strictEqual(NodeProxy.forUrl({ ...proxies, http: "" }, "ws://api.example/"), undefined)
    assert.strictEqual(NodeProxy.forUrl({ ...proxies, https: "" }, "wss://api.example/"), undefined)
  })

  it.effect("an agent for what goes by a proxy, none for what does not", () =>
    Effect.gen(function* () {
      const agent = yield* NodeProxy.agents({ ...proxies, except: "direct.example" })
      assert.isDefined(agent("wss://api.example/"))
      assert.isUndefined(agent("wss://direct.example/"))
    })
  )

  it.effect("the environment: lower case first, this machine always excepted", () =>
    Effect.gen(function* () {
      const found = yield* NodeProxy.find(undefined).pipe(
        Effect.withConfigProvider(
          ConfigProvider.fromMap(
            new Map([
              ["https_proxy", "http://lower:1"],
              ["HTTPS_PROXY", "http://upper:1"],
              ["NO_PROXY", "direct.example"]
            ])
          )
        ),
        Effect.map(Option.getOrThrow)
      )
      assert.strictEqual(NodeProxy.forUrl(found, "wss://api.example/"), "http://lower:1")
      for (const url of [
        "wss://direct.example/",
        "ws://localhost:1/",
        "wss://127.0.0.1/",
        "wss://[::1]/",
        "ws://api.example/"
      ]) {
        assert.isUndefined(NodeProxy.forUrl(found, url), url)
      }
    })
  )

  it.scopedLive("a whole bot through a CONNECT proxy: tokens, API and the gateway", () =>
    Effect.gen(function* () {
      const sandbox = yield* Live.sandbox()
      const asked: Array<string> = []
      const proxy = yield* connectProxy(sandbox.port, asked)
      // names that lead nowhere but by the proxy; the gateway's is in the metadata
      yield* sandbox.inject(metadataOf("ws://gateway.invalid/websocket"))
      const bot = yield* Live.onlineBot(sandbox, {
        hosts: { api: "http://api.invalid", token: "http://token.invalid/app/getAppAccessToken" },
        proxy: Redacted.make(`http://127.0.0.1:${proxy}`)
      })
      const ids = yield* Live.say(sandbox, ["one"])
      yield* bot.survives(sandbox.inject(Fault.drop()))
      ids.push(...(yield* Live.say(sandbox, ["two"])))
      yield* Live.handledOnce(bot, ["one", "two"], ids)
      assert.deepStrictEqual([...new Set(asked)].toSorted(), [
        "api.invalid:80",
        "gateway.invalid:80",
        "token.invalid:80"
      ])
      assert.strictEqual(asked.filter((target) => target === "gateway.invalid:80").length, 2)
    })
  )

  for (const { name, agent } of [
    {
      name: "a function that throws",
      agent: (): Http.Agent => {
        throw new Error("no agent today")
      }
    },
    {
      name: "an agent that throws",
      agent: Object.assign(new Http.Agent(), {
        createConnection: () => {
          throw new Error("no agent today")
        }
      })
    }
  ]) {
    it.scopedLive(`${name} in place of an agent: OpenFailed, and it keeps trying`, () =>
      Effect.gen(function* () {
        const sandbox = yield* Live.sandbox()
        const bot = yield* Live.bot(sandbox, { sockets: NodeWebSocket.layer({ agent }) })
        const third = yield* bot.until("a third attempt", ({ attempt }) => attempt >= 3)
        assert.strictEqual(lost(third).reason, "OpenFailed")
        assert.include(String(lost(third).cause), "no agent today")
      })
    )
  }

  it.scopedLive("a proxy that is away: OpenFailed, and it keeps trying", () =>
    Effect.gen(function* () {
      const sandbox = yield* Live.sandbox()
      const nowhere = `http://127.0.0.1:${yield* closedPort}`
      const sockets = NodeWebSocket.layerProxied(Option.some({ http: nowhere, https: nowhere, except: "" }))
      const bot = yield* Live.bot(sandbox, { sockets })
      const third = yield* bot.until("a third attempt", ({ attempt }) => attempt >= 3)
      assert.strictEqual(lost(third).reason, "OpenFailed")
      assert.include(lost(third).detail, "ECONNREFUSED")
    })
  )
})
