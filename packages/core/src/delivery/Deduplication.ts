/**
 * Which events have been received before. The platform may push an event again: on a resume, on a whim, and as a twin of
 * another type.
 *
 * An id is in flight until its event is settled, and only then part of what is kept across restarts: an event whose
 * handlers a crash cut off must be handled again.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import type { SettledId } from "../gateway/DispatchSink.ts"
import type { DeliveryPolicy } from "./DeliveryPolicy.ts"

/**
 * Where events come from: a session, which numbers and replays them, or a webhook, which does neither.
 *
 * @since 0.1.0
 * @category models
 */
export interface Source {
  /** What lies above it may be replayed. */
  readonly watermark: () => number
}

/**
 * What {@link make} gives.
 *
 * @since 0.1.0
 * @category models
 */
export interface Deduplication {
  /**
   * The event types under which this id was received before, from whatever source, this one not among them; an empty list
   * for a new id. `undefined`: this very event was received before.
   */
  readonly receive: (source: Source, key: string, type: string, sequence: number) => ReadonlyArray<string> | undefined
  /** All handlers of the event are done. */
  readonly settle: (key: string, type: string, now: number) => void
  /** A new session counts from the start: the sequence numbers of the ids that came from its source mean nothing in it. */
  readonly begin: (source: Source) => void
  /** What of a source has to survive a restart; what is settled altogether comes first, oldest first. */
  readonly snapshot: (source: Source, now: number) => ReadonlyArray<SettledId>
  /** Takes back what {@link Deduplication.snapshot} gave. */
  readonly restore: (source: Source, settled: ReadonlyArray<SettledId>) => void
  /** Ids that are remembered. */
  readonly size: () => number
}

interface Remembered {
  /** The types under which the id came. */
  readonly types: Array<string>
  /** The types whose event is settled. */
  readonly settled: Array<string>
  /** Whose sequence number it has. */
  source: Source
  sequence: number
  /** When the last of its events was settled, in epoch milliseconds; means nothing before. */
  settledAt: number
}

/** So many places at least are given back at once. */
const compaction = 1024

/** No event type has a space in it. */
const separator = " "

/**
 * Remembers nothing yet.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (policy: DeliveryPolicy): Deduplication => {
  const window = Duration.toMillis(policy.deduplicationWindow)
  // apart from each other, so that an event whose handlers take long keeps nothing behind it from being forgotten
  const inFlight = new Map<string, Remembered>()
  /** In the order in which they were settled. */
  const done = new Map<string, Remembered>()

  const isOver = (id: Remembered, now: number): boolean =>
    id.sequence <= id.source.watermark() && now - id.settledAt >= window

  // a map does not forget its first entries cheaply: each look at the first one passes by all that were deleted
  let order: Array<readonly [key: string, id: Remembered]> = []
  let first = 0

  const dropFirst = (key: string, id: Remembered): void => {
    first++
    if (done.get(key) === id) done.delete(key)
    if (first >= compaction && first * 2 >= order.length) {
      order = order.slice(first)
      first = 0
    }
  }

  const finish = (key: string, id: Remembered): void => {
    done.set(key, id)
    order.push([key, id])
  }

  /**
   * The oldest come first, so looking at them at each settlement keeps up with any rate. What is in flight is bounded by
   * the inbox; what is done, here.
   */
  const forget = (now: number): void => {
    while (first < order.length) {
      const [key, id] = order[first] ?? ["", undefined]
      if (id === undefined || (done.size <= policy.deduplicationCapacity && !isOver(id, now))) return
      dropFirst(key, id)
    }
  }

  /** A number that can be replayed is the one to remember. */
  const renumber = (id: Remembered, source: Source, sequence: number): void => {
    if (sequence <= id.sequence) return
    id.source = source
    id.sequence = sequence
  }

  return {
    receive: (source, key, type, sequence) => {
      const known = inFlight.get(key) ?? done.get(key)
      if (known === undefined) {
        inFlight.set(key, { types: [type], settled: [], source, sequence, settledAt: 0 })
        return []
      }
      renumber(known, source, sequence)
      if (known.types.includes(type)) return undefined
      const before = [...known.types]
      known.types.push(type)
      done.delete(key)
      inFlight.set(key, known)
      return before
    },
    settle: (key, type, now) => {
      const known = inFlight.get(key)
      if (known === undefined || !known.types.includes(type) || known.settled.includes(type)) return
      known.settled.push(type)
      known.settledAt = now
      if (known.settled.length >= known.types.length) {
        inFlight.delete(key)
        finish(key, known)
      }
      forget(now)
    },
    begin: (source) => {
      for (const ids of [inFlight, done]) for (const id of ids.values()) if (id.source === source) id.sequence = 0
    },
    snapshot: (source, now) => {
      const settled: Array<SettledId> = []
      // what a resume can replay is stored whole; of the rest, the newest: the record is written again and again
      let older = done.size - policy.deduplicationStored
      const watermark = source.watermark()
      for (const ids of [done, inFlight]) {
        for (const [key, id] of ids) {
          older--
          if (id.source !== source || (ids === done && isOver(id, now))) continue
          if (older >= 0 && id.sequence <= watermark) continue
          for (const type of id.types) {
            // a twin of one whose handlers still run had none of them: alone it would pass for both after a restart
            if (!id.settled.includes(type)) break
            settled.push({ key: `${key}${separator}${type}`, sequence: id.sequence, at: id.settledAt })
          }
        }
      }
      return settled
    },
    restore: (source, settled) => {
      for (const { at, key, sequence } of settled) {
        const cut = key.lastIndexOf(separator)
        if (cut < 0) continue
        const id = key.slice(0, cut)
        const type = key.slice(cut + separator.length)
        const known = inFlight.get(id) ?? done.get(id)
        if (known === undefined) {
          finish(id, { types: [type], settled: [type], source, sequence, settledAt: at })
        } else if (!known.types.includes(type)) {
          known.types.push(type)
          known.settled.push(type)
        }
      }
      forget(Number.NEGATIVE_INFINITY)
    },
    size: () => inFlight.size + done.size
  }
}
