import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as TextSplit from "../../../packages/core/src/messages/TextSplit.ts"

const family = "👨‍👩‍👧‍👦"

const graphemes = (text: string) =>
  Array.from(new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(text), ({ segment }) => segment)

describe("text in parts", () => {
  it("that fits is one part", () => {
    assert.deepStrictEqual(TextSplit.split("short", 5), ["short"])
    assert.deepStrictEqual(TextSplit.split("", 5), [""])
  })

  it("is cut at the ends of lines", () => {
    assert.deepStrictEqual(TextSplit.split("one\ntwo\nthree", 8), ["one\ntwo", "three"])
    assert.deepStrictEqual(TextSplit.split("one\n\n\ntwo", 5), ["one\n\n", "two"])
  })

  it("is cut within a line only where the line is too long", () => {
    assert.deepStrictEqual(TextSplit.split("ab\nabcdefg\nxy", 4), ["ab", "abcd", "efg", "xy"])
  })

  it("never cuts a grapheme, not even one that is longer than a part", () => {
    assert.deepStrictEqual(TextSplit.split(`${family}${family}`, 4), [family, family])
    assert.deepStrictEqual(TextSplit.split("e\u0301e\u0301e\u0301", 5), ["e\u0301e\u0301", "e\u0301"])
  })

  it("goes on from any part as it went, and fills its parts where they have to be few", () => {
    const piece = fc.oneof(fc.string(), fc.constantFrom("\n", "\n\n", family, "e\u0301", "漢字", " "))
    const fill = fc.constantFrom("neat" as const, "full" as const)
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), fc.integer({ min: 1, max: 30 }), fill, (pieces, maximum, how) => {
        const text = pieces.join("")
        const parts = TextSplit.parts(text, maximum, 0, how)
        let at = 0
        for (const [index, { content, next, start }] of parts.entries()) {
          assert.strictEqual(text.slice(at, start).trim(), "")
          assert.strictEqual(text.slice(start, next).trimEnd(), content.trimEnd())
          assert.isTrue(content.length <= maximum || graphemes(content).length === 1)
          if (next < text.length) {
            assert.deepStrictEqual(TextSplit.parts(text, maximum, next, how), parts.slice(index + 1))
          }
          at = next
        }
        assert.strictEqual(text.slice(at).trim(), "")
      }),
      { numRuns: 500 }
    )
    const lines = Array.from({ length: 10 }, () => "x".repeat(60)).join("\n")
    assert.strictEqual(TextSplit.split(lines, 100).length, 10)
    assert.strictEqual(TextSplit.parts(lines, 100, 0, "full").length, 7)
  })

  it("loses nothing but breaks at cuts, exceeds no limit and cuts no grapheme", () => {
    const piece = fc.oneof(fc.string(), fc.constantFrom("\n", "\n\n", family, "e\u0301", "漢字", " "))
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), fc.integer({ min: 1, max: 30 }), (pieces, maximum) => {
        const text = pieces.join("")
        const parts = TextSplit.split(text, maximum)
        const bare = (of: string) => of.replaceAll(/\s/g, "")
        assert.strictEqual(bare(parts.join("")), bare(text))
        const whole = graphemes(text.replaceAll(/\s+/g, "\n")).filter((found) => found.trim() !== "")
        const cut = parts
          .flatMap((part) => graphemes(part.replaceAll(/\s+/g, "\n")))
          .filter((found) => found.trim() !== "")
        assert.deepStrictEqual(cut, whole)
        for (const part of parts) {
          assert.isTrue(part.length <= maximum || graphemes(part).length === 1, `${part.length} > ${maximum}`)
        }
      }),
      { numRuns: 1000 }
    )
  })

  it("ends its parts where graphemes end, whatever characters stand beside each other", () => {
    const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" })
    const neighbours = ["a", "中", "\u0301", "\u200d", "क", "\u094d", "가", "\u1160", "👩", "🏻", "\r", "\u0600", "𠀀"]
    const character = fc.oneof(
      fc.integer({ min: 0, max: 0xd7ff }),
      fc.integer({ min: 0xe000, max: 0xffff }),
      fc.integer({ min: 0x10000, max: 0x1ffff }),
      fc.constantFrom(0x1100, 0x0e33, 0x0eb3, 0x06dd, 0x200c, 0xff9e, 0xabc0, 0x0d4e)
    )
    fc.assert(
      fc.property(
        fc.array(character, { minLength: 1, maxLength: 3 }),
        fc.constantFrom(...neighbours),
        fc.integer({ min: 5, max: 7 }),
        (codes, neighbour, maximum) => {
          const own = String.fromCodePoint(...codes)
          const text = (own + neighbour).repeat(4) + (neighbour + own).repeat(3)
          const borders = new Set([text.length])
          for (const { index } of segmenter.segment(text)) borders.add(index)
          for (const { next } of TextSplit.parts(text, maximum, 0, "full")) {
            const isBreak = text[next - 1] === "\n"
            assert.isTrue(isBreak || borders.has(next), `cut at ${next} of ${JSON.stringify(text)}`)
          }
        }
      ),
      { numRuns: 20_000, examples: [[[0xff9e, 0xabc0], "\u094d", 5]] }
    )
  })
})
