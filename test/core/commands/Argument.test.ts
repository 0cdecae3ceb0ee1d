/** How the text of a command is read: words, durations, and all arguments in their order. */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import { Argument, DurationText } from "@effect-qq/core"
import * as Words from "../../../packages/core/src/commands/Words.ts"

const read = <F extends Argument.Fields>(fields: F, text: string) =>
  Argument.readAll(fields, { text, mentions: [], spare: [], isStrict: false }, 0)

const values = <F extends Argument.Fields>(fields: F, text: string) => Either.getOrUndefined(read(fields, text))

describe("words", () => {
  it("are what stands between spaces, or in quotes of either script", () => {
    const all = (text: string): ReadonlyArray<string> => {
      const taken = Words.word(text, 0)
      return taken === undefined ? [] : [taken.text, ...all(text.slice(taken.next))]
    }
    assert.deepStrictEqual(all('a "b c" 「d e」 “f g” don\'t 6"'), ["a", "b c", "d e", "f g", "don't", '6"'])
    assert.deepStrictEqual(all('"say \\"hi\\"" "never closed'), ['say "hi"', '"never', "closed"])
    assert.deepStrictEqual(all('\u3000x\u3000"" y'), ["x", "", "y"])
  })

  it("of any text are read back as they were quoted", () => {
    fc.assert(
      fc.property(fc.fullUnicodeString(), fc.string(), (text, after) => {
        const quoted = Words.quote(text)
        assert.deepStrictEqual(Words.word(`${quoted} ${after}`, 0), { text, next: quoted.length })
      })
    )
  })
})

describe("durations", () => {
  it.each([
    ["10m", 600],
    ["1h30m", 5400],
    ["90s", 90],
    ["1.5h", 5400],
    ["2 days", 172_800],
    ["1w", 604_800],
    ["500ms", 0.5],
    ["10分钟", 600],
    ["１０分钟", 600],
    ["1小时30分", 5400],
    ["十五分钟", 900],
    ["二十天", 1_728_000],
    ["两个小时", 7200],
    ["半小时", 1800],
    ["半个小时", 1800],
    ["一个半小时", undefined],
    ["1天半", 129_600],
    ["10M", 600],
    ["10", undefined],
    ["m", undefined],
    ["5m1h", undefined],
    ["5m5m", undefined],
    ["10mx", undefined],
    ["", undefined],
    ["-5m", undefined]
  ])("%s", (text, seconds) => {
    const decoded = Schema.decodeOption(DurationText.DurationText)(text)
    assert.strictEqual(Option.getOrUndefined(Option.map(decoded, Duration.toSeconds)), seconds)
  })

  it("are read back as they are written", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10 * 365 * 86_400_000 }), (millis) => {
        const text = Schema.encodeSync(DurationText.DurationText)(Duration.millis(millis))
        assert.strictEqual(Duration.toMillis(Schema.decodeSync(DurationText.DurationText)(text)), millis)
      })
    )
  })

  it("are finite and not negative, whatever the text, and end where the word ends", () => {
    const pieces = fc.constantFrom("1", "30", "h", "m", "分钟", "半", "个", " ", "十", "x", "天", "ms", ".5")
    fc.assert(
      fc.property(fc.array(pieces), (parts) => {
        const text = parts.join("")
        const found = DurationText.readAt(text, 0)
        if (found === undefined) return
        assert.isTrue(Duration.isFinite(found.duration) && Duration.toMillis(found.duration) >= 0)
        assert.isTrue(found.next === text.length || /\s/.test(text.charAt(found.next)))
      })
    )
  })
})

describe("arguments", () => {
  const fields = {
    count: Argument.optional(Argument.integer),
    mode: Argument.choice(["on", "Off"]),
    length: Argument.duration.pipe(Argument.withDefault(Duration.minutes(1))),
    rest: Argument.optional(Argument.rest)
  }

  it("that are optional leave a word that they cannot read to the next argument", () => {
    assert.deepStrictEqual(values(fields, "ON"), {
      count: Option.none(),
      mode: "on",
      length: Duration.minutes(1),
      rest: Option.none()
    })
    assert.deepStrictEqual(values(fields, "3 off 1 小时 and\nmore"), {
      count: Option.some(3),
      mode: "Off",
      length: Duration.hours(1),
      rest: Option.some("and\nmore")
    })
    assert.deepStrictEqual(values(fields, "off later"), {
      count: Option.none(),
      mode: "Off",
      length: Duration.minutes(1),
      rest: Option.some("later")
    })
  })

  it("that are optional and wrong are not taken for absent", () => {
    assert.deepStrictEqual(Either.flip(read(fields, "off 10x later")).pipe(Either.getOrThrow), {
      _tag: "Wrong",
      name: "length",
      expected: { _tag: "Duration" },
      found: "10x",
      detail: undefined
    })
    assert.isTrue(Either.isLeft(read(fields, "3.5 off")))
  })

  it("of a Schema report its error in one line", () => {
    const wrong = read({ n: Argument.schema(Schema.NumberFromString.pipe(Schema.between(1, 6))) }, "7")
    assert.isTrue(Either.isLeft(wrong))
    if (Either.isLeft(wrong) && wrong.left._tag === "Wrong") {
      assert.match(wrong.left.detail ?? "", /between 1 and 6/)
      assert.notInclude(wrong.left.detail ?? "", "\n")
    }
  })

  it("name a user by a mention or by a name, of which the longest match counts", () => {
    const mentions = [
      { id: "1", name: "Al", isBot: false, isSelf: false },
      { id: "2", name: "Al Bo", isBot: false, isSelf: false }
    ]
    const mentioned = (text: string) =>
      Either.getOrUndefined(
        Argument.readAll({ who: Argument.mention }, { text, mentions, spare: [], isStrict: true }, 0)
      )?.who.id
    assert.strictEqual(mentioned("@Al Bo"), "2")
    assert.strictEqual(mentioned("<@!1>"), "1")
    assert.strictEqual(mentioned('<qqbot-at-user id="2" />'), "2")
    assert.strictEqual(mentioned("<@3>"), undefined)
  })

  it("never throw: they give a value for each field or report an error", () => {
    const piece = fc.oneof(
      fc.fullUnicodeString({ maxLength: 8 }),
      fc.constantFrom(" ", '"', "<@", "<@A>", "@", "10m", "3", "on", "off", "\\", "半", "\n")
    )
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const all = { who: Argument.optional(Argument.mention), ...fields }
        const outcome = read(all, pieces.join(""))
        if (Either.isRight(outcome)) assert.deepStrictEqual(Object.keys(outcome.right), Object.keys(all))
        else assert.include(["Missing", "Wrong", "TooMany"], outcome.left._tag)
      })
    )
  })
})
