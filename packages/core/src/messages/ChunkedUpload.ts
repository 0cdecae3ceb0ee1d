/**
 * Uploads in parts: the file is announced, its parts are put into a store under addresses that the platform names and each is
 * said to be there, and then the file is asked for.
 *
 * The announcements of the platform are taken liberally, for its documentation and what it does differ: sizes may be numbers
 * or strings, parts may be numbered from 0 or 1, what concerns concurrency and retries may stand in `upload_config` or beside
 * it, all of it inside a `data` or not; and a file that it has already may be answered for at once.
 *
 * Where the address of a part no longer works, the file is announced once more and all its parts are put again, once.
 *
 * Source: the pages of 2026 of the platform's documentation; qqbot's `utils/chunked-upload.ts`; AstrBot's
 * `qqofficial_chunked_upload.py`, AstrBot#9443.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as HttpExchange from "../openapi/HttpExchange.ts"
import type * as OpenApi from "../openapi/OpenApi.ts"
import * as ContentHash from "./ContentHash.ts"
import type * as MediaContent from "./MediaContent.ts"
import * as SendError from "./SendError.ts"
import * as SendPolicy from "./SendPolicy.ts"

/**
 * How far an upload has come.
 *
 * @since 0.1.0
 * @category models
 */
export interface Progress {
  /** Bytes that the platform has. They start over where the upload had to be announced once more. */
  readonly sent: number
  /** Bytes of the media. */
  readonly total: number
  /** Which part has arrived, from 1, in the order of the content. With several on their way they may arrive out of order. */
  readonly part: number
  /** How many there are. */
  readonly parts: number
}

/**
 * Hears of progress. An upload waits for it, and ends with its defect where it throws or dies.
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
 * Makes one call of an upload. It waits for its turn, and is tried once.
 *
 * @since 0.1.0
 * @category models
 */
export type Call = (
  endpoint: "upload_prepare" | "upload_part_finish" | "files",
  body: Fields
) => Effect.Effect<OpenApi.Response, SendError.SendError>

/**
 * A JSON object.
 *
 * @since 0.1.0
 * @category models
 */
export type Fields = Readonly<Record<string, unknown>>

/**
 * The object in a wire field; an empty one for anything else.
 *
 * @since 0.1.0
 * @category decoding
 */
export const fieldsOf = (value: unknown): Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {}

interface Part extends MediaContent.Range {
  /** As the platform counts. */
  readonly index: number
  /** From 1. */
  readonly position: number
  readonly url: string
}

interface Plan {
  readonly uploadId: string
  readonly parts: ReadonlyArray<Part>
  readonly concurrency: number
  readonly delay: Duration.Duration
  readonly timeout: Duration.Duration
}

/** Where the platform's answer does not say. Source: the same as above. */
const assumed = { blockSize: 5 * 1024 * 1024, concurrency: 1, retryDelay: 1, retryTimeout: 300 }

/** Least and most that is waited between two words that a part is there, whatever the platform says, in milliseconds. */
const delays = { least: 100, most: 60_000 }

/**
 * What the store answers to an address that no longer works, whatever is put there: it has expired or was used up by a
 * request that broke, or the store has forgotten the upload.
 *
 * Source: the error codes of Tencent's COS (AccessDenied, NoSuchUpload).
 */
const deadStatuses: ReadonlySet<number> = new Set([401, 403, 404, 410])

/** The addresses of an upload no longer work: the platform has to name others. */
class LinkDied extends Data.TaggedError("LinkDied")<{ readonly error: SendError.PlatformUnavailable }> {}

const hint = "upload it again; nothing was sent"

const unavailable = (detail: string, traceId?: string): SendError.PlatformUnavailable =>
  new SendError.PlatformUnavailable({ detail, hint, ...(traceId === undefined ? {} : { traceId }) })

const positive = (value: unknown): number | undefined => {
  const number = HttpExchange.wireInteger(value)
  return number !== undefined && number > 0 ? number : undefined
}

/** Seconds in milliseconds; they need not be whole. */
const secondsOf = (value: unknown): number | undefined => {
  const seconds = typeof value === "string" && value.trim() !== "" ? Number(value) : value
  return typeof seconds === "number" && Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined
}

const partsOf = (listed: unknown, blockSize: number, size: number): ReadonlyArray<Part> | undefined => {
  if (!Array.isArray(listed)) return undefined
  const parts: Array<Part> = []
  let offset = 0
  for (const entry of listed as ReadonlyArray<unknown>) {
    const { block_size: own, index: given, presigned_url: url } = fieldsOf(entry)
    const index = HttpExchange.wireInteger(given)
    const length = Math.min(positive(own) ?? blockSize, size - offset)
    if (index === undefined || length <= 0 || typeof url !== "string" || !/^https?:\/\/\S+$/i.test(url))
      return undefined
    parts.push({ index, position: parts.length + 1, url, offset, length })
    offset += length
  }
  return offset === size ? parts : undefined
}

/** What the platform wants done; `undefined` where that cannot be told. */
const planOf = (fields: Fields, size: number): Plan | undefined => {
  const config = { ...fields, ...fieldsOf(fields["upload_config"]) }
  const { concurrency, retry_delay: retryDelay, retry_timeout: retryTimeout } = config
  const uploadId = fields["upload_id"]
  const parts = partsOf(fields["parts"], positive(fields["block_size"]) ?? assumed.blockSize, size)
  if (typeof uploadId !== "string" || uploadId === "" || parts === undefined) return undefined
  const delay = secondsOf(retryDelay) ?? assumed.retryDelay * 1000
  return {
    uploadId,
    parts,
    concurrency: positive(concurrency) ?? assumed.concurrency,
    delay: Duration.millis(Math.min(Math.max(delay, delays.least), delays.most)),
    timeout: Duration.millis(secondsOf(retryTimeout) ?? assumed.retryTimeout * 1000)
  }
}

const isFile = (fields: Fields): boolean => typeof fields["file_info"] === "string" && fields["file_info"] !== ""

/**
 * Whether an answer says what a message names the file by.
 *
 * @since 0.1.0
 * @category guards
 */
export const namesFile = (response: OpenApi.Response): boolean => isFile(fieldsOf(response.body))

/** An answer that may be inside a `data`. */
const unwrapped = (response: OpenApi.Response): Fields => {
  const fields = fieldsOf(response.body)
  return fields["upload_id"] === undefined && !isFile(fields) && fields["data"] !== undefined
    ? fieldsOf(fields["data"])
    : fields
}

/**
 * Uploads in parts by this policy. Answers with what the platform names the file by: `file_info` and `ttl`.
 *
 * Interrupted, or failed in one part, it ends every request at once.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (services: {
  readonly exchange: HttpExchange.Exchange
  readonly begin: (algorithm: ContentHash.Algorithm) => ContentHash.Digest
  readonly policy: SendPolicy.SendPolicy
}): ((request: Request, call: Call) => Effect.Effect<OpenApi.Response, SendError.SendError>) => {
  const { begin, exchange, policy } = services

  /** The store is not the platform's API: it gets no token, and its addresses, which are credentials, get into no error. */
  const put = (
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
          // once may be chance; twice, or after a connection that broke, it is the address
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

  const sendPart = (
    { delay, parts, timeout, uploadId }: Plan,
    part: Part,
    bytes: Uint8Array,
    call: Call
  ): Effect.Effect<void, SendError.SendError | LinkDied> =>
    Effect.gen(function* () {
      const digest = begin("md5")
      yield* ContentHash.update([digest], bytes)
      const md5 = digest.hex()
      yield* put(part.url, bytes, `part ${part.position} of ${parts.length}`)
      yield* Effect.retry(
        call("upload_part_finish", { upload_id: uploadId, part_index: part.index, block_size: part.length, md5 }),
        SendPolicy.finishing(policy, { delay, timeout })
      )
    })

  const sendParts = (
    plan: Plan,
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

  /** Announces the media and puts its parts: what is to be completed, or the file where the platform has it already. */
  const bring = (
    request: Request,
    call: Call
  ): Effect.Effect<Plan | OpenApi.Response, SendError.SendError | LinkDied> =>
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
        Effect.flatMap((response): Effect.Effect<Plan | OpenApi.Response, SendError.PlatformUnavailable> => {
          const fields = unwrapped(response)
          if (isFile(fields)) return Effect.succeed({ ...response, body: fields })
          const found = planOf(fields, content.size)
          return found === undefined
            ? unavailable("what the platform says about the parts of the file cannot be understood", response.traceId)
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
          const fields = unwrapped(response)
          return isFile(fields)
            ? Effect.succeed({ ...response, body: fields })
            : unavailable("the platform's answer names no file", response.traceId)
        }),
        Effect.retry(SendPolicy.completing(policy))
      )
    })
}
