/**
 * Cuts markdown that is too long for one message, so that each part is markdown by itself.
 *
 * @since 0.1.0
 */
import * as MarkdownBlocks from "./MarkdownBlocks.ts"
import * as TextSplit from "./TextSplit.ts"

/** The quality of a border between two parts, from worst to best. */
const rank = { space: 1, sentence: 2, row: 3, line: 4, paragraph: 5 } as const

/** The rank of a border after a heading: a part ends with a heading only if no better border is possible. */
const behindHeading = rank.space

/** Marks that end a sentence of Chinese or Japanese, and marks that end a clause. */
const isStop = (char: string): boolean => "。！？；…".includes(char)
const isComma = (char: string): boolean => "，、：".includes(char)
const isAsciiStop = (char: string): boolean => ".!?;:".includes(char)
const isSpace = (char: string): boolean => char === " " || char === "\t" || char === "\u3000"

/** Whether this code unit can begin a part: it continues no grapheme. */
const isBeginning = (code: number): boolean =>
  (code > 0x20 && code < 0x300) ||
  (code >= 0x400 && code < 0x483) ||
  (code >= 0x3003 && code < 0xa000 && !(code >= 0x302a && code <= 0x302f) && !(code >= 0x3099 && code <= 0x309a)) ||
  (code >= 0xac00 && code < 0xd7a4) ||
  code === 0xd83d

const isClosingMark = (char: string): boolean => "。！？；…，、：”’」』）》】)]}\"'".includes(char)

/** The code units that repeating a fence or table head adds to a part. Above half of the part it is cut as text instead. */
const overheadOf = (zone: MarkdownBlocks.Zone): number => zone.prefix.length + zone.suffix.length

/** Shares of a part's room: from `best` on the best border is used; a border before `least` is not used at all. */
const shares = {
  neat: { best: 1 / 2, least: 1 / 4 },
  full: { best: 15 / 16, least: 15 / 16 }
} as const

/** Cuts one text into parts of one size. */
class Cutter {
  private readonly zones: ReadonlyArray<MarkdownBlocks.Zone>
  /** Where no cut is made, in order, without overlaps. */
  private readonly spans: ReadonlyArray<MarkdownBlocks.Span>
  private readonly headings: ReadonlySet<number>
  private readonly segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" })
  private readonly text: string
  private readonly most: number
  private readonly shares: (typeof shares)[TextSplit.Fill]

  constructor(text: string, most: number, fill: TextSplit.Fill) {
    this.text = text
    this.shares = shares[fill]
    this.most = most
    const blocks = MarkdownBlocks.read(text, most / 4)
    this.zones = blocks.zones.filter((zone) => overheadOf(zone) <= most / 2)
    this.headings = blocks.headings
    this.spans = this.merged(blocks.spans)
  }

  /** The spans that fit into a part; overlapping ones are merged if the result fits too. */
  private merged(spans: ReadonlyArray<MarkdownBlocks.Span>): ReadonlyArray<MarkdownBlocks.Span> {
    const fits = ({ end, start }: MarkdownBlocks.Span): boolean => {
      const zone = this.zoneAt(start)
      return end - start <= this.most - (zone === undefined ? 0 : overheadOf(zone))
    }
    const merged: Array<MarkdownBlocks.Span> = []
    for (const span of spans.filter(fits).toSorted((a, b) => a.start - b.start || b.end - a.end)) {
      const last = merged.at(-1)
      if (last === undefined || span.start >= last.end) merged.push(span)
      else if (span.end > last.end) {
        const both = { start: last.start, end: span.end }
        merged.splice(-1, 1, ...(fits(both) ? [both] : [last, { start: last.end, end: span.end }]))
      }
    }
    return merged
  }

  /** The last element of an ordered list that begins at or before this index. */
  private lastBefore<A extends { readonly start: number }>(all: ReadonlyArray<A>, index: number): A | undefined {
    let low = 0
    let high = all.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((all[middle]?.start ?? 0) <= index) low = middle + 1
      else high = middle
    }
    return all[low - 1]
  }

  /** The fence or table whose content this index is in. */
  private zoneAt(index: number): MarkdownBlocks.Zone | undefined {
    const zone = this.lastBefore(this.zones, index)
    return zone !== undefined && index <= zone.end ? zone : undefined
  }

  private spanAt(index: number): MarkdownBlocks.Span | undefined {
    const span = this.lastBefore(this.spans, index)
    return span !== undefined && index > span.start && index < span.end ? span : undefined
  }

  /** The text that a part cut here has to end with. */
  private suffixAt(index: number): string {
    const zone = this.zoneAt(index)
    return zone?.suffix ?? ""
  }

  /** The rank of a cut before this index; 0 if there is no border. */
  private rankAt(at: number, index: number): number {
    const { text } = this
    if (text[index] === "\n") return this.rankOfLine(at, index)
    const before = text.charAt(index - 1)
    const isInFence = this.zoneAt(index)?.kind === "fence"
    if (!isBeginning(text.charCodeAt(index))) return 0
    if (isSpace(before)) {
      const word = text.charAt(index - 2)
      // the indentation of a line stays with it
      if (word === "" || word === "\n" || isSpace(word)) return 0
      return isAsciiStop(word) && !isInFence ? rank.sentence : rank.space
    }
    if (isInFence || isClosingMark(text.charAt(index))) return 0
    const last =
      before === "”" || before === "」" || before === "』" || before === "）" ? text.charAt(index - 2) : before
    return isStop(last) ? rank.sentence : isComma(last) ? rank.space : 0
  }

  private rankOfLine(at: number, index: number): number {
    const { text } = this
    const zone = this.zoneAt(index)
    if (zone !== undefined && index < zone.end) return rank.row
    let last = index - 1
    while (last >= at && (isSpace(text.charAt(last)) || text[last] === "\r")) last--
    const isBehindBlank = text[last] === "\n"
    if (this.headings.has(index)) return behindHeading
    return isBehindBlank ? rank.paragraph : rank.line
  }

  /**
   * The end of a part that begins at `at` and has room for `room` code units. Searches backwards from the limit for the
   * latest border of each rank, up to the share `best` of the room, or further if there is none, and uses the one of the
   * highest rank. Without a border the part ends between two graphemes.
   */
  private cut(at: number, room: number): number {
    const limit = at + room
    const early = at + room * this.shares.best
    const latest = new Map<number, number>()
    let soft = 0
    for (let index = Math.min(limit, this.text.length); index > at; index--) {
      if (index < early && latest.size > 0) break
      const span = this.spanAt(index)
      if (span !== undefined) {
        // the beginning of a span may be a border itself
        index = Math.min(index, span.start + 1)
        continue
      }
      const found = this.rankAt(at, index)
      if (found === 0 || latest.has(found) || index + this.suffixAt(index).length > limit) continue
      latest.set(found, index)
      soft = index
    }
    const best = [...latest.keys()].reduce((most, found) => Math.max(most, found), 0)
    if (best > 0) soft = latest.get(best) ?? soft
    // an earlier border would leave most of the part empty
    return soft >= at + room * this.shares.least ? soft : Math.max(soft, this.hard(at, limit))
  }

  /** The last end of a grapheme with room for the suffix after it, outside of spans if possible. */
  private hard(at: number, limit: number): number {
    let end = Math.min(limit, this.text.length)
    for (;;) {
      const room = Math.max(1, Math.min(end, limit - this.suffixAt(end).length) - at)
      const found = TextSplit.endOf(this.segmenter, this.text, at, room)
      // the first grapheme alone is longer than the room
      if (found - at > room) return found
      const span = this.spanAt(found)
      const isInSpan = span !== undefined && span.start > at
      const most = limit - this.suffixAt(found).length
      if (found <= most && !isInSpan) return found
      end = Math.max(at + 1, Math.min(most, isInSpan ? span.start : most))
      if (room === 1) return found
    }
  }

  /** A slice of the text. If a fence was reopened without its margin, its closing line is written without margin too. */
  private piece(start: number, end: number, zone: MarkdownBlocks.Zone | undefined): string {
    const { text } = this
    return zone === undefined || zone.closing === zone.suffix || end < zone.closed || zone.closed === zone.end
      ? text.slice(start, end)
      : text.slice(start, zone.end) + zone.closing + text.slice(zone.closed, end)
  }

  parts(from: number): ReadonlyArray<TextSplit.Part> {
    const { most, text } = this
    const parts: Array<TextSplit.Part> = []
    for (let at = from; at < text.length;) {
      const zone = this.zoneAt(at)
      const prefix = zone?.prefix ?? ""
      const room = most - prefix.length
      const isRest = text.length - at + this.suffixAt(text.length).length <= room
      const end = isRest ? text.length : this.cut(at, room)
      const cutZone = this.zoneAt(end)
      // only the closing line of the fence is left, and the part ends with it already
      const behind = cutZone?.end === end ? cutZone.closed : end
      const next = text[behind] === "\n" ? behind + 1 : behind
      const suffix = (cutZone === zone ? zone?.closing : cutZone?.suffix) ?? ""
      const content = prefix + this.piece(at, end, zone) + suffix
      if (text.slice(at, end).trim() !== "") parts.push({ content, start: at, next })
      at = next
    }
    return parts
  }
}

/**
 * As {@link split}, from an index on, with the position of each part. Cutting from the `next` of a part gives the same parts
 * as cutting the whole text gives after it.
 *
 * @since 0.1.0
 * @category splitting
 */
export const parts = (
  text: string,
  maximum: number,
  from = 0,
  fill: TextSplit.Fill = "neat"
): ReadonlyArray<TextSplit.Part> => {
  const most = Math.max(1, Math.trunc(maximum))
  if (from === 0 && text.length <= most) return [{ content: text, start: 0, next: text.length }]
  return new Cutter(text, most, fill).parts(from)
}

/**
 * Cuts markdown into parts of at most `maximum` UTF-16 code units: between paragraphs, else lines, else sentences or words, and
 * otherwise between graphemes. A fence that is cut is closed at the end of the part, and reopened in the next one with the
 * same mark and info string; a table that is cut has its head repeated. Items of lists, rows of tables, links, images, code
 * spans, addresses and mentions stay whole unless one alone is longer than a part. A fence or head that would take more
 * than half of a part is not repeated. Only a grapheme that is longer by itself (up to 128 code units) makes a longer part.
 * The line break at a cut and blank parts are left out; nothing else is lost. `maximum` is at least 1.
 *
 * @example
 * ```ts
 * import { MarkdownSplit } from "@effect-qq/core"
 *
 * const parts: ReadonlyArray<string> = MarkdownSplit.split("# Title\n\nsome text", 10)
 * ```
 *
 * @since 0.1.0
 * @category splitting
 */
export const split = (text: string, maximum: number): ReadonlyArray<string> =>
  parts(text, maximum).map(({ content }) => content)
