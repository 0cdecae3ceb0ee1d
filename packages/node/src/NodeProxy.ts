/**
 * Which HTTP proxy leads to which address: one answer for HTTP and for WebSockets.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type * as Http from "node:http"

/** A proxy can do nothing for an address of this machine. */
const loopback = ["localhost", "127.0.0.1", "[::1]"]

const variable = (name: string): Config.Config<Option.Option<string>> =>
  Config.string(name.toLowerCase()).pipe(
    Config.orElse(() => Config.string(name)),
    Config.map((text) => text.trim()),
    Config.option,
    Config.map(Option.filter((text) => text !== ""))
  )

/**
 * The proxies of a process. A URL may hold a password: this value is not for logs.
 *
 * @since 0.1.0
 * @category models
 */
export interface Proxies {
  /** For `http:` and `ws:`; empty means none. */
  readonly http: string
  /** For `https:` and `wss:`; empty means none. */
  readonly https: string
  /** Hosts that are reached directly, joined by commas; `*` for all. */
  readonly except: string
}

const isProxyUrl = (text: string): boolean => /^https?:\/\//.test(text) && URL.canParse(text)

const proxyUrl = (name: string, value: Option.Option<string>): Effect.Effect<string, ConfigError.ConfigError> => {
  if (Option.isNone(value)) return Effect.succeed("")
  return isProxyUrl(value.value)
    ? Effect.succeed(value.value)
    : Effect.fail(ConfigError.InvalidData([name], "must be the http:// or https:// URL of a proxy"))
}

/**
 * The given proxy, or those that the environment names in `HTTPS_PROXY` and `HTTP_PROXY`, but for the hosts of `NO_PROXY`
 * and this machine itself. Fails when a URL cannot be used; the message names the variable, never its value.
 *
 * @since 0.1.0
 * @category constructors
 */
export const find = (
  given: string | Redacted.Redacted | undefined
): Effect.Effect<Option.Option<Proxies>, ConfigError.ConfigError> =>
  Effect.gen(function* () {
    const except = Option.getOrElse(yield* variable("NO_PROXY"), () => "")
    const own = Option.map(Option.fromNullable(given), (proxy) =>
      typeof proxy === "string" ? proxy : Redacted.value(proxy)
    )
    const named = (name: string) =>
      Option.isSome(own) ? proxyUrl("proxy", own) : Effect.flatMap(variable(name), (value) => proxyUrl(name, value))
    const http = yield* named("HTTP_PROXY")
    const https = yield* named("HTTPS_PROXY")
    return http === "" && https === ""
      ? Option.none()
      : Option.some({ http, https, except: except === "*" ? except : [except, ...loopback].join(",") })
  })

/** Whether an entry of `NO_PROXY` means this host: the host itself, or a domain above it; a port narrows it down. */
const matches =
  (host: string, port: string) =>
  (entry: string): boolean => {
    const [, name = "", only] = /^(.*?)(?::(\d+))?$/.exec(entry) ?? []
    if (only !== undefined && only !== port) return false
    const domain = name.replace(/^\*?\./, "").toLowerCase()
    return domain !== "" && (host === domain || host.endsWith(`.${domain}`))
  }

/**
 * The URL of the proxy that leads to an address of `ws:` or `wss:`; `undefined` where none does.
 *
 * @since 0.1.0
 * @category lookups
 */
export const forUrl = (proxies: Proxies, url: string): string | undefined => {
  if (!URL.canParse(url) || proxies.except === "*") return undefined
  const { hostname, port, protocol } = new URL(url)
  const secure = protocol === "wss:" || protocol === "https:"
  const proxy = secure ? proxies.https : proxies.http
  const reachedPort = port === "" ? (secure ? "443" : "80") : port
  const direct = proxies.except.split(",").map((entry) => entry.trim())
  return proxy === "" || direct.some(matches(hostname.toLowerCase(), reachedPort)) ? undefined : proxy
}

/**
 * Agents for WebSockets through these proxies, by CONNECT. Certificates are always verified, also that of the proxy.
 *
 * @since 0.1.0
 * @category constructors
 */
export const agents = (proxies: Proxies): Effect.Effect<(url: string) => Http.Agent | undefined> =>
  Effect.map(
    Effect.promise(() => import("https-proxy-agent")),
    ({ HttpsProxyAgent }) =>
      (url) => {
        const proxy = forUrl(proxies, url)
        return proxy === undefined ? undefined : new HttpsProxyAgent(proxy, { rejectUnauthorized: true })
      }
  )
