/**
 * The order of events: those of one conversation wait in its queue, one behind another, and the conversations of which
 * none is handled wait in the ready list for their turn. Pure: it begins nothing and reads no clock.
 *
 * @since 0.1.0
 */
import type * as Facts from "../events/Facts.ts"
import { hashOf, type Keyed, KeyTable } from "../internal/KeyTable.ts"
import * as Unclaimed from "./Unclaimed.ts"

/**
 * The events of one conversation that wait. The queue exists for as long as one of them waits or is handled.
 *
 * @since 0.1.0
 * @category models
 */
export interface ConversationQueue<A> extends Keyed {
  /** Events without a handler, kept for a run of this conversation that may ask for them. */
  unclaimed: Unclaimed.Unclaimed<A> | undefined
  /** The event that was taken last. */
  taken: A | undefined
  /** The next one first. */
  readonly waiting: Array<A>
}

/**
 * How many events of one conversation are handled in succession before another conversation that is ready gets its turn.
 *
 * @since 0.1.0
 * @category constants
 */
export const turn = 32

/** Which conversation an event belongs to. */
type Conversation = Pick<Facts.Facts, "place" | "target">

/** First in, first out. The array of thousands is moved once it is half empty, and not for each that leaves. */
class ReadyList<A> {
  private entries: Array<A | undefined> = []
  private first = 0

  get length(): number {
    return this.entries.length - this.first
  }

  push(entry: A): void {
    this.entries.push(entry)
  }

  shift(): A | undefined {
    if (this.length === 0) return undefined
    const entry = this.entries[this.first]
    this.entries[this.first++] = undefined
    if (this.first * 2 >= this.entries.length) {
      this.entries = this.entries.slice(this.first)
      this.first = 0
    }
    return entry
  }

  /** Removes an entry. `false`: it is not in the list. */
  remove(entry: A): boolean {
    const place = this.entries.indexOf(entry, this.first)
    if (place < 0) return false
    this.entries.splice(place, 1)
    return true
  }
}

const seeds: Readonly<Record<Facts.Place, number>> = { group: 0, channel: 1, guild: 2, c2c: 3, type: 4 }

/**
 * The queues of all conversations.
 *
 * A queue is either ready, or taken by whoever called {@link ConversationQueues.next}, who gives it back by
 * {@link ConversationQueues.release} or passes it to the next call.
 *
 * @since 0.1.0
 * @category models
 */
export class ConversationQueues<A extends Conversation> {
  private readonly queues = new KeyTable<ConversationQueue<A>>()
  private readonly ready = new ReadyList<ConversationQueue<A>>()
  private readonly onForgotten: (unclaimed: ReadonlyArray<A>) => void

  /** `onForgotten` is called with what nothing can ask for any more. */
  constructor(onForgotten: (unclaimed: ReadonlyArray<A>) => void = () => undefined) {
    this.onForgotten = onForgotten
  }

  /** Conversations of which an event waits or is handled. */
  get size(): number {
    return this.queues.size
  }

  /** Whether a conversation waits to be taken. */
  get isReady(): boolean {
    return this.ready.length > 0
  }

  /** Adds an event to its conversation: at the end, or at the position that `position` returns. */
  add(event: A, position?: (waiting: ReadonlyArray<A>) => number): void {
    const hash = hashOf(event.target, seeds[event.place])
    const queue = this.queues.get(event.target, hash)
    if (queue === undefined) {
      const fresh: ConversationQueue<A> = {
        key: event.target,
        hash,
        index: -1,
        waiting: [event],
        unclaimed: undefined,
        taken: undefined
      }
      this.queues.add(fresh)
      this.ready.push(fresh)
    } else if (position === undefined) queue.waiting.push(event)
    else queue.waiting.splice(position(queue.waiting), 0, event)
  }

  /**
   * The queue from which the next event is to be taken; it has one. `current` is the queue from which `handled` events were
   * taken in succession: it goes on until it is empty or, where another is ready, until its turn is over.
   */
  next(current: ConversationQueue<A> | undefined, handled: number): ConversationQueue<A> | undefined {
    if (current !== undefined) {
      if (current.waiting.length > 0 && (handled < turn || this.ready.length === 0)) return current
      this.release(current)
    }
    return this.ready.shift()
  }

  /** Gives a queue back that was taken: it is ready again, or forgotten where nothing waits in it. */
  release(queue: ConversationQueue<A>): void {
    if (queue.waiting.length > 0) this.ready.push(queue)
    else this.forget(queue)
  }

  /** Removes an event that waits. `false`: it does not. */
  remove(event: A): boolean {
    const queue = this.of(event)
    const index = queue === undefined ? -1 : queue.waiting.indexOf(event)
    if (queue === undefined || index < 0) return false
    queue.waiting.splice(index, 1)
    if (queue.waiting.length > 0) return true
    if (this.ready.remove(queue)) this.forget(queue)
    return true
  }

  /** Whether something waits or is handled in this conversation. */
  has(conversation: Conversation): boolean {
    return this.of(conversation) !== undefined
  }

  /** Takes the first event that waits in a queue. */
  take(queue: ConversationQueue<A>): A | undefined {
    queue.taken = queue.waiting.shift()
    return queue.taken
  }

  /**
   * Keeps an event without a handler until those before it are handled, at most `capacity` per conversation. `false`:
   * nothing of its conversation waits or is handled, so that nothing can ask for it.
   */
  keepUnclaimed(event: A, capacity: number): boolean {
    const queue = this.of(event)
    const last = queue?.waiting.at(-1) ?? queue?.taken
    if (queue === undefined || last === undefined) return false
    queue.unclaimed ??= Unclaimed.make(capacity)
    const surplus = queue.unclaimed.keep(event, last)
    if (surplus !== undefined) this.onForgotten([surplus])
    return true
  }

  /** An event of this queue was handled: nothing asks any more for what was kept until then. */
  handled(queue: ConversationQueue<A>, event: A): void {
    const over = queue.unclaimed?.handled(event)
    if (over !== undefined && over.length > 0) this.onForgotten(over)
  }

  private of({ place, target }: Conversation): ConversationQueue<A> | undefined {
    return this.queues.get(target, hashOf(target, seeds[place]))
  }

  private forget(queue: ConversationQueue<A>): void {
    this.queues.remove(queue)
    const rest = queue.unclaimed?.clear()
    if (rest !== undefined && rest.length > 0) this.onForgotten(rest)
  }
}
