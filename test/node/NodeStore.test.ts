import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import type { PlatformError } from "@effect/platform/Error"
import type * as KeyValueStore from "@effect/platform/KeyValueStore"
import { describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as ChildProcess from "node:child_process"
import { once } from "node:events"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import * as Readline from "node:readline"
import * as Url from "node:url"
import * as TypeScript from "typescript"
import { assert } from "vitest"
import * as NodeStore from "../../packages/node/src/NodeStore.ts"

const temporaryDirectory = (parent: string): Effect.Effect<string, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => Fs.mkdtempSync(Path.join(parent, "store-"))),
    (directory) => Effect.sync(() => Fs.rmSync(directory, { recursive: true, force: true }))
  )

const within = <A, E>(
  directory: string,
  use: (store: KeyValueStore.KeyValueStore) => Effect.Effect<A, E>
): Effect.Effect<A, E | PlatformError> =>
  Effect.scoped(Effect.flatMap(NodeStore.make(directory), use)).pipe(Effect.provide(NodeFileSystem.layer))

const posix = process.platform !== "win32"

describe("NodeStore", () => {
  it.scopedLive("keeps text and bytes for the next process", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory(Os.tmpdir())
      const bytes = Uint8Array.from([0, 255, 128, 10])
      yield* within(directory, (store) =>
        Effect.zipRight(store.set("session.1.0-1", '{"名":"猫"}'), store.set("bytes", bytes))
      )
      yield* within(directory, (store) =>
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* store.get("session.1.0-1"), Option.some('{"名":"猫"}'))
          const read = Option.getOrThrow(yield* store.getUint8Array("bytes"))
          assert.deepStrictEqual(Array.from(read), Array.from(bytes))
          assert.deepStrictEqual(yield* store.get("absent"), Option.none())
          assert.strictEqual(yield* store.size, 2)
        })
      )
    })
  )

  it.scopedLive("makes a missing directory and files for their owner only", () =>
    Effect.gen(function* () {
      const directory = Path.join(yield* temporaryDirectory(Os.tmpdir()), "a", "b")
      yield* within(directory, (store) => store.set("key", "value"))
      const [name] = Fs.readdirSync(directory)
      assert.strictEqual(name, "key")
      if (posix) {
        assert.strictEqual(Fs.statSync(directory).mode & 0o777, 0o700)
        assert.strictEqual(Fs.statSync(Path.join(directory, "key")).mode & 0o777, 0o600)
      }
    })
  )

  it.scopedLive("keeps keys apart that look like paths", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory(Os.tmpdir())
      const keys = ["", ".", "..", "../escape", "a/b", "a%2Fb", "%new-", "%", "a.", "a*b", "CON?", "消息", "a b"]
      yield* within(directory, (store) =>
        Effect.gen(function* () {
          yield* Effect.forEach(keys, (key) => store.set(key, `value of ${key}`))
          yield* Effect.forEach(keys, (key) =>
            Effect.map(store.get(key), (value) => assert.deepStrictEqual(value, Option.some(`value of ${key}`)))
          )
          assert.strictEqual(yield* store.size, keys.length)
        })
      )
      assert.isFalse(Fs.existsSync(Path.join(directory, "..", "escape")))
      assert.strictEqual(Fs.readdirSync(directory).length, keys.length)
    })
  )

  it.scopedLive("removes, clears and modifies", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory(Os.tmpdir())
      yield* within(directory, (store) =>
        Effect.gen(function* () {
          yield* store.remove("absent")
          yield* store.set("one", "1")
          yield* store.set("two", "2")
          yield* store.remove("one")
          assert.deepStrictEqual(yield* store.get("one"), Option.none())
          assert.deepStrictEqual(yield* store.modify("two", (value) => `${value}2`), Option.some("22"))
          assert.deepStrictEqual(yield* store.modify("absent", () => "made"), Option.none())
          yield* store.clear
          assert.isTrue(yield* store.isEmpty)
          yield* store.set("after", "clear")
          assert.deepStrictEqual(yield* store.get("after"), Option.some("clear"))
        })
      )
    })
  )

  it.scopedLive("does not lose concurrent changes", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory(Os.tmpdir())
      yield* within(directory, (store) =>
        Effect.gen(function* () {
          yield* store.set("count", "0")
          yield* Effect.forEach(
            Array.from({ length: 50 }),
            () => store.modify("count", (value) => String(Number(value) + 1)),
            { concurrency: "unbounded" }
          )
          assert.deepStrictEqual(yield* store.get("count"), Option.some("50"))
        })
      )
    })
  )

  it.scopedLive("two stores of one directory do not disturb each other", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory(Os.tmpdir())
      yield* within(directory, (first) =>
        within(directory, (second) =>
          Effect.gen(function* () {
            const write = (store: KeyValueStore.KeyValueStore, letter: string) =>
              Effect.forEach(Array.from({ length: 40 }), () => store.set("key", letter.repeat(20_000)), {
                discard: true
              })
            yield* Effect.all([write(first, "a"), write(second, "b")], { concurrency: 2 })
            assert.match(Option.getOrThrow(yield* first.get("key")), /^(a{20000}|b{20000})$/)
          })
        )
      )
      assert.deepStrictEqual(Fs.readdirSync(directory), ["key"])
    })
  )

  it.scopedLive("a full or forbidden place is a typed failure", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory(Os.tmpdir())
      Fs.writeFileSync(Path.join(directory, "file"), "")
      const exit = yield* Effect.exit(within(Path.join(directory, "file"), (store) => store.set("key", "value")))
      assert.isTrue(Exit.isFailure(exit) && exit.cause._tag === "Fail")
      const long = yield* Effect.flip(within(directory, (store) => store.set("k".repeat(5000), "value")))
      assert.propertyVal(long, "_tag", "SystemError")
      const malformed = yield* Effect.flip(within(directory, (store) => store.set("\uD800", "value")))
      assert.propertyVal(malformed, "_tag", "BadArgument")
    })
  )

  it.scopedLive("sweeps what dead processes left, and only that", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory(Os.tmpdir())
      const old = Path.join(directory, "%new-old")
      const young = Path.join(directory, "%new-young")
      Fs.writeFileSync(old, "")
      Fs.writeFileSync(young, "")
      Fs.utimesSync(old, 0, 0)
      yield* within(directory, (store) =>
        Effect.map(store.size, (size) => {
          assert.strictEqual(size, 0)
        })
      )
      assert.deepStrictEqual(Fs.readdirSync(directory), ["%new-young"])
    })
  )

  it.scopedLive(
    "a killed process leaves the old value or the new one, never a torn one",
    () =>
      Effect.gen(function* () {
        const root = Path.resolve(Path.dirname(Url.fileURLToPath(import.meta.url)), "..", "..")
        Fs.mkdirSync(Path.join(root, ".cache"), { recursive: true })
        // Inside the repository, so that the child finds the packages.
        const place = yield* temporaryDirectory(Path.join(root, ".cache"))
        const source = Fs.readFileSync(Path.join(root, "packages", "node", "src", "NodeStore.ts"), "utf8")
        const { outputText } = TypeScript.transpileModule(source, {
          compilerOptions: { module: TypeScript.ModuleKind.ESNext, target: TypeScript.ScriptTarget.ES2022 }
        })
        Fs.writeFileSync(Path.join(place, "NodeStore.mjs"), outputText)
        const program = Path.join(place, "writer.mjs")
        Fs.writeFileSync(
          program,
          `import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as Effect from "effect/Effect"
import * as NodeStore from "./NodeStore.mjs"
Effect.flatMap(NodeStore.make(process.argv[2]), (store) =>
  Effect.iterate(Number(process.argv[3]), {
    while: () => true,
    body: (n) => Effect.suspend(() => {
      const text = JSON.stringify({ n, fill: "x".repeat(4000000 + n * 7919), last: n })
      process.stdout.write("begin " + n + "\\n")
      return Effect.map(store.set("key", text), () => {
        process.stdout.write("end " + n + "\\n")
        return n + 1
      })
    })
  })).pipe(Effect.scoped, Effect.provide(NodeFileSystem.layer), Effect.runFork)
`
        )
        const directory = Path.join(place, "data")
        let written = -1
        for (let round = 0; round < 10; round++) {
          const seen = yield* Effect.promise(async () => {
            const child = ChildProcess.spawn(process.execPath, [program, directory, String(written + 1)], {
              stdio: ["ignore", "pipe", "inherit"]
            })
            const exited = once(child, "exit")
            let last = written
            let count = 0
            for await (const line of Readline.createInterface({ input: child.stdout })) {
              const [moment, n] = line.split(" ")
              if (moment === "end") last = Number(n)
              // In the middle of a write, as near as it can be told from outside.
              else if (++count === 2 + round) child.kill("SIGKILL")
            }
            const [code, signal] = await exited
            assert.isTrue(signal === "SIGKILL", `the writer ended by itself with ${code}`)
            return last
          })
          const text = yield* within(directory, (store) => Effect.map(store.get("key"), Option.getOrThrow))
          const record = JSON.parse(text) as { readonly n: number; readonly last: number; readonly fill: string }
          assert.strictEqual(record.n, record.last)
          assert.strictEqual(record.fill.length, 4_000_000 + record.n * 7919)
          assert.isAtLeast(record.n, seen, "a finished write is not lost")
          written = record.n
        }
      }),
    60_000
  )
})

describe("NodeStore.directoryOn", () => {
  const on = (platform: NodeJS.Platform, home: string, environment: Record<string, string>) =>
    Effect.withConfigProvider(
      NodeStore.directoryOn(platform, home),
      ConfigProvider.fromMap(new Map(Object.entries(environment)))
    )

  it.effect("follows the custom of each system", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* on("linux", "/home/b", {}), "/home/b/.local/state/effect-qq")
      assert.strictEqual(yield* on("linux", "/home/b", { XDG_STATE_HOME: "/var/s" }), "/var/s/effect-qq")
      assert.strictEqual(yield* on("linux", "/home/b", { XDG_STATE_HOME: "s" }), "/home/b/.local/state/effect-qq")
      assert.strictEqual(yield* on("linux", "/home/b", { XDG_STATE_HOME: "" }), "/home/b/.local/state/effect-qq")
      assert.strictEqual(yield* on("darwin", "/Users/b", {}), "/Users/b/Library/Application Support/effect-qq")
      assert.strictEqual(yield* on("win32", "C:\\Users\\b", {}), "C:\\Users\\b\\AppData\\Local\\effect-qq")
      assert.strictEqual(yield* on("win32", "C:\\Users\\b", { LOCALAPPDATA: "D:\\Local" }), "D:\\Local\\effect-qq")
      assert.strictEqual(yield* on("linux", "/home/b", { QQ_STATE_DIR: " /srv/qq " }), "/srv/qq")
      assert.strictEqual(yield* on("win32", "C:\\Users\\b", { QQ_STATE_DIR: "E:\\qq" }), "E:\\qq")
    })
  )

  it.effect("the default is that of this system", () =>
    Effect.gen(function* () {
      const provider = ConfigProvider.fromMap(new Map())
      assert.strictEqual(
        yield* Effect.withConfigProvider(NodeStore.defaultDirectory, provider),
        yield* Effect.withConfigProvider(NodeStore.directoryOn(process.platform, Os.homedir()), provider)
      )
    })
  )
})
