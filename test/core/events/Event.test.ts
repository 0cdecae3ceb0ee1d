import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as Match from "effect/Match"
import * as Event from "../../../packages/core/src/events/Event.ts"
import type * as Frame from "../../../packages/core/src/gateway/Frame.ts"
import { decoded, isRefused } from "./envelopes.ts"

const privateMessage = {
  id: "ROBOT1.0_c2c1",
  author: { id: "U1", user_openid: "U1", union_openid: "", username: "", bot: false },
  content: "hello bot",
  message_type: 0,
  message_scene: { source: "default", ext: ["msg_idx=REFIDX_1"] },
  attachments: [
    { content_type: "image/jpeg", filename: "8F2A.jpg", height: 1280, width: 960, size: 183_422, url: "u" }
  ],
  timestamp: "2026-09-21T10:00:01+08:00"
}

const groupMessage = {
  id: "ROBOT1.0_grp1",
  author: { id: "M1", member_openid: "M1", member_role: "member", username: "Bo", bot: false },
  content: " /weather tomorrow ",
  group_openid: "G1",
  message_type: 0,
  mentions: [],
  timestamp: "2026-09-21T10:02:00+08:00"
}

const frame = (t: string | undefined, d: unknown, id: string | undefined = "E:1"): Frame.Frame => ({
  op: 0,
  s: 2,
  t,
  d,
  id
})

describe("decode", () => {
  it("a private message", () => {
    const event = decoded("C2C_MESSAGE_CREATE", privateMessage)
    assert.strictEqual(event.id, "ROBOT1.0_c2c1")
    assert.strictEqual(event.content, "hello bot")
    assert.strictEqual(event.author.user_openid, "U1")
    assert.strictEqual(event.attachments?.[0]?.size, 183_422)
  })

  for (const type of ["GROUP_AT_MESSAGE_CREATE", "GROUP_MESSAGE_CREATE"] as const) {
    it(`a group message, ${type}`, () => {
      const event = decoded(type, groupMessage)
      assert.strictEqual(event.group_openid, "G1")
      assert.strictEqual(event.author.member_role, "member")
      assert.strictEqual(event.content, " /weather tomorrow ")
    })
  }

  it("READY and RESUMED", () => {
    assert.strictEqual(decoded("READY", { session_id: "s" }).session_id, "s")
    for (const payload of ["", null, undefined, {}, 5]) assert.strictEqual(decoded("RESUMED", payload).t, "RESUMED")
  })

  it("keeps the envelope, with the payload as it was on the wire", () => {
    const original = frame("C2C_MESSAGE_CREATE", { ...privateMessage, new_field: { of: 2027 } })
    const event = Either.getOrThrow(Event.decode(original))
    assert.strictEqual(event.envelope, original)
    assert.deepStrictEqual(event.envelope.d, { ...privateMessage, new_field: { of: 2027 } })
    assert.notProperty(original.d, "envelope")
  })

  it("a type without a schema is Unknown, whatever it carries", () => {
    for (const original of [
      frame("NEW_IN_2027", null),
      frame("NEW_IN_2027", { a: 1 }),
      frame(undefined, "x"),
      frame("", [])
    ]) {
      const event = Either.getOrThrow(Event.decode(original))
      assert.strictEqual(event.t, "Unknown")
      assert.strictEqual(event.envelope, original)
    }
    assert.isFalse(Event.isKnown("NEW_IN_2027"))
    assert.isFalse(Event.isKnown(undefined))
    assert.isTrue(Event.isKnown("RESUMED"))
    assert.isFalse(Event.isKnown("constructor"))
  })

  it("optional fields may be missing", () => {
    const event = decoded("C2C_MESSAGE_CREATE", { id: "m", author: {} })
    assert.strictEqual(event.content, "")
    assert.strictEqual(event.author.user_openid, undefined)
    assert.strictEqual(decoded("GROUP_MESSAGE_CREATE", { id: "m", group_openid: "g", author: {} }).content, "")
  })

  it("optional fields may be null", () => {
    const nulls = (payload: object, keep: ReadonlyArray<string>) =>
      Object.fromEntries(Object.entries(payload).map(([key, value]) => [key, keep.includes(key) ? value : null]))
    const author = nulls(privateMessage.author, [])
    const event = decoded("C2C_MESSAGE_CREATE", { ...nulls(privateMessage, ["id"]), author })
    assert.strictEqual(event.content, "")
    assert.strictEqual(event.attachments, null)
    decoded("GROUP_AT_MESSAGE_CREATE", {
      ...nulls(groupMessage, ["id", "group_openid"]),
      author: nulls(groupMessage.author, [])
    })
    decoded("READY", { session_id: "s", version: null, user: null, shard: null })
  })

  it("an optional field of the wrong type costs that field, not the message", () => {
    const event = decoded("C2C_MESSAGE_CREATE", {
      ...privateMessage,
      message_type: "text",
      attachments: [{ url: "u", size: [] }, { url: {} }],
      author: { user_openid: "U1", bot: "no" },
      message_scene: "default",
      timestamp: { seconds: 1_789_956_000 },
      msg_elements: [5]
    })
    assert.strictEqual(event.content, "hello bot")
    assert.strictEqual(event.author.user_openid, "U1")
    assert.strictEqual(event.author.bot, null)
    assert.strictEqual(event.message_type, null)
    assert.strictEqual(event.message_scene, null)
    assert.strictEqual(event.timestamp, null)
    assert.strictEqual(event.msg_elements, null)
    assert.deepStrictEqual(event.attachments, [{ url: "u", size: null }, { url: null }])
  })

  it("a number is read as text, and digits as a number, where that is what belongs", () => {
    const event = decoded("GROUP_MESSAGE_CREATE", {
      id: 5,
      group_openid: 7,
      author: { id: 9, username: 10_000 },
      content: 42,
      message_type: "103",
      timestamp: 1_789_956_000,
      attachments: [{ url: "u", size: "183422", width: "wide", height: "1234567890123456" }]
    })
    assert.strictEqual(event.id, "5")
    assert.strictEqual(event.group_openid, "7")
    assert.deepStrictEqual(event.author, { id: "9", username: "10000" })
    assert.strictEqual(event.content, "42")
    assert.strictEqual(event.message_type, 103)
    assert.strictEqual(event.timestamp, "1789956000")
    // sixteen digits could be more than a number holds
    assert.deepStrictEqual(event.attachments, [{ url: "u", size: 183_422, width: null, height: null }])
  })

  it("fails where a payload lacks what every event of its type has", () => {
    for (const payload of [null, undefined, "", 5, [], {}]) {
      assert.isTrue(isRefused("C2C_MESSAGE_CREATE", payload))
      assert.isTrue(isRefused("GROUP_AT_MESSAGE_CREATE", payload))
      assert.isTrue(isRefused("GROUP_MESSAGE_CREATE", payload))
      assert.isTrue(isRefused("READY", payload))
    }
    const { id: _, ...anonymous } = privateMessage
    assert.isTrue(isRefused("C2C_MESSAGE_CREATE", anonymous))
    assert.isTrue(isRefused("C2C_MESSAGE_CREATE", { ...privateMessage, id: [] }))
    assert.isTrue(isRefused("C2C_MESSAGE_CREATE", { ...privateMessage, author: null }))
    assert.isTrue(isRefused("C2C_MESSAGE_CREATE", [privateMessage]))
    assert.isTrue(isRefused("GROUP_AT_MESSAGE_CREATE", privateMessage))
    assert.isTrue(isRefused("READY", { session_id: null }))
  })
})

describe("identityKey", () => {
  it("is the same for the twins of a message, and for no other scene", () => {
    const twins = [
      frame("GROUP_AT_MESSAGE_CREATE", groupMessage, "a"),
      frame("GROUP_MESSAGE_CREATE", groupMessage, "b")
    ]
    const [first, second] = twins.map(Event.identityKey)
    assert.strictEqual(first, second)
    const privately = Event.identityKey(frame("C2C_MESSAGE_CREATE", { ...privateMessage, id: groupMessage.id }))
    assert.notStrictEqual(first, privately)
  })

  it("is the event id of anything that is no message", () => {
    assert.strictEqual(Event.identityKey(frame("FRIEND_ADD", { id: "m" }, "e")), "event:e")
    assert.strictEqual(Event.identityKey(frame("C2C_MESSAGE_CREATE", {}, "e")), "event:e")
  })

  it("is undefined without an id: such an event equals no other", () => {
    assert.strictEqual(Event.identityKey({ op: 0, t: "READY", d: {} }), undefined)
    assert.strictEqual(Event.identityKey({ op: 0, t: "FRIEND_ADD", d: { id: "m" }, id: "" }), undefined)
    assert.strictEqual(Event.identityKey({ op: 0, t: "C2C_MESSAGE_CREATE", d: null }), undefined)
  })

  it("a message id that is a number is as good as one that is text", () => {
    assert.strictEqual(
      Event.identityKey(frame("MESSAGE_CREATE", { id: 7 })),
      Event.identityKey(frame("AT_MESSAGE_CREATE", { id: "7" }))
    )
  })
})

describe("queueKey", () => {
  it("is that of the place, but interactions have queues of their own", () => {
    const press = frame("INTERACTION_CREATE", { user_openid: "U1" })
    assert.strictEqual(Event.queueKey(press), Event.queueKey(frame("INTERACTION_CREATE", { user_openid: "U1" })))
    assert.notStrictEqual(Event.queueKey(press), Event.queueKey(frame("INTERACTION_CREATE", { user_openid: "U2" })))
    for (const [t, d] of [
      ["C2C_MESSAGE_CREATE", privateMessage],
      ["GROUP_MESSAGE_CREATE", groupMessage],
      ["FRIEND_ADD", { openid: "U1" }],
      ["READY", { session_id: "s" }]
    ] as const) {
      assert.strictEqual(Event.queueKey(frame(t, d)), Event.orderKey(frame(t, d)))
      assert.notStrictEqual(Event.queueKey(frame(t, d)), Event.queueKey(press))
    }
  })
})

describe("orderKey", () => {
  const key = (t: string, d: unknown): string => Event.orderKey(frame(t, d))

  it("is the conversation", () => {
    assert.strictEqual(key("C2C_MESSAGE_CREATE", privateMessage), "c2c:U1")
    assert.strictEqual(key("FRIEND_ADD", { openid: "U1", author: { union_openid: "X" } }), "c2c:U1")
    assert.strictEqual(key("INTERACTION_CREATE", { user_openid: "U1" }), "c2c:U1")
    assert.strictEqual(key("GROUP_MESSAGE_CREATE", groupMessage), key("GROUP_ADD_ROBOT", { group_openid: "G1" }))
    assert.strictEqual(key("MESSAGE_CREATE", { channel_id: "c", guild_id: "g", author: { id: "9" } }), "channel:c")
  })

  it("is the guild where there is no conversation, else the type", () => {
    assert.strictEqual(key("GUILD_MEMBER_ADD", { guild_id: "g" }), "guild:g")
    assert.strictEqual(key("GUILD_CREATE", { id: "g" }), key("GUILD_MEMBER_ADD", { guild_id: "g" }))
    assert.strictEqual(key("READY", { session_id: "s" }), "type:READY")
    assert.strictEqual(key("RESUMED", ""), "type:RESUMED")
    assert.strictEqual(Event.orderKey({ op: 0 }), "type:")
  })

  it("of a deletion is that of the message", () => {
    assert.strictEqual(key("MESSAGE_DELETE", { message: { id: "m", channel_id: "c" } }), "channel:c")
    assert.strictEqual(key("MESSAGE_DELETE", { message: null }), "type:MESSAGE_DELETE")
    assert.strictEqual(key("DIRECT_MESSAGE_DELETE", null), "type:DIRECT_MESSAGE_DELETE")
  })

  it("differs between scenes for equal ids", () => {
    const keys = [{ group_openid: "x" }, { channel_id: "x" }, { guild_id: "x" }, { user_openid: "x" }].map((d) =>
      key("T", d)
    )
    assert.strictEqual(new Set([...keys, key("x", {})]).size, 5)
  })
})

describe("isByBot", () => {
  it("holds for messages that a bot wrote", () => {
    assert.isTrue(Event.isByBot(frame("GROUP_MESSAGE_CREATE", { author: { bot: true } })))
    assert.isFalse(Event.isByBot(frame("GROUP_MESSAGE_CREATE", groupMessage)))
    assert.isFalse(Event.isByBot(frame("GROUP_ADD_ROBOT", { author: { bot: true } })))
    for (const author of [undefined, null, "bot", { bot: null }, { bot: "true" }, [true]]) {
      assert.isFalse(Event.isByBot(frame("C2C_MESSAGE_CREATE", { author })))
    }
  })
})

describe("the tag of an event", () => {
  it("is its type, whatever the payload says", () => {
    const frame = { op: 0, t: "FRIEND_ADD", id: "1", d: { openid: "u", timestamp: 1, _tag: "forged", t: "forged" } }
    const event = Either.getOrThrow(Event.decode(frame))
    assert.strictEqual(event._tag, "FRIEND_ADD")
    assert.strictEqual(event.t, "FRIEND_ADD")
    assert.strictEqual(Either.getOrThrow(Event.decode({ op: 0, t: "NEW_TYPE", d: {} }))._tag, "Unknown")
    assert.strictEqual(Event.gap({ from: 0, to: 1, lastSeq: 2, shard: [0, 1] })._tag, "Gap")
    const said = Match.value(event).pipe(
      Match.tag("FRIEND_ADD", ({ openid }) => openid),
      Match.orElse(() => "something else")
    )
    assert.strictEqual(said, "u")
  })
})
