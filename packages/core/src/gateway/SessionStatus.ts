/**
 * What a session says about itself: its state, the status that others see, and whom it tells of a change.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Subscribable from "effect/Subscribable"
import * as Broadcast from "./Broadcast.ts"
import type { GatewayError, GatewayStopped, Phase } from "./GatewayError.ts"
import * as GatewayMetrics from "./GatewayMetrics.ts"

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
 * The status of a bot of which no session runs.
 *
 * @since 0.1.0
 * @category constructors
 */
export const withoutSession = (state: SessionState): SessionStatus => ({
  state,
  shard: [0, 1],
  attempt: 0,
  lastEnd: undefined,
  sessionId: undefined,
  received: undefined,
  watermark: undefined,
  lastFrameAge: undefined,
  roundTrip: undefined
})

/** The phases without facts of their own are told once. */
const isNews = (before: SessionState, next: SessionState): boolean =>
  before._tag !== next._tag || next._tag === "Waiting"

/**
 * The state of one session, with everything that follows a change of it: the gauge, the listeners, and `onState`.
 *
 * @since 0.1.0
 * @category models
 */
export class StateReporter {
  state: SessionState = { _tag: "Disconnected" }
  /** Connections tried since the last READY or RESUMED. */
  attempt = 0
  /** How the last connection ended. */
  lastEnd: GatewayError | undefined
  private readonly changes = Broadcast.make<SessionState>()
  private readonly gauge: ReturnType<typeof GatewayMetrics.sessionState>
  private readonly onState: Effect.Effect<void> | undefined

  /** `onState` is the caller's code: what it throws is logged, and the session goes on. */
  constructor(labels: GatewayMetrics.Labels, onState: Effect.Effect<void> | undefined) {
    this.gauge = GatewayMetrics.sessionState(labels)
    this.onState = onState
  }

  get isReady(): boolean {
    return this.state._tag === "Ready"
  }

  /** Changes the state, and runs `onState`. */
  set(next: SessionState): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (!isNews(this.state, next)) return Effect.void
      this.state = next
      this.gauge.unsafeUpdate(ranks[next._tag], [])
      this.changes.tell(next)
      if (this.onState === undefined) return Effect.void
      return Effect.catchAllCause(this.onState, (cause) =>
        Effect.logError("onState failed; the session goes on", cause)
      )
    })
  }

  /** READY or RESUMED came. */
  setReady(): Effect.Effect<void> {
    return Effect.flatMap(Clock.currentTimeMillis, (since) => {
      this.attempt = 0
      return this.set({ _tag: "Ready", since })
    })
  }

  /** The state now, and every change of it. */
  private get states(): Stream.Stream<SessionState> {
    return this.changes.from(() => this.state)
  }

  /** The status now, and at every change of state, as `toStatus` sees it. */
  subscribable(toStatus: (state: SessionState) => SessionStatus): Subscribable.Subscribable<SessionStatus> {
    return Subscribable.make({
      get: Effect.sync(() => toStatus(this.state)),
      changes: Stream.suspend(() => Stream.map(this.states, toStatus))
    })
  }

  /** Completes once the state is Ready; fails once it is Stopped. */
  get untilReady(): Effect.Effect<void, GatewayStopped> {
    return Effect.suspend(() =>
      this.states.pipe(
        Stream.mapEffect((current) =>
          current._tag === "Stopped" ? Effect.fail(current.because) : Effect.succeed(current._tag === "Ready")
        ),
        Stream.filter((isReady) => isReady),
        Stream.runHead,
        Effect.asVoid
      )
    )
  }
}
