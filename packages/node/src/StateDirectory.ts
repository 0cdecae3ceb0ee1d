/**
 * The state directory of one bot: a store of files, and a lock that keeps a second process of the same bot out.
 *
 * The lock is the file `%lock-<appId>`, which holds the process id. Several bots with different app ids can share a
 * directory, and so can several layers of one process. `NodeStore` itself takes no lock: what only reads a directory, as the
 * doctor does, is not kept out.
 *
 * @since 0.1.0
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Crypto from "node:crypto"
import * as Os from "node:os"
import * as Path from "node:path"
import * as NodeStore from "./NodeStore.ts"

/**
 * The state directory cannot be used.
 *
 * @since 0.1.0
 * @category errors
 */
export class StateDirectoryError extends Schema.TaggedError<StateDirectoryError>()("StateDirectoryError", {
  /**
   * - `InUse`: another process runs the same bot on this directory.
   * - `NotDirectory`: the path, or a part of it, is a file.
   * - `NotWritable`: it is read-only, or belongs to another user.
   * - `Unusable`: it could not be made, read or written for another reason.
   */
  reason: Schema.Literal("InUse", "NotDirectory", "NotWritable", "Unusable"),
  /** As an absolute path. */
  directory: Schema.String,
  /** With `InUse`: the app id of the bot. */
  appId: Schema.optional(Schema.String),
  /** With `InUse`: the id of the other process, where its lock can be read. */
  pid: Schema.optional(Schema.Number),
  /** With `InUse`: the name of the machine or container of the other process. */
  host: Schema.optional(Schema.String),
  cause: Schema.optional(Schema.Defect)
}) {
  override get message(): string {
    return `${this.problem}: ${this.hint}`
  }
  private get problem(): string {
    const directory = `the state directory ${this.directory}`
    switch (this.reason) {
      case "InUse": {
        const where = this.host === undefined || this.host === Os.hostname() ? "" : ` on ${this.host}`
        const other = this.pid === undefined ? "another process" : `process ${this.pid}${where}`
        return `${directory} is in use by ${other}, which runs the bot ${this.appId}`
      }
      case "NotDirectory":
        return `${directory} is a file, or lies below one`
      case "NotWritable":
        return `${directory} cannot be written`
      case "Unusable":
        return `${directory} cannot be used${this.cause instanceof Error ? ` (${this.cause.message})` : ""}`
    }
  }
  get hint(): string {
    switch (this.reason) {
      case "InUse":
        return "end that process, or give this one a directory of its own with QQ_STATE_DIR or `stateDirectory`"
      case "NotDirectory":
        return "name a directory in QQ_STATE_DIR or `stateDirectory`"
      case "NotWritable":
        return "let the bot write there, or name another directory in QQ_STATE_DIR or `stateDirectory`"
      case "Unusable":
        return "check the path and the disk, or name another directory in QQ_STATE_DIR or `stateDirectory`"
    }
  }
}

/** How often the holder of a lock touches it: the sign of life for processes of another machine or container. */
const touchedEvery = Duration.seconds(2)

/** How long a lock whose process cannot be asked for is watched for a sign of life: several touches. */
const watchedFor = Duration.seconds(7)

/** How long the removal of the lock may take at the end. */
const releaseTimeout = Duration.seconds(2)

/** What a lock file holds. */
const Holder = Schema.Struct({
  pid: Schema.Int.pipe(Schema.positive()),
  host: Schema.String,
  /** The space of process ids in which `pid` means something: machine, its start, container. */
  place: Schema.String,
  /** When the process started, in a unit of its system: tells it from a later one with the same id. */
  birth: Schema.optional(Schema.String),
  /** One per lock that was taken. */
  id: Schema.String
})
type Holder = typeof Holder.Type

const decodeHolder = Schema.decodeUnknownOption(Schema.parseJson(Holder))

const noText = Effect.succeedNone as Effect.Effect<Option.Option<string>>

/** A file of `/proc`, where there is one. */
const ofProc = (read: Effect.Effect<string, PlatformError>) =>
  process.platform === "linux" ? Effect.catchAll(Effect.asSome(read), () => noText) : noText

interface ProcessStat {
  readonly state: string
  /** Clock ticks between the start of the machine and that of the process. */
  readonly startTime: string | undefined
}

const statOf = (fs: FileSystem.FileSystem, pid: number): Effect.Effect<Option.Option<ProcessStat>> =>
  Effect.map(
    ofProc(fs.readFileString(`/proc/${pid}/stat`)),
    Option.map((text) => {
      // the second field is the name in parentheses, which may hold anything
      const [state = "", ...rest] = text.slice(text.lastIndexOf(")") + 2).split(" ")
      return { state, startTime: rest[18] }
    })
  )

const describeSelf = (fs: FileSystem.FileSystem): Effect.Effect<Holder> =>
  Effect.gen(function* () {
    const boot = yield* ofProc(fs.readFileString("/proc/sys/kernel/random/boot_id"))
    const space = yield* ofProc(fs.readLink("/proc/self/ns/pid"))
    const stat = yield* statOf(fs, process.pid)
    const host = Os.hostname()
    return {
      pid: process.pid,
      host,
      place: [host, ...Option.toArray(boot), ...Option.toArray(space)].map((part) => part.trim()).join(" "),
      birth: Option.getOrUndefined(stat)?.startTime,
      id: Crypto.randomUUID()
    }
  })

/** Whether a process with this id exists in our own space of process ids, zombies aside. */
const exists = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (cause) {
    // EPERM: it is there, and belongs to another user
    return (cause as NodeJS.ErrnoException).code !== "ESRCH"
  }
}

const isReason =
  (...reasons: ReadonlyArray<string>) =>
  (error: PlatformError): boolean =>
    error._tag === "SystemError" && reasons.includes(error.reason)

const isNotFound = isReason("NotFound")
const isTaken = isReason("AlreadyExists")

const errnoOf = (error: PlatformError): string | undefined =>
  error._tag === "SystemError" && error.cause instanceof Error ? (error.cause as NodeJS.ErrnoException).code : undefined

const unusable =
  (directory: string) =>
  (cause: PlatformError): StateDirectoryError => {
    const errno = errnoOf(cause)
    const reason =
      errno === "ENOTDIR" || errno === "EEXIST"
        ? "NotDirectory"
        : errno === "EACCES" || errno === "EPERM" || errno === "EROFS" || isReason("PermissionDenied")(cause)
          ? "NotWritable"
          : "Unusable"
    return new StateDirectoryError({ reason, directory, cause })
  }

interface Found {
  readonly text: string
  readonly touchedAt: number
}

/** The lock file of one bot in one directory. */
class LockFile {
  readonly fs: FileSystem.FileSystem
  readonly directory: string
  readonly path: string
  readonly self: Holder
  private readonly text: string

  constructor(fs: FileSystem.FileSystem, directory: string, appId: string, self: Holder) {
    this.fs = fs
    this.directory = directory
    this.path = Path.join(directory, `${NodeStore.lockPrefix}${encodeURIComponent(appId)}`)
    this.self = self
    this.text = JSON.stringify(self)
  }

  /** Makes the file; `false` where there is one already. */
  get create(): Effect.Effect<boolean, PlatformError> {
    return this.fs.writeFileString(this.path, this.text, { flag: "wx", mode: 0o600 }).pipe(
      Effect.as(true),
      Effect.catchIf(isTaken, () => Effect.succeed(false))
    )
  }

  get find(): Effect.Effect<Option.Option<Found>, PlatformError> {
    return Effect.zipWith(this.fs.readFileString(this.path), this.fs.stat(this.path), (text, { mtime }) =>
      Option.some({ text, touchedAt: Option.match(mtime, { onNone: () => 0, onSome: (at) => at.getTime() }) })
    ).pipe(Effect.catchIf(isNotFound, () => Effect.succeedNone))
  }

  /** Whether the process that holds the lock still runs; one in another place is watched for a sign of life. */
  lives(found: Found): Effect.Effect<boolean, PlatformError> {
    const holder = Option.getOrUndefined(decodeHolder(found.text))
    if (holder === undefined || holder.place !== this.self.place) {
      return Effect.zipRight(
        Effect.sleep(watchedFor),
        Effect.map(
          this.find,
          Option.exists(({ text, touchedAt }) => text !== found.text || touchedAt !== found.touchedAt)
        )
      )
    }
    if (!exists(holder.pid)) return Effect.succeed(false)
    return Effect.map(
      statOf(this.fs, holder.pid),
      Option.match({
        onNone: () => true,
        onSome: ({ startTime, state }) =>
          state !== "Z" && state !== "X" && (holder.birth === undefined || holder.birth === startTime)
      })
    )
  }

  isOurs(found: Found): boolean {
    const holder = Option.getOrUndefined(decodeHolder(found.text))
    return (
      holder !== undefined &&
      holder.pid === this.self.pid &&
      holder.place === this.self.place &&
      holder.birth === this.self.birth
    )
  }

  /** Removes a lock, unless another one has taken its place since it was read. */
  discard(found: Found): Effect.Effect<void, PlatformError> {
    const aside = Path.join(this.directory, `${NodeStore.temporaryPrefix}${Crypto.randomUUID()}`)
    return this.fs.rename(this.path, aside).pipe(
      Effect.zipRight(this.fs.readFileString(aside)),
      Effect.flatMap((text) => (text === found.text ? this.fs.remove(aside) : this.fs.rename(aside, this.path))),
      Effect.catchIf(isNotFound, () => Effect.void),
      Effect.uninterruptible
    )
  }

  /** Refreshes the lock's time; recreates a lock file that was removed by hand. */
  get touch(): Effect.Effect<void, PlatformError> {
    return Effect.flatMap(
      this.find,
      Option.match({
        onNone: () => Effect.asVoid(this.create),
        onSome: ({ text }) =>
          text === this.text
            ? Effect.flatMap(Effect.clock, (clock) => {
                const now = clock.unsafeCurrentTimeMillis() / 1000
                return this.fs.utimes(this.path, now, now)
              })
            : Effect.void
      })
    )
  }

  get release(): Effect.Effect<void, PlatformError> {
    return Effect.flatMap(
      this.find,
      Option.match({
        onNone: () => Effect.void,
        onSome: (found) => (found.text === this.text ? this.discard(found) : Effect.void)
      })
    )
  }
}

const take = (lock: LockFile, appId: string): Effect.Effect<void, StateDirectoryError | PlatformError> =>
  Effect.gen(function* () {
    while (!(yield* lock.create)) {
      const found = yield* lock.find
      if (Option.isNone(found)) continue
      const holder = Option.getOrUndefined(decodeHolder(found.value.text))
      if (!lock.isOurs(found.value)) {
        if (yield* lock.lives(found.value)) {
          const { directory } = lock
          return yield* new StateDirectoryError({
            reason: "InUse",
            directory,
            appId,
            pid: holder?.pid,
            host: holder?.host
          })
        }
        yield* Effect.logInfo("a lock of a process that is gone is taken over").pipe(
          Effect.annotateLogs({ lock: lock.path, ...(holder === undefined ? {} : { pid: holder.pid }) })
        )
      }
      yield* lock.discard(found.value)
    }
  })

/**
 * Takes the lock of a bot in a directory until the scope closes. A lock whose process is gone is taken over: at once when the
 * process was on this machine and in this container, otherwise after 7 s without a sign of life. A lock of this very process
 * is shared.
 *
 * Fails with `InUse` when another process holds it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const lock = (
  directory: string,
  appId: string
): Effect.Effect<void, StateDirectoryError, FileSystem.FileSystem | Scope.Scope> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const absolute = Path.resolve(directory)
    const file = new LockFile(fs, absolute, appId, yield* describeSelf(fs))
    const failed = (what: string) => (error: PlatformError) =>
      Effect.annotateLogs(Effect.logWarning(what, error), { lock: file.path })
    yield* Effect.acquireReleaseInterruptible(
      Effect.mapError(take(file, appId), (error) =>
        error._tag === "StateDirectoryError" ? error : unusable(absolute)(error)
      ),
      () =>
        file.release.pipe(
          Effect.catchAll(failed("the lock of the state directory could not be removed")),
          Effect.interruptible,
          Effect.disconnect,
          Effect.timeoutOption(releaseTimeout)
        )
    )
    yield* file.touch.pipe(
      Effect.catchAll((error) => Effect.logDebug("the lock of the state directory could not be touched", error)),
      Effect.schedule(Schedule.spaced(touchedEvery)),
      Effect.forkScoped
    )
  })

/**
 * The store of a bot in a directory, which is made where it is missing, with the lock of {@link lock}.
 *
 * Fails when the directory cannot be used, or another process uses it for the same bot.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  directory: string,
  appId: string
): Layer.Layer<KeyValueStore.KeyValueStore, StateDirectoryError> =>
  Layer.scoped(
    KeyValueStore.KeyValueStore,
    Effect.zipLeft(
      Effect.mapError(NodeStore.make(directory), unusable(Path.resolve(directory))),
      lock(directory, appId)
    )
  ).pipe(Layer.provide(NodeFileSystem.layer))
