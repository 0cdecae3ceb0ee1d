import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as Intents from "../../../packages/core/src/gateway/Intents.ts"

/** Every event type that has been documented or seen, but READY and RESUMED, which need no intent. */
const seen = [
  "AT_MESSAGE_CREATE",
  "AUDIO_FINISH",
  "AUDIO_OFF_MIC",
  "AUDIO_ON_MIC",
  "AUDIO_OR_LIVE_CHANNEL_MEMBER_ENTER",
  "AUDIO_OR_LIVE_CHANNEL_MEMBER_EXIT",
  "AUDIO_START",
  "C2C_MESSAGE_CREATE",
  "C2C_MSG_RECEIVE",
  "C2C_MSG_REJECT",
  "CHANNEL_CREATE",
  "CHANNEL_DELETE",
  "CHANNEL_UPDATE",
  "DIRECT_MESSAGE_CREATE",
  "DIRECT_MESSAGE_DELETE",
  "ENTER_AIO",
  "FORUM_POST_CREATE",
  "FORUM_POST_DELETE",
  "FORUM_PUBLISH_AUDIT_RESULT",
  "FORUM_REPLY_CREATE",
  "FORUM_REPLY_DELETE",
  "FORUM_THREAD_CREATE",
  "FORUM_THREAD_DELETE",
  "FORUM_THREAD_UPDATE",
  "FRIEND_ADD",
  "FRIEND_DEL",
  "GROUP_ADD_ROBOT",
  "GROUP_AT_MESSAGE_CREATE",
  "GROUP_DEL_ROBOT",
  "GROUP_JOIN_REQUEST",
  "GROUP_MEMBER_ADD",
  "GROUP_MEMBER_REMOVE",
  "GROUP_MESSAGE_CREATE",
  "GROUP_MSG_RECEIVE",
  "GROUP_MSG_REJECT",
  "GUILD_CREATE",
  "GUILD_DELETE",
  "GUILD_MEMBER_ADD",
  "GUILD_MEMBER_REMOVE",
  "GUILD_MEMBER_UPDATE",
  "GUILD_UPDATE",
  "INTERACTION_CREATE",
  "MESSAGE_AUDIT_PASS",
  "MESSAGE_AUDIT_REJECT",
  "MESSAGE_CREATE",
  "MESSAGE_DELETE",
  "MESSAGE_REACTION_ADD",
  "MESSAGE_REACTION_REMOVE",
  "OPEN_FORUM_POST_CREATE",
  "OPEN_FORUM_POST_DELETE",
  "OPEN_FORUM_REPLY_CREATE",
  "OPEN_FORUM_REPLY_DELETE",
  "OPEN_FORUM_THREAD_CREATE",
  "OPEN_FORUM_THREAD_DELETE",
  "OPEN_FORUM_THREAD_UPDATE",
  "PUBLIC_MESSAGE_DELETE",
  "SUBSCRIBE_MESSAGE_STATUS"
] as const

const names = Object.keys(Intents.Intent) as ReadonlyArray<Intents.IntentName>

const anySet = fc.subarray([...names])

describe("the intents", () => {
  for (const type of seen) {
    it(`${type} has exactly one`, () => {
      const owners = names.filter((name) => Intents.eventTypes[name].includes(type))
      assert.strictEqual(owners.length, 1)
      assert.deepStrictEqual(Intents.describe(Intents.forEventTypes([type])), owners)
    })
  }

  it("each is one bit of its own that fits the wire's signed number", () => {
    const bits = names.map((name) => Intents.Intent[name])
    assert.strictEqual(new Set(bits).size, bits.length)
    for (const bit of bits) {
      assert.isAbove(bit, 0)
      assert.strictEqual(bit & (bit - 1), 0)
    }
  })

  it("no event type is claimed twice", () => {
    const types = names.flatMap((name) => Intents.eventTypes[name])
    assert.strictEqual(new Set(types).size, types.length)
  })

  it("the set for some events has all their intents and no other", () => {
    fc.assert(
      fc.property(fc.subarray([...seen]), (types) => {
        const wanted = Intents.describe(Intents.forEventTypes(types))
        const owners = names.filter((name) => types.some((type) => Intents.eventTypes[name].includes(type)))
        assert.deepStrictEqual(wanted, owners)
      })
    )
  })

  it("types that no intent is known for add nothing", () => {
    assert.strictEqual(Intents.forEventTypes(["READY", "RESUMED", "Unknown", "constructor", ""]), Intents.none)
    assert.strictEqual(Intents.forEventTypes([]), Intents.none)
  })
})

describe("fromString", () => {
  it("reads back what describe names, however it is joined", () => {
    fc.assert(
      fc.property(
        anySet.filter((set) => set.length > 0),
        fc.constantFrom(",", ", ", " | ", " ", "\n"),
        fc.boolean(),
        (set, separator, lower) => {
          const intents = Intents.make(...set)
          const text = Intents.describe(intents).join(separator)
          assert.strictEqual(Intents.fromString(lower ? text.toLowerCase() : text), intents)
        }
      )
    )
  })

  it("reads back a number", () => {
    fc.assert(
      fc.property(fc.nat(0x7fffffff), (intents) => {
        assert.strictEqual(Intents.fromString(` ${intents} `), intents)
      })
    )
    assert.strictEqual(Intents.fromString("33554432"), Intents.Intent.GROUP_AND_C2C_EVENT)
  })

  it("is undefined for anything else", () => {
    for (const text of ["", "  ", ",", "EVERYTHING", "GUILDS, 5", "1.5", "-1", "0x10", "2147483648", "__proto__"]) {
      assert.strictEqual(Intents.fromString(text), undefined, text)
    }
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const intents = Intents.fromString(text)
        return intents === undefined || (Number.isInteger(intents) && intents >= 0 && intents <= 0x7fffffff)
      })
    )
  })
})
