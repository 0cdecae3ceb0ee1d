/**
 * A web server for the webhook of a bot.
 *
 * The platform calls ports 80, 443, 8080 and 8443 only, and only by HTTPS: give it a key and a certificate, or let a proxy
 * that has them pass the requests on unchanged.
 *
 * @example
 * ```ts
 * import { Gateway, Message, Messenger } from "@effect-qq/core"
 * import { NodeBot, NodeWebhook } from "@effect-qq/node"
 * import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
 * import { Effect, Layer } from "effect"
 *
 * const Echo = Gateway.on("C2C_MESSAGE_CREATE", (event) => Messenger.reply(event, Message.text(event.content)))
 *
 * const Server = NodeWebhook.layer({ port: 8080, path: "/qq" })
 *
 * NodeRuntime.runMain(
 *   Gateway.run(Echo).pipe(Effect.provide(Layer.provideMerge(Server, NodeBot.layerConfig())))
 * )
 * ```
 *
 * @since 0.1.0
 */
import { type BotConfig, Webhook, type WebhookIntake, WebhookMetrics, type WebhookPolicy } from "@effect-qq/core"
import * as Headers from "@effect/platform/Headers"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Clock from "effect/Clock"
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Http from "node:http"
import * as Https from "node:https"
import type * as Net from "node:net"
import * as NodeSignature from "./NodeSignature.ts"

/**
 * The server could not start.
 *
 * @since 0.1.0
 * @category errors
 */
export class WebhookServerError extends Schema.TaggedError<WebhookServerError>()("WebhookServerError", {
  /** `TlsInvalid`: the key and the certificate cannot be used, or do not belong together. */
  reason: Schema.Literal("PortInUse", "PortForbidden", "TlsInvalid", "ListenFailed"),
  port: Schema.Number,
  cause: Schema.Defect
}) {
  override get message(): string {
    return `the webhook cannot listen on port ${this.port}: ${this.hint}`
  }
  get hint(): string {
    switch (this.reason) {
      case "PortInUse":
        return "end what listens there, or choose another of 80, 443, 8080 and 8443"
      case "PortForbidden":
        return "ports below 1024 need a privilege; use 8080 or 8443, or a proxy"
      case "TlsInvalid":
        return "the key and the certificate have to be PEM, and belong together"
      case "ListenFailed":
        return "check the port and the host"
    }
  }
}

/**
 * What {@link serve} takes.
 *
 * @since 0.1.0
 * @category models
 */
export interface ServerOptions {
  /** 0 takes any free port. The platform calls 80, 443, 8080 and 8443. */
  readonly port: number
  /** Default: all addresses of this machine. */
  readonly host?: string | undefined
  /** The path of the webhook, without a query; other paths are answered with 404. Default {@link defaultPath}. */
  readonly path?: string | undefined
  /**
   * For HTTPS without a proxy: the private key and its certificate, followed by those between it and its root, as the text
   * of PEM files. Default: HTTP.
   */
  readonly tls?: { readonly key: Redacted.Redacted; readonly certificate: string } | undefined
  /** How long the headers of a request, or the TLS handshake, may take. Default 10 s. */
  readonly headersTimeout?: Duration.DurationInput | undefined
  /** How long a request may take as a whole, its body included: a backstop. Default 30 s. */
  readonly requestTimeout?: Duration.DurationInput | undefined
  /**
   * The most connections at once. A further one takes the place of the one that has been without a complete request for
   * the longest time, so that connections which send nothing, or dribble their headers, keep nothing out; where a request
   * is being answered on each, it is refused. Default 512.
   */
  readonly maximumConnections?: number | undefined
  /**
   * The most connections at once of one address, with the same rule. A proxy is one address for all that it passes on.
   * Default: `maximumConnections`.
   */
  readonly maximumConnectionsPerPeer?: number | undefined
  /**
   * The shortest time between two log lines about requests with another path or method, and between two about connections
   * beyond the limits; those in between are counted in the next line. Default 10 s.
   */
  readonly misdirectedLogInterval?: Duration.DurationInput | undefined
  /** How long requests that are being answered may take when the server ends. Default 5 s. */
  readonly gracePeriod?: Duration.DurationInput | undefined
}

/**
 * What {@link layer} takes.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends ServerOptions {
  readonly webhook?: Partial<WebhookPolicy.WebhookPolicy> | undefined
}

/**
 * The path of a webhook unless another one is given.
 *
 * @since 0.1.0
 * @category constants
 */
export const defaultPath = "/webhook"

/**
 * Where a server listens.
 *
 * @since 0.1.0
 * @category models
 */
export interface WebhookServerShape {
  readonly port: number
  readonly path: string
}

/**
 * A server that runs.
 *
 * @since 0.1.0
 * @category tags
 */
export class WebhookServer extends Context.Tag("@effect-qq/node/WebhookServer")<WebhookServer, WebhookServerShape>() {}

/** Bytes of the headers of one request. Those of the platform take less than one of these kilobytes. */
const maximumHeaders = 16 * 1024

/** How often, in milliseconds, connections are looked at for being too slow. */
const connectionsCheckedEvery = 500

/** Milliseconds that an idle connection is kept open for another request. */
const keepAlive = 5000

const refusedWith = (status: number, outcome: string, headers?: Headers.Input) =>
  Effect.as(
    Metric.increment(Metric.tagged(WebhookMetrics.requests, "outcome", outcome)),
    HttpServerResponse.empty({ status, headers })
  )

/** UTF-16 code units of a foreign path in a log line. */
const longestLoggedPath = 200

/** Foreign text for a log line: bounded, with everything but visible ASCII escaped. */
const logged = (text: string): string => {
  const bounded = text.length > longestLoggedPath ? `${text.slice(0, longestLoggedPath)}...` : text
  return bounded.replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
}

/** Logs at most once per interval, in milliseconds, so that a stranger cannot flood the log. */
const makeSparingLog = (interval: number): ((line: string) => Effect.Effect<void>) => {
  let loggedAt = Number.NEGATIVE_INFINITY
  let omitted = 0
  return (line) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      if (Math.abs(now - loggedAt) < interval) {
        omitted++
        return Effect.void
      }
      const more = omitted === 0 ? "" : ` (${omitted} more since the last such line)`
      loggedAt = now
      omitted = 0
      return Effect.logWarning(`${line}${more}`)
    })
}

/** The app under its path. */
const atPath = (
  path: string,
  app: HttpApp.Default<never, Scope.Scope>,
  log: (line: string) => Effect.Effect<void>
): HttpApp.Default<never, Scope.Scope> =>
  Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ method, url }) => {
    const query = url.indexOf("?")
    // a query may hold a secret
    const asked = query < 0 ? url : url.slice(0, query)
    if (asked === path && method === "POST") return app
    return Effect.zipRight(
      log(`a request ${logged(method)} ${logged(asked)} was refused: the webhook takes POST ${path}`),
      asked === path ? refusedWith(405, "MethodWrong", { allow: "POST" }) : refusedWith(404, "PathWrong")
    )
  })

const makeServer = (options: ServerOptions): Effect.Effect<Http.Server, WebhookServerError> =>
  Effect.try({
    try: () => {
      const headersTimeout = Duration.toMillis(options.headersTimeout ?? "10 seconds")
      const requestTimeout = Math.max(Duration.toMillis(options.requestTimeout ?? "30 seconds"), headersTimeout)
      const settings: Http.ServerOptions = {
        maxHeaderSize: maximumHeaders,
        headersTimeout,
        requestTimeout,
        keepAliveTimeout: keepAlive,
        connectionsCheckingInterval: connectionsCheckedEvery
      }
      const server =
        options.tls === undefined
          ? Http.createServer(settings)
          : Https.createServer({
              ...settings,
              handshakeTimeout: headersTimeout,
              key: Redacted.value(options.tls.key),
              cert: options.tls.certificate
            })
      // for a client that does not read its answer
      server.setTimeout(requestTimeout + keepAlive)
      return server
    },
    catch: (cause) => new WebhookServerError({ reason: "TlsInvalid", port: options.port, cause })
  })

const listen = (server: Http.Server, { host, port }: ServerOptions): Effect.Effect<number, WebhookServerError> =>
  Effect.async((resume) => {
    const fail = (cause: unknown): void => {
      const { code } = cause as NodeJS.ErrnoException
      const reason = code === "EADDRINUSE" ? "PortInUse" : code === "EACCES" ? "PortForbidden" : "ListenFailed"
      resume(Effect.fail(new WebhookServerError({ reason, port, cause })))
    }
    server.once("error", fail)
    try {
      server.listen({ host, port }, () => {
        server.off("error", fail)
        resume(Effect.sync(() => (server.address() as Net.AddressInfo).port))
      })
    } catch (cause) {
      // a port outside 0–65535 is thrown rather than emitted
      fail(cause)
    }
  })

/** The connections of a server. */
interface Connections {
  /** All, encrypted or not. */
  readonly tcp: Set<Net.Socket>
  /** Those that a request can come from: for HTTPS, once TLS has been agreed on. */
  readonly open: Set<Net.Socket>
  /** Those of them whose request is being answered. */
  readonly busy: Set<Net.Socket>
}

const watch = (server: Http.Server): Connections => {
  const connections: Connections = { tcp: new Set(), open: new Set(), busy: new Set() }
  const note = (event: string, set: Set<Net.Socket>): void => {
    server.on(event, (socket: Net.Socket) => {
      set.add(socket)
      socket.on("close", () => set.delete(socket))
    })
  }
  note("connection", connections.tcp)
  note(server instanceof Https.Server ? "secureConnection" : "connection", connections.open)
  server.on("request", ({ socket }, response) => {
    connections.busy.add(socket)
    response.on("close", () => {
      connections.busy.delete(socket)
      // it could be kept for another request, which will not be taken
      if (!server.listening) socket.end()
    })
  })
  return connections
}

/** Where a connection comes from: the same for a TLS connection and the TCP connection below it. */
const originOf = ({ remoteAddress, remotePort }: Net.Socket): string => `${remoteAddress} ${remotePort}`

/**
 * Keeps the connections within their limits, all together and per address, from the moment they are made. `tell` takes
 * what was done.
 */
const limitConnections = (
  server: Http.Server,
  { maximumConnections = 512, maximumConnectionsPerPeer = maximumConnections }: ServerOptions,
  tell: (line: string) => void
): void => {
  const perPeer = new Map<string, Set<Net.Socket>>()
  const byOrigin = new Map<string, Net.Socket>()
  /** Those without a complete request; the one that has been so for the longest time comes first. */
  const waiting = new Set<Net.Socket>()
  let count = 0
  const left = new Map<Net.Socket, () => void>()
  const leave = (socket: Net.Socket): void => {
    left.get(socket)?.()
    left.delete(socket)
  }

  const keepWithin = (socket: Net.Socket, peer: string): void => {
    const siblings = perPeer.get(peer)
    // it may have ended, or others have made room
    if (siblings === undefined || !left.has(socket)) return
    const crowded = siblings.size > maximumConnectionsPerPeer
    if (!crowded && count <= maximumConnections) return
    const which = crowded ? `more connections of ${peer} than allowed` : "more connections than allowed"
    let oldest = socket
    for (const candidate of waiting) {
      if (crowded && !siblings.has(candidate)) continue
      oldest = candidate
      break
    }
    tell(
      oldest === socket
        ? `the webhook has ${which}: a further one was refused`
        : `the webhook has ${which}: the one that was without a request for the longest time gave way to a new one`
    )
    leave(oldest)
    oldest.destroy()
  }

  server.on("connection", (socket: Net.Socket) => {
    const peer = String(socket.remoteAddress)
    const origin = originOf(socket)
    const siblings = perPeer.get(peer) ?? new Set()
    count++
    siblings.add(socket)
    perPeer.set(peer, siblings)
    byOrigin.set(origin, socket)
    waiting.add(socket)
    left.set(socket, () => {
      count--
      siblings.delete(socket)
      if (siblings.size === 0 && perPeer.get(peer) === siblings) perPeer.delete(peer)
      if (byOrigin.get(origin) === socket) byOrigin.delete(origin)
      waiting.delete(socket)
    })
    socket.on("close", () => leave(socket))
    if (siblings.size <= maximumConnectionsPerPeer && count <= maximumConnections) return
    // a request of another connection may have arrived already, and is read in the next round of the event loop
    setImmediate(() => setImmediate(() => keepWithin(socket, peer)))
  })

  server.on("request", (request, response) => {
    const socket = byOrigin.get(originOf(request.socket))
    if (socket === undefined) return
    waiting.delete(socket)
    response.on("close", () => {
      if (left.has(socket)) waiting.add(socket)
    })
  })
}

const destroy = (sockets: ReadonlySet<Net.Socket>, except?: ReadonlySet<Net.Socket>): void => {
  for (const socket of sockets) if (except?.has(socket) !== true) socket.destroy()
}

/**
 * Takes no more connections, lets requests that are being answered end for a while, and breaks what is left. The wait
 * itself is not interrupted: by then an interruption is under way, and would make the grace period none.
 */
const close = (
  server: Http.Server,
  { busy, open, tcp }: Connections,
  gracePeriod: Duration.DurationInput
): Effect.Effect<void> =>
  Effect.gen(function* () {
    const breaks = Effect.sync(() => destroy(tcp))
    const limit = yield* Effect.forkDaemon(Effect.interruptible(Effect.delay(breaks, gracePeriod)))
    yield* Effect.async<void>((resume) => {
      server.close(() => resume(Effect.void))
      destroy(open, busy)
    })
    yield* Fiber.interrupt(limit)
  })

/**
 * Serves an app, such as that of one `Webhook` or of `Webhook.route`, until the scope closes. Then no more connections are
 * taken, requests that are being answered get the grace period, and what is left is broken.
 *
 * Slow clients are cut off: with 408 when the headers, or the request as a whole, take too long. They keep no others out
 * before that: see `maximumConnections`.
 *
 * Fails when the port cannot be had, or the key and the certificate cannot be used.
 *
 * @since 0.1.0
 * @category constructors
 */
export const serve = (
  app: HttpApp.Default<never, Scope.Scope>,
  options: ServerOptions
): Effect.Effect<WebhookServerShape, WebhookServerError, Scope.Scope> =>
  Effect.gen(function* () {
    const path = options.path ?? defaultPath
    const server = yield* makeServer(options)
    const connections = watch(server)
    const interval = Duration.toMillis(options.misdirectedLogInterval ?? "10 seconds")
    // ends after the server, which reports to it
    const run = yield* FiberSet.makeRuntime<never, void, never>()
    const logLimits = makeSparingLog(interval)
    limitConnections(server, options, (line) => void run(logLimits(line)))
    yield* Effect.addFinalizer(() => close(server, connections, options.gracePeriod ?? "5 seconds"))
    // loaded when a server is started: most bots have none
    const { makeHandler } = yield* Effect.promise(() => import("@effect/platform-node/NodeHttpServer"))
    // a logged signature would let a reader of the log replay the request
    const handle = yield* Effect.locallyWith(
      makeHandler(atPath(path, app, makeSparingLog(interval))),
      Headers.currentRedactedNames,
      (names) => [...names, "x-signature-ed25519"]
    )
    server.on("request", (request, response) => {
      // a client that hangs up is an everyday event; unheard, it would end the process
      response.on("error", () => {})
      handle(request, response)
    })
    const port = yield* listen(server, options)
    server.on(
      "error",
      (cause) => void run(Effect.logWarning("the webhook server reported an error; it goes on", cause))
    )
    yield* Effect.logInfo(`the webhook listens on port ${port}, path ${path}`)
    return { port, path }
  })

/**
 * The webhook of the bot of `BotConfig` on a server of its own. Fails as {@link serve} does.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options: Options
): Layer.Layer<WebhookServer, WebhookServerError, BotConfig.BotConfig | WebhookIntake.WebhookIntake> =>
  Layer.scoped(
    WebhookServer,
    Effect.flatMap(Webhook.make(options.webhook), ({ app }) => serve(app, options))
  ).pipe(Layer.provide(NodeSignature.layer))

const path: Config.Config<string> = Config.string("QQ_WEBHOOK_PATH").pipe(
  Config.mapOrFail((text) =>
    /^\/[^\s?#]*$/.test(text)
      ? Either.right(text)
      : Either.left(ConfigError.InvalidData(["QQ_WEBHOOK_PATH"], "must begin with a slash, without query or fragment"))
  ),
  Config.withDefault(defaultPath)
)

/**
 * As {@link layer}, with the port of `QQ_WEBHOOK_PORT`, by default 8080, and the path of `QQ_WEBHOOK_PATH`, by default
 * {@link defaultPath}. A variable that cannot be used fails with an error that names it.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options?: Omit<Options, "port" | "path">
): Layer.Layer<
  WebhookServer,
  WebhookServerError | ConfigError.ConfigError,
  BotConfig.BotConfig | WebhookIntake.WebhookIntake
> =>
  Layer.unwrapEffect(
    Effect.map(Config.all({ port: Config.withDefault(Config.port("QQ_WEBHOOK_PORT"), 8080), path }), (environment) =>
      layer({ ...options, ...environment })
    )
  )
