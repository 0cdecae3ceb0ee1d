/**
 * The bytes of media: their number, their digests, and their parts, without holding more in memory than needed.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as ContentHash from "./ContentHash.ts"
import type * as MediaSource from "./MediaSource.ts"
import { MessageInvalid } from "./SendError.ts"
import type { SendPolicy } from "./SendPolicy.ts"

/** How digests are begun; see `ContentHash`. */
type Begin = (algorithm: ContentHash.Algorithm) => ContentHash.Digest

/**
 * The digests that the platform asks for before a chunked upload.
 *
 * @since 0.1.0
 * @category models
 */
export interface Digests {
  readonly md5: string
  readonly sha1: string
  /** The MD5 of the first 10 002 432 bytes, or of all if there are fewer. */
  readonly md5Of10M: string
}

/**
 * The position and length of a part, in bytes.
 *
 * @since 0.1.0
 * @category models
 */
export interface Range {
  readonly offset: number
  readonly length: number
}

/**
 * The bytes of media.
 *
 * @since 0.1.0
 * @category models
 */
export interface Content {
  readonly size: number
  /** Identifies the content; in hexadecimal. */
  readonly sha256: string
  /** The whole content, if it is in memory. */
  readonly bytes: Uint8Array | undefined
  readonly digests: Effect.Effect<Digests>
  /** Its parts, in order. The ranges are contiguous and end with the content. */
  readonly cut: <R extends Range>(
    ranges: ReadonlyArray<R>
  ) => Stream.Stream<{ readonly range: R; readonly bytes: Uint8Array }, MessageInvalid>
}

/** Source: `md5_10m` of the pages of 2026 and qqbot's `utils/chunked-upload.ts`. */
const beginning = 10_002_432

const invalid = (field: string, detail: string, cause?: unknown): MessageInvalid =>
  new MessageInvalid({ field, detail, hint: "correct the media", ...(cause === undefined ? {} : { cause }) })

const changed = (): MessageInvalid => invalid("media.stream", "gave other bytes when it was read again")

const readable = (stream: Stream.Stream<Uint8Array, unknown>): Stream.Stream<Uint8Array, MessageInvalid> =>
  Stream.mapError(stream, (cause) => invalid("media.stream", "could not be read", cause))

const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1024 / 1024)} MB`

const tooLarge = (size: number, maximum: number): MessageInvalid =>
  invalid("media", `has ${megabytes(size)} or more: at most ${megabytes(maximum)} can be uploaded`)

const tooLargeToHold = (maximum: number): MessageInvalid =>
  invalid(
    "media.stream",
    `can be read only once and has more than ${megabytes(maximum)}, which are not held in memory: make it repeatable, or store it first`
  )

/** Several digests of the same bytes. */
const makeDigests = (begin: Begin) => {
  const md5 = begin("md5")
  const sha1 = begin("sha1")
  const first = begin("md5")
  let left = beginning
  return {
    update: (bytes: Uint8Array): Effect.Effect<void> => {
      const head = bytes.subarray(0, left)
      left -= head.length
      return Effect.zipRight(ContentHash.update([first], head), ContentHash.update([md5, sha1], bytes))
    },
    end: (): Digests => ({ md5: md5.hex(), sha1: sha1.hex(), md5Of10M: first.hex() })
  }
}

const joined = (pieces: ReadonlyArray<Uint8Array>, size: number): Uint8Array => {
  const [only] = pieces
  if (pieces.length === 1 && only !== undefined) return only
  const all = new Uint8Array(size)
  let offset = 0
  for (const piece of pieces) {
    all.set(piece, offset)
    offset += piece.length
  }
  return all
}

const inMemory = (bytes: Uint8Array, sha256: string, begin: Begin): Content => ({
  size: bytes.length,
  sha256,
  bytes,
  digests: Effect.suspend(() => {
    const digests = makeDigests(begin)
    return Effect.map(digests.update(bytes), digests.end)
  }),
  cut: (ranges) =>
    Stream.map(Stream.fromIterable(ranges), (range) => ({
      range,
      bytes: bytes.subarray(range.offset, range.offset + range.length)
    }))
})

/** Reads a stream a second time, part by part, and fails at its end if it differs from the first time. */
const cutStream = <R extends Range>(
  stream: Stream.Stream<Uint8Array, MessageInvalid>,
  ranges: ReadonlyArray<R>,
  md5: string,
  begin: Begin
): Stream.Stream<{ readonly range: R; readonly bytes: Uint8Array }, MessageInvalid> =>
  Stream.unwrapScoped(
    Effect.map(Stream.toPull(stream), (pull) => {
      const digest = begin("md5")
      let chunk: ReadonlyArray<Uint8Array> = []
      let position = 0
      /** The rest of the last piece, after the end of a part. */
      let rest: Uint8Array = new Uint8Array(0)
      /** The next bytes, as they come; `undefined` at the end. */
      const next: Effect.Effect<Uint8Array | undefined, MessageInvalid> = Effect.suspend(() => {
        const piece = rest.length > 0 ? rest : chunk[position++]
        rest = rest.subarray(rest.length)
        if (piece !== undefined) return piece.length === 0 ? next : Effect.succeed(piece)
        return Effect.matchEffect(pull, {
          onFailure: (ended) => (ended._tag === "Some" ? Effect.fail(ended.value) : Effect.succeed(undefined)),
          onSuccess: (pulled) => {
            chunk = [...pulled]
            position = 0
            return next
          }
        })
      })
      const fill = (range: R): Effect.Effect<Uint8Array, MessageInvalid> =>
        Effect.gen(function* () {
          const bytes = new Uint8Array(range.length)
          for (let filled = 0; filled < bytes.length;) {
            const piece = yield* next
            if (piece === undefined) return yield* changed()
            const used = piece.subarray(0, bytes.length - filled)
            bytes.set(used, filled)
            filled += used.length
            rest = piece.subarray(used.length)
          }
          yield* ContentHash.update([digest], bytes)
          return bytes
        })
      const verified = Effect.suspend(() => (digest.hex() === md5 ? Effect.void : changed()))
      const ended = Effect.flatMap(next, (piece) => (piece === undefined ? verified : changed()))
      return Stream.concat(
        Stream.mapEffect(Stream.fromIterable(ranges), (range) =>
          Effect.map(fill(range), (bytes) => ({ range, bytes }))
        ),
        Stream.drain(Stream.fromEffect(ended))
      )
    })
  )

const readStream = (
  source: MediaSource.FromStream,
  policy: SendPolicy,
  begin: Begin
): Effect.Effect<Content, MessageInvalid> =>
  Effect.gen(function* () {
    const { repeatable, size: announced } = source
    const held = repeatable ? policy.simpleUploadLimit : policy.streamBuffer
    if (announced !== undefined && announced > policy.maximumUpload) {
      return yield* tooLarge(announced, policy.maximumUpload)
    }
    if (!repeatable && announced !== undefined && announced > held) return yield* tooLargeToHold(held)
    const stream = readable(source.stream)
    const sha256 = begin("sha256")
    const digests = makeDigests(begin)
    const pieces: Array<Uint8Array> = []
    let size = 0
    yield* Stream.runForEach(stream, (piece) => {
      size += piece.length
      if (announced !== undefined && size > announced) return invalid("media.size", `is ${announced}; there is more`)
      if (size > policy.maximumUpload) return tooLarge(size, policy.maximumUpload)
      if (size <= held) pieces.push(piece)
      else if (repeatable) pieces.length = 0
      else return tooLargeToHold(held)
      const update = ContentHash.update([sha256], piece)
      return repeatable ? Effect.zipRight(update, digests.update(piece)) : update
    })
    if (size === 0) return yield* invalid("media.stream", "is empty")
    if (announced !== undefined && size < announced)
      return yield* invalid("media.size", `is ${announced}; there is less`)
    if (size <= held) return inMemory(joined(pieces, size), sha256.hex(), begin)
    const known = digests.end()
    const content: Content = {
      size,
      sha256: sha256.hex(),
      bytes: undefined,
      digests: Effect.succeed(known),
      cut: (ranges) => cutStream(stream, ranges, known.md5, begin)
    }
    return content
  })

/**
 * Reads a source to learn its size and digests. Fails with `MessageInvalid` if it cannot be read, is empty, has another size
 * than declared, is larger than the platform takes, or would have to be held in memory and is too large for that.
 *
 * @since 0.1.0
 * @category constructors
 */
export const read = (
  source: MediaSource.FromBytes | MediaSource.FromStream,
  policy: SendPolicy,
  begin: Begin
): Effect.Effect<Content, MessageInvalid> =>
  Effect.suspend(() => {
    if (source._tag === "FromStream") return readStream(source, policy, begin)
    const { bytes } = source
    if (bytes.length > policy.maximumUpload) return tooLarge(bytes.length, policy.maximumUpload)
    const sha256 = begin("sha256")
    return Effect.map(ContentHash.update([sha256], bytes), () => inMemory(bytes, sha256.hex(), begin))
  })
