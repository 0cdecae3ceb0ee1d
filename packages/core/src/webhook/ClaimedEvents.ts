/**
 * How an event is taken that several processes may receive: claimed first, settled once it may be acknowledged, and released
 * where it was not taken after all.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { ClaimsUnavailable, EventClaimsShape } from "./EventClaims.ts"

/** A claim that cannot be told what became of it expires. */
const tell = (what: Effect.Effect<void, ClaimsUnavailable>): Effect.Effect<void> =>
  Effect.catchAll(what, (error) => Effect.logWarning(error.message, error.cause))

/**
 * Takes an event where the claim is new. `keeps`: whether a failure leaves handlers running, whose claim it is until it
 * expires.
 *
 * @since 0.1.0
 * @category combinators
 */
export const take = <E>(
  { claim, release, settle }: EventClaimsShape,
  name: string,
  taken: Effect.Effect<void, E>,
  keeps: (reason: E) => boolean
): Effect.Effect<"taken" | "duplicate", E | "InFlight" | "ClaimsUnavailable"> =>
  claim(name).pipe(
    Effect.mapError(() => "ClaimsUnavailable" as const),
    Effect.flatMap((claim): Effect.Effect<"taken" | "duplicate", E | "InFlight"> => {
      if (claim === "Settled") return Effect.succeed("duplicate")
      if (claim === "InFlight") return Effect.fail("InFlight")
      return taken.pipe(
        Effect.tapBoth({
          onSuccess: () => tell(settle(name)),
          onFailure: (reason) => (keeps(reason) ? Effect.void : tell(release(name)))
        }),
        Effect.as("taken")
      )
    })
  )
