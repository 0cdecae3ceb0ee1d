/** What the oracle makes of the messages of a streamed reply. */
import { assert, describe, it } from "@effect/vitest"
import { type Part, judge } from "../../../packages/core/src/testing/oracle/StreamedReply.ts"

const whole = "one two three"

const part = (content: string, more: Partial<Part> = {}): Part => ({
  id: content,
  content,
  isOpen: false,
  isRecalled: false,
  ...more
})

const seen = { whole, runs: 1, isSent: true, mustBeClosed: true }

describe("a streamed reply", () => {
  it("is right in one message, or in a stream and what follows it", () => {
    assert.isUndefined(judge({ ...seen, parts: [part(whole)] }))
    assert.isUndefined(judge({ ...seen, parts: [part("one "), part("two three")] }))
  })

  it("is wrong where something is missing, comes twice or is another text", () => {
    for (const parts of [[], ["one "], ["one two", "two three"], [whole, whole], ["one three"]]) {
      assert.isDefined(judge({ ...seen, parts: parts.map((content) => part(content)) }), parts.join("|"))
    }
  })

  it("may have any beginning where its outcome is unknown, and no other text", () => {
    assert.isUndefined(judge({ ...seen, isSent: false, parts: [] }))
    assert.isUndefined(judge({ ...seen, isSent: false, parts: [part("one two")] }))
    assert.isDefined(judge({ ...seen, isSent: false, parts: [part("two")] }))
  })

  it("comes whole after what a run before it had said, which is finished or recalled", () => {
    const again = { ...seen, runs: 2 }
    assert.isUndefined(judge({ ...again, parts: [part("one "), part(whole)] }))
    assert.isUndefined(judge({ ...again, parts: [part("one ", { isOpen: true, isRecalled: true }), part(whole)] }))
    assert.isDefined(judge({ ...again, parts: [part("one ", { isOpen: true }), part(whole)] }))
    assert.isUndefined(judge({ ...again, mustBeClosed: false, parts: [part("one ", { isOpen: true }), part(whole)] }))
    assert.isDefined(judge({ ...again, parts: [part("one "), part("one "), part(whole)] }))
  })
})
