/**
 * The sending and recalling of messages, whole and as streams, and the acknowledgement of interactions.
 *
 * Source: `send.html`, `msg-btn.md`, the stream page and the recall page of the platform's documentation of 2026.
 *
 * @since 0.1.0
 */
import type { Anchors } from "./Anchors.ts"
import type * as Chunks from "./Chunks.ts"
import * as Content from "./Content.ts"
import { type Heard, recallWindow } from "./Heard.ts"
import type { Scene } from "./Journal.ts"
import * as Outgoing from "./Outgoing.ts"
import type { Platform } from "./Platform.ts"
import * as Proactive from "./Proactive.ts"
import * as Reply from "./Reply.ts"
import * as Sending from "./Sending.ts"
import * as Streaming from "./Streaming.ts"
import * as Streams from "./Streams.ts"
import * as Uploads from "./Uploads.ts"

/** An interaction is to be acknowledged within this, in milliseconds. */
const acknowledgeWithin = 3000

/**
 * @since 0.1.0
 * @category models
 */
export interface Messages extends Streaming.Streaming {
  readonly send: Sending.Send
  readonly upload: (now: number, traceId: string, scene: "c2c" | "group", target: string, body: string) => Reply.Reply
  /** Files that are uploaded in parts. */
  readonly chunks: Chunks.Chunks
  readonly recall: (now: number, traceId: string, scene: Scene, target: string, id: string) => Reply.Reply
  readonly acknowledge: (now: number, traceId: string, id: string, body: string) => Reply.Reply
  readonly allowProactive: (scene: Scene, target: string, allowed: boolean) => void
}

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

/** Recalls the message of a user. */
const recallHeard = (
  platform: Platform,
  heard: Pick<Heard, "recall">,
  { traceId, ...of }: Recall & { readonly traceId: string }
): Reply.Reply => {
  const refusal = heard.recall(of.now, of.scene, of.target, of.id)
  if (refusal === undefined) return recalled(platform, of)
  return Reply.error(traceId, refusal === "unknown" ? 40061002 : refusal)
}

/** The endpoint that recalls messages of the bot and, for an admin, of users. */
const recalling =
  (platform: Platform, outgoing: Outgoing.Outgoing, heard: Pick<Heard, "recall">): Messages["recall"] =>
  (now, traceId, scene, target, id) => {
    const message = outgoing.published(id)
    if (message === undefined) return recallHeard(platform, heard, { now, traceId, scene, target, id })
    const isTheirs = message.scene === scene && message.target === target
    if (!isTheirs || message.recalledAt !== undefined) return Reply.error(traceId, 40061002)
    if (now - message.at > recallWindow) return Reply.error(traceId, Content.isGuild(scene) ? 306011 : 40064004)
    message.recalledAt = now
    return recalled(platform, { now, scene, target, id })
  }

/** The endpoint that acknowledges interactions. */
const acknowledging =
  (platform: Platform, anchors: Anchors): Messages["acknowledge"] =>
  (now, traceId, id, text) => {
    const interaction = anchors.interaction(id)
    const code = Content.parse(text)?.["code"]
    const isCode = typeof code === "number" && Number.isInteger(code) && code >= 0 && code <= 5
    if (interaction === undefined || interaction.acknowledged || !isCode) return Reply.error(traceId, 630001)
    interaction.acknowledged = true
    platform.journal.push({ at: now, kind: "Acknowledged", id, code, late: now - interaction.at > acknowledgeWithin })
    return Reply.text(204, "")
  }

/** The endpoint that takes a file, and sends it as a proactive message where the body asks for that. */
const uploading =
  (uploads: Uploads.Uploads, outgoing: Outgoing.Outgoing): Messages["upload"] =>
  (now, traceId, scene, target, text) =>
    uploads.upload(now, traceId, scene, target, text, (file, body) => {
      const unanswerable = outgoing.check(now, scene, target, undefined)
      if (unanswerable !== undefined) return unanswerable
      const { file_data: _, ...rest } = body
      const { message } = outgoing.accept(now, scene, target, undefined, {
        content: "",
        msgType: 7,
        body: rest,
        file: file.uuid
      })
      outgoing.record(now, message)
      outgoing.publish(message)
      return message.id
    })

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
  const streams = Streams.make(platform)
  const proactive = Proactive.make(platform, anchors)
  const uploads = Uploads.make(platform)
  const outgoing = Outgoing.make(platform, anchors, proactive, streams, dispatch)
  return {
    ...Streaming.make(platform, outgoing, streams),
    send: Sending.make({ platform, anchors, outgoing, uploads, gateway, dispatch }),
    upload: uploading(uploads, outgoing),
    chunks: uploads.chunks,
    recall: recalling(platform, outgoing, heard),
    acknowledge: acknowledging(platform, anchors),
    allowProactive: proactive.allow
  }
}
