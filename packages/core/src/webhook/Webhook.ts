/**
 * The webhook transport: the platform sends each event in an HTTP request of its own, signed, and repeats it up to three
 * times until it is acknowledged.
 *
 * A {@link Webhook} is an `HttpApp`, for any server: the method and the path are the server's affair. The checks come in
 * this order, and the first that fails says what is answered:
 *
 * | what is wrong | status |
 * | --- | --- |
 * | the content type says that it is not JSON, where the policy minds | 415 |
 * | the signature or the timestamp is missing, or can be none | 401 |
 * | the body is too large; too slow; ends before its end | 413; 408; 400 |
 * | the signature is not that of the timestamp and the body | 401 |
 * | `X-Bot-Appid` is missing; is another bot's | 401; 403 |
 * | the timestamp is too far from the clock of this machine | 401 |
 * | the body is no JSON, or no frame | 400 |
 * | the inbox is full, no handlers run, or they are not done in time where they have to be | 503 |
 * | another process has claimed the event and not settled it, or the claims cannot be asked | 503 |
 *
 * An event that was taken before is acknowledged and goes no further: the platform repeats what it thinks was not
 * delivered, and a request that somebody captured can be sent again. What is refused is counted and logged, at most once
 * a second, never with its body or signature.
 *
 * Several processes behind one address share an `EventClaims`: an event is handled by the one that claims it first, and
 * acknowledged by the others once it is settled.
 *
 * The platform's check of the address (op 13) is answered only if it is signed itself: an attacker who could have anything signed
 * could forge events.
 *
 * @since 0.1.0
 */
import * as Headers from "@effect/platform/Headers"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { BotConfig } from "../BotConfig.ts"
import * as Frame from "../gateway/Frame.ts"
import { EventClaims } from "./EventClaims.ts"
import * as Refusal from "./Refusal.ts"
import * as Signatures from "./Signature.ts"
import { acknowledgement, WebhookEvents } from "./WebhookEvents.ts"
import { WebhookIntake } from "./WebhookIntake.ts"
import * as WebhookPolicy from "./WebhookPolicy.ts"

// In every runtime, but typed only by the DOM library, which this package does without.
declare const TextDecoder: new () => { readonly decode: (bytes: Uint8Array) => string }

/**
 * What the service holds.
 *
 * @since 0.1.0
 * @category models
 */
export interface WebhookShape {
  readonly appId: string
  /** Answers every request, whatever its method and path. Never fails. */
  readonly app: HttpApp.Default<never, Scope.Scope>
}

/**
 * The webhook of one bot.
 *
 * @since 0.1.0
 * @category tags
 */
export class Webhook extends Context.Tag("@effect-qq/core/Webhook")<Webhook, WebhookShape>() {}

export type {
  /**
   * @since 0.1.0
   * @category models
   */
  Refusal
} from "./Refusal.ts"

/** The names of headers, as `Headers` has them. */
const header = {
  appId: "x-bot-appid",
  signature: "x-signature-ed25519",
  timestamp: "x-signature-timestamp"
} as const

/** What a body is read into at first, in bytes. It grows by doubling: most bodies are small. */
const firstRoom = 4096

/** Reads a body; of one that is too large, no more than the limit is kept. */
const read = (
  request: HttpServerRequest.HttpServerRequest,
  policy: WebhookPolicy.WebhookPolicy
): Effect.Effect<Uint8Array, Refusal.Refusal, Scope.Scope> =>
  Effect.gen(function* () {
    const pull = yield* Stream.toPull(request.stream)
    let bytes = new Uint8Array(Math.min(firstRoom, policy.maximumBody))
    let size = 0
    /** Copied: a chunk of one byte may hold on to a buffer of many. */
    const keep = (chunk: Uint8Array): boolean => {
      const length = size + chunk.length
      if (length > policy.maximumBody) return false
      if (length > bytes.length) {
        const grown = new Uint8Array(Math.min(Math.max(2 * bytes.length, length), policy.maximumBody))
        grown.set(bytes.subarray(0, size))
        bytes = grown
      }
      bytes.set(chunk, size)
      size = length
      return true
    }
    const next: Effect.Effect<boolean, Refusal.Refusal> = Effect.matchEffect(pull, {
      onSuccess: (chunks) => (Chunk.every(chunks, keep) ? Effect.succeed(true) : Effect.fail("BodyTooLarge")),
      onFailure: (end) => (Option.isNone(end) ? Effect.succeed(false) : Effect.fail("BodyTruncated"))
    })
    yield* Effect.repeat(next, { while: (more) => more })
    return bytes.subarray(0, size)
  }).pipe(Effect.timeoutFail({ duration: policy.readTimeout, onTimeout: (): Refusal.Refusal => "BodyTooSlow" }))

const headerOf = (headers: Headers.Headers, name: string): string | undefined =>
  Option.getOrUndefined(Headers.get(headers, name))

const saysJson = (headers: Headers.Headers): boolean => {
  const type = headerOf(headers, "content-type")
  return type === undefined || /^\s*application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(type)
}

/** What can be told before the body is read: a request that cannot even pretend to be the platform costs no memory. */
const look = (
  headers: Headers.Headers,
  policy: WebhookPolicy.WebhookPolicy
): Effect.Effect<{ readonly timestamp: string; readonly signature: string }, Refusal.Refusal> => {
  if (policy.contentType === "json" && !saysJson(headers)) return Effect.fail("ContentTypeWrong")
  const signature = headerOf(headers, header.signature)
  if (signature === undefined) return Effect.fail("SignatureMissing")
  if (Signatures.parse(signature) === undefined) return Effect.fail("SignatureMalformed")
  const timestamp = headerOf(headers, header.timestamp)
  if (timestamp === undefined) return Effect.fail("TimestampMissing")
  if (!/^\d{1,12}$/.test(timestamp)) return Effect.fail("TimestampMalformed")
  if (Number(headerOf(headers, "content-length") ?? 0) > policy.maximumBody) return Effect.fail("BodyTooLarge")
  return Effect.succeed({ timestamp, signature })
}

/**
 * What op 13 asks to be signed. A message that could be a timestamp and the body of an event is refused, even in a signed
 * request.
 */
const challenge = (payload: unknown): { readonly token: string; readonly text: string } | undefined => {
  if (typeof payload !== "object" || payload === null) return undefined
  const { event_ts: timestamp, plain_token: token } = payload as {
    readonly event_ts?: unknown
    readonly plain_token?: unknown
  }
  if (typeof token !== "string" || !/^[\w.~+/=-]{1,256}$/.test(token)) return undefined
  const text = typeof timestamp === "number" ? String(timestamp) : timestamp
  return typeof text === "string" && /^\d{1,20}$/.test(text) ? { token, text: `${text}${token}` } : undefined
}

/** The number that op 1 brings, which its answer gives back. */
const sequenceOf = (beat: Frame.Frame): number | null => (typeof beat.d === "number" ? beat.d : (beat.s ?? null))

/**
 * The webhook of one bot.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options?: Partial<WebhookPolicy.WebhookPolicy>
): Effect.Effect<WebhookShape, never, BotConfig | Signatures.Signature | WebhookIntake> =>
  Effect.gen(function* () {
    const policy = { ...WebhookPolicy.defaults, ...options }
    const { appId } = yield* BotConfig
    const signatures = yield* Signatures.Signature
    const intake = yield* WebhookIntake
    const tolerance = Duration.toMillis(policy.tolerance)
    const claims = Option.getOrUndefined(yield* Effect.serviceOption(EventClaims))
    const events = new WebhookEvents(policy, intake, claims)
    const log = Refusal.makeLog()

    const isRecent = (timestamp: string, now: number): boolean => Math.abs(now - Number(timestamp) * 1000) <= tolerance

    const validate = (payload: unknown): Effect.Effect<HttpServerResponse.HttpServerResponse, Refusal.Refusal> => {
      const asked = challenge(payload)
      if (asked === undefined) return Effect.fail("ValidationMalformed")
      return Effect.map(signatures.sign(asked.text), (signature) => {
        Refusal.count("validated")
        return HttpServerResponse.unsafeJson({ plain_token: asked.token, signature })
      })
    }

    const answer = (
      frame: Frame.Frame,
      size: number,
      signature: string,
      now: number
    ): Effect.Effect<HttpServerResponse.HttpServerResponse, Refusal.Refusal> => {
      switch (frame.op) {
        case Frame.Opcode.Dispatch:
          return events.deliver(frame, size, signature, now)
        case Frame.Opcode.CallbackValidation:
          return validate(frame.d)
        case Frame.Opcode.Heartbeat:
          Refusal.count("heartbeat")
          return Effect.succeed(HttpServerResponse.unsafeJson({ op: Frame.Opcode.HeartbeatAck, d: sequenceOf(frame) }))
        default:
          Refusal.count("ignored")
          return Effect.as(log("UnknownOpcode"), acknowledgement)
      }
    }

    const app = Effect.gen(function* () {
      const request = yield* HttpServerRequest.HttpServerRequest
      const { signature, timestamp } = yield* look(request.headers, policy)
      const body = yield* read(request, policy)
      const isSigned = yield* signatures.verify({ timestamp, body, signature })
      if (!isSigned) return yield* Effect.fail<Refusal.Refusal>("SignatureWrong")
      const addressee = headerOf(request.headers, header.appId)
      if (addressee !== appId) {
        return yield* Effect.fail<Refusal.Refusal>(addressee === undefined ? "AppIdMissing" : "AppIdWrong")
      }
      const now = yield* Clock.currentTimeMillis
      if (!isRecent(timestamp, now)) return yield* Effect.fail<Refusal.Refusal>("TimestampTooFar")
      const text = new TextDecoder().decode(body)
      const frame = Frame.parse(text)
      if (Frame.isMalformed(frame)) {
        return yield* Effect.fail<Refusal.Refusal>(frame.reason === "NotAFrame" ? "NotAFrame" : "NotJson")
      }
      return yield* answer(frame, text.length, signature, now)
    }).pipe(
      Effect.catchAll((reason) => {
        Refusal.count(reason)
        return Effect.as(log(reason), Refusal.response(reason))
      }),
      // a server does not let an app be interrupted unless it asks for that, as a client that goes away does
      Effect.interruptible,
      Effect.annotateLogs({ package: "@effect-qq/core", appId })
    )

    return { appId, app }
  })

/**
 * The webhook of one bot.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options?: Partial<WebhookPolicy.WebhookPolicy>
): Layer.Layer<Webhook, never, BotConfig | Signatures.Signature | WebhookIntake> => Layer.effect(Webhook, make(options))

/**
 * Several bots behind one address: a request goes to the bot that its `X-Bot-Appid` names, and to no other, so that only
 * that bot's secret can verify it. Without the header the answer is 401, with an unknown one 403.
 *
 * Dies when two of the bots have the same app id.
 *
 * @since 0.1.0
 * @category constructors
 */
export const route = (webhooks: ReadonlyArray<WebhookShape>): Effect.Effect<HttpApp.Default<never, Scope.Scope>> =>
  Effect.suspend(() => {
    const apps = new Map(webhooks.map(({ app, appId }) => [appId, app]))
    if (apps.size < webhooks.length) return Effect.dieMessage("two webhooks have the same app id")
    const log = Refusal.makeLog()
    return Effect.succeed(
      Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ headers }) => {
        const addressee = headerOf(headers, header.appId)
        const app = addressee === undefined ? undefined : apps.get(addressee)
        if (app !== undefined) return app
        const reason: Refusal.Refusal = addressee === undefined ? "AppIdMissing" : "AppIdWrong"
        Refusal.count(reason)
        return Effect.as(log(reason), Refusal.response(reason))
      })
    )
  })

/**
 * Mounts the webhook into a router, at a path for POST: what else the router answers stays as it was.
 *
 * @example
 * ```ts
 * import { Webhook } from "@effect-qq/core"
 * import * as HttpRouter from "@effect/platform/HttpRouter"
 * import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
 *
 * const app = HttpRouter.empty.pipe(
 *   HttpRouter.get("/health", HttpServerResponse.text("ok")),
 *   Webhook.router("/qq")
 * )
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const router =
  (path: HttpRouter.PathInput) =>
  <E, R>(into: HttpRouter.HttpRouter<E, R>): HttpRouter.HttpRouter<E, R | Webhook> =>
    HttpRouter.post(
      into,
      path,
      Effect.flatMap(Webhook, ({ app }) => app)
    )
