/**
 * The order of events: those of one conversation wait in its queue, one behind another, and the conversations of which
 * none is handled wait in the ready list for their turn. Pure: it begins nothing and reads no clock.
 *
 * @since 0.1.0
 */
import type * as Facts from "../events/Facts.ts"
import { Fifo } from "../internal/Fifo.ts"
import { hashOf, type Keyed, KeyTable } from "../internal/KeyTable.ts"
import * as Unclaimed from "./Unclaimed.ts"

/**
 * The events of one conversation that wait. The queue exists for as long as one of them waits or is handled.
 *
 * @since 0.1.0
 * @category models
 */
export interface ConversationQueue<A> extends Keyed {
  /** The event that was taken last. */
  handling: A | undefined
  /** Interactions without a handler, kept for a run of this conversation that may ask for them. */
  unclaimed: Unclaimed.Unclaimed<A> | undefined
  /** The next one first. */
  readonly waiting: Fifo<A>
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

const seeds: Readonly<Record<Facts.Place, number>> = { group: 0, channel: 1, guild: 2, c2c: 3, type: 4 }

/**
 * The queues of all conversations.
 *
 * A queue is either ready, or taken by the caller of {@link ConversationQueues.next}, which gives it back by
 * {@link ConversationQueues.release} or passes it to the next call.
 *
 * @since 0.1.0
 * @category models
 */
export class ConversationQueues<A extends Conversation> {
  private readonly queues = new KeyTable<ConversationQueue<A>>()
  private readonly ready = new Fifo<ConversationQueue<A>>()
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

  /** Adds an event to its conversation: at the end, or before the first event that `before` accepts. */
  add(event: A, before?: (waiting: A) => boolean): void {
    const hash = hashOf(event.target, seeds[event.place])
    const queue = this.queues.get(event.target, hash) ?? this.open(event, hash)
    if (before === undefined) queue.waiting.push(event)
    else queue.waiting.insert(event, before)
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

  /** Takes the next event of a queue. */
  take(queue: ConversationQueue<A>): A | undefined {
    queue.handling = queue.waiting.shift()
    return queue.handling
  }

  /** An event that was taken is handled: what was kept until then is forgotten. */
  handled(queue: ConversationQueue<A>, event: A): void {
    if (queue.unclaimed !== undefined) this.onForgotten(queue.unclaimed.handled(event))
  }

  /** Gives a queue back that was taken: it is ready again, or forgotten where nothing waits in it. */
  release(queue: ConversationQueue<A>): void {
    if (queue.waiting.length > 0) this.ready.push(queue)
    else this.forget(queue)
  }

  /** Removes an event that waits. `false`: it does not. */
  remove(event: A): boolean {
    const queue = this.of(event)
    if (queue === undefined || !queue.waiting.remove(event)) return false
    if (queue.waiting.length > 0) return true
    if (this.ready.remove(queue)) this.forget(queue)
    return true
  }

  /** Whether something waits or is handled in this conversation. */
  has(conversation: Conversation): boolean {
    return this.of(conversation) !== undefined
  }

  /**
   * Keeps an interaction without a handler until what its conversation has received before is handled, at most `capacity` per
   * conversation: the oldest that are too many are returned. `undefined`: nothing of its conversation waits or is handled, so
   * that nothing can ask for it.
   */
  keepUnclaimed(event: A, capacity: number): ReadonlyArray<A> | undefined {
    const queue = this.of(event)
    const last = queue?.waiting.last ?? queue?.handling
    if (queue === undefined || last === undefined) return undefined
    queue.unclaimed ??= Unclaimed.make(capacity)
    const surplus = queue.unclaimed.keep(event, last)
    return surplus === undefined ? [] : [surplus]
  }

  private open({ target: key }: A, hash: number): ConversationQueue<A> {
    const queue = { key, hash, index: -1, waiting: new Fifo<A>(), handling: undefined, unclaimed: undefined }
    this.queues.add(queue)
    this.ready.push(queue)
    return queue
  }

  private of({ place, target }: Conversation): ConversationQueue<A> | undefined {
    return this.queues.get(target, hashOf(target, seeds[place]))
  }

  private forget(queue: ConversationQueue<A>): void {
    this.queues.remove(queue)
    if (queue.unclaimed !== undefined) this.onForgotten(queue.unclaimed.clear())
  }
}
