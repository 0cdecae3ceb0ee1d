/**
 * Digests of media: they identify bytes that were uploaded before, and the platform asks for them.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Digest from "./Digest.ts"

export type {
  /**
   * @since 0.1.0
   * @category models
   */
  Algorithm,
  /**
   * @since 0.1.0
   * @category models
   */
  Digest
} from "./Digest.ts"

/**
 * How digests are computed. Default: in plain TypeScript, about 100 MB/s; a runtime may provide faster ones, as `NodeBot`
 * does. Read by `Media` when it is built.
 *
 * @since 0.1.0
 * @category references
 */
export class ContentHash extends Context.Reference<ContentHash>()("@effect-qq/core/ContentHash", {
  defaultValue: (): ((algorithm: Digest.Algorithm) => Digest.Digest) => Digest.make
}) {}

/** Bytes digested between two yields to other fibers: a few milliseconds. */
const stretch = 2 ** 20

/**
 * Adds bytes to digests. Yields to other fibers after each mebibyte.
 *
 * @since 0.1.0
 * @category hashing
 */
export const update = (digests: ReadonlyArray<Digest.Digest>, bytes: Uint8Array): Effect.Effect<void> =>
  Effect.suspend(() => {
    let offset = 0
    return Effect.whileLoop({
      while: () => offset < bytes.length,
      body: () => {
        const piece = bytes.subarray(offset, offset + stretch)
        for (const digest of digests) digest.update(piece)
        offset += piece.length
        return offset < bytes.length ? Effect.yieldNow() : Effect.void
      },
      step: () => undefined
    })
  })

/**
 * The digest of bytes in hexadecimal, computed by {@link ContentHash}.
 *
 * @since 0.1.0
 * @category hashing
 */
export const of = (algorithm: Digest.Algorithm, bytes: Uint8Array): Effect.Effect<string> =>
  Effect.flatMap(ContentHash, (begin) => {
    const digest = begin(algorithm)
    return Effect.map(update([digest], bytes), () => digest.hex())
  })
