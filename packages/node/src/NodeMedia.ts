/**
 * Media from files.
 *
 * @since 0.1.0
 */
import { MediaSource } from "@effect-qq/core"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { BadArgument, type PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Path from "node:path"

/** Bytes that are read at a time. */
const chunkSize = 256 * 1024

/**
 * A file as media. It is read when it is uploaded, twice where it is uploaded in parts, and never held in memory but for the
 * parts that are on their way; it must not change meanwhile, or the upload fails with `MessageInvalid`. Fails when there is no
 * such file or it may not be read.
 *
 * @example
 * ```ts
 * import { Conversation, Message, Messenger } from "@effect-qq/core"
 * import { NodeMedia } from "@effect-qq/node"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const film = yield* NodeMedia.fromFile("video", "holiday.mp4")
 *   return yield* Messenger.send(Conversation.group("OPENID-OF-A-GROUP"), Message.media(film))
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromFile = (
  kind: MediaSource.MediaKind,
  path: string,
  options?: {
    /** What users see. Default: the name of the file. */
    readonly name?: string | undefined
  }
): Effect.Effect<MediaSource.FromStream, PlatformError> =>
  Effect.gen(function* () {
    const files = yield* FileSystem.FileSystem
    yield* files.access(path, { readable: true })
    const { size, type } = yield* files.stat(path)
    if (type !== "File") {
      return yield* new BadArgument({ module: "FileSystem", method: "stat", description: `${path} is no file` })
    }
    return MediaSource.fromStream(kind, files.stream(path, { chunkSize }), {
      size: Number(size),
      repeatable: true,
      name: options?.name ?? Path.basename(path)
    })
  }).pipe(Effect.provide(NodeFileSystem.layer))
