/**
 * A gateway session that stays online: connections in sequence under a policy, one socket at any time. It knows the
 * session that may be resumed, hands dispatches to a `DispatchSink`, says how it is, and ends only by a refusal that a
 * person has to mend.
 *
 * @since 0.1.0
 */
import type * as Socket from "@effect/platform/Socket"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as MetricLabel from "effect/MetricLabel"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Subscribable from "effect/Subscribable"
import { BotConfig } from "../BotConfig.ts"
import * as Monotonic from "../internal/Monotonic.ts"
import * as AccessToken from "../openapi/AccessToken.ts"
import * as Changes from "./Changes.ts"
import * as Connection from "./Connection.ts"
import * as Disconnect from "./Disconnect.ts"
import type { Handshakes } from "./Handshakes.ts"
import * as History from "./History.ts"
import { DispatchSink } from "./DispatchSink.ts"
import type { Frame } from "./Frame.ts"
import {
  ConnectionLost,
  type GatewayError,
  GatewayStopped,
  GatewayUnavailable,
  type Phase,
  ReconnectRequested,
  type Refusal,
  SessionInvalid
} from "./GatewayError.ts"
import { fromTokenError, GatewayMetadata } from "./GatewayMetadata.ts"
import * as GatewayMetrics from "./GatewayMetrics.ts"
import { IdentifyLimiter, type Permit } from "./IdentifyLimiter.ts"
import * as Intents from "./Intents.ts"
import * as ReconnectPolicy from "./ReconnectPolicy.ts"
import * as Recovery from "./Recovery.ts"
import * as Release from "./Release.ts"
import * as SessionMemory from "./SessionMemory.ts"
import type { SessionStore } from "./SessionStore.ts"

export type {
  /**
   * @since 0.1.0
   * @category models
   */
  Handshakes
} from "./Handshakes.ts"

/**
 * Where a session is in its life.
 *
 * @since 0.1.0
 * @category models
 */
export type SessionState =
  | { readonly _tag: "Disconnected" }
  | { readonly _tag: Exclude<Phase, "Ready"> }
  | {
      readonly _tag: "Ready"
      /** Epoch milliseconds. */
      readonly since: number
    }
  | {
      readonly _tag: "Waiting"
      /** Epoch milliseconds; `undefined` where only the platform knows. */
      readonly until: number | undefined
      readonly because: string
    }
  | { readonly _tag: "Stopped"; readonly because: GatewayStopped }

/**
 * The states from the worst to the best, as {@link module:GatewayMetrics} has them.
 *
 * @since 0.1.0
 * @category constants
 */
export const ranks: { readonly [Tag in SessionState["_tag"]]: number } = {
  Stopped: 0,
  Disconnected: 1,
  Waiting: 2,
  Connecting: 3,
  Greeting: 4,
  Identifying: 5,
  Resuming: 6,
  Ready: 7
}

/**
 * What a session says about itself.
 *
 * @since 0.1.0
 * @category models
 */
export interface SessionStatus {
  readonly state: SessionState
  readonly shard: readonly [index: number, count: number]
  /** Connections tried since the last READY or RESUMED. */
  readonly attempt: number
  /** How the last connection ended. */
  readonly lastEnd: GatewayError | undefined
  /** What another connection would resume. */
  readonly sessionId: string | undefined
  /** The last sequence number received. */
  readonly received: number | undefined
  /** The last sequence number up to which everything is settled. */
  readonly watermark: number | undefined
  /** Milliseconds since the last frame of the current connection. */
  readonly lastFrameAge: number | undefined
  /** Milliseconds that the last heartbeat took to be answered. */
  readonly roundTrip: number | undefined
}

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

/** Token, metadata and everything before the socket, in one attempt. Source: hermes-agent#110542 (30 hours in one await). */
const preparationTimeout = Duration.seconds(60)

/** How often, in milliseconds, the age of a session is looked at. */
const ageCheck = 3_600_000

/** How soon, in milliseconds, an old session is looked at again that there was no connection to take it from. */
const retireAgain = 10_000

/** A wait that is shorter is not worth a change of state. */
const noticeable = Duration.millis(100)

/** How long a shutdown waits for the store. */
const saveTimeout = Duration.seconds(1)

/**
 * A session for one shard.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: {
  readonly intents: Intents.Intents
  readonly shard: readonly [index: number, count: number]
  /** Replaces the ladders of the configuration's policy. */
  readonly schedule?: ReconnectPolicy.ReconnectSchedule | undefined
  /** Shared by the shards of a bot. Default: a handshake begins at any time. */
  readonly handshakes?: Handshakes | undefined
  /** Runs after every change of state, before anything else happens. */
  readonly onState?: Effect.Effect<void> | undefined
}): Effect.Effect<
  Session,
  never,
  | AccessToken.AccessToken
  | BotConfig
  | DispatchSink
  | GatewayMetadata
  | IdentifyLimiter
  | SessionStore
  | Socket.WebSocketConstructor
  | Scope.Scope
> =>
  Effect.gen(function* () {
    const config = yield* BotConfig
    const policy = config.session
    const token = yield* AccessToken.AccessToken
    const metadata = yield* GatewayMetadata
    const limiter = yield* IdentifyLimiter
    const sink = yield* DispatchSink
    const sockets = yield* Effect.context<Socket.WebSocketConstructor>()
    const clock = yield* Effect.clock
    const changes = Changes.make<SessionState>()
    let state: SessionState = { _tag: "Disconnected" }

    const filled = yield* Effect.makeLatch(false)

    const intentSets = [options.intents, ...config.fallbackIntents]
    let intentSet = 0
    let history = History.empty
    let lastEnd: GatewayError | undefined
    /** What the log and the state say about a wait. */
    let waitingFor = ""
    let attempt = 0
    let link: Connection.ConnectionHandle | undefined
    /** Whether nothing that the platform said on this connection, or before it, was missed until now. */
    let complete = false
    /** The connection that was paused last, because the inbox was full. */
    let pausedLink: Connection.ConnectionHandle | undefined
    let wake: Deferred.Deferred<void> | undefined
    /** The turn to identify; closing it gives the turn to other shards. */
    let held: Scope.CloseableScope | undefined
    /** A permit that was taken before an old session is left, so that the next one need not wait for it. */
    let reserved: { readonly permit: Permit; readonly scope: Scope.CloseableScope } | undefined
    let tokenFetch = 0
    let overflowResumeAt = Number.NEGATIVE_INFINITY
    /** When `reconnectNow` last did something, in monotonic milliseconds. */
    let hurriedAt = Number.NEGATIVE_INFINITY
    /** Attempts to connect, ever. */
    let attempts = 0
    /** Whether `reconnectNow` was asked for too soon. */
    let isHurrying = false
    let runScope: Scope.Scope | undefined
    /** Made at the first disconnect: an idle session needs no ladders. */
    let pause: ((step: ReconnectPolicy.Step) => Effect.Effect<void>) | undefined

    const intents = (): Intents.Intents => intentSets[intentSet] ?? options.intents

    const memory = yield* SessionMemory.make({
      shard: options.shard,
      intents,
      heardAt: () => (complete ? link?.heardUntil() : undefined)
    })

    /** For logs. */
    const whichSession = (): Record<string, string | number> => {
      const session = memory.current()
      return session === undefined ? {} : { session: session.id, seq: session.received }
    }

    const stateGauge = GatewayMetrics.sessionState({ app: config.appId, shard: options.shard.join("/") })

    /** The caller's code: what it throws must not end the session. */
    const onState = Effect.catchAllCause(options.onState ?? Effect.void, (cause) =>
      Effect.logError("onState failed; the session goes on", cause)
    )

    const setState = (next: SessionState): Effect.Effect<void> =>
      Effect.suspend(() => {
        // the phases without facts of their own are told once
        if (state._tag === next._tag && next._tag !== "Waiting") return Effect.void
        state = next
        stateGauge.unsafeUpdate(ranks[next._tag], [])
        changes.tell(next)
        return onState
      })

    const onPhase = (phase: Phase): Effect.Effect<void> =>
      phase === "Ready"
        ? Effect.gen(function* () {
            attempt = 0
            yield* setState({ _tag: "Ready", since: yield* Clock.currentTimeMillis })
            yield* Effect.annotateLogs(Effect.logInfo("the session is ready"), whichSession())
          })
        : setState({ _tag: phase })

    /** What a full inbox let pass is fetched again as soon as it is half empty, unless that connection is over already. */
    const refetch: Effect.Effect<never> = filled.await.pipe(
      Effect.zipRight(filled.close),
      Effect.zipRight(Effect.logWarning("the inbox is full: the session is paused")),
      Effect.zipRight(sink.room),
      Effect.zipRight(
        Effect.suspend(() => {
          const every = Duration.toMillis(config.delivery.overflowResumeEvery)
          const left = overflowResumeAt + every - clock.unsafeCurrentTimeMillis()
          return Effect.sleep(Math.min(every, Math.max(0, left)))
        })
      ),
      Effect.zipRight(
        Effect.sync(() => {
          if (pausedLink === undefined || pausedLink !== link) return
          overflowResumeAt = clock.unsafeCurrentTimeMillis()
          pausedLink.end(new ReconnectRequested({ by: "Inbox" }))
        })
      ),
      Effect.forever
    )

    /** A session that is very old is replaced at a moment when nothing is said. */
    const retire: Effect.Effect<never> = Effect.suspend(() => {
      const now = clock.unsafeCurrentTimeMillis()
      const session = memory.current()
      if (session === undefined) return Effect.zipRight(Effect.sleep(ageCheck), retire)
      const old = session.startedAt + Duration.toMillis(policy.maximumAge)
      const quiet = session.lastDispatchAt + Duration.toMillis(policy.quietFor)
      const due = Math.max(old, quiet)
      // looked at again every hour, for the wall clock may be set meanwhile
      if (now < due) return Effect.zipRight(Effect.sleep(Math.min(due - now, ageCheck)), retire)
      return replaceOld.pipe(Effect.zipRight(Effect.sleep(retireAgain)), Effect.zipRight(retire))
    })

    /**
     * Leaves an old session once there is all that the next one needs: a token, a URL and the permit to identify. Without
     * them the bot would be deaf between the two for as long as they take.
     */
    const replaceOld = Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        const old = memory.current()
        const leaving = link
        if (leaving === undefined || state._tag !== "Ready") return
        const scope = yield* Scope.make()
        const permit = yield* restore(
          Effect.zipRight(prepare, Effect.either(Scope.extend(limiter.acquire(options.shard[0]), scope)))
        ).pipe(
          Effect.map(Either.getRight),
          Effect.catchAll((error) => Effect.as(Effect.logWarning(error.message), Option.none<Permit>())),
          Effect.onInterrupt(() => Scope.close(scope, Exit.void))
        )
        const session = memory.current()
        const isQuiet =
          session !== undefined &&
          clock.unsafeCurrentTimeMillis() - session.lastDispatchAt >= Duration.toMillis(policy.quietFor)
        // the wait for the permit may have been long
        if (Option.isNone(permit) || link !== leaving || session !== old || !isQuiet) {
          return yield* Scope.close(scope, Exit.void)
        }
        reserved = { permit: permit.value, scope }
        leaving.end(new SessionInvalid({ resumable: false, by: "Age", detail: "older than the policy's maximum age" }))
      })
    )

    /** One connection; `resume` says with what it begins. */
    const connect = (url: string, authorization: AccessToken.Token["authorization"], identified: Effect.Effect<void>) =>
      Effect.gen(function* () {
        // dispatches that find the sink full are let pass: they come again with the resume that follows
        let paused = false
        complete = false
        /** From dialling to Ready, or to the end of what did not get there. */
        const span = yield* Effect.makeSpan("Gateway.connect", {
          kind: "client",
          captureStackTrace: false,
          attributes: { "qq.shard": options.shard.join("/"), "qq.resume": memory.current() !== undefined }
        })
        const endSpan = (exit: Exit.Exit<unknown, unknown>): void => {
          if (span.status._tag === "Started") span.end(clock.unsafeCurrentTimeNanos(), exit)
        }
        const pause = (): void => {
          // the last frame that came is the one there was no room for
          if (complete) memory.notePaused()
          complete = false
          paused = true
          pausedLink = link
          filled.unsafeOpen()
        }
        const connection = (ready: Effect.Effect<void>) =>
          Connection.run({
            url,
            authorization,
            intents: intents(),
            shard: options.shard,
            resume: Option.map(Option.fromNullable(memory.current()), ({ id, received }) => ({
              sessionId: id,
              sequence: received
            })),
            policy,
            identified,
            heartbeatSeq: () => {
              const session = memory.current()
              if (session === undefined) return null
              return policy.heartbeatSeq === "settled" ? sink.watermark() : session.received
            },
            onHandle: (next) => {
              link = next
            },
            onPhase: (phase) =>
              Effect.suspend(() => {
                if (phase === "Resuming") GatewayMetrics.resumesAttempted.unsafeUpdate(1, [])
                if (phase !== "Ready") return onPhase(phase)
                endSpan(Exit.void)
                return Effect.zipRight(ready, onPhase(phase))
              }),
            onReady: (sessionId, frame) => {
              complete = true
              GatewayMetrics.sessionsIdentified.unsafeUpdate(1, [])
              memory.begin(sessionId, frame)
            },
            onResumed: (frame) => {
              complete = true
              GatewayMetrics.sessionsResumed.unsafeUpdate(1, [])
              onDispatch(frame, 0)
            },
            onDispatch: (frame, size) => onDispatch(frame, size)
          })

        const onDispatch = (frame: Frame, size: number): void => {
          const session = memory.current()
          if (paused || session === undefined) return
          if (!sink.offer(frame, size)) return pause()
          session.lastDispatchAt = clock.unsafeCurrentTimeMillis()
          if (frame.s !== undefined && frame.s > session.received) session.received = frame.s
        }

        const inTurn = options.handshakes === undefined ? connection(Effect.void) : options.handshakes.limit(connection)
        return yield* Effect.onExit(inTurn, (exit) =>
          Effect.sync(() => endSpan(Exit.mapError(exit, ({ error }) => error)))
        )
      })

    const prepare = Effect.gen(function* () {
      const access = yield* Effect.mapError(token.get, fromTokenError)
      if (history.failedConnects > 0 && history.failedConnects % policy.metadataAfterFailures === 0) {
        // the old answer may be the reason why nothing connects; without a new one it is still the best there is
        yield* Effect.catchTag(metadata.refresh, "GatewayUnavailable", (error) => Effect.logWarning(error.message))
      }
      const url = yield* metadata.url
      return { access, url }
    }).pipe(
      Effect.timeoutFail({
        duration: preparationTimeout,
        onTimeout: () =>
          new GatewayUnavailable({ of: "Metadata", reason: "TimedOut", detail: "nothing to connect with in time" })
      })
    )

    /** Waits for the permit to identify. */
    const takePermit = (scope: Scope.CloseableScope) =>
      limiter
        .acquire(options.shard[0])
        .pipe(
          Scope.extend(scope),
          Effect.catchAll(Disconnect.neverConnected),
          Effect.raceFirst(
            Effect.zipRight(
              Effect.delay(
                setState({ _tag: "Waiting", until: undefined, because: "the platform's limit of identifies" }),
                noticeable
              ),
              Effect.never
            )
          )
        )

    /** From nothing to the end of one connection. */
    const once: Effect.Effect<never, Disconnect.Disconnect, Socket.WebSocketConstructor> = Effect.gen(function* () {
      attempt++
      attempts++
      const taken = reserved
      reserved = undefined
      held = taken?.scope
      yield* setState({ _tag: "Connecting" })
      const { access, url } = yield* Effect.catchAll(prepare, Disconnect.neverConnected)
      tokenFetch = access.fetch
      if (memory.current() !== undefined) {
        // the old session ended otherwise, and is resumed: others may identify
        if (taken !== undefined) yield* Scope.close(taken.scope, Exit.void)
        return yield* connect(url, access.authorization, Effect.void)
      }
      // until the identify is sent, or will not be: other shards wait for it
      const scope = taken?.scope ?? (yield* Scope.make())
      held = scope
      const permit = taken?.permit ?? (yield* takePermit(scope))
      // the wait may have been longer than a token lives
      const fresh = yield* Effect.catchAll(Effect.mapError(token.get, fromTokenError), Disconnect.neverConnected)
      tokenFetch = fresh.fetch
      return yield* connect(url, fresh.authorization, Effect.zipRight(permit.used, Scope.close(scope, Exit.void)))
    }).pipe(
      Effect.catchAllDefect((cause) =>
        Disconnect.neverConnected(
          new ConnectionLost({ phase: "Connecting", reason: "Defect", detail: "a defect inside the client", cause })
        )
      ),
      Effect.ensuring(
        Effect.suspend(() => {
          memory.noteHeard()
          complete = false
          link = undefined
          return held === undefined ? Effect.void : Scope.close(held, Exit.void)
        })
      )
    )

    const stop = (refusal: Refusal): Effect.Effect<never, GatewayStopped> =>
      Effect.gen(function* () {
        const stopped = new GatewayStopped({ because: refusal })
        memory.drop()
        yield* setState({ _tag: "Stopped", because: stopped })
        yield* Effect.logError(stopped.message)
        return yield* stopped
      })

    /** The gateway will not have this identify: perhaps `/gateway/bot` knows why, perhaps fewer intents are granted. */
    const onRefused = (refusal: Refusal): Effect.Effect<void, GatewayStopped> =>
      Effect.gen(function* () {
        const reason = yield* metadata.refresh.pipe(
          Effect.as(refusal),
          Effect.catchTags({
            IpNotAllowed: (error) => Effect.succeed(error),
            CredentialsRejected: (error) => Effect.succeed(error),
            GatewayUnavailable: () => Effect.succeed(refusal)
          })
        )
        if (reason._tag !== "GatewayRejected" || intentSet + 1 >= intentSets.length) return yield* stop(reason)
        intentSet++
        history = History.withOtherIntents(history)
        yield* Effect.logWarning(`the gateway refused the intents; trying ${Intents.describe(intents()).join(", ")}`)
      })

    const describe = (error: GatewayError): string => `${error.message}; ${error.hint}`

    /** What only the operator can fix, where the error itself does not say it. */
    const advice = (decision: Recovery.Decision): Refusal | undefined =>
      decision._tag === "Probe" ? decision.refusal : decision._tag === "Reconnect" ? decision.suspected : undefined

    /** Looks at an end and waits as long as it takes; fails when there is nothing left to wait for. */
    const recover = (end: Disconnect.Disconnect) =>
      Effect.gen(function* () {
        lastEnd = end.error
        GatewayMetrics.connectionsEnded.unsafeUpdate(1, [MetricLabel.make("cause", end.error._tag)])
        history = History.record(policy)(history, end)
        const decision = Recovery.decide(policy)(end, memory.current(), history)
        if (decision._tag === "Stop") return yield* stop(decision.refusal)
        if (decision._tag === "Refused") yield* onRefused(decision.refusal)
        const expected = history.requested || Disconnect.isClientInitiated(end)
        const { error } = end
        yield* Effect.annotateLogs(expected ? Effect.logInfo(describe(error)) : Effect.logWarning(describe(error)), {
          ...whichSession(),
          ...("traceId" in error && error.traceId !== undefined ? { traceId: error.traceId } : {})
        })
        const refusal = advice(decision)
        if (refusal !== undefined && refusal !== error) yield* Effect.logWarning(describe(refusal))
        waitingFor = (refusal ?? error).message
        if (decision._tag === "Refused" || decision.drop) {
          memory.drop()
        }
        if (decision._tag !== "Refused" && decision.refreshToken) {
          yield* token.reject(tokenFetch)
        }
        const budget = yield* metadata.limits
        const cut = yield* Deferred.make<void>()
        wake = cut
        const step: ReconnectPolicy.Step = {
          disconnect: end,
          history,
          decision,
          identifies: memory.current() === undefined,
          budget: {
            remaining: budget.remaining,
            resetAfter: Duration.millis(Math.max(0, budget.resetAt - clock.unsafeCurrentTimeMillis()))
          }
        }
        pause ??= yield* makePause
        const waiting = yield* Effect.fork(Effect.intoDeferred(pause(step), cut))
        yield* Effect.ensuring(
          Deferred.await(cut),
          Effect.suspend(() => {
            wake = undefined
            return Fiber.interrupt(waiting)
          })
        )
      })

    const announced = (schedule: ReconnectPolicy.ReconnectSchedule): ReconnectPolicy.ReconnectSchedule =>
      Schedule.tapOutput(schedule, (wait) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) =>
          setState({
            _tag: "Waiting",
            until: now + Duration.toMillis(wait),
            because: waitingFor
          }).pipe(Effect.zipRight(Effect.logInfo(`reconnecting in ${Duration.format(wait)}`)))
        )
      )

    /** Waits by the caller's schedule, where there is one. One that ends or fails leaves the waits of the policy. */
    const makePause = Effect.gen(function* () {
      const own = yield* Schedule.driver(announced(ReconnectPolicy.make(policy)))
      const byPolicy = (step: ReconnectPolicy.Step): Effect.Effect<void> => Effect.asVoid(Effect.orDie(own.next(step)))
      if (options.schedule === undefined) return byPolicy
      const given = yield* Schedule.driver(announced(options.schedule))
      return (step: ReconnectPolicy.Step): Effect.Effect<void> =>
        Effect.catchAllCause(Effect.asVoid(given.next(step)), (cause) =>
          Effect.zipRight(
            Cause.isDie(cause)
              ? Effect.logError("the reconnect schedule failed; waiting by the session policy", cause)
              : Effect.void,
            byPolicy(step)
          )
        )
    })

    /** Milliseconds until `reconnectNow` may do something again. */
    const untilHurried = (): number =>
      hurriedAt + Duration.toMillis(policy.reconnectNowSpacing) - Monotonic.unsafeMillis(clock)

    const hurryNow = Effect.suspend(() => {
      const cut = wake
      if (cut === undefined && state._tag !== "Ready") return Effect.void
      hurriedAt = Monotonic.unsafeMillis(clock)
      if (cut === undefined) return Effect.sync(() => link?.end(new ReconnectRequested({ by: "Caller" })))
      return Effect.zipRight(Effect.zipRight(token.askAgain, metadata.askAgain), Deferred.succeed(cut, undefined))
    })

    const hurryLater = (of: number): Effect.Effect<void> =>
      Effect.suspend(() => {
        // another attempt that was made meanwhile is what was asked for
        if (of !== attempts && state._tag === "Ready") return Effect.void
        const left = untilHurried()
        return left <= 0 ? hurryNow : Effect.zipRight(Effect.sleep(left), hurryLater(of))
      })

    /** Does what was asked for too soon once that is allowed: one fiber, however often it is asked for. */
    const hurrySoon = Effect.suspend(() => {
      if (isHurrying || runScope === undefined) return Effect.void
      isHurrying = true
      const done = Effect.sync(() => {
        isHurrying = false
      })
      return Effect.asVoid(Effect.forkIn(Effect.ensuring(hurryLater(attempts), done), runScope))
    })

    const reconnectNow = Effect.suspend(() => (untilHurried() <= 0 ? hurryNow : hurrySoon))

    const run: Session["run"] = Effect.gen(function* () {
      yield* memory.restore
      runScope = yield* Effect.scope
      yield* Effect.forkScoped(memory.keepSaved)
      yield* Effect.forkScoped(refetch)
      yield* Effect.forkScoped(retire)
      return yield* Effect.forever(Effect.catchAll(once, recover))
    }).pipe(
      Effect.scoped,
      Effect.onExit((exit) =>
        Effect.gen(function* () {
          if (reserved !== undefined) yield* Scope.close(reserved.scope, Exit.void)
          // a session that was refused was not ended on purpose
          if (policy.onShutdown === "end" && Exit.isInterrupted(exit)) memory.end()
          // a store that hangs must not keep the process
          const saved = yield* Effect.either(Release.within(memory.save, saveTimeout))
          if (Either.isLeft(saved)) yield* Effect.logWarning(`the session was not stored: ${saved.left.message}`)
          else if (Option.isNone(saved.right)) yield* Effect.logWarning("the session was not stored in time")
          if (Exit.isInterrupted(exit)) yield* setState({ _tag: "Disconnected" })
        })
      ),
      Effect.annotateLogs({ module: "Session", shard: options.shard.join("/") }),
      Effect.provide(sockets)
    )

    const toStatus = (current: SessionState, session = memory.current()): SessionStatus => ({
      state: current,
      shard: options.shard,
      attempt,
      lastEnd,
      sessionId: session?.id,
      received: session?.received,
      watermark: session === undefined ? undefined : sink.watermark(),
      lastFrameAge: link === undefined ? undefined : Math.max(0, Math.round(link.lastFrameAge())),
      roundTrip: link?.roundTrip()
    })

    const states = changes.from(() => state)

    const status = Subscribable.make({
      get: Effect.sync(() => toStatus(state)),
      changes: Stream.map(states, (current) => toStatus(current))
    })

    const ready = states.pipe(
      Stream.mapEffect((current) =>
        current._tag === "Stopped" ? Effect.fail(current.because) : Effect.succeed(current._tag === "Ready")
      ),
      Stream.filter((isReady) => isReady),
      Stream.runHead,
      Effect.asVoid
    )

    return { run, state: () => state, status, ready, reconnectNow }
  })
