/**
 * What was received and is not yet settled: bounded, in the order of sequence numbers, with the watermark that a restart
 * resumes from.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Event from "../events/Event.ts"
import type { Frame } from "../gateway/Frame.ts"
import { Signal } from "../internal/Signal.ts"
import * as DeliveryMetrics from "./DeliveryMetrics.ts"
import type { DeliveryPolicy } from "./DeliveryPolicy.ts"
import { Watermark } from "./Watermark.ts"
import { type OnSettled, Work } from "./Work.ts"

/** How often, in milliseconds, dropped events are logged. All are counted. */
const tellEvery = 1000

/**
 * What {@link make} gives. All but the effects is synchronous: it is called from the socket's callback.
 *
 * @since 0.1.0
 * @category models
 */
export interface Inbox {
  /**
   * A session begins, or goes on, at this sequence number. `older` is called once all that was taken in the sessions before
   * it is settled: at once, if it is.
   */
  readonly begin: (sequence: number, older?: () => void) => void
  /**
   * Takes one event; `false` when the inbox is full and its policy is to pause. `onSettled` is called with `true`
   * when it is settled, with `false` when it is dropped, which may be at once.
   */
  readonly offer: (frame: Frame, size: number, onSettled?: OnSettled) => boolean
  /** Takes what the session says of itself, whatever there is room for: that it began, and what it may have missed. */
  readonly announce: (frame: Frame, event?: Event.Event, onSettled?: OnSettled) => void
  /** Settles an event. Settling it again changes nothing. */
  readonly settle: (entry: Work) => void
  readonly watermark: () => number
  /** Events that are not settled. */
  readonly size: () => number
  /** Waits for events and takes them all. One consumer only. */
  readonly take: Effect.Effect<ReadonlyArray<Work>>
  /** Takes no more events: {@link Inbox.offer} says that it is full, and never empties again. */
  readonly close: () => void
  /** Completes when the inbox is at most half full. */
  readonly room: Effect.Effect<void>
  /** Completes when an event was settled, or a session began, since it last completed. */
  readonly changed: Effect.Effect<void>
}

/**
 * Called after each change, from the socket's callback too: how many events are not settled, and how many sequence numbers lie
 * between the last one received and the watermark.
 *
 * @since 0.1.0
 * @category models
 */
export type Gauge = (unsettled: number, lag: number) => void

/** Events that a full inbox dropped. */
class Drops {
  private untold = 0
  private toldAt = Number.NEGATIVE_INFINITY

  count(): void {
    this.untold++
    DeliveryMetrics.eventsDropped.unsafeUpdate(1, [])
  }

  /** Logs how many were dropped since the last line, at most once a second. */
  readonly tell: Effect.Effect<void> = Effect.suspend(() =>
    this.untold === 0
      ? Effect.void
      : Effect.flatMap(Clock.currentTimeMillis, (now) => {
          if (Math.abs(now - this.toldAt) < tellEvery) return Effect.void
          const count = this.untold
          this.untold = 0
          this.toldAt = now
          return Effect.logWarning(`the inbox is full: ${count} events were dropped`)
        })
  )
}

/**
 * An empty inbox. `onDropped` is called with each event that was dropped for a newer one; it is settled by then.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  policy: DeliveryPolicy,
  onDropped: (entry: Work) => void = () => undefined,
  gauge?: Gauge
): Inbox => {
  const arrived = new Signal()
  const roomy = new Signal()
  roomy.raise()
  const moved = new Signal()
  const watermark = new Watermark()
  const drops = new Drops()
  let pending: Array<Work> = []
  let unsettled = 0
  let held = 0
  let closed = false

  const isFull = (size: number): boolean =>
    unsettled >= policy.capacity || (unsettled > 0 && held + size > policy.maximumSize)

  const end = (entry: Work, handled: boolean): void => {
    if (entry.settled) return
    entry.settled = true
    unsettled--
    held -= entry.size
    if (entry.frame.s !== undefined) watermark.remove(entry)
    if (!closed && unsettled <= policy.capacity / 2 && held <= policy.maximumSize / 2) roomy.raise()
    moved.raise()
    gauge?.(unsettled, watermark.lag)
    entry.onSettled?.(handled)
  }

  /** Drops the oldest whose handlers have not begun, if there is one. */
  const dropOldest = (): boolean => {
    const entry = watermark.oldestWaiting
    if (entry === undefined) return false
    end(entry, false)
    drops.count()
    onDropped(entry)
    return true
  }

  const overflow = (frame: Frame, size: number): "refuse" | "accept" | "drop" => {
    if (closed || policy.overflow === "pause") {
      roomy.lower()
      return "refuse"
    }
    if (policy.overflow === "drop-oldest") {
      // a large event may need the room of many small ones
      while (isFull(size)) if (!dropOldest()) break
      if (!isFull(size)) return "accept"
    }
    drops.count()
    if (frame.s !== undefined) watermark.skip(frame.s)
    return "drop"
  }

  const accept = (
    frame: Frame,
    size: number,
    event: Event.Event | undefined,
    onSettled: OnSettled | undefined
  ): void => {
    const entry = new Work(inbox, frame, size, watermark.session, watermark.receivedSeq, event, onSettled)
    // an event without a sequence number cannot hold the watermark back: it would not be replayed
    if (frame.s !== undefined) watermark.add(entry, frame.s)
    unsettled++
    held += size
    gauge?.(unsettled, watermark.lag)
    if (pending.push(entry) === 1) arrived.raise()
  }

  const offer = (frame: Frame, size: number, onSettled?: OnSettled): boolean => {
    if (closed || isFull(size)) {
      const what = overflow(frame, size)
      if (what === "drop") onSettled?.(false)
      if (what !== "accept") return what === "drop"
    }
    accept(frame, size, undefined, onSettled)
    return true
  }

  const take = Effect.map(arrived.take, () => {
    const taken = pending
    pending = []
    return taken
  })

  const inbox: Inbox = {
    begin: (sequence, older) => {
      watermark.begin(sequence, older)
      moved.raise()
      gauge?.(unsettled, 0)
    },
    offer,
    announce: (frame, event, onSettled) => {
      if (!closed) accept({ ...frame, s: undefined }, 0, event, onSettled)
    },
    settle: (entry) => end(entry, true),
    watermark: () => watermark.settledSeq,
    size: () => unsettled,
    take: Effect.zipLeft(take, drops.tell),
    close: () => {
      closed = true
      roomy.lower()
    },
    room: roomy.wait,
    changed: moved.take
  }
  return inbox
}
