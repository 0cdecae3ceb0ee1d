/**
 * Pictures, films, voice messages and files, before and after they were given to the platform.
 *
 * @since 0.1.0
 */

/**
 * What it is. Image: png, jpg. Video: mp4. Voice: silk; wav, mp3 and ogg are said to be taken. File: anything.
 *
 * @since 0.1.0
 * @category models
 */
export type MediaKind = "image" | "video" | "voice" | "file"

/**
 * Media that has yet to be given to the platform.
 *
 * @since 0.1.0
 * @category models
 */
export type MediaSource = FromUrl | FromBytes

/**
 * Media that the platform fetches. It has to be able to reach the host; bytes are the surer way.
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
 * Media that is sent along. The platform's edge has been seen to refuse more than about 10 MB (HTTP 413).
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
 * Media that the platform has, for messages of the scene it was given in.
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
  /** Epoch milliseconds; `undefined` for media that stays. */
  readonly expiresAt: number | undefined
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
 * Which field makes a source invalid, and why; `undefined` for a valid one.
 *
 * @since 0.1.0
 * @category validation
 */
export const problem = (source: MediaSource): readonly [field: string, detail: string] | undefined => {
  if (source._tag === "FromBytes") return source.bytes.length === 0 ? ["media.bytes", "is empty"] : undefined
  return /^https?:\/\/[^\s]+$/i.test(source.url) ? undefined : ["media.url", "is no http:// or https:// URL"]
}
