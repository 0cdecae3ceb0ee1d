/**
 * The pause for a full inbox: dispatches are let pass until it is half empty, and a resume fetches them again.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Monotonic from "../internal/Monotonic.ts"
import type { ActiveConnection } from "./ActiveConnection.ts"
import type { ConnectionHandle } from "./Connection.ts"
import type { DispatchSinkShape } from "./DispatchSink.ts"
import { ReconnectRequested } from "./GatewayError.ts"

/**
 * What an {@link InboxPause} is made of.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly connection: ActiveConnection
  readonly sink: Pick<DispatchSinkShape, "room">
  readonly clock: Clock.Clock
  /** The least time between two resumes because of a full inbox. */
  readonly spacing: Duration.Duration
}

/**
 * Ends paused connections.
 *
 * @since 0.1.0
 * @category models
 */
export class InboxPause {
  private readonly options: Options
  /** The connection that was paused last. */
  private paused: ConnectionHandle | undefined
  private isWaiting = false
  /** When a connection was last ended, in monotonic milliseconds. */
  private endedAt = Number.NEGATIVE_INFINITY

  constructor(options: Options) {
    this.options = options
  }

  /** Pauses the connection. Synchronous: the dispatch was not taken in the socket's callback. */
  begin(): void {
    this.options.connection.pause()
    this.paused = this.options.connection.handle
  }

  /**
   * Waits until there is room, and ends the connection that is paused, unless it has ended otherwise. While one such wait
   * lasts, another does nothing.
   */
  end(): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.isWaiting) return Effect.void
      this.isWaiting = true
      return Effect.logWarning("the inbox is full: the session is paused").pipe(
        Effect.zipRight(this.options.sink.room),
        Effect.zipRight(Effect.suspend(() => Effect.sleep(this.untilAllowed()))),
        Effect.zipRight(Effect.sync(() => this.resume())),
        Effect.ensuring(
          Effect.sync(() => {
            this.isWaiting = false
          })
        )
      )
    })
  }

  private untilAllowed(): number {
    const { clock, spacing } = this.options
    return Math.max(0, this.endedAt + Duration.toMillis(spacing) - Monotonic.unsafeMillis(clock))
  }

  private resume(): void {
    const { clock, connection } = this.options
    const { paused } = this
    this.paused = undefined
    if (paused === undefined || paused !== connection.handle) return
    this.endedAt = Monotonic.unsafeMillis(clock)
    paused.end(new ReconnectRequested({ by: "Inbox" }))
  }
}
