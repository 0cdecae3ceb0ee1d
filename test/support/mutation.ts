/**
 * Copies of the core with one fault planted in them. What is changed is found by its syntax, wherever it stands and however
 * it is laid out; the copies are compiled here and loaded as they are, without the tests' own transforms.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import ts from "typescript"

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..")
const source = path.join(root, "packages/core/src")
/** What is below `node_modules` is loaded as it is. */
const copies = path.join(root, "node_modules/.cache/mutants")

/** A piece of code, and what stands there instead. */
export interface Mutation {
  /** Statements or an expression, as they are written in one place of the core, but for layout and comments. */
  readonly from: string
  readonly to: string
}

interface Token {
  readonly text: string
  readonly start: number
  readonly end: number
}

interface SourceFile {
  readonly name: string
  readonly text: string
  readonly tokens: ReadonlyArray<Token>
}

const parse = (name: string, text: string): SourceFile => {
  const file = ts.createSourceFile(name, text, ts.ScriptTarget.Latest, false, ts.ScriptKind.TS)
  const tokens: Array<Token> = []
  const visit = (node: ts.Node): void => {
    if (node.kind >= ts.SyntaxKind.FirstJSDocNode && node.kind <= ts.SyntaxKind.LastJSDocNode) return
    const children = node.getChildren(file)
    if (children.length > 0) return children.forEach(visit)
    const start = node.getStart(file)
    const end = node.getEnd()
    if (end > start) tokens.push({ text: text.slice(start, end), start, end })
  }
  visit(file)
  return { name, text, tokens: tokens.filter(({ text: own }, index) => !isTrailing(own, tokens[index + 1]?.text)) }
}

/** A comma that only a layout over several lines has. */
const isTrailing = (text: string, next: string | undefined): boolean =>
  text === "," && next !== undefined && /^[)\]}]$/.test(next)

const filesBelow = (directory: string): ReadonlyArray<string> =>
  fs
    .readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .toSorted()

/** The core as it is. */
export interface Core {
  /** The place of a mutation; throws unless there is exactly one. */
  readonly find: (from: string) => { readonly name: string; readonly start: number; readonly end: number }
  /** Loads a module of a copy with this mutation. */
  readonly load: (mutation: Mutation, module: string) => Promise<unknown>
}

const compile = (text: string): string =>
  ts.transpileModule(text, {
    compilerOptions: {
      module: ts.ModuleKind.ESNext,
      target: ts.ScriptTarget.ES2022,
      rewriteRelativeImportExtensions: true,
      verbatimModuleSyntax: true
    }
  }).outputText

const jsOf = (name: string): string => name.replace(/[.]ts$/, ".js")

/** Reads and compiles the core once. */
export const read = (): Core => {
  const files = filesBelow(source).map((name) => parse(name, fs.readFileSync(path.join(source, name), "utf8")))
  // what is tested here is the bot, not those who judge it
  const places = files.filter(({ name }) => !name.startsWith("testing/"))
  const compiled = new Map(files.map(({ name, text }) => [name, compile(text)]))
  let copied = 0

  const find: Core["find"] = (from) => {
    const wanted = parse("mutation.ts", from).tokens.map(({ text }) => text)
    const found = places.flatMap(({ name, tokens }) =>
      tokens.flatMap((first, index) => {
        const isHere = wanted.every((text, offset) => tokens[index + offset]?.text === text)
        return isHere ? [{ name, start: first.start, end: tokens[index + wanted.length - 1]?.end ?? first.end }] : []
      })
    )
    const [only] = found
    if (only === undefined || found.length > 1) {
      throw new Error(`${found.length} places have this code: ${from}\n${found.map(({ name }) => name).join("\n")}`)
    }
    return only
  }

  return {
    find,
    load: async (mutation, module) => {
      const { end, name, start } = find(mutation.from)
      const text = files.find((file) => file.name === name)?.text ?? ""
      const copy = path.join(copies, `${process.pid}-${copied++}`)
      fs.rmSync(copy, { recursive: true, force: true })
      for (const [own, code] of compiled) {
        const target = path.join(copy, jsOf(own))
        fs.mkdirSync(path.dirname(target), { recursive: true })
        fs.writeFileSync(target, own === name ? compile(text.slice(0, start) + mutation.to + text.slice(end)) : code)
      }
      fs.writeFileSync(path.join(copy, "package.json"), '{ "type": "module" }')
      const loaded: unknown = await import(/* @vite-ignore */ pathToFileURL(path.join(copy, jsOf(module))).href)
      fs.rmSync(copy, { recursive: true, force: true })
      return loaded
    }
  }
}
