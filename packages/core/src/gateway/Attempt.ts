/**
 * The life of one connection of a session: what it needs is prepared, the socket is dialled, what it says is given to the
 * session's memory and to the sink, and whatever was held for it is given back at its end.
 *
 * @since 0.1.0
 */
import type * as Socket from "@effect/platform/Socket"
import type * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import type * as Tracer from "effect/Tracer"
import type * as AccessToken from "../openapi/AccessToken.ts"
import type { ActiveConnection } from "./ActiveConnection.ts"
import * as Connection from "./Connection.ts"
import * as Disconnect from "./Disconnect.ts"
import type { DispatchSinkShape } from "./DispatchSink.ts"
import type { Frame } from "./Frame.ts"
import { ConnectionLost, type Phase } from "./GatewayError.ts"
import * as GatewayMetrics from "./GatewayMetrics.ts"
import type * as Heartbeat from "./Heartbeat.ts"
import type { Handshakes } from "./Handshakes.ts"
import type { InboxPause } from "./InboxPause.ts"
import type { IntentSets } from "./IntentSets.ts"
import type { OwnershipLost } from "./Ownership.ts"
import type { OwnershipGate } from "./OwnershipGate.ts"
import type { Preparation } from "./Preparation.ts"
import type { Replacement } from "./Replacement.ts"
import type { SessionMemory } from "./SessionMemory.ts"
import type { SessionPolicy } from "./SessionPolicy.ts"
import type { StateReporter } from "./SessionStatus.ts"

/**
 * What the connections of a session share.
 *
 * @since 0.1.0
 * @category models
 */
export interface Session {
  readonly policy: SessionPolicy
  readonly shard: readonly [index: number, count: number]
  readonly clock: Clock.Clock
  readonly construct: Context.Tag.Service<typeof Socket.WebSocketConstructor>
  readonly handshakes: Handshakes
  readonly intents: IntentSets
  readonly sink: DispatchSinkShape
  readonly memory: SessionMemory
  readonly reporter: StateReporter
  readonly preparation: Preparation
  readonly replacement: Replacement
  readonly connection: ActiveConnection
  readonly pause: InboxPause
  readonly gate: OwnershipGate
}

/** How a connection begins. */
interface Plan {
  readonly url: string
  readonly authorization: AccessToken.Token["authorization"]
  /** Runs once an identify has left this machine. */
  readonly identified: Effect.Effect<void>
}

/** What is given back at the end of a connection, at the latest. */
class Holdings {
  /** The scope of the permit to identify. */
  permit: Scope.CloseableScope | undefined
  /** Frees the slot of the handshake. */
  handshake: Effect.Effect<void> = Effect.void
  /** From dialling to Ready, or to the end of what did not get there. */
  private span: Tracer.Span | undefined

  releasePermit(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const { permit } = this
      this.permit = undefined
      return permit === undefined ? Effect.void : Scope.close(permit, Exit.void)
    })
  }

  begin(span: Tracer.Span): void {
    this.span = span
  }

  endSpan(clock: Clock.Clock, exit: Exit.Exit<unknown, unknown>): void {
    this.span?.end(clock.unsafeCurrentTimeNanos(), exit)
    this.span = undefined
  }
}

/** What one connection is told, and what it tells the session. */
class Line implements Connection.Options {
  readonly url: string
  readonly authorization: AccessToken.Token["authorization"]
  readonly intents: number
  readonly shard: readonly [index: number, count: number]
  readonly policy: SessionPolicy
  readonly resume: Connection.Options["resume"]
  private readonly session: Session
  private readonly holdings: Holdings
  private onIdentified: Effect.Effect<void>
  /** The scope of the session's run. */
  private readonly scope: Scope.Scope

  constructor(session: Session, plan: Plan, holdings: Holdings, scope: Scope.Scope) {
    this.session = session
    this.holdings = holdings
    this.scope = scope
    this.url = plan.url
    this.authorization = plan.authorization
    this.onIdentified = plan.identified
    this.intents = session.intents.current
    this.shard = session.shard
    this.policy = session.policy
    this.resume = Option.map(Option.fromNullable(session.memory.current()), ({ id, receivedSeq }) => ({
      sessionId: id,
      sequence: receivedSeq
    }))
  }

  /** Forgets what it ran: a connection may live for days. */
  get identified(): Effect.Effect<void> {
    const identified = this.onIdentified
    this.onIdentified = Effect.void
    return identified
  }

  get alarm(): Heartbeat.Alarm {
    const { replacement } = this.session
    return {
      left: () => replacement.left(),
      ring: Effect.suspend(() => Effect.asVoid(Effect.forkIn(replacement.attempt(), this.scope)))
    }
  }

  disowned(): OwnershipLost | undefined {
    return this.session.gate.lost()
  }

  heartbeatSeq(): number | null {
    const { memory, policy, sink } = this.session
    const session = memory.current()
    if (session === undefined) return null
    return policy.heartbeatSeq === "settled" ? sink.watermark() : session.receivedSeq
  }

  onHandle(handle: Connection.ConnectionHandle): void {
    this.session.connection.open(handle)
  }

  onPhase(phase: Phase): Effect.Effect<void> {
    return Effect.suspend(() => {
      const { clock, memory, reporter } = this.session
      if (phase === "Resuming") GatewayMetrics.resumesAttempted.unsafeUpdate(1, [])
      if (phase !== "Ready") return reporter.set({ _tag: phase })
      this.holdings.endSpan(clock, Exit.void)
      return this.holdings.handshake.pipe(
        Effect.zipRight(reporter.setReady()),
        Effect.zipRight(Effect.annotateLogs(Effect.logInfo("the session is ready"), memory.annotations()))
      )
    })
  }

  onReady(sessionId: string, frame: Frame): void {
    this.session.connection.begin()
    GatewayMetrics.sessionsIdentified.unsafeUpdate(1, [])
    this.session.memory.begin(sessionId, frame)
  }

  onResumed(frame: Frame): void {
    this.session.connection.begin()
    GatewayMetrics.sessionsResumed.unsafeUpdate(1, [])
    this.onDispatch(frame, 0)
  }

  onDispatch(frame: Frame, size: number): void {
    const { clock, connection, memory, sink } = this.session
    const session = memory.current()
    if (connection.isPaused || session === undefined) return
    if (!sink.offer(frame, size)) return this.pause()
    session.lastDispatchAt = clock.unsafeCurrentTimeMillis()
    if (frame.s !== undefined && frame.s > session.receivedSeq) session.receivedSeq = frame.s
  }

  private pause(): void {
    const { connection, memory, pause } = this.session
    // the last frame that came is the one there was no room for
    if (connection.isComplete) memory.notePaused()
    pause.begin()
    connection.handle?.attend(Effect.asVoid(Effect.forkIn(pause.end(), this.scope)))
  }
}

/** A token, an address and, where there is nothing to resume, a permit. */
const prepare = (session: Session, holdings: Holdings): Effect.Effect<Plan, Disconnect.Disconnect> =>
  Effect.gen(function* () {
    const { gate, memory, preparation, replacement, reporter } = session
    const reserved = replacement.take()
    holdings.permit = reserved?.scope
    yield* gate.pass
    yield* reporter.set({ _tag: "Connecting" })
    const plan = yield* Effect.catchAll(preparation.begin(), Disconnect.neverConnected)
    if (memory.current() !== undefined) {
      // the old session ended otherwise, and is resumed: others may identify
      yield* holdings.releasePermit()
      yield* gate.pass
      return { ...plan, identified: Effect.void }
    }
    // until the identify is sent, or will not be: other shards wait for it
    const scope = reserved?.scope ?? (yield* Scope.make())
    holdings.permit = scope
    const permit = reserved?.permit ?? (yield* Effect.catchAll(preparation.permit(scope), Disconnect.neverConnected))
    // the wait may have been longer than a token lives
    const authorization = yield* Effect.catchAll(preparation.authorize(), Disconnect.neverConnected)
    // an identify would end the session of the process that owns the bot by now
    yield* gate.confirmBeforeDial
    return { ...plan, authorization, identified: Effect.zipRight(permit.used, holdings.releasePermit()) }
  })

const connect = (
  session: Session,
  holdings: Holdings,
  plan: Plan,
  scope: Scope.Scope
): Effect.Effect<never, Disconnect.Disconnect> => {
  const takeSlot = Effect.uninterruptibleMask((restore) =>
    Effect.map(restore(session.handshakes.acquire), (release) => {
      holdings.handshake = release
    })
  )
  const makeSpan = Effect.makeSpan("Gateway.connect", {
    kind: "client",
    captureStackTrace: false,
    attributes: { "qq.shard": session.shard.join("/"), "qq.resume": session.memory.current() !== undefined }
  })
  return Effect.flatMap(makeSpan, (span) => {
    holdings.begin(span)
    return Effect.flatMap(takeSlot, () =>
      Connection.runWith(session.construct, new Line(session, plan, holdings, scope))
    )
  })
}

/**
 * From nothing to the end of one connection. `scope` is that of the session's run.
 *
 * @since 0.1.0
 * @category constructors
 */
export const run = (session: Session, scope: Scope.Scope): Effect.Effect<never, Disconnect.Disconnect> =>
  Effect.suspend(() => {
    const holdings = new Holdings()
    return Effect.flatMap(prepare(session, holdings), (plan) => connect(session, holdings, plan, scope)).pipe(
      Effect.catchAllDefect((cause) =>
        Disconnect.neverConnected(
          new ConnectionLost({ phase: "Connecting", reason: "Defect", detail: "a defect inside the client", cause })
        )
      ),
      Effect.onExit((exit) => {
        session.memory.noteHeard()
        session.connection.close()
        holdings.endSpan(
          session.clock,
          Exit.mapError(exit, ({ error }) => error)
        )
        return Effect.zipRight(holdings.handshake, holdings.releasePermit())
      })
    )
  })
