/**
 * The documentation as files: what is checked, and how its code blocks and headings are read.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { fileURLToPath } from "node:url"

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..")

/** Directories below `docs` that are generated or installed. */
const notWritten = new Set(["node_modules", "api", ".vitepress", "images"])

export const filesUnder = (directory, suffix, skipped = new Set()) =>
  fs.existsSync(directory)
    ? fs
        .readdirSync(directory, { withFileTypes: true })
        .flatMap((entry) => {
          const file = path.join(directory, entry.name)
          if (entry.isDirectory()) return skipped.has(entry.name) ? [] : filesUnder(file, suffix, skipped)
          return entry.name.endsWith(suffix) ? [file] : []
        })
        .toSorted()
    : []

export const packages = fs
  .readdirSync(path.join(root, "packages"))
  .map((name) => path.join(root, "packages", name))
  .toSorted()

/** The pages of the site, as absolute files. */
export const pages = filesUnder(path.join(root, "docs"), ".md", notWritten)

/** All documents: those at the root, of the packages, and the pages of the site. */
export const documents = [
  ...["README.md", "README.zh-CN.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"].map((name) =>
    path.join(root, name)
  ),
  path.join(root, "examples", "README.md"),
  ...packages.map((directory) => path.join(directory, "README.md")),
  ...pages
].filter((file) => fs.existsSync(file))

/** The fenced blocks of lines of text, each with its language, its marks and the number of its fence's line. */
export const blocksOf = (lines) => {
  const blocks = []
  let open
  for (const [index, line] of lines.entries()) {
    const fence = /^\s*(`{3,})(.*)$/.exec(line)
    if (open !== undefined) {
      if (fence !== null && fence[1].length >= open.fence.length && fence[2].trim() === "") {
        blocks.push(open)
        open = undefined
      } else open.lines.push(line)
    } else if (fence !== null) {
      const [language = "", ...marks] = fence[2].trim().split(/\s+/)
      open = { line: index + 1, fence: fence[1], language, marks, lines: [] }
    }
  }
  if (open !== undefined) blocks.push({ ...open, unclosed: true })
  return blocks
}

/** The text without its fenced blocks, line by line: code has no links and no headings. */
export const proseOf = (text) => {
  const lines = text.split("\n")
  for (const { line, lines: inside } of blocksOf(lines)) {
    for (let at = line - 1; at <= line + inside.length && at < lines.length; at++) lines[at] = ""
  }
  return lines
}

/** Entry of the API reference, as a program imports it → the index that names its modules. */
export const entries = Object.fromEntries(
  Object.entries({
    core: "packages/core/src/index.ts",
    "core/testing": "packages/core/src/testing/index.ts",
    node: "packages/node/src/index.ts",
    cli: "packages/cli/src/index.ts",
    "cli/sandbox": "packages/cli/src/sandbox/index.ts",
    cluster: "packages/cluster/src/index.ts"
  }).filter(([, index]) => fs.existsSync(path.join(root, index)))
)
