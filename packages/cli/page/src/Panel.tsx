/** The inspector: the bot's session, the journal, and the faults. */
import type { JSX } from "preact"
import { useState } from "preact/hooks"
import type { SessionView } from "../../src/sandbox/View.ts"
import { api, call } from "./client.ts"
import { Faults } from "./Faults.tsx"
import { Journal } from "./Journal.tsx"
import { clock } from "./MessageView.tsx"
import { now, status, tab } from "./store.ts"
import { t, type Word } from "./text.ts"

const tabs = ["session", "journal", "faults"] as const

const Row = ({ children, word }: { readonly word: Word; readonly children: preact.ComponentChildren }) => (
  <div class="fact">
    <dt>{t(word)}</dt>
    <dd>{children}</dd>
  </div>
)

const ago = (at: number): string => `${Math.max(0, Math.round((now.value - at) / 1000))} s ${t("ago")}`

const Shown = ({ of }: { readonly of: SessionView }) => {
  const isReady = of.connection !== undefined
  const state = of.isDeaf ? "deaf" : isReady ? "ready" : "away"
  return (
    <section class="card">
      <h3>
        <i class={`dot ${of.isDeaf ? "warn" : isReady ? "good" : "idle"}`} />
        {t(state)}
        <code title={of.id}>{of.id.slice(0, 8)}</code>
      </h3>
      <dl>
        <Row word="shard">{of.shard}</Row>
        <Row word="seq">{of.seq}</Row>
        <Row word="buffered">{of.buffered}</Row>
        <Row word="intents">
          <code>{of.intents}</code>
        </Row>
        <Row word="heartbeat">
          {of.lastBeat === undefined ? t("never") : `${ago(of.lastBeat)} (${of.beats})`}
          <small>
            {t("every")} {((status.value?.heartbeatInterval ?? 0) / 1000).toFixed(1)} s
          </small>
        </Row>
      </dl>
    </section>
  )
}

const ends: { readonly [by: string]: Word } = { client: "byBot", platform: "byPlatform", network: "byNetwork" }

const Webhook = () => {
  const current = status.value?.webhook ?? null
  const [busy, setBusy] = useState(false)
  const use = async (url: string | null): Promise<void> => {
    setBusy(true)
    await call(api.arrange.webhook({ payload: { url } }))
    setBusy(false)
  }
  return (
    <section class="card">
      <h3>
        <i class={`dot ${current === null ? "idle" : "good"}`} />
        {t("webhook")}
      </h3>
      <p class="dim">{t("webhookText")}</p>
      <form
        class="inline"
        onSubmit={(event) => {
          event.preventDefault()
          const url = String(new FormData(event.currentTarget).get("url"))
          void use(current === null ? url : null)
        }}
      >
        <input
          name="url"
          type="url"
          required
          aria-label={t("webhook")}
          placeholder="http://127.0.0.1:3000/webhook"
          defaultValue={current ?? ""}
          readOnly={current !== null}
        />
        <button type="submit" class={current === null ? "primary" : "text"} disabled={busy}>
          {t(current === null ? "use" : "stop")}
        </button>
      </form>
    </section>
  )
}

const Session = () => {
  const of = status.value
  if (of === undefined) return null
  return (
    <div class="scroll">
      {of.sessions.length === 0 ? (
        <section class="card">
          <h3>
            <i class="dot idle" />
            {t("noSession")}
          </h3>
          <p class="dim">{t("noSessionText")}</p>
        </section>
      ) : (
        of.sessions.map((session) => <Shown key={session.id} of={session} />)
      )}
      <section class="card">
        <dl>
          <Row word="lastEnd">
            {of.lastEnd === undefined ? (
              t("never")
            ) : (
              <>
                {of.lastEnd.code ?? ""} {t(ends[of.lastEnd.by] ?? "byNetwork")}
                <small>
                  {clock(of.lastEnd.at)} {of.lastEnd.meaning ?? ""}
                </small>
              </>
            )}
          </Row>
          <Row word="identifies">{of.identifies}</Row>
          <Row word="resumes">{of.resumes}</Row>
          <Row word="violations">{of.violations}</Row>
        </dl>
      </section>
      <Webhook />
    </div>
  )
}

const step = (by: number): void => {
  const at = tabs.indexOf(tab.value)
  tab.value = tabs[(at + by + tabs.length) % tabs.length] ?? "session"
  document.getElementById(`tab-${tab.value}`)?.focus()
}

export const Panel = (): JSX.Element => (
  <aside class="panel" aria-label={t("panel")}>
    <div class="tabs" role="tablist">
      {tabs.map((each) => (
        <button
          key={each}
          id={`tab-${each}`}
          type="button"
          role="tab"
          aria-selected={tab.value === each}
          tabIndex={tab.value === each ? 0 : -1}
          onClick={() => (tab.value = each)}
          onKeyDown={({ key }) => {
            if (key === "ArrowRight") step(1)
            if (key === "ArrowLeft") step(-1)
          }}
        >
          {t(each)}
          {each === "faults" && (status.value?.armed.length ?? 0) > 0 && (
            <em class="count">{status.value?.armed.length}</em>
          )}
        </button>
      ))}
    </div>
    <div class="page" role="tabpanel" aria-labelledby={`tab-${tab.value}`}>
      {tab.value === "session" ? <Session /> : tab.value === "journal" ? <Journal /> : <Faults />}
    </div>
  </aside>
)
