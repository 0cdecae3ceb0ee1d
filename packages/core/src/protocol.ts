/**
 * The protocol without a runtime: tables, frames and decisions, for tools and other clients.
 *
 * @since 0.1.0
 */
export * as CloseCode from "./gateway/CloseCode.ts"
export * as ErrorCode from "./openapi/ErrorCode.ts"
export * as Event from "./events/Event.ts"
export * as Frame from "./gateway/Frame.ts"
export * as Intents from "./gateway/Intents.ts"
export * as MessageSequence from "./messages/MessageSequence.ts"
export * as Recovery from "./gateway/Recovery.ts"
export * as ReplyWindow from "./messages/ReplyWindow.ts"
export * as SessionPolicy from "./gateway/SessionPolicy.ts"
