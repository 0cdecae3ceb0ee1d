import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
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

/**
 * A file system whose power fails at the `step`-th call that changes something, once armed: a write gets half of its bytes
 * to the disk, everything else is not done, and nothing is done afterwards.
 */
const crashingAt = (real: FileSystem.FileSystem, step: number) => {
  let left = Number.POSITIVE_INFINITY
  const failure = Effect.dieMessage("power failure")
  const guard = <A, E, R>(effect: Effect.Effect<A, E, R>, half: Effect.Effect<unknown, E, R> = Effect.void) =>
    Effect.suspend(() => {
      left--
      if (left >= 0) return effect
      return left === -1 ? Effect.zipRight(half, failure) : failure
    })
  const fileSystem: FileSystem.FileSystem = {
    ...real,
    rename: (from, to) => guard(real.rename(from, to)),
    remove: (path, options) => guard(real.remove(path, options)),
    writeFile: (path, data, options) =>
      guard(real.writeFile(path, data, options), real.writeFile(path, data.subarray(0, data.length / 2), options)),
    open: (path, options) =>
      Effect.map(guard(real.open(path, options)), (file) =>
        // Some of a file's members are getters, which an assignment cannot replace.
        Object.create(file, {
          writeAll: {
            value: (data: Uint8Array) => guard(file.writeAll(data), file.writeAll(data.subarray(0, data.length / 2)))
          },
          sync: { value: guard(file.sync) }
        })
      )
  }
  return {
    fileSystem,
    arm: () => {
      left = step
    }
  }
}

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
        // The first and the last number of a record are its own, and its length follows from it.
        Fs.writeFileSync(
          program,
          `import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as Effect from "effect/Effect"
import * as NodeStore from "./NodeStore.mjs"
Effect.flatMap(NodeStore.make(process.argv[2]), (store) =>
  Effect.iterate(Number(process.argv[3]), {
    while: () => true,
    body: (n) => Effect.suspend(() => {
      const record = Buffer.alloc(6000000 + n)
      record.writeUInt32BE(n, 0)
      record.writeUInt32BE(n, record.length - 4)
      process.stdout.write("begin " + n + "\\n")
      return Effect.map(store.set("key", record), () => {
        process.stdout.write("end " + n + "\\n")
        return n + 1
      })
    })
  })).pipe(Effect.scoped, Effect.provide(NodeFileSystem.layer), Effect.runFork)
`
        )
        const directory = Path.join(place, "data")
        let written = -1
        for (let round = 0; round < 5; round++) {
          const seen = yield* Effect.promise(async () => {
            const child = ChildProcess.spawn(process.execPath, [program, directory, String(written + 1)], {
              stdio: ["ignore", "pipe", "inherit"]
            })
            let said = ""
            child.stdout.on("data", (chunk: Buffer) => {
              said += chunk.toString()
              // In the middle of a write, as near as can be told from outside.
              if (said.split("begin").length > 2) child.kill("SIGKILL")
            })
            const [code, signal] = await once(child, "close")
            assert.isTrue(signal === "SIGKILL", `the writer ended by itself with ${code}`)
            return Array.from(said.matchAll(/end (\d+)/g), ([, n]) => Number(n)).reduce(
              (a, b) => Math.max(a, b),
              written
            )
          })
          const bytes = yield* within(directory, (store) => Effect.map(store.getUint8Array("key"), Option.getOrThrow))
          const record = Buffer.from(bytes)
          const n = record.readUInt32BE(0)
          assert.strictEqual(record.length, 6_000_000 + n)
          assert.strictEqual(record.readUInt32BE(record.length - 4), n)
          assert.isAtLeast(n, seen, "a finished write is not lost")
          written = n
        }
      }),
    60_000
  )

  it.scopedLive("a crash at any step of a write leaves the old value or the new one", () =>
    Effect.gen(function* () {
      const real = yield* FileSystem.FileSystem
      const oldValue = "old".repeat(1000)
      const newValue = "new".repeat(2000)
      const outcomes: Array<string> = []
      for (let step = 0; ; step++) {
        const directory = yield* temporaryDirectory(Os.tmpdir())
        yield* within(directory, (store) => store.set("key", oldValue))
        const crashing = crashingAt(real, step)
        const exit = yield* NodeStore.make(directory).pipe(
          Effect.tap(() => Effect.sync(crashing.arm)),
          Effect.flatMap((store) => store.set("key", newValue)),
          Effect.scoped,
          Effect.provideService(FileSystem.FileSystem, crashing.fileSystem),
          Effect.exit
        )
        const found = yield* within(directory, (store) => Effect.map(store.get("key"), Option.getOrThrow))
        assert.isTrue(found === oldValue || found === newValue, `torn by a crash at step ${step}`)
        outcomes.push(found === newValue ? "new" : "old")
        if (Exit.isSuccess(exit)) break
      }
      // Some crashes came before the rename and some after it; the last round had none.
      assert.isAtLeast(outcomes.filter((outcome) => outcome === "old").length, 3)
      assert.isAtLeast(outcomes.filter((outcome) => outcome === "new").length, 2)
    }).pipe(Effect.provide(NodeFileSystem.layer))
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
