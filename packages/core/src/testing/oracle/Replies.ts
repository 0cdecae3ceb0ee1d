/**
 * What users see of the bot: each reply once, and passive as long as the platform takes it.
 *
 * @since 0.1.0
 */
import type { JournalEntry } from "../model/Journal.ts"
import * as Script from "../simulation/Script.ts"
import * as Bounds from "./Bounds.ts"
import type { Case } from "./Case.ts"
import type { Inquiry, Message } from "./Inquiry.ts"
import * as SameReply from "./SameReply.ts"
import * as StreamedReply from "./StreamedReply.ts"
import * as Windows from "./Windows.ts"

/**
 * The rules of replies.
 *
 * @since 0.1.0
 * @category models
 */
export interface Replies {
  readonly accepted: (entry: Extract<JournalEntry, { readonly kind: "Accepted" }>) => void
  readonly streamed: (entry: Extract<JournalEntry, { readonly kind: "Streamed" }>) => void
  readonly recalled: (id: string) => void
  /** A handler says what became of its reply. */
  readonly done: (now: number, message: number, outcome: "sent" | "unknown" | "failed" | "observed") => void
  readonly count: () => { readonly replies: number; readonly streams: number; readonly unknown: number }
}

/**
 * The rules, which have seen nothing yet.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = ({ bot, find, lines, options }: Case, inquiry: Inquiry): Replies => {
  const { model } = options
  const isSameReply = SameReply.make()
  const streams = new Map<string, StreamedReply.Part>()
  const counts = { replies: 0, streams: 0, unknown: 0 }

  /** The platform takes four replies to a message, and the parts of one may need more. */
  const isSpent = ({ parts }: Message): boolean => parts.length >= Bounds.mostReplies

  /** Guilds take no message while a shard is not connected, and one that is refused its address waits for ten minutes. */
  const isUnsendable = ({ conversation }: Message, now: number): boolean =>
    /^(?:channel|dm)/.test(conversation) &&
    [...lines.values()].some(({ state, stateAt }) => state === "Waiting" && now - stateAt > 110_000)

  const noteStreamed = (message: Message, entry: Extract<JournalEntry, { readonly kind: "Accepted" }>): void => {
    const { content, id, stream } = entry
    if (stream !== undefined) counts.streams++
    const part: StreamedReply.Part = { id, content, isOpen: stream === "generating", isRecalled: false }
    message.parts.push(part)
    // a plain part can be recalled, too
    streams.set(id, part)
    if (streams.size > Bounds.kept) for (const oldest of streams.keys()) return void streams.delete(oldest)
  }

  const accepted = (entry: Extract<JournalEntry, { readonly kind: "Accepted" }>): void => {
    if (options.ownHandlers === true) {
      counts.replies++
      // a stream may begin again with what it said before
      if (entry.stream === undefined && isSameReply(entry.msgId, entry.content)) {
        find("ReplyTwice", `users see ${JSON.stringify(entry.content)} twice in answer to ${entry.msgId}`)
      }
      return
    }
    // a part of a long text need not hold its number
    const number = inquiry.numberOf(entry.msgId) ?? Script.numberOf(entry.content)
    const message = inquiry.find(number)
    if (message === undefined) return find("ReplyTwice", `a reply to message ${entry.content}, long after it`)
    message.replies++
    if (message.parts.length === 0) counts.replies++
    const isProactive = entry.msgId === undefined && entry.eventId === undefined
    // what a process had stored has the times of a clock that may be set before the next one reads it
    const isDoubtful = bot.startedAt > message.at && (bot.steppedAt >= message.at || bot.forgetful)
    if (isProactive && !isDoubtful && Windows.isOpen(entry.scene, entry.at - message.at)) {
      find("Proactive", `a proactive reply to message ${number}, ${entry.at - message.at} ms after it`)
    }
    if (message.ask.isStreamed) return noteStreamed(message, entry)
    if (message.replies > 1 && !message.mayRepeat)
      find("ReplyTwice", `users see ${message.replies} replies to message ${number}`)
  }

  const streamed = ({ done, id }: Extract<JournalEntry, { readonly kind: "Streamed" }>): void => {
    const part = streams.get(id)
    if (part === undefined || !done) return
    part.isOpen = false
    part.content = model.sent.findLast((sent) => sent.id === id)?.content ?? part.content
  }

  const checkStreamed = (message: Message, isSent: boolean): void => {
    const { ask, doneAt, mayRepeat, number, parts, runAt, runs } = message
    const wrong = StreamedReply.judge({
      whole: Script.whole(ask),
      parts,
      runs,
      isSent,
      mustBeClosed: !mayRepeat && bot.requestTroubleAt < runAt - Bounds.requestTakes
    })
    if (wrong !== undefined) find("StreamWrong", `message ${number}, done at ${doneAt}, begun ${runs} times: ${wrong}`)
  }

  return {
    accepted,
    streamed,
    recalled: (id) => {
      const part = streams.get(id)
      if (part !== undefined) part.isRecalled = true
    },
    done: (now, number, outcome) => {
      const message = inquiry.find(number)
      if (message === undefined) return
      message.doneAt ??= now
      if (outcome === "failed" && !isUnsendable(message, now) && !isSpent(message)) {
        find("ReplyMissing", `the bot could not answer message ${number}`)
      }
      if (outcome === "unknown") {
        message.unknown = true
        counts.unknown++
      }
      if (message.replies === 0 && outcome === "sent") {
        find("ReplyMissing", `the bot says that it answered message ${number}, and users do not see it`)
      }
      if (message.ask.isStreamed && outcome !== "observed") checkStreamed(message, outcome === "sent")
      inquiry.settle(message, now)
    },
    count: () => counts
  }
}
