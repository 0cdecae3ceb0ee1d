/**
 * Cuts text that is too long for one message.
 *
 * @since 0.1.0
 */

const graphemes = (text: string): ReadonlyArray<string> => {
  const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" })
  return Array.from(segmenter.segment(text), ({ segment }) => segment)
}

/** Pieces of a line that is too long by itself. A grapheme that is longer than `maximum` is a piece of its own. */
const cut = (line: string, maximum: number): ReadonlyArray<string> => {
  const pieces: Array<string> = []
  let piece = ""
  for (const grapheme of graphemes(line)) {
    if (piece !== "" && piece.length + grapheme.length > maximum) {
      pieces.push(piece)
      piece = ""
    }
    piece += grapheme
  }
  if (piece !== "") pieces.push(piece)
  return pieces
}

/**
 * Cuts text into parts of at most `maximum` UTF-16 code units, at the ends of lines where it can and between graphemes
 * where it must; only a grapheme that is longer by itself makes a longer part. The line break at a cut is left out, and
 * so are parts that would be blank; nothing else is lost. At least 1.
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
export const split = (text: string, maximum: number): ReadonlyArray<string> => {
  const most = Math.max(1, Math.trunc(maximum))
  if (text.length <= most) return [text]
  const parts: Array<string> = []
  let part: string | undefined
  const flush = (): void => {
    if (part !== undefined && part.trim() !== "") parts.push(part)
    part = undefined
  }
  for (const line of text.split("\n")) {
    if (part !== undefined && part.length + 1 + line.length <= most) {
      part = `${part}\n${line}`
      continue
    }
    flush()
    if (line.length <= most) {
      part = line
      continue
    }
    const pieces = cut(line, most)
    for (const piece of pieces.slice(0, -1)) {
      part = piece
      flush()
    }
    part = pieces.at(-1)
  }
  flush()
  return parts
}
