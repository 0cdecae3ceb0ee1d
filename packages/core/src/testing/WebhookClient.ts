/**
 * The platform's side of the webhook transport, for tests of a bot that is called by it: signs requests as the platform
 * does, and repeats an event until it is acknowledged.
 *
 * @since 0.1.0
 */
import * as Headers from "@effect/platform/Headers"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { BotConfig } from "../BotConfig.ts"
import { Opcode, type Frame } from "../gateway/Frame.ts"
import { message, Signature } from "../webhook/Signature.ts"

// In every runtime, but typed only by the DOM library, which this package does without.
declare const Request: new (
  url: string,
  options: { readonly method: string }
) => Parameters<typeof HttpServerRequest.fromWeb>[0]
declare const TextDecoder: new () => { readonly decode: (bytes: Uint8Array) => string }
declare const TextEncoder: new () => { readonly encode: (text: string) => Uint8Array }

/**
 * One request of the platform. Names of headers are in lower case.
 *
 * @since 0.1.0
 * @category models
 */
export interface WebhookRequest {
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

/**
 * What a webhook answered.
 *
 * @since 0.1.0
 * @category models
 */
export interface Answer {
  readonly status: number
  readonly body: string
}

/**
 * Where requests go: see {@link toApp} and {@link toUrl}.
 *
 * @since 0.1.0
 * @category models
 */
export type Target<E = never> = (request: WebhookRequest) => Effect.Effect<Answer, E>

/**
 * To an app in this process, with no network between. Nothing in it is a promise, so it works under a virtual clock too.
 *
 * @since 0.1.0
 * @category targets
 */
export const toApp =
  (app: HttpApp.Default<never, Scope.Scope>): Target =>
  ({ body, headers }) =>
    app.pipe(
      Effect.provideService(
        HttpServerRequest.HttpServerRequest,
        // the body of a web request comes in promises, and not every header can be put into one
        Object.create(HttpServerRequest.fromWeb(new Request("http://webhook.test/", { method: "POST" })), {
          headers: { value: Headers.fromInput(headers) },
          stream: { value: Stream.make(body) }
        }) as HttpServerRequest.HttpServerRequest
      ),
      Effect.map(({ body: answered, status }) => ({
        status,
        body: answered._tag === "Uint8Array" ? new TextDecoder().decode(answered.body) : ""
      })),
      Effect.scoped
    )

/**
 * To a server.
 *
 * @since 0.1.0
 * @category targets
 */
export const toUrl = (
  url: string
): Effect.Effect<Target<HttpClientError.HttpClientError>, never, HttpClient.HttpClient> =>
  Effect.map(
    HttpClient.HttpClient,
    (client) =>
      ({ body, headers }) =>
        HttpClientRequest.post(url).pipe(
          HttpClientRequest.setHeaders(Headers.fromInput(headers)),
          HttpClientRequest.bodyUint8Array(body, headers["content-type"] ?? "application/json"),
          client.execute,
          Effect.flatMap((response) =>
            Effect.map(response.text, (text): Answer => ({ status: response.status, body: text }))
          )
        )
  )

/**
 * How the platform repeats what was not acknowledged. The count has been seen (AstrBot#5788); how long it waits for an
 * answer and between two attempts is not published.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Default 3. */
  readonly repeats?: number | undefined
  /** From the end of one attempt to the next. Default 1 s. */
  readonly spacing?: Duration.DurationInput | undefined
  /** How long an answer is waited for. Default 3 s. */
  readonly patience?: Duration.DurationInput | undefined
}

/**
 * What {@link make} gives.
 *
 * @since 0.1.0
 * @category models
 */
export interface WebhookClient<E> {
  /** Signs a body, with the time of the clock unless another one is given. Headers that are given win over its own. */
  readonly sign: (
    body: string | Uint8Array,
    options?: { readonly timestamp?: string; readonly headers?: Readonly<Record<string, string>> }
  ) => Effect.Effect<WebhookRequest>
  /** Sends one request, once. */
  readonly post: Target<E>
  /**
   * Sends an event, and repeats it, signed anew, until it is acknowledged. Gives all answers in their order; an attempt
   * that was not answered in time, or failed, has none.
   */
  readonly deliver: (event: Omit<Frame, "op">) => Effect.Effect<ReadonlyArray<Answer>>
  /** Checks the address, as the console does when it is saved: whether the answer is right. */
  readonly validate: (token: string) => Effect.Effect<boolean, E>
}

const decodeValidation = Schema.decodeOption(
  Schema.parseJson(Schema.Struct({ plain_token: Schema.String, signature: Schema.String }))
)

const isAcknowledgement = ({ body, status }: Answer): boolean => status === 200 && !/"d":\s*1\b/.test(body)

/**
 * A client that calls the webhook of the bot of `BotConfig`.
 *
 * @example
 * ```ts
 * import { Webhook } from "@effect-qq/core"
 * import { WebhookClient } from "@effect-qq/core/testing"
 * import { Effect } from "effect"
 *
 * const test = Effect.gen(function* () {
 *   const { app } = yield* Webhook.make()
 *   const platform = yield* WebhookClient.make(WebhookClient.toApp(app))
 *   return yield* platform.deliver({
 *     id: "C2C_MESSAGE_CREATE:1",
 *     t: "C2C_MESSAGE_CREATE",
 *     d: { id: "m1", author: { user_openid: "u1" }, content: "hi" }
 *   })
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <E>(
  post: Target<E>,
  options?: Options
): Effect.Effect<WebhookClient<E>, never, BotConfig | Signature> =>
  Effect.gen(function* () {
    const { appId } = yield* BotConfig
    const signatures = yield* Signature

    const sign: WebhookClient<E>["sign"] = (text, changes) =>
      Effect.gen(function* () {
        const now = yield* Clock.currentTimeMillis
        const timestamp = changes?.timestamp ?? String(Math.floor(now / 1000))
        const body = typeof text === "string" ? new TextEncoder().encode(text) : text
        const signature = yield* signatures.sign(message(timestamp, body))
        return {
          headers: {
            "content-type": "application/json",
            "user-agent": "QQBot-Callback",
            "x-bot-appid": appId,
            "x-signature-ed25519": signature,
            "x-signature-timestamp": timestamp,
            ...changes?.headers
          },
          body
        }
      })

    const attempt = (body: string) => Effect.flatMap(sign(body), post)

    return {
      sign,
      post,
      deliver: (event) =>
        Effect.gen(function* () {
          const body = JSON.stringify({ ...event, op: Opcode.Dispatch })
          const answers: Array<Answer> = []
          const once = attempt(body).pipe(
            Effect.timeout(options?.patience ?? Duration.seconds(3)),
            Effect.map((answer) => {
              answers.push(answer)
              return isAcknowledgement(answer)
            }),
            Effect.orElseSucceed(() => false)
          )
          yield* Effect.repeat(once, {
            until: (acknowledged) => acknowledged,
            schedule: Schedule.spaced(options?.spacing ?? Duration.seconds(1)),
            times: options?.repeats ?? 3
          })
          return answers
        }),
      validate: (token) =>
        Effect.gen(function* () {
          const seconds = String(Math.floor((yield* Clock.currentTimeMillis) / 1000))
          const answer = yield* attempt(
            JSON.stringify({ op: Opcode.CallbackValidation, d: { plain_token: token, event_ts: seconds } })
          )
          const signature = yield* signatures.sign(`${seconds}${token}`)
          return Option.exists(
            decodeValidation(answer.body),
            (answered) => answer.status === 200 && answered.plain_token === token && answered.signature === signature
          )
        })
    }
  })
