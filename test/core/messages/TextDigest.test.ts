/** The digest of a reply's content: stored records depend on it, so it is fixed. */
import { assert, describe, it } from "@effect/vitest"
import { Message } from "@effect-qq/core"
import * as fc from "fast-check"
import * as Crypto from "node:crypto"
import * as TextDigest from "../../../packages/core/src/messages/TextDigest.ts"

const expected = (message: Message.Message): string =>
  Crypto.createHash("sha256")
    .update(Buffer.from(JSON.stringify(Message.toBody(message, "c2c")), "utf16le"))
    .digest("hex")
    .slice(0, 16)

describe("the digest of a text", () => {
  it("is the beginning of the SHA-256 of its JSON in UTF-16, whatever its length", () => {
    const digestOf = TextDigest.make()
    for (let length = 1; length < 200; length++) {
      const message = Message.text("é".repeat(length))
      assert.strictEqual(digestOf(message, "c2c"), expected(message), `length ${length}`)
    }
  })

  it("is that of any text, also of halves of characters, one after another with the same buffers", () => {
    const digestOf = TextDigest.make()
    fc.assert(
      fc.property(
        fc.string({ unit: "binary", minLength: 1, maxLength: 500 }),
        fc.integer({ min: 0xd800, max: 0xdfff }),
        (text, half) => {
          for (const content of [text, text + String.fromCharCode(half)]) {
            const message = Message.text(content)
            assert.strictEqual(digestOf(message, "c2c"), expected(message))
            assert.strictEqual(TextDigest.of(message, "c2c"), expected(message))
          }
        }
      )
    )
  })
})
