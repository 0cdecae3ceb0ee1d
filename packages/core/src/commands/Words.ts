/**
 * The words of a command: text up to the next space, or text in quotes.
 *
 * @since 0.1.0
 */

/**
 * A piece of text, and where reading goes on behind it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Taken {
  readonly text: string
  readonly next: number
}

/** A mark that opens a quotation, and the one that closes it. */
const quotes: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ["'", "'"],
  ["“", "”"],
  ["‘", "’"],
  ["「", "」"],
  ["『", "』"]
])

const space = /\s/

/**
 * The first place from `from` on that holds no space; the length of the text where there is none.
 *
 * @since 0.1.0
 * @category reading
 */
export const skipSpace = (text: string, from: number): number => {
  let at = from
  while (at < text.length && space.test(text.charAt(at))) at++
  return at
}

const isBoundary = (text: string, at: number): boolean => at >= text.length || space.test(text.charAt(at))

/** A quotation that begins here; `undefined` where none does, or where it is never closed. */
const quotation = (text: string, from: number): Taken | undefined => {
  const closing = quotes.get(text.charAt(from))
  if (closing === undefined) return undefined
  let read = ""
  for (let at = from + 1; at < text.length; at++) {
    const character = text.charAt(at)
    const following = text.charAt(at + 1)
    if (character === "\\" && (following === "\\" || following === closing)) {
      read += following
      at++
    } else if (character === closing) {
      return isBoundary(text, at + 1) ? { text: read, next: at + 1 } : undefined
    } else read += character
  }
  return undefined
}

/**
 * The next word from `from` on. A word that begins with a quotation mark goes up to the mark that closes it, spaces included;
 * inside, a backslash before that mark or another backslash makes it an ordinary character. A quotation that is never
 * closed is ordinary text. `undefined` where nothing but space follows.
 *
 * @since 0.1.0
 * @category reading
 */
export const word = (text: string, from: number): Taken | undefined => {
  const start = skipSpace(text, from)
  if (start >= text.length) return undefined
  const quoted = quotation(text, start)
  if (quoted !== undefined) return quoted
  let next = start
  while (!isBoundary(text, next)) next++
  return { text: text.slice(start, next), next }
}

/**
 * All that follows, without the space around it. `undefined` where there is nothing.
 *
 * @since 0.1.0
 * @category reading
 */
export const rest = (text: string, from: number): Taken | undefined => {
  const left = text.slice(from).trim()
  return left === "" ? undefined : { text: left, next: text.length }
}

/**
 * Writes any text as one word, which {@link word} reads back.
 *
 * @since 0.1.0
 * @category writing
 */
export const quote = (text: string): string =>
  text !== "" && !/\s/.test(text) && !quotes.has(text.charAt(0)) ? text : `"${text.replaceAll(/["\\]/g, "\\$&")}"`
