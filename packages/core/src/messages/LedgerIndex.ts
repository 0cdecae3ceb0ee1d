/**
 * The synchronous state of the reply ledger: the known anchors, found by id and by conversation, within a capacity, and the
 * pages on which they are stored. It does no I/O; `ReplyLedger` loads and stores it.
 *
 * @since 0.1.0
 */
import { hashOf, KeyTable } from "../internal/KeyTable.ts"
import * as Anchor from "./Anchor.ts"
import * as Conversation from "./Conversation.ts"
import * as LedgerEntry from "./LedgerEntry.ts"
import type { AnchorEntry, AnchorStatus, BegunStream, ConversationEntry, ReplyState } from "./LedgerEntry.ts"
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

/** The key of an anchor among others with the same id. */
const keyOf = ({ id, kind, scene, target }: Anchor.Parts): string => JSON.stringify([kind, `${scene}:${target}`, id])

/**
 * The anchors in the order in which they were added. Forgotten ones stay until they are the oldest: deleting the first keys
 * of a `Map` leaves holes that each look at its first key has to pass.
 */
class Arrivals {
  private entries: Array<AnchorEntry | undefined> = []
  private first = 0

  add(entry: AnchorEntry): void {
    this.entries.push(entry)
  }

  /** Takes the oldest entry that is still known. */
  takeOldest(): AnchorEntry | undefined {
    let oldest: AnchorEntry | undefined
    do {
      oldest = this.entries[this.first]
      this.entries[this.first++] = undefined
    } while (oldest?.isKnown === false)
    if (this.first * 2 >= this.entries.length) {
      this.entries = this.entries.slice(this.first)
      this.first = 0
    }
    return oldest
  }
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
  /** The platform uses an id once, so that the id alone finds an anchor; a key of all its parts would double its memory. */
  private readonly byId = new KeyTable<AnchorEntry>()
  /** Anchors whose id another anchor has already. */
  private readonly namesakes = new Map<string, AnchorEntry>()
  private readonly conversations: Record<Conversation.Scene, Map<string, ConversationEntry>> = {
    c2c: new Map(),
    group: new Map(),
    channel: new Map(),
    dm: new Map()
  }
  private readonly arrivals = new Arrivals()
  private readonly pages: Pages.Pages<AnchorEntry>

  constructor(limits: Limits, changed: () => void) {
    this.limits = limits
    this.changed = changed
    this.pages = Pages.make(limits.stored)
  }

  /** The number of known anchors. */
  get size(): number {
    return this.byId.size + this.namesakes.size
  }

  /** The entry of an anchor, if it is known. */
  find(anchor: Anchor.Anchor): AnchorEntry | undefined {
    const entry = this.byId.get(anchor.id, hashOf(anchor.id, 0))
    if (entry === undefined && this.namesakes.size === 0) return undefined
    const parts = Anchor.partsOf(anchor)
    return this.own(entry, parts)
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
    const known = this.conversations[Conversation.sceneOf(conversation)].get(Conversation.targetOf(conversation))
    const entry = known?.recent.findLast((candidate) => {
      if (kind !== undefined && candidate.kind !== kind) return false
      const { isClosed, repliesLeft } = LedgerEntry.statusOf(candidate, now, this.limits.margin)
      return !isClosed && repliesLeft > 0
    })
    return entry === undefined ? undefined : LedgerEntry.anchorOf(entry)
  }

  /** Records that an anchor was received. Receiving it again, as in a replay, does not reopen its window. */
  receive(parts: Anchor.Parts, now: () => Moment): void {
    const hash = hashOf(parts.id, 0)
    const entry = this.own(this.byId.get(parts.id, hash), parts)
    if (entry?.receivedAt !== undefined) return
    if (entry !== undefined) this.forget(entry)
    const { epoch, monotonic } = now()
    const fresh = this.add(parts, hash, { at: epoch, since: monotonic })
    if (entry !== undefined) LedgerEntry.inherit(fresh, entry)
    this.touch(fresh)
  }

  /** Begins a reply; returns its state before. */
  begin(anchor: Anchor.Anchor, sequence: number, text: string | undefined): ReplyState {
    const entry = this.known(anchor)
    const before = LedgerEntry.begin(entry, sequence, text)
    if (before === "new") this.touch(entry)
    return before
  }

  /** The reply was delivered. */
  delivered(anchor: Anchor.Anchor, sequence: number, text: string | undefined): void {
    const entry = this.known(anchor)
    LedgerEntry.record(entry, sequence, "delivered", text)
    this.touch(entry)
  }

  /** The reply was not delivered: it uses up none of the anchor's replies. */
  refused(anchor: Anchor.Anchor, sequence: number): void {
    const entry = this.known(anchor)
    LedgerEntry.forgetReply(entry, sequence)
    this.touch(entry)
  }

  /** Records the progress of a streamed reply; `undefined`: nothing of it is left to close. */
  recordStream(anchor: Anchor.Anchor, name: number, stream: BegunStream | undefined): void {
    const entry = this.known(anchor)
    LedgerEntry.recordStream(entry, name, stream)
    this.touch(entry)
  }

  /** The platform has answered that the anchor can no longer be replied to. */
  close(anchor: Anchor.Anchor): void {
    const entry = this.known(anchor)
    entry.closed = true
    this.touch(entry)
  }

  /** The platform has answered that the anchor has no replies left. */
  exhaust(anchor: Anchor.Anchor): void {
    const entry = this.known(anchor)
    entry.exhausted = true
    this.touch(entry)
  }

  /** The pages that have changed since they were last taken. */
  takePages(): ReadonlyArray<Pages.Page<AnchorEntry>> {
    return this.pages.take()
  }

  /** Some of the pages taken could not be stored. */
  putBack(pages: ReadonlyArray<Pages.Page<AnchorEntry>>): void {
    this.pages.putBack(pages)
    this.changed()
  }

  /** Loads what was stored: pages in their order, and the entries of a record of version 1. */
  restore(
    pages: ReadonlyArray<StoredLedger.StoredPage>,
    whole: ReadonlyArray<StoredLedger.StoredEntry>,
    now: Moment
  ): void {
    const before = whole.map((stored) => this.load(stored, now))
    for (const { entries, page } of pages) {
      this.pages.restore(
        page,
        entries.map((stored) => this.load(stored, now))
      )
    }
    for (const entry of before) if (entry.isKnown) this.touch(entry)
    // an anchor with a late reply is on a later page than anchors that were received after it
    for (const scene of Object.values(this.conversations)) {
      for (const { recent } of scene.values()) recent.sort((a, b) => (a.since ?? 0) - (b.since ?? 0))
    }
  }

  private own(entry: AnchorEntry | undefined, parts: Anchor.Parts): AnchorEntry | undefined {
    if (entry !== undefined && LedgerEntry.isOf(entry, parts)) return entry
    return this.namesakes.size === 0 ? undefined : this.namesakes.get(keyOf(parts))
  }

  /** The entry of an anchor; a new one, with an unknown time of receipt, if there is none. */
  private known(anchor: Anchor.Anchor): AnchorEntry {
    return (
      this.find(anchor) ?? this.add(Anchor.partsOf(anchor), hashOf(anchor.id, 0), { at: undefined, since: undefined })
    )
  }

  private touch(entry: AnchorEntry): void {
    this.pages.touch(entry)
    this.changed()
  }

  private add(
    parts: Anchor.Parts,
    hash: number,
    received: { readonly at: number | undefined; readonly since: number | undefined }
  ): AnchorEntry {
    const { scene, target } = parts
    const conversation = this.conversations[scene].get(target) ?? { scene, target, recent: [] }
    const entry = LedgerEntry.make(parts, hash, conversation, received)
    if (this.byId.get(parts.id, hash) === undefined) this.byId.add(entry)
    else this.namesakes.set(keyOf(parts), entry)
    this.arrivals.add(entry)
    if (this.size > this.limits.capacity) {
      const oldest = this.arrivals.takeOldest()
      if (oldest !== undefined) this.forget(oldest)
    }
    // an anchor with an unknown time of receipt cannot be chosen
    if (received.at !== undefined) this.listRecent(entry)
    return entry
  }

  private listRecent(entry: AnchorEntry): void {
    const { conversation } = entry
    if (conversation.recent.length === 0) {
      this.conversations[conversation.scene].set(conversation.target, conversation)
      // many conversations have only one message: an array literal reserves no room for more, a push does
      conversation.recent = [entry]
      return
    }
    conversation.recent.push(entry)
    if (conversation.recent.length > this.limits.perConversation) conversation.recent.shift()
  }

  private forget(entry: AnchorEntry): void {
    entry.isKnown = false
    if (this.byId.get(entry.key, entry.hash) === entry) this.byId.remove(entry)
    else this.namesakes.delete(keyOf(LedgerEntry.partsOf(entry)))
    this.pages.remove(entry)
    const { recent, scene, target } = entry.conversation
    const index = recent.indexOf(entry)
    if (index < 0) return
    recent.splice(index, 1)
    if (recent.length === 0) this.conversations[scene].delete(target)
  }

  private load(stored: StoredLedger.StoredEntry, now: Moment): AnchorEntry {
    // after the wall clock was set back, a time of receipt may lie in the future: it must not lengthen the window
    const at = stored.at === undefined ? undefined : Math.min(stored.at, now.epoch)
    const since = at === undefined ? undefined : now.monotonic - (now.epoch - at)
    const hash = hashOf(stored.id, 0)
    // an entry that has moved to another page may be stored on both
    const known = this.own(this.byId.get(stored.id, hash), stored)
    if (known !== undefined) this.forget(known)
    const entry = this.add(stored, hash, { at, since })
    StoredLedger.restore(stored, entry)
    return entry
  }
}
