/** One exercise of each endpoint, for every skin of the model. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as BotConfig from "../../packages/core/src/BotConfig.ts"
import * as Gateway from "../../packages/core/src/Gateway.ts"
import type * as GatewayError from "../../packages/core/src/gateway/GatewayError.ts"
import * as Conversation from "../../packages/core/src/events/Conversation.ts"
import * as Message from "../../packages/core/src/messages/Message.ts"
import * as Messenger from "../../packages/core/src/messages/Messenger.ts"
import type * as SendError from "../../packages/core/src/messages/SendError.ts"
import type * as Bot from "../../packages/core/src/Bot.ts"
import * as Endpoint from "../../packages/core/src/openapi/Endpoint.ts"
import * as Endpoints from "../../packages/core/src/openapi/Endpoints.ts"
import type * as TestPlatform from "../../packages/core/src/testing/TestPlatform.ts"

const guild = "5821904417736650213"
const channel = "664100231"
const user = "10733945021187760954"
const group = "B93F0E62D7A1485CBC20F4E1A97D5368"
const member = "4A8D2C71E0F54B19A3C6D7E8F9012B5C"
const emoji = { emojiType: 1, emoji: "277" } as const

/** The platform, as far as an exercise needs it: the model in memory, or behind real HTTP. */
export type Platform = Pick<
  TestPlatform.TestPlatformShape,
  "channelMessage" | "dispatch" | "groupMessage" | "journal" | "model" | "sent"
>

/** What is there before an exercise: a member who said something in a channel, another in a group. */
const prepare = Effect.fnUntraced(function* (platform: Platform) {
  const message = yield* platform.channelMessage({ channel, user, text: "hello" })
  const said = yield* platform.groupMessage({ group, member, text: "hello" })
  yield* platform.dispatch("GROUP_JOIN_REQUEST", {
    group_openid: group,
    join_request_id: "R1",
    member_openid: "D2E17B60934C4F8AA5B1C0E3F7946D28",
    username: "Dee",
    apply_at: "2026-09-21T10:09:00+08:00",
    apply_source: "self_apply",
    verify_info: { method: "verify_message", verify_message: "please let me in" }
  })
  return { platform, message, said }
})

type Prepared = Effect.Effect.Success<ReturnType<typeof prepare>>

type Exercise = (
  prepared: Prepared
) => Effect.Effect<
  unknown,
  Endpoint.EndpointError | SendError.SendError | GatewayError.GatewayStopped,
  Bot.Bot | BotConfig.BotConfig | Scope.Scope
>

const make = Effect.fnUntraced

/** The error of a call that must fail. */
const refusal = <A, E, R>(call: Effect.Effect<A, E, R>): Effect.Effect<E, never, R> =>
  Effect.orDieWith(Effect.flip(call), (value) => new Error(`the platform took it: ${JSON.stringify(value)}`))

/** Guilds take messages of a bot only while it has a session. */
const online = Effect.zipRight(
  Effect.forkScoped(Gateway.run(Gateway.on("C2C_MESSAGE_CREATE", () => Effect.void))),
  Gateway.ready
)

/** Sends a message and gives its id. */
const sent = (conversation: Conversation.Conversation) =>
  Effect.map(Messenger.send(conversation, Message.text("sent")), ({ id }) => id ?? "")

const schedule = (from: number) => ({
  name: "tea",
  start_timestamp: String(from),
  end_timestamp: String(from + 3_600_000),
  remind_type: "0"
})

type Name = {
  readonly [Key in keyof typeof Endpoints]: (typeof Endpoints)[Key] extends { readonly source: string } ? Key : never
}[keyof typeof Endpoints]

const exercises: { readonly [Key in Name]: Exercise } = {
  getMe: make(function* () {
    assert.strictEqual((yield* Endpoints.getMe()).username, "demo-bot")
  }),
  listMyGuilds: make(function* ({ platform }) {
    yield* platform.dispatch("GUILD_CREATE", { id: "1", name: "first" })
    yield* platform.dispatch("GUILD_CREATE", { id: "2", name: "second" })
    const names = Stream.map(Endpoints.listMyGuilds.stream({ limit: 1 }), ({ id }) => id)
    assert.deepStrictEqual([...(yield* Stream.runCollect(names))], [guild, "1", "2"])
    assert.deepStrictEqual(
      (yield* Endpoints.listMyGuilds({ before: "2" })).map(({ id }) => id),
      ["1", guild]
    )
  }),
  createDirectConversation: make(function* () {
    const { guild_id } = yield* Endpoints.createDirectConversation({
      body: { recipient_id: user, source_guild_id: guild }
    })
    yield* online
    assert.isString(guild_id)
    assert.isString(yield* sent(Conversation.directMessage(guild_id ?? "")))
  }),
  generateUrlLink: make(function* () {
    const { url } = yield* Endpoints.generateUrlLink({ body: { callback_data: "poster" } })
    assert.match(url, /^https:\/\/.*poster$/)
  }),
  acknowledgeInteraction: make(function* ({ platform }) {
    yield* platform.dispatch("INTERACTION_CREATE", { id: "I1", type: 11, group_openid: group })
    const input = { interaction: "I1", appId: platform.model.appId, body: { code: 0 } } as const
    const other = yield* refusal(Endpoints.acknowledgeInteraction({ ...input, appId: "1" }))
    assert.deepInclude(other, { _tag: "ApiError", code: 630003 })
    yield* Endpoints.acknowledgeInteraction(input)
    assert.lengthOf(
      (yield* platform.journal).filter((entry) => entry.kind === "Acknowledged" && entry.id === "I1"),
      1
    )
  }),
  createWebhookSession: make(function* () {
    const body = { intents: 1 << 25, shards: [0, 1], callback_url: "https://example.com/qq" } as const
    const session = yield* Endpoints.createWebhookSession({ body })
    assert.deepStrictEqual(session.shard, [0, 1])
  }),
  listWebhookSessions: make(function* () {
    assert.deepStrictEqual(yield* Endpoints.listWebhookSessions(), [])
    const body = { intents: 1 << 25, shards: [0, 1], callback_url: "https://example.com/qq" } as const
    yield* Endpoints.createWebhookSession({ body })
    const [session] = yield* Endpoints.listWebhookSessions()
    assert.deepInclude(session, { callback_url: body.callback_url, app_id: "1905000001", intents: 1 << 25 })
  }),
  checkWebhookSessions: make(function* () {
    const body = { intents: 1 << 25, shards: [0, 1], callback_url: "https://example.com/qq" } as const
    const { session_id } = yield* Endpoints.createWebhookSession({ body })
    const [session] = yield* Endpoints.checkWebhookSessions({ action: "check" })
    assert.strictEqual(session?.session_id, session_id)
  }),
  deleteWebhookSession: make(function* () {
    const body = { intents: 1 << 25, shards: [0, 1], callback_url: "https://example.com/qq" } as const
    const { session_id = "" } = yield* Endpoints.createWebhookSession({ body })
    yield* Endpoints.deleteWebhookSession({ session: session_id })
    assert.deepStrictEqual(yield* Endpoints.listWebhookSessions(), [])
  }),
  getGuild: make(function* () {
    const found = yield* Endpoints.getGuild({ guild })
    assert.deepInclude(found, { id: guild, member_count: 3, owner: false })
  }),
  getMessageSetting: make(function* () {
    const setting = yield* Endpoints.getMessageSetting({ guild })
    assert.deepStrictEqual(setting.channel_ids, [channel])
  }),
  listMembers: make(function* () {
    const all = yield* Stream.runCollect(Endpoints.listMembers.stream({ guild, limit: 2 }))
    assert.deepInclude(
      [...all].map((each) => each.user?.id),
      user
    )
    assert.strictEqual(all.length, 3)
  }),
  getMember: make(function* () {
    const found = yield* Endpoints.getMember({ guild, user })
    assert.deepInclude(found.user, { id: user, bot: false })
    assert.deepStrictEqual(found.roles, ["1"])
  }),
  removeMember: make(function* () {
    yield* Endpoints.removeMember({ guild, user, body: { add_blacklist: true } })
    assert.deepInclude(yield* refusal(Endpoints.getMember({ guild, user })), { code: 10001 })
  }),
  muteGuild: make(function* () {
    yield* Endpoints.muteGuild({ guild, body: { mute_seconds: "60" } })
    const refused = yield* refusal(Endpoints.muteGuild({ guild, body: {} }))
    assert.deepInclude(refused, { code: 502005, class: "bad_request" })
  }),
  muteMember: make(function* () {
    yield* Endpoints.muteMember({ guild, user, body: { mute_seconds: "60" } })
    assert.deepInclude(yield* refusal(Endpoints.muteMember({ guild, user: "nobody", body: { mute_seconds: "60" } })), {
      code: 10001
    })
  }),
  muteMembers: make(function* () {
    const body = { user_ids: [user, "nobody"], mute_seconds: "60" }
    assert.deepStrictEqual((yield* Endpoints.muteMembers({ guild, body })).user_ids, [user])
  }),
  listRoles: make(function* () {
    const { role_num_limit, roles = [] } = yield* Endpoints.listRoles({ guild })
    assert.strictEqual(role_num_limit, 30)
    assert.deepStrictEqual(
      roles.map(({ id }) => id),
      ["1", "2", "4", "5"]
    )
  }),
  createRole: make(function* () {
    const { role, role_id } = yield* Endpoints.createRole({ guild, body: { name: "tea maker", hoist: 1 } })
    assert.deepInclude(role, { id: role_id, name: "tea maker", hoist: true })
  }),
  updateRole: make(function* () {
    const { role_id: role = "" } = yield* Endpoints.createRole({ guild, body: { name: "tea maker" } })
    const changed = yield* Endpoints.updateRole({ guild, role, body: { color: 1 } })
    assert.deepInclude(changed.role, { name: "tea maker", color: 1 })
  }),
  deleteRole: make(function* () {
    const { role_id: role = "" } = yield* Endpoints.createRole({ guild, body: { name: "tea maker" } })
    yield* Endpoints.deleteRole({ guild, role })
    assert.strictEqual((yield* Endpoints.listRoles({ guild })).roles?.length, 4)
  }),
  listRoleMembers: make(function* () {
    const all = yield* Stream.runCollect(Endpoints.listRoleMembers.stream({ guild, role: "1", limit: 1 }))
    assert.strictEqual(all.length, 3)
  }),
  addMemberRole: make(function* () {
    yield* Endpoints.addMemberRole({ guild, user, role: "5", body: { channel: { id: channel } } })
    assert.deepStrictEqual((yield* Endpoints.getMember({ guild, user })).roles, ["1", "5"])
  }),
  removeMemberRole: make(function* () {
    yield* Endpoints.addMemberRole({ guild, user, role: "2" })
    yield* Endpoints.removeMemberRole({ guild, user, role: "2" })
    assert.deepStrictEqual((yield* Endpoints.getMember({ guild, user })).roles, ["1"])
  }),
  createAnnouncement: make(function* ({ message }) {
    const body = { message_id: message, channel_id: channel }
    assert.deepInclude(yield* Endpoints.createAnnouncement({ guild, body }), { message_id: message, announces_type: 0 })
  }),
  deleteAnnouncement: make(function* ({ message }) {
    yield* Endpoints.createAnnouncement({ guild, body: { message_id: message, channel_id: channel } })
    yield* Endpoints.deleteAnnouncement({ guild, message })
    const gone = yield* refusal(Endpoints.deleteAnnouncement({ guild, message }))
    assert.deepInclude(gone, { code: 501008, class: "not_found" })
  }),
  listApiPermissions: make(function* () {
    const { apis = [] } = yield* Endpoints.listApiPermissions({ guild })
    assert.deepInclude(apis[0], { path: "/guilds/{guild_id}", method: "GET", auth_status: true })
  }),
  demandApiPermission: make(function* () {
    const demand = { channel_id: channel, desc: "to make channels" }
    const api_identify = { path: "/guilds/{guild_id}/channels", method: "POST" }
    const asked = yield* Endpoints.demandApiPermission({ guild, body: { ...demand, api_identify } })
    assert.deepStrictEqual(asked.api_identify, api_identify)
    const granted = { path: "/guilds/{guild_id}", method: "GET" }
    const already = yield* Endpoints.demandApiPermission.answer({ guild, body: { ...demand, api_identify: granted } })
    assert.deepStrictEqual([already.value, already.status], [{}, 500])
  }),
  listChannels: make(function* () {
    assert.deepStrictEqual(
      (yield* Endpoints.listChannels({ guild })).map(({ id }) => id),
      [channel]
    )
  }),
  createChannel: make(function* ({ platform }) {
    const made = yield* Endpoints.createChannel({ guild, body: { name: "tea", type: 0 } })
    assert.deepInclude(made, { guild_id: guild, name: "tea", type: 0 })
    assert.lengthOf(
      (yield* platform.journal).filter((entry) => entry.kind === "Said" && entry.type === "CHANNEL_CREATE"),
      1
    )
  }),
  getChannel: make(function* () {
    assert.deepInclude(yield* Endpoints.getChannel({ channel }), { id: channel, name: "general", type: 0 })
  }),
  updateChannel: make(function* () {
    yield* Endpoints.updateChannel({ channel, body: { name: "tea" } })
    assert.strictEqual((yield* Endpoints.getChannel({ channel })).name, "tea")
  }),
  deleteChannel: make(function* () {
    yield* Endpoints.deleteChannel({ channel })
    assert.deepInclude(yield* refusal(Endpoints.getChannel({ channel })), { code: 10003, class: "bad_target" })
  }),
  getOnlineCount: make(function* () {
    assert.strictEqual((yield* Endpoints.getOnlineCount({ channel })).online_nums, 0)
  }),
  getMemberPermissions: make(function* () {
    assert.deepInclude(yield* Endpoints.getMemberPermissions({ channel, user }), { user_id: user, permissions: "5" })
  }),
  updateMemberPermissions: make(function* () {
    yield* Endpoints.updateMemberPermissions({ channel, user, body: { add: "2", remove: "4" } })
    assert.strictEqual((yield* Endpoints.getMemberPermissions({ channel, user })).permissions, "3")
  }),
  getRolePermissions: make(function* () {
    assert.deepInclude(yield* Endpoints.getRolePermissions({ channel, role: "1" }), { role_id: "1", permissions: "5" })
  }),
  updateRolePermissions: make(function* () {
    yield* Endpoints.updateRolePermissions({ channel, role: "1", body: { remove: "4" } })
    assert.strictEqual((yield* Endpoints.getRolePermissions({ channel, role: "1" })).permissions, "1")
  }),
  getPins: make(function* () {
    assert.deepStrictEqual((yield* Endpoints.getPins({ channel })).message_ids, [])
  }),
  pinMessage: make(function* ({ message }) {
    assert.deepStrictEqual((yield* Endpoints.pinMessage({ channel, message })).message_ids, [message])
  }),
  unpinMessage: make(function* ({ message }) {
    yield* Endpoints.pinMessage({ channel, message })
    yield* Endpoints.unpinMessage({ channel, message: "all" })
    assert.deepStrictEqual((yield* Endpoints.getPins({ channel })).message_ids, [])
  }),
  listSchedules: make(function* () {
    assert.deepStrictEqual(yield* Endpoints.listSchedules({ channel }), [])
    yield* Endpoints.createSchedule({ channel, body: { schedule: schedule(4e12) } })
    assert.lengthOf(yield* Endpoints.listSchedules({ channel, since: 4e12 }), 1)
    assert.lengthOf(yield* Endpoints.listSchedules({ channel, since: 5e12 }), 0)
  }),
  getSchedule: make(function* () {
    const { id = "" } = yield* Endpoints.createSchedule({ channel, body: { schedule: schedule(4e12) } })
    const found = yield* Endpoints.getSchedule({ channel, schedule: id })
    assert.deepInclude(found, { name: "tea", start_timestamp: "4000000000000" })
    assert.strictEqual(found.creator?.user?.bot, true)
  }),
  createSchedule: make(function* () {
    const late = yield* refusal(Endpoints.createSchedule({ channel, body: { schedule: schedule(-1) } }))
    assert.deepInclude(late, { code: 302015 })
    assert.isString((yield* Endpoints.createSchedule({ channel, body: { schedule: schedule(4e12) } })).id)
  }),
  updateSchedule: make(function* () {
    const { id = "" } = yield* Endpoints.createSchedule({ channel, body: { schedule: schedule(4e12) } })
    const changed = yield* Endpoints.updateSchedule({
      channel,
      schedule: id,
      body: { schedule: { ...schedule(4e12), name: "coffee" } }
    })
    assert.strictEqual(changed.name, "coffee")
  }),
  deleteSchedule: make(function* () {
    const { id = "" } = yield* Endpoints.createSchedule({ channel, body: { schedule: schedule(4e12) } })
    yield* Endpoints.deleteSchedule({ channel, schedule: id })
    const gone = yield* refusal(Endpoints.getSchedule({ channel, schedule: id }))
    assert.deepInclude(gone, { code: 302011, class: "not_found" })
  }),
  addReaction: make(function* ({ message, platform }) {
    yield* Endpoints.addReaction({ channel, message, ...emoji })
    yield* Endpoints.addReaction({ channel, message, ...emoji })
    assert.lengthOf(
      (yield* platform.journal).filter((entry) => entry.kind === "Said" && entry.type === "MESSAGE_REACTION_ADD"),
      1
    )
  }),
  removeReaction: make(function* ({ message }) {
    yield* Endpoints.addReaction({ channel, message, ...emoji })
    yield* Endpoints.removeReaction({ channel, message, ...emoji })
    yield* Endpoints.removeReaction({ channel, message, ...emoji })
    assert.deepStrictEqual((yield* Endpoints.listReactions({ channel, message, ...emoji })).users, [])
  }),
  listReactions: make(function* ({ message }) {
    yield* Endpoints.addReaction({ channel, message, ...emoji })
    const all = yield* Stream.runCollect(Endpoints.listReactions.stream({ channel, message, ...emoji, limit: 1 }))
    assert.deepStrictEqual(
      [...all].map(({ username }) => username),
      ["demo-bot"]
    )
  }),
  listThreads: make(function* () {
    yield* Endpoints.createThread({ channel, body: { title: "tea", content: "is ready", format: 1 } })
    const { is_finish, threads = [] } = yield* Endpoints.listThreads({ channel })
    assert.strictEqual(is_finish, true)
    assert.deepInclude(threads[0]?.thread_info, { title: "tea", content: "is ready" })
  }),
  getThread: make(function* () {
    yield* Endpoints.createThread({ channel, body: { title: "tea", content: "is ready", format: 1 } })
    const id = (yield* Endpoints.listThreads({ channel })).threads?.[0]?.thread_info?.thread_id ?? ""
    const { thread } = yield* Endpoints.getThread({ channel, thread: id })
    assert.strictEqual(thread?.thread_info?.title, "tea")
  }),
  createThread: make(function* () {
    const task = yield* Endpoints.createThread({ channel, body: { title: "tea", content: "is ready", format: 1 } })
    assert.strictEqual(task.task_id, "1")
    const empty = { title: "", content: "", format: 1 } as const
    assert.deepInclude(yield* refusal(Endpoints.createThread({ channel, body: empty })), { code: 503005 })
  }),
  deleteThread: make(function* () {
    yield* Endpoints.createThread({ channel, body: { title: "tea", content: "is ready", format: 1 } })
    const thread = (yield* Endpoints.listThreads({ channel })).threads?.[0]?.thread_info?.thread_id ?? ""
    yield* Endpoints.deleteThread({ channel, thread })
    assert.deepStrictEqual((yield* Endpoints.listThreads({ channel })).threads, [])
  }),
  controlAudio: make(function* () {
    yield* Endpoints.controlAudio({ channel, body: { audio_url: "https://example.com/a.mp3", text: "tea", status: 0 } })
    assert.deepInclude(yield* refusal(Endpoints.controlAudio({ channel, body: {} })), { code: 12002 })
  }),
  takeMicrophone: make(function* () {
    yield* Endpoints.takeMicrophone({ channel })
    assert.strictEqual((yield* Endpoints.getOnlineCount({ channel })).online_nums, 1)
  }),
  leaveMicrophone: make(function* () {
    yield* Endpoints.takeMicrophone({ channel })
    yield* Endpoints.leaveMicrophone({ channel })
    assert.strictEqual((yield* Endpoints.getOnlineCount({ channel })).online_nums, 0)
  }),
  getChannelMessage: make(function* ({ message }) {
    assert.deepInclude(yield* Endpoints.getChannelMessage({ channel, message }), { id: message, content: "hello" })
  }),
  recallUserMessage: make(function* ({ platform }) {
    const message = yield* sent(Conversation.c2c("U1"))
    yield* Endpoints.recallUserMessage({ user: "U1", message })
    assert.isNumber((yield* platform.sent)[0]?.recalledAt)
  }),
  recallGroupMessage: make(function* ({ platform }) {
    const message = yield* sent(Conversation.group(group))
    yield* Endpoints.recallGroupMessage({ group, message })
    assert.isNumber((yield* platform.sent)[0]?.recalledAt)
  }),
  recallChannelMessage: make(function* ({ platform }) {
    yield* online
    const message = yield* sent(Conversation.channel(channel))
    yield* Endpoints.recallChannelMessage({ channel, message, hidetip: true })
    assert.isNumber((yield* platform.sent)[0]?.recalledAt)
  }),
  recallDirectMessage: make(function* ({ platform }) {
    yield* online
    const message = yield* sent(Conversation.directMessage("177"))
    yield* Endpoints.recallDirectMessage({ guild: "177", message })
    assert.isNumber((yield* platform.sent)[0]?.recalledAt)
  }),
  getGroup: make(function* () {
    assert.deepInclude(yield* Endpoints.getGroup({ group }), { group_openid: group, group_member_num: 2 })
  }),
  getGroupBotState: make(function* () {
    assert.deepInclude(yield* Endpoints.getGroupBotState({ group }), {
      member_role: "admin",
      allow_proactive_msg: true
    })
  }),
  listGroupMembers: make(function* ({ platform }) {
    for (let index = 0; index < 40; index++) {
      yield* platform.dispatch("GROUP_MEMBER_ADD", { group_openid: group, member_openid: `M${index}`, timestamp: 1 })
    }
    const [first, all] = [
      yield* Endpoints.listGroupMembers({ group }),
      yield* Stream.runCollect(Endpoints.listGroupMembers.stream({ group }))
    ]
    assert.deepStrictEqual([first.members?.length, first.next_cursor, all.length], [30, "30", 42])
  }),
  getGroupMember: make(function* () {
    const found = yield* Endpoints.getGroupMember({ group, member })
    assert.deepInclude(found, { member_openid: member, member_role: "member", bot: false })
  }),
  removeGroupMembers: make(function* () {
    const body = { member_openids: [member, "nobody"], add_to_member_blacklist: true }
    const removed = yield* Endpoints.removeGroupMembers({ group, body })
    assert.deepInclude(removed, {
      remove_members_result: "partial",
      add_to_member_blacklist_fail_openids: ["nobody"]
    })
    assert.strictEqual((yield* Endpoints.getGroup({ group })).group_member_num, 1)
  }),
  getRestrictChatSetting: make(function* () {
    const { global_rule, members } = yield* Endpoints.getRestrictChatSetting({ group })
    assert.deepStrictEqual([global_rule?.mode, members], ["none", []])
  }),
  updateRestrictChatSetting: make(function* () {
    const mute_expire_at = "2099-01-01T00:00:00+08:00"
    const body = { members: [{ op: "add", member_openid: member, mute_expire_at }] } as const
    yield* Endpoints.updateRestrictChatSetting({ group, body })
    const muted = (yield* Endpoints.getRestrictChatSetting({ group })).members
    assert.deepInclude(muted?.[0], { member_openid: member, mute_expire_at })
    yield* Endpoints.updateRestrictChatSetting({ group, body: { members: [{ op: "del", member_openid: member }] } })
    assert.deepStrictEqual((yield* Endpoints.getRestrictChatSetting({ group })).members, [])
  }),
  listGroupBlacklist: make(function* () {
    const body = { op: "add", member_openids: ["X1", "X2", "X3"] } as const
    yield* Endpoints.updateGroupBlacklist({ group, body })
    const all = yield* Stream.runCollect(Endpoints.listGroupBlacklist.stream({ group, limit: 2 }))
    assert.deepStrictEqual(
      [...all].map(({ member_openid }) => member_openid),
      ["X1", "X2", "X3"]
    )
  }),
  updateGroupBlacklist: make(function* () {
    const body = { op: "add", member_openids: ["X1", member] } as const
    assert.deepStrictEqual((yield* Endpoints.updateGroupBlacklist({ group, body })).fail_openids, [member])
    yield* Endpoints.updateGroupBlacklist({ group, body: { op: "del", member_openids: ["X1"] } })
    assert.deepStrictEqual((yield* Endpoints.listGroupBlacklist({ group })).users, [])
  }),
  listJoinRequests: make(function* () {
    const all = [...(yield* Stream.runCollect(Endpoints.listJoinRequests.stream({ group })))]
    assert.deepInclude(all[0], { join_request_id: "R1", username: "Dee", apply_source: "self_apply" })
    assert.strictEqual(all[0]?.verify_info?.verify_message, "please let me in")
  }),
  decideJoinRequest: make(function* ({ platform }) {
    const dee = "D2E17B60934C4F8AA5B1C0E3F7946D28"
    yield* Endpoints.decideJoinRequest({ group, member: dee, body: { op: "approve", join_request_id: "R1" } })
    assert.deepStrictEqual((yield* Endpoints.listJoinRequests({ group })).list, [])
    assert.strictEqual((yield* Endpoints.getGroupMember({ group, member: dee })).username, "Dee")
    assert.lengthOf(
      (yield* platform.journal).filter((entry) => entry.kind === "Said" && entry.type === "GROUP_MEMBER_ADD"),
      1
    )
  }),
  listJoinApprovalStrategies: make(function* () {
    yield* Endpoints.createJoinApprovalStrategy({ body: { group_openids: [group], remark: "first" } })
    yield* Endpoints.createJoinApprovalStrategy({ body: { group_openids: [group], remark: "second" } })
    const all = yield* Stream.runCollect(Endpoints.listJoinApprovalStrategies.stream({ limit: 1 }))
    assert.deepStrictEqual(
      [...all].map(({ remark }) => remark),
      ["second", "first"]
    )
  }),
  createJoinApprovalStrategy: make(function* () {
    const made = yield* Endpoints.createJoinApprovalStrategy({ body: { group_openids: [group] } })
    assert.strictEqual(made.is_enable, "on")
    assert.deepInclude(yield* refusal(Endpoints.createJoinApprovalStrategy({ body: {} })), { code: 12002 })
  }),
  updateJoinApprovalStrategy: make(function* () {
    const { strategy_id: strategy = "" } = yield* Endpoints.createJoinApprovalStrategy({
      body: { group_openids: [group] }
    })
    const body = { is_enable: "off", group_action: { op: "add", group_openids: ["G2"] } } as const
    assert.strictEqual((yield* Endpoints.updateJoinApprovalStrategy({ strategy, body })).is_enable, "off")
    const [changed] = (yield* Endpoints.listJoinApprovalStrategies()).strategies ?? []
    assert.deepInclude(changed, { is_enable: "off", group_openids: [group, "G2"] })
  }),
  deleteJoinApprovalStrategy: make(function* () {
    const { strategy_id: strategy = "" } = yield* Endpoints.createJoinApprovalStrategy({
      body: { group_openids: [group] }
    })
    yield* Endpoints.deleteJoinApprovalStrategy({ strategy })
    assert.deepStrictEqual((yield* Endpoints.listJoinApprovalStrategies()).strategies, [])
  }),
  executeJoinApprovalStrategy: make(function* () {
    const { strategy_id: strategy = "" } = yield* Endpoints.createJoinApprovalStrategy({
      body: { group_openids: [group] }
    })
    yield* Endpoints.executeJoinApprovalStrategy({ strategy })
    assert.deepInclude(yield* refusal(Endpoints.executeJoinApprovalStrategy({ strategy: "none" })), { code: 12001 })
  }),
  updateJoinApprovalWhitelist: make(function* () {
    const { strategy_id: strategy = "" } = yield* Endpoints.createJoinApprovalStrategy({
      body: { group_openids: [group] }
    })
    const body = { op: "add", whitelist_users: ["10001", "10002"] } as const
    const whitelist = yield* Endpoints.updateJoinApprovalWhitelist({ strategy, body })
    assert.deepInclude(whitelist, { strategy_id: strategy, whitelist_user_count: 2 })
  }),
  getMenu: make(function* () {
    assert.deepInclude(yield* Endpoints.getMenu(), { version: 0 })
    assert.isUndefined((yield* Endpoints.getMenu()).menu)
  }),
  setMenu: make(function* () {
    const menu = { items: [{ type: "send_message", name: "help", send_message: "/help" }] } as const
    assert.strictEqual((yield* Endpoints.setMenu({ body: { menu } })).version, 1)
    assert.deepInclude((yield* Endpoints.getMenu()).menu?.items?.[0], { name: "help", send_message: "/help" })
  }),
  listPanels: make(function* () {
    const panel = { items: [{ type: "command", name: "/help" }] } as const
    for (const scope of ["group", "group", "c2c"] as const) yield* Endpoints.createPanel({ body: { scope, panel } })
    const all = [...(yield* Stream.runCollect(Endpoints.listPanels.stream({ scope: "group", limit: 1 })))]
    assert.strictEqual(all.length, 2)
    assert.deepInclude(all[0]?.panel?.items?.[0], { type: "command", name: "/help" })
  }),
  createPanel: make(function* () {
    const panel = { items: [{ type: "command", name: "/help" }] } as const
    assert.isString((yield* Endpoints.createPanel({ body: { scope: "group", panel } })).panel_id)
  }),
  getPanel: make(function* () {
    const panel = { items: [{ type: "command", name: "/help" }] } as const
    const body = { scope: "group", target_type: "specific", group_openids: [group], panel } as const
    const { panel_id = "" } = yield* Endpoints.createPanel({ body })
    const found = yield* Endpoints.getPanel({ panel: panel_id })
    assert.deepInclude(found, { scope: "group", target_type: "specific", version: 1, group_openids: [group] })
  }),
  updatePanel: make(function* () {
    const panel = { items: [{ type: "command", name: "/help" }] } as const
    const { panel_id = "" } = yield* Endpoints.createPanel({ body: { scope: "group", panel } })
    const written = yield* Endpoints.updatePanel({ panel: panel_id, body: { panel: { items: [], remark: "empty" } } })
    assert.strictEqual(written.version, 2)
    assert.deepInclude((yield* Endpoints.getPanel({ panel: panel_id })).panel, { items: [], remark: "empty" })
  }),
  deletePanel: make(function* () {
    const panel = { items: [{ type: "command", name: "/help" }] } as const
    const { panel_id = "" } = yield* Endpoints.createPanel({ body: { scope: "group", panel } })
    yield* Endpoints.deletePanel({ panel: panel_id })
    assert.deepStrictEqual((yield* Endpoints.listPanels({ scope: "group" })).records, [])
  }),
  updatePanelTarget: make(function* () {
    const panel = { items: [{ type: "command", name: "/help" }] } as const
    const { panel_id = "" } = yield* Endpoints.createPanel({ body: { scope: "group", panel } })
    const body = { op: "add", group_openids: [group] } as const
    const refused = yield* refusal(Endpoints.updatePanelTarget({ panel: panel_id, body }))
    assert.deepInclude(refused, { code: 40030021, class: "bad_request" })
  })
}

/** The table is the module: what is no endpoint in it is no row. */
export const rows = Object.entries(Endpoints).flatMap(([name, value]) =>
  Endpoint.isEndpoint(value) ? [[name, value as Endpoint.Endpoint<never, unknown>] as const] : []
)

/** Does the exercise of a row, and looks at what was asked of the platform. */
export const exercise = Effect.fnUntraced(function* (name: string, platform: Platform) {
  const row = rows.find(([other]) => other === name)?.[1]
  const run = (exercises as Readonly<Record<string, Exercise | undefined>>)[name]
  if (run === undefined) return assert.fail(`${name} has no exercise`)
  yield* Effect.flatMap(prepare(platform), run)
  const asked = (yield* platform.journal).filter((entry) => entry.kind === "Request")
  const pattern = new RegExp(`^${row?.path.replaceAll(/\{\w+\}/g, "[^/]+")}$`)
  assert.isTrue(asked.some(({ method, path }) => method === row?.method && pattern.test(path)))
  assert.isFalse(asked.some(({ status }) => status === 404 || status === 405))
})
