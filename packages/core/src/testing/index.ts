/**
 * For tests of one's own bot: the platform as a model, and what can go wrong with it.
 *
 * @since 0.1.0
 */

/**
 * @since 0.1.0
 */
export * as Fault from "./Fault.ts"
/**
 * @since 0.1.0
 */
export * as Journal from "./model/Journal.ts"
/**
 * @since 0.1.0
 */
export * as Model from "./model/Model.ts"
/**
 * @since 0.1.0
 */
export * as PlatformModel from "./model/PlatformModel.ts"
/**
 * @since 0.1.0
 */
export * as TestPlatform from "./TestPlatform.ts"
/**
 * @since 0.1.0
 */
export * as MemorySocket from "./MemorySocket.ts"
/**
 * @since 0.1.0
 */
export * as ModelRunner from "./ModelRunner.ts"
/**
 * @since 0.1.0
 */
export * as PlatformClient from "./PlatformClient.ts"
/**
 * @since 0.1.0
 */
export * as VirtualTime from "./VirtualTime.ts"
/**
 * @since 0.1.0
 */
export * as Oracle from "./Oracle.ts"
/**
 * @since 0.1.0
 */
export * as Simulation from "./Simulation.ts"
/**
 * @since 0.1.0
 */
export * as WebhookClient from "./WebhookClient.ts"
/**
 * @since 0.1.0
 */
export * as WallClock from "./WallClock.ts"
