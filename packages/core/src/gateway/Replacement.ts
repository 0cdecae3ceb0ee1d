/**
 * The replacement of an old session, at a moment when nothing is said: once there is all that the next one needs.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Monotonic from "../internal/Monotonic.ts"
import type { ActiveConnection } from "./ActiveConnection.ts"
import { SessionInvalid } from "./GatewayError.ts"
import type { IdentifyLimiterShape, Permit } from "./IdentifyLimiter.ts"
import type { Preparation } from "./Preparation.ts"
import type { SessionAge } from "./Recovery.ts"
import type { SessionMemory } from "./SessionMemory.ts"
import type { SessionPolicy } from "./SessionPolicy.ts"
import type { StateReporter } from "./SessionStatus.ts"

/** How soon, in milliseconds, an old session that could not be replaced is tried again. */
const retireAgain = 10_000

/**
 * Milliseconds until a session is both old and quiet; 0 or less where it is.
 *
 * @since 0.1.0
 * @category combinators
 */
export const untilDue = (policy: SessionPolicy, session: SessionAge, now: number): number => {
  const old = session.startedAt + Duration.toMillis(policy.maximumAge)
  const quiet = session.lastDispatchAt + Duration.toMillis(policy.quietFor)
  return Math.max(old, quiet) - now
}

/**
 * A permit to identify, and the scope in which it is held: closing it lets other shards identify.
 *
 * @since 0.1.0
 * @category models
 */
export interface HeldPermit {
  readonly permit: Permit
  readonly scope: Scope.CloseableScope
}

/**
 * What a {@link Replacement} is made of.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly policy: SessionPolicy
  readonly shard: readonly [index: number, count: number]
  readonly clock: Clock.Clock
  readonly limiter: IdentifyLimiterShape
  readonly connection: ActiveConnection
  readonly memory: SessionMemory
  readonly reporter: StateReporter
  readonly preparation: Preparation
}

/**
 * Replaces old sessions, and holds the permit for the next one meanwhile.
 *
 * @since 0.1.0
 * @category models
 */
export class Replacement {
  private readonly options: Options
  private reserved: HeldPermit | undefined
  private isTrying = false
  /** When the last attempt began or ended, in monotonic milliseconds. */
  private triedAt = Number.NEGATIVE_INFINITY

  constructor(options: Options) {
    this.options = options
  }

  /** The permit that was taken before the old session was left. */
  take(): HeldPermit | undefined {
    const taken = this.reserved
    this.reserved = undefined
    return taken
  }

  /** Gives the permit back, where it was not taken. */
  release(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const taken = this.take()
      return taken === undefined ? Effect.void : Scope.close(taken.scope, Exit.void)
    })
  }

  private noteTried(): void {
    this.triedAt = Monotonic.unsafeMillis(this.options.clock)
  }

  /** Milliseconds until the session should be replaced, as far as is known now. */
  left(): number {
    const { clock, memory, policy } = this.options
    const session = memory.current()
    if (session === undefined || this.isTrying) return Number.POSITIVE_INFINITY
    const again = this.triedAt + retireAgain - Monotonic.unsafeMillis(clock)
    return Math.max(again, untilDue(policy, session, clock.unsafeCurrentTimeMillis()))
  }

  /** Tries to replace the session. One attempt at a time. */
  attempt(): Effect.Effect<void> {
    // the fiber that runs this may begin a moment later
    this.noteTried()
    return Effect.suspend(() => {
      if (this.isTrying) return Effect.void
      this.isTrying = true
      return Effect.ensuring(
        this.replace(),
        Effect.sync(() => {
          this.isTrying = false
          this.noteTried()
        })
      )
    })
  }

  /**
   * Leaves an old session once there is all that the next one needs: a token, an address and the permit to identify. Without
   * them the bot would be deaf between the two for as long as they take.
   */
  private replace(): Effect.Effect<void> {
    const { clock, connection, memory, policy, reporter } = this.options
    return Effect.uninterruptibleMask((restore) =>
      Effect.gen(this, function* () {
        const old = memory.current()
        const leaving = connection.handle
        if (leaving === undefined || !reporter.isReady) return
        const scope = yield* Scope.make()
        const permit = yield* restore(this.acquire(scope)).pipe(Effect.onInterrupt(() => Scope.close(scope, Exit.void)))
        const session = memory.current()
        const isQuiet = session !== undefined && untilDue(policy, session, clock.unsafeCurrentTimeMillis()) <= 0
        // the wait for the permit may have been long
        if (Option.isNone(permit) || connection.handle !== leaving || session !== old || !isQuiet) {
          return yield* Scope.close(scope, Exit.void)
        }
        this.reserved = { permit: permit.value, scope }
        leaving.end(new SessionInvalid({ resumable: false, by: "Age", detail: "older than the policy's maximum age" }))
      })
    )
  }

  private acquire(scope: Scope.CloseableScope): Effect.Effect<Option.Option<Permit>> {
    const { limiter, preparation, shard } = this.options
    return Effect.zipRight(preparation.begin(), Effect.either(Scope.extend(limiter.acquire(shard[0]), scope))).pipe(
      Effect.map(Either.getRight),
      Effect.catchAll((error) => Effect.as(Effect.logWarning(error.message), Option.none<Permit>()))
    )
  }
}
