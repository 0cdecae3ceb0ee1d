/**
 * The watermark of a session: the highest received sequence number up to which every event was settled. It is read off the
 * oldest unsettled event, so nothing has to be kept for events that are settled. Pure: it reads no clock.
 *
 * @since 0.1.0
 */
import type { Work } from "./Work.ts"

/**
 * The unsettled events that have a sequence number, in order.
 *
 * @since 0.1.0
 * @category models
 */
export class Watermark {
  private oldest: Work | undefined
  private newest: Work | undefined
  private currentSession = 1
  private received = 0
  /** Unsettled events of this session, and of those before it. */
  private ofThisSession = 0
  private ofOlderSessions = 0
  private onOlderSettled: Array<() => void> = []

  /** The session that events belong to, counted from 1. */
  get session(): number {
    return this.currentSession
  }

  /** The highest sequence number received in this session. */
  get receivedSeq(): number {
    return this.received
  }

  /** The highest received sequence number up to which every event was settled. */
  get settledSeq(): number {
    return this.oldest === undefined ? this.received : this.oldest.below
  }

  /** Sequence numbers between the last one received and the watermark. */
  get lag(): number {
    return this.received - this.settledSeq
  }

  /** The oldest unsettled event whose handlers have not begun. */
  get oldestWaiting(): Work | undefined {
    let work = this.oldest
    while (work !== undefined && work.started) work = work.newer
    return work
  }

  /**
   * A session begins, or goes on, at this sequence number. `older` is called once every event of the sessions before it is
   * settled: at once, if they are.
   */
  begin(seq: number, older?: () => void): void {
    this.currentSession++
    this.ofOlderSessions += this.ofThisSession
    this.ofThisSession = 0
    if (older !== undefined) this.onOlderSettled.push(older)
    if (this.ofOlderSessions === 0) this.tellOlderSettled()
    this.received = seq
    this.oldest = undefined
    this.newest = undefined
  }

  /** An event was received and dropped at once. */
  skip(seq: number): void {
    if (seq > this.received) this.received = seq
  }

  /** Adds an event of this session. Events come in order but for a reordering line; the walk back is as long as the disorder. */
  add(work: Work, seq: number): void {
    let older = this.newest
    while (older !== undefined && (older.frame.s ?? 0) > seq) older = older.older
    const newer = older === undefined ? this.oldest : older.newer
    work.older = older
    work.newer = newer
    work.below = Math.min(newer === undefined ? this.received : newer.below, seq - 1)
    if (newer !== undefined) {
      newer.older = work
      newer.below = Math.max(newer.below, seq)
    } else this.newest = work
    if (older !== undefined) older.newer = work
    else this.oldest = work
    this.ofThisSession++
    this.skip(seq)
  }

  /** An event that was added is settled. */
  remove(work: Work): void {
    // one of an older session too, which would hold on to its neighbours
    this.unlink(work)
    if (work.session === this.currentSession) this.ofThisSession--
    else if (--this.ofOlderSessions === 0) this.tellOlderSettled()
  }

  private unlink(work: Work): void {
    if (work.older === undefined) {
      if (this.oldest === work) this.oldest = work.newer
    } else work.older.newer = work.newer
    if (work.newer === undefined) {
      if (this.newest === work) this.newest = work.older
    } else work.newer.older = work.older
    work.older = undefined
    work.newer = undefined
  }

  private tellOlderSettled(): void {
    const tell = this.onOlderSettled
    this.onOlderSettled = []
    for (const settled of tell) settled()
  }
}
