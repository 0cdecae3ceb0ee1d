/** Which reply a text is, by what the ledger knows of its anchor. */
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as MessageParts from "../../../packages/core/src/messages/MessageParts.ts"
import * as MessageSequence from "../../../packages/core/src/messages/MessageSequence.ts"
import * as ReplyNaming from "../../../packages/core/src/messages/ReplyNaming.ts"

const name: MessageSequence.ReplyKey = { handler: "h", key: 0 }
const sequenceOf = (part: number, variant: number, of = name) => MessageSequence.forReply({ ...of, part, variant })
const digest = fc.string({ unit: fc.constantFrom("0", "1", "a", "f"), minLength: 4, maxLength: 4 })

describe("the name of a text", () => {
  it("is its own where the name was used for the same text, or for none", () => {
    fc.assert(
      fc.property(digest, fc.nat({ max: 15 }), fc.nat({ max: 3 }), (text, part, variant) => {
        assert.strictEqual(ReplyNaming.distinct(name, text, new Map()), name)
        assert.strictEqual(ReplyNaming.distinct(name, text, new Map([[sequenceOf(part, variant), text]])), name)
      })
    )
  })

  it("is another where the name was used for another text, always the same one for the same text", () => {
    fc.assert(
      fc.property(digest, digest, digest, fc.nat({ max: 15 }), (one, two, three, part) => {
        fc.pre(one !== two && one !== three)
        const texts = new Map([[sequenceOf(part, 0), one]])
        const second = ReplyNaming.distinct(name, two, texts)
        assert.notDeepEqual(second, name)
        assert.deepStrictEqual(ReplyNaming.distinct(name, two, texts), second)
        if (two !== three) assert.notDeepEqual(ReplyNaming.distinct(name, three, texts), second)
      })
    )
  })

  it("does not depend on replies of other names", () => {
    const other = { handler: "h", key: "another" }
    assert.strictEqual(ReplyNaming.distinct(name, "aaaa", new Map([[sequenceOf(0, 0, other), "bbbb"]])), name)
  })
})

describe("what an earlier run has sent of a reply", () => {
  it("is nothing where only other replies are known", () => {
    const replies = new Map([[sequenceOf(0, 0, { handler: "other", key: 0 }), "open"]])
    assert.isUndefined(ReplyNaming.earlier(name, "aaaa", replies, new Map()))
  })

  it("is the variant of a whole message", () => {
    const found = ReplyNaming.earlier(name, "aaaa", new Map([[sequenceOf(0, 2), "delivered"]]), new Map())
    assert.strictEqual(found?.part, 0)
    assert.strictEqual(found?.variant, 2)
  })

  it("is the last of its parts, and how they were cut", () => {
    const cut = { digest: "aaaa", variant: 1, length: 100, start: 0, limit: 50, fill: "neat" } as const
    const replies = new Map([
      [sequenceOf(1, 1), "delivered"],
      [sequenceOf(2, 3), "open"]
    ])
    const texts = new Map([
      [sequenceOf(1, 1), MessageParts.encode(cut)],
      [sequenceOf(2, 3), MessageParts.encode({ ...cut, start: 50 })]
    ])
    const found = ReplyNaming.earlier(name, "aaaa", replies, texts)
    assert.strictEqual(found?.part, 2)
    // of the message that was cut, not of the part
    assert.strictEqual(found?.variant, 1)
    assert.deepStrictEqual(
      found?.variants,
      new Map([
        [1, 1],
        [2, 3]
      ])
    )
    assert.deepStrictEqual([...(found?.stored.keys() ?? [])], [1, 2])
  })
})
