/**
 * The commands of `effect-qq`.
 *
 * @since 0.1.0
 */
import type { Gateway, GatewayError, SendError } from "@effect-qq/core"
import type { Journal } from "@effect-qq/core/testing"
import * as Args from "@effect/cli/Args"
import * as CliOptions from "@effect/cli/Options"
import * as Command from "@effect/cli/Command"
import type * as CliApp from "@effect/cli/CliApp"
import * as ValidationError from "@effect/cli/ValidationError"
import type { StateDirectory } from "@effect-qq/node"
import type { PlatformError } from "@effect/platform/Error"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as Runtime from "@effect/platform/Runtime"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Cause from "effect/Cause"
import type * as ConfigError from "effect/ConfigError"
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Sandbox from "../sandbox/Sandbox.ts"
import * as Cluster from "./Cluster.ts"
import * as Doctor from "./Doctor.ts"
import * as Listen from "./Listen.ts"
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
 * The bot said nothing in time.
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

const shellQuoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

const describeAnswer = (answer: { readonly content: string; readonly msgType: number }): string =>
  answer.content === "" ? `[a message of type ${answer.msgType} without text]` : Send.printable(answer.content)

const places: { readonly [Scene in Journal.Scene]: string } = {
  c2c: "user",
  group: "group",
  channel: "channel",
  dm: "the direct conversation of guild"
}

const port = CliOptions.integer("port").pipe(
  CliOptions.withSchema(Schema.Int.pipe(Schema.between(0, 65_535))),
  CliOptions.withDefault(Sandbox.defaultPort)
)

/** Windows of this length, with the counts of the platform. */
const withReplyWindow = (seconds: number): Sandbox.Options["platform"] => {
  const within = (replies: number) => ({ duration: seconds * 1000, replies })
  return { windows: { c2c: within(4), group: within(5), channel: within(Infinity), dm: within(Infinity) } }
}

const sandbox = Command.make(
  "sandbox",
  {
    port: port.pipe(CliOptions.withDescription("Port of 127.0.0.1 to listen on; 0 takes any free one")),
    appId: CliOptions.text("app-id").pipe(
      CliOptions.withDescription("App id of the bot that may connect"),
      CliOptions.optional
    ),
    secret: CliOptions.redacted("secret").pipe(
      CliOptions.withDescription("Its secret; for the sandbox only, never a real one"),
      CliOptions.optional
    ),
    replyWindow: CliOptions.integer("reply-window").pipe(
      CliOptions.withDescription("Seconds in which a message can be replied to (default: as on the platform)"),
      CliOptions.withSchema(Schema.Int.pipe(Schema.between(0, 3600))),
      CliOptions.optional
    )
  },
  ({ appId, port, replyWindow, secret }) =>
    Effect.scoped(
      Effect.gen(function* () {
        const platform = yield* Sandbox.make({
          port,
          appId: Option.getOrUndefined(appId),
          secret: Option.getOrUndefined(secret),
          platform: Option.match(replyWindow, { onNone: () => ({}), onSome: withReplyWindow })
        })
        yield* Console.log(
          [
            `# A QQ platform for one bot, on this machine. End it with Ctrl-C.`,
            `export QQ_API_URL=${shellQuoted(platform.apiUrl)}`,
            `export QQ_TOKEN_URL=${shellQuoted(platform.tokenUrl)}`,
            `export QQ_APP_ID=${shellQuoted(platform.appId)}`,
            `export QQ_APP_SECRET=${shellQuoted(Redacted.value(platform.secret))}`,
            `# The gateway is ${platform.gatewayUrl}`,
            `# Talk to the bot: effect-qq say ${port === Sandbox.defaultPort ? "" : `--port ${platform.port} `}--user u1 "hi"`
          ].join("\n")
        )
        return yield* Stream.runForEach(platform.sent, (message) =>
          Console.log(`# bot to ${places[message.scene]} ${Send.printable(message.target)}: ${describeAnswer(message)}`)
        )
      })
    )
).pipe(Command.withDescription("Runs the platform on this machine and prints how to connect to it"))

const Exchange = Schema.Struct({
  id: Schema.String,
  answers: Schema.Array(Schema.Struct({ content: Schema.String, msgType: Schema.Number }))
})

/** Beyond the time that the bot has to answer. */
const patience = Duration.seconds(5)

const ask = (
  port: number,
  said: Readonly<Record<string, string>>,
  wait: Duration.Duration
): Effect.Effect<typeof Exchange.Type, NoSandbox, HttpClient.HttpClient> =>
  HttpClient.HttpClient.pipe(
    Effect.map(HttpClient.filterStatusOk),
    Effect.flatMap((client) =>
      client.post(`http://127.0.0.1:${port}/sandbox/say`, {
        body: HttpBody.unsafeJson({ ...said, wait: Duration.toMillis(wait) })
      })
    ),
    Effect.flatMap(HttpClientResponse.schemaBodyJson(Exchange)),
    Effect.timeout(Duration.sum(wait, patience)),
    Effect.catchTags({
      RequestError: (cause) => new NoSandbox({ port, detail: "it cannot be reached", cause }),
      ResponseError: (cause) =>
        new NoSandbox({ port, detail: `it answered with HTTP ${cause.response.status}`, cause }),
      ParseError: (cause) => new NoSandbox({ port, detail: "it answered something else", cause }),
      TimeoutException: (cause) => new NoSandbox({ port, detail: "it did not answer", cause })
    })
  )

const say = Command.make(
  "say",
  {
    group: CliOptions.text("group").pipe(
      CliOptions.withDescription("Openid of the group to say it in; any text does"),
      CliOptions.optional
    ),
    user: CliOptions.text("user").pipe(
      CliOptions.withDescription("Openid of the user who says it in private; any text does"),
      CliOptions.optional
    ),
    member: CliOptions.text("member").pipe(
      CliOptions.withDescription("Openid of the member who says it in the group (default: m1)"),
      CliOptions.optional
    ),
    full: CliOptions.boolean("full").pipe(
      CliOptions.withDescription(
        "The group lets the bot receive everything: what addresses it is a GROUP_MESSAGE_CREATE"
      )
    ),
    port: port.pipe(CliOptions.withDescription("Port of the sandbox")),
    wait: CliOptions.integer("wait").pipe(
      CliOptions.withDescription("Seconds to wait for an answer"),
      CliOptions.withSchema(Schema.Int.pipe(Schema.between(1, 60))),
      CliOptions.withDefault(10)
    ),
    onlyId: CliOptions.boolean("id").pipe(
      CliOptions.withDescription("Print the id of what was said, for effect-qq send --reply-to, and wait for no answer")
    ),
    text: Args.text({ name: "text" }).pipe(Args.withDescription("What to say"))
  },
  Effect.fnUntraced(function* ({ full, group, member, onlyId, port, text, user, wait }) {
    if (Option.isSome(group) === Option.isSome(user)) {
      return yield* new Send.Misused({ detail: "name either --group or --user" })
    }
    if (Option.isSome(user) && Option.isSome(member)) {
      return yield* new Send.Misused({ detail: "--member belongs to --group" })
    }
    if (Option.isSome(user) && full) return yield* new Send.Misused({ detail: "--full belongs to --group" })
    const said = Option.isSome(group)
      ? {
          scene: "group",
          group: group.value,
          member: Option.getOrElse(member, () => "m1"),
          text,
          ...(full ? { full: "only" } : {})
        }
      : { scene: "c2c", user: Option.getOrElse(user, () => ""), text }
    const limit = Duration.seconds(onlyId ? 0 : wait)
    const { answers, id } = yield* ask(port, said, limit)
    if (onlyId) return yield* Console.log(Send.printable(id))
    if (answers.length === 0) return yield* new NoAnswer({ wait: limit })
    yield* Effect.forEach(answers, (answer) => Console.log(describeAnswer(answer)), { discard: true })
  })
).pipe(Command.withDescription("Says something to the bot in a sandbox and prints what it answers"))

/**
 * What {@link run} is given from outside.
 *
 * @since 0.1.0
 * @category models
 */
export interface Settings<E, R> {
  /** Shown by `--version`. */
  readonly version: string
  /** What `effect-qq demo` does. */
  readonly demo: Effect.Effect<void, E, R>
}

/**
 * The command line as a program: takes the whole of `process.argv` and fails with what went wrong.
 *
 * @since 0.1.0
 * @category running
 */
export const run = <E, R>(
  settings: Settings<E, R>
): ((
  argv: ReadonlyArray<string>
) => Effect.Effect<
  void,
  | E
  | Cluster.ClusterFailed
  | ConfigError.ConfigError
  | NoAnswer
  | NoSandbox
  | Sandbox.SandboxError
  | Doctor.Unwell
  | GatewayError.GatewayStopped
  | Gateway.AlreadyRunning
  | PlatformError
  | Send.Misused
  | SendError.SendError
  | StateDirectory.StateDirectoryError
  | ValidationError.ValidationError,
  R | HttpClient.HttpClient | CliApp.CliApp.Environment
>) => {
  const demo = Command.make("demo", {}, () => settings.demo).pipe(
    Command.withDescription("Runs a bot against a sandbox, breaks its connection and shows how it recovers")
  )
  const command = Command.make("effect-qq").pipe(
    Command.withDescription("Tools for QQ bots on effect-qq"),
    Command.withSubcommands([demo, sandbox, say, Send.send, Doctor.doctor, Listen.listen, Cluster.runner, Cluster.bots])
  )
  return Command.run(command, { name: "effect-qq", version: settings.version })
}

/**
 * Prints a failure on standard error: one line, and a table of facts where a message was not sent. What is wrong with the
 * arguments was printed with the help already, and so was what is wrong with the bot.
 *
 * @since 0.1.0
 * @category running
 */
export const report = (error: unknown): Effect.Effect<void> => {
  if (ValidationError.isValidationError(error) || error instanceof Doctor.Unwell) return Effect.void
  if (Send.isSendError(error)) return Console.error(Send.describeError(error))
  return Console.error(`effect-qq: ${Send.printable(error instanceof Error ? error.message : String(error))}`)
}

const exitCode = (error: unknown): number => (error instanceof Doctor.Unwell ? error.exitCode : Send.exitCode(error))

/**
 * How the process ends: 0 when all went well or it was told to end, {@link Send.exitCodes} for a message that was not sent,
 * {@link Doctor.exitCodes} for a bot that is not well, 1 otherwise. For `NodeRuntime.runMain`.
 *
 * @since 0.1.0
 * @category running
 */
export const teardown: Runtime.Teardown = (exit, onExit) => {
  if (Exit.isSuccess(exit) || Cause.isInterruptedOnly(exit.cause)) return onExit(0)
  onExit(Option.match(Cause.failureOption(exit.cause), { onNone: () => 1, onSome: exitCode }))
}
