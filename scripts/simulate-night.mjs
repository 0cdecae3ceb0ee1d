/**
 * What takes too long for `npm test`, by `npm run simulate:night`: 1000 seeds with ten times as many faults as usual, 300
 * with twenty times as many, 200 at the usual rate, 100 of five processes that share the pace of identifies, a year of one
 * bot, and runners of a cluster that are suspended for a minute (where there is PostgreSQL). Goes on after a violation; the exit code is 1 when
 * a rule was broken. Needs a build.
 */
import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"

const script = fileURLToPath(new URL("simulate.mjs", import.meta.url))

const runs = [
  ["--rate", "0.2", "--per-hour", "20", "--seeds", "1000", "--first", "777000"],
  ["--rate", "0.4", "--per-hour", "8", "--seeds", "300", "--first", "999000"],
  ["--seeds", "200"],
  ["--shards", "5", "--apart", "--rate", "0.2", "--per-hour", "20", "--seeds", "100", "--first", "555000"],
  ["--rate", "0.01", "--per-hour", "1", "--days", "365", "--seeds", "1", "--first", "2026"]
]

for (const run of runs) {
  process.stdout.write(`simulate ${run.join(" ")}\n`)
  const { status } = spawnSync(process.execPath, [script, ...run], { stdio: "inherit" })
  if (status !== 0) process.exitCode = 1
}

process.stdout.write("suspended runners\n")
const words = [
  "vitest",
  "run",
  "--project",
  "cluster",
  "test/cluster/zombie.test.ts",
  "-t",
  "handles and sends nothing"
]
const suspended = spawnSync("npx", words, {
  stdio: "inherit",
  cwd: fileURLToPath(new URL("..", import.meta.url)),
  env: { ...process.env, EFFECT_QQ_LONG_TESTS: "1" }
})
if (suspended.status !== 0) process.exitCode = 1
