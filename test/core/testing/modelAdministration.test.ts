import { assert, describe, it } from "vitest"
import * as DateTime from "effect/DateTime"
import * as ModelClient from "./modelClient.ts"

const guild = "5821904417736650213"
const channel = "664100231"

const code = (client: ModelClient.ModelClient, method: string, path: string, body: unknown = {}): unknown =>
  client.http(method, path, body).body.code

const field = (
  client: ModelClient.ModelClient,
  name: string,
  method: string,
  path: string,
  body: unknown = {}
): unknown => (JSON.parse(client.http(method, path, body).text) as Readonly<Record<string, unknown>>)[name]

const said = (client: ModelClient.ModelClient, type: string): number =>
  client.model.journal.filter((entry) => entry.kind === "Said" && entry.type === type).length

describe("guilds", () => {
  it("are known by what happens in them", () => {
    const client = ModelClient.make()
    assert.strictEqual(code(client, "GET", "/guilds/77"), 10004)
    client.model.say(client.now, { scene: "channel", channel: "C7", guild: "77", user: "U7", text: "hi" })
    assert.strictEqual(client.http("GET", "/guilds/77").status, 200)
    assert.strictEqual(field(client, "guild_id", "GET", "/channels/C7"), "77")
    assert.strictEqual(client.http("GET", "/guilds/77/members/U7").status, 200)
    client.model.dispatch(client.now, "GUILD_DELETE", { id: "77" })
    assert.strictEqual(code(client, "GET", "/guilds/77"), 10004)
  })

  it("keep private chats out of their channels", () => {
    const client = ModelClient.make()
    client.model.say(client.now, { scene: "dm", guild: "177", user: "U7", text: "hi" })
    assert.strictEqual(code(client, "GET", "/guilds/177"), 10004)
  })

  it("refuse what cannot be done", () => {
    const client = ModelClient.make()
    const refusals: ReadonlyArray<readonly [string, string, unknown, number]> = [
      ["GET", "/channels/none", {}, 10003],
      ["GET", `/guilds/${guild}/members/nobody`, {}, 10001],
      ["DELETE", `/guilds/${guild}/members/4419902817733620015`, {}, 11253],
      ["DELETE", `/guilds/${guild}/roles/1`, {}, 11253],
      ["POST", `/guilds/${guild}/channels`, {}, 12002],
      ["PUT", `/channels/${channel}/members/1/permissions`, {}, 301000],
      ["POST", `/channels/${channel}/schedules`, {}, 302017],
      ["POST", `/guilds/${guild}/announces`, {}, 501001],
      ["PUT", `/channels/${channel}/messages/M/reactions/3/277`, {}, 620001],
      ["DELETE", `/channels/${channel}/messages/M/reactions/1/277`, {}, 620004],
      ["POST", "/users/@me/dms", { recipient_id: "nobody", source_guild_id: guild }, 10001]
    ]
    for (const [method, path, body, expected] of refusals) {
      assert.strictEqual(code(client, method, path, body), expected, `${method} ${path}`)
    }
  })

  it("hold twenty pins in a channel, and twenty kinds of reactions to a message", () => {
    const client = ModelClient.make()
    for (let index = 0; index < 20; index++) {
      assert.strictEqual(client.http("PUT", `/channels/${channel}/pins/M${index}`).status, 200)
      assert.strictEqual(client.http("PUT", `/channels/${channel}/messages/M/reactions/1/${index}`).status, 204)
    }
    assert.strictEqual(code(client, "PUT", `/channels/${channel}/pins/M20`), 501013)
    assert.strictEqual(code(client, "PUT", `/channels/${channel}/messages/M/reactions/1/20`), 620002)
    assert.strictEqual(code(client, "PUT", `/channels/${channel}/messages/M/reactions/1/0`), 620003)
    assert.strictEqual(said(client, "MESSAGE_REACTION_ADD"), 20)
  })

  it("know which methods an endpoint has", () => {
    const client = ModelClient.make()
    assert.strictEqual(client.http("POST", `/channels/${channel}`).status, 405)
    assert.strictEqual(client.http("GET", `/channels/${channel}/nothing`).status, 404)
    assert.strictEqual(code(client, "GET", "/guilds/..%2Fusers%2F%40me"), 10004)
  })
})

describe("groups", () => {
  const inGroup = (): ModelClient.ModelClient => {
    const client = ModelClient.make()
    client.model.say(client.now, { scene: "group", group: "G1", member: "M1", text: "hi" })
    return client
  }

  it("are known once the bot is in them, and until it is not", () => {
    const client = inGroup()
    assert.strictEqual(code(client, "GET", "/v2/groups/G2/info"), 40034101)
    assert.strictEqual(field(client, "group_member_num", "GET", "/v2/groups/G1/info"), 2)
    client.model.dispatch(client.now, "GROUP_DEL_ROBOT", { group_openid: "G1", op_member_openid: "M1", timestamp: 1 })
    assert.strictEqual(code(client, "GET", "/v2/groups/G1/info"), 40034101)
  })

  it("mute members, for a time, but neither admins nor bots", () => {
    const client = inGroup()
    const mute = (member_openid: string) => ({
      members: [{ op: "add", member_openid, mute_expire_at: "2026-09-21T11:00:00+08:00" }]
    })
    const setting = "/v2/groups/G1/restrict_chat_setting"
    assert.strictEqual(client.http("POST", setting, mute("M1")).status, 200)
    const bot = field(client, "member_openid", "GET", "/v2/groups/G1/bot_state")
    assert.strictEqual(code(client, "POST", setting, mute(String(bot))), 12001)
    assert.strictEqual(code(client, "POST", setting, { members: Array.from({ length: 21 }, () => ({})) }), 12002)
    const muted = (): number => (field(client, "members", "GET", setting) as ReadonlyArray<unknown>).length
    assert.strictEqual(muted(), 1)
    client.pass(3_600_000)
    assert.strictEqual(muted(), 0)
  })

  it("end a mute at its moment, in whatever zone the bot writes it, and take no other text", () => {
    const client = inGroup()
    const mute = (mute_expire_at: string) => ({ members: [{ op: "add", member_openid: "M1", mute_expire_at }] })
    const setting = "/v2/groups/G1/restrict_chat_setting"
    const muted = (): number => (field(client, "members", "GET", setting) as ReadonlyArray<unknown>).length
    const inTenMinutes = DateTime.formatIso(DateTime.unsafeMake(client.now + 600_000))
    assert.strictEqual(client.http("POST", setting, mute(inTenMinutes)).status, 200)
    assert.strictEqual(muted(), 1)
    client.pass(601_000)
    assert.strictEqual(muted(), 0)
    assert.strictEqual(code(client, "POST", setting, mute("tomorrow")), 12001)
  })

  it("know the members that a message mentions", () => {
    const client = inGroup()
    client.model.say(client.now, { scene: "group", group: "G1", member: "M1", text: "hi", mentions: [{ id: "M2" }] })
    assert.strictEqual(field(client, "member_role", "GET", "/v2/groups/G1/members/M2"), "member")
  })

  it("decide a request to join once, and keep who was declined out", () => {
    const client = inGroup()
    client.model.dispatch(client.now, "GROUP_JOIN_REQUEST", {
      group_openid: "G1",
      member_openid: "M2",
      username: "Dee"
    })
    const path = "/v2/groups/G1/approval_join_request/M2"
    assert.strictEqual(code(client, "POST", path, { op: "perhaps" }), 12001)
    assert.strictEqual(client.http("POST", path, { op: "decline", add_to_member_blacklist: true }).status, 200)
    assert.strictEqual(code(client, "POST", path, { op: "approve" }), 12001)
    const users = field(client, "users", "GET", "/v2/groups/G1/member_blacklist")
    assert.strictEqual((users as ReadonlyArray<{ readonly member_openid: string }>)[0]?.member_openid, "M2")
    assert.strictEqual(said(client, "GROUP_MEMBER_ADD"), 0)
  })
})

describe("menus and panels", () => {
  const panel = { items: [{ type: "command", name: "/help" }] }

  it("are written so often a minute, and no oftener", () => {
    const client = ModelClient.make()
    const menu = { menu: { items: [] } }
    for (let index = 0; index < 5; index++) assert.strictEqual(client.http("PUT", "/v2/menu", menu).status, 200)
    assert.strictEqual(code(client, "PUT", "/v2/menu", menu), 100017)
    client.pass(60_000)
    assert.strictEqual(field(client, "version", "PUT", "/v2/menu", menu), 6)
  })

  it("are checked", () => {
    const client = ModelClient.make()
    assert.strictEqual(code(client, "PUT", "/v2/menu", {}), 40030016)
    assert.strictEqual(code(client, "PUT", "/v2/menu", { menu: { items: [{ name: "x", type: "command" }] } }), 40030014)
    assert.strictEqual(code(client, "GET", "/v2/panels"), 40030011)
    assert.strictEqual(code(client, "POST", "/v2/panels", { scope: "dm", target_type: "specific", panel }), 40030012)
    assert.strictEqual(
      code(client, "POST", "/v2/panels", { scope: "dm", panel: { items: [{ name: "x", type: "menu" }] } }),
      40030015
    )
    const id = field(client, "panel_id", "POST", "/v2/panels", { scope: "channel", panel })
    assert.strictEqual(code(client, "PUT", `/v2/panels/${String(id)}/target`, { op: "add" }), 40030018)
  })
})
