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
 * The platform's check of the address (op 13) is answered only if it is signed itself: whoever could have anything signed
 * could forge events.
 *
 * @since 0.1.0
 */
import * as Headers from "@effect/platform/Headers"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Layer from "effect/Layer"
import * as MetricLabel from "effect/MetricLabel"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { BotConfig } from "../BotConfig.ts"
import * as Frame from "../gateway/Frame.ts"
import * as ClaimedEvents from "./ClaimedEvents.ts"
import { EventClaims, type EventClaimsShape } from "./EventClaims.ts"
import * as Signatures from "./Signature.ts"
import { WebhookIntake } from "./WebhookIntake.ts"
import * as WebhookMetrics from "./WebhookMetrics.ts"
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

/** Why a request is refused, and the status of the answer. The names are those of the metric and the log. */
const refusals = {
  ContentTypeWrong: 415,
  SignatureMissing: 401,
  SignatureMalformed: 401,
  SignatureWrong: 401,
  TimestampMissing: 401,
  TimestampMalformed: 401,
  TimestampTooFar: 401,
  BodyTooLarge: 413,
  BodyTooSlow: 408,
  BodyTruncated: 400,
  AppIdMissing: 401,
  AppIdWrong: 403,
  NotJson: 400,
  NotAFrame: 400,
  ValidationMalformed: 400,
  Full: 503,
  Absent: 503,
  NotSettled: 503,
  InFlight: 503,
  ClaimsUnavailable: 503
} as const

/**
 * Why a request is refused.
 *
 * @since 0.1.0
 * @category models
 */
export type Refusal = keyof typeof refusals

/** The names of headers, as `Headers` has them. */
const header = {
  appId: "x-bot-appid",
  signature: "x-signature-ed25519",
  timestamp: "x-signature-timestamp"
} as const

/** How often, in milliseconds, refused requests are told about. All are counted. */
const tellEvery = 1000

/** The longest envelope id that is remembered as such; that of the platform has some sixty characters. */
const longestId = 256

/** What a body is read into at first, in bytes. It grows by doubling: most bodies are small. */
const firstRoom = 4096

const acknowledgement = HttpServerResponse.unsafeJson({ op: Frame.Opcode.CallbackAck, d: 0 })

const refusal = (reason: Refusal): HttpServerResponse.HttpServerResponse => {
  const status = refusals[reason]
  // `d: 1` asks for another attempt, as 503 does
  return HttpServerResponse.unsafeJson(status === 503 ? { op: Frame.Opcode.CallbackAck, d: 1 } : { error: reason }, {
    status
  })
}

const count = (outcome: string): void => WebhookMetrics.requests.unsafeUpdate(1, [MetricLabel.make("outcome", outcome)])

/** Counts what came to nothing, and logs it at most once a second: somebody may want to fill the log. */
const makeTeller = (): ((what: string) => Effect.Effect<void>) => {
  let counts = new Map<string, number>()
  let toldAt = Number.NEGATIVE_INFINITY
  return (what) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      counts.set(what, (counts.get(what) ?? 0) + 1)
      if (Math.abs(now - toldAt) < tellEvery) return Effect.void
      const list = Array.from(counts, ([reason, times]) => `${reason} ${times}`).join(", ")
      counts = new Map()
      toldAt = now
      return Effect.logWarning(`requests to the webhook came to nothing: ${list}`)
    })
}

/** An event that was taken; `done` completes when it may be acknowledged. */
interface Taken {
  readonly done: Effect.Effect<void, Refusal>
}

const received: Taken = { done: Effect.void }

/**
 * The events of the last while by name. Two generations, so that forgetting costs nothing per event: each is kept for
 * the window at least, and for twice as long at most.
 */
const makeMemory = (window: number, capacity: number) => {
  let young = new Map<string, Taken>()
  let old = new Map<string, Taken>()
  let since = 0
  return {
    get: (name: string): Taken | undefined => young.get(name) ?? old.get(name),
    add: (name: string, taken: Taken, now: number): void => {
      if (young.size >= capacity / 2 || Math.abs(now - since) >= window) {
        old = young
        young = new Map()
        since = now
      }
      young.set(name, taken)
    },
    forget: (name: string): void => {
      for (const generation of [young, old]) generation.delete(name)
    }
  }
}

/** Reads a body; of one that is too large, no more than the limit is kept. */
const read = (
  request: HttpServerRequest.HttpServerRequest,
  policy: WebhookPolicy.WebhookPolicy
): Effect.Effect<Uint8Array, Refusal, Scope.Scope> =>
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
    const next: Effect.Effect<boolean, Refusal> = Effect.matchEffect(pull, {
      onSuccess: (chunks) => (Chunk.every(chunks, keep) ? Effect.succeed(true) : Effect.fail("BodyTooLarge")),
      onFailure: (end) => (Option.isNone(end) ? Effect.succeed(false) : Effect.fail("BodyTruncated"))
    })
    yield* Effect.repeat(next, { while: (more) => more })
    return bytes.subarray(0, size)
  }).pipe(Effect.timeoutFail({ duration: policy.readTimeout, onTimeout: (): Refusal => "BodyTooSlow" }))

const headerOf = (headers: Headers.Headers, name: string): string | undefined =>
  Option.getOrUndefined(Headers.get(headers, name))

const saysJson = (headers: Headers.Headers): boolean => {
  const type = headerOf(headers, "content-type")
  return type === undefined || /^\s*application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(type)
}

/** What can be told before the body is read: whoever cannot even pretend to be the platform costs no memory. */
const look = (
  headers: Headers.Headers,
  policy: WebhookPolicy.WebhookPolicy
): Effect.Effect<{ readonly timestamp: string; readonly signature: string }, Refusal> => {
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
 * What op 13 asks to be signed. A message that could be a timestamp and the body of an event is refused, whoever signed
 * the request for it.
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

/** One that cannot be overlooked when it is repeated; a signature covers its timestamp. */
const nameOf = (event: Frame.Frame, signature: string): string =>
  event.id === undefined || event.id === "" || event.id.length > longestId
    ? `signature:${signature.toLowerCase()}`
    : `event:${event.id}`

/** The number that op 1 brings, which its answer gives back. */
const sequenceOf = (beat: Frame.Frame): number | null => (typeof beat.d === "number" ? beat.d : (beat.s ?? null))

const acknowledged = (
  done: Effect.Effect<void, Refusal>,
  outcome: string
): Effect.Effect<HttpServerResponse.HttpServerResponse, Refusal> =>
  Effect.map(done, () => {
    count(outcome)
    return acknowledgement
  })

interface Delivering {
  readonly policy: WebhookPolicy.WebhookPolicy
  readonly intake: Context.Tag.Service<WebhookIntake>
  readonly memory: ReturnType<typeof makeMemory>
  readonly claims: Option.Option<EventClaimsShape>
}

/** Offers an event that is acknowledged when its handlers are done. */
const offerUnsettled = (
  { intake, memory, policy }: Delivering,
  event: Frame.Frame,
  size: number,
  name: string
): Taken | Refusal => {
  const settlement = Deferred.unsafeMake<void, Refusal>(FiberId.none)
  const offered = intake.offer(event, size, (settled) => {
    // cut off: the next attempt is for whoever takes it then
    if (!settled) memory.forget(name)
    Deferred.unsafeDone(settlement, settled ? Exit.void : Exit.fail("Absent"))
  })
  if (offered !== "Taken") return offered
  return {
    done: Effect.timeoutFail(Deferred.await(settlement), {
      duration: policy.settleTimeout,
      onTimeout: (): Refusal => "NotSettled"
    })
  }
}

const offer = (delivering: Delivering, event: Frame.Frame, size: number, name: string): Taken | Refusal => {
  if (delivering.policy.acknowledge === "settled") return offerUnsettled(delivering, event, size, name)
  const offered = delivering.intake.offer(event, size)
  return offered === "Taken" ? received : offered
}

/** An event of which several processes may hear. It is noted at once: a repetition meanwhile waits for what becomes of it. */
const deliverClaimed = (
  delivering: Delivering,
  claims: EventClaimsShape,
  event: Frame.Frame,
  size: number,
  name: string,
  now: number
): Effect.Effect<HttpServerResponse.HttpServerResponse, Refusal> =>
  Effect.suspend(() => {
    const outcome = Deferred.unsafeMake<"taken" | "duplicate", Refusal>(FiberId.none)
    delivering.memory.add(name, { done: Effect.asVoid(Deferred.await(outcome)) }, now)
    const taken = Effect.suspend((): Effect.Effect<void, Refusal> => {
      const taken = offer(delivering, event, size, name)
      return typeof taken === "string" ? Effect.fail(taken) : taken.done
    })
    const taking = ClaimedEvents.take(claims, name, taken, (reason) => reason === "NotSettled").pipe(
      Effect.onExit((exit) => {
        if (Exit.isFailure(exit)) delivering.memory.forget(name)
        return Deferred.done(outcome, exit)
      })
    )
    // apart from the request: a client that goes away must not leave an event half taken
    return Effect.zipRight(
      Effect.forkDaemon(Effect.interruptible(taking)),
      Effect.flatMap(Deferred.await(outcome), (what) => acknowledged(Effect.void, what))
    )
  })

/** Between the look at the memory and the note in it nothing else happens: of two at once, one is the first. */
const deliver = (
  delivering: Delivering,
  event: Frame.Frame,
  size: number,
  signature: string,
  now: number
): Effect.Effect<HttpServerResponse.HttpServerResponse, Refusal> =>
  Effect.suspend(() => {
    const { claims, memory } = delivering
    const name = nameOf(event, signature)
    const before = memory.get(name)
    if (before !== undefined) return acknowledged(before.done, "duplicate")
    // the sequence number is none of a session that could be resumed
    const numberless = { ...event, s: undefined }
    if (Option.isSome(claims)) return deliverClaimed(delivering, claims.value, numberless, size, name, now)
    const taken = offer(delivering, numberless, size, name)
    if (typeof taken === "string") return Effect.fail(taken)
    memory.add(name, taken, now)
    return acknowledged(taken.done, "taken")
  })

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
    const memory = makeMemory(Math.max(Duration.toMillis(policy.memory), 2 * tolerance), policy.memoryCapacity)
    const tell = makeTeller()
    const claims = yield* Effect.serviceOption(EventClaims)
    const delivering: Delivering = { policy, intake, memory, claims }

    const isRecent = (timestamp: string, now: number): boolean => Math.abs(now - Number(timestamp) * 1000) <= tolerance

    const validate = (payload: unknown): Effect.Effect<HttpServerResponse.HttpServerResponse, Refusal> => {
      const asked = challenge(payload)
      if (asked === undefined) return Effect.fail("ValidationMalformed")
      return Effect.map(signatures.sign(asked.text), (signature) => {
        count("validated")
        return HttpServerResponse.unsafeJson({ plain_token: asked.token, signature })
      })
    }

    const answer = (
      frame: Frame.Frame,
      size: number,
      signature: string,
      now: number
    ): Effect.Effect<HttpServerResponse.HttpServerResponse, Refusal> => {
      switch (frame.op) {
        case Frame.Opcode.Dispatch:
          return deliver(delivering, frame, size, signature, now)
        case Frame.Opcode.CallbackValidation:
          return validate(frame.d)
        case Frame.Opcode.Heartbeat:
          count("heartbeat")
          return Effect.succeed(HttpServerResponse.unsafeJson({ op: Frame.Opcode.HeartbeatAck, d: sequenceOf(frame) }))
        default:
          count("ignored")
          return Effect.as(tell("UnknownOpcode"), acknowledgement)
      }
    }

    const app = Effect.gen(function* () {
      const request = yield* HttpServerRequest.HttpServerRequest
      const { signature, timestamp } = yield* look(request.headers, policy)
      const body = yield* read(request, policy)
      const isSigned = yield* signatures.verify({ timestamp, body, signature })
      if (!isSigned) return yield* Effect.fail<Refusal>("SignatureWrong")
      const addressee = headerOf(request.headers, header.appId)
      if (addressee !== appId) {
        return yield* Effect.fail<Refusal>(addressee === undefined ? "AppIdMissing" : "AppIdWrong")
      }
      const now = yield* Clock.currentTimeMillis
      if (!isRecent(timestamp, now)) return yield* Effect.fail<Refusal>("TimestampTooFar")
      const text = new TextDecoder().decode(body)
      const frame = Frame.parse(text)
      if (Frame.isMalformed(frame)) {
        return yield* Effect.fail<Refusal>(frame.reason === "NotAFrame" ? "NotAFrame" : "NotJson")
      }
      return yield* answer(frame, text.length, signature, now)
    }).pipe(
      Effect.catchAll((reason) => {
        count(reason)
        return Effect.as(tell(reason), refusal(reason))
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
    const tell = makeTeller()
    return Effect.succeed(
      Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ headers }) => {
        const addressee = headerOf(headers, header.appId)
        const app = addressee === undefined ? undefined : apps.get(addressee)
        if (app !== undefined) return app
        const reason: Refusal = addressee === undefined ? "AppIdMissing" : "AppIdWrong"
        count(reason)
        return Effect.as(tell(reason), refusal(reason))
      })
    )
  })
