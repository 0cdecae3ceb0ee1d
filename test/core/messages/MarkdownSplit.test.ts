import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as MarkdownSplit from "../../../packages/core/src/messages/MarkdownSplit.ts"

const family = "👨‍👩‍👧‍👦"

const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" })

/** Whether every fence of a part is closed in it. */
const isBalanced = (part: string): boolean => {
  let open: string | undefined
  for (const line of part.split("\n")) {
    const mark = /^\s*(`{3,}|~{3,})/.exec(line)?.[1]
    if (mark === undefined) continue
    if (open === undefined) open = mark
    else if (line.trim() === mark && mark[0] === open[0] && mark.length >= open.length) open = undefined
  }
  return open === undefined
}

/** What the parts have of the text: all but its line breaks at the cuts, and what the parts repeat. */
const isWhole = (text: string, maximum: number): boolean => {
  let at = 0
  for (const { content, next, start } of MarkdownSplit.parts(text, maximum)) {
    if (text.slice(at, start).trim() !== "") return false
    const piece = text.slice(start, next).replace(/\n$/, "")
    const bare = piece.replace(/\n[ >]*(?:`{3,}|~{3,})[ \t]*$/, "")
    if (!content.includes(piece) && !content.includes(bare)) return false
    at = next
  }
  return text.slice(at).trim() === ""
}

const lines = (count: number, line: (n: number) => string): string =>
  Array.from({ length: count }, (_, n) => line(n)).join("\n")

describe("markdown in parts", () => {
  it("that fits is one part, as it was written", () => {
    const text = "```js\nunclosed"
    assert.deepStrictEqual(MarkdownSplit.split(text, text.length), [text])
    assert.deepStrictEqual(MarkdownSplit.split("", 5), [""])
  })

  for (const [mark, info] of [
    ["```", "ts"],
    ["~~~~", "python title=x"],
    ["```", ""]
  ] as const) {
    it(`closes a fence that is cut and opens it again: ${mark}${info}`, () => {
      const code = lines(60, (n) => `const value${n} = ${n}`)
      const text = `Before.\n\n${mark}${info}\n${code}\n${mark}\n\nAfter.`
      const parts = MarkdownSplit.split(text, 200)
      assert.isAbove(parts.length, 4)
      for (const [index, part] of parts.entries()) {
        assert.isAtMost(part.length, 200)
        assert.isTrue(isBalanced(part), part)
        if (index > 0 && part.includes("const")) assert.isTrue(part.startsWith(`${mark}${info}\n`), part)
      }
      const kept = parts.flatMap((part) => part.split("\n").filter((line) => line.startsWith("const")))
      assert.strictEqual(kept.join("\n"), code)
    })
  }

  it("closes a fence in an item of a list and in a quote as it was opened", () => {
    const code = (margin: string) => lines(40, (n) => `${margin}line ${n} of the code`)
    for (const [opening, margin] of [
      ["- ", "  "],
      ["> ", "> "]
    ] as const) {
      const text = `${opening}\`\`\`sh\n${code(margin)}\n${margin}\`\`\``
      const parts = MarkdownSplit.split(text, 160)
      assert.isAbove(parts.length, 3)
      for (const part of parts.slice(1)) assert.isTrue(part.startsWith(`${margin}\`\`\`sh\n`), part)
      for (const part of parts) assert.isTrue(part.endsWith(`\n${margin}\`\`\``), part)
    }
  })

  it("opens a fence of a deep item without its margin, which would make plain code of it", () => {
    const text = `- a\n  - b\n    \`\`\`sh\n${lines(20, (n) => `    line ${n} of the code`)}\n    \`\`\`\n    more`
    const parts = MarkdownSplit.split(text, 160)
    assert.isAbove(parts.length, 3)
    assert.isTrue(parts[0]?.endsWith("\n    ```"))
    for (const part of parts.slice(1)) {
      assert.isTrue(part.startsWith("```sh\n"), part)
      assert.match(part, /\n```(?:\n {4}more)?$/)
    }
  })

  it("closes a fence that the text leaves open", () => {
    const parts = MarkdownSplit.split(`\`\`\`\n${lines(40, (n) => `line ${n}`)}`, 100)
    assert.isTrue(parts.every(isBalanced))
    assert.isTrue(parts.every((part) => part.length <= 100))
  })

  it("never closes a fence by a mark that stands inside of its code", () => {
    const text = `~~~~md\n${lines(30, (n) => `word ${n} \`\`\` and ~~~ more`)}\n~~~~`
    for (let maximum = 40; maximum < 120; maximum++) {
      for (const part of MarkdownSplit.split(text, maximum)) {
        assert.isTrue(part.startsWith("~~~~md\n") && part.endsWith("\n~~~~"), part)
        assert.isAtMost(part.length, maximum)
      }
    }
  })

  it("repeats the head of a table that is cut, and cuts no row", () => {
    const head = "| name | value |\n|:-----|------:|"
    const rows = lines(50, (n) => `| row ${n} | ${n * n} |`)
    const parts = MarkdownSplit.split(`# Table\n\n${head}\n${rows}\n\nEnd.`, 180)
    for (const part of parts) {
      assert.isAtMost(part.length, 180)
      if (part.includes("| row")) assert.isTrue(part.includes(`${head}\n| row`), part)
      for (const line of part.split("\n")) {
        if (line.startsWith("| row")) assert.isTrue(rows.split("\n").includes(line), line)
      }
    }
    const kept = parts.flatMap((part) => part.split("\n").filter((line) => line.startsWith("| row")))
    assert.strictEqual(kept.join("\n"), rows)
  })

  for (const [name, atom] of [
    ["link", "[a link of words](https://example.com/a/path_(x)?q=1)"],
    ["image", "![an image of words](https://example.com/a.png)"],
    ["image in a link", "[![alt text](https://example.com/a.png)](https://example.com)"],
    ["code span", "``some code ` with words``"],
    ["mention", "<@ABCDEF0123456789>"],
    ["tag", '<qqbot-cmd-input text="a b c" show="d e" />'],
    ["address", "https://example.com/a/long/path?with=query,and;more.html"]
  ] as const) {
    it(`never cuts a ${name}`, () => {
      const text = Array.from({ length: 12 }, (_, n) => `word${n} ${"漢字。".repeat(n % 5)} ${atom}`).join(" ")
      for (let maximum = 70; maximum < 130; maximum++) {
        const parts = MarkdownSplit.split(text, maximum)
        const found = parts.reduce((count, part) => count + part.split(atom).length - 1, 0)
        assert.strictEqual(found, 12, `${maximum}`)
        assert.isTrue(parts.every((part) => part.length <= maximum))
      }
    })
  }

  it("never cuts an item of a list, unless it alone is longer than a part", () => {
    const items = Array.from({ length: 20 }, (_, n) => `${n + 1}. item ${n}, first line\n   and its second. Done.`)
    for (let maximum = 60; maximum < 200; maximum += 3) {
      const parts = MarkdownSplit.split(items.join("\n"), maximum)
      for (const item of items)
        assert.isTrue(
          parts.some((part) => part.includes(item)),
          item
        )
    }
    const long = `- ${"words ".repeat(100)}`
    const parts = MarkdownSplit.split(`- one\n${long}\n- two`, 100)
    assert.isTrue(parts.every((part) => part.length <= 100))
    assert.strictEqual(parts.join("").replaceAll(/\s/g, ""), `- one\n${long}\n- two`.replaceAll(/\s/g, ""))
  })

  it("is cut between paragraphs first, then lines, then sentences, then words", () => {
    assert.deepStrictEqual(MarkdownSplit.split("one two three\nfour\n\nfive six", 22), [
      "one two three\nfour\n",
      "five six"
    ])
    assert.deepStrictEqual(MarkdownSplit.split("one two three\nfour five", 18), ["one two three", "four five"])
    assert.deepStrictEqual(MarkdownSplit.split("One two. Three four five", 14), ["One two. ", "Three four ", "five"])
    assert.deepStrictEqual(MarkdownSplit.split("天地玄黄。宇宙洪荒日月盈昃", 8), ["天地玄黄。", "宇宙洪荒日月盈昃"])
  })

  it("leaves no heading at the end of a part", () => {
    const text = `${"a".repeat(30)}\n\n${"b".repeat(20)}\n\n## Heading\n\n${"c".repeat(40)}`
    assert.deepStrictEqual(
      MarkdownSplit.split(text, 70).map((part) => part.includes("Heading")),
      [false, true]
    )
  })

  const words = fc.constantFrom(
    "word",
    "two words",
    "漢字。",
    family,
    "e\u0301",
    "[a b](c d)",
    "[link](https://a.example/b)",
    "`code span`",
    "``",
    "<@ABC>",
    "a ``` b",
    " ",
    ". "
  )
  const running = fc.array(words, { minLength: 1, maxLength: 8 }).map((all) => all.join(" "))
  const block = fc.oneof(
    running,
    fc
      .record({
        mark: fc.constantFrom("```", "~~~", "````"),
        info: fc.constantFrom("", "ts", "md x"),
        code: fc.array(
          fc.oneof(running, fc.constantFrom("", "  indented", "| a | b |")).filter((line) => !/^\s*[`~]{3}/.test(line)),
          { maxLength: 12 }
        )
      })
      .map(({ code, info, mark }) => [`${mark}${info}`, ...code, mark].join("\n")),
    fc
      .array(running, { maxLength: 6 })
      .map((rows) => ["| a | b |", "|---|:-:|", ...rows.map((r) => `| ${r} | x |`)].join("\n")),
    fc.array(running, { minLength: 1, maxLength: 5 }).map((items) => items.map((item) => `- ${item}`).join("\n")),
    fc.constantFrom("# Heading", "> quoted words", "***", "")
  )
  const document = fc
    .array(fc.tuple(block, fc.constantFrom("\n", "\n\n", "\n\n\n")), { maxLength: 12 })
    .map((blocks) => blocks.map(([found, gap]) => found + gap).join(""))

  it("has its fences closed in every part, within the limit, loses nothing and cuts no grapheme", () => {
    fc.assert(
      fc.property(document, fc.integer({ min: 40, max: 400 }), (text, maximum) => {
        const parts = MarkdownSplit.parts(text, maximum)
        assert.isTrue(isWhole(text, maximum), "whole")
        for (const { content, start } of parts) {
          assert.isAtMost(content.length, maximum)
          assert.isTrue(isBalanced(content), content)
          // where a part begins, a grapheme of the text does
          const from = Math.max(0, start - 40)
          const borders = Array.from(segmenter.segment(text.slice(from, start + 40)), ({ index }) => from + index)
          assert.isTrue(start === 0 || borders.includes(start), `a cut at ${start}`)
        }
      }),
      { numRuns: 500 }
    )
  })

  it("of any text and size is whole and within the limit, and goes on from any part as it went", () => {
    const any = fc.oneof(
      document,
      fc
        .array(fc.oneof(words, fc.string(), fc.constantFrom("\n", "```", "~~~", "- ", "|", "|-|", "> ")), {
          maxLength: 60
        })
        .map((all) => all.join(""))
    )
    fc.assert(
      fc.property(any, fc.integer({ min: 1, max: 120 }), (text, maximum) => {
        const parts = MarkdownSplit.parts(text, maximum)
        for (const { content } of parts) {
          if (maximum >= 24) assert.isAtMost(content.length, maximum)
          assert.isFalse(/^[\uDC00-\uDFFF]|[\uD800-\uDBFF]$/.test(content), "a pair of surrogates is cut")
        }
        for (const [index, { next }] of parts.entries()) {
          if (next > 0 && next < text.length) {
            assert.deepStrictEqual(MarkdownSplit.parts(text, maximum, next), parts.slice(index + 1))
          }
        }
        const bare = (of: string) => of.replaceAll(/[\s`~]/g, "")
        const pieces = parts.map(({ next, start }) => text.slice(start, next)).join("")
        assert.strictEqual(bare(pieces), bare(text))
      }),
      { numRuns: 500 }
    )
  })
})
