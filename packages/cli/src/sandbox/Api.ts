/**
 * The API by which other programs and the page control a sandbox: an `HttpApi`, and the feed of its changes.
 *
 * | request | body | answer |
 * | --- | --- | --- |
 * | `POST /sandbox/say` | {@link SayRequest}, with `wait` | `{id, answers}` |
 * | `POST /sandbox/press` | {@link PressRequest} | what the button did |
 * | `POST /sandbox/fault` | a fault, such as `{"_tag": "Reconnect"}` | `{}` |
 * | `POST /sandbox/files?name=…&type=…` | bytes | `{url}`, for `attachments` |
 * | `GET /sandbox/journal?last=1000` | | `{journal, sent}` |
 * | `GET /sandbox/state` | | {@link View.Snapshot} |
 * | `GET /sandbox/feed` | | server-sent events: each `data` is a {@link View.Change} |
 *
 * The rest arranges people, conversations and the address of a webhook. A request that cannot be done is answered with an error status and
 * `{"error": "one line"}`.
 *
 * @since 0.1.0
 */
import { Fault } from "@effect-qq/core/testing"
import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import * as Schema from "effect/Schema"
import * as View from "./View.ts"

/**
 * The request cannot be done, in one line.
 *
 * @since 0.1.0
 * @category errors
 */
export class Refused extends Schema.TaggedError<Refused>()(
  "SandboxRefused",
  { error: Schema.String },
  HttpApiSchema.annotations({ status: 400 })
) {
  override get message(): string {
    return this.error
  }
}

/** The longest wait for answers, in milliseconds. */
export const maximumWait = 60_000

const optional = <A, I>(schema: Schema.Schema<A, I>): Schema.optionalWith<Schema.Schema<A, I>, { exact: true }> =>
  Schema.optionalWith(schema, { exact: true })

const Text = Schema.String.pipe(Schema.maxLength(100_000))
const Name = Schema.String.pipe(Schema.minLength(1), Schema.maxLength(200))
const Title = Schema.String.pipe(Schema.maxLength(200))

const Attachment = Schema.Struct({
  url: Schema.String.pipe(Schema.maxLength(4096)),
  content_type: optional(Name),
  filename: optional(Name),
  size: optional(Schema.NonNegativeInt),
  width: optional(Schema.NonNegativeInt),
  height: optional(Schema.NonNegativeInt),
  voice_wav_url: optional(Schema.String.pipe(Schema.maxLength(4096))),
  asr_refer_text: optional(Text)
})

const besides = {
  text: Text,
  username: optional(Title),
  /** The id of the message that it quotes. */
  quote: optional(Name),
  attachments: optional(Schema.Array(Attachment).pipe(Schema.maxItems(10)))
}

const mentions = optional(
  Schema.Array(Schema.Struct({ id: Name, username: optional(Title) })).pipe(Schema.maxItems(100))
)

const Wait = Schema.Struct({
  /** How long to listen for answers, in milliseconds. Default 0: not at all. */
  wait: Schema.optionalWith(Schema.Number.pipe(Schema.between(0, maximumWait)), { default: () => 0 })
})

/**
 * Something that a user says. `full` says that the group lets the bot receive everything: `true` sends what addresses the bot
 * as two events, `"only"` as GROUP_MESSAGE_CREATE alone. Each of `mentions` takes the place of `@` and its id in the text.
 *
 * @since 0.1.0
 * @category models
 */
export const Said = Schema.Union(
  Schema.Struct({ scene: Schema.Literal("c2c"), user: Name, ...besides }),
  Schema.Struct({
    scene: Schema.Literal("group"),
    group: Name,
    member: Name,
    role: optional(View.Role),
    at: optional(Schema.Boolean),
    full: optional(Schema.Union(Schema.Boolean, Schema.Literal("only"))),
    mentions,
    ...besides
  }),
  Schema.Struct({
    scene: Schema.Literal("channel"),
    channel: Name,
    user: Name,
    guild: optional(Name),
    role: optional(View.Role),
    at: optional(Schema.Boolean),
    full: optional(Schema.Boolean),
    mentions,
    ...besides
  }),
  Schema.Struct({ scene: Schema.Literal("dm"), guild: Name, user: Name, ...besides })
)

/**
 * @since 0.1.0
 * @category models
 */
export const SayRequest = Schema.extend(Said, Wait)

/**
 * A button of a message, named by its id, its data or its label.
 *
 * @since 0.1.0
 * @category models
 */
export const PressRequest = Schema.Struct({
  message: Name,
  button: Schema.String.pipe(Schema.maxLength(1000)),
  user: Name,
  role: optional(View.Role)
})

/**
 * What a press of a button brought.
 *
 * @since 0.1.0
 * @category models
 */
export const Pressed = Schema.Union(
  Schema.TaggedStruct("Interaction", { interaction: Schema.String, event: Schema.String }),
  Schema.TaggedStruct("Command", { data: Schema.String, enter: Schema.Boolean, reply: Schema.Boolean }),
  Schema.TaggedStruct("Link", { url: Schema.String }),
  Schema.TaggedStruct("Refused", {
    because: Schema.Literal("NoMessage", "NoButton", "Permission", "Recalled"),
    tip: optional(Schema.String)
  })
)

/** The bot's message in the answer of a `say`; more fields are there for programs that want them. */
const Answer = Schema.Struct(
  { id: Schema.String, content: Schema.String, msgType: Schema.Number },
  {
    key: Schema.String,
    value: Schema.Unknown
  }
)

const ConversationPath = Schema.Struct({ key: Name })
const MemberPath = Schema.Struct({ key: Name, id: Name })
const Done = Schema.Struct({})

const talk = HttpApiGroup.make("talk")
  .add(
    HttpApiEndpoint.post("say", "/sandbox/say")
      .setPayload(SayRequest)
      .addSuccess(Schema.Struct({ id: Schema.String, answers: Schema.Array(Answer) }))
  )
  .add(HttpApiEndpoint.post("press", "/sandbox/press").setPayload(PressRequest).addSuccess(Pressed))
  .add(
    HttpApiEndpoint.post("upload", "/sandbox/files")
      .setUrlParams(Schema.Struct({ name: Name, type: Name }))
      .setPayload(HttpApiSchema.Uint8Array())
      .addSuccess(Schema.Struct({ url: Schema.String, size: Schema.Number }))
  )

const look = HttpApiGroup.make("look")
  .add(
    HttpApiEndpoint.get("journal", "/sandbox/journal")
      .setUrlParams(Schema.Struct({ last: Schema.optional(Schema.String) }))
      .addSuccess(Schema.Struct({ journal: Schema.Array(Schema.Unknown), sent: Schema.Array(Schema.Unknown) }))
  )
  .add(HttpApiEndpoint.get("state", "/sandbox/state").addSuccess(View.Snapshot))
  // Its answer is a stream of server-sent events, which its handler writes by itself.
  .add(
    HttpApiEndpoint.get("feed", "/sandbox/feed").addSuccess(HttpApiSchema.Text({ contentType: "text/event-stream" }))
  )

const arrange = HttpApiGroup.make("arrange")
  .add(HttpApiEndpoint.post("fault", "/sandbox/fault").setPayload(Fault.Fault).addSuccess(Done))
  .add(
    HttpApiEndpoint.put("person", "/sandbox/people/:id")
      .setPath(Schema.Struct({ id: Name }))
      .setPayload(Schema.Struct({ name: Title }))
      .addSuccess(Done)
  )
  .add(
    HttpApiEndpoint.del("removePerson", "/sandbox/people/:id")
      .setPath(Schema.Struct({ id: Name }))
      .addSuccess(Done)
  )
  .add(
    HttpApiEndpoint.put("conversation", "/sandbox/conversations/:key")
      .setPath(ConversationPath)
      .setPayload(Schema.Struct({ name: Title, full: Schema.Boolean }))
      .addSuccess(View.Conversation)
  )
  .add(
    HttpApiEndpoint.del("removeConversation", "/sandbox/conversations/:key").setPath(ConversationPath).addSuccess(Done)
  )
  .add(
    HttpApiEndpoint.put("member", "/sandbox/conversations/:key/members/:id")
      .setPath(MemberPath)
      .setPayload(Schema.Struct({ role: View.Role }))
      .addSuccess(Done)
  )
  .add(
    HttpApiEndpoint.del("removeMember", "/sandbox/conversations/:key/members/:id").setPath(MemberPath).addSuccess(Done)
  )
  .add(
    HttpApiEndpoint.put("webhook", "/sandbox/webhook")
      .setPayload(Schema.Struct({ url: Schema.NullOr(Schema.String.pipe(Schema.maxLength(2000))) }))
      .addSuccess(Done)
  )
  .add(HttpApiEndpoint.post("invite", "/sandbox/invitations").addSuccess(Schema.Struct({ url: Schema.String })))

/**
 * The API of a sandbox.
 *
 * @since 0.1.0
 * @category api
 */
export const Api = HttpApi.make("sandbox").add(talk).add(look).add(arrange).addError(Refused)

/**
 * The request of a client whose payload is one of several: the client's type has a request for each of them.
 *
 * @since 0.1.0
 * @category client
 */
export const withPayload = <A>(payload: A): A extends unknown ? { readonly payload: A } : never =>
  ({ payload }) as A extends unknown ? { readonly payload: A } : never
