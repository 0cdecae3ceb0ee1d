import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as MessageSequence from "../../../packages/core/src/messages/MessageSequence.ts"

const name = fc.record({
  handler: fc.string(),
  key: fc.oneof(fc.nat(), fc.string()),
  part: fc.integer({ min: 0, max: 15 }),
  variant: fc.integer({ min: 0, max: 3 })
})

const time = fc.integer({ min: 0, max: 8_640_000_000_000_000 })

/** The largest number that the platform has been seen to take is below this. */
const limit = 2 ** 31

describe("the msg_seq of a reply", () => {
  it("is a whole number from 1 to below 2^30", () => {
    fc.assert(
      fc.property(name, (reply) => {
        const sequence = MessageSequence.forReply(reply)
        assert.isTrue(Number.isInteger(sequence) && sequence >= 1 && sequence < 2 ** 30, String(sequence))
      }),
      { numRuns: 2000 }
    )
  })

  it("is the same for the same name, in every process", () => {
    fc.assert(
      fc.property(name, (reply) => {
        assert.strictEqual(MessageSequence.forReply(reply), MessageSequence.forReply({ ...reply }))
      })
    )
  })

  it("differs by handler, by key, by part and by variant", () => {
    const names = ["greeter", "greeter#2", "echo", ""].flatMap((handler) =>
      [0, 1, 2, 3, "0", "1", "summary", ""].flatMap((key) =>
        [0, 1, 15].flatMap((part) => [0, 1, 2, 3].map((variant) => ({ handler, key, part, variant })))
      )
    )
    const sequences = names.map(MessageSequence.forReply)
    assert.strictEqual(new Set(sequences).size, names.length)
  })

  it("tells a key that reads like a number from that number", () => {
    const of = (key: string | number) => MessageSequence.forReply({ handler: "h", key, part: 0, variant: 0 })
    assert.notStrictEqual(of(1), of("1"))
  })

  it("parts and variants of one name never meet", () => {
    fc.assert(
      fc.property(fc.string(), fc.oneof(fc.nat(), fc.string()), (handler, key) => {
        const all = Array.from({ length: 64 }, (_, index) =>
          MessageSequence.forReply({ handler, key, part: index >> 2, variant: index & 3 })
        )
        assert.strictEqual(new Set(all).size, all.length)
      })
    )
  })

  it("hardly ever meets that of another name", () => {
    const sequences = Array.from({ length: 2000 }, (_, index) =>
      MessageSequence.forReply({ handler: `handler ${index % 20}`, key: `key ${index}`, part: 0, variant: 0 })
    )
    assert.isAtLeast(new Set(sequences).size, 1998)
  })
})

describe("the msg_seq of what has no name", () => {
  it("is a whole number from 2^30 to below 2^31: no reply has it", () => {
    fc.assert(
      fc.property(time, fc.option(time, { nil: undefined }), (now, before) => {
        const after = before === undefined ? undefined : MessageSequence.forTime(before, undefined)
        const sequence = MessageSequence.forTime(now, after)
        assert.isTrue(Number.isInteger(sequence) && sequence >= 2 ** 30 && sequence < limit, String(sequence))
      }),
      { numRuns: 2000 }
    )
  })

  it("never comes twice in a row, however fast it is asked for and whatever the clock does", () => {
    fc.assert(
      fc.property(fc.array(time, { minLength: 1, maxLength: 50 }), (times) => {
        let last: number | undefined
        for (const now of times.flatMap((at) => [at, at, at - 1])) {
          const next = MessageSequence.forTime(Math.max(0, now), last)
          assert.notStrictEqual(next, last)
          last = next
        }
      })
    )
  })

  it("does not come again among a thousand of one millisecond, also where the range begins anew", () => {
    for (const now of [0, 1_790_000_000_000, 2 ** 30 - 1, 2 ** 30 * 1667 - 500]) {
      const given = new Set<number>()
      let last: number | undefined
      for (let n = 0; n < 1000; n++) {
        last = MessageSequence.forTime(now, last)
        given.add(last)
      }
      assert.strictEqual(given.size, 1000)
    }
  })

  it("goes on from the time after a restart", () => {
    const before = MessageSequence.forTime(1_790_000_000_000, undefined)
    assert.isAbove(MessageSequence.forTime(1_790_000_000_001, undefined), before)
  })
})
