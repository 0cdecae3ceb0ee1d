import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FastCheck from "fast-check"
import * as Crypto from "node:crypto"
import * as ContentHash from "../../../packages/core/src/messages/ContentHash.ts"
import * as Digest from "../../../packages/core/src/messages/Digest.ts"

const algorithms: ReadonlyArray<Digest.Algorithm> = ["md5", "sha1", "sha256"]

const expected = (algorithm: Digest.Algorithm, bytes: Uint8Array) =>
  Crypto.createHash(algorithm).update(bytes).digest("hex")

const abc: { readonly [A in Digest.Algorithm]: string } = {
  md5: "900150983cd24fb0d6963f7d28e17f72",
  sha1: "a9993e364706816aba3e25717850c26c9cd0d89d",
  sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
}

for (const algorithm of algorithms) {
  describe(algorithm, () => {
    it.effect("of the vector of its specification", () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* ContentHash.of(algorithm, new TextEncoder().encode("abc")), abc[algorithm])
      })
    )

    it.effect("of every length around the size of a block, and of much", () =>
      Effect.gen(function* () {
        const bytes = Uint8Array.from({ length: 3_000_003 }, (_, index) => (index * 7919) >> 3)
        const lengths = [...Array.from({ length: 200 }, (_, length) => length), 2 ** 20, 2 ** 20 + 1, bytes.length]
        for (const length of lengths) {
          const part = bytes.subarray(0, length)
          assert.strictEqual(yield* ContentHash.of(algorithm, part), expected(algorithm, part), `of ${length} bytes`)
        }
      })
    )

    it("of bytes in any pieces", () => {
      FastCheck.assert(
        FastCheck.property(FastCheck.array(FastCheck.uint8Array({ maxLength: 150 }), { maxLength: 8 }), (pieces) => {
          const digest = Digest.make(algorithm)
          for (const piece of pieces) digest.update(piece)
          assert.strictEqual(digest.hex(), expected(algorithm, Uint8Array.from(pieces.flatMap((piece) => [...piece]))))
        })
      )
    })

    it.effect("of a view into a larger buffer", () =>
      Effect.gen(function* () {
        const view = new Uint8Array(new Uint8Array(300).fill(5).buffer, 17, 100)
        assert.strictEqual(yield* ContentHash.of(algorithm, view), expected(algorithm, view))
      })
    )
  })
}

it.effect("others have their turn while much is hashed", () =>
  Effect.gen(function* () {
    const order: Array<string> = []
    const hashing = yield* Effect.fork(
      Effect.map(ContentHash.of("md5", new Uint8Array(3 * 2 ** 20)), () => order.push("hashed"))
    )
    yield* Effect.yieldNow()
    order.push("another")
    yield* Fiber.join(hashing)
    assert.deepStrictEqual(order, ["another", "hashed"])
  })
)
