/**
 * The upload of files, and the `file_info` values handed out.
 *
 * Source: the rich media page of the platform's documentation of 2026; `file_data` from the SDKs; 413 of the edge from
 * AstrBot#9616 and nanobot#1667.
 *
 * @since 0.1.0
 */
import * as BoundedMap from "./BoundedMap.ts"
import * as Chunks from "./Chunks.ts"
import * as Content from "./Content.ts"
import type { Platform } from "./Platform.ts"
import { dayOf } from "./Proactive.ts"
import * as Reply from "./Reply.ts"

/** The maximum length of a URL. */
const maximumUrl = 8192

/**
 * A file that the platform has.
 *
 * @since 0.1.0
 * @category models
 */
export interface File {
  readonly uuid: string
  readonly info: string
  readonly scene: "c2c" | "group"
  /** 1 image, 2 video, 3 voice, 4 any file. */
  readonly fileType: number
  /** In epoch milliseconds. */
  readonly expiresAt: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Uploads {
  /**
   * Takes a file. `deliver` is called if the body asks to send the file at once: it returns the id of the message, or the
   * code that refuses it.
   */
  readonly upload: (
    now: number,
    traceId: string,
    scene: "c2c" | "group",
    target: string,
    body: string,
    deliver: (file: File, body: Content.Body) => string | Reply.ErrorCode
  ) => Reply.Reply
  /** Files that are uploaded in parts. */
  readonly chunks: Chunks.Chunks
  /** The file behind a `file_info` in this scene. `undefined` for a file of another scene or an expired one. */
  readonly find: (now: number, scene: string, fileInfo: string) => File | undefined
}

/** The number of bytes of a base64 text; `undefined` for an invalid one. */
const sizeOfBase64 = (text: string): number | undefined => {
  if (text.length === 0 || text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0
  return (text.length / 4) * 3 - padding
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (platform: Platform): Uploads => {
  const { settings } = platform
  const files = BoundedMap.make<File>(settings.anchorLimit)
  /** Files uploaded in parts, by their content. */
  const byContent = BoundedMap.make<File>(settings.anchorLimit)
  let day = 0
  let uploaded = 0

  const spend = (now: number, size: number): boolean => {
    if (day !== dayOf(now)) {
      day = dayOf(now)
      uploaded = 0
    }
    if (uploaded + size > settings.uploadQuota) return false
    uploaded += size
    return true
  }

  const contentKey = (scene: string, fileType: number, { md5, sha1, size }: Chunks.Whole): string =>
    [scene, fileType, size, md5, sha1].join(":")

  const find: Uploads["find"] = (now, scene, fileInfo) => {
    const file = files.get(fileInfo)
    return file !== undefined && file.scene === scene && now < file.expiresAt ? file : undefined
  }

  const handedOut = (now: number, { expiresAt, info, uuid }: File) => ({
    file_uuid: uuid,
    file_info: info,
    ttl: expiresAt === Infinity ? 0 : Math.floor((expiresAt - now) / 1000)
  })

  const chunks = Chunks.make(platform, spend, (now, scene, fileType, whole) => {
    const file = byContent.get(contentKey(scene, fileType, whole))
    return file === undefined || find(now, scene, file.info) === undefined ? undefined : handedOut(now, file)
  })

  /** Reads the source of a file from a body: a URL, bytes, or a chunked upload. */
  const read = (
    now: number,
    scene: "c2c" | "group",
    target: string,
    fileType: number,
    body: Content.Body
  ):
    | { readonly by: "url" | "file_data" | "upload_id"; readonly size?: number; readonly whole?: Chunks.Whole }
    | Reply.Reply
    | Reply.ErrorCode => {
    const { file_data: data, upload_id: uploadId, url } = body
    if ([data, uploadId, url].filter((value) => !Content.isAbsent(value)).length !== 1) return 12002
    if (!Content.isAbsent(url)) {
      const isUrl = typeof url === "string" && url.length <= maximumUrl && /^https?:\/\/[^/\s]/i.test(url)
      return isUrl ? { by: "url" } : 850026
    }
    if (typeof uploadId === "string" && uploadId !== "") {
      const whole = chunks.whole(scene, target, uploadId, fileType)
      return typeof whole === "number" ? whole : { by: "upload_id", size: whole.size, whole }
    }
    const size = typeof data === "string" ? sizeOfBase64(data) : undefined
    if (size === undefined) return 12002
    if (size > settings.maximumInlineFile) return Reply.edge(413, "Request Entity Too Large")
    return spend(now, size) ? { by: "file_data", size } : 40093002
  }

  return {
    chunks,
    upload: (now, traceId, scene, target, text, deliver) => {
      const fail = (code: Reply.ErrorCode): Reply.Reply => Reply.error(traceId, code)
      // The edge looks at the size of the request alone: base64 makes a file a third larger.
      if (text.length > Math.ceil(settings.maximumInlineFile / 3) * 4 + 4096) {
        return Reply.edge(413, "Request Entity Too Large")
      }
      const body = Content.parse(text)
      if (body === undefined) return fail(12002)
      const { file_type: fileType, srv_send_msg: deliverNow } = body
      if (typeof fileType !== "number" || ![1, 2, 3, 4].includes(fileType)) return fail(850019)
      const given = read(now, scene, target, fileType, body)
      if (typeof given === "number") return fail(given)
      if ("status" in given) return given
      const number = platform.count("file").toString().padStart(8, "0")
      const file: File = {
        uuid: `model-file-${number}`,
        info: `model-file-info-${scene}-${number}`,
        scene,
        fileType,
        expiresAt: now + settings.mediaLifetime
      }
      files.set(file.info, file)
      platform.journal.push({
        at: now,
        kind: "Uploaded",
        scene,
        target,
        file: file.uuid,
        fileType,
        by: given.by,
        ...(given.size === undefined ? {} : { size: given.size })
      })
      if (given.whole !== undefined) byContent.set(contentKey(scene, fileType, given.whole), file)
      const delivered = deliverNow === true ? deliver(file, body) : undefined
      if (typeof delivered === "number") return fail(delivered)
      return Reply.json(200, { ...handedOut(now, file), ...(delivered === undefined ? {} : { id: delivered }) })
    },
    find
  }
}
