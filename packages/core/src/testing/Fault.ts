/**
 * What can go wrong with the platform, to be injected into a model of it. A fault is declared here, once: its type, its JSON
 * and its constructor. Times are in milliseconds. Faults that wait happen once unless `times` says otherwise; `Infinity`
 * lasts until {@link clear}.
 *
 * A fault is data: it happens at once or waits for the moment that it names; none is a matter of chance. Faults of
 * connections that are open now do nothing when there is none.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as Frame from "../gateway/Frame.ts"

const Count = Schema.NonNegativeInt

const Times = Schema.Union(
  Count,
  Schema.transform(Schema.Literal("Infinity"), Schema.Number, {
    strict: true,
    decode: () => Number.POSITIVE_INFINITY,
    encode: () => "Infinity" as const
  })
)

const absentOr = <A, I>(schema: Schema.Schema<A, I>): Schema.optionalWith<Schema.Schema<A, I>, { exact: true }> =>
  Schema.optionalWith(schema, { exact: true })

/** What one text can hold. */
const largestFrame = 256 * 1024 * 1024

const times = { times: absentOr(Times) }
const connection = { connection: absentOr(Count) }
const httpStatus = Schema.Int.pipe(Schema.between(100, 599))
const closeCode = Schema.Int.pipe(Schema.between(1000, 4999))
const text = Schema.String.pipe(Schema.maxLength(1_000_000))

const ThenClose = Schema.Struct({
  code: closeCode,
  reason: absentOr(text),
  after: absentOr(Count)
})

/**
 * A close frame that follows something, `after` milliseconds later (default 0).
 *
 * @since 0.1.0
 * @category models
 */
export type ThenClose = typeof ThenClose.Type

const HttpFailure = Schema.Union(
  Schema.TaggedStruct("Status", {
    status: httpStatus,
    code: absentOr(Schema.Int),
    errCode: absentOr(Schema.Int),
    message: absentOr(text),
    retryAfter: absentOr(Count)
  }),
  Schema.TaggedStruct("Body", { status: httpStatus, body: text, contentType: absentOr(text) }),
  Schema.TaggedStruct("Reset", { accepted: Schema.Boolean }),
  Schema.TaggedStruct("Refused", {}),
  Schema.TaggedStruct("Hang", { accepted: Schema.Boolean }),
  Schema.TaggedStruct("Slow", { after: Count })
)

/**
 * How an HTTP request goes wrong.
 *
 * - `Status`: an error with the platform's own body; without `code` and `message` the body is empty.
 * - `Body`: this body, whatever it is: HTML of the edge, `null`, `{}`, nothing.
 * - `Reset`: the connection breaks; `accepted` says whether the platform did what was asked before.
 * - `Refused`: there is no connection at all, so the platform surely did nothing.
 * - `Hang`: no answer ever; `accepted` as above.
 * - `Slow`: the right answer, `after` milliseconds late.
 *
 * @since 0.1.0
 * @category models
 */
export type HttpFailure = typeof HttpFailure.Type

const Endpoint = Schema.Literal(
  "token",
  "metadata",
  "send",
  "upload",
  "prepare",
  "part",
  "finish",
  "stream",
  "recall",
  "interaction",
  "any"
)

/**
 * Which HTTP requests a fault strikes: the token endpoint, `GET /gateway` and `GET /gateway/bot`, the sending of messages
 * (not their recall), the upload of files, the parts of streams, recalls, the acknowledgement of interactions, or any request
 * at all. Of an upload in parts: `prepare` is its beginning, `part` the PUT of a part, `finish` the word that a part is there,
 * and `upload` its end.
 *
 * @since 0.1.0
 * @category models
 */
export type Endpoint = typeof Endpoint.Type

const MessageTrait = Schema.Literal("any", "markdown", "keyboard", "url", "media", "passive", "proactive")

/**
 * What a message holds or is, for faults that refuse only such messages. `url`: a URL in its text or markdown.
 *
 * @since 0.1.0
 * @category models
 */
export type MessageTrait = typeof MessageTrait.Type

/**
 * One fault. Where `connection` is absent, all open connections are meant.
 *
 * Connections that are open now:
 * - `Drop`: TCP breaks. The session lives.
 * - `Freeze`: half open. Nothing goes in or out any more, and the platform does not see the client leave.
 * - `StopAcks`: these connections' heartbeats are not answered any more, or not for the next `beats` of them.
 * - `DelayAcks`: every heartbeat of these connections is answered `by` milliseconds late.
 * - `Reconnect`: op 7, and a close frame later if the client is slow to leave.
 * - `InvalidSession`: op 9. `resumable: false` ends the session.
 * - `Close`: a close frame. The session ends if the table of close codes says that it cannot be resumed.
 * - `Raw`: a frame with this text, or these bytes, as it is. See the constructors for the usual ones.
 * - `ServerHeartbeat`: op 1 from the server.
 * - `Deafen`: the living sessions get no event any more, while everything else looks well, resumes included. Source:
 *   bot-docs#191.
 * - `ForgetSessions`: the living sessions end without a word; a resume of them is refused.
 *
 * The next connections:
 * - `RefuseUpgrade`, `Unreachable`, `SilentUpgrade`: no socket.
 * - `AcceptThenClose`: closed with `code`, or broken without one, `after` milliseconds behind a `moment`.
 * - `NoHello`: the socket opens and nothing follows.
 * - `Hello`: HELLO with any value as its interval.
 * - `RefuseResumes`, `RefuseIdentifies`: op 9 `d: false` (unless `invalidSession` is false), then a close frame if `code` is
 *   there. A refused session is gone.
 * - `ReadyForResumes`: READY of another session in answer to a resume; the session asked for is gone, nothing is replayed.
 * - `IgnoreResumes`, `IgnoreIdentifies`: no answer, ever.
 *
 * The next dispatches:
 * - `Duplicate`: sent twice, with the same sequence number or, with `fresh`, a new one.
 * - `Twin`: a group message to the bot comes as GROUP_AT_MESSAGE_CREATE and as GROUP_MESSAGE_CREATE.
 * - `Reorder`: held back until the next one was sent, or for `within` milliseconds.
 * - `SkipSequence`: the sequence number jumps; nothing is lost.
 * - `Swell`: its frame is larger by `size` characters, every time that it is sent.
 * - `ReplayMore`: the next resume replays up to `events` events that the client has had already.
 *
 * HTTP and the rest:
 * - `Http`: see {@link HttpFailure}.
 * - `RefuseMessage`: the next message, or stream, with this trait, and with more than `longerThan` UTF-16 code units of text
 *   where that is given, is refused with this code. Others pass. `status` is 400 unless given.
 * - `DeadLinks`: the next PUT of a part breaks, and the store refuses every address of its upload from then on (403).
 * - `TokenRevoked`: every token handed out so far is void.
 * - `RateLimitMetadata`: the metadata limiter refuses the next `times` requests.
 * - `IpNotAllowed`: the caller's address is not on the allow-list: 11298 for every request but the token's, op 9 and 4924
 *   for an identify or a resume. Until `Clear`.
 * - `Audit`: messages are taken, but wait `after` milliseconds for a decision, which comes as MESSAGE_AUDIT_*, or never does.
 *   `status` is that of the answer: 202 unless given; 200 and 201 were seen too.
 * - `ClockSkew`: every timestamp the platform writes is off by this many milliseconds. Until `Clear`.
 * - `Clear`: takes back whatever waits or lasts. What has happened stays.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Fault = Schema.Union(
  Schema.TaggedStruct("Drop", connection),
  Schema.TaggedStruct("Freeze", connection),
  Schema.TaggedStruct("StopAcks", { ...connection, beats: absentOr(Count) }),
  Schema.TaggedStruct("DelayAcks", { ...connection, by: Count }),
  Schema.TaggedStruct("Reconnect", { ...connection, thenClose: absentOr(ThenClose) }),
  Schema.TaggedStruct("InvalidSession", {
    ...connection,
    resumable: Schema.Boolean,
    thenClose: absentOr(ThenClose)
  }),
  Schema.TaggedStruct("Close", { ...connection, code: closeCode, reason: absentOr(text) }),
  Schema.TaggedStruct("Raw", { ...connection, payload: Schema.Union(text, Schema.Uint8ArrayFromSelf) }),
  Schema.TaggedStruct("ServerHeartbeat", connection),
  Schema.TaggedStruct("Deafen", {}),
  Schema.TaggedStruct("ForgetSessions", {}),
  Schema.TaggedStruct("RefuseUpgrade", { ...times, status: httpStatus, retryAfter: absentOr(Count) }),
  Schema.TaggedStruct("Unreachable", times),
  Schema.TaggedStruct("SilentUpgrade", times),
  Schema.TaggedStruct("AcceptThenClose", {
    ...times,
    code: absentOr(closeCode),
    moment: absentOr(Schema.Literal("open", "hello", "ready")),
    after: absentOr(Count)
  }),
  Schema.TaggedStruct("NoHello", times),
  Schema.TaggedStruct("Hello", { ...times, value: Schema.Unknown }),
  Schema.TaggedStruct("RefuseResumes", {
    ...times,
    invalidSession: absentOr(Schema.Boolean),
    code: absentOr(closeCode)
  }),
  Schema.TaggedStruct("RefuseIdentifies", {
    ...times,
    invalidSession: absentOr(Schema.Boolean),
    code: absentOr(closeCode)
  }),
  Schema.TaggedStruct("ReadyForResumes", times),
  Schema.TaggedStruct("IgnoreResumes", times),
  Schema.TaggedStruct("IgnoreIdentifies", times),
  Schema.TaggedStruct("Duplicate", { ...times, fresh: absentOr(Schema.Boolean) }),
  Schema.TaggedStruct("Twin", times),
  Schema.TaggedStruct("Reorder", { ...times, within: absentOr(Count) }),
  Schema.TaggedStruct("SkipSequence", { ...times, by: absentOr(Count) }),
  Schema.TaggedStruct("Swell", { ...times, size: Schema.Int.pipe(Schema.between(0, largestFrame)) }),
  Schema.TaggedStruct("DeadLinks", times),
  Schema.TaggedStruct("ReplayMore", { ...times, events: Count }),
  Schema.TaggedStruct("Http", {
    ...times,
    endpoint: Endpoint,
    failure: HttpFailure
  }),
  Schema.TaggedStruct("RefuseMessage", {
    ...times,
    of: MessageTrait,
    code: Schema.Int,
    errCode: absentOr(Schema.Int),
    status: absentOr(httpStatus),
    message: absentOr(text),
    longerThan: absentOr(Count)
  }),
  Schema.TaggedStruct("TokenRevoked", {}),
  Schema.TaggedStruct("RateLimitMetadata", times),
  Schema.TaggedStruct("IpNotAllowed", {}),
  Schema.TaggedStruct("Audit", {
    ...times,
    outcome: Schema.Literal("pass", "reject", "never"),
    after: absentOr(Count),
    status: absentOr(Schema.Literal(200, 201, 202))
  }),
  Schema.TaggedStruct("ClockSkew", { by: Schema.Int }),
  Schema.TaggedStruct("Clear", {})
)

/**
 * One fault: see the schema of the same name.
 *
 * @since 0.1.0
 * @category models
 */
export type Fault = typeof Fault.Type

/**
 * Reads a fault that was parsed from JSON. Numbers and texts in it are bounded; fields that no fault has are dropped. Two
 * things are written otherwise than in a program: an endless fault has `"times": "Infinity"`, and a raw frame is text.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decode: (input: unknown) => Effect.Effect<Fault, ParseResult.ParseError> = Schema.decodeUnknown(Fault)

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
 * Sends a frame of `size` characters of text; the default is one more than a client reads.
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
 * Every timestamp of the platform is off by this many milliseconds, until {@link clear}.
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
