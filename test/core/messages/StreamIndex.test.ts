/** What the answers of the platform mean for the index of a stream. */
import { assert, describe, it } from "@effect/vitest"
import { SendError } from "@effect-qq/core"
import * as fc from "fast-check"
import { type Piece, StreamIndex } from "../../../packages/core/src/messages/StreamIndex.ts"

const facts = { detail: "no", hint: "none" }
const refused = new SendError.MessageRejected({ ...facts, class: "bad_request", code: 40007 })
const unanswered = new SendError.DeliveryUnknown(facts)
/** Before the endpoint has processed the request. */
const gate = new SendError.PermissionDenied({ ...facts, code: 11245 })
const invalid = new SendError.MessageInvalid({ ...facts, field: "content" })

const piece = (content: string, isLast = false): Piece => ({ content, isLast })

describe("the index of a stream", () => {
  it("stays where a piece had no answer, and the next piece contests it", () => {
    const index = new StreamIndex()
    index.present(piece("a"))
    index.learn(unanswered)
    assert.strictEqual(index.current, 0)
    assert.isTrue(index.isRepeated)
    index.present(piece("a"))
    assert.isFalse(index.isContested)
    index.present(piece("ab"))
    assert.isTrue(index.isContested)
    assert.isFalse(index.isRepeated)
    index.advance()
    assert.isFalse(index.isContested)
  })

  it("is used up by a refusal, once the platform has named the stream", () => {
    const index = new StreamIndex()
    index.present(piece("a"))
    index.learn(refused)
    assert.strictEqual(index.current, 0)
    index.id = "s"
    index.learn(refused)
    assert.strictEqual(index.current, 1)
  })

  it("is not used up by errors from before the endpoint, or of this library", () => {
    const index = new StreamIndex()
    index.id = "s"
    index.present(piece("a"))
    for (const error of [gate, invalid]) index.learn(error)
    assert.strictEqual(index.current, 0)
    assert.isFalse(index.isRepeated)
  })

  it("knows which end had no answer, unless there were several", () => {
    const index = new StreamIndex()
    assert.isFalse(index.isEndDoubted)
    index.present(piece("a", true))
    index.learn(unanswered)
    assert.isTrue(index.isEndDoubted)
    assert.strictEqual(index.onlyUnansweredEnd, "a")
    index.present(piece("ab", true))
    index.learn(unanswered)
    assert.isTrue(index.isEndDoubted)
    assert.isUndefined(index.onlyUnansweredEnd)
  })

  it("goes on where an earlier run has left it, whose last request may have been accepted", () => {
    const left = {
      sequence: 7,
      format: "text",
      id: "s",
      index: 3,
      content: "abc",
      isLast: true,
      isClosed: false
    } as const
    const index = new StreamIndex(left)
    assert.strictEqual(index.current, 3)
    assert.isTrue(index.isRepeated)
    assert.strictEqual(index.onlyUnansweredEnd, "abc")
    index.present(piece("abc", true))
    assert.isFalse(index.isContested, "the same request again")
    const other = new StreamIndex(left)
    other.present(piece("abcd"))
    assert.isTrue(other.isContested)
  })

  it("never goes back, and moves by one at a time, whatever the answers", () => {
    const step = fc.oneof(
      fc.record({ content: fc.constantFrom("a", "ab", "abc"), isLast: fc.boolean() }),
      fc.constantFrom<SendError.SendError>(refused, unanswered, gate, invalid),
      fc.constant("accepted" as const)
    )
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const index = new StreamIndex()
        for (const one of steps) {
          const before = index.current
          if (one === "accepted") {
            index.id ??= "s"
            index.advance()
          } else if ("content" in one) index.present(one)
          else index.learn(one)
          assert.include([before, before + 1], index.current)
          if (index.current > before) assert.isFalse(index.isRepeated || index.isContested)
        }
      })
    )
  })
})
