/**
 * Everything about the repository that can be checked without running it. Each step runs whatever the others said; the
 * exit code is 1 when any failed. Names of steps as arguments run only those: `node scripts/check.mjs types lint`.
 */
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import { stripVTControlCharacters } from "node:util"

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..")

/** The file that a dependency runs for one of its commands; shims differ between systems, this does not. */
const command = (dependency, name) => {
  const directory = path.join(root, "node_modules", ...dependency.split("/"))
  const { bin } = JSON.parse(fs.readFileSync(path.join(directory, "package.json"), "utf8"))
  return path.join(directory, typeof bin === "string" ? bin : bin[name])
}

/** Directories of sources whose imports are checked. */
const packages = fs
  .readdirSync(path.join(root, "packages"))
  .map((name) => `packages/${name}/src`)
  .filter((directory) => fs.existsSync(path.join(root, directory)))

const steps = {
  types: () => [command("@typescript/native", "tsc"), "-b", "tsconfig.json", "--pretty", "false"],
  diagnostics: () => [path.join(root, "scripts", "diagnostics.mjs")],
  lint: () => [command("oxlint", "oxlint"), "--deny-warnings"],
  format: () => [command("oxfmt", "oxfmt"), "--check"],
  imports: () => [command("dependency-cruiser", "depcruise"), "--config", ".dependency-cruiser.cjs", ...packages],
  surface: () => [path.join(root, "scripts", "surface.mjs")],
  house: () => [path.join(root, "scripts", "house.mjs")],
  page: () => [path.join(root, "scripts", "page.mjs")],
  examples: () => [path.join(root, "scripts", "examples.mjs")],
  links: () => [path.join(root, "scripts", "links.mjs")],
  tables: () => [path.join(root, "scripts", "tables.mjs")],
  "type tests": () => [command("tstyche", "tstyche")]
}

const asked = process.argv.slice(2)
const unknown = asked.filter((name) => !(name in steps))
if (unknown.length > 0) {
  process.stderr.write(`no such step: ${unknown.join(", ")}; there are ${Object.keys(steps).join(", ")}\n`)
  process.exit(2)
}

const outcomes = []
for (const [name, argumentsOf] of Object.entries(steps)) {
  if (asked.length > 0 && !asked.includes(name)) continue
  const started = performance.now()
  let failure
  try {
    const run = spawnSync(process.execPath, argumentsOf(), {
      cwd: root,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
      maxBuffer: 64 * 1024 * 1024,
      env: { ...process.env, NO_COLOR: "1" }
    })
    if (run.error !== undefined) throw run.error
    // Some tools colour their output even into a file when CI is set.
    const output = stripVTControlCharacters(`${run.stdout}${run.stderr}`).trim()
    if (run.status !== 0) failure = `${output}\n(${run.signal === null ? `exit code ${run.status}` : run.signal})`
  } catch (error) {
    failure = String(error)
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(1).padStart(5)
  outcomes.push(failure === undefined)
  process.stdout.write(`${failure === undefined ? "ok  " : "FAIL"} ${seconds} s  ${name}\n`)
  if (failure !== undefined) process.stdout.write(`${failure.replace(/^(?=.)/gm, "    ")}\n`)
}

const failed = outcomes.filter((passed) => !passed).length
process.stdout.write(`${outcomes.length - failed} passed, ${failed} failed\n`)
process.exitCode = failed === 0 ? 0 : 1
