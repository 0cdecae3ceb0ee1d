/**
 * The platform on this machine, for tests over real sockets and for bots in development.
 *
 * @since 0.1.0
 */

/**
 * @since 0.1.0
 */
export * as Api from "./Api.ts"
/**
 * @since 0.1.0
 */
export * as Sandbox from "./Sandbox.ts"
/**
 * @since 0.1.0
 */
export * as View from "./View.ts"
