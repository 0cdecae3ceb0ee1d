/** The journal: every frame and request, newest first. */
import type { JSX } from "preact"
import { signal } from "@preact/signals"
import type { Trace } from "../../src/sandbox/View.ts"
import { Icon } from "./Icon.tsx"
import { clock } from "./MessageView.tsx"
import { say } from "./notices.ts"
import { trace } from "./store.ts"
import { t } from "./text.ts"

type Kind = "frames" | "requests" | "others"

const filter = signal("")
const kinds = signal<ReadonlySet<Kind>>(new Set(["frames", "requests", "others"]))
const open = signal<ReadonlySet<number>>(new Set())

/** Lines that are drawn: the newest that match. */
const maximum = 200

const ops: { readonly [op: number]: string } = {
  0: "dispatch",
  1: "heartbeat",
  2: "identify",
  6: "resume",
  7: "reconnect",
  9: "invalid session",
  10: "hello",
  11: "heartbeat ACK"
}

const kindOf = (line: Trace): Kind => (line._tag === "Frame" ? "frames" : line._tag === "Note" ? "others" : "requests")

const titleOf = (line: Trace): string => {
  switch (line._tag) {
    case "Frame":
      return line.t ?? (line.op === undefined ? `${line.size}` : (ops[line.op] ?? `op ${line.op}`))
    case "Request":
      return `${line.method} ${line.path}`
    case "Call":
      return `POST ${line.type}`
    case "Note":
      return `${line.kind} ${line.title}`
  }
}

const markOf = (line: Trace): readonly [mark: string, tone: string] => {
  switch (line._tag) {
    case "Frame":
      return line.from === "bot" ? ["→", "in"] : ["←", "out"]
    case "Request": {
      const isBad = line.outcome !== "Reply" || (line.status ?? 0) >= 400
      return [line.status === undefined ? line.outcome : `${line.status}`, isBad ? "bad" : "good"]
    }
    case "Call":
      return [line.statuses.join(" ") || "—", line.acknowledged ? "good" : "bad"]
    case "Note":
      return line.kind === "Fault" || line.kind === "Violation" ? ["⚡", "warn"] : ["·", "dim"]
  }
}

const asideOf = (line: Trace): string => {
  switch (line._tag) {
    case "Frame":
      return [`#${line.connection}`, ...(line.s === undefined ? [] : [`s ${line.s}`])].join(" ")
    case "Request":
      return line.code === undefined ? (line.after === undefined ? "" : `+${line.after} ms`) : `${line.code}`
    case "Call":
      return "webhook"
    case "Note":
      return ""
  }
}

const pretty = (text: string): string => {
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text
  }
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

const copy = async (line: Trace): Promise<void> => {
  const whole = {
    ...line,
    body: parsed(line.body),
    ...("answer" in line ? { answer: parsed(line.answer) } : {})
  }
  await navigator.clipboard.writeText(JSON.stringify(whole, null, 2))
  say(t("copied"))
}

const toggle = <A,>(set: ReadonlySet<A>, value: A): ReadonlySet<A> => {
  const changed = new Set(set)
  if (!changed.delete(value)) changed.add(value)
  return changed
}

const Line = ({ of }: { readonly of: Trace }) => {
  const isOpen = open.value.has(of.n)
  const [mark, tone] = markOf(of)
  return (
    <li class={isOpen ? "open" : ""}>
      <button type="button" class="line" aria-expanded={isOpen} onClick={() => (open.value = toggle(open.value, of.n))}>
        <time>{clock(of.at)}</time>
        <span class={`mark ${tone}`}>{mark}</span>
        <span class="title">{titleOf(of)}</span>
        <small>{asideOf(of)}</small>
      </button>
      {isOpen && (
        <div class="detail">
          <button type="button" class="text" onClick={() => void copy(of)}>
            <Icon name="copy" />
            {t("copy")}
          </button>
          <pre>{pretty(of.body)}</pre>
          {"answer" in of && of.answer !== "" && <pre class="answer">{pretty(of.answer)}</pre>}
        </div>
      )}
    </li>
  )
}

export const Journal = (): JSX.Element => {
  const wanted = filter.value.toLowerCase()
  const matching = trace.value
    .filter((line) => kinds.value.has(kindOf(line)))
    .filter((line) => wanted === "" || `${titleOf(line)} ${asideOf(line)} ${line.body}`.toLowerCase().includes(wanted))
    .slice(-maximum)
    .toReversed()
  return (
    <div class="journal">
      <div class="filters">
        <input
          type="search"
          placeholder={t("filter")}
          aria-label={t("filter")}
          value={filter.value}
          onInput={(event) => (filter.value = event.currentTarget.value)}
        />
        {(["frames", "requests", "others"] as const).map((kind) => (
          <button
            key={kind}
            type="button"
            class={kinds.value.has(kind) ? "chip on" : "chip"}
            aria-pressed={kinds.value.has(kind)}
            onClick={() => (kinds.value = toggle(kinds.value, kind))}
          >
            {t(kind)}
          </button>
        ))}
      </div>
      <ul class="scroll lines">
        {matching.length === 0 && <li class="dim none">{t("nothingMatches")}</li>}
        {matching.map((line) => (
          <Line key={line.n} of={line} />
        ))}
      </ul>
    </div>
  )
}
