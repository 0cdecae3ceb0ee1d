/**
 * One HTTP request and its whole answer as text, bounded in time and size. It knows no codes; it says how far a request
 * that got no answer had come.
 *
 * @since 0.1.0
 */
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"

// In every runtime, but typed only by the DOM library, which this package does without.
declare const TextDecoder: new () => {
  readonly decode: (bytes?: Uint8Array, options?: { readonly stream: boolean }) => string
}

/**
 * What is asked.
 *
 * @since 0.1.0
 * @category models
 */
export interface Request {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE"
  readonly url: string
  /** By names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** Text is sent with the `content-type` that the headers name. */
  readonly body?: string | Uint8Array | undefined
}

/**
 * What came back. Names of headers are in lower case.
 *
 * @since 0.1.0
 * @category models
 */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly text: string
}

/**
 * Why nothing came back.
 *
 * - `Unreachable`: there was no connection: it was refused, or not made in time, or the host name has no address. Nothing was
 *   sent.
 * - `Unsendable`: the request could not be built. Nothing was sent.
 * - `Broken`: the connection broke, or could not be made for a reason that is not understood.
 * - `TimedOut`: no whole answer in time.
 * - `TooLarge`: the answer has more than {@link maximumSize} bytes.
 *
 * @since 0.1.0
 * @category errors
 */
export class ExchangeFailed extends Data.TaggedError("ExchangeFailed")<{
  readonly reason: "Unreachable" | "Unsendable" | "Broken" | "TimedOut" | "TooLarge"
  /** In words, with the system's code such as `ECONNREFUSED`; nothing of the request. */
  readonly detail: string
  readonly status?: number | undefined
}> {}

/**
 * The largest answer that is read, in bytes: 8 MiB.
 *
 * @since 0.1.0
 * @category constants
 */
export const maximumSize: number = 8 * 1024 * 1024

const unreachableCodes: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "EHOSTDOWN",
  "EHOSTUNREACH",
  "ENETDOWN",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EAI_FAIL",
  "EAI_NODATA",
  "EAI_NONAME",
  "UND_ERR_CONNECT_TIMEOUT"
])

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null

/** The system's code at the root of an error: clients wrap it in `cause` a few times over. */
const systemError = (error: unknown): { readonly code: string; readonly whileConnecting: boolean } | undefined => {
  let current: unknown = error
  for (let depth = 0; depth < 5 && isObject(current); depth++) {
    const { code, syscall } = current
    if (typeof code === "string" && /^[A-Z][A-Z0-9_]{1,40}$/.test(code)) {
      const connectTimedOut = code === "ETIMEDOUT" && syscall === "connect"
      const midway = syscall === "read" || syscall === "write"
      return { code, whileConnecting: connectTimedOut || (unreachableCodes.has(code) && !midway) }
    }
    current = current["cause"]
  }
  return undefined
}

/**
 * The request could not be built.
 *
 * @since 0.1.0
 * @category errors
 */
export const unsendable = (): ExchangeFailed =>
  new ExchangeFailed({ reason: "Unsendable", detail: "the request could not be built" })

/** Of undici and of the URL parser: what was asked for cannot be asked. */
const unsendableCodes: ReadonlySet<string> = new Set([
  "ERR_INVALID_URL",
  "UND_ERR_INVALID_ARG",
  "UND_ERR_NOT_SUPPORTED"
])

/**
 * What a client's error means, or with none the end of the time, while nothing of the request was written yet.
 *
 * @since 0.1.0
 * @category errors
 */
export const unsent = (cause?: unknown): ExchangeFailed => {
  const code = systemError(cause)?.code
  if (code !== undefined && unsendableCodes.has(code)) return unsendable()
  const why = cause === undefined ? "no connection in time" : code
  return new ExchangeFailed({
    reason: "Unreachable",
    detail: `the host cannot be reached${why === undefined ? "" : ` (${why})`}`
  })
}

/**
 * What a client's error before the answer means.
 *
 * @since 0.1.0
 * @category errors
 */
export const unanswered = (cause: unknown): ExchangeFailed => {
  const system = systemError(cause)
  if (system === undefined) return new ExchangeFailed({ reason: "Broken", detail: "the connection broke" })
  return system.whileConnecting
    ? new ExchangeFailed({ reason: "Unreachable", detail: `the host cannot be reached (${system.code})` })
    : new ExchangeFailed({ reason: "Broken", detail: `the connection broke (${system.code})` })
}

/**
 * What a client's error within the answer means.
 *
 * @since 0.1.0
 * @category errors
 */
export const brokenWithin = (status: number, cause: unknown): ExchangeFailed => {
  const code = systemError(cause)?.code
  return new ExchangeFailed({
    reason: "Broken",
    status,
    detail: `the connection broke within the answer${code === undefined ? "" : ` (${code})`}`
  })
}

/**
 * The answer is larger than {@link maximumSize}.
 *
 * @since 0.1.0
 * @category errors
 */
export const tooLarge = (status: number): ExchangeFailed =>
  new ExchangeFailed({ reason: "TooLarge", status, detail: `the answer is larger than ${maximumSize} bytes` })

/**
 * The time is over.
 *
 * @since 0.1.0
 * @category errors
 */
export const timedOut = (): ExchangeFailed => new ExchangeFailed({ reason: "TimedOut", detail: "no answer in time" })

const fromRequestError = (error: HttpClientError.RequestError): ExchangeFailed =>
  error.reason === "Transport" ? unanswered(error.cause) : unsendable()

const fromResponseError = (error: HttpClientError.ResponseError): ExchangeFailed =>
  brokenWithin(error.response.status, error.cause)

/** What a pull that gave nothing means: the end, of an empty body too, or a failure. */
const endOf = (error: Option.Option<HttpClientError.ResponseError>): Effect.Effect<undefined, ExchangeFailed> =>
  Option.isNone(error) || error.value.reason === "EmptyBody"
    ? Effect.succeed(undefined)
    : Effect.fail(fromResponseError(error.value))

const readText = (response: HttpClientResponse.HttpClientResponse): Effect.Effect<string, ExchangeFailed> => {
  const { headers, status } = response
  const length = headers["content-length"]
  // Only in the plain encoding does the header count what is read: a compressed answer may be any size once unpacked.
  const fits = length !== undefined && /^\d{1,15}$/.test(length) && Number(length) <= maximumSize
  if (fits && headers["content-encoding"] === undefined) return Effect.mapError(response.text, fromResponseError)
  // pulled by hand: running a stream takes a fiber and ten times the work, for what is one chunk most of the time
  return Effect.scoped(
    Effect.gen(function* () {
      const pull = yield* Stream.toPull(response.stream)
      const decoder = new TextDecoder()
      let size = 0
      let text = ""
      while (true) {
        const chunk = yield* Effect.catchAll(pull, endOf)
        if (chunk === undefined) return text + decoder.decode()
        for (const bytes of chunk) {
          size += bytes.byteLength
          if (size > maximumSize) return yield* tooLarge(status)
          text += decoder.decode(bytes, { stream: true })
        }
      }
    })
  )
}

/**
 * Sends one request and reads its answer, body included, within `timeout`.
 *
 * @since 0.1.0
 * @category models
 */
export type Exchange = (request: Request, timeout: Duration.DurationInput) => Effect.Effect<Answer, ExchangeFailed>

/**
 * Where a client keeps an {@link Exchange} of its own.
 *
 * @since 0.1.0
 * @category symbols
 */
export const ExchangeId: unique symbol = Symbol.for("@effect-qq/core/HttpExchange/Exchange")

/**
 * A client that makes a whole exchange in one step, for a third of what it costs to put it together from a response, a
 * stream and a time-out. One that is made of it, as by `HttpClient.mapRequest`, is none: what was added would be passed by.
 *
 * @since 0.1.0
 * @category models
 */
export interface ExchangeClient extends HttpClient.HttpClient {
  readonly [ExchangeId]: Exchange
}

const isExchangeClient = (client: HttpClient.HttpClient): client is ExchangeClient => ExchangeId in client

const toClientRequest = ({ body, headers, method, url }: Request): HttpClientRequest.HttpClientRequest => {
  const bare = HttpClientRequest.make(method)(url, { headers })
  if (body === undefined) return bare
  return typeof body === "string"
    ? HttpClientRequest.bodyText(bare, body, headers["content-type"])
    : // without a type or length of its own, the body leaves Content-Length to the HTTP stack
      HttpClientRequest.setBody(bare, HttpBody.raw(body))
}

/**
 * The exchange of a client: its own, else one of its parts. Neither trace headers nor the client's own spans: the platform
 * is not part of anybody's trace, and its callers open a span that holds no id.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (client: HttpClient.HttpClient): Exchange => {
  if (isExchangeClient(client)) return client[ExchangeId]
  const quiet = client.pipe(
    HttpClient.withTracerPropagation(false),
    HttpClient.withTracerDisabledWhen(() => true)
  )
  return (request, timeout) =>
    Effect.suspend(() => quiet.execute(toClientRequest(request))).pipe(
      Effect.mapError((error) => (error._tag === "RequestError" ? fromRequestError(error) : fromResponseError(error))),
      Effect.flatMap((response) =>
        Effect.map(readText(response), (text): Answer => ({ status: response.status, headers: response.headers, text }))
      ),
      Effect.timeoutFail({ duration: timeout, onTimeout: timedOut })
    )
}

/**
 * The value of a text in JSON; `undefined` when it is none.
 *
 * @since 0.1.0
 * @category decoding
 */
export const parseJson = (
  text: string,
  reviver?: (key: string, value: unknown) => unknown
): { readonly value: unknown } | undefined => {
  try {
    return { value: JSON.parse(text, reviver) }
  } catch {
    return undefined
  }
}

/**
 * A text of the platform for an error or a log: on one line, and cut to 500 characters.
 *
 * @since 0.1.0
 * @category decoding
 */
export const line = (text: string): string => {
  // oxlint-disable-next-line no-control-regex -- they are what is taken out
  const flat = text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, " ").trim()
  return flat.length > 500 ? `${flat.slice(0, 499)}…` : flat
}

/**
 * The whole number in a wire field: a number, or a decimal string; `undefined` for anything else.
 *
 * @since 0.1.0
 * @category decoding
 */
export const wireInteger = (value: unknown): number | undefined => {
  if (typeof value === "number") return Number.isSafeInteger(value) ? value : undefined
  return typeof value === "string" && /^-?\d{1,15}$/.test(value) ? Number(value) : undefined
}
