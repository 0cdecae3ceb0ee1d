/**
 * Holds the size of rooms: no source file above 500 lines and no function above 120, tables aside. What is larger today is
 * listed here with its size: it may shrink, not grow, and leaves the list once it fits.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import ts from "typescript"

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..")
const limits = { file: 500, function: 120 }

/** Files that are tables: a row for each fact. */
const tables = new Set([
  "packages/core/src/openapi/ErrorCode.ts",
  "packages/core/src/openapi/endpoints/Channels.ts",
  "packages/core/src/openapi/endpoints/Groups.ts",
  "packages/core/src/openapi/endpoints/Guilds.ts",
  "packages/core/src/messages/Address.ts",
  "packages/core/src/testing/Fault.ts"
])

const debtsFile = path.join(root, "scripts", "house.json")
const debts = JSON.parse(fs.readFileSync(debtsFile, "utf8"))

const sources = (directory) =>
  fs.readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const file = path.join(directory, entry.name)
    if (entry.isDirectory()) return sources(file)
    return /\.tsx?$/.test(entry.name) ? [file] : []
  })

const nameOf = (node) => {
  if (node.name !== undefined) return node.name.getText()
  for (let parent = node.parent; parent !== undefined; parent = parent.parent) {
    if (ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent) || ts.isPropertyDeclaration(parent)) {
      return parent.name.getText()
    }
    if (ts.isStatement(parent)) break
  }
  return "(anonymous)"
}

const sizes = new Map()
const rooms = [...fs.readdirSync(path.join(root, "packages")).map((name) => `${name}/src`), "cli/page/src"]
for (const room of rooms) {
  for (const file of sources(path.join(root, "packages", room))) {
    const key = path.relative(root, file).split(path.sep).join("/")
    const text = fs.readFileSync(file, "utf8")
    const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
    const lineOf = (position) => source.getLineAndCharacterOfPosition(position).line
    const lines = lineOf(source.end) + 1
    if (lines > limits.file && !tables.has(key)) sizes.set(key, lines)
    const visit = (node) => {
      if (ts.isFunctionLike(node) && node.body !== undefined) {
        const size = lineOf(node.end) - lineOf(node.getStart()) + 1
        const id = `${key}#${nameOf(node)}`
        // a generator inside of the function of the same name counts once
        if (size > limits.function) sizes.set(id, Math.max(size, sizes.get(id) ?? 0))
      }
      ts.forEachChild(node, visit)
    }
    visit(source)
  }
}

if (process.argv.includes("--write")) {
  const sorted = Object.fromEntries([...sizes].toSorted(([one], [other]) => (one < other ? -1 : 1)))
  fs.writeFileSync(debtsFile, `${JSON.stringify(sorted, null, 2)}\n`)
} else {
  const problems = [...sizes]
    .filter(([id, size]) => size > (debts[id] ?? 0))
    .map(([id, size]) => `${id} has ${size} lines; ${debts[id] === undefined ? "it is new" : `it had ${debts[id]}`}`)
  const paid = Object.keys(debts).filter((id) => !sizes.has(id))
  for (const id of paid) problems.push(`${id} fits now: take it off scripts/house.json`)
  for (const problem of problems) process.stdout.write(`${problem}\n`)
  process.exitCode = problems.length === 0 ? 0 : 1
}
