/**
 * The HTTP client that the OpenAPI is called with: undici with limits, and with a proxy where one is asked for.
 *
 * @since 0.1.0
 */
import { HttpExchange } from "@effect-qq/core"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as ConfigError from "effect/ConfigError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { IncomingHttpHeaders } from "node:http"
import type * as Socks from "socks"
import type * as Undici from "undici"
import * as Deadlines from "./Deadlines.ts"
import * as NodeProxy from "./NodeProxy.ts"

/**
 * What {@link layer} takes.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * The URL of a proxy, such as `http://user:password@proxy.example:3128` or `socks5://proxy.example:1080`. Default: what the
   * environment names in `HTTPS_PROXY` (for `https:`) and `HTTP_PROXY` (for `http:`), else in `ALL_PROXY`, in lower case too;
   * nothing there means none.
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

/**
 * Asks a proxy for tunnels. Where the proxy hangs up instead of an answer, undici would ask it again at once and for ever,
 * whether or not anybody still waits: it takes the code of that error for one of a connection that was in use. A tunnel is a
 * part of connecting, and has its time.
 */
const tunnelsOf =
  (undici: typeof Undici) =>
  (proxy: URL, options: object): Undici.Pool => {
    const pool = new undici.Pool(proxy, { ...options, headersTimeout: limits.connect })
    const connect = pool.connect.bind(pool)
    return Object.assign(pool, {
      connect: (wanted: Undici.Dispatcher.ConnectOptions) =>
        connect(wanted).catch((cause: unknown) => Promise.reject(new Error("the proxy made no tunnel", { cause })))
    })
  }

/** Loaded when a client is made: to import this module costs a fifth of that. */
const load = Effect.promise(() => Promise.all([import("undici"), import("@effect/platform-node/NodeHttpClient")]))

/** Loaded only where a proxy speaks SOCKS. */
const loadSocks = Effect.promise(() => import("socks"))

/** Certificates are verified even where the environment says otherwise. */
const connect = { timeout: limits.connect, rejectUnauthorized: true } as const

const settings = { connect, connections: maximumConnections, maxResponseSize: maximumResponse } as const

/** Connects through a SOCKS proxy, with the undici of this package: a second copy may be one that Node.js 20 cannot load. */
const socksConnector = (
  undici: typeof Undici,
  { SocksClient }: typeof Socks,
  proxy: string
): Undici.buildConnector.connector => {
  const secure = undici.buildConnector(connect)
  return (options, callback) => {
    const { hostname, port, protocol } = options
    const isSecure = protocol === "https:"
    const destination = { host: hostname, port: port === "" ? (isSecure ? 443 : 80) : Number(port) }
    SocksClient.createConnection({
      command: "connect",
      proxy: NodeProxy.socksOf(proxy),
      timeout: limits.connect,
      destination
    }).then(
      ({ socket }) => {
        if (isSecure) secure({ ...options, httpSocket: socket }, callback)
        else callback(null, socket.setNoDelay())
      },
      (error: Error) => callback(error, null)
    )
  }
}

/** Proxies of which one at least speaks SOCKS: each host has the pool that its proxy needs. */
const agentOfSocks = (undici: typeof Undici, socks: typeof Socks, proxies: NodeProxy.Proxies): Undici.Agent =>
  new undici.Agent({
    ...settings,
    factory: (origin, options) => {
      const proxy = NodeProxy.forUrl(proxies, String(origin))
      if (proxy === undefined) return new undici.Pool(origin, options)
      return NodeProxy.isSocks(proxy)
        ? new undici.Pool(origin, { ...options, connect: socksConnector(undici, socks, proxy) })
        : new undici.ProxyAgent({
            ...settings,
            uri: proxy,
            clientFactory: tunnelsOf(undici),
            proxyTls: connect,
            requestTls: connect
          })
    }
  })

const speaksSocks = ({ http, https }: NodeProxy.Proxies): boolean => [http, https].some(NodeProxy.isSocks)

const dispatcher = (
  undici: typeof Undici,
  found: Option.Option<NodeProxy.Proxies>
): Effect.Effect<Undici.Dispatcher, never, Scope.Scope> => {
  const make = Effect.gen(function* () {
    if (Option.isNone(found)) return new undici.Agent(settings)
    const { except, http, https } = found.value
    if (speaksSocks(found.value)) return agentOfSocks(undici, yield* loadSocks, found.value)
    return new undici.EnvHttpProxyAgent({
      ...settings,
      httpProxy: http,
      httpsProxy: https,
      noProxy: except,
      clientFactory: tunnelsOf(undici),
      proxyTls: connect,
      requestTls: connect
    })
  })
  return Effect.acquireRelease(make, (agent) => Effect.promise(() => agent.destroy()))
}

/**
 * Where undici is only a name, as in Bun, which has its own HTTP under it: the client of `fetch`, with the proxy that Bun's
 * `fetch` takes. It finds those of the environment by itself.
 */
const fetching = (
  found: Option.Option<NodeProxy.Proxies>
): Effect.Effect<HttpClient.HttpClient, ConfigError.ConfigError> =>
  Effect.gen(function* () {
    const socks = Option.filter(found, speaksSocks)
    if (Option.isSome(socks)) {
      return yield* Effect.fail(ConfigError.InvalidData(["proxy"], "is a SOCKS proxy, which only Node.js can use"))
    }
    const client = yield* Effect.provide(HttpClient.HttpClient, FetchHttpClient.layer)
    return HttpClient.transform(client, (sent, request) => {
      const proxy = Option.flatMapNullable(found, (proxies) => NodeProxy.forUrl(proxies, request.url))
      const init = { redirect: "manual" as const, ...(Option.isSome(proxy) ? { proxy: proxy.value } : {}) }
      return Effect.provideService(sent, FetchHttpClient.RequestInit, init)
    })
  })

/** The client of platform-node asks for an hour and for no limit; asked last, the limits here win. */
const limited = (agent: Undici.Dispatcher): Undici.Dispatcher =>
  agent.compose(
    (dispatch) => (request, handler) =>
      dispatch({ ...request, headersTimeout: limits.headers, bodyTimeout: limits.body }, handler)
  )

const parseUrl = (url: string): URL | undefined => {
  try {
    return new URL(url)
  } catch {
    return undefined
  }
}

/** Fields of one name are one field, as the specification has it. */
const joined = (headers: IncomingHttpHeaders): HttpExchange.Answer["headers"] => {
  for (const name in headers) {
    const value = headers[name]
    if (typeof value === "object") return joined({ ...headers, [name]: value.join(", ") })
  }
  return headers as HttpExchange.Answer["headers"]
}

/** As any reader of text does, without the mark that says in which order its bytes are. */
const decoder = new TextDecoder()

type Outcome = Effect.Effect<HttpExchange.Answer, HttpExchange.ExchangeFailed>

/** Collects one answer in undici's callbacks, without a response, a stream and the promises between them. */
class Collector implements Undici.Dispatcher.DispatchHandler {
  readonly #resume: (outcome: Outcome) => void
  readonly #forget: () => void
  readonly #chunks: Array<Uint8Array> = []
  #controller: Undici.Dispatcher.DispatchController | undefined
  #isOver = false
  #status = 0
  #headers: IncomingHttpHeaders = {}
  #size = 0

  constructor(resume: (outcome: Outcome) => void, deadlines: Deadlines.Deadlines, millis: number) {
    this.#resume = resume
    this.#forget = deadlines(millis, () => {
      this.#leave(Effect.fail(this.#controller === undefined ? HttpExchange.unsent() : HttpExchange.timedOut()))
    })
  }

  /** The caller gave up: closes the exchange. */
  abort(): void {
    this.#isOver = true
    this.#forget()
    this.#controller?.abort(new Error("the request was cancelled"))
  }

  #end(outcome: Outcome): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#forget()
    this.#resume(outcome)
  }

  #leave(outcome: Outcome): void {
    this.#end(outcome)
    this.abort()
  }

  /** There is a connection, and what is done here is done before the first byte is written. */
  onRequestStart(controller: Undici.Dispatcher.DispatchController): void {
    // to abort what was given up meanwhile would cost the connection, which has not been used for it
    if (this.#isOver) throw new Error("the request was cancelled")
    this.#controller = controller
  }

  /** There may be some before the answer's own that only say that it will come. */
  onResponseStart(_: unknown, status: number, headers: IncomingHttpHeaders): void {
    this.#status = status
    this.#headers = headers
  }

  onResponseData(_: unknown, chunk: Uint8Array): void {
    this.#size += chunk.length
    if (this.#size > HttpExchange.maximumSize) this.#leave(Effect.fail(HttpExchange.tooLarge(this.#status)))
    else this.#chunks.push(chunk)
  }

  onResponseEnd(): void {
    const bytes = this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks)
    this.#end(Effect.succeed({ status: this.#status, headers: joined(this.#headers), text: decoder.decode(bytes) }))
  }

  #failureOf(error: Error): HttpExchange.ExchangeFailed {
    if (this.#controller === undefined) return HttpExchange.unsent(error)
    return this.#status < 200 ? HttpExchange.unanswered(error) : HttpExchange.brokenWithin(this.#status, error)
  }

  onResponseError(_: unknown, error: Error): void {
    this.#end(Effect.fail(this.#failureOf(error)))
  }
}

const exchangeOf =
  (agent: Undici.Dispatcher, deadlines: Deadlines.Deadlines): HttpExchange.Exchange =>
  ({ body, headers, method, url }, timeout) =>
    Effect.async((resume) => {
      const target = parseUrl(url)
      if (target === undefined) return resume(Effect.fail(HttpExchange.unsendable()))
      const millis = Duration.toMillis(timeout)
      // undici's own timers, two for each request, would only be a backstop to the caller's deadline
      const [headersTimeout, bodyTimeout] = Number.isFinite(millis) ? [0, 0] : [limits.headers, limits.body]
      const collector = new Collector(resume, deadlines, millis)
      agent.dispatch(
        {
          origin: target.origin,
          path: target.pathname + target.search,
          method,
          // of one's own, for the agent of a proxy adds to them
          headers: { ...headers },
          body: body ?? null,
          headersTimeout,
          bodyTimeout
        },
        collector
      )
      return Effect.sync(() => collector.abort())
    })

/**
 * An `HttpClient` on undici: connects within 10 s, waits 330 s for the headers of an answer and 120 s between two parts
 * of its body, reads 32 MiB at most, and opens 128 connections per host at most. These are a backstop: callers
 * set deadlines of their own, and the exchanges of the OpenAPI obey those alone. Certificates are always
 * verified.
 *
 * Through a proxy go all hosts but those of `NO_PROXY` and this machine itself. Fails when the URL of the proxy cannot
 * be used; the message names the variable, never its value.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: Options): Layer.Layer<HttpClient.HttpClient, ConfigError.ConfigError> =>
  Layer.scoped(
    HttpClient.HttpClient,
    Effect.gen(function* () {
      const [undici, client] = yield* load
      const found = yield* NodeProxy.find(options?.proxy)
      // in Bun the agents of undici have none of their methods
      if (typeof undici.Agent.prototype.dispatch !== "function") return yield* fetching(found)
      const agent = yield* dispatcher(undici, found)
      const deadlines = yield* Deadlines.make
      const exchange: HttpExchange.ExchangeClient = Object.assign(client.makeUndici(limited(agent)), {
        [HttpExchange.ExchangeId]: exchangeOf(agent, deadlines)
      })
      return exchange
    })
  )
