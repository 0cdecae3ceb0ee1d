/** The conversation that was chosen. */
import type { JSX } from "preact"
import { signal } from "@preact/signals"
import { useEffect, useRef } from "preact/hooks"
import type { Conversation, Role } from "../../src/sandbox/View.ts"
import { api, call } from "./client.ts"
import { Composer } from "./Composer.tsx"
import { Dialog } from "./Dialog.tsx"
import { Avatar, Icon } from "./Icon.tsx"
import { ItemView } from "./MessageView.tsx"
import { apiUrl, bot, conversation, link, nameOf, now, people, shown, status, typing } from "./store.ts"
import { t } from "./text.ts"

const editing = signal(false)

const isRole = (value: string): value is Role => value === "member" || value === "admin" || value === "owner"

const MemberRow = ({ id, of }: { readonly of: Conversation; readonly id: string }) => {
  const member = of.members.find((each) => each.id === id)
  return (
    <li>
      <Avatar id={id} name={nameOf(id)} />
      <span class="names">
        <b dir="auto">{nameOf(id)}</b>
        <small>
          {id}
          {member?.mutedUntil !== undefined && ` · ${t("muted")} ${member.mutedUntil.slice(11, 16)}`}
        </small>
      </span>
      <select
        aria-label={`${nameOf(id)}: ${t(member?.role ?? "member")}`}
        value={member?.role ?? "member"}
        onChange={(event) => {
          const { value } = event.currentTarget
          if (isRole(value)) void call(api.arrange.member({ path: { key: of.key, id }, payload: { role: value } }))
        }}
      >
        {(["member", "admin", "owner"] as const).map((role) => (
          <option key={role} value={role}>
            {t(role)}
          </option>
        ))}
      </select>
      <button
        type="button"
        class="icon small"
        aria-label={`${t("remove")} ${nameOf(id)}`}
        title={t("remove")}
        onClick={() => void call(api.arrange.removeMember({ path: { key: of.key, id } }))}
      >
        <Icon name="trash" />
      </button>
    </li>
  )
}

const rename = (of: Conversation, name: string): void => {
  if (name === "" || name === of.name) return
  if (of.scene === "c2c") void call(api.arrange.person({ path: { id: of.id }, payload: { name } }))
  else void call(api.arrange.conversation({ path: { key: of.key }, payload: { name, full: of.full } }))
}

const remove = (of: Conversation): void => {
  editing.value = false
  if (of.scene === "c2c") void call(api.arrange.removePerson({ path: { id: of.id } }))
  else void call(api.arrange.removeConversation({ path: { key: of.key } }))
}

const Details = ({ of }: { readonly of: Conversation }) => {
  const isShared = of.scene === "group" || of.scene === "channel"
  const others = people.value.filter(({ id }) => !of.members.some((member) => member.id === id))
  return (
    <Dialog title={t("details")} onClose={() => (editing.value = false)}>
      <label>
        {t("name")}
        <input value={of.name} maxLength={60} onChange={(event) => rename(of, event.currentTarget.value.trim())} />
      </label>
      <p class="id">
        {t("id")} <code>{of.id}</code>
      </p>
      {isShared && (
        <label class="switch">
          <input
            type="checkbox"
            role="switch"
            checked={of.full}
            onChange={(event) =>
              void call(
                api.arrange.conversation({
                  path: { key: of.key },
                  payload: { name: of.name, full: event.currentTarget.checked }
                })
              )
            }
          />
          {t("readsAll")}
        </label>
      )}
      {isShared && (
        <>
          <h3>{t("members")}</h3>
          <ul class="members">
            {of.members.map(({ id }) => (
              <MemberRow key={id} of={of} id={id} />
            ))}
          </ul>
          {others.length > 0 && (
            <select
              aria-label={t("addMember")}
              value=""
              onChange={(event) => {
                const id = event.currentTarget.value
                if (id !== "") void call(api.arrange.member({ path: { key: of.key, id }, payload: { role: "member" } }))
              }}
            >
              <option value="">+ {t("addMember")}</option>
              {others.map(({ id, name }) => (
                <option key={id} value={id}>
                  {name}
                </option>
              ))}
            </select>
          )}
        </>
      )}
      <div class="actions">
        <button type="button" class="text danger" onClick={() => remove(of)}>
          <Icon name="trash" />
          {t("remove")}
        </button>
        <span class="space" />
        <button type="button" class="primary" onClick={() => (editing.value = false)}>
          {t("close")}
        </button>
      </div>
    </Dialog>
  )
}

const Empty = () => {
  const isAlone = status.value !== undefined && status.value.sessions.length === 0 && status.value.webhook === null
  return (
    <div class="empty">
      <Icon name="logo" />
      <h2>{t(isAlone ? "noBot" : "nothingSaid")}</h2>
      {isAlone ? (
        <>
          <p>{t("noBotText")}</p>
          <pre>
            {`export QQ_API_URL=${apiUrl.value}\nexport QQ_TOKEN_URL=${apiUrl.value}/app/getAppAccessToken\nexport QQ_APP_ID=${bot.value.appId}`}
          </pre>
        </>
      ) : (
        <p>{t("sayHello")}</p>
      )}
    </div>
  )
}

/** Items that are drawn: the newest. */
const maximum = 300

/** How near the end, in pixels, still means that the reader follows what comes. */
const nearEnd = 120

const Stream = ({ of }: { readonly of: Conversation }) => {
  const list = useRef<HTMLDivElement>(null)
  const follows = useRef(true)
  const all = shown.value
  const isTyping = (typing.value.get(of.key) ?? 0) > now.value
  useEffect(() => {
    follows.current = true
  }, [of.key])
  useEffect(() => {
    if (follows.current && list.current !== null) list.current.scrollTop = list.current.scrollHeight
  }, [all, isTyping, of.key])
  return (
    <div
      class="stream"
      ref={list}
      role="log"
      aria-label={of.name}
      tabIndex={0}
      onScroll={({ currentTarget: { clientHeight, scrollHeight, scrollTop } }) => {
        follows.current = scrollHeight - scrollTop - clientHeight < nearEnd
      }}
    >
      {all.length === 0 ? <Empty /> : all.slice(-maximum).map((item) => <ItemView key={item.n} of={item} />)}
      {isTyping && (
        <p class="typing" role="status">
          <Avatar id="bot" name={bot.value.name} isBot />
          <span class="dots" aria-hidden="true">
            <i />
            <i />
            <i />
          </span>
          {bot.value.name} {t("typing")}
        </p>
      )}
    </div>
  )
}

export const Chat = (): JSX.Element => {
  const of = conversation.value
  if (of === undefined) return <main class="chat">{link.value === "connecting" ? null : <Empty />}</main>
  const isShared = of.scene === "group" || of.scene === "channel"
  return (
    <main class="chat">
      <header class="bar">
        <Avatar id={of.scene === "c2c" ? of.id : of.key} name={of.scene === "channel" ? "#" : of.name} />
        <span class="names">
          <b dir="auto">{of.name}</b>
          <small>
            {isShared ? `${of.members.length} ${t("members")} · ${t(of.full ? "readsAll" : "readsMentions")}` : of.key}
          </small>
        </span>
        <span class="space" />
        <button
          type="button"
          class="icon"
          title={t("details")}
          aria-label={t("details")}
          onClick={() => (editing.value = true)}
        >
          <Icon name="settings" />
        </button>
      </header>
      <Stream of={of} />
      <Composer of={of} />
      {editing.value && <Details of={of} />}
    </main>
  )
}
