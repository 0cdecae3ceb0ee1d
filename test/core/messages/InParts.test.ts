/** A message in parts arrives whole, each part once, whatever the platform's limit is. */
import { assert, describe, it } from "@effect/vitest"
import { Message, Messenger } from "@effect-qq/core"
import { Fault } from "@effect-qq/core/testing"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as fc from "fast-check"
import * as MessageParts from "../../../packages/core/src/messages/MessageParts.ts"
import * as Bot from "../../support/bot.ts"
import { errorOf, inject, listening, on, requests, sent, visible } from "./harness.ts"

const windows = { c2c: { duration: 3_600_000, replies: 100 } }

const forever = { times: Number.POSITIVE_INFINITY }

const lines = (count: number, line: (n: number) => string): string =>
  Array.from({ length: count }, (_, n) => line(n)).join("\n")

const prose = (length: number): string =>
  lines(Math.ceil(length / 100), (n) => `${n} `.padEnd(99, "x")).slice(0, length)

const code = (length: number): string =>
  `# Program\n\n\`\`\`ts\n${lines(Math.ceil(length / 40), (n) => `const a${n} = ${n} // ...`.padEnd(39, "."))}\n\`\`\`\n`

describe("text of any length below fifteen parts", () => {
  for (const limit of [4000, 12_000]) {
    for (const length of [4001, 12_000, 13_000, 30_000, 55_000]) {
      it.effect(`arrives whole: ${length} characters where ${limit} are taken`, () =>
        Effect.gen(function* () {
          const { privately } = yield* listening
          const event = yield* privately()
          const text = prose(length)
          const receipt = yield* Messenger.reply(event, Message.text(text))
          assert.strictEqual((yield* visible).join("\n"), text)
          assert.isAtMost(receipt.parts.length, 15)
          assert.strictEqual(receipt.parts.length, length <= limit ? 0 : (yield* sent).length)
        }).pipe(on({ maximumContent: limit, windows }))
      )

      it.effect(`arrives as markdown with its fences closed: ${length} characters where ${limit} are taken`, () =>
        Effect.gen(function* () {
          const { privately } = yield* listening
          const event = yield* privately()
          const text = code(length - 100)
          yield* Messenger.reply(event, Message.markdown(text))
          const shown = (yield* sent).map(({ body }) => (body["markdown"] as { content: string }).content)
          for (const content of shown) {
            assert.isAtMost(content.length, limit)
            assert.strictEqual(content.split("```").length % 2, 1, content)
          }
          const kept = shown.flatMap((content) => content.split("\n").filter((line) => line.startsWith("const")))
          assert.deepStrictEqual(
            kept,
            text.split("\n").filter((line) => line.startsWith("const"))
          )
        }).pipe(on({ maximumContent: limit, windows }))
      )
    }
  }
})

describe("a part that is found too long after others went out", () => {
  it.effect("is cut again, and what was shown stays as it is", () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      const event = yield* privately()
      const text = ["a".repeat(2900), "b".repeat(4900), "c".repeat(4900), "d".repeat(100)].join("\n")
      const receipt = yield* Messenger.reply(event, Message.text(text))
      const shown = yield* visible
      assert.strictEqual(shown[0], "a".repeat(2900))
      assert.strictEqual(shown.join("").replaceAll("\n", ""), text.replaceAll("\n", ""))
      assert.strictEqual(receipt.parts.length, shown.length)
    }).pipe(on({ maximumContent: 3000, windows }))
  )

  it.effect("is cut no finer than the parts that are left allow", () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      const event = yield* privately()
      // 12 parts of 5000; halves would be 24, and 15 are allowed
      const text = Array.from({ length: 12 }, (_, n) => String.fromCharCode(97 + n).repeat(n === 0 ? 4000 : 4999)).join(
        "\n"
      )
      yield* Messenger.reply(event, Message.text(text))
      assert.isAtMost((yield* sent).length, 15)
      assert.strictEqual((yield* visible).join("").replaceAll("\n", ""), text.replaceAll("\n", ""))
    }).pipe(on({ maximumContent: 4500, windows }))
  )
})

describe("text of more than fifteen parts", () => {
  for (const [name, message] of [
    ["text", Message.text("x".repeat(80_000))],
    ["markdown", Message.markdown(code(80_000))]
  ] as const) {
    it.effect(`is refused before any part is sent: ${name}`, () =>
      Effect.gen(function* () {
        const { privately } = yield* listening
        const event = yield* privately()
        const error = errorOf(yield* Effect.either(Messenger.reply(event, message)))
        assert.strictEqual(error._tag, "MessageInvalid")
        assert.match(error.message, /more than 15/)
        assert.strictEqual((yield* sent).length, 0)
        // only the message as a whole
        assert.strictEqual((yield* requests).length, 1)
      }).pipe(on({ maximumContent: 4000, windows }))
    )
  }
})

describe("the plain text of markdown", () => {
  it.effect("is not repeated for every part where markdown is refused", () =>
    Effect.gen(function* () {
      const { privately } = yield* listening
      const event = yield* privately()
      yield* inject(Fault.http("send", Fault.status(400, { code: 40054007, message: "too long" })))
      yield* inject(Fault.refuseMessage("markdown", forever))
      yield* Messenger.reply(event, Message.markdown(prose(600), { plainText: "plain" }))
      assert.strictEqual((yield* visible).join("\n"), prose(600))
    }).pipe(on({ windows }))
  )
})

describe("a second run after one that was cut off between its parts", () => {
  const messages: ReadonlyArray<readonly [string, Message.Message, (shown: ReadonlyArray<string>) => void]> = [
    [
      "text",
      Message.text(prose(20_000)),
      (shown) => {
        assert.strictEqual(shown.join("\n"), prose(20_000))
      }
    ],
    [
      "markdown",
      Message.markdown(code(20_000)),
      (shown) => {
        const kept = shown.flatMap((content) => content.split("\n").filter((line) => line.startsWith("const")))
        assert.deepStrictEqual(
          kept,
          code(20_000)
            .split("\n")
            .filter((line) => line.startsWith("const"))
        )
      }
    ]
  ]
  for (const [name, message, check] of messages) {
    for (const seconds of [2.5, 3.5, 4.5, 6.5]) {
      it.effect(`cuts as the first did and shows each part once: ${name}, after ${seconds} s`, () =>
        Effect.gen(function* () {
          const { privately } = yield* listening
          const event = yield* privately()
          yield* inject(Fault.http("send", Fault.slow(1000), forever))
          // the whole is refused, then a part of 5000; what follows has 2500
          const first = yield* Effect.fork(Messenger.reply(event, message, { key: "k" }))
          yield* Bot.advance(seconds * 1000)
          yield* Fiber.interrupt(first)
          const before = (yield* sent).length
          assert.isAbove(before, 0)
          yield* inject(Fault.clear)
          yield* Messenger.reply(event, message, { key: "k" })
          const shown = (yield* sent).map(
            ({ body, content }) => (body["markdown"] as { content: string } | undefined)?.content ?? content
          )
          assert.isAbove(shown.length, before)
          check(shown)
          const again = yield* Messenger.reply(event, message, { key: "k" })
          assert.isTrue(again.deduplicated)
          assert.strictEqual((yield* sent).length, shown.length)
        }).pipe(on({ maximumContent: 4000, windows }))
      )
    }
  }
})

describe("what is stored of a part", () => {
  it("is read as it was written, and gives the parts of the run that wrote it", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("word ", "\n", "漢字。", "```\ncode\ncode\n```\n", "- item\n"), {
          minLength: 4,
          maxLength: 60
        }),
        fc.integer({ min: 1, max: 60 }),
        fc.boolean(),
        fc.nat(14),
        (pieces, limit, isMarkdown, count) => {
          const text = pieces.join("")
          const message = isMarkdown ? Message.markdown(text) : Message.text(text)
          const plan = MessageParts.plan(message, limit)
          if (plan._tag !== "Parts") return
          const known = plan.parts.slice(0, count + 1)
          const stored = known.map((part, index) => {
            const { fill, limit, start } = part
            const value = { digest: "0123456789abcdef", variant: 0, length: text.length, start, limit, fill }
            assert.deepStrictEqual(MessageParts.decode(MessageParts.encode(value)), value)
            return [index + 1, value] as const
          })
          assert.deepStrictEqual(MessageParts.resumed(message, new Map(stored)), plan.parts)
        }
      )
    )
    assert.isUndefined(MessageParts.decode("0123456789abcdef"))
    assert.isUndefined(MessageParts.decode("0123456789abcdef/1/2/3/4/x"))
    assert.isUndefined(MessageParts.decode("0123456789abcdef/0/9/0/0/neat"))
  })
})
