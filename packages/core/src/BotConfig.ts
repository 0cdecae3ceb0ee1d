/**
 * Who the bot is, where the platform is, and how it is to be treated.
 *
 * @since 0.1.0
 */
import * as Url from "@effect/platform/Url"
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as DeliveryPolicy from "./delivery/DeliveryPolicy.ts"
import * as Intents from "./gateway/Intents.ts"
import * as SessionPolicy from "./gateway/SessionPolicy.ts"
import * as SendPolicy from "./messages/SendPolicy.ts"

/**
 * The addresses of the platform.
 *
 * @since 0.1.0
 * @category models
 */
export interface Hosts {
  /** Base URL of the OpenAPI, without a slash at its end. */
  readonly api: string
  /** URL that hands out access tokens. */
  readonly token: string
  /** The gateway to connect to when the metadata cannot be had; none for hosts of one's own. */
  readonly gateway?: string | undefined
  /** Used for tokens and metadata when a host cannot be reached at all; none for hosts of one's own. */
  readonly fallback?: Hosts | undefined
}

/**
 * The hosts before August 2026, still in service for most bots.
 *
 * @since 0.1.0
 * @category constants
 */
export const legacyHosts: Hosts = {
  api: "https://api.sgroup.qq.com",
  token: "https://bots.qq.com/app/getAppAccessToken",
  gateway: "wss://api.sgroup.qq.com/websocket"
}

/**
 * The unified host of the documentation of 2026, falling back to {@link legacyHosts}.
 *
 * @since 0.1.0
 * @category constants
 */
export const defaultHosts: Hosts = {
  api: "https://api.bot.qq.com",
  token: "https://api.bot.qq.com/app/getAppAccessToken",
  gateway: "wss://api.bot.qq.com/websocket/",
  fallback: legacyHosts
}

/**
 * Which shards one process runs: as many as the platform recommends; all of a number; or some of a number, the others being
 * run elsewhere. Shards part the guilds of a bot; what happens in private chats and groups comes to shard 0.
 *
 * @since 0.1.0
 * @category models
 */
export type Shards = "recommended" | number | { readonly of: number; readonly run: ReadonlyArray<number> }

/**
 * What the service holds.
 *
 * @since 0.1.0
 * @category models
 */
export interface BotConfigShape {
  readonly appId: string
  readonly secret: Redacted.Redacted
  readonly hosts: Hosts
  /** The explicit intents; none means: what the handlers need. */
  readonly intents: Option.Option<Intents.Intents>
  /** Sets to try, in this order, when the gateway refuses the intents. */
  readonly fallbackIntents: ReadonlyArray<Intents.Intents>
  readonly shards: Shards
  readonly onShardStopped: "stop" | "continue"
  readonly transport: "websocket" | "webhook" | "both"
  readonly session: SessionPolicy.SessionPolicy
  readonly delivery: DeliveryPolicy.DeliveryPolicy
  readonly sending: SendPolicy.SendPolicy
}

/**
 * The configuration of one bot.
 *
 * @since 0.1.0
 * @category tags
 */
export class BotConfig extends Context.Tag("@effect-qq/core/BotConfig")<BotConfig, BotConfigShape>() {}

/**
 * What {@link make} takes.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The app id of the bot, from the QQ open platform's console. */
  readonly appId: string
  /** The app secret of the bot. */
  readonly secret: Redacted.Redacted
  /** A preset or addresses of one's own. Default `default`. */
  readonly hosts?: "default" | "legacy" | { readonly api: string; readonly token: string } | undefined
  /** Default: what the handlers need. */
  readonly intents?: Intents.Intents | undefined
  /** Default: none. */
  readonly fallbackIntents?: ReadonlyArray<Intents.Intents> | undefined
  /** Default 1, which is all that a bot without guilds can use. */
  readonly shards?: Shards | undefined
  /**
   * What the others do when a shard has stopped for good: `stop`, and the run fails, or `continue` until all have stopped.
   * Default `stop`.
   */
  readonly onShardStopped?: "stop" | "continue" | undefined
  /**
   * How events come: over the gateway, through a webhook, or both at once, each event handled once. The platform's console
   * switches between the two. Default `websocket`.
   */
  readonly transport?: "websocket" | "webhook" | "both" | undefined
  /** How the session is kept: what differs from `SessionPolicy.defaults`. */
  readonly session?: Partial<SessionPolicy.SessionPolicy> | undefined
  /** How events are delivered: what differs from `DeliveryPolicy.defaults`. */
  readonly delivery?: Partial<DeliveryPolicy.DeliveryPolicy> | undefined
  /** How messages and media are sent: what differs from `SendPolicy.defaults`. */
  readonly sending?: Partial<SendPolicy.SendPolicy> | undefined
}

const withoutSlash = (url: string): string => url.replace(/\/+$/, "")

const hostsOf = (hosts: Options["hosts"]): Hosts => {
  switch (hosts) {
    case undefined:
    case "default":
      return defaultHosts
    case "legacy":
      return legacyHosts
    default:
      return { api: withoutSlash(hosts.api), token: hosts.token }
  }
}

/** A field that is there but `undefined` is left out: it must not hide a default, or what the environment says. */
const defined = <A extends object>(options: A | undefined): Partial<A> =>
  Object.fromEntries(Object.entries(options ?? {}).filter(([, value]) => value !== undefined)) as Partial<A>

/**
 * Builds a configuration; everything that is left out has its default.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): BotConfigShape => ({
  appId: options.appId,
  secret: options.secret,
  hosts: hostsOf(options.hosts),
  intents: Option.fromNullable(options.intents),
  fallbackIntents: options.fallbackIntents ?? [],
  shards: options.shards ?? 1,
  onShardStopped: options.onShardStopped ?? "stop",
  transport: options.transport ?? "websocket",
  session: { ...SessionPolicy.defaults, ...defined(options.session) },
  delivery: { ...DeliveryPolicy.defaults, ...defined(options.delivery) },
  sending: { ...SendPolicy.defaults, ...defined(options.sending) }
})

/**
 * A configuration from values.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<BotConfig> => Layer.succeed(BotConfig, make(options))

/**
 * One variable. `read` says what it must be where it cannot be used; the variable's name is put before that, once, because
 * the one check stands directly on the variable. What it held is never told.
 */
const setting = <A>(name: string, read: (text: string) => Either.Either<A, string>): Config.Config<A> =>
  Config.mapOrFail(Config.string(name), (text) =>
    Either.mapLeft(read(text.trim()), (mustBe) => ConfigError.InvalidData([], mustBe))
  )

const nonEmpty = (name: string): Config.Config<string> =>
  setting(name, (text) => (text === "" ? Either.left("must not be empty") : Either.right(text)))

const appId: Config.Config<string> = setting("QQ_APP_ID", (text) =>
  /^\d+$/.test(text) ? Either.right(text) : Either.left("must be the bot's numeric app id")
)

const secret: Config.Config<Redacted.Redacted> = Config.map(nonEmpty("QQ_APP_SECRET"), (text) => Redacted.make(text))

const isPlainUrl = (text: string): boolean =>
  /^https?:\/\/[^\s@?#]+$/.test(text) && Either.isRight(Url.fromString(text))

type NamedHosts = Exclude<Options["hosts"], undefined>

const ownHosts = (
  api: Option.Option<string>,
  token: Option.Option<string>
): Either.Either<NamedHosts, ConfigError.ConfigError> => {
  if (Option.isNone(token)) {
    if (Option.isNone(api)) return Either.right("default")
    if (api.value === "default" || api.value === "legacy") return Either.right(api.value)
    return Either.left(
      ConfigError.MissingData(["QQ_TOKEN_URL"], "must be set too when QQ_API_URL is an address of your own")
    )
  }
  if (Option.isNone(api)) {
    return Either.left(ConfigError.MissingData(["QQ_API_URL"], "must be set too when QQ_TOKEN_URL is set"))
  }
  const malformed = !isPlainUrl(api.value) ? "QQ_API_URL" : !isPlainUrl(token.value) ? "QQ_TOKEN_URL" : undefined
  return malformed === undefined
    ? Either.right({ api: api.value, token: token.value })
    : Either.left(
        ConfigError.InvalidData([malformed], "must be an http:// or https:// URL without user, query or fragment")
      )
}

const hosts: Config.Config<NamedHosts> = Config.all([
  Config.option(nonEmpty("QQ_API_URL")),
  Config.option(nonEmpty("QQ_TOKEN_URL"))
]).pipe(Config.mapOrFail(([api, token]) => ownHosts(api, token)))

const intents: Config.Config<Option.Option<Intents.Intents>> = Config.option(
  setting("QQ_INTENTS", (text) =>
    Either.fromNullable(
      Intents.fromString(text),
      () => "must be a number, or names such as GROUP_AND_C2C_EVENT joined by commas"
    )
  )
)

/** At most as many as there can be guilds for; more is a slip of the pen. */
const maximumShards = 10_000

const countOfShards = (text: string): number | undefined => {
  const count = /^\d{1,5}$/.test(text) ? Number(text) : 0
  return count >= 1 && count <= maximumShards ? count : undefined
}

/** `4`, `recommended`, or `0,2/4`: shards 0 and 2 of 4. */
const shardsFromText = (text: string): Shards | undefined => {
  if (text === "recommended") return text
  const [which = "", count, ...more] = text.split("/")
  if (count === undefined) return countOfShards(which.trim())
  const of = countOfShards(count.trim())
  const run = which.split(",").map((index) => (/^\s*\d{1,5}\s*$/.test(index) ? Number(index) : -1))
  return of === undefined || more.length > 0 || run.some((index) => index < 0 || index >= of)
    ? undefined
    : { of, run: [...new Set(run)] }
}

const shards: Config.Config<Option.Option<Shards>> = Config.option(
  setting("QQ_SHARDS", (text) =>
    Either.fromNullable(
      shardsFromText(text),
      () => `must be "recommended", a number such as 4, or some of a number such as "0,2/4"`
    )
  )
)

/**
 * Where the environment (or any `ConfigProvider`) names the bot: `QQ_APP_ID` and `QQ_APP_SECRET`; optionally
 * `QQ_API_URL` and `QQ_TOKEN_URL` (both, or `QQ_API_URL` alone as `default` or `legacy`), `QQ_INTENTS`, and `QQ_SHARDS`
 * (`recommended`, a number, or some of a number such as `0,2/4`).
 *
 * @since 0.1.0
 * @category config
 */
export const fromEnvironment: Config.Config<Pick<Options, "appId" | "secret" | "hosts" | "intents" | "shards">> =
  Config.all({ appId, secret, hosts, intents, shards }).pipe(
    Config.map(({ intents, shards, ...rest }) => ({
      ...rest,
      ...(Option.isSome(intents) ? { intents: intents.value } : {}),
      ...(Option.isSome(shards) ? { shards: shards.value } : {})
    }))
  )

/** Says of what is missing where to find it, and how to check the rest. */
const advised = ConfigError.reduceWithContext<undefined, ConfigError.ConfigError>(undefined, {
  andCase: (_, one, other) => ConfigError.And(one, other),
  orCase: (_, one, other) => ConfigError.Or(one, other),
  invalidDataCase: (_, path, message) => ConfigError.InvalidData([...path], message),
  missingDataCase: (_, path, message) =>
    ConfigError.MissingData(
      [...path],
      message.startsWith("Expected ")
        ? "is not set: it is in the console of the QQ open platform; then run: npx effect-qq doctor"
        : message
    ),
  sourceUnavailableCase: (_, path, message, cause) => ConfigError.SourceUnavailable([...path], message, cause),
  unsupportedCase: (_, path, message) => ConfigError.Unsupported([...path], message)
})

/**
 * A setting is missing or cannot be used. The message names the variable and what it must be, never its value.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options?: Omit<Options, "appId" | "secret">
): Layer.Layer<BotConfig, ConfigError.ConfigError> =>
  Layer.effect(
    BotConfig,
    Effect.mapBoth(fromEnvironment, {
      onSuccess: (environment) => make({ ...environment, ...defined(options) }),
      onFailure: advised
    })
  )
