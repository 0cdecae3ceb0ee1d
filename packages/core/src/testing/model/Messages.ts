/**
 * The sending and recalling of messages, and the acknowledgement of interactions.
 *
 * Source: `send.html`, `msg-btn.md` and the recall page of the platform's documentation of 2026.
 *
 * @since 0.1.0
 */
import type { Anchors, ReplyTo } from "./Anchors.ts"
import * as BoundedMap from "./BoundedMap.ts"
import type { Scene } from "./Journal.ts"
import type { MutableSentMessage, Platform } from "./Platform.ts"
import * as Reply from "./Reply.ts"

/** A message can be recalled for so long, in milliseconds. */
const recallWindow = 120_000

/** An interaction is to be acknowledged within this, in milliseconds. */
const acknowledgeWithin = 3000

/** The largest sequence number: the platform's own limit is not known, larger ones were never seen. */
const maximumSequence = 2 ** 31 - 1

type Body = Readonly<Record<string, unknown>>

/**
 * @since 0.1.0
 * @category models
 */
export interface Messages {
  readonly send: (now: number, traceId: string, scene: Scene, target: string, body: string) => Reply.Reply
  readonly recall: (now: number, traceId: string, scene: Scene, target: string, id: string) => Reply.Reply
  readonly acknowledge: (now: number, traceId: string, id: string, body: string) => Reply.Reply
  readonly allowProactive: (scene: Scene, target: string, allowed: boolean) => void
}

const isRecord = (value: unknown): value is Body => typeof value === "object" && value !== null && !Array.isArray(value)

const parse = (body: string): Body | undefined => {
  try {
    const value: unknown = JSON.parse(body)
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}

const isFilled = (value: unknown): value is string => typeof value === "string" && value !== ""

const isAbsent = (value: unknown): boolean => value === undefined || value === null || value === ""

interface Valid {
  readonly msgType: number
  readonly content: string
}

/** What a message of each type must hold. 3 is by application and 4 for guilds only. */
const validate = (scene: Scene, body: Body): Valid | Reply.ErrorCode => {
  const msgType = body["msg_type"] ?? 0
  const content = body["content"]
  if (typeof msgType !== "number" || !(isAbsent(content) || typeof content === "string")) return 12002
  const text = typeof content === "string" ? content : ""
  switch (msgType) {
    case 0:
      return text === "" ? 50006 : { msgType, content: text }
    case 2: {
      const markdown = body["markdown"]
      if (text !== "") return 22006
      if (!isRecord(markdown)) return 40034011
      if (isFilled(markdown["content"])) return { msgType, content: markdown["content"] }
      return isFilled(markdown["custom_template_id"]) || !isAbsent(markdown["template_id"])
        ? { msgType, content: "" }
        : 40034011
    }
    case 3:
      return isRecord(body["ark"]) ? { msgType, content: text } : 22006
    case 6: {
      const notify = body["input_notify"]
      if (scene !== "c2c" || !isRecord(notify)) return 22006
      const seconds = notify["input_second"]
      const valid = notify["input_type"] === 1 && typeof seconds === "number" && seconds >= 1 && seconds <= 60
      return valid ? { msgType, content: "" } : 12002
    }
    case 7:
      return isRecord(body["media"]) && isFilled(body["media"]["file_info"]) ? { msgType, content: text } : 22006
    default:
      return 22006
  }
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  platform: Platform,
  anchors: Anchors,
  dispatch: (now: number, type: string, d: unknown) => string
): Messages => {
  const { settings } = platform
  const sentById = BoundedMap.make<MutableSentMessage>(settings.anchorLimit)
  const proactive = BoundedMap.make<boolean>(settings.anchorLimit)
  const spent = BoundedMap.make<{ day: number; ofDay: number; lately: Array<number> }>(settings.anchorLimit)

  const checkProactive = (now: number, scene: Scene, target: string): Reply.ErrorCode | undefined => {
    const key = `${scene}:${target}`
    if (!(proactive.get(key) ?? settings.proactive)) return 40034105
    const day = Math.floor((now + 8 * 3_600_000) / 86_400_000)
    const known = spent.get(key)
    const usage = known?.day === day ? known : { day, ofDay: 0, lately: known?.lately ?? [] }
    usage.lately = usage.lately.filter((at) => now - at < 60_000)
    spent.set(key, usage)
    const { perDay, perMinute } = settings.proactiveLimit
    return usage.lately.length >= perMinute || usage.ofDay >= perDay ? 40034100 : undefined
  }

  const spendProactive = (now: number, scene: Scene, target: string): void => {
    const usage = spent.get(`${scene}:${target}`)
    if (usage === undefined) return
    usage.lately.push(now)
    usage.ofDay += 1
  }

  const publish = (message: MutableSentMessage): void => {
    platform.sent.push(message)
    sentById.set(message.id, message)
  }

  const decideLater = (
    now: number,
    message: MutableSentMessage,
    audit: { readonly id: string; readonly passes: boolean; readonly after: number }
  ): void =>
    platform.timers.schedule(now + audit.after, (decidedAt) => {
      const place = message.scene === "c2c" ? { user_openid: message.target } : { group_openid: message.target }
      const common = {
        audit_id: audit.id,
        audit_time: platform.timestamp(decidedAt),
        create_time: platform.timestamp(now),
        ...place
      }
      if (!audit.passes) {
        dispatch(decidedAt, "MESSAGE_AUDIT_REJECT", common)
        return
      }
      publish(message)
      dispatch(decidedAt, "MESSAGE_AUDIT_PASS", { ...common, message_id: message.id })
    })

  const replyTo = (scene: Scene, target: string, body: Body): ReplyTo | Reply.ErrorCode | undefined => {
    const msgId = body["msg_id"]
    const eventId = body["event_id"]
    const sequence = body["msg_seq"] ?? 1
    const isSequence =
      typeof sequence === "number" && Number.isInteger(sequence) && sequence >= 0 && sequence <= maximumSequence
    if (!isSequence) return 12002
    if (isAbsent(msgId) && isAbsent(eventId)) return undefined
    if (!isAbsent(msgId) && !isAbsent(eventId)) return 12002
    const id = isAbsent(msgId) ? eventId : msgId
    if (typeof id !== "string") return 12002
    return { by: isAbsent(msgId) ? "event_id" : "msg_id", id, sequence, scene, target }
  }

  return {
    send: (now, traceId, scene, target, text) => {
      const fail = (code: Reply.ErrorCode): Reply.Reply => Reply.error(traceId, code)
      const body = parse(text)
      if (body === undefined) return fail(12002)
      const valid = validate(scene, body)
      if (typeof valid === "number") return fail(valid)
      if (valid.content.length > settings.maximumContent) return fail(40054007)
      if (body["is_wakeup"] === true) return fail(40034123)
      const reply = replyTo(scene, target, body)
      if (typeof reply === "number") return fail(reply)
      // A typing notice belongs to a message; there is no proactive one.
      if (reply === undefined && valid.msgType === 6) return fail(40034024)
      const refused = reply === undefined ? checkProactive(now, scene, target) : anchors.check(now, reply)
      if (refused !== undefined) return fail(refused)
      if (reply === undefined) spendProactive(now, scene, target)
      else anchors.spend(reply)

      const count = platform.count("sent").toString().padStart(12, "0")
      const message: MutableSentMessage = {
        at: now,
        scene,
        target,
        id: `ROBOT1.0_out${count}Qx7vKc2nB9tLwZ4mYp8sRd3fHj6gUaEoIiTq1V5yN0bMk`,
        content: valid.content,
        msgType: valid.msgType,
        ...(reply?.by === "msg_id" ? { msgId: reply.id } : {}),
        ...(reply?.by === "event_id" ? { eventId: reply.id } : {}),
        ...(reply === undefined ? {} : { msgSeq: reply.sequence }),
        body
      }
      const { body: _, ...recorded } = message
      const fault = valid.msgType === 6 ? undefined : platform.armed.take("Audit")
      const audit =
        fault === undefined ? undefined : `model-audit-${platform.count("audit").toString().padStart(6, "0")}`
      platform.journal.push({ ...recorded, kind: "Accepted", ...(audit === undefined ? {} : { audit }) })
      if (fault !== undefined && audit !== undefined) {
        decideLater(now, message, { id: audit, passes: fault.outcome === "pass", after: fault.after ?? 1000 })
        return Reply.errorOf(traceId, {
          status: 202,
          code: reply === undefined ? 304023 : 304024,
          message: "message is waiting for its audit",
          data: { message_audit: { audit_id: audit } }
        })
      }
      const timestamp = platform.timestamp(now)
      // Users see no message and there is nothing to recall, so the platform names none.
      if (valid.msgType === 6) return Reply.json(200, { timestamp })
      publish(message)
      return Reply.json(200, { id: message.id, timestamp, ext_info: { ref_idx: `REFIDX_out${count}=` } })
    },
    recall: (now, traceId, scene, target, id) => {
      const message = sentById.get(id)
      const isTheirs = message !== undefined && message.scene === scene && message.target === target
      if (!isTheirs || message.recalledAt !== undefined) return Reply.error(traceId, 40061002)
      if (now - message.at > recallWindow) return Reply.error(traceId, 40064004)
      message.recalledAt = now
      platform.journal.push({ at: now, kind: "Recalled", scene, target, id })
      return Reply.json(200, {})
    },
    acknowledge: (now, traceId, id, text) => {
      const interaction = anchors.interaction(id)
      const code = parse(text)?.["code"]
      const isCode = typeof code === "number" && Number.isInteger(code) && code >= 0 && code <= 5
      if (interaction === undefined || interaction.acknowledged || !isCode) return Reply.error(traceId, 630001)
      interaction.acknowledged = true
      platform.journal.push({ at: now, kind: "Acknowledged", id, code, late: now - interaction.at > acknowledgeWithin })
      return Reply.text(204, "")
    },
    allowProactive: (scene, target, allowed) => proactive.set(`${scene}:${target}`, allowed)
  }
}
