/**
 * A shard of a bot as the cluster sees it: the unit that one runner at a time takes up.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import type * as Quarantine from "./Quarantine.ts"

/**
 * One shard of a bot.
 *
 * @since 0.1.0
 * @category models
 */
export interface Unit {
  readonly app: string
  readonly shard: number
}

/**
 * The id of a unit, `<app>/<shard>`, which is that of its entity and the owner of its records.
 *
 * @since 0.1.0
 * @category lookups
 */
export const idOf = ({ app, shard }: Unit): string => `${app}/${shard}`

/**
 * The unit of an id.
 *
 * @since 0.1.0
 * @category lookups
 */
export const fromId = (id: string): Option.Option<Unit> => {
  const parts = /^(.+)\/(\d{1,5})$/.exec(id)
  return parts === null ? Option.none() : Option.some({ app: parts[1] ?? "", shard: Number(parts[2]) })
}

/**
 * How a unit is. `Waiting`: no runner has taken it up. `Stopped`: the platform refuses the bot until somebody fixes it.
 * `Quarantined`: put aside for a while. The others are those of a session.
 *
 * @since 0.1.0
 * @category models
 */
export interface UnitStatus {
  readonly app: string
  readonly shard: number
  readonly state: string
  /** Why, where there is more to say. */
  readonly detail: string | undefined
  /** The runner that has it, as `host:port`. */
  readonly runner: string | undefined
  /** Whether that runner has been seen lately: what `state` says may be out of date where it has not. */
  readonly isLive: boolean
  readonly epoch: number
  /** The events that the last quarantine skipped. */
  readonly skipped: string | undefined
  /** Epoch milliseconds of the store's clock. */
  readonly quarantinedUntil: number | undefined
  /** When the state changed, in epoch milliseconds of the store's clock. */
  readonly since: number
}

/**
 * What a claim finds.
 *
 * @since 0.1.0
 * @category models
 */
export type Claimed =
  /** A later generation was started, or the unit is not to run any more. */
  | { readonly _tag: "Superseded" }
  /** It is in quarantine for this long; `skipped` where that has just begun. */
  | {
      readonly _tag: "Quarantined"
      readonly wait: Duration.Duration
      readonly skipped: ReadonlyArray<Quarantine.Handled> | undefined
    }
  | {
      readonly _tag: "Claimed"
      readonly epoch: number
      /** Whether it ended uncleanly lately: what it handles is to be noted. */
      readonly isSuspect: boolean
      /** Whether its last holder had not given it up. */
      readonly isFailover: boolean
      /** The time by the store's clock, in epoch milliseconds. */
      readonly now: number
    }
