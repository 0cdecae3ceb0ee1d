/**
 * Which of several processes handles an event that the platform sends to a webhook. Behind a load balancer the platform's
 * repetitions of one event may reach different processes; this port lets one of them take it.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"

/**
 * What a claim finds. `New`: the event is the caller's. `InFlight`: another process has it and has not settled it yet.
 * `Settled`: it was handled.
 *
 * @since 0.1.0
 * @category models
 */
export type Claim = "New" | "InFlight" | "Settled"

/**
 * The claims could not be asked. The request is refused with 503, so that the platform repeats it.
 *
 * @since 0.1.0
 * @category errors
 */
export class ClaimsUnavailable extends Data.TaggedError("ClaimsUnavailable")<{
  readonly cause: unknown
}> {
  override get message(): string {
    return "the claims of webhook events could not be asked"
  }
}

/**
 * What the port does. A key names an event of this bot.
 *
 * @since 0.1.0
 * @category models
 */
export interface EventClaimsShape {
  /**
   * Claims an event for the caller, who has to settle or release it. A claim that is neither expires, so that a repetition
   * of the event is handled after the process that claimed it has died.
   */
  readonly claim: (key: string) => Effect.Effect<Claim, ClaimsUnavailable>
  /** The event was taken: every later claim finds it `Settled`. */
  readonly settle: (key: string) => Effect.Effect<void, ClaimsUnavailable>
  /** The event was not taken after all: the next claim is `New`. */
  readonly release: (key: string) => Effect.Effect<void, ClaimsUnavailable>
}

/**
 * The claims of one bot's events. Optional: without it, a process knows only the events it received itself.
 *
 * @since 0.1.0
 * @category tags
 */
export class EventClaims extends Context.Tag("@effect-qq/core/EventClaims")<EventClaims, EventClaimsShape>() {}
