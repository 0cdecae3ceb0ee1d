/**
 * The reply windows as a table: for how long, and how often, a message or event may be replied to.
 *
 * The documented figures are not reliable: some bots are allowed more, and one page has five minutes for a private chat (all
 * `[unsure]`). They choose among anchors; whether a reply is accepted is decided by the platform's code.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import type { Scene } from "../events/Conversation.ts"

/**
 * The window of one scene.
 *
 * @since 0.1.0
 * @category models
 */
export interface ReplyWindow {
  /** From the moment the message was received. */
  readonly duration: Duration.Duration
  /** Replies per message or event; `Infinity` where only their rate is limited. */
  readonly replies: number
  readonly source: string
}

const guild = "docs 2026: overview, send.html: 5 min, no count [doc]"

/**
 * The windows of replies to messages. Those of replies to events are not published, and assumed to be the same.
 *
 * @since 0.1.0
 * @category constants
 */
export const table: { readonly [S in Scene]: ReplyWindow } = {
  c2c: {
    duration: Duration.minutes(60),
    replies: 4,
    source: "docs 2026: overview, send.html: 60 min, 4 replies since 2026-01-10, 5 before [doc]"
  },
  group: {
    duration: Duration.minutes(5),
    replies: 5,
    source: "docs 2026: overview, send.html: 5 min, 5 replies [doc]"
  },
  channel: { duration: Duration.minutes(5), replies: Number.POSITIVE_INFINITY, source: guild },
  dm: { duration: Duration.minutes(5), replies: Number.POSITIVE_INFINITY, source: guild }
}
