/**
 * The known anchors as rows, in the order in which they were added, and the conversations they belong to. Thousands are
 * received for each one that is replied to.
 *
 * @since 0.1.0
 */
import type * as Conversation from "../events/Conversation.ts"
import { doubledNumbers, doubledValues, KeyRing, makeNumbers, makeValues } from "../internal/KeyRing.ts"
import { hashOf } from "../internal/KeyTable.ts"
import type * as Anchor from "./Anchor.ts"
import type * as LedgerEntry from "./LedgerEntry.ts"
import type { PageNumbers } from "./Pages.ts"

/** A conversation and its rows, of which each knows the one before. */
interface Thread extends LedgerEntry.AnchorPlace {
  newest: number
  size: number
}

const noThread: Thread = { scene: "c2c", target: "", newest: -1, size: 0 }

const knownOrNone = (number: number | undefined): number | undefined =>
  number === undefined || Number.isNaN(number) ? undefined : number

/**
 * The rows. The platform uses an id once, so an anchor is found by its id alone, and among several of the same id by its
 * other parts.
 *
 * @since 0.1.0
 * @category models
 */
export class LedgerRows extends KeyRing implements PageNumbers<number> {
  private kinds = makeValues<Anchor.Anchor["kind"]>("msg_id")
  private threads = makeValues(noThread)
  /** The row before in the same conversation, or `-1`. */
  private earlier = makeNumbers()
  /** Epoch and monotonic milliseconds; not a number where the time of receipt is unknown. */
  private receivedAt = makeNumbers()
  private since = makeNumbers()
  private pages = makeNumbers()
  private pasts = makeValues<LedgerEntry.Past | undefined>(undefined)
  private readonly conversations: Record<Conversation.Scene, Map<string, Thread>> = {
    c2c: new Map(),
    group: new Map(),
    channel: new Map(),
    dm: new Map()
  }

  /** The row of an anchor, whose id has this hash, or `-1`. */
  of(parts: Anchor.Parts, hash = hashOf(parts.id, 0)): number {
    let row = this.find(parts.id, hash)
    while (row >= 0 && !this.isOf(row, parts)) row = this.find(parts.id, hash, row)
    return row
  }

  /** Adds an anchor without a past and without a page. `NaN`: the time of its receipt is unknown. */
  add(parts: Anchor.Parts, receivedAt: number, since: number, hash = hashOf(parts.id, 0)): number {
    const row = this.append(parts.id, hash)
    const place = this.place(row)
    const thread = this.threadOf(parts)
    this.kinds[place] = parts.kind
    this.threads[place] = thread
    this.earlier[place] = thread.newest
    this.receivedAt[place] = receivedAt
    this.since[place] = since
    this.pages[place] = -1
    this.pasts[place] = undefined
    thread.newest = row
    thread.size++
    return row
  }

  override remove(row: number): void {
    const place = this.place(row)
    const thread = this.threads[place] ?? noThread
    this.threads[place] = noThread
    this.pasts[place] = undefined
    if (--thread.size === 0) this.conversations[thread.scene].delete(thread.target)
    super.remove(row)
  }

  /** Whether it is known when the anchor was received. */
  isReceived(row: number): boolean {
    return !Number.isNaN(this.since[this.place(row)])
  }

  /** What has become of an anchor. */
  pastOf(row: number): LedgerEntry.Past | undefined {
    return this.pasts[this.place(row)]
  }

  setPast(row: number, past: LedgerEntry.Past | undefined): void {
    this.pasts[this.place(row)] = past
  }

  pageOf(row: number): number {
    return this.pages[this.place(row)] ?? -1
  }

  setPage(row: number, page: number): void {
    this.pages[this.place(row)] = page
  }

  /** An anchor with all that is known of it. */
  entryOf(row: number): LedgerEntry.AnchorEntry {
    const place = this.place(row)
    return {
      kind: this.kinds[place] ?? "msg_id",
      id: this.keyOf(row),
      conversation: this.threads[place] ?? noThread,
      receivedAt: knownOrNone(this.receivedAt[place]),
      since: knownOrNone(this.since[place]),
      past: this.pasts[place]
    }
  }

  /** The anchors of a conversation that were received last, newest first, at most `atMost` of them. */
  recent(scene: Conversation.Scene, target: string, atMost: number): ReadonlyArray<LedgerEntry.AnchorEntry> {
    const entries: Array<LedgerEntry.AnchorEntry> = []
    let row = this.conversations[scene].get(target)?.newest ?? -1
    // what is older than the oldest row has lost its place to a newer one
    while (entries.length < atMost && row >= this.first) {
      if (this.has(row) && this.isReceived(row)) entries.push(this.entryOf(row))
      row = this.earlier[this.place(row)] ?? -1
    }
    return entries
  }

  protected override doubled(): void {
    this.kinds = doubledValues(this.kinds)
    this.threads = doubledValues(this.threads)
    this.earlier = doubledNumbers(this.earlier)
    this.receivedAt = doubledNumbers(this.receivedAt)
    this.since = doubledNumbers(this.since)
    this.pages = doubledNumbers(this.pages)
    this.pasts = doubledValues(this.pasts)
  }

  private isOf(row: number, { kind, scene, target }: Anchor.Parts): boolean {
    const place = this.place(row)
    const thread = this.threads[place] ?? noThread
    return this.kinds[place] === kind && thread.target === target && thread.scene === scene
  }

  private threadOf({ scene, target }: Anchor.Parts): Thread {
    const known = this.conversations[scene].get(target)
    if (known !== undefined) return known
    const thread: Thread = { scene, target, newest: -1, size: 0 }
    this.conversations[scene].set(target, thread)
    return thread
  }
}
