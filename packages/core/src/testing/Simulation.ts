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
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Oracle from "./Oracle.ts"
import * as Events from "./simulation/Events.ts"
import * as Options from "./simulation/Options.ts"
import * as RunJournal from "./simulation/RunJournal.ts"
import * as SimulatedBot from "./simulation/SimulatedBot.ts"
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
} from "./simulation/Handlers.ts"

export type {
  /**
   * @since 0.1.0
   * @category models
   */
  FaultKind
} from "./simulation/FaultPlan.ts"

export type {
  /**
   * @since 0.1.0
   * @category models
   */
  FaultOptions,
  /**
   * @since 0.1.0
   * @category models
   */
  Options,
  /**
   * @since 0.1.0
   * @category models
   */
  TrafficOptions
} from "./simulation/Options.ts"

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
  /** Messages that the platform could deliver and the bot did not handle: 0, or there is a violation instead of a report. */
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

const minute = 60_000

/** 1 January 2026, 00:00 UTC. */
const beginning = 1_767_225_600_000

/** All counts of the judges of all processes. */
const sumOf = (tallies: ReadonlyArray<Oracle.Tally>): Oracle.Tally => {
  const total = (of: (tally: Oracle.Tally) => number): number => tallies.reduce((all, one) => all + of(one), 0)
  return {
    events: total(({ events }) => events),
    handled: total(({ handled }) => handled),
    gaps: total(({ gaps }) => gaps),
    repeated: total(({ repeated }) => repeated),
    replies: total(({ replies }) => replies),
    streams: total(({ streams }) => streams),
    unknown: total(({ unknown }) => unknown),
    reconnects: total(({ reconnects }) => reconnects),
    resumes: total(({ resumes }) => resumes),
    identifies: total(({ identifies }) => identifies)
  }
}

/**
 * Runs a simulation to its end. Fails with `SimulationViolation` at the first rule that is broken.
 *
 * @since 0.1.0
 * @category constructors
 */
export const run = (options: Options.Options): Effect.Effect<Report, SimulationError> =>
  Effect.suspend((): Effect.Effect<Report, SimulationError> => {
    const plan = Options.plan(options)
    const { seed } = plan
    const time = VirtualTime.make({ seed: `${seed}`, start: beginning })
    const journal = RunJournal.make(options.onLine)
    const bots: Array<SimulatedBot.SimulatedBot> = []

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

    /** What the first judge finds who finds something. */
    const judge = (find: (oracle: Oracle.Oracle) => Oracle.Finding | undefined): SimulationViolation | undefined => {
      for (const { bot, processes, read } of bots) {
        read()
        for (const { oracle } of processes) {
          const finding = find(oracle)
          if (finding !== undefined) return toViolation(bot, finding)
        }
      }
      return undefined
    }

    const inspect = (now: number): Option.Option<SimulationViolation> =>
      Option.fromNullable(judge((oracle) => oracle.check(now)))

    const life = (bot: number) =>
      Effect.gen(function* () {
        const made = yield* SimulatedBot.make(plan, bot, time.clock, journal.write)
        bots.push(made)
        yield* Events.live(made, plan)
      })

    const program = Effect.gen(function* () {
      const numbers = Array.from({ length: plan.bots }, (_, bot) => bot)
      yield* Effect.forEach(numbers, life, { concurrency: "unbounded", discard: true })
      // what a crashed process was doing ends by itself
      yield* Effect.sleep(minute)
    }).pipe(Effect.scoped)

    const leaks = Effect.suspend(() => {
      const now = time.now()
      const found = judge((oracle) => oracle.finish(now))
      if (found !== undefined) return found
      const leak = (bot: number, detail: string) => toViolation(bot, { invariant: "Leak", detail })
      for (const { bot, runner } of bots) {
        const [thrown] = runner.failures
        if (thrown !== undefined) return leak(bot, `a listener threw: ${String(thrown)}`)
      }
      const fibers = time.fibers()
      if (fibers.length > 1) return leak(0, `${fibers.length - 1} fibers are left`)
      return time.timers() > 0 ? leak(0, `${time.timers()} timers are left`) : Effect.void
    })

    const sum = (of: (bot: SimulatedBot.SimulatedBot) => number): number =>
      bots.reduce((total, bot) => total + of(bot), 0)

    return time.run(Effect.zipRight(program, leaks), inspect).pipe(
      Effect.provide(quiet),
      Effect.map((): Report => ({
        seed,
        botDays: plan.days * bots.length,
        ...sumOf(bots.flatMap(({ processes }) => processes.map(({ oracle }) => oracle.tally()))),
        faults: sum(({ faults }) => faults),
        restarts: sum(({ restarts }) => restarts),
        crashes: sum(({ crashes }) => crashes),
        lost: 0,
        duplicated: 0,
        lines: journal.lines(),
        digest: journal.digest()
      }))
    )
  })

/** What bots log in a year of trouble is not kept. */
const quiet: Layer.Layer<never> = Logger.minimumLogLevel(LogLevel.None)
