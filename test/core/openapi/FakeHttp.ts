/** An HTTP client without a network: answers from a function, with a record of what was asked and when. */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as AccessToken from "../../../packages/core/src/openapi/AccessToken.ts"
import * as BotConfig from "../../../packages/core/src/BotConfig.ts"

export interface Asked {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: string
  /** Milliseconds of the test's clock. */
  readonly at: number
}

export interface Reply {
  readonly status?: number
  /** A string is sent as it is, anything else as JSON. */
  readonly body?: unknown
  readonly headers?: Record<string, string>
}

/** How a request fails before there is an answer. */
export class Broken {
  readonly code: string
  constructor(code: string) {
    this.code = code
  }
}

export const secret = "s3cr3t-of-the-app"

export type Answer = Reply | Broken | "never"

const bodyOf = (request: HttpClientRequest.HttpClientRequest): string =>
  request.body._tag === "Uint8Array" ? new TextDecoder().decode(request.body.body) : ""

/** Small enough to cut through characters. */
const chunkSize = 7919

const toResponse = (request: HttpClientRequest.HttpClientRequest, reply: Reply) => {
  const status = reply.status ?? 200
  const text = typeof reply.body === "string" ? reply.body : reply.body === undefined ? "" : JSON.stringify(reply.body)
  const web = HttpClientResponse.fromWeb(
    request,
    new Response(null, { status, ...(reply.headers === undefined ? {} : { headers: reply.headers }) })
  )
  // Without promises: the test's clock does not wait for them.
  const bytes = new TextEncoder().encode(text)
  const chunks = Array.from({ length: Math.ceil(bytes.length / chunkSize) }, (_, index) =>
    bytes.subarray(index * chunkSize, (index + 1) * chunkSize)
  )
  return Object.create(web, {
    text: { value: Effect.succeed(text) },
    stream: { value: Stream.fromIterable(chunks) }
  }) as typeof web
}

export interface FakeHttp {
  readonly asked: Array<Asked>
  readonly layer: Layer.Layer<HttpClient.HttpClient>
}

export const make = (respond: (asked: Asked, index: number) => Answer | Effect.Effect<Answer>): FakeHttp => {
  const asked: Array<Asked> = []
  const client = HttpClient.make((request, url) =>
    Effect.gen(function* () {
      const entry: Asked = {
        method: request.method,
        url: url.toString(),
        headers: { ...request.headers },
        body: bodyOf(request),
        at: yield* Clock.currentTimeMillis
      }
      asked.push(entry)
      const answer = respond(entry, asked.length - 1)
      const reply = Effect.isEffect(answer) ? yield* answer : answer
      if (reply === "never") return yield* Effect.never
      if (reply instanceof Broken) {
        const cause = Object.assign(new Error(`connect ${reply.code} with ${secret}`), { code: reply.code })
        return yield* new HttpClientError.RequestError({ request, reason: "Transport", cause })
      }
      return toResponse(request, reply)
    })
  )
  return { asked, layer: Layer.succeed(HttpClient.HttpClient, client) }
}

/** A token in the manner of the platform. */
export const tokenReply = (token: string, expiresIn: unknown = "7200"): Reply => ({
  body: { access_token: token, expires_in: expiresIn }
})

export const isTokenRequest = (asked: Asked): boolean => asked.url.endsWith("/app/getAppAccessToken")

/** The configuration of the tests: hosts of its own unless others are named. */
export const config = (hosts?: BotConfig.Options["hosts"]): Layer.Layer<BotConfig.BotConfig> =>
  BotConfig.layer({
    appId: "1905000001",
    secret: Redacted.make(secret),
    hosts: hosts ?? { api: "https://api.test", token: "https://token.test/app/getAppAccessToken" }
  })

/** A token service that hands out `token-1`, `token-2`, …, another after each rejection; no HTTP. */
export const tokens = (): {
  readonly layer: Layer.Layer<AccessToken.AccessToken>
  readonly rejected: Array<number>
} => {
  const rejected: Array<number> = []
  let current = 1
  const get = Effect.sync(() => ({
    value: Redacted.make(`token-${current}`),
    authorization: Redacted.make(`QQBot token-${current}`),
    fetch: current,
    expiresAt: 7_200_000
  }))
  const layer = Layer.succeed(AccessToken.AccessToken, {
    get,
    held: Effect.asSome(get),
    reject: (fetch) =>
      Effect.sync(() => {
        rejected.push(fetch)
        if (fetch === current) current++
      }),
    askAgain: Effect.void
  })
  return { layer, rejected }
}
