import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Crypto from "node:crypto"
import * as ContentHash from "../../../packages/core/src/messages/ContentHash.ts"

const expected = (bytes: Uint8Array) => Crypto.createHash("sha256").update(bytes).digest("hex")

describe("sha256", () => {
  it.effect("of the vectors of FIPS 180-4", () =>
    Effect.gen(function* () {
      const of = (text: string) => ContentHash.sha256(new TextEncoder().encode(text))
      assert.strictEqual(yield* of(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
      assert.strictEqual(yield* of("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    })
  )

  it.effect("of every length around the size of a block, and of much", () =>
    Effect.gen(function* () {
      const bytes = Uint8Array.from({ length: 3_000_003 }, (_, index) => (index * 7919) >> 3)
      const lengths = [...Array.from({ length: 200 }, (_, length) => length), 2 ** 20, 2 ** 20 + 1, bytes.length]
      for (const length of lengths) {
        const part = bytes.subarray(0, length)
        assert.strictEqual(yield* ContentHash.sha256(part), expected(part), `of ${length} bytes`)
      }
    })
  )

  it.effect("of a view into a larger buffer", () =>
    Effect.gen(function* () {
      const view = new Uint8Array(new Uint8Array(300).fill(5).buffer, 17, 100)
      assert.strictEqual(yield* ContentHash.sha256(view), expected(view))
    })
  )
})
