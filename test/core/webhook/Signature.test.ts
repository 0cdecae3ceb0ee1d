import { assert, describe, it } from "@effect/vitest"
import { Signature } from "@effect-qq/core"
import { NodeSignature } from "@effect-qq/node"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Redacted from "effect/Redacted"
import * as fc from "fast-check"
import * as Crypto from "node:crypto"

/** Those of the platform's documentation. */
const documented = {
  secret: Redacted.make("naOC0ocQE3shWLAfffVLB1rhYPG7"),
  publicKey: "d7c362fe78aef81ff23287b493628b5db02a3c4fe30b215e4d19609b5d76673a",
  timestamp: "1725442341",
  body: '{\n  "op": 0,\n  "d": {},\n  "t": "GATEWAY_EVENT_NAME"\n}',
  signature:
    "865ad13a61752ca65e26bde6676459cd36cf1be609375b37bd62af366e1dc25a8dc789ba7f14e017ada3d554c671a911bfdf075ba54835b23391d509579ed002"
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

const signatures = NodeSignature.make(documented.secret)

const publicKeyOf = (seed: Uint8Array): string => {
  const jwk = Crypto.createPublicKey(
    Crypto.createPrivateKey({
      key: Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), seed]),
      format: "der",
      type: "pkcs8"
    })
  ).export({ format: "jwk" })
  return Buffer.from(String(jwk.x), "base64url").toString("hex")
}

const isValid = (request: { readonly timestamp: string; readonly body: Uint8Array; readonly signature: string }) =>
  Effect.runSync(signatures.verify(request))

const original = { ...documented, body: bytes(documented.body) }

describe("the key", () => {
  it("follows from the secret as documented", () => {
    const seed = Signature.seed(documented.secret)
    assert.strictEqual(new TextDecoder().decode(seed), "naOC0ocQE3shWLAfffVLB1rhYPG7naOC")
    assert.strictEqual(publicKeyOf(seed), documented.publicKey)
    assert.strictEqual(
      publicKeyOf(Signature.seed(Redacted.make("DG5g3B4j9X2KOErG"))),
      "8b28ded5630f9051c205dd04c6ec56ad0b08b8812b2fe30ee9aece0ab41926f3"
    )
  })

  it("is made of the secret doubled until it has 32 bytes, and cut there, whatever its length", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 100, unit: "grapheme" }), (secret) => {
        let doubled = secret
        while (bytes(doubled).length < 32) doubled += doubled
        assert.deepStrictEqual(Signature.seed(Redacted.make(secret)), bytes(doubled).slice(0, 32))
      })
    )
  })

  it("does not exist for an empty secret", () => {
    assert.throws(() => Signature.seed(Redacted.make("")), RangeError)
  })
})

describe("the documented vectors", () => {
  it.effect("the answer to the validation of an address", () =>
    Effect.gen(function* () {
      const own = NodeSignature.make(Redacted.make("DG5g3B4j9X2KOErG"))
      assert.strictEqual(
        yield* own.sign("1725442341Arq0D5A61EgUu4OxUvOp"),
        "87befc99c42c651b3aac0278e71ada338433ae26fcb24307bdc5ad38c1adc2d01bcfcadc0842edac85e85205028a1132afe09280305f13aa6909ffc2d652c706"
      )
    })
  )

  it.effect("a body verifies byte by byte: pretty-printed it does, as the documentation prints it it does not", () =>
    Effect.gen(function* () {
      assert.isTrue(yield* signatures.verify(original))
      const printed = '{ "op": 0,"d": {}, "t": "GATEWAY_EVENT_NAME"}'
      assert.isFalse(yield* signatures.verify({ ...original, body: bytes(printed) }))
      assert.strictEqual(
        yield* signatures.sign(Signature.message(documented.timestamp, printed)),
        "2eb9983ebb8bb209e78fd095942f58e442656656e7975d01e64f9023a84b7c964290fdd40e5500c33867ccfe9563b7e0b6bac0e1d42c13e787b304fd51f71102"
      )
    })
  )
})

describe("a signature", () => {
  const bytesOfSignature = Buffer.from(documented.signature, "hex")

  it("is refused once any one byte of the body, the timestamp or the signature is another", () => {
    const changed = (whole: Uint8Array, at: number, by: number): Uint8Array => {
      const copy = Uint8Array.from(whole)
      const index = at % copy.length
      copy[index] = (copy[index] ?? 0) ^ by
      return copy
    }
    fc.assert(
      fc.property(
        fc.constantFrom("body", "timestamp", "signature"),
        fc.nat(1000),
        fc.integer({ min: 1, max: 255 }),
        (what, at, by) => {
          const forged =
            what === "body"
              ? { ...original, body: changed(original.body, at, by) }
              : what === "timestamp"
                ? { ...original, timestamp: Buffer.from(changed(bytes(original.timestamp), at, by)).toString("latin1") }
                : { ...original, signature: Encoding.encodeHex(changed(bytesOfSignature, at, by)) }
          assert.isFalse(isValid(forged))
        }
      ),
      { numRuns: 500 }
    )
  })

  it("is that of any body, bytes that are no text included", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.bigInt({ min: 0n, max: 10n ** 11n }), (body, seconds) => {
        const timestamp = String(seconds)
        const signature = Effect.runSync(signatures.sign(Signature.message(timestamp, body)))
        assert.isTrue(isValid({ timestamp, body, signature }))
        assert.isTrue(isValid({ timestamp, body, signature: signature.toUpperCase() }))
      })
    )
  })

  it("has 64 bytes in hexadecimal, without the upper three bits of the last", () => {
    assert.deepStrictEqual(Signature.parse(documented.signature), Uint8Array.from(bytesOfSignature))
    const { signature } = documented
    const malformed = [
      "",
      signature.slice(2),
      `${signature}00`,
      `${signature}0`,
      `${signature.slice(0, -1)}g`,
      ` ${signature.slice(1)}`,
      `0x${signature.slice(2)}`,
      signature.replace(/^../, "é"),
      `${signature}, ${signature}`
    ]
    for (const text of malformed) assert.isUndefined(Signature.parse(text), text)
    for (let last = 0; last < 256; last++) {
      const text = signature.slice(0, -2) + last.toString(16).padStart(2, "0")
      assert.strictEqual(Signature.parse(text) === undefined, (last & 224) !== 0, text)
    }
  })

  it("is no other with the order of the group added to it, though that satisfies the equation of a naive check", () => {
    const order = 2n ** 252n + 27742317777372353535851937790883648493n
    // little-endian, both of them
    const scalar = BigInt(`0x${Buffer.from(bytesOfSignature.subarray(32).toReversed()).toString("hex")}`)
    const other = Buffer.from((scalar + order).toString(16).padStart(64, "0"), "hex").toReversed()
    const forged = Buffer.concat([bytesOfSignature.subarray(0, 32), other]).toString("hex")
    assert.isFalse(isValid({ ...original, signature: forged }))
  })
})
