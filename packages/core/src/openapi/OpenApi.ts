/**
 * The OpenAPI of the platform: requests go out with the bot's token, answers come back as values or typed errors.
 *
 * An answer is judged by the code in its body, whatever its HTTP status: errors come with 200, business errors with 500.
 * A refused token is replaced and the request sent once more, likewise where the platform asks for exactly that. Nothing
 * else is repeated here: whether a call may happen twice is for the caller to know.
 *
 * @since 0.1.0
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as UrlParams from "@effect/platform/UrlParams"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as BotConfig from "../BotConfig.ts"
import { type Fields, recordOf } from "../internal/Wire.ts"
import * as AccessToken from "./AccessToken.ts"
import * as ApiError from "./ApiError.ts"
import * as ErrorCode from "./ErrorCode.ts"
import * as HttpExchange from "./HttpExchange.ts"
import * as RetryAfter from "./RetryAfter.ts"
import * as Tracing from "./Tracing.ts"

/**
 * A call.
 *
 * @since 0.1.0
 * @category models
 */
export interface Request {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE"
  /** Begins with a slash; ids inside it are encoded by the caller. No query, no `.` and `..` segments. */
  readonly path: string
  /** Entries that are `undefined` are left out. */
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>> | undefined
  /** Sent as JSON; none when `undefined`. */
  readonly body?: unknown
  /** `Authorization` and `X-Union-Appid` are set whatever is here. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** For each time it is sent, until the whole answer is read; as long again may be spent on a token. Default 15 s. */
  readonly timeout?: Duration.DurationInput | undefined
}

/**
 * An answer that is no error.
 *
 * @since 0.1.0
 * @category models
 */
export interface Response {
  readonly status: number
  /** The value of the JSON; `undefined` when there was no body. Not validated. */
  readonly body: unknown
  /** Names this call to the platform's support. From the body, else from the header `x-tps-trace-id`. */
  readonly traceId?: string | undefined
}

/**
 * What the service does.
 *
 * @since 0.1.0
 * @category models
 */
export interface OpenApiShape {
  /**
   * Sends a call. Fails with
   *
   * - `ApiError`: the platform refused it; `class` says how.
   * - `ApiUnavailable`: there is no usable answer; `outcome` says whether it may have acted.
   * - `TokenRejected`: the credentials are wrong, or a token was refused again after it was replaced.
   * - `TokenUnavailable`: there is no token; nothing was sent.
   * - `IpRefused`: this machine's address is not on the allow-list.
   *
   * With the preset `default`, a GET whose host cannot be reached at all goes to the preset `legacy`.
   */
  readonly request: (request: Request) => Effect.Effect<Response, ApiError.OpenApiError>
}

/**
 * The OpenAPI of the platform.
 *
 * @since 0.1.0
 * @category tags
 */
export class OpenApi extends Context.Tag("@effect-qq/core/OpenApi")<OpenApi, OpenApiShape>() {}

const defaultTimeout: Duration.DurationInput = "15 seconds"

/** An id in a path may have come from the wire: it must not lead to another call than the caller meant. */
const isPath = (path: string): boolean => /^\/[^\s?#\\]*$/.test(path) && !/\/(?:\.|%2e){0,2}(?:\/|$)/i.test(path)

/** The path with its ids replaced: what a span may show, and few enough to group by. */
const templateOf = (path: string): string =>
  path
    .split("/")
    .map((segment) => (segment === "" || /^(v\d+|@?[a-z][a-z_]{0,39})$/.test(segment) ? segment : ":id"))
    .join("/")

const queryOf = ({ query }: Request): string => {
  const text = query === undefined ? "" : UrlParams.toString(UrlParams.fromInput(query))
  return text === "" ? "" : `?${text}`
}

const endpointOf = ({ method, path }: Request): ErrorCode.Endpoint =>
  method === "POST" && /\/(messages|stream_messages)$/.test(path) ? "send" : "other"

const notSent = (detail: string): ApiError.ApiUnavailable =>
  new ApiError.ApiUnavailable({ reason: "Malformed", outcome: "not-sent", detail })

const unavailable = (failure: HttpExchange.ExchangeFailed): ApiError.ApiUnavailable => {
  const { detail, reason, status } = failure
  switch (reason) {
    case "Unreachable":
      return new ApiError.ApiUnavailable({ reason: "Transport", outcome: "not-sent", status, detail })
    case "Unsendable":
      return notSent(detail)
    case "Broken":
      return new ApiError.ApiUnavailable({ reason: "Transport", outcome: "unknown", status, detail })
    case "TimedOut":
      return new ApiError.ApiUnavailable({ reason: "TimedOut", outcome: "unknown", status, detail })
    case "TooLarge":
      return new ApiError.ApiUnavailable({ reason: "Malformed", outcome: "unknown", status, detail })
  }
}

const isSuccess = (status: number): boolean => status >= 200 && status < 300

const traceOf = (fields: Fields | undefined, header: string | undefined): string | undefined => {
  const candidate = typeof fields?.["trace_id"] === "string" && fields["trace_id"] !== "" ? fields["trace_id"] : header
  return candidate === undefined || candidate === "" ? undefined : HttpExchange.line(candidate).slice(0, 128)
}

/** An answer that is not JSON is not the API's but that of an edge server before it. */
const fromEdge = (status: number): ErrorCode.ErrorClass => {
  if (status === 429) return "rate_limited"
  return status === 413 ? "bad_request" : "transient"
}

/** Where an audit has no `data`, its id is beside the code. */
const dataOf = (errorClass: ErrorCode.ErrorClass, fields: Fields | undefined): unknown =>
  fields?.["data"] ?? (errorClass === "audit_pending" ? fields : undefined)

const interpret = (
  answer: HttpExchange.Answer,
  endpoint: ErrorCode.Endpoint,
  token: Redacted.Redacted,
  longestWait: Duration.Duration
): Effect.Effect<Response, ApiError.ApiError | ApiError.ApiUnavailable> => {
  const { headers, status, text } = answer
  const header = headers["x-tps-trace-id"]
  const empty = text.trim() === ""
  const parsed = empty ? undefined : HttpExchange.parseJson(text)
  const codes = recordOf(parsed?.value)
  const code = HttpExchange.wireInteger(codes?.["code"])
  const errCode = HttpExchange.wireInteger(codes?.["err_code"])
  if (isSuccess(status)) {
    if (!empty && parsed === undefined) {
      return Effect.fail(
        new ApiError.ApiUnavailable({
          reason: "Malformed",
          outcome: "unknown",
          status,
          detail: "the answer is not JSON"
        })
      )
    }
    if ((code ?? 0) === 0 && (errCode ?? 0) === 0) {
      return Effect.succeed({ status, body: parsed?.value, traceId: traceOf(codes, header) })
    }
  }
  // What goes into an error goes into logs, and nothing keeps a server from echoing what it was sent.
  const secret = Redacted.value(token)
  const redact = (_: string, value: unknown): unknown =>
    typeof value === "string" ? value.replaceAll(secret, "<redacted>") : value
  const fields = codes === undefined ? undefined : recordOf(HttpExchange.parseJson(text, redact)?.value)
  const message = typeof fields?.["message"] === "string" ? fields["message"] : ""
  const errorClass =
    empty || parsed !== undefined ? ErrorCode.classify({ status, code, errCode, message, endpoint }) : fromEdge(status)
  return Effect.flatMap(RetryAfter.ofAnswer(headers, fields, longestWait), (retryAfter) =>
    Effect.fail(
      new ApiError.ApiError({
        status,
        code,
        errCode,
        class: errorClass,
        detail: empty || parsed !== undefined ? HttpExchange.line(message) : "the answer is not JSON",
        traceId: traceOf(fields, header?.replaceAll(secret, "<redacted>")),
        retryAfter,
        data: dataOf(errorClass, fields)
      })
    )
  )
}

/** The JSON of a body; `undefined` where it cannot be written. */
const encode = (body: unknown): { readonly text: string | undefined } | undefined => {
  try {
    return { text: JSON.stringify(body) as string | undefined }
  } catch {
    return undefined
  }
}

/** The retries that a refused call has left: with another token, or the same request once more. */
interface RetryAllowance {
  readonly replace: boolean
  readonly repeat: boolean
}

/**
 * Makes the service.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<
  OpenApiShape,
  never,
  AccessToken.AccessToken | BotConfig.BotConfig | HttpClient.HttpClient
> = Effect.gen(function* () {
  const { appId, hosts, session: policy } = yield* BotConfig.BotConfig
  const accessToken = yield* AccessToken.AccessToken
  const exchange = HttpExchange.make(yield* HttpClient.HttpClient)
  const fallback = hosts.fallback?.api

  const headersOf = (
    request: Request,
    body: string | undefined,
    token: AccessToken.Token
  ): Readonly<Record<string, string>> => {
    const headers: Record<string, string> = { accept: "application/json" }
    for (const [name, value] of Object.entries(request.headers ?? {})) headers[name.toLowerCase()] = value
    headers["x-union-appid"] = appId
    headers["authorization"] = Redacted.value(token.authorization)
    if (body !== undefined) headers["content-type"] = "application/json; charset=utf-8"
    return headers
  }

  const tokenWithin = (timeout: Duration.DurationInput): Effect.Effect<AccessToken.Token, ApiError.AccessTokenError> =>
    Effect.flatMap(accessToken.held, (held) =>
      Option.isSome(held)
        ? Effect.succeed(held.value)
        : Effect.timeoutFail(accessToken.get, {
            duration: timeout,
            onTimeout: () => new ApiError.TokenUnavailable({ reason: "TimedOut", detail: "no token in time" })
          })
    )

  const send = (
    request: Request,
    body: string | undefined,
    token: AccessToken.Token
  ): Effect.Effect<Response, ApiError.ApiError | ApiError.ApiUnavailable> => {
    const { method, path } = request
    const timeout = request.timeout ?? defaultTimeout
    const headers = headersOf(request, body, token)
    const target = path + queryOf(request)
    const first = exchange({ method, url: hosts.api + target, headers, body }, timeout)
    const answer =
      fallback === undefined || method !== "GET"
        ? first
        : Effect.catchAll(first, (error) =>
            error.reason === "Unreachable"
              ? exchange({ method, url: fallback + target, headers, body }, timeout)
              : Effect.fail(error)
          )
    return Effect.matchEffect(answer, {
      onFailure: (failure) => Effect.fail(unavailable(failure)),
      onSuccess: (got) => interpret(got, endpointOf(request), token.value, policy.maximumRetryAfter)
    })
  }

  const run = (
    request: Request,
    body: string | undefined,
    allowance: RetryAllowance
  ): Effect.Effect<Response, ApiError.OpenApiError> =>
    Effect.flatMap(tokenWithin(request.timeout ?? defaultTimeout), (token) =>
      Effect.catchAll(send(request, body, token), (error): Effect.Effect<Response, ApiError.OpenApiError> => {
        if (error._tag === "ApiUnavailable") return Effect.fail(error)
        const facts = { code: error.code ?? error.errCode, detail: error.detail, traceId: error.traceId }
        switch (error.class) {
          case "ip_not_allowed":
            return Effect.fail(new ApiError.IpRefused(facts))
          case "token_refresh":
            return allowance.replace
              ? Effect.zipRight(accessToken.reject(token.fetch), run(request, body, { ...allowance, replace: false }))
              : Effect.fail(new ApiError.TokenRejected(facts))
          case "retry_once":
            return allowance.repeat ? run(request, body, { ...allowance, repeat: false }) : Effect.fail(error)
          default:
            return Effect.fail(error)
        }
      })
    )

  return {
    request: (request) =>
      Effect.suspend(() => {
        if (!isPath(request.path)) return Effect.fail(notSent("the path of the request is malformed"))
        const body = encode(request.body)
        return body === undefined
          ? Effect.fail(notSent("the body of the request cannot be written as JSON"))
          : run(request, body.text, { replace: true, repeat: true })
      }).pipe(
        Tracing.withSpan<Response>(
          "OpenApi.request",
          () => ({
            kind: "client",
            attributes: { "http.request.method": request.method, "url.template": templateOf(request.path) }
          }),
          ({ status, traceId }) => ({
            "http.response.status_code": status,
            ...(traceId === undefined ? {} : { "qq.trace_id": traceId })
          })
        )
      )
  }
})

/**
 * The OpenAPI of the configured bot.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<OpenApi, never, AccessToken.AccessToken | BotConfig.BotConfig | HttpClient.HttpClient> =
  Layer.effect(OpenApi, make)
