/**
 * A `KeyValueStore` of files whose writes are all or nothing: after a crash at any moment a key has its old value or its
 * new one, never a part of it.
 *
 * A value goes to a temporary file first, reaches the disk, and then takes the place of the old file in one `rename`.
 *
 * @since 0.1.0
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { BadArgument, type PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Clock from "effect/Clock"
import * as Config from "effect/Config"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Crypto from "node:crypto"
import * as Os from "node:os"
import * as Path from "node:path"

/**
 * The beginning of the name of a temporary file. `encodeURIComponent` never leaves "%n", so no key can name such a file.
 *
 * @since 0.1.0
 * @category constants
 */
export const temporaryPrefix = "%new-"

/**
 * The beginning of the name of a lock file, which no key can name either. Neither `clear` nor `size` sees it.
 *
 * @since 0.1.0
 * @category constants
 */
export const lockPrefix = "%lock-"

/** Age, in milliseconds, from which a temporary file counts as left behind by a process that has ended. */
const temporaryLifetime = 60 * 60 * 1000

/** Characters that `encodeURIComponent` leaves and some file system refuses, and a dot where it would have a meaning. */
const forbidden = /[!'()*]|\.$|^\./g

const percent = (character: string): string => `%${character.charCodeAt(0).toString(16).toUpperCase()}`

const fileName = (key: string): Effect.Effect<string, PlatformError> =>
  Effect.try({
    try: () => (key === "" ? "%" : encodeURIComponent(key).replace(forbidden, percent)),
    catch: (cause) =>
      new BadArgument({
        module: "KeyValueStore",
        method: "key",
        description: "a key must be well-formed Unicode",
        cause
      })
  })

const isNotFound = (error: PlatformError): boolean => error._tag === "SystemError" && error.reason === "NotFound"

const absentIsFine = (effect: Effect.Effect<void, PlatformError>): Effect.Effect<void, PlatformError> =>
  Effect.catchIf(effect, isNotFound, () => Effect.void)

/** How long opening a store, or closing it, waits for each answer of the file system. */
const patience = Duration.millis(500)

/** Leaves behind, with a warning, what a file system has not done in time, even where it cannot be interrupted. */
const inTime = <R>(
  what: string,
  effect: Effect.Effect<void, PlatformError, R>
): Effect.Effect<void, PlatformError, R> =>
  effect.pipe(
    Effect.disconnect,
    Effect.timeoutOption(patience),
    Effect.flatMap((done) =>
      Option.isSome(done)
        ? Effect.void
        : Effect.logWarning(
            `the state directory does not answer: ${what} takes longer than ${Duration.format(patience)}`
          )
    )
  )

const bytesOf = (value: string | Uint8Array): Uint8Array =>
  typeof value === "string" ? new TextEncoder().encode(value) : value

/**
 * Opens a store in a directory, which is made (for its owner only) where it is missing. Files are readable by their
 * owner only. A directory that does not answer is warned about and not waited for. Several stores and several processes may share a directory: a read sees one whole value, and the last
 * write wins.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  directory: string
): Effect.Effect<KeyValueStore.KeyValueStore, PlatformError, FileSystem.FileSystem | Scope.Scope> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const lock = yield* Effect.makeSemaphore(1)
    yield* inTime("making it", fs.makeDirectory(directory, { recursive: true, mode: 0o700 }))

    // A rename is on the disk only when its directory is. Windows cannot open a directory, and needs no such thing.
    const syncDirectory: Effect.Effect<void, PlatformError> =
      process.platform === "win32"
        ? Effect.void
        : Effect.scoped(Effect.flatMap(fs.open(directory, { flag: "r" }), (file) => file.sync))

    const removeAbandoned = Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      for (const name of yield* fs.readDirectory(directory)) {
        if (!name.startsWith(temporaryPrefix)) continue
        const path = Path.join(directory, name)
        const age = yield* Effect.map(fs.stat(path), (info) =>
          Option.match(info.mtime, { onNone: () => 0, onSome: (at) => now - at.getTime() })
        ).pipe(Effect.catchIf(isNotFound, () => Effect.succeed(0)))
        if (age > temporaryLifetime) yield* absentIsFine(fs.remove(path))
      }
    })
    yield* inTime("looking for abandoned files", removeAbandoned)

    // One per store, so that two stores of one directory never write to the same file.
    const temporary = Path.join(directory, `${temporaryPrefix}${Crypto.randomUUID()}`)
    yield* Effect.addFinalizer(() =>
      inTime("removing a temporary file", absentIsFine(fs.remove(temporary))).pipe(
        Effect.interruptible,
        Effect.catchAll((error) => Effect.logWarning("a temporary file could not be removed", error))
      )
    )

    const locate = (key: string): Effect.Effect<string, PlatformError> =>
      Effect.map(fileName(key), (name) => Path.join(directory, name))

    const write = (data: Uint8Array): Effect.Effect<void, PlatformError> =>
      Effect.scoped(
        Effect.gen(function* () {
          const file = yield* fs.open(temporary, { flag: "w", mode: 0o600 })
          // a write of nothing is an error to `writeAll`
          if (data.length > 0) yield* file.writeAll(data)
          yield* file.sync
        })
      )

    const exclusively = <A>(effect: Effect.Effect<A, PlatformError>): Effect.Effect<A, PlatformError> =>
      // A caller may leave while it waits for its turn, but not between the write and the rename.
      lock.withPermits(1)(Effect.uninterruptible(effect))

    const getUint8Array = (key: string): Effect.Effect<Option.Option<Uint8Array>, PlatformError> =>
      Effect.flatMap(locate(key), (path) => Effect.asSome(fs.readFile(path))).pipe(
        Effect.catchIf(isNotFound, () => Effect.succeedNone)
      )
    const get = (key: string): Effect.Effect<Option.Option<string>, PlatformError> =>
      Effect.map(
        getUint8Array(key),
        Option.map((bytes) => new TextDecoder().decode(bytes))
      )
    const put = (key: string, data: Uint8Array): Effect.Effect<void, PlatformError> =>
      Effect.flatMap(locate(key), (path) =>
        write(data).pipe(Effect.zipRight(fs.rename(temporary, path)), Effect.zipRight(syncDirectory))
      )
    const names: Effect.Effect<Array<string>, PlatformError> = Effect.map(fs.readDirectory(directory), (all) =>
      all.filter((name) => !name.startsWith(temporaryPrefix) && !name.startsWith(lockPrefix))
    )
    const modifyWith =
      <A extends string | Uint8Array>(read: (key: string) => Effect.Effect<Option.Option<A>, PlatformError>) =>
      (key: string, change: (value: A) => A): Effect.Effect<Option.Option<A>, PlatformError> =>
        exclusively(
          Effect.flatMap(
            read(key),
            Option.match({
              onNone: () => Effect.succeedNone,
              onSome: (old) =>
                Effect.suspend(() => {
                  const value = change(old)
                  return Effect.as(put(key, bytesOf(value)), Option.some(value))
                })
            })
          )
        )

    return KeyValueStore.make({
      get,
      getUint8Array,
      set: (key, value) => exclusively(put(key, bytesOf(value))),
      remove: (key) =>
        exclusively(
          Effect.flatMap(locate(key), (path) => absentIsFine(Effect.zipRight(fs.remove(path), syncDirectory)))
        ),
      clear: exclusively(
        Effect.flatMap(names, (all) =>
          Effect.zipRight(
            Effect.forEach(all, (name) => absentIsFine(fs.remove(Path.join(directory, name))), { discard: true }),
            syncDirectory
          )
        )
      ),
      size: Effect.map(names, (all) => all.length),
      modify: modifyWith(get),
      modifyUint8Array: modifyWith(getUint8Array)
    })
  })

/**
 * A store in a directory as a layer. See {@link make}. Fails when the directory can neither be read nor made.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (directory: string): Layer.Layer<KeyValueStore.KeyValueStore, PlatformError> =>
  Layer.provide(Layer.scoped(KeyValueStore.KeyValueStore, make(directory)), NodeFileSystem.layer)

const setting = (name: string): Config.Config<Option.Option<string>> =>
  Config.string(name).pipe(
    Config.map((text) => text.trim()),
    Config.option,
    Config.map(Option.filter((text) => text !== ""))
  )

/**
 * Where a system keeps what a program must remember.
 *
 * | system | directory |
 * | --- | --- |
 * | any, with `QQ_STATE_DIR` | that directory |
 * | Windows | `%LOCALAPPDATA%\effect-qq`, else `AppData\Local\effect-qq` in the home directory |
 * | macOS | `Library/Application Support/effect-qq` in the home directory |
 * | others | `$XDG_STATE_HOME/effect-qq`, else `.local/state/effect-qq` in the home directory |
 *
 * A relative `XDG_STATE_HOME` is ignored, as its specification demands.
 *
 * @since 0.1.0
 * @category config
 */
export const directoryOn = (platform: NodeJS.Platform, home: string): Config.Config<string> =>
  Config.all([setting("QQ_STATE_DIR"), setting("LOCALAPPDATA"), setting("XDG_STATE_HOME")]).pipe(
    Config.map(([own, local, state]) => {
      const path = platform === "win32" ? Path.win32 : Path.posix
      if (Option.isSome(own)) return own.value
      if (platform === "win32") {
        return path.join(
          Option.getOrElse(local, () => path.join(home, "AppData", "Local")),
          "effect-qq"
        )
      }
      if (platform === "darwin") return path.join(home, "Library", "Application Support", "effect-qq")
      return path.join(
        Option.getOrElse(Option.filter(state, path.isAbsolute), () => path.join(home, ".local", "state")),
        "effect-qq"
      )
    })
  )

/**
 * The directory of this system and this user. See {@link directoryOn}.
 *
 * @since 0.1.0
 * @category config
 */
export const defaultDirectory: Config.Config<string> = Config.suspend(() => directoryOn(process.platform, Os.homedir()))
