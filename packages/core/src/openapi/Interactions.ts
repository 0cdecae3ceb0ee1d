/**
 * The acknowledgement of interactions. Until one comes the user's client shows that it waits.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as BotConfig from "../BotConfig.ts"
import type { EndpointError } from "./Endpoint.ts"
import * as Endpoints from "./Endpoints.ts"
import type { OpenApi } from "./OpenApi.ts"

/**
 * What the user's client shows.
 *
 * Source: `msg-btn.md` (bot-docs 2025-04) [doc].
 *
 * @since 0.1.0
 * @category constants
 */
export const codes = {
  ok: 0,
  failed: 1,
  "too often": 2,
  "done already": 3,
  "not permitted": 4,
  "admins only": 5
} as const

/**
 * What the user's client shows: a key of {@link codes}.
 *
 * @since 0.1.0
 * @category models
 */
export type Outcome = keyof typeof codes

/**
 * Acknowledges an interaction by its `d.id`. The platform takes one acknowledgement of each, so this is never tried again;
 * an interaction that is acknowledged already is no error. It takes 3 s at most, for later is too late.
 *
 * `data` is for interactions that ask for some, such as the query of a configuration.
 *
 * @example
 * ```ts
 * import { Interactions } from "@effect-qq/core"
 *
 * const refuse = Interactions.acknowledge("19c2a7f0-…", "admins only")
 * ```
 *
 * @since 0.1.0
 * @category calls
 */
export const acknowledge = (
  id: string,
  outcome: Outcome = "ok",
  data?: unknown
): Effect.Effect<void, EndpointError, BotConfig.BotConfig | OpenApi> =>
  Effect.flatMap(BotConfig.BotConfig, ({ appId }) =>
    Endpoints.acknowledgeInteraction({
      interaction: id,
      appId,
      body: { code: codes[outcome], ...(data === undefined ? {} : { data }) }
    })
  )
