/**
 * App secrets at rest: AES-256-GCM under a key of the environment, bound to the app id, so that a row copied to another bot
 * does not decrypt.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Crypto from "node:crypto"

/**
 * A secret cannot be decrypted: it was encrypted with another key or for another bot, or was changed.
 *
 * @since 0.1.0
 * @category errors
 */
export class SecretUnreadable extends Schema.TaggedError<SecretUnreadable>()("SecretUnreadable", {
  appId: Schema.String
}) {
  override get message(): string {
    return `the stored secret of bot ${this.appId} cannot be decrypted`
  }
  get hint(): string {
    return "set EFFECT_QQ_SECRETS_KEY to the key with which the bot was added, or add the bot again"
  }
}

/** The length of a key, in bytes. */
const keyLength = 32

/**
 * The key of the environment: `EFFECT_QQ_SECRETS_KEY`, 32 random bytes in base64, as `openssl rand -base64 32` prints them.
 *
 * @since 0.1.0
 * @category config
 */
export const keyFromEnvironment: Config.Config<Redacted.Redacted<Uint8Array>> = Config.mapOrFail(
  Config.redacted("EFFECT_QQ_SECRETS_KEY"),
  (text) => {
    const key = Buffer.from(Redacted.value(text).trim(), "base64")
    return key.length === keyLength
      ? Either.right(Redacted.make(Uint8Array.from(key)))
      : Either.left(ConfigError.InvalidData([], "must be 32 bytes in base64; make one with: openssl rand -base64 32"))
  }
)

/**
 * Encrypts a secret for a bot. Each time the text is another one.
 *
 * @since 0.1.0
 * @category conversions
 */
export const encrypt = (
  key: Redacted.Redacted<Uint8Array>,
  appId: string,
  secret: Redacted.Redacted
): Effect.Effect<string> =>
  Effect.sync(() => {
    const nonce = Crypto.randomBytes(12)
    const cipher = Crypto.createCipheriv("aes-256-gcm", Redacted.value(key), nonce)
    cipher.setAAD(Buffer.from(appId))
    const sealed = Buffer.concat([cipher.update(Redacted.value(secret), "utf8"), cipher.final()])
    return ["v1", nonce, cipher.getAuthTag(), sealed]
      .map((part) => (typeof part === "string" ? part : part.toString("base64url")))
      .join(".")
  })

/**
 * Decrypts the secret of a bot.
 *
 * @since 0.1.0
 * @category conversions
 */
export const decrypt = (
  key: Redacted.Redacted<Uint8Array>,
  appId: string,
  text: string
): Effect.Effect<Redacted.Redacted, SecretUnreadable> =>
  Effect.try({
    try: () => {
      const [version, nonce = "", tag = "", sealed = ""] = text.split(".")
      if (version !== "v1") throw new Error("an unknown version")
      const decipher = Crypto.createDecipheriv("aes-256-gcm", Redacted.value(key), Buffer.from(nonce, "base64url"), {
        authTagLength: 16
      })
      decipher.setAAD(Buffer.from(appId))
      decipher.setAuthTag(Buffer.from(tag, "base64url"))
      const plain = Buffer.concat([decipher.update(Buffer.from(sealed, "base64url")), decipher.final()])
      return Redacted.make(plain.toString("utf8"))
    },
    catch: () => new SecretUnreadable({ appId })
  })
