/**
 * Which proxy leads to which address, an HTTP proxy or a SOCKS proxy: one answer for HTTP and for WebSockets.
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

const isProxyUrl = (text: string): boolean => /^(?:https?|socks5h?|socks):\/\//.test(text) && URL.canParse(text)

/**
 * Whether the URL of a proxy is that of a SOCKS proxy, version 5: `socks5://`, `socks5h://` or `socks://`. The proxy resolves the
 * names of hosts, whichever it is.
 *
 * @since 0.1.0
 * @category guards
 */
export const isSocks = (proxy: string): boolean => proxy.startsWith("socks")

/**
 * A SOCKS proxy as the library that speaks with it takes one.
 *
 * @since 0.1.0
 * @category conversions
 */
export const socksOf = (
  proxy: string
): {
  readonly type: 5
  readonly host: string
  readonly port: number
  readonly userId?: string
  readonly password?: string
} => {
  const { hostname, password, port, username } = new URL(proxy)
  return {
    type: 5,
    // an IPv6 address stands in brackets in a URL only
    host: hostname.replace(/^\[|\]$/g, ""),
    port: port === "" ? 1080 : Number(port),
    ...(username === "" ? {} : { userId: decodeURIComponent(username), password: decodeURIComponent(password) })
  }
}

const proxyUrl = (name: string, value: Option.Option<string>): Effect.Effect<string, ConfigError.ConfigError> => {
  if (Option.isNone(value)) return Effect.succeed("")
  return isProxyUrl(value.value)
    ? Effect.succeed(value.value)
    : Effect.fail(ConfigError.InvalidData([name], "must be the http://, https:// or socks5:// URL of a proxy"))
}

/**
 * The given proxy, or those that the environment names in `HTTPS_PROXY` and `HTTP_PROXY`, or for both in `ALL_PROXY`, but for
 * the hosts of `NO_PROXY` and this machine itself. Fails when a URL cannot be used; the message names the variable, never its value.
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
      Option.isSome(own)
        ? proxyUrl("proxy", own)
        : Effect.flatMap(Effect.all([variable(name), variable("ALL_PROXY")]), ([value, all]) =>
            Option.isSome(value) ? proxyUrl(name, value) : proxyUrl("ALL_PROXY", all)
          )
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
 * Agents for WebSockets through these proxies, by CONNECT or by SOCKS. Certificates are always verified, also that of the
 * proxy.
 *
 * @since 0.1.0
 * @category constructors
 */
export const agents = (proxies: Proxies): Effect.Effect<(url: string) => Http.Agent | undefined> =>
  Effect.map(
    Effect.promise(() => Promise.all([import("https-proxy-agent"), import("socks-proxy-agent")])),
    ([{ HttpsProxyAgent }, { SocksProxyAgent }]) =>
      (url) => {
        const proxy = forUrl(proxies, url)
        if (proxy === undefined) return undefined
        return isSocks(proxy)
          ? new SocksProxyAgent(proxy.replace(/^socks5?:/, "socks5h:"))
          : new HttpsProxyAgent(proxy, { rejectUnauthorized: true })
      }
  )
