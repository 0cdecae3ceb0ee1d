/** Typed callbacks of buttons: what they carry, who may press them and until when, and what the platform is told. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as fc from "fast-check"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { Callback, Gateway, Keyboard, Message, Messenger } from "@effect-qq/core"
import { TestPlatform } from "@effect-qq/core/testing"
import * as Bot from "../../support/bot.ts"
import { answers, inGroup, press } from "../../support/say.ts"

const Vote = Callback.make("vote", Schema.Struct({ option: Schema.Literal("tea", "coffee") }), {
  expires: "10 minutes"
})

const Other = Callback.make("votes", Schema.String)

const say = (event: Messenger.Answerable, text: string) => Messenger.reply(event, Message.text(text))

const dataOf = ({ action }: Keyboard.Button): string => (action._tag === "Callback" ? action.data : "")

const online = (handlers: Layer.Layer<never, never, Gateway.HandlerRegistry | Messenger.Messenger>) =>
  Effect.zipRight(Effect.forkScoped(Gateway.run(handlers)), Effect.zipRight(Gateway.ready, Bot.settle))

const codes = Effect.map(Bot.entries("Acknowledged"), (all) => all.map(({ code }) => code))

const Count = Callback.on(Vote, ({ event, user, value }) => say(event, `${user}: ${value.option}`), {
  onRefused: (event, reason) => say(event, reason)
})

describe("a button", () => {
  it.effect("brings its value to its own handler, and no other, and is acknowledged", () =>
    Effect.gen(function* () {
      yield* online(
        Layer.merge(
          Count,
          Callback.on(Other, ({ event, value }) => say(event, `other ${value}`))
        )
      )
      const tea = yield* Vote.button("Tea", { option: "tea" })
      const other = yield* Other.button("Other", "x")
      yield* press(dataOf(tea))
      yield* press(dataOf(other), { group: "g" })
      yield* press("something:else")
      assert.deepStrictEqual(yield* answers, ["bo: tea", "other x"])
      assert.deepStrictEqual(yield* codes, [0, 0])
    }).pipe(Bot.on())
  )

  it.effect("that is sent comes back as it was made", () =>
    Effect.gen(function* () {
      const Ask = Gateway.onMessage(({ event }) =>
        Effect.flatMap(Vote.button("Tea", { option: "tea" }), (tea) =>
          Messenger.reply(event, Message.markdown("?", { keyboard: Keyboard.rows([tea]) }))
        )
      )
      yield* online(Layer.merge(Ask, Count))
      yield* inGroup({ text: "vote" })
      const [sent] = yield* Effect.flatMap(TestPlatform.TestPlatform, (platform) => platform.sent)
      const body = JSON.parse(JSON.stringify(sent?.body)) as {
        keyboard: { content: { rows: Array<{ buttons: Array<{ action: { data: string } }> }> } }
      }
      yield* press(body.keyboard.content.rows[0]?.buttons[0]?.action.data ?? "", { group: "g" })
      assert.deepStrictEqual(yield* answers, ["?", "bo: tea"])
    }).pipe(Bot.on())
  )

  it.effect("expires: later the platform is told that it failed, and the handler is not run", () =>
    Effect.gen(function* () {
      yield* online(Count)
      const tea = yield* Vote.button("Tea", { option: "tea" })
      yield* Bot.advance("599 seconds")
      yield* press(dataOf(tea))
      yield* Bot.advance("1 seconds")
      yield* press(dataOf(tea))
      assert.deepStrictEqual(yield* answers, ["bo: tea", "Expired"])
      assert.deepStrictEqual(yield* codes, [0, 1])
    }).pipe(Bot.on())
  )

  it.effect("only for some users refuses others, whatever the client lets them press", () =>
    Effect.gen(function* () {
      yield* online(Count)
      const tea = yield* Vote.button("Tea", { option: "tea" }, { onlyFor: ["bo", "cy"] })
      assert.deepStrictEqual(tea.permission, { _tag: "Users", ids: ["bo", "cy"] })
      yield* press(dataOf(tea), { user: "al", group: "g" })
      yield* press(dataOf(tea), { user: "cy", group: "g" })
      assert.deepStrictEqual(yield* answers, ["NotPermitted", "cy: tea"])
      assert.deepStrictEqual(yield* codes, [4, 0])
    }).pipe(Bot.on())
  )

  it.effect("of an earlier version, or with hostile data, is refused and ends nothing", () =>
    Effect.gen(function* () {
      yield* online(Count)
      for (const data of [
        'vote:::{"option":"milk"}',
        "vote:",
        "vote:zzzzzzzzzz:::",
        'vote:::{"__proto__":1}',
        "vote::\ud800:"
      ]) {
        yield* press(data)
      }
      assert.deepStrictEqual(yield* answers, ["Malformed", "Malformed", "Malformed", "Malformed", "Malformed"])
      assert.deepStrictEqual(yield* codes, [1, 1, 1, 1, 1])
    }).pipe(Bot.on())
  )

  it.effect("whose value is too long, or none, is not made", () =>
    Effect.gen(function* () {
      const long = yield* Effect.flip(Other.button("x", "y".repeat(120)))
      assert.strictEqual(long.message, "the data of a button of votes has 130 characters, of at most 128")
      const wrong = yield* Effect.flip(Callback.make("n", Schema.Int).button("x", 0.5))
      assert.strictEqual(wrong.length, 0)
    })
  )

  it("has a name that no other can be confused with", () => {
    assert.throws(() => Callback.make("a:b", Schema.String), RangeError)
  })
})

describe("the data of a button", () => {
  it.effect.prop(
    "is decoded for the users that it is for, until it expires",
    [fc.string({ maxLength: 30 }), fc.array(fc.string(), { maxLength: 3 })],
    ([value, users]) =>
      Effect.gen(function* () {
        const [first, ...others] = users
        const made = yield* Effect.either(
          Other.button("x", value, first === undefined ? {} : { onlyFor: [first, ...others], expires: 5 })
        )
        if (Either.isLeft(made)) return
        const data = dataOf(made.right)
        assert.isAtMost(data.length, Callback.maximumData)
        assert.deepStrictEqual(Other.read(data, 4, first), { _tag: "Valid", value })
        if (first !== undefined) assert.strictEqual(Other.read(data, 5, first)._tag, "Expired")
        if (first !== undefined) assert.strictEqual(Other.read(data, 4, undefined)._tag, "NotPermitted")
      })
  )

  it("is never more than text: reading it does not throw", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.fullUnicodeString(),
          fc.fullUnicodeString().map((text) => `votes:${text}`)
        ),
        (data) => {
          assert.include(["Foreign", "Malformed", "Expired", "NotPermitted", "Valid"], Other.read(data, 0, "u")._tag)
        }
      )
    )
  })
})
