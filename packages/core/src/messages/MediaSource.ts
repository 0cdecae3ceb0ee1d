/**
 * Pictures, films, voice messages and files, before and after their upload.
 *
 * @since 0.1.0
 */
import type * as Stream from "effect/Stream"

/**
 * What it is. Image: png, jpg. Video: mp4. Voice: silk; wav, mp3 and ogg are said to be taken. File: anything.
 *
 * @since 0.1.0
 * @category models
 */
export type MediaKind = "image" | "video" | "voice" | "file"

/**
 * Media that is not uploaded yet.
 *
 * @since 0.1.0
 * @category models
 */
export type MediaSource = FromUrl | FromBytes | FromStream

/**
 * Media that the platform fetches. The platform has to be able to reach the host; bytes are more reliable.
 *
 * @since 0.1.0
 * @category models
 */
export interface FromUrl {
  readonly _tag: "FromUrl"
  readonly kind: MediaKind
  /** `http://` or `https://`. */
  readonly url: string
  readonly name?: string | undefined
}

/**
 * Media in memory.
 *
 * @since 0.1.0
 * @category models
 */
export interface FromBytes {
  readonly _tag: "FromBytes"
  readonly kind: MediaKind
  readonly bytes: Uint8Array
  readonly name?: string | undefined
}

/**
 * Media that is read when it is needed: a file, a download.
 *
 * @since 0.1.0
 * @category models
 */
export interface FromStream {
  readonly _tag: "FromStream"
  readonly kind: MediaKind
  readonly stream: Stream.Stream<Uint8Array, unknown>
  /** In bytes; `undefined` if unknown before the end of the stream. */
  readonly size?: number | undefined
  /**
   * Whether the stream gives the same bytes each time it is run, as that of a file does. Then it is read twice, once for its
   * digests and once for its parts, and never held in memory.
   */
  readonly repeatable: boolean
  readonly name?: string | undefined
}

/**
 * Uploaded media, for messages of the scene it was uploaded for.
 *
 * @since 0.1.0
 * @category models
 */
export interface Uploaded {
  readonly _tag: "Uploaded"
  readonly kind: MediaKind
  readonly scene: "c2c" | "group"
  /** Opaque. */
  readonly fileInfo: string
  /** Epoch milliseconds; `undefined` for media that does not expire. */
  readonly expiresAt: number | undefined
  /** The kind of the source, if the platform accepted it only as a file. */
  readonly insteadOf?: MediaKind | undefined
  /** Identifies the content, if known: its digest or its address, the same for each upload of the same content. */
  readonly content?: string | undefined
}

/**
 * Media at an address.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromUrl = (kind: MediaKind, url: string, options?: { readonly name?: string | undefined }): FromUrl => ({
  _tag: "FromUrl",
  kind,
  url,
  name: options?.name
})

/**
 * Media in memory.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromBytes = (
  kind: MediaKind,
  bytes: Uint8Array,
  options?: { readonly name?: string | undefined }
): FromBytes => ({ _tag: "FromBytes", kind, bytes, name: options?.name })

/**
 * Media from a stream of bytes. A stream that can be run again should be marked `repeatable`: any other is held in
 * memory while it is uploaded, up to `streamBuffer` of the policy, and fails with `MessageInvalid` beyond that. A failure of the
 * stream is a `MessageInvalid` with its `cause`. If `size` is not the size of the stream, nothing is sent.
 *
 * @example
 * ```ts
 * import { MediaSource } from "@effect-qq/core"
 * import { Stream } from "effect"
 *
 * const pieces = Stream.range(1, 1000).pipe(Stream.map((n) => new Uint8Array(10_000).fill(n)))
 *
 * const file = MediaSource.fromStream("file", pieces, { size: 10_000_000, repeatable: true, name: "numbers.bin" })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromStream = (
  kind: MediaKind,
  stream: Stream.Stream<Uint8Array, unknown>,
  options?: {
    readonly size?: number | undefined
    /** Default `false`. */
    readonly repeatable?: boolean | undefined
    readonly name?: string | undefined
  }
): FromStream => ({
  _tag: "FromStream",
  kind,
  stream,
  size: options?.size,
  repeatable: options?.repeatable ?? false,
  name: options?.name
})

/**
 * Whether a source can be read more than once: every source but a stream without `repeatable`.
 *
 * @since 0.1.0
 * @category guards
 */
export const isRepeatable = (source: MediaSource): boolean => source._tag !== "FromStream" || source.repeatable

/**
 * Which field makes a source invalid, and why; `undefined` for a valid one.
 *
 * @since 0.1.0
 * @category validation
 */
export const problem = (source: MediaSource): readonly [field: string, detail: string] | undefined => {
  if (source._tag === "FromBytes") return source.bytes.length === 0 ? ["media.bytes", "is empty"] : undefined
  if (source._tag === "FromStream") {
    const { size = 1 } = source
    if (size === 0) return ["media.stream", "is empty"]
    return Number.isSafeInteger(size) && size > 0 ? undefined : ["media.size", "is no whole number above 0"]
  }
  return /^https?:\/\/[^\s]+$/i.test(source.url) ? undefined : ["media.url", "is no http:// or https:// URL"]
}
