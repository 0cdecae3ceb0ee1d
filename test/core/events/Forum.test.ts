import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as Forum from "../../../packages/core/src/events/Forum.ts"
import { decoded, isRefused, payloadOf } from "./envelopes.ts"

const rich = [
  { type: 1, text_info: { text: "see " } },
  { type: 5, channel_info: { channel_id: 664_100_231, channel_name: "#general" } },
  { type: 2, at_info: { type: 1, user_info: { id: "9", nick: "Eve" } } },
  { type: 2, at_info: { type: "2", role_info: { role_id: 11, name: "staff" } } },
  { type: 3, url_info: { url: "https://example.com", display_text: "example" } },
  { type: 4, emoji_info: { id: 109, type: "1" } },
  { type: "10", video_info: { url: "https://v" } },
  { type: 11, image_info: { plat_image: { url: "https://i" } } },
  { type: 99, new_info: {} }
]

const elements: ReadonlyArray<Forum.Element> = [
  { _tag: "Text", text: "see " },
  { _tag: "Channel", id: "664100231", name: "#general" },
  { _tag: "At", of: "user", id: "9", name: "Eve" },
  { _tag: "At", of: "role", id: "11", name: "staff" },
  { _tag: "Url", url: "https://example.com", text: "example" },
  { _tag: "Emoji", id: "109", name: undefined },
  { _tag: "Video", url: "https://v" },
  { _tag: "Image", url: "https://i" },
  { _tag: "Other", value: { type: 99, new_info: {} } }
]

describe("events of forums", () => {
  it("have ids as text, which bare numbers above 2^53 can no longer be the right ones for", () => {
    const event = decoded("FORUM_THREAD_UPDATE", payloadOf("FORUM_THREAD_UPDATE"))
    assert.strictEqual(event.channel_id, "664100999")
    assert.isString(event.guild_id)
    assert.isString(event.author_id)
    const places = ["FORUM_PUBLISH_AUDIT_RESULT", "OPEN_FORUM_POST_DELETE"] as const
    for (const t of places) assert.strictEqual(decoded(t, { guild_id: 1, channel_id: 2, author_id: 3 }).author_id, "3")
  })

  it("have titles and contents as they came, text or parsed", () => {
    const asText = decoded("FORUM_THREAD_CREATE", payloadOf("FORUM_THREAD_CREATE")).thread_info
    const asArray = decoded("FORUM_THREAD_UPDATE", payloadOf("FORUM_THREAD_UPDATE")).thread_info
    assert.isString(asText.title)
    assert.isArray(asArray.title)
    assert.deepStrictEqual(Forum.read(asText.title), Forum.read(asArray.title))
    assert.strictEqual(Forum.plainText(Forum.read(asArray.content)), "Body v2 #generalexample")
    assert.strictEqual(
      decoded("FORUM_POST_CREATE", {
        ...payloadOf("FORUM_POST_CREATE"),
        post_info: { thread_id: "t", post_id: "p", content: {} }
      }).post_info.content,
      null
    )
  })

  it("are refused without their subject", () => {
    const place = { guild_id: "g", channel_id: "c", author_id: "a" }
    assert.isTrue(isRefused("FORUM_THREAD_CREATE", place))
    assert.isTrue(isRefused("FORUM_REPLY_CREATE", { ...place, reply_info: { thread_id: "t", post_id: "p" } }))
    assert.isTrue(isRefused("OPEN_FORUM_THREAD_CREATE", { guild_id: "g" }))
  })
})

describe("rich content", () => {
  it("of rich objects is read from an array and from its JSON", () => {
    assert.deepStrictEqual(Forum.read(rich), elements)
    assert.deepStrictEqual(Forum.read(JSON.stringify(rich)), elements)
  })

  it("of paragraphs is read from an object and from its JSON", () => {
    const paragraphs = {
      paragraphs: [
        {
          elems: [
            { type: 1, text: { text: "one " } },
            { type: 4, url: { url: "https://u", desc: "link" } }
          ],
          props: {}
        },
        { elems: [{ type: 2, image: { plat_image: { url: "https://i" } } }] },
        { elems: [{ type: 3, video: { plat_video: { url: "https://v" } } }, { type: 9 }] }
      ]
    }
    const expected: ReadonlyArray<Forum.Element> = [
      { _tag: "Text", text: "one " },
      { _tag: "Url", url: "https://u", text: "link" },
      { _tag: "Break" },
      { _tag: "Image", url: "https://i" },
      { _tag: "Break" },
      { _tag: "Video", url: "https://v" },
      { _tag: "Other", value: { type: 9 } }
    ]
    assert.deepStrictEqual(Forum.read(paragraphs), expected)
    assert.deepStrictEqual(Forum.read(JSON.stringify(paragraphs)), expected)
    assert.strictEqual(Forum.plainText(expected), "one link\n\n")
  })

  it("that is not such JSON is text", () => {
    for (const content of ["hello", "5", "null", "{}", '"quoted"', "[", '{"paragraphs":1}']) {
      assert.deepStrictEqual(Forum.read(content), [{ _tag: "Text", text: content }])
    }
    for (const nothing of ["", null, undefined, 5, {}]) assert.deepStrictEqual(Forum.read(nothing), [])
  })

  it("as plain text has names and texts of links", () => {
    assert.strictEqual(Forum.plainText(elements), "see #general@Eve@staffexample")
    assert.strictEqual(Forum.plainText([{ _tag: "Url", url: "https://u", text: undefined }]), "https://u")
    assert.strictEqual(Forum.plainText([{ _tag: "Channel", id: "1", name: "general" }]), "#general")
  })

  it("never throws, whatever it is", () => {
    const object = fc.record(
      {
        type: fc.oneof(fc.nat(12), fc.anything()),
        text_info: fc.anything(),
        at_info: fc.anything(),
        url_info: fc.anything(),
        emoji_info: fc.anything(),
        channel_info: fc.anything(),
        image_info: fc.anything()
      },
      { requiredKeys: [] }
    )
    const content = fc.oneof(
      fc.anything(),
      fc.json(),
      fc.array(object),
      fc.record({ paragraphs: fc.array(fc.oneof(fc.anything(), fc.record({ elems: fc.array(object) }))) })
    )
    fc.assert(
      fc.property(content, (value) => {
        assert.isString(Forum.plainText(Forum.read(value)))
      }),
      { numRuns: 1000 }
    )
  })
})
