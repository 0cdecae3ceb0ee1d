/**
 * A gateway session that stays online: connections in sequence under a policy, one socket at any time. It knows the
 * session that may be resumed, hands dispatches to a `DispatchSink`, says how it is, and ends only by a refusal that a
 * person has to mend.
 *
 * Here its rooms are put together: `Attempt` is the life of one connection, `Aftermath` what follows its end,
 * `ReconnectWait` the wait before the next one, `SessionMemory` what outlives it.
 *
 * @since 0.1.0
 */
import * as Socket from "@effect/platform/Socket"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import type * as Subscribable from "effect/Subscribable"
import { BotConfig } from "../BotConfig.ts"
import * as AccessToken from "../openapi/AccessToken.ts"
import { ActiveConnection } from "./ActiveConnection.ts"
import { Aftermath } from "./Aftermath.ts"
import * as Attempt from "./Attempt.ts"
import { DispatchSink } from "./DispatchSink.ts"
import type { GatewayStopped } from "./GatewayError.ts"
import { GatewayMetadata } from "./GatewayMetadata.ts"
import * as Handshakes from "./Handshakes.ts"
import { IdentifyLimiter } from "./IdentifyLimiter.ts"
import { InboxPause } from "./InboxPause.ts"
import type * as Intents from "./Intents.ts"
import { IntentSets } from "./IntentSets.ts"
import * as Ownership from "./Ownership.ts"
import { OwnershipGate } from "./OwnershipGate.ts"
import { Preparation } from "./Preparation.ts"
import { ReconnectNow } from "./ReconnectNow.ts"
import type * as ReconnectPolicy from "./ReconnectPolicy.ts"
import { ReconnectWait } from "./ReconnectWait.ts"
import * as Finalizer from "./Finalizer.ts"
import { Replacement } from "./Replacement.ts"
import * as SessionMemory from "./SessionMemory.ts"
import { type SessionState, type SessionStatus, StateReporter } from "./SessionStatus.ts"
import type { SessionStore } from "./SessionStore.ts"

export type {
  /**
   * @since 0.1.0
   * @category models
   */
  Handshakes
} from "./Handshakes.ts"

export {
  /**
   * @since 0.1.0
   * @category constants
   */
  ranks,
  /**
   * @since 0.1.0
   * @category models
   */
  type SessionState,
  /**
   * @since 0.1.0
   * @category models
   */
  type SessionStatus
} from "./SessionStatus.ts"

/**
 * What {@link make} gives.
 *
 * @since 0.1.0
 * @category models
 */
export interface Session {
  /** Runs the session. Fails with `GatewayStopped` when only a person can mend what is wrong. */
  readonly run: Effect.Effect<never, GatewayStopped>
  /** The state now, without an effect: with many shards each change of one makes all of them be looked at. */
  readonly state: () => SessionState
  /** The status now, and every change of state. Ready may be stale by at most one heartbeat interval and 15 s. */
  readonly status: Subscribable.Subscribable<SessionStatus>
  /** Completes at READY or RESUMED, at once if the session is Ready. Fails with `GatewayStopped` once it has stopped. */
  readonly ready: Effect.Effect<void, GatewayStopped>
  /**
   * Cuts a wait short, also one that the platform asked for, or replaces a connection that is Ready. Within the policy's
   * `reconnectNowSpacing` of the last time that is done once it is over. Does nothing while a connection is being made.
   */
  readonly reconnectNow: Effect.Effect<void>
}

/** How long a shutdown waits for the store. */
const saveTimeout = Duration.seconds(1)

/**
 * What {@link make} takes.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly intents: Intents.Intents
  readonly shard: readonly [index: number, count: number]
  /** Replaces the ladders of the configuration's policy. */
  readonly schedule?: ReconnectPolicy.ReconnectSchedule | undefined
  /** Shared by the shards of a bot. Default: a handshake begins at any time. */
  readonly handshakes?: Handshakes.Handshakes | undefined
  /** Runs after every change of state, before anything else happens. */
  readonly onState?: Effect.Effect<void> | undefined
}

/** A session, put together. One object with methods, because a process may run thousands. */
class Live implements Session {
  private readonly session: Attempt.Session
  private readonly aftermath: Aftermath
  private readonly now: ReconnectNow
  /** The scope of the run, while it lasts. */
  private scope: Scope.Scope | undefined

  constructor(session: Attempt.Session, aftermath: Aftermath, now: ReconnectNow) {
    this.session = session
    this.aftermath = aftermath
    this.now = now
  }

  /** For a log that prints it: what a session holds refers back to itself. */
  toJSON(): unknown {
    return { _id: "Session", shard: this.session.shard, state: this.state()._tag }
  }

  readonly state = (): SessionState => this.session.reporter.state

  get status(): Subscribable.Subscribable<SessionStatus> {
    return this.session.reporter.subscribable((state) => this.toStatus(state))
  }

  get ready(): Effect.Effect<void, GatewayStopped> {
    return this.session.reporter.untilReady
  }

  get reconnectNow(): Effect.Effect<void> {
    return Effect.suspend(() => this.now.request(this.scope))
  }

  get run(): Effect.Effect<never, GatewayStopped> {
    return Effect.scopedWith((scope) =>
      Effect.gen(this, function* () {
        const { memory } = this.session
        yield* Effect.annotateLogsScoped({ module: "Session", shard: this.session.shard.join("/") })
        yield* Scope.addFinalizerExit(scope, (exit) => this.shutdown(exit))
        yield* this.session.gate.watch
        yield* memory.restore
        this.scope = scope
        yield* Effect.forkScoped(memory.keepSaved(scope))
        return yield* this.connectForever(scope)
      }).pipe(Effect.provideService(Scope.Scope, scope))
    )
  }

  private connectForever(scope: Scope.Scope): Effect.Effect<never, GatewayStopped> {
    const attempt = Effect.suspend(() => {
      this.now.noteAttempt()
      this.session.reporter.attempt++
      return Attempt.run(this.session, scope)
    })
    return Effect.forever(Effect.catchAll(attempt, (disconnect) => this.aftermath.recover(disconnect)))
  }

  private shutdown(exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> {
    return Effect.gen(this, function* () {
      const { gate, memory, policy, replacement, reporter } = this.session
      yield* replacement.release()
      // a session that was refused was not ended on purpose
      if (policy.onShutdown === "end" && Exit.isInterrupted(exit) && gate.isHeld()) memory.end()
      // a store that hangs must not keep the process
      const saved = yield* Effect.either(Finalizer.timeout(memory.save, saveTimeout))
      if (Either.isLeft(saved)) yield* Effect.logWarning(`the session was not stored: ${saved.left.message}`)
      else if (Option.isNone(saved.right)) yield* Effect.logWarning("the session was not stored in time")
      if (Exit.isInterrupted(exit)) yield* reporter.set({ _tag: "Disconnected" })
    })
  }

  private toStatus(state: SessionState): SessionStatus {
    const { connection, memory, reporter, shard, sink } = this.session
    const { handle } = connection
    const session = memory.current()
    return {
      state,
      shard,
      attempt: reporter.attempt,
      lastEnd: reporter.lastEnd,
      sessionId: session?.id,
      received: session?.receivedSeq,
      watermark: session === undefined ? undefined : sink.watermark(),
      lastFrameAge: handle === undefined ? undefined : Math.max(0, Math.round(handle.lastFrameAge())),
      roundTrip: handle?.roundTrip()
    }
  }
}

/**
 * A session for one shard.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: Options
): Effect.Effect<
  Session,
  never,
  | AccessToken.AccessToken
  | BotConfig
  | DispatchSink
  | GatewayMetadata
  | IdentifyLimiter
  | SessionStore
  | Socket.WebSocketConstructor
> =>
  Effect.gen(function* () {
    const { appId, delivery, fallbackIntents, session: policy } = yield* BotConfig
    const { shard } = options
    const token = yield* AccessToken.AccessToken
    const metadata = yield* GatewayMetadata
    const limiter = yield* IdentifyLimiter
    const sink = yield* DispatchSink
    const construct = yield* Socket.WebSocketConstructor
    const clock = yield* Effect.clock

    const connection = new ActiveConnection()
    const intents = new IntentSets(options.intents, fallbackIntents)
    const reporter = new StateReporter({ app: appId, shard: shard.join("/") }, options.onState)
    const wait = new ReconnectWait({ policy, schedule: options.schedule, reporter })
    const gate = new OwnershipGate({ ownership: yield* Ownership.Ownership, connection, wait })
    const memory = yield* SessionMemory.make({
      shard,
      intents: () => intents.current,
      heardAt: () => connection.heardUntil(),
      isHeld: gate.isHeld,
      fenced: (error) => gate.fenced(error)
    })
    const failedConnects = (): number => aftermath.failedConnects
    const preparation = new Preparation({ policy, shard, token, metadata, limiter, reporter, failedConnects })
    const aftermath = new Aftermath({ policy, clock, metadata, intents, memory, reporter, preparation, wait, gate })
    const pause = new InboxPause({ connection, sink, clock, spacing: delivery.overflowResumeEvery })
    const replacement = new Replacement({ policy, shard, clock, limiter, connection, memory, reporter, preparation })
    const reconnectNow = new ReconnectNow({
      clock,
      spacing: policy.reconnectNowSpacing,
      connection,
      wait,
      reporter,
      askAgain: Effect.suspend(() => Effect.zipRight(token.askAgain, metadata.askAgain))
    })
    return new Live(
      {
        policy,
        shard,
        clock,
        construct,
        handshakes: options.handshakes ?? Handshakes.unlimited,
        intents,
        sink,
        memory,
        reporter,
        preparation,
        replacement,
        connection,
        pause,
        gate
      },
      aftermath,
      reconnectNow
    )
  })
