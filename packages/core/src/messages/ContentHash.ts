/**
 * How bytes are named by their content: what was uploaded once need not be uploaded again, and the platform asks for it.
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
 * How digests are computed. Default: in plain TypeScript, some 100 MB a second; a runtime that has faster ones may provide
 * them, as `NodeBot` does. `Media` looks at it when it is made.
 *
 * @since 0.1.0
 * @category references
 */
export class ContentHash extends Context.Reference<ContentHash>()("@effect-qq/core/ContentHash", {
  defaultValue: (): ((algorithm: Digest.Algorithm) => Digest.Digest) => Digest.make
}) {}

/** Bytes that are worked on before other fibers get their turn: some milliseconds. */
const stretch = 2 ** 20

/**
 * Gives bytes to digests. Other fibers get their turn after each mebibyte.
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
 * The digest of bytes in hexadecimal, computed as {@link ContentHash} says.
 *
 * @since 0.1.0
 * @category hashing
 */
export const of = (algorithm: Digest.Algorithm, bytes: Uint8Array): Effect.Effect<string> =>
  Effect.flatMap(ContentHash, (begin) => {
    const digest = begin(algorithm)
    return Effect.map(update([digest], bytes), () => digest.hex())
  })
