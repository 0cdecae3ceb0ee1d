/**
 * `pnpm bench`: the library against bare clients, in one run on one machine. Names of stages as arguments run only those:
 * `pnpm bench send`. `--rounds=5` and `--count=100000` (events, messages, or sessions of a stage) change how much is
 * done; `--profile=DIRECTORY` runs only the library's side and leaves a processor profile of it there.
 *
 * Every stage has a process of its own, and the platform it talks to another; `ratio` is the rate against the bare client's,
 * `CPU ×` the processor time against its. Contenders take turns; what is printed are
 * medians over the rounds, of the ratios too, after a first round that is not counted. A missed target is printed, not an
 * error: the exit code is 1 only when something broke.
 */
import { fork } from "node:child_process"
import * as os from "node:os"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"

const files = {
  dispatch: "receive.mjs",
  replies: "receive.mjs",
  memory: "memory.mjs",
  bots: "bots.mjs",
  send: "send.mjs"
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "5" },
    count: { type: "string" },
    profile: { type: "string" }
  }
})

const positive = (name, text) => {
  if (text === undefined) return undefined
  const number = Number(text)
  if (Number.isSafeInteger(number) && number > 0) return number
  process.stderr.write(`--${name} must be a positive whole number\n`)
  process.exit(1)
}

const unknown = positionals.filter((name) => !(name in files))
if (unknown.length > 0) {
  process.stderr.write(`no such stage: ${unknown.join(", ")}; there are ${Object.keys(files).join(", ")}\n`)
  process.exit(1)
}

const settings = {
  rounds: positive("rounds", values.rounds),
  count: positive("count", values.count),
  profile: values.profile
}

/** A proxy that the environment names is not for loopback, and would change what is measured. */
const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/_proxy$/i.test(name)))

const runStage = (stage) =>
  new Promise((resolve, reject) => {
    const profiling = settings.profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${settings.profile}`]
    const child = fork(
      fileURLToPath(new URL(files[stage], import.meta.url)),
      [JSON.stringify({ ...settings, stage })],
      { execArgv: ["--expose-gc", ...profiling], env: environment }
    )
    let outcome
    child.on("message", (message) => {
      outcome = message
    })
    child.on("error", reject)
    child.on("exit", (code, signal) =>
      code === 0 && outcome !== undefined
        ? resolve(outcome)
        : reject(new Error(`stage ${stage} ended with ${signal ?? `exit code ${code}`}`))
    )
  })

const thousands = (number) => Math.round(number).toLocaleString("en-US")

const verdict = (met) => (met ? "ok" : "MISS")

const megabytes = (bytes) => (bytes === undefined ? "" : `${Math.round(bytes / 1e6)} MB`)

/** What a row was to reach, and whether it has. */
const judged = ({ memory, memoryTarget, processorRatio, processorTarget, ratio, target }) => {
  const wanted = [
    [target, `≥ ${target?.toFixed(2)}`, ratio >= target],
    [processorTarget, `CPU ≤ ${processorTarget}×`, processorRatio <= processorTarget],
    [memoryTarget, `RSS ≤ ${memoryTarget} MB`, memory <= memoryTarget * 1e6]
  ].filter(([number]) => number !== undefined)
  return wanted.map(([, text, met]) => `${text} ${verdict(met)}`).join(", ")
}

const rateRow = (row) => [
  row.name,
  `${thousands(row.rate)}/s`,
  row.each.toFixed(2),
  row.processor.toFixed(2),
  row.processorRatio.toFixed(2),
  row.ratio.toFixed(2),
  megabytes(row.memory),
  judged(row)
]

const memoryRow = ({ bytes, name, target }) => [
  name,
  `${(bytes / 1000).toFixed(1)} kB`,
  "",
  "",
  "",
  "",
  "",
  target === undefined ? "" : `≤ ${target / 1000} kB ${verdict(bytes <= target)}`
]

const factRow = ({ met, name, target, text }) => [
  name,
  text,
  "",
  "",
  "",
  "",
  "",
  target === undefined ? "" : `${target} ${verdict(met)}`
]

const widths = [66, 12, 10, 9, 7, 7, 9, 4]

const printRow = (cells) => {
  const line = cells.map((cell, column) =>
    column === 0 ? cell.padEnd(widths[0]) : column === 7 ? `  ${cell}` : cell.padStart(widths[column])
  )
  process.stdout.write(`${line.join("").trimEnd()}\n`)
}

const [processor] = os.cpus()
process.stdout.write(
  `Node.js ${process.version}, ${os.availableParallelism()} × ${processor?.model ?? "unknown processor"}, ` +
    `load ${os.loadavg()[0].toFixed(1)}, medians of ${settings.rounds} rounds\n`
)

for (const stage of Object.keys(files)) {
  if (positionals.length > 0 && !positionals.includes(stage)) continue
  try {
    const { facts, memory, rows, title, unit } = await runStage(stage)
    process.stdout.write("\n")
    printRow(
      rows === undefined
        ? [title, unit === undefined ? "" : `per ${unit}`, "", "", "", "", "", "target"]
        : [title, "rate", `µs/${unit}`, "CPU µs", "CPU ×", "ratio", "peak RSS", "target"]
    )
    for (const row of rows ?? []) printRow(rateRow(row))
    for (const row of memory ?? []) printRow(memoryRow(row))
    for (const row of facts ?? []) printRow(factRow(row))
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
    process.exitCode = 1
  }
}
