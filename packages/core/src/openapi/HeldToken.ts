/**
 * The access token that is held: whether it lives, and when it is to be replaced. By both clocks, for the wall clock sees a
 * suspended machine and the monotonic one cannot be set.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Monotonic from "../internal/Monotonic.ts"
import type { Issued } from "./TokenAnswer.ts"
import { policy } from "./TokenPolicy.ts"

/**
 * An access token.
 *
 * @since 0.1.0
 * @category models
 */
export interface Token {
  /** The bare token. */
  readonly value: Redacted.Redacted
  /** The token as the OpenAPI and the gateway take it: `QQBot …`. */
  readonly authorization: Redacted.Redacted
  /** The number of the fetch that first brought this token: what `AccessToken.reject` takes. */
  readonly fetch: number
  /** When it ends, in milliseconds since 1970. */
  readonly expiresAt: number
}

/**
 * Both clocks at one moment, in milliseconds.
 *
 * @since 0.1.0
 * @category models
 */
export interface Instant {
  readonly wall: number
  readonly monotonic: number
}

/**
 * Both clocks now.
 *
 * @since 0.1.0
 * @category lookups
 */
export const instantOf = (clock: Clock.Clock): Instant => ({
  wall: clock.unsafeCurrentTimeMillis(),
  monotonic: Monotonic.unsafeMillis(clock)
})

/**
 * Milliseconds from a fetch to the planned next one.
 *
 * @since 0.1.0
 * @category combinators
 */
export const untilRefresh = (life: number, unchanged: boolean, spread: number): number => {
  const ahead =
    unchanged && life <= Duration.toMillis(policy.overlap)
      ? Duration.toMillis(policy.unchangedAhead)
      : Duration.toMillis(policy.refreshAhead) + spread
  return Math.max(life - ahead, Duration.toMillis(policy.shortestWait))
}

interface Held {
  readonly token: Token
  /** The bare token, to see whether another fetch brought the same. */
  readonly text: string
  /** Milliseconds. */
  readonly life: number
  readonly since: Instant
}

/**
 * What {@link HeldToken.accept} gives.
 *
 * @since 0.1.0
 * @category models
 */
export interface Accepted {
  readonly token: Token
  /** Milliseconds for which it is kept. */
  readonly life: number
  /** Whether it is the same as before. */
  readonly unchanged: boolean
}

/**
 * The token of one bot; none at first.
 *
 * @since 0.1.0
 * @category models
 */
export class HeldToken {
  private held: Held | undefined
  private rejected = false
  private fetches = 0

  /** Whether the platform refused the token that is held. */
  get isRejected(): boolean {
    return this.rejected
  }

  /** The token, while it lives and was not rejected. */
  living(now: Instant): Option.Option<Token> {
    if (this.held === undefined || this.rejected) return Option.none()
    const { life, since, token } = this.held
    const age = Math.max(now.wall - since.wall, now.monotonic - since.monotonic)
    return age < life ? Option.some(token) : Option.none()
  }

  /** Holds what a fetch brought. `forced`: the fetch was made because the token before was rejected. */
  accept(issued: Issued, since: Instant, forced: boolean): Accepted {
    const unchanged = this.held?.text === issued.token
    const life = Math.max(issued.life, Duration.toMillis(policy.shortestLife))
    // the same token again is no new fetch: who rejects it next learns that nothing better is to be had
    if (!unchanged) this.fetches++
    if (!unchanged || forced) this.rejected = false
    const token: Token = {
      value: Redacted.make(issued.token),
      authorization: Redacted.make(`QQBot ${issued.token}`),
      fetch: this.fetches,
      expiresAt: since.wall + life
    }
    this.held = { token, text: issued.token, life, since }
    return { token, life, unchanged }
  }

  /** The platform refused the token of this fetch. Nothing happens when it was replaced already. */
  reject(fetch: number): void {
    if (this.held?.token.fetch === fetch) this.rejected = true
  }
}
