/**
 * Chunked uploads: `prepare` announces a file, each part is put into a store and then confirmed, and the complete file is
 * used by its `upload_id`.
 *
 * Source: the pages of 2026 of the platform's documentation; `md5_10m`, sizes as strings, 850012 and 40093001 from qqbot's
 * `utils/chunked-upload.ts` and AstrBot#9443. The other refusals and their codes are chosen.
 *
 * @since 0.1.0
 */
import * as Digest from "../../messages/Digest.ts"
import * as BoundedMap from "./BoundedMap.ts"
import * as Content from "./Content.ts"
import { type Request, storePath } from "./Model.ts"
import type { Platform } from "./Platform.ts"
import * as Reply from "./Reply.ts"

/** `md5_10m` is the MD5 of this many bytes, or of the whole file where it is smaller. */
const beginning = 10_002_432

/** Maximum number of uploads kept; the oldest are removed. */
const maximumUploads = 256

/**
 * A file with all its parts.
 *
 * @since 0.1.0
 * @category models
 */
export interface Whole {
  readonly size: number
  readonly md5: string
  readonly sha1: string
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Chunks {
  /** Takes the announcement of a file. */
  readonly prepare: (now: number, traceId: string, scene: "c2c" | "group", target: string, body: string) => Reply.Reply
  /** Takes the bytes of a part. */
  readonly put: (request: Request) => Reply.Reply
  /** Invalidates every URL of the upload that this path belongs to. */
  readonly kill: (path: string) => void
  /** Confirms a part, and checks that it was put. */
  readonly finish: (now: number, traceId: string, scene: "c2c" | "group", target: string, body: string) => Reply.Reply
  /** The file of a complete upload, or the code that refuses it. */
  readonly whole: (
    scene: "c2c" | "group",
    target: string,
    uploadId: string,
    fileType: number
  ) => Whole | Reply.ErrorCode
}

interface Part {
  readonly size: number
  /** The bytes last put; released once they are part of the file. */
  bytes: Uint8Array | undefined
  /** The MD5 of its confirmation. */
  finished: string | undefined
}

interface Upload extends Whole {
  readonly scene: "c2c" | "group"
  readonly target: string
  readonly fileType: number
  readonly signature: string
  readonly parts: ReadonlyArray<Part>
  readonly md5Of10M: string
  /** Over the parts up to the first missing one. */
  readonly digests: { readonly md5: Digest.Digest; readonly sha1: Digest.Digest; readonly md5Of10M: Digest.Digest }
  taken: number
  takenSize: number
  isDead: boolean
  /** Whether the file matches its announcement; absent until it is complete. */
  isAsAnnounced?: boolean
}

/** The address of a part. */
const addressed = /^\/store\/([^/]+)\/(\d{1,6})\?sign=([^&]+)$/

const isHex = (value: unknown, length: number): value is string =>
  typeof value === "string" && value.length === length && /^[0-9a-f]+$/i.test(value)

const digestOf = (bytes: Uint8Array): string => {
  const digest = Digest.make("md5")
  digest.update(bytes)
  return digest.hex()
}

/** Adds the confirmed parts to the file, in order. */
const take = (upload: Upload): void => {
  const { digests, parts } = upload
  for (let part = parts[upload.taken]; part?.bytes !== undefined && part.finished !== undefined;) {
    digests.md5.update(part.bytes)
    digests.sha1.update(part.bytes)
    digests.md5Of10M.update(part.bytes.subarray(0, Math.max(0, beginning - upload.takenSize)))
    upload.takenSize += part.size
    part.bytes = undefined
    upload.taken += 1
    part = parts[upload.taken]
  }
  if (upload.taken < parts.length) return
  upload.isAsAnnounced ??=
    digests.md5.hex() === upload.md5 && digests.sha1.hex() === upload.sha1 && digests.md5Of10M.hex() === upload.md5Of10M
}

/**
 * `spend` counts bytes against the daily quota and returns whether they are within it. `known` returns the answer for a file
 * that the scene already has.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  platform: Platform,
  spend: (now: number, size: number) => boolean,
  known: (
    now: number,
    scene: "c2c" | "group",
    fileType: number,
    file: Whole
  ) => Readonly<Record<string, unknown>> | undefined
): Chunks => {
  const { chunks, maximumFile, storeUrl } = platform.settings
  const uploads = BoundedMap.make<Upload>(maximumUploads)

  const find = (scene: string, target: string, uploadId: unknown): Upload | undefined => {
    const upload = typeof uploadId === "string" ? uploads.get(uploadId) : undefined
    return upload?.scene === scene && upload.target === target ? upload : undefined
  }

  const sized = (size: number): number | string => (chunks.sizesAsNumbers ? size : size.toString())

  const answer = (fields: Readonly<Record<string, unknown>>): Reply.Reply =>
    Reply.json(200, chunks.wrapped ? { data: fields } : fields)

  return {
    prepare: (now, traceId, scene, target, text) => {
      const fail = (code: Reply.ErrorCode): Reply.Reply => Reply.error(traceId, code)
      const body = Content.parse(text)
      if (body === undefined) return fail(12002)
      const { file_name: name, file_size: announced, file_type: fileType, md5, md5_10m: md5Of10M, sha1 } = body
      if (typeof fileType !== "number" || ![1, 2, 3, 4].includes(fileType)) return fail(850019)
      if (typeof announced !== "string" || !/^[1-9]\d{0,14}$/.test(announced) || !Content.isFilled(name)) {
        return fail(850012)
      }
      if (!isHex(md5, 32) || !isHex(sha1, 40) || !isHex(md5Of10M, 32)) return fail(850012)
      const size = Number(announced)
      if (size > maximumFile) return fail(850031)
      const announcement = { size, md5: md5.toLowerCase(), sha1: sha1.toLowerCase() }
      const file = chunks.instant ? known(now, scene, fileType, announcement) : undefined
      if (file !== undefined) return answer(file)
      const number = platform.count("upload").toString().padStart(8, "0")
      const uploadId = `model-upload-${number}`
      const signature = `model-signature-${number}`
      const parts = Array.from({ length: Math.ceil(size / chunks.blockSize) }, (_, position): Part => {
        const rest = size - position * chunks.blockSize
        return { size: Math.min(rest, chunks.blockSize), bytes: undefined, finished: undefined }
      })
      uploads.set(uploadId, {
        ...announcement,
        scene,
        target,
        fileType,
        signature,
        parts,
        md5Of10M: md5Of10M.toLowerCase(),
        digests: { md5: Digest.make("md5"), sha1: Digest.make("sha1"), md5Of10M: Digest.make("md5") },
        taken: 0,
        takenSize: 0,
        isDead: false
      })
      const config = {
        concurrency: chunks.concurrency,
        retry_timeout: chunks.retryTimeout,
        retry_delay: chunks.retryDelay
      }
      return answer({
        upload_id: uploadId,
        block_size: sized(chunks.blockSize),
        parts: parts.map((part, position) => ({
          index: position + chunks.firstIndex,
          presigned_url: `${storeUrl}${storePath}${uploadId}/${position}?sign=${signature}`,
          block_size: sized(part.size)
        })),
        ...(chunks.flat ? config : { upload_config: config })
      })
    },
    kill: (path) => {
      const upload = uploads.get(addressed.exec(path)?.[1] ?? "")
      if (upload !== undefined) upload.isDead = true
    },
    put: ({ bytes, headers, path }) => {
      const named = addressed.exec(path)
      const upload = named === null ? undefined : uploads.get(named[1]!)
      const part = upload?.parts[Number(named?.[2])]
      // The URL is the only credential: a store refuses a request that carries another one.
      const isAllowed =
        upload?.isDead === false && named?.[3] === upload.signature && headers["authorization"] === undefined
      if (!isAllowed) return Reply.text(403, "<Error><Code>AccessDenied</Code></Error>")
      if (part === undefined || bytes?.length !== part.size) {
        return Reply.text(400, "<Error><Code>IncompleteBody</Code></Error>")
      }
      if (part.finished === undefined) part.bytes = bytes
      return Reply.text(200, "")
    },
    finish: (now, traceId, scene, target, text) => {
      const fail = (code: Reply.ErrorCode): Reply.Reply => Reply.error(traceId, code)
      const body = Content.parse(text)
      if (body === undefined) return fail(12002)
      const { block_size: size, md5, part_index: index, upload_id: uploadId } = body
      const upload = find(scene, target, uploadId)
      const part = typeof index === "number" ? upload?.parts[index - chunks.firstIndex] : undefined
      if (upload === undefined || part === undefined) return fail(850012)
      if (Number(size) !== part.size || !isHex(md5, 32)) return fail(850012)
      if (part.finished === md5) return Reply.json(200, {})
      if (part.bytes === undefined) return fail(40093001)
      if (digestOf(part.bytes) !== md5) return fail(850012)
      if (!spend(now, part.size)) return fail(40093002)
      part.finished = md5
      take(upload)
      return Reply.json(200, {})
    },
    whole: (scene, target, uploadId, fileType) => {
      const upload = find(scene, target, uploadId)
      if (upload === undefined || upload.fileType !== fileType || upload.isAsAnnounced !== true) return 850012
      const { md5, sha1, size } = upload
      return { md5, sha1, size }
    }
  }
}
