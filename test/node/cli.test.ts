import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { describe, it } from "@effect/vitest"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { assert } from "vitest"
import * as Commands from "../../packages/cli/src/commands/Commands.ts"
import * as Sandbox from "../../packages/cli/src/sandbox/Sandbox.ts"
import { eventually } from "./support/patience.ts"
import { record, type Recorded } from "./support/console.ts"

const run = (recorded: Recorded, ...words: ReadonlyArray<string>) =>
  Commands.run({ version: "1.2.3", demo: Console.log("the demo ran") })(["node", "effect-qq", ...words]).pipe(
    Effect.tapError(Commands.report),
    Effect.withConsole(recorded.console),
    Effect.provide(Layer.merge(NodeContext.layer, NodeHttpClient.layerUndici))
  )

/** A bot that answers what it is told to, as soon as something was said to it. */
const answerWith = (sandbox: Sandbox.SandboxShape, ...contents: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
      Effect.promise(async () => {
        const response = await fetch(`${sandbox.apiUrl}${path}`, {
          method: "POST",
          body: JSON.stringify(body),
          headers
        })
        return (await response.json()) as Record<string, unknown>
      })
    const { access_token } = yield* post("/app/getAppAccessToken", {
      appId: sandbox.appId,
      clientSecret: Redacted.value(sandbox.secret)
    })
    const said = yield* Effect.repeat(
      Effect.delay(
        Effect.sync(() => sandbox.model.journal.find((entry) => entry.kind === "Said")),
        1
      ),
      { until: (entry) => entry !== undefined }
    )
    if (said?.kind !== "Said") return
    const place = said.scene === "c2c" ? "users" : "groups"
    yield* Effect.forEach(contents, (content, index) =>
      post(
        `/v2/${place}/${said.target}/messages`,
        { msg_type: 0, content, msg_id: said.id, msg_seq: index + 1 },
        { authorization: `QQBot ${access_token}` }
      )
    )
  })

describe("effect-qq", () => {
  it.scopedLive("sandbox prints how to connect, as a shell takes it, and what the bot says", () =>
    Effect.gen(function* () {
      const recorded = yield* record
      yield* Effect.fork(run(recorded, "sandbox", "--port", "0", "--app-id", "102000001", "--secret", "it's"))
      const lines = yield* recorded.until("QQ_APP_ID")
      assert.match(lines, /^export QQ_API_URL='http:\/\/127\.0\.0\.1:\d+'$/m)
      assert.match(lines, /^export QQ_TOKEN_URL='http:\/\/127\.0\.0\.1:\d+\/app\/getAppAccessToken'$/m)
      assert.match(lines, /^export QQ_APP_ID='102000001'$/m)
      assert.match(lines, /^export QQ_APP_SECRET='it'\\''s'$/m)
      const url = /QQ_API_URL='([^']+)'/.exec(lines)?.[1] ?? ""
      const answer = yield* Effect.promise(async () => {
        const response = await fetch(`${url}/app/getAppAccessToken`, {
          method: "POST",
          body: JSON.stringify({ appId: "102000001", clientSecret: "it's" })
        })
        const { access_token } = (await response.json()) as Record<string, unknown>
        return fetch(`${url}/v2/users/u1/messages`, {
          method: "POST",
          body: JSON.stringify({ msg_type: 0, content: "good \u001B[31mmorning" }),
          headers: { authorization: `QQBot ${access_token}` }
        })
      })
      assert.strictEqual(answer.status, 200)
      assert.strictEqual(yield* recorded.until("good"), "# bot to user u1: good \\u001b[31mmorning")
    })
  )

  it.scopedLive("sandbox prints an address of the page, and another one once a browser has used it", () =>
    Effect.gen(function* () {
      const recorded = yield* record
      yield* Effect.fork(run(recorded, "sandbox", "--port", "0"))
      const address = (line: string): string => /http:\/\/127\.0\.0\.1:\d+\/\?token=[\w-]+/.exec(line)?.[0] ?? ""
      const first = address(yield* recorded.until("in a browser"))
      const opened = yield* Effect.promise(() => fetch(first, { redirect: "manual" }))
      assert.strictEqual(opened.status, 303)
      const pages = () => recorded.out.map(address).filter((url) => url !== "")
      yield* eventually("another address", () => pages().length === 2)
      assert.notStrictEqual(pages()[1], first)
    })
  )

  it.scopedLive("sandbox --no-page prints no page, and reports an unreachable webhook in one line", () =>
    Effect.gen(function* () {
      const recorded = yield* record
      yield* Effect.fork(run(recorded, "sandbox", "--port", "0", "--no-page"))
      yield* recorded.until("QQ_APP_ID")
      assert.isFalse(recorded.out.some((line) => line.includes("token=")))
      const error = yield* Effect.flip(run(recorded, "sandbox", "--port", "0", "--webhook", "http://127.0.0.1:1/"))
      assert.strictEqual(error._tag, "Misused")
      assert.include(recorded.error.at(-1), "cannot be reached: start the bot first")
    })
  )

  it.scopedLive("say prints every answer", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make({ port: 0 })
      yield* Effect.fork(answerWith(sandbox, "one", "two"))
      const recorded = yield* record
      yield* run(recorded, "say", "--group", "g1", "--member", "m7", "--port", String(sandbox.port), "hi there")
      assert.deepStrictEqual(recorded.out, ["one", "two"])
      const said = sandbox.model.journal.find((entry) => entry.kind === "Said")
      assert.propertyVal(said, "target", "g1")
      assert.propertyVal(said, "text", "hi there")
    })
  )

  it.scopedLive("say --full says it in a group that lets the bot receive everything", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make({ port: 0 })
      const recorded = yield* record
      yield* run(recorded, "say", "--group", "g1", "--full", "--id", "--port", String(sandbox.port), "hi")
      yield* run(recorded, "say", "--group", "g1", "--id", "--port", String(sandbox.port), "hi")
      assert.deepStrictEqual(
        sandbox.model.journal.flatMap((entry) => (entry.kind === "Said" ? [entry.type] : [])),
        ["GROUP_MESSAGE_CREATE", "GROUP_AT_MESSAGE_CREATE"]
      )
    })
  )

  it.scopedLive("say to a user reaches the private chat", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make({ port: 0 })
      yield* Effect.fork(answerWith(sandbox, "hello"))
      const recorded = yield* record
      yield* run(recorded, "say", "--user", "u1", "--port", String(sandbox.port), "hi")
      assert.deepStrictEqual(recorded.out, ["hello"])
      assert.propertyVal(sandbox.model.sent[0], "scene", "c2c")
    })
  )

  it.scopedLive("no answer in time is a failure that says so", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make({ port: 0 })
      const recorded = yield* record
      const error = yield* Effect.flip(
        run(recorded, "say", "--user", "u1", "--port", String(sandbox.port), "--wait", "1", "hi")
      )
      assert.strictEqual(error._tag, "NoAnswer")
      assert.deepStrictEqual(recorded.out, [])
      assert.deepStrictEqual(recorded.error, ["effect-qq: no answer within 1s: is a bot connected to this sandbox?"])
    })
  )

  it.scopedLive("no sandbox there is a failure that says so", () =>
    Effect.gen(function* () {
      const { port } = yield* Effect.scoped(Sandbox.make({ port: 0 }))
      const recorded = yield* record
      const error = yield* Effect.flip(run(recorded, "say", "--user", "u1", "--port", String(port), "hi"))
      assert.strictEqual(error._tag, "NoSandbox")
      assert.strictEqual(
        recorded.error[0],
        `effect-qq: no sandbox answers on port ${port} (it cannot be reached): start one with "effect-qq sandbox"`
      )
    })
  )

  it.scopedLive("options that do not go together are refused", () =>
    Effect.gen(function* () {
      const recorded = yield* record
      for (const words of [
        ["say", "hi"],
        ["say", "--user", "u1"],
        ["say", "--user", "u1", "--group", "g1", "hi"],
        ["say", "--user", "u1", "--member", "m1", "hi"],
        ["say", "--user", "u1", "--full", "hi"]
      ]) {
        const error = yield* Effect.flip(run(recorded, ...words))
        assert.strictEqual(error._tag, "Misused")
      }
      for (const words of [["sandbox", "--port", "70000"], ["dance"]]) {
        const error = yield* Effect.flip(run(recorded, ...words))
        assert.notStrictEqual(error._tag, "Misused")
      }
    })
  )

  it.scopedLive("a port that is taken is named", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make({ port: 0 })
      const recorded = yield* record
      const error = yield* Effect.flip(run(recorded, "sandbox", "--port", String(sandbox.port)))
      assert.strictEqual(error._tag, "SandboxError")
      assert.include(recorded.error[0], `port ${sandbox.port} is taken`)
    })
  )

  it.scopedLive("demo and version come from outside", () =>
    Effect.gen(function* () {
      const recorded = yield* record
      yield* run(recorded, "demo")
      assert.deepStrictEqual(recorded.out, ["the demo ran"])
      yield* run(recorded, "--version")
      assert.include(recorded.out[1], "1.2.3")
    })
  )
})
