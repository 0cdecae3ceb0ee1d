import { assert, describe, it } from "@effect/vitest"
import { TextSplit } from "@effect-qq/core"

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
})
