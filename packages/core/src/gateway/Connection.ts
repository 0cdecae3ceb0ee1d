/**
 * One socket's life, from dialling to its end. A connection never succeeds: it fails with a {@link Disconnect}, which says
 * how far it came and why it is over. What frames mean is in `Protocol`, what callbacks do in `LiveSocket`; here are the
 * fibers.
 *
 * @since 0.1.0
 */
import * as Socket from "@effect/platform/Socket"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Monotonic from "../internal/Monotonic.ts"
import type { Disconnect } from "./Disconnect.ts"
import * as Frame from "./Frame.ts"
import { ConnectionLost, type GatewayError, type Phase } from "./GatewayError.ts"
import * as Heartbeat from "./Heartbeat.ts"
import * as LiveSocket from "./LiveSocket.ts"
import { Protocol } from "./Protocol.ts"
import * as Finalizer from "./Finalizer.ts"
import type { SessionPolicy } from "./SessionPolicy.ts"

export type {
  /**
   * @since 0.1.0
   * @category models
   */
  Listener
} from "./LiveSocket.ts"

/**
 * A live view of a connection: what to report of it, and how to end it.
 *
 * @since 0.1.0
 * @category models
 */
export interface ConnectionHandle {
  /** Milliseconds since the last frame of any kind. */
  readonly lastFrameAge: () => number
  /** Until when, in epoch milliseconds, everything that the platform had to say was received. */
  readonly heardUntil: () => number
  /** The last heartbeat's round trip in milliseconds. */
  readonly roundTrip: () => number | undefined
  /** Ends the connection with this error, unless it has ended already. */
  readonly end: (error: GatewayError) => void
  /** Runs a short effect on the fiber of the connection: what a callback of the socket cannot do itself. */
  readonly attend: (effect: Effect.Effect<void>) => void
}

/**
 * What a connection needs. The `on…` functions without an effect are called from the socket's callback.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends LiveSocket.Listener {
  readonly url: string
  /** The value of the `token` field: `QQBot …`. */
  readonly authorization: Redacted.Redacted
  readonly intents: number
  readonly shard: readonly [index: number, count: number]
  /** The session to resume; none means identify. */
  readonly resume: Option.Option<{ readonly sessionId: string; readonly sequence: number }>
  readonly policy: SessionPolicy
  /** Runs once an identify has left this machine, or may have. */
  readonly identified: Effect.Effect<void>
  /** Given the handle of this connection before it dials. */
  readonly onHandle: (handle: ConnectionHandle) => void
  /** Given the heartbeat interval of HELLO as it came, before it is judged. */
  readonly onHello?: ((interval: unknown) => void) | undefined
  /** Rings while the connection is live. */
  readonly alarm?: Heartbeat.Alarm | undefined
  /** Runs at each step of the handshake, before that step is taken. */
  readonly onPhase: (phase: Phase) => Effect.Effect<void>
}

/** What the fibers of one connection share. */
interface Line {
  readonly options: Options
  readonly clock: Clock.Clock
  readonly protocol: Protocol
  readonly live: LiveSocket.LiveSocket
}

/** The socket is closed without a status, not with 1000 or 1001: those would end the session. */
const leave =
  ({ live, options: { policy } }: Line) =>
  (socket: LiveSocket.WebSocketLike, exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> =>
    Effect.suspend(() => {
      live.retired = true
      const terminate = Effect.sync(() => socket.terminate?.())
      // another process may dial at this very moment: this socket is cut, not closed
      if (live.ended?._tag === "HeartbeatTimeout" || live.ended?._tag === "OwnershipLost") return terminate
      // a session that is given up needs no closing handshake, and the next one must not wait for it
      if (live.ended?._tag === "SessionInvalid" && live.ended.by === "Age" && socket.terminate !== undefined) {
        return Effect.zipRight(Effect.ignore(Effect.try(() => socket.close(1000))), terminate)
      }
      const ends = policy.onShutdown === "end" && Exit.isInterrupted(exit)
      return Effect.try(() => (ends ? socket.close(1000) : socket.close())).pipe(
        Effect.zipRight(Finalizer.timeout(live.closed.wait, policy.closeTimeout)),
        Effect.flatMap((closed) => (Option.isSome(closed) ? Effect.void : terminate)),
        // a socket that cannot even be closed is dropped
        Effect.catchAll(() => terminate)
      )
    })

const dial = (
  construct: Context.Tag.Service<typeof Socket.WebSocketConstructor>,
  { live, options, protocol }: Line
): Effect.Effect<LiveSocket.WebSocketLike, ConnectionLost> =>
  Effect.try({
    try: () => live.open(() => construct(options.url) as unknown as LiveSocket.WebSocketLike),
    catch: (cause) =>
      new ConnectionLost({
        phase: protocol.phase,
        reason: "OpenFailed",
        detail: "the gateway URL cannot be dialled",
        cause
      })
  })

const enter = ({ live, options, protocol }: Line, next: Phase): Effect.Effect<void> =>
  Effect.suspend(() => {
    // a socket may say HELLO and close in one breath
    if (live.ended !== undefined) return Effect.never
    protocol.enter(next)
    return options.onPhase(next)
  })

/** Ends a handshake that takes too long; it ends itself with the handshake. */
const watch = (line: Line): Effect.Effect<void> => {
  const { clock, live, options, protocol } = line
  const { helloTimeout, openTimeout, readyTimeout } = options.policy
  /** No step that is watched can begin and be over within this. */
  const glance = Math.max(1, Math.min(...[openTimeout, helloTimeout, readyTimeout].map(Duration.toMillis)))
  const look: Effect.Effect<void> = Effect.suspend(() => {
    if (protocol.isReady) return Effect.void
    const deadline = protocol.deadline(Monotonic.unsafeMillis(clock))
    if (deadline !== undefined && "late" in deadline) return Effect.sync(() => live.end(deadline.late))
    return Effect.zipRight(Effect.sleep(Math.min(deadline?.left ?? glance, glance)), look)
  })
  return look
}

/** How often the socket is asked whether it has sent everything. */
const flushPoll = Duration.millis(20)

/** Completes when all that was written has left this machine. */
const flushed = (line: Line, socket: LiveSocket.WebSocketLike): Effect.Effect<void> =>
  Effect.suspend(() =>
    line.live.isFlushed(socket) ? Effect.void : Effect.zipRight(Effect.sleep(flushPoll), flushed(line, socket))
  )

const introduce = (line: Line, socket: LiveSocket.WebSocketLike): Effect.Effect<void> => {
  const { live, options, protocol } = line
  const token = Redacted.value(options.authorization)
  return Option.match(options.resume, {
    onNone: () =>
      Effect.gen(function* () {
        yield* enter(line, "Identifying")
        const { intents, shard } = options
        yield* Effect.uninterruptibleMask((restore) =>
          Effect.suspend(() => {
            if (!live.write(socket, Frame.identify({ token, intents, shard }))) return Effect.void
            protocol.introduced("Identify", Monotonic.unsafeMillis(line.clock))
            return Effect.ensuring(restore(flushed(line, socket)), options.identified)
          })
        )
      }),
    onSome: (session) =>
      Effect.gen(function* () {
        yield* enter(line, "Resuming")
        if (live.write(socket, Frame.resume({ token, ...session })))
          protocol.introduced("Resume", Monotonic.unsafeMillis(line.clock))
      })
  })
}

/** The handshake, watched; it gives the interval between heartbeats. */
const handshake = (line: Line, socket: LiveSocket.WebSocketLike): Effect.Effect<Duration.Duration> =>
  Effect.gen(function* () {
    const { live, options, protocol } = line
    const { policy } = options
    const watching = yield* Effect.fork(watch(line))
    yield* live.opened.wait
    yield* enter(line, "Greeting")
    yield* live.greeted.wait
    options.onHello?.(live.interval)
    const { interval, warning } = Heartbeat.intervalOf(policy, live.interval)
    protocol.expects(
      [interval, policy.heartbeatAckTimeout, policy.heartbeatProbeTimeout]
        .map(Duration.toMillis)
        .reduce((all, one) => all + one)
    )
    if (warning !== undefined) {
      yield* Effect.logWarning(`${warning}; sending a heartbeat every ${Duration.format(interval)}`)
    }
    yield* introduce(line, socket)
    yield* live.live.wait
    // an idle connection need not keep a fiber that has nothing left to watch
    if (protocol.isReady) yield* Fiber.interrupt(watching)
    return interval
  })

/** The handshake, and then the heartbeat. */
const talk = (line: Line, socket: LiveSocket.WebSocketLike): Effect.Effect<void> => {
  const { clock, live, options, protocol } = line
  return Effect.flatMap(handshake(line, socket), (interval) =>
    Heartbeat.run({
      interval,
      policy: options.policy,
      send: Effect.sync(() => live.beat(socket)),
      silence: () => Monotonic.unsafeMillis(clock) - protocol.lastFrameAt,
      answered: () => protocol.isAnswered,
      alarm: options.alarm
    })
  ).pipe(
    Effect.catchAllCause((cause) =>
      Effect.sync(() => {
        if (Cause.isInterruptedOnly(cause)) return
        live.end(Option.getOrElse(Cause.failureOption(cause), () => live.defect(Cause.squash(cause))))
      })
    )
  )
}

const logRefusals = (live: LiveSocket.LiveSocket): Effect.Effect<void> =>
  Effect.suspend(() => {
    const refusals = live.takeRefusals()
    return refusals.length === 0
      ? Effect.void
      : Effect.forEach(refusals, (reason) => Effect.logWarning(`frame refused: ${reason}`), { discard: true })
  })

/** Completes only by failing, once the connection has ended. */
const untilEnded = (live: LiveSocket.LiveSocket): Effect.Effect<never, GatewayError> =>
  Effect.suspend(() =>
    live.ended === undefined ? Effect.flatMap(live.happened.take, () => untilEnded(live)) : Effect.fail(live.ended)
  )

/** Does what a callback cannot, until the connection has ended. */
const attend = ({ live, options, protocol }: Line): Effect.Effect<never, GatewayError> => {
  let wasReady = false
  const becomeReady = Effect.suspend(() => {
    if (!protocol.isReady || wasReady) return Effect.void
    wasReady = true
    return options.onPhase("Ready")
  })
  const next: Effect.Effect<never, GatewayError> = Effect.suspend(() => {
    const { doubt, ended } = live
    if (ended !== undefined) return Effect.fail(ended)
    if (doubt !== undefined) {
      return Effect.raceFirst(untilEnded(live), Effect.delay(Effect.fail(doubt.error), doubt.grace))
    }
    return Effect.flatMap(live.happened.take, () => react)
  })
  const react = Effect.suspend(() =>
    logRefusals(live).pipe(
      Effect.zipRight(Effect.forEach(live.takeTasks(), (task) => task, { discard: true })),
      Effect.zipRight(becomeReady),
      Effect.flatMap(() => next)
    )
  )
  return next
}

const begin = (
  construct: Context.Tag.Service<typeof Socket.WebSocketConstructor>,
  line: Line
): Effect.Effect<never, GatewayError, Scope.Scope> =>
  line.options.onPhase("Connecting").pipe(
    Effect.zipRight(Effect.acquireRelease(dial(construct, line), leave(line))),
    Effect.flatMap((socket) => Effect.forkScoped(talk(line, socket))),
    Effect.flatMap(() => attend(line))
  )

const toDisconnect =
  ({ live, protocol }: Line) =>
  (error: GatewayError): Effect.Effect<never, Disconnect> =>
    Effect.gen(function* () {
      const disconnect = protocol.disconnect(error, yield* Monotonic.millis, yield* Clock.currentTimeMillis)
      if (live.warning !== undefined) yield* Effect.logWarning(live.warning)
      yield* logRefusals(live)
      const unlogged = LiveSocket.unlogged(live)
      if (unlogged > 0) yield* Effect.logWarning(`${unlogged} more frames were refused on this connection`)
      return yield* Effect.fail(disconnect)
    })

/** The view of a connection that its session keeps. */
class Handle implements ConnectionHandle {
  private readonly line: Line

  constructor(line: Line) {
    this.line = line
  }

  lastFrameAge(): number {
    return Monotonic.unsafeMillis(this.line.clock) - this.line.protocol.lastFrameAt
  }

  heardUntil(): number {
    const { clock, protocol } = this.line
    return clock.unsafeCurrentTimeMillis() - Math.floor(Monotonic.unsafeMillis(clock) - protocol.heardUntil)
  }

  roundTrip(): number | undefined {
    return this.line.protocol.roundTrip
  }

  end(error: GatewayError): void {
    this.line.live.end(error)
  }

  attend(effect: Effect.Effect<void>): void {
    this.line.live.attend(effect)
  }
}

/**
 * Runs one connection with this constructor of sockets. It ends only by failing, or by interruption, which leaves the
 * session resumable unless the policy says otherwise; either way the socket is closed, or terminated when closing takes too
 * long, before this effect ends.
 *
 * @since 0.1.0
 * @category constructors
 */
export const runWith = (
  construct: Context.Tag.Service<typeof Socket.WebSocketConstructor>,
  options: Options
): Effect.Effect<never, Disconnect> =>
  Effect.clockWith((clock) => {
    const { policy, resume } = options
    const protocol = new Protocol({ policy, resume, dialledAt: Monotonic.unsafeMillis(clock) })
    const live = new LiveSocket.LiveSocket(options, protocol, clock, policy.maximumRetryAfter)
    const line: Line = { options, clock, protocol, live }
    options.onHandle(new Handle(line))
    return Effect.scoped(begin(construct, line)).pipe(
      Effect.catchAllDefect((cause) => Effect.fail(live.defect(cause))),
      Effect.catchAll(toDisconnect(line))
    )
  })

/**
 * Runs one connection; see {@link runWith}.
 *
 * @since 0.1.0
 * @category constructors
 */
export const run = (options: Options): Effect.Effect<never, Disconnect, Socket.WebSocketConstructor> =>
  Effect.flatMap(Socket.WebSocketConstructor, (construct) => runWith(construct, options))
