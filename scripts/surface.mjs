/**
 * Holds the surface of the packages: the subpaths in their package.json are the modules that `src/index.ts` exports, and
 * a declaration of a public module names only types of public modules. `--write` writes the subpaths. Needs a build.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { fileURLToPath } from "node:url"

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..")
const write = process.argv.includes("--write")
const problems = []

/** Subpaths that are no module of `index.ts`. */
const entries = {
  core: { "./protocol": "protocol", "./testing": "testing/index" },
  node: {},
  cluster: {},
  cli: { "./sandbox": "sandbox/index" }
}

/** Name → file, without its extension, of the modules that an index exports. */
const modulesOf = (directory, index = "index") => {
  const file = path.join(directory, "src", `${index}.ts`)
  const found = fs.readFileSync(file, "utf8").matchAll(/^export \* as (\w+) from "(.+)\.ts"$/gm)
  return new Map(
    Array.from(found, ([, name, specifier]) => [name, path.posix.join(path.posix.dirname(index), specifier)])
  )
}

const published = (file) => ({ types: `./dist/${file}.d.ts`, default: `./dist/${file}.js` })

const subpathsOf = (name, modules) => {
  const files = { ".": "index" }
  for (const [module, file] of modules) files[`./${module}`] = file
  return { ...files, ...entries[name] }
}

const checkManifest = (directory, files) => {
  const file = path.join(directory, "package.json")
  const manifest = JSON.parse(fs.readFileSync(file, "utf8"))
  const inside = { "./package.json": "./package.json" }
  const outside = { "./package.json": "./package.json" }
  for (const [subpath, source] of Object.entries(files)) {
    inside[subpath] = { "effect-qq-source": `./src/${source}.ts`, ...published(source) }
    outside[subpath] = published(source)
  }
  inside["./internal/*"] = null
  outside["./internal/*"] = null
  if (JSON.stringify([manifest.exports, manifest.publishConfig.exports]) === JSON.stringify([inside, outside])) return
  if (!write) {
    problems.push(
      `${path.relative(root, file)}: its exports are not those of src/index.ts; run: node scripts/surface.mjs --write`
    )
    return
  }
  manifest.exports = inside
  manifest.publishConfig.exports = outside
  fs.writeFileSync(file, `${JSON.stringify(manifest, null, 2)}\n`)
}

/** The file that a declaration imports, without its extension. */
const targetOf = (file, specifier) => path.posix.join(path.posix.dirname(file), specifier)

/** One entry of an import or export list, without its modifiers. */
const plainName = (entry) =>
  entry
    .trim()
    .replace(/^type /, "")
    .replace(/ as .*$/, "")

/** File → names that public declarations export from it, `*` for all. */
const reexportsOf = (declarations) => {
  const found = new Map()
  const add = (file, names) => found.set(file, new Set([...(found.get(file) ?? []), ...names]))
  for (const [file, text] of declarations) {
    for (const [, specifier] of text.matchAll(/export \* from "(\.[^"]+)\.ts"/g)) add(targetOf(file, specifier), ["*"])
    for (const [, names, specifier] of text.matchAll(/export (?:type )?\{([^}]*)\} from "(\.[^"]+)\.ts"/g)) {
      const exported = names.replace(/\/\*[\s\S]*?\*\//g, "").split(",")
      add(targetOf(file, specifier), exported.map(plainName))
    }
  }
  return found
}

/** The names that a declaration takes from other files of its package, as pairs of file and name. */
const namesOf = (file, text) => {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, "")
  const rest = code.replace(/^import .*$/gm, "")
  const unquoted = rest.replace(/"[^"]*"/g, '""')
  const found = []
  for (const [, names, specifier] of code.matchAll(/import (?:type )?\{([^}]*)\} from "(\.[^"]+)\.ts"/g)) {
    for (const name of names.split(",").map(plainName)) {
      if (new RegExp(`\\b${name}\\b`).test(rest)) found.push([targetOf(file, specifier), name])
    }
  }
  for (const [, local, specifier] of code.matchAll(/import (?:type )?\* as (\w+) from "(\.[^"]+)\.ts"/g)) {
    for (const [, name] of unquoted.matchAll(new RegExp(`\\b${local}\\.(\\w+)`, "g"))) {
      found.push([targetOf(file, specifier), name])
    }
  }
  for (const [, specifier, name] of rest.matchAll(/import\("(\.[^"]+)\.ts"\)\.(\w+)/g)) {
    found.push([targetOf(file, specifier), name])
  }
  return found
}

const checkDeclarations = (directory, publicFiles) => {
  const declarations = new Map(
    Array.from(publicFiles, (file) => [file, fs.readFileSync(path.join(directory, "dist", `${file}.d.ts`), "utf8")])
  )
  const reexports = reexportsOf(declarations)
  const missing = new Set()
  for (const [file, text] of declarations) {
    for (const [target, name] of namesOf(file, text)) {
      const exported = reexports.get(target)
      if (publicFiles.has(target) || exported?.has("*") || exported?.has(name)) continue
      missing.add(`${file} is public and names ${name} of ${target}, which no public module exports`)
    }
  }
  problems.push(...missing)
}

for (const name of Object.keys(entries)) {
  const directory = path.join(root, "packages", name)
  const modules = modulesOf(directory)
  checkManifest(directory, subpathsOf(name, modules))
  const indexes = Object.values(entries[name]).filter((file) => file.endsWith("index") || file === "protocol")
  const all = new Set(modules.values())
  for (const index of indexes) for (const file of modulesOf(directory, index).values()) all.add(file)
  checkDeclarations(directory, all)
}

for (const problem of problems) process.stdout.write(`${problem}\n`)
process.exitCode = problems.length === 0 ? 0 : 1
