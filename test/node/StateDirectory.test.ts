import { assert, describe, it } from "@effect/vitest"
import { NodeBot, StateDirectory } from "@effect-qq/node"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { SystemError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Child from "./support/child.ts"
import * as Live from "./support/live.ts"

const appId = "1905000001"

/** The layer of a bot on a directory, built and kept until the scope closes. Nothing is dialled before it is run. */
const open = (stateDirectory: string, options: { readonly appId?: string; readonly inMemory?: boolean } = {}) =>
  Layer.build(NodeBot.layer({ appId, secret: Redacted.make("secret"), stateDirectory, ...options }))

const locksIn = (directory: string): ReadonlyArray<string> =>
  Fs.readdirSync(directory).filter((name) => name.includes("lock"))

/** The error in use, which has to name another process. */
const refused = (directory: string) =>
  Effect.map(Effect.flip(Effect.scoped(open(directory))), (error) => {
    if (error._tag !== "StateDirectoryError") return assert.fail(error._tag)
    return error
  })

/** Another process that runs the bot. */
const running = (directory: string) =>
  Effect.gen(function* () {
    const sandbox = yield* Live.sandbox({ appId, secret: Redacted.make("secret") })
    const child = yield* Child.start(Child.mortalBot, { environment: Child.told(sandbox, directory) })
    yield* child.until("the session is ready")
    return child
  })

const holderIn = (directory: string): Record<string, unknown> & { readonly pid: number } =>
  JSON.parse(Fs.readFileSync(Path.join(directory, `%lock-${appId}`), "utf8"))

describe("the lock of a state directory", () => {
  it.scopedLive(
    "keeps a second process of the same bot out, with an error that names the first and the directory",
    () =>
      Effect.gen(function* () {
        const directory = yield* Live.temporaryDirectory
        const child = yield* running(directory)
        const error = yield* refused(directory)
        assert.strictEqual(error.reason, "InUse")
        assert.strictEqual(error.pid, holderIn(directory).pid)
        assert.notStrictEqual(error.pid, process.pid)
        assert.strictEqual(error.directory, directory)
        for (const part of [String(error.pid), directory, appId, "QQ_STATE_DIR"]) assert.include(error.message, part)
        assert.notInclude(error.message, "\n")
        // another bot, and one in memory, are not kept out
        yield* Effect.scoped(open(directory, { appId: "1905000002" }))
        yield* Effect.scoped(open(directory, { inMemory: true }))
        yield* child.signal("SIGTERM")
        yield* child.ended
        assert.deepStrictEqual(locksIn(directory), [])
        yield* Effect.scoped(open(directory))
      })
  )

  it.scopedLive("of a process that was killed is taken over", () =>
    Effect.gen(function* () {
      const directory = yield* Live.temporaryDirectory
      const child = yield* running(directory)
      child.kill()
      yield* child.ended
      const { pid } = holderIn(directory)
      assert.notStrictEqual(pid, process.pid)
      yield* open(directory)
      assert.strictEqual(holderIn(directory).pid, process.pid)
    })
  )

  it.scopedLive("of a process whose id another one has now is taken over", () =>
    Effect.gen(function* () {
      if (process.platform !== "linux") return
      const directory = yield* Live.temporaryDirectory
      const child = yield* running(directory)
      const holder = holderIn(directory)
      // the process of this id runs, but started later than the one that took the lock
      Fs.writeFileSync(
        Path.join(directory, `%lock-${appId}`),
        JSON.stringify({ ...holder, birth: "1", id: "of an earlier process" })
      )
      yield* open(directory)
      assert.strictEqual(holderIn(directory).pid, process.pid)
      yield* child.signal("SIGKILL")
    })
  )

  it.scopedLive(
    "of another machine, or with content that cannot be read, is taken over when it gives no sign of life",
    () =>
      Effect.gen(function* () {
        const holder = { pid: process.pid, host: "elsewhere", place: "elsewhere", id: "1" }
        yield* Effect.forEach(
          [JSON.stringify(holder), "", '{"pid":'],
          (text) =>
            Effect.gen(function* () {
              const directory = yield* Live.temporaryDirectory
              Fs.writeFileSync(Path.join(directory, `%lock-${appId}`), text)
              yield* open(directory)
              assert.notStrictEqual(holderIn(directory).id, "1")
            }),
          { concurrency: "unbounded" }
        )
      }),
    30_000
  )

  it.scopedLive(
    "of another machine is kept while it gives a sign of life",
    () =>
      Effect.gen(function* () {
        const directory = yield* Live.temporaryDirectory
        const file = Path.join(directory, `%lock-${appId}`)
        Fs.writeFileSync(file, JSON.stringify({ pid: 4242, host: "elsewhere", place: "elsewhere", id: "1" }))
        let at = Fs.statSync(file).mtimeMs / 1000
        const touch = Effect.sync(() => Fs.utimesSync(file, ++at, at))
        yield* Effect.forkScoped(Effect.forever(Effect.delay(touch, "500 millis")))
        const error = yield* refused(directory)
        assert.strictEqual(error.reason, "InUse")
        assert.strictEqual(error.host, "elsewhere")
        assert.include(error.message, "process 4242 on elsewhere")
        assert.strictEqual(holderIn(directory).id, "1")
      }),
    30_000
  )

  it.scopedLive("is shared by the layers of one process, and gone after the last one", () =>
    Effect.gen(function* () {
      const directory = yield* Live.temporaryDirectory
      const first = yield* Scope.make()
      yield* Scope.extend(open(directory), first)
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* open(directory)
          yield* Scope.close(first, Exit.void)
          assert.strictEqual(holderIn(directory).pid, process.pid)
        })
      )
      assert.deepStrictEqual(locksIn(directory), [])
    })
  )

  it.scopedLive("has one holder, however many processes find the lock of a dead one at the same time", () =>
    Effect.gen(function* () {
      const directory = yield* Live.temporaryDirectory
      const sandbox = yield* Live.sandbox({ appId, secret: Redacted.make("secret") })
      const dead = yield* running(directory)
      dead.kill()
      yield* dead.ended
      const children = yield* Effect.forEach(Array.from({ length: 4 }), () =>
        Child.start(Child.mortalBot, { environment: Child.told(sandbox, directory) })
      )
      const isReady = (child: Child.Child) => Effect.as(child.until("the session is ready"), "ready")
      const outcomes = yield* Effect.forEach(
        children,
        (child) =>
          Effect.raceFirst(
            Effect.map(child.ended, ({ code }) => {
              assert.include(child.printed(), "is in use by process")
              return code === 0 ? "ended" : "refused"
            }),
            isReady(child)
          ),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(outcomes.toSorted(), ["ready", "refused", "refused", "refused"])
    })
  )
})

describe("a state directory that cannot be used fails with one line and what to do:", () => {
  const failing = (directory: string, fileSystem?: Partial<FileSystem.FileSystem>) =>
    Effect.gen(function* () {
      const error = yield* refusedWith(directory, fileSystem)
      assert.notInclude(error.message, "\n")
      assert.include(error.message, Path.resolve(directory))
      assert.include(error.message, "QQ_STATE_DIR")
      return error.reason
    })
  const refusedWith = (directory: string, fileSystem?: Partial<FileSystem.FileSystem>) =>
    fileSystem === undefined
      ? refused(directory)
      : Effect.gen(function* () {
          const real = yield* FileSystem.FileSystem
          return yield* Effect.flip(
            Effect.provideService(Effect.scoped(StateDirectory.lock(directory, appId)), FileSystem.FileSystem, {
              ...real,
              ...fileSystem
            })
          )
        }).pipe(Effect.provide(NodeFileSystem.layer))

  it.scopedLive("a file, or a directory below one", () =>
    Effect.gen(function* () {
      const file = Path.join(yield* Live.temporaryDirectory, "file")
      Fs.writeFileSync(file, "")
      assert.strictEqual(yield* failing(file), "NotDirectory")
      assert.strictEqual(yield* failing(Path.join(file, "state")), "NotDirectory")
    })
  )

  it.scopedLive("one that is read-only", () =>
    Effect.gen(function* () {
      const directory = yield* Live.temporaryDirectory
      const denied = (code: string) =>
        new SystemError({
          reason: code === "EACCES" ? "PermissionDenied" : "Unknown",
          module: "FileSystem",
          method: "writeFile",
          cause: Object.assign(new Error(code), { code })
        })
      for (const code of ["EACCES", "EPERM", "EROFS"]) {
        const writeFileString = () => Effect.fail(denied(code))
        assert.strictEqual(yield* failing(directory, { writeFileString }), "NotWritable")
      }
      // the superuser can write everywhere
      if (process.getuid === undefined || process.getuid() === 0) return
      Fs.chmodSync(directory, 0o500)
      assert.strictEqual(yield* failing(directory), "NotWritable")
      assert.strictEqual(yield* failing(Path.join(directory, "state")), "NotWritable")
      Fs.chmodSync(directory, 0o700)
    })
  )

  it.scopedLive("one that is missing and cannot be made", () =>
    Effect.gen(function* () {
      if (process.platform !== "linux") return
      assert.strictEqual(yield* failing("/sys/effect-qq/state"), "NotWritable")
      assert.strictEqual(yield* failing("/sys"), "NotWritable")
    })
  )

  it.scopedLive("a process prints it and ends with 1", () =>
    Effect.gen(function* () {
      const sandbox = yield* Live.sandbox()
      const file = Path.join(yield* Live.temporaryDirectory, "file")
      Fs.writeFileSync(file, "")
      const child = yield* Child.start(Child.mortalBot, { environment: Child.told(sandbox, file) })
      assert.strictEqual((yield* child.ended).code, 1)
      assert.include(child.printed(), `the state directory ${file} is a file, or lies below one`)
      assert.deepStrictEqual(Option.fromNullable(sandbox.model.journal[0]), Option.none())
    })
  )
})
