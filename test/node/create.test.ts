import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "fast-check"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Url from "node:url"
import { assert } from "vitest"
import * as Files from "../../packages/create-effect-qq/src/Files.ts"
import * as Project from "../../packages/create-effect-qq/src/Project.ts"
import { start, told } from "./support/child.ts"
import { sandbox, temporaryDirectory } from "./support/live.ts"

const root = Path.resolve(Path.dirname(Url.fileURLToPath(import.meta.url)), "..", "..")
const creator = Path.join(root, "packages", "create-effect-qq", "bin", "create-effect-qq.mjs")
const compiler = Path.join(root, "node_modules", "@typescript", "native", "bin", "tsc")
const vitest = Path.join(root, "node_modules", "vitest", "vitest.mjs")

/** Below the root of the repository, whose dependencies the projects find there. */
const directory = Effect.acquireRelease(
  Effect.sync(() => {
    Fs.mkdirSync(Path.join(root, ".cache"), { recursive: true })
    return Fs.mkdtempSync(Path.join(root, ".cache", "created-"))
  }),
  (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true, force: true }))
)

const create = (cwd: string, ...words: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const child = yield* start(creator, { cwd, words })
    const { code } = yield* child.ended
    return { code, printed: child.printed() }
  })

/** Runs a script to its end, which has to be a good one. */
const succeed = (script: string, cwd: string, ...words: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const child = yield* start(script, { cwd, words, patience: "150 seconds" })
    const { code } = yield* child.ended
    assert.strictEqual(code, 0, child.printed())
  })

const project: FastCheck.Arbitrary<Project.Project> = FastCheck.record({
  name: FastCheck.constant("my-bot"),
  transport: FastCheck.constantFrom(...Project.transports),
  scenes: FastCheck.subarray([...Project.scenes], { minLength: 1 }),
  language: FastCheck.constantFrom("en" as const, "zh" as const)
})

describe("npm create effect-qq", () => {
  it.scopedLive(
    "a project type-checks, passes its test and answers in the sandbox, whatever is chosen",
    () =>
      Effect.gen(function* () {
        const parent = yield* directory
        const names = ["plain", "called"] as const
        assert.strictEqual((yield* create(parent, "plain", "--yes", "--language", "en")).code, 0)
        const called = ["--transport", "webhook", "--scenes", "c2c,group,channel,dm", "--language", "zh"]
        assert.strictEqual((yield* create(parent, "called", "--yes", ...called)).code, 0)
        for (const name of names) {
          const path = Path.join(parent, name)
          yield* succeed(compiler, path, "--noEmit")
          yield* succeed(compiler, path, "-p", "tsconfig.build.json")
        }
        // the settings of this repository are not those of a new project
        Fs.writeFileSync(Path.join(parent, "vitest.config.mjs"), "export default {}\n")
        yield* succeed(vitest, parent, "run")
        for (const name of names) {
          const platform = yield* sandbox()
          const bot = yield* start(Path.join(parent, name, "dist", "main.js"), {
            environment: { ...told(platform, yield* temporaryDirectory), BOT_TRANSPORT: "websocket" }
          })
          yield* bot.until("the session is ready")
          const { answers } = yield* platform.ask({ scene: "c2c", user: "u1", text: "/ping" }, "20 seconds")
          assert.deepStrictEqual(
            answers.map(({ content }) => content),
            ["pong"]
          )
        }
      }),
    240_000
  )

  it.scopedLive("overwrites no file of the user, and names an option that it cannot read", () =>
    Effect.gen(function* () {
      const parent = yield* directory
      Fs.mkdirSync(Path.join(parent, "mine"))
      Fs.writeFileSync(Path.join(parent, "mine", "package.json"), "{}")
      const refused = [
        [["mine", "--yes"], "is not empty"],
        [["../mine", "--yes"], "the name must consist of"],
        [["my-bot", "--yes", "--transport", "pigeon"], '--transport cannot be "pigeon"'],
        [["my-bot", "--yes", "--scenes", "c2c,moon"], '--scenes cannot be "c2c,moon"'],
        [["my-bot", "--maybe"], "--maybe"],
        [["my-bot"], "use --yes"]
      ] as const
      for (const [words, reason] of refused) {
        const { code, printed } = yield* create(parent, ...words)
        assert.strictEqual(code, 1, printed)
        assert.include(printed, reason)
      }
      assert.deepStrictEqual(Fs.readdirSync(parent), ["mine"])
      assert.strictEqual(Fs.readFileSync(Path.join(parent, "mine", "package.json"), "utf8"), "{}")
    })
  )

  it("the files of any project are those of its choices", () => {
    FastCheck.assert(
      FastCheck.property(project, (chosen) => {
        const files = Files.of(chosen, { own: "1.2.3" })
        const manifest = JSON.parse(files.get("package.json") ?? "") as {
          readonly dependencies: Record<string, string>
        }
        assert.strictEqual(manifest.dependencies["@effect-qq/core"], "^1.2.3")
        assert.include(files.get("src/bot.ts"), `scenes: [${chosen.scenes.map((scene) => `"${scene}"`).join(", ")}]`)
        const tests = files.get("test/bot.test.ts")?.match(/^it(\.effect)?\(/gm) ?? []
        assert.lengthOf(tests, chosen.scenes.length + 2)
        assert.strictEqual(files.get("src/main.ts")?.includes("NodeWebhook"), chosen.transport !== "websocket")
        for (const [path, text] of files) {
          assert.notInclude(text, "undefined", path)
          assert.isTrue(text.endsWith("\n"), path)
        }
      })
    )
  })

  it("names and scenes are read, or refused", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.string(), (text) => {
        const isPlain = /^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$/.test(text) && text.length <= 100
        assert.strictEqual(Project.nameProblem(text) === undefined, isPlain)
      })
    )
    FastCheck.assert(
      FastCheck.property(FastCheck.subarray([...Project.scenes]), (scenes) => {
        const read = Project.scenesFrom(scenes.toReversed().join(" , "))
        assert.deepStrictEqual(read, scenes.length === 0 ? undefined : scenes)
      })
    )
    assert.isUndefined(Project.scenesFrom("c2c,moon"))
  })
})
