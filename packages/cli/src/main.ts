/**
 * The entry of the bin `effect-qq`. Exit code 0 when all went well; what the others mean is in the help of each command.
 *
 * @since 0.1.0
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Fs from "node:fs"
import * as Commands from "./commands/Commands.ts"
import * as PlainConsole from "./commands/PlainConsole.ts"

const Manifest = Schema.parseJson(Schema.Struct({ version: Schema.String }))

const version = Effect.flatMap(
  Effect.try(() => Fs.readFileSync(new URL("../package.json", import.meta.url), "utf8")),
  Schema.decodeUnknown(Manifest)
).pipe(
  Effect.map((manifest) => manifest.version),
  Effect.orDie
)

// Loaded on demand: no other command needs it.
const demo = Effect.flatMap(
  Effect.promise(() => import("./demo.ts")),
  (module) => module.demo
)

const program = Effect.flatMap(version, (version) => Commands.run({ version, demo })(process.argv)).pipe(
  Effect.tapError(Commands.report),
  // only the sandbox of this machine is asked with this client
  Effect.provide(Layer.merge(NodeContext.layer, FetchHttpClient.layer)),
  PlainConsole.heeding({ out: process.stdout, error: process.stderr }),
  Effect.tapDefect((cause) => Console.error(`effect-qq: a bug: ${Cause.pretty(cause)}`))
)

NodeRuntime.runMain(program, { disableErrorReporting: true, disablePrettyLogger: true, teardown: Commands.teardown })
