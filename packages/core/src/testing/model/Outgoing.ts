/**
 * Messages of the bot on their way to users: limits and windows are checked and spent, an id is given, the message is
 * journalled and published.
 *
 * @since 0.1.0
 */
import type { Anchors, ReplyTo } from "./Anchors.ts"
import * as BoundedMap from "./BoundedMap.ts"
import * as Content from "./Content.ts"
import type { Scene } from "./Journal.ts"
import type { MutableSentMessage, Platform } from "./Platform.ts"
import type { Proactive } from "./Proactive.ts"
import type { ErrorCode } from "./Reply.ts"
import type { Streams } from "./Streams.ts"

/**
 * What a message holds, besides its place and its times.
 *
 * @since 0.1.0
 * @category models
 */
export type Payload = Pick<MutableSentMessage, "content" | "msgType" | "body" | "file" | "stream">

/**
 * A message that was accepted, and the index by which users quote it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Accepted {
  readonly message: MutableSentMessage
  readonly reference: string
}

/**
 * The bot's messages.
 *
 * @since 0.1.0
 * @category models
 */
export interface Outgoing {
  /** Whether a channel has used up its messages of this second. */
  readonly isTooFast: (now: number, scene: Scene, target: string) => boolean
  /** The code that refuses a reply, or a proactive message where `reply` is `undefined`. */
  readonly check: (now: number, scene: Scene, target: string, reply: ReplyTo | undefined) => ErrorCode | undefined
  /** Accepts a message that {@link Outgoing.check} has let pass, and spends what it costs. Users do not see it yet. */
  readonly accept: (now: number, scene: Scene, target: string, reply: ReplyTo | undefined, payload: Payload) => Accepted
  /** Writes an accepted message to the journal, with the id of its audit if it waits for one. */
  readonly record: (now: number, message: MutableSentMessage, audit?: string) => void
  /** Shows a message to users. */
  readonly publish: (message: MutableSentMessage) => void
  /** A published message. */
  readonly published: (id: string) => MutableSentMessage | undefined
}

/**
 * The messages of a platform to which the bot has sent none yet.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  platform: Platform,
  anchors: Anchors,
  proactive: Proactive,
  streams: Pick<Streams, "interrupt">,
  dispatch: (now: number, type: string, d: unknown) => string
): Outgoing => {
  const { settings } = platform
  const sentById = BoundedMap.make<MutableSentMessage>(settings.anchorLimit)
  /** When channels were written to within the last second. */
  const lately = BoundedMap.make<ReadonlyArray<number>>(settings.anchorLimit)

  /** Whether a channel has used up its messages of this second. */
  const isTooFast: Outgoing["isTooFast"] = (now, scene, target) => {
    if (scene !== "channel") return false
    return (lately.get(target) ?? []).filter((at) => now - at < 1000).length >= settings.channelRate
  }

  const noteRate = (now: number, scene: Scene, target: string): void => {
    if (scene !== "channel") return
    lately.set(target, [...(lately.get(target) ?? []).filter((at) => now - at < 1000), now])
  }
  /** A message of the bot in a group comes back as an event whose author is not marked as a bot. */
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
  const accept: Outgoing["accept"] = (now, scene, target, reply, payload) => {
    if (reply === undefined) proactive.spend(now, scene, target)
    else anchors.spend(reply)
    noteRate(now, scene, target)
    const count = platform.count("sent").toString().padStart(12, "0")
    const { body, content: text, file, msgType, stream } = payload
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

  return {
    isTooFast,
    check: (now, scene, target, reply) =>
      reply === undefined ? proactive.check(now, scene, target) : anchors.check(now, reply),
    accept,
    record: (now, message, audit) => {
      const { body: _, ...recorded } = message
      platform.journal.push({ ...recorded, at: now, kind: "Accepted", ...(audit === undefined ? {} : { audit }) })
    },
    publish: (message) => {
      if (message.scene === "c2c") streams.interrupt(message.target)
      platform.sent.push(message)
      sentById.set(message.id, message)
      if (message.scene === "group" && settings.echoAfter !== undefined) echoLater(message, settings.echoAfter)
    },
    published: sentById.get
  }
}
