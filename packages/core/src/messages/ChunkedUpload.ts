/**
 * Uploads in parts: the file is announced, its parts are put into a store at addresses from the platform's answer
 * (`UploadPlan`) and confirmed one by one, and then the upload is completed.
 *
 * If the address of a part no longer works, the file is announced and its parts are put a second time, once.
 *
 * Source: the pages of 2026 of the platform's documentation; qqbot's `utils/chunked-upload.ts`; AstrBot's
 * `qqofficial_chunked_upload.py`, AstrBot#9443.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Fields } from "../internal/Wire.ts"
import type * as HttpExchange from "../openapi/HttpExchange.ts"
import type * as OpenApi from "../openapi/OpenApi.ts"
import * as ContentHash from "./ContentHash.ts"
import type * as MediaContent from "./MediaContent.ts"
import * as SendError from "./SendError.ts"
import * as SendPolicy from "./SendPolicy.ts"
import * as UploadPlan from "./UploadPlan.ts"

/**
 * The progress of an upload.
 *
 * @since 0.1.0
 * @category models
 */
export interface Progress {
  /** Bytes that the platform has; starts over if the upload is announced a second time. */
  readonly sent: number
  /** Bytes of the media. */
  readonly total: number
  /** The part that has arrived, from 1, in the order of the content. Parts in flight may arrive in any order. */
  readonly part: number
  /** The number of parts. */
  readonly parts: number
}

/**
 * Called with progress. An upload waits for it, and ends with its defect if it throws or dies.
 *
 * @since 0.1.0
 * @category models
 */
export type OnProgress = (progress: Progress) => Effect.Effect<void>

/**
 * One upload.
 *
 * @since 0.1.0
 * @category models
 */
export interface Request {
  /** Of `file_type`. */
  readonly fileType: number
  readonly name: string
  readonly content: MediaContent.Content
  readonly onProgress: OnProgress | undefined
}

/**
 * Makes one call of an upload: waits for its turn by the rate limit, and is not retried.
 *
 * @since 0.1.0
 * @category models
 */
export type Call = (
  endpoint: "upload_prepare" | "upload_part_finish" | "files",
  body: Fields
) => Effect.Effect<OpenApi.Response, SendError.SendError>

/**
 * The statuses with which the store answers at an address that no longer works: it has expired, was used up by a request
 * that broke, or the store has forgotten the upload.
 *
 * Source: the error codes of Tencent's COS (AccessDenied, NoSuchUpload).
 */
const deadStatuses: ReadonlySet<number> = new Set([401, 403, 404, 410])

/** An address of the upload no longer works: it needs new ones from the platform. */
class LinkDied extends Data.TaggedError("LinkDied")<{ readonly error: SendError.PlatformUnavailable }> {}

const hint = "upload it again; nothing was sent"

const unavailable = (detail: string, traceId?: string): SendError.PlatformUnavailable =>
  new SendError.PlatformUnavailable({ detail, hint, ...(traceId === undefined ? {} : { traceId }) })

/**
 * What uploads in parts need.
 *
 * @since 0.1.0
 * @category models
 */
export interface Services {
  readonly exchange: HttpExchange.Exchange
  readonly begin: (algorithm: ContentHash.Algorithm) => ContentHash.Digest
  readonly policy: SendPolicy.SendPolicy
}

/**
 * Puts a part into the store. The store is not the platform's API: it gets no token, and its addresses, which are credentials,
 * do not appear in errors.
 */
const put = (
  { exchange, policy }: Pick<Services, "exchange" | "policy">,
  url: string,
  bytes: Uint8Array,
  place: string
): Effect.Effect<void, SendError.PlatformUnavailable | LinkDied> =>
  Effect.suspend(() => {
    let attempts = 0
    return exchange({ method: "PUT", url, headers: {}, body: bytes }, policy.partTimeout).pipe(
      Effect.mapError(({ detail }) => unavailable(`${place} could not be stored: ${detail}`)),
      Effect.flatMap(({ status }) => {
        if (status >= 200 && status < 300) return Effect.succeed(undefined)
        const error = unavailable(`${place} was refused by the store (HTTP ${status})`)
        // a first refusal may be chance; after a retry or a broken connection it is the address
        return attempts > 0 && deadStatuses.has(status) ? Effect.succeed(new LinkDied({ error })) : Effect.fail(error)
      }),
      Effect.ensuring(
        Effect.sync(() => {
          attempts++
        })
      ),
      Effect.retry(policy.partRetries),
      Effect.flatMap((died) => (died === undefined ? Effect.void : Effect.fail(died)))
    )
  })

/**
 * Uploads in parts by this policy. Gives the answer that names the file: `file_info` and `ttl`.
 *
 * An interruption or the failure of one part ends all its requests at once.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  services: Services
): ((request: Request, call: Call) => Effect.Effect<OpenApi.Response, SendError.SendError>) => {
  const { begin, policy } = services

  const sendPart = (
    { delay, parts, timeout, uploadId }: UploadPlan.Plan,
    part: UploadPlan.Part,
    bytes: Uint8Array,
    call: Call
  ): Effect.Effect<void, SendError.SendError | LinkDied> =>
    Effect.gen(function* () {
      const digest = begin("md5")
      yield* ContentHash.update([digest], bytes)
      const md5 = digest.hex()
      yield* put(services, part.url, bytes, `part ${part.position} of ${parts.length}`)
      yield* Effect.retry(
        call("upload_part_finish", { upload_id: uploadId, part_index: part.index, block_size: part.length, md5 }),
        SendPolicy.finishing(policy, { delay, timeout })
      )
    })

  const sendParts = (
    plan: UploadPlan.Plan,
    { content, onProgress }: Request,
    call: Call
  ): Effect.Effect<void, SendError.SendError | LinkDied> =>
    Effect.suspend(() => {
      let sent = 0
      return content.cut(plan.parts).pipe(
        Stream.mapEffect(
          ({ bytes, range: part }) => {
            const sending = sendPart(plan, part, bytes, call)
            if (onProgress === undefined) return sending
            return Effect.flatMap(sending, () => {
              sent += part.length
              return onProgress({ sent, total: content.size, part: part.position, parts: plan.parts.length })
            })
          },
          { concurrency: Math.min(plan.concurrency, policy.uploadConcurrency), unordered: true }
        ),
        Stream.runDrain
      )
    })

  /** Announces the media and puts its parts; gives the plan to complete, or the file if the platform has it already. */
  const bring = (
    request: Request,
    call: Call
  ): Effect.Effect<UploadPlan.Plan | OpenApi.Response, SendError.SendError | LinkDied> =>
    Effect.gen(function* () {
      const { content, fileType, name } = request
      const { md5, md5Of10M, sha1 } = yield* content.digests
      const announcement = {
        file_type: fileType,
        // a number, or no sha1, is refused with 850012
        file_size: content.size.toString(),
        file_name: name,
        md5,
        sha1,
        md5_10m: md5Of10M
      }
      const plan = yield* call("upload_prepare", announcement).pipe(
        Effect.flatMap((response): Effect.Effect<UploadPlan.Plan | OpenApi.Response, SendError.PlatformUnavailable> => {
          const fields = UploadPlan.unwrapped(response)
          if (UploadPlan.isFile(fields)) return Effect.succeed({ ...response, body: fields })
          const found = UploadPlan.planOf(fields, content.size)
          return found === undefined
            ? unavailable("the platform's plan for the parts of the file cannot be understood", response.traceId)
            : Effect.succeed(found)
        }),
        Effect.retry(SendPolicy.retries(policy, true))
      )
      if (!("uploadId" in plan)) {
        yield* request.onProgress?.({ sent: content.size, total: content.size, part: 1, parts: 1 }) ?? Effect.void
        return plan
      }
      yield* sendParts(plan, request, call)
      return plan
    })

  return (request, call) =>
    Effect.gen(function* () {
      const { fileType, name } = request
      const bringing = bring(request, call)
      const plan = yield* bringing.pipe(
        Effect.catchTag("LinkDied", ({ error }) =>
          Effect.zipRight(Effect.logInfo(`${error.message}; asking for new addresses, once`), bringing)
        ),
        Effect.catchTag("LinkDied", ({ error }) => error)
      )
      if (!("uploadId" in plan)) return plan
      const completion = { upload_id: plan.uploadId, file_type: fileType, file_name: name, srv_send_msg: false }
      return yield* call("files", completion).pipe(
        Effect.flatMap((response) => {
          const fields = UploadPlan.unwrapped(response)
          return UploadPlan.isFile(fields)
            ? Effect.succeed({ ...response, body: fields })
            : unavailable("the platform's answer names no file", response.traceId)
        }),
        Effect.retry(SendPolicy.completing(policy))
      )
    })
}
