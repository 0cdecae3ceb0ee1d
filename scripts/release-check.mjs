/**
 * Uses what would be published as a user would: packs every package, looks at the tarballs with publint and
 * are-the-types-wrong, installs them with npm, pnpm and yarn into empty projects, type-checks the README there, runs the echo
 * bot against the sandbox, and creates a project with the packed `create-effect-qq`, whose test has to pass and which has to
 * answer. Needs a build and the npm registry. Names of steps as arguments run only those: `pack` always runs.
 */
import { spawn, spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { blocksOf, packages, root } from "./documents.mjs"

const tools = {
  pnpm: "pnpm@12.21.0",
  yarn: "@yarnpkg/cli-dist@4.12.0",
  publint: "publint@0.3.25",
  attw: "@arethetypeswrong/cli@0.18.5"
}

/** What a bot needs besides these packages, as the documentation says. */
const peers = { effect: "^3.22.4", "@effect/platform": "^0.97.2", "@effect/platform-node": "^0.108.2" }
const testing = { "@effect/vitest": "^0.30.0", vitest: "^3.2.7", "@types/node": "^20.19.25", typescript: "^5.9.3" }

const base = fs.mkdtempSync(path.join(os.tmpdir(), "effect-qq-release-"))
const tarballs = path.join(base, "tarballs")
fs.mkdirSync(tarballs)

const npx = process.platform === "win32" ? "npx.cmd" : "npx"

/** The environment without what a package manager that runs this script would tell another one. */
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(npm_|pnpm_|QQ_)/i.test(name) && name !== "INIT_CWD")
)

const run = (cwd, command, args, options = {}) => {
  const shell = process.platform === "win32"
  const result = spawnSync(command, args, {
    cwd,
    shell,
    encoding: "utf8",
    env: { ...environment, ...options.environment },
    maxBuffer: 64 * 1024 * 1024,
    timeout: 300_000
  })
  if (result.error !== undefined) throw result.error
  const printed = `${result.stdout}${result.stderr}`.trim()
  if (result.status !== 0) throw new Error(`${[command, ...args].join(" ")} ended with ${result.status}\n${printed}`)
  return printed
}

const use = (cwd, tool, ...args) => run(cwd, npx, ["--yes", tools[tool], ...args])

/** Package → its tarball. */
const packed = new Map()

const pack = () => {
  for (const directory of packages) {
    const { name, private: unpublished } = JSON.parse(fs.readFileSync(path.join(directory, "package.json"), "utf8"))
    if (unpublished === true) continue
    use(directory, "pnpm", "pack", "--pack-destination", tarballs)
    const stem = name.replace(/^@/, "").replace("/", "-")
    const tarball = fs.readdirSync(tarballs).find((file) => new RegExp(`^${stem}-\\d`).test(file))
    if (tarball === undefined) throw new Error(`${name} was not packed`)
    packed.set(name, path.join(tarballs, tarball))
  }
  return [...packed.values()]
    .map((file) => `${path.basename(file)} ${Math.round(fs.statSync(file).size / 1024)} kB`)
    .join(", ")
}

const publint = () => {
  for (const tarball of packed.values()) use(base, "publint", tarball, "--strict")
  return `${packed.size} packages without findings`
}

const attw = () => {
  for (const [name, tarball] of packed) {
    // without types there is nothing to be wrong about
    if (name === "create-effect-qq") continue
    use(base, "attw", tarball, "--profile", "esm-only", "--format", "ascii", "--no-emoji")
  }
  return "types resolve from ES modules and bundlers"
}

const specifiers = (names) => Object.fromEntries(names.map((name) => [name, `file:${packed.get(name)}`]))

/** What a bot and its tests are made of. */
const bot = ["@effect-qq/core", "@effect-qq/node", "@effect-qq/cli"]

/** npm gets all packages, which have to fit together; the others what every bot needs. */
const packagesFor = (manager) =>
  manager === "npm" ? [...packed.keys()].filter((name) => name.startsWith("@effect-qq/")) : bot

/** An empty project. What is not published yet comes from tarballs everywhere, also where one package needs another. */
const project = (name, manager) => {
  const directory = path.join(base, name)
  fs.mkdirSync(directory)
  const overrides = specifiers(packagesFor(manager))
  const manifest = {
    name,
    version: "0.0.0",
    private: true,
    type: "module",
    dependencies: { ...overrides, ...peers },
    devDependencies: testing,
    ...(manager === "yarn" ? { resolutions: overrides } : {})
  }
  fs.writeFileSync(path.join(directory, "package.json"), JSON.stringify(manifest, null, 2))
  if (manager === "pnpm") {
    const lines = Object.entries(overrides).map(([of, from]) => `  "${of}": "${from}"`)
    const builds = ["@parcel/watcher", "esbuild", "msgpackr-extract"].map((of) => `  "${of}": false`)
    fs.writeFileSync(
      path.join(directory, "pnpm-workspace.yaml"),
      ["overrides:", ...lines, "allowBuilds:", ...builds, ""].join("\n")
    )
  }
  if (manager === "yarn") {
    fs.writeFileSync(path.join(directory, ".yarnrc.yml"), "nodeLinker: node-modules\nenableTelemetry: false\n")
    fs.writeFileSync(path.join(directory, "yarn.lock"), "")
  }
  return directory
}

const installers = {
  npm: (directory) => run(directory, npx.replace("npx", "npm"), ["install", "--no-audit", "--no-fund"]),
  pnpm: (directory) => use(directory, "pnpm", "install", "--no-frozen-lockfile"),
  yarn: (directory) => use(directory, "yarn", "install", "--no-immutable")
}

const typeCheck = (directory) => {
  const documents = ["README.md", "README.zh-CN.md", "docs/guide/testing.md"]
  for (const document of documents) {
    const blocks = blocksOf(fs.readFileSync(path.join(root, document), "utf8").split("\n"))
    for (const { language, line, lines } of blocks) {
      if (language !== "ts") continue
      const name = `${document.replace(/[^A-Za-z0-9]+/g, "-")}-${line}.ts`
      fs.writeFileSync(path.join(directory, name), `${lines.join("\n")}\nexport {}\n`)
    }
  }
  const compilerOptions = { target: "ES2022", module: "NodeNext", strict: true, noEmit: true, types: ["node"] }
  fs.writeFileSync(
    path.join(directory, "tsconfig.json"),
    JSON.stringify({ compilerOptions: { ...compilerOptions, skipLibCheck: true }, include: ["*.ts"] })
  )
  run(directory, process.execPath, [path.join(directory, "node_modules", "typescript", "bin", "tsc"), "-p", "."])
}

/** Starts a script, and waits until it has printed something. */
const started = (cwd, args, environmentOf, printed) =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd, env: { ...environment, ...environmentOf } })
    let text = ""
    const timer = setTimeout(() => finish(new Error("nothing of the kind was printed in time")), 60_000)
    const finish = (error) => {
      clearTimeout(timer)
      if (error === undefined) resolve({ child, text })
      else {
        child.kill("SIGKILL")
        reject(new Error(`${args.join(" ")}: ${error.message}\n${text}`))
      }
    }
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (more) => {
        text += more
        if (printed.test(text)) finish()
      })
    }
    child.on("error", finish)
    child.on("exit", (code) => finish(new Error(`it ended with ${code}`)))
  })

/** Asks a process to end, and waits until it has: it may still write where it lives. */
const stopped = (child) =>
  new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve()
    const timer = setTimeout(() => child.kill("SIGKILL"), 20_000)
    child.once("exit", () => {
      clearTimeout(timer)
      resolve()
    })
    child.kill("SIGTERM")
  })

const cli = (directory) => path.join(directory, "node_modules", "@effect-qq", "cli", "bin", "effect-qq.mjs")

/** Runs a bot against the sandbox of the packed command line, and gives what it answers. */
const converse = async (directory, program, text) => {
  const sandbox = await started(directory, [cli(directory), "sandbox", "--port", "0"], {}, /port \d+|--user u1/)
  try {
    const variables = Object.fromEntries(
      [...sandbox.text.matchAll(/^export (\w+)='(.*)'$/gm)].map(([, name, value]) => [name, value])
    )
    const port = new URL(variables.QQ_API_URL).port
    const state = path.join(directory, ".state")
    const running = await started(directory, [program], { ...variables, QQ_STATE_DIR: state }, /the session is ready/)
    try {
      return run(directory, process.execPath, [cli(directory), "say", "--port", port, "--user", "u1", text])
    } finally {
      await stopped(running.child)
    }
  } finally {
    await stopped(sandbox.child)
  }
}

const expectAnswer = (answer, expected) => {
  if (answer !== expected)
    throw new Error(`the bot answered ${JSON.stringify(answer)}, not ${JSON.stringify(expected)}`)
}

const installedWith = (manager) => async () => {
  const directory = project(`with-${manager}`, manager)
  installers[manager](directory)
  typeCheck(directory)
  const echo = path.join(directory, "echo.mjs")
  fs.copyFileSync(path.join(root, "examples", "echo.mjs"), echo)
  expectAnswer(await converse(directory, echo, "hi"), "you said: hi")
  return "installs, type-checks the README, and the echo bot answers"
}

/** From an empty folder to an answer, as `npm create effect-qq` does it. */
const created = async () => {
  const parent = path.join(base, "created")
  fs.mkdirSync(parent)
  const times = []
  let last = performance.now()
  const lap = (what) => {
    const now = performance.now()
    times.push(`${what} ${((now - last) / 1000).toFixed(1)} s`)
    last = now
  }
  run(parent, npx, ["--yes", "--package", packed.get("create-effect-qq"), "create-effect-qq", "my-bot", "--yes"])
  lap("create")
  const directory = path.join(parent, "my-bot")
  const file = path.join(directory, "package.json")
  const manifest = JSON.parse(fs.readFileSync(file, "utf8"))
  for (const [name, from] of Object.entries(specifiers(bot))) {
    if (name in manifest.dependencies) manifest.dependencies[name] = from
    if (name in manifest.devDependencies) manifest.devDependencies[name] = from
  }
  fs.writeFileSync(file, JSON.stringify(manifest, null, 2))
  const npm = (...args) => run(directory, npx.replace("npx", "npm"), args)
  npm("install", "--no-audit", "--no-fund")
  lap("install")
  npm("run", "check")
  npm("test")
  npm("run", "build")
  lap("check, test and build")
  expectAnswer(await converse(directory, path.join(directory, "dist", "main.js"), "/ping"), "pong")
  lap("answer in the sandbox")
  return times.join(", ")
}

const steps = {
  pack,
  publint,
  attw,
  npm: installedWith("npm"),
  pnpm: installedWith("pnpm"),
  yarn: installedWith("yarn"),
  "npm create effect-qq": created
}

const asked = process.argv.slice(2)
const unknown = asked.filter((name) => !(name in steps))
if (unknown.length > 0) {
  process.stderr.write(`no such step: ${unknown.join(", ")}; there are ${Object.keys(steps).join(", ")}\n`)
  process.exit(2)
}
let failed = 0
let passed = 0
for (const [name, step] of Object.entries(steps)) {
  if (name !== "pack" && asked.length > 0 && !asked.includes(name)) continue
  const begun = performance.now()
  try {
    const told = await step()
    passed++
    process.stdout.write(`ok   ${((performance.now() - begun) / 1000).toFixed(1).padStart(6)} s  ${name}: ${told}\n`)
  } catch (error) {
    failed++
    process.stdout.write(`FAIL ${((performance.now() - begun) / 1000).toFixed(1).padStart(6)} s  ${name}\n`)
    process.stdout.write(`${String(error instanceof Error ? error.message : error).replace(/^(?=.)/gm, "    ")}\n`)
    if (name === "pack") break
  }
}
fs.rmSync(base, { recursive: true, force: true, maxRetries: 5 })
process.stdout.write(`${passed} passed, ${failed} failed\n`)
process.exitCode = failed === 0 ? 0 : 1
