/**
 * The sending and recalling of messages, whole and as streams, and the acknowledgement of interactions.
 *
 * Source: `send.html`, `msg-btn.md`, the stream page and the recall page of the platform's documentation of 2026.
 *
 * @since 0.1.0
 */
import type { Anchors, ReplyTo } from "./Anchors.ts"
import * as BoundedMap from "./BoundedMap.ts"
import type * as Chunks from "./Chunks.ts"
import * as Content from "./Content.ts"
import type { Fault } from "../Fault.ts"
import { type Heard, recallWindow } from "./Heard.ts"
import type { Scene } from "./Journal.ts"
import { defaultGuild } from "./Payloads.ts"
import type { MutableSentMessage, Platform } from "./Platform.ts"
import * as Proactive from "./Proactive.ts"
import * as Reply from "./Reply.ts"
import * as Uploads from "./Uploads.ts"

/** An interaction is to be acknowledged within this, in milliseconds. */
const acknowledgeWithin = 3000

/** The largest sequence number: the platform's own limit is not known, larger ones were never seen. */
const maximumSequence = 2 ** 31 - 1

/**
 * @since 0.1.0
 * @category models
 */
export interface Messages {
  readonly send: (now: number, traceId: string, scene: Scene, target: string, body: string) => Reply.Reply
  /** Takes a part of a stream to a user. */
  readonly stream: (now: number, traceId: string, target: string, body: string) => Reply.Reply
  /** A part of a stream is refused for another reason than the model has: its number is used. */
  readonly refusePart: (target: string, body: string) => void
  readonly upload: (now: number, traceId: string, scene: "c2c" | "group", target: string, body: string) => Reply.Reply
  /** Takes the parts of files. */
  readonly chunks: Chunks.Chunks
  readonly recall: (now: number, traceId: string, scene: Scene, target: string, id: string) => Reply.Reply
  readonly acknowledge: (now: number, traceId: string, id: string, body: string) => Reply.Reply
  readonly allowProactive: (scene: Scene, target: string, allowed: boolean) => void
}

interface Stream {
  readonly message: MutableSentMessage
  /** All that has come of it, whatever is shown of it. */
  text: string
  /** What is left of it when it is not finished. */
  readonly first: string
  /** The number of the last part that was taken. */
  index: number
  /** The last number that was used, by a part that was refused, too. */
  used: number
  /** When the last part was taken. */
  at: number
  /** Whether it takes no further part. */
  isOver: boolean
}

const isSequence = (value: unknown): value is number =>
  typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= maximumSequence

const replyTo = (scene: Scene, target: string, body: Content.Body): ReplyTo | Reply.ErrorCode | undefined => {
  const msgId = body["msg_id"]
  const eventId = body["event_id"]
  const sequence = body["msg_seq"] ?? 1
  const isGuild = Content.isGuild(scene)
  // Guilds do not know this field, and what a body holds besides is nobody's business.
  if (!isGuild && !isSequence(sequence)) return 12002
  if (Content.isAbsent(msgId) && Content.isAbsent(eventId)) return undefined
  if (!Content.isAbsent(msgId) && !Content.isAbsent(eventId)) return 12002
  const id = Content.isAbsent(msgId) ? eventId : msgId
  if (typeof id !== "string") return 12002
  return {
    by: Content.isAbsent(msgId) ? "event_id" : "msg_id",
    id,
    sequence: isGuild || !isSequence(sequence) ? undefined : sequence,
    scene,
    target
  }
}

const refused = (traceId: string, fault: Extract<Fault, { readonly _tag: "RefuseMessage" }>): Reply.Reply =>
  Reply.errorOf(traceId, {
    status: fault.status ?? 400,
    code: fault.code,
    errCode: fault.errCode,
    message: fault.message ?? "injected refusal"
  })

interface Recall {
  readonly now: number
  readonly scene: Scene
  readonly target: string
  readonly id: string
}

const recalled = (platform: Platform, { id, now, scene, target }: Recall): Reply.Reply => {
  platform.journal.push({ at: now, kind: "Recalled", scene, target, id })
  return Content.isGuild(scene) ? Reply.text(204, "") : Reply.json(200, {})
}

/** Recalls what a user said. */
const recallHeard = (
  platform: Platform,
  heard: Pick<Heard, "recall">,
  { traceId, ...of }: Recall & { readonly traceId: string }
): Reply.Reply => {
  const refusal = heard.recall(of.now, of.scene, of.target, of.id)
  if (refusal === undefined) return recalled(platform, of)
  return Reply.error(traceId, refusal === "unknown" ? 40061002 : refusal)
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  platform: Platform,
  anchors: Anchors,
  gateway: { readonly isOnline: () => boolean },
  heard: Pick<Heard, "recall">,
  dispatch: (now: number, type: string, d: unknown) => string
): Messages => {
  const { settings } = platform
  const sentById = BoundedMap.make<MutableSentMessage>(settings.anchorLimit)
  const streams = BoundedMap.make<Stream>(settings.anchorLimit)
  /** The streams to a user that are not finished. */
  const open = BoundedMap.make<ReadonlyArray<Stream>>(settings.anchorLimit)
  const lately = BoundedMap.make<ReadonlyArray<number>>(settings.anchorLimit)
  const proactive = Proactive.make(platform, anchors)
  const uploads = Uploads.make(platform)
  const { chunks } = uploads

  const isOpen = ({ isOver, message }: Stream): boolean => !isOver && message.stream === "generating"

  /** A stream that is not finished goes back to its first part. A further part shows the whole again, while it may come. */
  const rollBack = (stream: Stream): void => {
    stream.message.content = stream.first
  }

  const expireLater = (stream: Stream): void =>
    platform.timers.schedule(stream.at + settings.streamLifetime, (now) => {
      if (!isOpen(stream) || now < stream.at + settings.streamLifetime) return
      stream.isOver = true
      rollBack(stream)
    })

  const publish = (message: MutableSentMessage): void => {
    if (message.scene === "c2c") {
      const unfinished = (open.get(message.target) ?? []).filter(isOpen)
      for (const stream of unfinished) rollBack(stream)
      open.set(message.target, unfinished)
    }
    platform.sent.push(message)
    sentById.set(message.id, message)
    if (message.scene === "group" && settings.echoAfter !== undefined) echoLater(message, settings.echoAfter)
  }

  /** What the bot said comes back to it, and nothing in the author says that it is a bot. */
  const echoLater = ({ at, content, id, target }: MutableSentMessage, after: number): void =>
    platform.timers.schedule(at + after, (now) => {
      const { openid, username } = settings.bot
      dispatch(now, "GROUP_MESSAGE_CREATE", {
        id,
        author: { id: openid, member_openid: openid, member_role: "member", username },
        content,
        group_id: target,
        group_openid: target,
        message_type: 0,
        timestamp: platform.timestamp(now),
        mentions: []
      })
    })

  const placeOf = (scene: Scene, target: string): Readonly<Record<string, string>> => {
    switch (scene) {
      case "c2c":
        return { user_openid: target }
      case "group":
        return { group_openid: target }
      case "channel":
        return { guild_id: anchors.guildOf(target) ?? defaultGuild, channel_id: target }
      case "dm":
        return { guild_id: target, channel_id: anchors.channelOf(target) ?? `${target}0` }
    }
  }

  const decideLater = (
    now: number,
    message: MutableSentMessage,
    audit: { readonly id: string; readonly passes: boolean; readonly after: number }
  ): void =>
    platform.timers.schedule(now + audit.after, (decidedAt) => {
      const common = {
        audit_id: audit.id,
        audit_time: platform.timestamp(decidedAt),
        create_time: platform.timestamp(now),
        ...placeOf(message.scene, message.target)
      }
      if (!audit.passes) {
        dispatch(decidedAt, "MESSAGE_AUDIT_REJECT", common)
        return
      }
      publish(message)
      dispatch(decidedAt, "MESSAGE_AUDIT_PASS", { ...common, message_id: message.id })
    })

  /** Whether a channel has had its messages of this second. */
  const isTooFast = (now: number, scene: Scene, target: string): boolean => {
    if (scene !== "channel") return false
    return (lately.get(target) ?? []).filter((at) => now - at < 1000).length >= settings.channelRate
  }

  const noteRate = (now: number, scene: Scene, target: string): void => {
    if (scene !== "channel") return
    lately.set(target, [...(lately.get(target) ?? []).filter((at) => now - at < 1000), now])
  }

  /** Why a message is refused for what it answers, or for answering nothing. */
  const checkAnchor = (
    now: number,
    scene: Scene,
    target: string,
    reply: ReplyTo | undefined
  ): Reply.ErrorCode | undefined =>
    reply === undefined ? proactive.check(now, scene, target) : anchors.check(now, reply)

  const accept = (
    now: number,
    scene: Scene,
    target: string,
    reply: ReplyTo | undefined,
    content: Pick<MutableSentMessage, "content" | "msgType" | "body" | "file" | "stream">
  ): { readonly message: MutableSentMessage; readonly reference: string } => {
    if (reply === undefined) proactive.spend(now, scene, target)
    else anchors.spend(reply)
    noteRate(now, scene, target)
    const count = platform.count("sent").toString().padStart(12, "0")
    const { body, content: text, file, msgType, stream } = content
    return {
      reference: `REFIDX_out${count}=`,
      message: {
        at: now,
        scene,
        target,
        id: Content.isGuild(scene)
          ? `08out${count}c9d2`
          : `ROBOT1.0_out${count}Qx7vKc2nB9tLwZ4mYp8sRd3fHj6gUaEoIiTq1V5yN0bMk`,
        content: text,
        msgType,
        ...(reply?.by === "msg_id" ? { msgId: reply.id } : {}),
        ...(reply?.by === "event_id" ? { eventId: reply.id } : {}),
        ...(reply?.sequence === undefined ? {} : { msgSeq: reply.sequence }),
        ...(file === undefined ? {} : { file }),
        ...(stream === undefined ? {} : { stream }),
        body
      }
    }
  }

  const record = (now: number, message: MutableSentMessage, audit?: string): void => {
    const { body: _, ...recorded } = message
    platform.journal.push({ ...recorded, at: now, kind: "Accepted", ...(audit === undefined ? {} : { audit }) })
  }

  /** The message as the endpoints of guilds answer with it. */
  const guildMessage = (now: number, message: MutableSentMessage): Readonly<Record<string, unknown>> => ({
    id: message.id,
    ...placeOf(message.scene, message.target),
    ...(message.scene === "dm" ? { direct_message: true } : {}),
    content: message.content,
    timestamp: platform.timestamp(now),
    author: { id: settings.bot.id, username: settings.bot.username, avatar: "", bot: true }
  })

  const startStream = (now: number, traceId: string, target: string, body: Content.Body): Reply.Reply => {
    const fail = (code: Reply.ErrorCode): Reply.Reply => Reply.error(traceId, code)
    const { content_raw: text, content_type: type, index, input_state: state } = body
    if (typeof text !== "string") return fail(12002)
    if (index !== 0) return fail(40113002)
    if (text === "" && state === 10) return fail(50006)
    const isMarkdown = type === "markdown"
    const content: Content.Content = {
      msgType: isMarkdown ? 2 : 0,
      text,
      ...(isMarkdown ? { markdown: "custom" as const } : {})
    }
    const unwanted = Content.refusal(settings, "c2c", content)
    if (unwanted !== undefined) return fail(unwanted)
    if (body["is_wakeup"] === true) return fail(40034123)
    const reply = replyTo("c2c", target, body)
    if (typeof reply === "number") return fail(reply)
    // The documentation names msg_id and event_id and no stream without them.
    if (reply === undefined) return fail(40034024)
    const injected = platform.armed.takeRefusal(Content.traits(content, true), text.length)
    if (injected !== undefined) return refused(traceId, injected)
    const late = anchors.check(now, reply)
    if (late !== undefined) return fail(late)
    const { message, reference } = accept(now, "c2c", target, reply, {
      content: text,
      msgType: content.msgType,
      body,
      stream: state === 10 ? "done" : "generating"
    })
    record(now, message)
    publish(message)
    const stream: Stream = { message, text, first: text, index: 0, used: 0, at: now, isOver: false }
    streams.set(message.id, stream)
    open.set(target, [...(open.get(target) ?? []), stream])
    expireLater(stream)
    return Reply.json(200, {
      id: message.id,
      timestamp: platform.timestamp(now),
      ext_info: { ref_idx: reference },
      remain_msg_len: settings.maximumContent - text.length
    })
  }

  const continueStream = (now: number, traceId: string, target: string, body: Content.Body): Reply.Reply => {
    const fail = (code: Reply.ErrorCode): Reply.Reply => Reply.error(traceId, code)
    const { content_raw: text, index, input_mode: mode, input_state: state, stream_msg_id: id } = body
    if (typeof id !== "string" || typeof text !== "string" || typeof index !== "number") return fail(12002)
    const stream = streams.get(id)
    if (stream === undefined || stream.message.target !== target || stream.message.recalledAt !== undefined) {
      return fail(12002)
    }
    const { message } = stream
    const reply = replyTo("c2c", target, body)
    const isPart = typeof reply !== "number" && (reply === undefined || reply.sequence === message.msgSeq)
    // A part that came already is a repetition of the same message, in the platform's words for that.
    if (index === stream.index && isPart) return fail(40054005)
    if (index !== stream.used + 1 || stream.isOver || message.stream === "done") return fail(40113002)
    // A part that is refused has spent its number.
    stream.used = index
    if (typeof reply === "number") return fail(reply)
    const anchor = message.msgId ?? message.eventId
    if (reply !== undefined && reply.id !== anchor) return fail(40034024)
    const whole = mode === "replace" ? text : stream.text + text
    if (!whole.startsWith(stream.text)) return fail(40007)
    const content: Content.Content = {
      msgType: message.msgType,
      text: whole,
      ...(message.msgType === 2 ? { markdown: "custom" as const } : {})
    }
    const unwanted = Content.refusal(settings, "c2c", content)
    if (unwanted !== undefined) return fail(unwanted)
    const injected = platform.armed.takeRefusal(Content.traits(content, true), whole.length)
    if (injected !== undefined) return refused(traceId, injected)
    stream.text = whole
    stream.at = now
    stream.index = index
    message.content = whole
    message.stream = state === 10 ? "done" : "generating"
    if (state !== 10) expireLater(stream)
    platform.journal.push({ at: now, kind: "Streamed", id, index, done: state === 10, size: whole.length })
    return Reply.json(200, {
      id,
      timestamp: platform.timestamp(now),
      ext_info: {},
      remain_msg_len: settings.maximumContent - whole.length
    })
  }

  return {
    send: (now, traceId, scene, target, text) => {
      const fail = (code: Reply.ErrorCode): Reply.Reply => Reply.error(traceId, code)
      if (Content.isGuild(scene) && settings.guildNeedsSession && !gateway.isOnline()) return fail(304018)
      const body = Content.parse(text)
      if (body === undefined) return fail(12002)
      const content = Content.read(scene, body)
      if (typeof content === "number") return fail(content)
      const unwanted = Content.refusal(settings, scene, content)
      if (unwanted !== undefined) return fail(unwanted)
      if (body["is_wakeup"] === true) return fail(40034123)
      const reply = replyTo(scene, target, body)
      if (typeof reply === "number") return fail(reply)
      const { fileInfo, msgType } = content
      // A typing notice belongs to a message; there is no proactive one.
      if (reply === undefined && msgType === 6) return fail(40034024)
      const file = fileInfo === undefined ? undefined : uploads.find(now, scene, fileInfo)
      if (fileInfo !== undefined && file === undefined) return fail(304080)
      const injected = platform.armed.takeRefusal(Content.traits(content, reply !== undefined), content.text.length)
      if (injected !== undefined) return refused(traceId, injected)
      if (isTooFast(now, scene, target)) return fail(20028)
      const unanswerable = checkAnchor(now, scene, target, reply)
      if (unanswerable !== undefined) return fail(unanswerable)

      const { message, reference } = accept(now, scene, target, reply, {
        content: content.text,
        msgType,
        body,
        ...(file === undefined ? {} : { file: file.uuid })
      })
      const fault = msgType === 6 ? undefined : platform.armed.take("Audit")
      const audit =
        fault === undefined ? undefined : `model-audit-${platform.count("audit").toString().padStart(6, "0")}`
      record(now, message, audit)
      if (fault !== undefined && audit !== undefined) {
        if (fault.outcome !== "never") {
          decideLater(now, message, { id: audit, passes: fault.outcome === "pass", after: fault.after ?? 1000 })
        }
        return Reply.errorOf(traceId, {
          status: fault.status ?? 202,
          code: reply === undefined ? 304023 : 304024,
          message: "message is waiting for its audit",
          data: { message_audit: { audit_id: audit } }
        })
      }
      const timestamp = platform.timestamp(now)
      // Users see no message and there is nothing to recall, so the platform names none.
      if (msgType === 6) return Reply.json(200, { timestamp })
      publish(message)
      return Content.isGuild(scene)
        ? Reply.json(200, guildMessage(now, message))
        : Reply.json(200, { id: message.id, timestamp, ext_info: { ref_idx: reference } })
    },
    stream: (now, traceId, target, text) => {
      const body = Content.parse(text)
      if (body === undefined) return Reply.error(traceId, 12002)
      const { content_type: type = "text", input_mode: mode = "append", input_state: state } = body
      const isValid =
        (state === 1 || state === 10) &&
        (mode === "append" || mode === "replace") &&
        (type === "text" || type === "markdown")
      if (!isValid) return Reply.error(traceId, 12002)
      return body["stream_msg_id"] === undefined
        ? startStream(now, traceId, target, body)
        : continueStream(now, traceId, target, body)
    },
    refusePart: (target, text) => {
      const { index, stream_msg_id: id } = Content.parse(text) ?? {}
      const stream = typeof id === "string" ? streams.get(id) : undefined
      if (stream?.message.target === target && index === stream.used + 1) stream.used = index
    },
    upload: (now, traceId, scene, target, text) =>
      uploads.upload(now, traceId, scene, target, text, (file, body) => {
        const unanswerable = checkAnchor(now, scene, target, undefined)
        if (unanswerable !== undefined) return unanswerable
        const { file_data: _, ...rest } = body
        const { message } = accept(now, scene, target, undefined, {
          content: "",
          msgType: 7,
          body: rest,
          file: file.uuid
        })
        record(now, message)
        publish(message)
        return message.id
      }),
    chunks,
    recall: (now, traceId, scene, target, id) => {
      const message = sentById.get(id)
      if (message === undefined) return recallHeard(platform, heard, { now, traceId, scene, target, id })
      const isTheirs = message.scene === scene && message.target === target
      if (!isTheirs || message.recalledAt !== undefined) return Reply.error(traceId, 40061002)
      if (now - message.at > recallWindow) return Reply.error(traceId, Content.isGuild(scene) ? 306011 : 40064004)
      message.recalledAt = now
      return recalled(platform, { now, scene, target, id })
    },
    acknowledge: (now, traceId, id, text) => {
      const interaction = anchors.interaction(id)
      const code = Content.parse(text)?.["code"]
      const isCode = typeof code === "number" && Number.isInteger(code) && code >= 0 && code <= 5
      if (interaction === undefined || interaction.acknowledged || !isCode) return Reply.error(traceId, 630001)
      interaction.acknowledged = true
      platform.journal.push({ at: now, kind: "Acknowledged", id, code, late: now - interaction.at > acknowledgeWithin })
      return Reply.text(204, "")
    },
    allowProactive: proactive.allow
  }
}
