import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as ConfigProvider from "effect/ConfigProvider"
import type * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { assert } from "vitest"
import * as WebSocket from "ws"
import { SendError } from "@effect-qq/core"
import { Fault } from "@effect-qq/core/testing"
import * as Commands from "../../packages/cli/src/commands/Commands.ts"
import * as Send from "../../packages/cli/src/commands/Send.ts"
import * as Sandbox from "../../packages/cli/src/sandbox/Sandbox.ts"
import { record } from "./support/console.ts"
import { temporaryDirectory } from "./support/live.ts"
import { eventually } from "./support/patience.ts"

interface Ended {
  readonly out: ReadonlyArray<string>
  readonly error: ReadonlyArray<string>
  readonly code: number
  readonly exit: Exit.Exit<void, unknown>
}

const commandLine = (console: Console.Console, words: ReadonlyArray<string>) =>
  Commands.run({ version: "1.2.3", demo: Effect.void })(["node", "effect-qq", ...words]).pipe(
    Effect.tapError(Commands.report),
    Effect.withConsole(console),
    Effect.provide(Layer.merge(NodeContext.layer, NodeHttpClient.layerUndici))
  )

/** Runs a command for the bot of a sandbox, as the bin does. */
const run = (platform: Sandbox.SandboxShape, ...words: ReadonlyArray<string>): Effect.Effect<Ended> =>
  Effect.gen(function* () {
    const { console, error, out } = yield* record
    const environment = ConfigProvider.fromMap(
      new Map([
        ["QQ_APP_ID", platform.appId],
        ["QQ_APP_SECRET", Redacted.value(platform.secret)],
        ["QQ_API_URL", platform.apiUrl],
        ["QQ_TOKEN_URL", platform.tokenUrl]
      ])
    )
    const exit = yield* Effect.exit(Effect.withConfigProvider(commandLine(console, words), environment))
    const code = yield* Effect.async<number>((resume) =>
      Commands.teardown(exit, (code) => resume(Effect.succeed(code)))
    )
    return { out, error, code, exit }
  })

const send = (platform: Sandbox.SandboxShape, ...words: ReadonlyArray<string>): Effect.Effect<Ended> =>
  run(platform, "send", ...words)

const post = (url: string, body: unknown): Effect.Effect<Record<string, unknown>> =>
  Effect.promise(async (signal) => {
    const response = await fetch(url, { method: "POST", body: JSON.stringify(body), signal })
    return { status: response.status, ...((await response.json()) as object) }
  })

const file = (name: string, content: string | Uint8Array) =>
  Effect.map(temporaryDirectory, (directory) => {
    const path = Path.join(directory, name)
    Fs.writeFileSync(path, content)
    return path
  })

const tagOf = ({ exit }: Ended): unknown =>
  Exit.isFailure(exit)
    ? Option.getOrUndefined(
        Option.map(Cause.failureOption(exit.cause), (error) => (error as { readonly _tag?: unknown })._tag)
      )
    : undefined

/** The bot, online elsewhere until the scope closes. */
const session = (platform: Sandbox.SandboxShape) =>
  Effect.gen(function* () {
    const { access_token } = yield* post(platform.tokenUrl, {
      appId: platform.appId,
      clientSecret: Redacted.value(platform.secret)
    })
    const socket = yield* Effect.acquireRelease(
      Effect.sync(() => new WebSocket.WebSocket(platform.gatewayUrl)),
      (socket) => Effect.sync(() => socket.terminate())
    )
    const identify = { token: `QQBot ${access_token}`, intents: 1 << 25, shard: [0, 1], properties: {} }
    socket.once("message", () => socket.send(JSON.stringify({ op: 2, d: identify })))
    yield* eventually("a session", () =>
      platform.model.journal.some((entry) => entry.kind === "Sent" && entry.t === "READY")
    )
  })

/** No retry is of any use here, and some of them take minutes. */
const refusing = (code: number, status = 400) => ({
  _tag: "RefuseMessage" as const,
  of: "any" as const,
  code,
  status
})

describe("text from elsewhere", () => {
  it("is shown with control, format, bidirectional and separator characters escaped, and the rest as it is", () => {
    assert.strictEqual(
      Send.printable("a\u202eb\u200bc\u2028d\u2029e\u2066f\ufeffg\u00adh\u009bi\u{e0041}j\ud800"),
      "a\\u202eb\\u200bc\\u2028d\\u2029e\\u2066f\\ufeffg\\u00adh\\u009bi\\udb40\\udc41j\\ud800"
    )
    assert.strictEqual(Send.printable("早安 😀\tü\n"), "早安 😀\tü\n")
    assert.strictEqual(Send.line("a\r\nb\u2028c"), "a\\u000d b\\u2028c")
  })
})

describe("effect-qq send", () => {
  it.scopedLive("prints a receipt for a message that nobody asked for", () =>
    Effect.gen(function* () {
      const platform = yield* Sandbox.make({ port: 0 })
      const ended = yield* send(platform, "--to", "c2c:u1", "--text", "good morning")
      const [seen] = platform.model.sent
      assert.deepStrictEqual([ended.code, ended.error], [0, []])
      assert.strictEqual(ended.out.length, 1)
      const [first, id, time, ...rest] = (ended.out[0] ?? "").split("\n")
      assert.deepStrictEqual(
        [first, id, rest],
        ["sent to c2c:u1 unasked", `  id        ${seen?.id}`, ["  attempts  1"]]
      )
      assert.match(time ?? "", /^ {2}time {6}\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+08:00$/)
      assert.deepInclude(seen, { scene: "c2c", target: "u1", content: "good morning", msgType: 0 })
      assert.notProperty(seen, "msgId")
    })
  )

  it.scopedLive("replies, in private and in groups", () =>
    Effect.gen(function* () {
      const platform = yield* Sandbox.make({ port: 0 })
      const inPrivate = yield* platform.say({ scene: "c2c", user: "u1", text: "hi" })
      const inGroup = yield* platform.say({ scene: "group", group: "g1", member: "m1", text: "hi" })
      const one = yield* send(platform, "--to", "c2c:u1", "--reply-to", inPrivate, "--text", "one")
      const two = yield* send(platform, "--to", "group:g1", "--reply-to", inGroup, "--text", "two", "--json")
      assert.deepStrictEqual([one.code, two.code], [0, 0])
      assert.match(one.out[0] ?? "", /^sent to c2c:u1 as a reply\n/)
      const { sent } = JSON.parse(two.out[0] ?? "") as { readonly sent: Record<string, unknown> }
      assert.deepInclude(sent, { to: "group:g1", via: "passive", attempts: 1, deduplicated: false })
      assert.strictEqual(sent["id"], platform.model.sent[1]?.id)
      assert.deepStrictEqual(
        platform.model.sent.map(({ content, msgId, target }) => [target, msgId, content]),
        [
          ["u1", inPrivate, "one"],
          ["g1", inGroup, "two"]
        ]
      )
    })
  )

  it.scopedLive("says that a message can no longer be replied to, why, and what to do, and ends with 10", () =>
    Effect.gen(function* () {
      const window = { duration: 1, replies: 4 }
      const platform = yield* Sandbox.make({ port: 0, platform: { windows: { c2c: window } } })
      const id = yield* platform.say({ scene: "c2c", user: "u1", text: "hi" })
      const clock = yield* Effect.clock
      const end = clock.unsafeCurrentTimeMillis() + window.duration
      yield* eventually("the end of the window", () => clock.unsafeCurrentTimeMillis() > end)
      const ended = yield* send(platform, "--to", "c2c:u1", "--reply-to", id, "--text", "too late")
      assert.deepStrictEqual([ended.code, tagOf(ended), ended.out], [10, "MsgIdExpired", []])
      assert.strictEqual(ended.error.length, 1)
      const lines = (ended.error[0] ?? "").split("\n")
      assert.match(lines[0] ?? "", /^effect-qq: the message can no longer be replied to: .*已过期/)
      assert.deepInclude(lines, "  error     MsgIdExpired (exit code 10)")
      assert.deepInclude(lines, "  code      40034005")
      assert.match(ended.error[0] ?? "", /^ {2}trace {5}[0-9a-f]{32}$/m)
      assert.match(ended.error[0] ?? "", /^ {2}hint {6}.*send proactively/m)
      assert.deepStrictEqual(platform.model.sent, [])
      const asJson = yield* send(platform, "--to", "c2c:u1", "--reply-to", id, "--text", "too late", "--json")
      const { error } = JSON.parse(asJson.out[0] ?? "") as { readonly error: Record<string, unknown> }
      assert.deepInclude(error, { tag: "MsgIdExpired", exitCode: 10, code: 40034005 })
      // unasked only where that was asked for
      const unasked = ["--to", "c2c:u1", "--reply-to", id, "--text", "late", "--if-expired", "proactive"]
      const proactive = yield* send(platform, ...unasked)
      assert.strictEqual(proactive.code, 0)
      assert.match(proactive.out[0] ?? "", /^sent to c2c:u1 unasked, for it could no longer be a reply\n/)
      platform.model.allowProactive("c2c", "u1", false)
      assert.match(
        proactive.error.join("\n"),
        /^effect-qq: the message can no longer be replied to: .*sending it proactively$/
      )
      const neither = yield* send(platform, ...unasked)
      assert.strictEqual(neither.code, 15)
      assert.match(
        neither.error.at(-1) ?? "",
        /can no longer be replied to: .*; then the bot may not write here unasked/
      )
      assert.strictEqual(platform.model.sent.length, 1)
    })
  )

  it.scopedLive("replies to what effect-qq say has named", () =>
    Effect.gen(function* () {
      const platform = yield* Sandbox.make({ port: 0 })
      const said = yield* run(platform, "say", "--user", "u1", "--port", String(platform.port), "--id", "hi")
      assert.strictEqual(said.out.length, 1)
      const ended = yield* send(platform, "--to", "c2c:u1", "--reply-to", said.out[0] ?? "", "--text", "hello")
      assert.strictEqual(ended.code, 0, ended.error.join("\n"))
      assert.strictEqual(platform.model.sent[0]?.msgId, said.out[0])
    })
  )

  it.scopedLive("finds the window of effect-qq sandbox as short as it was asked to be", () =>
    Effect.gen(function* () {
      const { console, out } = yield* record
      yield* Effect.forkScoped(commandLine(console, ["sandbox", "--port", "0", "--reply-window", "0"]))
      yield* eventually("the sandbox", () => out.length > 0)
      const url = /QQ_API_URL='([^']+)'/.exec(out[0] ?? "")?.[1] ?? ""
      const own = yield* Sandbox.make({ port: 0 })
      const platform = { ...own, apiUrl: url, tokenUrl: `${url}/app/getAppAccessToken` }
      const said = yield* run(platform, "say", "--user", "u1", "--port", new URL(url).port, "--id", "hi")
      const ended = yield* send(platform, "--to", "c2c:u1", "--reply-to", said.out[0] ?? "", "--text", "hello")
      assert.deepStrictEqual([tagOf(ended), ended.code], ["MsgIdExpired", 10], ended.error.join("\n"))
    })
  )

  it.scopedLive("ends with another code for each reason", () =>
    Effect.gen(function* () {
      const platform = yield* Sandbox.make({ port: 0 })
      const cases = [
        [refusing(40034122), "QuotaExhausted", 12],
        [refusing(40034006), "MessageRejected", 13],
        [refusing(11253, 401), "PermissionDenied", 14],
        [refusing(40034105), "ProactiveRefused", 15],
        [{ _tag: "Http", endpoint: "send", failure: { _tag: "Reset", accepted: true } }, "DeliveryUnknown", 16]
      ] as const
      for (const [fault, tag, code] of cases) {
        yield* platform.inject(fault)
        const ended = yield* send(platform, "--to", "c2c:u1", "--text", "hi")
        assert.deepStrictEqual([tagOf(ended), ended.code, ended.out], [tag, code, []], ended.error.join("\n"))
        assert.include(ended.error[0], `${tag} (exit code ${code})`)
        const printed = ended.error.join("\n")
        for (const secret of [Redacted.value(platform.secret), ...platform.model.issuedTokens()]) {
          assert.notInclude(printed, secret)
        }
      }
      const empty = yield* send(platform, "--to", "c2c:u1", "--text", "")
      assert.deepStrictEqual([tagOf(empty), empty.code], ["MessageInvalid", 18])
      // what an unknown outcome left behind is the only message
      assert.strictEqual(platform.model.sent.length, 1)
    })
  )

  it("has a code of its own for every reason, and says what can be done about it", () => {
    const facts = { detail: "refused\u001b[2J\nhere", hint: "do something else", code: 1, errCode: 2, traceId: "t" }
    const errors = [
      new SendError.MsgIdExpired(facts),
      new SendError.RateLimited(facts),
      new SendError.QuotaExhausted({ ...facts, of: "message" }),
      new SendError.MessageRejected({ ...facts, class: "content_blocked" }),
      new SendError.PermissionDenied(facts),
      new SendError.ProactiveRefused(facts),
      new SendError.DeliveryUnknown(facts),
      new SendError.PlatformUnavailable(facts)
    ]
    assert.deepStrictEqual(errors.map(Send.exitCode), [10, 11, 12, 13, 14, 15, 16, 17])
    for (const error of errors) {
      const [first, ...rest] = Send.describeError(error).split("\n")
      assert.match(first ?? "", /^effect-qq: .+refused\\u001b\[2J here$/)
      assert.deepStrictEqual(rest.slice(1), [
        "  code      1",
        "  err_code  2",
        "  trace     t",
        "  hint      do something else"
      ])
    }
    const invalid = new SendError.MessageInvalid({ field: "content", detail: "is empty", hint: "write something" })
    assert.strictEqual(Send.exitCode(invalid), 18)
    const strange: ReadonlyArray<unknown> = [new Error("else"), { _tag: "MsgIdExpired" }, undefined, "MsgIdExpired"]
    assert.deepStrictEqual(strange.map(Send.exitCode), [1, 1, 1, 1])
  })

  it.scopedLive("sends markdown from a file, and pictures from files and addresses", () =>
    Effect.gen(function* () {
      const platform = yield* Sandbox.make({ port: 0 })
      const markdown = yield* file("news.md", "# News\n\nnone")
      const picture = yield* file("a.png", Uint8Array.from([0x89, 0x50, 0x4e, 0x47]))
      const codes = [
        yield* send(platform, "--to", "c2c:u1", "--markdown-file", markdown),
        yield* send(platform, "--to", "group:g1", "--image", picture),
        yield* send(platform, "--to", "c2c:u1", "--image", "https://example.com/a.png", "--text", "look")
      ].map(({ code, error }) => [code, error])
      assert.deepStrictEqual(codes, [
        [0, []],
        [0, []],
        [0, []]
      ])
      const uploaded = platform.model.journal.flatMap((entry) =>
        entry.kind === "Uploaded" ? [[entry.scene, entry.by, entry.size, entry.file]] : []
      )
      assert.deepStrictEqual(
        platform.model.sent.map(({ content, file, msgType }) => [msgType, content, file]),
        [
          [2, "# News\n\nnone", undefined],
          [7, "", uploaded[0]?.[3]],
          [7, "look", uploaded[1]?.[3]]
        ]
      )
      assert.deepStrictEqual(
        uploaded.map(([scene, by, size]) => [scene, by, size]),
        [
          ["group", "file_data", 4],
          ["c2c", "url", undefined]
        ]
      )
    })
  )

  it.scopedLive("reaches channels and direct messages while the bot is online elsewhere", () =>
    Effect.gen(function* () {
      const platform = yield* Sandbox.make({ port: 0 })
      yield* session(platform)
      const id = yield* platform.say({ scene: "dm", guild: "7001", user: "e1", text: "psst" })
      const inChannel = yield* send(platform, "--to", "channel:c1", "--text", "to all")
      const direct = yield* send(platform, "--to", "dm:7001", "--reply-to", id, "--text", "to you")
      assert.deepStrictEqual([inChannel.code, direct.code], [0, 0], [...inChannel.error, ...direct.error].join("\n"))
      assert.deepStrictEqual(
        platform.model.sent.map(({ content, msgId, scene, target }) => [scene, target, msgId, content]),
        [
          ["channel", "c1", undefined, "to all"],
          ["dm", "7001", id, "to you"]
        ]
      )
      assert.strictEqual(platform.model.counters().openSockets, 1)
    })
  )

  it.scopedLive("refuses options that do not go together, and sends nothing", () =>
    Effect.gen(function* () {
      const platform = yield* Sandbox.make({ port: 0 })
      const markdown = yield* file("news.md", "# News")
      const cases = [
        ["--to", "u1", "--text", "hi"],
        ["--to", "c2c:", "--text", "hi"],
        ["--to", "c2c:u1"],
        ["--to", "c2c:u1", "--text", "hi", "--markdown-file", markdown],
        ["--to", "c2c:u1", "--image", `${markdown}.png`]
      ]
      for (const words of cases) {
        const ended = yield* send(platform, ...words)
        assert.deepStrictEqual([tagOf(ended), ended.code], ["Misused", 1], words.join(" "))
      }
      const strange = yield* send(platform, "--to", "c2c:u1", "--text", "hi", "--if-expired", "perhaps")
      assert.strictEqual(strange.code, 1)
      const requests = platform.model.journal.filter(({ kind }) => kind === "Request")
      assert.deepStrictEqual(requests, [])
    })
  )

  it.scopedLive("names what is missing in the environment", () =>
    Effect.gen(function* () {
      const platform = yield* Sandbox.make({ port: 0 })
      const ended = yield* send({ ...platform, appId: "" }, "--to", "c2c:u1", "--text", "hi")
      assert.strictEqual(ended.code, 1)
      assert.include(ended.error.join("\n"), "QQ_APP_ID")
      assert.notInclude(ended.error.join("\n"), Redacted.value(platform.secret))
    })
  )

  it.scopedLive("tells its exit codes in its help", () =>
    Effect.gen(function* () {
      const platform = yield* Sandbox.make({ port: 0 })
      const { out } = yield* send(platform, "--help")
      for (const [tag, code] of Object.entries({ MsgIdExpired: 10, RateLimited: 11, PlatformUnavailable: 17 })) {
        assert.match(out.join("\n"), new RegExp(`${code} +${tag}`))
      }
    })
  )
})

describe("Sandbox", () => {
  it.scopedLive("lets other processes speak in channels and direct messages", () =>
    Effect.gen(function* () {
      const platform = yield* Sandbox.make({ port: 0 })
      const url = `${platform.apiUrl}/sandbox/say`
      const said = [
        { scene: "channel", channel: "c1", user: "e1", text: "a" },
        { scene: "channel", channel: "c1", user: "e1", guild: "77", at: false, text: "b" },
        { scene: "dm", guild: "d1", user: "e1", text: "c" }
      ]
      for (const body of said) assert.strictEqual((yield* post(url, body))["status"], 200)
      assert.deepStrictEqual(
        platform.model.journal.flatMap((entry) =>
          entry.kind === "Said" ? [[entry.type, entry.target, entry.text]] : []
        ),
        [
          ["AT_MESSAGE_CREATE", "c1", "a"],
          ["MESSAGE_CREATE", "c1", "b"],
          ["DIRECT_MESSAGE_CREATE", "d1", "c"]
        ]
      )
      assert.strictEqual((yield* post(url, { scene: "dm", user: "e1", text: "c" }))["status"], 400)
    })
  )

  it.effect("reads the faults of messages, and nothing like them", () =>
    Effect.gen(function* () {
      const faults = [
        { _tag: "RefuseMessage", of: "markdown", code: 40034012, status: 500, longerThan: 3, times: 2 },
        { _tag: "Audit", outcome: "never", status: 200 },
        { _tag: "Http", endpoint: "upload", failure: { _tag: "Refused" } },
        { _tag: "Http", endpoint: "stream", failure: { _tag: "Status", status: 413 } },
        { _tag: "Http", endpoint: "recall", failure: { _tag: "Hang", accepted: true } },
        { _tag: "Http", endpoint: "interaction", failure: { _tag: "Slow", after: 5 } }
      ]
      for (const fault of faults) assert.deepStrictEqual<unknown>(yield* Fault.decode(fault), fault)
      const others = [
        { _tag: "RefuseMessage", of: "sadness", code: 1 },
        { _tag: "RefuseMessage", of: "markdown" },
        { _tag: "Audit", outcome: "pass", status: 404 },
        { _tag: "Http", endpoint: "elsewhere", failure: { _tag: "Refused" } }
      ]
      for (const fault of others) assert.strictEqual((yield* Effect.either(Fault.decode(fault)))._tag, "Left")
    })
  )

  it.scopedLive("shows a stream once, when it is whole", () =>
    Effect.gen(function* () {
      const platform = yield* Sandbox.make({ port: 0 })
      const { access_token } = yield* post(platform.tokenUrl, {
        appId: platform.appId,
        clientSecret: Redacted.value(platform.secret)
      })
      const part = (body: object): Effect.Effect<Record<string, unknown>> =>
        Effect.promise(async (signal) => {
          const response = await fetch(`${platform.apiUrl}/v2/users/u1/stream_messages`, {
            method: "POST",
            headers: { authorization: `QQBot ${access_token}` },
            body: JSON.stringify(body),
            signal
          })
          return (await response.json()) as Record<string, unknown>
        })
      const asked = yield* Effect.fork(platform.ask({ scene: "c2c", user: "u1", text: "hi" }, "10 seconds"))
      const saidId = (): string | undefined =>
        platform.model.journal.flatMap((entry) => (entry.kind === "Said" ? [entry.id] : []))[0]
      yield* eventually("the message", () => saidId() !== undefined)
      const common = { msg_id: saidId(), msg_seq: 1 }
      const first = yield* part({ ...common, input_state: 1, index: 0, content_raw: "Hel" })
      yield* part({ ...common, input_state: 10, index: 1, content_raw: "lo", stream_msg_id: first["id"] })
      const { answers } = yield* asked
      assert.deepStrictEqual(
        answers.map(({ content }) => content),
        ["Hello"]
      )
    })
  )
})
