/** Mentions in what is sent, and what only looks like one. */
import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import * as Stream from "effect/Stream"
import { type Conversation, Event, Gateway, Keyboard, Message, Messenger, MessageView } from "@effect-qq/core"
import { Fault } from "@effect-qq/core/testing"
import * as Mentions from "../../../packages/core/src/messages/Mentions.ts"
import * as Bot from "../../support/bot.ts"
import { answers, inGroup, inPrivate } from "../../support/say.ts"
import { inject, on } from "./harness.ts"

const scenes: ReadonlyArray<Conversation.Scene> = ["c2c", "group", "channel", "dm"]

const hi = `${Message.mention({ id: "AB12", name: "Al" })} hi, ${Message.mentionEveryone}`

const tag = '<qqbot-at-user id="AB12" />'

describe("a mention", () => {
  it.each([
    ["group", `${tag} hi, @everyone`],
    ["channel", `${tag} hi, <qqbot-at-everyone />`],
    ["c2c", "@Al hi, @everyone"],
    ["dm", "@Al hi, @\u200Beveryone"]
  ] as const)("is in a %s what the platform takes there", (scene, expected) => {
    assert.strictEqual(Message.toBody(Message.text(hi), scene)["content"], expected)
    assert.deepStrictEqual(Message.toBody(Message.markdown(hi), scene)["markdown"], { content: expected })
    assert.strictEqual(Message.toBody(Message.image("https://x/y.png", { content: hi }), scene)["content"], expected)
    const template = Message.toBody(Message.markdownTemplate("1", { who: hi, all: [hi] }), scene)["markdown"]
    assert.deepStrictEqual(template, {
      custom_template_id: "1",
      params: [
        { key: "who", values: [expected] },
        { key: "all", values: [expected] }
      ]
    })
  })

  it.effect("is in the plain text that stands for refused markdown", () =>
    Effect.gen(function* () {
      const keyboard = Keyboard.rows([Keyboard.button("x", Keyboard.callback("x"))])
      yield* Effect.forkScoped(
        Gateway.run(
          Gateway.onMessage(({ author, event }) =>
            Messenger.reply(event, Message.markdown(`**${Message.mention(author)}**`, { keyboard }))
          )
        )
      )
      yield* Gateway.ready
      yield* inject(Fault.refuseMessage("markdown"))
      yield* inGroup({ text: "hi", member: "AB12" })
      yield* Bot.advance("5 seconds")
      assert.deepStrictEqual(yield* answers, [`**${tag}**`])
      assert.deepStrictEqual(
        (yield* Bot.entries("Accepted")).map(({ msgType }) => msgType),
        [0]
      )
    }).pipe(on())
  )

  it("has an id and a name that end no tag", () => {
    const odd = Message.mention({ id: 'a"/><b', name: "<@x>\n\uFDD0" })
    assert.strictEqual(Mentions.render(odd, "group"), '<qqbot-at-user id="ab" />')
    assert.strictEqual(Mentions.render(odd, "c2c"), "@x")
    assert.strictEqual(Message.problem(Message.text(Message.mention("x")), "c2c")?.field, "content")
  })
})

describe("what looks like a mention", () => {
  const said: ReadonlyArray<readonly [string, string]> = [
    ["<@AB12> hi", "@AB12 hi"],
    ["<@!AB12>hi", "@AB12hi"],
    ["<<@AB12>>", "@AB12>"],
    ["<@<@a>b>", "@@ab>"],
    ['<qqbot-at-user id="AB12" />', "@AB12"],
    ["<QQBOT-AT-EVERYONE/>", "@everyone"],
    ["a < b && c <3", "a < b && c <3"],
    ["<qqbot-at-user is how", "qqbot-at-user is how"],
    ['<#12> <emoji:4> <qqbot-cmd-input text="a" />', '<#12> <emoji:4> <qqbot-cmd-input text="a" />']
  ]
  it.each(said)("%s is sent as text", (text, expected) => {
    assert.strictEqual(Mentions.render(text, "group"), expected)
    assert.strictEqual(Mentions.render(expected, "group"), expected)
  })

  it.effect("and was said by a user is no mention when a bot repeats it, whatever characters it has", () =>
    Effect.gen(function* () {
      yield* Effect.forkScoped(
        Gateway.run(
          Gateway.onMessage(({ event, text }) =>
            Effect.zipRight(
              Messenger.reply(event, Message.text(text)),
              Messenger.reply(event, Message.markdown(event.content))
            )
          )
        )
      )
      yield* Gateway.ready
      yield* inGroup({ text: `<@AB12> ${Message.mention("AB12")} ${Message.mentionEveryone} <qqbot-at-everyone />` })
      assert.deepStrictEqual(yield* answers, ["@AB12 AB12  @everyone", " @AB12 AB12  @everyone"])
    }).pipe(Bot.on())
  )

  it("is removed from any text that is sent, and the rest is unchanged", () => {
    const piece = fc.oneof(
      fc.fullUnicodeString({ maxLength: 6 }),
      fc.constantFrom(
        "<",
        ">",
        "@",
        "!",
        "<@",
        "<@A1>",
        "<qqbot-at-",
        "user",
        "everyone",
        '" />',
        "\uFDD0",
        "\uFDD1",
        "\uFDD2",
        "/",
        " "
      )
    )
    fc.assert(
      fc.property(fc.array(piece), fc.constantFrom(...scenes), (pieces, scene) => {
        const text = pieces.join("")
        const sent = Mentions.render(text, scene)
        const ours = sent.replaceAll(/<qqbot-at-(?:user id="[\w-]+"|everyone) \/>/g, "·")
        assert.notMatch(ours, /<@/)
        assert.notMatch(ours, /<qqbot-at-(user|everyone)/i)
        assert.notMatch(sent, /[\uFDD0-\uFDD3]/)
        if (!/[<@\uFDD0-\uFDD3]/.test(text)) assert.strictEqual(sent, text)
      })
    )
  })

  it("is the same however a stream is cut, and nothing that was given is taken back", () => {
    const piece = fc.constantFrom(
      "<",
      ">",
      "@",
      "a",
      "<@A1>",
      "<qqbot-at-",
      "user ",
      'id="A1" />',
      Message.mention("A1"),
      Message.mention({ id: "A2", name: "Al Bo" }),
      Message.mentionEveryone,
      " ",
      "\n"
    )
    fc.assert(
      fc.property(fc.array(fc.array(piece, { maxLength: 4 })), (cut) => {
        const pieces = cut.map((part) => part.join(""))
        const rendered = Effect.runSync(Stream.runCollect(Mentions.renderPieces(Stream.fromIterable(pieces), "c2c")))
        assert.strictEqual(Chunk.toReadonlyArray(rendered).join(""), Mentions.render(pieces.join(""), "c2c"))
      })
    )
  })

  it.effect("in a stream is text from its first piece on", () =>
    Effect.gen(function* () {
      yield* Effect.forkScoped(
        Gateway.run(
          Gateway.onMessage(({ event }) => {
            const words = Stream.fromIterable(["hi <", "@AB", "12", "> you"])
            return Messenger.replyStream(
              event,
              Stream.tap(words, () => Effect.sleep("1 second"))
            )
          })
        )
      )
      yield* Gateway.ready
      yield* inPrivate("go")
      yield* Bot.advance("10 seconds")
      assert.deepStrictEqual(yield* answers, ["hi @AB12 you"])
      assert.isAbove((yield* Bot.entries("Streamed")).length, 0)
    }).pipe(on())
  )

  it("costs little in a hostile text", () => {
    for (const unit of ["<", "<@", "<qqbot-at-user ", "\uFDD0", "<<@>", "@everyone"]) {
      const text = unit.repeat(200_000 / unit.length)
      for (const scene of scenes) assert.isAtMost(Mentions.render(text, scene).length, 2 * text.length)
    }
  }, 5000)
})

describe("a received text", () => {
  it("has no characters that mentions are made of, and its wire is as it was", () => {
    const d = { id: "1", group_openid: "g", content: Message.mention("x"), author: { member_openid: "m" } }
    for (const more of [{}, { msg_elements: [] }]) {
      const event = Event.decode({ op: 0, t: "GROUP_AT_MESSAGE_CREATE", d: { ...d, ...more } })
      if (event._tag === "Left" || event.right.t !== "GROUP_AT_MESSAGE_CREATE") throw new Error("no message")
      assert.strictEqual(event.right.content, "x")
      assert.strictEqual(MessageView.of(event.right).text, "x")
      assert.deepStrictEqual(event.right.envelope.d, { ...d, ...more })
    }
  })
})

describe("a picture in markdown", () => {
  it("has its size, and ends neither its text nor its address early", () => {
    assert.strictEqual(
      Message.picture("https://x/a (1).png", { width: 208, height: 320.4, text: "a [b] #1px\n!" }),
      "![a b 1px #208px #320px](https://x/a%20%281%29.png)"
    )
    assert.strictEqual(
      Message.picture("https://x/y", { width: 0, height: Number.NaN }),
      "![picture #1px #1px](https://x/y)"
    )
  })
})
