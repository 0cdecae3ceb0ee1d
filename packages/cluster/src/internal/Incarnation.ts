/**
 * One incarnation of a unit in this process: from its claim until it is given back or lost. Its ownership is held as long as
 * the lease of its cluster shard and no store has refused it; an incarnation that has expired never lives again.
 *
 * @since 0.1.0
 */
import { Ownership } from "@effect-qq/core"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as Schedule from "effect/Schedule"
import * as ClusterMetrics from "../ClusterMetrics.ts"
import type { StoreUnavailable } from "../ClusterStore.ts"

/** How often the authority is asked again that does not answer, while the lease lasts. */
const asks = Schedule.spaced("250 millis")

/**
 * An incarnation.
 *
 * @since 0.1.0
 * @category models
 */
export class Incarnation implements Ownership.OwnershipShape {
  readonly #lost = Deferred.unsafeMake<Ownership.OwnershipLost>(FiberId.none)
  readonly #hasLease: () => boolean
  #end: Ownership.OwnershipLost | undefined
  readonly lost: Effect.Effect<Ownership.OwnershipLost> = Deferred.await(this.#lost)
  readonly confirm: Effect.Effect<void, Ownership.OwnershipLost>

  /** `isCurrent` asks the store whether no later epoch has begun. */
  constructor(hasLease: () => boolean, isCurrent: Effect.Effect<boolean, StoreUnavailable>) {
    this.#hasLease = hasLease
    const ask = Effect.retry(isCurrent, asks).pipe(
      Effect.orDie,
      Effect.flatMap((current) => {
        if (current && this.isHeld()) return Effect.void
        this.lose("another owner has claimed it")
        return Effect.flatMap(this.lost, Effect.fail)
      })
    )
    this.confirm = Effect.suspend(() => {
      this.isHeld()
      return Effect.raceFirst(ask, Effect.flatMap(this.lost, Effect.fail))
    })
  }

  readonly isHeld = (): boolean => {
    if (this.#end !== undefined) return false
    if (this.#hasLease()) return true
    this.lose("its lease has expired")
    return false
  }

  /** Ends it, for the first reason that is given. */
  readonly lose = (detail: string): void => {
    if (this.#end !== undefined) return
    this.#end = new Ownership.OwnershipLost({ detail })
    ClusterMetrics.ownershipLost.unsafeUpdate(1, [])
    Deferred.unsafeDone(this.#lost, Effect.succeed(this.#end))
  }
}
