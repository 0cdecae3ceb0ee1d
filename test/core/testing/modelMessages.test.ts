import * as Encoding from "effect/Encoding"
import * as fc from "fast-check"
import * as Crypto from "node:crypto"
import { assert, describe, it } from "vitest"
import * as Intents from "../../../packages/core/src/gateway/Intents.ts"
import * as Fault from "../../../packages/core/src/testing/Fault.ts"
import type { JournalEntry } from "../../../packages/core/src/testing/model/Journal.ts"
import type * as PlatformModel from "../../../packages/core/src/testing/model/PlatformModel.ts"
import * as ModelClient from "./modelClient.ts"

const { DIRECT_MESSAGE, GUILD_MEMBERS, GUILD_MESSAGES, MESSAGE_AUDIT, PUBLIC_GUILD_MESSAGES } = Intents.Intent
const everything =
  ModelClient.groupAndC2c | DIRECT_MESSAGE | GUILD_MEMBERS | GUILD_MESSAGES | MESSAGE_AUDIT | PUBLIC_GUILD_MESSAGES

/** A client with a session that nobody needs to keep up, so that guilds take its messages. */
const online = (options?: PlatformModel.Options): ModelClient.ModelClient => {
  const client = ModelClient.make({ heartbeatTolerance: 1_000_000, ...options })
  client.ready({ intents: everything })
  return client
}

const user = "/v2/users/U1/messages"
const group = "/v2/groups/G1/messages"
const channel = "/channels/C1/messages"
const direct = "/dms/D1/messages"

/** The codes of the answers, and those that were expected, each beside its request. */
const codes = (
  client: ModelClient.ModelClient,
  cases: ReadonlyArray<readonly [path: string, body: unknown, code: number | undefined]>
): [got: ReadonlyArray<unknown>, expected: ReadonlyArray<unknown>] => [
  cases.map(([path, body]) => [path, body, client.http("POST", path, body).body.code]),
  cases
]

const entries = <Kind extends JournalEntry["kind"]>(
  client: ModelClient.ModelClient,
  kind: Kind
): ReadonlyArray<Extract<JournalEntry, { readonly kind: Kind }>> =>
  client.model.journal.filter((entry): entry is Extract<JournalEntry, { readonly kind: Kind }> => entry.kind === kind)

const said = (client: ModelClient.ModelClient, more?: { readonly at?: boolean; readonly full?: boolean }): string =>
  client.model.say(client.now, { scene: "channel", channel: "C1", user: "E1", text: "a < b & c", ...more })

const whispered = (client: ModelClient.ModelClient): string =>
  client.model.say(client.now, { scene: "dm", guild: "D1", user: "E1", text: "psst" })

describe("guilds", () => {
  it("tell what users say in channels and in private", () => {
    const client = online()
    const id = said(client, { full: true })
    const secret = whispered(client)
    const frames = client.heard() as ReadonlyArray<ModelClient.Frame>
    const details = frames.map(({ d, t }) => {
      const { author, channel_id, content, direct_message, guild_id, id } = d as unknown as Record<string, unknown>
      return { t, id, content, channel_id, guild_id, direct_message, author: (author as { readonly id: string }).id }
    })
    const inChannel = { id, channel_id: "C1", guild_id: "5821904417736650213", direct_message: undefined, author: "E1" }
    const content = "<@!13309745218860471125> a &lt; b &amp; c"
    assert.deepStrictEqual<unknown>(details, [
      { t: "AT_MESSAGE_CREATE", content, ...inChannel },
      { t: "MESSAGE_CREATE", content, ...inChannel },
      {
        t: "DIRECT_MESSAGE_CREATE",
        id: secret,
        content: "psst",
        channel_id: "D10",
        guild_id: "D1",
        direct_message: true,
        author: "E1"
      }
    ])
    assert.notStrictEqual(id, secret)
    assert.deepStrictEqual<unknown>(
      entries(client, "Said").map(({ scene, target }) => [scene, target]),
      [
        ["channel", "C1"],
        ["channel", "C1"],
        ["dm", "D1"]
      ]
    )
  })

  it("answer with the message, and take any number of replies for five minutes", () => {
    const client = online({ channelRate: 100 })
    const id = said(client)
    const first = client.http("POST", channel, { content: "yes", msg_id: id })
    assert.strictEqual(first.status, 200)
    assert.deepInclude(JSON.parse(first.text), {
      channel_id: "C1",
      guild_id: "5821904417736650213",
      content: "yes",
      timestamp: "2026-09-21T10:00:00+08:00"
    })
    client.pass(300_000)
    for (let count = 0; count < 20; count++) {
      assert.strictEqual(client.http("POST", channel, { content: "again", msg_id: id, msg_seq: 1 }).status, 200)
    }
    client.pass(1)
    const late = client.http("POST", channel, { content: "late", msg_id: id })
    // the older shape: no err_code, and a business error with 500
    assert.deepStrictEqual<unknown>(
      [late.status, JSON.parse(late.text)],
      [500, { code: 304027, message: "reply message id is expired" }]
    )
    const secret = whispered(client)
    assert.strictEqual(client.http("POST", direct, { content: "yes", msg_id: secret }).status, 200)
    assert.strictEqual(client.http("POST", channel, { content: "yes", msg_id: secret }).body.code, 304026)
    assert.strictEqual(client.http("POST", "/dms/D2/messages", { content: "yes", msg_id: secret }).body.code, 304026)
    const seen = client.model.sent
    assert.lengthOf(seen, 22)
    assert.deepInclude(seen[0], { scene: "channel", target: "C1", content: "yes", msgType: 0, msgId: id })
    assert.notProperty(seen[0], "msgSeq")
    assert.deepInclude(seen[21], { scene: "dm", target: "D1", msgId: secret })
  })

  it("need a session that is connected", () => {
    const client = ModelClient.make()
    const send = (path: string): readonly [number, number] => {
      const { body, status } = client.http("POST", path, { content: "x" })
      return [status, body.code]
    }
    assert.deepStrictEqual(send(channel), [500, 304018])
    assert.deepStrictEqual(send(direct), [500, 304018])
    assert.strictEqual(client.http("POST", user, { content: "x" }).status, 200)
    client.ready()
    assert.strictEqual(send(channel)[0], 200)
    client.inject(Fault.drop())
    assert.deepStrictEqual(send(channel), [500, 304018])
    const lenient = ModelClient.make({ guildNeedsSession: false })
    assert.strictEqual(lenient.http("POST", channel, { content: "x" }).status, 200)
  })

  it("look at the body", () => {
    const client = online({ channelRate: 100, guildProactiveLimit: { perChannel: 100 } })
    assert.deepStrictEqual(
      ...codes(client, [
        [channel, "{", 12002],
        [channel, {}, 50006],
        [channel, { content: 7 }, 12002],
        [channel, { content: "x" }, undefined],
        [channel, { image: "https://example.com/a.png" }, undefined],
        [channel, { image: "a.png" }, 12002],
        [channel, { embed: { title: "t", fields: [{ name: "n" }] } }, undefined],
        [channel, { embed: {} }, 12002],
        [channel, { ark: { template_id: 24, kv: [] } }, undefined],
        [channel, { ark: { kv: [] } }, 12002],
        [channel, { markdown: { content: "# hi" } }, undefined],
        [channel, { markdown: { content: "# hi" }, content: "x" }, 50037],
        [channel, { markdown: {} }, 12002],
        [channel, { content: "x", message_reference: {} }, 12002],
        [channel, { content: "x", message_reference: { message_id: "m" } }, undefined],
        [channel, { content: "x", msg_id: "never said" }, 304026]
      ])
    )
    assert.deepStrictEqual(
      client.model.sent.map(({ msgType }) => msgType),
      [0, 7, 4, 3, 2, 0]
    )
  })

  it("limit proactive messages by channel, by guild, by user and by day", () => {
    const client = online({ channelRate: 100, guildProactiveLimit: { perChannel: 3 } })
    const send = (path: string): unknown => client.http("POST", `${path}/messages`, { content: "x" }).body.code
    // both are known to be in one guild once somebody has said something there
    for (const where of ["C1", "C2", "C3"]) {
      client.model.say(client.now, { scene: "channel", channel: where, user: "E1", text: "x" })
    }
    assert.deepStrictEqual<unknown>(
      [1, 2, 3, 4].map(() => send("/channels/C1")),
      [undefined, undefined, undefined, 304045]
    )
    assert.deepStrictEqual<unknown>([send("/channels/C2"), send("/channels/C3")], [undefined, 304047])
    assert.deepStrictEqual<unknown>(
      [1, 2, 3].map(() => send("/dms/D1")),
      [undefined, undefined, 304049]
    )
    assert.isUndefined(send("/dms/D2"))
    client.model.allowProactive("dm", "D3", false)
    assert.strictEqual(send("/dms/D3"), 304031)
    client.pass(86_400_000)
    client.forgetToken()
    client.ready({ intents: everything })
    assert.deepStrictEqual<unknown>([send("/channels/C3"), send("/channels/C1")], [undefined, undefined])
    const few = online({ guildProactiveLimit: { direct: 2 } })
    const sendTo = (guild: string): unknown => few.http("POST", `/dms/${guild}/messages`, { content: "x" }).body.code
    assert.deepStrictEqual<unknown>(["D1", "D2", "D3"].map(sendTo), [undefined, undefined, 304050])
  })

  it("take five messages a second to a channel", () => {
    const client = online()
    const id = said(client)
    const send = (): number => client.http("POST", channel, { content: "x", msg_id: id }).status
    assert.deepStrictEqual([1, 2, 3, 4, 5, 6].map(send), [200, 200, 200, 200, 200, 429])
    client.pass(999)
    assert.strictEqual(send(), 429)
    client.pass(1)
    assert.strictEqual(send(), 200)
  })

  it("recall with an empty 204 within two minutes", () => {
    const client = online()
    const id = client.http("POST", channel, { content: "x", msg_id: said(client) }).body.id
    const other = client.http("POST", direct, { content: "x", msg_id: whispered(client) }).body.id
    assert.strictEqual(client.http("DELETE", `/dms/D1/messages/${id}`).body.code, 40061002)
    const answer = client.http("DELETE", `/channels/C1/messages/${id}?hidetip=true`)
    assert.deepStrictEqual<unknown>([answer.status, answer.text], [204, ""])
    client.pass(120_001)
    assert.strictEqual(client.http("DELETE", `/dms/D1/messages/${other}`).body.code, 306011)
    assert.deepStrictEqual<unknown>(
      client.model.sent.map(({ recalledAt }) => recalledAt),
      [ModelClient.start, undefined]
    )
  })

  it("hold messages back for an audit, which says where they were for, or never ends", () => {
    const client = online()
    client.heard()
    const ask = (status?: 200 | 201): ModelClient.HttpAnswer => {
      if (status !== undefined) client.inject(Fault.audit("pass", { after: 100, status }))
      return client.http("POST", channel, { content: "x" })
    }
    client.inject(Fault.audit("pass", { after: 100 }))
    const passing = ask()
    client.inject(Fault.audit("never"))
    const pending = ask()
    assert.deepStrictEqual<unknown>([passing.status, passing.body.code], [202, 304023])
    assert.deepStrictEqual<unknown>([pending.status, pending.body.code], [202, 304023])
    assert.deepStrictEqual<unknown>([ask(200).status, ask(201).status], [200, 201])
    assert.lengthOf(client.model.sent, 0)
    client.pass(40_000)
    const passed = (client.heard() as ReadonlyArray<ModelClient.Frame>).filter(({ t }) => t === "MESSAGE_AUDIT_PASS")
    assert.lengthOf(passed, 3)
    assert.deepInclude(passed[0]?.d, {
      audit_id: passing.body.data.message_audit.audit_id,
      channel_id: "C1",
      guild_id: "5821904417736650213"
    })
    assert.strictEqual(passed[0]?.d.message_id, client.model.sent[0]?.id)
    assert.lengthOf(client.model.sent, 3)
  })

  it("take replies to their events, in any channel where the event names none", () => {
    const client = online()
    const joined = client.model.dispatch(client.now, "GUILD_MEMBER_ADD", { guild_id: "77", user: { id: "E1" } })
    const reaction = { guild_id: "77", channel_id: "C1", user_id: "E1" }
    const liked = client.model.dispatch(client.now, "MESSAGE_REACTION_ADD", reaction)
    const gone = client.model.dispatch(client.now, "CHANNEL_DELETE", { guild_id: "77", id: "C9" })
    const reply = (path: string, eventId: string): unknown =>
      client.http("POST", path, { content: "x", event_id: eventId }).body.code
    assert.isUndefined(reply("/channels/C7/messages", joined))
    assert.isUndefined(reply(channel, liked))
    assert.strictEqual(reply("/channels/C7/messages", liked), 40034025)
    assert.strictEqual(reply(channel, gone), 40034027)
    assert.strictEqual(reply(user, liked), 40034025)
    client.pass(300_001)
    assert.strictEqual(reply(channel, liked), 40034026)
    assert.deepStrictEqual<unknown>(
      client.model.sent.map(({ eventId }) => eventId),
      [joined, liked]
    )
  })
})

describe("events that can be answered", () => {
  it("are those of the documentation, within the window and budget of their scene", () => {
    const client = ModelClient.make()
    const inPrivate = ["INTERACTION_CREATE", "C2C_MSG_RECEIVE", "FRIEND_ADD"].map((type) =>
      client.model.dispatch(client.now, type, { id: type, openid: "U1", user_openid: "U1" })
    )
    const inGroup = ["INTERACTION_CREATE", "GROUP_ADD_ROBOT", "GROUP_MSG_RECEIVE"].map((type) =>
      client.model.dispatch(client.now, type, { id: type, group_openid: "G1" })
    )
    const reply = (path: string, eventId: string, seq: number): unknown =>
      client.http("POST", path, { content: "x", event_id: eventId, msg_seq: seq }).body.code
    for (const id of inPrivate) {
      assert.deepStrictEqual<unknown>(
        [1, 2, 3, 4, 5].map((seq) => reply(user, id, seq)),
        [undefined, undefined, undefined, undefined, 40034128]
      )
    }
    for (const id of inGroup) {
      assert.deepStrictEqual<unknown>([reply(group, id, 1), reply(user, id, 2)], [undefined, 40034025])
    }
    client.pass(300_001)
    for (const id of inGroup) assert.strictEqual(reply(group, id, 2), 40034026)
  })
})

describe("refusals", () => {
  it("by kind of platform", () => {
    const strict = online({
      markdown: "none",
      keyboards: false,
      arks: false,
      urls: false,
      blockedTexts: ["forbidden"],
      maximumContent: 40
    })
    const keyboard = { id: "k" }
    const template = { custom_template_id: "t", params: [{ key: "a", values: ["b"] }] }
    assert.deepStrictEqual(
      ...codes(strict, [
        [user, { msg_type: 2, markdown: { content: "# hi" } }, 40034012],
        [channel, { markdown: { content: "# hi" } }, 50056],
        [group, { msg_type: 2, markdown: template }, 40034127],
        [channel, { markdown: template }, 304036],
        [user, { content: "x", keyboard }, 304057],
        [user, { msg_type: 3, ark: { template_id: 23 } }, 304004],
        [user, { content: "see https://example.com" }, 40054010],
        [user, { content: "see www.example.com" }, 40054010],
        [channel, { content: "see http://example.com" }, 304003],
        [user, { content: "a forbidden word" }, 40034006],
        [channel, { content: "a forbidden word" }, 304025],
        [user, { content: "x".repeat(41) }, 40054007],
        [user, { content: "x".repeat(40) }, undefined]
      ])
    )
    const templates = ModelClient.make({ markdown: "templates" })
    assert.deepStrictEqual(
      ...codes(templates, [
        [user, { msg_type: 2, markdown: { content: "# hi" } }, 40034012],
        [user, { msg_type: 2, markdown: template }, undefined]
      ])
    )
  })

  it("by fault apply only to their target, and count only that", () => {
    const client = ModelClient.make()
    client.inject(Fault.refuseMessage("markdown"))
    client.inject(Fault.refuseMessage("keyboard"))
    client.inject(Fault.refuseMessage("url"))
    client.inject(Fault.refuseMessage("passive", { code: 22009 }))
    client.inject(Fault.refuseMessage("proactive", { code: 304103, status: 500 }))
    client.inject(Fault.refuseLonger(5))
    const markdown = { msg_type: 2, markdown: { content: "# a" } }
    const id = client.say()
    const cases: ReadonlyArray<readonly [body: object, status: number, code: number | undefined]> = [
      [{ content: "plain", msg_id: id, msg_seq: 9 }, 400, 22009],
      [{ content: "plain" }, 500, 304103],
      [{ content: "plain" }, 200, undefined],
      [markdown, 400, 40034012],
      [markdown, 200, undefined],
      [{ ...markdown, keyboard: { id: "k" } }, 400, 304057],
      [{ content: "www.x.y" }, 400, 40054010],
      [{ content: "longer" }, 400, 40054007],
      [{ content: "longer" }, 200, undefined]
    ]
    for (const [body, status, code] of cases) {
      const answer = client.http("POST", user, body)
      assert.deepStrictEqual<unknown>([answer.status, answer.body.code], [status, code], JSON.stringify(body))
    }
    client.inject(Fault.refuseMessage("any", { times: Infinity }))
    assert.strictEqual(client.http("POST", group, { content: "x" }).body.code, 40034006)
    client.inject(Fault.clear)
    assert.strictEqual(client.http("POST", group, { content: "x" }).status, 200)
  })

  it("of a keyboard name its size", () => {
    const client = ModelClient.make()
    const button = { render_data: { label: "a" }, action: { type: 2, data: "x" } }
    const rows = (count: number, buttons: number): object => ({
      msg_type: 2,
      markdown: { content: "# a" },
      keyboard: {
        content: {
          rows: Array.from({ length: count }, () => ({ buttons: Array.from({ length: buttons }, () => button) }))
        }
      }
    })
    assert.deepStrictEqual(
      ...codes(client, [
        [user, rows(5, 5), undefined],
        [user, rows(6, 1), 40034029],
        [user, rows(1, 6), 40034029],
        [user, { ...rows(1, 1), keyboard: { content: {} } }, 12002],
        [user, { ...rows(1, 1), keyboard: { content: { rows: [{ buttons: [{}] }] } } }, 12002],
        [user, { ...rows(1, 1), keyboard: "k" }, 12002]
      ])
    )
  })

  it("for a spent budget or quota use the code that they were told to", () => {
    const client = ModelClient.make({
      windows: { c2c: { duration: 1000, replies: 1 } },
      exhaustedCode: 22009,
      proactiveLimit: { perMinute: 100, perDay: 1, code: 22009 }
    })
    const id = client.say()
    assert.deepStrictEqual<unknown>([client.reply(id, 1).status, client.reply(id, 2).body.code], [200, 22009])
    assert.deepStrictEqual(
      ...codes(client, [
        [user, { content: "x" }, undefined],
        [user, { content: "x" }, 22009]
      ])
    )
  })
})

const files = "/v2/users/U1/files"
const bytes = Encoding.encodeBase64(new Uint8Array(3000))

/** What tests look at in the answer to an upload. */
interface Uploaded {
  readonly file_uuid: string
  readonly file_info: string
  readonly ttl: number
  readonly id?: string
}

const upload = (client: ModelClient.ModelClient, body: object, path = files): Uploaded => {
  const answer = client.http("POST", path, body)
  assert.strictEqual(answer.status, 200, answer.text)
  return JSON.parse(answer.text) as Uploaded
}

const media = (fileInfo: string): object => ({ msg_type: 7, media: { file_info: fileInfo } })

describe("files", () => {
  it("are sent by what was handed out for them, in their scene, as long as they last", () => {
    const client = ModelClient.make({ mediaLifetime: 60_000 })
    const file = upload(client, { file_type: 1, file_data: bytes })
    assert.strictEqual(file.ttl, 60)
    const other = upload(client, { file_type: 4, url: "https://example.com/a.pdf" }, "/v2/groups/G1/files")
    assert.deepStrictEqual(
      ...codes(client, [
        [user, media(file.file_info), undefined],
        // another user of the same scene may have it too
        ["/v2/users/U2/messages", media(file.file_info), undefined],
        [group, media(file.file_info), 304080],
        [group, media(other.file_info), undefined],
        [user, media(other.file_info), 304080],
        [user, media("never handed out"), 304080]
      ])
    )
    client.pass(60_000)
    assert.deepStrictEqual(...codes(client, [[user, media(file.file_info), 304080]]))
    assert.deepStrictEqual<unknown>(
      client.model.sent.map(({ file, msgType, target }) => [target, msgType, file]),
      [
        ["U1", 7, file.file_uuid],
        ["U2", 7, file.file_uuid],
        ["G1", 7, other.file_uuid]
      ]
    )
    assert.deepStrictEqual<unknown>(
      entries(client, "Uploaded").map(({ by, file, fileType, scene, size }) => [scene, fileType, by, size, file]),
      [
        ["c2c", 1, "file_data", 3000, file.file_uuid],
        ["group", 4, "url", undefined, other.file_uuid]
      ]
    )
    assert.strictEqual(upload(ModelClient.make({ mediaLifetime: Infinity }), { file_type: 1, file_data: bytes }).ttl, 0)
  })

  it("spend no budget until they are sent", () => {
    const client = ModelClient.make({ windows: { c2c: { duration: 1000, replies: 1 } } })
    const id = client.say()
    const { file_info: info } = upload(client, { file_type: 1, file_data: bytes })
    assert.strictEqual(client.http("POST", user, { ...media(info), msg_id: id, msg_seq: 1 }).status, 200)
    assert.strictEqual(client.http("POST", user, { ...media(info), msg_id: id, msg_seq: 1 }).body.code, 40054005)
    assert.strictEqual(client.http("POST", user, { ...media(info), msg_id: id, msg_seq: 2 }).body.code, 40034128)
  })

  it("are sent at once where that is asked for, which is proactive", () => {
    const client = ModelClient.make({ proactiveLimit: { perMinute: 1, perDay: 1 } })
    const body = { file_type: 1, file_data: bytes, srv_send_msg: true }
    const file = upload(client, body)
    assert.deepInclude(client.model.sent[0], { msgType: 7, file: file.file_uuid })
    assert.strictEqual(client.model.sent[0]?.id, file.id)
    assert.notInclude(JSON.stringify(client.model.sent), bytes)
    assert.strictEqual(client.http("POST", files, body).body.code, 40034100)
    assert.lengthOf(client.model.sent, 1)
  })

  it("are looked at", () => {
    const client = ModelClient.make()
    assert.deepStrictEqual(
      ...codes(client, [
        [files, "{", 12002],
        [files, { file_type: 9, file_data: bytes }, 850019],
        [files, { file_type: 1 }, 12002],
        [files, { file_type: 1, file_data: bytes, url: "https://example.com/a" }, 12002],
        [files, { file_type: 1, file_data: "no base64!" }, 12002],
        [files, { file_type: 1, url: "ftp://example.com/a" }, 850026]
      ])
    )
    assert.lengthOf(entries(client, "Uploaded"), 0)
    const foreign = client.http("POST", files, { file_type: 1, url: "file:///etc/passwd" })
    assert.deepStrictEqual<unknown>([foreign.status, foreign.body.err_code], [400, 40034001])
  })

  it("meet the edge when they are too large, and the quota of the day", () => {
    const client = ModelClient.make({ maximumInlineFile: 3000, uploadQuota: 5999 })
    upload(client, { file_type: 1, file_data: bytes })
    for (const size of [3001, 100_000]) {
      const large = client.http("POST", files, {
        file_type: 1,
        file_data: Encoding.encodeBase64(new Uint8Array(size))
      })
      assert.deepStrictEqual<unknown>([large.status, large.headers["content-type"]], [413, "text/html"])
      assert.include(large.text, "<html>")
    }
    assert.strictEqual(client.http("POST", files, { file_type: 1, file_data: bytes }).body.code, 40093002)
    client.pass(86_400_000)
    client.forgetToken()
    upload(client, { file_type: 1, file_data: bytes })
  })

  it("go wrong as requests do", () => {
    const client = ModelClient.make()
    const attempt = (): string => client.answer("POST", files, { file_type: 1, file_data: bytes })._tag
    client.inject(Fault.http("upload", Fault.status(400, { code: 850026, errCode: 40034001 })))
    client.inject(Fault.http("upload", Fault.html(413)))
    client.inject(Fault.http("upload", Fault.reset({ accepted: false })))
    client.inject(Fault.http("upload", Fault.reset({ accepted: true })))
    client.inject(Fault.http("upload", Fault.hang({ accepted: false })))
    assert.strictEqual(client.http("POST", user, { content: "x" }).status, 200)
    const failed = client.http("POST", files, { file_type: 1, file_data: bytes })
    assert.deepStrictEqual<unknown>([failed.status, failed.body.err_code], [400, 40034001])
    assert.strictEqual(client.http("POST", files, { file_type: 1, file_data: bytes }).status, 413)
    assert.deepStrictEqual([attempt(), attempt(), attempt(), attempt()], ["Reset", "Reset", "Hang", "Reply"])
    assert.lengthOf(entries(client, "Uploaded"), 2)
  })
})

describe("files in parts", () => {
  const content = Uint8Array.from({ length: 2500 }, (_, index) => index * 7)
  const hash = (algorithm: string, of: Uint8Array) => Crypto.createHash(algorithm).update(of).digest("hex")
  const announcement = {
    file_type: 2,
    file_size: "2500",
    file_name: "a.mp4",
    md5: hash("md5", content),
    sha1: hash("sha1", content),
    md5_10m: hash("md5", content)
  }

  const chunks = { blockSize: 1000 }
  const prepareAt = "/v2/users/U1/upload_prepare"
  const finishAt = "/v2/users/U1/upload_part_finish"

  interface Prepared {
    readonly upload_id: string
    readonly block_size: string
    readonly parts: ReadonlyArray<{
      readonly index: number
      readonly presigned_url: string
      readonly block_size: string
    }>
    readonly upload_config: object
  }

  const prepare = (client: ModelClient.ModelClient, changes?: object): Prepared => {
    const answer = client.http("POST", prepareAt, { ...announcement, ...changes })
    assert.strictEqual(answer.status, 200, answer.text)
    return JSON.parse(answer.text) as Prepared
  }

  const partOf = (index: number): Uint8Array => content.subarray((index - 1) * 1000, index * 1000)

  const finish = (client: ModelClient.ModelClient, uploadId: string, index: number, changes?: object) =>
    client.http("POST", finishAt, {
      upload_id: uploadId,
      part_index: index,
      block_size: partOf(index).length,
      md5: hash("md5", partOf(index)),
      ...changes
    })

  const complete = (client: ModelClient.ModelClient, uploadId: string, more?: object) =>
    client.http("POST", files, { upload_id: uploadId, file_type: 2, file_name: "a.mp4", ...more })

  /** Puts and finishes all parts, in this order. */
  const send = (client: ModelClient.ModelClient, { parts, upload_id: id }: Prepared, order = [1, 2, 3]): void => {
    for (const index of order) {
      assert.strictEqual(client.put(parts[index - 1]?.presigned_url ?? "", partOf(index)).status, 200)
      assert.strictEqual(finish(client, id, index).status, 200)
    }
  }

  it("are announced, put, finished and asked for", () => {
    const client = ModelClient.make({ chunks })
    const prepared = prepare(client)
    assert.strictEqual(prepared.block_size, "1000")
    assert.deepStrictEqual(prepared.upload_config, { concurrency: 1, retry_timeout: 300, retry_delay: 1 })
    assert.deepStrictEqual(
      prepared.parts.map(({ block_size: size, index }) => [index, size]),
      [
        [1, "1000"],
        [2, "1000"],
        [3, "500"]
      ]
    )
    send(client, prepared, [3, 1, 2])
    const answer = complete(client, prepared.upload_id)
    assert.strictEqual(answer.status, 200, answer.text)
    const { file_info: info } = JSON.parse(answer.text) as Uploaded
    assert.strictEqual(client.http("POST", user, media(info)).status, 200)
    assert.deepStrictEqual(
      entries(client, "Uploaded").map(({ by, size }) => [by, size]),
      [["upload_id", 2500]]
    )
  })

  it("are announced as the platform wants it, or not at all", () => {
    const client = ModelClient.make({ chunks, maximumFile: 5000 })
    assert.deepStrictEqual(
      ...codes(
        client,
        [
          [{ file_size: 2500 }, 850012],
          [{ sha1: "" }, 850012],
          [{ md5: "0" }, 850012],
          [{ md5_10m: undefined }, 850012],
          [{ file_name: "" }, 850012],
          [{ file_type: 9 }, 850019],
          [{ file_size: "5001" }, 850031]
        ].map(([changes, code]) => [prepareAt, { ...announcement, ...(changes as object) }, code as number])
      )
    )
  })

  it("take no other bytes than were announced", () => {
    const client = ModelClient.make({ chunks })
    for (const changes of [
      { md5: hash("md5", partOf(1)) },
      { sha1: hash("sha1", partOf(1)) },
      { md5_10m: "0".repeat(32) }
    ]) {
      const prepared = prepare(client, changes)
      send(client, prepared)
      assert.strictEqual(complete(client, prepared.upload_id).body.code, 850012, JSON.stringify(changes))
    }
    const { parts, upload_id: id } = prepare(client)
    const url = parts[0]?.presigned_url ?? ""
    assert.strictEqual(client.put(url, partOf(1).subarray(1)).status, 400)
    assert.strictEqual(client.put(url, partOf(2)).status, 200)
    assert.strictEqual(finish(client, id, 1).body.code, 850012)
    // what is put again takes the place of what was put
    assert.strictEqual(client.put(url, partOf(1)).status, 200)
    assert.strictEqual(finish(client, id, 1, { block_size: 999 }).body.code, 850012)
    assert.strictEqual(finish(client, id, 1).status, 200)
    assert.strictEqual(finish(client, id, 1).status, 200, "said twice")
  })

  it("refuse requests without permission and requests out of order", () => {
    const client = ModelClient.make({ chunks })
    const { parts, upload_id: id } = prepare(client)
    const url = parts[0]?.presigned_url ?? ""
    assert.strictEqual(client.put(url, partOf(1), { authorization: `QQBot ${client.token()}` }).status, 403)
    assert.strictEqual(client.put(url.replace(/sign=.*/, "sign=guessed"), partOf(1)).status, 403)
    assert.strictEqual(client.put(`${new URL(url).origin}/store/other/0?sign=x`, partOf(1)).status, 403)
    assert.strictEqual(finish(client, id, 1).body.code, 40093001, "nothing was put")
    assert.strictEqual(finish(client, id, 4).body.code, 850012)
    assert.strictEqual(client.http("POST", finishAt.replace("U1", "U2"), { upload_id: id }).body.code, 850012)
    assert.strictEqual(complete(client, id).body.code, 850012)
    send(client, prepare(client))
    assert.strictEqual(complete(client, "model-upload-00000002", { file_type: 1 }).body.code, 850012)
    assert.strictEqual(complete(client, "model-upload-00000002", { url: "https://example.com/a" }).body.code, 12002)
    assert.strictEqual(complete(client, "model-upload-00000002").status, 200)
  })

  it("count against the quota of the day", () => {
    const client = ModelClient.make({ chunks, uploadQuota: 2499 })
    const { parts, upload_id: id } = prepare(client)
    for (const index of [1, 2, 3]) client.put(parts[index - 1]?.presigned_url ?? "", partOf(index))
    assert.deepStrictEqual(
      [1, 2, 3].map((index) => finish(client, id, index).status),
      [200, 200, 400]
    )
    assert.strictEqual(finish(client, id, 3).body.code, 40093002)
  })

  it("are answered for at once where the scene has them, as long as they last", () => {
    const client = ModelClient.make({ chunks: { ...chunks, instant: true }, mediaLifetime: 60_000 })
    const prepared = prepare(client)
    send(client, prepared)
    const first = JSON.parse(complete(client, prepared.upload_id).text) as Uploaded
    client.pass(20_000)
    const again = JSON.parse(client.http("POST", prepareAt, announcement).text) as Uploaded
    assert.deepStrictEqual([again.file_info, again.ttl], [first.file_info, 40])
    const elsewhere = client.http("POST", prepareAt.replace("users/U1", "groups/G1"), announcement)
    assert.notInclude(elsewhere.text, "file_info")
    client.pass(40_000)
    assert.isDefined(prepare(client).upload_id)
  })
})

const streams = "/v2/users/U1/stream_messages"

describe("streams", () => {
  const part = (
    client: ModelClient.ModelClient,
    fields: {
      readonly content_raw: string
      readonly index: number
      readonly msg_id?: string
      readonly stream_msg_id?: string
      readonly input_state?: number
      readonly input_mode?: string
      readonly content_type?: string
      readonly msg_seq?: number
    }
  ): ModelClient.HttpAnswer => client.http("POST", streams, { input_state: 1, msg_seq: 1, ...fields })

  it("append their parts and show one message", () => {
    const client = ModelClient.make({ maximumContent: 20 })
    const id = client.say()
    const first = part(client, { content_raw: "Hel", index: 0, msg_id: id })
    assert.strictEqual(first.status, 200)
    assert.strictEqual((JSON.parse(first.text) as { readonly remain_msg_len: number }).remain_msg_len, 17)
    const stream = { msg_id: id, stream_msg_id: first.body.id }
    assert.deepInclude(client.model.sent[0], { content: "Hel", stream: "generating", msgId: id, msgSeq: 1 })
    assert.strictEqual(part(client, { content_raw: "lo", index: 1, ...stream }).status, 200)
    assert.strictEqual(part(client, { content_raw: "!", index: 2, input_state: 10, ...stream }).body.id, first.body.id)
    assert.lengthOf(client.model.sent, 1)
    assert.deepInclude(client.model.sent[0], { id: first.body.id, content: "Hello!", stream: "done", msgType: 0 })
    assert.strictEqual(part(client, { content_raw: "?", index: 3, ...stream }).body.code, 40113002)
    assert.lengthOf(entries(client, "Accepted"), 1)
    assert.deepStrictEqual<unknown>(
      entries(client, "Streamed").map(({ done, index, size }) => [index, size, done]),
      [
        [1, 5, false],
        [2, 6, true]
      ]
    )
    assert.isUndefined(client.http("DELETE", `${user}/${first.body.id}`).body.code)
  })

  it("replace by a text that begins with what was delivered, and by no other", () => {
    const client = ModelClient.make()
    const id = client.say()
    const replace = { input_mode: "replace", content_type: "markdown", msg_id: id }
    const first = part(client, { content_raw: "# Hel", index: 0, ...replace })
    const stream = { ...replace, stream_msg_id: first.body.id }
    assert.strictEqual(part(client, { content_raw: "# Hello", index: 1, ...stream }).status, 200)
    const rewritten = part(client, { content_raw: "Hello", index: 2, ...stream })
    assert.deepStrictEqual<unknown>(
      [rewritten.status, rewritten.body.code, rewritten.body.err_code],
      [404, 40007, 40113003]
    )
    // a part that was refused has spent its number
    assert.strictEqual(part(client, { content_raw: "# Hello!", index: 2, ...stream }).body.code, 40113002)
    assert.strictEqual(part(client, { content_raw: "# Hello!", index: 3, input_state: 10, ...stream }).status, 200)
    assert.deepInclude(client.model.sent[0], { content: "# Hello!", msgType: 2, stream: "done" })
  })

  it("spend one reply, whatever their length, and share the sequence numbers of messages", () => {
    const client = ModelClient.make({ windows: { c2c: { duration: 60_000, replies: 2 } } })
    const id = client.say()
    const first = part(client, { content_raw: "a", index: 0, msg_id: id, msg_seq: 7 })
    for (let index = 1; index <= 5; index++) {
      assert.strictEqual(
        part(client, { content_raw: "a", index, msg_id: id, msg_seq: 7, stream_msg_id: first.body.id }).status,
        200
      )
    }
    assert.strictEqual(client.reply(id, 7).body.code, 40054005)
    assert.strictEqual(part(client, { content_raw: "a", index: 0, msg_id: id, msg_seq: 7 }).body.code, 40054005)
    assert.strictEqual(client.reply(id, 8).status, 200)
    assert.strictEqual(part(client, { content_raw: "a", index: 0, msg_id: id, msg_seq: 9 }).body.code, 40034128)
    client.pass(60_001)
    assert.strictEqual(part(client, { content_raw: "a", index: 0, msg_id: id, msg_seq: 10 }).body.code, 40034005)
    // what has begun may be ended
    const end = { msg_id: id, msg_seq: 7, stream_msg_id: first.body.id, input_state: 10 }
    assert.strictEqual(part(client, { content_raw: "", index: 6, ...end }).status, 200)
    assert.deepStrictEqual(
      client.model.sent.map(({ content }) => content),
      ["aaaaaa", "yes"]
    )
  })

  it("know a part that came already, and want the next one", () => {
    const client = ModelClient.make()
    const id = client.say()
    client.inject(Fault.http("stream", Fault.slow(10)))
    const first = part(client, { content_raw: "a", index: 0, msg_id: id })
    assert.strictEqual(first.after, 10)
    const stream = { msg_id: id, stream_msg_id: first.body.id }
    client.inject(Fault.http("stream", Fault.hang({ accepted: true })))
    client.inject(Fault.http("stream", Fault.reset({ accepted: false })))
    const raw = { content_raw: "b", index: 1, input_state: 1, msg_seq: 1, ...stream }
    assert.strictEqual(client.answer("POST", streams, raw)._tag, "Hang")
    assert.strictEqual(client.answer("POST", streams, raw)._tag, "Reset")
    assert.strictEqual(part(client, { content_raw: "b", index: 1, ...stream }).body.code, 40054005)
    assert.strictEqual(part(client, { content_raw: "b", index: 1, msg_seq: 2, ...stream }).body.code, 40113002)
    assert.strictEqual(part(client, { content_raw: "d", index: 3, ...stream }).body.code, 40113002)
    assert.strictEqual(part(client, { content_raw: "c", index: 2, ...stream }).status, 200)
    assert.strictEqual(client.model.sent[0]?.content, "abc")
  })

  it("are refused like messages, and for what only they can get wrong", () => {
    const client = ModelClient.make({ maximumContent: 5, markdown: "none", blockedTexts: ["bad"] })
    const id = client.say()
    const begin = { content_raw: "a", index: 0, msg_id: id }
    const code = (fields: Parameters<typeof part>[1]): unknown => part(client, fields).body.code
    assert.strictEqual(code({ ...begin, content_type: "markdown" }), 40034012)
    assert.strictEqual(code({ ...begin, content_raw: "bad" }), 40034006)
    assert.strictEqual(code({ ...begin, content_raw: "123456" }), 40054007)
    assert.strictEqual(code({ ...begin, content_raw: "", input_state: 10 }), 50006)
    assert.strictEqual(code({ ...begin, index: 1 }), 40113002)
    assert.strictEqual(code({ ...begin, input_state: 2 }), 12002)
    assert.strictEqual(code({ ...begin, input_mode: "prepend" }), 12002)
    assert.strictEqual(code({ ...begin, msg_id: "never said" }), 40034024)
    assert.strictEqual(code({ content_raw: "a", index: 0 }), 40034024)
    assert.strictEqual(code({ ...begin, stream_msg_id: "never begun" }), 12002)
    assert.strictEqual(client.http("POST", streams, "{").body.code, 12002)
    assert.strictEqual(client.http("POST", "/v2/groups/G1/stream_messages", begin).status, 404)
    client.inject(Fault.refuseMessage("passive", { code: 11253, status: 401 }))
    const refused = part(client, begin)
    assert.deepStrictEqual<unknown>([refused.status, refused.body.code], [401, 11253])
    const first = part(client, begin)
    assert.strictEqual(first.status, 200)
    const stream = { msg_id: id, stream_msg_id: first.body.id }
    assert.strictEqual(code({ content_raw: "23456", ...stream, index: 1 }), 40054007)
    assert.strictEqual(code({ content_raw: "b", ...stream, index: 2, msg_id: client.say() }), 40034024)
    assert.strictEqual(code({ content_raw: "b", ...stream, index: 2 }), 40113002)
    assert.strictEqual(code({ content_raw: "b", ...stream, index: 3 }), undefined)
    client.inject(Fault.refuseMessage("any", { code: 40034006 }))
    assert.strictEqual(code({ content_raw: "c", ...stream, index: 4 }), 40034006)
    assert.strictEqual(code({ content_raw: "c", ...stream, index: 5 }), undefined)
    assert.strictEqual(client.model.sent[0]?.content, "abc")
  })

  it("lose their number to a refusal with a code, and to nothing that happens before the endpoint", () => {
    const client = ModelClient.make()
    const id = client.say()
    const first = part(client, { content_raw: "a", index: 0, msg_id: id })
    const stream = { msg_id: id, stream_msg_id: first.body.id }
    for (const failure of [
      Fault.html(502),
      Fault.status(500),
      Fault.status(401, { code: 11244, message: "token" }),
      Fault.reset({ accepted: false }),
      Fault.refused
    ]) {
      client.inject(Fault.http("stream", failure))
      client.answer("POST", streams, { content_raw: "b", index: 1, input_state: 1, msg_seq: 1, ...stream })
    }
    client.inject(Fault.http("stream", Fault.status(500, { code: 50001, message: "internal" })))
    assert.strictEqual(part(client, { content_raw: "b", index: 1, ...stream }).body.code, 50001)
    assert.strictEqual(part(client, { content_raw: "b", index: 1, ...stream }).body.code, 40113002)
    assert.strictEqual(part(client, { content_raw: "b", index: 2, ...stream }).status, 200)
    assert.strictEqual(client.model.sent[0]?.content, "ab")
  })

  it("go back to their first part when they are not finished", () => {
    const client = ModelClient.make({ streamLifetime: 60_000 })
    const id = client.say()
    const begin = (sequence: number) => {
      const first = part(client, { content_raw: "a", index: 0, msg_id: id, msg_seq: sequence })
      const stream = { msg_id: id, msg_seq: sequence, stream_msg_id: first.body.id }
      assert.strictEqual(part(client, { content_raw: "b", index: 1, ...stream }).status, 200)
      return stream
    }
    const seen = () => client.model.sent.map(({ content }) => content)
    const stream = begin(1)
    assert.deepStrictEqual(seen(), ["ab"])
    // another message follows
    client.reply(id, 2)
    assert.deepStrictEqual(seen(), ["a", "yes"])
    assert.strictEqual(part(client, { content_raw: "c", index: 2, ...stream }).status, 200)
    assert.deepStrictEqual(seen(), ["abc", "yes"])
    client.pass(59_999)
    assert.strictEqual(part(client, { content_raw: "d", index: 3, ...stream }).status, 200)
    client.pass(60_000)
    assert.deepStrictEqual(seen(), ["a", "yes"])
    assert.strictEqual(part(client, { content_raw: "e", index: 4, input_state: 10, ...stream }).body.code, 40113002)
    // what is finished stays
    const other = begin(3)
    assert.strictEqual(part(client, { content_raw: "!", index: 2, input_state: 10, ...other }).status, 200)
    client.reply(id, 4)
    client.pass(60_000)
    assert.deepStrictEqual(seen(), ["a", "yes", "ab!", "yes"])
  })

  it("break for good when told so, and leave what came so far", () => {
    const client = ModelClient.make()
    const id = client.say()
    const first = part(client, { content_raw: "a", index: 0, msg_id: id })
    client.inject(Fault.http("stream", Fault.html(502), { times: Infinity }))
    const next = { content_raw: "b", index: 1, msg_id: id, stream_msg_id: first.body.id }
    assert.deepStrictEqual([part(client, next).status, part(client, next).status], [502, 502])
    assert.strictEqual(client.reply(id, 2, { content: "b" }).status, 200)
    assert.deepStrictEqual<unknown>(
      client.model.sent.map(({ content, stream }) => [content, stream]),
      [
        ["a", "generating"],
        ["b", undefined]
      ]
    )
  })
})

describe("other requests", () => {
  it("have faults of their own", () => {
    const client = ModelClient.make()
    const { id } = client.http("POST", user, { content: "x" }).body
    client.model.dispatch(client.now, "INTERACTION_CREATE", { id: "I1", type: 11, user_openid: "U1" })
    client.inject(Fault.http("recall", Fault.status(500, { code: 50065001 })))
    client.inject(Fault.http("interaction", Fault.status(500, { code: 630004 })))
    assert.strictEqual(client.http("POST", user, { content: "x" }).status, 200)
    assert.strictEqual(client.http("DELETE", `${user}/${id}`).body.code, 50065001)
    assert.strictEqual(client.http("DELETE", `${user}/${id}`).status, 200)
    assert.strictEqual(client.http("PUT", "/interactions/I1", { code: 0 }).body.code, 630004)
    assert.strictEqual(client.http("PUT", "/interactions/I1", { code: 0 }).status, 204)
  })
})

describe("any client", () => {
  /** Bodies that are right, bodies that are nearly so, and nonsense. */
  const body = (ids: ReadonlyArray<string>): fc.Arbitrary<unknown> =>
    fc.oneof(
      fc.json(),
      fc.record(
        {
          msg_type: fc.oneof(fc.constantFrom(0, 2, 3, 4, 6, 7), fc.anything()),
          content: fc.oneof(fc.string(), fc.jsonValue()),
          markdown: fc.oneof(fc.constant({ content: "# a" }), fc.jsonValue()),
          keyboard: fc.oneof(fc.constant({ id: "k" }), fc.jsonValue()),
          ark: fc.oneof(fc.constant({ template_id: 23 }), fc.jsonValue()),
          embed: fc.oneof(fc.constant({ title: "t" }), fc.jsonValue()),
          image: fc.oneof(fc.constant("https://example.com/a"), fc.jsonValue()),
          media: fc.oneof(
            fc.constantFrom(...ids).map((id) => ({ file_info: id })),
            fc.jsonValue()
          ),
          input_notify: fc.oneof(fc.constant({ input_type: 1, input_second: 5 }), fc.jsonValue()),
          message_reference: fc.oneof(fc.constant({ message_id: "m" }), fc.jsonValue()),
          msg_id: fc.oneof(fc.constantFrom(...ids), fc.jsonValue()),
          event_id: fc.oneof(fc.constantFrom(...ids), fc.jsonValue()),
          msg_seq: fc.oneof(fc.nat(3), fc.jsonValue()),
          file_type: fc.oneof(fc.constantFrom(1, 2, 3, 4), fc.jsonValue()),
          file_data: fc.oneof(fc.base64String(), fc.jsonValue()),
          url: fc.oneof(fc.webUrl(), fc.jsonValue()),
          srv_send_msg: fc.boolean(),
          content_raw: fc.oneof(fc.string(), fc.jsonValue()),
          content_type: fc.oneof(fc.constantFrom("text", "markdown"), fc.jsonValue()),
          input_mode: fc.oneof(fc.constantFrom("append", "replace"), fc.jsonValue()),
          input_state: fc.oneof(fc.constantFrom(1, 10), fc.jsonValue()),
          index: fc.oneof(fc.nat(3), fc.jsonValue()),
          stream_msg_id: fc.oneof(fc.constantFrom(...ids), fc.jsonValue())
        },
        { requiredKeys: [] }
      )
    )

  it("gets an answer to whatever it sends, and users see each pair of message and number once", () => {
    const setup = () => {
      const client = online({ channelRate: 1000, windows: { c2c: { duration: 60_000, replies: 1000 } } })
      const messages = [client.say(), client.sayInGroup(), said(client), whispered(client)]
      const friend = client.model.dispatch(client.now, "FRIEND_ADD", { openid: "U1" })
      const { file_info: info } = upload(client, { file_type: 1, file_data: bytes })
      const begun = client.http("POST", streams, { input_state: 1, index: 0, content_raw: "", msg_id: messages[0] })
      return { client, ids: [...messages, friend, info, begun.body.id] }
    }
    const { ids } = setup()
    const requests = fc.array(fc.tuple(fc.constantFrom(user, group, channel, direct, files, streams), body(ids)), {
      maxLength: 20
    })
    fc.assert(
      fc.property(requests, (all) => {
        const play = (): string => {
          const { client } = setup()
          for (const [path, request] of all) {
            const { body, status } = client.http("POST", path, request)
            assert.isTrue(status === 200 || (status >= 400 && body.code > 0), `${status}`)
          }
          const { journal, sent } = client.model
          const pairs = sent.flatMap(({ eventId, msgId, msgSeq }) =>
            msgSeq === undefined ? [] : [`${msgId ?? eventId} ${msgSeq}`]
          )
          assert.strictEqual(new Set(pairs).size, pairs.length)
          assert.strictEqual(new Set(sent.map(({ id }) => id)).size, sent.length)
          const accepted = new Set(entries(client, "Accepted").map(({ id }) => id))
          for (const { id } of sent) assert.isTrue(accepted.has(id))
          return JSON.stringify([journal, sent])
        }
        assert.strictEqual(play(), play())
      }),
      { numRuns: 300 }
    )
  })
})
