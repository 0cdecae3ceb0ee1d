import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as Frame from "../../../packages/core/src/gateway/Frame.ts"

const parsed = (text: string): Frame.Frame => {
  const frame = Frame.parse(text)
  if (Frame.isMalformed(frame)) throw new Error(`malformed: ${frame.reason}`)
  return frame
}

const reason = (data: unknown): string => {
  const frame = Frame.parse(data)
  return Frame.isMalformed(frame) ? frame.reason : "a frame"
}

/** What everyone who gets a frame relies on. */
const isSound = (frame: Frame.Frame): boolean =>
  typeof frame.op === "number" &&
  (frame.s === undefined || (Number.isSafeInteger(frame.s) && frame.s >= 0)) &&
  (frame.t === undefined || typeof frame.t === "string") &&
  (frame.id === undefined || typeof frame.id === "string")

/** Whatever comes out is either a reason or something sound. */
const outcome = (data: unknown): "malformed" | "sound" | "unsound" => {
  const frame = Frame.parse(data)
  if (Frame.isMalformed(frame)) return frame.size >= 0 ? "malformed" : "unsound"
  return isSound(frame) ? "sound" : "unsound"
}

const survives = (data: unknown): void => assert.notStrictEqual(outcome(data), "unsound")

const hostileField = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom(-1, 0, 1.5, 1e300, Number.MAX_SAFE_INTEGER, "12", "-1", "1e3", " 7", "", "9".repeat(400), null)
)

describe("parse", () => {
  it("never throws on any text", () => {
    fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 200 }), survives), { numRuns: 500 })
    fc.assert(fc.property(fc.json(), survives), { numRuns: 500 })
    assert.strictEqual(outcome("\u0000"), "malformed")
  })

  it("never throws on data that is not text", () => {
    fc.assert(
      fc.property(fc.anything({ withTypedArray: true, withBigInt: true, withDate: true, withMap: true }), survives)
    )
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const frame = Frame.parse(bytes)
        return Frame.isMalformed(frame) && frame.reason === "NotText" && frame.size === bytes.byteLength
      })
    )
    const buffer = Frame.parse(new ArrayBuffer(7))
    assert.isTrue(Frame.isMalformed(buffer) && buffer.reason === "NotText" && buffer.size === 7)
  })

  it("hands on nothing unsound, whatever the fields of an object hold", () => {
    const object = fc.record(
      {
        op: fc.oneof(fc.integer(), hostileField),
        s: hostileField,
        t: hostileField,
        id: hostileField,
        _tag: hostileField,
        d: hostileField
      },
      { requiredKeys: [] }
    )
    fc.assert(
      fc.property(object, (fields) => survives(JSON.stringify(fields))),
      { numRuns: 2000 }
    )
    assert.strictEqual(outcome('{"op":0,"_tag":"Malformed"}'), "sound")
  })

  it("never throws on a valid frame that was damaged", () => {
    const whole =
      '{"id":"C2C_MESSAGE_CREATE:0f3a","op":0,"s":42,"t":"C2C_MESSAGE_CREATE","d":{"content":"\\ud83d\\ude00"}}'
    fc.assert(
      fc.property(fc.nat(whole.length), fc.nat(20), fc.string({ unit: "binary", maxLength: 5 }), (at, cut, put) =>
        survives(whole.slice(0, at) + put + whole.slice(at + cut))
      ),
      { numRuns: 1000 }
    )
    assert.strictEqual(outcome(whole), "sound")
  })

  it("reports why a frame is malformed", () => {
    assert.strictEqual(reason(""), "Empty")
    assert.strictEqual(reason("{"), "NotJson")
    for (const text of ["null", "1", '"op"', "[]", "{}", '{"op":"0"}', '{"op":0,"t":5}', '{"op":0,"id":{}}']) {
      assert.strictEqual(reason(text), "NotAFrame", text)
    }
    assert.strictEqual(reason(" ".repeat(Frame.maximumSize + 1)), "TooLarge")
    assert.strictEqual(reason(`{"op":11}${" ".repeat(Frame.maximumSize - 9)}`), "a frame")
  })

  it("takes null for absent", () => {
    const frame = parsed('{"op":11,"s":null,"t":null,"id":null,"d":null}')
    assert.strictEqual(frame.s, undefined)
    assert.strictEqual(frame.t, undefined)
    assert.strictEqual(frame.id, undefined)
    assert.strictEqual(frame.d, null)
  })

  it("reads a decimal string as a sequence number", () => {
    assert.strictEqual(parsed('{"op":0,"s":"42","t":"X"}').s, 42)
    assert.strictEqual(parsed('{"op":0,"s":42,"t":"X"}').s, 42)
  })

  it("refuses a sequence number that could not be sent back", () => {
    for (const s of ["1e400", "-1", "1.5", "9007199254740993", '"-1"', '"1.5"', '"soon"', "true", "[1]", "{}"]) {
      assert.strictEqual(reason(`{"op":0,"t":"X","s":${s}}`), "NotAFrame", s)
    }
  })

  it("cannot be made to look malformed by the wire", () => {
    const frame = parsed('{"op":0,"t":"X","_tag":"Malformed"}')
    assert.isFalse(Frame.isMalformed(frame))
    assert.strictEqual(frame.t, "X")
  })

  it("does not copy the payload", () => {
    assert.deepStrictEqual(parsed('{"op":0,"s":1,"t":"X","d":{"a":[1,{"b":null}]}}').d, { a: [1, { b: null }] })
  })
})

describe("what is sent", () => {
  it("heartbeats come back as they were", () => {
    fc.assert(
      fc.property(fc.option(fc.nat()), (sequence) => {
        const frame = parsed(Frame.heartbeat(sequence))
        assert.strictEqual(frame.op, Frame.Opcode.Heartbeat)
        assert.strictEqual(frame.d, sequence)
      })
    )
  })

  it("an identify comes back as it was", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.nat(), fc.tuple(fc.nat(), fc.nat()), (token, intents, shard) => {
        const frame = parsed(Frame.identify({ token, intents, shard }))
        assert.strictEqual(frame.op, Frame.Opcode.Identify)
        assert.deepStrictEqual(frame.d, { token, intents, shard, properties: {} })
      })
    )
  })

  it("a resume comes back as it was", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string(), fc.nat(), (token, sessionId, sequence) => {
        const frame = parsed(Frame.resume({ token, sessionId, sequence }))
        assert.strictEqual(frame.op, Frame.Opcode.Resume)
        assert.deepStrictEqual(frame.d, { token, session_id: sessionId, seq: sequence })
      })
    )
  })
})
