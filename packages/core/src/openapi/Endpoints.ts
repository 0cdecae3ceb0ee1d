/**
 * The endpoints of the API.
 *
 * @since 0.1.0
 */
import * as Endpoint from "./Endpoint.ts"

const interactions = "interaction_create, interactions overview (docs 2026) [doc]"

/**
 * Acknowledges an interaction, once, within 3 s. `Interactions.acknowledge` fills in the app id.
 *
 * @since 0.1.0
 * @category interactions
 */
export const acknowledgeInteraction = Endpoint.make({
  method: "PUT",
  path: "/interactions/{interaction}",
  headers: { appId: "x-callback-appid" },
  body: Endpoint.json<{ readonly code: 0 | 1 | 2 | 3 | 4 | 5; readonly data?: unknown }>(),
  timeout: "3 seconds",
  source: interactions
})
