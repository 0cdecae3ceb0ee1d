/**
 * `effect-qq doctor`: why the bot of the environment does not come online, in lines or as JSON. The examination itself is
 * {@link module:Doctor}.
 *
 * @since 0.1.0
 */
import { Intents } from "@effect-qq/core"
import * as Command from "@effect/cli/Command"
import * as CliOptions from "@effect/cli/Options"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Doctor from "../Doctor.ts"
import * as Send from "./Send.ts"

/**
 * The exit code for each kind of problem. The first failure decides; warnings alone give 0.
 *
 * @since 0.1.0
 * @category constants
 */
export const exitCodes: { readonly [Problem in Doctor.Problem]: number } = {
  configuration: 20,
  credentials: 21,
  "allow-list": 22,
  "rate-limited": 23,
  unreachable: 24,
  platform: 25,
  clock: 26,
  identifies: 27,
  gateway: 28,
  intents: 29,
  state: 30
}

const meanings: { readonly [Problem in Doctor.Problem]: string } = {
  configuration: "a variable is missing or cannot be used",
  credentials: "the app id or the secret is wrong, or the bot is banned",
  "allow-list": "this machine's address is not on the bot's allow-list",
  "rate-limited": "the platform was asked too often",
  unreachable: "the platform, or the proxy, cannot be reached",
  platform: "the platform answers wrongly",
  clock: "this machine's clock is off by more than 5 minutes",
  identifies: "no identify is left",
  gateway: "the gateway refuses the WebSocket or says nothing usable",
  intents: "the gateway refuses the intents",
  state: "the state directory cannot be used"
}

/**
 * At least one check failed. The findings were printed before.
 *
 * @since 0.1.0
 * @category errors
 */
export class Unwell extends Schema.TaggedError<Unwell>()("Unwell", {
  exitCode: Schema.Number
}) {
  override get message(): string {
    return "not all is well"
  }
}

/**
 * The exit code for these findings.
 *
 * @since 0.1.0
 * @category lookups
 */
export const exitCode = (checks: ReadonlyArray<Doctor.Check>): number => {
  const problem = checks.find(({ status }) => status === "failure")?.problem
  return problem === undefined ? 0 : exitCodes[problem]
}

const width = "configuration".length

/**
 * One finding in a line, and its advice in another.
 *
 * @since 0.1.0
 * @category formatting
 */
export const describe = ({ advice, found, of, status }: Doctor.Check): string =>
  [
    `${status.padEnd(8)} ${of.padEnd(width)}  ${Send.line(found)}`,
    ...(advice === undefined ? [] : [`${" ".repeat(width + 11)}-> ${Send.line(advice)}`])
  ].join("\n")

const asJson = (checks: ReadonlyArray<Doctor.Check>): string => {
  const code = exitCode(checks)
  return Send.printable(JSON.stringify({ ok: code === 0, exitCode: code, checks }))
}

const codes = [
  "Exit codes, with it and without it; of several failures, that of the first:",
  " 0 all is well, but for warnings",
  ...Object.entries(exitCodes).map(([problem, code]) => `${code} ${meanings[problem as Doctor.Problem]}`),
  " 1 anything else"
].join("\n")

/**
 * A set of intents on the command line, as in `QQ_INTENTS`.
 *
 * @since 0.1.0
 * @category options
 */
export const intents: CliOptions.Options<Option.Option<Intents.Intents>> = CliOptions.text("intents").pipe(
  CliOptions.filterMap(
    (text) => Option.fromNullable(Intents.fromString(text)),
    "--intents must be a number, or names such as GROUP_AND_C2C_EVENT joined by commas"
  ),
  CliOptions.optional
)

/**
 * The command. Prints every finding; fails with {@link Unwell} if one is a failure.
 *
 * @since 0.1.0
 * @category commands
 */
export const doctor = Command.make(
  "doctor",
  {
    identify: CliOptions.boolean("identify").pipe(
      CliOptions.withDescription(
        "Identify with the intents too, which costs one identify of the day, and one for each intent where they are refused"
      )
    ),
    intents: intents.pipe(
      CliOptions.withDescription("The intents to identify with (default: QQ_INTENTS, else GROUP_AND_C2C_EVENT)")
    ),
    json: CliOptions.boolean("json").pipe(CliOptions.withDescription(`Print one line of JSON\n\n${codes}`))
  },
  Effect.fnUntraced(function* ({ identify, intents, json }) {
    if (Option.isSome(intents) && !identify) {
      return yield* new Send.Misused({ detail: "--intents belongs to --identify" })
    }
    const checks = yield* Doctor.examine({ identify, intents: Option.getOrUndefined(intents) }).pipe(
      // the checks contain the content of the logs
      Logger.withMinimumLogLevel(LogLevel.None)
    )
    yield* Console.log(json ? asJson(checks) : checks.map(describe).join("\n"))
    const code = exitCode(checks)
    if (code !== 0) return yield* new Unwell({ exitCode: code })
  })
).pipe(
  Command.withDescription(
    Send.withExamples("Tells what keeps the bot of QQ_APP_ID and QQ_APP_SECRET from coming online", [
      "effect-qq doctor",
      "effect-qq doctor --identify --intents GROUP_AND_C2C_EVENT,INTERACTION"
    ])
  )
)
