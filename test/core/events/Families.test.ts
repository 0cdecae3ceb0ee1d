import { assert, describe, it } from "@effect/vitest"
import * as Option from "effect/Option"
import * as Interaction from "../../../packages/core/src/events/Interaction.ts"
import * as Reaction from "../../../packages/core/src/events/Reaction.ts"
import * as Relation from "../../../packages/core/src/events/Relation.ts"
import * as Anchor from "../../../packages/core/src/messages/Anchor.ts"
import { decoded, isRefused, payloadOf } from "./envelopes.ts"

describe("users and groups", () => {
  it("a friend, with all that has been seen and with the least", () => {
    const event = decoded("FRIEND_ADD", { ...payloadOf("FRIEND_ADD"), nick: "Ann" })
    assert.strictEqual(event.scene, Relation.FriendScene.Link)
    assert.strictEqual(event.scene_param, "callback_abc")
    assert.strictEqual(event.nick, "Ann")
    assert.strictEqual(decoded("FRIEND_ADD", { openid: "u" }).openid, "u")
    assert.isTrue(isRefused("FRIEND_ADD", { timestamp: 1 }))
    assert.isTrue(isRefused("FRIEND_DEL", {}))
  })

  it("seconds may come as digits", () => {
    assert.strictEqual(
      decoded("GROUP_ADD_ROBOT", { group_openid: "g", timestamp: "1789956240" }).timestamp,
      1_789_956_240
    )
    assert.strictEqual(decoded("C2C_MSG_REJECT", { openid: "u", timestamp: "soon" }).timestamp, null)
  })

  it("ids may be empty", () => {
    assert.strictEqual(decoded("GROUP_DEL_ROBOT", { group_openid: "g", op_member_openid: "" }).op_member_openid, "")
    const left = decoded("GROUP_MEMBER_REMOVE", payloadOf("GROUP_MEMBER_REMOVE"))
    assert.strictEqual(left.user_openid, "")
    assert.isTrue(isRefused("GROUP_MEMBER_ADD", { group_openid: "g" }))
  })

  it("a request to join carries its verification, or that it was approved", () => {
    const asked = decoded("GROUP_JOIN_REQUEST", {
      ...payloadOf("GROUP_JOIN_REQUEST"),
      verify_info: { method: "admin_review_qa", review_qa_list: [{ question: "1+1", answer: 2 }] }
    })
    assert.deepStrictEqual(asked.verify_info?.review_qa_list, [{ question: "1+1", answer: "2" }])
    assert.isUndefined(asked.auto_approved)
    assert.isTrue(isRefused("GROUP_JOIN_REQUEST", { group_openid: "g", member_openid: "m" }))
  })

  it("a subscription is a user's or a group's", () => {
    const [result] = decoded("SUBSCRIBE_MESSAGE_STATUS", payloadOf("SUBSCRIBE_MESSAGE_STATUS")).result ?? []
    assert.strictEqual(result?.op, Relation.SubscriptionChoice.Allow)
    assert.strictEqual(result?.subscribe_id, "sub_demo1")
    assert.strictEqual(decoded("SUBSCRIBE_MESSAGE_STATUS", { group_openid: "g" }).group_openid, "g")
  })
})

describe("an interaction", () => {
  const seen = (d: object) => Interaction.view(decoded("INTERACTION_CREATE", { id: "i", ...d }))

  it("of a button has its id and data, and wants to be acknowledged", () => {
    const view = Interaction.view(decoded("INTERACTION_CREATE", payloadOf("INTERACTION_CREATE")))
    assert.deepInclude(view, {
      type: Interaction.Type.Button,
      scene: "c2c",
      target: "7C1E5A9D03B84F62A1D0E9C4B7F2A836",
      user: "7C1E5A9D03B84F62A1D0E9C4B7F2A836",
      button: { id: "allow-once", data: "confirm:once" },
      wantsAcknowledgement: true,
      time: Date.parse("2026-09-21T02:11:00Z")
    })
    assert.isUndefined(view.feature)
    assert.deepStrictEqual(seen({ data: { resolved: { button_data: "x" } } }).button, { id: undefined, data: "x" })
  })

  it("has a user and a place, in each scene", () => {
    const inGroup = seen({ scene: "group", group_openid: "g", group_member_openid: "m" })
    assert.deepInclude(inGroup, { scene: "group", target: "g", user: "m", button: undefined })
    const inGuild = seen({
      scene: "guild",
      guild_id: "q",
      channel_id: "c",
      data: { resolved: { user_id: "9", message_id: "08e5" } }
    })
    assert.deepInclude(inGuild, { scene: "guild", target: "c", user: "9", messageId: "08e5" })
  })

  it("has a scene where only chat_type or the ids say it", () => {
    assert.strictEqual(seen({ chat_type: Interaction.ChatType.Group }).scene, "group")
    assert.strictEqual(seen({ chat_type: 2, scene: "new" }).scene, "c2c")
    assert.strictEqual(seen({ chat_type: "0" }).scene, "guild")
    assert.strictEqual(seen({ group_openid: "g", user_openid: "u" }).scene, "group")
    assert.strictEqual(seen({ channel_id: "c" }).scene, "guild")
    assert.strictEqual(seen({ user_openid: "u" }).scene, "c2c")
    assert.isUndefined(seen({ user_openid: "" }).scene)
  })

  it("of a menu, of feedback, of an authorization", () => {
    assert.deepInclude(seen({ type: 12, data: { resolved: { feature_id: "menu_help" } } }), {
      feature: "menu_help",
      wantsAcknowledgement: true
    })
    assert.deepInclude(seen({ type: 13, data: { resolved: { feedback_opt: "LIKE", message_id: "m" } } }), {
      feedback: "LIKE",
      messageId: "m",
      wantsAcknowledgement: false
    })
    assert.isUndefined(seen({ data: { resolved: { feedback_opt: "MAYBE" } } }).feedback)
    const { authorization } = seen({
      type: Interaction.Type.UserAuthorization,
      data: { resolved: { authorize_data: { opt_scene: "setting", scope: "c2c_push" } } }
    })
    assert.deepStrictEqual(authorization, { scene: "setting", scope: "c2c_push" })
  })

  it("has its type from its data where it is only there", () => {
    assert.strictEqual(seen({ data: { type: 9 } }).type, 9)
    assert.isUndefined(seen({}).type)
  })
})

describe("guilds", () => {
  it("messages of channels need their channel, direct ones their session", () => {
    const event = decoded("DIRECT_MESSAGE_CREATE", payloadOf("DIRECT_MESSAGE_CREATE"))
    assert.strictEqual(event.src_guild_id, "5821904417736650213")
    assert.isTrue(event.direct_message)
    assert.isTrue(isRefused("AT_MESSAGE_CREATE", { id: "m", author: {} }))
    assert.strictEqual(decoded("MESSAGE_CREATE", { id: "m", channel_id: 1, guild_id: 2, author: {} }).content, "")
  })

  it("a deletion names the message and who did it", () => {
    const event = decoded("MESSAGE_DELETE", payloadOf("MESSAGE_DELETE"))
    assert.strictEqual(event.message.author?.username, "Eve")
    assert.strictEqual(event.op_user?.id, "8802213365517748291")
    assert.isTrue(isRefused("PUBLIC_MESSAGE_DELETE", { message: {} }))
  })

  it("moderation: passed with an id, rejected without one, also outside of guilds", () => {
    assert.isString(decoded("MESSAGE_AUDIT_PASS", payloadOf("MESSAGE_AUDIT_PASS")).message_id)
    assert.isUndefined(decoded("MESSAGE_AUDIT_REJECT", payloadOf("MESSAGE_AUDIT_REJECT")).message_id)
    assert.strictEqual(decoded("MESSAGE_AUDIT_PASS", { audit_id: "a", group_openid: "g" }).group_openid, "g")
    assert.isTrue(isRefused("MESSAGE_AUDIT_PASS", { message_id: "m" }))
  })

  it("a reaction is on something, whichever way its type is written", () => {
    const on = (type: unknown) =>
      Reaction.targetOf(
        decoded("MESSAGE_REACTION_ADD", { ...payloadOf("MESSAGE_REACTION_ADD"), target: { id: "t", type } })
      )
    assert.deepStrictEqual([0, 1, 2, 3].map(on), ["message", "thread", "post", "reply"])
    assert.deepStrictEqual(["0", "ReactionTargetType_MSG", "REPLY"].map(on), ["message", "message", "reply"])
    for (const type of [7, "", "ReactionTargetType_", null, undefined, {}]) assert.isUndefined(on(type))
    assert.isUndefined(Reaction.targetOf({}))
  })

  it("a reaction's type is kept as it came, though another field made the reading lenient", () => {
    const event = decoded("MESSAGE_REACTION_REMOVE", {
      ...payloadOf("MESSAGE_REACTION_REMOVE"),
      user_id: 7,
      target: { id: "t", type: "0" }
    })
    assert.strictEqual(event.user_id, "7")
    assert.strictEqual(event.target?.type, "0")
  })

  it("a guild, a channel and a member may lack nearly everything", () => {
    assert.strictEqual(decoded("GUILD_CREATE", { id: "g", joined_at: 1_789_956_000 }).joined_at, "1789956000")
    assert.strictEqual(decoded("CHANNEL_CREATE", { id: "c", guild_id: "g", type: "10007" }).type, 10_007)
    assert.strictEqual(decoded("GUILD_MEMBER_REMOVE", { guild_id: "g", nick: "", roles: null }).nick, "")
    assert.isTrue(isRefused("GUILD_MEMBER_ADD", { user: {} }))
  })

  it("audio", () => {
    assert.strictEqual(decoded("AUDIO_ON_MIC", payloadOf("AUDIO_ON_MIC")).audio_url, "")
    const entered = decoded("AUDIO_OR_LIVE_CHANNEL_MEMBER_ENTER", payloadOf("AUDIO_OR_LIVE_CHANNEL_MEMBER_ENTER"))
    assert.strictEqual(entered.channel_type, 2)
    assert.isTrue(isRefused("AUDIO_START", { guild_id: "g" }))
  })
})

describe("an event that is no message", () => {
  it("is replied to where it happened", () => {
    const event = decoded("GROUP_ADD_ROBOT", payloadOf("GROUP_ADD_ROBOT"))
    assert.deepInclude(Option.getOrThrow(Anchor.ofEvent(event)), { kind: "event_id", id: "GROUP_ADD_ROBOT:1" })
  })
})
