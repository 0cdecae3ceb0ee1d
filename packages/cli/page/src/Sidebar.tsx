/** The people and conversations of the sandbox. */
import type { JSX } from "preact"
import { signal } from "@preact/signals"
import type { Conversation, Scene } from "../../src/sandbox/View.ts"
import { api, call } from "./client.ts"
import { Dialog } from "./Dialog.tsx"
import { Avatar, Icon, type IconName } from "./Icon.tsx"
import {
  bot,
  conversation,
  conversations,
  items,
  link,
  menuOpen,
  people,
  selected,
  typing,
  now,
  unread
} from "./store.ts"
import { t, type Word } from "./text.ts"

type Adding = "person" | "group" | "channel"

const adding = signal<Adding | undefined>(undefined)

const lastOf = (key: string): string => {
  const last = items.value.findLast((item) => item.key === key && item._tag !== "Notice")
  if (last === undefined || last._tag === "Notice") return ""
  if (last._tag === "Refused") return `⊘ ${last.reason}`
  const text = last.mentions
    .reduce((all, { id, name }) => all.replaceAll(`<@${id}>`, `@${name}`), last.text)
    .replaceAll(`@${bot.value.id}`, `@${bot.value.name}`)
  return `${last.by.isBot ? `${last.by.name}: ` : ""}${text === "" ? (last.attachments[0]?.name ?? "…") : text}`.slice(
    0,
    80
  )
}

const Entry = ({ of }: { readonly of: Conversation }) => {
  const count = unread(of.key)
  const isCurrent = conversation.value?.key === of.key
  const isTyping = (typing.value.get(of.key) ?? 0) > now.value
  return (
    <li>
      <button
        type="button"
        class={isCurrent ? "entry current" : "entry"}
        aria-current={isCurrent ? "true" : undefined}
        onClick={() => {
          selected.value = of.key
          menuOpen.value = false
        }}
      >
        <Avatar id={of.scene === "c2c" ? of.id : of.key} name={of.scene === "channel" ? "#" : of.name} />
        <span class="names">
          <b dir="auto">{of.name}</b>
          <small dir="auto">{isTyping ? t("typing") : lastOf(of.key)}</small>
        </span>
        {count > 0 && <em class="count">{count}</em>}
      </button>
    </li>
  )
}

const Section = (props: {
  readonly scene: Scene
  readonly title: Word
  readonly icon: IconName
  readonly add?: Adding
  readonly addWord?: Word
}) => {
  const all = conversations.value.filter(({ scene }) => scene === props.scene)
  const { add, addWord } = props
  if (all.length === 0 && add === undefined) return null
  return (
    <section>
      <h2>
        <Icon name={props.icon} />
        {t(props.title)}
        {add !== undefined && addWord !== undefined && (
          <button
            type="button"
            class="icon small"
            title={t(addWord)}
            aria-label={t(addWord)}
            onClick={() => (adding.value = add)}
          >
            <Icon name="plus" />
          </button>
        )}
      </h2>
      <ul>
        {all.map((each) => (
          <Entry key={each.key} of={each} />
        ))}
      </ul>
    </section>
  )
}

/** The first free id of a kind. */
const freeId = (prefix: string, taken: ReadonlyArray<string>): string => {
  let number = taken.length + 1
  while (taken.includes(`${prefix}${number}`)) number += 1
  return `${prefix}${number}`
}

const add = async (kind: Adding, name: string, given: string): Promise<void> => {
  const taken = kind === "person" ? people.value.map(({ id }) => id) : conversations.value.map(({ id }) => id)
  const id = given === "" ? freeId(kind === "person" ? "u" : kind === "group" ? "g" : "66420000", taken) : given
  if (kind === "person") {
    await call(api.arrange.person({ path: { id }, payload: { name } }))
    selected.value = `c2c:${id}`
    return
  }
  const key = `${kind}:${id}`
  const made = await call(api.arrange.conversation({ path: { key }, payload: { name, full: false } }))
  if (made === undefined) return
  const first = people.value[0]
  if (first !== undefined) {
    await call(api.arrange.member({ path: { key, id: first.id }, payload: { role: "owner" } }))
  }
  selected.value = key
}

const titles = { person: "addPerson", group: "addGroup", channel: "addChannel" } as const

const AddDialog = ({ kind }: { readonly kind: Adding }) => (
  <Dialog title={t(titles[kind])} onClose={() => (adding.value = undefined)}>
    <form
      onSubmit={(event) => {
        event.preventDefault()
        const data = new FormData(event.currentTarget)
        const [name, id] = [String(data.get("name")).trim(), String(data.get("id")).trim()]
        adding.value = undefined
        void add(kind, name, id)
      }}
    >
      <label>
        {t("name")}
        <input name="name" maxLength={60} required autoFocus />
      </label>
      <label>
        {t("id")}
        <input name="id" maxLength={60} placeholder={t("anyText")} pattern="[^\/\s]+" />
      </label>
      <div class="actions">
        <button type="button" class="text" onClick={() => (adding.value = undefined)}>
          {t("cancel")}
        </button>
        <button type="submit" class="primary">
          {t("add")}
        </button>
      </div>
    </form>
  </Dialog>
)

export const Sidebar = (): JSX.Element => (
  <nav class="sidebar" aria-label={t("openMenu")} aria-busy={link.value === "connecting"}>
    <Section scene="c2c" title="people" icon="person" add="person" addWord="addPerson" />
    <Section scene="group" title="groups" icon="group" add="group" addWord="addGroup" />
    <Section scene="channel" title="channels" icon="hash" add="channel" addWord="addChannel" />
    <Section scene="dm" title="direct" icon="mail" />
    {adding.value !== undefined && <AddDialog kind={adding.value} />}
  </nav>
)
