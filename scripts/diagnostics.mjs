/**
 * The rules of Effect (floating effects, global timers, barrel imports and kin) over the whole repository, by the
 * compiler, which `effect-tsgo patch` extends first. That is done here and not when packages are installed: there are
 * systems for which it has no binary, and whoever only builds and tests there needs none.
 *
 * An unpatched compiler is silent, and silence looks like success. So a file with a known fault is compiled first: if
 * nothing is said about it, the rules are off and this script fails.
 */
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { fileURLToPath } from "node:url"

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..")
const compiler = path.join(root, "node_modules", "@typescript", "native", "bin", "tsc")

const extension = path.join(root, "node_modules", "@effect", "tsgo", "dist", "effect-tsgo.cjs")
const patch = spawnSync(process.execPath, [extension, "patch"], { cwd: root, encoding: "utf8" })
if (patch.status !== 0) {
  process.stdout.write(`the compiler could not be extended:\n${patch.stdout}${patch.stderr}\n`)
  process.exit(1)
}

const compile = (project) => {
  const run = spawnSync(process.execPath, [compiler, "-p", project, "--pretty", "false"], {
    cwd: root,
    encoding: "utf8"
  })
  if (run.error !== undefined) throw run.error
  return { failed: run.status !== 0, output: `${run.stdout}${run.stderr}`.trim() }
}

const faulty = path.join(root, ".cache", "diagnostics")
fs.mkdirSync(faulty, { recursive: true })
fs.writeFileSync(
  path.join(faulty, "faulty.ts"),
  `import * as Effect from "effect/Effect"

export const floating = Effect.gen(function* () {
  Effect.succeed(1)
  yield* Effect.void
})

export const nested = Effect.gen(function* () {
  yield* Effect.void
  Effect.runSync(Effect.void)
})
`
)
fs.writeFileSync(
  path.join(faulty, "tsconfig.json"),
  JSON.stringify({ extends: "../../tsconfig.lint.json", compilerOptions: { rootDir: "../.." }, include: ["faulty.ts"] })
)

const expected = ["floatingEffect", "runEffectInsideEffect"]
const canary = compile(path.join(faulty, "tsconfig.json"))
const silent = expected.filter((rule) => !canary.output.includes(rule))
if (silent.length > 0) {
  process.stdout.write(
    `the compiler does not report ${silent.join(", ")}, although it was extended\n${canary.output}\n`
  )
  process.exitCode = 1
} else {
  const repository = compile(path.join(root, "tsconfig.lint.json"))
  const findings = repository.output.split("\n").filter((line) => /(error|warning) TS\d+/.test(line)).length
  process.stdout.write(`${repository.output === "" ? "" : `${repository.output}\n`}${findings} findings\n`)
  process.exitCode = repository.failed || findings > 0 ? 1 : 0
}
