/**
 * What the page knows: the state that the feed of the sandbox brings, and what the person at the page has chosen.
 */
import { computed, effect, type Signal, signal } from "@preact/signals"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import {
  Change,
  type Conversation,
  type Item,
  type Message,
  type Person,
  type Snapshot,
  type Status,
  type Trace
} from "../../src/sandbox/View.ts"

/** How the page stands with the sandbox; `locked` has no session. */
export const link = signal<"connecting" | "live" | "lost" | "locked">("connecting")

export const bot = signal<Snapshot["bot"]>({ id: "", name: "bot", appId: "" })
export const apiUrl = signal("")
export const closeCodes = signal<Snapshot["closeCodes"]>([])
export const people = signal<ReadonlyArray<Person>>([])
export const conversations = signal<ReadonlyArray<Conversation>>([])
export const items = signal<ReadonlyArray<Item>>([])
export const trace = signal<ReadonlyArray<Trace>>([])
export const status = signal<Status | undefined>(undefined)
/** Until when the bot is typing, by conversation. */
export const typing = signal<ReadonlyMap<string, number>>(new Map())

/** The clock of the sandbox, by the second. */
export const now = signal(Date.now())
let ahead = 0
setInterval(() => {
  now.value = Date.now() + ahead
}, 500)

/** A signal that outlives a reload. */
const kept = <A>(name: string, initial: A): Signal<A> => {
  const stored = localStorage.getItem(`sandbox.${name}`)
  let value = initial
  try {
    if (stored !== null) value = JSON.parse(stored) as A
  } catch {
    // written by an earlier version
  }
  const made = signal(value)
  effect(() => localStorage.setItem(`sandbox.${name}`, JSON.stringify(made.value)))
  return made
}

export const theme = kept<"light" | "dark" | "system">("theme", "system")
export const language = kept<"en" | "zh">("language", navigator.language.startsWith("zh") ? "zh" : "en")
export const selected = kept("selected", "group:g1")
export const tab = kept<"session" | "journal" | "faults">("tab", "session")
export const panelShown = kept("panel", true)
/** Whether the list of conversations is open where there is no room beside the chat. */
export const menuOpen = signal(false)
/** Who speaks, by conversation. */
const speakers = kept<Readonly<Record<string, string>>>("speakers", {})
/** The number of the last item that was seen, by conversation. */
const seen = kept<Readonly<Record<string, number>>>("seen", {})
/** Buttons that were pressed here, as `message/button`. */
export const pressed = signal<ReadonlySet<string>>(new Set())
/** What the message that is being written quotes. */
export const quoting = signal<Message | undefined>(undefined)
/** Text that a button puts into the composer. */
export const draft = signal("")

export const conversation = computed(
  () => conversations.value.find(({ key }) => key === selected.value) ?? conversations.value[0]
)

export const shown = computed(() => {
  const key = conversation.value?.key
  return items.value.filter((item) => item.key === key)
})

export const nameOf = (id: string): string => people.value.find((person) => person.id === id)?.name ?? id

/** Who speaks in a conversation. */
export const speakerOf = (of: Conversation): string => {
  const chosen = speakers.value[of.key]
  const isHere = of.members.some(({ id }) => id === chosen)
  return chosen !== undefined && isHere ? chosen : (of.members[0]?.id ?? (of.scene === "c2c" ? of.id : "u1"))
}

export const speakAs = (key: string, id: string): void => {
  speakers.value = { ...speakers.value, [key]: id }
}

export const unread = (key: string): number => {
  if (key === conversation.value?.key) return 0
  const last = seen.value[key] ?? 0
  return items.value.filter((item) => item.key === key && item.n > last && item._tag === "Message" && item.by.isBot)
    .length
}

effect(() => {
  const key = conversation.value?.key
  const last = shown.value.at(-1)?.n
  if (key !== undefined && last !== undefined && seen.peek()[key] !== last) {
    seen.value = { ...seen.peek(), [key]: last }
  }
})

/** Items and lines that the page keeps. */
const maximum = { items: 3000, trace: 1500 }

const put = (item: Item): void => {
  const all = items.value
  const index = all.findLastIndex(({ n }) => n === item.n)
  items.value = index === -1 ? [...all.slice(-maximum.items), item] : all.with(index, item)
  if (item._tag === "Message" && item.by.isBot && typing.value.has(item.key)) {
    const rest = new Map(typing.value)
    rest.delete(item.key)
    typing.value = rest
  }
}

const keepTime = (sandboxNow: number): void => {
  ahead = sandboxNow - Date.now()
  now.value = sandboxNow
}

const applied = (change: Change): void => {
  switch (change._tag) {
    case "Snapshot": {
      const { snapshot } = change
      keepTime(snapshot.now)
      bot.value = snapshot.bot
      apiUrl.value = snapshot.apiUrl
      closeCodes.value = snapshot.closeCodes
      people.value = snapshot.people
      conversations.value = snapshot.conversations
      items.value = snapshot.items
      trace.value = snapshot.trace
      status.value = snapshot.status
      typing.value = new Map()
      // numbers begin anew where the sandbox was started anew
      const newest = snapshot.items.at(-1)?.n ?? 0
      if (Object.values(seen.value).some((n) => n > newest)) seen.value = {}
      return
    }
    case "Item":
      return put(change.item)
    case "People":
      people.value = change.people
      return
    case "Conversations":
      conversations.value = change.conversations
      return
    case "Typing":
      typing.value = new Map(typing.value).set(change.key, change.until)
      return
    case "Trace":
      trace.value = [...trace.value.slice(-maximum.trace), ...change.trace]
      return
    case "Status":
      keepTime(change.now)
      status.value = change.status
  }
}

const decode = Schema.decodeUnknownEither(Schema.parseJson(Change))

/** How long to wait before the feed is asked for again, in milliseconds. */
const retryAfter = 1000

/** Follows the feed for as long as the page is open. */
export const follow = (): void => {
  const source = new EventSource("/sandbox/feed")
  source.addEventListener("message", ({ data }: MessageEvent<string>) => {
    const change = decode(data)
    if (Either.isLeft(change)) return
    link.value = "live"
    applied(change.right)
  })
  source.addEventListener("error", () => {
    source.close()
    // an event source does not tell why it failed: a session that is missing needs the person, and nothing else does
    void fetch("/sandbox/state").then(
      (answer) => {
        link.value = answer.status === 401 ? "locked" : "lost"
      },
      () => {
        link.value = "lost"
      }
    )
    setTimeout(follow, retryAfter)
  })
}
