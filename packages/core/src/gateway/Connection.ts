/**
 * One socket's life, from dialling to its end. A connection never succeeds: it fails with an {@link Recovery.End}, which
 * says how far it came and why it is over.
 *
 * Whatever must not wait behind events (HELLO, ACKs, signs of life, op 1, op 7, op 9) is done in the callback of the
 * socket. Once the connection has ended, nothing that its socket still says is heard.
 *
 * @since 0.1.0
 */
import * as Socket from "@effect/platform/Socket"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as CloseCode from "./CloseCode.ts"
import * as Frame from "./Frame.ts"
import {
  ConnectionLost,
  GatewayRejected,
  type GatewayError,
  IpNotAllowed,
  type Phase,
  ReconnectRequested,
  SessionInvalid
} from "./GatewayError.ts"
import * as GatewayMetrics from "./GatewayMetrics.ts"
import * as Heartbeat from "./Heartbeat.ts"
import type { End } from "./Recovery.ts"
import * as Release from "./Release.ts"
import type { SessionPolicy } from "./SessionPolicy.ts"

/**
 * The part of the WHATWG `WebSocket` that is used, with the `terminate` that Node's `ws` adds to it.
 *
 * @since 0.1.0
 * @category models
 */
export interface WebSocketLike {
  readonly readyState: number
  binaryType: string
  readonly addEventListener: (type: string, listener: (event: WebSocketEvent) => void) => void
  readonly send: (data: string) => void
  /** Bytes that were given to `send` and have not left yet; absent where that is not known. */
  readonly bufferedAmount?: number | undefined
  readonly close: (code?: number) => void
  /** Drops the TCP connection without a closing handshake. */
  readonly terminate?: (() => void) | undefined
}

/**
 * What the events of a {@link WebSocketLike} may hold.
 *
 * @since 0.1.0
 * @category models
 */
export interface WebSocketEvent {
  readonly data?: unknown
  readonly code?: number | undefined
  readonly reason?: string | undefined
  readonly message?: string | undefined
  readonly error?: unknown
}

/**
 * A live view of a connection for whoever reports on it or wants it to end.
 *
 * @since 0.1.0
 * @category models
 */
export interface Link {
  /** When the last frame of any kind came, in epoch milliseconds. */
  readonly lastFrameAt: () => number
  /** The last heartbeat's round trip in milliseconds. */
  readonly roundTrip: () => number | undefined
  /** Ends the connection with this error, unless it has ended already. */
  readonly end: (error: GatewayError) => void
}

/**
 * What a connection needs and whom it tells. The `on…` functions without an effect are called from the socket's callback.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly url: string
  /** The value of the `token` field: `QQBot …`. */
  readonly authorization: Redacted.Redacted
  readonly intents: number
  readonly shard: readonly [index: number, count: number]
  /** The session to resume; none means identify. */
  readonly resume: Option.Option<{ readonly sessionId: string; readonly sequence: number }>
  readonly policy: SessionPolicy
  /** Runs right before an identify is sent. */
  readonly beforeIdentify?: Effect.Effect<void> | undefined
  /** Runs once an identify was flushed, or the connection ended before it was. Not run where none was sent. */
  readonly afterIdentify?: Effect.Effect<void> | undefined
  /** op 9 came: from here on nothing that comes shows that the session is heard. */
  readonly onInvalidSession?: (() => void) | undefined
  /** The value of a heartbeat. */
  readonly heartbeatSequence: () => number | null
  readonly onLink: (link: Link) => void
  /** Given the heartbeat interval of HELLO as it came, before it is judged. */
  readonly onHello?: ((interval: unknown) => void) | undefined
  readonly onPhase: (phase: Phase) => Effect.Effect<void>
  readonly onReady: (sessionId: string, frame: Frame.Frame) => void
  readonly onResumed: (frame: Frame.Frame) => void
  /** `size`: the UTF-16 code units of the frame's text. */
  readonly onDispatch: (frame: Frame.Frame, size: number) => void
}

const OPEN = 1

const text = (value: unknown): string => (typeof value === "string" ? value : "")

const field = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined

const numberField = (value: unknown, name: string): number | undefined => {
  const found = field(value, name)
  return typeof found === "number" && Number.isFinite(found) ? found : undefined
}

/** A reason from the wire is for people: short, printable, and never trusted. */
const printable = (reason: string): string => reason.replace(/[^\x20-\x7e\u4e00-\u9fff]/g, " ").slice(0, 123)

const fatalHint = "the gateway refuses this bot; see the QQ open platform's console"

/**
 * The error that a close frame stands for. After an op 9 it explains that op 9: then the op 9 says whether the session
 * lives, and only codes that say more than "closed" count.
 *
 * @since 0.1.0
 * @category conversions
 */
export const fromClose = (
  code: number,
  reason: string,
  phase: Phase,
  invalidSession: boolean | undefined
): GatewayError => {
  const row = CloseCode.lookup(code)
  const said = printable(reason)
  const detail = said === "" || said === row.meaning ? row.meaning : `${row.meaning}: ${said}`
  switch (row.recovery) {
    case "resume":
    case "expired": {
      if (invalidSession !== undefined) {
        return new SessionInvalid({
          resumable: invalidSession,
          by: "InvalidSession",
          detail: `op 9, then ${code}: ${detail}`
        })
      }
      return row.recovery === "expired"
        ? new SessionInvalid({ code, resumable: true, by: "Close", detail })
        : new ConnectionLost({ phase, reason: "Closed", code, detail })
    }
    case "identify":
      return new SessionInvalid({ code, resumable: false, by: "Close", detail })
    case "refresh-token":
    case "slow-down":
      return new SessionInvalid({ code, resumable: invalidSession ?? true, by: "Close", detail })
    case "not-allowed":
      return new IpNotAllowed({ code, detail })
    case "refused-intents":
    case "client-error":
    case "fatal":
      return new GatewayRejected({ code, detail, hint: row.hint ?? fatalHint })
  }
}

/** What a failed upgrade or a broken connection tells, in the shapes that Node's `ws` and the tests use. */
const fromErrorEvent = (event: WebSocketEvent, phase: Phase): ConnectionLost => {
  const status = numberField(event.error, "status")
  const asked = field(event.error, "retryAfter")
  const retryAfter = Duration.isDuration(asked) ? asked : Duration.seconds(Number(text(asked)) || 0)
  return new ConnectionLost({
    phase,
    reason: phase === "Connecting" ? "OpenFailed" : "Transport",
    status,
    retryAfter: Duration.greaterThan(retryAfter, Duration.zero)
      ? Duration.min(retryAfter, Duration.hours(1))
      : undefined,
    detail: printable(text(field(event.error, "code")) || text(event.message)),
    cause: event.error
  })
}

/** How often, in milliseconds, it is checked whether a frame has left. */
const flushCheck = 10

/** How many refused frames of one connection are told about; all are counted. */
const refusalsTold = 16

/**
 * Runs one connection. It ends only by failing, or by interruption, which leaves the session resumable unless the policy
 * says otherwise; either way the socket is closed, or terminated when closing takes too long, before this effect ends.
 *
 * @since 0.1.0
 * @category constructors
 */
export const run = (options: Options): Effect.Effect<never, End, Socket.WebSocketConstructor> =>
  Effect.gen(function* () {
    const { policy } = options
    const clock = yield* Effect.clock
    const construct = yield* Socket.WebSocketConstructor
    const ended = yield* Deferred.make<never, GatewayError>()
    const opened = yield* Deferred.make<void>()
    const greeted = yield* Deferred.make<unknown>()
    const live = yield* Deferred.make<void>()
    const closed = yield* Deferred.make<boolean>()
    /** Something has happened that {@link attend} has to see to. */
    const happened = Effect.unsafeMakeLatch(false)

    let phase: Phase = "Connecting"
    let retired = false
    let sent: End["sent"]
    let greetingAt: number | undefined
    let readyAt: number | undefined
    let invalidSession: boolean | undefined
    let invalidAt: number | undefined
    let confirmed = false
    let progressed = false
    let answered = false
    let awaiting = false
    let lastFrameAt = clock.unsafeCurrentTimeMillis()
    let beatAt = 0
    let roundTrip: number | undefined
    let refusedFrames = 0
    let refused: Array<string> = []
    let openedAt: number | undefined
    let hasEnded = false
    let toldReady = false
    let sentAt: number | undefined
    /** How long, in milliseconds, a connection that is alive may be silent. */
    let patience = Number.POSITIVE_INFINITY
    /** Whether it was the peer, or the network, that ended the connection. */
    let endedByPeer = false
    let doubt: { readonly error: GatewayError; readonly grace: Duration.Duration } | undefined

    const end = (error: GatewayError): void => {
      hasEnded = true
      Deferred.unsafeDone(ended, Exit.fail(error))
      happened.unsafeOpen()
    }

    /** What makes an end likely is often followed by a close frame that explains it; without one it is the end. */
    const suspect = (error: GatewayError, grace: Duration.Duration): void => {
      doubt ??= { error, grace }
      happened.unsafeOpen()
    }

    const defect = (cause: unknown): ConnectionLost =>
      new ConnectionLost({ phase, reason: "Defect", detail: "a defect inside the client", cause })

    const refuse = (reason: string): void => {
      refusedFrames++
      GatewayMetrics.framesRefused.unsafeUpdate(1, [])
      if (refusedFrames > refusalsTold) return
      refused.push(reason)
      happened.unsafeOpen()
    }

    /** Whether it went out. */
    const write = (socket: WebSocketLike, frame: string): boolean => {
      if (retired || hasEnded) return false
      if (socket.readyState !== OPEN) {
        // after the peer's close frame the close event is still to come, and its code decides what follows
        const error = new ConnectionLost({ phase, reason: "WriteFailed", detail: "the socket is not open" })
        suspect(error, policy.closeTimeout)
        return false
      }
      try {
        socket.send(frame)
        return true
      } catch (cause) {
        end(new ConnectionLost({ phase, reason: "WriteFailed", detail: "the socket refused a frame", cause }))
        return false
      }
    }

    const beat = (socket: WebSocketLike): void => {
      awaiting = true
      beatAt = clock.unsafeCurrentTimeMillis()
      write(socket, Frame.heartbeat(options.heartbeatSequence()))
    }

    const becomeLive = (now: number): void => {
      // READY in answer to a resume settles it too: there is a session now
      confirmed = true
      phase = "Ready"
      readyAt = now
      greetingAt = now
      Deferred.unsafeDone(live, Exit.void)
      happened.unsafeOpen()
    }

    const onReady = (frame: Frame.Frame, now: number): void => {
      const sessionId = field(frame.d, "session_id")
      if (typeof sessionId !== "string" || sessionId === "") return refuse("READY without a session id")
      becomeLive(now)
      options.onReady(sessionId, frame)
    }

    const onDispatch = (frame: Frame.Frame, now: number, size: number): void => {
      if (frame.t === "READY") return onReady(frame, now)
      if (frame.t === "RESUMED") {
        becomeLive(now)
        return options.onResumed(frame)
      }
      progressed = true
      if (
        !confirmed &&
        phase === "Resuming" &&
        Option.isSome(options.resume) &&
        frame.s !== undefined &&
        frame.s > options.resume.value.sequence
      ) {
        confirmed = true
        Deferred.unsafeDone(live, Exit.void)
      }
      options.onDispatch(frame, size)
    }

    const onFrame = (socket: WebSocketLike, data: unknown): void => {
      const now = clock.unsafeCurrentTimeMillis()
      lastFrameAt = now
      if (awaiting) {
        awaiting = false
        if (readyAt !== undefined) answered = true
      }
      const frame = Frame.parse(data)
      if (Frame.isMalformed(frame)) return refuse(`${frame.reason} (${frame.size})`)
      switch (frame.op) {
        case Frame.Opcode.Dispatch:
          return onDispatch(frame, now, typeof data === "string" ? data.length : 0)
        case Frame.Opcode.HeartbeatAck: {
          progressed = true
          if (beatAt > 0) {
            roundTrip = now - beatAt
            beatAt = 0
            GatewayMetrics.roundTrip.unsafeUpdate(roundTrip, [])
          }
          return
        }
        case Frame.Opcode.Heartbeat:
          return beat(socket)
        case Frame.Opcode.Reconnect:
          // to a session that is over already it says nothing
          if (invalidSession !== undefined) return
          return end(new ReconnectRequested({ by: "Server" }))
        case Frame.Opcode.InvalidSession: {
          invalidSession = frame.d === true
          invalidAt ??= now
          options.onInvalidSession?.()
          const error = new SessionInvalid({
            resumable: invalidSession,
            by: "InvalidSession",
            detail: `op 9, d: ${invalidSession}`
          })
          return suspect(error, policy.invalidSessionGrace)
        }
        case Frame.Opcode.Hello: {
          greetingAt = now
          return Deferred.unsafeDone(greeted, Exit.succeed(field(frame.d, "heartbeat_interval")))
        }
        default:
          return refuse(`unknown opcode ${frame.op}`)
      }
    }

    const guarded =
      (listener: (event: WebSocketEvent) => void) =>
      (event: WebSocketEvent): void => {
        if (retired) return
        try {
          listener(event)
        } catch (cause) {
          end(defect(cause))
        }
      }

    const dial = Effect.try({
      try: () => {
        const socket = construct(options.url) as unknown as WebSocketLike
        socket.binaryType = "arraybuffer"
        socket.addEventListener(
          "open",
          guarded(() => {
            openedAt ??= clock.unsafeCurrentTimeMillis()
            Deferred.unsafeDone(opened, Exit.void)
          })
        )
        socket.addEventListener(
          "message",
          guarded((event) => onFrame(socket, event.data))
        )
        socket.addEventListener(
          "error",
          guarded((event) => {
            endedByPeer ||= !hasEnded
            end(fromErrorEvent(event, phase))
          })
        )
        socket.addEventListener("close", (event) => {
          Deferred.unsafeDone(closed, Exit.succeed(true))
          if (retired) return
          endedByPeer ||= !hasEnded
          end(fromClose(event.code ?? 1006, event.reason ?? "", phase, invalidSession))
        })
        return socket
      },
      catch: (cause) =>
        new ConnectionLost({ phase, reason: "OpenFailed", detail: "the gateway URL cannot be dialled", cause })
    })

    /** Not 1000 nor 1001, which would end the session: a close without a status leaves it resumable. */
    const leave = (socket: WebSocketLike, exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> =>
      Effect.suspend(() => {
        retired = true
        const terminate = Effect.sync(() => socket.terminate?.())
        const failure = Exit.isFailure(exit) ? Option.getOrUndefined(Cause.failureOption(exit.cause)) : undefined
        if (field(failure, "_tag") === "HeartbeatTimeout") return terminate
        // a session that is given up needs no closing handshake, and the next one must not wait for it
        const retires = field(failure, "_tag") === "SessionInvalid" && field(failure, "by") === "Age"
        if (retires && socket.terminate !== undefined) {
          return Effect.zipRight(Effect.ignore(Effect.try(() => socket.close(1000))), terminate)
        }
        const ends = policy.onShutdown === "end" && Exit.isInterrupted(exit)
        return Effect.try(() => (ends ? socket.close(1000) : socket.close())).pipe(
          Effect.zipRight(Release.within(Deferred.await(closed), policy.closeTimeout)),
          Effect.flatMap((isClosed) => (Option.isSome(isClosed) ? Effect.void : terminate)),
          // a socket that cannot even be closed is dropped
          Effect.catchAll(() => terminate)
        )
      })

    const enter = (next: Phase): Effect.Effect<void> =>
      Effect.suspend(() => {
        // a socket may say HELLO and close in one breath
        if (hasEnded) return Effect.never
        phase = next
        return options.onPhase(next)
      })

    const late = (reason: ConnectionLost["reason"], within: Duration.Duration, detail: string): void =>
      end(new ConnectionLost({ phase, reason, detail: `${detail} within ${Duration.format(within)}` }))

    /** How many milliseconds are left of a time that began then: at most all of it, whatever the wall clock was set to. */
    const leftOf = (since: number, duration: Duration.Duration): number => {
      const patience = Duration.toMillis(duration)
      return Math.min(patience, since + patience - clock.unsafeCurrentTimeMillis())
    }

    const { helloTimeout, openTimeout, readyTimeout } = policy

    /** No time that is watched can begin and be over within this. */
    const glance = Math.max(1, Math.min(...[openTimeout, helloTimeout, readyTimeout].map(Duration.toMillis)))

    /** Watches the times of a handshake that began then, and is over with it. */
    const watch = (dialledAt: number): Effect.Effect<void> =>
      Effect.suspend(() => {
        if (readyAt !== undefined) return Effect.void
        let left = glance
        if (openedAt === undefined) {
          left = leftOf(dialledAt, openTimeout)
          if (left <= 0) return Effect.sync(() => late("OpenTimeout", openTimeout, "the socket did not open"))
        } else if (greetingAt === undefined) {
          left = leftOf(openedAt, helloTimeout)
          if (left <= 0) return Effect.sync(() => late("HelloTimeout", helloTimeout, "no HELLO"))
        } else if (sent !== undefined) {
          left = leftOf(lastFrameAt, readyTimeout)
          if (left <= 0) return Effect.sync(() => late("ReadyTimeout", readyTimeout, "no frame"))
        }
        return Effect.zipRight(Effect.sleep(Math.min(left, glance)), watch(dialledAt))
      })

    /** Waits until all that was written has left. */
    const flushed = (socket: WebSocketLike): Effect.Effect<void> =>
      Effect.suspend(() =>
        (socket.bufferedAmount ?? 0) > 0 && socket.readyState === OPEN
          ? Effect.zipRight(Effect.sleep(flushCheck), flushed(socket))
          : Effect.void
      )

    const introduce = (socket: WebSocketLike): Effect.Effect<void> =>
      Option.match(options.resume, {
        onNone: () =>
          Effect.gen(function* () {
            yield* enter("Identifying")
            yield* options.beforeIdentify ?? Effect.void
            const frame = Frame.identify({
              token: Redacted.value(options.authorization),
              intents: options.intents,
              shard: options.shard
            })
            yield* Effect.uninterruptibleMask((restore) =>
              Effect.suspend(() => {
                if (!write(socket, frame)) return Effect.void
                sent = "Identify"
                sentAt = clock.unsafeCurrentTimeMillis()
                return Effect.ensuring(restore(flushed(socket)), options.afterIdentify ?? Effect.void)
              })
            )
          }),
        onSome: (session) =>
          Effect.gen(function* () {
            yield* enter("Resuming")
            const frame = Frame.resume({ token: Redacted.value(options.authorization), ...session })
            if (!write(socket, frame)) return
            sent = "Resume"
            sentAt = clock.unsafeCurrentTimeMillis()
          })
      })

    const talk = (socket: WebSocketLike, dialledAt: number) =>
      Effect.gen(function* () {
        const watching = yield* Effect.fork(watch(dialledAt))
        yield* Deferred.await(opened)
        yield* enter("Greeting")
        const hello = yield* Deferred.await(greeted)
        options.onHello?.(hello)
        const { interval, warning } = Heartbeat.intervalOf(policy, hello)
        patience = [interval, policy.heartbeatAckTimeout, policy.heartbeatProbeTimeout]
          .map(Duration.toMillis)
          .reduce((all, one) => all + one)
        if (warning !== undefined) {
          yield* Effect.logWarning(`${warning}; beating every ${Duration.format(interval)}`)
        }
        yield* introduce(socket)
        yield* Deferred.await(live)
        // an idle connection need not keep a fiber that has nothing left to watch
        if (readyAt !== undefined) yield* Fiber.interrupt(watching)
        return yield* Heartbeat.run({
          interval,
          policy,
          send: Effect.sync(() => beat(socket)),
          lastFrameAt: () => lastFrameAt,
          answered: () => !awaiting
        })
      }).pipe(
        Effect.catchAllCause((cause) =>
          Effect.sync(() => {
            if (Cause.isInterruptedOnly(cause)) return
            end(Option.getOrElse(Cause.failureOption(cause), () => defect(Cause.squash(cause))))
          })
        )
      )

    const tellRefused = Effect.suspend(() => {
      if (refused.length === 0) return Effect.void
      const reasons = refused
      refused = []
      return Effect.forEach(reasons, (reason) => Effect.logWarning(`frame refused: ${reason}`), { discard: true })
    })

    /** Sees to what the socket's callback cannot do itself, until the connection has ended. */
    const attend: Effect.Effect<never, GatewayError> = Effect.gen(function* () {
      while (true) {
        yield* happened.await
        happened.unsafeClose()
        yield* tellRefused
        if (readyAt !== undefined && !toldReady) {
          toldReady = true
          yield* options.onPhase("Ready")
        }
        if (hasEnded) return yield* Deferred.await(ended)
        if (doubt !== undefined) {
          const { error, grace } = doubt
          return yield* Effect.raceFirst(Deferred.await(ended), Effect.delay(Effect.fail(error), grace))
        }
      }
    })

    options.onLink({ lastFrameAt: () => lastFrameAt, roundTrip: () => roundTrip, end })

    /**
     * Until when the connection was alive. Its peer's end of it is a sign of life, unless the silence before is longer than
     * a live connection allows: then the machine slept, and the end is only found out about.
     */
    const aliveUntil = (now: number): number =>
      readyAt === undefined || (endedByPeer && now - lastFrameAt <= patience) ? now : lastFrameAt

    const toEnd = (error: GatewayError): Effect.Effect<never, End> =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        const alive = aliveUntil(now)
        return Effect.zipRight(
          refusedFrames > refusalsTold
            ? Effect.zipRight(tellRefused, Effect.logWarning(`${refusedFrames} frames were refused on this connection`))
            : tellRefused,
          Effect.fail<End>({
            error,
            phase,
            at: now,
            greeted: greetingAt !== undefined,
            sent,
            ready: readyAt !== undefined,
            confirmed,
            progressed,
            // an op 9 ends the session when it comes, not when its close frame does
            sinceGreeting: greetingAt === undefined ? undefined : (invalidAt ?? alive) - greetingAt,
            readyFor: readyAt === undefined ? 0 : alive - readyAt,
            sentAt,
            answered,
            invalidSession
          })
        )
      })

    return yield* Effect.gen(function* () {
      yield* options.onPhase("Connecting")
      const dialledAt = clock.unsafeCurrentTimeMillis()
      const socket = yield* Effect.acquireRelease(dial, leave)
      yield* Effect.forkScoped(talk(socket, dialledAt))
      return yield* attend
    }).pipe(
      Effect.catchAllDefect((cause) => Effect.fail(defect(cause))),
      Effect.scoped,
      Effect.catchAll(toEnd)
    )
  })

/**
 * An end that came before there was anything to connect with.
 *
 * @since 0.1.0
 * @category constructors
 */
export const neverConnected = (error: GatewayError): Effect.Effect<never, End> =>
  Effect.flatMap(Clock.currentTimeMillis, (at) =>
    Effect.fail<End>({
      error,
      phase: "Connecting",
      at,
      greeted: false,
      sent: undefined,
      ready: false,
      confirmed: false,
      progressed: false,
      sinceGreeting: undefined,
      readyFor: 0,
      answered: false,
      invalidSession: undefined
    })
  )
