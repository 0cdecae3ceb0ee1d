import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { assert } from "vitest"
import { Gateway, Keyboard, Message, Messenger } from "@effect-qq/core"
import { type PlatformModel, TestPlatform } from "@effect-qq/core/testing"
import * as CivilDate from "../../../packages/core/src/testing/model/CivilDate.ts"
import * as Bot from "../../support/bot.ts"
import * as ModelClient from "./modelClient.ts"

const dispatched = (options?: PlatformModel.Options) => {
  const events: Array<{ readonly type: string; readonly d: Record<string, unknown> }> = []
  const client = ModelClient.make({
    ...options,
    guildNeedsSession: false,
    onDispatch: ({ d, type }) => events.push({ type, d: d as Record<string, unknown> })
  })
  return { client, events, last: () => events.at(-1)?.d ?? {} }
}

const keyboard = (permission: Record<string, unknown>, type = 1) => ({
  content: {
    rows: [
      {
        buttons: [
          {
            id: "b1",
            render_data: { label: "Yes", visited_label: "Yes", style: 1 },
            action: { type, data: "vote:1", enter: true, permission, unsupport_tips: "only for some" }
          }
        ]
      }
    ]
  }
})

const shown = (client: ModelClient.ModelClient, path: string, permission: Record<string, unknown>, type?: number) =>
  client.http("POST", path, { msg_type: 2, markdown: { content: "?" }, keyboard: keyboard(permission, type) }).body
    .id as string

describe("a platform that takes the place of another", () => {
  it("gives nothing an id that the other one gave, where it counts from beyond it", () => {
    const idsOf = (idsFrom: number | undefined) => {
      const { client, events } = dispatched(idsFrom === undefined ? {} : { idsFrom })
      client.model.say(client.now, { scene: "c2c", user: "U1", text: "hello" })
      return events.map(({ d }) => d["id"])
    }
    const [before, again, beyond] = [idsOf(undefined), idsOf(undefined), idsOf(1000)]
    assert.strictEqual(before.length, 1)
    assert.deepStrictEqual(again, before)
    assert.notInclude(beyond, before[0])
  })
})

describe("people on the model", () => {
  it("a press of a callback button is an INTERACTION_CREATE of its scene, which can be acknowledged once", () => {
    const { client, last } = dispatched()
    const everybody = { type: 2 }
    for (const [path, scene, where] of [
      ["/v2/users/U1/messages", "c2c", { chat_type: 2, user_openid: "U1" }],
      ["/v2/groups/G1/messages", "group", { chat_type: 1, group_openid: "G1", group_member_openid: "M1" }],
      ["/channels/C1/messages", "guild", { chat_type: 0, channel_id: "C1" }]
    ] as const) {
      const message = shown(client, path, everybody)
      const pressed = client.model.press(client.now, { message, button: "vote:1", user: "M1" })
      assert.strictEqual(pressed._tag, "Interaction", path)
      const d = last()
      assert.deepInclude(d, { scene, type: 11, application_id: client.model.appId, ...where })
      assert.deepInclude((d["data"] as { readonly resolved: object }).resolved, {
        button_data: "vote:1",
        button_id: "b1"
      })
      assert.strictEqual(client.http("PUT", `/interactions/${String(d["id"])}`, { code: 0 }).status, 204)
      assert.strictEqual(client.http("PUT", `/interactions/${String(d["id"])}`, { code: 0 }).body.code, 630001)
    }
  })

  it("a button that is not for this user says so, and the bot hears nothing", () => {
    const { client, events } = dispatched()
    const press = (message: string, user: string, role?: "member" | "admin" | "owner") =>
      client.model.press(client.now, { message, button: "b1", user, role })
    const group = "/v2/groups/G1/messages"
    const listed = shown(client, group, { type: 0, specify_user_ids: ["M1"] })
    const admins = shown(client, group, { type: 1 })
    const owners = shown(client, "/channels/C1/messages", { type: 3, specify_role_ids: ["4"] })
    const before = events.length
    for (const refused of [press(listed, "M2"), press(admins, "M1"), press(owners, "M1", "admin")]) {
      assert.deepStrictEqual(refused, { _tag: "Refused", because: "Permission", tip: "only for some" })
    }
    assert.deepInclude(press("elsewhere", "M1"), { because: "NoMessage" })
    assert.deepInclude(client.model.press(client.now, { message: listed, button: "b2", user: "M1" }), {
      because: "NoButton"
    })
    assert.strictEqual(events.length, before)
    for (const allowed of [press(listed, "M1"), press(admins, "M1", "admin"), press(owners, "M1", "owner")]) {
      assert.strictEqual(allowed._tag, "Interaction")
    }
  })

  it("commands and links are for the client alone", () => {
    const { client, events } = dispatched()
    const before = events.length
    const command = shown(client, "/v2/users/U1/messages", { type: 2 }, 2)
    assert.deepStrictEqual(client.model.press(client.now, { message: command, button: "Yes", user: "U1" }), {
      _tag: "Command",
      data: "vote:1",
      enter: true,
      reply: false
    })
    const link = shown(client, "/v2/users/U1/messages", { type: 2 }, 0)
    assert.deepStrictEqual(client.model.press(client.now, { message: link, button: "Yes", user: "U1" }), {
      _tag: "Link",
      url: "vote:1"
    })
    assert.strictEqual(events.length, before)
  })

  it("an admin bot recalls what ordinary members said in groups and channels, and nothing else", () => {
    const { client } = dispatched()
    const { model } = client
    const recall = (path: string, id: string) => client.http("DELETE", `${path}/messages/${id}`)
    const inGroup = (role?: "member" | "admin" | "owner") =>
      model.say(client.now, { scene: "group", group: "G1", member: "M1", role, text: "x", at: false, full: false })
    const inChannel = (role?: "member" | "admin" | "owner") =>
      model.say(client.now, { scene: "channel", channel: "C1", user: "E1", role, text: "x" })
    const member = inGroup()
    assert.strictEqual(recall("/v2/groups/G2", member).body.code, 40061002)
    assert.strictEqual(recall("/v2/groups/G1", member).status, 200)
    assert.strictEqual(recall("/v2/groups/G1", member).body.code, 40061002)
    for (const role of ["admin", "owner"] as const) {
      assert.strictEqual(recall("/v2/groups/G1", inGroup(role)).body.code, 40062003)
      assert.strictEqual(recall("/channels/C1", inChannel(role)).body.code, 306004)
    }
    assert.strictEqual(recall("/channels/C1", inChannel()).status, 204)
    const old = [inGroup(), inChannel()] as const
    const mine = model.say(client.now, { scene: "c2c", user: "U1", text: "x" })
    assert.strictEqual(recall("/v2/users/U1", mine).body.code, 40062003)
    client.pass(120_001)
    assert.strictEqual(recall("/v2/groups/G1", old[0]).body.code, 40064004)
    assert.strictEqual(recall("/channels/C1", old[1]).body.code, 306011)
  })

  it("mentions stand in the text where their ids do, and before it otherwise", () => {
    const { client, last } = dispatched()
    const mentions = [{ id: "M2", username: "Bo" }, { id: "M22" }]
    const say = (text: string, at?: boolean) =>
      client.model.say(client.now, { scene: "group", group: "G1", member: "M1", text, at, mentions })
    say("/mute @M22 10m @M2")
    assert.strictEqual(last()["content"], " /mute <@M22> 10m <@M2>")
    assert.lengthOf(last()["mentions"] as ReadonlyArray<unknown>, 2)
    say("hello", false)
    assert.strictEqual(last()["content"], "<@M2> <@M22> hello")
    client.model.say(client.now, { scene: "channel", channel: "C1", user: "E1", text: "a < b @M2", mentions })
    assert.match(String(last()["content"]), /^<@!\d+> <@!M22> a &lt; b <@!M2>$/)
  })

  it("a mention is put in once, whatever its id and the text are", () => {
    const { client, last } = dispatched()
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string(), (id, text) => {
        client.model.say(client.now, {
          scene: "group",
          group: "G1",
          member: "M1",
          text,
          at: false,
          mentions: [{ id }]
        })
        const content = String(last()["content"])
        assert.include(content, `<@${id}>`)
        const back = content.startsWith(`<@${id}> ${text}`) ? text : content.replaceAll(`<@${id}>`, `@${id}`)
        assert.strictEqual(back, text)
      })
    )
  })

  it("a quotation names the quoted message", () => {
    const { client, last } = dispatched()
    const first = client.model.say(client.now, { scene: "c2c", user: "U1", text: "the first" })
    const answer = client.reply(first, 1).body as {
      readonly id: string
      readonly ext_info: { readonly ref_idx: string }
    }
    const quoted = (quote: string) => {
      client.model.say(client.now, { scene: "c2c", user: "U1", text: "this one", quote })
      const [element] = last()["msg_elements"] as ReadonlyArray<Record<string, unknown>>
      return [last()["message_type"], element?.["content"], element?.["msg_idx"]]
    }
    assert.deepStrictEqual(quoted(answer.id), [103, client.model.sent[0]?.content, answer.ext_info.ref_idx])
    assert.deepStrictEqual(quoted(first), [103, "the first", "REFIDX_c2c000000000001="])
    client.model.say(client.now, { scene: "channel", channel: "C1", user: "E1", text: "this", quote: "08x" })
    assert.deepStrictEqual(last()["message_reference"], { message_id: "08x" })
  })

  it("replies are counted, and a role that changes is known", () => {
    const { client } = dispatched()
    const id = client.model.say(client.now, { scene: "group", group: "G1", member: "M1", text: "x" })
    assert.deepStrictEqual(client.model.replies(id), { used: 0, allowed: 5, until: client.now + 300_000 })
    client.http("POST", "/v2/groups/G1/messages", { msg_type: 0, content: "a", msg_id: id, msg_seq: 1 })
    assert.strictEqual(client.model.replies(id)?.used, 1)
    assert.isUndefined(client.model.replies("elsewhere"))
    const role = () => client.model.group(client.now, "G1")?.members.find((member) => member.id === "M1")?.role
    assert.strictEqual(role(), "member")
    client.model.say(client.now, { scene: "group", group: "G1", member: "M1", role: "admin", text: "x" })
    assert.strictEqual(role(), "admin")
    client.model.setMember(client.now, "G1", "M1", { role: "owner", username: "Ann" })
    assert.strictEqual(role(), "owner")
    assert.isUndefined(client.model.group(client.now, "G2"))
  })

  it("a member that the bot muted stays muted until the time has passed", () => {
    const { client } = dispatched()
    client.model.say(client.now, { scene: "group", group: "G1", member: "M1", text: "x" })
    const until = CivilDate.rfc3339(client.now + 60_000)
    const change = { op: "add", member_openid: "M1", mute_expire_at: until }
    assert.strictEqual(client.http("POST", "/v2/groups/G1/restrict_chat_setting", { members: [change] }).status, 200)
    const muted = () => client.model.group(client.now, "G1")?.members.find(({ id }) => id === "M1")?.mutedUntil
    assert.strictEqual(muted(), until)
    client.pass(61_000)
    assert.isUndefined(muted())
  })
})

describe("TestPlatform", () => {
  it.effect("roles, mentions, quotes and buttons need no raw dispatch", () =>
    Effect.gen(function* () {
      const platform = yield* TestPlatform.TestPlatform
      const seen: Array<string> = []
      const Poll = Gateway.onMessage(({ author, event, mentions, text }) =>
        Effect.zipRight(
          Effect.sync(() => seen.push(`${author.role}: ${text} (${mentions.map(({ id }) => id).join()})`)),
          Messenger.reply(
            event,
            Message.markdown("?", { keyboard: Keyboard.rows([Keyboard.button("Yes", Keyboard.callback("y"))]) })
          )
        )
      )
      yield* Effect.forkScoped(Gateway.run(Poll))
      yield* Gateway.ready
      yield* Bot.settle
      yield* platform.groupMessage({ group: "g1", text: "hi @m2", role: "admin", mentions: [{ id: "m2" }] })
      yield* Bot.settle
      const [sent] = yield* platform.sent
      assert.deepStrictEqual(seen, ["admin: hi <@m2> (m2)"])
      const pressed = yield* platform.press({ message: sent?.id ?? "", button: "Yes", user: "member" })
      assert.strictEqual(pressed._tag, "Interaction")
    }).pipe(Effect.scoped, Effect.provide(TestPlatform.layer()))
  )
})
