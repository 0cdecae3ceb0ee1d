/**
 * The state of a sandbox as its page shows it: people, conversations, messages, sessions and the journal, as schemas that the
 * page, the command line and the sandbox share.
 *
 * Times are in epoch milliseconds of the sandbox's clock.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

const optional = <A, I>(schema: Schema.Schema<A, I>): Schema.optionalWith<Schema.Schema<A, I>, { exact: true }> =>
  Schema.optionalWith(schema, { exact: true })

/** The conversations of the platform: private chat, group, channel of a guild, private chat of a guild. */
export const Scene = Schema.Literal("c2c", "group", "channel", "dm")
export type Scene = typeof Scene.Type

/** The role of a member in a group or a guild. */
export const Role = Schema.Literal("member", "admin", "owner")
export type Role = typeof Role.Type

export const Person = Schema.Struct({ id: Schema.String, name: Schema.String })
export type Person = typeof Person.Type

export const Member = Schema.Struct({
  id: Schema.String,
  role: Role,
  /** Until when the bot has muted the member. */
  mutedUntil: optional(Schema.String)
})
export type Member = typeof Member.Type

/** One conversation. `key` is its scene and its id, as in `group:g1`. */
export const Conversation = Schema.Struct({
  key: Schema.String,
  scene: Scene,
  id: Schema.String,
  name: Schema.String,
  /** Whether the bot receives all messages, and not only those that mention it. */
  full: Schema.Boolean,
  /** The users who can send messages here. */
  members: Schema.Array(Member)
})
export type Conversation = typeof Conversation.Type

export const Attachment = Schema.Struct({
  kind: Schema.Literal("image", "video", "voice", "file"),
  name: Schema.String,
  /** Of the sandbox itself where it has the bytes; elsewhere otherwise, or empty. */
  url: Schema.String,
  size: optional(Schema.Number)
})
export type Attachment = typeof Attachment.Type

export const Button = Schema.Struct({
  id: Schema.String,
  label: Schema.String,
  visitedLabel: Schema.String,
  /** 0 grey, 1 blue, 3 red, 4 filled. */
  style: Schema.Number,
  /** What it does: 0 opens an address, 1 calls the bot back, 2 writes a command. */
  type: Schema.Number
})
export type Button = typeof Button.Type

export const Author = Schema.Struct({
  id: Schema.String,
  name: Schema.String,
  isBot: Schema.Boolean,
  role: optional(Role)
})

/** The replies left for a message; `allowed` is null without a limit. */
export const Replies = Schema.Struct({
  used: Schema.Number,
  allowed: Schema.NullOr(Schema.Number),
  until: Schema.Number
})

/** A message of a user or of the bot. */
export const Message = Schema.TaggedStruct("Message", {
  n: Schema.Number,
  key: Schema.String,
  at: Schema.Number,
  id: Schema.String,
  by: Author,
  form: Schema.Literal("text", "markdown", "ark", "embed", "media"),
  text: Schema.String,
  attachments: Schema.Array(Attachment),
  buttons: Schema.Array(Schema.Array(Button)),
  /** The names of those it mentions, by id. */
  mentions: Schema.Array(Person),
  /** What it quotes. */
  quote: optional(Schema.Struct({ id: Schema.String, text: Schema.String })),
  /** Its content if that is not text: an ark or an embed, as JSON. */
  raw: optional(Schema.String),
  /** The message or the event that it answers. */
  answers: optional(Schema.String),
  sequence: optional(Schema.Number),
  stream: optional(Schema.Literal("generating", "done")),
  audit: optional(Schema.Literal("waiting", "rejected")),
  recalledAt: optional(Schema.Number),
  /** The types of the events that reported it to the bot; empty if there were none. */
  events: Schema.Array(Schema.String),
  replies: optional(Replies)
})
export type Message = typeof Message.Type

/** A message of the bot that the platform refused. */
export const Refused = Schema.TaggedStruct("Refused", {
  n: Schema.Number,
  key: Schema.String,
  at: Schema.Number,
  text: Schema.String,
  code: Schema.Number,
  status: Schema.Number,
  reason: Schema.String,
  /** How to fix it. */
  hint: Schema.String
})
export type Refused = typeof Refused.Type

/** An event of a conversation that is not a message. */
export const Notice = Schema.TaggedStruct("Notice", {
  n: Schema.Number,
  key: Schema.String,
  at: Schema.Number,
  what: Schema.Literal("Pressed", "Acknowledged", "AcknowledgedLate", "Joined", "Left"),
  who: Schema.String,
  detail: Schema.String
})
export type Notice = typeof Notice.Type

export const Item = Schema.Union(Message, Refused, Notice)
export type Item = typeof Item.Type

/** A line of the journal with everything that was on the wire: credentials are struck out, and what is long is cut. */
export const Trace = Schema.Union(
  Schema.TaggedStruct("Frame", {
    n: Schema.Number,
    at: Schema.Number,
    from: Schema.Literal("bot", "platform"),
    connection: Schema.Number,
    op: optional(Schema.Number),
    t: optional(Schema.String),
    s: optional(Schema.Number),
    size: Schema.Number,
    body: Schema.String
  }),
  Schema.TaggedStruct("Request", {
    n: Schema.Number,
    at: Schema.Number,
    method: Schema.String,
    path: Schema.String,
    outcome: Schema.Literal("Reply", "Reset", "Hang"),
    status: optional(Schema.Number),
    code: optional(Schema.Number),
    after: optional(Schema.Number),
    body: Schema.String,
    answer: Schema.String
  }),
  Schema.TaggedStruct("Call", {
    n: Schema.Number,
    at: Schema.Number,
    url: Schema.String,
    type: Schema.String,
    /** The HTTP status of each attempt. */
    statuses: Schema.Array(Schema.Number),
    acknowledged: Schema.Boolean,
    body: Schema.String,
    answer: Schema.String
  }),
  Schema.TaggedStruct("Note", {
    n: Schema.Number,
    at: Schema.Number,
    kind: Schema.String,
    title: Schema.String,
    body: Schema.String
  })
)
export type Trace = typeof Trace.Type

export const SessionView = Schema.Struct({
  id: Schema.String,
  shard: Schema.String,
  intents: Schema.Number,
  seq: Schema.Number,
  /** Events that a resume can still replay. */
  buffered: Schema.Number,
  isDeaf: Schema.Boolean,
  connection: optional(Schema.Number),
  /** When its last heartbeat came. */
  lastBeat: optional(Schema.Number),
  beats: Schema.Number
})
export type SessionView = typeof SessionView.Type

export const Status = Schema.Struct({
  sessions: Schema.Array(SessionView),
  connections: Schema.Number,
  /** In milliseconds, as HELLO names it. */
  heartbeatInterval: Schema.Number,
  identifies: Schema.Number,
  resumes: Schema.Number,
  violations: Schema.Number,
  lastEnd: optional(
    Schema.Struct({
      at: Schema.Number,
      by: Schema.String,
      code: optional(Schema.Number),
      meaning: optional(Schema.String)
    })
  ),
  /** The pending faults, and how often each will still happen; null means until cleared. */
  armed: Schema.Array(Schema.Struct({ name: Schema.String, left: Schema.NullOr(Schema.Number) })),
  /** The offset of the platform's clock, in milliseconds. */
  clockSkew: Schema.Number,
  ipNotAllowed: Schema.Boolean,
  /** The address that events are sent to, where the bot is called by webhook. */
  webhook: Schema.NullOr(Schema.String)
})
export type Status = typeof Status.Type

/** Everything, as it is now. */
export const Snapshot = Schema.Struct({
  bot: Schema.Struct({ id: Schema.String, name: Schema.String, appId: Schema.String }),
  apiUrl: Schema.String,
  now: Schema.Number,
  people: Schema.Array(Person),
  conversations: Schema.Array(Conversation),
  items: Schema.Array(Item),
  trace: Schema.Array(Trace),
  /** The codes that the platform closes a connection with. */
  closeCodes: Schema.Array(Schema.Struct({ code: Schema.Number, meaning: Schema.String })),
  status: Status
})
export type Snapshot = typeof Snapshot.Type

/** The elements of the feed, in order: the whole state first, then each change. */
export const Change = Schema.Union(
  Schema.TaggedStruct("Snapshot", { snapshot: Snapshot }),
  Schema.TaggedStruct("Item", { item: Item }),
  Schema.TaggedStruct("People", { people: Schema.Array(Person) }),
  Schema.TaggedStruct("Conversations", { conversations: Schema.Array(Conversation) }),
  Schema.TaggedStruct("Typing", { key: Schema.String, until: Schema.Number }),
  Schema.TaggedStruct("Trace", { trace: Schema.Array(Trace) }),
  Schema.TaggedStruct("Status", { status: Status, now: Schema.Number })
)
export type Change = typeof Change.Type
