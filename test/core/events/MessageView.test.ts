import { assert, describe, it } from "@effect/vitest"
import * as Encoding from "effect/Encoding"
import * as MessageView from "../../../packages/core/src/events/MessageView.ts"
import * as Quotation from "../../../packages/core/src/events/Quotation.ts"
import type * as Event from "../../../packages/core/src/events/Event.ts"
import { decoded, payloadOf } from "./envelopes.ts"

const view = (
  t: Event.MessageEvent["t"],
  d: Readonly<Record<string, unknown>>,
  options?: MessageView.ViewOptions
): MessageView.MessageView => MessageView.of(decoded(t, d), options)

const face = (json: string) => `<faceType=4,faceId="",ext="${Encoding.encodeBase64(json)}">`

const c2c = { id: "m", author: { user_openid: "U" } }
const group = { id: "m", group_openid: "G", author: { member_openid: "M" } }
const guild = { id: "m", channel_id: "C", guild_id: "Q", author: { id: "9", username: "Eve" } }

describe("the view of a message", () => {
  for (const [t, d, scene, target, author] of [
    ["C2C_MESSAGE_CREATE", c2c, "c2c", "U", "U"],
    ["C2C_MESSAGE_CREATE", { id: "m", author: { id: "old" } }, "c2c", "old", "old"],
    ["GROUP_AT_MESSAGE_CREATE", group, "group", "G", "M"],
    ["GROUP_MESSAGE_CREATE", group, "group", "G", "M"],
    ["AT_MESSAGE_CREATE", guild, "channel", "C", "9"],
    ["MESSAGE_CREATE", guild, "channel", "C", "9"],
    ["DIRECT_MESSAGE_CREATE", guild, "dm", "Q", "9"]
  ] as const) {
    it(`has the conversation and the author: ${t} in ${scene} ${target} by ${author}`, () => {
      const event = decoded(t, { ...d, content: "hi", timestamp: "2026-09-21T10:00:01+08:00" })
      const seen = MessageView.of(event)
      assert.deepInclude(seen, { scene, target, id: "m", text: "hi", time: Date.parse("2026-09-21T02:00:01Z") })
      assert.strictEqual(seen.author.id, author)
      assert.isFalse(seen.author.isBot)
      assert.strictEqual(seen.event, event)
    })
  }

  it("has the author's name and role in one form", () => {
    const inGroup = view("GROUP_MESSAGE_CREATE", {
      ...group,
      author: { id: "M", member_openid: "M", username: "Bo", member_role: "admin", bot: true }
    })
    assert.deepStrictEqual(inGroup.author, { id: "M", name: "Bo", role: "admin", isBot: true })
    const roles = (...ids: ReadonlyArray<string>) =>
      view("MESSAGE_CREATE", { ...guild, member: { nick: "Evie", roles: ids } }).author
    assert.deepStrictEqual(roles("1", "4"), { id: "9", name: "Evie", role: "owner", isBot: false })
    assert.strictEqual(roles("2", "11").role, "admin")
    assert.strictEqual(roles("1", "5").role, "member")
    assert.deepStrictEqual(view("MESSAGE_CREATE", { ...guild, member: { nick: "" } }).author, {
      id: "9",
      name: "Eve",
      role: undefined,
      isBot: false
    })
    assert.strictEqual(
      view("C2C_MESSAGE_CREATE", { ...c2c, author: { user_openid: "U", username: "" } }).author.name,
      undefined
    )
    assert.strictEqual(
      view("GROUP_MESSAGE_CREATE", { ...group, author: { member_role: "king" } }).author.role,
      undefined
    )
  })

  it("has no time where the event has none that can be read", () => {
    assert.isUndefined(view("C2C_MESSAGE_CREATE", c2c).time)
    assert.isUndefined(view("C2C_MESSAGE_CREATE", { ...c2c, timestamp: "soon" }).time)
    const go = { ...c2c, timestamp: "2023-11-06 13:37:18 +0800 CST m=+1" }
    assert.strictEqual(view("C2C_MESSAGE_CREATE", go).time, Date.parse("2023-11-06T05:37:18Z"))
    const number = { ...c2c, timestamp: 1_789_956_000 }
    assert.strictEqual(view("C2C_MESSAGE_CREATE", number).time, 1_789_956_000_000)
  })
})

describe("the text of a message", () => {
  it("has no space around it, such as the bot's mention leaves in groups", () => {
    assert.strictEqual(view("GROUP_AT_MESSAGE_CREATE", payloadOf("GROUP_AT_MESSAGE_CREATE")).text, "/weather tomorrow")
    assert.strictEqual(view("C2C_MESSAGE_CREATE", { ...c2c, content: " " }).text, "")
  })

  it("has no mention of the bot in groups, where the mentions say which is the bot, but has those of others", () => {
    const content = "<@SELF> and <@OTHER> look, <@SELF>!"
    const mentions = [
      { scope: "single", member_openid: "SELF", username: "demo", bot: true, is_you: true },
      { scope: "single", id: "OTHER", nickname: "Bo", username: "x", bot: false, is_you: false }
    ]
    const seen = view("GROUP_MESSAGE_CREATE", { ...group, content, mentions })
    assert.strictEqual(seen.text, "and <@OTHER> look, !")
    assert.deepStrictEqual(seen.mentions, [
      { id: "SELF", name: "demo", isBot: true, isSelf: true },
      { id: "OTHER", name: "Bo", isBot: false, isSelf: false }
    ])
    assert.isTrue(seen.isAddressed)
    // an event that does not say which is the bot is read by who knows it
    const told = mentions.map((mention) => ({ ...mention, is_you: undefined }))
    assert.strictEqual(view("GROUP_MESSAGE_CREATE", { ...group, content, mentions: told }).text, content)
    assert.isTrue(view("GROUP_MESSAGE_CREATE", { ...group, content, mentions: told }, { self: "SELF" }).isAddressed)
    const overheard = view("GROUP_MESSAGE_CREATE", { ...group, content, mentions: mentions.slice(1) })
    assert.strictEqual(overheard.text, content)
    assert.isFalse(overheard.isAddressed)
  })

  it("has no mention of the bot in channels", () => {
    const sole = payloadOf("AT_MESSAGE_CREATE")
    assert.strictEqual(view("AT_MESSAGE_CREATE", sole).text, "/help")
    assert.isTrue(view("AT_MESSAGE_CREATE", sole).mentions[0]?.isSelf)
    // of two bots it is not clear which is this one, unless somebody says so
    const content = "<@!1> <@!2> hi"
    const two = {
      ...guild,
      content,
      mentions: [
        { id: "1", username: "a", bot: true },
        { id: "2", username: "b", bot: true }
      ]
    }
    assert.strictEqual(view("AT_MESSAGE_CREATE", two).text, content)
    assert.strictEqual(view("AT_MESSAGE_CREATE", two, { self: "2" }).text, "<@!1> hi")
    // everything that is said in a channel may mention another bot
    assert.strictEqual(view("MESSAGE_CREATE", { ...sole }).text, "<@!13309745218860471125> /help")
    assert.isFalse(view("MESSAGE_CREATE", sole).isAddressed)
    const known = view("MESSAGE_CREATE", sole, { self: "13309745218860471125" })
    assert.strictEqual(known.text, "/help")
    assert.isTrue(known.isAddressed)
  })

  it("has what was written for the escapes of guilds, in one pass, after the mentions", () => {
    const text = (content: string) =>
      view("AT_MESSAGE_CREATE", { ...guild, content, mentions: [{ id: "1", bot: true }] }).text
    assert.strictEqual(text("<@!1> 1 &lt; 2 &amp;&amp; 3 &gt; 2"), "1 < 2 && 3 > 2")
    assert.strictEqual(text("&amp;lt;"), "&lt;")
    assert.strictEqual(text("&lt;@!1&gt;"), "<@!1>")
    assert.strictEqual(text("&nbsp;&copy;"), "&nbsp;&copy;")
    // in groups and private chats nothing is escaped
    assert.strictEqual(view("C2C_MESSAGE_CREATE", { ...c2c, content: "a &lt; b" }).text, "a &lt; b")
  })

  it("has faces as their text", () => {
    const text = (content: string) => view("C2C_MESSAGE_CREATE", { ...c2c, content }).text
    assert.strictEqual(text(`hi ${face('{"text":"[微笑]"}')}${face('{"text":"[OK]"}')}!`), "hi [微笑][OK]!")
    for (const unreadable of [face("no json"), face("null"), face('{"text":5}'), '<faceType=4,faceId="",ext="%%">']) {
      assert.strictEqual(text(unreadable), unreadable)
    }
    assert.strictEqual(text('<faceType=4,faceId="'), '<faceType=4,faceId="')
  })
})

describe("mentions", () => {
  it("of everybody are not among those of people", () => {
    const seen = view("GROUP_MESSAGE_CREATE", { ...group, mentions: [{ scope: "all" }, { id: "x", username: "X" }] })
    assert.isTrue(seen.mentionsEveryone)
    assert.deepStrictEqual(
      seen.mentions.map(({ id }) => id),
      ["x"]
    )
    assert.isFalse(seen.isAddressed)
    assert.isTrue(view("MESSAGE_CREATE", { ...guild, mention_everyone: true }).mentionsEveryone)
    assert.isFalse(view("MESSAGE_CREATE", guild).mentionsEveryone)
  })

  it("are not needed where the bot is alone with the author, or where only those that are mentioned are told", () => {
    assert.isTrue(view("C2C_MESSAGE_CREATE", c2c).isAddressed)
    assert.isTrue(view("DIRECT_MESSAGE_CREATE", guild).isAddressed)
    assert.isTrue(view("GROUP_AT_MESSAGE_CREATE", group).isAddressed)
    assert.isTrue(view("AT_MESSAGE_CREATE", guild).isAddressed)
    assert.isFalse(view("GROUP_MESSAGE_CREATE", group).isAddressed)
  })

  it("of the bot are known by `is_you` alone, and `isAddressed` says the same without a view", () => {
    const told = (mentions: unknown) => ({ ...group, content: "hi", mentions })
    assert.isTrue(view("GROUP_MESSAGE_CREATE", told([{ is_you: true }])).isAddressed)
    assert.isTrue(view("GROUP_MESSAGE_CREATE", told([{ id: "A" }, { id: "B", is_you: true }])).isAddressed)
    assert.isFalse(view("GROUP_MESSAGE_CREATE", told([{ id: "A", is_you: false }])).isAddressed)
    assert.isFalse(view("GROUP_MESSAGE_CREATE", told([{ scope: "all", is_you: true }])).isAddressed)
    for (const self of [undefined, "A", "2"]) {
      for (const [t, d] of [
        ["C2C_MESSAGE_CREATE", c2c],
        ["DIRECT_MESSAGE_CREATE", guild],
        ["GROUP_AT_MESSAGE_CREATE", group],
        ["GROUP_MESSAGE_CREATE", told([{ member_openid: "A" }])],
        ["GROUP_MESSAGE_CREATE", told(null)],
        ["MESSAGE_CREATE", { ...guild, mentions: [{ id: "2", bot: true }] }],
        ["AT_MESSAGE_CREATE", guild]
      ] as const) {
        const seen = view(t, d, { self })
        assert.strictEqual(MessageView.isAddressed(seen.event, { self }), seen.isAddressed)
        const isNamed = seen.mentions.some(({ isSelf }) => isSelf)
        if (t === "GROUP_MESSAGE_CREATE" || t === "MESSAGE_CREATE") assert.strictEqual(seen.isAddressed, isNamed)
      }
    }
  })

  it("without an id do not match an empty id", () => {
    const seen = view("MESSAGE_CREATE", { ...guild, content: "<@!> hi", mentions: [{}] }, { self: "" })
    assert.isFalse(seen.isAddressed)
    assert.strictEqual(seen.text, "<@!> hi")
    assert.isFalse(view("GROUP_MESSAGE_CREATE", { ...group, mentions: [{}] }, { self: "" }).isAddressed)
  })
})

describe("attachments", () => {
  it("have addresses with a scheme", () => {
    const urls = (url: unknown) => view("MESSAGE_CREATE", { ...guild, attachments: [{ url }] }).attachments[0]?.url
    assert.strictEqual(urls("gchat.qpic.cn/qmeetpic/0"), "https://gchat.qpic.cn/qmeetpic/0")
    assert.strictEqual(urls("//gchat.qpic.cn/0"), "https://gchat.qpic.cn/0")
    assert.strictEqual(urls("http://x/0"), "http://x/0")
    assert.strictEqual(urls("HTTPS://x/0"), "HTTPS://x/0")
    for (const nothing of ["", null, undefined, []]) assert.isUndefined(urls(nothing))
  })

  it("are of a kind", () => {
    const kinds = ["image/png", "video/mp4", "voice", "audio/amr", "file", "", "IMAGE/JPEG"].map(
      (content_type) => view("C2C_MESSAGE_CREATE", { ...c2c, attachments: [{ content_type }] }).attachments[0]?.kind
    )
    assert.deepStrictEqual(kinds, ["image", "video", "voice", "voice", "file", "file", "image"])
  })

  it("are of the kind of their name, where the type says only that they are files", () => {
    const kind = (attachment: object) =>
      view("GROUP_MESSAGE_CREATE", { ...group, attachments: [attachment] }).attachments[0]?.kind
    const cases: ReadonlyArray<readonly [name: string, kind: string]> = [
      ["design.png", "image"],
      ["IMG_0001.JPEG", "image"],
      ["cat.webp ", "image"],
      ["a.b.heic", "image"],
      ["holiday.mp4", "video"],
      ["clip.MOV", "video"],
      ["note.silk", "voice"],
      ["song.mp3", "voice"],
      ["x.amr", "voice"],
      ["report.pdf", "file"],
      ["png", "file"],
      ["archive.png.zip", "file"],
      [".", "file"],
      ["", "file"]
    ]
    for (const [filename, expected] of cases) {
      for (const content_type of ["file", "", undefined, "application/octet-stream", "FILE", "binary/octet-stream"]) {
        assert.strictEqual(kind({ content_type, filename }), expected, `${content_type} ${filename}`)
      }
    }
    // a type that says something wins
    assert.strictEqual(kind({ content_type: "application/zip", filename: "a.png" }), "file")
    assert.strictEqual(kind({ content_type: "video/mp4", filename: "a.png" }), "video")
    // without a name, the address may have one
    assert.strictEqual(kind({ content_type: "file", url: "x.qq.com/f/design.png?sig=a.mp4#b.mp3" }), "image")
    assert.strictEqual(kind({ content_type: "file", url: "x.qq.com/f/design" }), "file")
    assert.strictEqual(kind({ content_type: "file", filename: "a", voice_wav_url: "x/a.wav" }), "voice")
  })

  it("that can be read are not hidden by one that cannot", () => {
    const seen = view("C2C_MESSAGE_CREATE", {
      ...c2c,
      attachments: [null, 5, { url: "x/0", content_type: "image/png" }, "x", []]
    })
    assert.deepStrictEqual(
      seen.attachments.map(({ kind, url }) => [kind, url]),
      [["image", "https://x/0"]]
    )
  })

  it("that are voices have what the platform made of them", () => {
    const [voice] = view("C2C_MESSAGE_CREATE", {
      ...c2c,
      attachments: [
        { content_type: "voice", url: "https://a/v", voice_wav_url: "a/v.wav", asr_refer_text: "rain?", size: 9216 }
      ]
    }).attachments
    assert.deepInclude(voice, { wavUrl: "https://a/v.wav", transcript: "rain?", size: 9216, width: undefined })
  })
})

describe("what is quoted", () => {
  it("in private chats and groups is an element of the message", () => {
    const seen = view("C2C_MESSAGE_CREATE", {
      ...c2c,
      message_type: 103,
      msg_elements: [{ msg_idx: "REFIDX_9", content: " earlier ", author: { id: "B", username: "demo", bot: true } }],
      message_scene: { ext: ["", "ref_msg_idx=REFIDX_9=", "msg_idx=REFIDX_4="] }
    })
    assert.deepStrictEqual(seen.quoted, {
      id: undefined,
      index: "REFIDX_9=",
      author: { id: "B", name: "demo", role: undefined, isBot: true },
      text: "earlier",
      attachments: []
    })
    assert.strictEqual(seen.index, "REFIDX_4=")
  })

  it("may be text only, an index only, or nothing", () => {
    const forwarded = view("GROUP_AT_MESSAGE_CREATE", { ...group, msg_elements: [{ content: "=== message 1 ===" }] })
    assert.deepInclude(forwarded.quoted, { index: undefined, author: undefined, text: "=== message 1 ===" })
    const index = view("GROUP_AT_MESSAGE_CREATE", { ...group, message_scene: { ext: ["ref_msg_idx=TMP_5"] } })
    assert.deepInclude(index.quoted, { index: "TMP_5", text: undefined })
    const nothing = view("GROUP_AT_MESSAGE_CREATE", {
      ...group,
      msg_elements: [],
      message_scene: { ext: ["ref_msg_idx="] }
    })
    assert.isUndefined(nothing.quoted)
    assert.isUndefined(nothing.index)
  })

  it("may be several messages, each with more inside, and parallel ones: all their texts and attachments count", () => {
    const picture = (name: string) => ({ content_type: "file", filename: `${name}.png`, url: `x/${name}` })
    const seen = view("GROUP_MESSAGE_CREATE", {
      ...group,
      message_type: 103,
      msg_elements: [
        {
          msg_idx: "REFIDX_1",
          author: { id: "B", username: "Bo" },
          content: " one ",
          attachments: [picture("a")],
          msg_elements: [{ content: "one in one", attachments: [picture("b")], msg_elements: [{ content: "deepest" }] }]
        },
        null,
        { content: "two", parallel_message: { msg_nodes: [{ content: "beside two", attachments: [picture("c")] }] } },
        { content: 3, attachments: [null, picture("d")] },
        "nonsense"
      ],
      parallel_message: {
        msg_nodes: [{ content: face('{"text":"[OK]"}') }, { content: "last", msg_elements: [{ content: "really" }] }]
      }
    })
    assert.strictEqual(seen.quoted?.text, "one\none in one\ndeepest\ntwo\nbeside two\n3\n[OK]\nlast\nreally")
    assert.deepStrictEqual(
      seen.quoted?.attachments.map(({ kind, name }) => [kind, name]),
      ["a", "b", "c", "d"].map((name) => ["image", `${name}.png`])
    )
    assert.deepInclude(seen.quoted, {
      index: "REFIDX_1",
      author: { id: "B", name: "Bo", role: undefined, isBot: false }
    })
  })

  it("is read to a bounded depth and number, whatever was sent", () => {
    const nested = (depth: number): object =>
      depth === 0 ? { content: "0" } : { content: String(depth), msg_elements: [nested(depth - 1)] }
    const deep = view("C2C_MESSAGE_CREATE", { ...c2c, msg_elements: [nested(2000)] }).quoted
    assert.strictEqual(deep?.text?.split("\n").length, Quotation.maximumDepth)
    const wide = view("C2C_MESSAGE_CREATE", {
      ...c2c,
      msg_elements: Array.from({ length: 1000 }, (_, n) => ({
        content: String(n),
        attachments: Array.from({ length: 100 }, () => ({ url: "x" }))
      }))
    }).quoted
    assert.strictEqual(wide?.text?.split("\n").length, Quotation.maximumCount)
    assert.strictEqual(wide?.attachments.length, Quotation.maximumCount)
    // a tree in which every element has many: the number counts all of them
    const tree = (depth: number): object =>
      depth === 0 ? { content: "x" } : { content: "x", msg_elements: Array.from({ length: 8 }, () => tree(depth - 1)) }
    const all = view("C2C_MESSAGE_CREATE", { ...c2c, parallel_message: { msg_nodes: [tree(4)] } }).quoted
    assert.strictEqual(all?.text?.split("\n").length, Quotation.maximumCount)
  })

  it("is nothing where the parts are no messages", () => {
    for (const nonsense of [5, "x", {}, null, [null, 7, "x", []]]) {
      for (const d of [
        { msg_elements: nonsense },
        { parallel_message: nonsense },
        { parallel_message: { msg_nodes: nonsense } }
      ]) {
        assert.isUndefined(view("C2C_MESSAGE_CREATE", { ...c2c, ...d }).quoted)
      }
    }
  })

  it("in guilds is a message by its id", () => {
    const seen = view("AT_MESSAGE_CREATE", { ...guild, message_reference: { message_id: "08e5" } })
    assert.deepInclude(seen.quoted, { id: "08e5", index: undefined, text: undefined })
    assert.isUndefined(view("AT_MESSAGE_CREATE", { ...guild, message_reference: {} }).quoted)
  })
})
