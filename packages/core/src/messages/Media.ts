/**
 * Gives pictures, films, voice messages and files to the platform, which answers with what a message names them by.
 *
 * Bytes that were given to a scene before are not given again while the platform keeps them. What is behind an address may
 * change, so media at an address is given each time. An upload spends no reply. What is too much for one request goes in
 * parts.
 *
 * @since 0.1.0
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { BotConfig } from "../BotConfig.ts"
import type * as ApiError from "../openapi/ApiError.ts"
import * as HttpExchange from "../openapi/HttpExchange.ts"
import { OpenApi, type Response } from "../openapi/OpenApi.ts"
import * as ChunkedUpload from "./ChunkedUpload.ts"
import { ContentHash } from "./ContentHash.ts"
import * as Conversation from "./Conversation.ts"
import * as MediaContent from "./MediaContent.ts"
import * as MediaSource from "./MediaSource.ts"
import { RateLimit } from "./RateLimit.ts"
import * as SendError from "./SendError.ts"
import * as SendPolicy from "./SendPolicy.ts"

export type {
  /**
   * @since 0.1.0
   * @category models
   */
  OnProgress,
  /**
   * @since 0.1.0
   * @category models
   */
  Progress
} from "./ChunkedUpload.ts"

/**
 * How one upload is made.
 *
 * @since 0.1.0
 * @category models
 */
export interface UploadOptions {
  /** Is run each time a part has arrived; media that goes in one request is one part. Not for media at an address. */
  readonly onProgress?: ChunkedUpload.OnProgress | undefined
}

/**
 * What the service does.
 *
 * @since 0.1.0
 * @category models
 */
export interface MediaShape {
  /**
   * Gives media to the platform, for messages to this conversation and others of its scene. An upload may safely happen
   * twice, so it is tried again where its outcome is not known; it fails with `PlatformUnavailable` then, never with
   * `DeliveryUnknown`. Fails with `MessageInvalid` for what is empty, cannot be read or is larger than the platform takes,
   * with `QuotaExhausted` when the day's volume is spent, and with `MessageRejected` of the class `media_invalid` for what the
   * platform does not take.
   *
   * A picture, film or voice message that the platform does not take is uploaded once more as a file, unless
   * `onFormatRefused` says otherwise; the upload says so by `insteadOf`.
   */
  readonly upload: (
    conversation: Conversation.Conversation,
    source: MediaSource.MediaSource,
    options?: UploadOptions
  ) => Effect.Effect<MediaSource.Uploaded, SendError.SendError>
  /** Forgets an upload that the platform no longer has. */
  readonly forget: (uploaded: MediaSource.Uploaded) => Effect.Effect<void>
}

/**
 * The uploads of one bot.
 *
 * @since 0.1.0
 * @category tags
 */
export class Media extends Context.Tag("@effect-qq/core/Media")<Media, MediaShape>() {}

/** So many uploads are remembered. */
const capacity = 256

/** So long before the platform forgets an upload it is made again, in milliseconds. */
const margin = 10_000

const fileTypes: { readonly [K in MediaSource.MediaKind]: number } = { image: 1, video: 2, voice: 3, file: 4 }

/** What a file is called where nobody says. */
const defaultNames: { readonly [K in MediaSource.MediaKind]: string } = {
  image: "image.png",
  video: "video.mp4",
  voice: "voice.silk",
  file: "file"
}

/** What the platform's edge answers where a request holds more than it takes. */
const tooLarge = 413

type Fields = ChunkedUpload.Fields

type Target = Conversation.C2C | Conversation.Group

const invalid = (field: string, detail: string): SendError.MessageInvalid =>
  new SendError.MessageInvalid({ field, detail, hint: "correct the media" })

/** No message was carried, so an outcome that is not known is no more than a platform that does not answer. */
const asUpload = (error: SendError.SendError): SendError.SendError => {
  if (error._tag !== "DeliveryUnknown") return error
  const { cause: _, ...facts } = error
  return new SendError.PlatformUnavailable({ ...facts, hint: "upload it again; nothing was sent", cause: error })
}

type Requirements = BotConfig | HttpClient.HttpClient | OpenApi | RateLimit

/** Why a call failed, or was not made. */
type CallError = ApiError.OpenApiError | SendError.RateLimited

const asSendError = (error: CallError): SendError.SendError => {
  if (error._tag === "RateLimited") return error
  const failed = SendError.fromOpenApi(error)
  return failed._tag === "AlreadySent" || failed._tag === "UnderAudit"
    ? new SendError.MessageRejected({ ...failed, class: "bad_request" })
    : failed
}

const isTooLarge = (error: CallError): boolean => error._tag === "ApiError" && error.status === tooLarge

const isFormatRefused = (error: SendError.SendError): boolean =>
  error._tag === "MessageRejected" && error.class === "media_invalid"

/**
 * Uploads by the policy of the configuration, or what is given here instead of it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Partial<SendPolicy.SendPolicy> = {}): Effect.Effect<MediaShape, never, Requirements> =>
  Effect.gen(function* () {
    const policy = { ...(yield* BotConfig).sending, ...options }
    const api = yield* OpenApi
    const rates = yield* RateLimit
    const begin = yield* ContentHash
    const exchange = HttpExchange.make(yield* HttpClient.HttpClient)
    const chunked = ChunkedUpload.make({ exchange, begin, policy })
    const cache = new Map<string, MediaSource.Uploaded>()

    const remember = (key: string, uploaded: MediaSource.Uploaded): void => {
      cache.delete(key)
      cache.set(key, uploaded)
      const oldest = cache.size > capacity ? cache.keys().next().value : undefined
      if (oldest !== undefined) cache.delete(oldest)
    }

    const attempt = (
      conversation: Target,
      endpoint: "files" | "upload_prepare" | "upload_part_finish",
      body: Fields
    ): Effect.Effect<Response, CallError> =>
      rates
        .turn(
          { operation: endpoint === "files" ? "upload" : "chunk", conversation, proactive: false },
          policy.maximumElapsed
        )
        .pipe(
          Effect.mapError(
            ({ wait }) =>
              new SendError.RateLimited({ detail: "too many uploads", hint: "wait, then try again", retryAfter: wait })
          ),
          Effect.zipRight(
            api.request({
              method: "POST",
              path: Conversation.filesPath(conversation, endpoint),
              body,
              timeout: endpoint === "files" ? policy.uploadTimeout : policy.timeout
            })
          )
        )

    /** In one request; `undefined` where that is more than the platform's edge takes. */
    const inOneRequest = (
      conversation: Target,
      body: Fields
    ): Effect.Effect<Response | undefined, SendError.SendError> =>
      attempt(conversation, "files", { ...body, srv_send_msg: false }).pipe(
        Effect.catchIf(isTooLarge, () => Effect.succeed(undefined)),
        Effect.mapError(asSendError),
        Effect.filterOrElse(
          (response) => response === undefined || ChunkedUpload.namesFile(response),
          (response) => SendError.unreadable(response?.traceId)
        ),
        Effect.retry(SendPolicy.retries(policy, true))
      )

    const inParts = (
      conversation: Target,
      request: ChunkedUpload.Request
    ): Effect.Effect<Response, SendError.SendError> =>
      chunked(request, (endpoint, body) => Effect.mapError(attempt(conversation, endpoint, body), asSendError))

    /** Gives it to the platform as what it is, or as what else the policy allows. */
    const give = (
      conversation: Target,
      source: MediaSource.MediaSource,
      as: (kind: MediaSource.MediaKind, name: string | undefined) => Effect.Effect<Response, SendError.SendError>
    ): Effect.Effect<MediaSource.Uploaded, SendError.SendError> => {
      const { kind, name } = source
      const asIs = Effect.map(as(kind, name), (response) => ({ kind, response }))
      const insteadAsFile =
        policy.onFormatRefused === "fail" || kind === "file"
          ? asIs
          : Effect.catchIf(asIs, isFormatRefused, (error) =>
              Effect.logInfo(`${error.message}; uploading it as a file`).pipe(
                Effect.zipRight(as("file", name ?? defaultNames[kind])),
                Effect.map((response) => ({ kind: "file" as const, response }))
              )
            )
      return insteadAsFile.pipe(
        Effect.mapError(asUpload),
        Effect.zipWith(Clock.currentTimeMillis, (given, now): MediaSource.Uploaded => {
          const { file_info: fileInfo, ttl } = ChunkedUpload.fieldsOf(given.response.body)
          const seconds = Number(ttl)
          return {
            _tag: "Uploaded",
            kind: given.kind,
            scene: conversation._tag === "C2C" ? "c2c" : "group",
            fileInfo: String(fileInfo),
            expiresAt: Number.isFinite(seconds) && seconds > 0 ? now + seconds * 1000 : undefined,
            ...(given.kind === kind ? {} : { insteadOf: kind })
          }
        })
      )
    }

    const fieldsFor = (kind: MediaSource.MediaKind, name: string | undefined): Fields => ({
      file_type: fileTypes[kind],
      ...(name === undefined ? {} : { file_name: name })
    })

    /** The platform fetches it, so the request holds next to nothing. */
    const giveUrl = (
      conversation: Target,
      source: MediaSource.FromUrl
    ): Effect.Effect<MediaSource.Uploaded, SendError.SendError> =>
      give(conversation, source, (kind, name) =>
        Effect.filterOrElse(
          inOneRequest(conversation, { ...fieldsFor(kind, name), url: source.url }),
          (response) => response !== undefined,
          () => invalid("media.url", "is too long")
        )
      )

    const giveContent = (
      conversation: Target,
      source: MediaSource.FromBytes | MediaSource.FromStream,
      content: MediaContent.Content,
      onProgress: ChunkedUpload.OnProgress | undefined
    ): Effect.Effect<MediaSource.Uploaded, SendError.SendError> =>
      Effect.suspend(() => {
        const { bytes, size } = content
        let small = size <= policy.simpleUploadLimit ? bytes : undefined
        const whole = Effect.suspend(() => onProgress?.({ sent: size, total: size, part: 1, parts: 1 }) ?? Effect.void)
        return give(conversation, source, (kind, name) => {
          const parts = Effect.suspend(() =>
            inParts(conversation, {
              fileType: fileTypes[kind],
              name: name ?? defaultNames[source.kind],
              content,
              onProgress
            })
          )
          if (small === undefined) return parts
          const body = { ...fieldsFor(kind, name), file_data: Encoding.encodeBase64(small) }
          return Effect.flatMap(inOneRequest(conversation, body), (response) => {
            if (response !== undefined) return Effect.as(whole, response)
            small = undefined
            return Effect.zipRight(Effect.logInfo("too much for one request; uploading it in parts"), parts)
          })
        })
      })

    const lookup = (key: string): Effect.Effect<Option.Option<MediaSource.Uploaded>> =>
      Effect.map(Clock.currentTimeMillis, (now) =>
        Option.filter(
          Option.fromNullable(cache.get(key)),
          ({ expiresAt }) => expiresAt === undefined || expiresAt - margin > now
        )
      )

    return {
      upload: (conversation, source, options) =>
        Effect.gen(function* () {
          if (conversation._tag !== "C2C" && conversation._tag !== "Group") {
            return yield* invalid("conversation", "is in a guild, which takes no uploads")
          }
          const problem = MediaSource.problem(source)
          if (problem !== undefined) return yield* invalid(...problem)
          if (source._tag === "FromUrl") {
            const given = yield* giveUrl(conversation, source)
            return { ...given, content: JSON.stringify([source.kind, source.name, source.url]) }
          }
          const content = yield* MediaContent.read(source, policy, begin)
          const scene = Conversation.sceneOf(conversation)
          const key = `${scene}:${source.kind}:${source.name ?? ""}:${content.sha256}`
          const known = yield* lookup(key)
          if (Option.isSome(known)) return known.value
          const given = yield* giveContent(conversation, source, content, options?.onProgress)
          const uploaded: MediaSource.Uploaded = {
            ...given,
            content: JSON.stringify([source.kind, source.name, content.sha256])
          }
          remember(key, uploaded)
          return uploaded
        }).pipe(
          Effect.withSpan("Media.upload", {
            attributes: { "qq.scene": conversation._tag, "qq.media": source.kind }
          })
        ),
      forget: (uploaded) =>
        Effect.sync(() => {
          for (const [key, value] of cache) if (value.fileInfo === uploaded.fileInfo) cache.delete(key)
        })
    }
  })

/**
 * Uploads by the policy of the configuration.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<Media, never, Requirements> = Layer.effect(Media, make())

/**
 * Uploads by a policy of their own: what is left out is as in the configuration.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerWith = (policy: Partial<SendPolicy.SendPolicy>): Layer.Layer<Media, never, Requirements> =>
  Layer.effect(Media, make(policy))

/**
 * Gives media to the platform; see {@link MediaShape.upload}.
 *
 * @since 0.1.0
 * @category accessors
 */
export const upload = (
  conversation: Conversation.Conversation,
  source: MediaSource.MediaSource,
  options?: UploadOptions
): Effect.Effect<MediaSource.Uploaded, SendError.SendError, Media> =>
  Effect.flatMap(Media, (media) => media.upload(conversation, source, options))
