/**
 * Digests by Node's own crypto, several times as fast as those of core.
 *
 * @since 0.1.0
 */
import { ContentHash } from "@effect-qq/core"
import * as Layer from "effect/Layer"
import * as Crypto from "node:crypto"

/**
 * What `Media` computes digests with. `NodeBot` has it already.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<never> = Layer.succeed(ContentHash.ContentHash, (algorithm) => {
  const hash = Crypto.createHash(algorithm)
  return {
    update: (bytes) => {
      hash.update(bytes)
    },
    hex: () => hash.digest("hex")
  }
})
