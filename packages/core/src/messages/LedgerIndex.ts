/**
 * The synchronous state of the reply ledger: the known anchors, found by id and by conversation, within a capacity, and the
 * pages on which they are stored. It does no I/O; `ReplyLedger` loads and stores it.
 *
 * @since 0.1.0
 */
import * as Conversation from "../events/Conversation.ts"
import { hashOf } from "../internal/KeyTable.ts"
import * as Anchor from "./Anchor.ts"
import * as LedgerEntry from "./LedgerEntry.ts"
import type { AnchorEntry, AnchorStatus, BegunStream, ReplyState } from "./LedgerEntry.ts"
import { LedgerRows } from "./LedgerRows.ts"
import * as Pages from "./Pages.ts"
import * as StoredLedger from "./StoredLedger.ts"

/**
 * The limits of an index.
 *
 * @since 0.1.0
 * @category models
 */
export interface Limits {
  /** Maximum number of known anchors; the oldest is forgotten first. */
  readonly capacity: number
  /** Maximum number of anchors of one conversation that `newest` chooses from. */
  readonly perConversation: number
  /** Maximum number of stored anchors. */
  readonly stored: number
  /** How long before the end of its window an anchor counts as expired, in milliseconds. */
  readonly margin: number
}

/**
 * A moment on both clocks: epoch milliseconds, which are stored, and monotonic milliseconds, which measure windows.
 *
 * @since 0.1.0
 * @category models
 */
export interface Moment {
  readonly epoch: number
  readonly monotonic: number
}

/** Tells stored anchors apart. */
const keyOf = ({ id, kind, scene, target }: StoredLedger.StoredEntry): string =>
  JSON.stringify([kind, scene, target, id])

/** A stored anchor as it was read. */
interface Loaded {
  readonly stored: StoredLedger.StoredEntry
  /** `undefined`: from a record of version 1. */
  readonly page: number | undefined
  /** Epoch milliseconds; not a number if unknown. */
  readonly at: number
}

/**
 * The index.
 *
 * @since 0.1.0
 * @category models
 */
export class LedgerIndex {
  private readonly limits: Limits
  /** Called when something has to be stored. */
  private readonly changed: () => void
  private readonly rows = new LedgerRows()
  private readonly pages: Pages.Pages<number>

  constructor(limits: Limits, changed: () => void) {
    this.limits = limits
    this.changed = changed
    this.pages = new Pages.Pages(limits.stored, this.rows)
  }

  /** The number of known anchors. */
  get size(): number {
    return this.rows.size
  }

  /** What is known of an anchor. */
  find(anchor: Anchor.Anchor): AnchorEntry | undefined {
    const row = this.rows.of(Anchor.partsOf(anchor))
    return row < 0 ? undefined : this.rows.entryOf(row)
  }

  /** Whether an anchor can be replied to at this monotonic time. */
  status(anchor: Anchor.Anchor, now: number): AnchorStatus {
    return LedgerEntry.statusOf(this.find(anchor), now, this.limits.margin)
  }

  /** The last received anchor of a conversation that is open at this monotonic time and has replies left. */
  newest(
    conversation: Conversation.Conversation,
    kind: Anchor.Anchor["kind"] | undefined,
    now: number
  ): Anchor.Anchor | undefined {
    const { margin, perConversation } = this.limits
    const [scene, target] = [Conversation.sceneOf(conversation), Conversation.targetOf(conversation)]
    for (const entry of this.rows.recent(scene, target, perConversation)) {
      if (kind !== undefined && entry.kind !== kind) continue
      const { isClosed, repliesLeft } = LedgerEntry.statusOf(entry, now, margin)
      if (!isClosed && repliesLeft > 0) return LedgerEntry.anchorOf(entry)
    }
    return undefined
  }

  /**
   * Records that an anchor was received, at this time in epoch and in monotonic milliseconds. Receiving it again, as in a
   * replay, does not reopen its window.
   */
  receive(parts: Anchor.Parts, epoch: number, monotonic: number): void {
    const hash = hashOf(parts.id, 0)
    const known = this.rows.of(parts, hash)
    if (known >= 0 && this.rows.isReceived(known)) return
    const past = known < 0 ? undefined : this.rows.pastOf(known)
    if (known >= 0) this.forget(known)
    const row = this.add(parts, epoch, monotonic, hash)
    if (past !== undefined) this.rows.setPast(row, past)
    this.touch(row)
  }

  /** Begins a reply; returns its state before. */
  begin(anchor: Anchor.Anchor, sequence: number, text: string | undefined): ReplyState {
    const row = this.known(anchor)
    const before = LedgerEntry.begin(this.pastOf(row), sequence, text)
    if (before === "new") this.touch(row)
    return before
  }

  /** The reply was delivered. */
  delivered(anchor: Anchor.Anchor, sequence: number, text: string | undefined): void {
    this.change(anchor, (past) => LedgerEntry.record(past, sequence, "delivered", text))
  }

  /** The reply was not delivered: it uses up none of the anchor's replies. */
  refused(anchor: Anchor.Anchor, sequence: number): void {
    this.change(anchor, (past) => LedgerEntry.forgetReply(past, sequence))
  }

  /** Records the progress of a streamed reply; `undefined`: nothing of it is left to close. */
  recordStream(anchor: Anchor.Anchor, name: number, stream: BegunStream | undefined): void {
    this.change(anchor, (past) => LedgerEntry.recordStream(past, name, stream))
  }

  /** The platform has answered that the anchor can no longer be replied to. */
  close(anchor: Anchor.Anchor): void {
    this.change(anchor, (past) => {
      past.closed = true
    })
  }

  /** The platform has answered that the anchor has no replies left. */
  exhaust(anchor: Anchor.Anchor): void {
    this.change(anchor, (past) => {
      past.exhausted = true
    })
  }

  /** The pages that have changed since they were last taken. */
  takePages(): ReadonlyArray<Pages.Page<AnchorEntry>> {
    return this.pages
      .take()
      .map(({ number, values }) => ({ number, values: values.map((row) => this.rows.entryOf(row)) }))
  }

  /** Some of the pages taken could not be stored. */
  putBack(pages: ReadonlyArray<{ readonly number: number }>): void {
    this.pages.putBack(pages)
    this.changed()
  }

  /** Loads what was stored: pages in their order, and the entries of a record of version 1. */
  restore(
    pages: ReadonlyArray<StoredLedger.StoredPage>,
    whole: ReadonlyArray<StoredLedger.StoredEntry>,
    now: Moment
  ): void {
    // after the wall clock was set back, a time of receipt may lie in the future: it must not lengthen the window
    const load = (stored: StoredLedger.StoredEntry, page: number | undefined): Loaded => ({
      stored,
      page,
      at: stored.at === undefined ? Number.NaN : Math.min(stored.at, now.epoch)
    })
    const all = new Map<string, Loaded>()
    const read = [
      ...whole.map((stored) => load(stored, undefined)),
      ...pages.flatMap(({ entries, page }) => entries.map((stored) => load(stored, page)))
    ]
    // an entry that has moved to another page may be stored on both
    for (const one of read) all.set(keyOf(one.stored), one)
    // an anchor with a late reply is on a later page than anchors that were received after it
    const rows = [...all.values()]
      .toSorted((a, b) => (a.at || 0) - (b.at || 0))
      .map((one) => {
        const row = this.add(one.stored, one.at, now.monotonic - (now.epoch - one.at))
        this.rows.setPast(row, StoredLedger.pastOf(one.stored))
        return { row, page: one.page }
      })
      .filter(({ row }) => this.rows.has(row))
    for (const { entries, page } of pages) {
      const kept = rows.filter((one) => one.page === page).map(({ row }) => row)
      this.pages.restore(page, kept)
      if (kept.length < entries.length) this.putBack([{ number: page }])
    }
    for (const { page, row } of rows) if (page === undefined) this.touch(row)
  }

  /** The row of an anchor; a new one, with an unknown time of receipt, if there is none. */
  private known(anchor: Anchor.Anchor): number {
    const parts = Anchor.partsOf(anchor)
    const row = this.rows.of(parts)
    return row < 0 ? this.add(parts, Number.NaN, Number.NaN) : row
  }

  private pastOf(row: number): LedgerEntry.Past {
    const known = this.rows.pastOf(row)
    if (known !== undefined) return known
    const past = LedgerEntry.makePast()
    this.rows.setPast(row, past)
    return past
  }

  private change(anchor: Anchor.Anchor, transition: (past: LedgerEntry.Past) => void): void {
    const row = this.known(anchor)
    transition(this.pastOf(row))
    this.touch(row)
  }

  private touch(row: number): void {
    this.pages.touch(row)
    this.changed()
  }

  private add(parts: Anchor.Parts, receivedAt: number, since: number, hash?: number): number {
    if (this.rows.size >= this.limits.capacity) this.forget(this.rows.first)
    return this.rows.add(parts, receivedAt, since, hash)
  }

  private forget(row: number): void {
    this.pages.remove(row)
    this.rows.remove(row)
  }
}
