/**
 * The files of a sandbox: what users attach, where the bot can fetch it, and what the bot uploads, where the page can show it.
 *
 * An address of a file holds a name that cannot be guessed and needs no other credentials, as on the platform.
 *
 * @since 0.1.0
 */
import { Model } from "@effect-qq/core/testing"
import * as Crypto from "node:crypto"
import type { Step } from "./Engine.ts"
import { parse, textOf } from "./Payload.ts"

/** Bytes of all files together: beyond these the oldest are forgotten. */
const capacity = 256 * 1024 * 1024

/** Maximum number of incomplete uploads in parts; the oldest are removed. */
const maximumUploads = 16

/**
 * @since 0.1.0
 * @category models
 */
export interface StoredFile {
  readonly bytes: Uint8Array
  readonly type: string
  readonly name: string
}

/** A file of the bot: bytes of this sandbox, or an address elsewhere. */
export interface Uploaded {
  readonly kind: "image" | "video" | "voice" | "file"
  readonly name: string
  readonly url: string
  readonly size?: number
}

const kinds: { readonly [fileType: number]: Uploaded["kind"] } = { 1: "image", 2: "video", 3: "voice", 4: "file" }

/** What a file is, by its first bytes: names and types that are claimed are not trusted. */
const sniff = (bytes: Uint8Array): string => {
  const head = Buffer.from(bytes.subarray(0, 12)).toString("latin1")
  if (head.startsWith("\x89PNG")) return "image/png"
  if (head.startsWith("\xff\xd8\xff")) return "image/jpeg"
  if (head.startsWith("GIF8")) return "image/gif"
  if (head.startsWith("RIFF") && head.slice(8) === "WEBP") return "image/webp"
  if (head.startsWith("RIFF") && head.slice(8) === "WAVE") return "audio/wav"
  if (head.startsWith("ID3") || head.startsWith("\xff\xfb")) return "audio/mpeg"
  if (head.startsWith("OggS")) return "audio/ogg"
  if (head.slice(4, 8) === "ftyp") return "video/mp4"
  if (head.startsWith("\x1aE\xdf\xa3")) return "video/webm"
  return "application/octet-stream"
}

/** The last part of an address's path. */
const nameOf = (url: string): string | undefined =>
  URL.canParse(url) ? textOf(new URL(url).pathname.split("/").at(-1)) : undefined

const uploadPath = /^\/v2\/(?:users|groups)\/[^/]+\/files(?:\?|$)/
const partPath = new RegExp(`^${Model.storePath}([^/]+)/(\\d+)`)

/**
 * @since 0.1.0
 * @category models
 */
export class Files {
  private readonly stored = new Map<string, StoredFile>()
  private readonly uploaded = new Map<string, Uploaded>()
  private readonly parts = new Map<string, Map<number, Uint8Array>>()
  private size = 0

  private readonly origin: string

  /** `origin` is where the sandbox is served. */
  constructor(origin: string) {
    this.origin = origin
  }

  /** Keeps a file. Returns where it can be fetched. */
  readonly put = (name: string, bytes: Uint8Array): string => {
    const id = Crypto.randomBytes(16).toString("base64url")
    this.stored.set(id, { bytes, type: sniff(bytes), name })
    this.size += bytes.length
    for (const [oldest, file] of this.stored) {
      if (this.size <= capacity || oldest === id) break
      this.stored.delete(oldest)
      this.size -= file.bytes.length
    }
    return `${this.origin}/files/${id}/${encodeURIComponent(name)}`
  }

  readonly get = (id: string): StoredFile | undefined => this.stored.get(id)

  /** What the bot uploaded, by its `file_uuid`. */
  readonly find = (uuid: string): Uploaded | undefined => this.uploaded.get(uuid)

  /** Records the uploads of the bot. */
  readonly observe = ({ occasion }: Step): void => {
    if (occasion._tag !== "Request" || occasion.answer._tag !== "Reply" || occasion.answer.status !== 200) return
    const { answer, request } = occasion
    const part = partPath.exec(request.path)
    if (part !== null && request.bytes !== undefined) {
      const [, upload = "", position = "0"] = part
      const known = this.parts.get(upload) ?? new Map<number, Uint8Array>()
      this.parts.set(upload, known.set(Number(position), request.bytes))
      for (const oldest of this.parts.keys()) {
        if (this.parts.size <= maximumUploads) break
        this.parts.delete(oldest)
      }
      return
    }
    if (request.method !== "POST" || !uploadPath.test(request.path)) return
    const body = parse(request.body)
    const uuid = textOf(parse(answer.body)["file_uuid"])
    if (uuid !== undefined) this.uploaded.set(uuid, this.uploadOf(body))
    for (const oldest of this.uploaded.keys()) {
      if (this.uploaded.size <= 10_000) break
      this.uploaded.delete(oldest)
    }
  }

  private uploadOf(body: Readonly<Record<string, unknown>>): Uploaded {
    const kind = kinds[Number(body["file_type"])] ?? "file"
    const name = textOf(body["file_name"])
    const url = textOf(body["url"])
    if (url !== undefined) {
      return { kind, name: name ?? nameOf(url) ?? kind, url }
    }
    const bytes = this.bytesOf(body)
    if (bytes === undefined) return { kind, name: name ?? kind, url: "" }
    return { kind, name: name ?? kind, url: this.put(name ?? kind, bytes), size: bytes.length }
  }

  private bytesOf(body: Readonly<Record<string, unknown>>): Uint8Array | undefined {
    const data = textOf(body["file_data"])
    if (data !== undefined) return Buffer.from(data, "base64")
    const parts = this.parts.get(textOf(body["upload_id"]) ?? "")
    if (parts === undefined) return undefined
    return Buffer.concat([...parts].toSorted(([one], [other]) => one - other).map(([, bytes]) => bytes))
  }
}
