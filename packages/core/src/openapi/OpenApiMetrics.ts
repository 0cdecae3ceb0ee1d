/**
 * The metrics of the OpenAPI and its token, by name, in one place.
 *
 * @since 0.1.0
 */
import type * as Metric from "effect/Metric"
import * as MetricKey from "effect/MetricKey"
import type * as ApiError from "./ApiError.ts"
import * as MetricSeries from "./MetricSeries.ts"

/**
 * How the fetch of an access token ended.
 *
 * @since 0.1.0
 * @category models
 */
export type TokenOutcome = "fetched" | "TokenRejected" | "IpRefused" | ApiError.TokenUnavailable["reason"]

const fetches = MetricKey.counter("qq_token_fetches", {
  description: "Fetches of an access token by outcome",
  incremental: true
})

/**
 * Fetches of an access token, with the label `outcome`: `fetched`, `TokenRejected`, `IpRefused`, or the reason why there was
 * none.
 *
 * @since 0.1.0
 * @category metrics
 */
export const tokenFetches = (outcome: TokenOutcome): Metric.Metric.Counter<number> =>
  MetricSeries.make(fetches, { outcome })
