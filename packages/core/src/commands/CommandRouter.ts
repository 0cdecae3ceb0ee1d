/**
 * Which command a text calls. Pure.
 *
 * @since 0.1.0
 */
import type { Scene } from "../events/Scene.ts"
import type { Described } from "./CommandHelp.ts"
import * as Words from "./Words.ts"

/**
 * A command as far as it is looked up.
 *
 * @since 0.1.0
 * @category models
 */
export interface Routed extends Described {
  /** `undefined`: everywhere. */
  readonly scenes: ReadonlyArray<Scene> | undefined
  readonly subcommands: ReadonlyArray<Routed>
  /** Whether it does something by itself, without a subcommand. */
  readonly run: unknown
}

/**
 * What a text calls: no command at all; one that this scene does not have; a command with parts, without the name of one; or
 * a command, the last of the chain.
 *
 * @since 0.1.0
 * @category models
 */
export type Match<C> =
  | { readonly _tag: "Unmatched" }
  | { readonly _tag: "Elsewhere"; readonly scenes: ReadonlyArray<Scene> }
  | {
      readonly _tag: "Incomplete"
      readonly chain: readonly [C, ...Array<C>]
      readonly path: string
      readonly found: string | undefined
    }
  | {
      readonly _tag: "Matched"
      readonly chain: readonly [C, ...Array<C>]
      /** As it is written: `/role add`. */
      readonly path: string
      /** Where its arguments begin. */
      readonly at: number
    }

const unmatched = { _tag: "Unmatched" } as const

const plain = (name: string): string => name.normalize("NFKC").toLowerCase()

const isCalled = (command: Routed, name: string): boolean =>
  [command.name, ...command.aliases].some((own) => plain(own) === name)

/** A name ends before a space, and before a mention that follows without one. */
const nameAt = (text: string, from: number): Words.Taken | undefined => {
  const name = /^[^\s@<]+/.exec(text.slice(from))?.[0]
  return name === undefined ? undefined : { text: name, next: from + name.length }
}

/**
 * Whether a command may be used in a scene, as far as the scene decides.
 *
 * @since 0.1.0
 * @category guards
 */
export const isOf = ({ scenes }: Routed, scene: Scene): boolean => scenes === undefined || scenes.includes(scene)

const choose = <C extends Routed>(commands: ReadonlyArray<C>, name: string, scene: Scene): C | undefined => {
  const called = commands.filter((command) => isCalled(command, plain(name)))
  return called.find((command) => isOf(command, scene)) ?? called[0]
}

/**
 * What a text calls, behind the longest of these prefixes that it has. A prefix may be empty.
 *
 * @since 0.1.0
 * @category lookups
 */
export const match = <C extends Routed & { readonly subcommands: ReadonlyArray<C> }>(
  commands: ReadonlyArray<C>,
  prefixes: ReadonlyArray<string>,
  text: string,
  scene: Scene
): Match<C> => {
  const start = Words.skipSpace(text, 0)
  const prefix = prefixes
    .filter((one) => text.startsWith(one, start))
    .reduce<string | undefined>((best, one) => (best === undefined || one.length > best.length ? one : best), undefined)
  const name = prefix === undefined ? undefined : nameAt(text, start + prefix.length)
  const first = name === undefined ? undefined : choose(commands, name.text, scene)
  if (prefix === undefined || name === undefined || first === undefined) return unmatched
  const chain: [C, ...Array<C>] = [first]
  let path = `${prefix}${first.name}`
  let at = name.next
  for (let command = first; command.subcommands.length > 0;) {
    const found = nameAt(text, Words.skipSpace(text, at))
    const below = found === undefined ? undefined : choose(command.subcommands, found.text, scene)
    if (found === undefined || below === undefined) {
      if (command.run !== undefined) break
      const blocked = chain.find((one) => !isOf(one, scene))
      return blocked === undefined
        ? { _tag: "Incomplete", chain, path, found: found?.text }
        : { _tag: "Elsewhere", scenes: blocked.scenes ?? [] }
    }
    chain.push(below)
    path = `${path} ${below.name}`
    at = found.next
    command = below
  }
  const blocked = chain.find((one) => !isOf(one, scene))
  return blocked === undefined
    ? { _tag: "Matched", chain, path, at }
    : { _tag: "Elsewhere", scenes: blocked.scenes ?? [] }
}

/** What is wrong with one command, whatever the others are. */
const ownProblem = ({ aliases, fields, name, run, subcommands }: Routed): string | undefined => {
  const odd = [name, ...aliases].find((one) => !/^[^\s@<]+$/.test(one))
  if (odd !== undefined) return `the name ${JSON.stringify(odd)} is empty, or has a space, @ or <`
  const entries = Object.entries(fields)
  const numeric = entries.find(([key]) => /^\d+$/.test(key))
  if (numeric !== undefined) return `the argument ${numeric[0]} has a number for a name, which loses its place`
  const early = entries.slice(0, -1).find(([, argument]) => argument.takesRest)
  if (early !== undefined) return `the argument ${early[0]} takes all that follows, and is not the last one`
  if (run === undefined && subcommands.length === 0) return "there is nothing that it does"
  return undefined
}

/**
 * What is wrong with a list of commands: `mute: …`. `undefined` for one that can be used.
 *
 * @since 0.1.0
 * @category validation
 */
export const problem = (commands: ReadonlyArray<Routed>): string | undefined => {
  for (const [index, command] of commands.entries()) {
    const own = ownProblem(command) ?? problem(command.subcommands)
    if (own !== undefined) return `${command.name}: ${own}`
    for (const other of commands.slice(index + 1)) {
      const common = [command.name, ...command.aliases].find((name) => isCalled(other, plain(name)))
      const overlap =
        command.scenes === undefined || other.scenes === undefined || command.scenes.some((one) => isOf(other, one))
      if (common !== undefined && overlap) return `${common}: two commands have this name in the same scene`
    }
  }
  return undefined
}
