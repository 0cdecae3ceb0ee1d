/**
 * Faults as JSON, for processes that inject them over HTTP.
 *
 * The shapes are those of the model's own faults. Two things cannot be said in JSON: an endless fault has
 * `"times": "Infinity"`, and a raw frame is text.
 *
 * @since 0.1.0
 */
import type { Fault } from "@effect-qq/core/testing"
import type * as Effect from "effect/Effect"
import type * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"

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
const status = Schema.Int.pipe(Schema.between(100, 599))
const closeCode = Schema.Int.pipe(Schema.between(1000, 4999))
const text = Schema.String.pipe(Schema.maxLength(1_000_000))

const ThenClose = Schema.Struct({
  code: closeCode,
  reason: absentOr(text),
  after: absentOr(Count)
})

const HttpFailure = Schema.Union(
  Schema.TaggedStruct("Status", {
    status,
    code: absentOr(Schema.Int),
    errCode: absentOr(Schema.Int),
    message: absentOr(text),
    retryAfter: absentOr(Count)
  }),
  Schema.TaggedStruct("Body", { status, body: text, contentType: absentOr(text) }),
  Schema.TaggedStruct("Reset", { accepted: Schema.Boolean }),
  Schema.TaggedStruct("Refused", {}),
  Schema.TaggedStruct("Hang", { accepted: Schema.Boolean }),
  Schema.TaggedStruct("Slow", { after: Count })
)

/**
 * The faults, as JSON.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Faults = Schema.Union(
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
  Schema.TaggedStruct("Raw", { ...connection, payload: text }),
  Schema.TaggedStruct("ServerHeartbeat", connection),
  Schema.TaggedStruct("Deafen", {}),
  Schema.TaggedStruct("ForgetSessions", {}),
  Schema.TaggedStruct("RefuseUpgrade", { ...times, status, retryAfter: absentOr(Count) }),
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
    endpoint: Schema.Literal(
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
    ),
    failure: HttpFailure
  }),
  Schema.TaggedStruct("RefuseMessage", {
    ...times,
    of: Schema.Literal("any", "markdown", "keyboard", "url", "media", "passive", "proactive"),
    code: Schema.Int,
    errCode: absentOr(Schema.Int),
    status: absentOr(status),
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
 * The faults that can be said in JSON: all of them.
 *
 * @since 0.1.0
 * @category models
 */
export type FaultTag = typeof Faults.Type._tag

/**
 * Reads a fault that was parsed from JSON. Numbers and texts in it are bounded; fields that no fault has are dropped.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decode: (input: unknown) => Effect.Effect<Fault.Fault, ParseResult.ParseError> =
  Schema.decodeUnknown(Faults)
