/**
 * What the ledger knows of one anchor, and the transitions of that record: plain functions, without storage.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Conversation from "../events/Conversation.ts"
import * as Anchor from "./Anchor.ts"
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
 * The conversation of an anchor.
 *
 * @since 0.1.0
 * @category models
 */
export interface AnchorPlace {
  readonly scene: Conversation.Scene
  readonly target: string
}

/** A recorded reply. */
interface Reply {
  readonly state: RecordedState
  /** The digest of its content. */
  readonly text: string | undefined
}

/**
 * What has become of an anchor: its replies, and what the platform has answered to them. Most messages never have any.
 *
 * @since 0.1.0
 * @category models
 */
export interface Past {
  closed: boolean
  exhausted: boolean
  /** By `msg_seq`. */
  readonly replies: Map<number, Reply>
  /** Streamed replies that were begun and not finished, by the `msg_seq` that stands for their name. */
  streams: Map<number, BegunStream> | undefined
}

/**
 * A known anchor.
 *
 * @since 0.1.0
 * @category models
 */
export interface AnchorEntry {
  readonly kind: Anchor.Anchor["kind"]
  readonly id: string
  readonly conversation: AnchorPlace
  /** Epoch milliseconds, as stored. */
  readonly receivedAt: number | undefined
  /** The same moment in monotonic milliseconds: setting the wall clock changes no window. */
  readonly since: number | undefined
  readonly past: Past | undefined
}

/** More replies to one anchor than any window allows; where replies are not counted, the oldest are forgotten. */
const maximumReplies = 128

/** Unfinished streamed replies to one anchor; a private chat allows four replies. */
const maximumStreams = 8

const noReplies: ReadonlyMap<number, Reply> = new Map()

const noStates: ReadonlyMap<number, RecordedState> = new Map()

/**
 * The past of an anchor without replies.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makePast = (): Past => ({ closed: false, exhausted: false, replies: new Map(), streams: undefined })

/**
 * The anchor of an entry.
 *
 * @since 0.1.0
 * @category conversions
 */
export const anchorOf = ({ conversation: { scene, target }, id, kind }: AnchorEntry): Anchor.Anchor =>
  Anchor.make({ kind, id, conversation: Conversation.make(scene, target) })

const repliesOf = (entry: AnchorEntry | undefined): ReadonlyMap<number, Reply> => entry?.past?.replies ?? noReplies

/**
 * The states of an entry's replies, by `msg_seq`: a copy, which does not change with the entry.
 *
 * @since 0.1.0
 * @category lookups
 */
export const statesOf = (entry: AnchorEntry | undefined): ReadonlyMap<number, RecordedState> => {
  const replies = repliesOf(entry)
  return replies.size === 0 ? noStates : new Map(Array.from(replies, ([sequence, { state }]) => [sequence, state]))
}

/**
 * The digests of an entry's replies, by `msg_seq`, where they are known.
 *
 * @since 0.1.0
 * @category lookups
 */
export const textsOf = (entry: AnchorEntry | undefined): ReadonlyMap<number, string> => {
  const texts = new Map<number, string>()
  for (const [sequence, { text }] of repliesOf(entry)) if (text !== undefined) texts.set(sequence, text)
  return texts
}

/**
 * The status of an entry at this time, in monotonic milliseconds. `margin`, in milliseconds: how long before the end of its
 * window an anchor counts as expired. An unknown anchor counts as open.
 *
 * @since 0.1.0
 * @category lookups
 */
export const statusOf = (entry: AnchorEntry | undefined, now: number, margin: number): AnchorStatus => {
  if (entry === undefined) return { closesAt: undefined, isClosed: false, repliesLeft: Number.POSITIVE_INFINITY }
  const { conversation, past, since } = entry
  const { duration, replies } = ReplyWindow.table[conversation.scene]
  const closesAt = since === undefined ? undefined : since + Duration.toMillis(duration) - margin
  return {
    closesAt,
    isClosed: past?.closed === true || (closesAt !== undefined && now >= closesAt),
    repliesLeft: past?.exhausted === true ? 0 : Math.max(0, replies - repliesOf(entry).size)
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
  return entry.past?.exhausted !== true && others < ReplyWindow.table[entry.conversation.scene].replies
}

/**
 * Records the state of a reply, and the digest of its content; the first digest counts.
 *
 * @since 0.1.0
 * @category transitions
 */
export const record = ({ replies }: Past, sequence: number, state: RecordedState, text?: string): void => {
  replies.set(sequence, { state, text: replies.get(sequence)?.text ?? text })
  if (replies.size <= maximumReplies) return
  const oldest = replies.keys().next().value
  if (oldest !== undefined) replies.delete(oldest)
}

/**
 * Begins a reply; returns its state before. A reply that was begun before is left as it is.
 *
 * @since 0.1.0
 * @category transitions
 */
export const begin = (past: Past, sequence: number, text?: string): ReplyState => {
  const before = past.replies.get(sequence)?.state ?? "new"
  if (before === "new") record(past, sequence, "open", text)
  return before
}

/**
 * Forgets a reply: it was not delivered, so it uses up none of the anchor's replies.
 *
 * @since 0.1.0
 * @category transitions
 */
export const forgetReply = ({ replies }: Past, sequence: number): void => {
  replies.delete(sequence)
}

/**
 * Records the progress of a streamed reply; `undefined`: nothing of it is left to close.
 *
 * @since 0.1.0
 * @category transitions
 */
export const recordStream = (past: Past, name: number, stream: BegunStream | undefined): void => {
  if (stream === undefined) {
    past.streams?.delete(name)
    return
  }
  past.streams ??= new Map()
  past.streams.set(name, stream)
  if (past.streams.size <= maximumStreams) return
  const oldest = past.streams.keys().next().value
  if (oldest !== undefined) past.streams.delete(oldest)
}
