/**
 * Holds the documentation together: every relative link leads to a file and every anchor to a heading, links to the API
 * reference name public modules, and both languages have the same pages with the same number of examples. Addresses
 * outside of the repository are not asked for.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { blocksOf, documents, entries, pages, proseOf, root } from "./documents.mjs"

const site = path.join(root, "docs")
const problems = []

/** The anchor of a heading, as VitePress and GitHub make it for the letters that headings here are made of. */
const slugOf = (heading) =>
  heading
    .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/[`*]/g, "")
    .trim()
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[\s~!@#$%^&()\-+=[\]{}|\\;:"'“”‘’<>,.?/、，。：；？！（）《》→·]+/g, "-")
    .replace(/-{2,}/g, "-")
    .replace(/^-+|-+$/g, "")

const anchors = new Map()
const anchorsOf = (file) => {
  const known = anchors.get(file)
  if (known !== undefined) return known
  const found = new Set()
  for (const line of proseOf(fs.readFileSync(file, "utf8"))) {
    const heading = /^#{1,6}\s+(.*?)(?:\s*\{#([\w-]+)\})?$/.exec(line)
    if (heading !== null) found.add(heading[2] ?? slugOf(heading[1]))
  }
  anchors.set(file, found)
  return found
}

/** What the API reference has a page for. */
const references = new Set([path.join(site, "api", "index.md")])
for (const [entry, index] of Object.entries(entries)) {
  references.add(path.join(site, "api", entry, "index.md"))
  for (const [, name] of fs.readFileSync(path.join(root, index), "utf8").matchAll(/^export \* as (\w+) from/gm)) {
    references.add(path.join(site, "api", entry, `${name}.md`))
  }
}

/** The file that a link of a document leads to. */
const targetOf = (file, link) => {
  const inSite = file.startsWith(site + path.sep)
  const base = link.startsWith("/") ? path.join(inSite ? site : root, link) : path.resolve(path.dirname(file), link)
  if (link.endsWith("/")) return path.join(base, "index.md")
  return inSite && path.extname(base) === "" ? `${base}.md` : base
}

const checkLink = (file, line, link) => {
  if (/^[a-z][a-z\d+.-]*:/i.test(link)) return
  const at = `${path.relative(root, file)}:${line}`
  const [address, anchor] = link.split("#")
  const target = address === "" ? file : targetOf(file, decodeURI(address))
  if (references.has(target)) return
  const isPublic = path.join(site, "public", decodeURI(address))
  if (!fs.existsSync(target) && !fs.existsSync(isPublic)) problems.push(`${at} - ${link} leads nowhere`)
  else if (anchor !== undefined && target.endsWith(".md") && !anchorsOf(target).has(decodeURIComponent(anchor))) {
    problems.push(`${at} - ${link}: there is no such heading; there are ${[...anchorsOf(target)].join(", ")}`)
  }
}

let links = 0
for (const file of documents) {
  for (const [index, line] of proseOf(fs.readFileSync(file, "utf8")).entries()) {
    const text = line.replace(/`[^`]*`/g, "")
    const found = [
      ...text.matchAll(/\]\(([^()\s]+)(?:\s"[^"]*")?\)/g),
      ...text.matchAll(/(?:src|href|link)[=:]\s*"?([^"\s>]+)"?/g)
    ]
    for (const [, link] of found) {
      links++
      checkLink(file, index + 1, link)
    }
  }
}

/** The pages that the navigation names. */
const configuration = path.join(site, ".vitepress", "config.mts")
for (const [, link] of fs.readFileSync(configuration, "utf8").matchAll(/link: "(\/[^"]*)"/g)) {
  links++
  checkLink(path.join(site, "index.md"), 0, link)
}

const codeIn = (file) =>
  blocksOf(fs.readFileSync(file, "utf8").split("\n"))
    .map(({ language }) => language)
    .join(" ")
const names = pages.map((file) => path.relative(site, file).split(path.sep).join("/"))
for (const name of names) {
  if (name.startsWith("zh/")) {
    if (!names.includes(name.slice(3))) problems.push(`docs/${name} has no English page`)
    continue
  }
  if (!names.includes(`zh/${name}`)) problems.push(`docs/${name} has no Chinese page`)
  else if (codeIn(path.join(site, name)) !== codeIn(path.join(site, "zh", name))) {
    problems.push(`docs/${name} and docs/zh/${name} have different blocks of code`)
  }
}

for (const problem of problems) process.stdout.write(`${problem}\n`)
process.stdout.write(`${links} links in ${documents.length} documents\n`)
process.exitCode = problems.length === 0 ? 0 : 1
