/**
 * The beat of one connection and its liveness rule.
 *
 * The first beat goes out after a random part of the interval, at most 25 s, so that a thousand bots that were dropped
 * together do not beat together; then one every interval. Late beats are delayed, never bunched. Any frame from the peer is a sign of
 * life. A beat after which nothing came is followed by one probe; nothing after that either, and the connection is dead.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Monotonic from "../internal/Monotonic.ts"
import { type ConnectionLost, HeartbeatTimeout } from "./GatewayError.ts"
import type { SessionPolicy } from "./SessionPolicy.ts"

/**
 * How an interval from HELLO was read.
 *
 * @since 0.1.0
 * @category models
 */
export interface Interval {
  readonly interval: Duration.Duration
  /** What was wrong with the value, if it was not taken as it is. */
  readonly warning: string | undefined
}

/**
 * Reads the interval of a HELLO: a positive finite number of milliseconds, or a string of one. Anything else becomes the
 * policy's default; values outside its bounds are clamped. Never fails: a connection without a beat would be worse.
 *
 * @since 0.1.0
 * @category decoding
 */
export const intervalOf = (policy: SessionPolicy, value: unknown): Interval => {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value
  if (typeof number !== "number" || !Number.isFinite(number) || number <= 0) {
    return { interval: policy.heartbeatInterval, warning: "HELLO has no usable heartbeat interval" }
  }
  const minimum = Duration.toMillis(policy.minimumHeartbeatInterval)
  const maximum = Duration.toMillis(policy.maximumHeartbeatInterval)
  if (number < minimum) return { interval: policy.minimumHeartbeatInterval, warning: "heartbeat interval is too small" }
  if (number > maximum) return { interval: policy.maximumHeartbeatInterval, warning: "heartbeat interval is too large" }
  return { interval: Duration.millis(number), warning: undefined }
}

/**
 * Something else that is due now and then on a live connection. It rings on the fiber that beats, for an idle connection
 * needs no other.
 *
 * @since 0.1.0
 * @category models
 */
export interface Alarm {
  /** Milliseconds until it is due. Asked again after each beat and each ring. */
  readonly left: () => number
  /** Runs when it is due, and must not take long. */
  readonly ring: Effect.Effect<void>
}

/**
 * What a heartbeat needs from its connection.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly interval: Duration.Duration
  readonly policy: SessionPolicy
  /** Sends one beat. */
  readonly send: Effect.Effect<void, ConnectionLost>
  /** Milliseconds since the last frame of any kind. Noted in the socket callback, never behind dispatches. */
  readonly silence: () => number
  /** Whether a frame came since the last beat was sent. */
  readonly answered: () => boolean
  readonly alarm?: Alarm | undefined
}

/** Sleeps until the next beat is due, in monotonic milliseconds; the alarm may ring meanwhile. */
const untilDue = (clock: Clock.Clock, due: number, alarm: Alarm | undefined): Effect.Effect<void> =>
  Effect.suspend(() => {
    const left = Math.max(0, due - Monotonic.unsafeMillis(clock))
    const other = alarm === undefined ? left : alarm.left()
    if (alarm === undefined || other >= left) return Effect.sleep(left)
    return Effect.sleep(Math.max(0, other)).pipe(
      Effect.flatMap(() => (alarm.left() > 0 ? Effect.void : alarm.ring)),
      Effect.flatMap(() => untilDue(clock, due, alarm))
    )
  })

/**
 * Beats until the connection is dead, then fails with {@link HeartbeatTimeout}; a beat that cannot be written fails with
 * `ConnectionLost`. Runs from the moment the session is live.
 *
 * @since 0.1.0
 * @category combinators
 */
export const run = (options: Options): Effect.Effect<never, HeartbeatTimeout | ConnectionLost> => {
  const { policy } = options
  const interval = Duration.toMillis(options.interval)
  const patience = Math.min(interval, Duration.toMillis(policy.heartbeatAckTimeout))
  const lastPatience = Math.min(interval, Duration.toMillis(policy.heartbeatProbeTimeout))
  // the ladder starts over only after an answered beat, so the first one has to go out soon enough for that
  const firstWithin = Math.min(interval, Math.max(0, Duration.toMillis(policy.stableAfter) - 5000))

  const probe = Effect.gen(function* () {
    yield* options.send
    yield* Effect.sleep(lastPatience)
    if (!options.answered()) {
      return yield* new HeartbeatTimeout({
        interval: options.interval,
        silence: Duration.millis(Math.max(0, options.silence()))
      })
    }
  })

  return Effect.gen(function* () {
    const clock = yield* Effect.clock
    let before = Monotonic.unsafeMillis(clock)
    let wallBefore = clock.unsafeCurrentTimeMillis()
    let due = before + Math.round((yield* Random.next) * firstWithin)
    while (true) {
      yield* untilDue(clock, due, options.alarm)
      const now = Monotonic.unsafeMillis(clock)
      const wall = clock.unsafeCurrentTimeMillis()
      // a machine that was suspended meanwhile has a suspect socket, and asks at once; its monotonic clock may have stood still
      const isSuspect = before + Math.max(now - before, wall - wallBefore) - due > interval
      before = now
      wallBefore = wall
      // a late beat moves the next ones; none is sent to catch up
      due = now + interval
      if (!isSuspect) {
        yield* options.send
        yield* Effect.sleep(patience)
        if (options.answered()) continue
      }
      yield* probe
    }
  })
}
