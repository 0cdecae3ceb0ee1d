/**
 * What a run writes: a line for everything that crossed the wire of any bot.
 *
 * @since 0.1.0
 */

/** How many lines are kept. */
const tail = 50

/**
 * The lines of a run, of which the last ones are kept.
 *
 * @since 0.1.0
 * @category models
 */
export interface RunJournal {
  readonly write: (line: string) => void
  readonly lines: () => number
  /** Of all lines: 16 hexadecimal digits. */
  readonly digest: () => string
  readonly last: () => ReadonlyArray<string>
}

const hex = (value: number): string => (value >>> 0).toString(16).padStart(8, "0")

/**
 * Keeps the last 50 lines and a digest of all: two FNV-1a hashes with different offsets.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (onLine: ((line: string) => void) | undefined): RunJournal => {
  const ring: Array<string> = []
  let lines = 0
  let first = 0x811c9dc5
  let second = 0x050c5d1f
  return {
    write: (line) => {
      ring[lines % tail] = line
      lines++
      onLine?.(line)
      for (let index = 0; index < line.length; index++) {
        const unit = line.charCodeAt(index)
        first = Math.imul(first ^ unit, 0x01000193)
        second = Math.imul(second ^ unit, 0x01000193)
      }
    },
    lines: () => lines,
    digest: () => hex(first) + hex(second ^ lines),
    last: () => [...ring.slice(lines % tail), ...ring.slice(0, lines % tail)].slice(-lines)
  }
}
