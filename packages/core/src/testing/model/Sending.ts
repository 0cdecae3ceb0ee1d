/**
 * The endpoint that sends a message to any of the four scenes, and the audits that some messages wait for.
 *
 * Source: `send.html` and `msg-btn.md` of the platform's documentation of 2026.
 *
 * @since 0.1.0
 */
import * as Anchors from "./Anchors.ts"
import * as Content from "./Content.ts"
import type { Scene } from "./Journal.ts"
import type { Outgoing } from "./Outgoing.ts"
import { defaultGuild } from "./Payloads.ts"
import type { MutableSentMessage, Platform } from "./Platform.ts"
import * as Reply from "./Reply.ts"
import type { Uploads } from "./Uploads.ts"

/**
 * The parts of the model that sending uses.
 *
 * @since 0.1.0
 * @category models
 */
export interface Context {
  readonly platform: Platform
  readonly anchors: Anchors.Anchors
  readonly outgoing: Outgoing
  readonly uploads: Pick<Uploads, "find">
  readonly gateway: { readonly isOnline: () => boolean }
  readonly dispatch: (now: number, type: string, d: unknown) => string
}

/**
 * Sends the message of a request body.
 *
 * @since 0.1.0
 * @category models
 */
export type Send = (now: number, traceId: string, scene: Scene, target: string, body: string) => Reply.Reply

/** The ids by which events and answers name the place of a message. */
const placeOf = (
  { channelOf, guildOf }: Anchors.Anchors,
  scene: Scene,
  target: string
): Readonly<Record<string, string>> => {
  switch (scene) {
    case "c2c":
      return { user_openid: target }
    case "group":
      return { group_openid: target }
    case "channel":
      return { guild_id: guildOf(target) ?? defaultGuild, channel_id: target }
    case "dm":
      return { guild_id: target, channel_id: channelOf(target) ?? `${target}0` }
  }
}

/** The message as the endpoints of guilds answer with it. */
const guildMessage = (
  { anchors, platform }: Context,
  now: number,
  message: MutableSentMessage
): Readonly<Record<string, unknown>> => {
  const { bot } = platform.settings
  return {
    id: message.id,
    ...placeOf(anchors, message.scene, message.target),
    ...(message.scene === "dm" ? { direct_message: true } : {}),
    content: message.content,
    timestamp: platform.timestamp(now),
    author: { id: bot.id, username: bot.username, avatar: "", bot: true }
  }
}

/** Decides an audit later: the message is published or not, and an event tells the bot. */
const decideLater = (
  { anchors, dispatch, outgoing, platform }: Context,
  now: number,
  message: MutableSentMessage,
  audit: { readonly id: string; readonly passes: boolean; readonly after: number }
): void =>
  platform.timers.schedule(now + audit.after, (decidedAt) => {
    const common = {
      audit_id: audit.id,
      audit_time: platform.timestamp(decidedAt),
      create_time: platform.timestamp(now),
      ...placeOf(anchors, message.scene, message.target)
    }
    if (!audit.passes) {
      dispatch(decidedAt, "MESSAGE_AUDIT_REJECT", common)
      return
    }
    outgoing.publish(message)
    dispatch(decidedAt, "MESSAGE_AUDIT_PASS", { ...common, message_id: message.id })
  })

interface Candidate {
  readonly body: Content.Body
  readonly content: Content.Content
  readonly reply: Anchors.ReplyTo | undefined
  /** The id of the file that it shows. */
  readonly file: string | undefined
}

/** Reads a body, and refuses what the platform would not accept at this time. Spends nothing but an injected refusal. */
const examine = (
  { gateway, outgoing, platform, uploads }: Context,
  now: number,
  traceId: string,
  scene: Scene,
  target: string,
  text: string
): Candidate | Reply.Reply => {
  const { settings } = platform
  const fail = (code: Reply.ErrorCode): Reply.Reply => Reply.error(traceId, code)
  if (Content.isGuild(scene) && settings.guildNeedsSession && !gateway.isOnline()) return fail(304018)
  const body = Content.parse(text)
  if (body === undefined) return fail(12002)
  const content = Content.read(scene, body)
  if (typeof content === "number") return fail(content)
  const unwanted = Content.refusal(settings, scene, content)
  if (unwanted !== undefined) return fail(unwanted)
  if (body["is_wakeup"] === true) return fail(40034123)
  const reply = Anchors.read(scene, target, body)
  if (typeof reply === "number") return fail(reply)
  const { fileInfo, msgType } = content
  // A typing notice belongs to a message; there is no proactive one.
  if (reply === undefined && msgType === 6) return fail(40034024)
  const file = fileInfo === undefined ? undefined : uploads.find(now, scene, fileInfo)
  if (fileInfo !== undefined && file === undefined) return fail(304080)
  const injected = platform.armed.takeRefusal(Content.traits(content, reply !== undefined), content.text.length)
  if (injected !== undefined) return Reply.refused(traceId, injected)
  if (outgoing.isTooFast(now, scene, target)) return fail(20028)
  const unanswerable = outgoing.check(now, scene, target, reply)
  if (unanswerable !== undefined) return fail(unanswerable)
  return { body, content, reply, file: file?.uuid }
}

/** Accepts a message for its audit if one is armed: the answer, or `undefined` for a message without audit. */
const audit = (
  context: Context,
  now: number,
  traceId: string,
  message: MutableSentMessage
): Reply.Reply | undefined => {
  const { outgoing, platform } = context
  const fault = message.msgType === 6 ? undefined : platform.armed.take("Audit")
  if (fault === undefined) return undefined
  const id = `model-audit-${platform.count("audit").toString().padStart(6, "0")}`
  outgoing.record(now, message, id)
  if (fault.outcome !== "never") {
    decideLater(context, now, message, { id, passes: fault.outcome === "pass", after: fault.after ?? 1000 })
  }
  const isReply = message.msgId !== undefined || message.eventId !== undefined
  return Reply.errorOf(traceId, {
    status: fault.status ?? 202,
    code: isReply ? 304024 : 304023,
    message: "message is waiting for its audit",
    data: { message_audit: { audit_id: id } }
  })
}

/**
 * The endpoint.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make =
  (context: Context): Send =>
  (now, traceId, scene, target, text) => {
    const { outgoing, platform } = context
    const candidate = examine(context, now, traceId, scene, target, text)
    if ("status" in candidate) return candidate
    const { body, content, file, reply } = candidate
    const { msgType } = content
    const { message, reference } = outgoing.accept(now, scene, target, reply, {
      content: content.text,
      msgType,
      body,
      ...(file === undefined ? {} : { file })
    })
    const audited = audit(context, now, traceId, message)
    if (audited !== undefined) return audited
    outgoing.record(now, message)
    const timestamp = platform.timestamp(now)
    // A typing notice is no message that could be recalled: it has no id.
    if (msgType === 6) return Reply.json(200, { timestamp })
    outgoing.publish(message)
    return Content.isGuild(scene)
      ? Reply.json(200, guildMessage(context, now, message))
      : Reply.json(200, { id: message.id, timestamp, ext_info: { ref_idx: reference } })
  }
