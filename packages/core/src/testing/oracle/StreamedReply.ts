/**
 * What users see of a streamed reply: the whole text once, in one message or in a stream and the messages that follow it.
 * A run that was cut off leaves what it had said, as a message that is finished, and the next run says the whole text.
 *
 * @since 0.1.0
 */

/**
 * A message of the reply, as users see it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Part {
  readonly id: string
  /** Of a stream, its first piece until it is finished: the platform takes an unfinished one back to that. */
  content: string
  /** Whether it is a stream that was never finished. */
  isOpen: boolean
  isRecalled: boolean
}

/**
 * What is known of the reply.
 *
 * @since 0.1.0
 * @category models
 */
export interface Seen {
  readonly whole: string
  /** Oldest first. */
  readonly parts: ReadonlyArray<Part>
  /** How often it may have been begun. */
  readonly runs: number
  /** Whether the bot says that all of it is out; else its last run may have shown any beginning of it. */
  readonly isSent: boolean
  /** Whether each run had its chance to finish what the run before it had left. */
  readonly mustBeClosed: boolean
}

/** Where a long text is cut the space goes. */
const compact = (text: string): string => text.replace(/\s+/g, "")

/**
 * What is wrong with it, if anything is.
 *
 * @since 0.1.0
 * @category decoding
 */
export const judge = ({ isSent, mustBeClosed, parts, runs, whole }: Seen): string | undefined => {
  const visible = parts.filter(({ isRecalled }) => !isRecalled)
  const wanted = compact(whole)
  const texts = visible.map(({ content }) => compact(content))

  /** The first message of the last run, where the messages from this one on make `left` runs or fewer. */
  const lastRun = (from: number, left: number): number | undefined => {
    const rest = texts.slice(from).join("")
    if (rest === wanted || (!isSent && wanted.startsWith(rest))) return from
    if (left <= 1) return undefined
    let run = ""
    for (let index = from; index < texts.length; index++) {
      run += texts[index]
      if (!wanted.startsWith(run)) return undefined
      const found = lastRun(index + 1, left - 1)
      if (found !== undefined) return found
    }
    return undefined
  }

  const last = lastRun(0, runs)
  if (last === undefined) return `users see ${JSON.stringify(visible.map(({ content }) => content))} of it`
  const left = visible.slice(0, last).find(({ isOpen }) => isOpen)
  return mustBeClosed && left !== undefined ? `the stream ${left.id} of an earlier run is not finished` : undefined
}
