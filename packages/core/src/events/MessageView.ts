/**
 * Every message in one form, whichever of the six events brought it.
 *
 * Sources: the pages that `ChatMessage` and `GuildMessage` name; mentions and faces in text from the openclaw-qqbot plugin and
 * AstrBot; addresses without `https://` from satori and AstrBot; the ids of roles from `server-inter/channel/role` of the
 * platform's documentation.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as MentionMarks from "../internal/MentionMarks.ts"
import { fieldsOf } from "../internal/Wire.ts"
import type * as ChatMessage from "./ChatMessage.ts"
import * as AttachmentKind from "./AttachmentKind.ts"
import type * as Event from "./Event.ts"
import * as Quotation from "./Quotation.ts"
import type { Scene } from "./Scene.ts"
import * as Timestamp from "./Timestamp.ts"

export type {
  /**
   * @since 0.1.0
   * @category models
   */
  AttachmentKind
} from "./AttachmentKind.ts"

/**
 * The author of a message.
 *
 * @since 0.1.0
 * @category models
 */
export interface Author {
  /** An openid in private chats and groups, the user's id in guilds. Empty where the payload has no author. */
  readonly id: string
  /** The name to show: in guilds the nickname, where there is one. */
  readonly name: string | undefined
  /** In groups and guilds. */
  readonly role: "owner" | "admin" | "member" | undefined
  readonly isBot: boolean
}

/**
 * Somebody a message names with an `@`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Mention {
  readonly id: string
  readonly name: string | undefined
  readonly isBot: boolean
  /** Whether it is the bot that received the message. */
  readonly isSelf: boolean
}

/**
 * Something that came with a message.
 *
 * @since 0.1.0
 * @category models
 */
export interface Attachment {
  /** By its type; where that says only that it is a file, by its name. */
  readonly kind: AttachmentKind.AttachmentKind
  /** With its scheme. Signed and short-lived: fetch it at once or not at all. */
  readonly url: string | undefined
  readonly name: string | undefined
  readonly contentType: string | undefined
  /** Bytes. */
  readonly size: number | undefined
  readonly width: number | undefined
  readonly height: number | undefined
  /** A voice message as WAV. */
  readonly wavUrl: string | undefined
  /** What the platform heard in a voice message. */
  readonly transcript: string | undefined
}

/**
 * An earlier message that a message answers.
 *
 * @since 0.1.0
 * @category models
 */
export interface Quoted {
  /** Its id, in guilds. */
  readonly id: string | undefined
  /** Its index, in private chats and groups: `REFIDX_…`, or `TMP_…` for forwarded messages. */
  readonly index: string | undefined
  readonly author: Author | undefined
  /**
   * `undefined` where the event does not say what the message was. Of several messages, and of those that are quoted in them,
   * their texts on lines of their own, a message before what it quotes.
   */
  readonly text: string | undefined
  /** Those of all these messages. */
  readonly attachments: ReadonlyArray<Attachment>
}

/**
 * A message. What the event has besides is `event`, and what the wire had `event.envelope.d`.
 *
 * @since 0.1.0
 * @category models
 */
export interface MessageView {
  /** Where it was written; with `target` it names the conversation. */
  readonly scene: Scene
  /** The openid of the user or the group, the id of the channel, or the `guild_id` of the private session. */
  readonly target: string
  readonly id: string
  readonly author: Author
  /**
   * What was said to the bot: without its own mention, with `&`, `<` and `>` for the escapes of guilds, with faces as their
   * text, and without space around it.
   */
  readonly text: string
  /** Without everybody, whom `mentionsEveryone` is for. */
  readonly mentions: ReadonlyArray<Mention>
  readonly mentionsEveryone: boolean
  readonly attachments: ReadonlyArray<Attachment>
  readonly quoted: Quoted | undefined
  /** What an answer quotes the message by, in private chats and groups: `REFIDX_…`. */
  readonly index: string | undefined
  /** Whether the bot is meant: it is alone with the author, or mentioned. */
  readonly isAddressed: boolean
  /** Milliseconds since 1970; `undefined` where the event does not say it in a form that is known. */
  readonly time: number | undefined
  readonly event: Event.MessageEvent
}

/**
 * What helps to read a message.
 *
 * @since 0.1.0
 * @category models
 */
export interface ViewOptions {
  /**
   * The bot's own id, which READY names: `event.user.id`. In channels it tells the bot's mention from those of other bots.
   * Without it a bot that is mentioned alone in an event that is only sent to bots that are mentioned is taken to be this one.
   */
  readonly self?: string | undefined
}

/** Absent, `null` and empty are the same to a reader. */
const present = (text: string | null | undefined): string | undefined =>
  text === null || text === "" ? undefined : text

const withScheme = (url: string | null | undefined): string | undefined => {
  const address = present(url)
  if (address === undefined || /^[a-z][a-z\d+.-]*:/i.test(address)) return address
  return address.startsWith("//") ? `https:${address}` : `https://${address}`
}

const attachmentOf = (attachment: ChatMessage.Attachment): Attachment => {
  const facts = {
    url: withScheme(attachment.url),
    name: present(attachment.filename),
    contentType: present(attachment.content_type),
    wavUrl: withScheme(attachment.voice_wav_url)
  }
  return {
    kind: AttachmentKind.of(facts),
    ...facts,
    size: attachment.size ?? undefined,
    width: attachment.width ?? undefined,
    height: attachment.height ?? undefined,
    transcript: present(attachment.asr_refer_text)
  }
}

const none: ReadonlyArray<never> = []

const attachmentsOf = (
  attachments: ReadonlyArray<ChatMessage.Attachment> | null | undefined
): ReadonlyArray<Attachment> =>
  attachments === undefined || attachments === null || attachments.length === 0 ? none : attachments.map(attachmentOf)

/** Where one of them cannot be read, the list of the event is `null`: the others are read from the wire. */
const ownAttachments = ({ attachments, envelope }: Event.MessageEvent): ReadonlyArray<Attachment> =>
  attachmentsOf(attachments === null ? Quotation.attachmentsIn(fieldsOf(envelope.d)["attachments"]) : attachments)

const face = /<faceType=\d+,faceId="[^"]*",ext="([^"]*)">/g

/** A face brings its text as JSON in base64. One that cannot be read stays as it is: nothing is hidden. */
const faceText = (tag: string, extension: string): string => {
  const text = Either.flatMap(Encoding.decodeBase64String(extension), (json) =>
    Either.try((): unknown => fieldsOf(JSON.parse(json))["text"])
  )
  return Either.isRight(text) && typeof text.right === "string" ? text.right : tag
}

const withFaces = (text: string): string => (text.includes("<faceType=") ? text.replace(face, faceText) : text)

const escapes: Readonly<Record<string, string>> = { "&amp;": "&", "&lt;": "<", "&gt;": ">" }

/** In one pass: `&amp;lt;` was written as `&lt;`. */
const unescaped = (text: string): string =>
  text.includes("&") ? text.replace(/&(?:amp|lt|gt);/g, (escape) => escapes[escape] ?? escape) : text

/** Takes a mention away, and one space behind it. */
const withoutMentions = (text: string, ids: ReadonlySet<string>): string =>
  ids.size > 0 && text.includes("<@")
    ? text.replace(/<@!?([^<>\s]+)>\s?/g, (mention, id: string) => (ids.has(id) ? "" : mention))
    : text

const roleOf = (role: string | null | undefined): Author["role"] =>
  role === "owner" || role === "admin" || role === "member" ? role : undefined

const chatAuthor = (author: ChatMessage.Author): Author => ({
  id: present(author.member_openid) ?? present(author.user_openid) ?? present(author.id) ?? "",
  name: present(author.username),
  role: roleOf(author.member_role),
  isBot: author.bot === true
})

const extension = (entries: ReadonlyArray<string> | null | undefined, key: string): string | undefined => {
  if (entries === undefined || entries === null) return undefined
  const prefix = `${key}=`
  const entry = entries.find((candidate) => candidate.startsWith(prefix))
  return entry === undefined ? undefined : present(entry.slice(prefix.length))
}

const quotedInChat = (event: Event.C2CMessageCreate | Event.GroupAtMessageCreate | Event.GroupMessageCreate) => {
  const reference = extension(event.message_scene?.ext, "ref_msg_idx")
  const quotation = Quotation.read(event.envelope.d)
  if (reference === undefined && quotation === undefined) return undefined
  const texts = (quotation?.texts ?? none).map((text) => withFaces(MentionMarks.strip(text)).trim())
  const quoted: Quoted = {
    id: undefined,
    index: reference ?? quotation?.index,
    author: quotation?.author === undefined ? undefined : chatAuthor(quotation.author),
    text: texts.length === 0 ? undefined : texts.filter((text) => text !== "").join("\n"),
    attachments: attachmentsOf(quotation?.attachments)
  }
  return quoted
}

const isEverybody = (mention: ChatMessage.Mention): boolean => mention.scope === "all"

const isOwnMention = (mention: ChatMessage.Mention, self: string | undefined): boolean =>
  !isEverybody(mention) &&
  (mention.is_you === true ||
    (self !== undefined && [mention.member_openid, mention.user_openid, mention.id].includes(self)))

/**
 * Whether a message addresses the bot: it is alone with the author, the event is sent only to bots that are mentioned, or the
 * message mentions it. As the view says, without making one.
 *
 * @since 0.1.0
 * @category guards
 */
export const isAddressed = (event: Event.MessageEvent, options: ViewOptions = {}): boolean => {
  const self = present(options.self)
  switch (event.t) {
    case "GROUP_MESSAGE_CREATE":
      return (event.mentions ?? none).some((mention) => isOwnMention(mention, self))
    case "MESSAGE_CREATE":
      return self !== undefined && (event.mentions ?? none).some(({ id }) => id === self)
    default:
      return true
  }
}

const ofChat = (
  event: Event.C2CMessageCreate | Event.GroupAtMessageCreate | Event.GroupMessageCreate,
  options: ViewOptions
): MessageView => {
  const isGroup = event.t !== "C2C_MESSAGE_CREATE"
  const named = isGroup ? (event.mentions ?? none) : none
  const self = present(options.self)
  const ownIds = new Set<string>(self === undefined ? none : [self])
  for (const mention of named) {
    if (mention.is_you !== true) continue
    for (const id of [mention.id, mention.member_openid, mention.user_openid].map(present)) {
      if (id !== undefined) ownIds.add(id)
    }
  }
  const mentions = named
    .filter((mention) => !isEverybody(mention))
    .map((mention): Mention => {
      const id = present(mention.member_openid) ?? present(mention.user_openid) ?? present(mention.id) ?? ""
      return {
        id,
        name: present(mention.nickname) ?? present(mention.username),
        isBot: mention.bot === true,
        isSelf: mention.is_you === true || ownIds.has(id)
      }
    })
  const author = chatAuthor(event.author)
  return {
    scene: isGroup ? "group" : "c2c",
    target: isGroup ? event.group_openid : (present(event.author.user_openid) ?? present(event.author.id) ?? ""),
    id: event.id,
    author,
    text: withFaces(withoutMentions(event.content, ownIds)).trim(),
    mentions,
    mentionsEveryone: named.some(isEverybody),
    attachments: ownAttachments(event),
    quoted: quotedInChat(event),
    index: extension(event.message_scene?.ext, "msg_idx"),
    isAddressed: isAddressed(event, options),
    time: Timestamp.toMillis(event.timestamp),
    event
  }
}

const guildRole = (roles: ReadonlyArray<string> | null | undefined): Author["role"] => {
  if (roles === undefined || roles === null) return undefined
  if (roles.includes("4")) return "owner"
  return roles.includes("2") ? "admin" : "member"
}

const ofGuild = (
  event: Event.AtMessageCreate | Event.MessageCreate | Event.DirectMessageCreate,
  options: ViewOptions
): MessageView => {
  const named = event.mentions ?? none
  const bots = named.filter(({ bot, id }) => bot === true && present(id) !== undefined)
  const self =
    present(options.self) ?? (event.t === "AT_MESSAGE_CREATE" && bots.length === 1 ? present(bots[0]?.id) : undefined)
  const mentions = named.map((user): Mention => {
    const id = user.id ?? ""
    return { id, name: present(user.username), isBot: user.bot === true, isSelf: id === self }
  })
  const isDirect = event.t === "DIRECT_MESSAGE_CREATE"
  const reference = present(event.message_reference?.message_id)
  return {
    scene: isDirect ? "dm" : "channel",
    target: isDirect ? event.guild_id : event.channel_id,
    id: event.id,
    author: {
      id: event.author.id ?? "",
      name: present(event.member?.nick) ?? present(event.author.username),
      role: isDirect ? undefined : guildRole(event.member?.roles),
      isBot: event.author.bot === true
    },
    // a mention that was only written is escaped, so mentions have to go first
    text: unescaped(withoutMentions(event.content, new Set(self === undefined ? none : [self]))).trim(),
    mentions,
    mentionsEveryone: event.mention_everyone === true,
    attachments: ownAttachments(event),
    quoted:
      reference === undefined
        ? undefined
        : { id: reference, index: undefined, author: undefined, text: undefined, attachments: none },
    index: undefined,
    isAddressed: isAddressed(event, options),
    time: Timestamp.toMillis(event.timestamp),
    event
  }
}

/**
 * The view of a message. Pure; never throws, whatever the payload.
 *
 * @example
 * ```ts
 * import { Gateway, Message, Messenger, MessageView } from "@effect-qq/core"
 * import { Effect } from "effect"
 *
 * const Ping = Gateway.on(["C2C_MESSAGE_CREATE", "GROUP_AT_MESSAGE_CREATE", "AT_MESSAGE_CREATE"], (event) => {
 *   const { author, text } = MessageView.of(event)
 *   return text === "/ping" ? Messenger.reply(event, Message.text(`pong, ${author.name ?? "you"}`)) : Effect.void
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const of = (event: Event.MessageEvent, options: ViewOptions = {}): MessageView => {
  switch (event.t) {
    case "C2C_MESSAGE_CREATE":
    case "GROUP_AT_MESSAGE_CREATE":
    case "GROUP_MESSAGE_CREATE":
      return ofChat(event, options)
    case "AT_MESSAGE_CREATE":
    case "MESSAGE_CREATE":
    case "DIRECT_MESSAGE_CREATE":
      return ofGuild(event, options)
  }
}
