/**
 * The one layer that most programs need: a bot on Node.js.
 *
 * @example
 * ```ts
 * import { Gateway, Message, Messenger } from "@effect-qq/core"
 * import { NodeBot } from "@effect-qq/node"
 * import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
 * import { Effect } from "effect"
 *
 * const Echo = Gateway.on("C2C_MESSAGE_CREATE", (event) => Messenger.reply(event, Message.text(event.content)))
 *
 * NodeRuntime.runMain(Gateway.run(Echo).pipe(Effect.provide(NodeBot.layerConfig())))
 * ```
 *
 * @since 0.1.0
 */
import { Bot, BotConfig, type Signature } from "@effect-qq/core"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import * as NodeContentHash from "./NodeContentHash.ts"
import * as NodeHttp from "./NodeHttp.ts"
import * as NodeProxy from "./NodeProxy.ts"
import * as NodeSignature from "./NodeSignature.ts"
import * as NodeStore from "./NodeStore.ts"
import * as NodeWebSocket from "./NodeWebSocket.ts"
import * as StateDirectory from "./StateDirectory.ts"

/**
 * What Node.js adds to the configuration of a bot.
 *
 * @since 0.1.0
 * @category models
 */
export interface RuntimeOptions {
  /**
   * Where the session is kept across restarts. Default: `QQ_STATE_DIR`, else `effect-qq` in the user's state directory.
   *
   * A lock file keeps a second process of the same bot out: its layer fails with `StateDirectoryError`, which names the
   * first. Bots with different app ids can share a directory.
   */
  readonly stateDirectory?: string | undefined
  /**
   * Whether to remember in memory alone, for a bot beside another one with the same credentials: neither the session nor
   * the ledger of the other is touched, no lock is taken, and its own end with the process. Default `false`.
   */
  readonly inMemory?: boolean | undefined
  /** The URL of an HTTP or SOCKS5 proxy. Default: what `HTTPS_PROXY` and `HTTP_PROXY` name, else `ALL_PROXY`. */
  readonly proxy?: string | Redacted.Redacted | undefined
}

const store = (
  options: RuntimeOptions | undefined
): Layer.Layer<
  KeyValueStore.KeyValueStore,
  ConfigError.ConfigError | StateDirectory.StateDirectoryError,
  BotConfig.BotConfig
> =>
  options?.inMemory === true
    ? Layer.fresh(KeyValueStore.layerMemory)
    : Layer.unwrapEffect(
        Effect.zipWith(
          options?.stateDirectory === undefined ? NodeStore.defaultDirectory : Effect.succeed(options.stateDirectory),
          BotConfig.BotConfig,
          (directory, { appId }) => StateDirectory.layer(directory, appId)
        )
      )

const sockets = (options: RuntimeOptions | undefined) =>
  Layer.unwrapEffect(Effect.map(NodeProxy.find(options?.proxy), NodeWebSocket.layerProxied))

/**
 * What a bot on Node.js brings: the bot itself; what its runtime is made of and a program may want too, as for `UserState` and
 * `Attachments`; and the signatures of the webhook.
 *
 * @since 0.1.0
 * @category models
 */
export type Provided = Bot.Bot | HttpClient.HttpClient | KeyValueStore.KeyValueStore | Signature.Signature

/**
 * A bot on Node.js with a configuration from elsewhere: undici for HTTP, `ws` for the gateway, files for the session.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerRuntime = (
  options?: RuntimeOptions
): Layer.Layer<Provided, ConfigError.ConfigError | StateDirectory.StateDirectoryError, BotConfig.BotConfig> =>
  Bot.layer.pipe(
    Layer.provide(NodeContentHash.layer),
    Layer.provide(sockets(options)),
    Layer.provideMerge(Layer.mergeAll(NodeHttp.layer({ proxy: options?.proxy }), store(options), NodeSignature.layer))
  )

/**
 * A bot on Node.js, configured by values.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options: BotConfig.Options & RuntimeOptions
): Layer.Layer<Provided | BotConfig.BotConfig, ConfigError.ConfigError | StateDirectory.StateDirectoryError> =>
  Layer.provideMerge(layerRuntime(options), BotConfig.layer(options))

/**
 * A bot on Node.js, configured by the environment: `QQ_APP_ID` and `QQ_APP_SECRET`, optionally `QQ_API_URL`,
 * `QQ_TOKEN_URL`, `QQ_INTENTS`, `QQ_STATE_DIR`, `HTTPS_PROXY`, `ALL_PROXY`. A setting that is missing or cannot be used fails with one
 * error that names it, never its value.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options?: Omit<BotConfig.Options, "appId" | "secret"> & RuntimeOptions
): Layer.Layer<Provided | BotConfig.BotConfig, ConfigError.ConfigError | StateDirectory.StateDirectoryError> =>
  Layer.provideMerge(layerRuntime(options), BotConfig.layerConfig(options))
