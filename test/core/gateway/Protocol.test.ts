/** One connection without a socket: frames and closes in, actions and facts out. */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as fc from "fast-check"
import * as CloseCode from "../../../packages/core/src/gateway/CloseCode.ts"
import { ReconnectRequested } from "../../../packages/core/src/gateway/GatewayError.ts"
import { Protocol } from "../../../packages/core/src/gateway/Protocol.ts"
import * as SessionPolicy from "../../../packages/core/src/gateway/SessionPolicy.ts"

const policy = SessionPolicy.defaults

const identifying = () => new Protocol({ policy, resume: Option.none(), dialledAt: 0 })

const resuming = (sequence = 10) => {
  const protocol = new Protocol({ policy, resume: Option.some({ sessionId: "s", sequence }), dialledAt: 0 })
  protocol.opened(100)
  protocol.enter("Greeting")
  protocol.receive(JSON.stringify({ op: 10, d: { heartbeat_interval: 45_000 } }), 200)
  protocol.enter("Resuming")
  protocol.introduced("Resume", 200)
  return protocol
}

const frame = (value: object): string => JSON.stringify(value)

const ready = frame({ op: 0, s: 1, t: "READY", d: { session_id: "s1" } })

const dispatch = (s: number): string => frame({ op: 0, s, t: "C2C_MESSAGE_CREATE", d: {} })

const end = new ReconnectRequested({ by: "Caller" })

describe("a frame", () => {
  it("HELLO asks for an identify or a resume, with the interval as it came", () => {
    const hello = frame({ op: 10, d: { heartbeat_interval: "45000" } })
    assert.deepStrictEqual(identifying().receive(hello, 1), { _tag: "Greeted", interval: "45000" })
  })

  it("READY makes the connection Ready and names the session", () => {
    const protocol = identifying()
    const action = protocol.receive(ready, 5)
    assert.strictEqual(action._tag === "Ready" && action.sessionId, "s1")
    assert.strictEqual(protocol.phase, "Ready")
    assert.strictEqual(protocol.isReady, true)
  })

  it("READY without a session id is refused", () => {
    for (const d of [undefined, null, {}, { session_id: "" }, { session_id: 5 }]) {
      const protocol = identifying()
      assert.strictEqual(protocol.receive(frame({ op: 0, t: "READY", d }), 5)._tag, "Refused")
      assert.strictEqual(protocol.isReady, false)
    }
  })

  it("a replayed dispatch that is new confirms a resume, once; one that is not new does not", () => {
    const protocol = resuming(10)
    const confirmed = [10, 11, 12].map((s) => {
      const action = protocol.receive(dispatch(s), 300 + s)
      return action._tag === "Dispatch" && action.confirmed
    })
    assert.deepStrictEqual(confirmed, [false, true, false])
    assert.strictEqual(protocol.disconnect(end, 400, 0).confirmed, true)
    assert.strictEqual(protocol.isReady, false)
  })

  it("op 7 ends the connection, unless an op 9 came before it", () => {
    assert.strictEqual(identifying().receive(frame({ op: 7 }), 1)._tag, "End")
    const protocol = identifying()
    protocol.receive(frame({ op: 9, d: false }), 1)
    assert.strictEqual(protocol.receive(frame({ op: 7 }), 2)._tag, "None")
  })

  it("op 9 leaves time for the close frame that explains it", () => {
    for (const d of [true, false]) {
      const protocol = identifying()
      const action = protocol.receive(frame({ op: 9, d }), 1000)
      assert.strictEqual(action._tag === "Doubt" && Duration.toMillis(action.grace), 5000)
      assert.strictEqual(protocol.disconnect(end, 2000, 0).invalidSession, d)
    }
  })

  it("op 1 asks for a heartbeat at once", () => {
    assert.strictEqual(identifying().receive(frame({ op: 1 }), 1)._tag, "Beat")
  })

  it("op 11 gives the round trip of the heartbeat before it, once", () => {
    const protocol = identifying()
    protocol.receive(ready, 0)
    protocol.beats(1000)
    assert.deepStrictEqual(protocol.receive(frame({ op: 11 }), 1040), { _tag: "Acknowledged", roundTrip: 40 })
    assert.strictEqual(protocol.receive(frame({ op: 11 }), 1050)._tag, "None")
    assert.strictEqual(protocol.roundTrip, 40)
  })

  it("any frame answers a heartbeat", () => {
    const protocol = identifying()
    protocol.receive(ready, 0)
    protocol.beats(1000)
    assert.strictEqual(protocol.isAnswered, false)
    protocol.receive(dispatch(2), 1001)
    assert.strictEqual(protocol.isAnswered, true)
    assert.strictEqual(protocol.disconnect(end, 2000, 0).answered, true)
  })

  it("an answer before READY says nothing about the session", () => {
    const protocol = resuming()
    protocol.beats(300)
    protocol.receive(frame({ op: 11 }), 310)
    assert.strictEqual(protocol.disconnect(end, 400, 0).answered, false)
  })
})

describe("a close", () => {
  it("carries its row of the table", () => {
    for (const row of CloseCode.table.values()) {
      const protocol = identifying()
      protocol.closed(row.code, "")
      assert.strictEqual(protocol.disconnect(end, 1, 0).close, row)
    }
  })

  it("without a code is a broken connection", () => {
    const protocol = identifying()
    const error = protocol.closed(1006, "")
    assert.strictEqual(error._tag, "ConnectionLost")
  })
})

describe("the deadline of a handshake", () => {
  const left = (protocol: Protocol, now: number) => {
    const deadline = protocol.deadline(now)
    if (deadline === undefined) return undefined
    return "late" in deadline ? deadline.late.reason : deadline.left
  }

  it("covers the opening of the socket, then HELLO, then a frame, then ends", () => {
    const protocol = identifying()
    assert.strictEqual(left(protocol, 9_999), 1)
    assert.strictEqual(left(protocol, 10_000), "OpenTimeout")
    protocol.opened(1000)
    assert.strictEqual(left(protocol, 20_999), 1)
    assert.strictEqual(left(protocol, 21_000), "HelloTimeout")
    protocol.receive(frame({ op: 10 }), 2000)
    assert.strictEqual(left(protocol, 50_000), undefined)
    protocol.introduced("Identify", 2000)
    assert.strictEqual(left(protocol, 31_999), 1)
    assert.strictEqual(left(protocol, 32_000), "ReadyTimeout")
    protocol.receive(frame({ op: 11 }), 30_000)
    assert.strictEqual(left(protocol, 59_999), 1)
    protocol.receive(ready, 40_000)
    assert.strictEqual(left(protocol, 1e9), undefined)
  })
})

describe("whatever comes", () => {
  const message = fc.oneof(
    fc.string(),
    fc.uint8Array(),
    fc
      .record(
        {
          op: fc.oneof(fc.constantFrom(0, 1, 7, 9, 10, 11), fc.integer()),
          s: fc.oneof(fc.integer(), fc.string()),
          t: fc.constantFrom("READY", "RESUMED", "C2C_MESSAGE_CREATE", ""),
          d: fc.jsonValue()
        },
        { requiredKeys: ["op"] }
      )
      .map((value) => JSON.stringify(value)),
    fc.jsonValue().map((value) => JSON.stringify(value))
  )

  it("is answered by an action, never by a throw, and the facts stay consistent", () => {
    fc.assert(
      fc.property(fc.boolean(), fc.array(message, { maxLength: 30 }), (resumes, messages) => {
        const protocol = resumes ? resuming() : identifying()
        messages.forEach((data, index) => {
          const action = protocol.receive(data, 300 + index)
          assert.isString(action._tag)
        })
        const facts = protocol.disconnect(end, 1000, 0)
        assert.strictEqual(facts.ready, protocol.isReady)
        if (facts.ready) assert.strictEqual(facts.greeted, true)
        assert.isAtLeast(facts.readyFor, 0)
        assert.strictEqual(facts.sinceGreeting === undefined, !facts.greeted)
      })
    )
  })
})
