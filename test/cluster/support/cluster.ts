/** Runners in processes of their own, on one database, with a platform for each bot in this process. */
import { Sandbox } from "@effect-qq/cli/sandbox"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as ChildProcess from "node:child_process"
import * as Crypto from "node:crypto"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import * as Url from "node:url"
import { assert } from "vitest"
import { eventually, within } from "../../node/support/patience.ts"
import { freePort } from "./postgres.ts"

const script = Path.join(Path.dirname(Url.fileURLToPath(import.meta.url)), "runner.mjs")

/** What a runner prints. */
export interface Line {
  readonly what: string
  readonly port: number
  /** Epoch milliseconds. */
  readonly at: number
  readonly app?: string
  readonly id?: string
  readonly text?: string
  readonly cause?: string
  readonly result?: unknown
  readonly units?: ReadonlyArray<{
    readonly app: string
    readonly shard: number
    readonly state: string
    readonly runner?: string
    readonly isLive: boolean
    readonly skipped?: string
    readonly detail?: string
    readonly epoch: number
  }>
  /** How many cluster shards the runner has. */
  readonly shards?: number
}

export interface Runner {
  readonly port: number
  readonly lines: ReadonlyArray<Line>
  readonly log: () => string
  readonly signal: (signal: NodeJS.Signals) => void
  readonly ask: (order: object) => void
  readonly isAlive: () => boolean
  /** Closes what it writes to: from now on its writes fail. */
  readonly closeLogs: () => void
}

export interface Settings {
  /** Milliseconds until a lock expires. Default 5000. */
  readonly expiration?: number
  readonly locks?: "advisory" | "table"
  /** Milliseconds that each message takes to be handled. */
  readonly handleFor?: number
  /** Milliseconds of the first quarantine. */
  readonly quarantine?: number
  /** Unclean ends that put a bot aside. Default 3. */
  readonly quarantineAfter?: number
  readonly policy?: object
  /** The URL of the database, instead of that of the others. */
  readonly url?: string
  /** The name of the cluster. */
  readonly name?: string
  /** The moment at which it kills itself. */
  readonly killAt?: string
  /** Milliseconds by which its wall clock is wrong. */
  readonly clockOffset?: number
  /** Logs as a program does that sets no logger. */
  readonly plainLogs?: boolean
  /** Prints no lines of its own: nothing of it can be read. */
  readonly isMute?: boolean
  /** Commands of a shell that becomes the runner. */
  readonly shell?: string
}

export interface BotOptions {
  /** What the list says, instead of the right one. */
  readonly secret?: string
  readonly shards?: number
  readonly platform?: Sandbox.Options["platform"]
}

export interface Cluster {
  readonly bots: ReadonlyArray<Sandbox.SandboxShape>
  readonly runners: Array<Runner>
  readonly startRunner: (settings?: Settings) => Effect.Effect<Runner, never, Scope.Scope>
  readonly addBot: (options?: BotOptions) => Effect.Effect<Sandbox.SandboxShape, never, Scope.Scope>
  readonly removeBot: (app: string) => void
  readonly changeBot: (app: string, change: object) => void
  /** What the runners printed, for who wants to know why. */
  readonly story: () => string
  /** Waits until all bots are connected, once each. */
  readonly allReady: Effect.Effect<void>
}

let nextApp = 1_910_000_000

/** How many shards of a bot are online: Ready on a socket that is open. */
export const online = ({ model }: Sandbox.SandboxShape): number => {
  const open = new Set<number>()
  const ready = new Set<number>()
  for (const entry of model.journal) {
    if (entry.kind === "Opened") open.add(entry.connection)
    if (entry.kind === "Closed") open.delete(entry.connection)
    if (entry.kind === "Sent" && (entry.t === "READY" || entry.t === "RESUMED")) ready.add(entry.connection)
  }
  return [...open].filter((connection) => ready.has(connection)).length
}

/** Whether the bot of a platform is online. */
export const isOnline = (bot: Sandbox.SandboxShape): boolean => online(bot) > 0

/** How connections of a bot began. */
export const introductions = ({ model }: Sandbox.SandboxShape) => {
  const ops = model.journal.flatMap((entry) => (entry.kind === "Received" ? [entry.op] : []))
  return { identifies: ops.filter((op) => op === 2).length, resumes: ops.filter((op) => op === 6).length }
}

export const make = (url: string): Effect.Effect<Cluster, never, Scope.Scope> =>
  Effect.gen(function* () {
    const folder = yield* Effect.acquireRelease(
      Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-qq-cluster-"))),
      (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true, force: true }))
    )
    const list = Path.join(folder, "bots.json")
    const bots: Array<Sandbox.SandboxShape> = []
    const entries = new Map<string, object>()
    const runners: Array<Runner> = []
    const write = (): void => {
      // in one step, for it is read at any moment
      Fs.writeFileSync(`${list}.new`, JSON.stringify([...entries.values()]))
      Fs.renameSync(`${list}.new`, list)
    }
    write()

    const story = (): string =>
      [
        ...runners.flatMap((runner) => [`--- ${runner.port}`, runner.log().slice(-6000)]),
        ...bots.flatMap((bot) => [
          `--- ${bot.appId}`,
          ...bot.model.journal.slice(-25).map((entry) => JSON.stringify(entry))
        ])
      ].join("\n")

    const startRunner: Cluster["startRunner"] = (settings = {}) =>
      Effect.gen(function* () {
        const port = yield* Effect.promise(() => freePort())
        const options = { expiration: 5000, locks: "advisory", url, ...settings, bots: list, port }
        const { child, state } = yield* Effect.acquireRelease(
          Effect.sync(() => {
            const [command, words] =
              settings.shell === undefined
                ? [process.execPath, [script]]
                : ["/bin/sh", ["-c", `${settings.shell}; exec "${process.execPath}" "${script}"`]]
            const child = ChildProcess.spawn(command, words, {
              env: { PATH: process.env["PATH"] ?? "", TEST_RUNNER: JSON.stringify(options) },
              stdio: ["pipe", "pipe", "pipe"]
            })
            const state = { lines: [] as Array<Line>, log: "", rest: "", isAlive: true }
            child.stdout.setEncoding("utf8").on("data", (text: string) => {
              const parts = (state.rest + text).split("\n")
              state.rest = parts.pop() ?? ""
              for (const part of parts) {
                // what is no line of the script's own is the runtime's
                if (part.startsWith("{")) state.lines.push(JSON.parse(part) as Line)
                else state.log += `${part}\n`
              }
            })
            child.stderr.setEncoding("utf8").on("data", (text: string) => {
              state.log += text
            })
            child.stdin.on("error", () => {})
            child.on("exit", (code, signal) => {
              state.isAlive = false
              state.log += `ended: ${code ?? signal}\n`
            })
            return { child, state }
          }),
          ({ child, state }) =>
            Effect.sync(() => {
              if (!state.isAlive) return
              child.kill("SIGCONT")
              child.kill("SIGKILL")
            })
        )
        const runner: Runner = {
          port,
          lines: state.lines,
          log: () => state.log,
          signal: (signal) => void child.kill(signal),
          ask: (order) => void child.stdin.write(`${JSON.stringify(order)}\n`),
          isAlive: () => state.isAlive,
          closeLogs: () => {
            child.stdout.destroy()
            child.stderr.destroy()
          }
        }
        runners.push(runner)
        yield* eventually(
          "the start of a runner",
          () => !state.isAlive || settings.isMute === true || state.lines.some(({ what }) => what === "started"),
          story,
          "40 seconds"
        )
        return runner
      })

    return {
      bots,
      runners,
      story,
      startRunner,
      addBot: (options) =>
        Effect.gen(function* () {
          const app = String(nextApp++)
          const bot = yield* Effect.orDie(
            Sandbox.make({
              port: 0,
              appId: app,
              secret: Redacted.make(`secret of ${app}`),
              platform: { heartbeatInterval: 2000, heartbeatTolerance: 20, ...options?.platform }
            })
          )
          bots.push(bot)
          entries.set(app, {
            appId: app,
            secret: options?.secret ?? `secret of ${app}`,
            hosts: { api: bot.apiUrl, token: bot.tokenUrl },
            shards: options?.shards
          })
          write()
          return bot
        }),
      changeBot: (app, change) => {
        entries.set(app, { ...entries.get(app), ...change })
        write()
      },
      removeBot: (app) => {
        entries.delete(app)
        write()
      },
      allReady: Effect.suspend(() => eventually("every bot online", () => bots.every(isOnline), story, "40 seconds"))
    }
  })

export interface Said {
  readonly bot: Sandbox.SandboxShape
  readonly id: string
  readonly text: string
}

/**
 * Users who talk to every bot until they are told to stop. With a `backlog` they also wait while about as many messages are
 * not answered yet: what a slow machine has not handled must be handled before the test ends.
 */
export const chatter = (
  cluster: Cluster,
  every: number,
  backlog = Number.POSITIVE_INFINITY
): Effect.Effect<{ readonly said: ReadonlyArray<Said>; readonly stop: Effect.Effect<void> }, never, Scope.Scope> =>
  Effect.gen(function* () {
    const said: Array<Said> = []
    let going = true
    let count = 0
    yield* Effect.suspend(() => {
      const answers = cluster.bots.reduce((all, { model }) => all + model.sent.length, 0)
      if (!going || said.length - answers >= backlog) return Effect.void
      const bot = cluster.bots[count % cluster.bots.length]
      const text = `m${count++}`
      return bot === undefined
        ? Effect.void
        : Effect.map(bot.say({ scene: "c2c", user: `u${count % 3}`, text }), (id) => void said.push({ bot, id, text }))
    }).pipe(Effect.repeat(Schedule.spaced(every)), Effect.forkScoped)
    return {
      said,
      stop: Effect.sync(() => {
        going = false
      })
    }
  })

/** How often each message was answered, by its bot and its id. */
const answersOf = (cluster: Cluster): ReadonlyMap<string, number> => {
  const answers = new Map<string, number>()
  for (const { appId, model } of cluster.bots) {
    for (const { msgId } of model.sent) {
      const name = `${appId} ${msgId}`
      answers.set(name, (answers.get(name) ?? 0) + 1)
    }
  }
  return answers
}

const nameOf = ({ bot, id }: Said): string => `${bot.appId} ${id}`

/** Nothing was lost and nothing is visible twice, as the platform saw it. */
export const answeredOnce = (cluster: Cluster, said: ReadonlyArray<Said>): Effect.Effect<void> =>
  Effect.gen(function* () {
    const unanswered = (): ReadonlyArray<Said> => {
      const answers = answersOf(cluster)
      return said.filter((each) => !answers.has(nameOf(each)))
    }
    yield* eventually(
      "an answer to every message",
      () => unanswered().length === 0,
      () =>
        `${unanswered()
          .map(({ bot, text }) => `${bot.appId} ${text}`)
          .join(", ")}\n${cluster.story()}`,
      "90 seconds"
    )
    const answers = answersOf(cluster)
    const twice = said.filter((each) => (answers.get(nameOf(each)) ?? 0) > 1)
    assert.deepStrictEqual(
      twice.map(({ text }) => text),
      [],
      "visible twice"
    )
  })

/** What the handlers of a runner were given. */
export const handles = (runner: Runner): ReadonlyArray<Line> => runner.lines.filter(({ what }) => what === "handles")

export { eventually, within }

/** A cluster with so many runners and bots, all online. */
export const started = (
  url: string,
  runners: number,
  bots: number,
  settings: Settings = {}
): Effect.Effect<Cluster, never, Scope.Scope> =>
  Effect.gen(function* () {
    const cluster = yield* make(url)
    for (let count = 0; count < bots; count++) yield* cluster.addBot()
    yield* Effect.forEach(Array.from({ length: runners }), () => cluster.startRunner(settings), {
      concurrency: "unbounded",
      discard: true
    })
    yield* cluster.allReady
    return cluster
  })

/** Identifies of all bots. */
export const identifies = ({ bots }: Cluster): number =>
  bots.reduce((all, bot) => all + introductions(bot).identifies, 0)

/** Asks a runner how all units are, until they are so. */
export const statusUntil = (
  cluster: Cluster,
  runner: Runner,
  what: string,
  isSo: (units: NonNullable<Line["units"]>) => boolean
): Effect.Effect<NonNullable<Line["units"]>> =>
  Effect.gen(function* () {
    // what the runner answered to an earlier question is not how things are now
    const id = Crypto.randomUUID()
    const ask = Effect.sync(() => runner.ask({ do: "status", id }))
    const last = (): NonNullable<Line["units"]> =>
      runner.lines.findLast((line) => line.what === "status" && line.id === id)?.units ?? []
    yield* Effect.raceFirst(
      Effect.repeat(ask, Schedule.spaced("100 millis")),
      eventually(
        what,
        () => isSo(last()),
        () => `${JSON.stringify(last(), undefined, 1)}\n${cluster.story()}`,
        "40 seconds"
      )
    )
    return last()
  })

/** The number of cluster shards that the runners share. */
const shards = 30

/** Waits until every runner has its share of the cluster shards: no bot moves any more by itself. */
export const balanced = (cluster: Cluster): Effect.Effect<void> => {
  const runners = cluster.runners.filter((runner) => runner.isAlive())
  const shares = (): ReadonlyArray<number> =>
    runners.map((runner) => runner.lines.findLast(({ what }) => what === "status")?.shards ?? 0)
  return Effect.raceFirst(
    Effect.forever(
      Effect.delay(
        Effect.sync(() => {
          for (const runner of runners) runner.ask({ do: "status" })
        }),
        "100 millis"
      )
    ),
    eventually(
      "every runner to have its share",
      () => shares().every((share) => share > 0) && shares().reduce((all, share) => all + share, 0) === shards,
      () => `${shares().join(", ")}\n${cluster.story()}`,
      "40 seconds"
    )
  )
}
