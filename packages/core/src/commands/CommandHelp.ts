/**
 * How commands are described: a line of usage, a list of commands, all about one, and the reply to a mistake. Pure.
 *
 * @since 0.1.0
 */
import * as Option from "effect/Option"
import type * as Argument from "./Argument.ts"
import type { CommandTexts } from "./CommandTexts.ts"

/**
 * A command as far as its help needs it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Described {
  readonly name: string
  readonly aliases: ReadonlyArray<string>
  readonly description: string | undefined
  readonly fields: Argument.Fields
  readonly subcommands: ReadonlyArray<Described>
}

const argumentUsage = (name: string, { absent, expected, takesRest }: Argument.Argument<unknown>): string => {
  const inner = `${expected._tag === "Mention" ? "@" : ""}${
    expected._tag === "Choice" ? expected.options.join("|") : name
  }${takesRest ? "…" : ""}`
  if (Option.isSome(absent)) return `[${inner}]`
  // in angle brackets it would be a mention
  return expected._tag === "Mention" ? inner : `<${inner}>`
}

/**
 * How a command is written: `/mute @member [length] [reason…]`. `path` is what comes before its arguments.
 *
 * @since 0.1.0
 * @category rendering
 */
export const usage = (path: string, { fields, subcommands }: Described): string => {
  const parts = Object.entries(fields).map(([name, argument]) => argumentUsage(name, argument))
  const below = subcommands.length === 0 ? [] : [`<${subcommands.map(({ name }) => name).join("|")}>`]
  return [path, ...(parts.length === 0 ? below : parts)].join(" ")
}

const line = (path: string, command: Described): string =>
  command.description === undefined ? usage(path, command) : `${usage(path, command)} - ${command.description}`

/**
 * A line for each command.
 *
 * @since 0.1.0
 * @category rendering
 */
export const list = (prefix: string, commands: ReadonlyArray<Described>, texts: CommandTexts): string =>
  [texts.commands, ...commands.map((command) => line(`${prefix}${command.name}`, command))].join("\n")

/**
 * All about one command.
 *
 * @since 0.1.0
 * @category rendering
 */
export const details = (path: string, command: Described, texts: CommandTexts): string => {
  const described = Object.entries(command.fields).flatMap(([name, argument]) =>
    argument.description === undefined ? [] : [`${argumentUsage(name, argument)} - ${argument.description}`]
  )
  return [
    ...(command.description === undefined ? [] : [command.description]),
    texts.usage(usage(path, command)),
    ...described,
    ...command.subcommands.map((below) => line(`${path} ${below.name}`, below)),
    ...(command.aliases.length === 0 ? [] : [texts.aliases(command.aliases)])
  ].join("\n")
}

/** What a user wrote, short enough to be repeated, on one line. */
const short = (text: string): string => {
  const flat = text.replaceAll(/\s+/g, " ")
  const characters = [...flat]
  return characters.length > 40 ? `${characters.slice(0, 39).join("")}…` : flat
}

/**
 * What is wrong, and how the command is written.
 *
 * @since 0.1.0
 * @category rendering
 */
export const mistake = (path: string, command: Described, wrong: Argument.Mistake, texts: CommandTexts): string => {
  const said = () => {
    switch (wrong._tag) {
      case "Missing":
        return texts.missing(wrong.name, texts.expected(wrong.expected))
      case "Wrong":
        return texts.wrong(wrong.name, short(wrong.found), wrong.detail ?? texts.expected(wrong.expected))
      case "TooMany":
        return texts.tooMany(short(wrong.found))
    }
  }
  return `${said()}\n${texts.usage(usage(path, command))}`
}

/**
 * That there is no such part of a command, and how it is written.
 *
 * @since 0.1.0
 * @category rendering
 */
export const unknown = (path: string, command: Described, found: string | undefined, texts: CommandTexts): string =>
  `${found === undefined ? texts.incomplete : texts.unknown(short(found))}\n${texts.usage(usage(path, command))}`
