import { assert, describe, it } from "vitest"
import * as Fault from "../../../packages/core/src/testing/Fault.ts"
import * as ModelClient from "./modelClient.ts"

const tokenRequest = (client: ModelClient.ModelClient, body: unknown): ModelClient.HttpAnswer =>
  client.http("POST", "/app/getAppAccessToken", body, {})

const credentials = (client: ModelClient.ModelClient): object => ({
  appId: client.model.appId,
  clientSecret: ModelClient.secret
})

const me = (client: ModelClient.ModelClient, token: string): number =>
  client.http("GET", "/users/@me", "", { authorization: `QQBot ${token}` }).status

describe("tokens", () => {
  it("gives the same token until its last minute, then another while the old one stays good", () => {
    const client = ModelClient.make()
    const first = tokenRequest(client, credentials(client)).body
    assert.strictEqual(first.expires_in, "7200")
    client.pass(7_139_000)
    const same = tokenRequest(client, credentials(client)).body
    assert.deepStrictEqual<unknown>(same, { access_token: first.access_token, expires_in: "61" })
    client.pass(1000)
    const second = tokenRequest(client, credentials(client)).body
    assert.notStrictEqual(second.access_token, first.access_token)
    assert.strictEqual(second.expires_in, "7200")
    assert.deepStrictEqual<unknown>([me(client, first.access_token), me(client, second.access_token)], [200, 200])
    client.pass(60_000)
    assert.deepStrictEqual<unknown>([me(client, first.access_token), me(client, second.access_token)], [401, 200])
    assert.deepStrictEqual<unknown>(client.model.issuedTokens(), [first.access_token, second.access_token])
  })

  it("gives expires_in as a number when told to", () => {
    const client = ModelClient.make({ expiresInAsString: false, tokenLifetime: 90_000 })
    assert.strictEqual(tokenRequest(client, credentials(client)).body.expires_in, 90)
  })

  it("refuses with HTTP 200 and a code", () => {
    const client = ModelClient.make()
    const { appId } = client.model
    const cases: ReadonlyArray<readonly [unknown, number]> = [
      [{ appId, clientSecret: "wrong" }, 100016],
      [{ appId: "not-a-number", clientSecret: ModelClient.secret }, 100007],
      ["no json", 100007],
      ["null", 100007],
      [{ appId: "42", clientSecret: ModelClient.secret }, 10004]
    ]
    for (const [body, code] of cases) {
      const answer = tokenRequest(client, body)
      assert.deepStrictEqual<unknown>(
        [answer.status, answer.body.code, answer.body.access_token],
        [200, code, undefined]
      )
    }
  })

  it("takes back revoked tokens", () => {
    const client = ModelClient.make()
    const token = client.token()
    client.inject(Fault.tokenRevoked)
    const refused = client.http("GET", "/users/@me")
    assert.deepStrictEqual<unknown>([refused.status, refused.body.code], [401, 11244])
    client.forgetToken()
    assert.notStrictEqual(client.token(), token)
    assert.strictEqual(client.http("GET", "/users/@me").status, 200)
  })
})

describe("authorisation", () => {
  it("wants a token with its scheme", () => {
    const client = ModelClient.make()
    const token = client.token()
    const code = (headers: Readonly<Record<string, string>>): unknown =>
      client.http("GET", "/users/@me", "", headers).body.code
    assert.strictEqual(code({}), 11241)
    assert.strictEqual(code({ authorization: token }), 11244)
    assert.strictEqual(code({ authorization: `Bot ${token}` }), 11244)
    assert.strictEqual(code({ authorization: `QQBot ${token}x` }), 11244)
    assert.strictEqual(code({ authorization: `QQBot ${token}` }), undefined)
  })

  it("knows the allow-list, and has nothing against the token endpoint", () => {
    const client = ModelClient.make()
    client.inject(Fault.ipNotAllowed)
    client.token()
    const refused = client.http("GET", "/gateway/bot")
    assert.deepStrictEqual<unknown>([refused.status, refused.body.code, refused.body.err_code], [401, 11298, 40023002])
    client.inject(Fault.clear)
    assert.strictEqual(client.http("GET", "/gateway/bot").status, 200)
  })

  it("gives every answer a trace id, and errors the same one in the body", () => {
    const client = ModelClient.make()
    const one = client.http("GET", "/users/@me", "", {})
    const two = client.http("GET", "/users/@me")
    assert.strictEqual(one.headers["x-tps-trace-id"], one.body.trace_id)
    assert.notStrictEqual(one.headers["x-tps-trace-id"], two.headers["x-tps-trace-id"])
  })

  it("is strict about paths and methods", () => {
    const client = ModelClient.make()
    assert.strictEqual(client.http("GET", "/gateway/").status, 404)
    assert.strictEqual(client.http("GET", "/v2/nowhere").status, 404)
    assert.strictEqual(client.http("PUT", "/gateway").status, 405)
    assert.strictEqual(client.http("GET", "/websocket/").status, 426)
    assert.strictEqual(client.http("GET", "/gateway?x=%").status, 200)
    assert.strictEqual(client.http("POST", "/v2/users/%E0%A4/messages", { content: "x" }).status, 200)
  })
})

describe("metadata", () => {
  it("says where the gateway is and what may still be started", () => {
    const client = ModelClient.make({
      shards: 2,
      sessionLimit: { total: 5, remaining: 3, resetAfter: 1000, maxConcurrency: 2 }
    })
    assert.deepStrictEqual<unknown>(client.http("GET", "/gateway").body, { url: "wss://api.bot.qq.com/websocket" })
    assert.deepStrictEqual<unknown>(client.http("GET", "/gateway/bot").body, {
      url: "wss://api.bot.qq.com/websocket",
      shards: 2,
      session_start_limit: { total: 5, remaining: 3, reset_after: 1000, max_concurrency: 2 }
    })
    client.identify(client.connect())
    assert.strictEqual(client.http("GET", "/gateway/bot").body.session_start_limit.remaining, 2)
    client.pass(1000)
    assert.deepStrictEqual<unknown>(client.http("GET", "/gateway/bot").body.session_start_limit, {
      total: 5,
      remaining: 5,
      reset_after: 86_400_000,
      max_concurrency: 2
    })
  })

  it("limits to a burst of ten and two a minute", () => {
    const client = ModelClient.make()
    const ask = (): ModelClient.HttpAnswer => client.http("GET", "/gateway/bot")
    for (let index = 0; index < 10; index++) assert.strictEqual(ask().status, 200)
    const refused = ask()
    assert.deepStrictEqual<unknown>([refused.status, refused.body.code, refused.body.err_code], [400, 100017, 40023001])
    client.pass(29_000)
    assert.strictEqual(ask().status, 400)
    client.pass(1000)
    assert.deepStrictEqual<unknown>([ask().status, ask().status], [200, 400])
  })

  it("has no limiter when told so, and one more refusal when a fault says so", () => {
    const client = ModelClient.make({ metadataLimit: false })
    for (let index = 0; index < 50; index++) assert.strictEqual(client.http("GET", "/gateway").status, 200)
    client.inject(Fault.rateLimitMetadata())
    assert.strictEqual(client.http("GET", "/gateway").body.code, 100017)
    assert.strictEqual(client.http("GET", "/gateway").status, 200)
  })
})

describe("HTTP faults", () => {
  it("strikes one request of its endpoint and no other", () => {
    const client = ModelClient.make()
    client.inject(Fault.http("metadata", Fault.status(503, { code: 50001, message: "busy" })))
    assert.strictEqual(client.http("GET", "/users/@me").status, 200)
    const struck = client.http("GET", "/gateway")
    assert.deepStrictEqual<unknown>([struck.status, struck.body.code, struck.body.message], [503, 50001, "busy"])
    assert.strictEqual(client.http("GET", "/gateway").status, 200)
  })

  it("gives any body, or none", () => {
    const client = ModelClient.make()
    client.inject(Fault.http("metadata", Fault.html(502)))
    client.inject(Fault.http("metadata", Fault.body(200, "null")))
    client.inject(Fault.http("metadata", Fault.status(500)))
    client.inject(Fault.http("metadata", Fault.status(429, { code: 1, retryAfter: 7 })))
    const page = client.http("GET", "/gateway")
    assert.deepStrictEqual<unknown>([page.status, page.headers["content-type"]], [502, "text/html"])
    assert.match(page.text, /^<html>/)
    assert.strictEqual(client.http("GET", "/gateway").text, "null")
    const empty = client.http("GET", "/gateway")
    assert.deepStrictEqual<unknown>([empty.status, empty.text], [500, ""])
    assert.strictEqual(client.http("GET", "/gateway").headers["retry-after"], "7")
  })

  it("breaks off before or after the platform did what was asked", () => {
    const client = ModelClient.make()
    const path = "/v2/users/U1/messages"
    const attempt = (content: string): string => client.answer("POST", path, { content })._tag
    client.inject(Fault.http("send", Fault.reset({ accepted: false })))
    client.inject(Fault.http("send", Fault.reset({ accepted: true })))
    client.inject(Fault.http("send", Fault.hang({ accepted: false })))
    client.inject(Fault.http("send", Fault.hang({ accepted: true })))
    client.inject(Fault.http("send", Fault.refused))
    const tags = ["a", "b", "c", "d", "e"].map(attempt)
    assert.deepStrictEqual<unknown>(tags, ["Reset", "Reset", "Hang", "Hang", "Reset"])
    assert.deepStrictEqual<unknown>(
      client.model.sent.map((message) => message.content),
      ["b", "d"]
    )
  })

  it("answers late, as often as told, until it is cleared", () => {
    const client = ModelClient.make()
    client.inject(Fault.http("any", Fault.slow(700), { times: Infinity }))
    assert.strictEqual(client.http("GET", "/gateway").after, 700)
    assert.strictEqual(client.http("GET", "/users/@me").after, 700)
    client.inject(Fault.clear)
    assert.strictEqual(client.http("GET", "/users/@me").after, 0)
  })
})

describe("sending", () => {
  it("answers a message within its window, as often as its budget says", () => {
    const client = ModelClient.make()
    const id = client.say()
    client.pass(3_600_000)
    for (let seq = 1; seq <= 4; seq++) {
      const answer = client.reply(id, seq)
      assert.strictEqual(answer.status, 200)
      assert.match(answer.body.id, /^ROBOT1\.0_/)
      assert.match(answer.body.ext_info.ref_idx, /^REFIDX_/)
      assert.strictEqual(answer.body.timestamp, "2026-09-21T11:00:00+08:00")
    }
    assert.deepStrictEqual<unknown>([client.reply(id, 5).status, client.reply(id, 5).body.code], [400, 40034128])
    client.pass(1)
    assert.strictEqual(client.reply(id, 6).body.code, 40034005)
    const group = client.sayInGroup()
    const replyInGroup = (seq: number): unknown =>
      client.http("POST", "/v2/groups/G1/messages", { content: "x", msg_id: group, msg_seq: seq }).body.code
    for (let seq = 1; seq <= 5; seq++) assert.isUndefined(replyInGroup(seq))
    assert.strictEqual(replyInGroup(6), 40034128)
    client.pass(300_001)
    assert.strictEqual(replyInGroup(7), 40034005)
  })

  it("takes each pair of message and sequence number once", () => {
    const client = ModelClient.make()
    const id = client.say()
    assert.strictEqual(client.reply(id).status, 200)
    assert.strictEqual(client.reply(id).body.code, 40054005)
    assert.strictEqual(client.reply(id, 1).body.code, 40054005)
    assert.strictEqual(client.reply(id, 2).status, 200)
    assert.deepStrictEqual<unknown>(
      client.model.sent.map((message) => message.msgSeq),
      [1, 2]
    )
  })

  it("does not burn the number of a refused attempt, and knows a delivered one after the budget is spent", () => {
    const client = ModelClient.make()
    const id = client.say()
    assert.strictEqual(client.reply(id, 1, { content: "" }).body.code, 50006)
    for (let seq = 1; seq <= 4; seq++) assert.strictEqual(client.reply(id, seq).status, 200)
    assert.strictEqual(client.reply(id, 4).body.code, 40054005)
    assert.strictEqual(client.reply(id, 5).body.code, 40034128)
  })

  it("refuses ids that are unknown, foreign or the bot's own", () => {
    const client = ModelClient.make()
    const foreign = client.model.say(client.now, { scene: "c2c", user: "U2", text: "mine" })
    const own = client.reply(client.say()).body.id as string
    for (const id of ["nonsense", foreign, own, client.sayInGroup()]) {
      assert.strictEqual(client.reply(id).body.code, 40034024)
    }
  })

  it("answers some events by their id", () => {
    const client = ModelClient.make()
    const reply = (eventId: string, seq?: number): unknown =>
      client.http("POST", "/v2/users/U1/messages", { content: "x", event_id: eventId, msg_seq: seq }).body.code
    const friend = client.model.dispatch(client.now, "FRIEND_ADD", { openid: "U1", timestamp: 1 })
    assert.isUndefined(reply(friend))
    assert.strictEqual(reply(friend), 40054005)
    assert.isUndefined(reply(friend, 2))
    const gone = client.model.dispatch(client.now, "FRIEND_DEL", { openid: "U1", timestamp: 1 })
    assert.strictEqual(reply(gone), 40034027)
    assert.strictEqual(reply("FRIEND_ADD:never"), 40034025)
    client.pass(3_600_001)
    assert.strictEqual(reply(friend, 3), 40034026)
  })

  it("sends proactively where that is allowed, within its limits", () => {
    const client = ModelClient.make({ proactiveLimit: { perMinute: 2, perDay: 3 } })
    const send = (user: string): unknown =>
      client.http("POST", `/v2/users/${user}/messages`, { content: "x" }).body.code
    client.model.allowProactive("c2c", "U9", false)
    assert.strictEqual(send("U9"), 40034105)
    assert.deepStrictEqual<unknown>(
      [send("U1"), send("U1"), send("U1"), send("U2")],
      [undefined, undefined, 40034100, undefined]
    )
    client.pass(60_000)
    assert.deepStrictEqual<unknown>([send("U1"), send("U1")], [undefined, 40034100])
    client.pass(60_000)
    assert.strictEqual(send("U1"), 40034100)
    client.pass(86_400_000)
    client.forgetToken()
    assert.isUndefined(send("U1"))
    const closed = ModelClient.make({ proactive: false })
    assert.strictEqual(closed.http("POST", "/v2/groups/G1/messages", { content: "x" }).body.code, 40034105)
    closed.model.allowProactive("group", "G1", true)
    assert.strictEqual(closed.http("POST", "/v2/groups/G1/messages", { content: "x" }).status, 200)
  })

  it("looks at the body", () => {
    const client = ModelClient.make({ maximumContent: 10 })
    const cases: ReadonlyArray<readonly [unknown, number | undefined]> = [
      ["{", 12002],
      ["[]", 12002],
      [{ msg_type: "0", content: "x" }, 12002],
      [{ msg_type: 0, content: 7 }, 12002],
      [{ msg_type: 0 }, 50006],
      [{ content: "01234567890" }, 40054007],
      [{ msg_type: 2, markdown: { content: "# hi" } }, undefined],
      [{ msg_type: 2, markdown: { custom_template_id: "t" } }, undefined],
      [{ msg_type: 2, markdown: {} }, 40034011],
      [{ msg_type: 2, markdown: { content: "# hi" }, content: "x" }, 22006],
      [{ msg_type: 7, media: { file_info: "never handed out" } }, 304080],
      [{ msg_type: 7, media: {} }, 22006],
      [{ msg_type: 3, ark: { template_id: 23 } }, undefined],
      [{ msg_type: 4 }, 22006],
      [{ content: "x", msg_seq: 1.5 }, 12002],
      [{ content: "x", msg_seq: 2 ** 31 }, 12002],
      [{ content: "x", msg_id: "a", event_id: "b" }, 12002],
      [{ content: "x", msg_id: 7 }, 12002],
      [{ content: "x", is_wakeup: true }, 40034123]
    ]
    for (const [body, code] of cases) {
      assert.strictEqual(client.http("POST", "/v2/users/U1/messages", body).body.code, code, JSON.stringify(body))
    }
  })

  it("accepts typing notices, which are not shown but count as replies", () => {
    const client = ModelClient.make()
    const id = client.say()
    const notice = { msg_type: 6, content: undefined, input_notify: { input_type: 1, input_second: 60 } }
    for (let seq = 1; seq <= 4; seq++) assert.isUndefined(client.reply(id, seq, notice).body.id)
    assert.strictEqual(client.reply(id, 5).body.code, 40034128)
    assert.lengthOf(client.model.sent, 0)
    const inGroup = client.http("POST", "/v2/groups/G1/messages", { ...notice, msg_id: client.sayInGroup() })
    assert.strictEqual(inGroup.body.code, 22006)
    assert.strictEqual(client.http("POST", "/v2/users/U1/messages", notice).body.code, 40034024)
  })

  it("holds messages back for their audit", () => {
    const client = ModelClient.make()
    client.ready({ intents: (1 << 25) | (1 << 27) })
    const id = client.say()
    client.heard()
    client.inject(Fault.audit("pass", { after: 500 }))
    client.inject(Fault.audit("reject"))
    const passing = client.reply(id, 1)
    const failing = client.http("POST", "/v2/users/U1/messages", { content: "x" })
    assert.deepStrictEqual<unknown>([passing.status, passing.body.code], [202, 304024])
    assert.deepStrictEqual<unknown>([failing.status, failing.body.code], [202, 304023])
    assert.lengthOf(client.model.sent, 0)
    client.pass(1000)
    const events = client.heard() as ReadonlyArray<ModelClient.Frame>
    assert.deepStrictEqual<unknown>(
      events.map((frame) => [frame.t, frame.d.audit_id, frame.d.message_id]),
      [
        ["MESSAGE_AUDIT_PASS", passing.body.data.message_audit.audit_id, client.model.sent[0]?.id],
        ["MESSAGE_AUDIT_REJECT", failing.body.data.message_audit.audit_id, undefined]
      ]
    )
    assert.lengthOf(client.model.sent, 1)
    assert.strictEqual(client.reply(id, 1).body.code, 40054005)
  })

  it("recalls the bot's own messages for two minutes", () => {
    const client = ModelClient.make()
    const id = client.reply(client.say(), 1).body.id as string
    const late = client.reply(client.say(), 1).body.id as string
    const recall = (target: string, which: string): unknown =>
      client.http("DELETE", `/v2/users/${target}/messages/${which}`).body.code
    assert.strictEqual(recall("U2", id), 40061002)
    client.pass(120_000)
    assert.isUndefined(recall("U1", id))
    assert.strictEqual(client.model.sent[0]?.recalledAt, client.now)
    assert.strictEqual(recall("U1", id), 40061002)
    client.pass(1)
    assert.strictEqual(recall("U1", late), 40064004)
  })

  it("acknowledges an interaction once", () => {
    const client = ModelClient.make()
    client.model.dispatch(client.now, "INTERACTION_CREATE", { id: "I1", type: 11, user_openid: "U1" })
    client.model.dispatch(client.now, "INTERACTION_CREATE", { id: "I2", type: 11, user_openid: "U1" })
    assert.strictEqual(client.http("PUT", "/interactions/I1", { code: 9 }).body.code, 630001)
    const answer = client.http("PUT", "/interactions/I1", { code: 0 })
    assert.deepStrictEqual<unknown>([answer.status, answer.text], [204, ""])
    assert.strictEqual(client.http("PUT", "/interactions/I1", { code: 0 }).body.code, 630001)
    assert.strictEqual(client.http("PUT", "/interactions/none", { code: 0 }).body.code, 630001)
    client.pass(3001)
    assert.strictEqual(client.http("PUT", "/interactions/I2", { code: 0 }).status, 204)
    const acknowledged = client.model.journal.filter((entry) => entry.kind === "Acknowledged")
    assert.deepStrictEqual<unknown>(
      acknowledged.map((entry) => entry.late),
      [false, true]
    )
  })

  it("writes timestamps of a clock that is off", () => {
    const client = ModelClient.make()
    client.inject(Fault.clockSkew(3_600_000))
    assert.strictEqual(client.reply(client.say(), 1).body.timestamp, "2026-09-21T11:00:00+08:00")
  })
})
