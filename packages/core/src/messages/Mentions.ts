/**
 * Mentions in what a bot says. A mention is a few characters of a text that only this library writes, and becomes the tag of the
 * platform when the text is sent; what looks like such a tag in any other text, as in what a user wrote, becomes plain text.
 * So a bot that repeats its users mentions no one.
 *
 * The characters are noncharacters of Unicode, which no text that is interchanged has; they are taken out of what is received.
 *
 * Source: the text tags of `send.html`, platform documentation of 2026 [doc]: `<qqbot-at-user id="" />` in groups and channels,
 * `<qqbot-at-everyone />` in channels; `<@ID>` and `@everyone` are their older forms.
 *
 * @since 0.1.0
 */
import * as Stream from "effect/Stream"
import type { Scene } from "../events/Conversation.ts"
import { marks, strip } from "../internal/MentionMarks.ts"

const { begin, end, everyone, middle } = marks

/** UTF-16 code units of an id, and of a name. Ids of the platform have some thirty. */
const longest = 128

/**
 * Somebody to mention: an id, or what a message says about its author or about somebody it mentions.
 *
 * @since 0.1.0
 * @category models
 */
export type Mentionable = string | { readonly id: string; readonly name?: string | undefined }

/**
 * A mention of a user, to be put into the text of a message. Where the scene knows no mentions, as private chats, it is the
 * name behind an `@`, or nothing where there is none.
 *
 * @example
 * ```ts
 * import { Gateway, Message, Messenger } from "@effect-qq/core"
 *
 * const Greet = Gateway.onMessage(({ author, event }) =>
 *   Messenger.reply(event, Message.text(`welcome, ${Message.mention(author)}`))
 * )
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const mention = (user: Mentionable): string => {
  const { id, name = "" } = typeof user === "string" ? { id: user } : user
  const cleanName = name.replaceAll(/[<>@\s\uFDD0-\uFDEF]+/gu, " ").trim()
  return `${begin}${id.replaceAll(/[^\w-]/g, "").slice(0, longest)}${middle}${cleanName.slice(0, longest)}${end}`
}

/**
 * A mention of everybody, to be put into the text of a message to a channel. Elsewhere it is the text `@everyone`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const mentionEveryone: string = everyone

const special = /[<@\uFDD0-\uFDD3]/

/** A run of `<` is matched from its beginning, so that taking it away leaves no tag behind. */
const olderTag = /(?<!<)<+@!?([^<>\s]*)>?/g

const newerTag = /(?<!<)<+\/?(qqbot-at-(user|everyone)([^<>]*))(>?)/gi

/** What a tag of the platform says, as text. */
const asText = (_: string, inner: string, of: string, attributes: string, closing: string): string => {
  if (closing === "") return inner
  if (of.toLowerCase() === "everyone") return "@everyone"
  return `@${/\bid\s*=\s*["']?([\w-]*)/i.exec(attributes)?.[1] ?? ""}`
}

const isGuild = (scene: Scene): boolean => scene === "channel" || scene === "dm"

const everyoneIn: { readonly [S in Scene]: string } = {
  c2c: "@everyone",
  group: "@everyone",
  channel: "<qqbot-at-everyone />",
  dm: "@\u200Beveryone"
}

/** A whole mention; the other marks are none. */
const whole = /\uFDD0([\w-]{1,128})\uFDD1([^\uFDD0-\uFDD3<>]{0,128})\uFDD2|[\uFDD0-\uFDD2]/g

/** With the `<` before it, which would make a tag of what stands for a mention. */
const marked = /(?<!<)<*\uFDD0([^\uFDD1]*)\uFDD1([^\uFDD2]*)\uFDD2/g

/**
 * A text as it is sent to a scene: its mentions as tags, everything else that looks like one as plain text.
 *
 * @since 0.1.0
 * @category rendering
 */
export const render = (text: string, scene: Scene): string => {
  if (!special.test(text)) return text
  // marks that are no mention go first: what stands around them would be a tag without them
  const clean = text.replaceAll(whole, (all, id: string | undefined) => (id === undefined ? "" : all))
  const inert = clean.replace(newerTag, asText).replace(olderTag, "@$1")
  const quiet = isGuild(scene) ? inert.replaceAll(/@(?=everyone)/gi, "@\u200B") : inert
  const knowsMentions = scene === "group" || scene === "channel"
  const tagged = quiet
    .replaceAll(marked, (_, id: string, name: string) => {
      if (knowsMentions) return `<qqbot-at-user id="${id}" />`
      return name === "" ? "" : `@${name}`
    })
    .replaceAll(/(?<!<)<*\uFDD3/g, everyoneIn[scene])
  // of a mention inside a tag there may be a part
  return strip(tagged)
}

/** The end of a text that may be the beginning of a tag, or of a mention. */
const unfinished =
  /(?:(?<!<)<+(?:@[^<>\s]*|\/?[a-z-]{0,20}|\/?qqbot-at-[^<>]*)|(?<!<)<*\uFDD0[^\uFDD0\uFDD2\uFDD3<>]{0,257})$/i

/**
 * A text that comes in pieces, rendered piece by piece: what a later piece could turn into something else is held until that
 * has come, so nothing that was given is ever taken back.
 *
 * @since 0.1.0
 * @category rendering
 */
export const renderPieces = <E, R>(text: Stream.Stream<string, E, R>, scene: Scene): Stream.Stream<string, E, R> =>
  Stream.suspend(() => {
    let held = ""
    const pieces = Stream.map(text, (piece) => {
      const all = held + piece
      const from = unfinished.exec(all)?.index ?? all.length
      held = all.slice(from)
      return render(all.slice(0, from), scene)
    })
    return Stream.concat(
      pieces,
      Stream.suspend(() => Stream.succeed(render(held, scene)))
    )
  })

/**
 * A picture in markdown, in the size in which it is shown. What would end its text or its address is taken out or encoded.
 *
 * Source: `![text #208px #320px](url)`, the markdown pages of the platform's documentation [doc].
 *
 * @example
 * ```ts
 * import { Message } from "@effect-qq/core"
 *
 * const report = Message.markdown(
 *   `# Today\n\n${Message.picture("https://example.com/chart.png", { width: 640, height: 360, text: "chart" })}`
 * )
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const picture = (
  url: string,
  size: {
    /** In pixels. */
    readonly width: number
    readonly height: number
    /** What is said where the picture is not shown. Default `picture`. */
    readonly text?: string | undefined
  }
): string => {
  const pixels = (length: number): number => Math.max(1, Math.round(Number.isFinite(length) ? length : 1))
  const text = (size.text ?? "picture").replaceAll(/[[\]()#!\s]+/g, " ").trim()
  const escaped = (character: string) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`
  const address = url.trim().replaceAll(/[\s()<>]/g, escaped)
  return `![${text === "" ? "picture" : text} #${pixels(size.width)}px #${pixels(size.height)}px](${address})`
}
