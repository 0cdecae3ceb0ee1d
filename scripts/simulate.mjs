/**
 * Simulates bots in virtual time, one seed after the other on every core: `node scripts/simulate.mjs --seeds 10000`.
 *
 * `--seeds N` how many (default 100) · `--days D` virtual days of each (default 1) · `--seed S` or `--first S` the first
 * (default 1) ·
 * `--rate R` the chance of a fault in a minute (default 0.02) · `--per-hour M` messages (default 4) · `--shards N` (default 1), each
 * in a process of its own with `--apart` ·
 * `--rotate M` minutes from one reconnect that the platform asks for to the next (default 30) · `--threads T`.
 *
 * Violations are printed with their seed, step, rule and last lines as they are found. The last line sums up; the exit
 * code is 1 when a rule was broken. Needs a build.
 */
/* oxlint-disable unicorn/require-post-message-target-origin -- a thread has no origin */
import * as os from "node:os"
import { parseArgs } from "node:util"
import { Worker, isMainThread, parentPort, workerData } from "node:worker_threads"

const simulateSeeds = async () => {
  const [{ Simulation }, Effect, Either] = await Promise.all([
    import("@effect-qq/core/testing"),
    import("effect/Effect"),
    import("effect/Either")
  ])
  const { apart, days, perHour, rate, rotateEvery, shards } = workerData
  parentPort.on("message", (seed) => {
    const result = Effect.runSync(
      Effect.either(Simulation.run({ seed, days, shards, apart, faults: { rate, rotateEvery }, traffic: { perHour } }))
    )
    parentPort.postMessage(
      Either.isRight(result)
        ? { seed, report: result.right }
        : {
            seed,
            invariant: result.left.invariant ?? result.left._tag,
            text: [result.left.message, ...(result.left.journal ?? [])].join("\n")
          }
    )
  })
}

const numberOf = (name, text, least) => {
  const value = Number(text)
  if (Number.isFinite(value) && value >= least) return value
  process.stderr.write(`--${name} must be a number of at least ${least}\n`)
  process.exit(2)
}

const main = () => {
  const { values } = parseArgs({
    options: {
      seeds: { type: "string", default: "100" },
      days: { type: "string", default: "1" },
      seed: { type: "string", default: "1" },
      first: { type: "string" },
      rate: { type: "string", default: "0.02" },
      "per-hour": { type: "string", default: "4" },
      shards: { type: "string", default: "1" },
      apart: { type: "boolean", default: false },
      rotate: { type: "string", default: "30" },
      threads: { type: "string", default: String(os.availableParallelism()) }
    }
  })
  const seeds = numberOf("seeds", values.seeds, 1)
  const days = numberOf("days", values.days, 0)
  const first = values.first === undefined ? numberOf("seed", values.seed, 0) : numberOf("first", values.first, 0)
  const rate = numberOf("rate", values.rate, 0)
  const perHour = numberOf("per-hour", values["per-hour"], 0)
  const shards = numberOf("shards", values.shards, 1)
  const rotateEvery = numberOf("rotate", values.rotate, 0)
  const threads = Math.min(seeds, numberOf("threads", values.threads, 1))
  const started = performance.now()
  const total = { botDays: 0, events: 0, streams: 0, faults: 0, reconnects: 0, lost: 0, duplicated: 0, broken: 0 }
  let next = 0
  let finished = 0

  const sumUp = () => {
    const seconds = ((performance.now() - started) / 1000).toFixed(1)
    if (total.broken > 0) process.stdout.write(`${total.broken} of ${seeds} seeds broke a rule\n`)
    process.stdout.write(
      `bot-days ${total.botDays}, events ${total.events}, streams ${total.streams}, faults ${total.faults}, reconnects ${total.reconnects}, ` +
        `lost ${total.lost}, duplicated ${total.duplicated}, seconds ${seconds}\n`
    )
    process.exitCode = total.broken > 0 ? 1 : 0
  }

  const take = ({ invariant, report, text }) => {
    if (report === undefined) {
      total.broken++
      if (invariant === "Lost") total.lost++
      if (invariant === "ReplyTwice" || invariant === "HandledTwice") total.duplicated++
      process.stdout.write(`${text}\n\n`)
      return
    }
    for (const name of ["botDays", "events", "streams", "faults", "reconnects"]) total[name] += report[name]
  }

  for (let thread = 0; thread < threads; thread++) {
    const worker = new Worker(new URL(import.meta.url), {
      workerData: { apart: values.apart, days, perHour, rate, rotateEvery, shards },
      // most of what a simulation makes is soon forgotten: a larger young generation is collected less often
      resourceLimits: { maxYoungGenerationSizeMb: 96 }
    })
    let isBusy = false
    const give = () => {
      isBusy = next < seeds
      if (next < seeds) worker.postMessage(first + next++)
      else void worker.terminate()
    }
    worker.on("message", (result) => {
      take(result)
      finished++
      if (finished === seeds) sumUp()
      give()
    })
    worker.on("error", (error) => {
      process.stderr.write(`${String(error?.stack ?? error)}\n`)
      process.exit(1)
    })
    worker.on("exit", () => {
      if (!isBusy) return
      process.stderr.write("a thread ended before its work was done\n")
      process.exit(1)
    })
    give()
  }
}

if (isMainThread) main()
else await simulateSeeds()
