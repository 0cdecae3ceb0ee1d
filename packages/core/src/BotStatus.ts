/**
 * How a bot is, of all its shards: the status for programs, and the availability for senders.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Subscribable from "effect/Subscribable"
import type { BotConfigShape } from "./BotConfig.ts"
import type * as Delivery from "./delivery/Delivery.ts"
import * as Broadcast from "./gateway/Broadcast.ts"
import type { GatewayStopped } from "./gateway/GatewayError.ts"
import type * as Session from "./gateway/Session.ts"
import { ranks, withoutSession } from "./gateway/SessionStatus.ts"
import type { Presence, SessionAvailabilityShape } from "./openapi/SessionAvailability.ts"

/**
 * A run of a bot.
 *
 * @since 0.1.0
 * @category models
 */
export interface Running {
  readonly sessions: ReadonlyArray<Session.Session>
  /** The state where there are no sessions: not yet, or none at all. */
  readonly otherwise: Session.SessionState
  /** Cuts short whatever is waited for. */
  readonly reconnectNow: Effect.Effect<void>
  readonly delivery: Delivery.Delivery
}

const notRunning: Session.SessionState = { _tag: "Disconnected" }

const isAlive = ({ _tag }: Session.SessionState): boolean => _tag !== "Stopped"

/**
 * Which of several states is that of the bot: the worst one; where the other shards go on after one has stopped, the worst
 * of those that live. Returns its index; -1 without any.
 *
 * @since 0.1.0
 * @category lookups
 */
export const worstOf = (states: ReadonlyArray<Session.SessionState>, goesOn: boolean): number => {
  const worst = (eligible: (state: Session.SessionState) => boolean): number => {
    let found = -1
    states.forEach((state, index) => {
      const other = states[found]
      if (eligible(state) && (other === undefined || ranks[state._tag] < ranks[other._tag])) found = index
    })
    return found
  }
  const living = goesOn ? worst(isAlive) : -1
  return living >= 0 ? living : worst(() => true)
}

/**
 * The status of one bot.
 *
 * @since 0.1.0
 * @category models
 */
export class BotStatus {
  private readonly goesOn: boolean
  private readonly runs = Broadcast.make<Running | undefined>()
  private readonly changes = Broadcast.make<void>()
  private running: Running | undefined

  constructor({ onShardStopped }: Pick<BotConfigShape, "onShardStopped">) {
    this.goesOn = onShardStopped === "continue"
  }

  /** The run that goes on, or stopped for good. */
  get current(): Running | undefined {
    return this.running
  }

  /** Another run, another stage of it, or none any more. */
  set(next: Running | undefined): Effect.Effect<void> {
    return Effect.sync(() => {
      this.running = next
      this.runs.tell(next)
      this.changes.tell()
    })
  }

  /** The state of the bot. */
  get state(): Session.SessionState {
    if (this.running === undefined) return notRunning
    const { otherwise, sessions } = this.running
    const states = sessions.map((session) => session.state())
    return states[worstOf(states, this.goesOn)] ?? otherwise
  }

  /** The status of each shard. */
  get shards(): Subscribable.Subscribable<ReadonlyArray<Session.SessionStatus>> {
    return this.subscribable(
      Effect.suspend(() => Effect.forEach(this.running?.sessions ?? [], ({ status }) => status.get))
    )
  }

  /** Of several shards, the status of the one which is least well. */
  get status(): Subscribable.Subscribable<Session.SessionStatus> {
    const statusOf = ({ otherwise }: Running, statuses: ReadonlyArray<Session.SessionStatus>) =>
      statuses[
        worstOf(
          statuses.map(({ state }) => state),
          this.goesOn
        )
      ] ?? withoutSession(otherwise)
    return this.subscribable(
      Effect.suspend(() => {
        const { running } = this
        if (running === undefined) return Effect.succeed(withoutSession(notRunning))
        const statuses = Effect.forEach(running.sessions, ({ status }) => status.get)
        return Effect.map(statuses, (statuses) => statusOf(running, statuses))
      })
    )
  }

  /** Completes once all shards are Ready; fails once one has stopped or, where the others go on, all have. */
  get ready(): Effect.Effect<void, GatewayStopped> {
    return Stream.suspend(() => this.whileRunning((now) => Stream.fromEffect(this.allReady(now)))).pipe(
      Stream.runHead,
      Effect.asVoid
    )
  }

  /** Completes once a bot runs. */
  get begun(): Effect.Effect<Running> {
    return Effect.suspend(() =>
      this.running === undefined
        ? Effect.map(Stream.runHead(this.whileRunning(Stream.succeed)), Option.getOrThrow)
        : Effect.succeed(this.running)
    )
  }

  /** What the run brings that goes on, and then the next one. */
  whileRunning<A, E>(stream: (now: Running) => Stream.Stream<A, E>): Stream.Stream<A, E> {
    return Stream.flatMap(
      this.runs.from(() => this.running),
      (now) => (now === undefined ? Stream.empty : stream(now)),
      { switch: true }
    )
  }

  /** Tells senders how the bot is, for as long as the scope is open: to be run at every change. */
  announcing(availability: SessionAvailabilityShape): Effect.Effect<Effect.Effect<void>, never, Scope.Scope> {
    return Effect.suspend(() => {
      let wasReady = false
      const presenceOf = ({ _tag }: Session.SessionState): Presence => {
        wasReady = wasReady || _tag === "Ready"
        if (_tag === "Ready") return "Up"
        return wasReady && _tag !== "Stopped" ? "Reconnecting" : "Absent"
      }
      const announce = Effect.suspend(() => {
        this.changes.tell()
        return availability.set(presenceOf(this.state))
      })
      return Effect.as(
        Effect.addFinalizer(() => availability.set("Absent")),
        announce
      )
    })
  }

  private subscribable<A>(get: Effect.Effect<A>): Subscribable.Subscribable<A> {
    return Subscribable.make({
      get,
      changes: Stream.suspend(() =>
        Stream.mapEffect(
          this.changes.from(() => undefined),
          () => get
        )
      )
    })
  }

  private allReady({ otherwise, sessions }: Running): Effect.Effect<void, GatewayStopped> {
    if (otherwise._tag === "Stopped") return otherwise.because
    if (sessions.length === 0) return otherwise._tag === "Ready" ? Effect.void : Effect.never
    if (!this.goesOn) {
      return Effect.forEach(sessions, ({ ready }) => ready, { concurrency: "unbounded", discard: true })
    }
    return Effect.flatMap(
      Effect.forEach(sessions, ({ ready }) => Effect.either(ready), { concurrency: "unbounded" }),
      (outcomes) => outcomes.find(Either.isRight) ?? outcomes[0] ?? Effect.void
    )
  }
}
