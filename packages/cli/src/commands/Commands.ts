/**
 * The commands of `effect-qq`.
 *
 * @since 0.1.0
 */
import type { Gateway, GatewayError, SendError } from "@effect-qq/core"
import type { Journal } from "@effect-qq/core/testing"
import * as CliOptions from "@effect/cli/Options"
import * as Command from "@effect/cli/Command"
import type * as CliApp from "@effect/cli/CliApp"
import * as ValidationError from "@effect/cli/ValidationError"
import type { StateDirectory } from "@effect-qq/node"
import type { PlatformError } from "@effect/platform/Error"
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as Runtime from "@effect/platform/Runtime"
import * as Cause from "effect/Cause"
import * as ConfigError from "effect/ConfigError"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as Sandbox from "../sandbox/Sandbox.ts"
import * as Cluster from "./Cluster.ts"
import * as Doctor from "./Doctor.ts"
import * as ConfigProblem from "./ConfigProblem.ts"
import * as Listen from "./Listen.ts"
import * as Say from "./Say.ts"
import * as Numbers from "./Numbers.ts"
import * as Send from "./Send.ts"

const shellQuoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

const describeAnswer = (answer: { readonly content: string; readonly msgType: number }): string =>
  answer.content === "" ? `[a message of type ${answer.msgType} without text]` : Send.printable(answer.content)

const places: { readonly [Scene in Journal.Scene]: string } = {
  c2c: "user",
  group: "group",
  channel: "channel",
  dm: "the direct conversation of guild"
}

/** Windows of this length, with the counts of the platform. */
const withReplyWindow = (seconds: number): Sandbox.Options["platform"] => {
  const within = (replies: number) => ({ duration: seconds * 1000, replies })
  return { windows: { c2c: within(4), group: within(5), channel: within(Infinity), dm: within(Infinity) } }
}

const sandbox = Command.make(
  "sandbox",
  {
    port: Say.port.pipe(
      CliOptions.withDescription(
        `Port of 127.0.0.1 to listen on; 0 takes any free one (default: ${Sandbox.defaultPort})`
      )
    ),
    appId: CliOptions.text("app-id").pipe(
      CliOptions.withDescription("App id of the bot that may connect"),
      CliOptions.optional
    ),
    secret: CliOptions.redacted("secret").pipe(
      CliOptions.withDescription("Its secret; for the sandbox only, never a real one"),
      CliOptions.optional
    ),
    noPage: CliOptions.boolean("no-page").pipe(
      CliOptions.withDescription("Serve no page to talk with the bot in a browser")
    ),
    webhook: CliOptions.text("webhook").pipe(
      CliOptions.withDescription("Send every event to this address of the bot too, signed; the bot has to be there"),
      CliOptions.optional
    ),
    replyWindow: Numbers.whole("reply-window", { from: 0, to: 3600, unit: "seconds" }).pipe(
      CliOptions.withDescription("Seconds in which a message can be replied to (default: as on the platform)"),
      CliOptions.optional
    )
  },
  ({ appId, noPage, port, replyWindow, secret, webhook }) =>
    Effect.scoped(
      Effect.gen(function* () {
        // a bot that keeps its state across two sandboxes would take what is said in the second for what it knows
        const idsFrom = 100 * Math.floor((yield* Clock.currentTimeMillis) / 1000)
        const platform = yield* Sandbox.make({
          port,
          appId: Option.getOrUndefined(appId),
          secret: Option.getOrUndefined(secret),
          page: !noPage,
          platform: { idsFrom, ...Option.match(replyWindow, { onNone: () => ({}), onSome: withReplyWindow }) }
        })
        if (Option.isSome(webhook)) {
          const problem = yield* platform.webhook(webhook.value)
          if (problem !== undefined) return yield* new Send.Misused({ detail: problem })
        }
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
        // Prints a new address for the next browser, once this one was used.
        const pages = Stream.runForEach(platform.pageUrls, (url) =>
          Console.log(`# Or in a browser, with an address for each: ${url}`)
        )
        if (!noPage) yield* Effect.forkScoped(pages)
        return yield* Stream.runForEach(platform.sent, (message) =>
          Console.log(`# bot to ${places[message.scene]} ${Send.printable(message.target)}: ${describeAnswer(message)}`)
        )
      })
    )
).pipe(
  Command.withDescription(
    Send.withExamples("Runs the platform on this machine and prints how to connect to it", [
      "effect-qq sandbox",
      "effect-qq sandbox --port 0 --reply-window 10"
    ])
  )
)

/**
 * The settings of {@link run}.
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
 * The command line as a program: takes the whole `process.argv` and fails with the error of the command.
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
  | Say.NoAnswer
  | Say.NoSandbox
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
    Command.withDescription(
      Send.withExamples("Runs a bot against a sandbox, breaks its connection and shows how it recovers", [
        "effect-qq demo"
      ])
    )
  )
  const command = Command.make("effect-qq").pipe(
    Command.withDescription("Tools for QQ bots on effect-qq"),
    Command.withSubcommands([
      demo,
      sandbox,
      Say.say,
      Send.send,
      Doctor.doctor,
      Listen.listen,
      Cluster.runner,
      Cluster.bots
    ])
  )
  return Command.run(command, { name: "effect-qq", version: settings.version })
}

/**
 * Prints a failure on standard error: one line, and the facts if a message was not sent. Errors of the arguments and findings
 * of the doctor were printed before.
 *
 * @since 0.1.0
 * @category running
 */
export const report = (error: unknown): Effect.Effect<void> => {
  if (ValidationError.isValidationError(error) || error instanceof Doctor.Unwell) return Effect.void
  if (ConfigError.isConfigError(error)) return Console.error(`effect-qq: ${ConfigProblem.describe(error)}`)
  if (Send.isSendError(error)) return Console.error(Send.describeError(error))
  return Console.error(`effect-qq: ${Send.printable(error instanceof Error ? error.message : String(error))}`)
}

const exitCode = (error: unknown): number => (error instanceof Doctor.Unwell ? error.exitCode : Send.exitCode(error))

/**
 * The exit code: 0 on success or interruption, {@link Send.exitCodes} for a message that was not sent,
 * {@link Doctor.exitCodes} for a bot that is not well, 1 otherwise. For `NodeRuntime.runMain`.
 *
 * @since 0.1.0
 * @category running
 */
export const teardown: Runtime.Teardown = (exit, onExit) => {
  if (Exit.isSuccess(exit) || Cause.isInterruptedOnly(exit.cause)) return onExit(0)
  onExit(Option.match(Cause.failureOption(exit.cause), { onNone: () => 1, onSome: exitCode }))
}
