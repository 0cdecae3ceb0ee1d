/**
 * effect-qq on more than one machine.
 *
 * @since 0.1.0
 */
export * as BotTable from "./BotTable.ts"
export * as ClusterBot from "./ClusterBot.ts"
export * as ClusterMetrics from "./ClusterMetrics.ts"
export * as ClusterRuntime from "./ClusterRuntime.ts"
export * as ClusterStore from "./ClusterStore.ts"
export * as Database from "./Database.ts"
export * as HealthEndpoint from "./HealthEndpoint.ts"
export * as Leases from "./Leases.ts"
export * as Quarantine from "./Quarantine.ts"
export * as RunnerPolicy from "./RunnerPolicy.ts"
export * as Secrets from "./Secrets.ts"
export * as SqlEventClaims from "./SqlEventClaims.ts"
export * as SqlIdentifyLimiter from "./SqlIdentifyLimiter.ts"
export * as SqlRateLimit from "./SqlRateLimit.ts"
export * as SqlStore from "./SqlStore.ts"
export * as Unit from "./Unit.ts"
