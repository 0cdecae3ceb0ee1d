/**
 * Signatures of the webhook transport with the Ed25519 of Node.js.
 *
 * @since 0.1.0
 */
import { BotConfig, Signature } from "@effect-qq/core"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import * as Buffer from "node:buffer"
import * as Crypto from "node:crypto"

/** What stands before the seed in the PKCS #8 form of an Ed25519 key (RFC 8410, section 7). */
const prefix = Uint8Array.of(
  0x30,
  0x2e,
  0x02,
  0x01,
  0x00,
  0x30,
  0x05,
  0x06,
  0x03,
  0x2b,
  0x65,
  0x70,
  0x04,
  0x22,
  0x04,
  0x20
)

/**
 * The signatures of the bot with this secret. Throws a `RangeError` for an empty one.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (secret: Redacted.Redacted): Signature.SignatureShape => {
  const privateKey = Crypto.createPrivateKey({
    key: Buffer.Buffer.concat([prefix, Signature.seed(secret)]),
    format: "der",
    type: "pkcs8"
  })
  const publicKey = Crypto.createPublicKey(privateKey)
  return Signature.make({
    sign: (message) => Effect.sync(() => Crypto.sign(null, message, privateKey)),
    verify: (message, signature) => Effect.sync(() => Crypto.verify(null, message, publicKey, signature))
  })
}

/**
 * The signatures of the bot of `BotConfig`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<Signature.Signature, never, BotConfig.BotConfig> = Layer.effect(
  Signature.Signature,
  Effect.map(BotConfig.BotConfig, ({ secret }) => make(secret))
)
