/**
 * What a session remembers: what another connection could resume, what was lost, and the gaps that no handler has been given
 * yet; and how that outlives the process.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { BotConfig, type BotConfigShape } from "../BotConfig.ts"
import * as Monotonic from "../internal/Monotonic.ts"
import { Signal } from "../internal/Signal.ts"
import { DispatchSink, type DispatchSinkShape, type Gap } from "./DispatchSink.ts"
import type { Frame } from "./Frame.ts"
import type * as Intents from "./Intents.ts"
import * as Ownership from "./Ownership.ts"
import * as Resumable from "./Resumable.ts"
import { SessionStore, type SessionStoreShape, type StoreError, type StoredSession } from "./SessionStore.ts"

/**
 * What {@link make} takes.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly shard: readonly [index: number, count: number]
  /** Those that the session is made with. */
  readonly intents: () => Intents.Intents
  /** Up to when everything was received on the connection there is; `undefined` where some of it was missed. */
  readonly heardAt: () => number | undefined
  /** Whether this process may store the session; what another one owns stays as it is. */
  readonly isHeld: () => boolean
  /** The store refused a write, for another owner has claimed the session. */
  readonly fenced: (error: Ownership.Fenced) => Effect.Effect<void>
}

interface Services {
  readonly config: BotConfigShape
  readonly sink: DispatchSinkShape
  readonly store: SessionStoreShape
  readonly clock: Clock.Clock
}

/** When a store that failed is tried again: after 1, 2, 4 … s, at most a minute. */
const storeRetries = Schedule.union(Schedule.exponential("1 second"), Schedule.spaced("1 minute"))

/**
 * The memory of one session. All but the effects is synchronous: it is called from the socket's callback.
 *
 * @since 0.1.0
 * @category models
 */
export class SessionMemory {
  private readonly options: Options
  private readonly services: Services
  private session: Resumable.Resumable | undefined
  /** What the next session begins after. */
  private lost: Resumable.Resumable | undefined
  /** Whether what is stored is ours to replace: what could not be read, or was not read yet, stays as it is. */
  private isOurs = false
  /** Gaps that a restart has to report. */
  private gaps: ReadonlyArray<Gap> = []
  private isSaving = false
  /** Whether to save once more after the save that goes on. */
  private isStale = false
  /** A session has begun that no store knows yet. */
  private readonly begun = new Signal()
  /** The scope of the session's run, once it keeps this saved. */
  private scope: Scope.Scope | undefined

  constructor(options: Options, services: Services) {
    this.options = options
    this.services = services
  }

  /** The session that another connection could resume. */
  readonly current = (): Resumable.Resumable | undefined => this.session

  /** What logs say of the session. */
  annotations(): Record<string, string | number> {
    return this.session === undefined ? {} : { session: this.session.id, seq: this.session.receivedSeq }
  }

  /** READY: a session begins. If another was lost before it, the sink is given the gap between them after READY. */
  begin(sessionId: string, ready: Frame): void {
    const { sink } = this.services
    const now = this.now()
    const seq = ready.s ?? 0
    // READY in answer to a RESUME: the platform has begun another session without a word about the old one
    const before = this.lost ?? this.session
    const gap = before === undefined ? undefined : this.gapAfter(before, now)
    this.session = Resumable.begin(sessionId, seq, now)
    this.isOurs = true
    this.lost = undefined
    this.begun.raise()
    sink.begin(seq, [], before === undefined || gap === undefined ? undefined : this.keepUnsettled(before, gap))
    sink.announce(ready)
    if (gap !== undefined) sink.gap(gap, this.keep(gap))
  }

  /** Asks up to when everything was received. To be called before a connection is over. */
  noteHeard(): void {
    const at = this.options.heardAt()
    if (this.session !== undefined && at !== undefined) Resumable.hear(this.session, at, this.now())
  }

  /** Everything was received at least up to the last dispatch: the connection will pass over what comes next. */
  notePaused(): void {
    const { session } = this
    if (session !== undefined) Resumable.hear(session, Math.max(session.heardAt, session.lastDispatchAt), this.now())
  }

  /**
   * Gives up the session, and stores that at once. What is said until there is another will not come again.
   */
  giveUp(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.drop()
      return this.scope === undefined ? Effect.void : Effect.asVoid(Effect.forkIn(this.saveUntilSaved(), this.scope))
    })
  }

  /** Ends the session on purpose. It leaves a gap only where one is not handled yet or an event was not handled. */
  end(): void {
    const isDone = this.session === undefined || this.isSettled(this.session)
    if (isDone && this.lost === undefined && this.gaps.length === 0) this.session = undefined
    else this.drop()
  }

  /** Takes up what an earlier process stored. */
  get restore(): Effect.Effect<void> {
    const { intents, shard } = this.options
    const { sink, store } = this.services
    return Effect.gen(this, function* () {
      const stored = yield* store.load({ intents: intents(), shard })
      if (Option.isNone(stored)) return
      const { gaps = [], heardAt, savedAt, sequence: seq, sessionId: id, settled, startedAt } = stored.value.session
      this.session = Resumable.restore({ id, seq, startedAt, heardAt: heardAt ?? savedAt })
      this.isOurs = true
      sink.begin(seq, settled)
      for (const stored of gaps) {
        const gap = { ...stored, shard }
        sink.gap(gap, this.keep(gap))
      }
      if (stored.value.resumable) return yield* Effect.logInfo("a stored session will be resumed", { seq })
      this.drop()
      yield* Effect.logInfo("the stored session cannot be resumed; a new one is made")
    })
  }

  /**
   * Stores what is remembered now; nothing as long as this process has neither read nor begun a session, and nothing once
   * another process owns the bot.
   */
  get save(): Effect.Effect<void, StoreError> {
    return Effect.suspend(() => {
      if (!this.isOurs || !this.options.isHeld()) return Effect.void
      const { store } = this.services
      // one that was given up is remembered until there is another, so that a restart does not forget the gap
      const kept = this.session ?? this.lost
      return kept === undefined ? store.clear(this.options.shard) : store.save(this.toStored(kept))
    })
  }

  /**
   * Saves what changes, at most once in the delivery policy's `saveEvery`, and at once that a session has begun, which could
   * not outlive the process otherwise, or was given up. A store that fails is tried again until it takes it. One fiber is
   * enough for a session's whole life; `scope` is that of its run.
   */
  keepSaved(scope: Scope.Scope): Effect.Effect<never> {
    const { config, sink } = this.services
    return Effect.suspend(() => {
      this.scope = scope
      const saveChanges = Effect.flatMap(sink.changed, () =>
        Effect.zipRight(
          Effect.suspend(() => {
            this.begun.lower()
            return this.saveUntilSaved()
          }),
          Effect.timeoutOption(this.begun.wait, config.delivery.saveEvery)
        )
      )
      // what was read may be given up already
      return Effect.zipRight(this.lost === undefined ? Effect.void : this.saveUntilSaved(), Effect.forever(saveChanges))
    })
  }

  /** One save at a time: what is asked for meanwhile makes it save once more. */
  private saveUntilSaved(): Effect.Effect<void> {
    const saved: Effect.Effect<void> = Effect.suspend(() => {
      this.isStale = false
      return this.save.pipe(
        Effect.tapError((error) => Effect.logWarning(error.message)),
        Effect.catchAll((error) => this.refused(error)),
        Effect.retry(storeRetries),
        // retried for ever
        Effect.orDie,
        Effect.flatMap(() => (this.isStale ? saved : Effect.void))
      )
    })
    return Effect.suspend(() => {
      this.isStale = true
      if (this.isSaving) return Effect.void
      this.isSaving = true
      return Effect.ensuring(
        saved,
        Effect.sync(() => {
          this.isSaving = false
        })
      )
    })
  }

  /** A store that refuses this owner is not tried again. */
  private refused(error: StoreError): Effect.Effect<void, StoreError> {
    const fenced = Ownership.fencedBy(error.cause)
    return fenced === undefined ? Effect.fail(error) : this.options.fenced(fenced)
  }

  private now(): Resumable.Now {
    const { clock } = this.services
    return { wall: clock.unsafeCurrentTimeMillis(), monotonic: Monotonic.unsafeMillis(clock) }
  }

  private drop(): void {
    this.lost ??= this.session
    this.session = undefined
  }

  private gapAfter(before: Resumable.Resumable, now: Resumable.Now): Gap {
    const bounds = Resumable.gapAfter(before, now, this.services.config.session)
    return { ...bounds, lastSeq: before.receivedSeq, shard: this.options.shard }
  }

  /** The platform replays no gap: until the answer is called, it is one that the next process reports. */
  private keep(gap: Gap): () => void {
    this.gaps = [...this.gaps, gap]
    return () => {
      this.gaps = this.gaps.filter((other) => other !== gap)
    }
  }

  private isSettled(of: Resumable.Resumable): boolean {
    return this.services.sink.watermark() >= of.receivedSeq
  }

  /** The platform does not replay what of a lost session is not settled yet: until it is, a restart has to report it. */
  private keepUnsettled(before: Resumable.Resumable, gap: Gap): (() => void) | undefined {
    // the times do not say whether there is any: two events may share one, and a clock may be set back
    if (this.isSettled(before)) return undefined
    Resumable.settle(before, this.services.sink.watermark())
    return this.keep({ ...gap, from: Math.min(before.settledAt, gap.from), to: Math.max(before.heardAt, gap.from) })
  }

  private toStored(kept: Resumable.Resumable): StoredSession {
    const { clock, config, sink } = this.services
    const progress = sink.progress()
    this.noteHeard()
    Resumable.settle(kept, progress.watermark)
    return {
      appId: config.appId,
      intents: this.options.intents(),
      shard: this.options.shard,
      sessionId: kept.id,
      sequence: progress.watermark,
      startedAt: kept.startedAt,
      savedAt: clock.unsafeCurrentTimeMillis(),
      heardAt: kept.settledAt,
      dropped: this.session === undefined ? true : undefined,
      gaps: this.gaps.length === 0 ? undefined : this.gaps.map(({ from, lastSeq, to }) => ({ from, to, lastSeq })),
      settled: progress.settled
    }
  }
}

/**
 * Remembers nothing yet.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<SessionMemory, never, BotConfig | DispatchSink | SessionStore> =>
  Effect.gen(function* () {
    const config = yield* BotConfig
    const sink = yield* DispatchSink
    const store = yield* SessionStore
    const clock = yield* Effect.clock
    return new SessionMemory(options, { config, sink, store, clock })
  })
