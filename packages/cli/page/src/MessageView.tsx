/** One thing in a conversation: a message, a refusal, a notice. */
import type { JSX } from "preact"
import type { Attachment, Button, Item, Message, Notice, Refused } from "../../src/sandbox/View.ts"
import { api, call } from "./client.ts"
import { Avatar, Icon } from "./Icon.tsx"
import { say } from "./notices.ts"
import { Markdown, plain } from "./Rich.tsx"
import { conversation, draft, nameOf, now, pressed, quoting, speakerOf } from "./store.ts"
import { sayAs } from "./saying.ts"
import { t } from "./text.ts"

export const clock = (at: number): string =>
  new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false })

const sizeOf = (size: number | undefined): string => {
  if (size === undefined) return ""
  return size < 1024
    ? `${size} B`
    : size < 1024 ** 2
      ? `${(size / 1024).toFixed(1)} kB`
      : `${(size / 1024 ** 2).toFixed(1)} MB`
}

const Attached = ({ of }: { readonly of: Attachment }) => {
  const isHere = of.url.startsWith(`${location.origin}/files/`)
  if (of.kind === "image" && isHere) {
    return (
      <a class="image" href={of.url} target="_blank" rel="noopener noreferrer" title={of.name}>
        <img src={of.url} alt={of.name} />
      </a>
    )
  }
  if (of.kind === "voice" && isHere) {
    return (
      <figure class="media">
        <audio controls preload="metadata" src={of.url} aria-label={of.name} />
        <figcaption dir="auto">{of.name}</figcaption>
      </figure>
    )
  }
  if (of.kind === "video" && isHere) {
    return <video class="media" controls preload="metadata" src={of.url} aria-label={of.name} />
  }
  const icon = of.kind === "image" ? "image" : of.kind === "voice" ? "voice" : "file"
  return (
    <span class="file">
      <Icon name={icon} />
      <span>
        <b dir="auto">{of.name}</b>
        <small dir="auto">
          {isHere ? sizeOf(of.size) : of.url === "" ? sizeOf(of.size) : `${of.url} · ${t("external")}`}
        </small>
      </span>
      {isHere && (
        <a href={of.url} download={of.name} class="icon small" aria-label={of.name}>
          <Icon name="down" />
        </a>
      )}
    </span>
  )
}

const press = async (message: Message, button: Button): Promise<void> => {
  const here = conversation.value
  if (here === undefined) return
  const user = speakerOf(here)
  const role = here.members.find(({ id }) => id === user)?.role
  const result = await call(
    api.talk.press({
      payload: { message: message.id, button: button.id, user, ...(role === undefined ? {} : { role }) }
    })
  )
  if (result === undefined) return
  switch (result._tag) {
    case "Interaction":
      pressed.value = new Set(pressed.value).add(`${message.id}/${button.id}`)
      return
    case "Command":
      if (result.reply) quoting.value = message
      if (result.enter) await sayAs(here, result.data, { at: true })
      else draft.value = result.data
      return
    case "Link":
      if (/^https?:\/\//i.test(result.url)) window.open(result.url, "_blank", "noopener,noreferrer")
      else say(result.url)
      return
    case "Refused":
      say(
        result.tip === undefined || result.tip === "" ? t("noPermission") : `${t("noPermission")}: ${result.tip}`,
        "bad"
      )
  }
}

const styles: { readonly [style: number]: string } = { 0: "grey", 1: "blue", 3: "red", 4: "filled" }

const Keyboard = ({ of }: { readonly of: Message }) => (
  <div class="keyboard">
    {of.buttons.map((row, index) => (
      <div key={index} class="row">
        {row.map((button, column) => {
          const wasPressed = pressed.value.has(`${of.id}/${button.id}`)
          return (
            <button
              key={column}
              type="button"
              class={`key ${styles[button.style] ?? "grey"} ${wasPressed ? "pressed" : ""}`}
              onClick={() => void press(of, button)}
            >
              <span dir="auto">{wasPressed ? button.visitedLabel : button.label}</span>
              {button.type === 0 && <Icon name="external" />}
            </button>
          )
        })}
      </div>
    ))}
  </div>
)

const remaining = (millis: number): string => {
  const seconds = Math.floor(millis / 1000)
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`
}

const Budget = ({ of }: { readonly of: NonNullable<Message["replies"]> }) => {
  const left = of.until - now.value
  if (left <= 0) return <span class="budget over">{t("windowOver")}</span>
  const replies = of.allowed === null ? t("unlimited") : `${Math.max(0, of.allowed - of.used)}/${of.allowed}`
  return (
    <span
      class={of.allowed !== null && of.used >= of.allowed ? "budget over" : "budget"}
      title={of.allowed === null ? replies : `${replies} ${t("repliesLeft")}`}
    >
      ↩ {replies} · {remaining(left)}
    </span>
  )
}

const Meta = ({ of }: { readonly of: Message }) => (
  <footer>
    <time dateTime={new Date(of.at).toISOString()}>{clock(of.at)}</time>
    {of.by.isBot && <span>{of.answers === undefined ? t("proactive") : t("reply")}</span>}
    {of.sequence !== undefined && <span>#{of.sequence}</span>}
    {of.stream === "generating" && <span class="growing">{t("writing")}</span>}
    {of.audit === "waiting" && <span class="warn">{t("waitingAudit")}</span>}
    {of.audit === "rejected" && <span class="warn">{t("rejectedAudit")}</span>}
    {!of.by.isBot && of.events.length === 0 && <span class="warn">{t("unheard")}</span>}
    {!of.by.isBot && of.replies !== undefined && of.events.length > 0 && <Budget of={of.replies} />}
  </footer>
)

const jump = (id: string): void => {
  const found = document.getElementById(`message-${id}`)
  found?.scrollIntoView({ block: "center" })
  found?.focus()
}

const Body = ({ of }: { readonly of: Message }) => (
  <>
    {of.quote !== undefined && (
      <button type="button" class="quoted" onClick={() => jump(of.quote?.id ?? "")}>
        <span dir="auto">{plain(of.quote.text === "" ? of.quote.id : of.quote.text, of.mentions)}</span>
      </button>
    )}
    {of.text !== "" &&
      (of.form === "markdown" ? (
        <Markdown source={of.text} mentions={of.mentions} />
      ) : (
        <p class="plain" dir="auto">
          {plain(of.text, of.mentions)}
        </p>
      ))}
    {of.attachments.map((attachment, index) => (
      <Attached key={index} of={attachment} />
    ))}
    {of.raw !== undefined && <pre class="raw">{of.raw}</pre>}
    {of.stream === "generating" && <i class="caret" aria-hidden="true" />}
  </>
)

const MessageRow = ({ of }: { readonly of: Message }) => {
  const here = conversation.value
  const isMine = !of.by.isBot && here !== undefined && speakerOf(here) === of.by.id
  const role = here?.members.find(({ id }) => id === of.by.id)?.role ?? of.by.role
  const name = of.by.isBot ? of.by.name : nameOf(of.by.id)
  return (
    <article
      id={`message-${of.id}`}
      tabIndex={-1}
      class={`message ${isMine ? "mine" : ""} ${of.by.isBot ? "from-bot" : ""} ${of.recalledAt === undefined ? "" : "gone"}`}
      aria-label={name}
    >
      <Avatar id={of.by.id} name={name} isBot={of.by.isBot} />
      <div class="column">
        <header>
          <b dir="auto">{name}</b>
          {of.by.isBot && <em class="tag bot">BOT</em>}
          {(role === "admin" || role === "owner") && <em class={`tag ${role}`}>{t(role)}</em>}
        </header>
        {of.recalledAt === undefined ? (
          <>
            <div class={of.stream === "generating" ? "bubble generating" : "bubble"}>
              <Body of={of} />
            </div>
            {of.buttons.length > 0 && <Keyboard of={of} />}
          </>
        ) : (
          <div class="bubble recalled">
            <p>
              <Icon name="ban" />
              {t("recalled")}
            </p>
            <details>
              <summary>…</summary>
              <Body of={of} />
            </details>
          </div>
        )}
        <Meta of={of} />
      </div>
      {of.recalledAt === undefined && (
        <button
          type="button"
          class="icon small quote"
          title={t("quote")}
          aria-label={t("quote")}
          onClick={() => (quoting.value = of)}
        >
          <Icon name="quote" />
        </button>
      )}
    </article>
  )
}

const RefusedRow = ({ of }: { readonly of: Refused }) => (
  <article class="message from-bot refused">
    <Avatar id="bot" name="bot" isBot />
    <div class="column">
      <div class="bubble" role="note">
        <p class="reason">
          <Icon name="ban" />
          <b>
            {t("refused")} · {of.code}
          </b>
          <span dir="auto">{plain(of.reason, [])}</span>
        </p>
        <p class="plain" dir="auto">
          {plain(of.text, [])}
        </p>
        {of.hint !== "" && <p class="hint">{of.hint}</p>}
      </div>
      <footer>
        <time dateTime={new Date(of.at).toISOString()}>{clock(of.at)}</time>
        <span>HTTP {of.status}</span>
      </footer>
    </div>
  </article>
)

const NoticeRow = ({ of }: { readonly of: Notice }) => (
  <p class="notice">
    <time dateTime={new Date(of.at).toISOString()}>{clock(of.at)}</time>{" "}
    <span dir="auto">
      <b>{plain(of.who, [])}</b> {t(of.what)} {plain(of.detail, [])}
    </span>
  </p>
)

export const ItemView = ({ of }: { readonly of: Item }): JSX.Element => {
  switch (of._tag) {
    case "Message":
      return <MessageRow of={of} />
    case "Refused":
      return <RefusedRow of={of} />
    case "Notice":
      return <NoticeRow of={of} />
  }
}
