/**
 * The command line of effect-qq, for programs.
 *
 * @since 0.1.0
 */

/**
 * @since 0.1.0
 */
export * as Doctor from "./Doctor.ts"
