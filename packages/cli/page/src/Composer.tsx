/** Where a person writes. */
import type { JSX } from "preact"
import { effect, signal } from "@preact/signals"
import { useEffect, useRef } from "preact/hooks"
import type { Conversation } from "../../src/sandbox/View.ts"
import { Icon } from "./Icon.tsx"
import { sayAs, type Staged, upload } from "./saying.ts"
import { bot, draft, nameOf, quoting, speakAs, speakerOf } from "./store.ts"
import { t } from "./text.ts"

/** Whether what is written in a group or a channel mentions the bot. */
const addressed = signal(true)
const staged = signal<ReadonlyArray<Staged>>([])
const picking = signal(false)

const stage = async (files: Iterable<File>): Promise<void> => {
  for (const file of files) {
    const stored = await upload(file)
    if (stored !== undefined) staged.value = [...staged.value, stored].slice(-10)
  }
}

const Members = ({ of, pick }: { readonly of: Conversation; readonly pick: (name: string) => void }) => (
  <div class="popover" role="menu">
    {of.members.map(({ id }) => (
      <button key={id} type="button" role="menuitem" onClick={() => pick(nameOf(id))}>
        <span dir="auto">@{nameOf(id)}</span>
      </button>
    ))}
  </div>
)

/** What is quoted and attached, above the text. */
const Above = (): JSX.Element => (
  <>
    {quoting.value !== undefined && (
      <div class="quoting">
        <Icon name="quote" />
        <span dir="auto">{quoting.value.text === "" ? quoting.value.id : quoting.value.text}</span>
        <button type="button" class="icon small" aria-label={t("cancel")} onClick={() => (quoting.value = undefined)}>
          <Icon name="close" />
        </button>
      </div>
    )}
    {staged.value.length > 0 && (
      <ul class="staged">
        {staged.value.map((file, index) => (
          <li key={file.url}>
            {file.type.startsWith("image/") ? (
              <img src={file.url} alt="" />
            ) : (
              <Icon name={file.type === "voice" ? "voice" : "file"} />
            )}
            <span dir="auto">{file.name}</span>
            <button
              type="button"
              class="icon small"
              aria-label={t("remove")}
              onClick={() => (staged.value = staged.value.filter((_, other) => other !== index))}
            >
              <Icon name="close" />
            </button>
          </li>
        ))}
      </ul>
    )}
  </>
)

/** What else a message may have, below the text. */
const Tools = (props: { readonly of: Conversation; readonly mention: (name: string) => void }): JSX.Element => {
  const { mention, of } = props
  const isShared = of.scene === "group" || of.scene === "channel"
  return (
    <div class="tools">
      <label class="icon" title={t("attach")}>
        <Icon name="clip" />
        <input
          type="file"
          multiple
          class="hidden"
          aria-label={t("attach")}
          onChange={(event) => {
            const { currentTarget } = event
            void stage([...(currentTarget.files ?? [])]).then(() => (currentTarget.value = ""))
          }}
        />
      </label>
      {isShared && (
        <>
          <button
            type="button"
            class={addressed.value ? "chip on" : "chip"}
            aria-pressed={addressed.value}
            title={t("mentionBot")}
            onClick={() => (addressed.value = !addressed.value)}
          >
            @{bot.value.name}
          </button>
          <span class="anchor">
            <button
              type="button"
              class="icon"
              title={t("mentionMember")}
              aria-label={t("mentionMember")}
              aria-expanded={picking.value}
              onClick={() => (picking.value = !picking.value)}
            >
              <Icon name="at" />
            </button>
            {picking.value && <Members of={of} pick={mention} />}
          </span>
        </>
      )}
      <span class="space" />
      {of.scene !== "c2c" && of.members.length > 0 && (
        <label class="speaker">
          {t("as")}
          <select
            value={speakerOf(of)}
            onChange={(event) => speakAs(of.key, event.currentTarget.value)}
            aria-label={t("as")}
          >
            {of.members.map(({ id, role }) => (
              <option key={id} value={id}>
                {nameOf(id)}
                {role === "member" ? "" : ` (${t(role)})`}
              </option>
            ))}
          </select>
        </label>
      )}
    </div>
  )
}

export const Composer = ({ of }: { readonly of: Conversation }): JSX.Element => {
  const area = useRef<HTMLTextAreaElement>(null)

  useEffect(
    () =>
      effect(() => {
        if (draft.value === "" || area.current === null) return
        area.current.value = draft.value
        addressed.value = true
        draft.value = ""
        area.current.focus()
      }),
    []
  )
  useEffect(() => area.current?.focus(), [of.key])

  const fit = (): void => {
    const { current } = area
    if (current === null) return
    current.style.height = "auto"
    current.style.height = `${Math.min(current.scrollHeight, 160)}px`
  }

  const submit = async (): Promise<void> => {
    const { current } = area
    const text = current?.value.trim() ?? ""
    if (current === null || (text === "" && staged.value.length === 0)) return
    const [files, written] = [staged.value, current.value]
    // at once, so that what is typed next is not lost
    current.value = ""
    staged.value = []
    fit()
    if (await sayAs(of, text, { at: addressed.value, files })) return
    if (current.value === "") current.value = written
    staged.value = files
  }

  const mention = (name: string): void => {
    picking.value = false
    if (area.current === null) return
    area.current.setRangeText(`@${name} `, area.current.selectionStart, area.current.selectionEnd, "end")
    area.current.focus()
  }

  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault()
        void submit()
      }}
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => {
        event.preventDefault()
        void stage(event.dataTransfer?.files ?? [])
      }}
    >
      <Above />
      <div class="line">
        <textarea
          ref={area}
          rows={1}
          dir="auto"
          maxLength={100_000}
          placeholder={t("write")}
          aria-label={t("write")}
          onInput={fit}
          onKeyDown={(event) => {
            if (event.key !== "Enter" || event.shiftKey || event.isComposing) return
            event.preventDefault()
            void submit()
          }}
          onPaste={(event) => {
            const files = event.clipboardData?.files
            if (files === undefined || files.length === 0) return
            event.preventDefault()
            void stage(files)
          }}
        />
        <button type="submit" class="primary send" aria-label={t("send")} title={t("send")}>
          <Icon name="up" />
        </button>
      </div>
      <Tools of={of} mention={mention} />
    </form>
  )
}
