/**
 * `effect-qq runner` and `effect-qq bots`: a machine of a cluster, and the table of its bots. They need `@effect-qq/cluster`,
 * which is installed only where these commands are used: it is loaded when one of them runs.
 *
 * The environment is `DATABASE_URL`; `EFFECT_QQ_SECRETS_KEY`, which encrypts the secrets in the table; and for a runner
 * `HTTPS_PROXY`, as for a bot.
 *
 * @since 0.1.0
 */
import type * as Library from "@effect-qq/cluster"
import { BotConfig, type Gateway, Intents } from "@effect-qq/core"
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as CliOptions from "@effect/cli/Options"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import type * as ConfigError from "effect/ConfigError"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Os from "node:os"
import * as Path from "node:path"
import * as Url from "node:url"
import * as Send from "./Send.ts"

/**
 * A command about a cluster could not do what it was asked to.
 *
 * @since 0.1.0
 * @category errors
 */
export class ClusterFailed extends Schema.TaggedError<ClusterFailed>()("ClusterFailed", {
  detail: Schema.String,
  cause: Schema.optional(Schema.Defect)
}) {
  override get message(): string {
    return this.detail
  }
}

type Cluster = typeof Library

const missing =
  "this command needs @effect-qq/cluster and its peers: npm install @effect-qq/cluster @effect/experimental @effect/workflow"

/** Loaded on demand: who runs no cluster does not install it. */
const cluster: Effect.Effect<Cluster, ClusterFailed> = Effect.tryPromise({
  try: () => import("@effect-qq/cluster"),
  catch: (cause) => new ClusterFailed({ detail: missing, cause })
})

/** One line, with what can be done about it. */
const described = (cause: unknown): ClusterFailed => {
  const message = cause instanceof Error ? cause.message : String(cause)
  const hint = Predicate.hasProperty(cause, "hint") && typeof cause.hint === "string" ? `; ${cause.hint}` : ""
  return new ClusterFailed({ detail: `${message}${hint}`, cause })
}

const failing = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, ClusterFailed, R> =>
  Effect.mapError(effect, described)

const databaseUrl = Config.redacted("DATABASE_URL")

const name = CliOptions.text("name").pipe(
  CliOptions.withDescription("The name of the cluster; a database that belongs to another one is refused"),
  CliOptions.withDefault("effect-qq")
)

const tcpPort = (option: string) =>
  CliOptions.integer(option).pipe(CliOptions.withSchema(Schema.Int.pipe(Schema.between(1, 65_535))))

/** What its default export is to be, as far as that can be seen: a Layer. What it needs and how it fails is its own affair. */
const isHandlers = (value: unknown): value is Layer.Layer<never, Error, Gateway.HandlerRegistry> => Layer.isLayer(value)

/** The layer of handlers that a module exports by default. */
const handlersOf = (file: string): Effect.Effect<Layer.Layer<never, Error, Gateway.HandlerRegistry>, ClusterFailed> =>
  Effect.gen(function* () {
    const url = Url.pathToFileURL(Path.resolve(file)).href
    const module = yield* Effect.tryPromise({
      try: () => import(url) as Promise<{ readonly default?: unknown }>,
      catch: (cause) => new ClusterFailed({ detail: `${file} cannot be loaded: ${String(cause)}`, cause })
    })
    const handlers = module.default
    if (!isHandlers(handlers)) {
      return yield* new ClusterFailed({ detail: `${file} must export a Layer of handlers as its default` })
    }
    return handlers
  })

/**
 * `effect-qq runner`: runs the bots of the table, together with the other runners of the same database, until it is told to
 * end.
 *
 * @since 0.1.0
 * @category commands
 */
export const runner = Command.make(
  "runner",
  {
    handlers: Args.text({ name: "handlers" }).pipe(
      Args.withDescription("A module, such as ./bot.mjs, that exports a Layer of handlers as its default")
    ),
    name,
    host: CliOptions.text("host").pipe(
      CliOptions.withDescription(
        "The name or address under which other runners reach this one (default: the host name)"
      ),
      CliOptions.optional
    ),
    listen: CliOptions.text("listen").pipe(
      CliOptions.withDescription("The address to listen on for other runners (default: that of --host)"),
      CliOptions.optional
    ),
    port: tcpPort("port").pipe(
      CliOptions.withDescription("The port for other runners"),
      CliOptions.withDefault(34_431)
    ),
    health: tcpPort("health-port").pipe(
      CliOptions.withDescription("Serve /health on this port (default: not at all)"),
      CliOptions.optional
    ),
    locks: CliOptions.choice("locks", ["advisory", "table"] as const).pipe(
      CliOptions.withDescription("How shards are locked; table behind pgbouncer"),
      CliOptions.withDefault("advisory" as const)
    )
  },
  Effect.fnUntraced(function* (options): Effect.fn.Return<void, ClusterFailed | ConfigError.ConfigError> {
    const { BotTable, ClusterBot, ClusterRuntime, HealthEndpoint, Secrets } = yield* cluster
    const url = yield* databaseUrl
    const key = yield* Secrets.keyFromEnvironment
    const handlers = yield* handlersOf(options.handlers)
    const bots = Layer.unwrapEffect(
      Effect.map(BotTable.BotTable, (table) => ClusterBot.layer({ bots: table.bots, handlers }))
    )
    const health = Option.match(options.health, {
      onNone: () => Layer.empty,
      onSome: (port) => HealthEndpoint.layer({ port })
    })
    const told = Layer.effectDiscard(Effect.logInfo("the runner has started"))
    const runtime = ClusterRuntime.layerPostgres({
      url,
      name: options.name,
      host: Option.getOrElse(options.host, () => Os.hostname()),
      listenHost: Option.getOrUndefined(options.listen),
      port: options.port,
      locks: options.locks
    })
    return yield* failing(
      Layer.launch(
        Layer.mergeAll(health, told).pipe(
          Layer.provide(bots),
          Layer.provide(Layer.provideMerge(BotTable.layer(key), runtime))
        )
      )
    )
  })
).pipe(Command.withDescription("Runs the bots of the table of DATABASE_URL, together with the other runners"))

/** Does something with the table. */
const withTable = <A>(
  cluster: Cluster,
  name: string,
  body: (table: Library.BotTable.BotTableShape) => Effect.Effect<A, Library.ClusterStore.StoreUnavailable>
): Effect.Effect<A, ClusterFailed | ConfigError.ConfigError> =>
  Effect.gen(function* () {
    const url = yield* databaseUrl
    const key = yield* cluster.Secrets.keyFromEnvironment
    const table = cluster.BotTable.layer(key).pipe(Layer.provide(cluster.Database.layer({ url, name })))
    return yield* Effect.flatMap(cluster.BotTable.BotTable, body).pipe(
      Effect.provide(Layer.provideMerge(table, Send.notes)),
      failing
    )
  })

const appId = Args.text({ name: "app-id" }).pipe(
  Args.withDescription("The app id of the bot"),
  Args.withSchema(Schema.String.pipe(Schema.pattern(/^\d+$/, { message: () => "the app id is a number" })))
)

const add = Command.make(
  "add",
  {
    appId: Args.optional(appId),
    name,
    shards: CliOptions.integer("shards").pipe(
      CliOptions.withDescription("How many shards it has, each of which may run on another machine (default: 1)"),
      CliOptions.withSchema(Schema.Int.pipe(Schema.between(1, 10_000))),
      CliOptions.optional
    )
  },
  Effect.fnUntraced(function* ({
    appId,
    name,
    shards
  }): Effect.fn.Return<void, ClusterFailed | ConfigError.ConfigError> {
    const loaded = yield* cluster
    const environment = yield* BotConfig.fromEnvironment.pipe(
      // the app id may be named on the command line; the secret never is, for others on the machine could read it
      Effect.withConfigProvider(yield* withAppId(appId))
    )
    const hosts = typeof environment.hosts === "object" ? environment.hosts : undefined
    yield* withTable(loaded, name, (table) =>
      table.add({
        appId: environment.appId,
        secret: environment.secret,
        shards: Option.getOrUndefined(shards),
        intents: environment.intents,
        hosts: hosts ?? (environment.hosts as "default" | "legacy" | undefined)
      })
    )
    yield* Console.log(`bot ${environment.appId} is in the table; the runners take it up within seconds`)
  })
).pipe(
  Command.withDescription(
    "Adds the bot of QQ_APP_ID and QQ_APP_SECRET to the table, or changes it; QQ_API_URL, QQ_TOKEN_URL and QQ_INTENTS count"
  )
)

const withAppId = (appId: Option.Option<string>) =>
  Effect.configProviderWith((provider) =>
    Effect.succeed(
      Option.match(appId, {
        onNone: () => provider,
        onSome: (id) => ConfigProvider.orElse(ConfigProvider.fromMap(new Map([["QQ_APP_ID", id]])), () => provider)
      })
    )
  )

const remove = Command.make(
  "remove",
  { appId, name },
  Effect.fnUntraced(function* ({ appId, name }): Effect.fn.Return<void, ClusterFailed | ConfigError.ConfigError> {
    const loaded = yield* cluster
    const wasThere = yield* withTable(loaded, name, (table) => table.remove(appId))
    if (!wasThere) return yield* new ClusterFailed({ detail: `there is no bot ${appId} in the table` })
    yield* Console.log(`bot ${appId} is removed; it ends within seconds`)
  })
).pipe(Command.withDescription("Removes a bot from the table: it ends on whichever runner has it"))

const list = Command.make(
  "list",
  { name },
  Effect.fnUntraced(function* ({ name }): Effect.fn.Return<void, ClusterFailed | ConfigError.ConfigError> {
    const loaded = yield* cluster
    const bots = yield* withTable(loaded, name, (table) => table.list)
    if (bots.length === 0) return yield* Console.log("the table is empty; add a bot with: effect-qq bots add")
    yield* Effect.forEach(bots, ({ addedAt, appId, intents, shards }) =>
      Console.log(
        Send.printable(
          [
            appId,
            `${shards ?? 1} ${(shards ?? 1) === 1 ? "shard" : "shards"}`,
            intents === undefined ? "intents as the handlers need" : Intents.describe(intents).join(","),
            `added ${addedAt.toISOString()}`
          ].join("  ")
        )
      )
    )
  })
).pipe(Command.withDescription("Lists the bots of the table, without their secrets"))

/**
 * `effect-qq bots add`, `remove` and `list`.
 *
 * @since 0.1.0
 * @category commands
 */
export const bots = Command.make("bots").pipe(
  Command.withDescription("The bots of a cluster, in the table of DATABASE_URL"),
  Command.withSubcommands([add, remove, list])
)
