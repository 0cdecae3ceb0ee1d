/**
 * Each event is handled once and in the order of its conversation, and a handler that runs is let finish.
 *
 * @since 0.1.0
 */
import * as Bounds from "./Bounds.ts"
import type { Case } from "./Case.ts"
import type { Inquiry, Message } from "./Inquiry.ts"
import type { Owed } from "./Owed.ts"

/**
 * The rules of handlers.
 *
 * @since 0.1.0
 * @category models
 */
export interface Handling {
  readonly began: (now: number, message: number) => void
  readonly again: (now: number, message: number) => void
  readonly cut: (now: number, message: number, ranFor: number) => void
  /** A handler has finished with a message. */
  readonly left: (message: number) => void
  /** The process crashed: what its handlers worked on is cut off. */
  readonly crashed: () => void
  /** A process begins: no handler runs. */
  readonly forget: () => void
  readonly count: () => { readonly handled: number; readonly repeated: number }
}

/**
 * The rules, which have seen nothing yet.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = ({ bot, find, options }: Case, inquiry: Inquiry, owed: Pick<Owed, "regain">): Handling => {
  const conversations = new Map<string, { readonly number: number; readonly firstSent: number | undefined }>()
  /** The message of each conversation that a handler works on. */
  const working = new Map<string, number>()
  const counts = { handled: 0, repeated: 0 }

  /** The message itself may be forgotten already: the platform also replays what was settled long ago. */
  const forgetWork = (number: number): void => {
    for (const [conversation, worked] of working) if (worked === number) working.delete(conversation)
  }

  const noteOrder = (message: Message): void => {
    const last = conversations.get(message.conversation)
    if (last === undefined || last.number < message.number) {
      conversations.set(message.conversation, { number: message.number, firstSent: message.firstSent })
      return
    }
    // the platform may have sent them in another order than they were said in
    if ((last.firstSent ?? 0) < (message.firstSent ?? 0)) return
    find("Order", `message ${message.number} was handled after ${last.number} of the same conversation`)
  }

  const began: Handling["began"] = (now, number) => {
    const message = inquiry.find(number)
    if (message === undefined) {
      counts.repeated++
      return
    }
    // the store knows what was sent before a crash, but for the last moment: then there is nothing to begin again
    const isKnown = message.doneAt !== undefined && !message.mayRepeat && !message.wasUnsaved
    if (!isKnown) message.runs++
    message.runAt = now
    const other = working.get(message.conversation)
    if (other !== undefined && other !== number) {
      find("Order", `message ${number} is handled while message ${other} of the same conversation still is`)
    }
    working.set(message.conversation, number)
    if (message.givenUpAt !== undefined) owed.regain(message)
    if (!message.begun) {
      message.begun = true
      counts.handled++
      noteOrder(message)
      return
    }
    const { doneAt } = message
    // a user's handler may go on after the message was seen: what a restart cuts off comes again
    const cutOff = options.ownHandlers === true && doneAt !== undefined && bot.leftAt >= doneAt - Bounds.instant
    const excused =
      message.mayRepeat ||
      cutOff ||
      (doneAt === undefined
        ? message.cut
        : bot.crashedAt > doneAt - Bounds.instant && bot.crashedAt - doneAt <= Bounds.unsaved)
    if (!excused && (doneAt === undefined || now - doneAt < Bounds.remembered)) {
      find("HandledTwice", `message ${number} was handled again`)
    }
    counts.repeated++
    message.cut = false
  }

  return {
    began,
    again: (now, number) => {
      const message = inquiry.find(number)
      if (message === undefined) return
      message.runs++
      message.runAt = now
    },
    cut: (_now, number, ranFor) => {
      const message = inquiry.find(number)
      forgetWork(number)
      if (message !== undefined) message.cut = true
      if (ranFor < 9900)
        find("CutOff", `the handler of message ${number} was cut off ${ranFor} ms after the shutdown began`)
    },
    left: forgetWork,
    crashed: () => {
      for (const message of inquiry.all()) {
        if (message.begun && message.doneAt === undefined) message.cut = true
        if (message.doneAt !== undefined && bot.crashedAt - message.doneAt <= Bounds.unsaved) message.wasUnsaved = true
      }
    },
    forget: () => working.clear(),
    count: () => counts
  }
}
