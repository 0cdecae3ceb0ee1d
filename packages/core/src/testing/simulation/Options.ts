/**
 * What is simulated, and what of it is not said.
 *
 * @since 0.1.0
 */
import type * as BotConfig from "../../BotConfig.ts"
import type { Options as PlatformOptions } from "../model/PlatformModel.ts"
import type { FaultKind } from "./FaultPlan.ts"
import * as FaultPlan from "./FaultPlan.ts"
import type { Handlers } from "./Handlers.ts"

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
  /**
   * Whether each shard runs in a process of its own. These know nothing of each other: they collide when they identify, and
   * the platform refuses all but one of them in 5 s. Default false: one process runs all shards.
   */
  readonly apart?: boolean | undefined
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
  readonly handlers?: Handlers | undefined
  /** Put over the configuration of the bots. */
  readonly bot?: Partial<BotConfig.Options> | undefined
  /** Put over the settings of the platform. */
  readonly platform?: Omit<PlatformOptions, "appId" | "secret" | "journalLimit"> | undefined
  /** Called with every line of the journal as it is written. The report itself has only a digest of them. */
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
  readonly kinds?: ReadonlyArray<FaultKind> | undefined
  /**
   * Minutes between two reconnects that the platform asks for, with op 7 or 4009 in turn, as the real one does about every
   * half hour. 0 for never. Default 30.
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
 * The same with its defaults; times are in milliseconds.
 *
 * @since 0.1.0
 * @category models
 */
export interface Plan {
  readonly seed: number | string
  readonly bots: number
  readonly shards: number
  /** Which shards each process runs. */
  readonly processes: ReadonlyArray<ReadonlyArray<number>>
  /** How long users talk and things go wrong, in days and in milliseconds. */
  readonly days: number
  readonly lasts: number
  readonly rate: number
  readonly kinds: ReturnType<typeof FaultPlan.kindsOf>
  readonly rotateEvery: number
  readonly perHour: number
  readonly users: number
  readonly groups: number
  readonly bursts: number
  readonly streams: number
  readonly work: number
  readonly handlers: Handlers | undefined
  readonly bot: Options["bot"]
  readonly platform: Options["platform"]
}

const minute = 60_000

/**
 * Fills in the defaults.
 *
 * @since 0.1.0
 * @category constructors
 */
export const plan = (options: Options): Plan => {
  const { bot, faults, handlers, platform, seed, traffic } = options
  const shards = options.shards ?? 1
  const all = Array.from({ length: shards }, (_, shard) => shard)
  return {
    seed,
    bots: options.bots ?? 1,
    shards,
    processes: options.apart === true ? all.map((shard) => [shard]) : [all],
    days: options.days ?? 1,
    lasts: (options.days ?? 1) * 24 * 60 * minute,
    rate: faults?.rate ?? 0.02,
    kinds: FaultPlan.kindsOf(faults?.kinds),
    rotateEvery: (faults?.rotateEvery ?? 30) * minute,
    perHour: traffic?.perHour ?? 30,
    users: traffic?.users ?? 3,
    groups: traffic?.groups ?? 2,
    bursts: traffic?.bursts ?? 0.1,
    streams: traffic?.streams ?? 0.2,
    work: traffic?.work ?? 15_000,
    handlers,
    bot,
    platform
  }
}
