/**
 * The events of the gateway as one union, told apart by `t`. Types that are not listed here pass as {@link Unknown}: a new
 * event of the platform is never an error.
 *
 * An event is the payload (`d`) with two fields added: `t`, which `_tag` gives too, and `envelope`, the frame it came in. The payload as it was on
 * the wire, unknown fields included, is `event.envelope.d`. An optional field that came with the wrong type is `null`; see
 * {@link decode}.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import type * as Schema from "effect/Schema"
import type { Frame } from "../gateway/Frame.ts"
import { Audio, Listener } from "./Audio.ts"
import { C2CMessage, GroupMessage } from "./ChatMessage.ts"
import * as Facts from "./Facts.ts"
import { Activity, AuditResult, Post, Reply, Thread } from "./Forum.ts"
import { JoinRequest, MemberChange } from "./GroupMember.ts"
import { Channel, Guild, Member } from "./Guild.ts"
import { Deletion, GuildMessage } from "./GuildMessage.ts"
import { Interaction } from "./Interaction.ts"
import * as MessageReader from "./MessageReader.ts"
import { MessageAudit } from "./MessageAudit.ts"
import * as MentionMarks from "../internal/MentionMarks.ts"
import { type Reader, reader } from "./Payload.ts"
import { Reaction } from "./Reaction.ts"
import { Ready as ReadyPayload } from "./Ready.ts"
import * as Scene from "./Scene.ts"
import { ChatEntry, FriendAddition, FriendRemoval, GroupChange, SubscriptionChange, UserConsent } from "./Relation.ts"

/**
 * The schemas of the payloads, by type. RESUMED has none: its payload is the empty string.
 *
 * Source: `interface-framework/event-emit.md` of the platform's documentation, and the pages that the families name.
 *
 * @since 0.1.0
 * @category schemas
 */
export const payloads = {
  READY: ReadyPayload,
  C2C_MESSAGE_CREATE: C2CMessage,
  GROUP_AT_MESSAGE_CREATE: GroupMessage,
  GROUP_MESSAGE_CREATE: GroupMessage,
  FRIEND_ADD: FriendAddition,
  FRIEND_DEL: FriendRemoval,
  C2C_MSG_REJECT: UserConsent,
  C2C_MSG_RECEIVE: UserConsent,
  GROUP_ADD_ROBOT: GroupChange,
  GROUP_DEL_ROBOT: GroupChange,
  GROUP_MSG_REJECT: GroupChange,
  GROUP_MSG_RECEIVE: GroupChange,
  GROUP_MEMBER_ADD: MemberChange,
  GROUP_MEMBER_REMOVE: MemberChange,
  GROUP_JOIN_REQUEST: JoinRequest,
  SUBSCRIBE_MESSAGE_STATUS: SubscriptionChange,
  ENTER_AIO: ChatEntry,
  INTERACTION_CREATE: Interaction,
  AT_MESSAGE_CREATE: GuildMessage,
  MESSAGE_CREATE: GuildMessage,
  DIRECT_MESSAGE_CREATE: GuildMessage,
  MESSAGE_DELETE: Deletion,
  PUBLIC_MESSAGE_DELETE: Deletion,
  DIRECT_MESSAGE_DELETE: Deletion,
  MESSAGE_AUDIT_PASS: MessageAudit,
  MESSAGE_AUDIT_REJECT: MessageAudit,
  MESSAGE_REACTION_ADD: Reaction,
  MESSAGE_REACTION_REMOVE: Reaction,
  GUILD_CREATE: Guild,
  GUILD_UPDATE: Guild,
  GUILD_DELETE: Guild,
  CHANNEL_CREATE: Channel,
  CHANNEL_UPDATE: Channel,
  CHANNEL_DELETE: Channel,
  GUILD_MEMBER_ADD: Member,
  GUILD_MEMBER_UPDATE: Member,
  GUILD_MEMBER_REMOVE: Member,
  FORUM_THREAD_CREATE: Thread,
  FORUM_THREAD_UPDATE: Thread,
  FORUM_THREAD_DELETE: Thread,
  FORUM_POST_CREATE: Post,
  FORUM_POST_DELETE: Post,
  FORUM_REPLY_CREATE: Reply,
  FORUM_REPLY_DELETE: Reply,
  FORUM_PUBLISH_AUDIT_RESULT: AuditResult,
  OPEN_FORUM_THREAD_CREATE: Activity,
  OPEN_FORUM_THREAD_UPDATE: Activity,
  OPEN_FORUM_THREAD_DELETE: Activity,
  OPEN_FORUM_POST_CREATE: Activity,
  OPEN_FORUM_POST_DELETE: Activity,
  OPEN_FORUM_REPLY_CREATE: Activity,
  OPEN_FORUM_REPLY_DELETE: Activity,
  AUDIO_START: Audio,
  AUDIO_FINISH: Audio,
  AUDIO_ON_MIC: Audio,
  AUDIO_OFF_MIC: Audio,
  AUDIO_OR_LIVE_CHANNEL_MEMBER_ENTER: Listener,
  AUDIO_OR_LIVE_CHANNEL_MEMBER_EXIT: Listener
} as const

/** What every event has besides its payload. */
interface Envelope<T extends string> {
  readonly t: T
  /** The same, for `Match.tag` and all else that tells values apart by it. Not enumerable: a copy of the fields has none. */
  readonly _tag: T
  /** The frame as it came; `envelope.id` is the `event_id`, `envelope.d` the payload of the wire. */
  readonly envelope: Frame
}

/** A message without text has empty text. */
type Payload<A> = "content" extends keyof A ? A & { readonly content: string } : A

type Known = {
  readonly [T in keyof typeof payloads]: Envelope<T> & Payload<Schema.Schema.Type<(typeof payloads)[T]>>
}

/**
 * A new session began.
 *
 * @since 0.1.0
 * @category models
 */
export type Ready = Known["READY"]

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
export type C2CMessageCreate = Known["C2C_MESSAGE_CREATE"]

/**
 * Somebody addressed the bot in a group.
 *
 * @since 0.1.0
 * @category models
 */
export type GroupAtMessageCreate = Known["GROUP_AT_MESSAGE_CREATE"]

/**
 * Somebody wrote in a group whose owner lets the bot read everything. The same message may come as
 * {@link GroupAtMessageCreate} too.
 *
 * @since 0.1.0
 * @category models
 */
export type GroupMessageCreate = Known["GROUP_MESSAGE_CREATE"]

/**
 * Somebody addressed the bot in a channel of a guild.
 *
 * @since 0.1.0
 * @category models
 */
export type AtMessageCreate = Known["AT_MESSAGE_CREATE"]

/**
 * Somebody wrote in a channel of a guild: bots of the private domain only. The same message may come as
 * {@link AtMessageCreate} too.
 *
 * @since 0.1.0
 * @category models
 */
export type MessageCreate = Known["MESSAGE_CREATE"]

/**
 * A member of a guild wrote to the bot in private.
 *
 * @since 0.1.0
 * @category models
 */
export type DirectMessageCreate = Known["DIRECT_MESSAGE_CREATE"]

/**
 * Somebody used a button, a menu or a setting of the bot.
 *
 * @since 0.1.0
 * @category models
 */
export type InteractionCreate = Known["INTERACTION_CREATE"]

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
export type Event = Known[keyof Known] | Gap | Resumed | Unknown

/**
 * Any event that is a message somebody wrote. `MessageView.of` shows all of them in one form.
 *
 * @since 0.1.0
 * @category models
 */
export type MessageEvent =
  | C2CMessageCreate
  | GroupAtMessageCreate
  | GroupMessageCreate
  | AtMessageCreate
  | MessageCreate
  | DirectMessageCreate

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
 * @example
 * ```ts
 * import type { Event } from "@effect-qq/core"
 *
 * const greeting = (event: Event.EventOf<"FRIEND_ADD">) => `welcome, ${event.nick ?? event.openid}`
 * ```
 *
 * @since 0.1.0
 * @category models
 */
export type EventOf<T extends EventType> = Extract<Event, { readonly t: T }>

/** A message without text has empty text: seeing to that here costs less than a default in the schema. */
const message =
  (read: Reader, take: (payload: unknown, event: object) => boolean = () => false): Reader =>
  (payload, event: { content?: string | null }) => {
    const problem = take(payload, event) ? undefined : read(payload, event)
    if (problem === undefined) event.content = MentionMarks.strip(event.content ?? "")
    return problem
  }

const plain = new Map([
  ["C2C_MESSAGE_CREATE", MessageReader.takeC2C],
  ["GROUP_AT_MESSAGE_CREATE", MessageReader.takeGroup],
  ["GROUP_MESSAGE_CREATE", MessageReader.takeGroup]
])

const readers: ReadonlyMap<string, Reader> = new Map([
  ...Object.entries(payloads).map(([type, schema]): [string, Reader] => [
    type,
    Scene.ofMessages.has(type) ? message(reader(schema), plain.get(type)) : reader(schema)
  ]),
  // its payload is the empty string, and would be nothing to read if it were not
  ["RESUMED", () => undefined]
])

/**
 * Whether there is a schema for this event type.
 *
 * @since 0.1.0
 * @category guards
 */
export const isKnown = (type: string | undefined): boolean => type !== undefined && readers.has(type)

/**
 * Whether an event is a message that somebody wrote.
 *
 * @since 0.1.0
 * @category guards
 */
export const isMessage = (event: Event): event is MessageEvent => Scene.ofMessages.has(event.t)

/**
 * Makes an event of a dispatch. Fails when a payload of a known type lacks what every event of that type has.
 *
 * Where a payload is not as its schema says, a number is read as text and decimal digits are read as a number, if that is
 * what belongs there; an optional field of any other wrong type is `null`. An id that came as a JSON number above 2^53 had
 * lost its last digits before.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decode = (frame: Frame): Either.Either<Event, ParseResult.ParseError> => {
  const event = decoderOf(frame.t ?? "")(frame)
  return event instanceof ParseResult.ParseError ? Either.left(event) : Either.right(event)
}

/**
 * As {@link decode}, for the dispatches of one type, which is looked up once.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decoderOf = (type: string): ((frame: Frame) => Event | ParseResult.ParseError) => {
  const read = readers.get(type)
  const t = read === undefined ? "Unknown" : type
  // not enumerable: the fields of an event are those of its payload, `t` and `envelope`
  const tag = { value: t }
  return (frame) => {
    const event = Object.defineProperty<unknown>({ t, envelope: frame }, "_tag", tag) as Envelope<string>
    // the reader of a type gives an event what is of its type
    return read?.(frame.d, event) ?? (event as Event)
  }
}

/**
 * Makes the event that tells of a gap.
 *
 * @since 0.1.0
 * @category constructors
 */
export const gap = (facts: Omit<Gap, "_tag" | "t" | "envelope">): Gap =>
  Object.defineProperty<unknown>({ ...facts, t: "Gap", envelope: { op: 0, t: "Gap", d: facts } }, "_tag", {
    value: "Gap"
  }) as Gap

/**
 * The dispatch that an event came in: decoding loses nothing.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encode = (event: Event): Frame => event.envelope

/**
 * Where an event happened, which orders events: those of one place are handled one after another, see {@link queueKey}. The
 * conversation where there is one, else the guild, else the type.
 *
 * @since 0.1.0
 * @category lookups
 */
export const orderKey = (frame: Frame): string => {
  const { place, target } = Facts.of(frame)
  return `${place}:${target}`
}

/**
 * The queue in which an event waits for its handlers. That of {@link orderKey}, but interactions have queues of their own: the
 * press of a button may be what a running handler waits for.
 *
 * @since 0.1.0
 * @category lookups
 */
export const queueKey = (frame: Frame): string =>
  frame.t === "INTERACTION_CREATE" ? `interaction:${orderKey(frame)}` : orderKey(frame)

/**
 * What tells that two dispatches are the same event: the scene and message id of a message, so that the twins of one
 * message have one key; the event id of anything else. `undefined`: never the same as another.
 *
 * @since 0.1.0
 * @category lookups
 */
export const identityKey = (frame: Frame): string | undefined => {
  const { id, namespace } = Facts.of(frame)
  return id === undefined ? undefined : `${namespace}:${id}`
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
export const isByBot = (frame: Frame): boolean => Facts.of(frame).isByBot
