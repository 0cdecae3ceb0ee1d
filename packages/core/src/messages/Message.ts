/**
 * Messages as values.
 *
 * @since 0.1.0
 */
import type { Scene } from "../events/Conversation.ts"
import * as Address from "./Address.ts"
import * as Ark from "./Ark.ts"
import * as Keyboard from "./Keyboard.ts"
import * as MediaSource from "./MediaSource.ts"
import * as Mentions from "./Mentions.ts"

export {
  /**
   * @since 0.1.0
   * @category mentions
   */
  mention,
  /**
   * @since 0.1.0
   * @category mentions
   */
  type Mentionable,
  /**
   * @since 0.1.0
   * @category mentions
   */
  mentionEveryone,
  /**
   * @since 0.1.0
   * @category markdown
   */
  picture
} from "./Mentions.ts"

/**
 * A message to be sent.
 *
 * @since 0.1.0
 * @category models
 */
export type Message = Text | Markdown | ArkCard | Embed | Media | InputNotify

/** The fields of every message that users see. */
interface Common {
  /** Quotes this message: a `REFIDX_…` of C2C and groups, or the id of a guild's message. */
  readonly reference?: string | undefined
}

/**
 * Plain text.
 *
 * @since 0.1.0
 * @category models
 */
export interface Text extends Common {
  readonly _tag: "Text"
  readonly content: string
}

/**
 * Markdown, with buttons below it if there is a keyboard.
 *
 * @since 0.1.0
 * @category models
 */
export interface Markdown extends Common {
  readonly _tag: "Markdown"
  readonly source:
    | { readonly _tag: "Custom"; readonly content: string }
    | {
        readonly _tag: "Template"
        readonly id: string
        readonly parameters: Readonly<Record<string, string | ReadonlyArray<string>>>
      }
  readonly keyboard?: Keyboard.Keyboard | undefined
  /** The text sent if markdown is refused. Default: the source of custom markdown; a template has none. */
  readonly plainText?: string | undefined
}

/**
 * A card.
 *
 * @since 0.1.0
 * @category models
 */
export interface ArkCard extends Common {
  readonly _tag: "Ark"
  readonly ark: Ark.Ark
}

/**
 * A card of lines. In channels and their private chats only.
 *
 * @since 0.1.0
 * @category models
 */
export interface Embed extends Common {
  readonly _tag: "Embed"
  readonly title: string
  /** The text of the notification. */
  readonly prompt: string
  /** The URL of a picture. */
  readonly thumbnail?: string | undefined
  readonly fields: ReadonlyArray<string>
}

/**
 * A picture, film, voice message or file. In channels and their private chats: pictures at an address only.
 *
 * @since 0.1.0
 * @category models
 */
export interface Media extends Common {
  readonly _tag: "Media"
  readonly media: MediaSource.MediaSource | MediaSource.Uploaded
  /** Text beside it. */
  readonly content?: string | undefined
}

/**
 * The notice that the bot is typing. In private chats only, as a reply only; it uses up one of the replies.
 *
 * @since 0.1.0
 * @category models
 */
export interface InputNotify {
  readonly _tag: "InputNotify"
  /** 1 to 60. */
  readonly seconds: number
}

/**
 * Plain text. Empty text is refused when it is sent, with `MessageInvalid` and without a request.
 *
 * @example
 * ```ts
 * import { Message } from "@effect-qq/core"
 *
 * const greeting: Message.Text = Message.text("hello")
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const text = (content: string, options?: Common): Text => ({ _tag: "Text", content, ...options })

/**
 * Custom markdown. If the bot may not send markdown, its source is sent as plain text.
 *
 * @since 0.1.0
 * @category constructors
 */
export const markdown = (content: string, options?: Omit<Markdown, "_tag" | "source">): Markdown => ({
  _tag: "Markdown",
  source: { _tag: "Custom", content },
  ...options
})

/**
 * Markdown by a template of the QQ open platform's console. `plainText` is sent if it is refused.
 *
 * @since 0.1.0
 * @category constructors
 */
export const markdownTemplate = (
  id: string,
  parameters: Readonly<Record<string, string | ReadonlyArray<string>>>,
  options?: Omit<Markdown, "_tag" | "source">
): Markdown => ({ _tag: "Markdown", source: { _tag: "Template", id, parameters }, ...options })

/**
 * A card.
 *
 * @since 0.1.0
 * @category constructors
 */
export const ark = (card: Ark.Ark, options?: Common): ArkCard => ({ _tag: "Ark", ark: card, ...options })

/**
 * A card of lines.
 *
 * @since 0.1.0
 * @category constructors
 */
export const embed = (fields: Omit<Embed, "_tag">): Embed => ({ _tag: "Embed", ...fields })

/**
 * Media from an address, from memory or from a stream, which is uploaded when it is sent, or media that was uploaded before.
 * Up to 200 MB; media that is too large for one request is uploaded in parts.
 *
 * @since 0.1.0
 * @category constructors
 */
export const media = (
  source: MediaSource.MediaSource | MediaSource.Uploaded,
  options?: Omit<Media, "_tag" | "media">
): Media => ({ _tag: "Media", media: source, ...options })

/**
 * A picture from an address or from memory.
 *
 * @since 0.1.0
 * @category constructors
 */
export const image = (from: string | Uint8Array, options?: Omit<Media, "_tag" | "media">): Media =>
  media(typeof from === "string" ? MediaSource.fromUrl("image", from) : MediaSource.fromBytes("image", from), options)

/**
 * The notice that the bot is typing. `seconds`: how long it is shown. Default 60, which is the maximum.
 *
 * @since 0.1.0
 * @category constructors
 */
export const inputNotify = (seconds = 60): InputNotify => ({ _tag: "InputNotify", seconds })

/**
 * What makes a message invalid.
 *
 * @since 0.1.0
 * @category models
 */
export interface Problem {
  /** The path of the field: `content`, `keyboard.rows[0]`. */
  readonly field: string
  readonly detail: string
}

const problemOf = (found: readonly [field: string, detail: string] | undefined): Problem | undefined =>
  found === undefined ? undefined : { field: found[0], detail: found[1] }

const isGuild = (scene: Scene): boolean => scene === "channel" || scene === "dm"

const markdownProblem = (message: Markdown): Problem | undefined => {
  const { keyboard, source } = message
  if (source._tag === "Custom" && source.content === "") return { field: "source.content", detail: "is empty" }
  if (source._tag === "Template" && source.id === "") return { field: "source.id", detail: "is empty" }
  if (message.plainText === "") return { field: "plainText", detail: "is empty" }
  return keyboard === undefined ? undefined : problemOf(Keyboard.problem(keyboard))
}

const mediaProblem = (message: Media, scene: Scene): Problem | undefined => {
  const source = message.media
  if (isGuild(scene)) {
    const isPicture = source._tag === "FromUrl" && source.kind === "image"
    if (!isPicture) return { field: "media", detail: "must be a picture at an address: channels take nothing else" }
  }
  if (source._tag !== "Uploaded") return problemOf(MediaSource.problem(source))
  return source.scene === scene
    ? undefined
    : { field: "media.scene", detail: `is ${source.scene}: what is uploaded for one scene cannot be used in another` }
}

/**
 * Why a message cannot be sent to a scene, as far as this is known before a request; `undefined` if it can.
 *
 * @since 0.1.0
 * @category validation
 */
export const problem = (message: Message, scene: Scene): Problem | undefined => {
  if (message._tag !== "InputNotify" && message.reference === "") return { field: "reference", detail: "is empty" }
  switch (message._tag) {
    case "Text":
      return Mentions.render(message.content, scene) === "" ? { field: "content", detail: "is empty" } : undefined
    case "Markdown":
      return markdownProblem(message)
    case "Ark":
      return problemOf(Ark.problem(message.ark))
    case "Embed":
      if (!isGuild(scene))
        return { field: "_tag", detail: "is Embed, which only channels and their private chats take" }
      return message.title === "" && message.fields.length === 0
        ? { field: "title", detail: "is empty, and there are no fields" }
        : undefined
    case "Media":
      return mediaProblem(message, scene)
    case "InputNotify":
      if (scene !== "c2c") return { field: "_tag", detail: "is InputNotify, which only private chats take" }
      return Number.isInteger(message.seconds) && message.seconds >= 1 && message.seconds <= 60
        ? undefined
        : { field: "seconds", detail: "is no whole number from 1 to 60" }
  }
}

type Body = Readonly<Record<string, unknown>>

/** A text as it is sent to the scene. */
type Said = (text: string) => string

const markdownBody = ({ source }: Markdown, said: Said): Body =>
  source._tag === "Custom"
    ? { content: said(source.content) }
    : {
        custom_template_id: source.id,
        params: Object.entries(source.parameters).map(([key, value]) => ({
          key,
          values: typeof value === "string" ? [said(value)] : value.map(said)
        }))
      }

const embedBody = (message: Embed, said: Said): Body => ({
  title: said(message.title),
  prompt: said(message.prompt),
  ...(message.thumbnail === undefined ? {} : { thumbnail: { url: message.thumbnail } }),
  fields: message.fields.map((name) => ({ name: said(name) }))
})

/** The `msg_type` and the fields of a message in C2C and groups; channels have no types. */
const typed = (message: Message, said: Said): readonly [type: number, body: Body] => {
  switch (message._tag) {
    case "Text":
      return [0, { content: said(message.content) }]
    case "Markdown":
      return [
        2,
        {
          markdown: markdownBody(message, said),
          ...(message.keyboard === undefined ? {} : { keyboard: Keyboard.toBody(message.keyboard) })
        }
      ]
    case "Ark":
      return [3, { ark: Ark.toBody(message.ark) }]
    case "Embed":
      return [4, { embed: embedBody(message, said) }]
    case "InputNotify":
      return [6, { input_notify: { input_type: 1, input_second: message.seconds } }]
    case "Media": {
      const { content, media: source } = message
      const beside = content === undefined ? {} : { content: said(content) }
      switch (source._tag) {
        case "Uploaded":
          return [7, { ...beside, media: { file_info: source.fileInfo } }]
        case "FromUrl":
          return [7, { ...beside, image: source.url }]
        case "FromBytes":
        case "FromStream":
          return [7, beside]
      }
    }
  }
}

/**
 * The body of a request, without what makes it a reply. Media for C2C and groups has to be uploaded first. Mentions become the
 * tags of the platform; what only looks like one becomes plain text.
 *
 * Source: `server-inter/message/send-receive/send.md` of the platform's documentation, and the pages of 2026.
 *
 * @since 0.1.0
 * @category encoding
 */
export const toBody = (message: Message, scene: Scene): Body => {
  const [type, body] = typed(message, (text) => Mentions.render(text, scene))
  const reference = message._tag === "InputNotify" ? undefined : message.reference
  const named = isGuild(scene) ? body : { msg_type: type, ...body }
  return reference === undefined ? named : { ...named, message_reference: { message_id: reference } }
}

/**
 * The text of a message that can be cut into parts; `undefined` if it has none.
 *
 * @since 0.1.0
 * @category lookups
 */
export const textOf = (message: Message): string | undefined => {
  switch (message._tag) {
    case "Text":
      return message.content
    case "Markdown":
      return message.source._tag === "Custom" ? message.source.content : undefined
    default:
      return undefined
  }
}

/**
 * The same message with another text; the message itself if it has none.
 *
 * @since 0.1.0
 * @category conversions
 */
export const withText = (message: Message, content: string): Message => {
  switch (message._tag) {
    case "Text":
      return { ...message, content }
    case "Markdown":
      return message.source._tag === "Custom" ? { ...message, source: { _tag: "Custom", content } } : message
    default:
      return message
  }
}

/**
 * The plain text that can stand for a markdown message; `undefined` if there is none.
 *
 * @since 0.1.0
 * @category conversions
 */
export const asPlainText = (message: Message): Text | undefined => {
  if (message._tag !== "Markdown") return undefined
  const content = message.plainText ?? textOf(message)
  return content === undefined ? undefined : text(content, { reference: message.reference })
}

/**
 * The same message without its keyboard; `undefined` if it has none.
 *
 * @since 0.1.0
 * @category conversions
 */
export const withoutKeyboard = (message: Message): Markdown | undefined => {
  if (message._tag !== "Markdown" || message.keyboard === undefined) return undefined
  const { keyboard: _, ...rest } = message
  return rest
}

/**
 * The same message with the dots of its addresses written as `。`, so that clients make no links of them; `undefined` if its
 * text has no address.
 *
 * @since 0.1.0
 * @category conversions
 */
export const withoutAddresses = (message: Message): Message | undefined => {
  const content = textOf(message)
  const masked = content === undefined ? undefined : Address.mask(content)
  return masked === undefined || masked === content ? undefined : withText(message, masked)
}
