/**
 * Gives pictures, films, voice messages and files to the platform, which answers with what a message names them by.
 *
 * Bytes that were given to a scene before are not given again while the platform keeps them. What is behind an address may
 * change, so media at an address is given each time. An upload spends no reply.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { OpenApi } from "../openapi/OpenApi.ts"
import { ContentHash } from "./ContentHash.ts"
import * as Conversation from "./Conversation.ts"
import * as MediaSource from "./MediaSource.ts"
import { RateLimit } from "./RateLimit.ts"
import * as SendError from "./SendError.ts"
import * as SendPolicy from "./SendPolicy.ts"

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
   * `DeliveryUnknown`.
   */
  readonly upload: (
    conversation: Conversation.Conversation,
    source: MediaSource.MediaSource
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

const tooLarge = 413

type Fields = Readonly<Record<string, unknown>>

const fieldsOf = (value: unknown): Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {}

const invalid = (field: string, detail: string): SendError.MessageInvalid =>
  new SendError.MessageInvalid({ field, detail, hint: "correct the media" })

/** No message was carried, so an outcome that is not known is no more than a platform that does not answer. */
const asUpload = (error: SendError.SendError): SendError.SendError => {
  if (error._tag !== "DeliveryUnknown") return error
  const { cause: _, ...facts } = error
  return new SendError.PlatformUnavailable({ ...facts, hint: "upload it again; nothing was sent", cause: error })
}

/**
 * Uploads by this policy.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (policy: SendPolicy.SendPolicy): Effect.Effect<MediaShape, never, OpenApi | RateLimit> =>
  Effect.gen(function* () {
    const api = yield* OpenApi
    const rates = yield* RateLimit
    const cache = new Map<string, MediaSource.Uploaded>()

    const remember = (key: string, uploaded: MediaSource.Uploaded): void => {
      cache.delete(key)
      cache.set(key, uploaded)
      const oldest = cache.size > capacity ? cache.keys().next().value : undefined
      if (oldest !== undefined) cache.delete(oldest)
    }

    const body = (source: MediaSource.MediaSource): Fields => ({
      file_type: fileTypes[source.kind],
      ...(source._tag === "FromUrl" ? { url: source.url } : { file_data: Encoding.encodeBase64(source.bytes) }),
      ...(source.name === undefined ? {} : { file_name: source.name }),
      srv_send_msg: false
    })

    const request = (conversation: Conversation.C2C | Conversation.Group, source: MediaSource.MediaSource) =>
      Effect.gen(function* () {
        yield* Effect.catchTag(
          rates.turn({ operation: "upload", conversation, proactive: false }, policy.maximumElapsed),
          "TurnTooLate",
          ({ wait }) =>
            new SendError.RateLimited({ detail: "too many uploads", hint: "wait, then try again", retryAfter: wait })
        )
        const response = yield* api
          .request({
            method: "POST",
            path: Conversation.filesPath(conversation),
            body: body(source),
            timeout: policy.uploadTimeout
          })
          .pipe(
            Effect.mapError((error): SendError.SendError => {
              const failed = SendError.fromOpenApi(error)
              if (failed._tag === "AlreadySent" || failed._tag === "UnderAudit") {
                return new SendError.MessageRejected({ ...failed, class: "bad_request" })
              }
              const isTooLarge = error._tag === "ApiError" && error.status === tooLarge
              return isTooLarge && failed._tag === "MessageRejected"
                ? new SendError.MessageRejected({
                    ...failed,
                    class: "media_invalid",
                    hint: "this is more than one upload may hold: give an address instead of the bytes, or make it smaller"
                  })
                : failed
            })
          )
        const answer = fieldsOf(response.body)
        const fileInfo = answer["file_info"]
        if (typeof fileInfo !== "string" || fileInfo === "") return yield* SendError.unreadable(response.traceId)
        const seconds = Number(answer["ttl"])
        const now = yield* Clock.currentTimeMillis
        const uploaded: MediaSource.Uploaded = {
          _tag: "Uploaded",
          kind: source.kind,
          scene: conversation._tag === "C2C" ? "c2c" : "group",
          fileInfo,
          expiresAt: Number.isFinite(seconds) && seconds > 0 ? now + seconds * 1000 : undefined
        }
        return uploaded
      }).pipe(Effect.retry(SendPolicy.retries(policy, true)), Effect.mapError(asUpload))

    const lookup = (key: string): Effect.Effect<Option.Option<MediaSource.Uploaded>> =>
      Effect.map(Clock.currentTimeMillis, (now) =>
        Option.filter(
          Option.fromNullable(cache.get(key)),
          ({ expiresAt }) => expiresAt === undefined || expiresAt - margin > now
        )
      )

    return {
      upload: (conversation, source) =>
        Effect.gen(function* () {
          if (conversation._tag !== "C2C" && conversation._tag !== "Group") {
            return yield* invalid("conversation", "is in a guild, which takes no uploads")
          }
          const problem = MediaSource.problem(source)
          if (problem !== undefined) return yield* invalid(...problem)
          if (source._tag === "FromUrl") return yield* request(conversation, source)
          const hash = yield* ContentHash
          const scene = Conversation.sceneOf(conversation)
          const key = `${scene}:${source.kind}:${source.name ?? ""}:${yield* hash(source.bytes)}`
          const known = yield* lookup(key)
          if (Option.isSome(known)) return known.value
          const uploaded = yield* request(conversation, source)
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
 * Uploads by the default policy.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<Media, never, OpenApi | RateLimit> = Layer.effect(Media, make(SendPolicy.defaults))

/**
 * Uploads by a policy of one's own.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerWith = (policy: Partial<SendPolicy.SendPolicy>): Layer.Layer<Media, never, OpenApi | RateLimit> =>
  Layer.effect(Media, make({ ...SendPolicy.defaults, ...policy }))

/**
 * Gives media to the platform; see {@link MediaShape.upload}.
 *
 * @since 0.1.0
 * @category accessors
 */
export const upload = (
  conversation: Conversation.Conversation,
  source: MediaSource.MediaSource
): Effect.Effect<MediaSource.Uploaded, SendError.SendError, Media> =>
  Effect.flatMap(Media, (media) => media.upload(conversation, source))
