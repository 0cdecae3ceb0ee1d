/**
 * The life of a unit on the runner that has its entity: it is claimed on a fresh lease, its bot runs until it is given back,
 * lost, refused or changed, and then it is claimed again, with another epoch. It ends only when the bot is no longer wanted,
 * for an end would be stored as the reply to `Run`, and no runner would take the bot up again.
 *
 * @since 0.1.0
 */
import {
  AccessToken,
  Anchor,
  Bot,
  BotConfig,
  Event,
  Gateway,
  type GatewayError,
  GatewayMetadata,
  IdentifyLimiter,
  Messenger,
  OpenApi,
  Ownership,
  SendError,
  type Session,
  SessionStore
} from "@effect-qq/core"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import type * as Socket from "@effect/platform/Socket"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as ClusterMetrics from "../ClusterMetrics.ts"
import type { ClusterStoreShape, StoreUnavailable } from "../ClusterStore.ts"
import type { LeasesShape } from "../Leases.ts"
import type { RunnerPolicy } from "../RunnerPolicy.ts"
import type * as SqlStore from "../SqlStore.ts"
import * as Unit from "../Unit.ts"
import { Incarnation } from "./Incarnation.ts"
import type { BotSpec, Roster } from "./Roster.ts"
import * as SharedClock from "./SharedClock.ts"
import * as Watched from "./Watched.ts"

type Runtime = HttpClient.HttpClient | Socket.WebSocketConstructor

type OfBot = Bot.Bot | BotConfig.BotConfig | Gateway.HandlerRegistry

/**
 * A bot that runs in this process.
 *
 * @since 0.1.0
 * @category models
 */
export interface Local {
  readonly messenger: Messenger.MessengerShape
  /** What it does is dated by this clock. */
  readonly clock: Clock.Clock
}

/**
 * The bots that run in this process, for messages that other runners ask to send.
 *
 * @since 0.1.0
 * @category models
 */
export class Running {
  readonly #bots = new Map<string, Local>()
  readonly #waiters = new Map<string, Set<Deferred.Deferred<Local>>>()

  get ids(): ReadonlyArray<string> {
    return [...this.#bots.keys()]
  }

  /** Notes a bot until the scope closes. */
  add(id: string, bot: Local): Effect.Effect<void, never, Scope.Scope> {
    return Effect.acquireRelease(
      Effect.sync(() => {
        this.#bots.set(id, bot)
        ClusterMetrics.ownedBots.unsafeUpdate(this.#bots.size, [])
        const waiters = this.#waiters.get(id) ?? []
        this.#waiters.delete(id)
        for (const waiter of waiters) Deferred.unsafeDone(waiter, Effect.succeed(bot))
      }),
      () =>
        Effect.sync(() => {
          if (this.#bots.get(id) === bot) this.#bots.delete(id)
          ClusterMetrics.ownedBots.unsafeUpdate(this.#bots.size, [])
        })
    )
  }

  /** A bot, once it runs here. */
  get(id: string): Effect.Effect<Local> {
    return Effect.suspend(() => {
      const known = this.#bots.get(id)
      if (known !== undefined) return Effect.succeed(known)
      const waiter = Deferred.unsafeMake<Local>(FiberId.none)
      const waiters = this.#waiters.get(id) ?? new Set()
      this.#waiters.set(id, waiters)
      waiters.add(waiter)
      return Effect.ensuring(
        Deferred.await(waiter),
        Effect.sync(() => waiters.delete(waiter))
      )
    })
  }
}

/**
 * What a reply is to, as `Messenger.reply` reads it.
 *
 * @since 0.1.0
 * @category lookups
 */
export const anchorOf = (event: Messenger.Answerable): Effect.Effect<Anchor.Anchor, SendError.MessageInvalid> => {
  if (!("t" in event)) return Effect.succeed(event)
  if (Event.isMessage(event)) return Effect.succeed(Anchor.ofMessage(event))
  return Option.match(Anchor.ofEvent(event), {
    onNone: () =>
      new SendError.MessageInvalid({
        field: "event",
        detail: `this ${event.t} cannot be replied to`,
        hint: "send the message to a conversation, or reply to an Anchor of your own"
      }),
    onSome: Effect.succeed
  })
}

/**
 * What {@link make} takes.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<HE> {
  readonly policy: RunnerPolicy
  readonly store: ClusterStoreShape
  readonly leases: LeasesShape
  readonly roster: Roster
  readonly running: Running
  readonly handlers: Layer.Layer<never, HE, OfBot>
  readonly services: Context.Context<Runtime>
}

/** How a run of a bot ended, where it was not interrupted. */
type End =
  | { readonly _tag: "Lost"; readonly error: Ownership.OwnershipLost }
  | { readonly _tag: "Changed" }
  | { readonly _tag: "Refused"; readonly error: GatewayError.GatewayStopped }
  | { readonly _tag: "Failed"; readonly cause: Cause.Cause<unknown> }

/** When the store is asked again that did not answer. */
const asks = Schedule.union(Schedule.exponential("100 millis"), Schedule.spaced("1 second"))

/** How often a lease is looked at that is to become fresh. */
const look = Duration.millis(100)

/** How long an end waits for the store to know of it. */
const releaseTimeout = Duration.millis(800)

/** How often the store is told later of an end that it did not take at once. */
const lateReleases = Schedule.recurs(30)

const detailOf = (state: Session.SessionState): string | undefined => {
  switch (state._tag) {
    case "Waiting":
      return state.because
    case "Stopped":
      return state.because.message
    default:
      return undefined
  }
}

const countOf = ({ shards }: BotSpec): number => shards ?? 1

/** The services of a bot that runs one of its shards here. */
const makeBot = (
  spec: BotSpec,
  unit: Unit.Unit,
  options: Pick<Options<unknown>, "services" | "store">,
  writer: SqlStore.Writer,
  ownership: Ownership.OwnershipShape
): Effect.Effect<Context.Context<Bot.Bot | BotConfig.BotConfig>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const config = BotConfig.make({ ...spec, transport: "websocket", shards: { of: countOf(spec), run: [unit.shard] } })
    const outer = options.services.pipe(
      Context.add(BotConfig.BotConfig, config),
      Context.add(KeyValueStore.KeyValueStore, options.store.records(writer)),
      Context.add(Ownership.Ownership, ownership),
      Context.add(Scope.Scope, scope)
    )
    const add =
      <I, S, Needs>(tag: Context.Tag<I, S>, make: Effect.Effect<S, never, Needs>) =>
      <Others>(context: Context.Context<Needs | Others>) =>
        Effect.map(Effect.provide(make, context), (service) => Context.add(context, tag, service))
    const inner = yield* Effect.succeed(outer).pipe(
      Effect.flatMap(add(AccessToken.AccessToken, AccessToken.make)),
      Effect.flatMap(add(OpenApi.OpenApi, OpenApi.make)),
      Effect.flatMap(add(SessionStore.SessionStore, SessionStore.make)),
      Effect.flatMap(add(GatewayMetadata.GatewayMetadata, GatewayMetadata.make)),
      // all the shards of a bot, wherever they run, wait for one another
      Effect.flatMap(add(IdentifyLimiter.IdentifyLimiter, options.store.identifyLimiter))
    )
    const bot = yield* Effect.provide(Bot.make, inner)
    return Context.add(bot, BotConfig.BotConfig, config)
  })

/** How a run of a bot ended, from the cause of its failure. An interruption passes. */
const endOf = (cause: Cause.Cause<unknown>): Effect.Effect<End> => {
  if (Cause.isInterruptedOnly(cause)) return Effect.failCause(cause as Cause.Cause<never>)
  const failure = Option.getOrUndefined(Cause.failureOption(cause)) as { readonly _tag?: unknown } | undefined
  if (failure?._tag !== "GatewayStopped") return Effect.succeed({ _tag: "Failed", cause })
  const error = failure as GatewayError.GatewayStopped
  return Effect.succeed(
    error.because._tag === "OwnershipLost" ? { _tag: "Lost", error: error.because } : { _tag: "Refused", error }
  )
}

/** A unit that was claimed. */
interface Claim {
  readonly unit: Unit.Unit
  readonly spec: BotSpec
  readonly writer: SqlStore.Writer
  readonly incarnation: Incarnation
  /** Whether what it handles is to be noted. */
  readonly isSuspect: boolean
  /** To be run once it is Ready. */
  readonly started: Effect.Effect<void>
}

/**
 * Runs units.
 *
 * @since 0.1.0
 * @category models
 */
export class UnitRunner<HE> {
  readonly #options: Options<HE>
  readonly #starts: Effect.Semaphore
  /** When the next start may begin, in milliseconds of the monotonic clock. */
  #nextStart = Number.NEGATIVE_INFINITY
  /** Names this process. */
  readonly #instance: string
  /** Units in quarantine. */
  readonly #aside = new Set<string>()
  /** How often the platform refused each unit in a row. */
  readonly #refusals = new Map<string, number>()

  constructor(options: Options<HE>, starts: Effect.Semaphore, instance: string) {
    this.#options = options
    this.#starts = starts
    this.#instance = instance
  }

  /** Runs a unit on the lease of a cluster shard. Ends when the unit is not wanted any more. */
  run(unit: Unit.Unit, generation: number, clusterShard: string, runner: string): Effect.Effect<void> {
    const once = Effect.suspend(() => this.#once(unit, generation, clusterShard, runner))
    return Effect.zipRight(
      this.#options.roster.loaded,
      Effect.asVoid(Effect.repeat(once, { while: (isWanted) => isWanted }))
    ).pipe(Effect.annotateLogs({ package: "@effect-qq/cluster", unit: Unit.idOf(unit) }))
  }

  /** From one claim to the next; whether there is to be a next one. */
  #once(unit: Unit.Unit, generation: number, clusterShard: string, runner: string): Effect.Effect<boolean> {
    const { leases, roster, store } = this.#options
    const id = Unit.idOf(unit)
    return Effect.gen(this, function* () {
      const spec = roster.get(unit.app)
      if (spec === undefined || unit.shard >= countOf(spec)) {
        yield* insist(store.finished(unit, generation))
        return false
      }
      const started = yield* this.#startTurn()
      // each attempt needs a fresh lease: the claim of a process that was suspended would fence the rightful owner
      const claimed = yield* insist(
        Effect.zipRight(freshLease(leases, clusterShard), store.claim(unit, generation, runner, this.#instance))
      )
      if (claimed._tag === "Superseded") return false
      if (claimed._tag === "Quarantined") {
        yield* started
        if (claimed.skipped !== undefined) yield* tellQuarantine(claimed.wait, claimed.skipped)
        yield* this.#quarantine(unit, spec, claimed.wait)
        return true
      }
      if (claimed.isFailover) ClusterMetrics.failovers.unsafeUpdate(1, [])
      const { epoch, isSuspect, now } = claimed
      const clock = SharedClock.make(yield* Effect.clock, now)
      const incarnation = new Incarnation(() => leases.isHeld(clusterShard), store.isCurrent({ owner: id, epoch }))
      const writer: SqlStore.Writer = {
        owner: id,
        epoch,
        onFenced: () => incarnation.lose("another owner has claimed its records")
      }
      yield* leases.watch(() => void incarnation.isHeld())
      yield* Effect.logDebug("a unit was claimed").pipe(Effect.annotateLogs({ epoch, isSuspect }))
      const end = yield* this.#live({ unit, spec, writer, incarnation, isSuspect, started }).pipe(
        Effect.withClock(clock),
        Effect.onInterrupt(() => this.#release(writer))
      )
      yield* started
      yield* this.#after(unit, spec, writer, end)
      return true
    }).pipe(Effect.scoped)
  }

  /** Counts among the bots that start until what it gives is run, or it has taken too long. */
  #startTurn(): Effect.Effect<Effect.Effect<void>, never, Scope.Scope> {
    return Effect.gen(this, function* () {
      const turn = yield* Scope.make()
      const over = Scope.close(turn, Exit.void)
      yield* Scope.extend(
        Effect.acquireRelease(Effect.interruptible(this.#starts.take(1)), () => this.#starts.release(1)),
        turn
      )
      yield* this.#pace()
      yield* Effect.addFinalizer(() => over)
      yield* Effect.forkScoped(Effect.delay(over, this.#options.policy.startTimeout))
      return over
    })
  }

  /** Waits until the start before this one is `startEvery` ago. */
  #pace(): Effect.Effect<void> {
    return Effect.flatMap(Clock.currentTimeNanos, (nanos) => {
      const now = Number(nanos) / 1e6
      const at = Math.max(now, this.#nextStart)
      this.#nextStart = at + Duration.toMillis(this.#options.policy.startEvery)
      return at > now ? Effect.sleep(at - now) : Effect.void
    })
  }

  /** One bot, from its claim to its end. */
  #live({ incarnation, isSuspect, spec, started, unit, writer }: Claim): Effect.Effect<End> {
    const { handlers, roster, running, store } = this.#options
    return Effect.gen(this, function* () {
      const bot = yield* makeBot(spec, unit, this.#options, writer, incarnation)
      const gateway = Context.get(bot, Gateway.Gateway)
      const messenger = Context.get(bot, Messenger.Messenger)
      yield* running.add(Unit.idOf(unit), { messenger, clock: yield* Effect.clock })
      const tell = ({ state }: Session.SessionStatus) =>
        store
          .tell(writer, state._tag, detailOf(state))
          .pipe(
            Effect.catchAll((error) =>
              Effect.logDebug("the state of a unit was not stored; the next change is stored", error)
            )
          )
      yield* gateway.status.changes.pipe(
        Stream.tap(({ state }) => (state._tag === "Ready" ? started : Effect.void)),
        // while the store writes an earlier state, only the newest waits
        Stream.buffer({ capacity: 1, strategy: "sliding" }),
        Stream.runForEach(tell),
        Effect.forkScoped
      )
      const watched = isSuspect ? Watched.watch(handlers, (handled) => store.handling(writer, handled)) : handlers
      const lost = Effect.map(incarnation.lost, (error): End => ({ _tag: "Lost", error }))
      const changed = Effect.as(roster.changed(unit.app, spec), { _tag: "Changed" } satisfies End)
      const ran = Effect.catchAllCause(Effect.provide(gateway.run(watched), bot), endOf)
      return yield* Effect.raceFirst(ran, Effect.raceFirst(lost, changed))
    }).pipe(Effect.scoped)
  }

  #after(unit: Unit.Unit, spec: BotSpec, writer: SqlStore.Writer, end: End): Effect.Effect<void> {
    const { policy, store } = this.#options
    if (end._tag !== "Refused") this.#refusals.delete(Unit.idOf(unit))
    switch (end._tag) {
      case "Lost":
        return Effect.logWarning(end.error.message).pipe(
          Effect.zipRight(this.#release(writer)),
          Effect.zipRight(Effect.sleep(look))
        )
      case "Changed":
        return this.#release(writer)
      case "Failed":
        return Effect.zipRight(
          Effect.logError("the bot failed; it is started again", end.cause),
          Effect.sleep(policy.failedPause)
        )
      case "Refused": {
        const wait = this.#refusedWait(Unit.idOf(unit))
        const retry = `Trying again in ${Duration.format(wait)}, or once its entry is changed`
        return Effect.logError(`${end.error.message} ${retry}`).pipe(
          Effect.zipRight(Effect.ignore(store.tell(writer, "Stopped", end.error.because.message))),
          Effect.zipRight(this.#release(writer)),
          Effect.zipRight(this.#waitAside(unit, spec, wait))
        )
      }
    }
  }

  #refusedWait(id: string): Duration.Duration {
    const { refusedLadder } = this.#options.policy
    const count = this.#refusals.get(id) ?? 0
    this.#refusals.set(id, count + 1)
    return refusedLadder[Math.min(count, refusedLadder.length - 1)] ?? refusedLadder[0]
  }

  /**
   * Notes that this process is alive and done with the unit: what it did was no crash. That counts for its own epoch alone, so
   * it may come late, after a database that was away is back.
   */
  #release(writer: SqlStore.Writer): Effect.Effect<void> {
    const { store } = this.#options
    const late = Effect.ignore(Effect.retry(store.released(writer), Schedule.intersect(asks, lateReleases)))
    const release = Effect.timeout(store.released(writer), releaseTimeout).pipe(
      Effect.catchAll(() => Effect.asVoid(Effect.forkDaemon(late)))
    )
    // in a fiber of its own: the one that is interrupted would not even begin, and its timeout needs one that can be
    return Effect.flatMap(Effect.forkDaemon(Effect.interruptible(release)), Fiber.join)
  }

  #waitAside(unit: Unit.Unit, spec: BotSpec, wait: Duration.Duration): Effect.Effect<void> {
    return Effect.raceFirst(Effect.sleep(wait), this.#options.roster.changed(unit.app, spec))
  }

  #quarantine(unit: Unit.Unit, spec: BotSpec, wait: Duration.Duration): Effect.Effect<void> {
    const note = (change: (id: string) => unknown) =>
      Effect.sync(() => {
        change(Unit.idOf(unit))
        ClusterMetrics.quarantined.unsafeUpdate(this.#aside.size, [])
      })
    return Effect.acquireUseRelease(
      note((id) => this.#aside.add(id)),
      () => this.#waitAside(unit, spec, wait),
      () => note((id) => this.#aside.delete(id))
    )
  }
}

const insist = <A>(effect: Effect.Effect<A, StoreUnavailable>): Effect.Effect<A> =>
  Effect.orDie(Effect.retry(effect, asks))

const freshLease = (leases: LeasesShape, clusterShard: string): Effect.Effect<void> =>
  Effect.suspend(() =>
    leases.isFresh(clusterShard) ? Effect.void : Effect.zipRight(Effect.sleep(look), freshLease(leases, clusterShard))
  )

const tellQuarantine = (
  wait: Duration.Duration,
  skipped: ReadonlyArray<{ readonly key: string }>
): Effect.Effect<void> => {
  const events = skipped.length === 0 ? "" : `; skipped: ${skipped.map(({ key }) => key).join(", ")}`
  return Effect.logError(`quarantined for ${Duration.format(wait)}: its process ended again and again${events}`)
}

/**
 * Makes a runner of units.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <HE>(options: Options<HE>): Effect.Effect<UnitRunner<HE>> =>
  Effect.zipWith(
    Effect.makeSemaphore(options.policy.concurrentStarts),
    Effect.replicateEffect(Random.nextIntBetween(0, 2 ** 32), 4),
    (starts, instance) => new UnitRunner(options, starts, instance.map((part) => part.toString(36)).join("-"))
  )
