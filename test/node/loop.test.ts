import { assert, describe, it } from "@effect/vitest"
import { MarkdownSplit, TextSplit } from "@effect-qq/core"
import * as Address from "../../packages/core/src/messages/Address.ts"

/** The most milliseconds that one step of this many takes, each measured by itself. */
const longest = (count: number, step: (n: number) => void): number => {
  let most = 0
  for (let n = 0; n < count; n++) {
    const before = performance.now()
    step(n)
    most = Math.max(most, performance.now() - before)
  }
  return most
}

describe("the event loop", () => {
  for (const [name, text] of [
    ["letters", "x".repeat(200_000)],
    ["Han", "漢".repeat(200_000)],
    ["emoji", "😀".repeat(100_000)],
    ["families", "👨‍👩‍👧‍👦".repeat(18_000)],
    ["flags", "🇨🇳".repeat(50_000)],
    ["marks on one letter", `e${"\u0301".repeat(200_000)}`]
  ] as const) {
    it(`goes on while one line of 200 000 code units of ${name} is cut`, () => {
      let parts: ReadonlyArray<string> = []
      TextSplit.split(text.slice(0, 20_000), 5000)
      const held = longest(1, () => {
        parts = TextSplit.split(text, 5000)
      })
      assert.strictEqual(parts.join(""), text)
      assert.isTrue(parts.every((part) => part.length <= 5000))
      assert.isBelow(held, 150)
    })
  }

  for (const [name, unit] of [
    ["letters", "x"],
    ["Han", "漢"],
    ["flags", "🇨🇳"],
    ["brackets", "["],
    ["links that do not end", "[a]("],
    ["links", "[a](b)"],
    ["parentheses", "]("],
    ["backticks of all lengths", "` `` ``` ```` "],
    ["angle brackets", "<a"],
    ["hyphens", "- "],
    ["quotes", "> "],
    ["nested items", "-\n -\n  -\n"],
    ["pipes", "|"],
    ["tables", "|a|\n|-|\n|b|\n"],
    ["fences", "```a\nb\n```\n"],
    ["open fences", "~~~\n```a b\n"],
    ["blank lines", " \n"],
    ["spaces", " "],
    ["lines", "a\n"]
  ] as const) {
    it(`goes on while markdown of 200 000 code units of ${name} is cut`, () => {
      const text = unit.repeat(200_000 / unit.length)
      let parts: ReadonlyArray<string> = []
      MarkdownSplit.split(text.slice(0, 20_000), 5000)
      const held = longest(1, () => {
        parts = MarkdownSplit.split(text, 5000)
      })
      assert.isTrue(parts.every((part) => part.length <= 5000))
      assert.isBelow(held, 800)
    })
  }

  for (const [name, unit] of [
    ["dots", "."],
    ["labels of one letter", "a."],
    ["at signs", "@"],
    ["words and at signs", "a@"],
    ["schemes", "http://"],
    ["halves of schemes", "a:/"],
    ["letters", "a"],
    ["plus signs", "a+"],
    ["www", "www."],
    ["numbers", "1."],
    ["hyphens and dots", "-._"],
    ["xn--", "xn--."],
    ["Han and dots", "漢."]
  ] as const) {
    it(`goes on while the addresses of 200 000 code units of ${name} are masked`, () => {
      const text = unit.repeat(200_000 / unit.length)
      Address.mask(text.slice(0, 20_000))
      const held = longest(1, () => {
        Address.mask(text)
      })
      assert.isBelow(held, 150)
    })
  }
})
