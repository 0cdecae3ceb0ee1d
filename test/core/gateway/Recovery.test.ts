import * as Duration from "effect/Duration"
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import * as CloseCode from "../../../packages/core/src/gateway/CloseCode.ts"
import {
  CredentialsRejected,
  GatewayUnavailable,
  HeartbeatTimeout,
  IpNotAllowed,
  type Phase,
  ReconnectRequested,
  SessionInvalid
} from "../../../packages/core/src/gateway/GatewayError.ts"
import * as Disconnect from "../../../packages/core/src/gateway/Disconnect.ts"
import * as History from "../../../packages/core/src/gateway/History.ts"
import * as SessionPolicy from "../../../packages/core/src/gateway/SessionPolicy.ts"
import * as Ends from "../../support/ends.ts"

const times = <A>(n: number, make: (index: number) => A): ReadonlyArray<A> =>
  Array.from({ length: n }, (_, i) => make(i))

const greetedOnce: History.History = { ...History.empty, everGreeted: true }
const readyOnce: History.History = { ...greetedOnce, everReady: true }

const unavailable = (reason: GatewayUnavailable["reason"] = "Malformed", retryAfter?: Duration.Duration) =>
  Ends.refused({ error: new GatewayUnavailable({ of: "Metadata", reason, detail: "", retryAfter }) })

const one = (end: Disconnect.Disconnect, history = readyOnce) => {
  const [first] = Ends.walk([end], { history })
  assert(first)
  return first
}

describe("the reconnect ladder", () => {
  it("has the rungs 1, 2, 5, 10, 30, 60 and then 60 for ever", () => {
    assert.deepStrictEqual(Ends.waits(times(9, () => Ends.ordinary())), [1, 2, 5, 10, 30, 60, 60, 60, 60])
  })

  it("starts over after 30 s of Ready with an answered beat, not at READY", () => {
    const row = [...times(4, () => Ends.ordinary()), Ends.stable(), Ends.ordinary()]
    assert.deepStrictEqual(Ends.waits(row), [1, 2, 5, 10, 1, 2])
    const readyOnly = [...times(4, () => Ends.ordinary()), Ends.ordinary({ readyFor: 29_999, answered: true })]
    assert.deepStrictEqual(Ends.waits(readyOnly), [1, 2, 5, 10, 30])
  })

  it("does not start over after a long Ready whose beats were never answered", () => {
    const row = [...times(4, () => Ends.ordinary()), Ends.stable({ answered: false })]
    assert.deepStrictEqual(Ends.waits(row), [1, 2, 5, 10, 30])
  })

  it("climbs on heartbeat time-outs too", () => {
    const dead = Ends.ordinary({
      error: new HeartbeatTimeout({ interval: Duration.seconds(41), silence: Duration.seconds(50) }),
      readyFor: 20_000
    })
    assert.deepStrictEqual(Ends.waits([dead, dead, dead]), [1, 2, 5])
  })
})

describe("the start-up ladder", () => {
  it("has the rungs 5, 10, 30, 60 while no HELLO was ever received", () => {
    assert.deepStrictEqual(Ends.waits(times(6, () => Ends.refused())), [5, 10, 30, 60, 60, 60])
  })

  it("serves missing and malformed metadata at any time", () => {
    assert.deepStrictEqual(
      Ends.waits(
        times(5, () => unavailable()),
        { history: readyOnce }
      ),
      [5, 10, 30, 60, 60]
    )
  })

  it("ends with the first HELLO, and the reconnect ladder begins at its first rung", () => {
    assert.deepStrictEqual(Ends.waits([Ends.refused(), Ends.refused(), Ends.ordinary(), Ends.refused()]), [5, 10, 1, 2])
  })

  it("waits 60 s at once when the platform is asked too often", () => {
    assert.deepStrictEqual(Ends.waits([unavailable("RateLimited"), unavailable("RateLimited")]), [60, 60])
  })

  it("waits as long as the platform says", () => {
    assert.deepStrictEqual(Ends.waits([unavailable("RateLimited", Duration.seconds(90))]), [90])
  })
})

describe("the identify ladder", () => {
  const identified = (readyFor: number) =>
    Ends.closed(4006, "Ready", { sent: "Identify", readyFor, sinceGreeting: readyFor, answered: true })

  it("climbs with each identify although every session was stable", () => {
    assert.deepStrictEqual(Ends.waits(times(7, () => identified(60_000))), [1, 2, 5, 10, 30, 60, 60])
  })

  it("starts over after ten minutes of Ready", () => {
    assert.deepStrictEqual(
      Ends.waits([identified(60_000), identified(60_000), identified(600_000), identified(60_000)]),
      [1, 2, 1, 1]
    )
  })

  it("from the third identify in ten minutes waits for its share of the budget", () => {
    const seconds = Ends.waits([identified(60_000), identified(60_000)], {
      remaining: 100,
      resetAfter: Duration.hours(1)
    })
    assert.deepStrictEqual(seconds, [1, 36])
  })
})

describe("quick disconnects", () => {
  it("three in a row wait 60 s, and the ladder stays on its last rung", () => {
    assert.deepStrictEqual(Ends.waits(times(7, () => Ends.quick())), [1, 2, 60, 60, 60, 60, 60])
  })

  it("an end that lived longer breaks the row", () => {
    assert.deepStrictEqual(
      Ends.waits([Ends.quick(), Ends.quick(), Ends.ordinary(), Ends.quick(), Ends.quick(), Ends.quick()]),
      [1, 2, 5, 10, 30, 60]
    )
    assert.strictEqual(Ends.walk([Ends.quick(), Ends.quick(), Ends.ordinary()])[2]?.history.quick, 0)
  })

  it("an end that never got a HELLO neither counts nor breaks the row", () => {
    assert.deepStrictEqual(Ends.waits([Ends.quick(), Ends.refused(), Ends.quick(), Ends.quick()]), [1, 2, 5, 60])
  })

  it("the penalty is monotone: what follows it is no shorter, until the ladder starts over", () => {
    const row = [Ends.quick(), Ends.quick(), Ends.quick(), Ends.ordinary(), Ends.quick(), Ends.stable(), Ends.quick()]
    assert.deepStrictEqual(Ends.waits(row), [1, 2, 60, 60, 60, 1, 2])
  })

  it("do not include a reconnect that the server asked for, however soon it comes", () => {
    const asked = (at: number) => Ends.reconnectAsked({ sinceGreeting: 100, readyFor: 100, at })
    const row = Ends.walk([asked(1000), asked(100_000), asked(200_000), asked(300_000)])
    assert.deepStrictEqual(
      row.map(({ seconds }) => seconds),
      [0, 0, 0, 0]
    )
    assert.strictEqual(row[3]?.history.quick, 0)
  })

  it("counts from the latest of HELLO, READY and RESUMED", () => {
    const policy = SessionPolicy.defaults
    assert.isTrue(Disconnect.isQuick(policy, Ends.ordinary({ sinceGreeting: 4999 })))
    assert.isFalse(Disconnect.isQuick(policy, Ends.ordinary({ sinceGreeting: 5000 })))
  })
})

describe("a reconnect that the server asks for", () => {
  it("op 7 resumes at once and is no failure", () => {
    const { decision, seconds } = one(Ends.reconnectAsked())
    assert.deepInclude(decision, { _tag: "Reconnect", drop: false, ladder: "Requested" })
    assert.strictEqual(seconds, 0)
  })

  it("4009 resumes like op 7", () => {
    assert.deepInclude(one(Ends.closed(4009)).decision, { _tag: "Reconnect", drop: false, ladder: "Requested" })
  })

  it("4009 identifies on the ladder under the strict reading", () => {
    const [step] = Ends.walk([Ends.closed(4009)], { history: readyOnce, policy: { expiredSession: "identify" } })
    assert.deepInclude(step?.decision, { _tag: "Reconnect", drop: true, ladder: "Reconnect" })
  })

  it("a second one within 60 s takes the ladder", () => {
    const row = [1, 31, 61, 91].map((second) => Ends.reconnectAsked({ at: second * 1000 }))
    assert.deepStrictEqual(Ends.waits(row, { history: readyOnce }), [0, 1, 2, 5])
  })

  it("one every half hour never does", () => {
    const row = times(48, (i) =>
      Ends.closed(4009, "Ready", { at: (i + 1) * 1_800_000, readyFor: 1_800_000, answered: true })
    )
    assert.deepStrictEqual(
      Ends.walk(row, { history: readyOnce, session: { startedAt: 0, lastDispatchAt: 1e9 } }).map(
        ({ seconds }) => seconds
      ),
      times(48, () => 0)
    )
  })
})

describe("op 9", () => {
  it("waits 3 s the first time, then as long as the ladder says", () => {
    const row = times(5, () => Ends.invalid(true))
    assert.deepStrictEqual(Ends.waits(row, { history: readyOnce }), [3, 3, 5, 10, 30])
  })

  it("d:true keeps the session, d:false drops it", () => {
    assert.deepInclude(one(Ends.invalid(true)).decision, { _tag: "Reconnect", drop: false })
    assert.deepInclude(one(Ends.invalid(false)).decision, { _tag: "Reconnect", drop: true })
  })

  it("d:false drops the session whatever close code follows", () => {
    for (const code of [1000, 1006, 4004, 4008, 4009]) {
      const { decision } = one(Ends.closed(code, "Ready", { invalidSession: false }))
      assert.deepInclude(decision, { _tag: "Reconnect", drop: true }, String(code))
    }
  })
})

describe("resuming", () => {
  const unconfirmed = Ends.ordinary({
    phase: "Resuming",
    ready: false,
    confirmed: false,
    progressed: false,
    readyFor: 0
  })

  it("is tried once more when it was not confirmed, then given up", () => {
    assert.deepStrictEqual(
      Ends.walk([unconfirmed, unconfirmed], { history: readyOnce }).map(({ identifies }) => identifies),
      [false, true]
    )
  })

  it("is not counted when the address is refused: that says nothing about the session", () => {
    const refusedAddress = Ends.closed(4924, "Resuming")
    const steps = Ends.walk([refusedAddress, refusedAddress, unconfirmed, unconfirmed], { history: readyOnce })
    assert.deepStrictEqual(
      steps.map(({ identifies }) => identifies),
      [false, false, false, true]
    )
  })

  it("is given up at once when it is refused", () => {
    assert.isTrue(one(Ends.invalid(false, { phase: "Resuming", ready: false, confirmed: false })).identifies)
    for (const code of Ends.everyCloseCode.filter((code) => code >= 4000 && ![4004, 4008, 4009].includes(code))) {
      const { decision } = one(Ends.closed(code, "Resuming"))
      assert.isTrue(decision._tag !== "Reconnect" || decision.drop, String(code))
    }
  })

  it("botnodesdk_94_4902_loop: reset by resume identifies at once", () => {
    assert.deepInclude(one(Ends.closed(4902, "Resuming")).decision, { _tag: "Reconnect", drop: true })
  })

  it("a confirmed one forgives an unconfirmed one before it", () => {
    const row = [unconfirmed, Ends.ordinary(), unconfirmed]
    assert.deepStrictEqual(
      Ends.walk(row, { history: readyOnce }).map(({ identifies }) => identifies),
      [false, false, false]
    )
  })

  it("five within 300 s that brought neither a dispatch nor an ACK drop the session", () => {
    const fruitless = (at: number) => Ends.ordinary({ progressed: false, at })
    const soon = [10, 70, 130, 190, 250].map((second) => fruitless(second * 1000))
    assert.deepStrictEqual(
      Ends.walk(soon, { history: readyOnce }).map(({ identifies }) => identifies),
      [false, false, false, false, true]
    )
    const slow = [10, 110, 210, 310, 410].map((second) => fruitless(second * 1000))
    assert.isTrue(Ends.walk(slow, { history: readyOnce }).every(({ identifies }) => !identifies))
  })

  it("hermes_17990_a_drop_every_minute: resumes that bring something go on for ever", () => {
    const row = times(500, (i) => Ends.stable({ at: (i + 1) * 61_000 }))
    assert.isTrue(
      Ends.walk(row, { history: readyOnce, session: { startedAt: 0, lastDispatchAt: 1e9 } }).every(
        ({ identifies }) => !identifies
      )
    )
  })

  it("a session older than a day is dropped at a quiet moment", () => {
    const at = Duration.toMillis("24 hours")
    const quietFor = (millis: number) =>
      Ends.walk([Ends.stable({ at })], {
        history: readyOnce,
        session: { startedAt: 0, lastDispatchAt: at - millis }
      })[0]
    assert.isTrue(quietFor(60_000)?.identifies)
    assert.isFalse(quietFor(59_999)?.identifies)
  })

  it("our own retirement of an old session costs no rung", () => {
    const old = Ends.stable({ error: new SessionInvalid({ resumable: false, by: "Age", detail: "" }) })
    const { decision } = one(old)
    assert.deepInclude(decision, { _tag: "Reconnect", drop: true, ladder: "None" })
    assert.deepStrictEqual(Ends.waits([old, Ends.ordinary()], { history: readyOnce }), [0, 1])
  })
})

describe("credentials", () => {
  const wrong = Ends.refused({ error: new CredentialsRejected({ code: 100016, detail: "" }) })

  it("three refusals in a row stop a bot that was never Ready", () => {
    const steps = Ends.walk([wrong, wrong, wrong], { session: undefined })
    assert.deepStrictEqual(
      steps.map(({ decision }) => decision._tag),
      ["Reconnect", "Reconnect", "Stop"]
    )
  })

  it("later they make it look again every ten minutes", () => {
    const steps = Ends.walk([wrong, wrong, wrong, wrong], { history: readyOnce })
    assert.deepStrictEqual(
      steps.map(({ decision, seconds }) => [decision._tag, seconds]),
      [
        ["Reconnect", 5],
        ["Reconnect", 10],
        ["Probe", 600],
        ["Probe", 600]
      ]
    )
  })

  it("4004 refetches the token and resumes once, then identifies on the ladder, then stops", () => {
    const no = Ends.closed(4004, "Resuming")
    const steps = Ends.walk([no, no, no], { history: greetedOnce })
    assert.deepInclude(steps[0]?.decision, { _tag: "Reconnect", drop: false, refreshToken: true })
    assert.deepInclude(steps[1]?.decision, { _tag: "Reconnect", drop: true, refreshToken: true })
    assert.deepInclude(steps[2]?.decision, { _tag: "Stop" })
  })

  it("an address that is not allowed stops at once, or is looked at again after a first READY", () => {
    const no = Ends.refused({ error: new IpNotAllowed({ code: 11298, detail: "" }) })
    assert.strictEqual(one(no, History.empty).decision._tag, "Stop")
    assert.strictEqual(one(no).decision._tag, "Probe")
    assert.strictEqual(one(Ends.closed(4924, "Identifying"), History.empty).decision._tag, "Stop")
  })
})

describe("every close code in every state", () => {
  const expected = (code: number, phase: Phase): { readonly tag: string; readonly drop: boolean | undefined } => {
    const row = CloseCode.lookup(code)
    // another connection has the session: it is taken back once
    if (row.takenOver === true && phase === "Ready") return { tag: "Reconnect", drop: false }
    switch (row.recovery) {
      case "resume":
      case "expired":
      case "refresh-token":
      case "slow-down":
        return { tag: "Reconnect", drop: false }
      case "identify":
      case "client-error":
        return { tag: "Reconnect", drop: phase !== "Identifying" }
      case "misconfigured":
        return { tag: "Reconnect", drop: phase !== "Identifying" }
      case "refused-intents":
        return { tag: "Refused", drop: undefined }
      case "not-allowed":
        return { tag: "Probe", drop: undefined }
      case "fatal":
        return { tag: "Stop", drop: undefined }
    }
  }
  for (const phase of ["Ready", "Resuming", "Identifying"] as const) {
    for (const code of Ends.everyCloseCode) {
      it(`${code} while ${phase}`, () => {
        const session = phase === "Identifying" ? undefined : { startedAt: 0, lastDispatchAt: 0 }
        const [step] = Ends.walk([Ends.closed(code, phase)], { history: readyOnce, session })
        const { drop, tag } = expected(code, phase)
        assert.strictEqual(step?.decision._tag, tag)
        if (step?.decision._tag === "Reconnect") assert.strictEqual(step.decision.drop, drop)
      })
    }
  }

  it("4008 waits 60 s", () => assert.strictEqual(one(Ends.closed(4008)).seconds, 60))

  it("4001 and 4002 stop at the second time, before the first READY", () => {
    for (const [first, second] of [
      [4001, 4001],
      [4002, 4001]
    ] as const) {
      const steps = Ends.walk([Ends.closed(first, "Identifying"), Ends.closed(second, "Identifying")], {
        history: greetedOnce
      })
      assert.deepStrictEqual(
        steps.map(({ decision }) => decision._tag),
        ["Reconnect", "Stop"]
      )
    }
  })

  it("4010 to 4012 stop at once, before the first READY", () => {
    for (const code of [4010, 4011, 4012]) {
      assert.strictEqual(one(Ends.closed(code, "Identifying"), greetedOnce).decision._tag, "Stop")
    }
  })

  it("an unknown 4xxx identifies; any other unknown code keeps the session", () => {
    assert.deepInclude(one(Ends.closed(4777)).decision, { _tag: "Reconnect", drop: true })
    assert.deepInclude(one(Ends.closed(3001)).decision, { _tag: "Reconnect", drop: false })
  })
})

describe("wishes of our own", () => {
  it("a full inbox and the caller neither wait nor count", () => {
    for (const by of ["Inbox", "Caller"] as const) {
      const { decision, history, seconds } = one(
        Ends.ordinary({ error: new ReconnectRequested({ by }), confirmed: false, progressed: false, sinceGreeting: 10 })
      )
      assert.deepInclude(decision, { _tag: "Reconnect", drop: false, ladder: "None" })
      assert.strictEqual(seconds, 0)
      assert.deepInclude(history, { quick: 0, unconfirmedResumes: 0, fruitlessResumesAt: [] })
      assert.deepStrictEqual(
        Ends.waits([Ends.ordinary({ error: new ReconnectRequested({ by }) }), Ends.ordinary()]),
        [0, 1]
      )
    }
  })
})

describe("any row of ends", () => {
  const anyEnd: fc.Arbitrary<Disconnect.Disconnect> = fc.oneof(
    fc
      .constantFrom(...Ends.everyCloseCode)
      .chain((code) =>
        fc.constantFrom<Phase>("Ready", "Resuming", "Identifying").map((phase) => Ends.closed(code, phase))
      ),
    fc.constantFrom(Ends.ordinary(), Ends.quick(), Ends.stable(), Ends.refused(), Ends.reconnectAsked()),
    fc.boolean().map((resumable) => Ends.invalid(resumable)),
    fc.constant(unavailable()),
    fc.constant(unavailable("RateLimited"))
  )

  it("never waits less than nothing, nor longer than ten minutes, and gives up only on refusals", () => {
    fc.assert(
      fc.property(fc.array(anyEnd, { maxLength: 60 }), (ends) => {
        for (const { decision, seconds } of Ends.walk(ends)) {
          if (decision._tag === "Stop") {
            assert.include(["GatewayRejected", "CredentialsRejected", "IpNotAllowed"], decision.refusal._tag)
          } else {
            assert.isAtLeast(seconds, 0)
            assert.isAtMost(seconds, 600)
          }
        }
      })
    )
  })

  it("never resumes a session that was refused", () => {
    fc.assert(
      fc.property(fc.array(anyEnd, { maxLength: 30 }), fc.constantFrom(4006, 4007, 4902, 4903), (before, code) => {
        const steps = Ends.walk([...before, Ends.closed(code, "Resuming")], { history: readyOnce })
        assert.isTrue(steps.at(-1)?.identifies)
      })
    )
  })

  it("without a stable connection the ladder never goes down", () => {
    const failing = fc.constantFrom(Ends.ordinary(), Ends.quick(), Ends.refused(), Ends.closed(1011))
    fc.assert(
      fc.property(fc.array(failing, { minLength: 2, maxLength: 20 }), (ends) => {
        const seconds = Ends.waits(ends, { history: readyOnce })
        for (let i = 1; i < seconds.length; i++) assert.isAtLeast(seconds[i] ?? 0, seconds[i - 1] ?? 0)
      })
    )
  })

  it("keeps its memory bounded", () => {
    fc.assert(
      fc.property(fc.array(anyEnd, { minLength: 1, maxLength: 200 }), (ends) => {
        const history = Ends.walk(ends.map((end, i) => ({ ...end, at: (i + 1) * 10_000 }))).at(-1)?.history
        assert.isAtMost(history?.identifiedAt.length ?? 0, 61)
        assert.isAtMost(history?.fruitlessResumesAt.length ?? 0, 31)
      })
    )
  })
})

describe("a bot that was online", () => {
  const refusals = {
    "op 9": Ends.closed(1000, "Identifying", { invalidSession: false }),
    "op 9 without a close frame": Ends.ordinary({
      error: new SessionInvalid({ resumable: false, by: "InvalidSession", detail: "op 9, d: false" }),
      sent: "Identify",
      ready: false,
      phase: "Identifying",
      readyFor: 0,
      invalidSession: false
    }),
    ...Object.fromEntries([4903, 4001, 4002, 4010, 4011, 4012].map((code) => [code, Ends.closed(code, "Identifying")]))
  }

  for (const [name, refusal] of Object.entries(refusals)) {
    it(`is never ended by ${name}: it takes the identify ladder, then a probe every 10 min, with a hint`, () => {
      const steps = Ends.walk(
        times(12, (index) => ({ ...refusal, at: (index + 1) * 60_000 })),
        { history: readyOnce, session: undefined }
      )
      assert.deepStrictEqual(
        steps.map(({ decision }) => decision._tag),
        [...times(6, () => "Reconnect" as const), ...times(6, () => "Probe" as const)]
      )
      const floor = refusal.invalidSession === undefined ? 0 : 3
      assert.deepStrictEqual(
        steps.map(({ seconds }) => seconds),
        [...[1, 2, 5, 10, 30, 60].map((rung) => Math.max(rung, floor)), ...times(6, () => 600)]
      )
      const last = steps.at(-1)?.decision
      assert.isTrue(last?._tag === "Probe" && last.refusal.hint !== "")
    })
  }

  it("is ended by intents that are invalid or not permitted, and by what no reconnect can change", () => {
    for (const code of [4013, 4014]) assert.strictEqual(one(Ends.closed(code, "Identifying")).decision._tag, "Refused")
    for (const code of [4015, 4914, 4915]) {
      assert.strictEqual(one(Ends.closed(code, "Identifying")).decision._tag, "Stop")
    }
  })

  it("counts refusals anew after a READY", () => {
    const refusal = Ends.closed(4903, "Identifying")
    const ends = [...times(6, () => refusal), Ends.stable({ sent: "Identify" }), refusal]
    assert.strictEqual(Ends.walk(ends, { history: readyOnce, session: undefined }).at(-1)?.decision._tag, "Reconnect")
  })
})

describe("a bot that was never online", () => {
  const refusal = Ends.closed(4903, "Identifying")

  const decisions = (ends: ReadonlyArray<Disconnect.Disconnect>) =>
    Ends.walk(ends, { history: greetedOnce, session: undefined }).map(({ decision }) => decision._tag)

  it("is refused for good only after refusals that went on for 10 min", () => {
    const at = (minutes: number) => ({ ...refusal, at: 1000 + minutes * 60_000 })
    assert.deepStrictEqual(decisions([at(0), at(0.1), at(9.9)]), ["Reconnect", "Reconnect", "Reconnect"])
    assert.deepStrictEqual(decisions([at(0), at(5), at(10)]), ["Reconnect", "Reconnect", "Refused"])
  })

  it("is not refused by an op 9 that 4004, 4008 or 4924 explains", () => {
    for (const code of [4004, 4008]) {
      const explained = Ends.closed(code, "Identifying", { invalidSession: false })
      assert.isFalse(Disconnect.isIdentifyRefused(explained), String(code))
    }
    assert.isFalse(Disconnect.isIdentifyRefused(Ends.closed(4924, "Identifying", { invalidSession: false })))
    assert.isTrue(Disconnect.isIdentifyRefused(Ends.closed(4009, "Identifying", { invalidSession: false })))
  })
})
