/**
 * The events of the gateway as one union, told apart by `t`. Types that are not listed here pass as {@link Unknown}: a new
 * event of the platform is never an error.
 *
 * An event is the payload (`d`) with two fields added: `t`, and `envelope`, the frame it came in. The payload as it was on
 * the wire, unknown fields included, is `event.envelope.d`. An optional field that came with the wrong type is `null`.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import type * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import type { Frame } from "../gateway/Frame.ts"

/** How a field that may be missing is read. */
type Optional = <A, I>(schema: Schema.Schema<A, I>) => Schema.optional<Schema.NullOr<Schema.Schema<A, I>>>

/** Absent, `null` and present are all seen on the wire. */
const strict: Optional = (schema) => Schema.optional(Schema.NullOr(schema))

/** What nobody may rely on must not cost the event: here a value of the wrong type is read as `null`. */
const lenient: Optional = (schema) =>
  Schema.optional(Schema.NullOr(schema).annotations({ decodingFallback: () => Either.right(null) }))

const authorOf = (optional: Optional) =>
  Schema.Struct({
    id: optional(Schema.String),
    username: optional(Schema.String),
    bot: optional(Schema.Boolean),
    union_openid: optional(Schema.String),
    /** Set in private chats. */
    user_openid: optional(Schema.String),
    /** Set in groups. */
    member_openid: optional(Schema.String),
    /** `member`, `admin` or `owner`, in groups. */
    member_role: optional(Schema.String)
  })

const attachmentOf = (optional: Optional) =>
  Schema.Struct({
    url: optional(Schema.String),
    filename: optional(Schema.String),
    content_type: optional(Schema.String),
    size: optional(Schema.Number),
    width: optional(Schema.Number),
    height: optional(Schema.Number),
    voice_wav_url: optional(Schema.String),
    asr_refer_text: optional(Schema.String)
  })

const sceneOf = (optional: Optional) =>
  Schema.Struct({
    source: optional(Schema.String),
    /** `key=value` strings: `msg_idx`, `ref_msg_idx`, `auth_token`. */
    ext: optional(Schema.Array(Schema.String))
  })

/** Absent or `null` on the wire is empty text in an event: `message` sees to that, which costs less than a default here. */
const content = strict(Schema.String)

const c2cMessageOf = (optional: Optional) =>
  Schema.Struct({
    /** The `msg_id` of a passive reply: valid for 60 minutes and 4 replies. */
    id: Schema.String,
    author: authorOf(optional),
    /** May be empty, or a single space, when there are only attachments. */
    content,
    timestamp: optional(Schema.String),
    /** 0 text, 3 ark card, 101 parallel messages, 102 chat record, 103 quote. */
    message_type: optional(Schema.Number),
    message_scene: optional(sceneOf(optional)),
    attachments: optional(Schema.Array(attachmentOf(optional))),
    msg_elements: optional(Schema.Array(Schema.Unknown)),
    ark_data: optional(Schema.Unknown)
  })

const groupMessageOf = (optional: Optional) =>
  Schema.Struct({
    /** The `msg_id` of a passive reply: valid for 5 minutes and 5 replies. */
    id: Schema.String,
    group_openid: Schema.String,
    author: authorOf(optional),
    /** Where the bot was addressed its mention is gone, which leaves a leading space. */
    content,
    timestamp: optional(Schema.String),
    message_type: optional(Schema.Number),
    message_scene: optional(sceneOf(optional)),
    attachments: optional(Schema.Array(attachmentOf(optional))),
    mentions: optional(Schema.Array(Schema.Unknown)),
    msg_elements: optional(Schema.Array(Schema.Unknown)),
    ark_data: optional(Schema.Unknown)
  })

const readyPayloadOf = (optional: Optional) =>
  Schema.Struct({
    session_id: Schema.String,
    version: optional(Schema.Number),
    user: optional(Schema.Struct({ id: optional(Schema.String), username: optional(Schema.String) })),
    shard: optional(Schema.Array(Schema.Number))
  })

/**
 * Whoever wrote a message.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Author: ReturnType<typeof authorOf> = authorOf(strict)

/**
 * A picture, film, voice message or file. `url` is signed and short-lived.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Attachment: ReturnType<typeof attachmentOf> = attachmentOf(strict)

/**
 * The payload of a message in a private chat.
 *
 * @since 0.1.0
 * @category schemas
 */
export const C2CMessage: ReturnType<typeof c2cMessageOf> = c2cMessageOf(strict)

/**
 * The payload of a message in a group.
 *
 * @since 0.1.0
 * @category schemas
 */
export const GroupMessage: ReturnType<typeof groupMessageOf> = groupMessageOf(strict)

/**
 * The payload of READY.
 *
 * @since 0.1.0
 * @category schemas
 */
export const ReadyPayload: ReturnType<typeof readyPayloadOf> = readyPayloadOf(strict)

/** What every event has besides its payload. */
interface Envelope<T extends string> {
  readonly t: T
  /** The frame as it came; `envelope.id` is the `event_id`, `envelope.d` the payload of the wire. */
  readonly envelope: Frame
}

/** A message without text has empty text. */
type WithContent<A> = Omit<A, "content"> & { readonly content: string }

/**
 * A new session began.
 *
 * @since 0.1.0
 * @category models
 */
export type Ready = Envelope<"READY"> & typeof ReadyPayload.Type

/**
 * A session goes on: everything that was missed has been replayed.
 *
 * @since 0.1.0
 * @category models
 */
export type Resumed = Envelope<"RESUMED">

/**
 * Somebody wrote to the bot in private.
 *
 * @since 0.1.0
 * @category models
 */
export type C2CMessageCreate = Envelope<"C2C_MESSAGE_CREATE"> & WithContent<typeof C2CMessage.Type>

/**
 * Somebody addressed the bot in a group.
 *
 * @since 0.1.0
 * @category models
 */
export type GroupAtMessageCreate = Envelope<"GROUP_AT_MESSAGE_CREATE"> & WithContent<typeof GroupMessage.Type>

/**
 * Somebody wrote in a group whose owner lets the bot read everything. The same message may come as
 * {@link GroupAtMessageCreate} too.
 *
 * @since 0.1.0
 * @category models
 */
export type GroupMessageCreate = Envelope<"GROUP_MESSAGE_CREATE"> & WithContent<typeof GroupMessage.Type>

/**
 * An event of a type that has no schema here; its type on the wire is `envelope.t`.
 *
 * @since 0.1.0
 * @category models
 */
export type Unknown = Envelope<"Unknown">

/**
 * Something may have been missed: a session was lost and replaced by another, and the platform neither keeps nor repeats
 * what happened in between. Not from the wire: the library says it, once, after the READY of the new session.
 *
 * @since 0.1.0
 * @category models
 */
export type Gap = Envelope<"Gap"> & {
  /** Up to here, in epoch milliseconds, everything was received for sure. */
  readonly from: number
  /** When the new session began, in epoch milliseconds. */
  readonly to: number
  /** The last sequence number received in the session that was lost. */
  readonly lastSeq: number
  readonly shard: readonly [index: number, count: number]
}

/**
 * Any event.
 *
 * @since 0.1.0
 * @category models
 */
export type Event = C2CMessageCreate | Gap | GroupAtMessageCreate | GroupMessageCreate | Ready | Resumed | Unknown

/**
 * Any event that is a message somebody wrote.
 *
 * @since 0.1.0
 * @category models
 */
export type MessageEvent = C2CMessageCreate | GroupAtMessageCreate | GroupMessageCreate

/**
 * The name of a kind of event.
 *
 * @since 0.1.0
 * @category models
 */
export type EventType = Event["t"]

/**
 * The events of the named kinds.
 *
 * @since 0.1.0
 * @category models
 */
export type EventOf<T extends EventType> = Extract<Event, { readonly t: T }>

type Decoder = (payload: unknown) => Either.Either<object, ParseResult.ParseError>

/** The lenient reading costs half as much again, so it is left for payloads that need it. */
const decoder = <A extends object, I>(schemaOf: (optional: Optional) => Schema.Schema<A, I>): Decoder => {
  const decodeStrictly = Schema.decodeUnknownEither(schemaOf(strict))
  const decodeLeniently = Schema.decodeUnknownEither(schemaOf(lenient))
  return (payload) => {
    const decoded = decodeStrictly(payload)
    return Either.isRight(decoded) ? decoded : decodeLeniently(payload)
  }
}

/** A message without text has empty text. */
const message =
  (decode: Decoder): Decoder =>
  (payload) => {
    const decoded = decode(payload)
    if (Either.isRight(decoded)) {
      const fields = decoded.right as { content?: string | null }
      fields.content ??= ""
    }
    return decoded
  }

const decoders: ReadonlyMap<string, Decoder> = new Map([
  ["C2C_MESSAGE_CREATE", message(decoder(c2cMessageOf))],
  ["GROUP_AT_MESSAGE_CREATE", message(decoder(groupMessageOf))],
  ["GROUP_MESSAGE_CREATE", message(decoder(groupMessageOf))],
  ["READY", decoder(readyPayloadOf)],
  // its payload is the empty string
  ["RESUMED", () => Either.right({})]
])

/**
 * Whether there is a schema for this event type.
 *
 * @since 0.1.0
 * @category guards
 */
export const isKnown = (type: string | undefined): boolean => type !== undefined && decoders.has(type)

/** The decoders make a new object for each event, which may therefore still be completed. */
const complete = (payload: object, t: string, envelope: Frame): Event => {
  const event = payload as { t: string; envelope: Frame }
  event.t = t
  event.envelope = envelope
  return event as Event
}

/**
 * Makes an event of a dispatch. Fails when a payload of a known type lacks what every event of that type has.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decode = (frame: Frame): Either.Either<Event, ParseResult.ParseError> => {
  const type = frame.t ?? ""
  const decodePayload = decoders.get(type)
  if (decodePayload === undefined) return Either.right(complete({}, "Unknown", frame))
  const payload = decodePayload(frame.d)
  return Either.isRight(payload) ? Either.right(complete(payload.right, type, frame)) : Either.left(payload.left)
}

/**
 * Makes the event that tells of a gap.
 *
 * @since 0.1.0
 * @category constructors
 */
export const gap = (facts: Omit<Gap, "t" | "envelope">): Gap => ({
  ...facts,
  t: "Gap",
  envelope: { op: 0, t: "Gap", d: facts }
})

const textField = (value: unknown, name: string): string | undefined => {
  if (typeof value !== "object" || value === null) return undefined
  const found = (value as Readonly<Record<string, unknown>>)[name]
  return typeof found === "string" && found !== "" ? found : typeof found === "number" ? String(found) : undefined
}

const author = (payload: unknown): unknown =>
  typeof payload === "object" && payload !== null ? (payload as { readonly author?: unknown }).author : undefined

/**
 * What orders events: those with the same key are handled one after another. The conversation where there is one,
 * else the guild, else the type.
 *
 * @since 0.1.0
 * @category lookups
 */
export const orderKey = (frame: Frame): string => {
  const payload = frame.d
  const group = textField(payload, "group_openid")
  if (group !== undefined) return `group:${group}`
  const channel = textField(payload, "channel_id")
  if (channel !== undefined) return `channel:${channel}`
  const guild = textField(payload, "guild_id")
  if (guild !== undefined) return `guild:${guild}`
  const user =
    textField(payload, "user_openid") ??
    textField(payload, "openid") ??
    textField(author(payload), "user_openid") ??
    textField(author(payload), "id")
  return user === undefined ? `type:${frame.t ?? ""}` : `c2c:${user}`
}

const messageScenes: ReadonlyMap<string, string> = new Map([
  ["C2C_MESSAGE_CREATE", "c2c"],
  ["GROUP_AT_MESSAGE_CREATE", "group"],
  ["GROUP_MESSAGE_CREATE", "group"],
  ["AT_MESSAGE_CREATE", "channel"],
  ["MESSAGE_CREATE", "channel"],
  ["DIRECT_MESSAGE_CREATE", "dm"]
])

/**
 * What tells that two dispatches are the same event: the scene and message id of a message, so that the twins of one
 * message have one key; the event id of anything else. `undefined`: never the same as another.
 *
 * @since 0.1.0
 * @category lookups
 */
export const identityKey = (frame: Frame): string | undefined => {
  const scene = messageScenes.get(frame.t ?? "")
  if (scene !== undefined) {
    const id = textField(frame.d, "id")
    if (id !== undefined) return `${scene}:${id}`
  }
  return frame.id === undefined || frame.id === "" ? undefined : `event:${frame.id}`
}

const twins: ReadonlyMap<string, string> = new Map(
  [
    ["GROUP_AT_MESSAGE_CREATE", "GROUP_MESSAGE_CREATE"],
    ["AT_MESSAGE_CREATE", "MESSAGE_CREATE"]
  ].flatMap(([one = "", other = ""]) => [
    [one, other],
    [other, one]
  ])
)

/**
 * The other type under which the same message may come: where the bot hears everything, one that addresses it comes as both.
 *
 * @since 0.1.0
 * @category lookups
 */
export const twinOf = (type: string | undefined): string | undefined => twins.get(type ?? "")

/**
 * Whether a message was written by a bot.
 *
 * @since 0.1.0
 * @category lookups
 */
export const isByBot = (frame: Frame): boolean => {
  if (!messageScenes.has(frame.t ?? "")) return false
  const written = author(frame.d)
  return typeof written === "object" && written !== null && (written as { readonly bot?: unknown }).bot === true
}
