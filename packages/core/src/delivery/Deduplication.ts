/**
 * Which events were received before. The platform may push an event again: on a resume, without any reason, and as a twin of
 * another type.
 *
 * An id is in flight until its event is settled, and only then part of what is kept across restarts: an event whose
 * handlers a crash cut off must be handled again.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import type * as Facts from "../events/Facts.ts"
import type { SettledId } from "../gateway/DispatchSink.ts"
import { hashOf, type Keyed, KeyTable } from "../internal/KeyTable.ts"
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
 * An event that was received, under one type or several. What it holds is this module's affair.
 *
 * @since 0.1.0
 * @category models
 */
export interface Identity extends Keyed {
  /** The id as it is on the wire. */
  readonly key: string
  readonly namespace: Namespace
  /** The type under which it came first. */
  readonly type: string
  /** Those under which it came besides, in order. */
  twins: Array<string> | undefined
  /** A bit for each type whose event is settled, the first type's being the lowest. */
  settled: number
  /** Whether all of them are. */
  done: boolean
  /** Whose sequence number it has. */
  source: Source
  sequence: number
  /** When the last of its events was settled, in epoch milliseconds; means nothing before. */
  settledAt: number
  /** Names of handlers that declined it under an earlier type: its twin may be theirs. */
  declined: ReadonlySet<string> | undefined
}

/**
 * What {@link make} gives.
 *
 * @since 0.1.0
 * @category models
 */
export interface Deduplication {
  /** `undefined`: this very event was received before, from whatever source. Else {@link before} tells of its twins. */
  readonly receive: (
    source: Source,
    key: string,
    type: string,
    seq: number,
    namespace?: Namespace
  ) => Identity | undefined
  /** All handlers of the event are done. */
  readonly settle: (id: Identity, type: string, now: number) => void
  /** A new session counts from the start: the sequence numbers of the ids that came from its source mean nothing in it. */
  readonly begin: (source: Source) => void
  /** What of a source has to survive a restart; what is settled altogether comes first, oldest first. */
  readonly snapshot: (source: Source, now: number) => ReadonlyArray<SettledId>
  /** Takes back what {@link Deduplication.snapshot} gave. */
  readonly restore: (source: Source, settled: ReadonlyArray<SettledId>) => void
  /** Ids that are remembered. */
  readonly size: () => number
}

const none: ReadonlyArray<string> = []

const typesOf = ({ twins, type }: Identity): ReadonlyArray<string> => (twins === undefined ? [type] : [type, ...twins])

/**
 * The types under which the event was received, this one not among them.
 *
 * @since 0.1.0
 * @category lookups
 */
export const before = (id: Identity, type: string): ReadonlyArray<string> =>
  id.twins === undefined && id.type === type ? none : typesOf(id).filter((other) => other !== type)

/** Maximum number of types per id: the platform sends at most two, and a hostile sender gets no more than this. */
const mostTypes = 31

const indexOf = ({ twins, type: first }: Identity, type: string): number => {
  if (type === first) return 0
  return twins === undefined ? -1 : twins.indexOf(type) + 1 || -1
}

/** What an id is unique in; `""` for a key that says so itself. */
type Namespace = Facts.Namespace | ""

/** Minimum number of places of the order that are freed at once. */
const compaction = 1024

/** No event type has a space in it. */
const separator = " "

const seeds: Readonly<Record<Namespace, number>> = { "": 0, c2c: 1, group: 2, channel: 3, dm: 4, event: 5 }

const isNamespace = (text: string): text is Namespace => Object.hasOwn(seeds, text)

/** As it is stored: `c2c:ID`, or `ID` outside of namespaces. */
const nameOf = ({ key, namespace }: Identity): string => (namespace === "" ? key : `${namespace}:${key}`)

/** Reads what {@link nameOf} writes. */
const parseName = (name: string): readonly [key: string, namespace: Namespace] => {
  const cut = name.indexOf(":")
  const namespace = name.slice(0, Math.max(0, cut))
  return namespace !== "" && isNamespace(namespace) ? [name.slice(cut + 1), namespace] : [name, ""]
}

const makeIdentity = (
  source: Source,
  key: string,
  namespace: Namespace,
  hash: number,
  type: string,
  sequence: number
): Identity => ({
  key,
  namespace,
  hash,
  index: -1,
  type,
  twins: undefined,
  settled: 0,
  done: false,
  source,
  sequence,
  settledAt: 0,
  declined: undefined
})

/** A number that can be replayed is the one to remember. */
const renumber = (id: Identity, source: Source, sequence: number): void => {
  if (sequence <= id.sequence) return
  id.source = source
  id.sequence = sequence
}

/** Adds a type; `false` for one that it has, or one too many. */
const addType = (id: Identity, type: string): boolean => {
  if (indexOf(id, type) >= 0 || (id.twins?.length ?? 0) + 1 >= mostTypes) return false
  ;(id.twins ??= []).push(type)
  return true
}

/**
 * Ids that are settled altogether, in the order in which they were settled: an event whose handlers take long keeps no id
 * behind it from being forgotten. A forgotten id leaves its place empty, for the array is kept until half of it is.
 */
class SettledOrder {
  private order: Array<Identity | undefined> = []
  private first = 0
  private count = 0

  get size(): number {
    return this.count
  }

  get oldest(): Identity | undefined {
    return this.order[this.first]
  }

  add(id: Identity): void {
    id.done = true
    this.count++
    this.order.push(id)
  }

  /** Removes one that is in flight again. Twins come close after each other. */
  remove(id: Identity): void {
    id.done = false
    this.count--
    const place = this.order.lastIndexOf(id)
    if (place >= this.first) this.order.splice(place, 1)
  }

  forgetOldest(): void {
    this.order[this.first++] = undefined
    this.count--
    if (this.first < compaction || this.first * 2 < this.order.length) return
    this.order = this.order.slice(this.first)
    this.first = 0
  }

  forEach(look: (id: Identity) => void): void {
    for (let place = this.first; place < this.order.length; place++) {
      const id = this.order[place]
      if (id !== undefined) look(id)
    }
  }
}

/**
 * Remembers nothing yet.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (policy: DeliveryPolicy): Deduplication => {
  const window = Duration.toMillis(policy.deduplicationWindow)
  const ids = new KeyTable<Identity>()
  const settledIds = new SettledOrder()
  /** Those of which one type is settled and another is not. */
  const partial = new Set<Identity>()

  const isOver = (id: Identity, now: number): boolean =>
    id.sequence <= id.source.watermark() && now - id.settledAt >= window

  const finish = (id: Identity): void => {
    if (partial.size > 0) partial.delete(id)
    settledIds.add(id)
  }

  /** A twin came for one that was done: it is in flight again. */
  const resume = (id: Identity): void => {
    if (!id.done) return
    settledIds.remove(id)
    partial.add(id)
  }

  /** The oldest come first, so looking at them at each settlement keeps up with any rate. */
  const forget = (now: number): void => {
    for (let id = settledIds.oldest; id !== undefined; id = settledIds.oldest) {
      if (settledIds.size <= policy.deduplicationCapacity && !isOver(id, now)) return
      settledIds.forgetOldest()
      ids.remove(id)
    }
  }

  return {
    receive: (source, name, type, seq, given) => {
      const [key, namespace] = given === undefined ? parseName(name) : [name, given]
      const hash = hashOf(key, seeds[namespace])
      const known = ids.get(key, hash)
      if (known === undefined) {
        const id = makeIdentity(source, key, namespace, hash, type, seq)
        ids.add(id)
        return id
      }
      renumber(known, source, seq)
      if (!addType(known, type)) return undefined
      resume(known)
      return known
    },
    settle: (id, type, now) => {
      const index = indexOf(id, type)
      const bit = 1 << index
      if (index < 0 || (id.settled & bit) !== 0) return
      id.settled |= bit
      id.settledAt = now
      if (id.settled === 2 ** ((id.twins?.length ?? 0) + 1) - 1) finish(id)
      else partial.add(id)
      forget(now)
    },
    begin: (source) => {
      ids.forEach((id) => {
        if (id.source === source) id.sequence = 0
      })
    },
    snapshot: (source, now) => {
      const stored: Array<SettledId> = []
      const watermark = source.watermark()
      const store = (id: Identity): void => {
        for (const [index, type] of typesOf(id).entries()) {
          // a twin of one whose handlers still run had none of them: alone it would pass for both after a restart
          if ((id.settled & (1 << index)) === 0) break
          stored.push({ key: `${nameOf(id)}${separator}${type}`, sequence: id.sequence, at: id.settledAt })
        }
      }
      // what a resume can replay is stored whole; of the rest, the newest: the record is written again and again
      let older = settledIds.size - policy.deduplicationStored
      settledIds.forEach((id) => {
        older--
        if (id.source !== source || isOver(id, now) || (older >= 0 && id.sequence <= watermark)) return
        store(id)
      })
      for (const id of partial) if (id.source === source) store(id)
      return stored
    },
    restore: (source, settled) => {
      for (const { at, key: name, sequence } of settled) {
        const cut = name.lastIndexOf(separator)
        if (cut < 0) continue
        const [key, namespace] = parseName(name.slice(0, cut))
        const type = name.slice(cut + separator.length)
        const hash = hashOf(key, seeds[namespace])
        const known = ids.get(key, hash)
        if (known === undefined) {
          const id = makeIdentity(source, key, namespace, hash, type, sequence)
          ids.add(id)
          id.settled = 1
          id.settledAt = at
          finish(id)
        } else if (addType(known, type)) {
          known.settled |= 1 << indexOf(known, type)
        }
      }
      forget(Number.NEGATIVE_INFINITY)
    },
    size: () => ids.size
  }
}
