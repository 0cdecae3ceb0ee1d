/**
 * What a runner counts. Labels are few: a cluster may hold thousands of bots.
 *
 * @since 0.1.0
 */
import * as Metric from "effect/Metric"
import * as MetricBoundaries from "effect/MetricBoundaries"

/**
 * Cluster shards on which this runner holds a lease.
 *
 * @since 0.1.0
 * @category metrics
 */
export const ownedShards: Metric.Metric.Gauge<number> = Metric.gauge("qq_cluster_owned_shards", {
  description: "Cluster shards on which this runner holds a lease"
})

/**
 * Milliseconds since the oldest lease that this runner holds was renewed.
 *
 * @since 0.1.0
 * @category metrics
 */
export const leaseAge: Metric.Metric.Gauge<number> = Metric.gauge("qq_cluster_lease_age_ms", {
  description: "Milliseconds since the oldest lease of this runner was renewed"
})

/**
 * Shards of bots that run here.
 *
 * @since 0.1.0
 * @category metrics
 */
export const ownedBots: Metric.Metric.Gauge<number> = Metric.gauge("qq_cluster_owned_bots", {
  description: "Shards of bots that this runner runs"
})

/**
 * Shards of bots that were taken over from a process that had not given them up.
 *
 * @since 0.1.0
 * @category metrics
 */
export const failovers: Metric.Metric.Counter<number> = Metric.counter("qq_cluster_failovers_total", {
  description: "Shards of bots taken over from a process that had not given them up",
  incremental: true
})

/**
 * Ownership that was lost while a bot ran: the lease expired, or another owner claimed the bot.
 *
 * @since 0.1.0
 * @category metrics
 */
export const ownershipLost: Metric.Metric.Counter<number> = Metric.counter("qq_cluster_ownership_lost_total", {
  description: "Shards of bots whose ownership was lost while they ran",
  incremental: true
})

/**
 * Bots that this runner holds in quarantine.
 *
 * @since 0.1.0
 * @category metrics
 */
export const quarantined: Metric.Metric.Gauge<number> = Metric.gauge("qq_cluster_quarantined_bots", {
  description: "Shards of bots in quarantine on this runner"
})

/**
 * Milliseconds that statements which store records took.
 *
 * @since 0.1.0
 * @category metrics
 */
export const saveTime: Metric.Metric.Histogram<number> = Metric.histogram(
  "qq_cluster_save_ms",
  MetricBoundaries.fromIterable([1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]),
  "Milliseconds that statements which store records took"
)

/**
 * Failures of standard output and standard error, where logs go: a full disk, or a reader that has gone.
 *
 * @since 0.1.0
 * @category metrics
 */
export const logFailures: Metric.Metric.Counter<number> = Metric.counter("qq_cluster_log_failures_total", {
  description: "Failures of standard output and standard error",
  incremental: true
})
