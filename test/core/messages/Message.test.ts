import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as Address from "../../../packages/core/src/messages/Address.ts"
import * as Ark from "../../../packages/core/src/messages/Ark.ts"
import type * as Conversation from "../../../packages/core/src/events/Conversation.ts"
import * as Keyboard from "../../../packages/core/src/messages/Keyboard.ts"
import type * as MediaSource from "../../../packages/core/src/messages/MediaSource.ts"
import * as Message from "../../../packages/core/src/messages/Message.ts"

const button = Keyboard.button("yes", Keyboard.callback("vote:yes"))
const row = (length: number) => Array.from({ length }, () => button)
const uploaded: MediaSource.Uploaded = {
  _tag: "Uploaded",
  kind: "image",
  scene: "c2c",
  fileInfo: "file",
  expiresAt: undefined
}
const links = Ark.links({ description: "d", prompt: "p", items: [{ description: "one", link: "https://qq.com" }] })

describe("an invalid message names its field", () => {
  const cases: ReadonlyArray<readonly [Message.Message, Conversation.Scene, string | undefined]> = [
    [Message.text("hi"), "c2c", undefined],
    [Message.text(""), "c2c", "content"],
    [Message.text("hi", { reference: "" }), "group", "reference"],
    [Message.markdown("# hi"), "group", undefined],
    [Message.markdown(""), "group", "source.content"],
    [Message.markdown("# hi", { plainText: "" }), "group", "plainText"],
    [Message.markdownTemplate("", {}), "group", "source.id"],
    [Message.markdownTemplate("t1", { a: "b" }), "group", undefined],
    [Message.markdown("x", { keyboard: Keyboard.rows() }), "c2c", "keyboard.rows"],
    [Message.markdown("x", { keyboard: Keyboard.rows([]) }), "c2c", "keyboard.rows[0]"],
    [Message.markdown("x", { keyboard: Keyboard.rows(row(5), row(5), row(5), row(5), row(5)) }), "c2c", undefined],
    [
      Message.markdown("x", { keyboard: Keyboard.rows(...Array.from({ length: 6 }, () => row(1))) }),
      "c2c",
      "keyboard.rows"
    ],
    [Message.markdown("x", { keyboard: Keyboard.rows(row(1), row(6)) }), "c2c", "keyboard.rows[1]"],
    [
      Message.markdown("x", { keyboard: Keyboard.rows([button, Keyboard.button("", Keyboard.callback("x"))]) }),
      "c2c",
      "keyboard.rows[0][1].label"
    ],
    [
      Message.markdown("x", { keyboard: Keyboard.rows([Keyboard.button("go", Keyboard.open(""))]) }),
      "c2c",
      "keyboard.rows[0][0].action.url"
    ],
    [Message.markdown("x", { keyboard: Keyboard.template("") }), "c2c", "keyboard.id"],
    [Message.ark(links), "c2c", undefined],
    [Message.ark({ ...links, prompt: "" }), "c2c", "ark.prompt"],
    [Message.ark({ ...links, items: [] }), "c2c", "ark.items"],
    [Message.embed({ title: "t", prompt: "p", fields: ["a"] }), "channel", undefined],
    [Message.embed({ title: "t", prompt: "p", fields: ["a"] }), "group", "_tag"],
    [Message.embed({ title: "", prompt: "p", fields: [] }), "dm", "title"],
    [Message.image("https://qq.com/a.png"), "channel", undefined],
    [Message.image(Uint8Array.of(1)), "channel", "media"],
    [Message.image(Uint8Array.of(1)), "group", undefined],
    [Message.image(new Uint8Array()), "group", "media.bytes"],
    [Message.image("ftp://qq.com/a.png"), "group", "media.url"],
    [Message.media(uploaded), "c2c", undefined],
    [Message.media(uploaded), "group", "media.scene"],
    [Message.inputNotify(), "c2c", undefined],
    [Message.inputNotify(), "group", "_tag"],
    [Message.inputNotify(0), "c2c", "seconds"],
    [Message.inputNotify(61), "c2c", "seconds"],
    [Message.inputNotify(1.5), "c2c", "seconds"]
  ]
  for (const [message, scene, field] of cases) {
    const told = JSON.stringify(message).slice(0, 80)
    it(`${scene} ${told}: ${field ?? "valid"}`, () => {
      assert.strictEqual(Message.problem(message, scene)?.field, field)
    })
  }
})

describe("the body of a request", () => {
  it("has a type in private chats and groups, and none in guilds", () => {
    assert.deepStrictEqual(Message.toBody(Message.text("hi"), "c2c"), { msg_type: 0, content: "hi" })
    assert.deepStrictEqual(Message.toBody(Message.text("hi"), "channel"), { content: "hi" })
    assert.deepStrictEqual(Message.toBody(Message.text("hi", { reference: "REFIDX_1" }), "group"), {
      msg_type: 0,
      content: "hi",
      message_reference: { message_id: "REFIDX_1" }
    })
  })

  it("of markdown, by its source or by a template", () => {
    assert.deepStrictEqual(Message.toBody(Message.markdown("# hi"), "group"), {
      msg_type: 2,
      markdown: { content: "# hi" }
    })
    assert.deepStrictEqual(Message.toBody(Message.markdownTemplate("t", { a: "1", b: ["2", "3"] }), "dm"), {
      markdown: {
        custom_template_id: "t",
        params: [
          { key: "a", values: ["1"] },
          { key: "b", values: ["2", "3"] }
        ]
      }
    })
  })

  it("of a keyboard", () => {
    const keyboard = Keyboard.rows([
      Keyboard.button("yes", Keyboard.callback("y"), { id: "1", permission: { _tag: "Users", ids: ["u"] } }),
      Keyboard.button("go", Keyboard.open("https://qq.com"), { style: "filled", visitedLabel: "gone" }),
      Keyboard.button("say", Keyboard.command("/say", { enter: true }), { permission: { _tag: "Admins" } })
    ])
    const body = Message.toBody(Message.markdown("x", { keyboard }), "c2c")
    const tips = { unsupport_tips: "please update QQ" }
    assert.deepStrictEqual(body["keyboard"], {
      content: {
        rows: [
          {
            buttons: [
              {
                id: "1",
                render_data: { label: "yes", visited_label: "yes", style: 1 },
                action: { type: 1, data: "y", permission: { type: 0, specify_user_ids: ["u"] }, ...tips }
              },
              {
                render_data: { label: "go", visited_label: "gone", style: 4 },
                action: { type: 0, data: "https://qq.com", permission: { type: 2 }, ...tips }
              },
              {
                render_data: { label: "say", visited_label: "say", style: 1 },
                action: { type: 2, data: "/say", enter: true, permission: { type: 1 }, ...tips }
              }
            ]
          }
        ]
      }
    })
    assert.deepStrictEqual(Keyboard.toBody(Keyboard.template("62")), { id: "62" })
  })

  it("of cards", () => {
    assert.deepStrictEqual(Message.toBody(Message.ark(links), "c2c"), {
      msg_type: 3,
      ark: {
        template_id: 23,
        kv: [
          { key: "#DESC#", value: "d" },
          { key: "#PROMPT#", value: "p" },
          {
            key: "#LIST#",
            obj: [
              {
                obj_kv: [
                  { key: "desc", value: "one" },
                  { key: "link", value: "https://qq.com" }
                ]
              }
            ]
          }
        ]
      }
    })
    const picture = Ark.picture({ prompt: "p", title: "t", subtitle: "s", cover: "c", url: "u" })
    assert.strictEqual(Ark.toBody(picture)["template_id"], 37)
    assert.deepStrictEqual(
      Message.toBody(Message.embed({ title: "t", prompt: "p", thumbnail: "https://x", fields: ["a", "b"] }), "channel"),
      { embed: { title: "t", prompt: "p", thumbnail: { url: "https://x" }, fields: [{ name: "a" }, { name: "b" }] } }
    )
  })

  it("of media and notices", () => {
    assert.deepStrictEqual(Message.toBody(Message.media(uploaded, { content: "look" }), "c2c"), {
      msg_type: 7,
      content: "look",
      media: { file_info: "file" }
    })
    assert.deepStrictEqual(Message.toBody(Message.image("https://x/a.png"), "channel"), { image: "https://x/a.png" })
    assert.deepStrictEqual(Message.toBody(Message.inputNotify(5), "c2c"), {
      msg_type: 6,
      input_notify: { input_type: 1, input_second: 5 }
    })
  })
})

describe("what stands for a refused message", () => {
  it("is the source of the markdown, or the fallback that the author gave", () => {
    assert.strictEqual(Message.asPlainText(Message.markdown("# hi"))?.content, "# hi")
    assert.strictEqual(Message.asPlainText(Message.markdown("# hi", { plainText: "hi" }))?.content, "hi")
    assert.isUndefined(Message.asPlainText(Message.markdownTemplate("t", {})))
    assert.strictEqual(Message.asPlainText(Message.markdownTemplate("t", {}, { plainText: "hi" }))?.content, "hi")
    assert.isUndefined(Message.asPlainText(Message.text("hi")))
  })

  it("has no keyboard", () => {
    const message = Message.markdown("x", { keyboard: Keyboard.rows([button]) })
    assert.notProperty(Message.withoutKeyboard(message), "keyboard")
    assert.isUndefined(Message.withoutKeyboard(Message.markdown("x")))
  })

  it("has no addresses", () => {
    const masked = Message.withoutAddresses(Message.text("see https://a.example/b.html, or www.example.com. end."))
    assert.strictEqual(
      masked?._tag === "Text" ? masked.content : "",
      "see a。example/b。html, or www。example。com。 end."
    )
    assert.isUndefined(Message.withoutAddresses(Message.text("nothing to see. really.")))
  })
})

describe("addresses", () => {
  for (const [text, masked] of [
    ["see example.com", "see example。com"],
    ["run `install.sh` now", "run `install。sh` now"],
    ["version 1.2.3, 3.14", "version 1.2.3, 3.14"],
    ["a@b.org", "a@b。org"],
    ["访问例子.中国吧 and 看baidu.com吧", "访问例子。中国吧 and 看baidu。com吧"],
    [
      "bücher.de, xn--fsqu00a.xn--fiqs8s, пример.рф, 例え.みんなで",
      "bücher。de, xn--fsqu00a。xn--fiqs8s, пример。рф, 例え。みんなで"
    ],
    ["пример.рфы 例子.国中", "пример.рфы 例子.国中"],
    ["[site](https://a.example/b.c) **b.com** `c.dev`", "[site](a。example/b。c) **b。com** `c。dev`"],
    ["```sh\ncurl -L HTTPS://GET.SH|sh\n./run.py\n```", "```sh\ncurl -L GET。SH|sh\n./run。py\n```"],
    ["<https://a.example> and mailto:me@b.com", "<a。example> and mailto:me@b。com"],
    ["http://localhost:80 10.0.0.1:80 v1.2.3.4", "localhost:80 10。0。0。1:80 v1.2.3.4"],
    ["https://a.com/http://b.com", "a。com/http：//b。com"],
    ["例子.中国 and ftp://x.example/a.b", "例子。中国 and x。example/a。b"],
    ["the end.Then file.qqzz", "the end.Then file.qqzz"]
  ] as const) {
    it(`are masked in ${text}`, () => {
      const changed = Message.withoutAddresses(Message.text(text))
      assert.strictEqual(changed === undefined ? text : Message.textOf(changed), masked)
    })
  }
})

describe("a text whose addresses are masked", () => {
  it("has none, whatever it was", () => {
    const piece = fc.constantFrom(
      "http://",
      "ftp:",
      "/",
      "//",
      "www.",
      ".",
      "com",
      "例子",
      "中国",
      "1",
      "a",
      "@",
      " ",
      "[",
      "](",
      "`",
      ":"
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const once = Address.mask(pieces.join(""))
        assert.strictEqual(Address.mask(once), once)
      }),
      { numRuns: 2000 }
    )
  })
})
