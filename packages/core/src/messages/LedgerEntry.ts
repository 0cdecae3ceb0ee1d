/**
 * What the ledger knows of one anchor, and the transitions of that record: plain functions, without storage.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import type { Keyed } from "../internal/KeyTable.ts"
import * as Anchor from "./Anchor.ts"
import * as Conversation from "./Conversation.ts"
import type { Paged } from "./Pages.ts"
import * as ReplyWindow from "./ReplyWindow.ts"

/**
 * What is known of a reply: nothing (`new`); it was begun and may have been delivered (`open`); it was delivered.
 *
 * @since 0.1.0
 * @category models
 */
export type ReplyState = "new" | "open" | "delivered"

/**
 * The state of a recorded reply.
 *
 * @since 0.1.0
 * @category models
 */
export type RecordedState = Exclude<ReplyState, "new">

/**
 * Whether an anchor can be replied to.
 *
 * @since 0.1.0
 * @category models
 */
export interface AnchorStatus {
  /** When its window closes, in monotonic milliseconds, margin included; `undefined` if its time of receipt is unknown. */
  readonly closesAt: number | undefined
  /** Whether the window has closed, or the platform has answered that it can no longer be replied to. */
  readonly isClosed: boolean
  /** Replies left by the table of windows; `Infinity` where replies are not counted. */
  readonly repliesLeft: number
}

/**
 * A streamed reply that was begun: what a later run needs to close and recall it.
 *
 * @since 0.1.0
 * @category models
 */
export interface BegunStream {
  /** The `msg_seq` of all its requests. */
  readonly sequence: number
  readonly format: "text" | "markdown"
  /** The platform's id of the message; `undefined` until its first request was answered. */
  readonly id?: string | undefined
  /** The index of the last request, whether it was accepted or not. */
  readonly index: number
  readonly content: string
  /** Whether that request was to be the last. */
  readonly isLast: boolean
  /** Whether users see the message as complete. */
  readonly isClosed: boolean
}

/**
 * A conversation with known anchors.
 *
 * @since 0.1.0
 * @category models
 */
export interface ConversationEntry {
  readonly scene: Conversation.Scene
  readonly target: string
  /** The anchors that `newest` chooses from, oldest first. */
  recent: Array<AnchorEntry>
}

/**
 * A known anchor. It holds the anchor's parts: thousands are received for each one that is replied to.
 *
 * @since 0.1.0
 * @category models
 */
export interface AnchorEntry extends Paged, Keyed {
  readonly kind: Anchor.Anchor["kind"]
  /** The id of the anchor. */
  readonly key: string
  readonly conversation: ConversationEntry
  /** Epoch milliseconds, as stored. */
  readonly receivedAt: number | undefined
  /** The same moment in monotonic milliseconds: setting the wall clock changes no window. */
  readonly since: number | undefined
  isKnown: boolean
  closed: boolean
  exhausted: boolean
  /** By `msg_seq`. `undefined` until the first reply: most messages never have one. */
  replies: Map<number, RecordedState> | undefined
  /** By `msg_seq`, the digests of the replies. */
  texts: Map<number, string> | undefined
  /** Streamed replies that were begun and not finished, by the `msg_seq` that stands for their name. */
  streams: Map<number, BegunStream> | undefined
}

/** More replies to one anchor than any window allows; where replies are not counted, the oldest are forgotten. */
const maximumReplies = 128

/** Unfinished streamed replies to one anchor; a private chat allows four replies. */
const maximumStreams = 8

const noReplies: ReadonlyMap<number, RecordedState> = new Map()

/**
 * An entry without replies. It gets its index in the table of anchors, and its page, from their owners.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  parts: Anchor.Parts,
  hash: number,
  conversation: ConversationEntry,
  received: { readonly at: number | undefined; readonly since: number | undefined }
): AnchorEntry => ({
  kind: parts.kind,
  key: parts.id,
  hash,
  index: -1,
  conversation,
  receivedAt: received.at,
  since: received.since,
  isKnown: true,
  closed: false,
  exhausted: false,
  replies: undefined,
  texts: undefined,
  streams: undefined,
  page: undefined
})

/**
 * The anchor of an entry.
 *
 * @since 0.1.0
 * @category conversions
 */
export const anchorOf = ({ conversation, key, kind }: AnchorEntry): Anchor.Anchor =>
  Anchor.make({ kind, id: key, conversation: Conversation.make(conversation.scene, conversation.target) })

/**
 * The parts of an entry's anchor.
 *
 * @since 0.1.0
 * @category conversions
 */
export const partsOf = ({ conversation: { scene, target }, key, kind }: AnchorEntry): Anchor.Parts => ({
  kind,
  id: key,
  scene,
  target
})

/**
 * Whether an entry belongs to the anchor with these parts.
 *
 * @since 0.1.0
 * @category guards
 */
export const isOf = ({ conversation, key, kind }: AnchorEntry, parts: Anchor.Parts): boolean =>
  key === parts.id && kind === parts.kind && conversation.target === parts.target && conversation.scene === parts.scene

/**
 * The recorded replies of an entry, by `msg_seq`.
 *
 * @since 0.1.0
 * @category lookups
 */
export const repliesOf = (entry: AnchorEntry | undefined): ReadonlyMap<number, RecordedState> =>
  entry?.replies ?? noReplies

/**
 * The recorded replies of an entry, which do not change with it. Most anchors have none.
 *
 * @since 0.1.0
 * @category lookups
 */
export const copyOfReplies = (entry: AnchorEntry | undefined): ReadonlyMap<number, RecordedState> =>
  entry?.replies === undefined || entry.replies.size === 0 ? noReplies : new Map(entry.replies)

/**
 * The status of an entry at this time, in monotonic milliseconds. `margin`, in milliseconds: how long before the end of its
 * window an anchor counts as expired. An unknown anchor counts as open.
 *
 * @since 0.1.0
 * @category lookups
 */
export const statusOf = (entry: AnchorEntry | undefined, now: number, margin: number): AnchorStatus => {
  if (entry === undefined) return { closesAt: undefined, isClosed: false, repliesLeft: Number.POSITIVE_INFINITY }
  const { duration, replies } = ReplyWindow.table[entry.conversation.scene]
  const closesAt = entry.since === undefined ? undefined : entry.since + Duration.toMillis(duration) - margin
  return {
    closesAt,
    isClosed: entry.closed || (closesAt !== undefined && now >= closesAt),
    repliesLeft: entry.exhausted ? 0 : Math.max(0, replies - (entry.replies?.size ?? 0))
  }
}

/**
 * Whether by our own count the anchor has a reply left for this one, which may have been begun.
 *
 * @since 0.1.0
 * @category lookups
 */
export const hasBudget = (entry: AnchorEntry | undefined, sequence: number): boolean => {
  if (entry === undefined) return true
  const replies = repliesOf(entry)
  const others = replies.size - (replies.has(sequence) ? 1 : 0)
  return !entry.exhausted && others < ReplyWindow.table[entry.conversation.scene].replies
}

/**
 * Records the state of a reply, and the digest of its content; the first digest counts.
 *
 * @since 0.1.0
 * @category transitions
 */
export const record = (entry: AnchorEntry, sequence: number, state: RecordedState, text?: string): void => {
  entry.replies ??= new Map()
  entry.replies.set(sequence, state)
  if (entry.replies.size > maximumReplies) {
    const oldest = entry.replies.keys().next().value
    if (oldest !== undefined) forgetReply(entry, oldest)
  }
  if (text === undefined || entry.texts?.has(sequence) === true) return
  entry.texts ??= new Map()
  entry.texts.set(sequence, text)
}

/**
 * Begins a reply; returns its state before. A reply that was begun before is left as it is.
 *
 * @since 0.1.0
 * @category transitions
 */
export const begin = (entry: AnchorEntry, sequence: number, text?: string): ReplyState => {
  const before = entry.replies?.get(sequence) ?? "new"
  if (before === "new") record(entry, sequence, "open", text)
  return before
}

/**
 * Forgets a reply: it was not delivered, so it uses up none of the anchor's replies.
 *
 * @since 0.1.0
 * @category transitions
 */
export const forgetReply = (entry: AnchorEntry, sequence: number): void => {
  entry.replies?.delete(sequence)
  entry.texts?.delete(sequence)
}

/**
 * Records the progress of a streamed reply; `undefined`: nothing of it is left to close.
 *
 * @since 0.1.0
 * @category transitions
 */
export const recordStream = (entry: AnchorEntry, name: number, stream: BegunStream | undefined): void => {
  if (stream === undefined) {
    entry.streams?.delete(name)
    return
  }
  entry.streams ??= new Map()
  entry.streams.set(name, stream)
  if (entry.streams.size <= maximumStreams) return
  const oldest = entry.streams.keys().next().value
  if (oldest !== undefined) entry.streams.delete(oldest)
}

/**
 * Takes over what was recorded of the same anchor before its time of receipt was known.
 *
 * @since 0.1.0
 * @category transitions
 */
export const inherit = (entry: AnchorEntry, earlier: AnchorEntry): void => {
  entry.replies = earlier.replies
  entry.texts = earlier.texts
  entry.streams = earlier.streams
  entry.closed = earlier.closed
  entry.exhausted = earlier.exhausted
}
