import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import * as Option from "effect/Option"
import * as fc from "fast-check"
import * as Event from "../../../packages/core/src/events/Event.ts"
import * as Anchor from "../../../packages/core/src/messages/Anchor.ts"
import * as AuditOutcomes from "../../../packages/core/src/messages/AuditOutcomes.ts"
import * as Conversation from "../../../packages/core/src/events/Conversation.ts"
import * as ConversationPath from "../../../packages/core/src/messages/ConversationPath.ts"

const keyOf = (dispatch: Anchor.Dispatch): string | undefined =>
  Option.getOrUndefined(
    Option.map(
      Anchor.ofDispatch(dispatch),
      ({ conversation, id, kind }) => `${kind} ${id} ${Conversation.toKey(conversation)}`
    )
  )

describe("what a dispatch can be replied by", () => {
  for (const [t, d, expected] of [
    ["C2C_MESSAGE_CREATE", { id: "m", author: { user_openid: "u", id: "x" } }, "msg_id m c2c:u"],
    ["C2C_MESSAGE_CREATE", { id: "m", author: { id: "x" } }, "msg_id m c2c:x"],
    ["GROUP_AT_MESSAGE_CREATE", { id: "m", group_openid: "g" }, "msg_id m group:g"],
    ["GROUP_MESSAGE_CREATE", { id: "m", group_openid: "g" }, "msg_id m group:g"],
    ["AT_MESSAGE_CREATE", { id: "m", channel_id: "c", guild_id: "q" }, "msg_id m channel:c"],
    ["MESSAGE_CREATE", { id: "m", channel_id: "c", guild_id: "q" }, "msg_id m channel:c"],
    ["DIRECT_MESSAGE_CREATE", { id: "m", channel_id: "c", guild_id: "q" }, "msg_id m dm:q"],
    ["INTERACTION_CREATE", { id: "i", user_openid: "u" }, "event_id e c2c:u"],
    ["INTERACTION_CREATE", { id: "i", group_openid: "g", group_member_openid: "u" }, "event_id e group:g"],
    ["INTERACTION_CREATE", { id: "i", guild_id: "q", channel_id: "c" }, undefined],
    ["FRIEND_ADD", { openid: "u" }, "event_id e c2c:u"],
    ["C2C_MSG_RECEIVE", { openid: "u" }, "event_id e c2c:u"],
    ["GROUP_ADD_ROBOT", { group_openid: "g", op_member_openid: "u" }, "event_id e group:g"],
    ["GROUP_MSG_RECEIVE", { group_openid: "g" }, "event_id e group:g"],
    ["FRIEND_DEL", { openid: "u" }, undefined],
    ["C2C_MSG_REJECT", { openid: "u" }, undefined],
    ["C2C_MESSAGE_CREATE", { id: "", author: { user_openid: "u" } }, undefined],
    ["C2C_MESSAGE_CREATE", { id: "m", author: {} }, undefined],
    ["GROUP_AT_MESSAGE_CREATE", { id: 7, group_openid: "g" }, "msg_id 7 group:g"],
    ["AT_MESSAGE_CREATE", { id: "m", channel_id: 2 ** 60 }, undefined],
    ["MESSAGE_REACTION_ADD", { user_id: "x", guild_id: "q", channel_id: "c" }, "event_id e channel:c"],
    ["MESSAGE_REACTION_REMOVE", { user_id: "x", guild_id: "q", channel_id: 664100231 }, "event_id e channel:664100231"],
    ["FORUM_THREAD_CREATE", { guild_id: "q", channel_id: "c" }, undefined],
    ["GUILD_MEMBER_ADD", { guild_id: "q", user: { id: "x" } }, undefined],
    ["READY", { session_id: "s" }, undefined]
  ] as const) {
    it(`${t} ${JSON.stringify(d)}: ${expected ?? "nothing"}`, () => {
      assert.strictEqual(keyOf({ t, id: "e", d }), expected)
    })
  }

  it("an event without an id has nothing to be replied by", () => {
    assert.isUndefined(keyOf({ t: "FRIEND_ADD", d: { openid: "u" } }))
  })

  it("never throws, whatever comes", () => {
    const types = fc.constantFrom(
      "C2C_MESSAGE_CREATE",
      "GROUP_ADD_ROBOT",
      "MESSAGE_AUDIT_PASS",
      "INTERACTION_CREATE",
      "X"
    )
    fc.assert(
      fc.property(types, fc.option(fc.string(), { nil: undefined }), fc.anything(), (t, id, d) => {
        assert.isTrue(Option.isOption(Anchor.ofDispatch({ t, id, d })))
        const outcome = AuditOutcomes.ofDispatch({ t, id, d })
        assert.isTrue(outcome === undefined || t === "MESSAGE_AUDIT_PASS")
      }),
      { numRuns: 2000 }
    )
  })

  it("is the same for a message that was decoded", () => {
    for (const [t, d] of [
      ["C2C_MESSAGE_CREATE", { id: "m", author: { user_openid: "", id: "x" } }],
      ["GROUP_AT_MESSAGE_CREATE", { id: "m", group_openid: "g", author: {} }],
      ["GROUP_MESSAGE_CREATE", { id: 7, group_openid: "g", author: {} }],
      ["AT_MESSAGE_CREATE", { id: "m", channel_id: "c", guild_id: "q", author: {} }],
      ["MESSAGE_CREATE", { id: "m", channel_id: "c", guild_id: "q", author: {} }],
      ["DIRECT_MESSAGE_CREATE", { id: "m", channel_id: "c", guild_id: "q", author: {} }]
    ] as const) {
      const event = Either.getOrThrow(Event.decode({ op: 0, t, d, id: "e" }))
      assert.isTrue(Event.isMessage(event), t)
      if (!Event.isMessage(event)) continue
      assert.deepStrictEqual(Option.getOrThrow(Anchor.ofEvent(event)), Anchor.ofMessage(event), t)
    }
    const other = Either.getOrThrow(Event.decode({ op: 0, t: "FRIEND_ADD", d: { openid: "u" }, id: "e" }))
    assert.isFalse(Event.isMessage(other))
  })

  it("anchors with the same content are equal", () => {
    const make = () => Anchor.make({ kind: "msg_id", id: "m", conversation: Conversation.group("g") })
    assert.isTrue(Equal.equals(make(), make()))
  })
})

describe("a conversation as text", () => {
  it("is read as it was written", () => {
    const scene = fc.constantFrom<Conversation.Scene>("c2c", "group", "channel", "dm")
    fc.assert(
      fc.property(scene, fc.string({ minLength: 1 }), (kind, target) => {
        const conversation = Conversation.make(kind, target)
        const read = Conversation.fromKey(Conversation.toKey(conversation))
        assert.isTrue(Option.isSome(read) && Equal.equals(read.value, conversation))
      })
    )
  })

  it("of another form is not parsed", () => {
    for (const text of ["", "c2c", "c2c:", "user:1", ":1"]) assert.isTrue(Option.isNone(Conversation.fromKey(text)))
  })

  it("has paths in which ids are encoded", () => {
    assert.strictEqual(ConversationPath.messages(Conversation.channel("a/b")), "/channels/a%2Fb/messages")
    assert.strictEqual(ConversationPath.messages(Conversation.directMessage("1")), "/dms/1/messages")
    assert.strictEqual(ConversationPath.message(Conversation.c2c("u"), "m?"), "/v2/users/u/messages/m%3F")
    assert.strictEqual(ConversationPath.stream(Conversation.c2c("u")), "/v2/users/u/stream_messages")
    assert.strictEqual(ConversationPath.files(Conversation.group("g")), "/v2/groups/g/files")
  })
})
