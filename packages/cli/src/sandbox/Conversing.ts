/**
 * The messages of a sandbox's conversations: of users, of the bot, and those that the platform refused.
 *
 * @since 0.1.0
 */
import { ErrorCode } from "@effect-qq/core"
import type { Journal, PlatformModel } from "@effect-qq/core/testing"
import { type Directory, keyOf, placeOf, speakerOf } from "./Directory.ts"
import type { Step } from "./Engine.ts"
import type { Files } from "./Files.ts"
import * as Payload from "./Payload.ts"
import type { Change, Item, Message, Notice, Refused, Scene } from "./View.ts"

/** Maximum number of items kept. */
const capacity = 2000

/** Which events of the platform carry a message of a user. */
const messageEvents: { readonly [type: string]: Scene } = {
  C2C_MESSAGE_CREATE: "c2c",
  GROUP_AT_MESSAGE_CREATE: "group",
  GROUP_MESSAGE_CREATE: "group",
  AT_MESSAGE_CREATE: "channel",
  MESSAGE_CREATE: "channel",
  DIRECT_MESSAGE_CREATE: "dm"
}

const sending = /^\/(v2\/users|v2\/groups|channels|dms)\/([^/?]+)\/(?:messages|stream_messages|files)(?:\?|$)/
const recalling = /^\/(v2\/users|v2\/groups|channels|dms)\/([^/?]+)\/messages\/[^/?]+(?:\?|$)/
const scenes: { readonly [path: string]: Scene } = {
  "v2/users": "c2c",
  "v2/groups": "group",
  channels: "channel",
  dms: "dm"
}

type Unnumbered<I extends Item> = I extends Item ? Omit<I, "n"> : never

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** The text of the bot with its mentions in the older form, which the text of users has too. */
const withMentions = (content: string): string =>
  content
    .replaceAll(/<qqbot-at-user\s+id="([^"<>\s]{1,100})"\s*\/>/g, "<@$1>")
    .replaceAll(/<qqbot-at-everyone\s*\/>/g, "@everyone")

/**
 * @since 0.1.0
 * @category models
 */
export class Conversing {
  private readonly items: Array<Item> = []
  private readonly messages = new Map<string, Message>()
  /** Streams that are being written, whose text may change without an entry of their own. */
  private readonly growing = new Set<Journal.SentMessage>()
  private readonly sentById = new Map<string, Journal.SentMessage>()
  private readonly audits = new Map<string, string>()
  private readonly pressed = new Map<string, { readonly key: string; readonly who: string }>()
  private count = 0
  private readonly model: PlatformModel.PlatformModel
  private readonly directory: Directory
  private readonly files: Files
  private readonly bot: { readonly id: string; readonly name: string }
  private readonly publish: (change: Change) => void

  constructor(options: {
    readonly model: PlatformModel.PlatformModel
    readonly directory: Directory
    readonly files: Files
    readonly bot: { readonly id: string; readonly name: string }
    readonly publish: (change: Change) => void
  }) {
    this.model = options.model
    this.directory = options.directory
    this.files = options.files
    this.bot = options.bot
    this.publish = options.publish
  }

  readonly all = (): ReadonlyArray<Item> => this.items

  readonly find = (id: string): Message | undefined => this.messages.get(id)

  /** Records the messages of a step. */
  readonly observe = (step: Step): void => {
    const { entries, events, now, occasion, sent } = step
    if (occasion._tag === "Said") this.said(now, occasion.id, occasion.said, events)
    for (const event of events) this.happened(now, event)
    for (const message of sent) this.accepted(message)
    for (const entry of entries) this.recorded(step, entry)
    this.follow()
    if (occasion._tag === "Request") this.refused(step)
  }

  /** A user presses a button. */
  readonly pressButton = (now: number, id: string, message: string, who: string, label: string): void => {
    const shown = this.messages.get(message)
    if (shown === undefined) return
    this.pressed.set(id, { key: shown.key, who })
    if (this.pressed.size > capacity) this.pressed.clear()
    this.notice(now, { key: shown.key, what: "Pressed", who: this.directory.nameOf(who), detail: label })
  }

  private put<I extends Item>(item: Unnumbered<I>): void {
    this.count += 1
    const whole = { ...item, n: this.count } as Item
    this.items.push(whole)
    if (whole._tag === "Message") this.messages.set(whole.id, whole)
    if (this.items.length > capacity) {
      for (const dropped of this.items.splice(0, capacity >> 3)) {
        if (dropped._tag !== "Message") continue
        this.messages.delete(dropped.id)
        this.sentById.delete(dropped.id)
      }
    }
    this.publish({ _tag: "Item", item: whole })
  }

  private change(id: string, fields: Partial<Message>): void {
    const before = this.messages.get(id)
    if (before === undefined) return
    const after: Message = { ...before, ...fields }
    const index = this.items.findLastIndex((item) => item.n === before.n)
    if (index !== -1) this.items[index] = after
    this.messages.set(id, after)
    this.publish({ _tag: "Item", item: after })
  }

  private notice(at: number, notice: Omit<Notice, "_tag" | "n" | "at">): void {
    this.put<Notice>({ _tag: "Notice", at, ...notice })
  }

  private repliesOf(id: string): Message["replies"] {
    const replies = this.model.replies(id)
    if (replies === undefined) return undefined
    return { ...replies, allowed: Number.isFinite(replies.allowed) ? replies.allowed : null }
  }

  private said(
    now: number,
    id: string,
    said: PlatformModel.Said,
    events: ReadonlyArray<PlatformModel.Dispatched>
  ): void {
    this.directory.noteSaid(said)
    const [scene, place] = placeOf(said)
    const speaker = speakerOf(said)
    const mentioned = said.scene === "group" || said.scene === "channel" ? (said.mentions ?? []) : []
    const addressed = (said.scene === "group" || said.scene === "channel") && (said.at ?? true)
    const role = said.scene === "group" || said.scene === "channel" ? said.role : undefined
    const replies = this.repliesOf(id)
    this.put<Message>({
      _tag: "Message",
      key: keyOf(scene, place),
      at: now,
      id,
      by: {
        id: speaker,
        name: this.directory.nameOf(speaker),
        isBot: false,
        ...(role === undefined ? {} : { role })
      },
      form: "text",
      text: addressed ? `@${this.bot.id} ${said.text}` : said.text,
      attachments: (said.attachments ?? []).map(Payload.attachmentOf),
      buttons: [],
      mentions: [
        ...(addressed ? [this.bot] : []),
        ...mentioned.map(({ id: name }) => ({ id: name, name: this.directory.nameOf(name) }))
      ],
      ...(said.quote === undefined ? {} : { quote: this.quoteOf(said.quote) }),
      events: events.map(({ type }) => type),
      ...(replies === undefined ? {} : { replies })
    })
  }

  private quoteOf(id: string): { readonly id: string; readonly text: string } {
    return { id, text: (this.messages.get(id)?.text ?? "").slice(0, 200) }
  }

  private happened(now: number, { d, type }: PlatformModel.Dispatched): void {
    const fields = Payload.fieldsOf(d)
    const scene = messageEvents[type]
    if (scene !== undefined) return this.overheard(now, scene, type, fields)
    const audit = Payload.textOf(fields["audit_id"])
    const audited = audit === undefined ? undefined : this.audits.get(audit)
    if (type === "MESSAGE_AUDIT_REJECT" && audited !== undefined) return this.change(audited, { audit: "rejected" })
    const group = Payload.textOf(fields["group_openid"])
    const member = Payload.textOf(fields["member_openid"])
    if (group === undefined || member === undefined) return
    if (type !== "GROUP_MEMBER_ADD" && type !== "GROUP_MEMBER_REMOVE") return
    const what = type === "GROUP_MEMBER_ADD" ? "Joined" : "Left"
    this.notice(now, { key: keyOf("group", group), what, who: this.directory.nameOf(member), detail: "" })
    this.publish({ _tag: "Conversations", conversations: this.directory.conversations() })
  }

  /** An event dispatched by hand, or one that echoes the bot's own message. */
  private overheard(now: number, scene: Scene, type: string, d: Payload.Fields): void {
    const id = Payload.textOf(d["id"])
    if (id === undefined || this.messages.has(id)) return
    const author = Payload.fieldsOf(d["author"])
    const who =
      Payload.textOf(author["member_openid"]) ?? Payload.textOf(author["user_openid"]) ?? Payload.textOf(author["id"])
    const place =
      scene === "c2c"
        ? who
        : Payload.textOf(d[scene === "group" ? "group_openid" : scene === "channel" ? "channel_id" : "guild_id"])
    if (who === undefined || place === undefined) return
    this.directory.noteSent(scene, place)
    const replies = this.repliesOf(id)
    this.put<Message>({
      _tag: "Message",
      key: keyOf(scene, place),
      at: now,
      id,
      by: {
        id: who,
        name: Payload.textOf(author["username"]) ?? this.directory.nameOf(who),
        isBot: author["bot"] === true
      },
      form: "text",
      text: Payload.textOf(d["content"]) ?? "",
      attachments: Payload.listOf(d["attachments"]).map(Payload.attachmentOf),
      buttons: [],
      mentions: [],
      events: [type],
      ...(replies === undefined ? {} : { replies })
    })
  }

  private accepted(message: Journal.SentMessage): void {
    const known = this.messages.get(message.id)
    this.sentById.set(message.id, message)
    if (message.stream === "generating") this.growing.add(message)
    if (known !== undefined) {
      // it has passed its audit
      const { audit: _, ...passed } = known
      this.messages.set(message.id, passed)
      return this.change(message.id, {})
    }
    this.shown(message)
  }

  private shown(message: Omit<Journal.SentMessage, "body"> & { readonly body?: Payload.Fields }, waiting?: true): void {
    const { at, file, id, msgId, msgSeq, msgType, scene, stream, target } = message
    const body = message.body ?? {}
    const content = withMentions(message.content)
    const answers = msgId ?? message.eventId
    const uploaded = file === undefined ? undefined : this.files.find(file)
    const quoted = Payload.textOf(Payload.fieldsOf(body["message_reference"])["message_id"])
    this.directory.noteSent(scene, target)
    this.put<Message>({
      _tag: "Message",
      key: keyOf(scene, target),
      at,
      id,
      by: { ...this.bot, isBot: true },
      form: Payload.formOf(msgType),
      text: content,
      attachments: uploaded === undefined ? Payload.guildImageOf(body) : [uploaded],
      buttons: Payload.buttonsOf(body),
      mentions: this.mentionsIn(content),
      ...(quoted === undefined ? {} : { quote: this.quoteOf(quoted) }),
      ...Payload.rawOf(body),
      ...(answers === undefined ? {} : { answers }),
      ...(msgSeq === undefined ? {} : { sequence: msgSeq }),
      ...(stream === undefined ? {} : { stream }),
      ...(waiting === undefined ? {} : { audit: "waiting" as const }),
      events: []
    })
  }

  private mentionsIn(text: string): Message["mentions"] {
    const ids = new Set([...text.matchAll(/<@!?([^<>\s]{1,100})>/g)].map(([, id = ""]) => id))
    return [...ids].map((id) => ({ id, name: this.directory.nameOf(id) }))
  }

  private recorded(step: Step, entry: Journal.JournalEntry): void {
    switch (entry.kind) {
      case "Accepted": {
        if (entry.msgType === 6) this.typing(step, entry)
        else if (entry.audit !== undefined) {
          this.audits.set(entry.audit, entry.id)
          this.shown(entry, true)
        }
        const answered = entry.msgId ?? entry.eventId
        const replies = answered === undefined ? undefined : this.repliesOf(answered)
        if (answered !== undefined && replies !== undefined) this.change(answered, { replies })
        return
      }
      case "Recalled":
        return this.change(entry.id, { recalledAt: entry.at })
      case "Acknowledged": {
        const press = this.pressed.get(entry.id)
        if (press === undefined) return
        const what = entry.late ? "AcknowledgedLate" : "Acknowledged"
        return this.notice(entry.at, { ...press, what, who: this.bot.name, detail: `${entry.code}` })
      }
      default:
        return
    }
  }

  private typing({ now, occasion }: Step, entry: Extract<Journal.JournalEntry, { readonly kind: "Accepted" }>): void {
    const body = occasion._tag === "Request" ? Payload.parse(occasion.request.body) : {}
    const seconds = Number(Payload.fieldsOf(body["input_notify"])["input_second"])
    const until = now + (Number.isFinite(seconds) ? seconds : 1) * 1000
    this.publish({ _tag: "Typing", key: keyOf(entry.scene, entry.target), until })
  }

  /** The streams that grow, end, or fall back to their first part. */
  private follow(): void {
    for (const message of this.growing) {
      const known = this.messages.get(message.id)
      const content = withMentions(message.content)
      if (known === undefined || message.stream === "done") this.growing.delete(message)
      if (known === undefined || (known.text === content && known.stream === message.stream)) continue
      this.change(message.id, {
        text: content,
        ...(message.stream === undefined ? {} : { stream: message.stream }),
        mentions: this.mentionsIn(content)
      })
    }
  }

  /** A request for a message that the platform refused. */
  private refused({ now, occasion }: Step): void {
    if (occasion._tag !== "Request" || occasion.answer._tag !== "Reply" || occasion.answer.status < 400) return
    const { answer, request } = occasion
    const [, path = "", target = ""] = sending.exec(request.path) ?? recalling.exec(request.path) ?? []
    const scene = scenes[path]
    if (scene === undefined) return
    const body = Payload.parse(request.body)
    const error = Payload.parse(answer.body)
    const code = Number(error["code"] ?? answer.status)
    const waiting = Payload.fieldsOf(Payload.fieldsOf(error["data"])["message_audit"])["audit_id"] !== undefined
    if (waiting) return
    const text =
      Payload.textOf(body["content"]) ??
      Payload.textOf(body["content_raw"]) ??
      Payload.textOf(Payload.fieldsOf(body["markdown"])["content"]) ??
      `${request.method} ${request.path}`
    const row = ErrorCode.lookup(code) ?? ErrorCode.lookup(Number(error["err_code"]))
    this.put<Refused>({
      _tag: "Refused",
      key: keyOf(scene, decoded(target)),
      at: now,
      text: text.slice(0, 2000),
      code,
      status: answer.status,
      reason: Payload.textOf(error["message"]) ?? `HTTP ${answer.status}`,
      hint: row === undefined ? "" : ErrorCode.hints[row.class]
    })
  }
}
