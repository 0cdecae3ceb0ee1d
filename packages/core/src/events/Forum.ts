/**
 * The forums of guilds: threads, the posts in them and the replies to those.
 *
 * Sources: `server-inter/channel/content/forum` of the platform's documentation, whose examples have ids as bare numbers and
 * whose tables disagree with them about titles and contents; paragraphs from botpy's `forum.py`.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { fieldsOf, listOf, textOf } from "../internal/Wire.ts"
import { optional } from "./Payload.ts"

const placeFields = {
  /** Bare numbers above 2^53 have come here, whose last digits are lost: better not to call the API with such an id. */
  guild_id: Schema.String,
  channel_id: Schema.String,
  author_id: Schema.String
}

/** JSON as text, or what it would be: {@link read} takes both. */
const rich = optional(Schema.Union(Schema.String, Schema.Array(Schema.Unknown)))

const threadInfoFields = {
  thread_id: Schema.String,
  title: rich,
  content: rich,
  /** ISO 8601. */
  date_time: optional(Schema.String)
}

const threadFields = { ...placeFields, thread_info: Schema.Struct(threadInfoFields) }

/**
 * The payload of FORUM_THREAD_CREATE, FORUM_THREAD_UPDATE and FORUM_THREAD_DELETE.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Thread: Schema.Schema<Thread> = Schema.Struct(threadFields)

/**
 * The payload of FORUM_THREAD_CREATE, FORUM_THREAD_UPDATE and FORUM_THREAD_DELETE.
 *
 * @since 0.1.0
 * @category models
 */
export interface Thread extends Schema.Struct.Type<typeof threadFields> {}

const postInfoFields = {
  thread_id: Schema.String,
  post_id: Schema.String,
  content: rich,
  /** ISO 8601. */
  date_time: optional(Schema.String)
}

const postFields = { ...placeFields, post_info: Schema.Struct(postInfoFields) }

/**
 * The payload of FORUM_POST_CREATE and FORUM_POST_DELETE: a comment on a thread.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Post: Schema.Schema<Post> = Schema.Struct(postFields)

/**
 * The payload of FORUM_POST_CREATE and FORUM_POST_DELETE.
 *
 * @since 0.1.0
 * @category models
 */
export interface Post extends Schema.Struct.Type<typeof postFields> {}

const replyInfoFields = { ...postInfoFields, reply_id: Schema.String }

const replyFields = { ...placeFields, reply_info: Schema.Struct(replyInfoFields) }

/**
 * The payload of FORUM_REPLY_CREATE and FORUM_REPLY_DELETE: an answer to a post.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Reply: Schema.Schema<Reply> = Schema.Struct(replyFields)

/**
 * The payload of FORUM_REPLY_CREATE and FORUM_REPLY_DELETE.
 *
 * @since 0.1.0
 * @category models
 */
export interface Reply extends Schema.Struct.Type<typeof replyFields> {}

/**
 * What was to be published, in `type` of FORUM_PUBLISH_AUDIT_RESULT.
 *
 * @since 0.1.0
 * @category constants
 */
export const AuditType = { Thread: 1, Post: 2, Reply: 3 } as const

const auditResultFields = {
  ...placeFields,
  task_id: optional(Schema.String),
  thread_id: optional(Schema.String),
  /** May be empty. */
  post_id: optional(Schema.String),
  /** May be empty. */
  reply_id: optional(Schema.String),
  /** See {@link AuditType}. */
  type: optional(Schema.Number),
  /** 0: it is published. 1: it is not, and `err_msg` says why. */
  result: optional(Schema.Number),
  err_msg: optional(Schema.String),
  /** ISO 8601. */
  date_time: optional(Schema.String)
}

/**
 * The payload of FORUM_PUBLISH_AUDIT_RESULT: what moderation decided.
 *
 * @since 0.1.0
 * @category schemas
 */
export const AuditResult: Schema.Schema<AuditResult> = Schema.Struct(auditResultFields)

/**
 * The payload of FORUM_PUBLISH_AUDIT_RESULT.
 *
 * @since 0.1.0
 * @category models
 */
export interface AuditResult extends Schema.Struct.Type<typeof auditResultFields> {}

/**
 * The payload of the OPEN_FORUM events, which bots of the public domain get: that something happened, not what.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Activity: Schema.Schema<Activity> = Schema.Struct(placeFields)

/**
 * The payload of the OPEN_FORUM events.
 *
 * @since 0.1.0
 * @category models
 */
export interface Activity extends Schema.Struct.Type<typeof placeFields> {}

/**
 * A piece of a title or content. What it lacks on the wire is `undefined`.
 *
 * @since 0.1.0
 * @category models
 */
export type Element =
  | { readonly _tag: "Text"; readonly text: string }
  | {
      readonly _tag: "At"
      readonly of: "user" | "role" | "guild" | undefined
      readonly id: string | undefined
      readonly name: string | undefined
    }
  | { readonly _tag: "Url"; readonly url: string | undefined; readonly text: string | undefined }
  | { readonly _tag: "Emoji"; readonly id: string | undefined; readonly name: string | undefined }
  | { readonly _tag: "Channel"; readonly id: string | undefined; readonly name: string | undefined }
  | { readonly _tag: "Video"; readonly url: string | undefined }
  | { readonly _tag: "Image"; readonly url: string | undefined }
  /** The end of a paragraph that another one follows. */
  | { readonly _tag: "Break" }
  /** Of a type that is not known. */
  | { readonly _tag: "Other"; readonly value: unknown }

const text = (value: string): Element => ({ _tag: "Text", text: value })

const atOf = (value: unknown): Element => {
  const at = fieldsOf(value)
  const user = fieldsOf(at["user_info"])
  const role = fieldsOf(at["role_info"])
  const guild = fieldsOf(at["guild_info"])
  const kinds = { "1": "user", "2": "role", "3": "guild" } as const
  const type = textOf(at["type"])
  return {
    _tag: "At",
    of: type === "1" || type === "2" || type === "3" ? kinds[type] : undefined,
    id: textOf(user["id"]) ?? textOf(role["role_id"]) ?? textOf(guild["guild_id"]),
    name: textOf(user["nick"]) ?? textOf(role["name"]) ?? textOf(guild["guild_name"])
  }
}

const mediaUrl = (value: unknown): string | undefined => {
  const media = fieldsOf(value)
  const onPlatform = fieldsOf(media["plat_image"] ?? media["plat_video"])
  return textOf(onPlatform["url"]) ?? textOf(media["url"]) ?? textOf(media["third_url"])
}

/** A rich object: `{type, text_info | at_info | …}`. */
const objectOf = (value: unknown): Element => {
  const object = fieldsOf(value)
  switch (textOf(object["type"])) {
    case "1":
      return text(textOf(fieldsOf(object["text_info"])["text"]) ?? "")
    case "2":
      return atOf(object["at_info"])
    case "3": {
      const url = fieldsOf(object["url_info"])
      return { _tag: "Url", url: textOf(url["url"]), text: textOf(url["display_text"]) }
    }
    case "4": {
      const emoji = fieldsOf(object["emoji_info"])
      return { _tag: "Emoji", id: textOf(emoji["id"]), name: textOf(emoji["name"]) }
    }
    case "5": {
      const channel = fieldsOf(object["channel_info"])
      return { _tag: "Channel", id: textOf(channel["channel_id"]), name: textOf(channel["channel_name"]) }
    }
    case "10":
      return { _tag: "Video", url: mediaUrl(object["video_info"]) }
    case "11":
      return { _tag: "Image", url: mediaUrl(object["image_info"]) }
    default:
      return { _tag: "Other", value }
  }
}

/** An element of a paragraph: `{type, text | image | video | url}`. */
const inlineOf = (value: unknown): Element => {
  const inline = fieldsOf(value)
  switch (textOf(inline["type"])) {
    case "1":
      return text(textOf(fieldsOf(inline["text"])["text"]) ?? "")
    case "2":
      return { _tag: "Image", url: mediaUrl(inline["image"]) }
    case "3":
      return { _tag: "Video", url: mediaUrl(inline["video"]) }
    case "4": {
      const url = fieldsOf(inline["url"])
      return { _tag: "Url", url: textOf(url["url"]), text: textOf(url["desc"]) }
    }
    default:
      return { _tag: "Other", value }
  }
}

const ofValue = (value: unknown): ReadonlyArray<Element> | undefined => {
  if (Array.isArray(value)) return value.map(objectOf)
  const { paragraphs } = fieldsOf(value)
  if (!Array.isArray(paragraphs)) return undefined
  return paragraphs.flatMap((paragraph, index): ReadonlyArray<Element> => {
    const elements = listOf(fieldsOf(paragraph)["elems"]).map(inlineOf)
    return index === 0 ? elements : [{ _tag: "Break" }, ...elements]
  })
}

/**
 * Reads a title or content: JSON as text or parsed, of rich objects or of paragraphs. Text that is no such JSON is text. Never
 * throws, whatever it is given.
 *
 * @example
 * ```ts
 * import { Forum, Gateway } from "@effect-qq/core"
 * import { Effect } from "effect"
 *
 * const Log = Gateway.on("FORUM_THREAD_CREATE", ({ thread_info: thread }) =>
 *   Effect.logInfo(Forum.plainText(Forum.read(thread.title)))
 * )
 * ```
 *
 * @since 0.1.0
 * @category decoding
 */
export const read = (content: unknown): ReadonlyArray<Element> => {
  if (typeof content !== "string") return ofValue(content) ?? []
  if (content === "") return []
  const parsed = Either.try((): unknown => JSON.parse(content))
  return (Either.isRight(parsed) ? ofValue(parsed.right) : undefined) ?? [text(content)]
}

/**
 * What of a title or content can be read aloud: text, names behind an `@` or a `#`, the text of links. Pictures, films and
 * emoji without a name are left out.
 *
 * @since 0.1.0
 * @category conversions
 */
export const plainText = (elements: ReadonlyArray<Element>): string =>
  elements
    .map((element) => {
      switch (element._tag) {
        case "Text":
          return element.text
        case "At":
          return element.name === undefined ? "" : `@${element.name}`
        case "Url":
          return element.text ?? element.url ?? ""
        case "Emoji":
          return element.name ?? ""
        case "Channel":
          return element.name === undefined ? "" : element.name.startsWith("#") ? element.name : `#${element.name}`
        case "Break":
          return "\n"
        default:
          return ""
      }
    })
    .join("")
