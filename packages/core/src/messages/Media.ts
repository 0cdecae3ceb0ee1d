/**
 * Uploads pictures, films, voice messages and files to the platform, which answers with the `file_info` that messages name
 * them by.
 *
 * Bytes that were uploaded for a scene before are not uploaded again while the platform keeps them. The content behind an
 * address may change, so media at an address is uploaded each time. An upload uses up no reply. Media that is too large for
 * one request is uploaded in parts.
 *
 * @since 0.1.0
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { BotConfig } from "../BotConfig.ts"
import * as Conversation from "../events/Conversation.ts"
import * as HttpExchange from "../openapi/HttpExchange.ts"
import { OpenApi } from "../openapi/OpenApi.ts"
import * as ChunkedUpload from "./ChunkedUpload.ts"
import { ContentHash } from "./ContentHash.ts"
import * as MediaContent from "./MediaContent.ts"
import * as MediaSource from "./MediaSource.ts"
import * as MediaUpload from "./MediaUpload.ts"
import { RateLimit } from "./RateLimit.ts"
import * as SendError from "./SendError.ts"
import type * as SendPolicy from "./SendPolicy.ts"
import { UploadCache } from "./UploadCache.ts"

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
 * Options of one upload.
 *
 * @since 0.1.0
 * @category models
 */
export interface UploadOptions {
  /** Runs each time a part has arrived; media that goes in one request is one part. Not for media at an address. */
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
   * Uploads media for messages to this conversation and others of its scene. An upload may safely happen twice, so an upload
   * of unknown outcome is retried; it then fails with `PlatformUnavailable`, never with `DeliveryUnknown`. Fails with
   * `MessageInvalid` for media that is empty, cannot be read or is larger than the platform takes, with `QuotaExhausted` when
   * the volume of the day is used up, and with `MessageRejected` of the class `media_invalid` for media that the platform does
   * not accept.
   *
   * A picture, film or voice message that the platform does not accept is uploaded once more as a file, unless
   * `onFormatRefused` is `fail`; the result then has `insteadOf`.
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

const invalid = (field: string, detail: string): SendError.MessageInvalid =>
  new SendError.MessageInvalid({ field, detail, hint: "correct the media" })

type Requirements = BotConfig | HttpClient.HttpClient | OpenApi | RateLimit

/**
 * Uploads by the policy of the configuration; `options` replace fields of it.
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
    const cache = new UploadCache(yield* Effect.clock)
    const uploads = MediaUpload.make({ api, rates, policy, chunked: ChunkedUpload.make({ exchange, begin, policy }) })

    return {
      upload: (conversation, source, options) =>
        Effect.gen(function* () {
          if (conversation._tag !== "C2C" && conversation._tag !== "Group") {
            return yield* invalid("conversation", "is in a guild, which takes no uploads")
          }
          const problem = MediaSource.problem(source)
          if (problem !== undefined) return yield* invalid(...problem)
          if (source._tag === "FromUrl") {
            const given = yield* uploads.fromUrl(conversation, source)
            return { ...given, content: JSON.stringify([source.kind, source.name, source.url]) }
          }
          const content = yield* MediaContent.read(source, policy, begin)
          const scene = Conversation.sceneOf(conversation)
          const key = `${scene}:${source.kind}:${source.name ?? ""}:${content.sha256}`
          const known = cache.find(key)
          if (known !== undefined) return known
          const given = yield* uploads.fromContent(conversation, source, content, options?.onProgress)
          const uploaded: MediaSource.Uploaded = {
            ...given,
            content: JSON.stringify([source.kind, source.name, content.sha256])
          }
          cache.remember(key, uploaded)
          return uploaded
        }).pipe(
          Effect.withSpan("Media.upload", {
            attributes: { "qq.scene": conversation._tag, "qq.media": source.kind }
          })
        ),
      forget: (uploaded) => Effect.sync(() => cache.forget(uploaded))
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
 * Uploads by the policy of the configuration, with some fields replaced.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerWith = (policy: Partial<SendPolicy.SendPolicy>): Layer.Layer<Media, never, Requirements> =>
  Layer.effect(Media, make(policy))

/**
 * Uploads media; see {@link MediaShape.upload}.
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
