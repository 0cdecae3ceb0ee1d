/** What the stages share: their options, the feeder, a bot, clocks and medians. */
import { fork } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"

/** The options of a stage, as `main.mjs` passes them. */
export const options = JSON.parse(process.argv[2] ?? "{}")

/** Starts a feeder; it ends with this process. */
export const startFeeder = async () => {
  const child = fork(fileURLToPath(new URL("feeder.mjs", import.meta.url)), { execArgv: [] })
  child.on("exit", (code) => {
    if (code !== null && code !== 0) throw new Error(`the feeder ended with ${code}`)
  })
  const [{ port }] = await once(child, "message")
  return {
    port,
    /** Bytes of one frame. */
    prepare: async (flood) => {
      child.send({ prepare: flood })
      const [{ prepared }] = await once(child, "message")
      return prepared
    },
    flood: (flood) => child.send({ flood }),
    forget: (flood) => child.send({ forget: flood }),
    stop: async () => {
      const gone = once(child, "exit")
      child.disconnect()
      await gone
    }
  }
}

/** The feeder as a contender sees it: `send` passes on what it is told. */
export const feederAt = (port, send) => ({ port, flood: (flood) => send({ flood }) })

/** How the sockets of the bare client are made: as the library makes its own. */
export const bareSocketOptions = { perMessageDeflate: false, maxPayload: 8 * 1024 * 1024 }

/** How bare undici sends: as the library does. */
export const agentOptions = {
  connections: 128,
  connect: { timeout: 10_000, rejectUnauthorized: true },
  headersTimeout: 120_000,
  bodyTimeout: 120_000
}

export const replyText = "你好，收到了。明天有小雨，记得带伞。"

export const replyHeaders = (authorization) => ({
  accept: "application/json",
  "x-union-appid": "1024",
  authorization,
  "content-type": "application/json; charset=utf-8"
})

/** Begins a measurement; the answer, asked at its end, gives microseconds of wall clock and of processor. */
export const stopwatch = () => {
  globalThis.gc?.()
  const processor = process.cpuUsage()
  const start = performance.now()
  return () => {
    const wall = (performance.now() - start) * 1000
    const { system, user } = process.cpuUsage(processor)
    return { wall, processor: system + user }
  }
}

/** The middle one of some numbers. */
export const median = (numbers) => {
  const sorted = [...numbers].toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/**
 * Runs contenders in turns, `rounds` times after a first round that is not counted. A contender is measured in
 * microseconds; the first one is what the others are compared with.
 */
export const compare = async (contenders, count) => {
  const measured = new Map(contenders.map(({ name }) => [name, []]))
  for (let round = -1; round < options.rounds; round++) {
    for (const { name, run } of contenders) {
      const one = await run()
      if (round >= 0) measured.get(name).push(one)
    }
  }
  const base = measured.get(contenders[0].name)
  return contenders.map(({ name, target }) => {
    const rows = measured.get(name)
    const each = median(rows.map(({ wall }) => wall)) / count
    return {
      name,
      rate: 1e6 / each,
      each,
      processor: median(rows.map(({ processor }) => processor)) / count,
      // each round has its own ratio: what else the machine does then weighs on both sides of it
      ratio: median(rows.map(({ wall }, index) => base[index].wall / wall)),
      processorRatio: median(rows.map(({ processor }, index) => processor / base[index].processor)),
      target
    }
  })
}

/** Hands the outcome to `main.mjs` and ends this process. */
export const report = (outcome) => {
  process.send(outcome, () => process.disconnect())
}
