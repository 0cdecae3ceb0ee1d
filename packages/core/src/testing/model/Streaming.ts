/**
 * The endpoint of streamed messages: a first part that starts one, and the parts that follow it.
 *
 * Source: the stream page of the platform's documentation of 2026.
 *
 * @since 0.1.0
 */
import * as Anchors from "./Anchors.ts"
import * as Content from "./Content.ts"
import type { Outgoing } from "./Outgoing.ts"
import type { Platform } from "./Platform.ts"
import * as Reply from "./Reply.ts"
import type { Streams } from "./Streams.ts"

/**
 * The endpoint.
 *
 * @since 0.1.0
 * @category models
 */
export interface Streaming {
  /** Takes a part of a stream to a user. */
  readonly stream: (now: number, traceId: string, target: string, body: string) => Reply.Reply
  /** Counts the number of a part that was refused before it reached this endpoint. */
  readonly refusePart: (target: string, body: string) => void
}

type Part = (now: number, traceId: string, target: string, body: Content.Body) => Reply.Reply

/** Takes the first part. */
const starting =
  (platform: Platform, outgoing: Outgoing, streams: Streams): Part =>
  (now, traceId, target, body) => {
    const { settings } = platform
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
    const reply = Anchors.read("c2c", target, body)
    if (typeof reply === "number") return fail(reply)
    // The documentation requires msg_id or event_id.
    if (reply === undefined) return fail(40034024)
    const injected = platform.armed.takeRefusal(Content.traits(content, true), text.length)
    if (injected !== undefined) return Reply.refused(traceId, injected)
    const late = outgoing.check(now, "c2c", target, reply)
    if (late !== undefined) return fail(late)
    const { message, reference } = outgoing.accept(now, "c2c", target, reply, {
      content: text,
      msgType: content.msgType,
      body,
      stream: state === 10 ? "done" : "generating"
    })
    outgoing.record(now, message)
    outgoing.publish(message)
    streams.start(now, message)
    return Reply.json(200, {
      id: message.id,
      timestamp: platform.timestamp(now),
      ext_info: { ref_idx: reference },
      remain_msg_len: settings.maximumContent - text.length
    })
  }

/** Takes a part that names its stream. */
const continuing =
  (platform: Platform, streams: Streams): Part =>
  (now, traceId, target, body) => {
    const { settings } = platform
    const fail = (code: Reply.ErrorCode): Reply.Reply => Reply.error(traceId, code)
    const { content_raw: text, index, input_mode: mode, input_state: state, stream_msg_id: id } = body
    if (typeof id !== "string" || typeof text !== "string" || typeof index !== "number") return fail(12002)
    const stream = streams.get(id)
    if (stream === undefined || stream.message.target !== target || stream.message.recalledAt !== undefined) {
      return fail(12002)
    }
    const { message } = stream
    const reply = Anchors.read("c2c", target, body)
    const isPart = typeof reply !== "number" && (reply === undefined || reply.sequence === message.msgSeq)
    // A part that was accepted before gets the code of a repeated message.
    if (index === stream.index && isPart) return fail(40054005)
    if (index !== stream.used + 1 || stream.isOver || message.stream === "done") return fail(40113002)
    // A refused part uses its number up, too.
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
    if (injected !== undefined) return Reply.refused(traceId, injected)
    streams.advance(now, stream, { index, text: whole, isLast: state === 10 })
    platform.journal.push({ at: now, kind: "Streamed", id, index, done: state === 10, size: whole.length })
    return Reply.json(200, {
      id,
      timestamp: platform.timestamp(now),
      ext_info: {},
      remain_msg_len: settings.maximumContent - whole.length
    })
  }

/**
 * The endpoint over these streams.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (platform: Platform, outgoing: Outgoing, streams: Streams): Streaming => {
  const start = starting(platform, outgoing, streams)
  const proceed = continuing(platform, streams)
  return {
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
        ? start(now, traceId, target, body)
        : proceed(now, traceId, target, body)
    },
    refusePart: (target, text) => {
      const { index, stream_msg_id: id } = Content.parse(text) ?? {}
      const stream = typeof id === "string" ? streams.get(id) : undefined
      if (stream?.message.target === target && index === stream.used + 1) stream.used = index
    }
  }
}
