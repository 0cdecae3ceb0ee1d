/** The watermark against a list of all that was received. */
import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { Watermark } from "../../../packages/core/src/delivery/Watermark.ts"
import { Work } from "../../../packages/core/src/delivery/Work.ts"

const inbox = { watermark: () => 0, settle: () => undefined }

const workOf = (watermark: Watermark, seq: number): Work =>
  new Work(
    inbox,
    { op: 0, d: {}, s: seq, t: "C2C_MESSAGE_CREATE", id: undefined },
    1,
    watermark.session,
    watermark.receivedSeq,
    undefined,
    undefined
  )

const receive = (watermark: Watermark, seq: number): Work => {
  const work = workOf(watermark, seq)
  watermark.add(work, seq)
  return work
}

describe("the watermark", () => {
  it("is the highest sequence number up to which every received event is settled", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.integer({ min: 0, max: 100 }),
        FastCheck.array(FastCheck.tuple(FastCheck.boolean(), FastCheck.nat(), FastCheck.integer({ min: 1, max: 3 })), {
          maxLength: 60
        }),
        (first, steps) => {
          const watermark = new Watermark()
          watermark.begin(first)
          const all: Array<number> = [first]
          const open: Array<Work> = []
          let last = first
          for (const [settles, which, skipped] of steps) {
            const work = open[which % Math.max(1, open.length)]
            if (settles && work !== undefined) {
              open.splice(open.indexOf(work), 1)
              watermark.remove(work)
            } else {
              last += skipped
              all.push(last)
              open.push(receive(watermark, last))
            }
            const oldest = Math.min(...open.map(({ frame }) => frame.s ?? 0))
            const expected = Math.max(...all.filter((seq) => seq < oldest))
            assert.strictEqual(watermark.settledSeq, expected)
            assert.strictEqual(watermark.lag, last - expected)
          }
        }
      )
    )
  })

  it("stays below an event that came late", () => {
    const watermark = new Watermark()
    watermark.begin(10)
    const second = receive(watermark, 12)
    const first = receive(watermark, 11)
    watermark.remove(second)
    assert.strictEqual(watermark.settledSeq, 10)
    watermark.remove(first)
    assert.strictEqual(watermark.settledSeq, 12)
  })

  it("is moved by no event of an older session, and says when the last of them is settled", () => {
    const watermark = new Watermark()
    watermark.begin(5)
    const [first, second] = [receive(watermark, 6), receive(watermark, 7)]
    let settled = 0
    watermark.begin(1, () => settled++)
    const newer = receive(watermark, 2)
    watermark.remove(second)
    assert.deepStrictEqual([settled, watermark.settledSeq], [0, 1])
    watermark.remove(first)
    assert.deepStrictEqual([settled, watermark.settledSeq], [1, 1])
    watermark.remove(newer)
    assert.strictEqual(watermark.settledSeq, 2)
    watermark.begin(0, () => settled++)
    assert.strictEqual(settled, 2)
  })

  it("passes over what was dropped at once", () => {
    const watermark = new Watermark()
    watermark.begin(1)
    watermark.skip(2)
    assert.strictEqual(watermark.settledSeq, 2)
    const waiting = receive(watermark, 3)
    watermark.skip(4)
    assert.deepStrictEqual([watermark.settledSeq, watermark.receivedSeq], [2, 4])
    assert.strictEqual(watermark.oldestWaiting, waiting)
    waiting.started = true
    assert.strictEqual(watermark.oldestWaiting, undefined)
  })
})
