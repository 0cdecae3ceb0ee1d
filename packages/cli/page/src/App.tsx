/** The frame of the page: conversations, the chat, and the inspector. */
import type { JSX } from "preact"
import { effect } from "@preact/signals"
import { Chat } from "./Chat.tsx"
import { api, call } from "./client.ts"
import { Icon } from "./Icon.tsx"
import { say, toasts } from "./notices.ts"
import { Panel } from "./Panel.tsx"
import { Sidebar } from "./Sidebar.tsx"
import { bot, language, link, menuOpen, panelShown, status, theme } from "./store.ts"
import { t } from "./text.ts"

effect(() => {
  document.documentElement.lang = language.value === "zh" ? "zh-CN" : "en"
  if (theme.value === "system") delete document.documentElement.dataset["theme"]
  else document.documentElement.dataset["theme"] = theme.value
})

const nextTheme = { system: "light", light: "dark", dark: "system" } as const

const invite = async (): Promise<void> => {
  const made = await call(api.arrange.invite())
  if (made === undefined) return
  await navigator.clipboard.writeText(made.url)
  say(t("linkCopied"))
}

const Standing = () => {
  if (link.value !== "live") return <span class="pill bad">{link.value === "lost" ? t("lost") : t("connecting")}</span>
  const online = status.value?.sessions.filter(({ connection }) => connection !== undefined) ?? []
  const isOnline = online.length > 0 || status.value?.webhook != null
  return (
    <span class={`pill ${isOnline ? "good" : "idle"}`} role="status">
      <i class="dot" />
      {isOnline ? t("online") : t("offline")}
      {online.length > 0 && <small>{online.map(({ shard }) => shard).join(" · ")}</small>}
    </span>
  )
}

const Top = () => (
  <header class="top">
    <button
      type="button"
      class="icon menu"
      aria-label={t("openMenu")}
      aria-expanded={menuOpen.value}
      onClick={() => (menuOpen.value = !menuOpen.value)}
    >
      <Icon name="menu" />
    </button>
    <span class="brand">
      <Icon name="logo" />
      <b>effect-qq</b>
      <span>{t("sandbox")}</span>
    </span>
    <span class="who">
      {bot.value.name}
      <small>{bot.value.appId}</small>
    </span>
    <Standing />
    <span class="space" />
    <button type="button" class="text wide" onClick={() => void invite()}>
      <Icon name="link" />
      {t("anotherBrowser")}
    </button>
    <button
      type="button"
      class="text"
      title={t("theme")}
      aria-label={`${t("theme")}: ${t(theme.value)}`}
      onClick={() => (theme.value = nextTheme[theme.value])}
    >
      <Icon name={theme.value === "dark" ? "moon" : theme.value === "light" ? "sun" : "system"} />
      <span class="wide">{t(theme.value)}</span>
    </button>
    <button
      type="button"
      class="text language"
      lang={language.value === "zh" ? "en" : "zh-CN"}
      onClick={() => (language.value = language.value === "zh" ? "en" : "zh")}
    >
      {t("language")}
    </button>
    <button
      type="button"
      class="icon"
      title={t("panel")}
      aria-label={t("panel")}
      aria-pressed={panelShown.value}
      onClick={() => (panelShown.value = !panelShown.value)}
    >
      <Icon name="panel" />
    </button>
  </header>
)

const Locked = () => (
  <main class="locked">
    <Icon name="lock" />
    <h1>{t("lockedTitle")}</h1>
    <p>{t("lockedText")}</p>
    <button
      type="button"
      class="text language"
      onClick={() => (language.value = language.value === "zh" ? "en" : "zh")}
    >
      {t("language")}
    </button>
  </main>
)

const Toasts = () => (
  <div class="toasts" role="log" aria-live="polite">
    {toasts.value.map(({ id, text, tone }) => (
      <div key={id} class={`toast ${tone}`}>
        {text}
      </div>
    ))}
  </div>
)

export const App = (): JSX.Element => {
  if (link.value === "locked") return <Locked />
  return (
    <div class={`frame ${panelShown.value ? "" : "narrow"} ${menuOpen.value ? "menu-open" : ""}`}>
      <Top />
      <Sidebar />
      <Chat />
      {panelShown.value && <Panel />}
      <Toasts />
    </div>
  )
}
