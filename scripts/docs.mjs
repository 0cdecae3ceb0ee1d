/**
 * Builds the site: the tables and the API reference from the sources, then VitePress. Output in docs/.vitepress/dist.
 * `--serve` shows the pages while they are written instead, without building the reference anew.
 */
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { entries, filesUnder, root } from "./documents.mjs"

const site = path.join(root, "docs")
const raw = path.join(root, ".cache", "api")
const api = path.join(site, "api")

const binOf = (dependency) => {
  const directory = path.join(site, "node_modules", dependency)
  const { bin } = JSON.parse(fs.readFileSync(path.join(directory, "package.json"), "utf8"))
  return path.join(directory, typeof bin === "string" ? bin : bin[dependency])
}

const run = (file, ...args) => {
  const { error, status } = spawnSync(process.execPath, [file, ...args], { cwd: site, stdio: "inherit" })
  if (error !== undefined) throw error
  if (status !== 0) process.exit(status ?? 1)
}

/** `core/src/testing/namespaces/Fault.md` is `core/testing/Fault.md` on the site, and a README is the index. */
const placeOf = (file) =>
  file
    .split(path.sep)
    .join("/")
    .replace("/src/", "/")
    .replace("/namespaces/", "/")
    .replace(/(^|\/)README\.md$/, "$1index.md")

/** Typedoc names pages by the files of the sources; the site names them by the import of a program. */
const placeReference = () => {
  fs.rmSync(api, { recursive: true, force: true })
  const files = filesUnder(raw, ".md")
  for (const file of files) {
    const place = placeOf(path.relative(raw, file))
    const text = fs.readFileSync(file, "utf8").replace(/\]\(([^()\s:]+\.md)(#[^()\s]*)?\)/g, (_, link, anchor = "") => {
      const target = placeOf(path.relative(raw, path.resolve(path.dirname(file), link)))
      const relative = path.posix.relative(path.posix.dirname(place), target)
      return `](${relative.startsWith(".") ? relative : `./${relative}`}${anchor})`
    })
    // titles and breadcrumbs name the import of a program, too
    const named = text.replace(/\b(core|node|cli|cluster)\/src(\/\w+)?\b/g, "@effect-qq/$1$2")
    const destination = path.join(api, ...place.split("/"))
    fs.mkdirSync(path.dirname(destination), { recursive: true })
    fs.writeFileSync(destination, `---\neditLink: false\n---\n\n${named}`)
  }
  process.stdout.write(`${files.length} pages of API reference\n`)
}

if (process.argv.includes("--serve")) run(binOf("vitepress"), "dev")
else {
  fs.rmSync(raw, { recursive: true, force: true })
  const indexes = Object.values(entries).flatMap((index) => ["--entryPoints", path.join(root, index)])
  run(binOf("typedoc"), "--options", "typedoc.json", ...indexes)
  placeReference()
  run(binOf("vitepress"), "build")
}
