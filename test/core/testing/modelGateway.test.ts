import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import * as Fault from "../../../packages/core/src/testing/Fault.ts"
import * as PlatformModel from "../../../packages/core/src/testing/model/PlatformModel.ts"
import * as Timers from "../../../packages/core/src/testing/model/Timers.ts"
import * as ModelClient from "./modelClient.ts"

const sequences = (client: ModelClient.ModelClient): ReadonlyArray<number | undefined> =>
  (client.heard() as ReadonlyArray<ModelClient.Frame>).map((frame) => frame.s)

describe("handshake", () => {
  it("greets, makes a session and numbers its events from READY's 1", () => {
    const client = ModelClient.make()
    const connection = client.connect()
    assert.deepStrictEqual<unknown>(client.heard(), [{ op: 10, d: { heartbeat_interval: 41_250 } }])
    client.identify(connection)
    client.say("one")
    client.sayInGroup()
    const [ready, one, two] = client.heard() as ReadonlyArray<ModelClient.Frame>
    assert.deepStrictEqual<unknown>([ready?.op, ready?.t, ready?.s, ready?.id], [0, "READY", 1, undefined])
    assert.deepStrictEqual<unknown>(ready?.d.user, {
      id: "13309745218860471125",
      username: "demo-bot",
      bot: true,
      status: 1
    })
    assert.deepStrictEqual<unknown>(ready?.d.shard, [0, 1])
    assert.deepStrictEqual<unknown>([one?.t, one?.s], ["C2C_MESSAGE_CREATE", 2])
    assert.deepStrictEqual<unknown>([two?.t, two?.s], ["GROUP_AT_MESSAGE_CREATE", 3])
    assert.match(one?.id ?? "", /^C2C_MESSAGE_CREATE:/)
  })

  it("takes a bare token, and an identify without shard and properties", () => {
    const client = ModelClient.make()
    const connection = client.connect()
    client.send(connection, { op: 2, d: { token: client.token(), intents: 0 } })
    const frames = client.heard() as ReadonlyArray<ModelClient.Frame>
    assert.strictEqual(frames[1]?.t, "READY")
  })

  it("opens only on its path", () => {
    const client = ModelClient.make()
    assert.strictEqual(client.model.upgrade(client.now, { path: "/websocket/?x=1" })._tag, "Accept")
    assert.deepStrictEqual<unknown>(client.model.upgrade(client.now, { path: "/" }), {
      _tag: "Refuse",
      status: 404,
      headers: {}
    })
  })

  it("closes on a frame that it cannot parse", () => {
    const cases: ReadonlyArray<readonly [frame: unknown, identified: boolean, code: number]> = [
      [{ op: 1, d: null }, false, 4003],
      [{ op: 99 }, false, 4003],
      [{ op: 3 }, true, 4001],
      ["{", true, 4002],
      ["", true, 4002],
      [{ op: 2, d: { token: "x", intents: "all" } }, false, 4002],
      [{ op: 2, d: { token: "x", intents: 1, shard: [0] } }, false, 4002],
      [{ op: 6, d: { token: "x", session_id: "y" } }, false, 4002],
      [{ op: 6, d: null }, false, 4002]
    ]
    for (const [frame, identified, code] of cases) {
      const client = ModelClient.make()
      const connection = identified ? client.ready().connection : client.connect()
      client.heard()
      client.send(connection, frame)
      assert.deepStrictEqual<unknown>(client.heard(), [{ close: code, on: connection }], JSON.stringify(frame))
    }
    const client = ModelClient.make()
    const binary = client.connect()
    client.heard()
    client.model.received(client.now, binary, new Uint8Array([1, 2]))
    assert.deepStrictEqual<unknown>(client.heard(), [{ close: 4002, on: binary }])
    const { connection } = client.ready()
    client.identify(connection)
    assert.deepStrictEqual<unknown>(client.heard(), [{ close: 4005, on: connection }])
  })

  it("refuses identifies with op 9 and the reason", () => {
    const refused = (
      options: PlatformModel.Options,
      identify: { readonly intents?: number; readonly shard?: unknown },
      fault?: Fault.Fault
    ): unknown => {
      const client = ModelClient.make(options)
      const connection = client.connect()
      client.token()
      if (fault !== undefined) client.inject(fault)
      client.heard()
      client.identify(connection, identify)
      const [invalid, close] = client.heard()
      assert.deepStrictEqual<unknown>(invalid, { op: 9, d: false })
      return (close as { readonly close: number }).close
    }
    assert.strictEqual(refused({}, {}, Fault.tokenRevoked), 4004)
    assert.strictEqual(refused({ grantedIntents: 1 << 0 }, {}), 4014)
    assert.strictEqual(refused({ grantedIntents: 1 << 0, refusedIntentsCode: 4903 }, {}), 4903)
    assert.strictEqual(refused({}, { intents: 1 << 5 }), 4013)
    assert.strictEqual(refused({}, { intents: 2 ** 32 }), 4013)
    assert.strictEqual(refused({}, { shard: [1, 1] }), 4010)
    assert.strictEqual(refused({ sessionLimit: { remaining: 0 } }, {}), 4903)
    assert.strictEqual(refused({}, {}, Fault.ipNotAllowed), 4924)
    assert.strictEqual(refused({}, {}, Fault.refuseIdentifies({ code: 4006 })), 4006)
  })

  it("explains an op 9 later, or never, when told so", () => {
    const client = ModelClient.make({ grantedIntents: 0, explainAfter: 40 })
    const connection = client.connect()
    client.identify(connection)
    client.send(connection, { op: 1, d: null })
    client.pass(39)
    assert.deepStrictEqual<unknown>(client.heard().slice(1), [{ op: 9, d: false }])
    client.pass(1)
    assert.deepStrictEqual<unknown>(client.heard(), [{ close: 4014, on: connection }])
    const silent = ModelClient.make({ grantedIntents: 0, explainAfter: Infinity })
    silent.identify(silent.connect())
    silent.pass(3_600_000)
    assert.deepStrictEqual<unknown>(silent.heard().slice(1), [{ op: 9, d: false }])
  })

  it("spends a session start on every identify with a good token, and notes what comes too fast", () => {
    const client = ModelClient.make({ sessionLimit: { total: 3, maxConcurrency: 1 } })
    const remaining = (): unknown => client.http("GET", "/gateway/bot").body.session_start_limit.remaining
    client.model.closed(client.now, client.ready().connection, 1000)
    assert.strictEqual(remaining(), 2)
    client.pass(4999)
    client.model.closed(client.now, client.ready().connection, 1000)
    client.pass(5000)
    client.model.closed(client.now, client.ready().connection, 1000)
    assert.strictEqual(remaining(), 0)
    client.pass(5000)
    client.identify(client.connect())
    const violations = client.model.journal.filter((entry) => entry.kind === "Violation").map((entry) => entry.of)
    assert.deepStrictEqual<unknown>(violations, ["IdentifyPace", "LateIdentify"])
    const { identifies } = client.model.counters()
    assert.deepStrictEqual<unknown>(
      identifies.map(({ accepted, at }) => [at - ModelClient.start, accepted]),
      [
        [0, true],
        [4999, true],
        [9999, true],
        [14_999, false]
      ]
    )
  })

  it("gives up on a client that does not identify in time", () => {
    const client = ModelClient.make()
    const connection = client.connect()
    client.heard()
    client.pass(29_999)
    assert.deepStrictEqual<unknown>(client.heard(), [])
    client.pass(1)
    assert.deepStrictEqual<unknown>(client.heard(), [{ close: 4009, on: connection }])
  })
})

describe("heartbeats", () => {
  it("acknowledges each, whatever its d, and ends an idle connection but not its session", () => {
    const client = ModelClient.make()
    const { connection, sessionId } = client.ready()
    for (const d of [null, 1, "x", undefined]) client.send(connection, { op: 1, d })
    assert.deepStrictEqual<unknown>(
      client.heard(),
      Array.from({ length: 4 }, () => ({ op: 11 }))
    )
    client.pass(61_874)
    assert.deepStrictEqual<unknown>(client.heard(), [])
    client.send(connection, { op: 1, d: 1 })
    assert.deepStrictEqual<unknown>(client.heard(), [{ op: 11 }])
    client.pass(61_874)
    assert.deepStrictEqual<unknown>(client.heard(), [])
    client.pass(1)
    assert.deepStrictEqual<unknown>(client.heard(), [{ close: 4009, on: connection }])
    client.resume(client.connect(), sessionId, 1)
    const [, resumed] = client.heard() as ReadonlyArray<ModelClient.Frame>
    assert.strictEqual(resumed?.t, "RESUMED")
  })

  it("leaves them unanswered or answers late", () => {
    const client = ModelClient.make()
    const { connection } = client.ready()
    const beat = (): ReadonlyArray<unknown> => {
      client.send(connection, { op: 1, d: 1 })
      return client.heard()
    }
    client.inject(Fault.stopAcks({ beats: 1 }))
    assert.deepStrictEqual<unknown>([beat(), beat()], [[], [{ op: 11 }]])
    client.inject(Fault.delayAcks(200))
    assert.deepStrictEqual<unknown>(beat(), [])
    client.pass(200)
    assert.deepStrictEqual<unknown>(client.heard(), [{ op: 11 }])
    client.inject(Fault.stopAcks())
    assert.deepStrictEqual<unknown>([beat(), beat(), beat()], [[], [], []])
    client.inject(Fault.clear)
    assert.deepStrictEqual<unknown>(beat(), [{ op: 11 }])
    const next = client.ready()
    client.send(next.connection, { op: 1, d: null })
    assert.deepStrictEqual<unknown>(client.heard(), [{ op: 11 }])
  })
})

describe("resume", () => {
  it("replays what came after, then says RESUMED under the next number", () => {
    const client = ModelClient.make()
    const { connection, sessionId } = client.ready()
    for (const text of ["a", "b", "c"]) client.say(text)
    client.model.closed(client.now, connection)
    client.say("d")
    client.heard()
    client.resume(client.connect(), sessionId, 3)
    client.say("e")
    const frames = client.heard().slice(1) as ReadonlyArray<ModelClient.Frame>
    assert.deepStrictEqual<unknown>(
      frames.map((frame) => [frame.s, frame.t, frame.d.content ?? frame.d]),
      [
        [4, "C2C_MESSAGE_CREATE", "c"],
        [5, "C2C_MESSAGE_CREATE", "d"],
        [6, "RESUMED", ""],
        [7, "C2C_MESSAGE_CREATE", "e"]
      ]
    )
    assert.deepStrictEqual<unknown>(
      [client.model.counters().resumesAccepted, client.model.counters().resumesRefused],
      [1, 0]
    )
  })

  it("can be repeated from before an earlier RESUMED", () => {
    const client = ModelClient.make()
    const { connection, sessionId } = client.ready()
    client.say()
    client.model.closed(client.now, connection)
    const second = client.connect()
    client.resume(second, sessionId, 1)
    client.model.closed(client.now, second)
    client.heard()
    client.resume(client.connect(), sessionId, 1)
    assert.deepStrictEqual<unknown>(sequences(client), [undefined, 2, 4])
  })

  it("refuses unknown, ended and forgotten sessions with op 9 and 4006", () => {
    const client = ModelClient.make()
    const refused = (sessionId: string): void => {
      const connection = client.connect()
      client.heard()
      client.resume(connection, sessionId, 1)
      assert.deepStrictEqual<unknown>(client.heard(), [
        { op: 9, d: false },
        { close: 4006, on: connection }
      ])
    }
    refused("never")
    for (const code of [1000, 1001]) {
      const ended = client.ready()
      client.model.closed(client.now, ended.connection, code)
      refused(ended.sessionId)
    }
    const old = client.ready()
    client.model.closed(client.now, old.connection)
    client.pass(1_800_001)
    refused(old.sessionId)
    const silent = client.ready()
    client.inject(Fault.forgetSessions)
    refused(silent.sessionId)
  })

  it("keeps the session of a client that closes without a status or with any other code", () => {
    for (const code of [undefined, 1005, 3000, 4000, 4900]) {
      const client = ModelClient.make()
      const { connection, sessionId } = client.ready()
      client.model.closed(client.now, connection, code)
      client.resume(client.connect(), sessionId, 1)
      const frames = client.heard() as ReadonlyArray<ModelClient.Frame>
      assert.strictEqual(frames[1]?.t, "RESUMED", String(code))
    }
  })

  it("refuses with 4007 a sequence number that is ahead or no longer stored", () => {
    const refusal = (
      options: PlatformModel.Options,
      lost: (client: ModelClient.ModelClient) => void,
      seq: number
    ): unknown => {
      const client = ModelClient.make(options)
      const { connection, sessionId } = client.ready()
      lost(client)
      client.model.closed(client.now, connection)
      client.heard()
      const again = client.connect()
      client.resume(again, sessionId, seq)
      return client.heard().slice(1)
    }
    const say =
      (times: number) =>
      (client: ModelClient.ModelClient): void => {
        for (let index = 0; index < times; index++) client.say()
      }
    const refused = [
      { op: 9, d: false },
      { close: 4007, on: 2 }
    ]
    assert.deepStrictEqual<unknown>(refusal({}, say(1), 3), refused)
    assert.deepStrictEqual<unknown>(refusal({ replayLimit: 2 }, say(4), 2), refused)
    const exact = refusal({ replayLimit: 2 }, say(4), 3) as ReadonlyArray<ModelClient.Frame>
    assert.deepStrictEqual<unknown>(
      exact.map((frame) => frame.s),
      [4, 5, 6]
    )
    const aged = (client: ModelClient.ModelClient): void => {
      client.say()
      for (let minute = 0; minute < 40; minute++) {
        client.send(1, { op: 1, d: 2 })
        client.pass(60_000)
      }
    }
    assert.deepStrictEqual<unknown>(refusal({}, aged, 1), refused)
    const seen = refusal({}, aged, 2) as ReadonlyArray<ModelClient.Frame>
    assert.deepStrictEqual<unknown>(
      seen.map((frame) => frame.t),
      ["RESUMED"]
    )
  })

  it("refuses a bad token without ending the session", () => {
    const client = ModelClient.make()
    const { connection, sessionId } = client.ready()
    client.model.closed(client.now, connection)
    client.inject(Fault.tokenRevoked)
    const refused = client.connect()
    client.heard()
    client.resume(refused, sessionId, 1)
    assert.deepStrictEqual<unknown>(client.heard(), [{ close: 4004, on: refused }])
    client.forgetToken()
    client.resume(client.connect(), sessionId, 1)
    assert.strictEqual((client.heard()[1] as ModelClient.Frame).t, "RESUMED")
  })

  it("moves the session off an older connection with 4902", () => {
    const client = ModelClient.make()
    const { connection, sessionId } = client.ready()
    const second = client.connect()
    client.heard()
    client.resume(second, sessionId, 1)
    assert.deepStrictEqual<unknown>(client.heard()[0], { close: 4902, on: connection })
    client.say()
    assert.deepStrictEqual<unknown>(
      client.outputs().map((output) => output.connection),
      [second]
    )
    assert.deepStrictEqual<unknown>([...client.model.counters().maxConnections], [["0/1", 2]])
    assert.strictEqual(client.model.counters().violations, 1)
  })

  it("keeps events for sessions without a connection, as many and as long as told", () => {
    const client = ModelClient.make({ replayLimit: 3, replayAge: 1000 })
    const { connection } = client.ready()
    client.model.closed(client.now, connection)
    for (let index = 0; index < 5; index++) client.say()
    assert.deepStrictEqual<unknown>(
      client.model.sessions(client.now).map(({ buffered, sequence }) => [buffered, sequence]),
      [[3, 6]]
    )
    client.pass(1001)
    assert.deepStrictEqual<unknown>(client.model.sessions(client.now), [])
  })
})

describe("dispatching", () => {
  it("respects intents, and gives unknown events to everyone", () => {
    const client = ModelClient.make()
    client.ready({ intents: 1 << 26 })
    client.say()
    assert.deepStrictEqual<unknown>(client.heard(), [])
    client.model.dispatch(client.now, "INTERACTION_CREATE", { id: "I1" })
    client.model.dispatch(client.now, "SOMETHING_NEW", { any: 1 })
    assert.deepStrictEqual<unknown>(sequences(client), [2, 3])
  })

  it("parts guilds among shards and gives the rest to shard 0", () => {
    const client = ModelClient.make({ shards: 2, sessionLimit: { maxConcurrency: 2 } })
    const zero = client.ready({ shard: [0, 2], intents: (1 << 25) | 1 })
    const one = client.ready({ shard: [1, 2], intents: (1 << 25) | 1 })
    const odd = ((1n << 22n) | 5n).toString()
    client.say()
    client.model.dispatch(client.now, "GUILD_CREATE", { id: odd })
    client.model.dispatch(client.now, "CHANNEL_CREATE", { guild_id: (2n << 22n).toString() })
    assert.deepStrictEqual<unknown>(
      client.outputs().map((output) => output.connection),
      [zero.connection, one.connection, zero.connection]
    )
  })

  it("shapes messages as the platform does", () => {
    const client = ModelClient.make()
    client.ready()
    const c2c = client.say("hello")
    const group = client.sayInGroup({ at: true, full: true })
    client.sayInGroup({ at: false })
    const [one, at, full, overheard] = (client.heard() as ReadonlyArray<ModelClient.Frame>).map((frame) => frame)
    assert.deepStrictEqual<unknown>(one?.d, {
      id: c2c,
      author: { id: "U1", user_openid: "U1", union_openid: "", username: "", bot: false },
      content: "hello",
      message_type: 0,
      message_scene: { source: "default", ext: ["msg_idx=REFIDX_c2c000000000001="] },
      timestamp: "2026-09-21T10:00:00+08:00"
    })
    assert.deepStrictEqual<unknown>([at?.t, at?.d.id, at?.d.content], ["GROUP_AT_MESSAGE_CREATE", group, " hi"])
    assert.deepStrictEqual<unknown>([full?.t, full?.d.id], ["GROUP_MESSAGE_CREATE", group])
    assert.match(full!.d.content, /^<@[0-9A-F]{32}> hi$/)
    assert.isTrue(full!.d.mentions[0]!.is_you)
    assert.notStrictEqual(at?.id, full?.id)
    assert.deepStrictEqual<unknown>(
      [overheard?.t, overheard?.d.content, overheard?.d.mentions],
      ["GROUP_MESSAGE_CREATE", "hi", []]
    )
    assert.strictEqual(at?.d.author.member_openid, "M1")
    assert.strictEqual(at?.d.group_openid, "G1")
  })

  it("sends nothing twice for one session but to both of two", () => {
    const client = ModelClient.make()
    const first = client.ready()
    const second = client.ready()
    client.say()
    assert.deepStrictEqual<unknown>(
      client.outputs().map((output) => output.connection),
      [first.connection, second.connection]
    )
  })
})

describe("faults of connections", () => {
  const open = (): {
    readonly client: ModelClient.ModelClient
    readonly connection: number
    readonly sessionId: string
  } => {
    const client = ModelClient.make()
    return { client, ...client.ready() }
  }

  it("drops", () => {
    const { client, connection, sessionId } = open()
    client.inject(Fault.drop())
    assert.deepStrictEqual<unknown>(client.heard(), [{ other: "Drop", on: connection }])
    assert.deepStrictEqual<unknown>(client.model.connections(), [])
    assert.deepStrictEqual<unknown>(
      client.model.sessions(client.now).map(({ id }) => id),
      [sessionId]
    )
    client.inject(Fault.drop())
    assert.deepStrictEqual<unknown>(client.heard(), [])
  })

  it("freezes: no frame in or out, and the close of the client is not noticed", () => {
    const { client, connection, sessionId } = open()
    client.inject(Fault.freeze())
    assert.deepStrictEqual<unknown>(client.heard(), [{ other: "Freeze", on: connection }])
    client.send(connection, { op: 1, d: 1 })
    client.say()
    client.inject(Fault.serverHeartbeat())
    client.inject(Fault.binaryFrame)
    assert.deepStrictEqual<unknown>(client.heard(), [])
    assert.strictEqual(client.model.counters().openSockets, 1)
    client.model.closed(client.now, connection, 1000)
    assert.strictEqual(client.model.counters().openSockets, 0)
    const next = client.connect()
    client.heard()
    client.resume(next, sessionId, 1)
    assert.deepStrictEqual<unknown>(sequences(client), [2, 3])
    assert.deepStrictEqual<unknown>([...client.model.counters().maxConnections], [["0/1", 1]])
    assert.deepStrictEqual<unknown>(client.model.connections(), [next])
  })

  it("gives a frozen connection up in silence", () => {
    const { client, connection } = open()
    client.inject(Fault.freeze())
    client.heard()
    client.pass(61_875)
    assert.deepStrictEqual<unknown>(client.heard(), [])
    assert.deepStrictEqual<unknown>(client.model.connections(), [])
    assert.strictEqual(client.model.counters().openSockets, 1)
    client.model.closed(client.now, connection)
    assert.strictEqual(client.model.counters().openSockets, 0)
  })

  it("asks for a reconnect, and closes when it is not followed", () => {
    const { client, connection } = open()
    client.inject(Fault.reconnect({ thenClose: { code: 4009, after: 3000 } }))
    assert.deepStrictEqual<unknown>(client.heard(), [{ op: 7 }])
    client.pass(3000)
    assert.deepStrictEqual<unknown>(client.heard(), [{ close: 4009, on: connection }])
  })

  it("calls the session invalid", () => {
    const { client, connection, sessionId } = open()
    client.inject(Fault.invalidSession(true))
    assert.deepStrictEqual<unknown>(client.heard(), [{ op: 9, d: true }])
    assert.lengthOf(client.model.sessions(client.now), 1)
    client.inject(Fault.invalidSession(false, { thenClose: { code: 4006 } }))
    assert.deepStrictEqual<unknown>(client.heard(), [
      { op: 9, d: false },
      { close: 4006, on: connection }
    ])
    client.resume(client.connect(), sessionId, 1)
    assert.deepStrictEqual<unknown>(client.heard()[1], { op: 9, d: false })
  })

  it("closes with any code, and ends the session where it cannot be resumed", () => {
    const kept = (code: number): boolean => {
      const { client } = open()
      client.inject(Fault.close(code))
      return client.model.sessions(client.now).length === 1
    }
    for (const code of [1000, 1001, 1005, 1006, 1011, 1012, 4004, 4008, 4009]) assert.isTrue(kept(code), String(code))
    for (const code of [4000, 4001, 4006, 4007, 4014, 4902, 4913, 4915, 4924, 4999])
      assert.isFalse(kept(code), String(code))
  })

  it("sends what no client can read", () => {
    const { client } = open()
    for (const fault of [
      Fault.notJson,
      Fault.notAFrame,
      Fault.emptyFrame,
      Fault.binaryFrame,
      Fault.unknownOpcode,
      Fault.hugeFrame(1000),
      Fault.serverHeartbeat()
    ]) {
      client.inject(fault)
    }
    const outputs = client.outputs()
    assert.deepStrictEqual<unknown>(
      outputs.map((output) => output._tag),
      ["Frame", "Frame", "Frame", "Binary", "Frame", "Frame", "Frame"]
    )
    const huge = outputs[5]
    assert.strictEqual(huge?._tag === "Frame" ? huge.text.length : 0, 1000)
    assert.isBelow(JSON.stringify(client.model.journal).length, 10_000)
    client.inject(Fault.hugeFrame())
    const [largest] = client.outputs()
    assert.strictEqual(largest?._tag === "Frame" ? largest.text.length : 0, 64 * 1024 * 1024 + 1)
  })

  it("takes one of two connections", () => {
    const client = ModelClient.make()
    const first = client.ready()
    const second = client.ready()
    client.inject(Fault.close(4009, { connection: second.connection }))
    assert.deepStrictEqual<unknown>(client.heard(), [{ close: 4009, on: second.connection }])
    assert.deepStrictEqual<unknown>(client.model.connections(), [first.connection])
  })

  it("makes sessions deaf, resumes included, until a new identify", () => {
    const { client, connection, sessionId } = open()
    client.inject(Fault.deafen)
    client.say()
    client.send(connection, { op: 1, d: 1 })
    assert.deepStrictEqual<unknown>(client.heard(), [{ op: 11 }])
    client.model.closed(client.now, connection)
    const again = client.connect()
    client.resume(again, sessionId, 1)
    client.heard()
    client.say()
    assert.deepStrictEqual<unknown>(client.heard(), [])
    client.model.closed(client.now, again, 1000)
    client.ready()
    client.say()
    assert.deepStrictEqual<unknown>(sequences(client), [2])
  })
})

describe("faults of connecting", () => {
  it("keeps the socket from opening, one after the other", () => {
    const client = ModelClient.make()
    client.inject(Fault.unreachable())
    client.inject(Fault.silentUpgrade())
    client.inject(Fault.refuseUpgrade(429, { retryAfter: 3, times: 2 }))
    const answers = Array.from({ length: 5 }, () => client.model.upgrade(client.now, { path: "/websocket" }))
    assert.deepStrictEqual<unknown>(
      answers.map((answer) => answer._tag),
      ["Unreachable", "Silence", "Refuse", "Refuse", "Accept"]
    )
    assert.deepStrictEqual<unknown>(answers[2], { _tag: "Refuse", status: 429, headers: { "retry-after": "3" } })
    assert.strictEqual(client.model.counters().openSockets, 1)
  })

  it("ends connections at each moment", () => {
    const client = ModelClient.make()
    client.inject(Fault.acceptThenClose({ moment: "open" }))
    assert.deepStrictEqual<unknown>([client.connect(), client.heard()], [1, [{ other: "Drop", on: 1 }]])
    client.inject(Fault.acceptThenClose({ code: 1011 }))
    assert.deepStrictEqual<unknown>([client.connect(), client.heard().slice(1)], [2, [{ close: 1011, on: 2 }]])
    client.inject(Fault.acceptThenClose({ code: 4009, moment: "ready", after: 100 }))
    client.ready()
    client.pass(100)
    assert.deepStrictEqual<unknown>(client.heard(), [{ close: 4009, on: 3 }])
  })

  it("says HELLO with anything, or not at all", () => {
    const client = ModelClient.make()
    for (const value of [null, -1, "45000", 1e12, {}]) {
      client.inject(Fault.hello(value))
      client.connect()
      assert.deepStrictEqual<unknown>(client.heard(), [{ op: 10, d: { heartbeat_interval: value } }])
    }
    client.inject(Fault.noHello())
    const connection = client.connect()
    client.pass(600_000)
    assert.notInclude(
      client.outputs().map((output) => output.connection),
      connection
    )
    assert.include(client.model.connections(), connection)
  })

  it("expects the heartbeats that its HELLO asked for", () => {
    const client = ModelClient.make()
    client.inject(Fault.hello(600_000))
    const { connection } = client.ready()
    client.pass(899_999)
    assert.deepStrictEqual<unknown>(client.heard(), [])
    client.pass(1)
    assert.deepStrictEqual<unknown>(client.heard(), [{ close: 4009, on: connection }])
  })

  it("refuses and ignores resumes and identifies", () => {
    const client = ModelClient.make()
    const { connection, sessionId } = client.ready()
    client.model.closed(client.now, connection)
    const attempt = (): ReadonlyArray<unknown> => {
      const next = client.connect()
      client.heard()
      client.resume(next, sessionId, 1)
      return client.heard()
    }
    client.inject(Fault.ignoreResumes())
    assert.deepStrictEqual<unknown>(attempt(), [])
    client.inject(Fault.refuseResumes({ invalidSession: false, code: 4902 }))
    assert.deepStrictEqual<unknown>(attempt(), [{ close: 4902, on: 3 }])
    assert.deepStrictEqual<unknown>(attempt(), [
      { op: 9, d: false },
      { close: 4006, on: 4 }
    ])
    client.inject(Fault.ignoreIdentifies())
    const ignored = client.connect()
    client.heard()
    client.identify(ignored)
    client.pass(600_000)
    assert.notInclude(
      client.outputs().map((output) => output.connection),
      ignored
    )
    client.inject(Fault.refuseIdentifies())
    const refused = client.connect()
    client.heard()
    client.identify(refused)
    assert.deepStrictEqual<unknown>(client.heard(), [{ op: 9, d: false }])
  })
})

describe("faults of dispatches", () => {
  const numbered = (client: ModelClient.ModelClient): ReadonlyArray<readonly [number | undefined, string]> =>
    (client.heard() as ReadonlyArray<ModelClient.Frame>).map((frame) => [frame.s, frame.d.content])

  it("duplicates, under the same number and a new one", () => {
    const client = ModelClient.make()
    client.ready()
    client.inject(Fault.duplicate())
    client.inject(Fault.duplicate({ fresh: true }))
    for (const text of ["a", "b", "c"]) client.say(text)
    assert.deepStrictEqual<unknown>(numbered(client), [
      [2, "a"],
      [2, "a"],
      [3, "b"],
      [4, "b"],
      [5, "c"]
    ])
  })

  it("reorders, and lets a held one go by itself", () => {
    const client = ModelClient.make()
    client.ready()
    client.inject(Fault.reorder())
    client.say("a")
    assert.deepStrictEqual<unknown>(client.heard(), [])
    client.say("b")
    client.say("c")
    assert.deepStrictEqual<unknown>(numbered(client), [
      [3, "b"],
      [2, "a"],
      [4, "c"]
    ])
    client.inject(Fault.reorder({ within: 50 }))
    client.say("d")
    client.pass(50)
    assert.deepStrictEqual<unknown>(numbered(client), [[5, "d"]])
  })

  it("reorders in pairs when it lasts", () => {
    const client = ModelClient.make()
    client.ready()
    client.inject(Fault.reorder({ times: 2 }))
    for (const text of ["a", "b", "c", "d"]) client.say(text)
    assert.deepStrictEqual<unknown>(
      numbered(client).map(([, text]) => text),
      ["b", "a", "d", "c"]
    )
  })

  it("skips numbers without losing events", () => {
    const client = ModelClient.make()
    const { connection, sessionId } = client.ready()
    client.inject(Fault.skipSequence({ by: 3 }))
    client.say("a")
    client.say("b")
    assert.deepStrictEqual<unknown>(numbered(client), [
      [5, "a"],
      [6, "b"]
    ])
    client.model.closed(client.now, connection)
    client.resume(client.connect(), sessionId, 1)
    assert.deepStrictEqual<unknown>(sequences(client), [undefined, 5, 6, 7])
  })

  it("brings twins, which share one budget", () => {
    const client = ModelClient.make({ windows: { group: { duration: 1000, replies: 1 } } })
    client.ready()
    client.inject(Fault.twin())
    const id = client.sayInGroup()
    client.sayInGroup()
    const frames = client.heard() as ReadonlyArray<ModelClient.Frame>
    assert.deepStrictEqual<unknown>(
      frames.map((frame) => frame.t),
      ["GROUP_AT_MESSAGE_CREATE", "GROUP_MESSAGE_CREATE", "GROUP_AT_MESSAGE_CREATE"]
    )
    assert.deepStrictEqual<unknown>([frames[0]?.d.id, frames[1]?.d.id], [id, id])
    const reply = (seq: number): unknown =>
      client.http("POST", "/v2/groups/G1/messages", { content: "x", msg_id: id, msg_seq: seq }).body.code
    assert.deepStrictEqual<unknown>([reply(1), reply(2)], [undefined, 40034128])
    // The platform may push a message again; that opens no new budget.
    client.model.dispatch(client.now, "GROUP_MESSAGE_CREATE", { id, group_openid: "G1" })
    assert.strictEqual(reply(3), 40034128)
  })

  it("replays more than it was asked for", () => {
    const client = ModelClient.make()
    const { connection, sessionId } = client.ready()
    for (let index = 0; index < 4; index++) client.say()
    client.model.closed(client.now, connection)
    client.heard()
    client.inject(Fault.replayMore(2))
    client.resume(client.connect(), sessionId, 4)
    assert.deepStrictEqual<unknown>(sequences(client), [undefined, 3, 4, 5, 6])
  })
})

describe("the record", () => {
  it("holds both directions and no token or secret", () => {
    const client = ModelClient.make()
    const { connection, sessionId } = client.ready()
    const id = client.say("hi")
    client.reply(id, 1)
    client.inject(Fault.drop())
    client.resume(client.connect(), sessionId, 2)
    const text = JSON.stringify([client.model.journal, client.model.sent, client.model.sessions(client.now)])
    assert.notInclude(text, ModelClient.secret)
    for (const token of client.model.issuedTokens()) assert.notInclude(text, token)
    assert.lengthOf(client.model.issuedTokens(), 1)
    const kinds = client.model.journal.map((entry) => entry.kind)
    for (const kind of ["Upgrade", "Opened", "Closed", "Received", "Sent", "Request", "Said", "Accepted", "Fault"]) {
      assert.include(kinds, kind)
    }
    const [message] = client.model.sent
    assert.deepStrictEqual<unknown>(message, {
      at: client.now,
      scene: "c2c",
      target: "U1",
      id: message!.id,
      content: "yes",
      msgType: 0,
      msgId: id,
      msgSeq: 1,
      body: { msg_type: 0, content: "yes", msg_id: id, msg_seq: 1 }
    })
    assert.strictEqual(connection, 1)
  })

  it("forgets its oldest entries", () => {
    const client = ModelClient.make({ journalLimit: 16 })
    for (let index = 0; index < 100; index++) client.say()
    assert.isAtMost(client.model.journal.length, 16)
    assert.isAtLeast(client.model.journal.length, 14)
    assert.strictEqual(client.model.counters().journalDropped + client.model.journal.length, 100)
  })

  it("is the same for the same calls, byte for byte, whatever they are", () => {
    type Step = (client: ModelClient.ModelClient) => void
    const faults: ReadonlyArray<Fault.Fault> = [
      Fault.drop(),
      Fault.freeze(),
      Fault.stopAcks(),
      Fault.delayAcks(10),
      Fault.reconnect({ thenClose: { code: 4009, after: 100 } }),
      Fault.invalidSession(false),
      Fault.close(4006),
      Fault.duplicate(),
      Fault.reorder(),
      Fault.skipSequence(),
      Fault.twin(),
      Fault.acceptThenClose(),
      Fault.refuseResumes(),
      Fault.tokenRevoked,
      Fault.clear
    ]
    const step: fc.Arbitrary<Step> = fc.oneof(
      fc.constantFrom<Step>(
        (client) => void client.say(),
        (client) => void client.sayInGroup(),
        (client) => void client.http("GET", "/gateway/bot"),
        (client) => client.forgetToken()
      ),
      fc.integer({ min: 0, max: 100_000 }).map<Step>((millis) => (client) => client.pass(millis)),
      fc.constantFrom(...faults).map<Step>((fault) => (client) => client.inject(fault)),
      fc.constant<Step>((client) => {
        const upgrade = client.model.upgrade(client.now, { path: "/websocket" })
        if (upgrade._tag === "Accept") client.model.opened(client.now, upgrade.connection)
      }),
      fc.nat(9).map<Step>((connection) => (client) => client.identify(connection)),
      fc.tuple(fc.nat(9), fc.nat(9)).map<Step>(
        ([connection, seq]) =>
          (client) =>
            client.resume(connection, client.model.sessions(client.now)[0]?.id ?? "none", seq)
      ),
      fc.nat(9).map<Step>((connection) => (client) => client.send(connection, { op: 1, d: null })),
      fc.tuple(fc.nat(9), fc.json()).map<Step>(
        ([connection, text]) =>
          (client) =>
            client.send(connection, text)
      ),
      fc.nat(9).map<Step>((connection) => (client) => client.model.closed(client.now, connection)),
      fc.json().map<Step>((body) => (client) => void client.http("POST", "/v2/users/U1/messages", body))
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const play = (): string => {
          const client = ModelClient.make()
          const outputs: Array<unknown> = []
          for (const run of steps) {
            run(client)
            outputs.push(client.model.drain())
          }
          const counters = client.model.counters()
          assert.isAtMost(client.model.connections().length, 60)
          assert.isAtLeast(counters.openSockets, 0)
          return JSON.stringify([client.model.journal, outputs, counters, client.model.sessions(client.now)])
        }
        assert.strictEqual(play(), play())
      }),
      { numRuns: 200 }
    )
  })

  it("never gives two events of a session one number or a lower one, and loses none over resumes", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom("say", "leave", "come", "pass"), { maxLength: 80 }), (steps) => {
        const client = ModelClient.make()
        let { connection, sessionId } = client.ready()
        let isConnected = true
        let last = 1
        let said = 0
        const got: Array<string> = []
        const listen = (): void => {
          for (const frame of client.heard() as ReadonlyArray<ModelClient.Frame>) {
            if (frame.s === undefined) continue
            assert.isAbove(frame.s, last)
            last = frame.s
            if (frame.t === "C2C_MESSAGE_CREATE") got.push(frame.d.content)
          }
        }
        const come = (): void => {
          connection = client.connect()
          client.resume(connection, sessionId, last)
          isConnected = true
        }
        for (const step of steps) {
          if (step === "say") client.say(String(said++))
          if (step === "pass") client.pass(1000)
          if (step === "leave" && isConnected) {
            client.model.closed(client.now, connection)
            isConnected = false
          }
          if (step === "come" && !isConnected) come()
          listen()
        }
        if (!isConnected) come()
        listen()
        assert.deepStrictEqual<unknown>(
          got,
          Array.from({ length: said }, (_, index) => String(index))
        )
      }),
      { numRuns: 200 }
    )
  })
})

describe("time", () => {
  it("names the next thing to do, and does nothing that is not due", () => {
    const client = ModelClient.make()
    assert.isUndefined(client.model.nextWake())
    client.connect()
    assert.strictEqual(client.model.nextWake(), client.now + 30_000)
    client.heard()
    client.model.wake(client.now + 29_999)
    assert.deepStrictEqual<unknown>(client.heard(), [])
    client.model.wake(client.now + 30_000)
    assert.lengthOf(client.heard(), 1)
    assert.isUndefined(client.model.nextWake())
  })

  it("runs timers in order of time, and of arrival for equal times", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20)), fc.nat(20), (times, now) => {
        const timers = Timers.make()
        const done: Array<readonly [at: number, index: number]> = []
        times.forEach((at, index) => timers.schedule(at, () => done.push([at, index])))
        timers.wake(now)
        const due = times.map((at, index) => [at, index] as const).filter(([at]) => at <= now)
        due.sort((a, b) => a[0] - b[0] || a[1] - b[1])
        assert.deepStrictEqual(done, due)
        const left = times.filter((at) => at > now)
        assert.strictEqual(timers.next(), left.length === 0 ? undefined : Math.min(...left))
      })
    )
  })

  it("does what was due before a call that comes late", () => {
    const client = ModelClient.make()
    const { connection } = client.ready()
    client.inject(Fault.reconnect({ thenClose: { code: 4009, after: 100 } }))
    client.now += 1000
    client.say()
    assert.deepStrictEqual<unknown>(client.heard(), [{ op: 7 }, { close: 4009, on: connection }])
  })

  it("is a new platform each time", () => {
    const one = PlatformModel.make()
    const two = PlatformModel.make()
    one.say(0, { scene: "c2c", user: "U", text: "x" })
    assert.lengthOf(one.journal, 1)
    assert.lengthOf(two.journal, 0)
  })
})
