/**
 * The journal of a sandbox with what was on the wire: bodies of frames and requests, cut where they are long, and without
 * credentials.
 *
 * @since 0.1.0
 */
import type { Journal } from "@effect-qq/core/testing"
import type { Occasion, Step } from "./Engine.ts"
import type { Trace } from "./View.ts"

/** Maximum number of lines kept. */
const capacity = 1000

/** Characters of a body that are kept. */
const maximumBody = 16_000

/** A file inside a body says nothing to a reader. */
const maximumText = 400

const credentials = /("(?:clientSecret|client_secret|access_token|token|plain_token)"\s*:\s*)"(?:[^"\\]|\\.)*"/gi
const longBase64 = /("file_data"\s*:\s*)"([A-Za-z0-9+/=]*)"/g

/**
 * A body as it may be shown: without credentials, and cut.
 *
 * @since 0.1.0
 * @category formatting
 */
export const redact = (text: string): string => {
  const struck = text
    .replaceAll(credentials, '$1"•••"')
    .replaceAll(longBase64, (whole, name: string, data: string) =>
      data.length <= maximumText ? whole : `${name}"(${data.length} characters)"`
    )
    .replaceAll(/QQBot [\w.-]+/g, "QQBot •••")
  return struck.length <= maximumBody ? struck : `${struck.slice(0, maximumBody)}… (${text.length} characters)`
}

const frameFields = (text: string): { readonly op?: number; readonly t?: string; readonly s?: number } => {
  try {
    const frame = JSON.parse(text) as { readonly op?: unknown; readonly t?: unknown; readonly s?: unknown } | null
    return {
      ...(typeof frame?.op === "number" ? { op: frame.op } : {}),
      ...(typeof frame?.t === "string" ? { t: frame.t } : {}),
      ...(typeof frame?.s === "number" ? { s: frame.s } : {})
    }
  } catch {
    return {}
  }
}

const frame = (from: "bot" | "platform", connection: number, payload: string | Uint8Array) => {
  const isText = typeof payload === "string"
  return {
    _tag: "Frame" as const,
    from,
    connection,
    size: payload.length,
    body: isText ? redact(payload) : `(${payload.length} bytes)`,
    ...(isText ? frameFields(payload) : {})
  }
}

/** These are shown as frames and requests. */
const isShownOtherwise = ({ kind }: Journal.JournalEntry): boolean =>
  kind === "Sent" || kind === "Received" || kind === "Request"

const titleOf = (entry: Journal.JournalEntry): string => {
  switch (entry.kind) {
    case "Fault":
      return entry.fault._tag
    case "Said":
      return entry.type
    case "Closed":
      return `${entry.by}${entry.code === undefined ? "" : ` ${entry.code}`}`
    case "Upgrade":
      return `${entry.outcome}${entry.status === undefined ? "" : ` ${entry.status}`}`
    case "Violation":
      return entry.of
    case "Acknowledged":
      return `code ${entry.code}${entry.late ? ", late" : ""}`
    case "Accepted":
    case "Recalled":
    case "Uploaded":
      return `${entry.scene}:${entry.target}`
    case "Streamed":
      return `part ${entry.index}${entry.done ? ", done" : ""}`
    case "Opened":
      return `connection ${entry.connection}`
    default:
      return ""
  }
}

type New = Trace extends infer Line ? (Line extends Trace ? Omit<Line, "n" | "at"> : never) : never

const requestOf = (occasion: Occasion, entry: Extract<Journal.JournalEntry, { readonly kind: "Request" }>): New => {
  const of = occasion._tag === "Request" ? occasion : undefined
  const answer = of?.answer._tag === "Reply" ? of.answer.body : ""
  return {
    _tag: "Request",
    method: entry.method,
    path: entry.path,
    outcome: entry.answer,
    ...(entry.status === undefined ? {} : { status: entry.status }),
    ...(entry.code === undefined ? {} : { code: entry.code }),
    ...(entry.after === undefined || entry.after === 0 ? {} : { after: entry.after }),
    body: of?.request.bytes === undefined ? redact(of?.request.body ?? "") : `(${of.request.bytes.length} bytes)`,
    answer: redact(answer)
  }
}

/**
 * The lines of the journal, oldest first, of which the newest are kept.
 *
 * @since 0.1.0
 * @category models
 */
export class Tracing {
  private readonly lines: Array<Trace> = []
  private count = 0

  /** Everything that is kept. */
  readonly all = (): ReadonlyArray<Trace> => this.lines

  /** The lines of a step, in the order in which things happened. */
  readonly observe = (step: Step): ReadonlyArray<Trace> => {
    const { entries, now, occasion, outputs } = step
    const added: Array<New> = []
    if (occasion._tag === "Received") added.push(frame("bot", occasion.connection, occasion.payload))
    for (const entry of entries) {
      if (entry.kind === "Request") added.push(requestOf(occasion, entry))
      else if (!isShownOtherwise(entry)) {
        added.push({
          _tag: "Note",
          kind: entry.kind,
          title: titleOf(entry).slice(0, 200),
          body: redact(JSON.stringify(entry))
        })
      }
    }
    for (const output of outputs) {
      if (output._tag === "Frame") added.push(frame("platform", output.connection, output.text))
      if (output._tag === "Binary") added.push(frame("platform", output.connection, output.bytes))
    }
    return added.map((line) => this.add(now, line))
  }

  /** Adds a line that no step brings. */
  readonly add = (at: number, line: New): Trace => {
    this.count += 1
    const whole = { ...line, n: this.count, at } as Trace
    this.lines.push(whole)
    if (this.lines.length > capacity) this.lines.splice(0, capacity >> 3)
    return whole
  }
}
