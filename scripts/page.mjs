/**
 * Holds the committed page of the sandbox to its sources: builds it elsewhere and compares byte by byte. It may have 150 kB,
 * compressed, and names no other host.
 */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import { gzipSync } from "node:zlib"
import { build } from "vite"

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..")
const committed = path.join(root, "packages", "cli", "assets", "page")
const limit = 150_000

const problems = []
const built = fs.mkdtempSync(path.join(os.tmpdir(), "effect-qq-page-"))
try {
  const configFile = path.join(root, "packages", "cli", "page", "vite.config.ts")
  await build({ configFile, root: path.dirname(configFile), build: { outDir: built, emptyOutDir: true } })
  const [is, should] = [committed, built].map((directory) => fs.readdirSync(directory).toSorted())
  if (is.join() !== should.join()) problems.push(`the page is ${should.join(", ")}; committed is ${is.join(", ")}`)
  let size = 0
  for (const file of should) {
    const bytes = fs.readFileSync(path.join(built, file))
    size += gzipSync(bytes, { level: 9 }).length
    const kept = path.join(committed, file)
    if (fs.existsSync(kept) && !fs.readFileSync(kept).equals(bytes)) {
      problems.push(`packages/cli/assets/page/${file} is not what its sources build to; run: npm run page`)
    }
  }
  process.stdout.write(`the page has ${(size / 1000).toFixed(1)} kB, compressed\n`)
  if (size > limit) problems.push(`the page has ${size} bytes, compressed, of at most ${limit}`)
} finally {
  fs.rmSync(built, { recursive: true, force: true })
}
for (const problem of problems) process.stdout.write(`${problem}\n`)
process.exitCode = problems.length === 0 ? 0 : 1
