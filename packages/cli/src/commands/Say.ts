/**
 * `effect-qq say`: sends a message to the bot in a sandbox, or presses one of its buttons, and prints the answers as they
 * arrive.
 *
 * @since 0.1.0
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as CliOptions from "@effect/cli/Options"
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as HttpApiClient from "@effect/platform/HttpApiClient"
import type { HttpApiDecodeError } from "@effect/platform/HttpApiError"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import * as Path from "@effect/platform/Path"
import * as Terminal from "@effect/platform/Terminal"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as ParseResult from "effect/ParseResult"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Api, type Refused, type SayRequest, withPayload } from "../sandbox/Api.ts"
import * as Sandbox from "../sandbox/Sandbox.ts"
import { Change, type Message, type Role } from "../sandbox/View.ts"
import * as Numbers from "./Numbers.ts"
import * as Send from "./Send.ts"

/**
 * Nothing listens on that port, or something that is no sandbox.
 *
 * @since 0.1.0
 * @category errors
 */
export class NoSandbox extends Schema.TaggedError<NoSandbox>()("NoSandbox", {
  port: Schema.Number,
  detail: Schema.String,
  cause: Schema.optional(Schema.Defect)
}) {
  override get message(): string {
    return `no sandbox answers on port ${this.port} (${this.detail}): start one with "effect-qq sandbox"`
  }
}

/**
 * The bot did not answer in time.
 *
 * @since 0.1.0
 * @category errors
 */
export class NoAnswer extends Schema.TaggedError<NoAnswer>()("NoAnswer", {
  wait: Schema.DurationFromSelf
}) {
  override get message(): string {
    return `no answer within ${Duration.format(this.wait)}: is a bot connected to this sandbox?`
  }
}

/** The options of the port, of this command and of `sandbox`. */
export const port = Numbers.whole("port", { from: 0, to: 65_535 }).pipe(CliOptions.withDefault(Sandbox.defaultPort))

/** After an answer, no activity for this long means that no other one follows. */
const quietAfterAnswer = Duration.millis(250)

/** How long a sandbox may take to answer. */
const patience = Duration.seconds(5)

/** The maximum number of buffered changes of the sandbox. */
const waiting = 1024

type Failure = HttpApiDecodeError | HttpClientError.HttpClientError | ParseResult.ParseError | Refused

/** Maps an error of the API to an error of the command. */
const explained =
  (at: number) =>
  <A, R>(effect: Effect.Effect<A, Failure, R>): Effect.Effect<A, NoSandbox | Send.Misused, R> =>
    effect.pipe(
      Effect.timeoutFail({
        duration: patience,
        onTimeout: () => new NoSandbox({ port: at, detail: "it did not answer" })
      }),
      Effect.catchTags({
        RequestError: (cause) => new NoSandbox({ port: at, detail: "it cannot be reached", cause }),
        ResponseError: (cause) =>
          new NoSandbox({ port: at, detail: `it answered with HTTP ${cause.response.status}`, cause }),
        ParseError: (cause) => new NoSandbox({ port: at, detail: "it answered something else", cause }),
        HttpApiDecodeError: (cause) => new NoSandbox({ port: at, detail: "it answered something else", cause }),
        SandboxRefused: ({ error }) => new Send.Misused({ detail: error })
      })
    )

const decodeChange = Schema.decodeUnknownOption(Schema.parseJson(Change))

/** The changes of a sandbox from now on. The first is the current state. */
const subscribe = (
  at: number
): Effect.Effect<Queue.Dequeue<Change>, NoSandbox | Send.Misused, HttpClient.HttpClient | Scope.Scope> =>
  Effect.gen(function* () {
    const client = HttpClient.filterStatusOk(yield* HttpClient.HttpClient)
    const response = yield* explained(at)(client.get(`http://127.0.0.1:${at}/sandbox/feed`))
    const changes = yield* Queue.bounded<Change>(waiting)
    yield* response.stream.pipe(
      Stream.decodeText(),
      Stream.splitLines,
      Stream.filterMap((line) => (line.startsWith("data: ") ? decodeChange(line.slice(6)) : Option.none())),
      Stream.runForEach((change) => Queue.offer(changes, change)),
      // the end of the sandbox is noticed as silence
      Effect.ignore,
      Effect.forkScoped
    )
    return changes
  })

/** What a message shows beside its text. */
const besides = ({ attachments, buttons, form, raw }: Message): ReadonlyArray<string> => [
  ...attachments.map(({ kind, name }) => `[${kind} ${name}]`),
  ...buttons.map((row) => row.map(({ label }) => `[${label}]`).join(" ")),
  ...(raw === undefined ? [] : [`[${form}] ${raw.replaceAll(/\s*\n\s*/g, " ")}`])
]

/** The text as users read it, with names in the place of ids. */
const readable = ({ mentions, text }: Message): string =>
  mentions.reduce((all, { id, name }) => all.replaceAll(`<@${id}>`, `@${name}`), text)

const describe = (message: Message): string => {
  const lines = [...(message.text === "" ? [] : [readable(message)]), ...besides(message)]
  return Send.printable(lines.length === 0 ? `[a message without text]` : lines.join("\n"))
}

/** Prints messages as they come and grow. */
const printer = (display: (text: string) => Effect.Effect<void>) => {
  /** The printed text of each unfinished stream. */
  const printed = new Map<string, string>()
  return (message: Message): Effect.Effect<void> => {
    const before = printed.get(message.id)
    if (message.recalledAt !== undefined) return Console.log("[recalled]")
    if (message.stream === undefined) {
      if (before !== undefined) return Effect.void
      printed.set(message.id, message.text)
      return Console.log(describe(message))
    }
    const grows = message.text.startsWith(before ?? "")
    const added = grows ? message.text.slice(before?.length ?? 0) : `\n${message.text}`
    printed.set(message.id, message.text)
    const end = message.stream === "done" ? `\n${besides(message).map(Send.printable).join("\n")}` : ""
    return display(`${Send.printable(added)}${end}`)
  }
}

/**
 * How long to wait for the next activity: until the bot stops typing, during a stream as long as for the first answer, and
 * after a complete answer only briefly.
 *
 * @since 0.1.0
 * @category waiting
 */
export const patienceFor = (of: {
  readonly answers: ReadonlyArray<Pick<Message, "stream">>
  /** Until when the bot is typing, in epoch milliseconds. */
  readonly typingUntil: number
  readonly now: number
  readonly wait: Duration.Duration
  /** How long after a whole answer another one may follow. Default: a moment. */
  readonly more?: Duration.Duration | undefined
}): Duration.Duration => {
  const isStreaming = of.answers.some(({ stream }) => stream === "generating")
  const usual = of.answers.length === 0 || isStreaming ? of.wait : (of.more ?? quietAfterAnswer)
  return Duration.max(usual, Duration.millis(Math.max(0, of.typingUntil - of.now)))
}

interface Following {
  readonly changes: Queue.Dequeue<Change>
  readonly key: string
  /** Whether a message is an answer. */
  readonly isAnswer: (message: Message) => boolean
  readonly wait: Duration.Duration
  readonly more: Duration.Duration | undefined
}

/**
 * Prints the answers as they arrive, while the bot types or streams, until nothing follows an answer. Returns the number of
 * answers.
 */
const follow = ({ changes, isAnswer, key, more, wait }: Following): Effect.Effect<number, never, Terminal.Terminal> =>
  Effect.gen(function* () {
    const terminal = yield* Terminal.Terminal
    const print = printer((text) => Effect.ignore(terminal.display(text)))
    const answers = new Map<string, Message>()
    let typingUntil = 0
    for (;;) {
      const now = yield* Clock.currentTimeMillis
      const limit = patienceFor({ answers: [...answers.values()], typingUntil, now, wait, more })
      const change = yield* Effect.timeoutOption(Queue.take(changes), limit)
      if (Option.isNone(change)) break
      const { value } = change
      if (value._tag === "Typing" && value.key === key) typingUntil = value.until
      if (value._tag !== "Item" || value.item._tag !== "Message") continue
      const { item } = value
      if (!item.by.isBot || item.key !== key || !(answers.has(item.id) || isAnswer(item))) continue
      answers.set(item.id, item)
      typingUntil = 0
      yield* print(item)
    }
    return answers.size
  })

const types: { readonly [extension: string]: string } = {
  ".png": "image/png",
  ".jpg": "image/jpeg",
  ".jpeg": "image/jpeg",
  ".gif": "image/gif"
}

/** The options of the command line. */
interface Wanted {
  readonly group: Option.Option<string>
  readonly user: Option.Option<string>
  readonly channel: Option.Option<string>
  readonly member: Option.Option<string>
  readonly role: Option.Option<Role>
  readonly mentions: ReadonlyArray<string>
  readonly full: boolean
}

interface Place {
  readonly key: string
  readonly speaker: string
  readonly said: (common: {
    readonly text: string
    readonly attachments?: ReadonlyArray<{
      readonly url: string
      readonly filename: string
      readonly content_type: string
      readonly size: number
    }>
  }) => typeof SayRequest.Type
}

/** The conversation and the user of the message. */
const placeOf = (wanted: Wanted): Effect.Effect<Place, Send.Misused> => {
  const { channel, full, group, member, mentions, role, user } = wanted
  const misused = (detail: string) => new Send.Misused({ detail })
  const named = mentions.length === 0 ? {} : { mentions: mentions.map((id) => ({ id })) }
  const as = Option.match(role, { onNone: () => ({}), onSome: (role) => ({ role }) })
  if (Option.isSome(group)) {
    if (Option.isSome(user) || Option.isSome(channel)) return misused("name one of --group, --channel and --user")
    const speaker = Option.getOrElse(member, () => "m1")
    return Effect.succeed({
      key: `group:${group.value}`,
      speaker,
      said: (common) => ({
        scene: "group",
        group: group.value,
        member: speaker,
        ...common,
        ...as,
        ...named,
        ...(full ? { full: "only" as const } : {}),
        wait: 0
      })
    })
  }
  if (Option.isSome(member)) return misused("--member belongs to --group")
  if (Option.isSome(channel)) {
    const speaker = Option.getOrElse(user, () => "u1")
    return Effect.succeed({
      key: `channel:${channel.value}`,
      speaker,
      said: (common) => ({
        scene: "channel",
        channel: channel.value,
        user: speaker,
        ...common,
        ...as,
        ...named,
        ...(full ? { full } : {}),
        wait: 0
      })
    })
  }
  if (Option.isNone(user)) return misused("name either --group or --user, or --channel")
  if (full) return misused("--full belongs to --group or --channel")
  if (Option.isSome(role)) return misused("--role belongs to --group or --channel")
  if (mentions.length > 0) return misused("--mention belongs to --group or --channel")
  return Effect.succeed({
    key: `c2c:${user.value}`,
    speaker: user.value,
    said: (common) => ({ scene: "c2c", user: user.value, ...common, wait: 0 })
  })
}

/** The picture as an attachment, which the bot can fetch from the sandbox. */
const attach = (
  at: number,
  file: string
): Effect.Effect<
  { readonly url: string; readonly filename: string; readonly content_type: string; readonly size: number },
  NoSandbox | PlatformError | Send.Misused,
  FileSystem.FileSystem | HttpClient.HttpClient | Path.Path
> =>
  Effect.gen(function* () {
    const paths = yield* Path.Path
    const type = types[paths.extname(file).toLowerCase()]
    if (type === undefined) return yield* new Send.Misused({ detail: "--image must be a .png, .jpg or .gif" })
    const bytes = yield* (yield* FileSystem.FileSystem).readFile(file)
    const name = paths.basename(file)
    const client = yield* HttpApiClient.make(Api, { baseUrl: `http://127.0.0.1:${at}` })
    const { size, url } = yield* explained(at)(client.talk.upload({ urlParams: { name, type }, payload: bytes }))
    return { url, filename: name, content_type: type, size }
  })

/** The bot's newest message with this button in a conversation, from the first change of the feed. */
const withButton = (first: Change, key: string, button: string): Effect.Effect<Message, Send.Misused> => {
  const items = first._tag === "Snapshot" ? first.snapshot.items : []
  const shown = items.findLast(
    (item): item is Message =>
      item._tag === "Message" &&
      item.key === key &&
      item.recalledAt === undefined &&
      item.buttons.flat().some(({ id, label }) => id === button || label === button)
  )
  return shown === undefined
    ? new Send.Misused({ detail: `no message of the bot in ${key} has a button ${button}` })
    : Effect.succeed(shown)
}

/** Presses a button. Returns the event that answers refer to; a button without callback has no answers. */
const pressed = (at: number, shown: Message, place: Place, wanted: Wanted, button: string) =>
  Effect.gen(function* () {
    const client = yield* HttpApiClient.make(Api, { baseUrl: `http://127.0.0.1:${at}` })
    const role = Option.getOrUndefined(wanted.role)
    const result = yield* explained(at)(
      client.talk.press({
        payload: { message: shown.id, button, user: place.speaker, ...(role === undefined ? {} : { role }) }
      })
    )
    switch (result._tag) {
      case "Interaction":
        return Option.some(result.event)
      case "Command":
        yield* Console.log(`[the button writes: ${Send.printable(result.data)}]`)
        return Option.none<string>()
      case "Link":
        yield* Console.log(`[the button opens: ${Send.printable(result.url)}]`)
        return Option.none<string>()
      case "Refused":
        return yield* new Send.Misused({
          detail: `the button is not for ${place.speaker}${result.tip === undefined ? "" : `: ${result.tip}`}`
        })
    }
  })

const speak = (at: number, place: Place, text: string, image: Option.Option<string>) =>
  Effect.gen(function* () {
    const attachments = Option.isSome(image) ? { attachments: [yield* attach(at, image.value)] } : {}
    const client = yield* HttpApiClient.make(Api, { baseUrl: `http://127.0.0.1:${at}` })
    const { id } = yield* explained(at)(client.talk.say(withPayload(place.said({ text, ...attachments }))))
    return id
  })

const options = {
  group: CliOptions.text("group").pipe(
    CliOptions.withDescription("Openid of the group to say it in; any text does"),
    CliOptions.optional
  ),
  channel: CliOptions.text("channel").pipe(
    CliOptions.withDescription("Id of the channel to say it in; any text does"),
    CliOptions.optional
  ),
  user: CliOptions.text("user").pipe(
    CliOptions.withDescription("Openid of the user who says it in private, or in --channel; any text does"),
    CliOptions.optional
  ),
  member: CliOptions.text("member").pipe(
    CliOptions.withDescription("Openid of the member who says it in the group (default: m1)"),
    CliOptions.optional
  ),
  role: CliOptions.choice("role", ["member", "admin", "owner"] as const).pipe(
    CliOptions.withDescription("What the speaker is in the group or the guild (default: member)"),
    CliOptions.optional
  ),
  mentions: CliOptions.text("mention").pipe(
    CliOptions.withDescription("Id of a user to mention: replaces @ID in the text, or is put before it"),
    CliOptions.repeated
  ),
  image: CliOptions.file("image", { exists: "yes" }).pipe(
    CliOptions.withDescription("A picture to send with it: a .png, .jpg or .gif"),
    CliOptions.optional
  ),
  press: CliOptions.text("press").pipe(
    CliOptions.withDescription(
      "Press this button of the bot's newest message that has it, instead of saying something"
    ),
    CliOptions.optional
  ),
  full: CliOptions.boolean("full").pipe(
    CliOptions.withDescription(
      "The bot receives everything: what addresses it is a GROUP_MESSAGE_CREATE, in a channel a MESSAGE_CREATE too"
    )
  ),
  port: port.pipe(CliOptions.withDescription(`Port of the sandbox (default: ${Sandbox.defaultPort})`)),
  wait: Numbers.whole("wait", { from: 1, to: 60, unit: "seconds" }).pipe(
    CliOptions.withDescription(
      "Seconds to wait for a sign of work: an answer, more of it, or a typing notice (default: 10)"
    ),
    CliOptions.withDefault(10)
  ),
  more: Numbers.whole("more", { from: 1, to: 60, unit: "seconds" }).pipe(
    CliOptions.withDescription("Seconds to wait for another answer after a whole one (default: a quarter of one)"),
    CliOptions.optional
  ),
  onlyId: CliOptions.boolean("id").pipe(
    CliOptions.withDescription("Print the id of what was said, for effect-qq send --reply-to, and wait for no answer")
  ),
  text: Args.text({ name: "text" }).pipe(Args.withDescription("What to say"), Args.optional)
}

/**
 * The command. Prints every answer as it comes and grows; fails with {@link NoAnswer} when there is none.
 *
 * @since 0.1.0
 * @category commands
 */
export const say = Command.make("say", options, ({ image, more, onlyId, port: at, press, text, wait, ...wanted }) =>
  Effect.gen(function* () {
    const place = yield* placeOf(wanted)
    if (Option.isSome(press) && (Option.isSome(text) || Option.isSome(image) || onlyId)) {
      return yield* new Send.Misused({ detail: "--press goes with neither a text, --image nor --id" })
    }
    if (Option.isNone(press) && Option.isNone(text) && Option.isNone(image)) {
      return yield* new Send.Misused({ detail: "name what to say, a picture with --image, or a button with --press" })
    }
    const words = Option.getOrElse(text, () => "")
    if (onlyId) return yield* Console.log(Send.printable(yield* speak(at, place, words, image)))
    const changes = yield* subscribe(at)
    const first = yield* explained(at)(Queue.take(changes))
    const anchor = Option.isSome(press)
      ? yield* pressed(at, yield* withButton(first, place.key, press.value), place, wanted, press.value)
      : Option.some(yield* speak(at, place, words, image))
    if (Option.isNone(anchor)) return
    const limit = Duration.seconds(wait)
    const isAnswer = ({ answers }: Message): boolean => answers === anchor.value || answers === undefined
    const count = yield* follow({
      changes,
      key: place.key,
      isAnswer,
      wait: limit,
      more: Option.getOrUndefined(Option.map(more, Duration.seconds))
    })
    if (count === 0) return yield* new NoAnswer({ wait: limit })
  }).pipe(Effect.scoped)
).pipe(
  Command.withDescription(
    Send.withExamples("Says something to the bot in a sandbox, or presses a button, and prints what it answers", [
      'effect-qq say --user u1 "hi"',
      'effect-qq say --group g1 --member m1 --role admin --wait 30 "/help"',
      "effect-qq say --group g1 --press Yes"
    ])
  )
)
