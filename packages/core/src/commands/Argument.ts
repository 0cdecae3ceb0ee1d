/**
 * The arguments of a command: how each is read from what was written, and what it is then.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import { type Pipeable, pipeArguments } from "effect/Pipeable"
import * as Schema from "effect/Schema"
import type * as MessageView from "../events/MessageView.ts"
import * as DurationText from "./DurationText.ts"
import * as Words from "./Words.ts"

/**
 * What a command is read from.
 *
 * @since 0.1.0
 * @category models
 */
export interface Input {
  readonly text: string
  readonly mentions: ReadonlyArray<MessageView.Mention>
  /** Mentions that the message has and its text does not: an argument takes one where its place holds none. */
  readonly spare: ReadonlyArray<MessageView.Mention>
  /** Whether only mentions that the platform has confirmed count, as in guilds, where text may look like one. */
  readonly isStrict: boolean
}

/**
 * How far it was read.
 *
 * @since 0.1.0
 * @category models
 */
export interface Position {
  readonly at: number
  /** How many of the spare mentions were taken. */
  readonly spare: number
}

/**
 * What belongs in the place of an argument, for the reply to a wrong one.
 *
 * @since 0.1.0
 * @category models
 */
export type Expected =
  | { readonly _tag: "Text" | "Mention" | "Duration" | "Integer" | "Number" }
  | { readonly _tag: "Choice"; readonly options: ReadonlyArray<string> }
  | { readonly _tag: "Custom"; readonly text: string }

/**
 * What came of reading an argument: nothing that could be meant for it, something that is wrong, or its value.
 *
 * @since 0.1.0
 * @category models
 */
export type Reading<A> =
  | { readonly _tag: "Absent" }
  | { readonly _tag: "Wrong"; readonly found: string; readonly detail?: string | undefined }
  | { readonly _tag: "Read"; readonly value: A; readonly next: Position }

/**
 * One argument. It is read where the one before it ended.
 *
 * @since 0.1.0
 * @category models
 */
export interface Argument<out A> extends Pipeable {
  readonly _tag: "Argument"
  readonly expected: Expected
  readonly description: string | undefined
  /** Whether it takes all that follows. Then it has to be the last one. */
  readonly takesRest: boolean
  /** What it is where it was not given; none for one that has to be. */
  readonly absent: Option.Option<A>
  readonly read: (input: Input, from: Position) => Reading<A>
}

/**
 * The arguments of a command by their names, in their order. A name that is a whole number would lose its place.
 *
 * @since 0.1.0
 * @category models
 */
export type Fields = Readonly<Record<string, Argument<unknown>>>

/**
 * The values of arguments.
 *
 * @since 0.1.0
 * @category models
 */
export type ValuesOf<F extends Fields> = {
  readonly [K in keyof F]: F[K] extends Argument<infer A> ? A : never
}

const absent: Reading<never> = { _tag: "Absent" }

const make = <A>(
  expected: Expected,
  read: Argument<A>["read"],
  more: Partial<Pick<Argument<A>, "takesRest" | "absent" | "description">> = {}
): Argument<A> => ({
  _tag: "Argument",
  expected,
  description: more.description,
  takesRest: more.takesRest ?? false,
  absent: more.absent ?? Option.none(),
  read,
  pipe() {
    // oxlint-disable-next-line prefer-rest-params
    return pipeArguments(this, arguments)
  }
})

/** The first thing that is wrong, in one line. */
const detailOf = (error: ParseResult.ParseError): string => {
  const [first] = ParseResult.ArrayFormatter.formatErrorSync(error)
  const line = (first?.message ?? "").split("\n", 1)[0]?.trim() ?? ""
  return line.length > 120 ? `${line.slice(0, 119)}…` : line
}

/**
 * How an argument of a Schema is read.
 *
 * @since 0.1.0
 * @category models
 */
export interface SchemaOptions {
  /** What belongs there, in words, for the reply to a wrong one: `a number from 1 to 6`. Default: what the Schema says. */
  readonly expected?: string | undefined
  /** Whether it takes all that follows. Default: one word. */
  readonly rest?: boolean | undefined
}

const decoded = <A>(
  expected: Expected,
  schema: Schema.Schema<A, string>,
  options: { readonly rest?: boolean | undefined; readonly isDetailed: boolean },
  isMeant: (text: string) => boolean = () => true
): Argument<A> => {
  const decode = Schema.decodeEither(schema)
  return make(
    expected,
    ({ text }, from) => {
      const taken = options.rest === true ? Words.rest(text, from.at) : Words.word(text, from.at)
      if (taken === undefined || !isMeant(taken.text)) return absent
      return Either.match(decode(taken.text), {
        onLeft: (error): Reading<A> => ({
          _tag: "Wrong",
          found: taken.text,
          detail: options.isDetailed ? detailOf(error) : undefined
        }),
        onRight: (value): Reading<A> => ({ _tag: "Read", value, next: { ...from, at: taken.next } })
      })
    },
    { takesRest: options.rest === true }
  )
}

/**
 * One word, or text in quotes, read by a Schema.
 *
 * @example
 * ```ts
 * import { Argument } from "@effect-qq/core"
 * import { Schema } from "effect"
 *
 * const sides = Argument.schema(Schema.NumberFromString.pipe(Schema.int(), Schema.between(2, 100)), {
 *   expected: "a number from 2 to 100"
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const schema = <A>(of: Schema.Schema<A, string>, options: SchemaOptions = {}): Argument<A> =>
  decoded(options.expected === undefined ? { _tag: "Text" } : { _tag: "Custom", text: options.expected }, of, {
    rest: options.rest,
    isDetailed: options.expected === undefined
  })

/**
 * One word, or text in quotes.
 *
 * @since 0.1.0
 * @category constructors
 */
export const text: Argument<string> = schema(Schema.String)

/**
 * All that follows, as it was written, line breaks included. The last argument.
 *
 * @since 0.1.0
 * @category constructors
 */
export const rest: Argument<string> = schema(Schema.String, { rest: true })

const looksLikeNumber = (word: string): boolean => /^[+-]?[\d.]/.test(word)

const number_ = Schema.NumberFromString.pipe(Schema.finite())

/**
 * A number. Where it is optional, a word that does not begin as one is left to the next argument.
 *
 * @since 0.1.0
 * @category constructors
 */
export const number: Argument<number> = decoded({ _tag: "Number" }, number_, { isDetailed: false }, looksLikeNumber)

/**
 * A whole number. Where it is optional, a word that does not begin as one is left to the next argument.
 *
 * @since 0.1.0
 * @category constructors
 */
export const integer: Argument<number> = decoded(
  { _tag: "Integer" },
  number_.pipe(Schema.filter((value) => Number.isSafeInteger(value))),
  { isDetailed: false },
  looksLikeNumber
)

/**
 * One of these words, in upper or lower case.
 *
 * @since 0.1.0
 * @category constructors
 */
export const choice = <const Option extends string>(options: readonly [Option, ...Array<Option>]): Argument<Option> => {
  const byName = new Map(options.map((option) => [option.toLowerCase(), option]))
  return make({ _tag: "Choice", options }, (input, from) => {
    const taken = Words.word(input.text, from.at)
    if (taken === undefined) return absent
    const value = byName.get(taken.text.toLowerCase())
    return value === undefined
      ? { _tag: "Wrong", found: taken.text }
      : { _tag: "Read", value, next: { ...from, at: taken.next } }
  })
}

/**
 * A duration: `10m`, `1h30m`, `2 days`, `10分钟`, `半小时`. Where it is optional, a word that does not begin with an amount is
 * left to the next argument.
 *
 * @since 0.1.0
 * @category constructors
 */
export const duration: Argument<Duration.Duration> = make({ _tag: "Duration" }, ({ text }, from) => {
  const start = Words.skipSpace(text, from.at)
  const read = DurationText.readAt(text, start)
  if (read !== undefined) return { _tag: "Read", value: read.duration, next: { ...from, at: read.next } }
  return DurationText.looksLike(text, start) ? { _tag: "Wrong", found: Words.word(text, start)?.text ?? "" } : absent
})

/** Ids are letters, digits, `_` and `-`. */
const mentionTag = /(?:<@!?([\w-]{1,128})>|<qqbot-at-user\s+id="([\w-]{1,128})"\s*\/>)/iy

/** A mention by its name, the longest that fits. */
const named = ({ mentions, text }: Input, at: number) => {
  let longest: { readonly mention: MessageView.Mention; readonly next: number } | undefined
  for (const mention of mentions) {
    const written = `@${mention.name ?? ""}`
    const next = at + written.length
    const fits = written.length > 1 && text.startsWith(written, at) && /^(?:\s|$)/.test(text.slice(next, next + 1))
    if (fits && (longest === undefined || next > longest.next)) longest = { mention, next }
  }
  return longest
}

/**
 * The mentions of a message that its text does not show.
 *
 * @since 0.1.0
 * @category lookups
 */
export const spareMentions = (
  text: string,
  mentions: ReadonlyArray<MessageView.Mention>
): ReadonlyArray<MessageView.Mention> =>
  mentions.filter(
    ({ id, isSelf, name }) =>
      !isSelf && id !== "" && !text.includes(id) && (name === undefined || !text.includes(`@${name}`))
  )

/**
 * Somebody who is mentioned with an `@`. Text that only looks like a mention is none, where the platform says who is
 * mentioned. Where it is optional, a word that does not begin as a mention is left to the next argument.
 *
 * @since 0.1.0
 * @category constructors
 */
export const mention: Argument<MessageView.Mention> = make({ _tag: "Mention" }, (input, from) => {
  const { isStrict, mentions, spare, text } = input
  const start = Words.skipSpace(text, from.at)
  mentionTag.lastIndex = start
  const found = mentionTag.exec(text)
  const id = found?.[1] ?? found?.[2]
  if (id !== undefined) {
    const known = mentions.find((one) => one.id === id)
    if (known === undefined && isStrict) return { _tag: "Wrong", found: `@${id}` }
    const value = known ?? { id, name: undefined, isBot: false, isSelf: false }
    return { _tag: "Read", value, next: { ...from, at: start + (found?.[0].length ?? 0) } }
  }
  const byName = named(input, start)
  if (byName !== undefined) return { _tag: "Read", value: byName.mention, next: { ...from, at: byName.next } }
  const beside = spare[from.spare]
  if (beside !== undefined) return { _tag: "Read", value: beside, next: { ...from, spare: from.spare + 1 } }
  return text.startsWith("@", start) || text.startsWith("<@", start)
    ? { _tag: "Wrong", found: Words.word(text, start)?.text ?? "" }
    : absent
})

const withAbsent = <A, B>(argument: Argument<A>, value: B, wrap: (read: A) => B): Argument<B> =>
  make(
    argument.expected,
    (input, from) => {
      const reading = argument.read(input, from)
      return reading._tag === "Read" ? { ...reading, value: wrap(reading.value) } : reading
    },
    { takesRest: argument.takesRest, description: argument.description, absent: Option.some(value) }
  )

/**
 * An argument that need not be given. What is given has to be right all the same: a wrong one is not taken for an absent one.
 *
 * @since 0.1.0
 * @category combinators
 */
export const optional = <A>(argument: Argument<A>): Argument<Option.Option<A>> =>
  withAbsent<A, Option.Option<A>>(argument, Option.none(), Option.some)

/**
 * As {@link optional}, with a value for where it is not given.
 *
 * @since 0.1.0
 * @category combinators
 */
export const withDefault =
  <B>(value: B) =>
  <A>(argument: Argument<A>): Argument<A | B> =>
    withAbsent<A, A | B>(argument, value, (read) => read)

/**
 * Says in the help what an argument is for.
 *
 * @since 0.1.0
 * @category combinators
 */
export const withDescription =
  (description: string) =>
  <A>(argument: Argument<A>): Argument<A> =>
    make(argument.expected, argument.read, {
      takesRest: argument.takesRest,
      absent: argument.absent,
      description
    })

/**
 * What is wrong with what was written.
 *
 * @since 0.1.0
 * @category models
 */
export type Mistake =
  | { readonly _tag: "Missing"; readonly name: string; readonly expected: Expected }
  | {
      readonly _tag: "Wrong"
      readonly name: string
      readonly expected: Expected
      readonly found: string
      readonly detail: string | undefined
    }
  | { readonly _tag: "TooMany"; readonly found: string }

/**
 * Reads all arguments, in their order; what is left behind the last one is a mistake. Pure; never throws.
 *
 * @since 0.1.0
 * @category reading
 */
export const readAll = <F extends Fields>(
  fields: F,
  input: Input,
  from: number
): Either.Either<ValuesOf<F>, Mistake> => {
  const values: Record<string, unknown> = {}
  let position: Position = { at: from, spare: 0 }
  for (const [name, argument] of Object.entries(fields)) {
    const reading = argument.read(input, position)
    const { expected } = argument
    if (reading._tag === "Read") {
      values[name] = reading.value
      position = reading.next
    } else if (reading._tag === "Wrong") {
      const { detail, found } = reading
      return Either.left({ _tag: "Wrong", name, expected, found, detail })
    } else if (Option.isSome(argument.absent)) values[name] = argument.absent.value
    else {
      const instead = Words.word(input.text, position.at)
      return Either.left(
        instead === undefined
          ? { _tag: "Missing", name, expected }
          : { _tag: "Wrong", name, expected, found: instead.text, detail: undefined }
      )
    }
  }
  const left = Words.rest(input.text, position.at)
  // each field was read as its own argument says
  return left === undefined ? Either.right(values as ValuesOf<F>) : Either.left({ _tag: "TooMany", found: left.text })
}
