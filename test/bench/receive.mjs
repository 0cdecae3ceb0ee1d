/**
 * A flood of dispatches through the whole library: from the socket to a handler that runs one effect, decoded, deduplicated
 * and settled when the clock stops, against a bare `ws` client that calls `JSON.parse`. `replies`: the handler replies, and
 * the clock stops when the last reply was accepted; the bare client then sends its replies with bare undici.
 *
 * Every contender has a process of its own, so that its processor time and its peak of memory are its own.
 */
import { fork } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import * as undici from "undici"
import { WebSocket } from "ws"
import {
  agentOptions,
  bareSocketOptions,
  compare,
  feederAt,
  options,
  replyHeaders,
  replyText,
  report,
  startFeeder,
  stopwatch
} from "./support.mjs"

const targets = { ratio: 0.5, processor: 2.3, memory: 150 }

/** What is sent, and what is done about it; the first row of a stage is its main one. */
const stages = {
  dispatch: [
    { name: "known type, 100 conversations", flavour: "known", conversations: 100, targets },
    { name: "known type, 1 conversation", flavour: "known", conversations: 1 },
    { name: "known type, 10 000 conversations", flavour: "known", conversations: 10_000 },
    { name: "unknown type, 100 conversations", flavour: "unknown", conversations: 100, targets }
  ],
  replies: [
    { name: "socket to accepted reply, 100 conversations", flavour: "known", conversations: 100, replies: true }
  ]
}

const counts = { dispatch: 60_000, replies: 3000 }

const concurrency = 64

const floodOf = ({ conversations, flavour }) => ({
  flavour,
  conversations,
  count: options.count ?? counts[options.stage]
})

/** A bare client that calls `handle` with each dispatch; `finish` completes once all of that is done. */
const bare = (feeder, flood, makeHandler) => async () => {
  let seen = 0
  let sum = 0
  let stop
  const { finish, handle } = makeHandler()
  const socket = new WebSocket(`ws://127.0.0.1:${feeder.port}/websocket`, bareSocketOptions)
  const done = new Promise((resolve, reject) => {
    socket.on("error", reject)
    socket.on("message", (data) => {
      const frame = JSON.parse(data.toString())
      if (frame.op === 10) return socket.send(JSON.stringify({ op: 2, d: { token: "", intents: 0, shard: [0, 1] } }))
      if (frame.t === "READY") {
        stop = stopwatch()
        return feeder.flood(flood)
      }
      sum += frame.s
      handle(frame)
      if (++seen === flood.count) resolve()
    })
  })
  await done
  await finish()
  const measured = stop()
  if (sum !== (flood.count * (flood.count + 3)) / 2) throw new Error("the bare client missed frames")
  socket.close()
  await once(socket, "close")
  return measured
}

const nothing = () => ({ handle: () => undefined, finish: () => undefined })

/** Replies as the library's workers do, 64 at a time. */
const bareReplies = (feeder) => {
  const agent = new undici.Agent(agentOptions)
  return () => {
    const waiting = []
    const running = new Set()
    const reply = async ({ d: { author, id } }) => {
      const { body, statusCode } = await undici.request(
        `http://127.0.0.1:${feeder.port}/v2/users/${author.user_openid}/messages`,
        {
          dispatcher: agent,
          method: "POST",
          headers: replyHeaders("QQBot bench-access-token-0123456789abcdef"),
          body: JSON.stringify({ msg_type: 0, content: replyText, msg_id: id, msg_seq: 1 })
        }
      )
      const answer = JSON.parse(await body.text())
      if (statusCode !== 200 || typeof answer.id !== "string") throw new Error("a reply was refused")
    }
    const begin = () => {
      while (running.size < concurrency && waiting.length > 0) {
        const one = reply(waiting.shift()).then(() => {
          running.delete(one)
          begin()
        })
        running.add(one)
      }
    }
    return {
      handle: (frame) => {
        waiting.push(frame)
        begin()
      },
      finish: async () => {
        while (running.size > 0) await Promise.all(running)
      }
    }
  }
}

const contenderOf = async (feeder, { name, replies }, flood) => {
  if (name === "bare") return bare(feeder, flood, replies ? bareReplies(feeder) : nothing)
  // a bare client does not load the library
  const { library } = await import("./library.mjs")
  return library(feeder, flood, replies)
}

/** This process is one contender: it runs whenever it is asked to. */
const contend = async ({ flood, name, port, replies }) => {
  const run = await contenderOf(
    feederAt(port, (command) => process.send(command)),
    { name, replies },
    flood
  )
  process.on("message", async () => {
    const measured = await run()
    process.send({ measured, memory: process.resourceUsage().maxRSS * 1024 })
  })
  process.on("disconnect", () => process.exit(0))
  process.send({ ready: true })
}

/** A contender in a process of its own. */
const startContender = async (feeder, contender) => {
  const profiling =
    options.profile === undefined || contender.name === "bare"
      ? []
      : ["--cpu-prof", `--cpu-prof-dir=${options.profile}`]
  const child = fork(
    fileURLToPath(import.meta.url),
    [JSON.stringify({ ...options, contender: { ...contender, port: feeder.port } })],
    { execArgv: ["--expose-gc", ...profiling] }
  )
  await once(child, "message")
  let memory = 0
  return {
    run: () =>
      new Promise((resolve, reject) => {
        const ended = (code) => reject(new Error(`a contender ended with ${code}`))
        const told = (message) => {
          if (message.flood !== undefined) return feeder.flood(message.flood)
          child.off("message", told)
          child.off("exit", ended)
          memory = message.memory
          resolve(message.measured)
        }
        child.on("message", told)
        child.on("exit", ended)
        child.send({ run: true })
      }),
    memory: () => memory,
    stop: async () => {
      const gone = once(child, "exit")
      child.disconnect()
      await gone
    }
  }
}

const coordinate = async () => {
  const feeder = await startFeeder()
  const rows = []
  let frameBytes = 0
  // a profile is of the main row alone
  const wantedRows = stages[options.stage].slice(0, options.profile === undefined ? undefined : 1)
  for (const { name, replies, targets: wanted, ...parameters } of wantedRows) {
    const flood = floodOf(parameters)
    frameBytes = await feeder.prepare(flood)
    const bareClient = await startContender(feeder, { name: "bare", flood, replies })
    const bot = await startContender(feeder, { name: "library", flood, replies })
    const [base, row] = await compare(
      [
        { name: `bare ws, JSON.parse${replies ? ", undici" : ""}: ${name}`, run: bareClient.run },
        { name: `library: ${name}`, run: bot.run, target: wanted?.ratio }
      ],
      flood.count
    )
    rows.push(
      { ...base, memory: bareClient.memory() },
      { ...row, memory: bot.memory(), processorTarget: wanted?.processor, memoryTarget: wanted?.memory }
    )
    await bareClient.stop()
    await bot.stop()
    await feeder.forget(flood)
  }
  await feeder.stop()
  const count = options.count ?? counts[options.stage]
  report({ title: `${count} dispatches of ${Math.round(frameBytes)} bytes`, unit: "event", rows })
}

if (options.contender === undefined) await coordinate()
else await contend(options.contender)
