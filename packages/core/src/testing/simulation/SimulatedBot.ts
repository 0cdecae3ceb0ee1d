/**
 * One bot of a simulation: its platform, its processes, each with a judge of its own, and the journal of the platform, which
 * every judge reads as far as it concerns it.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as MemorySocket from "../MemorySocket.ts"
import type { JournalEntry } from "../model/Journal.ts"
import * as PlatformModel from "../model/PlatformModel.ts"
import * as ModelRunner from "../ModelRunner.ts"
import * as Oracle from "../Oracle.ts"
import * as PlatformClient from "../PlatformClient.ts"
import * as Client from "./Client.ts"
import * as Audience from "./Audience.ts"
import type { Plan } from "./Options.ts"

/**
 * A process with its judge.
 *
 * @since 0.1.0
 * @category models
 */
export interface Process {
  readonly client: Client.Client
  readonly oracle: Oracle.Oracle
}

/**
 * The bot.
 *
 * @since 0.1.0
 * @category models
 */
export interface SimulatedBot {
  /** Counted from 0. */
  readonly bot: number
  readonly runner: ModelRunner.ModelRunnerShape
  readonly processes: readonly [Process, ...ReadonlyArray<Process>]
  /** The process that hears of a shard. */
  readonly processOf: (shard: number) => Process
  /** Hands what is new in the journal of the platform to the judges. */
  readonly read: () => void
  /** How many messages users have said. */
  said: number
  faults: number
  restarts: number
  crashes: number
}

/** Entries that a model keeps: it is read at every step. */
const journalLimit = 16_384

const makeModel = (plan: Plan, bot: number, heartbeatInterval: number): PlatformModel.PlatformModel =>
  PlatformModel.make({
    // quotas are another matter: nothing here waits for one
    proactiveLimit: { perMinute: 1_000_000, perDay: 1_000_000 },
    guildProactiveLimit: { perChannel: 1_000_000, channelsPerGuild: 1_000_000 },
    anchorLimit: 8192,
    // one of the groups lets the bot read everything
    fullGroups: ["g2"],
    ...(plan.processes.length > 1 ? { sessionLimit: { maxConcurrency: 1, refusesPace: true } } : {}),
    ...plan.platform,
    heartbeatInterval,
    appId: String(1_905_000_001 + bot),
    journalLimit
  })

/** What the bot does follows from what crossed the wire before: that is read first. */
const reading = (oracle: Oracle.Oracle, read: () => void): Oracle.Oracle => {
  const first =
    <A extends ReadonlyArray<unknown>>(tell: (...args: A) => void) =>
    (...args: A): void => {
      read()
      tell(...args)
    }
  return {
    ...oracle,
    started: first(oracle.started),
    stopping: first(oracle.stopping),
    stopped: first(oracle.stopped),
    status: first(oracle.status),
    gap: first(oracle.gap),
    stepped: first(oracle.stepped),
    storeTroubled: first(oracle.storeTroubled),
    began: first(oracle.began),
    again: first(oracle.again),
    done: first(oracle.done),
    cut: first(oracle.cut)
  }
}

/**
 * A bot that has not been started.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  plan: Plan,
  bot: number,
  clock: Clock.Clock,
  write: (line: string) => void
): Effect.Effect<SimulatedBot, never, Scope.Scope> =>
  Effect.gen(function* () {
    const heartbeatInterval = plan.platform?.heartbeatInterval ?? 41_250
    const sessionTotal = plan.platform?.sessionLimit?.total ?? 1000
    const model = makeModel(plan, bot, heartbeatInterval)
    const runner = yield* ModelRunner.make(model)
    const construct = yield* Effect.provideService(MemorySocket.make, ModelRunner.ModelRunner, runner)
    const http = PlatformClient.make(runner)
    const audience = Audience.make(plan.processes)
    let seen = 0
    let lastLength = 0

    const read = (): void => {
      const entries = model.journal
      const { length } = entries
      // it forgets an eighth at a time, and never as much in one step as goes unread
      const start = length < lastLength ? seen - model.counters().journalDropped : lastLength
      for (let index = start; index < length; index++) {
        const entry = entries[index]
        if (entry === undefined) continue
        seen++
        write(JSON.stringify(bot === 0 ? entry : { bot, ...entry }))
        hand(entry)
      }
      lastLength = length
    }

    const hand = (entry: JournalEntry): void => {
      const only = audience(entry)
      for (const [index, process] of processes.entries()) {
        if (only === undefined || only === index) process.oracle.entry(entry)
      }
    }

    const processes = plan.processes.map((run, process): Process => {
      const oracle = Oracle.make({
        model,
        interval: heartbeatInterval,
        sessionTotal: Math.floor(sessionTotal / plan.processes.length),
        shards: plan.shards,
        run,
        patience: 10 * (plan.work + 1000) + 6 * 60_000,
        ownHandlers: plan.handlers !== undefined
      })
      const client = Client.make({
        runner,
        construct,
        http,
        oracle: reading(oracle, read),
        clock,
        seed: `${plan.seed}/client/${bot}${process === 0 ? "" : `/${process}`}`,
        shards: plan.shards,
        run,
        bot: plan.bot,
        handlers: plan.handlers
      })
      return { client, oracle }
    })
    const [main = yield* Effect.dieMessage("a bot has a process"), ...others] = processes

    return {
      bot,
      runner,
      processes: [main, ...others],
      processOf: (shard) => processes.find((_, index) => plan.processes[index]?.includes(shard)) ?? main,
      read,
      said: 0,
      faults: 0,
      restarts: 0,
      crashes: 0
    }
  })
