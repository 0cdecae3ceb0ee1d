/**
 * Deterministic simulation: the real gateway, handlers and messenger of a bot on a model of the platform, in virtual time,
 * with users who write, faults drawn from a seed and restarts of the process, judged by an {@link Oracle} at every step.
 *
 * The same seed gives the same journal, byte for byte. Nothing in it uses a promise, a file or a real timer.
 *
 * @example
 * ```ts
 * import { Simulation } from "@effect-qq/core/testing"
 * import { Effect } from "effect"
 *
 * const report = Effect.runSync(Simulation.run({ seed: 1, days: 1 }))
 * report.lost // 0
 * ```
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Utils from "effect/Utils"
import type * as BotConfig from "../BotConfig.ts"
import * as Fault from "./Fault.ts"
import * as MemorySocket from "./MemorySocket.ts"
import type { JournalEntry } from "./model/Journal.ts"
import * as PlatformModel from "./model/PlatformModel.ts"
import * as ModelRunner from "./ModelRunner.ts"
import * as Oracle from "./Oracle.ts"
import * as PlatformClient from "./PlatformClient.ts"
import * as Client from "./simulation/Client.ts"
import * as FaultPlan from "./simulation/FaultPlan.ts"
import * as Script from "./simulation/Script.ts"
import * as VirtualTime from "./VirtualTime.ts"

export type {
  /**
   * @since 0.1.0
   * @category models
   */
  Handlers,
  /**
   * @since 0.1.0
   * @category models
   */
  HandlerServices
} from "./simulation/Client.ts"

export type {
  /**
   * @since 0.1.0
   * @category models
   */
  FaultKind
} from "./simulation/FaultPlan.ts"

/**
 * What is simulated.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly seed: number | string
  /** Virtual days; may be a fraction. Default 1. */
  readonly days?: number | undefined
  /** Bots, each with a platform of its own, all in one process. Default 1. */
  readonly bots?: number | undefined
  /** Shards of each bot. With more than one the bots are in a guild of each, whose channels are talked in too. Default 1. */
  readonly shards?: number | undefined
  readonly faults?: FaultOptions | undefined
  readonly traffic?: TrafficOptions | undefined
  /**
   * The handlers of the bots, a Layer as for `Gateway.run`. Default: one that replies to every message. A user says
   * `#7/1200`: the number of the message, and how many milliseconds the default handler works on it; `#7/1200/stream` asks
   * for a streamed reply.
   *
   * The rules of the gateway and of delivery are judged as ever; of the replies it is judged that no message is answered
   * twice with one text. A defect, an error or a log line of a handler breaks no rule.
   *
   * @example
   * ```ts
   * import { Gateway, Message, Messenger } from "@effect-qq/core"
   * import { Simulation } from "@effect-qq/core/testing"
   *
   * const echo = Gateway.on("C2C_MESSAGE_CREATE", (event) => Messenger.reply(event, Message.text(event.content)))
   *
   * const report = Simulation.run({ seed: 1, days: 1, handlers: echo })
   * ```
   */
  readonly handlers?: Client.Handlers | undefined
  /** Put over the configuration of the bots. */
  readonly bot?: Partial<BotConfig.Options> | undefined
  /** Put over the settings of the platform. */
  readonly platform?: Omit<PlatformModel.Options, "appId" | "secret" | "journalLimit"> | undefined
  /** Told every line of the journal as it is written. The report itself has only a digest of them. */
  readonly onLine?: ((line: string) => void) | undefined
}

/**
 * What goes wrong.
 *
 * @since 0.1.0
 * @category models
 */
export interface FaultOptions {
  /** The chance that something goes wrong within a minute, for each bot. Default 0.02. */
  readonly rate?: number | undefined
  /** Default: all kinds. */
  readonly kinds?: ReadonlyArray<FaultPlan.FaultKind> | undefined
  /**
   * So many minutes after each other the platform asks for a reconnect, with op 7 or 4009 in turn, as the real one does
   * about every half hour. 0 for never. Default 30.
   */
  readonly rotateEvery?: number | undefined
}

/**
 * What users do.
 *
 * @since 0.1.0
 * @category models
 */
export interface TrafficOptions {
  /** Messages in an hour, on average, for each bot. Default 30. */
  readonly perHour?: number | undefined
  /** Private chats. Default 3. */
  readonly users?: number | undefined
  /** Groups. Default 2; the second lets the bot read everything, and what is said to it comes as GROUP_MESSAGE_CREATE only. */
  readonly groups?: number | undefined
  /** The chance that a message comes in a burst of up to ten. Default 0.1. */
  readonly bursts?: number | undefined
  /** The chance that a reply is to be streamed: users see it grow in private chats. Default 0.2. */
  readonly streams?: number | undefined
  /** The longest that a handler works on a message before it replies, in milliseconds. Default 15 000. */
  readonly work?: number | undefined
}

/**
 * What came out.
 *
 * @since 0.1.0
 * @category models
 */
export interface Report extends Oracle.Tally {
  readonly seed: number | string
  readonly botDays: number
  /** Mishaps that were injected. */
  readonly faults: number
  readonly restarts: number
  readonly crashes: number
  /** Messages that the platform could deliver and nobody handled: 0, or there is a violation instead of a report. */
  readonly lost: 0
  /** Replies that users saw twice: 0, as above. */
  readonly duplicated: 0
  /** Lines of the journal. */
  readonly lines: number
  /** A digest of the whole journal: 16 hexadecimal digits. */
  readonly digest: string
}

/**
 * A rule was broken.
 *
 * @since 0.1.0
 * @category errors
 */
export class SimulationViolation extends Schema.TaggedError<SimulationViolation>()("SimulationViolation", {
  seed: Schema.Union(Schema.Number, Schema.String),
  /** Which bot, counted from 0. */
  bot: Schema.Number,
  /** How often time had jumped. */
  step: Schema.Number,
  /** Milliseconds of virtual time. */
  at: Schema.Number,
  invariant: Schema.String,
  detail: Schema.String,
  /** The last 50 lines. */
  journal: Schema.Array(Schema.String)
}) {
  override get message(): string {
    return `seed ${this.seed}, bot ${this.bot}, step ${this.step}, at ${this.at}: ${this.invariant}: ${this.detail}`
  }
  get hint(): string {
    return "run this seed again with onLine to see the whole story"
  }
}

/**
 * Why there is no report.
 *
 * @since 0.1.0
 * @category errors
 */
export type SimulationError = SimulationViolation | VirtualTime.Deadlock | VirtualTime.Livelock

/** How many lines a violation shows. */
const tail = 50

/** Entries that a model keeps: it is read at every step. */
const journalLimit = 16_384

const minute = 60_000

const day = 24 * 60 * minute

/** 1 January 2026, 00:00 UTC. */
const beginning = 1_767_225_600_000

/** How long the end of a simulation waits, in milliseconds, for the bot to be well again and its work to be done. */
const recoveryTime = 20 * minute

interface Written {
  readonly write: (line: string) => void
  readonly lines: () => number
  readonly digest: () => string
  readonly last: () => ReadonlyArray<string>
}

const hex = (value: number): string => (value >>> 0).toString(16).padStart(8, "0")

/** Keeps the last lines and a digest of all: two FNV-1a hashes with different offsets. */
const makeJournal = (onLine: Options["onLine"]): Written => {
  const ring: Array<string> = []
  let lines = 0
  let first = 0x811c9dc5
  let second = 0x050c5d1f
  return {
    write: (line) => {
      ring[lines % tail] = line
      lines++
      onLine?.(line)
      for (let index = 0; index < line.length; index++) {
        const unit = line.charCodeAt(index)
        first = Math.imul(first ^ unit, 0x01000193)
        second = Math.imul(second ^ unit, 0x01000193)
      }
    },
    lines: () => lines,
    digest: () => hex(first) + hex(second ^ lines),
    last: () => [...ring.slice(lines % tail), ...ring.slice(0, lines % tail)].slice(-lines)
  }
}

const diceOf = (seed: string): FaultPlan.Dice => {
  let state = 0x811c9dc5
  for (let index = 0; index < seed.length; index++) state = Math.imul(state ^ seed.charCodeAt(index), 0x01000193)
  const random = new Utils.PCGRandom(state)
  const next = (): number => random.number()
  const between = (least: number, most: number): number => least + Math.floor(next() * (most - least + 1))
  return {
    next,
    between,
    pick: (choices) => choices[between(0, choices.length - 1)] ?? choices[0],
    chance: (probability) => next() < probability
  }
}

/** One bot with everything around it. */
interface Actor {
  readonly bot: number
  readonly runner: ModelRunner.ModelRunnerShape
  readonly oracle: Oracle.Oracle
  readonly client: Client.Client
  /** How much of the model's journal was read. */
  seen: number
  lastLength: number
  /** Messages that users have said. */
  said: number
  faults: number
  restarts: number
  crashes: number
}

/** A guild that this shard hears of, however many shards there are. */
const guildOf = (shard: number): string => String((BigInt(shard) << 22n) + 7n)

const sum = (actors: ReadonlyArray<Actor>, of: (actor: Actor) => number): number =>
  actors.reduce((total, actor) => total + of(actor), 0)

/**
 * Runs a simulation to its end. Fails with `SimulationViolation` at the first rule that is broken.
 *
 * @since 0.1.0
 * @category constructors
 */
export const run = (options: Options): Effect.Effect<Report, SimulationError> =>
  Effect.suspend((): Effect.Effect<Report, SimulationError> => {
    const { seed } = options
    const shards = options.shards ?? 1
    const days = options.days ?? 1
    const rate = options.faults?.rate ?? 0.02
    const kinds = FaultPlan.kindsOf(options.faults?.kinds)
    const rotateEvery = (options.faults?.rotateEvery ?? 30) * minute
    const perHour = options.traffic?.perHour ?? 30
    const users = options.traffic?.users ?? 3
    const groups = options.traffic?.groups ?? 2
    const bursts = options.traffic?.bursts ?? 0.1
    const work = options.traffic?.work ?? 15_000
    const streams = options.traffic?.streams ?? 0.2
    const lasts = days * day
    const time = VirtualTime.make({ seed: `${seed}`, start: beginning })
    const journal = makeJournal(options.onLine)
    const actors: Array<Actor> = []

    const makeActor = (bot: number) =>
      Effect.gen(function* () {
        const heartbeatInterval = options.platform?.heartbeatInterval ?? 41_250
        const model = PlatformModel.make({
          // quotas are another matter: nobody waits for one here
          proactiveLimit: { perMinute: 1_000_000, perDay: 1_000_000 },
          guildProactiveLimit: { perChannel: 1_000_000, channelsPerGuild: 1_000_000 },
          anchorLimit: 8192,
          // one of the groups lets the bot read everything
          fullGroups: ["g2"],
          ...options.platform,
          heartbeatInterval,
          appId: String(1_905_000_001 + bot),
          journalLimit
        })
        const runner = yield* ModelRunner.make(model)
        const construct = yield* Effect.provideService(MemorySocket.make, ModelRunner.ModelRunner, runner)
        const oracle = Oracle.make({
          model,
          interval: heartbeatInterval,
          sessionTotal: options.platform?.sessionLimit?.total ?? 1000,
          shards,
          patience: 10 * (work + 1000) + 6 * minute,
          ownHandlers: options.handlers !== undefined
        })
        // what the bot does follows from what crossed the wire before: that is read first
        const first =
          <A extends ReadonlyArray<unknown>>(tell: (...args: A) => void) =>
          (...args: A): void => {
            read(actor)
            tell(...args)
          }
        const client = Client.make({
          runner,
          construct,
          http: PlatformClient.make(runner),
          oracle: {
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
          },
          clock: time.clock,
          seed: `${seed}/client/${bot}`,
          shards,
          bot: options.bot,
          handlers: options.handlers
        })
        const actor: Actor = {
          bot,
          runner,
          oracle,
          client,
          seen: 0,
          lastLength: 0,
          said: 0,
          faults: 0,
          restarts: 0,
          crashes: 0
        }
        actors.push(actor)
        return actor
      })

    const line = (bot: number, entry: JournalEntry): void => {
      journal.write(JSON.stringify(bot === 0 ? entry : { bot, ...entry }))
    }

    /** Hands what is new in the model's journal to the oracle. */
    const read = (actor: Actor): void => {
      const entries = actor.runner.model.journal
      const { length } = entries
      // it forgets an eighth at a time, and never so much in one step that something goes unread
      const start =
        length < actor.lastLength ? actor.seen - actor.runner.model.counters().journalDropped : actor.lastLength
      for (let index = start; index < length; index++) {
        const entry = entries[index]
        if (entry === undefined) continue
        actor.seen++
        line(actor.bot, entry)
        actor.oracle.entry(entry)
      }
      actor.lastLength = length
    }

    const toViolation = (bot: number, { detail, invariant }: Oracle.Finding): SimulationViolation =>
      new SimulationViolation({
        seed,
        bot,
        step: time.jumps(),
        at: time.now(),
        invariant,
        detail,
        journal: journal.last()
      })

    const inspect = (now: number): Option.Option<SimulationViolation> => {
      for (const actor of actors) {
        read(actor)
        const finding = actor.oracle.check(now)
        if (finding !== undefined) return Option.some(toViolation(actor.bot, finding))
      }
      return Option.none()
    }

    const say = (actor: Actor, dice: FaultPlan.Dice) =>
      Effect.gen(function* () {
        const guilds = shards > 1 ? shards : 0
        const place = dice.between(1, users + groups + guilds)
        const ask: Script.Ask = {
          number: ++actor.said,
          work: dice.chance(0.5) ? 0 : dice.between(1, work),
          isStreamed: dice.chance(streams)
        }
        const text = Script.say(ask)
        const now = yield* Clock.currentTimeMillis
        // told first: the model may dispatch at once
        if (place > users + groups) {
          const index = place - users - groups - 1
          const channel = `channel${index}`
          actor.oracle.said(now, ask, channel, `${index}/${shards}`)
          return yield* actor.runner.say({ scene: "channel", guild: guildOf(index), channel, user: "m1", text })
        }
        const conversation = place <= users ? `u${place}` : `g${place - users}`
        actor.oracle.said(now, ask, conversation, `0/${shards}`)
        return yield* actor.runner.say(
          place <= users
            ? { scene: "c2c", user: conversation, text }
            : { scene: "group", group: conversation, member: `m${dice.between(1, 3)}`, text, at: true }
        )
      })

    const traffic = (actor: Actor) =>
      Effect.gen(function* () {
        if (perHour <= 0) return yield* Effect.never
        const dice = diceOf(`${seed}/traffic/${actor.bot}`)
        for (;;) {
          const gap = (-Math.log(1 - dice.next()) * 60 * minute) / perHour
          yield* Effect.sleep(Math.ceil(gap))
          const several = dice.chance(bursts) ? dice.between(2, 10) : 1
          for (let count = 0; count < several; count++) yield* say(actor, dice)
        }
      })

    const askForStream = (actor: Actor, work: number) =>
      Effect.gen(function* () {
        const ask: Script.Ask = { number: ++actor.said, work, isStreamed: true }
        actor.oracle.said(yield* Clock.currentTimeMillis, ask, "u1", `0/${shards}`)
        yield* actor.runner.say({ scene: "c2c", user: "u1", text: Script.say(ask) })
      })

    /** The platform asks every living connection to come back, as it does all day. */
    const rotate = (actor: Actor) =>
      Effect.gen(function* () {
        if (rotateEvery <= 0) return yield* Effect.never
        for (let round = 0; ; round++) {
          yield* Effect.sleep(rotateEvery)
          yield* actor.runner.inject(round % 2 === 0 ? Fault.reconnect() : Fault.close(4009))
        }
      })

    const befall = (actor: Actor, mishap: FaultPlan.Mishap) =>
      Effect.gen(function* () {
        actor.faults++
        if (mishap.stream !== undefined) {
          yield* askForStream(actor, mishap.stream.work)
          yield* Effect.sleep(mishap.stream.after)
        }
        if (mishap.store !== undefined) actor.client.trouble(mishap.store)
        if (mishap.process !== undefined) {
          const { _tag, away } = mishap.process
          if (mishap.store !== undefined) yield* Effect.sleep(mishap.lasts)
          if (_tag === "Crash") actor.crashes++
          else actor.restarts++
          yield* _tag === "Crash" ? actor.client.crash : actor.client.stop
          yield* Effect.sleep(away)
          yield* actor.client.start
          if (mishap.store === undefined) return
          yield* Effect.sleep(mishap.lasts)
          return actor.client.trouble(undefined)
        }
        if (mishap.store !== undefined) {
          yield* Effect.sleep(mishap.lasts)
          return actor.client.trouble(undefined)
        }
        actor.oracle.troubled((yield* Clock.currentTimeMillis) + mishap.lasts)
        const [first, last] = mishap.steps
        actor.client.step(first)
        yield* Effect.forEach(mishap.faults, actor.runner.inject, { discard: true })
        yield* Effect.sleep(mishap.lasts)
        yield* Effect.forEach(mishap.ends, actor.runner.inject, { discard: true })
        yield* actor.runner.inject(Fault.clear)
        actor.client.step(last)
      })

    const faults = (actor: Actor) =>
      Effect.gen(function* () {
        if (rate <= 0) return yield* Effect.never
        const dice = diceOf(`${seed}/faults/${actor.bot}`)
        for (;;) {
          const gap = (-Math.log(1 - dice.next()) * minute) / rate
          yield* Effect.sleep(Math.ceil(gap))
          yield* befall(actor, FaultPlan.draw(dice, kinds))
        }
      })

    /** A timer of more than 24 days never rings. */
    const pass = (left: number): Effect.Effect<void> =>
      left <= day
        ? Effect.sleep(left)
        : Effect.zipRight(
            Effect.sleep(day),
            Effect.suspend(() => pass(left - day))
          )

    /** One bot's whole life: online, in trouble for as long as it takes, then left alone until it is well again. */
    const live = (actor: Actor) =>
      Effect.gen(function* () {
        yield* actor.client.start
        const busy = Effect.all([traffic(actor), rotate(actor), faults(actor)], { concurrency: "unbounded" })
        yield* Effect.raceFirst(busy, pass(lasts))
        yield* actor.runner.inject(Fault.clear)
        actor.client.trouble(undefined)
        yield* actor.client.start
        yield* Effect.sleep(recoveryTime)
        yield* Effect.sync(() => read(actor))
        yield* actor.client.stop
      })

    const program = Effect.gen(function* () {
      yield* Effect.forEach(
        Array.from({ length: options.bots ?? 1 }, (_, bot) => bot),
        (bot) => Effect.flatMap(makeActor(bot), live),
        { concurrency: "unbounded", discard: true }
      )
      // what a crashed process was doing ends by itself
      yield* Effect.sleep(minute)
    }).pipe(Effect.scoped)

    const leaks = Effect.suspend(() => {
      const now = time.now()
      for (const actor of actors) {
        read(actor)
        const finding = actor.oracle.finish(now)
        if (finding !== undefined) return toViolation(actor.bot, finding)
        const [thrown] = actor.runner.failures
        if (thrown !== undefined) {
          return toViolation(actor.bot, { invariant: "Leak", detail: `a listener threw: ${String(thrown)}` })
        }
      }
      const fibers = time.fibers()
      if (fibers.length > 1) {
        return toViolation(0, { invariant: "Leak", detail: `${fibers.length - 1} fibers are left` })
      }
      return time.timers() > 0
        ? toViolation(0, { invariant: "Leak", detail: `${time.timers()} timers are left` })
        : Effect.void
    })

    return time.run(Effect.zipRight(program, leaks), inspect).pipe(
      Effect.provide(quiet),
      Effect.map((): Report => {
        const tallies = actors.map(({ oracle }) => oracle.tally())
        const total = (of: (tally: Oracle.Tally) => number): number => tallies.reduce((all, one) => all + of(one), 0)
        return {
          seed,
          botDays: days * actors.length,
          events: total(({ events }) => events),
          handled: total(({ handled }) => handled),
          gaps: total(({ gaps }) => gaps),
          repeated: total(({ repeated }) => repeated),
          replies: total(({ replies }) => replies),
          streams: total(({ streams }) => streams),
          unknown: total(({ unknown }) => unknown),
          reconnects: total(({ reconnects }) => reconnects),
          resumes: total(({ resumes }) => resumes),
          identifies: total(({ identifies }) => identifies),
          faults: sum(actors, (actor) => actor.faults),
          restarts: sum(actors, (actor) => actor.restarts),
          crashes: sum(actors, (actor) => actor.crashes),
          lost: 0,
          duplicated: 0,
          lines: journal.lines(),
          digest: journal.digest()
        }
      })
    )
  })

/** What a bot logs in a year of trouble is for nobody. */
const quiet: Layer.Layer<never> = Logger.minimumLogLevel(LogLevel.None)
