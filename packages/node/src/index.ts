/**
 * effect-qq on Node.js.
 *
 * @since 0.1.0
 */

/**
 * @since 0.1.0
 */
export * as NodeBot from "./NodeBot.ts"
/**
 * @since 0.1.0
 */
export * as NodeContentHash from "./NodeContentHash.ts"
/**
 * @since 0.1.0
 */
export * as NodeHttp from "./NodeHttp.ts"
/**
 * @since 0.1.0
 */
export * as NodeMedia from "./NodeMedia.ts"
/**
 * @since 0.1.0
 */
export * as NodeProxy from "./NodeProxy.ts"
/**
 * @since 0.1.0
 */
export * as NodeSignature from "./NodeSignature.ts"
/**
 * @since 0.1.0
 */
export * as NodeStore from "./NodeStore.ts"
/**
 * @since 0.1.0
 */
export * as NodeWebSocket from "./NodeWebSocket.ts"
/**
 * @since 0.1.0
 */
export * as NodeWebhook from "./NodeWebhook.ts"
/**
 * @since 0.1.0
 */
export * as StateDirectory from "./StateDirectory.ts"
