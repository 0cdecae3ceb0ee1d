/**
 * What a refused message is changed to: each change is made at most once, and has its own `msg_seq`.
 *
 * @since 0.1.0
 */
import type { Scene } from "./Conversation.ts"
import * as Message from "./Message.ts"
import type { SendError } from "./SendError.ts"
import type { SendPolicy } from "./SendPolicy.ts"

/**
 * A change.
 *
 * - `plain-text`: markdown went out as plain text.
 * - `without-keyboard`: the keyboard was left out.
 * - `masked`: addresses were written so that they are no links.
 * - `split`: the text went out in parts.
 * - `uploaded-again`: the media was given to the platform once more.
 * - `as-file`: a picture, film or voice message went out as a file, for the platform did not take it as what it is.
 *
 * @since 0.1.0
 * @category models
 */
export type Fallback = "plain-text" | "without-keyboard" | "masked" | "split" | "uploaded-again" | "as-file"

/**
 * A message as it is about to be sent, and how it came to be so.
 *
 * @since 0.1.0
 * @category models
 */
export interface Form {
  readonly message: Message.Message
  /** As `MessageSequence` counts them. */
  readonly variant: number
  readonly applied: ReadonlyArray<Fallback>
}

/**
 * A message as it was written, but for what had to happen to its media when it was uploaded.
 *
 * @since 0.1.0
 * @category constructors
 */
export const asWritten = (message: Message.Message): Form => {
  const isOther = message._tag === "Media" && message.media._tag === "Uploaded" && message.media.insteadOf !== undefined
  return { message, variant: 0, applied: isOther ? ["as-file"] : [] }
}

/**
 * The codes that say what the bot may not do, rather than what is wrong with one message: they are remembered.
 *
 * @since 0.1.0
 * @category constants
 */
export const remembered: ReadonlySet<number> = new Set([40034012, 40034090, 40034127, 304036, 304041, 50056, 304057])

interface Row {
  /** The class of the refusal. */
  readonly class: string
  readonly fallback: Fallback
  readonly variant: number
  readonly isWanted: (policy: SendPolicy) => boolean
  readonly change: (message: Message.Message) => Message.Message | undefined
}

/** What is changed for which refusal. Parts and uploads are not in it: they are more than another body. */
const rows: ReadonlyArray<Row> = [
  {
    class: "markdown_refused",
    fallback: "plain-text",
    variant: 1,
    isWanted: ({ onMarkdownRefused }) => onMarkdownRefused === "text",
    change: Message.asPlainText
  },
  {
    class: "keyboard_refused",
    fallback: "without-keyboard",
    variant: 2,
    isWanted: ({ onKeyboardRefused }) => onKeyboardRefused === "drop",
    change: Message.withoutKeyboard
  },
  {
    class: "url_blocked",
    fallback: "masked",
    variant: 3,
    isWanted: ({ onUrlRefused }) => onUrlRefused === "mask",
    change: Message.withoutAddresses
  }
]

const applied = (form: Form, row: Row, policy: SendPolicy): Form | undefined => {
  if (form.applied.includes(row.fallback) || !row.isWanted(policy)) return undefined
  const message = row.change(form.message)
  return message === undefined ? undefined : { message, variant: row.variant, applied: [...form.applied, row.fallback] }
}

/**
 * The form to send after this one was refused; `undefined` where there is none.
 *
 * @since 0.1.0
 * @category decisions
 */
export const next = (form: Form, error: SendError, policy: SendPolicy): Form | undefined => {
  if (error._tag !== "MessageRejected") return undefined
  const row = rows.find((candidate) => candidate.class === error.class)
  return row === undefined ? undefined : applied(form, row, policy)
}

/**
 * A form with a change made in advance: because the bot is known not to be allowed what it leaves out.
 *
 * @since 0.1.0
 * @category decisions
 */
export const inAdvance = (form: Form, fallback: Fallback, policy: SendPolicy): Form => {
  const row = rows.find((candidate) => candidate.fallback === fallback)
  return (row === undefined ? undefined : applied(form, row, policy)) ?? form
}

/**
 * The form that an earlier run of the same program has sent under this variant; as it was written where that cannot be
 * told.
 *
 * @since 0.1.0
 * @category decisions
 */
export const ofVariant = (message: Message.Message, variant: number): Form => {
  const row = rows.find((candidate) => candidate.variant === variant)
  const changed = row?.change(message)
  return row === undefined || changed === undefined
    ? { ...asWritten(message), variant }
    : { message: changed, variant, applied: [row.fallback] }
}

/**
 * What the bot is known not to be allowed, by scene, for a while.
 *
 * @since 0.1.0
 * @category models
 */
export interface Refusals {
  /** Notes a refusal at this time, in monotonic milliseconds; only those of {@link remembered} are kept. */
  readonly note: (scene: Scene, error: SendError, now: number) => void
  /** The form that avoids what was refused lately. */
  readonly avoid: (scene: Scene, form: Form, now: number) => Form
}

/**
 * No refusal so far.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeRefusals = (policy: SendPolicy, remember: number): Refusals => {
  // one entry for each scene and row: it cannot grow
  const until = new Map<string, number>()
  return {
    note: (scene, error, now) => {
      if (error._tag !== "MessageRejected") return
      const isKept = [error.code, error.errCode].some((code) => code !== undefined && remembered.has(code))
      const row = rows.find((candidate) => candidate.class === error.class)
      if (isKept && row !== undefined) until.set(`${scene}:${row.fallback}`, now + remember)
    },
    avoid: (scene, form, now) =>
      rows.reduce(
        (current, row) =>
          (until.get(`${scene}:${row.fallback}`) ?? 0) > now ? inAdvance(current, row.fallback, policy) : current,
        form
      )
  }
}
