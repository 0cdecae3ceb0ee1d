/**
 * Takes every TypeScript block out of the documentation, writes it to a file of its own and type-checks them all in one
 * run. A block keeps its line numbers, so that an error names the line of the document.
 *
 * Documents: the READMEs, the pages of the site in both languages, and ```ts blocks in the docstrings of
 * packages/*\/src. A block marked `no-check` is let pass only if it is a list of shell commands.
 */
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { blocksOf, documents, filesUnder, packages, root } from "./documents.mjs"

const target = path.join(root, ".cache", "examples")
const compiler = path.join(root, "node_modules", "@typescript", "native", "bin", "tsc")

const sources = packages.flatMap((directory) => filesUnder(path.join(directory, "src"), ".ts"))

const shellCommand = /^(\s*|#.*|\$ .*|(npm|npx|pnpm|node|export|cd|git) .*)$/

/** The lines of a file that are text: all of a document, the docstrings of a source, each without its margin. */
const prose = (file, text) => {
  const lines = text.split("\n")
  if (file.endsWith(".md")) return lines
  let inside = false
  return lines.map((line) => {
    if (!inside && /^\s*\/\*\*/.test(line)) inside = true
    const visible = inside ? line.replace(/^\s*(\/\*\*|\*(?!\/)) ?/, "") : ""
    if (inside && line.includes("*/")) inside = false
    return visible
  })
}

const examplesOf = (file) =>
  blocksOf(prose(file, fs.readFileSync(file, "utf8")))
    .filter((block) => /^(ts|typescript|tsx)$/.test(block.language))
    .map((block) => ({ ...block, file }))

const problems = []
const checked = []
for (const block of [...documents, ...sources].flatMap(examplesOf)) {
  const origin = `${path.relative(root, block.file)}:${block.line}`
  if (block.unclosed) problems.push(`${origin} - a block of code is never closed`)
  else if (block.marks.includes("no-check")) {
    if (!block.lines.every((line) => shellCommand.test(line))) {
      problems.push(`${origin} - only shell commands may be marked no-check`)
    }
  } else checked.push({ ...block, origin })
}

fs.rmSync(target, { recursive: true, force: true })
fs.mkdirSync(target, { recursive: true })
fs.writeFileSync(
  path.join(target, "tsconfig.json"),
  JSON.stringify({
    extends: "../../tsconfig.base.json",
    compilerOptions: {
      composite: false,
      incremental: false,
      declaration: false,
      declarationMap: false,
      noEmit: true,
      noUnusedLocals: false,
      types: ["node"],
      rootDir: "../..",
      plugins: []
    },
    include: ["*.ts"]
  })
)

const origins = new Map()
for (const block of checked) {
  const relative = path.relative(root, block.file)
  const name = `${relative.replace(/[^A-Za-z0-9]+/g, "-")}-${block.line}.ts`
  origins.set(name, relative)
  // The first line of the block stands on the line that it has in its document.
  const text = [
    `// ${block.origin}`,
    ...Array.from({ length: block.line - 1 }, () => ""),
    ...block.lines,
    "export {}",
    ""
  ]
  fs.writeFileSync(path.join(target, name), text.join("\n"))
}

if (checked.length > 0) {
  const run = spawnSync(process.execPath, [compiler, "-p", path.join(target, "tsconfig.json"), "--pretty", "false"], {
    cwd: target,
    encoding: "utf8"
  })
  if (run.error !== undefined) throw run.error
  if (run.status !== 0) {
    problems.push(
      `${run.stdout}${run.stderr}`
        .trim()
        .split("\n")
        .map((line) =>
          line.replace(/^([^()\s]+\.ts)\((\d+),(\d+)\): /, (whole, name, at) => {
            const origin = origins.get(path.basename(name))
            return origin === undefined ? whole : `${origin}:${at} - `
          })
        )
        .join("\n")
    )
  }
}

for (const problem of problems) process.stdout.write(`${problem}\n`)
process.stdout.write(`${checked.length} examples type-checked\n`)
process.exitCode = problems.length === 0 ? 0 : 1
