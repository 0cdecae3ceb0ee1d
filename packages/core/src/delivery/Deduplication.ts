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
import type { SettledId } from "../gateway/DispatchSink.ts"
import { KeyTable } from "../internal/KeyTable.ts"
import type { DeliveryPolicy } from "./DeliveryPolicy.ts"
import * as Identity from "./Identity.ts"
import { SettledIds } from "./SettledIds.ts"

/**
 * What is remembered. An id in flight is a record of its own; the many that are settled are rows of a ring.
 *
 * @since 0.1.0
 * @category models
 */
export class Deduplication {
  private readonly policy: DeliveryPolicy
  private readonly window: number
  private readonly inFlight = new KeyTable<Identity.Identity>()
  /** Those in flight of which one type is settled. */
  private readonly partial = new Set<Identity.Identity>()
  private readonly settled = new SettledIds()

  constructor(policy: DeliveryPolicy) {
    this.policy = policy
    this.window = Duration.toMillis(policy.deduplicationWindow)
  }

  /** Ids that are remembered. */
  get size(): number {
    return this.inFlight.size + this.settled.size
  }

  /**
   * `undefined`: this very event was received before, from whatever source. Else `Identity.before` tells of its twins. A key
   * without a namespace names its own.
   */
  receive(
    source: Identity.Source,
    name: string,
    type: string,
    sequence: number,
    given?: Identity.Namespace
  ): Identity.Identity | undefined {
    const [key, namespace] = given === undefined ? Identity.parseKey(name) : [name, given]
    const hash = Identity.hash(key, namespace)
    const known = this.inFlight.get(key, hash)
    if (known !== undefined) {
      Identity.renumber(known, source, sequence)
      return Identity.addTwin(known, type) ? known : undefined
    }
    const row = this.settled.find(key, hash)
    if (row >= 0) return this.receiveAgain(row, hash, source, type, sequence)
    const id = Identity.make(key, namespace, hash, type, source, sequence)
    this.inFlight.add(id)
    return id
  }

  /** All handlers of the event are done. */
  settle(id: Identity.Identity, type: string, now: number): void {
    const isAll = Identity.settle(id, type, now)
    if (isAll === undefined) return
    // the oldest come first, so looking at them at each settlement keeps up with any rate
    while (this.settled.size > 0 && this.settled.isOver(this.settled.first, now, this.window)) {
      this.settled.remove(this.settled.first)
    }
    this.conclude(id, isAll)
  }

  /** A new session counts from the start: the sequence numbers of the ids that came from its source mean nothing in it. */
  begin(source: Identity.Source): void {
    this.settled.forgetNumbers(source)
    this.inFlight.forEach((id) => {
      if (id.source === source) id.sequence = 0
    })
  }

  /** What of a source has to survive a restart; what is settled altogether comes first, oldest first. */
  snapshot(source: Identity.Source, now: number): ReadonlyArray<SettledId> {
    const stored: Array<SettledId> = []
    const watermark = source.watermark()
    const store = (id: Identity.Identity): void => {
      for (const type of Identity.settledTypes(id)) {
        stored.push({ key: Identity.nameOf(id.key, id.namespace, type), sequence: id.sequence, at: id.settledAt })
      }
    }
    // what a resume can replay is stored whole; of the rest, the newest: the record is written again and again
    let older = this.settled.size - this.policy.deduplicationStored
    this.settled.forEach((row) => {
      older--
      if (this.settled.sourceOf(row) !== source || this.settled.isOver(row, now, this.window)) return
      const id = this.settled.read(row, 0)
      if (older < 0 || id.sequence > watermark) store(id)
    })
    for (const id of this.partial) if (id.source === source) store(id)
    return stored
  }

  /** Takes back what {@link Deduplication.snapshot} gave. */
  restore(source: Identity.Source, settled: ReadonlyArray<SettledId>): void {
    for (const { at, key: name, sequence } of settled) {
      const parsed = Identity.parseName(name)
      if (parsed === undefined) continue
      const [key, namespace, type] = parsed
      const id = this.receive(source, key, type, sequence, namespace)
      if (id !== undefined) this.conclude(id, Identity.settle(id, type, at))
    }
  }

  /** A settled one came again: it is in flight again if it came as another type. */
  private receiveAgain(
    row: number,
    hash: number,
    source: Identity.Source,
    type: string,
    sequence: number
  ): Identity.Identity | undefined {
    this.settled.renumber(row, source, sequence)
    const id = this.settled.read(row, hash)
    if (!Identity.addTwin(id, type)) return undefined
    this.settled.remove(row)
    this.inFlight.add(id)
    this.partial.add(id)
    return id
  }

  /** What becomes of an id of which one more type is settled. */
  private conclude(id: Identity.Identity, isAll: boolean | undefined): void {
    if (isAll === undefined) return
    if (!isAll) {
      this.partial.add(id)
      return
    }
    if (this.partial.size > 0) this.partial.delete(id)
    this.inFlight.remove(id)
    if (this.settled.size >= this.policy.deduplicationCapacity) this.settled.remove(this.settled.first)
    this.settled.add(id)
  }
}
