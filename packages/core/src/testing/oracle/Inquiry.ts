/**
 * The messages of users that are open, and those that were settled lately.
 *
 * @since 0.1.0
 */
import * as Script from "../simulation/Script.ts"
import * as Bounds from "./Bounds.ts"
import type * as Line from "./Line.ts"
import type * as StreamedReply from "./StreamedReply.ts"

/**
 * A message of a user, and what became of it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Message {
  readonly number: number
  readonly ask: Script.Ask
  readonly conversation: string
  readonly at: number
  readonly line: Line.Line
  /** The sessions that it was given to. */
  readonly sessions: ReadonlyArray<string>
  /** Whether nothing tells the bot that it misses it: the session of its shard got no events. */
  unheard: boolean
  /** Whether a process has begun that may not know what became of it. */
  mayRepeat: boolean
  /** Its place in the order in which messages were first sent; undefined when none was. */
  firstSent: number | undefined
  /** The attempt on which the present process received it. */
  receivedOn: Line.Attempt | undefined
  receivedAt: number
  begun: boolean
  /** When a handler first finished with it. */
  doneAt: number | undefined
  /** When it was given up, for no process had it and no living session; a state that was stored before may bring it back. */
  givenUpAt: number | undefined
  cut: boolean
  unknown: boolean
  replies: number
  /** What users see of a streamed reply. */
  readonly parts: Array<StreamedReply.Part>
  /** Whether the process crashed before its store knew that the reply was out. */
  wasUnsaved: boolean
  /** How often its reply was begun, and when last. */
  runs: number
  runAt: number
}

/**
 * A message that has just been said, and that no session was given.
 *
 * @since 0.1.0
 * @category constructors
 */
export const message = (at: number, ask: Script.Ask, conversation: string, line: Line.Line): Message => ({
  number: ask.number,
  ask,
  conversation,
  at,
  line,
  sessions: [],
  unheard: false,
  mayRepeat: false,
  firstSent: undefined,
  receivedOn: undefined,
  receivedAt: 0,
  begun: false,
  doneAt: undefined,
  givenUpAt: undefined,
  cut: false,
  unknown: false,
  replies: 0,
  parts: [],
  wasUnsaved: false,
  runs: 0,
  runAt: 0
})

/**
 * The messages.
 *
 * @since 0.1.0
 * @category models
 */
export interface Inquiry {
  /** Not settled yet, oldest first. */
  readonly pending: ReadonlyMap<number, Message>
  readonly add: (message: Message) => void
  readonly find: (number: number) => Message | undefined
  /** All that are known. */
  readonly all: () => ReadonlyArray<Message>
  /** It is settled, but may come again. */
  readonly settle: (message: Message, now: number) => void
  /** Notes the ids under which the platform reports a user's message. */
  readonly name: (ids: ReadonlyArray<string | undefined>, text: string | undefined) => void
  /** The number of the message with this id. */
  readonly numberOf: (id: string | undefined) => number | undefined
}

/**
 * No message yet.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (): Inquiry => {
  const pending = new Map<number, Message>()
  const recent = new Map<number, Message>()
  /** The numbers of messages, by the ids of their events and their own. */
  const events = new Map<string, number>()
  return {
    pending,
    add: (message) => void pending.set(message.number, message),
    find: (number) => pending.get(number) ?? recent.get(number),
    all: () => [...pending.values(), ...recent.values()],
    settle: (message, now) => {
      pending.delete(message.number)
      recent.set(message.number, message)
      for (const [number, old] of recent) {
        const settledAt = old.doneAt ?? old.givenUpAt ?? old.at
        if (now - settledAt < Bounds.resumableFor + Bounds.remembered) return
        recent.delete(number)
      }
    },
    name: (ids, text) => {
      const number = Script.read(text ?? "")?.number
      if (number === undefined) return
      for (const id of ids) if (id !== undefined) events.set(id, number)
      if (events.size > 8192) for (const oldest of events.keys()) return void events.delete(oldest)
    },
    numberOf: (id) => (id === undefined ? undefined : events.get(id))
  }
}
