/**
 * The budget of identifies, counted down between two answers of the platform and restored by the clock.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as GatewayMetrics from "./GatewayMetrics.ts"

/**
 * The budget of identifies now.
 *
 * @since 0.1.0
 * @category models
 */
export interface Limits {
  /** `Infinity` when unknown. */
  readonly total: number
  /** Counted down by each identify; `Infinity` when unknown. */
  readonly remaining: number
  /** When `remaining` is `total` again, in milliseconds since 1970; now, when nothing is known. */
  readonly resetAt: number
  /** 1 when unknown. */
  readonly maxConcurrency: number
}

/**
 * What is left of a budget that covers `period` milliseconds once the clock has restored it.
 *
 * @since 0.1.0
 * @category combinators
 */
export const restored = (limits: Limits, now: number, period: number): Limits =>
  now < limits.resetAt
    ? limits
    : {
        ...limits,
        remaining: limits.total,
        resetAt: limits.resetAt + period * (Math.floor((now - limits.resetAt) / period) + 1)
      }

const unknown = (now: number): Limits => ({
  total: Number.POSITIVE_INFINITY,
  remaining: Number.POSITIVE_INFINITY,
  resetAt: now,
  maxConcurrency: 1
})

/**
 * The budget of one bot, unknown at first. All times are epoch milliseconds.
 *
 * @since 0.1.0
 * @category models
 */
export class IdentifyBudget {
  private readonly appId: string
  private readonly period: number
  private known: Limits | undefined

  constructor(appId: string, period: Duration.Duration) {
    this.appId = appId
    this.period = Duration.toMillis(period)
  }

  /** The platform said what is left. */
  set(limits: Limits): void {
    this.known = limits
    this.report(limits)
  }

  /** The budget, after what the clock has given back. */
  limits(now: number): Limits {
    if (this.known === undefined) return unknown(now)
    const next = restored(this.known, now, this.period)
    if (next !== this.known) this.set(next)
    return next
  }

  /** Counts one identify. */
  take(now: number): void {
    const limits = this.limits(now)
    if (this.known !== undefined) this.set({ ...limits, remaining: Math.max(0, limits.remaining - 1) })
  }

  private report({ remaining }: Limits): void {
    if (Number.isFinite(remaining)) GatewayMetrics.identifiesLeft(this.appId).unsafeUpdate(remaining, [])
  }
}
