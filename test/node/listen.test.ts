import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { assert } from "vitest"
import { SessionStore } from "@effect-qq/core"
import type { PlatformModel } from "@effect-qq/core/testing"
import type { Sandbox } from "@effect-qq/cli/sandbox"
import * as Commands from "../../packages/cli/src/commands/Commands.ts"
import * as Listen from "../../packages/cli/src/commands/Listen.ts"
import { record } from "./support/console.ts"
import { commandLine, start, told } from "./support/child.ts"
import { onlineBot, sandbox, say, temporaryDirectory } from "./support/live.ts"
import { eventually } from "./support/patience.ts"

/** Listens until the scope closes, and is online when this completes. */
const listening = (platform: Sandbox.SandboxShape, ...words: ReadonlyArray<string>) =>
  Effect.flatMap(temporaryDirectory, (directory) => listeningWith(directory, platform, words))

const listeningWith = (directory: string, platform: Sandbox.SandboxShape, words: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const { console, error, out } = yield* record
    const fiber = yield* Commands.run({ version: "1.2.3", demo: Effect.void })([
      "node",
      "effect-qq",
      "listen",
      ...words
    ]).pipe(
      Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(told(platform, directory))))),
      Effect.withConsole(console),
      Effect.provide(Layer.merge(NodeContext.layer, NodeHttpClient.layerUndici)),
      Effect.forkScoped
    )
    yield* eventually(
      "a listener that is online",
      () => error.some((line) => line.includes("listening")),
      () => [...out, ...error].join("\n")
    )
    return { error, fiber, out }
  })

const inGroup =
  (group: string, member: string) =>
  (text: string): PlatformModel.Said => ({
    scene: "group",
    group,
    member,
    text
  })

/** C1 control, right-to-left override, zero-width space, line separator, and a tag character beyond the BMP. */
const hidden = "one\u009b2J\u202e\u200b\u2028\u{e0041}two"

const last = (line: string | undefined): string => line?.split("  ").at(-1) ?? ""

describe("effect-qq listen", () => {
  it.scopedLive("prints one line for each message, and ends after the number that was asked for", () =>
    Effect.gen(function* () {
      const platform = yield* sandbox()
      const { fiber, out } = yield* listening(platform, "--count", "2")
      yield* say(platform, ["good \u001b[31mmorning\nall"])
      yield* say(platform, ["hello"], inGroup("g1", "m1"))
      yield* Fiber.join(fiber)
      assert.strictEqual(out.length, 2)
      assert.match(
        out[0] ?? "",
        /^\d\d:\d\d:\d\d {2}C2C_MESSAGE_CREATE {2}c2c:u1 {2}\S.* {2}good \\u001b\[31mmorning all$/
      )
      assert.match(out[1] ?? "", /^\d\d:\d\d:\d\d {2}GROUP_AT_MESSAGE_CREATE {2}group:g1 {2}\S.* {2}hello$/)
    })
  )

  it.scopedLive("prints frames as they came", () =>
    Effect.gen(function* () {
      const platform = yield* sandbox()
      const { fiber, out } = yield* listening(platform, "--json", "--count", "1")
      const [id] = yield* say(platform, [hidden])
      yield* Fiber.join(fiber)
      assert.notMatch(out[0] ?? "", /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
      const frame = JSON.parse(out[0] ?? "") as { readonly op: number; readonly t: string; readonly d: object }
      assert.deepStrictEqual([frame.op, frame.t], [0, "C2C_MESSAGE_CREATE"])
      assert.deepInclude<object>(frame.d, { id, content: hidden })
    })
  )

  it("shows an event that is nested more deeply than JSON can be written", () => {
    const depth = 200_000
    const d: unknown = JSON.parse("[".repeat(depth) + "]".repeat(depth))
    const envelope = { op: 0, t: "SOMETHING_NEW", id: "e1", d }
    assert.deepStrictEqual(JSON.parse(Listen.asJson(envelope)), {
      ...envelope,
      d: "(nested too deeply to be shown)"
    })
    assert.match(
      Listen.describe(envelope, DateTime.unsafeMake(0)),
      /SOMETHING_NEW .* \(nested too deeply to be shown\)$/
    )
  })

  it.scopedLive("shows only what was asked for", () =>
    Effect.gen(function* () {
      const platform = yield* sandbox()
      const everything = yield* listening(
        platform,
        "--count",
        "7",
        "--type",
        "READY",
        "--type",
        "C2C_MESSAGE_CREATE",
        "--type",
        "GROUP_AT_MESSAGE_CREATE"
      )
      const one = yield* listening(platform, "--group", "g1")
      const member = yield* listening(platform, "--group", "g1", "--user", "m2")
      const type = yield* listening(platform, "--type", "C2C_MESSAGE_CREATE")
      yield* say(platform, ["a"], inGroup("g1", "m1"))
      yield* say(platform, ["b"], inGroup("g1", "m2"))
      yield* say(platform, ["c"], inGroup("g2", "m2"))
      yield* say(platform, ["d", "e"])
      // the last one goes to all, so what came before it came to all
      yield* say(platform, ["f"], inGroup("g1", "m2"))
      yield* Fiber.join(everything.fiber)
      yield* eventually(
        "the last message everywhere",
        () => last(one.out.at(-1)) === "f" && last(member.out.at(-1)) === "f"
      )
      yield* eventually("the last private message", () => last(type.out.at(-1)) === "e")
      assert.match(everything.out[0] ?? "", /READY/)
      assert.deepStrictEqual(everything.out.slice(1).map(last), ["a", "b", "c", "d", "e", "f"])
      assert.deepStrictEqual(one.out.map(last), ["a", "b", "f"])
      assert.deepStrictEqual(member.out.map(last), ["b", "f"])
      assert.deepStrictEqual(type.out.map(last), ["d", "e"])
    })
  )

  it.scopedLive("asks for the intents it is told, or those that the types need", () =>
    Effect.gen(function* () {
      const asked = () =>
        platform.model.journal.flatMap((entry) => (entry.kind === "Received" && entry.op === 2 ? [entry.intents] : []))
      const platform = yield* sandbox()
      yield* Effect.scoped(listening(platform))
      yield* Effect.scoped(listening(platform, "--type", "INTERACTION_CREATE"))
      yield* Effect.scoped(listening(platform, "--intents", "GUILDS,GUILD_MEMBERS"))
      assert.deepStrictEqual(asked(), [1 << 25, 1 << 26, 3])
    })
  )

  it.scopedLive("takes no event from a bot beside it, and leaves no state behind", () =>
    Effect.gen(function* () {
      const platform = yield* sandbox()
      const bot = yield* onlineBot(platform)
      const record = Path.join(bot.stateDirectory, SessionStore.sessionKey(platform.appId, [0, 1]))
      const sessionId = () => (JSON.parse(Fs.readFileSync(record, "utf8")) as { readonly sessionId: string }).sessionId
      yield* eventually("a stored session", () => Fs.existsSync(record))
      const before = sessionId()
      // even where it is told of the same directory
      const { fiber, out } = yield* listeningWith(bot.stateDirectory, platform, [])
      const ids = yield* say(platform, ["one", "two"])
      yield* eventually("both messages", () => out.length === 2)
      yield* eventually("both answers", () => platform.model.sent.length === 2)
      yield* Fiber.interrupt(fiber)
      ids.push(...(yield* say(platform, ["three"])))
      yield* eventually("an answer to what came later", () => platform.model.sent.length === 3)
      assert.deepStrictEqual(bot.heard, ["one", "two", "three"])
      assert.deepStrictEqual(
        platform.model.sent.map(({ msgId }) => msgId),
        ids
      )
      assert.strictEqual(sessionId(), before)
      assert.deepStrictEqual(
        Fs.readdirSync(bot.stateDirectory).filter((name) => name.startsWith("session.")),
        [Path.basename(record)]
      )
      const closes = platform.model.journal.flatMap((entry) => (entry.kind === "Closed" ? [entry] : []))
      assert.strictEqual(closes.length, 1, "the bot's own connection is untouched")
    })
  )

  it.scopedLive(
    "the bin ends with 0 when it is interrupted",
    () =>
      Effect.gen(function* () {
        const platform = yield* sandbox()
        const child = yield* start(commandLine, {
          words: ["listen"],
          environment: told(platform, yield* temporaryDirectory)
        })
        yield* child.until("listening")
        yield* say(platform, ["hello"])
        yield* child.until("hello")
        yield* child.signal("SIGINT")
        const ended = yield* child.ended
        assert.strictEqual(ended.code, 0, child.printed())
      }),
    60_000
  )
})
