/**
 * An HTTP client whose every request goes to a model of the platform, whatever its host.
 *
 * @since 0.1.0
 */
import * as Cookies from "@effect/platform/Cookies"
import * as Headers from "@effect/platform/Headers"
import type * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as HttpIncomingMessage from "@effect/platform/HttpIncomingMessage"
import * as Effect from "effect/Effect"
import * as Inspectable from "effect/Inspectable"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { type Answer, storePath } from "./model/Model.ts"
import { ModelRunner, type ModelRunnerShape } from "./ModelRunner.ts"

// In every runtime, but typed only by the DOM library, which this package does without.
declare const TextDecoder: new () => { readonly decode: (bytes: Uint8Array) => string }
declare const TextEncoder: new () => { readonly encode: (text: string) => Uint8Array<ArrayBuffer> }

/** The platform's own responses read their bodies through promises, which a virtual clock cannot wait for. */
class ModelResponse extends Inspectable.Class implements HttpClientResponse.HttpClientResponse {
  readonly [HttpIncomingMessage.TypeId]: HttpIncomingMessage.TypeId = HttpIncomingMessage.TypeId
  readonly [HttpClientResponse.TypeId]: HttpClientResponse.TypeId = HttpClientResponse.TypeId
  readonly request: HttpClientRequest.HttpClientRequest
  readonly status: number
  readonly headers: Headers.Headers
  readonly cookies: Cookies.Cookies = Cookies.empty
  readonly remoteAddress: Option.Option<string> = Option.none()
  readonly text: Effect.Effect<string>
  readonly #body: string

  constructor(request: HttpClientRequest.HttpClientRequest, answer: Extract<Answer, { readonly _tag: "Reply" }>) {
    super()
    this.request = request
    this.status = answer.status
    this.headers = Headers.fromInput({
      "content-length": String(new TextEncoder().encode(answer.body).byteLength),
      ...answer.headers
    })
    this.text = Effect.succeed(answer.body)
    this.#body = answer.body
  }

  toJSON(): unknown {
    return HttpIncomingMessage.inspect(this, {
      _id: "@effect/platform/HttpClientResponse",
      request: this.request.toJSON(),
      status: this.status
    })
  }

  #undecodable(cause: unknown): HttpClientError.ResponseError {
    return new HttpClientError.ResponseError({ request: this.request, response: this, reason: "Decode", cause })
  }

  get json(): Effect.Effect<unknown, HttpClientError.ResponseError> {
    return Effect.try({
      try: (): unknown => (this.#body === "" ? null : JSON.parse(this.#body)),
      catch: (cause) => this.#undecodable(cause)
    })
  }

  get arrayBuffer(): Effect.Effect<ArrayBuffer> {
    return Effect.sync(() => new TextEncoder().encode(this.#body).buffer)
  }

  get stream(): Stream.Stream<Uint8Array> {
    return Stream.suspend(() => (this.#body === "" ? Stream.empty : Stream.make(new TextEncoder().encode(this.#body))))
  }

  get urlParamsBody(): Effect.Effect<never, HttpClientError.ResponseError> {
    return Effect.suspend(() => Effect.fail(this.#undecodable("the platform answers with no form")))
  }

  get formData(): Effect.Effect<never, HttpClientError.ResponseError> {
    return this.urlParamsBody
  }
}

const textOf = (body: HttpBody.HttpBody): string => {
  switch (body._tag) {
    case "Uint8Array":
      return new TextDecoder().decode(body.body)
    case "Raw":
      return typeof body.body === "string" ? body.body : ""
    // The model has no endpoint for forms and streams: it answers these requests without their bodies.
    case "FormData":
    case "Stream":
    case "Empty":
      return ""
  }
}

/** The body of a request to the store. */
const bytesOf = (body: HttpBody.HttpBody): Uint8Array | undefined => {
  const isBytes = (body._tag === "Uint8Array" || body._tag === "Raw") && body.body instanceof Uint8Array
  return isBytes ? (body.body as Uint8Array) : undefined
}

const broken = (
  request: HttpClientRequest.HttpClientRequest,
  code: "ECONNRESET" | "ECONNREFUSED"
): HttpClientError.RequestError =>
  new HttpClientError.RequestError({
    request,
    reason: "Transport",
    cause: Object.assign(new Error(code === "ECONNRESET" ? "read ECONNRESET" : "connect ECONNREFUSED"), { code })
  })

const answerOf = (
  request: HttpClientRequest.HttpClientRequest,
  answer: Answer
): Effect.Effect<ModelResponse, HttpClientError.RequestError> => {
  switch (answer._tag) {
    case "Hang":
      return Effect.never
    case "Reset": {
      const failure = broken(request, answer.refused === true ? "ECONNREFUSED" : "ECONNRESET")
      return answer.after > 0 ? Effect.delay(failure, answer.after) : failure
    }
    case "Reply": {
      const response = new ModelResponse(request, answer)
      return answer.after > 0 ? Effect.delay(Effect.succeed(response), answer.after) : Effect.succeed(response)
    }
  }
}

/**
 * A client of the model of a runner. `Reset` becomes a `RequestError` of reason `Transport` whose cause has the `code` that
 * Node would give it; `Hang` never ends.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (runner: ModelRunnerShape): HttpClient.HttpClient =>
  HttpClient.make((request, url) =>
    Effect.flatMap(
      runner.call((model, now) =>
        model.request(now, {
          method: request.method,
          path: `${url.pathname}${url.search}`,
          headers: request.headers,
          ...(url.pathname.startsWith(storePath)
            ? { body: "", bytes: bytesOf(request.body) }
            : { body: textOf(request.body) })
        })
      ),
      (answer) => answerOf(request, answer)
    )
  )

/**
 * {@link make} in the place of a real client.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<HttpClient.HttpClient, never, ModelRunner> = Layer.effect(
  HttpClient.HttpClient,
  Effect.map(ModelRunner, make)
)
