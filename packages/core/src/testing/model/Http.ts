/**
 * The HTTP side: authorization, routing and injected failures.
 *
 * @since 0.1.0
 */
import type { Endpoint, HttpFailure } from "../Fault.ts"
import * as Endpoints from "./Endpoints.ts"
import type { Messages } from "./Messages.ts"
import type { Metadata } from "./Metadata.ts"
import type { Answer, Request } from "./Model.ts"
import type { Platform } from "./Platform.ts"
import * as Reply from "./Reply.ts"
import type * as Routes from "./Routes.ts"
import * as Settings from "./Settings.ts"
import type { Tokens } from "./Tokens.ts"

/** How many characters of a path the journal keeps. */
const maximumPath = 512

/** The codes of the checks that precede every endpoint. */
const gateCodes: ReadonlySet<number> = new Set([11241, 11243, 11244, 11298])

const traceHeader = "x-tps-trace-id"

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  platform: Platform,
  tokens: Tokens,
  metadata: Metadata,
  messages: Messages,
  administration: (path: string) => ReadonlyArray<Routes.Match>
): ((now: number, request: Request) => Answer) => {
  const { settings } = platform
  const sides: Endpoints.Sides = { platform, tokens, metadata, messages, administration }

  const handle = (
    now: number,
    traceId: string,
    request: Request,
    path: string,
    routes: ReadonlyArray<Endpoints.Route>
  ): Reply.Reply => {
    if (Settings.pathOf(path) === settings.gatewayPath && request.method === "GET") {
      return Reply.text(426, "Upgrade Required: the Upgrade header is missing")
    }
    const route = routes.find((candidate) => candidate.method === request.method)
    if (route?.isOpen !== true) {
      const authorization = request.headers["authorization"]
      if (platform.ipNotAllowed) return Reply.error(traceId, 11298)
      if (authorization === undefined || authorization === "") return Reply.error(traceId, 11241)
      // Over HTTP the scheme is part of the credential; the gateway is more lenient.
      if (!authorization.startsWith("QQBot ") || !tokens.accepts(now, authorization)) return Reply.error(traceId, 11244)
    }
    if (routes.length === 0) return Reply.text(404, "404 page not found")
    if (route === undefined) return Reply.text(405, "405 method not allowed")
    return route.run(now, traceId, request.body, request)
  }

  const failed = (
    traceId: string,
    failure: Extract<HttpFailure, { readonly _tag: "Status" | "Body" }>
  ): Reply.Reply => {
    if (failure._tag === "Body") {
      return { status: failure.status, body: failure.body, contentType: failure.contentType ?? "text/html" }
    }
    const { code, errCode, message, retryAfter, status } = failure
    const reply =
      code === undefined && message === undefined
        ? Reply.text(status, "")
        : Reply.errorOf(traceId, { status, code: code ?? 0, errCode, message: message ?? "injected failure" })
    return retryAfter === undefined ? reply : { ...reply, retryAfter }
  }

  const linkFailure = (endpoint: Endpoint, path: string): HttpFailure | undefined => {
    if (endpoint !== "part" || platform.armed.take("DeadLinks") === undefined) return undefined
    messages.chunks.kill(path)
    return { _tag: "Reset", accepted: false }
  }

  return (now, request) => {
    const path = request.path.replace(/[?#].*$/s, "")
    const routes = Endpoints.routes(sides, path)
    const traceId = platform.count("trace").toString(16).padStart(32, "0")
    const endpoint = routes[0]?.endpoint ?? "any"
    const failure = platform.armed.takeHttp(endpoint)?.failure ?? linkFailure(endpoint, request.path)
    const note = (
      outcome: { readonly answer: "Reset" | "Hang" } | { readonly answer: "Reply"; readonly status: number }
    ) => ({
      at: now,
      kind: "Request" as const,
      method: request.method.slice(0, 16),
      path: path.slice(0, maximumPath),
      ...outcome
    })

    if (failure?._tag === "Refused") {
      platform.journal.push(note({ answer: "Reset" }))
      return { _tag: "Reset", after: 0, refused: true }
    }
    if (failure?._tag === "Reset" || failure?._tag === "Hang") {
      if (failure.accepted) handle(now, traceId, request, path, routes)
      platform.journal.push(note({ answer: failure._tag }))
      return failure._tag === "Reset" ? { _tag: "Reset", after: 0 } : { _tag: "Hang" }
    }
    // an answer with a code comes from the endpoint, not from the edge before it
    if (failure?._tag === "Status" && failure.code !== undefined && !gateCodes.has(failure.code)) {
      routes[0]?.refuse?.(request.body)
    }
    const reply =
      failure === undefined || failure._tag === "Slow"
        ? handle(now, traceId, request, path, routes)
        : failed(traceId, failure)
    const after = failure?._tag === "Slow" ? failure.after : 0
    platform.journal.push({
      ...note({ answer: "Reply", status: reply.status }),
      after,
      ...(reply.code === undefined ? {} : { code: reply.code })
    })
    return {
      _tag: "Reply",
      after,
      status: reply.status,
      headers: {
        ...(reply.body === "" ? {} : { "content-type": reply.contentType }),
        [traceHeader]: traceId,
        ...(reply.retryAfter === undefined ? {} : { "retry-after": reply.retryAfter.toString() })
      },
      body: reply.body
    }
  }
}
