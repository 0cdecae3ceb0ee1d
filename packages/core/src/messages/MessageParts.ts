/**
 * A message in parts: where its text is cut, how parts that are too long are cut again, and how cuts are stored, so that a
 * later run of the same handler makes the same parts.
 *
 * @since 0.1.0
 */
import * as MarkdownSplit from "./MarkdownSplit.ts"
import * as Message from "./Message.ts"
import * as MessageSequence from "./MessageSequence.ts"
import * as TextSplit from "./TextSplit.ts"

/**
 * A part, and the limit by which it was cut.
 *
 * @since 0.1.0
 * @category models
 */
export interface Part extends TextSplit.Part {
  /** In UTF-16 code units. */
  readonly limit: number
  readonly fill: TextSplit.Fill
}

/**
 * The parts; or their number if there are too many; or neither if the text cannot be cut.
 *
 * @since 0.1.0
 * @category models
 */
export type Plan =
  | { readonly _tag: "Parts"; readonly parts: ReadonlyArray<Part> }
  | { readonly _tag: "TooMany"; readonly count: number }
  | { readonly _tag: "Indivisible" }

/**
 * What the ledger stores of a part: the digest of the whole message, and the cut.
 *
 * @since 0.1.0
 * @category models
 */
export interface Stored {
  readonly digest: string
  /** The variant of the whole message; the part may have been sent as another one. */
  readonly variant: number
  /** The length of the text that was cut, in UTF-16 code units. */
  readonly length: number
  readonly start: number
  readonly limit: number
  readonly fill: TextSplit.Fill
}

const fills = ["neat", "full"] as const

/** Cuts the text of a message from an index on; each part of markdown is markdown. */
const cut = (message: Message.Message, limit: number, from: number, fill: TextSplit.Fill): ReadonlyArray<Part> => {
  const text = Message.textOf(message)
  if (text === undefined) return []
  const parts = message._tag === "Markdown" ? MarkdownSplit.parts : TextSplit.parts
  return parts(text, limit, from, fill).map((part) => ({ ...part, limit, fill }))
}

/** The first of these rests that has few enough parts, after those that were sent. */
const firstFitting = (sent: ReadonlyArray<Part>, rests: Iterable<ReadonlyArray<Part>>): Plan => {
  let fewest: number | undefined
  for (const rest of rests) {
    const count = sent.length + rest.length
    if (count <= MessageSequence.maximumParts) return { _tag: "Parts", parts: [...sent, ...rest] }
    fewest = Math.min(fewest ?? count, count)
  }
  return fewest === undefined ? { _tag: "Indivisible" } : { _tag: "TooMany", count: fewest }
}

/**
 * The parts of a message that was refused as too long, of at most `partLength` UTF-16 code units and half of its text.
 *
 * @since 0.1.0
 * @category constructors
 */
export const plan = (message: Message.Message, partLength: number): Plan => {
  const text = Message.textOf(message) ?? ""
  const limit = Math.max(1, Math.min(partLength, Math.ceil(text.length / 2)))
  const neat = cut(message, limit, 0, "neat")
  if (neat.length < 2) return { _tag: "Indivisible" }
  return neat.length <= MessageSequence.maximumParts
    ? { _tag: "Parts", parts: neat }
    : firstFitting([], [cut(message, limit, 0, "full")])
}

/** The shares of its length to which a refused part is cut: half, or more if that would make too many parts. */
const refusedShares = [1 / 2, 5 / 8, 3 / 4, 7 / 8, 15 / 16] as const

/**
 * The parts after the one with this index, from 0, was refused as too long: it and the parts after it are cut again, into at
 * most the number of parts that is left.
 *
 * @since 0.1.0
 * @category constructors
 */
export const again = (message: Message.Message, parts: ReadonlyArray<Part>, index: number): Plan => {
  const refused = parts[index]
  if (refused === undefined) return { _tag: "Indivisible" }
  const length = Math.min(refused.limit, refused.content.length)
  const rests = function* (): Generator<ReadonlyArray<Part>> {
    for (const fill of fills) {
      for (const share of refusedShares) {
        const rest = cut(message, Math.max(1, Math.ceil(length * share)), refused.start, fill)
        if ((rest[0]?.content.length ?? length) < refused.content.length) yield rest
      }
    }
  }
  return firstFitting(parts.slice(0, index), rests())
}

/**
 * The parts as an earlier run has cut them, as far as its cuts are stored, and the rest. `undefined` if the stored cuts are of
 * another text, or if the first part is not stored.
 *
 * @since 0.1.0
 * @category constructors
 */
export const resumed = (
  message: Message.Message,
  stored: ReadonlyMap<number, Stored>
): ReadonlyArray<Part> | undefined => {
  const text = Message.textOf(message)
  if (text === undefined) return undefined
  const known: Array<Part> = []
  for (let number = 1; number <= MessageSequence.maximumParts; number++) {
    const found = stored.get(number)
    const from = known.at(-1)?.next ?? 0
    // only white space may lie between two parts
    const isNext = found?.length === text.length && found.start >= from && text.slice(from, found.start).trim() === ""
    if (!isNext) break
    known.push(...cut(message, found.limit, found.start, found.fill).slice(0, 1))
  }
  const last = known.at(-1)
  if (last === undefined) return undefined
  return text.slice(last.next).trim() === "" ? known : [...known, ...cut(message, last.limit, last.next, last.fill)]
}

/**
 * The message of one part: the first part quotes, and the last one has the buttons.
 *
 * @since 0.1.0
 * @category conversions
 */
export const messageOf = (message: Message.Message, parts: ReadonlyArray<Part>, index: number): Message.Message => {
  const part = Message.withText(message, parts[index]?.content ?? "")
  // the plain text of the whole message does not fit a part
  const own = part._tag === "Markdown" ? { ...part, plainText: undefined } : part
  const unquoted = index === 0 || own._tag === "InputNotify" ? own : { ...own, reference: undefined }
  return index === parts.length - 1 ? unquoted : (Message.withoutKeyboard(unquoted) ?? unquoted)
}

/**
 * A cut as the ledger stores it.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encode = ({ digest, fill, length, limit, start, variant }: Stored): string =>
  [digest, variant, length, start, limit, fill].join("/")

const stored = /^([^/]+)\/(\d)\/(\d{1,9})\/(\d{1,9})\/([1-9]\d{0,8})\/(neat|full)$/

/**
 * The stored cut of a part; `undefined` for a message that was sent whole.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decode = (text: string): Stored | undefined => {
  const found = stored.exec(text)
  if (found === null) return undefined
  const [, digest = "", variant, length, start, limit, fill] = found
  return {
    digest,
    variant: Number(variant),
    length: Number(length),
    start: Number(start),
    limit: Number(limit),
    fill: fill === "full" ? "full" : "neat"
  }
}

/**
 * The digest of the whole message, as stored with it or with a part of it.
 *
 * @since 0.1.0
 * @category decoding
 */
export const digestOf = (text: string): string => text.split("/", 1)[0] ?? ""
