/**
 * What a session remembers: what another connection could resume, what was lost, and of which gaps nobody has been told yet;
 * and how that outlives the process.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import { BotConfig } from "../BotConfig.ts"
import * as Monotonic from "../internal/Monotonic.ts"
import { DispatchSink, type Gap } from "./DispatchSink.ts"
import type { Frame } from "./Frame.ts"
import type * as Intents from "./Intents.ts"
import type { SessionPolicy } from "./SessionPolicy.ts"
import { SessionStore, type StoreError } from "./SessionStore.ts"

/**
 * The session that another connection could resume.
 *
 * @since 0.1.0
 * @category models
 */
export interface Resumable {
  readonly id: string
  /** Epoch milliseconds, like all times here. */
  readonly startedAt: number
  lastDispatchAt: number
  /** The last sequence number that the sink took. */
  received: number
  /** Up to when everything that the platform had to say was received. */
  heardAt: number
  /** The same moment in monotonic milliseconds; `undefined` where an earlier process noted it. */
  heardAtMonotonic: number | undefined
  /** Up to when all of it was settled: what a restart may count on. */
  settledAt: number
  /** What will be settled next, oldest first: up to when all up to these sequence numbers was received. */
  readonly marks: Array<{ readonly sequence: number; readonly heardAt: number }>
}

/**
 * What {@link make} gives. All but the effects is synchronous: it is called from the socket's callback.
 *
 * @since 0.1.0
 * @category models
 */
export interface SessionMemory {
  readonly current: () => Resumable | undefined
  /** READY: a session begins. If another was lost before it, the gap between them is told of after READY. */
  readonly begin: (sessionId: string, ready: Frame) => void
  /** Asks up to when everything was received. To be called before a connection is over. */
  readonly noteHeard: () => void
  /** Everything was received at least up to the last dispatch: the connection will pass over what comes next. */
  readonly notePaused: () => void
  /** Gives up the session. What is said until there is another will not come again. */
  readonly drop: () => void
  /** Ends the session on purpose. It leaves a gap only where something is untold or was not handled. */
  readonly end: () => void
  /** Takes up what an earlier process stored. */
  readonly restore: Effect.Effect<void>
  /** Stores what is remembered now; nothing as long as this process has neither read nor begun a session. */
  readonly save: Effect.Effect<void, StoreError>
  /**
   * Saves what changes, at most once in the delivery policy's `saveEvery`, and at once that a session was given up. A store
   * that fails is tried again until it takes it. One fiber is enough for a session's whole life.
   */
  readonly keepSaved: Effect.Effect<never>
}

/** So many marks of what is to be settled are kept; without room for more, a gap begins earlier than it has to. */
const mostMarks = 256

/** When a store that failed is tried again: after 1, 2, 4 … s, at most a minute. */
const storeRetries = Schedule.union(Schedule.exponential("1 second"), Schedule.spaced("1 minute"))

const resumable = (
  id: string,
  sequence: number,
  startedAt: number,
  heardAt: number,
  heardAtMonotonic?: number
): Resumable => ({
  id,
  startedAt,
  lastDispatchAt: startedAt,
  received: sequence,
  heardAt,
  heardAtMonotonic,
  settledAt: heardAt,
  marks: []
})

/** Everything was received up to this time of the wall clock. */
const hear = (session: Resumable, at: number, clock: Clock.Clock): void => {
  session.heardAt = at
  session.heardAtMonotonic = Monotonic.unsafeMillis(clock) - (clock.unsafeCurrentTimeMillis() - at)
}

/**
 * A gap that ends now. If the wall clock was set during it, either of its readings may be the right one: the gap covers both.
 * After a restart only the wall clock is left: a session heard in the future was stored by a clock that has been set back
 * since, and the gap begins with the session.
 */
const boundsOfGap = (
  { heardAt, heardAtMonotonic, startedAt }: Resumable,
  now: number,
  clock: Clock.Clock,
  policy: SessionPolicy
): Pick<Gap, "from" | "to"> => {
  const stored = (): number => {
    if (heardAt <= now) return heardAt
    return startedAt < now ? startedAt : now - Duration.toMillis(policy.maximumAge)
  }
  const from = heardAtMonotonic === undefined ? stored() : now - (Monotonic.unsafeMillis(clock) - heardAtMonotonic)
  return { from: Math.min(heardAt, from), to: Math.max(now, heardAt + now - from) }
}

/** Marks what was received until now, and forgets the marks up to which all is settled. */
const noteSettled = (session: Resumable, watermark: number): void => {
  const { heardAt, marks, received } = session
  if (marks.length < mostMarks) marks.push({ sequence: received, heardAt })
  const open = marks.findIndex(({ sequence }) => sequence > watermark)
  const [last] = marks.splice(0, open < 0 ? marks.length : open).slice(-1)
  if (last !== undefined) session.settledAt = last.heardAt
}

/**
 * Remembers nothing yet.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: {
  readonly shard: readonly [index: number, count: number]
  /** Those that the session is made with. */
  readonly intents: () => Intents.Intents
  /** Up to when everything was received on the connection there is; `undefined` where some of it was missed. */
  readonly heardAt: () => number | undefined
}): Effect.Effect<SessionMemory, never, BotConfig | DispatchSink | SessionStore> =>
  Effect.gen(function* () {
    const { appId, delivery, session: policy } = yield* BotConfig
    const sink = yield* DispatchSink
    const store = yield* SessionStore
    const clock = yield* Effect.clock
    const { intents, shard } = options

    let session: Resumable | undefined
    /** What the next session begins after. */
    let lost: Resumable | undefined
    /** Whether what is stored is ours to replace: what could not be read, or was not read yet, stays as it is. */
    let isOurs = false
    /** Open while a session was given up since the last save. */
    const givenUp = yield* Effect.makeLatch(false)
    /** Gaps that a restart has to tell of. */
    let gaps: ReadonlyArray<Gap> = []

    /** Until the answer is called, a gap is one that the next process tells of. */
    const keep = (gap: Gap): (() => void) => {
      gaps = [...gaps, gap]
      return () => {
        gaps = gaps.filter((other) => other !== gap)
      }
    }

    /** Nobody replays a gap: what a shutdown or a crash cuts off is told of by the next process. */
    const tellOfGap = (gap: Gap): void => sink.gap(gap, keep(gap))

    const isSettled = (of: Resumable): boolean => sink.watermark() >= of.received

    /** What of a lost session is not settled yet, nobody replays: until it is, a restart has to tell of it. */
    const keepUnsettled = (before: Resumable, gap: Gap): (() => void) | undefined => {
      // the times do not say whether there is any: two events may share one, and a clock may be set back
      if (isSettled(before)) return undefined
      noteSettled(before, sink.watermark())
      return keep({ ...gap, from: Math.min(before.settledAt, gap.from), to: Math.max(before.heardAt, gap.from) })
    }

    const noteHeard = (): void => {
      const at = options.heardAt()
      if (session !== undefined && at !== undefined) hear(session, at, clock)
    }

    const drop = (): void => {
      lost ??= session
      session = undefined
      givenUp.unsafeOpen()
    }

    const save = Effect.suspend(() => {
      givenUp.unsafeClose()
      if (!isOurs) return Effect.void
      // one that was given up is remembered until there is another, so that a restart does not forget the gap
      const kept = session ?? lost
      if (kept === undefined) return store.clear(shard)
      const progress = sink.progress()
      noteHeard()
      noteSettled(kept, progress.watermark)
      return store.save({
        appId,
        intents: intents(),
        shard,
        sessionId: kept.id,
        sequence: progress.watermark,
        startedAt: kept.startedAt,
        savedAt: clock.unsafeCurrentTimeMillis(),
        heardAt: kept.settledAt,
        dropped: session === undefined ? true : undefined,
        gaps: gaps.length === 0 ? undefined : gaps.map(({ from, lastSeq, to }) => ({ from, to, lastSeq })),
        settled: progress.settled
      })
    })

    const saveUntilSaved = save.pipe(
      Effect.tapError((error) => Effect.logWarning(error.message)),
      Effect.retry(storeRetries),
      // retried for ever
      Effect.orDie
    )

    return {
      current: () => session,
      begin: (sessionId, ready) => {
        const now = clock.unsafeCurrentTimeMillis()
        const sequence = ready.s ?? 0
        // READY in answer to a RESUME: the platform has begun another session without a word about the old one
        const before = lost ?? session
        const gap =
          before === undefined
            ? undefined
            : { ...boundsOfGap(before, now, clock, policy), lastSeq: before.received, shard }
        session = resumable(sessionId, sequence, now, now, Monotonic.unsafeMillis(clock))
        isOurs = true
        lost = undefined
        sink.begin(sequence, [], before === undefined || gap === undefined ? undefined : keepUnsettled(before, gap))
        sink.announce(ready)
        if (gap !== undefined) tellOfGap(gap)
      },
      noteHeard,
      notePaused: () => {
        if (session !== undefined) hear(session, Math.max(session.heardAt, session.lastDispatchAt), clock)
      },
      drop,
      end: () => {
        const isDone = session === undefined || isSettled(session)
        if (isDone && lost === undefined && gaps.length === 0) session = undefined
        else drop()
      },
      restore: Effect.gen(function* () {
        const stored = yield* store.load({ intents: intents(), shard })
        if (Option.isNone(stored)) return
        const { gaps: untold = [], heardAt, savedAt, sequence, sessionId, settled, startedAt } = stored.value.session
        session = resumable(sessionId, sequence, startedAt, heardAt ?? savedAt)
        isOurs = true
        sink.begin(sequence, settled)
        for (const gap of untold) tellOfGap({ ...gap, shard })
        if (stored.value.resumable) return yield* Effect.logInfo("a stored session will be resumed", { sequence })
        drop()
        yield* Effect.logInfo("the stored session cannot be resumed; a new one is made")
      }),
      save,
      keepSaved: Effect.raceFirst(sink.changed, givenUp.await).pipe(
        Effect.zipRight(saveUntilSaved),
        Effect.zipRight(Effect.raceFirst(Effect.sleep(delivery.saveEvery), givenUp.await)),
        Effect.forever
      )
    }
  })
