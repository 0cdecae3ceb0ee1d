/**
 * `reconnectNow`: cuts a wait short or replaces a connection that is Ready, at most once in a while. What is asked for too
 * soon is done later, by one fiber, however often it is asked for.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Monotonic from "../internal/Monotonic.ts"
import type { ActiveConnection } from "./ActiveConnection.ts"
import { ReconnectRequested } from "./GatewayError.ts"
import type { ReconnectWait } from "./ReconnectWait.ts"
import type { StateReporter } from "./SessionStatus.ts"

/**
 * What a {@link ReconnectNow} is made of.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly clock: Clock.Clock
  /** The least time between two requests that are carried out. */
  readonly spacing: Duration.Duration
  readonly connection: ActiveConnection
  readonly wait: ReconnectWait
  readonly reporter: StateReporter
  /** Cuts the waits short that the platform asked for. */
  readonly askAgain: Effect.Effect<void>
}

/**
 * The requests of the caller.
 *
 * @since 0.1.0
 * @category models
 */
export class ReconnectNow {
  private readonly options: Options
  /** When a request was last carried out, in monotonic milliseconds. */
  private doneAt = Number.NEGATIVE_INFINITY
  private isPending = false
  /** Attempts to connect, ever. */
  private attempts = 0

  constructor(options: Options) {
    this.options = options
  }

  /** An attempt to connect begins. */
  noteAttempt(): void {
    this.attempts++
  }

  /** Carries the request out, now or, in the scope of the session's run, once that is allowed. */
  request(scope: Scope.Scope | undefined): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.untilAllowed() <= 0) return this.carryOut()
      if (this.isPending || scope === undefined) return Effect.void
      this.isPending = true
      const done = Effect.sync(() => {
        this.isPending = false
      })
      return Effect.asVoid(Effect.forkIn(Effect.ensuring(this.carryOutLater(this.attempts), done), scope))
    })
  }

  private untilAllowed(): number {
    const { clock, spacing } = this.options
    return this.doneAt + Duration.toMillis(spacing) - Monotonic.unsafeMillis(clock)
  }

  private carryOut(): Effect.Effect<void> {
    const { askAgain, clock, connection, reporter, wait } = this.options
    return Effect.suspend(() => {
      if (!wait.isWaiting && !reporter.isReady) return Effect.void
      this.doneAt = Monotonic.unsafeMillis(clock)
      if (wait.isWaiting) return Effect.zipRight(askAgain, wait.cutShort())
      return Effect.sync(() => connection.handle?.end(new ReconnectRequested({ by: "Caller" })))
    })
  }

  /** `attempts`: how many there were when this was asked for. Another one that succeeded is what was asked for. */
  private carryOutLater(attempts: number): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (attempts !== this.attempts && this.options.reporter.isReady) return Effect.void
      const left = this.untilAllowed()
      return left <= 0 ? this.carryOut() : Effect.zipRight(Effect.sleep(left), this.carryOutLater(attempts))
    })
  }
}
