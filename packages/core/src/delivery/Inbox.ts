/**
 * What was received and is not yet settled: bounded, in the order of sequence numbers, with the watermark a restart
 * resumes from.
 *
 * The watermark is the highest received sequence number up to which every event was settled. It is read off the oldest
 * unsettled entry, so nothing has to be kept for events that are done.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Event from "../events/Event.ts"
import type { Frame } from "../gateway/Frame.ts"
import * as DeliveryMetrics from "./DeliveryMetrics.ts"
import type { DeliveryPolicy } from "./DeliveryPolicy.ts"
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
   * when it is settled, with `false` when it is dropped, be that at once.
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
  const arrived = Effect.unsafeMakeLatch(false)
  const roomy = Effect.unsafeMakeLatch(true)
  const moved = Effect.unsafeMakeLatch(false)
  let pending: Array<Work> = []
  let oldest: Work | undefined
  let newest: Work | undefined
  let session = 1
  let received = 0
  let unsettled = 0
  /** Of what came with a sequence number, how much of this session, and of those before it, is not settled. */
  let ofThisSession = 0
  let ofOlderSessions = 0
  let onOlderSettled: Array<() => void> = []
  let held = 0
  let dropped = 0
  let closed = false
  let toldAt = Number.NEGATIVE_INFINITY

  const watermark = (): number => (oldest === undefined ? received : oldest.below)

  const isFull = (size: number): boolean =>
    unsettled >= policy.capacity || (unsettled > 0 && held + size > policy.maximumSize)

  const unlink = (entry: Work): void => {
    if (entry.older === undefined) {
      if (oldest === entry) oldest = entry.newer
    } else entry.older.newer = entry.newer
    if (entry.newer === undefined) {
      if (newest === entry) newest = entry.older
    } else entry.newer.older = entry.older
    entry.older = undefined
    entry.newer = undefined
  }

  const tellOlderSettled = (): void => {
    const told = onOlderSettled
    onOlderSettled = []
    for (const tell of told) tell()
  }

  const end = (entry: Work, handled: boolean): void => {
    if (entry.settled) return
    entry.settled = true
    // those of an older session too, which would hold on to their neighbours
    unlink(entry)
    unsettled--
    held -= entry.size
    if (entry.frame.s !== undefined) {
      if (entry.session === session) ofThisSession--
      else if (--ofOlderSessions === 0) tellOlderSettled()
    }
    if (!closed && unsettled <= policy.capacity / 2 && held <= policy.maximumSize / 2) roomy.unsafeOpen()
    moved.unsafeOpen()
    gauge?.(unsettled, received - watermark())
    entry.onSettled?.(handled)
  }

  /** Events come in order but for a reordering line; the walk back is then as long as the disorder. */
  const link = (entry: Work, sequence: number): void => {
    let older = newest
    while (older !== undefined && (older.frame.s ?? 0) > sequence) older = older.older
    const newer = older === undefined ? oldest : older.newer
    entry.older = older
    entry.newer = newer
    entry.below = Math.min(newer === undefined ? received : newer.below, sequence - 1)
    if (newer !== undefined) {
      newer.older = entry
      newer.below = Math.max(newer.below, sequence)
    } else newest = entry
    if (older !== undefined) older.newer = entry
    else oldest = entry
  }

  const countDropped = (): void => {
    dropped++
    DeliveryMetrics.eventsDropped.unsafeUpdate(1, [])
  }

  /** Drops the oldest whose handlers have not begun, if there is one. */
  const dropOldest = (): boolean => {
    let entry = oldest
    while (entry !== undefined && entry.started) entry = entry.newer
    if (entry === undefined) return false
    end(entry, false)
    countDropped()
    onDropped(entry)
    return true
  }

  const overflow = (frame: Frame, size: number): "refuse" | "accept" | "drop" => {
    if (closed || policy.overflow === "pause") {
      roomy.unsafeClose()
      return "refuse"
    }
    if (policy.overflow === "drop-oldest") {
      // a large event may need the room of many small ones
      while (isFull(size)) if (!dropOldest()) break
      if (!isFull(size)) return "accept"
    }
    countDropped()
    if (frame.s !== undefined && frame.s > received) received = frame.s
    return "drop"
  }

  const accept = (
    frame: Frame,
    size: number,
    event: Event.Event | undefined,
    onSettled: OnSettled | undefined
  ): void => {
    const entry = new Work(inbox, frame, size, session, received, event, onSettled)
    // an event without a sequence number cannot hold the watermark back: it would not be replayed
    if (frame.s !== undefined) {
      link(entry, frame.s)
      ofThisSession++
      if (frame.s > received) received = frame.s
    }
    unsettled++
    held += size
    gauge?.(unsettled, received - watermark())
    if (pending.push(entry) === 1) arrived.unsafeOpen()
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

  const take = Effect.map(arrived.await, () => {
    const taken = pending
    pending = []
    arrived.unsafeClose()
    return taken
  })

  const tellDropped = Effect.suspend(() =>
    dropped === 0
      ? Effect.void
      : Effect.flatMap(Clock.currentTimeMillis, (now) => {
          if (Math.abs(now - toldAt) < tellEvery) return Effect.void
          const count = dropped
          dropped = 0
          toldAt = now
          return Effect.logWarning(`the inbox is full: ${count} events were dropped`)
        })
  )

  const inbox: Inbox = {
    begin: (sequence, older) => {
      session++
      ofOlderSessions += ofThisSession
      ofThisSession = 0
      if (older !== undefined) onOlderSettled.push(older)
      if (ofOlderSessions === 0) tellOlderSettled()
      received = sequence
      oldest = undefined
      newest = undefined
      moved.unsafeOpen()
      gauge?.(unsettled, 0)
    },
    offer,
    announce: (frame, event, onSettled) => {
      if (!closed) accept({ ...frame, s: undefined }, 0, event, onSettled)
    },
    settle: (entry) => end(entry, true),
    watermark,
    size: () => unsettled,
    take: Effect.zipLeft(take, tellDropped),
    close: () => {
      closed = true
      roomy.unsafeClose()
    },
    room: roomy.await,
    changed: Effect.map(moved.await, () => {
      moved.unsafeClose()
    })
  }
  return inbox
}
