/**
 * The errors of sending a message: the errors themselves (`SendFailure`), and which error each of the platform's answers
 * becomes (`Refusal`).
 *
 * @since 0.1.0
 */

export * from "./Refusal.ts"
export * from "./SendFailure.ts"
