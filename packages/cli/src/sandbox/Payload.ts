/**
 * Decodes the bodies that bots send for the page. They come from any program and are not trusted.
 *
 * @since 0.1.0
 */
import type { Attachment, Button, Message } from "./View.ts"

/** The fields of an object that no schema has looked at. */
export type Fields = Readonly<Record<string, unknown>>

/** Of a keyboard, and of a row. The platform takes five of each. */
const maximum = 5

/** The fields of an object; none for anything else. */
export const fieldsOf = (value: unknown): Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {}

/** A text that is not empty. */
export const textOf = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined

/** The items of a list; none for anything else. */
export const listOf = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [])

/** The object of a JSON text; an empty one for anything else. */
export const parse = (text: string): Fields => {
  try {
    return fieldsOf(JSON.parse(text))
  } catch {
    return {}
  }
}

const kindOf = (type: string, name: string): Attachment["kind"] => {
  if (type.startsWith("image")) return "image"
  if (type.startsWith("video")) return "video"
  if (type === "voice" || type.startsWith("audio")) return "voice"
  return /\.(?:png|jpe?g|gif|webp)$/i.test(name) ? "image" : "file"
}

/** An attachment as events carry it. */
export const attachmentOf = (value: unknown): Attachment => {
  const { content_type: type, filename, size, url } = fieldsOf(value)
  const name = textOf(filename) ?? "file"
  return {
    kind: kindOf(textOf(type) ?? "", name),
    name,
    url: textOf(url) ?? "",
    ...(typeof size === "number" ? { size } : {})
  }
}

/** The picture of a message to a guild, which is an address. */
export const guildImageOf = (body: Fields): ReadonlyArray<Attachment> => {
  const url = textOf(body["image"])
  return url === undefined ? [] : [{ kind: "image", name: url.split("/").at(-1) ?? "image", url }]
}

/** What a message of this type holds. */
export const formOf = (msgType: number): Message["form"] => {
  switch (msgType) {
    case 2:
      return "markdown"
    case 3:
      return "ark"
    case 4:
      return "embed"
    case 7:
      return "media"
    default:
      return "text"
  }
}

/** What is shown as JSON: an ark, an embed, a template of markdown, a template of a keyboard. */
export const rawOf = (body: Fields): Pick<Message, "raw"> => {
  const { ark, embed, keyboard, markdown } = body
  const template = textOf(fieldsOf(markdown)["content"]) === undefined ? markdown : undefined
  const id = textOf(fieldsOf(keyboard)["id"])
  const shown = { ark, embed, markdown: template, keyboard: id === undefined ? undefined : keyboard }
  const text = JSON.stringify(shown, null, 2)
  return text === "{}" ? {} : { raw: text.slice(0, 8000) }
}

const buttonOf = (value: unknown): Button => {
  const { action, id, render_data: render } = fieldsOf(value)
  const { label, style, visited_label: visited } = fieldsOf(render)
  const name = textOf(label) ?? "…"
  return {
    // a button without an id is named by what it says
    id: textOf(id) ?? textOf(fieldsOf(action)["data"]) ?? name,
    label: name,
    visitedLabel: textOf(visited) ?? name,
    style: typeof style === "number" ? style : 0,
    type: Number(fieldsOf(action)["type"] ?? 2)
  }
}

/** The buttons below a message, row by row. */
export const buttonsOf = (body: Fields): Message["buttons"] =>
  listOf(fieldsOf(fieldsOf(body["keyboard"])["content"])["rows"])
    .slice(0, maximum)
    .map((row) => listOf(fieldsOf(row)["buttons"]).slice(0, maximum).map(buttonOf))
