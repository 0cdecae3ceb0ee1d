import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as Event from "../../../packages/core/src/events/Event.ts"
import * as Intents from "../../../packages/core/src/gateway/Intents.ts"
import { typesSeen } from "../events/envelopes.ts"

/** READY and RESUMED need no intent. */
const seen = typesSeen.filter((type) => type !== "READY" && type !== "RESUMED")

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

  it("are distinct bits that fit a signed 32-bit number", () => {
    const bits = names.map((name) => Intents.Intent[name])
    assert.strictEqual(new Set(bits).size, bits.length)
    for (const bit of bits) {
      assert.isAbove(bit, 0)
      assert.strictEqual(bit & (bit - 1), 0)
    }
  })

  it("no event type is claimed twice, and none that has no schema", () => {
    const types = names.flatMap((name) => Intents.eventTypes[name])
    assert.strictEqual(new Set(types).size, types.length)
    for (const type of types) assert.isTrue(Event.isKnown(type), type)
  })

  it("of a handler's types are those of its events, and no others", () => {
    assert.strictEqual(Intents.forEventTypes(["MESSAGE_AUDIT_PASS"]), Intents.Intent.MESSAGE_AUDIT)
    assert.strictEqual(
      Intents.forEventTypes(["FORUM_PUBLISH_AUDIT_RESULT", "ENTER_AIO"]),
      Intents.make("FORUMS_EVENT", "ENTER_AIO")
    )
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
