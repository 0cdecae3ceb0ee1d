/**
 * The blocks and spans of markdown that a cut must respect: fences, tables, items of lists, links, images, code spans and
 * mentions. One pass over the lines and one over the characters; the time is linear in the text.
 *
 * @since 0.1.0
 */

/**
 * A stretch in which no cut is made: strictly between `start` and `end`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Span {
  readonly start: number
  readonly end: number
}

/**
 * A block that can be cut only if lines of it are repeated: the content of a fence, or the rows of a table.
 *
 * @since 0.1.0
 * @category models
 */
export interface Zone {
  readonly kind: "fence" | "table"
  /** Where the content begins: behind the line break of the opening line, or of the delimiter row. */
  readonly start: number
  /** Where the content ends: at the line break before the closing line, or at the end of the last row. */
  readonly end: number
  /** Where the block ends, with its closing line. */
  readonly closed: number
  /** What a part begins with that continues the block, with its line break. */
  readonly prefix: string
  /** What a part ends with that is continued, with its line break. */
  readonly suffix: string
  /** What closes the block in a part that began with `prefix`, with its line break. */
  readonly closing: string
}

/**
 * What is known of a text.
 *
 * @since 0.1.0
 * @category models
 */
export interface Blocks {
  /** In the order of the text; they do not overlap. */
  readonly zones: ReadonlyArray<Zone>
  /** In no order; they may overlap. */
  readonly spans: ReadonlyArray<Span>
  /** The ends of the lines that are headings, and of the blank lines behind those. */
  readonly headings: ReadonlySet<number>
}

const quoted = /^(?: {0,3}> ?)+/
const item = /^[ \t]*(?:[-*+]|\d{1,9}[.)])(?=[ \t]|$)/
const fence = /^(?:`{3,}|~{3,})/
const heading = /^#{1,6}(?:[ \t]|$)/
const rule = /^(?:[-*_][ \t]*){3,}$/
const delimiter = /^[ \t|:-]+$/

const isBlank = (line: string): boolean => line.trim() === ""

/** A line of the text, taken apart. */
interface Line {
  readonly start: number
  readonly end: number
  /** The marks of quotes before it. */
  readonly quote: string
  /** What follows those, and the mark of an item. */
  readonly indent: number
  readonly body: string
  readonly isItem: boolean
  readonly isBlank: boolean
}

const lineAt = (text: string, start: number): Line => {
  const found = text.indexOf("\n", start)
  const end = found === -1 ? text.length : found
  const raw = text.slice(start, end)
  const quote = quoted.exec(raw)?.[0] ?? ""
  const rest = raw.slice(quote.length)
  const trimmed = rest.trim()
  const marker = rule.test(trimmed) ? undefined : item.exec(rest)?.[0]
  return {
    start,
    end,
    quote,
    indent: rest.length - rest.trimStart().length,
    body: marker === undefined ? trimmed : rest.slice(marker.length).trim(),
    isItem: marker !== undefined,
    isBlank: trimmed === ""
  }
}

const openingOf = (line: Line): string | undefined => {
  const mark = fence.exec(line.body)?.[0]
  // an info string behind backticks has none: that would be a code span
  return mark === undefined || (mark.startsWith("`") && line.body.includes("`", mark.length)) ? undefined : mark
}

const isClosing = (line: Line, mark: string): boolean =>
  line.body.length >= mark.length && line.body === (mark[0] ?? "").repeat(line.body.length) && !line.isItem

const isDelimiter = (line: Line): boolean =>
  !line.isItem && line.body.includes("|") && line.body.includes("-") && delimiter.test(line.body)

/** Spaces as wide as what stands before the body, for a mark of an item is not repeated. */
const marginOf = (text: string, line: Line): string => {
  const before = text.slice(line.start + line.quote.length, line.end)
  const width = before.indexOf(line.body)
  return line.quote + before.slice(0, Math.max(0, width)).replaceAll(/[^ \t]/g, " ")
}

/** A margin for the beginning of a part, which is in no item: four spaces would make plain code of a fence. */
const outerMargin = (line: Line, margin: string): string =>
  margin.length - line.quote.length > 3 || margin.includes("\t") ? line.quote : margin

/** Reads the lines of one text. */
class Reader {
  readonly zones: Array<Zone> = []
  readonly spans: Array<Span> = []
  readonly headings = new Set<number>()
  /** Items that are open, outermost first. */
  private readonly items: Array<{ readonly indent: number; readonly start: number }> = []
  /** The end of the last line that is not blank. */
  private last = 0
  private wasBlank = true
  private isBehindHeading = false
  /** Where the running text begins that spans are looked for in. */
  private inline: number | undefined
  private readonly text: string
  /** The longest opening line that is repeated whole. */
  private readonly longest: number

  constructor(text: string, longest: number) {
    this.text = text
    this.longest = longest
  }

  read(): Blocks {
    const { text } = this
    for (let at = 0; at < text.length;) {
      const line = lineAt(text, at)
      if (line.isBlank) {
        this.flush()
        this.wasBlank = true
        if (this.isBehindHeading) this.headings.add(line.end)
        at = line.end + 1
        continue
      }
      const mark = openingOf(line)
      const isHeading = heading.test(line.body)
      this.enter(line, mark !== undefined || isHeading)
      at = (mark === undefined ? this.table(line) : this.fence(line, mark)) ?? this.running(line, isHeading)
      this.wasBlank = false
      this.isBehindHeading = isHeading
    }
    this.flush()
    this.leave(0)
    return { zones: this.zones, spans: this.spans, headings: this.headings }
  }

  /** Opens the item that a line begins, and closes those that it is not in. */
  private enter(line: Line, isBlock: boolean): void {
    if (line.isItem || isBlock || this.wasBlank) this.leave(line.indent)
    if (!line.isItem) return
    this.flush()
    this.items.push({ indent: line.indent, start: line.start })
  }

  /** Closes the items that are indented at least so far. */
  private leave(indent: number): void {
    for (;;) {
      const open = this.items.at(-1)
      if (open === undefined || open.indent < indent) return
      this.items.pop()
      this.spans.push({ start: open.start, end: this.last })
    }
  }

  private running(line: Line, isAlone: boolean): number {
    if (isAlone) {
      this.flush()
      this.headings.add(line.end)
    }
    this.inline ??= line.start
    this.last = line.end
    if (isAlone) this.flush()
    return line.end + 1
  }

  /** Looks for spans in the running text that ends here. */
  private flush(): void {
    if (this.inline === undefined) return
    spansIn(this.text, this.inline, this.last, this.spans)
    this.inline = undefined
  }

  private fence(line: Line, mark: string): number {
    this.flush()
    const { text } = this
    const margin = marginOf(text, line)
    const suffix = `\n${margin}${mark}`
    const opening = line.body.length <= this.longest ? line.body : mark
    let at = line.end + 1
    let end = text.length
    let closed = text.length
    while (at < text.length) {
      const next = lineAt(text, at)
      // a fence ends with the quote that it is in
      const isLeft = line.quote !== "" && next.quote === ""
      if (isLeft || isClosing(next, mark)) {
        end = at - 1
        closed = isLeft ? at - 1 : next.end
        break
      }
      runsIn(text, next, this.spans)
      at = next.end + 1
    }
    const start = Math.min(line.end + 1, text.length)
    if (end < start) {
      this.spans.push({ start: line.start, end: closed })
    } else {
      this.spans.push({ start: line.start, end: start + 1 })
      if (closed > end) this.spans.push({ start: end, end: closed })
      const outer = outerMargin(line, margin)
      const prefix = `${outer}${opening}\n`
      this.zones.push({ kind: "fence", start, end, closed, prefix, suffix, closing: `\n${outer}${mark}` })
    }
    this.last = closed
    return closed + 1
  }

  /** Where the table ends that begins with this line; `undefined` where none does. */
  private table(line: Line): number | undefined {
    const { text } = this
    if (!line.body.includes("|") || line.end >= text.length) return undefined
    const second = lineAt(text, line.end + 1)
    if (!isDelimiter(second) || second.quote !== line.quote) return undefined
    this.flush()
    const start = second.end + 1
    let end = second.end
    for (let at = start; at < text.length;) {
      const row = lineAt(text, at)
      const isOver = row.isBlank || row.isItem || row.quote !== line.quote || !row.body.includes("|")
      if (isOver || openingOf(row) !== undefined || heading.test(row.body)) break
      this.spans.push({ start: row.start, end: row.end })
      spansIn(text, row.start, row.end, this.spans)
      end = row.end
      at = row.end + 1
    }
    if (end > start) {
      this.spans.push({ start: line.start, end: start + 1 })
      const prefix = `${marginOf(text, line)}${line.body}\n${text.slice(second.start, second.end)}\n`
      this.zones.push({ kind: "table", start, end, closed: end, prefix, suffix: "", closing: "" })
    } else {
      this.spans.push({ start: line.start, end })
    }
    this.last = end
    return end + 1
  }
}

/** Marks of fences inside a line: a part that begins with them would open or close a fence. */
const runsIn = (text: string, line: Span, spans: Array<Span>): void => {
  for (const found of text.slice(line.start, line.end).matchAll(/`{3,}|~{3,}/g)) {
    let before = line.start + found.index - 1
    while (before >= line.start && isBlank(text.charAt(before))) before--
    if (before >= line.start) spans.push({ start: before, end: line.start + found.index + found[0].length })
  }
}

/** Code spans; what is left of the text, with what is in them blanked out. */
const withoutCode = (text: string, start: number, end: number, spans: Array<Span>): string => {
  const running = text.slice(start, end)
  const runs = [...running.matchAll(/`+/g)].map(({ 0: run, index }) => {
    const isEscaped = running[index - 1] === "\\"
    return { start: isEscaped ? index + 1 : index, length: isEscaped ? run.length - 1 : run.length }
  })
  // for each the next one of the same length
  const newest = new Map<number, number>()
  const next = runs.map((): number | undefined => undefined)
  for (let index = runs.length - 1; index >= 0; index--) {
    const length = runs[index]?.length ?? 0
    next[index] = length === 0 ? undefined : newest.get(length)
    newest.set(length, index)
  }
  const kept: Array<string> = []
  let from = 0
  for (let index = 0; index < runs.length; index++) {
    const [opening, closing] = [runs[index], runs[next[index] ?? runs.length]]
    if (opening === undefined || closing === undefined) continue
    const behind = closing.start + closing.length
    spans.push({ start: start + opening.start, end: start + behind })
    kept.push(running.slice(from, opening.start), " ".repeat(behind - opening.start))
    from = behind
    index = next[index] ?? index
  }
  return kept.join("") + running.slice(from)
}

/** The ends of pairs of brackets, by their beginnings, or the other way round. */
const pairs = (running: string, opening: string, closing: string, isByEnd: boolean): ReadonlyMap<number, number> => {
  const open: Array<number> = []
  const found = new Map<number, number>()
  for (let index = 0; index < running.length; index++) {
    const char = running[index]
    if (char === "\\") index++
    else if (char === opening) open.push(index)
    else if (char === closing) {
      const begun = open.pop()
      if (begun !== undefined) found.set(isByEnd ? index : begun, isByEnd ? begun : index)
    }
  }
  return found
}

/** Mentions, tags, addresses in angle brackets, and bare addresses. Each has a bound, so that a search ends. */
const words = /<[@#/a-z][^<>\n]{0,2000}>|\bhttps?:\/\/[!-;=?-~]{1,2000}/gi

const spansIn = (text: string, start: number, end: number, spans: Array<Span>): void => {
  const running = withoutCode(text, start, end, spans)
  for (let at = start; at < end;) {
    const found = text.indexOf("\n", at)
    const lineEnd = found === -1 || found > end ? end : found
    runsIn(text, { start: at, end: lineEnd }, spans)
    at = lineEnd + 1
  }
  const destinations = pairs(running, "(", ")", false)
  for (const [closing, opening] of pairs(running, "[", "]", true)) {
    const from = start + (running[opening - 1] === "!" ? opening - 1 : opening)
    const behind = destinations.get(closing + 1)
    if (behind !== undefined) spans.push({ start: from, end: start + behind + 1 })
    else if (running[closing + 1] === "[") {
      const reference = running.indexOf("]", closing + 1)
      if (reference !== -1) spans.push({ start: from, end: start + reference + 1 })
    }
  }
  for (const found of running.matchAll(words)) {
    spans.push({ start: start + found.index, end: start + found.index + found[0].length })
  }
}

/**
 * Reads a text. An opening line of a fence that is longer than `longest` code units is repeated without its info string.
 *
 * @since 0.1.0
 * @category constructors
 */
export const read = (text: string, longest: number): Blocks => new Reader(text, longest).read()
