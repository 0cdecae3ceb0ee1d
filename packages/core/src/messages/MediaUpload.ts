/**
 * Uploads one picture, film, voice message or file: in one request, or in parts if it is too large for one; as a file if the
 * platform does not accept its format.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import type * as Conversation from "../events/Conversation.ts"
import { type Fields, fieldsOf } from "../internal/Wire.ts"
import type * as ApiError from "../openapi/ApiError.ts"
import type { OpenApiShape, Response } from "../openapi/OpenApi.ts"
import type * as ChunkedUpload from "./ChunkedUpload.ts"
import * as ConversationPath from "./ConversationPath.ts"
import type * as MediaContent from "./MediaContent.ts"
import type * as MediaSource from "./MediaSource.ts"
import type { RateLimitShape } from "./RateLimit.ts"
import * as SendError from "./SendError.ts"
import * as SendPolicy from "./SendPolicy.ts"
import * as UploadPlan from "./UploadPlan.ts"

/**
 * A conversation of a scene that takes uploads.
 *
 * @since 0.1.0
 * @category models
 */
export type Target = Conversation.C2C | Conversation.Group

/**
 * What uploads need.
 *
 * @since 0.1.0
 * @category models
 */
export interface Services {
  readonly api: OpenApiShape
  readonly rates: RateLimitShape
  readonly policy: SendPolicy.SendPolicy
  readonly chunked: (
    request: ChunkedUpload.Request,
    call: ChunkedUpload.Call
  ) => Effect.Effect<Response, SendError.SendError>
}

/**
 * Uploads media. It does not look whether the same bytes were uploaded before.
 *
 * @since 0.1.0
 * @category models
 */
export interface MediaUpload {
  /** The platform fetches the address. */
  readonly fromUrl: (
    conversation: Target,
    source: MediaSource.FromUrl
  ) => Effect.Effect<MediaSource.Uploaded, SendError.SendError>
  readonly fromContent: (
    conversation: Target,
    source: MediaSource.FromBytes | MediaSource.FromStream,
    content: MediaContent.Content,
    onProgress: ChunkedUpload.OnProgress | undefined
  ) => Effect.Effect<MediaSource.Uploaded, SendError.SendError>
}

const fileTypes: { readonly [K in MediaSource.MediaKind]: number } = { image: 1, video: 2, voice: 3, file: 4 }

/** The file names of media without a name. */
const defaultNames: { readonly [K in MediaSource.MediaKind]: string } = {
  image: "image.png",
  video: "video.mp4",
  voice: "voice.silk",
  file: "file"
}

/** The status with which the platform's edge answers a request that is too large. */
const tooLarge = 413

/** No message was sent, so an unknown outcome only means that the platform is not available. */
const asUpload = (error: SendError.SendError): SendError.SendError => {
  if (error._tag !== "DeliveryUnknown") return error
  const { cause: _, ...facts } = error
  return new SendError.PlatformUnavailable({ ...facts, hint: "upload it again; nothing was sent", cause: error })
}

/** Why a call failed or was not made. */
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

const fieldsFor = (kind: MediaSource.MediaKind, name: string | undefined): Fields => ({
  file_type: fileTypes[kind],
  ...(name === undefined ? {} : { file_name: name })
})

/** The upload that an answer names; `now` in epoch milliseconds. */
const uploadedOf = (
  conversation: Target,
  source: MediaSource.MediaSource,
  { kind, response }: { readonly kind: MediaSource.MediaKind; readonly response: Response },
  now: number
): MediaSource.Uploaded => {
  const { file_info: fileInfo, ttl } = fieldsOf(response.body)
  const seconds = Number(ttl)
  return {
    _tag: "Uploaded",
    kind,
    scene: conversation._tag === "C2C" ? "c2c" : "group",
    fileInfo: String(fileInfo),
    expiresAt: Number.isFinite(seconds) && seconds > 0 ? now + seconds * 1000 : undefined,
    ...(kind === source.kind ? {} : { insteadOf: source.kind })
  }
}

/**
 * Uploads with these services.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = ({ api, chunked, policy, rates }: Services): MediaUpload => {
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
            path: ConversationPath.files(conversation, endpoint),
            body,
            timeout: endpoint === "files" ? policy.uploadTimeout : policy.timeout
          })
        )
      )

  /** In one request; `undefined` if it is too large for the platform's edge. */
  const inOneRequest = (conversation: Target, body: Fields): Effect.Effect<Response | undefined, SendError.SendError> =>
    attempt(conversation, "files", { ...body, srv_send_msg: false }).pipe(
      Effect.catchIf(isTooLarge, () => Effect.succeed(undefined)),
      Effect.mapError(asSendError),
      Effect.filterOrElse(
        (response) => response === undefined || UploadPlan.namesFile(response),
        (response) => SendError.unreadable(response?.traceId)
      ),
      Effect.retry(SendPolicy.retries(policy, true))
    )

  const inParts = (
    conversation: Target,
    request: ChunkedUpload.Request
  ): Effect.Effect<Response, SendError.SendError> =>
    chunked(request, (endpoint, body) => Effect.mapError(attempt(conversation, endpoint, body), asSendError))

  /** Uploads as the kind of the source, or as a file if the policy allows that for a refused format. */
  const upload = (
    conversation: Target,
    source: MediaSource.MediaSource,
    uploadAs: (kind: MediaSource.MediaKind, name: string | undefined) => Effect.Effect<Response, SendError.SendError>
  ): Effect.Effect<MediaSource.Uploaded, SendError.SendError> => {
    const { kind, name } = source
    const asIs = Effect.map(uploadAs(kind, name), (response) => ({ kind, response }))
    const insteadAsFile =
      policy.onFormatRefused === "fail" || kind === "file"
        ? asIs
        : Effect.catchIf(asIs, isFormatRefused, (error) =>
            Effect.logInfo(`${error.message}; uploading it as a file`).pipe(
              Effect.zipRight(uploadAs("file", name ?? defaultNames[kind])),
              Effect.map((response) => ({ kind: "file" as const, response }))
            )
          )
    return insteadAsFile.pipe(
      Effect.mapError(asUpload),
      Effect.zipWith(Clock.currentTimeMillis, (given, now) => uploadedOf(conversation, source, given, now))
    )
  }

  const fromUrl = (
    conversation: Target,
    source: MediaSource.FromUrl
  ): Effect.Effect<MediaSource.Uploaded, SendError.SendError> =>
    upload(conversation, source, (kind, name) =>
      Effect.filterOrElse(
        inOneRequest(conversation, { ...fieldsFor(kind, name), url: source.url }),
        (response) => response !== undefined,
        () => new SendError.MessageInvalid({ field: "media.url", detail: "is too long", hint: "correct the media" })
      )
    )

  const fromContent = (
    conversation: Target,
    source: MediaSource.FromBytes | MediaSource.FromStream,
    content: MediaContent.Content,
    onProgress: ChunkedUpload.OnProgress | undefined
  ): Effect.Effect<MediaSource.Uploaded, SendError.SendError> =>
    Effect.suspend(() => {
      const { bytes, size } = content
      let small = size <= policy.simpleUploadLimit ? bytes : undefined
      const whole = Effect.suspend(() => onProgress?.({ sent: size, total: size, part: 1, parts: 1 }) ?? Effect.void)
      return upload(conversation, source, (kind, name) => {
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
          return Effect.zipRight(Effect.logInfo("too large for one request; uploading it in parts"), parts)
        })
      })
    })

  return { fromUrl, fromContent }
}
