/**
 * What can go wrong with the platform, to be injected into a model of it. Times are in milliseconds. Faults that wait happen
 * once unless `times` says otherwise; `Infinity` lasts until {@link clear}.
 *
 * @since 0.1.0
 */
import * as Frame from "../gateway/Frame.ts"
import type { Endpoint, Fault, HttpFailure, MessageTrait } from "./model/Fault.ts"

export type { Endpoint, Fault, HttpFailure, MessageTrait, ThenClose } from "./model/Fault.ts"

type Tag = Fault["_tag"]

type OptionsOf<T extends Tag> = Omit<Extract<Fault, { readonly _tag: T }>, "_tag">

/**
 * Breaks TCP: 1006 at the client. The session lives.
 *
 * @since 0.1.0
 * @category connections
 */
export const drop = (options: OptionsOf<"Drop"> = {}): Fault => ({ _tag: "Drop", ...options })

/**
 * Makes connections half open: nothing goes in or out any more.
 *
 * @since 0.1.0
 * @category connections
 */
export const freeze = (options: OptionsOf<"Freeze"> = {}): Fault => ({ _tag: "Freeze", ...options })

/**
 * Leaves the heartbeats of the open connections unanswered: all, or the next `beats`.
 *
 * @since 0.1.0
 * @category connections
 */
export const stopAcks = (options: OptionsOf<"StopAcks"> = {}): Fault => ({ _tag: "StopAcks", ...options })

/**
 * Answers the heartbeats of the open connections `by` milliseconds late.
 *
 * @since 0.1.0
 * @category connections
 */
export const delayAcks = (by: number, options: Omit<OptionsOf<"DelayAcks">, "by"> = {}): Fault => ({
  _tag: "DelayAcks",
  by,
  ...options
})

/**
 * Sends op 7, and a close frame later if `thenClose` says so.
 *
 * @since 0.1.0
 * @category connections
 */
export const reconnect = (options: OptionsOf<"Reconnect"> = {}): Fault => ({ _tag: "Reconnect", ...options })

/**
 * Sends op 9. Unless it is resumable the session ends.
 *
 * @since 0.1.0
 * @category connections
 */
export const invalidSession = (
  resumable: boolean,
  options: Omit<OptionsOf<"InvalidSession">, "resumable"> = {}
): Fault => ({ _tag: "InvalidSession", resumable, ...options })

/**
 * Closes with a code. The session ends if the table of close codes says that it cannot be resumed.
 *
 * @since 0.1.0
 * @category connections
 */
export const close = (code: number, options: Omit<OptionsOf<"Close">, "code"> = {}): Fault => ({
  _tag: "Close",
  code,
  ...options
})

/**
 * Sends this as it is: text, or a binary frame of these bytes.
 *
 * @since 0.1.0
 * @category frames
 */
export const raw = (payload: string | Uint8Array, options: Omit<OptionsOf<"Raw">, "payload"> = {}): Fault => ({
  _tag: "Raw",
  payload,
  ...options
})

/**
 * Sends text that is not JSON.
 *
 * @since 0.1.0
 * @category frames
 */
export const notJson: Fault = raw('{"op":0,"s":')

/**
 * Sends JSON that is no frame.
 *
 * @since 0.1.0
 * @category frames
 */
export const notAFrame: Fault = raw('{"op":"0","s":[],"t":7}')

/**
 * Sends a text frame without text.
 *
 * @since 0.1.0
 * @category frames
 */
export const emptyFrame: Fault = raw("")

/**
 * Sends a binary frame.
 *
 * @since 0.1.0
 * @category frames
 */
export const binaryFrame: Fault = raw(new Uint8Array([0xff, 0x00, 0x7b, 0x7d]))

/**
 * Sends a frame whose opcode does not exist.
 *
 * @since 0.1.0
 * @category frames
 */
export const unknownOpcode: Fault = raw('{"op":42,"d":{}}')

/**
 * Sends a frame of `size` characters of text; the default is one more than a client looks at.
 *
 * @since 0.1.0
 * @category frames
 */
export const hugeFrame = (size: number = Frame.maximumSize + 1): Fault => {
  const head = '{"op":0,"t":"HUGE","d":"'
  const tail = '"}'
  return raw(head + "x".repeat(Math.max(0, size - head.length - tail.length)) + tail)
}

/**
 * Sends op 1.
 *
 * @since 0.1.0
 * @category frames
 */
export const serverHeartbeat = (options: OptionsOf<"ServerHeartbeat"> = {}): Fault => ({
  _tag: "ServerHeartbeat",
  ...options
})

/**
 * The living sessions get no event any more, while everything else looks well.
 *
 * @since 0.1.0
 * @category sessions
 */
export const deafen: Fault = { _tag: "Deafen" }

/**
 * The living sessions end without a word; a resume of them is refused.
 *
 * @since 0.1.0
 * @category sessions
 */
export const forgetSessions: Fault = { _tag: "ForgetSessions" }

/**
 * Answers the next upgrade with an HTTP status.
 *
 * @since 0.1.0
 * @category connecting
 */
export const refuseUpgrade = (status: number, options: Omit<OptionsOf<"RefuseUpgrade">, "status"> = {}): Fault => ({
  _tag: "RefuseUpgrade",
  status,
  ...options
})

/**
 * The gateway cannot be reached.
 *
 * @since 0.1.0
 * @category connecting
 */
export const unreachable = (options: OptionsOf<"Unreachable"> = {}): Fault => ({ _tag: "Unreachable", ...options })

/**
 * The upgrade request is never answered.
 *
 * @since 0.1.0
 * @category connecting
 */
export const silentUpgrade = (options: OptionsOf<"SilentUpgrade"> = {}): Fault => ({
  _tag: "SilentUpgrade",
  ...options
})

/**
 * Ends the next connection `after` milliseconds (default 0) behind a `moment` (default HELLO): with a close `code`, or by
 * breaking it.
 *
 * @since 0.1.0
 * @category connecting
 */
export const acceptThenClose = (options: OptionsOf<"AcceptThenClose"> = {}): Fault => ({
  _tag: "AcceptThenClose",
  ...options
})

/**
 * The socket opens and nothing follows.
 *
 * @since 0.1.0
 * @category connecting
 */
export const noHello = (options: OptionsOf<"NoHello"> = {}): Fault => ({ _tag: "NoHello", ...options })

/**
 * HELLO with this as its interval, whatever it is.
 *
 * @since 0.1.0
 * @category connecting
 */
export const hello = (value: unknown, options: Omit<OptionsOf<"Hello">, "value"> = {}): Fault => ({
  _tag: "Hello",
  value,
  ...options
})

/**
 * Refuses the next resume with op 9 `d: false` (unless `invalidSession` is false) and, if there is a `code`, a close frame.
 * The session is gone.
 *
 * @since 0.1.0
 * @category sessions
 */
export const refuseResumes = (options: OptionsOf<"RefuseResumes"> = {}): Fault => ({
  _tag: "RefuseResumes",
  ...options
})

/**
 * Refuses the next identify as {@link refuseResumes} does a resume.
 *
 * @since 0.1.0
 * @category sessions
 */
export const refuseIdentifies = (options: OptionsOf<"RefuseIdentifies"> = {}): Fault => ({
  _tag: "RefuseIdentifies",
  ...options
})

/**
 * The next resume is answered by READY: the session asked for is gone, another has begun, and nothing is replayed.
 *
 * @since 0.1.0
 * @category sessions
 */
export const readyForResumes = (options: OptionsOf<"ReadyForResumes"> = {}): Fault => ({
  _tag: "ReadyForResumes",
  ...options
})

/**
 * The next resume gets no answer.
 *
 * @since 0.1.0
 * @category sessions
 */
export const ignoreResumes = (options: OptionsOf<"IgnoreResumes"> = {}): Fault => ({
  _tag: "IgnoreResumes",
  ...options
})

/**
 * The next identify gets no answer.
 *
 * @since 0.1.0
 * @category sessions
 */
export const ignoreIdentifies = (options: OptionsOf<"IgnoreIdentifies"> = {}): Fault => ({
  _tag: "IgnoreIdentifies",
  ...options
})

/**
 * The next dispatch comes twice: with the same sequence number or, with `fresh`, a new one.
 *
 * @since 0.1.0
 * @category dispatches
 */
export const duplicate = (options: OptionsOf<"Duplicate"> = {}): Fault => ({ _tag: "Duplicate", ...options })

/**
 * The next group message to the bot comes as GROUP_AT_MESSAGE_CREATE and as GROUP_MESSAGE_CREATE.
 *
 * @since 0.1.0
 * @category dispatches
 */
export const twin = (options: OptionsOf<"Twin"> = {}): Fault => ({ _tag: "Twin", ...options })

/**
 * The next dispatch comes after the one behind it, or after `within` milliseconds (default 1000).
 *
 * @since 0.1.0
 * @category dispatches
 */
export const reorder = (options: OptionsOf<"Reorder"> = {}): Fault => ({ _tag: "Reorder", ...options })

/**
 * The next dispatch's sequence number is `by` (default 1) too high. Nothing is lost.
 *
 * @since 0.1.0
 * @category dispatches
 */
export const skipSequence = (options: OptionsOf<"SkipSequence"> = {}): Fault => ({
  _tag: "SkipSequence",
  by: 1,
  ...options
})

/**
 * The next dispatch has a frame that is larger by `size` characters; the default is more than a client takes. It is as large
 * when a resume replays it.
 *
 * @since 0.1.0
 * @category dispatches
 */
export const swell = (options: Partial<OptionsOf<"Swell">> = {}): Fault => ({
  _tag: "Swell",
  size: Frame.maximumSize,
  ...options
})

/**
 * The next resume replays up to `events` events that the client has had already.
 *
 * @since 0.1.0
 * @category dispatches
 */
export const replayMore = (events: number, options: Omit<OptionsOf<"ReplayMore">, "events"> = {}): Fault => ({
  _tag: "ReplayMore",
  events,
  ...options
})

/**
 * The next HTTP request to an endpoint goes wrong.
 *
 * @since 0.1.0
 * @category http
 */
export const http = (
  endpoint: Endpoint,
  failure: HttpFailure,
  options: Omit<OptionsOf<"Http">, "endpoint" | "failure"> = {}
): Fault => ({ _tag: "Http", endpoint, failure, ...options })

/**
 * An error with this HTTP status and, if there is a `code` or a `message`, the platform's own body.
 *
 * @since 0.1.0
 * @category http failures
 */
export const status = (
  status: number,
  options: Omit<Extract<HttpFailure, { readonly _tag: "Status" }>, "_tag" | "status"> = {}
): HttpFailure => ({ _tag: "Status", status, ...options })

/**
 * An answer with this body, whatever it is.
 *
 * @since 0.1.0
 * @category http failures
 */
export const body = (status: number, body: string, contentType = "application/json"): HttpFailure => ({
  _tag: "Body",
  status,
  body,
  contentType
})

/**
 * An error page of the edge in front of the platform.
 *
 * @since 0.1.0
 * @category http failures
 */
export const html = (status: number): HttpFailure =>
  body(status, `<html><head><title>${status}</title></head><body><center>stgw</center></body></html>`, "text/html")

/**
 * The connection breaks, before or after the platform did what was asked.
 *
 * @since 0.1.0
 * @category http failures
 */
export const reset = (options: { readonly accepted: boolean }): HttpFailure => ({ _tag: "Reset", ...options })

/**
 * There is no connection at all.
 *
 * @since 0.1.0
 * @category http failures
 */
export const refused: HttpFailure = { _tag: "Refused" }

/**
 * No answer ever, before or after the platform did what was asked.
 *
 * @since 0.1.0
 * @category http failures
 */
export const hang = (options: { readonly accepted: boolean }): HttpFailure => ({ _tag: "Hang", ...options })

/**
 * The right answer, `after` milliseconds late.
 *
 * @since 0.1.0
 * @category http failures
 */
export const slow = (after: number): HttpFailure => ({ _tag: "Slow", after })

/** What a message with a trait is refused with unless told otherwise. */
const refusals: { readonly [Trait in MessageTrait]: number } = {
  any: 40034006,
  markdown: 40034012,
  keyboard: 304057,
  url: 40054010,
  media: 40034004,
  passive: 40034128,
  proactive: 40034105
}

/**
 * The next message, or stream, that has this trait is refused; others pass. Default code: `markdown` 40034012, `keyboard`
 * 304057, `url` 40054010, `media` 40034004, `passive` 40034128, `proactive` 40034105, `any` 40034006 (its content is blocked).
 * `errCode` is that code unless given, `status` 400.
 *
 * @since 0.1.0
 * @category messages
 */
export const refuseMessage = (
  of: MessageTrait,
  options: Partial<Omit<OptionsOf<"RefuseMessage">, "of">> = {}
): Fault => ({ _tag: "RefuseMessage", of, code: refusals[of], ...options })

/**
 * The next message with more than `limit` UTF-16 code units of text is refused as too long: 40054007.
 *
 * @since 0.1.0
 * @category messages
 */
export const refuseLonger = (
  limit: number,
  options: Partial<Omit<OptionsOf<"RefuseMessage">, "of" | "longerThan">> = {}
): Fault => ({ _tag: "RefuseMessage", of: "any", code: 40054007, longerThan: limit, ...options })

/**
 * The next PUT of a part breaks, and the store refuses every address of its upload from then on (403).
 *
 * @since 0.1.0
 * @category http
 */
export const deadLinks = (options: OptionsOf<"DeadLinks"> = {}): Fault => ({ _tag: "DeadLinks", ...options })

/**
 * Every token handed out so far is void.
 *
 * @since 0.1.0
 * @category http
 */
export const tokenRevoked: Fault = { _tag: "TokenRevoked" }

/**
 * The limiter refuses the next request for metadata.
 *
 * @since 0.1.0
 * @category http
 */
export const rateLimitMetadata = (options: OptionsOf<"RateLimitMetadata"> = {}): Fault => ({
  _tag: "RateLimitMetadata",
  ...options
})

/**
 * The caller's address is not on the allow-list, until {@link clear}.
 *
 * @since 0.1.0
 * @category http
 */
export const ipNotAllowed: Fault = { _tag: "IpNotAllowed" }

/**
 * The next message waits `after` milliseconds (default 1000) for its audit, which it passes or not; `never` waits for ever.
 *
 * @since 0.1.0
 * @category messages
 */
export const audit = (
  outcome: "pass" | "reject" | "never",
  options: Omit<OptionsOf<"Audit">, "outcome"> = {}
): Fault => ({
  _tag: "Audit",
  outcome,
  ...options
})

/**
 * Every timestamp of the platform is off by so many milliseconds, until {@link clear}.
 *
 * @since 0.1.0
 * @category http
 */
export const clockSkew = (by: number): Fault => ({ _tag: "ClockSkew", by })

/**
 * Takes back whatever waits or lasts. What has happened stays.
 *
 * @since 0.1.0
 * @category others
 */
export const clear: Fault = { _tag: "Clear" }
