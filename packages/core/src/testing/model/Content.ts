/**
 * The content of a message, decoded from the body of its request, and the code that refuses it.
 *
 * Source: `send.html`, `msg-btn.md`, `ark.md` and the embed page of the platform's documentation of 2026. The order of the
 * checks is not published (chosen).
 *
 * @since 0.1.0
 */
import * as Address from "../../messages/Address.ts"
import type { MessageTrait } from "../Fault.ts"
import type { Scene } from "./Journal.ts"
import type { ErrorCode } from "./Reply.ts"
import type { Settings } from "./Settings.ts"

/** The most rows of a keyboard, and the most buttons of a row. */
const maximumRows = 5
const maximumButtons = 5

/**
 * The body of a request.
 *
 * @since 0.1.0
 * @category models
 */
export type Body = Readonly<Record<string, unknown>>

/**
 * The content of a message.
 *
 * @since 0.1.0
 * @category models
 */
export interface Content {
  /** 0 text, 2 markdown, 3 ark, 4 embed, 6 typing notice, 7 media. */
  readonly msgType: number
  /** Its text or markdown, or nothing. */
  readonly text: string
  readonly markdown?: "custom" | "template"
  readonly keyboard?: true
  readonly fileInfo?: string
}

/**
 * Whether a scene belongs to guilds, whose endpoints have another body, other answers and other codes.
 *
 * @since 0.1.0
 * @category guards
 */
export const isGuild = (scene: Scene): scene is "channel" | "dm" => scene === "channel" || scene === "dm"

/**
 * @since 0.1.0
 * @category guards
 */
export const isRecord = (value: unknown): value is Body =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/**
 * @since 0.1.0
 * @category guards
 */
export const isFilled = (value: unknown): value is string => typeof value === "string" && value !== ""

/**
 * A list of non-empty strings; `undefined` for anything else.
 *
 * @since 0.1.0
 * @category decoding
 */
export const texts = (value: unknown): ReadonlyArray<string> | undefined =>
  Array.isArray(value) && value.every(isFilled) ? value : undefined

/**
 * @since 0.1.0
 * @category guards
 */
export const isAbsent = (value: unknown): boolean => value === undefined || value === null || value === ""

/**
 * The object of a JSON body; `undefined` for anything else.
 *
 * @since 0.1.0
 * @category parsing
 */
export const parse = (body: string): Body | undefined => {
  try {
    const value: unknown = JSON.parse(body)
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}

const readMarkdown = (value: unknown): Pick<Content, "text" | "markdown"> | undefined => {
  if (!isRecord(value)) return undefined
  if (isFilled(value["content"])) return { text: value["content"], markdown: "custom" }
  return isFilled(value["custom_template_id"]) || !isAbsent(value["template_id"])
    ? { text: "", markdown: "template" }
    : undefined
}

const isArk = (value: unknown): boolean =>
  isRecord(value) && !isAbsent(value["template_id"]) && (value["kv"] === undefined || Array.isArray(value["kv"]))

const isEmbed = (value: unknown): boolean =>
  isRecord(value) && ["title", "prompt", "thumbnail", "fields"].some((name) => !isAbsent(value[name]))

const isButton = (value: unknown): boolean =>
  isRecord(value) && isRecord(value["render_data"]) && isRecord(value["action"])

/** The code that refuses a keyboard, if any. */
const checkKeyboard = (value: unknown): ErrorCode | undefined => {
  if (!isRecord(value)) return 12002
  if (isFilled(value["id"])) return undefined
  const content = value["content"]
  const rows: unknown = isRecord(content) ? content["rows"] : undefined
  if (!Array.isArray(rows)) return 12002
  if (rows.length > maximumRows) return 40034029
  for (const row of rows as ReadonlyArray<unknown>) {
    const buttons: unknown = isRecord(row) ? row["buttons"] : undefined
    if (!Array.isArray(buttons) || !buttons.every(isButton)) return 12002
    if (buttons.length > maximumButtons) return 40034029
  }
  return undefined
}

const checkReference = (value: unknown): ErrorCode | undefined =>
  isRecord(value) && isFilled(value["message_id"]) ? undefined : 12002

/** The fields allowed beside any content. */
const withExtras = (body: Body, content: Content): Content | ErrorCode => {
  const reference = body["message_reference"]
  const wrong = isAbsent(reference) ? undefined : checkReference(reference)
  if (wrong !== undefined) return wrong
  const keyboard = body["keyboard"]
  if (isAbsent(keyboard)) return content
  return checkKeyboard(keyboard) ?? { ...content, keyboard: true }
}

const readConversation = (scene: "c2c" | "group", body: Body): Content | ErrorCode => {
  const msgType = body["msg_type"] ?? 0
  const content = body["content"]
  if (typeof msgType !== "number" || !(isAbsent(content) || typeof content === "string")) return 12002
  const text = typeof content === "string" ? content : ""
  switch (msgType) {
    case 0:
      return text === "" ? 50006 : { msgType, text }
    case 2: {
      if (text !== "") return 22006
      const markdown = readMarkdown(body["markdown"])
      return markdown === undefined ? 40034011 : { msgType, ...markdown }
    }
    case 3:
      return isArk(body["ark"]) ? { msgType, text } : 22006
    case 6: {
      const notify = body["input_notify"]
      if (scene !== "c2c" || !isRecord(notify)) return 22006
      const seconds = notify["input_second"]
      const valid = notify["input_type"] === 1 && typeof seconds === "number" && seconds >= 1 && seconds <= 60
      return valid ? { msgType, text: "" } : 12002
    }
    case 7: {
      const media = body["media"]
      return isRecord(media) && isFilled(media["file_info"]) ? { msgType, text, fileInfo: media["file_info"] } : 22006
    }
    // 4 is for guilds only, and those have no msg_type.
    default:
      return 22006
  }
}

const readGuild = (body: Body): Content | ErrorCode => {
  const { ark, content, embed, image, markdown } = body
  if (!(isAbsent(content) || typeof content === "string")) return 12002
  const text = typeof content === "string" ? content : ""
  if (!isAbsent(markdown)) {
    if (text !== "" || [ark, embed, image].some((other) => !isAbsent(other))) return 50037
    const read = readMarkdown(markdown)
    return read === undefined ? 12002 : { msgType: 2, ...read }
  }
  if (!isAbsent(embed)) return isEmbed(embed) ? { msgType: 4, text } : 12002
  if (!isAbsent(ark)) return isArk(ark) ? { msgType: 3, text } : 12002
  if (!isAbsent(image)) {
    return typeof image === "string" && /^https?:\/\//i.test(image) ? { msgType: 7, text } : 12002
  }
  return text === "" ? 50006 : { msgType: 0, text }
}

/**
 * Reads the body of a request to send a message.
 *
 * @since 0.1.0
 * @category parsing
 */
export const read = (scene: Scene, body: Body): Content | ErrorCode => {
  const content = isGuild(scene) ? readGuild(body) : readConversation(scene, body)
  return typeof content === "number" ? content : withExtras(body, content)
}

const hasUrl = Address.isIn

/**
 * The code with which a platform of these settings refuses a message, if any.
 *
 * @since 0.1.0
 * @category checks
 */
export const refusal = (settings: Settings, scene: Scene, content: Content): ErrorCode | undefined => {
  const guild = isGuild(scene)
  const { markdown, msgType, text } = content
  if (text.length > settings.maximumContent) return 40054007
  if (markdown === "custom" && settings.markdown !== "all") return guild ? 50056 : 40034012
  if (markdown === "template" && settings.markdown === "none") return guild ? 304036 : 40034127
  if (content.keyboard === true && !settings.keyboards) return 304057
  if (msgType === 3 && !settings.arks) return 304004
  if (!settings.urls && hasUrl(text)) return guild ? 304003 : 40054010
  if (settings.blockedTexts.some((blocked) => text.includes(blocked))) return guild ? 304025 : 40034006
  return undefined
}

/**
 * The traits of a message that faults can match.
 *
 * @since 0.1.0
 * @category lookups
 */
export const traits = (content: Content, passive: boolean): ReadonlySet<MessageTrait> => {
  const found = new Set<MessageTrait>([passive ? "passive" : "proactive"])
  if (content.markdown !== undefined) found.add("markdown")
  if (content.keyboard === true) found.add("keyboard")
  if (content.msgType === 7) found.add("media")
  if (hasUrl(content.text)) found.add("url")
  return found
}
