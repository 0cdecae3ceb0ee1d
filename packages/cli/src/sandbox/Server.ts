/**
 * The HTTP server of a sandbox: the platform for bots, the API for other programs, and the page.
 *
 * @since 0.1.0
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as FileSystem from "@effect/platform/FileSystem"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpIncomingMessage from "@effect/platform/HttpIncomingMessage"
import { Model } from "@effect-qq/core/testing"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Http from "node:http"
import type * as Net from "node:net"
import type { Engine } from "./Engine.ts"
import type { Desk } from "./Handlers.ts"
import * as Page from "./Page.ts"
import { headersOf, readBody, reset } from "./Wire.ts"

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

/** Where a sandbox listens. */
export const host = "127.0.0.1"

/** Bytes of a request's body: of those that steer, and of those to the platform, where a file has to fit in base64. */
const maximumBody = { control: 8 * 1024 * 1024, files: 16 * 1024 * 1024, platform: 16 * 1024 * 1024 } as const

/** The answer of the edge to a body that is too large for the platform. */
const tooLargeForEdge = {
  status: 413,
  headers: { "content-type": "text/html" },
  body: "<html><head><title>413 Request Entity Too Large</title></head><body><center>stgw</center></body></html>"
}

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

/**
 * @since 0.1.0
 * @category models
 */
export interface Listening {
  readonly server: Http.Server
  readonly port: number
  /** Ends every socket at once. */
  readonly cut: Effect.Effect<void>
}

/**
 * A server that listens until the scope closes, which ends every socket at once.
 *
 * @since 0.1.0
 * @category constructors
 */
export const open = (port: number): Effect.Effect<Listening, SandboxError, Scope.Scope> =>
  Effect.gen(function* () {
    const server = Http.createServer()
    const tcpSockets = new Set<Net.Socket>()
    server.on("connection", (socket) => {
      tcpSockets.add(socket)
      // A reset by the client is an everyday event here; unheard, it would end the process.
      socket.on("error", () => {})
      socket.on("close", () => tcpSockets.delete(socket))
    })
    const cut = Effect.sync(() => {
      for (const socket of tcpSockets) socket.destroy()
    })
    yield* Effect.addFinalizer(() =>
      Effect.async<void>((resume) => {
        server.close(() => resume(Effect.void))
        for (const socket of tcpSockets) socket.destroy()
      })
    )
    return { server, cut, port: yield* listen(server, port) }
  })

/** An answer, a broken connection, or silence. */
type Outcome =
  | "Reset"
  | "Hang"
  | { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: string }

/** Answers a request to the platform. */
const platform = (engine: Engine, request: Http.IncomingMessage, response: Http.ServerResponse): Effect.Effect<void> =>
  readBody(request, maximumBody.platform).pipe(
    Effect.flatMap((bytes): Effect.Effect<Outcome> => {
      const path = request.url ?? "/"
      const asked: Model.Request = {
        method: request.method ?? "GET",
        path,
        headers: headersOf(request),
        // what is put into the store is no text
        ...(path.startsWith(Model.storePath) ? { body: "", bytes } : { body: new TextDecoder().decode(bytes) })
      }
      const answer = engine.step(
        (now) => engine.model.request(now, asked),
        (result) => ({ _tag: "Request", request: asked, answer: result })
      )
      if (answer._tag === "Hang") return Effect.succeed("Hang")
      const result: Outcome = answer._tag === "Reset" ? "Reset" : answer
      return answer.after > 0 ? Effect.delay(Effect.succeed(result), answer.after) : Effect.succeed(result)
    }),
    Effect.catchAll((reason) => Effect.succeed<Outcome>(reason === "Gone" ? "Hang" : tooLargeForEdge)),
    Effect.map((reply) => {
      if (reply === "Hang") return
      if (reply === "Reset") return reset(request.socket)
      const date = DateTime.toDateUtc(DateTime.unsafeMake(engine.model.wallClock(engine.now())))
      response.writeHead(reply.status, { date: date.toUTCString(), ...reply.headers })
      response.end(reply.body)
    })
  )

const refuse = (response: Http.ServerResponse, status: number, error: string): void => {
  response.writeHead(status, { "content-type": "application/json", connection: "close" })
  response.end(JSON.stringify({ error }))
}

/** Answers a request to the API, unless its origin is not allowed. */
const control =
  (desk: Desk, api: (request: Http.IncomingMessage, response: Http.ServerResponse) => void) =>
  (request: Http.IncomingMessage, response: Http.ServerResponse): void => {
    switch (desk.access.judge(request)) {
      case "Foreign":
        return refuse(response, 403, "only for programs on this machine, and for the page of the sandbox")
      case "NoSession":
        return refuse(response, 401, "this browser has no session: open the address that the sandbox prints")
      case "Allowed":
        break
    }
    const isFile = request.url?.startsWith("/sandbox/files?") === true
    const limit = isFile ? maximumBody.files : maximumBody.control
    if (Number(request.headers["content-length"] ?? 0) > limit) {
      return refuse(response, 413, `a body holds ${limit} bytes at most`)
    }
    // The content type is ignored: many clients send JSON as text or as a form.
    request.headers["content-type"] = isFile ? "application/octet-stream" : "application/json"
    api(request, response)
  }

/**
 * Answers the requests of a server.
 *
 * @since 0.1.0
 * @category serving
 */
export const serve = (
  server: Http.Server,
  desk: Desk,
  api: HttpApp.Default,
  options: { readonly page: boolean },
  run: (effect: Effect.Effect<void>) => { readonly interrupt: () => void }
): Effect.Effect<void> =>
  Effect.gen(function* () {
    // a body without a length is cut off while it is read
    const bounded = HttpIncomingMessage.withMaxBodySize(api, Option.some(FileSystem.Size(maximumBody.files)))
    const steer = control(desk, yield* NodeHttpServer.makeHandler(bounded))
    server.on("error", (cause) => run(Effect.logWarning("The server of the sandbox reports an error", cause)))

    const others = (request: Http.IncomingMessage, response: Http.ServerResponse): Effect.Effect<void> =>
      Effect.suspend(() => {
        if (request.method === "GET" && Page.serveFile(desk.files, request.url ?? "/", response)) return Effect.void
        const page = options.page ? Page.serve(desk.access, request, response) : Effect.succeed(false)
        return Effect.flatMap(page, (served) => (served ? Effect.void : platform(desk.engine, request, response)))
      }).pipe(
        Effect.catchAllDefect((defect) =>
          Effect.zipRight(
            Effect.logError("The sandbox could not answer a request", defect),
            Effect.sync(() => response.destroy())
          )
        )
      )

    server.on("request", (request, response) => {
      // A client that hangs up while it waits concerns no other client.
      response.on("error", () => {})
      if (request.url?.startsWith("/sandbox/") === true) return steer(request, response)
      const running = run(others(request, response))
      response.on("close", running.interrupt)
    })
  })
