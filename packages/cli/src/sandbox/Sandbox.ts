/**
 * The platform on this machine: the model of `@effect-qq/core/testing` behind real HTTP and real WebSockets on 127.0.0.1,
 * for any client in any language.
 *
 * Other processes steer it over HTTP:
 *
 * | request | body | answer |
 * | --- | --- | --- |
 * | `POST /sandbox/say` | `{scene, …, text, wait?}`, see below | `{id, answers}` |
 * | `POST /sandbox/fault` | a fault, such as `{"_tag": "Reconnect"}` | `{}` |
 * | `GET /sandbox/journal?last=1000` | | `{journal, sent}` |
 *
 * Who says it depends on the scene: `"c2c"` has `user`; `"group"` has `group`, `member` and optionally `at` and `full`;
 * `"channel"` has `channel`, `user` and optionally `guild` and `at`; `"dm"` has `guild` and `user`. `full` says that the group
 * lets the bot receive everything: `true` sends what addresses the bot as two events, `"only"` as GROUP_MESSAGE_CREATE alone.
 *
 * `wait` is in milliseconds, 60 000 at most; 0, the default, listens for no answers. These paths need no credentials: they
 * are served to this machine alone, and not to pages in a browser.
 *
 * @since 0.1.0
 */
import type { Journal } from "@effect-qq/core/testing"
import { Fault, Model, PlatformModel } from "@effect-qq/core/testing"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as PubSub from "effect/PubSub"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Buffer from "node:buffer"
import * as Http from "node:http"
import type * as Net from "node:net"
import type { Duplex } from "node:stream"
import * as WebSocket from "ws"

/**
 * The sandbox could not start: the port is taken, or may not be used.
 *
 * @since 0.1.0
 * @category errors
 */
export class SandboxError extends Schema.TaggedError<SandboxError>()("SandboxError", {
  reason: Schema.Literal("PortInUse", "ListenFailed"),
  port: Schema.Number,
  cause: Schema.Defect
}) {
  override get message(): string {
    return this.reason === "PortInUse"
      ? `port ${this.port} is taken: end what listens there, or choose another port`
      : `cannot listen on port ${this.port} of 127.0.0.1`
  }
}

/**
 * What {@link make} takes. Everything has a default.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** 0 takes any free port. Default {@link defaultPort}. */
  readonly port?: number | undefined
  /** The app id of the only bot that the sandbox knows. Default `1905000001`. */
  readonly appId?: string | undefined
  /** Its secret. Default `sandbox-secret`. */
  readonly secret?: Redacted.Redacted | undefined
  /** What kind of platform it is otherwise: heartbeat interval, windows, limits. */
  readonly platform?: Omit<PlatformModel.Options, "appId" | "secret" | "gatewayUrl" | "storeUrl"> | undefined
}

/**
 * The port where `effect-qq sandbox` listens and `effect-qq say` asks unless told otherwise.
 *
 * @since 0.1.0
 * @category constants
 */
export const defaultPort = 8787

/**
 * What was said and what the bot answered to it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Exchange {
  /** The id of the message that was said. */
  readonly id: string
  /** Passive replies to it, and what the bot sent to the same conversation by itself meanwhile; oldest first. */
  readonly answers: ReadonlyArray<Journal.SentMessage>
}

/**
 * What the service holds.
 *
 * @since 0.1.0
 * @category models
 */
export interface SandboxShape {
  readonly port: number
  /** The value of `QQ_API_URL`. */
  readonly apiUrl: string
  /** The value of `QQ_TOKEN_URL`. */
  readonly tokenUrl: string
  /** What `GET /gateway/bot` names. */
  readonly gatewayUrl: string
  readonly appId: string
  readonly secret: Redacted.Redacted
  /** A user says something. Gives the message id. */
  readonly say: (said: PlatformModel.Said) => Effect.Effect<string>
  /**
   * A user says something and waits for an answer: this long at most, and less when answers came and nothing followed
   * for a quarter of a second. No answers at the end of the wait are no failure; a wait of zero listens for none.
   */
  readonly ask: (said: PlatformModel.Said, wait: Duration.DurationInput) => Effect.Effect<Exchange>
  /** Any event. Gives the event id. */
  readonly dispatch: (type: string, d: unknown) => Effect.Effect<string>
  readonly inject: (fault: Fault.Fault) => Effect.Effect<void>
  /**
   * The bot's messages from now on; a stream once it is whole. Whoever reads too slowly misses the oldest beyond 1024.
   */
  readonly sent: Stream.Stream<Journal.SentMessage>
  /** To look at: journal, messages, sessions, counters. To change it, use the effects above. */
  readonly model: PlatformModel.PlatformModel
}

/**
 * The platform on this machine.
 *
 * @since 0.1.0
 * @category tags
 */
export class Sandbox extends Context.Tag("@effect-qq/cli/Sandbox")<Sandbox, SandboxShape>() {}

const host = "127.0.0.1"
const defaultAppId = "1905000001"
const defaultSecret = Redacted.make("sandbox-secret")

/** Bytes of a request's body: of those that steer, and of those to the platform, where a file has to fit in base64. */
const maximumBody = { control: 8 * 1024 * 1024, platform: 16 * 1024 * 1024 } as const

/** Bytes of a frame from a client. */
const maximumFrame = 1024 * 1024

/** Messages that {@link SandboxShape.sent} keeps for a slow reader. */
const sentCapacity = 1024

/** After an answer, so long without another one means that there are no more. */
const quietAfterAnswer = Duration.millis(250)

const maximumWait = 60_000
const defaultJournalLength = 1000

const Text = Schema.String.pipe(Schema.maxLength(100_000))
const Name = Schema.String.pipe(Schema.minLength(1), Schema.maxLength(200))
const SayRequest = Schema.Union(
  Schema.Struct({ scene: Schema.Literal("c2c"), user: Name, text: Text }),
  Schema.Struct({
    scene: Schema.Literal("group"),
    group: Name,
    member: Name,
    text: Text,
    at: Schema.optionalWith(Schema.Boolean, { exact: true }),
    full: Schema.optionalWith(Schema.Union(Schema.Boolean, Schema.Literal("only")), { exact: true })
  }),
  Schema.Struct({
    scene: Schema.Literal("channel"),
    channel: Name,
    user: Name,
    text: Text,
    guild: Schema.optionalWith(Name, { exact: true }),
    at: Schema.optionalWith(Schema.Boolean, { exact: true })
  }),
  Schema.Struct({ scene: Schema.Literal("dm"), guild: Name, user: Name, text: Text })
)
const decodeSay = Schema.decodeUnknown(SayRequest)
const decodeWait = Schema.decodeUnknown(
  Schema.Struct({
    wait: Schema.optionalWith(Schema.Number.pipe(Schema.between(0, maximumWait)), { default: () => 0 })
  })
)

interface HttpReply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

const json = (status: number, value: unknown): HttpReply => ({
  status,
  headers: { "content-type": "application/json" },
  body: JSON.stringify(value)
})

const headersOf = (request: Http.IncomingMessage): Record<string, string> =>
  Object.fromEntries(
    Object.entries(request.headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, typeof value === "string" ? value : value.join(", ")]]
    )
  )

/** A page in a browser can reach 127.0.0.1 too: by a cross-site request, or by a name that it made point here. */
const isFromThisMachine = (request: Http.IncomingMessage): boolean =>
  request.headers.origin === undefined && /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/.test(request.headers.host ?? "")

/** RFC 6455 allows 1000–1014 without the reserved ones, and 3000–4999. */
const isSendable = (code: number): boolean =>
  (code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006) || (code >= 3000 && code <= 4999)

/** A close frame holds 123 bytes of reason; the rest is cut at a character. */
const reasonOf = (reason: string): string =>
  new TextDecoder("utf-8").decode(new TextEncoder().encode(reason).subarray(0, 123)).replace(/\uFFFD+$/u, "")

/** Breaks a connection as a dying network does: RST, no goodbye. */
const reset = (socket: Duplex): void => {
  if ("resetAndDestroy" in socket) (socket as Net.Socket).resetAndDestroy()
  else socket.destroy()
}

const refuse = (error: ParseResult.ParseError): Effect.Effect<HttpReply> =>
  Effect.succeed(json(400, { error: ParseResult.TreeFormatter.formatErrorSync(error) }))

/** What the edge in front of the platform answers to a body that it does not even pass on. */
const tooLargeForEdge: HttpReply = {
  status: 413,
  headers: { "content-type": "text/html" },
  body: "<html><head><title>413 Request Entity Too Large</title></head><body><center>stgw</center></body></html>"
}

const readBody = (request: Http.IncomingMessage, limit: number): Effect.Effect<Uint8Array, "TooLarge" | "Gone"> =>
  Effect.async((resume) => {
    const chunks: Array<Uint8Array> = []
    let size = 0
    request.on("data", (chunk: Uint8Array) => {
      size += chunk.length
      if (size > limit) resume(Effect.fail("TooLarge"))
      else chunks.push(chunk)
    })
    request.on("end", () => {
      const bytes = new Uint8Array(size)
      let at = 0
      for (const chunk of chunks) {
        bytes.set(chunk, at)
        at += chunk.length
      }
      resume(Effect.succeed(bytes))
    })
    request.on("error", () => resume(Effect.fail("Gone")))
    request.on("close", () => resume(Effect.fail("Gone")))
  })

const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

const listen = (server: Http.Server, port: number): Effect.Effect<number, SandboxError> =>
  Effect.async((resume) => {
    const onError = (cause: NodeJS.ErrnoException): void => {
      const reason = cause.code === "EADDRINUSE" ? "PortInUse" : "ListenFailed"
      resume(Effect.fail(new SandboxError({ reason, port, cause })))
    }
    server.once("error", onError)
    try {
      server.listen(port, host, () => {
        server.off("error", onError)
        resume(Effect.succeed((server.address() as Net.AddressInfo).port))
      })
    } catch (cause) {
      // A port outside 0–65535 is thrown rather than emitted.
      resume(Effect.fail(new SandboxError({ reason: "ListenFailed", port, cause })))
    }
  })

interface Connection {
  readonly socket: WebSocket.WebSocket
  readonly tcp: Duplex
  frozen: boolean
}

/**
 * Starts a sandbox. Closing the scope ends the server and every socket at once.
 *
 * Time is that of Effect's `Clock`. Fails when the port cannot be had.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options?: Options): Effect.Effect<SandboxShape, SandboxError, Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Effect.clock
    const run = yield* FiberSet.makeRuntime<never, void, never>()
    const published = yield* Effect.acquireRelease(PubSub.sliding<Journal.SentMessage>(sentCapacity), PubSub.shutdown)
    const wakeUp = yield* Queue.sliding<void>(1)

    const server = Http.createServer()
    const sockets = new WebSocket.WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: maximumFrame
    })
    const tcpSockets = new Set<Net.Socket>()
    server.on("connection", (socket) => {
      tcpSockets.add(socket)
      // A reset by the client is an everyday event here; unheard, it would end the process.
      socket.on("error", () => {})
      socket.on("close", () => tcpSockets.delete(socket))
    })
    yield* Effect.addFinalizer(() =>
      Effect.async<void>((resume) => {
        server.close(() => resume(Effect.void))
        for (const socket of tcpSockets) socket.destroy()
      })
    )

    const port = yield* listen(server, options?.port ?? defaultPort)
    const appId = options?.appId ?? defaultAppId
    const secret = options?.secret ?? defaultSecret
    const apiUrl = `http://${host}:${port}`
    const gatewayUrl = `ws://${host}:${port}/websocket`
    const model = PlatformModel.make({
      ...options?.platform,
      appId,
      secret: Redacted.value(secret),
      gatewayUrl,
      storeUrl: apiUrl
    })

    const connections = new Map<number, Connection>()
    let lastSent: Journal.SentMessage | undefined
    /** Streams that are being written: they are published once, when they are whole. */
    const unfinished = new Set<Journal.SentMessage>()
    let sleepingUntil = Number.POSITIVE_INFINITY

    const apply = (output: Model.Output): void => {
      const connection = connections.get(output.connection)
      if (connection === undefined || connection.frozen) return
      switch (output._tag) {
        case "Frame":
          connection.socket.send(output.text)
          break
        case "Binary":
          connection.socket.send(output.bytes, { binary: true })
          break
        case "Close":
          connections.delete(output.connection)
          if (isSendable(output.code)) connection.socket.close(output.code, reasonOf(output.reason))
          else if (output.code === 1005) connection.socket.close()
          else reset(connection.tcp)
          break
        case "Drop":
          connections.delete(output.connection)
          reset(connection.tcp)
          break
        case "Freeze":
          connection.frozen = true
          // What comes is thrown away unread, so that even a close frame gets no answer, while the end of the TCP
          // connection is still noticed: a paused socket would count as open long after its client had left.
          connection.tcp.removeAllListeners("data")
          connection.tcp.resume()
          break
      }
    }

    const publish = (): void => {
      const { sent } = model
      let from = sent.length
      while (from > 0 && sent[from - 1] !== lastSent) from--
      for (const message of unfinished) {
        if (message.stream !== "done") continue
        unfinished.delete(message)
        published.unsafeOffer(message)
      }
      for (const message of sent.slice(from)) {
        lastSent = message
        if (message.stream === "generating") unfinished.add(message)
        else published.unsafeOffer(message)
      }
      for (const oldest of unfinished) {
        if (unfinished.size <= sentCapacity) break
        unfinished.delete(oldest)
      }
    }

    /** Every call of the model goes through here: what it has to say is said, and the pump sleeps no longer than it may. */
    const step = <A>(use: (now: number) => A): A => {
      const result = use(clock.unsafeCurrentTimeMillis())
      for (const output of model.drain()) apply(output)
      publish()
      const next = model.nextWake()
      if (next !== undefined && next < sleepingUntil) wakeUp.unsafeOffer(undefined)
      return result
    }

    const pump = Effect.forever(
      Effect.suspend(() => {
        step((now) => model.wake(now))
        const next = model.nextWake()
        sleepingUntil = next ?? Number.POSITIVE_INFINITY
        const woken = Queue.take(wakeUp)
        // At least a millisecond, should the model ask for a time that has come already.
        return next === undefined
          ? woken
          : Effect.raceFirst(woken, Effect.sleep(Math.max(1, next - clock.unsafeCurrentTimeMillis())))
      })
    )

    const say = (said: PlatformModel.Said): Effect.Effect<string> =>
      Effect.sync(() => step((now) => model.say(now, said)))

    const targetOf = (said: PlatformModel.Said): string => {
      switch (said.scene) {
        case "c2c":
          return said.user
        case "group":
          return said.group
        case "channel":
          return said.channel
        case "dm":
          return said.guild
      }
    }

    const ask = (said: PlatformModel.Said, wait: Duration.DurationInput): Effect.Effect<Exchange> =>
      Effect.scoped(
        Effect.gen(function* () {
          // Subscribed first: the answer may come before `say` has returned.
          const messages = yield* PubSub.subscribe(published)
          const id = yield* say(said)
          const isAnswer = (message: Journal.SentMessage): boolean =>
            message.msgId === id ||
            (message.msgId === undefined && message.scene === said.scene && message.target === targetOf(said))
          const answers: Array<Journal.SentMessage> = []
          const next: Effect.Effect<void> = Effect.map(
            Effect.repeat(Queue.take(messages), { until: isAnswer }),
            (message) => void answers.push(message)
          )
          const all = Effect.zipRight(
            next,
            Effect.repeat(Effect.timeoutOption(next, quietAfterAnswer), { until: Option.isNone })
          )
          // An answer that is quicker than a timer of 0 ms would make "no wait" a matter of luck.
          if (Duration.greaterThan(wait, Duration.zero)) yield* Effect.timeoutOption(all, wait)
          return { id, answers }
        })
      )

    const inject = (fault: Fault.Fault): Effect.Effect<void> =>
      Effect.sync(() => step((now) => model.inject(now, fault)))

    const control = (method: string, url: URL, body: string): Effect.Effect<HttpReply> => {
      const parsed: Effect.Effect<unknown, ParseResult.ParseError> = Schema.decodeUnknown(
        Schema.parseJson(Schema.Unknown)
      )(body)
      switch (`${method} ${url.pathname}`) {
        case "POST /sandbox/say":
          return parsed.pipe(
            Effect.flatMap((input) => Effect.all([decodeSay(input), decodeWait(input)])),
            Effect.flatMap(([said, { wait }]) => ask(said, wait)),
            Effect.map((exchange) => json(200, exchange)),
            Effect.catchTag("ParseError", refuse)
          )
        case "POST /sandbox/fault":
          return parsed.pipe(
            Effect.flatMap(Fault.decode),
            Effect.flatMap(inject),
            Effect.as(json(200, {})),
            Effect.catchTag("ParseError", refuse)
          )
        case "GET /sandbox/journal": {
          const last = url.searchParams.get("last") ?? ""
          const length = /^\d{1,6}$/.test(last) ? Number(last) : defaultJournalLength
          const tail = <A>(all: ReadonlyArray<A>): ReadonlyArray<A> => all.slice(Math.max(0, all.length - length))
          return Effect.sync(() => json(200, { journal: tail(model.journal), sent: tail(model.sent) }))
        }
        default:
          return Effect.succeed(json(404, { error: "there is no such path; see the documentation of the sandbox" }))
      }
    }

    const platform = (request: Http.IncomingMessage, bytes: Uint8Array): Effect.Effect<HttpReply | "Reset" | "Hang"> =>
      Effect.suspend((): Effect.Effect<HttpReply | "Reset" | "Hang"> => {
        const answer = step((now) =>
          model.request(now, {
            method: request.method ?? "GET",
            path: request.url ?? "/",
            headers: headersOf(request),
            // what is put into the store is no text
            ...(request.url?.startsWith(Model.storePath) === true ? { body: "", bytes } : { body: textOf(bytes) })
          })
        )
        if (answer._tag === "Hang") return Effect.succeed("Hang")
        const result = answer._tag === "Reset" ? ("Reset" as const) : answer
        return answer.after > 0 ? Effect.delay(Effect.succeed(result), answer.after) : Effect.succeed(result)
      })

    const handle = (request: Http.IncomingMessage, response: Http.ServerResponse): Effect.Effect<void> => {
      const target = request.url ?? "/"
      const isControl = target.startsWith("/sandbox/") && URL.canParse(target, apiUrl)
      return readBody(request, isControl ? maximumBody.control : maximumBody.platform).pipe(
        Effect.flatMap((body) => {
          if (!isControl) return platform(request, body)
          const url = new URL(target, apiUrl)
          return isFromThisMachine(request)
            ? control(request.method ?? "GET", url, textOf(body))
            : Effect.succeed(json(403, { error: "only for programs on this machine" }))
        }),
        Effect.catchAll((reason) =>
          Effect.succeed(
            reason === "Gone"
              ? ("Hang" as const)
              : isControl
                ? json(413, { error: `a body holds ${maximumBody.control} bytes at most` })
                : tooLargeForEdge
          )
        ),
        Effect.map((reply) => {
          if (reply === "Hang") return
          if (reply === "Reset") {
            reset(request.socket)
            return
          }
          const date = DateTime.toDateUtc(DateTime.unsafeMake(model.wallClock(clock.unsafeCurrentTimeMillis())))
          response.writeHead(reply.status, { date: date.toUTCString(), ...reply.headers })
          response.end(reply.body)
        }),
        Effect.catchAllDefect((defect) =>
          Effect.zipRight(
            Effect.logError("the sandbox could not answer a request", defect),
            Effect.sync(() => response.destroy())
          )
        )
      )
    }

    server.on("error", (cause) => void run(Effect.logWarning("the server of the sandbox reports", cause)))
    server.on("request", (request, response) => {
      // A client that hangs up while it waits is no concern of anybody else.
      response.on("error", () => {})
      const fiber = run(handle(request, response))
      response.on("close", () => fiber.unsafeInterruptAsFork(fiber.id()))
    })

    /** A fault of the model ends the connection that met it, not the process. */
    const contained =
      <Arguments extends ReadonlyArray<unknown>>(tcp: Duplex, use: (...values: Arguments) => void) =>
      (...values: Arguments): void => {
        try {
          use(...values)
        } catch (defect) {
          run(Effect.logError("the sandbox gives a connection up", defect))
          reset(tcp)
        }
      }

    const open = (id: number, socket: WebSocket.WebSocket, tcp: Duplex): void => {
      connections.set(id, { socket, tcp, frozen: false })
      // What `ws` finds wrong with a frame is followed by the close event.
      socket.on("error", () => {})
      socket.on(
        "message",
        contained(tcp, (data: Buffer.Buffer, isBinary: boolean) => {
          const connection = connections.get(id)
          if (connection === undefined || connection.frozen) return
          step((now) => model.received(now, id, isBinary ? data : data.toString("utf8")))
        })
      )
      socket.on(
        "close",
        contained(tcp, (code: number) => {
          connections.delete(id)
          // 1006 stands for a connection that broke; it is never on the wire.
          step((now) => model.closed(now, id, code === 1006 ? undefined : code))
        })
      )
      step((now) => model.opened(now, id))
    }

    const upgraded = (request: Http.IncomingMessage, tcp: Duplex, head: Buffer.Buffer): void => {
      const upgrade = step((now) => model.upgrade(now, { path: request.url ?? "/", headers: headersOf(request) }))
      switch (upgrade._tag) {
        case "Accept": {
          const { connection } = upgrade
          const abandoned = (): void => step((now) => model.closed(now, connection))
          tcp.once("close", abandoned)
          sockets.handleUpgrade(request, tcp, head, (socket) => {
            tcp.off("close", abandoned)
            open(connection, socket, tcp)
          })
          break
        }
        case "Refuse": {
          const headers = { ...upgrade.headers, connection: "close", "content-length": "0" }
          const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
          const reason = Http.STATUS_CODES[upgrade.status] ?? "Refused"
          tcp.end([`HTTP/1.1 ${upgrade.status} ${reason}`, ...lines, "", ""].join("\r\n"))
          break
        }
        case "Unreachable":
          reset(tcp)
          break
        case "Silence":
          break
      }
    }
    server.on("upgrade", (request, tcp, head) => {
      tcp.on("error", () => {})
      contained(tcp, upgraded)(request, tcp, head)
    })

    yield* Effect.forkScoped(pump)

    return {
      port,
      apiUrl,
      tokenUrl: `${apiUrl}/app/getAppAccessToken`,
      gatewayUrl,
      appId,
      secret,
      say,
      ask,
      dispatch: (type, d) => Effect.sync(() => step((now) => model.dispatch(now, type, d))),
      inject,
      sent: Stream.fromPubSub(published),
      model
    }
  })

/**
 * A sandbox as a layer. See {@link make}.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: Options): Layer.Layer<Sandbox, SandboxError> => Layer.scoped(Sandbox, make(options))
