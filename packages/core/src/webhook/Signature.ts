/**
 * Signatures of the webhook transport: Ed25519 with a key that follows from the app secret. The platform signs the
 * timestamp and the body of each request; the bot signs what the platform sends to check its address.
 *
 * Source: `docs/develop/api-v2/dev-prepare/interface-framework/sign.md` of the platform's documentation.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Redacted from "effect/Redacted"

// In every runtime, but typed only by the DOM library, which this package does without.
declare const TextEncoder: new () => { readonly encode: (text: string) => Uint8Array }

/**
 * What the service does, for the secret of one bot.
 *
 * @since 0.1.0
 * @category models
 */
export interface SignatureShape {
  /**
   * Whether the platform signed this request: `timestamp` and `signature` as the headers have them, and the body byte by
   * byte as it was received. Anything that is no signature at all is simply not valid.
   */
  readonly verify: (request: {
    readonly timestamp: string
    readonly body: Uint8Array
    readonly signature: string
  }) => Effect.Effect<boolean>
  /** The signature of a message, in lower-case hexadecimal. */
  readonly sign: (message: string | Uint8Array) => Effect.Effect<string>
}

/**
 * The signatures of one bot.
 *
 * @since 0.1.0
 * @category tags
 */
export class Signature extends Context.Tag("@effect-qq/core/Signature")<Signature, SignatureShape>() {}

/**
 * Ed25519 with one key pair, as a runtime has it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Ed25519 {
  readonly sign: (message: Uint8Array) => Effect.Effect<Uint8Array>
  readonly verify: (message: Uint8Array, signature: Uint8Array) => Effect.Effect<boolean>
}

/** Bytes of an Ed25519 seed. */
const seedLength = 32

/** Bytes of an Ed25519 signature. */
const signatureLength = 64

/**
 * The seed of the key pair: the secret, doubled until it has 32 bytes, of which the first 32 count.
 *
 * Throws a `RangeError` for an empty secret, which belongs to no bot.
 *
 * @since 0.1.0
 * @category constructors
 */
export const seed = (secret: Redacted.Redacted): Uint8Array => {
  const bytes = new TextEncoder().encode(Redacted.value(secret))
  if (bytes.length === 0) throw new RangeError("the app secret is empty")
  // doubled or repeated, the first 32 bytes are the same
  return Uint8Array.from({ length: seedLength }, (_, index) => bytes[index % bytes.length] ?? 0)
}

/**
 * The bytes of a signature in hexadecimal of either case; `undefined` for what can be none: other than 64 bytes, or with
 * one of the upper three bits of the last byte set, which the documentation demands to be refused.
 *
 * @since 0.1.0
 * @category decoding
 */
export const parse = (text: string): Uint8Array | undefined => {
  if (text.length !== 2 * signatureLength) return undefined
  const bytes = Either.getOrUndefined(Encoding.decodeHex(text))
  return bytes !== undefined && ((bytes[signatureLength - 1] ?? 0) & 224) === 0 ? bytes : undefined
}

const bytesOf = (message: string | Uint8Array): Uint8Array =>
  typeof message === "string" ? new TextEncoder().encode(message) : message

/**
 * What the platform signs: the timestamp, and right behind it the body.
 *
 * @since 0.1.0
 * @category encoding
 */
export const message = (timestamp: string, body: string | Uint8Array): Uint8Array => {
  const head = bytesOf(timestamp)
  const tail = bytesOf(body)
  const whole = new Uint8Array(head.length + tail.length)
  whole.set(head)
  whole.set(tail, head.length)
  return whole
}

/**
 * The rules of the platform over the key pair that a runtime made from the {@link seed}.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (keys: Ed25519): SignatureShape => ({
  verify: ({ body, signature, timestamp }) => {
    const bytes = parse(signature)
    return bytes === undefined ? Effect.succeed(false) : keys.verify(message(timestamp, body), bytes)
  },
  sign: (text) => Effect.map(keys.sign(bytesOf(text)), Encoding.encodeHex)
})
