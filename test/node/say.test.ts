/** `effect-qq say` against a sandbox and a bot that speaks plain HTTP. */
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Terminal from "@effect/platform/Terminal"
import { describe, it } from "@effect/vitest"
import type { Sandbox } from "@effect-qq/cli/sandbox"
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { assert } from "vitest"
import * as Commands from "../../packages/cli/src/commands/Commands.ts"
import * as Say from "../../packages/cli/src/commands/Say.ts"
import { record, type Recorded } from "./support/console.ts"
import * as Live from "./support/live.ts"
import { picture } from "./support/pageBot.ts"
import { eventually } from "./support/patience.ts"

/** What was shown on the terminal without a line of its own. */
const terminal = (shown: Array<string>) =>
  Layer.effect(
    Terminal.Terminal,
    Effect.map(Terminal.Terminal, (real) => ({
      ...real,
      display: (text: string) => Effect.sync(() => void shown.push(text))
    }))
  )

const run = (recorded: Recorded, shown: Array<string>, ...words: ReadonlyArray<string>) =>
  Commands.run({ version: "1.2.3", demo: Console.log("the demo ran") })(["node", "effect-qq", ...words]).pipe(
    Effect.tapError(Commands.report),
    Effect.withConsole(recorded.console),
    Effect.provide(Layer.merge(Layer.provideMerge(terminal(shown), NodeContext.layer), NodeHttpClient.layerUndici))
  )

interface Stage {
  readonly sandbox: Sandbox.SandboxShape
  readonly recorded: Recorded
  readonly shown: Array<string>
  /** Runs `say` with these words. */
  readonly say: (...words: ReadonlyArray<string>) => ReturnType<typeof run>
  readonly post: (path: string, body: unknown) => Effect.Effect<Record<string, unknown>>
  /** Waits for the event of this type and gives its payload. */
  readonly heard: (type: string) => Effect.Effect<Record<string, unknown>>
}

const stage: Effect.Effect<Stage, Sandbox.SandboxError, Scope.Scope> = Effect.gen(function* () {
  const events: Array<{ readonly type: string; readonly d: Record<string, unknown> }> = []
  const sandbox = yield* Live.sandbox({
    platform: {
      guildNeedsSession: false,
      onDispatch: ({ d, type }) => events.push({ type, d: d as Record<string, unknown> })
    }
  })
  const recorded = yield* record
  const shown: Array<string> = []
  const call = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    Effect.promise(async () => {
      const response = await fetch(`${sandbox.apiUrl}${path}`, { method: "POST", body: JSON.stringify(body), headers })
      return (await response.json()) as Record<string, unknown>
    })
  const { access_token: token } = yield* call("/app/getAppAccessToken", {
    appId: sandbox.appId,
    clientSecret: Redacted.value(sandbox.secret)
  })
  return {
    sandbox,
    recorded,
    shown,
    say: (...words) => run(recorded, shown, "say", "--port", String(sandbox.port), ...words),
    post: (path, body) => call(path, body, { authorization: `QQBot ${token}` }),
    heard: (type) =>
      Effect.map(
        eventually(type, () => events.some((event) => event.type === type)),
        () => events.findLast((event) => event.type === type)?.d ?? {}
      )
  }
})

const keyboard = {
  content: {
    rows: [
      {
        buttons: [
          {
            id: "yes",
            render_data: { label: "Yes", visited_label: "Yes", style: 1 },
            action: { type: 1, data: "vote:1", permission: { type: 1 } }
          }
        ]
      }
    ]
  }
}

describe("effect-qq say", () => {
  it.scopedLive("a role, mentions and a channel reach the bot", () =>
    Effect.gen(function* () {
      const { heard, say } = yield* stage
      yield* say("--group", "g1", "--member", "m1", "--role", "admin", "--mention", "m2", "--id", "/mute @m2 10m")
      const inGroup = yield* heard("GROUP_AT_MESSAGE_CREATE")
      assert.strictEqual(inGroup["content"], " /mute <@m2> 10m")
      assert.propertyVal(inGroup["author"], "member_role", "admin")
      yield* say("--channel", "c1", "--user", "u1", "--role", "owner", "--full", "--id", "hi")
      const inChannel = yield* heard("MESSAGE_CREATE")
      assert.propertyVal(inChannel, "channel_id", "c1")
      assert.deepInclude(inChannel["member"] as object, { roles: ["4"] })
    })
  )

  it.scopedLive("a picture goes with it, the bot can fetch it, and the names of the bot's files are printed", () =>
    Effect.gen(function* () {
      const { heard, post, recorded, say } = yield* stage
      const file = Path.join(yield* Live.temporaryDirectory, "cup.png")
      Fs.writeFileSync(file, picture(4, 3))
      const saying = yield* Effect.fork(say("--user", "u1", "--image", file))
      const { attachments, id } = yield* heard("C2C_MESSAGE_CREATE")
      const [attachment] = attachments as ReadonlyArray<Record<string, unknown>>
      assert.deepInclude(attachment, { filename: "cup.png", content_type: "image/png" })
      const bytes = yield* Effect.promise(async () => (await fetch(String(attachment?.["url"]))).arrayBuffer())
      assert.deepStrictEqual(new Uint8Array(bytes), new Uint8Array(Fs.readFileSync(file)))
      const uploaded = yield* post("/v2/users/u1/files", {
        file_type: 1,
        file_name: "answer.png",
        file_data: Buffer.from(picture(2, 2)).toString("base64")
      })
      yield* post("/v2/users/u1/messages", {
        msg_type: 7,
        content: "here",
        media: { file_info: uploaded["file_info"] },
        msg_id: id,
        msg_seq: 1
      })
      yield* Fiber.join(saying)
      assert.deepStrictEqual(recorded.out, ["here\n[image answer.png]"])
    })
  )

  it.scopedLive("a stream is printed as it grows, and its end is waited for", () =>
    Effect.gen(function* () {
      const { heard, post, say, shown } = yield* stage
      const saying = yield* Effect.fork(say("--user", "u1", "--wait", "20", "go on"))
      const { id } = yield* heard("C2C_MESSAGE_CREATE")
      const part = (index: number, text: string, state: 1 | 10, stream?: unknown) =>
        post("/v2/users/u1/stream_messages", {
          content_raw: text,
          content_type: "text",
          input_mode: "append",
          input_state: state,
          index,
          msg_id: id,
          msg_seq: 1,
          ...(stream === undefined ? {} : { stream_msg_id: stream })
        })
      const { id: stream } = yield* part(0, "Once upon", 1)
      yield* eventually("the first part", () => shown.join("") === "Once upon")
      yield* part(1, " a time", 1, stream)
      yield* eventually("the second part", () => shown.join("") === "Once upon a time")
      assert.isNull(saying.unsafePoll())
      yield* part(2, ".", 10, stream)
      yield* Fiber.join(saying)
      assert.strictEqual(shown.join(""), "Once upon a time.\n")
    })
  )

  it.scopedLive("a typing notice is no answer, and what follows it is", () =>
    Effect.gen(function* () {
      const { heard, post, recorded, say } = yield* stage
      const saying = yield* Effect.fork(say("--user", "u1", "think"))
      const { id } = yield* heard("C2C_MESSAGE_CREATE")
      const reply = (msg_seq: number, body: object) => post("/v2/users/u1/messages", { msg_id: id, msg_seq, ...body })
      yield* reply(1, { msg_type: 6, input_notify: { input_type: 1, input_second: 60 } })
      yield* reply(2, { msg_type: 0, content: "done" })
      yield* Fiber.join(saying)
      assert.deepStrictEqual(recorded.out, ["done"])
    })
  )

  it("waits as long as the bot is at work", () => {
    const wait = Duration.seconds(10)
    const seconds = (answers: ReadonlyArray<{ readonly stream?: "generating" | "done" }>, typingUntil = 0) =>
      Duration.toSeconds(Say.patienceFor({ answers, typingUntil, now: 1000, wait }))
    assert.strictEqual(seconds([]), 10)
    assert.strictEqual(seconds([], 61_000), 60)
    assert.strictEqual(seconds([{}]), 0.25)
    assert.strictEqual(seconds([{}], 61_000), 60)
    assert.strictEqual(seconds([{}, { stream: "generating" }]), 10)
    assert.strictEqual(seconds([{ stream: "done" }]), 0.25)
  })

  it.scopedLive("--press presses a button of the newest message that has it, and prints the answer", () =>
    Effect.gen(function* () {
      const { heard, post, recorded, say } = yield* stage
      const none = yield* Effect.flip(say("--group", "g1", "--press", "Yes"))
      assert.include(String(none), "no message of the bot in group:g1 has a button Yes")
      yield* post("/v2/groups/g1/messages", { msg_type: 2, markdown: { content: "?" }, keyboard })
      const refused = yield* Effect.flip(say("--group", "g1", "--press", "Yes"))
      assert.include(String(refused), "the button is not for m1")
      const saying = yield* Effect.fork(say("--group", "g1", "--role", "admin", "--press", "Yes"))
      const { id } = yield* heard("INTERACTION_CREATE")
      yield* post(`/v2/groups/g1/messages`, { msg_type: 0, content: `pressed ${typeof id}` })
      yield* Fiber.join(saying)
      assert.deepStrictEqual(recorded.out, ["pressed string"])
    })
  )

  it.scopedLive("what does not go together is refused in one line, and nothing is said", () =>
    Effect.gen(function* () {
      const { recorded, sandbox, say } = yield* stage
      const [before] = [sandbox.model.journal.length]
      for (const words of [
        ["--user", "u1"],
        ["--user", "u1", "--group", "g1", "hi"],
        ["--channel", "c1", "--group", "g1", "hi"],
        ["--user", "u1", "--role", "admin", "hi"],
        ["--user", "u1", "--mention", "m1", "hi"],
        ["--user", "u1", "--press", "x", "hi"],
        ["--user", "u1", "--image", "package.json", "hi"]
      ]) {
        const error = yield* Effect.flip(say(...words))
        assert.strictEqual(error._tag, "Misused", words.join(" "))
      }
      for (const line of recorded.error) assert.notInclude(line.trim(), "\n")
      assert.lengthOf(sandbox.model.journal, before)
    })
  )
})
