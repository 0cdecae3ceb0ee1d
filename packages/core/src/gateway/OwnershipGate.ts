/**
 * The ownership of a bot as one of its sessions sees it: what the port says, and what the session's own store has said. Once
 * it is lost the session's connection ends, its wait is cut short, and nothing more is dialled, written, handled or stored.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { ActiveConnection } from "./ActiveConnection.ts"
import * as Disconnect from "./Disconnect.ts"
import * as Ownership from "./Ownership.ts"
import type { ReconnectWait } from "./ReconnectWait.ts"

/**
 * What an {@link OwnershipGate} is made of.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly ownership: Ownership.OwnershipShape
  readonly connection: ActiveConnection
  readonly wait: ReconnectWait
}

/**
 * The gate of one session.
 *
 * @since 0.1.0
 * @category models
 */
export class OwnershipGate {
  private readonly options: Options
  private end: Ownership.OwnershipLost | undefined

  constructor(options: Options) {
    this.options = options
  }

  /** How the ownership was lost; `undefined` while it is held. */
  readonly lost = (): Ownership.OwnershipLost | undefined => {
    if (this.end === undefined && !this.options.ownership.isHeld()) {
      this.end = new Ownership.OwnershipLost({ detail: "it is no longer held" })
    }
    return this.end
  }

  readonly isHeld = (): boolean => this.lost() === undefined

  /** Fails where the ownership is lost. */
  get pass(): Effect.Effect<void, Disconnect.Disconnect> {
    return Effect.suspend(() => {
      const lost = this.lost()
      return lost === undefined ? Effect.void : Disconnect.neverConnected(lost)
    })
  }

  /** Asks the authority; see `Ownership.confirm`. */
  get confirm(): Effect.Effect<void, Ownership.OwnershipLost> {
    return Effect.suspend(
      () => this.lost() ?? Effect.tapError(this.options.ownership.confirm, (error) => this.lose(error))
    )
  }

  /** The same before a connection is dialled. */
  get confirmBeforeDial(): Effect.Effect<void, Disconnect.Disconnect> {
    return Effect.catchAll(this.confirm, Disconnect.neverConnected)
  }

  /** Ends the session, for the first reason that is given. */
  lose(error: Ownership.OwnershipLost): Effect.Effect<void> {
    return Effect.suspend(() => {
      const { connection, wait } = this.options
      this.end ??= error
      connection.handle?.end(this.end)
      return wait.cutShort()
    })
  }

  /** A store refused a write: another owner has claimed the session. */
  fenced(error: Ownership.Fenced): Effect.Effect<void> {
    return this.lose(new Ownership.OwnershipLost({ detail: error.message }))
  }

  /** Watches the port until the scope closes. An ownership that is held for ever needs no fiber. */
  get watch(): Effect.Effect<void, never, Scope.Scope> {
    const { ownership } = this.options
    if (ownership === Ownership.always) return Effect.void
    return Effect.asVoid(Effect.forkScoped(Effect.flatMap(ownership.lost, (error) => this.lose(error))))
  }
}
