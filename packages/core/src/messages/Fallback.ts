/**
 * The variants of a message that are sent after it was refused. Each change is made at most once, and each variant has its
 * own `msg_seq`.
 *
 * @since 0.1.0
 */
import type { Scene } from "../events/Conversation.ts"
import * as Message from "./Message.ts"
import type { SendError } from "./SendError.ts"
import type { SendPolicy } from "./SendPolicy.ts"

/**
 * A change.
 *
 * - `plain-text`: markdown was sent as plain text.
 * - `without-keyboard`: the keyboard was left out.
 * - `masked`: addresses were masked, so that clients do not make links of them.
 * - `split`: the text was sent in parts.
 * - `uploaded-again`: the media was uploaded a second time.
 * - `as-file`: a picture, film or voice message was sent as a file, because the platform did not accept its format.
 *
 * @since 0.1.0
 * @category models
 */
export type Fallback = "plain-text" | "without-keyboard" | "masked" | "split" | "uploaded-again" | "as-file"

/**
 * A message as it is sent, and the changes that were made to it.
 *
 * @since 0.1.0
 * @category models
 */
export interface MessageVariant {
  readonly message: Message.Message
  /** The number of the variant in `MessageSequence`. */
  readonly variant: number
  readonly applied: ReadonlyArray<Fallback>
}

/**
 * The message as the caller wrote it; media may have become a file when it was uploaded.
 *
 * @since 0.1.0
 * @category constructors
 */
export const asWritten = (message: Message.Message): MessageVariant => {
  const isOther = message._tag === "Media" && message.media._tag === "Uploaded" && message.media.insteadOf !== undefined
  return { message, variant: 0, applied: isOther ? ["as-file"] : [] }
}

/**
 * The codes that mean a missing permission of the bot rather than a fault of one message: they are remembered for later
 * messages.
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

/** The change for each class of refusal. Parts and uploads are not listed: they need more than another body. */
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

const applied = (variant: MessageVariant, row: Row, policy: SendPolicy): MessageVariant | undefined => {
  if (variant.applied.includes(row.fallback) || !row.isWanted(policy)) return undefined
  const message = row.change(variant.message)
  return message === undefined
    ? undefined
    : { message, variant: row.variant, applied: [...variant.applied, row.fallback] }
}

/**
 * The variant to send after this one was refused; `undefined` if there is none.
 *
 * @since 0.1.0
 * @category decisions
 */
export const next = (variant: MessageVariant, error: SendError, policy: SendPolicy): MessageVariant | undefined => {
  if (error._tag !== "MessageRejected") return undefined
  const row = rows.find((candidate) => candidate.class === error.class)
  return row === undefined ? undefined : applied(variant, row, policy)
}

/**
 * A variant with a change made before the first request, because the bot is known to lack the permission.
 *
 * @since 0.1.0
 * @category decisions
 */
export const inAdvance = (variant: MessageVariant, fallback: Fallback, policy: SendPolicy): MessageVariant => {
  const row = rows.find((candidate) => candidate.fallback === fallback)
  return (row === undefined ? undefined : applied(variant, row, policy)) ?? variant
}

/**
 * The variant with this number, as an earlier run has sent it; the message as written if there is no such change.
 *
 * @since 0.1.0
 * @category decisions
 */
export const ofVariant = (message: Message.Message, variant: number): MessageVariant => {
  const row = rows.find((candidate) => candidate.variant === variant)
  const changed = row?.change(message)
  return row === undefined || changed === undefined
    ? { ...asWritten(message), variant }
    : { message: changed, variant, applied: [row.fallback] }
}

/**
 * The permissions that the bot was refused recently, by scene.
 *
 * @since 0.1.0
 * @category models
 */
export interface Refusals {
  /** Records a refusal at this time, in monotonic milliseconds; only codes of {@link remembered} are kept. */
  readonly note: (scene: Scene, error: SendError, now: number) => void
  /** The variant without what was refused recently. `now` in monotonic milliseconds. */
  readonly avoid: (scene: Scene, variant: MessageVariant, now: number) => MessageVariant
}

/**
 * No refusal yet. `remember` in milliseconds.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeRefusals = (policy: SendPolicy, remember: number): Refusals => {
  // at most one entry for each scene and row
  const until = new Map<string, number>()
  return {
    note: (scene, error, now) => {
      if (error._tag !== "MessageRejected") return
      const isKept = [error.code, error.errCode].some((code) => code !== undefined && remembered.has(code))
      const row = rows.find((candidate) => candidate.class === error.class)
      if (isKept && row !== undefined) until.set(`${scene}:${row.fallback}`, now + remember)
    },
    avoid: (scene, variant, now) => {
      if (until.size === 0) return variant
      return rows.reduce(
        (current, row) =>
          (until.get(`${scene}:${row.fallback}`) ?? 0) > now ? inAdvance(current, row.fallback, policy) : current,
        variant
      )
    }
  }
}
