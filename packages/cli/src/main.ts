/**
 * The entry of the bin `effect-qq`. Exit code 0 when all went well; what the others mean is in the help of each command.
 *
 * @since 0.1.0
 */
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Fs from "node:fs"
import * as Commands from "./commands/Commands.ts"

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
  Effect.provide(Layer.merge(NodeContext.layer, NodeHttpClient.layerUndici))
)

NodeRuntime.runMain(program, { disableErrorReporting: true, disablePrettyLogger: true, teardown: Commands.teardown })
