/**
 * The HTTP client that the OpenAPI is called with: undici with limits, and with a proxy where one is asked for.
 *
 * @since 0.1.0
 */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Undici from "undici"
import * as NodeProxy from "./NodeProxy.ts"

/**
 * What {@link layer} takes.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * The URL of an HTTP proxy, such as `http://user:password@proxy.example:3128`. Default: what the environment names in
   * `HTTPS_PROXY` (for `https:`) and `HTTP_PROXY` (for `http:`), in lower case too; nothing there means none.
   */
  readonly proxy?: string | Redacted.Redacted | undefined
}

/** Milliseconds. Those after `connect` are a backstop: a call has its own, shorter deadline. */
const limits = {
  connect: 10_000,
  // a part of an upload may be on its way for five minutes before there is an answer
  headers: 330_000,
  body: 120_000
} as const

/** Bytes of one answer. The OpenAPI answers in kilobytes. */
const maximumResponse = 32 * 1024 * 1024

/** Sockets per host. */
const maximumConnections = 128

const dispatcher = (
  options: Options | undefined
): Effect.Effect<Undici.Dispatcher, ConfigError.ConfigError, Scope.Scope> =>
  Effect.flatMap(NodeProxy.find(options?.proxy), (found) =>
    Effect.map(
      Effect.acquireRelease(
        Effect.sync(() => {
          // Certificates are verified even where the environment says otherwise.
          const connect = { timeout: limits.connect, rejectUnauthorized: true }
          const settings = { connect, connections: maximumConnections, maxResponseSize: maximumResponse }
          return Option.match(found, {
            onNone: () => new Undici.Agent(settings),
            onSome: ({ except, http, https }) =>
              new Undici.EnvHttpProxyAgent({
                ...settings,
                httpProxy: http,
                httpsProxy: https,
                noProxy: except,
                proxyTls: connect,
                requestTls: connect
              })
          })
        }),
        (agent) => Effect.promise(() => agent.destroy())
      ),
      (agent) =>
        // The client of platform-node asks for an hour and for no limit; asked last, the limits here win.
        agent.compose(
          (dispatch) => (request, handler) =>
            dispatch({ ...request, headersTimeout: limits.headers, bodyTimeout: limits.body }, handler)
        )
    )
  )

/**
 * An `HttpClient` on undici: connects within 10 s, waits 330 s for the headers of an answer and 120 s between two parts
 * of its body, reads 32 MiB at most, and opens 128 connections per host at most. These are a backstop: whoever calls has
 * a deadline of his own. Certificates are always verified.
 *
 * Through a proxy go all hosts but those of `NO_PROXY` and this machine itself. Fails when the URL of the proxy cannot
 * be used; the message names the variable, never its value.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: Options): Layer.Layer<HttpClient.HttpClient, ConfigError.ConfigError> =>
  Layer.provide(
    NodeHttpClient.layerUndiciWithoutDispatcher,
    Layer.scoped(NodeHttpClient.Dispatcher, dispatcher(options))
  )
