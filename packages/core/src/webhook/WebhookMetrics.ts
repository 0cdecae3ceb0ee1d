/**
 * The metrics of the webhook transport, by name, in one place.
 *
 * @since 0.1.0
 */
import * as Metric from "effect/Metric"

/**
 * Requests to a webhook, tagged with `outcome`: `taken`, `duplicate`, `validated`, `heartbeat`, `ignored`, or the reason
 * of the refusal.
 *
 * @since 0.1.0
 * @category metrics
 */
export const requests: Metric.Metric.Counter<number> = Metric.counter("qq_webhook_requests", {
  description: "Requests to a webhook by outcome",
  incremental: true
})
