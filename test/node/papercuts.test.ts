/** What the command line says about a slip of the pen: one line, which says what to do. */
import { describe, it } from "@effect/vitest"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { assert } from "vitest"
import * as Commands from "../../packages/cli/src/commands/Commands.ts"
import * as PlainConsole from "../../packages/cli/src/commands/PlainConsole.ts"
import { record } from "./support/console.ts"

const terminal = { isTTY: true, hasColors: () => true }

/** What is printed, on either output, without empty lines. */
const printed = (
  words: ReadonlyArray<string>,
  environment: Record<string, string> = {},
  output: PlainConsole.Output = { isTTY: false }
) =>
  Effect.gen(function* () {
    const recorded = yield* record
    const exit = yield* Effect.exit(
      Commands.run({ version: "1.2.3", demo: Console.log("the demo ran") })(["node", "effect-qq", ...words]).pipe(
        Effect.tapError(Commands.report),
        PlainConsole.heeding({ out: output, error: output }),
        Effect.withConsole(recorded.console),
        Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(environment)))),
        Effect.provide(Layer.merge(NodeContext.layer, FetchHttpClient.layer))
      )
    )
    const text = [...recorded.out, ...recorded.error].join("\n")
    return { failed: exit._tag === "Failure", text, lines: text.split("\n").filter((line) => line.trim() !== "") }
  })

describe("one line about", () => {
  const slips: ReadonlyArray<readonly [ReadonlyArray<string>, Record<string, string>, RegExp]> = [
    [["say", "--user", "u", "hi", "--wait", "soon"], {}, /^--wait must be a whole number of seconds from 1 to 60$/],
    [["say", "--user", "u", "hi", "--wait", "0"], {}, /^--wait must be a whole number of seconds from 1 to 60$/],
    [["say", "--user", "u", "hi", "--wait", "61.5"], {}, /^--wait must be/],
    [["sandbox", "--port", "65536"], {}, /^--port must be a whole number from 0 to 65535$/],
    [["listen", "--count", "0"], {}, /^--count must be a whole number of events, 1 at least$/],
    [["listen", "--type", "GROUP_AT_MESAGE_CREATE"], {}, /did you mean GROUP_AT_MESSAGE_CREATE\?/],
    [["listen", "--type", "READY", "--type", "c2c_message_create"], {}, /did you mean C2C_MESSAGE_CREATE\?/],
    [["listen"], {}, /QQ_APP_ID and QQ_APP_SECRET are not set: .*effect-qq doctor/],
    [["send", "--to", "c2c:u", "--text", "x"], { QQ_APP_ID: "1" }, /QQ_APP_SECRET is not set: .*effect-qq doctor/],
    [["listen"], { QQ_APP_ID: "x", QQ_APP_SECRET: "s" }, /QQ_APP_ID must be the bot's numeric app id .*doctor/],
    [["listen"], { QQ_APP_ID: "1", QQ_APP_SECRET: "s", QQ_API_URL: "http://x" }, /QQ_TOKEN_URL must be set too/]
  ]
  it.live.each(slips.map(([words, environment, line]) => [words.join(" "), words, environment, line] as const))(
    "effect-qq %s",
    ([, words, environment, line]) =>
      Effect.gen(function* () {
        const { failed, lines } = yield* printed(words, environment)
        assert.isTrue(failed)
        assert.strictEqual(lines.length, 1, lines.join("\n"))
        assert.match(lines[0] ?? "", line)
      })
  )
})

describe("the help", () => {
  for (const command of ["demo", "sandbox", "say", "send", "doctor", "listen"]) {
    it.live(`of ${command} has examples`, () =>
      Effect.map(printed([command, "--help"]), ({ text }) => {
        assert.match(text, new RegExp(`Examples:\\n\\s*effect-qq ${command}`))
      })
    )
  }

  it.live("has the defaults", () =>
    Effect.gen(function* () {
      const { text } = yield* printed(["say", "--help"])
      assert.include(text, "(default: 10)")
      assert.include(text, "(default: 8787)")
    })
  )

  it.live("is coloured on a terminal, and not in a pipe nor where NO_COLOR is set", () =>
    Effect.gen(function* () {
      const escape = "\u001B["
      assert.include((yield* printed(["say", "--help"], {}, terminal)).text, escape)
      assert.notInclude((yield* printed(["say", "--help"])).text, escape)
      const colourless = { isTTY: true, hasColors: () => false }
      assert.notInclude((yield* printed(["say", "--help"], {}, colourless)).text, escape)
    })
  )
})
