/**
 * What the platform answers to the announcement of a chunked upload, decoded leniently, because its documentation and its
 * behaviour differ: sizes may be numbers or strings, parts may be numbered from 0 or 1, concurrency and retries may be in
 * `upload_config` or next to it, everything may be inside a `data`, and a file that the platform already has is answered
 * with at once.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import { type Fields, fieldsOf } from "../internal/Wire.ts"
import * as HttpExchange from "../openapi/HttpExchange.ts"
import type * as OpenApi from "../openapi/OpenApi.ts"
import type * as MediaContent from "./MediaContent.ts"

/**
 * One part of a chunked upload.
 *
 * @since 0.1.0
 * @category models
 */
export interface Part extends MediaContent.Range {
  /** As the platform counts. */
  readonly index: number
  /** From 1. */
  readonly position: number
  readonly url: string
}

/**
 * What the platform asks for.
 *
 * @since 0.1.0
 * @category models
 */
export interface Plan {
  readonly uploadId: string
  readonly parts: ReadonlyArray<Part>
  /** Maximum number of parts in flight. */
  readonly concurrency: number
  /** Between two confirmations of a part that the platform does not have yet. */
  readonly delay: Duration.Duration
  /** How long a part is confirmed until the platform has it. */
  readonly timeout: Duration.Duration
}

/** The values where the answer has none. Source: as for `ChunkedUpload`. */
const assumed = { blockSize: 5 * 1024 * 1024, concurrency: 1, retryDelay: 1, retryTimeout: 300 }

/** Bounds of the delay between two confirmations of a part, whatever the platform asks for, in milliseconds. */
const delays = { least: 100, most: 60_000 }

const positive = (value: unknown): number | undefined => {
  const number = HttpExchange.wireInteger(value)
  return number !== undefined && number > 0 ? number : undefined
}

/** Seconds, which may have a fraction, in milliseconds. */
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

/**
 * The plan in an answer for media of this size; `undefined` if it cannot be understood.
 *
 * @since 0.1.0
 * @category decoding
 */
export const planOf = (fields: Fields, size: number): Plan | undefined => {
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

/**
 * Whether an object names an uploaded file.
 *
 * @since 0.1.0
 * @category guards
 */
export const isFile = (fields: Fields): boolean => typeof fields["file_info"] === "string" && fields["file_info"] !== ""

/**
 * Whether an answer names the uploaded file.
 *
 * @since 0.1.0
 * @category guards
 */
export const namesFile = (response: OpenApi.Response): boolean => isFile(fieldsOf(response.body))

/**
 * The object of an answer, which may be inside a `data`.
 *
 * @since 0.1.0
 * @category decoding
 */
export const unwrapped = (response: OpenApi.Response): Fields => {
  const fields = fieldsOf(response.body)
  return fields["upload_id"] === undefined && !isFile(fields) && fields["data"] !== undefined
    ? fieldsOf(fields["data"])
    : fields
}
