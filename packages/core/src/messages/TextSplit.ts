/**
 * Cuts text that is too long for one message.
 *
 * @since 0.1.0
 */

/** A grapheme of more code units than this, and than a part may have, is cut between its code points. */
const longestGrapheme = 128

/** Letters of ASCII, kana and Han: a grapheme begins at each of them, but behind a mark that is written before its letter. */
const isPlain = (code: number): boolean =>
  (code >= 0x20 && code < 0x7f) || (code >= 0x3041 && code <= 0x3096) || (code >= 0x4e00 && code <= 0x9fff)

/** What a grapheme may begin with, among code units that are characters. */
const starter = /[\p{L}\p{N}\p{P}\p{S}\p{Zs}\p{Cc}\p{Cf}]/u

/** Of those, what continues a grapheme: line feed, jamo, the vowels Am of Thai and Lao, joiners, the voiced marks of katakana. */
const continuing =
  /[\n\u{1100}-\u{11ff}\u{200c}-\u{200d}\u{e33}\u{eb3}\u{a960}-\u{a97f}\u{d7b0}-\u{d7ff}\u{ff9e}\u{ff9f}]/u

/** What joins with the letter before it where a mark or a joiner stands between them: pictures, and letters of Indic scripts. */
const joining =
  /[\p{Extended_Pictographic}\u{900}-\u{dff}\u{1000}-\u{109f}\u{1780}-\u{17ff}\u{1a20}-\u{1bff}\u{a984}-\u{abe2}]/u

/** What surely ends before a character that joins. */
const ending = /[\p{L}\p{N}\p{P}\p{S}\p{Zs}]/u

/** Marks and jamo that belong to what follows them, carriage return (before a line feed), and the first halves of what is beyond 16 bits. */
const prepended = /[\r\u1100-\u115f\ua960-\ua97c\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\u0d4e\ud800-\udfff]/

/** First halves of emoji that join with nothing before them unless there is a joiner. */
const isEmoji = (code: number): boolean => code === 0xd83d || code === 0xd83e

/** First halves of Han and of mathematical letters. */
const isWide = (code: number): boolean => code === 0xd835 || (code >= 0xd840 && code <= 0xd88d)

const isHigh = (code: number): boolean => code >= 0xd800 && code <= 0xdbff

const isLow = (code: number): boolean => code >= 0xdc00 && code <= 0xdfff

/** A regional indicator: half of a flag. */
const isRegional = (text: string, index: number): boolean => {
  const low = text.charCodeAt(index + 1)
  return text.charCodeAt(index) === 0xd83c && low >= 0xdde6 && low <= 0xddff
}

/** Where the flag at this index begins, in a run of flags that begins at `start` at the earliest. */
const flagAt = (text: string, start: number, index: number): number => {
  let first = index
  while (first - 2 >= start && isRegional(text, first - 2)) first -= 2
  return (index - first) % 4 === 0 ? index : index - 2
}

/** Whether a grapheme certainly ends before the code unit at this index. */
const isBorder = (text: string, index: number): boolean => {
  const code = text.charCodeAt(index)
  const before = text.charCodeAt(index - 1)
  if (isPlain(code) && isPlain(before)) return true
  const first = text.charCodeAt(index - 2)
  if (isHigh(code) || isLow(code)) {
    return isWide(code) ? isPlain(before) || isWide(first) : isEmoji(code) && (isPlain(before) || isEmoji(first))
  }
  const previous = text.charAt(index - 1)
  const next = text.charAt(index)
  if (prepended.test(previous)) return starter.test(next) && !continuing.test(next) && isWide(first)
  if (!starter.test(next) || continuing.test(next)) return false
  return !joining.test(next) || (ending.test(previous) && !continuing.test(previous))
}

/** How far back a certain end of a grapheme is searched. */
const lookBack = 256

/**
 * Where a part that begins at `start` ends: the last end of a grapheme that leaves at most `maximum` code units, or the end
 * of the first grapheme. Only a window of the text is segmented, for the segmenter's time grows faster than its text.
 *
 * @internal
 */
export const endOf = (segmenter: Intl.Segmenter, line: string, start: number, maximum: number): number => {
  const limit = start + maximum
  if (limit >= line.length) return line.length
  // the segmenter's time for a run of flags grows with its square
  const half = isRegional(line, limit) ? limit : isRegional(line, limit - 1) ? limit - 1 : undefined
  const flag = half === undefined ? start : flagAt(line, start, half)
  if (flag > start && isRegional(line, flag - 2)) return flag
  let from = limit
  while (from > start && from > limit - lookBack && !isBorder(line, from)) from--
  if (from === limit) return limit
  const isSure = from === start || isBorder(line, from)
  // in the middle of a grapheme only that one is seen to end too early
  if (!isSure && isLow(line.charCodeAt(from))) from--
  const window = line.slice(from, Math.max(limit, start + longestGrapheme) + 1)
  let end = isSure && from > start ? from : undefined
  for (const { index, segment } of segmenter.segment(window)) {
    const next = from + index + segment.length
    if (next > limit) {
      if (end !== undefined) return end
      // the first grapheme alone is longer than a part
      if (from === start && next - start <= longestGrapheme) return next
      break
    }
    end = next
  }
  const isInPair = isHigh(line.charCodeAt(limit - 1)) && isLow(line.charCodeAt(limit))
  return isInPair ? (maximum === 1 ? limit + 1 : limit - 1) : limit
}

/**
 * A part, and its position in the text.
 *
 * @since 0.1.0
 * @category models
 */
export interface Part {
  readonly content: string
  /** The index of its first UTF-16 code unit. */
  readonly start: number
  /** Where the next part begins: behind the line break at the cut. */
  readonly next: number
}

/**
 * How parts are cut: `neat` at the best borders; `full` to make few parts: only at borders in the last sixteenth of a part.
 *
 * @since 0.1.0
 * @category models
 */
export type Fill = "neat" | "full"

/** Parts as full as they can be. */
const fullParts = (text: string, most: number, from: number): ReadonlyArray<Part> => {
  const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" })
  const found: Array<Part> = []
  for (let at = from; at < text.length;) {
    const end = text.length - at <= most ? text.length : endOf(segmenter, text, at, most)
    const least = Math.ceil(at + (most * 15) / 16)
    const line = end === text.length || text[end] === "\n" ? -1 : text.slice(least, end).lastIndexOf("\n")
    const cut = line === -1 ? end : least + line
    const content = text.slice(at, cut)
    const next = text[cut] === "\n" ? cut + 1 : cut
    if (content.trim() !== "") found.push({ content, start: at, next })
    at = next
  }
  return found
}

/**
 * As {@link split}, from an index on, with the position of each part. Cutting from the `next` of a part gives the same parts
 * as cutting the whole text gives after it.
 *
 * @since 0.1.0
 * @category splitting
 */
export const parts = (text: string, maximum: number, from = 0, fill: Fill = "neat"): ReadonlyArray<Part> => {
  const most = Math.max(1, Math.trunc(maximum))
  if (text.length - from <= most) {
    const content = text.slice(from)
    return from > 0 && content.trim() === "" ? [] : [{ content, start: from, next: text.length }]
  }
  if (fill === "full") return fullParts(text, most, from)
  const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" })
  const found: Array<Part> = []
  const add = (start: number, end: number, next: number): void => {
    const content = text.slice(start, end)
    if (content.trim() !== "") found.push({ content, start, next })
  }
  /** Where the part begins that is being filled, and where it ends so far. */
  let begun: number | undefined
  let filled = from
  for (let start = from; start <= text.length;) {
    const lineBreak = text.indexOf("\n", start)
    const end = lineBreak === -1 ? text.length : lineBreak
    if (begun === undefined || end - begun > most) {
      if (begun !== undefined) add(begun, filled, start)
      begun = start
      // the last piece of a line that is too long is filled with the lines behind it
      if (end - start > most) {
        const line = text.slice(start, end)
        let piece = 0
        for (let next = endOf(segmenter, line, 0, most); next < line.length;) {
          add(start + piece, start + next, start + next)
          piece = next
          next = endOf(segmenter, line, piece, most)
        }
        begun = start + piece
      }
    }
    filled = end
    start = end + 1
  }
  if (begun !== undefined) add(begun, filled, text.length)
  return found
}

/**
 * Cuts text into parts of at most `maximum` UTF-16 code units, at the ends of lines if possible and between graphemes
 * otherwise; only a grapheme that is longer by itself (up to 128 code units) makes a longer part. The line break at a cut
 * and blank parts are left out; nothing else is lost. `maximum` is at least 1.
 *
 * @example
 * ```ts
 * import { TextSplit } from "@effect-qq/core"
 *
 * const parts: ReadonlyArray<string> = TextSplit.split("one\ntwo\nthree", 8)
 * ```
 *
 * @since 0.1.0
 * @category splitting
 */
export const split = (text: string, maximum: number): ReadonlyArray<string> =>
  parts(text, maximum).map(({ content }) => content)
